package anonymise_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/terms"
)

// asking makes the default terms ask for so many owner groups: all clauses, or
// those alone that speak of descriptive fields.
func (tr *trust) asking(groups int, descriptiveOnly bool) {
	tr.t.Helper()
	sheet, err := terms.Builtin("default")
	if err != nil {
		tr.t.Fatal(err)
	}
	for i, c := range sheet.Clauses {
		if !descriptiveOnly || slices.Contains(c.Fields, "class:descriptive") {
			sheet.Clauses[i].Groups = groups
		}
	}
	tr.sheet("asking", sheet)
}

// sevenOfThirteen is a sector of two classes: six owner groups told of banks,
// and an asker, whose incident so many owner groups stand behind; six others of
// insurers.
func (tr *trust) sevenOfThirteen(behind int) {
	for g := range 12 {
		industry := map[bool]string{true: "522110", false: "524210"}[g < 6]
		tr.tell(plain(fmt.Sprint("bank ", g), fmt.Sprint("victim ", g), map[string]string{"victim.industry": industry}))
	}
	asker := plain("asker", "victim of the asker", nil)
	asker.sheet = "asking"
	tr.tell(asker)
	last := &tr.incidents[len(tr.incidents)-1].Incident
	for g := range behind {
		last.Groups = append(last.Groups, fmt.Sprint("behind ", g))
	}
}

// What asks for more owner groups than the sector does is in a release only
// where so many stand behind its incident, its class and its code; what others
// told is not lost for that.
func TestAReleaseHoldsOnlyWhatAsManyStandBehindAsItsTermsAskFor(t *testing.T) {
	for name, c := range map[string]struct {
		asks, behind    int
		descriptiveOnly bool
		records, told   int // rows, and rows that tell how it was done
	}{
		"nothing":                      {0, 20, false, 13, 13},
		"as many as its class has":     {7, 20, false, 13, 13},
		"more than its class has":      {8, 20, false, 12, 12},
		"more than there are":          {14, 20, false, 12, 12},
		"more than its incident has":   {7, 6, false, 12, 12},
		"more, of some fields alone":   {8, 20, true, 13, 12},
		"as many, of some fields only": {7, 20, true, 13, 13},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			tr.asking(c.asks, c.descriptiveOnly)
			tr.sevenOfThirteen(c.behind)
			rel, content := tr.release()
			industries, how := column(t, content, "victim.industry"), column(t, content, "action.hacking.variety")
			if rel.Records != c.records || how["Brute force"] != c.told || len(industries) != 2 || len(how) > 2 || how[""] != c.records-c.told {
				t.Errorf("%d records of %v tell %v; want %d, of which %d tell how", rel.Records, industries, how, c.records, c.told)
			}
		})
	}
}

// A contributor who comes to ask for more than stand behind what a release
// tells of it has it withdrawn; for as many, not.
func TestAReleaseStandsForAsManyOwnerGroupsAsStandBehindIt(t *testing.T) {
	for asks, stands := range map[int]bool{6: true, 7: true, 8: false} {
		tr := newTrust(t)
		tr.asking(6, false)
		tr.sevenOfThirteen(20)
		room, shelf := tr.shelf()
		rel, err := room.Release(t.Context(), "finance")
		if err != nil || rel.Records != 13 {
			t.Fatalf("%d records, %v", rel.Records, err)
		}
		if got, err := shelf.Release(t.Context(), rel.ID); err != nil || got.Withdrawn != nil {
			t.Fatalf("at once it is %+v, %v", got.Withdrawn, err)
		}
		tr.asking(asks, false)
		got, err := shelf.Release(t.Context(), rel.ID)
		if err != nil || (got.Withdrawn == nil) != stands || !stands && got.Withdrawn.Code != anonymise.Narrowed {
			t.Errorf("where %d are asked for it is %+v, %v; stands should be %v", asks, got.Withdrawn, err, stands)
		}
	}
}
