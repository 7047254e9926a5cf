package mapping

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// valueOf draws a canonical value of a field.
func valueOf(t *rapid.T, m *VERIS, f standard.Field) string {
	var raw string
	switch f.Type {
	case standard.Code:
		list, _ := m.std.CodeList(f.CodeList)
		if len(list.Codes) > 0 && (list.Pattern == "" || rapid.Bool().Draw(t, "listed")) {
			raw = rapid.SampledFrom(list.Codes).Draw(t, f.Path).Code
		} else {
			raw = rapid.StringMatching(list.Pattern).Draw(t, f.Path)
		}
	case standard.Integer:
		raw = fmt.Sprint(rapid.IntRange(0, 1<<53).Draw(t, f.Path))
	case standard.Decimal:
		raw = fmt.Sprintf("%d.%d", rapid.IntRange(0, 1e9).Draw(t, f.Path), rapid.IntRange(0, 1e6).Draw(t, "fraction"))
	case standard.Boolean:
		raw = fmt.Sprint(rapid.Bool().Draw(t, f.Path))
	case standard.Date:
		raw = rapid.StringMatching(`(19|20)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)?)?)?`).Draw(t, f.Path)
	default:
		raw = rapid.StringMatching(`[a-zé\r\n"\\]{0,20}[a-zé]`).Draw(t, f.Path)
	}
	text, err := m.std.Canonical(f, raw)
	if err != nil {
		t.Skip("no value of the field")
	}
	return text
}

// reportOf draws a report of fields that VERIS has a place for, as VERIS can
// say it: a list says a value once, and each object of the unknown is stated.
func reportOf(t *rapid.T, m *VERIS) report.Report {
	var all []report.Statement
	said := map[string]bool{}
	for _, c := range m.fields.all {
		f := c.field
		to := m.byPath[f.Crosswalk.VERIS]
		if to == nil || to.kind == kindPresence || rapid.IntRange(0, 9).Draw(t, "leave out") > 2 {
			continue
		}
		n := 1
		if f.Many || f.Group != "" {
			n = rapid.IntRange(1, 3).Draw(t, "rows")
		}
		var values []string
		for range n {
			if v := valueOf(t, m, f); !f.Many || !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		for row, v := range values {
			all = append(all, report.Statement{Path: f.Path, Row: row, Value: v})
		}
		for _, p := range m.said {
			if strings.HasPrefix(f.Crosswalk.VERIS, p.path+".") && !said[p.path] {
				said[p.path] = true
				all = append(all, report.Statement{Path: p.field.field.Path, Value: "true"})
			}
		}
	}
	return report.New(m.std, "", all, nil)
}

func TestWhatVERISCanSayComesBack(t *testing.T) {
	m := NewVERIS(builtin(t, "finance/1.0"))
	rapid.Check(t, func(t *rapid.T) {
		r := reportOf(t, m)
		var a, back Account
		data, err := veris.Print(m.ToVERIS(r, &a))
		if err != nil {
			t.Fatal(err)
		}
		in, err := veris.NewParser().Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		again, places := m.FromVERIS(in, &back)
		if len(places) > 0 || len(a.NotMapped()) > 0 || len(back.Repaired()) > 0 {
			t.Fatalf("%v, %v, %v", places, a.NotMapped(), back.Repaired())
		}
		if !slices.Equal(again.Statements, r.Statements) {
			t.Fatalf("came back as\n%s\nnot\n%s\nby %s", said(again), said(r), data)
		}
	})
}

// incidentOf draws a document of the shapes that are found: known and unknown
// names, right and wrong types and codes, values and lists in each other's
// places.
func incidentOf(t *rapid.T, m *VERIS) map[string]any {
	doc := map[string]any{}
	paths := rapid.SliceOfN(rapid.SampledFrom(m.paths()), 1, 12).Draw(t, "paths")
	for _, path := range paths {
		at := doc
		steps := strings.Split(path, ".")
		for _, step := range steps[:len(steps)-1] {
			below, ok := at[step].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[step] = below
			}
			at = below
		}
		at[steps[len(steps)-1]] = anyValue(t, m.byPath[path], 0)
	}
	return doc
}

