package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

var _ receive.Recalls = (*Hub)(nil)

// Live implements [receive.Recalls].
func (h *Hub) Live(ctx context.Context, m wire.MemberID, reports []wire.ReportID) (all []receive.Row, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		for part := range parts(reports) {
			found, err := scanRows(ctx, tx, `SELECT `+rowColumns+` WHERE r.erased = 0 AND r.member = $1 AND r.report IN (`+placeholders(2, len(part))+`)`, named(m, part)...)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		return nil
	})
	sortRows(all)
	return all, err
}

// named are a member and reports as the values of a question.
func named(m wire.MemberID, reports []wire.ReportID) []any {
	args := make([]any, 0, len(reports)+1)
	args = append(args, m)
	for _, r := range reports {
		args = append(args, r)
	}
	return args
}

// liveRow is a revision that is not destroyed.
type liveRow struct {
	seq    int64
	report wire.ReportID
}

// liveRows lists revisions that are not destroyed, in order of their numbers.
func liveRows(ctx context.Context, tx *sql.Tx, m wire.MemberID, reports []wire.ReportID) (all []liveRow, err error) {
	for part := range parts(reports) {
		rows, err := tx.QueryContext(ctx, `SELECT seq, report FROM report WHERE erased = 0 AND member = $1 AND report IN (`+placeholders(2, len(part))+`)`, named(m, part)...)
		if err != nil {
			return nil, fmt.Errorf("look for reports to destroy: %w", err)
		}
		err = each(rows, func() error {
			var r liveRow
			err := rows.Scan(&r.seq, &r.report)
			all = append(all, r)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for reports to destroy: %w", err)
		}
	}
	sortBy(all, func(r liveRow) int64 { return r.seq })
	return all, nil
}

// destroyRows destroys the keys and bodies of revisions. Keys of reports that
// a hold keeps leave the table that readers know; their bodies, which nobody
// can open without, stay.
func destroyRows(ctx context.Context, tx *sql.Tx, recall wire.RecallID, rows []liveRow, held map[wire.ReportID]time.Time) error {
	for _, r := range rows {
		if _, keep := held[r.report]; keep {
			_, err := tx.ExecContext(ctx, `INSERT INTO held_key (seq, wrapped, recall) SELECT seq, wrapped, $2 FROM report_key WHERE seq = $1`, r.seq, recall)
			if err != nil {
				return fmt.Errorf("keep a key apart: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE report SET erased = 1 WHERE seq = $1`, r.seq); err != nil {
				return fmt.Errorf("take a report back: %w", err)
			}
		} else if _, err := tx.ExecContext(ctx, `UPDATE report SET erased = 1, body = $2, digest = $2 WHERE seq = $1`, r.seq, []byte{}); err != nil {
			return fmt.Errorf("destroy a report: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM report_key WHERE seq = $1`, r.seq); err != nil {
			return fmt.Errorf("destroy the key of a report: %w", err)
		}
	}
	return blankShelves(ctx, tx)
}

// Destroy implements [receive.Recalls].
func (h *Hub) Destroy(ctx context.Context, ask receive.Ask, decide func(receive.Found) (receive.Destroying, error)) (receipt []byte, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		if receipt, err = storedRecall(ctx, tx, ask); err != nil || receipt != nil {
			return err
		}
		live, err := liveRows(ctx, tx, ask.Member, ask.Reports)
		if err != nil {
			return err
		}
		found := receive.Found{}
		for _, r := range live {
			found.Live = append(found.Live, r.seq)
		}
		if found.Before, err = destroyedBefore(ctx, tx, ask); err != nil {
			return err
		}
		if found.Held, err = heldReports(ctx, tx, ask.Member, ask.Reports, ask.At); err != nil {
			return err
		}
		out, err := decide(found)
		if err != nil || out.Receipt == nil {
			return err
		}
		if receipt = out.Receipt; out.Stored {
			return nil
		}
		if err := insertRecall(ctx, tx, ask, out); err != nil {
			return err
		}
		return destroyRows(ctx, tx, ask.ID, live, found.Held)
	})
	if err != nil {
		return nil, err
	}
	return receipt, nil
}

// storedRecall is the receipt that was given to the same request before.
func storedRecall(ctx context.Context, tx *sql.Tx, ask receive.Ask) (receipt []byte, err error) {
	var m wire.MemberID
	var request string
	err = tx.QueryRowContext(ctx, `SELECT member, request, receipt FROM recall WHERE id = $1`, ask.ID).Scan(&m, &request, &receipt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a recall: %w", err)
	}
	if m != ask.Member || request != ask.Request {
		return nil, fault.New(fault.Conflict, "recall.changed", "a recall of this id but with other content is stored; draw a fresh id and ask again")
	}
	return receipt, nil
}

// destroyedBefore tells of reports when they were last destroyed.
func destroyedBefore(ctx context.Context, tx *sql.Tx, ask receive.Ask) (map[wire.ReportID]receive.DestroyedAt, error) {
	last := map[wire.ReportID]wire.RecallID{}
	all := map[wire.ReportID]receive.DestroyedAt{}
	for part := range parts(ask.Reports) {
		rows, err := tx.QueryContext(ctx, `SELECT p.report, r.id, r.at, r.receipt FROM recall_report p JOIN recall r ON r.id = p.recall
			WHERE r.member = $1 AND p.report IN (`+placeholders(2, len(part))+`) ORDER BY r.at, r.id`, named(ask.Member, part)...)
		if err != nil {
			return nil, fmt.Errorf("look for earlier recalls: %w", err)
		}
		err = each(rows, func() error {
			var report wire.ReportID
			var id wire.RecallID
			var at int64
			var b receive.DestroyedAt
			if err := rows.Scan(&report, &id, &at, &b.Receipt); err != nil {
				return err
			}
			b.At = moment(at)
			last[report], all[report] = id, b
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for earlier recalls: %w", err)
		}
	}
	// Only the first report's receipt can be that of all.
	first, ok := all[ask.Reports[0]]
	if !ok {
		return all, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT report FROM recall_report WHERE recall = $1`, last[ask.Reports[0]])
	if err == nil {
		first.Of, err = column[wire.ReportID](rows)
	}
	if err != nil {
		return nil, fmt.Errorf("look for earlier recalls: %w", err)
	}
	all[ask.Reports[0]] = first
	return all, nil
}

// insertRecall stores the receipt, and who is told.
func insertRecall(ctx context.Context, tx *sql.Tx, ask receive.Ask, out receive.Destroying) error {
	if err := insertReceipt(ctx, tx, ask, out.Receipt); err != nil {
		return err
	}
	for report, sector := range out.Sectors {
		_, err := tx.ExecContext(ctx, `INSERT INTO recall_report (recall, report, sector, incident)
			VALUES ($1, $2, $3, COALESCE((SELECT MAX(incident) FROM fact WHERE member = $4 AND report = $2), ''))`, ask.ID, report, sector, ask.Member)
		if err != nil {
			return fmt.Errorf("store a recalled report: %w", err)
		}
		for _, m := range out.Given[report] {
			if _, err := tx.ExecContext(ctx, `INSERT INTO recall_given (recall, report, member) VALUES ($1, $2, $3)`, ask.ID, report, m); err != nil {
				return fmt.Errorf("store who is told of a recall: %w", err)
			}
		}
		// What went into a release every member of its sector could read.
		_, err = tx.ExecContext(ctx, `INSERT INTO recall_given (recall, report, member)
			SELECT $1, $2, m.id FROM member m WHERE m.id <> $3 AND m.sectors LIKE $4 AND EXISTS (SELECT 1 FROM release_source s JOIN report r ON r.seq = s.seq
				WHERE r.member = $3 AND r.report = $2 AND r.erased = 0)
			ON CONFLICT (recall, report, member) DO NOTHING`, ask.ID, report, ask.Member, `%"`+sector+`"%`)
		if err != nil {
			return fmt.Errorf("store who is told of a recall: %w", err)
		}
	}
	return nil
}

func insertReceipt(ctx context.Context, tx *sql.Tx, ask receive.Ask, receipt []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO recall (id, member, made, at, party, reason, request, receipt, forgotten) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		ask.ID, ask.Member, seconds(ask.Made), seconds(ask.At), ask.By, ask.Reason, ask.Request, receipt)
	if err != nil {
		return fmt.Errorf("store a recall: %w", err)
	}
	return nil
}

// Forget implements [receive.Recalls].
func (h *Hub) Forget(ctx context.Context) error {
	var open []wire.RecallID
	err := h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM recall WHERE forgotten = 0 ORDER BY id`)
		if err != nil {
			return fmt.Errorf("look for keys to forget: %w", err)
		}
		open, err = column[wire.RecallID](rows)
		return err
	})
	if err != nil || len(open) == 0 {
		return err
	}
	done, err := h.forget(ctx, h.database)
	if err != nil || !done {
		return err
	}
	return h.write(ctx, func(tx *sql.Tx) error {
		for _, id := range open {
			if _, err := tx.ExecContext(ctx, `UPDATE recall SET forgotten = 1 WHERE id = $1`, id); err != nil {
				return fmt.Errorf("note that keys are forgotten: %w", err)
			}
		}
		return nil
	})
}

