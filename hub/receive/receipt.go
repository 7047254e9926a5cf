package receive

import (
	"crypto/ed25519"
	"fmt"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/wire"
)

// sign makes the receipt that is stored and answered.
func (d *Desk) sign(r wire.Receipt) ([]byte, error) {
	payload, err := wire.Canonical(r)
	if err != nil {
		return nil, err
	}
	return envelope.Sign(wire.PayloadReceipt, payload, d.Sign)
}

// readReceipt opens a receipt of the record; that it bears the hub's own
// signature is checked, since it is about to be given out again.
func (d *Desk) readReceipt(signed []byte) (wire.Receipt, error) {
	own := d.Sign.Public().(ed25519.PublicKey)
	payload, _, err := envelope.Verify(signed, wire.PayloadReceipt, func(string) (ed25519.PublicKey, bool) { return own, true })
	if err != nil {
		return wire.Receipt{}, fmt.Errorf("open a receipt of the record: %w", err)
	}
	var r wire.Receipt
	if err := wire.Decode(payload, &r); err != nil {
		return wire.Receipt{}, fmt.Errorf("read a receipt of the record: %w", err)
	}
	return r, nil
}
