package desk

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// The form is made of the standard: a field that a sector adds appears here
// by itself, with the control that fits its type and code list.

// section is one part of the form.
type section struct {
	ID, Title string
	// Shown are asked for by the standard, More are optional.
	Shown, More []item
	// Open shows the optional ones: they were asked for, or something stands
	// in them. Closed they are named only, which keeps the page small.
	Open  bool
	Names []string
}

// item is one control, or the rows of a repeated group.
type item struct {
	Control *control
	Group   *group
}

type group struct {
	Path, Title string
	Rows        [][]control
}

// control is one input. Kind is "select", "checks", "list" (typed, with
// suggestions), "line", "area" or "lines" (one value a line).
type control struct {
	Kind, Name, Title, Hint, Unit string
	// Leaves says how the value leaves under the member's terms.
	Leaves string
	// Needed is "required" or "recommended", else empty.
	Needed  string
	Options []choice
	// List names the suggestions, which stand once on the page.
	List    string
	Values  []string
	Errors  []string
	Numeric bool
	Example string
}

type choice struct {
	Code, Label string
	Chosen      bool
}

// Chosen counts what is ticked.
func (c control) Chosen() int {
	n := 0
	for _, o := range c.Options {
		if o.Chosen {
			n++
		}
	}
	return n
}

// Few is true of check boxes that need no folding.
func (c control) Few() bool { return len(c.Options) <= 8 }

// Value is the first value.
func (c control) Value() string {
	if len(c.Values) > 0 {
		return c.Values[0]
	}
	return ""
}

// Text is the values, one a line.
func (c control) Text() string { return strings.Join(c.Values, "\n") }

// Limits by which a code list chooses its control.
const (
	maxSelect = 45 // more are typed, with suggestions
	maxChecks = 120
)

// parts orders the branches of the standards as somebody tells what happened.
// A branch that stands nowhere here gets a part of its own.
var parts = []struct {
	id, title string
	branches  []string
}{
	{"victim", "Who was hit", []string{"victim"}},
	{"when", "When it happened", []string{"timeline"}},
	{"what", "What happened", []string{"summary", "incident", "security_incident", "targeted", "confidence", "action", "attack", "classification"}},
	{"assets", "What was affected", []string{"asset", "attribute"}},
	{"impact", "What it cost", []string{"impact"}},
	{"sector", "", nil}, // the profile's own branches
	{"found", "How it was found", []string{"discovery_method", "discovery_notes"}},
	{"actor", "Who did it", []string{"actor", "attribution", "value_chain"}},
	{"response", "What was done, and what had failed", []string{"response", "controls"}},
	{"reporter", "Who reports", []string{"reporter"}},
	{"rest", "References, notes and markings", []string{"reference", "notes", "marking"}},
}

func branchOf(path string) string {
	name, _, _ := strings.Cut(path, ".")
	return name
}

// sectionOf finds the part of a path: its index in parts, -1 if it is the
// profile's own.
func sectionOf(path string) int {
	return slices.IndexFunc(parts, func(p struct {
		id, title string
		branches  []string
	}) bool {
		return slices.Contains(p.branches, branchOf(path))
	})
}

// partTitle is the heading of the part that a path stands in.
func partTitle(path string) string {
	if strings.HasPrefix(path, standard.ObservablePrefix) {
		return "Observables"
	}
	if i := sectionOf(path); i >= 0 {
		return parts[i].title
	}
	name := strings.ReplaceAll(branchOf(path), "_", " ")
	return "Particular to " + name
}

// suggestions is a code list that controls of kind "list" draw on.
type suggestions struct {
	Name  string
	Codes []standard.CodeListEntry
}

// formOf makes the form of a standard with what was typed.
func formOf(std *standard.Standard, rules *terms.Rules, t *typed) ([]section, []suggestions) {
	b := &builder{std: std, rules: rules, typed: t}
	byPart := map[string][]standard.Field{}
	var own []string
	for _, f := range std.Fields() {
		if f.IsObservable() {
			continue
		}
		title := partTitle(f.Path)
		if sectionOf(f.Path) < 0 && !slices.Contains(own, title) {
			own = append(own, title)
		}
		byPart[title] = append(byPart[title], f)
	}
	var all []section
	for _, p := range parts {
		titles := []string{p.title}
		if p.branches == nil {
			titles = own
		}
		for i, title := range titles {
			if fields := byPart[title]; len(fields) > 0 {
				id := p.id
				if i > 0 {
					id = fmt.Sprint(p.id, i+1)
				}
				all = append(all, b.section(id, title, fields))
			}
		}
	}
	return all, b.lists
}

