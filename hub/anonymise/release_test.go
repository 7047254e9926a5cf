package anonymise_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Every class of the released table is counted again from what was told, at
// the levels that the release states: by records, victims and owner groups.
func TestEveryClassHoldsKRecordsVictimsAndOwnerGroups(t *testing.T) {
	for seed := range uint64(4) {
		tr := newTrust(t)
		tr.population(300, seed)
		rel, content := tr.release()
		_, rows := cells(t, content)
		quasi := []string{"victim.industry", "victim.employee_count", "victim.country", "timeline.incident"}
		type class struct {
			records         int
			victims, groups map[string]bool
		}
		truth := map[string]*class{}
		for _, told := range tr.incidents {
			var key []string
			victim := ""
			groups := []string{}
			for _, rep := range told.Reports {
				groups = append(groups, string(rep.Row().OwnerGroup))
			}
			for _, q := range quasi {
				f, _ := tr.std.Field(q)
				// As research may study it: dates to the month.
				value := ""
				for _, s := range told.Reports[0].Report().Said {
					if s.Path == q {
						value = s.Value
					}
					if s.Path == "victim.victim_id" {
						victim = s.Value
					}
				}
				if q == "timeline.incident" {
					value = value[:7]
				}
				if level := rel.Levels[q]; level != "as told" {
					var err error
					if value, err = tr.std.Generalise(f, level, value); err != nil {
						t.Fatal(err)
					}
				}
				key = append(key, value)
			}
			c := truth[strings.Join(key, "|")]
			if c == nil {
				c = &class{victims: map[string]bool{}, groups: map[string]bool{}}
				truth[strings.Join(key, "|")] = c
			}
			c.records++
			c.victims[victim] = true
			for _, g := range groups {
				c.groups[g] = true
			}
		}
		released := map[string]int{}
		for _, r := range rows {
			released[strings.Join(r[:len(quasi)], "|")]++
		}
		for key, n := range released {
			c := truth[key]
			if c == nil || c.records != n || n < rel.K || len(c.victims) < rel.K || len(c.groups) < rel.MinOwnerGroups {
				t.Errorf("seed %d: class %s of %d records: in truth %+v", seed, key, n, c)
			}
		}
		if len(rows)+rel.Suppressed != 300 || len(rows) < 250 {
			t.Errorf("seed %d: %d records released and %d suppressed, of 300", seed, len(rows), rel.Suppressed)
		}
	}
}

func TestNoTokenNoIdAndNoNameIsInARelease(t *testing.T) {
	tr := newTrust(t)
	tr.population(300, 1)
	_, content := tr.release()
	var secrets []string
	for _, told := range tr.incidents {
		secrets = append(secrets, string(told.Incident.ID))
		for _, rep := range told.Reports {
			row := rep.Row()
			secrets = append(secrets, string(row.Member), string(row.OwnerGroup), string(row.Report))
			for _, s := range rep.Report().Said {
				if s.Form.Kind == standard.Token {
					secrets = append(secrets, s.Value)
				}
			}
		}
	}
	for name, data := range content {
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				t.Fatalf("%s holds %q", name, s)
			}
		}
	}
}

func TestAReleaseHoldsOnlyWhatResearchMayStudy(t *testing.T) {
	tr := newTrust(t)
	sheet, err := terms.Parse("narrow.yaml", []byte(`
name: narrow
version: 1
clauses:
  - id: police-only
    fields: ["class:descriptive", victim.country]
    to: [{stake: law-enforcement}]
    for: [investigate, study]
    form: exact
  - id: research-may-defend
    fields: ["class:descriptive"]
    to: [{stake: research}]
    for: [defend]
    form: exact
  - id: coarse
    fields: [victim.industry, victim.employee_count, timeline.incident]
    to: [{stake: research}]
    for: [study]
    form: generalised:any
`))
	if err != nil {
		t.Fatal(err)
	}
	tr.sheet("narrow", sheet)
	for i := range 40 {
		one := plain(fmt.Sprint("bank ", i%9), fmt.Sprint("v ", i), nil)
		tr.tell(one)
		narrow := plain(fmt.Sprint("shy ", i%9), fmt.Sprint("w ", i), map[string]string{"action.hacking.variety": "SQLi", "victim.country": "FR"})
		narrow.sheet = "narrow"
		tr.tell(narrow)
	}
	rel, content := tr.release()
	if rel.Records != 40 {
		t.Errorf("%d records; those of members who grant nothing that tells anything do not belong there", rel.Records)
	}
	if got := column(t, content, "action.hacking.variety"); got["SQLi"] > 0 || got["Brute force"] == 0 {
		t.Errorf("hacking: %v", got)
	}
	if got := column(t, content, "victim.country"); got["FR"] > 0 {
		t.Errorf("countries: %v", got)
	}
}

