package minimise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// AudienceView is what one audience would see of one value: when it is
// received, later, and when that changes between the two.
type AudienceView struct {
	Now     Sight    `json:"now"`
	Later   Sight    `json:"later"`
	Changes []Change `json:"changes,omitzero"`
}

// Sight is what is seen at one moment.
type Sight struct {
	Seen []Seen `json:"seen,omitzero"`
	// Withheld says why nothing is seen.
	Withheld string `json:"withheld,omitzero"`
	// Missed are the clauses that speak of what is withheld, and why they do
	// not grant it.
	Missed []terms.Miss `json:"missed,omitzero"`
}

// Seen is one form in which a value is seen, with what its recipient is held to
// and by which clauses.
type Seen struct {
	terms.Reduced
	// DeleteBy is when copies are to be deleted; zero: never.
	DeleteBy time.Time `json:"delete_by,omitzero"`
	Clauses  []string  `json:"clauses"`
	// Groups is how many owner groups must stand behind the incident for it to
	// be seen; 0: the report may stand alone.
	Groups int `json:"groups,omitzero"`
	// Only says who of the audience sees it; empty: everybody.
	Only []string `json:"only,omitzero"`
}

// Change is what begins and ends to be seen at a moment between the two.
type Change struct {
	At     time.Time `json:"at"`
	Begins []Seen    `json:"begins,omitzero"`
	Ends   []Seen    `json:"ends,omitzero"`
	// Because says why all ends; empty where clauses begin and end.
	Because string `json:"because,omitzero"`
}

// ever lists all that is seen at some moment.
func (a AudienceView) ever() []Seen {
	all := slices.Clone(a.Now.Seen)
	for _, c := range a.Changes {
		all = append(all, c.Begins...)
	}
	return all
}

// Obligations says to what the recipient is held: "TLP:AMBER, PAP:RED, …".
func (s Seen) Obligations() string {
	words := []string{s.TLP, s.PAP}
	switch s.Attribution {
	case terms.ByName:
		words = append(words, "your name is shown")
	case terms.NotAttributed:
		words = append(words, "who said it is not shown")
	default:
		words = append(words, "your stake is shown")
	}
	if !s.DeleteBy.IsZero() {
		words = append(words, "copies are deleted by "+dayOf(s.DeleteBy))
	}
	return strings.Join(words, ", ")
}

// Conditions says under which conditions it is seen, "" if under none.
func (s Seen) Conditions() string {
	var words []string
	if s.Groups > 0 {
		words = append(words, fmt.Sprintf("only while %d owner groups or more report the incident", s.Groups))
	}
	return strings.Join(append(words, s.Only...), ", ")
}

// Same reports whether the same is seen, under the same obligations and
// conditions.
func (s Seen) Same(o Seen) bool {
	return s.Reduced == o.Reduced && s.Groups == o.Groups && slices.Equal(s.Only, o.Only)
}

// previewer computes previews.
type previewer struct {
	rules     *terms.Rules
	set       Setting
	audiences []onlooker
	clauses   []clause
	// groups are the numbers of owner groups at which something changes.
	groups []int
	// ends is when nothing is passed on any more, and why; zero: never.
	ends   time.Time
	ending string
}

// clause is a clause of the sheet with the rules that it makes alone.
type clause struct {
	terms.Clause
	alone *terms.Rules
}

// onlooker is an audience with all ways in which some of it look on: the first
// is of everybody.
type onlooker struct {
	Audience
	eyes []eyes
	// moments are where something may change, after now, until later.
	moments []time.Time
}

// eyes are those of whoever fulfils a condition.
type eyes struct {
	only   []string
	viewer member.Viewer
	table  terms.Table
}

func newPreviewer(rules *terms.Rules, set Setting) *previewer {
	v := &previewer{rules: rules, set: set, groups: []int{1}}
	for _, c := range rules.Sheet().Clauses {
		v.groups = append(v.groups, max(1, c.Groups))
	}
	slices.Sort(v.groups)
	v.groups = slices.Compact(v.groups)
	sheet := *rules.Sheet()
	for _, c := range rules.Sheet().Clauses {
		sheet.Clauses = []terms.Clause{optional(c)}
		// One that cannot stand alone speaks of nothing in this standard.
		if alone, err := terms.Compile(&sheet, rules.Standard()); err == nil {
			v.clauses = append(v.clauses, clause{c, alone})
		}
	}
	if keep := rules.Sheet().Retention; keep != 0 {
		v.ends, v.ending = set.Now.Add(time.Duration(keep)), "the hub has destroyed the report by then: your terms keep it no longer"
	}
	if !set.Ends.IsZero() && (v.ends.IsZero() || set.Ends.Before(v.ends)) {
		v.ends, v.ending = set.Ends, "your agreement has ended by then, and nothing is passed on after it unless you renew it"
	}
	for _, a := range set.Audiences {
		v.audiences = append(v.audiences, v.onlooker(a))
	}
	return v
}