type builder struct {
	std   *standard.Standard
	rules *terms.Rules
	typed *typed
	lists []suggestions
}

// alwaysShown are optional fields without which a report tells too little to
// a person.
var alwaysShown = []string{"summary"}

// completes reports whether a field makes no sense without another that the
// standard asks for: the number to a unit, the currency to an amount.
func completes(f, other standard.Field) bool {
	if other.Requirement == standard.Optional || parent(f.Path) != parent(other.Path) {
		return false
	}
	return strings.HasSuffix(f.Path, ".value") && strings.HasSuffix(other.Path, ".unit") ||
		f.CodeList == "currency" && other.Unit == "currency"
}

func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '.'))] }

func (b *builder) section(id, title string, fields []standard.Field) section {
	s := section{ID: id, Title: title, Open: slices.Contains(b.typed.values[openName], id)}
	seen := map[string]bool{}
	for _, f := range fields {
		var it item
		asked := f.Requirement != standard.Optional || slices.Contains(alwaysShown, f.Path) ||
			slices.ContainsFunc(fields, func(other standard.Field) bool { return completes(f, other) })
		if f.Group == "" {
			c := b.control(f, f.Path)
			it.Control = &c
			s.Open = s.Open || !asked && (len(b.typed.values[f.Path]) > 0 || len(c.Errors) > 0)
		} else {
			if seen[f.Group] {
				continue
			}
			seen[f.Group] = true
			members := b.std.Group(f.Group)
			asked = slices.ContainsFunc(members, func(m standard.Field) bool { return m.Requirement != standard.Optional })
			it.Group = b.group(f.Group, members)
			s.Open = s.Open || !asked && b.typed.rows(f.Group) > 0
		}
		if asked {
			s.Shown = append(s.Shown, it)
		} else {
			s.More = append(s.More, it)
			s.Names = append(s.Names, f.Title)
		}
	}
	// What is required comes first.
	slices.SortStableFunc(s.Shown, func(x, y item) int { return x.rank() - y.rank() })
	b.suggest(s.Shown)
	if s.Open {
		b.suggest(s.More)
	}
	return s
}

// suggest notes the code lists on which the controls draw.
func (b *builder) suggest(items []item) {
	for _, it := range items {
		var controls []control
		if it.Control != nil {
			controls = []control{*it.Control}
		} else {
			controls = it.Group.Rows[0]
		}
		for _, c := range controls {
			if c.List == "" || slices.ContainsFunc(b.lists, func(s suggestions) bool { return s.Name == c.List }) {
				continue
			}
			if list, ok := b.std.CodeList(c.List); ok {
				b.lists = append(b.lists, suggestions{list.Name, list.Codes})
			}
		}
	}
}

func (i item) rank() int {
	if i.Control != nil && i.Control.Needed == string(standard.Required) {
		return 0
	}
	return 1
}

// spareRows are shown empty when a group has nothing in it yet.
const spareRows = 2

