package consolidate_test

import (
	"reflect"
	"testing"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/standard"
)

func form(t *testing.T, text string) standard.Form {
	t.Helper()
	f, err := standard.ParseForm(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSourcesDisagreeOnlyIfBothCannotBeTrue(t *testing.T) {
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, formA, a, formB, b string
		conflict                 bool
	}{
		{"timeline.incident", "exact", "2026-02-03", "exact", "2026-02-03", false},
		{"timeline.incident", "exact", "2026-02-03", "exact", "2026-02-05", true},
		{"timeline.incident", "exact", "2026-02-03", "generalised:month", "2026-02", false},
		{"timeline.incident", "exact", "2026-02-03", "generalised:month", "2026-03", true},
		{"timeline.incident", "generalised:quarter", "2026-Q1", "generalised:month", "2026-03", false},
		{"timeline.incident", "generalised:quarter", "2026-Q2", "generalised:month", "2026-03", true},
		{"timeline.incident", "exact", "2026-02-03T05:00:00Z", "exact", "2026-02-03T21:00:00Z", false},
		{"timeline.incident", "exact", "2026", "generalised:any", "*", false},
		{"victim.industry", "exact", "522110", "generalised:subsector", "522", false},
		{"victim.industry", "exact", "522110", "generalised:subsector", "523", true},
		{"victim.industry", "exact", "522110", "exact", "52", false},
		{"attribute.confidentiality.data_total", "exact", "1500", "generalised:half-decade", "1000..3000", false},
		{"attribute.confidentiality.data_total", "exact", "3000", "generalised:half-decade", "1000..3000", true},
		{"attribute.confidentiality.data_total", "exact", "2999.5", "generalised:half-decade", "1000..3000", false},
		{"attribute.confidentiality.data_total", "exact", "7", "exact", "8", true},
		{"attribute.confidentiality.data_total", "generalised:half-decade", "1000..3000", "generalised:half-decade", "3000..10000", true},
		{"victim.victim_id", "token", "one", "token", "two", true},
		{"victim.victim_id", "token", "one", "exact", "Acme", false},
		{"action.hacking.variety", "exact", "Brute force", "exact", "SQLi", true},
	} {
		said := []consolidate.Saying{
			{Source: "A", Path: c.path, Form: form(t, c.formA), Values: []string{c.a}},
			{Source: "B", Path: c.path, Form: form(t, c.formB), Values: []string{c.b}},
		}
		back := []consolidate.Saying{said[1], said[0]}
		got, again := consolidate.Conflicts(std, said), consolidate.Conflicts(std, back)
		if (len(got) == 1) != c.conflict || (len(again) == 1) != c.conflict {
			t.Errorf("%s: %s %q and %s %q: conflict %v and %v, want %v", c.path, c.formA, c.a, c.formB, c.b, len(got) == 1, len(again) == 1, c.conflict)
		}
		if c.conflict && len(got) == 1 && !reflect.DeepEqual(got[0].Sayings, said) {
			t.Errorf("%s: not every side is kept: %+v", c.path, got)
		}
	}
}

func TestASourceThatSaysLessOrTheSameSourceDoesNotDisagree(t *testing.T) {
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	exact := form(t, "exact")
	got := consolidate.Conflicts(std, []consolidate.Saying{
		{Source: "A", Path: "action.hacking.variety", Form: exact, Values: []string{"Brute force", "SQLi"}},
		{Source: "B", Path: "action.hacking.variety", Form: exact, Values: []string{"SQLi"}},
		{Source: "B", Path: "victim.country", Form: exact, Values: nil},
		{Source: "A", Path: "victim.country", Form: exact, Values: []string{"NL"}},
		{Source: "A", Path: "timeline.incident", Form: exact, Values: []string{"2026-02-03"}},
		{Source: "A", Path: "timeline.incident", Form: form(t, "generalised:month"), Values: []string{"2026-03"}},
		{Source: "A", Path: "no.such.field", Form: exact, Values: []string{"x"}},
		{Source: "B", Path: "no.such.field", Form: exact, Values: []string{"y"}},
	})
	if len(got) != 0 {
		t.Errorf("conflicts are %+v", got)
	}
}
