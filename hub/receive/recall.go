package receive

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/wire"
)

// The points of a recall at which a test lets the process die.
const (
	// RecallBeforeCommit: all is decided and signed, nothing is destroyed.
	RecallBeforeCommit = "receive.recall-before-commit"
	// RecallAfterCommit: the keys are destroyed and the receipt is stored;
	// what was derived stands still, and no door answers from it.
	RecallAfterCommit = "receive.recall-after-commit"
	// RecallBeforeAnswer: what was derived is gone too; the receipt is about to
	// leave.
	RecallBeforeAnswer = "receive.recall-before-answer"
)

// DefaultBackupDays is for how many days backups are kept, if the hub's
// operator states no other number.
const DefaultBackupDays = 35

// Recalls is what destroying reports needs of the hub's record.
type Recalls interface {
	// Live returns all revisions of reports of a member that are not destroyed,
	// in order of Seq.
	Live(ctx context.Context, m wire.MemberID, reports []wire.ReportID) ([]Row, error)
	// Destroy destroys reports and stores the receipt of it, all or nothing and
	// durably. decide is called inside the transaction with what the record
	// then knows, and returns what is to be stored; without a receipt nothing
	// is. If ask.ID names a destruction that is stored, decide is not called
	// and the stored receipt returned, unless it is another member's or was
	// asked by another request: fault.Conflict.
	//
	// The keys of reports under a hold that is active now leave the place where
	// every reader finds them, and are kept apart until [Recalls.EndHolds].
	Destroy(ctx context.Context, ask Ask, decide func(Found) (Destroying, error)) (receipt []byte, err error)
	// Forget makes destroyed keys unreadable in every file that the store
	// itself manages; a database server's own log may hold them until it is
	// recycled, which docs/configuration.md bounds. Without need it does
	// nothing. If readers are in the way it does it the next time.
	Forget(ctx context.Context) error
	// Due lists up to limit reports of a member in a sector, whose first
	// revision was received up to then and that are not destroyed.
	Due(ctx context.Context, m wire.MemberID, sector string, then time.Time, limit int) ([]wire.ReportID, error)
}

// Ask is what is to be destroyed.
type Ask struct {
	ID      wire.RecallID
	Member  wire.MemberID
	Made    time.Time
	At      time.Time
	By      string
	Reason  string
	Request string // hex SHA-256 of the member's signed request, or ""
	Reports []wire.ReportID
}

// Found is what the record knows of reports that are to be destroyed.
type Found struct {
	// Live are the numbers of their revisions that are not destroyed.
	Live []int64
	// Before tells of destroyed reports when, and by which receipt.
	Before map[wire.ReportID]DestroyedAt
	// Held tells of live reports until when holds keep their keys.
	Held map[wire.ReportID]time.Time
}

// DestroyedAt is when a report was destroyed, by which receipt, and which
// reports that one is of.
type DestroyedAt struct {
	At      time.Time
	Receipt []byte
	Of      []wire.ReportID
}

// Destroying is what a destruction stores.
type Destroying struct {
	// Receipt is the signed receipt; without one nothing is destroyed. Stored
	// says that it is one that the record has already: nothing is to be done.
	Receipt []byte
	Stored  bool
	// Sectors of the reports that are destroyed, and Given who could have been
	// given something of each.
	Sectors map[wire.ReportID]string
	Given   map[wire.ReportID][]wire.MemberID
}

// Recall destroys reports of a member who stands at the door, for whom nobody
// signed: a tool with a token. It returns a signed receipt, which is an
// acknowledgement as that of [Desk.Receive] is: when it is returned, the keys
// are destroyed durably and no answer holds anything of the reports. Asked
// again, it returns the receipt of the first time.
//
// Reports that the hub does not hold are named in the receipt; if it holds
// none of them it is fault.NotFound.
func (d *Desk) Recall(ctx context.Context, standing admit.Standing, reports []wire.ReportID, reason string) (receipt []byte, err error) {
	return d.destroyAs(ctx, standing.Member().ID, wire.ByMember, reports, reason)
}

// Erase is [Desk.Recall] by the hub's operator.
func (d *Desk) Erase(ctx context.Context, m wire.MemberID, reports []wire.ReportID, reason string) (receipt []byte, err error) {
	return d.destroyAs(ctx, m, wire.ByOperator, reports, reason)
}

func (d *Desk) destroyAs(ctx context.Context, m wire.MemberID, by string, reports []wire.ReportID, reason string) ([]byte, error) {
	id, err := wire.NewID[wire.RecallID]('d', d.Rand)
	if err != nil {
		return nil, err
	}
	now := d.Now().UTC().Truncate(time.Second)
	ask := Ask{ID: id, Member: m, Made: now, At: now, By: by, Reason: reason, Reports: reports}
	if ask.Reason == "" {
		ask.Reason = wire.ReasonOther
	}
	if err := ask.check(); err != nil {
		return nil, err
	}
	return d.destroy(ctx, ask)
}