// paths lists what incidents may name: what the standard knows, what moved,
// and strangers.
func (m *VERIS) paths() []string {
	all := []string{"plus.github", "x_own.thing", "victim.mood", "schema_version", "ioc.comment"}
	for path := range m.byPath {
		all = append(all, path)
	}
	for _, move := range veris.Moves() {
		all = append(all, move.From)
	}
	slices.Sort(all)
	return all
}

func anyValue(t *rapid.T, to *counterpart, depth int) any {
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return map[string]any{}
	case 2:
		return rapid.Bool().Draw(t, "boolean")
	case 3:
		return json.Number(rapid.SampledFrom([]string{"0", "3", "31", "2014", "2.0", "1e3", "-1", "1e400", "0.5"}).Draw(t, "number"))
	case 4, 5:
		return rapid.SampledFrom([]string{"", " ", "Unknown", "2014-02-03", "31", "Ext - customer", "US, CA", "1,545", "yes", "6 PM", "Quantum", "a\x03b"}).Draw(t, "text")
	case 6, 7:
		if depth < 2 {
			items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
			for i := range items {
				items[i] = anyValue(t, to, depth+1)
			}
			return items
		}
	}
	if to != nil && to.exact != nil {
		if list, _ := to.field.std.CodeList(to.field.field.CodeList); len(list.Codes) > 0 {
			code := rapid.SampledFrom(list.Codes).Draw(t, "code").Code
			return rapid.SampledFrom([]string{code, strings.ToUpper(code), " " + code}).Draw(t, "spelling")
		}
	}
	return "text"
}

func TestEveryValueOfAnIncidentIsAccountedFor(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	rapid.Check(t, func(t *rapid.T) {
		data, err := json.Marshal(incidentOf(t, m))
		if err != nil {
			t.Fatal(err)
		}
		in, err := veris.NewParser().Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		accountedFor(t, m, in)
	})
}

// accountedFor holds a reading to its law: the report stands under its closed
// standard, and each value of the incident was mapped, left out, refused, or
// repaired away.
func accountedFor(t interface {
	Fatalf(string, ...any)
	Helper()
}, m *VERIS, in veris.Incident) {
	t.Helper()
	var a Account
	r, places := m.FromVERIS(in, &a)
	data, err := report.Encode(m.std, r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	again, problems, err := report.Decode(m.std, data)
	if err != nil || report.Failed(problems) {
		t.Fatalf("the report does not stand under its standard: %v %v", err, problems)
	}
	if !slices.Equal(again.Statements, r.Statements) {
		t.Fatalf("the report is read as %q, not %q", said(again), said(r))
	}
	ends := len(places)
	for _, n := range a.Mapped() {
		ends += n
	}
	for _, u := range a.NotMapped() {
		ends += u.Count
	}
	for _, r := range a.Repaired() {
		if r.Rule == veris.RuleEmpty || r.Rule == veris.RuleTwice || r.Rule == veris.RuleControl {
			ends += r.Count
		}
	}
	if ends < len(in.Values) {
		t.Fatalf("%d values, and only %d are accounted for: %v", len(in.Values), ends, in.Values)
	}
	again.Native = r.Native
	if _, err := veris.Print(m.ToVERIS(again, &a)); err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
}

func FuzzFromVERIS(f *testing.F) {
	for _, seed := range []string{
		`{"victim":{"country":"US, CA","industry":522110},"discovery_method":"Int - log review"}`,
		`{"timeline":{"incident":{"year":"2014","month":20,"day":7,"time":"6 PM"}},"asset":{"assets":["S - Mail"]}}`,
		`{"actor":{"unknown":{}},"impact":{"loss":[{},{"rating":"Major"}]},"ioc":[{"indicator":"198.51.100.7"}]}`,
		`{"summary":["a","b",[1,[2]]],"plus.x":{"y":[[{"z":null}]]}}`,
	} {
		f.Add([]byte(seed))
	}
	m := NewVERIS(builtin(f, "finance/1.0"))
	p := veris.NewParser()
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := p.Parse(data)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Errorf("the refusal is no fault: %v", err)
			}
			return
		}
		accountedFor(t, m, in)
	})
}
