package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Roles lists what part an observable may have played; none is known as "".
func Roles() []string {
	return []string{"source", "target", "c2", "payload", "phishing", "exfiltration", "payment", "sender", "tool", "other"}
}

// MaxObservableValue is the longest value of an observable, in bytes.
const MaxObservableValue = 4096

// observables reads the list of observables; those that do not fit are listed
// and left out.
func (d *decoder) observables() error {
	if d.dec.PeekKind() != '[' {
		return d.refuse("observables", "report.type", "a list of observables is expected")
	}
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	i := 0
	for ; d.dec.PeekKind() != ']'; i++ {
		at := "observables[" + strconv.Itoa(i) + "]"
		if d.dec.PeekKind() != '{' || i >= MaxObservables {
			if i < MaxObservables {
				d.problems.error(at, "report.type", "an object is expected")
			}
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		raw, err := d.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := wire.Check(raw); err != nil {
			return err // nested too deep
		}
		var o Observable
		if err := json.Unmarshal(raw, &o, json.RejectUnknownMembers(true)); err != nil {
			d.malformed(at, raw)
			continue
		}
		o.FirstSeen, o.LastSeen = canonicalMoment(d.std, o.FirstSeen), canonicalMoment(d.std, o.LastSeen)
		if o.check(d.std, at, &d.problems) {
			d.report.Observables = append(d.report.Observables, o)
		}
	}
	if i > MaxObservables {
		d.problems.error("observables", "report.too_large", "a report has at most %d observables", MaxObservables)
	}
	_, err := d.dec.ReadToken()
	return err
}

// malformed lists what is wrong with the shape of an observable; wire names
// the place.
func (d *decoder) malformed(at string, raw []byte) {
	f := fault.Public(wire.Decode(raw, &Observable{}))
	d.problems.error(at+strings.ReplaceAll(f.Path, "/", "."), "observable.malformed", "%s", f.Message)
}

// moment is a field that stands for the dates of an observable.
var moment = standard.Field{Path: "observables", Type: standard.Date}

// canonicalMoment returns a date's canonical text, or the text as it is for
// check to refuse.
func canonicalMoment(std *standard.Standard, v string) string {
	if c, err := std.Canonical(moment, v); err == nil {
		return c
	}
	return v
}

// check lists what is wrong with an observable and reports whether nothing is.
func (o Observable) check(std *standard.Standard, at string, ps *problems) bool {
	ok := true
	bad := func(property, code, message string) {
		ps.error(at+property, code, "%s", message)
		ok = false
	}
	if _, known := std.Field(ObservablePath(o.Type)); !known {
		bad(".type", "observable.type", "the standard has no observables of this type")
	}
	if o.Value == "" || len(o.Value) > MaxObservableValue {
		bad(".value", "observable.value", "an observable has a value of at most 4096 bytes")
	}
	if o.Role != "" && !slices.Contains(Roles(), o.Role) {
		bad(".role", "observable.role", "the role is one of "+strings.Join(Roles(), ", "))
	}
	if o.Count < 0 {
		bad(".count", "observable.count", "a count is not negative")
	}
	for _, s := range []struct{ property, v string }{{".first_seen", o.FirstSeen}, {".last_seen", o.LastSeen}} {
		if s.v == "" {
			continue
		}
		if c, err := std.Canonical(moment, s.v); err != nil || c != s.v {
			bad(s.property, "observable.date", "a date is expected: 2026-11-24 or 2026-11-24T08:00:00Z")
		}
	}
	return ok
}

// maxCommon is the longest name of a warning list, in bytes.
const maxCommon = 200

// check lists what is wrong with an observable that left its owner.
func (o Seen) check(std *standard.Standard, at string, ps *problems) {
	value := o.Value
	if value == "" {
		value = "-" // only the token left
	}
	Observable{o.Type, value, o.Role, o.FirstSeen, o.LastSeen, o.Count}.check(std, at, ps)
	if o.Value == "" && o.Token == "" {
		ps.error(at, "observable.empty", "an observable leaves with its value, its token, or both")
	}
	if o.Token != "" && !isToken(o.Token) {
		ps.error(at+".token", "report.token", "a token is expected: 32 bytes in unpadded base64url")
	}
	if len(o.Common) > maxCommon {
		ps.error(at+".common", "observable.common", "the name of a warning list has at most %d bytes", maxCommon)
	}
}
