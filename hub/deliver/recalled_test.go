package deliver_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// takenBack keeps what was taken back in memory.
type takenBack struct {
	recalls []deliver.KeptRecall
	notices []deliver.KeptNotice
}

func (k *takenBack) RecallsOf(context.Context, wire.MemberID) ([]deliver.KeptRecall, error) {
	return k.recalls, nil
}

func (k *takenBack) NoticesTo(context.Context, member.Member) ([]deliver.KeptNotice, error) {
	return k.notices, nil
}

func (k *takenBack) Confirm(_ context.Context, _ wire.MemberID, ids []string, _ bool, at time.Time) error {
	for i, n := range k.notices {
		if slices.Contains(ids, n.ID) && n.Confirmed.IsZero() {
			k.notices[i].Confirmed = at
		}
	}
	return nil
}

func TestTheContributorSeesByStakeAndBandWhoConfirmedAndNeverFewerThanFive(t *testing.T) {
	tr := newTrust(t)
	mine := tr.bank("mine")
	var given []deliver.KeptGiven
	confirm := func(name string, stake member.Stake, confirmed, named bool) {
		m := tr.join(name, stake, builtin(t, "default"), "finance")
		tr.members[m.ID] = m
		given = append(given, deliver.KeptGiven{Member: m.ID, Confirmed: confirmed, Named: named})
	}
	for i := range 7 {
		confirm(fmt.Sprint("firm ", i), member.Industry, i < 6, false)
	}
	for i := range 3 { // sisters count once
		confirm(fmt.Sprintf("sister %d/firm 0", i), member.Industry, true, false)
	}
	for i := range 4 {
		confirm(fmt.Sprint("police ", i), member.LawEnforcement, true, i == 0)
	}
	confirm("unconfirmed", member.LawEnforcement, false, true)
	for id, m := range tr.members {
		if m.Name == "" {
			m.Name = string(m.OwnerGroup)
			tr.members[id] = m
		}
	}
	tr.room.Withdrawals = &takenBack{recalls: []deliver.KeptRecall{{ID: "d-1", Given: given, Reports: []wire.ReportID{"r-1"}}}}
	a, err := tr.room.Recalls(t.Context(), member.Viewer{Member: mine, Purpose: member.Defend, At: now})
	if err != nil || len(a.Body()) != 1 {
		t.Fatal(a.Body(), err)
	}
	got := a.Body()[0]
	few := "fewer than 5"
	for _, c := range []struct {
		stake            member.Stake
		given, confirmed string
	}{{member.Industry, "5–9", "5–9"}, {member.LawEnforcement, "5–9", few}, {member.Research, few, few}} {
		if s := string(c.stake); got.Given[s] != c.given || got.Confirmed[s] != c.confirmed {
			t.Errorf("%s: given to %q, confirmed by %q; want %q and %q", s, got.Given[s], got.Confirmed[s], c.given, c.confirmed)
		}
	}
	if !slices.Equal(got.Names, []string{"group-of-police 0"}) {
		t.Errorf("named are %v: who confirmed and agreed to be named, and nobody else", got.Names)
	}
}

func TestANoticeIsInTheViewersOwnIDsAndDatedByTheDay(t *testing.T) {
	tr := newTrust(t)
	one, other := tr.bank("one"), tr.bank("other")
	incident := id[wire.IncidentID]('i', "x")
	kept := &takenBack{notices: []deliver.KeptNotice{
		{ID: "d-1", At: now, Sectors: []string{"finance"}, Incidents: []wire.IncidentID{incident}},
		{ID: "finance-1", At: now, Sectors: []string{"finance"}, Release: "finance-1"}}}
	tr.room.Withdrawals = kept
	viewer := func(m member.Member) member.Viewer { return member.Viewer{Member: m, Purpose: member.Defend, At: now} }
	seen := map[wire.IncidentID]bool{incident: true}
	for _, m := range []member.Member{one, other} {
		a, err := tr.room.Notices(t.Context(), viewer(m), false)
		if err != nil || len(a.Body()) != 2 {
			t.Fatal(a.Body(), err)
		}
		n := a.Body()[0]
		if n.Kind != deliver.NoticeRecall || n.Day != "2026-02-10" || len(n.Incidents) != 1 || seen[n.Incidents[0]] || a.Body()[1].Kind != deliver.NoticeRelease {
			t.Errorf("the notices are %+v", a.Body())
		}
		seen[n.Incidents[0]] = true
	}
	if _, err := tr.room.Confirm(t.Context(), viewer(one), wire.ConfirmRequest{Notices: []string{"d-1", "d-2"}}); fault.KindOf(err) != fault.NotFound || !kept.notices[0].Confirmed.IsZero() {
		t.Errorf("a notice that is none is confirmed: %v", err)
	}
	if _, err := tr.room.Confirm(t.Context(), viewer(one), wire.ConfirmRequest{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("nothing is confirmed: %v", err)
	}
	done, err := tr.room.Confirm(t.Context(), viewer(one), wire.ConfirmRequest{Notices: []string{"d-1"}})
	if err != nil || done != (wire.Confirmed{Confirmed: 1, Open: 1}) {
		t.Errorf("confirmed %+v, %v", done, err)
	}
	if done, err = tr.room.Confirm(t.Context(), viewer(one), wire.ConfirmRequest{All: true}); err != nil || done != (wire.Confirmed{Confirmed: 1}) {
		t.Errorf("confirmed %+v, %v", done, err)
	}
	if a, err := tr.room.Notices(t.Context(), viewer(one), false); err != nil || len(a.Body()) != 0 {
		t.Errorf("open are %+v, %v", a.Body(), err)
	}
	one.Suspended = true
	if _, err := tr.room.Notices(t.Context(), viewer(one), true); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a suspended member is told: %v", err)
	}
}

