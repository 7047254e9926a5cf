package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/reconcile"
	weighed "github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

var _ reconcile.Store = (*Hub)(nil)

// AddRequest implements [reconcile.Store].
func (h *Hub) AddRequest(ctx context.Context, f reconcile.Filed, since time.Time, most, daily int) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		var open, today int
		err := tx.QueryRowContext(ctx, `SELECT COALESCE(SUM(CASE WHEN withdrawn = 0 AND at > $2 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN at > $3 THEN 1 ELSE 0 END), 0)
			FROM request WHERE member = $1`, f.Member, seconds(since), seconds(f.At.AddDate(0, 0, -1))).Scan(&open, &today)
		switch {
		case err != nil:
			return fmt.Errorf("count the requests of a member: %w", err)
		case open >= most:
			return fault.New(fault.Conflict, "request.too_many", "a member has at most %d open requests; withdraw one with `concord member request withdraw`", most)
		case today >= daily:
			return fault.New(fault.Conflict, "request.too_often", "a member files at most %d requests a day; try again tomorrow", daily)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO request (id, member, at, withdrawn, document) VALUES ($1, $2, $3, 0, $4)`, f.ID, f.Member, seconds(f.At), f.Document); err != nil {
			return fmt.Errorf("store a request: %w", err)
		}
		return nil
	})
}

// WithdrawRequest implements [reconcile.Store].
func (h *Hub) WithdrawRequest(ctx context.Context, m wire.MemberID, id wire.RequestID, at time.Time) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE request SET withdrawn = $1 WHERE id = $2 AND member = $3 AND withdrawn = 0`, seconds(at), id, m)
		if err != nil {
			return fmt.Errorf("withdraw a request: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "request.not_found", "you have no such open request; `concord member request list` shows those that there are"))
		}
		return nil
	})
}

// OpenRequests implements [reconcile.Store].
func (h *Hub) OpenRequests(ctx context.Context, since time.Time) (all []reconcile.Filed, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, member, at, document FROM request WHERE withdrawn = 0 AND at > $1 ORDER BY at, id`, seconds(since))
		if err != nil {
			return fmt.Errorf("list open requests: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var f reconcile.Filed
			var at int64
			err := rows.Scan(&f.ID, &f.Member, &at, &f.Document)
			f.At = moment(at)
			all = append(all, f)
			return err
		})
	})
	return all, err
}

// AddAnswers implements [reconcile.Store].
func (h *Hub) AddAnswers(ctx context.Context, all []reconcile.Answer) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		for _, a := range all {
			_, err := tx.ExecContext(ctx, `INSERT INTO offer_answer (request, member, sector, path, at, stake, kind, purpose, verdict, reason)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (request, member, sector, path, at) DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason`,
				a.Request, a.Member, a.Sector, a.Path, seconds(a.At), a.Stake, a.Kind, a.Purpose, a.Verdict, a.Reason)
			if err != nil {
				return fmt.Errorf("store an answer to an offer: %w", err)
			}
		}
		return nil
	})
}

// Answers implements [reconcile.Store].
func (h *Hub) Answers(ctx context.Context, since time.Time) (all []reconcile.Answer, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT request, member, sector, path, at, stake, kind, purpose, verdict, reason FROM offer_answer
			WHERE at >= $1 ORDER BY at, request, member, sector, path`, seconds(since))
		if err != nil {
			return fmt.Errorf("list answers to offers: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var a reconcile.Answer
			var at int64
			err := rows.Scan(&a.Request, &a.Member, &a.Sector, &a.Path, &at, &a.Stake, &a.Kind, &a.Purpose, &a.Verdict, &a.Reason)
			a.At = moment(at)
			all = append(all, a)
			return err
		})
	})
	return all, err
}

// PutMeasured implements [reconcile.Store].
func (h *Hub) PutMeasured(ctx context.Context, day string, flows []weighed.Flow) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM paradox WHERE day = $1`, day); err != nil {
			return fmt.Errorf("replace a measurement: %w", err)
		}
		for _, f := range flows {
			b := f.Basis
			_, err := tx.ExecContext(ctx, `INSERT INTO paradox (day, sector, giver, asker, requested, flowing, offered, all_groups, flowing_groups, blocked_groups, offered_groups, still_groups)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
				day, f.Sector, f.From, f.To, f.Requested, b.Flowing, b.Offered, b.Groups, b.FlowingGroups, b.BlockedGroups, b.GroupsWithOffer, b.GroupsBlockedThenAsWell)
			if err != nil {
				return fmt.Errorf("store a measurement: %w", err)
			}
		}
		return nil
	})
}

// Measured implements [reconcile.Store].
func (h *Hub) Measured(ctx context.Context, from string) (all []reconcile.Measured, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT day, sector, giver, asker, requested, flowing, offered, all_groups, flowing_groups, blocked_groups, offered_groups, still_groups
			FROM paradox WHERE day >= $1 ORDER BY day, sector, giver, asker`, from)
		if err != nil {
			return fmt.Errorf("list measurements: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var m reconcile.Measured
			b := &m.Basis
			err := rows.Scan(&m.Day, &m.Sector, &m.From, &m.To, &m.Requested, &b.Flowing, &b.Offered, &b.Groups, &b.FlowingGroups, &b.BlockedGroups, &b.GroupsWithOffer, &b.GroupsBlockedThenAsWell)
			m.Flow = m.Flow.Shares()
			all = append(all, m)
			return err
		})
	})
	return all, err
}

// ReportsHeld counts the reports that the hub holds of each member and sector.
func (h *Hub) ReportsHeld(ctx context.Context) (counts map[wire.MemberID]map[string]int64, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		counts = map[wire.MemberID]map[string]int64{}
		rows, err := tx.QueryContext(ctx, `SELECT member, sector, COUNT(DISTINCT report) FROM report WHERE erased = 0 GROUP BY member, sector`)
		if err != nil {
			return fmt.Errorf("count the reports of members: %w", err)
		}
		return each(rows, func() error {
			var m wire.MemberID
			var sector string
			var n int64
			if err := rows.Scan(&m, &sector, &n); err != nil {
				return err
			}
			if counts[m] == nil {
				counts[m] = map[string]int64{}
			}
			counts[m][sector] = n
			return nil
		})
	})
	return counts, err
}
