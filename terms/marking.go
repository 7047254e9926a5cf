package terms

import "slices"

// markings are the labels of TLP 2.0 (FIRST, 2022), from the most open to the
// strictest.
var markings = [...]string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// Markings lists the onward markings that a clause may carry, from the most
// open to the strictest.
func Markings() []string { return slices.Clone(markings[:]) }

// Strictness is the place of a marking among [Markings]; a marking that is
// missing or unknown counts as the strictest, since a recipient must not read
// silence as leave to pass on.
func Strictness(tlp string) int {
	if i := slices.Index(markings[:], tlp); i >= 0 {
		return i
	}
	return len(markings) - 1
}

// marking writes a clause's marking out.
func (c Clause) marking() string { return markings[Strictness(c.TLP)] }
