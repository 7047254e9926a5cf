package mapping

import (
	"strconv"
	"strings"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// reading is one incident on its way to a report.
type reading struct {
	m           *VERIS
	account     *Account
	rows        *rows
	places      []Place
	taken       int // statements
	native      string
	dates       []*dateRead
	said        []*presence
	observables []report.Observable
}

// dateRead is a date whose parts are being gathered.
type dateRead struct {
	to    *counterpart // of one of its parts
	path  string       // as the incident writes it
	parts dateParts
}

// FromVERIS makes a report of an incident. Every value ends in a statement, in
// the account as repaired or not mapped, or among the places that are invalid,
// which stand at their paths; the caller says in which file, and counts the
// record. A report without statements and observables is of no use.
func (m *VERIS) FromVERIS(in veris.Incident, a *Account) (report.Report, []Place) {
	m.rows.reset()
	r := &reading{m: m, account: a, rows: m.rows}
	for _, rule := range in.Applied {
		a.Repair(rule)
	}
	for _, v := range in.Values {
		r.take(v)
	}
	for _, d := range r.dates {
		r.takeDate(d)
	}
	for _, p := range r.said {
		r.sayPresence(p)
	}
	return report.Report{
		Native: r.native, Standard: m.std.Ref(),
		Statements: r.rows.statements(), Observables: r.observables,
	}, r.places
}

func (r *reading) refuse(path, reason string) {
	r.places = append(r.places, Place{Path: shortPath(path), Reason: reason})
}

func (r *reading) skip(path, reason string) { r.account.Skip(shortPath(path), reason) }

func (r *reading) repair(rules ...string) {
	for _, rule := range rules {
		r.account.Repair(rule)
	}
}

// shortPath cuts a name that is rather a text.
func shortPath(path string) string {
	const limit = 200
	if len(path) > limit {
		return strings.ToValidUTF8(path[:limit], "") + "…"
	}
	return path
}

// take finds a place for one value.
func (r *reading) take(v veris.Value) {
	p := r.m.find(v)
	if p.within != nil {
		r.said = append(r.said, p.within)
	}
	if p.path == pathVersion && v.Kind == veris.String && strings.ContainsAny(v.Text, "_-") {
		r.repair(veris.RuleVersion)
	}
	if isEmpty(v) && (p.to == nil || v.Kind != veris.EmptyObject || p.to.kind != kindPresence && !isBoolean(p.to)) {
		r.repair(veris.RuleEmpty)
		return
	}
	to, text := p.to, v.Text
	if len(p.moves) > 0 {
		if move, moved := r.move(p, to, text); moved != nil {
			to, v.Text = moved, move.Code
			if v.Text == "" {
				v.Text = text
			}
			r.repair(move.ID())
		}
	}
	if to == nil {
		r.skip(p.path, p.reason)
		return
	}
	r.repair(p.rules...)
	r.put(p, to, v)
}

func isBoolean(to *counterpart) bool {
	return to.kind == kindValue && to.field.field.Type == standard.Boolean
}

// isEmpty says whether a value says nothing by itself.
func isEmpty(v veris.Value) bool {
	return v.Kind >= veris.Null || v.Kind == veris.String && strings.TrimSpace(v.Text) == ""
}

// move finds the counterpart of a single code that stands elsewhere now. What
// its own field knows stays there.
func (r *reading) move(p *place, to *counterpart, text string) (veris.Move, *counterpart) {
	if to != nil && (to.exact == nil || to.knows(text)) {
		return veris.Move{}, nil
	}
	for _, move := range p.moves {
		if move.Only != "" && fold(move.Only) == fold(text) {
			return move, r.m.byPath[move.To]
		}
	}
	return veris.Move{}, nil
}

// put hands a value to its counterpart.
func (r *reading) put(p *place, to *counterpart, v veris.Value) {
	switch to.kind {
	case kindPart:
		r.takePart(p, to, v)
	case kindPresence:
		r.repair(r.statement(p, to, v).rules...)
	case kindDiscovery:
		r.takeDiscovery(p, v)
	case kindIndicator:
		r.takeIndicator(p, v)
	default:
		if to.exact != nil && to.field.field.Many && v.Kind == veris.String && strings.ContainsAny(v.Text, between) && !to.knows(v.Text) {
			if codes := to.split(v.Text); len(codes) > 1 {
				r.repair(veris.RuleSplit)
				for _, code := range codes {
					v.Text = code
					r.repair(r.statement(p, to, v).rules...)
				}
				return
			}
		}
		r.repair(r.statement(p, to, v).rules...)
	}
}

// between stands between codes that are written in one text.
const between = ",;|\n"

// split takes several codes in one text apart, if that is what they are.
func (to *counterpart) split(text string) []string {
	codes := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(between, c) })
	for i, code := range codes {
		codes[i] = strings.TrimSpace(code)
		if !to.knows(code) {
			return nil
		}
	}
	return codes
}

