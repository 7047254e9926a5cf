package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// Recall has the hub destroy reports of this member. The signed request is kept
// before it is sent, and sent again until there is a receipt: here, or by
// [Member.SendRecalls]. Up to wire.MaxRecall reports go into one request.
func (m *Member) Recall(ctx context.Context, reports []wire.ReportID, reason string) ([]wire.Destruction, error) {
	reports = slices.Clone(reports)
	slices.Sort(reports)
	for some := range slices.Chunk(slices.Compact(reports), wire.MaxRecall) {
		if err := m.queueRecall(ctx, some, reason); err != nil {
			return nil, err
		}
	}
	return m.SendRecalls(ctx)
}

func (m *Member) queueRecall(ctx context.Context, reports []wire.ReportID, reason string) error {
	if !slices.Contains(wire.Reasons(), reason) {
		return fault.New(fault.Usage, "recall.reason", "the reason is one of %v", wire.Reasons())
	}
	for _, r := range reports {
		if !wire.ValidID('r', r) {
			return fault.New(fault.Usage, "recall.report", "%q is no id of a report, r-…; `concord member status` and the hub's page of your contributions name them, or name the file with --file", r)
		}
	}
	id, err := wire.NewID[wire.RecallID]('d', rand.Reader)
	if err != nil {
		return err
	}
	now := m.Outbox.Now().UTC().Truncate(time.Second)
	payload, err := wire.Canonical(wire.RecallRequest{ID: id, Member: m.Agreement.Member.ID, Hub: m.Outbox.HubID, Made: now.Format(time.RFC3339), Reports: reports, Reason: reason})
	if err != nil {
		return err
	}
	signed, err := envelope.Sign(wire.PayloadRecall, payload, m.Outbox.Sign)
	if err != nil {
		return err
	}
	return m.Store.QueueRecall(ctx, store.Recall{ID: id, Made: now, Request: signed})
}

// SendRecalls sends the requests that have no receipt yet, and returns what the
// receipts say. What the hub refuses for good is dropped, and is an error; what
// it cannot take now stays.
func (m *Member) SendRecalls(ctx context.Context) (done []wire.Destruction, err error) {
	return m.sendRecalls(ctx, true)
}

// RecallAgain sends every request that was ever signed here again: a hub that
// was restored from a backup has what was destroyed since. Of others it gets
// the receipts that it has.
func (m *Member) RecallAgain(ctx context.Context) (done []wire.Destruction, err error) {
	return m.sendRecalls(ctx, false)
}

func (m *Member) sendRecalls(ctx context.Context, waiting bool) (done []wire.Destruction, err error) {
	all, err := m.Store.Recalls(ctx, waiting)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r store.Recall) bool { return len(r.Request) == 0 })
	var failed []error
	for _, r := range slices.Backward(all) { // oldest first
		receipt, err := m.Hub.TakeBack(ctx, r.Request)
		if err != nil {
			failed = append(failed, err)
			if forGood(err) {
				failed = append(failed, m.Store.DropRecall(ctx, r.ID))
			}
			continue
		}
		d, err := m.verifyDestruction(r, receipt)
		if err == nil {
			err = m.Store.KeepReceipt(ctx, store.Recall{ID: d.ID, Made: r.Made, Receipt: receipt, Kept: m.Outbox.Now()})
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		done = append(done, d)
	}
	return done, errors.Join(failed...)
}

// forGood says that the same request would be refused again.
func forGood(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict, fault.TooLarge, fault.Gone:
		return true
	}
	return false
}