func (b *builder) group(path string, fields []standard.Field) *group {
	name := path[strings.LastIndexByte(path, '.')+1:]
	g := &group{Path: path, Title: strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")}
	for row := range max(spareRows, b.typed.rows(path)+b.typed.extra[path]) {
		var controls []control
		for _, f := range fields {
			controls = append(controls, b.control(f, rowName(f, row)))
		}
		g.Rows = append(g.Rows, controls)
	}
	return g
}

// rowName is the input of a group's field in a row, as problems name it.
func rowName(f standard.Field, row int) string {
	return fmt.Sprintf("%s[%d]%s", f.Group, row, f.Path[len(f.Group):])
}

func (b *builder) control(f standard.Field, name string) control {
	c := control{Kind: "line", Name: name, Title: f.Title, Hint: f.Description, Unit: f.Unit, Leaves: leavesWords(b.rules, f.Path, b.typed.latest),
		Values: b.typed.values[name], Errors: b.typed.errors[name]}
	if f.Requirement != standard.Optional {
		c.Needed = string(f.Requirement)
	}
	switch f.Type {
	case standard.Code:
		b.codes(&c, f)
	case standard.Boolean:
		c.Kind = "select"
		c.Options = []choice{{Code: "true", Label: "yes"}, {Code: "false", Label: "no"}}
		c.choose()
	case standard.Integer, standard.Decimal:
		c.Numeric = true
	case standard.Date:
		c.Example = "2026-11-24, 2026-11 or 2026"
	case standard.Text:
		if f.Class == standard.Narrative {
			c.Kind = "area"
		}
	}
	if f.Many && c.Kind == "line" {
		c.Kind = "lines"
	}
	return c
}

// codes picks the control of a code list by its size: a handful is chosen
// from, many are typed with suggestions.
func (b *builder) codes(c *control, f standard.Field) {
	list, _ := b.std.CodeList(f.CodeList)
	most := maxSelect
	if f.Many {
		most = maxChecks
	}
	if list.Pattern != "" || len(list.Codes) > most {
		c.Kind = "list"
		if f.Many {
			c.Kind = "lists"
		}
		if len(list.Codes) > 0 {
			c.List, c.Example = list.Name, "type to choose"
		}
		if f.Many {
			c.Values = append(slices.Clone(c.Values), "")
			if len(c.Values) < 3 {
				c.Values = append(c.Values, "")
			}
		}
		return
	}
	c.Kind = "select"
	if f.Many {
		c.Kind = "checks"
	}
	old := outdated(list, f.Path)
	for _, code := range list.Codes {
		label := code.Label
		if now, is := old[code.Code]; is {
			if !slices.Contains(c.Values, code.Code) {
				continue
			}
			label += " (now " + now + ")"
		}
		c.Options = append(c.Options, choice{Code: code.Code, Label: label})
	}
	c.choose()
}

// choose ticks the options that were chosen; what is among none of them stays
// in Values, to be shown with its error.
func (c *control) choose() {
	for i := range c.Options {
		c.Options[i].Chosen = slices.Contains(c.Values, c.Options[i].Code)
	}
}

// leavesWords says in few words how a field leaves under the terms at a moment.
func leavesWords(rules *terms.Rules, path string, at time.Time) string {
	if rules == nil {
		return ""
	}
	var words []string
	for _, d := range rules.Leaving(path, at) {
		words = append(words, "leaves "+formWords(rules.Standard(), path, d.Form))
	}
	if len(words) == 0 {
		return "stays here"
	}
	return strings.Join(words, ", ")
}

// formWords explains a form of a field in plain words.
func formWords(std *standard.Standard, path string, f standard.Form) string {
	switch f.Kind {
	case standard.Exact:
		return "as it is"
	case standard.Token:
		return "as a token"
	case standard.Generalised:
		if field, ok := std.Field(path); ok {
			if h, ok := std.Hierarchy(field.Hierarchy); ok && h.Kind == standard.Bands {
				return "in bands"
			}
		}
		return "coarsened to " + strings.ReplaceAll(f.Level, "-", " ")
	case standard.Counted:
		return "in sums only"
	}
	return f.String()
}

// observableForm is the part of the form for observables.
type observableForm struct {
	Rows   []observableRow
	Types  []choice
	Lines  string
	Errors []string
}

type observableRow struct {
	N      int
	Types  []choice
	Roles  []choice
	Value  string
	First  string
	Last   string
	Errors []string
}

func observablesOf(std *standard.Standard, t *typed) observableForm {
	form := observableForm{Lines: t.first(linesName), Errors: t.errors[linesName]}
	for _, f := range std.Fields() {
		if typ, ok := strings.CutPrefix(f.Path, standard.ObservablePrefix); ok {
			form.Types = append(form.Types, choice{Code: typ, Label: f.Title})
		}
	}
	for n := range max(3, t.rows("observables")+t.extra["observables"]) {
		row := observableRow{N: n, Value: t.first(observableName(n, "value")), First: t.first(observableName(n, "first_seen")),
			Last: t.first(observableName(n, "last_seen")), Errors: t.errors[fmt.Sprintf("observables[%d]", n)]}
		for _, typ := range form.Types {
			typ.Chosen = t.first(observableName(n, "type")) == typ.Code
			row.Types = append(row.Types, typ)
		}
		for _, role := range report.Roles() {
			row.Roles = append(row.Roles, choice{Code: role, Label: role, Chosen: t.first(observableName(n, "role")) == role})
		}
		form.Rows = append(form.Rows, row)
	}
	return form
}

func observableName(row int, property string) string {
	return fmt.Sprintf("observables[%d].%s", row, property)
}
