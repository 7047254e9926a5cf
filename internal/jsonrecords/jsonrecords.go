// Package jsonrecords finds the records in a stream of JSON, whichever way
// they were strung together, and holds only one of them in memory:
//
//	{…}                       one object, on one line or many
//	{…}\n{…}\n                JSON Lines
//	{…}{…} {…}                objects one after the other
//	[{…},{…}]                 an array of objects
//
// In goes a reader; out comes a [Record] after the other, or a [Bad] one where
// the stream is broken. A broken record costs itself and nothing else: reading
// goes on at the next place where a record visibly starts, which is the next
// line in JSON Lines, and the next line indented like the first record in a
// printed array.
//
// Only the extent of a record is found here. Whether its bytes are JSON is for
// whoever decodes them (wire.Check or a decoder of package jsontext).
package jsonrecords

import (
	"bufio"
	"bytes"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/textin"
)

// MaxRecord is the largest record taken, in bytes, as in package wire.
const MaxRecord = 16 << 20

// maxDepth is the deepest nesting that is followed bracket by bracket; what
// lies deeper is only counted. Decoders refuse it anyway.
const maxDepth = 256

// Record is one object as it stands in the stream. Bytes are valid until the
// next call of [Reader.Next].
type Record struct {
	Number int // from 1, good and bad ones alike
	Line   int // from 1, where the record starts
	Bytes  []byte
}

// Bad is a record that could not be cut out of the stream. Reading may go on.
type Bad struct {
	Number int
	Line   int
	Fault  *fault.Error
}

// Error says what is wrong, without the record's content.
func (b *Bad) Error() string { return b.Fault.Error() }

// Unwrap gives the fault.
func (b *Bad) Unwrap() error { return b.Fault }

// Reader cuts a stream into records.
type Reader struct {
	in     *bufio.Reader
	line   int
	number int
	arrays int // top-level arrays open

	record   []byte
	tooLarge bool
	stack    []byte // open brackets of the record, outermost first
	deeper   int    // open brackets below maxDepth

	indent  int  // whitespace at the start of the current line so far
	atStart bool // nothing but whitespace on the current line so far

	start      signature
	singleLine bool // some whole record stood on one line
	manyLines  bool // some whole record spread over lines
	pending    bool // a record's '{' was read ahead when resynchronising
	ended      bool
}

// signature is how the line looks on which a record starts.
type signature struct {
	atStart bool
	indent  int
	more    bool // something follows the brace on the line
}

// NewReader reads from in. A UTF-16 stream is recognised by its byte order
// mark; a UTF-8 mark is skipped.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: textin.Reader(in), line: 1, atStart: true}
}

// Next returns the next record, a *[Bad] for a broken one, io.EOF at the end,
// or the error of the underlying reader, after which nothing more comes.
func (r *Reader) Next() (Record, error) {
	if r.ended {
		return Record{}, io.EOF
	}
	if !r.pending {
		if err := r.seek(); err != nil {
			return Record{}, err
		}
	}
	r.pending = false
	return r.cut()
}

// seek skips to the opening brace of the next record and consumes it.
func (r *Reader) seek() error {
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			return r.end(err)
		}
		switch b {
		case '\n':
			r.newline()
		case ' ', '\t', '\r':
			r.indent++
		case ',', 0x1e: // RFC 7464 puts a record separator before each text
		case '[':
			r.arrays++
		case ']':
			r.arrays = max(0, r.arrays-1)
		case '{':
			return nil
		default:
			return r.skipStray()
		}
	}
}

// end turns the end of the stream into the reader's last answers.
func (r *Reader) end(err error) error {
	r.ended = true
	if err != io.EOF {
		return err
	}
	if r.arrays > 0 {
		r.number++
		return &Bad{r.number, r.line, fault.New(fault.Invalid, "json.truncated", "the array is not closed: the end of the file may be missing")}
	}
	return io.EOF
}

// skipStray passes over something between records that is none: the rest of
// a line, or, within a line, up to where a record visibly starts.
func (r *Reader) skipStray() error {
	r.number++
	bad := &Bad{r.number, r.line, fault.New(fault.Invalid, "json.stray", "there is something here that is no JSON object")}
	wholeLine, last := r.atStart, byte(0)
	r.atStart = false
	for {
		next, err := r.in.Peek(1)
		if err != nil {
			return bad // the end is told by the next call
		}
		b := next[0]
		if b == '\n' || !wholeLine && b == '{' && last != ':' && last != '"' {
			return bad
		}
		if b != ' ' && b != '\t' {
			last = b
		}
		r.in.Discard(1)
	}
}

func (r *Reader) newline() {
	r.line++
	r.indent, r.atStart = 0, true
}

