package desk

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

// clock is a time that a test moves on.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// bare is a desk without a member behind it: enough for its door. The tests
// with a real member, steward and hub stand in package sim.
func bare(t *testing.T, c *clock) (*Desk, http.Handler, *[]string, *bytes.Buffer) {
	t.Helper()
	var links []string
	var log bytes.Buffer
	d := &Desk{Agreement: agreement.Agreement{Member: agreement.Card{Name: "Northwind", Sectors: []string{"finance"}}}, Standards: standard.Builtin,
		Address: "127.0.0.1:8450", Link: func(u string) { links = append(links, u) }, Now: c.Now, Random: rand.Reader,
		Status: func(err error) int {
			return map[fault.Kind]int{fault.NotFound: 404, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.Unavailable: 503, fault.Invalid: 422, fault.TooLarge: 413, fault.Internal: 500}[fault.KindOf(err)]
		},
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	h, err := d.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return d, h, &links, &log
}

func ask(h http.Handler, method, target string, form url.Values, cookies ...*http.Cookie) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Host = "127.0.0.1:8450"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// opened uses a link, and returns the answer.
func opened(h http.Handler, d *Desk, link string) *http.Response {
	_, code, _ := strings.Cut(link, "?code=")
	return ask(h, "POST", d.base+"/open", url.Values{"code": {code}})
}

// signedIn reports whether the desk answers as to somebody who is: that there
// is no such page, rather than that it is closed.
func signedIn(h http.Handler, d *Desk, c *http.Cookie) bool {
	return ask(h, "GET", d.base+"/no-page", nil, c).StatusCode == http.StatusNotFound
}

func TestALinkWorksOnceAndForFiveMinutes(t *testing.T) {
	c := &clock{time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	d, h, links, log := bare(t, c)
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	link := (*links)[0]
	if resp := ask(h, "GET", strings.TrimPrefix(link, "http://127.0.0.1:8450"), nil); resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
		t.Errorf("looking at a link gives %d with %d cookies; it must use nothing up", resp.StatusCode, len(resp.Cookies()))
	}
	resp := opened(h, d, link)
	if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		t.Fatalf("a fresh link gives %d", resp.StatusCode)
	}
	cookie := resp.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != d.base+"/" || !cookie.Expires.IsZero() {
		t.Errorf("the cookie is %+v", cookie)
	}
	if !signedIn(h, d, cookie) {
		t.Error("the link signed nobody in")
	}
	if resp := opened(h, d, link); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a used link gives %d", resp.StatusCode)
	}
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(LinkLife)
	if resp := opened(h, d, (*links)[1]); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a link of five minutes gives %d", resp.StatusCode)
	}
	if strings.Contains(log.String(), d.base) || strings.Contains(log.String(), cookie.Value) || strings.Contains(log.String(), "code=") {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}

func TestASessionEndsWhenIdleAndAfterTwelveHours(t *testing.T) {
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for _, every := range []time.Duration{sessionIdle, time.Hour} {
		c := &clock{start}
		d, h, links, _ := bare(t, c)
		if err := d.Open(); err != nil {
			t.Fatal(err)
		}
		cookie := opened(h, d, (*links)[0]).Cookies()[0]
		lasted := time.Duration(0)
		for lasted < 24*time.Hour && signedIn(h, d, cookie) {
			lasted += every
			c.now = c.now.Add(every)
		}
		if want := map[time.Duration]time.Duration{sessionIdle: sessionIdle, time.Hour: sessionLife}[every]; lasted != want {
			t.Errorf("asked every %s, a session lasts %s, want %s", every, lasted, want)
		}
	}
}

