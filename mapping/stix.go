package mapping

import (
	"strconv"
	"strings"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

//go:generate go test -run TestTheDocumentationOfSTIXIsCurrent -update-stix .

// STIX maps bundles of STIX 2.1 to reports under one standard, and back. A
// bundle is divided first ([GroupSTIX]); each group becomes a report. It is
// not safe for concurrent use.
type STIX struct {
	std    *standard.Standard
	fields *fields
	rows   *rows
	// actions finds a variety of an action by its term, alone ("ransomware")
	// or after its family ("malware-ransomware"), and a class of RSIT by its
	// own ("fraud-phishing"); the zero action where two share one.
	actions map[string]action
	// terms finds a code by its field and term, where a vocabulary is open
	// and the standard's own codes stand in it.
	terms map[string]map[string]string
}

// action is a code under its field.
type action struct{ path, code string }

// NewSTIX prepares the mapping for a standard.
func NewSTIX(std *standard.Standard) *STIX {
	m := &STIX{std: std, fields: newFields(std), actions: map[string]action{}, terms: map[string]map[string]string{}}
	m.rows = m.fields.gather()
	for _, c := range m.fields.all {
		family, found := strings.CutPrefix(c.field.Path, "action.")
		family, isVariety := strings.CutSuffix(family, ".variety")
		list, _ := std.CodeList(c.field.CodeList)
		terms := map[string]string{}
		for _, entry := range list.Codes {
			terms[stixTerm(entry.Code)] = entry.Code
			if c.field.Path == "classification.rsit" {
				m.actions[stixTerm(entry.Code)] = action{c.field.Path, entry.Code}
			}
		}
		m.terms[c.field.Path] = terms
		if !found || !isVariety {
			continue
		}
		for _, entry := range list.Codes {
			own := action{c.field.Path, entry.Code}
			m.actions[family+"-"+stixTerm(entry.Code)] = own
			if _, taken := m.actions[stixTerm(entry.Code)]; taken {
				own = action{}
			}
			m.actions[stixTerm(entry.Code)] = own
		}
	}
	return m
}

// stixReading is one group on its way to a report.
type stixReading struct {
	m       *STIX
	account *Account
	rows    *rows
	group   STIXGroup
	byID    map[string]stix.Object
	places  []Place
	taken   int // statements
	// used says how many values of a path went somewhere, by object and path;
	// all of them where it is everything.
	used map[string]map[string]int
	// reasons say why a value did not, where there is a better one than that
	// the standard has no counterpart.
	reasons map[string]map[string]string
	roles   map[string]string // of observables, by id
	sights  map[string]sight  // of indicators and observables, by id
	victims map[string]bool   // identities, by id
	starts  []start           // of impacts
	tlp     string

	observables []report.Observable
	at          map[report.Observable]int // place of a type and value
}

// start is when an impact began, as the object says it.
type start struct {
	object stix.Object
	text   string
}

// sight is when and how often something was seen.
type sight struct {
	first, last string
	count       int64
}

// FromSTIX makes a report of a group. Every value of its objects ends in a
// statement, an observable, the account, or among the places that are invalid;
// the caller says in which file, and counts the record. A report without
// statements and observables is of no use.
func (m *STIX) FromSTIX(group STIXGroup, a *Account) (report.Report, []Place) {
	m.rows.reset()
	r := &stixReading{
		m: m, account: a, rows: m.rows, group: group, byID: map[string]stix.Object{},
		used: map[string]map[string]int{}, reasons: map[string]map[string]string{},
		roles: map[string]string{}, sights: map[string]sight{}, victims: map[string]bool{},
		at: map[report.Observable]int{},
	}
	for _, o := range group.members {
		r.byID[o.ID()] = o
	}
	r.relate()
	if group.Head != nil {
		r.object(group.Head)
	}
	for _, o := range group.members {
		if group.Head == nil || o.ID() != group.Head.ID() {
			r.object(o)
		}
	}
	r.firstSeen()
	if r.tlp != "" {
		r.put("marking.tlp", r.tlp, "marking-definition.name")
	}
	r.settle()
	native := group.Head.ID()
	if len(native) > report.MaxNative {
		native = ""
	}
	return report.Report{
		Native: native, Standard: m.std.Ref(),
		Statements: r.rows.statements(), Observables: r.observables,
	}, r.places
}

func (r *stixReading) refuse(path, reason string) {
	r.places = append(r.places, Place{Path: shortPath(path), Reason: reason})
}

// everything is more values than an object holds.
const everything = 1 << 30

// use marks all values of a path, and below it, as gone somewhere.
func (r *stixReading) use(o stix.Object, path string) { r.useSome(o, path, everything) }

// useOne marks one value of a path as gone somewhere; others of a list may
// not.
func (r *stixReading) useOne(o stix.Object, path string) { r.useSome(o, path, 1) }

func (r *stixReading) useSome(o stix.Object, path string, n int) {
	id := key(o)
	if r.used[id] == nil {
		r.used[id] = map[string]int{}
	}
	r.used[id][path] = min(everything, r.used[id][path]+n)
}

// leave says why a value goes nowhere.
func (r *stixReading) leave(o stix.Object, path, reason string) {
	id := key(o)
	if r.reasons[id] == nil {
		r.reasons[id] = map[string]string{}
	}
	r.reasons[id][path] = reason
}

// key tells the objects of a group apart; one without an id by its type.
func key(o stix.Object) string {
	if id := o.ID(); id != "" {
		return id
	}
	return o.Type()
}

// state makes statements of the texts of a property and marks it as used if
// one was taken.
func (r *stixReading) state(o stix.Object, property, path string, texts ...string) {
	place := o.Type() + "." + property
	for _, text := range texts {
		if r.put(path, text, place) {
			r.useOne(o, property)
		} else {
			r.leave(o, property, "the field of the standard takes one value and has one, or it does not take this")
		}
	}
}

// stateTerms is state for terms of a vocabulary, by a table of what the
// standard calls them; a term that the table lacks has no counterpart.
func (r *stixReading) stateTerms(o stix.Object, property, path string, table map[string]string, terms ...string) {
	for _, term := range terms {
		code := table[strings.ToLower(term)]
		if code == "" {
			code = r.m.terms[path][stixTerm(term)]
		}
		if code != "" {
			r.state(o, property, path, code)
		} else {
			r.leave(o, property, "the standard has no counterpart of this term")
		}
	}
}

// put makes a statement of a text, if its field takes it, and says so.
func (r *stixReading) put(path, text, place string) bool {
	c := r.m.fields.byPath[path]
	if c == nil {
		return false
	}
	done := c.clean(veris.Value{Text: text}, nil)
	if done.text == "" {
		if done.reason != "" {
			r.refuse(place, done.reason)
		}
		return false
	}
	for _, rule := range done.rules {
		r.account.Repair(rule)
	}
	if done.reason != "" {
		r.account.Skip(shortPath(place), done.reason)
	}
	row := 0
	if c.field.Group != "" {
		row = len(r.rows.values[c])
	}
	for _, cell := range r.rows.values[c] {
		if cell.text == done.text {
			return true // said already
		}
	}
	switch {
	case !c.field.Many && c.field.Group == "" && len(r.rows.values[c]) > 0:
		return joined[path] && r.join(c, done.text)
	case r.taken >= report.MaxSaid:
		r.refuse(place, full)
		return false
	}
	r.taken++
	r.rows.put(c, row, done.text)
	return true
}

// joined are the fields in which several texts stand one after the other.
var joined = map[string]bool{"notes": true, "reference": true, "action.malware.name": true, "impact.notes": true}

// join adds a text to one that stands in its field already.
func (r *stixReading) join(c *cleaner, text string) bool {
	cell := r.rows.cell(c, 0)
	if strings.Contains("; "+cell.text+"; ", "; "+text+"; ") {
		return true
	}
	done := c.cleanText(veris.Value{Text: cell.text + "; " + text})
	if done.reason != "" || done.text == "" {
		return false
	}
	cell.text = done.text
	return true
}

// settle puts every value into the account.
func (r *stixReading) settle() {
	for _, o := range r.group.members {
		counts := map[string]int{}
		leaves(o, func(path string) { counts[path]++ })
		for path, n := range counts {
			place, used := shortPath(o.Type()+"."+path), min(n, r.covers(o, path))
			if used > 0 {
				count(&r.account.mapped, place, used)
			}
			if used < n {
				r.account.skip(unmapped{place, r.why(o, path)}, n-used)
			}
		}
	}
}

// covers says how many values of a path were used, there or with all that
// stands below a path above it.
func (r *stixReading) covers(o stix.Object, path string) int {
	used := r.used[key(o)]
	n := used[path]
	for at := path; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if used[at] == everything {
			return everything
		}
	}
	return n
}

