package receive

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// MaxEnvelope is the largest envelope taken, in bytes.
const MaxEnvelope = envelope.MaxSigned

// DefaultSkew is how far ahead of the hub's clock a member's may be.
const DefaultSkew = 5 * time.Minute

// The points of [Desk.Receive] at which a test lets the process die.
const (
	// BeforeCommit: everything is checked and signed, nothing is stored.
	BeforeCommit = "receive.before-commit"
	// AfterCommit: everything is stored, nothing is answered.
	AfterCommit = "receive.after-commit"
	// BeforeAnswer: the receipt is about to leave.
	BeforeAnswer = "receive.before-answer"
)

// Admission is what this room asks of the hub's door: hub/admit.Door.
type Admission interface {
	// MemberByKey returns the member who signs with the key of this id
	// (envelope.KeyID), or fault.NotFound.
	MemberByKey(ctx context.Context, keyID string) (member.Member, error)
	// Standing returns a member who may come in now: not suspended and with a
	// valid agreement. Any other is a fault.
	Standing(ctx context.Context, m wire.MemberID) (admit.Standing, error)
}

// Desk receives contributions. Its fields are set once, before use; it may be
// used by many at a time.
type Desk struct {
	// Hub is this hub's id, to which contributions are made out.
	Hub string
	// Open opens envelopes that were sealed to this hub; more than one key
	// while the hub changes keys.
	Open []*envelope.RecipientKey
	// Sign signs receipts.
	Sign ed25519.PrivateKey
	// Key wraps the keys of stored reports.
	Key    *RecordKey
	Record Record
	Admit  Admission
	// Standard finds a standard that this hub serves.
	Standard func(standard.Ref) (*standard.Standard, error)
	Now      func() time.Time
	Rand     io.Reader
	// Skew is how far ahead of the hub's clock a member's may be.
	Skew time.Duration
	// Recalls destroys reports, and Holding keeps legal holds; see recall.go
	// and hold.go.
	Recalls Recalls
	Holding Holds
	// BackupDays is for how many days the hub keeps backups; 0 means
	// DefaultBackupDays.
	BackupDays int
	// Given, if set, says who could have been given something of reports: of
	// each report all of its revisions together.
	Given func(ctx context.Context, reports []Received) (map[wire.ReportID][]wire.MemberID, error)
	// AfterRecall, if set, is called once reports are destroyed and before
	// that is answered, with the receipt: it takes out what was derived of
	// them. It may be called again for the same ones. No door answers from what
	// it has not reached.
	AfterRecall func(ctx context.Context, receipt []byte)
	// Fail, if set, is told of each named point that is passed.
	Fail func(point string)

	rules rulesCache
}

// Receive takes an envelope and returns a signed receipt, which says of each
// report what became of it. The receipt is an acknowledgement: it is returned
// only when everything that it calls accepted is durable. The same envelope
// sent again gets the same receipt.
//
// An envelope that is wrong as a whole (signature, member, agreement, clock,
// grammar) is a fault and has no receipt; nothing of it is stored. A report
// that is wrong by itself is refused in the receipt, and takes nothing else
// with it.
func (d *Desk) Receive(ctx context.Context, sealed []byte) (receipt []byte, err error) {
	in, err := d.open(ctx, sealed)
	if err != nil {
		return nil, err
	}
	from, err := d.Admit.Standing(ctx, in.Member)
	if err != nil {
		return nil, err
	}
	return d.takeIn(ctx, in, from, func(*opened) error { return nil })
}

// takeIn reads what an envelope held, and takes it if it is from whom and for
// whom it should be, of now, and right. One that is stored is answered as it
// was, even if its agreement was renewed in between: its member waits for the
// receipt.
func (d *Desk) takeIn(ctx context.Context, in envelope.Opened, from admit.Standing, right func(*opened) error) (receipt []byte, err error) {
	c, err := readContribution(in.Plaintext)
	if err != nil {
		return nil, err
	}
	if err := d.checkParties(c, in); err != nil {
		return nil, err
	}
	if stored, err := d.Record.Receipt(ctx, in.Member, c.ID); err != nil || stored != nil {
		return d.again(stored, in.Digest, err)
	}
	if err := d.checkMoment(c, from); err != nil {
		return nil, err
	}
	if err := right(&c); err != nil {
		return nil, err
	}
	return d.take(ctx, c, from, in.Digest)
}

