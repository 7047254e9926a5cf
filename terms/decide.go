package terms

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// Sheet returns the sheet that was compiled. It must not be changed.
func (r *Rules) Sheet() *Sheet { return &r.sheet }

// Hash is the hash of the sheet that was compiled.
func (r *Rules) Hash() string { return r.hash }

// Standard is the standard against which the sheet was compiled.
func (r *Rules) Standard() *standard.Standard { return r.std }

// Departure is a form in which a field leaves its owner, because these
// clauses grant it to somebody.
type Departure struct {
	Form    standard.Form `json:"form"`
	Clauses []string      `json:"clauses"`
}

// Leaves returns, for each field, the maximal forms that somebody may
// receive, now or later: all that may leave the edge at a moment. Fields that
// are not there are withheld. A clause that has ended lets nothing leave; one
// that is to begin does, and the hub holds it back. At the zero time no clause
// has ended.
func (r *Rules) Leaves(at time.Time) map[string][]standard.Form {
	all := make(map[string][]standard.Form, len(r.fields))
	for _, g := range r.fields {
		for _, d := range r.Leaving(g.field.Path, at) {
			all[g.field.Path] = append(all[g.field.Path], d.Form)
		}
	}
	return all
}

// Leaving is [Rules.Leaves] for one field, with the clauses that cause it,
// strongest form first. None: the field is withheld. It must not be changed.
func (r *Rules) Leaving(path string, at time.Time) []Departure {
	i, ok := r.byPath[path]
	if !ok {
		return nil
	}
	if g := r.fields[i]; g.timed && !at.IsZero() {
		return r.departures(g, at)
	}
	return r.fields[i].leaving
}

// Decision answers for one field, one recipient and one purpose, at one
// moment.
type Decision struct {
	Path string `json:"path"`
	// Grants is empty if the field is withheld. Its clauses are the reasons:
	// exactly those that decide.
	Grants []Grant `json:"grants"`
	// Withheld says why nothing is granted, in words; empty otherwise.
	Withheld string `json:"withheld,omitzero"`
	// Covered lists the clauses that grant here as well, and nothing that a
	// reason does not grant on terms as good. Without them nothing changes.
	Covered []string `json:"covered,omitzero"`
	// Missed lists the clauses that speak of the field and grant nothing
	// here, with the condition that does not hold.
	Missed []Miss `json:"missed,omitzero"`
	// Next is when the grants or their reasons change; zero: they stay.
	Next time.Time `json:"next,omitzero"`
}

// Miss is a clause that speaks of a field and does not apply.
type Miss struct {
	Clause  string `json:"clause"`
	Because string `json:"because"`
}

// Decide answers for one field, with reasons. For many fields of the same
// recipient compute a table once with [Rules.For].
func (r *Rules) Decide(path string, to member.Viewer, reportSector string, m Moment) Decision {
	d := Decision{Path: path}
	i, ok := r.byPath[path]
	if !ok {
		d.Withheld = fmt.Sprintf("no clause of the sheet %s grants this field to anybody", r.sheet.Name)
		if _, known := r.std.Field(path); !known {
			d.Withheld = fmt.Sprintf("%s has no such field", r.std.Ref())
		}
		return d
	}
	t := r.For(to, reportSector)
	d.Grants = t.At(m).Grants(path)
	later := false
	for _, k := range r.fields[i].clauses {
		c := &r.sheet.Clauses[k]
		miss := c.misses(t.t.asker)
		if miss == "" {
			miss = c.untimely(t.t.boundsOf(k), m)
			later = later || miss != ""
		}
		switch {
		case miss != "":
			d.Missed = append(d.Missed, Miss{Clause: c.ID, Because: miss})
		case !slices.ContainsFunc(d.Grants, func(g Grant) bool { return slices.Contains(g.Clauses, c.ID) }):
			d.Covered = append(d.Covered, c.ID)
		}
	}
	slices.SortFunc(d.Missed, func(a, b Miss) int { return strings.Compare(a.Clause, b.Clause) })
	slices.Sort(d.Covered)
	switch {
	case len(d.Grants) > 0:
	case later:
		d.Withheld = "no clause grants this field to this recipient for this purpose at this moment"
	default:
		d.Withheld = "no clause grants this field to this recipient for this purpose"
	}
	d.Next = t.t.column(path).next(m)
	return d
}

// untimely names the bound of the clause that does not hold at a moment, or "".
func (c *Clause) untimely(b bounds, m Moment) string {
	switch b.breaks(m) {
	case boundUntil:
		if c.Until != "" && b.until.Equal(c.Until.Start()) {
			return "it ended on " + stamp(b.until)
		}
		return fmt.Sprintf("it is for members of whom a report was accepted within %s, and the last was longer ago", spanWords(c.When.ContributedWithin))
	case boundKeep:
		if m.Received.IsZero() {
			return fmt.Sprintf("it grants for %s after receipt, and the report is not received", spanWords(c.Keep))
		}
		return fmt.Sprintf("it ended on %s, %s after the report was received", stamp(m.Received.Add(b.keep)), spanWords(c.Keep))
	case boundFrom:
		return fmt.Sprintf("it grants from %s on", stamp(b.from))
	case boundAfter:
		if m.Received.IsZero() {
			return fmt.Sprintf("it grants from %s after receipt on, and the report is not received", spanWords(c.After))
		}
		return fmt.Sprintf("it grants from %s on, %s after the report was received", stamp(m.Received.Add(b.after)), spanWords(c.After))
	case boundGroups:
		return fmt.Sprintf("fewer than %d owner groups stand behind the incident", b.groups)
	}
	return ""
}

// stamp writes a moment: a day where it begins, else to the second.
func stamp(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(day)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04:05 UTC")
}
