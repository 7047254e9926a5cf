package misp

import (
	"errors"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/internal/textin"
)

// Reader reads the events of a stream. It holds one record at a time.
type Reader struct {
	records *jsonrecords.Reader
	parser  *Parser
	source  Source
	waiting []Event
}

// Source is where an event stands in its stream, and the bytes of its record,
// valid until the next one is read.
type Source struct {
	Number int // of the event, from 1
	Line   int // of the start of its record, from 1
	Bytes  []byte
}

// Bad is a record that is no event; the ones after it can be read.
type Bad = jsonrecords.Bad

// NewReader reads from in, which is no longer compressed.
func NewReader(in io.Reader) *Reader {
	return &Reader{records: jsonrecords.NewReader(newEnvelope(textin.Reader(in))), parser: NewParser()}
}

// Next returns the next event and its source; a *[Bad] for a record that is
// none, after which reading may go on; io.EOF at the end; or the error of the
// underlying reader.
func (r *Reader) Next() (Event, Source, error) {
	r.source.Number++
	if len(r.waiting) == 0 {
		record, err := r.records.Next()
		var bad *Bad
		switch {
		case errors.As(err, &bad):
			return Event{}, r.source, &Bad{Number: r.source.Number, Line: bad.Line, Fault: bad.Fault}
		case err != nil:
			return Event{}, r.source, err
		}
		r.source.Line, r.source.Bytes = record.Line, record.Bytes
		r.waiting, err = r.parser.Parse(record.Bytes)
		if err != nil {
			return Event{}, r.source, &Bad{Number: r.source.Number, Line: record.Line, Fault: fault.Public(err)}
		}
	}
	next := r.waiting[0]
	r.waiting = r.waiting[1:]
	return next, r.source, nil
}
