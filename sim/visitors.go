package sim

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// Visitor is a person who may look at the demo, with a sign-in link.
type Visitor struct {
	Person, Member string
	Stake          member.Stake
	Link           string
	// Config is the configuration of the visitor's member, for the command line.
	Config string
	// Try is what there is to see for this person, in words; Look is the page
	// that shows it, "" if it is to be found from the first one.
	Try, Look string
}

// sight is something that a visitor may be led to.
type sight struct {
	try, look string
}

// guest is a kind of visitor: who it is, and what there is to be seen.
type guest struct {
	stake  member.Stake
	kinds  []member.Kind
	person string
	// sector that is preferred; "" for any.
	sector string
	// find is tried at one member after the other, or after that at the first.
	find, or func(context.Context, *Trust, *Seat) (sight, bool, error)
	// otherwise is to be tried where none of its kind finds anything.
	otherwise string
}

func guests() []guest {
	return []guest{
		{member.Industry, []member.Kind{"firm", "isac", "insurer"}, "A. Analyst", "finance", joinedReport, nil,
			"see what changed in the sector, and take the indicators as CSV"},
		{member.LawEnforcement, []member.Kind{"police"}, "D. Detective", "", somethingWithheld, severalTell,
			"open an incident, and see who says what of it"},
		{member.Research, []member.Kind{"university", "institute"}, "R. Doctoral-Student", "", newestRelease, nil,
			"see which figures are shown, and what is missing from them; there is no release yet"},
	}
}

// Visitors makes fresh sign-in links for a person of each stake, at a member
// that has something to be seen, and says where.
func (t *Trust) Visitors(ctx context.Context) ([]Visitor, error) {
	seats, err := t.byJoins(ctx)
	if err != nil {
		return nil, err
	}
	var out []Visitor
	for _, g := range guests() {
		seat, seen, err := g.choose(ctx, t, seats)
		if err != nil {
			return nil, err
		}
		if seat == nil {
			continue
		}
		link, err := seat.Member.Hub.Login(ctx, wire.LoginRequest{Person: g.person})
		if err != nil {
			return nil, err
		}
		config, err := filepath.Abs(filepath.Join(seat.Member.Config.Dir, node.ConfigName))
		if err != nil {
			return nil, err
		}
		v := Visitor{Person: g.person, Member: seat.Party.Name, Stake: g.stake, Link: link.URL, Config: config, Try: seen.try, Look: seen.look}
		if v.Look != "" {
			v.Look = t.URL + v.Look
		}
		out = append(out, v)
	}
	return out, nil
}

// mostTried bounds the members that are tried for something to be seen.
const mostTried = 5

// choose finds a member of the guest's kinds that has something to be seen,
// and else takes the first.
func (g guest) choose(ctx context.Context, t *Trust, seats []*Seat) (chosen *Seat, seen sight, err error) {
	seen.try = g.otherwise
	tried := 0
	preferred := func(s *Seat) bool { return g.sector == "" || slices.Contains(s.Party.Sectors, g.sector) }
	seats = slices.Clone(seats)
	slices.SortStableFunc(seats, func(a, b *Seat) int {
		return cmp.Compare(fmt.Sprint(preferred(b)), fmt.Sprint(preferred(a))) // "true" before "false"
	})
	for _, s := range seats {
		if s.Party.Stake != g.stake || !slices.Contains(g.kinds, s.Party.Kind) {
			continue
		}
		if chosen == nil {
			chosen = s
		}
		if tried++; tried > mostTried {
			break
		}
		if found, ok, err := g.find(ctx, t, s); ok || err != nil {
			return s, found, err
		}
	}
	if chosen != nil && g.or != nil {
		if found, ok, err := g.or(ctx, t, chosen); ok || err != nil {
			return chosen, found, err
		}
	}
	return chosen, seen, nil
}

