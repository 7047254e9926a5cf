package covering

import "math"

// What a node has decided of a variable.
const (
	free int8 = iota - 1
	no
	yes
)

// node is a part of the search: what is decided on the way to it.
type node struct {
	parent *node
	// set lists the variables that this node decides itself, each with its
	// value.
	set    []decision
	prices []float64
	bound  float64
	branch int // the variable to decide next
	order  int // when it was made; breaks ties
}

type decision struct {
	variable int
	value    int8
}

// relaxation bounds one node at a time.
type relaxation struct {
	*flat
	fixed  []int8
	lacks  []int64 // what the rows still lack, and last all together
	spent  int64   // on what is decided
	act    []float64
	take   []bool    // what givers would sell at the current prices, if asked
	took   []bool    // what they do sell: the relaxed choice
	mean   []float64 // running mean of the choices, by variable
	within []float64 // value of each bundle's free items, then with its cost
	giver  []float64 // value of each giver's bundles
	gain   []float64 // gain of each item to its row, no more than it lacks
	whole  []float64 // gain of each item to all
	pack   []knapsack
	packed bool   // some row is bounded by a knapsack
	plain  bool   // none is to be
	bought []bool // what knapsack rows buy at the current prices
}

func newRelaxation(f *flat) *relaxation {
	return &relaxation{
		flat: f, fixed: make([]int8, f.variable), lacks: make([]int64, f.rows+1), act: make([]float64, f.rows+1),
		take: make([]bool, len(f.items)), took: make([]bool, len(f.items)), mean: make([]float64, f.variable),
		within: make([]float64, len(f.bundles)), giver: make([]float64, len(f.givers)),
		gain: make([]float64, len(f.items)), whole: make([]float64, len(f.items)),
		pack: make([]knapsack, f.rows), bought: make([]bool, len(f.items)),
	}
}

// enter replays what is decided on the way to a node. False: it holds no plan.
func (r *relaxation) enter(n *node) bool {
	for i := range r.fixed {
		r.fixed[i] = free
	}
	for at := n; at != nil; at = at.parent {
		for _, d := range at.set {
			if !r.decide(d) {
				return false
			}
		}
	}
	return r.settle()
}

// decide fixes a variable and what follows from it.
func (r *relaxation) decide(d decision) bool {
	if was := r.fixed[d.variable]; was != free {
		return was == d.value
	}
	r.fixed[d.variable] = d.value
	switch v, givers, bundles := d.variable, len(r.givers), len(r.bundles); {
	case v < givers:
		for b := r.givers[v].lo; b < r.givers[v].hi && d.value == no; b++ {
			if !r.decide(decision{r.bundleVar(b), no}) {
				return false
			}
		}
	case v < givers+bundles:
		b := r.bundles[v-givers]
		if d.value == yes {
			return r.decide(decision{b.of, yes})
		}
		for i := b.lo; i < b.hi; i++ {
			if !r.decide(decision{r.itemVar(i), no}) {
				return false
			}
		}
	case d.value == yes:
		return r.decide(decision{r.bundleVar(r.items[v-givers-bundles].bundle), yes})
	}
	return true
}

// settle works out what is spent and what is lacking, rounds needs up to the
// divisor of what can still be gained, and caps gains. False: what is left
// cannot cover the needs.
func (r *relaxation) settle() bool {
	copy(r.lacks, r.needs)
	r.spent = 0
	for g, s := range r.givers {
		if r.fixed[g] == yes {
			r.spent += s.cost
		}
	}
	for b, s := range r.bundles {
		if r.fixed[r.bundleVar(b)] == yes {
			r.spent += s.cost
		}
	}
	left, divisor := make([]int64, r.rows+1), make([]int64, r.rows+1)
	for i, it := range r.items {
		switch r.fixed[r.itemVar(i)] {
		case yes:
			r.spent += it.cost
			r.lacks[it.row] -= it.gain
			r.lacks[r.rows] -= it.gain
		case free:
			for _, row := range [2]int{it.row, r.rows} {
				left[row] += it.gain
				divisor[row] = commonDivisor(divisor[row], it.gain)
			}
		}
	}
	for row, lack := range r.lacks {
		if lack <= 0 {
			r.lacks[row] = 0
			continue
		}
		if lack > left[row] {
			return false
		}
		r.lacks[row] = (lack + divisor[row] - 1) / divisor[row] * divisor[row]
	}
	for i, it := range r.items {
		r.gain[i] = float64(min(it.gain, r.lacks[it.row]))
		r.whole[i] = float64(min(it.gain, r.lacks[r.rows]))
	}
	r.packs()
	return true
}

func commonDivisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// at is the reduced cost of an item at prices: those of the rows, then that
// of all together, then those of the items in knapsack rows.
func (r *relaxation) at(prices []float64, i int) float64 {
	it := &r.items[i]
	paid := prices[r.rows] * r.whole[i]
	if r.pack[it.row].on {
		return float64(it.cost) - paid - prices[r.rows+1+i]
	}
	return float64(it.cost) - paid - prices[it.row]*r.gain[i]
}

// value computes the bound at prices and leaves the relaxed choice behind,
// with the value of each bundle and giver.
func (r *relaxation) value(prices []float64) float64 {
	r.worked += int64(len(r.items))
	total := float64(r.spent) + r.buyAll(prices)
	for row, lack := range r.lacks {
		if row == r.rows || !r.pack[row].on {
			total += prices[row] * float64(lack)
		}
		r.act[row] = 0
	}
	clear(r.took)
	for g := range r.givers {
		s := &r.givers[g]
		if r.fixed[g] == no {
			continue
		}
		v := r.bundlesValue(prices, s)
		r.giver[g] = v
		if r.fixed[g] == free {
			if v += float64(s.cost); v >= 0 {
				continue
			}
		}
		total += v
		r.count(s)
	}
	return total
}

func (r *relaxation) bundlesValue(prices []float64, s *span) float64 {
	v := 0.0
	for b := s.lo; b < s.hi; b++ {
		fixed := r.fixed[r.bundleVar(b)]
		if fixed == no {
			continue
		}
		sum := 0.0
		first := r.itemVar(0)
		for i := r.bundles[b].lo; i < r.bundles[b].hi; i++ {
			r.take[i] = false
			if r.fixed[first+i] != free {
				continue
			}
			if c := r.at(prices, i); c < 0 {
				sum += c
				r.take[i] = true
			}
		}
		if fixed == free {
			sum += float64(r.bundles[b].cost)
		}
		if r.within[b] = sum; fixed == yes || sum < 0 {
			v += sum
		}
	}
	return v
}

// count adds up what the open bundles of a giver gain.
func (r *relaxation) count(s *span) {
	for b := s.lo; b < s.hi; b++ {
		if !r.open(b) {
			continue
		}
		for i := r.bundles[b].lo; i < r.bundles[b].hi; i++ {
			if r.took[i] = r.take[i]; r.take[i] {
				r.act[r.items[i].row] += r.gain[i]
				r.act[r.rows] += r.whole[i]
			}
		}
	}
}

// open and asked say what the relaxed choice does.
func (r *relaxation) open(b int) bool {
	fixed := r.fixed[r.bundleVar(b)]
	return fixed == yes || fixed == free && r.within[b] < 0
}

func (r *relaxation) asked(g int) bool {
	return r.fixed[g] == yes || r.fixed[g] == free && r.giver[g]+float64(r.givers[g].cost) < 0
}

// raise improves prices by subgradient steps towards the value of the best
// plan, and returns the best bound; prices are left where it was reached. It
// ends early when the allowance is used up.
func (r *relaxation) raise(prices []float64, goal float64, steps int) float64 {
	r.imply(prices)
	best, at := math.Inf(-1), append([]float64{}, prices...)
	for row, lack := range r.lacks {
		if lack == 0 {
			at[row], prices[row] = 0, 0
		}
	}
	clear(r.mean)
	direction := make([]float64, len(at))
	size, stale, patience := 1.0, 0, max(4, steps/12)
	for step := range steps {
		v := r.value(at)
		r.average(step)
		if v > best+1e-9*math.Abs(best) || math.IsInf(best, -1) {
			best, stale = v, 0
			copy(prices, at)
		} else if stale++; stale > patience {
			stale, size = 0, size/2
			copy(at, prices)
			clear(direction)
			continue
		}
		if best > goal || !r.step(at, direction, size*max(goal-v, 1e-3*math.Abs(goal)+1e-6)) || size < 1e-5 {
			break
		}
		if r.worked >= r.work {
			break
		}
	}
	return best
}

