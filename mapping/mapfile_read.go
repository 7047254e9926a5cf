package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// maxMapFile is the largest mapping file, in bytes.
const maxMapFile = 8 << 20

// mapReader reads a mapping file and gathers what is wrong with it.
type mapReader struct {
	file   string
	faults []error
	more   int
}

func (r *mapReader) fault(line int, code, format string, args ...any) {
	if len(r.faults) >= maxFaults {
		r.more++
		return
	}
	r.faults = append(r.faults, fault.New(fault.Invalid, code, format, args...).At(fmt.Sprintf("%s:%d", r.file, line)))
}

func (r *mapReader) err() error {
	if r.more > 0 {
		return errors.Join(append(slices.Clone(r.faults), fault.New(fault.Invalid, "map.more", "%d more mistakes", r.more).At(r.file))...)
	}
	return errors.Join(r.faults...)
}

// read makes a Map of a file; it is of use only if nothing was wrong.
func (r *mapReader) read(data []byte) *Map {
	m := &Map{file: r.file, ref: "core/1.0", nothing: map[string]bool{}}
	if len(data) > maxMapFile {
		r.fault(1, "map.too_large", "a mapping file has at most %d MiB", maxMapFile>>20)
		return m
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			r.fault(1, "map.empty", "the mapping file is empty; it needs at least `fields:`")
		} else {
			line, what := yamlFault(err)
			r.fault(line, "map.yaml", "the file cannot be read as YAML (%s); look for a missing colon, quote or space", what)
		}
		return m
	}
	if dec.Decode(&yaml.Node{}) != io.EOF {
		r.fault(1, "map.yaml", "a mapping file is one YAML document; remove the line `---` and what follows")
	}
	var fields, observables *yaml.Node
	r.object(doc.Content[0], keys{
		"about":     func(n *yaml.Node) { r.text(n) },
		"standard":  func(n *yaml.Node) { m.ref, m.named = r.standard(n), true },
		"delimiter": func(n *yaml.Node) { m.delimiter = r.delimiter(n) },
		"native":    func(n *yaml.Node) { m.native = r.columns(n) },
		"dates":     func(n *yaml.Node) { m.style.dates = r.dateStyles(n) },
		"numbers":   func(n *yaml.Node) { m.style.numbers = r.numberStyle(n) },
		"rough":     func(n *yaml.Node) { m.style.rough = r.yes(n) },
		"lists":     func(n *yaml.Node) { m.style.list = r.yes(n) },
		"nothing": func(n *yaml.Node) {
			for _, v := range r.constants(n) {
				m.nothing[foldCell(v.text)] = true
			}
		},
		"optional":    func(n *yaml.Node) { m.optional = r.columns(n) },
		"ignore":      func(n *yaml.Node) { m.ignore = r.ignored(n) },
		"fields":      func(n *yaml.Node) { fields = n },
		"observables": func(n *yaml.Node) { observables = n },
	})
	// These come last: they take the file's style as theirs.
	if fields != nil {
		m.targets = r.targets(fields, m.style)
	}
	if observables != nil {
		m.observables = r.seen(observables, m.style)
	}
	if len(m.targets)+len(m.observables) == 0 && len(r.faults) == 0 {
		r.fault(1, "map.empty", "the map fills no field; write `fields:` and below it lines such as `victim.victim_id: Name of the column`")
	}
	return m
}

// yamlFault takes the line out of what the YAML library says.
func yamlFault(err error) (line int, what string) {
	what = strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(what, "line %d:", &line); n == 1 {
		_, what, _ = strings.Cut(what, ": ")
	}
	return max(line, 1), what
}

// keys says what to do with each key of an object.
type keys map[string]func(value *yaml.Node)

// object reads an object by its keys.
func (r *mapReader) object(n *yaml.Node, known keys) {
	r.entries(n, func(key, value *yaml.Node) {
		read := known[key.Value]
		if read == nil {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.fault(key.Line, "map.unknown_key", "there is no key %s here; the keys are %s", quote(key.Value), strings.Join(names, ", "))
			return
		}
		read(resolved(value))
	})
}

