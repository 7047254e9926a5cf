package sim

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the reference writes with the bare driver

	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
)

// portionOf is one file of n reports that a member of both sectors could
// submit; each serial makes another.
func portionOf(b *testing.B, serial uint64, n int) []byte {
	b.Helper()
	w, err := New(Settings{Seed: serial, Reports: n, Members: 3, Sectors: []string{"finance", "health"}, Until: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		b.Fatal(err)
	}
	var file bytes.Buffer
	for d := range w.Documents {
		if d.Kind == First {
			// Another seed numbers its events in the same way.
			file.Write(bytes.Replace(d.JSON, []byte(d.Native), fmt.Appendf(nil, "%d-%s", serial, d.Native), 1))
			file.WriteByte('\n')
		}
	}
	return file.Bytes()
}

// BenchmarkSubmit measures the whole way of a report at one member: collected,
// minimised, tokenised by a steward with proofs, sealed, queued durably, sent
// over HTTP, verified and stored durably by the hub, receipted; on each store.
func BenchmarkSubmit(b *testing.B) {
	b.Run(node.StoreSQLite, func(b *testing.B) { submitTo(b, nil) })
	b.Run(node.StorePostgres, func(b *testing.B) {
		file := filepath.Join(b.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(b)), 0o600); err != nil {
			b.Fatal(err)
		}
		submitTo(b, &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file})
	})
}

func submitTo(b *testing.B, store *node.StoreConfig) {
	trust, err := Open(b.Context(), b.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)), func(c *node.HubConfig) { c.Store = store })
	if err != nil {
		b.Fatal(err)
	}
	defer trust.Close()
	seat, err := trust.Seat(b.Context(), Party{Name: "Northwind Savings Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g", Sectors: []string{"finance", "health"}, Terms: "default"})
	if err != nil {
		b.Fatal(err)
	}
	reports, serial := 0, uint64(0)
	for b.Loop() {
		b.StopTimer()
		serial++
		file := portionOf(b, serial, 500)
		b.StartTimer()
		if account, err := seat.Tell(b.Context(), bytes.NewReader(file), "cases.jsonl", "report"); err != nil || account.Lost() > 0 {
			b.Fatalf("%d lost: %v", account.Lost(), err)
		}
		sent, err := seat.Send(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		reports += sent.Accepted
	}
	b.ReportMetric(float64(reports)/b.Elapsed().Seconds(), "reports/s")
}

// BenchmarkSubmitReference is what of submitting is storage alone: the same
// reports, each hashed and written twice (outbox and record) in transactions
// of 100 with the bare driver, as durably.
func BenchmarkSubmitReference(b *testing.B) {
	db, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "reference.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE report (digest BLOB, body BLOB)"); err != nil {
		b.Fatal(err)
	}
	reports, serial := 0, uint64(0)
	for b.Loop() {
		b.StopTimer()
		serial++
		lines := bytes.Split(bytes.TrimSpace(portionOf(b, serial, 500)), []byte("\n"))
		b.StartTimer()
		for range 2 {
			for start := 0; start < len(lines); start += 100 {
				tx, err := db.Begin()
				if err != nil {
					b.Fatal(err)
				}
				for _, line := range lines[start:min(start+100, len(lines))] {
					digest := sha256.Sum256(line)
					if _, err := tx.Exec("INSERT INTO report VALUES (?, ?)", digest[:], line); err != nil {
						b.Fatal(err)
					}
				}
				if err := tx.Commit(); err != nil {
					b.Fatal(err)
				}
			}
		}
		reports += len(lines)
	}
	b.ReportMetric(float64(reports)/b.Elapsed().Seconds(), "reports/s")
}
