package terms

import (
	"slices"

	"github.com/concord-trust/concord/standard"
)

// takes reports whether a field can leave in a form at all.
func takes(std *standard.Standard, f standard.Field, form standard.Form) bool {
	return std.CheckForm(f, form) == nil
}

// atMost is the order of forms, of which the grants are antichains.
func atMost(std *standard.Standard, f standard.Field, a, b standard.Form) bool {
	return std.Weaker(f, a, b)
}

// rank puts kinds into one line for display; it agrees with the order.
func rank(k standard.FormKind) int {
	return slices.Index([]standard.FormKind{standard.Exact, standard.Generalised, standard.Token, standard.Counted}, k)
}

// byStrength sorts forms, strongest first; of two levels the finer.
func byStrength(std *standard.Standard, f standard.Field, a, b standard.Form) int {
	if c := rank(a.Kind) - rank(b.Kind); c != 0 || a.Kind != standard.Generalised {
		return c
	}
	levels := std.Levels(f)
	return slices.Index(levels, a.Level) - slices.Index(levels, b.Level)
}

// formTexts lists what a clause may grant of a field.
func formTexts(std *standard.Standard, f standard.Field) []string {
	var texts []string
	for _, form := range std.FormsAllowed(f) {
		if form.Kind != standard.Withheld && form.Kind != standard.Sealed {
			texts = append(texts, form.String())
		}
	}
	return texts
}
