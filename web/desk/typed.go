package desk

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Names of the form's own inputs; those of fields are their paths.
const (
	sectorName = "desk.sector"
	nativeName = "desk.native"
	draftName  = "desk.draft"
	doName     = "desk.do"
	openName   = "desk.open"
	linesName  = "observables.lines"
)

// typed is what somebody typed, kept as it is so that an error loses nothing.
type typed struct {
	sector, native string
	// values by the name of their input; blank ones are left out.
	values map[string][]string
	// errors by the name of the input; "" is for the whole form.
	errors map[string][]string
	// extra rows that were asked for, by group.
	extra map[string]int
	// latest is the latest moment of which can be told.
	latest time.Time
}

func newTyped(sector string) *typed {
	return &typed{sector: sector, values: map[string][]string{}, errors: map[string][]string{}, extra: map[string]int{}}
}

// typedFrom takes what was posted.
func typedFrom(form url.Values) *typed {
	t := newTyped(form.Get(sectorName))
	t.native = strings.TrimSpace(form.Get(nativeName))
	for name, all := range form {
		for _, v := range all {
			if v = strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n")); v != "" {
				t.values[name] = append(t.values[name], v)
			}
		}
	}
	return t
}

func (t *typed) first(name string) string {
	if all := t.values[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

func (t *typed) wrong(name, format string, args ...any) {
	t.errors[name] = append(t.errors[name], fmt.Sprintf(format, args...))
}

// rows counts the rows of a group up to the last in which something stands.
func (t *typed) rows(group string) int {
	n := 0
	for name := range t.values {
		if row, ok := rowOf(name, group); ok {
			n = max(n, row+1)
		}
	}
	return n
}

// rowOf reads the row of "group[row].field".
func rowOf(name, group string) (int, bool) {
	rest, ok := strings.CutPrefix(name, group+"[")
	if !ok {
		return 0, false
	}
	digits, _, ok := strings.Cut(rest, "]")
	row, err := strconv.Atoi(digits)
	return row, ok && err == nil && row >= 0 && row < report.MaxSaid
}

// report makes a report of what was typed. What does not fit is noted at its
// input; false: there is such.
func (t *typed) report(std *standard.Standard) (report.Report, bool) {
	var said []report.Statement
	for _, f := range std.Fields() {
		switch {
		case f.IsObservable():
		case f.Group != "":
		case f.Many:
			said = append(said, t.list(std, f)...)
		default:
			if v, ok := t.canonical(std, f, f.Path, t.first(f.Path)); ok {
				said = append(said, report.Statement{Path: f.Path, Value: v})
			}
		}
	}
	said = append(said, t.groups(std)...)
	observables, from := t.observables(std)
	r := report.New(std, t.native, said, observables)
	if len(r.Native) > report.MaxNative {
		t.wrong(nativeName, "a case number has at most %d bytes", report.MaxNative)
	}
	if len(said) == 0 && len(observables) == 0 && len(t.errors) == 0 {
		t.wrong("", "Nothing was typed yet: the date, the industry and what happened are a good beginning.")
	}
	for _, p := range report.Validate(std, r) {
		if p.Severity != report.SeverityError {
			continue
		}
		name := p.Path
		if i, ok := rowOf(p.Path, "observables"); ok && i < len(from) {
			name = from[i]
		}
		t.wrong(name, "%s", p.Message)
	}
	return r, len(t.errors) == 0
}

// list reads a field of many values: ticked, or one a line.
func (t *typed) list(std *standard.Standard, f standard.Field) []report.Statement {
	var said []report.Statement
	for _, v := range t.values[f.Path] {
		lines := []string{v}
		if f.Type != standard.Code {
			lines = strings.Split(v, "\n")
		}
		for _, line := range lines {
			c, ok := t.canonical(std, f, f.Path, strings.TrimSpace(line))
			if ok && !slices.ContainsFunc(said, func(s report.Statement) bool { return s.Value == c }) {
				said = append(said, report.Statement{Path: f.Path, Row: len(said), Value: c})
			}
		}
	}
	return said
}

// groups reads the rows of repeated groups; blank rows between are closed up.
func (t *typed) groups(std *standard.Standard) []report.Statement {
	var said []report.Statement
	var done []string
	for _, f := range std.Fields() {
		if f.Group == "" || slices.Contains(done, f.Group) {
			continue
		}
		done = append(done, f.Group)
		dense := 0
		for row := range t.rows(f.Group) {
			before := len(said)
			for _, m := range std.Group(f.Group) {
				name := rowName(m, row)
				if v, ok := t.canonical(std, m, name, t.first(name)); ok {
					said = append(said, report.Statement{Path: m.Path, Row: dense, Value: v})
				}
			}
			if len(said) > before {
				dense++
			}
		}
	}
	return said
}

// canonical checks one value; false: it is blank, or noted as wrong.
func (t *typed) canonical(std *standard.Standard, f standard.Field, name, raw string) (string, bool) {
	if raw == "" {
		return "", false
	}
	if f.Type == standard.Code {
		raw = codeOf(std, f, raw)
	}
	v, err := std.Canonical(f, raw)
	if err != nil {
		reason := fault.Public(err).Message
		if f.Type == standard.Code {
			reason = noCode(std, f, t.sector, raw)
		}
		t.wrong(name, "%s", reason)
		return "", false
	}
	if f.Type == standard.Date && report.Later(v, t.latest) {
		t.wrong(name, notYet)
		return "", false
	}
	return v, true
}

// notYet is what is wrong with a date of the future.
const notYet = "this date has not come yet; check its year"

// codeOf finds the code that somebody means who typed it, or its label, in
// other letters.
func codeOf(std *standard.Standard, f standard.Field, raw string) string {
	if _, err := std.Canonical(f, raw); err == nil {
		return raw
	}
	list, _ := std.CodeList(f.CodeList)
	for _, c := range list.Codes {
		if strings.EqualFold(c.Code, raw) || strings.EqualFold(c.Label, raw) {
			return c.Code
		}
	}
	return raw
}

// observables reads rows and lines; from says for each where it was typed.
func (t *typed) observables(std *standard.Standard) (all []report.Observable, from []string) {
	for n := range t.rows("observables") {
		at := fmt.Sprintf("observables[%d]", n)
		o := report.Observable{Type: t.first(observableName(n, "type")), Value: t.first(observableName(n, "value")), Role: t.first(observableName(n, "role"))}
		if o.Value == "" {
			if o.Type != "" || o.Role != "" {
				t.wrong(at, "a value is missing; or clear the row")
			}
			continue
		}
		if o.Type == "" {
			typ, _, ok := observable.Detect(o.Value)
			if !ok {
				t.wrong(at, "choose the type: it cannot be told from the value")
				continue
			}
			o.Type = typ
		}
		o.FirstSeen = t.moment(std, at, t.first(observableName(n, "first_seen")))
		o.LastSeen = t.moment(std, at, t.first(observableName(n, "last_seen")))
		all, from = append(all, o), append(from, at)
	}
	for i, line := range strings.Split(t.first(linesName), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		o, ok := observableOf(std, line)
		if !ok {
			t.wrong(linesName, "line %d: the type cannot be told; write it before the value, as `domain login.example.net`", i+1)
			continue
		}
		all, from = append(all, o), append(from, linesName)
	}
	return all, from
}

// observableOf reads "type value", or a value whose type can be told.
func observableOf(std *standard.Standard, line string) (report.Observable, bool) {
	typ, value, two := strings.Cut(line, " ")
	typ = strings.ToLower(strings.TrimSuffix(typ, ":"))
	if _, known := std.Field(report.ObservablePath(typ)); two && known {
		return report.Observable{Type: typ, Value: strings.TrimSpace(value)}, true
	}
	found, _, ok := observable.Detect(line)
	return report.Observable{Type: found, Value: line}, ok
}

func (t *typed) moment(std *standard.Standard, at, raw string) string {
	if raw == "" {
		return ""
	}
	v, err := std.Canonical(standard.Field{Path: at, Type: standard.Date}, raw)
	if err != nil {
		t.wrong(at, "%s", fault.Public(err).Message)
	} else if report.Later(v, t.latest) {
		t.wrong(at, notYet)
	}
	return v
}

// collected has the report minted as any other: by the room that reads.
func (t *typed) collected(ctx context.Context, std *standard.Standard, r report.Report, find func(standard.Ref) (*standard.Standard, error)) (collect.Collected, error) {
	data, err := report.Encode(std, r)
	if err != nil {
		return collect.Collected{}, err
	}
	name := "written at the desk"
	if !strings.HasPrefix(t.native, ownNative) {
		name = "case " + t.native + ", " + name
	}
	var all []collect.Collected
	account, err := collect.Read(ctx, bytes.NewReader(data), name, collect.Options{Format: "report", Find: find}, func(c collect.Collected) error {
		all = append(all, c)
		return nil
	})
	if err != nil {
		return collect.Collected{}, err
	}
	if bad := account.Invalid(); len(bad) > 0 || len(all) != 1 {
		reason := "it is not one report"
		if len(bad) > 0 {
			reason = bad[0].Path + ": " + bad[0].Reason
		}
		return collect.Collected{}, fault.New(fault.Invalid, "desk.report", "the report cannot be taken: %s", reason)
	}
	return all[0], nil
}
