package standard

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// FormsAllowed lists the forms in which a field may leave its owner at all:
// no token for closed codes, dates and numbers (a pseudonym of a small domain
// hides nothing), and generalised only to a level that exists.
func (s *Standard) FormsAllowed(f Field) []Form {
	forms := []Form{{Kind: Withheld}, {Kind: Counted}}
	if f.Token != "" {
		forms = append(forms, Form{Kind: Token})
	}
	for _, l := range s.Levels(f) {
		forms = append(forms, Form{Kind: Generalised, Level: l})
	}
	return append(forms, Form{Kind: Exact}, Form{Kind: Sealed})
}

// CheckForm says why a field may not leave in a form, or nil.
func (s *Standard) CheckForm(f Field, form Form) error {
	switch form.Kind {
	case Withheld, Counted, Exact, Sealed:
		if form.Level == "" {
			return nil
		}
	case Token:
		if f.Token != "" && form.Level == "" {
			return nil
		}
		return fault.New(fault.Invalid, "form.token", "a pseudonym of a code, date, number or free text hides nothing or links nothing; use generalised or withheld").At(f.Path)
	case Generalised:
		h := s.hierarchies[f.Hierarchy]
		if h == nil {
			return fault.New(fault.Invalid, "form.level", "the field cannot be coarsened").At(f.Path)
		}
		if h.levelIndex(form.Level) >= 0 {
			return nil
		}
		return fault.New(fault.Invalid, "form.level", "the field has no level %q; it has %s", form.Level, strings.Join(s.Levels(f), ", ")).At(f.Path)
	}
	return fault.New(fault.Invalid, "form.not_allowed", "the field may not leave as %s", form).At(f.Path)
}

// Weaker reports whether form a tells no more of the field than form b:
// the partial order of forms. It holds for a == b.
func (s *Standard) Weaker(f Field, a, b Form) bool {
	switch {
	case a == b:
		return true
	case a.Kind == Sealed || b.Kind == Sealed:
		return false // outside the order
	case a.Kind == b.Kind:
		return a.Kind == Generalised && s.AtLeastAsCoarse(f, a.Level, b.Level)
	case a.Kind == Withheld || b.Kind == Exact:
		return true
	case b.Kind == Withheld || a.Kind == Exact:
		return false
	}
	return a.Kind == Counted // below token and generalised, which do not compare
}

// Maximal keeps of a set of forms those that no other of them covers, in the
// order given, each once: an antichain.
func (s *Standard) Maximal(f Field, forms []Form) []Form {
	var out []Form
	for i, a := range forms {
		covered := slices.ContainsFunc(forms, func(b Form) bool { return a != b && s.Weaker(f, a, b) })
		if !covered && !slices.Contains(forms[:i], a) {
			out = append(out, a)
		}
	}
	return out
}
