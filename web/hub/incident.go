package hub

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// said is one thing that one or more sources say about a field.
type said struct {
	Text    string
	Form    string // "" as reported
	Sources []string
	marks
	// Also says under which marking the same may be had coarser.
	Also string
}

// marks are the obligations that go with something; the viewer's own has none.
type marks struct{ TLP, PAP, DeleteBy string }

func marksOf(x deliver.Saying) marks { return marks{x.TLP, x.PAP, x.DeleteBy} }

// fact is one field with all that is said about it.
type fact struct {
	Title, Codebook string
	Said            []said
	Differs         bool
	// Partly is true where a further source's statement is withheld.
	Partly bool
}

// section is a group of facts: actor, action, asset …
type section struct {
	Title string
	Facts []fact
}

// held is what is withheld for one reason.
type held struct {
	Reason string
	Titles []string
}

// heldObservables is a band of withheld observables of one type.
type heldObservables struct{ Type, Band string }

type incidentBody struct {
	deliver.IncidentView
	What     string
	Sections []section
	// Usual are the markings of most statements, told once.
	Usual       marks
	Held        []held
	HeldNumber  int
	HeldSeen    []heldObservables
	Differences int
	Several     bool // more than one source may be told apart
	JSON        string
}

func (s *Site) incident(v visit) error {
	id := wire.IncidentID(v.r.PathValue("id"))
	a, err := s.Deliver.Incident(v.r.Context(), v.viewer, id)
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	i := a.Body()
	if format == "json" {
		return writeJSON(v.w, string(i.ID), a)
	}
	std, err := s.standardOf(v, i.Sector)
	if err != nil {
		return err
	}
	body := incidentBody{IncidentView: i, What: whatHappened(i.IncidentSummary), Several: len(i.Reports) > 1, JSON: v.with("format", "json")}
	body.Usual = usualMarks(i.Fields)
	body.Sections = sections(std, i.Fields)
	for _, part := range body.Sections {
		for _, f := range part.Facts {
			if f.Differs {
				body.Differences++
			}
		}
	}
	body.Held = withheldFields(i.Fields)
	for _, h := range body.Held {
		body.HeldNumber += len(h.Titles)
	}
	for _, typ := range slices.Sorted(maps.Keys(i.WithheldObservables)) {
		body.HeldSeen = append(body.HeldSeen, heldObservables{typ, i.WithheldObservables[typ]})
	}
	return s.show(v, view{page: "incident", title: incidentTitle(body), kicker: "Incident in " + s.sectorTitle(v, i.Sector), sector: i.Sector, body: body})
}

// incidentTitle says what the sources make of the incident.
func incidentTitle(b incidentBody) string {
	t := b.What
	if d := dateWords(b.Date); d != "not known" {
		t += ", " + d
	}
	shared := 0
	for _, part := range b.Sections {
		for _, f := range part.Facts {
			if f.speakers() > 1 {
				shared++
			}
		}
	}
	switch {
	case len(b.Reports) < 2:
		return t + ": one report tells of it"
	case shared == 0:
		return fmt.Sprintf("%s: %d reports, which speak of different things", t, len(b.Reports))
	case b.Differences == 0:
		return fmt.Sprintf("%s: %d reports agree on all of the %s that they share", t, len(b.Reports), many(shared, "field"))
	}
	return fmt.Sprintf("%s: %d reports differ on %d of the %s that they share", t, len(b.Reports), b.Differences, many(shared, "field"))
}

// speakers is how many sources speak of a fact.
func (f fact) speakers() int {
	seen := map[string]bool{}
	for _, x := range f.Said {
		for _, source := range x.Sources {
			seen[source] = true
		}
	}
	return len(seen)
}

// usualMarks are the markings that most statements carry.
func usualMarks(fields []deliver.FieldView) marks {
	tlp, pap := map[string]int{}, map[string]int{}
	for _, f := range fields {
		for _, x := range f.Sayings {
			tlp[x.TLP]++
			pap[x.PAP]++
		}
	}
	return marks{TLP: most(tlp), PAP: most(pap)}
}

