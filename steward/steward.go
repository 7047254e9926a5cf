// Package steward is a node that one co-owner runs: it holds the key by which
// identifiers become tokens, and uses it for members only, within quotas. It
// sees blinded elements, hence how many are asked for, by whom and when, and
// never a value or a token.
//
//	member ── its agreement, countersigned by the hub ──▶ Admit
//	member ── credential, blinded elements ──▶ Evaluate ──▶ evaluated elements, one proof
//	                                              │ debits, durably, before it answers
//	                                              ▼
//	                                           Ledger: owner group × day
//
// A delegate of a member (agreement.Delegation: a hub that tools push to) asks
// with the delegation and a credential of its own, on the same quota, until the
// delegation ends or the member revokes it.
//
// The steward trusts no list that the hub keeps: it verifies both signatures
// on each member's agreement itself, against the hub's pinned key, each time.
// Since one steward holds the whole key for now, the custody is single
// (wire.SingleCustody).
package steward

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/wire"
)

// Scope is what a credential for a steward is made out for.
const Scope = "evaluate"

// Steward answers for one key epoch. Its fields are set once; it is safe for
// use by many goroutines.
type Steward struct {
	// Name is the audience of credentials.
	Name  string
	Epoch int
	// Key is the link key of the epoch.
	Key *oprf.SecretKey
	// Hub is the id of the hub whose members are admitted, HubKey its pinned
	// key, which countersigns agreements.
	Hub    string
	HubKey ed25519.PublicKey
	// DailyQuota of evaluations for each owner group and UTC day. It bounds
	// how fast a group can try out values (enumeration).
	DailyQuota int64

	Admissions Admissions
	Ledger     Ledger
	Now        func() time.Time
	Random     io.Reader

	once agreement.Once
}

// Admissions keeps the agreements that members have shown.
type Admissions interface {
	// Admit stores a member's agreement, in place of any former one. It MUST
	// be durable before it returns nil.
	Admit(ctx context.Context, m wire.MemberID, signed []byte) error
	// Admitted returns the agreement stored last, or fault.NotFound.
	Admitted(ctx context.Context, m wire.MemberID) (signed []byte, err error)
	// Revoke stores that delegations of a member are over that began up to a
	// moment; an earlier moment than the one stored changes nothing. It MUST be
	// durable before it returns nil.
	Revoke(ctx context.Context, m wire.MemberID, upTo time.Time) error
	// Revoked returns that moment, or the zero time.
	Revoked(ctx context.Context, m wire.MemberID) (time.Time, error)
}

// Ledger counts evaluations.
type Ledger interface {
	// Debit adds n evaluations to what the owner group was given on a day
	// ("2026-11-24", UTC) for a kind of key, unless the sum would pass quota:
	// then it changes nothing and returns false. The debit MUST be durable
	// before it returns true, since the answer leaves right after. used is
	// the day's sum as it stands afterwards.
	Debit(ctx context.Context, group wire.OwnerGroup, day string, key wire.KeyKind, n, quota int64) (used int64, ok bool, err error)
}

// Info is what the steward says about itself.
func (s *Steward) Info() wire.StewardInfo {
	return wire.StewardInfo{Name: s.Name, Epoch: s.Epoch, Custody: wire.SingleCustody,
		LinkKey: s.Key.Public().String(), Hub: s.Hub}
}

// Admit takes a member's agreement, signed by both sides. It is sent once,
// and again when it was renewed; one that began earlier than the one held is
// refused while that is valid, so that a former key cannot come back.
func (s *Steward) Admit(ctx context.Context, signed []byte) (agreement.Agreement, error) {
	a, err := s.open(signed)
	if err != nil {
		return agreement.Agreement{}, err
	}
	if err := a.ValidAt(s.Now()); err != nil {
		return agreement.Agreement{}, err
	}
	held, err := s.Admissions.Admitted(ctx, a.Member.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
	case err != nil:
		return agreement.Agreement{}, fmt.Errorf("look for a member's agreement: %w", err)
	default:
		former, err := s.open(held)
		if err == nil && former.ValidAt(s.Now()) == nil && a.From.Before(former.From) {
			return agreement.Agreement{}, fault.New(fault.Conflict, "steward.older_agreement",
				"a newer agreement of this member is held already; send the newest")
		}
	}
	if err := s.Admissions.Admit(ctx, a.Member.ID, signed); err != nil {
		return agreement.Agreement{}, fmt.Errorf("store a member's agreement: %w", err)
	}
	return a, nil
}

func (s *Steward) open(signed []byte) (agreement.Agreement, error) {
	a, err := agreement.OpenCountersigned(signed, s.HubKey)
	if err != nil {
		return agreement.Agreement{}, err
	}
	return a, a.With(s.Hub)
}