// optional is the clause as it is read for one of several standards, which may
// do without what it names.
func optional(c terms.Clause) terms.Clause {
	c.Fields = slices.Clone(c.Fields)
	for i, f := range c.Fields {
		c.Fields[i] = strings.TrimSuffix(f, "?") + "?"
	}
	return c
}

// onlooker computes the tables of an audience. Whether somebody contributed, or
// stands under the same law, is known of nobody, so both are looked at.
func (v *previewer) onlooker(a Audience) onlooker {
	o := onlooker{Audience: a}
	plain := member.Viewer{Member: member.Member{Stake: a.Stake, Kind: a.Kind}, Purpose: a.Purpose}
	if a.SameSector {
		plain.Member.Sectors = []string{v.set.Sector}
	}
	add := func(viewer member.Viewer, only ...string) {
		o.eyes = append(o.eyes, eyes{only, viewer, v.rules.For(viewer, v.set.Sector)})
	}
	const lately = "only by members of whom a report was accepted lately"
	contributing := plain
	contributing.Contributed = v.set.Later.Add(time.Duration(terms.MaxSpan))
	law := "only by members under the law of " + v.set.Jurisdiction
	add(plain)
	if v.asks(func(c terms.Clause) bool { return c.When.ContributedWithin != 0 }) {
		add(contributing, lately)
	}
	if v.set.Jurisdiction != "" && v.asks(func(c terms.Clause) bool {
		return slices.ContainsFunc(c.To, func(to terms.Recipient) bool { return slices.Contains(to.Jurisdictions, v.set.Jurisdiction) })
	}) {
		plain.Member.Jurisdiction, contributing.Member.Jurisdiction = v.set.Jurisdiction, v.set.Jurisdiction
		add(plain, law)
		add(contributing, law, lately)
	}
	for _, e := range o.eyes {
		for _, n := range v.groups {
			o.moments = append(o.moments, v.changes(e.table, n)...)
		}
	}
	if v.ends.After(v.set.Now) && !v.ends.After(v.set.Later) {
		o.moments = append(o.moments, v.ends)
	}
	slices.SortFunc(o.moments, time.Time.Compare)
	o.moments = slices.CompactFunc(o.moments, time.Time.Equal)
	return o
}

// changes are the moments until later at which a table changes, while so many
// owner groups stand behind the incident.
func (v *previewer) changes(t terms.Table, groups int) (all []time.Time) {
	for at := t.Next(v.moment(v.set.Now, groups)); !at.IsZero() && !at.After(v.set.Later); at = t.Next(v.moment(at, groups)) {
		all = append(all, at)
	}
	return all
}

func (v *previewer) asks(of func(terms.Clause) bool) bool {
	return slices.ContainsFunc(v.rules.Sheet().Clauses, of)
}

func (v *previewer) moment(at time.Time, groups int) terms.Moment {
	return terms.Moment{Received: v.set.Now, Now: at, Groups: groups}
}

func (v *previewer) over(at time.Time) bool { return !v.ends.IsZero() && !at.Before(v.ends) }

// view is what an audience sees of a field. reduce is what the hub makes of it
// under what is granted.
func (v *previewer) view(o onlooker, f FieldPreview, reduce func(terms.Granted) []terms.Reduced) AudienceView {
	seen := v.seen(o, f, reduce, v.set.Now)
	view := AudienceView{Now: v.sight(o, f, seen, v.set.Now)}
	for _, at := range o.moments {
		next := v.seen(o, f, reduce, at)
		c := Change{At: at, Begins: without(next, seen), Ends: without(seen, next)}
		if v.over(at) {
			c.Because = v.ending
		}
		if len(c.Begins)+len(c.Ends) > 0 {
			view.Changes = append(view.Changes, c)
		}
		seen = next
	}
	view.Later = v.sight(o, f, seen, v.set.Later)
	return view
}

// without lists what of a is not in b.
func without(a, b []Seen) (all []Seen) {
	for _, s := range a {
		if !slices.ContainsFunc(b, s.Same) {
			all = append(all, s)
		}
	}
	return all
}

