package terms_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func TestAddingAClauseNeverTakesAnythingAway(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		more := *s
		added := drawClause(std, fields).Draw(r, "added")
		added.ID = "added"
		more.Clauses = append(slices.Clone(s.Clauses), added)
		q := drawAskedOf(r, s)
		before, after := compiled(r, s, std).For(q.who, q.sector), compiled(r, &more, std).For(q.who, q.sector)
		for range 5 {
			m := drawMoment(r)
			was, is := before.At(m), after.At(m)
			for _, path := range was.Paths() {
				for _, g := range was.Grants(path) {
					if !slices.ContainsFunc(is.Grants(path), func(h terms.Grant) bool { return atLeast(std, path, h, g) }) {
						r.Fatalf("%s at %+v: %v was granted, and after adding %+v only %v", path, m, g, added, is.Grants(path))
					}
				}
			}
		}
		// At any time: what is listed without a moment only grows as well.
		for _, row := range before.Rows() {
			if !slices.ContainsFunc(after.Grants(row.Path), func(h terms.Grant) bool { return atLeast(std, row.Path, h, row.Grant) && asLong(h, row.Grant) }) {
				r.Fatalf("%s: %v was granted at some time, and after adding %+v only %v", row.Path, row.Grant, added, after.Grants(row.Path))
			}
		}
	})
}

// asLong reports whether h holds whenever g does.
func asLong(h, g terms.Grant) bool {
	return h.After <= g.After && h.From <= g.From && h.Groups <= g.Groups && (h.Until.IsZero() || !g.Until.IsZero() && !h.Until.Before(g.Until))
}

func TestTheOrderOfClausesNeverMatters(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		other := *s
		other.Clauses = rapid.Permutation(s.Clauses).Draw(r, "another order")
		q, m := drawAskedOf(r, s), drawMoment(r)
		a, b := compiled(r, s, std), compiled(r, &other, std)
		ta, tb := a.For(q.who, q.sector), b.For(q.who, q.sector)
		same := func(what string, x, y any) {
			if x, y := fmt.Sprint(x), fmt.Sprint(y); x != y {
				r.Fatalf("%s: %s in one order, %s in another", what, x, y)
			}
		}
		same("next", ta.Next(m), tb.Next(m))
		same("rows", ta.Rows(), tb.Rows())
		for _, f := range fields {
			same(f.Path, ta.At(m).Grants(f.Path), tb.At(m).Grants(f.Path))
			same(f.Path+" leaves", a.Leaving(f.Path, m.Now), b.Leaving(f.Path, m.Now))
			same(f.Path+" is decided", a.Decide(f.Path, q.who, q.sector, m), b.Decide(f.Path, q.who, q.sector, m))
		}
	})
}

func TestWithoutAClauseThatGrantsExactNothingIsExact(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		granted := map[string]bool{} // fields of clauses that grant exact
		for _, c := range s.Clauses {
			if c.Form.Kind != standard.Exact {
				continue
			}
			for _, f := range std.Fields() {
				if slices.Contains(c.Fields, f.Path) || slices.Contains(c.Fields, "class:"+string(f.Class)) {
					granted[f.Path] = true
				}
			}
		}
		rules := compiled(r, s, std)
		q, m := drawAskedOf(r, s), drawMoment(r)
		table := rules.For(q.who, q.sector)
		for _, f := range std.Fields() {
			if granted[f.Path] {
				continue
			}
			for _, g := range append(table.Grants(f.Path), table.At(m).Grants(f.Path)...) {
				if g.Form.Kind == standard.Exact {
					r.Fatalf("%s is exact, which no clause grants", f.Path)
				}
			}
			if _, ok := table.At(m).Allows(f.Path, standard.Form{Kind: standard.Exact}); ok {
				r.Fatalf("an exact value of %s is received, which no clause grants", f.Path)
			}
			for _, form := range rules.Leaves(time.Time{})[f.Path] {
				if form.Kind == standard.Exact {
					r.Fatalf("%s leaves exact, which no clause grants", f.Path)
				}
			}
		}
	})
}

