package linkage

import (
	"cmp"
	"slices"
)

// The bounds on what a victim or a reference costs: facts under a key of more
// than maxBlock are compared with their neighbours in order of date only.
const (
	maxBlock   = 400
	neighbours = 32
)

// Blocks cuts facts into parts that no blocking key leaves, so that
// [Clusters] of each part, taken together, are the Clusters of all. In the
// facts returned, observables that too many facts share are marked as common:
// a part alone could not tell. Blocks are in order of their first report.
func Blocks(facts []Fact, p Parameters) [][]Fact {
	facts = sorted(facts)
	index := indexOf(facts)
	facts = index.masked(facts, p)
	parent := make([]int, len(facts))
	for i := range parent {
		parent[i] = i
	}
	root := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, key := range index.keys {
		holders := index.holders[key]
		if index.tooFrequent(key, p) {
			continue
		}
		for _, i := range holders[1:] {
			if a, b := root(holders[0]), root(i); a != b {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	at := map[int]int{}
	var out [][]Fact
	for i, f := range facts {
		r := root(i)
		n, known := at[r]
		if !known {
			n = len(out)
			at[r] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], f)
	}
	return out
}

// index says which facts, by their place, hold a key.
type index struct {
	keys    []string // ascending; only those that several facts hold
	holders map[string][]int
}

func indexOf(facts []Fact) index {
	x := index{holders: make(map[string][]int, len(facts))}
	for i, f := range facts {
		for _, k := range Keys(f) {
			x.holders[k] = append(x.holders[k], i)
		}
	}
	for k, holders := range x.holders {
		if len(holders) > 1 {
			x.keys = append(x.keys, k)
		}
	}
	slices.Sort(x.keys)
	return x
}

// tooFrequent reports whether a key is of an observable that is not rare.
func (x index) tooFrequent(key string, p Parameters) bool {
	return key[0] == 'o' && len(x.holders[key]) > p.Rare
}

// masked marks observables as common that too many facts share. Facts are
// copied where they change.
func (x index) masked(facts []Fact, p Parameters) []Fact {
	out := slices.Clone(facts)
	changed := make(map[int]bool)
	for _, key := range x.keys {
		if !x.tooFrequent(key, p) {
			continue
		}
		for _, i := range x.holders[key] {
			if !changed[i] {
				changed[i] = true
				out[i].Observables = slices.Clone(out[i].Observables)
			}
			for n, o := range out[i].Observables {
				if !o.Common && observableKey(o) == key {
					out[i].Observables[n].Common = true
				}
			}
		}
	}
	return out
}

// pairs calls yield once with every pair to be scored, a before b.
func (x index) pairs(facts []Fact, p Parameters, yield func(a, b int)) {
	seen := map[[2]int]bool{}
	for _, key := range x.keys {
		if x.tooFrequent(key, p) {
			continue
		}
		holders, reach := x.holders[key], len(x.holders[key])
		if reach > maxBlock {
			holders, reach = byDate(facts, holders), neighbours
		}
		for i, a := range holders {
			for _, b := range holders[i+1 : min(len(holders), i+1+reach)] {
				pair := [2]int{min(a, b), max(a, b)}
				if key[0] == 'v' && hopeless(facts[a], facts[b]) || seen[pair] {
					continue
				}
				seen[pair] = true
				yield(pair[0], pair[1])
			}
		}
	}
}

// hopeless spares most pairs of a victim's own source: with neither references
// nor observables they cannot be joined.
func hopeless(a, b Fact) bool {
	return a.Source == b.Source && (len(a.Observables) == 0 || len(b.Observables) == 0) && (len(a.References) == 0 || len(b.References) == 0)
}

func byDate(facts []Fact, holders []int) []int {
	holders = slices.Clone(holders)
	slices.SortFunc(holders, func(a, b int) int {
		return cmp.Or(cmp.Compare(firstDay(facts[a]), firstDay(facts[b])), cmp.Compare(facts[a].Report, facts[b].Report))
	})
	return holders
}

func firstDay(f Fact) int32 {
	var first int32
	for i, d := range f.Dates {
		if i == 0 || d.First < first {
			first = d.First
		}
	}
	return first
}
