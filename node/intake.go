package node

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
	if m.unready != nil {
		return nil, m.unready
	}
	return &Intake{m: m}, nil
}

// Add takes one report. One that cannot be prepared is listed in Done.
func (in *Intake) Add(ctx context.Context, c collect.Collected) error {
	rules, sector, err := in.m.placed(c.Report().Standard)
	var minimal minimise.Minimal
	if err == nil {
		minimal, err = minimise.Minimise(c, rules, sector, in.m.Outbox.Now())
	}
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

// Sector checks that a sector is one of the member's; "" is to be picked by
// report.
func (m *Member) Sector(name string) error {
	if _, mine := m.Agreement.Standards[name]; !mine && name != "" {
		return fault.New(fault.Usage, "member.sector", "you take no part in a sector %q; yours are %s", name, strings.Join(m.Agreement.Member.Sectors, ", "))
	}
	return nil
}

// StandardFor picks the standard for a report: that of the sector, if one is
// named, else of the one that fits the victim's industry. A victim of no
// industry that has a sector belongs to the general sector, or where the
// member takes no part in that, to its first. A sector that is not the
// member's is not exchanged for one of its own: [Intake.Add] lists the report.
func (m *Member) StandardFor(sector string) func(report.Report) standard.Ref {
	return func(r report.Report) standard.Ref {
		s := cmp.Or(sector, SectorOfIndustry(r.Value("victim.industry")))
		if ref, mine := m.Agreement.Standards[s]; mine {
			return ref
		}
		if s == generalSector {
			return m.Agreement.Standards[m.Agreement.Member.Sectors[0]]
		}
		return standard.Ref(s + "/1.0")
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