// byJoins orders the members by how many incidents they tell of together with
// others, most first; members that never do keep their order.
func (t *Trust) byJoins(ctx context.Context) ([]*Seat, error) {
	tellers := map[wire.IncidentID][]wire.MemberID{}
	if err := t.Hub.Consolidate.Membership(ctx, func(k consolidate.ReportKey, i wire.IncidentID) error {
		if !slices.Contains(tellers[i], k.Member) {
			tellers[i] = append(tellers[i], k.Member)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	joined := map[wire.MemberID]int{}
	for _, members := range tellers {
		if len(members) > 1 {
			for _, m := range members {
				joined[m]++
			}
		}
	}
	seats := slices.Clone(t.Members)
	slices.SortStableFunc(seats, func(a, b *Seat) int {
		return cmp.Compare(joined[b.Member.Agreement.Member.ID], joined[a.Member.Agreement.Member.ID])
	})
	return seats, nil
}

// viewer is a person of a member at the hub's pages.
func (t *Trust) viewer(ctx context.Context, s *Seat, p member.Purpose) (member.Viewer, error) {
	m, err := t.Hub.Store.Member(ctx, s.Member.Agreement.Member.ID)
	return member.Viewer{Member: m, Purpose: p, At: time.Now()}, err
}

// pagesTried bounds how far the lists of incidents are looked through.
const pagesTried = 4

// incidentFor finds an incident of the member's sectors, newest first, that
// has what is asked for.
func (t *Trust) incidentFor(ctx context.Context, s *Seat, v member.Viewer, has func(deliver.IncidentSummary) (bool, error)) (deliver.IncidentSummary, bool, error) {
	for _, sector := range s.Party.Sectors {
		next := ""
		for range pagesTried {
			a, err := t.Hub.Deliver.Incidents(ctx, v, sector, next, deliver.PageSize)
			if err != nil {
				return deliver.IncidentSummary{}, false, err
			}
			page := a.Body()
			for _, i := range page.Items {
				if ok, err := has(i); ok || err != nil {
					return i, ok, err
				}
			}
			if next = page.Next; next == "" {
				break
			}
		}
	}
	return deliver.IncidentSummary{}, false, nil
}

// joinedReport leads an analyst to an incident that the member and others tell
// of.
func joinedReport(ctx context.Context, t *Trust, s *Seat) (sight, bool, error) {
	v, err := t.viewer(ctx, s, member.Defend)
	if err != nil {
		return sight{}, false, err
	}
	i, ok, err := t.incidentFor(ctx, s, v, func(i deliver.IncidentSummary) (bool, error) { return i.Mine && i.Sources > 1, nil })
	return sight{fmt.Sprintf("see what changed in the sector, take the indicators as CSV, and open an incident that %d reports tell of, one of them your own", i.Sources),
		fmt.Sprintf("/incidents/%s?for=%s", i.ID, member.Defend)}, ok, err
}

// somethingWithheld leads a detective to an incident that several tell of and
// of which something is withheld from who investigates: one of a campaign, if
// there is such a one.
func somethingWithheld(ctx context.Context, t *Trust, s *Seat) (sight, bool, error) {
	for _, inCampaign := range []bool{true, false} {
		i, ok, err := t.withheldFrom(ctx, s, member.Investigate, inCampaign)
		if !ok && err == nil {
			continue
		}
		try := fmt.Sprintf("see who says what of this incident, of which %d reports tell, and below it what is withheld from you and why", i.Sources)
		if inCampaign {
			try += "; then open its campaign, and see what ties incidents of different victims"
		}
		return sight{try, fmt.Sprintf("/incidents/%s?for=%s", i.ID, member.Investigate)}, ok, err
	}
	return sight{}, false, nil
}

// severalTell leads a detective to an incident that several tell of, where
// nothing of any is withheld: terms can be that wide.
func severalTell(ctx context.Context, t *Trust, s *Seat) (sight, bool, error) {
	v, err := t.viewer(ctx, s, member.Investigate)
	if err != nil {
		return sight{}, false, err
	}
	i, ok, err := t.incidentFor(ctx, s, v, func(i deliver.IncidentSummary) (bool, error) { return i.Sources > 1, nil })
	return sight{fmt.Sprintf("see who says what of this incident, of which %d reports tell, and what ties them", i.Sources),
		fmt.Sprintf("/incidents/%s?for=%s", i.ID, member.Investigate)}, ok, err
}

// withheldFrom finds an incident with several sources of which something is
// withheld from a member for a purpose.
func (t *Trust) withheldFrom(ctx context.Context, s *Seat, p member.Purpose, inCampaign bool) (deliver.IncidentSummary, bool, error) {
	v, err := t.viewer(ctx, s, p)
	if err != nil {
		return deliver.IncidentSummary{}, false, err
	}
	tried := 0
	return t.incidentFor(ctx, s, v, func(i deliver.IncidentSummary) (bool, error) {
		if i.Sources < 2 || inCampaign && len(i.Campaigns) == 0 || tried >= deliver.PageSize {
			return false, nil
		}
		tried++
		return t.withholds(ctx, v, i.ID)
	})
}

// withholds says whether something of an incident is shown as withheld.
func (t *Trust) withholds(ctx context.Context, v member.Viewer, id wire.IncidentID) (bool, error) {
	a, err := t.Hub.Deliver.Incident(ctx, v, id)
	if err != nil {
		return false, err
	}
	i := a.Body()
	return len(i.WithheldObservables) > 0 || slices.ContainsFunc(i.Fields, func(f deliver.FieldView) bool { return f.Withheld != "" }), nil
}

// newestRelease leads a student to a release.
func newestRelease(ctx context.Context, t *Trust, s *Seat) (sight, bool, error) {
	v, err := t.viewer(ctx, s, member.Study)
	if err != nil {
		return sight{}, false, err
	}
	for _, sector := range s.Party.Sectors {
		a, err := t.Hub.Deliver.ReleasesOf(ctx, v, sector)
		if err != nil {
			return sight{}, false, err
		}
		if made := a.Body(); len(made) > 0 {
			return sight{"read how this release was made and its codebook, and download it as Parquet", "/releases/" + string(made[0].ID)}, true, nil
		}
	}
	return sight{}, false, nil
}
