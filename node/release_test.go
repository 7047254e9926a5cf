package node

import (
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Of every sector there is a release, or the reason why not.
func TestASectorHasAReleaseOrTheReasonWhyNot(t *testing.T) {
	c, err := InitHub(filepath.Join(t.TempDir(), "hub"), "hub-test", "A hub", "127.0.0.1:0", "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	h, err := OpenHub(t.Context(), c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	all, err := h.ReleaseEach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(c.Hub.Sectors) {
		t.Errorf("%d sectors are told of, not %d", len(all), len(c.Hub.Sectors))
	}
	for i, one := range all {
		if one.Sector != c.Hub.Sectors[i].Name || one.Release != nil || one.Code != "release.empty" || !strings.Contains(one.Reason, "no reports that research may study") {
			t.Errorf("told is %+v", one)
		}
	}
	text, err := json.Marshal(all[0])
	if err != nil || strings.Contains(string(text), "null") || !strings.Contains(string(text), `"reason":"nothing of the sector`) {
		t.Errorf("in JSON it is %s, %v", text, err)
	}
	if made, err := h.Release(t.Context()); err != nil || len(made) != 0 {
		t.Errorf("made are %v, %v", made, err)
	}
}
