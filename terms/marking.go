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
func Strictness(tlp string) int { return place(markings[:], tlp) }

// actions are the labels of the permissible actions protocol, from the most
// open to the strictest: CLEAR permits everything; GREEN what attackers may
// notice on one's own systems, such as blocking; AMBER what they cannot, such
// as looking up elsewhere; RED looking for it in what one has, and no more.
var actions = [...]string{"PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"}

// Actions lists the labels of permitted actions that a clause may carry, from
// the most open to the strictest.
func Actions() []string { return slices.Clone(actions[:]) }

// Caution is the place of a label among [Actions]; one that is missing or
// unknown counts as the strictest.
func Caution(pap string) int { return place(actions[:], pap) }

// attributions, from the one that tells most to the one that tells least.
var attributions = [...]Attribution{ByName, ByStake, NotAttributed}

// Attributions lists what a clause may say under attribution, from what tells
// most to what tells least.
func Attributions() []Attribution { return slices.Clone(attributions[:]) }

// Discretion is the place of an attribution among [Attributions]. An empty one
// means [ByStake]; an unknown one tells nothing.
func Discretion(a Attribution) int {
	if a == "" {
		a = ByStake
	}
	return place(attributions[:], a)
}

// place of a label in a list that ends with the strictest.
func place[T comparable](labels []T, label T) int {
	if i := slices.Index(labels, label); i >= 0 {
		return i
	}
	return len(labels) - 1
}

// What a clause means by what it leaves out.
func (c Clause) marking() string   { return markings[Strictness(c.TLP)] }
func (c Clause) permitted() string { return actions[Caution(c.PAP)] }
