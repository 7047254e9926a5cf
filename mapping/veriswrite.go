package mapping

import (
	"strings"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// printed is where the statements of a field stand in an incident.
type printed struct {
	kind kind
	// place with its lists marked, path without.
	place, path string
	value       veris.Kind
	parts       [4]string // paths of a date's parts
}

func newPrinted(to *counterpart) *printed {
	f := to.field.field
	p := &printed{kind: to.kind, place: to.path, path: to.path, value: veris.String}
	switch f.Type {
	case standard.Integer, standard.Decimal:
		p.value = veris.Number
	case standard.Boolean:
		p.value = veris.Boolean
	case standard.Date:
		p.kind = kindPart
		for i, name := range dateNames {
			p.parts[i] = to.path + "." + name
		}
	}
	switch {
	case f.Many:
		p.place += "[]"
	case f.Group != "":
		// The last steps of the path stand in the rows of the group.
		steps := strings.Split(to.path, ".")
		inside := strings.Count(f.Path[len(f.Group):], ".")
		if at := len(steps) - inside; at > 0 {
			p.place = strings.Join(steps[:at], ".") + "[]." + strings.Join(steps[at:], ".")
		}
	}
	return p
}

// ToVERIS makes an incident of a report, by the crosswalk read backwards, and
// counts in the account what VERIS has no place for. The incident is written
// as [veris.Newest].
func (m *VERIS) ToVERIS(r report.Report, a *Account) veris.Incident {
	in := veris.Incident{Values: make([]veris.Value, 0, len(r.Statements)+8)}
	in.Values = append(in.Values, veris.Value{Place: pathVersion, Path: pathVersion, Text: veris.Newest})
	identified := false
	for _, s := range r.Statements {
		p := m.out[s.Path]
		if p == nil {
			a.Skip(s.Path, "VERIS has no counterpart")
			continue
		}
		identified = identified || p.path == pathIncident
		in.Values = p.print(in.Values, s, a)
	}
	switch {
	case r.Native != "" && !identified:
		in.Values = append(in.Values, veris.Value{Place: pathIncident, Path: pathIncident, Text: r.Native})
	case r.Native != "" && r.Value(m.byPath[pathIncident].field.field.Path) != r.Native:
		a.Skip("native", "the incident is identified by its case reference")
	}
	for i, o := range r.Observables {
		in.Values = append(in.Values, veris.Value{Place: "ioc[].indicator", Path: pathIndicator, Row: i, Text: o.Value})
		skipObservable(o, a)
	}
	return in
}

// print appends the values of one statement.
func (p *printed) print(out []veris.Value, s report.Statement, a *Account) []veris.Value {
	switch p.kind {
	case kindPart:
		parts := splitDate(s.Value)
		for i, text := range []string{parts.year, parts.month, parts.day, parts.time} {
			if text == "" {
				continue
			}
			v := veris.Value{Place: p.parts[i], Path: p.parts[i], Kind: veris.Number, Text: text}
			if dateNames[i] == "time" {
				v.Kind = veris.String
			}
			out = append(out, v)
		}
		return out
	case kindPresence:
		if s.Value != "true" {
			a.Skip(s.Path, "VERIS says so by leaving it out")
			return out
		}
		return append(out, veris.Value{Place: p.place, Path: p.path, Kind: veris.EmptyObject})
	}
	return append(out, veris.Value{Place: p.place, Path: p.path, Row: s.Row, Kind: p.value, Text: s.Value})
}

// skipObservable counts what an indicator of VERIS does not say of an
// observable.
func skipObservable(o report.Observable, a *Account) {
	if typ, _, ok := observable.Detect(o.Value); !ok || typ != o.Type {
		a.Skip("observables.type", "an indicator of VERIS has a value alone")
	}
	for _, p := range []struct {
		name string
		said bool
	}{{"role", o.Role != ""}, {"first_seen", o.FirstSeen != ""}, {"last_seen", o.LastSeen != ""}, {"count", o.Count != 0}} {
		if p.said {
			a.Skip("observables."+p.name, "an indicator of VERIS has a value alone")
		}
	}
}
