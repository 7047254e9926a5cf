package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/sim"
	"github.com/concord-trust/concord/wire"
)

// open is a trust of three members, in which two told of one event.
type open struct {
	*sim.Trust
	dir string
}

var (
	once   sync.Once
	shared open
	failed error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Trust != nil {
		if err := shared.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "closing the trust:", err)
			code = 1
		}
		if err := os.RemoveAll(shared.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// trust opens the trust that the tests share; they only look at it.
func trust(t *testing.T) *sim.Trust {
	t.Helper()
	once.Do(func() { failed = openTrust(context.Background()) })
	if failed != nil {
		t.Fatal(failed)
	}
	return shared.Trust
}

func openTrust(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "concord-pages-")
	if err != nil {
		return err
	}
	tr, err := sim.Open(ctx, dir, "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	shared = open{tr, dir}
	for _, p := range []sim.Party{
		{Name: hostileMember, Stake: member.Industry, Kind: "firm", OwnerGroup: "g-bank", Sectors: []string{"finance"}, Terms: "default"},
		{Name: "City Police", Stake: member.LawEnforcement, Kind: "police", OwnerGroup: "g-police", Sectors: []string{"finance", "health"}, Terms: "default"},
		{Name: "University", Stake: member.Research, Kind: "university", OwnerGroup: "g-university", Sectors: []string{"finance"}, Terms: "default", People: []string{hostilePerson}},
	} {
		if _, err := tr.Seat(ctx, p); err != nil {
			return err
		}
	}
	for i, s := range tr.Members[:2] {
		doc, err := json.Marshal(report(i))
		if err != nil {
			return err
		}
		if account, err := s.Tell(ctx, strings.NewReader(string(doc)), "case.json", "report"); err != nil || account.InvalidCount() != 0 {
			return fmt.Errorf("refused %v: %w", account.Invalid(), err)
		}
		if d, err := s.Send(ctx); err != nil || d.Accepted != 1 {
			return fmt.Errorf("delivery %+v: %w", d, err)
		}
	}
	if _, err := tr.Hub.Consolidate.Run(ctx); err != nil {
		return err
	}
	if _, err := tr.Members[1].Member.Hub.File(ctx, request); err != nil {
		return err
	}
	if _, err := tr.Hub.Measure(ctx); err != nil {
		return err
	}
	return tr.Hub.Snapshot(ctx)
}

// request is what the police ask, with a title that could break a page.
const request = `name: follow-the-money
title: Follow <script>alert("title")</script> payments
asks: {stake: law-enforcement, kind: police}
purpose: investigate
sectors: [finance]
measure: reports
each: 1
fields:
  - {path: impact.ransom.paid, form: "generalised:decade"}
  - {path: attack.techniques, form: exact}
`

// report tells of the one event, with everything hostile in it.
func report(day int) map[string]any {
	return map[string]any{
		"native":   fmt.Sprint("case-", day),
		"victim":   map[string]any{"victim_id": "Northwind Savings Bank", "industry": "522110", "country": []string{"US"}},
		"timeline": map[string]any{"incident": fmt.Sprintf("2026-03-1%d", day)},
		"action":   map[string]any{"malware": map[string]any{"variety": []string{"Ransomware"}, "name": hostileName}},
		"observables": []map[string]any{
			{"type": "domain", "value": sharedDomain, "role": "phishing"},
			{"type": "user-agent", "value": hostileAgent},
			{"type": "file-name", "value": hostileFile},
		},
	}
}

// visitor is somebody with a browser that runs no script.
type visitor struct {
	t   *testing.T
	url string
	*http.Client
}

// stranger is not signed in.
func stranger(t *testing.T) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{t, trust(t).URL, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
}

// signInLink makes a link for a person of the nth member.
func signInLink(t *testing.T, n int, person string) string {
	t.Helper()
	link, err := trust(t).Members[n].Member.Hub.Login(t.Context(), wire.LoginRequest{Person: person})
	if err != nil {
		t.Fatal(err)
	}
	return link.URL
}

// signedIn is a person of the nth member.
func signedIn(t *testing.T, n int) visitor {
	t.Helper()
	v := stranger(t)
	link := signInLink(t, n, hostilePerson)
	if resp, body := v.post("/signin", url.Values{"code": {code(t, link)}}); resp.StatusCode != http.StatusOK {
		t.Fatalf("signing in: %s\n%s", resp.Status, body)
	}
	return v
}

func code(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("code")
}

func (v visitor) get(path string) (*http.Response, string) {
	v.t.Helper()
	resp, err := v.Get(v.url + path)
	return v.read(resp, err)
}

func (v visitor) post(path string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	resp, err := v.PostForm(v.url+path, form)
	return v.read(resp, err)
}

func (v visitor) read(resp *http.Response, err error) (*http.Response, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp, string(body)
}

// page is a GET that must answer with the status.
func (v visitor) page(status int, path string) string {
	v.t.Helper()
	resp, body := v.get(path)
	if resp.StatusCode != status {
		v.t.Fatalf("%s: %s, want %d\n%s", path, resp.Status, status, text(body))
	}
	return body
}

var (
	styles = regexp.MustCompile(`(?s)<style>.*?</style>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
	h1     = regexp.MustCompile(`(?s)<h1>(.*?)</h1>`)
)

// text is a page without its mark-up.
func text(page string) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(styles.ReplaceAllString(page, ""), " ")), " ")
}

// href finds the first link whose address begins with prefix.
func href(t *testing.T, page, prefix string) string {
	t.Helper()
	m := regexp.MustCompile(`href="(` + regexp.QuoteMeta(prefix) + `[^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no link to %s… in\n%s", prefix, page)
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

// everyPage is what a signed-in person of finance can open.
func everyPage(t *testing.T, v visitor) []string {
	t.Helper()
	const sector = "/sectors/finance"
	paths := []string{sector, sector + "/statistics", sector + "/incidents", sector + "/campaigns", sector + "/indicators", sector + "/releases", "/mine", "/terms", "/reconcile", "/words"}
	incident := href(t, v.page(http.StatusOK, sector+"/incidents"), "/incidents/")
	statistic := href(t, v.page(http.StatusOK, sector+"/statistics"), sector+"/statistics/")
	return append(paths, incident, statistic, "/incidents/i-aaaaaaaaaaaaaaaaaaaaaaaaaa", "/no/such/page", "/sectors/health", sector+"?for=publish")
}