func TestWhoeverReachesThePortCanHaveALinkPrintedButNotReadIt(t *testing.T) {
	c := &clock{time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	d, h, links, _ := bare(t, c)
	resp := ask(h, "POST", "/link", nil)
	if resp.StatusCode != http.StatusOK || len(*links) != 1 {
		t.Fatalf("%d, %d links", resp.StatusCode, len(*links))
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(body), d.base) || strings.Contains(string(body), "?code=") {
		t.Errorf("the answer tells the link: %s", body)
	}
	if resp := ask(h, "POST", "/link", nil); resp.StatusCode != http.StatusTooManyRequests || len(*links) != 1 {
		t.Errorf("a second one at once: %d, %d links", resp.StatusCode, len(*links))
	}
	for range 20 {
		c.now = c.now.Add(linkEvery)
		ask(h, "POST", "/link", nil)
	}
	if len(*links) != maxLinks {
		t.Errorf("%d unused links are open; at most %d may be", len(*links), maxLinks)
	}
	if resp := opened(h, d, (*links)[0]); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("asking for links spoilt an older one: %d", resp.StatusCode)
	}
}

func TestNobodyReadsAPageThroughAnotherNameOrAddress(t *testing.T) {
	c := &clock{time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	d, h, links, _ := bare(t, c)
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	cookie := opened(h, d, (*links)[0]).Cookies()[0]
	for host, want := range map[string]int{
		"127.0.0.1:8450": 404, "localhost:8450": 404, "LOCALHOST:8450": 404, "[::1]:8450": 404,
		"127.0.0.1": 421, "127.0.0.1:80": 421, "127.0.0.2:8450": 421, "localhost": 421, "evil.example:8450": 421, "localhost.evil.example:8450": 421,
		"localhost:8450.evil.example": 421, "": 421, "[::1]": 421, "0.0.0.0:8450": 421,
	} {
		r := httptest.NewRequest("GET", d.base+"/no-page", nil)
		r.Host = host
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q is answered with %d, want %d", host, w.Code, want)
		}
	}
}

func TestDraftsAreFewShortLivedAndTheirOwners(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	mine, other := &session{}, &session{}
	var s drafts
	s.put(&draft{id: "first", owner: mine}, now)
	if _, err := s.get("first", other, now); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another browser finds the draft: %v", err)
	}
	for i := range maxDrafts - 1 {
		s.put(&draft{id: string(rune('a' + i)), owner: mine}, now)
	}
	if _, err := s.get("first", mine, now); err != nil {
		t.Fatal(err)
	}
	// The one that was not looked at for the longest gives way: "a".
	s.put(&draft{id: "last", owner: mine}, now)
	for id, want := range map[string]bool{"first": true, "last": true, "b": true, "a": false} {
		if _, err := s.get(id, mine, now); (err == nil) != want {
			t.Errorf("draft %s: %v", id, err)
		}
	}
	if n := len(s.unsent(mine, now)); n != maxDrafts {
		t.Errorf("%d drafts are kept", n)
	}
	if _, err := s.get("last", mine, now.Add(draftLife-time.Second)); err != nil {
		t.Errorf("a draft is gone early: %v", err)
	}
	if n := len(s.unsent(mine, now.Add(draftLife))); n != 1 {
		t.Errorf("%d drafts outlive their time; the one looked at should", n)
	}
	s.dropAll(mine)
	if len(s.all) != 0 {
		t.Error("signing out leaves drafts")
	}
}

func TestAFormThatDoesNotArriveWholeIsRefused(t *testing.T) {
	c := &clock{time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	d, h, links, _ := bare(t, c)
	if err := d.Open(); err != nil {
		t.Fatal(err)
	}
	cookie := opened(h, d, (*links)[0]).Cookies()[0]
	for name, contentType := range map[string]string{"no boundary": "multipart/form-data", "cut off": "multipart/form-data; boundary=x", "no type": "", "another type": "application/json"} {
		r := httptest.NewRequestWithContext(context.Background(), "POST", d.base+"/import", strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nab"))
		r.Host = "127.0.0.1:8450"
		r.Header.Set("Content-Type", contentType)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusOK || w.Code >= 500 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
