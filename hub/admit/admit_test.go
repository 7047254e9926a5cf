package admit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// house is a hub's door over a real record, with a clock that the test turns.
type house struct {
	t    *testing.T
	ctx  context.Context
	path string
	door *admit.Door
	now  time.Time
	hub  ed25519.PublicKey
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), now: epoch, path: filepath.Join(t.TempDir(), "hub.db")}
	record, err := store.OpenHub(h.ctx, h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { record.Close() })
	key, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h.hub = key.Public().(ed25519.PublicKey)
	h.door = &admit.Door{
		Hub: "hub-test", Record: record, Sign: key, Policy: "policy-1", Undertakings: []string{"Keep to the markings."},
		Sectors: map[string]standard.Ref{"finance": "finance/1.0", "health": "health/1.0"}, Standard: standard.Builtin,
		Probation: 48 * time.Hour, Now: func() time.Time { return h.now }, Rand: rand.Reader,
	}
	return h
}

func (h *house) card(name string) admit.Card {
	return admit.Card{Name: name, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + name), Sectors: []string{"finance"}}
}

func (h *house) invite(c admit.Card) (code string, issued admit.Card) {
	h.t.Helper()
	code, issued, err := h.door.Invite(h.ctx, c, h.now.Add(admit.DefaultInvitationLife))
	if err != nil {
		h.t.Fatal(err)
	}
	return code, issued
}

// joined is a member with what it holds after joining.
type joined struct {
	id        wire.MemberID
	key       ed25519.PrivateKey
	agreement agreement.Agreement
	signed    []byte
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	key, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// complete fills an offer in as a member does.
func (h *house) complete(code string, key ed25519.PrivateKey) agreement.Agreement {
	h.t.Helper()
	a, err := h.door.Offer(h.ctx, code)
	if err != nil {
		h.t.Fatal(err)
	}
	a.Member.Key = key.Public().(ed25519.PublicKey)
	if a.Terms, err = terms.Builtin("default"); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) sign(a agreement.Agreement, key ed25519.PrivateKey) []byte {
	h.t.Helper()
	signed, err := agreement.Sign(a, key)
	if err != nil {
		h.t.Fatal(err)
	}
	return signed
}

func (h *house) join(c admit.Card) joined {
	h.t.Helper()
	code, _ := h.invite(c)
	key := newKey(h.t)
	a := h.complete(code, key)
	both, err := h.door.Join(h.ctx, code, h.sign(a, key))
	if err != nil {
		h.t.Fatal(err)
	}
	return joined{id: a.Member.ID, key: key, agreement: a, signed: both}
}

func wantCode(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	f := fault.Public(err)
	if err == nil || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v (%v, %s), want %v, %s", err, f.Kind, f.Code, kind, code)
	}
}

func TestAMemberJoinsAndStandsAtTheDoor(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	a, err := agreement.Open(j.signed, j.key.Public().(ed25519.PublicKey), h.hub)
	if err != nil {
		t.Fatalf("what came back is not signed by both: %v", err)
	}
	if a.Member.ID != j.id || a.Hub != "hub-test" || a.Standards["finance"] != "finance/1.0" {
		t.Errorf("the agreement is %+v", a)
	}
	s, err := h.door.Standing(h.ctx, j.id)
	if err != nil {
		t.Fatal(err)
	}
	if m := s.Member(); m.Name != "bank" || !m.CountsFrom.Equal(epoch.Add(48*time.Hour)) || s.Agreement().ID != a.ID {
		t.Errorf("the standing is %+v under %s", m, s.Agreement().ID)
	}
	if m, err := h.door.MemberByKey(h.ctx, envelope.KeyID(j.key.Public().(ed25519.PublicKey))); err != nil || m.ID != j.id {
		t.Errorf("by its key the member is %+v, %v", m, err)
	}
}

