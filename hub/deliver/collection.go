package deliver

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/member"
)

// A collection's objects are computed from the record through the same gate as
// pages and feed, and put on a shelf:
//
//	record ─▶ drafts ─▶ [Shelves].Restock   when what they rest on has changed
//	                         │
//	          page  ◀── [Shelves].Pick      always
//
// Each request first asks whether the shelf holds what its viewer may have now;
// so what terms, a suspension or an erasure took away is gone with the next one.

// Wanted selects objects of a collection. Empty lists select everything.
type Wanted struct {
	// Object is the one object that is asked for, or "".
	Object     string
	IDs, Types []string
	// Versions are moments at which a version was made.
	Versions []time.Time
	// AddedAfter leaves out what came then or before; After is the number after
	// which the page begins.
	AddedAfter time.Time
	After      int64
	Limit      int
}

// PageView is a page of a collection.
type PageView struct {
	Objects []ObjectView
	// More says that others follow.
	More bool
	// Known says that the collection holds the one object that was asked for,
	// whatever the filters leave of it.
	Known bool

	pieces []*[]byte
}

// Done gives back the memory that the objects stand in. Nothing may read them
// from then on; whoever does not call it leaves them to the garbage collector.
func (p PageView) Done() {
	for _, piece := range p.pieces {
		*piece = (*piece)[:0]
		openingPieces.Put(piece)
	}
}

// Page answers with a page of a collection, in the order in which its objects
// came in. What was taken back within [RevokedFor] is in it as revoked.
func (r *Room) Page(ctx context.Context, v member.Viewer, sector string, k Kind, w Wanted) (Answer[PageView], error) {
	none := Answer[PageView]{}
	c, err := r.collection(v, sector, k)
	if err != nil {
		return none, err
	}
	page, err := current(ctx, c, func() (PageView, Stand, error) { return c.page(ctx, w) })
	if err != nil {
		return none, err
	}
	page.Known = len(page.Objects) > 0
	if w.Object != "" && !page.Known {
		one, _, err := c.page(ctx, Wanted{Object: w.Object, Limit: 1})
		if err != nil {
			return none, err
		}
		page.Known = len(one.Objects) > 0
	}
	return Answer[PageView]{body: page}, nil
}

// RevokedFor is for how long a collection tells that an object was taken back.
const RevokedFor = 90 * 24 * time.Hour

// collection is one viewer's, within one request.
type collection struct {
	room   *Room
	viewer member.Viewer
	sector string
	kind   Kind
	id     string // as the record knows it
	aead   cipher.AEAD
	ids    []byte // keys the ids of objects
	names  []byte // keys names and digests
}

func (r *Room) collection(v member.Viewer, sector string, k Kind) (*collection, error) {
	if _, err := r.Sector(v, sector); err != nil {
		return nil, err
	}
	if !slices.Contains(Kinds(), k) {
		return nil, fault.New(fault.NotFound, "collection.not_found", "there is no such collection")
	}
	c := &collection{room: r, viewer: v, sector: sector, kind: k, ids: r.secret("objects "+string(v.Purpose), v)}
	c.id = r.listingID(v, r.collectionID(v, sector, k))
	c.names = r.secret("names "+c.id, v)
	block, err := aes.NewCipher(r.secret("shelf "+c.id, v))
	if err == nil {
		c.aead, err = cipher.NewGCM(block)
	}
	return c, err
}

const (
	// clockSlack is how far the clocks of two processes may be apart, and one be
	// set back, before a content counts as one of the future.
	clockSlack = time.Minute
	// mostStockings is how often a content is computed anew because another
	// process was faster.
	mostStockings = 5
)

// renew brings the content up to date, if it is not.
func (c *collection) renew(ctx context.Context) error {
	basis, stand, err := c.stand(ctx)
	if err != nil || c.fresh(basis, stand) {
		return err
	}
	lock := c.room.stocking.of(c.id) // who asks for the same meanwhile gets what this one computes
	lock.Lock()
	defer lock.Unlock()
	for range mostStockings {
		// What it rests on is read before it is computed: a change meanwhile
		// makes the content old, never new.
		if basis, stand, err = c.stand(ctx); err != nil || c.fresh(basis, stand) {
			return err
		}
		if ok, err := c.stock(ctx, basis, stand); err != nil || ok {
			return err
		}
	}
	return fault.New(fault.Unavailable, "collection.busy", "this collection changes faster than it can be read; ask again in a minute")
}

