package desk

import (
	"net/http"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

type homeBody struct {
	Notes   []string
	Counts  outbox.Counts
	Entries []entryView
	Refused []entryView
	// RefusedNil counts nil reports refused among the entries looked at.
	RefusedNil int
	Drafts     []draftLine
	Agreement  agreement.Agreement
	Hub        string
	// Days that the agreement still holds; Ended if it does not.
	Days  int
	Soon  bool
	Ended bool
	// Gives is false for a member that only receives.
	Gives bool
}

type draftLine struct {
	ID, What string
	Left     int // minutes
}

func (d *Desk) home(v visit) error {
	now := d.Now()
	b := homeBody{Notes: v.session.takeNotes(), Agreement: d.Agreement, Hub: d.Hub, Gives: d.Agreement.Terms != nil,
		Ended: !now.Before(d.Agreement.Until)}
	days, due := agreement.Reminder(d.Agreement.Until, now)
	b.Days, b.Soon = days, !b.Ended && due > 0
	var err error
	if b.Counts, err = d.Outbox.Counts(v.r.Context()); err != nil {
		return err
	}
	entries, err := d.Outbox.Entries(v.r.Context(), 0, perPage)
	if err != nil {
		return err
	}
	for i, e := range entries {
		view := viewEntry(e)
		if i < 5 {
			b.Entries = append(b.Entries, view)
		}
		if len(view.Refused) > 0 {
			b.Refused = append(b.Refused, view)
			b.RefusedNil += view.RefusedNil
		}
	}
	for _, dr := range d.drafts.unsent(v.session, now) {
		reports, t := dr.content()
		what := "a report that you wrote"
		switch {
		case t == nil:
			what = many(len(reports), "report") + " of " + dr.file
		case !strings.HasPrefix(t.native, ownNative):
			what = "the report of case " + clip(t.native, 60)
		}
		b.Drafts = append(b.Drafts, draftLine{dr.id, what, int(dr.left.Minutes())})
	}
	return d.show(v, http.StatusOK, "home", queueSentence(b.Counts), d.Agreement.Member.Name, b)
}

type termsBody struct {
	Sheet    *terms.Sheet
	Sectors  []sectorTerms
	Purposes []member.Purpose
	Promises []string
	Until    time.Time
	From     time.Time
}

type sectorTerms struct {
	Sector   string
	Standard standard.Ref
	Clauses  []clauseLine
	// Stays are the fields that no clause grants to anybody.
	Stays []string
}

// terms says the member's sheet in sentences, sector by sector.
func (d *Desk) terms(v visit) error {
	a := d.Agreement
	b := termsBody{Sheet: a.Terms, Purposes: a.Purposes, Promises: a.Undertakings, Until: a.Until, From: a.From}
	if a.Terms == nil {
		return d.show(v, http.StatusOK, "terms", "Your agreement is to receive only; nothing of yours leaves", "My terms", b)
	}
	for _, name := range a.Member.Sectors {
		_, std, rules, err := d.sector(name)
		if err != nil {
			return err
		}
		s := sectorTerms{Sector: name, Standard: std.Ref()}
		for i, c := range a.Terms.Clauses {
			s.Clauses = append(s.Clauses, clauseLine{i + 1, c.ID, terms.Sentence(c, std)})
		}
		for _, f := range std.Fields() {
			if len(rules.Leaving(f.Path, d.Now())) == 0 {
				s.Stays = append(s.Stays, f.Title)
			}
		}
		b.Sectors = append(b.Sectors, s)
	}
	return d.show(v, http.StatusOK, "terms", many(len(a.Terms.Clauses), "clause")+" of yours let something leave; all else stays here", "My terms", b)
}

// words explains the vocabulary of the desk.
func (d *Desk) words(v visit) error {
	return d.show(v, http.StatusOK, "words", "The words used here, and what they mean", "", nil)
}
