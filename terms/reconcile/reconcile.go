// Package reconcile computes whether interests can be reconciled: what of a
// request flows under the contributors' terms, what is blocked and by whose
// clause, and which cheapest sets of concessions would make enough of it flow.
//
//	Request ──┐
//	Trust  ───┼─▶ Reconcile ─▶ Outcome ─▶ ForRequester, ForContributor
//	Weights ──┘                   └────▶ Amend ─▶ a contributor's sheet, one clause richer
//
// A cell is one field of one contributor. It flows if the contributor's terms
// grant the asker the field in a form at least as strong as the one needed;
// package terms decides that, and nothing here decides it again. Coverage is
// the weight of the cells that flow, as a share of all cells of the field.
//
// A counter-offer is a set of concessions: cells that would flow, each in
// exactly the form needed and no stronger one. Its cost is that of a cost
// model ([Weights]); package covering finds the cheapest set that reaches the
// coverage wanted, and says how far from the cheapest it could be. Nothing
// here depends on the order of contributors or fields.
//
// Time: a grant counts on a day if it has begun by its first second and has
// not ended, and if it comes no later after a report's receipt than the
// request can wait (moment.go).
package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Outcome is what came of holding a request against the terms of a trust. It
// names contributors: it is for stand-alone use on files and for a mediator.
type Outcome struct {
	Request string `json:"request"`
	At      Day    `json:"at"`
	By      Day    `json:"by"`
	Measure string `json:"measure"`
	// Fields in the order of the request.
	Fields []Field `json:"fields"`
	// CoverageNow is that of all fields together, CoverageBy its later changes.
	CoverageNow float64  `json:"coverage_now"`
	CoverageBy  []Later  `json:"coverage_by"`
	Target      float64  `json:"target"`
	Reached     bool     `json:"reached"`
	Offers      []Offer  `json:"offers"`
	Reachable   float64  `json:"reachable"` // if everybody who can conceded everything
	OutOfReach  []string `json:"out_of_reach,omitzero"`
	// LeftOut lists the contributors that the request does not concern.
	LeftOut []LeftOut `json:"left_out,omitzero"`
	// Refused lists those whose sheets cannot be used; they block.
	Refused []LeftOut `json:"refused,omitzero"`
	// Paradox says between whom how much of it flows.
	Paradox []Flow `json:"paradox"`

	trust *table
}

// Field says how much of one field flows.
type Field struct {
	Path        string        `json:"path"`
	Title       string        `json:"title"`
	NeededForm  standard.Form `json:"needed_form"`
	CoverageNow float64       `json:"coverage_now"`
	CoverageBy  []Later       `json:"coverage_by"`
	Target      float64       `json:"target"`
	Blocked     []Blocked     `json:"blocked"`
}

// Later is a coverage that holds from a date on.
type Later struct {
	Date     Day     `json:"date"`
	Coverage float64 `json:"coverage"`
}

// Blocked is a cell that does not flow by the date wanted.
type Blocked struct {
	Contributor string       `json:"contributor"`
	Stake       member.Stake `json:"stake"`
	// Form is what is granted instead: maximal forms, strongest first.
	Form string `json:"form"`
	// Clause is the one that comes closest and misses, if any.
	Clause string `json:"clause,omitzero"`
	Reason string `json:"reason"`
	// Fixed says that no concession can help.
	Fixed bool `json:"fixed,omitzero"`
}

// LeftOut is a contributor that the request does not concern.
type LeftOut struct {
	Contributor string `json:"contributor"`
	Reason      string `json:"reason"`
}

// table is a request held against a trust, cell by cell.
type table struct {
	req   *Request
	asker member.Viewer
	at    Day
	rows  []row // contributors concerned, by name
	left  []LeftOut
}

type row struct {
	Contributor
	std    *standard.Standard
	rules  *terms.Rules // nil: it has no sheet that can be read
	weight int64
	cells  []cell // by field of the request
}

type cell struct {
	exists bool // its sector's standard has the field
	fixed  bool // no concession can make it flow
	field  standard.Field
	grants []grant         // all of the field, at any time, strongest first
	enough []grant         // those in a useful form
	forms  []standard.Form // what counts by the date wanted
	byThen bool            // it flows by that date
	clause string
	reason string
}

// Reconcile holds a request against the terms of a trust on a day. Standards
// finds the standard of a sector.
func Reconcile(trust Trust, req *Request, weights *Weights, at Day, standards func(sector string) (*standard.Standard, error)) (*Outcome, error) {
	t, err := tabulate(trust, req, at, standards)
	if err != nil {
		return nil, err
	}
	o := t.outcome()
	if o.Reached {
		return o, nil
	}
	if o.OutOfReach = t.outOfReach(); len(o.OutOfReach) > 0 {
		return o, nil
	}
	if o.Offers, err = t.offers(weights); err == nil {
		o.Paradox = t.flowsWith(o.Offers)
	}
	return o, err
}

