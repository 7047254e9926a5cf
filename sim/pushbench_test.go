package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiibench"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// BenchmarkPush adds envelopes of 500 objects over TAXII, whatever b.N is, one
// request after the other, to a hub on each store (or only on the one that
// CONCORD_BENCH_STORE names); and, if CONCORD_OPENTAXII names an interpreter that
// has it, the same to OpenTAXII in the same run. At the hub two things are
// measured: how fast requests are accepted, which is durable, and how fast they
// are complete, when every object is a report that is minimised, tokenised,
// sealed, stored and receipted. OpenTAXII answers once it has stored the objects
// as they are. What was measured is the last line, as JSON.
func BenchmarkPush(b *testing.B) {
	type line struct {
		Server string `json:"server"`
		// Accepted is from request to answer, Complete from the first request
		// until all are complete.
		Accepted taxiibench.Figures `json:"accepted"`
		Complete float64            `json:"complete_objects_per_second"`
	}
	var lines []line
	measure := func(server string, at taxiibench.Collection, requests int) {
		_, first := taxiibench.Adds(b, at, taxiibench.Envelopes(1_000_000, 2, pushObjects))
		taxiibench.Settled(b, at, first) // so that nothing begins cold
		envelopes := taxiibench.Envelopes(2_000_000, requests, pushObjects)
		begun := time.Now()
		accepted, statuses := taxiibench.Adds(b, at, envelopes)
		objects := taxiibench.Settled(b, at, statuses)
		lines = append(lines, line{server, accepted, float64(objects) / time.Since(begun).Seconds()})
	}
	defer func() {
		text, err := json.Marshal(lines)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Println(string(text))
	}()
	for _, name := range []string{"SQLite", "PostgreSQL"} {
		if only := os.Getenv("CONCORD_BENCH_STORE"); only != "" && only != name {
			continue
		}
		b.Run(name, func(b *testing.B) { measure("Concord, "+name, pushTo(b, name), pushRequests) })
	}
	if python := os.Getenv("CONCORD_OPENTAXII"); python != "" {
		at := taxiibench.OpenTAXII(b, python, postgrestest.Database(b), 100_000)
		measure("OpenTAXII, PostgreSQL", at, pushRequests)
	}
}

const (
	pushObjects  = 500
	pushRequests = 12
)

// pushTo is where a member's tool adds objects at a hub of its own.
func pushTo(b *testing.B, name string) taxiibench.Collection {
	b.Helper()
	var store *node.StoreConfig
	if name == "PostgreSQL" {
		file := filepath.Join(b.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(b)), 0o600); err != nil {
			b.Fatal(err)
		}
		store = &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file}
	}
	trust, err := Open(b.Context(), b.TempDir(), "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)), func(c *node.HubConfig) { c.Store = store })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := trust.Close(); err != nil {
			b.Error(err)
		}
	})
	seat, err := trust.Seat(b.Context(), Party{Name: "Northwind Savings Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g", Sectors: []string{"finance"}, Terms: "default"})
	if err != nil {
		b.Fatal(err)
	}
	given, err := seat.Member.PushToken(b.Context(), wire.TokenRequest{Purposes: []string{"defend"}, Days: 1}, []string{"finance"})
	if err != nil {
		b.Fatal(err)
	}
	return taxiibench.Collection{Objects: given.TAXII + "finance/" + submissionsPath, Authorization: "Bearer " + given.Token}
}
