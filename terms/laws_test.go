package terms_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
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

// Few of each, so that what a clause asks and what a recipient is often meet.
var (
	sectors       = []string{"finance", "health"}
	members       = []wire.MemberID{wire.MemberID("m-" + strings.Repeat("a", 26)), wire.MemberID("m-" + strings.Repeat("e", 26))}
	roles         = []string{"mediator", "auditor"}
	projects      = []string{"p-one", "p-two"}
	jurisdictions = []string{"DE", "FR"}
	someKinds     = []member.Kind{"firm", "police", "university"}
	someDays      = []terms.Span{terms.Days(1), terms.Days(2), terms.Days(3), terms.Span(36 * time.Hour)}
	newYear       = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// rarely draws one of the values with a chance of one in five, else nothing.
func rarely[T any](r *rapid.T, name string, of []T) (v T) {
	if rapid.IntRange(0, 4).Draw(r, name+"?") == 4 {
		return rapid.SampledFrom(of).Draw(r, name)
	}
	return v
}

// few draws a list of those that a condition names; mostly none.
func few[T comparable](r *rapid.T, name string, of []T) []T {
	if rapid.IntRange(0, 8).Draw(r, name+"?") != 8 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, len(of), rapid.ID[T]).Draw(r, name)
}

func drawClause(std *standard.Standard, fields []standard.Field) *rapid.Generator[terms.Clause] {
	return rapid.Custom(func(r *rapid.T) terms.Clause {
		f := rapid.SampledFrom(fields).Draw(r, "field")
		forms := grantable(std, f)
		c := terms.Clause{
			Form:        rapid.SampledFrom(forms).Draw(r, "form"),
			Fields:      []string{f.Path},
			For:         rapid.SliceOfNDistinct(rapid.SampledFrom(member.Purposes()[:2]), 1, 2, rapid.ID[member.Purpose]).Draw(r, "for"),
			TLP:         rapid.SampledFrom(append(terms.Markings(), "")).Draw(r, "tlp"),
			PAP:         rarely(r, "pap", terms.Actions()),
			Attribution: rarely(r, "attribution", terms.Attributions()),
		}
		if rapid.IntRange(0, 4).Draw(r, "by class") == 4 {
			c.Fields = append(c.Fields, "class:"+string(f.Class))
		}
		c.To = rapid.SliceOfN(rapid.Custom(drawRecipient), 1, 2).Draw(r, "to")
		drawConditions(r, &c)
		return c
	})
}

func drawRecipient(r *rapid.T) terms.Recipient {
	return terms.Recipient{
		Stake:         rapid.SampledFrom([]string{"any", "any", "industry", "law-enforcement", "research"}).Draw(r, "stake"),
		Sector:        rapid.SampledFrom([]string{"", "own", "any", "finance", "health"}).Draw(r, "sector"),
		Kinds:         few(r, "kinds", someKinds),
		Members:       few(r, "members", members),
		Roles:         few(r, "roles", roles),
		Projects:      few(r, "projects", projects),
		Jurisdictions: few(r, "jurisdictions", jurisdictions),
	}
}

func drawConditions(r *rapid.T, c *terms.Clause) {
	if rapid.IntRange(0, 2).Draw(r, "always") == 0 {
		return
	}
	date := func(name string) (d terms.Date) {
		if n := rarely(r, name, []int{1, 2, 3, 4}); n > 0 {
			d = terms.DateOf(newYear.AddDate(0, 0, n))
		}
		return d
	}
	c.After, c.Keep = rarely(r, "after", someDays), rarely(r, "keep", someDays)
	if c.Keep != 0 && c.Keep <= c.After {
		c.After = 0
	}
	c.From, c.Until = date("from"), date("until")
	if c.Until != "" && c.Until <= c.From {
		c.From = ""
	}
	c.Groups = rarely(r, "groups", []int{2, 3, 5})
	c.When.ContributedWithin = rarely(r, "contributed within", someDays)
}

