package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
)

var _ deliver.Shelves = (*Hub)(nil)

// shelf is a collection's own row.
type shelf struct {
	deliver.Stand
	number   int64
	n, added int64
}

// Stand implements [deliver.Shelves].
func (h *Hub) Stand(ctx context.Context, collection string) (s deliver.Stand, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		at, err := shelfOf(ctx, tx, collection)
		s = at.Stand
		return err
	})
	return s, err
}

// shelfOf reads a collection's row; it is zero if there is none yet.
func shelfOf(ctx context.Context, tx *sql.Tx, collection string) (s shelf, err error) {
	var since, until int64
	err = tx.QueryRowContext(ctx, `SELECT number, turn, n, added, basis, since, until FROM shelf WHERE id = $1`, collection).
		Scan(&s.number, &s.Turn, &s.n, &s.added, &s.Basis, &since, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return shelf{}, nil
	}
	if err != nil {
		return s, fmt.Errorf("read how a collection stands: %w", err)
	}
	s.Since, s.Until = moment(since), moment(until)
	return s, nil
}

// Restock implements [deliver.Shelves].
func (h *Hub) Restock(ctx context.Context, collection string, r deliver.Restock) (s deliver.Stand, ok bool, err error) {
	err = h.writeIn(ctx, turnDerived, func(tx *sql.Tx) error {
		// Whoever destroys a report waits for this one, or this one for it.
		if _, err := tx.ExecContext(ctx, `UPDATE shelf SET turn = turn WHERE id = $1`, collection); err != nil {
			return fmt.Errorf("take a collection: %w", err)
		}
		at, err := shelfOf(ctx, tx, collection)
		if err != nil {
			return err
		}
		s, ok = at.Stand, at.Turn == r.Turn
		if !ok {
			return nil
		}
		if at.number == 0 {
			if at, err = newShelf(ctx, tx, collection); err != nil {
				return err
			}
		}
		w := &restocking{workbench: newWorkbench(ctx, tx), shelf: at, Restock: &r}
		if err := w.all(); err != nil {
			return err
		}
		s = r.Stand
		s.Turn = r.Turn + 1
		return w.do(`UPDATE shelf SET turn = $1, n = $2, added = $3, basis = $4, since = $5, until = $6 WHERE number = $7`,
			s.Turn, w.n, w.added, s.Basis, seconds(s.Since), seconds(s.Until), w.number)
	})
	if err != nil {
		return deliver.Stand{}, false, err
	}
	return s, ok, nil
}

// newShelf opens a collection. One that an earlier version of this program
// listed without its content goes on with its numbers.
func newShelf(ctx context.Context, tx *sql.Tx, collection string) (s shelf, err error) {
	if s.number, err = nextSequence(ctx, tx, "shelf", 1); err != nil {
		return s, err
	}
	err = tx.QueryRowContext(ctx, `SELECT n, added FROM collection WHERE id = $1`, collection).Scan(&s.n, &s.added)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return s, fmt.Errorf("look for a former listing: %w", err)
	default:
		for _, forget := range []string{`DELETE FROM collection_gone WHERE collection = $1`, `DELETE FROM collection_entry WHERE collection = $1`, `DELETE FROM collection WHERE id = $1`} {
			if _, err := tx.ExecContext(ctx, forget, collection); err != nil {
				return s, fmt.Errorf("take over a former listing: %w", err)
			}
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO shelf (id, number, turn, n, added, basis, since, until) VALUES ($1, $2, 0, $3, $4, '', 0, 0)`, collection, s.number, s.n, s.added)
	if err != nil {
		return s, fmt.Errorf("open a collection: %w", err)
	}
	return s, nil
}

// blankShelves takes the content of all objects away, since any may tell of a
// report that is destroyed. Each keeps its place, and is made anew there when
// its collection is asked for.
func blankShelves(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `UPDATE shelf SET turn = turn + 1, basis = ''`); err != nil {
		return fmt.Errorf("blank the collections: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE shelf_object SET body = $1 WHERE revoked = 0`, []byte{}); err != nil {
		return fmt.Errorf("blank the collections: %w", err)
	}
	return nil
}

// restocking is one change of a collection, within its transaction.
type restocking struct {
	*workbench
	shelf
	*deliver.Restock
	fresh [][]any // rows to insert
}

