package sim

import (
	"bytes"
	"context"
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

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiicheck"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// pulledFeed is what an instance gets of a feed.
type pulledFeed struct {
	manifest map[string]map[string]any
	events   map[string]string // by UUID
	hashes   string
}

// text is all of it.
func (p pulledFeed) text() string {
	var b strings.Builder
	for _, e := range p.events {
		b.WriteString(e)
	}
	fmt.Fprintf(&b, "%v\n%s", p.manifest, p.hashes)
	return b.String()
}

// pullFeed pulls a feed as an instance does: the manifest, and what it names.
func pullFeed(t testing.TB, client *http.Client, given wire.TokenGiven) pulledFeed {
	t.Helper()
	get := func(name string) []byte {
		req, err := http.NewRequestWithContext(t.Context(), "GET", given.MISP+"/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(given.User, given.Token)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %.300s", name, res.Status, err, body)
		}
		return body
	}
	p := pulledFeed{events: map[string]string{}}
	if err := json.Unmarshal(get(misp.FeedManifest), &p.manifest); err != nil {
		t.Fatal(err)
	}
	for id := range p.manifest {
		event := get(id + misp.FeedEvent)
		p.events[id] = string(event)
		for _, c := range misp.Check(event) {
			if c.ID != id || len(c.Errors) > 0 {
				t.Errorf("%s as %s: %v", id, c.ID, c.Errors)
			}
		}
	}
	p.hashes = string(get(misp.FeedHashes))
	return p
}

// A MISP instance gets what its audience may have and nothing else, under ids
// of that member's own; on each store.
func TestAnInstancePullsWhatItsAudienceMayHave(t *testing.T) {
	t.Run(node.StoreSQLite, func(t *testing.T) { instancePulls(t, nil) })
	t.Run(node.StorePostgres, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		instancePulls(t, &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file})
	})
}

func instancePulls(t *testing.T, store *node.StoreConfig) {
	tr, seats := aTrustForTools(t, 12, func(c *node.HubConfig) { c.Store = store })
	given := token(t, seats[2], "defend")
	broker := pullFeed(t, http.DefaultClient, given)
	for _, want := range []string{"login-3.northw1nd-bank.net", "46.8.21.3", "CVE-2024-1003", fmt.Sprintf("%064x", 3), `"tlp:`, tr.Hub.Deliver.Title} {
		if !strings.Contains(broker.text(), want) {
			t.Errorf("a broker that defends itself is not told %s", want)
		}
	}
	for _, not := range []string{"victim-", "Firm ", `"Bank"`, string(seats[0].Member.Agreement.Member.ID), "case-"} {
		if strings.Contains(broker.text(), not) {
			t.Errorf("the feed holds %q", not)
		}
	}
	if again := pullFeed(t, http.DefaultClient, given); again.text() == "" || fmt.Sprint(again) != fmt.Sprint(broker) {
		t.Error("nothing changed, and the feed did")
	}
	study := token(t, seats[4], "study")
	if university := pullFeed(t, http.DefaultClient, study); len(university.manifest) != 0 || university.hashes != "" {
		t.Errorf("a university is told values that are granted to defend: %s", university.text())
	}
	insurer := pullFeed(t, http.DefaultClient, token(t, seats[1], "defend"))
	if len(insurer.manifest) == 0 {
		t.Error("an insurer pulls nothing")
	}
	for id := range insurer.manifest {
		if strings.Contains(broker.text(), id) {
			t.Error("two members know an event under one id")
		}
		if got := status(t, "GET", given.MISP+"/"+id+".json", "Bearer "+given.Token, ""); got != http.StatusNotFound {
			t.Errorf("another's event is answered with %d", got)
		}
	}
	for id := range broker.manifest {
		if got := status(t, "GET", given.MISP+"/"+id+".json", "Bearer "+study.Token, ""); got != http.StatusNotFound {
			t.Errorf("an event of another member and purpose is answered with %d", got)
		}
	}
}

// A suspension, an ended token and somebody else's close the feed; what a
// suspended contributor told is gone with the next request.
func TestAFeedOpensWithAMembersTokenAlone(t *testing.T) {
	ctx := t.Context()
	tr, seats := aTrustForTools(t, 12)
	given := token(t, seats[2], "defend")
	manifest := given.MISP + "/manifest.json"
	before := pullFeed(t, http.DefaultClient, given)
	for name, c := range map[string]struct {
		authorization string
		status        int
	}{
		"the token alone":            {"Bearer " + given.Token, 200},
		"as the member's password":   {basic(given.User, given.Token), 200},
		"as another's password":      {basic(string(seats[1].Member.Agreement.Member.ID), given.Token), 401},
		"as nobody's password":       {basic("", given.Token), 401},
		"another token":              {"Bearer " + strings.Repeat("a", len(given.Token)), 401},
		"nothing":                    {"", 401},
		"a credential of the member": {"Concord x.y", 401},
	} {
		if got := status(t, "GET", manifest, c.authorization, ""); got != c.status {
			t.Errorf("%s: %d, expected %d", name, got, c.status)
		}
	}
	for _, path := range []string{"", "x.json", "../indicators.csv", "finance", "manifest.json/x", "hashes.csv.json", ".json"} {
		if got := status(t, "GET", given.MISP+"/"+path, "Bearer "+given.Token, ""); got != 404 && got != 401 {
			t.Errorf("%q is answered with %d", path, got)
		}
	}
	if got := status(t, "POST", manifest, "Bearer "+given.Token, "{}"); got != 405 {
		t.Errorf("a POST is answered with %d", got)
	}
	victim := seats[0].Member.Agreement.Member.ID // told the even cases
	if err := tr.Hub.Door.Suspend(ctx, victim); err != nil {
		t.Fatal(err)
	}
	during := pullFeed(t, http.DefaultClient, given)
	if text := during.text(); strings.Contains(text, "login-8.northw1nd-bank.net") || !strings.Contains(text, "login-7.northw1nd-bank.net") {
		t.Error("the values of a suspended contributor are still in the feed, or others are not")
	}
	for id, line := range during.manifest {
		if line["timestamp"].(string) <= before.manifest[id]["timestamp"].(string) {
			t.Error("an instance would not fetch the event that lost values")
		}
	}
	reader := seats[2].Member.Agreement.Member.ID
	if err := tr.Hub.Door.Suspend(ctx, reader); err != nil {
		t.Fatal(err)
	}
	if got := status(t, "GET", manifest, "Bearer "+given.Token, ""); got != 403 {
		t.Errorf("while suspended: %d", got)
	}
	if err := tr.Hub.Door.Lift(ctx, reader); err != nil {
		t.Fatal(err)
	}
	if _, err := seats[2].Member.Hub.Token(ctx, wire.TokenRequest{End: true}); err != nil {
		t.Fatal(err)
	}
	if got := status(t, "GET", manifest, "Bearer "+given.Token, ""); got != 401 {
		t.Errorf("an ended token: %d", got)
	}
}

