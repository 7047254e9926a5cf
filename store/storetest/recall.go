package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Taking is all that a hub's store does about taking back.
type Taking interface {
	Hub
	receive.Recalls
	receive.Holds
	deliver.Withdrawals
	anonymise.Store
}

// Recalls is the contract of receive.Recalls, receive.Holds and
// deliver.Withdrawals. The hub that open opens must implement them.
func Recalls(t *testing.T, open Open) {
	for rule, test := range map[string]func(*taking){
		"ADestructionIsStoredWithItsReceiptAndAnsweredTheSameAgain": destroyedOnce,
		"ADestructionThatIsDecidedAgainstChangesNothing":            destroyedNot,
		"OfManyWhoDestroyAtOnceOneDoes":                             destroyedByOne,
		"WhatWasRecalledIsKnownAsRecalled":                          recalledKnown,
		"AHeldKeyIsReadByNobodyAndGoesWhenNoHoldKeepsIt":            heldApart,
		"AHoldHoldsOnceBothApprovedUntilItsSecond":                  holdStates,
		"WhatIsOverItsTimeIsDueToTheSecond":                         dueToTheSecond,
		"WhoWasGivenSomethingIsToldAndConfirmsOnce":                 confirmedOnce,
		"AReleaseStandsUntilAReportOfItIsDestroyed":                 releaseStands,
	} {
		t.Run(rule, func(t *testing.T) {
			f := newFixture(t, open)
			test(&taking{f, f.hub.(Taking)})
		})
	}
}

type taking struct {
	*fixture
	kept Taking
}

func recallID(name string) wire.RecallID { return id[wire.RecallID]('d', name) }

func reportID(name string) wire.ReportID { return id[wire.ReportID]('r', name) }

func (k *taking) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *taking) ask(name string, reports ...string) receive.Ask {
	a := receive.Ask{ID: recallID(name), Member: k.member, Made: epoch.Add(2 * time.Minute), At: epoch.Add(3 * time.Minute), By: wire.ByMember, Reason: wire.ReasonOther, Request: "request " + name}
	for _, r := range reports {
		a.Reports = append(a.Reports, reportID(r))
	}
	return a
}

// destroys destroys whatever lives, and tells who was given it.
func (k *taking) destroys(ask receive.Ask, given ...wire.MemberID) (receipt []byte, found receive.Found) {
	k.t.Helper()
	receipt, err := k.kept.Destroy(k.ctx, ask, func(f receive.Found) (receive.Destroying, error) {
		found = f
		out := receive.Destroying{Receipt: []byte("receipt " + ask.ID), Sectors: map[wire.ReportID]string{}, Given: map[wire.ReportID][]wire.MemberID{}}
		for _, r := range ask.Reports {
			out.Sectors[r], out.Given[r] = "finance", given
		}
		return out, nil
	})
	k.must(err)
	return receipt, found
}

func (k *taking) live(reports ...string) (seqs []int64) {
	k.t.Helper()
	var ids []wire.ReportID
	for _, r := range reports {
		ids = append(ids, reportID(r))
	}
	rows, err := k.kept.Live(k.ctx, k.member, ids)
	k.must(err)
	for _, r := range rows {
		seqs = append(seqs, r.Seq)
		if len(r.Key) == 0 || len(r.Body) == 0 {
			k.t.Errorf("live row %d has no key or body", r.Seq)
		}
	}
	return seqs
}

