package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/policy"
	"github.com/concord-trust/concord/wire"
)

func finance(t testing.TB) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	return std
}

// sheets are all that come with the program and all examples.
func sheets(t testing.TB) []*terms.Sheet {
	t.Helper()
	var all []*terms.Sheet
	for _, name := range terms.Builtins() {
		s, err := terms.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	files, err := filepath.Glob("../../examples/terms/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "contributors.yaml" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := terms.Parse(file, data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func maybe[T any](r *rapid.T, name string, g *rapid.Generator[T]) T {
	var none T
	if rapid.IntRange(0, 2).Draw(r, name+"?") > 0 {
		return none
	}
	return g.Draw(r, name)
}

func list[T comparable](name string, from []T, least int) func(*rapid.T) []T {
	return func(r *rapid.T) []T {
		if least == 0 && rapid.IntRange(0, 2).Draw(r, name+"?") > 0 {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), max(least, 1), min(len(from), 3), rapid.ID[T]).Draw(r, name)
	}
}

func drawDate(r *rapid.T) terms.Date {
	return terms.DateOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 20).Draw(r, "day")))
}

var (
	ids      = []wire.MemberID{wire.IDFrom[wire.MemberID]('m', [16]byte{1}), wire.IDFrom[wire.MemberID]('m', [16]byte{2})}
	projects = []string{"p-one", "p-two"}
	roles    = []string{"mediator", "auditor"}
	lands    = []string{"DE", "FR", "GB"}
)

// drawSheet draws any sheet that may be: of fields that exist, with all that
// a clause can say.
func drawSheet(std *standard.Standard) *rapid.Generator[*terms.Sheet] {
	fields := std.Fields()
	return rapid.Custom(func(r *rapid.T) *terms.Sheet {
		s := &terms.Sheet{Name: rapid.StringMatching(`[a-z][a-z0-9._-]{0,8}`).Draw(r, "name"), Version: rapid.IntRange(1, 99).Draw(r, "version"),
			Title: rapid.StringMatching(`[ -~äß→]{0,12}`).Draw(r, "title")}
		if rapid.Bool().Draw(r, "retention?") {
			s.Retention = terms.Days(rapid.IntRange(1, 3650).Draw(r, "retention"))
		}
		for i := range rapid.IntRange(1, 5).Draw(r, "clauses") {
			c := drawClause(std, fields).Draw(r, "clause")
			c.ID = fmt.Sprintf("c%d", i)
			s.Clauses = append(s.Clauses, c)
		}
		if err := s.Check(); err != nil {
			r.Fatalf("drawn sheet: %v", err)
		}
		return s
	})
}

func drawClause(std *standard.Standard, fields []standard.Field) *rapid.Generator[terms.Clause] {
	span := rapid.Custom(func(r *rapid.T) terms.Span {
		return terms.Span(time.Duration(rapid.IntRange(1, 500).Draw(r, "hours")) * time.Hour)
	})
	return rapid.Custom(func(r *rapid.T) terms.Clause {
		f := rapid.SampledFrom(fields).Draw(r, "field")
		forms := slices.DeleteFunc(slices.Clone(std.FormsAllowed(f)), func(g standard.Form) bool {
			return g.Kind == standard.Withheld || g.Kind == standard.Sealed
		})
		c := terms.Clause{
			Form: rapid.SampledFrom(forms).Draw(r, "form"), Fields: []string{f.Path},
			For:         list("for", member.Purposes(), 1)(r),
			TLP:         maybe(r, "tlp", rapid.SampledFrom(terms.Markings())),
			PAP:         maybe(r, "pap", rapid.SampledFrom(terms.Actions())),
			Attribution: maybe(r, "attribution", rapid.SampledFrom(terms.Attributions())),
			After:       maybe(r, "after", span),
			Groups:      maybe(r, "groups", rapid.IntRange(terms.MinGroups, 5)),
		}
		if rapid.IntRange(0, 3).Draw(r, "more") == 0 {
			c.Fields = append(c.Fields, "class:"+string(f.Class), f.Path+"?", "nothing.*?")
		}
		if rapid.Bool().Draw(r, "keep?") {
			c.Keep = c.After + span.Draw(r, "keep")
		}
		c.When.ContributedWithin = maybe(r, "within", span)
		if rapid.Bool().Draw(r, "from?") {
			c.From = drawDate(r)
		}
		if d := drawDate(r); d > c.From && rapid.Bool().Draw(r, "until?") {
			c.Until = d
		}
		for range rapid.IntRange(1, 2).Draw(r, "recipients") {
			c.To = append(c.To, terms.Recipient{
				Stake:  rapid.SampledFrom([]string{"any", "industry", "law-enforcement", "research"}).Draw(r, "stake"),
				Sector: rapid.SampledFrom([]string{"", "own", "any", "finance", "health"}).Draw(r, "sector"),
				Kinds:  list("kinds", member.Kinds(), 0)(r), Members: list("members", ids, 0)(r), Roles: list("roles", roles, 0)(r),
				Projects: list("projects", projects, 0)(r), Jurisdictions: list("jurisdictions", lands, 0)(r),
			})
		}
		return c
	})
}

