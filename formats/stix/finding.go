package stix

import (
	"cmp"
	"slices"
	"strings"
)

// Finding is what is wrong with an object: where, and what. A warning breaks
// a SHOULD of the specification, anything else a MUST. A finding never holds
// a value longer than a code.
type Finding struct {
	// Path names the property, as "external_references[0].external_id"; ""
	// is the whole object.
	Path    string `json:"path"`
	Message string `json:"message"`
	Warning bool   `json:"-"`
}

// String returns the finding as one line.
func (f Finding) String() string { return strings.TrimPrefix(f.Path+": "+f.Message, ": ") }

// Failed says whether some finding breaks a MUST.
func Failed(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return !f.Warning })
}

// maxFindings bounds how many findings of one object are listed.
const maxFindings = 100

func sortFindings(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Path, b.Path) })
}
