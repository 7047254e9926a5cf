package terms_test

import (
	"testing"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// tableOf is what research may receive to study under clauses of which only
// the conditions, and the field if it is another, are given.
func tableOf(t *testing.T, who member.Viewer, clauses ...terms.Clause) terms.Table {
	t.Helper()
	for i := range clauses {
		c := &clauses[i]
		c.ID, c.Form, c.For = string(rune('a'+i)), standard.Form{Kind: standard.Exact}, []member.Purpose{member.Study}
		if c.Fields == nil {
			c.Fields = []string{"victim.country"}
		}
		if c.To == nil {
			c.To = []terms.Recipient{{Stake: "any"}}
		}
	}
	rules, err := terms.Compile(&terms.Sheet{Name: "s", Version: 1, Clauses: clauses}, finance(t))
	if err != nil {
		t.Fatal(err)
	}
	who.Member.Stake, who.Purpose = member.Research, member.Study
	return rules.For(who, "finance")
}

func TestOneRecipientOfSeveralIsEnough(t *testing.T) {
	fits, other := terms.Recipient{Stake: "research"}, terms.Recipient{Stake: "industry"}
	for _, to := range [][]terms.Recipient{{fits, other}, {other, fits}, {other, fits, other}} {
		if len(tableOf(t, member.Viewer{}, terms.Clause{To: to}).Grants("victim.country")) == 0 {
			t.Errorf("%v grants nothing to research", to)
		}
	}
	if len(tableOf(t, member.Viewer{}, terms.Clause{To: []terms.Recipient{other, other}}).Grants("victim.country")) != 0 {
		t.Error("research is granted what is for industry")
	}
}

func TestReciprocityEndsWithTheClauseOrWithTheContribution(t *testing.T) {
	contributed := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	for until, want := range map[terms.Date]time.Time{
		"":           contributed.AddDate(0, 0, 10),
		"2026-01-15": time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC),
		"2026-02-01": contributed.AddDate(0, 0, 10),
	} {
		table := tableOf(t, member.Viewer{Contributed: contributed}, terms.Clause{Until: until, When: terms.Condition{ContributedWithin: terms.Days(10)}})
		if got := table.Next(terms.Moment{Now: contributed}); !got.Equal(want) {
			t.Errorf("until %q it ends at %v, want %v", until, got, want)
		}
	}
}

func TestTheTableChangesWithTheFirstOfItsFields(t *testing.T) {
	early, late := terms.Clause{Fields: []string{"victim.country"}, From: "2026-02-01"}, terms.Clause{Fields: []string{"victim.industry"}, From: "2026-03-01"}
	m := terms.Moment{Now: newYear}
	for _, clauses := range [][]terms.Clause{{early, late}, {late, early}} {
		if got := tableOf(t, member.Viewer{}, clauses...).Next(m); !got.Equal(early.From.Start()) {
			t.Errorf("something changes first at %v", got)
		}
	}
	early.Fields, late.Fields = late.Fields, early.Fields
	if got := tableOf(t, member.Viewer{}, early, late).Next(m); !got.Equal(early.From.Start()) {
		t.Errorf("something changes first at %v", got)
	}
	// What begins while more is granted changes nothing.
	if got := tableOf(t, member.Viewer{}, terms.Clause{TLP: "TLP:GREEN"}, terms.Clause{From: "2026-02-01"}).Next(m); !got.IsZero() {
		t.Errorf("what is covered changes something at %v", got)
	}
	// What begins beside its like becomes a reason.
	if got := tableOf(t, member.Viewer{}, terms.Clause{}, terms.Clause{From: "2026-02-01"}).Next(m); !got.Equal(early.From.Start()) {
		t.Errorf("there is a second reason from %v on", got)
	}
}

func TestAReportThatIsNotReceivedIsNotYoung(t *testing.T) {
	table := tableOf(t, member.Viewer{}, terms.Clause{Keep: terms.Days(10)})
	received := []time.Time{newYear, {}, newYear.AddDate(0, 0, -9), newYear.AddDate(0, 0, -10)}
	for i, g := range table.Column("victim.country", exact, newYear, received, nil) {
		if (g != nil) != (i == 0 || i == 2) {
			t.Errorf("received at %v: %v", received[i], g)
		}
	}
}

func TestWhatDependsOnNothingIsGrantedAtTheZeroMoment(t *testing.T) {
	always, keep := terms.Clause{}, terms.Clause{Fields: []string{"victim.industry"}, Keep: terms.Days(10)}
	if got := tableOf(t, member.Viewer{}, always, keep).At(terms.Moment{}).Paths(); len(got) != 1 || got[0] != "victim.country" {
		t.Errorf("granted are %v", got)
	}
	var none terms.Table
	if none.Rows() != nil || !none.Next(terms.Moment{Now: newYear}).IsZero() || none.At(terms.Moment{}).Paths() != nil ||
		len(none.Column("victim.country", exact, newYear, make([]time.Time, 3), nil)) != 3 {
		t.Error("the zero table grants something")
	}
}