func same(t interface{ Fatalf(string, ...any) }, got, want *terms.Sheet) {
	a, err := got.Canonical()
	b, err2 := want.Canonical()
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Fatalf("read back as\n%s\nand was\n%s (%v, %v)", a, b, err, err2)
	}
}

func TestEverySheetGoesThroughODRLAndBackUnchanged(t *testing.T) {
	back := func(t interface{ Fatalf(string, ...any) }, s *terms.Sheet) {
		doc, err := policy.ODRL(s)
		if err != nil {
			t.Fatalf("%v", err)
		}
		got, lost, err := policy.ReadODRL("p.jsonld", doc)
		if err != nil || len(lost) > 0 {
			t.Fatalf("%v, lost %v of\n%s", err, lost, doc)
		}
		same(t, got, s)
	}
	for _, s := range sheets(t) {
		back(t, s)
	}
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) { back(r, drawSheet(std).Draw(r, "sheet")) })
}

func TestASheetIsWrittenAsTheDocumentThatIsReadAsIt(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std).Draw(r, "sheet")
		text, err := policy.YAML(s)
		if err != nil {
			r.Fatalf("%v", err)
		}
		got, err := terms.Parse("s.yaml", text)
		if err != nil {
			r.Fatalf("%v in\n%s", err, text)
		}
		same(r, got, s)
	})
}

// drawQuestion draws a viewer whom a clause of the sheet is for, and a moment
// near the edges of the clause.
func drawQuestion(r *rapid.T, s *terms.Sheet) (member.Viewer, terms.Moment) {
	c := rapid.SampledFrom(s.Clauses).Draw(r, "asked of")
	to := rapid.SampledFrom(c.To).Draw(r, "asked by")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start.Add(time.Duration(rapid.IntRange(-48, 24*22).Draw(r, "now")) * time.Hour)
	age := time.Duration(c.After) + time.Duration(rapid.IntRange(-5, 50).Draw(r, "age"))*time.Hour
	one := func(of []string, none string) string {
		if len(of) == 0 {
			return none
		}
		return rapid.SampledFrom(of).Draw(r, "one")
	}
	m := member.Member{ID: ids[0], Stake: member.Stake(to.Stake), Kind: "university", Sectors: []string{"finance", "health"},
		Roles: to.Roles, Jurisdiction: one(to.Jurisdictions, "")}
	if to.Stake == terms.AnyStake {
		m.Stake = rapid.SampledFrom(member.Stakes()).Draw(r, "stake")
	}
	if len(to.Kinds) > 0 {
		m.Kind = to.Kinds[0]
	}
	if len(to.Members) > 0 {
		m.ID = to.Members[0]
	}
	v := member.Viewer{At: now, Member: m, Purpose: rapid.SampledFrom(c.For).Draw(r, "purpose"), Project: one(to.Projects, ""),
		Contributed: now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(r, "contributed")) * time.Hour)}
	return v, terms.Moment{Now: now, Received: now.Add(-age), Groups: c.Groups + rapid.IntRange(-1, 1).Draw(r, "groups")}
}

