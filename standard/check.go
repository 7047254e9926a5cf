package standard

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
)

var (
	pathPattern    = regexp.MustCompile(`^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$`)
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	versionPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)
	levelPattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
)

// reserved are the properties of a report that are no fields.
var reserved = []string{"standard", "native", "observables"}

// checker gathers what is wrong with a standard, each with its place.
type checker struct {
	s      *Standard
	faults []*fault.Error
}

func (c *checker) fault(at, code, format string, args ...any) {
	c.faults = append(c.faults, invalid(at, code, format, args...))
}

// check holds a resolved standard together: every reference resolves, every
// hierarchy covers what it coarsens and skips no level, every default form is
// allowed, no path is a field and a branch at once.
func (s *Standard) check() []*fault.Error {
	c := &checker{s: s}
	if !namePattern.MatchString(s.doc.Name) {
		c.fault("/name", "standard.name", "a standard has a name of lower-case letters, digits and dashes")
	}
	if !versionPattern.MatchString(s.doc.Version) {
		c.fault("/version", "standard.version", "a version is two numbers, such as 1.0")
	}
	if s.doc.Title == "" || s.doc.Description == "" {
		c.fault("/title", "standard.words", "a standard has a title and a description")
	}
	c.codeLists()
	for i := range s.doc.Hierarchies {
		c.hierarchy(fmt.Sprintf("/hierarchies/%d", i), &s.doc.Hierarchies[i])
	}
	if len(c.faults) > 0 {
		return c.faults // fields would only repeat it
	}
	for i, f := range s.doc.Fields {
		c.field(fmt.Sprintf("/fields/%d (%s)", i, f.Path), f)
	}
	c.paths()
	return c.faults
}

func (c *checker) codeLists() {
	for i, l := range c.s.doc.CodeLists {
		at := fmt.Sprintf("/code_lists/%d (%s)", i, l.Name)
		if l.Title == "" {
			c.fault(at, "standard.words", "a code list has a title")
		}
		if len(l.Codes) == 0 && l.Pattern == "" {
			c.fault(at, "standard.code_list", "a code list has codes, a pattern, or both")
		}
		seen := map[string]bool{"": true, Any: true}
		pattern := c.s.codeLists[l.Name].pattern
		for _, e := range l.Codes {
			switch {
			case seen[e.Code]:
				c.fault(at, "standard.code_list", "the code %q is empty, %q, or stands twice", e.Code, Any)
			case e.Label == "":
				c.fault(at, "standard.words", "the code %q has no label", e.Code)
			case pattern != nil && !pattern.MatchString(e.Code):
				c.fault(at, "standard.code_list", "the pattern does not allow the code %q", e.Code)
			}
			seen[e.Code] = true
		}
	}
}

func (c *checker) field(at string, f Field) {
	s := c.s
	bad := func(code, format string, args ...any) { c.fault(at, code, format, args...) }
	if !pathPattern.MatchString(f.Path) {
		bad("standard.path", "a path is lower-case names joined by dots, such as victim.industry")
		return
	}
	if root, _, _ := strings.Cut(f.Path, "."); slices.Contains(reserved, root) {
		bad("standard.path", "%q is a property of every report and no field", root)
	}
	if f.Title == "" || f.Description == "" {
		bad("standard.words", "a field has a title and a description")
	}
	if !slices.Contains([]Type{Code, Text, Name, Integer, Decimal, Boolean, Date}, f.Type) {
		bad("standard.type", "%q is no type; use code, text, name, integer, decimal, boolean or date", f.Type)
		return
	}
	if !slices.Contains([]Requirement{Required, Recommended, Optional}, f.Requirement) {
		bad("standard.requirement", "%q is no requirement level; use required, recommended or optional", f.Requirement)
	}
	if !slices.Contains(Classes(), f.Class) {
		bad("standard.class", "%q is no class", f.Class)
	}
	if (f.Type == Code) != (f.CodeList != "") {
		bad("standard.code_list", "a field of type code, and no other, names a code list")
	} else if f.CodeList != "" && s.codeLists[f.CodeList] == nil {
		bad("standard.code_list", "there is no code list %q", f.CodeList)
		return
	}
	if f.Group != "" && (f.Many || !strings.HasPrefix(f.Path, f.Group+".") || strings.Contains(f.Path[len(f.Group)+1:], ".")) {
		bad("standard.group", "a field of the group %q stands right below it and has one value a row", f.Group)
	}
	number := f.Type == Integer || f.Type == Decimal
	if (f.Min != nil || f.Max != nil) && !number || f.Min != nil && f.Max != nil && *f.Min > *f.Max {
		bad("standard.range", "a range is for numbers, and goes from min to max")
	}
	if f.MaxLength < 0 || f.MaxLength > 0 && f.Type != Text && f.Type != Name {
		bad("standard.max_length", "a greatest length is positive, and for texts and names")
	}
	c.token(at, f)
	if f.Hierarchy != "" && !c.fit(at, f) {
		return
	}
	if err := s.CheckForm(f, f.DefaultForm); err != nil {
		c.fault(at+"/default_form", "standard.default_form", "%s", fault.Public(err).Message)
	}
}