// stocked is an object that is there.
type stocked struct {
	name    deliver.Name
	digest  []byte
	typ     string
	created int64
	added   int64
	blank   bool
	place   deliver.Place
}

// shelfPage is how many objects are compared, and inserted, at a time.
const shelfPage = 4000

func (w *restocking) all() error {
	items := w.Items
	for _, span := range w.Spans {
		upTo, _ := slices.BinarySearchFunc(items, span.To, func(i deliver.Item, to deliver.Name) int {
			if c := i.Name.Compare(to); c != 0 {
				return c
			}
			return -1 // the end is within the span
		})
		if upTo > 0 && items[0].Name.Compare(span.From) < 0 {
			break
		}
		if err := w.span(span, items[:upTo]); err != nil {
			return err
		}
		items = items[upTo:]
	}
	if len(items) > 0 {
		return errors.New("an object of a collection stands in no span")
	}
	if err := w.insert(); err != nil {
		return err
	}
	return w.do(`DELETE FROM shelf_object WHERE shelf = $1 AND revoked > 0 AND revoked < $2`, w.number, w.Forget.UnixMicro())
}

// span makes the items the content of a span: it goes through both in order of
// the names, a page of what is there at a time.
func (w *restocking) span(span deliver.Span, items []deliver.Item) error {
	for from, done := span.From, false; !done; {
		there, err := w.there(from, span.To)
		if err != nil {
			return err
		}
		done = len(there) < shelfPage
		for _, old := range there {
			for len(items) > 0 && items[0].Name.Compare(old.name) < 0 {
				if err := w.put(items[0]); err != nil {
					return err
				}
				items = items[1:]
			}
			if len(items) > 0 && items[0].Name == old.name {
				err = w.renew(old, items[0])
				items = items[1:]
			} else {
				err = w.gone(old)
			}
			if err != nil {
				return err
			}
			from = next(old.name)
		}
	}
	for _, item := range items {
		if err := w.put(item); err != nil {
			return err
		}
	}
	return nil
}

// next is the name after one.
func next(n deliver.Name) deliver.Name {
	for i := len(n) - 1; i >= 0; i-- {
		if n[i]++; n[i] != 0 {
			break
		}
	}
	return n
}

func (w *restocking) there(from, to deliver.Name) (all []stocked, err error) {
	if from.Compare(to) > 0 {
		return nil, nil
	}
	err = w.ask(`SELECT name, digest, type, created, added, length(body), n, object FROM shelf_object WHERE shelf = $1 AND name >= $2 AND name <= $3 ORDER BY name LIMIT $4`,
		func(rows *sql.Rows) error {
			var s stocked
			var name, object sql.RawBytes
			var length int64
			if err := rows.Scan(&name, &s.digest, &s.typ, &s.created, &s.added, &length, &s.place.N, &object); err != nil {
				return err
			}
			s.blank = length == 0
			copy(s.name[:], name)
			copy(s.place.Object[:], object)
			all = append(all, s)
			return nil
		}, w.number, from[:], to[:], shelfPage)
	return all, err
}

// take gives the next number and moment.
func (w *restocking) take() deliver.Place {
	w.n, w.added = w.n+1, max(w.Day.UnixMicro(), w.added+1)
	at := time.UnixMicro(w.added).UTC()
	return deliver.Place{N: w.n, Added: at, Created: at}
}

// put adds an object that is new.
func (w *restocking) put(item deliver.Item) error {
	place := w.take()
	made, err := item.Make(place)
	if err != nil {
		return err
	}
	w.fresh = append(w.fresh, []any{w.number, place.N, w.added, w.added, versionOf(made), item.Type, made.Object[:], item.Name[:], item.Digest[:], 0, made.Body})
	if len(w.fresh) < shelfPage {
		return nil
	}
	return w.insert()
}

func versionOf(m deliver.Made) any {
	if m.Version.IsZero() {
		return nil
	}
	return m.Version.UnixMicro()
}

func (w *restocking) insert() error {
	err := w.doAll(`INSERT INTO shelf_object (shelf, n, added, created, version, type, object, name, digest, revoked, body) VALUES `, w.fresh, ``)
	w.fresh = w.fresh[:0]
	return err
}