// stand tells on what the content should rest now, and on what it does.
func (c *collection) stand(ctx context.Context) (basis string, s Stand, err error) {
	if basis, err = c.basis(ctx); err != nil {
		return "", s, err
	}
	s, err = c.room.Shelves.Stand(ctx, c.id)
	return basis, s, err
}

// basis names what the content should rest on now. The viewer as it is, which
// terms may look at, is part of that.
func (c *collection) basis(ctx context.Context) (string, error) {
	if c.room.State == nil {
		return "", nil
	}
	state, err := c.room.State(ctx)
	if err != nil {
		return "", err
	}
	v := c.viewer
	v.At = time.Time{}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %+v", state, v))
	return hex.EncodeToString(sum[:16]), nil
}

// fresh also holds against a clock that was set back.
func (c *collection) fresh(basis string, s Stand) bool {
	return basis != "" && s.Basis == basis && c.viewer.At.Before(s.Until) && !c.viewer.At.Before(s.Since.Add(-clockSlack))
}

// standing is what is said of a content that is made now. It holds until the
// second in which a grant begins or ends; and for the day at most, so that
// notices of what was taken back are forgotten in time.
func (c *collection) standing(basis string, until time.Time) Stand {
	if day := c.viewer.At.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1); until.IsZero() || day.Before(until) {
		until = day
	}
	return Stand{Basis: basis, Since: c.viewer.At, Until: until}
}

// stock computes the content; false: another process did.
func (c *collection) stock(ctx context.Context, basis string, stand Stand) (bool, error) {
	drafts, until, err := c.drafts(ctx)
	if err != nil {
		return false, err
	}
	items := make([]Item, len(drafts))
	for i, d := range drafts {
		if items[i], err = c.item(d); err != nil {
			return false, err
		}
		drafts[i] = draft{}
	}
	slices.SortFunc(items, func(a, b Item) int { return a.Name.Compare(b.Name) })
	day := c.viewer.At.UTC().Truncate(24 * time.Hour)
	_, ok, err := c.room.Shelves.Restock(ctx, c.id, Restock{Turn: stand.Turn, Day: day, Spans: []Span{Everything()}, Items: items,
		Revoke: c.revoked, Forget: day.Add(-RevokedFor), Stand: c.standing(basis, until)})
	return ok, err
}

// drafts are the content, until when it holds if the record stays as it is.
func (c *collection) drafts(ctx context.Context) (all []draft, until time.Time, err error) {
	switch c.kind {
	case IndicatorObjects:
		all, until, err = c.room.indicatorDrafts(ctx, c.viewer, c.sector)
	case IncidentObjects:
		all, until, err = c.room.incidentDrafts(ctx, c.viewer, c.sector)
	}
	return withMarkings(all), until, err
}

// item is a draft as the shelf wants it.
func (c *collection) item(d draft) (Item, error) {
	object, err := d.print()
	if err != nil {
		return Item{}, err
	}
	item := Item{Type: object.typ}
	keyed := func(use string, text []byte) []byte {
		mac := hmac.New(sha256.New, c.names)
		mac.Write([]byte(use + "\x00"))
		mac.Write(text)
		return mac.Sum(nil)
	}
	told := d.about // and not the draft, which takes much more room
	about := item.Type + "\x00" + c.sector + "\x00" + told
	item.Name, item.Digest = Name(keyed("name", []byte(about))[:len(item.Name)]), [16]byte(keyed("digest", object.text)[:16])
	item.Make = func(p Place) (m Made, err error) {
		id := object.id
		switch {
		case id != "":
		case p.Object != [16]byte{}:
			id = item.Type + "--" + uuid.UUID(p.Object).String()
		default:
			// The place is part of the name: an id that was revoked is for ever,
			// and what comes back needs another.
			id = stix.KeyedID(c.ids, item.Type, fmt.Sprint(c.sector, "\x00", told, "\x00", p.N))
		}
		view, err := object.place(id, p)
		if err != nil {
			return m, err
		}
		_, text, _ := strings.Cut(id, "--")
		if m.Object, err = uuid.Parse(text); err != nil {
			return m, fmt.Errorf("an object's id is none: %w", err)
		}
		if object.id != "" {
			if m.Version, err = time.Parse(time.RFC3339Nano, view.Version); err != nil {
				return m, fmt.Errorf("an object's own time is none: %w", err)
			}
		}
		m.Body, err = c.seal(view)
		return m, err
	}
	return item, nil
}