func destroyedOnce(k *taking) {
	k.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	k.send("c2", told{"a", 1, "one, corrected"})
	if got := k.live("a", "b", "none"); !slices.Equal(got, []int64{1, 2, 3}) {
		k.t.Fatalf("live are %v", got)
	}
	ask := k.ask("first", "a")
	receipt, found := k.destroys(ask)
	if !slices.Equal(found.Live, []int64{1, 3}) || len(found.Before) != 0 || len(found.Held) != 0 {
		k.t.Errorf("found was %+v", found)
	}
	for _, r := range k.all() {
		if gone := r.Report == reportID("a"); r.Erased() != gone || (len(r.Body) == 0) != gone {
			k.t.Errorf("row %d: erased %v, body of %d bytes", r.Seq, r.Erased(), len(r.Body))
		}
	}
	// The same again, also by another process, is not decided anew.
	other := k.handle().(Taking)
	again, err := other.Destroy(k.ctx, ask, func(receive.Found) (receive.Destroying, error) { return receive.Destroying{}, errors.New("asked") })
	if err != nil || !bytes.Equal(again, receipt) {
		k.t.Errorf("again it answers %q, %v", again, err)
	}
	changed := ask
	changed.Request = "another request"
	_, err = k.kept.Destroy(k.ctx, changed, nil)
	wantKind(k.t, err, fault.Conflict)
	theirs := ask
	theirs.Member = k.join("second", "g-two")
	_, err = k.kept.Destroy(k.ctx, theirs, nil)
	wantKind(k.t, err, fault.Conflict)
	// Asked anew, it is found as destroyed before, by that receipt.
	_, found = k.destroys(k.ask("later", "a", "b"))
	if b := found.Before[reportID("a")]; !b.At.Equal(ask.At) || !bytes.Equal(b.Receipt, receipt) || !slices.Equal(b.Of, []wire.ReportID{reportID("a")}) || !slices.Equal(found.Live, []int64{2}) {
		k.t.Errorf("found was %+v", found)
	}
	k.must(k.kept.Forget(k.ctx))
	k.must(k.kept.Forget(k.ctx))
}

func destroyedNot(k *taking) {
	k.send("c1", told{"a", 0, "one"})
	no := errors.New("no")
	if _, err := k.kept.Destroy(k.ctx, k.ask("no", "a"), func(receive.Found) (receive.Destroying, error) { return receive.Destroying{}, no }); !errors.Is(err, no) {
		k.t.Fatalf("it fails with %v", err)
	}
	receipt, err := k.kept.Destroy(k.ctx, k.ask("nothing", "a"), func(receive.Found) (receive.Destroying, error) { return receive.Destroying{}, nil })
	if err != nil || receipt != nil {
		k.t.Fatalf("without a receipt it answers %q, %v", receipt, err)
	}
	if got := k.live("a"); !slices.Equal(got, []int64{1}) {
		k.t.Errorf("live are %v", got)
	}
	if all, err := k.kept.RecallsOf(k.ctx, k.member); err != nil || len(all) != 0 {
		k.t.Errorf("recalls are %+v, %v", all, err)
	}
}

