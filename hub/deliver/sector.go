package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Picture answers what is happening in a sector: findings first, then the
// protected tables on which they rest.
func (r *Room) Picture(ctx context.Context, v member.Viewer, sector string) (Answer[PictureView], error) {
	s, err := r.Sector(v, sector)
	if err != nil {
		return Answer[PictureView]{}, err
	}
	view := PictureView{Sector: s.Name, Title: s.Title}
	tables, err := r.Statistics.Tables(ctx, sector, v)
	if fault.KindOf(err) == fault.NotFound {
		return Answer[PictureView]{body: view}, nil
	}
	if err != nil {
		return Answer[PictureView]{}, err
	}
	if view.Reporting, err = r.Statistics.Reporting(ctx, sector, v); err != nil {
		return Answer[PictureView]{}, err
	}
	view.Tables = tables
	if len(tables) > 0 {
		view.Taken = tables[0].Taken
	}
	view.Findings = findings(tables)
	return Answer[PictureView]{body: view}, nil
}

// Table answers with one statistic of a sector.
func (r *Room) Table(ctx context.Context, v member.Viewer, sector, name string) (Answer[analyse.Table], error) {
	if _, err := r.Sector(v, sector); err != nil {
		return Answer[analyse.Table]{}, err
	}
	tables, err := r.Statistics.Tables(ctx, sector, v)
	if err != nil {
		return Answer[analyse.Table]{}, err
	}
	for _, t := range tables {
		if t.Name == name {
			return Answer[analyse.Table]{body: t}, nil
		}
	}
	return Answer[analyse.Table]{}, fault.New(fault.NotFound, "statistic.not_found", "there is no statistic %q; the sector's picture lists them", name)
}

// Campaign answers with one campaign, by the id under which the viewer knows
// it.
func (r *Room) Campaign(ctx context.Context, v member.Viewer, id wire.CampaignID) (Answer[CampaignView], error) {
	if err := stands(v); err != nil {
		return Answer[CampaignView]{}, err
	}
	none := fault.New(fault.NotFound, "campaign.not_found", "there is no campaign %s, or nothing of it may be shown to you", id)
	known, ok := hubID(r, v, 'k', id)
	if !ok {
		return Answer[CampaignView]{}, none
	}
	c, err := r.Told.Campaign(ctx, known)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return Answer[CampaignView]{}, none
	}
	if err != nil {
		return Answer[CampaignView]{}, err
	}
	t := r.tablesFor(v)
	view, ok, err := r.campaign(ctx, t, c, true)
	if err != nil {
		return Answer[CampaignView]{}, err
	}
	if !ok {
		return Answer[CampaignView]{}, none
	}
	return Answer[CampaignView]{body: view, until: t.next}, nil
}

// Campaigns answers with a page of a sector's campaigns, newest first.
func (r *Room) Campaigns(ctx context.Context, v member.Viewer, sector, before string, limit int) (Answer[Page[CampaignView]], error) {
	if _, err := r.Sector(v, sector); err != nil {
		return Answer[Page[CampaignView]]{}, err
	}
	limit = pageOf(limit)
	list := "campaigns " + sector
	before, err := r.openPlace(v, list, before)
	if err != nil {
		return Answer[Page[CampaignView]]{}, err
	}
	cs, next, err := r.Told.Campaigns(ctx, sector, before, limit)
	if err != nil {
		return Answer[Page[CampaignView]]{}, err
	}
	page := Page[CampaignView]{Next: r.sealPlace(v, list, next)}
	t := r.tablesFor(v)
	for _, c := range cs {
		view, ok, err := r.campaign(ctx, t, c, false)
		if err != nil {
			return Answer[Page[CampaignView]]{}, err
		}
		if ok {
			page.Items = append(page.Items, view)
		}
	}
	return Answer[Page[CampaignView]]{body: page, until: t.next}, nil
}

// maxShownIncidents bounds how many incidents of a campaign are opened for
// one answer.
const maxShownIncidents = 100

