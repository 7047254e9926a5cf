package mapping

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Table maps the rows of one table to reports by a mapping file:
//
//	map + standard ──[NewTable]──▶ Table ──[Table.Bind](columns)
//	row ──[Table.FromRow]──▶ report, and the account of every cell
//
// It is not safe for concurrent use.
type Table struct {
	// Name is how the account calls the table: its file.
	Name   string
	m      *Map
	fields *fields
	labels map[*cleaner]map[string]string // from folded label to code

	columns []string
	index   map[string]int // by name and by folded name; -1: ambiguous
	native  []int
	targets []boundTarget
	seen    []boundSeen
	ignored []string // by column: why it is left out, or ""
	used    []bool   // by column
}

// boundTarget is a target whose columns have been found.
type boundTarget struct {
	cleaner *cleaner
	sources []boundSource
}

type boundSource struct {
	*source
	columns []int // -1 where the table has none
	// whenAt and unlessAt are the columns of the conditions.
	whenAt, unlessAt []int
}

type boundSeen struct {
	boundSource
	typ, role                  string
	firstSeen, lastSeen, count int
}

// NewTable prepares a map for tables under its standard, which must be the one
// that [Map.Standard] names.
func NewTable(std *standard.Standard, m *Map) (*Table, error) {
	if std.Ref() != m.ref {
		return nil, fault.New(fault.Internal, "map.other_standard", "the map is written for the standard %s", m.ref).At(m.file)
	}
	r := &mapReader{file: m.file}
	r.check(m, std)
	if err := r.err(); err != nil {
		return nil, err
	}
	t := &Table{m: m, fields: newFields(std), labels: map[*cleaner]map[string]string{}}
	for _, target := range m.targets {
		c := t.fields.byPath[target.path]
		t.labels[c] = labelsOf(std, c.field)
	}
	t.bind()
	return t, nil
}

// labelsOf lets a cell hold the label of a code in place of the code.
func labelsOf(std *standard.Standard, f standard.Field) map[string]string {
	list, ok := std.CodeList(f.CodeList)
	if !ok {
		return nil
	}
	labels := map[string]string{}
	for _, e := range list.Codes {
		label := foldCell(e.Label)
		if other, taken := labels[label]; taken && other != e.Code {
			labels[label] = ""
			continue
		}
		labels[label] = e.Code
	}
	return labels
}

// Bind tells the table its columns, and refuses a map that names others; the
// columns under `optional:` may be missing.
func (t *Table) Bind(columns []string) error {
	t.columns = slices.Clone(columns)
	t.bind()
	r := &mapReader{file: t.m.file}
	for _, c := range t.missing() {
		r.fault(c.line, "map.unknown_column", "the table has no column %s; it has %s. Mend the name, or list the column under `optional:` if some tables lack it", quote(c.name), t.listColumns())
	}
	return r.err()
}

// Extend tells a table further columns that came up while reading; a reader
// of JSON does not know them before.
func (t *Table) Extend(columns []string) {
	if len(columns) != len(t.columns) {
		t.columns = slices.Clone(columns)
		t.bind()
	}
}

// maxListed is how many columns an error names.
const maxListed = 30

