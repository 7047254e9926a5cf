package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// Pusher is what taking in pushes needs of a hub's store.
type Pusher interface {
	AddPush(ctx context.Context, p store.Push, most int) error
	Push(ctx context.Context, m wire.MemberID, sector, id string) (store.Push, error)
	PushesWaiting(ctx context.Context, m wire.MemberID, sector string) ([]store.Push, error)
	TakePush(ctx context.Context, now time.Time, lease time.Duration) (store.Push, bool, error)
	PutOffPush(ctx context.Context, id string, due time.Time) error
	NotePushed(ctx context.Context, p store.Push, objects []store.PushedObject) error
	FinishPush(ctx context.Context, p store.Push, objects []store.PushedObject, refused []wire.ReportID) error
	PushedObjects(ctx context.Context, m wire.MemberID, sector string, objects [][]byte) (map[string]store.PushedObject, error)
	WithdrawObject(ctx context.Context, m wire.MemberID, sector string, object []byte) ([]wire.ReportID, error)
	ForgetPushed(ctx context.Context, m wire.MemberID, reports []wire.ReportID) error
	SweepPushes(ctx context.Context, before time.Time) error
}

// pushes is a fixture for what is pushed.
type pushes struct {
	*fixture
	h Pusher
}

const pushLease = time.Minute

func (p *pushes) push(id string, m wire.MemberID) store.Push {
	return store.Push{ID: id, Member: m, Sector: "finance", Token: digest("token"), Received: epoch, Body: []byte("sealed " + id), Status: []byte("pending " + id)}
}

func (p *pushes) add(id string, m wire.MemberID) {
	p.t.Helper()
	if err := p.h.AddPush(p.ctx, p.push(id, m), 5); err != nil {
		p.t.Fatal(err)
	}
}

// take wants to be given a request of this id; "" for none.
func (p *pushes) take(at time.Time, want string) store.Push {
	p.t.Helper()
	got, ok, err := p.h.TakePush(p.ctx, at, pushLease)
	if err != nil || ok != (want != "") || got.ID != want {
		p.t.Fatalf("taken is %q, %v, %v; want %q", got.ID, ok, err, want)
	}
	return got
}

func (p *pushes) finish(of store.Push, objects ...store.PushedObject) {
	p.t.Helper()
	of.Finished, of.Status = epoch.Add(time.Second), []byte("complete "+of.ID)
	if err := p.h.FinishPush(p.ctx, of, objects, nil); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pushes) known(m wire.MemberID, sector, object string) store.PushedObject {
	p.t.Helper()
	all, err := p.h.PushedObjects(p.ctx, m, sector, [][]byte{digest(object), digest("another")})
	if err != nil {
		p.t.Fatal(err)
	}
	return all[string(digest(object))]
}

func (p *pushes) withdraw(m wire.MemberID, object string, want ...wire.ReportID) {
	p.t.Helper()
	got, err := p.h.WithdrawObject(p.ctx, m, "finance", digest(object))
	if err != nil || !slices.Equal(got, want) {
		p.t.Fatalf("made of %s were %v, %v; want %v", object, got, err, want)
	}
}

