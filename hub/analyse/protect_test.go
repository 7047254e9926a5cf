package analyse

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var policy = Policy{MinOwnerGroups: 3, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}

// drawn is a table with the number of incidents in each cell that the viewer
// reported or relayed itself.
type drawn struct {
	rawTable
	own []int
}

// grid is a table of counts over rows × columns, drawn at random: small, so
// that all tables that would look the same can be tried.
func grid(t *rapid.T) drawn {
	rows, columns := rapid.IntRange(1, 4).Draw(t, "rows"), rapid.IntRange(1, 4).Draw(t, "columns")
	raw := drawn{rawTable: rawTable{Name: "t", Measure: countIncidents}}
	if rows > 1 {
		raw.Dimensions = append(raw.Dimensions, axis(rows))
	}
	raw.Dimensions = append(raw.Dimensions, axis(columns))
	if rows == 1 && columns%2 == 0 && rapid.Bool().Draw(t, "in runs") {
		raw.Runs = 2
	}
	raw.Cells, raw.own = make([]rawCell, rows*columns), make([]int, rows*columns)
	group := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "viewer", "on behalf x", "on behalf y"})
	for i := range raw.Cells {
		for range rapid.IntRange(0, 4).Draw(t, "incidents") {
			by := voices{}
			for range rapid.IntRange(1, 4).Draw(t, "sources") {
				g := group.Draw(t, "by")
				switch g {
				case "on behalf x": // relayed by the viewer alone
					by.add(g, "viewer")
				case "on behalf y": // and by somebody else, too
					by.add(g, "viewer")
					by.add(g, "a")
				default:
					by.add(g, g)
				}
			}
			raw.Cells[i].count(by)
			if by["viewer"] != nil || by["on behalf x"] != nil || by["on behalf y"] != nil {
				raw.own[i]++
			}
		}
	}
	return raw
}

func axis(n int) Dimension {
	d := Dimension{Name: fmt.Sprint(n)}
	for i := range n {
		d.Categories = append(d.Categories, fmt.Sprint(i))
	}
	d.Labels = d.Categories
	return d
}

// The viewer knows the figures shown, the totals of all lines behind which
// enough others stand, and what it told itself, and that no count is negative.
// Whatever is withheld, and was not given away by the totals alone, can still
// be two different numbers: all tables that agree with what it knows are tried.
func TestNoWithheldCountCanBeComputed(t *testing.T) {
	withheldSeen := 0
	rapid.Check(t, func(t *rapid.T) {
		raw := grid(t)
		shown := shownCells(raw.rawTable, "viewer", policy)
		a := attacker{raw: raw, shown: shown}
		a.learn()
		for i := range raw.Cells {
			if shown[i] {
				continue
			}
			withheldSeen++
			// What the totals alone give away no table can hide.
			if bare := (attacker{raw, make([]bool, len(shown)), a.truth, a.least, a.totals}); !a.doubts(i) && bare.doubts(i) {
				t.Fatalf("cell %d is withheld, and can be computed\nshown: %v\nfigures: %v\nown: %v", i, shown, a.truth, a.least)
			}
		}
	})
	if withheldSeen == 0 {
		t.Fatal("no cell was ever withheld: the test shows nothing")
	}
}

// attacker tries all tables. It shares no code with the protection but the
// rule which totals may be told.
type attacker struct {
	raw          drawn
	shown        []bool
	truth, least []int
	totals       []total
}

type total struct {
	cells []int
	sum   int
}

func (a *attacker) learn() {
	n := len(a.raw.Cells)
	a.truth, a.least = make([]int, n), make([]int, n)
	for i, c := range a.raw.Cells {
		a.truth[i] = c.Incidents
		a.least[i] = a.raw.own[i]
	}
	width := len(a.raw.Dimensions[len(a.raw.Dimensions)-1].Categories)
	lines := map[string][]int{}
	for i := range n {
		if len(a.raw.Dimensions) == 2 {
			lines[fmt.Sprint("column ", i%width)] = append(lines[fmt.Sprint("column ", i%width)], i)
		}
		at := i / width
		if a.raw.Runs > 0 {
			at = i / a.raw.Runs
		}
		lines[fmt.Sprint("row ", at)] = append(lines[fmt.Sprint("row ", at)], i)
	}
	for _, cells := range lines {
		others := map[string]bool{}
		sum := 0
		for _, i := range cells {
			sum += a.truth[i]
			for g := range a.raw.Cells[i].Groups {
				if g != "viewer" && g != "on behalf x" {
					others[g] = true
				}
			}
		}
		// The total of one cell is no other figure than the cell.
		if len(cells) > 1 && len(others) >= policy.MinOwnerGroups {
			a.totals = append(a.totals, total{cells, sum})
		}
	}
}

// doubts reports whether a table agrees with all that is known and has
// another number in the cell.
func (a *attacker) doubts(cell int) bool {
	highest := 1
	for _, v := range a.truth {
		highest += v
	}
	guess := make([]int, len(a.truth))
	var try func(i int) bool
	try = func(i int) bool {
		if i == len(guess) {
			return guess[cell] != a.truth[cell]
		}
		low, high := a.least[i], min(a.truth[i]+3, highest)
		if a.shown[i] {
			low, high = a.truth[i], a.truth[i]
		}
		for v := low; v <= high; v++ {
			guess[i] = v
			if a.possible(guess, i) && try(i+1) {
				return true
			}
		}
		return false
	}
	return try(0)
}

// possible holds what is guessed of the cells up to i to the totals.
func (a *attacker) possible(guess []int, i int) bool {
	for _, t := range a.totals {
		sum, open := 0, false
		for _, c := range t.cells {
			if c <= i {
				sum += guess[c]
			} else {
				open = true
			}
		}
		if sum > t.sum || !open && sum != t.sum {
			return false
		}
	}
	return true
}

