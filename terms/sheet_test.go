package terms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

const plain = `# Terms of a small bank.
name: small-bank
version: 2
title: Terms of a small bank
clauses:
  - id: indicators
    fields: ["class:indicator"]
    to:
      - {stake: any, sector: own}
    for: [defend]
    form: exact
    tlp: "TLP:AMBER"
  - id: industry-code
    fields: [victim.industry]
    to: [{stake: research}]
    for: [study, benchmark]
    form: exact
`

func TestASheetIsReadAsYAMLOrJSON(t *testing.T) {
	s, err := terms.Parse("small.yaml", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "small-bank" || s.Version != 2 || len(s.Clauses) != 2 || s.Clauses[0].For[0] != member.Defend {
		t.Errorf("read as %+v", s)
	}
	hash, err := s.Hash()
	if err != nil {
		t.Fatal(err)
	}
	canonical, _ := s.Canonical()
	var indented strings.Builder
	enc := json.NewEncoder(&indented)
	enc.SetIndent("", "\t")
	if err := enc.Encode(json.RawMessage(canonical)); err != nil {
		t.Fatal(err)
	}
	again, err := terms.Parse("small.json", []byte(indented.String()))
	if err != nil {
		t.Fatal(err)
	}
	if h, _ := again.Hash(); h != hash {
		t.Errorf("as JSON the sheet has the hash %s, as YAML %s", h, hash)
	}
	var within terms.Sheet // as it comes in an agreement
	if err := wire.Decode(canonical, &within); err != nil {
		t.Fatal(err)
	}
	if h, _ := within.Hash(); h != hash {
		t.Errorf("within an agreement the sheet has the hash %s, as YAML %s", h, hash)
	}
}

func TestErrorsNameTheLineAndWhatToDo(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(plain, old) {
			t.Fatalf("%q does not stand in the sheet", old)
		}
		return strings.Replace(plain, old, new, 1)
	}
	for _, c := range []struct {
		name, sheet, place, says string
	}{
		{"unknown setting", replace("title:", "titel:"), "s.yaml:4", "no such property"},
		{"unknown setting in a clause", replace("    tlp:", "    tpl:"), "s.yaml:12", "no such property"},
		{"name twice", replace("version: 2", "version: 2\nversion: 3"), "s.yaml:4", "twice"},
		{"no such stake", replace("stake: research", "stake: press"), "s.yaml:15", "industry, law-enforcement, research or any"},
		{"no such purpose", replace("study,", "sell,"), "s.yaml:16", "investigate"},
		{"no such form", replace("form: exact\n    tlp", "form: rough\n    tlp"), "s.yaml:11", "generalised:LEVEL"},
		{"generalised without a level", replace("form: exact\n    tlp", "form: generalised\n    tlp"), "s.yaml:11", "generalised:LEVEL"},
		{"a clause that grants nothing", replace("form: exact\n    tlp", "form: withheld\n    tlp"), "s.yaml:11", "delete it"},
		{"sealed, which does not exist yet", replace("form: exact\n    tlp", "form: sealed\n    tlp"), "s.yaml:11", "token"},
		{"no such marking", replace("TLP:AMBER", "TLP:ORANGE"), "s.yaml:12", "TLP:AMBER+STRICT"},
		{"no such kind", replace("{stake: research}", "{stake: research, kinds: [school]}"), "s.yaml:15", "university"},
		{"an empty list", replace("[study, benchmark]", "[]"), "s.yaml:16", "delete the clause"},
		{"no fields", replace("    fields: [victim.industry]\n", ""), "s.yaml:13", "delete the clause"},
		{"two clauses of one name", replace("id: industry-code", "id: indicators"), "s.yaml:13", "own id"},
		{"a clause without a name", replace("id: industry-code", "id: \"\""), "s.yaml:13", "id"},
		{"no version", replace("version: 2\n", ""), "s.yaml:2", "version"},
		{"a version of words", replace("version: 2", "version: two"), "s.yaml:3", "fit"},
		{"nothing after the colon", replace("version: 2", "version:"), "s.yaml:3", "fill it"},
		{"a list where text belongs", replace("name: small-bank", "name: [small-bank]"), "s.yaml:2", "fit"},
		{"text where a list belongs", replace("[study, benchmark]", "study"), "s.yaml:16", "fit"},
		{"an alias", replace("[study, benchmark]", "&p [study]"), "s.yaml:16", "anchors"},
		{"a tag", replace("version: 2", "version: !!binary Mg=="), "s.yaml:3", "tags"},
		{"a tab", replace("    for: [defend]", "\tfor: [defend]"), "s.yaml", "YAML"},
		{"no YAML", "a: [", "s.yaml", "YAML"},
		{"two documents", plain + "---\n" + plain, "s.yaml", "one"},
		{"empty", "", "s.yaml", "empty"},
		{"a comment only", "# nothing\n", "s.yaml", "empty"},
		{"a list", "- a\n", "s.yaml:1", "fit"},
		{"no clauses", "name: x\nversion: 1\nclauses: []\n", "s.yaml:3", "clause"},
		{"deeply nested", strings.Repeat("[", 200) + strings.Repeat("]", 200), "s.yaml", "deep"},
		{"JSON cut short", `{"name": "x",`, "s.yaml", "YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := terms.Parse("s.yaml", []byte(c.sheet))
			var f *fault.Error
			if !errors.As(err, &f) {
				t.Fatalf("the error is %v", err)
			}
			if f.Kind != fault.Invalid && f.Kind != fault.TooLarge {
				t.Errorf("the kind is %v", f.Kind)
			}
			if f.Path != c.place && !(strings.HasPrefix(f.Path, c.place+":") && !strings.Contains(c.place, ":")) {
				t.Errorf("the error points to %q, the mistake is at %s (%s)", f.Path, c.place, f.Message)
			}
			if !strings.Contains(f.Message, c.says) {
				t.Errorf("%q does not say %q", f.Message, c.says)
			}
		})
	}
}

