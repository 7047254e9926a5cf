package terms

import (
	"time"

	"github.com/concord-trust/concord/standard"
)

// Column decides one field for many reports of the same contributor's terms at
// once: element i is the grant under which the recipient may receive a
// statement of the field, held in this form, of a report that was received at
// received[i], at the moment now; nil: in this form it is withheld. It is what
// [Granted.Allows] returns for each of them. Behind the incident of report i
// stand groups[i] owner groups; with nil groups, none is known to do.
//
// Reports of one phase share a decision, so that a report costs little more
// than finding its phase by its receipt. The grants must not be changed.
func (t Table) Column(path string, form standard.Form, now time.Time, received []time.Time, groups []int) []*Grant {
	grants := make([]*Grant, len(received))
	c := t.t.column(path)
	if c == nil {
		return grants
	}
	d := deciding{c: c, rules: t.t.rules, form: form, ages: len(c.ages) + 2,
		known: make([]*Grant, (len(c.ages)+2)*(len(c.groups)+1)), done: make([]bool, (len(c.ages)+2)*(len(c.groups)+1))}
	for _, age := range c.ages {
		d.since = append(d.since, now.Add(-age))
	}
	if len(c.groups) == 0 {
		groups = nil // none matters
	}
	m := Moment{Now: now}
	for i := range received {
		m.Received = received[i]
		if groups != nil {
			m.Groups = groups[i]
		}
		grants[i] = d.decide(m)
	}
	return grants
}

// deciding remembers the decision of each phase. The moment of the answer is
// the same for all.
type deciding struct {
	c     *column
	rules *Rules
	form  standard.Form
	// since are the receipts from which on, backwards, an age lies behind: the
	// youngest first.
	since []time.Time
	ages  int
	known []*Grant
	done  []bool
}

func (d *deciding) decide(m Moment) *Grant {
	k := 0 // not received, or not asked at any time
	if !m.Received.IsZero() && !m.Now.IsZero() {
		k = 1 + d.behind(m.Received)
	}
	if len(d.c.groups) > 0 {
		k += d.ages * behind(d.c.groups, m.Groups, atMostAs)
	}
	if !d.done[k] {
		d.known[k], d.done[k] = d.c.allowing(d.rules.std, d.c.at(d.rules, m), d.form), true
	}
	return d.known[k]
}

// behind counts the ages that lie behind for a report. It is the one loop that
// runs for each of them.
func (d *deciding) behind(received time.Time) int {
	n, high := 0, len(d.since)
	for n < high {
		if mid := int(uint(n+high) / 2); !d.since[mid].Before(received) {
			n = mid + 1
		} else {
			high = mid
		}
	}
	return n
}
