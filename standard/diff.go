package standard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Change is one difference between two versions of a standard.
type Change struct {
	// What changed: "field victim.industry", "code list country",
	// "hierarchy industry".
	What string `json:"what"`
	// Breaking changes make a report, a term or a figure that was right under
	// the old version wrong, or mean something else, under the new one.
	Breaking bool `json:"breaking"`
	// How it changed, and why that breaks, in words.
	How string `json:"how"`
}

// String returns the change as one line.
func (c Change) String() string {
	if c.Breaking {
		return "breaking: " + c.What + ": " + c.How
	}
	return "compatible: " + c.What + ": " + c.How
}

// Breaks reports whether a change among them is breaking.
func Breaks(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Breaking })
}

// Diff lists what is different in the new version of a standard, in the order
// of the old one, additions last. Equal standards give none.
func Diff(from, to *Standard) []Change {
	d := &differ{}
	was, is := from.Resolved(), to.Resolved()
	if was.Name != is.Name {
		d.compatible("standard", "is named %q instead of %q", is.Name, was.Name)
	}
	if was.Title != is.Title || was.Description != is.Description || was.Licence != is.Licence {
		d.compatible("standard", "title, description or licence are worded anew")
	}
	if was.Extends != is.Extends {
		d.compatible("standard", "extends %q instead of %q; what follows from that stands below", is.Extends, was.Extends)
	}
	pair(was.Fields, is.Fields, func(f Field) string { return f.Path },
		func(f Field) { d.breaking("field "+f.Path, "is gone: reports that have it are refused") },
		func(f Field) { d.newField(f) }, d.field)
	pair(was.CodeLists, is.CodeLists, func(l CodeList) string { return l.Name },
		func(l CodeList) { d.compatible("code list "+l.Name, "is gone") },
		func(l CodeList) { d.compatible("code list "+l.Name, "is new") }, d.codeList)
	pair(was.Hierarchies, is.Hierarchies, func(h Hierarchy) string { return h.Name },
		func(h Hierarchy) { d.compatible("hierarchy "+h.Name, "is gone") },
		func(h Hierarchy) { d.compatible("hierarchy "+h.Name, "is new") }, d.hierarchy)
	return d.changes
}

// pair walks two lists by key: what is gone and what stayed in the old order,
// then what is new.
func pair[T any](was, is []T, key func(T) string, gone, added func(T), both func(a, b T)) {
	now := map[string]T{}
	for _, x := range is {
		now[key(x)] = x
	}
	for _, x := range was {
		if y, ok := now[key(x)]; ok {
			both(x, y)
			delete(now, key(x))
		} else {
			gone(x)
		}
	}
	for _, x := range is {
		if _, ok := now[key(x)]; ok {
			added(x)
		}
	}
}

type differ struct{ changes []Change }

func (d *differ) breaking(what, format string, args ...any) {
	d.changes = append(d.changes, Change{what, true, fmt.Sprintf(format, args...)})
}

func (d *differ) compatible(what, format string, args ...any) {
	d.changes = append(d.changes, Change{what, false, fmt.Sprintf(format, args...)})
}

func (d *differ) newField(f Field) {
	if f.Requirement == Required {
		d.breaking("field "+f.Path, "is new and required: reports without it miss something, and a sector's policy may refuse them")
		return
	}
	d.compatible("field "+f.Path, "is new (%s, %s)", f.Requirement, f.Class)
}

func (d *differ) field(a, b Field) {
	what := "field " + a.Path
	changed := func(name, from, to, why string) {
		if from != to {
			d.breaking(what, "%s is %s instead of %s: %s", name, orNone(to), orNone(from), why)
		}
	}
	changed("type", string(a.Type), string(b.Type), "values that were right are refused")
	changed("many", fmt.Sprint(a.Many), fmt.Sprint(b.Many), "reports have another shape")
	changed("group", a.Group, b.Group, "reports have another shape")
	changed("code list", a.CodeList, b.CodeList, "codes mean something else")
	changed("class", string(a.Class), string(b.Class), "terms that grant by class would grant something else")
	changed("hierarchy", a.Hierarchy, b.Hierarchy, "levels named in terms may not exist")
	changed("token type", a.Token, b.Token, "tokens of the two versions do not link")
	changed("unit", a.Unit, b.Unit, "numbers mean something else")
	d.rangeOf(what, a, b)
	switch {
	case a.Requirement == b.Requirement:
	case b.Requirement == Required:
		d.breaking(what, "is required instead of %s: reports without it miss something, and a sector's policy may refuse them", a.Requirement)
	default:
		d.compatible(what, "is %s instead of %s", b.Requirement, a.Requirement)
	}
	if a.DefaultForm != b.DefaultForm {
		d.compatible(what, "editors are pre-filled with %s instead of %s; terms in force do not change", b.DefaultForm, a.DefaultForm)
	}
	if a.Title != b.Title || a.Description != b.Description {
		d.compatible(what, "title or description are worded anew: see that the meaning is the same")
	}
	if a.Crosswalk != b.Crosswalk {
		d.compatible(what, "has another crosswalk")
	}
}

