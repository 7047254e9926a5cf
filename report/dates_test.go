package report

import (
	"testing"
	"time"
)

func TestADateIsLaterOnlyIfAllOfItIs(t *testing.T) {
	at := time.Date(2026, 11, 25, 9, 0, 0, 0, time.FixedZone("", 10*3600)) // the 24th, 23:00 UTC
	for date, want := range map[string]bool{
		"2026": false, "2027": true, "2026-Q4": false, "2027-Q1": true, "2026-Q3": false,
		"2026-11": false, "2026-12": true, "2025-12": false, "2026-11-24": false, "2026-11-25": false, "2026-11-26": true,
		"2026-11-24T23:00:00Z": false, "2026-11-24T23:00:01Z": true,
		"": false, "any": false, "2099-Q1, about": false,
	} {
		if Later(date, at) != want {
			t.Errorf("%q is later than %s: %v", date, at, !want)
		}
	}
}

func TestTheQuarterOfADate(t *testing.T) {
	for date, want := range map[string]string{
		"2026-01": "2026-Q1", "2026-03-31": "2026-Q1", "2026-04-01T00:00:00Z": "2026-Q2", "2026-12": "2026-Q4", "2026-Q3": "2026-Q3",
		"2026": "", "": "", "2026-13": "", "nothing": "",
	} {
		if got := QuarterOf(date); got != want {
			t.Errorf("%q lies in %q; %q is wanted", date, got, want)
		}
	}
}
