package sim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// aTrustForTools has a bank and an insurer that told of some incidents, and a
// third firm, a police unit and a university, in finance.
func aTrustForTools(t *testing.T, reports int, adjust ...func(*node.HubConfig)) (*Trust, []*Seat) {
	t.Helper()
	ctx := t.Context()
	tr, err := Open(ctx, t.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)), adjust...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	var seats []*Seat
	for i, p := range []Party{
		{Name: "Bank", Stake: member.Industry, Kind: "firm"}, {Name: "Insurer", Stake: member.Industry, Kind: "insurer"}, {Name: "Broker", Stake: member.Industry, Kind: "firm"},
		{Name: "Police", Stake: member.LawEnforcement, Kind: "police"}, {Name: "University", Stake: member.Research, Kind: "university"}} {
		p.OwnerGroup, p.Sectors, p.Terms = wire.OwnerGroup(fmt.Sprint("g-", i)), []string{"finance"}, "default"
		s, err := tr.Seat(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		seats = append(seats, s)
	}
	for i := range reports {
		doc := fmt.Sprintf(`{"native":"case-%d","victim":{"victim_id":"Firm %d","industry":"522110","country":["US"]},"timeline":{"incident":"2026-03-1%d"},"action":{"hacking":{"variety":["Use of stolen creds"]}},"observables":[
			{"type":"domain","value":"login-%d.northw1nd-bank.net","role":"phishing"},{"type":"ip","value":"46.8.21.%d"},{"type":"file-hash","value":"%064x"},{"type":"cve","value":"CVE-2024-%d"},{"type":"email","value":"victim-%d@firm.example"}]}`,
			i, i, i%10, i, i%250, i, 1000+i, i)
		account, err := seats[i%2].Tell(ctx, strings.NewReader(doc), "case.json", "report")
		if err != nil || account.Lost() != 0 {
			t.Fatalf("lost %d: %v", account.Lost(), err)
		}
	}
	for _, s := range seats[:2] {
		if d, err := s.Send(ctx); err != nil || d.Accepted == 0 {
			t.Fatalf("delivery %+v: %v", d, err)
		}
	}
	if _, err := tr.Hub.Consolidate.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return tr, seats
}

func token(t *testing.T, s *Seat, purposes ...string) wire.TokenGiven {
	t.Helper()
	given, err := s.Member.Hub.Token(t.Context(), wire.TokenRequest{Purposes: purposes, Days: 1})
	if err != nil {
		t.Fatal(err)
	}
	return given
}

func (tr *Trust) tool(given wire.TokenGiven) taxiicheck.Client {
	return taxiicheck.Client{Base: tr.URL, Authorization: "Bearer " + given.Token}
}

// indicators are the objects of the collection for a purpose, as one text.
func indicators(t *testing.T, seen []taxiicheck.Seen, of string) string {
	t.Helper()
	for _, s := range seen {
		if strings.Contains(s.Title, of) {
			var b strings.Builder
			for _, o := range s.Objects {
				b.Write(o)
			}
			return b.String()
		}
	}
	t.Fatalf("there is no collection of %q", of)
	return ""
}

// objectsOf takes apart what [indicators] put together.
func objectsOf(text string) []string {
	return slices.Collect(func(yield func(string) bool) {
		for d := json.NewDecoder(strings.NewReader(text)); ; {
			var o json.RawMessage
			if d.Decode(&o) != nil || !yield(string(o)) {
				return
			}
		}
	})
}

func walkAll(t *testing.T, c taxiicheck.Client) []taxiicheck.Seen {
	t.Helper()
	seen, failed := c.Walk(7)
	for _, f := range failed {
		t.Error(f)
	}
	return seen
}

// status asks for a path of the hub and returns the answer's status.
func status(t *testing.T, method, url, authorization, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	req.Header.Set("Content-Type", taxiicheck.MediaType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// A tool gets, over TAXII, what its audience may have and nothing else; on each
// store.
func TestToolsReadWhatTheirAudienceMayHave(t *testing.T) {
	t.Run(node.StoreSQLite, func(t *testing.T) { toolsRead(t, nil) })
	t.Run(node.StorePostgres, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		toolsRead(t, &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file})
	})
}

