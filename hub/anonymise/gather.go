package anonymise

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// row is one incident, as far as its contributors let research study it.
type row struct {
	quasi  []string // one a quasi-identifier column, "" unknown
	attrs  []string // one an attribute column
	victim string   // token, "" unknown; never leaves this room
	// by are the contributors with their stakes; they never leave this room.
	by []contributor
	// latest is when the newest of its reports was received.
	latest time.Time
}

// contributor is whom thresholds count: an owner group, or the organisation
// on whose behalf a report was relayed.
type contributor struct {
	group string
	stake member.Stake
}

// table is what a release is made of.
type table struct {
	sector string
	std    *standard.Standard
	quasi  []standard.Field
	attrs  []standard.Field
	at     map[string]int // path → place among attrs
	rows   []row
	reason map[string]string // fields left out → why
	// granted are the attributes that some contributor lets research study,
	// whether or not anybody told of them.
	granted map[string]bool
	// marking is the strictest of the grants that were used.
	marking string
}

// quasiIdentifiers of a release, by path: what somebody who knows a victim
// might know. All other quasi-identifying fields are left out.
var quasiIdentifiers = []string{"victim.industry", "victim.employee_count", "victim.country", timeOfIncident}

const (
	timeOfIncident = "timeline.incident"
	sizeOfVictim   = "victim.employee_count"
	victimIdentity = "victim.victim_id"
)

// banded are the amounts that a release holds, in bands.
var banded = []string{"attribute.confidentiality.data_total", "impact.overall_amount"}

// columns chooses the release's columns from the standard: the
// quasi-identifiers, and every descriptive field of closed codes. Identifying
// fields, narrative and indicators never come into a release, and amounts only
// in bands.
func columns(std *standard.Standard) (quasi, attrs []standard.Field, reason map[string]string) {
	reason = map[string]string{}
	for _, path := range quasiIdentifiers {
		if f, ok := std.Field(path); ok {
			quasi = append(quasi, f)
		}
	}
	for _, f := range std.Fields() {
		switch why := leftOut(f); {
		case slices.Contains(quasiIdentifiers, f.Path):
		case why != "":
			reason[f.Path] = why
		default:
			attrs = append(attrs, f)
		}
	}
	return quasi, attrs, reason
}

// leftOut says why a field that is no quasi-identifier of a release has no
// place in it, or "".
func leftOut(f standard.Field) string {
	switch f.Class {
	case standard.Identifying:
		return "it identifies"
	case standard.Narrative:
		return "free text can hold anything"
	case standard.Indicator:
		return "indicators are for defence, not for publication"
	case standard.QuasiIdentifier:
		return "together with others it could identify"
	case standard.Amount:
		if !slices.Contains(banded, f.Path) {
			return "exact amounts could identify"
		}
		return ""
	}
	switch {
	case f.CodeList == "currency":
		return "a currency tells the country"
	case f.Type == standard.Code || f.Type == standard.Boolean:
		return ""
	}
	return "it is neither a code nor a band"
}

// researcher is the recipient for whom a release is computed: any member of
// the research stake, within the sector.
func researcher(sector string) member.Member {
	return member.Member{Stake: member.Research, Kind: "university", Sectors: []string{sector}}
}

func (r *Room) gather(ctx context.Context, sector string, std *standard.Standard, now time.Time) (*table, error) {
	t := newTable(sector, std)
	allowed := map[string]terms.Table{} // by agreement and standard
	counts := map[wire.MemberID]member.Member{}
	err := r.Told.Each(ctx, sector, func(told consolidate.Told) error {
		one := row{quasi: make([]string, len(t.quasi)), attrs: make([]string, len(t.attrs))}
		for _, rep := range told.Reports {
			from := rep.Row()
			m, ok := counts[from.Member]
			if !ok {
				var err error
				if m, err = r.Members.Member(ctx, from.Member); err != nil {
					return err
				}
				counts[from.Member] = m
			}
			if m.CountsFrom.After(now) {
				continue
			}
			key := string(from.Agreement) + "\x00" + string(from.Member) + "\x00" + from.Standard
			grants, ok := allowed[key]
			if !ok {
				rules, err := r.Rules.Of(ctx, rep)
				if err != nil {
					return err
				}
				grants = rules.For(researcher(sector), sector, member.Study)
				allowed[key] = grants
				t.grant(grants)
			}
			if !t.hear(&one, rep, grants) {
				continue
			}
			who := contributor{string(from.OwnerGroup), m.Stake}
			if on := rep.Report().OnBehalf; on != "" {
				who.group = "on behalf " + on
			}
			if !slices.Contains(one.by, who) {
				one.by = append(one.by, who)
			}
			if from.Received.After(one.latest) {
				one.latest = from.Received
			}
		}
		if len(one.by) > 0 {
			t.rows = append(t.rows, one)
		}
		return nil
	})
	return t, err
}

func newTable(sector string, std *standard.Standard) *table {
	t := &table{sector: sector, std: std, at: map[string]int{}, granted: map[string]bool{}, marking: terms.Markings()[0]}
	t.quasi, t.attrs, t.reason = columns(std)
	for i, f := range t.attrs {
		t.at[f.Path] = i
	}
	return t
}