func TestASisterOfACountedGroupCountsWithIt(t *testing.T) {
	h := newHouse(t)
	h.join(h.card("bank"))
	h.now = h.now.Add(24 * time.Hour)
	sister := h.card("sister")
	sister.OwnerGroup = "g-bank"
	s, err := h.door.Standing(h.ctx, h.join(sister).id)
	if err != nil || !s.Member().CountsFrom.Equal(epoch.Add(48*time.Hour)) {
		t.Errorf("the sister counts from %v, %v", s.Member().CountsFrom, err)
	}
	s, err = h.door.Standing(h.ctx, h.join(h.card("other")).id)
	if err != nil || !s.Member().CountsFrom.Equal(epoch.Add(72*time.Hour)) {
		t.Errorf("a new group counts from %v, %v", s.Member().CountsFrom, err)
	}
}

func TestAnInvitationIsUsedOnceAndJoiningIsRepeatable(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	key := newKey(t)
	signed := h.sign(h.complete(code, key), key)
	first, err := h.door.Join(h.ctx, code, signed)
	if err != nil {
		t.Fatal(err)
	}
	again, err := h.door.Join(h.ctx, code, signed)
	if err != nil || string(again) != string(first) {
		t.Errorf("the same agreement sent again is answered otherwise, %v", err)
	}
	_, err = h.door.Offer(h.ctx, code)
	wantCode(t, err, fault.Conflict, "invitation.used")
	other := newKey(t)
	a, err := agreement.Open(first, key.Public().(ed25519.PublicKey), h.hub)
	if err != nil {
		t.Fatal(err)
	}
	a.Member.Key = other.Public().(ed25519.PublicKey)
	_, err = h.door.Join(h.ctx, code, h.sign(a, other))
	wantCode(t, err, fault.Conflict, "invitation.used")
}

func TestACodeMayBeCopiedWithSpacesAndCapitals(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	if len(code) < 32 {
		t.Fatalf("the code has %d characters", len(code))
	}
	if _, err := h.door.Offer(h.ctx, " "+strings.ToUpper(code[:8])+"-"+code[8:]+"\n"); err != nil {
		t.Error(err)
	}
	_, err := h.door.Offer(h.ctx, code[1:])
	wantCode(t, err, fault.Unauthenticated, "invitation.unknown")
}

func TestAnExpiredInvitationIsRefused(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	key := newKey(t)
	signed := h.sign(h.complete(code, key), key)
	h.now = h.now.Add(admit.DefaultInvitationLife)
	_, err := h.door.Join(h.ctx, code, signed)
	wantCode(t, err, fault.Forbidden, "invitation.expired")
	_, err = h.door.Offer(h.ctx, code)
	wantCode(t, err, fault.Forbidden, "invitation.expired")
}

func TestAnAgreementSaysWhatWasOffered(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*agreement.Agreement)
		code   string
	}{
		"another name":        {func(a *agreement.Agreement) { a.Member.Name = "other" }, "agreement.differs"},
		"another stake":       {func(a *agreement.Agreement) { a.Member.Stake = member.LawEnforcement }, "agreement.differs"},
		"another kind":        {func(a *agreement.Agreement) { a.Member.Kind = "police" }, "agreement.differs"},
		"another owner group": {func(a *agreement.Agreement) { a.Member.OwnerGroup = "g-fresh" }, "agreement.differs"},
		"another id":          {func(a *agreement.Agreement) { a.Member.ID = wire.IDFrom[wire.MemberID]('m', [16]byte{1}) }, "agreement.differs"},
		"a further sector": {func(a *agreement.Agreement) {
			a.Member.Sectors = []string{"finance", "health"}
			a.Standards["health"] = "health/1.0"
		}, "agreement.differs"},
		"another standard":             {func(a *agreement.Agreement) { a.Standards["finance"] = "health/1.0" }, "agreement.differs"},
		"another policy":               {func(a *agreement.Agreement) { a.Policy = "policy-0" }, "agreement.differs"},
		"no undertakings":              {func(a *agreement.Agreement) { a.Undertakings = nil }, "agreement.differs"},
		"a further purpose":            {func(a *agreement.Agreement) { a.Purposes = append(a.Purposes, member.Publish) }, "agreement.differs"},
		"a later end":                  {func(a *agreement.Agreement) { a.Until = a.Until.Add(time.Second) }, "agreement.differs"},
		"an end that is past":          {func(a *agreement.Agreement) { a.From = epoch.Add(-2 * time.Hour); a.Until = epoch }, "agreement.expired"},
		"a beginning before the offer": {func(a *agreement.Agreement) { a.From = a.From.Add(-time.Second) }, "agreement.differs"},
		"a beginning to come":          {func(a *agreement.Agreement) { a.From = a.From.Add(6 * time.Minute) }, "agreement.differs"},
		"another hub":                  {func(a *agreement.Agreement) { a.Hub = "elsewhere" }, "agreement.other_hub"},
		"terms of other paths":         {func(a *agreement.Agreement) { a.Terms.Clauses[0].Fields = []string{"no.such.path"} }, "terms.unknown_field"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			code, _ := h.invite(h.card("bank"))
			key := newKey(t)
			a := h.complete(code, key)
			c.change(&a)
			_, err := h.door.Join(h.ctx, code, h.sign(a, key))
			if f := fault.Public(err); err == nil || f.Code != c.code {
				t.Fatalf("got %v (%s), want %s", err, f.Code, c.code)
			}
			if all, err := h.door.Record.Members(h.ctx); err != nil || len(all) != 0 {
				t.Errorf("a refused member is in the record: %v, %v", all, err)
			}
		})
	}
}

