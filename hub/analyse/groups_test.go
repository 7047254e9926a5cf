package analyse

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

// asking are the default terms, of which each clause asks for so many owner
// groups.
func asking(t *testing.T, groups int, change func(*terms.Clause)) *terms.Sheet {
	t.Helper()
	sheet, err := terms.Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sheet.Clauses {
		sheet.Clauses[i].Groups = groups
		if change != nil {
			change(&sheet.Clauses[i])
		}
	}
	return sheet
}

// behind has so many owner groups stand behind all incidents.
func (tr *trust) behind(n int) {
	for i := range tr.incidents {
		tr.incidents[i].Incident = consolidate.Incident{ID: tr.incidents[i].Incident.ID, Sector: "finance"}
		for g := range n {
			tr.incidents[i].Incident.Groups = append(tr.incidents[i].Incident.Groups, fmt.Sprint("behind ", g))
		}
	}
}

// A statement whose terms ask for more owner groups than the sector does raises
// what its figures need, and only those: behind the incident, and behind the
// figure.
func TestAFigureRestsOnAsManyOwnerGroupsAsItsTermsAskFor(t *testing.T) {
	v := member.Viewer{Member: member.Member{Stake: member.Research, OwnerGroup: "g-viewer", Sectors: []string{"finance"}}, Purpose: member.Study, At: now}
	for _, c := range []struct {
		asks, incident int
		november       float64 // 0: withheld
	}{
		{0, 9, 7}, {6, 9, 7}, {7, 9, 7}, {8, 9, 0},
		{7, 6, 6}, // too few behind the incident: it is not counted, and asks for nothing
	} {
		t.Run(fmt.Sprint(c.asks, " of ", c.incident), func(t *testing.T) {
			tr := newTrust(t)
			tr.sheet("asking", asking(t, c.asks, nil))
			for g := range 6 {
				tr.tell(sending{member: fmt.Sprint("bank ", g), says: hacked("2025-11")})
				tr.tell(sending{member: fmt.Sprint("bank ", g), says: hacked("2025-10")})
			}
			tr.tell(sending{member: "asker", sheet: "asking", says: hacked("2025-11")})
			tr.behind(c.incident)
			room := tr.room()
			if _, err := room.Take(t.Context(), "finance"); err != nil {
				t.Fatal(err)
			}
			tables, err := room.Tables(t.Context(), "finance", v)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(tables, func(t Table) bool { return t.Name == "month" })
			for _, f := range tables[at].Figures {
				if f.Key[0] != "2025-11" {
					continue
				}
				if (f.Withheld == "") != (c.november != 0) || f.Withheld == "" && f.Value != c.november {
					t.Errorf("November is %+v, want %v", f, c.november)
				}
			}
		})
	}
}

// A line of a category is there if one more than is asked for told of it.
func TestACategoryHasALineOnlyIfAsManyToldOfItAsTermsAskFor(t *testing.T) {
	for asks, named := range map[int]bool{0: true, 6: true, 7: false} {
		tr := newTrust(t)
		tr.sheet("asking", asking(t, asks, nil))
		for g := range 6 {
			tr.tell(sending{member: fmt.Sprint("bank ", g), says: hacked("2025-11")})
		}
		tr.tell(sending{member: "asker", sheet: "asking", says: hacked("2025-11")})
		tr.behind(9)
		room := tr.room()
		s, err := room.Take(t.Context(), "finance")
		if err != nil {
			t.Fatal(err)
		}
		table := s.byStake[string(member.Research)][0]
		if got := slices.Contains(table.Dimensions[0].Categories, "hacking"); got != named {
			t.Errorf("where terms ask for %d, the categories are %v", asks, table.Dimensions[0].Categories)
		}
	}
}

// When a grant ends beside which another asks for more, the snapshot was taken
// under less than holds now.
func TestASnapshotEndsWhenMoreIsAskedFor(t *testing.T) {
	end := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tr := newTrust(t)
	sheet := asking(t, 7, nil)
	sheet.Clauses = append(sheet.Clauses, asking(t, 0, func(c *terms.Clause) { c.ID, c.Until = c.ID+"-until", "2026-03-01" }).Clauses...)
	tr.sheet("asking", sheet)
	tr.tell(sending{member: "asker", sheet: "asking", says: hacked("2025-11")})
	tr.behind(9)
	s, err := tr.room().Take(t.Context(), "finance")
	if err != nil || !s.until.Equal(end) {
		t.Errorf("it is taken until %s, %v; want %s", s.until, err, end)
	}
}
