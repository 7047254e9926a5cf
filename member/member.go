// Package member is the vocabulary of who takes part: members, their stakes
// and kinds, sectors, purposes, and the viewer on whose behalf an answer is
// computed. It decides nothing: permission stands on floor 3.
package member

import (
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/concord-trust/concord/wire"
)

// Stake is the interest that a member brings.
type Stake string

// The three stakes that own Concord together.
const (
	Industry       Stake = "industry"
	LawEnforcement Stake = "law-enforcement"
	Research       Stake = "research"
)

// Stakes lists them in the order in which pages show them.
func Stakes() []Stake { return []Stake{Industry, LawEnforcement, Research} }

// Valid reports whether s is one of the three.
func (s Stake) Valid() bool { return slices.Contains(Stakes(), s) }

// Kind says what sort of organisation a member is.
type Kind string

// Kinds lists the kinds that Concord knows.
func Kinds() []Kind {
	return []Kind{"firm", "isac", "cert", "responder", "insurer", "regulator", "police", "prosecutor", "university", "institute"}
}

// Valid reports whether k is a known kind.
func (k Kind) Valid() bool { return slices.Contains(Kinds(), k) }

// Purpose is what a recipient may use an answer for.
type Purpose string

// The closed set of purposes.
const (
	Defend      Purpose = "defend"
	Investigate Purpose = "investigate"
	Study       Purpose = "study"
	Benchmark   Purpose = "benchmark"
	Supervise   Purpose = "supervise"
	Publish     Purpose = "publish"
)

// Purposes lists them.
func Purposes() []Purpose {
	return []Purpose{Defend, Investigate, Study, Benchmark, Supervise, Publish}
}

// Valid reports whether p is one of them.
func (p Purpose) Valid() bool { return slices.Contains(Purposes(), p) }

// Member is an organisation that takes part.
type Member struct {
	ID         wire.MemberID   `json:"id"`
	Name       string          `json:"name"`
	Stake      Stake           `json:"stake"`
	Kind       Kind            `json:"kind"`
	OwnerGroup wire.OwnerGroup `json:"owner_group"`
	Sectors    []string        `json:"sectors"`
	// Key verifies the member's envelopes and requests (Ed25519).
	Key ed25519.PublicKey `json:"key"`
	// Since is when the member joined; a new owner group counts in
	// thresholds only from CountsFrom on (probation).
	Since      time.Time `json:"since"`
	CountsFrom time.Time `json:"counts_from"`
	// Suspended members are refused at every door.
	Suspended bool `json:"suspended,omitzero"`
	// Roles are what its agreement makes it beside a member: "mediator" …
	Roles []string `json:"roles,omitzero"`
	// Jurisdiction is the country under whose law it stands, by its code (ISO
	// 3166-1 alpha-2); "" is none that the hub knows of.
	Jurisdiction string `json:"jurisdiction,omitzero"`
}

// InSector reports whether the member takes part in the sector.
func (m Member) InSector(sector string) bool { return slices.Contains(m.Sectors, sector) }

// Viewer is the recipient for whom an answer is computed: a member, one
// purpose, and the moment.
type Viewer struct {
	Member  Member
	Purpose Purpose
	At      time.Time
	// Project is the project within which the member asks; "" is none.
	Project string
	// Contributed is when the member last had a report accepted; zero: never.
	Contributed time.Time
}
