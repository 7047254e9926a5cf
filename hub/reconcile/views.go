package reconcile

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

// RequestView is a request as its requester sees it.
type RequestView struct {
	ID      wire.RequestID `json:"id"`
	Name    string         `json:"name"`
	Title   string         `json:"title,omitzero"`
	Filed   time.Time      `json:"filed"`
	Purpose member.Purpose `json:"purpose"`
	Sectors []string       `json:"sectors"`
	// Measure is what shares are counted by: reports or contributors.
	Measure string `json:"measure"`
	// Outcome is nil while nobody contributes to the sectors.
	Outcome *reconcile.ForRequester `json:"outcome"`
}

// Wanted is a request as every member sees it: what is wanted, and by which
// stake.
type Wanted struct {
	Stake   member.Stake   `json:"stake"`
	Title   string         `json:"title"`
	Purpose member.Purpose `json:"purpose"`
	Sectors []string       `json:"sectors"`
	Fields  []WantedField  `json:"fields"`
}

// WantedField is a field with the weakest form that is still useful.
type WantedField struct {
	Path string        `json:"path"`
	Form standard.Form `json:"form"`
}

// ToMe is a request as one contributor sees it, in one sector.
type ToMe struct {
	Request wire.RequestID `json:"request"`
	Asker   string         `json:"asker"`
	Stake   member.Stake   `json:"stake"`
	Title   string         `json:"title"`
	Purpose member.Purpose `json:"purpose"`
	Sector  string         `json:"sector"`
	// Fields say what its own clauses grant.
	Fields []reconcile.ContributorField `json:"fields"`
	Offers []OfferToMe                  `json:"offers"`
}

// OfferToMe is what one offer asks of a contributor.
type OfferToMe struct {
	ID          string                 `json:"id"`
	Aim         reconcile.Aim          `json:"aim"`
	Concessions []reconcile.Concession `json:"concessions"`
	Clauses     []reconcile.Sentence   `json:"clauses"`
	// Sheet is the draft by which it would accept.
	Sheet *terms.Sheet `json:"sheet"`
}

// Overview is what is wanted and what flows, as everybody may see it.
type Overview struct {
	// Measured is the day of Paradox; "" if nothing was measured yet.
	Measured string                  `json:"measured"`
	Paradox  []reconcile.FlowInBands `json:"paradox"`
	Course   []DayInBands            `json:"course"`
	Wanted   []Wanted                `json:"wanted"`
	// Named are all outcomes with names, for a mediator; nobody else has any.
	Named []Named `json:"named,omitzero"`
}

// DayInBands is what flowed on a day.
type DayInBands struct {
	Day     string                  `json:"day"`
	Paradox []reconcile.FlowInBands `json:"paradox"`
}

// Named is a request with its outcome, names included. Contributors are
// called by their titles.
type Named struct {
	ID      wire.RequestID     `json:"id"`
	Asker   string             `json:"asker"`
	Title   string             `json:"title"`
	Outcome *reconcile.Outcome `json:"outcome"`
	// Names are the contributors' names, by what the outcome calls them, and
	// Kinds their kinds.
	Names map[string]string      `json:"names"`
	Kinds map[string]member.Kind `json:"kinds"`
}

// measured is what the shares of a request are counted by: at a hub,
// contributors weigh as many reports as it holds of them.
func measured(r *reconcile.Request) string {
	if r.Measure == reconcile.ByContributors {
		return string(r.Measure)
	}
	return string(reconcile.ByReports)
}

// title is what a request is called.
func title(r *reconcile.Request) string {
	if r.Title != "" {
		return r.Title
	}
	return r.Name
}

