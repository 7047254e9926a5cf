// Package standard defines what a sector collects. A standard is data: a
// versioned JSON document of fields, code lists, hierarchies and crosswalks,
// read by this package and changed by vote while the program runs. No field
// of it is a Go struct field.
//
//	core 1.0 ◀─extends─ finance 1.0
//	         ◀─extends─ health 1.0
//	         ◀─extends─ general 1.0
//
// In goes a document ([Parse]) or the name of an embedded one ([Builtin]);
// out comes a [Standard] that is checked, resolved (a profile holds all fields
// of what it extends) and immutable.
//
// A field is addressed by its dotted path ("victim.industry"). A field of a
// repeated group ("asset.assets.variety", Group "asset.assets") has a value a
// row; a field with Many has a list of values.
package standard

// Type is the kind of value that a field holds.
type Type string

// The closed set of types. Every value has one canonical text form; see
// [Standard.Canonical].
const (
	// Code is a member of the field's code list.
	Code Type = "code"
	// Text is free text (NFC, no control characters but line ends and tabs).
	Text Type = "text"
	// Name is the name or identifier of a person, organisation or case: text
	// that identifies, and that may leave as a token.
	Name Type = "name"
	// Integer is a whole number within ±2^53.
	Integer Type = "integer"
	// Decimal is a decimal number, canonical shortest form, never NaN.
	Decimal Type = "decimal"
	// Boolean is true or false.
	Boolean Type = "boolean"
	// Date has the precision that is known: "2014", "2014-02",
	// "2014-02-03", or "2014-02-03T05:00:00Z" (UTC).
	Date Type = "date"
)

// Requirement is how much a sector asks for a field.
type Requirement string

// Requirement levels. A report without a required field is taken with a
// warning unless the sector's policy says otherwise; see package report.
const (
	Required    Requirement = "required"
	Recommended Requirement = "recommended"
	Optional    Requirement = "optional"
)

// Class says what a field could reveal; terms may grant by class.
type Class string

// The closed set of classes.
const (
	Descriptive     Class = "descriptive"
	QuasiIdentifier Class = "quasi-identifier"
	Identifying     Class = "identifying"
	Amount          Class = "amount"
	Indicator       Class = "indicator"
	Narrative       Class = "narrative"
)

// Classes lists them.
func Classes() []Class {
	return []Class{Descriptive, QuasiIdentifier, Identifying, Amount, Indicator, Narrative}
}

// Crosswalk names the field's counterparts in other vocabularies: the path
// or term there, empty where there is none.
type Crosswalk struct {
	VERIS string `json:"veris,omitzero"`
	STIX  string `json:"stix,omitzero"`
	RSIT  string `json:"rsit,omitzero"`
	FIRE  string `json:"fire,omitzero"`
}

// Field is one thing that is collected.
type Field struct {
	Path        string      `json:"path"`
	Title       string      `json:"title"`
	Type        Type        `json:"type"`
	Many        bool        `json:"many,omitzero"`
	Group       string      `json:"group,omitzero"`
	CodeList    string      `json:"code_list,omitzero"`
	Requirement Requirement `json:"requirement"`
	Class       Class       `json:"class"`
	// DefaultForm only pre-fills editors; the evaluator never reads it.
	DefaultForm Form `json:"default_form"`
	// Hierarchy names how the field coarsens; empty: it does not.
	Hierarchy string `json:"hierarchy,omitzero"`
	// Token is the canonicaliser type (package observable) for a field that
	// may leave as a token, for example "organisation"; empty: it may not.
	Token string `json:"token,omitzero"`
	// Unit of numbers: "USD", "records", "days"; empty: a plain count.
	Unit        string    `json:"unit,omitzero"`
	Min         *float64  `json:"min,omitzero"`
	Max         *float64  `json:"max,omitzero"`
	MaxLength   int       `json:"max_length,omitzero"`
	Description string    `json:"description"`
	Crosswalk   Crosswalk `json:"crosswalk,omitzero"`
}

// CodeListEntry is one code of a code list.
type CodeListEntry struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

// CodeList is a closed list of codes, or a pattern of them (RE2, anchored)
// for lists kept elsewhere, such as industry codes; both: the codes are the
// labelled ones among those that the pattern allows.
type CodeList struct {
	Name    string          `json:"name"`
	Title   string          `json:"title"`
	Source  string          `json:"source,omitzero"`
	Codes   []CodeListEntry `json:"codes,omitzero"`
	Pattern string          `json:"pattern,omitzero"`
}

// HierarchyKind says how a value is coarsened.
type HierarchyKind string

// The closed set of kinds.
const (
	// Prefix keeps the first n characters: industry code ladders.
	Prefix HierarchyKind = "prefix"
	// Table looks the value up: country → region → world.
	Table HierarchyKind = "table"
	// Calendar: day → month → quarter → year.
	Calendar HierarchyKind = "calendar"
	// Bands puts numbers into half-open intervals [a, b).
	Bands HierarchyKind = "bands"
)

// Level is one step of a hierarchy, coarser than the one before it.
type Level struct {
	Name string `json:"name"`
	// Length of the prefix that is kept (Prefix).
	Length int `json:"length,omitzero"`
	// Table maps every code of the previous level to its parent (Table). For
	// Prefix it is optional and renames whole values and prefixes, for
	// codes that are written together: "31" becomes "31-33".
	Table map[string]string `json:"table,omitzero"`
	// Bounds of the bands, ascending; below the first is a band of its own
	// and so is everything from the last on (Bands). The bounds of a level
	// are among those of the finer level before it.
	Bounds []float64 `json:"bounds,omitzero"`
}

// Hierarchy coarsens values in named levels, fine to coarse. Above the last
// level stands always "any", written [Any].
type Hierarchy struct {
	Name   string        `json:"name"`
	Kind   HierarchyKind `json:"kind"`
	Levels []Level       `json:"levels"`
}

// Any is the value of everything at the top of every hierarchy.
const Any = "*"

// Ref names a standard and its version: "finance/1.0".
type Ref string

// Standard is a checked and resolved standard; it is immutable and may be used
// by many goroutines.
type Standard struct {
	doc         Document
	parent      *Standard // what it extends, or nil
	fields      []Field   // resolved, in document order, ancestors first
	byPath      map[string]int
	codeLists   map[string]*codeList
	hierarchies map[string]*Hierarchy
	parents     map[string]map[string]int // of tables: value → level it belongs to
	groups      map[string][]int
	branches    map[string]bool
	tree        *Node
	leaves      []*Node // by place of the field; nil for observables
	nodes       int
	hash        string
}

// Document is the versioned document, as written and voted on.
type Document struct {
	Name        string      `json:"name"`
	Version     string      `json:"version"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Licence     string      `json:"licence,omitzero"`
	Extends     Ref         `json:"extends,omitzero"`
	Fields      []Field     `json:"fields"`
	CodeLists   []CodeList  `json:"code_lists,omitzero"`
	Hierarchies []Hierarchy `json:"hierarchies,omitzero"`
}

// Ref returns the document's name and version.
func (d Document) Ref() Ref { return Ref(d.Name + "/" + d.Version) }

// Ref returns the standard's name and version.
func (s *Standard) Ref() Ref { return s.doc.Ref() }

// Fields lists all fields, those of what it extends first.
func (s *Standard) Fields() []Field { return s.fields }

// Field finds a field by its path.
func (s *Standard) Field(path string) (Field, bool) {
	i, ok := s.byPath[path]
	if !ok {
		return Field{}, false
	}
	return s.fields[i], true
}
