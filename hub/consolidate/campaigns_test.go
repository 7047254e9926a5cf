package consolidate_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/wire"
)

func (tr *trust) onlyCampaign() consolidate.Campaign {
	tr.t.Helper()
	page, _, err := tr.room.Campaigns(tr.ctx, "finance", "", 10)
	if err != nil || len(page) != 1 {
		tr.t.Fatalf("there are %d campaigns, %v; 1 is wanted", len(page), err)
	}
	return page[0]
}

func TestARareTokenTiesIncidentsOfDifferentMembersIntoACampaign(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank", report: "1", victim: "A", date: "2026-01-03", seen: []string{"domain c2", "domain lure", "ip resolver!"}},
		telling{member: "insurer", report: "1", victim: "B", date: "2026-01-20", seen: []string{"domain c2", "domain lure"}},
		telling{member: "broker", report: "1", victim: "C", date: "2026-01-20", seen: []string{"ip resolver!", "cve CVE-1"}},
		telling{member: "fund", report: "1", victim: "D", date: "2026-01-20", seen: []string{"ip resolver!", "cve CVE-1"}},
	)
	tr.run()
	c := tr.onlyCampaign()
	if len(c.Incidents) != 2 || !reflect.DeepEqual(c.Tokens, map[string]int{"domain": 2}) ||
		!reflect.DeepEqual(c.Groups, []string{"g-bank", "g-insurer"}) || !reflect.DeepEqual(c.Sectors, []string{"finance"}) {
		t.Errorf("the campaign is %+v", c)
	}
	if got := tr.incidentOf("bank", "1").Campaigns; !reflect.DeepEqual(got, []wire.CampaignID{c.ID}) {
		t.Errorf("its incident names %v", got)
	}
	if got := tr.incidentOf("broker", "1").Campaigns; len(got) != 0 {
		t.Errorf("common infrastructure and a shared vulnerability tie %v", got)
	}
	if one, err := tr.room.Campaign(tr.ctx, c.ID); err != nil || !reflect.DeepEqual(one, c) {
		t.Errorf("read by its id it is %+v, %v", one, err)
	}
	if _, err := tr.room.Campaign(tr.ctx, "k-none"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown campaign: %v", err)
	}
}

func TestOneMemberAloneMakesNoCampaign(t *testing.T) {
	tr := newTrust(t)
	tr.tell(
		telling{member: "bank/a", report: "1", victim: "A", date: "2026-01-03", seen: []string{"ip proxy"}},
		telling{member: "trust/a", report: "2", victim: "B", date: "2026-01-20", seen: []string{"ip proxy"}},
	)
	tr.run()
	if c := tr.campaigns(); c != "" {
		t.Errorf("sister firms alone make %s", c)
	}
}

func TestACampaignKeepsItsIdWhenItGrowsAndTheOldIdsLeadToIt(t *testing.T) {
	tr := newTrust(t)
	at := func(member, domain string) telling {
		return telling{member: member, report: "1", victim: member, date: "2026-01-03", seen: strings.Split(domain, ",")}
	}
	tr.tell(at("a", "domain x"), at("b", "domain x"))
	tr.run()
	first := tr.onlyCampaign().ID
	tr.tell(at("c", "domain y"), at("d", "domain y"))
	tr.run()
	second := tr.incidentOf("c", "1").Campaigns[0]
	if second == first {
		t.Fatal("nothing ties the two yet")
	}
	tr.tell(at("e", "domain x,domain y"))
	tr.run()
	if now := tr.onlyCampaign(); now.ID != first || len(now.Incidents) != 5 {
		t.Errorf("grown together the campaign is %+v, was %s", now, first)
	}
	if led, err := tr.room.Campaign(tr.ctx, second); err != nil || led.ID != first {
		t.Errorf("the other id leads to %s, %v", led.ID, err)
	}
	// The correction takes away what tied them.
	next := at("e", "domain z")
	next.revision = 1
	tr.tell(next)
	tr.run()
	if c := tr.incidentOf("c", "1").Campaigns; len(c) != 1 || c[0] != second {
		t.Errorf("apart again, the second campaign is %v, was %s", c, second)
	}
}

func TestATokenThatBecomesFrequentTiesNoMoreAndAgainWhenItIsRare(t *testing.T) {
	tr := newTrust(t)
	most := linkage.CampaignDefaults.MaxIncidents
	at := func(n, revision int, seen ...string) telling {
		return telling{member: fmt.Sprint("m", n%7), report: fmt.Sprint(n), revision: revision, victim: fmt.Sprint("v", n), date: "2026-01-03", seen: seen}
	}
	size := func() (n int) {
		t.Helper()
		got := tr.everything()
		if page, _, err := tr.room.Campaigns(tr.ctx, "finance", "", 10); err != nil {
			t.Fatal(err)
		} else if len(page) > 0 {
			n = len(page[0].Incidents)
		}
		if _, err := tr.room.Rebuild(tr.ctx); err != nil {
			t.Fatal(err)
		}
		if again := tr.everything(); again != got {
			t.Fatalf("step by step\n%s\nat once\n%s", got, again)
		}
		return n
	}
	for n := range most {
		tr.tell(at(n, 0, "ip scanner"))
	}
	tr.run()
	if n := size(); n != most {
		t.Errorf("as long as it is rare the token ties %d of %d", n, most)
	}
	tr.tell(at(most, 0, "ip scanner"))
	tr.run()
	if n := size(); n != 0 {
		t.Errorf("too frequent, the token still ties %d", n)
	}
	tr.tell(at(3, 1, "ip other"))
	tr.run()
	if n := size(); n != most {
		t.Errorf("rare again the token ties %d of %d", n, most)
	}
}

func (tr *trust) contributed(reports ...string) contributions {
	var c contributions
	for i, r := range reports {
		member, rep, _ := strings.Cut(r, " ")
		c.member = id[wire.MemberID]('m', member)
		c.reports = append(c.reports, consolidate.Contributed{Seq: int64(i + 1), Report: id[wire.ReportID]('r', member+rep), Sector: "finance"})
	}
	c.Store = tr.store
	return c
}
