package minimise

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// sheetOf compiles clauses, written in YAML, against finance.
func sheetOf(t testing.TB, clauses string) *terms.Rules {
	t.Helper()
	s, err := terms.Parse("test.yaml", []byte("name: test\nversion: 1\n"+clauses))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := terms.Compile(s, finance(t))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// theIndustry is a report of one value.
var theIndustry = report.Report{Standard: "finance/1.0", Statements: []report.Statement{{Path: "victim.industry", Value: "522110"}}}

// told is what an audience sees, and when that changes, in words.
func told(f FieldPreview, i int) string {
	list := func(all []Seen) string {
		var words []string
		for _, s := range all {
			w := s.Value + " " + s.TLP + " by " + strings.Join(s.Clauses, "+")
			if s.Groups > 0 {
				w += fmt.Sprintf(" from %d groups", s.Groups)
			}
			if !s.DeleteBy.IsZero() {
				w += " until " + s.DeleteBy.Format(time.DateTime)
			}
			for _, o := range s.Only {
				w += ", " + o
			}
			words = append(words, w)
		}
		return strings.Join(words, " and ")
	}
	sight := func(s Sight) string {
		if s.Withheld != "" {
			return "(" + s.Withheld + ")"
		}
		return list(s.Seen)
	}
	a := f.Audiences[i]
	words := []string{sight(a.Now)}
	for _, c := range a.Changes {
		words = append(words, fmt.Sprintf("%s +[%s] -[%s]", c.At.Format(time.DateTime), list(c.Begins), list(c.Ends)))
	}
	return strings.Join(append(words, sight(a.Later)), " | ")
}

func TestAPreviewTellsWhatBeginsAndEndsAndWhen(t *testing.T) {
	const head = "fields: [victim.industry], to: [{stake: any}], for: [study], tlp: \"TLP:GREEN\", "
	then := "(" + notThen + ")"
	for _, c := range []struct{ name, clauses, seen, notes string }{
		{"always", "clauses: [{id: a, " + head + "form: exact}]", "522110 TLP:GREEN by a | 522110 TLP:GREEN by a", ""},
		{"a delay", "clauses: [{id: a, " + head + "form: exact, after: 30d}]",
			then + " | 2026-12-25 09:00:00 +[522110 TLP:GREEN by a] -[] | 522110 TLP:GREEN by a",
			"it leaves as it is now, and the hub holds it back until 2026-12-25 (clause a)"},
		{"a delay beyond what is shown", "clauses: [{id: a, " + head + "form: exact, after: 91d}]", then + " | " + then,
			"it leaves as it is now, and the hub holds it back until 2027-02-24 (clause a)"},
		{"a delay that ends with the second moment", "clauses: [{id: a, " + head + "form: exact, after: 90d}]",
			then + " | 2027-02-23 09:00:00 +[522110 TLP:GREEN by a] -[] | 522110 TLP:GREEN by a",
			"it leaves as it is now, and the hub holds it back until 2027-02-23 (clause a)"},
		{"kept for a time", "clauses: [{id: a, " + head + "form: exact, keep: 30d}]",
			"522110 TLP:GREEN by a until 2026-12-25 09:00:00 | 2026-12-25 09:00:00 +[] -[522110 TLP:GREEN by a until 2026-12-25 09:00:00] | " + then, ""},
		{"from a day until another", "clauses: [{id: a, " + head + "form: exact, from: 2026-12-01, until: 2027-01-01}]",
			then + " | 2026-12-01 00:00:00 +[522110 TLP:GREEN by a] -[] | 2027-01-01 00:00:00 +[] -[522110 TLP:GREEN by a] | " + then,
			"it leaves as it is now, and the hub holds it back until 2026-12-01 (clause a)"},
		{"ended", "clauses: [{id: a, " + head + "form: exact, until: 2026-11-25}]", "(it does not leave) | (it does not leave)",
			"clause a ended on 2026-11-25, and lets nothing leave any more"},
		{"ended, and a weaker one holds", "clauses: [{id: a, " + head + "form: exact, until: 2026-11-25}, {id: b, " + head + "form: \"generalised:sector\"}]",
			"52 TLP:GREEN by b | 52 TLP:GREEN by b", "clause a ended on 2026-11-25, and lets nothing leave any more"},
		{"a weaker one at once", "clauses: [{id: a, " + head + "form: exact, after: 30d}, {id: b, " + head + "form: \"generalised:sector\"}]",
			"52 TLP:GREEN by b | 2026-12-25 09:00:00 +[522110 TLP:GREEN by a] -[52 TLP:GREEN by b] | 522110 TLP:GREEN by a",
			"it leaves as it is now, and the hub holds it back until 2026-12-25 (clause a)"},
		{"another one at once, under more duties", "clauses: [{id: a, " + head + "form: exact, after: 30d}, {id: b, fields: [victim.industry], to: [{stake: any}], for: [study], form: exact}]",
			"522110 TLP:RED by b | 2026-12-25 09:00:00 +[522110 TLP:GREEN by a] -[522110 TLP:RED by b] | 522110 TLP:GREEN by a",
			"until 2026-12-25 the hub holds it back from those to whom only clause a grants it"},
		{"it ends before it begins", "clauses: [{id: a, " + head + "form: exact, after: 30d, until: 2026-12-01}]",
			then + " | " + then, "it leaves as it is now, and the hub passes it on to nobody: what would grant it ends before it begins (clause a)"},
		{"enough owner groups", "clauses: [{id: a, " + head + "form: exact, groups: 5}, {id: b, " + head + "form: \"generalised:sector\"}]",
			"52 TLP:GREEN by b and 522110 TLP:GREEN by a from 5 groups | 52 TLP:GREEN by b and 522110 TLP:GREEN by a from 5 groups", ""},
		{"who contributes", "clauses: [{id: a, " + head + "form: exact, when: {contributed_within: 30d}}]",
			"522110 TLP:GREEN by a, only by members of whom a report was accepted lately | 522110 TLP:GREEN by a, only by members of whom a report was accepted lately", ""},
		{"counted", "clauses: [{id: a, " + head + "form: counted}]", "(" + onlyInSums + ") | (" + onlyInSums + ")", ""},
		{"destroyed", "retention: 60d\nclauses: [{id: a, " + head + "form: exact}]",
			"522110 TLP:GREEN by a | 2027-01-24 09:00:00 +[] -[522110 TLP:GREEN by a] | (the hub has destroyed the report by then: your terms keep it no longer)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := PreviewOf(theIndustry, sheetOf(t, c.clauses), quarter)
			i := slices.IndexFunc(p.Audiences, func(a Audience) bool { return a.Purpose == member.Study })
			if got := told(p.Fields[0], i); got != c.seen {
				t.Errorf("research sees\n%s\nexpected\n%s", got, c.seen)
			}
			if notes := strings.Join(p.Fields[0].Notes, "; "); notes != c.notes {
				t.Errorf("it notes %q, expected %q", notes, c.notes)
			}
		})
	}
}