func destroyedByOne(k *taking) {
	k.send("c1", told{"a", 0, "one"})
	const many = 6
	handles := make([]Taking, many)
	for i := range handles {
		handles[i] = k.handle().(Taking)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	alive := 0
	for i, h := range handles {
		wait.Go(func() {
			_, err := h.Destroy(k.ctx, k.ask(fmt.Sprint("ask ", i), "a"), func(f receive.Found) (receive.Destroying, error) {
				if len(f.Live) == 0 {
					return receive.Destroying{}, nil
				}
				mu.Lock()
				defer mu.Unlock()
				alive++
				return receive.Destroying{Receipt: []byte("r"), Sectors: map[wire.ReportID]string{reportID("a"): "finance"}}, nil
			})
			if err != nil {
				k.t.Error(err)
			}
		})
	}
	wait.Wait()
	if alive != 1 {
		k.t.Errorf("%d found it alive", alive)
	}
}

func recalledKnown(k *taking) {
	k.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	ask := k.ask("first", "a")
	k.destroys(ask)
	known, err := k.hub.Latest(k.ctx, k.member, []wire.ReportID{reportID("a"), reportID("b"), reportID("none")})
	k.must(err)
	if len(known) != 2 || !known[reportID("a")].Recalled.Equal(ask.Made) || known[reportID("a")].Digest != nil || !known[reportID("b")].Recalled.IsZero() {
		k.t.Errorf("known is %+v", known)
	}
	// Told anew it is a report again, and still known as recalled once.
	if k.send("c2", told{"a", 0, "one"}) != 1 {
		k.t.Fatal("it is not taken again")
	}
	known, err = k.hub.Latest(k.ctx, k.member, []wire.ReportID{reportID("a")})
	k.must(err)
	if a := known[reportID("a")]; a.Seq != 3 || a.Digest == nil || !a.Recalled.Equal(ask.Made) {
		k.t.Errorf("known is %+v", known)
	}
}

// holds proposes a hold that two others approve.
func (k *taking) holds(name string, report wire.ReportID, until time.Time) wire.Hold {
	k.t.Helper()
	h := wire.Hold{ID: id[wire.HoldID]('h', name), Of: k.member, Report: report, Case: Strange, Until: until.Format(time.RFC3339), Proposed: epoch.Format(time.RFC3339),
		Approvers: [2]wire.MemberID{k.join("one for "+name, "g-a"), k.join("other for "+name, "g-b")}}
	k.must(k.kept.ProposeHold(k.ctx, h))
	return h
}

func (k *taking) approve(h wire.Hold, verdict string, who ...int) {
	k.t.Helper()
	for _, i := range who {
		k.must(k.kept.ApproveHold(k.ctx, h.ID, h.Approvers[i], verdict, epoch, []byte("signed")))
	}
}

func heldApart(k *taking) {
	until := epoch.Add(time.Hour)
	k.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"}, told{"c", 0, "three"})
	k.approve(k.holds("of a", reportID("a"), until), wire.HoldBegin, 0, 1)
	k.approve(k.holds("of all, by one", "", until.Add(time.Hour)), wire.HoldBegin, 0)
	_, found := k.destroys(k.ask("first", "a", "b"))
	if len(found.Held) != 1 || !found.Held[reportID("a")].Equal(until) {
		k.t.Fatalf("held are %v", found.Held)
	}
	for _, r := range k.all() {
		if gone := r.Report != reportID("c"); r.Erased() != gone {
			k.t.Errorf("row %d: erased %v", r.Seq, r.Erased())
		}
	}
	holds, err := k.kept.Holds(k.ctx, epoch)
	k.must(err)
	if holds[0].Keys+holds[1].Keys < 1 {
		k.t.Errorf("no hold keeps a key: %+v", holds)
	}
	for _, at := range []time.Time{epoch, until.Add(-time.Second)} {
		if loose, err := k.kept.Loose(k.ctx, at); err != nil || len(loose) != 0 {
			k.t.Errorf("at %s loose are %v, %v", at, loose, err)
		}
	}
	end := k.ask("end")
	end.At = until.Add(-time.Second)
	if done, err := k.kept.EndHolds(k.ctx, end, nil); done || err != nil {
		k.t.Errorf("before its time it ends: %v, %v", done, err)
	}
	if loose, err := k.kept.Loose(k.ctx, until); err != nil || !slices.Equal(loose, []wire.MemberID{k.member}) {
		k.t.Errorf("loose are %v, %v", loose, err)
	}
	end.At = until
	done, err := k.kept.EndHolds(k.ctx, end, func(reports map[wire.ReportID][]int) ([]byte, error) {
		if len(reports) != 1 || !slices.Equal(reports[reportID("a")], []int{0}) {
			k.t.Errorf("ended are %v", reports)
		}
		return []byte("receipt"), nil
	})
	if !done || err != nil {
		k.t.Fatalf("it does not end: %v, %v", done, err)
	}
	for _, r := range k.all() {
		if (r.Report == reportID("c")) != (len(r.Body) > 0) {
			k.t.Errorf("row %d has a body of %d bytes", r.Seq, len(r.Body))
		}
	}
	if loose, err := k.kept.Loose(k.ctx, until); err != nil || len(loose) != 0 {
		k.t.Errorf("loose are %v, %v", loose, err)
	}
	if all, err := k.kept.RecallsOf(k.ctx, k.member); err != nil || len(all) != 2 {
		k.t.Errorf("receipts are %+v, %v", all, err)
	}
}

func holdStates(k *taking) {
	until := epoch.Add(time.Hour)
	wantKind(k.t, k.kept.ProposeHold(k.ctx, wire.Hold{ID: "h-x", Of: "m-none", Until: until.Format(time.RFC3339), Proposed: epoch.Format(time.RFC3339)}), fault.NotFound)
	wantKind(k.t, k.kept.ProposeHold(k.ctx, wire.Hold{ID: "h-x", Of: k.member, Report: reportID("none"), Until: until.Format(time.RFC3339), Proposed: epoch.Format(time.RFC3339)}), fault.NotFound)
	h := k.holds("hold", "", until)
	state := func(at time.Time, want string) {
		k.t.Helper()
		all, err := k.kept.Holds(k.ctx, at)
		k.must(err)
		if len(all) != 1 || all[0].State != want || all[0].Hold != h {
			k.t.Errorf("at %s it is %+v, want %s", at, all, want)
		}
	}
	state(epoch, wire.HoldProposed)
	k.approve(h, wire.HoldBegin, 0, 0)
	state(epoch, wire.HoldProposed)
	k.approve(h, wire.HoldBegin, 1)
	state(until.Add(-time.Second), wire.HoldActive)
	state(until, wire.HoldOver)
	k.approve(h, wire.HoldEnd, 1)
	state(epoch, wire.HoldActive)
	k.approve(h, wire.HoldEnd, 0)
	state(epoch, wire.HoldOver)
}

func dueToTheSecond(k *taking) {
	k.send("c1", told{"a", 0, "one"})
	k.send("c2", told{"a", 1, "one, corrected"}, told{"b", 0, "two"})
	received := epoch.Add(time.Minute)
	for _, c := range []struct {
		then  time.Time
		limit int
		want  int
	}{{received.Add(-time.Second), 10, 0}, {received, 10, 2}, {received, 1, 1}} {
		due, err := k.kept.Due(k.ctx, k.member, "finance", c.then, c.limit)
		if err != nil || len(due) != c.want {
			k.t.Errorf("at %s due are %v, %v", c.then, due, err)
		}
	}
	if due, err := k.kept.Due(k.ctx, k.member, "health", received, 10); err != nil || len(due) != 0 {
		k.t.Errorf("in another sector due are %v, %v", due, err)
	}
	k.destroys(k.ask("first", "a"))
	if due, err := k.kept.Due(k.ctx, k.member, "finance", received, 10); err != nil || !slices.Equal(due, []wire.ReportID{reportID("b")}) {
		k.t.Errorf("due are %v, %v", due, err)
	}
}

func confirmedOnce(k *taking) {
	k.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	one, other := k.join("second", "g-two"), k.join("third", "g-three")
	k.destroys(k.ask("first", "a"), one, other)
	k.destroys(k.ask("second", "b"), one)
	notices := func(m wire.MemberID) []deliver.KeptNotice {
		k.t.Helper()
		all, err := k.kept.NoticesTo(k.ctx, member.Member{ID: m, Sectors: []string{"finance"}, Since: epoch})
		k.must(err)
		return all
	}
	if a, b, c := notices(one), notices(other), notices(k.member); len(a) != 2 || len(b) != 1 || len(c) != 0 || b[0].ID != string(recallID("first")) || !slices.Equal(b[0].Sectors, []string{"finance"}) || !b[0].Confirmed.IsZero() {
		k.t.Errorf("notices are %+v, %+v, %+v", a, b, c)
	}
	first := string(recallID("first"))
	k.must(k.kept.Confirm(k.ctx, other, []string{first}, true, epoch.Add(time.Hour)))
	k.must(k.kept.Confirm(k.ctx, other, []string{first}, false, epoch.Add(2*time.Hour)))
	if b := notices(other); len(b) != 1 || !b[0].Confirmed.Equal(epoch.Add(time.Hour)) {
		k.t.Errorf("confirmed is %+v", b)
	}
	all, err := k.kept.RecallsOf(k.ctx, k.member)
	k.must(err)
	i := slices.IndexFunc(all, func(r deliver.KeptRecall) bool { return r.ID == recallID("first") })
	for _, g := range all[i].Given {
		if is := g.Member == other; g.Confirmed != is || g.Named != is {
			k.t.Errorf("given is %+v", g)
		}
	}
	if len(all[i].Given) != 2 || !slices.Equal(all[i].Reports, []wire.ReportID{reportID("a")}) || string(all[i].Receipt) != "receipt "+first {
		k.t.Errorf("the recall is %+v", all[i])
	}
}

func releaseStands(k *taking) {
	k.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	other := k.join("second", "g-two")
	grounds := map[wire.MemberID][]anonymise.Ground{k.member: {{Standard: "finance/1.0"}, {Standard: "finance/1.0", Granted: []anonymise.Granted{{Path: "victim.country", TLP: "TLP:GREEN"}}}}}
	for name, sources := range map[wire.ReleaseID][]anonymise.Source{"of-a": {{Seq: 1, Ground: 1, Groups: 3}}, "of-b": {{Seq: 2}}} {
		k.must(k.kept.AddRelease(k.ctx, anonymise.Release{ID: name, Sector: "finance", Made: epoch.Add(time.Hour), Files: []anonymise.File{{Name: "data.csv"}}},
			map[string][]byte{"data.csv": []byte("data")}, anonymise.Basis{Sources: sources, Grounds: grounds}))
	}
	k.must(k.kept.AddRelease(k.ctx, anonymise.Release{ID: "unknown", Sector: "finance", Made: epoch.Add(time.Hour)}, nil, anonymise.Basis{}))
	stands := func(a, b, unknown bool) {
		k.t.Helper()
		all, err := k.kept.Bases(k.ctx, []wire.ReleaseID{"of-a", "of-b", "unknown"})
		k.must(err)
		if all["of-a"].TakenBack == a || all["of-b"].TakenBack == b || all["unknown"].TakenBack == unknown || len(all["of-b"].Grounds[k.member]) != 2 || all["of-b"].Grounds[k.member][1].Granted[0].TLP != "TLP:GREEN" {
			k.t.Errorf("the bases are %+v", all)
		}
	}
	stands(true, true, true)
	sources, err := k.kept.Sources(k.ctx, "of-a")
	if want := (anonymise.Source{Seq: 1, Ground: 1, Groups: 3, Member: k.member, Received: epoch.Add(time.Minute)}); err != nil || len(sources) != 1 || sources[0] != want {
		k.t.Errorf("the sources are %+v, %v; want %+v", sources, err, want)
	}
	k.destroys(k.ask("first", "a"))
	stands(false, true, false)
	if n, err := k.kept.NoticesTo(k.ctx, member.Member{ID: other, Sectors: []string{"finance"}, Since: epoch}); err != nil || len(n) != 1 {
		k.t.Errorf("who could read the release is told %+v, %v", n, err)
	}
	gone := anonymise.Release{ID: "of-a", Sector: "finance", Made: epoch.Add(time.Hour), Withdrawn: &anonymise.Withdrawal{At: epoch.Add(2 * time.Hour), Code: anonymise.Recalled}}
	k.must(k.kept.WithdrawRelease(k.ctx, gone))
	again := gone
	again.Withdrawn = &anonymise.Withdrawal{At: epoch.Add(3 * time.Hour), Code: anonymise.Narrowed}
	k.must(k.kept.WithdrawRelease(k.ctx, again))
	rel, err := k.kept.Release(k.ctx, "of-a")
	if err != nil || rel.Withdrawn == nil || rel.Withdrawn.Code != anonymise.Recalled {
		k.t.Errorf("the withdrawn release is %+v, %v", rel, err)
	}
	_, _, err = k.kept.ReleaseFile(k.ctx, "of-a", "data.csv")
	wantKind(k.t, err, fault.NotFound)
	n, err := k.kept.NoticesTo(k.ctx, member.Member{ID: other, Sectors: []string{"finance"}, Since: epoch})
	if err != nil || len(n) != 2 || !slices.ContainsFunc(n, func(n deliver.KeptNotice) bool { return n.Release == "of-a" }) {
		k.t.Errorf("who could read the release is told %+v, %v", n, err)
	}
}

// fillRecalls writes something into the tables about taking back.
func fillRecalls(f *fixture, h Everything) {
	f.t.Helper()
	k := &taking{f, h}
	k.approve(k.holds("filled", "", epoch.Add(time.Hour)), wire.HoldBegin, 0, 1)
	ask := k.ask("filled", "many1")
	k.destroys(ask, k.join("given", "g-given"))
	k.must(k.kept.Confirm(k.ctx, k.member, []string{string(ask.ID)}, true, epoch))
}
