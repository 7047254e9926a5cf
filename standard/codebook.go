package standard

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/concord-trust/concord/fault"
)

// Book is a standard laid out for readers: what a page, a text or a program
// shows of it. [Standard.Book] makes one, [Standard.Codebook] writes it.
type Book struct {
	Standard    Ref    `json:"standard"`
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
	Licence     string `json:"licence,omitzero"`
	Extends     Ref    `json:"extends,omitzero"`
	// SHA256 identifies the content; see [Standard.Hash].
	SHA256 string `json:"sha256"`
	// Cite is how to cite the codebook, as one line of text.
	Cite        string          `json:"cite"`
	Sections    []BookSection   `json:"sections"`
	CodeLists   []BookList      `json:"code_lists"`
	Hierarchies []BookHierarchy `json:"hierarchies"`
}

// BookSection holds the fields whose paths begin with the same name; fields
// without a branch stand with the incident.
type BookSection struct {
	Name   string      `json:"name"`
	Title  string      `json:"title"`
	Fields []BookField `json:"fields"`
}

// BookField is a field with what follows from its references.
type BookField struct {
	Field
	// From names the standard that has the field: this one, or one that it
	// extends.
	From Ref `json:"from"`
	// Levels of the field's hierarchy, fine to coarse.
	Levels []string `json:"levels,omitzero"`
	// Forms in which the field may leave its owner, if terms say so.
	Forms []Form `json:"forms"`
}

// BookList is a code list and the fields that use it.
type BookList struct {
	CodeList
	UsedBy []string `json:"used_by"`
}

// BookHierarchy is a hierarchy in words.
type BookHierarchy struct {
	Name   string        `json:"name"`
	Kind   HierarchyKind `json:"kind"`
	Levels []BookLevel   `json:"levels"`
	UsedBy []string      `json:"used_by"`
}

// BookLevel says how a level coarsens: in words, and for tables and bands
// by the values that it makes.
type BookLevel struct {
	Name   string      `json:"name"`
	Words  string      `json:"words"`
	Values []BookValue `json:"values,omitzero"`
}

// BookValue is a value of a level and what it stands for.
type BookValue struct {
	Value string   `json:"value"`
	Of    []string `json:"of,omitzero"`
}

// CodebookFormats lists the formats that [Standard.Codebook] takes.
func CodebookFormats() []string { return []string{"html", "markdown", "json"} }

//go:embed codebook.html.tmpl
var codebookHTML string

//go:embed codebook.md.tmpl
var codebookMarkdown string

// Book lays the standard out for readers.
func (s *Standard) Book() Book {
	b := Book{
		Standard: s.Ref(), Title: s.doc.Title, Version: s.doc.Version, Description: s.doc.Description,
		Licence: s.doc.Licence, Extends: s.doc.Extends, SHA256: s.hash,
	}
	b.Cite = fmt.Sprintf("%s, version %s (%s). Concord codebook. SHA-256 %s.", b.Title, b.Version, b.Standard, b.SHA256)
	lists, hierarchies := map[string][]string{}, map[string][]string{}
	places := map[string]int{}
	for _, f := range s.fields {
		name, _, branch := strings.Cut(f.Path, ".")
		if !branch {
			name = "incident" // what is said of the incident as a whole
		}
		at, ok := places[name]
		if !ok {
			at = len(b.Sections)
			places[name] = at
			b.Sections = append(b.Sections, BookSection{Name: name, Title: sectionTitle(name)})
		}
		b.Sections[at].Fields = append(b.Sections[at].Fields, BookField{Field: f, From: s.origin(f.Path), Levels: s.Levels(f), Forms: s.FormsAllowed(f)})
		lists[f.CodeList] = append(lists[f.CodeList], f.Path)
		hierarchies[f.Hierarchy] = append(hierarchies[f.Hierarchy], f.Path)
	}
	all := s.Resolved()
	for _, l := range all.CodeLists {
		b.CodeLists = append(b.CodeLists, BookList{CodeList: l, UsedBy: lists[l.Name]})
	}
	for i := range all.Hierarchies {
		h := &all.Hierarchies[i]
		b.Hierarchies = append(b.Hierarchies, BookHierarchy{Name: h.Name, Kind: h.Kind, Levels: levelsInWords(h), UsedBy: hierarchies[h.Name]})
	}
	return b
}

