package consolidate_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func TestReportsOfOneEventBecomeOneIncidentAndKeepTheirSources(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03", seen: []string{"ip 1", "domain d"}},
		telling{member: "police", report: "1", victim: "Acme", date: "2026-02-04"},
		telling{member: "insurer", report: "1", victim: "Other", date: "2026-02-04"},
	)
	p := tr.run()
	if p.Reports != 3 || p.Cursor != 3 {
		t.Errorf("progress is %+v", p)
	}
	one, two := tr.incidentOf("bank", "1"), tr.incidentOf("police", "1")
	if one.ID != two.ID || tr.incidentOf("insurer", "1").ID == one.ID {
		t.Fatal("the reports of one event do not stand together alone")
	}
	if !reflect.DeepEqual(one.Seqs, []int64{1, 2}) || !reflect.DeepEqual(one.Groups, []string{"g-bank", "g-police"}) {
		t.Errorf("the incident is %+v", one)
	}
	if len(one.Links) != 1 || !strings.Contains(strings.Join(one.Links[0].Evidence, ", "), "the same victim") {
		t.Errorf("links are %+v", one.Links)
	}
	told, err := tr.room.Incident(tr.ctx, one.ID)
	if err != nil || len(told.Reports) != 2 || told.Reports[0].Seq() != 1 {
		t.Errorf("told are %d reports, %v", len(told.Reports), err)
	}
	if c, err := tr.room.Counts(tr.ctx); err != nil || c != (consolidate.Counts{Incidents: 2, Observables: 2, Tokens: 4}) {
		t.Errorf("counts are %+v, %v", c, err)
	}
}

func TestSameVictimAndNearDateNeverJoinReportsOfOneMember(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03"},
		telling{member: "bank", report: "2", victim: "Acme", date: "2026-02-03"},
	)
	tr.run()
	if tr.incidentOf("bank", "1").ID == tr.incidentOf("bank", "2").ID {
		t.Error("two reports of one member were joined")
	}
}

func TestAnIdStaysWhenReportsJoinAndWhenIncidentsGrowTogether(t *testing.T) {
	tr := newTrust(t)
	tr.tell(telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03"})
	tr.tell(telling{member: "police", report: "1", date: "2026-02-03", seen: []string{"file-hash h"}})
	tr.run()
	first, second := tr.incidentOf("bank", "1").ID, tr.incidentOf("police", "1").ID
	if first == second {
		t.Fatal("nothing ties these yet")
	}
	tr.tell(telling{member: "responder", report: "1", victim: "Acme", date: "2026-02-03", seen: []string{"file-hash h"}})
	tr.run()
	if now := tr.incidentOf("police", "1").ID; now != first {
		t.Errorf("the oldest incident was %s, is %s", first, now)
	}
	told, err := tr.room.Incident(tr.ctx, second)
	if err != nil || told.Incident.ID != first || len(told.Reports) != 3 {
		t.Errorf("the other id leads to %s with %d reports, %v", told.Incident.ID, len(told.Reports), err)
	}
	_, err = tr.room.Incident(tr.ctx, "i-none")
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown incident: %v", err)
	}
}

func TestACorrectionReplacesTheOlderRevision(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03", seen: []string{"ip 1"}},
		telling{member: "police", report: "1", victim: "Acme", date: "2026-02-03"},
	)
	tr.run()
	was := tr.incidentOf("bank", "1")
	tr.tell(telling{member: "bank", report: "1", revision: 1, victim: "Other", date: "2026-02-03"})
	tr.run()
	now, left := tr.incidentOf("bank", "1"), tr.incidentOf("police", "1")
	if now.ID == left.ID {
		t.Fatal("the corrected report still stands with the other")
	}
	if now.ID != was.ID {
		t.Errorf("the earliest report took its id from %s to %s", was.ID, now.ID)
	}
	if !reflect.DeepEqual(now.Seqs, []int64{3}) || len(left.Links) != 0 {
		t.Errorf("incidents are %+v and %+v", now, left)
	}
	if c, _ := tr.room.Counts(tr.ctx); c.Observables != 0 || c.Incidents != 2 {
		t.Errorf("counts are %+v", c)
	}
}

