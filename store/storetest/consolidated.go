package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/wire"
)

// Consolidated is the contract of what hub/consolidate derives. The hub that
// open opens must be a [consolidate.Store] as well.
func Consolidated(t *testing.T, open Open) {
	for _, c := range []struct {
		rule string
		test func(*bench)
	}{
		{"an update is done whole or not at all", wholeOrNot},
		{"facts are found by number, report, incident and own id", factsFound},
		{"a dropped fact leaves nothing behind", factsDropped},
		{"blocks and sightings are cut to what was asked", blocksCut},
		{"each link is told once, in order", linksOnce},
		{"lists of a sector are ordered and page without loss", listsOrdered},
		{"campaigns are entered with their incidents and leave no trace", campaignsEntered},
		{"clearing leaves the record and nothing else", cleared},
		{"erased reports are listed until their facts go", erasedListed},
		{"a contribution's reports are told to its member alone", contributed},
		{"what was consolidated is there after opening again", consolidatedOutlives},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := newFixture(t, open)
			c.test(&bench{fixture: f, kept: consolidated(t, f.hub)})
		})
	}
}

// bench is a fixture with the store of what is derived.
type bench struct {
	*fixture
	kept consolidate.Store
}

func consolidated(t testing.TB, h Hub) consolidate.Store {
	t.Helper()
	kept, ok := h.(consolidate.Store)
	if !ok {
		t.Fatal("the hub's store keeps nothing that is consolidated")
	}
	return kept
}

func (b *bench) update(change func(w consolidate.Workbench) error) {
	b.t.Helper()
	if err := b.kept.Update(b.ctx, change); err != nil {
		b.t.Fatal(err)
	}
}

// inside runs a change and hands its answer out.
func inside[T any](b *bench, ask func(w consolidate.Workbench) (T, error)) (answer T) {
	b.t.Helper()
	b.update(func(w consolidate.Workbench) (err error) { answer, err = ask(w); return err })
	return answer
}

// factOf is what might be remembered of report n, received in minute n.
func (b *bench) factOf(n int64, tokens ...string) consolidate.Fact {
	name := fmt.Sprint("fact", n)
	f := consolidate.Fact{
		Seq: n, First: n, Member: b.member, Report: id[wire.ReportID]('r', name), Sector: "finance", Group: "g-one", Contributor: "g-one",
		Received: epoch.Add(time.Duration(n) * time.Minute), Own: id[wire.IncidentID]('i', name), OwnCampaign: id[wire.CampaignID]('k', name),
		Compared: linkage.Fact{Report: n, Victim: "victim" + name}, Observables: len(tokens),
	}
	for _, t := range tokens {
		f.Compared.Observables = append(f.Compared.Observables, linkage.Observable{Token: t, Type: "ip"})
	}
	return f
}

func (b *bench) put(keys []int64, facts ...consolidate.Fact) {
	b.t.Helper()
	b.update(func(w consolidate.Workbench) error {
		for _, f := range facts {
			if err := w.PutFact(f, keys); err != nil {
				return err
			}
		}
		return nil
	})
}

// place puts an incident of these facts.
func (b *bench) place(facts ...consolidate.Fact) consolidate.KeptIncident {
	b.t.Helper()
	i := consolidate.KeptIncident{ID: facts[0].Own, Sector: facts[0].Sector}
	for _, f := range facts {
		i.Sources = append(i.Sources, consolidate.Source{Seq: f.Seq, Member: f.Member, Group: f.Group, Contributor: f.Contributor, Sector: f.Sector, Received: f.Received})
	}
	for _, f := range facts[1:] {
		i.Links = append(i.Links, consolidate.Link{A: facts[0].Seq, B: f.Seq, Evidence: []string{"the same victim", "near dates"}, Weight: 1.5})
	}
	b.update(func(w consolidate.Workbench) error { return w.PutIncident(i) })
	return i
}

