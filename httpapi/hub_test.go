package httpapi_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

const secret = "Jane Q. Public"

// answering are the paths that answer a member, and nobody else.
func answering() []string {
	return []string{
		"/v1/contributions/c-aaaaaaaaaaaaaaaaaaaaaaaaaa/matches",
		"/v1/sectors/finance/picture", "/v1/sectors/finance/statistics/incidents-by-action", "/v1/sectors/finance/incidents",
		"/v1/incidents/i-x", "/v1/sectors/finance/campaigns", "/v1/campaigns/k-x", "/v1/sectors/finance/releases", "/v1/releases/x",
		"/v1/me/reports", "/v1/releases/x/files/data.csv", "/feeds/indicators.csv?sector=finance",
	}
}

func TestAMemberJoinsSubmitsAndReadsOverTheWire(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	sent := bank.envelope()
	first, err := bank.Submit(h.ctx, sent)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := bank.Submit(h.ctx, sent); err != nil || string(again) != string(first) {
		t.Errorf("the same envelope again has another receipt: %v", err)
	}
	if _, err := h.told.Run(h.ctx); err != nil {
		t.Fatal(err)
	}
	mine, err := bank.Get(h.ctx, "/v1/me/reports")
	if err != nil || strings.Count(string(mine), `"sector":"finance"`) != 1 {
		t.Errorf("my reports are %s, %v", mine, err)
	}
	if info, err := bank.Info(h.ctx); err != nil || info.ID != hubID || info.Custody != wire.SingleCustody {
		t.Errorf("the hub says %+v, %v", info, err)
	}
	link, err := bank.Login(h.ctx, wire.LoginRequest{Person: "an analyst"})
	if err != nil || !strings.HasPrefix(link.URL, "https://hub.test/signin?code=") {
		t.Errorf("the link is %+v, %v", link, err)
	}
	h.wait(time.Hour)
	next, err := wire.NewID[wire.AgreementID]('a', rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bank.agreement.ID, bank.agreement.From = next, h.clock()
	renewed, err := agreement.Sign(bank.agreement, bank.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bank.Renew(h.ctx, renewed); err != nil {
		t.Errorf("renewing: %v", err)
	}
}

func TestAnswersAreForMembersOnly(t *testing.T) {
	h := newHouse(t)
	bank, other := h.joins("bank", "finance"), h.joins("other", "finance")
	stale := bank.credential(hubID, httpapi.ScopeRead)
	thief := newKey(t)
	forged, err := agreement.IssueCredential(thief, bank.agreement.Member.ID, hubID, httpapi.ScopeRead, h.clock().Add(3*time.Minute), zeros{})
	if err != nil {
		t.Fatal(err)
	}
	h.wait(3 * time.Minute) // stale ends
	nobody, err := agreement.IssueCredential(thief, "m-aaaaaaaaaaaaaaaaaaaaaaaaaa", hubID, httpapi.ScopeRead, h.clock(), zeros{})
	if err != nil {
		t.Fatal(err)
	}
	replayed := other.credential(hubID, httpapi.ScopeRead)
	if r := h.ask("GET", "/v1/me/reports", "", "Authorization", "Concord "+replayed); r.StatusCode != 200 {
		t.Fatal(r.Status, r.body)
	}
	long, err := agreement.IssueCredential(bank.key, bank.agreement.Member.ID, hubID, httpapi.ScopeRead, h.clock().Add(time.Hour), zeros{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range answering() {
		for _, c := range []struct {
			name, header string
			status       int
			code         string
		}{
			{"no credential", "", 401, "credential.missing"},
			{"another scheme", "Bearer " + replayed, 401, "credential.missing"},
			{"no text", "Concord ", 401, "credential.missing"},
			{"nonsense", "Concord " + secret, 401, "credential.malformed"},
			{"endless", "Concord " + strings.Repeat("a", agreement.MaxCredential+1), 401, "credential.malformed"},
			{"expired", "Concord " + stale, 401, "credential.expired"},
			{"replayed", "Concord " + replayed, 401, "credential.used"},
			{"ends too late", "Concord " + long, 401, "credential.too_long"},
			{"forged for a member", "Concord " + forged, 401, "credential.bad_signature"},
			{"of no member", "Concord " + nobody, 401, "credential.bad_signature"},
			{"made out to a steward", "Concord " + bank.credential("steward-1", httpapi.ScopeRead), 401, "credential.other_audience"},
			{"made out for signing in", "Concord " + bank.credential(hubID, httpapi.ScopeLogin), 403, "credential.other_scope"},
			{"made out for tokens", "Concord " + bank.credential(hubID, "evaluate"), 403, "credential.other_scope"},
		} {
			headers := []string{}
			if c.header != "" {
				headers = []string{"Authorization", c.header}
			}
			r := h.ask("GET", path, "", headers...)
			wantProblem(t, path+", "+c.name, r, c.status, c.code)
			if strings.Contains(r.body, secret) {
				t.Errorf("%s: the credential is repeated: %s", path, r.body)
			}
		}
	}
	read := bank.credential(hubID, httpapi.ScopeRead)
	r := h.ask("POST", "/v1/login", `{"person":"x"}`, "Authorization", "Concord "+read, "Content-Type", "application/json")
	wantProblem(t, "a reading credential for signing in", r, 403, "credential.other_scope")
	r = h.ask("POST", "/v1/login", `{"person":"x"}`, "Content-Type", "application/json")
	wantProblem(t, "signing in without a credential", r, 401, "credential.missing")
	if text := h.log.String(); strings.Contains(text, replayed) || strings.Contains(text, secret) {
		t.Errorf("the log holds a credential: %s", text)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestSuspensionAndTheAgreementsEndCloseEveryPath(t *testing.T) {
	h := newHouse(t)
	bank, ending := h.joins("bank", "finance"), h.joins("ending", "finance")
	if err := h.door.Suspend(h.ctx, bank.agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	closed := func(p *party, code string) {
		for _, path := range answering() {
			_, err := p.Get(h.ctx, path)
			if f := fault.Public(err); f.Kind != fault.Forbidden || f.Code != code {
				t.Errorf("%s: got %v (%s), want %s", path, err, f.Code, code)
			}
		}
		_, err := p.Submit(h.ctx, p.envelope())
		if fault.Public(err).Code != code {
			t.Errorf("submitting: %v, want %s", err, code)
		}
		_, err = p.Login(h.ctx, wire.LoginRequest{Person: "x"})
		if fault.Public(err).Code != code {
			t.Errorf("signing in: %v, want %s", err, code)
		}
	}
	closed(bank, "member.suspended")
	h.wait(ending.agreement.Until.Sub(h.clock()))
	closed(ending, "agreement.expired")
}

func TestAnotherSectorLooksAsIfItDidNotExist(t *testing.T) {
	h := newHouse(t)
	clinic := h.joins("clinic", "health")
	for _, path := range []string{"picture", "statistics/incidents-by-action", "incidents", "campaigns", "releases"} {
		_, there := clinic.Get(h.ctx, "/v1/sectors/finance/"+path)
		_, nowhere := clinic.Get(h.ctx, "/v1/sectors/nowhere/"+path)
		a, b := fault.Public(there), fault.Public(nowhere)
		if a.Kind != fault.NotFound || a.Code != b.Code || strings.ReplaceAll(a.Message, "finance", "nowhere") != b.Message {
			t.Errorf("%s: %v, and of no sector %v", path, there, nowhere)
		}
	}
	_, err := clinic.Get(h.ctx, "/feeds/indicators.csv?sector=finance")
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("the feed of another sector: %v", err)
	}
}

func TestAPurposeOutsideOfTheAgreementIsRefused(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance") // defend, benchmark
	for purpose, want := range map[string]string{"investigate": "purpose.not_agreed", "publish": "purpose.not_agreed", "gossip": "http.parameter"} {
		_, err := bank.Get(h.ctx, "/v1/me/reports?for="+purpose)
		if f := fault.Public(err); f.Code != want || f.Kind != fault.Forbidden && f.Kind != fault.Invalid {
			t.Errorf("%s: %v (%s), want %s", purpose, err, f.Code, want)
		}
	}
	if _, err := bank.Get(h.ctx, "/feeds/indicators.csv?for=gossip"); fault.Public(err).Code != "purpose.unknown" {
		t.Errorf("of the feed: %v", err)
	}
}

// Whatever is sent to a path that takes something: a coded problem, none of
// it repeated, and the server goes on.
func TestBadRequestsAreRefusedWithACode(t *testing.T) {
	h := newHouse(t)
	code := h.invite("late", "finance")
	deep := strings.Repeat(`[`, 1000) + strings.Repeat(`]`, 1000)
	for _, path := range []string{"/v1/invitation", "/v1/join", "/v1/agreement", "/v1/contributions"} {
		malformed := "json.malformed"
		deepest, large, unexpected := "json.too_deep", "http.too_large", "json.unexpected"
		if path == "/v1/contributions" { // the envelope speaks for itself
			malformed, deepest, unexpected = "envelope.malformed", "envelope.malformed", "envelope.malformed"
		}
		for _, c := range []struct {
			name, body, media string
			status            int
			code              string
		}{
			{"nothing", "", "application/json", 400, "http.body"},
			{"truncated", `{"code":"` + secret, "application/json", 400, malformed},
			{"mis-encoded", "{\"code\":\"" + secret + "\xff\"}", "application/json", 400, malformed},
			{"NaN", `{"code":NaN}`, "application/json", 400, malformed},
			{"the same name twice", `{"code":"` + code + `","code":"` + secret + `"}`, "application/json", 400, malformed},
			{"deeply nested", `{"code":` + deep + `}`, "application/json", 413, deepest},
			{"an unknown name", `{"` + secret + `":1}`, "application/json", 400, unexpected},
			{"a number for a text", `{"code":7,"agreement":7,"payload":7}`, "application/json", 400, unexpected},
			{"no object", `["` + secret + `"]`, "application/json", 400, unexpected},
			{"something after the end", `{} {}`, "application/json", 400, "json.trailing"},
			{"too large", `{"code":"` + strings.Repeat("a", httpapi.MaxEnvelope) + `"}`, "application/json", 413, large},
			{"a form", "code=" + secret, "application/x-www-form-urlencoded", 415, "http.media_type"},
			{"text", `{"code":"x"}`, "text/plain", 415, "http.media_type"},
			{"a media type that is none", `{"code":"x"}`, "(" + secret, 415, "http.media_type"},
		} {
			if path == "/v1/contributions" && (c.code == "json.trailing" || c.code == deepest) {
				c.status, c.code = 400, "envelope.malformed"
			}
			r := h.ask("POST", path, c.body, "Content-Type", c.media)
			p := wantProblem(t, path+", "+c.name, r, c.status, c.code)
			if strings.Contains(strings.ReplaceAll(r.body, p.Path, ""), secret) {
				t.Errorf("%s, %s: what was sent is repeated: %s", path, c.name, r.body)
			}
		}
	}
	if text := h.log.String(); strings.Contains(text, secret) || strings.Contains(text, code) {
		t.Errorf("the log holds what was sent: %s", text)
	}
	if _, err := h.client("", nil).Offer(h.ctx, code); err != nil {
		t.Errorf("the invitation that was only asked for is used up: %v", err)
	}
}

func TestAWrongCodeOrAgreementJoinsNobody(t *testing.T) {
	h := newHouse(t)
	anybody := h.client("", nil)
	_, err := anybody.Offer(h.ctx, secret)
	if f := fault.Public(err); f.Kind != fault.Unauthenticated || f.Code != "invitation.unknown" {
		t.Errorf("offered for no invitation: %v", err)
	}
	code := h.invite("bank", "finance")
	for name, signed := range map[string][]byte{"none": nil, "nonsense": []byte(secret), "no signatures": []byte(`{"payload":"e30=","payloadType":"x","signatures":[]}`)} {
		if _, err := anybody.Join(h.ctx, code, signed); fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	members, err := h.door.Record.Members(h.ctx)
	if err != nil || len(members) != 0 {
		t.Errorf("members are %v, %v", members, err)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/v1/nothing", 404, "http.no_such_path", ""},
		{"POST", "/v1/", 404, "http.no_such_path", ""},
		{"GET", "/feeds/nothing.csv", 404, "http.no_such_path", ""},
		{"POST", "/feeds/indicators.csv", 405, "http.method", "GET, HEAD"},
		{"GET", "/v1/hub/../../etc/passwd", 404, "", ""},
		{"POST", "/v1/hub", 405, "http.method", "GET, HEAD"},
		{"DELETE", "/v1/incidents/i-x", 405, "http.method", "GET, HEAD"},
		{"GET", "/v1/contributions", 405, "http.method", "POST"},
		{"BREW", "/v1/join", 405, "http.method", "POST"},
		{"PUT", "/v1/releases/x/files/data.csv", 405, "http.method", "GET, HEAD"},
		{"GET", "/v1/standards/nonsense/9.9", 404, "standard.unknown", ""},
	} {
		r := h.ask(c.method, c.path, "")
		if c.code == "" {
			if r.StatusCode != c.status {
				t.Errorf("%s %s: %s", c.method, c.path, r.Status)
			}
			continue
		}
		wantProblem(t, c.method+" "+c.path, r, c.status, c.code)
		if got := r.Header.Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, got, c.allow)
		}
	}
	for _, path := range []string{"/v1/hub", "/healthz", "/readyz", "/openapi.json", "/v1/standards/finance/1.0"} {
		get, head := h.ask("GET", path, ""), h.ask("HEAD", path, "")
		if get.StatusCode != 200 || head.StatusCode != 200 || head.body != "" || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("%s: GET %s, HEAD %s %q", path, get.Status, head.Status, head.body)
		}
	}
	if r := h.ask("HEAD", "/v1/me/reports", ""); r.StatusCode != 401 || r.body != "" {
		t.Errorf("HEAD without a credential: %s %q", r.Status, r.body)
	}
}

// A list of nothing is [], lists of things and of their pages look alike, and
// what has not been taken has no date.
func TestAnEmptyAnswerHasEmptyLists(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	for path, want := range map[string]string{
		"/v1/me/reports":                `{"items":[]}`,
		"/v1/sectors/finance/incidents": `{"items":[]}`,
		"/v1/sectors/finance/campaigns": `{"items":[]}`,
		"/v1/sectors/finance/releases":  `{"items":[]}`,
		"/v1/sectors/finance/picture":   `{"sector":"finance","title":"Finance","findings":[],"tables":[],"reporting":{}}`,
	} {
		got, err := bank.Get(h.ctx, path)
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %s, %v; %s is wanted", path, got, err, want)
		}
	}
}

func TestAWrongParameterIsToldInWords(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	for query, want := range map[string]string{
		"limit=51": "the number is too large; the most is 50", "limit=0": "the number is too small; the least is 1", "limit=many": "a whole number is expected",
		"for=gossip": "there is no such choice; the choices are defend, investigate, study, benchmark, supervise, publish",
	} {
		_, err := bank.Get(h.ctx, "/v1/me/reports?"+query)
		if f := fault.Public(err); f.Message != want || !strings.HasPrefix(f.Path, "query.") {
			t.Errorf("%s: %q at %s; %q is wanted", query, f.Message, f.Path, want)
		}
	}
}

func TestPagesAndCursorsAreHeldToTheirLimits(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	for query, want := range map[string]string{
		"limit=0": "http.parameter", "limit=51": "http.parameter", "limit=many": "http.parameter", "limit=99999999999999999999": "http.parameter",
		"before=x": "page.cursor", "before=-1": "page.cursor", "before=99999999999999999999": "page.cursor",
	} {
		r := h.ask("GET", "/v1/me/reports?"+query, "", "Authorization", "Concord "+bank.credential(hubID, httpapi.ScopeRead))
		status := 400
		if want == "http.parameter" {
			status = 422
		}
		wantProblem(t, query, r, status, want)
	}
}

func TestOurOwnFailureIsToldToTheLogAlone(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	h.desk.Admit = failing{h.door, errors.New("disk full under " + secret)}
	r := h.ask("POST", "/v1/contributions", string(bank.envelope()), "Content-Type", "application/json")
	p := wantProblem(t, "our failure", r, 500, "internal")
	if strings.Contains(r.body, secret) || strings.Contains(p.Detail, "disk") {
		t.Errorf("the cause is shown: %s", r.body)
	}
	if !strings.Contains(h.log.String(), "disk full") {
		t.Errorf("the log does not have the cause: %s", h.log)
	}
}

// failing is an admission whose record does not answer.
type failing struct {
	receive.Admission
	err error
}

func (f failing) MemberByKey(context.Context, string) (m member.Member, err error) { return m, f.err }

func TestAClientTellsWhatItWasTold(t *testing.T) {
	h := newHouse(t)
	bank := h.joins("bank", "finance")
	for _, path := range []string{"v1/hub", "//elsewhere/v1/hub", ""} {
		if _, err := bank.Get(h.ctx, path); fault.Public(err).Code != "http.bad_path" {
			t.Errorf("%q: %v", path, err)
		}
	}
	gone := httpapi.HubClient{Client: &httpapi.Client{Base: "http://127.0.0.1:1", HTTP: http.DefaultClient, Now: h.clock, Random: zeros{}}}
	if _, err := gone.Info(h.ctx); fault.Public(err).Code != "http.unreachable" || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a hub that is not there: %v", err)
	}
	ended, cancel := context.WithCancel(h.ctx)
	cancel()
	if _, err := bank.Info(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was ended: %v", err)
	}
}