// checkSize refuses envelopes that are too large to be opened.
func checkSize(sealed []byte) error {
	if len(sealed) > MaxEnvelope {
		return fault.New(fault.TooLarge, "envelope.too_large", "the envelope has %d bytes; at most %d are taken: send fewer reports at once", len(sealed), MaxEnvelope)
	}
	return nil
}

// open verifies the envelope's signature by a member's key and opens it.
// Whether that member may contribute now is asked afterwards, so that nobody
// else learns it.
func (d *Desk) open(ctx context.Context, sealed []byte) (envelope.Opened, error) {
	if err := checkSize(sealed); err != nil {
		return envelope.Opened{}, err
	}
	return envelope.OpenContribution(sealed, d.Hub, func(keyID string) (wire.MemberID, ed25519.PublicKey, error) {
		m, err := d.Admit.MemberByKey(ctx, keyID)
		return m.ID, m.Key, err
	}, d.Open...)
}

// checkParties holds the contribution to who signed it and to whom it came.
func (d *Desk) checkParties(c opened, in envelope.Opened) error {
	if c.Member != in.Member {
		return fault.New(fault.Forbidden, "contribution.member", "the contribution is made out in another member's name than the one that signed it").At("/member")
	}
	if c.Hub != d.Hub {
		return fault.New(fault.Forbidden, "contribution.hub", "the contribution is made out to another hub; check hub.id in the member's configuration").At("/hub")
	}
	return nil
}

// checkMoment holds the contribution to the agreement under which it is made
// and to the clock. It may be old, since outboxes wait; it may not come from
// the future, or from before its agreement.
func (d *Desk) checkMoment(c opened, from admit.Standing) error {
	a := from.Agreement()
	if c.Agreement != a.ID {
		return fault.New(fault.Conflict, "contribution.agreement",
			"the contribution is made under an agreement that is not the member's current one; make it again under the current one").At("/agreement")
	}
	if c.made.After(d.Now().Add(d.Skew)) {
		return fault.New(fault.Invalid, "contribution.clock",
			"the contribution was made more than %s in the future by the hub's clock (%s); set the member's clock and send again",
			d.Skew, d.Now().UTC().Format(time.RFC3339)).At("/made")
	}
	if c.made.Before(a.From.Add(-d.Skew)) {
		return fault.New(fault.Invalid, "contribution.clock",
			"the contribution was made before its agreement began (%s); set the member's clock and send again",
			a.From.Format(time.RFC3339)).At("/made")
	}
	return nil
}

// take decides on each report and stores what is accepted.
func (d *Desk) take(ctx context.Context, c opened, from admit.Standing, fingerprint string) ([]byte, error) {
	examined, err := d.examine(ctx, c, from)
	if err != nil {
		return nil, err
	}
	received := d.Now().UTC().Truncate(time.Second)
	stored, err := d.Record.Commit(ctx, from.Member().ID, c.ID, examined.ids(), func(known map[wire.ReportID]Known) (Commit, error) {
		commit := Commit{Contribution: c.ID, Member: from.Member().ID, Received: received}
		results, err := d.decide(&commit, examined, known, c, from)
		if err != nil {
			return Commit{}, err
		}
		commit.Receipt, err = d.sign(wire.Receipt{
			Contribution: c.ID, Member: from.Member().ID, Hub: d.Hub, Received: received.Format(time.RFC3339),
			Envelope: fingerprint, Custody: wire.SingleCustody, Pushed: c.pushed, Results: results,
		})
		if err != nil {
			return Commit{}, err
		}
		d.pass(BeforeCommit)
		return commit, nil
	})
	if err != nil {
		return nil, err
	}
	d.pass(AfterCommit)
	// Another process may have stored a contribution of this id first.
	return d.again(stored, fingerprint, nil)
}

