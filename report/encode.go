package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

// New makes a report of statements, sorted as the standard has them.
func New(std *standard.Standard, native string, statements []Statement, observables []Observable) Report {
	r := Report{Native: native, Standard: std.Ref(), Statements: statements, Observables: observables}
	slices.SortStableFunc(r.Statements, byStandard(std))
	return r
}

// byStandard orders statements as the standard has their fields, rows
// ascending; unknown paths come last.
func byStandard(std *standard.Standard) func(a, b Statement) int {
	return func(a, b Statement) int {
		if a.Path == b.Path {
			return cmp.Compare(a.Row, b.Row)
		}
		return cmp.Compare(std.Order(a.Path), std.Order(b.Path))
	}
}

// Encode writes a report as one JSON object without line ends: the inverse of
// [Decode]. Equal reports give equal bytes. A statement that [Validate] would
// call an error for its path, its row or its type is refused.
func Encode(std *standard.Standard, r Report) ([]byte, error) {
	return appendReport(nil, std, r)
}

// EncodeTo writes a report as one line of JSON Lines.
func EncodeTo(w io.Writer, std *standard.Standard, r Report) error {
	b, err := appendReport(make([]byte, 0, 2048), std, r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// encoder writes one report along the standard's tree.
type encoder struct {
	out []byte
	// of holds the statements of each leaf, present which nodes have any
	// below them; both by the node's number.
	of      [][]Statement
	present []bool
}

func appendReport(out []byte, std *standard.Standard, r Report) ([]byte, error) {
	if r.Standard != "" && r.Standard != std.Ref() {
		return nil, fault.New(fault.Invalid, "report.other_standard", "the report is written for another standard than %s", std.Ref()).At("standard")
	}
	e := encoder{out: out, of: make([][]Statement, std.Nodes()), present: make([]bool, std.Nodes())}
	if err := e.place(std, r.Statements); err != nil {
		return nil, err
	}
	e.out = append(e.out, `{"standard":`...)
	if err := e.quote("standard", string(std.Ref())); err != nil {
		return nil, err
	}
	if r.Native != "" {
		e.out = append(e.out, `,"native":`...)
		if err := e.quote("native", r.Native); err != nil {
			return nil, err
		}
	}
	for _, n := range std.Tree().Children {
		if e.present[n.Number] {
			e.out = append(e.out, ',')
			if err := e.node(n); err != nil {
				return nil, err
			}
		}
	}
	if len(r.Observables) > 0 {
		b, err := json.Marshal(r.Observables)
		if err != nil {
			return nil, fault.New(fault.Invalid, "value.encoding", "an observable is not valid UTF-8").At("observables").Because(err)
		}
		e.out = append(append(e.out, `,"observables":`...), b...)
	}
	return append(e.out, '}'), nil
}

// place finds the statements of each leaf.
func (e *encoder) place(std *standard.Standard, statements []Statement) error {
	if !slices.IsSortedFunc(statements, byStandard(std)) {
		statements = slices.Clone(statements)
		slices.SortStableFunc(statements, byStandard(std))
	}
	for start := 0; start < len(statements); {
		path := statements[start].Path
		end := start + 1
		for end < len(statements) && statements[end].Path == path {
			end++
		}
		n := std.Leaf(path)
		if n == nil {
			return fault.New(fault.Invalid, "report.unknown_field", "the standard %s has no such field", std.Ref()).At(path)
		}
		for i, s := range statements[start:end] {
			if !rowFits(n.Field, s.Row) || i > 0 && statements[start+i-1].Row == s.Row {
				return fault.New(fault.Invalid, "report.row", "the rows of the field do not fit it").At(path)
			}
		}
		e.of[n.Number] = statements[start:end]
		for at := n; at != nil && !e.present[at.Number]; at = at.Parent {
			e.present[at.Number] = true
		}
		start = end
	}
	return nil
}

// rowFits reports whether a field may have a value in the row.
func rowFits(f *standard.Field, row int) bool {
	return row == 0 || row > 0 && row < MaxSaid && (f.Many || f.Group != "")
}

// node writes a property: its name and its value.
func (e *encoder) node(n *standard.Node) error {
	if err := e.quote(n.Path, n.Name); err != nil {
		return err
	}
	e.out = append(e.out, ':')
	switch {
	case n.Group:
		return e.group(n)
	case n.Field == nil:
		e.out = append(e.out, '{')
		first := true
		for _, c := range n.Children {
			if !e.present[c.Number] {
				continue
			}
			if !first {
				e.out = append(e.out, ',')
			}
			first = false
			if err := e.node(c); err != nil {
				return err
			}
		}
		e.out = append(e.out, '}')
		return nil
	case n.Field.Many:
		e.out = append(e.out, '[')
		for i, s := range e.of[n.Number] {
			if i > 0 {
				e.out = append(e.out, ',')
			}
			if err := e.scalar(n.Field, s.Value); err != nil {
				return err
			}
		}
		e.out = append(e.out, ']')
		return nil
	}
	return e.scalar(n.Field, e.of[n.Number][0].Value)
}

// group writes the rows of a repeated group up to the last that says
// something.
func (e *encoder) group(n *standard.Node) error {
	rows := 0
	for _, c := range n.Children {
		if of := e.of[c.Number]; len(of) > 0 {
			rows = max(rows, of[len(of)-1].Row+1)
		}
	}
	e.out = append(e.out, '[')
	for row := range rows {
		if row > 0 {
			e.out = append(e.out, ',')
		}
		e.out = append(e.out, '{')
		first := true
		for _, c := range n.Children {
			of := e.of[c.Number]
			if len(of) == 0 || of[0].Row != row {
				continue
			}
			if !first {
				e.out = append(e.out, ',')
			}
			first = false
			if err := e.quote(c.Path, c.Name); err != nil {
				return err
			}
			e.out = append(e.out, ':')
			if err := e.scalar(c.Field, of[0].Value); err != nil {
				return err
			}
			e.of[c.Number] = of[1:]
		}
		e.out = append(e.out, '}')
	}
	e.out = append(e.out, ']')
	return nil
}

func (e *encoder) scalar(f *standard.Field, v string) error {
	switch f.Type {
	case standard.Integer, standard.Decimal:
		// IsValid allows white space around, which a number never has.
		if raw := jsontext.Value(v); strings.ContainsAny(v, " \t\r\n") || raw.Kind() != '0' || !raw.IsValid() {
			return fault.New(fault.Invalid, "value.number", "a number is expected").At(f.Path)
		}
		e.out = append(e.out, v...)
		return nil
	case standard.Boolean:
		if v != "true" && v != "false" {
			return fault.New(fault.Invalid, "value.boolean", "true or false is expected").At(f.Path)
		}
		e.out = append(e.out, v...)
		return nil
	}
	return e.quote(f.Path, v)
}

func (e *encoder) quote(path, text string) error {
	var err error
	if e.out, err = jsontext.AppendQuote(e.out, text); err != nil {
		return fault.New(fault.Invalid, "value.encoding", "the text is not valid UTF-8").At(path).Because(fmt.Errorf("quote: %w", err))
	}
	return nil
}
