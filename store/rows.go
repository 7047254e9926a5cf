package store

import (
	"cmp"
	"database/sql"
	"iter"
	"slices"

	"github.com/concord-trust/concord/hub/receive"
)

// each calls scan for every row and closes them.
func each(rows *sql.Rows, scan func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := scan(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// parts cuts a list into questions of a bearable length.
func parts[T any](all []T) iter.Seq[[]T] { return slices.Chunk(all, atOnce) }

func sortRows(rows []receive.Row) {
	slices.SortFunc(rows, func(a, b receive.Row) int { return cmp.Compare(a.Seq, b.Seq) })
}

// sortBy sorts by a number.
func sortBy[T any](all []T, by func(T) int64) {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(by(a), by(b)) })
}