// revoked is what is left of an object that was taken back: that it was. Its
// required properties say nothing of what it was, and its pattern matches
// nothing, since no file is shorter than that.
func (c *collection) revoked(typ string, p Place) (body []byte, kept bool, err error) {
	if typ == "marking-definition" {
		return nil, false, nil // nobody's to take back
	}
	created := p.Created.UTC().Format(timestamp)
	o := stix.Object{{Name: "type", Value: typ}, {Name: "spec_version", Value: "2.1"},
		{Name: "name", Value: "Taken back"}, {Name: "description", Value: "This was taken back: delete what you keep of it."}, {Name: "revoked", Value: true}}
	if typ == "indicator" {
		o = append(o, stix.Object{{Name: "pattern", Value: "[file:size < 0]"}, {Name: "pattern_type", Value: "stix"}, {Name: "pattern_version", Value: "2.1"},
			{Name: "valid_from", Value: created}}...)
	}
	object, err := draft{object: o}.print()
	if err != nil {
		return nil, false, err
	}
	view, err := object.place(typ+"--"+uuid.UUID(p.Object).String(), p)
	if err != nil {
		return nil, false, err
	}
	view.Revoked = true
	body, err = c.seal(view)
	return body, true, err
}

// A body is sealed for its collection and place. In it are whether the object
// is revoked, id, version and the object itself, which all stand in one line.

func (c *collection) seal(o ObjectView) ([]byte, error) {
	flag := "0"
	if o.Revoked {
		flag = "1"
	}
	size := c.aead.NonceSize()
	out := make([]byte, size, size+c.aead.Overhead()+len(o.ID)+len(o.Version)+len(o.JSON)+4)
	rand.Read(out) //nolint:errcheck // never fails
	plain := slices.Concat([]byte(flag+"\n"+o.ID+"\n"+o.Version+"\n"), o.JSON)
	return c.aead.Seal(out, out, plain, c.bound(o.N, o.Added)), nil
}

func (c *collection) bound(n int64, added time.Time) []byte {
	return appendPlace([]byte(c.id), n, added)
}

func appendPlace(b []byte, n int64, added time.Time) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	return binary.BigEndian.AppendUint64(b, uint64(added.UnixMicro()))
}

// opening opens one body after the other, many of them into one piece of
// memory: a page is a thousand.
type opening struct {
	*collection
	bound  []byte // the collection's id, and room for a place
	into   []byte
	pieces []*[]byte // into is the last one of them
}

func (c *collection) opening() *opening {
	return &opening{collection: c, bound: append(make([]byte, 0, len(c.id)+16), c.id...)}
}

// openingPiece is how much memory is taken at a time: about a page's worth.
const openingPiece = 1 << 20

var openingPieces = sync.Pool{New: func() any { piece := make([]byte, 0, openingPiece); return &piece }}

// fit sees to room for so many bytes.
func (r *opening) fit(size int) {
	if size <= cap(r.into)-len(r.into) {
		return
	}
	if size > openingPiece {
		r.into = make([]byte, 0, size)
		return
	}
	piece := openingPieces.Get().(*[]byte)
	r.pieces = append(r.pieces, piece)
	r.into = *piece
}

func (r *opening) open(n int64, added time.Time, body []byte) (o ObjectView, err error) {
	size := r.aead.NonceSize()
	if len(body) == 0 {
		return o, errBlank
	}
	if len(body) < size {
		return o, damaged(nil)
	}
	r.fit(len(body))
	from := len(r.into)
	if r.into, err = r.aead.Open(r.into, body[:size], body[size:], appendPlace(r.bound, n, added)); err != nil {
		return o, damaged(err)
	}
	flag, rest, _ := bytes.Cut(r.into[from:len(r.into):len(r.into)], newline)
	id, rest, _ := bytes.Cut(rest, newline)
	version, object, ok := bytes.Cut(rest, newline)
	if !ok {
		return o, damaged(nil)
	}
	o = ObjectView{Added: added, N: n, ID: string(id), Version: string(version), JSON: object, Revoked: string(flag) == "1"}
	o.Type = stix.TypeOfID(o.ID)
	return o, nil
}

var newline = []byte("\n")

