package deliver

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// PageSize is what one page of a list holds, FileSize the most that is answered
// at once, for a file.
const (
	PageSize = 50
	FileSize = 1000
)

// pageOf is how many entries of a list are answered of those that are asked.
func pageOf(limit int) int {
	if limit <= 0 {
		return PageSize
	}
	return min(limit, FileSize)
}

// said is one report of an incident, reduced to what the viewer may see.
type said struct {
	seq   int64
	std   *standard.Standard
	table terms.Granted
	label string
	mine  bool
	// stake and name are who said it, as far as the viewer may see.
	stake    string
	name     string
	received time.Time
	// least is the least that a grant under which something is shown lets the
	// viewer see of who said it.
	least  terms.Attribution
	fields []saidField
	seen   []ObservableView
	// hidden counts the observables that are granted in some form, but were
	// not told in it, by type. Of others nothing is told, not even that they
	// are there.
	hidden map[string]int
	// withheld are the fields that every good report tells and that the terms
	// do not grant, whether or not this report tells them.
	withheld []standard.Field
}

type saidField struct {
	field standard.Field
	shown []terms.Reduced
}

// Members finds a member, for the stake of a source.
type Members interface {
	Member(ctx context.Context, id wire.MemberID) (member.Member, error)
}

// reduce computes what the viewer may see of one report. A member sees its
// own report as it left.
func (r *Room) reduce(ctx context.Context, t *tables, rep receive.Received, groups int, label string) (said, error) {
	row, body := rep.Row(), rep.Report()
	std, err := r.Standards(standard.Ref(row.Standard))
	if err != nil {
		return said{}, err
	}
	table, err := t.of(ctx, rep, groups)
	if err != nil {
		return said{}, err
	}
	out := said{seq: row.Seq, std: std, table: table, label: label, mine: row.Member == t.viewer.Member.ID, least: terms.ByName, received: row.Received, hidden: map[string]int{}}
	if !out.mine {
		out.withheld = ungranted(std, table)
	}
	for forms := range terms.Statements(body.Said) {
		field, ok := std.Field(forms[0].Path)
		if !ok {
			continue
		}
		var views []terms.Reduced
		if out.mine {
			for _, f := range forms {
				views = append(views, terms.Reduced{Form: f.Form, Value: f.Value})
			}
		} else {
			views = table.Reduce(forms)
		}
		if len(views) == 0 {
			continue
		}
		for _, view := range views {
			out.attributed(view.Attribution)
		}
		out.fields = append(out.fields, saidField{field, views})
	}
	for _, o := range body.Observables {
		if v, grant, ok := r.reduceObservable(t.viewer, o, table, out.mine); ok {
			out.attributed(grant.Attribution)
			v.Sources = []string{label}
			if !out.mine {
				v.DeleteBy = deleteBy(row.Received, grant.Keep)
			}
			out.seen = append(out.seen, v)
		} else if len(table.Grants(report.ObservablePath(o.Type))) > 0 {
			out.hidden[o.Type]++
		}
	}
	return out, nil
}

// ungranted lists the fields of which nothing is granted, of those that every
// report should tell. It is read from terms and standard alone: a list of what
// a report told and withholds would tell that it told it.
func ungranted(std *standard.Standard, table terms.Granted) []standard.Field {
	var all []standard.Field
	for _, f := range std.Fields() {
		if f.Requirement != standard.Optional && !f.IsObservable() && len(table.Grants(f.Path)) == 0 {
			all = append(all, f)
		}
	}
	return all
}

// attributed notes the attribution of something that is shown: the least of
// all stands.
func (s *said) attributed(a terms.Attribution) {
	if terms.Discretion(a) > terms.Discretion(s.least) {
		s.least = a
	}
}

// WithheldStake stands for the stake of a source that is not told.
const WithheldStake = "withheld"

// saidBy sets who said it, as far as the viewer may see. Its own reports a
// member knows.
func (s *said) saidBy(m member.Member) {
	s.stake = string(m.Stake)
	switch {
	case s.mine:
	case s.least == terms.NotAttributed:
		s.stake = WithheldStake
	case s.least == terms.ByName:
		s.name = m.Name
	}
}

