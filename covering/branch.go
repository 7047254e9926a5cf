package covering

import (
	"container/heap"
	"math"
)

// Steps of price search in the first node and in the others, and how many
// nodes pass between attempts to repair a node's choice into a plan.
const (
	firstSteps  = 1500
	laterSteps  = 60
	repairEvery = 8
	// knapsackSteps are made at a time in the first node, as long as they help
	// and have not used up their share (in percent) of the allowance.
	knapsackSteps = 250
	knapsackShare = 60
	// knapsackTries may pass before they do better than prices of rows.
	knapsackTries = 4
)

type solver struct {
	*flat
	relax *relaxation
	mend  *mender
	best  []bool
	cost  int64
	nodes int
	open  frontier
}

func newSolver(p Problem) (*solver, error) {
	f, err := flatten(p)
	if err != nil {
		return nil, err
	}
	return &solver{flat: f, relax: newRelaxation(f), mend: newMender(f), cost: math.MaxInt64}, nil
}

func (s *solver) solve() (Plan, error) {
	prices := make([]float64, s.rows+1+len(s.items))
	root := &node{prices: prices, branch: -1}
	if !s.relax.enter(root) {
		return Plan{}, ErrImpossible
	}
	s.keep(s.mend.repair(make([]bool, len(s.items)), nil, prices))
	s.bound(root, firstSteps)
	s.polish(root)
	for len(s.open) > 0 && s.worked < s.work {
		n := heap.Pop(&s.open).(*node)
		if ceil(n.bound) >= s.cost {
			s.open = s.open[:0] // the others are no better
			break
		}
		s.split(n)
	}
	return s.plan(), nil
}

// bound works out a node's bound and puts it into the frontier unless it
// holds nothing better than the best plan.
func (s *solver) bound(n *node, steps int) {
	s.nodes++
	if !s.relax.enter(n) {
		return
	}
	for {
		if n.parent == nil && steps == firstSteps {
			s.first(n)
		} else {
			n.bound = max(n.bound, s.relax.raise(n.prices, float64(s.cost)-0.5, steps))
		}
		s.relax.value(n.prices)
		if n.parent == nil || s.nodes%repairEvery == 0 || len(s.open) < repairEvery {
			s.keep(s.mend.repair(s.relax.chosen(), s.relax.fixed, n.prices))
		}
		if ceil(n.bound) >= s.cost {
			return
		}
		known := len(n.set)
		for _, d := range s.relax.settled(n.prices, s.cost) {
			if s.relax.fixed[d.variable] == free {
				n.set = append(n.set, d)
				if !s.relax.decide(d) {
					return
				}
			}
		}
		if !s.relax.settle() {
			return
		}
		// Where much was settled, the needs are smaller and the bound may rise.
		if len(n.set)-known <= s.variable/20 {
			break
		}
		steps = laterSteps
	}
	if n.branch = s.relax.fractional(); n.branch < 0 {
		s.leaf(n)
		return
	}
	n.order = s.nodes
	heap.Push(&s.open, n)
}

// first bounds the first node, by prices of rows, which are found fast. Where
// they leave a gap and knapsacks close a good part of it, the search goes on
// with knapsacks, else without.
func (s *solver) first(n *node) {
	goal := float64(s.cost) - 0.5
	s.relax.plain = true
	s.relax.packs()
	n.bound = s.relax.raise(n.prices, goal, firstSteps)
	s.keep(s.mend.repair(s.relax.chosen(), s.relax.fixed, n.prices))
	gap := float64(s.cost) - n.bound
	if ceil(n.bound) >= s.cost {
		return
	}
	s.relax.plain = false
	s.relax.packs()
	s.relax.plain = !s.relax.packed
	if s.relax.plain {
		return
	}
	prices := append([]float64{}, n.prices...)
	rows := n.bound
	limit, last := s.worked+s.work*knapsackShare/100, n.bound
	for tries := 1; s.worked < limit; tries++ {
		n.bound = max(n.bound, s.relax.raise(prices, float64(s.cost)-0.5, knapsackSteps))
		s.keep(s.mend.repair(s.relax.chosen(), s.relax.fixed, prices))
		if ceil(n.bound) >= s.cost || (n.bound > rows || tries >= knapsackTries) && n.bound-last < gap/1000 {
			break
		}
		last = n.bound
	}
	if n.bound-rows < gap/8 {
		s.relax.plain = true
		s.relax.packs()
		return
	}
	n.prices = prices
}

