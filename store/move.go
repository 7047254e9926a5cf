package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Survey is what a record holds, table by table.
type Survey struct {
	Tables []SurveyedTable `json:"tables"`
	Rows   int64           `json:"rows"`
}

// SurveyedTable counts a table's rows; equal digests mean equal rows, in
// whatever order and in whichever engine.
type SurveyedTable struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"`
}

// movedMark is the name, among the sequences, that a record bears once it was
// moved. It is never copied.
const movedMark = "moved"

func errMoved() error {
	return fault.New(fault.Unavailable, "store.moved",
		"this record was moved to another store; name that one as hub.store in the configuration, and keep this one as a copy")
}

// Move copies a hub's record into an empty one of the other engine, row by
// row, all or nothing: while it lasts nobody writes to either, and it commits
// only if both hold the same. Then it marks the old record, which no hub opens
// any more. A target that holds something else is refused; one that holds the
// same already, since an earlier move ended before the mark, is taken as it is.
func Move(ctx context.Context, from, to *Hub) (s Survey, err error) {
	err = from.holding(ctx, func(source *sql.Tx) error {
		tables, err := from.schema(ctx, source)
		if err != nil {
			return err
		}
		err = to.holding(ctx, func(target *sql.Tx) error {
			s, err = moveAll(ctx, tables, source, target)
			return to.storeFault(err)
		})
		if err != nil {
			return err
		}
		return mark(ctx, source)
	})
	return s, err
}

// SurveyOf counts what there is to move.
func SurveyOf(ctx context.Context, h *Hub) (s Survey, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		tables, err := h.schema(ctx, tx)
		if err != nil {
			return err
		}
		s, err = surveyAll(ctx, tables, tx)
		return err
	})
	return s, err
}

// Empty says that the record holds nothing yet.
func (h *Hub) Empty(ctx context.Context) (bool, error) {
	s, err := SurveyOf(ctx, h)
	return err == nil && s.empty(), err
}

// empty leaves out the sequences, which a fresh record has.
func (s Survey) empty() bool {
	return !slices.ContainsFunc(s.Tables, func(t SurveyedTable) bool { return t.Name != "sequence" && t.Rows > 0 })
}

// holding runs f in a writing transaction that has all turns, so that what it
// reads stays as it is.
func (d *database) holding(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.begin(ctx, d.writer, nil)
	if err != nil {
		return d.storeFault(fmt.Errorf("begin to move: %w", err))
	}
	defer tx.Rollback() // does nothing after a commit
	for t := turnRecord; t <= lastTurn; t++ {
		if err := d.enter(ctx, tx, t); err != nil {
			return d.storeFault(fmt.Errorf("wait to move: %w", err))
		}
	}
	if err := d.patient(ctx, tx); err != nil {
		return d.storeFault(err)
	}
	if err := f(tx); err != nil {
		return d.storeFault(err)
	}
	return d.storeFault(tx.Commit())
}

// table is one table of the schema.
type table struct {
	name    string
	columns []tableColumn
	parents []string // tables that rows of this one refer to
}

// tableColumn is one column, with its type as the migrations have it.
type tableColumn struct{ name, kind string }

