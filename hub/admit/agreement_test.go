package admit_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func (h *house) researcher(name string) admit.Card {
	c := h.card(name)
	c.Stake, c.Kind = member.Research, "university"
	c.Project = &agreement.Project{Title: "Ransom", People: []string{"Ada Student"}, Until: h.now.AddDate(0, 6, 0)}
	return c
}

// amend has a member sign anew under a changed card.
func (h *house) amend(j joined, change func(*admit.Card)) joined {
	h.t.Helper()
	code, _, err := h.door.Amend(h.ctx, j.id, func(c *admit.Card) error { change(c); return nil }, h.now.Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	a := h.complete(code, j.key)
	both, err := h.door.Join(h.ctx, code, h.sign(a, j.key))
	if err != nil {
		h.t.Fatal(err)
	}
	return joined{id: j.id, key: j.key, agreement: a, signed: both}
}

func TestStakeAndKindAreHeldAgainstEachOther(t *testing.T) {
	h := newHouse(t)
	for _, stake := range member.Stakes() {
		for _, kind := range member.Kinds() {
			c := h.card("x")
			c.Stake, c.Kind = stake, kind
			fits := false
			for _, k := range admit.KindsOf(stake) {
				fits = fits || k == kind
			}
			_, _, err := h.door.Invite(h.ctx, c, h.now.Add(time.Hour))
			if fits != (err == nil) || !fits && fault.Public(err).Code != "invitation.card" {
				t.Errorf("%s, %s: %v", stake, kind, err)
			}
		}
	}
	police := h.card("x")
	police.Kind = "police"
	if _, _, err := h.door.Invite(h.ctx, police, h.now.Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "industry") {
		t.Errorf("a police force is of the industry: %v", err)
	}
}

func TestAnOfferSaysWhatCounselAsksAndNothingElseIsSigned(t *testing.T) {
	h := newHouse(t)
	h.door.Legal = agreement.Legal{Location: []agreement.Place{{Node: "hub", Operator: "Trust e.V.", Country: "DE"}}}
	card := h.card("bank")
	card.Roles, card.Jurisdiction = []string{"mediator"}, "FR"
	code, _ := h.invite(card)
	key := newKey(t)
	offer := h.complete(code, key)
	if len(offer.Law) == 0 || offer.Location[0].Operator != "Trust e.V." || offer.BreachNotice == 0 || offer.AfterEnd != agreement.Withdraw {
		t.Errorf("the offer is %+v", offer.Legal)
	}
	for name, change := range map[string]func(*agreement.Agreement){
		"another basis":     func(a *agreement.Agreement) { a.Law[1].Basis = agreement.PublicTask },
		"no law":            func(a *agreement.Agreement) { a.Law = nil },
		"another place":     func(a *agreement.Agreement) { a.Location[0].Country = "FR" },
		"a later notice":    func(a *agreement.Agreement) { a.BreachNotice = 100 },
		"another role":      func(a *agreement.Agreement) { a.Member.Roles = []string{"auditor"} },
		"another country":   func(a *agreement.Agreement) { a.Member.Jurisdiction = "US" },
		"orders told after": func(a *agreement.Agreement) { a.CompelledAccess = agreement.TellAfter },
		"a subprocessor more": func(a *agreement.Agreement) {
			a.Subprocessors = []agreement.Subprocessor{{Name: "x", Does: "y", Country: "DE"}}
		},
	} {
		a := h.complete(code, key)
		change(&a)
		_, err := h.door.Join(h.ctx, code, h.sign(a, key))
		if fault.Public(err).Code != "agreement.differs" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What becomes of its contributions after the end is the member's to say.
	offer.AfterEnd = agreement.Keep
	if _, err := h.door.Join(h.ctx, code, h.sign(offer, key)); err != nil {
		t.Fatal(err)
	}
	s, err := h.door.Standing(h.ctx, offer.Member.ID)
	if err != nil || s.Member().Jurisdiction != "FR" || len(s.Member().Roles) != 1 {
		t.Errorf("at the door it is %+v, %v", s.Member(), err)
	}
}

func TestWhatTheThirdPartyOffersNowIsSignedWhenRenewing(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	h.door.Legal = agreement.Legal{Location: []agreement.Place{{Node: "hub", Operator: "Trust e.V.", Country: "DE"}}}
	old := j.agreement
	old.ID, old.From = wire.IDFrom[wire.AgreementID]('a', [16]byte{1}), h.now
	_, err := h.door.Renew(h.ctx, h.sign(old, j.key))
	wantCode(t, err, fault.Invalid, "agreement.differs")
	s, err := h.door.Standing(h.ctx, j.id)
	if err != nil {
		t.Fatal(err)
	}
	next, err := h.door.RenewalOffer(h.ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	next.Member.Key, next.Terms = j.agreement.Member.Key, j.agreement.Terms
	if _, err := h.door.Renew(h.ctx, h.sign(next, j.key)); err != nil {
		t.Fatal(err)
	}
	if s, err = h.door.Standing(h.ctx, j.id); err != nil || s.Agreement().Location[0].Country != "DE" {
		t.Errorf("the agreement says %+v, %v", s.Agreement().Location, err)
	}
}

func TestResearchIsAgreedOnForAProjectOfNamedPeople(t *testing.T) {
	h := newHouse(t)
	bare := h.researcher("university")
	bare.Project = nil
	h.invite(bare) // a hub that does not ask for projects
	h.door.Projects = true
	_, _, err := h.door.Invite(h.ctx, bare, h.now.Add(time.Hour))
	wantCode(t, err, fault.Invalid, "invitation.project")
	long := h.researcher("university")
	long.Project.Until = h.now.AddDate(2, 0, 0)
	_, _, err = h.door.Invite(h.ctx, long, h.now.Add(time.Hour))
	wantCode(t, err, fault.Invalid, "invitation.project")
	firm := h.card("bank")
	firm.Project = h.researcher("x").Project
	_, _, err = h.door.Invite(h.ctx, firm, h.now.Add(time.Hour))
	wantCode(t, err, fault.Invalid, "invitation.project")

	j := h.join(h.researcher("university"))
	if p := j.agreement.Project; p == nil || !strings.HasPrefix(p.ID, "p-") || !j.agreement.Until.Equal(p.Until) {
		t.Fatalf("the agreement until %s is for %+v", j.agreement.Until, p)
	}
	s, err := h.door.Standing(h.ctx, j.id)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Viewer(member.Study); err != nil || v.Project != j.agreement.Project.ID {
		t.Errorf("answers are computed for the project %q, %v", v.Project, err)
	}
	_, _, err = h.door.LoginLink(h.ctx, j.id, "Eve", nil)
	wantCode(t, err, fault.Forbidden, "agreement.not_named")
	code, _, err := h.door.LoginLink(h.ctx, j.id, "ada student", nil)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, err := h.door.Redeem(h.ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	// Who is named no more is out with the next page.
	next := h.amend(j, func(c *admit.Card) { c.Project.People = []string{"Grace Professor"} })
	if next.agreement.Project.ID != j.agreement.Project.ID {
		t.Error("other people make another project")
	}
	_, _, err = h.door.Session(h.ctx, cookie)
	wantCode(t, err, fault.Forbidden, "agreement.not_named")
}

func TestARenamedMemberSignsAnewAndStaysWhoItIs(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	before, err := h.door.Standing(h.ctx, j.id)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(24 * time.Hour)
	code, _, err := h.door.Amend(h.ctx, j.id, func(c *admit.Card) error { c.Name = "new bank"; return nil }, h.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := h.door.Standing(h.ctx, j.id); err != nil || s.Member().Name != "bank" {
		t.Errorf("before it signed it is called %q, %v", s.Member().Name, err)
	}
	// Not with another key: who finds the code is not the member.
	thief := newKey(t)
	_, err = h.door.Join(h.ctx, code, h.sign(h.complete(code, thief), thief))
	wantCode(t, err, fault.Forbidden, "agreement.other_key")
	signed := h.sign(h.complete(code, j.key), j.key)
	first, err := h.door.Join(h.ctx, code, signed)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.door.Join(h.ctx, code, signed); err != nil || string(again) != string(first) {
		t.Errorf("sent again it is answered otherwise: %v", err)
	}
	after, err := h.door.Standing(h.ctx, j.id)
	if err != nil {
		t.Fatal(err)
	}
	m, was := after.Member(), before.Member()
	if m.Name != "new bank" || m.ID != was.ID || !m.Since.Equal(was.Since) || !m.CountsFrom.Equal(was.CountsFrom) || after.Agreement().ID == before.Agreement().ID {
		t.Errorf("after the rename it is %+v under %s", m, after.Agreement().ID)
	}
	_, _, err = h.door.Amend(h.ctx, j.id, func(c *admit.Card) error { c.ID = "m-other"; return nil }, h.now.Add(time.Hour))
	wantCode(t, err, fault.Invalid, "invitation.card")
	odd := errors.New("odd")
	if _, _, err := h.door.Amend(h.ctx, j.id, func(*admit.Card) error { return odd }, h.now.Add(time.Hour)); !errors.Is(err, odd) {
		t.Errorf("a change that fails makes an invitation: %v", err)
	}
}

// A group that splits must not count twice at once.
func TestAMemberOfANewOwnerGroupWaitsForItsProbation(t *testing.T) {
	h := newHouse(t)
	one, other := h.join(h.card("one")), h.join(h.card("other"))
	h.now = h.now.Add(100 * 24 * time.Hour)
	h.amend(one, func(c *admit.Card) { c.OwnerGroup = "g-fresh" })
	if s, err := h.door.Standing(h.ctx, one.id); err != nil || !s.Member().CountsFrom.Equal(h.now.Add(48*time.Hour)) {
		t.Errorf("in a new group it counts from %s, %v", s.Member().CountsFrom, err)
	}
	h.amend(other, func(c *admit.Card) { c.OwnerGroup = "g-fresh" })
	if s, err := h.door.Standing(h.ctx, other.id); err != nil || !s.Member().CountsFrom.Equal(h.now.Add(48*time.Hour)) {
		t.Errorf("in a group on probation it counts from %s, %v", s.Member().CountsFrom, err)
	}
}

func TestAfterTheEndAnInvitationAloneLetsAMemberSignAnew(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	h.now = j.agreement.Until
	next := j.agreement
	next.ID, next.From, next.Until = wire.IDFrom[wire.AgreementID]('a', [16]byte{1}), h.now, h.now.Add(time.Hour)
	_, err := h.door.Renew(h.ctx, h.sign(next, j.key))
	wantCode(t, err, fault.Forbidden, "agreement.expired")
	h.amend(j, func(*admit.Card) {})
	if _, err := h.door.Standing(h.ctx, j.id); err != nil {
		t.Error(err)
	}
	if err := h.door.Suspend(h.ctx, j.id); err != nil {
		t.Fatal(err)
	}
	code, _, err := h.door.Amend(h.ctx, j.id, func(*admit.Card) error { return nil }, h.now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.door.Join(h.ctx, code, h.sign(h.complete(code, j.key), j.key))
	wantCode(t, err, fault.Forbidden, "member.suspended")
}

func TestWhoIsMergedIntoAnotherEndsAndNothingIsInherited(t *testing.T) {
	h := newHouse(t)
	small, big := h.join(h.card("small")), h.join(h.card("big"))
	code, _, err := h.door.LoginLink(h.ctx, small.id, "analyst", nil)
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, err := h.door.Redeem(h.ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.door.Succeed(h.ctx, small.id, small.id), fault.Usage, "succession.same")
	wantCode(t, h.door.Succeed(h.ctx, small.id, "m-nobody"), fault.NotFound, "member.not_found")
	before, err := h.door.Standing(h.ctx, big.id)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.door.Succeed(h.ctx, small.id, big.id); err != nil {
		t.Fatal(err)
	}
	_, err = h.door.Standing(h.ctx, small.id)
	wantCode(t, err, fault.Forbidden, "agreement.ended")
	_, _, err = h.door.Session(h.ctx, cookie)
	wantCode(t, err, fault.Unauthenticated, "login.session")
	after, err := h.door.Standing(h.ctx, big.id)
	if err != nil || after.Agreement().ID != before.Agreement().ID {
		t.Errorf("the successor stands under %s, %v", after.Agreement().ID, err)
	}
	if m, err := h.door.Record.Member(h.ctx, small.id); err != nil || m.OwnerGroup != "g-big" {
		t.Errorf("the former member counts with %q, %v", m.OwnerGroup, err)
	}
	wantCode(t, h.door.Succeed(h.ctx, small.id, big.id), fault.Conflict, "agreement.ended_already")
	// One that leaves counts as it did.
	if err := h.door.Succeed(h.ctx, big.id, ""); err != nil {
		t.Fatal(err)
	}
	if m, err := h.door.Record.Member(h.ctx, big.id); err != nil || m.OwnerGroup != "g-big" {
		t.Errorf("who left counts with %q, %v", m.OwnerGroup, err)
	}
}

func TestAnInvitationCanBeListedAndWithdrawn(t *testing.T) {
	h := newHouse(t)
	code, card := h.invite(h.card("bank"))
	other, _ := h.invite(h.card("other"))
	used := h.join(h.card("used"))
	if n, err := h.door.Withdraw(h.ctx, card.ID); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	_, err := h.door.Offer(h.ctx, code)
	wantCode(t, err, fault.Forbidden, "invitation.withdrawn")
	for _, id := range []wire.MemberID{card.ID, used.id, "m-nobody"} {
		if n, err := h.door.Withdraw(h.ctx, id); err != nil || n != 0 {
			t.Errorf("of %s %d are withdrawn, %v", id, n, err)
		}
	}
	if _, err := h.door.Offer(h.ctx, other); err != nil {
		t.Errorf("another's was withdrawn with it: %v", err)
	}
	all, err := h.door.Record.Invitations(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, i := range all {
		states[i.Card.Name] = i.State(h.now)
	}
	if states["bank"] != "withdrawn" || states["other"] != "open" || states["used"] != "used" {
		t.Errorf("the states are %v", states)
	}
	if s := all[0].State(h.now.Add(1000 * time.Hour)); s == "open" {
		t.Error("one that has ended is open")
	}
	// A code that was withdrawn before it was brought back joins nobody.
	key := newKey(t)
	offer := h.complete(other, key)
	if _, err := h.door.Withdraw(h.ctx, offer.Member.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.door.Join(h.ctx, other, h.sign(offer, key))
	wantCode(t, err, fault.Forbidden, "invitation.withdrawn")
}

func TestAnOrderIsToldToWhomItConcernsOnceThatIsLawful(t *testing.T) {
	h := newHouse(t)
	bank, clinic := h.join(h.card("bank")), h.join(h.card("clinic"))
	told := func(j joined) (texts []string) {
		s, err := h.door.Standing(h.ctx, j.id)
		if err != nil {
			t.Fatal(err)
		}
		orders, err := h.door.OrdersFor(h.ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orders {
			texts = append(texts, o.Asks)
		}
		return texts
	}
	of := func(asks string, m wire.MemberID, tell time.Time) admit.Order {
		o, err := h.door.Ordered(h.ctx, admit.Order{Authority: "a court", Reference: "1/26", Asks: asks, Member: m, Tell: tell})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	quiet := of("quiet", bank.id, time.Time{})
	of("later", bank.id, h.now.Add(time.Hour))
	of("all", "", h.now)
	if got := strings.Join(told(bank), " "); got != "all" {
		t.Errorf("the bank is told of %q", got)
	}
	h.now = h.now.Add(time.Hour)
	if _, err := h.door.FollowOrder(h.ctx, quiet.ID, h.now, "two reports, as tokens"); err != nil {
		t.Fatal(err)
	}
	if got := told(bank); len(got) != 3 {
		t.Errorf("the bank is told of %v", got)
	}
	if got := strings.Join(told(clinic), " "); got != "all" {
		t.Errorf("the clinic is told of %q", got)
	}
	o, err := h.door.Record.Order(h.ctx, quiet.ID)
	if err != nil || o.Given != "two reports, as tokens" || !o.Carried.Equal(h.now) || !o.Tell.Equal(h.now) {
		t.Errorf("the record has %+v, %v", o, err)
	}
	if o, err = h.door.FollowOrder(h.ctx, quiet.ID, time.Time{}, ""); err != nil || o.Tell.IsZero() || o.Given == "" {
		t.Errorf("noting nothing took something away: %+v, %v", o, err)
	}
	_, err = h.door.Ordered(h.ctx, admit.Order{Authority: "a court", Reference: "1/26"})
	wantCode(t, err, fault.Invalid, "order.incomplete")
	_, err = h.door.Ordered(h.ctx, admit.Order{Authority: "a court", Reference: "1/26", Asks: "x", Member: "m-nobody"})
	wantCode(t, err, fault.NotFound, "member.not_found")
	_, err = h.door.FollowOrder(h.ctx, "o-nothing", h.now, "")
	wantCode(t, err, fault.NotFound, "order.not_found")
}
