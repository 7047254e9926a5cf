package desk

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func builtin(t testing.TB, ref standard.Ref) (*standard.Standard, *terms.Rules) {
	t.Helper()
	std, err := standard.Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := terms.Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := terms.Compile(sheet, std)
	if err != nil {
		t.Fatal(err)
	}
	return std, rules
}

// controls lists the inputs of a form, and whether each stands where it is
// seen at once.
func controls(sections []section) (all []control, shown map[string]bool) {
	shown = map[string]bool{}
	for _, s := range sections {
		for i, items := range [][]item{s.Shown, s.More} {
			for _, it := range items {
				var here []control
				if it.Control != nil {
					here = append(here, *it.Control)
				} else {
					for _, row := range it.Group.Rows {
						here = append(here, row...)
					}
				}
				for _, c := range here {
					shown[c.Name] = i == 0
				}
				all = append(all, here...)
			}
		}
	}
	return all, shown
}

// inputOf is the name of a field's first input.
func inputOf(f standard.Field) string {
	if f.Group != "" {
		return rowName(f, 0)
	}
	return f.Path
}

func TestEveryFieldOfEveryStandardHasOneInputAndWhatIsAskedForIsSeen(t *testing.T) {
	for _, ref := range []standard.Ref{"finance/1.0", "health/1.0", "general/1.0"} {
		std, rules := builtin(t, ref)
		sections, lists := formOf(std, rules, newTyped("x"))
		all, shown := controls(sections)
		count := map[string]int{}
		for _, c := range all {
			count[c.Name]++
			if c.Title == "" || c.Hint == "" || c.Leaves == "" {
				t.Errorf("%s: %s has no label, no hint, or does not say how it leaves", ref, c.Name)
			}
			if c.List != "" && shown[c.Name] && !slices.ContainsFunc(lists, func(s suggestions) bool { return s.Name == c.List }) {
				t.Errorf("%s: %s suggests from %s, which is not on the page", ref, c.Name, c.List)
			}
		}
		for _, f := range std.Fields() {
			if f.IsObservable() {
				continue
			}
			if n := count[inputOf(f)]; n != 1 {
				t.Errorf("%s: %s has %d inputs", ref, f.Path, n)
			}
			if f.Requirement != standard.Optional && !shown[inputOf(f)] {
				t.Errorf("%s: %s is %s and hidden", ref, f.Path, f.Requirement)
			}
		}
		for _, s := range sections {
			if s.ID == "" || s.Title == "" || strings.HasPrefix(s.Title, "Particular to ") && s.ID != "sector" {
				t.Errorf("%s: there is a part %q, %q", ref, s.ID, s.Title)
			}
		}
	}
}

// drawTyped draws what somebody might type, right and wrong.
func drawTyped(std *standard.Standard) *rapid.Generator[*typed] {
	return rapid.Custom(func(r *rapid.T) *typed {
		t := newTyped("finance")
		text := rapid.OneOf(rapid.StringMatching(`[ -~]{1,20}`), rapid.SampledFrom([]string{"2026-03", "41", "-1", "US", "true", "T1059", "Phishing", "203.0.113.7"}))
		put := func(name, v string) {
			if v = strings.TrimSpace(v); v != "" {
				t.values[name] = append(t.values[name], v)
			}
		}
		for range rapid.IntRange(1, 25).Draw(r, "inputs") {
			f := rapid.SampledFrom(std.Fields()).Draw(r, "field")
			switch {
			case f.IsObservable():
				n := rapid.IntRange(0, 6).Draw(r, "row")
				put(observableName(n, "value"), text.Draw(r, "value"))
			case f.Group != "":
				name := rowName(f, rapid.IntRange(0, 6).Draw(r, "row"))
				t.values[name] = nil
				put(name, text.Draw(r, "value"))
			case f.Many:
				put(f.Path, text.Draw(r, "value"))
			default:
				t.values[f.Path] = nil
				put(f.Path, text.Draw(r, "value"))
			}
		}
		return t
	})
}

func TestWhateverIsTypedStandsInTheFormAgain(t *testing.T) {
	std, rules := builtin(t, "finance/1.0")
	rapid.Check(t, func(r *rapid.T) {
		ty := drawTyped(std).Draw(r, "typed")
		ty.report(std) // notes errors, changes nothing typed
		sections, _ := formOf(std, rules, ty)
		all, shown := controls(sections)
		for name, values := range ty.values {
			if strings.HasPrefix(name, "observables") {
				continue
			}
			i := slices.IndexFunc(all, func(c control) bool { return c.Name == name })
			for _, v := range values {
				if i < 0 || !slices.Contains(all[i].Values, v) {
					r.Fatalf("%s: %q is gone", name, v)
				}
				if !shown[name] && !slices.ContainsFunc(sections, func(s section) bool {
					return s.Open && slices.ContainsFunc(s.More, func(it item) bool {
						return it.Control != nil && it.Control.Name == name || it.Group != nil && strings.HasPrefix(name, it.Group.Path+"[")
					})
				}) {
					r.Fatalf("%s holds something and is folded away", name)
				}
			}
		}
		form := observablesOf(std, ty)
		for n := range ty.rows("observables") {
			if v := ty.first(observableName(n, "value")); n >= len(form.Rows) || form.Rows[n].Value != v {
				r.Fatalf("observable %d is gone", n)
			}
		}
	})
}

