package linkage_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/linkage"
)

func on(kind linkage.DateKind, day int32) linkage.Dates {
	return linkage.Dates{Kind: kind, First: day, Last: day}
}

func within(kind linkage.DateKind, first, last int32) linkage.Dates {
	return linkage.Dates{Kind: kind, First: first, Last: last}
}

func saw(tokens ...string) (all []linkage.Observable) {
	for _, t := range tokens {
		all = append(all, linkage.Observable{Token: t, Type: "ip"})
	}
	return all
}

func people(low, high float64) linkage.Range {
	return linkage.Range{Low: low, High: high, Known: true}
}

// told makes a fact of what matters in a case.
func told(report int64, source, victim string, rest linkage.Fact) linkage.Fact {
	rest.Report, rest.Source, rest.Victim = report, source, victim
	return rest
}

// The rules of the package, case by case: do two reports join?
func TestRulesDecidePairs(t *testing.T) {
	type f = linkage.Fact
	day := func(d int32) f { return f{Dates: []linkage.Dates{on(linkage.Occurred, d)}} }
	year := f{Dates: []linkage.Dates{within(linkage.Occurred, 0, 364)}}
	month := f{Dates: []linkage.Dates{within(linkage.Occurred, 90, 119)}}
	notified := func(d int32) f { return f{Dates: []linkage.Dates{on(linkage.Notified, d)}} }
	with := func(a f, change func(*f)) f { change(&a); return a }
	seen := func(tokens ...string) func(*f) { return func(a *f) { a.Observables = saw(tokens...) } }
	size := func(low, high float64) func(*f) { return func(a *f) { a.Records = people(low, high) } }
	refer := func(r string) func(*f) { return func(a *f) { a.References = []string{r} } }
	for _, c := range []struct {
		rule             string
		a, b             f
		sources, victims [2]string
		joins            bool
	}{
		{"1: one source, the same victim and day", day(100), day(100), [2]string{"s", "s"}, [2]string{"v", "v"}, false},
		{"1: one source, the same victim and a near day", day(100), day(103), [2]string{"s", "s"}, [2]string{"v", "v"}, false},
		{"2: two sources, the same victim and day", day(100), day(100), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: two sources, the same victim, a week apart", day(100), day(107), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: two sources, the same victim, half a year apart", day(100), day(280), [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: a day and its month", day(100), month, [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: a day and its year say too little", day(100), year, [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: a day and its year, the same number of records", with(day(100), size(300, 999)), with(year, size(300, 999)), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: the regulator is told ten months later", day(100), notified(400), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: the regulator is told three years later", day(100), notified(1200), [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: the regulator was told a month before", day(100), notified(70), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: the regulator was told a year before", day(500), notified(100), [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: numbers of records far apart", with(day(100), size(300, 999)), with(notified(160), size(30000, 99999)), [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: wholly different actions, weeks apart", with(day(100), func(a *f) { a.Actions = []string{"error"} }), with(notified(160), func(a *f) { a.Actions = []string{"hacking"} }), [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"2: one action of several in common", with(day(100), func(a *f) { a.Actions = []string{"social", "hacking"} }), with(notified(160), func(a *f) { a.Actions = []string{"hacking"} }), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: an action that is not known contradicts nothing", with(day(100), func(a *f) { a.Actions = []string{"unknown"} }), with(notified(160), func(a *f) { a.Actions = []string{"hacking"} }), [2]string{"s", "z"}, [2]string{"v", "v"}, true},
		{"2: nothing is known of when", f{}, f{}, [2]string{"s", "z"}, [2]string{"v", "v"}, false},
		{"3: a rare observable and near dates, one victim unknown", with(day(100), seen("o")), with(day(110), seen("o")), [2]string{"s", "z"}, [2]string{"v", ""}, true},
		{"3: a rare observable and near dates, no victim known", with(day(100), seen("o")), with(day(110), seen("o")), [2]string{"s", "z"}, [2]string{"", ""}, true},
		{"3: a rare observable, a year apart", with(day(100), seen("o")), with(notified(465), seen("o")), [2]string{"s", "z"}, [2]string{"v", ""}, false},
		{"3: a rare observable and no dates", f{Observables: saw("o")}, f{Observables: saw("o")}, [2]string{"s", "z"}, [2]string{"v", ""}, false},
		{"3: a rare observable, two victims", with(day(100), seen("o", "p", "q")), with(day(100), seen("o", "p", "q")), [2]string{"s", "z"}, [2]string{"v", "w"}, false},
		{"3: a reference, two victims", with(day(100), refer("r")), with(day(100), refer("r")), [2]string{"s", "z"}, [2]string{"v", "w"}, false},
		{"3: a common observable ties nothing", with(day(100), func(a *f) { a.Observables = []linkage.Observable{{Token: "o", Type: "ip", Common: true}} }), with(day(100), seen("o")), [2]string{"s", "z"}, [2]string{"v", ""}, false},
		{"3: the same token of another type", with(day(100), func(a *f) { a.Observables = []linkage.Observable{{Token: "o", Type: "domain"}} }), with(day(100), seen("o")), [2]string{"s", "z"}, [2]string{"v", ""}, false},
		{"4: one source, victim, day and rare observable", with(day(100), seen("o")), with(day(100), seen("o")), [2]string{"s", "s"}, [2]string{"v", "v"}, true},
		{"4: one source, victim, near day and rare observable", with(day(100), seen("o")), with(day(105), seen("o")), [2]string{"s", "s"}, [2]string{"v", "v"}, false},
		{"4: one source, a reference", with(day(100), refer("r")), with(day(900), refer("r")), [2]string{"s", "s"}, [2]string{"v", ""}, true},
		{"4: one source relays for two", with(day(100), func(a *f) { a.Observables, a.OnBehalf = saw("o"), "x" }), with(day(105), func(a *f) { a.Observables, a.OnBehalf = saw("o"), "y" }), [2]string{"s", "s"}, [2]string{"v", "v"}, true},
		{"4: one source relays twice for one", with(day(100), func(a *f) { a.Observables, a.OnBehalf = saw("o"), "x" }), with(day(105), func(a *f) { a.Observables, a.OnBehalf = saw("o"), "x" }), [2]string{"s", "s"}, [2]string{"v", "v"}, false},
		{"5: notified on one day, begun half a year apart", f{Dates: []linkage.Dates{on(linkage.Occurred, 100), on(linkage.Notified, 300)}}, f{Dates: []linkage.Dates{on(linkage.Occurred, 290), on(linkage.Notified, 300)}}, [2]string{"s", "z"}, [2]string{"v", "v"}, false},
	} {
		facts := []linkage.Fact{told(1, c.sources[0], c.victims[0], c.a), told(2, c.sources[1], c.victims[1], c.b)}
		clusters := linkage.Clusters(facts, linkage.Defaults)
		if joined := len(clusters) == 1; joined != c.joins {
			l, _ := linkage.Score(facts[0], facts[1], linkage.Defaults)
			t.Errorf("%s: joined %v, want %v (%.2f: %v %v)", c.rule, joined, c.joins, l.Weight, l.Evidence, l.Weights)
		}
	}
}

func TestLinksSayWhy(t *testing.T) {
	a := told(7, "s", "v", linkage.Fact{Dates: []linkage.Dates{on(linkage.Occurred, 100)}, Observables: saw("o", "p"), Records: people(300, 999)})
	b := told(3, "z", "v", linkage.Fact{Dates: []linkage.Dates{on(linkage.Occurred, 100)}, Observables: saw("p", "o"), Records: people(3000, 9999)})
	want := []linkage.Cluster{{Reports: []int64{3, 7}, Links: []linkage.Link{{A: 3, B: 7, Weight: 1 + 1.25 + 1 - 0.8,
		Evidence: []linkage.Evidence{linkage.SameVictim, linkage.SharedRare, linkage.SameDay, linkage.DifferentRecords}, Weights: []float64{1, 1.25, 1, -0.8}}}}}
	if got := linkage.Clusters([]linkage.Fact{a, b}, linkage.Defaults); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestAnObservableThatManyShareTiesNone(t *testing.T) {
	share := func(n int) int {
		var facts []linkage.Fact
		for i := range n {
			facts = append(facts, told(int64(i+1), fmt.Sprint("s", i), "", linkage.Fact{Dates: []linkage.Dates{on(linkage.Occurred, 100)}, Observables: saw("o")}))
		}
		return len(linkage.Clusters(facts, linkage.Defaults))
	}
	if n := share(linkage.Defaults.Rare); n != 1 {
		t.Errorf("%d facts that share a rare observable are %d clusters", linkage.Defaults.Rare, n)
	}
	if n := share(linkage.Defaults.Rare + 1); n != linkage.Defaults.Rare+1 {
		t.Errorf("%d facts that share a frequent observable are %d clusters", linkage.Defaults.Rare+1, n)
	}
}

// A day between two others must not bring them together.
func TestEventsDoNotChainOverTime(t *testing.T) {
	var facts []linkage.Fact
	for i := range 10 {
		facts = append(facts, told(int64(i+1), fmt.Sprint("s", i), "v", linkage.Fact{Dates: []linkage.Dates{on(linkage.Occurred, int32(60*i))}}))
	}
	for _, c := range linkage.Clusters(facts, linkage.Defaults) {
		if first, last := c.Reports[0], c.Reports[len(c.Reports)-1]; (last-first)*60 > int64(linkage.Defaults.Near) {
			t.Errorf("reports of days %d to %d are one event", (first-1)*60, (last-1)*60)
		}
	}
}

// anyFacts draws facts that collide much.
func anyFacts(t *rapid.T) []linkage.Fact {
	few := func(prefix string, n int) *rapid.Generator[string] {
		return rapid.Map(rapid.IntRange(0, n), func(i int) string {
			if i == 0 {
				return ""
			}
			return fmt.Sprint(prefix, i)
		})
	}
	n := rapid.IntRange(2, 40).Draw(t, "facts")
	facts := make([]linkage.Fact, n)
	for i := range facts {
		f := &facts[i]
		f.Report = int64(i + 1)
		f.Source = fmt.Sprint("s", rapid.IntRange(1, 6).Draw(t, "source"))
		f.OnBehalf = few("b", 2).Draw(t, "on behalf")
		f.Victim = few("v", 4).Draw(t, "victim")
		for range rapid.IntRange(0, 2).Draw(t, "dates") {
			first := int32(rapid.IntRange(0, 500).Draw(t, "first"))
			f.Dates = append(f.Dates, within(linkage.DateKind(rapid.IntRange(0, 2).Draw(t, "kind")), first, first+int32(rapid.SampledFrom([]int{0, 0, 30, 364}).Draw(t, "precision"))))
		}
		f.Observables = saw(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h"}), 0, 3).Draw(t, "observables")...)
		if len(f.Observables) > 0 {
			f.Observables[0].Common = rapid.IntRange(0, 5).Draw(t, "common") == 0
		}
		if rapid.Bool().Draw(t, "counted") {
			f.Records = rapid.SampledFrom([]linkage.Range{people(1, 2), people(300, 999), people(1000, 2999), people(100000, 299999)}).Draw(t, "records")
		}
		if r := rapid.IntRange(0, 30).Draw(t, "reference"); r < 3 {
			f.References = []string{fmt.Sprint("r", r)}
		}
		if a := few("a", 2).Draw(t, "action"); a != "" {
			f.Actions = []string{a}
		}
		f.Country = few("c", 2).Draw(t, "country")
	}
	return facts
}

func shuffled[T any](t *rapid.T, all []T) []T {
	return rapid.Permutation(all).Draw(t, "order")
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		want := linkage.Clusters(facts, linkage.Defaults)
		other := shuffled(t, facts)
		for i := range other {
			other[i].Dates = shuffled(t, other[i].Dates)
			other[i].Observables = shuffled(t, other[i].Observables)
		}
		if got := linkage.Clusters(other, linkage.Defaults); !reflect.DeepEqual(got, want) {
			t.Fatalf("in another order\n%+v\nand\n%+v", got, want)
		}
	})
}

func TestBlocksTogetherAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		p := linkage.Defaults
		p.Rare = rapid.IntRange(2, 12).Draw(t, "rare")
		var parts []linkage.Cluster
		for _, block := range linkage.Blocks(facts, p) {
			parts = append(parts, linkage.Clusters(block, p)...)
		}
		slices.SortFunc(parts, func(a, b linkage.Cluster) int { return int(a.Reports[0] - b.Reports[0]) })
		if whole := linkage.Clusters(facts, p); !reflect.DeepEqual(parts, whole) {
			t.Fatalf("block by block\n%+v\nat once\n%+v", parts, whole)
		}
	})
}

func TestEveryClusterKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		seen := map[int64]bool{}
		for _, c := range linkage.Clusters(facts, linkage.Defaults) {
			victims, linked := map[string]bool{}, map[[2]int64]linkage.Link{}
			for _, l := range c.Links {
				linked[[2]int64{l.A, l.B}] = l
				sum := 0.0
				for _, w := range l.Weights {
					sum += w
				}
				if len(l.Weights) != len(l.Evidence) || sum-l.Weight > 1e-9 || l.Weight-sum > 1e-9 {
					t.Fatalf("the reasons of %+v do not add up", l)
				}
			}
			sources := map[string][]linkage.Fact{}
			for _, r := range c.Reports {
				if seen[r] {
					t.Fatalf("report %d stands in two clusters", r)
				}
				seen[r] = true
				f := facts[r-1]
				if f.Victim != "" {
					victims[f.Victim] = true
				}
				sources[f.Source] = append(sources[f.Source], f)
			}
			if len(victims) > 1 {
				t.Fatalf("a cluster has the victims %v", victims)
			}
			for _, of := range sources {
				for i, f := range of {
					excused := len(of) == 1
					for j, o := range of {
						l, ok := linked[[2]int64{min(f.Report, o.Report), max(f.Report, o.Report)}]
						if i != j && ok {
							excused = true
							if !slices.Contains(l.Evidence, linkage.SameReference) && !slices.Contains(l.Evidence, linkage.SharedRare) {
								t.Fatalf("two reports of one source are linked by %v", l.Evidence)
							}
						}
					}
					if !excused {
						t.Fatalf("report %d joins others of its source without a link of its own", f.Report)
					}
				}
			}
		}
		if len(seen) != len(facts) {
			t.Fatalf("%d of %d reports stand in a cluster", len(seen), len(facts))
		}
	})
}

