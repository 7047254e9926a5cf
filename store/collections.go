package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
)

var _ deliver.Listings = (*Hub)(nil)

// Gone implements [deliver.Listings].
func (h *Hub) Gone(ctx context.Context, collection string, since time.Time) (all []deliver.Vanished, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT object, digest, n, created FROM collection_gone WHERE collection = $1 AND gone >= $2 ORDER BY n`, collection, since.UnixMicro())
		if err != nil {
			return fmt.Errorf("read what went from a collection: %w", err)
		}
		all = nil
		return each(rows, func() error {
			var v deliver.Vanished
			var created int64
			err := rows.Scan(&v.Object, &v.Digest, &v.N, &created)
			v.Created = time.UnixMicro(created).UTC()
			all = append(all, v)
			return err
		})
	})
	return all, err
}

// held is a row of a collection.
type held struct {
	digest            []byte
	n, added, created int64
}

// Relist implements [deliver.Listings]. Mostly nothing changed, and nothing is
// written.
func (h *Hub) Relist(ctx context.Context, collection string, day time.Time, entries []deliver.Entry) (placed []deliver.Listed, err error) {
	same := false
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := heldBy(ctx, tx, collection)
		if err != nil {
			return err
		}
		placed, same = settled(rows, entries)
		return nil
	})
	if err != nil || same {
		return placed, err
	}
	err = h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		rows, err := heldBy(ctx, tx, collection)
		if err != nil {
			return err
		}
		if err := relist(ctx, tx, collection, day, rows, entries); err != nil {
			return err
		}
		placed, same = settled(rows, entries)
		if !same {
			return errors.New("a collection is not as it was made")
		}
		return nil
	})
	return placed, err
}

func heldBy(ctx context.Context, tx *sql.Tx, collection string) (map[string]held, error) {
	rows, err := tx.QueryContext(ctx, `SELECT object, digest, n, added, created FROM collection_entry WHERE collection = $1`, collection)
	if err != nil {
		return nil, fmt.Errorf("read a collection: %w", err)
	}
	defer rows.Close()
	all := map[string]held{}
	for rows.Next() {
		var object string
		var r held
		if err := rows.Scan(&object, &r.digest, &r.n, &r.added, &r.created); err != nil {
			return nil, fmt.Errorf("read a collection: %w", err)
		}
		all[object] = r
	}
	return all, rows.Err()
}

// settled says where entries stand, and whether they are just what is there.
func settled(rows map[string]held, entries []deliver.Entry) ([]deliver.Listed, bool) {
	if len(rows) != len(entries) {
		return nil, false
	}
	placed := make([]deliver.Listed, len(entries))
	for i, e := range entries {
		r, ok := rows[e.Object]
		if !ok || !bytes.Equal(r.digest, e.Digest) {
			return nil, false
		}
		placed[i] = deliver.Listed{N: r.n, Added: time.UnixMicro(r.added).UTC(), Created: time.UnixMicro(r.created).UTC()}
	}
	return placed, true
}

// relist brings rows, and the tables, to what the entries say.
func relist(ctx context.Context, tx *sql.Tx, collection string, day time.Time, rows map[string]held, entries []deliver.Entry) error {
	var n, added int64
	err := tx.QueryRowContext(ctx, `SELECT n, added FROM collection WHERE id = $1`, collection).Scan(&n, &added)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, `INSERT INTO collection (id, n, added) VALUES ($1, 0, 0)`, collection)
	}
	if err != nil {
		return fmt.Errorf("open a collection: %w", err)
	}
	put, err := tx.PrepareContext(ctx, `INSERT INTO collection_entry (collection, object, digest, n, added, created) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (collection, object) DO UPDATE SET digest = excluded.digest, n = excluded.n, added = excluded.added`)
	if err != nil {
		return fmt.Errorf("list an object: %w", err)
	}
	defer put.Close()
	given := make(map[string]bool, len(entries))
	for _, e := range entries {
		given[e.Object] = true
		r, ok := rows[e.Object]
		if ok && bytes.Equal(r.digest, e.Digest) {
			continue
		}
		n, added = n+1, max(day.UnixMicro(), added+1)
		if !ok {
			r.created = added
		}
		r.digest, r.n, r.added = e.Digest, n, added
		if _, err := put.ExecContext(ctx, collection, e.Object, r.digest, r.n, r.added, r.created); err != nil {
			return fmt.Errorf("list an object: %w", err)
		}
		rows[e.Object] = r
	}
	for object, r := range rows {
		if given[object] {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM collection_entry WHERE collection = $1 AND object = $2`, collection, object); err != nil {
			return fmt.Errorf("take an object off a collection: %w", err)
		}
		n++
		_, err := tx.ExecContext(ctx, `INSERT INTO collection_gone (collection, n, object, digest, created, gone) VALUES ($1, $2, $3, $4, $5, $6)`,
			collection, n, object, r.digest, r.created, day.UnixMicro())
		if err != nil {
			return fmt.Errorf("note that an object is gone: %w", err)
		}
		delete(rows, object)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM collection_gone WHERE collection = $1 AND gone < $2`, collection, day.Add(-deliver.RevokedFor).UnixMicro()); err != nil {
		return fmt.Errorf("forget what went long ago: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE collection SET n = $1, added = $2 WHERE id = $3`, n, added, collection); err != nil {
		return fmt.Errorf("number a collection: %w", err)
	}
	return nil
}

// State names the state on which every answer to a viewer rests: what is
// consolidated, erased and taken out, who is a member and suspended, and which agreements
// there are. While the name is the same, so are the answers.
func (h *Hub) State(ctx context.Context) (name string, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var consolidated, erased, derived, members, agreements int64
		err := tx.QueryRowContext(ctx, `SELECT
			(SELECT value FROM sequence WHERE name = 'consolidated'),
			(SELECT COUNT(*) FROM report WHERE erased = 1),
			(SELECT COUNT(*) FROM report r JOIN fact f ON f.seq = r.seq WHERE r.erased = 1),
			(SELECT COUNT(*) FROM member),
			(SELECT COUNT(*) FROM agreement)`).Scan(&consolidated, &erased, &derived, &members, &agreements)
		if err != nil {
			return fmt.Errorf("read the state of the record: %w", err)
		}
		rows, err := tx.QueryContext(ctx, `SELECT id FROM member WHERE suspended = 1 ORDER BY id`)
		if err != nil {
			return fmt.Errorf("read who is suspended: %w", err)
		}
		defer rows.Close()
		var b strings.Builder
		fmt.Fprint(&b, consolidated, " ", erased, " ", derived, " ", members, " ", agreements)
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return fmt.Errorf("read who is suspended: %w", err)
			}
			b.WriteString(" " + id)
		}
		name = b.String()
		return rows.Err()
	})
	return name, err
}
