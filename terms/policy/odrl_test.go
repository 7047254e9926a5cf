package policy_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/policy"
)

// written is a policy with one permission that is understood.
const written = `{
 "@context": ["http://www.w3.org/ns/odrl.jsonld", {"concord": "https://github.com/concord-trust/concord/terms/policy/profile#", "dpv": "https://w3id.org/dpv#"}],
 "@id": "urn:example:1", "@type": "Set", "profile": "https://github.com/concord-trust/concord/terms/policy/profile",
 "permission": [{
  "target": "concord:field/victim.country",
  "assignee": {"source": "concord:members", "refinement": {"leftOperand": "concord:stake", "operator": "eq", "rightOperand": {"@id": "concord:stake/research"}}},
  "action": {"rdf:value": {"@id": "odrl:use"}, "refinement": {"leftOperand": "concord:form", "operator": "eq", "rightOperand": "exact"}},
  "constraint": [{"leftOperand": "purpose", "operator": "eq", "rightOperand": {"@id": "concord:study"}}]
 }]
}`

func TestAPolicyThatIsWrittenShorterMeansTheSame(t *testing.T) {
	want := terms.Clause{ID: "permission-1", Fields: []string{"victim.country"}, To: []terms.Recipient{{Stake: "research"}}, For: []member.Purpose{member.Study}}
	full := strings.NewReplacer(`"target"`, `"odrl:target"`, `"leftOperand": "purpose"`, `"http://www.w3.org/ns/odrl/2/leftOperand": "odrl:purpose"`,
		`"concord:field/`, `"https://github.com/concord-trust/concord/terms/policy/profile#field/`).Replace(written)
	for _, doc := range []string{written, full, strings.ReplaceAll(written, "concord:study", "dpv:ScientificResearch")} {
		s, _, err := policy.ReadODRL("p", []byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		c := s.Clauses[0]
		if c.ID != want.ID || !slices.Equal(c.Fields, want.Fields) || fmt.Sprint(c.To) != fmt.Sprint(want.To) || !slices.Equal(c.For, want.For) || c.Form.String() != "exact" || c.TLP != "" {
			t.Errorf("read as %+v", c)
		}
	}
}

func TestAPermissionThatIsNotUnderstoodInFullIsNotGranted(t *testing.T) {
	constraint := func(c string) [2]string {
		return [2]string{`"constraint": [`, `"constraint": [` + c + `, `}
	}
	beside := func(m string) [2]string { return [2]string{`"permission":`, m + `, "permission":`} }
	within := func(m string) [2]string { return [2]string{`"target":`, m + `, "target":`} }
	for name, c := range map[string]struct {
		change [2]string
		at     string
	}{
		"an unknown operand":                 {constraint(`{"leftOperand": "payAmount", "operator": "eq", "rightOperand": 5}`), "/permission/0/constraint/0"},
		"an operand of nobody knows whom":    {constraint(`{"leftOperand": "https://example.org/mood", "operator": "eq", "rightOperand": "good"}`), "/permission/0/constraint/0"},
		"an unknown operator":                {constraint(`{"leftOperand": "dateTime", "operator": "neq", "rightOperand": "2026-01-01T00:00:00Z"}`), "/permission/0/constraint/0"},
		"a delay the wrong way round":        {constraint(`{"leftOperand": "delayPeriod", "operator": "lteq", "rightOperand": "P3D"}`), "/permission/0/constraint/0"},
		"months, which have no length":       {constraint(`{"leftOperand": "elapsedTime", "operator": "lt", "rightOperand": "P6M"}`), "/permission/0/constraint/0"},
		"a value with a unit":                {constraint(`{"leftOperand": "concord:ownerGroups", "operator": "gteq", "rightOperand": 3, "unit": "https://example.org/dozen"}`), "/permission/0/constraint/0/unit"},
		"a logical constraint":               {constraint(`{"or": [{"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2026-01-01T00:00:00Z"}]}`), "/permission/0/constraint/0/or"},
		"a constraint of an unknown type":    {constraint(`{"type": "LogicalConstraint", "leftOperand": "dateTime", "operator": "lt", "rightOperand": "2026-01-01T00:00:00Z"}`), "/permission/0/constraint/0"},
		"purposes that exclude each other":   {constraint(`{"leftOperand": "purpose", "operator": "eq", "rightOperand": {"@id": "concord:defend"}}`), "/permission/0/constraint/1"},
		"an unknown duty":                    {within(`"duty": [{"action": "compensate"}]`), "/permission/0/duty/0"},
		"a known duty with more to it":       {within(`"duty": [{"action": "concord:observeMarking", "constraint": {"leftOperand": "concord:tlp", "operator": "eq", "rightOperand": "TLP:RED"}, "consequence": []}]`), "/permission/0/duty/0/consequence"},
		"a member of unknown meaning":        {within(`"remedy": []`), "/permission/0/remedy"},
		"a permission of another type":       {within(`"type": "Prohibition"`), "/permission/0/type"},
		"an unknown label":                   {within(`"duty": [{"action": "concord:observeMarking", "constraint": {"leftOperand": "concord:tlp", "operator": "eq", "rightOperand": "TLP:MAUVE"}}]`), "/permission/0"},
		"a target of somebody else":          {[2]string{"concord:field/victim.country", "https://example.org/asset/1"}, "/permission/0/target"},
		"a party of somebody else":           {[2]string{`"concord:members"`, `"https://example.org/all"`}, "/permission/0/assignee"},
		"a party of no stake":                {[2]string{"concord:stake\"", "concord:sector\""}, "/permission/0/assignee"},
		"a party refined by what none knows": {[2]string{`"refinement": {"leftOperand": "concord:stake"`, `"refinement": {"leftOperand": "industry"`}, "/permission/0/assignee/refinement"},
		"an action that is not use":          {[2]string{"odrl:use", "odrl:distribute"}, "/permission/0/action"},
		"a form that is none":                {[2]string{`"exact"`, `"naked"`}, "/permission/0/action/refinement"},
		"sealing":                            {[2]string{`"exact"`, `"sealed"`}, "/permission/0"},
		"a purpose that is none of ours":     {[2]string{"concord:study", "dpv:Marketing"}, "/permission/0/constraint/0"},
		"a prohibition that nobody keeps":    {beside(`"prohibition": [{"target": "concord:field/victim.country", "action": "derive"}]`), "/prohibition/0"},
		"an obligation that nobody keeps":    {beside(`"obligation": [{"action": "inform"}]`), "/obligation/0"},
		"terms that another policy adds":     {beside(`"inheritFrom": "https://example.org/p"`), "/inheritFrom"},
		"an assignee for all":                {beside(`"assignee": "https://example.org/somebody"`), "/assignee"},
		"rights in words":                    {beside(`"dct:rights": "ask us"`), "/dct:rights"},
	} {
		doc := strings.Replace(written, c.change[0], c.change[1], 1)
		if doc == written {
			t.Fatalf("%s: nothing changed", name)
		}
		_, lost, err := policy.ReadODRL("p", []byte(doc))
		if err == nil || !slices.ContainsFunc(lost, func(l policy.Lost) bool { return l.At == c.at && l.Why != "" }) {
			t.Errorf("%s: %v, told %v; want something at %s", name, err, lost, c.at)
		}
	}
}

func TestOnePermissionThatIsNotUnderstoodCostsNoOther(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(written), &doc); err != nil {
		t.Fatal(err)
	}
	doc["permission"] = append(doc["permission"].([]any), map[string]any{"target": "https://example.org/1", "action": "use"})
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, lost, err := policy.ReadODRL("p", text)
	if err != nil || len(s.Clauses) != 1 || !slices.ContainsFunc(lost, func(l policy.Lost) bool { return l.At == "/permission/1" && l.What == "the permission" }) {
		t.Errorf("%+v, %v, %v", s, lost, err)
	}
}

