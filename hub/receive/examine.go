package receive

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// examined is a contribution of which everything is known that can be known
// without the record: what each report is refused for, or its digest.
type examined struct {
	reports []examinedReport
	nils    []examinedNil
}

// examinedReport is a report with its refusal (status refused), or without
// one and then with its digest.
type examinedReport struct {
	report  report.Minimised
	refusal wire.Result
	digest  []byte
}

// examinedNil is a nil report and its result.
type examinedNil struct {
	said   report.Nil
	result wire.Result
}

// ids lists the reports that may be stored.
func (e examined) ids() []wire.ReportID {
	ids := make([]wire.ReportID, 0, len(e.reports))
	for _, x := range e.reports {
		if x.refusal.Status != wire.Refused {
			ids = append(ids, x.report.ID)
		}
	}
	return ids
}

// examine holds every report to its sector's standard and to the terms that
// its contributor agreed to.
func (d *Desk) examine(ctx context.Context, c opened, from admit.Standing) (e examined, err error) {
	var rules map[standard.Ref]*terms.Rules
	if len(c.reports) > 0 {
		if rules, err = d.rules.of(from, d.Standard); err != nil {
			return examined{}, err
		}
	}
	for _, o := range c.reports {
		x := examinedReport{report: o.report}
		if o.problem != nil {
			x.refusal = unreadable(o)
		} else {
			x.refusal = d.examineReport(o.report, from, rules, c.made)
		}
		if x.refusal.Status != wire.Refused {
			if x.digest, err = d.Key.Digest(x.report); err != nil {
				return examined{}, err
			}
		}
		e.reports = append(e.reports, x)
	}
	if len(c.Nil) == 0 {
		return e, nil
	}
	told, err := d.toldBy(ctx, from, e.reports)
	if err != nil {
		return examined{}, err
	}
	for _, n := range c.Nil {
		result, err := d.examineNil(ctx, n, e.nils, told, from)
		if err != nil {
			return examined{}, err
		}
		e.nils = append(e.nils, examinedNil{said: n, result: result})
	}
	return e, nil
}

// unreadable refuses a report that could not be read. What wire says repeats
// nothing of it; what the types say that read themselves might, and receipts
// are kept.
func unreadable(o offered) wire.Result {
	f := fault.Public(o.problem)
	why := f.Message
	if !strings.HasPrefix(f.Code, "json.") && !strings.HasPrefix(f.Code, "report.") {
		why = "the value that stands here is none of those that it can be"
	}
	return refuse(o.report.ID, f.Code, ownNames(f.Path), why)
}

// examineReport returns a refusal, or a result without a status. The report
// left its owner when its contribution was made.
func (d *Desk) examineReport(r report.Minimised, from admit.Standing, rules map[standard.Ref]*terms.Rules, made time.Time) wire.Result {
	if !wire.ValidID('r', r.ID) {
		return refuse("", "report.id", "id", "the report's id is no id of a report")
	}
	if r.Revision < 0 {
		return refuse(r.ID, "report.revision", "revision", "a revision is counted from 0")
	}
	if len(r.Said) > report.MaxSaid {
		return refuse(r.ID, "report.too_many", "said", fmt.Sprintf("the report has %d statements; at most %d are taken", len(r.Said), report.MaxSaid))
	}
	if len(r.Observables) > report.MaxObservables {
		return refuse(r.ID, "report.too_many", "observables", fmt.Sprintf("the report has %d observables; at most %d are taken", len(r.Observables), report.MaxObservables))
	}
	if refusal := sectorRefusal(r.ID, r.Sector, from); refusal.Status == wire.Refused {
		return refusal
	}
	if agreed := from.Agreement().Standards[r.Sector]; r.Standard != agreed {
		return refuse(r.ID, "report.standard", "standard",
			fmt.Sprintf("the agreement says that reports of sector %s follow %s; convert the report to it", r.Sector, agreed))
	}
	under := rules[r.Standard]
	for _, p := range r.Validate(under.Standard()) {
		return refuse(r.ID, p.Code, p.Path, p.Message)
	}
	if refusal := termsRefusal(r, under, made); refusal.Status == wire.Refused {
		return refusal
	}
	return futureRefusal(r, under.Standard(), d.Now().Add(d.Skew))
}

