package storetest

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/member"
	weighed "github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

// Requester is what requests need of a hub's store.
type Requester interface {
	reconcile.Store
	ReportsHeld(ctx context.Context) (map[wire.MemberID]map[string]int64, error)
}

// requesting is a fixture for requests.
type requesting struct {
	*fixture
	h Requester
}

// Requests holds a store to what hub/reconcile needs.
func Requests(t *testing.T, open Open) {
	for name, test := range map[string]func(*requesting){
		"ARequestIsOpenUntilItsMemberWithdrawsIt":  requestOpen,
		"AMemberHasSoManyRequestsAndNoMore":        requestsMost,
		"AnswersAreKeptAllOrNone":                  answersKept,
		"ADayIsMeasuredOnce":                       measuredOnce,
		"ReportsAreCountedOnceWhateverTheRevision": contributedCounted,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open)
			h, ok := f.hub.(Requester)
			if !ok {
				t.Fatal("the store keeps no requests")
			}
			test(&requesting{f, h})
		})
	}
}

func (r *requesting) filed(name string, at time.Time) reconcile.Filed {
	return reconcile.Filed{ID: id[wire.RequestID]('q', name), Member: r.member, At: at, Document: []byte(Strange + name)}
}

func (r *requesting) add(f reconcile.Filed) {
	r.t.Helper()
	if err := r.h.AddRequest(r.ctx, f, epoch.AddDate(-1, 0, 0), 100, 100); err != nil {
		r.t.Fatal(err)
	}
}

func requestOpen(r *requesting) {
	other := r.join("second", "g-two")
	one, two, old := r.filed("one", epoch.Add(time.Hour)), r.filed("two", epoch), r.filed("old", epoch.AddDate(-1, 0, 0))
	for _, f := range []reconcile.Filed{one, two, old} {
		r.add(f)
	}
	open := func(want ...reconcile.Filed) {
		r.t.Helper()
		if all, err := r.h.OpenRequests(r.ctx, epoch.AddDate(-1, 0, 0)); err != nil || !reflect.DeepEqual(all, want) {
			r.t.Errorf("open are\n%+v, %v, want\n%+v", all, err, want)
		}
	}
	open(two, one)
	wantKind(r.t, r.h.WithdrawRequest(r.ctx, other, one.ID, epoch), fault.NotFound)
	open(two, one)
	if err := r.h.WithdrawRequest(r.ctx, r.member, one.ID, epoch); err != nil {
		r.t.Fatal(err)
	}
	open(two)
	wantKind(r.t, r.h.WithdrawRequest(r.ctx, r.member, one.ID, epoch), fault.NotFound)
}

func requestsMost(r *requesting) {
	since := epoch.AddDate(-1, 0, 0)
	for i := range 3 {
		if err := r.h.AddRequest(r.ctx, r.filed(fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Second)), since, 3, 4); err != nil {
			r.t.Fatal(err)
		}
	}
	wantKind(r.t, r.h.AddRequest(r.ctx, r.filed("open", epoch.Add(time.Minute)), since, 3, 4), fault.Conflict)
	for i := range 2 {
		if err := r.h.WithdrawRequest(r.ctx, r.member, r.filed(fmt.Sprint(i), epoch).ID, epoch); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := r.h.AddRequest(r.ctx, r.filed("fourth", epoch.Add(time.Minute)), since, 3, 4); err != nil {
		r.t.Fatal(err)
	}
	// Withdrawn ones count for the day.
	wantKind(r.t, r.h.AddRequest(r.ctx, r.filed("fifth", epoch.Add(time.Minute)), since, 3, 4), fault.Conflict)
	if err := r.h.AddRequest(r.ctx, r.filed("fifth", epoch.Add(25*time.Hour)), since, 3, 4); err != nil {
		r.t.Errorf("on the next day: %v", err)
	}
}

