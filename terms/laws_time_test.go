package terms_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Each word of time holds from its first moment on, and no longer before its
// last: a second beside, even the smallest step beside, it is the other way.
func TestDelayAndExpiryAreExactAtTheSecond(t *testing.T) {
	std := finance(t)
	received := time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC)
	contributed := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	day := time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(r *rapid.T) {
		span := terms.Span(rapid.IntRange(1, 24*3650).Draw(r, "hours")) * terms.Span(time.Hour)
		for name, c := range map[string]struct {
			clause terms.Clause
			edge   time.Time
			begins bool
		}{
			"after":  {terms.Clause{After: span}, received.Add(time.Duration(span)), true},
			"keep":   {terms.Clause{Keep: span}, received.Add(time.Duration(span)), false},
			"from":   {terms.Clause{From: terms.DateOf(day)}, day, true},
			"until":  {terms.Clause{Until: terms.DateOf(day)}, day, false},
			"within": {terms.Clause{When: terms.Condition{ContributedWithin: span}}, contributed.Add(time.Duration(span)), false},
		} {
			c.clause.ID, c.clause.Fields, c.clause.Form = "a", []string{"victim.country"}, standard.Form{Kind: standard.Exact}
			c.clause.To, c.clause.For = []terms.Recipient{{Stake: terms.AnyStake}}, []member.Purpose{member.Study}
			rules := compiled(r, &terms.Sheet{Name: "drawn", Version: 1, Clauses: []terms.Clause{c.clause}}, std)
			who := member.Viewer{Member: member.Member{Stake: member.Research}, Purpose: member.Study, Contributed: contributed}
			table := rules.For(who, "finance")
			for beside, want := range map[time.Duration]bool{-time.Second: !c.begins, -1: !c.begins, 0: c.begins, 1: c.begins, time.Second: c.begins} {
				m := terms.Moment{Received: received, Now: c.edge.Add(beside)}
				if got := len(table.At(m).Grants("victim.country")) > 0; got != want {
					r.Fatalf("%s %s: %s beside its edge it is granted: %v", name, span, beside, got)
				}
				d := rules.Decide("victim.country", who, "finance", m)
				if (len(d.Grants) > 0) != want || (len(d.Missed) > 0) == want {
					r.Fatalf("%s %s: %s beside its edge it is decided %+v", name, span, beside, d)
				}
				next := time.Time{}
				if beside < 0 {
					next = c.edge
				}
				if !d.Next.Equal(next) || !table.Next(m).Equal(next) {
					r.Fatalf("%s %s: %s beside its edge the next change is at %v, of the table %v, want %v", name, span, beside, d.Next, table.Next(m), next)
				}
			}
		}
	})
}

func TestNothingChangesBeforeNextAndSomethingAtIt(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	changed := 0
	rapid.Check(t, func(r *rapid.T) {
		few := []standard.Field{rapid.SampledFrom(fields).Draw(r, "field"), fields[0]}
		s := drawSheet(std, few).Draw(r, "sheet")
		rules := compiled(r, s, std)
		q, m := drawAskedOf(r, s), drawMoment(r)
		table := rules.For(q.who, q.sector)
		at := func(now time.Time) string {
			then := m
			then.Now = now
			g := table.At(then)
			all := ""
			for _, path := range g.Paths() {
				all += fmt.Sprint(path, g.Grants(path))
			}
			return all
		}
		is, next := at(m.Now), table.Next(m)
		if m.Now.IsZero() {
			if !next.IsZero() {
				r.Fatalf("asked at no time, the next change is at %v", next)
			}
			return
		}
		last := m.Now.AddDate(20, 0, 0)
		if !next.IsZero() {
			changed++
			if !next.After(m.Now) {
				r.Fatalf("the next change after %v is at %v", m.Now, next)
			}
			if then := at(next); then == is {
				r.Fatalf("at %v nothing changes: %s", next, is)
			}
			last = next.Add(-1)
		}
		between := m.Now.Add(time.Duration(rapid.Int64Range(0, int64(last.Sub(m.Now))).Draw(r, "later")))
		for _, now := range []time.Time{last, between} {
			if then := at(now); then != is {
				r.Fatalf("the next change after %v is at %v, and at %v it is %s instead of %s", m.Now, next, now, then, is)
			}
		}
		// Of one field it is the change of that field, and the first of them is
		// that of the table.
		var first time.Time
		for _, f := range std.Fields() {
			if n := rules.Decide(f.Path, q.who, q.sector, m).Next; !n.IsZero() && (first.IsZero() || n.Before(first)) {
				first = n
			}
		}
		if !first.Equal(next) {
			r.Fatalf("of all fields something changes first at %v, of the table at %v", first, next)
		}
	})
	if changed == 0 {
		t.Error("in no drawn case anything changed; this tests nothing")
	}
}

