package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/sim"
)

func TestAFetchedReleaseIsWhatTheCheckWants(t *testing.T) {
	d := sim.Demo{Seed: 1, Reports: 1500, Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
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
		t.Fatalf("there is no release: %v", s.NotMade)
	}
	i := slices.IndexFunc(trust.Members, func(m *sim.Seat) bool {
		return m.Party.Kind == "university" && slices.Contains(m.Party.Sectors, s.Made[0].Sector)
	})
	get := func(path string) ([]byte, error) { return trust.Members[i].Member.Hub.Get(t.Context(), path) }
	dir := filepath.Join(t.TempDir(), "release")
	r, err := fetchRelease(get, string(s.Made[0].ID), dir)
	if err != nil {
		t.Fatal(err)
	}
	content, err := readRelease(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := anonymise.CheckFiles(content); err != nil || len(content) != len(r.Files) || r.Cite == "" {
		t.Errorf("%d of %d files were fetched: %v", len(content), len(r.Files), err)
	}
	checkIsComparable(t, dir, r, content)
	useIsTold(t, r)
	commandsAreHinted(t, trust, d.Dir)
	if _, err := fetchRelease(get, string(s.Made[0].ID), dir); fault.KindOf(err) != fault.Usage {
		t.Errorf("a folder that exists is written to: %v", err)
	}
	if _, err := fetchRelease(get, "nothing", dir+"2"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a release that is not there: %v", err)
	}
}

// ran runs a command as it would be typed.
func ran(t *testing.T, args ...string) string {
	t.Helper()
	root := newRoot()
	var out strings.Builder
	root.SetOut(&out)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

// checkIsComparable: what the check prints is what the hub states, and what a
// citation needs.
func checkIsComparable(t *testing.T, dir string, r fetched, content map[string][]byte) {
	t.Helper()
	var about struct{ K, Records, Suppressed int }
	if err := json.Unmarshal(content["release.json"], &about); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content["SHA256SUMS"])
	want := hex.EncodeToString(sum[:])
	if r.Sums != want {
		t.Errorf("the checksum that is fetched is %q; %s is wanted", r.Sums, want)
	}
	words := ran(t, "release", "check", dir)
	for _, part := range []string{"SHA-256 of SHA256SUMS: " + want, "whether the release was withdrawn, which only that page tells", count(about.Records, "record")} {
		if !strings.Contains(words, part) {
			t.Errorf("the check does not say %q: %s", part, words)
		}
	}
	var got struct {
		Release, SHA256sums    string
		K, Records, Suppressed int
		Right                  bool
	}
	if err := json.Unmarshal([]byte(ran(t, "release", "check", dir, "--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.SHA256sums != want || got.Release != r.Release || got.K != about.K || got.Records != about.Records || got.Suppressed != about.Suppressed || !got.Right {
		t.Errorf("as JSON the check says %+v", got)
	}
}

// useIsTold: marking, codes and agreement stand in one line.
func useIsTold(t *testing.T, r fetched) {
	t.Helper()
	line := r.mayDo()
	for _, part := range []string{r.TLP, "pass it on " + r.passOn, "GRU general research use (DUO:0000042)", "concord member agreement", "concord member confirm"} {
		if part == "" || !strings.Contains(line, part) {
			t.Errorf("the line does not say %q: %s", part, line)
		}
	}
}

// commandsAreHinted: beside each sign-in link stands the visitor's own
// configuration.
func commandsAreHinted(t *testing.T, trust *sim.Trust, dir string) {
	t.Helper()
	visitors, err := trust.Visitors(t.Context())
	if err != nil || len(visitors) == 0 {
		t.Fatalf("%d visitors, %v", len(visitors), err)
	}
	var out strings.Builder
	tellVisitors(&out, trust.URL, visitors)
	for _, v := range visitors {
		config, err := node.LoadConfig(v.Config)
		if err != nil || config.Member == nil || !strings.HasPrefix(v.Config, dir) {
			t.Errorf("the configuration of %s is %s: %v", v.Member, v.Config, err)
			continue
		}
		i := slices.IndexFunc(trust.Members, func(m *sim.Seat) bool { return m.Member.Config.Dir == config.Dir })
		if i < 0 || trust.Members[i].Party.Name != v.Member || !strings.Contains(out.String(), "export CONCORD_CONFIG="+shellWord(v.Config)+"\n") {
			t.Errorf("%s is not told its configuration %s: %s", v.Member, v.Config, out.String())
		}
	}
}

func TestAPathIsOneWordOfTheShell(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp/concord-demo-1/member-060/concord.yaml": "/tmp/concord-demo-1/member-060/concord.yaml",
		"/tmp/my demo/concord.yaml":                   "'/tmp/my demo/concord.yaml'",
		"/tmp/it's/$HOME":                             `'/tmp/it'\''s/$HOME'`,
		"~/x":                                         "'~/x'",
		"":                                            "''",
	} {
		if got := shellWord(path); got != want {
			t.Errorf("%q is written %s", path, got)
		}
	}
}

// Of a withdrawn release nothing is made, and what to do is said.
func TestAWithdrawnReleaseIsNotFetched(t *testing.T) {
	parent := t.TempDir()
	get := func(path string) ([]byte, error) {
		if strings.Contains(path, "/files/") {
			t.Errorf("%s is asked for", path)
		}
		return json.Marshal(anonymise.Release{ID: "finance-1", Cite: "somebody (2026)",
			Withdrawn: &anonymise.Withdrawal{Code: anonymise.Recalled, Why: "it may not be kept", Next: "delete your copies"}})
	}
	_, err := fetchRelease(get, "finance-1", filepath.Join(parent, "release"))
	if f := fault.Public(err); f == nil || f.Code != "release.withdrawn" || !strings.Contains(f.Message, "it may not be kept; delete your copies") || ending(io.Discard, err) != exitFailed {
		t.Errorf("it ends with %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// A hub that names no file has no release to give.
func TestAReleaseOfNoFilesIsNone(t *testing.T) {
	parent := t.TempDir()
	get := func(string) ([]byte, error) { return json.Marshal(anonymise.Release{ID: "finance-1"}) }
	if _, err := fetchRelease(get, "finance-1", filepath.Join(parent, "release")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("it ends with %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// A hub that lies writes nothing outside the folder, and nothing into it.
func TestWhatTheReleaseDoesNotDescribeIsNotKept(t *testing.T) {
	sum := sha256.Sum256([]byte("text"))
	right := hex.EncodeToString(sum[:])
	for name, file := range map[string]anonymise.File{
		"above":      {Name: "../escaped.csv", SHA256: right},
		"below":      {Name: "a/escaped.csv", SHA256: right},
		"absolute":   {Name: "/tmp/escaped.csv", SHA256: right},
		"backslash":  {Name: `..\escaped.csv`, SHA256: right},
		"other text": {Name: "incidents.csv", SHA256: strings.Repeat("0", 64)},
	} {
		parent := t.TempDir()
		dir := filepath.Join(parent, "release")
		get := func(path string) ([]byte, error) {
			if !strings.Contains(path, "/files/") {
				return json.Marshal(anonymise.Release{ID: "finance-1", Files: []anonymise.File{{Name: "good.csv", SHA256: right}, file}})
			}
			return []byte("text"), nil
		}
		_, err := fetchRelease(get, "finance-1", dir)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Invalid {
			t.Errorf("%s: the error is %v", name, err)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left behind, %v", name, left, err)
		}
	}
}
