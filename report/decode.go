package report

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// MaxNative is the longest native identifier, in bytes.
const MaxNative = 1024

// Decode reads a report's JSON, closed under the standard. What is no JSON at
// all, or passes a limit of package wire, is an error (a fault); what does not
// fit the standard is left out of the report and listed as a problem, so that
// a reader sees everything at once. Values are returned in canonical form.
func Decode(std *standard.Standard, data []byte) (Report, []Problem, error) {
	if len(data) > wire.MaxDocument {
		return Report{}, nil, fault.New(fault.TooLarge, "json.too_large", "the report has %d bytes; at most %d are taken", len(data), wire.MaxDocument)
	}
	d := decoder{std: std, dec: jsontext.NewDecoder(bytes.NewBuffer(data))}
	d.report.Standard = std.Ref()
	err := d.document(data)
	if err != nil {
		// The one pass above stops at what wire would refuse; wire says
		// better what it is.
		if f := wire.Check(data); f != nil {
			return Report{}, nil, f
		}
		return Report{}, nil, fault.New(fault.Invalid, "report.no_object", "a report is one JSON object").Because(err)
	}
	d.finish()
	return d.report, d.problems.list, nil
}

// decoder reads one report in one pass.
type decoder struct {
	std        *standard.Standard
	dec        *jsontext.Decoder
	problems   problems
	statements []placed
	report     Report
	scratch    []byte
}

// placed is a statement and its field's place in the standard.
type placed struct {
	order int
	Statement
}

var (
	errShape = errors.New("not one object, or nested too deep")
)

func (d *decoder) document(data []byte) error {
	if d.dec.PeekKind() != '{' {
		return errShape
	}
	if err := d.object(d.std.Tree(), 0); err != nil {
		return err
	}
	if len(bytes.TrimLeft(data[d.dec.InputOffset():], " \t\r\n")) > 0 {
		return errShape
	}
	return nil
}

// finish orders the statements as the standard has them.
func (d *decoder) finish() {
	byPlace := func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Row, b.Row))
	}
	if !slices.IsSortedFunc(d.statements, byPlace) {
		slices.SortStableFunc(d.statements, byPlace)
	}
	if len(d.statements) > 0 {
		d.report.Statements = make([]Statement, len(d.statements))
	}
	for i, s := range d.statements {
		d.report.Statements[i] = s.Statement
	}
}

// object reads the properties that stand below a node; row is that of the
// group around it, if any.
func (d *decoder) object(at *standard.Node, row int) error {
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	for d.dec.PeekKind() != '}' {
		raw, err := d.dec.ReadValue()
		if err != nil {
			return err
		}
		name, err := d.unquote(raw)
		if err != nil {
			return err
		}
		if next := at.ChildBytes(name); next != nil {
			err = d.node(next, row)
		} else {
			err = d.other(at, string(name))
		}
		if err != nil {
			return err
		}
	}
	_, err := d.dec.ReadToken()
	return err
}

// unquote returns a JSON string's text; it is good until the next call.
func (d *decoder) unquote(raw jsontext.Value) ([]byte, error) {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	var err error
	d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], raw)
	return d.scratch, err
}

func (d *decoder) node(n *standard.Node, row int) error {
	switch {
	case n.Group:
		return d.group(n)
	case n.Field == nil:
		if d.dec.PeekKind() != '{' {
			return d.refuse(n.Path, "report.type", "an object is expected")
		}
		return d.object(n, row)
	case n.Field.Many:
		return d.list(n)
	}
	_, err := d.scalar(n, row)
	return err
}

// other reads what is no field: the properties that every report has, and
// what the standard does not know.
func (d *decoder) other(at *standard.Node, name string) error {
	if at.Parent == nil {
		switch name {
		case "standard":
			v, ok, err := d.text("standard")
			if ok && v != string(d.std.Ref()) {
				d.problems.error("standard", "report.other_standard", "the report is written for another standard than %s", d.std.Ref())
			}
			return err
		case "native":
			v, ok, err := d.text("native")
			if ok && len(v) > MaxNative {
				d.problems.error("native", "report.native", "the native identifier has more than %d bytes", MaxNative)
			} else if ok {
				d.report.Native = v
			}
			return err
		case "observables":
			return d.observables()
		}
	}
	path := name
	if at.Path != "" {
		path = at.Path + "." + name
	}
	if len(path) > 200 {
		path = at.Path // a name of the sender's making, not ours to repeat
	}
	return d.refuse(path, "report.unknown_field", "the standard %s has no such field; `concord standard show %s` lists them", d.std.Ref(), d.std.Ref())
}