// token holds a field's token type to the canonicalisers that exist.
func (c *checker) token(at string, f Field) {
	switch {
	case f.Token != "" && f.Type != Name && f.Type != Text:
		c.fault(at, "standard.token", "only names and texts may leave as tokens")
	case f.Token != "" && !observable.Valid(f.Token):
		c.fault(at, "standard.token", "%q is no token type; there are %s", f.Token, strings.Join(observable.Types(), ", "))
	case f.IsObservable() && f.Path != ObservablePrefix+f.Token:
		c.fault(at, "standard.token", "the field of observables of a type has that type as its token type")
	}
}

// fit holds a field's hierarchy to its type and code list.
func (c *checker) fit(at string, f Field) bool {
	h := c.s.hierarchies[f.Hierarchy]
	if h == nil {
		c.fault(at, "standard.hierarchy", "there is no hierarchy %q", f.Hierarchy)
		return false
	}
	fits := map[HierarchyKind][]Type{Prefix: {Code}, Table: {Code}, Calendar: {Date}, Bands: {Integer, Decimal}}[h.Kind]
	if !slices.Contains(fits, f.Type) {
		c.fault(at, "standard.hierarchy", "a hierarchy of kind %s does not fit a field of type %s", h.Kind, f.Type)
		return false
	}
	if h.Kind == Table {
		for _, e := range c.s.codeLists[f.CodeList].Codes {
			if _, ok := h.Levels[0].Table[e.Code]; !ok {
				c.fault(at, "standard.hierarchy", "the hierarchy %q has no parent for the code %q", h.Name, e.Code)
			}
		}
	}
	return true
}

func (c *checker) hierarchy(at string, h *Hierarchy) {
	at += " (" + h.Name + ")"
	if len(h.Levels) == 0 {
		c.fault(at, "standard.hierarchy", "a hierarchy has a level or more")
	}
	seen := map[string]bool{AnyLevel: true}
	for i, l := range h.Levels {
		if seen[l.Name] || !levelPattern.MatchString(l.Name) {
			c.fault(at, "standard.level", "the level %d needs a name of its own, of lower-case letters, digits and dashes, and not %q", i, AnyLevel)
		}
		seen[l.Name] = true
		var err error
		switch h.Kind {
		case Prefix:
			err = checkPrefix(h, i)
		case Table:
			err = checkTable(h, i)
		case Calendar:
			err = checkCalendar(h, i)
		case Bands:
			err = checkBands(h, i)
		default:
			c.fault(at, "standard.hierarchy", "%q is no kind of hierarchy; use prefix, table, calendar or bands", h.Kind)
			return
		}
		if err != nil {
			c.fault(fmt.Sprintf("%s/levels/%d", at, i), "standard.level", "%s", err.Error())
			return // coarser levels would only repeat it
		}
	}
	if h.Kind == Table {
		c.steps(at, h)
	}
}

