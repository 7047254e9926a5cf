package postgrestest

import (
	"database/sql"
	"os"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func TestAKilledServerComesBackWithWhatWasCommitted(t *testing.T) {
	c := Start(t)
	db, err := sql.Open("pgx", c.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE kept (n INT); INSERT INTO kept VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	before, err := c.pid()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Restart(); err != nil {
		t.Fatal(err)
	}
	if after, err := c.pid(); err != nil || after == before {
		t.Fatalf("the server was not killed: %d, then %d, %v", before, after, err)
	}
	var n int
	db.QueryRow(`SELECT 1`).Scan(&n) //nolint:errcheck // meets the dead connection
	if err := db.QueryRow(`SELECT n FROM kept`).Scan(&n); err != nil || n != 1 {
		t.Errorf("after the kill: %d, %v", n, err)
	}
}

func TestDatabasesDoNotMeetAndTheServerEnds(t *testing.T) {
	if Database(t) == Database(t) {
		t.Error("two tests share a database")
	}
	bin := programs(t)
	c, err := start(bin)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := c.pid()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the server outlived its end")
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("its folder is left: %v", err)
	}
}
