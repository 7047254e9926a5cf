package anonymise

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/concord-trust/concord/kanonymity"
	"github.com/concord-trust/concord/standard"
)

// finished is a table after anonymisation.
type finished struct {
	rows       [][]string // quasi-identifiers, then attributes
	levels     map[string]string
	suppressed int
	loss       float64
	// rare counts the codes that were left out of the attributes.
	rare int
}

// asTold is the level at which values stand as they left their owners.
const asTold = "as told"

// unknownValue stands in a release where nothing is known or may be told.
const unknownValue = ""

// anonymise coarsens the quasi-identifiers until every class holds K records
// of K victims told by MinOwnerGroups owner groups, and leaves out the codes of
// attributes that fewer share. What asks for more owner groups than stand
// behind its class is left out, and the classes are made again.
func (t *table) anonymise(std *standard.Standard, p Policy) (finished, error) {
	share := cmp.Or(p.MaxSuppressed, DefaultMaxSuppressed)
	allowed := int(share * float64(len(t.rows)))
	for {
		c, err := t.classify(std, p, allowed)
		if err != nil {
			return finished{}, err
		}
		behind := t.behindClasses(c.res)
		if t.leaveOut(func(i int) int { return behind[i] }) {
			continue // ever less is told, so that it ends
		}
		kept := t.kept(c.res)
		t.restOn(behind, t.leastTold(behind, kept, p))
		return t.finish(c, kept, p), nil
	}
}

// classes are the rows of a table in classes.
type classes struct {
	hs    []kanonymity.Hierarchy
	names [][]string
	rows  []kanonymity.Row
	res   kanonymity.Result
}

func (t *table) classify(std *standard.Standard, p Policy, allowed int) (classes, error) {
	hs := make([]kanonymity.Hierarchy, len(t.quasi))
	names := make([][]string, len(t.quasi))
	codes := make([]map[string]int, len(t.quasi))
	for q, f := range t.quasi {
		var err error
		if hs[q], names[q], codes[q], err = t.hierarchy(std, q, f); err != nil {
			return classes{}, err
		}
	}
	victims, groups := map[string]int{}, map[string]int{}
	rows := make([]kanonymity.Row, len(t.rows))
	for i, r := range t.rows {
		rows[i].Victim = -1
		if r.victim != "" {
			rows[i].Victim = number(victims, r.victim)
		}
		for _, c := range r.by {
			rows[i].Groups = append(rows[i].Groups, number(groups, c.group))
		}
		for q := range t.quasi {
			rows[i].Codes = append(rows[i].Codes, codes[q][r.quasi[q]])
		}
	}
	models := []kanonymity.Model{kanonymity.KRecords(p.K), kanonymity.KVictims(p.K), kanonymity.KOwnerGroups(p.MinOwnerGroups)}
	return classes{hs, names, rows, kanonymity.Anonymise(hs, rows, models, allowed)}, nil
}

// behindClasses is how many owner groups stand behind the class of each row;
// behind one that is suppressed nothing needs to stand.
func (t *table) behindClasses(res kanonymity.Result) []int {
	groups := map[int]map[string]bool{}
	for i, c := range res.ClassOf {
		if groups[c] == nil {
			groups[c] = map[string]bool{}
		}
		for _, by := range t.rows[i].by {
			groups[c][by.group] = true
		}
	}
	behind := make([]int, len(t.rows))
	for i, c := range res.ClassOf {
		if behind[i] = len(groups[c]); c < 0 {
			behind[i] = math.MaxInt
		}
	}
	return behind
}

// finish writes the rows as they are released.
func (t *table) finish(c classes, kept codes, p Policy) finished {
	res := c.res
	out := finished{levels: map[string]string{}, suppressed: res.Suppressed, loss: res.Loss, rare: t.rare}
	for q, f := range t.quasi {
		if res.Levels != nil {
			out.levels[f.Path] = c.names[q][res.Levels[q]]
		}
	}
	for i, class := range res.ClassOf {
		if class < 0 {
			continue
		}
		line := make([]string, 0, len(t.quasi)+len(t.attrs))
		for q := range t.quasi {
			line = append(line, c.hs[q].Levels[res.Levels[q]][c.rows[i].Codes[q]])
		}
		for at, list := range t.rows[i].attrs {
			told, left := kept.common(at, list, p)
			line = append(line, told)
			out.rare += left
		}
		out.rows = append(out.rows, line)
	}
	// Sorted, so that the order tells nothing of when or by whom a record
	// came.
	slices.SortFunc(out.rows, slices.Compare)
	return out
}

