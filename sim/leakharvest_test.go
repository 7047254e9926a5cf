package sim

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// recorder searches requests and answers of somebody of a stake.
type recorder struct {
	l     *leakage
	stake member.Stake
	inner http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		sent, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		r.l.scan("request of "+req.Method+" "+req.URL.Path, sent)
	}
	resp, err := r.inner.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	if r.l.plant != nil {
		body = append(body, r.l.plant(req.URL.Path)...)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	head, err := httputil.DumpResponse(resp, false)
	place := placeOf(req.URL.Path) + " " + string(r.stake) + " " + req.URL.RequestURI()
	r.l.scan(place+" (head)", head)
	r.l.scan(place, body)
	return resp, err
}

func placeOf(path string) string {
	switch {
	case strings.HasSuffix(path, ".csv") && strings.Contains(path, "indicators"), strings.HasPrefix(path, "/taxii2/"), strings.HasPrefix(path, "/feeds/"):
		return "feed"
	case strings.Contains(path, "/files/"), strings.HasPrefix(path, "/releases/") && strings.Count(path, "/") > 2:
		return "release"
	case strings.HasPrefix(path, "/v1/"), path == "/openapi.json", path == "/metrics":
		return "api"
	}
	return "page"
}

func (l *leakage) scan(place string, data []byte) { l.scanner.scan(l.secrets, place, data) }

// harvest looks everywhere.
func (l *leakage) harvest(t *testing.T) {
	t.Helper()
	values := 0
	for _, s := range l.visitors(t) {
		for _, purpose := range member.Purposes() {
			l.callAPI(t, s, purpose)
		}
		l.walkPages(t, s, 1<<20)
		l.walkCollections(t, s)
		values += l.pull(t, s)
	}
	if values == 0 {
		t.Error("nobody pulls a value from the MISP feed")
	}
	l.told(t)
	l.scrape(t)
	l.noMemberIsCounted(t)
	l.disk(t)
	l.checkpointed(t)
	l.opened(t)
	l.scan("log of hub and steward", l.logged.Bytes())
}

// visitors is one member of each stake.
func (l *leakage) visitors(t *testing.T) (out []*Seat) {
	t.Helper()
	for _, stake := range member.Stakes() {
		i := slices.IndexFunc(l.trust.Members, func(s *Seat) bool { return s.Party.Stake == stake })
		if i < 0 {
			t.Fatalf("nobody is of the stake %s", stake)
		}
		out = append(out, l.trust.Members[i])
	}
	return out
}

var idIn = regexp.MustCompile(`"id":"([^"]+)"`)

// callAPI asks for every list and every detail; refusals are searched as well.
func (l *leakage) callAPI(t *testing.T, s *Seat, purpose member.Purpose) {
	t.Helper()
	ask := func(path string) []byte {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		body, _ := s.Member.Hub.Get(t.Context(), path+sign+"for="+string(purpose)) // the recorder has seen it
		return body
	}
	list := func(path string) (ids []string) {
		for next := ""; ; {
			body := ask(path + "?limit=50&before=" + url.QueryEscape(next))
			for _, m := range idIn.FindAllSubmatch(body, -1) {
				ids = append(ids, string(m[1]))
			}
			var page struct{ Next string }
			if json.Unmarshal(body, &page) != nil || page.Next == "" { // releases are a plain array
				return ids
			}
			next = page.Next
		}
	}
	for _, path := range []string{"/v1/hub", "/openapi.json", "/metrics", "/healthz", "/readyz", "/v1/standards/finance/1.0"} {
		ask(path)
	}
	list("/v1/me/reports")
	for _, sector := range []string{"finance", "health", "general"} {
		var picture struct {
			Tables []struct {
				Name string `json:"name"`
			} `json:"tables"`
		}
		json.Unmarshal(ask("/v1/sectors/"+sector+"/picture"), &picture) //nolint:errcheck // a refusal names no tables
		for _, table := range picture.Tables {
			ask("/v1/sectors/" + sector + "/statistics/" + table.Name)
		}
		for _, what := range []string{"incidents", "campaigns"} {
			for _, id := range list("/v1/sectors/" + sector + "/" + what) {
				ask("/v1/" + what + "/" + id)
			}
		}
		ask("/feeds/indicators.csv?sector=" + sector)
		for _, id := range list("/v1/sectors/" + sector + "/releases") {
			var about struct {
				Files []struct {
					Name string `json:"name"`
				} `json:"files"`
			}
			json.Unmarshal(ask("/v1/releases/"+id), &about) //nolint:errcheck // a refusal names no files
			for _, f := range about.Files {
				ask("/v1/releases/" + id + "/files/" + f.Name)
			}
		}
	}
}

