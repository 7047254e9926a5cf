package veris

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

func parse(t testing.TB, text string) Incident {
	t.Helper()
	in, err := NewParser().Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestEachValueStandsAtItsPlace(t *testing.T) {
	in := parse(t, `{"a":{"b":["x",2],"c":[{"d":true},{"d":null,"e":["y","z"]}]},"f":{},"g":[],"h":1.50}`)
	want := []Value{
		{Place: "a.b[]", Path: "a.b", Row: 0, Text: "x"},
		{Place: "a.b[]", Path: "a.b", Row: 1, Kind: Number, Text: "2"},
		{Place: "a.c[].d", Path: "a.c.d", Row: 0, Kind: Boolean, Text: "true"},
		{Place: "a.c[].d", Path: "a.c.d", Row: 1, Kind: Null},
		{Place: "a.c[].e[]", Path: "a.c.e", Row: 1, Item: 0, Text: "y"},
		{Place: "a.c[].e[]", Path: "a.c.e", Row: 1, Item: 1, Text: "z"},
		{Place: "f", Path: "f", Kind: EmptyObject},
		{Place: "g", Path: "g", Kind: EmptyList},
		{Place: "h", Path: "h", Kind: Number, Text: "1.50"},
	}
	if !slices.Equal(in.Values, want) {
		t.Errorf("%v\nnot\n%v", in.Values, want)
	}
}

func TestStrayNamesAreReadAndSaid(t *testing.T) {
	in := parse(t, `{" a ":{"b\u0020":"x"},"c.d":"y"}`)
	if v, ok := in.Get("a.b"); !ok || v.Text != "x" {
		t.Errorf("a.b is %v", v)
	}
	if v, ok := in.Get("c.d"); !ok || v.Text != "y" {
		t.Errorf("c.d is %v", v)
	}
	if want := []string{RuleName, RuleName, RuleNameFlat}; !slices.Equal(in.Applied, want) {
		t.Errorf("applied %q", in.Applied)
	}
}

func TestAVersionHasDots(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema_version":"1_3_4"}`: "1.3.4", `{"schema_version":" 1.2.1"}`: "1.2.1", `{}`: "",
	} {
		in := parse(t, text)
		if got := in.Version(); got != want {
			t.Errorf("%s has the version %q", text, got)
		}
	}
}

func TestBrokenIncidentsAreRefusedByCode(t *testing.T) {
	for _, c := range []struct{ name, text, code string }{
		{"truncated", `{"a":`, "json.malformed"},
		{"followed by something", `{"a":1} x`, "json.trailing"},
		{"a name twice", `{"a":1,"a":2}`, "json.malformed"},
		{"no number", `{"a":NaN}`, "json.malformed"},
		{"not UTF-8", "{\"a\":\"\xff\"}", "json.malformed"},
		{"nested too deep", strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), "json.too_deep"},
		{"nested in lists", `{"a":` + strings.Repeat(`[`, 200) + strings.Repeat("]", 200) + "}", "json.too_deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewParser().Parse([]byte(c.text))
			if f := fault.Public(err); err == nil || f.Code != c.code {
				t.Errorf("refused as %q: %v", f.Code, err)
			}
		})
	}
}

func TestABrokenIncidentCostsItselfAlone(t *testing.T) {
	r := NewReader(strings.NewReader("{\"a\":1}\n{\"a\":tru}\n{\"a\":3}\n"))
	var got []string
	for {
		in, source, err := r.Next()
		var bad *Bad
		switch {
		case err == io.EOF:
			if want := []string{"1", "bad line 2", "3"}; !slices.Equal(got, want) {
				t.Errorf("read %q", got)
			}
			return
		case errors.As(err, &bad) && bad.Line == source.Line:
			got = append(got, "bad line 2")
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, in.Values[0].Text)
		}
	}
}

