package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// database is the connection string of the database that stands for a place;
// child processes find it there too.
func database(t testing.TB, place string) string {
	t.Helper()
	file := filepath.Join(place, "dsn")
	if dsn, err := os.ReadFile(file); err == nil {
		return string(dsn)
	}
	dsn := postgrestest.Database(t)
	if err := os.WriteFile(file, []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return dsn
}

func openPostgres(t testing.TB, place string) storetest.Hub {
	t.Helper()
	return openDatabase(t, database(t, place))
}

func openDatabase(t testing.TB, dsn string) *store.Hub {
	t.Helper()
	h, err := store.OpenHubPostgres(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestPostgresRecord(t *testing.T)       { storetest.Record(t, openPostgres) }
func TestPostgresAdmit(t *testing.T)        { storetest.Admit(t, openPostgres) }
func TestPostgresCollections(t *testing.T)  { storetest.Collections(t, openPostgres) }
func TestPostgresShelves(t *testing.T)      { storetest.Shelves(t, openPostgres) }
func TestPostgresWork(t *testing.T)         { storetest.Work(t, openPostgres) }
func TestPostgresWebhooks(t *testing.T)     { storetest.Webhooks(t, openPostgres) }
func TestPostgresPushes(t *testing.T)       { storetest.Pushes(t, openPostgres) }
func TestPostgresRecalls(t *testing.T)      { storetest.Recalls(t, openPostgres) }
func TestPostgresRequests(t *testing.T)     { storetest.Requests(t, openPostgres) }
func TestPostgresConsolidated(t *testing.T) { storetest.Consolidated(t, openPostgres) }

func TestPostgresNothingAcknowledgedIsLostByAKill(t *testing.T) {
	storetest.Killed(t, openPostgres)
}

func TestPostgresConsolidationSurvivesAKillAtEachFailpoint(t *testing.T) {
	storetest.ConsolidationKilled(t, openPostgres)
}

// ask runs a statement beside the store.
func ask(t testing.TB, dsn, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestPostgresANewerSchemaIsRefused(t *testing.T) {
	dsn := postgrestest.Database(t)
	openDatabase(t, dsn).Close()
	ask(t, dsn, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)`)
	_, err := store.OpenHubPostgres(t.Context(), dsn)
	wantCode(t, err, "store.newer_schema")
	if !strings.Contains(err.Error(), "9000") {
		t.Errorf("the message names no version: %q", err)
	}
}

func TestADatabaseOfSomethingElseIsRefusedAndLeftAlone(t *testing.T) {
	dsn := postgrestest.Database(t)
	ask(t, dsn, `CREATE TABLE theirs (x INT)`)
	_, err := store.OpenHubPostgres(t.Context(), dsn)
	wantCode(t, err, "store.other_kind")
	ask(t, dsn, `DROP TABLE theirs`)
	ask(t, dsn, `DO $$ BEGIN IF EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public') THEN RAISE 'tables were made'; END IF; END $$`)
}

func TestAServerThatWouldChangeOrLoseWhatIsStoredIsRefused(t *testing.T) {
	c := postgrestest.Start(t)
	c.Do(t, `CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	dsn := c.Database(t)
	_, err := store.OpenHubPostgres(t.Context(), dsn+" dbname=latin")
	wantCode(t, err, "store.encoding")
	_, err = store.OpenHubPostgres(t.Context(), dsn+" dbname=nowhere")
	wantCode(t, err, "store.no_database")
	_, err = store.OpenHubPostgres(t.Context(), dsn+" user=nobody-known")
	wantCode(t, err, "store.refused")
	c.Do(t, `ALTER SYSTEM SET fsync = off`)
	c.Do(t, `SELECT pg_reload_conf()`)
	limit := time.Now().Add(time.Minute)
	for { // the server takes the setting over when it gets to it
		h, err := store.OpenHubPostgres(t.Context(), dsn)
		if err == nil {
			h.Close()
		} else if fault.Public(err).Code == "store.not_durable" {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("a server with fsync off: %v", err)
		}
	}
}

// What a role or a database has by default must not weaken a commit.
func TestACommitIsDurableWhateverTheRolesDefaults(t *testing.T) {
	dsn := postgrestest.Database(t)
	ask(t, dsn, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
		EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$`)
	h := openDatabase(t, dsn)
	defer h.Close()
	ask(t, dsn, `CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF current_setting('synchronous_commit') <> 'on' OR current_setting('transaction_isolation') <> 'read committed'
		THEN RAISE 'weakened'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER held BEFORE INSERT ON contribution FOR EACH ROW EXECUTE FUNCTION held()`)
	storetest.Seed(t, h, []byte("key"))
}

// The trigger fails in the way of an undone transaction; the sequence counts,
// since no rollback takes a number back.
func TestAWriteThatTheServerUndoesForOthersIsTriedAgain(t *testing.T) {
	for code, name := range map[string]string{"40001": "serialisation failure", "40P01": "deadlock"} {
		dsn := postgrestest.Database(t)
		h := openDatabase(t, dsn)
		ask(t, dsn, fmt.Sprintf(`CREATE SEQUENCE tries; CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('tries') < 4 THEN RAISE EXCEPTION 'undone' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$;
			CREATE TRIGGER undo BEFORE INSERT ON contribution FOR EACH ROW EXECUTE FUNCTION undo()`, code))
		storetest.Seed(t, h, []byte("key"))
		rows, err := h.After(t.Context(), 0, 10)
		if err != nil || len(rows) != 1 || rows[0].Seq != 1 {
			t.Errorf("%s: after three tries the record has %d rows, %v", name, len(rows), err)
		}
		ask(t, dsn, `ALTER SEQUENCE tries MINVALUE -1000000 RESTART WITH -1000000`)
		err = h.Update(t.Context(), func(consolidate.Workbench) error { return nil })
		if err != nil {
			t.Errorf("%s: what was not undone: %v", name, err)
		}
		h.Close()
	}
}

func TestPostgresANewDatabaseMayBeOpenedByManyAtOnce(t *testing.T) {
	dsn := postgrestest.Database(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			h, err := store.OpenHubPostgres(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			if err := h.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestAConnectionThatOthersCouldOverhearIsRefused(t *testing.T) {
	for dsn, code := range map[string]string{
		"postgres://hub:secret-word@db.example/hub":                           "store.plain",
		"postgres://hub:secret-word@db.example/hub?sslmode=disable":           "store.plain",
		"postgres://hub:secret-word@db.example/hub?sslmode=require":           "store.plain", // whoever answers
		"host=192.0.2.1 user=hub password=secret-word sslmode=prefer":         "store.plain",
		"postgres://hub:secret-word@db.example:port/hub":                      "store.bad_dsn",
		"host=db.example password=secret-word sslmode=sometimes":              "store.bad_dsn",
		"postgres://hub:secret-word@127.0.0.1:1/hub":                          "store.away",
		"postgres://hub:secret-word@127.0.0.1:1/hub?sslmode=verify-full":      "store.away",
		"host=/nowhere/that/is user=hub password=secret-word":                 "store.away",
		"postgres://hub:secret-word@hub.invalid/hub?sslmode=verify-full":      "store.away",
		"postgres://hub:secret-word@127.0.0.1:1,db.example/hub?sslmode=allow": "store.plain",
	} {
		_, err := store.OpenHubPostgres(t.Context(), dsn)
		wantCode(t, err, code)
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "secret-word") {
				t.Errorf("an error tells the password: %v", e)
			}
		}
	}
}

func TestATextThatTheServerCannotStoreIsToldAsSuch(t *testing.T) {
	h := openDatabase(t, postgrestest.Database(t))
	defer h.Close()
	m, _ := storetest.Seed(t, h, []byte("key"))
	err := h.AddLink(t.Context(), []byte("code"), admit.Link{Member: m, Person: "A\x00B", Created: time.Unix(1, 0), Expires: time.Unix(2, 0)})
	wantCode(t, err, "store.bad_text")
}

// A batch of consolidation takes long; with one turn for all, this would wait
// for itself.
func TestWhoSubmitsDoesNotWaitForConsolidation(t *testing.T) {
	h := openDatabase(t, postgrestest.Database(t))
	defer h.Close()
	err := h.Update(t.Context(), func(w consolidate.Workbench) error {
		storetest.Seed(t, h, []byte("key"))
		return w.MoveCursor(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	at, err := h.Cursor(t.Context())
	rows, err2 := h.After(t.Context(), 0, 10)
	if err := errors.Join(err, err2); err != nil || at != 1 || len(rows) != 1 {
		t.Errorf("the cursor is at %d of %d rows, %v", at, len(rows), err)
	}
}

// While the server is away every answer says so and that nothing is lost; once
// it is back the same handle works.
func TestAServerThatGoesAndComesBackIsMetAgain(t *testing.T) {
	c := postgrestest.Start(t)
	h := openDatabase(t, c.Database(t))
	defer h.Close()
	storetest.Seed(t, h, []byte("key"))
	for range 2 {
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, ask := range []func() error{
			func() error { return h.Ready(t.Context()) },
			func() error { _, err := h.After(t.Context(), 0, 1); return err },
			func() error { return h.Suspend(t.Context(), "m-none", true) },
		} {
			// The server's children end a moment after it, one by one, and
			// any of them may still serve a connection that was open.
			err, limit := ask(), time.Now().Add(time.Minute)
			for fault.Public(err).Code != "store.away" && time.Now().Before(limit) {
				err = ask()
			}
			wantCode(t, err, "store.away")
		}
		if err := c.Restart(); err != nil {
			t.Fatal(err)
		}
		if rows, err := h.After(t.Context(), 0, 10); err != nil || len(rows) != 1 {
			t.Errorf("after the server came back: %d rows, %v", len(rows), err)
		}
		if err := h.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// The data files are what a stolen disk or a copy shows; the server's own log
// keeps a key until it is recycled, which the documentation states.
func TestAnErasedKeyIsInNoTableOfTheServer(t *testing.T) {
	c := postgrestest.Start(t)
	dsn := c.Database(t)
	h := openDatabase(t, dsn)
	defer h.Close()
	const secret = "wrapped key that must vanish"
	m, r := storetest.Seed(t, h, []byte(secret))
	c.Do(t, `CHECKPOINT`)
	if !inTables(t, c.Folder(), secret) {
		t.Fatal("the key was never stored: this test cannot fail")
	}
	if err := storetest.Erase(t.Context(), h, m, r); err != nil {
		t.Fatal(err)
	}
	c.Do(t, `CHECKPOINT`)
	if inTables(t, c.Folder(), secret) {
		t.Error("the erased key is still in the server's tables")
	}
}

func inTables(t *testing.T, folder, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(folder, "base"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // dropped meanwhile
		}
		found = found || strings.Contains(string(content), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
