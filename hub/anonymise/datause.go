package anonymise

import (
	"slices"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/policy"
)

// uses gathers the clauses under which contributors let research study what
// stands in a release; its data-use codes follow from them.
type uses struct {
	// sheets holds the clauses of each contributor by their ids, of whom
	// nothing may have been heard yet.
	sheets map[string]map[string]terms.Clause
	noted  map[[2]string]bool
	// clauses are those of whom something was heard.
	clauses []terms.Clause
}

// know takes the terms of a contributor, by the key under which they are used.
func (u *uses) know(key string, rules *terms.Rules) {
	byID := map[string]terms.Clause{}
	for _, c := range rules.Sheet().Clauses {
		byID[c.ID] = c
	}
	if u.sheets == nil {
		u.sheets, u.noted = map[string]map[string]terms.Clause{}, map[[2]string]bool{}
	}
	u.sheets[key] = byID
}

// note notes the clauses that grant a contributor's part of a release.
func (u *uses) note(key string, t *table, granted terms.Granted) {
	for _, f := range slices.Concat(t.quasi, t.attrs) {
		for _, g := range granted.Grants(f.Path) {
			if g.Form.Kind != standard.Exact && g.Form.Kind != standard.Generalised {
				continue
			}
			for _, id := range g.Clauses {
				if of := [2]string{key, id}; !u.noted[of] {
					u.noted[of] = true
					u.clauses = append(u.clauses, u.sheets[key][id])
				}
			}
		}
	}
}

// dataUse are the codes of a release that is made of the table.
func (t *table) dataUse() []policy.DataUse { return policy.StudyUses(t.uses.clauses, t.marking) }