func tabulate(trust Trust, req *Request, at Day, standards func(string) (*standard.Standard, error)) (*table, error) {
	t := &table{req: req, at: at, asker: req.viewer()}
	stds, err := req.standards(standards)
	if err != nil {
		return nil, err
	}
	for _, c := range trust.Contributors {
		std, concerned := stds[c.Sector]
		switch {
		case !concerned:
			t.left = append(t.left, LeftOut{c.Name, fmt.Sprintf("the request is not about its sector, %s", c.Sector)})
			continue
		case !req.Period.meets(c.Holds):
			t.left = append(t.left, LeftOut{c.Name, "it holds no reports of the period asked for"})
			continue
		}
		r, err := t.row(c, std)
		if err != nil {
			return nil, err
		}
		t.rows = append(t.rows, r)
	}
	if len(t.rows) == 0 {
		return nil, fault.New(fault.Invalid, "reconcile.nobody", "the request concerns none of the %d contributors; compare its sectors (%s) and period with theirs",
			len(trust.Contributors), strings.Join(req.Sectors, ", "))
	}
	slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(t.left, func(a, b LeftOut) int { return strings.Compare(a.Contributor, b.Contributor) })
	return t, nil
}

func (t *table) row(c Contributor, std *standard.Standard) (row, error) {
	r := row{Contributor: c, std: std, cells: make([]cell, len(t.req.Fields))}
	var err error
	if r.weight, err = c.weight(t.req.measure()); err != nil {
		return row{}, err
	}
	var granted terms.Table
	if r.rules, err = c.compiled(std); err != nil {
		r.Refused = fault.Public(err).Error()
	} else if r.rules != nil {
		granted = r.rules.For(t.asker, c.Sector)
	}
	never, err := c.never(std)
	if err != nil {
		return row{}, err
	}
	for k, need := range t.req.Fields {
		f, ok := std.Field(need.Path)
		if !ok {
			continue
		}
		one := cell{exists: true, field: f}
		for _, g := range granted.Grants(f.Path) {
			held := t.grant(g)
			one.grants = append(one.grants, held)
			if std.Weaker(f, need.Form, g.Form) {
				one.enough = append(one.enough, held)
			}
			if t.counts(held, t.by()) {
				one.forms = append(one.forms, g.Form)
			}
		}
		r.cells[k] = one
		r.cells[k].byThen = t.flows(&r, k, t.by())
		t.explain(&r, &r.cells[k], need, never)
	}
	return r, nil
}

// explain says why a cell does not flow, and whether a concession could help.
func (t *table) explain(r *row, c *cell, need Need, never func(standard.Field) bool) {
	by := t.by()
	switch {
	case r.Refused != "":
		c.fixed, c.reason = true, "its sheet cannot be used: "+r.Refused
	case r.Agreed != nil && r.Agreed.From.After(by):
		c.fixed, c.reason = true, fmt.Sprintf("its agreement begins on %s", r.Agreed.From)
	case r.Agreed != nil && !r.Agreed.Until.IsZero() && by.After(r.Agreed.Until):
		c.fixed, c.reason = true, fmt.Sprintf("its agreement ends on %s", r.Agreed.Until)
	case c.byThen:
		return
	case r.rules == nil:
		c.reason = "it has no sheet of terms, so nothing is granted"
	default:
		c.clause, c.reason = t.nearestMiss(r, c, need.Form)
	}
	if c.fixed {
		return
	}
	if never(c.field) {
		c.fixed, c.reason = true, c.reason+"; and it will never concede this field"
	} else if until := r.Declined[c.field.Path]; until.After(t.at) {
		c.fixed, c.reason = true, fmt.Sprintf("%s; and it refused to concede this field, and is asked again from %s on", c.reason, until)
	}
}

// nearestMiss finds the clause that comes closest to granting the form: one
// that would, but for a condition or for the time; else one that grants too
// little; else one that misses both.
func (t *table) nearestMiss(r *row, c *cell, form standard.Form) (clause, reason string) {
	d := r.rules.Decide(c.field.Path, t.asker, r.Sector, t.moment(t.by()))
	clauses := map[string]terms.Clause{}
	for _, c := range r.rules.Sheet().Clauses {
		clauses[c.ID] = c
	}
	for _, m := range d.Missed {
		if miss := clauses[m.Clause]; r.rules.Standard().Weaker(c.field, form, miss.Form) {
			return m.Clause, fmt.Sprintf("clause %s grants %s, but %s", m.Clause, miss.Form, t.because(miss, m))
		}
	}
	for _, g := range c.grants {
		if t.counts(g, t.by()) {
			return g.clauses[0], fmt.Sprintf("clause %s grants %s only", g.clauses[0], g.form)
		}
	}
	if len(d.Missed) > 0 {
		m := d.Missed[0]
		return m.Clause, fmt.Sprintf("clause %s grants %s only, and %s", m.Clause, clauses[m.Clause].Form, t.because(clauses[m.Clause], m))
	}
	return "", d.Withheld
}

