package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// collectMISP reads events and returns the reports.
func collectMISP(t *testing.T, in io.Reader, o Options) ([]Collected, mapping.Account) {
	t.Helper()
	o.Format = "misp"
	var all []Collected
	account, err := Read(context.Background(), in, "events.json", o, func(c Collected) error {
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, account
}

const twoEvents = `{"response":[
{"Event":{"uuid":"5BAD262F-C810-4775-9E84-4A7D0A016219","info":"First","date":"2026-03-02","Attribute":[{"type":"domain","value":"a.example"},{"type":"domain","value":"no domain"}]}},
{"Event":{"info":"Broken",}},
{"Event":{}},
{"Event":{"info":"Second","Tag":[{"name":"tlp:green"}]}}
]}`

func TestEventsAreCollectedWithTheirPlaces(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, twoEvents); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]io.Reader{"plain": strings.NewReader(twoEvents), "gzip": &zipped} {
		all, account := collectMISP(t, in, Options{})
		if len(all) != 2 || account.Records != 4 || account.Reports != 2 {
			t.Fatalf("%s: %d reports, %s", name, len(all), account.Summary())
		}
		if all[0].Native() != "5bad262f-c810-4775-9e84-4a7d0a016219" || all[0].Where() != "events.json:2" || all[1].Where() != "events.json:5" {
			t.Errorf("%s: %s %s %s", name, all[0].Native(), all[0].Where(), all[1].Where())
		}
		if bytes.Equal(all[0].Digest(), all[1].Digest()) {
			t.Errorf("%s: two events have one digest", name)
		}
		var lines []string
		for _, at := range account.Invalid() {
			lines = append(lines, fmt.Sprintf("%d %s", at.Line, at.Path))
		}
		if want := []string{"2 Attribute[domain]", "3 /Event", "4 "}; !slices.Equal(lines, want) {
			t.Errorf("%s: invalid at %q, want %q", name, lines, want)
		}
	}
}

func TestAnEventIsMappedUnderTheStandardOfItsSector(t *testing.T) {
	pick := func(report.Report) standard.Ref { return "finance/1.0" }
	all, account := collectMISP(t, strings.NewReader(twoEvents), Options{Standard: pick})
	if len(all) != 2 || all[0].Report().Standard != "finance/1.0" {
		t.Fatalf("%d reports under %s", len(all), all[0].Report().Standard)
	}
	if n := account.Mapped()["Attribute[domain]"]; n != 1 {
		t.Errorf("the account counts %d domains, want 1", n)
	}
	unknown := func(report.Report) standard.Ref { return "nowhere/1.0" }
	if all, account = collectMISP(t, strings.NewReader(twoEvents), Options{Standard: unknown}); len(all) != 0 || account.Lost() != 4 {
		t.Errorf("%d reports are made under a standard that there is not", len(all))
	}
}

func TestReportsAreWrittenAsEventsThatAreReadAgain(t *testing.T) {
	all, _ := collectMISP(t, strings.NewReader(twoEvents), Options{})
	var out bytes.Buffer
	w, err := NewWriter(&out, "misp")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 || strings.Contains(strings.ToLower(out.String()), "5bad262f") {
		t.Errorf("%d lines, with the native id or not:\n%s", n, out.String())
	}
	again, account := collectMISP(t, &out, Options{})
	if len(again) != 2 || account.InvalidCount() > 0 {
		t.Fatalf("%s", account.Summary())
	}
	for i, c := range again {
		was, is := all[i].Report(), c.Report()
		if !slices.Equal(was.Observables, is.Observables) || was.Value("incident.title") != is.Value("incident.title") || was.Value("timeline.incident") != "" && was.Value("timeline.incident") != is.Value("timeline.incident") {
			t.Errorf("%+v\nis read as\n%+v", was, is)
		}
	}
}

// events builds JSON Lines of the shape and size that instances export.
func events(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"Event":{"id":"%d","orgc_id":"2","org_id":"2","date":"2024-03-%02d","threat_level_id":"3","info":"Case %d: phishing with a loader","published":true,"uuid":"5bad262f-c810-4775-9e84-%012d","attribute_count":"40","analysis":"2","timestamp":"1702377000","distribution":"3","proposal_email_lock":false,"locked":false,"publish_timestamp":"1702377000","sharing_group_id":"0","disable_correlation":false,"extends_uuid":"","event_creator_email":"analyst@cert.example","Org":{"id":"2","name":"CERT","uuid":"55f6ea5e-51ac-4344-bc8c-4170950d210f","local":true},"Attribute":[`, i, i%28+1, i, i)
		for j := range 40 {
			if j > 0 {
				b.WriteByte(',')
			}
			typ, value := "domain", fmt.Sprintf("host%d-%d.example", i, j)
			switch j % 4 {
			case 1:
				typ, value = "sha256", fmt.Sprintf("%064x", i*1000+j)
			case 2:
				typ, value = "ip-dst", fmt.Sprintf("198.51.%d.%d", i%256, j)
			case 3:
				typ, value = "filename|md5", fmt.Sprintf("a%d.exe|%032x", j, i*1000+j)
			}
			fmt.Fprintf(&b, `{"id":"%d","type":%q,"category":"Payload delivery","to_ids":true,"uuid":"5bad2663-bc08-4ad3-b51a-%012d","event_id":"%d","distribution":"5","timestamp":"1702377000","comment":"Seen in the second wave","sharing_group_id":"0","deleted":false,"disable_correlation":false,"object_id":"0","object_relation":null,"first_seen":null,"last_seen":null,"value":%q,"Galaxy":[],"ShadowAttribute":[]}`, j, typ, i*100+j, i, value)
		}
		b.WriteString(`],"ShadowAttribute":[],"RelatedEvent":[],"Galaxy":[],"Object":[],"EventReport":[],"Tag":[{"id":"1","name":"tlp:green","colour":"#33FF00","exportable":true},{"id":"2","name":"misp-galaxy:mitre-attack-pattern=\"Phishing - T1566\"","colour":"#000000","exportable":true}]}}` + "\n")
	}
	return b.Bytes()
}

// BenchmarkConvertMISP reads events and writes reports. Its reference is
// BenchmarkDecodeMISP on the same bytes.
func BenchmarkConvertMISP(b *testing.B) {
	data := events(200)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := NewWriter(io.Discard, "report")
		if err != nil {
			b.Fatal(err)
		}
		account, err := Read(context.Background(), bytes.NewReader(data), "file", Options{Format: "misp"}, w.Write)
		if err != nil || account.Reports != 200 || account.InvalidCount() > 0 {
			b.Fatal(err, account.Summary())
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeMISP decodes the same bytes with encoding/json and does
// nothing with them.
func BenchmarkDecodeMISP(b *testing.B) {
	data := events(200)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		dec := json.NewDecoder(bytes.NewReader(data))
		for range 200 {
			var v map[string]any
			if err := dec.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	}
}
