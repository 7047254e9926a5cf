package receive

import (
	"fmt"
	"time"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// futureRefusal refuses a report that tells of what has not come yet: a date
// later than the latest moment that it can be for its sender. Such a date is
// mistyped, and would head every list for as long as it takes to come true.
func futureRefusal(r report.Minimised, std *standard.Standard, latest time.Time) wire.Result {
	refused := func(path string) wire.Result {
		return refuse(r.ID, "report.future", path, fmt.Sprintf("the date lies in the future by the hub's clock (%s); correct it and send the report again",
			latest.UTC().Format(time.DateOnly)))
	}
	for _, s := range r.Said {
		// Only dates left as dates: a report that holds a token for one is
		// refused before.
		if f, ok := std.Field(s.Path); ok && f.Type == standard.Date && report.Later(s.Value, latest) {
			if s.Row > 0 {
				return refused(fmt.Sprintf("%s[%d]", s.Path, s.Row))
			}
			return refused(s.Path)
		}
	}
	for i, o := range r.Observables {
		switch {
		case report.Later(o.FirstSeen, latest):
			return refused(fmt.Sprintf("observables[%d].first_seen", i))
		case report.Later(o.LastSeen, latest):
			return refused(fmt.Sprintf("observables[%d].last_seen", i))
		}
	}
	return wire.Result{}
}
