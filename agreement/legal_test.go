package agreement_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// whole is an agreement that says all that one can say.
func whole(t testing.TB) agreement.Agreement {
	t.Helper()
	a := sample(t)
	a.Member.Stake, a.Member.Kind = member.Research, "university"
	a.Member.Roles, a.Member.Jurisdiction = []string{"mediator"}, "DE"
	a.Legal = agreement.DefaultLegal(agreement.Legal{
		Location:      []agreement.Place{{Node: "hub", Operator: "Trust e.V.", Country: "DE"}, {Node: "steward one", Operator: "North Bank", Country: "FR"}},
		Subprocessors: []agreement.Subprocessor{{Name: "Hosting GmbH", Does: "runs the machines", Country: "DE"}},
		DataSubjects:  agreement.DataSubjectRequests{Contact: "privacy@trust.example"},
	}, a.Member.Stake, a.Member.Kind)
	a.Law[0].Act = "a higher education act"
	a.Project = &agreement.Project{ID: "p-one", Title: "Ransom", People: []string{"Ada Student"}, Until: begin.AddDate(0, 6, 0), EthicsRef: "2026/7"}
	a.Until = begin.AddDate(0, 6, 0)
	a, err := agreement.Propose(a)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAgreementThatSaysNothingOfTheLawHasTheBytesItAlwaysHad(t *testing.T) {
	text, err := sample(t).Canonical()
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(text, &top); err != nil {
		t.Fatal(err)
	}
	for name := range top {
		if !slices.Contains([]string{"id", "member", "hub", "standards", "policy", "terms", "undertakings", "purposes", "from", "until"}, name) {
			t.Errorf("a property %q came in", name)
		}
	}
	if bytes.Contains(text, []byte("jurisdiction")) || bytes.Contains(text, []byte(`"roles"`)) {
		t.Errorf("the card has new properties: %s", text)
	}
}

func TestWhatCounselAsksIsSignedWithTheRest(t *testing.T) {
	a := whole(t)
	got, err := agreement.Open(signed(t, a), public(memberKey), public(hubKey))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := a.Canonical()
	if text, _ := got.Canonical(); !bytes.Equal(text, want) {
		t.Errorf("opened is\n%s\nsigned was\n%s", text, want)
	}
	if m := got.Member.Recipient(); !slices.Equal(m.Roles, a.Member.Roles) || m.Jurisdiction != "DE" {
		t.Errorf("as a recipient it is %+v", m)
	}
}

func TestEveryStakeAndKindHasDefaultsThatHoldTogether(t *testing.T) {
	for _, stake := range member.Stakes() {
		for _, kind := range member.Kinds() {
			if (kind == "police" || kind == "prosecutor") && stake != member.LawEnforcement {
				continue // the door lets no such member in
			}
			l := agreement.DefaultLegal(agreement.Legal{}, stake, kind)
			if err := agreement.CheckLaw(l.Law, stake); err != nil {
				t.Errorf("%s, %s: %v", stake, kind, err)
			}
			if err := l.Check(); err != nil {
				t.Errorf("%s, %s: %v", stake, kind, err)
			}
			for _, flow := range []agreement.Flow{agreement.Contribute, agreement.Receive, agreement.Statistics, agreement.Release} {
				if !slices.ContainsFunc(l.Law, func(p agreement.Position) bool { return p.Flow == flow }) {
					t.Errorf("%s, %s: nothing is said of the flow %s", stake, kind, flow)
				}
			}
		}
	}
}

func TestPositionsThatContradictEachOtherAreRefused(t *testing.T) {
	good := agreement.Position{Flow: agreement.Receive, Role: agreement.Controller, Counterpart: agreement.Controller, Basis: agreement.LegitimateInterest}
	for name, c := range map[string]struct {
		stake  member.Stake
		change func(*agreement.Position)
		path   string
	}{
		"no such flow":                       {member.Industry, func(p *agreement.Position) { p.Flow = "gossip" }, "/law/0/flow"},
		"no such role":                       {member.Industry, func(p *agreement.Position) { p.Role = "owner" }, "/law/0/role"},
		"no such basis":                      {member.Industry, func(p *agreement.Position) { p.Basis = "gdpr-9" }, "/law/0/basis"},
		"joint with nobody":                  {member.Industry, func(p *agreement.Position) { p.Role = agreement.JointController }, "/law/0/counterpart"},
		"a processor of a processor":         {member.Industry, func(p *agreement.Position) { p.Role, p.Counterpart = agreement.Processor, agreement.Processor }, "/law/0/counterpart"},
		"the third party as an authority":    {member.Industry, func(p *agreement.Position) { p.Counterpart = agreement.CompetentAuthority }, "/law/0/counterpart"},
		"the Directive for a firm":           {member.Industry, func(p *agreement.Position) { p.Basis = agreement.LawEnforcementTask }, "/law/0/basis"},
		"an authority without the Directive": {member.LawEnforcement, func(p *agreement.Position) { p.Role = agreement.CompetentAuthority }, "/law/0/basis"},
		"an authority of the stake industry": {member.Industry, func(p *agreement.Position) {
			p.Role, p.Basis = agreement.CompetentAuthority, agreement.LawEnforcementTask
		}, "/law/0/role"},
		"another law that is not named":          {member.Industry, func(p *agreement.Position) { p.Basis = "other-law" }, "/law/0/act"},
		"a law with a name that is far too long": {member.Industry, func(p *agreement.Position) { p.Act = strings.Repeat("x", 300) }, "/law/0/act"},
	} {
		p := good
		c.change(&p)
		err := agreement.CheckLaw([]agreement.Position{p}, c.stake)
		if f := fault.Public(err); err == nil || f.Path != c.path {
			t.Errorf("%s: %v at %q, expected %s", name, err, f.Path, c.path)
		}
	}
	if err := agreement.CheckLaw([]agreement.Position{good, good}, member.Industry); err == nil {
		t.Error("a flow stands twice")
	}
	if err := agreement.CheckLaw([]agreement.Position{good}, member.Industry); err != nil {
		t.Errorf("this test cannot succeed: %v", err)
	}
}

func TestWhatIsSaidOfTheThirdPartyHasAForm(t *testing.T) {
	for name, change := range map[string]func(*agreement.Agreement){
		"a place of nobody": func(a *agreement.Agreement) { a.Location = []agreement.Place{{Node: "hub", Country: "DE"}} },
		"a place of no node": func(a *agreement.Agreement) {
			a.Location = []agreement.Place{{Node: "cloud", Operator: "x", Country: "DE"}}
		},
		"a country that does not exist": func(a *agreement.Agreement) {
			a.Location = []agreement.Place{{Node: "hub", Operator: "x", Country: "XX"}}
		},
		"a subprocessor in words": func(a *agreement.Agreement) {
			a.Subprocessors = []agreement.Subprocessor{{Name: "x", Does: "y", Country: "Germany"}}
		},
		"a breach told next year":     func(a *agreement.Agreement) { a.BreachNotice = 9000 },
		"a request that takes months": func(a *agreement.Agreement) { a.DataSubjects.ForwardDays = 90 },
		"an order in other words":     func(a *agreement.Agreement) { a.CompelledAccess = "tell-never" },
		"a defence in other words":    func(a *agreement.Agreement) { a.DefenceDisclosure = "never" },
		"an end in other words":       func(a *agreement.Agreement) { a.AfterEnd = "sell" },
		"a member of no country":      func(a *agreement.Agreement) { a.Member.Jurisdiction = "Europe" },
		"a role with blanks":          func(a *agreement.Agreement) { a.Member.Roles = []string{"grand mediator"} },
		"a role twice":                func(a *agreement.Agreement) { a.Member.Roles = []string{"mediator", "mediator"} },
	} {
		a := sample(t)
		change(&a)
		if _, err := a.Canonical(); err == nil {
			t.Errorf("%s is signed", name)
		}
	}
}

func TestAProjectIsOfResearchOfNamedPeopleAndOfAYear(t *testing.T) {
	for name, change := range map[string]func(*agreement.Agreement){
		"of a firm":              func(a *agreement.Agreement) { a.Member.Stake, a.Law = member.Industry, nil },
		"without an id":          func(a *agreement.Agreement) { a.Project.ID = "" },
		"without a title":        func(a *agreement.Agreement) { a.Project.Title = "" },
		"without people":         func(a *agreement.Agreement) { a.Project.People = nil },
		"with somebody twice":    func(a *agreement.Agreement) { a.Project.People = []string{"Ada Student", "ada student"} },
		"with blanks for a name": func(a *agreement.Agreement) { a.Project.People = []string{" "} },
		"of more than a year":    func(a *agreement.Agreement) { a.Project.Until = begin.AddDate(1, 0, 3) },
		"that ends before the agreement": func(a *agreement.Agreement) {
			a.Project.Until = a.Until.Add(-time.Second)
		},
		"with no end": func(a *agreement.Agreement) { a.Project.Until = time.Time{} },
	} {
		a := whole(t)
		p := *a.Project
		a.Project = &p
		change(&a)
		if _, err := a.Canonical(); err == nil {
			t.Errorf("a project %s is signed", name)
		}
	}
	a := whole(t)
	if a.Admits(" ada STUDENT") != nil || a.Admits("Eve") == nil {
		t.Error("it does not admit just the people whom it names")
	}
	if sample(t).Admits("Eve") != nil {
		t.Error("an agreement without a project names nobody and admits nobody")
	}
}

func TestARemindersNumberGrowsTowardsTheEndAndTheDaysAreRight(t *testing.T) {
	until := begin.AddDate(1, 0, 0)
	for _, c := range []struct {
		before    time.Duration
		days, due int
	}{{31 * 24 * time.Hour, 31, 0}, {30 * 24 * time.Hour, 30, 1}, {7*24*time.Hour + time.Second, 8, 1}, {7 * 24 * time.Hour, 7, 2},
		{24 * time.Hour, 1, 3}, {time.Second, 1, 3}, {0, 0, 4}, {-time.Hour, 0, 4}} {
		if days, due := agreement.Reminder(until, until.Add(-c.before)); days != c.days || due != c.due {
			t.Errorf("%s before the end: %d days, %d due; expected %d, %d", c.before, days, due, c.days, c.due)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		one, other := rapid.Int64Range(-1e7, 1e7).Draw(t, "one"), rapid.Int64Range(-1e7, 1e7).Draw(t, "other")
		_, earlier := agreement.Reminder(until, until.Add(time.Duration(min(one, other))*time.Second))
		_, later := agreement.Reminder(until, until.Add(time.Duration(max(one, other))*time.Second))
		if earlier > later {
			t.Fatalf("%d reminders are due, and later %d", earlier, later)
		}
	})
}

func TestTheSentencesSayEverythingAndWhatIsNotSaid(t *testing.T) {
	text := func(a agreement.Agreement) string {
		var b strings.Builder
		for _, s := range a.Sections(standard.Builtin) {
			if len(s.Lines) == 0 {
				t.Errorf("the section %q is empty", s.Title)
			}
			b.WriteString(s.Title + "\n" + strings.Join(s.Lines, "\n") + "\n")
		}
		return b.String()
	}
	full := text(whole(t))
	for _, want := range []string{"North Bank", "law of DE", "mediator", "hub is run by Trust e.V. in DE", "steward one is run by North Bank in FR", "Hosting GmbH in DE works for the third party: runs the machines.",
		"joint controller (Art. 26 GDPR)", "by a higher education act", "within 3 days", "privacy@trust.example", "within 24 hours", "told before anything is handed out", "court is asked to protect the source",
		"After the end nothing", "\"Ransom\" (p-one)", "Ada Student", "2026/7", "TLP:GREEN"} {
		if !strings.Contains(full, want) {
			t.Errorf("nothing says %q:\n%s", want, full)
		}
	}
	for _, p := range whole(t).Law {
		if s := p.Sentence(); !strings.Contains(full, s) || strings.Contains(s, "  ") {
			t.Errorf("the position %+v is not told well: %q", p, s)
		}
	}
	silent := text(sample(t))
	for _, want := range []string{"silent about roles", "does not say where the hub", "No subprocessor", "silent about requests", "no time for telling a breach", "silent about orders", "silent about disclosure"} {
		if !strings.Contains(silent, want) {
			t.Errorf("nothing says %q:\n%s", want, silent)
		}
	}
	a := sample(t)
	a.Terms, a.AfterEnd = nil, agreement.Keep
	if s := text(a); !strings.Contains(s, "contributes nothing") || !strings.Contains(s, "stays available after the end") {
		t.Errorf("a member that only receives is told as\n%s", s)
	}
}

// The Data Privacy Vocabulary has the bases under the names that are given.
func TestBasesHaveTheirNamesInTheVocabulary(t *testing.T) {
	file := shareddata.Open(t, "data-use", "dpv-2.3", "legal_basis.csv")
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range rows {
		known["dpv:"+r[0]] = true
	}
	for _, b := range agreement.Bases() {
		if !known[b.DPV] {
			t.Errorf("%s is said to be %s, which the vocabulary does not have", b.Code, b.DPV)
		}
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	text, err := os.ReadFile("../docs/legal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]agreement.Code{agreement.Flows(), agreement.Roles(), agreement.Bases()} {
		for _, c := range list {
			if !bytes.Contains(text, []byte("`"+c.Code+"`")) || c.DPV != "" && !bytes.Contains(text, []byte("`"+c.DPV+"`")) {
				t.Errorf("docs/legal.md does not explain %s (%s)", c.Code, c.DPV)
			}
		}
	}
	for _, code := range []string{string(agreement.TellFirst), string(agreement.TellAfter), string(agreement.AskFirst), string(agreement.AsLawRequires), string(agreement.Keep), string(agreement.Withdraw)} {
		if !bytes.Contains(text, []byte("`"+code+"`")) {
			t.Errorf("docs/legal.md does not explain %s", code)
		}
	}
}
