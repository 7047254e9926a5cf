package taxii_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/internal/taxiimemory"
	"github.com/concord-trust/concord/taxii"
)

const (
	list   = "10000000-0000-4000-8000-000000000001"
	closed = "10000000-0000-4000-8000-000000000002"
)

// small is a server with one list that anybody may change, and a closed one.
func small(now func() time.Time) *taxiimemory.Memory {
	m := taxiimemory.NewMemory(taxii.Discovery{Title: "Test", Roots: []string{"/taxii2/root/"}}, now)
	m.AddRoot("root", taxii.Root{Title: "Root", Versions: []string{taxii.MediaType}, MaxContentLength: 4096})
	m.AddCollection("root", taxii.Collection{ID: list, Title: "List", Alias: "list", CanRead: true, CanWrite: true}, nil)
	m.AddCollection("root", taxii.Collection{ID: closed, Title: "Closed", CanRead: true}, nil)
	return m
}

func object(n int, modified string) string {
	return fmt.Sprintf(`{"type":"indicator","spec_version":"2.1","id":"indicator--00000000-0000-4000-8000-%012d","created":"2026-01-01T00:00:00.000Z","modified":%q}`, n, modified)
}

func ask(t testing.TB, method, url string, header map[string]string, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Basic YWRtaW46UGFzc3dvcmQw")
	for k, v := range header {
		req.Header.Set(k, v)
		if v == "" {
			req.Header.Del(k)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestRequestsAreNegotiatedAndRefusedAsTheProtocolSays(t *testing.T) {
	at := serve(t, small(time.Now), "/taxii2/", 10).Base
	const objects = "/taxii2/root/collections/" + list + "/objects/"
	type h = map[string]string
	post := h{"Content-Type": "application/taxii+json;version=2.1"}
	for _, c := range []struct {
		name, method, path string
		header             h
		body               string
		status             int
	}{
		{"discovery", "GET", "/taxii2/", nil, "", 200},
		{"without the last slash", "GET", "/taxii2", nil, "", 200},
		{"by its alias", "GET", "/taxii2/root/collections/list/", nil, "", 200},
		{"HEAD", "HEAD", objects, nil, "", 200},
		{"any type", "GET", objects, h{"Accept": "*/*"}, "", 200},
		{"any application", "GET", objects, h{"Accept": "text/html, application/*;q=0.5"}, "", 200},
		{"any version", "GET", objects, h{"Accept": "application/taxii+json"}, "", 200},
		{"this version, written with a space", "GET", objects, h{"Accept": "application/taxii+json; version=2.1"}, "", 200},
		{"another version", "GET", objects, h{"Accept": "application/taxii+json;version=2.0"}, "", 406},
		{"the protocol's older type", "GET", objects, h{"Accept": "application/vnd.oasis.taxii+json;version=2.0"}, "", 406},
		{"another type", "GET", objects, h{"Accept": "application/json"}, "", 406},
		{"a type refused", "GET", objects, h{"Accept": "application/taxii+json;version=2.1;q=0"}, "", 406},
		{"no login", "GET", objects, h{"Authorization": ""}, "", 401},
		{"no login, for what is not there", "GET", "/taxii2/none/", h{"Authorization": ""}, "", 401},
		{"a wrong password", "GET", objects, h{"Authorization": "Basic YWRtaW46d3Jvbmc="}, "", 401},
		{"a token alone", "GET", objects, h{"Authorization": "bearer Password0"}, "", 200},
		{"a token as taxii2-client sends it", "GET", objects, h{"Authorization": "Token Password0"}, "", 200},
		{"a wrong token", "GET", objects, h{"Authorization": "Bearer wrong"}, "", 401},
		{"no token", "GET", objects, h{"Authorization": "Bearer "}, "", 401},
		{"no base64", "GET", objects, h{"Authorization": "Basic !!!"}, "", 401},
		{"another scheme", "GET", objects, h{"Authorization": "Digest x"}, "", 401},
		{"no such root", "GET", "/taxii2/none/", nil, "", 404},
		{"no such status", "GET", "/taxii2/root/status/x/", nil, "", 404},
		{"no such resource", "GET", "/taxii2/root/collections/" + list + "/objects/a/b/", nil, "", 404},
		{"an empty name", "GET", "/taxii2/root//", nil, "", 404},
		{"a method of no resource", "PUT", objects, nil, "", 405},
		{"a method of another resource", "DELETE", objects, nil, "", 405},
		{"limit 0", "GET", objects + "?limit=0", nil, "", 400},
		{"limit that is none", "GET", objects + "?limit=x", nil, "", 400},
		{"limit above the page size", "GET", objects + "?limit=99999999999", nil, "", 200},
		{"added_after that is none", "GET", objects + "?added_after=yesterday", nil, "", 400},
		{"next that is none", "GET", objects + "?next=AAAA", nil, "", 400},
		{"a filter of nobody", "GET", objects + "?match%5Bname%5D=x", nil, "", 400},
		{"a version that is none", "GET", objects + "?match%5Bversion%5D=newest", nil, "", 400},
		{"a specification that is none", "GET", objects + "?match%5Bspec_version%5D=new", nil, "", 400},
		{"broken encoding", "GET", objects + "?match%5Bid%5D=%zz", nil, "", 400},
		{"an endless filter", "GET", objects + "?match%5Bid%5D=" + strings.Repeat("a,", 1001), nil, "", 400},
		{"adding without a type", "POST", objects, h{"Content-Type": ""}, "{}", 415},
		{"adding another type", "POST", objects, h{"Content-Type": "application/json"}, "{}", 415},
		{"adding another version", "POST", objects, h{"Content-Type": "application/taxii+json;version=2.0"}, "{}", 415},
		{"adding compressed", "POST", objects, h{"Content-Type": post["Content-Type"], "Content-Encoding": "gzip"}, "{}", 415},
		{"adding no JSON", "POST", objects, post, "{", 400},
		{"adding no envelope", "POST", objects, post, `[]`, 422},
		{"adding nothing", "POST", objects, post, `{"objects":[]}`, 422},
		{"adding what is no object", "POST", objects, post, `{"objects":[1]}`, 422},
		{"adding an object without an id", "POST", objects, post, `{"objects":[{"type":"malware"}]}`, 422},
		{"adding an object whose id is of another type", "POST", objects, post, `{"objects":[{"type":"malware","id":"indicator--1"}]}`, 422},
		{"adding too much", "POST", objects, post, `{"objects":[` + strings.Repeat(" ", 4097) + `]}`, 413},
		{"adding where only reading is allowed", "POST", "/taxii2/root/collections/" + closed + "/objects/", post, `{"objects":[` + object(1, "2026-01-01T00:00:00.000Z") + `]}`, 403},
		{"deleting where only reading is allowed", "DELETE", "/taxii2/root/collections/" + closed + "/objects/indicator--1/", nil, "", 403},
		{"deleting what is not there", "DELETE", objects + "indicator--1/", nil, "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, text := ask(t, c.method, at+c.path, c.header, c.body)
			if res.StatusCode != c.status {
				t.Fatalf("status %d, expected %d: %s", res.StatusCode, c.status, text)
			}
			if got := res.Header.Get("Content-Type"); got != taxii.MediaType {
				t.Errorf("content type %q", got)
			}
			if c.status == 401 && len(res.Header.Values("WWW-Authenticate")) != 2 {
				t.Errorf("ways to sign in: %v", res.Header.Values("WWW-Authenticate"))
			}
			if c.status < 400 {
				return
			}
			var problem struct {
				Title  string `json:"title"`
				Status string `json:"http_status"`
			}
			if err := json.Unmarshal([]byte(text), &problem); err != nil || problem.Title == "" || problem.Status != fmt.Sprint(c.status) {
				t.Errorf("no error resource: %s", text)
			}
		})
	}
}

type envelope struct {
	More    bool   `json:"more"`
	Next    string `json:"next"`
	Objects []struct {
		ID       string `json:"id"`
		Modified string `json:"modified"`
	} `json:"objects"`
	ID       string `json:"id"`
	Failures []any  `json:"failures"`
}

func decode(t testing.TB, text string) (e envelope) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return e
}

// What is broken costs itself alone.
func TestABrokenObjectTakesNoOtherWithIt(t *testing.T) {
	at := serve(t, small(time.Now), "/taxii2/", 10).Base + "/taxii2/root/collections/" + list + "/objects/"
	_, text := ask(t, "POST", at, map[string]string{"Content-Type": taxii.MediaType},
		`{"objects":[`+object(1, "2026-01-01T00:00:00.000Z")+`,{"type":"malware"},`+object(2, "then")+`]}`)
	if s := decode(t, text); len(s.Failures) != 2 || s.ID == "" {
		t.Errorf("status %s", text)
	}
	_, text = ask(t, "GET", at, nil, "")
	if e := decode(t, text); len(e.Objects) != 1 {
		t.Errorf("objects %s", text)
	}
}

// Clients send next with the added_after of the first page, or with the last
// date of the page before: both go on where the page ended.
func TestNextGoesOnWhateverAddedAfterSaysWithIt(t *testing.T) {
	moment := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var records []taxii.Record
	for i := range 10 {
		added := moment.Add(time.Duration(i/5) * time.Second) // five of equal time, twice
		records = append(records, taxii.Record{Place: taxii.Place{Added: added, N: int64(i)}, ID: fmt.Sprintf("indicator--%d", i), Type: "indicator", Version: "2026-01-01T00:00:00.000Z", Spec: "2.1",
			Object: json.RawMessage(fmt.Sprintf(`{"id":"indicator--%d"}`, i))})
	}
	m := taxiimemory.NewMemory(taxii.Discovery{}, time.Now)
	m.AddRoot("root", taxii.Root{})
	m.AddCollection("root", taxii.Collection{ID: list, CanRead: true}, records)
	at := serve(t, m, "/taxii2/", 100).Base + "/taxii2/root/collections/" + list + "/objects/?limit=3"
	for name, changed := range map[string]func(first, last string) string{
		"the same":    func(first, _ string) string { return first },
		"none":        func(_, _ string) string { return "" },
		"first given": func(_, _ string) string { return "2025-12-31T00:00:00Z" },
	} {
		var ids []string
		after, next := "2025-12-31T23:59:59Z", ""
		for {
			query := at
			if next != "" {
				query += "&next=" + next
			}
			if after != "" {
				query += "&added_after=" + after
			}
			res, text := ask(t, "GET", query, nil, "")
			e := decode(t, text)
			for _, o := range e.Objects {
				ids = append(ids, o.ID)
			}
			if !e.More {
				break
			}
			next, after = e.Next, changed(after, res.Header.Get("X-TAXII-Date-Added-Last"))
		}
		if len(ids) != 10 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 10 {
			t.Errorf("%s: %v", name, ids)
		}
	}
}

// A law: pages of any size, under any filters, give together what one page
// gives, in strictly growing order; and every filter gives what a plain reading
// of the standard gives.
func TestPagesGiveTogetherWhatOnePageGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var records []taxii.Record
		n := rapid.IntRange(0, 40).Draw(t, "records")
		for i := range n {
			id := rapid.IntRange(0, 6).Draw(t, "id")
			typ := []string{"indicator", "malware"}[id%2]
			records = append(records, taxii.Record{Place: taxii.Place{Added: now.Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "added")) * time.Microsecond), N: int64(i)},
				ID: fmt.Sprintf("%s--%d", typ, id), Type: typ, Spec: rapid.SampledFrom([]string{"2.0", "2.1"}).Draw(t, "spec"),
				Version: now.Add(time.Duration(i) * time.Hour).Format(time.RFC3339), Object: json.RawMessage("{}")})
		}
		x := taxiimemory.NewIndex(records)
		q := taxii.Query{
			IDs:      rapid.SliceOfN(rapid.SampledFrom([]string{"indicator--0", "malware--1", "indicator--2"}), 0, 2).Draw(t, "ids"),
			Types:    rapid.SliceOfN(rapid.SampledFrom([]string{"indicator", "malware"}), 0, 2).Draw(t, "types"),
			Specs:    rapid.SliceOfN(rapid.SampledFrom([]string{"2.0", "2.1"}), 0, 2).Draw(t, "specs"),
			Versions: rapid.SliceOfN(rapid.SampledFrom([]taxii.Version{{Which: taxii.VersionAll}, {Which: taxii.VersionFirst}, {Which: taxii.VersionLast}}), 0, 2).Draw(t, "versions"),
			Limit:    1000,
		}
		if rapid.Bool().Draw(t, "after") {
			q.AddedAfter = now.Add(4 * time.Microsecond)
		}
		whole := x.Read(q)
		if whole.More {
			t.Fatal("one page of all says more")
		}
		if want := plainly(records, q); fmt.Sprint(places(whole.Records)) != fmt.Sprint(want) {
			t.Fatalf("%v, expected %v", places(whole.Records), want)
		}
		q.Limit = rapid.IntRange(1, 5).Draw(t, "limit")
		var paged []taxii.Record
		for {
			page := x.Read(q)
			paged = append(paged, page.Records...)
			if !page.More {
				break
			}
			q.After = page.Records[len(page.Records)-1].Place
		}
		if fmt.Sprint(places(paged)) != fmt.Sprint(places(whole.Records)) {
			t.Fatalf("pages %v, whole %v", places(paged), places(whole.Records))
		}
	})
}