// step moves prices along what the relaxed choice lacks: a row's price in the
// measure of its need, an item's where row and giver disagree about it. False:
// nothing lacks and nothing is in excess.
func (r *relaxation) step(at, direction []float64, length float64) bool {
	norm := 0.0
	turn := func(k int, d float64) {
		if at[k] <= 0 && d < 0 {
			d = 0
		}
		direction[k] = d + 0.4*direction[k]
		norm += direction[k] * direction[k]
	}
	for row, lack := range r.lacks {
		switch {
		case lack == 0:
		case row == r.rows || !r.pack[row].on:
			turn(row, 1-r.act[row]/float64(lack))
		default:
			for _, i := range r.pack[row].items {
				turn(r.rows+1+i, r.disagreement(i))
			}
		}
	}
	if norm < 1e-14 {
		return false
	}
	move := func(k int, measure float64) {
		at[k] = max(0, at[k]+length*direction[k]/norm/measure)
	}
	for row, lack := range r.lacks {
		switch {
		case lack == 0:
		case row == r.rows || !r.pack[row].on:
			move(row, float64(lack))
		default:
			for _, i := range r.pack[row].items {
				move(r.rows+1+i, 1)
			}
		}
	}
	return true
}

// disagreement is 1 if only the row would have the item taken, -1 if only the
// giver would.
func (r *relaxation) disagreement(i int) float64 {
	switch {
	case r.bought[i] && !r.took[i]:
		return 1
	case r.took[i] && !r.bought[i]:
		return -1
	}
	return 0
}

// average keeps the running mean of the relaxed choices, which comes close to
// the fractions of the linear relaxation and says where to branch.
func (r *relaxation) average(step int) {
	weight := max(0.06, 1/float64(step+1))
	blend := func(v int, on bool) {
		r.mean[v] *= 1 - weight
		if on {
			r.mean[v] += weight
		}
	}
	first := r.itemVar(0)
	for g := range r.givers {
		asked := r.asked(g)
		blend(g, asked)
		for b := r.givers[g].lo; b < r.givers[g].hi; b++ {
			open := asked && r.open(b)
			blend(r.bundleVar(b), open)
			for i := r.bundles[b].lo; i < r.bundles[b].hi; i++ {
				blend(first+i, open && r.take[i])
			}
		}
	}
}

// settled lists the variables that can only be as the relaxed choice has them
// if a plan is to cost less than the best one: the other value alone would
// raise the bound to it (reduced cost fixing).
func (r *relaxation) settled(prices []float64, best int64) []decision {
	bound := r.value(prices)
	var out []decision
	// test fixes a variable when forcing it the other way costs too much.
	test := func(v int, on bool, rise float64) {
		if ceil(bound+rise) >= best {
			value := no
			if on {
				value = yes
			}
			out = append(out, decision{v, value})
		}
	}
	for g := range r.givers {
		s := &r.givers[g]
		if r.fixed[g] == no {
			continue
		}
		// worth is what the giver adds to the bound if its bundles are worth v.
		worth := func(v float64) float64 {
			if r.fixed[g] == yes {
				return v
			}
			return min(0, v+float64(s.cost))
		}
		forced := func(v float64) float64 { // the same, with the giver asked in any case
			if r.fixed[g] == yes {
				return v
			}
			return v + float64(s.cost)
		}
		now := worth(r.giver[g])
		if r.fixed[g] == free {
			if all := forced(r.giver[g]); all < 0 {
				test(g, true, -all)
			} else {
				test(g, false, all)
			}
		}
		for b := s.lo; b < s.hi; b++ {
			r.settledBundle(prices, b, now, worth, forced, test)
		}
	}
	return out
}

func (r *relaxation) settledBundle(prices []float64, b int, now float64, worth, forced func(float64) float64, test func(int, bool, float64)) {
	g, v := r.bundles[b].of, r.bundleVar(b)
	if r.fixed[v] == no {
		return
	}
	shown := r.within[b] // what the bundle adds if it is open
	added := shown       // what it adds to the giver
	if r.fixed[v] == free {
		added = min(0, shown)
		if shown < 0 {
			test(v, true, worth(r.giver[g]-added)-now)
		} else {
			test(v, false, forced(r.giver[g]+shown)-now)
		}
	}
	rest := r.giver[g] - added
	for i := r.bundles[b].lo; i < r.bundles[b].hi; i++ {
		if r.fixed[r.itemVar(i)] != free {
			continue
		}
		c := r.at(prices, i)
		if c >= 0 {
			test(r.itemVar(i), false, forced(rest+shown+c)-now)
			continue
		}
		without := shown - c
		if r.fixed[v] == free {
			without = min(0, without)
		}
		if r.asked(g) && r.open(b) {
			test(r.itemVar(i), true, worth(rest+without)-now)
		} else {
			test(r.itemVar(i), false, forced(rest+shown)-now)
		}
	}
}
