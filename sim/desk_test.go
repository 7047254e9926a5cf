package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func TestAReportIsWrittenPreviewedSentAndReceipted(t *testing.T) {
	tr, seat := deskTrust(t, "finance", "health")
	b := atDesk(t, seat)
	_, page := b.get("/")
	b.shows(page, "Nothing has left this desk yet", "Agreement until", "Write a report", "single custody")
	_, page = b.get("/write?sector=health")
	if len(page) > 100_000 {
		t.Errorf("the form has %d bytes; 100 kB is the limit", len(page))
	}
	b.shows(page, "Who was hit", "Particular to health", "Records in all", "leaves as a token", "stays here")

	status, page := b.post("/write", theCase())
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, words(page))
	}
	b.shows(page, "1 of 15 values stays here", "30\u202f000 to 100\u202f000 band", "NW-2026-0117", "Zqmarlow from treasury", "stays here", "United States",
		"industry, to defend", "law enforcement, to investigate", "research, to study", "522 subsector", "token", "withheld", "login.northw1nd-bank.net",
		"Law-enforcement members may, to investigate, receive", "identity-token")
	draft := draftOf(page)
	if draft == "" {
		t.Fatal("the preview has no button to send")
	}
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Waiting+n.Receipted != 0 {
		t.Fatalf("the preview queued something: %+v, %v", n, err)
	}
	_, page = b.get("/drafts/" + draft + "?report=1&audience=4")
	b.shows(page, "As seen by law enforcement, to investigate", "token", "TLP:AMBER", "withheld: it does not leave")
	_, page = b.get("/drafts/" + draft + "?audience=3")
	b.shows(page, "withheld: no clause grants it to them for this purpose", "it is for members of the report's own sector")
	_, page = b.get("/drafts/" + draft + "/change")
	b.shows(page, "Zqmarlow from treasury")

	_, page = b.post("/drafts/"+draft+"/send", url.Values{})
	b.shows(page, "Sent: 1 report accepted", "signed receipt")
	if _, err := tr.Hub.Consolidate.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, page = b.get("/drafts/" + draft)
	b.shows(page, "Nothing can be told yet of what your 1 report may match")
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Accepted != 1 || n.Receipted != 1 || n.Waiting != 0 {
		t.Fatalf("the outbox counts %+v, %v", n, err)
	}
	if n, err := tr.Hub.Consolidate.Counts(t.Context()); err != nil || n.Incidents != 1 {
		t.Fatalf("the hub counts %+v, %v", n, err)
	}
	_, page = b.get("/outbox")
	b.shows(page, "Nothing waits; 1 report at the hub", "1 accepted")
	_, page = b.get("/outbox/1")
	b.shows(page, "Of 1 report: 1 accepted")
	_, receipt := b.get("/outbox/1/receipt.json")
	if !strings.Contains(receipt, wire.PayloadReceipt) {
		t.Errorf("the receipt is %.200s", receipt)
	}
	// The same case again, with more known: a new revision, nothing twice.
	more := theCase()
	more.Set("impact.downtime", "6")
	_, page = b.post("/write", more)
	_, page = b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
	b.shows(page, "Sent: 1 report accepted")
	if entries, err := seat.Member.Store.Entries(t.Context(), 0, 1); err != nil || entries[0].Items[0].Revision != 1 {
		t.Errorf("the changed case is %+v, %v", entries, err)
	}
	for _, secret := range []string{"Zqmarlow", "zqbilling", "NW-2026", "41250", "northw1nd", draft, b.token, strings.TrimPrefix(b.base, "http://"+b.host)} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, b.log)
		}
	}
	if !strings.Contains(b.log.String(), "POST /write") {
		t.Errorf("the log has no requests, so the check above proves nothing:\n%s", b.log)
	}
}