func (r *Room) reduceObservable(v member.Viewer, o report.Seen, table terms.Granted, mine bool) (ObservableView, terms.Grant, bool) {
	view := ObservableView{Type: o.Type, Role: o.Role, FirstSeen: o.FirstSeen, LastSeen: o.LastSeen, Common: o.Common}
	if !mine {
		view.FirstSeen, view.LastSeen = day(o.FirstSeen), day(o.LastSeen)
	}
	path := report.ObservablePath(o.Type)
	if g, ok := table.Receives(path, standard.Exact); (ok || mine) && o.Value != "" {
		view.Value, view.TLP, view.PAP = o.Value, g.TLP, g.PAP
		return view, g, true
	}
	if g, ok := table.Receives(path, standard.Token); (ok || mine) && o.Token != "" {
		view.Pseudonym, view.TLP, view.PAP = r.pseudonym(v, o.Token), g.TLP, g.PAP
		return view, g, true
	}
	return ObservableView{}, terms.Grant{}, false
}

// visible reduces all reports of an incident that stand in a sector of the
// viewer, and leaves out those of which nothing may be shown. others are the
// contributors who stand behind those.
func (r *Room) visible(ctx context.Context, t *tables, told consolidate.Told) (out []said, others map[string]bool, err error) {
	others = map[string]bool{}
	t.changes(told.Incident.Next())
	for _, rep := range told.Reports {
		row := rep.Row()
		if row.Member != t.viewer.Member.ID && !t.viewer.Member.InSector(row.Sector) {
			continue
		}
		s, err := r.reduce(ctx, t, rep, told.Incident.Behind(), label(len(out)))
		if err != nil {
			return nil, nil, err
		}
		if len(s.fields) == 0 && len(s.seen) == 0 && !s.mine {
			g, counts, err := t.contributor(ctx, rep)
			if err != nil {
				return nil, nil, err
			}
			if counts {
				others[g] = true
			}
			continue
		}
		m, err := t.member(ctx, row.Member)
		if err != nil {
			return nil, nil, err
		}
		s.saidBy(m)
		out = append(out, s)
	}
	return out, others, nil
}

// Incident answers with one incident, by the id under which the viewer knows
// it. One of which the viewer may see nothing looks as if it did not exist.
func (r *Room) Incident(ctx context.Context, v member.Viewer, id wire.IncidentID) (Answer[IncidentView], error) {
	none := Answer[IncidentView]{}
	if err := stands(v); err != nil {
		return none, err
	}
	known, ok := hubID(r, v, 'i', id)
	if !ok {
		return none, noIncident(id)
	}
	told, err := r.Told.Incident(ctx, known)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return none, noIncident(id)
	}
	if err != nil {
		return none, err
	}
	t := r.tablesFor(v)
	sources, others, err := r.visible(ctx, t, told)
	if err != nil {
		return none, err
	}
	if len(sources) == 0 {
		return none, noIncident(id)
	}
	told.Incident.Sector = r.sectorFor(v, told.Incident)
	view := IncidentView{IncidentSummary: r.summarise(v, told.Incident, sources)}
	for _, s := range sources {
		view.Reports = append(view.Reports, SourceView{Label: s.label, Stake: s.stake, Name: s.name, Received: month(s.received), Mine: s.mine})
	}
	if view.Fields, err = r.fields(v, sources); err != nil {
		return none, err
	}
	view.Observables = mergeObservables(sources)
	view.WithheldObservables = hiddenBands(sources)
	view.Why = reasons(told.Incident, sources, len(others), r.minimum(told.Incident.Sector))
	if view.Campaigns, err = r.campaignsOf(ctx, t, told.Incident); err != nil {
		return none, err
	}
	return Answer[IncidentView]{body: view, until: t.next}, nil
}

// sectorFor names the sector under which the viewer meets an incident: its own
// if it takes part in it, else the first of the incident's in which it does.
func (r *Room) sectorFor(v member.Viewer, i consolidate.Incident) string {
	for _, s := range append([]string{i.Sector}, i.Sectors...) {
		if v.Member.InSector(s) {
			return s
		}
	}
	return ""
}