func damaged(why error) error {
	return fault.New(fault.Internal, "collection.damaged", "an object of a collection cannot be opened; the operator must look at the record and its secret").Because(why)
}

// page reads a page of the content as it is.
func (c *collection) page(ctx context.Context, w Wanted) (p PageView, at Stand, err error) {
	s, ids, ok := w.selection()
	if !ok {
		at, err = c.room.Shelves.Stand(ctx, c.id)
		return p, at, err
	}
	p.Objects = make([]ObjectView, 0, min(w.Limit, 1000))
	r := c.opening()
	at, p.More, err = c.room.Shelves.Pick(ctx, c.id, s, func(n int64, added time.Time, body []byte) error {
		o, err := r.open(n, added, body)
		if err == nil && (ids == nil || ids[o.ID]) {
			p.Objects = append(p.Objects, o)
		}
		return err
	})
	p.pieces = r.pieces
	return p, at, err
}

// all reads everything that is selected; the stand is that of the first part.
func (c *collection) all(ctx context.Context, s Selection) (objects []ObjectView, first Stand, err error) {
	r := c.opening()
	for s.Limit = shelfRead; ; {
		at, more, err := c.room.Shelves.Pick(ctx, c.id, s, func(n int64, added time.Time, body []byte) error {
			o, err := r.open(n, added, body)
			objects = append(objects, o)
			return err
		})
		if s.After == 0 {
			first = at
		}
		if err != nil || !more {
			return objects, first, err
		}
		s.After = objects[len(objects)-1].N
	}
}

// shelfRead is how many objects are read at once.
const shelfRead = 10_000

// selection says it to the shelf, which knows ids without their types. False:
// nothing can match.
func (w Wanted) selection() (s Selection, ids map[string]bool, ok bool) {
	s = Selection{After: w.After, AddedAfter: w.AddedAfter, Types: w.Types, Versions: w.Versions, Limit: w.Limit}
	list := w.IDs
	if w.Object != "" {
		if len(list) > 0 && !slices.Contains(list, w.Object) {
			return s, nil, false
		}
		list = []string{w.Object}
	}
	if len(list) == 0 {
		return s, nil, true
	}
	ids = map[string]bool{}
	for _, id := range list {
		_, text, _ := strings.Cut(id, "--")
		if object, err := uuid.Parse(text); err == nil && object.String() == text && !ids[id] {
			ids[id] = true
			s.Objects = append(s.Objects, object)
		}
	}
	return s, ids, len(s.Objects) > 0
}

// Objects answers with all live objects of a collection, in the order in which
// they came in.
func (r *Room) Objects(ctx context.Context, v member.Viewer, sector string, k Kind) (Answer[[]ObjectView], error) {
	all, err := r.whole(ctx, v, sector, k, Selection{})
	return Answer[[]ObjectView]{body: slices.DeleteFunc(all, func(o ObjectView) bool { return o.Revoked })}, err
}

// Revoked answers with the objects of a collection that were taken back, in
// the order in which they were.
func (r *Room) Revoked(ctx context.Context, v member.Viewer, sector string, k Kind) (Answer[[]ObjectView], error) {
	all, err := r.whole(ctx, v, sector, k, Selection{Revoked: true})
	return Answer[[]ObjectView]{body: all}, err
}

func (r *Room) whole(ctx context.Context, v member.Viewer, sector string, k Kind, s Selection) ([]ObjectView, error) {
	c, err := r.collection(v, sector, k)
	if err != nil {
		return nil, err
	}
	return current(ctx, c, func() ([]ObjectView, Stand, error) { return c.all(ctx, s) })
}

// errBlank says that a report was destroyed since the content was looked at.
var errBlank = fault.New(fault.Unavailable, "collection.busy", "this collection changes just now; ask again")

// current reads from a content that is up to date. Mostly it is, so it is read
// first, and shows on what it rested at that very moment; again once it is
// renewed, and if it was blanked meanwhile.
func current[T any](ctx context.Context, c *collection, read func() (T, Stand, error)) (out T, err error) {
	basis, err := c.basis(ctx)
	if err != nil {
		return out, err
	}
	out, at, err := read()
	if c.fresh(basis, at) && !errors.Is(err, errBlank) {
		return out, err
	}
	for range mostStockings {
		var none T
		if err = c.renew(ctx); err != nil {
			return none, err
		}
		if out, _, err = read(); !errors.Is(err, errBlank) {
			return out, err
		}
	}
	return out, err
}
