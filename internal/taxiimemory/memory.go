// Package taxiimemory is a source of TAXII collections in memory: what the
// adapter is tried and measured with. A hub reads its collections from its
// store.
package taxiimemory

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/taxii"
)

// Memory is a source in memory, the same for every caller. It serves tests,
// and whoever needs a server for a while. It is safe for use by many
// goroutines.
type Memory struct {
	Now func() time.Time

	mu        sync.RWMutex
	discovery taxii.Discovery
	roots     map[string]*memoryRoot
}

type memoryRoot struct {
	taxii.Root
	collections []taxii.Collection
	lists       map[string]*Index
	statuses    map[string]taxii.Status
}

var _ taxii.Source = (*Memory)(nil)

// NewMemory makes an empty source.
func NewMemory(d taxii.Discovery, now func() time.Time) *Memory {
	return &Memory{Now: now, discovery: d, roots: map[string]*memoryRoot{}}
}

// AddRoot adds an API root with what it knows of earlier requests.
func (m *Memory) AddRoot(name string, r taxii.Root, statuses ...taxii.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	root := &memoryRoot{Root: r, lists: map[string]*Index{}, statuses: map[string]taxii.Status{}}
	for _, s := range statuses {
		root.statuses[s.ID] = s
	}
	m.roots[name] = root
}

// AddCollection adds a collection to a root that is there.
func (m *Memory) AddCollection(root string, c taxii.Collection, records []taxii.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.roots[root]
	r.collections = append(r.collections, c)
	r.lists[c.ID] = NewIndex(records)
}

// Sweep forgets the statuses of requests before a moment.
func (m *Memory) Sweep(before time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.roots {
		for id, s := range r.statuses {
			if s.Requested.Before(before) {
				delete(r.statuses, id)
			}
		}
	}
}

func (m *Memory) root(name string) (*memoryRoot, error) {
	r, ok := m.roots[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "taxii.no_root", "there is no such API root; the discovery resource lists them")
	}
	return r, nil
}

func (m *Memory) list(root, collection string) (*memoryRoot, *Index, error) {
	r, err := m.root(root)
	if err != nil {
		return nil, nil, err
	}
	x, ok := r.lists[collection]
	if !ok {
		return nil, nil, fault.New(fault.NotFound, "taxii.no_collection", "this API root has no such collection")
	}
	return r, x, nil
}

// Discovery implements [Source].
func (m *Memory) Discovery(context.Context) (taxii.Discovery, error) { return m.discovery, nil }

// Root implements [Source].
func (m *Memory) Root(_ context.Context, root string) (taxii.Root, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return taxii.Root{}, err
	}
	return r.Root, nil
}

// Collections implements [Source].
func (m *Memory) Collections(_ context.Context, root string) ([]taxii.Collection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return nil, err
	}
	return r.collections[:len(r.collections):len(r.collections)], nil
}

// Read implements [Source].
func (m *Memory) Read(_ context.Context, root, collection string, q taxii.Query) (taxii.Records, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, x, err := m.list(root, collection)
	if err != nil {
		return taxii.Records{}, err
	}
	return x.Read(q), nil
}

// Status implements [Source].
func (m *Memory) Status(_ context.Context, root, id string) (taxii.Status, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return taxii.Status{}, err
	}
	s, ok := r.statuses[id]
	if !ok {
		return s, fault.New(fault.NotFound, "taxii.no_status", "there is no such status; those of old requests are forgotten")
	}
	return s, nil
}

// Delete implements [Source].
func (m *Memory) Delete(_ context.Context, root, collection string, q taxii.Query) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, x, err := m.list(root, collection)
	if err != nil {
		return err
	}
	if !x.Delete(q) {
		return taxii.NoObject()
	}
	return nil
}

// Add implements [Source]. An object without an id of its type is a failure of
// its own; where all are, nothing is added and the whole is refused.
func (m *Memory) Add(_ context.Context, root, collection string, objects []json.RawMessage) (taxii.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, x, err := m.list(root, collection)
	if err != nil {
		return taxii.Status{}, err
	}
	id, err := taxii.NewID(rand.Reader)
	if err != nil {
		return taxii.Status{}, err
	}
	now := m.Now().UTC()
	s := taxii.Status{ID: id, Status: "complete", Requested: taxii.Moment{Time: now.Truncate(time.Microsecond)}, Total: len(objects)}
	for _, o := range objects {
		line, err := x.add(o, now)
		if err != nil {
			line.Message = err.Error()
			s.Failures = append(s.Failures, line)
			continue
		}
		s.Successes = append(s.Successes, line)
	}
	s.Success, s.Failure = len(s.Successes), len(s.Failures)
	if s.Success == 0 {
		return taxii.Status{}, fault.New(fault.Invalid, taxii.CodeUnprocessable, "none of the objects could be taken: each needs a type, and an id that begins with it")
	}
	r.statuses[id] = s
	return s, nil
}

// add takes one object, unless this version of it is there.
func (x *Index) add(object json.RawMessage, now time.Time) (taxii.StatusLine, error) {
	p, err := parse(object)
	line := taxii.StatusLine{ID: p.id, Version: p.version}
	if err != nil || p.typ == "" || !strings.HasPrefix(p.id, p.typ+"--") {
		return line, fault.New(fault.Invalid, taxii.CodeUnprocessable, "an object needs a type, and an id that begins with it")
	}
	var text bytes.Buffer
	if err := json.Compact(&text, object); err != nil {
		return line, fault.New(fault.Invalid, taxii.CodeUnprocessable, "this is no JSON").Because(err)
	}
	at := x.next(now)
	rec := taxii.Record{Place: at, ID: p.id, Type: p.typ, Version: p.version, Spec: p.spec, Object: text.Bytes()}
	switch {
	case p.version == "" && len(x.positions(p.id)) > 0:
		line.Version = x.records[x.positions(p.id)[0]].Version
		return line, nil // an object that is not versioned is there once
	case p.version == "":
		rec.Version = taxii.Moment{Time: at.Added}.String()
		line.Version = rec.Version
	default:
		version, err := time.Parse(time.RFC3339Nano, p.version)
		if err != nil {
			return line, fault.New(fault.Invalid, taxii.CodeUnprocessable, "modified or created is no moment such as 2026-01-31T12:00:00.000Z")
		}
		if x.Has(p.id, version) {
			return line, nil
		}
	}
	x.Append(rec)
	return line, nil
}

// next is the place of a record that is added now: after all others, and no
// two at once. It is cut to the millisecond where that leaves it new, since
// clients that remember when they last asked often know no better.
func (x *Index) next(now time.Time) taxii.Place {
	last := x.Last()
	added := now.Truncate(time.Millisecond)
	if !added.After(last.Added) {
		added = last.Added.Add(time.Microsecond)
	}
	return taxii.Place{Added: added, N: last.N + 1}
}

// parsed is what a source needs to know of an object that is added.
type parsed struct{ id, typ, version, spec string }

// parse reads an object's own words about itself; see [taxii.Record]. An object
// without modified and created has no version: its place dates it.
func parse(object json.RawMessage) (parsed, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return parsed{}, err
	}
	text := func(name string) (s string) {
		json.Unmarshal(members[name], &s) // what is no string counts as absent
		return s
	}
	p := parsed{id: text("id"), typ: text("type"), version: text("modified"), spec: text("spec_version")}
	if p.version == "" {
		p.version = text("created")
	}
	switch {
	case p.spec != "":
	case p.version != "":
		p.spec = "2.0" // where objects have no spec_version
	default:
		p.spec = "2.1" // whose cyber-observables may leave it out
	}
	return p, nil
}
