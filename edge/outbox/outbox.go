// Package outbox is the last room at the edge: it puts reports into
// contributions, seals them to the hub, queues them on disk, and sends the
// very same bytes until it holds a valid signed receipt.
//
//	tokenise.Tokenised ──Put──▶ Queue ──Deliver──▶ hub
//	                              ▲                 │
//	                              └── signed receipt┘  verified, with an answer per report
//
// The process may be killed at any instant: a contribution is either not
// queued at all, or it is queued with its id and its bytes fixed, and the hub
// answers the same contribution sent twice with the same receipt. So nothing
// that was queued is lost and nothing counts twice.
//
// A report's id is derived from its native id with a secret of the member's
// own. Sending the same file again gives the same ids and the same contents,
// which the hub answers with "duplicate"; changed contents get the next
// revision. The nonces of commitments stay in the queue as the member's
// evidence.
package outbox

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"time"

	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// MaxPlaintext is how large the reports of one contribution grow together, in
// bytes of JSON; a single larger report travels alone.
const MaxPlaintext = 1 << 20

// Hub takes envelopes; an HTTP client implements it. A fault of kind
// Unavailable means "not now": the same bytes are sent again later.
type Hub interface {
	Submit(ctx context.Context, sealed []byte) (receipt []byte, err error)
}

// Outbox is a member's way out. Its fields are set once.
type Outbox struct {
	Queue Queue
	Hub   Hub

	Member    wire.MemberID
	Agreement wire.AgreementID
	// Sign signs envelopes.
	Sign ed25519.PrivateKey
	// IDs is the secret from which report ids are derived, 32 bytes. If it
	// changes, every report looks new to the hub.
	IDs []byte
	// HubID, SealTo and HubKey are the hub's pins: its id, the key to which
	// envelopes are sealed, and the key that verifies receipts.
	HubID  string
	SealTo envelope.RecipientPublic
	HubKey ed25519.PublicKey

	Now    func() time.Time
	Random io.Reader
	// Wait pauses between attempts; nil waits for real.
	Wait func(ctx context.Context, d time.Duration) error
	// Attempts in a row at a hub that is not available, before Deliver gives
	// up for this time; 0 means 6, within about a minute.
	Attempts int
	// Fail is called at named points between the steps, for tests that kill
	// the process there; nil otherwise. See [Failpoints].
	Fail func(point string)
}

// Failpoints lists the points at which [Outbox.Fail] is called, in the order
// in which a contribution passes them.
func Failpoints() []string {
	return []string{"outbox.before-queue", "outbox.after-queue", "outbox.before-send",
		"outbox.after-send", "outbox.before-receipt", "outbox.after-receipt"}
}

func (o *Outbox) at(point string) {
	if o.Fail != nil {
		o.Fail(point)
	}
}

// Placed says where a report went in the queue.
type Placed struct {
	Report       wire.ReportID       `json:"report"`
	Revision     int                 `json:"revision"`
	Contribution wire.ContributionID `json:"contribution"`
	// Again is true if the same contents were queued before.
	Again bool `json:"again,omitzero"`
}

// Put seals the reports and queues them durably. It returns one Placed for
// each report, in order, also of those queued before an error; what is queued
// will be delivered.
func (o *Outbox) Put(ctx context.Context, reports []tokenise.Tokenised) ([]Placed, error) {
	var placed []Placed
	pack := packer{}
	for i, t := range reports {
		l, err := o.letter(t)
		if err != nil {
			return placed, err
		}
		if !pack.fits(l) {
			if placed, err = o.queueReports(ctx, pack.take(), placed); err != nil {
				return placed, err
			}
		}
		pack.add(l)
		if i == len(reports)-1 {
			if placed, err = o.queueReports(ctx, pack.take(), placed); err != nil {
				return placed, err
			}
		}
	}
	return placed, nil
}

// PutNil queues nil reports: the member had nothing to report in a sector and
// period.
func (o *Outbox) PutNil(ctx context.Context, nils []report.Nil) (wire.ContributionID, error) {
	var id wire.ContributionID
	if len(nils) == 0 || len(nils) > report.MaxReports {
		return "", fault.New(fault.Invalid, "outbox.nil", "from 1 to %d nil reports go into one contribution", report.MaxReports)
	}
	for _, n := range nils {
		if _, err := n.Begins(); err != nil {
			return "", err
		}
	}
	o.at("outbox.before-queue")
	err := o.Queue.Enqueue(ctx, nil, func(map[wire.ReportID]Known) (Entry, error) {
		e, err := o.entry(nil, nils)
		id = e.ID
		return e, err
	})
	if err != nil {
		return "", fmt.Errorf("queue nil reports: %w", err)
	}
	o.at("outbox.after-queue")
	return id, nil
}

func (o *Outbox) queueReports(ctx context.Context, letters []letter, placed []Placed) ([]Placed, error) {
	ids := make([]wire.ReportID, len(letters))
	for i, l := range letters {
		ids[i] = l.id
	}
	var batch []Placed
	o.at("outbox.before-queue")
	err := o.Queue.Enqueue(ctx, ids, func(known map[wire.ReportID]Known) (Entry, error) {
		batch = batch[:0]
		for i := range letters {
			k, ok := known[letters[i].id]
			again, err := letters[i].date(k, ok, o.Random)
			if err != nil {
				return Entry{}, err
			}
			batch = append(batch, Placed{Report: letters[i].id, Revision: letters[i].report.Revision, Again: again})
		}
		e, err := o.entry(letters, nil)
		for i := range batch {
			batch[i].Contribution = e.ID
		}
		return e, err
	})
	if err != nil {
		return placed, fmt.Errorf("queue reports: %w", err)
	}
	o.at("outbox.after-queue")
	return append(placed, batch...), nil
}

// entry makes and seals a contribution.
func (o *Outbox) entry(letters []letter, nils []report.Nil) (Entry, error) {
	id, err := wire.NewID[wire.ContributionID]('c', o.Random)
	if err != nil {
		return Entry{}, err
	}
	now := o.Now().UTC().Truncate(time.Second)
	c := report.Contribution{ID: id, Member: o.Member, Hub: o.HubID, Agreement: o.Agreement,
		Made: now.Format(time.RFC3339), Nil: nils}
	e := Entry{ID: id, Queued: now, Nil: nils}
	for _, l := range letters {
		c.Reports = append(c.Reports, l.report)
		e.Items = append(e.Items, Item{Report: l.id, Revision: l.report.Revision, Digest: l.digest, Evidence: l.evidence})
	}
	plaintext, err := wire.Canonical(c)
	if err != nil {
		return Entry{}, err
	}
	if e.Envelope, err = envelope.SealContribution(o.SealTo, o.HubID, o.Member, plaintext, o.Sign); err != nil {
		return Entry{}, fmt.Errorf("seal a contribution: %w", err)
	}
	return e, nil
}