func TestAPreviewTellsThatNothingFlowsAfterTheAgreementUnlessItOutlives(t *testing.T) {
	set := quarter
	set.Ends = received.AddDate(0, 0, 40)
	p := PreviewOf(theIndustry, rulesOf(t, "victim.industry", "exact"), set)
	i := slices.IndexFunc(p.Audiences, func(a Audience) bool { return a.Purpose == member.Study })
	a := p.Fields[0].Audiences[i]
	if len(a.Now.Seen) != 1 || len(a.Later.Seen) != 0 || len(a.Changes) != 1 || !a.Changes[0].At.Equal(set.Ends) || !strings.Contains(a.Changes[0].Because, "agreement has ended") {
		t.Errorf("it is seen as %+v", a)
	}
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "agreement ends on 2027-01-04") }) {
		t.Errorf("it notes %q", p.Notes)
	}
}

// A token that leaves beside what is held back is not held back itself, if
// somebody may have the token.
func TestWhatIsHeldBackIsTheFormAndNotWhatIsWeaker(t *testing.T) {
	rules := sheetOf(t, `clauses:
  - {id: value, fields: [observable.domain], to: [{stake: any}], for: [study], form: exact, after: 30d}
  - {id: link, fields: [observable.domain], to: [{stake: any}], for: [study], form: token}`)
	p := PreviewOf(report.Report{Standard: "finance/1.0", Observables: []report.Observable{{Type: "domain", Value: "login.nw-bank.net"}}}, rules, quarter)
	f := p.Fields[0]
	held := map[standard.FormKind]bool{}
	for _, l := range f.Leaves {
		held[l.Form.Kind] = !l.HeldBack.IsZero()
	}
	if len(f.Leaves) != 2 || !held[standard.Exact] || held[standard.Token] || len(f.Notes) != 1 {
		t.Errorf("it leaves as %+v, with the notes %q", f.Leaves, f.Notes)
	}
	i := slices.IndexFunc(p.Audiences, func(a Audience) bool { return a.Purpose == member.Study })
	if a := f.Audiences[i]; len(a.Now.Seen) != 1 || a.Now.Seen[0].Form.Kind != standard.Token || len(a.Later.Seen) != 1 || a.Later.Seen[0].Value != "login.nw-bank.net" {
		t.Errorf("it is seen as %+v", a)
	}
}

