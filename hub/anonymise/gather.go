package anonymise

import (
	"cmp"
	"context"
	"math"
	"reflect"
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
	// asked are how many owner groups must stand behind a class in which the
	// quasi-identifiers and attributes stand, in that order, as the terms ask
	// under which they were told; 0: no more than the policy asks.
	asked []int
	// by are the contributors with their stakes; they never leave this room.
	by []contributor
	// parts are the reports of which it holds something.
	parts []part
	// latest is when the newest of its reports was received.
	latest time.Time
}

// part is a report that a row holds something of: what its contributor grants,
// and at which moment.
type part struct {
	from    receive.Row
	granted terms.Table
	moment  terms.Moment
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
	// rare counts the values that were left out since too few owner groups
	// stand behind them for the terms under which they were told.
	rare int
	// uses are the clauses that it was gathered under.
	uses uses
	// basis is what a release made of it rests on.
	basis Basis
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

// researchTable is what research of a sector may study of a contributor.
func researchTable(rules *terms.Rules, sector string) terms.Table {
	return rules.For(member.Viewer{Member: researcher(sector), Purpose: member.Study}, sector)
}

func (r *Room) gather(ctx context.Context, sector string, std *standard.Standard, now time.Time) (*table, error) {
	t := newTable(sector, std)
	allowed := map[string]terms.Table{} // by agreement and standard
	counts := map[wire.MemberID]member.Member{}
	err := r.Told.Each(ctx, sector, func(told consolidate.Told) error {
		one := row{quasi: make([]string, len(t.quasi)), attrs: make([]string, len(t.attrs)), asked: make([]int, len(t.quasi)+len(t.attrs))}
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
				grants = researchTable(rules, sector)
				allowed[key] = grants
				t.grant(grants)
				t.uses.know(key, rules)
			}
			p := part{receive.Row{Seq: from.Seq, Member: from.Member, Standard: from.Standard}, grants,
				terms.Moment{Received: from.Received, Now: now, Groups: told.Incident.Behind()}}
			if !t.hear(&one, rep, p) {
				continue
			}
			one.parts = append(one.parts, p)
			t.uses.note(key, t, grants.At(p.moment))
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
	all := len(t.groups())
	t.leaveOut(func(int) int { return all })
	return t, err
}

// leaveOut leaves out of the rows what asks for more owner groups than stand
// behind it, and rows of which nothing is left; behind tells of each row how
// many stand behind its class, or what it can be. It reports whether a class
// may have changed.
func (t *table) leaveOut(behind func(i int) int) (changed bool) {
	kept := t.rows[:0]
	for i, r := range t.rows {
		n := math.MaxInt
		if slices.Max(r.asked) > 0 {
			n = behind(i)
		}
		empty := true
		for slot, asked := range r.asked {
			at, told := slot, &r.quasi
			if slot >= len(t.quasi) {
				told, at = &r.attrs, at-len(t.quasi)
			}
			value := &(*told)[at]
			if asked > n && *value != unknownValue {
				changed = changed || told == &r.quasi
				t.rare += strings.Count(*value, listed) + 1
				*value, r.asked[slot] = unknownValue, 0
			}
			empty = empty && *value == unknownValue
		}
		if empty && n != math.MaxInt {
			changed = true
			continue
		}
		kept = append(kept, r)
	}
	t.rows = kept
	return changed
}

// changed reports whether something else was granted of a row at a moment: what
// was held back until after it came only then, and what has ended went.
func (t *table) changed(r row, since time.Time) bool {
	for _, p := range r.parts {
		then := p.moment
		then.Now = since
		if next := p.granted.Next(then); next.IsZero() || next.After(p.moment.Now) {
			continue
		}
		before, now := p.granted.At(then), p.granted.At(p.moment)
		for _, f := range slices.Concat(t.quasi, t.attrs) {
			if !reflect.DeepEqual(before.Grants(f.Path), now.Grants(f.Path)) {
				return true
			}
		}
	}
	return false
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
func (t *table) hear(one *row, rep receive.Received, p part) bool {
	heard, allowed := false, p.granted.At(p.moment)
	quasi, asked := make([]string, len(t.quasi)), make([]int, len(t.quasi))
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
			least, _ := p.granted.Groups(path, v.Form, p.moment)
			if qi >= 0 {
				quasi[qi], asked[qi] = unite(quasi[qi], value), max(asked[qi], least)
			} else {
				one.attrs[at] = unite(one.attrs[at], value)
				one.asked[len(t.quasi)+at] = max(one.asked[len(t.quasi)+at], least)
			}
			break
		}
	}
	for q, list := range quasi {
		switch {
		case t.better(q, list, one.quasi[q]):
			one.quasi[q], one.asked[q] = list, asked[q]
		case list == one.quasi[q]:
			one.asked[q] = max(one.asked[q], asked[q])
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