// by is the date for which coverage is wanted: that of the request, or today.
func (t *table) by() Day {
	if t.req.By.After(t.at) {
		return t.req.By
	}
	return t.at
}

// flows reports whether a cell flows on a day.
func (t *table) flows(r *row, k int, on Day) bool {
	return r.Refused == "" && r.Agreed.holds(on) && slices.ContainsFunc(r.cells[k].enough, func(g grant) bool { return t.counts(g, on) })
}

// weights sums, for field k, what flows by the date wanted and all there is.
func (t *table) weights(k int) (flowing, all int64) {
	for i := range t.rows {
		switch r := &t.rows[i]; {
		case !r.cells[k].exists:
		case r.cells[k].byThen:
			flowing += r.weight
			fallthrough
		default:
			all += r.weight
		}
	}
	return flowing, all
}

// together is [table.weights] of all fields.
func (t *table) together() (flowing, all int64) {
	for k := range t.req.Fields {
		f, a := t.weights(k)
		flowing, all = flowing+f, all+a
	}
	return flowing, all
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (t *table) outcome() *Outcome {
	o := &Outcome{
		Request: t.req.Name, At: t.at, By: t.by(), Measure: string(t.req.measure()), Reached: true,
		Offers: []Offer{}, LeftOut: t.left, Paradox: t.flowsWith(nil), trust: t,
	}
	for i := range t.rows {
		if r := &t.rows[i]; r.Refused != "" {
			o.Refused = append(o.Refused, LeftOut{r.Name, r.Refused})
		}
	}
	wanted, reachable := int64(0), int64(0)
	var sum course
	for k, need := range t.req.Fields {
		_, all := t.weights(k)
		course := t.course(k)
		sum.add(course)
		f := Field{Path: need.Path, Title: t.title(k), NeededForm: need.Form, Blocked: []Blocked{}}
		f.CoverageNow, f.CoverageBy = course.shares(all)
		f.Target = t.req.target(need).float()
		wanted += t.req.target(need).of(all)
		for i := range t.rows {
			r := &t.rows[i]
			switch c := r.cells[k]; {
			case !c.exists:
			case c.byThen:
				reachable += r.weight
			default:
				f.Blocked = append(f.Blocked, Blocked{r.Name, r.Stake, c.shown(), c.clause, c.reason, c.fixed})
				if !c.fixed {
					reachable += r.weight
				}
			}
		}
		o.Fields = append(o.Fields, f)
	}
	_, all := t.together()
	o.CoverageNow, o.CoverageBy = sum.shares(all)
	o.Target, o.Reachable = share(wanted, all), share(reachable, all)
	if t.req.Coverage != nil {
		o.Target = max(o.Target, t.req.Coverage.float())
	}
	needs, together := t.needs()
	o.Reached = together <= 0 && !slices.ContainsFunc(needs, func(n int64) bool { return n > 0 })
	return o
}

func (t *table) title(k int) string {
	for i := range t.rows {
		if c := t.rows[i].cells[k]; c.exists {
			return c.field.Title
		}
	}
	return t.req.Fields[k].Path
}

// shown writes what is granted of a cell.
func (c cell) shown() string {
	if len(c.forms) == 0 {
		return standard.Form{}.String()
	}
	texts := make([]string, len(c.forms))
	for i, f := range c.forms {
		texts[i] = f.String()
	}
	return strings.Join(slices.Compact(texts), ", ")
}

// needs is what each field still lacks by the date wanted, in weight, and
// what all fields together lack.
func (t *table) needs() (needs []int64, together int64) {
	for k, need := range t.req.Fields {
		flowing, all := t.weights(k)
		needs = append(needs, max(0, t.req.target(need).of(all)-flowing))
	}
	if t.req.Coverage != nil {
		flowing, all := t.together()
		together = max(0, t.req.Coverage.of(all)-flowing)
	}
	return needs, together
}

// outOfReach says in words for which fields all concessions do not suffice.
func (t *table) outOfReach() []string {
	needs, together := t.needs()
	var out []string
	open := int64(0)
	for k := range t.req.Fields {
		left := int64(0)
		for i := range t.rows {
			if r := &t.rows[i]; r.open(k) {
				left += r.weight
			}
		}
		open += left
		if needs[k] > left {
			flowing, all := t.weights(k)
			out = append(out, fmt.Sprintf("%s: %s is wanted, and no concession brings more than %s",
				t.req.Fields[k].Path, t.req.target(t.req.Fields[k]), percent(flowing+left, all)))
		}
	}
	if together > open {
		flowing, all := t.together()
		out = append(out, fmt.Sprintf("all fields together: %s is wanted, and no concession brings more than %s", *t.req.Coverage, percent(flowing+open, all)))
	}
	return out
}

// open reports whether a concession can make a cell flow.
func (r *row) open(k int) bool {
	c := &r.cells[k]
	return c.exists && !c.fixed && !c.byThen
}

func percent(part, whole int64) string {
	return fmt.Sprintf("%.4g %%", 100*share(part, whole))
}
