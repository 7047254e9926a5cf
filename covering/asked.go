package covering

import "math"

// askedSteps bound the search for prices; they take a tenth of a second for
// 200 givers and 40 rows.
const (
	askedSteps    = 12_000
	askedPatience = 60
)

// LeastAsked is a proven lower bound on how many givers any plan asks. Whoever
// is asked may give all that it has, so that only the needs count: for any
// prices of the rows the problem falls apart into one choice for each giver.
// That is as good a bound as the linear relaxation has, which the search of
// [Solve] reaches only slowly where nothing but asking costs anything. Known
// is how many a plan asks that is known; the bound is never more.
func LeastAsked(p Problem, known int64) (int64, error) {
	f, err := flatten(p)
	if err != nil {
		return 0, err
	}
	a := newAsking(f)
	best, at := 0.0, append([]float64{}, a.prices...)
	size, stale := 1.0, 0
	for range askedSteps {
		v := a.value()
		if v > best+1e-9 {
			best, stale = v, 0
			copy(at, a.prices)
		} else if stale++; stale > askedPatience {
			size, stale = size*0.7, 0
			copy(a.prices, at)
			continue
		}
		if ceil(best) >= known || size < 1e-6 || !a.step(size*(float64(known)-v)) {
			break
		}
	}
	return min(known, max(0, ceil(best))), nil
}

// asking is the problem of whom to ask: what each giver has for each row, and
// last for all together, as a share of the need.
type asking struct {
	gains  [][]float64
	prices []float64
	act    []float64
	needed []bool
}

func newAsking(f *flat) *asking {
	width := len(f.needs)
	a := &asking{prices: make([]float64, width), act: make([]float64, width), needed: make([]bool, width)}
	for row, need := range f.needs {
		a.needed[row] = need > 0
	}
	for _, g := range f.givers {
		sums := make([]int64, width)
		for _, b := range f.bundles[g.lo:g.hi] {
			for _, it := range f.items[b.lo:b.hi] {
				sums[it.row] += it.gain
				sums[f.rows] += it.gain
			}
		}
		gains := make([]float64, width)
		for row, sum := range sums {
			if a.needed[row] {
				gains[row] = float64(min(sum, f.needs[row])) / float64(f.needs[row])
			}
		}
		a.gains = append(a.gains, gains)
	}
	return a
}

// value is the bound at the prices, and leaves behind what is gained by those
// who would be asked.
func (a *asking) value() float64 {
	total := 0.0
	for row, price := range a.prices {
		total += price
		a.act[row] = 0
	}
	for _, gains := range a.gains {
		rest := 1.0
		for row, gain := range gains {
			rest -= a.prices[row] * gain
		}
		if rest >= 0 {
			continue
		}
		total += rest
		for row, gain := range gains {
			a.act[row] += gain
		}
	}
	return total
}

// step moves the prices of what lacks up and of what is in excess down. False:
// there is neither.
func (a *asking) step(length float64) bool {
	norm := 0.0
	for row, needed := range a.needed {
		if d := 1 - a.act[row]; needed && (d > 0 || a.prices[row] > 0) {
			norm += d * d
		}
	}
	if norm < 1e-14 {
		return false
	}
	for row, needed := range a.needed {
		if needed {
			a.prices[row] = math.Max(0, a.prices[row]+length*(1-a.act[row])/norm)
		}
	}
	return true
}
