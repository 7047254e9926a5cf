package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
)

// A member's edge takes nothing on trust of what answers at the hub's address:
// it may be a proxy, another program, or a hub of another version.
func TestWhateverAnswersTheClientSaysWhatItMeans(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		kind   fault.Kind
		code   string
	}{
		{"a page of a proxy", say(502, "text/html", "<h1>Bad Gateway</h1>"), fault.Unavailable, "http.bad_gateway"},
		{"too busy", say(429, "text/plain", ""), fault.Unavailable, "http.too_many_requests"},
		{"too slow", say(408, "text/plain", ""), fault.Unavailable, "http.request_timeout"},
		{"down for repair", say(503, "application/problem+json", `{"status":503,"detail":"later","code":"hub.not_ready"}`), fault.Unavailable, "hub.not_ready"},
		{"a problem", say(403, "application/problem+json", `{"status":403,"detail":"no","code":"member.suspended","path":"/x"}`), fault.Forbidden, "member.suspended"},
		{"a problem that claims another status", say(403, "application/problem+json", `{"status":200,"detail":"no","code":"x.y"}`), fault.Forbidden, "x.y"},
		{"a status of which there is no kind", say(422, "application/problem+json", `{"detail":"no","code":"http.parameter"}`), fault.Invalid, "http.parameter"},
		{"another program", say(404, "text/plain", "not found"), fault.NotFound, "http.not_found"},
		{"its own failure", say(500, "text/plain", "panic"), fault.Internal, "http.internal_server_error"},
		{"no JSON", say(200, "application/json", "hello"), fault.Internal, "http.unreadable"},
		{"names twice", say(200, "application/json", `{"id":"a","id":"b"}`), fault.Internal, "http.unreadable"},
		{"an answer without end", func(w http.ResponseWriter, _ *http.Request) {
			for range 65 {
				fmt.Fprint(w, strings.Repeat(" ", 1<<20))
			}
		}, fault.TooLarge, "http.answer_too_large"},
		{"an answer that breaks off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"id"`)
		}, fault.Unavailable, "http.broken_off"},
	} {
		server := httptest.NewServer(c.answer)
		client := httpapi.HubClient{Client: &httpapi.Client{Base: server.URL, HTTP: server.Client()}}
		_, err := client.Info(t.Context())
		if f := fault.Public(err); err == nil || f.Kind != c.kind || f.Code != c.code {
			t.Errorf("%s: got %v (%v, %s), want %v, %s", c.name, err, f.Kind, f.Code, c.kind, c.code)
		}
		server.Close()
	}
}

func say(status int, media, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}
