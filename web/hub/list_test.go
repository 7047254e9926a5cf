package hub

import "testing"

func TestAPeriodHoldsEveryDateThatCanLieInIt(t *testing.T) {
	for _, c := range []struct {
		since, until, date string
		want               bool
	}{
		{"", "", "", true}, // without a period nothing is left out
		{"2025", "", "", false},
		{"2025", "", "*", false},
		{"2025-03", "", "2025-03-01", true},
		{"2025-03", "", "2025-02-28", false},
		{"2025-03", "", "2025", true}, // it may have been in December
		{"", "2025-03", "2025", true}, // … or in January
		{"2025-05", "2025-05", "2025-Q2", true},
		{"2025-07", "", "2025-Q2", false},
		{"", "2025", "2025-12-31", true},
		{"", "2025", "2026-01", false},
		{"2025-06", "2025-03", "2025-04", false}, // an empty period
	} {
		if got := (period{c.since, c.until}).holds(c.date); got != c.want {
			t.Errorf("from %q to %q holds %q: %v, want %v", c.since, c.until, c.date, got, c.want)
		}
	}
}

func TestWhatLastedThroughAPeriodMeetsIt(t *testing.T) {
	june := period{"2025-06", "2025-06"}
	if !june.meets("2025-01", "2025-12") || june.meets("2025-01", "2025-05") || june.meets("2025-07", "2025-12") {
		t.Error("a campaign is held against the ends of the period alone")
	}
}

func TestNounsAgreeWithTheirNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0 reports", 1: "1 report", 1200: "1\u202f200 reports"} {
		if got := many(n, "report"); got != want {
			t.Errorf("many(%d) = %q", n, got)
		}
	}
}