func grantable(std *standard.Standard, f standard.Field) []standard.Form {
	return slices.DeleteFunc(slices.Clone(std.FormsAllowed(f)), func(g standard.Form) bool {
		return g.Kind == standard.Withheld || g.Kind == standard.Sealed
	})
}

func drawSheet(std *standard.Standard, fields []standard.Field) *rapid.Generator[*terms.Sheet] {
	return rapid.Custom(func(r *rapid.T) *terms.Sheet {
		s := &terms.Sheet{Name: "drawn", Version: 1}
		s.Clauses = rapid.SliceOfN(drawClause(std, fields), 1, 10).Draw(r, "clauses")
		for i := range s.Clauses {
			s.Clauses[i].ID = fmt.Sprintf("c%d", i)
		}
		return s
	})
}

// asked is who asks, about a report of which sector.
type asked struct {
	who    member.Viewer
	sector string
}

func drawAsked(r *rapid.T) asked {
	return asked{
		who: member.Viewer{
			Member: member.Member{
				ID:           rapid.SampledFrom(members).Draw(r, "id"),
				Stake:        rapid.SampledFrom(member.Stakes()).Draw(r, "stake"),
				Kind:         rapid.SampledFrom(someKinds).Draw(r, "kind"),
				Sectors:      rapid.SliceOfNDistinct(rapid.SampledFrom(sectors), 0, 2, rapid.ID[string]).Draw(r, "sectors"),
				Roles:        few(r, "roles", roles),
				Jurisdiction: rapid.SampledFrom(append(jurisdictions, "")).Draw(r, "jurisdiction"),
			},
			Purpose:     rapid.SampledFrom([]member.Purpose{member.Purposes()[0], member.Purposes()[1], member.Purposes()[0], member.Purposes()[1], member.Study}).Draw(r, "purpose"),
			Project:     rapid.SampledFrom(append(projects, "")).Draw(r, "project"),
			Contributed: rapid.SampledFrom([]time.Time{{}, newYear, newYear.Add(12*time.Hour + 345*time.Millisecond), newYear.AddDate(0, 0, 2)}).Draw(r, "contributed"),
		},
		sector: rapid.SampledFrom(sectors).Draw(r, "report's sector"),
	}
}

// drawAskedOf draws who asks; in two of three cases a clause of the sheet is for
// whoever it is.
func drawAskedOf(r *rapid.T, s *terms.Sheet) asked {
	q := drawAsked(r)
	if rapid.IntRange(0, 2).Draw(r, "for this one") == 0 {
		return q
	}
	c := rapid.SampledFrom(s.Clauses).Draw(r, "asked of")
	to, m := c.To[0], &q.who.Member
	q.who.Purpose, q.who.Project, m.Sectors, m.Roles = c.For[0], firstOf(to.Projects, q.who.Project), sectors, to.Roles
	m.Kind, m.ID, m.Jurisdiction = firstOf(to.Kinds, m.Kind), firstOf(to.Members, m.ID), firstOf(to.Jurisdictions, m.Jurisdiction)
	if to.Stake != terms.AnyStake {
		m.Stake = member.Stake(to.Stake)
	}
	if c.When.ContributedWithin != 0 {
		q.who.Contributed = newYear.Add(345 * time.Millisecond)
	}
	return q
}

func firstOf[T any](of []T, other T) T {
	if len(of) > 0 {
		return of[0]
	}
	return other
}

// drawMoment draws a moment close to where drawn clauses begin and end, and
// now and then one that lacks something.
func drawMoment(r *rapid.T) terms.Moment {
	near := func(name string) time.Time {
		return newYear.Add(time.Duration(rapid.IntRange(-2, 16).Draw(r, name)) * 12 * time.Hour).
			Add(rapid.SampledFrom([]time.Duration{0, 0, 0, -1, 1, -time.Second, time.Second, time.Hour}).Draw(r, "beside"))
	}
	m := terms.Moment{Received: near("received"), Now: near("now"), Groups: rapid.IntRange(0, 6).Draw(r, "groups")}
	switch rapid.IntRange(0, 14).Draw(r, "lacks") {
	case 13:
		m.Received = time.Time{}
	case 14:
		m.Now = time.Time{}
	}
	return m
}