// renew brings an object that is there up to date.
func (w *restocking) renew(old stocked, item deliver.Item) error {
	if bytes.Equal(old.digest, item.Digest[:]) {
		return w.refill(old, item)
	}
	place := w.take()
	place.Created, place.Object = time.UnixMicro(old.created).UTC(), old.place.Object
	made, err := item.Make(place)
	if err != nil {
		return err
	}
	return w.do(`UPDATE shelf_object SET n = $1, added = $2, version = $3, object = $4, digest = $5, body = $6 WHERE shelf = $7 AND n = $8`,
		w.n, w.added, versionOf(made), made.Object[:], item.Digest[:], made.Body, w.number, old.place.N)
}

// refill gives an object that is blank its content again, in its place.
func (w *restocking) refill(old stocked, item deliver.Item) error {
	if !old.blank {
		return nil
	}
	place := deliver.Place{N: old.place.N, Added: time.UnixMicro(old.added).UTC(), Created: time.UnixMicro(old.created).UTC(), Object: old.place.Object}
	made, err := item.Make(place)
	if err != nil {
		return err
	}
	return w.do(`UPDATE shelf_object SET body = $1 WHERE shelf = $2 AND n = $3`, made.Body, w.number, place.N)
}

// gone leaves of an object what is to be told of it, and nothing else.
func (w *restocking) gone(old stocked) error {
	was := old.place.N
	before := w.shelf
	place := w.take()
	place.Created, place.Object = time.UnixMicro(old.created).UTC(), old.place.Object
	body, kept, err := w.Revoke(old.typ, place)
	if err != nil {
		return err
	}
	if !kept {
		w.shelf = before // nobody was given the number
		return w.do(`DELETE FROM shelf_object WHERE shelf = $1 AND n = $2`, w.number, was)
	}
	return w.do(`UPDATE shelf_object SET n = $1, added = $2, version = NULL, name = NULL, digest = $3, revoked = $4, body = $5 WHERE shelf = $6 AND n = $7`,
		w.n, w.added, []byte{}, w.Day.UnixMicro(), body, w.number, was)
}

// Pick implements [deliver.Shelves].
func (h *Hub) Pick(ctx context.Context, collection string, s deliver.Selection, yield func(n int64, added time.Time, body []byte) error) (at deliver.Stand, more bool, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		row, err := shelfOf(ctx, tx, collection)
		if err != nil || row.Turn == 0 {
			return err
		}
		at = row.Stand
		p := &picking{ctx: ctx, tx: tx, engine: h.engine, shelf: row.number, Selection: s}
		if more, err = p.all(yield); err != nil {
			return fmt.Errorf("read a page of a collection: %w", err)
		}
		return nil
	})
	return at, more, err
}

// picking reads one page.
type picking struct {
	ctx    context.Context
	tx     *sql.Tx
	engine engine
	shelf  int64
	deliver.Selection
}

const (
	pickColumns = `SELECT n, added, body FROM shelf_object WHERE shelf = $1`
	// An index of another column is meant: the sum keeps the number's out of
	// the plan.
	pickAfter = ` AND n + 0 > $2`
)

func (p *picking) all(yield func(int64, time.Time, []byte) error) (more bool, err error) {
	if !p.AddedAfter.IsZero() {
		// Number and moment grow together.
		var n int64
		err := p.tx.QueryRowContext(p.ctx, `SELECT n FROM shelf_object WHERE shelf = $1 AND added <= $2 ORDER BY added DESC LIMIT 1`, p.shelf, p.AddedAfter.UnixMicro()).Scan(&n)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		p.After = max(p.After, n)
	}
	switch {
	case len(p.Objects) > 0 || len(p.Versions) > 0 || len(p.Types) > 1 || p.Revoked:
		return p.listed(yield)
	case len(p.Types) == 1:
		return p.page(yield, pickColumns+` AND type = $2 AND n > $3 ORDER BY n LIMIT $4`, p.shelf, p.Types[0], p.After, p.Limit+1)
	}
	return p.page(yield, pickColumns+` AND n > $2 ORDER BY n LIMIT $3`, p.shelf, p.After, p.Limit+1)
}