// verifyDestruction holds a receipt to what was asked: signed by the pinned
// hub, for this very request, with an answer for each report.
func (m *Member) verifyDestruction(r store.Recall, receipt []byte) (wire.Destruction, error) {
	bad := fault.New(fault.Invalid, "recall.bad_receipt", "what the hub answered is no valid receipt for this recall; it is asked again. If this goes on, ask the hub's operator whether its signing key was changed")
	d, err := readDestruction(receipt, m.Outbox.HubKey)
	if err != nil {
		return d, bad.Because(err)
	}
	if d.Member != m.Agreement.Member.ID || d.Hub != m.Outbox.HubID {
		return d, bad
	}
	if len(r.Request) == 0 {
		return d, nil // the hub's own
	}
	payload, _, err := envelope.Verify(r.Request, wire.PayloadRecall, func(string) (ed25519.PublicKey, bool) { return m.Outbox.Sign.Public().(ed25519.PublicKey), true })
	if err != nil {
		return d, bad.Because(err)
	}
	var ask wire.RecallRequest
	if err := wire.Decode(payload, &ask); err != nil {
		return d, bad.Because(err)
	}
	sum := sha256.Sum256(payload)
	if d.ID != ask.ID || d.Request != hex.EncodeToString(sum[:]) || len(d.Reports) != len(ask.Reports) {
		return d, bad
	}
	for i, one := range d.Reports {
		if one.Report != ask.Reports[i] {
			return d, bad
		}
	}
	return d, nil
}

// Destroyed is what a member knows of a destruction of its reports: when it
// was asked for, and what the receipt says, if there is one yet.
type Destroyed struct {
	ID          wire.RecallID    `json:"recall"`
	Made        time.Time        `json:"made"`
	Waiting     bool             `json:"waiting,omitzero"`
	Destruction wire.Destruction `json:"receipt,omitzero"`
}

// Destroyed lists what was destroyed of the member's reports, newest first, as
// the receipts say that are kept here.
func (m *Member) Destroyed(ctx context.Context) ([]Destroyed, error) {
	kept, err := m.Store.Recalls(ctx, false)
	if err != nil {
		return nil, err
	}
	all := make([]Destroyed, 0, len(kept))
	for _, r := range kept {
		one := Destroyed{ID: r.ID, Made: r.Made, Waiting: len(r.Receipt) == 0}
		if !one.Waiting {
			if one.Destruction, err = readDestruction(r.Receipt, m.Outbox.HubKey); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// FetchReceipts keeps the receipts of what the hub destroyed by itself: when
// its time was over, when a hold ended, or by its operator.
func (m *Member) FetchReceipts(ctx context.Context) error {
	all, err := m.Hub.MyRecalls(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		d, err := m.verifyDestruction(store.Recall{}, r.Receipt)
		if err != nil {
			return err
		}
		if err := m.Store.KeepReceipt(ctx, store.Recall{ID: d.ID, Made: r.At, Receipt: r.Receipt, Kept: m.Outbox.Now()}); err != nil {
			return err
		}
	}
	return nil
}

// ApproveHold signs that a legal hold begins, or ends.
func (m *Member) ApproveHold(ctx context.Context, id wire.HoldID, verdict, person string) (wire.HoldState, error) {
	all, err := m.Hub.Holds(ctx)
	if err != nil {
		return wire.HoldState{}, err
	}
	i := slices.IndexFunc(all.Holds, func(h wire.HoldState) bool { return h.Hold.ID == id })
	if i < 0 {
		return wire.HoldState{}, fault.New(fault.Usage, "hold.not_found", "there is no hold %q for you to approve; `concord member hold list` shows those that there are", id)
	}
	payload, err := wire.Canonical(wire.HoldApproval{Hold: all.Holds[i].Hold, Verdict: verdict, Member: m.Agreement.Member.ID, Hub: m.Outbox.HubID,
		Person: person, Made: m.Outbox.Now().UTC().Format(time.RFC3339)})
	if err != nil {
		return wire.HoldState{}, err
	}
	signed, err := envelope.Sign(wire.PayloadHoldApproval, payload, m.Outbox.Sign)
	if err != nil {
		return wire.HoldState{}, err
	}
	return m.Hub.ApproveHold(ctx, signed)
}
