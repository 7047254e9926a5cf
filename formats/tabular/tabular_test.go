package tabular

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/internal/shareddata"
)

// show reads a whole table: rows as "line: a|b", bad ones as "line: !code".
func show(t testing.TB, r Reader) []string {
	t.Helper()
	var got []string
	for {
		row, err := r.Next()
		var bad *Bad
		switch {
		case err == io.EOF:
			return got
		case errors.As(err, &bad):
			got = append(got, fmt.Sprintf("%d: !%s", bad.Line, bad.Fault.Code))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, fmt.Sprintf("%d: %s", row.Line, strings.Join(row.Cells, "|")))
		}
	}
}

func TestTablesOfTheWorldAreRead(t *testing.T) {
	for _, c := range []struct {
		name, in string
		columns  []string
		want     []string
	}{
		{"plain", "a,b\n1,2\n", []string{"a", "b"}, []string{"2: 1|2"}},
		{"no last line end", "a,b\n1,2", []string{"a", "b"}, []string{"2: 1|2"}},
		{"CR LF and blank lines", "\r\na,b\r\n\r\n1,2\r\n", []string{"a", "b"}, []string{"4: 1|2"}},
		{"semicolons", "a;b,c;d\n1;2,5;3\n", []string{"a", "b,c", "d"}, []string{"2: 1|2,5|3"}},
		{"tabs", "a\tb\n1\t\n", []string{"a", "b"}, []string{"2: 1|"}},
		{"bars", "a|b\n1|2\n", []string{"a", "b"}, []string{"2: 1|2"}},
		{"a delimiter in quotes does not count", "\"a;;;b\",c\n1,2\n", []string{"a;;;b", "c"}, []string{"2: 1|2"}},
		{"quotes", "a,b\n\"x, \"\"y\"\"\",\"l1\nl2\"\n3,4\n", []string{"a", "b"}, []string{"2: x, \"y\"|l1\nl2", "4: 3|4"}},
		{"quotes within a cell", "a,b\n5\" disk,\"x\"y\n", []string{"a", "b"}, []string{"2: 5\" disk|xy"}},
		{"nothing said", "a,b\n\\N,2\n", []string{"a", "b"}, []string{"2: |2"}},
		{"byte order mark", "\xef\xbb\xbfa,b\n1,2\n", []string{"a", "b"}, []string{"2: 1|2"}},
		{"Windows-1252", "a,b\nM\xfcller,\x80\n", []string{"a", "b"}, []string{"2: Müller|€"}},
		{"UTF-16", "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\xe9\x00\n\x00", []string{"a", "b"}, []string{"2: 1|é"}},
		{"names of columns", "a, a ,,b\n1,2,3,4\n", []string{"a", "a (2)", "column 3", "b"}, []string{"2: 1|2|3|4"}},
		{"ragged", "a,b\n1\n1,2,3\n4,5\n", []string{"a", "b"}, []string{"2: !table.ragged", "3: !table.ragged", "4: 4|5"}},
		{"a quote that never closes", "a,b\n1,\"2\n3,4\n5,6\n", []string{"a", "b"}, []string{"2: !table.quote", "3: 3|4", "4: 5|6"}},
	} {
		r, err := NewReader(strings.NewReader(c.in), 0)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(r.Columns(), c.columns) {
			t.Errorf("%s: columns %q, want %q", c.name, r.Columns(), c.columns)
		}
		if got := show(t, r); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestAnEmptyTableIsRefusedWithWhatToDo(t *testing.T) {
	for _, in := range []string{"", "\n\n"} {
		if _, err := NewReader(strings.NewReader(in), 0); err == nil || !strings.Contains(err.Error(), "name the columns") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAnOpenQuoteLosesOneRowOfALongTable(t *testing.T) {
	var in strings.Builder
	in.WriteString("a,b\n1,\"open\n")
	const n = 30000
	for i := range n {
		fmt.Fprintf(&in, "%d,filled\n", i)
	}
	r, err := NewReader(strings.NewReader(in.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(t, r); len(got) != n+1 || got[0] != "2: !table.quote" {
		t.Errorf("%d rows, first %q", len(got), got[0])
	}
}

func TestObjectsAreRows(t *testing.T) {
	r := NewJSONReader(strings.NewReader(`{"a":"x","n":1.50,"in":{"b":true}}` + "\n" + `{"c":null,"d":["p","q"],"a":"y"}` + "\n{\"a\":NaN}\n{\"a\":1,\"a\":2}\n{\"a\":\"z\"}"))
	want := []string{"1: x|1.50|true", "2: y|||[\"p\",\"q\"]", "3: !json.malformed", "4: !json.malformed", "5: z|||"}
	if got := show(t, r); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if want := []string{"a", "n", "in.b", "d"}; !slices.Equal(r.Columns(), want) {
		t.Errorf("columns %q, want %q", r.Columns(), want)
	}
}

func TestListsAsProgramsPrintThem(t *testing.T) {
	for cell, want := range map[string][]string{
		`['Armenia']`:                          {"Armenia"},
		`[['A', "B's"], ['C']]`:                {"A", "B's", "C"},
		`["x", 2, null, None, nan, True]`:      {"x", "2", "True"},
		`['it\'s', 'tab\there', '\u20ac\xe9']`: {"it's", "tab\there", "€é"},
		`['', ' ']`:                            nil,
		`[]`:                                   nil,
		`[('a', 'b')]`:                         {"a", "b"},
		`['[x]']`:                              {"[x]"},
	} {
		got, ok := List(cell)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v, want %q", cell, got, ok, want)
		}
	}
	for _, cell := range []string{"", "Armenia", "['a", "['a'] and more", "[", "['\\"} {
		if got, ok := List(cell); ok {
			t.Errorf("%q is no list, but gave %q", cell, got)
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé",;\n |']{0,12}`)
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 0, 5).Draw(t, "rows")
		var out strings.Builder
		w, err := NewWriter(&out, []string{"one", "two", "three"})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, row := range rows {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(strings.Join(row, "x")) != "" {
				want = append(want, strings.Join(row, "¦"))
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(strings.NewReader(out.String()), 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			row, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.Join(row.Cells, "¦"))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q\n got %q\nwant %q", out.String(), got, want)
		}
	})
}

// The standard library's reader is the reference on well-formed tables.
func TestRealTablesAreReadAsTheReferenceReadsThem(t *testing.T) {
	for _, name := range [][]string{
		{"hhs-ocr", "breach_report_archive.csv.gz"}, {"hhs-ocr", "breach_report_under_investigation.csv.gz"},
		{"eurepoc", "EuRepoC_Global_Database_1.1.csv.gz"}, {"eurepoc", "EuRepoC_Receiver_dataset_1.1.csv.gz"},
	} {
		reference := csv.NewReader(shareddata.Open(t, name...))
		reference.FieldsPerRecord = -1
		all, err := reference.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(shareddata.Open(t, name...), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range all[1:] {
			row, err := r.Next()
			var bad *Bad
			if errors.As(err, &bad) {
				if len(want) == len(all[0]) {
					t.Errorf("%s:%d: %v", name[1], bad.Line, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, cell := range want {
				if cell == `\N` {
					cell = ""
				}
				if strings.ReplaceAll(row.Cells[i], "\r\n", "\n") != cell {
					t.Fatalf("%s:%d: column %d: %q, want %q", name[1], row.Line, i, row.Cells[i], cell)
				}
			}
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: more rows than the reference: %v", name[1], err)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add("a,b\n1,\"2\"\n")
	f.Add("a;b\n\"1\n2\";\"\"\"\n\xff\n")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := NewReader(strings.NewReader(in), 0)
		if err != nil {
			return
		}
		for range len(in) + 1 {
			row, err := r.Next()
			if err == io.EOF {
				return
			}
			if err == nil && len(row.Cells) != len(r.Columns()) {
				t.Fatalf("%d cells, %d columns", len(row.Cells), len(r.Columns()))
			}
		}
		t.Fatal("more rows than bytes")
	})
}

func FuzzList(f *testing.F) {
	f.Add("[['a', \"b\"], (None, 2)]")
	f.Add("['\\u12")
	f.Add("[0)0")
	f.Fuzz(func(t *testing.T, cell string) {
		if items, ok := List(cell); !ok && items != nil {
			t.Fatal("items of no list")
		}
	})
}