// Codebook writes the standard's codebook: "html" is one page that stands by
// itself, without script; "markdown" is a text; "json" is for programs.
func (s *Standard) Codebook(w io.Writer, format string) error {
	b := s.Book()
	switch format {
	case "html":
		t, err := htmltemplate.New("codebook").Funcs(htmltemplate.FuncMap(codebookFuncs)).Parse(codebookHTML)
		if err != nil {
			return fmt.Errorf("parse the page of the codebook: %w", err)
		}
		return t.Execute(w, b)
	case "markdown":
		t, err := template.New("codebook").Funcs(codebookFuncs).Parse(codebookMarkdown)
		if err != nil {
			return fmt.Errorf("parse the text of the codebook: %w", err)
		}
		return t.Execute(w, b)
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(b)
	}
	return fault.New(fault.Usage, "codebook.format", "there is no codebook as %q; use %s", format, strings.Join(CodebookFormats(), ", "))
}

var codebookFuncs = template.FuncMap{
	"join":   func(list []string) string { return strings.Join(list, ", ") },
	"type":   typeInWords,
	"limits": rangeInWords,
	"forms":  formsInWords,
	"cell":   markdownCell,
	"labelled": func(l CodeList) bool {
		return slices.ContainsFunc(l.Codes, func(e CodeListEntry) bool { return e.Label != e.Code })
	},
	"codes": func(l CodeList) []string {
		var codes []string
		for _, e := range l.Codes {
			codes = append(codes, e.Code)
		}
		return codes
	},
}

// origin finds the standard that first has the field.
func (s *Standard) origin(path string) Ref {
	for s.parent != nil {
		if _, ok := s.parent.byPath[path]; !ok {
			break
		}
		s = s.parent
	}
	return s.Ref()
}

func sectionTitle(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

func typeInWords(f BookField) string {
	words := string(f.Type)
	switch {
	case f.IsObservable():
		words += ", an observable"
	case f.Many:
		words += ", any number of values"
	case f.Group != "":
		words += ", one a row of " + f.Group
	}
	if f.Unit != "" {
		words += ", in " + f.Unit
	}
	return words
}

func rangeInWords(f BookField) string {
	var parts []string
	if f.Min != nil {
		parts = append(parts, "at least "+decimal(*f.Min))
	}
	if f.Max != nil {
		parts = append(parts, "at most "+decimal(*f.Max))
	}
	if f.MaxLength > 0 {
		parts = append(parts, fmt.Sprintf("at most %d bytes", f.MaxLength))
	}
	return strings.Join(parts, ", ")
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func formsInWords(f BookField) string {
	names := make([]string, len(f.Forms))
	for i, form := range f.Forms {
		names[i] = form.String()
	}
	return strings.Join(names, ", ")
}

// markdownCell makes a text fit one cell of a table.
func markdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(s)
}

func levelsInWords(h *Hierarchy) []BookLevel {
	var out []BookLevel
	for _, l := range h.Levels {
		level := BookLevel{Name: l.Name}
		switch h.Kind {
		case Prefix:
			level.Words = fmt.Sprintf("the first %d characters of the code", l.Length)
			level.Values = parentsOf(l.Table)
			if len(level.Values) > 0 {
				level.Words += "; some are written together"
			}
		case Table:
			level.Words = "the parent of the value at the level before"
			level.Values = parentsOf(l.Table)
		case Calendar:
			level.Words = "the " + l.Name + " of the date; a date that is less precise stays as it is"
		case Bands:
			level.Words = "the band in which the number lies; the lower bound belongs to it, the upper one does not"
			level.Values = append(level.Values, BookValue{Value: bandOf(l.Bounds, inside(math.Inf(-1), l.Bounds[0]))})
			for _, b := range l.Bounds {
				level.Values = append(level.Values, BookValue{Value: bandOf(l.Bounds, b)})
			}
		}
		out = append(out, level)
	}
	return append(out, BookLevel{Name: AnyLevel, Words: "everything, written " + Any})
}

// parentsOf turns a table around: each parent with its children, sorted.
func parentsOf(table map[string]string) []BookValue {
	children := map[string][]string{}
	for _, from := range slices.Sorted(maps.Keys(table)) {
		children[table[from]] = append(children[table[from]], from)
	}
	var out []BookValue
	for parent, of := range children {
		out = append(out, BookValue{parent, of})
	}
	slices.SortFunc(out, func(a, b BookValue) int { return cmp.Compare(a.Value, b.Value) })
	return out
}