// statement cleans a value and makes a statement of it, if it is one.
func (r *reading) statement(p *place, to *counterpart, v veris.Value) cleaned {
	c := to.field
	var alias func(string) (string, string)
	if to.exact != nil {
		alias = to.alias
	}
	done := c.clean(v, alias)
	if isBoolean(to) && v.Kind == veris.EmptyObject {
		done.rules = append(done.rules, veris.RuleTypeBool)
	}
	if c.field.Type == standard.Date && len(done.rules) == 0 && done.text != "" {
		done.rules = append(done.rules, veris.RuleDateText)
	}
	if done.text == "" {
		if done.reason != "" {
			r.refuse(p.path, done.reason)
		}
		return done
	}
	switch {
	case done.reason == "":
	case c.field.Type == standard.Text || c.field.Type == standard.Name:
		r.skip(p.path, done.reason)
	default:
		r.refuse(p.path, done.reason)
	}
	done.rules = append(done.rules, r.place(p, to, v.Row, done.text)...)
	return done
}

// place puts a clean text into its row and says by which rules of lists.
func (r *reading) place(p *place, to *counterpart, row int, text string) (rules []string) {
	c := to.field
	wanted := 0
	if c.field.Many || c.field.Group != "" {
		wanted = 1
	}
	switch {
	case p.lists < wanted:
		rules = append(rules, veris.RuleList)
	case p.lists > wanted:
		rules = append(rules, veris.RuleOne)
	}
	if c.field.Group == "" {
		row = 0
	}
	if r.rows.has(c, row, text) {
		switch {
		case r.rows.same(c, row, text):
			return append(rules, veris.RuleTwice)
		case p.lists > wanted && (c.field.Type == standard.Text || c.field.Type == standard.Name):
			r.join(p, to, row, text)
			return rules
		}
		r.refuse(p.path, "the field takes one value, and has one")
		return rules
	}
	if r.taken >= report.MaxSaid {
		r.refuse(p.path, full)
		return rules
	}
	if p.path == pathIncident && len(text) <= report.MaxNative {
		r.native = text
	}
	r.state(c, row, text)
	r.account.Map(to.path)
	return rules
}

// full says why a value has no place although its field would take it.
var full = "a report takes at most " + strconv.Itoa(report.MaxSaid) + " values"

// state adds a statement.
func (r *reading) state(c *cleaner, row int, text string) {
	r.taken++
	r.rows.put(c, row, text)
}

// join adds a text to the one that the field has.
func (r *reading) join(p *place, to *counterpart, row int, text string) {
	cell := r.rows.cell(to.field, row)
	done := to.field.cleanText(veris.Value{Text: cell.text + "; " + text})
	if done.text == "" {
		r.refuse(p.path, done.reason)
		return
	}
	if done.reason != "" {
		r.skip(p.path, done.reason)
	}
	cell.text = done.text
	r.account.Map(to.path)
}