func TestAParserForgetsStrangersNames(t *testing.T) {
	p := NewParser()
	for i := range 3 * maxNames {
		name, err := json.Marshal("n" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		in, err := p.Parse([]byte("{" + string(name) + ":1}"))
		if err != nil || len(in.Values) != 1 {
			t.Fatal(in, err)
		}
	}
	if p.known > maxNames+1 {
		t.Errorf("%d names are remembered", p.known)
	}
}

func TestValuesThatExcludeEachOtherAreNotPrinted(t *testing.T) {
	for _, values := range [][]Value{
		{{Place: "a", Path: "a", Text: "x"}, {Place: "a.b", Path: "a.b", Text: "y"}},
		{{Place: "a.b", Path: "a.b", Text: "y"}, {Place: "a", Path: "a", Text: "x"}},
		{{Place: "a[]", Path: "a", Text: "y"}, {Place: "a.b", Path: "a.b", Text: "x"}},
		{{Place: "a", Path: "a", Text: "y"}, {Place: "a", Path: "a", Text: "x"}},
	} {
		if _, err := Print(Incident{Values: values}); fault.Public(err).Code != "veris.conflict" {
			t.Errorf("%v: %v", values, err)
		}
	}
}

func TestRowsAndItemsArePrintedInTheirOrderWithoutHoles(t *testing.T) {
	out, err := Print(Incident{Values: []Value{
		{Place: "a[].b[]", Row: 7, Item: 3, Text: "d"}, {Place: "a[].b[]", Row: 2, Text: "a"}, {Place: "a[].b[]", Row: 7, Item: 1, Text: "c"},
	}})
	if want := `{"a":[{"b":["a"]},{"b":["c","d"]}]}`; err != nil || string(out) != want {
		t.Errorf("%s %v", out, err)
	}
}

// documents draws JSON objects of the shapes that a flat list can tell apart:
// lists at most two deep on a path, and no empty object in a list.
func documents(lists int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		doc := map[string]any{}
		for range rapid.IntRange(1, 4).Draw(t, "members") {
			doc[rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "name")] = valuesOf(lists, true).Draw(t, "value")
		}
		return doc
	})
}

func valuesOf(lists int, empties bool) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		switch n := rapid.IntRange(0, 8).Draw(t, "kind"); {
		case n == 0:
			return rapid.Bool().Draw(t, "boolean")
		case n == 1:
			return nil
		case n == 2:
			return float64(rapid.IntRange(-1000, 1000).Draw(t, "number"))
		case n == 3 && empties:
			return map[string]any{}
		case n == 4 && lists > 0:
			items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
			for i := range items {
				items[i] = valuesOf(lists-1, true).Draw(t, "item")
			}
			return items
		case n == 5:
			return documents(lists).Draw(t, "object")
		}
		return rapid.String().Draw(t, "text")
	})
}

func TestWhatIsReadIsPrintedAsItWas(t *testing.T) {
	p := NewParser()
	rapid.Check(t, func(t *rapid.T) {
		doc := documents(2).Draw(t, "document")
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		in, err := p.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Print(in)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatal(err)
		}
		var was any
		if err := json.Unmarshal(data, &was); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, was) {
			t.Fatalf("%s is printed as %s", data, out)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"action":{"hacking":{"variety":["SQLi"]}},"asset":{"assets":[{"variety":"S - Mail","amount":2}]}}`,
		`{" a ":[[1,2],[3]],"b":{},"c":[],"d":null,"e.f":true}`,
		`[{"a":1},{"a":2}]`, `{"a":1}{"a":2}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `{"a":[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := NewParser().Parse(data)
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("the refusal is no fault: %v", err)
		}
		if err == nil && !json.Valid(data) {
			t.Fatal("what is no JSON was read")
		}
		if out, err := Print(in); err == nil {
			again, err := NewParser().Parse(out)
			if err != nil {
				t.Fatalf("what was printed is not read: %v", err)
			}
			if twice, err := Print(again); err != nil || !bytes.Equal(out, twice) {
				t.Fatalf("%s is printed again as %s: %v", out, twice, err)
			}
		}
		r := NewReader(bytes.NewReader(data))
		for n := 0; ; n++ {
			_, source, err := r.Next()
			var bad *Bad
			if err == io.EOF {
				break
			}
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
			if err == nil && source.Number != n+1 {
				t.Fatalf("record %d has the number %d", n+1, source.Number)
			}
		}
	})
}
