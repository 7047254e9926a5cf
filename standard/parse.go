package standard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

//go:embed documents/*.json
var documents embed.FS

// Builtins lists the standards that come with the program.
func Builtins() []Ref { return []Ref{"core/1.0", "finance/1.0", "health/1.0", "general/1.0"} }

// builtins resolves each embedded standard once; they are immutable.
var builtins = sync.OnceValues(func() (map[Ref]*Standard, error) {
	all := map[Ref]*Standard{}
	for _, ref := range Builtins() {
		data, err := documents.ReadFile(path.Join("documents", strings.ReplaceAll(string(ref), "/", "-")+".json"))
		if err != nil {
			return nil, fmt.Errorf("read the embedded standard %s: %w", ref, err)
		}
		doc, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("parse the embedded standard %s: %w", ref, err)
		}
		s, err := Resolve(doc, func(r Ref) (*Standard, error) {
			if p, ok := all[r]; ok {
				return p, nil
			}
			return nil, unknownStandard(r)
		})
		if err != nil {
			return nil, fmt.Errorf("resolve the embedded standard %s: %w", ref, err)
		}
		all[ref] = s
	}
	return all, nil
})

// Builtin returns an embedded standard.
func Builtin(ref Ref) (*Standard, error) {
	all, err := builtins()
	if err != nil {
		return nil, err
	}
	s, ok := all[ref]
	if !ok {
		return nil, unknownStandard(ref)
	}
	return s, nil
}

func unknownStandard(ref Ref) error {
	names := make([]string, len(Builtins()))
	for i, b := range Builtins() {
		names[i] = string(b)
	}
	return fault.New(fault.NotFound, "standard.unknown",
		"there is no standard %q; built in are %s", ref, strings.Join(names, ", "))
}

// Parse reads a standard's document strictly. It checks the grammar only;
// [Resolve] checks the meaning.
func Parse(data []byte) (Document, error) {
	var d Document
	if err := wire.Decode(data, &d); err != nil {
		return Document{}, placed(data, err)
	}
	return d, nil
}

// placed gives a fault of a value's own reader, such as [Form.UnmarshalText],
// the place in the document, which only the JSON decoder knows.
func placed(data []byte, err error) error {
	f := fault.Public(err)
	var sem *json.SemanticError
	if f.Path == "" && errors.As(json.Unmarshal(data, &Document{}), &sem) {
		return f.At(string(sem.JSONPointer))
	}
	return f
}

// Resolve checks a document and gives it the fields, code lists and
// hierarchies of what it extends, found by lookup. A profile may restate a
// field of what it extends to change its title, requirement, description,
// default form or crosswalk, and nothing else.
func Resolve(d Document, lookup func(Ref) (*Standard, error)) (*Standard, error) {
	s, err := resolve(d, lookup)
	if err != nil {
		return nil, err
	}
	if faults := s.check(); len(faults) > 0 {
		return nil, faults[0]
	}
	s.buildTree()
	return s, s.seal()
}

// ValidateDocument reads a document and lists everything that is wrong with
// it, each with its place; on success the list is empty and the standard can
// be used.
func ValidateDocument(data []byte, lookup func(Ref) (*Standard, error)) (*Standard, []*fault.Error) {
	d, err := Parse(data)
	if err != nil {
		return nil, []*fault.Error{fault.Public(err)}
	}
	s, err := resolve(d, lookup)
	if err != nil {
		return nil, []*fault.Error{fault.Public(err)}
	}
	if faults := s.check(); len(faults) > 0 {
		return nil, faults
	}
	s.buildTree()
	if err := s.seal(); err != nil {
		return nil, []*fault.Error{fault.Public(err)}
	}
	return s, nil
}

// resolve gathers what the document says and what it extends, unchecked.
func resolve(d Document, lookup func(Ref) (*Standard, error)) (*Standard, error) {
	s := &Standard{doc: d, byPath: map[string]int{}, codeLists: map[string]*codeList{},
		hierarchies: map[string]*Hierarchy{}, parents: map[string]map[string]int{}, groups: map[string][]int{}}
	if d.Extends != "" {
		parent, err := lookup(d.Extends)
		if err != nil {
			return nil, err
		}
		s.parent = parent
		s.fields = slices.Clone(parent.fields)
		for k, v := range parent.codeLists {
			s.codeLists[k] = v
		}
		for k, v := range parent.hierarchies {
			s.hierarchies[k] = v
		}
		for i, f := range s.fields {
			s.byPath[f.Path] = i
		}
	}
	if err := s.addLists(); err != nil {
		return nil, err
	}
	if err := s.addFields(); err != nil {
		return nil, err
	}
	for i, f := range s.fields {
		if f.Group != "" {
			s.groups[f.Group] = append(s.groups[f.Group], i)
		}
	}
	for name, h := range s.hierarchies {
		s.parents[name] = levelsOf(h)
	}
	return s, nil
}

