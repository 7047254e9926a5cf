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

// BlankSnapshots drops the snapshots of a sector and the content of the newest,
// of which it stays known that it was there.
func (h *Hub) BlankSnapshots(ctx context.Context, sector string) error {
	return h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx,
			`DELETE FROM snapshot WHERE sector = $1 AND id <> (SELECT id FROM snapshot WHERE sector = $1 ORDER BY taken DESC, id DESC LIMIT 1)`, sector); err != nil {
			return fmt.Errorf("drop snapshots: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE snapshot SET data = $2 WHERE sector = $1`, sector, []byte{}); err != nil {
			return fmt.Errorf("blank a snapshot: %w", err)
		}
		return nil
	})
}

// Mark names what was taken back of a sector: its destroyed reports, and the
// agreements that others replaced.
func (h *Hub) Mark(ctx context.Context, sector string) (mark string, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var erased, replaced int64
		err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM report WHERE sector = $1 AND erased = 1), (SELECT COUNT(*) FROM agreement WHERE current = 0)`, sector).
			Scan(&erased, &replaced)
		mark = fmt.Sprint(erased, " ", replaced)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read what was taken back: %w", err)
	}
	return mark, nil
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
func (h *Hub) AddRelease(ctx context.Context, r anonymise.Release, content map[string][]byte, basis anonymise.Basis) error {
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
		return insertBasis(ctx, tx, r.ID, basis)
	})
}

func insertBasis(ctx context.Context, tx *sql.Tx, id wire.ReleaseID, basis anonymise.Basis) error {
	put, err := tx.PrepareContext(ctx, `INSERT INTO release_source (release_id, seq, ground, owners) VALUES ($1, $2, $3, $4)`)
	if err != nil {
		return fmt.Errorf("store what a release is made of: %w", err)
	}
	defer put.Close()
	for _, s := range basis.Sources {
		if _, err := put.ExecContext(ctx, id, s.Seq, s.Ground, s.Groups); err != nil {
			return fmt.Errorf("store what a release is made of: %w", err)
		}
	}
	for m, grounds := range basis.Grounds {
		text, err := json.Marshal(grounds)
		if err != nil {
			return fmt.Errorf("encode what a release rests on: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO release_basis (release_id, member, grounds) VALUES ($1, $2, $3)`, id, m, text); err != nil {
			return fmt.Errorf("store what a release rests on: %w", err)
		}
	}
	return nil
}

// Sources implements [anonymise.Store].
func (h *Hub) Sources(ctx context.Context, id wire.ReleaseID) (all []anonymise.Source, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT s.seq, s.ground, s.owners, r.member, r.received FROM release_source s JOIN report r ON r.seq = s.seq
			WHERE s.release_id = $1 ORDER BY s.seq`, id)
		if err != nil {
			return fmt.Errorf("list what a release is made of: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var s anonymise.Source
			var received int64
			err := rows.Scan(&s.Seq, &s.Ground, &s.Groups, &s.Member, &received)
			s.Received = moment(received)
			all = append(all, s)
			return err
		})
	})
	return all, err
}

// takenBack is true of a release r of which a report was destroyed since. One
// that was made before it was noted of what counts as made of all that its
// sector had received.
const takenBack = `CASE WHEN EXISTS (SELECT 1 FROM release_source s WHERE s.release_id = r.id)
	THEN EXISTS (SELECT 1 FROM release_source s JOIN report p ON p.seq = s.seq WHERE s.release_id = r.id AND p.erased = 1)
	ELSE EXISTS (SELECT 1 FROM report p WHERE p.sector = r.sector AND p.erased = 1 AND p.received <= r.made) END`

// Bases implements [anonymise.Store].
func (h *Hub) Bases(ctx context.Context, ids []wire.ReleaseID) (all map[wire.ReleaseID]anonymise.Standing, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		all = make(map[wire.ReleaseID]anonymise.Standing, len(ids))
		for _, id := range ids {
			one := anonymise.Standing{Grounds: map[wire.MemberID][]anonymise.Ground{}}
			if err := tx.QueryRowContext(ctx, `SELECT `+takenBack+` FROM release r WHERE r.id = $1`, id).Scan(&one.TakenBack); err != nil {
				return fmt.Errorf("look what became of a release's sources: %w", err)
			}
			rows, err := tx.QueryContext(ctx, `SELECT member, grounds FROM release_basis WHERE release_id = $1`, id)
			if err != nil {
				return fmt.Errorf("read what a release rests on: %w", err)
			}
			err = each(rows, func() error {
				var m wire.MemberID
				var text []byte
				if err := rows.Scan(&m, &text); err != nil {
					return err
				}
				var grounds []anonymise.Ground
				if err := json.Unmarshal(text, &grounds); err != nil {
					return damaged("what a release rests on", err)
				}
				one.Grounds[m] = grounds
				return nil
			})
			if err != nil {
				return fmt.Errorf("read what a release rests on: %w", err)
			}
			all[id] = one
		}
		return nil
	})
	return all, err
}

// WithdrawRelease implements [anonymise.Store].
func (h *Hub) WithdrawRelease(ctx context.Context, r anonymise.Release) error {
	about, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a release: %w", err)
	}
	return h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE release SET withdrawn = $2, about = $3 WHERE id = $1 AND withdrawn = 0`, r.ID, seconds(r.Withdrawn.At), about)
		if err != nil {
			return fmt.Errorf("withdraw a release: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err // another process was first
		}
		for _, statement := range []string{
			`DELETE FROM release_file WHERE release_id = $1`,
			`DELETE FROM release_basis WHERE release_id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, r.ID); err != nil {
				return fmt.Errorf("withdraw a release: %w", err)
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
