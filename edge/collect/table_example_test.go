package collect

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// readAll reads a file of the examples and holds every report to its
// standard.
func readAll(t *testing.T, o Options, file string) ([]report.Report, mapping.Account) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var reports []report.Report
	account, err := Read(context.Background(), in, file, o, func(c Collected) error {
		holdToStandard(t, c.Report())
		reports = append(reports, c.Report())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return reports, account
}

// holdToStandard fails unless a report is right under its standard.
func holdToStandard(t testing.TB, r report.Report) {
	t.Helper()
	std, err := standard.Builtin(r.Standard)
	if err != nil {
		t.Fatal(err)
	}
	data, err := report.Encode(std, r)
	if err != nil {
		t.Fatalf("%s: %v", r.Native, err)
	}
	again, problems, err := report.Decode(std, data)
	if err != nil {
		t.Fatalf("%s: %v", r.Native, err)
	}
	for _, p := range problems {
		if p.Severity == report.SeverityError {
			t.Errorf("%s: %s", r.Native, p)
		}
	}
	if len(again.Statements) != len(r.Statements) || len(again.Observables) != len(r.Observables) {
		t.Errorf("%s: %d statements and %d observables become %d and %d", r.Native, len(r.Statements), len(r.Observables), len(again.Statements), len(again.Observables))
	}
}

func exampleMap(t testing.TB, elem ...string) *mapping.Map {
	t.Helper()
	file := filepath.Join(append([]string{"..", "..", "examples"}, elem...)...)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.ParseMap(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheFirstTableConvertsWhole(t *testing.T) {
	reports, account := readAll(t, Options{Format: "csv", Map: exampleMap(t, "first", "map.yaml")}, filepath.Join("..", "..", "examples", "first", "cases.csv"))
	if len(reports) != 5 || account.InvalidCount() != 0 {
		t.Fatalf("%d reports, invalid: %v", len(reports), account.Invalid())
	}
	first := reports[0]
	if first.Native != "AV-2026-014" || first.Standard != "health/1.0" {
		t.Errorf("the first is %s under %s", first.Native, first.Standard)
	}
	for path, want := range map[string]string{
		"victim.victim_id": "Alder Valley Medical Center", "timeline.incident": "2026-02-03T22:40:00Z",
		"attribute.confidentiality.data_total": "18250", "impact.overall_amount": "412000.5",
		"action.malware.variety": "Ransomware", "asset.assets.variety": "S - Unknown",
	} {
		if got := first.Value(path); got != want {
			t.Errorf("%s is %q, not %q", path, got, want)
		}
	}
	if o := first.Observables; len(o) != 2 || o[0].Type != "ip" || o[1].Type != "domain" || o[1].FirstSeen != "2026-02-03" {
		t.Errorf("the observables are %v", o)
	}
	if got := reports[3].Value("timeline.incident"); got != "2026-03" {
		t.Errorf("a date without its day is %q", got)
	}
	for _, u := range account.NotMapped() {
		if u.Path != "Ticket owner" && u.Path != "People affected" {
			t.Errorf("%s is not mapped: %s", u.Path, u.Reason)
		}
	}
}

func TestTheFirstCaseConvertsWhole(t *testing.T) {
	pick := func(report.Report) standard.Ref { return "finance/1.0" }
	reports, account := readAll(t, Options{Format: "veris", Standard: pick}, filepath.Join("..", "..", "examples", "first", "case.json"))
	if len(reports) != 1 || account.InvalidCount() != 0 {
		t.Fatalf("%d reports, invalid: %v", len(reports), account.Invalid())
	}
	for _, u := range account.NotMapped() {
		if u.Path != "schema_version" {
			t.Errorf("%s is not mapped: %s", u.Path, u.Reason)
		}
	}
}
