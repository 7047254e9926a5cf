package reconcile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/terms"
)

// oracle finds the least cost of making enough flow, by trying for every
// contributor every set of fields, and remembering the cheapest way to each
// amount covered. It prices with the table above.
func oracle(t testing.TB, trust Trust, req *Request) (cost int64, possible bool) {
	type covered [6]int64 // by field, and last together; capped at the need
	std, err := builtin("finance")
	if err != nil {
		t.Fatal(err)
	}
	var now, all covered
	type open struct {
		c    Contributor
		w    int64
		from map[int]int64 // field → points of what is granted below the form
	}
	var givers []open
	last := len(all) - 1
	for _, c := range trust.Contributors {
		o := open{c, *c.Weight, map[int]int64{}}
		var table terms.Table
		if c.Sheet != nil {
			rules, err := terms.Compile(c.Sheet, std)
			if err != nil {
				t.Fatal(err)
			}
			table = rules.For(req.Asks.member(), "finance", req.Purpose)
		}
		for k, n := range req.Fields {
			all[k] += o.w
			all[last] += o.w
			below, flows := int64(0), false
			f, _ := std.Field(n.Path)
			for _, g := range table.Grants(n.Path) {
				flows = flows || std.Weaker(f, n.Form, g.Form)
				if std.Weaker(f, g.Form, n.Form) {
					below = max(below, points[n.Path][g.Form.String()])
				}
			}
			if flows {
				now[k] += o.w
				now[last] += o.w
			} else if !slices.Contains(c.Never, n.Path) {
				o.from[k] = below
			}
		}
		givers = append(givers, o)
	}
	var need covered
	for k, n := range req.Fields {
		if n.Coverage != nil {
			need[k] = max(0, (int64(*n.Coverage)*all[k]+9999)/10000-now[k])
		}
	}
	if req.Coverage != nil {
		need[last] = max(0, (int64(*req.Coverage)*all[last]+9999)/10000-now[last])
	}
	best := map[covered]int64{{}: 0}
	for _, g := range givers {
		next := map[covered]int64{}
		for set := range 1 << len(req.Fields) {
			var gain covered
			price, forms, ok := int64(0), map[string]bool{}, true
			for k, n := range req.Fields {
				if set>>k&1 == 0 {
					continue
				}
				from, open := g.from[k]
				ok = ok && open
				price += points[n.Path][n.Form.String()] - from
				forms[n.Form.String()] = true
				gain[k] = g.w
				gain[last] += g.w
			}
			if !ok {
				continue
			}
			if set > 0 {
				price += 10 + 5*int64(len(forms))
			}
			for at, spent := range best {
				for k := range at {
					at[k] = min(need[k], at[k]+gain[k])
				}
				if old, ok := next[at]; !ok || spent+price < old {
					next[at] = spent + price
				}
			}
		}
		best = next
	}
	cost, possible = best[need]
	return cost, possible
}

func TestTheCheapestOfferCostsWhatTrialOfAllSetsFinds(t *testing.T) {
	at := on(t, "2026-11-01")
	w := weights(t)
	impossible, free := 0, 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		trust, req := draw(r, 1+r.IntN(12), 1+r.IntN(4), []int64{1, 1, 3}[r.IntN(3)])
		want, possible := oracle(t, trust, req)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		switch {
		case !possible:
			impossible++
			if len(o.OutOfReach) == 0 && len(o.Offers) > 0 {
				t.Fatalf("seed %d: an offer for what nobody can concede: %+v", seed, o.Offers)
			}
		case o.Reached:
			free++
			if want != 0 || len(o.Offers) > 0 {
				t.Fatalf("seed %d: said to be reached, and costs %d", seed, want)
			}
		case len(o.Offers) == 0 || o.Offers[0].Cost != want || !o.Offers[0].Optimal:
			t.Fatalf("seed %d: offers %+v, and the cheapest costs %d", seed, o.Offers, want)
		}
	}
	if impossible > 500 || free > 500 {
		t.Errorf("%d impossible and %d free of 1000: too few are told apart", impossible, free)
	}
}

func TestAcceptedOffersReachTheTargetThroughTheEvaluator(t *testing.T) {
	at := on(t, "2026-11-01")
	w := weights(t)
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 8))
		trust, req := draw(r, 1+r.IntN(12), 1+r.IntN(5), 5)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		for _, offer := range o.Offers {
			accepted++
			next := accept(t, o, offer, trust)
			after, err := Reconcile(next, req, w, at, builtin)
			if err != nil {
				rt.Fatal(err)
			}
			if !after.Reached || after.CoverageNow != offer.Coverage {
				rt.Fatalf("%s: %v flows then, and the offer says %v", offer.Aim, after.CoverageNow, offer.Coverage)
			}
			for k := range o.Fields {
				if after.Fields[k].CoverageNow < o.Fields[k].CoverageNow {
					rt.Fatalf("%s: concessions lowered the coverage of %s", offer.Aim, o.Fields[k].Path)
				}
			}
		}
	})
	if accepted == 0 {
		t.Error("no offer was accepted")
	}
}