func TestBadInputNamesTheFieldAndKeepsWhatWasTyped(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	for _, c := range []struct{ name, field, value, says string }{
		{"date", "timeline.incident", "12.03.2026", "Date of the incident : this is no date of the calendar"},
		{"no date at all", "timeline.incident", "last spring", "Date of the incident : a date is expected"},
		{"number", "impact.downtime", "six", "Downtime : a number is expected"},
		{"negative number", "impact.downtime", "-6", "Downtime : the number is outside the range of the field"},
		{"code", "victim.country", "Atlantis", "Country : this is none of the codes"},
		{"pattern", "attack.techniques", "phishing", "ATT&CK techniques : this is none of the codes"},
		{"row of a group", "impact.loss[1].amount", "a lot", "Loss of the kind (row 2) : a number is expected"},
		{"observable", "observables[0].value", "just words", "Observable 1 : choose the type"},
		{"observable line", "observables.lines", "203.0.113.77\njust words", "line 2: the type cannot be told"},
		{"long case number", "desk.native", strings.Repeat("x", 1100), "Case number : a case number has at most 1024 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.t = t
			form := theCase()
			form.Set(c.field, c.value)
			status, page := b.post("/write", form)
			if status != http.StatusUnprocessableEntity {
				t.Errorf("status %d", status)
			}
			b.shows(page, "1 thing to mend", c.says, "Zqmarlow from treasury")
			for _, typed := range []string{`value="NW-2026-0117"`, `value="Phishing" checked`, `value="S - Mail"`, `value="41250"`} {
				if c.field != "desk.native" && c.field != "impact.loss[1].amount" && !strings.Contains(page, typed) {
					t.Errorf("%s was typed and is gone", typed)
				}
			}
			if !strings.Contains(page, html.EscapeString(strings.Split(c.value, "\n")[0])) {
				t.Error("the wrong value is not shown to be mended")
			}
		})
	}
	b.t = t
	status, page := b.post("/write", url.Values{"desk.sector": {"finance"}, "desk.native": {"x"}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("an empty form gives %d", status)
	}
	b.shows(page, "Nothing was typed yet")
	_, page = b.post("/write", url.Values{"desk.sector": {"finance"}, "desk.do": {"more:asset.assets"}, "asset.assets[1].variety": {"S - Mail"}})
	if !strings.Contains(page, `name="asset.assets[3].variety"`) || !strings.Contains(page, `name="asset.assets[1].variety" value="S - Mail"`) {
		t.Error("asking for more rows adds none, or loses one")
	}
}

func TestAFileIsImportedWithItsAccount(t *testing.T) {
	_, seat := deskTrust(t, "finance", "health")
	b := atDesk(t, seat)
	const good = `{"native":"a-1","victim":{"industry":"522110"},"timeline":{"incident":"2026-03"},"summary":"Zqfirst"}`
	const bad = `{"native":"a-2","victim":{"industry":"522110","colour":"red"}}`
	const health = `{"native":"a-3","victim":{"industry":"622110"},"timeline":{"incident":"2026-04"},"summary":"Zqsecond"}`
	status, page := b.upload(map[string]string{"format": "report"}, map[string][2]string{"file": {"cases.json", good + "\n" + bad + "\n" + health}})
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, words(page))
	}
	b.shows(page, "Report 1 of 2", "What could be read of cases.json", "1 place could not be read", "victim.colour", "Send all 2 reports", "Zqfirst")
	draft := draftOf(page)
	_, page = b.get("/drafts/" + draft + "?report=2")
	b.shows(page, "Zqsecond", "health/1.0")
	_, page = b.post("/drafts/"+draft+"/send", url.Values{})
	b.shows(page, "Sent: 2 reports accepted")

	status, page = b.upload(nil, map[string][2]string{"file": {"report.json", bad}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("a file without a good record gives %d", status)
	}
	b.shows(page, "No report could be read from it", "victim.colour")
	status, page = b.upload(nil, nil)
	if status != http.StatusUnprocessableEntity {
		t.Errorf("no file gives %d", status)
	}
	b.shows(page, "Choose a file first")
	status, page = b.upload(nil, map[string][2]string{"file": {"rows.csv", "a,b\n1,2\n"}, "map": {"map.yaml", "columns: ["}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("a broken map gives %d", status)
	}
	b.shows(page, "map.yaml")
	many := strings.Repeat(good+"\n", 2001)
	status, page = b.upload(map[string]string{"format": "report"}, map[string][2]string{"file": {"cases.json", many}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("too many reports give %d", status)
	}
	b.shows(page, "concord member submit FILE")
}

func TestTheExamplesAreImportedAsTheyAre(t *testing.T) {
	_, seat := deskTrust(t, "finance", "health")
	b := atDesk(t, seat)
	read := func(name string) [2]string {
		data, err := os.ReadFile(filepath.Join("..", "examples", "first", name))
		if err != nil {
			t.Fatal(err)
		}
		return [2]string{name, string(data)}
	}
	for _, files := range []map[string][2]string{
		{"file": read("case.json")},
		{"file": read("cases.csv"), "map": read("map.yaml")},
	} {
		status, page := b.upload(nil, files)
		if status != http.StatusOK {
			t.Fatalf("%s: status %d: %s", files["file"][0], status, words(page))
		}
		b.shows(page, "What could be read of "+files["file"][0], "As each audience would see it")
		_, page = b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
		b.shows(page, "accepted")
	}
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Accepted != 6 || n.Refused != 0 {
		t.Errorf("of one case and five rows the outbox counts %+v, %v", n, err)
	}
}

func TestAReportUnderAStandardThatIsNotAgreedIsListedAndTheOthersGoOn(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	const other = `{"standard":"health/1.0","native":"h-1","victim":{"industry":"622110"},"timeline":{"incident":"2026-04"}}`
	const ours = `{"standard":"finance/1.0","native":"f-1","victim":{"industry":"522110"},"timeline":{"incident":"2026-04"}}`
	status, page := b.upload(map[string]string{"format": "report"}, map[string][2]string{"file": {"cases.json", other + "\n" + ours}})
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, words(page))
	}
	b.shows(page, "1 report of 2 records", "your agreement does not cover the standard health/1.0", "line 1")
	_, page = b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
	b.shows(page, "Sent: 1 report accepted")
}

