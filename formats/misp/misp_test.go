package misp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
)

// readAll reads a stream to its end and tells the events' infos and what was
// bad, with its line.
func readAll(t *testing.T, in string) (infos, bad []string) {
	t.Helper()
	r := NewReader(strings.NewReader(in))
	for {
		e, source, err := r.Next()
		var broken *Bad
		switch {
		case err == io.EOF:
			return infos, bad
		case errors.As(err, &broken):
			bad = append(bad, fmt.Sprintf("%d: %s", broken.Line, broken.Fault.Code))
		case err != nil:
			t.Fatal(err)
		default:
			infos = append(infos, fmt.Sprintf("%d: %s", source.Line, e.Info))
		}
	}
}

func TestEventsAreFoundHoweverTheyAreStrungTogether(t *testing.T) {
	for _, c := range []struct {
		name, in   string
		infos, bad []string
	}{
		{"one", `{"Event":{"info":"a"}}`, []string{"1: a"}, nil},
		{"bare", `{"info":"a"}`, []string{"1: a"}, nil},
		{"lines", "{\"Event\":{\"info\":\"a\"}}\n{\"info\":\"b\"}\n", []string{"1: a", "2: b"}, nil},
		{"array", "[\n{\"Event\":{\"info\":\"a\"}},\n{\"info\":\"b\"}]", []string{"2: a", "3: b"}, nil},
		{"response", "{\"response\": [\n{\"Event\":{\"info\":\"a]}\"}},\n{\"Event\":{\"info\":\"b\"}}\n]}", []string{"2: a]}", "3: b"}, nil},
		{"response of bare events", `{"response":[{"info":"a"},{"info":"b"}]}`, []string{"1: a", "1: b"}, nil},
		{"response of one", `{"response":{"Event":{"info":"a"}}}`, []string{"1: a"}, nil},
		{"response of a search for attributes", `{"response":{"Attribute":[{"type":"md5","value":"x"}]}}`, []string{"1: "}, nil},
		{"response after other members", `{"errors":[],"response":[{"Event":{"info":"a"}},{"Event":{"info":"b"}}]}`, []string{"1: a", "1: b"}, nil},
		{"response before other members", "{\n\"response\":[{\"Event\":{\"info\":\"a\"}}],\n\"total\":[{\"n\":\"}\"}]\n}\n{\"info\":\"b\"}", []string{"2: a", "5: b"}, nil},
		{"responses", "{\"response\":[{\"info\":\"a\"}]}\n{\"response\":[{\"info\":\"b\"}]}", []string{"1: a", "2: b"}, nil},
		{"empty response", `{"response":[]}`, nil, nil},
		{"another document", `{"Galaxy":{"name":"x"}}`, nil, []string{"1: misp.no_event"}},
		{"no event in the envelope", `{"Event":[]}`, nil, []string{"1: misp.no_event"}},
		{"a broken one costs itself", "{\"info\":\"a\"}\n{\"info\":\"b\",}\n{\"info\":\"c\"}", []string{"1: a", "3: c"}, []string{"2: json.malformed"}},
		{"a broken one in a response", "{\"response\":[\n{\"Event\":{\"info\":\"a\",}},\n{\"Event\":{\"info\":\"b\"}}\n]}", []string{"3: b"}, []string{"2: json.malformed"}},
		{"a bracket too many in a response", "{\"response\":[\n{\"Event\":{\"info\":\"a\"}}},\n{\"Event\":{\"info\":\"b\",\"Tag\":[]]}},\n{\"Event\":{\"info\":\"c\"}}\n]}", []string{"2: a", "4: c"}, []string{"2: json.stray", "3: json.malformed"}},
		{"a response that breaks off", "{\"response\":[\n{\"Event\":{\"info\":\"a\"}},\n{\"Event\":{\"inf", []string{"2: a"}, []string{"3: json.truncated"}},
		{"a name twice", `{"info":"a","info":"b"}`, nil, []string{"1: json.malformed"}},
		{"too deep", `{"info":"a","x":` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000) + "}", nil, []string{"1: json.too_deep"}},
		{"no UTF-8", "{\"info\":\"\xff\"}", nil, []string{"1: json.malformed"}},
	} {
		infos, bad := readAll(t, c.in)
		if !reflect.DeepEqual(infos, c.infos) || !reflect.DeepEqual(bad, c.bad) {
			t.Errorf("%s: %q, bad %q; want %q, bad %q", c.name, infos, bad, c.infos, c.bad)
		}
	}
}

// endless is a response that never closes.
type endless struct {
	next []byte
	sent int
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.next) == 0 {
		e.next = []byte(`{"Event":{"info":"again","Attribute":[{"type":"domain","value":"a.example"}]}},` + "\n")
	}
	n := copy(b, e.next)
	e.next = e.next[n:]
	e.sent += n
	return n, nil
}

