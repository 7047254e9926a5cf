package collect

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/internal/textin"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// readTable reads a table, separated values or JSON Lines of flat objects, by
// the map of the options; without one, a table of reports as the writer here
// writes it.
func readTable(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	var account mapping.Account
	rows, open, err := openTable(in, o)
	if err != nil {
		return account, inFile(err, name)
	}
	var reports rowReader
	if o.Map != nil {
		reports, err = newMapped(rows, open, name, o)
	} else {
		reports, err = newFlat(rows, open, name, o)
	}
	if err != nil {
		return account, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return account, err
		}
		row, err := rows.Next()
		var bad *tabular.Bad
		switch {
		case err == io.EOF:
			reports.end(&account)
			return account, nil
		case errors.As(err, &bad):
			account.Records++
			account.Refuse(mapping.Place{File: name, Record: bad.Number, Line: bad.Line, Path: bad.Fault.Path, Reason: bad.Fault.Message})
			continue
		case err != nil:
			return account, fmt.Errorf("read the table %s: %w", name, err)
		}
		account.Records++
		r, ok := reports.read(row, &account)
		if !ok {
			continue
		}
		account.Reports++
		if err := yield(Collected{report: r, digest: sha256.Sum256(row.Bytes), file: name, line: row.Line}); err != nil {
			return account, err
		}
	}
}

// inFile names the file of a fault.
func inFile(err error, name string) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Path == "" {
		return f.At(name)
	}
	return err
}

// openTable tells objects from separated values by the first character. Open
// tables learn their columns while they are read.
func openTable(in io.Reader, o Options) (rows tabular.Reader, open bool, err error) {
	text := textin.Reader(in)
	if startsJSON(text) {
		return tabular.NewJSONReader(text), true, nil
	}
	delimiter := byte(0)
	if o.Map != nil {
		delimiter = o.Map.Delimiter()
	}
	rows, err = tabular.NewReader(text, delimiter)
	return rows, false, err
}

func startsJSON(text *bufio.Reader) bool {
	start, _ := text.Peek(4096)
	start = bytes.TrimLeft(start, " \t\r\n")
	return len(start) > 0 && (start[0] == '{' || start[0] == '[')
}

// rowReader makes reports of rows.
type rowReader interface {
	// read returns false for a row that it listed in the account.
	read(row tabular.Row, a *mapping.Account) (report.Report, bool)
	end(a *mapping.Account)
}

// mapped reads rows by a map.
type mapped struct {
	rows  tabular.Reader
	open  bool
	name  string
	o     Options
	table *mapping.Table
}

func newMapped(rows tabular.Reader, open bool, name string, o Options) (*mapped, error) {
	std, err := o.Find(o.Map.Standard())
	if err != nil {
		return nil, err
	}
	table, err := mapping.NewTable(std, o.Map)
	if err != nil {
		return nil, err
	}
	table.Name = name
	if !open {
		err = table.Bind(rows.Columns())
	}
	return &mapped{rows, open, name, o, table}, err
}

func (m *mapped) read(row tabular.Row, a *mapping.Account) (report.Report, bool) {
	if m.open {
		m.table.Extend(m.rows.Columns())
	}
	r, ok := m.table.FromRow(row, a)
	if !ok || m.o.Map.NamesStandard() || m.o.Standard == nil {
		return r, ok
	}
	std, err := m.o.Find(m.o.Standard(r))
	if err != nil {
		a.Refuse(mapping.Place{File: m.name, Record: row.Number, Line: row.Line, Path: "standard", Reason: fault.Public(err).Message})
		return r, false
	}
	return under(std, r, a), true
}

// end lists the columns of the map that no row had.
func (m *mapped) end(a *mapping.Account) {
	if m.open && a.Records > 0 {
		for _, column := range m.table.MissingColumns() {
			a.Skip(column, "the map names this column, and no row has it")
		}
	}
}