func toolsRead(t *testing.T, store *node.StoreConfig) {
	tr, seats := aTrustForTools(t, 12, func(c *node.HubConfig) { c.Store = store })
	broker, university := walkAll(t, tr.tool(token(t, seats[2], "defend"))), walkAll(t, tr.tool(token(t, seats[4], "study")))
	defend := indicators(t, broker, "indicators to defend")
	for _, want := range []string{"'login-3.northw1nd-bank.net'", "'46.8.21.3'", "CVE-2024-1003", fmt.Sprintf("%064x", 3)} {
		if !strings.Contains(defend, want) {
			t.Errorf("a broker that defends itself is not told %s", want)
		}
	}
	if all := indicators(t, university, "indicators to study"); strings.Contains(all, "northw1nd") {
		t.Error("a university is told values that are granted to defend")
	}
	if len(university) != 2 {
		t.Errorf("a token for one purpose opens %d collections", len(university))
	}
	for _, seen := range [][]taxiicheck.Seen{broker, university} {
		for _, s := range seen {
			for i, o := range s.Objects {
				for _, not := range []string{"victim-", "Firm ", "Bank", string(seats[0].Member.Agreement.Member.ID), "case-"} {
					if strings.Contains(string(o), not) {
						t.Errorf("%s holds %q: %s", s.Title, not, o)
					}
				}
				if added := s.Added[i]; added[:len("2006-01-02T00:00:00")] != time.Now().UTC().Format("2006-01-02T00:00:00") {
					t.Errorf("date_added %s tells more than the day", added)
				}
			}
		}
	}
	if other := indicators(t, walkAll(t, tr.tool(token(t, seats[1], "defend"))), "indicators to defend"); sharesID(defend, other) {
		t.Error("two members know an object under one id")
	}
}

func sharesID(a, b string) bool {
	for _, part := range strings.Split(a, `"id":"indicator--`)[1:] {
		if strings.Contains(b, part[:36]) {
			return true
		}
	}
	return false
}

// What is suspended, erased or narrowed is gone with the next request, and what
// stays keeps its place.
func TestAnObjectIsGoneWithTheNextRequestOnceItsContributorIs(t *testing.T) {
	ctx := t.Context()
	tr, seats := aTrustForTools(t, 12)
	c := tr.tool(token(t, seats[2], "defend"))
	before := indicators(t, walkAll(t, c), "indicators to defend")
	if again := indicators(t, walkAll(t, c), "indicators to defend"); again != before {
		t.Error("nothing changed, and the objects did")
	}
	victim := seats[0].Member.Agreement.Member.ID // told the even cases
	rows, err := tr.Hub.Store.ByMember(ctx, victim, 0, 1)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if _, err := tr.Hub.Erase(ctx, victim, []wire.ReportID{rows[0].Report}, wire.ReasonOther); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Hub.Consolidate.Run(ctx); err != nil {
		t.Fatal(err)
	}
	left := indicators(t, walkAll(t, c), "indicators to defend")
	if strings.Contains(before, `"revoked":true`) || !strings.Contains(left, `"revoked":true`) {
		t.Error("who polls is not told what was taken back")
	}
	if strings.Contains(left, "'login-10.northw1nd-bank.net'") || !strings.Contains(left, "'login-8.northw1nd-bank.net'") {
		t.Error("the objects of an erased report are still served, or others are not")
	}
	stood := objectsOf(before)
	for _, o := range objectsOf(left) {
		if strings.Contains(o, `"revoked":true`) {
			continue
		}
		i := slices.Index(stood, o)
		if i < 0 {
			t.Fatalf("what stayed changed or moved: %s", o)
		}
		stood = stood[i+1:]
	}
	// The suspension is a matter of the door alone: nothing is consolidated.
	if err := tr.Hub.Door.Suspend(ctx, victim); err != nil {
		t.Fatal(err)
	}
	during := indicators(t, walkAll(t, c), "indicators to defend")
	if strings.Contains(during, "'login-8.northw1nd-bank.net'") || !strings.Contains(during, "'login-7.northw1nd-bank.net'") {
		t.Error("the objects of a suspended contributor are still served, or others are not")
	}
	if err := tr.Hub.Door.Lift(ctx, victim); err != nil {
		t.Fatal(err)
	}
	if after := indicators(t, walkAll(t, c), "indicators to defend"); !strings.Contains(after, "'login-8.northw1nd-bank.net'") {
		t.Error("after the suspension its objects do not come back")
	}
}

