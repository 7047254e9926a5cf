package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/concord-trust/concord/wire"
)

// Recall is what a member keeps of a destruction of its reports.
type Recall struct {
	ID   wire.RecallID
	Made time.Time
	// Request is what was signed; empty if the hub destroyed by itself.
	Request []byte
	// Receipt is the hub's signed receipt; empty before it came, at Kept.
	Receipt []byte
	Kept    time.Time
}

// QueueRecall keeps a signed request before it is sent.
func (q *Member) QueueRecall(ctx context.Context, r Recall) error {
	return q.change(ctx, "queue a recall", `INSERT INTO recall (id, made, request, receipt, kept) VALUES ($1, $2, $3, $4, 0)`,
		r.ID, seconds(r.Made), blob(r.Request), []byte{})
}

// KeepReceipt keeps the receipt of a destruction, asked for or not. The first
// one stays.
func (q *Member) KeepReceipt(ctx context.Context, r Recall) error {
	return q.change(ctx, "keep a receipt of destruction", `INSERT INTO recall (id, made, request, receipt, kept) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET receipt = excluded.receipt, kept = excluded.kept WHERE recall.kept = 0`,
		r.ID, seconds(r.Made), []byte{}, blob(r.Receipt), seconds(r.Kept))
}

// DropRecall forgets a request that the hub refused for good.
func (q *Member) DropRecall(ctx context.Context, id wire.RecallID) error {
	return q.change(ctx, "drop a recall", `DELETE FROM recall WHERE id = $1 AND kept = 0`, id)
}

// Recalls lists what is kept, newest first; of waiting ones only those that
// have no receipt yet.
func (q *Member) Recalls(ctx context.Context, waiting bool) (all []Recall, err error) {
	err = q.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, made, request, receipt, kept FROM recall WHERE $1 = 0 OR kept = 0 ORDER BY made DESC, id`, flag(waiting))
		if err != nil {
			return fmt.Errorf("list recalls: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var r Recall
			var made, kept int64
			err := rows.Scan(&r.ID, &made, &r.Request, &r.Receipt, &kept)
			r.Made, r.Kept = moment(made), moment(kept)
			all = append(all, r)
			return err
		})
	})
	return all, err
}
