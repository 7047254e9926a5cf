package minimise

import (
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Preview shows the owner of a report what would leave, in which forms and by
// whose clause, and what each audience would see of it: when it is received,
// and at a later moment. It holds the report's values and is for its owner's
// eyes only. What an audience sees is computed by the same rules that the hub
// applies on the way out.
type Preview struct {
	Sheet    string       `json:"sheet"`
	Version  int          `json:"sheet_version"`
	Hash     string       `json:"sheet_hash"`
	Standard standard.Ref `json:"standard"`
	Sector   string       `json:"sector"`
	// Now is when the report leaves and is received, Later the other moment
	// that is shown.
	Now       time.Time  `json:"now"`
	Later     time.Time  `json:"later"`
	Audiences []Audience `json:"audiences"`
	// Fields has one entry for each statement and each observable.
	Fields []FieldPreview `json:"fields"`
	// Clauses says in words each clause that lets something of this report
	// leave, or be seen.
	Clauses []ClauseWords `json:"clauses"`
	// Besides are clauses that grant something of this report to recipients,
	// or for purposes, that are among no audience of the preview.
	Besides []ClauseWords `json:"besides,omitzero"`
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
	// HeldBack is until when the hub passes it on to nobody in this form; zero:
	// it does at once.
	HeldBack time.Time `json:"held_back_until,omitzero"`
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

// Setting is what a preview is computed for.
type Setting struct {
	// Sector in which the report is contributed.
	Sector string
	// Now is when it leaves. It is shown as if the hub received it at once.
	// Later is the other moment that is shown.
	Now, Later time.Time
	// Jurisdiction is the country of the report's owner: clauses for recipients
	// under its law are shown as such. "": it is not known.
	Jurisdiction string
	// Ends is when an agreement ends after which nothing is passed on; zero:
	// none does.
	Ends time.Time
	// Audiences are shown; none: [Audiences].
	Audiences []Audience
}

// PreviewOf computes the preview of a report. It needs no hub and no steward.
func PreviewOf(rep report.Report, rules *terms.Rules, set Setting) Preview {
	if len(set.Audiences) == 0 {
		set.Audiences = Audiences()
	}
	sheet := rules.Sheet()
	p := Preview{Sheet: sheet.Name, Version: sheet.Version, Hash: rules.Hash(), Standard: rep.Standard, Sector: set.Sector,
		Now: set.Now, Later: set.Later, Audiences: set.Audiences, Fields: []FieldPreview{}}
	v := newPreviewer(rules, set)
	for _, s := range rep.Statements {
		p.Fields = append(p.Fields, v.statement(s))
	}
	for _, o := range rep.Observables {
		p.Fields = append(p.Fields, v.observable(o))
	}
	p.Clauses = p.clausesUsed(sheet, rules.Standard())
	p.Besides = v.besides(p.Fields)
	p.Notes = append(p.notes(), v.notes()...)
	return p
}

func (v *previewer) statement(s report.Statement) FieldPreview {
	var m Minimal
	m.statement(s, v.rules, v.set.Now)
	f := v.field(s.Path, s.Value, m.account[0])
	f.Row = s.Row
	held := slices.Clone(m.report.Said)
	for i := range held {
		if held[i].Form.Kind == standard.Token {
			held[i].Value = TokenShown
		}
		v.leave(&f, held[i].Form, held[i].Value)
	}
	for _, a := range v.audiences {
		f.Audiences = append(f.Audiences, v.view(a, f, func(g terms.Granted) []terms.Reduced { return g.Reduce(held) }))
	}
	return f
}

func (v *previewer) observable(o report.Observable) FieldPreview {
	var m Minimal
	m.observable(o, v.rules, v.set.Now)
	path := report.ObservablePath(o.Type)
	f := v.field(path, o.Value, m.account[0])
	for _, form := range m.account[0].Left {
		value := TokenShown
		if form.Kind == standard.Exact {
			value = o.Value
		}
		v.leave(&f, form, value)
	}
	for _, a := range v.audiences {
		f.Audiences = append(f.Audiences, v.view(a, f, f.told))
	}
	return f
}

// told is what is shown of an observable: its value, or else its token.
func (f FieldPreview) told(g terms.Granted) []terms.Reduced {
	for _, kind := range []standard.FormKind{standard.Exact, standard.Token} {
		for _, l := range f.Leaves {
			if l.Form.Kind != kind {
				continue
			}
			if grant, ok := g.Receives(f.Path, kind); ok {
				return []terms.Reduced{{Form: l.Form, Value: l.Value, TLP: grant.TLP, PAP: grant.PAP, Keep: grant.Keep, Attribution: grant.Attribution}}
			}
		}
	}
	return nil
}

func (v *previewer) field(path, value string, out Outcome) FieldPreview {
	field, _ := v.rules.Standard().Field(path)
	return FieldPreview{Path: path, Title: field.Title, Class: field.Class, Value: value, Notes: out.Notes, Leaves: []Leaving{}}
}

// leave adds a form with the clauses that cause it, and says if the hub holds
// it back. A token that leaves beside exact leaves by the clauses that grant
// exact.
func (v *previewer) leave(f *FieldPreview, form standard.Form, value string) {
	l := Leaving{Form: form, Value: value}
	for _, d := range v.rules.Leaving(f.Path, v.set.Now) {
		if d.Form == form || form.Kind == standard.Token && d.Form.Kind == standard.Exact {
			l.Clauses = append(l.Clauses, d.Clauses...)
		}
	}
	from, clauses := v.begins(f.Path, form)
	switch {
	case from.IsZero() && len(clauses) > 0:
		f.note("it leaves %s now, and the hub passes it on to nobody: what would grant it ends before it begins (%s)", formWords(form), clausesWords(clauses))
	case from.After(v.set.Now):
		l.HeldBack = from
		f.note("it leaves %s now, and the hub holds it back until %s (%s)", formWords(form), dayOf(from), clausesWords(clauses))
	}
	for _, one := range v.clauses {
		if start := v.begin(one.Clause); start.After(from) && !from.IsZero() && one.Form == form && slices.Contains(l.Clauses, one.ID) {
			f.note("until %s the hub holds it back from those to whom only clause %s grants it", dayOf(start), one.ID)
		}
	}
	f.Leaves = append(f.Leaves, l)
}

// note adds a note, once.
func (f *FieldPreview) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(f.Notes, n) {
		f.Notes = append(f.Notes, n)
	}
}

// begin is when a clause begins to grant.
func (v *previewer) begin(c terms.Clause) time.Time {
	from := v.set.Now.Add(time.Duration(c.After))
	if start := c.From.Start(); start.After(from) {
		from = start
	}
	return from
}

// begins is when the hub first passes something on in a form, by whichever
// clause grants as much, and by which; zero if each ends before it begins.
func (v *previewer) begins(path string, form standard.Form) (first time.Time, clauses []string) {
	field, _ := v.rules.Standard().Field(path)
	var never []string
	for _, one := range v.clauses {
		grants := func(d terms.Departure) bool { return d.Form == form || v.rules.Standard().Weaker(field, form, d.Form) }
		if !slices.ContainsFunc(one.alone.Leaving(path, v.set.Now), grants) {
			continue
		}
		from := v.begin(one.Clause)
		switch {
		case one.Until != "" && !from.Before(one.Until.Start()), one.Keep != 0 && !from.Before(v.set.Now.Add(time.Duration(one.Keep))):
			never = append(never, one.ID)
		case clauses == nil || from.Before(first):
			first, clauses = from, []string{one.ID}
		case from.Equal(first):
			clauses = append(clauses, one.ID)
		}
	}
	if clauses == nil {
		return time.Time{}, never
	}
	return first, clauses
}

func formWords(f standard.Form) string {
	switch f.Kind {
	case standard.Exact:
		return "as it is"
	case standard.Token:
		return "as a token"
	case standard.Counted:
		return "to be counted"
	}
	return "as " + f.String()
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func (p Preview) clausesUsed(sheet *terms.Sheet, std *standard.Standard) []ClauseWords {
	used := map[string]bool{}
	mark := func(clauses []string) {
		for _, c := range clauses {
			used[c] = true
		}
	}
	for _, f := range p.Fields {
		for _, l := range f.Leaves {
			mark(l.Clauses)
		}
		for _, a := range f.Audiences {
			for _, s := range a.ever() {
				mark(s.Clauses)
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