func TestWhatMayNotBePassedOnIsMarkedRed(t *testing.T) {
	doc := strings.Replace(written, `"permission":`, `"prohibition": [{"action": "distribute"}, {"action": "sell"}], "permission":`, 1)
	doc = strings.Replace(doc, `"target":`, `"duty": [{"action": "concord:observeMarking", "constraint": {"leftOperand": "concord:tlp", "operator": "eq", "rightOperand": "TLP:CLEAR"}}], "target":`, 1)
	s, lost, err := policy.ReadODRL("p", []byte(doc))
	if err != nil || s.Clauses[0].TLP != "TLP:RED" || len(lost) != 2 {
		t.Errorf("%+v, %v, %v", s, lost, err)
	}
}

func TestTimesAreRoundedToWhatLiesWithin(t *testing.T) {
	for con, want := range map[string][2]terms.Date{
		`"gteq", "rightOperand": "2026-03-01T00:00:00Z"`:                        {"2026-03-01", ""},
		`"gteq", "rightOperand": "2026-03-01T00:00:01Z"`:                        {"2026-03-02", ""},
		`"gt", "rightOperand": "2026-03-01T00:00:00Z"`:                          {"2026-03-02", ""},
		`"gteq", "rightOperand": "2026-03-01T00:00:00+02:00"`:                   {"2026-03-01", ""},
		`"lt", "rightOperand": "2026-03-01T23:59:59Z"`:                          {"", "2026-03-01"},
		`"lteq", "rightOperand": {"@value": "2026-03-01", "@type": "xsd:date"}`: {"", "2026-03-01"},
	} {
		doc := strings.Replace(written, `"constraint": [`, `"constraint": [{"leftOperand": "dateTime", "operator": `+con+`}, `, 1)
		s, _, err := policy.ReadODRL("p", []byte(doc))
		if err != nil || s.Clauses[0].From != want[0] || s.Clauses[0].Until != want[1] {
			t.Errorf("%s: %v, %+v", con, err, s)
		}
	}
}

