package consolidate

import (
	"context"
	"fmt"
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// DefaultLeast is the least number of other owner groups behind anything that
// is told, where the room knows no figure of a sector.
const DefaultLeast = 5

// Matches says what a contribution gives back to the member who made it. A
// report counts as matched only if enough owner groups other than the
// member's tell of its incident, or of the campaign to which that belongs: by
// itself, so that sending reports in other portions reveals nothing either.
// Where no report has so many behind it, nothing is told, not even a smaller
// number. The band is over all matched reports together.
func (r *Room) Matches(ctx context.Context, m wire.MemberID, contribution wire.ContributionID) (wire.Matches, error) {
	reports, err := r.Store.Contributed(ctx, m, contribution)
	if err != nil {
		return wire.Matches{}, err
	}
	cursor, err := r.Store.Cursor(ctx)
	if err != nil {
		return wire.Matches{}, err
	}
	me, err := r.Members.Member(ctx, m)
	if err != nil {
		return wire.Matches{}, err
	}
	out := wire.Matches{Ready: true, Of: len(reports)}
	counting := r.newCounting()
	behind := map[string]bool{}
	for _, rep := range reports {
		out.Ready = out.Ready && rep.Seq <= cursor
		least := r.least(rep.Sector)
		out.Least = max(out.Least, least)
		sources, err := r.around(ctx, ReportKey{m, rep.Report})
		if err != nil {
			return wire.Matches{}, err
		}
		others, err := counting.groups(ctx, others(sources, me.OwnerGroup))
		if err != nil {
			return wire.Matches{}, err
		}
		if len(others) < least {
			continue
		}
		out.Matched++
		for _, g := range others {
			behind[g] = true
		}
	}
	if out.Least == 0 {
		out.Least = r.least("")
	}
	if !out.Ready {
		return wire.Matches{Of: out.Of, Least: out.Least}, nil
	}
	if out.Matched > 0 {
		out.Groups = groupsBand(len(behind), out.Least)
	}
	return out, nil
}

// others drops what members of the group itself told, also what they relayed
// for somebody: nobody is matched with itself.
func others(sources []Source, group wire.OwnerGroup) []Source {
	return slices.DeleteFunc(sources, func(s Source) bool { return s.Group == group })
}

// around are the sources of a report's incident and of its campaign.
func (r *Room) around(ctx context.Context, key ReportKey) ([]Source, error) {
	kept, ok, err := r.Store.IncidentOf(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	sources := slices.Clone(kept.Sources)
	if kept.Campaign == "" {
		return sources, nil
	}
	c, err := r.Store.Campaign(ctx, kept.Campaign)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return sources, nil // made anew meanwhile
	}
	return append(sources, c.Sources...), err
}

func (r *Room) least(sector string) int {
	if r.Least == nil || sector == "" {
		return DefaultLeast
	}
	return r.Least(sector)
}

// groupsBand tells a number of owner groups, at least least, as a band.
func groupsBand(n, least int) string {
	switch {
	case n < 10:
		return fmt.Sprintf("%d–9", min(5, least))
	case n < 20:
		return "10–19"
	default:
		return "20+"
	}
}