func places(records []taxii.Record) (all []int64) {
	for _, r := range records {
		all = append(all, r.N)
	}
	return all
}

// plainly selects as the standard says, by going over everything.
func plainly(records []taxii.Record, q taxii.Query) (numbers []int64) {
	var left []taxii.Record
	for _, r := range records {
		newest := ""
		for _, other := range records {
			if other.ID == r.ID {
				newest = max(newest, other.Spec)
			}
		}
		if len(q.Specs) == 0 && r.Spec == newest || slices.Contains(q.Specs, r.Spec) {
			left = append(left, r)
		}
	}
	var chosen []taxii.Record
	for _, r := range left {
		first, last := true, true
		for _, other := range left {
			if other.ID == r.ID {
				first = first && r.Version <= other.Version
				last = last && r.Version >= other.Version
			}
		}
		take := len(q.Versions) == 0 && last
		for _, v := range q.Versions {
			take = take || v.Which == taxii.VersionAll || v.Which == taxii.VersionFirst && first || v.Which == taxii.VersionLast && last
		}
		if take && (len(q.IDs) == 0 || slices.Contains(q.IDs, r.ID)) && (len(q.Types) == 0 || slices.Contains(q.Types, r.Type)) && r.Added.After(q.AddedAfter) {
			chosen = append(chosen, r)
		}
	}
	slices.SortStableFunc(chosen, func(a, b taxii.Record) int { return a.Place.Compare(b.Place) })
	return places(chosen)
}

