package standard

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// AnyLevel is the name of the level above every hierarchy, at which every
// value is [Any].
const AnyLevel = "any"

// Levels lists the levels of a field's hierarchy, fine to coarse, [AnyLevel]
// last; nil if the field has none.
func (s *Standard) Levels(f Field) []string {
	h := s.hierarchies[f.Hierarchy]
	if h == nil {
		return nil
	}
	names := make([]string, 0, len(h.Levels)+1)
	for _, l := range h.Levels {
		names = append(names, l.Name)
	}
	return append(names, AnyLevel)
}

// levelIndex places a level; AnyLevel stands after the last; -1 for none.
func (h *Hierarchy) levelIndex(name string) int {
	if name == AnyLevel {
		return len(h.Levels)
	}
	return slices.IndexFunc(h.Levels, func(l Level) bool { return l.Name == name })
}

// AtLeastAsCoarse reports whether level a of the field is level b or above.
func (s *Standard) AtLeastAsCoarse(f Field, a, b string) bool {
	h := s.hierarchies[f.Hierarchy]
	if h == nil {
		return false
	}
	i, j := h.levelIndex(a), h.levelIndex(b)
	return i >= 0 && j >= 0 && i >= j
}

// Generalise coarsens a value to a level of the field's hierarchy. The value
// is one that [Standard.Canonical] returned, or one coarsened before: a value
// that is as coarse as the level already, or coarser, stays as it is (a year
// at the level month, a two-digit industry at the level subsector). Going up
// in steps ends where one step ends, so that a release may coarsen further
// what an edge coarsened before.
//
// A code that a table does not know becomes [Any], never itself. Numbers
// become half-open bands written as their bounds: "1000..10000" holds 1000
// and not 10000; "..10" is all below the first bound, "10000.." all from the
// last on.
func (s *Standard) Generalise(f Field, level, value string) (string, error) {
	h := s.hierarchies[f.Hierarchy]
	if h == nil {
		return "", fault.New(fault.Invalid, "generalise.no_hierarchy", "the field has no hierarchy").At(f.Path)
	}
	to := h.levelIndex(level)
	if to < 0 {
		return "", fault.New(fault.Invalid, "generalise.level", "the field has no level %q; it has %s", level, strings.Join(s.Levels(f), ", ")).At(f.Path)
	}
	if to == len(h.Levels) || value == Any {
		return Any, nil
	}
	switch h.Kind {
	case Prefix:
		return h.Levels[to].prefix(value), nil
	case Table:
		return s.climb(h, to, value), nil
	case Calendar:
		return onCalendar(level, value), nil
	default:
		return intoBand(f, h, to, value)
	}
}

// Coarsened reports whether a value is one that [Standard.Generalise] could
// have made at a level: what a hub asks of a value that says it was coarsened
// at its owner. Values that are coarser than the level are possible; free text
// is not.
func (s *Standard) Coarsened(f Field, level, value string) bool {
	h := s.hierarchies[f.Hierarchy]
	if h == nil {
		return false
	}
	to := h.levelIndex(level)
	switch {
	case to < 0:
		return false
	case value == Any:
		return true
	case to == len(h.Levels):
		return false
	}
	switch h.Kind {
	case Prefix:
		l := s.codeLists[f.CodeList]
		return h.Levels[to].prefix(value) == value && l != nil && (l.has(value) || l.begins(value))
	case Table:
		at, known := s.parents[h.Name][value]
		return known && at >= to && s.climb(h, to, value) == value
	case Calendar:
		return coarseDate.MatchString(value) && onCalendar(level, value) == value && realDate(f, value)
	default:
		for _, l := range h.Levels[to:] {
			if low, high, ok := ParseBand(value); ok && bandOf(l.Bounds, inside(low, high)) == value {
				return true
			}
		}
		return false
	}
}

// prefix cuts a value to the level's length; whole values and prefixes that
// the level's table names are written as the table says.
func (l Level) prefix(value string) string {
	if to, ok := l.Table[value]; ok {
		return to
	}
	value = value[:min(l.Length, len(value))]
	if to, ok := l.Table[value]; ok {
		return to
	}
	return value
}

// begins reports whether the text may be the beginning of a code of the list;
// of a list kept elsewhere, anything of letters and digits may.
func (l *codeList) begins(text string) bool {
	return l.pattern != nil && plainCode.MatchString(text) || text != "" &&
		slices.ContainsFunc(l.Codes, func(c CodeListEntry) bool { return strings.HasPrefix(c.Code, text) })
}

