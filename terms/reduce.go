package terms

import (
	"slices"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Reduced is a statement in a form that its recipient may receive.
type Reduced struct {
	Form  standard.Form `json:"form"`
	Value string        `json:"value"`
	// TLP is the onward marking of the grant under which it is received.
	TLP string `json:"tlp"`
}

// Reduce computes what of one statement, given in the forms in which it left
// its owner, the recipient may receive: each grant yields at most one value,
// made from the strongest form at hand and never stronger than the grant.
// What can only be counted yields nothing here.
func (t Table) Reduce(forms []report.Said) []Reduced {
	if len(forms) == 0 || t.rules == nil {
		return nil
	}
	field, ok := t.rules.std.Field(forms[0].Path)
	if !ok {
		return nil
	}
	var out []Reduced
	for _, g := range t.grants[field.Path] {
		r, ok := t.inForm(field, forms, g)
		if ok && !slices.ContainsFunc(out, func(o Reduced) bool { return o.Form == r.Form && o.Value == r.Value }) {
			out = append(out, r)
		}
	}
	return out
}

// inForm makes the strongest value that grant g allows.
func (t Table) inForm(field standard.Field, forms []report.Said, g Grant) (Reduced, bool) {
	// What left in a form that the grant covers is shown as it left.
	for _, kind := range []standard.FormKind{standard.Exact, standard.Generalised, standard.Token} {
		for _, s := range forms {
			if s.Form.Kind == kind && atMost(t.rules.std, field, s.Form, g.Form) {
				return Reduced{s.Form, s.Value, g.TLP}, true
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
		if v, err := t.rules.std.Generalise(field, g.Form.Level, s.Value); err == nil {
			return Reduced{g.Form, v, g.TLP}, true
		}
	}
	return Reduced{}, false
}

// Receives reports whether a value held in this kind of form may be received,
// and under which marking (the most open of those that allow it).
func (t Table) Receives(path string, kind standard.FormKind) (tlp string, ok bool) {
	g, ok := t.Allows(path, standard.Form{Kind: kind})
	return g.TLP, ok
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
