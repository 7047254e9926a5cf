package terms

import (
	"fmt"
	"slices"
	"strings"

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
// receive: all that may leave the edge. Fields that are not there are
// withheld.
func (r *Rules) Leaves() map[string][]standard.Form {
	all := make(map[string][]standard.Form, len(r.fields))
	for _, g := range r.fields {
		for _, d := range g.leaving {
			all[g.field.Path] = append(all[g.field.Path], d.Form)
		}
	}
	return all
}

// Leaving is [Rules.Leaves] for one field, with the clauses that cause it,
// strongest form first. None: the field is withheld. It must not be changed.
func (r *Rules) Leaving(path string) []Departure {
	if i, ok := r.byPath[path]; ok {
		return r.fields[i].leaving
	}
	return nil
}

func (r *Rules) departures(g granted) []Departure {
	var all []Departure
	for _, i := range g.clauses {
		c := r.sheet.Clauses[i]
		k := slices.IndexFunc(all, func(d Departure) bool { return d.Form == c.Form })
		if k < 0 {
			k = len(all)
			all = append(all, Departure{Form: c.Form})
		}
		all[k].Clauses = append(all[k].Clauses, c.ID)
	}
	forms := make([]Departure, 0, len(all))
	for i, d := range all {
		weaker := func(o Departure) bool { return o.Form != d.Form && atMost(r.std, g.field, d.Form, o.Form) }
		if !slices.ContainsFunc(all, weaker) {
			slices.Sort(all[i].Clauses)
			forms = append(forms, all[i])
		}
	}
	slices.SortFunc(forms, func(a, b Departure) int { return byStrength(r.std, g.field, a.Form, b.Form) })
	return forms
}

// Table says what one recipient may receive of reports of one sector for one
// purpose. It is computed once and asked often; it is safe for use by many
// goroutines.
type Table struct {
	rules  *Rules
	grants map[string][]Grant
}

// For computes the table of a recipient. It looks at stake, kind and sectors
// alone; whether the recipient's agreement is valid and allows the purpose is
// decided before (package agreement).
func (r *Rules) For(recipient member.Member, reportSector string, purpose member.Purpose) Table {
	t := Table{rules: r, grants: make(map[string][]Grant, len(r.fields))}
	applies := make([]bool, len(r.sheet.Clauses))
	for i, c := range r.sheet.Clauses {
		applies[i] = c.misses(recipient, reportSector, purpose) == ""
	}
	for _, g := range r.fields {
		if grants := r.grants(g, applies); len(grants) > 0 {
			t.grants[g.field.Path] = grants
		}
	}
	return t
}

// grants gathers what the clauses that apply grant of a field: one grant for
// each form and marking, without those that another grant covers.
func (r *Rules) grants(g granted, applies []bool) []Grant {
	var all []Grant
	for _, i := range g.clauses {
		if !applies[i] {
			continue
		}
		c := r.sheet.Clauses[i]
		k := slices.IndexFunc(all, func(o Grant) bool { return o.Form == c.Form && o.TLP == c.marking() })
		if k < 0 {
			k = len(all)
			all = append(all, Grant{Form: c.Form, TLP: c.marking()})
		}
		all[k].Clauses = append(all[k].Clauses, c.ID)
	}
	kept := make([]Grant, 0, len(all))
	for i, a := range all {
		if !slices.ContainsFunc(all, func(b Grant) bool { return r.covers(g.field, b, a) }) {
			slices.Sort(all[i].Clauses)
			kept = append(kept, all[i])
		}
	}
	slices.SortFunc(kept, func(a, b Grant) int {
		if c := byStrength(r.std, g.field, a.Form, b.Form); c != 0 {
			return c
		}
		return Strictness(a.TLP) - Strictness(b.TLP)
	})
	return kept
}

// covers reports whether b, another grant than a, gives all that a gives: at
// least its form, at most its marking. A weaker form that may be passed on
// more freely is not covered; to drop it would take something away.
func (r *Rules) covers(f standard.Field, b, a Grant) bool {
	if a.Form == b.Form && a.TLP == b.TLP {
		return false
	}
	return atMost(r.std, f, a.Form, b.Form) && Strictness(b.TLP) <= Strictness(a.TLP)
}

// Grants returns what may be received of a field: grants of which none covers
// another, strongest form first, then most open marking. None: withheld. It
// must not be changed.
func (t Table) Grants(path string) []Grant { return t.grants[path] }

// Paths lists the fields of which something may be received, in the
// standard's order.
func (t Table) Paths() []string {
	var paths []string
	if t.rules == nil {
		return nil
	}
	for _, g := range t.rules.fields {
		if len(t.grants[g.field.Path]) > 0 {
			paths = append(paths, g.field.Path)
		}
	}
	return paths
}

// Allows returns the grant under which a statement may be received in the
// form in which it is held: one at least as strong, of those the most openly
// marked. False: in this form it is withheld from this recipient, who may
// still be granted a weaker one.
func (t Table) Allows(path string, form standard.Form) (Grant, bool) {
	var best Grant
	found := false
	for _, g := range t.grants[path] {
		f, _ := t.rules.std.Field(path)
		if atMost(t.rules.std, f, form, g.Form) && (!found || Strictness(g.TLP) < Strictness(best.TLP)) {
			best, found = g, true
		}
	}
	return best, found
}

// Decision answers for one field, one recipient and one purpose.
type Decision struct {
	Path string `json:"path"`
	// Grants is empty if the field is withheld. Its clauses are the reasons:
	// exactly those that decide.
	Grants []Grant `json:"grants"`
	// Withheld says why nothing is granted, in words; empty otherwise.
	Withheld string `json:"withheld,omitzero"`
	// Missed lists the clauses that speak of the field and grant nothing
	// here, with the condition that does not hold.
	Missed []Miss `json:"missed,omitzero"`
}

// Miss is a clause that speaks of a field and does not apply.
type Miss struct {
	Clause  string `json:"clause"`
	Because string `json:"because"`
}

// Decide answers for one field, with reasons. For many fields of the same
// recipient compute a table once with [Rules.For].
func (r *Rules) Decide(path string, recipient member.Member, reportSector string, purpose member.Purpose) Decision {
	d := Decision{Path: path}
	i, ok := r.byPath[path]
	if !ok {
		d.Withheld = fmt.Sprintf("no clause of the sheet %s grants this field to anybody", r.sheet.Name)
		if _, known := r.std.Field(path); !known {
			d.Withheld = fmt.Sprintf("%s has no such field", r.std.Ref())
		}
		return d
	}
	applies := make([]bool, len(r.sheet.Clauses))
	for _, k := range r.fields[i].clauses {
		c := r.sheet.Clauses[k]
		miss := c.misses(recipient, reportSector, purpose)
		applies[k] = miss == ""
		if miss != "" {
			d.Missed = append(d.Missed, Miss{Clause: c.ID, Because: miss})
		}
	}
	slices.SortFunc(d.Missed, func(a, b Miss) int { return strings.Compare(a.Clause, b.Clause) })
	if d.Grants = r.grants(r.fields[i], applies); len(d.Grants) == 0 {
		d.Withheld = "no clause grants this field to this recipient for this purpose"
	}
	return d
}

// misses names the first condition of the clause that does not hold, or "".
func (c Clause) misses(m member.Member, reportSector string, purpose member.Purpose) string {
	if !slices.Contains(c.For, purpose) {
		return fmt.Sprintf("it is for %s only", list(c.For))
	}
	missed := ""
	for _, to := range c.To {
		miss := to.misses(m, reportSector)
		if miss == "" {
			return ""
		}
		if missed == "" {
			missed = miss
		}
	}
	return missed
}

func (to Recipient) misses(m member.Member, reportSector string) string {
	if to.Stake != AnyStake && to.Stake != string(m.Stake) {
		return "it is for the stake " + to.Stake
	}
	if len(to.Kinds) > 0 && !slices.Contains(to.Kinds, m.Kind) {
		return "it is for members of the kind " + list(to.Kinds)
	}
	switch to.Sector {
	case "", AnySector:
		return ""
	case OwnSector:
		if !m.InSector(reportSector) {
			return "it is for members of the report's own sector"
		}
	default:
		if !m.InSector(to.Sector) {
			return "it is for members of the sector " + to.Sector
		}
	}
	return ""
}
