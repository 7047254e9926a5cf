package collect

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

func mapOf(t testing.TB, text string) *mapping.Map {
	t.Helper()
	m, err := mapping.ParseMap("map.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const smallMap = `
native: No
dates: dmy
fields:
  victim.victim_id: Victim
  victim.country: Where
  timeline.incident: When
`

func readText(t testing.TB, o Options, text string) ([]report.Report, mapping.Account, error) {
	t.Helper()
	var reports []report.Report
	o.Format = "csv"
	account, err := Read(context.Background(), strings.NewReader(text), "cases.csv", o, func(c Collected) error {
		reports = append(reports, c.Report())
		return nil
	})
	return reports, account, err
}

func TestATableIsReadHoweverItIsWritten(t *testing.T) {
	rows := "No,Victim,Where,When\n7,Café Zürich,Switzerland,1.2.2026\n"
	encoded := func(e interface {
		Bytes([]byte) ([]byte, error)
	}) string {
		b, err := e.Bytes([]byte(rows))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"commas":       rows,
		"semicolons":   strings.ReplaceAll(rows, ",", ";"),
		"tabs":         strings.ReplaceAll(rows, ",", "\t"),
		"bars":         strings.ReplaceAll(rows, ",", "|"),
		"CR LF":        strings.ReplaceAll(rows, "\n", "\r\n"),
		"no last line": strings.TrimSuffix(rows, "\n"),
		"UTF-8 mark":   "\ufeff" + rows,
		"UTF-16":       encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder()),
		"Windows-1252": encoded(charmap.Windows1252.NewEncoder()),
		"JSON Lines":   `{"No":7,"Victim":"Café Zürich","Where":"Switzerland","When":"1.2.2026"}`,
		"JSON array":   `[{"Victim":"Café Zürich","No":"7","Where":"CH","When":"1.2.2026"}]`,
	} {
		reports, account, err := readText(t, Options{Map: mapOf(t, smallMap)}, text)
		if err != nil || len(reports) != 1 || account.InvalidCount() > 0 {
			t.Errorf("%s: %d reports, %v, %v", name, len(reports), account.Invalid(), err)
			continue
		}
		r := reports[0]
		if r.Native != "7" || r.Value("victim.victim_id") != "Café Zürich" || r.Value("victim.country") != "CH" || r.Value("timeline.incident") != "2026-02-01" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestABrokenRowCostsNothingElse(t *testing.T) {
	text := "No,Victim,Where,When\n" +
		"1,Acme,US,1.2.2026\n" +
		"2,Ragged,US\n" +
		"3,\"Two\nlines\",US,1.2.2026\n" +
		"4,Odd date,US,the first of May\n" +
		"5,,Atlantis,\n" +
		"6,Last,US,1.2.2026\n"
	reports, account, err := readText(t, Options{Map: mapOf(t, smallMap)}, text)
	if err != nil {
		t.Fatal(err)
	}
	var natives []string
	for _, r := range reports {
		natives = append(natives, r.Native)
	}
	if want := []string{"1", "3", "4", "6"}; !slices.Equal(natives, want) {
		t.Errorf("reports %v, not %v", natives, want)
	}
	var places []string
	for _, p := range account.Invalid() {
		places = append(places, fmt.Sprintf("%d %s", p.Line, p.Path))
	}
	// Row 5 has a place that is none, and nothing else to take.
	if want := []string{"3 ", "6 When", "7 Where", "7 "}; !slices.Equal(places, want) {
		t.Errorf("invalid at %q, not %q", places, want)
	}
	if account.Records != 6 || account.Reports != 4 {
		t.Errorf("%d records, %d reports", account.Records, account.Reports)
	}
}

func TestATableThatCannotBeReadSaysWhatToDo(t *testing.T) {
	for _, c := range []struct{ name, mapping, text, code string }{
		{"no map", "", "Name,Where\nAcme,US\n", "table.no_map"},
		{"no map for objects", "", `{"Name":"Acme"}`, "table.no_map"},
		{"empty", smallMap, "", "table.empty"},
		{"another table", smallMap, "Name,Where,No\nAcme,US,1\n", "map.unknown_column"},
	} {
		o := Options{}
		if c.mapping != "" {
			o.Map = mapOf(t, c.mapping)
		}
		_, _, err := readText(t, o, c.text)
		if err == nil || fault.Public(err).Code != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAMapWithoutAStandardGoesToTheSectorOfTheVictim(t *testing.T) {
	pick := func(r report.Report) standard.Ref {
		if strings.HasPrefix(r.Value("victim.industry"), "62") {
			return "health/1.0"
		}
		return "general/1.0"
	}
	rows := "Industry\n622110\n11\n"
	reports, _, err := readText(t, Options{Standard: pick, Map: mapOf(t, "fields: {victim.industry: Industry}")}, rows)
	if err != nil || len(reports) != 2 || reports[0].Standard != "health/1.0" || reports[1].Standard != "general/1.0" {
		t.Errorf("%v, %v", reports, err)
	}
	reports, _, err = readText(t, Options{Standard: pick, Map: mapOf(t, "standard: finance\nfields: {victim.industry: Industry}")}, rows)
	if err != nil || len(reports) != 2 || reports[0].Standard != "finance/1.0" || reports[1].Standard != "finance/1.0" {
		t.Errorf("%v, %v", reports, err)
	}
}

func TestColumnsThatNoObjectHasAreTold(t *testing.T) {
	_, account, err := readText(t, Options{Map: mapOf(t, smallMap)}, `{"No":"1","Victim":"Acme"}`+"\n"+`{"Victim":"Beta","Colour":"red"}`)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, u := range account.NotMapped() {
		told = append(told, u.Path)
	}
	if want := []string{"Colour", "When", "Where"}; !slices.Equal(told, want) {
		t.Errorf("%v is told, not %v", told, want)
	}
}

// A table is a stream: twenty times the rows take no more memory.
func TestMemoryDoesNotGrowWithTheTable(t *testing.T) {
	m := mapOf(t, smallMap)
	peak := func(rows int) uint64 {
		in := io.MultiReader(strings.NewReader("No,Victim,Where,When\n"), &repeated{row: []byte("1,Acme of the Valley and its many affiliates,US,1.2.2026\n"), left: rows})
		runtime.GC()
		var most uint64
		n := 0
		_, err := Read(context.Background(), in, "cases.csv", Options{Format: "csv", Map: m}, func(Collected) error {
			if n++; n%5000 == 0 {
				var stats runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&stats)
				most = max(most, stats.HeapAlloc)
			}
			return nil
		})
		if err != nil || n != rows {
			t.Fatalf("%d rows, %v", n, err)
		}
		return most
	}
	few, many := peak(5000), peak(100000)
	if many > few+8<<20 {
		t.Errorf("%d bytes for 5,000 rows, %d for 100,000", few, many)
	}
}

// repeated gives a row over and over.
type repeated struct {
	row  []byte
	left int
	rest []byte
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.row
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// anyText draws a text that a table could trip over.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringN(1, 20, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune(`;," '\N=-`+"\n\r\t\u00a0é|[{")), 1, 12, -1),
		rapid.SampledFrom([]string{`\N`, `"`, `""`, `a; b`, ` a `, `"a"; "b"`, `;`, "\r\n", "x\r", `\.`, "#", "nothing", "[1]"}),
	)
}

// drawReport draws a report that is right under a standard.
func drawReport(t *rapid.T, std *standard.Standard) report.Report {
	var statements []report.Statement
	groups := map[string]int{}
	for _, f := range std.Fields() {
		if f.IsObservable() || rapid.IntRange(0, 9).Draw(t, "skip") > 1 {
			continue
		}
		rows := 1
		if f.Many || f.Group != "" {
			rows = rapid.IntRange(1, 4).Draw(t, "rows")
		}
		at := 0
		for row := range rows {
			value := drawValue(t, std, f)
			if f.Group != "" {
				if rapid.Bool().Draw(t, "hole") {
					continue
				}
				at = row
			}
			if value == "" || f.Many && slices.ContainsFunc(statements, func(s report.Statement) bool { return s.Path == f.Path && s.Value == value }) {
				continue
			}
			statements = append(statements, report.Statement{Path: f.Path, Row: at, Value: value})
			if at++; f.Group != "" {
				groups[f.Group] = max(groups[f.Group], at)
			}
		}
	}
	statements = append(statements, report.Statement{Path: "security_incident", Value: "Confirmed"})
	statements = slices.CompactFunc(report.New(std, "", statements, nil).Statements, func(a, b report.Statement) bool { return a.Path == b.Path && a.Row == b.Row })
	var seen []report.Observable
	for range rapid.IntRange(0, 3).Draw(t, "observables") {
		seen = append(seen, report.Observable{
			Type: rapid.SampledFrom(observable.Types()).Draw(t, "type"), Value: anyText().Draw(t, "value"),
			Role:      rapid.SampledFrom(append(report.Roles(), "")).Draw(t, "role"),
			FirstSeen: rapid.SampledFrom([]string{"", "2026", "2026-02-03", "2026-02-03T04:05:06Z"}).Draw(t, "first"),
			Count:     rapid.Int64Range(0, 1000).Draw(t, "count"),
		})
	}
	native := rapid.OneOf(rapid.Just(""), anyText()).Draw(t, "native")
	return report.New(std, native, statements, seen)
}

// drawValue draws a canonical value of a field, or "" if none came up.
func drawValue(t *rapid.T, std *standard.Standard, f standard.Field) string {
	var raw string
	switch f.Type {
	case standard.Code:
		list, _ := std.CodeList(f.CodeList)
		if len(list.Codes) == 0 {
			return ""
		}
		raw = rapid.SampledFrom(list.Codes).Draw(t, "code").Code
	case standard.Integer:
		raw = fmt.Sprint(rapid.IntRange(0, 1000000).Draw(t, "integer"))
	case standard.Decimal:
		raw = fmt.Sprintf("%.2f", rapid.Float64Range(0, 1000).Draw(t, "decimal"))
	case standard.Boolean:
		raw = fmt.Sprint(rapid.Bool().Draw(t, "boolean"))
	case standard.Date:
		raw = rapid.SampledFrom([]string{"2026", "2026-11", "2026-11-24", "2026-11-24T08:00:00Z"}).Draw(t, "date")
	default:
		raw = anyText().Draw(t, "text")
	}
	value, err := std.Canonical(f, raw)
	if err != nil {
		return ""
	}
	return value
}

func TestAReportWrittenAsATableReadsBackWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []report.Report
		var table bytes.Buffer
		w := newTableWriter(&table)
		for range rapid.IntRange(1, 3).Draw(t, "reports") {
			std, err := standard.Builtin(rapid.SampledFrom(standard.Builtins()).Draw(t, "standard"))
			if err != nil {
				t.Fatal(err)
			}
			r := drawReport(t, std)
			want = append(want, r)
			if err := w.Write(Collected{report: r}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got []report.Report
		account, err := Read(context.Background(), &table, "reports.csv", Options{Format: "csv"}, func(c Collected) error {
			got = append(got, c.Report())
			return nil
		})
		lost := w.Account()
		if err != nil || account.InvalidCount() > 0 || len(account.NotMapped()) > 0 || lost.InvalidCount() > 0 || len(lost.NotMapped()) > 0 {
			t.Fatalf("%v, %v, %v", err, account.Invalid(), account.NotMapped())
		}
		if len(got) != len(want) {
			t.Fatalf("%d reports, not %d", len(got), len(want))
		}
		for i := range want {
			if got[i].Native != want[i].Native || got[i].Standard != want[i].Standard ||
				!slices.Equal(got[i].Statements, want[i].Statements) || !slices.Equal(got[i].Observables, want[i].Observables) {
				t.Fatalf("\n%+v\nbecame\n%+v", want[i], got[i])
			}
		}
	})
}

func TestWhatATableCannotCarryIsListed(t *testing.T) {
	var table bytes.Buffer
	w := newTableWriter(&table)
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a line\n", 9000)
	big := report.New(std, "big", []report.Statement{{Path: "summary", Value: long}, {Path: "notes", Value: long}, {Path: "victim.notes", Value: long}, {Path: "actor.external.notes", Value: long}, {Path: "impact.notes", Value: long}}, nil)
	for _, r := range []report.Report{big, report.New(std, "small", []report.Statement{{Path: "summary", Value: long}}, nil)} {
		if err := w.Write(Collected{report: r, file: "cases", line: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if a := w.Account(); a.InvalidCount() != 1 || a.Invalid()[0].Line != 3 {
		t.Errorf("invalid: %v", a.Invalid())
	}
	reports, _, err := readText(t, Options{}, table.String())
	if err != nil || len(reports) != 1 || reports[0].Native != "small" || reports[0].Value("summary") != long {
		t.Errorf("%d reports, %v", len(reports), err)
	}
}

func TestATableOfReportsThatSomebodyEditedIsReadWithAnAccount(t *testing.T) {
	text := "standard,native,victim.country,timeline.incident,impact.downtime,asset.assets.variety,asset.assets.amount,health.beds,Colour,observables.type,observables.value\n" +
		"core/1.0,1,us; CA; Atlantis,2026/02/03,\"1,5x\",S - File; U - Laptop,; 3,20,red,ip; nonsense,203.0.113.7; x\n" +
		"moon/1.0,2,US,,,,,,,,\n" +
		",3,US,,,,,,,,\n" +
		"core/1.0,4,,,,,,,,,\n"
	pick := func(report.Report) standard.Ref { return "health/1.0" }
	reports, account, err := readText(t, Options{Standard: pick}, text)
	if err != nil || len(reports) != 2 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	want := []report.Statement{
		{Path: "victim.country", Row: 0, Value: "US"}, {Path: "victim.country", Row: 1, Value: "CA"}, {Path: "timeline.incident", Value: "2026-02-03"},
		{Path: "asset.assets.variety", Row: 0, Value: "S - File"}, {Path: "asset.assets.variety", Row: 1, Value: "U - Laptop"}, {Path: "asset.assets.amount", Row: 1, Value: "3"},
	}
	if !slices.Equal(reports[0].Statements, want) || len(reports[0].Observables) != 1 {
		t.Errorf("%+v", reports[0])
	}
	if reports[1].Standard != "health/1.0" {
		t.Errorf("a row that names no standard is under %s", reports[1].Standard)
	}
	var invalid, skipped []string
	for _, p := range account.Invalid() {
		invalid = append(invalid, fmt.Sprintf("%d %s", p.Line, p.Path))
	}
	for _, u := range account.NotMapped() {
		skipped = append(skipped, u.Path)
	}
	if want := []string{"2 victim.country", "2 impact.downtime", "2 observables.value", "3 standard", "5 "}; !slices.Equal(invalid, want) {
		t.Errorf("invalid at %q, not %q", invalid, want)
	}
	if want := []string{"Colour", "health.beds"}; !slices.Equal(skipped, want) {
		t.Errorf("not mapped: %q, not %q", skipped, want)
	}
}

func BenchmarkConvertTable(b *testing.B) {
	m := exampleMap(b, "maps", "hhs.yaml")
	var table bytes.Buffer
	table.WriteString("Name of Covered Entity,State,Covered Entity Type,Individuals Affected,Breach Submission Date,Type of Breach,Location of Breached Information,Business Associate Present,Web Description\n")
	for i := range 2000 {
		fmt.Fprintf(&table, "Clinic %d of the Valley,VT,Healthcare Provider,%d,02/03/2026,\"Hacking/IT Incident, Theft\",\"Email, Laptop\",No,%q\n", i, 500+i, strings.Repeat("A mailbox was opened by somebody else after a phishing attack. ", 12))
	}
	b.SetBytes(int64(table.Len()))
	for b.Loop() {
		_, err := Read(context.Background(), bytes.NewReader(table.Bytes()), "cases.csv", Options{Format: "csv", Map: m}, func(Collected) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	m := mapOf(f, smallMap)
	f.Add("No,Victim,Where,When\n1,Acme,US,1.2.2026\n", true)
	f.Add("standard,victim.country,observables.type,observables.value\ncore/1.0,US; \"CA\",ip,1.1.1.1\n", false)
	f.Add("{\"No\":1,\"Victim\":\"A\"}\n{\"No\":", true)
	f.Add("No;Victim;Where;When\n\"1;x\n2;;;\n", true)
	f.Fuzz(func(t *testing.T, text string, withMap bool) {
		o := Options{}
		if withMap {
			o.Map = m
		}
		reports, account, err := readText(t, o, text)
		if err != nil && (fault.Public(err).Code == "" || fault.KindOf(err) == fault.Internal) {
			t.Errorf("an error without a code: %v", err)
		}
		for _, r := range reports {
			holdToStandard(t, r)
		}
		whole := 0
		for _, p := range account.Invalid() {
			if p.Path == "" || p.Path == "standard" {
				whole++
			}
		}
		if account.Reports != len(reports) || account.Records > len(reports)+max(whole, account.InvalidCount()) {
			t.Errorf("%d records, %d reports, %d listed", account.Records, len(reports), account.InvalidCount())
		}
	})
}