// schema lists a record's tables, each after those that it refers to.
func (d *database) schema(ctx context.Context, tx *sql.Tx) ([]table, error) {
	columns, err := tx.QueryContext(ctx, d.columnsQuery())
	if err != nil {
		return nil, fmt.Errorf("list the columns: %w", err)
	}
	var all []table
	at := map[string]int{}
	err = each(columns, func() error {
		var name string
		var c tableColumn
		err := columns.Scan(&name, &c.name, &c.kind)
		if _, known := at[name]; !known {
			at[name] = len(all)
			all = append(all, table{name: name})
		}
		all[at[name]].columns = append(all[at[name]].columns, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the columns: %w", err)
	}
	parents, err := tx.QueryContext(ctx, d.parentsQuery())
	if err != nil {
		return nil, fmt.Errorf("list what tables refer to: %w", err)
	}
	err = each(parents, func() error {
		var child, parent string
		err := parents.Scan(&child, &parent)
		all[at[child]].parents = append(all[at[child]].parents, parent)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list what tables refer to: %w", err)
	}
	return inOrder(all)
}

// inOrder sorts tables so that each comes after those that it refers to.
func inOrder(all []table) (sorted []table, err error) {
	done := map[string]bool{}
	for len(sorted) < len(all) {
		before := len(sorted)
		for _, t := range all {
			if !done[t.name] && !slices.ContainsFunc(t.parents, func(p string) bool { return p != t.name && !done[p] }) {
				done[t.name] = true
				sorted = append(sorted, t)
			}
		}
		if len(sorted) == before {
			return nil, errors.New("the tables refer to one another in a circle")
		}
	}
	return sorted, nil
}

func moveAll(ctx context.Context, tables []table, source, target *sql.Tx) (Survey, error) {
	there, err := surveyAll(ctx, tables, target)
	if err != nil {
		return Survey{}, err
	}
	if !there.empty() {
		here, err := surveyAll(ctx, tables, source)
		if err == nil && !slices.Equal(here.Tables, there.Tables) {
			err = fault.New(fault.Conflict, "store.not_empty", "the target holds a record already; nothing was changed. Name an empty one")
		}
		return here, err
	}
	if _, err := target.ExecContext(ctx, `DELETE FROM sequence`); err != nil {
		return Survey{}, fmt.Errorf("empty the sequences: %w", err)
	}
	for _, t := range tables {
		if err := t.copy(ctx, source, target); err != nil {
			return Survey{}, fmt.Errorf("move the table %s: %w", t.name, err)
		}
	}
	here, err := surveyAll(ctx, tables, source)
	if err != nil {
		return Survey{}, err
	}
	if there, err = surveyAll(ctx, tables, target); err != nil {
		return Survey{}, err
	}
	if !slices.Equal(here.Tables, there.Tables) {
		return Survey{}, fault.New(fault.Internal, "store.move_differs", "what was written is not what was read; nothing was changed")
	}
	return here, nil
}

// mark tells every process, also one that runs, that the record has moved.
func mark(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM sequence WHERE name = 'record'`); err != nil {
		return fmt.Errorf("end the former record: %w", err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sequence (name, value) VALUES ($1, $2)`, movedMark, time.Now().Unix())
	if err != nil {
		return fmt.Errorf("mark the former record: %w", err)
	}
	return nil
}

// refuseMoved refuses a hub's record that was moved.
func (d *database) refuseMoved(ctx context.Context) error {
	if d.kind != hubFile {
		return nil
	}
	return d.read(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sequence WHERE name = $1`, movedMark).Scan(&n); err != nil {
			return fmt.Errorf("look whether the record was moved: %w", err)
		}
		if n > 0 {
			return errMoved()
		}
		return nil
	})
}

func (t table) names() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// each reads all rows of a table, typed as the migrations have them.
func (t table) each(ctx context.Context, tx *sql.Tx, yield func(row []any) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT `+t.names()+` FROM `+t.name) //nolint:gosec // names of our own schema
	if err != nil {
		return err
	}
	row, at := make([]any, len(t.columns)), make([]any, len(t.columns))
	for i := range row {
		at[i] = &row[i]
	}
	return each(rows, func() error {
		if err := rows.Scan(at...); err != nil {
			return err
		}
		for i, c := range t.columns {
			if row[i], err = c.typed(row[i]); err != nil {
				return fmt.Errorf("column %s: %w", c.name, err)
			}
		}
		return yield(row)
	})
}

// typed brings a value to the column's type; SQLite keeps whatever it is given.
func (c tableColumn) typed(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []byte:
		if c.kind == "TEXT" {
			return string(v), nil
		}
		if c.kind == "BLOB" {
			return append([]byte{}, v...), nil // no bytes are not NULL
		}
	case string:
		if c.kind == "BLOB" {
			return []byte(v), nil
		}
		if c.kind == "TEXT" {
			return v, nil
		}
	case int64:
		if strings.HasSuffix(c.kind, "INT") || c.kind == "INTEGER" {
			return v, nil
		}
		if strings.HasPrefix(c.kind, "DOUBLE") {
			return float64(v), nil
		}
	case float64:
		if strings.HasPrefix(c.kind, "DOUBLE") {
			return v, nil
		}
	}
	return nil, fmt.Errorf("a value of type %T stands in a column of type %s", v, c.kind)
}

func (t table) copy(ctx context.Context, source, target *sql.Tx) error {
	insert, err := target.PrepareContext(ctx, `INSERT INTO `+t.name+` (`+t.names()+`) VALUES (`+placeholders(1, len(t.columns))+`)`) //nolint:gosec // names of our own schema
	if err != nil {
		return err
	}
	err = t.each(ctx, source, func(row []any) error {
		_, err := insert.ExecContext(ctx, row...)
		return err
	})
	return errors.Join(err, insert.Close())
}

func surveyAll(ctx context.Context, tables []table, tx *sql.Tx) (s Survey, err error) {
	for _, t := range tables {
		one, err := t.survey(ctx, tx)
		if err != nil {
			return s, fmt.Errorf("count the table %s: %w", t.name, err)
		}
		s.Tables = append(s.Tables, one)
		s.Rows += one.Rows
	}
	return s, nil
}

// survey adds up the hashes of the rows: the sum does not depend on their
// order, which differs between engines.
func (t table) survey(ctx context.Context, tx *sql.Tx) (SurveyedTable, error) {
	s := SurveyedTable{Name: t.name}
	var sum [4]uint64
	var text []byte
	err := t.each(ctx, tx, func(row []any) error {
		text = text[:0]
		for _, v := range row {
			text = appendValue(text, v)
		}
		hash := sha256.Sum256(text)
		carry := uint64(0)
		for i := range sum {
			sum[i], carry = bits.Add64(sum[i], binary.LittleEndian.Uint64(hash[8*i:]), carry)
		}
		s.Rows++
		return nil
	})
	var b []byte
	for _, part := range sum {
		b = binary.LittleEndian.AppendUint64(b, part)
	}
	s.Digest = hex.EncodeToString(b)
	return s, err
}

// appendValue writes a value so that no two lists of values look alike.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	case string:
		return append(binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint64(append(b, 'b'), uint64(len(v))), v...)
	}
	return append(b, 'n') // nothing else leaves typed
}

// Receipts tells every contribution with the receipt that it was given, in
// order of id.
func (h *Hub) Receipts(ctx context.Context, yield func(m wire.MemberID, c wire.ContributionID, receipt []byte) error) error {
	type given struct {
		member       wire.MemberID
		contribution wire.ContributionID
		receipt      []byte
	}
	for after := wire.ContributionID(""); ; {
		var page []given
		err := h.read(ctx, func(tx *sql.Tx) error {
			rows, err := tx.QueryContext(ctx, `SELECT id, member, receipt FROM contribution WHERE id > $1 ORDER BY id LIMIT $2`, after, atOnce)
			if err != nil {
				return fmt.Errorf("list receipts: %w", err)
			}
			return each(rows, func() error {
				var g given
				err := rows.Scan(&g.contribution, &g.member, &g.receipt)
				page = append(page, g)
				return err
			})
		})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, g := range page {
			if err := yield(g.member, g.contribution, g.receipt); err != nil {
				return err
			}
			after = g.contribution
		}
	}
}
