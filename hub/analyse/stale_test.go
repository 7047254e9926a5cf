package analyse

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

func TestASnapshotIsAnsweredNoMoreOnceSomethingItRestsOnIsTakenBack(t *testing.T) {
	tr := newTrust(t)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		tr.join(name)
	}
	room := tr.room()
	mark := "0"
	room.Mark = func(_ context.Context, sector string) (string, error) { return sector + mark, nil }
	v := member.Viewer{Member: member.Member{Stake: member.Research, OwnerGroup: "g-viewer", Sectors: []string{"finance"}}, Purpose: member.Study, At: now}
	answered := func(code string) {
		t.Helper()
		_, tables := room.Tables(t.Context(), "finance", v)
		_, reporting := room.Reporting(t.Context(), "finance", v)
		for _, err := range []error{tables, reporting} {
			if got := fault.Public(err); (err == nil) != (code == "") || err != nil && got.Code != code {
				t.Errorf("answered with %v, want %q", err, code)
			}
		}
	}
	stale := func(want ...string) {
		t.Helper()
		if got, err := room.Stale(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("stale are %v, %v; want %v", got, err, want)
		}
	}
	answered("statistics.none")
	stale() // one that was never taken is not to be taken anew
	take := func() {
		t.Helper()
		if _, err := room.Take(t.Context(), "finance"); err != nil {
			t.Fatal(err)
		}
	}
	take()
	answered("")
	stale()
	mark = "1"
	answered("statistics.retaken")
	stale("finance")
	take()
	answered("")
	tr.latest = []byte{} // blanked
	answered("statistics.retaken")
	stale("finance")
}

// What was granted for a time is counted for that time: in the second in which
// it is over for any report the snapshot is answered no more. A grant that is to
// begin ends none.
func TestASnapshotIsAnsweredNoMoreInTheSecondInWhichAGrantItRestsOnIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*terms.Clause)
		end    time.Time
	}{
		"kept for a while": {func(c *terms.Clause) { c.Keep = terms.Days(2) }, now.Add(48 * time.Hour)},
		"until a day":      {func(c *terms.Clause) { c.Until = "2026-03-01" }, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)},
		"after a delay":    {func(c *terms.Clause) { c.After = terms.Days(2) }, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			sheet, err := terms.Builtin("default")
			if err != nil {
				t.Fatal(err)
			}
			for i := range sheet.Clauses {
				c.change(&sheet.Clauses[i])
			}
			tr.sheet("timed", sheet)
			for _, who := range []string{"a", "b", "c"} {
				tr.tell(sending{member: who, says: hacked("2025-11")})
			}
			tr.tell(sending{member: "d", sheet: "timed", says: hacked("2025-11")})
			at := now
			room := tr.room()
			room.Now = func() time.Time { return at }
			if _, err := room.Take(t.Context(), "finance"); err != nil {
				t.Fatal(err)
			}
			stale := func(when time.Time, want bool) {
				t.Helper()
				at = when
				if got, err := room.Stale(t.Context()); err != nil || (len(got) == 1) != want {
					t.Errorf("at %s stale are %v, %v; want %v", when, got, err, want)
				}
			}
			if c.end.IsZero() {
				stale(now.AddDate(1, 0, 0), false)
				return
			}
			stale(c.end.Add(-time.Second), false)
			stale(c.end, true)
			if _, err := room.Take(t.Context(), "finance"); err != nil {
				t.Fatal(err)
			}
			stale(c.end, false)
		})
	}
}
