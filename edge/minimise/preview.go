package minimise

import (
	"slices"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Preview shows the owner of a report what would leave, in which forms and by
// whose clause, and what each audience would see of it. It holds the report's
// values and is for its owner's eyes only. What an audience sees is computed
// by the same rules that the hub applies on the way out.
type Preview struct {
	Sheet     string       `json:"sheet"`
	Version   int          `json:"sheet_version"`
	Hash      string       `json:"sheet_hash"`
	Standard  standard.Ref `json:"standard"`
	Sector    string       `json:"sector"`
	Audiences []Audience   `json:"audiences"`
	// Fields has one entry for each statement and each observable.
	Fields []FieldPreview `json:"fields"`
	// Clauses says in words each clause that lets something of this report
	// leave.
	Clauses []ClauseWords `json:"clauses"`
	// Notes are what the owner should know besides.
	Notes []string `json:"notes"`
}

// FieldPreview is what would become of one statement or observable.
type FieldPreview struct {
	Path  string         `json:"path"`
	Title string         `json:"title"`
	Class standard.Class `json:"class"`
	Row   int            `json:"row,omitzero"`
	// Value as the owner has it.
	Value string `json:"value"`
	// Leaves lists the forms in which it leaves; none: it is withheld.
	Leaves []Leaving `json:"leaves"`
	Notes  []string  `json:"notes,omitzero"`
	// Audiences has one entry for each of the preview's audiences.
	Audiences []AudienceView `json:"audiences"`
}

// Leaving is one form in which a value leaves, and why.
type Leaving struct {
	Form standard.Form `json:"form"`
	// Value as it leaves; [TokenShown] for a token, which only a steward's key
	// can make.
	Value   string   `json:"value"`
	Clauses []string `json:"clauses,omitzero"`
}

// AudienceView is what one audience would see of one value.
type AudienceView struct {
	Seen []terms.Reduced `json:"seen,omitzero"`
	// Withheld says why nothing is seen.
	Withheld string `json:"withheld,omitzero"`
}

// ClauseWords is a clause in plain English.
type ClauseWords struct {
	Clause   string `json:"clause"`
	Sentence string `json:"sentence"`
}

// TokenShown stands in previews where a token would.
const TokenShown = "(token)"

// Audience is somebody for whom a preview is computed: a member of a stake and
// kind, in the report's own sector or not, with a purpose.
type Audience struct {
	Stake      member.Stake   `json:"stake"`
	Kind       member.Kind    `json:"kind"`
	Purpose    member.Purpose `json:"purpose"`
	SameSector bool           `json:"same_sector"`
}

// Audiences lists those that a preview shows unless told otherwise.
func Audiences() []Audience {
	return []Audience{
		{member.Industry, "firm", member.Defend, true},
		{member.Industry, "firm", member.Benchmark, true},
		{member.Industry, "firm", member.Defend, false},
		{member.LawEnforcement, "police", member.Investigate, true},
		{member.LawEnforcement, "police", member.Defend, true},
		{member.Research, "university", member.Study, true},
		{member.Research, "university", member.Benchmark, true},
	}
}

// String names the audience: "industry to defend (own sector)".
func (a Audience) String() string {
	s := string(a.Stake) + " to " + string(a.Purpose)
	if !a.SameSector {
		s += " (other sector)"
	}
	return s
}

func (a Audience) table(rules *terms.Rules, sector string) terms.Table {
	m := member.Member{Stake: a.Stake, Kind: a.Kind}
	if a.SameSector {
		m.Sectors = []string{sector}
	}
	return rules.For(m, sector, a.Purpose)
}

// PreviewOf computes the preview of a report for a sector. It needs no hub and
// no steward. Without audiences it shows [Audiences].
func PreviewOf(rep report.Report, rules *terms.Rules, sector string, audiences ...Audience) Preview {
	if len(audiences) == 0 {
		audiences = Audiences()
	}
	sheet := rules.Sheet()
	p := Preview{Sheet: sheet.Name, Version: sheet.Version, Hash: rules.Hash(), Standard: rep.Standard, Sector: sector, Audiences: audiences}
	tables := make([]terms.Table, len(audiences))
	for i, a := range audiences {
		tables[i] = a.table(rules, sector)
	}
	for _, s := range rep.Statements {
		p.Fields = append(p.Fields, previewStatement(s, rules, tables))
	}
	for _, o := range rep.Observables {
		p.Fields = append(p.Fields, previewObservable(o, rules, tables))
	}
	p.Clauses = p.clausesUsed(sheet, rules.Standard())
	p.Notes = p.notes()
	return p
}

func previewStatement(s report.Statement, rules *terms.Rules, tables []terms.Table) FieldPreview {
	var m Minimal
	m.statement(s, rules)
	f := fieldPreview(s.Path, s.Value, rules, m.account[0])
	f.Row = s.Row
	held := slices.Clone(m.report.Said)
	for i := range held {
		if held[i].Form.Kind == standard.Token {
			held[i].Value = TokenShown
		}
		f.leave(held[i].Form, held[i].Value, rules)
	}
	for _, t := range tables {
		f.Audiences = append(f.Audiences, view(t.Reduce(held), len(held) > 0))
	}
	return f
}

func previewObservable(o report.Observable, rules *terms.Rules, tables []terms.Table) FieldPreview {
	var m Minimal
	m.observable(o, rules)
	path := report.ObservablePath(o.Type)
	f := fieldPreview(path, o.Value, rules, m.account[0])
	for _, form := range m.account[0].Left {
		value := TokenShown
		if form.Kind == standard.Exact {
			value = o.Value
		}
		f.leave(form, value, rules)
	}
	for _, t := range tables {
		var seen []terms.Reduced
		for _, l := range f.Leaves {
			if g, ok := t.Allows(path, l.Form); ok {
				seen = append(seen, terms.Reduced{Form: l.Form, Value: l.Value, TLP: g.TLP})
			}
		}
		f.Audiences = append(f.Audiences, view(seen, len(f.Leaves) > 0))
	}
	return f
}

func fieldPreview(path, value string, rules *terms.Rules, out Outcome) FieldPreview {
	field, _ := rules.Standard().Field(path)
	return FieldPreview{Path: path, Title: field.Title, Class: field.Class, Value: value, Notes: out.Notes, Leaves: []Leaving{}}
}

// leave adds a form with the clauses that cause it. A token that leaves beside
// exact leaves by the clauses that grant exact.
func (f *FieldPreview) leave(form standard.Form, value string, rules *terms.Rules) {
	l := Leaving{Form: form, Value: value}
	for _, d := range rules.Leaving(f.Path) {
		if d.Form == form || form.Kind == standard.Token && d.Form.Kind == standard.Exact {
			l.Clauses = append(l.Clauses, d.Clauses...)
		}
	}
	f.Leaves = append(f.Leaves, l)
}

func view(seen []terms.Reduced, leaves bool) AudienceView {
	switch {
	case len(seen) > 0:
		return AudienceView{Seen: seen}
	case leaves:
		return AudienceView{Withheld: "no clause grants it to them for this purpose"}
	}
	return AudienceView{Withheld: "it does not leave"}
}

func (p Preview) clausesUsed(sheet *terms.Sheet, std *standard.Standard) []ClauseWords {
	used := map[string]bool{}
	for _, f := range p.Fields {
		for _, l := range f.Leaves {
			for _, c := range l.Clauses {
				used[c] = true
			}
		}
	}
	words := []ClauseWords{}
	for _, c := range sheet.Clauses {
		if used[c.ID] {
			words = append(words, ClauseWords{c.ID, terms.Sentence(c, std)})
		}
	}
	return words
}

func (p Preview) notes() []string {
	notes := []string{
		"Tokens are made under single custody: hub and steward together could test guesses of a value against its token.",
		"The native file stays here; only a salted commitment to it leaves.",
	}
	counted := func(l Leaving) bool { return l.Form.Kind == standard.Counted }
	if slices.ContainsFunc(p.Fields, func(f FieldPreview) bool { return slices.ContainsFunc(f.Leaves, counted) }) {
		notes = append(notes, "Fields granted as counted leave as the numbers they are, marked to be used in protected sums only, until sums can be made in secret.")
	}
	return notes
}
