package mapping

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// tableOf makes a table of a map and columns.
func tableOf(t testing.TB, text string, columns ...string) *Table {
	t.Helper()
	m, err := ParseMap("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	std, err := standard.Builtin(m.Standard())
	if err != nil {
		t.Fatal(err)
	}
	table, err := NewTable(std, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Bind(columns); err != nil {
		t.Fatal(err)
	}
	table.Name = "t.csv"
	return table
}

// told writes a report and an account in short lines.
func told(r report.Report, a *Account) []string {
	var lines []string
	for _, s := range r.Statements {
		lines = append(lines, fmt.Sprintf("%s[%d] %s", s.Path, s.Row, s.Value))
	}
	for _, o := range r.Observables {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", o.Type, o.Value, o.Role, o.FirstSeen, o.Count))
	}
	for _, u := range a.NotMapped() {
		lines = append(lines, "not "+u.Path+": "+u.Reason)
	}
	for _, p := range a.Invalid() {
		lines = append(lines, fmt.Sprintf("bad %d %s: %s", p.Line, p.Path, p.Reason))
	}
	return lines
}

func TestARowBecomesWhatTheMapSays(t *testing.T) {
	for _, c := range []struct {
		name    string
		mapping string
		columns []string
		cells   []string
		want    []string
	}{
		{"a column as it stands", "fields: {summary: A}", []string{"A"}, []string{" what happened "}, []string{"summary[0] what happened"}},
		{"a constant stands in every row", "fields: {summary: A, victim.country: {value: [US, CA]}}", []string{"A"}, []string{"x"},
			[]string{"summary[0] x", "victim.country[0] US", "victim.country[1] CA"}},
		{"a code by its label", "fields: {victim.country: A}", []string{"A"}, []string{"united  STATES"}, []string{"victim.country[0] US"}},
		{"what is no code is listed, and the rest taken", "fields: {victim.country: A, summary: B}", []string{"A", "B"}, []string{"Atlantis", "x"},
			[]string{"summary[0] x", `bad 7 A: victim.country: the standard lists no code "Atlantis"; give it one under ` + "`codes:`"}},
		{"values are split", "fields: {victim.country: {column: A, split: [\";\", \" and \"]}}", []string{"A"}, []string{"US; CA and  MX;US;"},
			[]string{"victim.country[0] US", "victim.country[1] CA", "victim.country[2] MX"}},
		{"lists of programs", "lists: true\nfields: {victim.country: A}", []string{"A"}, []string{"[['US'], ['CA', '']]"},
			[]string{"victim.country[0] US", "victim.country[1] CA"}},
		{"a list that is none is a value", "lists: true\nfields: {victim.country: A}", []string{"A"}, []string{"US"}, []string{"victim.country[0] US"}},
		{"an empty list is told", "lists: true\nfields: {victim.country: A, summary: B}", []string{"A", "B"}, []string{"[]", "x"},
			[]string{"summary[0] x", "not A: a list of nothing"}},
		{"codes translate, capitals and spaces aside", "fields: {action.error.variety: {column: A, split: \",\", codes: {lost it: Loss, Sent  Wrong: [Misdelivery, Gaffe]}}}", []string{"A"}, []string{"Lost IT, sent wrong"},
			[]string{"action.error.variety[0] Loss", "action.error.variety[1] Misdelivery", "action.error.variety[2] Gaffe"}},
		{"a pattern stands for many values; the first that matches counts", "fields: {action.error.variety: {column: A, codes: {\"*lost*\": Loss, \"lost*key*\": Gaffe}}}", []string{"A"}, []string{"Lost a key"},
			[]string{"action.error.variety[0] Loss"}},
		{"a value that no table has is listed", "fields: {action.error.variety: {column: A, codes: {x: Loss}}, action.physical.variety: {column: A, codes: {y: Theft}}, summary: B}", []string{"A", "B"}, []string{"z", "t"},
			[]string{"summary[0] t", `bad 7 A: action.error.variety: the map gives no code for "z"`}},
		{"a value that another table has is not", "fields: {action.error.variety: {column: A, codes: {x: Loss}}, action.physical.variety: {column: A, codes: {y: Theft}}}", []string{"A"}, []string{"y"},
			[]string{"action.physical.variety[0] Theft"}},
		{"otherwise: a code", "fields: {action.error.variety: {column: A, codes: {x: Loss}, otherwise: Other}}", []string{"A"}, []string{"z"}, []string{"action.error.variety[0] Other"}},
		{"otherwise: keep", "fields: {victim.country: {column: A, codes: {Holland: NL}, otherwise: keep, split: \";\"}}", []string{"A"}, []string{"Holland; Belgium"}, []string{"victim.country[0] NL", "victim.country[1] BE"}},
		{"otherwise: nothing", "fields: {action.error.variety: {column: A, codes: {x: Loss}, otherwise: nothing}, summary: B}", []string{"A", "B"}, []string{"z", "t"},
			[]string{"summary[0] t", "not A: the map leaves values out that it gives no code"}},
		{"a code of nothing", "fields: {action.error.variety: {column: A, codes: {x: []}}, summary: B}", []string{"A", "B"}, []string{"x", "t"},
			[]string{"summary[0] t", "not A: the map gives this value no code"}},
		{"a default where the row gives nothing", "fields: {victim.industry: {column: A, codes: {Hospital: \"62\"}, otherwise: nothing, default: \"000000\"}, summary: B}", []string{"A", "B"}, []string{"", "t"},
			[]string{"summary[0] t", "victim.industry[0] 000000"}},
		{"cells that say nothing", "nothing: [n/k]\nfields: {summary: A, victim.country: {column: B, split: \";\"}}", []string{"A", "B"}, []string{"N/K", "US; n/k"},
			[]string{"victim.country[0] US", "not A: it says nothing, as the map has it", "not B: it says nothing, as the map has it"}},
		{"a condition that holds", "fields: {action.physical.variety: {value: Theft, when: {A: [stolen, \"*burglar*\"]}}}", []string{"A"}, []string{"A burglary"}, []string{"action.physical.variety[0] Theft"}},
		{"a condition that does not", "fields: {summary: {column: B, when: {A: \"*\"}}, notes: {column: B, unless: {A: \"*\"}}}", []string{"A", "B"}, []string{"", "t"}, []string{"notes[0] t"}},
		{"conditions leave a cell out", "fields: {summary: {column: B, when: {A: yes}}, notes: C}", []string{"A", "B", "C"}, []string{"no", "t", "n"},
			[]string{"notes[0] n", "not A: nothing that the map looks for stands in it", "not B: the conditions of the map leave it out in this row"}},
		{"texts are joined", "fields: {notes: {columns: [A, B, C], join: \" / \"}}", []string{"A", "B", "C"}, []string{"a", "", "c"}, []string{"notes[0] a / c"}},
		{"and labelled", "fields: {notes: {columns: [A, B], join: \"; \", labelled: true}}", []string{"A", "B"}, []string{"a", "b"}, []string{"notes[0] A: a; B: b"}},
		{"a code for a pair of columns", "fields: {victim.country: {columns: [A, B], join: \"|\", codes: {x|y: US}}}", []string{"A", "B"}, []string{"X", "Y"}, []string{"victim.country[0] US"}},
		{"the first of several sources that gives a value", "fields: {victim.state: [A, {column: B}]}", []string{"A", "B"}, []string{"", "VT"}, []string{"victim.state[0] VT"}},
		{"a second value for one code is told", "fields: {victim.industry: {column: A, split: \";\"}}", []string{"A"}, []string{"62; 52"},
			[]string{"victim.industry[0] 62", "not A: the field victim.industry holds one value and has another already"}},
		{"a second text is joined", "fields: {victim.state: {column: A, split: \",\"}}", []string{"A"}, []string{"VT,NH"}, []string{"victim.state[0] VT; NH"}},
		{"first and rest", "nothing: [x]\nfields: {victim.victim_id: {column: A, split: \";\", take: first}, victim.secondary.victim_id: {column: A, split: \";\", take: rest}}", []string{"A"}, []string{"x; Acme; Beta; Gamma"},
			[]string{"victim.victim_id[0] Acme", "victim.secondary.victim_id[0] Beta", "victim.secondary.victim_id[1] Gamma", "not A: it says nothing, as the map has it"}},
		{"first alone tells of the rest", "fields: {victim.victim_id: {column: A, split: \";\", take: first}}", []string{"A"}, []string{"Acme; Beta"},
			[]string{"victim.victim_id[0] Acme", "not A: the map takes the first of several values only"}},
		{"rows of a group stay beside each other", "fields: {asset.assets.variety: {column: A, split: \";\", codes: {pc: U - Desktop, hub: []}}, asset.assets.amount: {column: B, split: \";\"}}", []string{"A", "B"}, []string{"pc;hub;pc", "1;;3"},
			[]string{"asset.assets.variety[0] U - Desktop", "asset.assets.variety[1] U - Desktop", "asset.assets.amount[0] 1", "asset.assets.amount[1] 3", "not A: the map gives this value no code"}},
		{"dates, numbers, booleans", "standard: health\ndates: mdy\nnumbers: \"1.234,5\"\nfields: {timeline.incident: A, impact.downtime: B, health.device: C}", []string{"A", "B", "C"}, []string{"02/03/2026", "1.234,5", "Yes"},
			[]string{"timeline.incident[0] 2026-02-03", "impact.downtime[0] 1234.5", "health.device[0] true"}},
		{"values that do not fit", "dates: mdy\nfields: {timeline.incident: A, impact.downtime: B, discovery_method.other: C, summary: D}", []string{"A", "B", "C", "D"}, []string{"31/12/2026", "lots", "perhaps", "t"},
			[]string{"summary[0] t", "bad 7 A: timeline.incident: no date in the order or pattern of the map", "bad 7 B: impact.downtime: no number", "bad 7 C: discovery_method.other: neither true nor false"}},
		{"observables", "dates: dmy\nobservables: [{column: A, split: \" \", type: detect, role: c2, first_seen: B, count: C}, {column: D, type: email, when: {E: mail}}]", []string{"A", "B", "C", "D", "E"}, []string{"203.0.113.7 evil[.]example word", "1.2.2026", "2", "a@b.example", "mail"},
			[]string{"ip 203.0.113.7 c2 2026-02-01 2", "domain evil[.]example c2 2026-02-01 2", "email a@b.example   0", "bad 7 A: no observable of a type that can be told from the value"}},
		{"columns that are left out, and forgotten ones", "ignore: {\"own_*\": internal}\nfields: {summary: A}", []string{"A", "own_id", "own_name", "Z"}, []string{"t", "1", "", "z"},
			[]string{"summary[0] t", "not Z: the map does not use this column", "not own_id: the map leaves it out: internal"}},
		{"constants alone make no report", "fields: {victim.country: {value: US}, summary: A}", []string{"A", "B"}, []string{"", "x"},
			[]string{"not B: the map does not use this column", "bad 7 : nothing of the row could be taken"}},
	} {
		var a Account
		r, _ := tableOf(t, c.mapping, c.columns...).FromRow(tabular.Row{Number: 6, Line: 7, Cells: c.cells}, &a)
		if got := told(r, &a); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nnot\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestTheIdOfARowIsItsColumnsTogether(t *testing.T) {
	table := tableOf(t, "native: [A, B]\nfields: {summary: C}", "A", "B", "C")
	for want, cells := range map[string][]string{"7 | x": {" 7", "x", "t"}, "x": {"", "x", "t"}, "": {"", "", "t"}} {
		r, ok := table.FromRow(tabular.Row{Cells: cells}, &Account{})
		if !ok || r.Native != want {
			t.Errorf("%q, not %q", r.Native, want)
		}
	}
	if _, ok := table.FromRow(tabular.Row{Cells: []string{"7", "x", ""}}, &Account{}); ok {
		t.Error("an id alone makes a report")
	}
}

func TestDatesAreReadInTheOrderOfTheMapAndNoOther(t *testing.T) {
	std, _ := standard.Builtin("core/1.0")
	field, _ := std.Field("timeline.incident")
	c := newCleaner(std, field, 0)
	for _, x := range []struct{ dates, cell, want string }{
		{"mdy", "02/03/2014", "2014-02-03"}, {"mdy", "2/3/2014", "2014-02-03"}, {"mdy", "13/03/2014", ""}, {"mdy", "02/2014", "2014-02"},
		{"mdy", "2014-02-03", "2014-02-03"}, {"mdy", "2014", "2014"}, {"mdy", "02/03/14", ""}, {"mdy", "Feb 3, 2014", "2014-02-03"}, {"mdy", "3 February 2014", "2014-02-03"},
		{"dmy", "02/03/2014", "2014-03-02"}, {"dmy", "2.3.2014", "2014-03-02"}, {"dmy", "31.04.2014", ""}, {"dmy", "3-Feb-2014", "2014-02-03"}, {"dmy", "3rd March 2014", "2014-03-03"},
		{"ymd", "2014/2/3", "2014-02-03"}, {"ymd", "02/03/2014", ""},
		{"dmy", "02.03.2014 18:45", "2014-03-02T18:45:00Z"}, {"mdy", "02/03/2014 6:45 PM", "2014-02-03T18:45:00Z"}, {"mdy", "02/03/2014, 06:45:10", "2014-02-03T06:45:10Z"},
		{"ymd", "2014-02-03 00:00:00", "2014-02-03"}, {"ymd", "2014-02-03T00:00:00Z", "2014-02-03T00:00:00Z"}, {"ymd", "2014-02-03T18:45:00+02:00", "2014-02-03T16:45:00Z"},
		{"dmy", "02.03.2014 25:00", ""}, {"dmy", "03.2014 18:00", ""}, {"dmy", "", ""}, {"dmy", "soon", ""}, {"dmy", "1.2.3.2014", ""},
		{"excel", "41673", "2014-02-03"}, {"excel", "41673.5", "2014-02-03T12:00:00Z"}, {"excel", "2014-02-03", ""}, {"excel", "NaN", ""}, {"excel", "-1", ""},
		{"DD.MM.YY", "03.02.14", "2014-02-03"}, {"YYYYMMDD", "20140203", "2014-02-03"}, {"MM/YYYY", "02/2014", "2014-02"}, {"YYYY-MM-DD HH:mm", "2014-02-03 18:45", "2014-02-03T18:45:00Z"}, {"D MMM YYYY", "3 Feb 2014", "2014-02-03"}, {"DD.MM.YY", "2014-02-03", ""},
		{"", "2014-02-03", "2014-02-03"}, {"", "02/03/2014", ""}, {"", "2014-02-03 00:00:00", "2014-02-03"}, {"", "20140203", "2014-02-03"},
	} {
		var s style
		if x.dates != "" {
			m, err := ParseMap("m.yaml", []byte("dates: "+x.dates+"\nfields: {timeline.incident: A}"))
			if err != nil {
				t.Fatalf("%s: %v", x.dates, err)
			}
			s = m.style
		}
		done := c.date(x.cell, s)
		if done.text != x.want || (done.reason == "") != (x.want != "") {
			t.Errorf("%s of %q is %q (%s), not %q", x.dates, x.cell, done.text, done.reason, x.want)
		}
	}
	for cell, want := range map[string]string{"2014-01-01": "2014", "2014-03-01": "2014-03", "2014-03-02": "2014-03-02", "2014": "2014", "2014-01-01T10:00:00Z": "2014-01-01T10:00:00Z"} {
		if got := c.date(cell, style{rough: true}); got.text != want {
			t.Errorf("roughly %q is %q, not %q", cell, got.text, want)
		}
	}
}

func TestNumbersAreReadInTheStyleOfTheMap(t *testing.T) {
	std, _ := standard.Builtin("core/1.0")
	field, _ := std.Field("impact.downtime")
	c := newCleaner(std, field, 0)
	for _, x := range []struct {
		decimal    byte
		cell, want string
	}{
		{'.', "1,234.5", "1234.5"}, {'.', "1 234", "1234"}, {'.', "$ 2,000", "2000"}, {'.', "1.234,5", ""}, {'.', "1,5", ""}, {'.', "-3", ""}, {'.', "0", "0"},
		{',', "1.234,5", "1234.5"}, {',', "1 234,5", "1234.5"}, {',', "2.000 €", "2000"}, {',', "1,234.5", ""}, {',', "1,5", "1.5"}, {',', "1,2,3", ""}, {',', "1.5", ""},
		{0, "NaN", ""}, {0, "1e3", "1000"}, {0, "0x10", ""}, {0, "about 5", ""},
	} {
		done := c.tableNumber(x.cell, style{numbers: numberStyle{x.decimal}})
		if done.text != x.want || (done.reason == "") != (x.want != "") {
			t.Errorf("%c: %q is %q (%s), not %q", x.decimal, x.cell, done.text, done.reason, x.want)
		}
	}
}

func TestAPatternMatchesAsStarsSay(t *testing.T) {
	for _, x := range []struct {
		pattern, cell string
		want          bool
	}{
		{"a", "A ", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true}, {"*b", "abc", false}, {"a*c", "ac", true}, {"a*a", "a", false},
		{"*", "", true}, {"*x*y*", "-x-y-", true}, {"*x*y*", "-y-x-", false}, {"**", "q", true}, {"", "", true}, {"", "a", false}, {"*a b*", "x A   B y", true},
	} {
		if got := newGlob(x.pattern).match(foldCell(x.cell)); got != x.want {
			t.Errorf("%q on %q: %v", x.pattern, x.cell, got)
		}
	}
}

func TestFlatListsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(rapid.OneOf(rapid.Just(""), rapid.StringOfN(rapid.RuneFrom([]rune("a;\" \n\t\\N,")), 0, 6, -1)), 1, 5).Draw(t, "items")
		// A single blank is an empty cell, and space alone says nothing.
		if got := splitFlat(flatList(items)); len(items) > 1 && !slices.Equal(got, items) {
			t.Fatalf("%q became %q by %q", items, got, flatList(items))
		}
		if one := unquoted(flatValue(items[0])); one != items[0] {
			t.Fatalf("%q became %q", items[0], one)
		}
	})
}

func FuzzFromRow(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("..", "examples", "maps", "eurepoc.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	m, err := ParseMap("eurepoc.yaml", data)
	if err != nil {
		f.Fatal(err)
	}
	std, err := standard.Builtin(m.Standard())
	if err != nil {
		f.Fatal(err)
	}
	table, err := NewTable(std, m)
	if err != nil {
		f.Fatal(err)
	}
	columns := []string{"ID", "receiver_name", "receiver_country", "start_date", "incident_type", "weighted_cyber_intensity", "economic_impact_exact_value", "description", "other"}
	table.Extend(columns)
	f.Add("1", "[['A', \"B's\"], ['Not available']]", "['Korea, Republic of']", "2014-01-01 00:00:00", "Data theft; Ransomware", "4.0", "11650000.0", "A DDoS", "x")
	f.Add("", "[[[", "Europe (region)", "01/02/2014", ";;;", "NaN", "1e400", "\x00\xff", "")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i, j string) {
		cells := []string{a, b, c, d, e, g, h, i, j}
		for k := range cells {
			cells[k] = strings.ToValidUTF8(cells[k], "?") // as package tabular gives them
		}
		var account Account
		r, ok := table.FromRow(tabular.Row{Number: 1, Line: 2, Cells: cells}, &account)
		if !ok && account.InvalidCount() == 0 {
			t.Error("a row is refused and not listed")
		}
		if ok {
			data, err := report.Encode(std, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, problems, err := report.Decode(std, data); err != nil || report.Failed(problems) {
				t.Errorf("the report is not right: %v %v", err, problems)
			}
		}
		listed := account.Mapped()
		for _, u := range slices.Concat(account.NotMapped(), account.InvalidByReason()) {
			listed[u.Path] += u.Count
		}
		for k, column := range columns {
			if strings.TrimSpace(cells[k]) != "" && listed[column] == 0 {
				t.Errorf("nothing is said of the cell under %s", column)
			}
		}
	})
}
