package misp

import (
	"bufio"
	"bytes"
	"io"
)

// envelope takes the outer object off {"response":[…]}, so that the events
// inside can be read one after the other however many there are. Line ends
// stay, so that places keep their numbers; all else passes as it is.
type envelope struct {
	in *bufio.Reader

	state  state
	depth  int  // of brackets within the state
	text   bool // within a string
	escape bool
	lines  int // line ends cut off with the start of an envelope
}

type state uint8

const (
	between state = iota // records may start
	within               // the value of "response"
	after                // what stands behind it in the outer object
	plain                // a record without an envelope, until its brackets close
)

func newEnvelope(in io.Reader) *envelope {
	return &envelope{in: bufio.NewReaderSize(in, 1<<16)}
}

// Read implements io.Reader.
func (e *envelope) Read(b []byte) (int, error) {
	for {
		if e.state == between {
			if err := e.open(); err != nil {
				return 0, err
			}
		}
		if e.lines > 0 && len(b) > 0 {
			e.lines--
			b[0] = '\n'
			return 1, nil
		}
		if _, err := e.in.Peek(1); err != nil {
			return 0, err
		}
		chunk, _ := e.in.Peek(min(e.in.Buffered(), len(b)))
		n, used := e.pass(b, chunk)
		e.in.Discard(used)
		if n > 0 {
			return n, nil
		}
	}
}

// open looks for the start of an envelope at the start of a record.
func (e *envelope) open() error {
	const reach = 512
	start, err := e.in.Peek(reach)
	if len(start) == 0 {
		return err
	}
	if n := responseStart(start); n > 0 {
		e.lines = bytes.Count(start[:n], []byte("\n"))
		e.in.Discard(n)
		e.state, e.depth = within, 0
		return nil
	}
	e.state, e.depth = plain, 0
	return nil
}

// responseStart returns how many bytes open an envelope, 0 if none does.
func responseStart(b []byte) int {
	n := 0
	for _, want := range []string{"{", `"response"`, ":"} {
		n += len(b[n:]) - len(bytes.TrimLeft(b[n:], " \t\r\n,\x1e\ufeff"))
		if !bytes.HasPrefix(b[n:], []byte(want)) {
			return 0
		}
		n += len(want)
	}
	value := bytes.TrimLeft(b[n:], " \t\r\n")
	if len(value) == 0 || value[0] != '[' {
		return 0 // a single event stands in it: the parser reads that
	}
	return n
}

// pass copies what belongs to records and returns how much it wrote and used.
// It stops where a record may start again.
func (e *envelope) pass(out, in []byte) (n, used int) {
	for used < len(in) && e.state != between {
		run := used
		for run < len(in) && !telling[in[run]] {
			run++
		}
		if run > used {
			e.escape = false // it was the first character of the run
			if e.state != after {
				n += copy(out[n:], in[used:run])
			}
			used = run
			continue
		}
		c := in[used]
		used++
		if e.state != after || c == '\n' {
			out[n] = c
			n++
		}
		e.follow(c)
	}
	return n, used
}

// telling are the characters that change where in JSON one stands.
var telling = [256]bool{'"': true, '\\': true, '\n': true, '{': true, '}': true, '[': true, ']': true}

// follow keeps track of texts and brackets.
func (e *envelope) follow(c byte) {
	switch {
	case e.text && c == '\n': // a broken text ends with its line
		e.text, e.escape = false, false
	case e.text && e.escape:
		e.escape = false
	case e.text && c == '\\':
		e.escape = true
	case c == '"':
		e.text = !e.text
	case e.text:
	case c == '{' || c == '[':
		e.depth++
	case c == '}' || c == ']':
		e.depth--
		e.leave(c)
	}
}

// leave follows the brackets outwards. A brace does not close the list of a
// response: one too many in a broken event must not cost the events after it.
func (e *envelope) leave(c byte) {
	switch {
	case e.state == within && e.depth <= 0 && c == '}':
		e.depth = 1
	case e.state == after && e.depth < 0, e.state == plain && e.depth <= 0:
		e.state, e.depth = between, 0
	case e.state == within && e.depth <= 0:
		e.state, e.depth = after, 0
	}
}
