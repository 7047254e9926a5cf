package mapping

import (
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Flat is the table of reports as they are, which needs no map: a row a
// report, a column a field.
//
//	standard    native  victim.country  asset.assets.variety  asset.assets.amount  observables.type  observables.value
//	health/1.0  HH-7    US; CA          S - File; U - Laptop  2;                   ip; domain        203.0.113.7; a.example
//
// Values of a list are joined by "; ". The fields of a group, and the columns
// of observables, stand in step: the second value of each belongs to the
// second row, and a place left empty says nothing. A value that holds a
// semicolon, begins with a quote or has space at an end stands in quotes, with
// quotes inside doubled.
type Flat struct {
	columns []string
	place   map[string]int
	fields  map[standard.Ref]*fields
}

// Columns of a flat table that are no fields.
const (
	flatStandard = "standard"
	flatNative   = "native"
	flatSeen     = "observables."
)

// seenColumns are the columns of observables, in step.
var seenColumns = []string{"type", "value", "role", "first_seen", "last_seen", "count"}

// FlatColumns lists the columns for reports of some standards: those of the
// first one first.
func FlatColumns(standards ...*standard.Standard) []string {
	columns := []string{flatStandard, flatNative}
	listed := map[string]bool{}
	for _, std := range standards {
		for _, f := range std.Fields() {
			if !f.IsObservable() && !listed[f.Path] {
				listed[f.Path] = true
				columns = append(columns, f.Path)
			}
		}
	}
	for _, c := range seenColumns {
		columns = append(columns, flatSeen+c)
	}
	return columns
}

// IsFlat says whether a table with these columns is one of reports as they
// are: it names their standards, and fields of the core.
func IsFlat(columns []string) bool {
	core, err := standard.Builtin("core/1.0")
	return err == nil && slices.Contains(columns, flatStandard) &&
		slices.ContainsFunc(columns, func(c string) bool { return core.Leaf(c) != nil })
}

// NewFlat makes a flat table of columns.
func NewFlat(columns []string) *Flat {
	f := &Flat{columns: slices.Clone(columns), place: map[string]int{}, fields: map[standard.Ref]*fields{}}
	for i, c := range columns {
		f.place[c] = i
	}
	return f
}

// ToRow makes the cells of a report. What has no column is counted in the
// account.
func (f *Flat) ToRow(std *standard.Standard, r report.Report, a *Account) []string {
	cells := make([]string, len(f.columns))
	put := func(column, text string) {
		if i, ok := f.place[column]; ok {
			cells[i] = text
		} else if text != "" {
			a.Skip(column, "the table has no column for it")
		}
	}
	put(flatStandard, string(r.Standard))
	put(flatNative, flatValue(r.Native))
	for start := 0; start < len(r.Statements); {
		path, end := r.Statements[start].Path, start+1
		for end < len(r.Statements) && r.Statements[end].Path == path {
			end++
		}
		if leaf := std.Leaf(path); leaf != nil && (leaf.Field.Many || leaf.Field.Group != "") {
			put(path, flatList(inStep(r.Statements[start:end], leaf.Field.Group != "")))
		} else {
			put(path, flatValue(r.Statements[start].Value))
		}
		start = end
	}
	for i, texts := range seenTexts(r.Observables) {
		if slices.ContainsFunc(texts, func(t string) bool { return t != "" }) {
			put(flatSeen+seenColumns[i], flatList(texts))
		}
	}
	return cells
}

// inStep lists values by their rows; those of a list have no holes.
func inStep(statements []report.Statement, rows bool) []string {
	var items []string
	for _, s := range statements {
		for rows && len(items) < s.Row {
			items = append(items, "")
		}
		items = append(items, s.Value)
	}
	return items
}

// seenTexts are the texts of observables, by column and in step.
func seenTexts(all []report.Observable) [][]string {
	texts := make([][]string, len(seenColumns))
	for _, o := range all {
		count := ""
		if o.Count != 0 {
			count = strconv.FormatInt(o.Count, 10)
		}
		for i, text := range []string{o.Type, o.Value, o.Role, o.FirstSeen, o.LastSeen, count} {
			texts[i] = append(texts[i], text)
		}
	}
	return texts
}

// StandardOf is the standard that a row names, "" if none.
func (f *Flat) StandardOf(row tabular.Row) standard.Ref {
	if i, ok := f.place[flatStandard]; ok && i < len(row.Cells) {
		return standard.Ref(strings.TrimSpace(row.Cells[i]))
	}
	return ""
}

// FromRow makes a report of a row under a standard, and accounts for every
// cell in the name of the table's file. False: nothing of the row could be
// taken, and it is listed as invalid.
func (f *Flat) FromRow(std *standard.Standard, name string, row tabular.Row, a *Account) (report.Report, bool) {
	known := f.fields[std.Ref()]
	if known == nil {
		known = newFields(std)
		f.fields[std.Ref()] = known
	}
	r := report.Report{Standard: std.Ref()}
	seen := make([][]string, len(seenColumns))
	refuse := func(column, reason string) {
		a.Refuse(Place{File: name, Record: row.Number, Line: row.Line, Path: column, Reason: reason})
	}
	for i, cell := range row.Cells {
		column := f.columns[i]
		if cell == "" || column == flatStandard {
			continue
		}
		if column == flatNative {
			r.Native = unquoted(cell)
			continue
		}
		if at := slices.Index(seenColumns, strings.TrimPrefix(column, flatSeen)); at >= 0 && strings.HasPrefix(column, flatSeen) {
			seen[at] = splitFlat(cell)
			continue
		}
		c := known.byPath[column]
		if c == nil || c.field.IsObservable() {
			a.Skip(column, "the standard "+string(std.Ref())+" has no such field")
			continue
		}
		r.Statements = append(r.Statements, c.fromFlat(cell, a, refuse)...)
	}
	r.Observables = seenFrom(std, seen, a, refuse)
	if len(r.Statements)+len(r.Observables) == 0 {
		refuse("", "nothing of the row could be taken")
		return r, false
	}
	return report.New(std, r.Native, r.Statements, r.Observables), true
}

// fromFlat reads the values of a field from its cell.
func (c *cleaner) fromFlat(cell string, a *Account, refuse func(column, reason string)) []report.Statement {
	items := []string{unquoted(cell)}
	if c.field.Many || c.field.Group != "" {
		items = splitFlat(cell)
	}
	var out []report.Statement
	for row, item := range items {
		if item == "" {
			continue
		}
		done := c.asWritten(item)
		for _, rule := range done.rules {
			a.Repair(rule)
		}
		if c.field.Group == "" {
			row = len(out)
		}
		switch {
		case done.reason != "":
			refuse(c.field.Path, done.reason)
		case row >= report.MaxSaid:
			refuse(c.field.Path, "a field has at most "+strconv.Itoa(report.MaxSaid)+" values")
			return out
		}
		if done.text != "" {
			a.Map(c.field.Path)
			out = append(out, report.Statement{Path: c.field.Path, Row: row, Value: done.text})
		}
	}
	return out
}

// asWritten takes a canonical value as it is, and else what a spreadsheet may
// have made of one.
func (c *cleaner) asWritten(text string) cleaned {
	if canonical, err := c.std.Canonical(c.field, text); err == nil {
		return cleaned{text: canonical}
	}
	if c.field.Type == standard.Code {
		done := c.cleanCode(veris.Value{Kind: veris.String, Text: text}, nil)
		if slices.Contains(done.rules, veris.RuleOther) {
			return cleaned{reason: "the standard lists no code " + quote(text)}
		}
		return done
	}
	return c.clean(veris.Value{Kind: veris.String, Text: text}, nil)
}

// seenFrom puts observables together from their columns.
func seenFrom(std *standard.Standard, texts [][]string, a *Account, refuse func(column, reason string)) []report.Observable {
	var all []report.Observable
	rows := 0
	for _, t := range texts {
		rows = max(rows, len(t))
	}
	moments := cleaner{std: std, field: momentField}
	for row := range min(rows, report.MaxObservables) {
		at := func(column int) string {
			if row < len(texts[column]) {
				return texts[column][row]
			}
			return ""
		}
		o := report.Observable{Type: at(0), Value: at(1), Role: at(2)}
		if _, known := std.Field(report.ObservablePath(o.Type)); !known || o.Value == "" || len(o.Value) > report.MaxObservableValue {
			refuse(flatSeen+"value", "an observable has a type that the standard knows and a value of at most 4096 bytes")
			continue
		}
		if o.Role != "" && !slices.Contains(report.Roles(), o.Role) {
			refuse(flatSeen+"role", "the role is one of "+strings.Join(report.Roles(), ", "))
			o.Role = ""
		}
		for column, moment := range map[int]*string{3: &o.FirstSeen, 4: &o.LastSeen} {
			if text := at(column); text != "" {
				done := moments.asWritten(text)
				if *moment = done.text; done.text == "" {
					refuse(flatSeen+seenColumns[column], done.reason)
				}
			}
		}
		if text := at(5); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				refuse(flatSeen+"count", "a count is a whole number, and not negative")
			} else {
				o.Count = n
			}
		}
		a.Map(flatSeen + "value")
		all = append(all, o)
	}
	if rows > report.MaxObservables {
		refuse(flatSeen+"value", "a report has at most "+strconv.Itoa(report.MaxObservables)+" observables")
	}
	return all
}

