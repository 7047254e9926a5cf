package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/notify"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Webhooks is the contract of notify.Webhooks. The hub that open opens must
// implement it.
func Webhooks(t *testing.T, open Open) {
	for rule, test := range map[string]func(*webhooks){
		"AWebhookIsOneMembersAndOfALimitedNumber":     webhookOwned,
		"AnEventAndThePlaceUpToWhichIsToldGoTogether": eventMovesPlace,
		"OfManyWhoTakeWhatIsDueOneGetsIt":             dueOnce,
		"AnEventWaitsUntilItIsDueAndStaysWhatItWas":   eventWaits,
		"ADeadWebhookIsToldNothingAndSaysWhy":         webhookDies,
		"WhatIsRemovedIsGoneWithItsQueue":             webhookGone,
	} {
		t.Run(rule, func(t *testing.T) {
			f := newFixture(t, open)
			test(&webhooks{f, f.hub.(notify.Webhooks)})
		})
	}
}

type webhooks struct {
	*fixture
	kept notify.Webhooks
}

func webhookID(name string) wire.WebhookID { return id[wire.WebhookID]('w', name) }

func eventOf(name string, k notify.Kind, after, upTo int64) notify.Event {
	return notify.Event{ID: id[wire.EventID]('e', name), Kind: k, After: after, UpTo: upTo, Made: epoch}
}

// add stores a webhook that was told up to 5 of each kind; its hello is due.
func (h *webhooks) add(name string, m wire.MemberID) error {
	return h.kept.AddWebhook(h.ctx, webhookOf(name, m), map[notify.Kind]int64{notify.Indicators: 5, notify.Incidents: 5},
		eventOf("hello "+name, notify.Hello, 0, 0), 2)
}

func webhookOf(name string, m wire.MemberID) notify.Webhook {
	return notify.Webhook{ID: webhookID(name), Member: m, Sector: "finance", Purpose: member.Defend, URL: "https://hooks.example/" + Strange, Created: epoch}
}

func (h *webhooks) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *webhooks) take(at time.Time) (notify.Webhook, notify.Event, bool) {
	h.t.Helper()
	w, e, ok, err := h.kept.TakeDue(h.ctx, at, time.Minute)
	h.must(err)
	return w, e, ok
}

// greeted adds a webhook and takes its hello away.
func (h *webhooks) greeted(name string) {
	h.t.Helper()
	h.must(h.add(name, h.member))
	w, e, ok := h.take(epoch)
	if !ok || e.Kind != notify.Hello {
		h.t.Fatalf("no hello is due: %+v %v", e, ok)
	}
	h.must(h.kept.EventDone(h.ctx, w.ID, e.ID, epoch))
}

func (h *webhooks) one() notify.Webhook {
	h.t.Helper()
	all, err := h.kept.WebhooksOf(h.ctx, h.member)
	h.must(err)
	if len(all) != 1 {
		h.t.Fatalf("%d webhooks", len(all))
	}
	return all[0]
}

func webhookOwned(h *webhooks) {
	other := h.join("second", "g-two")
	for _, name := range []string{"a", "b"} {
		h.must(h.add(name, h.member))
	}
	wantKind(h.t, h.add("c", h.member), fault.Conflict)
	h.must(h.add("theirs", other))
	all, err := h.kept.WebhooksOf(h.ctx, h.member)
	h.must(err)
	want := webhookOf("a", h.member)
	want.Pending = 1
	if len(all) != 2 || !slices.Contains(all, want) {
		h.t.Errorf("the member has %+v", all)
	}
	wantKind(h.t, h.kept.RemoveWebhook(h.ctx, h.member, webhookID("theirs")), fault.NotFound)
	if live, err := h.kept.LiveWebhooks(h.ctx); err != nil || len(live) != 3 {
		h.t.Errorf("%d live: %v", len(live), err)
	}
}

func eventMovesPlace(h *webhooks) {
	h.greeted("a")
	at := func() (told int64, waiting bool) {
		h.t.Helper()
		live, err := h.kept.LiveWebhooks(h.ctx)
		h.must(err)
		return live[0].Told[notify.Indicators], live[0].Waiting[notify.Indicators]
	}
	h.must(h.kept.QueueEvent(h.ctx, webhookID("a"), eventOf("stale", notify.Indicators, 4, 9)))
	if told, waiting := at(); told != 5 || waiting {
		h.t.Errorf("from another place: told up to %d, waiting %v", told, waiting)
	}
	h.must(h.kept.QueueEvent(h.ctx, webhookID("a"), eventOf("new", notify.Indicators, 5, 8)))
	h.must(h.kept.QueueEvent(h.ctx, webhookID("a"), eventOf("next", notify.Indicators, 8, 9)))
	if told, waiting := at(); told != 8 || !waiting {
		h.t.Errorf("while one waits: told up to %d, waiting %v", told, waiting)
	}
	w, e, ok := h.take(epoch)
	if want := eventOf("new", notify.Indicators, 5, 8); !ok || e != want {
		h.t.Fatalf("%+v is due, not %+v", e, want)
	}
	h.must(h.kept.EventDone(h.ctx, w.ID, e.ID, epoch))
	h.must(h.kept.QueueEvent(h.ctx, webhookID("a"), eventOf("next", notify.Indicators, 8, 9)))
	if told, _ := at(); told != 9 || h.one().Pending != 1 {
		h.t.Errorf("after it was taken: told up to %d", told)
	}
}

