package sim

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// What is planted is found by its looks, in whatever it stands: marked words,
// addresses and amounts of which each is told once, and pseudonyms.
var (
	plantedLooks = regexp.MustCompile(`zq[0-9]+x[0-9]+[a-z]|\b45\.[0-9]+\.[0-9]+\.[0-9]+\b|\b[1-9][0-9]{11}\b`)
	aliasLooks   = regexp.MustCompile(`pseudonym-[0-9a-f]+`)
)

func plantedIn(text string) []string { return plantedLooks.FindAllString(text, -1) }

// glimpse is what the oracle lets one audience see of a report.
type glimpse struct {
	rev  *edition
	mine bool
	may  []allowed
}

// incidents are the reports that the hub has consolidated, by incident: each in
// its newest revision of those, as far as it is there.
func (f *fate) incidents() [][]*edition {
	cursor, err := f.hub().Consolidate.Cursor(f.ctx())
	f.must(err)
	known := map[wire.ReportID]*account{}
	for _, r := range f.live() {
		known[r.id] = r
	}
	by := map[wire.IncidentID][]*edition{}
	f.must(f.hub().Consolidate.Membership(f.ctx(), func(k consolidate.ReportKey, id wire.IncidentID) error {
		if r := known[k.Report]; r != nil {
			for _, rev := range slices.Backward(r.revs) {
				if rev.seq <= cursor {
					by[id] = append(by[id], rev)
					break
				}
			}
		}
		return nil
	}))
	var all [][]*edition
	for _, id := range slices.Sorted(maps.Keys(by)) {
		all = append(all, by[id])
	}
	return all
}

// readerOf is a member as a recipient now.
func (f *fate) readerOf(p *party, purpose member.Purpose) reader {
	who := reader{member: p.id, stake: p.card.Stake, kind: p.card.Kind, sectors: p.card.Sectors, roles: p.card.Roles, country: p.card.Jurisdiction, purpose: purpose, contributed: f.contributed(p)}
	if p.card.Project != nil {
		who.project = p.card.Project.ID
	}
	return who
}

// mayOf is what somebody may see of a report that others told: nothing while its
// contributor is suspended, and once its agreement has ended, unless it keeps.
func (f *fate) mayOf(rev *edition, who reader, groups int) []allowed {
	by := rev.of.by
	if by.suspended || !f.now().Before(by.until) && !by.keeps {
		return nil
	}
	return f.oracle.may(by.sheet, rev.left, who, moment{rev.of.sector, rev.received, f.now(), groups})
}

// sights are what an audience may see of an incident, sources of which it may
// see nothing left out. Its own it sees as they left.
func (f *fate) sights(in []*edition, p *party, purpose member.Purpose) (all []glimpse) {
	groups := map[wire.OwnerGroup]bool{}
	for _, rev := range in {
		groups[rev.of.by.card.OwnerGroup] = true
	}
	who := f.readerOf(p, purpose)
	for _, rev := range in {
		s := glimpse{rev: rev, mine: rev.of.by == p}
		switch {
		case s.mine:
			s.may = f.oracle.asItLeft(rev.of.sector, rev.left)
		case slices.Contains(who.sectors, rev.of.sector):
			s.may = f.mayOf(rev, who, len(groups))
		}
		if s.mine || len(s.may) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// inSector are the sights of one sector.
func inSector(all []glimpse, sector string) []glimpse {
	return slices.DeleteFunc(slices.Clone(all), func(s glimpse) bool { return s.rev.of.sector != sector })
}

// view is all that one audience may see now.
type view struct {
	p       *party
	purpose member.Purpose
	sights  [][]glimpse // by incident
	values  map[string]bool
	aliased map[string]bool // by path and value
}

func (f *fate) viewOf(p *party, purposes ...member.Purpose) view {
	v := view{p: p, purpose: purposes[0], values: map[string]bool{}, aliased: map[string]bool{}}
	for _, purpose := range purposes {
		for _, in := range f.incidents() {
			all := f.sights(in, p, purpose)
			if len(all) > 0 {
				v.sights = append(v.sights, all)
			}
			for _, s := range all {
				for _, a := range s.may {
					// Its own it sees also where it left to be counted.
					if a.form.Kind == standard.Exact || a.form.Kind == standard.Counted {
						for _, found := range plantedIn(a.value) {
							v.values[found] = true
						}
					}
					v.aliased[a.path+" "+a.value] = true
				}
			}
		}
	}
	return v
}

// fails notes what is wrong, with what the story tells of the reports.
func (f *fate) fails(of []*account, format string, args ...any) {
	var names []string
	for _, r := range of {
		names = append(names, r.name+" ", r.name+",", r.by.Party.Name+" (")
	}
	lines := slices.DeleteFunc(slices.Clone(f.story), func(line string) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(line, n) })
	})
	f.wrong = append(f.wrong, fmt.Sprintf("seed %d, step %d, %s, process %d: %s\nof which the story tells:\n%s", f.seed, f.step, f.now().Format("2006-01-02 15:04:05"), f.at, fmt.Sprintf(format, args...), strings.Join(last(lines, 15), "\n")))
}

// scan looks for everything that is planted in an answer: none of it may be
// there that its reader may not see.
func (f *fate) scan(v view, door, text string) {
	for _, found := range plantedIn(text) {
		f.looked[door]++
		if revs := f.planted[found]; len(revs) > 0 && !v.values[found] {
			f.fails(accountsOf(revs), "%s sees %q for %s at the door %s, and may not", v.p, found, v.purpose, door)
			return
		}
	}
	values := f.known[audience{v.p.id, v.purpose}]
	for _, alias := range aliasLooks.FindAllString(text, -1) {
		if value, ok := values[alias]; ok && !v.aliased[value] {
			f.fails(nil, "%s sees the pseudonym of %q for %s at the door %s, and may not", v.p, value, v.purpose, door)
			return
		}
	}
}

func accountsOf(revs []*edition) (all []*account) {
	for _, r := range revs {
		all = append(all, r.of)
	}
	return all
}
