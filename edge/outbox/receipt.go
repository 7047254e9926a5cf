package outbox

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// verify holds a receipt to what was sent: signed by the pinned hub, for this
// contribution of this member, over these very bytes, with one answer for
// each report and each nil report. Anything less is no receipt, and the
// contribution keeps waiting. The results come in the order of the entry.
func (o *Outbox) verify(e Entry, signed []byte) ([]wire.Result, error) {
	payload, _, err := envelope.Verify(signed, wire.PayloadReceipt, lookup(o.HubKey))
	if err != nil {
		return nil, noReceipt(err)
	}
	var r wire.Receipt
	if err := wire.Decode(payload, &r); err != nil {
		return nil, noReceipt(err)
	}
	digest, err := o.envelopeDigest(e)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Contribution != e.ID:
		return nil, noReceipt(errors.New("it is for another contribution"))
	case r.Member != o.Member || r.Hub != o.HubID:
		return nil, noReceipt(errors.New("it is for another member or of another hub"))
	case r.Envelope != digest:
		return nil, noReceipt(errors.New("it is for other bytes than were sent"))
	}
	return arrange(r.Results, e.Items, e.Nil)
}

// envelopeDigest is the hex SHA-256 of the envelope's payload.
func (o *Outbox) envelopeDigest(e Entry) (string, error) {
	own := o.Sign.Public().(ed25519.PublicKey)
	payload, _, err := envelope.Verify(e.Envelope, wire.PayloadContribution, lookup(own))
	if err != nil {
		return "", fault.New(fault.Conflict, "outbox.other_key",
			"the queued contribution %s was signed with another key than the member has now; restore that key", e.ID).Because(err)
	}
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:]), nil
}

// arrange puts the answers into the order of what was sent: each report once,
// then the nil reports, which have no id, by their order.
func arrange(results []wire.Result, items []Item, nils []report.Nil) ([]wire.Result, error) {
	byReport := map[wire.ReportID]wire.Result{}
	var forNil []wire.Result
	for _, r := range results {
		if r.Status != wire.Accepted && r.Status != wire.Duplicate && r.Status != wire.Refused {
			return nil, noReceipt(errors.New("an answer has no known status"))
		}
		if r.Report == "" {
			forNil = append(forNil, r)
			continue
		}
		if _, twice := byReport[r.Report]; twice {
			return nil, noReceipt(errors.New("a report is answered twice"))
		}
		byReport[r.Report] = r
	}
	if len(byReport) != len(items) || len(forNil) != len(nils) {
		return nil, noReceipt(fmt.Errorf("it answers %d reports of %d and %d nil reports of %d", len(byReport), len(items), len(forNil), len(nils)))
	}
	arranged := make([]wire.Result, 0, len(results))
	for _, it := range items {
		r, ok := byReport[it.Report]
		if !ok {
			return nil, noReceipt(errors.New("a report is not answered"))
		}
		arranged = append(arranged, r)
	}
	return append(arranged, forNil...), nil
}

func lookup(key ed25519.PublicKey) envelope.Lookup {
	return func(id string) (ed25519.PublicKey, bool) {
		return key, len(key) == ed25519.PublicKeySize && envelope.KeyID(key) == id
	}
}

func noReceipt(cause error) error {
	return fault.New(fault.Invalid, "outbox.bad_receipt",
		"what the hub answered is no valid receipt for this contribution; it stays in the queue. If this goes on, ask the hub's operator whether its signing key was changed").Because(cause)
}
