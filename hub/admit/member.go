package admit

import (
	"context"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Held is an agreement as the record keeps it: signed by both sides, with
// what the record must know of it.
type Held struct {
	ID     wire.AgreementID
	Member wire.MemberID
	// From and Until bound its validity, in whole seconds: valid at From, not
	// valid any more at Until.
	From, Until time.Time
	// Ended is when it ended before its day (see [Door.Succeed]); zero if it
	// did not.
	Ended time.Time
	// Signed is the agreement with both signatures, the truth about it.
	Signed []byte
}

// End is when the agreement is valid no more.
func (h Held) End() time.Time {
	if !h.Ended.IsZero() && h.Ended.Before(h.Until) {
		return h.Ended
	}
	return h.Until
}

// Ending says that an agreement ends before its day.
type Ending struct {
	Member wire.MemberID
	At     time.Time
	Reason string
	// Successor is the member that the organisation became part of, if it did.
	// The former member counts with it from then on.
	Successor wire.MemberID
}

// Members is what this room needs of the hub's record about who takes part.
type Members interface {
	// Member returns a member, or fault.NotFound.
	Member(ctx context.Context, id wire.MemberID) (member.Member, error)
	// MemberByKey returns the member whose key has this id (envelope.KeyID),
	// or fault.NotFound.
	MemberByKey(ctx context.Context, keyID string) (member.Member, error)
	// Members lists all, in order of id.
	Members(ctx context.Context) ([]member.Member, error)
	// Agreement returns the member's current agreement, or fault.NotFound.
	Agreement(ctx context.Context, m wire.MemberID) (Held, error)
	// Renew makes an agreement the member's current one; the former is kept.
	Renew(ctx context.Context, h Held, at time.Time) error
	// EndAgreement ends a member's current agreement and its sessions, and has
	// it count with its successor's owner group, if there is one. An unknown
	// member or successor is fault.NotFound; an agreement that ended already is
	// fault.Conflict.
	EndAgreement(ctx context.Context, e Ending) error
	// Suspend sets or lifts a member's suspension; setting it ends all of its
	// sessions in the same transaction.
	Suspend(ctx context.Context, m wire.MemberID, suspended bool) error
}

// Card says who is invited: what the third party checked about an
// organisation before the code was handed over.
type Card struct {
	// ID is issued when the invitation is made, so that the agreement can name
	// it.
	ID         wire.MemberID   `json:"id"`
	Name       string          `json:"name"`
	Stake      member.Stake    `json:"stake"`
	Kind       member.Kind     `json:"kind"`
	OwnerGroup wire.OwnerGroup `json:"owner_group"`
	Sectors    []string        `json:"sectors"`
	// Purposes that the member may use answers for.
	Purposes []member.Purpose `json:"purposes"`
	// Roles and Jurisdiction are as on the agreement's card.
	Roles        []string `json:"roles,omitzero"`
	Jurisdiction string   `json:"jurisdiction,omitzero"`
	// Law is where the member stands under data protection law; nil means its
	// stake's and kind's defaults.
	Law []agreement.Position `json:"law,omitzero"`
	// Project is what a researcher asks for.
	Project *agreement.Project `json:"project,omitzero"`
}

// Invitation is an open or used invitation.
type Invitation struct {
	Card       Card
	Created    time.Time
	ValidUntil time.Time
	// Used is when the invitation was used, by Member; zero before.
	Used   time.Time
	Member wire.MemberID
	// Withdrawn is when the operator took it back; zero if not.
	Withdrawn time.Time
}

// Found is what the record knows about an invitation when it is used.
type Found struct {
	Invitation Invitation
	// GroupCounts is from when on the owner group counts, zero if it is new.
	GroupCounts time.Time
	// Known is the member whom the card names, if it takes part already: then
	// the invitation is to sign anew under a changed card.
	Known *member.Member
	// Joined is what came of the invitation if it was used before.
	Joined *Joined
}

// Joined is a member with its first agreement.
type Joined struct {
	Member    member.Member
	KeyID     string
	Agreement Held
}

// Invitations is what this room needs of the record about who is asked in.
// Codes come as hashes.
type Invitations interface {
	AddInvitation(ctx context.Context, codeHash []byte, i Invitation) error
	// Invitation returns one, or fault.NotFound.
	Invitation(ctx context.Context, codeHash []byte) (Invitation, error)
	// Invitations lists all, newest first.
	Invitations(ctx context.Context) ([]Invitation, error)
	// WithdrawInvitations takes back the open invitations that were made out to
	// this member id, and returns how many there were.
	WithdrawInvitations(ctx context.Context, m wire.MemberID, at time.Time) (int, error)
	// Join uses an invitation up and stores the member (in place of the one
	// with its id, if that takes part already) and the agreement that decide
	// makes of it, all or nothing. decide is called inside the
	// transaction, so that of two who use a code at once one joins. If the
	// invitation was used before, decide finds what came of it and nothing is
	// stored: it returns Found.Joined to answer the same again, or refuses.
	// An unknown code is fault.NotFound; a key that another member has is
	// fault.Conflict.
	Join(ctx context.Context, codeHash []byte, at time.Time, decide func(Found) (Joined, error)) (Joined, error)
}

// Record is all that this room needs of the hub's record.
type Record interface {
	Members
	Invitations
	Sessions
	Orders
}