func TestReportsOfSeveralSectorsJoinAndEachSectorReadsItsOwn(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03"},
		telling{member: "clinic", report: "1", sector: "health", victim: "Acme", date: "2026-02-03"},
	)
	tr.run()
	whole := tr.incidentOf("bank", "1")
	if len(whole.Seqs) != 2 || whole.Sector != "finance" || !reflect.DeepEqual(whole.Sectors, []string{"finance", "health"}) {
		t.Fatalf("the incident is %+v", whole)
	}
	health := tr.each("health")
	if len(health) != 1 || health[0].Incident.ID != whole.ID || health[0].Incident.Sector != "health" || len(health[0].Reports) != 1 ||
		!reflect.DeepEqual(health[0].Incident.Groups, []string{"g-clinic"}) || len(health[0].Incident.Links) != 0 {
		t.Errorf("health reads %+v", health)
	}
}

func TestOwnerGroupsOnProbationAreNotCounted(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "Acme", date: "2026-02-03"},
		telling{member: "isac", report: "1", victim: "Acme", date: "2026-02-03", onBehalf: "Acme"},
	)
	m := id[wire.MemberID]('m', "bank")
	tr.members[m] = member.Member{ID: m, OwnerGroup: "g-bank", CountsFrom: epoch.Add(time.Hour)}
	tr.run()
	if g := tr.incidentOf("bank", "1").Groups; !reflect.DeepEqual(g, []string{"on behalf " + token("org Acme")}) {
		t.Errorf("groups are %v", g)
	}
}

// anyTelling draws from few victims, days and observables, so that reports
// meet; one observable is so frequent that it crosses what is rare.
func anyTelling(n int) *rapid.Generator[telling] {
	return rapid.Custom(func(t *rapid.T) telling {
		tl := telling{
			member: fmt.Sprint("m", rapid.IntRange(0, 5).Draw(t, "member")),
			report: fmt.Sprint(n),
			date:   fmt.Sprintf("2026-0%d-1%d", rapid.IntRange(1, 6).Draw(t, "month"), rapid.IntRange(0, 3).Draw(t, "day")),
		}
		if v := rapid.IntRange(0, 5).Draw(t, "victim"); v > 0 {
			tl.victim = fmt.Sprint("v", v)
		}
		if rapid.IntRange(0, 1).Draw(t, "frequent") == 1 {
			tl.seen = append(tl.seen, "ip frequent")
		}
		for range rapid.IntRange(0, 2).Draw(t, "observables") {
			tl.seen = append(tl.seen, fmt.Sprint("domain o", rapid.IntRange(0, 7).Draw(t, "observable")))
		}
		if rapid.IntRange(0, 3).Draw(t, "has records") == 0 {
			tl.records = rapid.SampledFrom([]string{"10", "5000", "1000..3000", "300..1000"}).Draw(t, "records")
		}
		return tl
	})
}

// anyStory draws reports, each with the corrections that follow it.
func anyStory(t *rapid.T) [][]telling {
	var all [][]telling
	for n := range rapid.IntRange(2, 32).Draw(t, "reports") {
		first := anyTelling(n).Draw(t, "report")
		story := []telling{first}
		if rapid.IntRange(0, 4).Draw(t, "corrected") == 0 {
			next := anyTelling(n).Draw(t, "correction")
			next.member, next.revision = first.member, 1
			story = append(story, next)
		}
		all = append(all, story)
	}
	return all
}

// shuffled interleaves the stories; a correction stays behind what it corrects.
func shuffled(t *rapid.T, stories [][]telling) []telling {
	var slots []int
	for i, s := range stories {
		for range s {
			slots = append(slots, i)
		}
	}
	at := make([]int, len(stories))
	var out []telling
	for _, i := range rapid.Permutation(slots).Draw(t, "order") {
		out = append(out, stories[i][at[i]])
		at[i]++
	}
	return out
}

func TestTheResultDependsNeitherOnTheOrderNorOnTheBatches(t *testing.T) {
	tr := newTrust(t)
	rapid.Check(t, func(rt *rapid.T) {
		stories := anyStory(rt)
		var wantIncidents, wantCampaigns string
		for round := range 3 {
			tr.forget()
			order := shuffled(rt, stories)
			tr.room.Batch = rapid.IntRange(1, 20).Draw(rt, "batch")
			cut := rapid.IntRange(0, len(order)).Draw(rt, "cut")
			tr.tell(order[:cut]...)
			tr.run()
			tr.tell(order[cut:]...)
			tr.run()
			incidents, campaigns := tr.partition(), tr.campaigns()
			if round == 0 {
				wantIncidents, wantCampaigns = incidents, campaigns
				if whole := tr.byLinkage(stories); whole != incidents {
					rt.Fatalf("linkage over everything says\n%s\nthe room says\n%s", whole, incidents)
				}
			}
			if incidents != wantIncidents {
				rt.Fatalf("in another order the incidents are\n%s\nand were\n%s", incidents, wantIncidents)
			}
			if campaigns != wantCampaigns {
				rt.Fatalf("in another order the campaigns are\n%s\nand were\n%s", campaigns, wantCampaigns)
			}
		}
	})
}

