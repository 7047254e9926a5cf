package desk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/standard"
)

func finance(t *testing.T) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	return std
}

func fieldOf(t *testing.T, std *standard.Standard, path string) standard.Field {
	t.Helper()
	f, ok := std.Field(path)
	if !ok {
		t.Fatalf("there is no field %s", path)
	}
	return f
}

func TestWhatIsNoCodeIsAnsweredWithTheNearest(t *testing.T) {
	std := finance(t)
	for _, c := range []struct{ path, typed, want string }{
		{"victim.country", "USA", "United States (US)"},
		{"victim.country", "Germny", "near it are Germany (DE)"},
		{"victim.country", "korea", "Korea"},
		{"victim.industry", "Banking", "in the sector finance it is mostly Finance and insurance (52)"},
		{"victim.industry", "retail", "Retail trade (44)"},
		{"victim.country", "Atlantis", "this is none of the codes of the list"},
		{"action.malware.variety", "ransomwear", "Ransomware"},
	} {
		if got := noCode(std, fieldOf(t, std, c.path), "finance", c.typed); !strings.Contains(got, c.want) || !strings.HasPrefix(got, "this is none of the codes") {
			t.Errorf("%s %q: %s; %q is wanted", c.path, c.typed, got, c.want)
		}
	}
}

// Of two names of one thing the form offers the newer, unless the older was
// written.
func TestOutdatedTwinsAreNotOffered(t *testing.T) {
	std := finance(t)
	for _, c := range []struct{ path, old, now string }{
		{"action.malware.variety", "Ram scraper", "RAM scraper"},
		{"action.hacking.variety", "MitM", "AitM"},
		{"action.hacking.variety", "HTTP Response Splitting", "HTTP response splitting"},
	} {
		f := fieldOf(t, std, c.path)
		offered := func(written ...string) []string {
			b := &builder{std: std, typed: newTyped("finance")}
			b.typed.values[c.path] = written
			var all []string
			for _, o := range b.control(f, c.path).Options {
				if o.Chosen != slices.Contains(written, o.Code) {
					t.Errorf("%s is ticked: %v", o.Code, o.Chosen)
				}
				all = append(all, o.Label)
			}
			return all
		}
		if all := offered(); slices.Contains(all, c.old) || !slices.Contains(all, c.now) {
			t.Errorf("%s offers %q", c.path, all)
		}
		if all := offered(c.old); !slices.Contains(all, c.old+" (now "+c.now+")") || !slices.Contains(all, c.now) {
			t.Errorf("%s, with the old code written, offers %q", c.path, all)
		}
	}
	// What merely says less is no twin.
	if old := outdated(mustList(t, std, "asset-assets-variety"), "asset.assets.variety"); old["U - Laptop"] != "" {
		t.Errorf("outdated are %v", old)
	}
}

func mustList(t *testing.T, std *standard.Standard, name string) standard.CodeList {
	t.Helper()
	list, ok := std.CodeList(name)
	if !ok {
		t.Fatalf("there is no list %s", name)
	}
	return list
}

func TestADateOfTheFutureIsToldAtItsField(t *testing.T) {
	typed := newTyped("finance")
	typed.latest = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	typed.values["timeline.incident"] = []string{"2028-01"}
	typed.values[observableName(0, "value")] = []string{"login.example.net"}
	typed.values[observableName(0, "last_seen")] = []string{"2026-11-26"}
	if _, ok := typed.report(finance(t)); ok || typed.errors["timeline.incident"][0] != notYet || typed.errors["observables[0]"][0] != notYet {
		t.Errorf("errors are %v", typed.errors)
	}
	typed = newTyped("finance")
	typed.latest = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	typed.values["timeline.incident"] = []string{"2026-11"}
	if r, ok := typed.report(finance(t)); !ok || r.Value("timeline.incident") != "2026-11" {
		t.Errorf("the running month: %v", typed.errors)
	}
}