// split makes the two children of a node.
func (s *solver) split(n *node) {
	for _, value := range [2]int8{yes, no} {
		child := &node{
			parent: n, set: []decision{{n.branch, value}},
			prices: append([]float64{}, n.prices...), bound: n.bound,
		}
		s.bound(child, laterSteps)
	}
}

// leaf takes the plan of a node in which everything is decided.
func (s *solver) leaf(*node) {
	take := make([]bool, len(s.items))
	for i := range take {
		take[i] = s.relax.fixed[s.itemVar(i)] == yes
	}
	s.keep(take, s.covers(take))
}

// keep remembers a plan if it is the cheapest so far.
func (s *solver) keep(take []bool, ok bool) {
	if !ok {
		return
	}
	if cost := s.costOf(take); cost < s.cost {
		s.cost, s.best = cost, append(s.best[:0], take...)
	}
}

// polish asks of each giver of the best plan whether the others could do
// without it.
func (s *solver) polish(root *node) {
	fixed := make([]int8, s.variable)
	for improved := true; improved && s.worked < s.work/4; {
		improved = false
		for g := range s.givers {
			before := s.cost
			for i := range fixed {
				fixed[i] = free
			}
			kept := append([]bool{}, s.best...)
			dropped := false
			for b := s.givers[g].lo; b < s.givers[g].hi; b++ {
				for i := s.bundles[b].lo; i < s.bundles[b].hi; i++ {
					dropped = dropped || kept[i]
					kept[i] = false
					fixed[s.itemVar(i)] = no
				}
			}
			if !dropped {
				continue
			}
			s.keep(s.mend.repair(kept, fixed, root.prices))
			improved = improved || s.cost < before
		}
	}
}

func (s *solver) plan() Plan {
	p := Plan{Cost: s.cost, Bound: s.cost, Nodes: s.nodes}
	for _, n := range s.open {
		p.Bound = min(p.Bound, max(0, ceil(n.bound)))
	}
	for i, on := range s.best {
		if on {
			p.Take = append(p.Take, s.items[i].place)
		}
	}
	return p
}

// chosen is the relaxed choice as a set of items, decided ones included.
func (r *relaxation) chosen() []bool {
	out := make([]bool, len(r.items))
	for i, it := range r.items {
		switch r.fixed[r.itemVar(i)] {
		case yes:
			out[i] = true
		case free:
			out[i] = r.asked(it.giver) && r.open(it.bundle) && r.take[i]
		}
	}
	return out
}

// fractional picks the variable to decide: a giver that the mean choice asks
// by half, else a bundle, else an item; -1 if all is decided.
func (r *relaxation) fractional() int {
	best, far := -1, math.Inf(1)
	for v, fixed := range r.fixed {
		if fixed != free {
			continue
		}
		d := math.Abs(r.mean[v] - 0.5)
		// What is nearly decided waits, whatever it is.
		switch {
		case v < len(r.givers):
		case v < len(r.givers)+len(r.bundles):
			d += 0.1
		default:
			d += 0.2
		}
		if d < far-1e-12 {
			best, far = v, d
		}
	}
	return best
}

// frontier is the open nodes, the one with the least bound first.
type frontier []*node

func (f frontier) Len() int { return len(f) }
func (f frontier) Less(i, j int) bool {
	if f[i].bound != f[j].bound {
		return f[i].bound < f[j].bound
	}
	return f[i].order > f[j].order // deep first among equals
}
func (f frontier) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *frontier) Push(x any)   { *f = append(*f, x.(*node)) }
func (f *frontier) Pop() any {
	old := *f
	n := old[len(old)-1]
	old[len(old)-1] = nil
	*f = old[:len(old)-1]
	return n
}
