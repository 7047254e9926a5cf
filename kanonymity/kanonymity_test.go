package kanonymity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// balanced is a model that is not monotone: a class may hold at most three
// records for each victim. Rows about a victim already there can break it.
type balanced struct{}

func (balanced) Satisfied(c Class) bool { return c.Records <= 3*c.Victims }
func (balanced) String() string         { return "at most three records a victim" }

// problem is a small table with all that is asked of it.
type problem struct {
	hs      []Hierarchy
	rows    []Row
	models  []Model
	allowed int
	metric  Metric
}

func (p problem) search() Search {
	share := 0.0
	if len(p.rows) > 0 { // in the middle, so that rounding down gives allowed
		share = min(1, (float64(p.allowed)+0.5)/float64(len(p.rows)))
	}
	return Search{Models: p.models, MaxSuppressed: share, Metric: p.metric}
}

// drawHierarchy makes a hierarchy of 1 to 4 levels over 1 to 7 values; one
// that is nested, unless wild, then any.
func drawHierarchy(t *rapid.T) Hierarchy {
	domain := rapid.IntRange(1, 7).Draw(t, "domain")
	wild := rapid.IntRange(0, 4).Draw(t, "wild") == 0
	h := Hierarchy{Levels: [][]string{make([]string, domain)}}
	at := make([]int, domain)
	for c := range domain {
		at[c] = c
		h.Levels[0][c] = fmt.Sprint(c)
	}
	for l := range rapid.IntRange(0, 2).Draw(t, "levels") {
		into := rapid.IntRange(1, domain).Draw(t, "into")
		merge := make([]int, domain)
		for v := range merge {
			merge[v] = rapid.IntRange(0, into-1).Draw(t, "merge")
		}
		level := make([]string, domain)
		for c := range domain {
			if wild {
				at[c] = merge[c]
			} else {
				at[c] = merge[at[c]]
			}
			level[c] = fmt.Sprintf("%d.%d", l, at[c])
		}
		h.Levels = append(h.Levels, level)
	}
	if rapid.IntRange(0, 5).Draw(t, "top") > 0 {
		h.Levels = append(h.Levels, slices.Repeat([]string{"*"}, domain))
	}
	return h
}

func drawProblem(t *rapid.T) problem {
	var p problem
	for range rapid.IntRange(0, 3).Draw(t, "columns") {
		p.hs = append(p.hs, drawHierarchy(t))
	}
	p.rows = make([]Row, rapid.IntRange(0, 25).Draw(t, "rows"))
	for i := range p.rows {
		for _, h := range p.hs {
			p.rows[i].Codes = append(p.rows[i].Codes, rapid.IntRange(0, len(h.Levels[0])-1).Draw(t, "code"))
		}
		p.rows[i].Victim = rapid.IntRange(-2, 8).Draw(t, "victim")
		p.rows[i].Groups = rapid.SliceOfN(rapid.IntRange(0, 5), 0, 3).Draw(t, "groups")
	}
	p.models = []Model{KRecords(rapid.IntRange(1, 5).Draw(t, "k"))}
	if rapid.Bool().Draw(t, "count subjects") {
		p.models = append(p.models, KVictims(rapid.IntRange(1, 4).Draw(t, "victims")), KOwnerGroups(rapid.IntRange(1, 3).Draw(t, "groups")))
	}
	if rapid.IntRange(0, 3).Draw(t, "not monotone") == 0 {
		p.models = append(p.models, balanced{})
	}
	p.allowed = rapid.IntRange(0, len(p.rows)).Draw(t, "allowed")
	p.metric = Metric{
		Lean:      rapid.SampledFrom([]float64{0, 0, 0, -1, -0.5, 0.25, 1}).Draw(t, "lean"),
		Aggregate: rapid.SampledFrom([]Aggregate{Mean, GeometricMean, Rank}).Draw(t, "aggregate"),
	}
	if len(p.hs) > 0 && rapid.Bool().Draw(t, "weighted") {
		for range p.hs {
			p.metric.Weights = append(p.metric.Weights, float64(rapid.IntRange(1, 4).Draw(t, "weight")))
		}
	}
	return p
}

// members groups rows by their generalised values, the slow way.
func (p problem) members(levels []int) map[string][]int {
	classes := map[string][]int{}
	for i, r := range p.rows {
		key := ""
		for q, l := range levels {
			key += p.hs[q].Levels[l][r.Codes[q]] + "|"
		}
		classes[key] = append(classes[key], i)
	}
	return classes
}

