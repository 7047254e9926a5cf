package terms

import (
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Reduced is a statement in a form that its recipient may receive, with the
// obligations of the grant under which it is received.
type Reduced struct {
	Form  standard.Form `json:"form"`
	Value string        `json:"value"`
	// TLP is the onward marking.
	TLP string `json:"tlp"`
	// PAP is what may be done with it.
	PAP string `json:"pap,omitzero"`
	// Keep is how long after receipt copies may be kept; zero: without end.
	Keep Span `json:"keep,omitzero"`
	// Attribution is how the recipient may see who said it.
	Attribution Attribution `json:"attribution,omitzero"`
}

// Reduce computes what of one statement, given in the forms in which it left
// its owner, the recipient may receive: each grant yields at most one value,
// made from the strongest form at hand and never stronger than the grant. Of
// several that yield the same, those stay whose obligations no other's cover.
// What can only be counted yields nothing here.
func (g Granted) Reduce(forms []report.Said) []Reduced {
	if len(forms) == 0 || g.t == nil {
		return nil
	}
	field, ok := g.t.rules.std.Field(forms[0].Path)
	if !ok {
		return nil
	}
	var all []Reduced
	for _, grant := range g.Grants(field.Path) {
		if r, ok := g.t.rules.inForm(field, forms, grant); ok {
			all = append(all, r)
		}
	}
	var out []Reduced
	for i, r := range all {
		// Of equals the first stays.
		covered := func(j int, o Reduced) bool { return j != i && o.binds(r) && (!r.binds(o) || j < i) }
		keep := true
		for j, o := range all {
			keep = keep && !covered(j, o)
		}
		if keep {
			out = append(out, r)
		}
	}
	return out
}

// binds reports whether r says the same as o and binds its recipient no more.
func (r Reduced) binds(o Reduced) bool {
	return r.Form == o.Form && r.Value == o.Value && Strictness(r.TLP) <= Strictness(o.TLP) && Caution(r.PAP) <= Caution(o.PAP) &&
		Discretion(r.Attribution) <= Discretion(o.Attribution) && r.Keep.orEver() >= o.Keep.orEver()
}

// inForm makes the strongest value that a grant allows.
func (rules *Rules) inForm(field standard.Field, forms []report.Said, g Grant) (Reduced, bool) {
	under := func(form standard.Form, value string) (Reduced, bool) {
		return Reduced{form, value, g.TLP, g.PAP, g.Keep, g.Attribution}, true
	}
	// What left in a form that the grant covers is shown as it left.
	for _, kind := range []standard.FormKind{standard.Exact, standard.Generalised, standard.Token} {
		for _, s := range forms {
			if s.Form.Kind == kind && atMost(rules.std, field, s.Form, g.Form) {
				return under(s.Form, s.Value)
			}
		}
	}
	if g.Form.Kind != standard.Generalised {
		return Reduced{}, false
	}
	// What left stronger is coarsened to the level granted.
	for _, s := range forms {
		if s.Form.Kind != standard.Exact && s.Form.Kind != standard.Generalised {
			continue
		}
		if v, err := rules.std.Generalise(field, g.Form.Level, s.Value); err == nil {
			return under(g.Form, v)
		}
	}
	return Reduced{}, false
}

// Receives reports whether a value held in this kind of form may be received,
// and under which grant: of those that allow it the one that binds least,
// first of all by its marking.
func (g Granted) Receives(path string, kind standard.FormKind) (Grant, bool) {
	return g.Allows(path, standard.Form{Kind: kind})
}

// Statements cuts what a report says into statements: the forms of one path
// and row together. They stand next to each other in a report that left an
// edge; order is kept.
func Statements(said []report.Said) func(yield func([]report.Said) bool) {
	return func(yield func([]report.Said) bool) {
		for start := 0; start < len(said); {
			end := start + 1
			for end < len(said) && said[end].Path == said[start].Path && said[end].Row == said[start].Row {
				end++
			}
			if !yield(said[start:end]) {
				return
			}
			start = end
		}
	}
}
