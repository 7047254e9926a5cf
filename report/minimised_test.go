package report

import (
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

var token = base64.RawURLEncoding.EncodeToString(make([]byte, TokenSize))

func form(t testing.TB, text string) standard.Form {
	t.Helper()
	f, err := standard.ParseForm(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func said(t testing.TB, path string, row int, formText, value string) Said {
	return Said{path, row, form(t, formText), value}
}

// left is a report as it leaves.
func left(std *standard.Standard, statements ...Said) Minimised {
	return Minimised{ID: wire.IDFrom[wire.ReportID]('r', [16]byte{1}), Sector: "finance", Standard: std.Ref(), Said: statements}
}

func TestAMinimisedReportIsTakenAsItShouldLeave(t *testing.T) {
	std := builtin(t, "core/1.0")
	m := left(std,
		said(t, "victim.victim_id", 0, "token", token),
		said(t, "victim.industry", 0, "generalised:subsector", "522"),
		said(t, "victim.industry", 0, "generalised:sector", "52"),
		said(t, "victim.country", 0, "exact", "US"),
		said(t, "victim.country", 1, "generalised:region", "Northern America"),
		said(t, "timeline.incident", 0, "generalised:month", "2014"), // coarser than asked
		said(t, "timeline.discovered", 0, "generalised:quarter", "2014-Q1"),
		said(t, "impact.loss.amount", 3, "generalised:decade", "1000..10000"),
		said(t, "impact.ransom.paid", 0, "counted", "1500.5"),
		said(t, "notes", 0, "exact", "granted to somebody"),
	)
	m.OnBehalf, m.Commitment, m.Revision = token, strings.Repeat("0a", 32), 2
	m.Observables = []Seen{{Type: "domain", Token: token}, {Type: "ip", Value: "192.0.2.1", Token: token, Role: "c2", FirstSeen: "2026-11-24", Common: "resolvers"}, {Type: "url", Value: "no canonical form"}}
	if ps := m.Validate(std); len(ps) > 0 {
		t.Errorf("problems: %v", ps)
	}
}

func TestAMinimisedReportIsHeldToItsForms(t *testing.T) {
	std := builtin(t, "core/1.0")
	const name = "Jane Q. Public"
	for _, c := range []struct {
		name string
		said Said
		code string
	}{
		{"unknown field", said(t, "victim.colour", 0, "exact", "red"), "report.unknown_field"},
		{"observable as statement", said(t, "observable.ip", 0, "exact", "192.0.2.1"), "report.unknown_field"},
		{"code in clear that is none", said(t, "victim.country", 0, "exact", name), "value.code"},
		{"number not canonical", said(t, "impact.downtime", 0, "exact", "1.0"), "value.not_canonical"},
		{"token of a code", said(t, "victim.country", 0, "token", token), "form.token"},
		{"token of a date", said(t, "timeline.incident", 0, "token", token), "form.token"},
		{"token that is a name", said(t, "victim.victim_id", 0, "token", name), "report.token"},
		{"token too short", said(t, "victim.victim_id", 0, "token", token[:42]), "report.token"},
		{"token with stray bits", said(t, "victim.victim_id", 0, "token", token[:42]+"B"), "report.token"},
		{"token with a line end", said(t, "victim.victim_id", 0, "token", token[:42]+"\n"), "report.token"},
		{"level that is none", said(t, "timeline.incident", 0, "generalised:week", "2014"), "form.level"},
		{"name as a month", said(t, "timeline.incident", 0, "generalised:month", name), "report.not_coarsened"},
		{"day as a month", said(t, "timeline.incident", 0, "generalised:month", "2014-02-03"), "report.not_coarsened"},
		{"short text as a year", said(t, "timeline.incident", 0, "generalised:year", "Jane"), "report.not_coarsened"},
		{"name as a region", said(t, "victim.country", 0, "generalised:region", name), "report.not_coarsened"},
		{"country as a region", said(t, "victim.country", 0, "generalised:region", "US"), "report.not_coarsened"},
		{"number as a band", said(t, "impact.loss.amount", 0, "generalised:decade", "1234"), "report.not_coarsened"},
		{"narrow band", said(t, "impact.loss.amount", 0, "generalised:decade", "1234..1235"), "report.not_coarsened"},
		{"exact industry as sector", said(t, "victim.industry", 0, "generalised:sector", "522110"), "report.not_coarsened"},
		{"withheld and said", said(t, "summary", 0, "withheld", name), "report.form"},
		{"sealed in clear", said(t, "summary", 0, "sealed", name), "report.form"},
		{"row of a single value", said(t, "summary", 1, "exact", "x"), "report.row"},
		{"huge row", said(t, "victim.country", 1<<30, "exact", "US"), "report.row"},
	} {
		ps := left(std, c.said).Validate(std)
		if len(ps) != 1 || ps[0].Code != c.code || ps[0].Severity != SeverityError {
			t.Errorf("%s: %+v, want %s", c.name, ps, c.code)
		}
		for _, p := range ps {
			if strings.Contains(p.Path+p.Message, name) {
				t.Errorf("%s: the problem holds the value", c.name)
			}
		}
	}
	twice := said(t, "summary", 0, "exact", "x")
	if ps := left(std, twice, twice).Validate(std); len(ps) != 1 || ps[0].Code != "report.twice" {
		t.Errorf("twice: %v", ps)
	}
}

func TestTheFrameOfAMinimisedReportIsHeldToItsLimits(t *testing.T) {
	std := builtin(t, "core/1.0")
	for name, c := range map[string]struct {
		spoil func(*Minimised)
		path  string
	}{
		"no id":               {func(m *Minimised) { m.ID = "" }, "id"},
		"id of another thing": {func(m *Minimised) { m.ID = "c" + m.ID[1:] }, "id"},
		"another standard":    {func(m *Minimised) { m.Standard = "health/1.0" }, "standard"},
		"negative revision":   {func(m *Minimised) { m.Revision = -1 }, "revision"},
		"too much said":       {func(m *Minimised) { m.Said = make([]Said, MaxSaid+1) }, "said"},
		"too much seen":       {func(m *Minimised) { m.Observables = make([]Seen, MaxObservables+1) }, "observables"},
		"on behalf of a name": {func(m *Minimised) { m.OnBehalf = "Example Bank" }, "on_behalf"},
		"commitment in words": {func(m *Minimised) { m.Commitment = "trust me" }, "commitment"},
		"unknown observable":  {func(m *Minimised) { m.Observables = []Seen{{Type: "smell", Token: token}} }, "observables[0].type"},
		"empty observable":    {func(m *Minimised) { m.Observables = []Seen{{Type: "ip"}} }, "observables[0]"},
		"broken token":        {func(m *Minimised) { m.Observables = []Seen{{Type: "ip", Token: "x"}} }, "observables[0].token"},
		"unknown role":        {func(m *Minimised) { m.Observables = []Seen{{Type: "ip", Token: token, Role: "king"}} }, "observables[0].role"},
		"long list name": {func(m *Minimised) {
			m.Observables = []Seen{{Type: "ip", Token: token, Common: strings.Repeat("x", 201)}}
		}, "observables[0].common"},
	} {
		m := left(std)
		c.spoil(&m)
		if ps := m.Validate(std); len(ps) != 1 || ps[0].Path != c.path {
			t.Errorf("%s: %v", name, ps)
		}
	}
	if ps := left(std).Validate(std); len(ps) > 0 {
		t.Errorf("a report that says nothing: %v", ps)
	}
}

func TestEveryFormThatAFieldMayTakePassesTheHub(t *testing.T) {
	std := builtin(t, "health/1.0")
	rapid.Check(t, func(t *rapid.T) {
		r := wellFormed(std).Draw(t, "report")
		var all []Said
		for _, s := range r.Statements {
			f, _ := std.Field(s.Path)
			for _, form := range std.FormsAllowed(f) {
				v := s.Value
				switch form.Kind {
				case standard.Withheld, standard.Sealed:
					continue
				case standard.Token:
					v = token
				case standard.Generalised:
					var err error
					if v, err = std.Generalise(f, form.Level, v); err != nil {
						t.Fatal(err)
					}
				}
				all = append(all, Said{s.Path, s.Row, form, v})
			}
		}
		if ps := left(std, all...).Validate(std); len(ps) > 0 {
			t.Fatalf("%v", ps)
		}
	})
}