func (p problem) class(members []int) Class {
	victims, groups := map[int]bool{}, map[int]bool{}
	for _, i := range members {
		victims[max(p.rows[i].Victim, -1)] = true
		for _, g := range p.rows[i].Groups {
			groups[g] = true
		}
	}
	return Class{Records: len(members), Victims: len(victims), Groups: len(groups)}
}

// judge computes one transformation as the documentation has it: what is
// suppressed, and every column's loss cell by cell.
func (p problem) judge(levels []int) (suppressed int, columns []float64) {
	kept := make([]bool, len(p.rows))
	for _, members := range p.members(levels) {
		pass := satisfied(p.models, p.class(members))
		if !pass {
			suppressed += len(members)
		}
		for _, i := range members {
			kept[i] = pass
		}
	}
	g, s := 1-max(p.metric.Lean, 0), 1+min(p.metric.Lean, 0)
	n := float64(len(p.rows))
	for q, l := range levels {
		level := p.hs[q].Levels[l]
		d := float64(len(level))
		y := 0.0
		for i, r := range p.rows {
			alike := 0.0
			for _, v := range level {
				if v == level[r.Codes[q]] {
					alike++
				}
			}
			if kept[i] {
				y += g * alike / d
			} else {
				y += alike/d + s*(1-alike/d)
			}
		}
		x := 0.0
		switch {
		case n == 0:
		case d == 1:
			x = s * float64(suppressed) / n
		default:
			x = max(0, (y-g*n/d)/(n-g*n/d))
		}
		columns = append(columns, math.Floor(x*1e10+1e-3)/1e10)
	}
	return suppressed, columns
}

// all calls f for every transformation.
func (p problem) all(f func(levels []int)) {
	levels := make([]int, len(p.hs))
	var fill func(q int)
	fill = func(q int) {
		if q == len(levels) {
			f(levels)
			return
		}
		for l := range p.hs[q].Levels {
			levels[q] = l
			fill(q + 1)
		}
	}
	fill(0)
}

func (p problem) key(t *rapid.T, columns []float64) []float64 {
	m, err := p.metric.measure(len(p.hs))
	if err != nil {
		t.Fatal(err)
	}
	return m.key(nil, columns)
}

// same compares keys up to the last decimal.
func same(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-9 })
}

func best(t *rapid.T, p problem) Result {
	r, err := p.search().Best(p.hs, p.rows)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// manyTimes checks a law on fifty times as many tables as is usual: they are
// small, and what a search can get wrong shows in few of them.
func manyTimes(t *testing.T, law func(*rapid.T)) {
	for range 50 {
		rapid.Check(t, law)
	}
}

func TestTheTransformationFoundIsTheBestOfAll(t *testing.T) {
	manyTimes(t, func(t *rapid.T) {
		p := drawProblem(t)
		r := best(t, p)
		var least []float64
		var suppresses int
		possible := false
		p.all(func(levels []int) {
			suppressed, columns := p.judge(levels)
			if suppressed > p.allowed {
				return
			}
			key := p.key(t, columns)
			if c := slices.Compare(key, least); !possible || c < 0 || c == 0 && suppressed < suppresses {
				possible, least, suppresses = true, key, suppressed
			}
		})
		if r.Within != possible {
			t.Fatalf("a transformation within the limit exists: %v, found: %v", possible, r.Within)
		}
		if !r.Optimal {
			t.Fatal("so small a table was not searched to its end")
		}
		if !r.Within {
			return
		}
		if got := p.key(t, r.ColumnLoss); !same(got, least) {
			t.Fatalf("levels %v lose %v, but %v is possible", r.Levels, got, least)
		}
		if r.Suppressed != suppresses {
			t.Fatalf("levels %v suppress %d rows, but %d is possible at the same loss", r.Levels, r.Suppressed, suppresses)
		}
	})
}

func TestWhatIsStatedOfTheResultIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		holds(t, p, best(t, p))
	})
}

