package httpapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/deliver"
)

// A feed answers as instances ask: with GET or HEAD, whole or not at all if
// they have it, and to nobody without a token.
func TestAFeedIsAskedForAsInstancesDo(t *testing.T) {
	mux := http.NewServeMux()
	hub := &httpapi.Hub{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Feed: func(r *http.Request) ([]deliver.Answer[deliver.FeedView], error) {
		if r.Header.Get("Authorization") == "" {
			return nil, fault.New(fault.Unauthenticated, "token.refused", "no")
		}
		return []deliver.Answer[deliver.FeedView]{{}}, nil
	}}
	api := hub.Register(mux)
	ask := func(method, path string, header ...string) *http.Response {
		req := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		return w.Result()
	}
	described := 0
	for path := range api.OpenAPI().Paths {
		if !strings.HasPrefix(path, httpapi.FeedPath) {
			continue
		}
		described++
		refused := ask("GET", strings.ReplaceAll(path, "{file}", "x.json"))
		if ways := refused.Header.Values("WWW-Authenticate"); refused.StatusCode != 401 || len(ways) != 2 || !strings.HasPrefix(ways[0], "Basic ") || !strings.HasPrefix(ways[1], "Bearer ") {
			t.Errorf("%s without a token: %s, %q", path, refused.Status, ways)
		}
	}
	if described != 3 {
		t.Errorf("%d paths of the feed are described", described)
	}
	const who = "Authorization"
	manifest := ask("GET", httpapi.FeedPath+"manifest.json", who, "Bearer x")
	var none map[string]any
	if err := json.NewDecoder(manifest.Body).Decode(&none); err != nil || none == nil || manifest.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the manifest of an empty feed: %v, %v, %v", none, err, manifest.Header)
	}
	if again := ask("GET", httpapi.FeedPath+"manifest.json", who, "Bearer x", "If-None-Match", manifest.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("what an instance has is answered with %s", again.Status)
	}
	head := ask("HEAD", httpapi.FeedPath+"hashes.csv", who, "Bearer x")
	if head.StatusCode != 200 || head.Header.Get("Content-Length") != "0" || !strings.Contains(head.Header.Get("Cache-Control"), "private") {
		t.Errorf("HEAD: %s %v", head.Status, head.Header)
	}
	missing := ask("GET", httpapi.FeedPath+"11111111-1111-4111-8111-111111111111.json", who, "Bearer x")
	if missing.StatusCode != 404 || missing.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("an event that is not there: %s %v", missing.Status, missing.Header)
	}
}