func compiled(r *rapid.T, s *terms.Sheet, std *standard.Standard) *terms.Rules {
	rules, err := terms.Compile(s, std)
	if err != nil {
		r.Fatalf("a drawn sheet does not compile: %v", err)
	}
	return rules
}

// weaker is the standard's order of forms for the field of a path; it holds
// for equal ones.
func weaker(std *standard.Standard, path string, a, b standard.Form) bool {
	f, _ := std.Field(path)
	return std.Weaker(f, a, b)
}

// atLeast reports whether h gives all that g gives, while both hold.
func atLeast(std *standard.Standard, path string, h, g terms.Grant) bool {
	ends := func(s terms.Span) terms.Span {
		if s == 0 {
			return terms.MaxSpan + 1
		}
		return s
	}
	return weaker(std, path, g.Form, h.Form) && terms.Strictness(h.TLP) <= terms.Strictness(g.TLP) && terms.Caution(h.PAP) <= terms.Caution(g.PAP) &&
		terms.Discretion(h.Attribution) <= terms.Discretion(g.Attribution) && ends(h.Keep) >= ends(g.Keep)
}

// holds says of one clause, straight from the page that explains sheets,
// whether it grants a field to somebody at a moment.
func holds(std *standard.Standard, c terms.Clause, path string, q asked, m terms.Moment) bool {
	f, _ := std.Field(path)
	speaks := slices.Contains(c.Fields, path) || slices.Contains(c.Fields, "class:"+string(f.Class)) && std.CheckForm(f, c.Form) == nil
	who := slices.ContainsFunc(c.To, func(to terms.Recipient) bool {
		v := q.who
		return (to.Stake == "any" || to.Stake == string(v.Member.Stake)) &&
			(to.Sector == "" || to.Sector == "any" || to.Sector == "own" && v.Member.InSector(q.sector) || v.Member.InSector(to.Sector)) &&
			(to.Kinds == nil || slices.Contains(to.Kinds, v.Member.Kind)) &&
			(to.Members == nil || slices.Contains(to.Members, v.Member.ID)) &&
			(to.Roles == nil || slices.ContainsFunc(to.Roles, func(role string) bool { return slices.Contains(v.Member.Roles, role) })) &&
			(to.Projects == nil || slices.Contains(to.Projects, v.Project)) &&
			(to.Jurisdictions == nil || slices.Contains(to.Jurisdictions, v.Member.Jurisdiction))
	})
	received, dated := !m.Received.IsZero() && !m.Now.IsZero(), !m.Now.IsZero()
	age := m.Now.Sub(m.Received)
	day := func(d terms.Date) time.Time {
		t, _ := time.Parse(time.DateOnly, string(d))
		return t
	}
	within := time.Duration(c.When.ContributedWithin)
	return speaks && who && slices.Contains(c.For, q.who.Purpose) &&
		(c.After == 0 || received && age >= time.Duration(c.After)) &&
		(c.Keep == 0 || received && age < time.Duration(c.Keep)) &&
		(c.From == "" || dated && m.Now.Compare(day(c.From)) >= 0) &&
		(c.Until == "" || dated && m.Now.Compare(day(c.Until)) < 0) &&
		m.Groups >= c.Groups &&
		(within == 0 || dated && !q.who.Contributed.IsZero() && m.Now.Sub(q.who.Contributed) < within)
}

// granting lists what the clauses that hold grant, one grant for each.
func granting(std *standard.Standard, s *terms.Sheet, path string, q asked, m terms.Moment) []terms.Grant {
	var all []terms.Grant
	for _, c := range s.Clauses {
		if holds(std, c, path, q, m) {
			all = append(all, terms.Grant{Form: c.Form, TLP: c.TLP, PAP: c.PAP, Attribution: c.Attribution, Keep: c.Keep, Clauses: []string{c.ID}})
		}
	}
	return all
}
