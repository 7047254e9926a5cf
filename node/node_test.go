package node

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A peer that is slow or silent is let go at last, in every phase of a
// request.
func TestEveryPhaseOfARequestIsBounded(t *testing.T) {
	s := newServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a phase has no bound: %+v", s)
	}
}

type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// serve serves a handler as a node does, until the test ends.
func serve(t *testing.T, h http.Handler, log *slog.Logger) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server(ctx, ln, logged(h, log), nil, nil, log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

func TestALogHoldsNeitherQueryNorHeaderNorBody(t *testing.T) {
	const secret = "jane-q-public"
	var log book
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	}), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	req, err := http.NewRequest(http.MethodPost, url+"/signin?code="+secret, strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Concord "+secret)
	req.Header.Set("Cookie", "session="+secret)
	req.Header.Set("User-Agent", secret)
	req.Header.Set("Referer", url+"/?code="+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != secret {
		t.Fatalf("%s, %v", body, err)
	}
	// A tool names an object by an id that may be a hash of its value.
	deleted, err := http.Get(url + "/taxii2/finance/collections/submissions/objects/" + secret + "/versions/")
	if err != nil {
		t.Fatal(err)
	}
	deleted.Body.Close()
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.text.String(); !strings.Contains(text, "path=/signin") || !strings.Contains(text, "/submissions/objects/") || strings.Contains(text, secret) || strings.Contains(text, "127.0.0.1:") {
		t.Errorf("the log says\n%s", text)
	}
}

func TestAHandlerThatPanicsEndsItsRequestAlone(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("a mistake of ours")
		}
		io.WriteString(w, "up")
	}), slog.New(slog.DiscardHandler))
	if resp, err := http.Get(url + "/panic"); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "up" {
		t.Errorf("afterwards it says %q, %v", body, err)
	}
}

// Of several contributions the widest band is told, in whatever order they are
// asked for.
func TestTheWiderOfTwoBandsIsTold(t *testing.T) {
	bands := []string{"", "fewer than 5", "5–9", "10–19", "20–49", "50+"}
	for i, a := range bands {
		for j, b := range bands {
			want := bands[max(i, j)]
			if i < 2 && j < 2 {
				want = a // neither says that there are any
			}
			if got := wider(a, b); got != want {
				t.Errorf("of %q and %q %q is told", a, b, got)
			}
		}
	}
}
