package policy

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms"
)

// Label is a marking of the Traffic Light Protocol 2.0 and the clauses that
// carry it.
type Label struct {
	TLP     string   `json:"tlp"`
	Clauses []string `json:"clauses"`
}

// ReadTLP reads a label of TLP, of version 2.0 or 1, in the spellings that are
// met: "TLP:AMBER+STRICT", "tlp:amber", "White". White of version 1 is clear.
// An unknown one is refused, since nothing says how strict it is.
func ReadTLP(label string) (string, error) {
	text := strings.ToUpper(strings.TrimSpace(label))
	text = strings.TrimSpace(strings.TrimPrefix(text, "TLP:"))
	switch text {
	case "WHITE":
		text = "CLEAR"
	case "AMBER-STRICT", "AMBER STRICT", "AMBER_STRICT":
		text = "AMBER+STRICT"
	}
	if tlp := "TLP:" + text; slices.Contains(terms.Markings(), tlp) {
		return tlp, nil
	}
	return "", fault.New(fault.Invalid, "policy.tlp", "this is no label of the Traffic Light Protocol; use %s, or TLP:WHITE of version 1", strings.Join(terms.Markings(), ", "))
}

// TLP lists the markings of a sheet's clauses, from the most open to the
// strictest, and what they cannot carry.
func TLP(s *terms.Sheet) ([]Label, []Lost) {
	const language = "TLP"
	lost := unsaid(s, language)
	var labels []Label
	for _, tlp := range terms.Markings() {
		l := Label{TLP: tlp}
		for _, c := range s.Clauses {
			if marking(c) == tlp {
				l.Clauses = append(l.Clauses, c.ID)
			}
		}
		if len(l.Clauses) > 0 {
			labels = append(labels, l)
		}
	}
	for _, c := range s.Clauses {
		lose := func(what, why string) { lost = append(lost, Lost{Clause: c.ID, What: what, Why: why}) }
		lose("pap "+actions(c), "TLP says who may be told, not what may be done")
		lose("attribution "+string(attribution(c)), "TLP says nothing of who may be named")
		if c.Keep != 0 {
			lose("keep "+c.Keep.String(), "TLP has no word for when copies are deleted")
		}
		if c.From != "" || c.Until != "" {
			lose("from, until", "a label of TLP has no dates")
		}
	}
	return labels, sorted(s, lost)
}
