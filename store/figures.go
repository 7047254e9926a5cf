package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Figures are what an operator watches of a hub's record: counts and moments,
// nothing of any report or member.
type Figures struct {
	// Recorded and Consolidated are the last sequence numbers of the record,
	// and of what consolidation took of it.
	Recorded, Consolidated int64
	// Snapshots and Releases tell of each sector when the newest was made.
	Snapshots, Releases map[string]time.Time
}

// Figures reads the figures of one moment.
func (h *Hub) Figures(ctx context.Context) (f Figures, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT (SELECT value FROM sequence WHERE name = 'record'),
			(SELECT value FROM sequence WHERE name = 'consolidated')`).Scan(&f.Recorded, &f.Consolidated)
		if err != nil {
			return fmt.Errorf("read how far the record is: %w", err)
		}
		if f.Snapshots, err = newestOf(ctx, tx, `SELECT sector, MAX(taken) FROM snapshot GROUP BY sector`); err != nil {
			return fmt.Errorf("read the age of snapshots: %w", err)
		}
		if f.Releases, err = newestOf(ctx, tx, `SELECT sector, MAX(made) FROM release GROUP BY sector`); err != nil {
			return fmt.Errorf("read the age of releases: %w", err)
		}
		return nil
	})
	return f, err
}

func newestOf(ctx context.Context, tx *sql.Tx, query string) (map[string]time.Time, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	all := map[string]time.Time{}
	return all, each(rows, func() error {
		var sector string
		var at int64
		err := rows.Scan(&sector, &at)
		all[sector] = moment(at)
		return err
	})
}

// Groups counts the owner groups that a steward ever evaluated for.
func (s *Steward) Groups(ctx context.Context) (n int, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT owner_group) FROM ledger WHERE owner_group <> ''`).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count owner groups: %w", err)
	}
	return n, nil
}

// probe is the name, among the works, under which the record shows that it can
// be written.
const probe = "ready"

// Fit tells whether a hub's record can be worked with now: it is written
// durably and read again, its schema is one that this program knows, and no
// report in it comes from a future by more than skew, as it would if the clock
// were set back.
func (h *Hub) Fit(ctx context.Context, now time.Time, skew time.Duration) error {
	if err := h.refuseMoved(ctx); err != nil {
		return err
	}
	err := h.read(ctx, func(tx *sql.Tx) error {
		if err := h.knows(ctx, tx); err != nil {
			return err
		}
		var latest int64
		err := tx.QueryRowContext(ctx, `SELECT COALESCE((SELECT received FROM report ORDER BY seq DESC LIMIT 1), 0)`).Scan(&latest)
		if err != nil {
			return fmt.Errorf("read when the last report came: %w", err)
		}
		if moment(latest).After(now.Add(skew)) {
			return fault.New(fault.Unavailable, "clock.behind", "the record holds reports of a later time than the clock says; set the clock")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.writeIn(ctx, turnWork, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO work (name, begun, free) VALUES ($1, $2, 0)
			ON CONFLICT (name) DO UPDATE SET begun = excluded.begun`, probe, now.UnixMilli())
		return err
	})
}

// Fit tells whether a steward's record can be written and read.
func (s *Steward) Fit(ctx context.Context) error {
	if err := s.read(ctx, func(tx *sql.Tx) error { return s.knows(ctx, tx) }); err != nil {
		return err
	}
	// It debits nothing: a row of no group and no evaluations.
	return s.change(ctx, "try to write", `INSERT INTO ledger (owner_group, day, key_kind, evaluations) VALUES ('', '', '', 0)
		ON CONFLICT (owner_group, day, key_kind) DO UPDATE SET evaluations = 0`)
}

// knows refuses a schema that is not the newest that this program knows:
// another process, of a newer version, may have changed it meanwhile.
func (d *database) knows(ctx context.Context, tx *sql.Tx) error {
	var at int
	if err := tx.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&at); err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	files, err := fs.Glob(migrations, "migrations/"+d.kind.name+"/*.sql")
	if err != nil {
		return fmt.Errorf("list the migrations: %w", err)
	}
	known := 0
	for _, f := range files {
		number, _, _ := strings.Cut(path.Base(f), "_")
		n, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("read the number of a migration: %w", err)
		}
		known = max(known, n)
	}
	if at != known {
		return fault.New(fault.Unavailable, "store.schema", "the record has schema version %d, this program works with %d; start the version that the others run", at, known)
	}
	return nil
}
