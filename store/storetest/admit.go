package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Admit is the contract of admit.Record.
func Admit(t *testing.T, open Open) {
	for name, test := range map[string]func(*fixture){
		"AMemberIsFoundByIdAndKey":             memberIsFound,
		"AnInvitationIsUsedOnce":               invitationOnce,
		"ARefusedJoinLeavesNothing":            refusedJoin,
		"AKeyBelongsToOneMember":               keyOfAnother,
		"AKnownOwnerGroupTellsSinceWhen":       knownGroup,
		"OneAgreementIsCurrent":                oneCurrent,
		"ALinkIsRedeemedOnce":                  linkOnce,
		"ASessionLastsUntilEnded":              sessionEnds,
		"SuspensionEndsSessions":               suspension,
		"SweepingForgetsWhatEndedAndNoMore":    sweeping,
		"WhatIsUnknownIsNotFound":              unknown,
		"AnAgreementEndsOnce":                  agreementEnds,
		"AnOpenInvitationIsWithdrawn":          invitationWithdrawn,
		"AMemberSignsAnewUnderAChangedCard":    changedCard,
		"AnOrderIsFollowed":                    orderFollowed,
		"WhoIsAdmittedIsThereAfterOpeningOnce": admittedOutlives,
	} {
		t.Run(name, func(t *testing.T) { test(newFixture(t, open)) })
	}
}

func memberIsFound(f *fixture) {
	want := joining("first", "g-one")
	m, err := f.hub.Member(f.ctx, f.member)
	if err != nil || !reflect.DeepEqual(m, want.Member) {
		f.t.Errorf("the member is\n%+v, %v, want\n%+v", m, err, want.Member)
	}
	if m, err = f.hub.MemberByKey(f.ctx, want.KeyID); err != nil || m.ID != f.member {
		f.t.Errorf("by key it is %+v, %v", m, err)
	}
	f.join("second", "g-two")
	everyone, err := f.hub.Members(f.ctx)
	if err != nil || len(everyone) != 2 || everyone[0].ID >= everyone[1].ID {
		f.t.Errorf("all members are %+v, %v", everyone, err)
	}
	held, err := f.hub.Agreement(f.ctx, f.member)
	if err != nil || !reflect.DeepEqual(held, want.Agreement) {
		f.t.Errorf("the agreement is %+v, %v", held, err)
	}
}

