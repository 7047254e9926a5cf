package deliver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

func parse(t *testing.T, clauses string) *terms.Sheet {
	t.Helper()
	sheet, err := terms.Parse("sheet.yaml", []byte("name: sheet\nversion: 1\nclauses:\n"+clauses))
	if err != nil {
		t.Fatal(err)
	}
	return sheet
}

// nothing is a sheet that grants the other members nothing.
const nothing = `
  - id: nothing
    fields: [impact.overall_rating]
    to: [{stake: research}]
    for: [publish]
    form: counted
`

func hacked(name, victim string) sending {
	return sending{member: name, says: [][2]string{{"victim.victim_id", victim}, {"timeline.incident", "2026-01-14"}, {"action.hacking.variety", "SQLi"}}}
}

func TestAnIncidentKnownOnlyByWithheldStatementsDoesNotShow(t *testing.T) {
	tr := newTrust(t)
	tr.join("shy", member.Industry, parse(t, nothing), "finance")
	viewer := as(tr.bank("viewer"), member.Defend)
	hidden := tr.tell(hacked("shy", "A"))
	if all := tr.list(viewer); len(all) != 0 {
		t.Errorf("it is in the list: %+v", all)
	}
	// Neither by its own id nor by any that a viewer could make up.
	for _, guess := range []wire.IncidentID{hidden, id[wire.IncidentID]('i', "made up"), "i-1", ""} {
		_, err := tr.room.Incident(t.Context(), viewer, guess)
		if err == nil || fault.Public(err).Code != "incident.not_found" {
			t.Errorf("%q: %v", guess, err)
		}
	}
}

// What a report tells and withholds altogether leaves no trace: two incidents
// that differ in it alone look alike.
func TestAWithheldStatementLeavesNoTrace(t *testing.T) {
	view := func(more ...[2]string) deliver.IncidentView {
		tr := newTrust(t)
		tr.join("bank", member.Industry, parse(t, `
  - id: what
    fields: [action.hacking.variety]
    to: [{stake: any}]
    for: [defend]
    form: exact
  - id: police
    fields: [impact.ransom.paid, impact.overall_rating, observable.wallet, victim.victim_id]
    to: [{stake: law-enforcement}]
    for: [investigate]
    form: exact
`), "finance")
		one := sending{member: "bank", says: append([][2]string{{"action.hacking.variety", "SQLi"}}, more...)}
		if len(more) > 0 {
			one.seen = []report.Seen{{Type: "wallet", Value: "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"}}
		}
		tr.tell(one)
		return tr.open(as(tr.bank("viewer"), member.Defend))
	}
	with := view([2]string{"impact.ransom.paid", "100000"}, [2]string{"impact.overall_rating", "Catastrophic"}, [2]string{"victim.victim_id", "A"})
	if without := view(); fmt.Sprintf("%+v", with) != fmt.Sprintf("%+v", without) {
		t.Errorf("with what is withheld\n%+v\nwithout it\n%+v", with, without)
	}
}

func TestTwoMembersKnowAThingByDifferentIds(t *testing.T) {
	tr := newTrust(t)
	tr.bank("bank")
	a, b := as(tr.bank("a"), member.Defend), as(tr.bank("b"), member.Defend)
	raw := tr.tell(hacked("bank", "A"))
	first, second := tr.list(a)[0].ID, tr.list(b)[0].ID
	if first == second || first == raw || second == raw || !wire.ValidID('i', first) {
		t.Errorf("%s, %s and %s at the hub", first, second, raw)
	}
	if again := tr.list(as(a.Member, member.Study))[0].ID; again != first {
		t.Error("a member finds an incident again whatever the purpose")
	}
	if _, err := tr.room.Incident(t.Context(), b, first); err == nil {
		t.Error("another's id opens the incident")
	}
}

func TestAPseudonymIsTheSameForOneMemberAndPurposeOnly(t *testing.T) {
	tr := newTrust(t)
	a, b := tr.bank("a"), tr.bank("b")
	one := tr.room.Pseudonym(as(a, member.Investigate), token("A"))
	for _, v := range []member.Viewer{as(b, member.Investigate), as(a, member.Defend)} {
		if tr.room.Pseudonym(v, token("A")) == one {
			t.Errorf("%s for %s sees the same pseudonym", v.Member.ID, v.Purpose)
		}
	}
	if tr.room.Pseudonym(as(a, member.Investigate), token("B")) == one || strings.Contains(one, token("A")[:8]) {
		t.Error("two tokens have one pseudonym, or it holds the token")
	}
}

