package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/wire"
)

var (
	_ analyse.Snapshots = (*Hub)(nil)
	_ anonymise.Store   = (*Hub)(nil)
)

// keptSnapshots is how many snapshots of a sector are kept.
const keptSnapshots = 12

// AddSnapshot implements [analyse.Snapshots].
func (h *Hub) AddSnapshot(ctx context.Context, id, sector string, taken time.Time, data []byte) error {
	return h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO snapshot (id, sector, taken, data) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (id) DO UPDATE SET data = excluded.data, taken = excluded.taken`,
			id, sector, seconds(taken), data); err != nil {
			return fmt.Errorf("store a snapshot: %w", err)
		}
		_, err := tx.ExecContext(ctx,
			`DELETE FROM snapshot WHERE sector = $1 AND id NOT IN
			 (SELECT id FROM snapshot WHERE sector = $1 ORDER BY taken DESC, id DESC LIMIT $2)`, sector, keptSnapshots)
		if err != nil {
			return fmt.Errorf("drop old snapshots: %w", err)
		}
		return nil
	})
}

// LatestSnapshot implements [analyse.Snapshots].
func (h *Hub) LatestSnapshot(ctx context.Context, sector string) (id string, data []byte, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx,
			`SELECT id, data FROM snapshot WHERE sector = $1 ORDER BY taken DESC, id DESC LIMIT 1`, sector).Scan(&id, &data)
		return noRow(err, "statistics.none", "no statistics were made of the sector %s yet", sector)
	})
	return id, data, err
}

// CountSnapshots implements [analyse.Snapshots].
func (h *Hub) CountSnapshots(ctx context.Context) (n int, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT sector) FROM snapshot`).Scan(&n)
	})
	return n, err
}

// AddRelease implements [anonymise.Store].
func (h *Hub) AddRelease(ctx context.Context, r anonymise.Release, content map[string][]byte) error {
	about, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a release: %w", err)
	}
	return h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM release WHERE id = $1`, r.ID).Scan(&n); err != nil {
			return fmt.Errorf("look for the release: %w", err)
		}
		if n > 0 {
			return fault.New(fault.Conflict, "release.exists", "there is a release %s already", r.ID)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO release (id, sector, made, about) VALUES ($1, $2, $3, $4)`,
			r.ID, r.Sector, seconds(r.Made), about); err != nil {
			return fmt.Errorf("store a release: %w", err)
		}
		for name, data := range content {
			if _, err := tx.ExecContext(ctx, `INSERT INTO release_file (release_id, name, content) VALUES ($1, $2, $3)`,
				r.ID, name, data); err != nil {
				return fmt.Errorf("store a release's file: %w", err)
			}
		}
		return nil
	})
}

// Releases implements [anonymise.Store].
func (h *Hub) Releases(ctx context.Context, sector string) (all []anonymise.Release, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT about FROM release WHERE sector = $1 ORDER BY made DESC, id DESC`, sector)
		if err != nil {
			return fmt.Errorf("list releases: %w", err)
		}
		return each(rows, func() error {
			var about []byte
			if err := rows.Scan(&about); err != nil {
				return err
			}
			var r anonymise.Release
			if err := json.Unmarshal(about, &r); err != nil {
				return fmt.Errorf("decode a release: %w", err)
			}
			all = append(all, r)
			return nil
		})
	})
	return all, err
}

// Release implements [anonymise.Store].
func (h *Hub) Release(ctx context.Context, id wire.ReleaseID) (r anonymise.Release, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var about []byte
		err := tx.QueryRowContext(ctx, `SELECT about FROM release WHERE id = $1`, id).Scan(&about)
		if err != nil {
			return noRow(err, "release.not_found", "there is no release %s", id)
		}
		return json.Unmarshal(about, &r)
	})
	return r, err
}

// ReleaseFile implements [anonymise.Store].
func (h *Hub) ReleaseFile(ctx context.Context, id wire.ReleaseID, name string) (f anonymise.File, data []byte, err error) {
	r, err := h.Release(ctx, id)
	if err != nil {
		return anonymise.File{}, nil, err
	}
	for _, f := range r.Files {
		if f.Name != name {
			continue
		}
		err := h.read(ctx, func(tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, `SELECT content FROM release_file WHERE release_id = $1 AND name = $2`, id, name).Scan(&data)
		})
		return f, data, err
	}
	return anonymise.File{}, nil, fault.New(fault.NotFound, "release.no_file", "the release %s has no file %q", id, name)
}

// CountReleases counts all releases.
func (h *Hub) CountReleases(ctx context.Context) (n int, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM release`).Scan(&n)
	})
	return n, err
}
