// Package tabular reads and writes tables: CSV with commas, semicolons, tabs
// or bars, and JSON Lines of flat objects, as spreadsheets, databases and
// scripts of the world write them.
//
//	Name,Breach date                     Row{Line: 2, Cells: ["Acme", "02/03/2014"]}
//	Acme,02/03/2014          ──▶         Row{Line: 3, …}
//	"Beta, Inc.",03/04/2014
//
// Reading is a stream: one row in memory. It copes with byte order marks,
// UTF-16, rows in Windows-1252, CR LF, line ends within quotes and quotes
// within cells; a row with more or fewer cells than the header, or a quote
// that never closes, is a [Bad] row with its line, and costs nothing else.
//
// What a column means is for package mapping and its mapping files.
package tabular

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// Row is one row of a table.
type Row struct {
	Number int // of the row below the header, from 1
	Line   int // of its start in the file, from 1
	// Cells stand in the order of the reader's columns; a cell that only says
	// that there is nothing (\N of database dumps) is empty.
	Cells []string
	// Reencoded says that the row was not UTF-8 and was read as Windows-1252.
	Reencoded bool
	// Bytes are the row as it stood, valid until the next one is read.
	Bytes []byte
}

// Bad is a row that cannot be read as one; the rows after it can.
type Bad struct {
	Number int
	Line   int
	Fault  *fault.Error
}

// Error says what is wrong, without the row's content.
func (b *Bad) Error() string { return b.Fault.Error() }

// Unwrap gives the fault.
func (b *Bad) Unwrap() error { return b.Fault }

// Reader reads a table row by row.
type Reader interface {
	// Columns returns the names of the columns, unique and not empty. A
	// reader of JSON Lines learns columns as it goes: the names known after a
	// row cover that row's cells.
	Columns() []string
	// Next returns the next row, a *[Bad] for a broken one, io.EOF at the
	// end, or the error of the underlying reader.
	Next() (Row, error)
}

// Writer writes a table as CSV with commas, LF and a header.
type Writer struct {
	csv     *csv.Writer
	columns int
}

// NewWriter writes the header of a table to w.
func NewWriter(w io.Writer, columns []string) (*Writer, error) {
	c := csv.NewWriter(w)
	if err := c.Write(columns); err != nil {
		return nil, fmt.Errorf("write the table's header: %w", err)
	}
	return &Writer{csv: c, columns: len(columns)}, nil
}

// Write writes one row, whose cells stand in the order of the columns.
func (w *Writer) Write(cells []string) error {
	if len(cells) != w.columns {
		return fmt.Errorf("write a row of %d cells into a table of %d columns", len(cells), w.columns)
	}
	if err := w.csv.Write(cells); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	return nil
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	w.csv.Flush()
	if err := w.csv.Error(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// uniqueNames makes header cells fit to address columns by: trimmed, never
// empty, and the second of two equal names with its number.
func uniqueNames(cells []string) []string {
	names := make([]string, len(cells))
	seen := map[string]bool{}
	for i, cell := range cells {
		name := strings.TrimSpace(cell)
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		unique := name
		for n := 2; seen[unique]; n++ {
			unique = fmt.Sprintf("%s (%d)", name, n)
		}
		seen[unique] = true
		names[i] = unique
	}
	return names
}
