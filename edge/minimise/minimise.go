// Package minimise is the second room at the edge: of a report it leaves only
// what somebody may receive under its owner's terms.
//
//	collect.Collected ──(terms.Rules)──▶ [Minimal] ──▶ tokenise
//	report.Report     ──(terms.Rules)──▶ [Preview] ──▶ the owner's eyes
//
// Each statement becomes the set of maximal forms that some clause grants to
// somebody: coarsened here, by the standard's hierarchies, or marked to become
// a token. If no clause grants a field exact, no exact byte of it goes
// further. The one exception are numbers granted as counted: until sums can be
// made in secret they leave as they are, marked so that they are only summed,
// and the preview says so.
//
// Where exact is granted, the token leaves as well if the field can have one:
// whoever may have less than exact must find it made, since the hub cannot
// make it, and it links reports.
package minimise

import (
	"fmt"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Minimal is a report of which only what may leave is left, its tokens still
// to be made. It is minted only here.
type Minimal struct {
	report      report.Minimised // without tokens, id, revision and commitment
	said        []Input          // for each report.Said, the token to be; zero: none
	observables []Input          // for each report.Observables
	onBehalf    Input
	origin      Origin
	account     []Outcome
}

// Origin says where a report came from. It stays at the member: the outbox
// derives the report's id and commitment from it.
type Origin struct {
	// Native is the report's id in its source; empty if it has none there. It
	// must be unique among all sources of a member: two tables that both
	// number their rows prefix them with their names.
	Native string
	// Digest is the SHA-256 of the native record.
	Digest []byte
	// Source is where it was, "file:line".
	Source string
}

// Input is what a steward is asked to turn into a token: type and canonical
// value. It identifies, and prints as a fixed word. The zero Input is none.
type Input struct{ bytes string }

// Bytes is the input as it is blinded.
func (i Input) Bytes() []byte { return []byte(i.bytes) }

// Format keeps the input out of every print.
func (i Input) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[input]") }

// MarshalText keeps the input out of every document.
func (i Input) MarshalText() ([]byte, error) { return []byte("[input]"), nil }

// inputOf makes the token input of a value; false: it has no canonical form,
// hence no token.
func inputOf(typ, value string) (in Input, canonical string, ok bool) {
	canonical, ok = observable.Canonical(typ, value)
	if !ok {
		return Input{}, "", false
	}
	return Input{string(observable.TokenInput(typ, canonical))}, canonical, true
}

// Minimise reduces a report for a sector under its owner's rules, which must
// have been compiled against the report's standard. It leaves at a moment: a
// clause that has ended lets nothing leave.
func Minimise(c collect.Collected, rules *terms.Rules, sector string, at time.Time) (Minimal, error) {
	rep := c.Report()
	if rep.Standard != rules.Standard().Ref() {
		return Minimal{}, fault.New(fault.Internal, "minimise.other_standard",
			"the report follows %s and the terms were read for %s", rep.Standard, rules.Standard().Ref())
	}
	m := reduce(rep, rules, at)
	m.report.Sector = sector
	m.origin = Origin{Native: c.Native(), Digest: c.Digest(), Source: c.Where()}
	if len(m.report.Said) > report.MaxSaid || len(m.report.Observables) > report.MaxObservables {
		return Minimal{}, fault.New(fault.TooLarge, "minimise.too_large",
			"the report would leave with %d statements and %d observables; at most %d and %d go into one report. Split the case",
			len(m.report.Said), len(m.report.Observables), report.MaxSaid, report.MaxObservables)
	}
	return m, nil
}

// Origin says where the report came from.
func (m Minimal) Origin() Origin { return m.origin }

// Account lists, statement by statement, what left in which forms and what
// was withheld, for previews. It holds no values.
func (m Minimal) Account() []Outcome { return m.account }

// Sector is the sector for which the report was reduced.
func (m Minimal) Sector() string { return m.report.Sector }

// Inputs lists the tokens to be made, with repetitions.
func (m Minimal) Inputs() []Input {
	var all []Input
	for _, list := range [][]Input{m.said, m.observables, {m.onBehalf}} {
		for _, in := range list {
			if in != (Input{}) {
				all = append(all, in)
			}
		}
	}
	return all
}

// Assemble puts the tokens in. What has none in tokens does not leave in that
// form: a statement or observable that was to leave as a token alone is
// dropped.
func (m Minimal) Assemble(tokens map[Input]string) report.Minimised {
	r := m.report
	r.Said, r.Observables = nil, nil
	for i, s := range m.report.Said {
		if s.Form.Kind == standard.Token {
			if s.Value = tokens[m.said[i]]; s.Value == "" {
				continue
			}
		}
		r.Said = append(r.Said, s)
	}
	for i, o := range m.report.Observables {
		if in := m.observables[i]; in != (Input{}) {
			o.Token = tokens[in]
		}
		if o.Token == "" && o.Value == "" {
			continue
		}
		r.Observables = append(r.Observables, o)
	}
	if m.onBehalf != (Input{}) {
		r.OnBehalf = tokens[m.onBehalf]
	}
	return r
}