// Resolved returns the standard as one document that stands by itself: with
// all fields, code lists and hierarchies of what it extends. Extends still
// names that.
func (s *Standard) Resolved() Document {
	d := s.doc
	d.Fields = slices.Clone(s.fields)
	if s.parent != nil {
		p := s.parent.Resolved()
		d.CodeLists = append(p.CodeLists, d.CodeLists...)
		d.Hierarchies = append(p.Hierarchies, d.Hierarchies...)
	}
	return d
}

// Hash is the SHA-256, in hexadecimal, of the canonical JSON (RFC 8785) of the
// resolved document: two standards with the same hash collect the same.
func (s *Standard) Hash() string { return s.hash }

// seal computes the hash.
func (s *Standard) seal() error {
	b, err := wire.Canonical(s.Resolved())
	if err != nil {
		return fmt.Errorf("hash the standard %s: %w", s.Ref(), err)
	}
	sum := sha256.Sum256(b)
	s.hash = hex.EncodeToString(sum[:])
	return nil
}

func (s *Standard) addLists() error {
	for i, c := range s.doc.CodeLists {
		at := fmt.Sprintf("/code_lists/%d", i)
		if c.Name == "" || s.codeLists[c.Name] != nil {
			return invalid(at, "standard.code_list", "a code list has a name of its own")
		}
		list, err := newCodeList(c)
		if err != nil {
			return invalid(at, "standard.code_list", "the pattern of code list %q is not a regular expression", c.Name)
		}
		s.codeLists[c.Name] = list
	}
	for i := range s.doc.Hierarchies {
		h := &s.doc.Hierarchies[i]
		if h.Name == "" || s.hierarchies[h.Name] != nil {
			return invalid(fmt.Sprintf("/hierarchies/%d", i), "standard.hierarchy", "a hierarchy has a name of its own")
		}
		s.hierarchies[h.Name] = h
	}
	return nil
}

func (s *Standard) addFields() error {
	own := map[string]bool{}
	for i, f := range s.doc.Fields {
		at := fmt.Sprintf("/fields/%d", i)
		if own[f.Path] {
			return invalid(at, "standard.field_twice", "the field %q stands twice", f.Path)
		}
		own[f.Path] = true
		k, inherited := s.byPath[f.Path]
		if !inherited {
			s.byPath[f.Path] = len(s.fields)
			s.fields = append(s.fields, f)
			continue
		}
		was := s.fields[k]
		if was.Type != f.Type || was.Many != f.Many || was.Group != f.Group || was.CodeList != f.CodeList || was.Class != f.Class || was.Hierarchy != f.Hierarchy || was.Token != f.Token || was.Unit != f.Unit || was.MaxLength != f.MaxLength || !same(was.Min, f.Min) || !same(was.Max, f.Max) {
			return invalid(at, "standard.changed_field", "the profile changes more of %q than its requirement, words and crosswalk", f.Path)
		}
		s.fields[k] = f
	}
	return nil
}

func same(a, b *float64) bool { return a == b || a != nil && b != nil && *a == *b }

func invalid(at, code, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, code, format, args...).At(at)
}

// codeList is a code list ready for use.
type codeList struct {
	CodeList
	index   map[string]int
	pattern *regexp.Regexp
}

func newCodeList(c CodeList) (*codeList, error) {
	l := &codeList{CodeList: c, index: make(map[string]int, len(c.Codes))}
	for i, e := range c.Codes {
		l.index[e.Code] = i
	}
	if c.Pattern != "" {
		p, err := regexp.Compile(`^(?:` + c.Pattern + `)$`)
		if err != nil {
			return nil, err
		}
		l.pattern = p
	}
	return l, nil
}

// has reports whether a code belongs to the list.
func (l *codeList) has(code string) bool {
	if _, ok := l.index[code]; ok {
		return true
	}
	return l.pattern != nil && l.pattern.MatchString(code)
}

// Document returns the document of which the standard was made.
func (s *Standard) Document() Document { return s.doc }

// CodeList finds a code list.
func (s *Standard) CodeList(name string) (CodeList, bool) {
	l, ok := s.codeLists[name]
	if !ok {
		return CodeList{}, false
	}
	return l.CodeList, true
}

// Label returns the label of a field's code, or the code itself.
func (s *Standard) Label(f Field, code string) string {
	if l := s.codeLists[f.CodeList]; l != nil {
		if i, ok := l.index[code]; ok && l.Codes[i].Label != "" {
			return l.Codes[i].Label
		}
	}
	return code
}

// Hierarchy finds a hierarchy.
func (s *Standard) Hierarchy(name string) (Hierarchy, bool) {
	h, ok := s.hierarchies[name]
	if !ok {
		return Hierarchy{}, false
	}
	return *h, true
}

// Group lists the fields of a repeated group, or nil if there is none of that
// path.
func (s *Standard) Group(path string) []Field {
	var fields []Field
	for _, i := range s.groups[path] {
		fields = append(fields, s.fields[i])
	}
	return fields
}

// Order returns the place of a path in the standard, for sorting; unknown
// paths come last.
func (s *Standard) Order(path string) int {
	if i, ok := s.byPath[path]; ok {
		return i
	}
	return len(s.fields)
}

// Branch reports whether fields stand below the path.
func (s *Standard) Branch(path string) bool { return s.branches[path] }
