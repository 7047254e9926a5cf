package taxiimemory

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/concord-trust/concord/taxii"
)

// Index is a collection in memory: records in the order of their places, and
// every filter over them. A page costs the same wherever it stands; filters by
// id and type look only at what they can match. It is not safe for use by
// several goroutines while it changes.
type Index struct {
	records []entry
	gone    int
	last    taxii.Place // of the newest record that ever was here
	byID    map[string]*versions
	byType  map[string][]int // positions in records, in order
}

type entry struct {
	taxii.Record
	version time.Time
	gone    bool
	own     *versions
}

// versions are the positions of one object's versions, in order. Each entry
// leads to its own, since most objects have one version and a page is read
// without looking anything up.
type versions struct{ at []int }

// NewIndex makes an index of records in any order.
func NewIndex(records []taxii.Record) *Index {
	x := &Index{byID: map[string]*versions{}, byType: map[string][]int{}}
	sorted := slices.Clone(records)
	slices.SortStableFunc(sorted, func(a, b taxii.Record) int { return a.Place.Compare(b.Place) })
	for _, r := range sorted {
		x.Append(r)
	}
	return x
}

// Append adds a record whose place is after all others.
func (x *Index) Append(r taxii.Record) {
	at := len(x.records)
	own := x.byID[r.ID]
	if own == nil {
		own = &versions{}
		x.byID[r.ID] = own
	}
	own.at = append(own.at, at)
	x.records = append(x.records, entry{Record: r, version: versionTime(r), own: own})
	x.byType[r.Type] = append(x.byType[r.Type], at)
	x.last = r.Place
}

// versionTime is when a version was made; one that tells no readable moment is
// as old as its place.
func versionTime(r taxii.Record) time.Time {
	if t, err := time.Parse(time.RFC3339Nano, r.Version); err == nil {
		return t
	}
	return r.Added
}

// Len counts the records.
func (x *Index) Len() int { return len(x.records) - x.gone }

// Last is the place of the newest record that ever was here, or the zero Place.
func (x *Index) Last() taxii.Place { return x.last }

// positions are those of an object's versions.
func (x *Index) positions(id string) []int {
	if own := x.byID[id]; own != nil {
		return own.at
	}
	return nil
}

// Has says whether a version of an object is there.
func (x *Index) Has(id string, version time.Time) bool {
	return slices.ContainsFunc(x.positions(id), func(at int) bool { return x.records[at].version.Equal(version) })
}

// Read returns a page; see [Source.Read].
func (x *Index) Read(q taxii.Query) taxii.Records {
	page := taxii.Records{Known: q.Object != "" && x.byID[q.Object] != nil}
	s := selection{x, q, map[*versions]span{}}
	candidates, all := s.candidates()
	after := q.After
	if floor := (taxii.Place{Added: q.AddedAfter, N: 1<<63 - 1}); after.Compare(floor) < 0 {
		after = floor
	}
	n := len(candidates)
	if all {
		n = len(x.records)
	}
	position := func(i int) int {
		if all {
			return i
		}
		return candidates[i]
	}
	from := sort.Search(n, func(i int) bool { return x.records[position(i)].Place.Compare(after) > 0 })
	page.Records = make([]taxii.Record, 0, max(0, min(q.Limit, n-from)))
	for i := from; i < n; i++ {
		e := &x.records[position(i)]
		if e.gone || !s.takes(e) {
			continue
		}
		if len(page.Records) == q.Limit {
			page.More = true
			break
		}
		page.Records = append(page.Records, e.Record)
	}
	return page
}

// Delete removes what the query selects, whatever its page, and reports
// whether the object was there.
func (x *Index) Delete(q taxii.Query) bool {
	own := x.byID[q.Object]
	if own == nil {
		return false
	}
	s := selection{x, q, map[*versions]span{}}
	var gone []int
	for _, at := range own.at {
		if s.takes(&x.records[at]) {
			gone = append(gone, at)
		}
	}
	for _, at := range gone {
		x.records[at].gone = true
		x.records[at].Object = nil
	}
	x.gone += len(gone)
	own.at = slices.DeleteFunc(own.at, func(at int) bool { return x.records[at].gone })
	if len(own.at) == 0 {
		delete(x.byID, q.Object)
	}
	if x.gone > 1000 && x.gone > len(x.records)/2 {
		x.compact()
	}
	return true
}

// compact forgets what was deleted.
func (x *Index) compact() {
	var left []taxii.Record
	for _, e := range x.records {
		if !e.gone {
			left = append(left, e.Record)
		}
	}
	last := x.last
	*x = *NewIndex(left)
	x.last = last
}

// selection applies one query's filters.
type selection struct {
	x     *Index
	q     taxii.Query
	spans map[*versions]span // as far as met
}

// span is what an object's versions are that a query chooses among.
type span struct {
	spec        string // the newest specification
	first, last int    // positions; -1 if none is of the specifications asked for
}

// candidates are the positions that can match, in order; all if that is every
// record.
func (s selection) candidates() (list []int, all bool) {
	switch {
	case s.q.Object != "":
		return s.x.positions(s.q.Object), false
	case len(s.q.IDs) > 0:
		return gather(s.x.positions, s.q.IDs), false
	case len(s.q.Types) > 0:
		return gather(func(typ string) []int { return s.x.byType[typ] }, s.q.Types), false
	}
	return nil, true
}

func gather(by func(string) []int, keys []string) []int {
	if len(keys) == 1 {
		return by(keys[0])
	}
	var list []int
	for _, k := range keys {
		list = append(list, by(k)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s selection) takes(e *entry) bool {
	q := &s.q
	if q.Object != "" && e.ID != q.Object ||
		len(q.IDs) > 0 && !slices.Contains(q.IDs, e.ID) ||
		len(q.Types) > 0 && !slices.Contains(q.Types, e.Type) {
		return false
	}
	sp := s.span(e.own)
	if !s.ofSpec(e, sp) {
		return false
	}
	if len(q.Versions) == 0 {
		return &s.x.records[sp.last] == e
	}
	for _, v := range q.Versions {
		switch v.Which {
		case taxii.VersionAll:
			return true
		case taxii.VersionFirst:
			if &s.x.records[sp.first] == e {
				return true
			}
		case taxii.VersionLast:
			if &s.x.records[sp.last] == e {
				return true
			}
		case taxii.VersionAt:
			if e.version.Equal(v.At) {
				return true
			}
		}
	}
	return false
}

func (s selection) ofSpec(e *entry, sp span) bool {
	if len(s.q.Specs) == 0 {
		return e.Spec == sp.spec
	}
	return slices.Contains(s.q.Specs, e.Spec)
}

func (s selection) span(own *versions) span {
	if len(own.at) == 1 {
		only := own.at[0]
		return span{s.x.records[only].Spec, only, only}
	}
	if sp, ok := s.spans[own]; ok {
		return sp
	}
	sp := span{first: -1, last: -1}
	for _, at := range own.at {
		if cmp.Or(cmp.Compare(len(s.x.records[at].Spec), len(sp.spec)), cmp.Compare(s.x.records[at].Spec, sp.spec)) > 0 {
			sp.spec = s.x.records[at].Spec
		}
	}
	for _, at := range own.at {
		e := &s.x.records[at]
		if !s.ofSpec(e, sp) {
			continue
		}
		if sp.first < 0 || e.version.Before(s.x.records[sp.first].version) {
			sp.first = at
		}
		if sp.last < 0 || !e.version.Before(s.x.records[sp.last].version) {
			sp.last = at
		}
	}
	s.spans[own] = sp
	return sp
}