// support is what stands behind something: records, victims and owner groups.
type support struct {
	records int
	victims map[string]bool // those not known count as one
	groups  map[string]bool
	// asked is how many owner groups terms ask for.
	asked int
}

// add adds a row, of which something stands there that asks for so many owner
// groups.
func (s *support) add(r row, asked int) {
	s.asked = max(s.asked, asked)
	if s.victims == nil {
		s.victims, s.groups = map[string]bool{}, map[string]bool{}
	}
	s.records++
	s.victims[r.victim] = true
	for _, c := range r.by {
		s.groups[c.group] = true
	}
}

// enough reports whether so much stands behind it that it may be told.
func (s *support) enough(p Policy) bool {
	return s.records >= p.K && len(s.victims) >= p.K && len(s.groups) >= max(p.MinOwnerGroups, s.asked)
}

// codes counts what stands behind each code of each attribute, among the
// records that are released.
type codes []map[string]*support

func (t *table) kept(res kanonymity.Result) codes {
	all := make(codes, len(t.attrs))
	for at := range all {
		all[at] = map[string]*support{}
	}
	for i, c := range res.ClassOf {
		if c < 0 {
			continue
		}
		for at, list := range t.rows[i].attrs {
			if list == unknownValue {
				continue
			}
			for code := range strings.SplitSeq(list, listed) {
				s := all[at][code]
				if s == nil {
					s = &support{}
					all[at][code] = s
				}
				s.add(t.rows[i], t.rows[i].asked[len(t.quasi)+at])
			}
		}
	}
	return all
}

// leastTold is how many owner groups stand behind each row: its class, and each
// code that it tells.
func (t *table) leastTold(behind []int, c codes, p Policy) []int {
	least := slices.Clone(behind)
	for i, r := range t.rows {
		for at, list := range r.attrs {
			if list == unknownValue || behind[i] == math.MaxInt {
				continue
			}
			for code := range strings.SplitSeq(list, listed) {
				if s := c[at][code]; s.enough(p) {
					least[i] = min(least[i], len(s.groups))
				}
			}
		}
	}
	return least
}

// common keeps of a list the codes that enough records share: a code that
// stands in one record alone would let whoever knows it find that record.
func (c codes) common(at int, list string, p Policy) (told string, left int) {
	if list == unknownValue {
		return unknownValue, 0
	}
	told = unknownValue
	for code := range strings.SplitSeq(list, listed) {
		if c[at][code].enough(p) {
			told = unite(told, code)
		} else {
			left++
		}
	}
	return told, left
}

func number(of map[string]int, s string) int {
	n, ok := of[s]
	if !ok {
		n = len(of)
		of[s] = n
	}
	return n
}

// hierarchy makes the ladder of one column over the values that occur: as they
// left, then the levels of the standard, then anything. A list of values
// ("DE; FR") is coarsened value by value.
func (t *table) hierarchy(std *standard.Standard, q int, f standard.Field) (h kanonymity.Hierarchy, names []string, codes map[string]int, err error) {
	codes = map[string]int{}
	var values []string
	for _, r := range t.rows {
		if _, ok := codes[r.quasi[q]]; !ok {
			codes[r.quasi[q]] = len(values)
			values = append(values, r.quasi[q])
		}
	}
	names = append([]string{asTold}, std.Levels(f)...)
	for _, level := range names {
		row := make([]string, len(values))
		for i, v := range values {
			switch {
			case level == asTold:
				row[i] = v
			case v == unknownValue && level != standard.AnyLevel:
				row[i] = unknownValue
			default:
				if row[i], err = coarsenList(std, f, level, v); err != nil {
					return h, nil, nil, err
				}
			}
		}
		h.Levels = append(h.Levels, row)
	}
	return h, names, codes, nil
}

func coarsenList(std *standard.Standard, f standard.Field, level, list string) (string, error) {
	out := ""
	for _, v := range strings.Split(list, listed) {
		c, err := std.Generalise(f, level, v)
		if err != nil {
			return "", err
		}
		out = unite(out, c)
	}
	return out, nil
}