// Conditions and obligations, each wrong in one way, with its place and what to
// do; the line is that which is put in, unless the mistake stands in another.
func TestAWrongConditionNamesTheLineAndWhatToDo(t *testing.T) {
	id := "m-" + strings.Repeat("a", 26)
	with := func(lines string) string {
		return strings.Replace(plain, "    for: [defend]\n", "    for: [defend]\n"+lines, 1)
	}
	to := func(more string) string {
		return strings.Replace(plain, "{stake: any, sector: own}", "{stake: any, "+more+"}", 1)
	}
	for _, c := range []struct{ name, sheet, place, says string }{
		{"a length without a unit", with("    after: 30\n"), "s.yaml:11", "12h, 30d, 6w"},
		{"a length of years", with("    after: 1y\n"), "s.yaml:11", "a year is 365d"},
		{"a length of half a day", with("    after: 0.5d\n"), "s.yaml:11", "whole number"},
		{"a length of none", with("    after: 0d\n"), "s.yaml:11", "whole number"},
		{"a negative length", with("    keep: -3d\n"), "s.yaml:11", "whole number"},
		{"more than ten years", with("    keep: 3651d\n"), "s.yaml:11", "at most ten years"},
		{"kept no longer than held back", with("    after: 30d\n    keep: 720h\n"), "s.yaml:12", "begins 30d after receipt, and ends 30d"},
		{"no day", with("    from: soon\n"), "s.yaml:11", "2026-01-31"},
		{"a day that no calendar has", with("    until: 2026-02-30\n"), "s.yaml:11", "2026-01-31"},
		{"a day with a time", with("    until: 2026-02-03T10:00:00Z\n"), "s.yaml:11", "2026-01-31"},
		{"ended before it begins", with("    from: 2026-01-02\n    until: 2026-01-02\n"), "s.yaml:12", "ends before it begins"},
		{"one group", with("    groups: 1\n"), "s.yaml:11", "2 to 1000"},
		{"too many groups", with("    groups: 1001\n"), "s.yaml:11", "2 to 1000"},
		{"half a group", with("    groups: 2.5\n"), "s.yaml:11", "fit"},
		{"no such label of actions", with("    pap: AMBER\n"), "s.yaml:11", "PAP:AMBER"},
		{"no such attribution", with("    attribution: public\n"), "s.yaml:11", "named, stake, none"},
		{"no such condition", with("    when: {contributed_since: 90d}\n"), "s.yaml:11", "contributed_within"},
		{"a condition of no length", with("    when: {contributed_within: lately}\n"), "s.yaml:11", "12h, 30d, 6w"},
		{"no member", to("members: [northwind]"), "s.yaml:9", "begins with m-"},
		{"a member cut short", to("members: [" + id + ", m-abc]"), "s.yaml:9", "m-abc"},
		{"no role", to("roles: [The Boss]"), "s.yaml:9", "lower-case"},
		{"no project", to("projects: [study-7]"), "s.yaml:9", "p-"},
		{"no country", to("jurisdictions: [XX]"), "s.yaml:9", "ISO 3166"},
		{"a country in small letters", to("jurisdictions: [de]"), "s.yaml:9", "capital letters"},
		{"a country that was renamed", to("jurisdictions: [UK]"), "s.yaml:9", "GB"},
		{"kept for ever and a day", strings.Replace(plain, "version: 2", "version: 2\nretention: 4000d", 1), "s.yaml:4", "at most ten years"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := terms.Parse("s.yaml", []byte(c.sheet))
			if f := fault.Public(err); err == nil || f.Kind != fault.Invalid || f.Path != c.place || !strings.Contains(f.Message, c.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestLengthsThatAreTheSameHaveTheSameHash(t *testing.T) {
	hash := func(lines string) string {
		s, err := terms.Parse("s.yaml", []byte(strings.Replace(plain, "    for: [defend]\n", "    for: [defend]\n"+lines, 1)))
		if err != nil {
			t.Fatal(err)
		}
		h, err := s.Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if hash("    after: 2w\n") != hash("    after: 14d\n") || hash("    after: 14d\n") != hash("    after: 336h\n") {
		t.Error("two weeks, 14 days and 336 hours have different hashes")
	}
	if hash("    after: 14d\n") == hash("") || hash("    keep: 14d\n") == hash("    after: 14d\n") {
		t.Error("different clauses have the same hash")
	}
}

func TestASheetIsHeldAgainstTheStandardByLine(t *testing.T) {
	std := finance(t)
	for _, c := range []struct{ name, fields, form, place, says string }{
		{"a mistyped field", "victim.idustry", "exact", "s.yaml:14", `did you mean "victim.industry"`},
		{"a field of nowhere", "weather.today", "exact", "s.yaml:14", "standard show"},
		{"an empty branch", "weather.*", "exact", "s.yaml:14", "branch"},
		{"no such class", "class:secret", "exact", "s.yaml:14", "quasi-identifier"},
		{"a token of a code list", "victim.industry", "token", "s.yaml:14", "hides nothing"},
		{"a token of a class that can have none", "class:amount", "token", "s.yaml:14", "token"},
		{"a level that is not there", "victim.industry", "generalised:fortnight", "s.yaml:14", "fortnight"},
		{"a level of a class that is not there", "class:descriptive", "generalised:fortnight", "s.yaml:14", "fortnight"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(plain, "[victim.industry]", "[\""+c.fields+"\"]", 1)
			text = strings.TrimSuffix(text, "exact\n") + c.form + "\n"
			s, err := terms.Parse("s.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			_, err = terms.Compile(s, std)
			f := fault.Public(err)
			if err == nil || f.Kind != fault.Invalid || f.Path != c.place || !strings.Contains(f.Message, c.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(plain))
	for _, name := range terms.Builtins() {
		text, err := terms.BuiltinText(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"name":"x","version":1,"clauses":[{"id":"a","fields":["b"],"to":[{"stake":"any"}],"for":["study"],"form":"exact"}]}`))
	f.Add([]byte(`{"name":"x","version":1,"retention":"365d","clauses":[{"id":"a","fields":["b"],"to":[{"stake":"any","jurisdictions":["DE"],"projects":["p-a"]}],"for":["study"],"form":"exact",
		"after":"30d","keep":"6w","from":"2026-01-01","until":"2027-01-01","groups":5,"pap":"PAP:RED","attribution":"none","when":{"contributed_within":"12h"}}]}`))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Add([]byte("? [x]\n: y"))
	f.Add([]byte("%YAML 1.1\n---\n!!map {<<: {a: b}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := terms.Parse("s.yaml", data)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("no fault that its reader could mend: %v", err)
			}
			return
		}
		if err := s.Check(); err != nil {
			t.Fatalf("what was read does not hold: %v", err)
		}
		canonical, err := s.Canonical()
		if err != nil {
			t.Fatal(err)
		}
		var again terms.Sheet
		if err := wire.Decode(canonical, &again); err != nil {
			t.Fatalf("the canonical sheet cannot be read: %v", err)
		}
	})
}

func TestSeveralMistakesAreToldAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		sheet string
		says  []string
	}{
		"words that no sheet has": {
			"native: Case\ndates: dmy\nclauses:\n  - id: a\n    feilds: [victim.industry]\n",
			[]string{`s.yaml:1: there is no such property here as "native"; here may stand clauses, name, retention, title, version`,
				`s.yaml:2: there is no such property here as "dates"`,
				`s.yaml:5: there is no such property here as "feilds"; here may stand after, attribution, fields, for, form, from, groups, id, keep, pap, tlp, to, until, when`},
		},
		"values that no clause takes": {
			strings.NewReplacer("version: 2", "version: 0", "stake: research", "stake: press", "TLP:AMBER", "TLP:ORANGE").Replace(plain),
			[]string{"s.yaml:3: a sheet has a version", "s.yaml:12: \"TLP:ORANGE\" is no marking", "s.yaml:15: \"press\" is no stake"},
		},
	} {
		_, err := terms.Parse("s.yaml", []byte(c.sheet))
		if err == nil {
			t.Fatalf("%s: the sheet is taken", name)
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.says) {
			t.Errorf("%s: told are %q", name, lines)
			continue
		}
		for i, says := range c.says {
			if !strings.HasPrefix(lines[i], says) {
				t.Errorf("%s: %q does not begin with %q", name, lines[i], says)
			}
		}
	}
}

func TestTheListOfMistakesEnds(t *testing.T) {
	var sheet strings.Builder
	for i := range 100 {
		fmt.Fprintf(&sheet, "x%d: 1\n", i)
	}
	_, err := terms.Parse("s.yaml", []byte(sheet.String()))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 21 || !strings.Contains(lines[20], "80 further mistakes") {
		t.Errorf("%d lines are told, the last is %q", len(lines), lines[len(lines)-1])
	}
}
