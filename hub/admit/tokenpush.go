package admit

import (
	"context"
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Delegate names the key to which a member is asked to delegate for a token by
// which a tool pushes. Nothing is stored: the key is found again by its id.
func (d *Door) Delegate(ctx context.Context, m wire.MemberID) (wire.Delegate, error) {
	standing, err := d.Standing(ctx, m)
	if err != nil {
		return wire.Delegate{}, err
	}
	if err := d.mayPush(standing); err != nil {
		return wire.Delegate{}, err
	}
	id, err := wire.NewID[wire.DelegationID]('l', d.Rand)
	if err != nil {
		return wire.Delegate{}, err
	}
	key, err := d.DelegateKey(m, id)
	if err != nil {
		return wire.Delegate{}, err
	}
	return wire.Delegate{ID: id, Key: envelope.PublicText(key.Public().(ed25519.PublicKey))}, nil
}

// mayPush refuses who could not contribute otherwise either.
func (d *Door) mayPush(s Standing) error {
	switch {
	case d.DelegateKey == nil:
		return fault.New(fault.Forbidden, "token.no_push", "this hub takes no pushes; contribute with `concord member submit`")
	case s.Agreement().Terms == nil:
		return fault.New(fault.Forbidden, "agreement.receives_only",
			"the agreement %s has no terms for contributing, so that nothing can be pushed; `concord member renew --terms SHEET` agrees on a sheet", s.Agreement().ID)
	}
	return nil
}

// IssuePushToken makes a token by which a tool reads and pushes, for a
// delegation that the member signed for a key of [Door.Delegate]. It ends with
// the delegation, if life does not end it before.
func (d *Door) IssuePushToken(ctx context.Context, m wire.MemberID, purposes []member.Purpose, life time.Duration, signed []byte) (token string, expires time.Time, sectors []string, err error) {
	standing, err := d.Standing(ctx, m)
	if err != nil {
		return "", time.Time{}, nil, err
	}
	if err := d.mayPush(standing); err != nil {
		return "", time.Time{}, nil, err
	}
	given, err := d.DelegatedTo(standing, signed)
	if err != nil {
		return "", time.Time{}, nil, err
	}
	left := given.Until.Sub(d.now())
	if life == 0 || life > left {
		life = min(left, TokenLife)
	}
	token, expires, err = d.issue(ctx, standing, purposes, life, signed)
	return token, expires, given.Sectors, err
}

// DelegatedTo opens a delegation and holds it to everything that it is held to
// when it is used: it is the member's, to a key of this hub's, under the
// present agreement and within it, and it holds now, for both scopes.
func (d *Door) DelegatedTo(standing Standing, signed []byte) (agreement.Delegation, error) {
	given, err := standing.Delegate(signed, agreement.MayContribute)
	if err == nil {
		err = given.Holds(standing.agreement, agreement.MayEvaluate, standing.at)
	}
	if err != nil {
		return agreement.Delegation{}, err
	}
	key, err := d.DelegateKey(standing.member.ID, given.ID)
	if err != nil {
		return agreement.Delegation{}, err
	}
	if !given.Key.Equal(key.Public()) {
		return agreement.Delegation{}, fault.New(fault.Forbidden, "delegation.other_key",
			"the delegation is to another key than this hub's; make a new token with `concord member token --push`")
	}
	return given, nil
}

// Delegate opens a delegation of this member, if it holds now for a scope.
func (s Standing) Delegate(signed []byte, scope string) (agreement.Delegation, error) {
	given, err := agreement.OpenDelegation(signed, s.member.Key)
	if err != nil {
		return agreement.Delegation{}, err
	}
	if err := given.Holds(s.agreement, scope, s.at); err != nil {
		return agreement.Delegation{}, err
	}
	for _, sector := range given.Sectors {
		if !slices.Contains(s.agreement.Member.Sectors, sector) || !s.member.InSector(sector) {
			return agreement.Delegation{}, fault.New(fault.Forbidden, "delegation.sector",
				"the delegation is for the sector %q, in which the member takes no part", sector)
		}
	}
	return given, nil
}

// ToolOf finds a tool again by what [Tool.Token] said, for what it pushed
// before. A token that has ended since is a fault of the kind Unauthenticated.
func (d *Door) ToolOf(ctx context.Context, hash []byte) (Tool, error) {
	t, err := d.Tokens.Token(ctx, hash)
	if fault.KindOf(err) == fault.NotFound {
		return Tool{}, tokenRefused().Because(err)
	}
	if err != nil {
		return Tool{}, err
	}
	return d.tool(ctx, hash, t)
}
