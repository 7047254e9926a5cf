package kanonymity

import (
	"cmp"
	"slices"
)

// explorer searches the lattice of transformations, column by column.
type explorer struct {
	*splitter
	measure measure
	// allowed rows to suppress.
	allowed int
	// order in which the columns are decided.
	order []int
	// frames of the columns in order, one for each useful level.
	frames [][]partition
	// left of the budget; stopped when something was left undone for it.
	left     int
	stopped  bool
	examined int

	best *found

	columns, key []float64 // scratch
}

// found is the best transformation so far.
type found struct {
	levels     []int
	key        []float64
	columns    []float64
	suppressed int
}

func newExplorer(t *table, models []Model, m measure, allowed, budget int) *explorer {
	e := &explorer{splitter: newSplitter(t, models), measure: m, allowed: allowed, left: budget, columns: make([]float64, len(t.columns))}
	for q := range t.columns {
		e.order = append(e.order, q)
	}
	// Columns that split most come first: their classes fail soonest. Those
	// without a choice come before all.
	slices.SortStableFunc(e.order, func(a, b int) int {
		x, y := &t.columns[a], &t.columns[b]
		if one, other := len(x.useful) == 1, len(y.useful) == 1; one != other {
			if one {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.levels[y.useful[len(y.useful)-1]].codes, x.levels[x.useful[len(x.useful)-1]].codes)
	})
	for _, q := range e.order {
		e.frames = append(e.frames, make([]partition, len(t.columns[q].useful)))
	}
	return e
}

// explore finds the best transformation.
func (e *explorer) explore() {
	if !e.smallerThan(e.left / 2) {
		e.walk()
	}
	e.decide(0, e.whole())
	e.examined = max(e.examined, 1)
}

// smallerThan reports whether the lattice has at most n transformations.
func (e *explorer) smallerThan(n int) bool {
	size := 1
	for _, c := range e.t.columns {
		if size > n/len(c.useful) {
			return false
		}
		size *= len(c.useful)
	}
	return size <= n
}

// decide tries the levels of the next column after a beginning, and goes on
// with those that promise most.
func (e *explorer) decide(depth int, p *partition) {
	if depth == len(e.order) {
		e.judge(p, e.order)
		e.offer(p)
		return
	}
	q := e.order[depth]
	column := &e.t.columns[q]
	children := make([]*partition, 0, len(column.useful))
	src := p
	for i, l := range column.useful {
		if e.hopeless(p, depth, l) {
			continue
		}
		if e.stopped = e.stopped || e.left == 0; e.stopped {
			return
		}
		if len(column.useful) > 1 {
			e.left--
			e.examined++
		}
		child := &e.frames[depth][i]
		e.split(src, e.order[:depth], q, l, child)
		if child.suppressed > e.allowed { // and so will be all finer levels
			if column.nested {
				break
			}
			continue
		}
		if column.nested {
			src = child
		}
		e.bound(child, depth+1)
		children = append(children, child)
	}
	slices.SortStableFunc(children, func(a, b *partition) int { return slices.Compare(a.bound, b.bound) })
	for _, child := range children {
		if e.worse(child.bound) {
			return
		}
		e.levels[q] = child.level
		e.decide(depth+1, child)
	}
}

// bound sets the least loss that any continuation of p can have, the first
// depth columns being decided. After the last column it is the loss itself.
func (e *explorer) bound(p *partition, depth int) {
	e.losses(p, depth)
	p.bound = e.measure.key(p.bound[:0], e.columns)
}

// losses computes the columns' losses, at least.
func (e *explorer) losses(p *partition, depth int) {
	for _, q := range e.order[:depth] {
		c := &e.t.columns[q]
		lost := c.levels[e.levels[q]].total - p.kept[q]
		e.columns[q] = e.measure.column(e.t.rows, c.domain, p.kept[q], lost, p.suppressed)
	}
	for _, q := range e.order[depth:] {
		c := &e.t.columns[q]
		kept, lost := int64(e.t.rows-p.suppressed)*c.least, int64(p.suppressed)*c.least
		e.columns[q] = e.measure.column(e.t.rows, c.domain, kept, lost, p.suppressed)
	}
}

// hopeless reports that the next column at level l loses too much even if
// nothing more is suppressed for it.
func (e *explorer) hopeless(p *partition, depth, l int) bool {
	if e.best == nil {
		return false
	}
	e.losses(p, depth)
	q := e.order[depth]
	c := &e.t.columns[q]
	e.columns[q] = max(e.columns[q], e.measure.column(e.t.rows, c.domain, c.levels[l].total, 0, 0))
	e.key = e.measure.key(e.key[:0], e.columns)
	return e.worse(e.key)
}

// worse reports whether a transformation of such a bound cannot be the best.
// One of equal loss may be, as it may suppress less or keep lower levels.
func (e *explorer) worse(bound []float64) bool {
	return e.best != nil && slices.Compare(bound, e.best.key) > 0
}

// offer takes the transformation at e.levels if it is the best so far.
func (e *explorer) offer(p *partition) {
	if p.suppressed > e.allowed {
		return
	}
	e.bound(p, len(e.order))
	if e.best != nil {
		order := cmp.Or(
			slices.Compare(p.bound, e.best.key),
			cmp.Compare(p.suppressed, e.best.suppressed),
			cmp.Compare(sum(e.levels), sum(e.best.levels)),
			slices.Compare(e.levels, e.best.levels))
		if order >= 0 {
			return
		}
	}
	e.best = &found{levels: slices.Clone(e.levels), key: slices.Clone(p.bound), columns: slices.Clone(e.columns), suppressed: p.suppressed}
}

func sum(levels []int) int {
	n := 0
	for _, l := range levels {
		n += l
	}
	return n
}

// walk looks for a good transformation greedily, from the coarsest on, as long
// as it gains: always to the neighbour one level finer that gains most for
// each class it adds, since small classes are what the way ends at (after the
// top-down specialisation of Fung, Wang and Yu, ICDE 2005).
func (e *explorer) walk() {
	at := make([]int, len(e.t.columns)) // indices of useful levels
	loss, classes, ok := e.try(at)
	for ok {
		step, most := -1, 0.0
		var stepLoss float64
		var stepClasses int
		for q := range at {
			if at[q]+1 == len(e.t.columns[q].useful) {
				continue
			}
			at[q]++
			if l, c, within := e.try(at); within && l < loss {
				if gain := (loss - l) / (float64(max(c-classes, 0)) + 0.5); gain > most {
					step, most, stepLoss, stepClasses = q, gain, l, c
				}
			}
			at[q]--
		}
		if step < 0 {
			return
		}
		at[step]++
		loss, classes = stepLoss, stepClasses
	}
}

// try judges and offers one transformation. within tells whether it keeps to
// the limit.
func (e *explorer) try(at []int) (loss float64, classes int, within bool) {
	levels := make([]int, len(at))
	for q, i := range at {
		levels[q] = e.t.columns[q].useful[i]
	}
	e.examined++
	p := e.transform(levels)
	e.offer(p)
	e.losses(p, len(e.order))
	return e.measure.loss(e.columns), len(p.ends), p.suppressed <= e.allowed
}

// transform makes and judges one transformation from the rows.
func (e *explorer) transform(levels []int) *partition {
	p := e.whole()
	for depth, q := range e.order {
		next := &partition{}
		e.split(p, e.order[:depth], q, levels[q], next)
		p = next
	}
	e.judge(p, e.order)
	return p
}

// result states what was found, its classes counted in full from the rows.
func (e *explorer) result() Result {
	if e.best == nil {
		r := nothing(len(e.t.columns), e.t.rows)
		r.Examined, r.Optimal = e.examined, !e.stopped
		return r
	}
	r := Result{Within: true, Optimal: !e.stopped, Examined: e.examined, Levels: e.best.levels,
		ColumnLoss: e.best.columns, Loss: e.measure.loss(e.best.columns), ClassOf: make([]int, e.t.rows)}
	classes, classOf := e.classes(r.Levels)
	number := make([]int, len(classes)) // 1 for the first, 0 not seen yet
	for row, tuple := range e.t.tupleOf {
		c := classOf[tuple]
		if !satisfied(e.models, classes[c]) {
			r.ClassOf[row] = -1
			r.Suppressed++
			continue
		}
		if number[c] == 0 {
			r.Classes = append(r.Classes, classes[c])
			number[c] = len(r.Classes)
		}
		r.ClassOf[row] = number[c] - 1
	}
	return r
}

// classes counts the equivalence classes of a transformation in full, also
// those that fail, and tells each tuple's.
func (e *explorer) classes(levels []int) (classes []Class, of []int) {
	all := newSplitter(e.t, nil)
	all.monotone = false // put nothing aside
	p := all.whole()
	for depth, q := range e.order {
		next := &partition{}
		all.split(p, e.order[:depth], q, levels[q], next)
		p = next
	}
	of = make([]int, len(e.t.weight))
	start := int32(0)
	for i, end := range p.ends {
		class := p.tuples[start:end]
		start = end
		classes = append(classes, all.counter.count(class))
		for _, t := range class {
			of[t] = i
		}
	}
	return classes, of
}
