package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/web/look"
)

// homeSector is a sector with what it says.
type homeSector struct {
	deliver.Sector
	Finding deliver.Finding
	Href    string
}

// home sends a person with one sector there, and lets others choose.
func (s *Site) home(v visit) error {
	mine := s.Deliver.MySectors(v.viewer)
	if len(mine) == 1 {
		http.Redirect(v.w, v.r, v.to("/sectors/"+mine[0].Name), http.StatusSeeOther)
		return nil
	}
	var body []homeSector
	var titles []string
	for _, sector := range mine {
		a, err := s.Deliver.Picture(v.r.Context(), v.viewer, sector.Name)
		if err != nil {
			return err
		}
		body = append(body, homeSector{sector, headline(a.Body()), v.to("/sectors/" + sector.Name)})
		titles = append(titles, sector.Title)
	}
	title := "Your organisation takes part in no sector of this hub"
	if len(mine) > 0 {
		title = fmt.Sprintf("You can look at %s: %s", many(len(mine), "sector"), look.List(titles))
	}
	return s.show(v, view{page: "home", title: title, kicker: v.viewer.Member.Name, body: body})
}

// headline is the sentence that a sector's picture says first.
func headline(p deliver.PictureView) deliver.Finding {
	switch {
	case len(p.Findings) > 0:
		return p.Findings[0]
	case len(p.Tables) > 0:
		return deliver.Finding{Sentence: "no figure may be shown yet", Detail: "Too few owner groups other than yours stand behind each."}
	}
	return deliver.Finding{Sentence: "no statistics yet", Detail: "The first appear when the hub has taken a snapshot of what members reported."}
}

type pictureBody struct {
	deliver.PictureView
	Lead    deliver.Finding
	More    []deliver.Finding
	Wide    []shown // drawn over the whole width
	Pair    []shown // drawn side by side
	Rest    []shown // as a list
	Minimum int
}

// stakeBand is how many owner groups of a stake reported, as a band, with what
// stands before it in a sentence.
type stakeBand struct{ Stake, Band, Before string }

// reporting lists who reports, in the order of stakes.
func reporting(bands map[string]string) []stakeBand {
	var out []stakeBand
	for _, st := range member.Stakes() {
		if band, ok := bands[string(st)]; ok {
			out = append(out, stakeBand{Stake: string(st), Band: band})
		}
	}
	for i := range out[min(1, len(out)):] {
		out[i+1].Before = ", "
		if i+2 == len(out) {
			out[i+1].Before = " and "
		}
	}
	return out
}

// Tables that the picture draws, in this order; the rest it lists.
var (
	wideTables = []string{"month", "action-by-quarter"}
	pairTables = []string{"time-to-discover", "asset"}
)

// mostFindings are shown beside the first.
const mostFindings = 4

func (s *Site) picture(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	a, err := s.Deliver.Picture(v.r.Context(), v.viewer, sector.Name)
	if err != nil {
		return err
	}
	p := a.Body()
	body := pictureBody{PictureView: p, Lead: headline(p), Minimum: sector.MinOwnerGroups}
	if len(p.Findings) > 1 {
		body.More = p.Findings[1:min(len(p.Findings), mostFindings+1)]
	}
	body.Wide, body.Pair = s.pick(v, p.Tables, wideTables), s.pick(v, p.Tables, pairTables)
	for _, t := range p.Tables {
		if t.Shown == 0 || !slices.Contains(wideTables, t.Name) && !slices.Contains(pairTables, t.Name) {
			body.Rest = append(body.Rest, s.shown(v, t))
		}
	}
	return s.show(v, view{page: "picture", title: p.Title + ": " + body.Lead.Sentence, kicker: "Sector picture", sector: sector.Name, body: body})
}

