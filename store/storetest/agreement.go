package storetest

import (
	"errors"
	"reflect"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// agreementEnds: once, with the sessions, and the former member counts with its
// successor; nobody else changes.
func agreementEnds(f *fixture) {
	heir := f.join("second", "g-two")
	f.signIn("code", "cookie")
	at := epoch.Add(90 * time.Minute)
	wantKind(f.t, f.hub.EndAgreement(f.ctx, admit.Ending{Member: "m-nobody", At: at, Reason: "left"}), fault.NotFound)
	wantKind(f.t, f.hub.EndAgreement(f.ctx, admit.Ending{Member: f.member, At: at, Reason: "succession", Successor: "m-nobody"}), fault.NotFound)
	if held, err := f.hub.Agreement(f.ctx, f.member); err != nil || !held.Ended.IsZero() || !held.End().Equal(held.Until) {
		f.t.Fatalf("a refused end changed %+v, %v", held, err)
	}
	if err := f.hub.EndAgreement(f.ctx, admit.Ending{Member: f.member, At: at, Reason: "succession", Successor: heir}); err != nil {
		f.t.Fatal(err)
	}
	held, err := f.hub.Agreement(f.ctx, f.member)
	if err != nil || !held.Ended.Equal(at) || !held.End().Equal(at) {
		f.t.Errorf("the agreement is %+v, %v", held, err)
	}
	if m, err := f.hub.Member(f.ctx, f.member); err != nil || m.OwnerGroup != "g-two" {
		f.t.Errorf("the former member is %+v, %v", m, err)
	}
	_, err = f.hub.Session(f.ctx, digest("cookie"))
	wantKind(f.t, err, fault.NotFound)
	wantKind(f.t, f.hub.EndAgreement(f.ctx, admit.Ending{Member: f.member, At: at, Reason: "left"}), fault.Conflict)
	if held, err := f.hub.Agreement(f.ctx, heir); err != nil || !held.Ended.IsZero() {
		f.t.Errorf("the successor's agreement is %+v, %v", held, err)
	}
	// Signed anew, it has not ended.
	next := admit.Held{ID: "a-next", Member: f.member, From: at, Until: at.AddDate(1, 0, 0), Signed: []byte("next")}
	if err := f.hub.Renew(f.ctx, next, at); err != nil {
		f.t.Fatal(err)
	}
	if held, err := f.hub.Agreement(f.ctx, f.member); err != nil || !reflect.DeepEqual(held, next) {
		f.t.Errorf("signed anew it is %+v, %v", held, err)
	}
}

func invitationWithdrawn(f *fixture) {
	open := func(name string, m wire.MemberID) {
		i := invitationOf(joining(name, "g-two"))
		i.Card.ID = m
		if err := f.hub.AddInvitation(f.ctx, digest(name), i); err != nil {
			f.t.Fatal(err)
		}
	}
	open("one", "m-one")
	open("again", "m-one")
	open("other", "m-other")
	at := epoch.Add(time.Hour)
	if n, err := f.hub.WithdrawInvitations(f.ctx, "m-one", at); err != nil || n != 2 {
		f.t.Errorf("%d are withdrawn, %v", n, err)
	}
	if n, err := f.hub.WithdrawInvitations(f.ctx, "m-one", at.Add(time.Hour)); err != nil || n != 0 {
		f.t.Errorf("again %d are withdrawn, %v", n, err)
	}
	for name, want := range map[string]time.Time{"one": at, "again": at, "other": {}} {
		if i, err := f.hub.Invitation(f.ctx, digest(name)); err != nil || !i.Withdrawn.Equal(want) {
			f.t.Errorf("%s is %+v, %v", name, i, err)
		}
	}
	// One that has ended, or was used, is not taken back.
	if n, err := f.hub.WithdrawInvitations(f.ctx, "m-other", epoch.AddDate(0, 0, 14)); err != nil || n != 0 {
		f.t.Errorf("%d that ended are withdrawn, %v", n, err)
	}
}

// changedCard: who takes part already is found with its invitation, and what
// decide makes of it stands in its place.
func changedCard(f *fixture) {
	f.join("second", "g-two")
	old, err := f.hub.Member(f.ctx, f.member)
	if err != nil {
		f.t.Fatal(err)
	}
	i := invitationOf(joining("renamed", "g-two"))
	i.Card.ID = f.member
	if err := f.hub.AddInvitation(f.ctx, digest("anew"), i); err != nil {
		f.t.Fatal(err)
	}
	refusal := errors.New("no")
	_, err = f.hub.Join(f.ctx, digest("anew"), epoch, func(admit.Found) (admit.Joined, error) { return admit.Joined{}, refusal })
	if !errors.Is(err, refusal) {
		f.t.Fatal(err)
	}
	changed := old
	changed.Name, changed.OwnerGroup, changed.Sectors, changed.CountsFrom = Strange, "g-two", []string{"health"}, epoch.Add(5*time.Hour)
	changed.Stake, changed.Kind = member.Research, "institute"
	j := admit.Joined{Member: changed, KeyID: joining("first", "g-one").KeyID,
		Agreement: admit.Held{ID: "a-anew", Member: f.member, From: epoch, Until: epoch.AddDate(1, 0, 0), Signed: []byte("anew")}}
	_, err = f.hub.Join(f.ctx, digest("anew"), epoch, func(found admit.Found) (admit.Joined, error) {
		if found.Known == nil || !reflect.DeepEqual(*found.Known, old) || found.Joined != nil || !found.GroupCounts.Equal(epoch.Add(time.Hour)) {
			f.t.Errorf("found is %+v", found)
		}
		return j, nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if m, err := f.hub.Member(f.ctx, f.member); err != nil || !reflect.DeepEqual(m, changed) {
		f.t.Errorf("the member is\n%+v, %v, want\n%+v", m, err, changed)
	}
	if held, err := f.hub.Agreement(f.ctx, f.member); err != nil || held.ID != "a-anew" {
		f.t.Errorf("the agreement is %+v, %v", held, err)
	}
	// Asked again, what came of it is found.
	_, err = f.hub.Join(f.ctx, digest("anew"), epoch, func(found admit.Found) (admit.Joined, error) {
		if found.Joined == nil || !reflect.DeepEqual(found.Joined.Agreement, j.Agreement) {
			f.t.Errorf("asked again, found is %+v", found)
		}
		return *found.Joined, nil
	})
	if err != nil {
		f.t.Error(err)
	}
	if everyone, err := f.hub.Members(f.ctx); err != nil || len(everyone) != 2 {
		f.t.Errorf("there are %d members, %v", len(everyone), err)
	}
}

func orderFollowed(f *fixture) {
	first := admit.Order{ID: "o-1", Received: epoch, Authority: Strange, Reference: "1", Asks: "x", Member: f.member}
	second := admit.Order{ID: "o-2", Received: epoch.Add(time.Hour), Authority: "a court", Reference: "2", Asks: "y", Tell: epoch.AddDate(0, 1, 0)}
	for _, o := range []admit.Order{first, second} {
		if err := f.hub.AddOrder(f.ctx, o); err != nil {
			f.t.Fatal(err)
		}
	}
	first.Tell, first.Carried, first.Given = epoch.AddDate(0, 2, 0), epoch.Add(time.Minute), "two reports"
	if err := f.hub.ChangeOrder(f.ctx, first); err != nil {
		f.t.Fatal(err)
	}
	if o, err := f.hub.Order(f.ctx, "o-1"); err != nil || !reflect.DeepEqual(o, first) {
		f.t.Errorf("the order is\n%+v, %v, want\n%+v", o, err, first)
	}
	if all, err := f.hub.Orders(f.ctx); err != nil || !reflect.DeepEqual(all, []admit.Order{second, first}) {
		f.t.Errorf("the orders are %+v, %v", all, err)
	}
	wantKind(f.t, f.hub.ChangeOrder(f.ctx, admit.Order{ID: "o-none"}), fault.NotFound)
	_, err := f.hub.Order(f.ctx, "o-none")
	wantKind(f.t, err, fault.NotFound)
}