// invitationOnce lets two handles use one code at once, for two members.
func invitationOnce(f *fixture) {
	handles := []Hub{f.hub, f.handle()}
	code := digest("one code")
	if err := f.hub.AddInvitation(f.ctx, code, invitationOf(joining("second", "g-two"))); err != nil {
		f.t.Fatal(err)
	}
	var joined atomic.Int32
	var wg sync.WaitGroup
	used := errors.New("used")
	for h, name := range []string{"second", "third"} {
		wg.Go(func() {
			_, err := handles[h].Join(f.ctx, code, epoch, func(found admit.Found) (admit.Joined, error) {
				if found.Joined != nil {
					return admit.Joined{}, used
				}
				return joining(name, "g-two"), nil
			})
			if err == nil {
				joined.Add(1)
			} else if !errors.Is(err, used) {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
	if joined.Load() != 1 {
		f.t.Fatalf("%d members joined with one code", joined.Load())
	}
	if everyone, err := f.hub.Members(f.ctx); err != nil || len(everyone) != 2 {
		f.t.Errorf("there are %d members, %v", len(everyone), err)
	}
	// Who asks again is shown what came of it, and nothing changes.
	again, err := f.hub.Join(f.ctx, code, epoch.Add(time.Hour), func(found admit.Found) (admit.Joined, error) {
		if !found.Invitation.Used.Equal(epoch) || found.Joined == nil || found.Joined.Member.ID != found.Invitation.Member {
			f.t.Errorf("a used invitation is found as %+v", found)
		}
		return *found.Joined, nil
	})
	if err != nil || len(again.Agreement.Signed) == 0 || again.KeyID == "" {
		f.t.Errorf("asked again, the answer is %+v, %v", again, err)
	}
	list, err := f.hub.Invitations(f.ctx)
	if err != nil || len(list) != 2 || list[0].Used.IsZero() || list[1].Used.IsZero() {
		f.t.Errorf("invitations are %+v, %v", list, err)
	}
	if i, err := f.hub.Invitation(f.ctx, code); err != nil || !slices.ContainsFunc(list, func(o admit.Invitation) bool { return reflect.DeepEqual(o, i) }) {
		f.t.Errorf("the invitation is %+v, %v", i, err)
	}
}

func refusedJoin(f *fixture) {
	j := joining("second", "g-two")
	if err := f.hub.AddInvitation(f.ctx, digest("code"), invitationOf(j)); err != nil {
		f.t.Fatal(err)
	}
	refusal := errors.New("no")
	_, err := f.hub.Join(f.ctx, digest("code"), epoch, func(admit.Found) (admit.Joined, error) { return j, refusal })
	if !errors.Is(err, refusal) {
		f.t.Fatalf("a refusal comes back as %v", err)
	}
	_, err = f.hub.Member(f.ctx, j.Member.ID)
	wantKind(f.t, err, fault.NotFound)
	list, err := f.hub.Invitations(f.ctx)
	if err != nil || len(list) != 2 {
		f.t.Fatalf("invitations are %+v, %v", list, err)
	}
	for _, i := range list {
		if i.Card.Name == "second" && (!i.Used.IsZero() || !reflect.DeepEqual(i, invitationOf(j))) {
			f.t.Errorf("after a refusal the invitation is %+v", i)
		}
	}
}

func keyOfAnother(f *fixture) {
	j := joining("second", "g-two")
	if err := f.hub.AddInvitation(f.ctx, digest("code"), invitationOf(j)); err != nil {
		f.t.Fatal(err)
	}
	first := joining("first", "g-one")
	j.KeyID, j.Member.Key = first.KeyID, first.Member.Key
	_, err := f.hub.Join(f.ctx, digest("code"), epoch, func(admit.Found) (admit.Joined, error) { return j, nil })
	wantKind(f.t, err, fault.Conflict)
	list, err := f.hub.Invitations(f.ctx)
	if err != nil || len(list) != 2 || (list[0].Used.IsZero() == list[1].Used.IsZero()) {
		f.t.Errorf("a join that failed used its invitation: %+v, %v", list, err)
	}
}

func knownGroup(f *fixture) {
	for name, c := range map[string]struct {
		group wire.OwnerGroup
		want  time.Time
	}{"second": {"g-one", epoch.Add(time.Hour)}, "third": {"g-new", time.Time{}}} {
		j := joining(name, c.group)
		if err := f.hub.AddInvitation(f.ctx, digest(name), invitationOf(j)); err != nil {
			f.t.Fatal(err)
		}
		_, err := f.hub.Join(f.ctx, digest(name), epoch, func(found admit.Found) (admit.Joined, error) {
			if !found.GroupCounts.Equal(c.want) || found.Joined != nil || !reflect.DeepEqual(found.Invitation, invitationOf(j)) {
				f.t.Errorf("%s: found %+v", name, found)
			}
			return j, nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

func oneCurrent(f *fixture) {
	next := admit.Held{ID: "a-next", Member: f.member, From: epoch, Until: epoch.AddDate(2, 0, 0), Signed: []byte("next")}
	if err := f.hub.Renew(f.ctx, next, epoch); err != nil {
		f.t.Fatal(err)
	}
	held, err := f.hub.Agreement(f.ctx, f.member)
	if err != nil || !reflect.DeepEqual(held, next) {
		f.t.Errorf("the current agreement is %+v, %v", held, err)
	}
	wantKind(f.t, f.hub.Renew(f.ctx, next, epoch), fault.Conflict)
}

func (f *fixture) link(code string) admit.Link {
	f.t.Helper()
	l := admit.Link{Member: f.member, Person: "A. Analyst", Purposes: []member.Purpose{member.Defend, member.Study},
		Created: epoch, Expires: epoch.Add(5 * time.Minute)}
	if err := f.hub.AddLink(f.ctx, digest(code), l); err != nil {
		f.t.Fatal(err)
	}
	return l
}

func sessionOf(l admit.Link) admit.Session {
	return admit.Session{Member: l.Member, Person: l.Person, Purposes: l.Purposes, Created: epoch, Expires: epoch.Add(12 * time.Hour), LastSeen: epoch}
}

func (f *fixture) signIn(code, cookie string) admit.Session {
	f.t.Helper()
	f.link(code)
	s, err := f.hub.RedeemLink(f.ctx, digest(code), digest(cookie), epoch, func(l admit.Link) (admit.Session, error) { return sessionOf(l), nil })
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func linkOnce(f *fixture) {
	want := f.link("code")
	refusal := errors.New("no")
	_, err := f.hub.RedeemLink(f.ctx, digest("code"), digest("cookie"), epoch, func(admit.Link) (admit.Session, error) { return admit.Session{}, refusal })
	if !errors.Is(err, refusal) {
		f.t.Fatalf("a refusal comes back as %v", err)
	}
	handles := []Hub{f.hub, f.handle()}
	var redeemed atomic.Int32
	var wg sync.WaitGroup
	for h := range handles {
		wg.Go(func() {
			_, err := handles[h].RedeemLink(f.ctx, digest("code"), digest([]string{"cookie", "cookie'"}[h]), epoch, func(l admit.Link) (admit.Session, error) {
				if !reflect.DeepEqual(l, want) {
					f.t.Errorf("the link is %+v, want %+v", l, want)
				}
				return sessionOf(l), nil
			})
			if err == nil {
				redeemed.Add(1)
			} else if fault.KindOf(err) != fault.NotFound {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
	if redeemed.Load() != 1 {
		f.t.Errorf("one link was redeemed %d times", redeemed.Load())
	}
}

func sessionEnds(f *fixture) {
	want := f.signIn("code", "cookie")
	other := f.signIn("code'", "cookie'")
	at := epoch.Add(time.Minute)
	if err := f.hub.SeeSession(f.ctx, digest("cookie"), at); err != nil {
		f.t.Fatal(err)
	}
	want.LastSeen = at
	if s, err := f.hub.Session(f.ctx, digest("cookie")); err != nil || !reflect.DeepEqual(s, want) {
		f.t.Errorf("the session is %+v, %v, want %+v", s, err, want)
	}
	if err := f.hub.EndSession(f.ctx, digest("cookie")); err != nil {
		f.t.Fatal(err)
	}
	_, err := f.hub.Session(f.ctx, digest("cookie"))
	wantKind(f.t, err, fault.NotFound)
	if s, err := f.hub.Session(f.ctx, digest("cookie'")); err != nil || !reflect.DeepEqual(s, other) {
		f.t.Errorf("the other session is %+v, %v", s, err)
	}
	if err := f.hub.EndSession(f.ctx, digest("cookie")); err != nil {
		f.t.Errorf("ending a session twice: %v", err)
	}
}

func suspension(f *fixture) {
	f.signIn("code", "cookie")
	f.link("open link")
	if err := f.hub.Suspend(f.ctx, f.member, true); err != nil {
		f.t.Fatal(err)
	}
	if m, err := f.hub.Member(f.ctx, f.member); err != nil || !m.Suspended {
		f.t.Errorf("the member is %+v, %v", m, err)
	}
	_, err := f.hub.Session(f.ctx, digest("cookie"))
	wantKind(f.t, err, fault.NotFound)
	_, err = f.hub.RedeemLink(f.ctx, digest("open link"), digest("x"), epoch, func(l admit.Link) (admit.Session, error) { return sessionOf(l), nil })
	wantKind(f.t, err, fault.NotFound)
	if err := f.hub.Suspend(f.ctx, f.member, false); err != nil {
		f.t.Fatal(err)
	}
	if m, err := f.hub.Member(f.ctx, f.member); err != nil || m.Suspended {
		f.t.Errorf("after lifting, the member is %+v, %v", m, err)
	}
	f.signIn("code'", "cookie'")
}

func sweeping(f *fixture) {
	f.signIn("code", "cookie")
	f.link("open link")
	if err := f.hub.SweepSessions(f.ctx, epoch.Add(time.Hour)); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.hub.Session(f.ctx, digest("cookie")); err != nil {
		f.t.Errorf("a session that lasts was swept away: %v", err)
	}
	_, err := f.hub.RedeemLink(f.ctx, digest("open link"), digest("x"), epoch, func(l admit.Link) (admit.Session, error) { return sessionOf(l), nil })
	wantKind(f.t, err, fault.NotFound)
	if err := f.hub.SweepSessions(f.ctx, epoch.Add(13*time.Hour)); err != nil {
		f.t.Fatal(err)
	}
	_, err = f.hub.Session(f.ctx, digest("cookie"))
	wantKind(f.t, err, fault.NotFound)
}

func unknown(f *fixture) {
	_, err := f.hub.Member(f.ctx, "m-nobody")
	wantKind(f.t, err, fault.NotFound)
	_, err = f.hub.MemberByKey(f.ctx, "nothing")
	wantKind(f.t, err, fault.NotFound)
	_, err = f.hub.Agreement(f.ctx, "m-nobody")
	wantKind(f.t, err, fault.NotFound)
	_, err = f.hub.Session(f.ctx, digest("nothing"))
	wantKind(f.t, err, fault.NotFound)
	_, err = f.hub.Invitation(f.ctx, digest("nothing"))
	wantKind(f.t, err, fault.NotFound)
	wantKind(f.t, f.hub.Suspend(f.ctx, "m-nobody", true), fault.NotFound)
	_, err = f.hub.Join(f.ctx, digest("nothing"), epoch, func(admit.Found) (admit.Joined, error) {
		f.t.Error("the record asked what to make of an unknown code")
		return admit.Joined{}, nil
	})
	wantKind(f.t, err, fault.NotFound)
}

func admittedOutlives(f *fixture) {
	s := f.signIn("code", "cookie")
	if err := f.hub.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.hub = f.handle()
	if m, err := f.hub.Member(f.ctx, f.member); err != nil || m.Name != "first" {
		f.t.Errorf("the member is %+v, %v", m, err)
	}
	if got, err := f.hub.Session(f.ctx, digest("cookie")); err != nil || !reflect.DeepEqual(got, s) {
		f.t.Errorf("the session is %+v, %v", got, err)
	}
}
