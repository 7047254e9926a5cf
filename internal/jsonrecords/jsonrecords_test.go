package jsonrecords

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

// read lists what a stream holds: records as they stand, bad ones as
// "!code@line".
func read(t testing.TB, in io.Reader) []string {
	t.Helper()
	r := NewReader(in)
	var got []string
	for {
		rec, err := r.Next()
		var bad *Bad
		switch {
		case err == io.EOF:
			return got
		case errors.As(err, &bad):
			got = append(got, "!"+bad.Fault.Code+"@"+string(rune('0'+bad.Line)))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(rec.Bytes))
		}
	}
}

func TestRecordsAreFoundHoweverTheyAreStrung(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", " \n", nil},
		{"one object", "{\"a\":{\"b\":[1]}}", []string{`{"a":{"b":[1]}}`}},
		{"lines", "{\"a\":1}\r\n\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"one after the other", `{"a":1}{"a":2} {"a":3}`, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"an array", `[{"a":1},{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		{"two arrays", "[{\"a\":1}]\n[{\"a\":2}]", []string{`{"a":1}`, `{"a":2}`}},
		{"an empty array", `[]`, nil},
		{"a printed object", "{\n  \"a\": [\n    {\"b\": 1},\n    {\"b\": 2}\n  ]\n}\n", []string{"{\n  \"a\": [\n    {\"b\": 1},\n    {\"b\": 2}\n  ]\n}"}},
		{"printed without indentation", "{\n\"a\": [\n{\n\"b\": 1\n}\n]\n}", []string{"{\n\"a\": [\n{\n\"b\": 1\n}\n]\n}"}},
		{"brackets in texts", `{"a":"]}{[\"\\"}{"b":1}`, []string{`{"a":"]}{[\"\\"}`, `{"b":1}`}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", []string{`{"a":1}`}},
		{"UTF-16", "\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", []string{`{"a":1}`}},
		{"text sequence", "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},

		{"a line cut short", "{\"a\":1}\n{\"b\":[1,\n{\"c\":1}\n", []string{`{"a":1}`, "!json.truncated@2", `{"c":1}`}},
		{"the first line cut short", "{\"b\":[1,\n{\"c\":1}\n", []string{"!json.truncated@1", `{"c":1}`}},
		{"a line cut short in a text", "{\"b\":\"x\n{\"c\":1}\n", []string{"!json.truncated@1", `{"c":1}`}},
		{"a line without its start", "{\"a\":1}\nb\":{\"c\":[{\"d\":1},{\"d\":2}]}}\n{\"e\":1}\n", []string{`{"a":1}`, "!json.stray@2", `{"e":1}`}},
		{"the last line cut short", "{\"a\":1}\n{\"b\":", []string{`{"a":1}`, "!json.truncated@2"}},
		{"a brace too many", "{\"a\":1}}\n{\"b\":1}\n", []string{`{"a":1}`, "!json.stray@1", `{"b":1}`}},
		{"no object", "{\"a\":1}\nNaN\n{\"b\":1}\n", []string{`{"a":1}`, "!json.stray@2", `{"b":1}`}},
		{"no object in an array", `[{"a":1},NaN,{"b":1}]`, []string{`{"a":1}`, "!json.stray@1", `{"b":1}`}},
		{"brackets crossed in an array", `[{"a":[1},{"b":1}]`, []string{"!json.malformed@1", `{"b":1}`}},
		{"an array that closes too early", `[{"a":1},{"b":1]`, []string{`{"a":1}`, "!json.malformed@1"}},
		{"an array cut between records", `[{"a":1},`, []string{`{"a":1}`, "!json.truncated@1"}},
		{"a printed array with one record cut", "[\n  {\n    \"a\": [\n  {\n    \"b\": 1\n  }\n]\n", []string{"!json.truncated@2", "{\n    \"b\": 1\n  }"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for how, in := range map[string]io.Reader{"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in))} {
				got := read(t, in)
				if strings.Join(got, "¦") != strings.Join(c.want, "¦") {
					t.Errorf("%s:\n got %q\nwant %q", how, got, c.want)
				}
			}
		})
	}
}

func TestAHugeRecordCostsItselfOnly(t *testing.T) {
	in := io.MultiReader(strings.NewReader(`{"a":"`), io.LimitReader(letters{}, MaxRecord+5), strings.NewReader("\"}\n{\"b\":1}\n"))
	got := read(t, in)
	if len(got) != 2 || got[0] != "!json.too_large@1" || got[1] != `{"b":1}` {
		t.Errorf("got %.100q", got)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAReadErrorIsHandedOn(t *testing.T) {
	broken := errors.New("disk")
	r := NewReader(io.MultiReader(strings.NewReader(`{"a":1}{"b"`), iotest.ErrReader(broken)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("err = %v, want the reader's", err)
	}
}

func TestNumbersAndLinesNameThePlace(t *testing.T) {
	r := NewReader(strings.NewReader("{\"a\":1}\n\n\nNaN\n{\"b\":\n2}\n{\"c\":3}"))
	var places [][2]int
	for {
		rec, err := r.Next()
		var bad *Bad
		if errors.As(err, &bad) {
			rec.Number, rec.Line = bad.Number, bad.Line
			if fault.KindOf(err) != fault.Invalid {
				t.Errorf("kind %v", fault.KindOf(err))
			}
		} else if err != nil {
			break
		}
		places = append(places, [2]int{rec.Number, rec.Line})
	}
	want := [][2]int{{1, 1}, {2, 4}, {3, 5}, {4, 7}}
	if len(places) != len(want) {
		t.Fatalf("got %v, want %v", places, want)
	}
	for i := range want {
		if places[i] != want[i] {
			t.Errorf("place %d = %v, want %v", i, places[i], want[i])
		}
	}
}

// value draws a JSON object as text.
func object(t *rapid.T, depth int) string {
	var b strings.Builder
	b.WriteByte('{')
	n := rapid.IntRange(0, 3).Draw(t, "members")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := jsontext.AppendQuote(nil, rapid.StringN(0, 5, -1).Draw(t, "name"))
		b.Write(name)
		b.WriteByte(':')
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			b.WriteString("[" + object(t, depth-1) + "]")
		} else {
			text, _ := jsontext.AppendQuote(nil, rapid.String().Draw(t, "text"))
			b.Write(text)
		}
	}
	b.WriteByte('}')
	return b.String()
}

func TestOneBrokenLineLosesNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "records")
		broken := rapid.IntRange(0, n-1).Draw(t, "broken")
		var lines, want []string
		for i := range n {
			// What an incident looks like: never empty, so that a line cannot
			// be cut to a whole object.
			line := `{"id":` + object(t, 2) + `}`
			if i == broken {
				line = line[:rapid.IntRange(1, len(line)-1).Draw(t, "cut")]
			} else {
				want = append(want, line)
			}
			lines = append(lines, line)
		}
		r := NewReader(strings.NewReader(strings.Join(lines, "\n") + "\n"))
		var got []string
		bad := 0
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				bad++
				continue
			}
			got = append(got, string(rec.Bytes))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || bad == 0 {
			t.Fatalf("lines %q\n got %q (%d bad)", lines, got, bad)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add("{\"a\":1}\n{\"b\":[\n{\"c\":1}]}")
	f.Add("[{\"a\":\"\\\"\"},NaN,{\"b\":1]")
	f.Fuzz(func(t *testing.T, in string) {
		r := NewReader(strings.NewReader(in))
		for range len(in) + 2 {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			var bad *Bad
			if err != nil && !errors.As(err, &bad) {
				return // mis-encoded UTF-16 ends the stream
			}
			if err == nil && (rec.Bytes[0] != '{' || rec.Bytes[len(rec.Bytes)-1] != '}') {
				t.Fatalf("no object: %q", rec.Bytes)
			}
		}
		t.Fatalf("more records than bytes in %q", in)
	})
}