// most is the word that was counted most often, of several the first in order.
func most(count map[string]int) (word string) {
	for _, w := range slices.Sorted(maps.Keys(count)) {
		if count[w] > count[word] {
			word = w
		}
	}
	return word
}

// sections groups what is said by the branches of the standard, in its order.
func sections(std *standard.Standard, fields []deliver.FieldView) []section {
	fields = withUnits(std, fields)
	slices.SortStableFunc(fields, func(a, b deliver.FieldView) int { return cmp.Compare(std.Order(a.Path), std.Order(b.Path)) })
	titles := map[string]string{}
	for _, part := range std.Book().Sections {
		titles[part.Name] = part.Title
	}
	var out []section
	at := map[string]int{}
	for _, f := range fields {
		if len(f.Sayings) == 0 {
			continue
		}
		branch, _, deep := strings.Cut(f.Path, ".")
		title := titles[branch]
		if !deep || title == "" {
			title = "In general"
		}
		n, ok := at[title]
		if !ok {
			n = len(out)
			at[title] = n
			out = append(out, section{Title: title})
		}
		out[n].Facts = append(out[n].Facts, newFact(std, f))
	}
	return out
}

func newFact(std *standard.Standard, f deliver.FieldView) fact {
	field, _ := std.Field(f.Path)
	// Who reports is each source's own: that roles differ is no dispute.
	differs := f.Conflict && !strings.HasPrefix(f.Path, "reporter.")
	out := fact{Title: f.Title, Differs: differs, Partly: f.Withheld != "",
		Codebook: "/v1/standards/" + string(std.Ref()) + "#f-" + f.Path}
	for _, x := range f.Sayings {
		one := said{Text: valueWords(std, field, x), marks: marksOf(x)}
		if field.Type == standard.Date {
			if isCoarserOf(x, f.Sayings) {
				continue // it stands beside the finer one
			}
			one.Also = coarserBeside(x, f.Sayings)
		}
		if x.Form != "exact" && !coarserThan(x) {
			one.Form = formName(x.Form)
		}
		// One's own statements carry no marking, and stand with the others'.
		i := slices.IndexFunc(out.Said, func(o said) bool {
			return o.Text == one.Text && o.Form == one.Form && o.Also == one.Also && (o.marks == one.marks || o.marks == marks{} || one.marks == marks{})
		})
		if i < 0 {
			i = len(out.Said)
			out.Said = append(out.Said, one)
		}
		out.Said[i].marks = cmp.Or(out.Said[i].marks, one.marks)
		if !slices.Contains(out.Said[i].Sources, x.Source) {
			out.Said[i].Sources = append(out.Said[i].Sources, x.Source)
		}
	}
	return out
}

// coarser reports whether x is the date that the same source tells finer as y.
func coarser(x, y deliver.Saying) bool {
	return x.Source == y.Source && len(x.Value) < len(y.Value) && strings.HasPrefix(y.Value, x.Value)
}

func isCoarserOf(x deliver.Saying, all []deliver.Saying) bool {
	return slices.ContainsFunc(all, func(y deliver.Saying) bool { return coarser(x, y) })
}

// coarserBeside says of the coarser dates of a saying under which marking they
// may be passed on: a month often is freer than its day.
func coarserBeside(y deliver.Saying, all []deliver.Saying) string {
	var words []string
	for _, x := range all {
		if _, level, ok := strings.Cut(x.Form, ":"); ok && coarser(x, y) && x.TLP != "" && x.TLP != y.TLP {
			words = append(words, "its "+level+" is "+x.TLP)
		}
	}
	return strings.Join(words, ", ")
}

// coarserThan reports whether a date stands as it was told, since it was told
// coarser than the form in which it left.
func coarserThan(x deliver.Saying) bool {
	switch x.Form {
	case "generalised:day":
		return len(x.Value) < len("2026-11-25") && x.Value != standard.Any
	case "generalised:month", "generalised:quarter":
		return len(x.Value) < len("2026-11") && x.Value != standard.Any
	}
	return false
}

// A span of time stands in two fields, of which neither says much alone.
const unitSuffix, numberSuffix = ".unit", ".value"