func TestAPreviewNamesTheClausesThatGrantToNoneOfItsAudiences(t *testing.T) {
	rules := sheetOf(t, `clauses:
  - {id: all, fields: [victim.industry], to: [{stake: any}], for: [study], form: "generalised:sector"}
  - {id: insurers, fields: [victim.industry], to: [{stake: industry, kinds: [insurer]}], for: [benchmark], form: exact}
  - {id: french, fields: [victim.industry], to: [{stake: law-enforcement, jurisdictions: [FR]}], for: [investigate], form: exact}
  - {id: elsewhere, fields: [victim.country], to: [{stake: industry, kinds: [insurer]}], for: [benchmark], form: exact}`)
	named := func(set Setting) (all []string) {
		for _, c := range PreviewOf(theIndustry, rules, set).Besides {
			all = append(all, c.Clause)
		}
		return all
	}
	if got := named(quarter); !slices.Equal(got, []string{"insurers", "french"}) {
		t.Errorf("it names %v", got)
	}
	french := quarter
	french.Jurisdiction = "FR"
	if got := named(french); !slices.Equal(got, []string{"insurers"}) {
		t.Errorf("for a member in France it names %v", got)
	}
	p := PreviewOf(theIndustry, rules, french)
	i := slices.IndexFunc(p.Audiences, func(a Audience) bool { return a.Purpose == member.Investigate })
	if got := p.Fields[0].Audiences[i].Now.Seen; len(got) != 1 || len(got[0].Only) != 1 || !strings.HasSuffix(got[0].Only[0], "FR") {
		t.Errorf("the police see %+v", got)
	}
}

func TestWhoTakesNoPartInTheSectorSeesNothingWhateverIsGranted(t *testing.T) {
	p := PreviewOf(theIndustry, sheetOf(t, `clauses: [{id: a, fields: [victim.industry], to: [{stake: any}], for: [defend], form: exact}]`), quarter)
	i := slices.IndexFunc(p.Audiences, func(a Audience) bool { return !a.SameSector })
	if got := told(p.Fields[0], i); got != "("+OtherSector+") | ("+OtherSector+")" {
		t.Errorf("it sees %s", got)
	}
}