// seen lists what somebody of an audience sees at a moment, with the least that
// must hold for it.
func (v *previewer) seen(o onlooker, f FieldPreview, reduce func(terms.Granted) []terms.Reduced, at time.Time) (all []Seen) {
	if !o.SameSector || v.over(at) || len(f.Leaves) == 0 {
		return nil
	}
	field, _ := v.rules.Standard().Field(f.Path)
	for _, e := range o.eyes {
		for _, n := range v.groups {
			g := e.table.At(v.moment(at, n))
			for _, r := range reduce(g) {
				if slices.ContainsFunc(all, func(s Seen) bool { return s.Reduced == r }) {
					continue
				}
				s := Seen{Reduced: r, Only: e.only, Clauses: granting(v.rules.Standard(), field, g.Grants(f.Path), r)}
				if n > 1 {
					s.Groups = n
				}
				if r.Keep != 0 {
					s.DeleteBy = v.set.Now.Add(time.Duration(r.Keep))
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// granting names the clauses under which something is seen.
func granting(std *standard.Standard, f standard.Field, grants []terms.Grant, r terms.Reduced) (clauses []string) {
	for _, g := range grants {
		if g.TLP == r.TLP && g.PAP == r.PAP && g.Keep == r.Keep && g.Attribution == r.Attribution && (g.Form == r.Form || std.Weaker(f, r.Form, g.Form)) {
			clauses = append(clauses, g.Clauses...)
		}
	}
	slices.Sort(clauses)
	return slices.Compact(clauses)
}

// Why an audience sees nothing, where it is not for the moment.
const (
	NotForThem  = "no clause grants it to them for this purpose"
	OtherSector = "your terms grant it, but the hub shows the reports of a sector only to members who take part in it"
)

const (
	notLeaving  = "it does not leave"
	notThen     = "no clause grants it to them for this purpose at this time"
	onlyInSums  = "it only enters protected sums"
	notThatForm = "it does not leave in a form that they are granted"
)

// sight says why, where nothing is seen.
func (v *previewer) sight(o onlooker, f FieldPreview, seen []Seen, at time.Time) Sight {
	switch {
	case len(seen) > 0:
		return Sight{Seen: seen}
	case len(f.Leaves) == 0:
		return Sight{Withheld: notLeaving}
	case v.over(at):
		return Sight{Withheld: v.ending}
	}
	d := v.rules.Decide(f.Path, o.eyes[0].viewer, v.set.Sector, v.moment(at, terms.MaxGroups))
	s := Sight{Withheld: NotForThem, Missed: d.Missed}
	counted := func(g terms.Grant) bool { return g.Form.Kind != standard.Counted }
	switch {
	case len(d.Grants) == 0 && len(o.eyes[0].table.Grants(f.Path)) > 0:
		s.Withheld = notThen
	case len(d.Grants) == 0:
	case !slices.ContainsFunc(d.Grants, counted):
		s = Sight{Withheld: onlyInSums}
	case !o.SameSector:
		s = Sight{Withheld: OtherSector}
	default:
		s.Withheld = notThatForm
	}
	return s
}

// besides lists the clauses that grant something of what leaves, and none of it
// to any of the audiences.
func (v *previewer) besides(fields []FieldPreview) (words []ClauseWords) {
	for _, c := range v.clauses {
		speaks := func(f FieldPreview) bool { return len(f.Leaves) > 0 && len(c.alone.Leaving(f.Path, v.set.Now)) > 0 }
		reaches := func(o onlooker) bool {
			return slices.ContainsFunc(o.eyes, func(e eyes) bool { return len(c.alone.For(e.viewer, v.set.Sector).Paths()) > 0 })
		}
		if slices.ContainsFunc(fields, speaks) && !slices.ContainsFunc(v.audiences, reaches) {
			words = append(words, ClauseWords{c.ID, terms.Sentence(c.Clause, v.rules.Standard())})
		}
	}
	return words
}

// notes say on what the moments rest.
func (v *previewer) notes() []string {
	notes := []string{fmt.Sprintf("It is shown as if the hub received it on %s. Where a clause counts from receipt, its dates move with it.", dayOf(v.set.Now))}
	if slices.ContainsFunc(v.set.Audiences, func(a Audience) bool { return !a.SameSector }) {
		notes = append(notes, "The hub shows the reports of a sector only to members who take part in it, whatever a clause grants to others.")
	}
	if keep := v.rules.Sheet().Retention; keep != 0 {
		notes = append(notes, fmt.Sprintf("The hub destroys this report on %s, as your terms ask.", dayOf(v.set.Now.Add(time.Duration(keep)))))
	}
	if !v.set.Ends.IsZero() && !v.set.Ends.After(v.set.Later) {
		notes = append(notes, fmt.Sprintf("Your agreement ends on %s. From then on nothing of this report is passed on, unless you renew it.", dayOf(v.set.Ends)))
	}
	return notes
}