// The cursor of a page tells neither the id of an incident nor when a report
// came in, and serves nobody else and no other list.
func TestThePlaceInAListIsSealed(t *testing.T) {
	tr := newTrust(t)
	tr.bank("bank")
	for i := range 5 {
		tr.tell(hacked("bank", fmt.Sprint(i)))
	}
	v := as(tr.bank("viewer"), member.Defend)
	seen, pages := map[wire.IncidentID]bool{}, 0
	next := ""
	for {
		page, err := tr.room.Incidents(t.Context(), v, "finance", next, 2)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, i := range page.Body().Items {
			seen[i.ID] = true
		}
		if next = page.Body().Next; next == "" {
			break
		}
		for _, told := range tr.incidents {
			if strings.Contains(next, string(told.Incident.ID)) || strings.Contains(next, fmt.Sprint(now.Unix())) {
				t.Errorf("the cursor is %s", next)
			}
		}
		if _, err := tr.room.Incidents(t.Context(), as(tr.bank("other"), member.Defend), "finance", next, 2); fault.KindOf(err) != fault.Invalid {
			t.Errorf("it serves another member: %v", err)
		}
		if _, err := tr.room.Campaigns(t.Context(), v, "finance", next, 2); fault.KindOf(err) != fault.Invalid {
			t.Errorf("it serves another list: %v", err)
		}
	}
	if len(seen) != 5 || pages != 3 {
		t.Errorf("%d incidents on %d pages", len(seen), pages)
	}
}

// A viewer who may not see whose victim it is does not hear that two reports
// name the same.
func TestEvidenceIsToldOnlyToWhoMaySeeWhatItRestsOn(t *testing.T) {
	for _, c := range []struct {
		stake   member.Stake
		purpose member.Purpose
		want    string
	}{
		{member.LawEnforcement, member.Investigate, "The reports are tied by the same victim, near dates."},
		{member.Industry, member.Defend, "The reports are tied by near dates, and by what may not be shown to you for this purpose."},
	} {
		tr := newTrust(t)
		tr.bank("a")
		tr.bank("b")
		tr.tell(hacked("a", "A"), hacked("b", "A"))
		viewer := tr.join("viewer", c.stake, builtin(t, "default"), "finance")
		if why := tr.open(as(viewer, c.purpose)).Why; len(why) != 1 || why[0] != c.want {
			t.Errorf("%s: %q", c.stake, why)
		}
	}
}

// Reports of which nothing may be shown are told as a band of members, and
// only from the sector's minimum on; below it nothing differs.
func TestHiddenReportsAreToldInBandsOnly(t *testing.T) {
	view := func(hidden int, group func(i int) sending) deliver.IncidentView {
		tr := newTrust(t)
		tr.bank("bank")
		all := []sending{hacked("bank", "A")}
		for i := range hidden {
			s := group(i)
			tr.join(s.member, member.Industry, parse(t, nothing), "finance")
			s.says = hacked("", "A").says
			all = append(all, s)
		}
		tr.tell(all...)
		return tr.open(as(tr.bank("viewer"), member.Defend))
	}
	apart := func(i int) sending { return sending{member: fmt.Sprint("shy ", i)} }
	alone, few := view(0, apart), view(4, apart)
	if fmt.Sprintf("%+v", alone) != fmt.Sprintf("%+v", few) {
		t.Errorf("four hidden reports show: %+v\nnone: %+v", few, alone)
	}
	if why := view(6, apart).Why; len(why) != 2 || !strings.Contains(why[1], "5–9 other members") {
		t.Errorf("six hidden reports: %q", why)
	}
	if why := view(6, func(i int) sending { return sending{member: fmt.Sprintf("sister %d/one", i)} }).Why; len(why) != 1 {
		t.Errorf("six hidden reports of sister firms: %q", why)
	}
}

func TestAnOwnReportIsSeenInWhateverSectorItsIncidentBegan(t *testing.T) {
	tr := newTrust(t)
	tr.bank("bank")
	clinic := tr.join("clinic", member.Industry, builtin(t, "default"), "health")
	mine := hacked("clinic", "A")
	mine.sector = "health"
	tr.tell(hacked("bank", "A"), mine)
	a, err := tr.room.Contributions(t.Context(), as(clinic, member.Defend), 0, 0)
	if err != nil || len(a.Body().Items) != 1 {
		t.Fatal(a.Body(), err)
	}
	in, err := tr.room.Incident(t.Context(), as(clinic, member.Defend), a.Body().Items[0].Incident)
	if err != nil {
		t.Fatal(err)
	}
	if view := in.Body(); view.Sector != "health" || len(view.Reports) != 1 || !view.Mine {
		t.Errorf("%+v: a member of health sees its own report of it, and none of finance", view)
	}
}

