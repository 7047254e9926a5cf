package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Worker is what the schedule needs of a hub's store.
type Worker interface {
	TakeWork(ctx context.Context, name string, now time.Time, every, lease time.Duration) (bool, error)
	EndWork(ctx context.Context, name string, taken time.Time, failed bool) error
}

// Work is the contract of the schedule that several processes share. The hub
// that open opens must be a [Worker] as well.
func Work(t *testing.T, open Open) {
	const every, lease = time.Hour, time.Minute
	for _, c := range []struct {
		rule string
		test func(f *fixture, take func(name string, at time.Time) bool, end func(at time.Time, failed bool))
	}{
		{"work that was done is due after its period, a tick early included", func(f *fixture, take func(string, time.Time) bool, end func(time.Time, bool)) {
			f.want(take("a", epoch), true, "at first")
			end(epoch, false)
			f.want(take("a", epoch.Add(every/2)), false, "by another process whose clock ticks between")
			f.want(take("a", epoch.Add(every-time.Second)), true, "a tick early")
		}},
		{"work of another name is apart", func(f *fixture, take func(string, time.Time) bool, _ func(time.Time, bool)) {
			f.want(take("a", epoch), true, "the one")
			f.want(take("b", epoch), true, "the other")
		}},
		{"work that failed is due at once", func(f *fixture, take func(string, time.Time) bool, end func(time.Time, bool)) {
			f.want(take("a", epoch), true, "at first")
			end(epoch, true)
			f.want(take("a", epoch.Add(time.Second)), true, "after it failed")
		}},
		{"work lasts longer than its period without being begun twice", func(f *fixture, take func(string, time.Time) bool, _ func(time.Time, bool)) {
			h := f.hub.(Worker)
			if mine, err := h.TakeWork(f.ctx, "long", epoch, time.Second, time.Hour); err != nil || !mine {
				f.t.Fatal(mine, err)
			}
			if mine, err := h.TakeWork(f.ctx, "long", epoch.Add(time.Minute), time.Second, time.Hour); err != nil || mine {
				f.t.Errorf("begun while another is at it: %v, %v", mine, err)
			}
		}},
		{"work of a process that died is taken over", func(f *fixture, take func(string, time.Time) bool, end func(time.Time, bool)) {
			f.want(take("a", epoch), true, "at first")
			f.want(take("a", epoch.Add(every)), true, "when next due, the lease being over")
			end(epoch, true) // the dead one's word counts no more
			f.want(take("a", epoch.Add(every+time.Second)), false, "after a late word of the first")
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := newFixture(t, open)
			h := f.hub.(Worker)
			c.test(f, func(name string, at time.Time) bool {
				mine, err := h.TakeWork(f.ctx, name, at, every, lease)
				if err != nil {
					t.Fatal(err)
				}
				return mine
			}, func(at time.Time, failed bool) {
				if err := h.EndWork(f.ctx, "a", at, failed); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
	t.Run("of many that are due at once one does it", func(t *testing.T) {
		f := newFixture(t, open)
		handles := []Worker{f.hub.(Worker), f.handle().(Worker)}
		var taken atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				mine, err := handles[i%2].TakeWork(f.ctx, "a", epoch.Add(time.Duration(i)*time.Millisecond), every, lease)
				if err != nil {
					t.Error(err)
				}
				if mine {
					taken.Add(1)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 1 {
			t.Errorf("%d processes do the same work", taken.Load())
		}
	})
}

func (f *fixture) want(got, want bool, when string) {
	f.t.Helper()
	if got != want {
		f.t.Errorf("%s: taken is %v", when, got)
	}
}
