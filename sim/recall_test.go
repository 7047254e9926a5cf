package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// What the bank tells in the report that it takes back: a domain of its own,
// and an address that another tells, too.
const (
	ownDomain     = "zyrafa-recall.net"
	sharedAddress = "46.8.21.223"
)

// recalling is a trust of four firms, a police unit and a university, with
// incidents, statistics and a release, of which one report is to be recalled.
type recalling struct {
	*Trust
	t      *testing.T
	seats  []*Seat
	report wire.ReportID // the bank's, the first seat's
	files  string        // folder of the reports' files
}

func small(c *node.HubConfig) {
	for i := range c.Sectors {
		c.Sectors[i].K, c.Sectors[i].MinOwnerGroups = 2, 3
	}
	c.Webhooks = &node.WebhookConfig{Every: node.Duration(1000 * time.Hour), Loopback: true}
	c.BackupDays = 12
}

func newRecalling(t *testing.T, adjust ...func(*node.HubConfig)) *recalling {
	t.Helper()
	ctx := t.Context()
	tr, err := Open(ctx, t.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)), append([]func(*node.HubConfig){small}, adjust...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &recalling{Trust: tr, t: t, files: t.TempDir()}
	for i, p := range []Party{
		{Name: "Bank", Stake: member.Industry, Kind: "firm"}, {Name: "Insurer", Stake: member.Industry, Kind: "insurer"}, {Name: "Broker", Stake: member.Industry, Kind: "firm"},
		{Name: "Fund", Stake: member.Industry, Kind: "firm"}, {Name: "Police", Stake: member.LawEnforcement, Kind: "police"}, {Name: "University", Stake: member.Research, Kind: "university"}} {
		p.OwnerGroup, p.Sectors, p.Terms = wire.OwnerGroup(fmt.Sprint("g-", i)), []string{"finance"}, "default"
		s, err := tr.Seat(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		r.seats = append(r.seats, s)
	}
	for i := range 16 {
		r.tell(i%4, fmt.Sprint("case-", i), fmt.Sprintf(`{"type":"domain","value":"login-%d.northw1nd-bank.net"},{"type":"ip","value":"46.8.21.%d"}`, i, i))
	}
	r.tell(1, "shared", fmt.Sprintf(`{"type":"ip","value":%q}`, sharedAddress))
	r.report = r.tell(0, "recall-me", fmt.Sprintf(`{"type":"domain","value":%q,"role":"phishing"},{"type":"ip","value":%q}`, ownDomain, sharedAddress))
	r.must(func() error { _, err := tr.Hub.Consolidate.Run(ctx); return err }())
	r.must(tr.Hub.Snapshot(ctx))
	// What came in the second in which a release was made counts as new at the
	// next one, which would be refused for that.
	told := time.Now().Truncate(time.Second)
	eventually(t, "the second of the last report is over", func() bool { return time.Now().Truncate(time.Second).After(told) })
	made, err := tr.Hub.ReleaseEach(ctx)
	if err != nil || made[0].Sector != "finance" || made[0].Release == nil {
		t.Fatalf("the releases are %+v: %v", made, err) // it says why there is none
	}
	return r
}

func (r *recalling) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// tell has a seat report, and returns the report's id.
func (r *recalling) tell(seat int, native, seen string) wire.ReportID {
	r.t.Helper()
	doc := fmt.Sprintf(`{"native":%q,"victim":{"victim_id":"Firm of %s","industry":"522110","employee_count":"101 to 1000","country":["US"]},"timeline":{"incident":"2026-03-11"},"action":{"hacking":{"variety":["Use of stolen creds"]}},"observables":[%s]}`,
		native, native, seen)
	name := filepath.Join(r.files, native+".json")
	r.must(os.WriteFile(name, []byte(doc), 0o600))
	s := r.seats[seat]
	account, err := s.Tell(r.t.Context(), strings.NewReader(doc), "case.json", "report")
	if err != nil || account.Lost() != 0 {
		r.t.Fatalf("lost %d: %v", account.Lost(), err)
	}
	d, err := s.Send(r.t.Context())
	if err != nil || d.Accepted != 1 {
		r.t.Fatalf("delivery %+v: %v", d, err)
	}
	entries, err := s.Member.Store.Entries(r.t.Context(), 0, 1)
	r.must(err)
	return entries[0].Items[0].Report
}

func (r *recalling) recall(reports ...wire.ReportID) wire.Destruction {
	r.t.Helper()
	done, err := r.seats[0].Member.Recall(r.t.Context(), reports, wire.ReasonMistake)
	if err != nil || len(done) != 1 {
		r.t.Fatalf("recalled %+v: %v", done, err)
	}
	return done[0]
}

// doors asks at every way out of a hub for what a seat may have, and returns
// the answers by door.
func (r *recalling) doors(base string, s *Seat) map[string]string {
	r.t.Helper()
	ctx := r.t.Context()
	hub, client := s.Member.Hub, *s.Member.Hub.Client
	client.Base = base
	hub.Client = &client
	all := map[string]string{}
	get := func(path string) []byte {
		data, err := hub.Get(ctx, path)
		if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone {
			r.t.Fatalf("%s: %v", path, err)
		}
		all["api "+path] = string(data)
		return data
	}
	for _, p := range s.Member.Agreement.Purposes {
		q := "?for=" + string(p)
		for _, list := range []string{"incidents", "campaigns"} {
			for _, m := range idIn.FindAllSubmatch(get("/v1/sectors/finance/"+list+q), -1) {
				get("/v1/" + list + "/" + string(m[1]) + q)
			}
		}
		get("/v1/sectors/finance/picture" + q)
		get("/feeds/indicators.csv" + q + "&sector=finance")
	}
	for _, m := range idIn.FindAllSubmatch(get("/v1/sectors/finance/releases"), -1) {
		for _, name := range []string{"", "/files/incidents.csv", "/files/incidents.jsonl", "/files/coverage.csv"} {
			get("/v1/releases/" + string(m[1]) + name)
		}
	}
	given, err := hub.Token(ctx, wire.TokenRequest{Days: 1})
	r.must(err)
	seen, failed := taxiicheck.Client{Base: base, Authorization: "Bearer " + given.Token}.Walk(50)
	for _, f := range failed {
		r.t.Error(f)
	}
	for _, c := range seen {
		all["taxii "+c.Title] = string(bytes.Join(raw(c.Objects), nil))
	}
	given.MISP = base + "/" + strings.TrimPrefix(given.MISP, r.URL+"/")
	if i := strings.Index(given.MISP, "/feeds/"); i >= 0 {
		given.MISP = base + given.MISP[i:]
	}
	all["misp"] = pullFeed(r.t, http.DefaultClient, given).text()
	r.pages(base, s, all)
	return all
}

func raw[T ~[]byte](in []T) [][]byte {
	out := make([][]byte, len(in))
	for i, b := range in {
		out[i] = b
	}
	return out
}

// signIn is a browser in which somebody of a seat is signed in.
func (r *recalling) signIn(base string, s *Seat) *http.Client {
	r.t.Helper()
	hub, client := s.Member.Hub, *s.Member.Hub.Client
	client.Base = base
	hub.Client = &client
	link, err := hub.Login(r.t.Context(), wire.LoginRequest{Person: "analyst"})
	r.must(err)
	u, err := url.Parse(link.URL)
	r.must(err)
	jar, err := cookiejar.New(nil)
	r.must(err)
	browser := &http.Client{Jar: jar}
	resp, err := browser.PostForm(base+"/signin", url.Values{"code": {u.Query().Get("code")}})
	r.must(err)
	resp.Body.Close()
	return browser
}

// pages signs in and looks at every page of the sector.
func (r *recalling) pages(base string, s *Seat, all map[string]string) {
	r.t.Helper()
	browser := r.signIn(base, s)
	for _, p := range s.Member.Agreement.Purposes {
		for _, path := range []string{"", "/statistics", "/incidents", "/campaigns", "/indicators", "/releases", "/incidents?format=json", "/indicators?format=csv"} {
			address := base + "/sectors/finance" + path
			if strings.Contains(path, "?") {
				address += "&for=" + string(p)
			} else {
				address += "?for=" + string(p)
			}
			resp, err := browser.Get(address)
			r.must(err)
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				r.t.Fatalf("%s: %s %v", address, resp.Status, err)
			}
			all["page "+path+" for "+string(p)] = string(body)
		}
	}
}

