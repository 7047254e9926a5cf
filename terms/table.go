package terms

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// Table says what one recipient may receive of reports of one sector for one
// purpose, now and at any other time. It is computed once and asked often; it
// is safe for use by many goroutines. The zero Table grants nothing.
//
// A table is no answer yet: what is granted of a report depends on when it was
// received, on the moment of the answer and on who stands behind its incident.
// [Table.At] takes them, and only what it returns can be asked for a value.
type Table struct{ t *table }

type table struct {
	rules   *Rules
	asker   *asker
	columns []atomic.Pointer[column] // by field, filled when first asked for

	once sync.Once
	// timed are the columns in which something changes with time.
	timed []*column
}

// For computes the table of a recipient: its member, purpose, project, and
// when it last contributed; the moment of the viewer is not looked at. Whether
// the recipient's agreement is valid and allows the purpose is decided before
// (package agreement).
func (r *Rules) For(to member.Viewer, reportSector string) Table {
	// A field is decided when it is asked for; what its recipient is must not
	// have changed until then.
	to.Member.Sectors, to.Member.Roles = slices.Clone(to.Member.Sectors), slices.Clone(to.Member.Roles)
	return Table{&table{rules: r, asker: &asker{to, reportSector}, columns: make([]atomic.Pointer[column], len(r.fields))}}
}

// boundsOf are the bounds of a clause that is for the recipient: what must
// have been done lately ends like a date.
func (t *table) boundsOf(clause int) bounds {
	b := t.rules.bounds[clause]
	if within := t.rules.sheet.Clauses[clause].When.ContributedWithin; within != 0 {
		if end := t.asker.Contributed.Add(time.Duration(within)); end.Before(b.until) {
			b.until = end.UTC()
		}
	}
	return b
}

// edges appends where the bounds begin and end.
func (b bounds) edges(ages []time.Duration, times []time.Time) ([]time.Duration, []time.Time) {
	if b.after != 0 {
		ages = append(ages, b.after)
	}
	if b.keep != math.MaxInt64 {
		ages = append(ages, b.keep)
	}
	if !b.from.IsZero() {
		times = append(times, b.from)
	}
	if !b.until.Equal(forever) {
		times = append(times, b.until)
	}
	return ages, times
}

// column is what applies of one field.
type column struct {
	of    *clausesOf
	rules []rule
	// fixed: no rule has a condition, so that the grants are the same at each
	// moment.
	fixed  bool
	ages   []time.Duration
	times  []time.Time
	groups []int

	once   sync.Once
	grants []Grant // at any time

	mu     sync.RWMutex
	phases map[phase][]Grant
}

// phase is a stretch of moments at which the same rules hold: how many edges
// lie behind. A moment that lacks something is before all.
type phase struct{ age, time, groups int }

// maxPhases is how many phases of a field are remembered.
const maxPhases = 4096

// column returns what applies of a field, nil if nothing ever does.
func (t *table) column(path string) *column {
	if t == nil {
		return nil
	}
	i, ok := t.rules.byPath[path]
	if !ok {
		return nil
	}
	return t.fill(i)
}

// fill decides a field when it is first asked for. Who asks at the same time
// may decide it twice, and one result stays.
func (t *table) fill(i int) *column {
	if c := t.columns[i].Load(); c != nil {
		return c
	}
	of := &t.rules.fields[i]
	c := &column{of: of, fixed: true}
	for k, i := range of.clauses {
		if t.rules.sheet.Clauses[i].isFor(t.asker) {
			c.rules = append(c.rules, rule{clause: i, form: of.of[k], bounds: t.boundsOf(i)})
		}
	}
	if len(c.rules) > 1 {
		c.rules = of.decisive(c.rules)
	}
	for _, one := range c.rules {
		c.fixed = c.fixed && one.always()
		c.ages, c.times = one.edges(c.ages, c.times)
		if one.groups != 0 {
			c.groups = append(c.groups, one.groups)
		}
	}
	slices.Sort(c.ages)
	slices.SortFunc(c.times, time.Time.Compare)
	slices.Sort(c.groups)
	c.ages, c.times, c.groups = slices.Compact(c.ages), slices.CompactFunc(c.times, time.Time.Equal), slices.Compact(c.groups)
	t.columns[i].CompareAndSwap(nil, c)
	return t.columns[i].Load()
}

