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
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// collections is what collections and the tools that read them need.
type collections interface {
	deliver.Listings
	admit.Tokens
	State(ctx context.Context) (string, error)
	Suspend(ctx context.Context, m wire.MemberID, suspended bool) error
}

// Collections is the contract of deliver.Listings and admit.Tokens, and of the
// name of the record's state.
func Collections(t *testing.T, open Open) {
	for name, test := range map[string]func(*fixture, collections){
		"WhatIsListedStaysInItsPlace":           listedStays,
		"NumbersAndMomentsAreNeverGivenTwice":   numbersGrow,
		"TwoWhoListAtOnceAgree":                 listedAtOnce,
		"WhatGoesIsToldForAsLongAsWasSaid":      listedGone,
		"ATokenLastsUntilEndedAndIsOneMembers":  tokenLasts,
		"TheStateChangesWithWhatAnswersRestOn":  stateChanges,
		"CollectionsDoNotMeet":                  collectionsApart,
		"WhatIsListedIsThereAfterOpeningItOnce": listedOutlives,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, open)
			test(f, f.hub.(collections))
		})
	}
}

var listDay = epoch.Truncate(24 * time.Hour)

func entry(n, says int) deliver.Entry {
	return deliver.Entry{Object: fmt.Sprintf("indicator--%d", n), Digest: digest(fmt.Sprint(n, " says ", says))[:16]}
}

func (f *fixture) relist(c collections, list string, day time.Time, entries ...deliver.Entry) []deliver.Listed {
	f.t.Helper()
	placed, err := c.Relist(f.ctx, list, day, entries)
	if err != nil || len(placed) != len(entries) {
		f.t.Fatalf("%d of %d are listed: %v", len(placed), len(entries), err)
	}
	return placed
}

func listedStays(f *fixture, c collections) {
	first := f.relist(c, "a", listDay, entry(1, 0), entry(2, 0))
	if !first[0].Added.Equal(listDay) || !first[1].Added.Equal(listDay.Add(time.Microsecond)) || first[0].N >= first[1].N {
		f.t.Errorf("first %+v", first)
	}
	later := listDay.AddDate(0, 0, 3)
	again := f.relist(c, "a", later, entry(2, 0), entry(3, 0), entry(1, 7))
	if again[0] != first[1] {
		f.t.Errorf("what did not change moved: %+v", again[0])
	}
	if !again[1].Added.Equal(later) || !again[1].Created.Equal(later) {
		f.t.Errorf("what is new: %+v", again[1])
	}
	if !again[2].Created.Equal(first[0].Created) || again[2].N <= again[1].N || !again[2].Added.After(again[1].Added) {
		f.t.Errorf("what changed: %+v", again[2])
	}
}

// numbersGrow takes the newest away, and lists on a day before.
func numbersGrow(f *fixture, c collections) {
	last := f.relist(c, "a", listDay, entry(1, 0))[0]
	f.relist(c, "a", listDay)
	for i := range 5 {
		next := f.relist(c, "a", listDay.AddDate(0, 0, -i), entry(1, i))[0]
		if next.N <= last.N || !next.Added.After(last.Added) {
			f.t.Fatalf("after %+v comes %+v", last, next)
		}
		last = next
	}
}

func listedGone(f *fixture, c collections) {
	gone := func(list string, since time.Time) (all []deliver.Vanished) {
		f.t.Helper()
		all, err := c.Gone(f.ctx, list, since)
		if err != nil {
			f.t.Fatal(err)
		}
		return all
	}
	came := f.relist(c, "a", listDay, entry(1, 3), entry(2, 0))
	f.relist(c, "b", listDay, entry(1, 0))
	later := listDay.AddDate(0, 0, 2)
	f.relist(c, "a", later, entry(2, 0))
	for since, want := range map[time.Time]int{listDay: 1, later: 1, later.AddDate(0, 0, 1): 0} {
		if got := gone("a", since); len(got) != want {
			f.t.Errorf("since %s: %+v", since, got)
		}
	}
	first := gone("a", listDay)
	if v := first[0]; v.Object != entry(1, 3).Object || !bytes.Equal(v.Digest, entry(1, 3).Digest) || !v.Created.Equal(came[0].Created) || v.N <= came[1].N {
		f.t.Errorf("%+v went, which came as %+v", v, came[0])
	}
	if got := gone("b", listDay); len(got) != 0 {
		f.t.Errorf("what went from another collection: %+v", got)
	}
	// It comes back, and goes again.
	back := f.relist(c, "a", later, entry(1, 4), entry(2, 0))[0]
	if again := gone("a", listDay); back.N <= first[0].N || len(again) != 1 || again[0].N != first[0].N {
		f.t.Errorf("it is back at %+v, and %+v went", back, again)
	}
	f.relist(c, "a", later.AddDate(0, 0, 1), entry(2, 0))
	if all := gone("a", listDay); len(all) != 2 || !all[1].Created.Equal(back.Created) || all[1].N <= all[0].N {
		f.t.Errorf("after it went twice: %+v", all)
	}
	f.relist(c, "a", later.Add(deliver.RevokedFor).AddDate(0, 0, 1), entry(2, 5))
	if all := gone("a", listDay); len(all) != 1 {
		f.t.Errorf("what went longer ago than is told: %+v", all)
	}
}

