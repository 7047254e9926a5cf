package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Queue is all that a member's store does.
type Queue interface {
	outbox.Queue
	Close() error
}

// OpenQueue opens the member's record at a place, as [Open] does a hub's.
type OpenQueue func(t testing.TB, place string) Queue

// Outbox is the contract of outbox.Queue.
func Outbox(t *testing.T, open OpenQueue) {
	for name, test := range map[string]func(*queueFixture){
		"WhatIsQueuedWaits":                      queuedWaits,
		"ARefusalToQueueLeavesNothing":           refusedEnqueue,
		"AnIdIsQueuedOnce":                       queuedOnce,
		"SettlingEndsTheWait":                    settling,
		"ANewerRevisionIsNotSettledByAnOlderOne": settlingOlder,
		"AResultTooManyOrFewSettlesNothing":      settlingMiscounted,
		"AttemptsAreCounted":                     attempts,
		"TwoProcessesNeverShareARevision":        sharedRevision,
		"EntriesComeNewestFirst":                 newestFirst,
		"TheQueueOutlivesItsHandle":              queueOutlives,
	} {
		t.Run(name, func(t *testing.T) {
			f := &queueFixture{t: t, ctx: t.Context(), place: t.TempDir(), open: open}
			f.queue = f.handle()
			test(f)
		})
	}
}

type queueFixture struct {
	t     *testing.T
	ctx   context.Context
	place string
	open  OpenQueue
	queue Queue
}

func (f *queueFixture) handle() Queue {
	f.t.Helper()
	q := f.open(f.t, f.place)
	f.t.Cleanup(func() { q.Close() })
	return q
}

// entryOf is a contribution with reports of the given names and revisions.
func entryOf(name string, reports ...told) outbox.Entry {
	e := outbox.Entry{ID: id[wire.ContributionID]('c', name), Queued: epoch, Envelope: []byte("envelope of " + name)}
	for _, r := range reports {
		e.Items = append(e.Items, outbox.Item{Report: id[wire.ReportID]('r', r.report), Revision: r.revision, Digest: digest(r.content),
			Evidence: outbox.Evidence{Nonce: digest("nonce of " + r.content), Native: digest("file of " + r.content), Source: r.report + ".json"}})
	}
	return e
}

func (f *queueFixture) enqueue(e outbox.Entry) {
	f.t.Helper()
	if err := f.queue.Enqueue(f.ctx, nil, func(map[wire.ReportID]outbox.Known) (outbox.Entry, error) { return e, nil }); err != nil {
		f.t.Fatal(err)
	}
}

