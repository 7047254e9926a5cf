package collect

import (
	"fmt"
	"slices"

	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// withoutFuture leaves out of a report the dates that have not come yet, and
// lists each: they are mistyped, the hub would refuse the report for them, and
// the rest of it is right. The native file keeps them.
func (o Options) withoutFuture(c Collected, a *mapping.Account) Collected {
	std, err := o.Find(c.report.Standard)
	if err != nil || o.Latest.IsZero() {
		return c
	}
	refuse := func(path string) {
		a.Refuse(mapping.Place{File: c.file, Line: c.line, Path: path, Reason: "the date has not come yet; it is left out"})
	}
	c.report.Statements = slices.DeleteFunc(slices.Clone(c.report.Statements), func(s report.Statement) bool {
		f, ok := std.Field(s.Path)
		future := ok && f.Type == standard.Date && report.Later(s.Value, o.Latest)
		if future {
			refuse(s.Path)
		}
		return future
	})
	c.report.Observables = slices.Clone(c.report.Observables)
	for i := range c.report.Observables {
		seen := &c.report.Observables[i]
		if report.Later(seen.FirstSeen, o.Latest) {
			refuse(fmt.Sprintf("observables[%d].first_seen", i))
			seen.FirstSeen = ""
		}
		if report.Later(seen.LastSeen, o.Latest) {
			refuse(fmt.Sprintf("observables[%d].last_seen", i))
			seen.LastSeen = ""
		}
	}
	return c
}
