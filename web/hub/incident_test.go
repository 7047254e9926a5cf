package hub

import (
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/standard"
)

func core(t *testing.T) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	return std
}

// A span of time is one line, whoever tells which half of it.
func TestANumberStandsBesideItsUnit(t *testing.T) {
	const unit, value = "timeline.discovery.unit", "timeline.discovery.value"
	say := func(source, v string) deliver.Saying { return deliver.Saying{Source: source, Value: v, Form: "exact"} }
	field := func(path, title string, said ...deliver.Saying) deliver.FieldView {
		return deliver.FieldView{Path: path, Title: title, Sayings: said}
	}
	for _, c := range []struct {
		name   string
		fields []deliver.FieldView
		want   []string // title: text
	}{
		{"both", []deliver.FieldView{field(unit, "Time to discovery, unit", say("A", "Weeks")), field(value, "Time to discovery, number", say("A", "17"))},
			[]string{"Time to discovery: 17 weeks"}},
		{"one of it", []deliver.FieldView{field(unit, "Time to discovery, unit", say("A", "Hours")), field(value, "Time to discovery, number", say("A", "1"))},
			[]string{"Time to discovery: 1 hour"}},
		{"two sources", []deliver.FieldView{field(unit, "Time to discovery, unit", say("A", "Weeks"), say("B", "Days")), field(value, "Time to discovery, number", say("B", "9"))},
			[]string{"Time to discovery: Weeks", "Time to discovery: 9 days"}},
		{"a number alone", []deliver.FieldView{field(unit, "Time to discovery, unit", say("A", "Weeks")), field(value, "Time to discovery, number", say("B", "9"))},
			[]string{"Time to discovery: Weeks", "Time to discovery: 9, of a unit not told"}},
		{"no number", []deliver.FieldView{field(unit, "Time to discovery, unit", say("A", "Weeks"))}, []string{"Time to discovery: Weeks"}},
		{"no unit", []deliver.FieldView{field(value, "Time to discovery, number", say("A", "17"))}, []string{"Time to discovery, number: 17"}},
	} {
		var got []string
		for _, part := range sections(core(t), c.fields) {
			for _, f := range part.Facts {
				for _, s := range f.Said {
					got = append(got, f.Title+": "+s.Text)
				}
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q; %q is wanted", c.name, got, c.want)
		}
	}
}

// A month that was told as a month was not coarsened to the day.
func TestAFormIsNamedOnlyWhereItCoarsened(t *testing.T) {
	for _, c := range []struct{ form, value, text, words string }{
		{"generalised:day", "2026-11-21", "2026-11-21", "coarsened to day"},
		{"generalised:day", "2026-11", "2026-11", ""},
		{"generalised:month", "2026-11", "2026-11", "coarsened to month"},
		{"generalised:month", "2026", "2026", ""},
		{"exact", "2026-11-21T05:28:31Z", "2026-11-21 05:28:31 UTC", ""},
	} {
		f := newFact(core(t), deliver.FieldView{Path: "timeline.incident", Title: "Date", Sayings: []deliver.Saying{{Source: "A", Value: c.value, Form: c.form}}})
		if got := f.Said[0]; got.Text != c.text || got.Form != c.words {
			t.Errorf("%s %s reads %q %q; %q %q is wanted", c.value, c.form, got.Text, got.Form, c.text, c.words)
		}
	}
}

// A day that one source grants under one marking, and its month under another,
// is one line.
func TestADateStandsOnceASource(t *testing.T) {
	day := func(source, v string) deliver.Saying {
		return deliver.Saying{Source: source, Value: v, Form: "generalised:day", TLP: "TLP:AMBER"}
	}
	month := func(source, v string) deliver.Saying {
		return deliver.Saying{Source: source, Value: v, Form: "generalised:month", TLP: "TLP:GREEN"}
	}
	f := newFact(core(t), deliver.FieldView{Path: "timeline.incident", Sayings: []deliver.Saying{
		day("A", "2025-12-30"), month("A", "2025-12"), day("B", "2025-12-30"), month("B", "2025-12"), month("C", "2025-12")}})
	var got []string
	for _, s := range f.Said {
		got = append(got, s.Text+" "+strings.Join(s.Sources, "")+" "+s.TLP+" "+s.Also)
	}
	if want := []string{"2025-12-30 AB TLP:AMBER its month is TLP:GREEN", "2025-12 C TLP:GREEN "}; !slices.Equal(got, want) {
		t.Errorf("%q; %q is wanted", got, want)
	}
}

func TestAListTellsDaysAndNoMoments(t *testing.T) {
	for date, want := range map[string]string{"2025-05-25T05:28:31Z": "2025-05-25", "2025-05-25": "2025-05-25", "2025-05": "2025-05", "*": "not known", "": "not known"} {
		if got := dateWords(date); got != want {
			t.Errorf("%q reads %q", date, got)
		}
	}
}

func TestWhoReportsIsOneSentence(t *testing.T) {
	say := func(bands map[string]string) (s string) {
		for _, r := range reporting(bands) {
			s += r.Before + r.Band + " " + r.Stake
		}
		return s
	}
	for want, bands := range map[string]map[string]string{
		"50+ industry, fewer than 5 law-enforcement and 5–9 research": {"industry": "50+", "law-enforcement": "fewer than 5", "research": "5–9"},
		"50+ industry and 5–9 research":                               {"industry": "50+", "research": "5–9"},
		"50+ industry":                                                {"industry": "50+"},
		"":                                                            nil,
	} {
		if got := say(bands); got != want {
			t.Errorf("%q; %q is wanted", got, want)
		}
	}
}

// What is marked otherwise than most bears its own marks: none is told for
// another's, and one's own statement has none.
func TestStatementsBearTheirOwnMarks(t *testing.T) {
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	says := func(source, tlp, pap, by string) deliver.Saying {
		return deliver.Saying{Source: source, Value: "DE", Form: "exact", TLP: tlp, PAP: pap, DeleteBy: by}
	}
	f := deliver.FieldView{Path: "victim.country", Title: "Country", Sayings: []deliver.Saying{
		says("A", "TLP:AMBER", "PAP:GREEN", ""), says("B", "TLP:AMBER", "PAP:RED", ""), says("C", "TLP:AMBER", "PAP:GREEN", "2026-03-01"),
		says("D", "TLP:AMBER", "PAP:GREEN", ""), says("E", "", "", "")}}
	var got []string
	for _, s := range newFact(std, f).Said {
		got = append(got, strings.Join(s.Sources, "")+" "+s.TLP+" "+s.PAP+" "+s.DeleteBy)
	}
	if want := []string{"ADE TLP:AMBER PAP:GREEN ", "B TLP:AMBER PAP:RED ", "C TLP:AMBER PAP:GREEN 2026-03-01"}; !slices.Equal(got, want) {
		t.Errorf("it says %q; want %q", got, want)
	}
	if usual := usualMarks([]deliver.FieldView{f}); usual != (marks{TLP: "TLP:AMBER", PAP: "PAP:GREEN"}) {
		t.Errorf("most bear %+v", usual)
	}
}