// entries calls yield with the keys and values of an object, in their order.
func (r *mapReader) entries(n *yaml.Node, yield func(key, value *yaml.Node)) {
	n = resolved(n)
	if n.Kind != yaml.MappingNode {
		r.fault(n.Line, "map.object", "lines of the form `name: value` are expected here")
		return
	}
	said := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fault(key.Line, "map.key", "a plain name is expected before the colon")
		case key.Tag == "!!merge":
			r.fault(key.Line, "map.merge", "`<<` is not taken; repeat the lines, or give a whole table a name with & and use it with *")
		case said[key.Value] > 0:
			r.fault(key.Line, "map.twice", "%s is said twice; it stands in line %d already", quote(key.Value), said[key.Value])
		default:
			said[key.Value] = key.Line
			yield(key, resolved(n.Content[i+1]))
		}
	}
}

// resolved follows an alias (*name) to what it stands for.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// text reads a plain text as it is written.
func (r *mapReader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		r.fault(n.Line, "map.text", "a single text is expected here")
		return ""
	}
	return n.Value
}

func (r *mapReader) yes(n *yaml.Node) bool {
	switch strings.ToLower(r.text(n)) {
	case "true", "yes":
		return true
	case "false", "no":
	default:
		r.fault(n.Line, "map.yes", "true or false is expected")
	}
	return false
}

// constants reads one value or a list of them; null and [] are none.
func (r *mapReader) constants(n *yaml.Node) []constant {
	if n.Kind == yaml.ScalarNode {
		if n.Tag == "!!null" {
			return nil
		}
		return []constant{{n.Value, n.Line}}
	}
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "map.value", "a value, or a list of values in [ ], is expected")
		return nil
	}
	var all []constant
	for _, item := range n.Content {
		item = resolved(item)
		if item.Kind != yaml.ScalarNode {
			r.fault(item.Line, "map.value", "a value is expected")
			continue
		}
		all = append(all, constant{item.Value, item.Line})
	}
	return all
}

// columns reads one column's name or a list of them.
func (r *mapReader) columns(n *yaml.Node) []column {
	var all []column
	for _, c := range r.constants(n) {
		all = append(all, r.columnNamed(c))
	}
	if len(all) == 0 {
		r.fault(n.Line, "map.column", "the name of a column is expected")
	}
	return all
}

func (r *mapReader) column(n *yaml.Node) column {
	return r.columnNamed(constant{r.text(n), n.Line})
}

func (r *mapReader) columnNamed(c constant) column {
	name := strings.TrimSpace(c.text)
	if name == "" {
		r.fault(c.line, "map.column", "the name of a column is expected")
	}
	return column{name, c.line}
}

// standard reads a standard's name, with its version or without.
func (r *mapReader) standard(n *yaml.Node) standard.Ref {
	name := strings.TrimSpace(r.text(n))
	if name == "" {
		r.fault(n.Line, "map.standard", "the name of a standard is expected, such as health or health/1.0")
	}
	if !strings.Contains(name, "/") {
		name += "/1.0"
	}
	return standard.Ref(name)
}

func (r *mapReader) delimiter(n *yaml.Node) byte {
	switch text := r.text(n); text {
	case "tab":
		return '\t'
	default:
		if len(text) == 1 && strings.Contains(tabular.Delimiters, text) {
			return text[0]
		}
		r.fault(n.Line, "map.delimiter", "the delimiter is one of \",\" \";\" \"|\" and tab, in quotes")
	}
	return 0
}

// ignored reads columns that are left out: a list, or names with reasons.
func (r *mapReader) ignored(n *yaml.Node) []ignored {
	var all []ignored
	add := func(c column, reason string) {
		if reason = strings.TrimSpace(reason); reason == "" {
			reason = "the map leaves this column out"
		} else {
			reason = "the map leaves it out: " + reason
		}
		all = append(all, ignored{c, newGlob(c.name), reason})
	}
	if n.Kind == yaml.MappingNode {
		r.entries(n, func(key, value *yaml.Node) {
			add(r.columnNamed(constant{key.Value, key.Line}), r.text(value))
		})
		return all
	}
	for _, c := range r.columns(n) {
		add(c, "")
	}
	return all
}