// rangeOf compares what values are taken: a narrower range breaks.
func (d *differ) rangeOf(what string, a, b Field) {
	length := func(f Field) int {
		if f.MaxLength == 0 {
			return DefaultMaxLength
		}
		return f.MaxLength
	}
	switch {
	case length(b) < length(a):
		d.breaking(what, "takes at most %d bytes instead of %d", length(b), length(a))
	case length(b) > length(a):
		d.compatible(what, "takes up to %d bytes instead of %d", length(b), length(a))
	}
	bound := func(name string, from, to *float64, narrower func(from, to float64) bool) {
		switch {
		case from == nil && to == nil || from != nil && to != nil && *from == *to:
		case to == nil:
			d.compatible(what, "has no %s any more", name)
		case from == nil || narrower(*from, *to):
			d.breaking(what, "has the %s %v: values beyond are refused", name, *to)
		default:
			d.compatible(what, "has the %s %v instead of %v", name, *to, *from)
		}
	}
	bound("least value", a.Min, b.Min, func(from, to float64) bool { return to > from })
	bound("greatest value", a.Max, b.Max, func(from, to float64) bool { return to < from })
}

func (d *differ) codeList(a, b CodeList) {
	what := "code list " + a.Name
	labels := map[string]string{}
	for _, c := range b.Codes {
		labels[c.Code] = c.Label
	}
	var gone, relabelled []string
	for _, c := range a.Codes {
		label, stays := labels[c.Code]
		switch {
		case !stays && (b.Pattern == "" || b.Pattern != a.Pattern):
			gone = append(gone, c.Code)
		case label != c.Label:
			relabelled = append(relabelled, c.Code)
		}
		delete(labels, c.Code)
	}
	if len(gone) > 0 {
		d.breaking(what, "lacks %s: reports with such codes are refused", shown(gone))
	}
	if len(labels) > 0 {
		d.compatible(what, "has also %s", shown(slices.Sorted(maps.Keys(labels))))
	}
	if len(relabelled) > 0 {
		d.compatible(what, "words the labels of %s anew", shown(relabelled))
	}
	switch {
	case a.Pattern == b.Pattern:
	case a.Pattern == "":
		d.compatible(what, "takes also what matches %q", b.Pattern)
	default:
		d.breaking(what, "takes what matches %q instead of %q: some codes may be refused", b.Pattern, a.Pattern)
	}
	if a.Title != b.Title || a.Source != b.Source {
		d.compatible(what, "title or source are worded anew")
	}
}

func (d *differ) hierarchy(a, b Hierarchy) {
	what := "hierarchy " + a.Name
	if a.Kind != b.Kind {
		d.breaking(what, "is of kind %s instead of %s", b.Kind, a.Kind)
		return
	}
	pair(a.Levels, b.Levels, func(l Level) string { return l.Name },
		func(l Level) { d.breaking(what, "lacks the level %q: terms that name it grant nothing", l.Name) },
		func(l Level) { d.compatible(what, "has also the level %q", l.Name) },
		func(x, y Level) {
			if a.Kind == Table {
				x.Table, y.Table = fromCodes(a, x.Name), fromCodes(b, y.Name)
			}
			d.level(what, x, y)
		})
	if order(a, b) != order(b, a) {
		d.breaking(what, "has its levels in another order: what was coarser is finer")
	}
}

// fromCodes says for each code where it stands at a level, whatever levels lie
// between.
func fromCodes(h Hierarchy, level string) map[string]string {
	at := maps.Clone(h.Levels[0].Table)
	for _, l := range h.Levels[1:max(1, h.levelIndex(level)+1)] {
		for code, v := range at {
			at[code] = l.Table[v]
		}
	}
	return at
}

// order lists the levels of a that b has too.
func order(a, b Hierarchy) string {
	var names []string
	for _, l := range a.Levels {
		if b.levelIndex(l.Name) >= 0 {
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, ",")
}

func (d *differ) level(what string, a, b Level) {
	if a.Length != b.Length || !slices.Equal(a.Bounds, b.Bounds) {
		d.breaking(what, "coarsens otherwise at the level %q: figures of the two versions do not compare", a.Name)
	}
	var moved, gone, added []string
	for _, from := range slices.Sorted(maps.Keys(a.Table)) {
		to, ok := b.Table[from]
		switch {
		case !ok:
			gone = append(gone, from)
		case to != a.Table[from]:
			moved = append(moved, from)
		}
	}
	for _, from := range slices.Sorted(maps.Keys(b.Table)) {
		if _, ok := a.Table[from]; !ok {
			added = append(added, from)
		}
	}
	if len(moved) > 0 {
		d.breaking(what, "puts %s elsewhere at the level %q: figures of the two versions do not compare", shown(moved), a.Name)
	}
	if len(gone) > 0 {
		d.breaking(what, "has no parent for %s at the level %q any more", shown(gone), a.Name)
	}
	if len(added) > 0 {
		d.compatible(what, "has parents also for %s at the level %q", shown(added), a.Name)
	}
}

// shown lists some of the names, and how many more there are.
func shown(names []string) string {
	const most = 8
	quoted := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	s := strings.Join(quoted, ", ")
	if len(names) > most {
		s += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return s
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
