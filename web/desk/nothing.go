package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
)

// toldQuarters is how many past quarters a nil report can be chosen of.
const toldQuarters = 8

type nothingBody struct {
	Error   string
	Period  string
	Periods []string
	Sectors []choice
}

// nothing asks of which quarter there is nothing to report.
func (d *Desk) nothing(v visit) error {
	if err := d.contributes(); err != nil {
		return err
	}
	return d.nothingPage(v, http.StatusOK, nothingBody{}, d.Agreement.Member.Sectors)
}

func (d *Desk) nothingPage(v visit, status int, b nothingBody, chosen []string) error {
	b.Periods = pastQuarters(d.Now())
	for _, s := range d.Agreement.Member.Sectors {
		b.Sectors = append(b.Sectors, choice{Code: s, Label: s, Chosen: slices.Contains(chosen, s)})
	}
	return d.show(v, status, "nothing", "Say that nothing happened in a quarter", "", b)
}

// pastQuarters lists quarters that are over, the last one first.
func pastQuarters(now time.Time) []string {
	now = now.UTC()
	year, quarter := now.Year(), (int(now.Month())+2)/3
	var all []string
	for range toldQuarters {
		if quarter--; quarter == 0 {
			year, quarter = year-1, 4
		}
		all = append(all, fmt.Sprintf("%d-Q%d", year, quarter))
	}
	return all
}

// nothingSaid queues a nil report of each sector and delivers them.
func (d *Desk) nothingSaid(v visit) error {
	if err := d.contributes(); err != nil {
		return err
	}
	b := nothingBody{Period: v.value("period")}
	var nils []report.Nil
	for _, s := range v.form["sector"] {
		if slices.Contains(d.Agreement.Member.Sectors, s) {
			nils = append(nils, report.Nil{Sector: s, Period: b.Period})
		}
	}
	switch {
	case len(nils) == 0:
		b.Error = "Choose a sector of which nothing is to be reported."
	case !slices.Contains(pastQuarters(d.Now()), b.Period):
		b.Error = "Choose a quarter of the list; the one that runs can be told when it is over."
	}
	if b.Error != "" {
		return d.nothingPage(v, http.StatusUnprocessableEntity, b, v.form["sector"])
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), sendPatience)
	defer cancel()
	if err := d.Edge.Nil(ctx, nils); err != nil {
		return err
	}
	return d.nothingSent(ctx, v)
}

// nothingSent leads to what became of the nil reports that were just queued.
func (d *Desk) nothingSent(ctx context.Context, v visit) error {
	if _, err := d.Edge.Deliver(ctx); err != nil {
		v.session.note("The nil report is queued and not delivered yet: " + fault.Public(err).Message + ". It is sent later.")
		return d.redirect(v, "/outbox")
	}
	newest, err := d.Outbox.Entries(ctx, 0, 1)
	if err != nil {
		return err
	}
	if len(newest) == 0 || len(newest[0].Nil) == 0 {
		return d.redirect(v, "/outbox") // something else was queued meanwhile
	}
	return d.redirect(v, fmt.Sprint("/outbox/", newest[0].Seq))
}
