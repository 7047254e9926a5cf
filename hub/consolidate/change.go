package consolidate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/wire"
)

// change is one batch in the making. It does no more than the batch touches:
//
//	facts that come and go ──▶ dirty facts ──▶ links ──▶ components ──▶ incidents ──▶ campaigns
//
// A fact is dirty if it is new, or if a key of it became too frequent to tie,
// or rare enough again: that can undo or make links between others. Links are
// kept, so that components of linked facts are found without looking at the
// rest. Within a component linkage decides, as it would over everything.
type change struct {
	work Workbench
	// facts caches what was loaded or came.
	facts map[int64]Fact
	// blocks caches the facts with a blocking key, by its hash.
	blocks map[int64]block
	ties   *ties
}

// block is the facts with one blocking key; none are listed if they are too
// many to tie.
type block struct {
	facts []int64
	over  bool
}

func newChange(w Workbench) *change {
	return &change{work: w, facts: map[int64]Fact{}, blocks: map[int64]block{}, ties: newTies(w)}
}

// make takes facts in and erased ones out, and brings links, incidents and
// campaigns up to date.
func (c *change) make(came []Fact, erased []int64) error {
	gone, err := c.replaced(came, erased)
	if err != nil {
		return err
	}
	if err := c.ties.note(gone); err != nil {
		return err
	}
	stirred, err := c.exchange(came, gone)
	if err != nil {
		return err
	}
	crossed, err := c.crossed(came, gone)
	if err != nil {
		return err
	}
	if err := c.noteFrequent(came); err != nil {
		return err
	}
	more, err := c.relink(came, crossed)
	if err != nil {
		return err
	}
	components, err := c.components(slices.Concat(seqsOf(came), crossed, stirred, more))
	if err != nil {
		return err
	}
	if err := c.place(components, gone); err != nil {
		return err
	}
	return c.ties.renew()
}

func seqsOf(facts []Fact) []int64 {
	seqs := make([]int64, len(facts))
	for i, f := range facts {
		seqs[i] = f.Seq
	}
	return seqs
}

