package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// numbered mints identifiers that count up.
func numbered() Minting {
	n := 0
	return Minting{
		ID: func(typ, _ string) (string, error) { n++; return stixID(typ, n), nil },
		At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC),
	}
}

// carried are the fields that a bundle says as exactly as a report.
var carried = []string{
	"security_incident", "confidence", "summary", "notes", "reference", "incident.campaign", "incident.title",
	"victim.victim_id", "victim.industry", "victim.country", "timeline.incident", "timeline.discovered", "timeline.contained", "timeline.recovered", "timeline.notification",
	"actor.external.variety", "actor.external.motive", "actor.external.country", "actor.external.name",
	"action.hacking.variety", "action.malware.variety", "action.malware.name", "action.social.variety", "action.misuse.variety", "action.physical.variety", "action.error.variety",
	"action.environmental.variety", "attack.techniques", "classification.rsit", "attribute.confidentiality.data_total", "attribute.confidentiality.data.variety",
	"discovery_method.external.variety", "discovery_method.internal.variety", "discovery_method.partner.variety",
	"impact.iso_currency_code", "impact.overall_min_amount", "marking.tlp",
}

// observablesOf draws observables that STIX has a type for.
func observablesOf(t *rapid.T) []report.Observable {
	all := []report.Observable{
		{Type: observable.IP, Value: "198.51.100.7"}, {Type: observable.IP, Value: "2001:db8::7"}, {Type: observable.CIDR, Value: "198.51.100.0/24"},
		{Type: observable.ASN, Value: "64496"}, {Type: observable.Domain, Value: "c2.example"}, {Type: observable.URL, Value: "https://c2.example/it's?a=%27b"},
		{Type: observable.FileHash, Value: "79054025255fb1a26e4bc422aef54eb4", Role: "payload"}, {Type: observable.FileName, Value: "a b.exe", Role: "payload"},
		{Type: observable.Mutex, Value: `Global\it's`}, {Type: observable.RegistryKey, Value: `HKEY_LOCAL_MACHINE\software\x`}, {Type: observable.CVE, Value: "CVE-2021-44228"},
		{Type: observable.Email, Value: "phisher@example.org"}, {Type: observable.Account, Value: "name"},
	}
	var out []report.Observable
	for _, o := range all {
		if !rapid.Bool().Draw(t, o.Type) {
			continue
		}
		if o.Role == "" && o.Type != observable.CVE {
			o.Role = rapid.SampledFrom([]string{"", "c2", "phishing", "exfiltration", "target"}).Draw(t, "role")
		}
		if o.Type != observable.CVE && rapid.Bool().Draw(t, "dated") {
			o.FirstSeen, o.LastSeen, o.Count = "2024-01-01T00:00:00Z", "2024-01-02T03:04:05Z", 7
		}
		out = append(out, o)
	}
	return out
}

// stixReportOf draws a report of what a bundle says exactly.
func stixReportOf(t *rapid.T, m *VERIS, terms map[string]map[string]string) report.Report {
	var all []report.Statement
	for _, path := range carried {
		f, _ := m.std.Field(path)
		// Without its own date, an incident is dated by what was observed; and
		// STIX demands a determination.
		if path != "timeline.incident" && path != "security_incident" && rapid.IntRange(0, 9).Draw(t, "leave out") > 3 {
			continue
		}
		n := 1
		if f.Many || f.Group != "" {
			n = rapid.IntRange(1, 3).Draw(t, "rows")
		}
		var values []string
		for range n {
			v := valueOf(t, m, f)
			if slices.Contains(values, v) || path == "victim.industry" && strings.Trim(v, "0") == "" || v == "Unknown" && strings.HasSuffix(path, "country") ||
				path == "impact.iso_currency_code" {
				continue
			}
			if code := terms[path][stixTerm(v)]; code != "" && code != v {
				continue // two codes that differ in case share a term
			}
			values = append(values, v)
		}
		for row, v := range values {
			all = append(all, report.Statement{Path: path, Row: row, Value: v})
		}
	}
	return report.New(m.std, "", all, observablesOf(t))
}

