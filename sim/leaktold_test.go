package sim

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concord-trust/concord/wire"
)

// hook has one member of each stake be told of what comes, for all that its
// agreement allows. All that it is told is searched.
func (l *leakage) hook(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if l.plant != nil {
			body = append(body, l.plant("/hook")...)
		}
		for name, values := range r.Header {
			for _, v := range values {
				l.scan("webhook (head) "+name, []byte(v))
			}
		}
		l.scan("webhook "+r.URL.Path, body)
		l.posts.Add(1)
	}))
	t.Cleanup(server.Close)
	for _, s := range l.visitors(t) {
		for _, p := range s.Member.Agreement.Purposes {
			if _, err := s.Member.Hub.AddWebhook(t.Context(), wire.WebhookRequest{URL: server.URL + "/hook", Sector: s.Party.Sectors[0], Purpose: string(p)}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// told has webhooks told of all that is new.
func (l *leakage) told(t *testing.T) {
	t.Helper()
	queued, err := l.trust.Hub.Notify.Tell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := l.posts.Load()
	if err := l.trust.Hub.Notify.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if queued == 0 || l.posts.Load() == before {
		t.Errorf("%d events for webhooks, and %d messages", queued, l.posts.Load()-before)
	}
}

// again has webhooks told once more of all that there is.
func (l *leakage) again(t *testing.T) {
	t.Helper()
	db := database(t, l.trust.Hub.Store.Path())
	defer db.Close()
	if _, err := db.Exec("UPDATE webhook_told SET n = 0"); err != nil {
		t.Fatal(err)
	}
}

// scrape searches the metrics of hub and steward.
func (l *leakage) scrape(t *testing.T) {
	t.Helper()
	for of, h := range map[string]http.Handler{"hub": l.trust.Hub.Metrics(), "steward": l.trust.Steward.Metrics()} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		text := w.Body.Bytes()
		if l.plant != nil {
			text = append(text, l.plant("/metrics")...)
		}
		l.scan("metrics of the "+of, text)
	}
}

// noMemberIsCounted: metrics name no member, which logs and pages may.
func (l *leakage) noMemberIsCounted(t *testing.T) {
	t.Helper()
	for of, h := range map[string]http.Handler{"hub": l.trust.Hub.Metrics(), "steward": l.trust.Steward.Metrics()} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, s := range l.trust.Members {
			for _, name := range []string{s.Party.Name, string(s.Member.Agreement.Member.ID), `"` + string(s.Party.OwnerGroup) + `"`} {
				if strings.Contains(w.Body.String(), name) {
					t.Errorf("metrics of the %s name %s", of, name)
				}
			}
		}
	}
}
