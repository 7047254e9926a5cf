package standard

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryBuiltinStandardHoldsTogether(t *testing.T) {
	hashes := map[string]Ref{}
	for _, ref := range Builtins() {
		s := builtin(t, ref)
		if s.Ref() != ref || len(s.Fields()) < 150 {
			t.Errorf("%s: resolved to %s with %d fields", ref, s.Ref(), len(s.Fields()))
		}
		if other, taken := hashes[s.Hash()]; taken || len(s.Hash()) != 64 {
			t.Errorf("%s: hash %q, that of %q", ref, s.Hash(), other)
		}
		hashes[s.Hash()] = ref
	}
	if _, err := Builtin("energy/1.0"); err == nil {
		t.Error("a standard that is not built in was found")
	}
}

func TestProfilesKeepTheCoreAndAddToIt(t *testing.T) {
	core := builtin(t, "core/1.0")
	for ref, atLeast := range map[Ref]int{"finance/1.0": 10, "health/1.0": 10, "general/1.0": 0} {
		s := builtin(t, ref)
		for _, f := range core.Fields() {
			g, ok := s.Field(f.Path)
			if !ok || g.Type != f.Type || g.CodeList != f.CodeList || g.Class != f.Class {
				t.Errorf("%s: %s is not as in the core", ref, f.Path)
			}
		}
		if own := len(s.Fields()) - len(core.Fields()); own < atLeast {
			t.Errorf("%s adds %d fields", ref, own)
		}
		if Breaks(Diff(core, core)) || len(Diff(core, core)) > 0 {
			t.Errorf("the core differs from itself: %v", Diff(core, core))
		}
	}
}

func TestTheTreeHasEveryFieldThatAReportCanSay(t *testing.T) {
	s := builtin(t, "health/1.0")
	var walk func(n *Node) int
	walk = func(n *Node) int {
		leaves := 0
		if n.Field != nil {
			leaves++
			if s.Leaf(n.Path) != n || n.Field.Path != n.Path {
				t.Errorf("%s: another node or field", n.Path)
			}
		}
		for _, c := range n.Children {
			if n.Child(c.Name) != c || c.Parent != n {
				t.Errorf("%s: not found below %q", c.Path, n.Path)
			}
			leaves += walk(c)
		}
		return leaves
	}
	want := 0
	for _, f := range s.Fields() {
		if !f.IsObservable() {
			want++
		} else if s.Leaf(f.Path) != nil {
			t.Errorf("%s: an observable stands in the tree", f.Path)
		}
	}
	if got := walk(s.Tree()); got != want {
		t.Errorf("the tree has %d fields, the standard %d", got, want)
	}
}

func TestNarrativesAndCaseNumbersAreWithheldByDefault(t *testing.T) {
	for _, ref := range Builtins() {
		for _, f := range builtin(t, ref).Fields() {
			switch {
			case f.Class == Narrative && f.DefaultForm.Kind != Withheld:
				t.Errorf("%s: %s is narrative and leaves as %s", ref, f.Path, f.DefaultForm)
			case f.Class == Identifying && f.DefaultForm.Kind != Withheld && f.DefaultForm.Kind != Token:
				t.Errorf("%s: %s identifies and leaves as %s", ref, f.Path, f.DefaultForm)
			}
		}
	}
}

func TestFormsAreAPartialOrder(t *testing.T) {
	s := builtin(t, "finance/1.0")
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(s.Fields()).Draw(t, "field")
		forms := rapid.SampledFrom(s.FormsAllowed(f))
		a, b, c := forms.Draw(t, "a"), forms.Draw(t, "b"), forms.Draw(t, "c")
		if !s.Weaker(f, a, a) {
			t.Fatalf("%s is not as weak as itself", a)
		}
		if s.Weaker(f, a, b) && s.Weaker(f, b, a) && a != b {
			t.Fatalf("%s and %s are each weaker", a, b)
		}
		if s.Weaker(f, a, b) && s.Weaker(f, b, c) && !s.Weaker(f, a, c) {
			t.Fatalf("%s ≤ %s ≤ %s is not transitive", a, b, c)
		}
	})
}

