package reconcile

import (
	"fmt"
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// minGroups is the least number of owner groups that is ever told apart.
const minGroups = 5

// ForRequester is what the requester may see of an outcome: no names, and
// owner groups by stake in bands. Every field has all stakes, so that not even
// the absence of a line tells anything.
type ForRequester struct {
	Request string           `json:"request"`
	At      Day              `json:"at"`
	By      Day              `json:"by"`
	Fields  []RequesterField `json:"fields"`
	Offers  []RequesterOffer `json:"offers"`
}

// RequesterField says in bands how much of a field flows and who blocks it.
type RequesterField struct {
	Path       string        `json:"path"`
	Title      string        `json:"title"`
	NeededForm standard.Form `json:"needed_form"`
	// Coverage is a band of ten percent, or words where either side of it
	// has fewer than 5 owner groups.
	Coverage string         `json:"coverage_now"`
	Blocked  []GroupsInBand `json:"blocked"`
}

// GroupsInBand is a number of owner groups of a stake, as a band.
type GroupsInBand struct {
	Stake  member.Stake `json:"stake"`
	Groups string       `json:"owner_groups"`
}

// RequesterOffer says in bands who would have to concede something. What it
// costs whom is none of the requester's business.
type RequesterOffer struct {
	Aim   Aim            `json:"aim"`
	Asked []GroupsInBand `json:"asked"`
	// Paths are the fields of which more would flow.
	Paths []string `json:"paths"`
}

// Requester makes the requester's view.
func (o *Outcome) Requester() ForRequester {
	v := ForRequester{Request: o.Request, At: o.At, By: o.By, Fields: []RequesterField{}, Offers: []RequesterOffer{}}
	for k, f := range o.Fields {
		flowing, blocked := groups{}, groups{}
		for i := range o.trust.rows {
			r := &o.trust.rows[i]
			switch {
			case !r.cells[k].exists:
			case o.trust.flows(r, k, o.At):
				flowing.add(r)
			default:
				blocked.add(r)
			}
		}
		v.Fields = append(v.Fields, RequesterField{
			Path: f.Path, Title: f.Title, NeededForm: f.NeededForm,
			Coverage: coverageBand(f.CoverageNow, flowing.count(), blocked.count()), Blocked: blocked.bands(),
		})
	}
	for _, offer := range o.Offers {
		asked, paths := groups{}, []string{}
		for _, c := range offer.Concessions {
			i := slices.IndexFunc(o.trust.rows, func(r row) bool { return r.Name == c.Contributor })
			asked.add(&o.trust.rows[i])
			paths = append(paths, c.Path)
		}
		slices.Sort(paths)
		v.Offers = append(v.Offers, RequesterOffer{offer.Aim, asked.bands(), slices.Compact(paths)})
	}
	return v
}

// groups counts owner groups by stake.
type groups map[member.Stake]map[string]bool

func (g groups) add(r *row) {
	if g[r.Stake] == nil {
		g[r.Stake] = map[string]bool{}
	}
	g[r.Stake][r.Group] = true
}

func (g groups) count() int {
	all := map[string]bool{}
	for _, names := range g {
		for name := range names {
			all[name] = true
		}
	}
	return len(all)
}

func (g groups) bands() []GroupsInBand {
	var out []GroupsInBand
	for _, s := range member.Stakes() {
		out = append(out, GroupsInBand{s, band(len(g[s]))})
	}
	return out
}

// band writes a number of owner groups so that fewer than 5, none included,
// look alike.
func band(n int) string {
	bounds := []int{minGroups, 10, 20, 50, 100}
	low := 0
	for _, b := range bounds {
		if n < b {
			return fmt.Sprintf("%d–%d", low, b-1)
		}
		low = b
	}
	return fmt.Sprintf("%d or more", low)
}

func coverageBand(coverage float64, flowing, blocked int) string {
	switch {
	case flowing < minGroups && blocked < minGroups:
		return "too few to tell"
	case blocked < minGroups:
		return "all or nearly all"
	case flowing < minGroups:
		return "none or hardly any"
	}
	low := bandOf(coverage)
	return fmt.Sprintf("%d–%d %%", low, low+10)
}

// bandOf is the lower end of a coverage's band, in percent.
func bandOf(coverage float64) int { return 10 * min(9, int(coverage*10)) }

// ForContributor is what one contributor may see: what its own clauses do to
// the request, and what offers ask of it. Nothing in it depends on others but
// that it is asked at all.
type ForContributor struct {
	Request     string             `json:"request"`
	Title       string             `json:"title,omitzero"`
	Contributor string             `json:"contributor"`
	Fields      []ContributorField `json:"fields"`
	Offers      []ContributorOffer `json:"offers"`
}

// ContributorField says what of a field its own clauses grant.
type ContributorField struct {
	Path       string        `json:"path"`
	Title      string        `json:"title"`
	NeededForm standard.Form `json:"needed_form"`
	Form       string        `json:"form"`
	Flows      bool          `json:"flows"`
	Clause     string        `json:"clause,omitzero"`
	Reason     string        `json:"reason,omitzero"`
}

// ContributorOffer is what an offer asks of a contributor, with the clauses
// that would say so.
type ContributorOffer struct {
	Aim         Aim          `json:"aim"`
	Concessions []Concession `json:"concessions"`
	Clauses     []Sentence   `json:"clauses,omitzero"`
}

// Contributor makes the view of one contributor.
func (o *Outcome) Contributor(name string) (ForContributor, error) {
	i := slices.IndexFunc(o.trust.rows, func(r row) bool { return r.Name == name })
	if i < 0 {
		return ForContributor{}, fault.New(fault.NotFound, "reconcile.no_contributor", "the request concerns no contributor %q", name)
	}
	r := &o.trust.rows[i]
	v := ForContributor{Request: o.Request, Title: o.trust.req.Title, Contributor: name, Fields: []ContributorField{}, Offers: []ContributorOffer{}}
	for k, f := range o.Fields {
		if c := r.cells[k]; c.exists {
			v.Fields = append(v.Fields, ContributorField{f.Path, f.Title, f.NeededForm, c.shown(), c.byThen, c.clause, c.reason})
		}
	}
	for _, offer := range o.Offers {
		mine := slices.DeleteFunc(slices.Clone(offer.Concessions), func(c Concession) bool { return c.Contributor != name })
		if len(mine) == 0 {
			continue
		}
		a, err := o.Amend(offer, name)
		if err != nil {
			return ForContributor{}, err
		}
		one := ContributorOffer{Aim: offer.Aim, Concessions: mine, Clauses: a.Clauses}
		v.Offers = append(v.Offers, one)
	}
	return v, nil
}
