package node

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if f := fault.Public(err); err == nil || f.Code != code {
		t.Errorf("got %v, want a fault %s", err, code)
	}
}

func TestAConnectionStringIsASecretInAFileOfItsOwner(t *testing.T) {
	dir := t.TempDir()
	c, err := InitHub(filepath.Join(dir, "hub"), "hub-1", "A hub", "127.0.0.1:0", "http://127.0.0.1:8440")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "postgres://hub:secret-word@127.0.0.1:1/hub"
	file := filepath.Join(dir, "dsn")
	c.Hub.Store = &StoreConfig{Kind: StorePostgres, DSNFile: file}
	for name, one := range map[string]struct {
		content, code string
		mode          os.FileMode
	}{
		"that is not there":      {"", "store.dsn_file", 0},
		"that the group reads":   {secret, "store.dsn_file", 0o640},
		"that is empty":          {" \n", "store.dsn_file", 0o600},
		"with two lines":         {secret + "\n" + secret, "store.dsn_file", 0o600},
		"with no bounds":         {strings.Repeat("x", maxDSN+1), "store.dsn_file", 0o600},
		"that says nothing":      {"postgres://hub:secret-word@[", "store.bad_dsn", 0o600},
		"of a server not there":  {secret + "\n", "store.away", 0o600},
		"of a server in clear":   {strings.ReplaceAll(secret, "127.0.0.1:1", "db.example"), "store.plain", 0o600},
		"of a word for a server": {"secret-word", "store.bad_dsn", 0o600},
	} {
		if one.mode != 0 {
			if err := os.WriteFile(file, []byte(one.content), one.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, one.mode); err != nil {
				t.Fatal(err)
			}
		} else if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		_, err := OpenHub(t.Context(), c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if f := fault.Public(err); err == nil || f.Code != one.code || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("a file %s: got %v, want %s", name, err, one.code)
		}
		problems := c.CheckFiles()
		if wrong := one.code == "store.dsn_file"; len(problems) > 0 != wrong {
			t.Errorf("a file %s: the check says %v", name, problems)
		}
	}
}

// badReceipt gives a hub's record a contribution whose receipt nobody signed.
func badReceipt(t *testing.T, c *Config) {
	t.Helper()
	ctx := context.Background()
	h, err := c.openStore(ctx, c.Hub.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	const m = wire.MemberID("m-1")
	if err := h.AddInvitation(ctx, []byte("code"), admit.Invitation{Created: time.Now(), ValidUntil: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	_, err = h.Join(ctx, []byte("code"), time.Now(), func(admit.Found) (admit.Joined, error) {
		return admit.Joined{Member: member.Member{ID: m, Key: []byte("key")}, KeyID: "key", Agreement: admit.Held{ID: "a-1", Member: m, Signed: []byte("x")}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Commit(ctx, m, "c-1", nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{Contribution: "c-1", Member: m, Receipt: []byte("{}")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestARecordWithAReceiptThatDoesNotHoldIsNotMoved(t *testing.T) {
	c, err := InitHub(filepath.Join(t.TempDir(), "hub"), "hub-1", "A hub", "127.0.0.1:0", "http://127.0.0.1:8440")
	if err != nil {
		t.Fatal(err)
	}
	to := StoreConfig{Kind: StorePostgres, DSNFile: "nowhere"}
	_, err = MigrateStore(t.Context(), c, to, false)
	wantCode(t, err, "store.nothing")
	badReceipt(t, c)
	_, err = MigrateStore(t.Context(), c, to, false)
	wantCode(t, err, "store.receipt")
	if !strings.Contains(err.Error(), "c-1") {
		t.Errorf("the message does not name the contribution: %v", err)
	}
	_, err = MigrateStore(t.Context(), c, StoreConfig{Kind: StoreSQLite}, false)
	wantCode(t, err, "store.same")
	h, err := c.openStore(t.Context(), nil)
	if err != nil {
		t.Fatalf("the record that was not moved does not open: %v", err)
	}
	h.Close()
}

// Two processes whose clocks tick at different moments take one snapshot a
// period between them, and one that fails is not waited for.
func TestScheduledWorkIsDoneByOneProcess(t *testing.T) {
	c, err := InitHub(filepath.Join(t.TempDir(), "hub"), "hub-1", "A hub", "127.0.0.1:0", "http://127.0.0.1:8440")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var processes []*Hub
	for range 2 {
		h, err := OpenHub(t.Context(), c, func() time.Time { return at }, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		processes = append(processes, h)
	}
	done, fail := 0, false
	run := func(context.Context) error {
		done++
		if fail {
			return fault.New(fault.Unavailable, "test.fails", "not now")
		}
		return nil
	}
	for i := range 10 { // each ticks once an hour, half an hour apart
		if err := processes[i%2].alone("statistics", Duration(time.Hour), run)(t.Context()); err != nil {
			t.Fatal(err)
		}
		at = at.Add(30 * time.Minute)
	}
	if done != 5 {
		t.Errorf("in five hours the work was done %d times", done)
	}
	done, fail = 0, true
	wantCode(t, processes[0].alone("statistics", Duration(time.Hour), run)(t.Context()), "test.fails")
	fail = false
	if err := processes[1].alone("statistics", Duration(time.Hour), run)(t.Context()); err != nil || done != 2 {
		t.Errorf("after a failure the work was done %d times, %v", done, err)
	}
}
