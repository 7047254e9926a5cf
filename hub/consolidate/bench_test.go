package consolidate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/consolidate"
)

// synthetic makes reports of events in two years: skewed victims, one to three
// members who tell of an event, campaigns on shared infrastructure, and noise
// that some edges do not know as common.
func synthetic(n int) []telling {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(total int, skew float64) int { return int(float64(total) * math.Pow(r.Float64(), skew)) }
	var all []telling
	for event := 0; len(all) < n; event++ {
		victim := fmt.Sprint("v", pick(n/5, 2))
		day := epoch.AddDate(0, 0, -r.IntN(730))
		var seen []string
		for o := range 2 + r.IntN(3) {
			seen = append(seen, fmt.Sprintf("ip own %d %d", event, o))
		}
		if r.IntN(5) == 0 {
			campaign := pick(n/100, 1.5)
			seen = append(seen, fmt.Sprintf("domain campaign %d %d", campaign, r.IntN(3)))
		}
		seen = append(seen, fmt.Sprint("ip noise ", pick(200, 2)))
		first := r.IntN(60)
		for source := range 1 + r.IntN(3) {
			all = append(all, telling{
				member: fmt.Sprint("m", (first+source*7)%60), report: fmt.Sprint(event, "/", source), victim: victim,
				date: day.AddDate(0, 0, r.IntN(3)).Format(time.DateOnly), seen: seen,
			})
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// BenchmarkConsolidate100kReports consolidates into a real store. The
// reference of the same run is opening the same reports and nothing else.
func BenchmarkConsolidate100kReports(b *testing.B) { benchmarkConsolidate(b, 100_000) }

// BenchmarkConsolidate5kReports is the size of the demo.
func BenchmarkConsolidate5kReports(b *testing.B) { benchmarkConsolidate(b, 5_000) }

func benchmarkConsolidate(b *testing.B, reports int) {
	tr := newTrust(b)
	tr.tellAll(synthetic(reports))
	for b.Loop() {
		b.StopTimer()
		if err := tr.store.Update(tr.ctx, func(w consolidate.Workbench) error { return w.Clear() }); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		for _, row := range tr.record {
			if _, err := tr.room.Open(row); err != nil {
				b.Fatal(err)
			}
		}
		opening := time.Since(began)
		b.StartTimer()
		began = time.Now()
		tr.run()
		took := time.Since(began)
		b.ReportMetric(float64(reports)/took.Seconds(), "reports/s")
		b.ReportMetric(float64(took)/float64(opening), "x-opening-alone")
	}
	c, err := tr.room.Counts(tr.ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%+v", c)
}