// More that two reports have in common never speaks against them, and a
// report that has nothing in common with others changes nothing for them.
func TestMoreInCommonNeverWeighsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		a, b := facts[0], facts[1]
		before, linked := linkage.Score(a, b, linkage.Defaults)
		other, _ := linkage.Score(b, a, linkage.Defaults)
		if !reflect.DeepEqual(before, other) {
			t.Fatalf("%+v one way, %+v the other", before, other)
		}
		if rapid.Bool().Draw(t, "observable") {
			a.Observables, b.Observables = append(slices.Clip(a.Observables), saw("new")...), append(slices.Clip(b.Observables), saw("new")...)
		} else {
			a.References, b.References = append(slices.Clip(a.References), "new"), append(slices.Clip(b.References), "new")
		}
		after, still := linkage.Score(a, b, linkage.Defaults)
		if linked && (!still || after.Weight < before.Weight) {
			t.Fatalf("with more in common %+v, before %+v", after, before)
		}
	})
}

func TestAStrangerChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := anyFacts(t)
		before := linkage.Clusters(facts, linkage.Defaults)
		stranger := told(1000, "s1", "nobody else", linkage.Fact{Dates: []linkage.Dates{on(linkage.Occurred, 100)}, Observables: saw("unseen")})
		after := linkage.Clusters(append(facts, stranger), linkage.Defaults)
		if len(after) != len(before)+1 || !reflect.DeepEqual(after[:len(before)], before) {
			t.Fatalf("%+v with a stranger, %+v without", after, before)
		}
	})
}

