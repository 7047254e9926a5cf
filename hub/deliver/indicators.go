package deliver

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Indicators answers with the indicator feed of a sector: each value that the
// viewer may have exact, with what is known of it. Benign infrastructure and
// what only the viewer reported are left out of the count of members.
func (r *Room) Indicators(ctx context.Context, v member.Viewer, sector string) (Answer[[]IndicatorRow], error) {
	if _, err := r.Sector(v, sector); err != nil {
		return Answer[[]IndicatorRow]{}, err
	}
	all := r.newIndicators(v, sector)
	if err := r.Told.Each(ctx, sector, func(told consolidate.Told) error { return all.add(ctx, told) }); err != nil {
		return Answer[[]IndicatorRow]{}, err
	}
	rows := make([]IndicatorRow, 0, len(all.by))
	for _, ind := range all.by {
		rows = append(rows, all.row(ind))
	}
	slices.SortFunc(rows, func(a, b IndicatorRow) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return Answer[[]IndicatorRow]{body: rows, until: all.t.next}, nil
}

// indicators gathers what incidents tell of values that a viewer may have
// exact.
type indicators struct {
	room   *Room
	sector string
	t      *tables
	by     map[[2]string]*indicator // by type and value
}

type indicator struct {
	row    IndicatorRow
	groups map[string]bool
}

func (r *Room) newIndicators(v member.Viewer, sector string) *indicators {
	return &indicators{room: r, sector: sector, t: r.tablesFor(v), by: map[[2]string]*indicator{}}
}

// add gathers what the reports of an incident tell.
func (all *indicators) add(ctx context.Context, told consolidate.Told) error {
	all.t.changes(told.Incident.Next())
	for _, rep := range told.Reports {
		if err := all.report(ctx, rep, told.Incident.Behind()); err != nil {
			return err
		}
	}
	return nil
}

func (all *indicators) report(ctx context.Context, rep receive.Received, groups int) error {
	table, err := all.t.of(ctx, rep, groups)
	if err != nil {
		return err
	}
	group, counts, err := all.t.contributor(ctx, rep)
	if err != nil {
		return err
	}
	for _, o := range rep.Report().Observables {
		grant, ok := table.Receives(report.ObservablePath(o.Type), standard.Exact)
		if !ok || o.Value == "" || o.Common != "" {
			continue
		}
		key := [2]string{o.Type, o.Value}
		ind := all.by[key]
		if ind == nil {
			ind = &indicator{row: IndicatorRow{Value: o.Value, Type: o.Type, TLP: grant.TLP, PAP: grant.PAP}, groups: map[string]bool{}}
			all.by[key] = ind
		}
		ind.row.LastSeen = max(ind.row.LastSeen, day(o.LastSeen), month(rep.Row().Received))
		ind.row.TLP, ind.row.PAP = stricter(ind.row.TLP, grant.TLP), moreCautious(ind.row.PAP, grant.PAP)
		ind.row.DeleteBy = earliest(ind.row.DeleteBy, deleteBy(rep.Row().Received, grant.Keep))
		if counts {
			ind.groups[group] = true
		}
	}
	return nil
}

// row is what is known of a value, once all is gathered.
func (all *indicators) row(ind *indicator) IndicatorRow {
	row, least := ind.row, all.room.minimum(all.sector)
	if row.Members = analyse.Band(len(ind.groups)); len(ind.groups) < least {
		row.Members = fmt.Sprintf("fewer than %d", least)
	}
	return row
}

// words say of a row what formats have no place for.
func (row IndicatorRow) words() string {
	return fmt.Sprintf("Last seen %s; reported by %s members.", row.LastSeen, row.Members) + deleteWords(row.DeleteBy)
}

// deleteWords ends a description with the day by which copies are deleted, if
// there is one.
func deleteWords(by string) string {
	if by == "" {
		return ""
	}
	return " Delete copies by " + by + "."
}
