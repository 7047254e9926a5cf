package reconcile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
)

// What flows between stakes adds up to what flows in all, now and with the
// cheapest offer.
func TestTheParadoxAddsUpToTheCoverage(t *testing.T) {
	at, w := on(t, "2026-11-01"), weights(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 30))
		trust, req := draw(r, 12, 3, 4)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		then := coverageOn(o, o.By)
		if len(o.Offers) > 0 {
			then = o.Offers[0].Coverage
		}
		all, now, offered := 0.0, 0.0, 0.0
		for _, f := range o.Paradox {
			if f.To != req.Asks.Stake || f.Flows+f.Blocked != 1 || f.WithOffer > 1 {
				rt.Fatalf("%+v", f)
			}
			all += float64(f.Requested)
			now += f.Flows * float64(f.Requested)
			offered += f.WithOffer * float64(f.Requested)
		}
		if math.Abs(now/all-o.CoverageNow) > 1e-9 || math.Abs(offered/all-then) > 1e-9 {
			rt.Fatalf("%v of %v flow and %v with an offer; the outcome says %v and %v", now, all, offered, o.CoverageNow, then)
		}
	})
}

// One, four or no owner groups on a side look the same to everybody.
func TestAFlowThatRestsOnFewOwnerGroupsIsNotShown(t *testing.T) {
	flow := func(flowing, blocked int64, groups, others int) FlowInBands {
		return Flow{Sector: "finance", From: member.Industry, To: member.Research, Requested: flowing + blocked,
			Basis: Basis{Flowing: flowing, Offered: flowing, Groups: groups + others, FlowingGroups: groups, BlockedGroups: others, GroupsWithOffer: groups, GroupsBlockedThenAsWell: others}}.Shares().InBands()
	}
	for n := range 5 {
		if f := flow(int64(n), 100, n, 20); f != flow(0, 100, 0, 20) || f.Lower != nil || f.Flows != "none or hardly any" || f.Blocked != "all or nearly all" {
			t.Errorf("%d give: %+v", n, f)
		}
		if f := flow(100, int64(n), 20, n); f != flow(100, 0, 20, 0) || f.Lower != nil {
			t.Errorf("%d block: %+v", n, f)
		}
		if f := flow(int64(n), int64(n), n, n); f.Flows != "too few to tell" || strings.Contains(fmt.Sprint(f), "%") {
			t.Errorf("%d and %d: %+v", n, n, f)
		}
	}
	if f := flow(30, 70, 5, 5); f.Flows != "30–40 %" || f.Blocked != "70–80 %" || f.Lower == nil || *f.Lower != 30 {
		t.Errorf("five and five: %+v", f)
	}
	// A sum rests on no more groups than each of its requests.
	one := Flow{Sector: "finance", From: member.Industry, To: member.Research, Requested: 100, Basis: Basis{Flowing: 50, Offered: 60, Groups: 20, FlowingGroups: 10, BlockedGroups: 10, GroupsWithOffer: 10, GroupsBlockedThenAsWell: 10}}
	few := one
	few.Basis.FlowingGroups = 2
	sum := Sum([]Flow{one}, []Flow{few})
	if len(sum) != 1 || sum[0].Requested != 200 || sum[0].Flows != .5 || sum[0].WithOffer != .6 || sum[0].InBands().Lower != nil {
		t.Errorf("the sum is %+v", sum)
	}
	// What flows wholly in one request and half in another does not flow wholly.
	whole := one
	whole.Basis.Flowing, whole.Basis.BlockedGroups = 100, 0
	for _, parts := range [][][]Flow{{{one}, {whole}}, {{whole}, {one}}, {{whole}, {one}, {whole}}} {
		if f := Sum(parts...)[0].InBands(); f.Flows != "too few to tell" || f.Blocked != "too few to tell" {
			t.Errorf("a sum of different requests is told as %+v", f)
		}
	}
	if f := Sum([]Flow{whole}, []Flow{whole})[0].InBands(); f.Flows != "all or nearly all" {
		t.Errorf("what flows wholly in both is told as %+v", f)
	}
}