func TestTheSameRecordGivesTheSameRelease(t *testing.T) {
	tr := newTrust(t)
	tr.population(300, 2)
	_, first := tr.release()
	tr.now = tr.now.Add(time.Hour)
	slices.Reverse(tr.incidents)
	for i := range tr.incidents {
		slices.Reverse(tr.incidents[i].Reports)
	}
	_, second := tr.release()
	for _, name := range []string{"incidents.csv", "incidents.jsonl", "incidents.parquet", "coverage.csv", "codebook.html"} {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs between two releases of one record", name)
		}
	}
}

// Of an attribute a release tells only what K records of K victims share, told
// by enough owner groups.
func TestACodeThatFewShareIsLeftOut(t *testing.T) {
	tr := newTrust(t)
	for i := range 60 {
		says := map[string]string{}
		group, victim := fmt.Sprint("bank ", i%10), fmt.Sprint("v ", i)
		switch {
		case i < 4: // four records
			says["action.hacking.variety"] = "Cryptanalysis"
		case i < 12: // eight records of one victim
			says["action.hacking.variety"], victim = "SQLi", "v one"
		case i < 22: // ten records told by one owner group
			says["action.hacking.variety"], group = "DoS", "bank 0"
		case i < 28:
			says["action.hacking.variety"] = "XSS"
		}
		tr.tell(plain(group, victim, says))
	}
	rel, content := tr.release()
	got := column(t, content, "action.hacking.variety")
	if got["Cryptanalysis"]+got["SQLi"]+got["DoS"] > 0 || got["XSS"] != 6 || got["Brute force"] != 32 {
		t.Errorf("hacking: %v", got)
	}
	if rel.RareRemoved != 22 {
		t.Errorf("%d codes are said to be left out; there were 22", rel.RareRemoved)
	}
}

func TestAmountsAreReleasedInBandsOnlyAndCurrenciesNever(t *testing.T) {
	tr := newTrust(t)
	sheet, err := terms.Parse("open.yaml", []byte(`
name: open
version: 1
clauses:
  - id: everything
    fields: ["class:descriptive", "class:amount", "class:quasi-identifier"]
    to: [{stake: research}]
    for: [study]
    form: exact
  - id: victims
    fields: [victim.victim_id]
    to: [{stake: law-enforcement}]
    for: [investigate]
    form: token
`))
	if err != nil {
		t.Fatal(err)
	}
	tr.sheet("open", sheet)
	for i := range 60 {
		one := plain(fmt.Sprint("bank ", i%10), fmt.Sprint("v ", i), map[string]string{
			"attribute.confidentiality.data_total": fmt.Sprint(5001 + i), "impact.overall_amount": fmt.Sprint(70001 + i),
			"impact.ransom.demanded": "123456", "impact.iso_currency_code": "NOK", "victim.state": "Bremen", "victim.revenue.amount": "77777777"})
		one.sheet = "open"
		tr.tell(one)
	}
	_, content := tr.release()
	head, _ := cells(t, content)
	for _, c := range head {
		if strings.Contains(c, "currency") || c == "victim.state" || strings.HasPrefix(c, "impact.ransom") || c == "victim.revenue.amount" {
			t.Errorf("column %s", c)
		}
	}
	for _, c := range []string{"attribute.confidentiality.data_total", "impact.overall_amount"} {
		told := 0
		for v, n := range column(t, content, c) {
			if v != "" && !strings.Contains(v, "..") {
				t.Errorf("%s tells %s exactly", c, v)
			}
			if v != "" {
				told += n
			}
		}
		if told == 0 {
			t.Errorf("%s tells nothing", c)
		}
	}
	for name, data := range content {
		if name != "codebook.html" && bytes.Contains(data, []byte("NOK")) {
			t.Errorf("%s tells the currency", name)
		}
	}
}

func TestSistersCountOnceAndTheOrganisationRelayedForCountsItself(t *testing.T) {
	for _, c := range []struct {
		name     string
		who      func(i int) telling
		released bool
	}{
		{"six owner groups", func(i int) telling { return telling{member: fmt.Sprint("bank ", i%6)} }, true},
		{"six sister firms of one owner", func(i int) telling { return telling{member: fmt.Sprintf("firm %d/one owner", i%6)} }, false},
		{"one relays for six", func(i int) telling { return telling{member: "isac", onBehalf: fmt.Sprint("firm ", i%6)} }, true},
		{"one relays for one", func(i int) telling { return telling{member: "isac", onBehalf: "firm"} }, false},
		{"six on probation", func(i int) telling { return telling{member: fmt.Sprint("new ", i%6)} }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			for i := range 30 {
				one := c.who(i)
				one.says = plain("", fmt.Sprint("v ", i), nil).says
				if strings.HasPrefix(one.member, "new") {
					m := tr.join(one.member)
					probation := tr.members[m]
					probation.CountsFrom = tr.now.Add(time.Hour)
					tr.members[m] = probation
				}
				tr.tell(one)
			}
			rel, err := tr.room().Release(t.Context(), "finance")
			if c.released && (err != nil || rel.Records != 30) {
				t.Errorf("%d records, %v", rel.Records, err)
			}
			if !c.released && fault.KindOf(err) != fault.NotFound {
				t.Errorf("%d records, %v", rel.Records, err)
			}
		})
	}
}

