package collect

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A mistyped year costs the date and not the report; without a latest moment,
// as for converting, dates stand as they are.
func TestADateThatHasNotComeIsLeftOutAndListed(t *testing.T) {
	const doc = `{"standard":"core/1.0","native":"a-1","victim":{"industry":"522110"},"timeline":{"incident":"2026-04","notification":"2103-04-29"},` +
		`"observables":[{"type":"domain","value":"login.example.net","first_seen":"2026-04-05","last_seen":"2062-04-06"}]}`
	for _, c := range []struct {
		latest time.Time
		notice string
		last   string
		listed []string
	}{
		{time.Date(2026, 4, 7, 0, 0, 0, 0, time.UTC), "", "", []string{"timeline.notification", "observables[0].last_seen"}},
		{time.Time{}, "2103-04-29", "2062-04-06", nil},
	} {
		var all []Collected
		account, err := Read(t.Context(), strings.NewReader(doc), "case.json", Options{Format: "report", Latest: c.latest}, func(r Collected) error {
			all = append(all, r)
			return nil
		})
		if err != nil || len(all) != 1 || account.Lost() != 0 {
			t.Fatalf("%d reports, %d lost, %v", len(all), account.Lost(), err)
		}
		r := all[0].Report()
		if r.Value("timeline.incident") != "2026-04" || r.Value("timeline.notification") != c.notice || r.Observables[0].FirstSeen != "2026-04-05" || r.Observables[0].LastSeen != c.last {
			t.Errorf("read was %+v", r)
		}
		var listed []string
		for _, p := range account.Invalid() {
			listed = append(listed, p.Path)
			if p.File != "case.json" || p.Line != 1 || !strings.Contains(p.Reason, "has not come yet") {
				t.Errorf("listed is %+v", p)
			}
		}
		if !slices.Equal(listed, c.listed) {
			t.Errorf("listed are %q; %q is wanted", listed, c.listed)
		}
	}
}