// drawTimed draws a sheet with clauses that begin and end.
func drawTimed(t testing.TB, std *standard.Standard) *rapid.Generator[*terms.Rules] {
	return rapid.Custom(func(r *rapid.T) *terms.Rules {
		s := *drawRules(t, std).Draw(r, "rules").Sheet()
		s.Clauses = slices.Clone(s.Clauses)
		day := func(what string) terms.Date {
			return terms.DateOf(received.AddDate(0, 0, rapid.IntRange(-40, 120).Draw(r, what)))
		}
		for i := range s.Clauses {
			c := &s.Clauses[i]
			c.For = rapid.SampledFrom([][]member.Purpose{{member.Study}, {member.Study, member.Defend}, {member.Investigate}}).Draw(r, "for")
			c.TLP = rapid.SampledFrom(terms.Markings()).Draw(r, "tlp")
			if rapid.Bool().Draw(r, "delayed") {
				c.After = terms.Days(rapid.IntRange(1, 120).Draw(r, "after"))
			}
			if rapid.Bool().Draw(r, "kept") {
				c.Keep = c.After + terms.Days(rapid.IntRange(1, 100).Draw(r, "keep"))
			}
			if rapid.Bool().Draw(r, "from") {
				c.From = day("from")
			}
			if rapid.Bool().Draw(r, "until") {
				c.Until = day("until")
			}
			if c.From != "" && c.Until != "" && c.Until <= c.From {
				c.From = ""
			}
			if rapid.IntRange(0, 3).Draw(r, "grouped") == 0 {
				c.Groups = rapid.IntRange(2, 4).Draw(r, "groups")
			}
		}
		if rapid.IntRange(0, 3).Draw(r, "retention") == 0 {
			s.Retention = terms.Days(rapid.IntRange(1, 150).Draw(r, "kept by the hub"))
		}
		rules, err := terms.Compile(&s, std)
		if err != nil {
			r.Fatal(err)
		}
		return rules
	})
}

// The preview of a moment is what the rules make of what left, asked for that
// moment alone: at its two moments, and at each between, by the changes told.
func TestAPreviewIsWhatTheRulesMakeOfWhatLeftAtEachMoment(t *testing.T) {
	std := finance(t)
	rapid.Check(t, func(r *rapid.T) {
		rules := drawTimed(t, std).Draw(r, "rules")
		rep := drawReport(std).Draw(r, "report")
		rep.Observables = nil
		at := received.Add(time.Duration(rapid.IntRange(0, 90*24).Draw(r, "hours later")) * time.Hour)
		groups := rapid.IntRange(1, 5).Draw(r, "groups")
		p := PreviewOf(rep, rules, quarter)
		for i, f := range p.Fields {
			one := report.Report{Standard: rep.Standard, Statements: rep.Statements[i : i+1]}
			m := reduce(one, rules, received)
			left := m.Assemble(shown(m))
			for k, a := range p.Audiences {
				viewer := member.Viewer{Member: member.Member{Stake: a.Stake, Kind: a.Kind, Sectors: []string{"finance"}}, Purpose: a.Purpose}
				want := rules.For(viewer, "finance").At(terms.Moment{Received: received, Now: at, Groups: groups}).Reduce(left.Said)
				if keep := rules.Sheet().Retention; !a.SameSector || keep != 0 && !at.Before(received.Add(time.Duration(keep))) {
					want = nil
				}
				seen := f.Audiences[k].at(at)
				for _, w := range want {
					if !slices.ContainsFunc(seen, func(s Seen) bool { return s.Reduced == w && s.Groups <= groups }) {
						r.Fatalf("%s: %v is shown %+v at %s beside %d groups, and the preview tells of %+v", f.Path, a, w, at, groups, seen)
					}
				}
				// What is told is true for the number of groups that it names.
				for _, s := range seen {
					g := rules.For(viewer, "finance").At(terms.Moment{Received: received, Now: at, Groups: max(1, s.Groups)})
					if !slices.Contains(g.Reduce(left.Said), s.Reduced) || len(s.Clauses) == 0 {
						r.Fatalf("%s: the preview tells %v of %+v at %s, which the rules do not grant", f.Path, a, s, at)
					}
				}
			}
		}
	})
}

// at is what is seen at a moment, by what is seen at first and the changes.
func (a AudienceView) at(at time.Time) []Seen {
	seen := slices.Clone(a.Now.Seen)
	for _, c := range a.Changes {
		if c.At.After(at) {
			break
		}
		seen = slices.DeleteFunc(seen, func(s Seen) bool { return slices.ContainsFunc(c.Ends, s.Same) })
		seen = append(seen, c.Begins...)
	}
	return seen
}

// shown are tokens as previews show them.
func shown(m Minimal) map[Input]string {
	tokens := map[Input]string{}
	for _, in := range m.Inputs() {
		tokens[in] = TokenShown
	}
	return tokens
}
