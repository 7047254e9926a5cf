package mapping

import (
	"slices"
	"strconv"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// seen gathers the observables of one source.
func (g *gathering) seen(o *boundSeen) {
	if !g.holds(&o.boundSource) {
		return
	}
	for _, p := range g.pieces(&o.boundSource) {
		if p.text == "" {
			continue
		}
		if g.empty(p.text) {
			g.each(p, func(f *fate) { f.quiet = "it says nothing, as the map has it" })
			continue
		}
		one := report.Observable{Type: o.typ, Value: p.text, Role: o.role}
		if reason := g.typed(&one); reason != "" {
			g.each(p, func(f *fate) { f.bad = append(f.bad, reason) })
			continue
		}
		one.FirstSeen, one.LastSeen = g.moment(o, o.firstSeen), g.moment(o, o.lastSeen)
		one.Count = g.count(o)
		g.each(p, func(f *fate) { f.taken, f.coded = true, true })
		g.byCondition(&o.boundSource)
		g.said = true
		if !slices.Contains(g.observables, one) && len(g.observables) < report.MaxObservables {
			g.observables = append(g.observables, one)
		}
	}
}

// typed finds or checks the type of an observable, and says why it is none.
func (g *gathering) typed(o *report.Observable) (reason string) {
	if o.Type == "" {
		typ, _, ok := observable.Detect(o.Value)
		if !ok {
			return "no observable of a type that can be told from the value"
		}
		o.Type = typ
	} else if _, err := observable.Parse(o.Type, o.Value); err != nil {
		return fault.Public(err).Message
	}
	if _, known := g.t.fields.std.Field(report.ObservablePath(o.Type)); !known {
		return "the standard has no observables of the type " + o.Type
	}
	if len(o.Value) > report.MaxObservableValue {
		return "an observable has at most 4096 bytes"
	}
	return ""
}

// momentField stands for the dates of observables.
var momentField = standard.Field{Path: "observables", Type: standard.Date}

func (g *gathering) moment(o *boundSeen, column int) string {
	text := g.cell(column)
	if text == "" || g.empty(text) {
		return ""
	}
	c := cleaner{std: g.t.fields.std, field: momentField}
	done := c.date(text, o.style)
	return g.aside(column, done)
}

func (g *gathering) count(o *boundSeen) int64 {
	text := g.cell(o.count)
	if text == "" || g.empty(text) {
		return 0
	}
	least := 0.0
	c := cleaner{std: g.t.fields.std, field: standard.Field{Path: "observables", Type: standard.Integer, Min: &least}}
	n, err := strconv.ParseInt(g.aside(o.count, c.tableNumber(text, o.style)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// aside notes the fate of a cell that stands beside an observable.
func (g *gathering) aside(column int, done cleaned) string {
	f := g.fate(reference{column, ""})
	if done.text == "" {
		if reason := "observables: " + done.reason; !slices.Contains(f.bad, reason) {
			f.bad = append(f.bad, reason)
		}
		return ""
	}
	f.taken, f.coded = true, true
	return done.text
}