// steps holds a table to the law that going up in steps ends where one step
// ends; a text that names different things at two levels breaks it.
func (c *checker) steps(at string, h *Hierarchy) {
	for code := range h.Levels[0].Table {
		for i := range h.Levels {
			for j := i; j < len(h.Levels); j++ {
				if c.s.climb(h, j, c.s.climb(h, i, code)) != c.s.climb(h, j, code) {
					c.fault(at, "standard.level", "%q at the level %q has a text that means something else at another level", code, h.Levels[i].Name)
					return
				}
			}
		}
	}
}

func checkPrefix(h *Hierarchy, i int) error {
	l := h.Levels[i]
	if l.Length < 1 || i > 0 && l.Length >= h.Levels[i-1].Length {
		return errors.New("each level keeps a shorter prefix than the one before")
	}
	if len(l.Bounds) > 0 {
		return errors.New("bounds are for hierarchies of bands")
	}
	for from, to := range l.Table {
		if l.prefix(to) != to {
			return fmt.Errorf("the table writes %q as %q, which the level does not keep", from, to)
		}
		for _, above := range h.Levels[i:] {
			if above.prefix(from) != above.prefix(to) {
				return fmt.Errorf("at the level %q, %q and %q part again", above.Name, from, to)
			}
		}
	}
	return nil
}

func checkTable(h *Hierarchy, i int) error {
	l := h.Levels[i]
	if len(l.Table) == 0 || l.Length != 0 || len(l.Bounds) > 0 {
		return errors.New("a level of a table maps each value of the level before, and has nothing else")
	}
	for from, to := range l.Table {
		if from == "" || to == "" {
			return errors.New("a table has no empty values")
		}
	}
	if i == 0 {
		return nil
	}
	finer := map[string]bool{}
	for _, parent := range h.Levels[i-1].Table {
		finer[parent] = true
		if _, ok := l.Table[parent]; !ok && parent != Any {
			return fmt.Errorf("the level has no parent for %q", parent)
		}
	}
	for from := range l.Table {
		if !finer[from] {
			return fmt.Errorf("%q is no value of the level before", from)
		}
	}
	return nil
}

func checkCalendar(h *Hierarchy, i int) error {
	place := slices.Index(calendar, h.Levels[i].Name)
	if place < 0 {
		return fmt.Errorf("the levels of a calendar are %s", strings.Join(calendar, ", "))
	}
	if i > 0 && place <= slices.Index(calendar, h.Levels[i-1].Name) {
		return errors.New("levels go from fine to coarse")
	}
	return nil
}

func checkBands(h *Hierarchy, i int) error {
	bounds := h.Levels[i].Bounds
	if len(bounds) == 0 {
		return errors.New("a level of bands has bounds")
	}
	for k := range bounds {
		if k > 0 && bounds[k-1] >= bounds[k] {
			return errors.New("bounds ascend")
		}
		if i > 0 && !slices.Contains(h.Levels[i-1].Bounds, bounds[k]) {
			return fmt.Errorf("the bound %v is none of the finer level's: a band would be torn apart", bounds[k])
		}
	}
	return nil
}

// paths refuses a path that is a field and a branch at once, and single fields
// within a repeated group.
func (c *checker) paths() {
	s := c.s
	s.branches = map[string]bool{}
	for _, f := range s.fields {
		for i := range len(f.Path) {
			if f.Path[i] == '.' {
				s.branches[f.Path[:i]] = true
			}
		}
	}
	for _, f := range s.fields {
		if s.branches[f.Path] {
			c.fault("/fields/"+f.Path, "standard.path", "the path is a field and a branch at once")
		}
		for i := range len(f.Path) {
			if f.Path[i] == '.' && len(s.groups[f.Path[:i]]) > 0 && f.Group != f.Path[:i] {
				c.fault("/fields/"+f.Path, "standard.group", "the path stands in the repeated group %q and must name it", f.Path[:i])
			}
		}
	}
}
