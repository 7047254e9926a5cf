package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

var _ deliver.Withdrawals = (*Hub)(nil)

// RecallsOf implements [deliver.Withdrawals].
func (h *Hub) RecallsOf(ctx context.Context, m wire.MemberID) (all []deliver.KeptRecall, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, at, party, reason, receipt,
			(SELECT COUNT(*) FROM held_key k WHERE k.recall = recall.id) FROM recall WHERE member = $1 ORDER BY at DESC, id`, m)
		if err != nil {
			return fmt.Errorf("list recalls: %w", err)
		}
		all = nil
		err = each(rows, func() error {
			var k deliver.KeptRecall
			var at int64
			err := rows.Scan(&k.ID, &at, &k.By, &k.Reason, &k.Receipt, &k.Held)
			k.At = moment(at)
			all = append(all, k)
			return err
		})
		if err != nil {
			return fmt.Errorf("list recalls: %w", err)
		}
		for i := range all {
			if err := fillRecall(ctx, tx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// fillRecall reads a recall's reports, and who was given something of them.
func fillRecall(ctx context.Context, tx *sql.Tx, k *deliver.KeptRecall) error {
	rows, err := tx.QueryContext(ctx, `SELECT report FROM recall_report WHERE recall = $1 ORDER BY report`, k.ID)
	if err == nil {
		k.Reports, err = column[wire.ReportID](rows)
	}
	if err != nil {
		return fmt.Errorf("read the reports of a recall: %w", err)
	}
	rows, err = tx.QueryContext(ctx, `SELECT g.member, COALESCE(c.at, 0), COALESCE(c.named, 0)
		FROM (SELECT DISTINCT member FROM recall_given WHERE recall = $1) g LEFT JOIN confirmation c ON c.notice = $1 AND c.member = g.member ORDER BY g.member`, k.ID)
	if err != nil {
		return fmt.Errorf("read who was told of a recall: %w", err)
	}
	err = each(rows, func() error {
		var g deliver.KeptGiven
		var at, named int64
		err := rows.Scan(&g.Member, &at, &named)
		g.Confirmed, g.Named = at != 0, named != 0
		k.Given = append(k.Given, g)
		return err
	})
	if err != nil {
		return fmt.Errorf("read who was told of a recall: %w", err)
	}
	return nil
}

// NoticesTo implements [deliver.Withdrawals]. Of a release a member is told if
// it took part in the sector before the release was withdrawn.
func (h *Hub) NoticesTo(ctx context.Context, m member.Member) (all []deliver.KeptNotice, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		if all, err = recallNotices(ctx, tx, m.ID); err != nil {
			return err
		}
		for _, sector := range m.Sectors {
			rows, err := tx.QueryContext(ctx, `SELECT r.id, r.withdrawn, COALESCE(c.at, 0) FROM release r LEFT JOIN confirmation c ON c.notice = r.id AND c.member = $1
				WHERE r.sector = $2 AND r.withdrawn > 0 AND r.withdrawn >= $3 ORDER BY r.id`, m.ID, sector, seconds(m.Since))
			if err != nil {
				return fmt.Errorf("list withdrawn releases: %w", err)
			}
			err = each(rows, func() error {
				n := deliver.KeptNotice{Sectors: []string{sector}}
				var withdrawn, confirmed int64
				err := rows.Scan(&n.Release, &withdrawn, &confirmed)
				n.ID, n.At, n.Confirmed = string(n.Release), moment(withdrawn), moment(confirmed)
				all = append(all, n)
				return err
			})
			if err != nil {
				return fmt.Errorf("list withdrawn releases: %w", err)
			}
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b deliver.KeptNotice) int { return b.At.Compare(a.At) })
	return all, err
}

func recallNotices(ctx context.Context, tx *sql.Tx, m wire.MemberID) (all []deliver.KeptNotice, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT r.id, r.at, p.sector, p.incident, COALESCE(c.at, 0) FROM recall_given g
		JOIN recall r ON r.id = g.recall JOIN recall_report p ON p.recall = g.recall AND p.report = g.report
		LEFT JOIN confirmation c ON c.notice = r.id AND c.member = g.member
		WHERE g.member = $1 ORDER BY r.at DESC, r.id, p.sector, p.incident`, m)
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	err = each(rows, func() error {
		var id, sector string
		var incident wire.IncidentID
		var at, confirmed int64
		if err := rows.Scan(&id, &at, &sector, &incident, &confirmed); err != nil {
			return err
		}
		if len(all) == 0 || all[len(all)-1].ID != id {
			all = append(all, deliver.KeptNotice{ID: id, At: moment(at), Confirmed: moment(confirmed)})
		}
		n := &all[len(all)-1]
		if !slices.Contains(n.Sectors, sector) {
			n.Sectors = append(n.Sectors, sector)
		}
		if incident != "" && !slices.Contains(n.Incidents, incident) {
			n.Incidents = append(n.Incidents, incident)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", err)
	}
	return all, nil
}

// Confirm implements [deliver.Withdrawals].
func (h *Hub) Confirm(ctx context.Context, m wire.MemberID, notices []string, named bool, at time.Time) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		for _, n := range notices {
			_, err := tx.ExecContext(ctx, `INSERT INTO confirmation (notice, member, at, named) VALUES ($1, $2, $3, $4)
				ON CONFLICT (notice, member) DO UPDATE SET named = CASE WHEN excluded.named = 1 THEN 1 ELSE confirmation.named END`, n, m, seconds(at), flag(named))
			if err != nil {
				return fmt.Errorf("store a confirmation: %w", err)
			}
		}
		return nil
	})
}