func (r *mapReader) targets(n *yaml.Node, base style) []target {
	var all []target
	r.entries(n, func(key, value *yaml.Node) {
		t := target{path: strings.TrimSpace(key.Value), line: key.Line}
		if value.Kind == yaml.SequenceNode {
			for _, item := range value.Content {
				t.sources = append(t.sources, r.source(resolved(item), base))
			}
		} else {
			t.sources = []source{r.source(value, base)}
		}
		if len(t.sources) == 0 {
			r.fault(key.Line, "map.source", "say where the values of %s come from: the name of a column, or `value:` with a constant", t.path)
		}
		all = append(all, t)
	})
	return all
}

// source reads where values come from: the name of a column, or more.
func (r *mapReader) source(n *yaml.Node, base style) source {
	s := source{line: n.Line, style: base}
	if n.Kind == yaml.ScalarNode {
		s.columns = []column{r.column(n)}
		return s
	}
	r.object(n, r.sourceKeys(&s))
	r.fits(&s)
	return s
}

func (r *mapReader) sourceKeys(s *source) keys {
	return keys{
		"column":    func(n *yaml.Node) { s.columns = append(s.columns, r.column(n)) },
		"columns":   func(n *yaml.Node) { s.columns = append(s.columns, r.columns(n)...) },
		"join":      func(n *yaml.Node) { text := r.text(n); s.join = &text },
		"labelled":  func(n *yaml.Node) { s.labelled = r.yes(n) },
		"split":     func(n *yaml.Node) { s.split = r.separators(n) },
		"list":      func(n *yaml.Node) { s.style.list = r.yes(n) },
		"take":      func(n *yaml.Node) { s.take = r.take(n) },
		"codes":     func(n *yaml.Node) { s.codes = r.codes(n) },
		"otherwise": func(n *yaml.Node) { s.otherwise = r.otherwise(n) },
		"value":     func(n *yaml.Node) { s.constant = r.constants(n) },
		"default":   func(n *yaml.Node) { s.fallback = r.constants(n) },
		"dates":     func(n *yaml.Node) { s.style.dates = r.dateStyles(n) },
		"numbers":   func(n *yaml.Node) { s.style.numbers = r.numberStyle(n) },
		"rough":     func(n *yaml.Node) { s.style.rough = r.yes(n) },
		"when":      func(n *yaml.Node) { s.when = r.conditions(n) },
		"unless":    func(n *yaml.Node) { s.unless = r.conditions(n) },
	}
}

// fits says what of a source does not go together.
func (r *mapReader) fits(s *source) {
	switch {
	case len(s.columns) == 0 && len(s.constant) == 0 && len(s.fallback) == 0:
		r.fault(s.line, "map.source", "say where the values come from: `column:`, `columns:`, or `value:` with a constant")
	case len(s.columns) > 0 && len(s.constant) > 0:
		r.fault(s.line, "map.source", "`value:` is a constant and takes no column; for rows without a value write `default:`")
	case s.otherwise.kind != listInvalid && s.codes == nil:
		r.fault(s.line, "map.otherwise", "`otherwise:` belongs to `codes:`, which is missing here")
	case s.labelled && s.join == nil:
		r.fault(s.line, "map.labelled", "`labelled:` belongs to `join:`, which is missing here")
	}
}

func (r *mapReader) separators(n *yaml.Node) []string {
	var all []string
	for _, c := range r.constants(n) {
		if c.text == "" {
			r.fault(c.line, "map.split", "what separates the values is expected, in quotes")
			continue
		}
		all = append(all, c.text)
	}
	return all
}

func (r *mapReader) take(n *yaml.Node) take {
	switch t := take(r.text(n)); t {
	case takeFirst, takeRest:
		return t
	case "all":
	default:
		r.fault(n.Line, "map.take", "all, first or rest is expected")
	}
	return takeAll
}

