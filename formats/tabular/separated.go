package tabular

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/textin"
)

// Limits of a table of separated values.
const (
	// MaxRow is the largest row, in bytes.
	MaxRow = 16 << 20
	// MaxColumns is the largest number of columns.
	MaxColumns = 10000
	// MaxQuoted is how far, in bytes, a quote may reach over line ends before
	// it is taken for one that never closes.
	MaxQuoted = 1 << 18
)

// Delimiters are tried in this order where none is given.
const Delimiters = ",;\t|"

// separated reads separated values.
type separated struct {
	lines     *lines
	delimiter byte
	columns   []string
	number    int
	raw       []byte
}

// NewReader reads a table of separated values, which starts with a header.
// Delimiter is one byte, or 0 to find it in the header. The stream is no
// longer compressed.
func NewReader(in io.Reader, delimiter byte) (Reader, error) {
	r := &separated{lines: &lines{in: textin.Reader(in)}, delimiter: delimiter}
	for {
		line, err := r.lines.next()
		if err == io.EOF {
			return nil, fault.New(fault.Invalid, "table.empty", "the table is empty: its first line must name the columns")
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line.bytes)) > 0 {
			r.lines.back(line)
			break
		}
	}
	if r.delimiter == 0 {
		r.delimiter = findDelimiter(r.lines.top().bytes)
	}
	cells, _, err := r.record()
	if err != nil {
		return nil, err
	}
	if len(cells) > MaxColumns {
		return nil, fault.New(fault.TooLarge, "table.too_wide", "the table has %d columns; at most %d are taken", len(cells), MaxColumns)
	}
	r.columns = uniqueNames(cells)
	return r, nil
}

// findDelimiter returns the delimiter that the header uses most, outside
// quotes.
func findDelimiter(header []byte) byte {
	counts := map[byte]int{}
	quoted := false
	for _, b := range header {
		if b == '"' {
			quoted = !quoted
		} else if !quoted {
			counts[b]++
		}
	}
	best := Delimiters[0]
	for _, d := range []byte(Delimiters) {
		if counts[d] > counts[best] {
			best = d
		}
	}
	return best
}

func (r *separated) Columns() []string { return r.columns }

func (r *separated) Next() (Row, error) {
	for {
		line, err := r.lines.next()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(line.bytes)) == 0 {
			continue
		}
		r.lines.back(line)
		break
	}
	r.number++
	at := r.lines.top().number
	cells, reencoded, err := r.record()
	if err != nil {
		if f, is := err.(*fault.Error); is {
			return Row{}, &Bad{r.number, at, f}
		}
		return Row{}, err
	}
	if len(cells) != len(r.columns) {
		return Row{}, &Bad{r.number, at, fault.New(fault.Invalid, "table.ragged",
			"the row has %d cells and the header %d: look for a missing or an unquoted %q", len(cells), len(r.columns), string(r.delimiter))}
	}
	for i, cell := range cells {
		if cell == `\N` {
			cells[i] = ""
		}
	}
	return Row{Number: r.number, Line: at, Cells: cells, Reencoded: reencoded, Bytes: r.raw}, nil
}

// record reads the cells of one record, over line ends within quotes. If a
// quote does not close, the record is its first line alone, and a fault.
func (r *separated) record() (cells []string, reencoded bool, err error) {
	var taken []line
	r.raw = r.raw[:0]
	for {
		l, err := r.lines.next()
		if err == io.EOF && len(taken) > 0 || len(taken) > 1 && len(r.raw) > MaxQuoted {
			if err == nil {
				taken = append(taken, l)
			}
			slices.Reverse(taken[1:])
			for _, l := range taken[1:] {
				r.lines.back(l)
			}
			r.raw = append(r.raw[:0], taken[0].bytes...)
			return nil, false, fault.New(fault.Invalid, "table.quote", "a quote is opened in this row and never closed")
		}
		if err != nil {
			return nil, false, err
		}
		if l.tooLong {
			return nil, false, fault.New(fault.TooLarge, "table.too_large", "the row is larger than %d MiB", MaxRow>>20)
		}
		taken = append(taken, l)
		r.raw = append(r.raw, l.bytes...)
		if len(taken) > 1 && bytes.IndexByte(l.bytes, '"') < 0 {
			continue // still within the quote
		}
		cells, closed := split(r.raw, r.delimiter)
		if !closed {
			continue
		}
		for i, cell := range cells {
			if !utf8.ValidString(cell) {
				cells[i], reencoded = fromWindows1252(cell), true
			}
		}
		return cells, reencoded, nil
	}
}

// split cuts a record into cells, and says whether its last quote is closed.
// A quote inside an unquoted cell, or after the closing quote, is taken as it
// stands.
func split(record []byte, delimiter byte) (cells []string, closed bool) {
	record = bytes.TrimSuffix(record, []byte("\n"))
	record = bytes.TrimSuffix(record, []byte("\r"))
	for {
		if len(record) == 0 || record[0] != '"' {
			end := bytes.IndexByte(record, delimiter)
			if end < 0 {
				return append(cells, string(record)), true
			}
			cells = append(cells, string(record[:end]))
			record = record[end+1:]
			continue
		}
		var cell strings.Builder
		record = record[1:]
		for {
			end := bytes.IndexByte(record, '"')
			if end < 0 {
				return nil, false
			}
			cell.Write(record[:end])
			record = record[end+1:]
			if len(record) == 0 || record[0] != '"' {
				break
			}
			cell.WriteByte('"')
			record = record[1:]
		}
		end := bytes.IndexByte(record, delimiter)
		if end < 0 {
			cell.Write(record)
			return append(cells, cell.String()), true
		}
		cell.Write(record[:end])
		cells = append(cells, cell.String())
		record = record[end+1:]
	}
}

func fromWindows1252(cell string) string {
	text, err := charmap.Windows1252.NewDecoder().String(cell)
	if err != nil {
		return strings.ToValidUTF8(cell, "\uFFFD")
	}
	return text
}

// lines reads a stream line by line and takes lines back.
type lines struct {
	in     *bufio.Reader
	number int
	pushed []line // last in, first out
}

type line struct {
	number  int
	bytes   []byte // with its end
	tooLong bool
}

func (l *lines) next() (line, error) {
	if n := len(l.pushed); n > 0 {
		top := l.pushed[n-1]
		l.pushed = l.pushed[:n-1]
		return top, nil
	}
	l.number++
	read := line{number: l.number}
	for {
		part, err := l.in.ReadSlice('\n')
		if len(read.bytes)+len(part) > MaxRow {
			read.tooLong = true
		} else {
			read.bytes = append(read.bytes, part...)
		}
		switch {
		case err == nil:
			return read, nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(read.bytes) > 0:
			return read, nil
		default:
			return line{}, err
		}
	}
}

func (l *lines) back(read line) { l.pushed = append(l.pushed, read) }

// top is the line that was taken back last.
func (l *lines) top() line { return l.pushed[len(l.pushed)-1] }
