package receive

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// A legal hold suspends the destruction of keys, and nothing else: a recalled
// report is out of every answer whether or not it is held, since its key is
// where no door looks for it. The operator proposes a hold; it holds once the
// two members that the proposal names have signed it, until its day.

// Holds is what legal holds need of the hub's record.
type Holds interface {
	// ProposeHold stores a hold. A member or report that the record does not
	// know is fault.NotFound.
	ProposeHold(ctx context.Context, h wire.Hold) error
	// Holds lists all as they stand now, oldest first.
	Holds(ctx context.Context, now time.Time) ([]wire.HoldState, error)
	// ApproveHold stores what an approver signed. A second of the same kind
	// changes nothing.
	ApproveHold(ctx context.Context, id wire.HoldID, m wire.MemberID, verdict string, at time.Time, signed []byte) error
	// Loose lists members who have keys kept that no active hold keeps now.
	Loose(ctx context.Context, now time.Time) ([]wire.MemberID, error)
	// EndHolds destroys such keys of a member and stores the receipt, all or
	// nothing. decide is called inside the transaction with the reports and
	// their revisions, unless there are none.
	EndHolds(ctx context.Context, ask Ask, decide func(map[wire.ReportID][]int) (receipt []byte, err error)) (done bool, err error)
}

// LongestHold is how far ahead a hold may end; another one can follow it.
const LongestHold = 3 * 366 * 24 * time.Hour

// Hold proposes a legal hold on a member's report, or on all of its reports,
// until a moment. It holds nothing before the two approvers have signed it.
func (d *Desk) Hold(ctx context.Context, of wire.MemberID, report wire.ReportID, reference string, until time.Time, approvers [2]wire.MemberID) (wire.Hold, error) {
	now := d.Now().UTC().Truncate(time.Second)
	until = until.UTC().Truncate(time.Second)
	switch {
	case !until.After(now):
		return wire.Hold{}, fault.New(fault.Invalid, "hold.until", "a hold ends in the future; name a later day")
	case until.Sub(now) > LongestHold:
		return wire.Hold{}, fault.New(fault.Invalid, "hold.until", "a hold lasts at most three years; propose another one before it ends")
	case len(reference) > 200:
		return wire.Hold{}, fault.New(fault.Invalid, "hold.case", "a reference has at most 200 bytes, and tells nothing of the case")
	}
	if err := d.approversFit(ctx, approvers); err != nil {
		return wire.Hold{}, err
	}
	id, err := wire.NewID[wire.HoldID]('h', d.Rand)
	if err != nil {
		return wire.Hold{}, err
	}
	h := wire.Hold{ID: id, Of: of, Report: report, Case: reference, Until: until.Format(time.RFC3339), Proposed: now.Format(time.RFC3339), Approvers: approvers}
	return h, d.Holding.ProposeHold(ctx, h)
}

// approversFit holds approvers to being two: different members, of different
// owners, who may come in now.
func (d *Desk) approversFit(ctx context.Context, approvers [2]wire.MemberID) error {
	var groups [2]wire.OwnerGroup
	for i, id := range approvers {
		s, err := d.Admit.Standing(ctx, id)
		if fault.KindOf(err) == fault.NotFound {
			return fault.New(fault.Invalid, "hold.approver", "there is no member %q to approve a hold; `concord hub admin members` lists them", id).Because(err)
		}
		if err != nil {
			return err
		}
		groups[i] = s.Member().OwnerGroup
	}
	if groups[0] == groups[1] {
		return fault.New(fault.Invalid, "hold.one_approver", "a hold is approved by two members of different owner groups")
	}
	return nil
}

// HoldsOf lists the holds that a member is asked to approve or approved, as
// they stand now; all of them for "", the operator.
func (d *Desk) HoldsOf(ctx context.Context, m wire.MemberID) (wire.Holds, error) {
	all, err := d.Holding.Holds(ctx, d.Now())
	if err != nil {
		return wire.Holds{}, err
	}
	if m != "" {
		all = slices.DeleteFunc(all, func(h wire.HoldState) bool { return h.Hold.Approvers[0] != m && h.Hold.Approvers[1] != m })
	}
	return wire.Holds{Holds: all}, nil
}

