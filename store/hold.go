package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

var _ receive.Holds = (*Hub)(nil)

// activeHold is what makes a hold hold at the moment $2: both approvers signed
// it, not both ended it, and its day has not come.
const activeHold = `h.until > $2 AND (SELECT COUNT(*) FROM hold_approval a WHERE a.hold = h.id AND a.verdict = 'begin') = 2
	AND (SELECT COUNT(*) FROM hold_approval a WHERE a.hold = h.id AND a.verdict = 'end') < 2`

// heldReports says of reports of a member until when holds that are active now
// keep their keys.
func heldReports(ctx context.Context, tx *sql.Tx, m wire.MemberID, reports []wire.ReportID, now time.Time) (map[wire.ReportID]time.Time, error) {
	rows, err := tx.QueryContext(ctx, `SELECT h.report, h.until FROM hold h WHERE h.member = $1 AND `+activeHold, m, now.Unix())
	if err != nil {
		return nil, fmt.Errorf("look for legal holds: %w", err)
	}
	held, all := map[wire.ReportID]time.Time{}, time.Time{}
	err = each(rows, func() error {
		var report wire.ReportID
		var until int64
		err := rows.Scan(&report, &until)
		if report == "" {
			all = later(all, moment(until))
		} else {
			held[report] = later(held[report], moment(until))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for legal holds: %w", err)
	}
	if !all.IsZero() {
		for _, r := range reports {
			held[r] = later(held[r], all)
		}
	}
	return held, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// ProposeHold implements [receive.Holds].
func (h *Hub) ProposeHold(ctx context.Context, hold wire.Hold) error {
	proposed, err := time.Parse(time.RFC3339, hold.Proposed)
	if err != nil {
		return fmt.Errorf("read when a hold was proposed: %w", err)
	}
	until, err := time.Parse(time.RFC3339, hold.Until)
	if err != nil {
		return fmt.Errorf("read until when a hold is: %w", err)
	}
	return h.write(ctx, func(tx *sql.Tx) error {
		var known int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM member WHERE id = $1`, hold.Of).Scan(&known)
		if err != nil {
			return fmt.Errorf("look for a member: %w", err)
		}
		if known == 0 {
			return fault.New(fault.NotFound, "member.not_found", "there is no member %q; `concord hub admin members` lists them", hold.Of)
		}
		if hold.Report != "" {
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM report WHERE member = $1 AND report = $2 AND erased = 0`, hold.Of, hold.Report).Scan(&known); err != nil {
				return fmt.Errorf("look for a report: %w", err)
			}
			if known == 0 {
				return fault.New(fault.NotFound, "report.not_found", "this member has no report %q that could be held; what is destroyed cannot be", hold.Report)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO hold (id, member, report, reference, proposed, until, one, other) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			hold.ID, hold.Of, hold.Report, hold.Case, seconds(proposed), seconds(until), hold.Approvers[0], hold.Approvers[1])
		if err != nil {
			return fmt.Errorf("store a hold: %w", err)
		}
		return nil
	})
}

// OwnerOf finds the member who sent a report; if several members use the same
// id, or none does, it is fault.NotFound.
func (h *Hub) OwnerOf(ctx context.Context, report wire.ReportID) (m wire.MemberID, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT member FROM report WHERE report = $1`, report)
		if err != nil {
			return fmt.Errorf("look for a report: %w", err)
		}
		all, err := column[wire.MemberID](rows)
		if err != nil {
			return fmt.Errorf("look for a report: %w", err)
		}
		if len(all) != 1 {
			return fault.New(fault.NotFound, "report.not_found", "%d members have a report %q; name the member, too", len(all), report)
		}
		m = all[0]
		return nil
	})
	return m, err
}

// Holds implements [receive.Holds].
func (h *Hub) Holds(ctx context.Context, now time.Time) (all []wire.HoldState, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT h.id, h.member, h.report, h.reference, h.proposed, h.until, h.one, h.other,
			(SELECT COUNT(*) FROM held_key k JOIN report r ON r.seq = k.seq WHERE r.member = h.member AND (h.report = '' OR h.report = r.report))
			FROM hold h ORDER BY h.proposed, h.id`)
		if err != nil {
			return fmt.Errorf("list legal holds: %w", err)
		}
		err = each(rows, func() error {
			var s wire.HoldState
			var proposed, until int64
			err := rows.Scan(&s.Hold.ID, &s.Hold.Of, &s.Hold.Report, &s.Hold.Case, &proposed, &until, &s.Hold.Approvers[0], &s.Hold.Approvers[1], &s.Keys)
			s.Hold.Proposed, s.Hold.Until = moment(proposed).Format(time.RFC3339), moment(until).Format(time.RFC3339)
			if s.State = wire.HoldProposed; !moment(until).After(now) {
				s.State = wire.HoldOver
			}
			all = append(all, s)
			return err
		})
		if err != nil {
			return fmt.Errorf("list legal holds: %w", err)
		}
		return approvals(ctx, tx, all)
	})
	return all, err
}

