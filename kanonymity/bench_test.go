package kanonymity

import (
	"fmt"
	"slices"
	"testing"
)

// BenchmarkAdult measures what ARX is measured by: the census table, k = 5,
// metric "loss", without suppression, with 2 % and without a limit. One core;
// reading and encoding the file are not counted, folding the rows is.
func BenchmarkAdult(b *testing.B) {
	a := readAdult(b)
	nine := a.header
	eight := slices.DeleteFunc(slices.Clone(nine), func(s string) bool { return s == "occupation" })
	for _, names := range [][]string{eight, nine} {
		hs, rows := a.table(b, names)
		told := withSubjects(rows)
		for _, limit := range []float64{0, 0.02, 0.05, 1} {
			for _, aggregate := range []Aggregate{Mean, Rank} {
				s := Search{Models: []Model{KRecords(5)}, MaxSuppressed: limit, Metric: Metric{Aggregate: aggregate}}
				b.Run(fmt.Sprintf("columns=%d/limit=%v/%s", len(names), limit, [...]string{"mean", "geometric", "rank"}[aggregate]), func(b *testing.B) {
					benchmark(b, s, hs, rows)
				})
			}
			s := Search{Models: []Model{KRecords(5), KVictims(5), KOwnerGroups(5)}, MaxSuppressed: limit}
			b.Run(fmt.Sprintf("columns=%d/limit=%v/mean+victims+groups", len(names), limit), func(b *testing.B) {
				benchmark(b, s, hs, told)
			})
		}
	}
}

func benchmark(b *testing.B, s Search, hs []Hierarchy, rows []Row) {
	var r Result
	for b.Loop() {
		var err error
		if r, err = s.Best(hs, rows); err != nil || !r.Within {
			b.Fatal(r.Within, err)
		}
	}
	b.ReportMetric(float64(r.Examined), "examined")
}

// withSubjects has three rows to a victim, and each told by one or two of
// fifty owner groups.
func withSubjects(rows []Row) []Row {
	told := slices.Clone(rows)
	for i := range told {
		told[i].Victim = i * 7919 % (len(rows)/3 + 1)
		told[i].Groups = []int{i * 31 % 50}
		if i%4 == 0 {
			told[i].Groups = append(told[i].Groups, i*17%50)
		}
	}
	return told
}