// grant notes which attributes a contributor's terms let research study.
func (t *table) grant(allowed terms.Table) {
	for _, f := range t.attrs {
		for _, g := range allowed.Grants(f.Path) {
			if g.Form.Kind == standard.Exact || g.Form.Kind == standard.Generalised {
				t.granted[f.Path] = true
			}
		}
	}
}

// groups are the owner groups whose incidents research may study.
func (t *table) groups() map[string]bool {
	all := map[string]bool{}
	for _, r := range t.rows {
		for _, c := range r.by {
			all[c.group] = true
		}
	}
	return all
}

// hear adds what one report says to an incident's row, as far as research may
// study it, and reports whether that was anything. Of a quasi-identifier the
// most precise telling stands; attributes of all sources are united.
func (t *table) hear(one *row, rep receive.Received, allowed terms.Table) bool {
	heard := false
	quasi := make([]string, len(t.quasi))
	for forms := range terms.Statements(rep.Report().Said) {
		path := forms[0].Path
		if path == victimIdentity {
			for _, s := range forms {
				// Of several names the first in order, whoever told first.
				if s.Form.Kind == standard.Token && (one.victim == "" || s.Value < one.victim) {
					one.victim = s.Value
				}
			}
			continue
		}
		qi := slices.IndexFunc(t.quasi, func(f standard.Field) bool { return f.Path == path })
		at, told := t.at[path]
		if qi < 0 && !told {
			continue
		}
		for _, v := range allowed.Reduce(forms) {
			value, ok := t.tellable(path, v)
			if !ok {
				continue
			}
			heard = true
			if terms.Strictness(v.TLP) > terms.Strictness(t.marking) {
				t.marking = v.TLP
			}
			if qi >= 0 {
				quasi[qi] = unite(quasi[qi], value)
			} else {
				one.attrs[at] = unite(one.attrs[at], value)
			}
			break
		}
	}
	for q, list := range quasi {
		if t.better(q, list, one.quasi[q]) {
			one.quasi[q] = list
		}
	}
	return heard
}

// tellable is the value as a release may hold it: no token, nothing that says
// nothing, and amounts in bands.
func (t *table) tellable(path string, v terms.Reduced) (string, bool) {
	if v.Form.Kind == standard.Token || v.Value == standard.Any {
		return "", false
	}
	f, _ := t.std.Field(path)
	if f.Class != standard.Amount {
		return v.Value, true
	}
	levels := t.std.Levels(f)
	if len(levels) == 0 {
		return "", false
	}
	band, err := t.std.Generalise(f, levels[0], v.Value)
	return band, err == nil && band != standard.Any
}

// better reports whether a telling of a quasi-identifier is preferred to
// another: the finer one, then the one of more values, then the first in
// order, so that it never matters which report came first.
func (t *table) better(q int, a, b string) bool {
	if a == "" || b == "" {
		return a != "" && b == ""
	}
	return cmp.Or(cmp.Compare(t.coarseness(q, a), t.coarseness(q, b)),
		cmp.Compare(strings.Count(b, listed), strings.Count(a, listed)), cmp.Compare(a, b)) < 0
}

// coarseness is the highest level at which a value can stand, -1 for one as
// fine as can be; of a list that of its coarsest value.
func (t *table) coarseness(q int, list string) int {
	f, worst := t.quasi[q], -1
	for v := range strings.SplitSeq(list, listed) {
		for i, level := range t.std.Levels(f) {
			if t.std.Coarsened(f, level, v) {
				worst = max(worst, i)
			}
		}
	}
	return worst
}

// listed stands between the values of a list.
const listed = "; "

// unite adds a value to a list written "a; b", sorted, each once.
func unite(list, v string) string {
	if list == "" || list == v {
		return v
	}
	all := strings.Split(list, listed)
	if slices.Contains(all, v) {
		return list
	}
	all = append(all, v)
	slices.Sort(all)
	return strings.Join(all, listed)
}

// Why a field of a release tells nothing. Whether nobody reported it, or too
// few did, is not told apart: the one would tell of the other that there is
// something. What contributors grant tells nothing of what they reported.
const (
	notGranted = "no contributor lets research study it"
	noneOrRare = "either nobody reported it or too few did to hide among each other; saying which would tell of those few"
)

// withheld says of each field that the released rows do not tell why.
func (t *table) withheld(rows [][]string) map[string]string {
	out := map[string]string{}
	for path, why := range t.reason {
		out[path] = why
	}
	for i, f := range t.attrs {
		at := len(t.quasi) + i
		if !slices.ContainsFunc(rows, func(r []string) bool { return r[at] != unknownValue }) {
			out[f.Path] = noneOrRare
			if !t.granted[f.Path] {
				out[f.Path] = notGranted
			}
		}
	}
	return out
}

// period is the first and last time that the released rows tell, as coarse as
// they tell it: what was suppressed does not show in it.
func (t *table) period(rows [][]string) (from, to string) {
	at := slices.IndexFunc(t.quasi, func(f standard.Field) bool { return f.Path == timeOfIncident })
	if at < 0 {
		return "", ""
	}
	for _, r := range rows {
		if v := r[at]; v != unknownValue && v != standard.Any {
			if from == "" || v < from {
				from = v
			}
			to = max(to, v)
		}
	}
	return from, to
}
