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
	if _, err := fetchRelease(get, string(s.Made[0].ID), dir); fault.KindOf(err) != fault.Usage {
		t.Errorf("a folder that exists is written to: %v", err)
	}
	if _, err := fetchRelease(get, "nothing", dir+"2"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a release that is not there: %v", err)
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