// under says what a report says under a further standard. A profile has all
// fields of what it extends; what another standard does not take is counted.
func under(std *standard.Standard, r report.Report, a *mapping.Account) report.Report {
	if r.Standard == std.Ref() {
		return r
	}
	kept := make([]report.Statement, 0, len(r.Statements))
	for _, s := range r.Statements {
		leaf := std.Leaf(s.Path)
		if leaf != nil {
			if text, err := std.Canonical(*leaf.Field, s.Value); err == nil {
				s.Value = text
				kept = append(kept, s)
				continue
			}
		}
		a.Skip(s.Path, "the standard "+string(std.Ref())+" does not take it")
	}
	return report.New(std, r.Native, kept, r.Observables)
}

// flat reads rows that are reports already.
type flat struct {
	name  string
	o     Options
	table *mapping.Flat
}

func newFlat(rows tabular.Reader, open bool, name string, o Options) (*flat, error) {
	if open || !mapping.IsFlat(rows.Columns()) {
		return nil, mapping.NoMap(name)
	}
	return &flat{name: name, o: o, table: mapping.NewFlat(rows.Columns())}, nil
}

// read makes a report under the standard that the row names, else under the
// one that is picked for it.
func (f *flat) read(row tabular.Row, a *mapping.Account) (report.Report, bool) {
	ref := f.table.StandardOf(row)
	named := ref != ""
	if !named {
		ref = core
	}
	std, err := f.o.Find(ref)
	if err == nil {
		r, ok := f.table.FromRow(std, f.name, row, a)
		if !ok || named || f.o.Standard == nil {
			return r, ok
		}
		if std, err = f.o.Find(f.o.Standard(r)); err == nil {
			return under(std, r, a), true
		}
	}
	a.Refuse(mapping.Place{File: f.name, Record: row.Number, Line: row.Line, Path: "standard", Reason: fault.Public(err).Message})
	return report.Report{}, false
}

func (f *flat) end(*mapping.Account) {}

// tableWriter writes reports as a table, a row a report; see mapping.Flat. Its
// columns are those of all standards that come with the program, and of the
// first report's.
type tableWriter struct {
	to      io.Writer
	table   *mapping.Flat
	rows    *tabular.Writer
	account mapping.Account
}

func newTableWriter(w io.Writer) *tableWriter { return &tableWriter{to: w} }

// Account counts what the table could not carry.
func (t *tableWriter) Account() mapping.Account { return t.account }

// Write writes one report.
func (t *tableWriter) Write(c Collected) error {
	r := c.Report()
	std, err := standard.Builtin(r.Standard)
	if err != nil {
		return err
	}
	if err := t.begin(); err != nil {
		return err
	}
	cells := t.table.ToRow(std, r, &t.account)
	if !readable(cells) {
		t.account.Refuse(mapping.Place{File: c.file, Line: c.line, Reason: "as a row of a table the report has more than 256 KiB of text with line ends, which cannot be read back; it is not written. Write it `--to report`"})
		return nil
	}
	return t.rows.Write(cells)
}

// readable says whether the reader of tables takes a row for one.
func readable(cells []string) bool {
	size, lines := 0, false
	for _, cell := range cells {
		size += len(cell) + strings.Count(cell, `"`) + 3
		lines = lines || strings.Contains(cell, "\n")
	}
	return !lines && size <= tabular.MaxRow || size <= tabular.MaxQuoted
}

// begin writes the header.
func (t *tableWriter) begin() error {
	if t.rows != nil {
		return nil
	}
	var standards []*standard.Standard
	for _, ref := range standard.Builtins() {
		std, err := standard.Builtin(ref)
		if err != nil {
			return err
		}
		standards = append(standards, std)
	}
	columns := mapping.FlatColumns(standards...)
	var err error
	t.table = mapping.NewFlat(columns)
	t.rows, err = tabular.NewWriter(t.to, columns)
	return err
}

// Close writes what is buffered; a table without reports has a header.
func (t *tableWriter) Close() error {
	if err := t.begin(); err != nil {
		return err
	}
	return t.rows.Flush()
}
