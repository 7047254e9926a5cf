package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// grant is a grant of a field with the time in which it holds.
type grant struct {
	form    standard.Form
	after   time.Duration
	from    time.Time
	until   time.Time // zero: without end
	groups  int
	clauses []string
}

func (t *table) grant(g terms.Grant) grant {
	return grant{form: g.Form, after: time.Duration(g.After), from: g.From.Start(), until: g.Until, groups: g.Groups, clauses: g.Clauses}
}

// age is how old a report is on a day when it is still useful: as the request
// says, or as old as one received on the first day, that of the outcome.
func (t *table) age(on Day) time.Duration {
	if t.req.Delay != 0 {
		return time.Duration(t.req.Delay)
	}
	return on.t.Sub(t.at.t)
}

// holds reports whether a grant counts on a day but for its delay: at the
// first second of the day it has begun and not ended. How long copies may be
// kept does not matter, since what is received in time is received.
func (t *table) holds(g grant, on Day) bool {
	return !on.t.Before(g.from) && (g.until.IsZero() || on.t.Before(g.until)) && g.groups <= max(1, t.req.Groups)
}

// counts reports whether a grant counts on a day.
func (t *table) counts(g grant, on Day) bool { return g.after <= t.age(on) && t.holds(g, on) }

// inTime are the grants of a cell that count by the date wanted but for their
// delays.
func (t *table) inTime(c *cell) []grant {
	return slices.DeleteFunc(slices.Clone(c.grants), func(g grant) bool { return !t.holds(g, t.by()) })
}

// moment is when a report of that age is asked for on a day.
func (t *table) moment(on Day) terms.Moment {
	return terms.Moment{Received: on.t.Add(-t.age(on)), Now: on.t, Groups: max(1, t.req.Groups)}
}

// because says why a clause misses. One that begins too long after receipt is
// said to, with what would be useful.
func (t *table) because(c terms.Clause, m terms.Miss) string {
	if useful := t.age(t.by()); time.Duration(c.After) > useful && c.From.Start().Compare(t.by().t) <= 0 && strings.HasPrefix(m.Because, "it grants from ") {
		wait := "it is wanted at once"
		if useful > 0 {
			wait = fmt.Sprintf("it is useful for %s", days(useful))
		}
		return fmt.Sprintf("only %s after receipt, and %s", days(time.Duration(c.After)), wait)
	}
	return m.Because
}

func days(d time.Duration) string {
	if hours := int(d / time.Hour); hours%24 != 0 {
		return fmt.Sprintf("%d hours", hours)
	}
	if n := int(d / (24 * time.Hour)); n != 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "1 day"
}

// ceilDay is the first day that begins at a moment or after it.
func ceilDay(at time.Time) Day {
	d := DayOf(at)
	if d.t.Before(at) {
		return d.next()
	}
	return d
}

// course is what flows in time: on the first day, and by how much more or less
// on later ones.
type course struct {
	now     int64
	changes map[Day]int64
}

func (c *course) add(o course) {
	c.now += o.now
	if c.changes == nil {
		c.changes = map[Day]int64{}
	}
	for d, n := range o.changes {
		c.changes[d] += n
	}
}

// course follows what flows of field k.
func (t *table) course(k int) course {
	c := course{changes: map[Day]int64{}}
	for i := range t.rows {
		r := &t.rows[i]
		if !r.cells[k].exists {
			continue
		}
		flows := t.flows(r, k, t.at)
		if flows {
			c.now += r.weight
		}
		for _, d := range t.edges(r, k) {
			switch now := t.flows(r, k, d); {
			case now && !flows:
				c.changes[d] += r.weight
				flows = true
			case !now && flows:
				c.changes[d] -= r.weight
				flows = false
			}
		}
	}
	return c
}

// edges are the later days on which a cell may begin or cease to flow.
func (t *table) edges(r *row, k int) []Day {
	var days []Day
	if p := r.Agreed; p != nil {
		days = append(days, p.From)
		if !p.Until.IsZero() {
			days = append(days, p.Until.next())
		}
	}
	for _, g := range r.cells[k].enough {
		days = append(days, ceilDay(g.from))
		if !g.until.IsZero() {
			days = append(days, ceilDay(g.until))
		}
		if t.req.Delay == 0 && g.after > 0 {
			days = append(days, ceilDay(t.at.t.Add(g.after)))
		}
	}
	days = slices.DeleteFunc(days, func(d Day) bool { return !d.After(t.at) })
	slices.SortFunc(days, Day.compare)
	return slices.Compact(days)
}

// shares are what flows on the first day, and from which later days on how
// much of it all.
func (c course) shares(all int64) (now float64, later []Later) {
	later = []Later{}
	flowing := c.now
	for _, d := range sortedDays(c.changes) {
		if n := c.changes[d]; n != 0 {
			flowing += n
			later = append(later, Later{d, share(flowing, all)})
		}
	}
	return share(c.now, all), later
}

func sortedDays(m map[Day]int64) []Day {
	days := make([]Day, 0, len(m))
	for d := range m {
		days = append(days, d)
	}
	slices.SortFunc(days, Day.compare)
	return days
}