// again answers with a stored receipt, if it is about this very envelope.
func (d *Desk) again(stored []byte, fingerprint string, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	r, err := d.readReceipt(stored)
	if err != nil {
		return nil, err
	}
	if r.Envelope != fingerprint {
		return nil, fault.New(fault.Conflict, "contribution.changed",
			"a contribution of this id but with other content is stored; draw a fresh id and send again").At("/id")
	}
	d.pass(BeforeAnswer)
	return stored, nil
}

// decide says of each report what becomes of it, given what the record knows,
// and fills the commit with what is to be stored.
func (d *Desk) decide(commit *Commit, e examined, known map[wire.ReportID]Known, c opened, from admit.Standing) ([]wire.Result, error) {
	results := make([]wire.Result, 0, len(e.reports)+len(e.nils))
	for _, x := range e.reports {
		result := x.refusal
		if result.Status != wire.Refused {
			was, has := known[x.report.ID]
			var revision int
			if has && !was.Recalled.IsZero() && !c.made.After(was.Recalled) {
				result = recalledRefusal(x.report.ID, was.Recalled)
			} else if result, revision = judge(x, was, has && was.Digest != nil); result.Status == wire.Accepted {
				row, err := d.row(commit, x, revision, from)
				if err != nil {
					return nil, err
				}
				commit.Rows = append(commit.Rows, row)
				// A later report of the same batch is judged against this one.
				known[x.report.ID] = Known{Revision: revision, Digest: x.digest, Recalled: was.Recalled}
			}
		}
		results = append(results, result)
	}
	for _, n := range e.nils {
		if n.result.Status == wire.Accepted {
			commit.Nil = append(commit.Nil, NilRow{Member: from.Member().ID, Sector: n.said.Sector, Period: n.said.Period, Received: commit.Received})
		}
		results = append(results, n.result)
	}
	return results, nil
}

// unchanged is why a report is a duplicate: of a correction that stays within a
// band nothing leaves that was not there before.
const unchanged = "nothing that leaves has changed since this report was received"

// judge compares an acceptable report with what the record knows of it. A
// report that says the same is a duplicate whatever its revision. One that
// says something else is a correction, unless its revision is older than what
// the record has: what waited in an outbox never undoes a later correction. An
// edge never gives one revision to two contents while it has its queue; if it
// lost the queue and counts anew, what it says last holds.
func judge(x examinedReport, was Known, has bool) (wire.Result, int) {
	accepted := wire.Result{Report: x.report.ID, Status: wire.Accepted}
	revision := x.report.Revision
	switch {
	case !has:
		return accepted, revision
	case bytes.Equal(was.Digest, x.digest):
		return wire.Result{Report: x.report.ID, Status: wire.Duplicate, Reason: unchanged}, 0
	case revision == was.Revision:
		return accepted, revision + 1
	case revision > was.Revision:
		return accepted, revision
	}
	return refuse(x.report.ID, "report.stale_revision", "revision",
		fmt.Sprintf("the record has revision %d of this report; number the correction higher", was.Revision)), 0
}

// recalledRefusal refuses a report of a contribution that was made before the
// report was recalled, and waited somewhere: it must not undo the recall.
func recalledRefusal(id wire.ReportID, recalled time.Time) wire.Result {
	return refuse(id, "report.recalled", "", fmt.Sprintf("the report was recalled at %s, and this contribution was made before; submit it anew if it is to be received again", recalled.UTC().Format(time.RFC3339)))
}

// row is an accepted report, sealed, as the record keeps it.
func (d *Desk) row(commit *Commit, x examinedReport, revision int, from admit.Standing) (Row, error) {
	body := x.report
	body.Revision = revision
	return d.Key.Seal(Row{
		Contribution: commit.Contribution, Report: body.ID, Revision: revision, Member: from.Member().ID,
		OwnerGroup: from.Member().OwnerGroup, Agreement: from.Agreement().ID, Sector: body.Sector,
		Standard: string(body.Standard), Received: commit.Received,
	}, body, d.Rand)
}

func refuse(id wire.ReportID, code, path, reason string) wire.Result {
	return wire.Result{Report: id, Status: wire.Refused, Code: code, Path: path, Reason: reason}
}

// pass tells the test hook that a named point is reached.
func (d *Desk) pass(point string) {
	if d.Fail != nil {
		d.Fail(point)
	}
}
