package hub_test

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// hostile is what a report could say to break a page. Each stands in a field
// or observable that the default terms let others see as it is.
const (
	hostileName    = `<script>alert("name")</script>`
	hostileAgent   = `Mozilla/5.0 <img src=x onerror=alert("agent")>`
	hostileFile    = `"><svg onload=alert("file")>.exe`
	hostileMember  = `Bank of <script>alert("member")</script> & Sons`
	hostilePerson  = `</span><script>alert("person")</script>`
	sharedDomain   = "login.northw1nd-bank.net"
	hostileInQuery = `"><script>alert("query")</script>`
)

func TestAPageAsksWhoIsNotSignedInToSignIn(t *testing.T) {
	v := stranger(t)
	if page := text(v.page(http.StatusOK, "/")); !strings.Contains(page, "concord member login") {
		t.Errorf("the welcome does not say how to sign in: %s", page)
	}
	for _, path := range []string{"/sectors/finance", "/mine", "/terms", "/incidents/i-aaaaaaaaaaaaaaaaaaaaaaaaaa", "/releases/x/incidents.csv", "/sectors/finance/incidents?format=csv"} {
		page := text(v.page(http.StatusUnauthorized, path))
		if !strings.Contains(page, "Sign in to see this page") || !strings.Contains(page, "concord member login") {
			t.Errorf("%s does not lead to signing in: %s", path, page)
		}
	}
	v.page(http.StatusOK, "/words")
	// That there is no such page is no secret, and no reason to sign in.
	for _, path := range []string{"/no/such/page", "/v2/hub"} {
		if page := text(v.page(http.StatusNotFound, path)); !strings.Contains(page, "no page at this address") || !strings.Contains(page, "/openapi.json") {
			t.Errorf("%s: %s", path, page)
		}
	}
}

func TestASignInLinkWorksOnceAndOnlyWhenPressed(t *testing.T) {
	link := signInLink(t, 0, "A. Analyst")
	path := strings.TrimPrefix(link, trust(t).URL)
	v := stranger(t)
	for range 2 { // a program that looks into links does not use them up
		resp, body := v.get(path)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "<button>Sign in</button>") {
			t.Fatalf("the link does not offer a button: %s", resp.Status)
		}
		if got := resp.Header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("the page with a code has the referrer policy %q", got)
		}
	}
	if resp, _ := v.post("/signin", url.Values{"code": {code(t, link)}}); resp.Request.URL.Path != "/sectors/finance" {
		t.Errorf("signing in leads to %s", resp.Request.URL)
	}
	second := stranger(t)
	resp, body := second.post("/signin", url.Values{"code": {code(t, link)}})
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text(body), "concord member login") {
		t.Errorf("a link that was used: %s %s", resp.Status, text(body))
	}
	second.page(http.StatusUnauthorized, "/sectors/finance")
}