// withUnits puts each number beside its unit: "17 weeks". The two stay apart
// where no source tells both.
func withUnits(std *standard.Standard, fields []deliver.FieldView) []deliver.FieldView {
	out := slices.Clone(fields)
	for i := range out {
		stem, ok := strings.CutSuffix(out[i].Path, unitSuffix)
		if !ok || len(out[i].Sayings) == 0 {
			continue
		}
		out[i].Title, _, _ = strings.Cut(out[i].Title, ",")
		n := slices.IndexFunc(out, func(f deliver.FieldView) bool { return f.Path == stem+numberSuffix })
		if n < 0 || len(out[n].Sayings) == 0 {
			continue
		}
		out[i] = span(std, out[i], out[n])
		out[n].Sayings = nil
	}
	return out
}

// span is a unit's field that tells the number, too.
func span(std *standard.Standard, unit, number deliver.FieldView) deliver.FieldView {
	unitOf, _ := std.Field(unit.Path)
	numberOf, _ := std.Field(number.Path)
	out := unit
	out.Conflict = unit.Conflict || number.Conflict
	out.Withheld = cmp.Or(unit.Withheld, number.Withheld)
	out.Sayings = nil
	left := slices.Clone(number.Sayings)
	for _, u := range unit.Sayings {
		words := strings.ToLower(valueWords(std, unitOf, u))
		n := slices.IndexFunc(left, func(x deliver.Saying) bool { return x.Source == u.Source })
		if n < 0 {
			out.Sayings = append(out.Sayings, u)
			continue
		}
		text := valueWords(std, numberOf, left[n])
		if text == "1" {
			words = strings.TrimSuffix(words, "s")
		}
		u.Label = text + " " + words
		u.Form = left[n].Form
		if terms.Strictness(left[n].TLP) > terms.Strictness(u.TLP) {
			u.TLP = left[n].TLP
		}
		if terms.Caution(left[n].PAP) > terms.Caution(u.PAP) {
			u.PAP = left[n].PAP
		}
		if by := left[n].DeleteBy; u.DeleteBy == "" || by != "" && by < u.DeleteBy {
			u.DeleteBy = by
		}
		out.Sayings = append(out.Sayings, u)
		left = slices.Delete(left, n, n+1)
	}
	for _, x := range left {
		x.Label = valueWords(std, numberOf, x) + ", of a unit not told"
		out.Sayings = append(out.Sayings, x)
	}
	return out
}

// anyCurrency is the unit of an amount whose currency stands in another field.
const anyCurrency = "currency"

// valueWords writes a value for reading: a code by its label, a band with a
// dash, a number with its unit.
func valueWords(std *standard.Standard, f standard.Field, x deliver.Saying) string {
	if x.Label != "" {
		return x.Label
	}
	kind, _, _ := strings.Cut(x.Form, ":")
	switch {
	case kind == "token":
		return x.Value
	case x.Value == standard.Any:
		return "any"
	case f.Type == standard.Code:
		return std.Label(f, x.Value)
	case f.Type == standard.Integer, f.Type == standard.Decimal:
		low, high, band := strings.Cut(x.Value, "..")
		text := thousands(low)
		switch {
		case band && high == "":
			text += " or more"
		case band:
			text += " – " + thousands(high)
		}
		if f.Unit != "" && f.Unit != anyCurrency {
			text += " " + f.Unit
		}
		return text
	case f.Type == standard.Date && len(x.Value) > len(time.DateOnly):
		return strings.TrimSuffix(strings.Replace(x.Value, "T", " ", 1), "Z") + " UTC"
	}
	return x.Value
}

// thousands parts a whole number's digits; other text stays as it is.
func thousands(s string) string {
	for _, r := range s {
		if r < '0' || r > '9' {
			return s
		}
	}
	return look.Number(s)
}

// withheldFields groups the fields of which nothing is shown by the reason.
func withheldFields(fields []deliver.FieldView) []held {
	var out []held
	for _, f := range fields {
		if f.Withheld == "" || len(f.Sayings) > 0 {
			continue
		}
		i := slices.IndexFunc(out, func(h held) bool { return h.Reason == f.Withheld })
		if i < 0 {
			i = len(out)
			out = append(out, held{Reason: f.Withheld})
		}
		out[i].Titles = append(out[i].Titles, f.Title)
	}
	return out
}
