package receive

import (
	"errors"
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
)

// piece is the text of one report of a contribution, and of how many objects
// and arrays it is made.
type piece struct {
	text  []byte
	parts int
}

// maxParts is of how many objects and arrays a report can be made: itself, its
// two lists and all that they may hold.
const maxParts = 3 + report.MaxSaid + report.MaxObservables

var errShape = errors.New("not an object whose parts can be told apart")

// takeApart splits a contribution into the object around its reports (which
// are replaced by an empty array) and the text of each report. It knows of
// JSON no more than strings, brackets and commas, so that whatever is wrong
// inside one report (NaN, another encoding, nesting without end) stays there.
// All parts are read strictly afterwards. If the parts cannot be told apart,
// the error is errShape.
func takeApart(plain []byte) (around []byte, reports []piece, err error) {
	c := cutter{text: plain}
	around = plain
	found := false
	c.take('{')
	for first := true; !c.next('}') && !c.lost; first = false {
		if !first {
			c.take(',')
		}
		name := c.value()
		c.take(':')
		// A second list, or one that is none, stays for the strict reader to
		// complain about.
		if string(name.text) != `"reports"` || found || !c.stands('[') {
			c.value()
			continue
		}
		found = true
		start := c.at
		if reports, err = c.list(); err != nil {
			return nil, nil, err
		}
		around = slices.Concat(plain[:start], []byte("[]"), plain[c.at:])
	}
	if c.space(); c.lost || c.at < len(plain) {
		return nil, nil, errShape
	}
	return around, reports, nil
}

// cutter goes through a text once. It is lost when something else stands there
// than must; it then moves no further.
type cutter struct {
	text []byte
	at   int
	lost bool
}

// space passes over white space.
func (c *cutter) space() {
	for c.at < len(c.text) && (c.text[c.at] == ' ' || c.text[c.at] == '\t' || c.text[c.at] == '\n' || c.text[c.at] == '\r') {
		c.at++
	}
}

// stands reports whether b stands next.
func (c *cutter) stands(b byte) bool {
	c.space()
	return !c.lost && c.at < len(c.text) && c.text[c.at] == b
}

// next passes over b if it stands next.
func (c *cutter) next(b byte) bool {
	if !c.stands(b) {
		return false
	}
	c.at++
	return true
}

// take passes over b, which must stand next.
func (c *cutter) take(b byte) { c.lost = !c.next(b) || c.lost }

// list cuts an array into its elements, which are no more than a contribution
// may have.
func (c *cutter) list() (elements []piece, err error) {
	c.take('[')
	for first := true; !c.next(']'); first = false {
		if !first {
			c.take(',')
		}
		elements = append(elements, c.value())
		if c.lost {
			return nil, errShape
		}
		if len(elements) > report.MaxReports {
			return nil, fault.New(fault.TooLarge, "contribution.too_many",
				"the contribution holds more than %d reports, which is the most that is taken at once: send them in parts", report.MaxReports)
		}
	}
	return elements, nil
}

// value passes over one value, whatever is in it.
func (c *cutter) value() (p piece) {
	c.space()
	start := c.at
	depth := 0
	for !c.lost && c.at < len(c.text) {
		b := c.text[c.at]
		switch {
		case b == '"':
			c.quoted()
		case b == '{' || b == '[':
			depth++
			p.parts++
			c.at++
		case depth > 0 && (b == '}' || b == ']'):
			depth--
			c.at++
		case depth > 0:
			c.at++
			continue
		default:
			c.word()
		}
		if depth == 0 {
			break
		}
	}
	c.lost = c.lost || depth > 0 || c.at == start
	p.text = c.text[start:c.at]
	return p
}

// quoted passes over a string.
func (c *cutter) quoted() {
	for c.at++; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case '\\':
			c.at++
		case '"':
			c.at++
			return
		}
	}
	c.at, c.lost = len(c.text), true
}

// word passes over what is neither string, object nor array.
func (c *cutter) word() {
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case ',', ':', '[', ']', '{', '}', '"', ' ', '\t', '\n', '\r':
			return
		}
		c.at++
	}
}