// pick finds the tables of these names of which something is shown.
func (s *Site) pick(v visit, tables []analyse.Table, names []string) []shown {
	var out []shown
	for _, name := range names {
		for _, t := range tables {
			if t.Name == name && t.Shown > 0 {
				out = append(out, s.shown(v, t))
			}
		}
	}
	return out
}

type statisticsBody struct {
	Tables []shown
}

// statistics lists all tables of a sector with what each says.
func (s *Site) statistics(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	a, err := s.Deliver.Picture(v.r.Context(), v.viewer, sector.Name)
	if err != nil {
		return err
	}
	var body statisticsBody
	figures, cells := 0, 0
	for _, t := range a.Body().Tables {
		body.Tables = append(body.Tables, s.shown(v, t))
		figures, cells = figures+t.Shown, cells+t.Cells
	}
	title := "No statistics of " + sector.Title + " yet"
	if len(body.Tables) > 0 {
		title = fmt.Sprintf("%s on %s: %s of %s figures may be shown to you", many(len(body.Tables), "statistic"), strings.ToLower(sector.Title), number(figures), number(cells))
	}
	return s.show(v, view{page: "statistics", title: title, kicker: "Statistics", sector: sector.Name, body: body})
}

type statisticBody struct {
	shown
	CSV, SVG, JSON string
	Others         []shown
	Minimum        int
}

// statistic serves one table: as a page under its name, else as "name.csv",
// "name.json" or "name.svg".
func (s *Site) statistic(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	name, kind, _ := strings.Cut(v.r.PathValue("file"), ".")
	if kind == "" {
		return s.statisticPage(v, sector, name)
	}
	a, err := s.Deliver.Table(v.r.Context(), v.viewer, sector.Name, name)
	if err != nil {
		return err
	}
	t := a.Body()
	file := t.Sector + "-" + t.Name
	switch kind {
	case "csv":
		head, rows := tableRows(t)
		return writeCSV(v.w, file, head, rows)
	case "json":
		return writeJSON(v.w, file, a)
	case "svg":
		v.w.Header().Set("Content-Type", "image/svg+xml")
		v.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		_, err := v.w.Write(chart(t).File(sector.Title+": "+deliver.Find(t).Sentence, s.source(t)))
		return err
	}
	return fault.New(fault.NotFound, "statistic.kind", "a statistic is to be had as a page, and as .csv, .json and .svg")
}

func (s *Site) statisticPage(v visit, sector deliver.Sector, name string) error {
	a, err := s.Deliver.Picture(v.r.Context(), v.viewer, sector.Name)
	if err != nil {
		return err
	}
	tables := a.Body().Tables
	at := slices.IndexFunc(tables, func(t analyse.Table) bool { return t.Name == name })
	if at < 0 {
		return fault.New(fault.NotFound, "statistic.not_found", "there is no such statistic; the sector's statistics are listed")
	}
	t := tables[at]
	body := statisticBody{shown: s.shown(v, t), Minimum: sector.MinOwnerGroups}
	base := "/sectors/" + sector.Name + "/statistics/" + t.Name
	body.CSV, body.JSON, body.SVG = v.to(base+".csv"), v.to(base+".json"), v.to(base+".svg")
	for i, other := range tables {
		if i != at {
			body.Others = append(body.Others, s.shown(v, other))
		}
	}
	return s.show(v, view{page: "statistic", title: body.Finding.Sentence, kicker: t.Title, sector: sector.Name, body: body})
}

// tableRows lays a table out as a file: one line a figure.
func tableRows(t analyse.Table) (head []string, rows [][]string) {
	for _, d := range t.Dimensions {
		head = append(head, d.Name)
	}
	head = append(head, "value", "counts", "owner_groups", "withheld")
	for _, f := range t.Figures {
		value := ""
		if f.Withheld == "" {
			value = strconv.FormatFloat(f.Value, 'f', -1, 64)
		}
		rows = append(rows, append(append([]string{}, f.Key...), value, t.Counts, f.Groups, f.Withheld))
	}
	return head, rows
}
