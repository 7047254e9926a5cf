package analyse

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// measure says what a raw table's cells hold.
type measure string

const (
	// countIncidents: each incident counts once in every category it falls in.
	countIncidents measure = "count"
	// sumAmounts: amounts are added; subject to the dominance rule.
	sumAmounts measure = "sum"
)

// rawTable is an unprotected table. It exists only inside this room and in
// the hub's own store.
type rawTable struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Counts     string      `json:"counts"`
	Measure    measure     `json:"measure"`
	Currency   string      `json:"currency,omitzero"`
	Dimensions []Dimension `json:"dimensions"` // one or two
	Cells      []rawCell   `json:"cells"`      // one a combination, in mixed-radix order
	// Runs cuts the only dimension into runs of this many categories whose
	// totals another table tells (the months of a quarter); 0: it tells none.
	Runs    int    `json:"runs,omitzero"`
	Missing string `json:"missing,omitzero"`
	Note    string `json:"note,omitzero"`
}

// rawCell is one unprotected cell with who stands behind it.
type rawCell struct {
	// Incidents that fall into the cell.
	Incidents int `json:"n,omitzero"`
	// Groups maps each contributor (owner group, or on-behalf-of token) behind
	// the cell to its part: the incidents that it told, or its part of the sum.
	Groups map[string]float64 `json:"groups,omitzero"`
	// Relays names, for a contributor that others report for, the owner groups
	// that relayed it: whoever relayed it knows what it told.
	Relays map[string][]string `json:"relays,omitzero"`
	// Known is how much of the figure each owner group reported or relayed
	// itself: incidents, or amounts.
	Known map[string]float64 `json:"known,omitzero"`
	// Sum of amounts, and the two largest amounts of single incidents.
	Sum float64    `json:"sum,omitzero"`
	Top [2]float64 `json:"top,omitzero"`
	// Least is how many owner groups must stand behind it, as the terms ask
	// under which something in it was told; 0: no more than the policy asks.
	Least int `json:"least,omitzero"`
}

// ask raises the number of owner groups that must stand behind the cell.
func (c *rawCell) ask(least ...int) {
	for _, n := range least {
		c.Least = max(c.Least, n)
	}
}

// voices are the contributors who told something, each with the owner groups
// that reported it.
type voices map[string]map[string]bool

func (v voices) add(contributor, reporter string) {
	if v[contributor] == nil {
		v[contributor] = map[string]bool{}
	}
	v[contributor][reporter] = true
}

// count puts one incident into the cell.
func (c *rawCell) count(by voices) { c.put(by, 1, 1) }

// add puts one incident with its amount into the cell. The amount is shared
// equally among those who told it.
func (c *rawCell) add(by voices, amount float64) {
	c.put(by, amount/float64(len(by)), amount)
	c.Sum += amount
	switch {
	case amount > c.Top[0]:
		c.Top = [2]float64{amount, c.Top[0]}
	case amount > c.Top[1]:
		c.Top[1] = amount
	}
}

func (c *rawCell) put(by voices, part, whole float64) {
	c.Incidents++
	if c.Groups == nil {
		c.Groups, c.Known = map[string]float64{}, map[string]float64{}
	}
	reported := map[string]bool{}
	for g, reporters := range by {
		c.Groups[g] += part
		for r := range reporters {
			if !reported[r] {
				reported[r] = true
				c.Known[r] += whole
			}
			if r == g || slices.Contains(c.Relays[g], r) {
				continue
			}
			if c.Relays == nil {
				c.Relays = map[string][]string{}
			}
			c.Relays[g] = append(c.Relays[g], r)
			slices.Sort(c.Relays[g])
		}
	}
}

// knows reports whether a viewer's group knows what a contributor told: it is
// the contributor, or the only one that relayed it.
func (c rawCell) knows(viewerGroup, contributor string) bool {
	if relays := c.Relays[contributor]; len(relays) > 0 {
		return len(relays) == 1 && relays[0] == viewerGroup
	}
	return contributor == viewerGroup
}

// others lists the contributors behind the cell whom the viewer's group does
// not know.
func (c rawCell) others(viewerGroup string) []string {
	var all []string
	for g := range c.Groups {
		if !c.knows(viewerGroup, g) {
			all = append(all, g)
		}
	}
	return all
}

// figure computes the cell's value, which is not yet protected.
func (c rawCell) figure(m measure) float64 {
	if m == sumAmounts {
		return c.Sum
	}
	return float64(c.Incidents)
}

// withheld says in plain words why a figure is not shown: the same words
// whatever the reason, since the reason would tell what the figure may be.
const (
	withheldCount = "too few owner groups other than yours stand behind this figure, or behind one that it would give away"
	withheldSum   = "too few owner groups other than yours stand behind this figure, or one of them makes up most of it, or it would give such a figure away"
)

func withheld(m measure) string {
	if m == sumAmounts {
		return withheldSum
	}
	return withheldCount
}