func answersKept(r *requesting) {
	r.add(r.filed("one", epoch))
	a := reconcile.Answer{Request: r.filed("one", epoch).ID, Member: r.member, Sector: "finance", Path: "timeline.incident", At: epoch, Stake: member.Research, Kind: "university",
		Purpose: member.Study, Verdict: wire.OfferRefused, Reason: "law"}
	b := a
	b.Path, b.At = "attack.techniques", epoch.Add(time.Hour)
	if err := r.h.AddAnswers(r.ctx, []reconcile.Answer{b, a}); err != nil {
		r.t.Fatal(err)
	}
	stray := b
	stray.At, stray.Request = epoch.Add(2*time.Hour), "q-none"
	if err := r.h.AddAnswers(r.ctx, []reconcile.Answer{{Request: a.Request, Member: r.member, Path: "x", At: epoch.Add(2 * time.Hour)}, stray}); err == nil {
		r.t.Error("an answer to no request was kept")
	}
	if all, err := r.h.Answers(r.ctx, epoch); err != nil || !reflect.DeepEqual(all, []reconcile.Answer{a, b}) {
		r.t.Errorf("answers are %+v, %v", all, err)
	}
	if all, err := r.h.Answers(r.ctx, epoch.Add(time.Second)); err != nil || !reflect.DeepEqual(all, []reconcile.Answer{b}) {
		r.t.Errorf("later answers are %+v, %v", all, err)
	}
}

func measuredOnce(r *requesting) {
	flow := func(n int64) weighed.Flow {
		return weighed.Flow{Sector: "finance", From: member.Industry, To: member.Research, Requested: 10,
			Basis: weighed.Basis{Flowing: n, Offered: n + 1, Groups: 9, FlowingGroups: 6, BlockedGroups: 5, GroupsWithOffer: 7, GroupsBlockedThenAsWell: 4}}.Shares()
	}
	gone := flow(1)
	gone.Sector = "health"
	for _, put := range []struct {
		day   string
		flows []weighed.Flow
	}{{"2026-03-01", []weighed.Flow{flow(2), gone}}, {"2026-03-02", []weighed.Flow{flow(4)}}, {"2026-03-01", []weighed.Flow{flow(3)}}} {
		if err := r.h.PutMeasured(r.ctx, put.day, put.flows); err != nil {
			r.t.Fatal(err)
		}
	}
	want := []reconcile.Measured{{Day: "2026-03-01", Flow: flow(3)}, {Day: "2026-03-02", Flow: flow(4)}}
	if all, err := r.h.Measured(r.ctx, "2026-03-01"); err != nil || !reflect.DeepEqual(all, want) {
		r.t.Errorf("measured is\n%+v, %v, want\n%+v", all, err, want)
	}
	if all, err := r.h.Measured(r.ctx, "2026-03-02"); err != nil || !reflect.DeepEqual(all, want[1:]) {
		r.t.Errorf("measured later is %+v, %v", all, err)
	}
}

func contributedCounted(r *requesting) {
	r.send("c1", told{"one", 0, "a"}, told{"two", 0, "b"})
	r.send("c2", told{"one", 1, "c"}, told{"gone", 0, "d"})
	if err := Erase(r.ctx, r.hub, r.member, id[wire.ReportID]('r', "gone")); err != nil {
		r.t.Fatal(err)
	}
	want := map[wire.MemberID]map[string]int64{r.member: {"finance": 2}}
	if got, err := r.h.ReportsHeld(r.ctx); err != nil || !reflect.DeepEqual(got, want) {
		r.t.Errorf("contributed are %v, %v", got, err)
	}
}

// fillRequests writes something into every table of requests.
func fillRequests(f *fixture, h Requester) {
	r := &requesting{f, h}
	r.add(r.filed("one", epoch))
	f.t.Helper()
	err := h.AddAnswers(f.ctx, []reconcile.Answer{{Request: r.filed("one", epoch).ID, Member: f.member, Sector: Strange, Path: Strange, At: epoch,
		Stake: member.Research, Kind: "university", Purpose: member.Study, Verdict: wire.OfferRefused, Reason: "law"}})
	if err == nil {
		err = h.PutMeasured(f.ctx, "2026-03-01", []weighed.Flow{{Sector: Strange, From: member.Industry, To: member.Research, Requested: 3}})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
