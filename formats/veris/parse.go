package veris

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/wire"
)

// Reader reads the incidents of a stream: one object, an array, JSON Lines or
// objects one after the other. It holds one incident at a time.
type Reader struct {
	records *jsonrecords.Reader
	parser  *Parser
}

// Source is where an incident stands in its stream, and its bytes there,
// valid until the next one is read.
type Source struct {
	Number int // of the record, from 1
	Line   int // of its start, from 1
	Bytes  []byte
}

// Bad is an incident that could not be read; the ones after it can.
type Bad = jsonrecords.Bad

// NewReader reads from in, which is no longer compressed.
func NewReader(in io.Reader) *Reader {
	return &Reader{records: jsonrecords.NewReader(in), parser: NewParser()}
}

// Next returns the next incident and its source; a *[Bad] for one that is
// broken, after which reading may go on; io.EOF at the end; or the error of
// the underlying reader.
func (r *Reader) Next() (Incident, Source, error) {
	record, err := r.records.Next()
	if err != nil {
		return Incident{}, Source{}, err
	}
	source := Source(record)
	in, err := r.parser.Parse(record.Bytes)
	if err != nil {
		var f *fault.Error
		if !errors.As(err, &f) {
			f = fault.New(fault.Invalid, "veris.unreadable", "the incident cannot be read").Because(err)
		}
		return Incident{}, source, &Bad{Number: record.Number, Line: record.Line, Fault: f}
	}
	return in, source, nil
}

// Parser parses incidents; it remembers the names it has seen, so that equal
// paths share their memory. It is not safe for concurrent use.
type Parser struct {
	root  *name
	known int
	dec   jsontext.Decoder
	buf   bytes.Buffer
}

// name is a node of the tree of paths.
type name struct {
	place, path string
	members     map[string]*name
	list        *name
	trimmed     bool // the name was written with whitespace around it
	dotted      bool // it is a path of names in one
}

// maxNames bounds what a parser remembers of strangers' names.
const maxNames = 20000

// NewParser returns an empty parser.
func NewParser() *Parser { return &Parser{root: &name{}} }

// Parse reads one incident. Errors are fault.Invalid or fault.TooLarge, with
// the place as a JSON pointer: no JSON, a name twice, not UTF-8, nested too
// deep, or something after the end.
func (p *Parser) Parse(data []byte) (Incident, error) {
	if p.known > maxNames {
		p.root, p.known = &name{}, 0
	}
	p.buf.Reset()
	p.buf.Write(data)
	p.dec.Reset(&p.buf)
	in := Incident{Values: make([]Value, 0, 64)}
	err := p.value(&in, p.root, 0, 0, 0)
	if err == nil {
		_, err = p.dec.ReadToken()
		if err == io.EOF {
			return in, nil
		}
	}
	// Say it as every other room says it.
	if refused := wire.Check(data); refused != nil {
		return Incident{}, refused
	}
	return Incident{}, fault.New(fault.Invalid, "json.malformed", "the incident cannot be read as JSON").Because(err)
}

// value reads a value at a name; lists says how many lists it stands in.
func (p *Parser) value(in *Incident, at *name, row, item, lists int) error {
	if p.dec.StackDepth() > wire.MaxDepth {
		return fault.New(fault.TooLarge, "json.too_deep", "nested too deep")
	}
	tok, err := p.dec.ReadToken()
	if err != nil {
		return err
	}
	v := Value{Place: at.place, Path: at.path, Row: row, Item: item}
	switch tok.Kind() {
	case '{':
		return p.object(in, at, v, lists)
	case '[':
		return p.array(in, at, v, lists)
	case '"':
		v.Kind, v.Text = String, tok.String()
	case '0':
		v.Kind, v.Text = Number, tok.String()
	case 't', 'f':
		v.Kind, v.Text = Boolean, tok.String()
	default:
		v.Kind = Null
	}
	in.Values = append(in.Values, v)
	return nil
}

func (p *Parser) object(in *Incident, at *name, v Value, lists int) error {
	empty := true
	for ; p.dec.PeekKind() == '"'; empty = false {
		raw, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		below := p.member(at, raw)
		if below.trimmed {
			in.Applied = append(in.Applied, RuleName)
		}
		if below.dotted {
			in.Applied = append(in.Applied, RuleNameFlat)
		}
		if err := p.value(in, below, v.Row, v.Item, lists); err != nil {
			return err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil { // the closing brace
		return err
	}
	if empty && at != p.root {
		v.Kind = EmptyObject
		in.Values = append(in.Values, v)
	}
	return nil
}

func (p *Parser) array(in *Incident, at *name, v Value, lists int) error {
	if at.list == nil {
		p.known++
		at.list = &name{place: at.place + "[]", path: at.path}
	}
	i := 0
	for ; p.dec.PeekKind() != ']'; i++ {
		row, item := i, 0
		if lists > 0 {
			row, item = v.Row, i
		}
		if err := p.value(in, at.list, row, item, lists+1); err != nil {
			return err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil { // the closing bracket
		return err
	}
	if i == 0 {
		v.Kind = EmptyList
		in.Values = append(in.Values, v)
	}
	return nil
}

// member returns the node of a member by its name as written, quotes and all.
func (p *Parser) member(at *name, raw []byte) *name {
	if below := at.members[string(raw)]; below != nil {
		return below
	}
	text := string(raw[1 : len(raw)-1])
	if strings.Contains(text, `\`) {
		if plain, err := jsontext.AppendUnquote(nil, raw); err == nil {
			text = string(plain)
		}
	}
	below := &name{}
	if trimmed := strings.TrimSpace(text); trimmed != text {
		text, below.trimmed = trimmed, true
	}
	below.dotted = strings.Contains(text, ".")
	below.place, below.path = text, text
	if at.place != "" {
		below.place, below.path = at.place+"."+text, at.path+"."+text
	}
	if at.members == nil {
		at.members = map[string]*name{}
	}
	at.members[string(raw)] = below
	p.known++
	return below
}
