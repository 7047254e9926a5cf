package hub

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/concord-trust/concord/hub/reconcile"
	weighed "github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/web/look"
)

type reconcileBody struct {
	reconcile.Overview
	Pairs []pairRow
	Chart template.HTML
	// Mine are the member's own requests, ToMe those that ask something of it.
	Mine []reconcile.RequestView
	ToMe []reconcile.ToMe
	JSON string
	CSV  string
}

// pairRow is what flows between two stakes in a sector, in words.
type pairRow struct {
	Sector, From, To           string
	Flows, Blocked, WithOffers string
}

// reconciled answers what is wanted, what flows, what blocks, and what would
// help most.
func (s *Site) reconciled(v visit) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	all, err := s.Reconcile.Overview(ctx, v.standing)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return writeItems(v.w, "paradox", all.Course, "")
	case "csv":
		return courseCSV(v, all.Course)
	}
	b := reconcileBody{Overview: all, JSON: v.with("format", "json"), CSV: v.with("format", "csv")}
	for _, f := range all.Paradox {
		b.Pairs = append(b.Pairs, pairRow{s.anySector(f.Sector), stakeName(f.From), stakeName(f.To), bandWords(f.Flows), bandWords(f.Blocked), bandWords(f.WithOffer)})
	}
	b.Chart = s.course(all.Course).HTML()
	if b.Mine, err = s.Reconcile.Mine(ctx, v.standing); err != nil {
		return err
	}
	if b.ToMe, err = s.Reconcile.OffersTo(ctx, v.standing); err != nil {
		return err
	}
	return s.show(v, view{page: "reconcile", title: reconcileTitle(b), kicker: "Reconcile", body: b})
}

// reconcileTitle says what was found: first what is asked of the reader.
func reconcileTitle(b reconcileBody) string {
	offers := 0
	for _, r := range b.ToMe {
		if len(r.Offers) > 0 {
			offers++
		}
	}
	switch {
	case len(b.Wanted) == 0:
		return "No request is open: nobody has said what it lacks"
	case offers > 0:
		return fmt.Sprintf("%s could get further if your organisation conceded something", upperFirst(many(offers, "request")))
	case len(b.Wanted) == 1:
		return "1 request is open, and asks nothing of your organisation"
	}
	return fmt.Sprintf("%s are open, and ask nothing of your organisation", upperFirst(many(len(b.Wanted), "request")))
}

// course draws what flowed from day to day: a row for each pair of stakes in a
// sector of which some day may be shown.
func (s *Site) course(days []reconcile.DayInBands) look.Chart {
	pair := func(f weighed.FlowInBands) string {
		return fmt.Sprintf("%s: %s to %s", s.anySector(f.Sector), stakeName(f.From), stakeName(f.To))
	}
	var names []string
	shown := map[string]bool{}
	for _, d := range days {
		for _, f := range d.Paradox {
			if name := pair(f); !slices.Contains(names, name) {
				names = append(names, name)
			}
			shown[pair(f)] = shown[pair(f)] || f.Lower != nil
		}
	}
	var strips []look.Strip
	for _, name := range names {
		if !shown[name] {
			continue
		}
		strip := look.Strip{Label: name}
		for _, d := range days {
			bar := look.Bar{Label: d.Day, Withheld: true}
			if i := slices.IndexFunc(d.Paradox, func(f weighed.FlowInBands) bool { return pair(f) == name }); i >= 0 && d.Paradox[i].Lower != nil {
				// The middle of a band, with the band as its whisker.
				bar.Withheld, bar.Value, bar.Chance = false, float64(*d.Paradox[i].Lower+5), 5
				strip.Note = bandWords(d.Paradox[i].Flows)
			}
			strip.Bars = append(strip.Bars, bar)
		}
		strips = append(strips, strip)
	}
	if len(strips) == 0 {
		return look.Chart{}
	}
	first, last := days[0].Day, days[len(days)-1].Day
	var alt []string
	for _, st := range strips {
		alt = append(alt, st.Label+", last "+st.Note)
	}
	return look.Strips(fmt.Sprintf("What flows of what is requested, in percent, from %s to %s. %s. The figures stand in the download.", first, last, strings.Join(alt, "; ")), strips)
}

// anySector is the title of a sector of the hub, also of one in which the
// person takes no part.
func (s *Site) anySector(name string) string {
	for _, sector := range s.Deliver.Sectors {
		if sector.Name == name {
			return sector.Title
		}
	}
	return name
}

func courseCSV(v visit, days []reconcile.DayInBands) error {
	v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `attachment; filename="paradox.csv"`)
	return reconcile.WriteCourse(v.w, days)
}

// contributorName calls a contributor by its name, for a mediator.
func contributorName(names map[string]string, id string) string {
	if name := names[id]; name != "" {
		return name
	}
	return id
}
