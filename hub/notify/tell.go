package notify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// numbered is an object that a viewer may fetch, and its number.
type numbered struct {
	id string
	n  int64
}

// seen is what a viewer may fetch of a kind, in order of the numbers.
type seen struct {
	objects    []numbered
	collection string

	state string
	at    time.Time
}

func (s *seen) last() (n int64) {
	if len(s.objects) > 0 {
		n = s.objects[len(s.objects)-1].n
	}
	return n
}

type seenKey struct {
	member  wire.MemberID
	sector  string
	purpose member.Purpose
	kind    Kind
}

const (
	// seenLife is how long what was seen holds, although the record did not
	// change: some changes by the clock alone, as the end of a probation.
	seenLife = time.Minute
	// mostSeen is how many objects are remembered in all.
	mostSeen = 500_000
)

// see computes what a viewer may fetch of a kind, unless nothing changed since
// it last did.
func (r *Room) see(ctx context.Context, v member.Viewer, sector string, k Kind) (*seen, error) {
	if k == AgreementEnding {
		return r.seeEnding(ctx, v)
	}
	if k == Releases || k == WithdrawnReleases {
		return r.seeReleases(ctx, v, sector, k == WithdrawnReleases)
	}
	// The state is read before what rests on it: a change meanwhile makes what
	// was seen old, never new.
	state, err := r.State(ctx)
	if err != nil {
		return nil, err
	}
	key := seenKey{v.Member.ID, sector, v.Purpose, k}
	r.mu.Lock()
	s := r.kept[key]
	r.mu.Unlock()
	if s != nil && s.state == state && v.At.Sub(s.at).Abs() < seenLife {
		return s, nil
	}
	if s, err = r.seeObjects(ctx, v, sector, k); err != nil {
		return nil, err
	}
	s.state, s.at = state, v.At
	r.keep(key, s)
	return s, nil
}

func (r *Room) keep(key seenKey, s *seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := len(s.objects)
	for _, other := range r.kept {
		held += len(other.objects)
	}
	if r.kept == nil || held > mostSeen {
		r.kept = map[seenKey]*seen{}
	}
	r.kept[key] = s
}

func (r *Room) seeObjects(ctx context.Context, v member.Viewer, sector string, k Kind) (*seen, error) {
	s := &seen{}
	collections, err := r.Deliver.Collections(v, sector)
	if err != nil {
		return nil, err
	}
	_, gone := k.name()
	for _, c := range collections.Body() {
		if c.Kind == deliver.Kind(k) || c.Kind == gone {
			s.collection = c.ID
		}
	}
	if gone != "" {
		objects, err := r.Deliver.Vanished(ctx, v, sector, gone)
		if err != nil {
			return nil, err
		}
		for _, o := range objects.Body() {
			s.objects = append(s.objects, numbered{o.ID, o.N})
		}
		return s, nil
	}
	objects, err := r.Deliver.Objects(ctx, v, sector, deliver.Kind(k))
	if err != nil {
		return nil, err
	}
	for _, o := range objects.Body() {
		if o.Type != "marking-definition" {
			s.objects = append(s.objects, numbered{o.ID, o.N})
		}
	}
	return s, nil
}

// seeReleases numbers the releases of a sector, or those of them that were
// withdrawn, which are the same for all of its members.
func (r *Room) seeReleases(ctx context.Context, v member.Viewer, sector string, withdrawn bool) (*seen, error) {
	all, err := r.Deliver.ReleasesOf(ctx, v, sector)
	if err != nil {
		return nil, err
	}
	newestFirst := slices.DeleteFunc(slices.Clone(all.Body()), func(rel deliver.ReleaseView) bool { return (rel.Withdrawn != nil) != withdrawn })
	listing := "releases of " + sector
	if withdrawn {
		listing = "withdrawn " + listing
	}
	entries := make([]deliver.Entry, len(newestFirst))
	for i, rel := range newestFirst {
		sum := sha256.Sum256([]byte(rel.ID))
		entries[len(entries)-1-i] = deliver.Entry{Object: string(rel.ID), Digest: sum[:16]}
	}
	placed, err := r.Listings.Relist(ctx, listing, v.At.UTC().Truncate(24*time.Hour), entries)
	if err != nil {
		return nil, err
	}
	s := &seen{objects: make([]numbered, len(entries))}
	for i, e := range entries {
		s.objects[i] = numbered{e.Object, placed[i].N}
	}
	sortByNumber(s.objects)
	return s, nil
}

// seeEnding is the member's agreement, if a reminder of its end is due by now:
// each reminder has a number above the one before, and a renewed agreement has
// higher ones.
func (r *Room) seeEnding(ctx context.Context, v member.Viewer) (*seen, error) {
	standing, err := r.Door.Standing(ctx, v.Member.ID)
	if err != nil {
		return nil, err
	}
	a := standing.Agreement()
	_, due := agreement.Reminder(a.Until, r.now())
	if due == 0 {
		return &seen{}, nil
	}
	return &seen{objects: []numbered{{string(a.ID), 10*a.From.Unix() + int64(due)}}}, nil
}

// Tell looks what is new for each webhook, and queues it. It returns how many
// events it queued. What fails for one webhook holds up no other.
func (r *Room) Tell(ctx context.Context) (queued int, err error) {
	all, err := r.Webhooks.LiveWebhooks(ctx)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, w := range all {
		n, err := r.tell(ctx, w)
		queued += n
		if err != nil {
			failed = append(failed, fmt.Errorf("look what is new for a webhook: %w", err))
		}
		if ctx.Err() != nil {
			return queued, ctx.Err()
		}
	}
	return queued, errors.Join(failed...)
}

func (r *Room) tell(ctx context.Context, w Watched) (queued int, err error) {
	v, err := r.viewer(ctx, w.Webhook)
	if denied(err) {
		return 0, nil // a member that may be told nothing now is told later, or never
	}
	if err != nil {
		return 0, err
	}
	for _, k := range kinds() {
		if w.Waiting[k] {
			continue // and tells all by then
		}
		there, err := r.see(ctx, v, w.Sector, k)
		if denied(err) {
			continue
		}
		if err != nil {
			return queued, err
		}
		last := there.last()
		if last <= w.Told[k] {
			continue
		}
		e, err := r.event(k, w.Told[k], last)
		if err == nil {
			err = r.Webhooks.QueueEvent(ctx, w.ID, e)
		}
		if err != nil {
			return queued, err
		}
		queued++
	}
	return queued, nil
}

// viewer is the webhook's member as it stands now.
func (r *Room) viewer(ctx context.Context, w Webhook) (member.Viewer, error) {
	s, err := r.Door.Standing(ctx, w.Member)
	if err != nil {
		return member.Viewer{}, err
	}
	v, err := s.Viewer(w.Purpose)
	if err != nil {
		return member.Viewer{}, err
	}
	_, err = r.Deliver.Sector(v, w.Sector)
	return v, err
}

// denied says that a member may not have something, as opposed to a failure of
// ours.
func denied(err error) bool {
	if err == nil {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Usage:
		return false
	}
	return true
}
