package desk

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// sendPatience bounds how long somebody waits for the steward and the hub.
const sendPatience = time.Minute

// send queues a draft and delivers it. It goes on if the browser leaves.
func (d *Desk) send(v visit) error {
	dr, err := d.drafts.get(v.r.PathValue("id"), v.session, d.Now())
	if err != nil {
		return err
	}
	dr.sending.Lock()
	defer dr.sending.Unlock()
	reports, _ := dr.content()
	if dr.outcome() != nil {
		return d.redirect(v, "/drafts/"+dr.id)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), sendPatience)
	defer cancel()
	queued, err := d.Edge.Queue(ctx, reports)
	if err != nil {
		f := fault.Public(err)
		if f.Kind == fault.Internal {
			d.Log.Error("desk could not queue reports", "code", f.Code, "cause", err)
		}
		v.session.note("Not everything could be queued, so the draft is still here: " + f.Message + ". Send it again; nothing counts twice.")
		return d.redirect(v, "/drafts/"+dr.id)
	}
	o := &outcome{Queued: queued}
	if _, err := d.Edge.Deliver(ctx); err != nil {
		o.Waits = fault.Public(err).Error()
	}
	dr.finish(o)
	return d.redirect(v, "/drafts/"+dr.id)
}

// sentBody is what became of a draft that was sent.
type sentBody struct {
	outcome
	ID string
	// Copy is true if the report was written here and can be kept.
	Copy    bool
	Entries []entryView
	Says    string
	Ready   bool
}

func (d *Desk) sent(v visit, dr *draft, o *outcome) error {
	reports, _ := dr.content()
	b := sentBody{outcome: *o, ID: dr.id, Copy: len(reports) > 0}
	entries, err := d.Outbox.Entries(v.r.Context(), 0, 200)
	if err != nil {
		return err
	}
	accepted, refused, pending := 0, 0, 0
	receipted := []wire.ContributionID{}
	for _, e := range entries {
		if !slices.Contains(o.Queued.Contributions, e.ID) {
			continue
		}
		view := viewEntry(e)
		b.Entries = append(b.Entries, view)
		accepted, refused, pending = accepted+view.Accepted+view.Duplicate, refused+len(view.Refused), pending+view.Pending
		if view.Settled {
			receipted = append(receipted, e.ID)
		}
	}
	if len(receipted) > 0 {
		if b.Says, b.Ready, err = d.Edge.GivesBack(v.r.Context(), receipted); err != nil {
			b.Says = "What it gives back cannot be told now: " + fault.Public(err).Message + "."
		}
	}
	title := "Sent: " + many(accepted, "report") + " accepted"
	switch failed := refused + len(o.Queued.Failed); {
	case pending > 0:
		title = many(pending, "report") + " in the outbox; they go out when the hub answers"
	case failed > 0:
		title += ", " + fmt.Sprint(failed) + " not"
	}
	return d.show(v, http.StatusOK, "sent", title, "", b)
}

// copy hands out a report as it was written: the native file, to which what
// left is committed.
func (d *Desk) copy(v visit) error {
	dr, err := d.drafts.get(v.r.PathValue("id"), v.session, d.Now())
	if err != nil {
		return err
	}
	reports, t := dr.content()
	if t == nil {
		return fault.New(fault.NotFound, "desk.not_written", "this was imported; its own file is the one to keep")
	}
	rep := reports[0].Report()
	std, err := d.Standards(rep.Standard)
	if err != nil {
		return err
	}
	data, err := report.Encode(std, rep)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Disposition", `attachment; filename="report.json"`)
	_, err = v.w.Write(data)
	return err
}

// drop forgets a draft.
func (d *Desk) drop(v visit) error {
	d.drafts.drop(v.r.PathValue("id"), v.session)
	v.session.note("The draft is gone. Nothing of it was sent or kept.")
	return d.redirect(v, "/")
}
