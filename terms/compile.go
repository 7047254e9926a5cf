package terms

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/standard"
)

// Rules are a sheet held against a standard. They are immutable and safe for
// use by many goroutines.
type Rules struct {
	sheet Sheet
	std   *standard.Standard
	hash  string
	// fields lists, for each field that some clause grants, the clauses by
	// their index, in the standard's order.
	fields []clausesOf
	byPath map[string]int
	// bounds of each clause, but for what its recipient did.
	bounds []bounds
}

// clausesOf are the clauses that speak of a field.
type clausesOf struct {
	field   standard.Field
	clauses []int
	// forms are those that the clauses grant; of tells for each clause which,
	// and atMost which form is at most which other.
	forms  []standard.Form
	of     []int
	atMost [][]bool
	// leaving is what leaves at any time; timed tells that this may be less at
	// some.
	leaving []Departure
	timed   bool
}

// Compile holds a sheet against a standard: every path, branch and class must
// exist there, and every field named must be able to take its clause's form.
func Compile(sheet *Sheet, std *standard.Standard) (*Rules, error) {
	rules, err := CompileFor(sheet, std)
	if err != nil {
		return nil, err
	}
	return rules[std.Ref()], nil
}

// CompileFor holds a sheet against several standards at once, for a member of
// several sectors: what a clause names must exist in one of them at least, and
// grants nothing in the others.
func CompileFor(sheet *Sheet, stds ...*standard.Standard) (map[standard.Ref]*Rules, error) {
	if err := sheet.Check(); err != nil {
		return nil, err
	}
	hash, err := sheet.Hash()
	if err != nil {
		return nil, err
	}
	if err := resolvable(sheet, stds); err != nil {
		return nil, err
	}
	all := map[standard.Ref]*Rules{}
	for _, std := range stds {
		all[std.Ref()] = compile(sheet, std, hash)
	}
	return all, nil
}

// resolvable checks that each entry under "fields" grants something.
func resolvable(sheet *Sheet, stds []*standard.Standard) error {
	for i, c := range sheet.Clauses {
		for j, target := range c.Fields {
			named, able := 0, 0
			for _, std := range stds {
				for _, f := range std.Fields() {
					if !names(target, f) {
						continue
					}
					named++
					if takes(std, f, c.Form) {
						able++
					}
				}
			}
			switch {
			case named == 0 && strings.HasSuffix(target, optional):
			case named == 0:
				return sheet.unknownTarget(at(i, "fields", j), target, stds)
			case able == 0:
				return sheet.unableTarget(at(i, "fields", j), target, c.Form, stds)
			}
		}
	}
	return nil
}

func compile(sheet *Sheet, std *standard.Standard, hash string) *Rules {
	r := &Rules{sheet: *sheet, std: std, hash: hash, byPath: map[string]int{}}
	r.sheet.Clauses = slices.Clone(sheet.Clauses)
	for _, c := range sheet.Clauses {
		r.bounds = append(r.bounds, boundsOf(c))
	}
	for _, f := range std.Fields() {
		g := clausesOf{field: f}
		for i, c := range sheet.Clauses {
			if takes(std, f, c.Form) && slices.ContainsFunc(c.Fields, func(t string) bool { return names(t, f) }) {
				g.add(i, c)
			}
		}
		if len(g.clauses) == 0 {
			continue
		}
		g.order(std)
		g.leaving = r.departures(g, time.Time{})
		r.byPath[f.Path] = len(r.fields)
		r.fields = append(r.fields, g)
	}
	return r
}

func (g *clausesOf) add(i int, c Clause) {
	k := slices.Index(g.forms, c.Form)
	if k < 0 {
		k = len(g.forms)
		g.forms = append(g.forms, c.Form)
	}
	g.clauses, g.of = append(g.clauses, i), append(g.of, k)
	g.timed = g.timed || c.Until != ""
}

// order holds the forms against each other, once.
func (g *clausesOf) order(std *standard.Standard) {
	for _, a := range g.forms {
		row := make([]bool, len(g.forms))
		for j, b := range g.forms {
			row[j] = atMost(std, g.field, a, b)
		}
		g.atMost = append(g.atMost, row)
	}
}

const (
	classPrefix  = "class:"
	branchSuffix = ".*"
	// optional marks an entry that a standard may do without.
	optional = "?"
)

// names reports whether an entry under "fields" speaks of the field.
func names(target string, f standard.Field) bool {
	target = strings.TrimSuffix(target, optional)
	if class, ok := strings.CutPrefix(target, classPrefix); ok {
		return class == string(f.Class)
	}
	if branch, ok := strings.CutSuffix(target, branchSuffix); ok {
		return strings.HasPrefix(f.Path, branch+".")
	}
	return target == f.Path
}

func (s *Sheet) unknownTarget(pointer, target string, stds []*standard.Standard) error {
	refs := make([]string, len(stds))
	for i, std := range stds {
		refs[i] = string(std.Ref())
	}
	where := strings.Join(refs, ", ")
	if class, ok := strings.CutPrefix(target, classPrefix); ok {
		if !slices.Contains(standard.Classes(), standard.Class(class)) {
			return s.invalid(pointer, "terms.class", "%q is no class; the classes are %s", class, list(standard.Classes()))
		}
		return s.invalid(pointer, "terms.class", "no field of %s has the class %s", where, class)
	}
	hint := ""
	if near := nearest(target, stds); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	if strings.HasSuffix(target, branchSuffix) {
		return s.invalid(pointer, "terms.unknown_field", "%s has no branch %q%s; `concord standard show` lists the fields", where, target, hint)
	}
	return s.invalid(pointer, "terms.unknown_field", "%s has no field %q%s; `concord standard show` lists the fields", where, target, hint)
}

func (s *Sheet) unableTarget(pointer, target string, form standard.Form, stds []*standard.Standard) error {
	target = strings.TrimSuffix(target, optional)
	for _, std := range stds {
		f, ok := std.Field(target)
		if !ok {
			continue
		}
		reason := ""
		switch form.Kind {
		case standard.Token:
			reason = ": a pseudonym of a small or regular domain hides nothing"
		case standard.Generalised:
			reason = fmt.Sprintf(": it has no level %q", form.Level)
		}
		return s.invalid(pointer, "terms.form", "%s cannot leave as %s%s; it may leave as %s", target, form, reason, list(formTexts(std, f)))
	}
	return s.invalid(pointer, "terms.form", "no field of %s can leave as %s", target, form)
}

// nearest finds the path that a mistyped one most likely meant: at most two
// letters away, or three for long ones.
func nearest(target string, stds []*standard.Standard) string {
	best, least := "", 3
	if len(target) > 20 {
		least = 4
	}
	for _, std := range stds {
		for _, f := range std.Fields() {
			if d := distance(target, f.Path, least); d < least {
				best, least = f.Path, d
			}
		}
	}
	return best
}

// distance is the edit distance (Levenshtein), or limit if it is no less.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return min(row[len(b)], limit)
}