func TestFrequentKeysCostNoMoreThanLinearly(t *testing.T) {
	const n = 6_000
	var facts []linkage.Fact
	for i := range n {
		facts = append(facts, told(int64(i+1), fmt.Sprint("s", i), "everybody", linkage.Fact{
			Dates: []linkage.Dates{on(linkage.Occurred, int32(i))}, Observables: saw("everywhere"), References: []string{"template"}}))
	}
	links := 0
	for _, c := range linkage.Clusters(facts, linkage.Defaults) {
		links += len(c.Links)
	}
	if links > 32*n {
		t.Errorf("%d links among %d facts", links, n)
	}
}

func BenchmarkClusters(b *testing.B) {
	facts := synthetic(100_000)
	b.ReportAllocs()
	for b.Loop() {
		linkage.Clusters(facts, linkage.Defaults)
	}
	b.ReportMetric(float64(len(facts))*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}

// synthetic facts: victims of skewed frequency, rare and frequent observables.
func synthetic(n int) []linkage.Fact {
	r := rand.New(rand.NewPCG(1, 2))
	facts := make([]linkage.Fact, n)
	for i := range facts {
		day := int32(r.IntN(730))
		f := told(int64(i+1), fmt.Sprint("s", r.IntN(60)), fmt.Sprint("v", int(float64(n)*r.Float64()*r.Float64()*r.Float64())), linkage.Fact{
			Dates: []linkage.Dates{on(linkage.Occurred, day)}, Records: people(100, 299)})
		for range r.IntN(6) {
			f.Observables = append(f.Observables, saw(fmt.Sprint("o", r.IntN(n)), fmt.Sprint("frequent", r.IntN(50)))...)
		}
		facts[i] = f
	}
	return facts
}