func TestWhoCouldHaveBeenGivenAReportIsTold(t *testing.T) {
	tr := newTrust(t)
	from := tr.bank("from")
	sister, other := tr.bank("sister/from"), tr.bank("other")
	police := tr.join("police", member.LawEnforcement, builtin(t, "default"), "finance")
	abroad := tr.join("hospital", member.Industry, builtin(t, "default"), "health")
	told := tr.tell(sending{member: "from", says: [][2]string{{"victim.victim_id", "Northwind Bank"}}})
	rep := tr.incidents[0].Reports[0]
	if told == "" || rep.Row().Member != from.ID {
		t.Fatal("this shows nothing")
	}
	mediator := other
	mediator.Roles = []string{"mediator"}
	all := []deliver.Recipient{{Member: from, Purposes: member.Purposes()}, {Member: sister, Purposes: member.Purposes()}, {Member: other, Purposes: []member.Purpose{member.Defend}},
		{Member: mediator, Purposes: []member.Purpose{member.Study}, Project: "p-one"}, {Member: abroad, Purposes: member.Purposes()}, {Member: police, Purposes: []member.Purpose{member.Investigate}}}
	none, open := builtin(t, "cautious"), builtin(t, "default")
	rules := func(s *terms.Sheet) *terms.Rules {
		r, err := terms.Compile(s, tr.std)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	given := func(rep receive.Received, under ...*terms.Rules) []wire.MemberID {
		return deliver.NewRecipients(all).Of(rep, under)
	}
	// By default a victim's token goes to the police, who investigate, and to
	// nobody else.
	if got := given(rep, rules(open)); !slices.Equal(got, []wire.MemberID{police.ID}) {
		t.Errorf("given to %v, want the police alone", got)
	}
	// Under whichever terms held once.
	if got := given(rep, rules(none), rules(open)); !slices.Contains(got, police.ID) {
		t.Errorf("given to %v: what earlier terms granted is forgotten", got)
	}
	// Whatever the condition, of whom it may have held is told: who has the role
	// or the project by one of several agreements, whoever contributes, later.
	for name, change := range map[string]func(*terms.Clause){
		"a role":    func(c *terms.Clause) { c.To[0].Roles = []string{"mediator"} },
		"a project": func(c *terms.Clause) { c.To[0].Projects = []string{"p-one"} },
		"contributing": func(c *terms.Clause) {
			c.To[0].Members, c.When.ContributedWithin = []wire.MemberID{other.ID}, terms.Days(1)
		},
		"a delay": func(c *terms.Clause) { c.To[0].Members, c.After = []wire.MemberID{other.ID}, terms.Days(90) },
	} {
		c := terms.Clause{ID: "one", Fields: []string{"victim.victim_id"}, To: []terms.Recipient{{Stake: terms.AnyStake}}, For: []member.Purpose{member.Study, member.Defend}, Form: standard.Form{Kind: standard.Token}}
		change(&c)
		if got := given(rep, rules(&terms.Sheet{Name: "one", Version: 1, Clauses: []terms.Clause{c}})); !slices.Equal(got, []wire.MemberID{other.ID}) {
			t.Errorf("%s: given to %v, want the other alone", name, got)
		}
	}
	tr.tell(sending{member: "from", says: [][2]string{{"action.hacking.variety", "SQLi"}}})
	if got := given(tr.incidents[1].Reports[0], rules(open)); !slices.Equal(got, []wire.MemberID{sister.ID, other.ID, police.ID}) {
		t.Errorf("given to %v, want all others of the sector", got)
	}
}

func TestWhatWentFromACollectionIsKnownByItsID(t *testing.T) {
	tr := newTrust(t)
	tr.bank("from")
	reader := tr.bank("reader")
	v := member.Viewer{Member: reader, Purpose: member.Defend, At: now}
	tr.tell(seen("from", evilDomain))
	before := tr.objects(v, deliver.IndicatorObjects)
	gone := func() []deliver.ObjectName {
		t.Helper()
		a, err := tr.room.Vanished(t.Context(), v, "finance", deliver.IndicatorObjects)
		if err != nil {
			t.Fatal(err)
		}
		return a.Body()
	}
	if got := gone(); len(got) != 0 {
		t.Fatalf("gone are %v", got)
	}
	incidents := tr.incidents
	tr.incidents = nil
	got := gone()
	if len(got) != 1 || !slices.ContainsFunc(before, func(o deliver.ObjectView) bool { return o.ID == got[0].ID && o.Type == "indicator" && got[0].N > o.N }) {
		t.Errorf("gone are %v of %v", got, before)
	}
	tr.incidents = incidents
	if still := gone(); !slices.Equal(still, got) {
		t.Errorf("gone were %v, and are %v once another came", got, still)
	}
}
