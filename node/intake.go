package node

import (
	"context"
	"slices"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Submission is what became of collected reports, up to the outbox.
type Submission struct {
	// Queued counts reports, Again those of them that were queued before as
	// they are: the hub will answer that it has them.
	Queued int `json:"queued"`
	Again  int `json:"again"`
	// Failed lists reports that could not be queued, with their place.
	Failed        []Failure             `json:"failed,omitzero"`
	Contributions []wire.ContributionID `json:"contributions,omitzero"`
}

// Failure is one report that could not be prepared; the others go on.
type Failure struct {
	Where  string `json:"where"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// batch is how many reports are tokenised and queued together.
const batch = 200

// Intake takes collected reports through minimising and tokenising into the
// outbox, in batches.
type Intake struct {
	// Placed, if set, is told of each report's native id and where it went.
	Placed func(native string, p outbox.Placed)
	Done   Submission

	m       *Member
	waiting []minimise.Minimal
}

// Intake begins to take reports.
func (m *Member) Intake() (*Intake, error) {
	if m.rules == nil {
		return nil, fault.New(fault.Forbidden, "agreement.receives_only", "the agreement has no terms for contributing; `concord member join` agrees on a sheet")
	}
	return &Intake{m: m}, nil
}

// Add takes one report. One that cannot be prepared is listed in Done.
func (in *Intake) Add(ctx context.Context, c collect.Collected) error {
	ref := c.Report().Standard
	rules := in.m.rules[ref]
	if rules == nil {
		in.Done.Failed = append(in.Done.Failed, Failure{c.Where(), "report.other_standard", "your agreement does not cover the standard " + string(ref)})
		return nil
	}
	minimal, err := minimise.Minimise(c, rules, in.m.sectorOf(ref))
	if err != nil {
		f := fault.Public(err)
		in.Done.Failed = append(in.Done.Failed, Failure{c.Where(), f.Code, f.Message})
		return nil
	}
	if in.waiting = append(in.waiting, minimal); len(in.waiting) == batch {
		return in.Flush(ctx)
	}
	return nil
}

// Flush tokenises and queues what waits.
func (in *Intake) Flush(ctx context.Context) error {
	if len(in.waiting) == 0 {
		return nil
	}
	ready, err := in.m.Tokeniser.Tokenise(ctx, in.waiting)
	if err != nil {
		return err
	}
	placed, err := in.m.Outbox.Put(ctx, ready)
	if err != nil {
		return err
	}
	for i, p := range placed {
		in.Done.Queued++
		if p.Again {
			in.Done.Again++
		}
		if !slices.Contains(in.Done.Contributions, p.Contribution) {
			in.Done.Contributions = append(in.Done.Contributions, p.Contribution)
		}
		if in.Placed != nil {
			in.Placed(in.waiting[i].Origin().Native, p)
		}
	}
	in.waiting = in.waiting[:0]
	return nil
}

// StandardFor picks the standard for a report: the sector's, if one is named,
// else that of the member's sector which fits the victim's industry.
func (m *Member) StandardFor(sector string) func(report.Report) standard.Ref {
	return func(r report.Report) standard.Ref {
		if sector != "" {
			return m.Agreement.Standards[sector]
		}
		for _, s := range []string{SectorOfIndustry(r.Value("victim.industry")), "general", m.Agreement.Member.Sectors[0]} {
			if ref, ok := m.Agreement.Standards[s]; ok {
				return ref
			}
		}
		return ""
	}
}

func (m *Member) sectorOf(ref standard.Ref) string {
	for _, s := range m.Agreement.Member.Sectors {
		if m.Agreement.Standards[s] == ref {
			return s
		}
	}
	return ""
}
