package wire

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

// letter is a message as the banks exchange them.
type letter struct {
	Name   string   `json:"name"`
	Count  int      `json:"count,omitzero"`
	Bytes  []byte   `json:"bytes,omitzero"`
	Inside *letter  `json:"inside,omitzero"`
	List   []letter `json:"list,omitzero"`
}

const secret = "Jane Q. Public"

func TestWhatComesFromOutsideIsReadStrictly(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"inside":`, n) + `{}` + strings.Repeat(`}`, n) }
	var l letter
	if err := Decode([]byte(` {"name":"a","count":1,"bytes":"AA==","list":[{"name":"b"}]} `+"\r\n\t"), &l); err != nil || l.List[0].Name != "b" {
		t.Fatalf("%+v, %v", l, err)
	}
	if err := Decode([]byte(nested(MaxDepth-1)), new(letter)); err != nil {
		t.Errorf("at the limit of depth: %v", err)
	}
	for _, c := range []struct{ name, text, code, at string }{
		{"nothing", "", "json.malformed", ""},
		{"space", " \n", "json.malformed", ""},
		{"truncated", `{"name":"` + secret, "json.malformed", "/name"},
		{"truncated after a name", `{"name"`, "json.malformed", "/name"},
		{"a name twice", `{"name":"a","name":"` + secret + `"}`, "json.malformed", "/name"},
		{"a name twice, spelt in two ways", `{"name":"a","n\u0061me":"b"}`, "json.malformed", "/name"},
		{"deep inside a name twice", `{"list":[{},{"name":"a","name":"b"}]}`, "json.malformed", "/list/1/name"},
		{"an unknown name", `{"names":"` + secret + `"}`, "json.unexpected", "/names"},
		{"a name in other letters", `{"Name":"` + secret + `"}`, "json.unexpected", "/Name"},
		{"a text for a number", `{"count":"` + secret + `"}`, "json.unexpected", "/count"},
		{"a number with a fraction", `{"count":1.5}`, "json.unexpected", "/count"},
		{"a number beyond all", `{"count":1e400}`, "json.unexpected", "/count"},
		{"a number just beyond", `{"count":9223372036854775808}`, "json.unexpected", "/count"},
		{"not a number", `{"count":NaN}`, "json.malformed", "/count"},
		{"bytes that are no base64", `{"bytes":"` + secret + `"}`, "json.unexpected", "/bytes"},
		{"an array for an object", `[]`, "json.unexpected", ""},
		{"another encoding", "{\"name\":\"M\xfcller\"}", "json.malformed", "/name"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "json.malformed", ""},
		{"half a surrogate pair", `{"name":"\ud800"}`, "json.malformed", "/name"},
		{"a control character", "{\"name\":\"a\x00b\"}", "json.malformed", "/name"},
		{"a comment", `{/* x */}`, "json.malformed", ""},
		{"a comma too many", `{"name":"a",}`, "json.malformed", ""},
		{"single quotes", `{'name':'a'}`, "json.malformed", ""},
		{"a second document", `{} {}`, "json.trailing", ""},
		{"something after the end", `{} ` + secret, "json.trailing", ""},
		{"too deep", nested(MaxDepth), "json.too_deep", strings.Repeat("/inside", MaxDepth)},
		{"much too deep", strings.Repeat("[", 1_000_000), "json.too_deep", strings.Repeat("/0", MaxDepth)},
		{"too large", `{"name":"` + strings.Repeat("a", MaxDocument) + `"}`, "json.too_large", ""},
	} {
		err := Decode([]byte(c.text), new(letter))
		f := fault.Public(err)
		if err == nil || f.Code != c.code {
			t.Errorf("%s: got %v (%s), want %s", c.name, err, f.Code, c.code)
			continue
		}
		if kind := f.Kind; kind != fault.Invalid && kind != fault.TooLarge {
			t.Errorf("%s: the kind is %v", c.name, kind)
		}
		if f.Path != c.at {
			t.Errorf("%s: the place is %q, want %q", c.name, f.Path, c.at)
		}
		if strings.Contains(f.Error(), secret) {
			t.Errorf("%s: the error repeats what was sent: %v", c.name, f)
		}
	}
}