// why says for what reason a value was left out.
func (r *stixReading) why(o stix.Object, path string) string {
	reasons := r.reasons[key(o)]
	for at := path; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if reasons[at] != "" {
			return reasons[at]
		}
	}
	if reasons[""] != "" {
		return reasons[""]
	}
	root, _, _ := strings.Cut(path, ".")
	switch {
	case root == "id":
		return "it identifies the object; a report has an identifier of its own"
	case root == "type", root == "spec_version", root == "extensions" && strings.HasSuffix(path, "extension_type"):
		return "it says how the object is written; a report names its standard"
	case root == "created", root == "modified", root == "revoked", root == "defanged":
		return "it tells of the object's keeping, not of the incident"
	case strings.HasSuffix(root, "created_by_ref"):
		return "who wrote the object is told by who reports"
	case strings.HasSuffix(root, "_ref"), strings.HasSuffix(root, "_refs"):
		return "it ties objects together; what they say stands in one report"
	}
	return "the standard has no counterpart"
}

// see adds an observable, or what is newly known of it.
func (r *stixReading) see(s stix.Sighted, role string, seen sight) bool {
	if _, known := r.m.std.Field(report.ObservablePath(s.Type)); !known {
		return false
	}
	canonical, _ := observable.Canonical(s.Type, s.Value)
	name := report.Observable{Type: s.Type, Value: canonical}
	i, known := r.at[name]
	if !known {
		if len(r.observables) >= report.MaxObservables {
			r.refuse("observables", "a report takes at most "+strconv.Itoa(report.MaxObservables)+" observables")
			return false
		}
		i = len(r.observables)
		r.at[name] = i
		r.observables = append(r.observables, report.Observable{Type: s.Type, Value: s.Value})
	}
	o := &r.observables[i]
	if o.Role == "" {
		o.Role = role
	}
	if seen.first != "" && (o.FirstSeen == "" || seen.first < o.FirstSeen) {
		o.FirstSeen = seen.first
	}
	if seen.last > o.LastSeen {
		o.LastSeen = seen.last
	}
	o.Count = max(o.Count, seen.count)
	return true
}