func TestEachConcessionByItselfNeverLowersCoverage(t *testing.T) {
	at, w := on(t, "2026-11-01"), weights(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 9))
		trust, req := draw(r, 8, 4, 3)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		for _, offer := range o.Offers {
			one := Offer{Concessions: []Concession{offer.Concessions[r.IntN(len(offer.Concessions))]}}
			after, err := Reconcile(accept(t, o, one, trust), req, w, at, builtin)
			if err != nil {
				rt.Fatal(err)
			}
			if after.CoverageNow < o.CoverageNow {
				rt.Fatalf("%v lowers the coverage from %v to %v", one.Concessions, o.CoverageNow, after.CoverageNow)
			}
		}
	})
}

func TestAHigherTargetNeverCostsLess(t *testing.T) {
	at, w := on(t, "2026-11-01"), weights(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 10))
		trust, req := draw(r, 10, 3, 4)
		cost := func(req *Request) (int64, bool) {
			o, err := Reconcile(trust, req, w, at, builtin)
			if err != nil {
				rt.Fatal(err)
			}
			if len(o.Offers) == 0 {
				return 0, o.Reached
			}
			return o.Offers[0].Cost, true
		}
		lower := *req
		lower.Fields = slices.Clone(req.Fields)
		for k, n := range lower.Fields {
			if n.Coverage != nil {
				s := Share(r.Int64N(int64(*n.Coverage) + 1))
				lower.Fields[k].Coverage = &s
			}
		}
		high, possible := cost(req)
		low, still := cost(&lower)
		if possible && (!still || low > high) {
			rt.Fatalf("the lower target costs %d (%v), the higher %d", low, still, high)
		}
	})
}

func TestTheOrderOfContributorsAndFieldsNeverMatters(t *testing.T) {
	at, w := on(t, "2026-11-01"), weights(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 11))
		trust, req := draw(r, 10, 4, 4)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		other := Trust{slices.Clone(trust.Contributors)}
		r.Shuffle(len(other.Contributors), func(i, j int) {
			other.Contributors[i], other.Contributors[j] = other.Contributors[j], other.Contributors[i]
		})
		turned := *req
		turned.Fields = slices.Clone(req.Fields)
		slices.Reverse(turned.Fields)
		again, err := Reconcile(other, &turned, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		slices.Reverse(again.Fields)
		slices.Sort(o.OutOfReach)
		slices.Sort(again.OutOfReach)
		a, _ := json.Marshal(o)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			rt.Fatalf("in one order\n%s\nin another\n%s", a, b)
		}
	})
}

// big is a trust and a request of the size that is promised: 200 contributors,
// 40 fields of many forms, weights as skewed as numbers of reports are.
func big(t testing.TB, seed uint64) (Trust, *Request) {
	std, err := builtin("finance")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 12))
	trust, req := draw(r, 200, 1, 1)
	req.Fields, req.Coverage = nil, nil
	forms := map[string][]string{}
	for _, f := range std.Fields() {
		if len(req.Fields) == 40 {
			break
		}
		if f.Hierarchy == "" && f.Token == "" && r.IntN(4) > 0 {
			continue
		}
		for _, form := range std.FormsAllowed(f) {
			if s := form.String(); s != "withheld" && s != "sealed" {
				forms[f.Path] = append(forms[f.Path], s)
			}
		}
		s := Share(3000 + r.IntN(6000))
		req.Fields = append(req.Fields, Need{f.Path, parsed(forms[f.Path][1+r.IntN(len(forms[f.Path])-1)]), &s})
	}
	if len(req.Fields) != 40 {
		t.Fatalf("%d fields", len(req.Fields))
	}
	for i := range trust.Contributors {
		c := &trust.Contributors[i]
		n := int64(1 + r.ExpFloat64()*r.ExpFloat64()*40)
		c.Weight, c.Never = &n, nil
		c.Sheet = &terms.Sheet{Name: c.Name, Version: 1}
		for k := range 15 {
			path := pick(r, sorted(forms))
			one := drawSheet(r, c.Name, []string{"attack.techniques"}).Clauses[0]
			one.ID, one.Fields, one.Form = fmt.Sprintf("c%d", k), []string{path}, parsed(pick(r, forms[path]))
			c.Sheet.Clauses = append(c.Sheet.Clauses, one)
		}
	}
	return trust, req
}

func TestTwoHundredContributorsAndFortyFieldsAreSolvedToFivePercent(t *testing.T) {
	trust, req := big(t, 0)
	o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Offers) < 3 {
		t.Fatalf("%d offers", len(o.Offers))
	}
	for _, offer := range o.Offers {
		t.Logf("%s: cost %d, %d asked, gap %.2f %%", offer.Aim, offer.Cost, offer.Asked, 100*offer.Gap)
		if offer.Gap > 0.05 || offer.Optimal != (offer.Gap == 0) {
			t.Errorf("%s: optimal %v, gap %.3f", offer.Aim, offer.Optimal, offer.Gap)
		}
	}
}

func BenchmarkReconcile200x40(b *testing.B) {
	trust, req := big(b, 0)
	w, at := weights(b), on(b, "2026-11-01")
	for b.Loop() {
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(100*o.Offers[0].Gap, "gap%")
	}
}
