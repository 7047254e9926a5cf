package desk

import (
	"slices"
	"sync"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/standard"
)

// Limits of what the desk keeps in memory.
const (
	draftLife = 30 * time.Minute
	maxDrafts = 12
	// maxReports of one file that the desk takes.
	maxReports = 2000
	// maxHeld bounds the values of one draft together, in bytes.
	maxHeld = 64 << 20
)

// draft is what was written or imported and not sent yet. It is kept in
// memory only, under a random id, for a short time.
type draft struct {
	id      string
	owner   *session
	seen    time.Time
	reports []collect.Collected
	// typed is what stands in the form, if the draft was written here.
	typed *typed
	// file, account: if it was imported.
	file    string
	account mapping.Account
	// missing lists what the standard asks for and is not there.
	missing []standard.Field

	sending sync.Mutex
	mu      sync.Mutex
	sent    *outcome
}

// outcome is what became of a draft that was sent.
type outcome struct {
	Queued Queued
	// Waits says why nothing could be delivered yet; empty if it was.
	Waits string
}

// content is what waits to be sent; it must not be changed.
func (d *draft) content() ([]collect.Collected, *typed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reports, d.typed
}

func (d *draft) outcome() *outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent
}

// finish notes the outcome. What was imported is let go of: its file is kept
// where it came from. What was written here stays for a while, so that its
// person can take a copy.
func (d *draft) finish(o *outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sent = o; d.typed == nil {
		d.reports = nil
	}
}

type drafts struct {
	mu  sync.Mutex
	all []*draft // oldest use first
}

// put keeps a draft; the one that was not looked at for the longest gives way.
func (s *drafts) put(d *draft, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	if len(s.all) >= maxDrafts {
		s.all = slices.Delete(s.all, 0, len(s.all)-maxDrafts+1)
	}
	d.seen = now
	s.all = append(s.all, d)
}

// get finds a draft of the session.
func (s *drafts) get(id string, owner *session, now time.Time) (*draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	for i, d := range s.all {
		if d.id == id && d.owner == owner {
			d.seen = now
			s.all = append(slices.Delete(s.all, i, i+1), d)
			return d, nil
		}
	}
	return nil, fault.New(fault.NotFound, "desk.no_draft",
		"what is not sent is kept in memory only, for %d minutes; write or import it again. What was sent stands in the outbox", int(draftLife.Minutes()))
}

func (s *drafts) drop(id string, owner *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(d *draft) bool { return d.id == id && d.owner == owner })
}

func (s *drafts) dropAll(owner *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(d *draft) bool { return d.owner == owner })
}

// openDraft is a draft that waits for its person, and how long it is kept.
type openDraft struct {
	*draft
	left time.Duration
}

// unsent lists the session's drafts that were not sent, newest first.
func (s *drafts) unsent(owner *session, now time.Time) []openDraft {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	var open []openDraft
	for _, d := range slices.Backward(s.all) {
		if d.owner == owner && d.outcome() == nil {
			open = append(open, openDraft{d, draftLife - now.Sub(d.seen)})
		}
	}
	return open
}

func (s *drafts) sweep(now time.Time) {
	s.all = slices.DeleteFunc(s.all, func(d *draft) bool { return now.Sub(d.seen) >= draftLife })
}
