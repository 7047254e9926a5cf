package linkage

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Sighting is one rare-token candidate: an observable seen in an incident.
type Sighting struct {
	Incident int64 // an incident's number, unique
	// Group is whom thresholds count: the owner group that told, or the
	// organisation on whose behalf it was told.
	Group string
	Token string
	Type  string
}

// CampaignParameters say when a shared token ties incidents.
type CampaignParameters struct {
	// MaxIncidents is the largest number of incidents that share a token which
	// still counts as rare.
	MaxIncidents int
	// MinGroups is the least number of owner groups that told of a campaign.
	MinGroups int
	// Of is the number of incidents there are in all; 0 if that is not known.
	// A token that more than the share MaxShare of them have is not rare, but
	// up to leastRare incidents always are few.
	Of       int
	MaxShare float64
}

// CampaignDefaults are the parameters in use.
var CampaignDefaults = CampaignParameters{MaxIncidents: 40, MinGroups: 2, MaxShare: 0.05}

// leastRare is the number of incidents that are few however small the whole.
const leastRare = 8

// rare is the largest number of incidents that a token may tie.
func (p CampaignParameters) rare() int {
	if p.Of <= 0 || p.MaxShare <= 0 {
		return p.MaxIncidents
	}
	return min(p.MaxIncidents, max(leastRare, int(math.Floor(p.MaxShare*float64(p.Of)))))
}

// Campaign is a set of incidents tied by rare shared tokens: all incidents
// that can be reached from one another over such tokens.
type Campaign struct {
	Incidents []int64
	Groups    []string
	// Tokens counts the tokens that tie, by type.
	Tokens map[string]int
	// Ties say which token ties which of the incidents, in order of type and
	// token: why they are one campaign.
	Ties []Tie
}

// Tie is a rare token and the incidents, ascending, that share it.
type Tie struct {
	Type, Token string
	Incidents   []int64
}

// Campaigns ties incidents. Sightings of common benign infrastructure must be
// left out by the caller. The result does not depend on the order; campaigns
// are in order of their first incident.
func Campaigns(sightings []Sighting, p CampaignParameters) []Campaign {
	ties := tiesOf(sightings, p.rare())
	groups := map[int64]map[string]bool{}
	for _, s := range sightings {
		if groups[s.Incident] == nil {
			groups[s.Incident] = map[string]bool{}
		}
		groups[s.Incident][s.Group] = true
	}
	parts := partsOf(ties)
	made := map[int64]*Campaign{}
	for _, incident := range slices.Sorted(maps.Keys(parts)) {
		root := parts.root(incident)
		if made[root] == nil {
			made[root] = &Campaign{Tokens: map[string]int{}}
		}
		made[root].Incidents = append(made[root].Incidents, incident)
	}
	for _, t := range ties {
		c := made[parts.root(t.Incidents[0])]
		c.Tokens[t.Type]++
		c.Ties = append(c.Ties, t)
	}
	var out []Campaign
	for _, root := range slices.Sorted(maps.Keys(made)) {
		c := made[root]
		told := map[string]bool{}
		for _, i := range c.Incidents {
			maps.Copy(told, groups[i])
		}
		c.Groups = slices.Sorted(maps.Keys(told))
		if len(c.Groups) >= p.MinGroups {
			out = append(out, *c)
		}
	}
	return out
}

// tiesOf finds the tokens that at least two and at most rare incidents share,
// in order.
func tiesOf(sightings []Sighting, rare int) []Tie {
	type key struct{ typ, token string }
	incidents := map[key]map[int64]bool{}
	for _, s := range sightings {
		k := key{s.Type, s.Token}
		if incidents[k] == nil {
			incidents[k] = map[int64]bool{}
		}
		if s.Token != "" && len(incidents[k]) <= rare { // one too many is enough to know
			incidents[k][s.Incident] = true
		}
	}
	var ties []Tie
	for k, in := range incidents {
		if len(in) >= 2 && len(in) <= rare {
			ties = append(ties, Tie{k.typ, k.token, slices.Sorted(maps.Keys(in))})
		}
	}
	slices.SortFunc(ties, func(a, b Tie) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Token, b.Token)) })
	return ties
}

// parts is a forest: the root of each incident is the least one that it can be
// reached from.
type parts map[int64]int64

func (p parts) root(i int64) int64 {
	for p[i] != i {
		p[i] = p[p[i]]
		i = p[i]
	}
	return i
}

func partsOf(ties []Tie) parts {
	p := parts{}
	for _, t := range ties {
		for _, i := range t.Incidents {
			if _, known := p[i]; !known {
				p[i] = i
			}
			if a, b := p.root(t.Incidents[0]), p.root(i); a != b {
				p[max(a, b)] = min(a, b)
			}
		}
	}
	return p
}