func TestWhatABundleCanSayComesBackAsItWas(t *testing.T) {
	std := builtin(t, "core/1.0")
	draw, m := NewVERIS(std), NewSTIX(std)
	rapid.Check(t, func(t *rapid.T) {
		r := stixReportOf(t, draw, m.terms)
		var a Account
		bundle, err := m.ToSTIX(r, numbered(), &a)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range append(bundle.Objects(), bundle) {
			if found := stix.Validate(o); stix.Failed(found) {
				t.Fatalf("%s breaks the specification: %v", o.Type(), found)
			}
		}
		groups := GroupSTIX(bundle.Objects(), &a)
		if len(groups) != 1 {
			t.Fatalf("%d groups", len(groups))
		}
		again, places := m.FromSTIX(groups[0], &a)
		if len(places) > 0 {
			t.Fatalf("refused: %v", places)
		}
		if got, want := said(again), said(r); !slices.Equal(got, want) {
			t.Fatalf("it was\n%s\nand came back as\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		if got, want := canonicalSeen(again), canonicalSeen(r); !slices.Equal(got, want) {
			t.Fatalf("it had seen\n%s\nand came back with\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	})
}

// canonicalSeen writes observables in their one spelling, in an order.
func canonicalSeen(r report.Report) []string {
	var out []string
	for _, o := range r.Observables {
		value, _ := observable.Canonical(o.Type, o.Value)
		out = append(out, fmt.Sprintf("%s %s %s %s %s %d", o.Type, value, o.Role, o.FirstSeen, o.LastSeen, o.Count))
	}
	slices.Sort(out)
	return out
}

func TestABundleCarriesNoIdentifierOfItsSourceAndNoneMadeOfAValue(t *testing.T) {
	m := NewSTIX(builtin(t, "core/1.0"))
	r := report.Report{Native: stixID("incident", 4711), Standard: "core/1.0", Observables: []report.Observable{{Type: observable.Domain, Value: "c2.example"}, {Type: observable.FileHash, Value: "79054025255fb1a26e4bc422aef54eb4"}}}
	var a Account
	bundle, err := m.ToSTIX(r, numbered(), &a)
	if err != nil {
		t.Fatal(err)
	}
	text, err := stix.Print(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "4711") {
		t.Errorf("the native identifier stands in %s", text)
	}
	for _, o := range bundle.Objects() {
		if _, version, _ := strings.Cut(o.ID(), "-4"); version == "" {
			t.Errorf("%s is no random identifier", o.ID())
		}
	}
}

func TestEveryValueOfABundleIsInTheAccount(t *testing.T) {
	for _, file := range [][]string{
		{"stix21", "incident-extension", "examples", "incident_indicators.json"}, {"stix21", "incident-extension", "examples", "incident_Sample_activity.json"},
		{"stix21", "examples", "threat-reports", "apt1.json"}, {"stix21", "examples", "threat-reports", "poisonivy.json"}, {"stix21", "examples", "infrastructure.json"},
	} {
		in := stix.NewReader(shareddata.Open(t, file...))
		bundle, _, err := in.Next()
		if err != nil {
			t.Fatal(err)
		}
		var a Account
		m, values, seen := NewSTIX(builtin(t, "core/1.0")), 0, 0
		for _, o := range bundle.Objects() {
			leaves(o, func(string) { values++ })
		}
		for _, g := range GroupSTIX(bundle.Objects(), &a) {
			r, places := m.FromSTIX(g, &a)
			seen += len(r.Observables)
			if len(places) > 0 {
				t.Errorf("%s: %v", file[len(file)-1], places)
			}
		}
		counted := 0
		for _, n := range a.Mapped() {
			counted += n
		}
		mapped := counted
		for _, n := range a.NotMapped() {
			counted += n.Count
		}
		t.Logf("%s: %d values, %d mapped, %d observables", file[len(file)-1], values, mapped, seen)
		if counted != values {
			t.Errorf("%s: %d of %d values are in the account", file[len(file)-1], counted, values)
		}
	}
}
