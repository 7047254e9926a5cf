package minimise

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
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

// drawValue draws a canonical value of a field; names and texts are such as
// stand nowhere else. False: none is known.
func drawValue(r *rapid.T, std *standard.Standard, f standard.Field) (string, bool) {
	var raw []string
	switch f.Type {
	case standard.Code:
		list, _ := std.CodeList(f.CodeList)
		for _, c := range list.Codes {
			raw = append(raw, c.Code)
		}
		raw = append(raw, "522110", "621111", "US", "T1059", "T1566.001")
	case standard.Name, standard.Text:
		raw = []string{"Zq" + rapid.StringMatching(`[a-z0-9]{12}`).Draw(r, "name") + " Ltd"}
	case standard.Date:
		raw = []string{"2014", "2014-02", "2014-02-03", "2014-12-31T05:06:07Z"}
	case standard.Boolean:
		raw = []string{"true", "false"}
	default:
		raw = []string{fmt.Sprint(rapid.IntRange(0, 100_000_000).Draw(r, "number"))}
	}
	raw = slices.DeleteFunc(raw, func(v string) bool { c, err := std.Canonical(f, v); return err != nil || c != v })
	if len(raw) == 0 {
		return "", false
	}
	return rapid.SampledFrom(raw).Draw(r, "value"), true
}

func drawReport(std *standard.Standard) *rapid.Generator[report.Report] {
	return rapid.Custom(func(r *rapid.T) report.Report {
		rep := report.Report{Native: "case-77", Standard: std.Ref()}
		for _, f := range std.Fields() {
			if strings.HasPrefix(f.Path, "observable.") || rapid.IntRange(0, 2).Draw(r, "left out") == 0 {
				continue
			}
			if v, ok := drawValue(r, std, f); ok {
				rep.Statements = append(rep.Statements, report.Statement{Path: f.Path, Value: v})
			}
		}
		n := rapid.IntRange(0, 4).Draw(r, "observables")
		for range n {
			unique := "zq" + rapid.StringMatching(`[a-z0-9]{10}`).Draw(r, "host")
			rep.Observables = append(rep.Observables, rapid.SampledFrom([]report.Observable{
				{Type: "domain", Value: unique + ".example", FirstSeen: "2014-02-03T05:06:07Z", LastSeen: "2014-02-04", Count: 7},
				{Type: "email", Value: unique + "@example.org", Count: 7},
				{Type: "url", Value: "https://" + unique + ".example/x"},
			}).Draw(r, "observable"))
		}
		return rep
	})
}

// drawRules draws a sheet of clauses on single fields and classes.
func drawRules(t testing.TB, std *standard.Standard) *rapid.Generator[*terms.Rules] {
	fields := std.Fields()
	return rapid.Custom(func(r *rapid.T) *terms.Rules {
		s := &terms.Sheet{Name: "drawn", Version: 1}
		for i := range rapid.IntRange(1, 12).Draw(r, "clauses") {
			f := rapid.SampledFrom(fields).Draw(r, "field")
			forms := slices.DeleteFunc(std.FormsAllowed(f), func(g standard.Form) bool {
				return g.Kind == standard.Withheld || g.Kind == standard.Sealed
			})
			target := f.Path
			if rapid.Bool().Draw(r, "by class") {
				target = "class:" + string(f.Class)
			}
			s.Clauses = append(s.Clauses, terms.Clause{ID: fmt.Sprintf("c%d", i), Fields: []string{target},
				To: []terms.Recipient{{Stake: "any"}}, For: []member.Purpose{member.Study},
				Form: rapid.SampledFrom(forms).Draw(r, "form"), TLP: "TLP:AMBER"})
		}
		rules, err := terms.Compile(s, std)
		if err != nil {
			r.Fatal(err)
		}
		return rules
	})
}