// RFC 8785, appendix and section 3.2.2: what is signed is written in one way.
func TestCanonicalIsThatOfTheRFC(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{`{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
	} {
		var v any
		if err := json.Unmarshal([]byte(c.value), &v); err != nil {
			t.Fatal(err)
		}
		got, err := Canonical(v)
		if err != nil || string(got) != c.want {
			t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
		}
	}
}

func TestWhatIsWrittenIsReadBackAndWrittenTheSame(t *testing.T) {
	var draw func(depth int) *rapid.Generator[letter]
	draw = func(depth int) *rapid.Generator[letter] {
		return rapid.Custom(func(t *rapid.T) letter {
			l := letter{Name: rapid.String().Draw(t, "name"), Count: rapid.IntRange(-1<<53+1, 1<<53-1).Draw(t, "count"), Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")}
			if depth > 0 {
				l.List = rapid.SliceOfN(draw(depth-1), 0, 3).Draw(t, "list")
			}
			return l
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		l := draw(3).Draw(t, "letter")
		text, err := Canonical(l)
		if err != nil {
			t.Fatal(err)
		}
		var back letter
		if err := Decode(text, &back); err != nil {
			t.Fatal(err)
		}
		again, err := Canonical(back)
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("written %s, read and written %s, %v", text, again, err)
		}
	})
}

func TestOnlyOneSpellingIsAnID(t *testing.T) {
	seen := map[ReportID]bool{}
	for range 100 {
		id, err := NewID[ReportID]('r', rand.Reader)
		if err != nil || !ValidID('r', id) || seen[id] {
			t.Fatalf("%q, %v", id, err)
		}
		seen[id] = true
		for name, bad := range map[string]ReportID{
			"another prefix": "m" + id[1:], "no dash": id[:1] + "_" + id[2:], "capitals": ReportID(strings.ToUpper(string(id))),
			"one short": id[:len(id)-1], "one more": id + "a", "stray bits": id[:len(id)-1] + "b", "a line end": id[:len(id)-1] + "\n", "padded": id[:len(id)-1] + "=",
		} {
			if bad != id && ValidID('r', bad) {
				t.Errorf("%s: %q is taken for an id", name, bad)
			}
		}
	}
	if _, err := NewID[ReportID]('r', strings.NewReader("short")); err == nil {
		t.Error("an id was drawn of too little randomness")
	}
}

// FuzzDecode: whatever comes, reading ends in a fault of the sender, or in a
// value that reads back from its canonical text; and what is read strictly,
// encoding/json reads as well.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "{}", `{"name":"a","list":[{"inside":{}}]}`, `{"count":1e2}`, `{"count":-0}`, `{"bytes":"AA"}`, "[1,2", `{"a":{"a":{"a":1}}}`, "\"\\ud83d\\ude00\"", "NaN", "{}x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l letter
		if err := Decode(data, &l); err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.TooLarge {
				t.Fatalf("%v is of kind %v", err, kind)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("taken, and no JSON: %q", data)
		}
		text, err := Canonical(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(text, new(letter)); err != nil {
			t.Fatalf("what was read cannot be read again: %v\n%s", err, text)
		}
	})
}

// Backups go on being made of what a hold keeps, so that its last day is told
// and not the day of the receipt.
func TestAReceiptTellsTheLastDayOfWhatIsHeld(t *testing.T) {
	held := func(until string) DestroyedReport { return DestroyedReport{Status: Held, HeldUntil: until} }
	for _, c := range []struct {
		reports []DestroyedReport
		n       int
		day     string
	}{
		{nil, 0, ""},
		{[]DestroyedReport{{Status: Destroyed}, {Status: DestroyedBefore}}, 0, ""},
		{[]DestroyedReport{{Status: Destroyed}, held("2027-06-30T23:59:59Z")}, 1, "2027-06-30"},
		{[]DestroyedReport{held("2027-06-30T23:59:59Z"), held("2028-01-01T23:59:59Z"), held("2027-01-31T23:59:59Z")}, 3, "2028-01-01"},
	} {
		if n, day := (Destruction{Reports: c.reports, BackupsUntil: "2026-12-30"}).Sealed(); n != c.n || day != c.day {
			t.Errorf("%+v: %d until %q", c.reports, n, day)
		}
	}
}
