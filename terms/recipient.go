package terms

import (
	"fmt"
	"slices"

	"github.com/concord-trust/concord/member"
)

// asker is who asks for what: a viewer, and the sector of the report.
type asker struct {
	member.Viewer
	sector string
}

// condition is what a clause asks of its recipient. Deciding names the first
// that does not hold; only an explanation puts it into words, since that takes
// a hundred times as long as to decide.
type condition uint8

const (
	fits condition = iota
	ofPurpose
	ofStake
	ofKind
	ofMembers
	ofRole
	ofProject
	ofJurisdiction
	ofOwnSector
	ofSector
	ofContribution
)

// breaks is the first condition of the clause that does not hold of who asks:
// of several recipients that of the first, which is returned with it.
func (c *Clause) breaks(a *asker) (condition, *Recipient) {
	if !slices.Contains(c.For, a.Purpose) {
		return ofPurpose, nil
	}
	broken, of := fits, (*Recipient)(nil)
	for i := range c.To {
		miss := c.To[i].breaks(a)
		if miss == fits {
			broken, of = fits, nil
			break
		}
		if of == nil {
			broken, of = miss, &c.To[i]
		}
	}
	if broken == fits && c.When.ContributedWithin != 0 && a.Contributed.IsZero() {
		return ofContribution, nil
	}
	return broken, of
}

// isFor reports whether all conditions on who asks hold. Whether the last
// contribution is recent enough is a matter of the moment.
func (c *Clause) isFor(a *asker) bool {
	broken, _ := c.breaks(a)
	return broken == fits
}

func (to *Recipient) breaks(a *asker) condition {
	m := &a.Member
	switch {
	case to.Stake != AnyStake && to.Stake != string(m.Stake):
		return ofStake
	case len(to.Kinds) > 0 && !slices.Contains(to.Kinds, m.Kind):
		return ofKind
	case len(to.Members) > 0 && !slices.Contains(to.Members, m.ID):
		return ofMembers
	case len(to.Roles) > 0 && !slices.ContainsFunc(m.Roles, func(r string) bool { return slices.Contains(to.Roles, r) }):
		return ofRole
	case len(to.Projects) > 0 && !slices.Contains(to.Projects, a.Project):
		return ofProject
	case len(to.Jurisdictions) > 0 && !slices.Contains(to.Jurisdictions, m.Jurisdiction):
		return ofJurisdiction
	}
	switch to.Sector {
	case "", AnySector:
	case OwnSector:
		if !m.InSector(a.sector) {
			return ofOwnSector
		}
	default:
		if !m.InSector(to.Sector) {
			return ofSector
		}
	}
	return fits
}

// stakes says for whom a clause is whose recipients are of other stakes.
func (c *Clause) stakes() string {
	var all []string
	for _, to := range c.To {
		if !slices.Contains(all, to.Stake) {
			all = append(all, to.Stake)
		}
	}
	if len(all) == 1 {
		return "it is for the stake " + all[0]
	}
	return "it is for the stakes " + anyOf(all, "and")
}

// misses says which condition does not hold of who asks, or "".
func (c *Clause) misses(a *asker) string {
	broken, to := c.breaks(a)
	switch broken {
	case ofPurpose:
		return fmt.Sprintf("it is for %s only", list(c.For))
	case ofStake:
		return c.stakes()
	case ofKind:
		return "it is for members of the kind " + list(to.Kinds)
	case ofMembers:
		return "it is for members that it names"
	case ofRole:
		return "it is for members with the role " + list(to.Roles)
	case ofProject:
		return "it is for the project " + list(to.Projects)
	case ofJurisdiction:
		return "it is for recipients under the law of " + list(to.Jurisdictions)
	case ofOwnSector:
		return "it is for members of the report's own sector"
	case ofSector:
		return "it is for members of the sector " + to.Sector
	case ofContribution:
		return fmt.Sprintf("it is for members of whom a report was accepted within %s, and none ever was", spanWords(c.When.ContributedWithin))
	}
	return ""
}
