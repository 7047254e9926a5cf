package covering

import "math"

// Where few givers with gains of different sizes would cover a row, prices
// per row are a weak bound: they let a large giver be taken in part. Such a
// row is bounded by a knapsack instead. Each of its items gets a price of its
// own, at which its giver sells and the row buys; the row buys the cheapest
// set that covers what it lacks, found by dynamic programming (Lagrangian
// decomposition, Guignard and Kim 1987). From the prices that a row's price
// implies the bound never falls.
const (
	// fewGivers is how many times the largest gain a row may lack and still
	// be bounded by a knapsack.
	fewGivers = 20
	// knapsackSize is the most units in which a need is measured. What is
	// coarser is rounded in favour of the buyer, which keeps the bound one.
	knapsackSize = 800
)

type knapsack struct {
	items []int // the free items of the row
	units []int // their gains
	need  int   // in units
	on    bool  // bounded by a knapsack
	cost  []float64
	kept  []bool // by item and units still lacking
}

// packs says which rows are bounded by knapsacks in this node.
func (r *relaxation) packs() {
	for row := range r.pack {
		r.pack[row].items = r.pack[row].items[:0]
		r.pack[row].on = false
	}
	for i, it := range r.items {
		if r.fixed[r.itemVar(i)] == free && r.lacks[it.row] > 0 {
			r.pack[it.row].items = append(r.pack[it.row].items, i)
		}
	}
	r.packed = false
	for row := range r.pack {
		k := &r.pack[row]
		if r.plain || len(k.items) < 2 {
			continue
		}
		least, most := math.Inf(1), 0.0
		for _, i := range k.items {
			least, most = min(least, r.gain[i]), max(most, r.gain[i])
		}
		if lack := r.lacks[row]; least < most && float64(lack) < fewGivers*most {
			k.measure(r, lack)
			r.packed = true
		}
	}
}

// measure counts gains up and the need in whole units: what covers the need
// covers it in units as well.
func (k *knapsack) measure(r *relaxation, lack int64) {
	unit := int64(0)
	for _, i := range k.items {
		unit = commonDivisor(unit, int64(r.gain[i]))
	}
	unit = max(commonDivisor(unit, lack), (lack+knapsackSize-1)/knapsackSize)
	up := func(n int64) int { return int((n + unit - 1) / unit) }
	k.on, k.need, k.units = true, up(lack), k.units[:0]
	for _, i := range k.items {
		k.units = append(k.units, up(int64(r.gain[i])))
	}
	if size := k.need + 1; cap(k.cost) < size {
		k.cost = make([]float64, size)
	}
	if size := len(k.items) * (k.need + 1); cap(k.kept) < size {
		k.kept = make([]bool, size)
	}
}

// buy finds the cheapest cover at the items' prices, and marks what it buys.
func (k *knapsack) buy(prices []float64, bought []bool) float64 {
	cost, wide := k.cost[:k.need+1], k.need+1
	for j := 1; j <= k.need; j++ {
		cost[j] = math.Inf(1)
	}
	cost[0] = 0
	kept := k.kept[:len(k.items)*wide]
	clear(kept)
	within := 0 // what the items so far can cover
	for n, i := range k.items {
		bought[i] = false
		p, g, row := prices[i], k.units[n], kept[n*wide:(n+1)*wide]
		top := min(k.need, within+g)
		within = top
		j := top
		for ; j > g; j-- {
			if with := cost[j-g] + p; with < cost[j] {
				cost[j], row[j] = with, true
			}
		}
		for ; j > 0; j-- { // here the item alone is enough
			if p < cost[j] {
				cost[j], row[j] = p, true
			}
		}
	}
	for n, j := len(k.items)-1, k.need; n >= 0 && j > 0; n-- {
		if kept[n*wide+j] {
			bought[k.items[n]] = true
			j = max(0, j-k.units[n])
		}
	}
	return cost[k.need]
}

// buyAll lets each knapsack row buy.
func (r *relaxation) buyAll(prices []float64) float64 {
	total := 0.0
	for row := range r.pack {
		if k := &r.pack[row]; k.on {
			r.worked += int64(len(k.items)*k.need) / 6
			total += k.buy(prices[r.rows+1:], r.bought)
		}
	}
	return total
}

// imply gives the items of knapsack rows the prices that their row's price
// implies, where they have none yet.
func (r *relaxation) imply(prices []float64) {
	items := prices[r.rows+1:]
	for row := range r.pack {
		k := &r.pack[row]
		priced := !k.on
		for _, i := range k.items {
			priced = priced || items[i] > 0
		}
		if priced {
			continue
		}
		for _, i := range k.items {
			items[i] = prices[row] * r.gain[i]
		}
	}
}
