package consolidate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// contributions is a store that knows one contribution, for a record in
// memory; store/storetest holds the real question.
type contributions struct {
	consolidate.Store
	member  wire.MemberID
	reports []consolidate.Contributed
}

func (c contributions) Contributed(_ context.Context, m wire.MemberID, _ wire.ContributionID) ([]consolidate.Contributed, error) {
	if m != c.member {
		return nil, fault.New(fault.NotFound, "contribution.not_found", "there is no such contribution of yours")
	}
	return c.reports, nil
}

// shared lets n members other than me report the same infrastructure.
func shared(tr *trust, from, n int) {
	for i := range n {
		tr.tell(telling{member: fmt.Sprint("other", from+i), report: "1", victim: fmt.Sprint("v", from+i), date: "2026-01-03", seen: []string{"domain c2"}})
	}
}

func TestMatchesAreToldInBandsAndNeverBelowTheMinimum(t *testing.T) {
	for _, c := range []struct {
		others int
		want   wire.Matches
	}{
		{0, wire.Matches{Ready: true, Of: 2, Least: 5}},
		{4, wire.Matches{Ready: true, Of: 2, Least: 5}},
		{5, wire.Matches{Ready: true, Of: 2, Least: 5, Matched: 1, Groups: "5–9"}},
		{9, wire.Matches{Ready: true, Of: 2, Least: 5, Matched: 1, Groups: "5–9"}},
		{10, wire.Matches{Ready: true, Of: 2, Least: 5, Matched: 1, Groups: "10–19"}},
		{21, wire.Matches{Ready: true, Of: 2, Least: 5, Matched: 1, Groups: "20+"}},
	} {
		tr := newTrust(t)
		tr.tell(
			telling{member: "me", report: "1", victim: "A", date: "2026-01-03", seen: []string{"domain c2"}},
			telling{member: "me", report: "2", victim: "B", date: "2026-01-03", seen: []string{"domain alone"}},
			telling{member: "sister/me", report: "3", victim: "C", date: "2026-01-03", seen: []string{"domain c2"}},
		)
		shared(tr, 0, c.others)
		tr.run()
		store := tr.contributed("me 1", "me 2")
		tr.room.Store = store
		got, err := tr.room.Matches(tr.ctx, store.member, "c-1")
		if err != nil || got != c.want {
			t.Errorf("with %d others: %+v, %v; want %+v", c.others, got, err, c.want)
		}
	}
}

func TestMatchesLeaveOutProbationAndWhatTheMemberRelayedItself(t *testing.T) {
	tr := newTrust(t)
	tr.tell(telling{member: "me", report: "1", victim: "A", date: "2026-01-03", seen: []string{"domain c2"}})
	shared(tr, 0, 4)
	for n := range 3 {
		tr.tell(telling{member: "me", report: fmt.Sprint("relayed", n), victim: fmt.Sprint("w", n), date: "2026-01-03", onBehalf: fmt.Sprint("w", n), seen: []string{"domain c2"}})
	}
	tr.tell(telling{member: "new", report: "1", victim: "Z", date: "2026-01-03", seen: []string{"domain c2"}})
	m := id[wire.MemberID]('m', "new")
	tr.members[m] = member.Member{ID: m, OwnerGroup: "g-new", CountsFrom: epoch.AddDate(0, 1, 0)}
	tr.run()
	store := tr.contributed("me 1")
	tr.room.Store = store
	got, err := tr.room.Matches(tr.ctx, store.member, "c-1")
	if want := (wire.Matches{Ready: true, Of: 1, Least: 5}); err != nil || got != want {
		t.Errorf("four members count, and the rest does not: %+v, %v", got, err)
	}
}

func TestASectorsOwnMinimumHolds(t *testing.T) {
	tr := newTrust(t)
	tr.tell(telling{member: "me", report: "1", victim: "A", date: "2026-01-03", seen: []string{"domain c2"}})
	shared(tr, 0, 7)
	tr.run()
	store := tr.contributed("me 1")
	tr.room.Store = store
	for least, want := range map[int]wire.Matches{
		8: {Ready: true, Of: 1, Least: 8},
		7: {Ready: true, Of: 1, Least: 7, Matched: 1, Groups: "5–9"},
		3: {Ready: true, Of: 1, Least: 3, Matched: 1, Groups: "3–9"},
	} {
		tr.room.Least = func(string) int { return least }
		if got, err := tr.room.Matches(tr.ctx, store.member, "c-1"); err != nil || got != want {
			t.Errorf("with a minimum of %d: %+v, %v", least, got, err)
		}
	}
	if _, err := tr.room.Matches(tr.ctx, id[wire.MemberID]('m', "other1"), "c-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("somebody else's contribution: %v", err)
	}
}

func TestBeforeItIsConsolidatedAContributionMatchesNothing(t *testing.T) {
	tr := newTrust(t)
	shared(tr, 0, 6)
	tr.run()
	store := tr.contributed("me 1")
	store.reports[0].Seq = 99
	tr.members[store.member] = member.Member{ID: store.member, OwnerGroup: "g-me"}
	tr.room.Store = store
	got, err := tr.room.Matches(tr.ctx, store.member, "c-1")
	if want := (wire.Matches{Of: 1, Least: 5}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}
