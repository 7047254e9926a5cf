package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/concord-trust/concord/member"
)

// shelves keep what was computed for tools, which ask for the same page by
// page and event by event.
type shelves struct {
	// state names what the answers rest on; while it is the same, so are they.
	state func(ctx context.Context) (string, error)

	mu   sync.Mutex
	kept map[string]*shelf // by what is on it, and for whom
	use  int64
}

// shelf holds something as it was last computed. It serves only while the
// state of the record is the one that it was computed from, so that terms,
// suspensions and erasures take effect on the next page; and until the second
// in which a grant that it rests on begins or ends.
type shelf struct {
	mu        sync.Mutex
	state     string
	at, until time.Time
	content   any

	// Of all shelves, under the lock of shelves:
	used    int64 // when it was last asked for, counted
	objects int
}

const (
	// shelfCount is how many things are kept computed, and shelved how many
	// objects in all of them: about half a kilobyte each.
	shelfCount = 256
	shelved    = 500_000
	// clockSlack is how far the clock may be set back before a shelf counts as
	// one of the future.
	clockSlack = time.Minute
)

// kept returns what is on a shelf for a viewer, computed anew if anything
// changed: the record, the viewer as terms look at it, or what the clock alone
// changes. It is never changed once it is made, so that readers share it.
func kept[T interface{ Until() time.Time }](ctx context.Context, all *shelves, name string, v member.Viewer, compute func() (T, int, error)) (T, error) {
	s := all.find(name)
	s.mu.Lock() // who asks for the same meanwhile gets what this one computes
	defer s.mu.Unlock()
	var none T
	state, err := all.state(ctx)
	if err != nil {
		return none, err
	}
	now := v.At
	v.At = time.Time{}
	state = fmt.Sprintf("%s %+v", state, v)
	if content, ok := s.content.(T); ok && s.state == state && s.holds(now) {
		return content, nil
	}
	// The state is read before what rests on it: a change meanwhile makes the
	// shelf old, never new.
	content, objects, err := compute()
	if err != nil {
		return none, err
	}
	s.content, s.state, s.at, s.until = content, state, now, content.Until()
	all.mu.Lock()
	s.objects = objects
	all.makeRoom()
	all.mu.Unlock()
	return content, nil
}

// holds also looks at a clock that was set back. An idle shelf is made anew
// once a day.
func (s *shelf) holds(now time.Time) bool {
	day := s.at.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	return !now.Before(s.at.Add(-clockSlack)) && now.Before(day) && (s.until.IsZero() || now.Before(s.until))
}

func (all *shelves) find(name string) *shelf {
	all.mu.Lock()
	defer all.mu.Unlock()
	s, ok := all.kept[name]
	if !ok {
		s = &shelf{}
		if all.kept == nil {
			all.kept = map[string]*shelf{}
		}
		all.kept[name] = s
	}
	all.use++
	s.used = all.use
	all.makeRoom()
	return s
}

// makeRoom forgets what was longest not asked for, all but what was asked for
// last. Whoever reads it meanwhile goes on reading it.
func (all *shelves) makeRoom() {
	for len(all.kept) > 1 {
		oldest, objects := "", 0
		for name, s := range all.kept {
			objects += s.objects
			if oldest == "" || s.used < all.kept[oldest].used {
				oldest = name
			}
		}
		if len(all.kept) <= shelfCount && objects <= shelved {
			return
		}
		delete(all.kept, oldest)
	}
}
