package mapping

import (
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Map is a mapping file that has been read: it says for each field of the
// standard where in a table its values come from. docs/mapping.md is its
// reference. A Map is immutable and may be used by many goroutines.
type Map struct {
	file        string
	ref         standard.Ref
	named       bool // the file names its standard
	delimiter   byte
	native      []column
	style       style
	nothing     map[string]bool // folded cells that say nothing
	optional    []column
	ignore      []ignored
	targets     []target
	observables []seen
}

// style is how a table, or a source in it, writes things.
type style struct {
	dates   []dateStyle
	numbers numberStyle
	// rough: the first of January stands for its year, the first of another
	// month for its month.
	rough bool
	// list: cells may hold lists as programs print them.
	list bool
}

// column is a column that the file names, and where.
type column struct {
	name string
	line int
}

// ignored are columns that the file leaves out on purpose.
type ignored struct {
	column
	pattern glob
	reason  string
}

// target is a field, and where its values come from.
type target struct {
	path    string
	line    int
	sources []source
}

// source is one place from which values come: columns or a constant.
type source struct {
	line    int
	columns []column
	style   style
	// join puts the columns' cells together into one text; labelled: each
	// after the name of its column.
	join     *string
	labelled bool
	split    []string
	take     take
	codes    *codeTable
	// otherwise is what becomes of a value that codes do not list.
	otherwise otherwise
	constant  []constant
	// fallback is put where the row gives the field no value.
	fallback     []constant
	when, unless []condition
}

// take says which of several values are taken.
type take string

const (
	takeAll   take = ""
	takeFirst take = "first"
	takeRest  take = "rest" // all but the first
)

// constant is a value that stands in the file.
type constant struct {
	text string
	line int
}

// otherwise says what becomes of a value without a code.
type otherwise struct {
	kind otherwiseKind
	code constant
}

type otherwiseKind uint8

const (
	listInvalid otherwiseKind = iota // it is listed as invalid
	keepValue                        // it is taken as it stands
	leaveOut                         // it is left out, and counted
	takeCode                         // the code is taken for it
)

// condition holds where the column's cell matches one of the patterns.
type condition struct {
	column
	patterns []glob
}

// seen says where observables come from.
type seen struct {
	source
	typ  string // "" is to be detected
	role string
	// firstSeen, lastSeen and count are columns, or nameless.
	firstSeen, lastSeen, count column
}

// codeTable translates the values of a table.
type codeTable struct {
	exact    map[string][]constant // by the folded value
	patterns []pattern
}

type pattern struct {
	glob  glob
	codes []constant
}

// lookup finds the codes of a folded value: the one listed as it is, else those of
// the first pattern that matches. None and true: the value says nothing.
func (t *codeTable) lookup(folded string) (codes []constant, listed bool) {
	if codes, listed = t.exact[folded]; listed {
		return codes, true
	}
	for _, p := range t.patterns {
		if p.glob.match(folded) {
			return p.codes, true
		}
	}
	return nil, false
}

// Standard is the standard whose fields the map uses: the one that the file
// names, or the core.
func (m *Map) Standard() standard.Ref { return m.ref }

// NamesStandard says whether the file names its standard. If not, reports are
// made under the core and belong to the sector of the victim's industry.
func (m *Map) NamesStandard() bool { return m.named }

// Delimiter is the one that the file states for its table, or 0.
func (m *Map) Delimiter() byte { return m.delimiter }

// maxFaults is how many mistakes of a mapping file are listed at once.
const maxFaults = 20

// ParseMap reads a mapping file, which errors call file, and checks it
// strictly: an unknown key, field or code is refused with its line. All
// mistakes (at most 20) are told together. Against a standard that does not
// come with the program the map is checked by [NewTable].
func ParseMap(file string, data []byte) (*Map, error) {
	r := &mapReader{file: file}
	m := r.read(data)
	if len(r.faults) == 0 {
		if std, err := standard.Builtin(m.ref); err == nil {
			r.check(m, std)
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// check holds the map to its standard.
func (r *mapReader) check(m *Map, std *standard.Standard) {
	fields := newFields(std)
	for _, o := range m.observables {
		if _, known := std.Field(report.ObservablePath(o.typ)); !known && o.typ != "" {
			r.fault(o.line, "map.observable_type", "the standard %s has no observables of the type %s", std.Ref(), o.typ)
		}
	}
	for _, t := range m.targets {
		c := fields.byPath[t.path]
		if c == nil || c.field.IsObservable() {
			r.fault(t.line, "map.unknown_field", "%s", unknownField(std, t.path))
			continue
		}
		for _, s := range t.sources {
			for _, v := range s.values() {
				if _, err := std.Canonical(c.field, v.text); err != nil {
					r.fault(v.line, "map.unknown_code", "%s", c.unfit(v.text, err))
				}
			}
		}
	}
}

// values lists every value that the source may put by itself.
func (s *source) values() []constant {
	all := slices.Concat(s.constant, s.fallback)
	if s.otherwise.kind == takeCode {
		all = append(all, s.otherwise.code)
	}
	if s.codes != nil {
		for _, codes := range s.codes.exact {
			all = append(all, codes...)
		}
		for _, p := range s.codes.patterns {
			all = append(all, p.codes...)
		}
	}
	slices.SortStableFunc(all, func(a, b constant) int { return a.line - b.line })
	return all
}

// unknownField says that there is no such field, and which one may be meant.
func unknownField(std *standard.Standard, path string) string {
	text := "the standard " + string(std.Ref()) + " has no field " + quote(path)
	if typ, is := observableType(path); is {
		return text + " to fill; observables stand under `observables:`, each with its `type: " + typ + "`"
	}
	for _, ref := range standard.Builtins() {
		if other, err := standard.Builtin(ref); err == nil && other.Leaf(path) != nil {
			return text + ", " + string(ref) + " does: write `standard: " + string(ref) + "` in the file"
		}
	}
	for _, f := range std.Fields() {
		if lastName(f.Path) == lastName(path) && !f.IsObservable() {
			return text + "; did you mean " + f.Path + "?"
		}
	}
	return text + "; `concord standard show " + string(std.Ref()) + "` lists its fields"
}

// unfit says why a value of the file does not fit the field, and which code
// may be meant.
func (c *cleaner) unfit(text string, err error) string {
	if c.field.Type != standard.Code {
		return c.field.Path + " cannot be " + quote(text) + ": " + fault.Public(err).Message
	}
	if meant := c.spelled(text); meant != "" {
		return c.field.Path + " has no code " + quote(text) + "; did you mean " + quote(meant) + "?"
	}
	return c.field.Path + " has no code " + quote(text) + "; see the code list " + quote(c.field.CodeList) + " in `concord standard codebook`"
}

// spelled finds the code that somebody spelled in another way, or "".
func (c *cleaner) spelled(text string) string { return c.folded[fold(text)] }
