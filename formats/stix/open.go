package stix

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
)

// window is how much of a stream is looked at before it is decided how to read
// it.
const window = 1 << 20

// isLarge says whether a stream starts with a bundle that does not end within
// the window.
func isLarge(in *bufio.Reader) bool {
	start, _ := in.Peek(window)
	if len(start) < window {
		return false
	}
	dec := jsontext.NewDecoder(bytes.NewReader(start))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return false
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return false
		}
		isObjects := name.String() == "objects" && dec.PeekKind() == '['
		if err := dec.SkipValue(); err != nil {
			return isObjects && errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
	return false
}

// opened is a bundle whose objects are read one by one, so that it may be of
// any size.
type opened struct {
	source *quota
	dec    *jsontext.Decoder
	head   Object // the bundle without its objects
	number int
	inside bool // in the list of objects
}

func open(in io.Reader) *opened {
	o := &opened{source: &quota{in: in}}
	o.dec = jsontext.NewDecoder(o.source)
	return o
}

// next returns the next object of the bundle; after the last one the bundle
// itself, without them, and that it is over.
func (o *opened) next() (object Object, source Source, over bool, err error) {
	o.source.left = jsonrecords.MaxRecord
	for !o.inside {
		tok, err := o.dec.ReadToken()
		switch {
		case err != nil:
			return nil, Source{}, true, o.broken(err)
		case tok.Kind() == '{':
			continue
		case tok.Kind() == '}':
			o.number++
			return o.head, Source{Number: o.number}, true, nil
		}
		name := tok.String()
		if name == "objects" && o.dec.PeekKind() == '[' {
			_, err = o.dec.ReadToken()
			o.inside = true
		} else {
			var value any
			value, err = readValue(o.dec)
			o.head = o.head.With(name, value)
		}
		if err != nil {
			return nil, Source{}, true, o.broken(err)
		}
	}
	if o.dec.PeekKind() == ']' {
		if _, err := o.dec.ReadToken(); err != nil {
			return nil, Source{}, true, o.broken(err)
		}
		o.inside = false
		return o.next()
	}
	raw, err := o.dec.ReadValue()
	if err != nil {
		return nil, Source{}, true, o.broken(err)
	}
	o.number++
	source = Source{Number: o.number, Bytes: raw}
	object, err = Parse(raw)
	if err != nil {
		err = &Bad{Number: o.number, Fault: fault.Public(err)}
	}
	return object, source, false, err
}

// broken tells a bundle that is no JSON, after which nothing of the stream can
// be told apart, from a stream that cannot be read.
func (o *opened) broken(err error) error {
	var syntax *jsontext.SyntacticError
	var large *fault.Error
	o.number++
	switch {
	case errors.As(err, &large):
		return &Bad{Number: o.number, Fault: large}
	case errors.As(err, &syntax), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &Bad{Number: o.number, Fault: fault.New(fault.Invalid, "json.malformed", "the bundle is no JSON from here on; what follows in it was not read").Because(err)}
	}
	return err
}

// rest is what follows the bundle in its stream.
func (o *opened) rest() io.Reader {
	return io.MultiReader(bytes.NewReader(bytes.Clone(o.dec.UnreadBuffer())), o.source.in)
}

// quota bounds how much is read for one object.
type quota struct {
	in   io.Reader
	left int
}

// Read implements io.Reader.
func (q *quota) Read(b []byte) (int, error) {
	if q.left <= 0 {
		return 0, fault.New(fault.TooLarge, "json.too_large", "an object of the bundle is larger than 16 MiB; what follows in it was not read")
	}
	n, err := q.in.Read(b[:min(len(b), q.left)])
	q.left -= n
	return n, err
}
