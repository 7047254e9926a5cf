package terms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func rules(t testing.TB, sheet string, ref standard.Ref) *terms.Rules {
	t.Helper()
	std, err := standard.Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	s, err := terms.Builtin(sheet)
	if err != nil {
		t.Fatal(err)
	}
	r, err := terms.Compile(s, std)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask is one recipient: "industry/firm/finance" takes part in finance.
func recipient(who string) member.Member {
	p := strings.Split(who, "/")
	return member.Member{Stake: member.Stake(p[0]), Kind: member.Kind(p[1]), Sectors: strings.Split(p[2], ",")}
}

func TestTheDefaultSheetGrantsWhatItSays(t *testing.T) {
	r := rules(t, "default", "finance/1.0")
	for _, c := range []struct {
		path, who string
		purpose   member.Purpose
		want      string // forms and markings, strongest first
	}{
		{"observable.domain", "industry/firm/finance", member.Defend, "exact TLP:AMBER"},
		{"observable.domain", "research/university/finance", member.Defend, "exact TLP:AMBER"},
		{"observable.domain", "industry/firm/health", member.Defend, ""},
		{"observable.domain", "industry/firm/finance", member.Benchmark, ""},
		{"observable.domain", "law-enforcement/police/health", member.Investigate, "exact TLP:AMBER"},
		{"observable.email", "law-enforcement/police/finance", member.Investigate, "token TLP:AMBER+STRICT"},
		{"observable.email", "industry/firm/finance", member.Defend, ""},
		{"victim.victim_id", "law-enforcement/police/finance", member.Investigate, "token TLP:AMBER+STRICT"},
		{"victim.victim_id", "law-enforcement/police/finance", member.Defend, ""},
		{"victim.victim_id", "industry/firm/finance", member.Defend, ""},
		{"victim.victim_id", "research/university/finance", member.Study, ""},
		{"reporter.contact", "law-enforcement/police/finance", member.Investigate, ""},
		{"summary", "law-enforcement/police/finance", member.Investigate, ""},
		{"action.hacking.variety", "research/institute/health", member.Study, "exact TLP:GREEN"},
		{"action.hacking.variety", "research/institute/health", member.Publish, ""},
		{"victim.industry", "industry/firm/finance", member.Benchmark, "generalised:subsector TLP:GREEN"},
		{"victim.state", "industry/firm/finance", member.Defend, ""},
		// The month may be passed on more freely than the day, so both stand.
		{"timeline.incident", "law-enforcement/police/health", member.Investigate, "generalised:day TLP:AMBER, generalised:month TLP:GREEN"},
		{"timeline.incident", "industry/firm/health", member.Defend, "generalised:month TLP:GREEN"},
		{"timeline.incident", "research/university/finance", member.Study, "generalised:month TLP:GREEN"},
		{"impact.loss.amount", "research/university/finance", member.Study, "generalised:half-decade TLP:GREEN"},
		{"impact.downtime", "industry/firm/finance", member.Benchmark, "generalised:band TLP:GREEN"},
		{"impact.ransom.paid", "industry/firm/finance", member.Benchmark, "counted TLP:AMBER"},
		{"impact.ransom.paid", "law-enforcement/police/finance", member.Investigate, ""},
	} {
		m := recipient(c.who)
		var got []string
		for _, g := range r.For(member.Viewer{Member: m, Purpose: c.purpose}, "finance").Grants(c.path) {
			got = append(got, fmt.Sprintf("%s %s", g.Form, g.TLP))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s to %s to %s: %q, want %q", c.path, c.who, c.purpose, s, c.want)
		}
		d := r.Decide(c.path, member.Viewer{Member: m, Purpose: c.purpose}, "finance", terms.Moment{})
		if (d.Withheld == "") != (c.want != "") {
			t.Errorf("%s to %s to %s is withheld because %q", c.path, c.who, c.purpose, d.Withheld)
		}
	}
}

func TestNoReadyMadeSheetGivesAwayWhoWasHit(t *testing.T) {
	for _, name := range terms.Builtins() {
		for _, ref := range standard.Builtins() {
			r := rules(t, name, ref)
			for _, f := range r.Standard().Fields() {
				for _, d := range r.Leaving(f.Path, time.Time{}) {
					person := f.Class == standard.Identifying && !strings.HasPrefix(f.Path, report.ObservablePath(""))
					switch {
					case f.Class == standard.Narrative:
						t.Errorf("%s: the narrative %s leaves as %s", name, f.Path, d.Form)
					case person && d.Form.Kind != standard.Token && f.Path != "actor.external.name":
						t.Errorf("%s: %s identifies and leaves as %s", name, f.Path, d.Form)
					}
				}
			}
			if d := r.Leaving("victim.victim_id", time.Time{}); len(d) != 1 || d[0].Form.Kind != standard.Token {
				t.Errorf("%s: without the victim's token reports cannot be joined; it leaves as %v", name, d)
			}
			if len(r.Leaving("reporter.on_behalf_of", time.Time{})) == 0 {
				t.Errorf("%s: whom a report is relayed for does not leave as a token", name)
			}
			for _, c := range r.Sheet().Clauses {
				if c.TLP == "" || slices.Contains(c.For, member.Publish) {
					t.Errorf("%s: clause %s has no marking, or lets anybody publish", name, c.ID)
				}
			}
		}
	}
}

func TestASheetServesMembersOfSeveralSectors(t *testing.T) {
	var stds []*standard.Standard
	for _, ref := range standard.Builtins() {
		std, err := standard.Builtin(ref)
		if err != nil {
			t.Fatal(err)
		}
		stds = append(stds, std)
	}
	text := `{"name":"two","version":1,"clauses":[{"id":"a","fields":["finance.services","health.location"],
		"to":[{"stake":"any"}],"for":["study"],"form":"exact"}]}`
	s, err := terms.Parse("two.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all, err := terms.CompileFor(s, stds...)
	if err != nil {
		t.Fatal(err)
	}
	if len(all["finance/1.0"].Leaving("finance.services", time.Time{})) != 1 || len(all["health/1.0"].Leaving("finance.services", time.Time{})) != 0 {
		t.Error("a clause grants a field in another standard than the field's own")
	}
	for _, std := range stds {
		if _, err := terms.Compile(s, std); err == nil {
			t.Errorf("%s alone knows both fields", std.Ref())
		}
	}
}

func TestAClauseReadsAsASentence(t *testing.T) {
	std := finance(t)
	for _, c := range []struct{ clause, want string }{
		{`{"id":"a","fields":["victim.victim_id"],"to":[{"stake":"law-enforcement"}],"for":["investigate"],"form":"token","tlp":"TLP:AMBER+STRICT"}`,
			"Law-enforcement members may, to investigate, receive TITLE as a token, to be passed on within their organisation only (TLP:AMBER+STRICT). They may look for it only in what they hold themselves, where no attacker can notice (PAP:RED)."},
		{`{"id":"a","fields":["class:indicator","timeline.*"],"to":[{"stake":"any","sector":"own"},{"stake":"industry","kinds":["cert","isac"],"sector":"health"}],"for":["defend","study"],"form":"generalised:day","tlp":"TLP:GREEN"}`,
			"All members of the report's own sector and industry members that are CERTs or information sharing centres of the sector health may, to defend themselves or study, receive all indicators and everything under timeline coarsened to day, to be passed on within their community only (TLP:GREEN). They may look for it only in what they hold themselves, where no attacker can notice (PAP:RED)."},
		{`{"id":"a","fields":["impact.overall_amount","impact.overall_min_amount"],"to":[{"stake":"research"}],"for":["study"],"form":"counted"}`,
			"Research members may, to study, receive loss in all and loss in all (at least) only within protected sums, for the recipients' eyes only (TLP:RED). They may look for it only in what they hold themselves, where no attacker can notice (PAP:RED)."},
		{`{"id":"a","fields":["class:amount","health.beds?"],"to":[{"stake":"research"}],"for":["benchmark"],"form":"counted"}`,
			"Research members may, to benchmark, receive all amounts only within protected sums, for the recipients' eyes only (TLP:RED). They may look for it only in what they hold themselves, where no attacker can notice (PAP:RED)."},
		{`{"id":"a","fields":["class:amount"],"to":[{"stake":"research","roles":["mediator"],"projects":["p-one","p-two"],"jurisdictions":["DE"]}],"for":["study"],"form":"counted","after":"30d","keep":"365d","from":"2026-01-01","until":"2027-01-01","groups":5,"pap":"PAP:AMBER","attribution":"none","when":{"contributed_within":"90d"}}`,
			"Research members with the role mediator under the law of DE within the project p-one or p-two may, to study, receive all amounts only within protected sums, for the recipients' eyes only (TLP:RED). This holds only from 30 days after the hub received the report on, from the beginning of 2026-01-01 (UTC) on, until the beginning of 2027-01-01 (UTC), while at least 5 owner groups stand behind the incident, if a report of the recipient was accepted within the last 90 days and until 365 days after the hub received the report. By the end of those 365 days they have deleted their copies. They may look it up elsewhere, as long as no attacker can notice (PAP:AMBER). They are not told who reported it, not even of which stake."},
	} {
		s, err := terms.Parse("s.json", []byte(`{"name":"s","version":1,"clauses":[`+c.clause+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		f, _ := std.Field("victim.victim_id")
		want := strings.Replace(c.want, "TITLE", strings.ToLower(f.Title[:1])+f.Title[1:], 1)
		if got := terms.Sentence(s.Clauses[0], std); got != want {
			t.Errorf("it reads\n%s\nwant\n%s", got, want)
		}
	}
	for _, name := range terms.Builtins() {
		r := rules(t, name, "health/1.0")
		for _, c := range r.Sheet().Clauses {
			if s := terms.Sentence(c, r.Standard()); strings.Contains(s, "  ") || strings.Contains(s, "nothing") || strings.Contains(s, "?") {
				t.Errorf("%s, clause %s reads %q", name, c.ID, s)
			}
		}
	}
}

func TestAWithheldFieldSaysWhichConditionDoesNotHold(t *testing.T) {
	r := rules(t, "default", "finance/1.0")
	d := r.Decide("observable.domain", member.Viewer{Member: recipient("industry/firm/health"), Purpose: member.Defend}, "finance", terms.Moment{})
	if len(d.Missed) != 2 || d.Missed[0] != (terms.Miss{Clause: "indicators-defend", Because: "it is for members of the report's own sector"}) ||
		d.Missed[1] != (terms.Miss{Clause: "indicators-investigate", Because: "it is for investigate only"}) {
		t.Errorf("missed: %+v", d.Missed)
	}
	if d := r.Decide("weather.today", member.Viewer{Member: recipient("industry/firm/health"), Purpose: member.Defend}, "finance", terms.Moment{}); !strings.Contains(d.Withheld, "no such field") {
		t.Errorf("a field of nowhere is withheld because %q", d.Withheld)
	}
	if d := r.Decide("summary", member.Viewer{Member: recipient("industry/firm/health"), Purpose: member.Defend}, "finance", terms.Moment{}); !strings.Contains(d.Withheld, "to anybody") {
		t.Errorf("the summary is withheld because %q", d.Withheld)
	}
}

func TestReduceGivesWhatIsGrantedFromWhatIsHeld(t *testing.T) {
	r := rules(t, "default", "finance/1.0")
	police := r.For(member.Viewer{Member: recipient("law-enforcement/police/finance"), Purpose: member.Investigate}, "finance").At(terms.Moment{})
	study := r.For(member.Viewer{Member: recipient("research/university/finance"), Purpose: member.Study}, "finance").At(terms.Moment{})
	day := standard.Form{Kind: standard.Generalised, Level: "day"}
	token := standard.Form{Kind: standard.Token}
	for _, c := range []struct {
		name  string
		table terms.Granted
		held  []report.Said
		want  string
	}{
		{"a day to the police, and the month that goes further", police, []report.Said{{Path: "timeline.incident", Form: day, Value: "2014-02-03"}}, "[{generalised:day 2014-02-03 TLP:AMBER} {generalised:month 2014-02 TLP:GREEN}]"},
		{"a day to research is a month", study, []report.Said{{Path: "timeline.incident", Form: day, Value: "2014-02-03"}}, "[{generalised:month 2014-02 TLP:GREEN}]"},
		{"a token to the police", police, []report.Said{{Path: "victim.victim_id", Form: token, Value: "T"}}, "[{token T TLP:AMBER+STRICT}]"},
		{"a token to research", study, []report.Said{{Path: "victim.victim_id", Form: token, Value: "T"}}, "[]"},
		{"a counted number to anybody", study, []report.Said{{Path: "impact.ransom.paid", Form: standard.Form{Kind: standard.Counted}, Value: "5"}}, "[]"},
		{"nothing", police, nil, "[]"},
		{"a field of nowhere", police, []report.Said{{Path: "weather.today", Form: token, Value: "T"}}, "[]"},
	} {
		var got []string
		for _, v := range c.table.Reduce(c.held) {
			got = append(got, fmt.Sprintf("{%s %s %s}", v.Form, v.Value, v.TLP))
		}
		if got := fmt.Sprint(got); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if g, ok := police.Receives("observable.domain", standard.Exact); !ok || g.TLP != "TLP:AMBER" {
		t.Errorf("the police receive domains: %v %+v", ok, g)
	}
	if _, ok := study.Receives("observable.domain", standard.Token); ok {
		t.Error("research receives tokens of domains")
	}
}