var plainCode = regexp.MustCompile(`^[0-9A-Za-z]+$`)

// levelsOf says of every value that a table hierarchy makes at which level it
// stands last.
func levelsOf(h *Hierarchy) map[string]int {
	at := map[string]int{}
	for i, l := range h.Levels {
		for _, parent := range l.Table {
			at[parent] = i
		}
	}
	return at
}

// climb looks a value up level by level. It starts at the level whose table
// knows the value, so that what was coarsened before can be coarsened further.
func (s *Standard) climb(h *Hierarchy, to int, value string) string {
	from := slices.IndexFunc(h.Levels[:to+1], func(l Level) bool { _, ok := l.Table[value]; return ok })
	if from < 0 {
		// Above the level already, or a code that no table knows: the former
		// stays, the latter must not stay exact.
		if at, known := s.parents[h.Name][value]; known && at >= to {
			return value
		}
		return Any
	}
	for _, l := range h.Levels[from : to+1] {
		parent, ok := l.Table[value]
		if !ok {
			return Any
		}
		value = parent
	}
	return value
}

// calendar lists the levels that a calendar may have, fine to coarse.
var calendar = []string{"day", "month", "quarter", "year"}

// coarseDate is a date at some level of the calendar.
var coarseDate = regexp.MustCompile(`^[0-9]{4}(-(Q[1-4]|[0-9]{2}(-[0-9]{2})?))?$`)

// realDate holds a coarsened date to the calendar.
func realDate(f Field, v string) bool {
	if len(v) == len("2014-Q1") && v[5] == 'Q' {
		v = v[:4]
	}
	c, err := canonicalDate(f, v)
	return err == nil && c == v
}

func onCalendar(level, v string) string {
	switch level {
	case "day":
		return v[:min(len("2014-02-03"), len(v))]
	case "month":
		return v[:min(len("2014-02"), len(v))]
	case "quarter":
		if len(v) < len("2014-02") || v[5] == 'Q' {
			return v
		}
		month, err := strconv.Atoi(v[5:7])
		if err != nil {
			return v[:4]
		}
		return v[:4] + "-Q" + strconv.Itoa((month-1)/3+1)
	default:
		return v[:min(len("2014"), len(v))]
	}
}

// BandSeparator stands between the bounds of a band.
const BandSeparator = ".."

// ParseBand reads a band's bounds [low, high); open ends are infinite.
func ParseBand(v string) (low, high float64, ok bool) {
	a, b, found := strings.Cut(v, BandSeparator)
	if !found || a == "" && b == "" {
		return 0, 0, false
	}
	low, high = math.Inf(-1), math.Inf(1)
	var err error
	if a != "" {
		if low, err = strconv.ParseFloat(a, 64); err != nil {
			return 0, 0, false
		}
	}
	if b != "" {
		if high, err = strconv.ParseFloat(b, 64); err != nil {
			return 0, 0, false
		}
	}
	return low, high, low < high
}

func intoBand(f Field, h *Hierarchy, to int, value string) (string, error) {
	if low, high, ok := ParseBand(value); ok {
		// A band lies within one band of a coarser level; a band that is
		// coarser already stays.
		for i := range h.Levels[:to] {
			if bandOf(h.Levels[i].Bounds, inside(low, high)) == value {
				return bandOf(h.Levels[to].Bounds, inside(low, high)), nil
			}
		}
		return value, nil
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(v) {
		return "", fault.New(fault.Invalid, "generalise.number", "a number or a band is expected").At(f.Path)
	}
	return bandOf(h.Levels[to].Bounds, v), nil
}

// inside is some number of [low, high).
func inside(low, high float64) float64 {
	if math.IsInf(low, -1) {
		return math.Nextafter(high, math.Inf(-1))
	}
	return low
}

func bandOf(bounds []float64, v float64) string {
	i, found := slices.BinarySearch(bounds, v)
	if found {
		i++
	}
	low, high := "", ""
	if i > 0 {
		low = strconv.FormatFloat(bounds[i-1], 'f', -1, 64)
	}
	if i < len(bounds) {
		high = strconv.FormatFloat(bounds[i], 'f', -1, 64)
	}
	return low + BandSeparator + high
}