// campaignsOf names the campaigns of an incident that the viewer may see.
func (r *Room) campaignsOf(ctx context.Context, t *tables, i consolidate.Incident) ([]wire.CampaignID, error) {
	var all []wire.CampaignID
	for _, id := range i.Campaigns {
		ok, known := t.campaigns[id]
		if !known {
			c, err := r.Told.Campaign(ctx, id)
			if fault.KindOf(err) == fault.NotFound && err != nil {
				continue // made anew meanwhile
			}
			if err != nil {
				return nil, err
			}
			// Mostly two incidents show a tie that the viewer may see.
			seen, err := r.opened(ctx, t, c, func(o opened) bool { return len(o.shared()) > 0 })
			if err != nil {
				return nil, err
			}
			if ok = len(seen.shared()) > 0; !ok {
				if _, ok, err = r.campaign(ctx, t, c, false); err != nil {
					return nil, err
				}
			}
			t.campaigns[id] = ok
		}
		if ok {
			all = append(all, shownID(r, t.viewer, 'k', id))
		}
	}
	return all, nil
}

func noIncident(id wire.IncidentID) error {
	return fault.New(fault.NotFound, "incident.not_found", "there is no incident %s, or nothing of it may be shown to you", id)
}

// Incidents answers with a page of a sector's incidents, newest first.
func (r *Room) Incidents(ctx context.Context, v member.Viewer, sector, before string, limit int) (Answer[Page[IncidentSummary]], error) {
	if _, err := r.Sector(v, sector); err != nil {
		return Answer[Page[IncidentSummary]]{}, err
	}
	limit = pageOf(limit)
	t := r.tablesFor(v)
	var page Page[IncidentSummary]
	list := "incidents " + sector
	before, err := r.openPlace(v, list, before)
	if err != nil {
		return Answer[Page[IncidentSummary]]{}, err
	}
	told, next, err := r.Told.Incidents(ctx, sector, before, limit)
	if err != nil {
		return Answer[Page[IncidentSummary]]{}, err
	}
	for _, one := range told {
		sources, _, err := r.visible(ctx, t, one)
		if err != nil {
			return Answer[Page[IncidentSummary]]{}, err
		}
		if len(sources) == 0 {
			continue
		}
		line := r.summarise(v, one.Incident, sources)
		if line.Campaigns, err = r.campaignsOf(ctx, t, one.Incident); err != nil {
			return Answer[Page[IncidentSummary]]{}, err
		}
		page.Items = append(page.Items, line)
	}
	page.Next = r.sealPlace(v, list, next)
	return Answer[Page[IncidentSummary]]{body: page, until: t.next}, nil
}

func mergeObservables(sources []said) []ObservableView {
	at := map[string]int{}
	var out []ObservableView
	for _, s := range sources {
		for _, o := range s.seen {
			key := o.Type + "\x00" + o.Value + "\x00" + o.Pseudonym
			i, ok := at[key]
			if !ok {
				at[key] = len(out)
				out = append(out, o)
				continue
			}
			m := &out[i]
			if !slices.Contains(m.Sources, s.label) {
				m.Sources = append(m.Sources, s.label)
			}
			m.FirstSeen = earliest(m.FirstSeen, o.FirstSeen)
			m.LastSeen = max(m.LastSeen, o.LastSeen)
			m.TLP, m.PAP, m.DeleteBy = stricter(m.TLP, o.TLP), moreCautious(m.PAP, o.PAP), earliest(m.DeleteBy, o.DeleteBy)
		}
	}
	slices.SortStableFunc(out, func(a, b ObservableView) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Pseudonym, b.Pseudonym))
	})
	return out
}

// stricter is the stricter of two markings. The viewer's own telling has none
// for itself.
func stricter(a, b string) string {
	if a == "" || b != "" && terms.Strictness(b) > terms.Strictness(a) {
		return b
	}
	return a
}

// moreCautious is the one of two labels of permitted actions that permits less.
func moreCautious(a, b string) string {
	if a == "" || b != "" && terms.Caution(b) > terms.Caution(a) {
		return b
	}
	return a
}

func earliest(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return min(a, b)
}

func hiddenBands(sources []said) map[string]string {
	total := map[string]int{}
	for _, s := range sources {
		for typ, n := range s.hidden {
			total[typ] += n
		}
	}
	out := map[string]string{}
	for typ, n := range total {
		out[typ] = analyse.Band(n)
	}
	return out
}