// wider finds a grant of one sheet that no grant of another covers.
func wider(r *rapid.T, std *standard.Standard, base, other *terms.Sheet) string {
	a, err := terms.Compile(base, std)
	if err != nil {
		r.Fatalf("%v", err)
	}
	b, err := terms.Compile(other, std)
	if err != nil {
		r.Fatalf("%v", err)
	}
	for range 10 {
		v, m := drawQuestion(r, base)
		was, is := a.For(v, "finance").At(m), b.For(v, "finance").At(m)
		for _, path := range is.Paths() {
			f, _ := std.Field(path)
			for _, g := range is.Grants(path) {
				if !slices.ContainsFunc(was.Grants(path), func(h terms.Grant) bool {
					return std.Weaker(f, g.Form, h.Form) && terms.Strictness(g.TLP) >= terms.Strictness(h.TLP) && terms.Caution(g.PAP) >= terms.Caution(h.PAP) &&
						terms.Discretion(g.Attribution) >= terms.Discretion(h.Attribution) && (h.Keep == 0 || g.Keep != 0 && g.Keep <= h.Keep)
				}) {
					return fmt.Sprintf("%s: %+v; was %+v", path, g, was.Grants(path))
				}
			}
		}
	}
	return ""
}

func drawIEP(r *rapid.T) string {
	moment := func(name string) string {
		t := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 24*20).Draw(r, name)) * time.Hour)
		return t.Format(time.RFC3339)
	}
	word := func(key string, words ...string) string {
		return fmt.Sprintf("%q:%q", key, rapid.SampledFrom(words).Draw(r, key))
	}
	parts := []string{`"id":"01bc4353-4829-4d55-8d52-0ab7e0790df9"`, `"name":"drawn"`, `"iep_version":2.0`,
		fmt.Sprintf(`"start_date":%q`, moment("start")), word("encrypt_in_transit", "must", "may"),
		word("permitted_actions", "none", "contact-for-instruction", "internally-visible-actions", "externally-visible-indirect-actions", "externally-visible-direct-actions"),
		word("affected_party_notifications", "may", "must-not"), word("tlp", "red", "amber", "green", "white"),
		word("attribution", "may", "must", "must-not"), word("unmodified_resale", "may", "must-not")}
	if rapid.Bool().Draw(r, "ends") {
		parts = append(parts, fmt.Sprintf(`"end_date":%q`, moment("end")))
	} else {
		parts = append(parts, `"end_date":null`)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestAPolicyThatIsReadOnlyNarrowsTheSheet(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		base := drawSheet(std).Draw(r, "sheet")
		for i := range base.Clauses { // only what exists, so that it compiles
			base.Clauses[i].Fields = base.Clauses[i].Fields[:1]
		}
		doc := drawIEP(r)
		bound, _, err := policy.ReadIEP("p.json", []byte(doc), "")
		if err != nil {
			r.Fatalf("%v in %s", err, doc)
		}
		narrow, lost, err := policy.Narrow(base, bound)
		if err != nil {
			if len(lost) != len(base.Clauses) {
				r.Fatalf("%v, and only %v", err, lost)
			}
			return
		}
		if w := wider(r, std, base, narrow); w != "" {
			r.Fatalf("under %+v: %s", bound, w)
		}
		for _, c := range narrow.Clauses {
			if terms.Strictness(c.TLP) < terms.Strictness(bound.TLP) || bound.PAP != "" && terms.Caution(c.PAP) < terms.Caution(bound.PAP) ||
				bound.Attribution != "" && terms.Discretion(c.Attribution) < terms.Discretion(bound.Attribution) ||
				c.From < bound.From || bound.Until != "" && (c.Until == "" || c.Until > bound.Until) {
				r.Fatalf("clause %+v permits more than %+v", c, bound)
			}
		}
	})
}

