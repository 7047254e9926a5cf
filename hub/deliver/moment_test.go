package deliver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// A grant that begins or ends does so in its very second, in pages and feed.
func TestAGrantBeginsAndEndsInItsSecondInEveryAnswer(t *testing.T) {
	const domain = "login.timed.net"
	received := now.Add(-time.Hour) // as the trust's first row is
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change     func(*terms.Clause)
		groups     int // behind the incident, beside the contributor
		begin, end time.Time
	}{
		"a delay":          {func(c *terms.Clause) { c.After = terms.Days(2) }, 0, received.Add(48 * time.Hour), time.Time{}},
		"kept for a while": {func(c *terms.Clause) { c.Keep = terms.Days(2) }, 0, time.Time{}, received.Add(48 * time.Hour)},
		"from a day":       {func(c *terms.Clause) { c.From = "2026-03-01" }, 0, day, time.Time{}},
		"until a day":      {func(c *terms.Clause) { c.Until = "2026-03-01" }, 0, time.Time{}, day},
		"beside others":    {func(c *terms.Clause) { c.Groups = 3 }, 2, time.Time{}, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			clause := terms.Clause{ID: "timed", Fields: []string{"observable.domain", "action.hacking.variety"}, To: []terms.Recipient{{Stake: terms.AnyStake}}, For: []member.Purpose{member.Defend},
				Form: standard.Form{Kind: standard.Exact}}
			c.change(&clause)
			tr.join("from", member.Industry, &terms.Sheet{Name: "timed", Version: 1, Clauses: []terms.Clause{clause}}, "finance")
			reader := tr.bank("reader")
			incident := tr.tell(sending{member: "from", says: [][2]string{{"action.hacking.variety", "SQLi"}}, seen: []report.Seen{{Type: "domain", Value: domain}}})
			shown := func(at time.Time, want bool) {
				t.Helper()
				v := member.Viewer{Member: reader, Purpose: member.Defend, At: at}
				rows, err := tr.room.Indicators(t.Context(), v, "finance")
				if err != nil {
					t.Fatal(err)
				}
				inFeed := slices.ContainsFunc(rows.Body(), func(r deliver.IndicatorRow) bool { return r.Value == domain })
				a, err := tr.room.Incident(t.Context(), v, tr.room.Shown(v, incident))
				onPage := err == nil && slices.ContainsFunc(a.Body().Observables, func(o deliver.ObservableView) bool { return o.Value == domain })
				if inFeed != want || onPage != want {
					t.Errorf("at %s it is in the feed %v and on the page %v (%v); want %v", at, inFeed, onPage, err, want)
				}
			}
			if c.groups > 0 {
				shown(now, false)
				for range c.groups {
					tr.incidents[0].Incident.Groups = append(tr.incidents[0].Incident.Groups, strings.Repeat("x", len(tr.incidents[0].Incident.Groups)))
				}
				shown(now, true)
				return
			}
			if !c.begin.IsZero() {
				shown(c.begin.Add(-time.Second), false)
				shown(c.begin, true)
			}
			if !c.end.IsZero() {
				shown(c.end.Add(-time.Second), true)
				shown(c.end, false)
			}
		})
	}
}
