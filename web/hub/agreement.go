package hub

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// clause is a clause of the member's terms as a sentence.
type clause struct{ ID, Sentence string }

type termsBody struct {
	Sheet      *terms.Sheet
	Sectors    []sectorTerms
	Purposes   []string
	Promises   []string
	From       time.Time
	Until      time.Time
	Agreement  wire.AgreementID
	Policy     string
	Stake      string
	OwnerGroup string
	Roles      []string
	Country    string
	Project    *agreement.Project
	// Legal is what counsel asks first, in sentences.
	Legal []agreement.Section
	// Soon says in how many days the agreement ends, if a reminder is due.
	Soon string
	// Orders of authorities that concern the member, as far as it may be told.
	Orders []admit.Order
}

// sectorTerms are the member's clauses as the standard of one sector has them.
type sectorTerms struct {
	Name, Standard string
	Clauses        []clause
	// Same is true if the clauses read as those of the sector before.
	Same bool
}

// terms shows the member's agreement in sentences.
func (s *Site) terms(v visit) error {
	a := v.standing.Agreement()
	body := termsBody{Sheet: a.Terms, Promises: a.Undertakings, From: a.From, Until: a.Until, Agreement: a.ID, Policy: a.Policy,
		Stake: stakeName(a.Member.Stake), OwnerGroup: string(a.Member.OwnerGroup), Roles: a.Member.Roles, Country: a.Member.Jurisdiction,
		Project: a.Project, Legal: a.LegalSections(), Soon: soon(v)}
	for _, p := range a.Purposes {
		body.Purposes = append(body.Purposes, string(p))
	}
	var err error
	if body.Sectors, err = s.sectorsOf(v, a); err != nil {
		return err
	}
	if body.Orders, err = s.Door.OrdersFor(v.r.Context(), v.standing); err != nil {
		return err
	}
	until := a.Until.UTC().Format("2006-01-02")
	title := "Until " + until + " your organisation receives, and contributes nothing"
	if a.Terms != nil {
		title = fmt.Sprintf("Until %s, %s say who may receive what you report; all else is withheld", until, many(len(a.Terms.Clauses), "clause"))
	}
	return s.show(v, view{page: "agreement", title: title, kicker: "My terms", body: body})
}

// sectorsOf says the member's clauses sector by sector.
func (s *Site) sectorsOf(v visit, a agreement.Agreement) ([]sectorTerms, error) {
	var all []sectorTerms
	for _, name := range slices.Sorted(maps.Keys(a.Standards)) {
		one := sectorTerms{Name: s.sectorTitle(v, name), Standard: string(a.Standards[name])}
		if a.Terms != nil {
			std, err := s.standardOf(v, name)
			if err != nil {
				return nil, err
			}
			for _, c := range a.Terms.Clauses {
				one.Clauses = append(one.Clauses, clause{c.ID, terms.Sentence(c, std)})
			}
		}
		one.Same = len(all) > 0 && slices.Equal(one.Clauses, all[len(all)-1].Clauses)
		all = append(all, one)
	}
	return all, nil
}

// myTerms is how the page is called in the navigation, where every page reminds
// of an agreement that ends.
func myTerms(v visit) string {
	if left := soon(v); left != "" {
		return "My terms (end in " + left + ")"
	}
	return "My terms"
}

// soon says in how many days the agreement ends, "" if no reminder is due.
func soon(v visit) string {
	days, due := agreement.Reminder(v.standing.Agreement().Until, v.viewer.At)
	if due == 0 {
		return ""
	}
	return many(days, "day")
}