// tokensOf stands in for the steward: a token tells nothing of its input.
func tokensOf(m Minimal) map[Input]string {
	tokens := map[Input]string{}
	for _, in := range m.Inputs() {
		if tokens[in] == "" {
			sum := sha256.Sum256(fmt.Append(nil, len(tokens)))
			tokens[in] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
	}
	return tokens
}

func leavesAs(rules *terms.Rules, path string, kinds ...standard.FormKind) bool {
	return slices.ContainsFunc(rules.Leaving(path, time.Time{}), func(d terms.Departure) bool { return slices.Contains(kinds, d.Form.Kind) })
}

func TestWithoutAnExactGrantNoExactByteLeaves(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		rules := drawRules(t, std).Draw(r, "rules")
		rep := drawReport(std).Draw(r, "report")
		m := reduce(rep, rules, time.Time{})
		left, err := json.Marshal(m.Assemble(tokensOf(m)))
		if err != nil {
			r.Fatal(err)
		}
		if strings.Contains(string(left), rep.Native) {
			r.Fatalf("the native id leaves: %s", left)
		}
		for _, s := range rep.Statements {
			f, _ := std.Field(s.Path)
			if leavesAs(rules, s.Path, standard.Exact, standard.Counted) {
				continue
			}
			if (f.Type == standard.Name || f.Type == standard.Text) && strings.Contains(string(left), s.Value) {
				r.Fatalf("%s leaves exact, which no clause grants: %s", s.Path, left)
			}
		}
		for _, o := range rep.Observables {
			if path := report.ObservablePath(o.Type); !leavesAs(rules, path, standard.Exact) && strings.Contains(string(left), o.Value) {
				r.Fatalf("a value of %s leaves, which no clause grants exact: %s", path, left)
			}
		}
		account, _ := json.Marshal(m.Account())
		for _, v := range append(values(rep), rep.Native) {
			if strings.HasPrefix(v, "Zq") && strings.Contains(string(account), v) {
				r.Fatalf("the account holds a value: %s", account)
			}
		}
	})
}

func values(rep report.Report) []string {
	var all []string
	for _, s := range rep.Statements {
		all = append(all, s.Value)
	}
	for _, o := range rep.Observables {
		all = append(all, o.Value)
	}
	return all
}

func TestEachStatementLeavesInExactlyTheFormsThatSomebodyMayReceive(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		rules := drawRules(t, std).Draw(r, "rules")
		rep := drawReport(std).Draw(r, "report")
		m := reduce(rep, rules, time.Time{})
		left := m.Assemble(tokensOf(m))
		at := map[string][]report.Said{}
		for _, s := range left.Said {
			at[s.Path] = append(at[s.Path], s)
		}
		for _, s := range rep.Statements {
			f, _ := std.Field(s.Path)
			for _, d := range rules.Leaving(s.Path, time.Time{}) {
				i := slices.IndexFunc(at[s.Path], func(o report.Said) bool { return o.Form == d.Form })
				switch d.Form.Kind {
				case standard.Exact, standard.Counted:
					if i < 0 || at[s.Path][i].Value != s.Value {
						r.Fatalf("%s is granted as %s and left as %v", s.Path, d.Form, at[s.Path])
					}
				case standard.Generalised:
					want, err := std.Generalise(f, d.Form.Level, s.Value)
					if err != nil || want == standard.Any {
						if i >= 0 {
							r.Fatalf("%s says nothing as %s and left all the same", s.Path, d.Form)
						}
					} else if i < 0 || at[s.Path][i].Value != want {
						r.Fatalf("%s is granted as %s and left as %v", s.Path, d.Form, at[s.Path])
					}
				}
			}
			for _, o := range at[s.Path] {
				token := o.Form.Kind == standard.Token && leavesAs(rules, s.Path, standard.Exact)
				if !token && !slices.ContainsFunc(rules.Leaving(s.Path, time.Time{}), func(d terms.Departure) bool { return d.Form == o.Form }) {
					r.Fatalf("%s left as %s, which no clause grants", s.Path, o.Form)
				}
			}
		}
		if len(left.Observables) > len(rep.Observables) {
			r.Fatal("more observables left than there are")
		}
		left.ID = wire.IDFrom[wire.ReportID]('r', [16]byte{1})
		if problems := left.Validate(std); len(problems) > 0 {
			r.Fatalf("the hub would refuse it: %v", problems)
		}
	})
}