func TestAPolicyOfAnotherKindIsRefused(t *testing.T) {
	for code, change := range map[string][2]string{
		"policy.kind":     {`"Set"`, `"Offer"`},
		"policy.profile":  {`"profile": "https://github.com/`, `"profile": "https://example.org/`},
		"policy.conflict": {`"permission":`, `"conflict": "perm", "permission":`},
		"policy.context":  {`"http://www.w3.org/ns/odrl.jsonld"`, `"https://example.org/context"`},
		"policy.twice":    {`"@id": "urn`, `"uid": "urn:other", "@id": "urn`},
	} {
		_, _, err := policy.ReadODRL("p", []byte(strings.Replace(written, change[0], change[1], 1)))
		if f := fault.Public(err); err == nil || f.Code != code || !strings.HasPrefix(f.Path, "p/") {
			t.Errorf("%s: %v", code, err)
		}
	}
	for _, prefix := range []string{`"purpose": "https://example.org/x#"`, `"concord": "https://example.org/x#"`, `"permission": "https://example.org/x/"`, `"@base": "https://example.org/"`, `"x": {"@id": "odrl:use"}`} {
		doc := strings.Replace(written, `{"concord": "https://github.com/concord-trust/concord/terms/policy/profile#",`, "{"+prefix+",", 1)
		if _, _, err := policy.ReadODRL("p", []byte(doc)); err == nil || fault.Public(err).Code != "policy.context" {
			t.Errorf("a context with %s: %v", prefix, err)
		}
	}
}

func TestTheProfileDefinesEachWordThatIsWritten(t *testing.T) {
	var doc struct {
		Graph []struct {
			ID      string `json:"@id"`
			Comment string `json:"rdfs:comment"`
		} `json:"@graph"`
	}
	if err := json.Unmarshal(policy.Profile(), &doc); err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, d := range doc.Graph {
		defined[d.ID] = d.Comment != ""
	}
	if !defined[policy.ProfileIRI] {
		t.Error("the profile does not say what it is")
	}
	std := finance(t)
	word := regexp.MustCompile(`"concord:([A-Za-z]+)"`)
	used := map[string]bool{}
	for i := range 200 {
		text, err := policy.ODRL(drawSheet(std).Example(i))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range word.FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
			if !defined["concord:"+m[1]] {
				t.Errorf("concord:%s is not defined", m[1])
			}
		}
	}
	if len(used) < 20 {
		t.Errorf("only %d words were drawn: %v", len(used), used)
	}
}

func TestOnlyWordsOfTheVocabulariesAreUsed(t *testing.T) {
	var context struct {
		Context map[string]any `json:"@context"`
	}
	if err := json.NewDecoder(shareddata.Open(t, "data-use", "odrl22.jsonld")).Decode(&context); err != nil {
		t.Fatal(err)
	}
	text, err := policy.ODRL(drawSheet(finance(t)).Example(3))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"([A-Za-z]+)":`).FindAllStringSubmatch(string(text), -1) {
		if m[1] != "concord" && context.Context[m[1]] == nil {
			t.Errorf("%s is no word of ODRL", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`"(?:leftOperand|operator|action|type|conflict)": "([A-Za-z]+)"`).FindAllStringSubmatch(string(text), -1) {
		if context.Context[m[1]] == nil {
			t.Errorf("%s is no word of ODRL", m[1])
		}
	}
	rows, err := csv.NewReader(shareddata.Open(t, "data-use", "dpv-2.3", "purposes.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`dpv:([A-Za-z]+)"`).FindAllStringSubmatch(string(policy.Profile()), -1) {
		if !slices.ContainsFunc(rows, func(r []string) bool { return r[0] == m[1] }) {
			t.Errorf("dpv:%s is no purpose of the vocabulary", m[1])
		}
	}
}

func FuzzReadODRL(f *testing.F) {
	f.Add([]byte(written))
	for _, s := range sheets(f) {
		doc, err := policy.ODRL(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := policy.ReadODRL("f", data)
		if err != nil {
			return
		}
		// What is granted can be said again, and means the same.
		doc, err := policy.ODRL(s)
		if err != nil {
			t.Fatal(err)
		}
		again, lost, err := policy.ReadODRL("f", doc)
		if err != nil || len(lost) > 0 {
			t.Fatalf("%v, %v", err, lost)
		}
		same(t, again, s)
	})
}