// counted is how many incidents the statistics count for a viewer; -1 if there
// are none now.
func counted(t *testing.T, all map[string]string, purpose member.Purpose) int {
	t.Helper()
	var picture struct{ Tables []analyse.Table }
	if err := json.Unmarshal([]byte(all["api /v1/sectors/finance/picture?for="+string(purpose)]), &picture); err != nil {
		t.Fatal(err)
	}
	for _, table := range picture.Tables {
		if table.Name == "industry" {
			sum := 0
			for _, f := range table.Figures {
				if f.Withheld == "" {
					sum += int(f.Value)
				}
			}
			return sum
		}
	}
	return -1
}

// at lists the doors at which a text stands.
func at(all map[string]string, text string) (where []string) {
	for door, answer := range all {
		if strings.Contains(answer, text) {
			where = append(where, door)
		}
	}
	slices.Sort(where)
	return where
}

// twin is a second process of the hub on the same record, at an address of its
// own.
func (r *recalling) twin() string {
	r.t.Helper()
	c, err := node.LoadConfig(filepath.Join(r.Dir, "hub", node.ConfigName))
	r.must(err)
	server := httptest.NewUnstartedServer(nil)
	c.Hub.URL = "http://" + server.Listener.Addr().String()
	h, err := node.OpenHub(r.t.Context(), c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	r.must(err)
	server.Config.Handler = h.Handler()
	server.Start()
	r.t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return c.Hub.URL
}

func onBothStores(t *testing.T, test func(t *testing.T, adjust func(*node.HubConfig))) {
	t.Run(node.StoreSQLite, func(t *testing.T) { test(t, func(*node.HubConfig) {}) })
	t.Run(node.StorePostgres, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		test(t, func(c *node.HubConfig) { c.Store = &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file} })
	})
}