// page yields the rows of one question, which is asked for one more than the
// page has.
func (p *picking) page(yield func(int64, time.Time, []byte) error, query string, args ...any) (more bool, err error) {
	left := p.Limit
	one := func(n, added int64, body []byte) error {
		if left == 0 {
			more = true
			return nil
		}
		left--
		return yield(n, time.UnixMicro(added).UTC(), body)
	}
	if pack := p.engine.pack(); pack != "" {
		var packed sql.RawBytes
		rows, err := p.tx.QueryContext(p.ctx, fmt.Sprintf(pack, query), args...)
		if err != nil {
			return false, err
		}
		return more, each(rows, func() error {
			if err := rows.Scan(&packed); err != nil {
				return err
			}
			return unpack(packed, one)
		})
	}
	rows, err := p.tx.QueryContext(p.ctx, query, args...)
	if err != nil {
		return false, err
	}
	var n, added int64
	var body sql.RawBytes
	err = each(rows, func() error {
		if err := rows.Scan(&n, &added, &body); err != nil {
			return err
		}
		return one(n, added, body)
	})
	return more, err
}

// unpack takes the rows of a page out of the one value in which they came:
// number, moment and length of the body in big endian, and the body.
func unpack(packed []byte, one func(n, added int64, body []byte) error) error {
	const head = 8 + 8 + 4
	for len(packed) > 0 {
		if len(packed) < head {
			return errors.New("a page of a collection is cut off")
		}
		n, added := int64(binary.BigEndian.Uint64(packed)), int64(binary.BigEndian.Uint64(packed[8:]))
		end := head + int(binary.BigEndian.Uint32(packed[16:]))
		if len(packed) < end {
			return errors.New("a page of a collection is cut off")
		}
		if err := one(n, added, packed[head:end:end]); err != nil {
			return err
		}
		packed = packed[end:]
	}
	return nil
}

// listed reads what filters select that list what they want: first the numbers,
// each by an index, then the page of them.
func (p *picking) listed(yield func(int64, time.Time, []byte) error) (more bool, err error) {
	numbers, err := p.numbers()
	if err != nil {
		return false, err
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if more = len(numbers) > p.Limit; more {
		numbers = numbers[:p.Limit]
	}
	for part := range parts(numbers) {
		_, err := p.page(yield, pickColumns+` AND n IN (`+placeholders(2, len(part))+`) ORDER BY n`, append([]any{p.shelf}, anys(part)...)...)
		if err != nil {
			return false, err
		}
	}
	return more, nil
}

func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i, v := range list {
		all[i] = v
	}
	return all
}

// numbers finds those of the objects that the lists select: by the narrowest
// list, held against the others.
func (p *picking) numbers() (all []int64, err error) {
	find := func(condition string, args ...any) error {
		rows, err := p.tx.QueryContext(p.ctx, `SELECT n, type, COALESCE(version, added), revoked FROM shelf_object WHERE shelf = $1`+pickAfter+condition, append([]any{p.shelf, p.After}, args...)...)
		if err != nil {
			return err
		}
		return each(rows, func() error {
			var n, version, revoked int64
			var typ string
			if err := rows.Scan(&n, &typ, &version, &revoked); err != nil {
				return err
			}
			if p.takes(typ, version, revoked) {
				all = append(all, n)
			}
			return nil
		})
	}
	switch {
	case len(p.Objects) > 0:
		for part := range parts(p.Objects) {
			ids := make([]any, len(part))
			for i := range part {
				ids[i] = part[i][:]
			}
			if err := find(` AND object IN (`+placeholders(3, len(part))+`)`, ids...); err != nil {
				return nil, err
			}
		}
	case len(p.Versions) > 0:
		for _, v := range p.Versions {
			at := v.UnixMicro()
			if !v.Equal(time.UnixMicro(at)) {
				continue // finer than any version is
			}
			if err := errors.Join(find(` AND added = $3 AND version IS NULL`, at), find(` AND version = $3`, at)); err != nil {
				return nil, err
			}
		}
	case p.Revoked:
		return all, find(` AND revoked > 0`)
	default:
		for _, t := range p.Types {
			// One type after the other, each no more than a page.
			rows, err := p.tx.QueryContext(p.ctx, `SELECT n FROM shelf_object WHERE shelf = $1 AND type = $2 AND n > $3 ORDER BY n LIMIT $4`, p.shelf, t, p.After, p.Limit+1)
			if err != nil {
				return nil, err
			}
			some, err := column[int64](rows)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	return all, nil
}

func (p *picking) takes(typ string, version, revoked int64) bool {
	return (len(p.Types) == 0 || slices.Contains(p.Types, typ)) &&
		(len(p.Versions) == 0 || slices.ContainsFunc(p.Versions, func(v time.Time) bool { return v.Equal(time.UnixMicro(version)) })) &&
		(!p.Revoked || revoked > 0)
}
