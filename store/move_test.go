package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/store/storetest"
	"github.com/concord-trust/concord/wire"
)

func openFile(t testing.TB, path string) *store.Hub {
	t.Helper()
	h, err := store.OpenHub(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestAMovedRecordIsTheSameInEveryRowThereAndBack(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	first := openFile(t, filepath.Join(dir, "first.db"))
	defer first.Close()
	storetest.Fill(t, first)
	before, err := store.SurveyOf(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range before.Tables {
		if table.Rows == 0 {
			t.Errorf("the table %s is empty: this test would not see it left behind; let storetest.Fill write to it", table.Name)
		}
	}
	want := rowsOf(t, first)

	dsn := postgrestest.Database(t)
	second := openDatabase(t, dsn)
	defer second.Close()
	moved, err := store.Move(ctx, first, second)
	if err != nil || !reflect.DeepEqual(moved, before) {
		t.Fatalf("moved %+v, %v; there was %+v", moved, err, before)
	}
	if got := rowsOf(t, second); !reflect.DeepEqual(got, want) {
		t.Error("the moved record tells other reports")
	}
	third := openFile(t, filepath.Join(dir, "third.db"))
	defer third.Close()
	back, err := store.Move(ctx, second, third)
	if err != nil || !reflect.DeepEqual(back, before) {
		t.Fatalf("moved back %+v, %v; there was %+v", back, err, before)
	}
	if got := rowsOf(t, third); !reflect.DeepEqual(got, want) {
		t.Error("moved back, the record tells other reports")
	}
	// It lives on: numbers follow those that were given.
	storetest.Seed(t, third, []byte("key"))
	all := rowsOf(t, third)
	if n := len(all); n != len(want)+1 || all[n-1].Seq != want[len(want)-1].Seq+1 {
		t.Errorf("after the move there are %d rows, want %d", n, len(want)+1)
	}
}

func rowsOf(t *testing.T, h *store.Hub) []receive.Row {
	t.Helper()
	rows, err := h.After(t.Context(), 0, 1<<20)
	if err != nil || len(rows) == 0 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range rows { // engines hand out no bytes as nil, or as none
		rows[i].Body, rows[i].Digest = append([]byte{}, rows[i].Body...), append([]byte{}, rows[i].Digest...)
	}
	return rows
}

func TestAMovedRecordIsNoLongerWrittenNorOpened(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "hub.db")
	from := openFile(t, path)
	m, r := storetest.Seed(t, from, []byte("key"))
	running := openFile(t, path) // a hub that somebody forgot to stop
	defer running.Close()
	to := openDatabase(t, postgrestest.Database(t))
	defer to.Close()
	if _, err := store.Move(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	_, err := running.Commit(ctx, m, "c-late", nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{Contribution: "c-late", Member: m, Receipt: []byte("x"), Rows: []receive.Row{{Contribution: "c-late", Report: r, Revision: 9, Member: m,
			Digest: []byte("d"), Body: []byte("b"), Key: []byte("k")}}}, nil
	})
	wantCode(t, err, "store.moved")
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.OpenHub(ctx, path)
	wantCode(t, err, "store.moved")
}

func TestATargetThatHoldsSomethingIsRefusedAndNothingChanges(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	from, to := openFile(t, filepath.Join(dir, "hub.db")), openDatabase(t, postgrestest.Database(t))
	defer from.Close()
	defer to.Close()
	storetest.Fill(t, from)
	storetest.Seed(t, to, []byte("theirs"))
	before, err := store.SurveyOf(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Move(ctx, from, to)
	wantCode(t, err, "store.not_empty")
	if after, err := store.SurveyOf(ctx, to); err != nil || !reflect.DeepEqual(after, before) {
		t.Errorf("the target was changed: %+v, %v", after, err)
	}
	if _, err := from.RecordCounts(ctx); err != nil {
		t.Errorf("the refused move ended the old record: %v", err)
	}
}

// A move that died between its two commits left all rows in the target and no
// mark in the source: done again, it only marks.
func TestAMoveThatDiedBeforeTheMarkIsFinishedByMovingAgain(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "hub.db")
	from, to := openFile(t, path), openDatabase(t, postgrestest.Database(t))
	defer to.Close()
	storetest.Fill(t, from)
	ask := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	// The mark is what fails.
	ask(`CREATE TRIGGER unmarked BEFORE INSERT ON sequence BEGIN SELECT RAISE(ABORT, 'died'); END`)
	if _, err := store.Move(ctx, from, to); err == nil {
		t.Fatal("the move did not fail")
	}
	if empty, err := to.Empty(ctx); empty || err != nil {
		t.Fatalf("the target is empty: %v, %v", empty, err)
	}
	if _, err := from.RecordCounts(ctx); err != nil {
		t.Fatalf("the old record is ended: %v", err)
	}
	ask(`DROP TRIGGER unmarked`)
	if _, err := store.Move(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := store.OpenHub(ctx, path)
	wantCode(t, err, "store.moved")
}

func TestAMoveThatFailsLeavesTheTargetEmptyAndTheSourceInUse(t *testing.T) {
	ctx := t.Context()
	dsn := postgrestest.Database(t)
	from, to := openFile(t, filepath.Join(t.TempDir(), "hub.db")), openDatabase(t, dsn)
	defer from.Close()
	defer to.Close()
	storetest.Fill(t, from)
	ask(t, dsn, `CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name || '!'; RETURN NEW; END $$;
		CREATE TRIGGER other BEFORE INSERT ON member FOR EACH ROW EXECUTE FUNCTION other()`)
	_, err := store.Move(ctx, from, to)
	wantCode(t, err, "store.move_differs")
	if empty, err := to.Empty(ctx); !empty || err != nil {
		t.Errorf("the failed move left something: %v", err)
	}
	m, _ := storetest.Seed(t, from, []byte("key"))
	if rows, err := from.ByMember(ctx, m, 0, 1); err != nil || len(rows) != 1 {
		t.Errorf("the old record is no longer in use: %v", err)
	}
}

func TestReceiptsAreAllTold(t *testing.T) {
	h := openFile(t, filepath.Join(t.TempDir(), "hub.db"))
	defer h.Close()
	storetest.Fill(t, h)
	counts, err := h.RecordCounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	told := map[wire.ContributionID]bool{}
	err = h.Receipts(t.Context(), func(m wire.MemberID, c wire.ContributionID, receipt []byte) error {
		if stored, err := h.Receipt(t.Context(), m, c); err != nil || string(stored) != string(receipt) || told[c] {
			return fmt.Errorf("%s of %s: %q, stored %q, %w", c, m, receipt, stored, errors.Join(err))
		}
		told[c] = true
		return nil
	})
	if err != nil || int64(len(told)) != counts.Contributions || len(told) < 500 {
		t.Errorf("%d of %d receipts are told, %v", len(told), counts.Contributions, err)
	}
}
