package reconcile

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms/reconcile"
)

// A script reads the bounds of each band, and nothing where there is none: for
// every share, as it is protected, not as it is written today.
func TestTheCourseAsATableHasTheBoundsOfEachBand(t *testing.T) {
	enough := reconcile.Basis{FlowingGroups: 5, BlockedGroups: 5, GroupsWithOffer: 5, GroupsBlockedThenAsWell: 5}
	few := reconcile.Basis{FlowingGroups: 4, BlockedGroups: 5, GroupsWithOffer: 5, GroupsBlockedThenAsWell: 4}
	var day DayInBands
	day.Day = "2026-11-25"
	for percent := 0; percent <= 100; percent++ {
		share := float64(percent) / 100
		for _, basis := range []reconcile.Basis{enough, few} {
			flow := reconcile.Flow{Sector: "finance", From: member.Industry, To: member.Research, Flows: share, WithOffer: share, Basis: basis}
			day.Paradox = append(day.Paradox, flow.InBands())
		}
	}
	var b strings.Builder
	if err := WriteCourse(&b, []DayInBands{day}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 1+2*101 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	for i, row := range rows[1:] {
		percent := i / 2
		if i%2 == 1 {
			if got := strings.Join(row[7:], "|"); got != "|||||" {
				t.Errorf("where too few stand behind it, bounds are %s", got)
			}
			continue
		}
		for at, share := range map[int]int{7: percent, 9: 100 - percent, 11: percent} {
			low, err1 := strconv.Atoi(row[at])
			high, err2 := strconv.Atoi(row[at+1])
			// A share on a bound may have come to stand on either side of it.
			if err1 != nil || err2 != nil || high != low+10 || share < low || share > high {
				t.Errorf("%d %% stands within %q and %q", share, row[at], row[at+1])
			}
		}
	}
}