// byLinkage decides over all newest revisions at once.
func (tr *trust) byLinkage(stories [][]telling) string {
	other := *tr
	other.record = nil
	for _, s := range stories {
		other.tell(s[len(s)-1])
	}
	var facts []linkage.Fact
	name := map[int64]string{}
	for _, row := range other.record {
		rec, err := tr.room.Open(row)
		if err != nil {
			tr.t.Fatal(err)
		}
		f := consolidate.FactOf(tr.room, rec)
		facts = append(facts, f.Compared)
		name[f.Compared.Report] = string(row.Report[:8])
	}
	return lines(linkage.Clusters(facts, linkage.Defaults), name)
}

func TestARestartAtAnyPointAndARebuildGiveTheSame(t *testing.T) {
	tr := newTrust(t)
	died := errors.New("killed here")
	rapid.Check(t, func(rt *rapid.T) {
		order := shuffled(rt, anyStory(rt))
		tr.forget()
		tr.tell(order...)
		tr.room = tr.newRoom()
		tr.run()
		want := tr.everything()

		// A panic at a failpoint unwinds as a kill would: the transaction is
		// never committed. Nothing but the store survives.
		lives := 0
		if err := tr.store.Update(tr.ctx, func(w consolidate.Workbench) error { return w.Clear() }); err != nil {
			rt.Fatal(err)
		}
		for deaths := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 6).Draw(rt, "deaths"); ; lives++ {
			tr.room = tr.newRoom()
			tr.room.Batch = rapid.IntRange(1, 20).Draw(rt, "batch")
			if lives < len(deaths) {
				left := deaths[lives]
				tr.room.Fail = func(string) {
					if left--; left < 0 {
						panic(died)
					}
				}
			}
			if !tr.dies(died) {
				break
			}
		}
		tr.room = tr.newRoom()
		if got := tr.everything(); got != want {
			rt.Fatalf("after %d restarts\n%s\nwithout\n%s", lives, got, want)
		}
		if _, err := tr.room.Rebuild(tr.ctx); err != nil {
			rt.Fatal(err)
		}
		if got := tr.everything(); got != want {
			rt.Fatalf("after a rebuild\n%s\nbefore\n%s", got, want)
		}
	})
}

func (tr *trust) dies(of error) (died bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != of {
				panic(p)
			}
			died = true
		}
	}()
	tr.run()
	return false
}

func TestFailpointsAreNamedOncePerBatch(t *testing.T) {
	tr := newTrust(t)
	tr.tell(telling{member: "bank", report: "1"}, telling{member: "bank", report: "2"}, telling{member: "bank", report: "3"})
	var passed []string
	tr.room.Batch = 2
	tr.room.Fail = func(p string) {
		at, err := tr.room.Cursor(tr.ctx)
		if err != nil {
			t.Fatal(err)
		}
		passed = append(passed, fmt.Sprint(p, " ", at))
	}
	tr.run()
	want := []string{"consolidate.before-commit 0", "consolidate.after-commit 2", "consolidate.before-commit 2", "consolidate.after-commit 3"}
	if !reflect.DeepEqual(passed, want) {
		t.Errorf("passed %q, want %q", passed, want)
	}
}

func TestPagesAreNewestFirstAndMissNothing(t *testing.T) {
	tr := newTrust(t)
	for n := range 12 {
		tr.tell(telling{member: "bank", report: fmt.Sprint(n), victim: fmt.Sprint("v", n), date: "2026-02-03"})
	}
	tr.run()
	var got []int64
	for before := ""; ; {
		page, next, err := tr.room.Incidents(tr.ctx, "finance", before, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, told := range page {
			got = append(got, told.Incident.Seqs...)
		}
		if before = next; next == "" {
			break
		}
	}
	if want := []int64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("pages hold %v, want %v", got, want)
	}
	if _, _, err := tr.room.Incidents(tr.ctx, "finance", "nonsense", 5); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a cursor that is none: %v", err)
	}
	if len(tr.each("finance")) != 12 || len(tr.each("health")) != 0 {
		t.Error("Each misses something")
	}
}
