package minimise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Outcome says what became of one statement or observable, without its value.
type Outcome struct {
	Path string `json:"path"`
	Row  int    `json:"row,omitzero"`
	// Left lists the forms in which it leaves.
	Left []standard.Form `json:"left,omitzero"`
	// Notes say why it leaves in no form, or not in one that was granted, and
	// what the hub will not do with it.
	Notes []string `json:"notes,omitzero"`
}

// onBehalfOf is the field that names for whom a report is relayed. Its token
// leaves a second time, as the one whom thresholds count, if it leaves at all.
const onBehalfOf = "reporter.on_behalf_of"

const (
	notGranted  = "no clause grants it to anybody"
	noCanonical = "it has no canonical spelling, so it gets no token"
	notCoarse   = "it cannot be coarsened to "
	isCommon    = "it says nothing about an incident, as one of the %s: it ties no reports together and goes into no list of indicators"
)

// reduce leaves of a report what somebody may receive, now or later, when it
// leaves at a moment.
func reduce(rep report.Report, rules *terms.Rules, at time.Time) Minimal {
	m := Minimal{report: report.Minimised{Standard: rep.Standard}}
	for _, s := range rep.Statements {
		m.statement(s, rules, at)
	}
	for _, o := range rep.Observables {
		m.observable(o, rules, at)
	}
	return m
}

func (m *Minimal) statement(s report.Statement, rules *terms.Rules, at time.Time) {
	out := Outcome{Path: s.Path, Row: s.Row}
	defer func() { m.account = append(m.account, out) }()
	std := rules.Standard()
	field, known := std.Field(s.Path)
	if !known {
		out.Notes = append(out.Notes, "the standard has no such field")
		return
	}
	say := func(form standard.Form, value string, in Input) {
		m.report.Said = append(m.report.Said, report.Said{Path: s.Path, Row: s.Row, Form: form, Value: value})
		m.said = append(m.said, in)
		out.Left = append(out.Left, form)
	}
	sayToken := func() {
		if in, _, ok := inputOf(field.Token, s.Value); ok {
			say(standard.Form{Kind: standard.Token}, "", in)
			if s.Path == onBehalfOf {
				m.onBehalf = in
			}
		} else {
			out.Notes = append(out.Notes, noCanonical)
		}
	}
	departures := rules.Leaving(s.Path, at)
	for _, d := range departures {
		switch d.Form.Kind {
		case standard.Exact:
			say(d.Form, s.Value, Input{})
			if field.Token != "" {
				sayToken()
			}
		case standard.Generalised:
			// What is coarsened to "anything" says nothing and stays.
			v, err := std.Generalise(field, d.Form.Level, s.Value)
			if err != nil || v == standard.Any {
				out.Notes = append(out.Notes, notCoarse+d.Form.Level)
				continue
			}
			say(d.Form, v, Input{})
		case standard.Token:
			sayToken()
		case standard.Counted:
			say(d.Form, s.Value, Input{})
		}
	}
	out.unless(len(departures) > 0, rules, at)
}

// unless says what lets nothing leave any more, and if nothing leaves, why.
func (out *Outcome) unless(leaves bool, rules *terms.Rules, at time.Time) {
	ended := endings(rules, out.Path, at)
	if !leaves && len(ended) == 0 {
		ended = []string{notGranted}
	}
	out.Notes = append(out.Notes, ended...)
}

// endings says of each clause that would let a field leave in another form, or
// at all, that it has ended.
func endings(rules *terms.Rules, path string, at time.Time) (notes []string) {
	if at.IsZero() {
		return nil
	}
	for _, d := range rules.Leaving(path, time.Time{}) {
		for _, c := range rules.Sheet().Clauses {
			if end := c.Until.Start(); slices.Contains(d.Clauses, c.ID) && c.Until != "" && !at.Before(end) {
				notes = append(notes, fmt.Sprintf("clause %s ended on %s, and lets nothing leave any more", c.ID, dayOf(end)))
			}
		}
	}
	return notes
}

// clausesWords names clauses: "clause late", "clauses early, late".
func clausesWords(ids []string) string {
	if len(ids) == 1 {
		return "clause " + ids[0]
	}
	return "clauses " + strings.Join(ids, ", ")
}

func (m *Minimal) observable(o report.Observable, rules *terms.Rules, at time.Time) {
	path := report.ObservablePath(o.Type)
	out := Outcome{Path: path}
	defer func() { m.account = append(m.account, out) }()
	exact, token := false, false
	for _, d := range rules.Leaving(path, at) {
		exact = exact || d.Form.Kind == standard.Exact
		token = token || d.Form.Kind == standard.Token || exact
	}
	out.unless(token, rules, at)
	if !token {
		return
	}
	seen := report.Seen{Type: o.Type, Role: o.Role, FirstSeen: day(o.FirstSeen), LastSeen: day(o.LastSeen)}
	in, canonical, ok := inputOf(o.Type, o.Value)
	if ok {
		if list, common := observable.Benign(o.Type, canonical); common {
			seen.Common = list
			out.Notes = append(out.Notes, fmt.Sprintf(isCommon, list))
		}
		out.Left = append(out.Left, standard.Form{Kind: standard.Token})
	} else {
		out.Notes = append(out.Notes, noCanonical)
	}
	if exact {
		seen.Value, seen.FirstSeen, seen.LastSeen, seen.Count = o.Value, o.FirstSeen, o.LastSeen, o.Count
		out.Left = append(out.Left, standard.Form{Kind: standard.Exact})
	}
	if ok || exact {
		m.report.Observables = append(m.report.Observables, seen)
		m.observables = append(m.observables, in)
	}
}

// day cuts a date to the day: when only the token leaves, the second at which
// a value was seen could give away what the value does not.
func day(date string) string { return date[:min(len(date), len("2014-02-03"))] }
