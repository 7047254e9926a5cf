package admit

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Standing is a member who may come in now: not suspended, with an agreement
// that both sides signed and that is valid. Only this room makes one.
type Standing struct {
	member    member.Member
	agreement agreement.Agreement
	at        time.Time
	// contributed is when the member last had a report accepted.
	contributed time.Time
}

// Member is who stands at the door.
func (s Standing) Member() member.Member { return s.member }

// Agreement is the member's current agreement.
func (s Standing) Agreement() agreement.Agreement { return s.agreement }

// Purposes are what the agreement lets the member use answers for.
func (s Standing) Purposes() []member.Purpose { return slices.Clone(s.agreement.Purposes) }

// Viewer is the member as a recipient for one purpose, if its agreement
// allows that.
func (s Standing) Viewer(p member.Purpose) (member.Viewer, error) {
	if !slices.Contains(s.agreement.Purposes, p) {
		return member.Viewer{}, purposeRefused(p, s.agreement.Purposes)
	}
	v := member.Viewer{Member: s.member, Purpose: p, At: s.at, Contributed: s.contributed}
	if s.agreement.Project != nil {
		v.Project = s.agreement.Project.ID
	}
	return v, nil
}

// Rules compiles the member's terms as a contributor, for the standard of each
// of its sectors. A member without terms only receives: fault.Forbidden.
func (s Standing) Rules(find func(standard.Ref) (*standard.Standard, error)) (map[standard.Ref]*terms.Rules, error) {
	return compile(s.agreement, find)
}

func compile(a agreement.Agreement, find func(standard.Ref) (*standard.Standard, error)) (map[standard.Ref]*terms.Rules, error) {
	if a.Terms == nil {
		return nil, fault.New(fault.Forbidden, "agreement.receives_only",
			"the agreement %s has no terms for contributing; agree on a sheet with `concord member join`", a.ID)
	}
	var stds []*standard.Standard
	for _, ref := range a.Standards {
		if slices.ContainsFunc(stds, func(s *standard.Standard) bool { return s.Ref() == ref }) {
			continue
		}
		std, err := find(ref)
		if err != nil {
			return nil, fmt.Errorf("find the standard %s of an agreement: %w", ref, err)
		}
		stds = append(stds, std)
	}
	return terms.CompileFor(a.Terms, stds...)
}

// Standing looks whether a member may come in now.
func (d *Door) Standing(ctx context.Context, id wire.MemberID) (Standing, error) {
	m, err := d.Record.Member(ctx, id)
	if err != nil {
		return Standing{}, err
	}
	return d.standing(ctx, m)
}

var errSuspended = fault.New(fault.Forbidden, "member.suspended",
	"this membership is suspended; the third party's operator can say why")

func (d *Door) standing(ctx context.Context, m member.Member) (Standing, error) {
	if m.Suspended {
		return Standing{}, errSuspended
	}
	a, held, err := d.held(ctx, m)
	if err != nil {
		return Standing{}, err
	}
	now := d.now()
	if err := a.ValidAt(now); err != nil {
		return Standing{}, err
	}
	if !now.Before(held.End()) {
		return Standing{}, fault.New(fault.Forbidden, "agreement.ended",
			"the agreement %s was ended at %s; ask the third party for an invitation", a.ID, held.End().Format(time.RFC3339))
	}
	m.Roles, m.Jurisdiction = slices.Clone(a.Member.Roles), a.Member.Jurisdiction
	s := Standing{member: m, agreement: a, at: now}
	if d.Contributed != nil {
		if s.contributed, err = d.Contributed(ctx, m.ID); err != nil {
			return Standing{}, err
		}
	}
	return s, nil
}

// held opens the member's current agreement, whether or not it is valid now.
func (d *Door) held(ctx context.Context, m member.Member) (agreement.Agreement, Held, error) {
	none := agreement.Agreement{}
	held, err := d.Record.Agreement(ctx, m.ID)
	if fault.KindOf(err) == fault.NotFound {
		return none, Held{}, fault.New(fault.Forbidden, "agreement.none", "this member has no agreement; no agreement, no flow").Because(err)
	}
	if err != nil {
		return none, Held{}, err
	}
	// The record is not believed: what both sides signed is.
	a, err := agreement.Open(held.Signed, m.Key, d.Sign.Public().(ed25519.PublicKey))
	if err != nil {
		return none, Held{}, fmt.Errorf("open the agreement of a member in the record: %w", err)
	}
	if a.Member.ID != m.ID || a.ID != held.ID {
		return none, Held{}, fault.New(fault.Internal, "agreement.damaged", "the record holds another member's agreement here")
	}
	return a, held, a.With(d.Hub)
}

// MemberByKey returns the member who signs with the key of this id
// (envelope.KeyID), whether or not it may come in now.
func (d *Door) MemberByKey(ctx context.Context, keyID string) (member.Member, error) {
	return d.Record.MemberByKey(ctx, keyID)
}

// Authenticate finds out which member's machine asks, by a credential that it
// issued for this hub and scope, and uses the credential up.
func (d *Door) Authenticate(ctx context.Context, credential, scope string) (Standing, error) {
	presented, err := agreement.ParseCredential(credential)
	if err != nil {
		return Standing{}, err
	}
	m, err := d.Record.Member(ctx, presented.ClaimedMember())
	if fault.KindOf(err) == fault.NotFound {
		// As for a wrong signature: who is no member learns nothing.
		m = member.Member{}
	} else if err != nil {
		return Standing{}, err
	}
	now := d.Now()
	verified, err := presented.Verify(m.Key, d.Hub, scope, now)
	if err != nil {
		return Standing{}, err
	}
	if err := d.once.Spend(verified, now); err != nil {
		return Standing{}, err
	}
	return d.standing(ctx, m)
}

// Succeed ends the agreement of an organisation that was merged into another
// member, or that left if to is "": nothing is inherited. What the former member
// contributed stays under the terms that it signed last or is passed on no
// more, as its agreement says; it counts with its successor from now on, and
// the successor signs for itself what is to hold next.
func (d *Door) Succeed(ctx context.Context, from, to wire.MemberID) error {
	e := Ending{Member: from, At: d.now(), Reason: "left", Successor: to}
	if to != "" {
		e.Reason = "succession"
	}
	if from == to {
		return fault.New(fault.Usage, "succession.same", "an organisation does not succeed itself; after a rename, invite the member to sign anew")
	}
	if to != "" {
		if _, err := d.Standing(ctx, to); err != nil {
			return fmt.Errorf("look whether the successor takes part: %w", err)
		}
	}
	return d.Record.EndAgreement(ctx, e)
}

// Suspend ends a member's part until it is lifted: its sessions end, and every
// door refuses it.
func (d *Door) Suspend(ctx context.Context, m wire.MemberID) error {
	return d.Record.Suspend(ctx, m, true)
}

// Lift ends a suspension.
func (d *Door) Lift(ctx context.Context, m wire.MemberID) error {
	return d.Record.Suspend(ctx, m, false)
}