// any are the grants at any time, with their conditions.
func (c *column) any(r *Rules) []Grant {
	c.once.Do(func() { c.grants = r.maximal(c.of, c.rules, c.of.covers, timed) })
	return c.grants
}

// at are the grants that hold at a moment.
func (c *column) at(r *Rules, m Moment) []Grant {
	if c.fixed {
		return c.any(r)
	}
	p := c.phaseOf(m)
	c.mu.RLock()
	grants, ok := c.phases[p]
	c.mu.RUnlock()
	if ok {
		return grants
	}
	held := make([]rule, 0, len(c.rules))
	for _, one := range c.rules {
		if one.hold(m) {
			held = append(held, one.now())
		}
	}
	grants = r.maximal(c.of, held, c.of.coversNow, untimed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phases == nil || len(c.phases) >= maxPhases {
		c.phases = map[phase][]Grant{}
	}
	c.phases[p] = grants
	return grants
}

// now is a rule that holds, without when it does.
func (a rule) now() rule {
	always := boundsOf(Clause{})
	a.after, a.from, a.until, a.groups = always.after, always.from, always.until, always.groups
	return a
}

func (c *column) phaseOf(m Moment) phase {
	p := phase{age: -1, time: -1, groups: behind(c.groups, m.Groups, atMostAs)}
	if m.Now.IsZero() {
		return p
	}
	p.time = behind(c.times, m.Now, notAfter)
	if !m.Received.IsZero() {
		p.age = behind(c.ages, m.Now.Sub(m.Received), atMostAs)
	}
	return p
}

// behind counts the edges that lie at or before v. There are few.
func behind[T any](edges []T, v T, atMost func(a, b T) bool) int {
	n, high := 0, len(edges)
	for n < high {
		if mid := int(uint(n+high) / 2); atMost(edges[mid], v) {
			n = mid + 1
		} else {
			high = mid
		}
	}
	return n
}

// Grants returns what may be received of a field at some time: grants with
// their conditions, of which none covers another, strongest form first, then
// the least binding. None: withheld for good. It must not be changed.
func (t Table) Grants(path string) []Grant {
	if c := t.t.column(path); c != nil {
		return c.any(t.t.rules)
	}
	return nil
}

// Row is a grant of a field, as [Table.Rows] lists them.
type Row struct {
	Path string `json:"path"`
	Grant
}

// Rows lists all grants of all fields, in the standard's order.
func (t Table) Rows() []Row {
	var rows []Row
	for _, path := range t.Paths() {
		for _, g := range t.Grants(path) {
			rows = append(rows, Row{path, g})
		}
	}
	return rows
}

// Paths lists the fields of which something may be received at some time, in
// the standard's order.
func (t Table) Paths() []string {
	return t.paths(func(path string) bool { return len(t.Grants(path)) > 0 })
}

func (t Table) paths(granted func(path string) bool) []string {
	if t.t == nil {
		return nil
	}
	var paths []string
	for _, g := range t.t.rules.fields {
		if granted(g.field.Path) {
			paths = append(paths, g.field.Path)
		}
	}
	return paths
}

// Next is the first moment after m.Now at which something else is granted of a
// report than at m, or for other reasons; zero: it stays as it is.
func (t Table) Next(m Moment) (next time.Time) {
	if t.t == nil || m.Now.IsZero() {
		return next
	}
	for _, c := range t.t.changing() {
		if n := c.nextBefore(m, next); !n.IsZero() {
			next = n
		}
	}
	return next
}

// changing are the columns in which something changes with time.
func (t *table) changing() []*column {
	t.once.Do(func() {
		for i := range t.columns {
			if c := t.fill(i); len(c.ages)+len(c.times) > 0 {
				t.timed = append(t.timed, c)
			}
		}
	})
	return t.timed
}

// next is [Table.Next] for one field.
func (c *column) next(m Moment) time.Time { return c.nextBefore(m, time.Time{}) }

// nextBefore is the first change that comes before a limit, if there is one
// and a limit is given. It goes from edge to edge, since at an edge nothing
// changes if what begins or ends there is covered.
func (c *column) nextBefore(m Moment, limit time.Time) time.Time {
	for then := m; ; {
		before := then
		then.Now = c.edgeAfter(before)
		switch {
		case then.Now.IsZero() || !limit.IsZero() && !then.Now.Before(limit):
			return time.Time{}
		case c.changes(before, then):
			return then.Now
		}
	}
}

// changes reports whether something else is granted at one moment than at
// another, or for other reasons: some rule holds at one of them only, and none
// that holds at both gives more.
func (c *column) changes(before, then Moment) bool {
	return slices.ContainsFunc(c.rules, func(a rule) bool {
		return a.hold(before) != a.hold(then) && !slices.ContainsFunc(c.rules, func(b rule) bool {
			return c.of.coversNow(b, a) && !c.of.coversNow(a, b) && b.hold(before) && b.hold(then)
		})
	})
}

// edgeAfter is the first edge behind m.Now; zero: there is none.
func (c *column) edgeAfter(m Moment) (next time.Time) {
	if m.Now.IsZero() {
		return next
	}
	if i := behind(c.times, m.Now, notAfter); i < len(c.times) {
		next = c.times[i]
	}
	if m.Received.IsZero() {
		return next
	}
	if i := behind(c.ages, m.Now.Sub(m.Received), atMostAs); i < len(c.ages) {
		if at := m.Received.Add(c.ages[i]); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

func notAfter(a, b time.Time) bool        { return !a.After(b) }
func atMostAs[T cmp.Ordered](a, b T) bool { return a <= b }

// At is what is granted of a report at a moment.
func (t Table) At(m Moment) Granted { return Granted{t.t, m} }

// Granted says what a recipient may receive of one report at one moment. The
// zero Granted is nothing.
type Granted struct {
	t *table
	m Moment
}

// Grants returns what may be received of a field: grants of which none covers
// another, strongest form first, then the least binding. Its clauses are the
// reasons: exactly those that decide. None: withheld. It must not be changed.
func (g Granted) Grants(path string) []Grant {
	if c := g.t.column(path); c != nil {
		return c.at(g.t.rules, g.m)
	}
	return nil
}

// Paths lists the fields of which something may be received, in the
// standard's order.
func (g Granted) Paths() []string {
	return Table{g.t}.paths(func(path string) bool { return len(g.Grants(path)) > 0 })
}

// Allows returns the grant under which a statement may be received in the
// form in which it is held: one at least as strong, of those the one that
// binds least, first of all by its marking. False: in this form it is withheld
// from this recipient, who may still be granted a weaker one.
func (g Granted) Allows(path string, form standard.Form) (Grant, bool) {
	c := g.t.column(path)
	if c == nil {
		return Grant{}, false
	}
	return valueOf(c.allowing(g.t.rules.std, c.at(g.t.rules, g.m), form))
}

// Allows is [Granted.Allows] at any time, with the conditions of the grant.
func (t Table) Allows(path string, form standard.Form) (Grant, bool) {
	c := t.t.column(path)
	if c == nil {
		return Grant{}, false
	}
	return valueOf(c.allowing(t.t.rules.std, c.any(t.t.rules), form))
}

// allowing is the grant, of those given, under which a form is received; nil
// if there is none.
func (c *column) allowing(std *standard.Standard, grants []Grant, form standard.Form) (best *Grant) {
	for i := range grants {
		g := &grants[i]
		if (best == nil || openness(g, best) < 0) && (form == g.Form || atMost(std, c.of.field, form, g.Form)) {
			best = g
		}
	}
	return best
}

func valueOf(g *Grant) (Grant, bool) {
	if g == nil {
		return Grant{}, false
	}
	return *g, true
}