func TestTheDeskIsClosedToOthers(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	_, page := b.post("/write", theCase())
	draft := draftOf(page)
	stranger := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	cookies := b.http.Jar.Cookies(mustURL(t, b.base+"/"))
	ask := func(client *http.Client, method, path, body string, change func(*http.Request)) (int, string) {
		t.Helper()
		req := b.request(method, path, strings.NewReader(body))
		if body != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		change(req)
		if client == b.http { // whatever name is asked for, the cookie comes along
			for _, c := range cookies {
				req.AddCookie(c)
			}
			client = stranger
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(got)
	}
	asIs := func(*http.Request) {}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	form := url.Values{"token": {b.token}, "desk.sector": {"finance"}, "summary": {"Zqplanted"}}.Encode()
	large := url.Values{"token": {b.token}, "summary": {strings.Repeat("Zq", 1<<20)}}.Encode()
	for _, c := range []struct {
		rule         string
		client       *http.Client
		method, path string
		body         string
		change       func(*http.Request)
		status       int
	}{
		{"no cookie, first page", stranger, "GET", "/", "", asIs, 403},
		{"no cookie, draft", stranger, "GET", "/drafts/" + draft, "", asIs, 403},
		{"no cookie, form", stranger, "POST", "/write", form, asIs, 403},
		{"a guessed cookie", stranger, "GET", "/", "", header("Cookie", "concord_desk=guess"), 403},
		{"a foreign name that points here", b.http, "GET", "/", "", func(r *http.Request) { r.Host = "rebound.example" }, 421},
		{"a foreign name with the port", b.http, "GET", "/", "", func(r *http.Request) { r.Host = "rebound.example:" + strings.Split(b.host, ":")[1] }, 421},
		{"this machine at another port", b.http, "GET", "/", "", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 421},
		{"this machine without the port", b.http, "GET", "/", "", func(r *http.Request) { r.Host = "127.0.0.1" }, 421},
		{"posted by another site", b.http, "POST", "/write", form, header("Sec-Fetch-Site", "cross-site"), 403},
		{"posted by another port of this machine", b.http, "POST", "/write", form, header("Sec-Fetch-Site", "same-site"), 403},
		{"posted from a foreign origin", b.http, "POST", "/drafts/" + draft + "/send", form, header("Origin", "https://evil.example"), 403},
		{"posted without the form's token", b.http, "POST", "/write", "summary=Zq", asIs, 403},
		{"posted with a wrong token", b.http, "POST", "/drafts/" + draft + "/send", "token=guess", asIs, 403},
		{"a body that is too large", b.http, "POST", "/write", large, asIs, 413},
		{"a draft that is none", b.http, "GET", "/drafts/guess", "", asIs, 404},
		{"a page that is none", b.http, "GET", "/nothing", "", asIs, 404},
		{"a used link", b.http, "POST", "/open", "code=guess", asIs, 401},
		{"the own name localhost", b.http, "GET", "/", "", func(r *http.Request) { r.Host = "localhost:" + strings.Split(b.host, ":")[1] }, 200},
	} {
		status, page := ask(c.client, c.method, c.path, c.body, c.change)
		if status != c.status {
			t.Errorf("%s: %d, want %d: %.200s", c.rule, status, c.status, words(page))
		}
		if status != 200 && (strings.Contains(page, "Zqmarlow") || strings.Contains(page, b.token) && c.client == stranger) {
			t.Errorf("%s: the answer tells something", c.rule)
		}
	}
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Waiting+n.Receipted != 0 {
		t.Errorf("something was sent: %+v, %v", n, err)
	}
	// Below the root nothing is told, not even where the desk stands.
	resp, err := stranger.Get("http://" + b.host + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	root, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusForbidden || strings.Contains(string(root), strings.TrimPrefix(b.base, "http://"+b.host+"/")) {
		t.Errorf("%d, or the root tells the desk's path", resp.StatusCode)
	}
}

func TestTheCookieStaysBelowTheDesksPathAndSigningOutEndsIt(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	_, page := b.post("/write", theCase())
	draft := draftOf(page)
	for _, u := range b.http.Jar.Cookies(mustURL(t, b.base+"/write")) {
		if u.Name != "concord_desk" {
			t.Errorf("there is a cookie %s", u.Name)
		}
	}
	if got := b.http.Jar.Cookies(mustURL(t, "http://"+b.host+"/elsewhere")); len(got) > 0 {
		t.Error("the cookie is sent outside the desk's own path")
	}
	b.post("/logout", url.Values{})
	for _, path := range []string{"/", "/drafts/" + draft, "/outbox"} {
		if status, page := b.get(path); status != http.StatusForbidden || strings.Contains(page, "Zqmarlow") {
			t.Errorf("after signing out %s gives %d", path, status)
		}
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// gate carries a member's requests, except to a peer that is cut off.
type gate struct {
	http.RoundTripper
	cut atomic.Pointer[string]
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if cut := g.cut.Load(); cut != nil && strings.HasSuffix(*cut, r.URL.Host) {
		return nil, errors.New("cut off by the test")
	}
	return g.RoundTripper.RoundTrip(r)
}

func cutOff(seat *Seat) *gate {
	g := &gate{RoundTripper: seat.Member.Hub.HTTP.Transport}
	seat.Member.Hub.HTTP.Transport = g // hub and steward are asked through the same client
	return g
}

func TestWhatTheHubDoesNotTakeWaitsAndIsSentLater(t *testing.T) {
	tr, seat := deskTrust(t, "finance")
	g := cutOff(seat)
	b := atDesk(t, seat)
	_, page := b.post("/outbox/send", url.Values{})
	b.shows(page, "There was nothing to send")
	_, page = b.post("/write", theCase())
	draft := draftOf(page)
	g.cut.Store(&tr.URL)
	_, page = b.post("/drafts/"+draft+"/send", url.Values{})
	b.shows(page, "1 report in the outbox; they go out when the hub answers", "does not answer")
	_, page = b.get("/")
	b.shows(page, "1 contribution to be sent", "Send what waits")
	_, page = b.post("/outbox/send", url.Values{})
	b.shows(page, "Not everything could be sent", "Send now")
	g.cut.Store(nil)
	_, page = b.post("/outbox/send", url.Values{})
	b.shows(page, "1 receipt: 1 accepted", "Nothing waits; 1 report at the hub")
	_, page = b.get("/drafts/" + draft)
	b.shows(page, "Sent: 1 report accepted")
	// Sending it once more changes nothing.
	b.post("/drafts/"+draft+"/send", url.Values{})
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Accepted != 1 || n.Receipted != 1 {
		t.Errorf("the outbox counts %+v, %v", n, err)
	}
}

func TestWithoutTheStewardNothingIsQueuedAndTheDraftStays(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	g := cutOff(seat)
	b := atDesk(t, seat)
	_, page := b.post("/write", theCase())
	draft := draftOf(page)
	g.cut.Store(&seat.Member.Config.Member.Hub.Stewards[0].URL)
	_, page = b.post("/drafts/"+draft+"/send", url.Values{})
	b.shows(page, "Not everything could be queued, so the draft is still here", "Zqmarlow from treasury")
	if n, err := seat.Member.Store.Counts(t.Context()); err != nil || n.Waiting+n.Receipted != 0 {
		t.Errorf("the outbox counts %+v, %v", n, err)
	}
	g.cut.Store(nil)
	_, page = b.post("/drafts/"+draft+"/send", url.Values{})
	b.shows(page, "Sent: 1 report accepted")
}

func TestTheCopyOfAReportIsWhatTheCommitmentIsFor(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	_, page := b.post("/write", theCase())
	draft := draftOf(page)
	b.post("/drafts/"+draft+"/send", url.Values{})
	_, file := b.get("/drafts/" + draft + "/report.json")
	if !strings.Contains(file, "Zqmarlow") {
		t.Fatalf("the copy is %.200s", file)
	}
	entries, err := seat.Member.Store.Entries(t.Context(), 0, 1)
	if err != nil || len(entries) != 1 {
		t.Fatal(err)
	}
	if sum := sha256.Sum256([]byte(file)); !bytes.Equal(sum[:], entries[0].Items[0].Evidence.Native) {
		t.Error("the outbox is committed to another file than the copy")
	}
	if status, _ := b.get("/drafts/" + draft + "/change"); status != http.StatusNotFound {
		t.Errorf("what was sent can be changed: %d", status)
	}
}

func TestADraftWithoutCaseNumberStaysTheSameReportWhenChanged(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	form := theCase()
	form.Del("desk.native")
	_, page := b.post("/write", form)
	first := draftOf(page)
	_, before := b.get("/drafts/" + first + "/report.json")
	form.Set("desk.draft", first)
	form.Set("impact.downtime", "6")
	_, page = b.post("/write", form)
	_, after := b.get("/drafts/" + draftOf(page) + "/report.json")
	if id := between(before, `"native":"`, `"`); id == "" || id != between(after, `"native":"`, `"`) {
		t.Errorf("the report became another:\n%.80s\n%.80s", before, after)
	}
	if status, _ := b.get("/drafts/" + first); status != http.StatusNotFound {
		t.Errorf("the draft that was changed is still there: %d", status)
	}
	_, page = b.post("/write", form)
	other := draftOf(page)
	if _, page := b.post("/drafts/"+other+"/drop", url.Values{}); !strings.Contains(page, "The draft is gone") {
		t.Error("a draft cannot be thrown away")
	}
	if status, _ := b.get("/drafts/" + other); status != http.StatusNotFound {
		t.Errorf("what was thrown away is still there: %d", status)
	}
}

func TestTheDeskMakesALinkToTheHub(t *testing.T) {
	tr, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	_, page := b.get("/signin")
	b.shows(page, tr.URL, "defend", "benchmark")
	_, page = b.post("/signin", url.Values{"person": {"R. Ahmed"}, "for": {"defend"}})
	link := html.UnescapeString(between(page, `<pre>`, `</pre>`))
	u := mustURL(t, link)
	if !strings.HasPrefix(link, tr.URL+"/signin?code=") {
		t.Fatalf("the link is %q", link)
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(tr.URL+"/signin", url.Values{"code": {u.Query().Get("code")}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "R. Ahmed") {
		t.Errorf("the hub answers %d", resp.StatusCode)
	}
	status, page := b.post("/signin", url.Values{"person": {"R. Ahmed"}, "for": {"publish"}})
	if status != http.StatusForbidden {
		t.Errorf("a purpose outside the agreement gives %d", status)
	}
	b.shows(page, "does not allow the purpose")
}

func TestTheTermsAreSaidInSentences(t *testing.T) {
	_, seat := deskTrust(t, "finance", "health")
	b := atDesk(t, seat)
	_, page := b.get("/terms")
	b.shows(page, "In the sector finance", "In the sector health", "All members of the report's own sector may, to defend themselves, receive all indicators exactly as reported",
		"stay here", "Summary", "not to try to find out who reported")
}

func TestTheDeskRefusesToServeOthersThanThisMachine(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	for _, address := range []string{"0.0.0.0:8450", "192.0.2.1:8450", "[::]:8450", "desk.example:8450", ":8450", "127.0.0.1"} {
		_, err := seat.Member.DeskHandler(address, slog.New(slog.DiscardHandler), func(string) {})
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != "desk.not_loopback" {
			t.Errorf("%s: %v", address, err)
		}
	}
}
