package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// stixLine writes an object of a number.
func stixLine(typ string, n int, more string) string {
	return fmt.Sprintf(`{"type":%q,"spec_version":"2.1","id":"%s--00000000-0000-4000-8000-%012d"%s}`, typ, typ, n, more)
}

// readSTIXText reads a text and returns the reports and the account.
func readSTIXText(t *testing.T, text string, pick func(report.Report) standard.Ref) ([]Collected, mapping.Account) {
	t.Helper()
	var all []Collected
	a, err := Read(context.Background(), strings.NewReader(text), "file", Options{Format: "stix", Standard: pick}, func(c Collected) error {
		all = append(all, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, a
}

func TestEachBundleOfAStreamIsMappedByItselfAndLooseObjectsTogether(t *testing.T) {
	indicator := func(n int) string {
		return stixLine("indicator", n, fmt.Sprintf(`,"pattern":"[domain-name:value = 'c%d.example']","pattern_type":"stix"`, n))
	}
	bundle := func(objects ...string) string {
		return `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[` + strings.Join(objects, ",") + `]}`
	}
	text := strings.Join([]string{
		indicator(1), bundle(indicator(2), indicator(3)), `{"type":`, indicator(4),
		bundle(stixLine("incident", 5, `,"name":"one"`), stixLine("incident", 6, `,"name":"two"`), stixLine("incident", 7, "")), bundle(stixLine("identity", 8, "")),
	}, "\n")
	reports, a := readSTIXText(t, text, nil)
	var got []string
	for _, c := range reports {
		got = append(got, fmt.Sprintf("%d: %s %d", c.line, c.report.Value("incident.title"), len(c.report.Observables)))
	}
	want := "2:  2|5: one 0|5: two 0|1:  2"
	if strings.Join(got, "|") != want {
		t.Errorf("%s", strings.Join(got, "|"))
	}
	if a.Records != 7 || a.Reports != 4 || a.InvalidCount() != 3 {
		t.Errorf("%d records, %d reports, invalid %v", a.Records, a.Reports, a.Invalid())
	}
}

func TestALargeBundleIsTakenTogether(t *testing.T) {
	var objects []string
	for n := range 3000 {
		objects = append(objects, stixLine("domain-name", n+1, fmt.Sprintf(`,"value":"host-%d.example","x_own":%q`, n, strings.Repeat("x", 500))))
	}
	objects = append(objects, stixLine("incident", 9999, `,"name":"one"`))
	text := `{"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000","objects":[` + strings.Join(objects, ",\n") + `]}`
	reports, a := readSTIXText(t, text, nil)
	if len(reports) != 1 || len(reports[0].report.Observables) != 3000 || reports[0].report.Value("incident.title") != "one" {
		t.Errorf("%d reports: %s", len(reports), a.Summary())
	}
}

func TestALongListOfIndicatorsBecomesSeveralReportsThatAreToldApart(t *testing.T) {
	var text strings.Builder
	for n := range 25_000 {
		fmt.Fprintln(&text, stixLine("domain-name", n, fmt.Sprintf(`,"value":"host-%d.example"`, n)))
	}
	reports, _ := readSTIXText(t, text.String(), nil)
	digests, observables := map[string]bool{}, 0
	for _, c := range reports {
		digests[string(c.Digest())] = true
		observables += len(c.report.Observables)
	}
	if len(reports) != 3 || len(digests) != 3 || observables != 25_000 {
		t.Errorf("%d reports, %d digests, %d observables", len(reports), len(digests), observables)
	}
}

func TestAGroupIsMappedUnderTheStandardOfItsSector(t *testing.T) {
	text := strings.Join([]string{
		stixLine("incident", 1, `,"name":"x"`), stixLine("identity", 2, `,"name":"Northwind","sectors":["financial-services"]`),
		stixLine("relationship", 3, `,"relationship_type":"targets","source_ref":"incident--00000000-0000-4000-8000-000000000001","target_ref":"identity--00000000-0000-4000-8000-000000000002"`),
	}, "\n")
	reports, _ := readSTIXText(t, text, func(r report.Report) standard.Ref {
		if r.Value("victim.industry") == "52" {
			return "finance/1.0"
		}
		return "general/1.0"
	})
	if len(reports) != 1 || reports[0].report.Standard != "finance/1.0" {
		t.Fatalf("%d reports", len(reports))
	}
}

func TestRealBundlesBecomeReportsAndValidBundlesAgain(t *testing.T) {
	for _, pattern := range []string{"incident-extension/examples/*.json", "examples/threat-reports/*.json", "examples/*.json"} {
		files, err := filepath.Glob(filepath.Join(shareddata.File(t, "stix21"), pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			name, err := filepath.Rel(shareddata.File(t, "stix21"), file)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w, err := NewWriter(&out, "stix")
			if err != nil {
				t.Fatal(err)
			}
			elem := append([]string{"stix21"}, strings.Split(filepath.ToSlash(name), "/")...)
			a, err := Read(context.Background(), shareddata.Open(t, elem...), name, Options{Format: "stix"}, w.Write)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %s", name, a.Summary())
			for _, bad := range a.Invalid() {
				if !strings.Contains(bad.Reason, "say nothing that the standard collects") && !strings.Contains(bad.Reason, "holds nothing") {
					t.Errorf("%s", bad)
				}
			}
			holdValid(t, name, &out)
		}
	}
}

// holdValid holds every object of what was written to the specification.
func holdValid(t *testing.T, name string, out *bytes.Buffer) {
	t.Helper()
	objects := stix.NewReader(out)
	for {
		bundle, _, err := objects.Next()
		if err != nil {
			return
		}
		for _, o := range append(bundle.Objects(), bundle) {
			if found := stix.Validate(o); stix.Failed(found) {
				t.Errorf("%s: written as %s: %v", name, o.Type(), found)
			}
		}
	}
}

func BenchmarkSTIX(b *testing.B) {
	var text strings.Builder
	for n := range 5000 {
		fmt.Fprintln(&text, stixLine("indicator", n, fmt.Sprintf(`,"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","name":"Host %d","pattern":"[domain-name:value = 'c%d.example' OR ipv4-addr:value = '198.51.100.7']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"`, n, n)))
	}
	b.Run("convert", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			if _, err := Read(context.Background(), strings.NewReader(text.String()), "file", Options{Format: "stix"}, func(Collected) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) { // of the same bytes, into maps
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			dec := json.NewDecoder(strings.NewReader(text.String()))
			for dec.More() {
				var v any
				if err := dec.Decode(&v); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