func sectorRefusal(id wire.ReportID, sector string, from admit.Standing) wire.Result {
	if _, agreed := from.Agreement().Standards[sector]; !agreed || !from.Member().InSector(sector) {
		return refuse(id, "report.sector", "sector", "the member's agreement does not cover this sector")
	}
	return wire.Result{}
}

// termsRefusal refuses what the contributor's own terms let nobody receive: an
// edge that is right would not have let it out, so that the hub must not keep
// it.
func termsRefusal(r report.Minimised, rules *terms.Rules, made time.Time) wire.Result {
	for i, s := range r.Said {
		if !leaves(rules, s.Path, s.Form, made) {
			return refuse(r.ID, "report.beyond_terms", fmt.Sprintf("said[%d] %s", i, s.Path),
				fmt.Sprintf("the member's terms let nobody receive this field in the form %s", s.Form))
		}
	}
	for i, o := range r.Observables {
		path := report.ObservablePath(o.Type)
		exact := leaves(rules, path, standard.Form{Kind: standard.Exact}, made)
		if !exact && (o.Value != "" || o.Count != 0 || len(o.FirstSeen) > len(time.DateOnly) || len(o.LastSeen) > len(time.DateOnly)) {
			return refuse(r.ID, "report.beyond_terms", fmt.Sprintf("observables[%d]", i),
				fmt.Sprintf("the member's terms let nobody receive observables of type %s exactly; token, role and days are all that may leave", o.Type))
		}
		if o.Token != "" && !leaves(rules, path, standard.Form{Kind: standard.Token}, made) {
			return refuse(r.ID, "report.beyond_terms", fmt.Sprintf("observables[%d].token", i),
				fmt.Sprintf("the member's terms let nobody receive observables of type %s", o.Type))
		}
	}
	return wire.Result{}
}

// leaves reports whether the field may leave its owner in this form then: somebody
// may receive it so, or somebody may receive it exactly and this is the token
// by which the exact value is linked.
func leaves(rules *terms.Rules, path string, form standard.Form, at time.Time) bool {
	for _, d := range rules.Leaving(path, at) {
		if d.Form == form || d.Form.Kind == standard.Exact && form.Kind == standard.Token {
			return true
		}
	}
	return false
}

// ownNames keeps of a JSON pointer the positions and the names that a report
// may have. A name that does not belong there could hold anything, and
// receipts are kept.
func ownNames(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil && !slices.Contains(reportNames, p) {
			parts[i] = "?"
		}
	}
	return strings.Join(parts, "/")
}

// reportNames are the names in the JSON of report.Minimised.
var reportNames = []string{"", "id", "revision", "sector", "standard", "on_behalf", "commitment",
	"said", "path", "row", "form", "value",
	"observables", "type", "token", "role", "first_seen", "last_seen", "count", "common"}

// rulesCache keeps the compiled terms of agreements: they never change, and
// compiling costs more than all else that is done with a small contribution.
type rulesCache struct {
	mu    sync.Mutex
	rules map[wire.AgreementID]map[standard.Ref]*terms.Rules
}

// maxCached bounds the cache; when it is full it starts anew.
const maxCached = 4096

func (c *rulesCache) of(from admit.Standing, find func(standard.Ref) (*standard.Standard, error)) (map[standard.Ref]*terms.Rules, error) {
	id := from.Agreement().ID
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok := c.rules[id]; ok {
		return r, nil
	}
	rules, err := from.Rules(find)
	if err != nil {
		return nil, err
	}
	if c.rules == nil || len(c.rules) >= maxCached {
		c.rules = map[wire.AgreementID]map[standard.Ref]*terms.Rules{}
	}
	c.rules[id] = rules
	return rules, nil
}