func dueOnce(h *webhooks) {
	h.must(h.add("a", h.member))
	h.must(h.add("b", h.member))
	handles := []notify.Webhooks{h.kept, h.handle().(notify.Webhooks)}
	var taken sync.Map
	var n atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			w, _, ok, err := handles[i%2].TakeDue(h.ctx, epoch, time.Minute)
			if err != nil {
				h.t.Error(err)
			}
			if _, twice := taken.LoadOrStore(w.ID, true); ok && twice {
				h.t.Errorf("%s was taken twice", w.ID)
			}
			if ok {
				n.Add(1)
			}
		})
	}
	wg.Wait()
	if n.Load() != 2 {
		h.t.Errorf("%d were taken of two", n.Load())
	}
	if _, _, ok := h.take(epoch.Add(30 * time.Second)); ok {
		h.t.Error("what another is at was taken")
	}
	if _, _, ok := h.take(epoch.Add(2 * time.Minute)); !ok {
		h.t.Error("what a process left that died is never taken up")
	}
}

func eventWaits(h *webhooks) {
	h.must(h.add("a", h.member))
	_, first, _ := h.take(epoch)
	next := epoch.Add(time.Hour)
	for i := range 3 {
		at := epoch.Add(time.Duration(i) * time.Minute)
		h.must(h.kept.EventFailed(h.ctx, webhookID("a"), notify.Failure{At: at, Reason: fmt.Sprint("webhook.status_50", i), Next: next}))
	}
	if w := h.one(); !w.Failing.Equal(epoch) || w.Attempts != 3 || w.Reason != "webhook.status_502" || w.Pending != 1 {
		h.t.Errorf("after three failures: %+v", w)
	}
	if _, _, ok := h.take(next.Add(-time.Second)); ok {
		h.t.Error("it is due too early")
	}
	other := h.handle().(notify.Webhooks)
	w, again, ok, err := other.TakeDue(h.ctx, next, time.Minute)
	h.must(err)
	if !ok || again != first {
		h.t.Errorf("%+v became %+v", first, again)
	}
	h.must(other.EventDone(h.ctx, w.ID, again.ID, next))
	if w := h.one(); !w.Failing.IsZero() || w.Attempts != 0 || w.Reason != "" || w.Pending != 0 {
		h.t.Errorf("after it was taken: %+v", w)
	}
}

func webhookDies(h *webhooks) {
	h.must(h.add("a", h.member))
	h.must(h.kept.EventFailed(h.ctx, webhookID("a"), notify.Failure{At: epoch, Reason: "webhook.gone", Next: epoch, Dead: true}))
	if w := h.one(); !w.Dead.Equal(epoch) || w.Reason != "webhook.gone" || w.Pending != 0 {
		h.t.Errorf("%+v", w)
	}
	h.must(h.kept.QueueEvent(h.ctx, webhookID("a"), eventOf("new", notify.Indicators, 5, 8)))
	if _, e, ok := h.take(epoch.AddDate(1, 0, 0)); ok {
		h.t.Errorf("a dead webhook is told %+v", e)
	}
	if live, err := h.kept.LiveWebhooks(h.ctx); err != nil || len(live) != 0 {
		h.t.Errorf("%d live: %v", len(live), err)
	}
}

func webhookGone(h *webhooks) {
	h.must(h.add("a", h.member))
	w, e, _ := h.take(epoch)
	h.must(h.kept.RemoveWebhook(h.ctx, h.member, webhookID("a")))
	// Whoever was sending meanwhile changes nothing any more.
	h.must(h.kept.EventFailed(h.ctx, w.ID, notify.Failure{At: epoch, Reason: "webhook.timeout", Next: epoch}))
	h.must(h.kept.EventDone(h.ctx, w.ID, e.ID, epoch))
	h.must(h.kept.QueueEvent(h.ctx, w.ID, eventOf("new", notify.Indicators, 5, 8)))
	if all, err := h.kept.WebhooksOf(h.ctx, h.member); err != nil || len(all) != 0 {
		h.t.Errorf("%+v, %v", all, err)
	}
	h.must(h.add("a", h.member))
}