// cut reads the record whose opening brace was consumed just now.
func (r *Reader) cut() (Record, error) {
	r.number++
	r.record = append(r.record[:0], '{')
	r.stack = append(r.stack[:0], '{')
	r.deeper, r.tooLarge = 0, false
	line := r.line
	r.start = r.signature()
	r.atStart = false
	broken := ""
	inString, escaped := false, false
	for {
		b, err := r.in.ReadByte()
		if err != nil {
			r.ended = true
			if err != io.EOF {
				return Record{}, err
			}
			return Record{}, r.bad(line, "json.truncated", "the record ends too early")
		}
		if b == '\n' {
			if inString {
				inString, escaped, broken = false, false, "a text is not closed on its line"
			}
			r.newline()
			r.keep(b)
			continue
		}
		if inString {
			r.keep(b)
			switch {
			case escaped:
				escaped = false
			case b == '\\':
				escaped = true
			case b == '"':
				inString = false
			default:
				r.keepPlain()
			}
			continue
		}
		switch b {
		case ' ', '\t', '\r':
			if r.atStart {
				r.indent++
			}
			r.keep(b)
			continue
		case '"':
			inString = true
		case '{':
			if r.startsAnew() {
				r.pending = true
				return Record{}, r.bad(line, "json.truncated", "the record breaks off: a brace or a quote is missing before the next one starts")
			}
			r.open(b)
		case '[':
			r.open(b)
		case '}', ']':
			if b == ']' && len(r.stack) == 1 && r.deeper == 0 {
				r.arrays = max(0, r.arrays-1)
				return Record{}, r.bad(line, "json.malformed", "the record breaks off: a brace or a quote is missing before its array ends")
			}
			if !r.close(b) {
				broken = "brackets do not match"
			}
		}
		r.atStart = false
		r.keep(b)
		if len(r.stack) > 0 {
			continue
		}
		switch {
		case r.tooLarge:
			return Record{}, r.badKind(line, fault.TooLarge, "json.too_large", "the record is larger than 16 MiB")
		case broken != "":
			return Record{}, r.bad(line, "json.malformed", broken)
		}
		r.singleLine = r.singleLine || line == r.line
		r.manyLines = r.manyLines || line != r.line
		return Record{Number: r.number, Line: line, Bytes: r.record}, nil
	}
}

// signature describes the line of the brace that was just read.
func (r *Reader) signature() signature {
	s := signature{atStart: r.atStart, indent: r.indent}
	next, err := r.in.Peek(1)
	s.more = err == nil && next[0] != '\n' && next[0] != '\r'
	return s
}

// startsAnew says whether an opening brace inside a record must be the start
// of the next one, because it stands on its line as records of this stream do.
func (r *Reader) startsAnew() bool {
	if !r.atStart || !r.start.atStart {
		return false
	}
	before := bytes.TrimRight(r.record, " \t\r\n")
	switch before[len(before)-1] {
	case ',', ':', '[': // a value may stand here
	default:
		return true
	}
	if here := r.signature(); here != r.start {
		return false
	}
	if r.start.indent == 0 && !r.start.more {
		return false // printed without any indentation: an inner object looks the same
	}
	return r.singleLine || !r.manyLines
}

func (r *Reader) open(b byte) {
	if len(r.stack) < maxDepth {
		r.stack = append(r.stack, b)
	} else {
		r.deeper++
	}
}

// close pops what b closes, and says whether b was the right bracket. A wrong
// one closes everything up to its partner, which is what most often was meant.
func (r *Reader) close(b byte) bool {
	if r.deeper > 0 {
		r.deeper--
		return true
	}
	partner := byte('{')
	if b == ']' {
		partner = '['
	}
	i := bytes.LastIndexByte(r.stack, partner)
	if i < 0 {
		return false
	}
	right := i == len(r.stack)-1
	r.stack = r.stack[:i]
	return right
}

// keep adds a byte to the record, unless that has grown too large.
func (r *Reader) keep(b byte) {
	if r.tooLarge {
		return
	}
	if len(r.record) >= MaxRecord {
		r.tooLarge, r.record = true, r.record[:1]
		return
	}
	r.record = append(r.record, b)
}

// keepPlain adds at once what is buffered of a text up to its next quote,
// backslash or line end: most bytes of a record stand in texts.
func (r *Reader) keepPlain() {
	if r.tooLarge {
		return
	}
	buffered, _ := r.in.Peek(r.in.Buffered())
	n := 0
	for n < len(buffered) && buffered[n] != '"' && buffered[n] != '\\' && buffered[n] != '\n' {
		n++
	}
	if len(r.record)+n > MaxRecord {
		return // keep says when it is too large
	}
	r.record = append(r.record, buffered[:n]...)
	r.in.Discard(n)
}

func (r *Reader) bad(line int, code, why string) error {
	return r.badKind(line, fault.Invalid, code, why)
}

func (r *Reader) badKind(line int, kind fault.Kind, code, why string) error {
	return &Bad{r.number, line, fault.New(kind, code, "%s", why)}
}