func TestHowManyJoinedIsToldFromTheMinimumOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		other func(i int) sending
		n     int
		told  bool
	}{
		{"four others", func(i int) sending { return sending{member: fmt.Sprint("bank ", i)} }, 4, false},
		{"five others", func(i int) sending { return sending{member: fmt.Sprint("bank ", i)} }, 5, true},
		{"five sister firms", func(i int) sending { return sending{member: fmt.Sprintf("firm %d/one", i)} }, 5, false},
		{"five relayed by another", func(i int) sending { return sending{member: "isac", onBehalf: fmt.Sprint(i)} }, 5, true},
		{"five that it relayed itself", func(i int) sending { return sending{member: "viewer", onBehalf: fmt.Sprint(i)} }, 5, false},
		{"five on probation", func(i int) sending { return sending{member: fmt.Sprint("new ", i)} }, 5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			viewer := tr.bank("viewer")
			all := []sending{hacked("viewer", "A")}
			for i := range c.n {
				s := c.other(i)
				m := tr.bank(s.member)
				if strings.HasPrefix(s.member, "new") {
					m.CountsFrom = now.Add(time.Hour)
					tr.members[m.ID] = m
				}
				s.says = hacked("", "A").says
				all = append(all, s)
			}
			tr.tell(all...)
			a, err := tr.room.Contributions(t.Context(), as(viewer, member.Defend), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range a.Body().Items {
				if told := strings.Contains(one.Joined, "joined with reports of 5–9 other members"); told != c.told {
					t.Errorf("%q", one.Joined)
				}
			}
		})
	}
}

func TestACampaignIsToldByTiesThatTheViewerMaySeeOrFromTheMinimumOn(t *testing.T) {
	ip := []report.Seen{{Type: "ip", Value: "192.0.2.1"}}
	for _, c := range []struct {
		name    string
		sheet   string
		banks   int
		seen    bool
		tied    int
		grouped string
	}{
		{"ties to be seen, two members", "", 2, true, 1, "fewer than 5"},
		{"ties withheld, two members", "what", 2, false, 0, ""},
		{"ties withheld, six members", "what", 6, true, 0, "5–9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			sheet := builtin(t, "default")
			if c.sheet != "" {
				sheet = parse(t, `
  - id: what
    fields: [action.hacking.variety]
    to: [{stake: any}]
    for: [defend]
    form: exact
`)
			}
			var ids []wire.IncidentID
			for i := range c.banks {
				name := fmt.Sprint("bank ", i)
				tr.join(name, member.Industry, sheet, "finance")
				one := hacked(name, fmt.Sprint(i))
				one.seen = ip
				ids = append(ids, tr.tell(one))
			}
			raw := tr.campaign(map[string]int{"ip": 1}, ids...)
			v := as(tr.bank("viewer"), member.Defend)
			page, err := tr.room.Campaigns(t.Context(), v, "finance", "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range tr.list(v) {
				if (len(i.Campaigns) == 1) != c.seen {
					t.Errorf("an incident tells of campaigns %v", i.Campaigns)
				}
			}
			all := page.Body().Items
			if (len(all) == 1) != c.seen {
				t.Fatalf("%d campaigns are seen", len(all))
			}
			if !c.seen {
				return
			}
			if all[0].ID == raw || len(all[0].Tied) != c.tied || all[0].Groups != c.grouped || strings.Contains(all[0].Headline, "IP address") != (c.tied > 0) {
				t.Errorf("%+v", all[0])
			}
			one, err := tr.room.Campaign(t.Context(), v, all[0].ID)
			if err != nil || len(one.Body().Observables) != c.tied || len(one.Body().Incidents) != c.banks {
				t.Errorf("%+v, %v", one.Body(), err)
			}
		})
	}
}