// What a table lists for any time says with its conditions what it grants at
// each moment: a second program that only has the rows decides the same.
func TestTheRowsSayWhatIsGrantedAtEachMoment(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		f := rapid.SampledFrom(fields).Draw(r, "field")
		s := drawSheet(std, []standard.Field{f}).Draw(r, "sheet")
		rules := compiled(r, s, std)
		for range 10 {
			q, m := drawAskedOf(r, s), drawMoment(r)
			table := rules.For(q.who, q.sector)
			var listed []terms.Grant
			for _, row := range table.Grants(f.Path) {
				if inForce(row, m) {
					listed = append(listed, row)
				}
			}
			is := table.At(m).Grants(f.Path)
			for _, pair := range [][2][]terms.Grant{{is, listed}, {listed, is}} {
				for _, g := range pair[0] {
					if !slices.ContainsFunc(pair[1], func(h terms.Grant) bool { return atLeast(std, f.Path, h, g) }) {
						r.Fatalf("%s at %+v: granted is %v, and of the rows there hold %v", f.Path, m, is, listed)
					}
				}
			}
		}
	})
}

// inForce reports of a row whether its conditions hold at a moment.
func inForce(g terms.Grant, m terms.Moment) bool {
	received, dated := !m.Received.IsZero() && !m.Now.IsZero(), !m.Now.IsZero()
	age := m.Now.Sub(m.Received)
	return (g.After == 0 || received && age >= time.Duration(g.After)) && (g.Keep == 0 || received && age < time.Duration(g.Keep)) &&
		(g.From == "" || dated && terms.DateOf(m.Now) >= g.From) && (g.Until.IsZero() || dated && m.Now.Before(g.Until)) && m.Groups >= g.Groups
}

func TestManyReportsAtOnceAreDecidedAsEachByItself(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	granted, withheld := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		f := rapid.SampledFrom(fields).Draw(r, "field")
		s := drawSheet(std, []standard.Field{f}).Draw(r, "sheet")
		rules := compiled(r, s, std)
		q := drawAskedOf(r, s)
		table := rules.For(q.who, q.sector)
		form := rapid.SampledFrom(s.Clauses).Draw(r, "clause").Form
		now := drawMoment(r).Now
		var received []time.Time
		var groups []int
		for range rapid.IntRange(0, 20).Draw(r, "reports") {
			m := drawMoment(r)
			received, groups = append(received, m.Received), append(groups, m.Groups)
		}
		if rapid.Bool().Draw(r, "without groups") {
			groups = nil
		}
		all := table.Column(f.Path, form, now, received, groups)
		if len(all) != len(received) {
			r.Fatalf("of %d reports %d are decided", len(received), len(all))
		}
		for i, got := range all {
			m := terms.Moment{Received: received[i], Now: now}
			if groups != nil {
				m.Groups = groups[i]
			}
			want, ok := table.At(m).Allows(f.Path, form)
			if (got != nil) != ok || ok && fmt.Sprint(*got) != fmt.Sprint(want) {
				r.Fatalf("%s as %s at %+v: at once %v, by itself %v %v", f.Path, form, m, got, want, ok)
			}
			// And both as the page says: some clause that holds grants as much.
			if says := slices.ContainsFunc(granting(std, s, f.Path, q, m), func(g terms.Grant) bool { return weaker(std, f.Path, form, g.Form) }); says != ok {
				r.Fatalf("%s as %s at %+v is received: %v, and the clauses say %v", f.Path, form, m, ok, says)
			}
			if ok {
				granted++
			} else {
				withheld++
			}
		}
	})
	if granted == 0 || withheld == 0 {
		t.Errorf("%d statements are received and %d are not; this compares nothing", granted, withheld)
	}
}

// A table is filled while it is asked, by many at once.
func TestATableSaysTheSameToManyAtOnce(t *testing.T) {
	rules, fields := measuredSheet(t, 300)
	who := member.Viewer{Member: member.Member{Stake: member.Industry, Kind: "firm", Sectors: []string{"finance"}}, Purpose: member.Defend}
	ask := func(table terms.Table) string {
		all := ""
		for days := range 30 {
			m := terms.Moment{Received: noon.AddDate(0, 0, -20*days), Now: noon}
			all += fmt.Sprint(table.Next(m), table.At(m).Grants(fields[days].Path))
		}
		return all
	}
	want, shared := ask(rules.For(who, "finance")), rules.For(who, "finance")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := ask(shared); got != want {
				t.Errorf("one of many is told %s, alone it is %s", got, want)
			}
		})
	}
	group.Wait()
}