func (t *Table) listColumns() string {
	names := make([]string, 0, maxListed)
	for _, c := range t.columns[:min(len(t.columns), maxListed)] {
		names = append(names, quote(c))
	}
	if len(t.columns) > maxListed {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// missing lists the columns that the map names and the table does not have,
// each once, without the optional ones.
func (t *Table) missing() []column {
	var missing []column
	for _, c := range t.m.columns() {
		known := func(o column) bool { return foldCell(o.name) == foldCell(c.name) }
		if t.find(c) < 0 && !slices.ContainsFunc(t.m.optional, known) && !slices.ContainsFunc(missing, known) {
			missing = append(missing, c)
		}
	}
	return missing
}

// columns lists every column that the map takes something from.
func (m *Map) columns() []column {
	all := slices.Clone(m.native)
	of := func(s *source) {
		all = append(all, s.columns...)
		for _, c := range slices.Concat(s.when, s.unless) {
			all = append(all, c.column)
		}
	}
	for i := range m.targets {
		for j := range m.targets[i].sources {
			of(&m.targets[i].sources[j])
		}
	}
	for i := range m.observables {
		o := &m.observables[i]
		of(&o.source)
		for _, c := range []column{o.firstSeen, o.lastSeen, o.count} {
			if c.name != "" {
				all = append(all, c)
			}
		}
	}
	return all
}

// find returns the place of a column, or -1. A name that the table writes with
// other capitals or spaces is found if it is the only one.
func (t *Table) find(c column) int {
	if i, ok := t.index[c.name]; ok {
		return i
	}
	if i, ok := t.index["\x00"+foldCell(c.name)]; ok {
		return i
	}
	return -1
}

// bind finds all columns of the map among those of the table.
func (t *Table) bind() {
	t.index = map[string]int{}
	for i, name := range t.columns {
		folded := "\x00" + foldCell(name)
		if _, taken := t.index[folded]; taken {
			t.index[folded] = -1
		} else {
			t.index[folded] = i
		}
	}
	for i, name := range t.columns {
		t.index[name] = i
	}
	t.native, t.targets, t.seen = t.findAll(t.m.native), nil, nil
	for i := range t.m.targets {
		target := &t.m.targets[i]
		b := boundTarget{cleaner: t.fields.byPath[target.path]}
		for j := range target.sources {
			b.sources = append(b.sources, t.bindSource(&target.sources[j]))
		}
		t.targets = append(t.targets, b)
	}
	for i := range t.m.observables {
		o := &t.m.observables[i]
		t.seen = append(t.seen, boundSeen{t.bindSource(&o.source), o.typ, o.role, t.find(o.firstSeen), t.find(o.lastSeen), t.find(o.count)})
	}
	t.bindRest()
}

func (t *Table) bindSource(s *source) boundSource {
	b := boundSource{source: s, columns: t.findAll(s.columns)}
	for _, c := range s.when {
		b.whenAt = append(b.whenAt, t.find(c.column))
	}
	for _, c := range s.unless {
		b.unlessAt = append(b.unlessAt, t.find(c.column))
	}
	return b
}

func (t *Table) findAll(columns []column) []int {
	places := make([]int, len(columns))
	for i, c := range columns {
		places[i] = t.find(c)
	}
	return places
}

// bindRest says of the columns of the table which are used, and why others
// are not.
func (t *Table) bindRest() {
	t.used, t.ignored = make([]bool, len(t.columns)), make([]string, len(t.columns))
	for _, c := range t.m.columns() {
		if i := t.find(c); i >= 0 {
			t.used[i] = true
		}
	}
	for i, name := range t.columns {
		for _, ignored := range t.m.ignore {
			if ignored.pattern.match(foldCell(name)) {
				t.ignored[i] = ignored.reason
				break
			}
		}
	}
}

// FromRow makes a report of a row. Every cell that says something ends in a
// statement or in the account. False: the row is listed as invalid, since
// nothing of it could be taken.
func (t *Table) FromRow(row tabular.Row, a *Account) (report.Report, bool) {
	g := &gathering{t: t, row: row, account: a, out: t.fields.gather(), fates: map[reference]*fate{}, folded: map[string]string{}}
	for i := range t.targets {
		g.target(&t.targets[i])
	}
	for i := range t.seen {
		g.seen(&t.seen[i])
	}
	native := g.native()
	g.settle()
	if !g.said {
		a.Refuse(Place{File: t.Name, Record: row.Number, Line: row.Line, Reason: "nothing of the row could be taken"})
		return report.Report{}, false
	}
	return report.Report{Native: native, Standard: t.fields.std.Ref(), Statements: g.out.statements(), Observables: g.observables}, true
}

// MissingColumns names the columns of the map that the table does not have, without the optional
// ones.
func (t *Table) MissingColumns() []string {
	var names []string
	for _, c := range t.missing() {
		names = append(names, c.name)
	}
	return names
}
