package reconcile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func builtin(sector string) (*standard.Standard, error) {
	return standard.Builtin(standard.Ref(sector + "/1.0"))
}

func weights(t testing.TB) *Weights {
	t.Helper()
	w, err := DefaultWeights()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func on(t testing.TB, s string) Day {
	t.Helper()
	d, err := ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// points says what each form of some fields tells, times the weight of the
// field's class, as docs/terms.md has it: written out by hand, and apart from
// the code that computes it.
var points = map[string]map[string]int64{
	"timeline.incident": {"counted": 4, "generalised:any": 6, "generalised:year": 10, "generalised:quarter": 14,
		"generalised:month": 18, "generalised:day": 24, "exact": 32},
	"impact.overall_amount": {"counted": 4, "generalised:any": 6, "generalised:thousandfold": 12, "generalised:decade": 18,
		"generalised:half-decade": 24, "exact": 32},
	"victim.industry": {"counted": 4, "generalised:any": 6, "generalised:sector": 12, "generalised:subsector": 18,
		"generalised:industry-group": 24, "exact": 32},
	"victim.victim_id":   {"counted": 8, "token": 24, "exact": 64},
	"observable.domain":  {"counted": 2, "token": 6, "exact": 16},
	"observable.wallet":  {"counted": 2, "token": 6, "exact": 16},
	"attack.techniques":  {"counted": 2, "exact": 16},
	"impact.ransom.paid": {"counted": 4, "generalised:any": 6, "generalised:thousandfold": 12, "generalised:decade": 18, "generalised:half-decade": 24, "exact": 32},
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func pick[T any](r *rand.Rand, all []T) T { return all[r.IntN(len(all))] }

func parsed(text string) standard.Form {
	f, err := standard.ParseForm(text)
	if err != nil {
		panic(err)
	}
	return f
}

// drawSheet grants some of the paths, to somebody, for something.
func drawSheet(r *rand.Rand, name string, paths []string) *terms.Sheet {
	s := &terms.Sheet{Name: name, Version: 1}
	for i := range 1 + r.IntN(4) {
		path := pick(r, paths)
		c := terms.Clause{
			ID: fmt.Sprintf("c%d", i), Fields: []string{path}, TLP: pick(r, append(terms.Markings(), "")),
			To:   []terms.Recipient{{Stake: pick(r, []string{"any", "law-enforcement", "research"}), Sector: pick(r, []string{"", "own"})}},
			For:  []member.Purpose{pick(r, []member.Purpose{member.Investigate, member.Investigate, member.Study})},
			Form: parsed(pick(r, sorted(points[path]))),
		}
		if r.IntN(4) == 0 {
			c.To[0].Kinds = []member.Kind{"police"}
		}
		switch r.IntN(6) {
		case 0:
			c.After = terms.Days(pick(r, []int{1, 20, 45, 100, 400}))
		case 1:
			c.From = terms.Date(pick(r, []string{"2026-01-01", "2026-11-01", "2026-12-01"}))
		case 2:
			c.Until = terms.Date(pick(r, []string{"2026-11-01", "2026-11-02", "2027-06-01"}))
		case 3:
			c.Groups = pick(r, []int{2, 5})
		}
		s.Clauses = append(s.Clauses, c)
	}
	return s
}

// draw makes a trust and a request of some fields that it can reach.
func draw(r *rand.Rand, contributors, fields int, weight int64) (Trust, *Request) {
	all := sorted(points)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	paths := all[:fields]
	req := &Request{
		Name: "drawn", Asks: Asker{Stake: member.LawEnforcement, Kind: "police", Sectors: []string{"finance"}},
		Purpose: member.Investigate, Sectors: []string{"finance"},
	}
	for _, path := range paths {
		n := Need{Path: path, Form: parsed(pick(r, sorted(points[path])))}
		if r.IntN(4) > 0 {
			s := Share(r.IntN(whole + 1))
			n.Coverage = &s
		}
		req.Fields = append(req.Fields, n)
	}
	if r.IntN(2) == 0 {
		s := Share(r.IntN(whole + 1))
		req.Coverage = &s
	}
	switch r.IntN(4) {
	case 0:
		req.By = DayOf(time.Date(2026, 11, 1+pick(r, []int{5, 30, 31, 90, 200, 366}), 0, 0, 0, 0, time.UTC))
	case 1:
		req.Delay = terms.Days(pick(r, []int{7, 30, 120, 365}))
	}
	req.Groups = pick(r, []int{0, 0, 2, 5})
	var t Trust
	for i := range contributors {
		n := 1 + r.Int64N(weight)
		name := fmt.Sprintf("m%03d", i)
		c := Contributor{Name: name, Stake: pick(r, member.Stakes()), Kind: "firm", Group: name, Sector: "finance", Weight: &n}
		if r.IntN(10) > 0 {
			c.Sheet = drawSheet(r, name, paths)
		}
		if r.IntN(6) == 0 {
			c.Never = []string{pick(r, paths)}
		}
		t.Contributors = append(t.Contributors, c)
	}
	return t, req
}

// accept applies an offer: each contributor signs the draft as it is written.
func accept(t testing.TB, o *Outcome, offer Offer, trust Trust) Trust {
	t.Helper()
	next := Trust{Contributors: slices.Clone(trust.Contributors)}
	for i, c := range next.Contributors {
		if !slices.Contains(asked(offer), c.Name) {
			continue
		}
		a, err := o.Amend(offer, c.Name)
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := terms.Parse(c.Name+".yaml", a.Text)
		if err != nil {
			t.Fatalf("the draft of %s cannot be read: %v\n%s", c.Name, err, a.Text)
		}
		next.Contributors[i].Sheet, next.Contributors[i].Text = sheet, a.Text
	}
	return next
}

func mustContain(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is missing in:\n%s", p, text)
		}
	}
}