func TestAResponseIsReadAsItComes(t *testing.T) {
	in := &endless{next: []byte(`{"response":[`)}
	r := NewReader(in)
	for range 1000 {
		if e, _, err := r.Next(); err != nil || e.Info != "again" {
			t.Fatal(e.Info, err)
		}
	}
	if in.sent > 1<<20 {
		t.Errorf("%d bytes were read for 1000 events", in.sent)
	}
}

func TestReadingIsLenientAndSaysSo(t *testing.T) {
	one := func(in string) Event {
		t.Helper()
		events, err := NewParser().Parse([]byte(in))
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %d events, %v", in, len(events), err)
		}
		return events[0]
	}
	e := one(`{"Event":{"distribution":3,"published":"1","Attribute":{"type":"port","value":80,"to_ids":0},"Tag":["tlp:green",{"name":"x"}]}}`)
	if e.Distribution != "3" || !e.Published || len(e.Attributes) != 1 || e.Attributes[0].Value != "80" || len(e.Tags) != 2 || e.Tags[0].Name != "tlp:green" {
		t.Errorf("%+v", e)
	}
	slices.Sort(e.Applied)
	if want := []string{RuleList, RuleName, RuleBoolean, RuleBoolean, RuleText, RuleText}; !reflect.DeepEqual(e.Applied, want) {
		t.Errorf("applied %q, want %q", e.Applied, want)
	}

	e = one(`{"Event":{"info":{"a":1},"Attribute":["x",{"type":"md5","value":[]}],"Object":7,"Tag":null,"published":"maybe"}}`)
	want := []Flaw{{"info", "a text is expected"}, {"Attribute", "an object is expected"}, {"value", "a text is expected"}, {"Object", "a list is expected"}, {"published", "true or false is expected"}}
	if !reflect.DeepEqual(e.Flaws, want) {
		t.Errorf("flaws %v, want %v", e.Flaws, want)
	}
}

func TestWhatIsNoPartOfAnEventIsCounted(t *testing.T) {
	for _, in := range []string{
		`{"Event":{"info":"a","Orgc":{"name":"Acme"},"event_creator_email":"a@b.example","locked":null,"RelatedEvent":[],"Attribute":[{"type":"md5","value":"x","event_id":"1"},{"type":"md5","value":"y","event_id":"1","data":"eA=="}]}}`,
		`{"info":"a","Orgc":{"name":"Acme"},"event_creator_email":"a@b.example","locked":null,"RelatedEvent":[],"Attribute":[{"type":"md5","value":"x","event_id":"1"},{"type":"md5","value":"y","event_id":"1","data":"eA=="}]}`,
	} {
		events, err := NewParser().Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		want := []Count{{"Event.Orgc", 1}, {"Event.event_creator_email", 1}, {"Attribute.event_id", 2}}
		if !reflect.DeepEqual(events[0].Rest, want) {
			t.Errorf("counted %v, want %v", events[0].Rest, want)
		}
		if a := events[0].Attributes; !a[1].File || a[0].File {
			t.Error("the attribute with a file is not told")
		}
	}
}

func TestASightingCountsUnlessItDenies(t *testing.T) {
	events, err := NewParser().Parse([]byte(`{"Attribute":[{"type":"domain","value":"a.example","Sighting":[{"type":"0"},{"type":"1"},{"type":"2"},{"type":"3"},{}]}]}`))
	if err != nil || events[0].Attributes[0].Sightings != 3 {
		t.Errorf("%v %v", events, err)
	}
}

// texts are those that JSON can hold.
func texts() *rapid.Generator[string] { return rapid.StringN(0, 12, 40) }

func attributes() *rapid.Generator[Attribute] {
	return rapid.Custom(func(t *rapid.T) Attribute {
		return Attribute{
			UUID: texts().Draw(t, "uuid"), Type: texts().Draw(t, "type"), Category: texts().Draw(t, "category"), Value: texts().Draw(t, "value"),
			Comment: texts().Draw(t, "comment"), Relation: texts().Draw(t, "relation"), ToIDs: rapid.Bool().Draw(t, "ids"), Deleted: rapid.Bool().Draw(t, "deleted"),
			FirstSeen: texts().Draw(t, "first"), LastSeen: texts().Draw(t, "last"), Timestamp: texts().Draw(t, "time"), Distribution: texts().Draw(t, "distribution"),
			Tags: tagLists().Draw(t, "tags"),
		}
	})
}

func tagLists() *rapid.Generator[[]Tag] {
	return rapid.Map(rapid.SliceOfN(texts(), 0, 2), func(names []string) (tags []Tag) {
		for _, n := range names {
			tags = append(tags, Tag{n})
		}
		return tags
	})
}

func TestWhatIsPrintedIsReadAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was := Event{
			UUID: texts().Draw(t, "uuid"), Info: texts().Draw(t, "info"), Date: texts().Draw(t, "date"), Timestamp: texts().Draw(t, "time"),
			ThreatLevel: texts().Draw(t, "level"), Analysis: texts().Draw(t, "analysis"), Distribution: texts().Draw(t, "distribution"),
			Tags: tagLists().Draw(t, "tags"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "attributes") {
			was.Attributes = append(was.Attributes, attributes().Draw(t, "attribute"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "objects") {
			was.Objects = append(was.Objects, Object{Name: texts().Draw(t, "name"), TemplateUUID: texts().Draw(t, "template"), Attributes: []Attribute{attributes().Draw(t, "attribute")}})
		}
		for range rapid.IntRange(0, 2).Draw(t, "clusters") {
			was.Clusters = append(was.Clusters, Cluster{Galaxy: texts().Draw(t, "galaxy"), Value: texts().Draw(t, "value"), TagName: texts().Draw(t, "tag")})
		}
		for range rapid.IntRange(0, 1).Draw(t, "reports") {
			was.Reports = append(was.Reports, Report{Name: texts().Draw(t, "name"), Content: texts().Draw(t, "content")})
		}
		line, err := Print(was)
		if err != nil {
			t.Fatal(err)
		}
		events, err := NewParser().Parse(line)
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %v", line, err)
		}
		events[0].Rest = nil // the times that every event must tell
		if !reflect.DeepEqual(events[0], was) {
			t.Fatalf("%+v\nis read as\n%+v", was, events[0])
		}
	})
}

// sharedEvents lists the files of events of the shared data that hold JSON.
func sharedEvents(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shareddata.File(t, "misp"), "events-*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no events", err)
	}
	return files
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		plain, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = io.ReadAll(plain); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func TestRealEventsAreReadAndThoseOfFirmsAreValid(t *testing.T) {
	events, valid := 0, 0
	for _, file := range sharedEvents(t) {
		r := NewReader(bytes.NewReader(readFile(t, file)))
		for {
			e, _, err := r.Next()
			var bad *Bad
			if err == io.EOF {
				break
			}
			if errors.As(err, &bad) {
				if bad.Fault.Code != notMISP.Code {
					t.Errorf("%s: %v", filepath.Base(file), err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			events++
			if len(e.Flaws) > 0 {
				t.Errorf("%s: %v", filepath.Base(file), e.Flaws)
			}
			if strings.Contains(file, "events-eset") {
				c := Check(readFile(t, file))
				if len(c) != 1 {
					t.Fatalf("%s: %d events are checked", file, len(c))
				}
				for _, f := range c[0].Errors {
					if !strings.HasSuffix(f.Path, ".data") { // exported without its files
						t.Errorf("%s: %v", filepath.Base(file), f)
					}
				}
				valid++
			}
		}
	}
	t.Logf("%d events read, %d checked", events, valid)
	if events < 40 || valid < 30 {
		t.Errorf("only %d events were read and %d checked", events, valid)
	}
}

func TestTheBrokenRealEventIsToldWithItsPlace(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shareddata.File(t, "misp", "malformed"), "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no malformed event", err)
	}
	for _, file := range files {
		_, _, err := NewReader(bytes.NewReader(readFile(t, file))).Next()
		var bad *Bad
		if !errors.As(err, &bad) || bad.Line == 0 || bad.Fault.Kind != fault.Invalid || bad.Fault.Path == "" {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"Event":{"info":"a","Attribute":[{"type":"domain|ip","value":"a.example|192.0.2.1","Tag":[{"name":"tlp:red"}]}]}}`,
		`{"response":[{"Event":{"Object":[{"name":"file","Attribute":[{"type":"md5","value":"x"}]}]}}],"x":[]}`,
		`{"Galaxy":[{"type":"a","GalaxyCluster":[{"value":"b","meta":{"external_id":["T1"]}}]}],"info":"a"}`,
		`[{"info":"a"},{"info":"b"}]`, "{\"info\":\"a\n", `{"response":`, `{"Tag":"x"}`, "{\"response\":[\n\n{\"info\":\"\\\"\"}]}{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := NewParser().Parse(data)
		if err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("the refusal is no fault: %v", err)
		}
		for _, e := range events {
			line, err := Print(e)
			if err != nil {
				t.Fatalf("what was read cannot be printed: %v", err)
			}
			again, err := NewParser().Parse(line)
			if err != nil || len(again) != 1 {
				t.Fatalf("%s is not read again: %v", line, err)
			}
			if twice, err := Print(again[0]); err != nil || !bytes.Equal(line, twice) {
				t.Fatalf("%s is printed again as %s", line, twice)
			}
		}
		Check(data)
		r := NewReader(bytes.NewReader(data))
		for {
			_, _, err := r.Next()
			var bad *Bad
			if err == io.EOF {
				return
			}
			if err != nil && !errors.As(err, &bad) {
				t.Fatal(err)
			}
		}
	})
}
