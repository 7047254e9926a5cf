package receive

import (
	"context"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// examineNil judges a nil report. One that was said before, or stands twice in
// the contribution, is a duplicate. One of a quarter that is not over says
// more than anybody can know, and one that the member's own reports contradict
// would count the quarter as quiet.
func (d *Desk) examineNil(ctx context.Context, n report.Nil, before []examinedNil, told map[report.Nil]bool, from admit.Standing) (wire.Result, error) {
	if refusal := sectorRefusal("", n.Sector, from); refusal.Status == wire.Refused {
		return refusal, nil
	}
	begins, err := n.Begins()
	if err != nil {
		f := fault.Public(err)
		return refuse("", f.Code, f.Path, f.Message), nil
	}
	now := d.Now().Add(d.Skew)
	if begins.After(now) {
		return refuse("", "nil.period", "period", "the quarter has not begun yet"), nil
	}
	if over := begins.AddDate(0, 3, 0); over.After(now) {
		return refuse("", "nil.period", "period", "the quarter is not over yet; say it from "+over.Format(time.DateOnly)+" on"), nil
	}
	for _, b := range before {
		if b.said == n && b.result.Status != wire.Refused {
			return wire.Result{Status: wire.Duplicate}, nil
		}
	}
	known, err := d.Record.NilReports(ctx, n.Sector, from.Member().ID)
	if err != nil {
		return wire.Result{}, err
	}
	for _, k := range known {
		if k.Period == n.Period {
			return wire.Result{Status: wire.Duplicate}, nil
		}
	}
	if told[n] {
		return refuse("", "nil.contradicts", "period",
			"you reported an incident of this quarter in this sector, so there was something to report; nothing more needs to be sent"), nil
	}
	return wire.Result{Status: wire.Accepted}, nil
}

// tellsOf is where the date of an incident stands.
const tellsOf = "timeline.incident"

// pageOfOwn is how many of a member's reports are read at a time.
const pageOfOwn = 500

// toldBy are the quarters, by sector, of which the member reported incidents:
// in the record, or beside its nil reports. A report that does not tell its
// quarter contradicts none.
func (d *Desk) toldBy(ctx context.Context, from admit.Standing, beside []examinedReport) (map[report.Nil]bool, error) {
	told := map[report.Nil]bool{}
	hear := func(r report.Minimised) {
		for _, s := range r.Said {
			if q := report.QuarterOf(s.Value); s.Path == tellsOf && q != "" {
				told[report.Nil{Sector: r.Sector, Period: q}] = true
			}
		}
	}
	for _, x := range beside {
		if x.refusal.Status != wire.Refused {
			hear(x.report)
		}
	}
	for before := int64(0); ; {
		rows, err := d.Record.ByMember(ctx, from.Member().ID, before, pageOfOwn)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			before = row.Seq
			if row.Superseded {
				continue
			}
			kept, err := Restore(d.Key, row)
			if fault.KindOf(err) == fault.NotFound {
				continue // erased
			}
			if err != nil {
				return nil, err
			}
			hear(kept.Report())
		}
		if len(rows) < pageOfOwn {
			return told, nil
		}
	}
}
