package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/store/storetest"
)

func openHub(t testing.TB, place string) storetest.Hub {
	t.Helper()
	h, err := store.OpenHub(context.Background(), filepath.Join(place, "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestRecord(t *testing.T)                           { storetest.Record(t, openHub) }
func TestAdmit(t *testing.T)                            { storetest.Admit(t, openHub) }
func TestCollections(t *testing.T)                      { storetest.Collections(t, openHub) }
func TestShelves(t *testing.T)                          { storetest.Shelves(t, openHub) }
func TestWebhooks(t *testing.T)                         { storetest.Webhooks(t, openHub) }
func TestPushes(t *testing.T)                           { storetest.Pushes(t, openHub) }
func TestRecalls(t *testing.T)                          { storetest.Recalls(t, openHub) }
func TestRequests(t *testing.T)                         { storetest.Requests(t, openHub) }
func TestWork(t *testing.T)                             { storetest.Work(t, openHub) }
func TestNothingAcknowledgedIsLostByAKill(t *testing.T) { storetest.Killed(t, openHub) }

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if f := fault.Public(err); err == nil || f.Code != code {
		t.Fatalf("got %v, want a fault %s", err, code)
	}
}

func TestAFileOfAnotherKindIsRefused(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "member.db")
	m, err := store.OpenMember(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenHub(ctx, path)
	wantCode(t, err, "store.other_kind")
	if !strings.Contains(err.Error(), "a member's outbox, not a hub's record") {
		t.Errorf("the message is %q", err)
	}
	if m, err = store.OpenMember(ctx, path); err != nil {
		t.Fatalf("after the refusal the file does not open as what it is: %v", err)
	}
	m.Close()
}

func TestAFileOfSomebodyElseIsRefusedAndLeftAlone(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	text := filepath.Join(dir, "text.db")
	content := []byte(strings.Repeat("this is no database\n", 100))
	if err := os.WriteFile(text, content, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.OpenHub(ctx, text)
	wantCode(t, err, "store.other_kind")
	if after, err := os.ReadFile(text); err != nil || string(after) != string(content) {
		t.Error("the file was changed")
	}

	foreign := filepath.Join(dir, "foreign.db")
	db, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE theirs (x)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = store.OpenHub(ctx, foreign)
	wantCode(t, err, "store.other_kind")
}

func TestANewerSchemaIsRefused(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "hub.db")
	h, err := store.OpenHub(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, 1)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	_, err = store.OpenHub(ctx, path)
	wantCode(t, err, "store.newer_schema")
	if !strings.Contains(err.Error(), "9000") || !strings.Contains(err.Error(), path) {
		t.Errorf("the message names neither version nor file: %q", err)
	}
}

func TestANewFileMayBeOpenedByTwoAtOnce(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "hub.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			h, err := store.OpenHub(ctx, path)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			if err := h.Ready(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOnlyTheOwnerMayReadTheFiles(t *testing.T) {
	dir := t.TempDir()
	h := openHub(t, dir)
	defer h.Close()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("files: %v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}

func TestAMissingFolderIsAClearError(t *testing.T) {
	_, err := store.OpenHub(t.Context(), filepath.Join(t.TempDir(), "nowhere", "hub.db"))
	wantCode(t, err, "store.unreadable")
}

func openSteward(t testing.TB, place string) storetest.Steward {
	t.Helper()
	s, err := store.OpenSteward(context.Background(), filepath.Join(place, "steward.db"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openMember(t testing.TB, place string) storetest.Queue {
	t.Helper()
	m, err := store.OpenMember(context.Background(), filepath.Join(place, "member.db"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLedger(t *testing.T) { storetest.Ledger(t, openSteward) }
func TestOutbox(t *testing.T) { storetest.Outbox(t, openMember) }

// An erased report's key must be gone from the file and from its log.
func TestAnErasedKeyIsInNoFile(t *testing.T) {
	dir := t.TempDir()
	h := openHub(t, dir)
	defer h.Close()
	const secret = "wrapped key that must vanish"
	m, r := storetest.Seed(t, h, []byte(secret))
	if !inFolder(t, dir, secret) {
		t.Fatal("the key was never stored: this test cannot fail")
	}
	if err := storetest.Erase(t.Context(), h, m, r); err != nil {
		t.Fatal(err)
	}
	if inFolder(t, dir, secret) {
		t.Error("the erased key is still in the hub's files")
	}
}

func inFolder(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), text) {
			return true
		}
	}
	return false
}