// replaced finds the facts that go: older revisions of what came, and erased
// reports. What replaces a report inherits its first number.
func (c *change) replaced(came []Fact, erased []int64) ([]Fact, error) {
	keys := make([]ReportKey, len(came))
	for i, f := range came {
		keys[i] = f.key()
	}
	old, err := c.work.FactsOf(keys)
	if err != nil {
		return nil, err
	}
	first := map[ReportKey]int64{}
	for _, f := range old {
		// A report that was erased and told again is a new one.
		if !slices.Contains(erased, f.Seq) {
			first[f.key()] = f.First
		}
	}
	for i, f := range came {
		if n, ok := first[f.key()]; ok {
			came[i].First = min(n, f.First)
		}
	}
	more, err := c.work.Facts(erased)
	if err != nil {
		return nil, err
	}
	gone := append(old, more...)
	slices.SortFunc(gone, func(a, b Fact) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.CompactFunc(gone, func(a, b Fact) bool { return a.Seq == b.Seq }), nil
}

// exchange writes the facts. It returns those whose neighbours went.
func (c *change) exchange(came, gone []Fact) (stirred []int64, err error) {
	out := seqsOf(gone)
	if stirred, err = c.linkedTo(out); err != nil {
		return nil, err
	}
	if err := c.work.DropFacts(out); err != nil {
		return nil, err
	}
	for _, f := range came {
		keys := blockKeys(f.Compared)
		hashes := make([]int64, len(keys))
		for i, k := range keys {
			hashes[i] = k.hash
		}
		if err := c.work.PutFact(f, hashes); err != nil {
			return nil, err
		}
		c.facts[f.Seq] = f
	}
	return stirred, nil
}

// crossed returns the facts with a key that became too frequent to tie by the
// exchange, or rare enough again.
func (c *change) crossed(came, gone []Fact) (all []int64, err error) {
	type moves struct {
		key       blockKey
		came, had int
	}
	touched := map[int64]*moves{}
	count := func(facts []Fact, at func(*moves) *int) {
		for _, f := range facts {
			for _, k := range blockKeys(f.Compared) {
				if touched[k.hash] == nil {
					touched[k.hash] = &moves{key: k}
				}
				*at(touched[k.hash])++
			}
		}
	}
	count(came, func(m *moves) *int { return &m.came })
	count(gone, func(m *moves) *int { return &m.had })
	for hash, m := range touched {
		// So many that it can be told whether they were too many before.
		facts, err := c.work.Block(hash, m.key.most+m.came+1)
		if err != nil {
			return nil, err
		}
		was := len(facts)-m.came+m.had > m.key.most
		is := len(facts) > m.key.most
		if c.blocks[hash] = (block{over: is}); !is {
			c.blocks[hash] = block{facts: facts}
		}
		if was == is {
			continue
		}
		if is {
			if facts, err = c.work.Block(hash, 0); err != nil {
				return nil, err
			}
		}
		all = append(all, facts...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// noteFrequent notes the tokens of new facts that could tie too many
// incidents: those that linkage finds too frequent already.
func (c *change) noteFrequent(came []Fact) error {
	for _, f := range came {
		for _, o := range f.Sightings() {
			b, err := c.block(tokenKey(o))
			if err != nil {
				return err
			}
			if !b.over {
				continue
			}
			if err := c.ties.noteToken(o.Token); err != nil {
				return err
			}
		}
	}
	return nil
}

// block reads a block once; the facts of the batch must stand in it already.
func (c *change) block(k blockKey) (block, error) {
	if b, known := c.blocks[k.hash]; known {
		return b, nil
	}
	facts, err := c.work.Block(k.hash, k.most+1)
	if err != nil {
		return block{}, err
	}
	b := block{facts: facts}
	if len(facts) > k.most {
		b = block{over: true}
	}
	c.blocks[k.hash] = b
	return b, nil
}

// linkedTo returns the other ends of links.
func (c *change) linkedTo(seqs []int64) ([]int64, error) {
	links, err := c.work.Links(seqs)
	if err != nil {
		return nil, err
	}
	ends := map[int64]bool{}
	for _, l := range links {
		ends[l.A], ends[l.B] = true, true
	}
	for _, s := range seqs {
		delete(ends, s)
	}
	return slices.Sorted(maps.Keys(ends)), nil
}

// relink makes the links of new facts, and anew those of facts of which a key
// crossed; it returns the other ends of the links that the latter had.
func (c *change) relink(came []Fact, crossed []int64) (stirred []int64, err error) {
	if stirred, err = c.linkedTo(crossed); err != nil {
		return nil, err
	}
	if err := c.work.DropLinks(crossed); err != nil {
		return nil, err
	}
	dirty := append(seqsOf(came), crossed...)
	slices.Sort(dirty)
	dirty = slices.Compact(dirty)
	if err := c.load(dirty); err != nil {
		return nil, err
	}
	pairs := map[[2]int64]bool{}
	for _, d := range dirty {
		for _, k := range blockKeys(c.facts[d].Compared) {
			b, err := c.block(k)
			if err != nil {
				return nil, err
			}
			for _, other := range b.facts {
				if other != d {
					pairs[[2]int64{min(d, other), max(d, other)}] = true
				}
			}
		}
	}
	return stirred, c.score(pairs)
}

// score asks linkage about each pair by itself and keeps the links.
func (c *change) score(pairs map[[2]int64]bool) error {
	var ends []int64
	for p := range pairs {
		ends = append(ends, p[0], p[1])
	}
	if err := c.load(ends); err != nil {
		return err
	}
	masked := map[int64]linkage.Fact{}
	for _, s := range ends {
		if _, ok := masked[s]; ok {
			continue
		}
		m, err := c.masked(c.facts[s])
		if err != nil {
			return err
		}
		masked[s] = m
	}
	var links []Link
	for p := range pairs {
		if l, ok := linkage.Score(masked[p[0]], masked[p[1]], linkage.Defaults); ok {
			links = append(links, linkOf(p[0], p[1], l))
		}
	}
	sortLinks(links)
	return c.work.PutLinks(links)
}

func linkOf(a, b int64, l linkage.Link) Link {
	out := Link{A: min(a, b), B: max(a, b), Weight: l.Weight}
	for _, e := range l.Evidence {
		out.Evidence = append(out.Evidence, string(e))
	}
	return out
}

func sortLinks(links []Link) {
	slices.SortFunc(links, func(a, b Link) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
}

// masked is what linkage is shown of a fact: observables that too many facts
// share are marked as common, since a part of the facts would not tell that.
func (c *change) masked(f Fact) (linkage.Fact, error) {
	out := f.Compared
	out.Observables = slices.Clone(out.Observables)
	for i, o := range out.Observables {
		if o.Common {
			continue
		}
		b, err := c.block(tokenKey(o))
		if err != nil {
			return linkage.Fact{}, err
		}
		out.Observables[i].Common = b.over
	}
	return out, nil
}

// load fetches facts that are not at hand.
func (c *change) load(seqs []int64) error {
	var missing []int64
	for _, s := range seqs {
		if _, ok := c.facts[s]; !ok {
			missing = append(missing, s)
		}
	}
	slices.Sort(missing)
	facts, err := c.work.Facts(slices.Compact(missing))
	for _, f := range facts {
		c.facts[f.Seq] = f
	}
	return err
}

// components finds everything that is linked to the seeds, directly or over
// others, and cuts it into connected parts.
func (c *change) components(seeds []int64) ([][]int64, error) {
	parent := map[int64]int64{}
	var root func(int64) int64
	root = func(s int64) int64 {
		if parent[s] != s {
			parent[s] = root(parent[s])
		}
		return parent[s]
	}
	frontier := map[int64]bool{}
	enter := func(s int64) {
		if _, known := parent[s]; !known {
			parent[s] = s
			frontier[s] = true
		}
	}
	for _, s := range seeds {
		enter(s)
	}
	for len(frontier) > 0 {
		links, err := c.work.Links(slices.Sorted(maps.Keys(frontier)))
		if err != nil {
			return nil, err
		}
		clear(frontier)
		for _, l := range links {
			enter(l.A)
			enter(l.B)
			if a, b := root(l.A), root(l.B); a != b {
				parent[max(a, b)] = min(a, b)
			}
		}
	}
	parts := map[int64][]int64{}
	for s := range parent {
		parts[root(s)] = append(parts[root(s)], s)
	}
	var out [][]int64
	for _, first := range slices.Sorted(maps.Keys(parts)) {
		slices.Sort(parts[first])
		out = append(out, parts[first])
	}
	return out, nil
}

// place makes incidents of the components in place of those that their facts,
// and the facts that went, stood in.
func (c *change) place(components [][]int64, gone []Fact) error {
	former := map[wire.IncidentID]bool{}
	for _, f := range gone {
		former[f.Incident] = true
	}
	var made []KeptIncident
	var moved []Fact
	for _, component := range components {
		incidents, err := c.incidents(component)
		if err != nil {
			return err
		}
		for _, i := range incidents {
			for _, s := range i.Sources {
				f := c.facts[s.Seq]
				former[f.Incident] = true
				if f.Incident != "" && f.Incident != i.ID {
					moved = append(moved, f)
				}
			}
		}
		made = append(made, incidents...)
	}
	delete(former, "")
	if err := c.ties.note(moved); err != nil {
		return err
	}
	old := slices.Sorted(maps.Keys(former))
	if err := c.ties.replace(old, made); err != nil {
		return err
	}
	if err := c.work.DropIncidents(old); err != nil {
		return err
	}
	for _, i := range made {
		if err := c.work.PutIncident(i); err != nil {
			return err
		}
	}
	return nil
}

// incidents lets linkage decide on a component.
func (c *change) incidents(component []int64) ([]KeptIncident, error) {
	if err := c.load(component); err != nil {
		return nil, err
	}
	at := make(map[int64]int64, len(component)) // linkage's number → Seq
	facts := make([]linkage.Fact, len(component))
	for i, s := range component {
		m, err := c.masked(c.facts[s])
		if err != nil {
			return nil, err
		}
		facts[i], at[m.Report] = m, s
	}
	var out []KeptIncident
	for _, cluster := range linkage.Clusters(facts, linkage.Defaults) {
		i := KeptIncident{}
		earliest := Fact{}
		for _, n := range cluster.Reports {
			f := c.facts[at[n]]
			i.Sources = append(i.Sources, f.source())
			if earliest.Seq == 0 || f.First < earliest.First {
				earliest = f
			}
		}
		for _, l := range cluster.Links {
			i.Links = append(i.Links, linkOf(at[l.A], at[l.B], l))
		}
		slices.SortFunc(i.Sources, func(a, b Source) int { return cmp.Compare(a.Seq, b.Seq) })
		sortLinks(i.Links)
		i.ID, i.Sector = earliest.Own, earliest.Sector
		out = append(out, i)
	}
	return out, nil
}
