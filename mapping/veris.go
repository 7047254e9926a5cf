package mapping

import (
	"reflect"
	"strings"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/standard"
)

//go:generate go test -run TestTheDocumentationOfVERISIsCurrent -update-veris .

// VERIS maps incidents in VERIS to reports under one standard, and back. The
// counterpart of a field is what the standard's crosswalk names; what VERIS
// writes in other ways than a standard is told by the kinds of [counterpart].
//
// It remembers the paths that it has seen and is not safe for concurrent use.
type VERIS struct {
	std      *standard.Standard
	fields   *fields
	rows     *rows                   // of one report after the other
	byPath   map[string]*counterpart // by the path of VERIS, without list marks
	byFolded map[string]*counterpart // the same in lower case
	moves    map[string][]veris.Move // by the path that they move from
	seen     map[string]*place       // by the place in incidents
	said     []*presence
	out      map[string]*printed // by the path of the standard
}

// kind says how a value of VERIS becomes a statement.
type kind uint8

const (
	kindValue     kind = iota // one value, one statement
	kindPart                  // year, month, day or time of a date
	kindPresence              // an object that says something by being there
	kindDiscovery             // side and code of the discovery in one text
	kindIndicator             // a value of an observable
)

// counterpart is a path of VERIS and the field that it stands for.
type counterpart struct {
	kind  kind
	path  string
	field *cleaner // nil for kindDiscovery and kindIndicator
	part  string   // of a date
	// renames of a field of codes, as written and folded; nil for others.
	exact map[string]renamed
	fold  map[string]renamed
}

// renamed is the code under which the standard lists another one.
type renamed struct{ code, rule string }

// presence is a field that says whether an object stands in the incident.
type presence struct {
	path  string
	field *cleaner
}

// place is what is known of a place in incidents.
type place struct {
	path  string // as the incident writes it, without list marks
	lists int    // it stands in so many
	to    *counterpart
	moves []veris.Move
	// rules that were needed to find the counterpart.
	rules  []string
	reason string // why there is none
	within *presence
}

// maxSeen bounds what is remembered of strangers' names.
const maxSeen = 20000

const (
	pathDiscovery = "discovery_method"
	pathIndicator = "ioc.indicator"
	pathComment   = "ioc.comment"
	pathIncident  = "incident_id"
	pathVersion   = "schema_version"
)

// dateNames are the parts of a date in VERIS.
var dateNames = []string{"year", "month", "day", "time"}

// NewVERIS prepares the mapping for a standard.
func NewVERIS(std *standard.Standard) *VERIS {
	m := &VERIS{
		std: std, fields: newFields(std),
		byPath: map[string]*counterpart{}, byFolded: map[string]*counterpart{},
		moves: map[string][]veris.Move{}, seen: map[string]*place{}, out: map[string]*printed{},
	}
	m.add(&counterpart{kind: kindDiscovery, path: pathDiscovery})
	m.add(&counterpart{kind: kindIndicator, path: pathIndicator})
	m.rows = m.fields.gather()
	objects := m.objects()
	for _, c := range m.fields.all {
		path := c.field.Crosswalk.VERIS
		if path == "" {
			continue
		}
		to := &counterpart{path: path, field: c}
		switch {
		case c.field.Type == standard.Boolean && objects[path]:
			to.kind = kindPresence
			m.said = append(m.said, &presence{path, c})
		case c.field.Type == standard.Date:
			for _, name := range dateNames {
				m.add(&counterpart{kind: kindPart, path: path + "." + name, field: c, part: name})
			}
		case c.field.Type == standard.Code:
			to.addRenames()
		}
		m.add(to)
		m.out[c.field.Path] = newPrinted(to)
	}
	for _, move := range veris.Moves() {
		m.moves[move.From] = append(m.moves[move.From], move)
	}
	return m
}

// objects lists the paths of VERIS below which other fields stand.
func (m *VERIS) objects() map[string]bool {
	objects := map[string]bool{}
	for _, c := range m.fields.all {
		path := c.field.Crosswalk.VERIS
		for i := range len(path) {
			if path[i] == '.' {
				objects[path[:i]] = true
			}
		}
	}
	return objects
}

func (m *VERIS) add(to *counterpart) {
	if _, taken := m.byPath[to.path]; taken {
		return // the standard's first field has it
	}
	m.byPath[to.path] = to
	m.byFolded[strings.ToLower(to.path)] = to
}

// addRenames prepares the renames of a field, followed to a code that its
// standard lists; one that leads to none is left out.
func (to *counterpart) addRenames() {
	to.exact, to.fold = map[string]renamed{}, map[string]renamed{}
	of := map[string]veris.Rename{}
	for _, r := range veris.Renames() {
		if veris.MatchPath(r.Path, to.path) {
			of[r.From] = r
		}
	}
	for from, r := range of {
		code := r.To
		for range len(of) {
			if to.field.listed(code) {
				break
			}
			next, ok := of[code]
			if !ok {
				break
			}
			code = next.To
		}
		if to.field.listed(code) {
			to.exact[from] = renamed{code, r.ID()}
			if _, taken := to.fold[fold(from)]; !taken || fold(from) == from {
				to.fold[fold(from)] = renamed{code, r.ID()}
			}
		}
	}
}