// refuse lists a problem and skips the value.
func (d *decoder) refuse(path, code, format string, args ...any) error {
	d.problems.error(path, code, format, args...)
	return d.skip()
}

// skip passes over a value, never deeper than wire allows.
func (d *decoder) skip() error {
	base := d.dec.StackDepth()
	for {
		if _, err := d.dec.ReadToken(); err != nil {
			return err
		}
		if d.dec.StackDepth() > wire.MaxDepth {
			return errShape
		}
		if d.dec.StackDepth() == base {
			return nil
		}
	}
}

// text reads a string, or lists that something else stands there.
func (d *decoder) text(path string) (string, bool, error) {
	if d.dec.PeekKind() != '"' {
		return "", false, d.refuse(path, "report.type", "a text is expected")
	}
	t, err := d.dec.ReadToken()
	if err != nil {
		return "", false, err
	}
	return t.String(), true, nil
}

// group reads the rows of a repeated group.
func (d *decoder) group(n *standard.Node) error {
	if d.dec.PeekKind() != '[' {
		return d.refuse(n.Path, "report.type", "a list of objects is expected")
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	row := 0
	for ; d.dec.PeekKind() != ']'; row++ {
		var err error
		switch {
		case row >= MaxSaid:
			err = d.skip()
		case d.dec.PeekKind() != '{':
			err = d.refuse(n.Path, "report.type", "each entry of the list is an object")
		default:
			err = d.object(n, row)
		}
		if err != nil {
			return err
		}
	}
	if row > MaxSaid {
		d.problems.error(n.Path, "report.too_large", "the list has more than %d entries", MaxSaid)
	}
	_, err := d.dec.ReadToken()
	return err
}

// list reads the values of a field that has any number of them. Values that
// are refused leave no gap.
func (d *decoder) list(n *standard.Node) error {
	if d.dec.PeekKind() != '[' {
		return d.refuse(n.Path, "report.type", "a list is expected")
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	row := 0
	for d.dec.PeekKind() != ']' {
		if row >= MaxSaid {
			if err := d.refuse(n.Path, "report.too_large", "the list has more than %d entries", MaxSaid); err != nil {
				return err
			}
			continue
		}
		kept, err := d.scalar(n, row)
		if err != nil {
			return err
		}
		if kept {
			row++
		}
	}
	_, err := d.dec.ReadToken()
	return err
}

// scalar reads one value of a field and says whether it was kept.
func (d *decoder) scalar(n *standard.Node, row int) (bool, error) {
	f := n.Field
	kind := d.dec.PeekKind()
	fits := kind == '"'
	switch f.Type {
	case standard.Integer, standard.Decimal:
		fits = kind == '0'
	case standard.Boolean:
		fits = kind == 't' || kind == 'f'
	}
	if !fits {
		return false, d.refuse(placeOf(f, row), "report.type", "a %s is expected", typeName(f.Type))
	}
	raw, err := d.dec.ReadValue()
	if err != nil {
		return false, err
	}
	text := []byte(raw)
	if kind == '"' {
		if text, err = d.unquote(raw); err != nil {
			return false, err
		}
	}
	v, err := d.std.Canonical(*f, string(text))
	if err != nil {
		d.problems.fault(placeOf(f, row), err)
		return false, nil
	}
	d.statements = append(d.statements, placed{n.Order, Statement{f.Path, row, v}})
	return true, nil
}

func typeName(t standard.Type) string {
	switch t {
	case standard.Integer, standard.Decimal:
		return "number"
	case standard.Boolean:
		return "true or false"
	}
	return "text"
}