// What is granted, and why, is compared with what the page says, clause by
// clause: of the clauses that hold, those decide than which no other gives
// more; each other clause of the field is told, with what does not hold, or as
// covered.
func TestTheReasonsAreExactlyTheClausesThatDecide(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	granted, aside := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		// All clauses speak of one field, so that they meet.
		f := rapid.SampledFrom(fields).Draw(r, "field")
		s, path := drawSheet(std, []standard.Field{f}).Draw(r, "sheet"), f.Path
		rules := compiled(r, s, std)
		q, m := drawAskedOf(r, s), drawMoment(r)
		d := rules.Decide(path, q.who, q.sector, m)
		if table := rules.For(q.who, q.sector).At(m).Grants(path); fmt.Sprint(d.Grants) != fmt.Sprint(table) {
			r.Fatalf("decided %v, and the table says %v", d.Grants, table)
		}
		if (len(d.Grants) == 0) != (d.Withheld != "") {
			r.Fatalf("granted %v and withheld because %q", d.Grants, d.Withheld)
		}
		all := granting(std, s, path, q, m)
		var want, got, covered []string
		for _, g := range all {
			more := func(h terms.Grant) bool { return atLeast(std, path, h, g) && !atLeast(std, path, g, h) }
			if slices.ContainsFunc(all, more) {
				covered = append(covered, g.Clauses[0])
			} else {
				want = append(want, g.Clauses[0])
			}
		}
		for _, g := range d.Grants {
			got = append(got, g.Clauses...)
			for _, id := range g.Clauses {
				one := all[slices.IndexFunc(all, func(h terms.Grant) bool { return h.Clauses[0] == id })]
				if !atLeast(std, path, g, one) || !atLeast(std, path, one, g) || g.After != 0 || g.From != "" || !g.Until.IsZero() || g.Groups != 0 {
					r.Fatalf("clause %s grants %+v, and is the reason of %+v", id, one, g)
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) || !slices.Equal(d.Covered, covered) {
			r.Fatalf("%s at %+v: the reasons are %v, want %v; covered are %v, want %v", path, m, got, want, d.Covered, covered)
		}
		granted, aside = granted+len(got), aside+len(covered)
		told := map[string]bool{}
		for _, miss := range d.Missed {
			told[miss.Clause] = miss.Because != ""
		}
		for _, c := range s.Clauses {
			speaks := slices.Contains(c.Fields, path) || slices.Contains(c.Fields, "class:"+string(f.Class)) && std.CheckForm(f, c.Form) == nil
			grants := slices.Contains(want, c.ID) || slices.Contains(covered, c.ID)
			if told[c.ID] != (speaks && !grants) {
				r.Fatalf("clause %s speaks of it: %v, grants: %v, and of it is told %+v", c.ID, speaks, grants, d.Missed)
			}
		}
	})
	if granted == 0 || aside == 0 {
		t.Errorf("%d clauses decide and %d are covered in all that was drawn; this tests nothing", granted, aside)
	}
}

func TestNobodyMayReceiveWhatDoesNotLeave(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		rules := compiled(r, s, std)
		q, m := drawAskedOf(r, s), drawMoment(r)
		table := rules.For(q.who, q.sector)
		// It left before it was received, and what leaves only shrinks.
		left := m.Now.Add(-time.Duration(rapid.IntRange(0, 80).Draw(r, "hours before")) * time.Hour)
		if m.Now.IsZero() {
			left = time.Time{}
		}
		leaves := rules.Leaves(left)
		for _, path := range table.At(m).Paths() {
			for _, g := range table.At(m).Grants(path) {
				if !slices.ContainsFunc(leaves[path], func(l standard.Form) bool { return weaker(std, path, g.Form, l) }) {
					r.Fatalf("%s is granted as %s and leaves as %v only", path, g.Form, leaves[path])
				}
			}
		}
		for path, forms := range leaves {
			for i, a := range forms {
				for j, b := range forms {
					if i != j && weaker(std, path, a, b) {
						r.Fatalf("%s leaves as %v, of which one is weaker than another", path, forms)
					}
				}
			}
		}
	})
}