// A recalled report is at no door once its receipt is there: not at the process
// that gave the receipt, and not at another, whose shelves were warm; whether or
// not a legal hold keeps its key.
func TestARecalledReportIsAtNoDoorOfAnyProcess(t *testing.T) {
	for _, held := range []bool{false, true} {
		t.Run(fmt.Sprint("held ", held), func(t *testing.T) {
			onBothStores(t, func(t *testing.T, adjust func(*node.HubConfig)) { recalledAtNoDoor(t, held, adjust) })
		})
	}
}

func recalledAtNoDoor(t *testing.T, held bool, adjust func(*node.HubConfig)) {
	r := newRecalling(t, adjust)
	ctx := t.Context()
	twin := r.twin()
	broker, university := r.seats[2], r.seats[5]
	hubs := []string{r.URL, twin}
	before := map[string]map[string]string{}
	for _, base := range hubs {
		for _, s := range []*Seat{broker, university} {
			before[base+s.Party.Name] = r.doors(base, s)
		}
		if where := at(before[base+"Broker"], ownDomain); len(where) < 5 {
			t.Fatalf("before, the domain stands at %v only: this shows too little", where)
		}
	}
	total, studied := counted(t, before[r.URL+"Broker"], member.Defend), counted(t, before[r.URL+"University"], member.Study)
	if total < 1 || studied < 1 || len(before[r.URL+"University"]["api /v1/sectors/finance/releases"]) < 100 {
		t.Fatalf("before, %d and %d incidents are counted, and released was %s: this shows too little", total, studied, before[r.URL+"University"]["api /v1/sectors/finance/releases"])
	}
	if held {
		r.hold(r.report, time.Now().AddDate(0, 1, 0))
	}
	d := r.recall(r.report)
	if want := map[bool]string{false: wire.Destroyed, true: wire.Held}[held]; d.Reports[0].Status != want || d.BackupDays != 12 {
		t.Fatalf("the receipt says %+v", d)
	}
	for _, base := range hubs {
		r.minePageTells(base, d)
		for _, s := range []*Seat{broker, university, r.seats[4], r.seats[0]} {
			after := r.doors(base, s)
			if where := at(after, ownDomain); len(where) > 0 {
				t.Errorf("%s finds the domain at %v of %s", s.Party.Name, where, base)
			}
			for door, text := range after {
				if strings.Contains(door, "/files/") && text != "" {
					t.Errorf("%s gets %s of a withdrawn release", s.Party.Name, door)
				}
			}
			if s == broker {
				if where := at(after, sharedAddress); len(where) < 3 {
					t.Errorf("what another told is at %v only", where)
				}
				if n := counted(t, after, member.Defend); n != -1 && n != total-1 {
					t.Errorf("%d incidents are counted, of %d before", n, total)
				}
			}
		}
	}
	// Statistics come back, without it.
	r.must(r.Hub.Withdraw(ctx))
	if n := counted(t, r.doors(r.URL, university), member.Study); n != studied-1 {
		t.Errorf("%d incidents are counted, of %d before", n, studied)
	}
	r.releaseIsWithdrawn(university)
	if n, err := r.Hub.Consolidate.Counts(ctx); err != nil || n.Incidents == 0 {
		t.Errorf("the rest is gone, too: %+v, %v", n, err)
	}
}

