package sim

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

func world(t testing.TB, seed uint64, reports int) *World {
	t.Helper()
	w, err := New(Settings{Seed: seed, Reports: reports, Members: DefaultMembers, Sectors: []string{"finance", "health"}, Until: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWellFormedDocumentsFitTheirStandard(t *testing.T) {
	for seed := range uint64(3) {
		w := world(t, seed, 2000)
		malformed := 0
		for d := range w.Documents {
			std := w.standards[d.Sector]
			r, problems, err := report.Decode(std, d.JSON)
			bad := err != nil || report.Failed(problems) || report.Failed(report.Validate(std, r))
			if bad != (d.Kind == Malformed) {
				t.Fatalf("seed %d, %s (%s): %v %v\n%s", seed, d.Native, d.Kind, err, problems, d.JSON)
			}
			if bad {
				malformed++
			}
		}
		if malformed == 0 {
			t.Errorf("seed %d: no malformed report in 2,000", seed)
		}
	}
}

func TestTheSameSeedMakesTheSameWorldInOrderOfTime(t *testing.T) {
	text := func(seed uint64) (string, int) {
		var b bytes.Buffer
		var last time.Time
		n := 0
		w := world(t, seed, 1500)
		for d := range w.Documents {
			if d.Sent.Before(last) {
				t.Fatalf("%s is sent before the one before it", d.Native)
			}
			last = d.Sent
			b.Write(d.JSON)
			n++
		}
		return b.String(), n
	}
	a, n := text(7)
	b, _ := text(7)
	c, _ := text(8)
	if n != 1500 {
		t.Errorf("%d documents; 1500 were asked for", n)
	}
	if a != b {
		t.Error("the same seed made two worlds")
	}
	if a == c {
		t.Error("two seeds made one world")
	}
}

func TestWorldIsTold(t *testing.T) {
	w := world(t, 1, 5000)
	events, kinds := map[int]int{}, map[Kind]int{}
	for d := range w.Documents {
		kinds[d.Kind]++
		if d.Kind == First {
			events[d.Event]++
		}
	}
	several := 0
	for _, n := range events {
		if n > 1 {
			several++
		}
	}
	t.Logf("%d events, %d of them told by several members, documents %v, %.2f per event", len(events), several, kinds, 5000/float64(len(events)))
	if several*5 < len(events) {
		t.Errorf("only %d of %d events are told by several members", several, len(events))
	}
	if kinds[Resend] == 0 || kinds[Correction] == 0 {
		t.Errorf("nothing is sent again or corrected: %v", kinds)
	}
}

func TestEventsComeInBurstsAndVictimsAreSkewed(t *testing.T) {
	w := world(t, 1, 8000)
	weeks, victims, losses := map[int]int{}, map[string]int{}, []float64{}
	for d := range w.Documents {
		if d.Kind != First {
			continue
		}
		r, _, err := report.Decode(w.standards[d.Sector], d.JSON)
		if err != nil {
			t.Fatal(err)
		}
		weeks[int(d.Sent.Sub(w.begin)/week)]++
		name, _ := observable.Canonical(observable.Organisation, r.Value("victim.victim_id"))
		victims[name]++
		if loss, err := strconv.ParseFloat(r.Value("impact.overall_amount"), 64); err == nil {
			losses = append(losses, loss)
		}
	}
	median := func(n []int) int { slices.Sort(n); return n[len(n)/2] }
	perWeek, perVictim := slices.Collect(maps.Values(weeks)), slices.Collect(maps.Values(victims))
	if m := median(perWeek); slices.Max(perWeek) < 2*m {
		t.Errorf("the busiest week has %d reports, the usual one %d: no burst", slices.Max(perWeek), m)
	}
	if m := median(perVictim); slices.Max(perVictim) < 8*m {
		t.Errorf("the victim most told of has %d reports, the usual one %d: not skewed", slices.Max(perVictim), m)
	}
	slices.Sort(losses)
	if middle, high := losses[len(losses)/2], losses[len(losses)*99/100]; high < 10*middle {
		t.Errorf("of a hundred losses the highest is %.0f, the middle one %.0f: not skewed", high, middle)
	}
}

// Documents are made as they are taken: what waits to be sent late is all that
// is held.
func TestDocumentsAreStreamed(t *testing.T) {
	w := world(t, 1, 1_000_000)
	n := 0
	for range w.Documents {
		if n++; n == 100 {
			return
		}
	}
	t.Errorf("%d documents of a million", n)
}

func TestAWorldCanBeWrittenInEveryFormat(t *testing.T) {
	for _, format := range []string{"report", "csv", "veris"} {
		var out bytes.Buffer
		account, err := world(t, 1, 300).Write(t.Context(), &out, format)
		if err != nil || account.Lost() > 0 || account.Reports < 250 {
			t.Errorf("%s: %v, %s", format, err, account.Summary())
		}
		read := 0
		if _, err := collect.Read(t.Context(), &out, "written", collect.Options{Format: format}, func(collect.Collected) error {
			read++
			return nil
		}); err != nil || read != account.Reports {
			t.Errorf("%s: %d reports were written and %d read: %v", format, account.Reports, read, err)
		}
	}
	if _, err := world(t, 1, 5).Write(t.Context(), io.Discard, "xls"); err == nil {
		t.Error("an unknown format is not refused")
	}
}

func BenchmarkWorld(b *testing.B) {
	b.ReportAllocs()
	n, size := 0, 0
	for b.Loop() {
		for d := range world(b, 1, 10000).Documents {
			n++
			size += len(d.JSON)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "reports/s")
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// Whatever the world's end, nobody tells of what comes after it, and whoever
// says that a quarter was quiet told nothing of it.
func TestNobodyTellsOfTheFutureOrContradictsItself(t *testing.T) {
	for _, until := range []time.Time{
		time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC), time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2024, 5, 31, 23, 0, 0, 0, time.UTC),
	} {
		w, err := New(Settings{Seed: 3, Reports: 3000, Members: DefaultMembers, Sectors: []string{"finance", "health"}, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		last := until.Format(time.RFC3339)
		told := map[NilReport]bool{}
		newest := ""
		for d := range w.Documents {
			if d.Kind == Malformed {
				continue
			}
			r, _, err := report.Decode(w.standards[d.Sector], d.JSON)
			if err != nil {
				t.Fatal(err)
			}
			dates := []string{r.Value("timeline.incident"), r.Value("timeline.notification")}
			for _, o := range r.Observables {
				dates = append(dates, o.FirstSeen, o.LastSeen)
			}
			for _, date := range dates {
				if date > last[:len(date)] {
					t.Errorf("until %s: %s tells of %s", last, d.Native, date)
				}
				newest = max(newest, date)
			}
			told[NilReport{d.Member, d.Sector, quarterOf(dates[0])}] = true
		}
		if newest < until.AddDate(0, 0, -7).Format(time.DateOnly) {
			t.Errorf("until %s: the newest date is %s", last, newest)
		}
		nils := w.NilReports()
		if len(nils) == 0 {
			t.Errorf("until %s: nobody says that it had nothing", last)
		}
		for _, n := range nils {
			if told[n] {
				t.Errorf("until %s: %+v, and yet it told of an incident", last, n)
			}
			if n.Period >= quarterOf(last[:10]) {
				t.Errorf("until %s: %s is not over", last, n.Period)
			}
		}
	}
}