func TestNoExportPermitsMoreThanItsClause(t *testing.T) {
	std := finance(t)
	within := func(c terms.Clause, b policy.Bound) bool {
		return terms.Strictness(b.TLP) >= terms.Strictness(c.TLP) && terms.Caution(b.PAP) >= terms.Caution(c.PAP) &&
			(b.Attribution == "" && c.Attribution == terms.ByName || b.Attribution != "" && terms.Discretion(b.Attribution) >= min(terms.Discretion(c.Attribution), 1)) &&
			b.From >= c.From && (c.Until == "" || b.Until != "" && b.Until <= c.Until)
	}
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std).Draw(r, "sheet")
		policies, lost := policy.IEPs(s)
		of := map[string]policy.Bound{}
		for _, p := range policies {
			doc, err := wire.Canonical(p)
			if err != nil {
				r.Fatalf("%v", err)
			}
			b, _, err := policy.ReadIEP("p.json", doc, p.ID)
			if err != nil {
				r.Fatalf("%v in %s", err, doc)
			}
			for _, id := range p.Clauses {
				if _, twice := of[id]; twice {
					r.Fatalf("clause %s has two policies", id)
				}
				of[id] = b
			}
		}
		for _, c := range s.Clauses {
			if b, ok := of[c.ID]; !ok || !within(c, b) {
				r.Fatalf("clause %+v is said as %+v (%v)", c, b, ok)
			}
			told := func(what string) bool {
				return slices.ContainsFunc(lost, func(l policy.Lost) bool { return l.Clause == c.ID && strings.HasPrefix(l.What, what) && l.Why != "" })
			}
			for what, is := range map[string]bool{"fields": true, "after": c.After != 0, "keep": c.Keep != 0, "groups": c.Groups != 0, "when": c.When.ContributedWithin != 0,
				"tlp": c.TLP == "TLP:AMBER+STRICT", "pap": c.PAP == "" || c.PAP == "PAP:RED" || c.PAP == "PAP:GREEN", "attribution": c.Attribution != terms.ByName} {
				if told(what) != is {
					r.Fatalf("%s of %+v: told %v", what, c, told(what))
				}
			}
		}
	})
}

