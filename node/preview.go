package node

import (
	"strings"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// placed finds the rules and the sector under which a report that follows a
// standard is contributed: the same for a preview as for what is sent.
func (m *Member) placed(ref standard.Ref) (*terms.Rules, string, error) {
	if rules := m.rules[ref]; rules != nil {
		return rules, m.sectorOf(ref), nil
	}
	if m.Agreement.Terms == nil {
		return nil, "", m.unready
	}
	return nil, "", fault.New(fault.Forbidden, "report.other_sector",
		"your agreement does not cover the standard %s; if the report belongs to a sector of yours (%s), name it with --sector", ref, strings.Join(m.Agreement.Member.Sectors, ", "))
}

// Preview shows what would leave of a report if it were submitted at a moment,
// under the agreement that both sides signed, and what each audience would see
// of it then and later. What submit could not queue is refused as it would be.
func (m *Member) Preview(c collect.Collected, now, later time.Time) (minimise.Preview, error) {
	rules, sector, err := m.placed(c.Report().Standard)
	if err != nil {
		return minimise.Preview{}, err
	}
	if _, err := minimise.Minimise(c, rules, sector, now); err != nil {
		return minimise.Preview{}, err
	}
	set := minimise.Setting{Sector: sector, Now: now, Later: later, Jurisdiction: m.Agreement.Member.Jurisdiction}
	if !m.Agreement.Outlives() {
		set.Ends = m.Agreement.Until
	}
	return minimise.PreviewOf(c.Report(), rules, set), nil
}

// Unready says why nothing can be submitted now; nil if it can.
func (m *Member) Unready() error { return m.unready }
