package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/concord-trust/concord/covering"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// Aim is what a counter-offer makes least.
type Aim string

// The aims, of which each gives one offer.
const (
	// Cheapest costs least.
	Cheapest Aim = "cheapest"
	// Fewest asks as few contributors as can be; of such sets it is cheap.
	Fewest Aim = "fewest"
	// Spread has each stake concede in proportion to what it blocks of each
	// field, at the least cost.
	Spread Aim = "spread"
)

// Offer is a set of concessions that reaches the coverage wanted.
type Offer struct {
	Aim         Aim          `json:"aim"`
	Concessions []Concession `json:"concessions"`
	Cost        int64        `json:"cost"`
	// Asked is how many contributors would concede something.
	Asked    int     `json:"asked"`
	Coverage float64 `json:"coverage"`
	// Optimal: it is proven that no set serves the aim better. Otherwise Gap
	// is the share by which another could at most be better.
	Optimal bool    `json:"optimal"`
	Gap     float64 `json:"gap,omitzero"`
}

// Concession makes one cell flow: the contributor grants the form needed.
type Concession struct {
	Contributor string        `json:"contributor"`
	Stake       member.Stake  `json:"stake"`
	Path        string        `json:"path"`
	From        string        `json:"from"`
	To          standard.Form `json:"to"`
	// DelayDays: it may hold each report back for so long and still be in time.
	DelayDays int `json:"delay_days"`
}

// work is the allowance of package covering for one offer; three offers for
// 200 contributors and 40 fields take some seconds.
const work = 300_000_000

// offers finds one offer for each aim, side by side, and keeps those that
// differ.
func (t *table) offers(w *Weights) ([]Offer, error) {
	finders := []func(*Weights) (Offer, error){t.cheapest, t.fewest, t.spread}
	found, errs := make([]Offer, len(finders)), make([]error, len(finders))
	var all sync.WaitGroup
	for i, find := range finders {
		all.Go(func() { found[i], errs[i] = find(w) })
	}
	all.Wait()
	var out []Offer
	for i, o := range found {
		switch {
		case errors.Is(errs[i], errNoSuchOffer):
			continue
		case errors.Is(errs[i], covering.ErrMalformed):
			return nil, fault.New(fault.Invalid, "reconcile.too_large", "weights or costs are too large to be added up exactly; write them in a coarser unit")
		case errs[i] != nil:
			return nil, errs[i]
		}
		// A cheaper set found for another aim is the cheapest known.
		if len(out) > 0 && o.Cost < out[0].Cost {
			least := float64(out[0].Cost) * (1 - out[0].Gap)
			out[0] = o
			out[0].Aim, out[0].Optimal, out[0].Gap = Cheapest, false, 1-least/float64(o.Cost)
		}
		if !slices.ContainsFunc(out, func(p Offer) bool { return slices.Equal(p.Concessions, o.Concessions) }) {
			out = append(out, o)
		}
	}
	return out, nil
}

var errNoSuchOffer = errors.New("no offer of this kind")

// problem is the search for concessions, with the cells behind its items.
type problem struct {
	covering.Problem
	cells map[covering.Place][2]int // row and field
	delay Delay
}