func TestTheSameObligationsHaveOnePolicy(t *testing.T) {
	s, err := terms.Parse("s.yaml", []byte(`
name: bank
version: 3
clauses:
  - {id: a, fields: [victim.country], to: [{stake: any}], for: [defend], form: exact, tlp: "TLP:GREEN", pap: "PAP:AMBER", attribution: named}
  - {id: b, fields: [victim.industry], to: [{stake: research}], for: [study], form: exact, tlp: "TLP:GREEN", pap: "PAP:AMBER", attribution: named}
  - {id: c, fields: [victim.industry], to: [{stake: any}], for: [publish], form: exact, tlp: "TLP:CLEAR", pap: "PAP:CLEAR", attribution: named, from: 2026-01-01, until: 2027-01-01}
`))
	if err != nil {
		t.Fatal(err)
	}
	all, _ := policy.IEPs(s)
	if len(all) != 2 || fmt.Sprint(all[0].Clauses, all[1].Clauses) != "[a b] [c]" {
		t.Fatalf("%+v", all)
	}
	doc, err := wire.Canonical(all[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"affected_party_notifications":"may","attribution":"may","description":"How to handle what is received under the terms bank, version 3, clauses c.","encrypt_in_transit":"may","end_date":"2027-01-01T00:00:00Z","external_references":["https://www.first.org/tlp","https://www.first.org/iep"],"id":"` + all[1].ID +
		`","iep_version":2,"name":"bank 2 of 2, TLP:WHITE","permitted_actions":"externally-visible-direct-actions","start_date":"2026-01-01T00:00:00Z","tlp":"white","unmodified_resale":"must-not"}`
	if string(doc) != want {
		t.Errorf("got  %s\nwant %s", doc, want)
	}
	again, _ := policy.IEPs(s)
	if again[1].ID != all[1].ID || all[0].ID == all[1].ID {
		t.Error("identifiers do not follow the obligations")
	}
}

func TestLabelsOfBothVersionsOfTLPAreRead(t *testing.T) {
	for in, want := range map[string]string{
		"TLP:AMBER+STRICT": "TLP:AMBER+STRICT", "tlp:amber": "TLP:AMBER", " White ": "TLP:CLEAR", "TLP:WHITE": "TLP:CLEAR",
		"clear": "TLP:CLEAR", "tlp: red": "TLP:RED", "amber-strict": "TLP:AMBER+STRICT", "GREEN": "TLP:GREEN",
		"": "", "TLP:": "", "TLP:EX:CHR": "", "purple": "", "TLP:TLP:RED": "",
	} {
		got, err := policy.ReadTLP(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q (%v), want %q", in, got, err, want)
		}
	}
}

func TestMarkingsAreValidSTIXAndBindAsTheSheetDoes(t *testing.T) {
	made := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range sheets(t) {
		bundle, groups, lost := policy.Markings(s, made)
		var strictest int
		for _, c := range s.Clauses {
			n := 0
			for _, g := range groups {
				if slices.Contains(g.Clauses, c.ID) {
					n++
				}
			}
			if n != 3 {
				t.Errorf("%s: clause %s has %d markings: TLP, IEP and a statement are wanted", s.Name, c.ID, n)
			}
			strictest = max(strictest, terms.Strictness(c.TLP))
		}
		for _, v := range append(slices.Clone(bundle.List("objects")), bundle) {
			for _, f := range stix.Validate(v.(stix.Object)) {
				t.Errorf("%s: %s: %s", s.Name, v.(stix.Object).ID(), f)
			}
		}
		text, err := stix.Print(bundle)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := policy.ReadMarkings("b.json", text)
		if err != nil {
			t.Fatal(err)
		}
		if terms.Strictness(b.TLP) < strictest || b.PAP == "" {
			t.Errorf("%s: read back as %+v", s.Name, b)
		}
		if len(lost) < len(s.Clauses) {
			t.Errorf("%s: told only %v", s.Name, lost)
		}
	}
}

func TestMarkingsThatAreReadBind(t *testing.T) {
	const id = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
	own := func(more string) string {
		return `{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--00000000-0000-4000-8000-000000000001","created":"2024-01-01T00:00:00Z",` + more + `}`
	}
	iep := own(`"extensions":{"` + policy.IEPExtension + `":{"extension_type":"property-extension","encrypt_in_transit":"may","permitted_actions":"externally-visible-direct-actions","affected_party_notifications":"may","tlp":"amber","provider_attribution":"must-not","unmodified_resale":"must-not","iep_id":"0224bfdf-ea3a-49c3-96f6-66d908bb1845","iep_version":2.0,"description":"x","start_date":"2022-10-01T00:00:00Z"}}`)
	for name, c := range map[string]struct {
		doc  string
		want policy.Bound
		lost []string
	}{
		"a reference to a label of version 1": {`{"type":"indicator","id":"x","object_marking_refs":["` + id + `"]}`, policy.Bound{TLP: "TLP:GREEN"}, nil},
		"the strictest of several":            {`{"type":"bundle","objects":[{"type":"a","object_marking_refs":["` + id + `"]},{"type":"a","granular_markings":[{"marking_ref":"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"}]}]}`, policy.Bound{TLP: "TLP:AMBER"}, nil},
		"a policy of IEP":                     {iep, policy.Bound{TLP: "TLP:AMBER", PAP: "PAP:CLEAR", Attribution: terms.ByStake, From: "2022-10-01"}, []string{"description"}},
		"a statement is told":                 {own(`"definition_type":"statement","definition":{"statement":"x"}`), policy.Bound{}, []string{"a statement"}},
		"an unknown extension":                {own(`"extensions":{"extension-definition--3a65884d-005a-4290-8335-cb2d778a83ce":{"a":1}}`), policy.Bound{TLP: "TLP:RED", PAP: "PAP:RED", Attribution: terms.NotAttributed}, []string{"an extension that states a marking"}},
		"a marking that is not there":         {`{"type":"a","object_marking_refs":["marking-definition--00000000-0000-4000-8000-000000000001"]}`, policy.Bound{TLP: "TLP:RED", PAP: "PAP:RED", Attribution: terms.NotAttributed}, []string{"a marking that is referred to and not there"}},
		"none at all":                         {`{"type":"indicator"}`, policy.Bound{}, []string{"markings"}},
	} {
		got, lost, err := policy.ReadMarkings("f.json", []byte(c.doc))
		var what []string
		for _, l := range lost {
			what = append(what, l.What)
		}
		if err != nil || got != c.want || !slices.Equal(what, c.lost) {
			t.Errorf("%s: %+v, %v, %v", name, got, lost, err)
		}
	}
}
