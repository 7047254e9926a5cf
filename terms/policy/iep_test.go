package policy_test

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/policy"
)

const amber = `{"id":"01bc4353-4829-4d55-8d52-0ab7e0790df9","name":"amber","iep_version":2.0,"start_date":"2017-01-01T00:00:00Z","end_date":null,"encrypt_in_transit":"may","permitted_actions":"externally-visible-direct-actions","affected_party_notifications":"may","tlp":"amber","attribution":"must-not","unmodified_resale":"must-not"}`

func TestStatementsOfIEPBindAsTheyAreMeant(t *testing.T) {
	for _, c := range []struct {
		old, new string
		want     policy.Bound
		lost     string
	}{
		{"", "", policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}, ""},
		{`"amber","attr`, `"white","attr`, policy.Bound{TLP: "TLP:CLEAR", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}, ""},
		{"externally-visible-direct-actions", "EXTERNALLY VISIBLE INDIRECT ACTIONS", policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:AMBER", Attribution: terms.ByStake, From: "2017-01-01"}, ""},
		{"externally-visible-direct-actions", "internally-visible-actions", policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:RED", Attribution: terms.ByStake, From: "2017-01-01"}, ""},
		{"externally-visible-direct-actions", "none", policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:RED", Attribution: terms.ByStake, From: "2017-01-01"}, "/permitted_actions"},
		{`"attribution":"must-not"`, `"attribution":"must"`, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", From: "2017-01-01"}, "/attribution"},
		{`"encrypt_in_transit":"may"`, `"encrypt_in_transit":"must"`, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}, "/encrypt_in_transit"},
		{"2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z", policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-02"}, "/start_date"},
		{`"end_date":null`, `"end_date":"2030-05-05T12:00:00Z"`, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01", Until: "2030-05-05"}, "/end_date"},
		{`"tlp":"amber",`, ``, policy.Bound{TLP: "TLP:RED", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}, "/tlp"},
		{`"name"`, `"obfuscate_affected_parties":"must","name"`, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}, "/obfuscate_affected_parties"},
	} {
		doc := strings.Replace(amber, c.old, c.new, 1)
		got, lost, err := policy.ReadIEP("p", []byte(doc), "")
		if err != nil || got != c.want || (len(lost) > 0) != (c.lost != "") || c.lost != "" && lost[0].At != c.lost {
			t.Errorf("%s: %+v, %v, %v", c.new, got, lost, err)
		}
	}
}

func TestAPolicyThatCannotBeReadIsRefusedWithItsPlace(t *testing.T) {
	for name, c := range map[string][3]string{
		"an unknown word":     {`"tlp":"amber"`, `"tlp":"mauve"`, "p/tlp"},
		"another unknown one": {`"attribution":"must-not"`, `"attribution":"perhaps"`, "p/attribution"},
		"another version":     {`2.0`, `1.0`, "p/iep_version"},
		"no version":          {`"iep_version":2.0,`, ``, "p"},
		"a reference":         {`"id":`, `"id_ref":`, "p/id_ref"},
		"no moment":           {`"2017-01-01T00:00:00Z"`, `"new year"`, "p/start_date"},
	} {
		_, _, err := policy.ReadIEP("p", []byte(strings.Replace(amber, c[0], c[1], 1)), "")
		if err == nil || fault.Public(err).Path != c[2] {
			t.Errorf("%s: %v", name, err)
		}
	}
	two := "[" + amber + "," + strings.Replace(amber, "01bc", "02bc", 1) + "]"
	if _, _, err := policy.ReadIEP("p", []byte(two), ""); err == nil || fault.Public(err).Code != "policy.several" {
		t.Errorf("of two policies one was chosen: %v", err)
	}
	if _, _, err := policy.ReadIEP("p", []byte(two), "02bc4353-4829-4d55-8d52-0ab7e0790df9"); err != nil {
		t.Error(err)
	}
	if _, _, err := policy.ReadIEP("p", []byte(two), "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}

func TestThePublishedExamplesAreRead(t *testing.T) {
	var doc struct {
		Example json.RawMessage `json:"example"`
		Enums   map[string][]string
	}
	if err := json.NewDecoder(shareddata.Open(t, "markings", "iep-2.0.json")).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	want := policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2017-01-01"}
	if b, _, err := policy.ReadIEP("p", doc.Example, ""); err != nil || b != want {
		t.Errorf("%+v, %v", b, err)
	}
	// Every word of the enumerations is read, and all that is written is one.
	var base map[string]any
	if err := json.Unmarshal(doc.Example, &base); err != nil {
		t.Fatal(err)
	}
	for key, words := range doc.Enums {
		was := base[key]
		for _, w := range words {
			base[key] = w
			text, err := json.Marshal(base)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := policy.ReadIEP("p", text, ""); err != nil {
				t.Errorf("%s %s: %v", key, w, err)
			}
		}
		base[key] = was
	}
	for _, s := range sheets(t) {
		policies, _ := policy.IEPs(s)
		for _, p := range policies {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var said map[string]any
			if err := json.Unmarshal(text, &said); err != nil {
				t.Fatal(err)
			}
			for key, words := range doc.Enums {
				if w, _ := said[key].(string); !slices.Contains(words, w) {
					t.Errorf("%s: %s is %q", s.Name, key, w)
				}
			}
		}
	}
	marking, err := io.ReadAll(shareddata.Open(t, "markings", "stix-iep-marking-example.json"))
	if err != nil {
		t.Fatal(err)
	}
	want.From = "2022-10-01"
	if b, _, err := policy.ReadMarkings("m", marking); err != nil || b != want {
		t.Errorf("%+v, %v", b, err)
	}
}

func FuzzReadIEP(f *testing.F) {
	f.Add([]byte(amber))
	f.Add([]byte("[" + amber + "]"))
	base, err := terms.Builtin("default")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, _, err := policy.ReadIEP("f", data, "")
		if err != nil {
			return
		}
		if s, _, err := policy.Narrow(base, b); err == nil {
			for i, c := range s.Clauses {
				if terms.Strictness(c.TLP) < terms.Strictness(b.TLP) && terms.Strictness(c.TLP) < terms.Strictness(base.Clauses[i].TLP) {
					t.Fatalf("clause %s is %s under %+v", c.ID, c.TLP, b)
				}
			}
		}
	})
}

func FuzzReadMarkings(f *testing.F) {
	f.Add([]byte(`{"type":"marking-definition","id":"x","extensions":{"` + policy.IEPExtension + `":{"iep_version":2.0,"tlp":"red"}}}`))
	f.Add([]byte(`{"type":"bundle","objects":[{"object_marking_refs":["x"]},1]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, lost, err := policy.ReadMarkings("f", data); err == nil && b == (policy.Bound{}) && len(lost) == 0 {
			t.Fatal("a document that binds nothing is told")
		}
	})
}

func TestDataUseCodesAreThoseOfTheOntology(t *testing.T) {
	rows, err := csv.NewReader(shareddata.Open(t, "data-use", "duo.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range policy.DataUses() {
		if !slices.ContainsFunc(rows, func(r []string) bool { return r[0] == d.ID && r[1] == d.Code && r[2] == d.Label }) {
			t.Errorf("%+v is no term of the ontology", d)
		}
	}
}

func codes(uses []policy.DataUse) string {
	var all []string
	for _, u := range uses {
		all = append(all, u.Code)
	}
	return strings.Join(all, " ")
}

func TestCodesFollowFromTheClausesThatDataWasGatheredUnder(t *testing.T) {
	free := "{id: a, fields: [x], to: [{stake: any}], for: [defend, investigate, study, benchmark, supervise, publish], form: exact, tlp: TLP:CLEAR, pap: PAP:CLEAR}"
	for _, c := range []struct{ clauses, tlp, want string }{
		{free, "TLP:CLEAR", "NRES"},
		{free, "TLP:GREEN", "GRU"},
		{free + ", {id: b, fields: [x], to: [{stake: any}], for: [study], form: exact}", "TLP:CLEAR", "GRU"},
		{"{id: a, fields: [x], to: [{stake: research}], for: [study], form: exact}", "TLP:RED", "GRU US"},
		{"{id: a, fields: [x], to: [{stake: research}], for: [study], form: exact}", "TLP:AMBER+STRICT", "GRU IS"},
		{"{id: a, fields: [x], to: [{stake: research, projects: [p-one]}, {stake: industry}], for: [study], form: exact}", "TLP:AMBER", "GRU PS"},
		{"{id: a, fields: [x], to: [{stake: research, projects: [p-one]}, {stake: any}], for: [study], form: exact}", "TLP:AMBER", "GRU"},
		{"{id: a, fields: [x], to: [{stake: research, kinds: [university, institute], jurisdictions: [DE]}], for: [study], form: exact, keep: 365d}", "TLP:AMBER", "GRU GS NPU TS"},
		{"{id: a, fields: [x], to: [{stake: research, kinds: [university, firm]}], for: [study], form: exact, until: 2030-01-01}", "TLP:AMBER", "GRU TS"},
	} {
		s, err := terms.Parse("s.yaml", []byte("name: s\nversion: 1\nclauses: ["+quoted(c.clauses)+"]"))
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(policy.StudyUses(s.Clauses, c.tlp)); got != c.want {
			t.Errorf("%s, %s: %s", c.clauses, c.tlp, got)
		}
	}
}

func quoted(s string) string {
	return strings.NewReplacer("TLP:CLEAR", `"TLP:CLEAR"`, "PAP:CLEAR", `"PAP:CLEAR"`).Replace(s)
}

func TestUndertakingsSayCodesByTheirWords(t *testing.T) {
	got := policy.Undertaken([]string{
		"Use is non-commercial.", "Work is done within one project, p-7.", "DUO:0000021", "An approval of the ethics committee is kept.",
		"No attempt is made to find out who reported.", "not for profit, non commercial use only"})
	if codes(got) != "NCU PS IRB NPUNCU" {
		t.Errorf("%+v", got)
	}
}

func TestABoundOnlyChangesWhatIsWiderThanIt(t *testing.T) {
	base := terms.Clause{ID: "c", Fields: []string{"x"}, To: []terms.Recipient{{Stake: "any"}}, For: []member.Purpose{member.Study}, Form: standard.Form{Kind: standard.Exact},
		TLP: "TLP:GREEN", PAP: "PAP:AMBER", Attribution: terms.ByStake, From: "2026-01-01", Until: "2027-01-01"}
	for _, c := range []struct {
		bound policy.Bound
		want  string
	}{
		{policy.Bound{}, "TLP:GREEN PAP:AMBER stake 2026-01-01 2027-01-01"},
		{policy.Bound{TLP: "TLP:CLEAR", PAP: "PAP:CLEAR", Attribution: terms.ByName, From: "2025-01-01", Until: "2028-01-01"}, "TLP:GREEN PAP:AMBER stake 2026-01-01 2027-01-01"},
		{policy.Bound{TLP: "TLP:RED", PAP: "PAP:RED", Attribution: terms.NotAttributed, From: "2026-02-01", Until: "2026-03-01"}, "TLP:RED PAP:RED none 2026-02-01 2026-03-01"},
		{policy.Bound{From: "2027-01-01"}, ""},
		{policy.Bound{Until: "2026-01-01"}, ""},
	} {
		got, lost, err := policy.Narrow(&terms.Sheet{Name: "s", Version: 6, Clauses: []terms.Clause{base}}, c.bound)
		if c.want == "" {
			if err == nil || len(lost) != 1 || lost[0].Clause != "c" {
				t.Errorf("%+v: %v, %v", c.bound, lost, err)
			}
			continue
		}
		if err != nil || got.Version != 7 {
			t.Fatalf("%+v: %v, %v", c.bound, got, err)
		}
		is := got.Clauses[0]
		if text := strings.Join([]string{is.TLP, is.PAP, string(is.Attribution), string(is.From), string(is.Until)}, " "); text != c.want {
			t.Errorf("%+v: %s, want %s", c.bound, text, c.want)
		}
	}
	// What is left out is as strict as can be already, and stays so.
	silent := base
	silent.TLP, silent.PAP, silent.Attribution = "", "", ""
	got, _, err := policy.Narrow(&terms.Sheet{Name: "s", Version: 1, Clauses: []terms.Clause{silent}}, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:GREEN", Attribution: terms.NotAttributed})
	if err != nil || got.Clauses[0].TLP != "" || got.Clauses[0].PAP != "" || got.Clauses[0].Attribution != terms.NotAttributed {
		t.Errorf("%+v, %v", got, err)
	}
}