// summarise makes a list's line of what is visible, campaigns left out: which
// of them may be told is looked up by campaignsOf.
func (r *Room) summarise(v member.Viewer, i consolidate.Incident, sources []said) IncidentSummary {
	s := IncidentSummary{ID: shownID(r, v, 'i', i.ID), Sector: i.Sector, Sources: len(sources)}
	for _, src := range sources {
		s.Mine = s.Mine || src.mine
		if !slices.Contains(s.Stakes, src.stake) {
			s.Stakes = append(s.Stakes, src.stake)
		}
		for _, f := range src.fields {
			if f.field.Path == "timeline.incident" {
				for _, sh := range f.shown {
					if len(sh.Value) > len(s.Date) {
						s.Date = sh.Value
					}
				}
			}
			if a, ok := action(f.field.Path); ok && !slices.Contains(s.Actions, a) {
				s.Actions = append(s.Actions, a)
			}
		}
	}
	slices.Sort(s.Stakes)
	slices.Sort(s.Actions)
	s.Headline = headline(s)
	return s
}

// action names the kind of action that a path belongs to: "hacking" for
// "action.hacking.variety".
func action(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "action.")
	if !ok {
		return "", false
	}
	kind, _, _ := strings.Cut(rest, ".")
	return kind, kind != "unknown"
}

func headline(s IncidentSummary) string {
	what := "Incident"
	if len(s.Actions) > 0 {
		what = strings.ToUpper(s.Actions[0][:1]) + strings.Join(s.Actions, " and ")[1:]
	}
	when := ""
	if s.Date != "" && s.Date != standard.Any {
		when = ", " + s.Date
	}
	told := "one report"
	if s.Sources > 1 {
		told = fmt.Sprintf("%d reports", s.Sources)
	}
	return what + when + ", told by " + told
}

// reasons says why the reports stand together, in sentences: of each link
// between reports that the viewer may see, the evidence that rests on nothing
// else than what it may see of both. Reports that it may not see are told only
// as a band of members, and only where enough stand behind them.
func reasons(i consolidate.Incident, sources []said, others, least int) []string {
	at := map[int64]said{}
	for _, s := range sources {
		at[s.seq] = s
	}
	var told []string
	withheld := false
	for _, l := range i.Links {
		a, ok := at[l.A]
		b, both := at[l.B]
		if !ok || !both {
			continue
		}
		for _, e := range l.Evidence {
			switch {
			case !a.backs(e) || !b.backs(e):
				withheld = true
			case !slices.Contains(told, e):
				told = append(told, e)
			}
		}
	}
	out := []string{"You may see one report of this incident."}
	switch {
	case len(told) > 0:
		out[0] = fmt.Sprintf("The reports are tied by %s.", strings.Join(told, ", "))
		if withheld {
			out[0] = fmt.Sprintf("The reports are tied by %s, and by what may not be shown to you for this purpose.", strings.Join(told, ", "))
		}
	case len(sources) > 1:
		out[0] = "The reports are tied by what may not be shown to you for this purpose."
	}
	if others >= least {
		out = append(out, fmt.Sprintf("Reports of %s other members belong to it, of which nothing may be shown to you for this purpose.", analyse.Band(others)))
	}
	return out
}

// grounds are the fields on which a kind of evidence rests, as linkage calls
// it; it may be told to whoever may see one of them. Evidence against a link
// ("although …") is told to nobody else than its reporters, and so is evidence
// of a kind that is not listed.
var grounds = map[linkage.Evidence][]string{
	linkage.SameVictim:     {"victim.victim_id"},
	linkage.SameDay:        {"timeline.incident"},
	linkage.NearDates:      {"timeline.incident"},
	linkage.PlausibleDelay: {"timeline.incident"},
	linkage.SharedRare:     nil, // any observable
	linkage.SameRecords:    {"attribute.confidentiality.data_total"},
}

// backs reports whether the viewer may see of this report what a kind of
// evidence rests on.
func (s said) backs(evidence string) bool {
	paths, known := grounds[linkage.Evidence(evidence)]
	switch {
	case s.mine:
		return true
	case !known:
		return false
	case paths == nil:
		return slices.ContainsFunc(s.seen, func(o ObservableView) bool { return o.Common == "" })
	}
	return slices.ContainsFunc(s.fields, func(f saidField) bool { return slices.Contains(paths, f.field.Path) })
}

// label names the nth source: A, B, … Z, AA …
func label(n int) string {
	s := ""
	for n++; n > 0; n = (n - 1) / 26 {
		s = string(rune('A'+(n-1)%26)) + s
	}
	return s
}