// Approve takes an approver's signed word (wire.PayloadHoldApproval) that a
// hold begins, or that it ends before its day. It returns the hold as it then
// stands.
func (d *Desk) Approve(ctx context.Context, signed []byte) (wire.HoldState, error) {
	var from wire.MemberID
	var lookErr error
	payload, _, err := envelope.Verify(signed, wire.PayloadHoldApproval, func(keyID string) (ed25519.PublicKey, bool) {
		m, err := d.Admit.MemberByKey(ctx, keyID)
		lookErr = err
		from = m.ID
		return m.Key, err == nil
	})
	if err != nil && lookErr != nil && fault.KindOf(lookErr) != fault.NotFound {
		return wire.HoldState{}, lookErr
	}
	if err != nil {
		return wire.HoldState{}, err
	}
	if _, err := d.Admit.Standing(ctx, from); err != nil {
		return wire.HoldState{}, err
	}
	var a wire.HoldApproval
	if err := wire.Decode(payload, &a); err != nil {
		return wire.HoldState{}, err
	}
	h, err := d.hold(ctx, a.Hold.ID)
	if err != nil {
		return wire.HoldState{}, err
	}
	switch {
	case a.Member != from || a.Hub != d.Hub:
		return wire.HoldState{}, fault.New(fault.Forbidden, "hold.other", "the approval is made out in another member's name, or to another hub")
	case !slices.Contains(h.Hold.Approvers[:], from):
		return wire.HoldState{}, fault.New(fault.NotFound, "hold.not_found", "there is no hold %s for you to approve", a.Hold.ID)
	case a.Hold != h.Hold:
		return wire.HoldState{}, fault.New(fault.Conflict, "hold.changed", "what was signed is not the hold as it was proposed; list holds, and approve what stands there")
	case a.Verdict != wire.HoldBegin && a.Verdict != wire.HoldEnd:
		return wire.HoldState{}, fault.New(fault.Invalid, "hold.verdict", "an approval says begin or end").At("/verdict")
	case h.State == wire.HoldOver:
		return wire.HoldState{}, fault.New(fault.Conflict, "hold.over", "this hold is over")
	}
	if err := d.Holding.ApproveHold(ctx, h.Hold.ID, from, a.Verdict, d.Now().UTC().Truncate(time.Second), signed); err != nil {
		return wire.HoldState{}, err
	}
	return d.hold(ctx, h.Hold.ID)
}

func (d *Desk) hold(ctx context.Context, id wire.HoldID) (wire.HoldState, error) {
	all, err := d.Holding.Holds(ctx, d.Now())
	if err != nil {
		return wire.HoldState{}, err
	}
	i := slices.IndexFunc(all, func(h wire.HoldState) bool { return h.Hold.ID == id })
	if i < 0 {
		return wire.HoldState{}, fault.New(fault.NotFound, "hold.not_found", "there is no hold %s for you to approve", id)
	}
	return all[i], nil
}

// EndHolds destroys the keys of recalled reports that no hold keeps any more,
// and stores a receipt for their members.
func (d *Desk) EndHolds(ctx context.Context) (members int, err error) {
	loose, err := d.Holding.Loose(ctx, d.Now())
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, m := range loose {
		id, err := wire.NewID[wire.RecallID]('d', d.Rand)
		if err != nil {
			return members, err
		}
		at := d.Now().UTC().Truncate(time.Second)
		ask := Ask{ID: id, Member: m, Made: at, At: at, By: wire.ByHoldEnd, Reason: wire.ReasonLegal}
		done, err := d.Holding.EndHolds(ctx, ask, func(reports map[wire.ReportID][]int) ([]byte, error) {
			r := wire.Destruction{ID: id, Member: m, Hub: d.Hub, At: at.Format(time.RFC3339), By: ask.By, Reason: ask.Reason,
				BackupDays: d.backupDays(), BackupsUntil: at.AddDate(0, 0, d.backupDays()).Format(time.DateOnly)}
			for report, revisions := range reports {
				r.Reports = append(r.Reports, wire.DestroyedReport{Report: report, Status: wire.Destroyed, Revisions: revisions})
			}
			slices.SortFunc(r.Reports, func(a, b wire.DestroyedReport) int {
				if a.Report < b.Report {
					return -1
				}
				return 1
			})
			return d.signDestruction(r)
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("end holds of a member: %w", err))
			continue
		}
		if done {
			members++
		}
	}
	return members, errors.Join(append(failed, d.Recalls.Forget(ctx))...)
}