// TakeBack is [Desk.Recall] by a request that the member's key signed
// (wire.PayloadRecall). It needs no valid agreement: who contributed may take
// back. A suspended member's key may be in other hands; it asks the operator.
func (d *Desk) TakeBack(ctx context.Context, signed []byte) (receipt []byte, err error) {
	ask, err := d.readRecall(ctx, signed)
	if err != nil {
		return nil, err
	}
	return d.destroy(ctx, ask)
}

// readRecall opens a member's signed request and holds it to its form.
func (d *Desk) readRecall(ctx context.Context, signed []byte) (Ask, error) {
	const most = 1 << 20
	if len(signed) > most {
		return Ask{}, fault.New(fault.TooLarge, "recall.too_large", "the request has %d bytes; at most %d are taken: recall fewer reports at once", len(signed), most)
	}
	var lookErr error
	var from wire.MemberID
	suspended := false
	payload, _, err := envelope.Verify(signed, wire.PayloadRecall, func(keyID string) (ed25519.PublicKey, bool) {
		m, err := d.Admit.MemberByKey(ctx, keyID)
		if err != nil {
			lookErr = err
			return nil, false
		}
		from, suspended = m.ID, m.Suspended
		return m.Key, true
	})
	if err != nil && lookErr != nil && fault.KindOf(lookErr) != fault.NotFound {
		return Ask{}, lookErr
	}
	if err != nil {
		return Ask{}, err
	}
	var r wire.RecallRequest
	if err := wire.Decode(payload, &r); err != nil {
		return Ask{}, err
	}
	switch {
	case r.Member != from:
		return Ask{}, fault.New(fault.Forbidden, "recall.member", "the request is made out in another member's name than the one that signed it").At("/member")
	case r.Hub != d.Hub:
		return Ask{}, fault.New(fault.Forbidden, "recall.hub", "the request is made out to another hub; check hub.id in the member's configuration").At("/hub")
	case suspended:
		return Ask{}, fault.New(fault.Forbidden, "member.suspended", "this membership is suspended, and its key may be in other hands; ask the third party's operator to erase the reports")
	}
	made, err := time.Parse(time.RFC3339, r.Made)
	if err != nil {
		return Ask{}, fault.New(fault.Invalid, "recall.made", "made is no time as RFC 3339 writes it").At("/made")
	}
	if made.After(d.Now().Add(d.Skew)) {
		return Ask{}, fault.New(fault.Invalid, "recall.clock", "the request was made more than %s in the future by the hub's clock (%s); set the member's clock and send again",
			d.Skew, d.Now().UTC().Format(time.RFC3339)).At("/made")
	}
	sum := sha256.Sum256(payload)
	ask := Ask{ID: r.ID, Member: from, Made: made.UTC().Truncate(time.Second), At: d.Now().UTC().Truncate(time.Second),
		By: wire.ByMember, Reason: r.Reason, Request: hex.EncodeToString(sum[:]), Reports: r.Reports}
	return ask, ask.check()
}

func (a *Ask) check() error {
	switch n := len(a.Reports); {
	case !wire.ValidID('d', a.ID):
		return fault.New(fault.Invalid, "recall.id", "the request's id is no id of a recall").At("/id")
	case n == 0:
		return fault.New(fault.Invalid, "recall.empty", "name the reports that are to be recalled").At("/reports")
	case n > wire.MaxRecall:
		return fault.New(fault.TooLarge, "recall.too_many", "%d reports are named; at most %d are recalled at once: ask in parts", n, wire.MaxRecall).At("/reports")
	case a.By != wire.ByRetention && !slices.Contains(wire.Reasons(), a.Reason):
		return fault.New(fault.Invalid, "recall.reason", "the reason is one of %v", wire.Reasons()).At("/reason")
	}
	seen := map[wire.ReportID]bool{}
	for i, r := range a.Reports {
		if !wire.ValidID('r', r) {
			return fault.New(fault.Invalid, "recall.report", "this is no id of a report, r-…; the receipts of contributions name them").At(fmt.Sprintf("/reports/%d", i))
		}
		if seen[r] {
			return fault.New(fault.Invalid, "recall.report_twice", "a report is named twice").At(fmt.Sprintf("/reports/%d", i))
		}
		seen[r] = true
	}
	return nil
}

// errChanged says that a report got another revision between reading it and
// destroying it.
var errChanged = errors.New("the reports changed meanwhile")