func (r *mapReader) codes(n *yaml.Node) *codeTable {
	t := &codeTable{exact: map[string][]constant{}}
	lines := map[string]int{}
	r.entries(n, func(key, value *yaml.Node) {
		codes := r.constants(value)
		folded := foldCell(key.Value)
		if strings.Contains(folded, "*") {
			t.patterns = append(t.patterns, pattern{newGlob(key.Value), codes})
			return
		}
		if first := lines[folded]; first > 0 {
			r.fault(key.Line, "map.twice", "%s stands in line %d already; capital letters and spaces make no difference", quote(key.Value), first)
		}
		lines[folded] = key.Line
		t.exact[folded] = codes
	})
	return t
}

func (r *mapReader) otherwise(n *yaml.Node) otherwise {
	switch text := r.text(n); text {
	case "list":
		return otherwise{}
	case "keep":
		return otherwise{kind: keepValue}
	case "nothing":
		return otherwise{kind: leaveOut}
	case "":
		r.fault(n.Line, "map.otherwise", "a code, or one of list, keep, nothing is expected")
		return otherwise{}
	default:
		return otherwise{takeCode, constant{text, n.Line}}
	}
}

func (r *mapReader) conditions(n *yaml.Node) []condition {
	var all []condition
	r.entries(n, func(key, value *yaml.Node) {
		c := condition{column: r.columnNamed(constant{key.Value, key.Line})}
		for _, v := range r.constants(value) {
			c.patterns = append(c.patterns, newGlob(v.text))
		}
		if len(c.patterns) == 0 {
			r.fault(key.Line, "map.condition", "what stands in the column %s is expected: a value, a list of them, or \"*\" for anything", quote(key.Value))
		}
		all = append(all, c)
	})
	return all
}

// seen reads the list of where observables come from.
func (r *mapReader) seen(n *yaml.Node, base style) []seen {
	if n.Kind != yaml.SequenceNode {
		r.fault(n.Line, "map.observables", "a list is expected: lines that begin with `- column:`")
		return nil
	}
	var all []seen
	for _, item := range n.Content {
		item = resolved(item)
		o := seen{source: source{line: item.Line, style: base}}
		typed := false
		known := r.sourceKeys(&o.source)
		for _, key := range []string{"codes", "otherwise", "value", "default", "join", "labelled"} {
			delete(known, key)
		}
		known["type"] = func(n *yaml.Node) { o.typ, typed = r.observableType(n), true }
		known["role"] = func(n *yaml.Node) { o.role = r.role(n) }
		known["first_seen"] = func(n *yaml.Node) { o.firstSeen = r.column(n) }
		known["last_seen"] = func(n *yaml.Node) { o.lastSeen = r.column(n) }
		known["count"] = func(n *yaml.Node) { o.count = r.column(n) }
		r.object(item, known)
		if item.Kind == yaml.MappingNode {
			r.fits(&o.source)
			if !typed {
				r.fault(item.Line, "map.observable_type", "say the `type:` of these observables, or `type: detect`")
			}
		}
		all = append(all, o)
	}
	return all
}

func (r *mapReader) observableType(n *yaml.Node) string {
	typ := r.text(n)
	switch {
	case typ == "detect":
		return ""
	case !observable.Valid(typ):
		r.fault(n.Line, "map.observable_type", "there is no type of observable %s; the types are %s, and detect", quote(typ), strings.Join(observable.Types(), ", "))
	}
	return typ
}

func (r *mapReader) role(n *yaml.Node) string {
	role := r.text(n)
	if !slices.Contains(report.Roles(), role) {
		r.fault(n.Line, "map.role", "there is no role %s; the roles are %s", quote(role), strings.Join(report.Roles(), ", "))
	}
	return role
}

// observableType takes the type out of a path such as "observable.ip".
func observableType(path string) (typ string, is bool) {
	typ, is = strings.CutPrefix(path, standard.ObservablePrefix)
	return typ, is && observable.Valid(typ)
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