func TestTheOrderOfFormsIsTheOneAgreed(t *testing.T) {
	s := builtin(t, "core/1.0")
	victim, _ := s.Field("victim.victim_id")
	date, _ := s.Field("timeline.incident")
	parse := func(text string) Form {
		f, err := ParseForm(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, c := range []struct {
		f          Field
		a, b       string
		want, back bool
	}{
		{victim, "withheld", "counted", true, false},
		{victim, "counted", "token", true, false},
		{victim, "token", "exact", true, false},
		{victim, "withheld", "exact", true, false},
		{victim, "sealed", "exact", false, false},
		{victim, "sealed", "withheld", false, false},
		{date, "counted", "generalised:year", true, false},
		{date, "generalised:year", "generalised:month", true, false},
		{date, "generalised:any", "generalised:year", true, false},
		{date, "generalised:day", "exact", true, false},
		{date, "token", "generalised:year", false, false},
	} {
		if s.Weaker(c.f, parse(c.a), parse(c.b)) != c.want || s.Weaker(c.f, parse(c.b), parse(c.a)) != c.back {
			t.Errorf("%s and %s of %s stand otherwise", c.a, c.b, c.f.Path)
		}
	}
}

func TestMaximalFormsAreAnAntichainThatCoversAll(t *testing.T) {
	s := builtin(t, "finance/1.0")
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(s.Fields()).Draw(t, "field")
		all := rapid.SliceOf(rapid.SampledFrom(s.FormsAllowed(f))).Draw(t, "forms")
		kept := s.Maximal(f, all)
		for i, a := range kept {
			for j, b := range kept {
				if i != j && s.Weaker(f, a, b) {
					t.Fatalf("%s is kept beside %s", a, b)
				}
			}
		}
		for _, a := range all {
			if !slices.ContainsFunc(kept, func(b Form) bool { return s.Weaker(f, a, b) }) {
				t.Fatalf("%s is not covered by %v", a, kept)
			}
		}
	})
}

func TestTokensAreRefusedForSmallDomains(t *testing.T) {
	s := builtin(t, "finance/1.0")
	for _, f := range s.Fields() {
		err := s.CheckForm(f, Form{Kind: Token})
		if (err == nil) != (f.Token != "") {
			t.Errorf("%s: a token is taken, or refused where it is right: %v", f.Path, err)
		}
		if f.Type != Name && f.Type != Text && err == nil {
			t.Errorf("%s is a %s and may leave as token", f.Path, f.Type)
		}
		for _, form := range s.FormsAllowed(f) {
			if err := s.CheckForm(f, form); err != nil {
				t.Errorf("%s: %s is allowed and refused: %v", f.Path, form, err)
			}
		}
		for _, form := range []Form{{Kind: Generalised, Level: "galaxy"}, {Kind: Generalised}, {Kind: Exact, Level: "month"}, {Kind: Token, Level: "x"}} {
			if s.CheckForm(f, form) == nil {
				t.Errorf("%s: %v is taken", f.Path, form)
			}
		}
	}
}

func TestFormsReadBack(t *testing.T) {
	for _, text := range []string{"withheld", "counted", "token", "exact", "sealed", "generalised:half-decade"} {
		if f, err := ParseForm(text); err != nil || f.String() != text {
			t.Errorf("%q reads as %v, %v", text, f, err)
		}
	}
	for _, text := range []string{"", "Exact", "generalised", "generalised:", "exact:month", "token:x", "none"} {
		if f, err := ParseForm(text); err == nil || !strings.Contains(err.Error(), "withheld") {
			t.Errorf("%q reads as %v; the error is %v", text, f, err)
		}
	}
}
