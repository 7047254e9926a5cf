package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// TakeWork says whether this process is to do a scheduled work now: if nobody
// began it within nearly the last period, and nobody is at it. Who takes it
// has it until [Hub.EndWork], or for as long as lease, should its process die.
// The tenth of the period that is missing keeps a clock that ticks a little
// early from missing its turn.
func (h *Hub) TakeWork(ctx context.Context, name string, now time.Time, every, lease time.Duration) (mine bool, err error) {
	err = h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		var begun int64
		err := tx.QueryRowContext(ctx,
			`INSERT INTO work (name, begun, free) VALUES ($1, $2, $3)
			 ON CONFLICT (name) DO UPDATE SET begun = excluded.begun, free = excluded.free
			 WHERE work.begun <= $4 AND work.free <= $2 RETURNING begun`,
			name, now.UnixMilli(), now.Add(lease).UnixMilli(), now.Add(-every*9/10).UnixMilli()).Scan(&begun)
		mine = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the work %s: %w", name, err)
	}
	return mine, nil
}

// EndWork lets go of a work that was taken at a moment. One that failed is
// due again at once.
func (h *Hub) EndWork(ctx context.Context, name string, taken time.Time, failed bool) error {
	begun := taken.UnixMilli()
	if failed {
		begun = 0
	}
	err := h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE work SET begun = $1, free = 0 WHERE name = $2 AND begun = $3`, begun, name, taken.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("let go of the work %s: %w", name, err)
	}
	return nil
}
