package taxii

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Memory is a source in memory, the same for every caller. It serves tests,
// and whoever needs a server for a while. It is safe for use by many
// goroutines.
type Memory struct {
	Now func() time.Time

	mu        sync.RWMutex
	discovery Discovery
	roots     map[string]*memoryRoot
}

type memoryRoot struct {
	Root
	collections []Collection
	lists       map[string]*Index
	statuses    map[string]Status
}

var _ Source = (*Memory)(nil)

// NewMemory makes an empty source.
func NewMemory(d Discovery, now func() time.Time) *Memory {
	return &Memory{Now: now, discovery: d, roots: map[string]*memoryRoot{}}
}

// AddRoot adds an API root with what it knows of earlier requests.
func (m *Memory) AddRoot(name string, r Root, statuses ...Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	root := &memoryRoot{Root: r, lists: map[string]*Index{}, statuses: map[string]Status{}}
	for _, s := range statuses {
		root.statuses[s.ID] = s
	}
	m.roots[name] = root
}

// AddCollection adds a collection to a root that is there.
func (m *Memory) AddCollection(root string, c Collection, records []Record) {
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
func (m *Memory) Discovery(context.Context) (Discovery, error) { return m.discovery, nil }

// Root implements [Source].
func (m *Memory) Root(_ context.Context, root string) (Root, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return Root{}, err
	}
	return r.Root, nil
}

// Collections implements [Source].
func (m *Memory) Collections(_ context.Context, root string) ([]Collection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return nil, err
	}
	return r.collections[:len(r.collections):len(r.collections)], nil
}

// Read implements [Source].
func (m *Memory) Read(_ context.Context, root, collection string, q Query) (Records, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	_, x, err := m.list(root, collection)
	if err != nil {
		return Records{}, err
	}
	return x.Read(q), nil
}

// Status implements [Source].
func (m *Memory) Status(_ context.Context, root, id string) (Status, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, err := m.root(root)
	if err != nil {
		return Status{}, err
	}
	s, ok := r.statuses[id]
	if !ok {
		return s, fault.New(fault.NotFound, "taxii.no_status", "there is no such status; those of old requests are forgotten")
	}
	return s, nil
}

// Delete implements [Source].
func (m *Memory) Delete(_ context.Context, root, collection string, q Query) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, x, err := m.list(root, collection)
	if err != nil {
		return err
	}
	if !x.Delete(q) {
		return noObject()
	}
	return nil
}

// Add implements [Source]. An object without an id of its type is a failure of
// its own; where all are, nothing is added and the whole is refused.
func (m *Memory) Add(_ context.Context, root, collection string, objects []json.RawMessage) (Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, x, err := m.list(root, collection)
	if err != nil {
		return Status{}, err
	}
	id, err := NewID(rand.Reader)
	if err != nil {
		return Status{}, err
	}
	now := m.Now().UTC()
	s := Status{ID: id, Status: "complete", Requested: Moment{now.Truncate(time.Microsecond)}, Total: len(objects)}
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
		return Status{}, fault.New(fault.Invalid, CodeUnprocessable, "none of the objects could be taken: each needs a type, and an id that begins with it")
	}
	r.statuses[id] = s
	return s, nil
}

// add takes one object, unless this version of it is there.
func (x *Index) add(object json.RawMessage, now time.Time) (StatusLine, error) {
	p, err := parse(object)
	line := StatusLine{ID: p.id, Version: p.version}
	if err != nil || p.typ == "" || !strings.HasPrefix(p.id, p.typ+"--") {
		return line, fault.New(fault.Invalid, CodeUnprocessable, "an object needs a type, and an id that begins with it")
	}
	var text bytes.Buffer
	if err := json.Compact(&text, object); err != nil {
		return line, fault.New(fault.Invalid, CodeUnprocessable, "this is no JSON").Because(err)
	}
	at := x.next(now)
	rec := Record{Place: at, ID: p.id, Type: p.typ, Version: p.version, Spec: p.spec, Object: text.Bytes()}
	switch {
	case p.version == "" && len(x.positions(p.id)) > 0:
		line.Version = x.records[x.positions(p.id)[0]].Version
		return line, nil // an object that is not versioned is there once
	case p.version == "":
		rec.Version = Moment{at.Added}.String()
		line.Version = rec.Version
	default:
		version, err := time.Parse(time.RFC3339Nano, p.version)
		if err != nil {
			return line, fault.New(fault.Invalid, CodeUnprocessable, "modified or created is no moment such as 2026-01-31T12:00:00.000Z")
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
func (x *Index) next(now time.Time) Place {
	last := x.Last()
	added := now.Truncate(time.Millisecond)
	if !added.After(last.Added) {
		added = last.Added.Add(time.Microsecond)
	}
	return Place{added, last.N + 1}
}

// NewID draws a random UUID (version 4), as the protocol names statuses and
// collections.
func NewID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return UUID(b), nil
}

// UUID writes 16 bytes, random or from a keyed function, as a UUID of version
// 4: the version that says nothing of where the bytes are from.
func UUID(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