// approvals adds who signed what, and what follows.
func approvals(ctx context.Context, tx *sql.Tx, all []wire.HoldState) error {
	at := map[wire.HoldID]*wire.HoldState{}
	for i := range all {
		at[all[i].Hold.ID] = &all[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT hold, verdict, member FROM hold_approval ORDER BY at, member`)
	if err != nil {
		return fmt.Errorf("read who approved legal holds: %w", err)
	}
	err = each(rows, func() error {
		var id wire.HoldID
		var verdict string
		var m wire.MemberID
		if err := rows.Scan(&id, &verdict, &m); err != nil {
			return err
		}
		if s := at[id]; verdict == wire.HoldBegin {
			s.Begun = append(s.Begun, m)
		} else {
			s.Ended = append(s.Ended, m)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read who approved legal holds: %w", err)
	}
	for _, s := range at {
		switch {
		case s.State == wire.HoldOver || len(s.Ended) == len(s.Hold.Approvers):
			s.State = wire.HoldOver
		case len(s.Begun) == len(s.Hold.Approvers):
			s.State = wire.HoldActive
		}
	}
	return nil
}

// ApproveHold implements [receive.Holds].
func (h *Hub) ApproveHold(ctx context.Context, id wire.HoldID, m wire.MemberID, verdict string, at time.Time, signed []byte) error {
	return h.change(ctx, "store an approval of a hold",
		`INSERT INTO hold_approval (hold, verdict, member, at, signed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hold, verdict, member) DO NOTHING`,
		id, verdict, m, seconds(at), signed)
}

// looseKeys are held keys of a member ($1) that no hold keeps at $2.
const looseKeys = ` FROM held_key k JOIN report r ON r.seq = k.seq WHERE r.member = $1 AND NOT EXISTS
	(SELECT 1 FROM hold h WHERE h.member = r.member AND (h.report = '' OR h.report = r.report) AND ` + activeHold + `)`

// Loose implements [receive.Holds].
func (h *Hub) Loose(ctx context.Context, now time.Time) (loose []wire.MemberID, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT r.member FROM held_key k JOIN report r ON r.seq = k.seq ORDER BY r.member`)
		if err != nil {
			return fmt.Errorf("look for held keys: %w", err)
		}
		all, err := column[wire.MemberID](rows)
		if err != nil {
			return fmt.Errorf("look for held keys: %w", err)
		}
		loose = nil
		for _, m := range all {
			var n int
			if err := tx.QueryRowContext(ctx, `SELECT COUNT(*)`+looseKeys, m, now.Unix()).Scan(&n); err != nil {
				return fmt.Errorf("look for keys that no hold keeps: %w", err)
			}
			if n > 0 {
				loose = append(loose, m)
			}
		}
		return nil
	})
	return loose, err
}

// EndHolds implements [receive.Holds].
func (h *Hub) EndHolds(ctx context.Context, ask receive.Ask, decide func(map[wire.ReportID][]int) ([]byte, error)) (done bool, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		done = false
		rows, err := tx.QueryContext(ctx, `SELECT r.seq, r.report, r.revision`+looseKeys+` ORDER BY r.seq`, ask.Member, ask.At.Unix())
		if err != nil {
			return fmt.Errorf("look for keys that no hold keeps: %w", err)
		}
		var seqs []int64
		reports := map[wire.ReportID][]int{}
		err = each(rows, func() error {
			var seq int64
			var report wire.ReportID
			var revision int
			err := rows.Scan(&seq, &report, &revision)
			seqs, reports[report] = append(seqs, seq), append(reports[report], revision)
			return err
		})
		if err != nil {
			return fmt.Errorf("look for keys that no hold keeps: %w", err)
		}
		if len(seqs) == 0 {
			return nil
		}
		receipt, err := decide(reports)
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			if _, err := tx.ExecContext(ctx, `DELETE FROM held_key WHERE seq = $1`, seq); err != nil {
				return fmt.Errorf("destroy a held key: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE report SET body = $2, digest = $2 WHERE seq = $1`, seq, []byte{}); err != nil {
				return fmt.Errorf("destroy a report: %w", err)
			}
		}
		done = true
		return insertReceipt(ctx, tx, ask, receipt)
	})
	return done && err == nil, err
}
