package covering

import (
	"cmp"
	"math"
	"slices"
)

// mender makes plans of choices that lack something or take too much.
type mender struct {
	*flat
	lacks  []int64
	take   []bool
	opened []int // items taken of each bundle
	asked  []int // bundles opened of each giver
}

func newMender(f *flat) *mender {
	return &mender{flat: f, lacks: make([]int64, f.rows+1), take: make([]bool, len(f.items)),
		opened: make([]int, len(f.bundles)), asked: make([]int, len(f.givers))}
}

// repair makes a plan of a choice: it takes what gives most for its cost until
// every need is covered, then drops what is not needed, dearest first. Items
// that are fixed as not taken are left alone. Prices say how much each row's
// gain is worth. False: there is no plan without those items.
func (m *mender) repair(choice []bool, fixed []int8, prices []float64) ([]bool, bool) {
	m.start(choice)
	worth := m.worths(prices)
	allowed := func(i int) bool {
		return !m.take[i] && (fixed == nil || fixed[m.itemVar(i)] != no)
	}
	for m.lacking() {
		g, b, i := m.bestMove(worth, allowed)
		if i < 0 {
			return nil, false
		}
		m.move(g, b, i, worth, allowed)
	}
	m.prune()
	return slices.Clone(m.take), true
}

func (m *mender) start(choice []bool) {
	copy(m.lacks, m.needs)
	clear(m.opened)
	clear(m.asked)
	clear(m.take)
	for i, on := range choice {
		if on {
			m.put(i, true)
		}
	}
}

// put takes an item or gives it back.
func (m *mender) put(i int, on bool) {
	it := m.items[i]
	m.take[i] = on
	sign := int64(1)
	if !on {
		sign = -1
	}
	m.lacks[it.row] -= sign * it.gain
	m.lacks[m.rows] -= sign * it.gain
	if on {
		if m.opened[it.bundle]++; m.opened[it.bundle] == 1 {
			m.asked[it.giver]++
		}
	} else if m.opened[it.bundle]--; m.opened[it.bundle] == 0 {
		m.asked[it.giver]--
	}
}

func (m *mender) lacking() bool {
	return slices.ContainsFunc(m.lacks, func(n int64) bool { return n > 0 })
}

func (f *flat) covers(take []bool) bool {
	lacks := slices.Clone(f.needs)
	for i, on := range take {
		if on {
			lacks[f.items[i].row] -= f.items[i].gain
			lacks[f.rows] -= f.items[i].gain
		}
	}
	return !slices.ContainsFunc(lacks, func(n int64) bool { return n > 0 })
}

// worths gives each row a price, also those that have none: a share of what
// is needed counts as the mean priced share does.
func (m *mender) worths(prices []float64) []float64 {
	out := make([]float64, m.rows+1)
	mean, priced := 0.0, 0
	for row, need := range m.needs {
		if need > 0 && prices[row] > 0 {
			mean += prices[row] * float64(need)
			priced++
		}
	}
	mean = max(mean/max(1, float64(priced)), 1e-9)
	for row, need := range m.needs {
		if need > 0 {
			out[row] = max(prices[row], 0.05*mean/float64(need))
		}
	}
	return out
}

// value is what an item is worth now: what of its gain is still lacking.
func (m *mender) value(i int, worth []float64) float64 {
	it := &m.items[i]
	v := 0.0
	if lack := m.lacks[it.row]; lack > 0 {
		v += worth[it.row] * float64(min(it.gain, lack))
	}
	if lack := m.lacks[m.rows]; lack > 0 {
		v += worth[m.rows] * float64(min(it.gain, lack))
	}
	return v
}

