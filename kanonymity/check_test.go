package kanonymity

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestThePublishedTableIsCheckedByCountsAlone(t *testing.T) {
	rows := [][]string{{"52", "2025"}, {"52", "2025"}, {"52", "2025"}, {"62", "2025"}}
	if r := Check(rows[:3], 3); !r.OK() || r.Smallest != 3 || r.Classes != 1 || r.Records != 3 {
		t.Errorf("a good table fails: %+v", r)
	}
	if r := Check(rows, 3); r.OK() || r.Smallest != 1 || r.FailingClasses != 1 || !slices.Equal(r.Failing[0], rows[3]) {
		t.Errorf("a class of one passes: %+v", r)
	}
	if r := Check(nil, 3); !r.OK() || r.Smallest != 0 {
		t.Errorf("an empty table fails: %+v", r)
	}
}

// Values are of any content: what separates them must not be found in them.
func TestDifferentRowsAreNeverTakenForEqual(t *testing.T) {
	for _, pair := range [][2][]string{
		{{"a\x1f", "b"}, {"a", "\x1fb"}},
		{{`a""`, "b"}, {"a", `""b`}},
		{{"a"}, {"a", ""}},
		{{"\xff"}, {"\ufffd"}},
	} {
		if r := Check(pair[:], 2); r.OK() || r.Classes != 2 {
			t.Errorf("%q and %q are taken for one: %+v", pair[0], pair[1], r)
		}
	}
}

func TestFailingClassesAreListedInOrderAndNotAllOfThem(t *testing.T) {
	var rows [][]string
	for i := range 25 {
		rows = append(rows, []string{fmt.Sprintf("%02d", 24-i)})
	}
	r := Check(rows, 2)
	if r.FailingClasses != 25 || len(r.Failing) != 10 || r.Failing[0][0] != "00" || r.Failing[9][0] != "09" {
		t.Errorf("%+v", r)
	}
}

func TestModelsAreDecidedAsFarAsWhatIsKnownAllows(t *testing.T) {
	rows := slices.Repeat([][]string{{"52"}}, 4)
	subjects := []Subject{{"A", []string{"g"}}, {"B", []string{"g"}}, {"", []string{"g", "h"}}, {"", nil}}
	for _, c := range []struct {
		model     Model
		known     bool
		ok        bool
		undecided bool
	}{
		{KRecords(4), false, true, false},
		{KRecords(5), false, false, false},
		{KVictims(1), false, true, false},
		{KVictims(3), false, true, true},   // nothing speaks against it
		{KVictims(5), false, false, false}, // four records have no five victims
		{KOwnerGroups(2), false, true, true},
		{balanced{}, false, true, true},
		{KVictims(3), true, true, false}, // the unknown are one
		{KVictims(4), true, false, false},
		{KOwnerGroups(2), true, true, false},
		{KOwnerGroups(3), true, false, false},
		{balanced{}, true, true, false},
	} {
		var given []Subject
		if c.known {
			given = subjects
		}
		r := CheckModels(rows, given, c.model)
		if r.OK() != c.ok || (len(r.Undecided) > 0) != c.undecided {
			t.Errorf("%s, subjects known %v: %+v", c.model, c.known, r)
		}
	}
	if r := CheckModels(rows, subjects[:3], KRecords(2)); r.OK() {
		t.Error("a row without its subject passes")
	}
}

// The search and the check share no code, so each is the other's test.
func TestTheCheckAgreesWithTheSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t)
		r := best(t, p)
		var published [][]string
		var subjects []Subject
		for i, c := range r.ClassOf {
			if c < 0 {
				continue
			}
			var row []string
			for q, l := range r.Levels {
				row = append(row, p.hs[q].Levels[l][p.rows[i].Codes[q]])
			}
			var s Subject
			if v := p.rows[i].Victim; v >= 0 {
				s.Victim = fmt.Sprint(v)
			}
			for _, g := range p.rows[i].Groups {
				s.Groups = append(s.Groups, fmt.Sprint(g))
			}
			published, subjects = append(published, row), append(subjects, s)
		}
		checked := CheckModels(published, subjects, p.models...)
		s := r.Statistics()
		if !checked.OK() || len(checked.Undecided) > 0 && len(published) > 0 && subjects != nil {
			t.Fatalf("what the search found fails the check: %+v", checked)
		}
		if got := (Report{Records: s.Records, Classes: s.Classes, Smallest: s.MinSize, FewestVictims: s.MinVictims, FewestGroups: s.MinGroups}); got.Records != checked.Records || got.Classes != checked.Classes ||
			got.Smallest != checked.Smallest || got.FewestVictims != checked.FewestVictims || got.FewestGroups != checked.FewestGroups {
			t.Fatalf("the search states %+v, the check finds %+v", s, checked)
		}
		if r := CheckModels(published, nil, p.models...); !r.OK() {
			t.Fatalf("by counts alone it fails: %+v", r)
		}
	})
}