// flatValue writes a single value: in quotes if it would be read as quoted, or
// as the mark of database dumps for nothing.
func flatValue(text string) string {
	if strings.HasPrefix(text, `"`) || text == `\N` {
		return quoted(text)
	}
	return text
}

// flatList writes values in one cell.
func flatList(items []string) string {
	written := make([]string, len(items))
	for i, item := range items {
		if strings.Contains(item, ";") || strings.TrimSpace(item) != item {
			written[i] = quoted(item)
		} else {
			written[i] = flatValue(item)
		}
	}
	return strings.Join(written, "; ")
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }

// unquoted reads what [flatValue] wrote.
func unquoted(cell string) string {
	if text, rest, ok := cutQuoted(cell); ok && rest == "" {
		return text
	}
	return cell
}

// splitFlat reads what [flatList] wrote.
func splitFlat(cell string) []string {
	var items []string
	for {
		cell = strings.TrimLeft(cell, " \t\r\n")
		if text, rest, ok := cutQuoted(cell); ok {
			rest = strings.TrimSpace(rest)
			if rest == "" {
				return append(items, text)
			}
			if rest[0] == ';' {
				items, cell = append(items, text), rest[1:]
				continue
			}
		}
		item, rest, more := strings.Cut(cell, ";")
		items = append(items, strings.TrimSpace(item))
		if !more {
			return items
		}
		cell = rest
	}
}

// cutQuoted cuts a quoted text off the front.
func cutQuoted(cell string) (text, rest string, ok bool) {
	if !strings.HasPrefix(cell, `"`) {
		return "", cell, false
	}
	var b strings.Builder
	for rest = cell[1:]; ; {
		i := strings.IndexByte(rest, '"')
		if i < 0 {
			return "", cell, false
		}
		b.WriteString(rest[:i])
		rest = rest[i+1:]
		if !strings.HasPrefix(rest, `"`) {
			return b.String(), rest, true
		}
		b.WriteByte('"')
		rest = rest[1:]
	}
}

// NoMap is the error for a table that nothing explains.
func NoMap(name string) error {
	return fault.New(fault.Usage, "table.no_map", "a table needs a mapping file that says what its columns mean: give one with --map; docs/mapping.md shows how to write it. Without a map only tables are read that `convert --to csv` wrote").At(name)
}
