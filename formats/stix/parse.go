package stix

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/internal/textin"
	"github.com/concord-trust/concord/wire"
)

// Parse reads one object: a bundle or any other. Errors are fault.Invalid or
// fault.TooLarge, with the place as a JSON pointer: no JSON, a name twice, not
// UTF-8, nested too deep, or something after the end.
func Parse(data []byte) (Object, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	v, err := readValue(dec)
	if err == nil {
		if _, err = dec.ReadToken(); err == io.EOF {
			if o, ok := v.(Object); ok {
				return o, nil
			}
			return nil, fault.New(fault.Invalid, "stix.no_object", "an object of STIX is one JSON object")
		}
	}
	// Say it as every other room says it.
	if refused := wire.Check(data); refused != nil {
		return nil, refused
	}
	return nil, fault.New(fault.Invalid, "json.malformed", "the object cannot be read as JSON").Because(err)
}

func readValue(dec *jsontext.Decoder) (any, error) {
	if dec.StackDepth() > wire.MaxDepth {
		return nil, fault.New(fault.TooLarge, "json.too_deep", "nested too deep")
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{':
		return readObject(dec)
	case '[':
		return readList(dec)
	case '"':
		return tok.String(), nil
	case '0':
		return Number(tok.String()), nil
	case 't', 'f':
		return tok.Bool(), nil
	}
	return nil, nil
}

func readObject(dec *jsontext.Decoder) (any, error) {
	o := make(Object, 0, 8)
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		m := Member{Name: name.String()}
		if m.Value, err = readValue(dec); err != nil {
			return nil, err
		}
		o = append(o, m)
	}
	_, err := dec.ReadToken() // the closing brace
	return o, err
}

func readList(dec *jsontext.Decoder) (any, error) {
	l := List{}
	for dec.PeekKind() != ']' {
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	_, err := dec.ReadToken() // the closing bracket
	return l, err
}

// Reader reads the objects of a stream: one object, an array, JSON Lines, or
// objects one after the other; each may be a bundle. It holds one of them at a
// time. A bundle comes whole, with two exceptions: one that begins the stream
// and is larger than 1 MiB comes object by object, and itself, without
// "objects", after the last of them; any other may have at most 16 MiB.
type Reader struct {
	records *jsonrecords.Reader
	open    *opened // in place of records
}

// Source is where an object stands in its stream, and its bytes there, valid
// until the next one is read.
type Source struct {
	Number int // of the record, from 1
	Line   int // of its start, from 1; 0 inside of a large bundle
	Bytes  []byte
}

// Bad is a record that could not be read; the ones after it can.
type Bad = jsonrecords.Bad

// NewReader reads from in, which is no longer compressed.
func NewReader(in io.Reader) *Reader {
	text := bufio.NewReaderSize(textin.Reader(in), window)
	if isLarge(text) {
		return &Reader{open: open(text)}
	}
	return &Reader{records: jsonrecords.NewReader(text)}
}

// Next returns the next object and its source; a *[Bad] for one that is
// broken, after which reading may go on; io.EOF at the end; or the error of
// the underlying reader.
func (r *Reader) Next() (Object, Source, error) {
	if r.open != nil {
		return r.nextOpened()
	}
	record, err := r.records.Next()
	if err != nil {
		return nil, Source{}, err
	}
	source := Source(record)
	o, err := Parse(record.Bytes)
	if err != nil {
		return nil, source, &Bad{Number: record.Number, Line: record.Line, Fault: fault.Public(err)}
	}
	return o, source, nil
}

// nextOpened reads on in a large bundle; what follows it is read as any other
// stream.
func (r *Reader) nextOpened() (Object, Source, error) {
	o, source, over, err := r.open.next()
	if !over {
		return o, source, err
	}
	rest := r.open.rest()
	var bad *Bad
	if errors.As(err, &bad) {
		rest = bytes.NewReader(nil) // nothing can be told apart any more
	}
	r.open, r.records = nil, jsonrecords.NewReader(rest)
	return o, source, err
}
