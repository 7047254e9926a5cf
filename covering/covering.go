// Package covering finds the cheapest way to cover needs from givers who cost
// something to ask at all: a covering problem with fixed charges.
//
//	minimise   Σ ask·(giver asked) + Σ cost·(bundle opened) + Σ cost·(item taken)
//	subject to Σ gain·(item taken) ≥ need                   for each row
//	           Σ gain·(item taken) ≥ need of all rows together
//	           an item is taken only of an open bundle, a bundle only of an asked giver
//
// All numbers are whole, so that costs compare exactly. The method is branch
// and bound, best bound first. A bound comes from Lagrangian relaxation of the
// needs (Geoffrion 1974; Fisher 1981): for any prices per row the problem
// falls apart into one small problem for each giver, and what it costs is a
// lower bound on every plan. Prices are found by subgradient steps; a step
// that goes wrong makes the bound worse and never wrong. In each node a gain
// counts at most what its row still lacks, and needs are rounded up to the
// greatest common divisor of the gains, which keeps the bound tight where few
// large givers matter. Prices also fix what can no longer improve on the best
// plan, and say in which order a greedy repair takes items.
//
// The work is counted and not timed: the same problem always gives the same
// plan. When the allowance is used up, the plan comes with the bound reached.
package covering

import (
	"errors"
	"math"
)

// Problem is what is to be covered, and by whom.
type Problem struct {
	// Needs of the rows; 0 and less is none.
	Needs []int64
	// All is the need of all rows together, every item counting; 0 is none.
	All int64
	// Givers may be asked.
	Givers []Giver
	// Work is the allowance, in items looked at; 0 is [DefaultWork].
	Work int64
}

// Giver can be asked for bundles of items.
type Giver struct {
	Ask     int64
	Bundles []Bundle
}

// Bundle is opened as a whole before items of it can be taken.
type Bundle struct {
	Cost  int64
	Items []Item
}

// Item covers Gain of a row.
type Item struct {
	Row        int
	Cost, Gain int64
}

// Place names an item of a problem.
type Place struct{ Giver, Bundle, Item int }

// Plan is a set of items that covers all needs.
type Plan struct {
	Take []Place
	Cost int64
	// Bound is a proven lower bound on the cost of every plan. If it equals
	// Cost, no plan is cheaper.
	Bound int64
	// Nodes is how many nodes of the search were bounded.
	Nodes int
}

// Optimal reports whether no cheaper plan exists.
func (p Plan) Optimal() bool { return p.Bound >= p.Cost }

// Gap is the share of the cost by which a plan could at most be cheaper.
func (p Plan) Gap() float64 {
	if p.Optimal() {
		return 0
	}
	return float64(p.Cost-p.Bound) / float64(p.Cost)
}

// DefaultWork is enough for a proof on most problems of 200 givers and 40
// rows, and is used up within seconds.
const DefaultWork = 150_000_000

// ErrImpossible says that all items together do not cover the needs.
var ErrImpossible = errors.New("covering: the items do not suffice")

// ErrMalformed says that a number is negative or too large, or a row does not
// exist.
var ErrMalformed = errors.New("covering: malformed problem")

// limit keeps sums of numbers exact in floating point.
const limit = 1 << 46

// Solve finds a cheapest plan, or the best one within the allowance. It takes
// O(items) memory and, for each node, O(items × steps) time.
func Solve(p Problem) (Plan, error) {
	s, err := newSolver(p)
	if err != nil {
		return Plan{}, err
	}
	return s.solve()
}

// flat is a problem laid out in arrays: the items of a bundle stand together,
// and so do the bundles of a giver. Variables are numbered givers first, then
// bundles, then items.
type flat struct {
	rows     int
	needs    []int64 // by row, and last that of all rows
	givers   []span
	bundles  []span
	items    []item
	work     int64
	worked   int64
	variable int
}

type span struct {
	cost   int64
	of     int // the giver of a bundle
	lo, hi int
	place  Place
}

type item struct {
	row    int
	cost   int64
	gain   int64
	bundle int
	giver  int
	place  Place
}

func flatten(p Problem) (*flat, error) {
	f := &flat{rows: len(p.Needs), work: p.Work}
	if f.work <= 0 {
		f.work = DefaultWork
	}
	for _, n := range append(append([]int64{}, p.Needs...), p.All) {
		f.needs = append(f.needs, max(n, 0))
	}
	sum := int64(0)
	within := func(n int64) bool {
		sum += max(n, 0)
		return n >= 0 && n <= limit && sum <= limit
	}
	for g, giver := range p.Givers {
		asked := span{cost: giver.Ask, lo: len(f.bundles)}
		if !within(giver.Ask) {
			return nil, ErrMalformed
		}
		for b, bundle := range giver.Bundles {
			opened := span{cost: bundle.Cost, of: g, lo: len(f.items), place: Place{g, b, 0}}
			if !within(bundle.Cost) {
				return nil, ErrMalformed
			}
			for i, it := range bundle.Items {
				if it.Row < 0 || it.Row >= f.rows || !within(it.Cost) || !within(it.Gain) {
					return nil, ErrMalformed
				}
				if it.Gain > 0 {
					f.items = append(f.items, item{it.Row, it.Cost, it.Gain, len(f.bundles), g, Place{g, b, i}})
				}
			}
			opened.hi = len(f.items)
			f.bundles = append(f.bundles, opened)
		}
		asked.hi = len(f.bundles)
		f.givers = append(f.givers, asked)
	}
	f.variable = len(f.givers) + len(f.bundles) + len(f.items)
	return f, nil
}

// Numbers of variables.
func (f *flat) bundleVar(b int) int { return len(f.givers) + b }
func (f *flat) itemVar(i int) int   { return len(f.givers) + len(f.bundles) + i }

// costOf prices a set of items, with what must be opened and asked for it.
func (f *flat) costOf(take []bool) int64 {
	total := int64(0)
	for _, g := range f.givers {
		asked := false
		for _, b := range f.bundles[g.lo:g.hi] {
			opened := false
			for i := b.lo; i < b.hi; i++ {
				if take[i] {
					total += f.items[i].cost
					opened = true
				}
			}
			if opened {
				total += b.cost
				asked = true
			}
		}
		if asked {
			total += g.cost
		}
	}
	return total
}

// ceil rounds a bound up, forgiving what floating point adds.
func ceil(bound float64) int64 { return int64(math.Ceil(bound - 1e-6 - 1e-11*math.Abs(bound))) }