// bestMove finds the best ratio of worth to cost among three kinds of move:
// an item of an open bundle, a bundle with those of its items that pay, a
// giver with those of its bundles that pay. It names the giver or bundle to
// open, if any, and an item of the move; -1 if nothing helps.
func (m *mender) bestMove(worth []float64, allowed func(int) bool) (giver, bundle, item int) {
	m.worked += int64(len(m.items))
	giver, bundle, item = -1, -1, -1
	best := 0.0
	better := func(value, cost float64) bool {
		ratio := math.Inf(1)
		if cost > 0 {
			ratio = value / cost
		}
		if value <= 0 || ratio <= best {
			return false
		}
		best = ratio
		return true
	}
	for g := range m.givers {
		all, cost, some := 0.0, float64(m.givers[g].cost), -1
		for b := m.givers[g].lo; b < m.givers[g].hi; b++ {
			sum, spent, one := 0.0, 0.0, -1
			for i := m.bundles[b].lo; i < m.bundles[b].hi; i++ {
				if !allowed(i) {
					continue
				}
				v := m.value(i, worth)
				if v <= 0 {
					continue
				}
				one = i
				sum, spent = sum+v, spent+float64(m.items[i].cost)
				if m.opened[b] > 0 && better(v, float64(m.items[i].cost)) {
					giver, bundle, item = -1, -1, i
				}
			}
			if one < 0 || m.opened[b] > 0 {
				continue
			}
			spent += float64(m.bundles[b].cost)
			if m.asked[g] > 0 {
				if better(sum, spent) {
					giver, bundle, item = -1, b, one
				}
				continue
			}
			all, cost, some = all+sum, cost+spent, one
			if better(sum, spent+float64(m.givers[g].cost)) {
				giver, bundle, item = -1, b, one
			}
		}
		if some >= 0 && better(all, cost) {
			giver, bundle, item = g, -1, some
		}
	}
	return giver, bundle, item
}

// move takes the items of a move, most worth for its cost first, as long as
// they are still worth something.
func (m *mender) move(giver, bundle, one int, worth []float64, allowed func(int) bool) {
	lo, hi := one, one+1
	switch {
	case giver >= 0:
		lo, hi = m.bundles[m.givers[giver].lo].lo, m.bundles[m.givers[giver].hi-1].hi
	case bundle >= 0:
		lo, hi = m.bundles[bundle].lo, m.bundles[bundle].hi
	}
	var items []int
	for i := lo; i < hi; i++ {
		if allowed(i) && m.value(i, worth) > 0 {
			items = append(items, i)
		}
	}
	slices.SortStableFunc(items, func(a, b int) int {
		x, y := m.value(a, worth)*float64(m.items[b].cost+1), m.value(b, worth)*float64(m.items[a].cost+1)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	for _, i := range items {
		if m.value(i, worth) > 0 {
			m.put(i, true)
		}
	}
}

// prune gives back what the needs can do without: whole givers first, then
// bundles, then items, each dearest first.
func (m *mender) prune() {
	m.drop(len(m.givers), func(g int) (int64, []int) {
		s := m.givers[g]
		if m.asked[g] == 0 {
			return 0, nil
		}
		return m.taken(m.bundles[s.lo].lo, m.bundles[s.hi-1].hi, s.cost)
	})
	m.drop(len(m.bundles), func(b int) (int64, []int) {
		s := m.bundles[b]
		return m.taken(s.lo, s.hi, s.cost)
	})
	m.drop(len(m.items), func(i int) (int64, []int) { return m.taken(i, i+1, 0) })
}

// taken lists the items taken in a range, and what they and the range cost.
func (m *mender) taken(lo, hi int, cost int64) (int64, []int) {
	var items []int
	for i := lo; i < hi; i++ {
		if m.take[i] {
			items = append(items, i)
			cost += m.items[i].cost
		}
	}
	return cost, items
}

// drop goes through n groups, dearest first, and gives those back of which
// everything is in excess.
func (m *mender) drop(n int, group func(int) (int64, []int)) {
	type part struct {
		cost  int64
		items []int
	}
	var parts []part
	for k := range n {
		if cost, items := group(k); len(items) > 0 {
			parts = append(parts, part{cost, items})
		}
	}
	m.worked += int64(len(m.items))
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.cost, a.cost) })
	for _, p := range parts {
		for _, i := range p.items {
			m.put(i, false)
		}
		excess := true
		for _, i := range p.items {
			excess = excess && m.lacks[m.items[i].row] <= 0
		}
		if !excess || m.lacks[m.rows] > 0 {
			for _, i := range p.items {
				m.put(i, true)
			}
		}
	}
}