// Mine lists a member's open requests.
func (r *Room) Mine(ctx context.Context, s admit.Standing) ([]RequestView, error) {
	own := func(f Filed) bool { return f.Member == s.Member().ID }
	filed, err := r.Store.OpenRequests(ctx, r.now().Add(-Life))
	if err != nil {
		return nil, err
	}
	holding, err := r.open(ctx, own)
	if err != nil {
		return nil, err
	}
	all := []RequestView{}
	for _, f := range filed {
		if !own(f) {
			continue
		}
		req, err := reconcile.ParseRequest(string(f.ID), f.Document)
		if err != nil {
			return nil, err
		}
		v := RequestView{ID: f.ID, Name: req.Name, Title: req.Title, Filed: f.At, Purpose: req.Purpose, Sectors: req.Sectors, Measure: measured(req)}
		if i := slices.IndexFunc(holding, func(h held) bool { return h.ID == f.ID }); i >= 0 {
			seen := holding[i].outcome.Requester()
			v.Outcome = &seen
		}
		all = append(all, v)
	}
	return all, nil
}

// OffersTo lists the open requests that concern a contributor, with what its
// own clauses make of them and what offers ask of it.
func (r *Room) OffersTo(ctx context.Context, s admit.Standing) ([]ToMe, error) {
	me := s.Member()
	all := []ToMe{}
	holding, err := r.open(ctx, func(f Filed) bool { return f.Member != me.ID })
	if err != nil {
		return nil, err
	}
	for _, h := range holding {
		for _, sector := range me.Sectors {
			v, err := h.outcome.Contributor(Contributor{Member: me, Sector: sector}.name())
			if fault.KindOf(err) == fault.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			one := ToMe{Request: h.ID, Asker: h.asker.Name, Stake: h.asker.Stake, Title: title(h.request), Purpose: h.request.Purpose, Sector: sector, Fields: v.Fields, Offers: []OfferToMe{}}
			for _, o := range v.Offers {
				offer := h.outcome.Offers[slices.IndexFunc(h.outcome.Offers, func(x reconcile.Offer) bool { return x.Aim == o.Aim })]
				a, err := h.outcome.Amend(offer, v.Contributor)
				if err != nil {
					return nil, err
				}
				one.Offers = append(one.Offers, OfferToMe{offerID(h.ID, o.Aim, sector), o.Aim, anonymous(o.Concessions), a.Clauses, a.Sheet})
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// anonymous leaves out what the hub calls the contributor in an outcome.
func anonymous(all []reconcile.Concession) []reconcile.Concession {
	out := slices.Clone(all)
	for i := range out {
		out[i].Contributor, _, _ = strings.Cut(out[i].Contributor, ".")
	}
	return out
}

// Answer notes what a contributor answers to an offer that stands. What it
// accepts it has signed before; what it refuses it is not asked for again for
// a while, by whoever asks as this requester does.
func (r *Room) Answer(ctx context.Context, s admit.Standing, a wire.OfferAnswer) error {
	switch {
	case a.Verdict != wire.OfferAccepted && a.Verdict != wire.OfferRefused:
		return fault.New(fault.Invalid, "offer.verdict", "an offer is %s or %s", wire.OfferAccepted, wire.OfferRefused)
	case a.Verdict == wire.OfferRefused && !slices.Contains(wire.RefusalReasons(), a.Reason):
		return fault.New(fault.Invalid, "offer.reason", "the reason of a refusal is one of %s", strings.Join(wire.RefusalReasons(), ", "))
	case a.Verdict == wire.OfferAccepted && a.Reason != "":
		return fault.New(fault.Invalid, "offer.reason", "whoever accepts needs no reason")
	}
	me := s.Member()
	answers, err := r.answers(ctx, me, a)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		return fault.New(fault.NotFound, "offer.not_found", "there is no offer %q that asks anything of you now; `concord member offers list` shows those that there are", a.Offer)
	}
	if err := r.Store.AddAnswers(ctx, answers); err != nil {
		return err
	}
	if a.Verdict == wire.OfferRefused {
		r.changed()
	}
	return nil
}

// answers makes an answer for each field that a refused offer asks of the
// member. An accepted one asks it no more, so that it is noted for all fields
// of the request: what is granted stands in the agreement.
func (r *Room) answers(ctx context.Context, me member.Member, a wire.OfferAnswer) (all []Answer, err error) {
	id, rest, _ := strings.Cut(a.Offer, ".")
	aim, sector, _ := strings.Cut(rest, ".")
	if !me.InSector(sector) || !slices.Contains([]reconcile.Aim{reconcile.Cheapest, reconcile.Fewest, reconcile.Spread}, reconcile.Aim(aim)) {
		return nil, nil
	}
	note := func(f Filed, req *reconcile.Request, path string) {
		all = append(all, Answer{f.ID, me.ID, sector, path, r.now(), req.Asks.Stake, req.Asks.Kind, req.Purpose, a.Verdict, a.Reason})
	}
	meant := func(f Filed) bool { return string(f.ID) == id && f.Member != me.ID }
	if a.Verdict == wire.OfferRefused {
		holding, err := r.open(ctx, meant)
		if err != nil {
			return nil, err
		}
		for _, h := range holding {
			for _, path := range h.asks(me, sector, a.Offer) {
				note(h.Filed, h.request, path)
			}
		}
		return all, nil
	}
	filed, err := r.Store.OpenRequests(ctx, r.now().Add(-Life))
	if err != nil {
		return nil, err
	}
	for _, f := range filed {
		if !meant(f) {
			continue
		}
		req, err := reconcile.ParseRequest(string(f.ID), f.Document)
		if err != nil {
			return nil, err
		}
		for _, n := range req.Fields {
			note(f, req, n.Path)
		}
	}
	return all, nil
}

// asks lists the fields that an offer asks of a member in a sector.
func (h held) asks(me member.Member, sector, offer string) (paths []string) {
	name := Contributor{Member: me, Sector: sector}.name()
	for _, o := range h.outcome.Offers {
		for _, c := range o.Concessions {
			if c.Contributor == name && offerID(h.ID, o.Aim, sector) == offer {
				paths = append(paths, c.Path)
			}
		}
	}
	return paths
}

// course is for how many days the course in time is shown.
const course = 365

// Overview says what is wanted and what flows. A mediator sees names.
func (r *Room) Overview(ctx context.Context, s admit.Standing) (Overview, error) {
	v := Overview{Paradox: []reconcile.FlowInBands{}, Course: []DayInBands{}, Wanted: []Wanted{}}
	now := r.now()
	measured, err := r.Store.Measured(ctx, reconcile.DayOf(now.AddDate(0, 0, -course)).String())
	if err != nil {
		return v, err
	}
	for _, m := range measured {
		if len(v.Course) == 0 || v.Course[len(v.Course)-1].Day != m.Day {
			v.Course = append(v.Course, DayInBands{Day: m.Day})
		}
		last := &v.Course[len(v.Course)-1]
		last.Paradox = append(last.Paradox, m.Flow.InBands())
	}
	if n := len(v.Course); n > 0 {
		v.Measured, v.Paradox = v.Course[n-1].Day, v.Course[n-1].Paradox
	}
	filed, err := r.Store.OpenRequests(ctx, now.Add(-Life))
	if err != nil {
		return v, err
	}
	for _, f := range filed {
		req, err := reconcile.ParseRequest(string(f.ID), f.Document)
		if err != nil {
			return v, err
		}
		w := Wanted{Stake: req.Asks.Stake, Title: title(req), Purpose: req.Purpose, Sectors: req.Sectors}
		for _, n := range req.Fields {
			w.Fields = append(w.Fields, WantedField{n.Path, n.Form})
		}
		v.Wanted = append(v.Wanted, w)
	}
	if slices.Contains(s.Member().Roles, Mediator) {
		v.Named, err = r.named(ctx)
	}
	return v, err
}

func (r *Room) named(ctx context.Context) ([]Named, error) {
	holding, err := r.open(ctx, func(Filed) bool { return true })
	if err != nil {
		return nil, err
	}
	trust, err := r.Trust(ctx)
	if err != nil {
		return nil, err
	}
	names, kinds := map[string]string{}, map[string]member.Kind{}
	for _, c := range trust {
		names[c.name()], kinds[c.name()] = c.Member.Name, c.Member.Kind
	}
	all := []Named{}
	for _, h := range holding {
		all = append(all, Named{h.ID, h.asker.Name, title(h.request), h.outcome, names, kinds})
	}
	return all, nil
}
