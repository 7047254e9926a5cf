package sim

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func TestTheDemoHoldsWhatItTells(t *testing.T) {
	d := Demo{Seed: 1, Reports: 5000, Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	trust, s, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trust.Close(); err != nil {
			t.Error(err)
		}
	}()
	told, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", told)
	if s.Submitted != 5000 || s.Accepted+s.Duplicate+s.Refused != s.Submitted {
		t.Errorf("%d submitted, but %d accepted, %d duplicate and %d refused", s.Submitted, s.Accepted, s.Duplicate, s.Refused)
	}
	if s.Members != DefaultMembers || s.Duplicate == 0 || s.Refused == 0 || s.Incidents == 0 || s.Campaigns == 0 || s.Tokens == 0 || s.Statistics == 0 {
		t.Errorf("something is missing: %+v", s)
	}
	if s.Incidents >= s.Accepted {
		t.Errorf("%d incidents of %d accepted reports: nothing was joined", s.Incidents, s.Accepted)
	}
	if *s.JoinPrecision < 0.9 || *s.JoinRecall < 0.9 {
		t.Errorf("precision %.3f and recall %.3f of joins; 0.9 is wanted of both", *s.JoinPrecision, *s.JoinRecall)
	}
	if len(s.Figures) != 2 || len(s.Made) != 2 {
		t.Fatalf("%d tables of action by quarter and %d releases; one of each is wanted in each of two sectors", len(s.Figures), len(s.Made))
	}
	for _, f := range s.Figures {
		if f.Cells == 0 || 2*f.Shown < f.Cells {
			t.Errorf("%s: %d of %d figures of action by quarter are shown; half is wanted", f.Sector, f.Shown, f.Cells)
		}
	}
	for _, r := range s.Made {
		if r.Records == 0 {
			t.Errorf("release %s is empty", r.ID)
		}
		if err := anonymise.CheckFiles(filesOf(t, trust, r.ID)); err != nil {
			t.Errorf("release %s: %v", r.ID, err)
		}
	}
	visitors, err := trust.Visitors(t.Context())
	if err != nil || len(visitors) != 3 {
		t.Fatalf("%d sign-in links, %v", len(visitors), err)
	}
	for _, v := range visitors {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(v.Link)
		if err != nil {
			t.Fatal(err)
		}
		// The link shows a button, which a person presses.
		resp, err := (&http.Client{Jar: jar}).PostForm(trust.URL+link.Path, link.Query())
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), v.Member) {
			t.Errorf("the link of %s answers %s, %v, and does not name %s", v.Person, resp.Status, err, v.Member)
		}
		holdsWhatIsPromised(t, &http.Client{Jar: jar}, v)
	}
}

// holdsWhatIsPromised fails unless the page to which a visitor is led shows
// what the visitor is told to look at.
func holdsWhatIsPromised(t *testing.T, signedIn *http.Client, v Visitor) {
	t.Helper()
	if v.Look == "" {
		t.Errorf("%s is led to no page", v.Person)
		return
	}
	resp, err := signedIn.Get(v.Look)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s is led to %s, which answers %s, %v", v.Person, v.Look, resp.Status, err)
		return
	}
	shows := map[member.Stake]string{
		member.Industry:       `class="chip mine"`,
		member.LawEnforcement: `<summary>\d+ fields?: |Observables of the type`, // below "what is withheld, and why"
		member.Research:       `incidents\.parquet`,
	}[v.Stake]
	if v.Stake == member.LawEnforcement && !strings.Contains(v.Try, "withheld") {
		shows = `Where sources differ, all of them are shown` // of several; nothing is withheld of any that was looked at
	}
	if !regexp.MustCompile(shows).Match(page) {
		t.Errorf("%s is told to %s; the page %s does not show %q", v.Person, v.Try, v.Look, shows)
	}
	if v.Stake == member.LawEnforcement && (!strings.HasSuffix(v.Look, "?for="+string(member.Investigate)) || !regexp.MustCompile(`of which ([2-9]|\d\d+) reports tell`).MatchString(v.Try)) {
		t.Errorf("%s is led to %s and told to %s: an incident of several reports is wanted, to investigate", v.Person, v.Look, v.Try)
	}
	if v.Stake == member.Research {
		saysWhatMayBeDone(t, signedIn, v.Look, string(page))
	}
}

// saysWhatMayBeDone fails unless a release's page says all of the terms under
// which it is used, and the checksum to compare in full.
func saysWhatMayBeDone(t *testing.T, signedIn *http.Client, at, page string) {
	t.Helper()
	resp, err := signedIn.Get(at + "?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r anonymise.Release
	data, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(data, &r) != nil || len(r.DataUse) == 0 || len(r.Files) == 0 {
		t.Fatalf("the release as JSON: %s, %v", data, err)
	}
	may, files, ok := strings.Cut(page, "<h2>Take it along</h2>")
	if !ok {
		t.Fatal("the page has no files")
	}
	wants := []string{">" + r.TLP + "</span>", "pass it on " + r.PassOn(), "for no other", "for the project", "If it is withdrawn"}
	for _, u := range r.DataUse {
		wants = append(wants, "<dt>"+u.Code+"</dt><dd>"+u.Label+" (<code>"+u.ID+"</code>): "+strings.ReplaceAll(u.Because, "+", "&#43;"))
	}
	for _, want := range wants {
		if !strings.Contains(may, want) {
			t.Errorf("above its files the page does not say %q", want)
		}
	}
	sums := r.Files[slices.IndexFunc(r.Files, func(f anonymise.File) bool { return f.Name == anonymise.SumsName })].SHA256
	for _, want := range []string{"It must be: <code>" + sums, "keep_default_na=False", "docs/release.md", at + ", SHA-256 of SHA256SUMS: " + sums} {
		if !strings.Contains(files, want) {
			t.Errorf("beside its files the page does not say %q", want)
		}
	}
}

// filesOf fetches a release as a member would.
func filesOf(t *testing.T, trust *Trust, id wire.ReleaseID) map[string][]byte {
	t.Helper()
	i := slices.IndexFunc(trust.Members, func(m *Seat) bool { return m.Party.Kind == "university" })
	hub := trust.Members[i].Member.Hub
	about, err := hub.Get(t.Context(), "/v1/releases/"+string(id))
	if err != nil {
		t.Fatal(err)
	}
	var release anonymise.Release
	if err := json.Unmarshal(about, &release); err != nil {
		t.Fatalf("%v\n%s", err, about)
	}
	files := map[string][]byte{}
	for _, f := range release.Files {
		if files[f.Name], err = hub.Get(t.Context(), "/v1/releases/"+string(id)+"/files/"+f.Name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
