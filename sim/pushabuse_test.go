package sim

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/wire"
)

// abuse is a trust of two members in finance and health, and what the one
// delegated to the hub.
type abuse struct {
	t           *testing.T
	tr          *Trust
	mine, other *Seat
	offered     wire.Delegate
	delegate    ed25519.PrivateKey
}

func newAbuse(t *testing.T) *abuse {
	t.Helper()
	ctx := t.Context()
	tr, err := Open(ctx, t.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &abuse{t: t, tr: tr}
	for name, seat := range map[string]**Seat{"Mine": &a.mine, "Other": &a.other} {
		p := Party{Name: name, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + name), Sectors: []string{"finance", "health"}, Terms: "default"}
		if *seat, err = tr.Seat(ctx, p); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Steward.Steward.Admit(ctx, a.agreement(*seat)); err != nil {
			t.Fatal(err)
		}
	}
	given, err := a.mine.Member.Hub.Token(ctx, wire.TokenRequest{Push: true})
	if err != nil || given.Delegate == nil || given.Token != "" {
		t.Fatalf("asked for a key to delegate to: %+v, %v", given, err)
	}
	a.offered = *given.Delegate
	if a.delegate, err = tr.Hub.Door.DelegateKey(a.id(a.mine), a.offered.ID); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *abuse) id(s *Seat) wire.MemberID { return s.Member.Agreement.Member.ID }

// agreement is a seat's, as both sides signed it.
func (a *abuse) agreement(s *Seat) []byte {
	a.t.Helper()
	held, err := a.tr.Hub.Store.Agreement(a.t.Context(), a.id(s))
	if err != nil {
		a.t.Fatal(err)
	}
	return held.Signed
}

// delegation is what a seat signs, changed.
func (a *abuse) delegation(by *Seat, change func(d *agreement.Delegation)) []byte {
	a.t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	d := agreement.Delegation{ID: a.offered.ID, Member: a.id(by), Hub: "demo-hub", Agreement: by.Member.Agreement.ID, Key: a.delegate.Public().(ed25519.PublicKey), Sectors: []string{"finance"},
		Scopes: []string{agreement.MayContribute, agreement.MayEvaluate}, From: now, Until: now.Add(time.Hour)}
	change(&d)
	signed, err := agreement.SignDelegation(d, by.Member.Hub.Key)
	if err != nil {
		a.t.Fatal(err)
	}
	return signed
}

func as(*agreement.Delegation) {}

func expired(d *agreement.Delegation) {
	d.From, d.Until = d.From.Add(-2*time.Hour), d.From.Add(-time.Second)
}

func early(d *agreement.Delegation) { d.From = d.From.Add(10 * time.Minute) }

// refused wants an error with a code.
func refused(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || fault.Public(err).Code != code {
		t.Errorf("%s: %v (%s), want %s", what, err, fault.Public(err).Code, code)
	}
}