// Protect makes the table that the viewer may see of a snapshot's table: the
// only way a figure leaves this room.
//
// A cell is shown if at least p.MinOwnerGroups contributors whom the viewer's
// group does not know stand behind it, or more if the terms of one of those
// ask for more, and, for sums, no one or two of them,
// and no one or two incidents, dominate it. An empty cell is not shown: that
// nobody told of something is something, too.
//
// Then, since a viewer may know the total of any line (from another table, a
// release, or a neighbour), further cells are withheld until every line holds
// no or at least two withheld cells which together rest on enough others, and
// no withheld figure can be computed: from the totals, the figures shown, what
// the viewer itself reported, and knowing that no figure is negative.
func Protect(s Snapshot, name, viewerStake, viewerGroup string, p Policy) (Table, bool) {
	tables := s.byStake[viewerStake]
	i := slices.IndexFunc(tables, func(t rawTable) bool { return t.Name == name })
	if i < 0 {
		return Table{}, false
	}
	return protect(s, tables[i], viewerGroup, p), true
}

func protect(s Snapshot, raw rawTable, viewerGroup string, p Policy) Table {
	t := Table{
		Name: raw.Name, Title: raw.Title, Counts: raw.Counts, Currency: raw.Currency, Sector: s.Sector,
		Snapshot: s.ID, Taken: s.Taken, From: s.From, To: s.To,
		Dimensions: raw.Dimensions, Missing: raw.Missing, Note: raw.Note, Cells: len(raw.Cells),
		Protection: fmt.Sprintf("figures with fewer than %d owner groups other than the viewer's behind them, or than the terms of one of those ask for, are withheld, and so are dominated sums and what would give a withheld figure away", p.MinOwnerGroups),
	}
	shown := shownCells(raw, viewerGroup, p)
	key := make([]int, len(raw.Dimensions))
	for i, c := range raw.Cells {
		f := Figure{Key: keyText(raw.Dimensions, key), Withheld: withheld(raw.Measure)}
		if shown[i] {
			f.Withheld = ""
			f.Value = round(c.figure(raw.Measure))
			f.Groups = Band(len(c.others(viewerGroup)))
			t.Shown++
		}
		t.Figures = append(t.Figures, f)
		advance(key, raw.Dimensions)
	}
	return t
}

// shownCells decides which cells may be shown together.
func shownCells(raw rawTable, viewerGroup string, p Policy) []bool {
	shown := make([]bool, len(raw.Cells))
	for i, c := range raw.Cells {
		shown[i] = tellable(c, raw.Measure, viewerGroup, p)
	}
	complement(raw, shown, viewerGroup, p)
	return shown
}

// tellable reports whether a cell by itself may be shown.
func tellable(c rawCell, m measure, viewerGroup string, p Policy) bool {
	others := c.others(viewerGroup)
	if len(others) < max(p.MinOwnerGroups, c.Least) {
		return false
	}
	if m != sumAmounts {
		return true
	}
	// The viewer can take its own part away: dominance is held against what
	// is left.
	var total, first, second float64
	for _, g := range others {
		part := c.Groups[g]
		total += part
		if part > first {
			first, second = part, first
		} else {
			second = max(second, part)
		}
	}
	return !dominated(total, first, second, p) && !dominated(c.Sum, c.Top[0], c.Top[1], p)
}

func dominated(total, first, second float64, p Policy) bool {
	return total > 0 && (first > p.MaxShareOfOne*total || first+second > p.MaxShareOfTwo*total)
}

// Band writes a number of owner groups as the band in which it may be told.
// Numbers below 5 have no band: they are never told.
func Band(n int) string {
	switch {
	case n < 5:
		return "fewer than 5"
	case n < 10:
		return "5–9"
	case n < 20:
		return "10–19"
	case n < 50:
		return "20–49"
	default:
		return "50+"
	}
}

// round keeps two significant digits of large sums, so that a shown sum does
// not give its summands away, and counts as they are.
func round(v float64) float64 {
	if math.Abs(v) < 1000 {
		return math.Round(v*10) / 10
	}
	scale := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-1)
	return math.Round(v/scale) * scale
}

func keyText(dims []Dimension, key []int) []string {
	out := make([]string, len(dims))
	for i, d := range dims {
		out[i] = d.Categories[key[i]]
	}
	return out
}

// advance counts key up in mixed radix, the last dimension fastest.
func advance(key []int, dims []Dimension) {
	for i := len(key) - 1; i >= 0; i-- {
		key[i]++
		if key[i] < len(dims[i].Categories) {
			return
		}
		key[i] = 0
	}
}

// Snapshot is the statistics of a sector as of one moment, unprotected inside.
type Snapshot struct {
	ID     string
	Sector string
	Taken  time.Time
	// Cursor is the record's sequence number up to which it looked.
	Cursor   int64
	From, To string // first and last month covered
	// mark is what [Room.Mark] said before it was taken.
	mark string
	// until is when a grant that it rests on ends; zero: never.
	until time.Time
	// reporting holds, per stake of the reporter, the contributors that
	// reported (nil reports included).
	reporting map[string]voices
	byStake   map[string][]rawTable
}