func TestRecordsOfVictimsNotKnownCountAsOneVictim(t *testing.T) {
	tr := newTrust(t)
	for i := range 30 {
		one := plain(fmt.Sprint("bank ", i%6), "", nil)
		delete(one.says, "victim.victim_id")
		tr.tell(one)
	}
	if rel, err := tr.room().Release(t.Context(), "finance"); err == nil || fault.Public(err).Code != "release.too_few" {
		t.Errorf("%d records, %v", rel.Records, err)
	}
}

func TestAReleaseThatDiffersByFewIsRefused(t *testing.T) {
	tr := newTrust(t)
	tr.population(200, 3)
	tr.release()
	again := func() error {
		tr.now = tr.now.Add(time.Hour)
		_, err := tr.room().Release(t.Context(), "finance")
		return err
	}
	if err := again(); err != nil {
		t.Errorf("nothing came since: %v", err)
	}
	fresh := func(n int, group func(i int) string) {
		for i := range n {
			one := plain(group(i), fmt.Sprint("fresh ", i), nil)
			one.received = tr.now
			tr.tell(one)
		}
	}
	fresh(4, func(i int) string { return fmt.Sprint("bank ", i) })
	if err := again(); err == nil || fault.Public(err).Code != "release.too_soon" {
		t.Errorf("four incidents came since: %v", err)
	}
	fresh(20, func(int) string { return "bank 1" })
	if err := again(); err == nil || fault.Public(err).Code != "release.too_soon" {
		t.Errorf("24 came, from four owner groups: %v", err)
	}
	fresh(8, func(i int) string { return fmt.Sprint("bank ", i) })
	if err := again(); err != nil {
		t.Errorf("32 came, from eight owner groups: %v", err)
	}
}

func TestAReleaseOfFewRecordsIsRefused(t *testing.T) {
	tr := newTrust(t)
	if _, err := tr.room().Release(t.Context(), "finance"); err == nil || fault.Public(err).Code != "release.empty" {
		t.Errorf("of nothing: %v", err)
	}
	for i := range 40 {
		tr.tell(plain(fmt.Sprint("bank ", i%4), fmt.Sprint("v ", i), nil))
	}
	if _, err := tr.room().Release(t.Context(), "finance"); err == nil || fault.Public(err).Code != "release.too_few_groups" {
		t.Errorf("of four owner groups: %v", err)
	}
	one := newTrust(t)
	for i := range 40 {
		one.tell(plain(fmt.Sprint("bank ", i%8), "the same victim", nil))
	}
	if _, err := one.room().Release(t.Context(), "finance"); err == nil || fault.Public(err).Code != "release.too_few" {
		t.Errorf("of one victim: %v", err)
	}
}

// Whether a field tells nothing because nobody reported it or because too few
// did has one reason: two would tell of the few. What nobody's terms let
// research study has another, whatever was reported.
func TestTheReasonOfAnEmptyFieldTellsOfNoReport(t *testing.T) {
	sheet, err := terms.Parse("some.yaml", []byte(`
name: some
version: 1
clauses:
  - id: some
    fields: [victim.industry, victim.country, victim.employee_count, timeline.incident, "action.hacking.*", "action.error.*"]
    to: [{stake: research}]
    for: [study]
    form: exact
  - id: only-counted
    fields: ["action.social.*"]
    to: [{stake: research}]
    for: [study]
    form: counted
  - id: identity
    fields: [victim.victim_id]
    to: [{stake: research}]
    for: [study]
    form: token
`))
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrust(t)
	tr.sheet("some", sheet)
	for i := range 40 {
		one := plain(fmt.Sprint("bank ", i%8), fmt.Sprint("v ", i), nil)
		one.sheet = "some"
		one.says["action.hacking.variety"] = "SQLi"
		if i == 0 {
			one.says["action.error.variety"] = "Loss" // told, and rare
		}
		tr.tell(one)
	}
	rel, _ := tr.release()
	if why, held := rel.Withheld["action.hacking.variety"]; held {
		t.Errorf("a field that is told is withheld: %s", why)
	}
	rare, unsaid := rel.Withheld["action.error.variety"], rel.Withheld["action.error.vector"]
	if rare == "" || rare != unsaid {
		t.Errorf("one rare report is told by its reason: %q; of what nobody reported %q", rare, unsaid)
	}
	for _, path := range []string{"action.malware.variety", "action.social.variety"} {
		if why := rel.Withheld[path]; why != "no contributor lets research study it" {
			t.Errorf("%s: %q", path, why)
		}
	}
}

