package reconcile

import (
	"cmp"
	"slices"

	"github.com/concord-trust/concord/member"
)

// Flow measures the paradox between two stakes in a sector: of what those who
// ask need of those who have it, how much flows, and how much would if the
// cheapest offer were accepted.
type Flow struct {
	Sector string `json:"sector"`
	// From is the stake of those who have it, To that of who asks.
	From member.Stake `json:"from"`
	To   member.Stake `json:"to"`
	// Requested is the weight of all cells, each a field of one contributor.
	Requested int64 `json:"requested"`
	// Flows and Blocked are shares of it, now, and add up to 1; WithOffer is
	// the share that would flow by the date wanted.
	Flows     float64 `json:"flows"`
	Blocked   float64 `json:"blocked"`
	WithOffer float64 `json:"with_offer"`

	// Basis is what the shares are made of.
	Basis Basis `json:"-"`
}

// Basis is what a [Flow] is made of: weights of cells, and on how many owner
// groups they rest. A group both flows and blocks if its fields differ.
type Basis struct {
	Flowing, Offered                         int64
	Groups, FlowingGroups, BlockedGroups     int
	GroupsWithOffer, GroupsBlockedThenAsWell int
}

// flowsWith measures what flows now and with the cheapest of some offers, or,
// without one, by the date wanted.
func (t *table) flowsWith(offers []Offer) []Flow {
	conceded := map[string]bool{}
	if len(offers) > 0 {
		for _, c := range offers[0].Concessions {
			conceded[c.Contributor+" "+c.Path] = true
		}
	}
	type pair struct {
		sector string
		from   member.Stake
	}
	type sets struct {
		Flow
		all, flowing, blocked, then, still map[string]bool
	}
	by := map[pair]*sets{}
	for i := range t.rows {
		r := &t.rows[i]
		for k := range r.cells {
			if !r.cells[k].exists {
				continue
			}
			p := pair{r.Sector, r.Stake}
			s := by[p]
			if s == nil {
				s = &sets{Flow: Flow{Sector: r.Sector, From: r.Stake, To: t.asker.Member.Stake},
					all: map[string]bool{}, flowing: map[string]bool{}, blocked: map[string]bool{}, then: map[string]bool{}, still: map[string]bool{}}
				by[p] = s
			}
			s.Requested += r.weight
			s.all[r.Group] = true
			if t.flows(r, k, t.at) {
				s.Basis.Flowing += r.weight
				s.flowing[r.Group] = true
			} else {
				s.blocked[r.Group] = true
			}
			if r.cells[k].byThen || conceded[r.Name+" "+t.req.Fields[k].Path] {
				s.Basis.Offered += r.weight
				s.then[r.Group] = true
			} else {
				s.still[r.Group] = true
			}
		}
	}
	out := []Flow{}
	for _, s := range by {
		s.Basis.Groups, s.Basis.FlowingGroups, s.Basis.BlockedGroups = len(s.all), len(s.flowing), len(s.blocked)
		s.Basis.GroupsWithOffer, s.Basis.GroupsBlockedThenAsWell = len(s.then), len(s.still)
		out = append(out, s.Flow.Shares())
	}
	SortFlows(out)
	return out
}

// Shares works the shares out from the basis.
func (f Flow) Shares() Flow {
	f.Flows, f.WithOffer = share(f.Basis.Flowing, f.Requested), share(f.Basis.Offered, f.Requested)
	f.Blocked = 1 - f.Flows
	return f
}

// SortFlows puts flows in order: by sector, by who has it, by who asks.
func SortFlows(all []Flow) {
	stake := func(s member.Stake) int { return slices.Index(member.Stakes(), s) }
	slices.SortFunc(all, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(a.Sector, b.Sector), stake(a.From)-stake(b.From), stake(a.To)-stake(b.To))
	})
}

// Sum adds up what several requests come to. Owner groups are not added: the
// sum rests on as many as the request that rests on the fewest, and on none if
// too few stand on a side in one request and not in another: neither "all" nor
// "none" is true of such a sum.
func Sum(requests ...[]Flow) []Flow {
	type pair struct {
		sector   string
		from, to member.Stake
	}
	by := map[pair]Flow{}
	for _, flows := range requests {
		for _, f := range flows {
			p := pair{f.Sector, f.From, f.To}
			s, ok := by[p]
			if !ok {
				by[p] = f
				continue
			}
			s.Requested += f.Requested
			a, b := &s.Basis, f.Basis
			a.Flowing, a.Offered = a.Flowing+b.Flowing, a.Offered+b.Offered
			a.Groups = min(a.Groups, b.Groups)
			a.FlowingGroups, a.BlockedGroups = bothRestOn(a.FlowingGroups, a.BlockedGroups, b.FlowingGroups, b.BlockedGroups)
			a.GroupsWithOffer, a.GroupsBlockedThenAsWell = bothRestOn(a.GroupsWithOffer, a.GroupsBlockedThenAsWell, b.GroupsWithOffer, b.GroupsBlockedThenAsWell)
			by[p] = s
		}
	}
	out := []Flow{}
	for _, f := range by {
		out = append(out, f.Shares())
	}
	SortFlows(out)
	return out
}

func bothRestOn(gives, not, gives2, not2 int) (int, int) {
	if (gives < minGroups) != (gives2 < minGroups) || (not < minGroups) != (not2 < minGroups) {
		return 0, 0
	}
	return min(gives, gives2), min(not, not2)
}

// FlowInBands is a [Flow] as anybody may see it: shares in bands of ten
// percent, or words where either side of one has fewer than 5 owner groups.
type FlowInBands struct {
	Sector    string       `json:"sector"`
	From      member.Stake `json:"from"`
	To        member.Stake `json:"to"`
	Flows     string       `json:"flows"`
	Blocked   string       `json:"blocked"`
	WithOffer string       `json:"with_offer"`
	// Lower is the lower end of the band of what flows, in percent; nil where
	// there is no band.
	Lower *int `json:"flows_from_percent,omitempty"`
}

// InBands protects a flow.
func (f Flow) InBands() FlowInBands {
	b := f.Basis
	v := FlowInBands{Sector: f.Sector, From: f.From, To: f.To,
		Flows:     coverageBand(f.Flows, b.FlowingGroups, b.BlockedGroups),
		Blocked:   coverageBand(1-f.Flows, b.BlockedGroups, b.FlowingGroups),
		WithOffer: coverageBand(f.WithOffer, b.GroupsWithOffer, b.GroupsBlockedThenAsWell)}
	if b.FlowingGroups >= minGroups && b.BlockedGroups >= minGroups {
		low := bandOf(f.Flows)
		v.Lower = &low
	}
	return v
}
