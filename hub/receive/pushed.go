package receive

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Pushed is [Desk.Receive] for what a member's tool pushed and this hub's own
// intake sends in the member's name: the envelope is signed by the delegate's
// key, and the delegation, which the member signed, comes with it. It must hold
// now, and for the sector of each report; the receipt says that it was pushed.
// No door leads here from outside: an envelope that a delegate signed is refused
// by Receive.
func (d *Desk) Pushed(ctx context.Context, from wire.MemberID, sealed, delegation []byte) (receipt []byte, err error) {
	if err := checkSize(sealed); err != nil {
		return nil, err
	}
	standing, err := d.Admit.Standing(ctx, from)
	if err != nil {
		return nil, err
	}
	given, err := standing.Delegate(delegation, agreement.MayContribute)
	if err != nil {
		return nil, err
	}
	in, err := envelope.OpenContribution(sealed, d.Hub, func(keyID string) (wire.MemberID, ed25519.PublicKey, error) {
		if keyID != envelope.KeyID(given.Key) {
			return "", nil, fault.New(fault.NotFound, "delegation.other_key", "the envelope is signed by another key than the delegate's")
		}
		return from, given.Key, nil
	}, d.Open...)
	if err != nil {
		return nil, err
	}
	return d.takeIn(ctx, in, standing, func(c *opened) error {
		if len(c.Nil) > 0 {
			return fault.New(fault.Forbidden, "delegation.scope", "a delegate sends reports; that there was nothing to report says the member alone").At("/nil")
		}
		for i, r := range c.reports {
			if r.problem != nil {
				continue // refused by itself
			}
			if err := given.Covers(r.report.Sector); err != nil {
				return fault.Public(err).At(fmt.Sprintf("/reports/%d/sector", i))
			}
		}
		c.pushed = wire.Pushed
		return nil
	})
}
