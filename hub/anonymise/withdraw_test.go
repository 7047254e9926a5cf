package anonymise_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// now says what contributors grant now: what the trust's members agreed to.
type now struct{ *trust }

func (n now) Current(_ context.Context, m wire.MemberID, _ standard.Ref) (*terms.Rules, error) {
	return n.sheets[n.agreement[m]], nil
}

// keeping is a store that has the reports, too, of which a release is made:
// they are the trust's.
type keeping struct {
	*store.Hub
	tr    *trust
	basis map[wire.ReleaseID]anonymise.Basis
}

func (k keeping) AddRelease(ctx context.Context, r anonymise.Release, content map[string][]byte, b anonymise.Basis) error {
	k.basis[r.ID] = b
	return k.Hub.AddRelease(ctx, r, content, b)
}

func (k keeping) Sources(_ context.Context, id wire.ReleaseID) (all []anonymise.Source, err error) {
	for _, s := range k.basis[id].Sources {
		for _, told := range k.tr.incidents {
			for _, rep := range told.Reports {
				if row := rep.Row(); row.Seq == s.Seq {
					s.Member, s.Received = row.Member, row.Received
				}
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func (tr *trust) shelf() (*anonymise.Room, anonymise.Shelf) {
	room := tr.room()
	room.Terms, room.Store = now{tr}, keeping{tr.store, tr, map[wire.ReleaseID]anonymise.Basis{}}
	return room, anonymise.Shelf{Room: room}
}

func TestAReleaseIsWithdrawnOnceAContributorGrantsLessThanItRestsOn(t *testing.T) {
	changed := func(t *testing.T, change func(*terms.Sheet)) *terms.Sheet {
		t.Helper()
		sheet, err := terms.Builtin("default")
		if err != nil {
			t.Fatal(err)
		}
		change(sheet)
		return sheet
	}
	each := func(f func(c *terms.Clause)) func(*terms.Sheet) {
		return func(s *terms.Sheet) {
			for i := range s.Clauses {
				f(&s.Clauses[i])
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*terms.Sheet)
		stands bool
	}{
		"the same terms in other words": {func(s *terms.Sheet) { s.Version++; slices.Reverse(s.Clauses) }, true},
		"a clause more": {func(s *terms.Sheet) {
			more := s.Clauses[0]
			more.ID = "more"
			s.Clauses = append(s.Clauses, more)
		}, true},
		"nothing to study": {func(s *terms.Sheet) {
			s.Clauses = slices.DeleteFunc(s.Clauses, func(c terms.Clause) bool { return slices.Contains(c.For, "study") })
		}, false},
		"dates by the year": {each(func(c *terms.Clause) {
			if c.Form.Level == "month" {
				c.Form.Level = "year"
			}
		}), false},
		"a stricter marking": {each(func(c *terms.Clause) { c.TLP = "TLP:RED" }), false},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			tr.population(200, 3)
			room, shelf := tr.shelf()
			rel, err := room.Release(t.Context(), "finance")
			if err != nil {
				t.Fatal(err)
			}
			stands := func(want bool) {
				t.Helper()
				got, err := shelf.Release(t.Context(), rel.ID)
				if err != nil || (got.Withdrawn == nil) != want || got.Cite != rel.Cite {
					t.Fatalf("the release is %+v, %v; stands should be %v", got, err, want)
				}
				all, err := shelf.Releases(t.Context(), "finance")
				if err != nil || len(all) != 1 || (all[0].Withdrawn == nil) != want {
					t.Fatalf("the list is %+v, %v", all, err)
				}
				_, data, err := shelf.ReleaseFile(t.Context(), rel.ID, "incidents.csv")
				if want != (err == nil && len(data) > 0) || !want && (fault.KindOf(err) != fault.Gone || !strings.Contains(err.Error(), "confirm")) {
					t.Fatalf("its file has %d bytes, %v", len(data), err)
				}
				if !want && (got.Withdrawn.Code != anonymise.Narrowed || got.Records != 0 || len(got.Files) != 0 || len(got.Levels) != 0 || got.From != "") {
					t.Errorf("of a withdrawn release more is told than its name: %+v", got)
				}
			}
			stands(true)
			tr.sheet("changed", changed(t, c.change))
			tr.agreement[tr.join("bank 3")] = "changed"
			stands(c.stands)
			// What the doors say, and what is kept, agree.
			gone, err := room.Withdraw(t.Context())
			if err != nil || (len(gone) == 0) != c.stands {
				t.Fatalf("withdrawn were %v, %v", gone, err)
			}
			stands(c.stands)
			if c.stands {
				return
			}
			if again, err := room.Withdraw(t.Context()); err != nil || len(again) != 0 {
				t.Errorf("withdrawn again were %v, %v", again, err)
			}
			// Another sheet does not bring it back, and another release can be made.
			tr.agreement[tr.join("bank 3")] = "default"
			stands(false)
			tr.now = tr.now.Add(1e9)
			next, err := room.Release(t.Context(), "finance")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := shelf.Release(t.Context(), next.ID); err != nil || got.Withdrawn != nil || len(got.Files) == 0 {
				t.Errorf("the next release is %+v, %v", got, err)
			}
		})
	}
}

// What is granted for a time is released for that time: in the second in which
// it is over for any of the reports, the release is withdrawn.
func TestAReleaseIsWithdrawnInTheSecondInWhichAGrantItRestsOnIsOver(t *testing.T) {
	const received = -24 * time.Hour // from the epoch
	for name, c := range map[string]struct {
		change func(*terms.Clause)
		end    time.Time
	}{
		"kept for a while":   {func(c *terms.Clause) { c.Keep = terms.Days(30) }, epoch.Add(received).AddDate(0, 0, 30)},
		"until a day":        {func(c *terms.Clause) { c.Until = "2026-04-01" }, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
		"after a delay":      {func(c *terms.Clause) { c.After = terms.Days(1) }, time.Time{}},
		"once many stand by": {func(c *terms.Clause) { c.Groups = 2 }, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			tr.population(200, 3)
			for i, told := range tr.incidents {
				tr.incidents[i].Incident.Groups = make([]string, len(told.Reports)+1)
			}
			sheet, err := terms.Builtin("default")
			if err != nil {
				t.Fatal(err)
			}
			for i := range sheet.Clauses {
				c.change(&sheet.Clauses[i])
			}
			tr.sheet("timed", sheet)
			tr.agreement[tr.join("bank 3")] = "timed"
			room, shelf := tr.shelf()
			rel, err := room.Release(t.Context(), "finance")
			if err != nil {
				t.Fatal(err)
			}
			at := func(at time.Time, want bool) {
				t.Helper()
				tr.now = at
				got, err := shelf.Release(t.Context(), rel.ID)
				if err != nil || (got.Withdrawn == nil) != want || !want && got.Withdrawn.Code != anonymise.Narrowed {
					t.Errorf("at %s it is %+v, %v", at, got.Withdrawn, err)
				}
			}
			if at(tr.now, true); c.end.IsZero() {
				at(tr.now.AddDate(5, 0, 0), true)
				return
			}
			at(c.end.Add(-time.Second), true)
			at(c.end, false)
			if gone, err := room.Withdraw(t.Context()); err != nil || len(gone) != 1 {
				t.Errorf("withdrawn were %v, %v", gone, err)
			}
		})
	}
}

// A contributor that asks for more reports by others than stood by then has
// narrowed its terms.
func TestAReleaseIsWithdrawnOnceMoreMustStandByThanDid(t *testing.T) {
	tr := newTrust(t)
	tr.population(200, 3)
	for i := range tr.incidents {
		tr.incidents[i].Incident.Groups = make([]string, 2)
	}
	room, shelf := tr.shelf()
	rel, err := room.Release(t.Context(), "finance")
	if err != nil {
		t.Fatal(err)
	}
	for groups, stands := range map[int]bool{2: true, 3: false} {
		sheet, err := terms.Builtin("default")
		if err != nil {
			t.Fatal(err)
		}
		for i := range sheet.Clauses {
			sheet.Clauses[i].Groups = groups
		}
		tr.sheet("many", sheet)
		tr.agreement[tr.join("bank 3")] = "many"
		if got, err := shelf.Release(t.Context(), rel.ID); err != nil || (got.Withdrawn == nil) != stands {
			t.Errorf("with %d groups it is %+v, %v", groups, got.Withdrawn, err)
		}
	}
}

// Who counts the records of a withdrawn release is not told that there were
// none, and of one that stands reads also what is nothing.
func TestTheJSONOfAReleaseSaysWhatIsKnownOfIt(t *testing.T) {
	of := func(rel anonymise.Release) (all map[string]any) {
		data, err := json.Marshal(rel)
		if err != nil {
			t.Fatal(err)
		}
		var back anonymise.Release
		if err := errors.Join(json.Unmarshal(data, &all), json.Unmarshal(data, &back)); err != nil || !reflect.DeepEqual(back, rel) {
			t.Errorf("%s is read as %+v, %v", data, back, err)
		}
		return all
	}
	rel := anonymise.Release{ID: "finance-1", Sector: "finance", Title: "t", Standard: "finance/1.0", Cite: "c",
		From: "2026", To: "2026", K: 5, MinOwnerGroups: 5, Records: 7, Levels: map[string]string{"victim.industry": "any"}, Files: []anonymise.File{{Name: "incidents.csv"}}}
	stands := of(rel)
	for _, name := range []string{"k", "min_owner_groups", "records", "suppressed", "rare_removed", "levels", "loss", "files", "from", "to"} {
		if _, ok := stands[name]; !ok {
			t.Errorf("a release that stands does not tell %q", name)
		}
	}
	gone := of(anonymise.Release{ID: "finance-1", Sector: "finance", Title: "t", Standard: "finance/1.0", Cite: "c",
		Withdrawn: &anonymise.Withdrawal{Code: anonymise.Recalled, Why: "w", Next: "n"}})
	if got := slices.Sorted(maps.Keys(gone)); !slices.Equal(got, []string{"cite", "id", "made", "sector", "standard", "title", "withdrawn"}) {
		t.Errorf("of a withdrawn release is told %v", got)
	}
}

func TestAStricterMarkingNeverReadsAsAFreerOne(t *testing.T) {
	seen := map[string]string{}
	for _, tlp := range []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"} {
		words := anonymise.Release{TLP: tlp}.PassOn()
		if seen[words] != "" {
			t.Errorf("%s reads as %s does", tlp, seen[words])
		}
		seen[words] = tlp
	}
	for _, tlp := range []string{"", "TLP:AMBER+LOOSE"} {
		if words := (anonymise.Release{TLP: tlp}).PassOn(); seen[words] != "TLP:RED" {
			t.Errorf("the marking %q reads as %s", tlp, words)
		}
	}
}
