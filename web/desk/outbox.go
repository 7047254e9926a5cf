package desk

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// entryView is a contribution as pages show it.
type entryView struct {
	Seq                                    int64
	ID                                     wire.ContributionID
	Queued, Tried, Receipted               time.Time
	Settled                                bool
	Reports, Nil                           int
	Accepted, Duplicate, Pending, Attempts int
	Problem                                string
	Refused                                []wire.Result
	Items                                  []outbox.Item
	NilReports                             []nilView
	RefusedNil                             int
}

// nilView is a nil report with the hub's answer to it.
type nilView struct {
	Sector, Period string
	Result         wire.Result
}

func viewEntry(e outbox.Entry) entryView {
	v := entryView{Seq: e.Seq, ID: e.ID, Queued: e.Queued, Tried: e.Tried, Receipted: e.Receipted, Settled: !e.Receipted.IsZero(),
		Reports: len(e.Items), Nil: len(e.Nil), Attempts: e.Attempts, Problem: e.Problem, Items: e.Items}
	results := make([]wire.Result, 0, len(e.Items)+len(e.NilResults))
	for _, i := range e.Items {
		results = append(results, i.Result)
	}
	results = append(results, e.NilResults...)
	for _, r := range results {
		switch r.Status {
		case wire.Accepted:
			v.Accepted++
		case wire.Duplicate:
			v.Duplicate++
		case wire.Refused:
			v.Refused = append(v.Refused, r)
		default:
			v.Pending++
		}
	}
	for i, n := range e.Nil {
		said := nilView{Sector: n.Sector, Period: n.Period}
		if i < len(e.NilResults) {
			said.Result = e.NilResults[i]
		}
		if said.Result.Status == wire.Refused {
			v.RefusedNil++
		}
		v.NilReports = append(v.NilReports, said)
	}
	return v
}

// What says in words what a contribution carries.
func (e entryView) What() string {
	var words []string
	if e.Reports > 0 {
		words = append(words, many(e.Reports, "report"))
	}
	if e.Nil > 0 {
		words = append(words, many(e.Nil, "nil report"))
	}
	return look.List(words)
}

// Became says in words what the hub answered.
func (e entryView) Became() string {
	if !e.Settled {
		return "waits"
	}
	var words []string
	for _, n := range []struct {
		n    int
		word string
	}{{e.Accepted, "accepted"}, {e.Duplicate, "sent before, and nothing that leaves has changed"}, {len(e.Refused), "refused"}} {
		if n.n > 0 {
			words = append(words, fmt.Sprint(n.n)+" "+n.word)
		}
	}
	return look.List(words)
}

// perPage is how many contributions a page lists.
const perPage = 25

type outboxBody struct {
	Notes   []string
	Counts  outbox.Counts
	Entries []entryView
	Older   int64
}

func (d *Desk) outbox(v visit) error {
	before, err := strconv.ParseInt("0"+v.r.URL.Query().Get("before"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "page.cursor", "this is no page of the outbox; begin at the first")
	}
	b := outboxBody{Notes: v.session.takeNotes()}
	if b.Counts, err = d.Outbox.Counts(v.r.Context()); err != nil {
		return err
	}
	entries, err := d.Outbox.Entries(v.r.Context(), before, perPage+1)
	if err != nil {
		return err
	}
	if len(entries) > perPage {
		entries = entries[:perPage]
		b.Older = entries[perPage-1].Seq
	}
	for _, e := range entries {
		b.Entries = append(b.Entries, viewEntry(e))
	}
	return d.show(v, http.StatusOK, "outbox", queueSentence(b.Counts), "Outbox", b)
}

