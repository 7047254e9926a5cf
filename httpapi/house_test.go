package httpapi_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const hubID = "hub-test"

// house is a hub's interface over its real rooms and record, served on
// loopback, with a clock that the test turns.
type house struct {
	t    testing.TB
	ctx  context.Context
	url  string
	mux  *http.ServeMux
	api  huma.API
	door *admit.Door
	desk *receive.Desk
	told *consolidate.Room
	seal *envelope.RecipientKey
	log  *lines

	mu  sync.Mutex
	now time.Time
}

// lines is a log that a test reads while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// agreed finds the terms under which a report came.
type agreed struct{ door *admit.Door }

func (a agreed) Of(ctx context.Context, r receive.Received) (*terms.Rules, error) {
	standing, err := a.door.Standing(ctx, r.Row().Member)
	if err != nil {
		return nil, err
	}
	rules, err := standing.Rules(standard.Builtin)
	return rules[standard.Ref(r.Row().Standard)], err
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), now: epoch, log: &lines{}}
	record, err := store.OpenHub(h.ctx, filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { record.Close() })
	if h.seal, err = envelope.GenerateRecipientKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{3}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	sign := newKey(t)
	h.door = &admit.Door{
		Hub: hubID, Record: record, Sign: sign, Policy: "policy-1", Undertakings: []string{"Keep to the markings."},
		Sectors:  map[string]standard.Ref{"finance": "finance/1.0", "health": "health/1.0"},
		Standard: standard.Builtin, Now: h.clock, Rand: rand.Reader,
	}
	h.desk = &receive.Desk{
		Hub: hubID, Open: []*envelope.RecipientKey{h.seal}, Sign: sign, Key: key, Record: record, Admit: h.door,
		Standard: standard.Builtin, Now: h.clock, Rand: rand.Reader, Skew: receive.DefaultSkew,
		Recalls: record, Holding: record,
	}
	open := func(r receive.Row) (receive.Received, error) { return receive.Restore(key, r) }
	h.told = &consolidate.Room{Record: record, Open: open, Store: record, Members: record, Key: []byte("ids"), Now: h.clock}
	rules := agreed{h.door}
	policy := analyse.Policy{MinOwnerGroups: 5, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}
	statistics := &analyse.Room{Told: h.told, Rules: rules, Members: record, Nils: record, Snapshots: record, Standards: standard.Builtin,
		Policies: map[string]analyse.Policy{"finance": policy, "health": policy}, Now: h.clock}
	answers := &deliver.Room{Told: h.told, Reports: record, Receipts: record, Open: open, Rules: rules, Statistics: statistics, Releases: record, Members: record,
		Standards: standard.Builtin, AudienceKey: []byte("audience"), Withdrawals: record,
		Sectors: []deliver.Sector{{Name: "finance", Title: "Finance", MinOwnerGroups: 5}, {Name: "health", Title: "Health", MinOwnerGroups: 5}}}
	info := wire.HubInfo{ID: hubID, Title: "A hub", Custody: wire.SingleCustody, SealKey: h.seal.Public().String(), SignKey: envelope.PublicText(sign.Public().(ed25519.PublicKey))}
	hub := &httpapi.Hub{
		Info: func() wire.HubInfo { return info }, Desk: h.desk, Recalls: h.desk, Door: h.door, Matcher: h.told, Deliver: answers, Standards: standard.Builtin,
		SignInURL: func(code string) string { return "https://hub.test/signin?code=" + code }, Ready: record.Ready,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	h.mux = http.NewServeMux()
	h.api = hub.Register(h.mux)
	server := httptest.NewServer(h.mux)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	key, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// party is a member, and the client that speaks for it.
type party struct {
	*house
	httpapi.HubClient
	key       ed25519.PrivateKey
	agreement agreement.Agreement
	signed    []byte
}

func (h *house) client(id wire.MemberID, key ed25519.PrivateKey) httpapi.HubClient {
	return httpapi.HubClient{Client: &httpapi.Client{Base: h.url, HTTP: http.DefaultClient, Member: id, Key: key, Audience: hubID, Now: h.clock, Random: rand.Reader}}
}

func (h *house) invite(name string, sectors ...string) (code string) {
	h.t.Helper()
	card := admit.Card{Name: name, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + name), Sectors: sectors}
	code, _, err := h.door.Invite(h.ctx, card, h.clock().Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// joins makes a member, all through the interface.
func (h *house) joins(name string, sectors ...string) *party {
	h.t.Helper()
	code := h.invite(name, sectors...)
	p := &party{house: h, key: newKey(h.t)}
	var err error
	if p.agreement, err = h.client("", nil).Offer(h.ctx, code); err != nil {
		h.t.Fatal(err)
	}
	p.agreement.Member.Key = p.key.Public().(ed25519.PublicKey)
	if p.agreement.Terms, err = terms.Builtin("default"); err != nil {
		h.t.Fatal(err)
	}
	mine, err := agreement.Sign(p.agreement, p.key)
	if err != nil {
		h.t.Fatal(err)
	}
	if p.signed, err = h.client("", nil).Join(h.ctx, code, mine); err != nil {
		h.t.Fatal(err)
	}
	p.HubClient = h.client(p.agreement.Member.ID, p.key)
	return p
}

// envelope is a contribution of one report.
func (p *party) envelope() []byte {
	p.t.Helper()
	id, err := wire.NewID[wire.ContributionID]('c', rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := wire.NewID[wire.ReportID]('r', rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	plain, err := wire.Canonical(report.Contribution{
		ID: id, Member: p.agreement.Member.ID, Hub: hubID, Agreement: p.agreement.ID, Made: p.clock().Format(time.RFC3339),
		Reports: []report.Minimised{{ID: r, Sector: "finance", Standard: "finance/1.0", Said: []report.Said{
			{Path: "victim.country", Form: standard.Form{Kind: standard.Exact}, Value: "US"},
			{Path: "timeline.incident", Form: standard.Form{Kind: standard.Generalised, Level: "day"}, Value: "2026-02-03"},
		}}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	sealed, err := envelope.SealContribution(p.seal.Public(), hubID, p.agreement.Member.ID, plain, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return sealed
}

// credential issues one, as the party's machine does, for a scope.
func (p *party) credential(audience, scope string) string {
	p.t.Helper()
	c, err := agreement.IssueCredential(p.key, p.agreement.Member.ID, audience, scope, p.clock(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// reply is an answer as it came over the wire.
type reply struct {
	*http.Response
	body string
}

// ask sends a request as anybody could.
func (h *house) ask(method, path, body string, headers ...string) reply {
	h.t.Helper()
	return ask(h.t, method, h.url+path, body, headers...)
}

func ask(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, from)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp, string(text)}
}

// wantProblem holds an answer to RFC 9457 and to its code.
func wantProblem(t testing.TB, name string, r reply, status int, code string) httpapi.Problem {
	t.Helper()
	var p httpapi.Problem
	err := json.Unmarshal([]byte(r.body), &p)
	if r.StatusCode != status || p.Code != code {
		t.Errorf("%s: got %s %q: %s, want %d %s", name, r.Status, p.Code, r.body, status, code)
		return p
	}
	if err != nil || r.Header.Get("Content-Type") != "application/problem+json" || p.Status != status ||
		p.Title != http.StatusText(status) || p.Type != "urn:concord:problem:"+code || p.Detail == "" {
		t.Errorf("%s: no problem document as RFC 9457 has it: %v %v %s", name, err, r.Header, r.body)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: a problem may be cached", name)
	}
	if (status == http.StatusUnauthorized) != (r.Header.Get("WWW-Authenticate") != "") {
		t.Errorf("%s: WWW-Authenticate is %q", name, r.Header.Get("WWW-Authenticate"))
	}
	return p
}
