package terms_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// measuredSheet has n clauses, each for one field and one of four purposes, to
// one of three stakes, some held back, some that end.
func measuredSheet(tb testing.TB, n int) (*terms.Rules, []standard.Field) {
	tb.Helper()
	std := finance(tb)
	var fields []standard.Field
	for _, f := range std.Fields() {
		if std.CheckForm(f, exact) == nil {
			fields = append(fields, f)
		}
	}
	r := rand.New(rand.NewPCG(2026, 11))
	s := &terms.Sheet{Name: "measured", Version: 1}
	for i := range n {
		s.Clauses = append(s.Clauses, terms.Clause{
			ID: fmt.Sprintf("c%d", i), Fields: []string{fields[r.IntN(len(fields))].Path}, Form: exact,
			To:    []terms.Recipient{{Stake: string(member.Stakes()[r.IntN(3)]), Sector: []string{terms.AnySector, terms.OwnSector}[r.IntN(2)]}},
			For:   []member.Purpose{member.Purposes()[r.IntN(4)]},
			After: terms.Days([]int{0, 7, 30, 90, 365}[r.IntN(5)]),
			Until: terms.DateOf(noon.AddDate(0, r.IntN(24)-6, 0)),
		})
	}
	rules, err := terms.Compile(s, std)
	if err != nil {
		tb.Fatal(err)
	}
	return rules, fields
}

var (
	exact = standard.Form{Kind: standard.Exact}
	noon  = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
)

// BenchmarkDecision asks for one field: cold, everything that depends on the
// recipient is made anew; warm, its table is at hand.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		rules, fields := measuredSheet(b, n)
		bank := member.Viewer{Member: member.Member{Stake: member.Industry, Kind: "firm", Sectors: []string{"finance"}}, Purpose: member.Defend}
		m := terms.Moment{Received: noon.AddDate(0, 0, -40), Now: noon}
		b.Run(fmt.Sprintf("cold/clauses=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rules.For(bank, "finance").At(m).Allows(fields[i%len(fields)].Path, exact)
			}
		})
		b.Run(fmt.Sprintf("table/clauses=%d", n), func(b *testing.B) {
			for b.Loop() {
				rules.For(bank, "finance").Rows()
			}
		})
		b.Run(fmt.Sprintf("warm/clauses=%d", n), func(b *testing.B) {
			t := rules.For(bank, "finance")
			for i := 0; b.Loop(); i++ {
				t.At(m).Allows(fields[i%len(fields)].Path, exact)
			}
		})
	}
}

// BenchmarkMillionReports decides a field of a million reports, received at
// any time of the last 500 days, under a sheet of 1,000 clauses: at once, and
// one by one.
func BenchmarkMillionReports(b *testing.B) {
	const reports = 1_000_000
	rules, _ := measuredSheet(b, 1000)
	bank := member.Viewer{Member: member.Member{Stake: member.Industry, Kind: "firm", Sectors: []string{"finance"}}, Purpose: member.Defend}
	r := rand.New(rand.NewPCG(7, 7))
	received := make([]time.Time, reports)
	for i := range received {
		received[i] = noon.Add(-time.Duration(r.Int64N(int64(500 * 24 * time.Hour))))
	}
	path := "" // a field of which something changes with the age of the report
	for _, row := range rules.For(bank, "finance").Rows() {
		if row.After != 0 {
			path = row.Path
			break
		}
	}
	if path == "" {
		b.Fatal("no clause holds anything back; this measures nothing")
	}
	rate := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*reports/b.Elapsed().Seconds(), "decisions/s")
	}
	b.Run("column", func(b *testing.B) {
		for b.Loop() {
			rules.For(bank, "finance").Column(path, exact, noon, received, nil)
		}
		rate(b)
	})
	b.Run("single", func(b *testing.B) {
		t := rules.For(bank, "finance")
		for b.Loop() {
			for _, at := range received {
				t.At(terms.Moment{Received: at, Now: noon}).Allows(path, exact)
			}
		}
		rate(b)
	})
}
