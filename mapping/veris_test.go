package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

func parsed(t testing.TB, text string) veris.Incident {
	t.Helper()
	in, err := veris.NewParser().Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// said writes what a report says, "path[row] = value", without its standard.
func said(r report.Report) []string {
	var out []string
	for _, s := range r.Statements {
		at := s.Path
		if s.Row > 0 {
			at += fmt.Sprintf("[%d]", s.Row)
		}
		out = append(out, at+" = "+s.Value)
	}
	return out
}

func TestEachQuirkIsReadByItsRule(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	applied := map[string]bool{}
	for _, c := range []struct {
		name, incident string
		says           []string
		rules          []string // all that were applied
		invalid        []string // paths
		skipped        []string // paths
	}{
		{name: "a plain value needs no rule", incident: `{"summary":"a\r\nb","victim":{"industry":"522110","country":["US","CA"]}}`,
			says: []string{"summary = a\r\nb", "victim.industry = 522110", "victim.country = US", "victim.country[1] = CA"}},
		{name: "names carry whitespace", incident: `{"attribute":{" confidentiality ":{"data_total":3}}}`,
			says: []string{"attribute.confidentiality.data_total = 3"}, rules: []string{veris.RuleName}},
		{name: "names differ in case", incident: `{"Victim":{"Industry":"52"}}`,
			says: []string{"victim.industry = 52"}, rules: []string{veris.RuleNameCase}},
		{name: "names are paths", incident: `{"victim.country":["US"],"plus.x":"1"}`,
			says: []string{"victim.country = US"}, rules: []string{veris.RuleNameFlat, veris.RuleNameFlat}, skipped: []string{"plus.x"}},
		{name: "the version is written with lines", incident: `{"schema_version":"1_3_4","summary":"s"}`,
			says: []string{"summary = s"}, rules: []string{veris.RuleVersion}, skipped: []string{"schema_version"}},
		{name: "empty values say nothing", incident: `{"summary":"s","notes":" ","victim":{"country":[],"state":null,"revenue":{}},"plus":{"a":""}}`,
			says: []string{"summary = s"}, rules: slices.Repeat([]string{veris.RuleEmpty}, 5)},
		{name: "the presence of unknown says something", incident: `{"actor":{"unknown":{}},"action":{"unknown":{}},"attribute":{"unknown":{}}}`,
			says: []string{"actor.unknown.stated = true", "action.unknown.stated = true", "attribute.unknown.stated = true"}},
		{name: "also with an empty remark", incident: `{"actor":{"unknown":{"notes":""}}}`,
			says: []string{"actor.unknown.stated = true"}, rules: []string{veris.RuleEmpty}},
		{name: "also with a remark", incident: `{"actor":{"unknown":{"notes":"n"}}}`,
			says: []string{"actor.unknown.stated = true", "actor.unknown.notes = n"}},
		{name: "codes are trimmed", incident: `{"targeted":" Targeted "}`,
			says: []string{"targeted = Targeted"}, rules: []string{veris.RuleTrim}},
		{name: "codes differ in case", incident: `{"confidence":"HIGH","action":{"hacking":{"variety":["sqli","Use of Stolen Creds"]}}}`,
			says:  []string{"confidence = High", "action.hacking.variety = SQLi", "action.hacking.variety[1] = Use of stolen creds"},
			rules: []string{veris.RuleCase, veris.RuleCase, veris.RuleCase}},
		{name: "control characters are no text", incident: `{"summary":"a\u0003b"}`,
			says: []string{"summary = a b"}, rules: []string{veris.RuleControl}},
		{name: "accents are composed", incident: `{"summary":"e\u0301"}`,
			says: []string{"summary = é"}, rules: []string{veris.RuleForm}},
		{name: "texts are cut where the standard ends", incident: `{"victim":{"state":"` + strings.Repeat("x", 201) + `"}}`,
			says: []string{"victim.state = " + strings.Repeat("x", 200)}, rules: []string{veris.RuleTextLong}, skipped: []string{"victim.state"}},
		{name: "texts are written as numbers", incident: `{"source_id":12,"victim":{"industry":522110}}`,
			says: []string{"incident.source = 12", "victim.industry = 522110"}, rules: []string{veris.RuleTypeText, veris.RuleTypeText}},
		{name: "numbers are written as texts", incident: `{"attribute":{"confidentiality":{"data_total":"1,545"}}}`,
			says: []string{"attribute.confidentiality.data_total = 1545"}, rules: []string{veris.RuleTypeNum}},
		{name: "whole numbers have a fraction", incident: `{"attribute":{"confidentiality":{"data_total":2.0,"data_volume":1e3}}}`,
			says:  []string{"attribute.confidentiality.data_total = 2", "attribute.confidentiality.data_volume = 1000"},
			rules: []string{veris.RuleWhole, veris.RuleWhole}},
		{name: "booleans are written as texts", incident: `{"discovery_method":{"unknown":"yes"}}`,
			says: []string{"discovery_method.unknown = true"}, rules: []string{veris.RuleTypeBool}},
		{name: "booleans are written as objects", incident: `{"discovery_method":{"other":{}}}`,
			says: []string{"discovery_method.other = true"}, rules: []string{veris.RuleTypeBool}},
		{name: "a value stands where a list belongs", incident: `{"victim":{"country":"US"},"asset":{"assets":{"variety":"S - Mail","amount":2}}}`,
			says:  []string{"victim.country = US", "asset.assets.variety = S - Mail", "asset.assets.amount = 2"},
			rules: []string{veris.RuleList, veris.RuleList, veris.RuleList}},
		{name: "several codes stand in one text", incident: `{"victim":{"country":["US, CA; mx"]}}`,
			says:  []string{"victim.country = US", "victim.country[1] = CA", "victim.country[2] = MX"},
			rules: []string{veris.RuleSplit, veris.RuleCase}},
		{name: "a text with a stranger among its codes is not split", incident: `{"victim":{"country":["US, Narnia"]}}`,
			says: []string{"victim.country = Other"}, rules: []string{veris.RuleOther}, invalid: []string{"victim.country"}},
		{name: "a list stands where a value belongs", incident: `{"confidence":["High"],"summary":["a","b"]}`,
			says:  []string{"confidence = High", "summary = a; b"},
			rules: []string{veris.RuleOne, veris.RuleOne, veris.RuleOne}},
		{name: "two codes stand where one belongs", incident: `{"confidence":["High","Low"]}`,
			says: []string{"confidence = High"}, rules: []string{veris.RuleOne, veris.RuleOne}, invalid: []string{"confidence"}},
		{name: "an object stands in a list", incident: `{"victim":[{"country":["US"],"state":"NY"}]}`,
			says: []string{"victim.country = US", "victim.state = NY"}, rules: []string{veris.RuleOne, veris.RuleOne}},
		{name: "a list says a code twice", incident: `{"victim":{"country":["US","US"]}}`,
			says: []string{"victim.country = US"}, rules: []string{veris.RuleTwice}},
		{name: "a code is not known", incident: `{"action":{"hacking":{"variety":["Quantum"]}},"confidence":"Quantum"}`,
			says: []string{"action.hacking.variety = Other"}, rules: []string{veris.RuleOther}, invalid: []string{"action.hacking.variety", "confidence"}},
		{name: "a code has a new name", incident: `{"actor":{"external":{"variety":["State-sponsored"],"country":["UK"]}}}`,
			says:  []string{"actor.external.variety = State-affiliated", "actor.external.country = GB"},
			rules: []string{"code actor.external.variety = State-sponsored", "code *.*.country = UK"}},
		{name: "a code has a new name, in other case", incident: `{"actor":{"internal":{"variety":["administrator"]}}}`,
			says: []string{"actor.internal.variety = System admin"}, rules: []string{"code actor.internal.variety = Administrator"}},
		{name: "the standard lists the old name too", incident: `{"action":{"hacking":{"vector":["Backdoor or C2"],"variety":["MitM"]}}}`,
			says: []string{"action.hacking.variety = MitM", "action.hacking.vector = Backdoor or C2"}},
		{name: "a path has a new name", incident: `{"related_incidents":"c","security_compromise":"Yes","action":{"physical":{"location":["Public facility"]}}}`,
			says:  []string{"security_incident = Confirmed", "incident.campaign = c", "action.physical.vector = Public facility"},
			rules: []string{"move related_incidents", "move security_compromise", "move action.physical.location", "code security_incident = Yes"}},
		{name: "a field was divided", incident: `{"asset":{"governance":["Personally owned","3rd party hosted","Unknown"]}}`,
			says:  []string{"asset.hosting = External - unknown environment", "asset.ownership = Employee"},
			rules: []string{"move asset.governance = Personally owned", "move asset.governance = 3rd party hosted"}, skipped: []string{"asset.governance"}},
		{name: "an object stands without its group", incident: `{"timeline":{"notification":{"year":2014,"month":2}},"plus":{"data_misuse":"Y"}}`,
			says:  []string{"timeline.notification = 2014-02", "attribute.confidentiality.data_abuse = Yes"},
			rules: []string{"move timeline.notification", "move timeline.notification", "move plus.data_misuse", "code plus.attribute.confidentiality.* = Y"}},
		{name: "assets are a list of codes", incident: `{"asset":{"assets":["S - Mail","S - File"]}}`,
			says:  []string{"asset.assets.variety = S - Mail", "asset.assets.variety[1] = S - File"},
			rules: []string{"move asset.assets", "move asset.assets"}},
		{name: "discovery in one text", incident: `{"discovery_method":"Int - log review"}`,
			says: []string{"discovery_method.internal.variety = Log review"}, rules: []string{veris.RuleDiscovery, veris.RuleCase}},
		{name: "discovery in one text, renamed", incident: `{"discovery_method":"Ext - unrelated party"}`,
			says:  []string{"discovery_method.external.variety = Unrelated 3rd party"},
			rules: []string{veris.RuleDiscovery, "code discovery_method.external.variety = Unrelated party"}},
		{name: "discovery by a partner, and unknown", incident: `{"discovery_method":["Prt - audit","Unknown"]}`,
			says:  []string{"discovery_method.partner.variety = Audit", "discovery_method.unknown = true"},
			rules: []string{veris.RuleDiscovery, veris.RuleCase, veris.RuleDiscovery, veris.RuleOne}},
		{name: "discovery in free text", incident: `{"summary":"s","discovery_method":"by chance"}`,
			says: []string{"summary = s"}, invalid: []string{"discovery_method"}},
		{name: "discovery without its last step", incident: `{"discovery_method":{"external":"Customer"}}`,
			says:  []string{"discovery_method.external.variety = Customer"},
			rules: []string{"move discovery_method.external", veris.RuleList}},
		{name: "a date by its parts", incident: `{"timeline":{"incident":{"year":2014,"month":2,"day":3,"time":"06:45:00 PM"}}}`,
			says: []string{"timeline.incident = 2014-02-03T18:45:00Z"}},
		{name: "a date in one text", incident: `{"timeline":{"incident":"2014-02-03"},"plus":{"timeline":{"notification":2014}}}`,
			says:  []string{"timeline.incident = 2014-02-03", "timeline.notification = 2014"},
			rules: []string{veris.RuleDateText, veris.RuleDateText}},
		{name: "parts of a date as texts", incident: `{"timeline":{"incident":{"year":"2014","month":"Feb"}}}`,
			says: []string{"timeline.incident = 2014-02"}, rules: []string{veris.RuleDateParts}},
		{name: "parts of a date swapped", incident: `{"timeline":{"incident":{"year":2014,"month":20,"day":7}}}`,
			says: []string{"timeline.incident = 2014-07-20"}, rules: []string{veris.RuleDateSwap}},
		{name: "a day that the calendar has not", incident: `{"timeline":{"incident":{"year":2014,"month":4,"day":31}}}`,
			says: []string{"timeline.incident = 2014-04"}, rules: []string{veris.RuleDateDay}, invalid: []string{"timeline.incident.day"}},
		{name: "a time by people", incident: `{"timeline":{"incident":{"year":2014,"month":4,"day":3,"time":"18:45 UTC"}}}`,
			says: []string{"timeline.incident = 2014-04-03T18:45:00Z"}, rules: []string{veris.RuleTime}},
		{name: "a date without its year", incident: `{"summary":"s","timeline":{"incident":{"month":4,"day":3}}}`,
			says: []string{"summary = s"}, invalid: []string{"timeline.incident.day", "timeline.incident.month"}},
		{name: "an unknown industry is short", incident: `{"victim":{"industry":"0"}}`,
			says: []string{"victim.industry = 000000"}, rules: []string{veris.RuleIndustry}},
		{name: "an industry is long", incident: `{"victim":{"industry":"9211120"}}`,
			says: []string{"victim.industry = 921112"}, rules: []string{veris.RuleIndustry6}},
		{name: "what has no counterpart is listed", incident: `{"summary":"s","plus":{"github":"1"},"x_a":{"b":1},"victim":{"mood":"bad"}}`,
			says: []string{"summary = s"}, skipped: []string{"plus.github", "victim.mood", "x_a.b"}},
		{name: "one bad value costs itself alone", incident: `{"attribute":{"confidentiality":{"data_total":-4,"state":["Stored"]}},"victim":{"revenue":{"amount":"lots"}}}`,
			says: []string{"attribute.confidentiality.state = Stored"}, invalid: []string{"attribute.confidentiality.data_total", "victim.revenue.amount"}},
		{name: "rows of a group keep together and lose their holes", incident: `{"impact":{"loss":[{"rating":"Major"},{},{"variety":"Legal and regulatory","amount":5}]}}`,
			says:  []string{"impact.loss.variety[1] = Legal and regulatory", "impact.loss.rating = Major", "impact.loss.amount[1] = 5"},
			rules: []string{veris.RuleEmpty}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, places, a, _ := thereAndBack(t, m, parsed(t, c.incident))
			if got := said(r); !slices.Equal(got, c.says) {
				t.Errorf("says\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(c.says, "\n"))
			}
			var rules, invalid, skipped []string
			for _, r := range a.Repaired() {
				applied[r.Rule] = true
				rules = append(rules, slices.Repeat([]string{r.Rule}, r.Count)...)
			}
			for _, p := range places {
				invalid = append(invalid, p.Path)
			}
			for _, u := range a.NotMapped() {
				skipped = append(skipped, u.Path)
			}
			for _, l := range []struct {
				what      string
				got, want []string
			}{{"repaired by", rules, c.rules}, {"invalid", invalid, c.invalid}, {"not mapped", skipped, c.skipped}} {
				slices.Sort(l.got)
				if want := slices.Sorted(slices.Values(l.want)); !slices.Equal(l.got, want) {
					t.Errorf("%s %q, not %q", l.what, l.got, want)
				}
			}
		})
	}
	for _, r := range veris.Rules() {
		if !applied[r.Name] {
			t.Errorf("no case applies the rule %s", r.Name)
		}
	}
}

func TestIndicatorsBecomeObservablesWhereTheirTypeIsPlain(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	in := parsed(t, `{"ioc":[{"indicator":"198.51.100.7","comment":"seen"},{"indicator":"odd behaviour"},{"indicator":"evil[.]example.net"}]}`)
	r, _, a, back := thereAndBack(t, m, in)
	want := []report.Observable{{Type: "ip", Value: "198.51.100.7"}, {Type: "domain", Value: "evil[.]example.net"}}
	if !slices.Equal(r.Observables, want) {
		t.Errorf("observables %v", r.Observables)
	}
	if got := a.NotMapped(); len(got) != 2 || got[0].Path != "ioc.comment" || got[1].Path != "ioc.indicator" {
		t.Errorf("not mapped %v", got)
	}
	if want := `"ioc":[{"indicator":"198.51.100.7"},{"indicator":"evil[.]example.net"}]`; !strings.Contains(string(back), want) {
		t.Errorf("back as %s", back)
	}
}

func TestAnIncidentIsWrittenInTheNewestStyle(t *testing.T) {
	m := NewVERIS(builtin(t, "finance/1.0"))
	r := report.New(m.std, "case-7", []report.Statement{
		{Path: "timeline.incident", Value: "2014-02-03T18:45:00Z"},
		{Path: "timeline.notification", Value: "2014-03"},
		{Path: "actor.unknown.stated", Value: "true"},
		{Path: "action.unknown.stated", Value: "false"},
		{Path: "value_chain.laundering.variety", Value: "Bank"},
		{Path: "asset.assets.variety", Row: 1, Value: "S - Mail"},
		{Path: "asset.assets.amount", Row: 0, Value: "3"},
		{Path: "victim.country", Value: "US"},
		{Path: "discovery_method.unknown", Value: "true"},
		{Path: "finance.critical", Value: "true"},
	}, []report.Observable{{Type: "mutex", Value: "Global\\x", Role: "tool", Count: 2}})
	var a Account
	out, err := veris.Print(m.ToVERIS(r, &a))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"actor":{"unknown":{}},"asset":{"assets":[{"amount":3},{"variety":"S - Mail"}]},"discovery_method":{"unknown":true},` +
		`"incident_id":"case-7","ioc":[{"indicator":"Global\\x"}],"plus":{"timeline":{"notification":{"month":3,"year":2014}}},"schema_version":"1.4.1",` +
		`"timeline":{"incident":{"day":3,"month":2,"time":"06:45:00 PM","year":2014}},"value_chain":{"money laundering":{"variety":["Bank"]}},"victim":{"country":["US"]}}`
	if string(out) != want {
		t.Errorf("written as\n%s\nnot\n%s", out, want)
	}
	var skipped []string
	for _, u := range a.NotMapped() {
		skipped = append(skipped, u.Path)
	}
	if want := []string{"action.unknown.stated", "finance.critical", "observables.count", "observables.role", "observables.type"}; !slices.Equal(skipped, want) {
		t.Errorf("not mapped %q, not %q", skipped, want)
	}
}

func TestACaseReferenceGoesBeforeTheNativeId(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	var a Account
	r := report.New(m.std, "row-1", []report.Statement{{Path: "reporter.reference", Value: "case-7"}}, nil)
	in := m.ToVERIS(r, &a)
	if v, _ := in.Get("incident_id"); v.Text != "case-7" || len(a.NotMapped()) != 1 {
		t.Errorf("incident_id %q, not mapped %v", v.Text, a.NotMapped())
	}
}

func TestAProfileIsCoveredAndAnotherStandardIsNot(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	for _, ref := range standard.Builtins() {
		if !m.Covers(builtin(t, ref)) {
			t.Errorf("%s is not covered", ref)
		}
	}
	doc := builtin(t, "core/1.0").Document()
	for name, change := range map[string]func(d *standard.Document){
		"another counterpart": func(d *standard.Document) {
			i := slices.IndexFunc(d.Fields, func(f standard.Field) bool { return f.Path == "incident.title" })
			d.Fields[i].Crosswalk.VERIS = "title"
		},
		"a field less": func(d *standard.Document) {
			d.Fields = slices.DeleteFunc(d.Fields, func(f standard.Field) bool { return f.Path == "incident.title" })
		},
		"a code less": func(d *standard.Document) {
			i := slices.IndexFunc(d.CodeLists, func(l standard.CodeList) bool { return l.Name == "confidence" })
			d.CodeLists[i].Codes = d.CodeLists[i].Codes[1:]
		},
	} {
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		d, err := standard.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		change(&d)
		other, err := standard.Resolve(d, standard.Builtin)
		if err != nil {
			t.Fatal(err)
		}
		if m.Covers(other) {
			t.Errorf("%s is covered", name)
		}
	}
}

func TestEveryRenameLeadsToAListedCode(t *testing.T) {
	std := builtin(t, "core/1.0")
	m := NewVERIS(std)
	for _, r := range veris.Renames() {
		found := false
		for path, to := range m.byPath {
			found = found || to.exact != nil && veris.MatchPath(r.Path, path) && to.exact[r.From].code != ""
		}
		if !found {
			t.Errorf("%s: no field of the core takes %q", r.ID(), r.To)
		}
	}
	for _, move := range veris.Moves() {
		to, _ := m.lookUp(move.To, 0)
		if to == nil && m.byPath[move.To+".year"] == nil && !strings.HasPrefix(move.To, "plus.") {
			t.Errorf("%s leads to %s, which the core does not have", move.ID(), move.To)
		}
		if to != nil && move.Code != "" && !to.field.listed(move.Code) {
			t.Errorf("%s leads to %q, which the core does not list", move.ID(), move.Code)
		}
	}
}

func TestAValueBeyondTheLimitOfAReportIsListed(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	names := make([]string, report.MaxSaid+5)
	for i := range names {
		names[i] = fmt.Sprintf("%q", fmt.Sprintf("name %d", i))
	}
	r, places, _, _ := thereAndBack(t, m, parsed(t, `{"victim":{"secondary":{"victim_id":[`+strings.Join(names, ",")+`]}},"timeline":{"incident":{"year":2014}}}`))
	if len(r.Statements) != report.MaxSaid || len(places) != 6 {
		t.Errorf("%d statements and %d places", len(r.Statements), len(places))
	}
}