// Known totals tell cells that each line hides twice, if two rings of hidden
// cells hang together by one: this is the case that looking at lines misses.
func TestACellBetweenTwoRingsOfWithheldOnesIsNotComputed(t *testing.T) {
	raw := rawTable{Name: "t", Measure: countIncidents, Dimensions: []Dimension{axis(4), axis(4)}, Cells: make([]rawCell, 16)}
	few := []int{0, 1, 4, 5, 6, 10, 11, 14, 15} // rows and columns 0-1, and 2-3, with the bridge at row 1, column 2
	for i := range raw.Cells {
		groups := []string{"a", "b", "c", "d", "e"}
		if slices.Contains(few, i) {
			groups = []string{fmt.Sprint("f", i), "g"}
		}
		for _, g := range groups {
			raw.Cells[i].count(voices{g: {g: true}})
			raw.Cells[i].count(voices{g: {g: true}})
		}
	}
	shown := shownCells(raw, "viewer", policy)
	a := attacker{raw: drawn{raw, make([]int, 16)}, shown: shown}
	a.learn()
	for i := range shown {
		if !shown[i] && !a.doubts(i) {
			t.Errorf("cell %d is withheld, and can be computed: %v", i, shown)
		}
	}
	if !slices.Contains(shown, true) {
		t.Error("nothing is shown at all")
	}
}

// A figure is never shown on fewer than the minimum of owner groups whom the
// viewer does not know, whoever views it.
func TestNoFigureRestsOnFewerThanTheMinimumOfOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := grid(t)
		viewer := rapid.SampledFrom([]string{"", "a", "f", "viewer", "nobody"}).Draw(t, "viewer")
		tab := protect(Snapshot{}, raw.rawTable, viewer, policy)
		shown := 0
		for i, f := range tab.Figures {
			if f.Withheld != "" {
				if f.Value != 0 || f.Groups != "" {
					t.Fatalf("a withheld figure tells %v on %s", f.Value, f.Groups)
				}
				continue
			}
			shown++
			others := map[string]bool{}
			for g := range raw.Cells[i].Groups {
				if g != viewer && (g != "on behalf x" || viewer != "viewer") {
					others[g] = true
				}
			}
			if len(others) < policy.MinOwnerGroups {
				t.Fatalf("%v is shown to %q on %v", f.Value, viewer, others)
			}
		}
		if shown != tab.Shown {
			t.Fatalf("%d figures are shown, and %d are said to be", shown, tab.Shown)
		}
	})
}

func TestAllWithheldFiguresAreExplainedAlike(t *testing.T) {
	raw := rawTable{Name: "t", Measure: countIncidents, Dimensions: []Dimension{axis(3)}, Cells: make([]rawCell, 3)}
	for i, groups := range [][]string{{"a"}, {"a", "b", "c", "d"}, {"a", "b", "c", "d", "e"}} {
		for _, g := range groups {
			raw.Cells[i].count(voices{g: {g: true}})
		}
	}
	tab := protect(Snapshot{}, raw, "", policy)
	if tab.Shown != 1 || tab.Figures[0].Withheld != tab.Figures[1].Withheld {
		t.Errorf("%+v: a reason of its own tells that a figure is above the minimum", tab.Figures)
	}
}

func TestADominatedSumIsWithheld(t *testing.T) {
	cell := func(amounts ...float64) rawCell {
		var c rawCell
		for i, a := range amounts {
			g := string(rune('a' + i))
			c.add(voices{g: {g: true}}, a)
		}
		return c
	}
	together := rawCell{} // one loss that five owner groups told
	together.add(voices{"a": {"a": true}, "b": {"b": true}, "c": {"c": true}, "d": {"d": true}, "e": {"e": true}}, 900)
	together.add(voices{"a": {"a": true}}, 10)
	for _, c := range []struct {
		name   string
		cell   rawCell
		viewer string
		shown  bool
	}{
		{"five alike", cell(10, 11, 9, 10, 12), "", true},
		{"one makes up most", cell(90, 5, 5, 5, 5), "", false},
		{"two make up most", cell(50, 45, 3, 3, 3), "", false},
		{"one makes up most of what is not the viewer's", cell(1000, 90, 5, 5, 5), "a", false},
		{"too few", cell(10, 10), "", false},
		{"one incident makes up most, whoever told it", together, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := tellable(c.cell, sumAmounts, c.viewer, policy); got != c.shown {
				t.Errorf("shown: %v", got)
			}
		})
	}
}

// Large sums are told to two digits; counts up to a thousand as they are.
func TestSumsAreRounded(t *testing.T) {
	for _, c := range []struct{ is, told float64 }{{7, 7}, {999, 999}, {1234, 1200}, {987654, 990000}} {
		if got := round(c.is); got != c.told {
			t.Errorf("%v is told as %v", c.is, got)
		}
	}
}

func BenchmarkTables(b *testing.B) {
	quarters := quartersUpTo("2025-Q4")
	raw := rawTable{Name: "t", Measure: countIncidents, Dimensions: []Dimension{axis(8), {Name: "quarter", Categories: quarters, Labels: quarters}}, Cells: make([]rawCell, 64)}
	for n := range 100_000 {
		g := fmt.Sprint("g", n*7919%200)
		raw.Cells[n*n%64].count(voices{g: {g: true}})
		if n%97 == 0 {
			raw.Cells[n%64].count(voices{g: {g: true}})
		}
	}
	p := Policy{MinOwnerGroups: 5, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}
	b.ReportAllocs()
	for b.Loop() {
		if protect(Snapshot{}, raw, "g1", p).Cells != 64 {
			b.Fatal("cells are missing")
		}
	}
}
