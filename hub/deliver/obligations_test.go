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

// toDefend grants a field as it is to all who defend, under what change adds.
func toDefend(id, path string, change func(*terms.Clause)) terms.Clause {
	c := terms.Clause{ID: id, Fields: []string{path}, To: []terms.Recipient{{Stake: terms.AnyStake}}, For: []member.Purpose{member.Defend}, Form: standard.Form{Kind: standard.Exact}}
	if change != nil {
		change(&c)
	}
	return c
}

func sheetWith(clauses ...terms.Clause) *terms.Sheet {
	return &terms.Sheet{Name: "with", Version: 1, Clauses: clauses}
}

const variety, country = "action.hacking.variety", "victim.country"

// Who said it is told as the least that the clauses let under which anything of
// it is shown.
func TestASourceIsToldAsTheLeastOfWhatIsShownLets(t *testing.T) {
	as := func(a terms.Attribution) func(*terms.Clause) { return func(c *terms.Clause) { c.Attribution = a } }
	both := [][2]string{{variety, "SQLi"}, {country, "DE"}}
	for name, c := range map[string]struct {
		hacked, country terms.Attribution
		says            [][2]string
		stake, name     string
	}{
		"by stake, if nothing else is said":   {"", "", both, "industry", ""},
		"by name":                             {terms.ByName, terms.ByName, both, "industry", "Bank of one"},
		"by name and by stake":                {terms.ByName, terms.ByStake, both, "industry", ""},
		"by name and not at all":              {terms.ByName, terms.NotAttributed, both, deliver.WithheldStake, ""},
		"not at all, but that is not told of": {terms.ByName, terms.NotAttributed, both[:1], "industry", "Bank of one"},
		"not at all":                          {terms.NotAttributed, terms.NotAttributed, both, deliver.WithheldStake, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			one := tr.join("one", member.Industry, sheetWith(toDefend("h", variety, as(c.hacked)), toDefend("c", country, as(c.country))), "finance")
			one.Name = "Bank of one"
			tr.members[one.ID] = one
			id := tr.tell(sending{member: "one", says: c.says})
			v := member.Viewer{Member: tr.bank("reader"), Purpose: member.Defend, At: now}
			a, err := tr.room.Incident(t.Context(), v, tr.room.Shown(v, id))
			if err != nil {
				t.Fatal(err)
			}
			list, err := tr.room.Incidents(t.Context(), v, "finance", "", 0)
			if err != nil || len(list.Body().Items) != 1 {
				t.Fatalf("%+v, %v", list, err)
			}
			got := a.Body().Reports[0]
			if got.Stake != c.stake || got.Name != c.name || !slices.Equal(list.Body().Items[0].Stakes, []string{c.stake}) {
				t.Errorf("it is told as %q %q, in the list as %q; want %q %q", got.Stake, got.Name, list.Body().Items[0].Stakes, c.stake, c.name)
			}
			// Its own report a member knows.
			v.Member = one
			if a, err = tr.room.Incident(t.Context(), v, tr.room.Shown(v, id)); err != nil || a.Body().Reports[0].Stake != "industry" {
				t.Errorf("to itself it is told as %+v, %v", a.Body().Reports, err)
			}
		})
	}
}

