package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// serveSteward serves a steward that admits the house's members, or those of
// another hub key.
func (h *house) serveSteward(hubKey ed25519.PublicKey) (url string) {
	h.t.Helper()
	server := httptest.NewServer(h.steward(hubKey))
	h.t.Cleanup(server.Close)
	return server.URL
}

func (h *house) steward(hubKey ed25519.PublicKey) http.Handler {
	h.t.Helper()
	record, err := store.OpenSteward(h.ctx, filepath.Join(h.t.TempDir(), "steward.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { record.Close() })
	key, err := oprf.GenerateKey(rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	s := &steward.Steward{Name: "steward-1", Epoch: 1, Key: key, Hub: hubID, HubKey: hubKey, DailyQuota: 3,
		Admissions: record, Ledger: record, Now: h.clock, Random: rand.Reader}
	return httpapi.StewardHandler(s, func(context.Context) error { return nil }, slog.New(slog.NewTextHandler(h.log, nil)))
}

func (h *house) hubKey() ed25519.PublicKey { return h.desk.Sign.Public().(ed25519.PublicKey) }

func (p *party) asks(url string) httpapi.StewardClient {
	return httpapi.StewardClient{Agreement: p.signed, Scope: steward.Scope, Client: &httpapi.Client{
		Base: url, HTTP: http.DefaultClient, Member: p.agreement.Member.ID, Key: p.key, Audience: "steward-1", Now: p.clock, Random: rand.Reader}}
}

func asking(t *testing.T, values ...string) wire.EvaluateRequest {
	t.Helper()
	ask := wire.EvaluateRequest{Epoch: 1, Key: wire.LinkKey}
	inputs := make([][]byte, len(values))
	for i, v := range values {
		inputs[i] = []byte(v)
	}
	blinded, _, err := oprf.VOPRF.Blind(inputs, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blinded {
		ask.Blinded = append(ask.Blinded, b.String())
	}
	return ask
}

func TestAMemberShowsItsAgreementWhenTheStewardAsksForIt(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	client := bank.asks(h.serveSteward(h.hubKey()))
	info, err := client.Info(h.ctx)
	if err != nil || info.Custody != wire.SingleCustody || info.Hub != hubID {
		t.Errorf("the steward says %+v, %v", info, err)
	}
	answer, err := client.Evaluate(h.ctx, asking(t, "a", "b"))
	if err != nil || len(answer.Evaluated) != 2 || answer.Proof == "" {
		t.Fatalf("%+v, %v", answer, err)
	}
	_, err = client.Evaluate(h.ctx, asking(t, "c", "d"))
	if f := fault.Public(err); f.Code != "steward.quota" || f.Kind != fault.TooLarge {
		t.Errorf("beyond the quota: %v (%s)", err, f.Code)
	}
	if _, err := client.Evaluate(h.ctx, asking(t, "c")); err != nil {
		t.Errorf("what was refused is debited: %v", err)
	}
}

func TestAStewardWithAnotherHubKeyAdmitsNobodyOfThisHub(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	other := newKey(t)
	_, err := bank.asks(h.serveSteward(other.Public().(ed25519.PublicKey))).Evaluate(h.ctx, asking(t, "a"))
	if err == nil || !strings.Contains(err.Error(), "signed by both sides") {
		t.Errorf("got %v", err)
	}
}

func TestBadRequestsToAStewardAreRefusedWithACode(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	url := h.serveSteward(h.hubKey())
	if r := ask(t, "POST", url+"/v1/admit", string(bank.signed), "Content-Type", "application/json"); r.StatusCode != http.StatusNoContent {
		t.Fatal(r.Status, r.body)
	}
	good, err := json.Marshal(asking(t, "a"))
	if err != nil {
		t.Fatal(err)
	}
	const revoking = `{"up_to":"2026-01-01T00:00:00Z"}`
	replayed := bank.credential("steward-1", steward.Scope)
	if r := ask(t, "POST", url+"/v1/evaluate", string(good), "Authorization", "Concord "+replayed); r.StatusCode != 200 {
		t.Fatal(r.Status, r.body)
	}
	for _, c := range []struct {
		name, method, path, body, media, credential string
		status                                      int
		code                                        string
	}{
		{"nowhere", "GET", "/v1/nothing", "", "", "", 404, "http.no_such_path"},
		{"another method", "GET", "/v1/evaluate", "", "", "", 405, "http.method"},
		{"no credential", "POST", "/v1/evaluate", string(good), "", "", 401, "credential.missing"},
		{"a credential twice", "POST", "/v1/evaluate", string(good), "", replayed, 401, "credential.used"},
		{"a credential for the hub", "POST", "/v1/evaluate", string(good), "", bank.credential(hubID, steward.Scope), 401, "credential.other_audience"},
		{"a credential for reading", "POST", "/v1/evaluate", string(good), "", bank.credential("steward-1", httpapi.ScopeRead), 403, "credential.other_scope"},
		{"truncated", "POST", "/v1/evaluate", string(good[:len(good)-3]), "", "good", 400, "json.malformed"},
		{"nothing", "POST", "/v1/evaluate", "", "", "good", 400, "json.malformed"},
		{"an unknown name", "POST", "/v1/evaluate", `{"` + secret + `":1}`, "", "good", 400, "json.unexpected"},
		{"a name twice", "POST", "/v1/evaluate", `{"epoch":1,"epoch":2}`, "", "good", 400, "json.malformed"},
		{"too large", "POST", "/v1/evaluate", strings.Repeat("a", 4<<20+1), "", "good", 413, "http.too_large"},
		{"text", "POST", "/v1/evaluate", string(good), "text/plain", "good", 415, "http.media_type"},
		{"no agreement", "POST", "/v1/admit", `"` + secret + `"`, "", "", 401, "agreement.bad_signature"},
		{"too large an agreement", "POST", "/v1/admit", strings.Repeat("a", 4<<20+1), "", "", 413, "http.too_large"},
		{"an agreement as text", "POST", "/v1/admit", string(bank.signed), "text/plain", "", 415, "http.media_type"},
		{"another key", "POST", "/v1/evaluate", strings.Replace(string(good), `"link"`, `"`+secret+`"`, 1), "", "good", 400, "steward.key"},
		{"another epoch", "POST", "/v1/evaluate", strings.Replace(string(good), `"epoch":1`, `"epoch":2`, 1), "", "good", 409, "steward.epoch"},
		{"no element", "POST", "/v1/evaluate", `{"epoch":1,"key":"link","blinded":["` + secret + `"]}`, "", "good", 400, "steward.element"},
		{"nothing to evaluate", "POST", "/v1/evaluate", `{"epoch":1,"key":"link","blinded":[]}`, "", "good", 400, "steward.empty"},
		{"a revocation of nobody", "POST", "/v1/revoke", revoking, "", "", 401, "credential.missing"},
		{"a revocation with a credential for evaluations", "POST", "/v1/revoke", revoking, "", "good", 403, "credential.other_scope"},
		{"a revocation as text", "POST", "/v1/revoke", revoking, "text/plain", bank.credential("steward-1", steward.ScopeRevoke), 415, "http.media_type"},
		{"a revocation up to no moment", "POST", "/v1/revoke", `{"up_to":"` + secret + `"}`, "", bank.credential("steward-1", steward.ScopeRevoke), 400, "steward.up_to"},
		{"a revocation of something else", "POST", "/v1/revoke", `{"` + secret + `":1}`, "", bank.credential("steward-1", steward.ScopeRevoke), 400, "json.unexpected"},
	} {
		var headers []string
		if c.media != "" {
			headers = append(headers, "Content-Type", c.media)
		}
		if c.credential == "good" {
			c.credential = bank.credential("steward-1", steward.Scope)
		}
		if c.credential != "" {
			headers = append(headers, "Authorization", "Concord "+c.credential)
		}
		r := ask(t, c.method, url+c.path, c.body, headers...)
		p := wantProblem(t, c.name, r, c.status, c.code)
		if strings.Contains(strings.ReplaceAll(r.body, p.Path, ""), secret) {
			t.Errorf("%s: what was sent is repeated: %s", c.name, r.body)
		}
	}
	if strings.Contains(h.log.String(), secret) {
		t.Errorf("the log holds what was sent: %s", h.log)
	}
}

// A body that breaks off is the sender's to mend, and not too large.
func TestABodyThatBreaksOffIsToldAsSuch(t *testing.T) {
	h := newHouse(t)
	url := h.serveSteward(h.hubKey())
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /v1/admit HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"half\"")); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := conn.Read(text)
	if err != nil || !strings.Contains(string(text[:n]), "http.broken_off") {
		t.Errorf("got %s, %v", text[:n], err)
	}
}