// Evaluate answers a batch of blinded elements for the member whose
// credential (made out to the steward's name and [Scope]) is presented. The
// owner group's quota is debited durably before the key is used.
func (s *Steward) Evaluate(ctx context.Context, credential string, ask wire.EvaluateRequest) (wire.EvaluateResponse, error) {
	m, err := s.authenticate(ctx, credential, Scope, ask.Delegation)
	if err != nil {
		return wire.EvaluateResponse{}, err
	}
	blinded, err := s.elements(ask)
	if err != nil {
		return wire.EvaluateResponse{}, err
	}
	if err := s.debit(ctx, m.OwnerGroup, ask.Key, int64(len(blinded))); err != nil {
		return wire.EvaluateResponse{}, err
	}
	evaluated, proof, err := s.Key.Evaluate(blinded, s.Random)
	if err != nil {
		return wire.EvaluateResponse{}, fmt.Errorf("evaluate: %w", err)
	}
	answer := wire.EvaluateResponse{Epoch: s.Epoch, Key: ask.Key, Evaluated: make([]string, len(evaluated)), Proof: proof.String()}
	for i, e := range evaluated {
		answer.Evaluated[i] = e.String()
	}
	return answer, nil
}

// authenticate finds who asks, and uses the credential up. With a delegation,
// the credential is the delegate's.
func (s *Steward) authenticate(ctx context.Context, credential, scope string, delegation []byte) (agreement.Card, error) {
	presented, err := agreement.ParseCredential(credential)
	if err != nil {
		return agreement.Card{}, err
	}
	signed, err := s.Admissions.Admitted(ctx, presented.ClaimedMember())
	if fault.KindOf(err) == fault.NotFound {
		return agreement.Card{}, fault.New(fault.Unauthenticated, "steward.not_admitted",
			"this steward has no agreement of yours yet; send it the agreement that the hub countersigned").Because(err)
	}
	if err != nil {
		return agreement.Card{}, fmt.Errorf("look for a member's agreement: %w", err)
	}
	a, err := s.open(signed)
	if err != nil {
		return agreement.Card{}, err
	}
	now, key := s.Now(), a.Member.Key
	if len(delegation) > 0 {
		if key, err = s.delegate(ctx, a, delegation, now); err != nil {
			return agreement.Card{}, err
		}
	}
	verified, err := presented.Verify(key, s.Name, scope, now)
	if err != nil {
		return agreement.Card{}, err
	}
	if err := a.ValidAt(now); err != nil {
		return agreement.Card{}, err
	}
	return a.Member, s.once.Spend(verified, now)
}

// elements checks a batch before anything is debited for it.
func (s *Steward) elements(ask wire.EvaluateRequest) ([]oprf.Element, error) {
	switch {
	case ask.Key != wire.LinkKey:
		return nil, fault.New(fault.Invalid, "steward.key", "this steward has the key %q only", wire.LinkKey).At("/key")
	case ask.Epoch != s.Epoch:
		return nil, fault.New(fault.Conflict, "steward.epoch", "this steward answers for epoch %d; renew the hub's pins with `concord member join`", s.Epoch).At("/epoch")
	case len(ask.Blinded) == 0:
		return nil, fault.New(fault.Invalid, "steward.empty", "there is nothing to evaluate").At("/blinded")
	case len(ask.Blinded) > wire.MaxEvaluate:
		return nil, fault.New(fault.TooLarge, "steward.batch", "at most %d elements are evaluated at once", wire.MaxEvaluate).At("/blinded")
	}
	blinded := make([]oprf.Element, len(ask.Blinded))
	for i, text := range ask.Blinded {
		if err := blinded[i].UnmarshalText([]byte(text)); err != nil {
			return nil, fault.New(fault.Invalid, "steward.element", "element %d of the batch is no group element", i).
				At(fmt.Sprintf("/blinded/%d", i)).Because(err)
		}
	}
	return blinded, nil
}

func (s *Steward) debit(ctx context.Context, group wire.OwnerGroup, key wire.KeyKind, n int64) error {
	day := s.Now().UTC().Format(time.DateOnly)
	used, ok, err := s.Ledger.Debit(ctx, group, day, key, n, s.DailyQuota)
	if err != nil {
		return fmt.Errorf("debit evaluations: %w", err)
	}
	if !ok {
		return fault.New(fault.TooLarge, "steward.quota",
			"%d more tokens would pass your owner group's %d of a day (%d are used); go on after midnight UTC, or ask the steward's operator for more",
			n, s.DailyQuota, used)
	}
	return nil
}