// What may be done with something, and by when copies are deleted, stands
// beside it; of what several told, what binds most.
func TestObligationsStandBesideWhatTheyBind(t *testing.T) {
	const domain = "login.bound.net"
	tr := newTrust(t)
	for name, c := range map[string]terms.Clause{
		"one":   {PAP: "PAP:GREEN", TLP: "TLP:AMBER", Keep: terms.Days(30)},
		"two":   {PAP: "PAP:AMBER", TLP: "TLP:GREEN", Keep: terms.Days(20)},
		"three": {PAP: "PAP:CLEAR", TLP: "TLP:CLEAR"},
	} {
		bind := func(to *terms.Clause) { to.PAP, to.TLP, to.Keep = c.PAP, c.TLP, c.Keep }
		tr.join(name, member.Industry, sheetWith(toDefend("d", "observable.domain", bind), toDefend("h", variety, bind)), "finance")
	}
	var all []sending
	for _, name := range []string{"one", "two", "three"} {
		all = append(all, sending{member: name, says: [][2]string{{variety, "SQLi"}}, seen: []report.Seen{{Type: "domain", Value: domain}}})
	}
	id := tr.tell(all...)
	received := tr.rows[0].Received
	deleted := func(days int) string { return received.AddDate(0, 0, days).Format(time.DateOnly) }
	v := member.Viewer{Member: tr.bank("reader"), Purpose: member.Defend, At: now}
	a, err := tr.room.Incident(t.Context(), v, tr.room.Shown(v, id))
	if err != nil {
		t.Fatal(err)
	}
	var said []deliver.Saying
	for _, s := range fieldOf(t, a.Body(), variety).Sayings {
		said = append(said, deliver.Saying{Source: s.Source, TLP: s.TLP, PAP: s.PAP, DeleteBy: s.DeleteBy})
	}
	want := []deliver.Saying{{Source: "A", TLP: "TLP:AMBER", PAP: "PAP:GREEN", DeleteBy: deleted(30)}, {Source: "B", TLP: "TLP:GREEN", PAP: "PAP:AMBER", DeleteBy: deleted(20)}, {Source: "C", TLP: "TLP:CLEAR", PAP: "PAP:CLEAR"}}
	if !slices.Equal(said, want) {
		t.Errorf("said is %+v; want %+v", said, want)
	}
	seen := a.Body().Observables
	if len(seen) != 1 || seen[0].TLP != "TLP:AMBER" || seen[0].PAP != "PAP:AMBER" || seen[0].DeleteBy != deleted(20) {
		t.Errorf("seen is %+v", seen)
	}
	rows, err := tr.room.Indicators(t.Context(), v, "finance")
	if err != nil || len(rows.Body()) != 1 {
		t.Fatalf("%+v, %v", rows.Body(), err)
	}
	if r := rows.Body()[0]; r.TLP != "TLP:AMBER" || r.PAP != "PAP:AMBER" || r.DeleteBy != deleted(20) {
		t.Errorf("the row is %+v", r)
	}
	expires := received.AddDate(0, 0, 21).Format(time.DateOnly) + "T00:00:00.000000Z"
	for kind, wanted := range map[deliver.Kind][]string{
		deliver.IndicatorObjects: {`"labels":["PAP:AMBER"]`, `"valid_until":"` + expires + `"`, "Delete copies by " + deleted(20)},
		deliver.IncidentObjects:  {`"labels":["hacking","PAP:AMBER"]`, "Delete copies by " + deleted(20)},
	} {
		text := strings.ReplaceAll(allText(tr.objects(v, kind)), " ", "")
		for _, w := range wanted {
			if !strings.Contains(text, strings.ReplaceAll(w, " ", "")) {
				t.Errorf("the %s lack %s:\n%s", kind, w, text)
			}
		}
	}
	// Its own telling binds a member to nothing.
	v.Member = tr.members[tr.rows[1].Member]
	if a, err = tr.room.Incident(t.Context(), v, tr.room.Shown(v, id)); err != nil {
		t.Fatal(err)
	}
	if seen := a.Body().Observables[0]; seen.DeleteBy != deleted(30) {
		t.Errorf("who told it itself is to delete by %q what another told until %s", seen.DeleteBy, deleted(30))
	}
}

// An answer tells until when it holds: the first moment at which a grant that it
// looked at begins or ends, or somebody counts.
func TestAnAnswerHoldsUntilTheNextThingBeginsOrEnds(t *testing.T) {
	received := now.Add(-time.Hour)
	for name, c := range map[string]struct {
		change func(*terms.Clause)
		counts time.Time // from when on the contributor does
		want   time.Time
	}{
		"nothing":         {func(*terms.Clause) {}, time.Time{}, time.Time{}},
		"a delay":         {func(c *terms.Clause) { c.After = terms.Days(2) }, time.Time{}, received.AddDate(0, 0, 2)},
		"an end":          {func(c *terms.Clause) { c.Keep = terms.Days(3) }, time.Time{}, received.AddDate(0, 0, 3)},
		"a delay, an end": {func(c *terms.Clause) { c.After, c.Keep = terms.Days(2), terms.Days(3) }, time.Time{}, received.AddDate(0, 0, 2)},
		"a day":           {func(c *terms.Clause) { c.Until = "2026-02-11" }, time.Time{}, time.Date(2026, 2, 11, 0, 0, 0, 0, time.UTC)},
		"what is over":    {func(c *terms.Clause) { c.Until = "2026-02-09" }, time.Time{}, time.Time{}},
		"reciprocity":     {func(c *terms.Clause) { c.When.ContributedWithin = terms.Days(5) }, time.Time{}, now.AddDate(0, 0, 4)},
		"a probation":     {func(*terms.Clause) {}, now.Add(time.Minute), now.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			m := tr.join("one", member.Industry, sheetWith(toDefend("d", "observable.domain", c.change), toDefend("h", variety, nil)), "finance")
			m.CountsFrom = c.counts
			tr.members[m.ID] = m
			id := tr.tell(sending{member: "one", says: [][2]string{{variety, "SQLi"}}, seen: []report.Seen{{Type: "domain", Value: "login.bound.net"}}})
			v := member.Viewer{Member: tr.bank("reader"), Purpose: member.Defend, At: now, Contributed: now.AddDate(0, 0, -1)}
			rows, err := tr.room.Indicators(t.Context(), v, "finance")
			if err != nil || !rows.Until().Equal(c.want) {
				t.Errorf("the rows hold until %s, %v; want %s", rows.Until(), err, c.want)
			}
			if !c.counts.IsZero() {
				return // an incident tells nobody's number
			}
			a, err := tr.room.Incident(t.Context(), v, tr.room.Shown(v, id))
			if err != nil || !a.Until().Equal(c.want) {
				t.Errorf("the incident holds until %s, %v; want %s", a.Until(), err, c.want)
			}
		})
	}
}
