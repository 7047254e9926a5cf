package sim

import (
	"context"
	"fmt"
	"slices"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/terms/reconcile"
)

// Paradox is what a demo measures of requests: what flowed of them between
// stakes before some contributors accepted what the cheapest offers ask, and
// what after.
type Paradox struct {
	Requests int `json:"requests"`
	// Asked counts the members of whom the cheapest offers ask something, and
	// Accepted those of them that accepted.
	Asked    int              `json:"asked"`
	Accepted int              `json:"accepted"`
	Before   []reconcile.Flow `json:"before"`
	After    []reconcile.Flow `json:"after"`
}

// demoRequest is a request of the first member of a kind.
type demoRequest struct {
	kind     member.Kind
	document string
}

// demoRequests are what members of each stake lack under the terms that most
// have: detectives what was paid, doctoral students the day, and an information
// sharing centre who was hit.
func demoRequests() []demoRequest {
	return []demoRequest{
		{"police", `name: follow-the-money
title: Follow ransom payments across victims
asks: {stake: law-enforcement, kind: police}
purpose: investigate
sectors: [finance, health]
measure: reports
each: 0.6
fields:
  - {path: observable.wallet, form: exact}
  - {path: timeline.incident, form: "generalised:day"}
  - {path: impact.ransom.paid, form: "generalised:decade"}
`},
		{"university", `name: how-fast
title: How fast attacks move from firm to firm
asks: {stake: research, kind: university}
purpose: study
sectors: [finance, health]
measure: reports
delay: 90d
each: 0.5
fields:
  - {path: timeline.incident, form: "generalised:day"}
  - {path: attack.techniques, form: exact}
`},
		{"isac", `name: warn-the-sector
title: Warn those who use the same supplier
asks: {stake: industry, kind: isac}
purpose: defend
sectors: [finance]
measure: reports
each: 0.4
fields:
  - {path: observable.domain, form: exact}
  - {path: victim.secondary.victim_id, form: token}
`},
	}
}

// reconcile has members request what they lack, measures what flows, has every
// other contributor that the cheapest offers ask accept, in the order in which
// they joined, and measures again. Nil if there is nobody to ask.
func (d Demo) reconcile(ctx context.Context, t *Trust) (*Paradox, error) {
	p := &Paradox{}
	for _, r := range demoRequests() {
		i := slices.IndexFunc(t.Members, func(s *Seat) bool { return s.Party.Kind == r.kind })
		if i < 0 {
			continue
		}
		if _, err := t.Members[i].Member.Hub.File(ctx, r.document); err != nil {
			return nil, fmt.Errorf("file a request: %w", err)
		}
		p.Requests++
	}
	var err error
	if p.Before, err = t.Hub.Measure(ctx); err != nil || len(p.Before) == 0 {
		return nil, err
	}
	d.say("Of each stake somebody requests what it lacks; the hub holds it against everybody's terms …")
	type asked struct {
		seat     *Seat
		proposal node.Proposal
	}
	var all []asked
	for _, s := range t.Members {
		proposals, err := s.Member.Proposals(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask what offers ask of %s: %w", s.Party.Name, err)
		}
		if i := slices.IndexFunc(proposals, func(p node.Proposal) bool { return p.Aim == reconcile.Cheapest }); i >= 0 {
			all = append(all, asked{s, proposals[i]})
		}
	}
	p.Asked = len(all)
	for i, a := range all {
		if i%2 != 0 {
			continue
		}
		if _, err := a.seat.Member.AcceptOffer(ctx, a.proposal); err != nil {
			return nil, fmt.Errorf("%s accepts an offer: %w", a.seat.Party.Name, err)
		}
		p.Accepted++
	}
	d.say("%d of %d members that the cheapest offers ask sign what is asked of them.", p.Accepted, p.Asked)
	p.After, err = t.Hub.Measure(ctx)
	return p, err
}
