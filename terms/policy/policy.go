// Package policy says terms in other languages, and reads what other languages
// say as terms.
//
//	            ┌─▶ TLP labels          one a marking
//	Sheet ──────┼─▶ IEP 2.0 policies    one a set of obligations   ──┐
//	            ├─▶ STIX 2.1 markings   the same, and a statement  ──┤ [Bound] ──[Narrow]──▶ Sheet
//	            └─▶ ODRL 2.2            one permission a clause      │
//	                  ▲ ReadODRL ────────────────────────────────────┼──▶ Sheet
//	                               labels, policies, markings read ◀─┘
//
// Two rules hold throughout. What cannot be carried is told, each thing with
// its clause or its place and the reason ([Lost]); nothing is dropped in
// silence. And neither way ever permits more: an export uses the next stricter
// word where the other language lacks the very one; what is read from a
// language that knows no fields or recipients only narrows a sheet that is
// there already; a permission of ODRL that is not understood in full is not
// granted.
package policy

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/terms"
)

// Lost is something that could not be carried.
type Lost struct {
	// Clause is the one concerned, by id; "" is the sheet or the policy as a
	// whole.
	Clause string `json:"clause,omitzero"`
	// At is the place in the document that was read, as a JSON pointer.
	At string `json:"at,omitzero"`
	// What was not carried, and why.
	What string `json:"what"`
	Why  string `json:"why"`
}

// Group is a set of clauses that go with the same obligations.
type Group struct {
	// ID is that of the policy or marking that was made for them.
	ID      string   `json:"id"`
	Clauses []string `json:"clauses"`
}

// YAML writes a sheet as a document that [terms.Parse] reads as the same.
func YAML(s *terms.Sheet) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	err := enc.Close()
	return out.Bytes(), err
}

// What clauses say by what they leave out, in words.
func marking(c terms.Clause) string { return terms.Markings()[terms.Strictness(c.TLP)] }
func actions(c terms.Clause) string { return terms.Actions()[terms.Caution(c.PAP)] }
func attribution(c terms.Clause) terms.Attribution {
	return terms.Attributions()[terms.Discretion(c.Attribution)]
}

// unsaid lists what a language that says how, and not what, to whom and for
// which purpose, cannot carry of a sheet; all is false for those that have a
// word for attribution and dates.
func unsaid(s *terms.Sheet, language string) []Lost {
	var lost []Lost
	if s.Retention != 0 {
		lost = append(lost, Lost{What: "retention " + s.Retention.String(), Why: language + " says nothing of how long the hub keeps a report"})
	}
	for _, c := range s.Clauses {
		lose := func(what, why string) { lost = append(lost, Lost{Clause: c.ID, What: what, Why: why}) }
		lose("fields, to, for, form", language+" says how something may be handled, not what goes to whom, for what and in which form")
		if c.After != 0 {
			lose("after "+c.After.String(), language+" has no word for what is held back from its receipt on; the hub holds it back all the same")
		}
		if c.Groups != 0 {
			lose("groups", language+" has no word for a least number of owner groups; the hub counts them all the same")
		}
		if c.When != (terms.Condition{}) {
			lose("when", language+" has no word for what a recipient must have done; the hub asks for it all the same")
		}
	}
	return lost
}

// sorted puts what was lost in the order of the sheet's clauses, the sheet
// itself first.
func sorted(s *terms.Sheet, lost []Lost) []Lost {
	place := map[string]int{}
	for i, c := range s.Clauses {
		place[c.ID] = i + 1
	}
	slices.SortStableFunc(lost, func(a, b Lost) int { return place[a.Clause] - place[b.Clause] })
	return lost
}