// The most precise telling stands, whoever told first: a month is finer than
// a quarter and a country finer than its region, though shorter.
func TestTheFinestTellingStands(t *testing.T) {
	tr := newTrust(t)
	sheet, err := terms.Parse("coarse.yaml", []byte(`
name: coarse
version: 1
clauses:
  - id: place
    fields: [victim.country]
    to: [{stake: research}]
    for: [study]
    form: generalised:region
  - id: time
    fields: [timeline.incident]
    to: [{stake: research}]
    for: [study]
    form: generalised:quarter
  - id: victims
    fields: [victim.victim_id]
    to: [{stake: law-enforcement}]
    for: [investigate]
    form: token
`))
	if err != nil {
		t.Fatal(err)
	}
	tr.sheet("coarse", sheet)
	for i := range 30 {
		coarse := plain(fmt.Sprint("vague ", i%6), fmt.Sprint("v ", i), nil)
		coarse.sheet = "coarse"
		tr.tell(coarse, plain(fmt.Sprint("bank ", i%6), fmt.Sprint("v ", i), nil))
	}
	_, content := tr.release()
	if got := column(t, content, "victim.country"); got["DE"] != 30 {
		t.Errorf("countries: %v", got)
	}
	if got := column(t, content, "timeline.incident"); got["2025-05"] != 30 {
		t.Errorf("dates: %v", got)
	}
}

func TestAVictimInSeveralCountriesIsCoarsenedCountryByCountry(t *testing.T) {
	tr := newTrust(t)
	for i := range 30 {
		one := plain(fmt.Sprint("bank ", i%6), fmt.Sprint("v ", i), nil)
		delete(one.says, "victim.country")
		one.many = map[string][]string{"victim.country": {"FR", "DE"}}
		tr.tell(one)
	}
	_, content := tr.release()
	if got := column(t, content, "victim.country"); got["DE; FR"] != 30 {
		t.Errorf("countries: %v", got)
	}
}

// The coverage table names no category behind which fewer than the minimum
// stand, and counts each owner group under its own stake.
func TestCoverageIsProtected(t *testing.T) {
	tr := newTrust(t)
	for i := range 60 {
		one := plain(fmt.Sprint("bank ", i%12), fmt.Sprint("v ", i), nil)
		if i == 0 {
			one.says["timeline.incident"], one.says["victim.employee_count"] = "1999-01-02", "Over 100000"
		}
		all := []telling{one}
		if i < 12 {
			force := plain(fmt.Sprint("force ", i%2), fmt.Sprint("v ", i), nil)
			m := tr.join(force.member)
			police := tr.members[m]
			police.Stake = member.LawEnforcement
			tr.members[m] = police
			all = append(all, force)
		}
		tr.tell(all...)
	}
	rel, content := tr.release()
	rows, err := csv.NewReader(bytes.NewReader(content["coverage.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"dimension", "category", "owner_groups"},
		{"stake", "industry", "10 or more"}, {"stake", "all others", "withheld"},
		{"size", "101 to 1000", "10 or more"}, {"size", "all others", "withheld"},
		{"month", "2025-05", "10 or more"}, {"month", "all others", "withheld"},
	}
	if !slices.EqualFunc(rows, want, slices.Equal[[]string]) {
		t.Errorf("coverage: %q", rows)
	}
	if rel.From != "2025-05" || rel.To != "2025-05" {
		t.Errorf("from %s to %s: the period tells of a suppressed record", rel.From, rel.To)
	}
}

func TestAReleaseCarriesTheStrictestMarkingOfItsGrants(t *testing.T) {
	tr := newTrust(t)
	tr.population(100, 5)
	if rel, _ := tr.release(); rel.TLP != "TLP:GREEN" {
		t.Errorf("marked %q; the default terms grant what stands in it as TLP:GREEN", rel.TLP)
	}
}

func BenchmarkRelease(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("incidents=%d", n), func(b *testing.B) {
			tr := newTrust(b)
			tr.population(n, 1)
			var rel anonymise.Release
			for b.Loop() {
				var err error
				tr.now = tr.now.Add(time.Second)
				if rel, err = tr.room().Release(b.Context(), "finance"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "incidents/s")
			b.ReportMetric(float64(rel.Suppressed)/float64(n), "suppressed")
		})
	}
}