// holds checks every statement of a result against the rows.
func holds(t *rapid.T, p problem, r Result) {
	if !r.Within {
		if r.Suppressed != len(p.rows) || r.Levels != nil || len(r.Classes) != 0 || r.Loss != 1 || slices.ContainsFunc(r.ClassOf, func(c int) bool { return c != -1 }) {
			t.Fatalf("something is published although nothing keeps to the limit: %+v", r)
		}
		return
	}
	suppressed, columns := p.judge(r.Levels)
	if r.Suppressed != suppressed || suppressed > p.allowed {
		t.Fatalf("%d rows suppressed, %d stated, %d allowed", suppressed, r.Suppressed, p.allowed)
	}
	if !same(columns, r.ColumnLoss) || r.Loss < 0 || r.Loss > 1 {
		t.Fatalf("columns lose %v, stated %v, in all %v", columns, r.ColumnLoss, r.Loss)
	}
	kept := map[int]bool{}
	for _, members := range p.members(r.Levels) {
		class := p.class(members)
		number := r.ClassOf[members[0]]
		for _, i := range members {
			if r.ClassOf[i] != number {
				t.Fatalf("rows that agree are in classes %d and %d", number, r.ClassOf[i])
			}
		}
		if pass := satisfied(p.models, class); pass != (number >= 0) {
			t.Fatalf("a class of %+v is published: %v", class, number >= 0)
		}
		if number < 0 {
			continue
		}
		if kept[number] || r.Classes[number] != class {
			t.Fatalf("class %d is %+v, stated %+v", number, class, r.Classes[number])
		}
		kept[number] = true
	}
	s := r.Statistics()
	if s.Classes != len(kept) || s.Records != len(p.rows)-suppressed {
		t.Fatalf("%d classes of %d records, stated %+v", len(kept), len(p.rows)-suppressed, s)
	}
}

func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		shuffled := p
		shuffled.rows = rapid.Permutation(p.rows).Draw(t, "order")
		a, b := best(t, p), best(t, shuffled)
		if !slices.Equal(a.Levels, b.Levels) || a.Suppressed != b.Suppressed || a.Loss != b.Loss {
			t.Fatalf("%v, %d, %v became %v, %d, %v", a.Levels, a.Suppressed, a.Loss, b.Levels, b.Suppressed, b.Loss)
		}
	})
}

func TestASmallBudgetGivesASafeResultAndSaysSo(t *testing.T) {
	stopped := 0
	manyTimes(t, func(t *rapid.T) {
		p := drawProblem(t)
		full := best(t, p)
		s := p.search()
		s.Budget = rapid.IntRange(1, 8).Draw(t, "budget")
		r, err := s.Best(p.hs, p.rows)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, p, r)
		a, b := p.key(t, r.ColumnLoss), p.key(t, full.ColumnLoss)
		if r.Optimal && (r.Within != full.Within || !same(a, b)) {
			t.Fatalf("said to be optimal: %v, the optimum is %v", a, b)
		}
		if r.Within && slices.Compare(a, b) < 0 && !same(a, b) {
			t.Fatalf("better than the optimum: %v, %v", a, b)
		}
		if !r.Optimal {
			stopped++
		}
	})
	if stopped == 0 {
		t.Error("the budget was never used up: this test tests nothing")
	}
}

// A lattice of 4^24 transformations cannot be searched to its end. The greedy
// walk must then lead well below what the columns' order alone would find.
func TestALatticeTooLargeIsSearchedAsFarAsTheBudgetReaches(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	rows := make([]Row, 2000)
	traits := make([][3]int, len(rows)) // few things set the columns, not evenly
	for i := range traits {
		for k := range traits[i] {
			traits[i][k] = int(16 * random.Float64() * random.Float64())
		}
	}
	var hs []Hierarchy
	for q := range 24 {
		values := []int{4, 8, 16}[random.IntN(3)]
		hs = append(hs, ladder(values))
		for i := range rows {
			code := traits[i][q%3] * values / 16
			if random.Float64() < 0.15 {
				code = random.IntN(values)
			}
			rows[i].Codes = append(rows[i].Codes, code)
		}
	}
	const budget = 2000
	s := Search{Models: []Model{KRecords(5)}, MaxSuppressed: 0.05, Budget: budget}
	r, err := s.Best(hs, rows)
	if err != nil {
		t.Fatal(err)
	}
	if st := r.Statistics(); !r.Within || r.Optimal || st.MinSize < 5 || r.Suppressed > 100 {
		t.Errorf("within %v, optimal %v, %d suppressed, smallest class %d", r.Within, r.Optimal, r.Suppressed, st.MinSize)
	}
	table, err := newTable(hs, rows)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Metric.measure(len(hs))
	if err != nil {
		t.Fatal(err)
	}
	inOrder := newExplorer(table, s.Models, m, 100, budget)
	inOrder.decide(0, inOrder.whole())
	if without := m.loss(inOrder.best.columns); r.Loss > 0.95*without {
		t.Errorf("loss %v, without the walk %v", r.Loss, without)
	}
}

// ladder is a hierarchy over n values: as they are, in pairs, in fours, all.
func ladder(n int) Hierarchy {
	h := Hierarchy{Levels: make([][]string, 4)}
	for c := range n {
		h.Levels[0] = append(h.Levels[0], fmt.Sprint(c))
		h.Levels[1] = append(h.Levels[1], fmt.Sprint("p", c/2))
		h.Levels[2] = append(h.Levels[2], fmt.Sprint("q", c/4))
		h.Levels[3] = append(h.Levels[3], "*")
	}
	return h
}

