package report

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Validate holds a report to its standard: known fields, canonical values, one
// value where one is allowed (errors), and what the standard asks for and is
// not there (warnings). What [Decode] returns has no errors left.
func Validate(std *standard.Standard, r Report) []Problem {
	var ps problems
	if r.Standard != std.Ref() {
		ps.error("standard", "report.other_standard", "the report is written for another standard than %s", std.Ref())
	}
	if len(r.Statements) > MaxSaid {
		ps.error("", "report.too_large", "a report has at most %d statements", MaxSaid)
	}
	if len(r.Observables) > MaxObservables {
		ps.error("observables", "report.too_large", "a report has at most %d observables", MaxObservables)
	}
	seen := map[string]int{} // number of values
	taken := map[Statement]bool{}
	for _, s := range r.Statements {
		n := std.Leaf(s.Path)
		if n == nil {
			ps.error(s.Path, "report.unknown_field", "the standard %s has no such field", std.Ref())
			continue
		}
		at := placeOf(n.Field, s.Row)
		if !rowFits(n.Field, s.Row) || n.Field.Many && s.Row != seen[s.Path] {
			ps.error(at, "report.row", "a single value stands in row 0, and those of a list in rows without a gap")
		}
		place := Statement{Path: s.Path, Row: s.Row}
		if taken[place] {
			ps.error(at, "report.twice", "the field has two values in one row")
		}
		taken[place] = true
		seen[s.Path]++
		if v, err := std.Canonical(*n.Field, s.Value); err != nil {
			ps.fault(at, err)
		} else if v != s.Value {
			ps.error(at, "value.not_canonical", "the value is not in its canonical form")
		}
	}
	for i, o := range r.Observables {
		o.check(std, fmt.Sprintf("observables[%d]", i), &ps)
	}
	ps.missing(std, func(path string) bool { return seen[path] > 0 })
	return ps.list
}

// Missing warns of what the standard asks for and the report does not say. It
// is the part of [Validate] that is left to do for what [Decode] or a mapping
// returns.
func Missing(std *standard.Standard, r Report) []Problem {
	var ps problems
	ps.missing(std, func(path string) bool {
		return slices.ContainsFunc(r.Statements, func(s Statement) bool { return s.Path == path })
	})
	return ps.list
}

func (ps *problems) missing(std *standard.Standard, said func(path string) bool) {
	fields := std.Fields()
	for i := range fields {
		if f := &fields[i]; f.Requirement == standard.Required && !said(f.Path) {
			ps.add(SeverityWarning, f.Path, "report.missing", "the standard asks for this field")
		}
	}
}

// TokenSize is the number of bytes of a token; its text is unpadded base64url.
const TokenSize = 32

// tokenLength is that of a token's text.
var tokenLength = base64.RawURLEncoding.EncodedLen(TokenSize)

func isToken(v string) bool {
	if len(v) != tokenLength { // also refuses the line ends that base64 skips
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(v)
	return err == nil && len(b) == TokenSize
}

var commitmentPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Validate holds a minimised report to its standard, as the hub must before it
// stores it: only known fields, only forms that the field may take, and values
// that are what their form says, so that free text never passes for something
// coarsened. Problems name no value.
func (m Minimised) Validate(std *standard.Standard) []Problem {
	var ps problems
	if m.frame(std, &ps); len(ps.list) > 0 {
		return ps.list
	}
	type saying struct {
		path string
		row  int
		form standard.Form
	}
	said := make(map[saying]bool, len(m.Said))
	for i, s := range m.Said {
		n := std.Leaf(s.Path)
		if n == nil { // the path is of the sender's making, not ours to repeat
			ps.error(fmt.Sprintf("said[%d]", i), "report.unknown_field", "the standard %s has no such field", std.Ref())
			continue
		}
		at := placeOf(n.Field, s.Row)
		if !rowFits(n.Field, s.Row) {
			ps.error(at, "report.row", "a single value stands in row 0, others in rows 0 to %d", MaxSaid-1)
		}
		key := saying{s.Path, s.Row, s.Form}
		if said[key] {
			ps.error(at, "report.twice", "the field is said twice in one form")
		}
		said[key] = true
		if err := checkSaid(std, *n.Field, s); err != nil {
			ps.fault(at, err)
		}
	}
	for i, o := range m.Observables {
		o.check(std, fmt.Sprintf("observables[%d]", i), &ps)
		if len(ps.list) >= maxProblems {
			break
		}
	}
	return ps.list
}

// frame checks all but the statements and observables.
func (m Minimised) frame(std *standard.Standard, ps *problems) {
	if !wire.ValidID('r', m.ID) {
		ps.error("id", "report.id", "a report has an id, r-…")
	}
	if m.Standard != std.Ref() {
		ps.error("standard", "report.other_standard", "the report is written for another standard than %s", std.Ref())
	}
	if m.Revision < 0 {
		ps.error("revision", "report.revision", "a revision is not negative")
	}
	if len(m.Said) > MaxSaid {
		ps.error("said", "report.too_large", "a report has at most %d statements", MaxSaid)
	}
	if len(m.Observables) > MaxObservables {
		ps.error("observables", "report.too_large", "a report has at most %d observables", MaxObservables)
	}
	if m.OnBehalf != "" && !isToken(m.OnBehalf) {
		ps.error("on_behalf", "report.token", "on whose behalf is a token")
	}
	if m.Commitment != "" && !commitmentPattern.MatchString(m.Commitment) {
		ps.error("commitment", "report.commitment", "a commitment is a SHA-256 in hexadecimal")
	}
}

// checkSaid holds a value to its form.
func checkSaid(std *standard.Standard, f standard.Field, s Said) error {
	if err := std.CheckForm(f, s.Form); err != nil {
		return err
	}
	switch s.Form.Kind {
	case standard.Exact, standard.Counted:
		v, err := std.Canonical(f, s.Value)
		if err == nil && v != s.Value {
			err = fault.New(fault.Invalid, "value.not_canonical", "the value is not in its canonical form")
		}
		return err
	case standard.Token:
		if !isToken(s.Value) {
			return fault.New(fault.Invalid, "report.token", "a token is expected: 32 bytes in unpadded base64url")
		}
		return nil
	case standard.Generalised:
		if !std.Coarsened(f, s.Form.Level, s.Value) {
			return fault.New(fault.Invalid, "report.not_coarsened", "the value is not coarsened to the level %s", s.Form.Level)
		}
		return nil
	}
	return fault.New(fault.Invalid, "report.form", "a statement that left has the form exact, generalised, token or counted")
}