func TestAnExactObservableLeavesWithItsToken(t *testing.T) {
	rules := rulesOf(t, "observable.domain", "exact")
	m := reduce(report.Report{Standard: "finance/1.0", Observables: []report.Observable{
		{Type: "domain", Value: "Login.Example.net", FirstSeen: "2014-02-03T05:06:07Z", Count: 3},
		{Type: "ip", Value: "192.0.2.7"},
	}}, rules, time.Time{})
	left := m.Assemble(tokensOf(m)).Observables
	if len(left) != 1 {
		t.Fatalf("%d observables left, of which one is granted", len(left))
	}
	if o := left[0]; o.Value != "Login.Example.net" || o.Token == "" || o.FirstSeen != "2014-02-03T05:06:07Z" || o.Count != 3 {
		t.Errorf("it left as %+v", o)
	}
}

func TestATokenOnlyObservableLeavesWithoutValueSecondAndCount(t *testing.T) {
	rules := rulesOf(t, "observable.domain", "token")
	m := reduce(report.Report{Standard: "finance/1.0", Observables: []report.Observable{
		{Type: "domain", Value: "login.example.net", FirstSeen: "2014-02-03T05:06:07Z", LastSeen: "2014-02", Count: 3},
	}}, rules, time.Time{})
	left := m.Assemble(tokensOf(m)).Observables
	if len(left) != 1 || left[0].Value != "" || left[0].Token == "" || left[0].FirstSeen != "2014-02-03" || left[0].LastSeen != "2014-02" || left[0].Count != 0 {
		t.Errorf("it left as %+v", left)
	}
	// Without a token nothing is left of it.
	if left := m.Assemble(nil).Observables; len(left) != 0 {
		t.Errorf("without a token it left as %+v", left)
	}
}

func TestAValueWithoutCanonicalFormGetsNoToken(t *testing.T) {
	rules := rulesOf(t, "observable.ip", "token")
	m := reduce(report.Report{Standard: "finance/1.0", Observables: []report.Observable{{Type: "ip", Value: ""}, {Type: "ip", Value: "not an address"}}}, rules, time.Time{})
	if n := len(m.Inputs()); n != 0 {
		t.Errorf("%d tokens would be asked for", n)
	}
	for _, o := range m.Account() {
		if len(o.Left) > 0 || len(o.Notes) == 0 {
			t.Errorf("the account says %+v", o)
		}
	}
}

func TestAnInputIsNeverPrinted(t *testing.T) {
	in, _, ok := inputOf("domain", "secret-host.example")
	if !ok {
		t.Fatal("a domain has no canonical form")
	}
	text, err := json.Marshal(map[string]any{"in": in, "list": []Input{in}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(in), fmt.Sprintf("%v %+v %#v %q %x %s", in, in, in, in, in, in), fmt.Sprint([]Input{in}), string(text)} {
		if strings.Contains(s, "secret") || strings.Contains(s, "736563726574") {
			t.Errorf("it prints as %s", s)
		}
	}
}

func rulesOf(t testing.TB, field, form string) *terms.Rules {
	t.Helper()
	s, err := terms.Parse("test.yaml", fmt.Appendf(nil, `{"name":"test","version":1,"clauses":[
		{"id":"one","fields":[%q],"to":[{"stake":"any"}],"for":["study"],"form":%q,"tlp":"TLP:GREEN"}]}`, field, form))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := terms.Compile(s, finance(t))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestForWhomAReportIsRelayedLeavesAsATokenIfGranted(t *testing.T) {
	rep := report.Report{Standard: "finance/1.0", Statements: []report.Statement{{Path: "reporter.on_behalf_of", Value: "North Bank"}}}
	m := reduce(rep, rulesOf(t, "reporter.on_behalf_of", "token"), time.Time{})
	left := m.Assemble(tokensOf(m))
	if left.OnBehalf == "" || len(left.Said) != 1 || left.Said[0].Value != left.OnBehalf {
		t.Errorf("it left as %+v", left)
	}
	m = reduce(rep, rulesOf(t, "victim.industry", "exact"), time.Time{})
	if left := m.Assemble(tokensOf(m)); left.OnBehalf != "" || len(left.Said) != 0 {
		t.Errorf("not granted, it left as %+v", left)
	}
}