// takeDiscovery reads the style of VERIS 1.2 to 1.3.2, in which the side and
// the code stand in one text.
func (r *reading) takeDiscovery(p *place, v veris.Value) {
	side, code, found := strings.Cut(v.Text, "-")
	name := map[string]string{"ext": "external", "int": "internal", "prt": "partner"}[strings.ToLower(strings.TrimSpace(side))]
	to := r.m.byPath[pathDiscovery+"."+name+".variety"]
	if !found || name == "" {
		to = r.m.byPath[pathDiscovery+"."+strings.ToLower(strings.TrimSpace(v.Text))]
		code = "true"
	}
	if to == nil || to.kind != kindValue || v.Kind != veris.String {
		r.refuse(p.path, "the discovery is not written as \"Ext - …\", \"Int - …\", \"Prt - …\", \"Unknown\" or \"Other\"")
		return
	}
	r.repair(veris.RuleDiscovery)
	v.Text, v.Kind = strings.TrimSpace(code), veris.String
	if to.field.field.Type == standard.Boolean {
		v.Kind = veris.Boolean
	}
	for _, rule := range r.statement(p, to, v).rules {
		if rule != veris.RuleList { // told by the rule of discovery already
			r.repair(rule)
		}
	}
}

// takeIndicator makes an observable of an indicator whose type is plain.
func (r *reading) takeIndicator(p *place, v veris.Value) {
	typ, _, ok := observable.Detect(v.Text)
	if _, known := r.m.std.Field(report.ObservablePath(typ)); !ok || !known || v.Kind != veris.String {
		r.skip(p.path, "no observable of a type that can be told")
		return
	}
	if len(r.observables) >= report.MaxObservables {
		r.refuse(p.path, "a report takes at most "+strconv.Itoa(report.MaxObservables)+" observables")
		return
	}
	r.observables = append(r.observables, report.Observable{Type: typ, Value: v.Text})
	r.account.Map(pathIndicator)
}

// takePart keeps a part of a date until the others are there.
func (r *reading) takePart(p *place, to *counterpart, v veris.Value) {
	var d *dateRead
	for _, known := range r.dates {
		if known.to.field == to.field {
			d = known
		}
	}
	if d == nil {
		d = &dateRead{to: to, path: p.path[:len(p.path)-len(to.part)]}
		r.dates = append(r.dates, d)
	}
	if p.lists > 0 {
		r.repair(veris.RuleOne)
	}
	text := v.Text
	if v.Kind != veris.Number && to.part != "time" {
		text = `"` + v.Text + `"`
	}
	part := d.parts.part(to.part)
	switch {
	case *part == "":
		*part = text
	case *part == text:
		r.repair(veris.RuleTwice)
	default:
		r.refuse(p.path, "the field takes one value, and has one")
	}
}

// part finds a part by its name in VERIS.
func (p *dateParts) part(name string) *string {
	switch name {
	case "year":
		return &p.year
	case "month":
		return &p.month
	case "day":
		return &p.day
	}
	return &p.time
}

// takeDate makes a statement of the parts of a date.
func (r *reading) takeDate(d *dateRead) {
	c := d.to.field
	done, lost := c.cleanParts(d.parts)
	r.repair(done.rules...)
	written := d.path
	if done.text != "" && r.rows.has(c, 0, done.text) {
		done.text, done.reason = "", "the field takes one value, and has one"
	}
	if done.text != "" && r.taken >= report.MaxSaid {
		done.text, done.reason = "", full
	}
	for _, name := range dateNames {
		if *d.parts.part(name) == "" {
			continue
		}
		switch reason, isLost := lost[name]; {
		case isLost:
			r.refuse(written+name, reason)
		case done.text == "":
			r.refuse(written+name, done.reason)
		default:
			r.account.Map(c.field.Crosswalk.VERIS + "." + name)
		}
	}
	if done.text != "" {
		r.state(c, 0, done.text)
	}
}

// sayPresence states that an object stands in the incident, whatever stands in
// it.
func (r *reading) sayPresence(p *presence) {
	if r.taken < report.MaxSaid && !r.rows.has(p.field, 0, "true") {
		r.state(p.field, 0, "true")
	}
}