// minePageTells fails unless the contributor's page says that the keys are gone,
// or until when a hold keeps them.
func (r *recalling) minePageTells(base string, d wire.Destruction) {
	r.t.Helper()
	resp, err := r.signIn(base, r.seats[0]).Get(base + "/mine")
	r.must(err)
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	r.must(err)
	gone, sealed := "The keys of these reports are gone, and", "until the end of "
	want, not := gone, sealed
	if n, lastDay := d.Sealed(); n > 0 {
		want, not = "a legal hold keeps 1 key sealed "+sealed+lastDay+", then they are destroyed; backups hold them at the latest 12 days after that", gone
	}
	if !strings.Contains(string(page), want) || strings.Contains(string(page), not) {
		r.t.Errorf("the contributor's page should say %q and not %q: %s", want, not, page)
	}
}

// releaseIsWithdrawn looks at the one release there was, and makes another.
func (r *recalling) releaseIsWithdrawn(s *Seat) {
	r.t.Helper()
	ctx := r.t.Context()
	list, err := s.Member.Hub.Get(ctx, "/v1/sectors/finance/releases")
	r.must(err)
	var page struct{ Items []anonymise.Release }
	r.must(json.Unmarshal(list, &page))
	if len(page.Items) != 1 || page.Items[0].Withdrawn == nil || page.Items[0].Withdrawn.At.IsZero() || page.Items[0].Records != 0 || page.Items[0].Cite == "" {
		r.t.Fatalf("the releases are %s", list)
	}
	_, err = s.Member.Hub.Get(ctx, "/v1/releases/"+string(page.Items[0].ID)+"/files/incidents.csv")
	if f := fault.Public(err); f.Kind != fault.Gone || f.Code != "release.withdrawn" || !strings.Contains(f.Message, "delete your copies") {
		r.t.Errorf("a file of it answers %v", err)
	}
	notices, err := s.Member.Hub.Notices(ctx, false)
	r.must(err)
	told := map[string]int{}
	for _, n := range notices {
		told[n.Kind]++
	}
	if told["release"] != 1 || told["recall"] > 1 {
		r.t.Errorf("the reader is told %+v", notices)
	}
	// Another can be made, of what is left.
	made, err := r.Hub.ReleaseEach(ctx)
	if err != nil || made[0].Sector != "finance" || made[0].Release == nil {
		r.t.Fatalf("the releases are %+v: %v", made, err) // it says why there is none
	}
	if data, err := s.Member.Hub.Get(ctx, "/v1/releases/"+string(made[0].Release.ID)+"/files/incidents.csv"); err != nil || len(data) == 0 {
		r.t.Errorf("the next release answers %d bytes, %v", len(data), err)
	}
}

// hold has the insurer and the police approve a hold.
func (r *recalling) hold(report wire.ReportID, until time.Time) wire.Hold {
	r.t.Helper()
	approvers := []*Seat{r.seats[1], r.seats[4]}
	h, err := r.Hub.ProposeHold(r.t.Context(), r.seats[0].Member.Agreement.Member.ID, report, "case 7", until,
		[2]wire.MemberID{approvers[0].Member.Agreement.Member.ID, approvers[1].Member.Agreement.Member.ID})
	r.must(err)
	for i, s := range approvers {
		state, err := s.Member.ApproveHold(r.t.Context(), h.ID, wire.HoldBegin, "A. Person")
		if want := []string{wire.HoldProposed, wire.HoldActive}[i]; err != nil || state.State != want {
			r.t.Fatalf("approved it is %+v, %v", state, err)
		}
	}
	return h
}