// A delegation lets its key do what it says, at a steward, and nothing else.
func TestADelegateAsksAStewardForWhatItsDelegationSays(t *testing.T) {
	a := newAbuse(t)
	ctx, s := t.Context(), a.tr.Steward.Steward
	blinded, _, err := oprf.VOPRF.Blind([][]byte{[]byte("a value")}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	credential := func(key ed25519.PrivateKey, m wire.MemberID, scope string) string {
		text, err := agreement.IssueCredential(key, m, s.Name, scope, time.Now(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ask := func(credential string, delegation []byte) error {
		_, err := s.Evaluate(ctx, credential, wire.EvaluateRequest{Epoch: 1, Key: wire.LinkKey, Blinded: []string{blinded[0].String()}, Delegation: delegation})
		return err
	}
	good := a.delegation(a.mine, as)
	once := credential(a.delegate, a.id(a.mine), steward.Scope)
	if err := ask(once, good); err != nil {
		t.Fatalf("the delegate with its delegation: %v", err)
	}
	refused(t, "a credential again", ask(once, good), "credential.used")
	stranger := ed25519.NewKeyFromSeed(make([]byte, 32))
	for name, c := range map[string]struct {
		key        ed25519.PrivateKey
		member     wire.MemberID
		delegation []byte
		code       string
	}{
		"without a delegation":                       {a.delegate, a.id(a.mine), nil, "credential.bad_signature"},
		"another key with the delegation":            {stranger, a.id(a.mine), good, "credential.bad_signature"},
		"the member's own key with it":               {a.mine.Member.Hub.Key, a.id(a.mine), good, "credential.bad_signature"},
		"in another member's name":                   {a.delegate, a.id(a.other), good, "delegation.bad_signature"},
		"with another member's delegation":           {a.delegate, a.id(a.mine), a.delegation(a.other, as), "delegation.bad_signature"},
		"with one made out in another's name":        {a.delegate, a.id(a.mine), a.delegation(a.mine, func(d *agreement.Delegation) { d.Member = a.id(a.other) }), "delegation.other_member"},
		"with one that ended":                        {a.delegate, a.id(a.mine), a.delegation(a.mine, expired), "delegation.expired"},
		"with one that has not begun":                {a.delegate, a.id(a.mine), a.delegation(a.mine, early), "delegation.not_yet"},
		"with one to another hub":                    {a.delegate, a.id(a.mine), a.delegation(a.mine, func(d *agreement.Delegation) { d.Hub = "another-hub" }), "delegation.other_hub"},
		"with one of another agreement":              {a.delegate, a.id(a.mine), a.delegation(a.mine, func(d *agreement.Delegation) { d.Agreement = a.other.Member.Agreement.ID }), "delegation.other_agreement"},
		"with one for contributions alone":           {a.delegate, a.id(a.mine), a.delegation(a.mine, func(d *agreement.Delegation) { d.Scopes = []string{agreement.MayContribute} }), "delegation.scope"},
		"with something else that the member signed": {a.delegate, a.id(a.mine), a.agreement(a.mine), "delegation.bad_signature"},
		"with more than a delegation is ever long":   {a.delegate, a.id(a.mine), []byte(strings.Repeat("x", agreement.MaxSignedDelegation+1)), "delegation.too_large"},
		"with a delegation of which a byte is other": {a.delegate, a.id(a.mine), flipped(good), "delegation.bad_signature"},
	} {
		refused(t, name, ask(credential(c.key, c.member, steward.Scope), c.delegation), c.code)
	}
	// The delegate cannot do at a steward what the member can.
	upTo := time.Now().UTC().Format(time.RFC3339)
	refused(t, "the delegate revokes", s.Revoke(ctx, credential(a.delegate, a.id(a.mine), steward.ScopeRevoke), wire.RevokeRequest{UpTo: upTo}), "credential.bad_signature")
	refused(t, "with a credential for another thing", s.Revoke(ctx, credential(a.mine.Member.Hub.Key, a.id(a.mine), steward.Scope), wire.RevokeRequest{UpTo: upTo}), "credential.other_scope")
	refused(t, "into the future", s.Revoke(ctx, credential(a.mine.Member.Hub.Key, a.id(a.mine), steward.ScopeRevoke), wire.RevokeRequest{UpTo: "2999-01-01T00:00:00Z"}), "steward.up_to")
	if err := ask(credential(a.delegate, a.id(a.mine), steward.Scope), good); err != nil {
		t.Errorf("after revocations that were refused: %v", err)
	}
	if err := s.Revoke(ctx, credential(a.mine.Member.Hub.Key, a.id(a.mine), steward.ScopeRevoke), wire.RevokeRequest{UpTo: upTo}); err != nil {
		t.Fatal(err)
	}
	refused(t, "after the member revoked it", ask(credential(a.delegate, a.id(a.mine), steward.Scope), good), "delegation.revoked")
}

func flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// At the hub a delegation makes a token for its own member, key and sectors; its
// key opens no door of the hub.
func TestADelegateOpensNoDoorOfTheHub(t *testing.T) {
	a := newAbuse(t)
	ctx, hub := t.Context(), a.tr.Hub
	for name, c := range map[string]struct {
		delegation []byte
		code       string
	}{
		"another member's delegation": {a.delegation(a.other, as), "delegation.bad_signature"},
		"made out in another's name":  {a.delegation(a.mine, func(d *agreement.Delegation) { d.Member = a.id(a.other) }), "delegation.other_member"},
		"one that ended":              {a.delegation(a.mine, expired), "delegation.expired"},
		"one to another hub":          {a.delegation(a.mine, func(d *agreement.Delegation) { d.Hub = "another-hub" }), "delegation.other_hub"},
		"of another agreement":        {a.delegation(a.mine, func(d *agreement.Delegation) { d.Agreement = a.other.Member.Agreement.ID }), "delegation.other_agreement"},
		"for a sector of others":      {a.delegation(a.mine, func(d *agreement.Delegation) { d.Sectors = []string{"general"} }), "delegation.sector"},
		"for half of what is needed":  {a.delegation(a.mine, func(d *agreement.Delegation) { d.Scopes = []string{agreement.MayContribute} }), "delegation.scope"},
		"to a key of somebody's": {a.delegation(a.mine, func(d *agreement.Delegation) {
			d.Key = ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
		}), "delegation.other_key"},
	} {
		_, err := a.mine.Member.Hub.Token(ctx, wire.TokenRequest{Push: true, Delegation: c.delegation})
		refused(t, name, err, c.code)
	}
	// Its key is no member's.
	client := httpapi.HubClient{Client: &httpapi.Client{Base: a.tr.URL, HTTP: http.DefaultClient, Member: a.id(a.mine), Key: a.delegate, Audience: "demo-hub", Now: time.Now, Random: rand.Reader}}
	_, err := client.Get(ctx, "/v1/me/reports")
	refused(t, "the delegate reads", err, "credential.bad_signature")
	_, err = client.Token(ctx, wire.TokenRequest{})
	refused(t, "the delegate makes a token", err, "credential.bad_signature")
	next := a.mine.Member.Agreement
	next.ID, err = wire.NewID[wire.AgreementID]('a', rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := agreement.Sign(next, a.delegate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Renew(ctx, signed); err == nil {
		t.Error("the delegate signs an agreement")
	}
	// What it signs is taken by the hub's own intake, with the delegation.
	good := a.delegation(a.mine, as)
	contribution := func(m wire.MemberID, sector string, change func(*report.Contribution)) []byte {
		c := report.Contribution{Member: m, Hub: "demo-hub", Agreement: a.mine.Member.Agreement.ID, Made: time.Now().UTC().Format(time.RFC3339)}
		r := report.Minimised{Sector: sector, Standard: a.mine.Member.Agreement.Standards[sector], Said: []report.Said{}}
		c.ID, _ = wire.NewID[wire.ContributionID]('c', rand.Reader)
		r.ID, _ = wire.NewID[wire.ReportID]('r', rand.Reader)
		c.Reports = []report.Minimised{r}
		change(&c)
		plain, err := wire.Canonical(c)
		if err != nil {
			t.Fatal(err)
		}
		var to envelope.RecipientPublic
		if err := to.UnmarshalText([]byte(hub.Info().SealKey)); err != nil {
			t.Fatal(err)
		}
		sealed, err := envelope.SealContribution(to, "demo-hub", a.id(a.mine), plain, a.delegate)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	same := func(*report.Contribution) {}
	_, err = client.Submit(ctx, contribution(a.id(a.mine), "finance", same))
	refused(t, "the delegate submits at the members' door", err, "envelope.unknown_key")
	pushed := func(from wire.MemberID, sealed, delegation []byte) error {
		_, err := hub.Desk.Pushed(ctx, from, sealed, delegation)
		return err
	}
	refused(t, "into a sector that is not delegated", pushed(a.id(a.mine), contribution(a.id(a.mine), "health", same), good), "delegation.sector")
	refused(t, "in another member's name", pushed(a.id(a.mine), contribution(a.id(a.other), "finance", same), good), "contribution.member")
	refused(t, "with another member's delegation", pushed(a.id(a.other), contribution(a.id(a.mine), "finance", same), good), "delegation.bad_signature")
	refused(t, "after its end", pushed(a.id(a.mine), contribution(a.id(a.mine), "finance", same), a.delegation(a.mine, expired)), "delegation.expired")
	refused(t, "for evaluations alone", pushed(a.id(a.mine), contribution(a.id(a.mine), "finance", same), a.delegation(a.mine, func(d *agreement.Delegation) { d.Scopes = []string{agreement.MayEvaluate} })), "delegation.scope")
	refused(t, "with a nil report", pushed(a.id(a.mine), contribution(a.id(a.mine), "finance", func(c *report.Contribution) { c.Nil = []report.Nil{{Sector: "finance", Period: "2024-Q1"}} }), good), "delegation.scope")
	receipt, err := hub.Desk.Pushed(ctx, a.id(a.mine), contribution(a.id(a.mine), "finance", same), good)
	if err != nil {
		t.Fatal(err)
	}
	if r := verifyReceipt(t, receipt, hub.Info().SignKey); r.Pushed != wire.Pushed || len(r.Results) != 1 {
		t.Errorf("the receipt does not say that it was pushed: %+v", r)
	}
}

// A token pushes where its member delegated, until the delegation ends: with the
// agreement, or when its member ends it, at the hub and at the steward.
func TestADelegationEndsWithItsAgreementAndWhenItsMemberEndsIt(t *testing.T) {
	a := newAbuse(t)
	ctx := t.Context()
	p := pushes(t, a.mine)
	if code := p.do("POST", "../health/"+submissionsPath, []byte(`{"objects":[{}]}`), nil); code != http.StatusNotFound && code != http.StatusForbidden {
		t.Errorf("pushing to a sector that is not delegated: %d", code)
	}
	if s := p.push(indicatorOf(1, 1, "one.northw1nd-bank.net")); s.Success != 1 {
		t.Fatalf("%+v", s)
	}
	if _, err := a.mine.Member.Renew(ctx, node.Renewal{}); err != nil {
		t.Fatal(err)
	}
	var about struct {
		CanWrite    bool `json:"can_write"`
		Description string
	}
	if code := p.do("GET", "collections/submissions/", nil, &about); code != http.StatusOK || about.CanWrite || !strings.Contains(about.Description, "another agreement") {
		t.Errorf("after a renewal: %d, %+v", code, about)
	}
	if code := p.do("POST", submissionsPath, []byte(`{"objects":[`+indicatorOf(2, 1, "two.northw1nd-bank.net")+`]}`), nil); code != http.StatusForbidden {
		t.Errorf("pushing after a renewal: %d", code)
	}
	anew := reopened(t, a.tr, a.mine)
	p = pushes(t, anew)
	if s := p.push(indicatorOf(2, 1, "two.northw1nd-bank.net")); s.Success != 1 {
		t.Fatalf("with a token under the new agreement: %+v", s)
	}
	if _, err := anew.Member.EndTokens(ctx); err != nil {
		t.Fatal(err)
	}
	if code := p.do("GET", "collections/", nil, nil); code != http.StatusUnauthorized {
		t.Errorf("after its end: %d", code)
	}
	if at, err := a.tr.Steward.Store.Revoked(ctx, a.id(a.mine)); err != nil || at.IsZero() {
		t.Errorf("the steward knows of no end: %v, %v", at, err)
	}
	p = pushes(t, anew)
	if s := p.push(indicatorOf(3, 1, "three.northw1nd-bank.net")); s.Success != 1 {
		t.Errorf("with a token made afterwards: %+v", s)
	}
}