// Pushes is the contract of what members' tools push. The hub that open opens
// must be a [Pusher] as well.
func Pushes(t *testing.T, open Open) {
	one, two := id[wire.ReportID]('r', "one"), id[wire.ReportID]('r', "two")
	for _, c := range []struct {
		rule string
		test func(p *pushes, other wire.MemberID)
	}{
		{"a request is its member's and sector's alone", func(p *pushes, other wire.MemberID) {
			p.add("a", p.member)
			got, err := p.h.Push(p.ctx, p.member, "finance", "a")
			if err != nil || got.N == 0 || !got.Received.Equal(epoch) || !got.Finished.IsZero() || !bytes.Equal(got.Body, []byte("sealed a")) || !bytes.Equal(got.Token, digest("token")) {
				p.t.Errorf("stored is %+v, %v", got, err)
			}
			for who, ask := range map[string]func() (store.Push, error){
				"another member": func() (store.Push, error) { return p.h.Push(p.ctx, other, "finance", "a") },
				"another sector": func() (store.Push, error) { return p.h.Push(p.ctx, p.member, "health", "a") },
				"another id":     func() (store.Push, error) { return p.h.Push(p.ctx, p.member, "finance", "b") },
			} {
				if _, err := ask(); fault.KindOf(err) != fault.NotFound {
					p.t.Errorf("%s: %v", who, err)
				}
			}
		}},
		{"of a member the oldest is taken first, and nothing else meanwhile", func(p *pushes, other wire.MemberID) {
			p.add("a", p.member)
			p.add("b", p.member)
			p.add("c", other)
			first := p.take(epoch, "a")
			p.take(epoch, "c")
			p.take(epoch, "")
			p.finish(first)
			p.take(epoch, "b")
		}},
		{"one that was put off is due then, and its successors after it", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			p.add("b", p.member)
			p.take(epoch, "a")
			if err := p.h.PutOffPush(p.ctx, "a", epoch.Add(time.Hour)); err != nil {
				p.t.Fatal(err)
			}
			p.take(epoch.Add(time.Hour-time.Second), "")
			if again := p.take(epoch.Add(time.Hour), "a"); again.Attempts != 2 {
				p.t.Errorf("it was begun %d times", again.Attempts)
			}
		}},
		{"one that a process died with is taken over", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			p.take(epoch, "a")
			p.take(epoch.Add(pushLease-time.Second), "")
			p.take(epoch.Add(pushLease), "a")
		}},
		{"what is finished holds no body and stays so", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			of := p.take(epoch, "a")
			p.finish(of)
			late := of
			late.Finished, late.Status = epoch.Add(time.Hour), []byte("late")
			if err := p.h.FinishPush(p.ctx, late, []store.PushedObject{{Object: digest("x"), Reports: []wire.ReportID{one}}}, nil); err != nil {
				p.t.Fatal(err)
			}
			got, err := p.h.Push(p.ctx, p.member, "finance", "a")
			if err != nil || len(got.Body) != 0 || string(got.Status) != "complete a" || !got.Finished.Equal(epoch.Add(time.Second)) {
				p.t.Errorf("finished is %+v, %v", got, err)
			}
			if k := p.known(p.member, "finance", "x"); len(k.Reports) > 0 {
				p.t.Error("finishing again made something known")
			}
			if err := p.h.PutOffPush(p.ctx, "a", epoch); err != nil {
				p.t.Fatal(err)
			}
			p.take(epoch.Add(time.Hour), "")
		}},
		{"a member has so many waiting and no more", func(p *pushes, other wire.MemberID) {
			for i := range 5 {
				p.add(fmt.Sprint("a", i), p.member)
			}
			if err := p.h.AddPush(p.ctx, p.push("a5", p.member), 5); fault.KindOf(err) != fault.Unavailable {
				p.t.Errorf("one more: %v", err)
			}
			p.add("b", other)
			p.finish(p.take(epoch, "a0"))
			p.add("a5", p.member)
			waiting, err := p.h.PushesWaiting(p.ctx, p.member, "finance")
			if err != nil || len(waiting) != 5 || waiting[0].ID != "a1" || waiting[4].ID != "a5" {
				p.t.Errorf("waiting are %d, %v", len(waiting), err)
			}
		}},
		{"objects are known by member and sector, with what was made of them last", func(p *pushes, other wire.MemberID) {
			p.add("a", p.member)
			p.finish(p.take(epoch, "a"), store.PushedObject{Object: digest("x"), Version: 7, Digest: digest("said"), Reports: []wire.ReportID{one, two}},
				store.PushedObject{Object: digest("y"), Reports: []wire.ReportID{one}})
			k := p.known(p.member, "finance", "x")
			if k.Version != 7 || !bytes.Equal(k.Digest, digest("said")) || len(k.Reports) != 2 || k.Withdrawn != 0 || k.Life != 0 {
				p.t.Errorf("known is %+v", k)
			}
			if len(p.known(other, "finance", "x").Object)+len(p.known(p.member, "health", "x").Object) > 0 {
				p.t.Error("another member's or sector's object is known")
			}
			p.add("b", p.member)
			p.finish(p.take(epoch, "b"), store.PushedObject{Object: digest("x"), Version: 8, Reports: []wire.ReportID{one}})
			if k := p.known(p.member, "finance", "y"); len(k.Reports) != 0 {
				p.t.Errorf("an object that a report does not hold any more has %v", k.Reports)
			}
			if k := p.known(p.member, "finance", "x"); k.Version != 8 || len(k.Reports) != 2 {
				p.t.Errorf("known is %+v", k)
			}
		}},
		{"what is deleted while its push waits is not taken in", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			of := p.take(epoch, "a")
			p.withdraw(p.member, "x")
			of.Finished = epoch
			err := p.h.FinishPush(p.ctx, of, []store.PushedObject{{Object: digest("z"), Reports: []wire.ReportID{two}}, {Object: digest("x"), Reports: []wire.ReportID{one}}}, nil)
			if fault.Public(err).Code != "push.withdrawn" || len(p.known(p.member, "finance", "z").Reports) > 0 {
				p.t.Errorf("finished with a deleted object: %v", err)
			}
			if k := p.known(p.member, "finance", "x"); k.Withdrawn <= of.N {
				p.t.Errorf("the deletion counts before the push: %+v", k)
			}
			p.finish(of, store.PushedObject{Object: digest("z"), Reports: []wire.ReportID{two}})
			p.add("b", p.member) // and pushed anew
			p.finish(p.take(epoch, "b"), store.PushedObject{Object: digest("x"), Version: 1, Reports: []wire.ReportID{one}})
		}},
		{"what is noted before it is contributed is found by a deletion, and none is noted of what was deleted", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			of := p.take(epoch, "a")
			x, y := store.PushedObject{Object: digest("x"), Reports: []wire.ReportID{one}}, store.PushedObject{Object: digest("y"), Reports: []wire.ReportID{one, two}}
			note := func(want string, objects ...store.PushedObject) {
				p.t.Helper()
				if err := p.h.NotePushed(p.ctx, of, objects); want == "" && err != nil || want != "" && fault.Public(err).Code != want {
					p.t.Fatalf("noting: %v, want %q", err, want)
				}
			}
			note("", x, y)
			note("", x, y)
			if k := p.known(p.member, "finance", "y"); len(k.Reports) != 2 || k.Version != 0 || k.Life != 0 {
				p.t.Errorf("noted is %+v", k)
			}
			p.withdraw(p.member, "x", one)
			if err := p.h.ForgetPushed(p.ctx, p.member, []wire.ReportID{one}); err != nil {
				p.t.Fatal(err)
			}
			if x, y := p.known(p.member, "finance", "x"), p.known(p.member, "finance", "y"); x.Life != 1 || y.Life != 1 || !slices.Equal(y.Reports, []wire.ReportID{two}) {
				p.t.Errorf("after a deletion are known %+v and %+v", x, y)
			}
			note("push.withdrawn", store.PushedObject{Object: digest("z"), Reports: []wire.ReportID{two}}, x)
			if k := p.known(p.member, "finance", "z"); len(k.Object)+len(k.Reports) > 0 {
				p.t.Errorf("beside what was deleted is noted %+v", k)
			}
			// What was not taken is no report.
			of.Finished = epoch
			if err := p.h.FinishPush(p.ctx, of, nil, []wire.ReportID{two}); err != nil || len(p.known(p.member, "finance", "y").Reports) > 0 {
				p.t.Errorf("a refused report is known, %v", err)
			}
		}},
		{"a deletion names its reports until they are forgotten, and begins another life", func(p *pushes, other wire.MemberID) {
			for m, of := range map[wire.MemberID]string{p.member: "a", other: "b"} {
				p.add(of, m)
				p.finish(p.take(epoch, of), store.PushedObject{Object: digest("x"), Version: 7, Digest: digest("said"), Reports: []wire.ReportID{one}},
					store.PushedObject{Object: digest("y"), Version: 7, Digest: digest("said"), Reports: []wire.ReportID{one}})
			}
			p.withdraw(p.member, "x", one)
			p.withdraw(p.member, "x", one)
			if err := p.h.ForgetPushed(p.ctx, p.member, []wire.ReportID{one}); err != nil {
				p.t.Fatal(err)
			}
			p.withdraw(p.member, "x")
			for _, o := range []string{"x", "y"} {
				if k := p.known(p.member, "finance", o); k.Life != 1 || k.Version != 0 || len(k.Digest) > 0 || len(k.Reports) > 0 {
					p.t.Errorf("of %s is known %+v", o, k)
				}
			}
			if k := p.known(other, "finance", "x"); k.Life != 0 || len(k.Reports) != 1 || k.Withdrawn != 0 {
				p.t.Errorf("another member's is %+v", k)
			}
		}},
		{"statuses are forgotten after a time, those that wait never", func(p *pushes, _ wire.MemberID) {
			p.add("a", p.member)
			p.finish(p.take(epoch, "a"))
			p.add("b", p.member)
			for at, gone := range map[time.Time]bool{epoch: false, epoch.AddDate(1, 0, 0): true} {
				if err := p.h.SweepPushes(p.ctx, at); err != nil {
					p.t.Fatal(err)
				}
				if gone {
					if _, err := p.h.Push(p.ctx, p.member, "finance", "a"); fault.KindOf(err) != fault.NotFound {
						p.t.Errorf("an old status: %v", err)
					}
				}
				if _, err := p.h.Push(p.ctx, p.member, "finance", "b"); err != nil {
					p.t.Errorf("one that waits: %v", err)
				}
			}
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := newFixture(t, open)
			c.test(&pushes{f, f.hub.(Pusher)}, f.join("second", "g-two"))
		})
	}
	t.Run("of many that take at once each request goes to one", func(t *testing.T) {
		f := newFixture(t, open)
		p := &pushes{f, f.hub.(Pusher)}
		var members []wire.MemberID
		for i := range 4 {
			members = append(members, f.join(fmt.Sprint("m", i), "g-two"))
			p.add(fmt.Sprint("p", i), members[i])
		}
		handles := []Pusher{p.h, f.handle().(Pusher)}
		var mu sync.Mutex
		taken := map[string]int{}
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				got, ok, err := handles[i%2].TakePush(f.ctx, epoch, pushLease)
				if err != nil {
					t.Error(err)
				}
				if ok {
					mu.Lock()
					taken[got.ID]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(taken) != 4 || slices.ContainsFunc([]string{"p0", "p1", "p2", "p3"}, func(id string) bool { return taken[id] != 1 }) {
			t.Errorf("taken were %v", taken)
		}
	})
}

// fillPushes writes into the tables of what is pushed.
func fillPushes(f *fixture, h Pusher) {
	p := &pushes{f, h}
	p.add("pushed", f.member)
	p.finish(p.take(epoch, "pushed"), store.PushedObject{Object: []byte(everyByte), Version: 1, Digest: digest("said"), Reports: []wire.ReportID{id[wire.ReportID]('r', "pushed")}})
}
