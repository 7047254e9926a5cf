package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// seenBy narrows a list by how many other owner groups stand behind an entry.
var seenBy = [][2]string{{"", "any number"}, {"5", "at least 5"}}

// manyGroups reports whether a band means five owner groups or more.
func manyGroups(band string) bool { return band != "" && !strings.HasPrefix(band, "fewer") }

type campaignsBody struct {
	Sector  deliver.Sector
	Items   []deliver.CampaignView
	Period  period
	Seen    []choice
	Asked   bool
	Looked  int
	Problem string
	Links   links
}

func (s *Site) campaigns(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	seen := v.asked("seen")
	within, err := v.period()
	if err == nil && !offers(seenBy, seen) {
		err = fault.New(fault.Invalid, "list.seen", "choose one of the list")
	}
	p := view{page: "campaigns", kicker: "Campaigns, the newest report first", sector: sector.Name}
	body := campaignsBody{Sector: sector, Period: within, Seen: chosen(seenBy, seen), Asked: within != period{} || seen != "", Links: v.links("")}
	if err != nil {
		if format != "" {
			return err
		}
		body.Problem = fault.Public(err).Message
		p.title, p.status, p.body = "Nothing was looked for: one of the choices cannot be understood", http.StatusBadRequest, body
		return s.show(v, p)
	}
	next, err := s.findCampaigns(v, &body, format)
	if err != nil {
		return err
	}
	if format != "" {
		return s.campaignsFile(v, sector, body.Items, next, format)
	}
	body.Links = v.links(next)
	p.title, p.body = campaignsTitle(body), body
	return s.show(v, p)
}

// findCampaigns looks through a sector's campaigns for those that are asked,
// and returns the cursor of what follows.
func (s *Site) findCampaigns(v visit, b *campaignsBody, format string) (next string, err error) {
	wanted, limit := deliver.PageSize, mostLooked
	if format != "" {
		wanted, limit = mostInFile, mostInFile
	}
	seen := v.asked("seen")
	next = v.asked("before")
	for {
		a, err := s.Deliver.Campaigns(v.r.Context(), v.viewer, b.Sector.Name, next, min(wanted, limit))
		if err != nil {
			return "", err
		}
		page := a.Body()
		for _, c := range page.Items {
			if (seen == "" || manyGroups(c.Groups)) && b.Period.meets(c.From, c.To) {
				b.Items = append(b.Items, c)
			}
		}
		b.Looked += len(page.Items)
		if next = page.Next; next == "" || len(b.Items) >= wanted || b.Looked >= limit {
			return next, nil
		}
	}
}

func campaignsTitle(b campaignsBody) string {
	n := len(b.Items)
	switch {
	case n == 0 && b.Looked > 0:
		return fmt.Sprintf("None of the %s campaigns looked through is what you ask for", number(b.Looked))
	case n == 0:
		return "No campaign ties incidents of this sector yet"
	}
	wide := 0
	for _, c := range b.Items {
		if manyGroups(c.Groups) {
			wide++
		}
	}
	newest := "The newest "
	if b.Links.Next == "" && b.Links.Newer == "" || b.Asked {
		newest = ""
	}
	behind := number(wide) + " of them"
	switch wide {
	case 0:
		behind = "none of them"
	case n:
		behind = "each"
	}
	return upperFirst(fmt.Sprintf("%s%s%s; behind %s stand at least 5 other owner groups", newest, many(n, "campaign"), b.Period.words(), behind))
}

func (s *Site) campaignsFile(v visit, sector deliver.Sector, items []deliver.CampaignView, next, format string) error {
	name := sector.Name + "-campaigns"
	v.goOn(next, format)
	if format == "json" {
		return writeItems(v.w, name, items, next)
	}
	var rows [][]string
	for _, c := range items {
		rows = append(rows, []string{string(c.ID), c.From, c.To, c.Groups, c.Headline})
	}
	return writeCSV(v.w, name, []string{"campaign", "from", "to", "other_owner_groups", "tied_by"}, rows)
}

type campaignBody struct {
	deliver.CampaignView
	Incidents []incidentLine
	Chart     look.Chart
	JSON      string
}

func (s *Site) campaign(v visit) error {
	a, err := s.Deliver.Campaign(v.r.Context(), v.viewer, wire.CampaignID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	c := a.Body()
	if format == "json" {
		return writeJSON(v.w, string(c.ID), a)
	}
	body := campaignBody{CampaignView: c, JSON: v.with("format", "json")}
	for _, i := range c.Incidents {
		body.Incidents = append(body.Incidents, incidentLine{i, whatHappened(i)})
	}
	slices.SortStableFunc(body.Incidents, func(a, b incidentLine) int { return strings.Compare(a.Date, b.Date) })
	body.Chart = byMonth(c.Incidents)
	title := c.Headline
	if c.From != "" {
		title += ", " + c.From
		if c.To != c.From {
			title += " to " + c.To
		}
	}
	return s.show(v, view{page: "campaign", title: title, kicker: "Campaign", sector: c.Sectors[0], body: body})
}

// Months that a campaign lasts to be drawn month by month: of fewer the list
// says as much, and more are too narrow.
const (
	fewestMonths = 4
	mostMonths   = 36
)

// byMonth draws when the incidents of a campaign happened, as far as the month
// is known.
func byMonth(incidents []deliver.IncidentSummary) look.Chart {
	count := map[string]int{}
	first, last := "", ""
	for _, i := range incidents {
		m, end := months(i.Date)
		if m == "" || m != end {
			continue
		}
		count[m]++
		if first == "" || m < first {
			first = m
		}
		last = max(last, m)
	}
	if first == "" {
		return look.Chart{}
	}
	strip := look.Strip{Label: "Incidents a month"}
	for m := first; m <= last && len(strip.Bars) <= mostMonths; m = nextMonth(m) {
		strip.Bars = append(strip.Bars, look.Bar{Label: m, Value: float64(count[m])})
	}
	if len(strip.Bars) < fewestMonths || len(strip.Bars) > mostMonths {
		return look.Chart{}
	}
	return look.Strips(fmt.Sprintf("Incidents of this campaign a month, %s to %s; the table below lists each.", first, last), []look.Strip{strip})
}

func nextMonth(m string) string {
	var y, n int
	if _, err := fmt.Sscanf(m, "%4d-%2d", &y, &n); err != nil {
		return "9999-12"
	}
	if n++; n > 12 {
		y, n = y+1, 1
	}
	return fmt.Sprintf("%04d-%02d", y, n)
}
