package terms_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func finance(t testing.TB) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	return std
}

// someFields are enough for clauses to meet: all of one class, and others.
func someFields(std *standard.Standard) []standard.Field {
	var some []standard.Field
	for i, f := range std.Fields() {
		if i%7 == 0 || f.Token != "" || f.Class == standard.Indicator || f.Hierarchy != "" && i%2 == 0 {
			some = append(some, f)
		}
	}
	return some
}

func drawClause(std *standard.Standard, fields []standard.Field) *rapid.Generator[terms.Clause] {
	return rapid.Custom(func(r *rapid.T) terms.Clause {
		f := rapid.SampledFrom(fields).Draw(r, "field")
		forms := grantable(std, f)
		c := terms.Clause{
			Form:   rapid.SampledFrom(forms).Draw(r, "form"),
			Fields: []string{f.Path},
			For:    rapid.SliceOfNDistinct(rapid.SampledFrom(member.Purposes()), 1, 3, rapid.ID[member.Purpose]).Draw(r, "for"),
			TLP:    rapid.SampledFrom(append(terms.Markings(), "")).Draw(r, "tlp"),
		}
		if rapid.IntRange(0, 4).Draw(r, "by class") == 0 {
			c.Fields = append(c.Fields, "class:"+string(f.Class))
		}
		c.To = rapid.SliceOfN(rapid.Custom(func(r *rapid.T) terms.Recipient {
			return terms.Recipient{
				Stake:  rapid.SampledFrom([]string{"any", "industry", "law-enforcement", "research"}).Draw(r, "stake"),
				Sector: rapid.SampledFrom([]string{"", "own", "any", "finance", "health"}).Draw(r, "sector"),
				Kinds:  rapid.SliceOfN(rapid.SampledFrom(member.Kinds()), 0, 3).Draw(r, "kinds"),
			}
		}), 1, 2).Draw(r, "to")
		return c
	})
}

func grantable(std *standard.Standard, f standard.Field) []standard.Form {
	return slices.DeleteFunc(slices.Clone(std.FormsAllowed(f)), func(g standard.Form) bool {
		return g.Kind == standard.Withheld || g.Kind == standard.Sealed
	})
}

func drawSheet(std *standard.Standard, fields []standard.Field) *rapid.Generator[*terms.Sheet] {
	return rapid.Custom(func(r *rapid.T) *terms.Sheet {
		s := &terms.Sheet{Name: "drawn", Version: 1}
		s.Clauses = rapid.SliceOfN(drawClause(std, fields), 1, 8).Draw(r, "clauses")
		for i := range s.Clauses {
			s.Clauses[i].ID = fmt.Sprintf("c%d", i)
		}
		return s
	})
}

type asked struct {
	who     member.Member
	sector  string
	purpose member.Purpose
}

func drawAsked(r *rapid.T) asked {
	return asked{
		who: member.Member{
			Stake:   rapid.SampledFrom(member.Stakes()).Draw(r, "stake"),
			Kind:    rapid.SampledFrom(member.Kinds()).Draw(r, "kind"),
			Sectors: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"finance", "health"}), 0, 2, rapid.ID[string]).Draw(r, "sectors"),
		},
		sector:  rapid.SampledFrom([]string{"finance", "health"}).Draw(r, "report's sector"),
		purpose: rapid.SampledFrom(member.Purposes()).Draw(r, "purpose"),
	}
}

func compiled(r *rapid.T, s *terms.Sheet, std *standard.Standard) *terms.Rules {
	rules, err := terms.Compile(s, std)
	if err != nil {
		r.Fatalf("a drawn sheet does not compile: %v", err)
	}
	return rules
}

func TestAddingAClauseNeverTakesAnythingAway(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		more := *s
		added := drawClause(std, fields).Draw(r, "added")
		added.ID = "added"
		more.Clauses = append(slices.Clone(s.Clauses), added)
		q := drawAsked(r)
		before := compiled(r, s, std).For(q.who, q.sector, q.purpose)
		after := compiled(r, &more, std).For(q.who, q.sector, q.purpose)
		for _, path := range before.Paths() {
			for _, g := range before.Grants(path) {
				// What was granted, in this form or a weaker one and to be
				// passed on this freely, still is.
				ok := slices.ContainsFunc(after.Grants(path), func(h terms.Grant) bool {
					return (weaker(std, path, g.Form, h.Form)) && terms.Strictness(h.TLP) <= terms.Strictness(g.TLP)
				})
				if !ok {
					r.Fatalf("%s: %v was granted, and after adding %+v only %v", path, g, added, after.Grants(path))
				}
			}
		}
	})
}