func (f *queueFixture) waiting() []outbox.Entry {
	f.t.Helper()
	all, err := f.queue.Waiting(f.ctx, 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func (f *queueFixture) known(name string) (outbox.Known, bool) {
	f.t.Helper()
	r := id[wire.ReportID]('r', name)
	known, err := f.queue.Known(f.ctx, []wire.ReportID{r, id[wire.ReportID]('r', "nobody's")})
	if err != nil || len(known) > 1 {
		f.t.Fatalf("known are %v, %v", known, err)
	}
	k, ok := known[r]
	return k, ok
}

func accepted(e outbox.Entry) []wire.Result {
	var all []wire.Result
	for _, i := range e.Items {
		all = append(all, wire.Result{Report: i.Report, Status: wire.Accepted})
	}
	for range e.Nil {
		all = append(all, wire.Result{Status: wire.Duplicate})
	}
	return all
}

func queuedWaits(f *queueFixture) {
	want := entryOf("c1", told{"a", 0, "one"}, told{"b", 2, "two"})
	want.Nil = []report.Nil{{Sector: "finance", Period: "2026-Q1"}}
	f.enqueue(want)
	f.enqueue(entryOf("c2", told{"c", 0, "three"}))
	all := f.waiting()
	want.Seq = 1
	if len(all) != 2 || !reflect.DeepEqual(all[0], want) || all[1].Seq != 2 {
		f.t.Fatalf("waiting are\n%+v, want first\n%+v", all, want)
	}
	if part, err := f.queue.Waiting(f.ctx, 1, 1); err != nil || len(part) != 1 || part[0].Seq != 2 {
		f.t.Errorf("after the first wait %+v, %v", part, err)
	}
	if k, ok := f.known("b"); !ok || k.Revision != 2 || string(k.Digest) != string(digest("two")) ||
		!reflect.DeepEqual(k.Evidence, want.Items[1].Evidence) || k.Result.Status != "" {
		f.t.Errorf("of a queued report is known %+v, %v", k, ok)
	}
	c, err := f.queue.Counts(f.ctx)
	if err != nil || c != (outbox.Counts{Waiting: 2, Pending: 3, Oldest: epoch}) {
		f.t.Errorf("counts are %+v, %v", c, err)
	}
}

func refusedEnqueue(f *queueFixture) {
	refusal := errors.New("no")
	err := f.queue.Enqueue(f.ctx, nil, func(map[wire.ReportID]outbox.Known) (outbox.Entry, error) {
		return entryOf("c1", told{"a", 0, "one"}), refusal
	})
	if !errors.Is(err, refusal) {
		f.t.Fatalf("a refusal comes back as %v", err)
	}
	if _, known := f.known("a"); known || len(f.waiting()) != 0 {
		f.t.Error("a refusal left something in the queue")
	}
}

func queuedOnce(f *queueFixture) {
	f.enqueue(entryOf("c1", told{"a", 0, "one"}))
	err := f.queue.Enqueue(f.ctx, nil, func(map[wire.ReportID]outbox.Known) (outbox.Entry, error) {
		return entryOf("c1", told{"b", 0, "two"}), nil
	})
	wantKind(f.t, err, fault.Conflict)
	if _, known := f.known("b"); known || len(f.waiting()) != 1 {
		f.t.Error("a conflict left something in the queue")
	}
}

func settling(f *queueFixture) {
	e := entryOf("c1", told{"a", 0, "one"}, told{"b", 0, "two"}, told{"c", 0, "three"})
	e.Nil = []report.Nil{{Sector: "finance", Period: "2026-Q1"}}
	f.enqueue(e)
	results := accepted(e)
	results[1] = wire.Result{Report: e.Items[1].Report, Status: wire.Refused, Code: "report.sector", Path: "sector", Reason: "why"}
	results[2].Status = wire.Duplicate
	at := epoch.Add(time.Minute)
	if err := f.queue.Settle(f.ctx, e.ID, []byte("receipt"), results, at); err != nil {
		f.t.Fatal(err)
	}
	if all := f.waiting(); len(all) != 0 {
		f.t.Errorf("a settled contribution still waits: %+v", all)
	}
	if err := f.queue.Settle(f.ctx, e.ID, []byte("another"), accepted(e), at.Add(time.Hour)); err != nil {
		f.t.Errorf("settling twice: %v", err)
	}
	all, err := f.queue.Entries(f.ctx, 0, 10)
	if err != nil || len(all) != 1 {
		f.t.Fatalf("entries are %+v, %v", all, err)
	}
	got := all[0]
	if string(got.Receipt) != "receipt" || !got.Receipted.Equal(at) || !reflect.DeepEqual(got.NilResults, results[3:]) {
		f.t.Errorf("the settled contribution is %+v", got)
	}
	for i, item := range got.Items {
		if item.Result != results[i] {
			f.t.Errorf("result %d is %+v", i, item.Result)
		}
	}
	if k, _ := f.known("b"); k.Result != results[1] {
		f.t.Errorf("of the refused report is known %+v", k)
	}
	c, err := f.queue.Counts(f.ctx)
	if err != nil || c != (outbox.Counts{Receipted: 1, Accepted: 1, Duplicate: 1, Refused: 1}) {
		f.t.Errorf("counts are %+v, %v", c, err)
	}
	wantKind(f.t, f.queue.Settle(f.ctx, "c-unknown", []byte("x"), nil, at), fault.NotFound)
}

func settlingOlder(f *queueFixture) {
	older, newer := entryOf("c1", told{"a", 0, "one"}), entryOf("c2", told{"a", 1, "two"})
	f.enqueue(older)
	f.enqueue(newer)
	if err := f.queue.Settle(f.ctx, older.ID, []byte("receipt"), accepted(older), epoch); err != nil {
		f.t.Fatal(err)
	}
	if k, ok := f.known("a"); !ok || k.Revision != 1 || k.Result.Status != "" {
		f.t.Errorf("after the older revision's receipt is known %+v", k)
	}
}

func settlingMiscounted(f *queueFixture) {
	e := entryOf("c1", told{"a", 0, "one"})
	f.enqueue(e)
	for _, results := range [][]wire.Result{nil, append(accepted(e), accepted(e)...)} {
		if err := f.queue.Settle(f.ctx, e.ID, []byte("receipt"), results, epoch); err == nil {
			f.t.Errorf("%d results settled one report", len(results))
		}
	}
	if len(f.waiting()) != 1 {
		f.t.Error("the contribution waits no more")
	}
}

func attempts(f *queueFixture) {
	e := entryOf("c1", told{"a", 0, "one"})
	f.enqueue(e)
	for i := range 2 {
		if err := f.queue.Attempted(f.ctx, e.ID, epoch.Add(time.Duration(i)*time.Second), fmt.Sprint("why ", i)); err != nil {
			f.t.Fatal(err)
		}
	}
	got := f.waiting()[0]
	if got.Attempts != 2 || got.Problem != "why 1" || !got.Tried.Equal(epoch.Add(time.Second)) {
		f.t.Errorf("after two attempts the contribution is %+v", got)
	}
	if err := f.queue.Settle(f.ctx, e.ID, []byte("receipt"), accepted(e), epoch); err != nil {
		f.t.Fatal(err)
	}
	if err := f.queue.Attempted(f.ctx, e.ID, epoch, "late"); err != nil {
		f.t.Fatal(err)
	}
	all, err := f.queue.Entries(f.ctx, 0, 1)
	if err != nil || all[0].Attempts != 2 || all[0].Problem != "why 1" {
		f.t.Errorf("an attempt after the receipt changed it to %+v, %v", all, err)
	}
	wantKind(f.t, f.queue.Attempted(f.ctx, "c-unknown", epoch, "x"), fault.NotFound)
}

// sharedRevision lets two processes queue changed contents of one report.
func sharedRevision(f *queueFixture) {
	const rounds = 10
	handles := []Queue{f.queue, f.handle()}
	r := id[wire.ReportID]('r', "a")
	var mu sync.Mutex
	given := map[int]int{}
	var wg sync.WaitGroup
	for h := range handles {
		wg.Go(func() {
			for i := range rounds {
				err := handles[h].Enqueue(f.ctx, []wire.ReportID{r}, func(known map[wire.ReportID]outbox.Known) (outbox.Entry, error) {
					revision := 0
					if k, ok := known[r]; ok {
						revision = k.Revision + 1
					}
					mu.Lock()
					given[revision]++
					mu.Unlock()
					return entryOf(fmt.Sprintf("h%d-%d", h, i), told{"a", revision, fmt.Sprint(h, i)}), nil
				})
				if err != nil {
					f.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for revision := range 2 * rounds {
		if given[revision] != 1 {
			f.t.Errorf("revision %d was given %d times", revision, given[revision])
		}
	}
	if len(f.waiting()) != 2*rounds {
		f.t.Errorf("%d contributions wait, want %d", len(f.waiting()), 2*rounds)
	}
}

func newestFirst(f *queueFixture) {
	for i := range 5 {
		f.enqueue(entryOf(fmt.Sprint("c", i), told{fmt.Sprint("a", i), 0, "x"}))
	}
	var seqs []int64
	for before := int64(0); ; {
		part, err := f.queue.Entries(f.ctx, before, 2)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		for _, e := range part {
			seqs = append(seqs, e.Seq)
			if e.Envelope != nil || len(e.Items) != 1 {
				f.t.Errorf("a listed contribution is %+v", e)
			}
		}
		before = seqs[len(seqs)-1]
	}
	if !reflect.DeepEqual(seqs, []int64{5, 4, 3, 2, 1}) {
		f.t.Errorf("the order is %v", seqs)
	}
}

func queueOutlives(f *queueFixture) {
	f.enqueue(entryOf("c1", told{"a", 0, "one"}))
	before := f.waiting()
	if err := f.queue.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.queue = f.handle()
	if after := f.waiting(); !reflect.DeepEqual(before, after) {
		f.t.Errorf("after opening again there waits %+v, want %+v", after, before)
	}
}