// Due implements [receive.Recalls].
func (h *Hub) Due(ctx context.Context, m wire.MemberID, sector string, then time.Time, limit int) (due []wire.ReportID, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT DISTINCT report FROM report WHERE member = $1 AND sector = $2 AND erased = 0 AND received <= $3 ORDER BY report LIMIT $4`, m, sector, then.Unix(), limit)
		if err != nil {
			return fmt.Errorf("look for reports whose time is over: %w", err)
		}
		due, err = column[wire.ReportID](rows)
		return err
	})
	return due, err
}

// Agreements lists all agreements that a member ever had, in the order in which
// they were stored.
func (h *Hub) Agreements(ctx context.Context, m wire.MemberID) (all []StoredAgreement, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, signed, current, stored FROM agreement WHERE member = $1 ORDER BY stored, current, id`, m)
		if err != nil {
			return fmt.Errorf("list the agreements of a member: %w", err)
		}
		return each(rows, func() error {
			var a StoredAgreement
			var stored int64
			err := rows.Scan(&a.ID, &a.Signed, &a.Current, &stored)
			a.Stored = moment(stored)
			all = append(all, a)
			return err
		})
	})
	return all, err
}

// StoredAgreement is an agreement as it was signed.
type StoredAgreement struct {
	ID      wire.AgreementID
	Signed  []byte
	Current bool
	Stored  time.Time
}