// destroy is the one way in which reports are destroyed.
func (d *Desk) destroy(ctx context.Context, ask Ask) (receipt []byte, err error) {
	for {
		rows, err := d.Recalls.Live(ctx, ask.Member, ask.Reports)
		if err != nil {
			return nil, err
		}
		dying, err := d.dying(ctx, rows)
		if err != nil {
			return nil, err
		}
		receipt, err = d.Recalls.Destroy(ctx, ask, func(f Found) (Destroying, error) {
			out, err := d.decideOn(ask, f, dying)
			if err == nil {
				d.pass(RecallBeforeCommit)
			}
			return out, err
		})
		if errors.Is(err, errChanged) {
			continue // each time a revision more
		}
		if err != nil {
			return nil, err
		}
		break
	}
	d.pass(RecallAfterCommit)
	if receipt == nil {
		return nil, nil
	}
	// Also when it is asked again: the first time may not have come so far.
	if d.AfterRecall != nil {
		d.AfterRecall(ctx, receipt)
	}
	if err := d.Recalls.Forget(ctx); err != nil {
		return nil, err
	}
	d.pass(RecallBeforeAnswer)
	return receipt, nil
}

// dying is what is known of reports just before they are destroyed.
type dying struct {
	seqs    []int64
	reports map[wire.ReportID]*wire.DestroyedReport
	sectors map[wire.ReportID]string
	given   map[wire.ReportID][]wire.MemberID
}

// dying reads what the receipt tells of each revision, and who could have been
// given something of it. A body that cannot be opened can be destroyed all the
// same.
func (d *Desk) dying(ctx context.Context, rows []Row) (dying, error) {
	out := dying{reports: map[wire.ReportID]*wire.DestroyedReport{}, sectors: map[wire.ReportID]string{}, given: map[wire.ReportID][]wire.MemberID{}}
	var opened []Received
	for _, row := range rows {
		out.seqs = append(out.seqs, row.Seq)
		r := out.reports[row.Report]
		if r == nil {
			r = &wire.DestroyedReport{Report: row.Report, Status: wire.Destroyed}
			out.reports[row.Report] = r
		}
		out.sectors[row.Report] = row.Sector
		r.Revisions = append(r.Revisions, row.Revision)
		commitment := ""
		if rec, err := Restore(d.Key, row); err == nil {
			commitment = rec.Report().Commitment
			opened = append(opened, rec)
		}
		r.Commitments = append(r.Commitments, commitment)
	}
	if d.Given == nil || len(opened) == 0 {
		return out, nil
	}
	given, err := d.Given(ctx, opened)
	out.given = given
	return out, err
}

// decideOn makes the receipt of what the record finds.
func (d *Desk) decideOn(ask Ask, f Found, dying dying) (Destroying, error) {
	if !slices.Equal(f.Live, dying.seqs) {
		return Destroying{}, errChanged
	}
	if len(f.Live) == 0 {
		if ask.By == wire.ByRetention {
			return Destroying{}, nil // another process was first
		}
		if len(f.Before) == 0 {
			return Destroying{}, fault.New(fault.NotFound, "recall.not_found", "the hub holds no such report of this member; nothing was changed")
		}
		if stored := f.sameReceipt(ask.Reports); stored != nil && ask.Request == "" {
			return Destroying{Receipt: stored, Stored: true}, nil
		}
	}
	receipt := wire.Destruction{ID: ask.ID, Member: ask.Member, Hub: d.Hub, At: ask.At.Format(time.RFC3339), By: ask.By, Reason: ask.Reason, Request: ask.Request,
		BackupDays: d.backupDays(), BackupsUntil: ask.At.AddDate(0, 0, d.backupDays()).Format(time.DateOnly)}
	out := Destroying{Sectors: dying.sectors, Given: dying.given}
	for _, id := range ask.Reports {
		one := wire.DestroyedReport{Report: id, Status: wire.Unknown}
		if r, live := dying.reports[id]; live {
			one = *r
			if until, held := f.Held[id]; held {
				one.Status, one.HeldUntil = wire.Held, until.UTC().Format(time.RFC3339)
			}
		} else if b, before := f.Before[id]; before {
			one.Status, one.At = wire.DestroyedBefore, b.At.UTC().Format(time.RFC3339)
		}
		receipt.Reports = append(receipt.Reports, one)
	}
	var err error
	out.Receipt, err = d.signDestruction(receipt)
	return out, err
}

// sameReceipt is the receipt that was given for just these reports, if one was.
func (f Found) sameReceipt(reports []wire.ReportID) []byte {
	first, ok := f.Before[reports[0]]
	if !ok || len(first.Of) != len(reports) {
		return nil
	}
	for _, r := range reports {
		if !slices.Contains(first.Of, r) {
			return nil
		}
	}
	return first.Receipt
}

func (d *Desk) backupDays() int {
	if d.BackupDays <= 0 {
		return DefaultBackupDays
	}
	return d.BackupDays
}

func (d *Desk) signDestruction(r wire.Destruction) ([]byte, error) {
	payload, err := wire.Canonical(r)
	if err != nil {
		return nil, err
	}
	return envelope.Sign(wire.PayloadDestruction, payload, d.Sign)
}