func TestTheOrderOfClausesNeverMatters(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		other := *s
		other.Clauses = rapid.Permutation(s.Clauses).Draw(r, "another order")
		q := drawAsked(r)
		a, b := compiled(r, s, std), compiled(r, &other, std)
		ta, tb := a.For(q.who, q.sector, q.purpose), b.For(q.who, q.sector, q.purpose)
		for _, f := range fields {
			if x, y := fmt.Sprint(ta.Grants(f.Path)), fmt.Sprint(tb.Grants(f.Path)); x != y {
				r.Fatalf("%s: %s in one order, %s in another", f.Path, x, y)
			}
			if x, y := fmt.Sprint(a.Leaving(f.Path)), fmt.Sprint(b.Leaving(f.Path)); x != y {
				r.Fatalf("%s leaves as %s in one order, as %s in another", f.Path, x, y)
			}
			if x, y := fmt.Sprint(a.Decide(f.Path, q.who, q.sector, q.purpose)), fmt.Sprint(b.Decide(f.Path, q.who, q.sector, q.purpose)); x != y {
				r.Fatalf("decided %s in one order, %s in another", x, y)
			}
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
		q := drawAsked(r)
		table := rules.For(q.who, q.sector, q.purpose)
		for _, f := range std.Fields() {
			if granted[f.Path] {
				continue
			}
			for _, g := range table.Grants(f.Path) {
				if g.Form.Kind == standard.Exact {
					r.Fatalf("%s is exact, which no clause grants", f.Path)
				}
			}
			for _, form := range rules.Leaves()[f.Path] {
				if form.Kind == standard.Exact {
					r.Fatalf("%s leaves exact, which no clause grants", f.Path)
				}
			}
		}
	})
}

func TestTheReasonsAreExactlyTheClausesThatDecide(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSheet(std, fields).Draw(r, "sheet")
		rules := compiled(r, s, std)
		q := drawAsked(r)
		path := rapid.SampledFrom(fields).Draw(r, "field").Path
		d := rules.Decide(path, q.who, q.sector, q.purpose)
		if fmt.Sprint(d.Grants) != fmt.Sprint(rules.For(q.who, q.sector, q.purpose).Grants(path)) {
			r.Fatalf("decided %v, and the table says otherwise", d.Grants)
		}
		if (len(d.Grants) == 0) != (d.Withheld != "") {
			r.Fatalf("granted %v and withheld because %q", d.Grants, d.Withheld)
		}
		reasons := map[string]bool{}
		for _, g := range d.Grants {
			for _, c := range g.Clauses {
				reasons[c] = true
			}
		}
		// Without its reasons the field is withheld; without any other clause
		// nothing changes.
		without := func(drop func(id string) bool) terms.Decision {
			rest := *s
			rest.Clauses = slices.DeleteFunc(slices.Clone(s.Clauses), func(c terms.Clause) bool { return drop(c.ID) })
			if len(rest.Clauses) == 0 {
				return terms.Decision{}
			}
			return compiled(r, &rest, std).Decide(path, q.who, q.sector, q.purpose)
		}
		if only := without(func(id string) bool { return !reasons[id] }); fmt.Sprint(only.Grants) != fmt.Sprint(d.Grants) {
			r.Fatalf("by its reasons alone it is %v, with all clauses %v", only.Grants, d.Grants)
		}
		for _, g := range d.Grants {
			rest := without(func(id string) bool { return slices.Contains(g.Clauses, id) })
			if slices.ContainsFunc(rest.Grants, func(h terms.Grant) bool { return h.Form == g.Form && h.TLP == g.TLP }) {
				r.Fatalf("%v is granted without its reasons %v", g.Form, g.Clauses)
			}
		}
		for _, m := range d.Missed {
			if reasons[m.Clause] || m.Because == "" {
				r.Fatalf("clause %s both decides and does not: %q", m.Clause, m.Because)
			}
		}
	})
}

func TestNobodyMayReceiveWhatDoesNotLeave(t *testing.T) {
	std := finance(t)
	fields := someFields(std)
	rapid.Check(t, func(r *rapid.T) {
		rules := compiled(r, drawSheet(std, fields).Draw(r, "sheet"), std)
		q := drawAsked(r)
		table := rules.For(q.who, q.sector, q.purpose)
		leaves := rules.Leaves()
		for _, path := range table.Paths() {
			for _, g := range table.Grants(path) {
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

// weaker is the standard's order of forms for the field of a path; it holds
// for equal ones.
func weaker(std *standard.Standard, path string, a, b standard.Form) bool {
	f, _ := std.Field(path)
	return std.Weaker(f, a, b)
}