// campaign computes what the viewer may see of a campaign: the incidents of
// its sectors of which it may see something, and the observables by which it
// may see them tied. One whose ties are all withheld is told only where enough
// other members stand behind it.
func (r *Room) campaign(ctx context.Context, t *tables, c consolidate.Campaign, whole bool) (CampaignView, bool, error) {
	view := CampaignView{ID: shownID(r, t.viewer, 'k', c.ID)}
	least := leastGroups
	for _, s := range c.Sectors {
		if t.viewer.Member.InSector(s) {
			view.Sectors = append(view.Sectors, s)
			least = max(least, r.minimum(s))
		}
	}
	if len(view.Sectors) == 0 {
		return CampaignView{}, false, nil
	}
	seen, err := r.opened(ctx, t, c, nil)
	if err != nil {
		return CampaignView{}, false, err
	}
	var sources []said
	for _, in := range seen.incidents {
		view.Incidents = append(view.Incidents, in.summary)
		if m := in.summary.Date; len(m) >= 7 && m[5] != 'Q' {
			view.From, view.To = earliest(view.From, m[:7]), max(view.To, m[:7])
		}
		sources = append(sources, in.sources...)
	}
	others := seen.others(c.Groups)
	shared := seen.shared()
	if len(view.Incidents) == 0 || len(shared) == 0 && others < least {
		return CampaignView{}, false, nil
	}
	if view.Groups = analyse.Band(others); others < least {
		view.Groups = fmt.Sprintf("fewer than %d", least)
	}
	kinds := map[string]int{}
	for tie := range shared {
		kinds[tie.typ]++
	}
	for _, typ := range slices.Sorted(mapKeys(kinds)) {
		view.Tied = append(view.Tied, fmt.Sprintf("%s shared by incidents of different members", plural(kinds[typ], typeWords(typ))))
	}
	view.Headline = fmt.Sprintf("%s tied by %s", plural(len(view.Incidents), "incident"), tiedBy(kinds))
	if len(view.Incidents) == 1 {
		view.Headline = "1 incident that you may see, tied to others by " + tiedBy(kinds)
	}
	if !whole {
		view.Incidents = nil
		return view, true, nil
	}
	view.Observables = slices.DeleteFunc(mergeObservables(sources), func(o ObservableView) bool { return !shared[tieOf(o)] })
	return view, true, nil
}

// tie is an observable as the viewer sees it.
type tie struct{ typ, value, pseudonym string }

func tieOf(o ObservableView) tie { return tie{o.Type, o.Value, o.Pseudonym} }

// opened is what the viewer may see of a campaign's incidents.
type opened struct {
	incidents []openedIncident
	// known are the contributors whom the viewer's group is or relays.
	known map[string]bool
}

type openedIncident struct {
	summary IncidentSummary
	sources []said
}

// opened opens a campaign's incidents, until enough are open.
func (r *Room) opened(ctx context.Context, t *tables, c consolidate.Campaign, enough func(opened) bool) (opened, error) {
	out := opened{known: map[string]bool{string(t.viewer.Member.OwnerGroup): true}}
	for _, id := range c.Incidents[:min(len(c.Incidents), maxShownIncidents)] {
		told, err := r.Told.Incident(ctx, id)
		if fault.KindOf(err) == fault.NotFound && err != nil {
			continue // joined anew meanwhile
		}
		if err != nil {
			return opened{}, err
		}
		for _, rep := range told.Reports {
			if rep.Row().OwnerGroup == t.viewer.Member.OwnerGroup {
				out.known[contributor(rep.Report(), string(rep.Row().OwnerGroup))] = true
			}
		}
		sources, _, err := r.visible(ctx, t, told)
		if err != nil {
			return opened{}, err
		}
		if len(sources) == 0 {
			continue
		}
		told.Incident.Sector = r.sectorFor(t.viewer, told.Incident)
		out.incidents = append(out.incidents, openedIncident{r.summarise(t.viewer, told.Incident, sources), sources})
		if enough != nil && enough(out) {
			break
		}
	}
	return out, nil
}

// others counts contributors whom the viewer's group does not know.
func (o opened) others(groups []string) int {
	n := 0
	for _, g := range groups {
		if !o.known[g] {
			n++
		}
	}
	return n
}

// shared are the ties that the viewer may see in two incidents at least.
func (o opened) shared() map[tie]bool {
	count := map[tie]int{}
	for _, in := range o.incidents {
		here := map[tie]bool{}
		for _, s := range in.sources {
			for _, v := range s.seen {
				if v.Common == "" {
					here[tieOf(v)] = true
				}
			}
		}
		for t := range here {
			count[t]++
		}
	}
	shared := map[tie]bool{}
	for t, n := range count {
		if n > 1 {
			shared[t] = true
		}
	}
	return shared
}