func TestSigningOutEndsTheSessionAndNeedsTheFormsToken(t *testing.T) {
	v := signedIn(t, 0)
	if resp, _ := v.post("/logout", url.Values{"token": {"forged"}}); resp.Request.URL.Path == "/signin" {
		t.Error("a forged form signed somebody out")
	}
	page := v.page(http.StatusOK, "/mine")
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatal("the page has no form to sign out")
	}
	cookies := v.Jar.Cookies(mustParse(t, v.url))
	if _, body := v.post("/logout", url.Values{"token": {token[1]}}); !strings.Contains(text(body), "You are signed out") {
		t.Errorf("signing out says %s", text(body))
	}
	v.Jar.SetCookies(mustParse(t, v.url), cookies) // somebody kept the cookie
	v.page(http.StatusUnauthorized, "/mine")
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAFormFromAnotherSiteDoesNothing(t *testing.T) {
	v := stranger(t)
	link := code(t, signInLink(t, 0, "A. Analyst"))
	r, err := http.NewRequest(http.MethodPost, v.url+"/signin", strings.NewReader(url.Values{"code": {link}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := v.Do(r)
	if resp, body := v.read(answer, err); resp.StatusCode != http.StatusForbidden || !strings.Contains(text(body), "another site") {
		t.Errorf("a foreign form: %s %s", resp.Status, text(body))
	}
	if resp, _ := v.post("/signin", url.Values{"code": {link}}); resp.StatusCode != http.StatusOK {
		t.Errorf("the foreign form used the link up: %s", resp.Status)
	}
}

func TestTheSessionCookieIsKeptFromScriptsAndOtherSites(t *testing.T) {
	v := stranger(t)
	v.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, _ := v.post("/signin", url.Values{"code": {code(t, signInLink(t, 0, "A. Analyst"))}})
	cookie := resp.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie lacks %s", want)
		}
	}
}

func TestWhatIsNotOnesOwnLooksAbsentAndSaysWhy(t *testing.T) {
	v := signedIn(t, 0)
	for path, want := range map[string]string{
		"/sectors/health":                                 "does not take part in this sector",
		"/sectors/health/incidents":                       "does not take part in this sector",
		"/sectors/no-such-sector":                         "does not take part in this sector",
		"/incidents/i-aaaaaaaaaaaaaaaaaaaaaaaaaa":         "nothing here that may be shown",
		"/campaigns/k-aaaaaaaaaaaaaaaaaaaaaaaaaa":         "nothing here that may be shown",
		"/releases/none":                                  "nothing here that may be shown",
		"/mine/c-aaaaaaaaaaaaaaaaaaaaaaaaaa/receipt.json": "nothing here that may be shown",
		"/no/such/page":                                   "nothing here that may be shown",
	} {
		page := v.page(http.StatusNotFound, path)
		if !strings.Contains(text(page), want) {
			t.Errorf("%s does not say %q: %s", path, want, text(page))
		}
		href(t, page, "/sectors/finance") // the way on
	}
	// Absent and not one's own are word for word alike.
	if a, b := text(v.page(http.StatusNotFound, "/sectors/health")), text(v.page(http.StatusNotFound, "/sectors/absent")); strings.ReplaceAll(a, "health", "absent") != b {
		t.Errorf("a sector of others can be told from none:\n%s\n%s", a, b)
	}
}

func TestAReceiptIsForItsContributorAlone(t *testing.T) {
	mine := signedIn(t, 0)
	path := href(t, mine.page(http.StatusOK, "/mine"), "/mine/c-")
	resp, body := mine.get(path)
	if resp.StatusCode != http.StatusOK || !json.Valid([]byte(body)) || !strings.Contains(body, "payload") {
		t.Errorf("my own receipt: %s %s", resp.Status, body)
	}
	signedIn(t, 1).page(http.StatusNotFound, path)
}

func TestAPurposeOutsideTheAgreementIsRefusedWithThoseThatItAllows(t *testing.T) {
	v := signedIn(t, 0)
	page := v.page(http.StatusForbidden, "/sectors/finance/incidents?for=investigate&action=malware")
	if next := href(t, page, "/sectors/finance/incidents?"); next != "/sectors/finance/incidents?action=malware&for=defend" {
		t.Errorf("the way on is %s", next)
	}
	v.page(http.StatusBadRequest, "/sectors/finance/incidents?for=nonsense")
}

func TestThePurposeIsKeptOnEveryLinkOfAPage(t *testing.T) {
	v := signedIn(t, 1) // investigates by default, may defend
	for _, path := range []string{"/sectors/finance", "/sectors/finance/incidents", "/mine"} {
		page := v.page(http.StatusOK, path+"?for=defend")
		for _, m := range regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(page, -1) {
			link := m[1]
			if strings.HasPrefix(link, "/v1/") || strings.HasPrefix(link, "/favicon") || strings.HasPrefix(link, "/words#purpose") || strings.Contains(link, "for=investigate") {
				continue
			}
			if !strings.Contains(link, "for=defend") {
				t.Errorf("%s: the link %s loses the purpose", path, link)
			}
		}
	}
	if page := v.page(http.StatusOK, "/sectors/finance/incidents"); strings.Contains(href(t, page, "/incidents/"), "for=") {
		t.Error("links carry the purpose that is meant anyway")
	}
}

func TestFiltersStandInTheAddressAndInItsDownloads(t *testing.T) {
	v := signedIn(t, 1)
	const list = "/sectors/finance/incidents"
	asked := list + "?action=malware&stake=industry&only=joined&since=2026-03&until=2026-03"
	page := v.page(http.StatusOK, asked)
	for _, want := range []string{`<option value="malware" selected>`, `<option value="industry" selected>`, `<option value="joined" selected>`, `name="since" value="2026-03"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the form forgets the choice: no %s", want)
		}
	}
	file := href(t, page, list+"?action=malware&amp;format=csv")
	q := mustParse(t, file).Query()
	for name, want := range mustParse(t, asked).Query() {
		if q.Get(name) != want[0] {
			t.Errorf("the download forgets %s=%s", name, want[0])
		}
	}
	resp, body := v.get(file)
	if got := resp.Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("%s is %s", file, got)
	}
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("the file holds %d lines, want a head and one incident: %v", len(rows), err)
	}
	for query, want := range map[string]int{"?action=malware": 1, "?action=error": 0, "?stake=research": 0, "?since=2026-04": 0, "?until=2026-02": 0, "?since=2025&until=2026": 1, "?only=mine": 1, "?only=joined": 1} {
		_, body := v.get(list + query + "&format=json")
		var got struct{ Items []struct{ ID string } }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if len(got.Items) != want {
			t.Errorf("%s finds %d incidents, want %d", query, len(got.Items), want)
		}
	}
}

func TestAChoiceThatCannotBeUnderstoodIsKeptAndExplained(t *testing.T) {
	v := signedIn(t, 1)
	for _, list := range []string{"incidents", "campaigns", "indicators", "releases"} {
		page := v.page(http.StatusBadRequest, "/sectors/finance/"+list+"?since=last-week")
		if !strings.Contains(page, `value="last-week"`) || !strings.Contains(text(page), "2025-03") {
			t.Errorf("%s forgets what was typed, or does not say how to write it", list)
		}
	}
	v.page(http.StatusBadRequest, "/sectors/finance/incidents?action="+url.QueryEscape(hostileInQuery))
	v.page(http.StatusBadRequest, "/sectors/finance/incidents?format=exe")
}

func TestNothingThatAReportSaysBecomesMarkUp(t *testing.T) {
	seen := map[string]bool{}
	for n := range 3 {
		v := signedIn(t, n)
		paths := everyPage(t, v)
		for _, list := range []string{"incidents", "campaigns", "indicators", "statistics", "releases"} {
			paths = append(paths, "/sectors/finance/"+list+"?since="+url.QueryEscape(hostileInQuery)+"&action="+url.QueryEscape(hostileInQuery)+"&before="+url.QueryEscape(hostileInQuery))
		}
		for _, path := range paths {
			_, body := v.get(path)
			for _, bad := range []string{"<script", "<img", `"><svg`, "onerror=alert(\"", `onload=alert("`} {
				if strings.Contains(strings.ToLower(body), bad) {
					t.Errorf("%s holds %s as mark-up", path, bad)
				}
			}
			for _, value := range []string{hostileName, hostileAgent, hostileFile, hostileMember, hostilePerson} {
				if strings.Contains(body, escaped(value)) {
					seen[value] = true
				}
			}
		}
	}
	for _, value := range []string{hostileName, hostileAgent, hostileFile, hostileMember, hostilePerson} {
		if !seen[value] {
			t.Errorf("no page shows %q: this test looks at nothing", value)
		}
	}
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;").Replace(s)
}