// walkCollections reads every collection as a tool does.
func (l *leakage) walkCollections(t *testing.T, s *Seat) {
	t.Helper()
	given, err := s.Member.Hub.Token(t.Context(), wire.TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	tool := taxiicheck.Client{Base: l.trust.URL, Authorization: "Bearer " + given.Token, HTTP: &http.Client{Transport: recorder{l, s.Party.Stake, http.DefaultTransport}}}
	seen, failed := tool.Walk(500)
	for _, f := range failed {
		t.Error(f)
	}
	objects := 0
	for _, c := range seen {
		objects += len(c.Objects)
	}
	if objects == 0 {
		t.Errorf("a tool of the stake %s meets no object", s.Party.Stake)
	}
}

// pull fetches the MISP feed as an instance does, and tells how many values
// are in it.
func (l *leakage) pull(t *testing.T, s *Seat) int {
	t.Helper()
	given, err := s.Member.Hub.Token(t.Context(), wire.TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	feed := pullFeed(t, &http.Client{Transport: recorder{l, s.Party.Stake, http.DefaultTransport}}, given)
	return strings.Count(feed.hashes, "\n")
}

var hrefIn = regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`)

// walkPages signs a person in and follows every link, up to a number.
func (l *leakage) walkPages(t *testing.T, s *Seat, most int) {
	t.Helper()
	link, err := s.Member.Hub.Login(t.Context(), wire.LoginRequest{Person: "W. Alker"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Transport: recorder{l, s.Party.Stake, http.DefaultTransport}}
	get := func(path string) []byte {
		resp, err := browser.Get(l.trust.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	get(u.RequestURI())
	resp, err := browser.PostForm(l.trust.URL+"/signin", url.Values{"code": {u.Query().Get("code")}})
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("signing in: %v %v", resp, err)
	}
	resp.Body.Close()
	seen, todo := map[string]bool{"/": true}, []string{"/"}
	for len(todo) > 0 && len(seen) < most {
		path := todo[0]
		todo = todo[1:]
		for _, m := range hrefIn.FindAllSubmatch(get(path), -1) {
			if next := html.UnescapeString(string(m[1])); !seen[next] && !strings.HasPrefix(next, "/logout") {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	t.Logf("%s (%s): %d pages", s.Party.Name, s.Party.Stake, len(seen))
	if len(seen) < 20 {
		t.Errorf("only %d pages were found", len(seen))
	}
}

// disk searches the folders of hub and steward: files as they are, with the
// log of what is not yet in the database, and every cell of every table.
func (l *leakage) disk(t *testing.T) {
	t.Helper()
	for _, of := range []string{"hub", "steward"} {
		wal := false
		err := filepath.WalkDir(filepath.Join(l.trust.Dir, of), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			wal = wal || strings.HasSuffix(path, "-wal") && len(data) > 0
			l.scan("file "+path, data)
			if strings.HasSuffix(path, ".db") {
				l.cells(t, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !wal {
			t.Errorf("the %s's database has no write-ahead log to search", of)
		}
	}
}

// checkpointed searches the hub's database once all is in it.
func (l *leakage) checkpointed(t *testing.T) {
	t.Helper()
	path := l.trust.Hub.Store.Path()
	db := database(t, path)
	defer db.Close()
	if _, err := db.Exec("PRAGMA wal_checkpoint(FULL)"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l.scan("file "+path+" (checkpointed)", data)
}

func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(15000)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func (l *leakage) cells(t *testing.T, path string) {
	t.Helper()
	db := database(t, path)
	defer db.Close()
	var tables []string
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		l.table(t, db, filepath.Base(path), table)
	}
}

func (l *leakage) table(t *testing.T, db *sql.DB, file, table string) {
	t.Helper()
	rows, err := db.Query(`SELECT * FROM "` + table + `"`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]sql.RawBytes, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, c := range cells {
			l.scan("cell "+file+" "+table+"."+columns[i], c)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// opened searches the reports as the hub, and whoever takes it over, can open
// them.
func (l *leakage) opened(t *testing.T) {
	t.Helper()
	hub := l.trust.Hub
	for after := int64(0); ; {
		rows, err := hub.Store.After(t.Context(), after, 200)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return
		}
		for _, row := range rows {
			after = row.Seq
			r, err := hub.Consolidate.Open(row)
			if err != nil {
				t.Fatal(err)
			}
			text, err := wire.Canonical(r.Report())
			if err != nil {
				t.Fatal(err)
			}
			l.scan("opened "+string(row.Report), text)
		}
	}
}