// alias translates a code that the standard does not list. A code that merely
// is spelled otherwise is none.
func (to *counterpart) alias(code string) (string, string) {
	if r, ok := to.exact[code]; ok {
		return r.code, r.rule
	}
	if to.field.folded[fold(code)] != "" {
		return "", ""
	}
	if r, ok := to.fold[fold(code)]; ok {
		return r.code, r.rule
	}
	if strings.HasSuffix(to.path, ".industry") {
		return industry(code)
	}
	return "", ""
}

// unknownIndustry is how VERIS writes that the industry is not known.
const unknownIndustry = "000000"

// industry repairs a code that has too few or too many digits.
func industry(code string) (string, string) {
	digits := strings.Trim(code, "0123456789") == ""
	switch {
	case code != "" && strings.Trim(code, "0") == "":
		return unknownIndustry, veris.RuleIndustry
	case digits && (len(code) == 7 || len(code) == 8):
		return code[:6], veris.RuleIndustry6
	}
	return "", ""
}

// knows says whether a code needs no more than the tables to be listed.
func (to *counterpart) knows(code string) bool {
	code = strings.TrimSpace(code)
	if to.field.listed(code) || to.field.folded[fold(code)] != "" || to.field.listed(strings.ToUpper(code)) {
		return true
	}
	renamed, _ := to.alias(code)
	return renamed != ""
}

// Covers says whether a report that was mapped under m can be taken over to
// another standard as it is, because that has the same fields in the same
// order, with the same codes and counterparts in VERIS, as profiles have that
// extend m's.
func (m *VERIS) Covers(std *standard.Standard) bool {
	last := -1
	for _, f := range m.std.Fields() {
		if _, ok := std.Field(f.Path); !ok || std.Order(f.Path) < last {
			return false
		}
		last = std.Order(f.Path)
	}
	for _, f := range std.Fields() {
		own, ok := m.std.Field(f.Path)
		if !ok && f.Crosswalk.VERIS == "" {
			continue
		}
		if own.Type != f.Type || own.Many != f.Many || own.Group != f.Group || own.Crosswalk.VERIS != f.Crosswalk.VERIS ||
			own.MaxLength != f.MaxLength || !reflect.DeepEqual(own.Min, f.Min) || !reflect.DeepEqual(own.Max, f.Max) {
			return false
		}
		ours, _ := m.std.CodeList(own.CodeList)
		theirs, _ := std.CodeList(f.CodeList)
		if !reflect.DeepEqual(ours, theirs) {
			return false
		}
	}
	return true
}

// find returns what is known of a value's place.
func (m *VERIS) find(v veris.Value) *place {
	if p := m.seen[v.Place]; p != nil {
		return p
	}
	if len(m.seen) >= maxSeen {
		clear(m.seen)
	}
	p := &place{path: v.Path, lists: strings.Count(v.Place, "[]"), moves: m.moves[v.Path]}
	m.seen[v.Place] = p
	p.to, p.rules = m.lookUp(v.Path, 0)
	if p.to != nil && len(p.moves) == 0 {
		p.moves = m.moves[p.to.path]
	}
	if p.to == nil {
		p.reason = m.whyNot(v.Path)
	}
	for _, s := range m.said {
		if strings.HasPrefix(v.Path, s.path+".") {
			p.within = s
		}
	}
	return p
}

// lookUp finds the counterpart of a path under its own name, in other case,
// or moved, and the rules that this took.
func (m *VERIS) lookUp(path string, moved int) (*counterpart, []string) {
	if to := m.byPath[path]; to != nil {
		return to, nil
	}
	if to := m.byFolded[strings.ToLower(path)]; to != nil {
		return to, []string{veris.RuleNameCase}
	}
	for _, move := range veris.Moves() {
		rest, ok := strings.CutPrefix(path, move.From)
		if !ok || rest != "" && rest[0] != '.' || move.Only != "" || moved > 2 {
			continue
		}
		if to, rules := m.lookUp(move.To+rest, moved+1); to != nil {
			return to, append([]string{move.ID()}, rules...)
		}
	}
	return nil, nil
}

func (m *VERIS) whyNot(path string) string {
	root, _, _ := strings.Cut(path, ".")
	switch {
	case path == pathVersion:
		return "it says how the incident is written; a report names its standard"
	case path == pathComment:
		return "an observable has no remarks"
	case root == "plus" || strings.HasPrefix(root, "x_"):
		return "an extension of VERIS that the standard does not collect"
	case len(m.moves[path]) > 0:
		return "the field was divided, and nothing is known of this value"
	}
	return "the standard has no counterpart"
}