// problem lays out the cells that a concession can open, of those rows that
// may be asked. A bundle is a clause: fields of one form stand in one.
func (t *table) problem(w *Weights, may func(*row) bool) problem {
	p := problem{cells: map[covering.Place][2]int{}, delay: w.delay(t.age(t.by()))}
	p.Work = work
	needs, together := t.needs()
	order := t.fieldOrder()
	p.All = together
	for _, k := range order {
		p.Needs = append(p.Needs, needs[k])
	}
	for i := range t.rows {
		r := &t.rows[i]
		if r.weight == 0 || !may(r) {
			continue
		}
		factor := w.factor(r.Name)
		g := covering.Giver{Ask: factor * w.Ask}
		bundleOf := map[standard.Form]int{}
		for line, k := range order {
			if !r.open(k) {
				continue
			}
			form := t.req.Fields[k].Form
			b, ok := bundleOf[form]
			if !ok {
				b = len(g.Bundles)
				bundleOf[form] = b
				g.Bundles = append(g.Bundles, covering.Bundle{Cost: factor * w.Clause})
			}
			c := &r.cells[k]
			step := factor * w.step(r.std, c.field, t.inTime(c), form, p.delay)
			p.cells[covering.Place{Giver: len(p.Givers), Bundle: b, Item: len(g.Bundles[b].Items)}] = [2]int{i, k}
			g.Bundles[b].Items = append(g.Bundles[b].Items, covering.Item{Row: line, Cost: step, Gain: r.weight})
		}
		if len(g.Bundles) > 0 {
			p.Givers = append(p.Givers, g)
		}
	}
	return p
}

// fieldOrder walks the fields by path, so that the order in the request does
// not matter.
func (t *table) fieldOrder() []int {
	order := make([]int, len(t.req.Fields))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(t.req.Fields[a].Path, t.req.Fields[b].Path) })
	return order
}

func everybody(*row) bool { return true }

func (t *table) cheapest(w *Weights) (Offer, error) {
	p := t.problem(w, everybody)
	plan, err := covering.Solve(p.Problem)
	if err != nil {
		return Offer{}, fmt.Errorf("searching for the cheapest offer: %w", err)
	}
	o := t.offer(Cheapest, p.concessions(t, plan))
	o.Cost, o.Optimal, o.Gap = plan.Cost, plan.Optimal(), plan.Gap()
	return o, nil
}

// fewest makes asking so dear that nothing else weighs against it. Where this
// does not prove that fewer do not suffice, it counts alone, and then looks for
// what is cheapest to ask of those it has found.
func (t *table) fewest(w *Weights) (Offer, error) {
	p := t.problem(w, everybody)
	p.Work = work / 2
	all := int64(1) // more than everything else together can cost
	p.charges(func(c *int64) { all += *c })
	for i := range p.Givers {
		p.Givers[i].Ask += all
	}
	plan, err := covering.Solve(p.Problem)
	if err != nil {
		return Offer{}, fmt.Errorf("searching for the offer that asks the fewest: %w", err)
	}
	o := t.offer(Fewest, p.concessions(t, plan))
	o.Cost = plan.Cost - int64(o.Asked)*all
	// What it costs besides is less than all, so the bound on the cost is one
	// on the number asked.
	least := plan.Bound / all
	// Where asking is all that counts, there is mostly a better one.
	fewest, err := covering.LeastAsked(p.Problem, int64(o.Asked))
	if err != nil {
		return Offer{}, fmt.Errorf("bounding whom to ask: %w", err)
	}
	least = max(least, fewest)
	if least < int64(o.Asked) {
		count := t.problem(w, everybody)
		count.Work = work / 4
		count.charges(func(c *int64) { *c = 0 })
		for i := range count.Givers {
			count.Givers[i].Ask = 1
		}
		fewer, err := covering.Solve(count.Problem)
		if err != nil {
			return Offer{}, fmt.Errorf("counting whom to ask: %w", err)
		}
		least = max(least, fewer.Bound)
		if fewer.Cost < int64(o.Asked) {
			if o, err = t.cheapestOf(w, asked(Offer{Concessions: count.concessions(t, fewer)})); err != nil {
				return Offer{}, err
			}
		}
	}
	o.Optimal, o.Gap = true, 0
	if missing := int64(o.Asked) - least; missing > 0 {
		o.Optimal, o.Gap = false, float64(missing)/float64(o.Asked)
	}
	return o, nil
}

