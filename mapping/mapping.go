// Package mapping turns foreign documents into reports and back, by the
// standard's crosswalk, and keeps the account of it: what was mapped, what was
// not and why, what was repaired by which rule, and what was invalid where.
//
//	veris.Incident ──FromVERIS──▶ report.Report ──ToVERIS──▶ veris.Incident
//	stix.Object    ──FromSTIX───▶ report.Report ──ToSTIX───▶ stix.Object
//	tabular.Row    ──FromRow────▶ report.Report ──ToRow────▶ cells
//	                     │
//	                     ▼
//	                 [Account]
//
// VERIS needs no table of fields here: the counterpart of a field is what its
// Crosswalk.VERIS says ([NewVERIS]). A table needs a mapping file, which says
// for each field where its values come from ([ParseMap], docs/mapping.md).
//
// Nothing is dropped silently: every value of a document ends in a statement
// of the report or in the account.
package mapping

import (
	"fmt"
	"slices"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Place names where something stands in what was read.
type Place struct {
	File   string `json:"file,omitzero"`
	Record int    `json:"record,omitzero"` // from 1
	Line   int    `json:"line,omitzero"`   // from 1
	// Path of the field or column; empty for the whole record.
	Path   string `json:"path,omitzero"`
	Reason string `json:"reason"`
}

// String writes a place as "file:line: path: reason".
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	} else if p.Record > 0 {
		s += fmt.Sprintf(": record %d", p.Record)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	return s + ": " + p.Reason
}

// fields is a standard prepared for cleaning values: one cleaner per field,
// in the standard's order.
type fields struct {
	std    *standard.Standard
	all    []*cleaner
	byPath map[string]*cleaner
}

func newFields(std *standard.Standard) *fields {
	f := &fields{std: std, byPath: map[string]*cleaner{}}
	for i, field := range std.Fields() {
		c := newCleaner(std, field, i)
		f.all = append(f.all, c)
		f.byPath[field.Path] = c
	}
	return f
}

// rows gathers the statements of one report while it is being mapped.
type rows struct {
	fields *fields
	values map[*cleaner][]cell
}

// cell is a clean value in the row that the source gave it.
type cell struct {
	row  int
	text string
}

func (f *fields) gather() *rows { return &rows{fields: f, values: map[*cleaner][]cell{}} }

// reset empties the rows and keeps their memory for the next report.
func (r *rows) reset() {
	for c, cells := range r.values {
		r.values[c] = cells[:0]
	}
}

// statements orders what was gathered as a report wants it: fields in the
// standard's order, rows dense from 0; a group's rows keep together.
func (r *rows) statements() []report.Statement {
	n := 0
	for _, cells := range r.values {
		n += len(cells)
	}
	if n == 0 {
		return nil
	}
	used := r.usedRows()
	out := make([]report.Statement, 0, n)
	for _, c := range r.fields.all {
		cells := r.values[c]
		if len(cells) == 0 {
			continue
		}
		slices.SortStableFunc(cells, func(a, b cell) int { return a.row - b.row })
		for i, cell := range cells {
			row := 0
			switch {
			case c.field.Group != "":
				row, _ = slices.BinarySearch(used[c.field.Group], cell.row)
			case c.field.Many:
				row = i
			}
			out = append(out, report.Statement{Path: c.field.Path, Row: row, Value: cell.text})
		}
	}
	return out
}

// usedRows lists the rows that each group uses, in order: the place of a row
// among them is its number without holes.
func (r *rows) usedRows() map[string][]int {
	used := map[string][]int{}
	for c, cells := range r.values {
		if c.field.Group == "" || len(cells) == 0 {
			continue
		}
		rows := used[c.field.Group]
		for _, cell := range cells {
			rows = append(rows, cell.row)
		}
		used[c.field.Group] = rows
	}
	for group, rows := range used {
		slices.Sort(rows)
		used[group] = slices.Compact(rows)
	}
	return used
}

// has says whether a field holds a value already, in a row if that matters.
func (r *rows) has(c *cleaner, row int, text string) bool {
	for _, cell := range r.values[c] {
		if c.field.Group != "" && cell.row == row || c.field.Many && cell.text == text || c.field.Group == "" && !c.field.Many {
			return true
		}
	}
	return false
}

func (r *rows) put(c *cleaner, row int, text string) {
	r.values[c] = append(r.values[c], cell{row, text})
}

// same says whether a field holds this very value already, in a row if that
// matters.
func (r *rows) same(c *cleaner, row int, text string) bool {
	for _, cell := range r.values[c] {
		if cell.text == text && (c.field.Group == "" || cell.row == row) {
			return true
		}
	}
	return false
}

// cell returns the value of a field in a row, for a field that has one.
func (r *rows) cell(c *cleaner, row int) *cell {
	cells := r.values[c]
	for i := range cells {
		if c.field.Group == "" || cells[i].row == row {
			return &cells[i]
		}
	}
	return nil
}