func listedAtOnce(f *fixture, c collections) {
	other := f.handle().(collections)
	var entries []deliver.Entry
	for i := range 200 {
		entries = append(entries, entry(i, 0))
	}
	var wg sync.WaitGroup
	results := make([][]deliver.Listed, 4)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = []collections{c, other}[i%2].Relist(f.ctx, "a", listDay, entries); err != nil {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range results[1:] {
		if !slices.Equal(r, results[0]) {
			f.t.Error("two who list the same see it in different places")
		}
	}
}

func collectionsApart(f *fixture, c collections) {
	a := f.relist(c, "a", listDay, entry(1, 0))
	f.relist(c, "b", listDay, entry(1, 5), entry(2, 0))
	if again := f.relist(c, "a", listDay, entry(1, 0)); again[0] != a[0] {
		f.t.Errorf("%+v became %+v", a, again)
	}
}

func listedOutlives(f *fixture, c collections) {
	want := f.relist(c, "a", listDay, entry(1, 0), entry(2, 0))
	got := f.relist(f.handle().(collections), "a", listDay.AddDate(0, 0, 1), entry(1, 0), entry(2, 0))
	if !slices.Equal(got, want) {
		f.t.Errorf("%+v became %+v", want, got)
	}
}

func tokenLasts(f *fixture, c collections) {
	second := f.join("second", "g-two")
	token := func(m wire.MemberID, life time.Duration) admit.Token {
		return admit.Token{Member: m, Purposes: []member.Purpose{member.Defend}, Created: epoch, Expires: epoch.Add(life)}
	}
	for name, t := range map[string]admit.Token{"one": token(f.member, time.Hour), "two": token(f.member, time.Minute), "theirs": token(second, time.Hour)} {
		if err := c.AddToken(f.ctx, digest(name), t, 2); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := c.AddToken(f.ctx, digest("three"), token(f.member, time.Hour), 2); fault.KindOf(err) != fault.Conflict {
		f.t.Errorf("a third of two: %v", err)
	}
	later := token(f.member, time.Hour)
	later.Created = epoch.Add(2 * time.Minute)
	if err := c.AddToken(f.ctx, digest("three"), later, 2); err != nil {
		f.t.Errorf("what ended makes no room: %v", err)
	}
	if got, err := c.Token(f.ctx, digest("one")); err != nil || got.Member != f.member || !got.Expires.Equal(epoch.Add(time.Hour)) || !slices.Equal(got.Purposes, []member.Purpose{member.Defend}) {
		f.t.Errorf("%+v, %v", got, err)
	}
	if err := c.EndTokens(f.ctx, f.member); err != nil {
		f.t.Fatal(err)
	}
	if _, err := c.Token(f.ctx, digest("one")); fault.KindOf(err) != fault.NotFound {
		f.t.Errorf("an ended token: %v", err)
	}
	if _, err := c.Token(f.ctx, digest("theirs")); err != nil {
		f.t.Errorf("another member's ended with it: %v", err)
	}
	if err := c.SweepTokens(f.ctx, epoch.Add(2*time.Hour)); err != nil {
		f.t.Fatal(err)
	}
	if _, err := c.Token(f.ctx, digest("theirs")); fault.KindOf(err) != fault.NotFound {
		f.t.Errorf("a swept token: %v", err)
	}
}

func stateChanges(f *fixture, c collections) {
	seen := map[string]bool{}
	state := func(what string, changed bool) {
		f.t.Helper()
		s, err := c.State(f.ctx)
		if err != nil {
			f.t.Fatal(err)
		}
		if seen[s] == changed {
			f.t.Errorf("%s: changed %v, expected %v", what, !seen[s], changed)
		}
		seen[s] = true
	}
	state("at first", true)
	f.relist(c, "a", listDay, entry(1, 0))
	state("a listing", false)
	second := f.join("second", "g-two")
	state("a member", true)
	for _, m := range []wire.MemberID{f.member, second} {
		if err := c.Suspend(f.ctx, m, true); err != nil {
			f.t.Fatal(err)
		}
		state("a suspension", true)
	}
	if err := c.Suspend(f.ctx, f.member, false); err != nil {
		f.t.Fatal(err)
	}
	state("a lifted one, with another left", true)
}