// A token reads for its member alone, as long as it may.
func TestATokenOpensNothingElse(t *testing.T) {
	ctx := t.Context()
	tr, seats := aTrustForTools(t, 2)
	given := token(t, seats[2], "defend")
	discovery := given.TAXII
	for name, c := range map[string]struct {
		authorization string
		status        int
	}{
		"the token alone":            {"Bearer " + given.Token, 200},
		"as taxii2-client sends it":  {"Token " + given.Token, 200},
		"as the member's password":   {basic(given.User, given.Token), 200},
		"as another's password":      {basic(string(seats[1].Member.Agreement.Member.ID), given.Token), 401},
		"as nobody's password":       {basic("", given.Token), 401},
		"another token":              {"Bearer " + strings.Repeat("a", len(given.Token)), 401},
		"nothing":                    {"", 401},
		"a credential of the member": {"Concord x.y", 401},
	} {
		if got := status(t, "GET", discovery, c.authorization, ""); got != c.status {
			t.Errorf("%s: %d, expected %d", name, got, c.status)
		}
	}
	if got := status(t, "GET", tr.URL+"/v1/sectors/finance/incidents", "Bearer "+given.Token, ""); got != 401 {
		t.Errorf("a token opens the member's own interface: %d", got)
	}
	if got := status(t, "GET", discovery+"health/collections/", "Bearer "+given.Token, ""); got != 404 {
		t.Errorf("another sector: %d", got)
	}
	objects := discovery + "finance/collections/indicators-defend/objects/"
	if got := status(t, "POST", objects, "Bearer "+given.Token, `{"objects":[{"type":"malware","id":"malware--1"}]}`); got != 403 {
		t.Errorf("adding: %d", got)
	}
	if got := status(t, "DELETE", objects+"indicator--1/", "Bearer "+given.Token, ""); got != 403 {
		t.Errorf("deleting: %d", got)
	}
	if _, err := seats[4].Member.Hub.Token(ctx, wire.TokenRequest{Purposes: []string{"supervise"}}); err == nil {
		t.Error("a token for a purpose that is not agreed")
	}
	reader := seats[2].Member.Agreement.Member.ID
	if err := tr.Hub.Door.Suspend(ctx, reader); err != nil {
		t.Fatal(err)
	}
	if got := status(t, "GET", objects, "Bearer "+given.Token, ""); got != 403 {
		t.Errorf("while suspended: %d", got)
	}
	if err := tr.Hub.Door.Lift(ctx, reader); err != nil {
		t.Fatal(err)
	}
	if _, err := seats[2].Member.Hub.Token(ctx, wire.TokenRequest{End: true}); err != nil {
		t.Fatal(err)
	}
	if got := status(t, "GET", objects, "Bearer "+given.Token, ""); got != 401 {
		t.Errorf("an ended token: %d", got)
	}
}

// met is what a client of others met of a collection.
type met struct {
	Title                             string
	Pages, Objects, Manifest, Revoked int
	CanWrite                          bool `json:"can_write"`
	IDs                               []string
	Types                             map[string]int
	Patterns                          []string
}

// What others wrote to read such servers reads this one: taxii2-client pages
// through every collection, and stix2 takes every object, also one that was
// taken back.
func TestClientsOfOthersReadEveryCollection(t *testing.T) {
	python := taxiicheck.Python(t, "taxii2client", "stix2")
	tr, seats := aTrustForTools(t, 40)
	given := token(t, seats[2])
	want := len(deliver.Kinds()) * len(seats[2].Member.Agreement.Purposes)
	theyWalk(t, python, given, want, "'login-7.northw1nd-bank.net'")
	teller := seats[0].Member.Agreement.Member.ID
	rows, err := tr.Hub.Store.ByMember(t.Context(), teller, 0, 1)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if _, err := tr.Hub.Erase(t.Context(), teller, []wire.ReportID{rows[0].Report}, wire.ReasonOther); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Hub.Consolidate.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	revoked := 0
	for _, c := range theyWalk(t, python, given, want, "'login-7.northw1nd-bank.net'") {
		revoked += c.Revoked
	}
	if revoked == 0 {
		t.Error("a report was erased, and no object is revoked")
	}
}

// theyWalk lets taxii2-client and stix2 read all that a token opens.
func theyWalk(t *testing.T, python string, given wire.TokenGiven, want int, value string) (met []met) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "../internal/taxiicheck/clients/walk.py", given.TAXII, given.User, given.Token, "25")
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errors.String())
	}
	if err := json.Unmarshal(out, &met); err != nil {
		t.Fatal(err)
	}
	clear := false
	if len(met) != want {
		t.Errorf("%d collections are met, expected %d", len(met), want)
	}
	for _, c := range met {
		t.Logf("%s: %d objects in %d pages, %v", c.Title, c.Objects, c.Pages, c.Types)
		distinct := map[string]bool{}
		for _, id := range c.IDs {
			distinct[id] = true
		}
		if c.CanWrite || c.Objects != c.Manifest || len(distinct) != c.Objects || c.Objects > 25 && c.Pages < 2 {
			t.Errorf("%s: %d objects, %d of them different, %d in the manifest, %d pages", c.Title, c.Objects, len(distinct), c.Manifest, c.Pages)
		}
		for _, p := range c.Patterns {
			clear = clear || strings.Contains(p, value)
		}
	}
	if !clear {
		t.Error("no served indicator holds a clear value that its audience may see")
	}
	return met
}
