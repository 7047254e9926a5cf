package reconcile

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/terms"
)

// worth is the table of delays of docs/terms.md, written out: what is told from
// so many days after receipt on, up to the next, weighs so much in a hundred.
var worth = []struct{ days, percent int64 }{{0, 20}, {30, 20}, {90, 20}, {365, 40}}

// price is that of telling a form from so many days after receipt on, in
// hundredths of a point, to somebody who is told of each stretch of delays so
// much already.
func price(needed int64, told []int64, days int64) (cost int64) {
	for j, w := range worth {
		if w.days >= days {
			cost += w.percent * (needed - told[j])
		}
	}
	return (cost + 99) / 100
}

// oracle finds the least cost of making enough flow, by trying for every
// contributor every set of fields with every delay for each of them, and
// remembering the cheapest way to each amount covered. It prices with the
// tables above.
func oracle(t testing.TB, trust Trust, req *Request, at Day) (cost int64, possible bool) {
	type covered [6]int64 // by field, and last together; capped at the need
	std, err := builtin("finance")
	if err != nil {
		t.Fatal(err)
	}
	then := at.t
	if req.By.After(at) {
		then = req.By.t
	}
	useful := then.Sub(at.t)
	if req.Delay != 0 {
		useful = time.Duration(req.Delay)
	}
	var now, all covered
	type open struct {
		c    Contributor
		w    int64
		told map[int][]int64 // field → points told already, by stretch
	}
	var givers []open
	last := len(all) - 1
	for _, c := range trust.Contributors {
		o := open{c, *c.Weight, map[int][]int64{}}
		for k, n := range req.Fields {
			all[k] += o.w
			all[last] += o.w
			told, flows := make([]int64, len(worth)), false
			f, _ := std.Field(n.Path)
			if c.Sheet != nil {
				for _, clause := range c.Sheet.Clauses {
					if clause.Fields[0] != n.Path || !slices.Contains(clause.For, req.Purpose) || clause.To[0].Stake != "any" && clause.To[0].Stake != string(req.Asks.Stake) {
						continue
					}
					if clause.Groups > max(1, req.Groups) || clause.From != "" && then.Before(clause.From.Start()) || clause.Until != "" && !then.Before(clause.Until.Start()) {
						continue
					}
					enough := std.Weaker(f, n.Form, clause.Form)
					flows = flows || enough && time.Duration(clause.After) <= useful
					for j, w := range worth {
						switch {
						case time.Duration(clause.After) > time.Duration(w.days)*24*time.Hour:
						case enough:
							told[j] = points[n.Path][n.Form.String()]
						case std.Weaker(f, clause.Form, n.Form):
							told[j] = max(told[j], points[n.Path][clause.Form.String()])
						}
					}
				}
			}
			if flows {
				now[k] += o.w
				now[last] += o.w
			} else if !slices.Contains(c.Never, n.Path) {
				o.told[k] = told
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
		type choice struct {
			gain  covered
			price int64
			forms map[string]bool // clauses: a form with a delay
		}
		choices := []choice{{}}
		for k, n := range req.Fields {
			told, open := g.told[k]
			if !open {
				continue
			}
			for _, c := range choices[:len(choices):len(choices)] {
				for _, w := range worth {
					if time.Duration(w.days)*24*time.Hour > useful {
						continue
					}
					with := choice{c.gain, c.price + price(points[n.Path][n.Form.String()], told, w.days), map[string]bool{fmt.Sprint(n.Form, w.days): true}}
					maps.Copy(with.forms, c.forms)
					with.gain[k] += g.w
					with.gain[last] += g.w
					choices = append(choices, with)
				}
			}
		}
		// The cheapest way to each gain.
		cheapest := map[covered]int64{}
		for _, c := range choices {
			if len(c.forms) > 0 {
				c.price += 10 + 5*int64(len(c.forms))
			}
			if old, ok := cheapest[c.gain]; !ok || c.price < old {
				cheapest[c.gain] = c.price
			}
		}
		next := map[covered]int64{}
		for gain, price := range cheapest {
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
	impossible, free, delayed := 0, 0, 0
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		trust, req := draw(r, 1+r.IntN(12), 1+r.IntN(4), []int64{1, 1, 3}[r.IntN(3)])
		want, possible := oracle(t, trust, req, at)
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
		case o.Offers[0].Concessions[0].DelayDays > 0:
			delayed++
		}
	}
	t.Logf("of 1000: %d impossible, %d free, %d with a delay", impossible, free, delayed)
	if impossible > 500 || free > 500 || delayed < 100 {
		t.Errorf("%d impossible, %d free, %d with a delay of 1000: too few are told apart", impossible, free, delayed)
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
			if then := coverageOn(after, after.By); !after.Reached || then != offer.Coverage {
				rt.Fatalf("%s: %v flows then, and the offer says %v", offer.Aim, then, offer.Coverage)
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

// coverageOn is what an outcome says of a day.
func coverageOn(o *Outcome, on Day) float64 {
	c := o.CoverageNow
	for _, l := range o.CoverageBy {
		if !l.Date.After(on) {
			c = l.Coverage
		}
	}
	return c
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

// BenchmarkGaps states how far from the best the offers of drawn trusts of that
// size can be: for each aim the largest proven gap, in percent.
func BenchmarkGaps(b *testing.B) {
	const trusts = 12
	w, at := weights(b), on(b, "2026-11-01")
	for b.Loop() {
		largest := map[string]float64{}
		for seed := range uint64(trusts) {
			trust, req := big(b, seed)
			o, err := Reconcile(trust, req, w, at, builtin)
			if err != nil {
				b.Fatal(err)
			}
			for _, offer := range o.Offers {
				largest[string(offer.Aim)] = max(largest[string(offer.Aim)], 100*offer.Gap)
			}
		}
		for aim, gap := range largest {
			b.ReportMetric(gap, aim+"-gap%")
		}
	}
}