// Of a campaign of which only one incident may be seen, the sentence says that
// others belong to it.
func TestACampaignOfOneVisibleIncidentSaysThatThereAreOthers(t *testing.T) {
	tr := newTrust(t)
	hidden := parse(t, nothing)
	shown := parse(t, `
  - id: what
    fields: [action.hacking.variety]
    to: [{stake: any}]
    for: [defend]
    form: exact
`)
	var ids []wire.IncidentID
	for i := range 7 {
		name, sheet := fmt.Sprint("bank ", i), hidden
		if i == 0 {
			sheet = shown
		}
		tr.join(name, member.Industry, sheet, "finance")
		ids = append(ids, tr.tell(hacked(name, fmt.Sprint(i))))
	}
	tr.campaign(map[string]int{"ip": 1}, ids...)
	page, err := tr.room.Campaigns(t.Context(), as(tr.bank("viewer"), member.Defend), "finance", "", 0)
	if err != nil || len(page.Body().Items) != 1 {
		t.Fatalf("%+v, %v", page.Body(), err)
	}
	if got, want := page.Body().Items[0].Headline, "1 incident that you may see, tied to others by what may not be shown to you for this purpose"; got != want {
		t.Errorf("%q; %q is wanted", got, want)
	}
}

// A file of a thousand is one answer, and a page still holds fifty.
func TestAnAnswerHoldsAPageUnlessAFileIsAsked(t *testing.T) {
	tr := newTrust(t)
	tr.bank("bank")
	for i := range 70 {
		tr.tell(hacked("bank", fmt.Sprint(i)))
	}
	v := as(tr.bank("viewer"), member.Defend)
	for limit, want := range map[int]int{0: 50, 7: 7, deliver.FileSize: 70, 10 * deliver.FileSize: 70} {
		page, err := tr.room.Incidents(t.Context(), v, "finance", "", limit)
		if err != nil || len(page.Body().Items) != want {
			t.Errorf("of %d asked, %d are answered, %v; %d are wanted", limit, len(page.Body().Items), err, want)
		}
	}
}

func TestAnIndicatorIsServedOnlyThroughTheGate(t *testing.T) {
	tr := newTrust(t)
	strict := parse(t, `
  - id: strict
    fields: [observable.ip]
    to: [{stake: any, sector: own}]
    for: [defend]
    form: exact
    tlp: "TLP:RED"
  - id: police
    fields: [observable.domain]
    to: [{stake: law-enforcement}]
    for: [investigate]
    form: exact
`)
	for i := range 6 {
		one := hacked(tr.nameOf(fmt.Sprint("bank ", i)), fmt.Sprint(i))
		one.seen = []report.Seen{{Type: "ip", Value: "192.0.2.1", LastSeen: "2026-01-14T10:11:12Z"}, {Type: "ip", Value: "192.0.2.9", Common: "public resolvers"}, {Type: "email", Value: "mule@example.net"}}
		tr.tell(one)
	}
	tr.join("strict", member.Industry, strict, "finance")
	tr.tell(sending{member: "strict", seen: []report.Seen{{Type: "ip", Value: "192.0.2.1"}, {Type: "ip", Value: "192.0.2.2"}, {Type: "domain", Value: "evil.example"}}})
	feed := func(v member.Viewer) string {
		a, err := tr.room.Indicators(t.Context(), v, "finance")
		if err != nil {
			return fault.Public(err).Code
		}
		var lines []string
		for _, r := range a.Body() {
			lines = append(lines, strings.Join([]string{r.Type, r.Value, r.LastSeen, r.Members, r.TLP}, " "))
		}
		return strings.Join(lines, "\n")
	}
	viewer := tr.bank("viewer")
	want := "ip 192.0.2.1 2026-02 5–9 TLP:RED\nip 192.0.2.2 2026-02 fewer than 5 TLP:RED"
	if got := feed(as(viewer, member.Defend)); got != want {
		t.Errorf("to defend:\n%s", got)
	}
	if got := feed(as(viewer, member.Study)); got != "" {
		t.Errorf("to study:\n%s", got)
	}
	// A bank is not counted for itself.
	if got := feed(as(tr.bank("bank 0"), member.Defend)); !strings.HasPrefix(got, "ip 192.0.2.1 2026-02 5–9") {
		t.Errorf("to one of the seven:\n%s", got)
	}
	clinic := tr.join("clinic", member.Industry, builtin(t, "default"), "health")
	if got := feed(as(clinic, member.Defend)); got != "sector.not_found" {
		t.Errorf("to a member of another sector:\n%s", got)
	}
}

// nameOf registers a bank and returns its name.
func (tr *trust) nameOf(name string) string { tr.bank(name); return name }

