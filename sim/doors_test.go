package sim

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Public(err).Code
}

// answered is "" for an answer that lets somebody in.
func answered(resp *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	if resp.StatusCode < 300 {
		return ""
	}
	return resp.Status
}

var pathVariable = regexp.MustCompile(`\{[a-z]+\}`)

// forEverybody are the paths of the interface that need no agreement.
var forEverybody = []string{"/v1/hub", "/v1/standards/{name}/{version}", "/healthz", "/readyz"}

// readDoors are all paths that the hub says one can read, so that a path that
// is added is walked, too.
func readDoors(t *testing.T, tr *Trust) (doors []door) {
	t.Helper()
	resp, err := http.Get(tr.URL + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&api); err != nil {
		t.Fatal(err)
	}
	for path, operations := range api.Paths {
		if operations["get"] == nil || slices.Contains(forEverybody, path) {
			continue
		}
		filled := pathVariable.ReplaceAllStringFunc(path, func(v string) string {
			if v == "{sector}" {
				return "finance"
			}
			return "x"
		})
		if strings.HasPrefix(path, "/feeds/misp") {
			doors = append(doors, door{"feed " + path, func(_ *testing.T, tr *Trust, v *visitorOf) string {
				req, err := http.NewRequest(http.MethodGet, tr.URL+filled, nil)
				if err != nil {
					return err.Error()
				}
				req.SetBasicAuth(v.token.User, v.token.Token)
				return answered(http.DefaultClient.Do(req))
			}})
			continue
		}
		doors = append(doors, door{"read " + path, func(t *testing.T, _ *Trust, v *visitorOf) string {
			var err error
			switch hub := v.seat.Member.Hub; path {
			// These are asked with a credential of their own.
			case "/v1/webhooks":
				_, err = hub.Webhooks(t.Context())
			case "/v1/holds":
				_, err = hub.Holds(t.Context())
			default:
				_, err = hub.Get(t.Context(), filled)
			}
			return codeOf(err)
		}})
	}
	if len(doors) < 15 {
		t.Fatalf("the hub names %d paths to read; are they all?", len(doors))
	}
	return doors
}

// otherDoors are those that the interface's description does not list as
// something to read.
func otherDoors() (doors []door) {
	for _, path := range []string{"/", "/sectors/finance", "/sectors/finance/statistics", "/sectors/finance/incidents", "/sectors/finance/campaigns", "/sectors/finance/indicators",
		"/sectors/finance/releases", "/mine", "/terms", "/sectors/finance/incidents?format=csv", "/sectors/finance/indicators?format=json"} {
		doors = append(doors, door{"page " + path, func(_ *testing.T, tr *Trust, v *visitorOf) string {
			resp, err := v.session.Get(tr.URL + path)
			if err == nil && path == "/" {
				// The front door greets whoever is not let in.
				defer resp.Body.Close()
				text, err := io.ReadAll(resp.Body)
				if err != nil || strings.Contains(string(text), "My contributions") {
					return ""
				}
				return "greeted"
			}
			return answered(resp, err)
		}})
	}
	for _, path := range []string{"/taxii2/", "/taxii2/concord/", "/taxii2/concord/collections/"} {
		doors = append(doors, door{"TAXII " + path, func(_ *testing.T, tr *Trust, v *visitorOf) string {
			req, err := http.NewRequest(http.MethodGet, tr.URL+path, nil)
			if err != nil {
				return err.Error()
			}
			req.Header.Set("Authorization", "Bearer "+v.token.Token)
			req.Header.Set("Accept", taxiicheck.MediaType)
			return answered(http.DefaultClient.Do(req))
		}})
	}
	return append(doors,
		door{"contribute", func(t *testing.T, _ *Trust, v *visitorOf) string {
			_, err := v.seat.Member.Hub.Submit(t.Context(), envelopeOf(t, v.seat))
			return codeOf(err)
		}},
		door{"evaluate at the steward", func(t *testing.T, _ *Trust, v *visitorOf) string {
			return codeOf(evaluate(t, v.seat))
		}},
		door{"sign in", func(t *testing.T, _ *Trust, v *visitorOf) string {
			_, err := v.seat.Member.Hub.Login(t.Context(), wire.LoginRequest{Person: "analyst"})
			return codeOf(err)
		}},
		door{"make a token", func(t *testing.T, _ *Trust, v *visitorOf) string {
			_, err := v.seat.Member.Hub.Token(t.Context(), wire.TokenRequest{Days: 1})
			return codeOf(err)
		}},
		door{"add a webhook", func(t *testing.T, _ *Trust, v *visitorOf) string {
			_, err := v.seat.Member.Hub.AddWebhook(t.Context(), wire.WebhookRequest{URL: v.webhook.url, Sector: "finance"})
			return codeOf(err)
		}},
		door{"be told by a webhook", func(t *testing.T, tr *Trust, v *visitorOf) string {
			// There is something that it would be told.
			v.webhook.took()
			cases++
			more(t, tr, v.other, cases)
			if _, err := tr.Hub.Notify.Tell(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := tr.Hub.Notify.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			if events, _ := v.webhook.took(); len(events) > 0 {
				return ""
			}
			return "told nothing"
		}},
	)
}

// envelopeOf is a contribution of the seat that is new, as its outbox makes it.
func envelopeOf(t *testing.T, s *Seat) []byte {
	t.Helper()
	o := s.Member.Outbox
	id, err := wire.NewID[wire.ContributionID]('c', rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := wire.Canonical(report.Contribution{ID: id, Member: o.Member, Hub: o.HubID, Agreement: o.Agreement,
		Made: o.Now().UTC().Format(time.RFC3339), Nil: []report.Nil{{Sector: "finance", Period: "2025-Q1"}}})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := envelope.SealContribution(o.SealTo, o.HubID, o.Member, text, o.Sign)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// evaluate asks the steward for one token.
func evaluate(t *testing.T, s *Seat) error {
	t.Helper()
	k := s.Member.Tokeniser
	blinded, _, err := oprf.VOPRF.Blind([][]byte{[]byte("x")}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Steward.Evaluate(t.Context(), wire.EvaluateRequest{Epoch: k.Epoch, Key: wire.LinkKey, Blinded: []string{blinded[0].String()}})
	return err
}

// impostor is somebody else at the seat's place: with a key and an id of its
// own, of which the trust knows nothing.
func impostor(t *testing.T, v *visitorOf) *visitorOf {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := wire.IDFrom[wire.MemberID]('m', [16]byte{42})
	m := *v.seat.Member
	hub := *m.Hub.Client
	hub.Member, hub.Key = id, key
	m.Hub = httpapi.HubClient{Client: &hub}
	out := *m.Outbox
	out.Member, out.Sign = id, key
	m.Outbox = &out
	steward := m.Tokeniser.Steward.(httpapi.StewardClient)
	client := *steward.Client
	client.Member, client.Key = id, key
	m.Tokeniser = &tokenise.Tokeniser{Name: m.Tokeniser.Name, Epoch: m.Tokeniser.Epoch, Key: m.Tokeniser.Key, Random: rand.Reader, Attempts: 1,
		Steward: httpapi.StewardClient{Client: &client, Scope: steward.Scope}}
	token := v.token
	token.User, token.Token = string(id), strings.Repeat("a", len(token.Token))
	return &visitorOf{seat: &Seat{Party: v.seat.Party, Member: &m}, session: &http.Client{}, token: token, webhook: v.webhook, other: v.other}
}
