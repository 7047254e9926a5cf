package reconcile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/terms"
)

func TestTheRequesterSeesNoNameAndNoClause(t *testing.T) {
	for _, request := range []string{"trace-ransom", "losses-study", "warn-peers"} {
		o := example(t, request)
		seen, err := json.Marshal(o.Requester())
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.trust.rows {
			r := &o.trust.rows[i]
			for _, secret := range []string{r.Name, r.Title} {
				if strings.Contains(string(seen), secret) {
					t.Errorf("%s: the requester sees %s", request, secret)
				}
			}
		}
		for _, word := range []string{"clause", "reason", "cost"} {
			if strings.Contains(string(seen), `"`+word) {
				t.Errorf("%s: the requester sees a %s", request, word)
			}
		}
	}
}

// Whether one, four or none of few owner groups block looks the same.
func TestFewerThanFiveOwnerGroupsLookLikeNone(t *testing.T) {
	req := mustRequest(t, plainRequest)
	view := func(total, blocking int, group func(int) string) string {
		var trust Trust
		for i := range total {
			c := Contributor{Name: fmt.Sprintf("m%d", i), Stake: "industry", Kind: "firm", Group: group(i), Sector: "finance"}
			if i >= blocking {
				c.Sheet = sheetFor(t, c.Name, "investigate")
			}
			trust.Contributors = append(trust.Contributors, c)
		}
		o, err := Reconcile(trust, req, weights(t), on(t, "2026-11-01"), builtin)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(o.Requester().Fields)
		return string(b)
	}
	own := func(i int) string { return fmt.Sprint(i) }
	none := view(20, 0, own)
	for n := 1; n < 5; n++ {
		if got := view(20, n, own); got != none {
			t.Errorf("%d block:\n%s\nnone:\n%s", n, got, none)
		}
	}
	five := view(20, 5, own)
	mustContain(t, five, `"owner_groups":"5–9"`, `"coverage_now":"70–80 %"`)
	// Ten members of one owner are one group.
	if got := view(20, 10, func(i int) string { return fmt.Sprint(max(0, i-9)) }); got != none {
		t.Errorf("ten members of one owner block:\n%s", got)
	}
}

func sheetFor(t testing.TB, name, purpose string) *terms.Sheet {
	t.Helper()
	s, err := terms.Parse(name, []byte(`{"name":"`+name+`","version":1,"clauses":[{"id":"a","fields":["observable.wallet"],"to":[{"stake":"any"}],"for":["`+purpose+`"],"form":"exact"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a contributor sees of fields hangs on its own sheet alone, and what it
// sees of offers names nobody else.
func TestAContributorSeesOnlyItsOwn(t *testing.T) {
	at, w := on(t, "2026-11-01"), weights(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 20))
		trust, req := draw(r, 8, 3, 3)
		other, _ := draw(r, 8, 3, 3)
		o, err := Reconcile(trust, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		name := trust.Contributors[0].Name
		mine, err := o.Contributor(name)
		if err != nil {
			rt.Fatal(err)
		}
		seen, _ := json.Marshal(mine)
		for _, c := range trust.Contributors[1:] {
			if strings.Contains(string(seen), c.Name) {
				rt.Fatalf("%s sees %s: %s", name, c.Name, seen)
			}
		}
		// Everybody else changes their mind.
		for i := range other.Contributors {
			other.Contributors[i].Never = nil
		}
		other.Contributors[0] = trust.Contributors[0]
		changed, err := Reconcile(other, req, w, at, builtin)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := changed.Contributor(name)
		if err != nil {
			rt.Fatal(err)
		}
		a, _ := json.Marshal(mine.Fields)
		b, _ := json.Marshal(again.Fields)
		if string(a) != string(b) {
			rt.Fatalf("others changed, and %s sees\n%s\nin place of\n%s", name, b, a)
		}
	})
}