// What is deleted while somebody reads shifts nothing, and date_added is never
// given twice, even by a clock that stands still.
func TestDateAddedIsUniqueAndGrowsWhateverIsDeletedMeanwhile(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := small(func() time.Time { return now })
	c := serve(t, m, "/taxii2/", 2000)
	at := c.Base + "/taxii2/root/collections/" + list + "/objects/"
	seen := map[string]bool{}
	last := ""
	for i := range 3000 {
		if _, err := m.Add(t.Context(), "root", list, []json.RawMessage{json.RawMessage(object(i, "2026-01-01T00:00:00.000Z"))}); err != nil {
			t.Fatal(err)
		}
		if i%3 != 0 {
			if err := m.Delete(t.Context(), "root", list, taxii.Query{Object: fmt.Sprintf("indicator--00000000-0000-4000-8000-%012d", i)}); err != nil {
				t.Fatal(err)
			}
		}
		if i%500 != 0 {
			continue
		}
		res, _ := ask(t, "GET", at+"?added_after="+url.QueryEscape(last), map[string]string{}, "")
		if last == "" {
			res, _ = ask(t, "GET", at, nil, "")
		}
		newest := res.Header.Get("X-TAXII-Date-Added-Last")
		if newest <= last || seen[newest] {
			t.Fatalf("date_added %s after %s", newest, last)
		}
		last, seen[newest] = newest, true
	}
	found, failed := c.Walk(100)
	for _, f := range failed {
		t.Error(f)
	}
	if len(found) != 2 || len(found[0].Objects) != 1000 {
		t.Errorf("the walk met %d collections", len(found))
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "limit=1", "next=AAAA", "match%5Bid%5D=a,b&match%5Bversion%5D=all,2026-01-01T00:00:00Z", "added_after=2026-01-01T00:00:00Z&match%5Bspec_version%5D=2.0,2.1", "%zz"} {
		f.Add(s)
	}
	at := serve(f, small(time.Now), "/taxii2/", 10).Base + "/taxii2/root/collections/" + list + "/objects/"
	f.Fuzz(func(t *testing.T, query string) {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		u.RawQuery = strings.Map(func(r rune) rune {
			if r <= ' ' || r == '#' || r > '~' {
				return '+'
			}
			return r
		}, query)
		if res, text := ask(t, "GET", u.String(), nil, ""); res.StatusCode != 200 && res.StatusCode != 400 && res.StatusCode != 413 {
			t.Errorf("%d %s", res.StatusCode, text)
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"objects":[` + object(1, "2026-01-01T00:00:00.000Z") + `]}`))
	f.Add([]byte(`{"objects":[{"type":"file","id":"file--1"},null,[],"x"]}`))
	f.Add([]byte(`{"Objects":[]}`))
	m := small(time.Now)
	at := serve(f, m, "/taxii2/", 10).Base + "/taxii2/root/collections/" + list + "/objects/"
	f.Fuzz(func(t *testing.T, body []byte) {
		res, text := ask(t, "POST", at, map[string]string{"Content-Type": taxii.MediaType}, string(body))
		if !slices.Contains([]int{202, 400, 413, 422}, res.StatusCode) || !json.Valid([]byte(text)) {
			t.Errorf("%d %s", res.StatusCode, text)
		}
		if res, text := ask(t, "GET", at, nil, ""); res.StatusCode != 200 || !json.Valid([]byte(text)) {
			t.Errorf("after that: %d %s", res.StatusCode, text)
		}
	})
}

// filled is an index of objects in the order in which they came.
func filled(size int) *taxiimemory.Index {
	x := taxiimemory.NewIndex(nil)
	for i := range size {
		o := object(i, "2026-01-01T00:00:00.000Z")
		x.Append(taxii.Record{Place: middle(i), ID: fmt.Sprintf("indicator--00000000-0000-4000-8000-%012d", i),
			Type: "indicator", Version: "2026-01-01T00:00:00.000Z", Spec: "2.1", Object: json.RawMessage(o)})
	}
	return x
}

func middle(i int) taxii.Place {
	return taxii.Place{Added: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Microsecond), N: int64(i)}
}

// BenchmarkPage reads a page of 1,000 from the middle of a list, to be compared
// between sizes in one run.
func BenchmarkPage(b *testing.B) {
	for _, size := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			x := filled(size)
			q := taxii.Query{After: middle(size / 2), Limit: 1000}
			b.ResetTimer()
			for b.Loop() {
				if page := x.Read(q); len(page.Records) != 1000 {
					b.Fatal("no full page")
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

// BenchmarkHTTP serves the same over HTTP: a page of 1,000 from the middle, and
// adding 500 at a time.
func BenchmarkHTTP(b *testing.B) {
	for _, size := range []int{100_000, 1_000_000} {
		m := taxiimemory.NewMemory(taxii.Discovery{}, time.Now)
		m.AddRoot("root", taxii.Root{MaxContentLength: 10 << 20})
		m.AddCollection("root", taxii.Collection{ID: list, CanRead: true, CanWrite: true}, filled(size).Read(taxii.Query{Limit: size}).Records)
		at := serve(b, m, "/taxii2/", 1000).Base + "/taxii2/root/collections/" + list + "/objects/"
		b.Run(fmt.Sprint("page of ", size), func(b *testing.B) {
			after := "?added_after=" + taxii.Moment{Time: middle(size / 2).Added}.String()
			for b.Loop() {
				if res, _ := ask(b, "GET", at+after, nil, ""); res.StatusCode != 200 {
					b.Fatal(res.Status)
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
		b.Run(fmt.Sprint("adding to ", size), func(b *testing.B) {
			n := 10 * size
			for b.Loop() {
				b.StopTimer()
				var objects []string
				for range 500 {
					n++
					objects = append(objects, object(n, "2026-01-01T00:00:00.000Z"))
				}
				body := `{"objects":[` + strings.Join(objects, ",") + `]}`
				b.StartTimer()
				if res, text := ask(b, "POST", at, map[string]string{"Content-Type": taxii.MediaType}, body); res.StatusCode != 202 {
					b.Fatal(res.Status, text)
				}
			}
			b.ReportMetric(500*float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}
