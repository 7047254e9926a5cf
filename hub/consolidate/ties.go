package consolidate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/wire"
)

// ties brings campaigns up to date after incidents have changed: incidents
// are tied by tokens that some, but not too many, of them share.
//
// What can change are the campaigns of the incidents that changed, and of
// those that share a token with them; where a token became too frequent, or
// rare again, of all that share it. Everything that can be reached from these
// over rare tokens is computed anew.
type ties struct {
	work Workbench
	// was says of noted tokens whether they were too frequent to tie.
	was map[string]bool
	// made are the incidents that were made, dissolved the campaigns of those
	// in place of which they were.
	made      []wire.IncidentID
	dissolved []wire.CampaignID
}

func newTies(w Workbench) *ties {
	return &ties{work: w, was: map[string]bool{}}
}

// mostIncidents is how many incidents may share a token that still ties them.
func mostIncidents() int { return linkage.CampaignDefaults.MaxIncidents }

// note remembers how frequent the tokens of facts are, which are about to go
// or to move.
func (t *ties) note(facts []Fact) error {
	for _, f := range facts {
		for _, o := range f.Sightings() {
			if err := t.noteToken(o.Token); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteToken remembers how frequent a token was when it was first noted.
func (t *ties) noteToken(token string) error {
	if _, noted := t.was[token]; noted {
		return nil
	}
	in, err := t.work.Sighted(token, mostIncidents()+1)
	t.was[token] = len(in) > mostIncidents()
	return err
}

// replace notes which incidents are made in place of which.
func (t *ties) replace(old []wire.IncidentID, made []KeptIncident) (err error) {
	for _, i := range made {
		t.made = append(t.made, i.ID)
	}
	t.dissolved, err = t.work.CampaignsOf(old)
	return err
}

// renew makes campaigns anew wherever the noted changes can reach.
func (t *ties) renew() error {
	r := &reach{work: t.work, facts: map[wire.IncidentID][]Fact{}, rare: map[string]bool{}, dissolved: map[wire.CampaignID]bool{}}
	crossed, err := t.crossed()
	if err != nil {
		return err
	}
	members, err := r.dissolve(t.dissolved)
	if err != nil {
		return err
	}
	if err := r.follow(slices.Concat(t.made, crossed, members)); err != nil {
		return err
	}
	if err := t.work.DropCampaigns(slices.Sorted(maps.Keys(r.dissolved))); err != nil {
		return err
	}
	for _, c := range r.campaigns() {
		if err := t.work.PutCampaign(c); err != nil {
			return err
		}
	}
	return nil
}

// crossed returns the incidents with a token that became too frequent to tie,
// or rare enough again.
func (t *ties) crossed() (all []wire.IncidentID, err error) {
	for _, token := range slices.Sorted(maps.Keys(t.was)) {
		in, err := t.work.Sighted(token, mostIncidents()+1)
		if err != nil {
			return nil, err
		}
		is := len(in) > mostIncidents()
		if is == t.was[token] {
			continue
		}
		if is {
			if in, err = t.work.Sighted(token, 0); err != nil {
				return nil, err
			}
		}
		all = append(all, in...)
	}
	return all, nil
}

// reach is a set of incidents that no rare token leaves.
type reach struct {
	work  Workbench
	facts map[wire.IncidentID][]Fact
	// rare says of each token met whether it ties.
	rare map[string]bool
	// dissolved are the campaigns to which these incidents belonged.
	dissolved map[wire.CampaignID]bool
}

// dissolve notes campaigns that are made anew, and returns their incidents.
func (r *reach) dissolve(ids []wire.CampaignID) (members []wire.IncidentID, err error) {
	var fresh []wire.CampaignID
	for _, id := range ids {
		if !r.dissolved[id] {
			r.dissolved[id] = true
			fresh = append(fresh, id)
		}
	}
	campaigns, err := r.work.Campaigns(fresh)
	for _, c := range campaigns {
		members = append(members, c.Incidents...)
	}
	return members, err
}

// follow adds incidents and whatever can be reached from them.
func (r *reach) follow(next []wire.IncidentID) error {
	for len(next) > 0 {
		fresh, err := r.enter(next)
		if err != nil {
			return err
		}
		if next, err = r.neighbours(fresh); err != nil {
			return err
		}
	}
	return nil
}

// enter adds those incidents that are new here and still exist.
func (r *reach) enter(ids []wire.IncidentID) (fresh []wire.IncidentID, err error) {
	for _, id := range ids {
		if _, known := r.facts[id]; !known {
			r.facts[id] = nil
			fresh = append(fresh, id)
		}
	}
	facts, err := r.work.FactsIn(fresh)
	if err != nil {
		return nil, err
	}
	for _, f := range facts {
		r.facts[f.Incident] = append(r.facts[f.Incident], f)
	}
	return fresh, nil
}

// neighbours are the incidents that share a rare token or were in a campaign
// with these.
func (r *reach) neighbours(ids []wire.IncidentID) (next []wire.IncidentID, err error) {
	for _, id := range ids {
		for _, f := range r.facts[id] {
			for _, o := range f.Sightings() {
				if _, met := r.rare[o.Token]; met {
					continue
				}
				in, err := r.work.Sighted(o.Token, mostIncidents()+1)
				if err != nil {
					return nil, err
				}
				if r.rare[o.Token] = len(in) <= mostIncidents(); r.rare[o.Token] {
					next = append(next, in...)
				}
			}
		}
	}
	were, err := r.work.CampaignsOf(ids)
	if err != nil {
		return nil, err
	}
	members, err := r.dissolve(were)
	return append(next, members...), err
}

// campaigns lets linkage tie the incidents.
func (r *reach) campaigns() []KeptCampaign {
	ids := slices.Sorted(maps.Keys(r.facts))
	var sightings []linkage.Sighting
	for n, id := range ids {
		for _, f := range r.facts[id] {
			for _, o := range f.Sightings() {
				if r.rare[o.Token] {
					sightings = append(sightings, linkage.Sighting{Incident: int64(n), Group: f.Contributor, Token: o.Token, Type: o.Type})
				}
			}
		}
	}
	var out []KeptCampaign
	for _, c := range linkage.Campaigns(sightings, linkage.CampaignDefaults) {
		kept := KeptCampaign{Tokens: c.Tokens}
		var earliest Fact
		for _, n := range c.Incidents {
			kept.Incidents = append(kept.Incidents, ids[n])
			for _, f := range r.facts[ids[n]] {
				kept.Sources = append(kept.Sources, f.source())
				if earliest.Seq == 0 || f.First < earliest.First {
					earliest = f
				}
			}
		}
		slices.SortFunc(kept.Sources, func(a, b Source) int { return cmp.Compare(a.Seq, b.Seq) })
		kept.ID = earliest.OwnCampaign
		out = append(out, kept)
	}
	return out
}