func TestEveryAnswerForbidsScriptsFramesAndForeignRequests(t *testing.T) {
	v := signedIn(t, 1)
	paths := append(everyPage(t, v), "/", "/sectors/finance/incidents?format=csv", "/sectors/finance/statistics/month.csv", "/sectors/finance/statistics/month.json")
	for _, path := range paths {
		resp, body := v.get(path)
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if m := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//[^"]*"`).FindString(body); m != "" {
			t.Errorf("%s asks elsewhere: %s", path, m)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, "javascript:") {
			t.Errorf("%s holds a style or script in an attribute, which the policy forbids", path)
		}
	}
}

func TestHeadAnswersAsGetWithoutABody(t *testing.T) {
	v := signedIn(t, 0)
	for _, path := range []string{"/sectors/finance", "/words", "/mine", "/no/such/page"} {
		want, _ := v.get(path)
		resp, err := v.Head(v.url + path)
		got, body := v.read(resp, err)
		if got.StatusCode != want.StatusCode || got.Header.Get("Content-Type") != want.Header.Get("Content-Type") || body != "" {
			t.Errorf("HEAD %s: %s %s, %d bytes", path, got.Status, got.Header.Get("Content-Type"), len(body))
		}
	}
}

func TestPagesTakeNoOtherMethods(t *testing.T) {
	v := signedIn(t, 0)
	if resp, _ := v.post("/mine", nil); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /mine: %s", resp.Status)
	}
}

