package tabular

import (
	"bytes"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/wire"
)

// objects reads flat JSON objects as rows.
type objects struct {
	records  *jsonrecords.Reader
	columns  []string
	position map[string]int
}

// NewJSONReader reads a table from JSON objects (JSON Lines, an array, or one
// after the other): members are columns, and members of inner objects are
// columns with dotted names. A list becomes one cell, which [List] reads.
func NewJSONReader(in io.Reader) Reader {
	return &objects{records: jsonrecords.NewReader(in), position: map[string]int{}}
}

func (o *objects) Columns() []string { return o.columns }

func (o *objects) Next() (Row, error) {
	record, err := o.records.Next()
	if bad, is := err.(*jsonrecords.Bad); is {
		return Row{}, &Bad{bad.Number, bad.Line, bad.Fault}
	}
	if err != nil {
		return Row{}, err
	}
	row := Row{Number: record.Number, Line: record.Line, Bytes: record.Bytes, Cells: make([]string, len(o.columns))}
	if err := wire.Check(record.Bytes); err != nil {
		return Row{}, &Bad{record.Number, record.Line, fault.Public(err)}
	}
	if err := o.members(&row, "", record.Bytes); err != nil {
		return Row{}, &Bad{record.Number, record.Line, fault.Public(err)}
	}
	return row, nil
}

// members puts the members of an object, already checked, into cells.
func (o *objects) members(row *Row, under string, object []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		return fault.New(fault.Invalid, "json.malformed", "the row cannot be read as JSON").Because(err)
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return fault.New(fault.Invalid, "json.malformed", "the row cannot be read as JSON").Because(err)
		}
		column := under + strings.TrimSpace(name.String())
		value, err := dec.ReadValue()
		if err != nil {
			return fault.New(fault.Invalid, "json.malformed", "the row cannot be read as JSON").Because(err)
		}
		switch value.Kind() {
		case '{':
			if err := o.members(row, column+".", value.Clone()); err != nil {
				return err
			}
		case '"':
			text, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return fault.New(fault.Invalid, "json.malformed", "the row cannot be read as JSON").Because(err)
			}
			o.put(row, column, string(text))
		case 'n':
		default:
			o.put(row, column, string(value))
		}
		if len(o.columns) > MaxColumns {
			return fault.New(fault.TooLarge, "table.too_wide", "the table has more than %d columns", MaxColumns)
		}
	}
	return nil
}

func (o *objects) put(row *Row, column, cell string) {
	at, known := o.position[column]
	if !known {
		at = len(o.columns)
		o.position[column] = at
		o.columns = append(o.columns, column)
	}
	for len(row.Cells) <= at {
		row.Cells = append(row.Cells, "")
	}
	row.Cells[at] = cell
}