func TestEveryTypedValueIsInTheReportOrIsAnError(t *testing.T) {
	std, _ := builtin(t, "finance/1.0")
	rapid.Check(t, func(r *rapid.T) {
		ty := drawTyped(std).Draw(r, "typed")
		rep, ok := ty.report(std)
		if ps := report.Validate(std, rep); ok && report.Failed(ps) {
			r.Fatalf("taken, and yet %v", ps)
		}
		if ok != (len(ty.errors) == 0) {
			r.Fatalf("ok is %v with %d errors", ok, len(ty.errors))
		}
		said := map[string]int{}
		for _, s := range rep.Statements {
			said[s.Path]++
		}
		for _, f := range std.Fields() {
			names := []string{f.Path}
			if f.Group != "" {
				names = nil
				for row := range ty.rows(f.Group) {
					names = append(names, rowName(f, row))
				}
			}
			for _, name := range names {
				if len(ty.values[name]) > 0 && len(ty.errors[name]) == 0 && said[f.Path] == 0 {
					r.Fatalf("%s was typed and is neither said nor wrong", name)
				}
			}
		}
		for name, messages := range ty.errors {
			for _, m := range messages {
				for _, v := range ty.values[name] {
					if len(v) > 8 && strings.Contains(m, v) {
						r.Fatalf("the error at %s repeats the value: %s", name, m)
					}
				}
			}
		}
	})
}

func TestBlankRowsAreClosedUpAndRepeatedCodesSaidOnce(t *testing.T) {
	std, _ := builtin(t, "finance/1.0")
	ty := newTyped("finance")
	ty.values["asset.assets[1].variety"] = []string{"S - Mail"}
	ty.values["asset.assets[4].variety"] = []string{"s - database"}
	ty.values["asset.assets[4].amount"] = []string{"2"}
	ty.values["victim.country"] = []string{"Germany", "DE", "us"}
	ty.values["actor.external.name"] = []string{"One\n\nTwo\nOne"}
	ty.values[linesName] = []string{"203.0.113.7\ndomain: login.example.net\n\nperson Jane Roe"}
	rep, ok := ty.report(std)
	if !ok {
		t.Fatalf("errors: %v", ty.errors)
	}
	var got []string
	for _, s := range rep.Statements {
		got = append(got, fmt.Sprintf("%s[%d]=%s", s.Path, s.Row, s.Value))
	}
	want := []string{"victim.country[0]=DE", "victim.country[1]=US", "actor.external.name[0]=One", "actor.external.name[1]=Two",
		"asset.assets.variety[0]=S - Mail", "asset.assets.variety[1]=S - Database", "asset.assets.amount[1]=2"}
	if !slices.Equal(got, want) {
		t.Errorf("said\n%v, want\n%v", got, want)
	}
	if o := rep.Observables; len(o) != 3 || o[0].Type != "ip" || o[1] != (report.Observable{Type: "domain", Value: "login.example.net"}) || o[2] != (report.Observable{Type: "person", Value: "Jane Roe"}) {
		t.Errorf("observables %+v", o)
	}
}

func TestBandsAreWrittenAsPeopleDo(t *testing.T) {
	for band, want := range map[string]string{"30000..100000": "30\u202f000 to 100\u202f000", "..10": "below 10", "10000000..": "10\u202f000\u202f000 and more", "2026-03": "2026-03", "a..b": "a..b", "*": "*"} {
		if got := bandWords(band); got != want {
			t.Errorf("%s is written %q", band, got)
		}
	}
}

func FuzzObservableOf(f *testing.F) {
	std, _ := builtin(f, "finance/1.0")
	for _, s := range []string{"203.0.113.7", "domain login.example.net", "url: https://a.example/x", "ip", "ip ", " ", "person Jane Roe", "d41d8cd98f00b204e9800998ecf8427e", "hxxp://a[.]example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		o, ok := observableOf(std, strings.TrimSpace(line))
		if !ok {
			return
		}
		if _, known := std.Field(report.ObservablePath(o.Type)); !known {
			t.Fatalf("the type %q is none of the standard's", o.Type)
		}
		if !strings.Contains(line, o.Value) {
			t.Fatal("the value is another than was typed")
		}
	})
}

func FuzzTyped(f *testing.F) {
	std, _ := builtin(f, "finance/1.0")
	f.Add("timeline.incident", "2026-03", "asset.assets[0].variety", "S - Mail")
	f.Add("impact.loss[1999].amount", "4", "observables[2000].value", "x")
	f.Add("observables.lines", "a\nb", "asset.assets[-1].variety", "x")
	f.Fuzz(func(t *testing.T, name, value, name2, value2 string) {
		ty := typedFrom(map[string][]string{name: {value}, name2: {value2}})
		rep, ok := ty.report(std)
		if ok && report.Failed(report.Validate(std, rep)) {
			t.Fatal("a report with errors is taken")
		}
	})
}
