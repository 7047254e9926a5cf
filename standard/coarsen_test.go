package standard

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestValuesCoarsenAsAgreed(t *testing.T) {
	s := builtin(t, "core/1.0")
	for _, c := range []struct{ path, level, value, want string }{
		{"timeline.incident", "day", "2014-02-03T05:00:00Z", "2014-02-03"},
		{"timeline.incident", "month", "2014-02-03", "2014-02"},
		{"timeline.incident", "quarter", "2014-02-03", "2014-Q1"},
		{"timeline.incident", "quarter", "2014-12", "2014-Q4"},
		{"timeline.incident", "quarter", "2014-Q4", "2014-Q4"},
		{"timeline.incident", "year", "2014-Q4", "2014"},
		{"timeline.incident", "month", "2014", "2014"}, // coarser already
		{"timeline.incident", "any", "2014", "*"},
		{"victim.industry", "industry-group", "522110", "5221"},
		{"victim.industry", "subsector", "522110", "522"},
		{"victim.industry", "sector", "522110", "52"},
		{"victim.industry", "subsector", "52", "52"},
		{"victim.industry", "subsector", "31-33", "31-33"},
		{"victim.industry", "sector", "311", "31-33"},
		{"victim.industry", "sector", "48-49", "48-49"},
		{"victim.industry", "sector", "493110", "48-49"},
		{"victim.industry", "sector", "000", "00"},
		{"victim.country", "region", "US", "Northern America"},
		{"victim.country", "continent", "DE", "Europe"},
		{"victim.country", "continent", "Western Europe", "Europe"},
		{"victim.country", "region", "Unknown", "Unknown"},
		{"victim.country", "region", "Europe", "Europe"}, // coarser already
		{"victim.country", "region", "Atlantis", "*"},    // never itself
		{"victim.region", "area", "019021", "019"},
		{"victim.employee_count", "broad", "25001 to 50000", "Over 10000"},
		{"victim.employee_count", "size", "Small", "up to 1000"},
		{"victim.employee_count", "size", "Over 10000", "more than 1000"},
		{"attribute.confidentiality.data_total", "decade", "1000", "1000..10000"},
		{"attribute.confidentiality.data_total", "decade", "9999", "1000..10000"},
		{"attribute.confidentiality.data_total", "half-decade", "9999", "3000..10000"},
		{"attribute.confidentiality.data_total", "decade", "3000..10000", "1000..10000"},
		{"attribute.confidentiality.data_total", "half-decade", "0", "..1"},
		{"attribute.confidentiality.data_total", "half-decade", "9007199254740992", "3000000000000.."},
		{"impact.loss.amount", "decade", "1536846.42", "1000000..10000000"},
		{"impact.downtime", "band", "23.9", "8..24"},
		{"impact.downtime", "day", "8..24", "..24"},
		{"asset.assets.variety", "class", "S - Web application", "Server"},
	} {
		f, ok := s.Field(c.path)
		if !ok {
			t.Fatalf("no field %s", c.path)
		}
		if got, err := s.Generalise(f, c.level, c.value); err != nil || got != c.want {
			t.Errorf("%s: %q at %s is %q, %v; want %q", c.path, c.value, c.level, got, err, c.want)
		}
	}
}

func TestCoarseningInStepsEndsWhereOneStepEnds(t *testing.T) {
	for _, s := range []*Standard{builtin(t, "finance/1.0"), smallStandard(t)} {
		rapid.Check(t, func(t *rapid.T) {
			f := coarsening(s).Draw(t, "field")
			v := canonical(t, s, f)
			levels := s.Levels(f)
			i := rapid.IntRange(0, len(levels)-1).Draw(t, "i")
			j := rapid.IntRange(i, len(levels)-1).Draw(t, "j")
			at := func(level, v string) string {
				out, err := s.Generalise(f, level, v)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			if got, want := at(levels[j], at(levels[i], v)), at(levels[j], v); got != want {
				t.Fatalf("%s: %q at %s then %s is %q, at once %q", f.Path, v, levels[i], levels[j], got, want)
			}
			// What is at a coarse level stays there when a finer one is asked.
			if got := at(levels[i], at(levels[j], v)); got != at(levels[j], v) {
				t.Fatalf("%s: %q at %s became finer at %s: %q", f.Path, v, levels[j], levels[i], got)
			}
			if !s.Coarsened(f, levels[i], at(levels[j], v)) {
				t.Fatalf("%s: %q is not seen as coarsened to %s", f.Path, at(levels[j], v), levels[i])
			}
			if !s.AtLeastAsCoarse(f, levels[j], levels[i]) || i != j && s.AtLeastAsCoarse(f, levels[i], levels[j]) {
				t.Fatalf("%s: the order of %s and %s", f.Path, levels[i], levels[j])
			}
		})
	}
}

func TestEveryNumberLiesInItsBand(t *testing.T) {
	s := smallStandard(t)
	f, _ := s.Field("cost")
	rapid.Check(t, func(t *rapid.T) {
		v := canonical(t, s, f)
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []string{"fine", "rough"} {
			band, err := s.Generalise(f, level, v)
			if err != nil {
				t.Fatal(err)
			}
			if low, high, ok := ParseBand(band); !ok || n < low || n >= high {
				t.Fatalf("%s lies outside %s", v, band)
			}
		}
	})
}

func TestFreeTextNeverPassesForSomethingCoarsened(t *testing.T) {
	s := builtin(t, "core/1.0")
	const name = "Jane Q. Public, 4 Elm Street"
	for _, f := range s.Fields() {
		for _, level := range s.Levels(f) {
			for _, v := range []string{name, "", "J", "2014-02-03", "522110", "1234", "US", "..", "0..7", "2014-Q5", "2014-13", "1000..10000 ", "NaN..", "Jane Doe"} {
				at, err := s.Generalise(f, level, v)
				made := err == nil && at == v
				if s.Coarsened(f, level, v) && !made {
					t.Errorf("%s: %q passes at %s", f.Path, v, level)
				}
			}
			if s.Coarsened(f, level, name) || s.Coarsened(f, level, "") || s.Coarsened(f, level, "Jane Doe") {
				t.Errorf("%s: free text passes at %s", f.Path, level)
			}
		}
	}
	date, _ := s.Field("timeline.incident")
	for v, want := range map[string]bool{"2014-02": true, "2014": true, "2014-Q1": true, "2014-02-03": false, "2014-13": false, "0000": false, "*": true, "John": false} {
		if s.Coarsened(date, "month", v) != want {
			t.Errorf("month %q passes: %v", v, !want)
		}
	}
	records, _ := s.Field("attribute.confidentiality.data_total")
	for v, want := range map[string]bool{"1000..10000": true, "..1": true, "10..20": false, "1000": false, "1e3..1e4": false, "3000..10000": false} {
		if s.Coarsened(records, "decade", v) != want {
			t.Errorf("decade %q passes: %v", v, !want)
		}
	}
}

func TestBandsAreReadStrictly(t *testing.T) {
	for v, want := range map[string][2]float64{"10..100": {10, 100}, "..1": {math.Inf(-1), 1}, "5..": {5, math.Inf(1)}} {
		if low, high, ok := ParseBand(v); !ok || low != want[0] || high != want[1] {
			t.Errorf("%q is [%v, %v), %v", v, low, high, ok)
		}
	}
	for _, v := range []string{"", "..", "10", "10..5", "5..5", "a..b", "NaN..1"} {
		if _, _, ok := ParseBand(v); ok {
			t.Errorf("%q is taken for a band", v)
		}
	}
}