func TestLessThanWasOfferedIsAccepted(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	key := newKey(t)
	a := h.complete(code, key)
	a.Purposes, a.Until, a.Terms = a.Purposes[:1], a.From.Add(time.Hour), nil
	if _, err := h.door.Join(h.ctx, code, h.sign(a, key)); err != nil {
		t.Fatal(err)
	}
	s, err := h.door.Standing(h.ctx, a.Member.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Rules(standard.Builtin)
	wantCode(t, err, fault.Forbidden, "agreement.receives_only")
}

func TestAnAgreementIsSignedByTheKeyOnItsCard(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	a := h.complete(code, newKey(t))
	_, err := h.door.Join(h.ctx, code, h.sign(a, newKey(t)))
	wantCode(t, err, fault.Unauthenticated, "agreement.bad_signature")
	for _, junk := range [][]byte{nil, []byte("{}"), []byte(`{"payload":"e30=","payloadType":"x","signatures":[]}`), []byte("\xff")} {
		if _, err := h.door.Join(h.ctx, code, junk); fault.KindOf(err) == fault.Internal {
			t.Errorf("%q as an agreement is answered with %v", junk, err)
		}
	}
}

func TestCardsAreChecked(t *testing.T) {
	h := newHouse(t)
	for name, change := range map[string]func(*admit.Card){
		"name": func(c *admit.Card) { c.Name = "  " }, "stake": func(c *admit.Card) { c.Stake = "x" },
		"kind": func(c *admit.Card) { c.Kind = "x" }, "group": func(c *admit.Card) { c.OwnerGroup = "" },
		"sector": func(c *admit.Card) { c.Sectors = []string{"energy"} }, "no sector": func(c *admit.Card) { c.Sectors = nil },
		"twice": func(c *admit.Card) { c.Sectors = []string{"finance", "finance"} }, "purpose": func(c *admit.Card) { c.Purposes = []member.Purpose{"x"} },
		"a purpose twice":  func(c *admit.Card) { c.Purposes = []member.Purpose{member.Defend, member.Defend} },
		"another encoding": func(c *admit.Card) { c.Name = "M\xfcller Bank" },
	} {
		c := h.card("bank")
		change(&c)
		_, _, err := h.door.Invite(h.ctx, c, h.now.Add(time.Hour))
		if f := fault.Public(err); err == nil || f.Code != "invitation.card" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, _, err := h.door.Invite(h.ctx, h.card("bank"), h.now)
	wantCode(t, err, fault.Invalid, "invitation.until")
}

// doors are all the ways in; none may open to a member that must stay out.
func (h *house) doors(j joined, cookie, code string) map[string]func() error {
	return map[string]func() error{
		"standing": func() error { _, err := h.door.Standing(h.ctx, j.id); return err },
		"credential": func() error {
			c, err := agreement.IssueCredential(j.key, j.id, "hub-test", "submit", h.now, rand.Reader)
			if err != nil {
				h.t.Fatal(err)
			}
			_, err = h.door.Authenticate(h.ctx, c, "submit")
			return err
		},
		"login link": func() error { _, _, err := h.door.LoginLink(h.ctx, j.id, "A", nil); return err },
		"redeem":     func() error { _, _, err := h.door.Redeem(h.ctx, code); return err },
		"session":    func() error { _, _, err := h.door.Session(h.ctx, cookie); return err },
		"viewer":     func() error { _, _, err := h.door.Viewer(h.ctx, cookie, member.Defend); return err },
		"renewal": func() error {
			a := j.agreement
			a.ID, _ = wire.NewID[wire.AgreementID]('a', rand.Reader)
			_, err := h.door.Renew(h.ctx, h.sign(a, j.key))
			return err
		},
	}
}

func (h *house) signIn(j joined) (cookie, openCode string) {
	h.t.Helper()
	code, _, err := h.door.LoginLink(h.ctx, j.id, "A. Analyst", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	if cookie, _, err = h.door.Redeem(h.ctx, code); err != nil {
		h.t.Fatal(err)
	}
	if openCode, _, err = h.door.LoginLink(h.ctx, j.id, "B. Analyst", nil); err != nil {
		h.t.Fatal(err)
	}
	return cookie, openCode
}

func TestASuspendedMemberIsRefusedAtEveryDoor(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	cookie, code := h.signIn(j)
	if err := h.door.Suspend(h.ctx, j.id); err != nil {
		t.Fatal(err)
	}
	for name, door := range h.doors(j, cookie, code) {
		if err := door(); err == nil {
			t.Errorf("%s opened to a suspended member", name)
		}
	}
	_, err := h.door.Standing(h.ctx, j.id)
	wantCode(t, err, fault.Forbidden, "member.suspended")
	if err := h.door.Lift(h.ctx, j.id); err != nil {
		t.Fatal(err)
	}
	if _, err := h.door.Standing(h.ctx, j.id); err != nil {
		t.Errorf("after lifting: %v", err)
	}
}

func TestAnExpiredAgreementIsRefusedAtEveryDoorToTheSecond(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	key := newKey(t)
	a := h.complete(code, key)
	a.Until = epoch.Add(4 * time.Minute) // the link would live for five
	both, err := h.door.Join(h.ctx, code, h.sign(a, key))
	if err != nil {
		t.Fatal(err)
	}
	j := joined{a.Member.ID, key, a, both}
	cookie, open := h.signIn(j)
	h.now = a.Until.Add(-time.Second)
	for name, door := range h.doors(j, cookie, open) {
		if err := door(); err != nil {
			t.Errorf("%s is shut a second before the end: %v", name, err)
		}
	}
	// Renewed by the doors above; the renewal ends at the same second.
	_, open = h.signIn(j)
	h.now = a.Until
	for name, door := range h.doors(j, cookie, open) {
		if err := door(); fault.Public(err).Code != "agreement.expired" {
			t.Errorf("%s, at the very end: %v", name, err)
		}
	}
}

func TestAnAgreementThatHasNotBegunOpensNoDoor(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("bank"))
	key := newKey(t)
	a := h.complete(code, key)
	a.From = a.From.Add(time.Minute) // the member's clock is ahead
	if _, err := h.door.Join(h.ctx, code, h.sign(a, key)); err != nil {
		t.Fatal(err)
	}
	_, err := h.door.Standing(h.ctx, a.Member.ID)
	wantCode(t, err, fault.Forbidden, "agreement.not_yet")
	h.now = a.From
	if _, err := h.door.Standing(h.ctx, a.Member.ID); err != nil {
		t.Error(err)
	}
}

func TestACredentialIsForOneRequestAtThisHub(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	issue := func(audience, scope string) string {
		c, err := agreement.IssueCredential(j.key, j.id, audience, scope, h.now, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := issue("hub-test", "submit")
	s, err := h.door.Authenticate(h.ctx, c, "submit")
	if err != nil || s.Member().ID != j.id {
		t.Fatalf("authenticated as %v, %v", s.Member().ID, err)
	}
	_, err = h.door.Authenticate(h.ctx, c, "submit")
	wantCode(t, err, fault.Unauthenticated, "credential.used")
	_, err = h.door.Authenticate(h.ctx, issue("elsewhere", "submit"), "submit")
	wantCode(t, err, fault.Unauthenticated, "credential.other_audience")
	_, err = h.door.Authenticate(h.ctx, issue("hub-test", "read"), "submit")
	wantCode(t, err, fault.Forbidden, "credential.other_scope")
	stranger, err := agreement.IssueCredential(newKey(t), wire.IDFrom[wire.MemberID]('m', [16]byte{7}), "hub-test", "submit", h.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.door.Authenticate(h.ctx, stranger, "submit")
	wantCode(t, err, fault.Unauthenticated, "credential.bad_signature")
	late := issue("hub-test", "submit")
	h.now = h.now.Add(agreement.CredentialLife)
	_, err = h.door.Authenticate(h.ctx, late, "submit")
	wantCode(t, err, fault.Unauthenticated, "credential.expired")
	_, err = h.door.Authenticate(h.ctx, "nonsense", "submit")
	wantCode(t, err, fault.Unauthenticated, "credential.malformed")
}

func TestASignInLinkWorksOnceForFiveMinutes(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	code, expires, err := h.door.LoginLink(h.ctx, j.id, " A. Analyst ", nil)
	if err != nil || !expires.Equal(epoch.Add(5*time.Minute)) {
		t.Fatalf("the link ends at %v, %v", expires, err)
	}
	h.now = expires
	_, _, err = h.door.Redeem(h.ctx, code)
	wantCode(t, err, fault.Unauthenticated, "login.link")
	h.now = expires.Add(-time.Second)
	cookie, s, err := h.door.Redeem(h.ctx, code)
	if err != nil || s.Person != "A. Analyst" || s.Member != j.id {
		t.Fatalf("the session is %+v, %v", s, err)
	}
	_, _, err = h.door.Redeem(h.ctx, code)
	wantCode(t, err, fault.Unauthenticated, "login.link")
	_, _, err = h.door.Redeem(h.ctx, cookie)
	wantCode(t, err, fault.Unauthenticated, "login.link")
	if got, standing, err := h.door.Session(h.ctx, cookie); err != nil || got.Person != s.Person || standing.Member().ID != j.id {
		t.Errorf("the cookie gives %+v, %v", got, err)
	}
	_, _, err = h.door.LoginLink(h.ctx, j.id, " ", nil)
	wantCode(t, err, fault.Invalid, "login.person")
}

func TestASessionEndsByTimeByIdlenessAndByLogout(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	start := h.now
	idle, _ := h.signIn(j)
	busy, _ := h.signIn(j)
	for h.now.Before(start.Add(admit.SessionLife - time.Hour)) {
		h.now = h.now.Add(time.Hour)
		if _, _, err := h.door.Session(h.ctx, busy); err != nil {
			t.Fatalf("after %v: %v", h.now.Sub(start), err)
		}
	}
	_, _, err := h.door.Session(h.ctx, idle)
	wantCode(t, err, fault.Unauthenticated, "login.session")
	h.now = start.Add(admit.SessionLife)
	_, _, err = h.door.Session(h.ctx, busy)
	wantCode(t, err, fault.Unauthenticated, "login.session")

	cookie, _ := h.signIn(j)
	if err := h.door.Logout(h.ctx, cookie); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.door.Session(h.ctx, cookie)
	wantCode(t, err, fault.Unauthenticated, "login.session")
	if err := h.door.Logout(h.ctx, cookie); err != nil {
		t.Errorf("logging out twice: %v", err)
	}
}

func TestAPurposeIsWithinScopeAndAgreement(t *testing.T) {
	h := newHouse(t)
	j := h.join(h.card("bank"))
	_, _, err := h.door.LoginLink(h.ctx, j.id, "A", []member.Purpose{member.Investigate})
	wantCode(t, err, fault.Forbidden, "purpose.not_agreed")
	_, _, err = h.door.LoginLink(h.ctx, j.id, "A", []member.Purpose{"snoop"})
	wantCode(t, err, fault.Invalid, "purpose.unknown")
	code, _, err := h.door.LoginLink(h.ctx, j.id, "A", []member.Purpose{member.Defend})
	if err != nil {
		t.Fatal(err)
	}
	cookie, _, err := h.door.Redeem(h.ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	v, s, err := h.door.Viewer(h.ctx, cookie, member.Defend)
	if err != nil || v.Member.ID != j.id || v.Purpose != member.Defend || !v.At.Equal(h.now) || s.Person != "A" {
		t.Errorf("the viewer is %+v, %v", v, err)
	}
	// The agreement allows it, the session does not.
	_, _, err = h.door.Viewer(h.ctx, cookie, member.Benchmark)
	wantCode(t, err, fault.Forbidden, "purpose.not_agreed")
	// The session allows it, the renewed agreement does not any more.
	a := j.agreement
	a.ID, a.Purposes = wire.IDFrom[wire.AgreementID]('a', [16]byte{9}), []member.Purpose{member.Benchmark}
	if _, err := h.door.Renew(h.ctx, h.sign(a, j.key)); err != nil {
		t.Fatal(err)
	}
	_, _, err = h.door.Viewer(h.ctx, cookie, member.Defend)
	wantCode(t, err, fault.Forbidden, "purpose.not_agreed")
}

func TestARenewalIsTheMembersOwnAndTakesOldOnesNotBack(t *testing.T) {
	h := newHouse(t)
	j, other := h.join(h.card("bank")), h.join(h.card("other"))
	a := j.agreement
	a.ID, a.Until = wire.IDFrom[wire.AgreementID]('a', [16]byte{9}), a.Until.Add(-time.Hour)
	both, err := h.door.Renew(h.ctx, h.sign(a, j.key))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.door.Renew(h.ctx, h.sign(a, j.key)); err != nil || string(again) != string(both) {
		t.Errorf("the same renewal again: %v", err)
	}
	if s, err := h.door.Standing(h.ctx, j.id); err != nil || s.Agreement().ID != a.ID {
		t.Errorf("the current agreement is %s, %v", s.Agreement().ID, err)
	}
	_, err = h.door.Renew(h.ctx, h.sign(j.agreement, j.key))
	wantCode(t, err, fault.Conflict, "agreement.id_taken")
	b := a
	b.ID, b.From = wire.IDFrom[wire.AgreementID]('a', [16]byte{11}), a.From.Add(-time.Second)
	_, err = h.door.Renew(h.ctx, h.sign(b, j.key))
	wantCode(t, err, fault.Invalid, "agreement.differs")
	b = a
	b.ID, b.Member.Key = wire.IDFrom[wire.AgreementID]('a', [16]byte{10}), other.key.Public().(ed25519.PublicKey)
	_, err = h.door.Renew(h.ctx, h.sign(b, other.key))
	wantCode(t, err, fault.Invalid, "agreement.differs")
	stranger := newKey(t)
	b.Member.Key = stranger.Public().(ed25519.PublicKey)
	_, err = h.door.Renew(h.ctx, h.sign(b, stranger))
	wantCode(t, err, fault.Unauthenticated, "agreement.unknown_member")
}

func TestTheRecordHoldsNothingThatOpensADoor(t *testing.T) {
	h := newHouse(t)
	code, _ := h.invite(h.card("police"))
	j := h.join(h.card("bank"))
	cookie, open := h.signIn(j)
	files, err := filepath.Glob(h.path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, secret := range []string{code, cookie, open} {
		for _, f := range files {
			if strings.Contains(readFile(t, f), secret) {
				t.Errorf("%s holds a code or cookie", filepath.Base(f))
			}
		}
	}
	// The control: what is stored in clear is found by the same search.
	if !slices.ContainsFunc(files, func(f string) bool { return strings.Contains(readFile(t, f), "A. Analyst") }) {
		t.Error("the search finds nothing at all")
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