// runClient runs a client of others and reads the line that it prints.
func runClient(t *testing.T, into any, python, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, append([]string{filepath.Join("../internal/taxiicheck/clients", script)}, args...)...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errors.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

// PyMISP, which others wrote, loads every event of the feed and makes of it the
// manifest and the hashes that the hub serves.
func TestPyMISPLoadsTheFeed(t *testing.T) {
	python := taxiicheck.Python(t, "pymisp")
	tr, seats := aTrustForTools(t, 300)
	// A wallet of a currency for which MISP has no type becomes an object.
	doc := `{"native":"case-wallet","victim":{"victim_id":"Firm W","industry":"522110","country":["US"]},"timeline":{"incident":"2026-03-11"},"action":{"malware":{"variety":["Ransomware"]}},"observables":[{"type":"wallet","value":"LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9"}]}`
	if account, err := seats[0].Tell(t.Context(), strings.NewReader(doc), "case.json", "report"); err != nil || account.Lost() != 0 {
		t.Fatal(account, err)
	}
	if d, err := seats[0].Send(t.Context()); err != nil || d.Accepted != 1 {
		t.Fatalf("delivery %+v: %v", d, err)
	}
	if _, err := tr.Hub.Consolidate.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	given := token(t, seats[2])
	var met []struct {
		UUID, Info, Org          string
		Tags, Types, Values, IDs []string
		Labels                   []string
	}
	runClient(t, &met, python, "feed.py", given.MISP, given.User, given.Token)
	ids, clear, wallet, most := map[string]bool{}, false, false, 0
	for _, e := range met {
		t.Logf("%s: %d values, %v, %v", e.Info, len(e.Values), e.Types, e.Tags)
		clear = clear || slices.Contains(e.Values, "login-7.northw1nd-bank.net") && slices.Contains(e.Tags, `concord:purpose="defend"`)
		wallet = wallet || slices.Contains(e.Values, "LVg2kJoFNg45Nbpy53h7Fe1wKyeXVRhMH9")
		most = max(most, len(e.Values))
		if e.Org == "" || len(e.Labels) != 2*len(e.Values) || // TLP and PAP
			!strings.HasPrefix(e.Tags[0], "tlp:") {
			t.Errorf("%s by %q with %v bears %d labels", e.Info, e.Org, e.Tags, len(e.Labels))
		}
		for _, id := range append(e.IDs, e.UUID) {
			if ids[id] {
				t.Errorf("%s is there twice", id)
			}
			ids[id] = true
		}
	}
	if !clear || !wallet || most < 900 {
		t.Errorf("values that the audience may see are missing (%v, %v), or the longest event, of %d values, is short", clear, wallet, most)
	}
}

// pandas reads a release's Parquet as what its CSV and JSON Lines say.
func TestPandasReadsTheParquetOfARelease(t *testing.T) {
	python := taxiicheck.Python(t, "pandas", "pyarrow")
	d := Demo{Seed: 3, Reports: 1500, Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	trust, s, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := trust.Close(); err != nil {
			t.Error(err)
		}
	}()
	if len(s.Made) == 0 {
		t.Fatal("no release was made")
	}
	for _, r := range s.Made {
		dir := t.TempDir()
		files := filesOf(t, trust, r.ID)
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var read struct {
			Rows    int
			Columns []string
			Counts  map[string]map[string]int
		}
		runClient(t, &read, python, "release.py", dir)
		t.Logf("%s: %d rows of %d columns", r.Sector, read.Rows, len(read.Columns))
		if lines := bytes.Count(files["incidents.jsonl"], []byte("\n")); read.Rows != r.Records || lines != r.Records || len(read.Columns) < 5 || len(read.Counts["action.hacking.variety"])+len(read.Counts["action.malware.variety"])+len(read.Counts["action.social.variety"]) == 0 {
			t.Errorf("pandas reads %d rows of %d columns; the release has %d records", read.Rows, len(read.Columns), r.Records)
		}
	}
}
