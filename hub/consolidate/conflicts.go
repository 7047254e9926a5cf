package consolidate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/standard"
)

// Saying is what one source says about one field, in one form in which its
// reader may receive it. Values has one entry unless the field has many, or
// stands in a repeated group.
type Saying struct {
	Source string
	Path   string
	Form   standard.Form
	Values []string
}

// Conflict is a field about which sources disagree. All of their sayings
// stand in it, in the order in which they were given; none is called right.
type Conflict struct {
	Path    string
	Sayings []Saying
}

// Conflicts finds the fields about which sources disagree, in order of path.
// It is given only what its reader may receive, after terms were applied.
//
// Sources disagree if what they say cannot both be so: two dates that do not
// overlap at the precision at hand, numbers outside each other's bands, codes
// of which neither is a generalisation of the other, different tokens. A
// source that says less, or coarser, does not disagree; of a field that can
// have many values, sources disagree if they have none in common.
func Conflicts(std *standard.Standard, sayings []Saying) []Conflict {
	byPath := map[string][]Saying{}
	for _, s := range sayings {
		if len(s.Values) > 0 {
			byPath[s.Path] = append(byPath[s.Path], s)
		}
	}
	var out []Conflict
	for path, said := range byPath {
		field, ok := std.Field(path)
		if ok && disputed(std, field, said) {
			out = append(out, Conflict{path, said})
		}
	}
	slices.SortFunc(out, func(a, b Conflict) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func disputed(std *standard.Standard, f standard.Field, said []Saying) bool {
	for i, a := range said {
		for _, b := range said[i+1:] {
			if a.Source != b.Source && commensurate(a.Form, b.Form) && !agree(std, f, a, b) {
				return true
			}
		}
	}
	return false
}

// commensurate reports whether two forms say something about each other: tokens
// with tokens, values with values.
func commensurate(a, b standard.Form) bool {
	return a.Kind == b.Kind || isValue(a) && isValue(b)
}

func isValue(f standard.Form) bool {
	return f.Kind == standard.Exact || f.Kind == standard.Generalised
}

// agree reports whether some value of a goes together with some value of b.
func agree(std *standard.Standard, f standard.Field, a, b Saying) bool {
	for _, x := range a.Values {
		for _, y := range b.Values {
			if x == y || isValue(a.Form) && compatible(std, f, a.Form, x, b.Form, y) {
				return true
			}
		}
	}
	return false
}

// compatible reports whether one true value could be told as x and as y.
func compatible(std *standard.Standard, f standard.Field, xForm standard.Form, x string, yForm standard.Form, y string) bool {
	if x == standard.Any || y == standard.Any {
		return true
	}
	switch f.Type {
	case standard.Date:
		return overlap(x, y)
	case standard.Integer, standard.Decimal:
		return sameNumber(xForm, x, yForm, y)
	}
	return isCoarser(std, f, xForm, x, y) || isCoarser(std, f, yForm, y, x) || f.Hierarchy != "" && isLadder(std, f) && (strings.HasPrefix(x, y) || strings.HasPrefix(y, x))
}

// isCoarser reports whether x, at its level, is what fine generalises to.
func isCoarser(std *standard.Standard, f standard.Field, form standard.Form, x, fine string) bool {
	if form.Kind != standard.Generalised {
		return false
	}
	v, err := std.Generalise(f, form.Level, fine)
	return err == nil && v == x
}

// isLadder reports whether a shorter code of the field is a coarser one.
func isLadder(std *standard.Standard, f standard.Field) bool {
	h, ok := std.Hierarchy(f.Hierarchy)
	return ok && h.Kind == standard.Prefix
}

// overlap compares dates at the precision at which both are known. Two moments
// of one day agree: clocks and accounts differ by hours.
func overlap(x, y string) bool {
	xFirst, xLast, xOK := span(x)
	yFirst, yLast, yOK := span(y)
	return xOK && yOK && dayNumber(xFirst) <= dayNumber(yLast) && dayNumber(yFirst) <= dayNumber(xLast)
}

func sameNumber(xForm standard.Form, x string, yForm standard.Form, y string) bool {
	a, okA := between(xForm, x)
	b, okB := between(yForm, y)
	return okA && okB && a.meets(b)
}

// interval holds the numbers from low to high; high itself only if closed.
type interval struct {
	low, high float64
	closed    bool
}

// between reads an exact number or a band.
func between(form standard.Form, v string) (interval, bool) {
	if form.Kind == standard.Generalised {
		low, high, ok := standard.ParseBand(v)
		return interval{low, high, false}, ok
	}
	n, err := strconv.ParseFloat(v, 64)
	return interval{n, n, true}, err == nil
}

func (i interval) meets(o interval) bool {
	return i.begins(o) && o.begins(i)
}

// begins reports whether i begins no later than o ends.
func (i interval) begins(o interval) bool {
	return i.low < o.high || i.low == o.high && o.closed
}
