package minimise

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// received is when the reports of these tests are received.
var received = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// quarter shows a report of finance when it is received, and ninety days later.
var quarter = Setting{Sector: "finance", Now: received, Later: received.AddDate(0, 0, 90)}

func TestAPreviewShowsWhatLeavesAndNothingElse(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		rules := drawRules(t, std).Draw(r, "rules")
		rep := drawReport(std).Draw(r, "report")
		m := reduce(rep, rules, quarter.Now)
		left := m.Assemble(tokensOf(m))
		p := PreviewOf(rep, rules, quarter)
		if len(p.Fields) != len(rep.Statements)+len(rep.Observables) {
			r.Fatalf("%d entries for %d statements and %d observables", len(p.Fields), len(rep.Statements), len(rep.Observables))
		}
		shown, leaving := 0, 0
		for _, f := range p.Fields {
			shown += len(f.Leaves)
			if len(f.Leaves) == 0 && len(f.Notes) == 0 {
				r.Fatalf("%s is withheld without a reason", f.Path)
			}
			if len(f.Audiences) != len(p.Audiences) {
				r.Fatalf("%s is shown to %d audiences of %d", f.Path, len(f.Audiences), len(p.Audiences))
			}
			for _, l := range f.Leaves {
				if len(l.Clauses) == 0 {
					r.Fatalf("%s leaves as %s by no clause", f.Path, l.Form)
				}
				if l.Form.Kind == standard.Token && l.Value != TokenShown {
					r.Fatalf("a token is shown as %q", l.Value)
				}
			}
			for i, a := range f.Audiences {
				for _, s := range []Sight{a.Now, a.Later} {
					if (len(s.Seen) == 0) != (s.Withheld != "") {
						r.Fatalf("%v sees %v of %s, and it is withheld because %q", p.Audiences[i], s.Seen, f.Path, s.Withheld)
					}
					if len(s.Seen) > 0 && len(f.Leaves) == 0 {
						r.Fatalf("%v sees %v of %s, which does not leave", p.Audiences[i], s.Seen, f.Path)
					}
				}
			}
		}
		leaving = len(left.Said)
		for _, o := range left.Observables {
			if o.Value != "" {
				leaving++
			}
			if o.Token != "" {
				leaving++
			}
		}
		if shown != leaving {
			r.Fatalf("the preview shows %d values that leave, and %d do", shown, leaving)
		}
	})
}

func TestAPreviewSaysWhoSeesWhat(t *testing.T) {
	rules := rulesOf(t, "victim.industry", "exact") // to anybody, to study
	p := PreviewOf(report.Report{Standard: "finance/1.0", Statements: []report.Statement{{Path: "victim.industry", Value: "522110"}}}, rules, quarter)
	if len(p.Clauses) != 1 || p.Clauses[0].Clause != "one" || len(p.Notes) == 0 {
		t.Errorf("it says %+v", p)
	}
	for i, a := range p.Audiences {
		seen := p.Fields[0].Audiences[i].Now.Seen
		if a.Purpose == "study" {
			if len(seen) != 1 || seen[0].Value != "522110" || seen[0].TLP != "TLP:GREEN" {
				t.Errorf("%s sees %v", a, seen)
			}
		} else if len(seen) != 0 {
			t.Errorf("%s sees %v", a, seen)
		}
	}
}

func TestAPreviewSaysThatCountedNumbersLeave(t *testing.T) {
	std := finance(t)
	i := slices.IndexFunc(std.Fields(), func(f standard.Field) bool { return f.Class == standard.Amount && f.Type == standard.Decimal })
	if i < 0 {
		t.Skip("the standard has no amounts")
	}
	path := std.Fields()[i].Path
	rep := report.Report{Standard: "finance/1.0", Statements: []report.Statement{{Path: path, Value: "12345"}}}
	with := PreviewOf(rep, rulesOf(t, path, "counted"), quarter)
	without := PreviewOf(rep, rulesOf(t, path, "exact"), quarter)
	if len(with.Notes) != len(without.Notes)+1 {
		t.Errorf("with a counted number it notes %q, without %q", with.Notes, without.Notes)
	}
}

func TestAPreviewSaysThatCommonValuesAreNoIndicators(t *testing.T) {
	rules := rulesOf(t, "observable.ip", "exact")
	for value, common := range map[string]bool{"203.0.113.77": true, "10.0.0.1": true, "8.8.8.8": true, "93.184.216.34": false} {
		p := PreviewOf(report.Report{Standard: "finance/1.0", Observables: []report.Observable{{Type: "ip", Value: value}}}, rules, quarter)
		f := p.Fields[0]
		told := slices.ContainsFunc(f.Notes, func(n string) bool { return strings.Contains(n, "goes into no list of indicators") })
		if told != common || len(f.Leaves) == 0 {
			t.Errorf("%s leaves as %v, with the notes %q", value, f.Leaves, f.Notes)
		}
	}
}
