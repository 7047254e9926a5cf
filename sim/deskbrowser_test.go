package sim

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// deskBrowser is a browser at a desk that is really served, and what the desk
// wrote to its log.
type deskBrowser struct {
	t     *testing.T
	http  *http.Client
	host  string // 127.0.0.1:PORT
	base  string // http://127.0.0.1:PORT/SECRET
	token string
	log   *safeBuffer
	seat  *Seat
	links chan string
	stop  context.CancelFunc
	done  chan error
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// deskTrust is a trust with one bank.
func deskTrust(t *testing.T, sectors ...string) (*Trust, *Seat) {
	t.Helper()
	tr, err := Open(t.Context(), t.TempDir(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := tr.Seat(t.Context(), Party{Name: "Northwind Savings Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-northwind"), Sectors: sectors, Terms: "default"})
	if err != nil {
		t.Fatal(err)
	}
	return tr, s
}

// atDesk serves the seat's desk and opens it in a browser.
func atDesk(t *testing.T, seat *Seat) *deskBrowser {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &deskBrowser{t: t, http: &http.Client{Jar: jar, Timeout: time.Minute}, host: ln.Addr().String(), log: &safeBuffer{}, seat: seat,
		links: make(chan string, 4), done: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() { b.done <- seat.Member.ServeDeskOn(ctx, ln, log, func(url string) { b.links <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-b.done; err != nil {
			t.Errorf("the desk did not end cleanly: %v", err)
		}
	})
	link := <-b.links
	base, code, ok := strings.Cut(link, "/open?code=")
	if !ok || !strings.HasPrefix(base, "http://"+b.host+"/") {
		t.Fatalf("the link is %q", link)
	}
	b.base = base
	status, page := b.post("/open", url.Values{"code": {code}})
	if status != http.StatusOK {
		t.Fatalf("the link did not open the desk: %d", status)
	}
	b.token = between(page, `name="token" value="`, `"`)
	if b.token == "" {
		t.Fatal("no form of the first page has a token")
	}
	return b
}

func between(s, before, after string) string {
	_, rest, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	in, _, _ := strings.Cut(rest, after)
	return in
}

func (b *deskBrowser) do(req *http.Request) (int, string) {
	b.t.Helper()
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if got := resp.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		b.t.Errorf("%s may be kept: %q", req.URL.Path, got)
	}
	if got := resp.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") {
		b.t.Errorf("%s has the policy %q", req.URL.Path, got)
	}
	return resp.StatusCode, string(body)
}

func (b *deskBrowser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return req
}

func (b *deskBrowser) get(path string) (int, string) {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form with the session's token and follows to the page after.
func (b *deskBrowser) post(path string, form url.Values) (int, string) {
	b.t.Helper()
	if b.token != "" && !form.Has("token") {
		form.Set("token", b.token)
	}
	req := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", "http://"+b.host)
	return b.do(req)
}

// upload sends files to the import page.
func (b *deskBrowser) upload(fields map[string]string, files map[string][2]string) (int, string) {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	w.WriteField("token", b.token) //nolint:errcheck // a buffer takes all
	for name, v := range fields {
		w.WriteField(name, v) //nolint:errcheck // a buffer takes all
	}
	for field, f := range files {
		part, err := w.CreateFormFile(field, f[0])
		if err != nil {
			b.t.Fatal(err)
		}
		io.WriteString(part, f[1]) //nolint:errcheck // a buffer takes all
	}
	w.Close()
	req := b.request(http.MethodPost, "/import", &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return b.do(req)
}

func (b *deskBrowser) shows(page string, wanted ...string) {
	b.t.Helper()
	text := words(page)
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			b.t.Errorf("the page does not say %q; it says:\n%s", w, text)
		}
	}
}

var (
	tags  = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)
	space = regexp.MustCompile(`\s+`)
)

// words is the text of a page.
func words(page string) string {
	return space.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(page, " ")), " ")
}

func draftOf(page string) string { return between(page, `/drafts/`, `/send"`) }

// theCase is what a bank's analyst types.
func theCase() url.Values {
	return url.Values{
		"desk.sector": {"finance"}, "desk.do": {"preview"},
		"desk.native":                               {"NW-2026-0117"},
		"victim.victim_id":                          {"Northwind Savings Bank"},
		"victim.industry":                           {"522110"},
		"victim.country":                            {"united states", ""},
		"timeline.incident":                         {"2026-03-12"},
		"summary":                                   {"Zqmarlow from treasury opened an invoice."},
		"action.social.variety":                     {"Phishing"},
		"action.hacking.variety":                    {"Use of stolen creds"},
		"asset.assets[0].variety":                   {"S - Mail"},
		"asset.assets[1].variety":                   {"P - Finance"},
		"impact.loss[1].amount":                     {"41250"},
		"impact.loss[1].variety":                    {"Asset and fraud"},
		"observables[0].value":                      {"login.northw1nd-bank.net"},
		"observables[0].role":                       {"phishing"},
		"observables.lines":                         {"203.0.113.77\nemail zqbilling@northw1nd-bank.net"},
		"attribute.confidentiality.data_disclosure": {"Potentially"},
	}
}