func same[T any](b *bench, what string, got, want T) {
	b.t.Helper()
	if !reflect.DeepEqual(got, want) {
		b.t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func wholeOrNot(b *bench) {
	stop := errors.New("stop")
	err := b.kept.Update(b.ctx, func(w consolidate.Workbench) error {
		if err := errors.Join(w.PutFact(b.factOf(1), []int64{7}), w.MoveCursor(5)); err != nil {
			return err
		}
		at, err := w.Cursor()
		if err != nil || at != 5 {
			b.t.Errorf("an update does not see its own writes: %d, %v", at, err)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		b.t.Fatalf("the change's own error became %v", err)
	}
	if at, err := b.kept.Cursor(b.ctx); err != nil || at != 0 {
		b.t.Errorf("after a failed update the cursor is %d, %v", at, err)
	}
	same(b, "facts", len(inside(b, func(w consolidate.Workbench) ([]consolidate.Fact, error) { return w.Facts([]int64{1}) })), 0)
}

func factsFound(b *bench) {
	one, two, three := b.factOf(1, "t1"), b.factOf(2), b.factOf(3)
	b.put(nil, one, two, three)
	i := b.place(one, three)
	one.Incident, three.Incident = i.ID, i.ID
	b.update(func(w consolidate.Workbench) error {
		got, err := w.Facts([]int64{3, 1, 99, 3})
		same(b, "by number", got, []consolidate.Fact{one, three})
		more, err2 := w.FactsOf([]consolidate.ReportKey{{Member: b.member, Report: two.Report}, {Member: "m-none", Report: one.Report}})
		same(b, "by report", more, []consolidate.Fact{two})
		in, err3 := w.FactsIn([]wire.IncidentID{i.ID, "i-none"})
		same(b, "by incident", in, []consolidate.Fact{one, three})
		return errors.Join(err, err2, err3)
	})
	for _, name := range []wire.IncidentID{one.Own, three.Own} {
		got, err := b.kept.Incident(b.ctx, name)
		if err != nil {
			b.t.Fatal(err)
		}
		same(b, "the incident", got, i)
	}
	if _, err := b.kept.Incident(b.ctx, two.Own); fault.KindOf(err) != fault.NotFound {
		b.t.Errorf("the id of a report that stands in no incident: %v", err)
	}
	got, ok, err := b.kept.IncidentOf(b.ctx, consolidate.ReportKey{Member: b.member, Report: three.Report})
	if err != nil || !ok {
		b.t.Fatal(ok, err)
	}
	same(b, "the incident of a report", got, i)
	if _, ok, err := b.kept.IncidentOf(b.ctx, consolidate.ReportKey{Member: b.member, Report: two.Report}); ok || err != nil {
		b.t.Errorf("a report that stands in no incident: %v, %v", ok, err)
	}
	var members []wire.ReportID
	err = b.kept.Membership(b.ctx, func(k consolidate.ReportKey, in wire.IncidentID) error {
		if in == i.ID && k.Member == b.member {
			members = append(members, k.Report)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	same(b, "membership", members, []wire.ReportID{one.Report, three.Report})
}

func factsDropped(b *bench) {
	one, two := b.factOf(1, "t1"), b.factOf(2, "t1")
	b.put([]int64{7}, one, two)
	b.update(func(w consolidate.Workbench) error {
		return errors.Join(w.PutLinks([]consolidate.Link{{A: 1, B: 2, Weight: 1}}), w.DropFacts([]int64{1}))
	})
	b.place(two)
	b.update(func(w consolidate.Workbench) error {
		block, err := w.Block(7, 0)
		same(b, "the block", block, []int64{2})
		links, err2 := w.Links([]int64{2})
		same(b, "links", len(links), 0)
		seen, err3 := w.Sighted("t1", 0)
		same(b, "sighted", seen, []wire.IncidentID{two.Own})
		return errors.Join(err, err2, err3)
	})
	if c, err := b.kept.CountConsolidated(b.ctx); err != nil || c != (consolidate.Counts{Incidents: 1, Observables: 1, Tokens: 2}) {
		b.t.Errorf("counts are %+v, %v", c, err)
	}
}

func blocksCut(b *bench) {
	common := b.factOf(4)
	common.Compared.Observables = []linkage.Observable{{Token: "t1", Type: "ip", Common: true}}
	all := []consolidate.Fact{b.factOf(1, "t1"), b.factOf(2, "t1"), b.factOf(3, "t1"), common}
	b.put([]int64{-7}, all...)
	b.place(all[0], all[1])
	b.place(all[3])
	b.update(func(w consolidate.Workbench) error {
		two, err := w.Block(-7, 2)
		same(b, "two of a block", two, []int64{1, 2})
		whole, err2 := w.Block(-7, 0)
		same(b, "a whole block", whole, []int64{1, 2, 3, 4})
		// The third is not placed, the fourth calls the token common.
		seen, err3 := w.Sighted("t1", 0)
		same(b, "sighted", seen, []wire.IncidentID{all[0].Own})
		return errors.Join(err, err2, err3)
	})
	b.place(all[2])
	same(b, "at most one", len(inside(b, func(w consolidate.Workbench) ([]wire.IncidentID, error) { return w.Sighted("t1", 1) })), 1)
	same(b, "all", len(inside(b, func(w consolidate.Workbench) ([]wire.IncidentID, error) { return w.Sighted("t1", 9) })), 2)
}

func linksOnce(b *bench) {
	ab := consolidate.Link{A: 1, B: 2, Weight: 1.25, Evidence: []string{"the same day"}}
	ac := consolidate.Link{A: 1, B: 3, Weight: 2, Evidence: []string{"near dates", "the same victim"}}
	bc := consolidate.Link{A: 2, B: 3, Weight: 1, Evidence: []string{"near dates"}}
	b.update(func(w consolidate.Workbench) error {
		return w.PutLinks([]consolidate.Link{bc, ac, ab})
	})
	got := inside(b, func(w consolidate.Workbench) ([]consolidate.Link, error) { return w.Links([]int64{3, 1}) })
	same(b, "links", got, []consolidate.Link{ab, ac, bc})
	b.update(func(w consolidate.Workbench) error { return w.DropLinks([]int64{1}) })
	got = inside(b, func(w consolidate.Workbench) ([]consolidate.Link, error) { return w.Links([]int64{1, 2}) })
	same(b, "after dropping", got, []consolidate.Link{bc})
}

func listsOrdered(b *bench) {
	var byID []wire.IncidentID
	for n := int64(1); n <= 7; n++ {
		f := b.factOf(n)
		if n%2 == 0 { // pairs share a moment, so that the id decides
			f.Received = epoch.Add(time.Duration(n-1) * time.Minute)
		}
		other := b.factOf(100 + n)
		other.Sector, other.Received = "health", epoch.Add(time.Hour)
		b.put(nil, f, other)
		b.place(f, other)
		byID = append(byID, f.Own)
	}
	slices.Sort(byID)
	var got []wire.IncidentID
	var places []consolidate.Place
	for after := (consolidate.Place{}); ; {
		page, at, err := b.kept.NewestIncidents(b.ctx, "finance", after, 3)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, i := range page {
			got = append(got, i.ID)
		}
		places = append(places, at...)
		if len(page) < 3 {
			break
		}
		after = at[len(at)-1]
	}
	if !slices.IsSortedFunc(places, func(x, y consolidate.Place) int {
		if c := y.Latest.Compare(x.Latest); c != 0 {
			return c
		}
		return slices.Compare([]byte(x.ID), []byte(y.ID))
	}) {
		b.t.Errorf("places are out of order: %v", places)
	}
	if places[0].Latest.After(epoch.Add(30 * time.Minute)) {
		b.t.Error("another sector's report decides the place in this one's list")
	}
	slices.Sort(got)
	same(b, "newest first, all", got, byID)
	got = nil
	for after := wire.IncidentID(""); ; {
		page, err := b.kept.IncidentsByID(b.ctx, "finance", after, 3)
		if err != nil {
			b.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, i := range page {
			got = append(got, i.ID)
		}
		after = got[len(got)-1]
	}
	same(b, "by id", got, byID)
	none, _, err := b.kept.NewestIncidents(b.ctx, "energy", consolidate.Place{}, 3)
	if err != nil || len(none) != 0 {
		b.t.Errorf("another sector has %v, %v", none, err)
	}
}

func campaignsEntered(b *bench) {
	one, two := b.factOf(1, "t1"), b.factOf(2, "t1")
	b.put(nil, one, two)
	i, j := b.place(one), b.place(two)
	c := consolidate.KeptCampaign{
		ID: one.OwnCampaign, Incidents: []wire.IncidentID{i.ID, j.ID}, Tokens: map[string]int{"ip": 1},
		Sources: slices.Concat(i.Sources, j.Sources),
	}
	b.update(func(w consolidate.Workbench) error { return w.PutCampaign(c) })
	for _, name := range []wire.CampaignID{one.OwnCampaign, two.OwnCampaign} {
		got, err := b.kept.Campaign(b.ctx, name)
		if err != nil {
			b.t.Fatal(err)
		}
		same(b, "the campaign", got, c)
	}
	page, places, err := b.kept.NewestCampaigns(b.ctx, "finance", consolidate.Place{}, 5)
	if err != nil || len(page) != 1 || places[0] != (consolidate.Place{Latest: two.Received, ID: string(c.ID)}) {
		b.t.Errorf("the list is %+v at %v, %v", page, places, err)
	}
	if page, _, err := b.kept.NewestCampaigns(b.ctx, "finance", places[0], 5); err != nil || len(page) != 0 {
		b.t.Errorf("after the last there is %+v, %v", page, err)
	}
	got, err := b.kept.Incident(b.ctx, j.ID)
	if err != nil || got.Campaign != c.ID {
		b.t.Errorf("an incident's campaign is %q, %v", got.Campaign, err)
	}
	same(b, "campaigns of incidents", inside(b, func(w consolidate.Workbench) ([]wire.CampaignID, error) {
		return w.CampaignsOf([]wire.IncidentID{i.ID, j.ID, "i-none"})
	}), []wire.CampaignID{c.ID})
	b.update(func(w consolidate.Workbench) error { return w.DropCampaigns([]wire.CampaignID{c.ID}) })
	if got, err := b.kept.Incident(b.ctx, j.ID); err != nil || got.Campaign != "" {
		b.t.Errorf("after dropping, an incident's campaign is %q, %v", got.Campaign, err)
	}
	if _, err := b.kept.Campaign(b.ctx, two.OwnCampaign); fault.KindOf(err) != fault.NotFound {
		b.t.Errorf("after dropping: %v", err)
	}
}

func cleared(b *bench) {
	b.send("c1", told{"a", 0, "one"})
	f := b.factOf(1, "t1")
	b.put([]int64{7}, f)
	i := b.place(f)
	b.update(func(w consolidate.Workbench) error {
		return errors.Join(w.MoveCursor(1), w.PutLinks([]consolidate.Link{{A: 1, B: 2}}),
			w.PutCampaign(consolidate.KeptCampaign{ID: f.OwnCampaign, Incidents: []wire.IncidentID{i.ID}, Sources: i.Sources}))
	})
	b.update(func(w consolidate.Workbench) error { return w.Clear() })
	if c, err := b.kept.CountConsolidated(b.ctx); err != nil || c != (consolidate.Counts{}) {
		b.t.Errorf("counts are %+v, %v", c, err)
	}
	if at, err := b.kept.Cursor(b.ctx); err != nil || at != 0 {
		b.t.Errorf("the cursor is %d, %v", at, err)
	}
	if n := len(b.all()); n != 1 {
		b.t.Errorf("the record has %d rows, want 1", n)
	}
	b.put([]int64{7}, f) // nothing is in the way of making all of it again
	b.place(f)
}

func erasedListed(b *bench) {
	b.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"}, told{"c", 0, "three"})
	rows := b.all()
	for _, r := range rows {
		b.put(nil, b.factOf(r.Seq))
	}
	list := func(want ...int64) {
		b.t.Helper()
		got, err := b.kept.Erased(b.ctx, 10)
		if err != nil || !slices.Equal(got, want) {
			b.t.Errorf("erased are %v, %v; want %v", got, err, want)
		}
	}
	list()
	for _, n := range []int{2, 0} {
		if err := Erase(b.ctx, b.hub, b.member, rows[n].Report); err != nil {
			b.t.Fatal(err)
		}
	}
	list(1, 3)
	if got, err := b.kept.Erased(b.ctx, 1); err != nil || !slices.Equal(got, []int64{1}) {
		b.t.Errorf("one of them is %v, %v", got, err)
	}
	b.update(func(w consolidate.Workbench) error { return w.DropFacts([]int64{1}) })
	list(3)
}

func contributed(b *bench) {
	b.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	b.send("c2", told{"a", 0, "one"}) // nothing new
	c1, c2 := id[wire.ContributionID]('c', "c1"), id[wire.ContributionID]('c', "c2")
	got, err := b.kept.Contributed(b.ctx, b.member, c1)
	if err != nil {
		b.t.Fatal(err)
	}
	same(b, "reports", got, []consolidate.Contributed{
		{Seq: 1, Report: id[wire.ReportID]('r', "a"), Sector: "finance"}, {Seq: 2, Report: id[wire.ReportID]('r', "b"), Sector: "finance"}})
	if got, err := b.kept.Contributed(b.ctx, b.member, c2); err != nil || len(got) != 0 {
		b.t.Errorf("a contribution of duplicates has %v, %v", got, err)
	}
	_, err = b.kept.Contributed(b.ctx, b.join("second", "g-two"), c1)
	wantKind(b.t, err, fault.NotFound)
	_, err = b.kept.Contributed(b.ctx, b.member, "c-none")
	wantKind(b.t, err, fault.NotFound)
}

func consolidatedOutlives(b *bench) {
	one, two := b.factOf(1, "t1"), b.factOf(2)
	b.put([]int64{7}, one, two)
	i := b.place(one, two)
	b.update(func(w consolidate.Workbench) error { return w.MoveCursor(2) })
	if err := b.hub.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.hub = b.handle()
	b.kept = consolidated(b.t, b.hub)
	got, err := b.kept.Incident(b.ctx, i.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	same(b, "the incident", got, i)
	if at, err := b.kept.Cursor(b.ctx); err != nil || at != 2 {
		b.t.Errorf("the cursor is %d, %v", at, err)
	}
}
