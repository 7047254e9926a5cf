package linkage

import (
	"cmp"
	"slices"
)

// Cluster is the reports of one event, ascending, with the links among them.
type Cluster struct {
	Reports []int64
	Links   []Link
}

// Clusters joins the facts of a block, or of many. Every fact is in exactly
// one cluster; clusters are in order of their first report. Of facts with the
// same report number the first counts.
func Clusters(facts []Fact, p Parameters) []Cluster {
	facts = sorted(facts)
	index := indexOf(facts)
	facts = index.masked(facts, p)
	return agglomerate(facts, links(facts, index, p), p)
}

// sorted copies facts in order of report number, each once.
func sorted(facts []Fact) []Fact {
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b Fact) int { return cmp.Compare(a.Report, b.Report) })
	return slices.CompactFunc(facts, func(a, b Fact) bool { return a.Report == b.Report })
}

// links scores every pair that shares a key, strongest first.
func links(facts []Fact, index index, p Parameters) []Link {
	var out []Link
	index.pairs(facts, p, func(a, b int) {
		if l, ok := Score(facts[a], facts[b], p); ok {
			out = append(out, l)
		}
	})
	slices.SortFunc(out, func(a, b Link) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return out
}

// growing is a cluster in the making.
type growing struct {
	members []int
	sources map[string]bool
	victim  string
	begin   begin
	links   []Link
}

// agglomeration joins clusters link by link.
type agglomeration struct {
	facts []Fact
	p     Parameters
	of    []*growing
	// excused are the pairs of reports of one source that are linked.
	excused map[[2]int]bool
}

// agglomerate joins from the strongest link on.
func agglomerate(facts []Fact, links []Link, p Parameters) []Cluster {
	at := make(map[int64]int, len(facts))
	g := agglomeration{facts: facts, p: p, of: make([]*growing, len(facts)), excused: map[[2]int]bool{}}
	for i, f := range facts {
		at[f.Report] = i
		g.of[i] = &growing{members: []int{i}, sources: map[string]bool{f.Source: true}, victim: f.Victim, begin: beginOf(f)}
	}
	for _, l := range links {
		if a, b := at[l.A], at[l.B]; facts[a].Source == facts[b].Source {
			g.excused[[2]int{a, b}] = true
		}
	}
	for _, l := range links {
		g.take(at[l.A], at[l.B], l)
	}
	return g.clusters()
}

// take joins the clusters of two facts, if their constraints allow.
func (g *agglomeration) take(i, j int, l Link) {
	a, b := g.of[i], g.of[j]
	if a == b {
		a.links = append(a.links, l)
		return
	}
	if len(a.members) < len(b.members) {
		a, b = b, a
	}
	if !g.mergeable(a, b, l) {
		return
	}
	a.members = append(a.members, b.members...)
	a.links = append(append(a.links, b.links...), l)
	a.victim = cmp.Or(a.victim, b.victim)
	a.begin = a.begin.and(b.begin)
	for s := range b.sources {
		a.sources[s] = true
	}
	for _, m := range b.members {
		g.of[m] = a
	}
}

// mergeable holds the constraints on whole clusters: one victim, beginnings
// near each other (a common reference overrules them), and one report of each
// source but those that are linked by themselves.
func (g *agglomeration) mergeable(a, b *growing, l Link) bool {
	if a.victim != "" && b.victim != "" && a.victim != b.victim {
		return false
	}
	if begunApart(a.begin, b.begin, g.p) && !l.has(SameReference) {
		return false
	}
	for s := range b.sources {
		if a.sources[s] && !(g.allExcused(a, b, s) && g.allExcused(b, a, s)) {
			return false
		}
	}
	return true
}

// allExcused reports whether each report of a source in b is linked with one
// of the same source in a.
func (g *agglomeration) allExcused(a, b *growing, source string) bool {
	for _, i := range b.members {
		if g.facts[i].Source != source {
			continue
		}
		if !slices.ContainsFunc(a.members, func(j int) bool { return g.excused[[2]int{min(i, j), max(i, j)}] }) {
			return false
		}
	}
	return true
}

func (g *agglomeration) clusters() []Cluster {
	var out []Cluster
	seen := make(map[*growing]bool, len(g.of))
	for i := range g.facts {
		c := g.of[i]
		if seen[c] {
			continue
		}
		seen[c] = true
		done := Cluster{Links: c.links, Reports: make([]int64, len(c.members))}
		for n, m := range c.members {
			done.Reports[n] = g.facts[m].Report
		}
		slices.Sort(done.Reports)
		slices.SortFunc(done.Links, func(x, y Link) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
		out = append(out, done)
	}
	return out
}
