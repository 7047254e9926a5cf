package collect

import (
	"bufio"
	"io"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Writer writes reports in a format, and keeps the account of what that format
// has no place for.
type Writer struct{ to reportWriter }

// reportWriter is what each format does. Close does not close what it writes
// to.
type reportWriter interface {
	Write(Collected) error
	Close() error
	Account() mapping.Account
}

// NewWriter writes to w as "report", "veris", "stix" or "misp" (all JSON Lines)
// or "csv".
// Close it to have everything written.
func NewWriter(w io.Writer, to string) (*Writer, error) {
	switch to {
	case "report":
		return &Writer{&jsonWriter{to: bufio.NewWriterSize(w, 1<<16)}}, nil
	case "veris":
		return &Writer{&verisWriter{to: bufio.NewWriterSize(w, 1<<16), under: map[standard.Ref]*mapping.VERIS{}}}, nil
	case "csv":
		return &Writer{newTableWriter(w)}, nil
	case "misp":
		return &Writer{newMISPWriter(w)}, nil
	case "stix":
		return &Writer{newSTIXWriter(w)}, nil
	}
	return nil, noFormat(to)
}

// Write writes one report.
func (w *Writer) Write(c Collected) error { return w.to.Write(c) }

// Close writes what is still held back. It leaves the underlying writer open.
func (w *Writer) Close() error { return w.to.Close() }

// Account counts what could not be written in the format. It is for merging
// with that of [Read], and counts no records.
func (w *Writer) Account() mapping.Account { return w.to.Account() }

// jsonWriter writes reports as they are.
type jsonWriter struct{ to *bufio.Writer }

func (w *jsonWriter) Write(c Collected) error {
	std, err := standard.Builtin(c.report.Standard)
	if err != nil {
		return err
	}
	return report.EncodeTo(w.to, std, c.report)
}

func (w *jsonWriter) Close() error { return w.to.Flush() }

func (w *jsonWriter) Account() mapping.Account { return mapping.Account{} }

// verisWriter writes reports as incidents.
type verisWriter struct {
	to      *bufio.Writer
	under   map[standard.Ref]*mapping.VERIS
	account mapping.Account
}

func (w *verisWriter) Write(c Collected) error {
	m := w.under[c.report.Standard]
	if m == nil {
		std, err := standard.Builtin(c.report.Standard)
		if err != nil {
			return err
		}
		m = mapping.NewVERIS(std)
		w.under[c.report.Standard] = m
	}
	line, err := veris.Print(m.ToVERIS(c.report, &w.account))
	if err != nil {
		return err
	}
	_, err = w.to.Write(append(line, '\n'))
	return err
}

func (w *verisWriter) Close() error { return w.to.Flush() }

func (w *verisWriter) Account() mapping.Account { return w.account }
