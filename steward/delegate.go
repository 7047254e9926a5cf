package steward

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// ScopeRevoke is what a credential is made out for that ends delegations. No
// delegate has it: what it signs is taken for evaluations alone.
const ScopeRevoke = "revoke"

// delegate returns the key to which a member delegated, if that holds now and
// the member has not revoked it.
func (s *Steward) delegate(ctx context.Context, a agreement.Agreement, signed []byte, now time.Time) (ed25519.PublicKey, error) {
	d, err := agreement.OpenDelegation(signed, a.Member.Key)
	if err != nil {
		return nil, err
	}
	if err := d.Holds(a, agreement.MayEvaluate, now); err != nil {
		return nil, err
	}
	revoked, err := s.Admissions.Revoked(ctx, a.Member.ID)
	if err != nil {
		return nil, fmt.Errorf("look for revocations: %w", err)
	}
	if !d.From.After(revoked) {
		return nil, fault.New(fault.Forbidden, "delegation.revoked", "the member has ended this delegation")
	}
	return d.Key, nil
}

// Revoke ends every delegation of the member whose credential (made out to the
// steward's name and [ScopeRevoke]) is presented that began up to a moment of
// the member's clock. It holds from its return on, and cannot be undone: a
// later delegation is another one.
func (s *Steward) Revoke(ctx context.Context, credential string, ask wire.RevokeRequest) error {
	m, err := s.authenticate(ctx, credential, ScopeRevoke, nil)
	if err != nil {
		return err
	}
	upTo, err := time.Parse(time.RFC3339, ask.UpTo)
	if err != nil {
		return fault.New(fault.Invalid, "steward.up_to", "the moment is not written as RFC 3339 does, as 2026-11-24T08:00:00Z").At("/up_to").Because(err)
	}
	// From a clock that is further ahead, it would end what is yet to be given.
	if upTo.After(s.Now().Add(agreement.MaxCredentialLife)) {
		return fault.New(fault.Invalid, "steward.up_to", "the moment lies in the future by this steward's clock (%s); set yours", s.Now().UTC().Format(time.RFC3339)).At("/up_to")
	}
	if err := s.Admissions.Revoke(ctx, m.ID, upTo.UTC()); err != nil {
		return fmt.Errorf("store a revocation: %w", err)
	}
	return nil
}