// cheapestOf is the cheapest offer that asks nobody but those named.
func (t *table) cheapestOf(w *Weights, names []string) (Offer, error) {
	p := t.problem(w, func(r *row) bool { return slices.Contains(names, r.Name) })
	p.Work = work / 8
	plan, err := covering.Solve(p.Problem)
	if err != nil {
		return Offer{}, fmt.Errorf("searching among the fewest: %w", err)
	}
	o := t.offer(Fewest, p.concessions(t, plan))
	o.Cost = plan.Cost
	return o, nil
}

// charges visits all costs of a problem.
func (p problem) charges(visit func(*int64)) {
	for i := range p.Givers {
		g := &p.Givers[i]
		visit(&g.Ask)
		for b := range g.Bundles {
			visit(&g.Bundles[b].Cost)
			for k := range g.Bundles[b].Items {
				visit(&g.Bundles[b].Items[k].Cost)
			}
		}
	}
}

// spread splits each need among the stakes in proportion to the weight that
// each could concede, rounded up, and solves each stake's part by itself.
func (t *table) spread(w *Weights) (Offer, error) {
	needs, together := t.needs()
	could, couldTogether := t.could(everybody)
	var all []Concession
	cost, bound := int64(0), int64(0)
	blocking := 0
	for _, stake := range member.Stakes() {
		of := func(r *row) bool { return r.Stake == stake }
		mine, mineTogether := t.could(of)
		if mineTogether == 0 {
			continue
		}
		blocking++
		p := t.problem(w, of)
		for line, k := range t.fieldOrder() {
			p.Needs[line] = portion(needs[k], mine[k], could[k])
		}
		p.All = portion(together, mineTogether, couldTogether)
		p.Work = work / 2
		plan, err := covering.Solve(p.Problem)
		if err != nil {
			return Offer{}, fmt.Errorf("searching for an offer spread over the stakes: %w", err)
		}
		all = append(all, p.concessions(t, plan)...)
		cost, bound = cost+plan.Cost, bound+plan.Bound
	}
	if blocking < 2 {
		return Offer{}, errNoSuchOffer
	}
	o := t.offer(Spread, all)
	total := covering.Plan{Cost: cost, Bound: bound}
	o.Cost, o.Optimal, o.Gap = cost, total.Optimal(), total.Gap()
	return o, nil
}

// could is the weight of each field, and of all, that some could concede.
func (t *table) could(may func(*row) bool) (fields []int64, all int64) {
	fields = make([]int64, len(t.req.Fields))
	for i := range t.rows {
		r := &t.rows[i]
		for k := range fields {
			if may(r) && r.open(k) {
				fields[k] += r.weight
				all += r.weight
			}
		}
	}
	return fields, all
}

func portion(need, part, all int64) int64 {
	if all == 0 {
		return 0
	}
	return (need*part + all - 1) / all
}

// concessions says what a plan has taken.
func (p problem) concessions(t *table, plan covering.Plan) []Concession {
	var out []Concession
	for _, at := range plan.Take {
		cell := p.cells[at]
		r := &t.rows[cell[0]]
		out = append(out, Concession{
			Contributor: r.Name, Stake: r.Stake, Path: t.req.Fields[cell[1]].Path,
			From: r.cells[cell[1]].shown(), To: t.req.Fields[cell[1]].Form, DelayDays: p.delay.Days,
		})
	}
	return out
}

// offer makes an offer of concessions, by contributor and path.
func (t *table) offer(aim Aim, concessions []Concession) Offer {
	o := Offer{Aim: aim, Concessions: concessions}
	slices.SortFunc(o.Concessions, func(a, b Concession) int {
		return cmp.Or(cmp.Compare(a.Contributor, b.Contributor), cmp.Compare(a.Path, b.Path))
	})
	flowing, all := t.together()
	weights := map[string]int64{}
	for i := range t.rows {
		weights[t.rows[i].Name] = t.rows[i].weight
	}
	for i, c := range o.Concessions {
		flowing += weights[c.Contributor]
		if i == 0 || o.Concessions[i-1].Contributor != c.Contributor {
			o.Asked++
		}
	}
	o.Coverage = share(flowing, all)
	return o
}