// queueSentence says how the outbox stands.
func queueSentence(c outbox.Counts) string {
	if c.Waiting+c.Receipted == 0 {
		return "Nothing has left this desk yet"
	}
	// One that was sent again is at the hub already: it counts once.
	s := fmt.Sprintf("%s at the hub", many(c.Accepted, "report"))
	switch {
	case c.Accepted == 0 && c.Duplicate > 0:
		s = fmt.Sprintf("%s sent that the hub had already", many(c.Duplicate, "report"))
	case c.Accepted == 0:
		s = "no report at the hub yet"
	}
	if c.Refused > 0 {
		s += fmt.Sprintf(", %d refused", c.Refused)
	}
	if c.Waiting > 0 {
		return many(c.Waiting, "contribution") + " to be sent; " + s
	}
	return "Nothing waits; " + s
}

func (d *Desk) contribution(v visit) error {
	e, err := d.entry(v)
	if err != nil {
		return err
	}
	view := viewEntry(e)
	title := "This contribution waits for the hub"
	if view.Settled {
		title = fmt.Sprintf("Of %s: %s", view.What(), view.Became())
	}
	return d.show(v, http.StatusOK, "contribution", title, "Contribution "+string(e.ID), view)
}

func (d *Desk) entry(v visit) (outbox.Entry, error) {
	missing := fault.New(fault.NotFound, "desk.no_contribution", "the outbox has no such contribution")
	seq, err := strconv.ParseInt(v.r.PathValue("seq"), 10, 64)
	if err != nil || seq < 1 {
		return outbox.Entry{}, missing
	}
	entries, err := d.Outbox.Entries(v.r.Context(), seq+1, 1)
	if err != nil {
		return outbox.Entry{}, err
	}
	if len(entries) == 0 || entries[0].Seq != seq {
		return outbox.Entry{}, missing
	}
	return entries[0], nil
}

// receipt hands out the hub's signed word, as it was received.
func (d *Desk) receipt(v visit) error {
	e, err := d.entry(v)
	if err != nil {
		return err
	}
	if len(e.Receipt) == 0 {
		return fault.New(fault.NotFound, "desk.no_receipt", "this contribution has no receipt yet")
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote("receipt-"+string(e.ID)+".json"))
	_, err = v.w.Write(e.Receipt)
	return err
}

// sendNow delivers what waits.
func (d *Desk) sendNow(v visit) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), sendPatience)
	defer cancel()
	done, err := d.Edge.Deliver(ctx)
	switch {
	case err != nil:
		v.session.note("Not everything could be sent: " + fault.Public(err).Message + ". What waits is safe and is sent later.")
	case done.Receipts == 0:
		v.session.note("There was nothing to send.")
	default:
		v.session.note(fmt.Sprintf("%s: %d accepted, %d sent before and unchanged in what leaves, %d refused.", many(done.Receipts, "receipt"),
			done.Accepted+done.Nil.Accepted, done.Duplicate+done.Nil.Duplicate, done.Refused+done.Nil.Refused))
	}
	return d.redirect(v, "/outbox")
}

type signInBody struct {
	Hub      string
	Purposes []member.Purpose
	Person   string
	Link     *wire.LoginLink
	Until    string
	Error    string
}

func (d *Desk) askSignIn(v visit) error {
	return d.show(v, http.StatusOK, "signin", "See what your sector knows, at the hub", "", signInBody{Hub: d.Hub, Purposes: d.Agreement.Purposes, Person: "analyst"})
}

// signIn makes a link that signs a person in at the hub, once.
func (d *Desk) signIn(v visit) error {
	b := signInBody{Hub: d.Hub, Purposes: d.Agreement.Purposes, Person: strings.TrimSpace(v.value("person"))}
	ctx, cancel := context.WithTimeout(v.r.Context(), sendPatience)
	defer cancel()
	link, err := d.Edge.Login(ctx, wire.LoginRequest{Person: b.Person, Purposes: v.form["for"]})
	if err != nil {
		b.Error = sentence(err)
		return d.show(v, d.Status(err), "signin", "No link could be made", "", b)
	}
	b.Link, b.Until = &link, link.Expires
	if t, err := time.Parse(time.RFC3339, link.Expires); err == nil {
		b.Until = t.UTC().Format("15:04") + " UTC"
	}
	return d.show(v, http.StatusOK, "signin", "Your link to the hub works once, until "+b.Until, "", b)
}