func TestWhatClaimsToBeMonotoneIs(t *testing.T) {
	for _, m := range []Model{KRecords(4), KVictims(3), KOwnerGroups(2)} {
		if _, ok := m.(Monotone); !ok {
			t.Errorf("%s is not used for pruning", m)
		}
		rapid.Check(t, func(t *rapid.T) {
			count := rapid.IntRange(0, 8)
			small := Class{count.Draw(t, "records"), count.Draw(t, "victims"), count.Draw(t, "groups")}
			large := Class{small.Records + count.Draw(t, "more records"), small.Victims + count.Draw(t, "more victims"), small.Groups + count.Draw(t, "more groups")}
			if m.Satisfied(small) && !m.Satisfied(large) {
				t.Fatalf("%s: %+v satisfies it, %+v does not", m, small, large)
			}
		})
	}
	if allMonotone([]Model{KRecords(2), balanced{}}) {
		t.Error("a model that makes no claim is taken to be monotone")
	}
}

// Each row is one victim more than its class needs, except that unknown ones
// might all be the same.
func TestUnknownVictimsCountAsOne(t *testing.T) {
	h := Hierarchy{Levels: [][]string{{"a"}}}
	rows := []Row{{[]int{0}, -1, nil}, {[]int{0}, -1, nil}, {[]int{0}, -7, nil}, {[]int{0}, 4, nil}}
	if r := Anonymise([]Hierarchy{h}, rows, []Model{KVictims(2)}, 0); !r.Within || r.Classes[0].Victims != 2 {
		t.Errorf("one known and the unknown are two victims: %+v", r)
	}
	if r := Anonymise([]Hierarchy{h}, rows, []Model{KVictims(3)}, 0); r.Within {
		t.Errorf("three unknown victims were taken for different ones: %+v", r)
	}
}

func TestAMalformedTableIsRefusedAndNeverPublished(t *testing.T) {
	good := []Hierarchy{{Levels: [][]string{{"a", "b"}, {"*", "*"}}}}
	row := []Row{{Codes: []int{0}}, {Codes: []int{1}}}
	for name, c := range map[string]struct {
		search Search
		hs     []Hierarchy
		rows   []Row
		says   string
	}{
		"code above":       {Search{}, good, []Row{{Codes: []int{2}}}, "row 0: code 2"},
		"code below":       {Search{}, good, []Row{{Codes: []int{-1}}}, "row 0: code -1"},
		"too few codes":    {Search{}, good, []Row{{}}, "row 0 has 0 codes"},
		"no levels":        {Search{}, []Hierarchy{{}}, row, "hierarchy is empty"},
		"ragged levels":    {Search{}, []Hierarchy{{Levels: [][]string{{"a", "b"}, {"*"}}}}, row, "level 1"},
		"share above one":  {Search{MaxSuppressed: 1.5}, good, row, "between 0 and 1"},
		"share no number":  {Search{MaxSuppressed: math.NaN()}, good, row, "between 0 and 1"},
		"weights missing":  {Search{Metric: Metric{Weights: []float64{1, 2}}}, good, row, "2 weights"},
		"weight negative":  {Search{Metric: Metric{Weights: []float64{-1}}}, good, row, "not negative"},
		"weights all zero": {Search{Metric: Metric{Weights: []float64{0}}}, good, row, "weighs every"},
		"lean":             {Search{Metric: Metric{Lean: 2}}, good, row, "lean"},
		"aggregate":        {Search{Metric: Metric{Aggregate: 9}}, good, row, "aggregate"},
	} {
		if _, err := c.search.Best(c.hs, c.rows); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := Anonymise(good, []Row{{Codes: []int{0}}, {Codes: []int{9}}}, nil, 2); r.Within || r.Suppressed != 2 || !slices.Equal(r.ClassOf, []int{-1, -1}) {
		t.Errorf("rows of a malformed table were published: %+v", r)
	}
}

func BenchmarkIncidents(b *testing.B) {
	hs := []Hierarchy{ladder(64), ladder(32), ladder(16), ladder(24)}
	for _, n := range []int{5000, 50000, 500000} {
		rows := make([]Row, n)
		seed := uint32(1)
		for i := range rows {
			for _, h := range hs {
				seed = seed*1664525 + 1013904223
				rows[i].Codes = append(rows[i].Codes, int(seed>>16)%len(h.Levels[0]))
			}
		}
		rows = withSubjects(rows)
		s := Search{Models: []Model{KRecords(5), KVictims(5), KOwnerGroups(5)}, MaxSuppressed: 0.1}
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) { benchmark(b, s, hs, rows) })
	}
}
