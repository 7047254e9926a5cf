// Package agreement is what a member and the third party sign before anything
// flows: which standards and policy hold, on which terms the member
// contributes, for which purposes and under which undertakings it receives,
// from when until when. No agreement, no flow.
//
//	Propose ──▶ Agreement ──Sign(one side)──▶ signed ──Countersign(other side)──▶ signed by both
//	                                                                                  │ Open
//	                        Agreement, ValidAt(now), Allows(purpose) ◀────────────────┘
//
// A signed agreement is a DSSE envelope (package envelope) of the agreement's
// canonical JSON with two Ed25519 signatures over the same bytes: the
// member's and the hub's. Each side, and each steward, keeps it and can prove
// it to anybody without the other's help.
//
// The package also holds the credential with which a member proves, request
// by request, that it is asking: see [Credential].
package agreement

import (
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Agreement is what both sides sign.
type Agreement struct {
	ID     wire.AgreementID `json:"id"`
	Member Card             `json:"member"`
	// Hub is the id of the hub with which the agreement is made.
	Hub string `json:"hub"`
	// Standards names the collection standard of each of the member's sectors.
	Standards map[string]standard.Ref `json:"standards"`
	// Policy is the version or hash of the sectors' policy that holds.
	Policy string `json:"policy"`
	// Terms are the contributor's terms; nil for a member who only receives.
	Terms *terms.Sheet `json:"terms,omitzero"`
	// Undertakings are what the member promises as a recipient, in words.
	Undertakings []string `json:"undertakings,omitzero"`
	// Purposes are what the member may use answers for; see [DefaultPurposes].
	Purposes []member.Purpose `json:"purposes,omitzero"`
	// Legal is what counsel asks first. Agreements that were signed before it
	// was asked have none of it.
	Legal
	// Project is the research project that the agreement is for, if it is.
	Project *Project `json:"project,omitzero"`
	// From and Until bound the agreement, in whole seconds UTC: it is valid
	// at From, and not any more at Until.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Card says who the member is, as the third party checked it.
type Card struct {
	ID         wire.MemberID   `json:"id"`
	Name       string          `json:"name"`
	Stake      member.Stake    `json:"stake"`
	Kind       member.Kind     `json:"kind"`
	OwnerGroup wire.OwnerGroup `json:"owner_group"`
	Sectors    []string        `json:"sectors"`
	// Key verifies what the member signs (Ed25519).
	Key ed25519.PublicKey `json:"key"`
	// Contact is how the third party reaches the member, if it wants to be.
	Contact string `json:"contact,omitzero"`
	// Roles are what the member is beside a member: "mediator" …
	Roles []string `json:"roles,omitzero"`
	// Jurisdiction is the country under whose law the member stands (ISO
	// 3166-1 alpha-2).
	Jurisdiction string `json:"jurisdiction,omitzero"`
}

// Recipient returns the card as a member, for decisions of package terms.
func (c Card) Recipient() member.Member {
	return member.Member{ID: c.ID, Name: c.Name, Stake: c.Stake, Kind: c.Kind,
		OwnerGroup: c.OwnerGroup, Sectors: slices.Clone(c.Sectors), Key: c.Key,
		Roles: slices.Clone(c.Roles), Jurisdiction: c.Jurisdiction}
}

// Limits of an agreement.
const (
	// MaxSigned is the largest signed agreement accepted, in bytes.
	MaxSigned = 2 << 20
	// MaxValidity is the longest that an agreement may last: everybody looks
	// at it again at least every five years.
	MaxValidity = 5 * 366 * 24 * time.Hour
	maxName     = 200
	maxText     = 2000
	maxList     = 100
)

// DefaultPurposes are what a stake may use answers for unless the two sides
// agree otherwise. Nobody may publish by default.
func DefaultPurposes(s member.Stake) []member.Purpose {
	switch s {
	case member.Industry:
		return []member.Purpose{member.Defend, member.Benchmark}
	case member.LawEnforcement:
		return []member.Purpose{member.Investigate, member.Defend}
	case member.Research:
		return []member.Purpose{member.Study, member.Benchmark}
	}
	return nil
}

// Propose completes an agreement for signing: the stake's default purposes if
// none are named, and times in whole seconds UTC. It returns a checked copy.
func Propose(a Agreement) (Agreement, error) {
	if a.Purposes == nil {
		a.Purposes = DefaultPurposes(a.Member.Stake)
	}
	a.From, a.Until = a.From.UTC().Truncate(time.Second), a.Until.UTC().Truncate(time.Second)
	if p := a.Project; p != nil {
		whole := *p
		whole.Until = p.Until.UTC().Truncate(time.Second)
		a.Project = &whole
	}
	if err := a.Check(); err != nil {
		return Agreement{}, err
	}
	return a, nil
}

// Check holds the agreement to its form: ids, known stake, kind and purposes,
// a key, a standard for each sector, well-formed terms, and an end.
func (a Agreement) Check() error {
	if !wire.ValidID('a', a.ID) {
		return invalid("/id", "an agreement has an id of its own, a-…")
	}
	if a.Hub == "" || len(a.Hub) > maxName {
		return invalid("/hub", "an agreement names the hub with which it is made")
	}
	if err := a.Member.check(); err != nil {
		return err
	}
	if len(a.Policy) > maxName {
		return invalid("/policy", "a policy's version has at most %d bytes", maxName)
	}
	if err := a.checkStandards(); err != nil {
		return err
	}
	if err := a.checkUse(); err != nil {
		return err
	}
	if a.Terms != nil {
		if err := a.Terms.Check(); err != nil {
			return err
		}
	}
	if err := a.Legal.check(a.Member); err != nil {
		return err
	}
	if err := a.checkTimes(); err != nil {
		return err
	}
	return a.checkProject()
}

func (c Card) check() error {
	switch {
	case !wire.ValidID('m', c.ID):
		return invalid("/member/id", "a member has an id issued by the hub, m-…")
	case c.Name == "" || len(c.Name) > maxName:
		return invalid("/member/name", "a member has a name of at most %d bytes", maxName)
	case !c.Stake.Valid():
		return invalid("/member/stake", "the stake is one of %v", member.Stakes())
	case !c.Kind.Valid():
		return invalid("/member/kind", "the kind is one of %v", member.Kinds())
	case c.OwnerGroup == "" || len(c.OwnerGroup) > maxName:
		return invalid("/member/owner_group", "a member belongs to an owner group, if only to its own")
	case len(c.Sectors) == 0 || len(c.Sectors) > maxList:
		return invalid("/member/sectors", "a member takes part in one sector or more")
	case len(c.Key) != ed25519.PublicKeySize:
		return invalid("/member/key", "a member has an Ed25519 public key of %d bytes", ed25519.PublicKeySize)
	case len(c.Contact) > maxName:
		return invalid("/member/contact", "a contact has at most %d bytes", maxName)
	case c.Jurisdiction != "" && !terms.ValidCountry(c.Jurisdiction):
		return invalid("/member/jurisdiction", "%s", wantCountry)
	case len(c.Roles) > maxList:
		return invalid("/member/roles", "at most %d roles", maxList)
	}
	for i, r := range c.Roles {
		if !ValidRoleName(r) || slices.Contains(c.Roles[:i], r) {
			return invalid("/member/roles", "a role is called by lower-case letters, digits and dashes, as mediator, and stands once")
		}
	}
	return nil
}

func (a Agreement) checkStandards() error {
	for _, s := range a.Member.Sectors {
		if a.Standards[s] == "" {
			return invalid("/standards", "the agreement names no standard for the sector %q", s)
		}
	}
	for s := range a.Standards {
		if !slices.Contains(a.Member.Sectors, s) {
			return invalid("/standards", "the agreement names a standard for the sector %q, in which the member takes no part", s)
		}
	}
	return nil
}

func (a Agreement) checkUse() error {
	if len(a.Undertakings) > maxList {
		return invalid("/undertakings", "at most %d undertakings", maxList)
	}
	for _, u := range a.Undertakings {
		if u == "" || len(u) > maxText {
			return invalid("/undertakings", "an undertaking has from 1 to %d bytes", maxText)
		}
	}
	for i, p := range a.Purposes {
		if !p.Valid() || slices.Contains(a.Purposes[:i], p) {
			return invalid("/purposes", "the purposes are among %v, each once", member.Purposes())
		}
	}
	return nil
}

func (a Agreement) checkTimes() error {
	for _, t := range []struct {
		name string
		at   time.Time
	}{{"/from", a.From}, {"/until", a.Until}} {
		if err := wholeSecond(t.name, t.at); err != nil {
			return err
		}
	}
	if !a.From.Before(a.Until) {
		return invalid("/until", "an agreement ends after it begins")
	}
	if a.Until.Sub(a.From) > MaxValidity {
		return invalid("/until", "an agreement lasts at most five years; it can be renewed")
	}
	return nil
}

func wholeSecond(path string, t time.Time) error {
	if t.IsZero() || t.Nanosecond() != 0 || t.Location() != time.UTC || t.Year() < 1 || t.Year() > 9999 {
		return invalid(path, "a time in whole seconds UTC is expected, as 2026-11-24T08:00:00Z")
	}
	return nil
}

func invalid(path, format string, args ...any) error {
	return fault.New(fault.Invalid, "agreement.malformed", format, args...).At(path)
}

// ValidAt reports whether the agreement holds at a moment: from From on, to
// the second, and not any more at Until.
func (a Agreement) ValidAt(t time.Time) error {
	if t.Before(a.From) {
		return fault.New(fault.Forbidden, "agreement.not_yet", "the agreement %s begins at %s", a.ID, a.From.Format(time.RFC3339))
	}
	if !t.Before(a.Until) {
		return fault.New(fault.Forbidden, "agreement.expired",
			"the agreement %s ended at %s; ask the third party for an invitation, and sign anew with `concord member renew --invitation FILE`", a.ID, a.Until.Format(time.RFC3339))
	}
	return nil
}

// With reports whether the agreement was made with this hub.
func (a Agreement) With(hub string) error {
	if a.Hub != hub {
		return fault.New(fault.Forbidden, "agreement.other_hub",
			"the agreement %s was made with another hub than %q", a.ID, hub)
	}
	return nil
}

// Allows reports whether the member may use answers for the purpose.
func (a Agreement) Allows(p member.Purpose) error {
	if slices.Contains(a.Purposes, p) {
		return nil
	}
	return fault.New(fault.Forbidden, "agreement.purpose",
		"the agreement %s does not allow the purpose %q; it allows %v", a.ID, p, a.Purposes)
}