func TestWhatIsWithheldIsShownAsWithheldWithItsReason(t *testing.T) {
	v := signedIn(t, 2) // three members: no figure may be shown
	picture := text(v.page(http.StatusOK, "/sectors/finance"))
	if !strings.Contains(picture, "withheld") && !strings.Contains(picture, "may be shown yet") {
		t.Errorf("the picture of too few members: %s", picture)
	}
	statistic := v.page(http.StatusOK, href(t, v.page(http.StatusOK, "/sectors/finance/statistics"), "/sectors/finance/statistics/"))
	if !strings.Contains(text(statistic), "figures are withheld") || strings.Contains(statistic, `<td class="n">0</td>`) {
		t.Errorf("withheld figures are told as something else: %s", text(statistic))
	}
	incident := text(v.page(http.StatusOK, href(t, v.page(http.StatusOK, "/sectors/finance/incidents"), "/incidents/")))
	if !strings.Contains(incident, "What is withheld, and why") || strings.Contains(incident, "Northwind") || strings.Contains(incident, sharedDomain) {
		t.Errorf("a researcher's incident: %s", incident)
	}
}

func TestEveryTitleIsOneSentenceAndNoCode(t *testing.T) {
	for n := range 3 {
		v := signedIn(t, n)
		for _, path := range everyPage(t, v) {
			_, body := v.get(path)
			titles := h1.FindAllStringSubmatch(body, -1)
			if len(titles) != 1 {
				t.Errorf("%s has %d titles", path, len(titles))
				continue
			}
			title := text(titles[0][1])
			if len(strings.Fields(title)) < 4 || strings.ContainsAny(title, "{}<>") || strings.Contains(title, "%!") {
				t.Errorf("%s has the title %q, which says nothing", path, title)
			}
		}
	}
}

func TestAStatisticIsToBeHadInEveryKind(t *testing.T) {
	v := signedIn(t, 1)
	page := v.page(http.StatusOK, "/sectors/finance/statistics")
	base := strings.TrimSuffix(href(t, page, "/sectors/finance/statistics/"), ".csv")
	_, table := v.get(base + ".csv")
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s.csv: %d lines, %v", base, len(rows), err)
	}
	for _, row := range rows[1:] {
		if value, why := row[len(row)-4], row[len(row)-1]; (value == "") == (why == "") {
			t.Errorf("a figure is neither shown nor withheld with a reason: %v", row)
		}
	}
	_, data := v.get(base + ".json")
	var got struct {
		Figures []any `json:"figures"`
	}
	if err := json.Unmarshal([]byte(data), &got); err != nil || len(got.Figures) != len(rows)-1 {
		t.Errorf("%s.json holds %d figures, the CSV %d: %v", base, len(got.Figures), len(rows)-1, err)
	}
	resp, drawing := v.get(base + ".svg")
	if got := resp.Header.Get("Content-Type"); got != "image/svg+xml" {
		t.Errorf("the chart is %s", got)
	}
	if err := xml.Unmarshal([]byte(drawing), &struct{ XMLName xml.Name }{}); err != nil || !strings.Contains(drawing, "Source: ") {
		t.Errorf("the chart is no file with its source: %v", err)
	}
	v.page(http.StatusNotFound, base+".exe")
}

func TestMyTermsAreSentences(t *testing.T) {
	page := text(signedIn(t, 0).page(http.StatusOK, "/terms"))
	for _, want := range []string{"may, to", "TLP:AMBER", "not to try to find out who reported", "defend and benchmark"} {
		if !strings.Contains(page, want) {
			t.Errorf("my terms do not say %q: %s", want, page)
		}
	}
}