func tiedBy(tokens map[string]int) string {
	var parts []string
	for _, typ := range slices.Sorted(mapKeys(tokens)) {
		parts = append(parts, plural(tokens[typ], typeWords(typ)))
	}
	switch n := len(parts); n {
	case 0:
		return "what may not be shown to you for this purpose"
	case 1:
		return parts[0]
	default:
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
}

// typeWords is how a sentence calls a type of observable.
func typeWords(typ string) string {
	switch observable.Type(typ) {
	case observable.IP:
		return "IP address"
	case observable.URL:
		return "URL"
	case observable.Email:
		return "e-mail address"
	case observable.IBAN, observable.ASN, observable.CVE, observable.CIDR:
		return strings.ToUpper(typ)
	}
	return strings.ReplaceAll(typ, "-", " ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") || strings.HasSuffix(what, "sh") {
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func mapKeys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// contributor is whom a report counts for: the organisation on whose behalf it
// was relayed, else the reporter's owner group.
func contributor(m report.Minimised, group string) string {
	if m.OnBehalf != "" {
		return "on behalf " + m.OnBehalf
	}
	return group
}

// day cuts a moment to its day: finer, it could tell whose log it is from.
func day(moment string) string { return moment[:min(len("2006-01-02"), len(moment))] }

// ReleasesOf answers with the releases of a sector, newest first.
func (r *Room) ReleasesOf(ctx context.Context, v member.Viewer, sector string) (Answer[[]ReleaseView], error) {
	if _, err := r.Sector(v, sector); err != nil {
		return Answer[[]ReleaseView]{}, err
	}
	all, err := r.Releases.Releases(ctx, sector)
	return Answer[[]ReleaseView]{body: all}, err
}

// Release answers with one release's description.
func (r *Room) Release(ctx context.Context, v member.Viewer, id wire.ReleaseID) (Answer[ReleaseView], error) {
	rel, err := r.Releases.Release(ctx, id)
	if err != nil {
		return Answer[ReleaseView]{}, err
	}
	if _, err := r.Sector(v, rel.Sector); err != nil {
		return Answer[ReleaseView]{}, fault.New(fault.NotFound, "release.not_found", "there is no release %s", id)
	}
	return Answer[ReleaseView]{body: rel}, nil
}

// Content is the content of one file of a release.
type Content struct {
	Name, MediaType, SHA256 string
	Data                    []byte
}

// ReleaseFile answers with a file of a release.
func (r *Room) ReleaseFile(ctx context.Context, v member.Viewer, id wire.ReleaseID, name string) (Answer[Content], error) {
	if _, err := r.Release(ctx, v, id); err != nil {
		return Answer[Content]{}, err
	}
	f, data, err := r.Releases.ReleaseFile(ctx, id, name)
	if err != nil {
		return Answer[Content]{}, err
	}
	return Answer[Content]{body: Content{f.Name, f.MediaType, f.SHA256, data}}, nil
}

// Contributions answers with a page of the viewer's own reports, newest first;
// before is the cursor of the page, 0 for the first.
func (r *Room) Contributions(ctx context.Context, v member.Viewer, before int64, limit int) (Answer[Page[ContributionView]], error) {
	if err := stands(v); err != nil {
		return Answer[Page[ContributionView]]{}, err
	}
	limit = pageOf(limit)
	t := r.tablesFor(v)
	rows, err := r.Reports.ByMember(ctx, v.Member.ID, before, limit)
	if err != nil {
		return Answer[Page[ContributionView]]{}, err
	}
	var page Page[ContributionView]
	for _, row := range rows {
		c := ContributionView{Report: row.Report, Revision: row.Revision, Sector: row.Sector,
			Contribution: row.Contribution, Received: row.Received.UTC().Format("2006-01-02 15:04:05Z"), Forms: map[string]int{}}
		if rep, err := r.Open(row); err == nil {
			for _, s := range rep.Report().Said {
				c.Forms[s.Form.String()]++
			}
			for _, o := range rep.Report().Observables {
				if o.Value != "" {
					c.Forms["exact"]++
				} else {
					c.Forms["token"]++
				}
			}
		} else if c.Destroyed = fault.KindOf(err) == fault.NotFound; !c.Destroyed {
			return Answer[Page[ContributionView]]{}, err
		}
		in, ok, err := r.Told.OfReport(ctx, row.Report, row.Member)
		if err != nil {
			return Answer[Page[ContributionView]]{}, err
		}
		switch {
		case c.Destroyed:
			c.Joined = "destroyed: it is in no answer any more"
		case !ok:
			c.Joined = "not consolidated yet"
		default:
			c.Incident = shownID(r, v, 'i', in.ID)
			if c.Joined, err = r.joined(ctx, t, in); err != nil {
				return Answer[Page[ContributionView]]{}, err
			}
		}
		page.Items = append(page.Items, c)
	}
	if len(rows) == limit {
		page.Next = fmt.Sprint(rows[len(rows)-1].Seq)
	}
	return Answer[Page[ContributionView]]{body: page, until: t.next}, nil
}

// joined says with how many other members' reports one of the viewer's own was
// joined: in a band, and never below the sector's minimum.
func (r *Room) joined(ctx context.Context, t *tables, in consolidate.Incident) (string, error) {
	least := leastGroups
	for _, s := range in.Sectors {
		least = max(least, r.minimum(s))
	}
	nothing := fmt.Sprintf("nothing that may be told: fewer than %d other members, if any", least)
	if len(in.Groups) < least {
		return nothing, nil
	}
	told, err := r.Told.Incident(ctx, in.ID)
	if err != nil {
		return "", err
	}
	others := map[string]bool{}
	for _, rep := range told.Reports {
		g, counts, err := t.contributor(ctx, rep)
		if err != nil {
			return "", err
		}
		if counts {
			others[g] = true
		}
	}
	if len(others) < least {
		return nothing, nil
	}
	return "joined with reports of " + analyse.Band(len(others)) + " other members", nil
}