func TestTheMarkingOfAnObservableIsTheStrictestOfItsSources(t *testing.T) {
	tr := newTrust(t)
	for i, tlp := range []string{"TLP:GREEN", "TLP:AMBER+STRICT", "TLP:CLEAR"} {
		sheet := builtin(t, "default")
		for c := range sheet.Clauses {
			sheet.Clauses[c].TLP = tlp
		}
		tr.join(fmt.Sprint("bank ", i), member.Industry, sheet, "finance")
	}
	viewer := tr.bank("viewer")
	var all []sending
	for _, name := range []string{"bank 0", "viewer", "bank 1", "bank 2"} {
		one := hacked(name, "A")
		one.seen = []report.Seen{{Type: "ip", Value: "192.0.2.1"}}
		all = append(all, one)
	}
	tr.tell(all...)
	seen := tr.open(as(viewer, member.Defend)).Observables
	if len(seen) != 1 || seen[0].TLP != "TLP:AMBER+STRICT" || len(seen[0].Sources) != 4 {
		t.Errorf("%+v", seen)
	}
}

func TestASuspendedViewerGetsNothing(t *testing.T) {
	tr := newTrust(t)
	m := tr.bank("bank")
	tr.tell(hacked("bank", "A"))
	tr.campaign(map[string]int{"ip": 1}, tr.incidents[0].Incident.ID)
	ok := as(m, member.Defend)
	in := tr.list(ok)[0].ID
	m.Suspended = true
	v, ctx := as(m, member.Defend), t.Context()
	for name, ask := range map[string]func() error{
		"incidents":     func() error { _, err := tr.room.Incidents(ctx, v, "finance", "", 0); return err },
		"incident":      func() error { _, err := tr.room.Incident(ctx, v, in); return err },
		"campaigns":     func() error { _, err := tr.room.Campaigns(ctx, v, "finance", "", 0); return err },
		"campaign":      func() error { _, err := tr.room.Campaign(ctx, v, "k-"); return err },
		"indicators":    func() error { _, err := tr.room.Indicators(ctx, v, "finance"); return err },
		"picture":       func() error { _, err := tr.room.Picture(ctx, v, "finance"); return err },
		"table":         func() error { _, err := tr.room.Table(ctx, v, "finance", "month"); return err },
		"releases":      func() error { _, err := tr.room.ReleasesOf(ctx, v, "finance"); return err },
		"release":       func() error { _, err := tr.room.Release(ctx, v, "finance-1"); return err },
		"release file":  func() error { _, err := tr.room.ReleaseFile(ctx, v, "finance-1", "incidents.csv"); return err },
		"contributions": func() error { _, err := tr.room.Contributions(ctx, v, 0, 0); return err },
		"receipt":       func() error { _, err := tr.room.Receipt(ctx, v, "c-1"); return err },
	} {
		if err := ask(); err == nil {
			t.Errorf("%s: it is answered", name)
		}
	}
}

// A member of a sector gets its releases whole; others do not hear of them.
func TestReleasesAreForMembersOfTheSector(t *testing.T) {
	tr := newTrust(t)
	if a, err := tr.room.ReleaseFile(t.Context(), as(tr.bank("bank"), member.Study), "finance-1", "incidents.csv"); err != nil || string(a.Body().Data) != "data" {
		t.Errorf("to a member of it: %v", err)
	}
	clinic := tr.join("clinic", member.Industry, builtin(t, "default"), "health")
	if _, err := tr.room.ReleaseFile(t.Context(), as(clinic, member.Study), "finance-1", "incidents.csv"); fault.KindOf(err) != fault.NotFound || err == nil {
		t.Errorf("to a member of another sector: %v", err)
	}
}

// What a viewer did not see exactly is named by the form in which it sees it.
func TestAFieldIsShownInTheFormGranted(t *testing.T) {
	tr := newTrust(t)
	tr.bank("bank")
	tr.tell(sending{member: "bank", says: [][2]string{{"victim.industry", "522110"}, {"timeline.incident", "2026-01-14"}}})
	for p, want := range map[member.Purpose]string{member.Defend: "generalised:day 2026-01-14", member.Study: "generalised:month 2026-01"} {
		for _, f := range tr.open(as(tr.bank("viewer"), p)).Fields {
			if f.Path != "timeline.incident" {
				continue
			}
			got := []string{}
			for _, s := range f.Sayings {
				got = append(got, s.Form+" "+s.Value)
			}
			if !slices.Contains(got, want) || p == member.Study && len(got) != 1 {
				t.Errorf("for %s: %q", p, got)
			}
		}
	}
}
