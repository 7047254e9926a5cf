package standard

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
)

func TestValuesHaveOneCanonicalText(t *testing.T) {
	s := smallStandard(t)
	one := 1.0
	for _, c := range []struct {
		name  string
		field Field
		raw   string
		want  string // "" is refused
	}{
		{"whole number", Field{Type: Integer}, "12", "12"},
		{"whole number with a needless fraction", Field{Type: Integer}, "2.0", "2"},
		{"whole number with exponent", Field{Type: Integer}, "12e2", "1200"},
		{"greatest whole number", Field{Type: Integer}, "9007199254740992", "9007199254740992"},
		{"too great a whole number", Field{Type: Integer}, "9007199254740993", ""},
		{"least whole number", Field{Type: Integer}, "-9007199254740992", "-9007199254740992"},
		{"fraction where none may be", Field{Type: Integer}, "2.5", ""},
		{"nothing", Field{Type: Integer}, "", ""},
		{"minus nothing", Field{Type: Integer}, "-0", "0"},
		{"plus", Field{Type: Integer}, "+1", ""},
		{"hexadecimal", Field{Type: Integer}, "0x10", ""},
		{"underscore", Field{Type: Integer}, "1_000", ""},
		{"not a number", Field{Type: Decimal}, "NaN", ""},
		{"infinity", Field{Type: Decimal}, "Inf", ""},
		{"overflow", Field{Type: Decimal}, "1e400", ""},
		{"decimal", Field{Type: Decimal}, "1536846.420", "1536846.42"},
		{"decimal below one", Field{Type: Decimal}, "0.10", "0.1"},
		{"decimal by exponent", Field{Type: Decimal}, "25e-3", "0.025"},
		{"decimal kept to the last digit", Field{Type: Decimal}, "12345678901234567890.12345678901234567", "12345678901234567890.12345678901234567"},
		{"decimal below zero", Field{Type: Decimal}, "-1.50", "-1.5"},
		{"below the range", Field{Type: Decimal, Min: &one}, "0.99", ""},
		{"above the range", Field{Type: Integer, Max: &one}, "2", ""},
		{"year", Field{Type: Date}, "2014", "2014"},
		{"month", Field{Type: Date}, "2014-02", "2014-02"},
		{"day", Field{Type: Date}, "2014-02-28", "2014-02-28"},
		{"leap day", Field{Type: Date}, "2016-02-29", "2016-02-29"},
		{"no leap day", Field{Type: Date}, "2018-02-29", ""},
		{"no leap century", Field{Type: Date}, "1900-02-29", ""},
		{"leap century", Field{Type: Date}, "2000-02-29", "2000-02-29"},
		{"no such month", Field{Type: Date}, "2014-13", ""},
		{"no such year", Field{Type: Date}, "0000", ""},
		{"moment", Field{Type: Date}, "2014-02-03T05:00:00Z", "2014-02-03T05:00:00Z"},
		{"moment elsewhere", Field{Type: Date}, "2014-02-03T01:30:00+02:00", "2014-02-02T23:30:00Z"},
		{"moment with fraction", Field{Type: Date}, "2014-02-03T05:00:00.75Z", "2014-02-03T05:00:00Z"},
		{"moment before the first year", Field{Type: Date}, "0001-01-01T00:00:00+01:00", ""},
		{"moment after the last year", Field{Type: Date}, "9999-12-31T23:59:59-01:00", ""},
		{"day of another order", Field{Type: Date}, "03/02/2014", ""},
		{"true", Field{Type: Boolean}, "true", "true"},
		{"yes", Field{Type: Boolean}, "yes", ""},
		{"code", Field{Type: Code, CodeList: "place"}, "a1", "a1"},
		{"code of another case", Field{Type: Code, CodeList: "place"}, "A1", ""},
		{"code by pattern", Field{Type: Code, CodeList: "trade"}, "5221", "5221"},
		{"code that the pattern refuses", Field{Type: Code, CodeList: "trade"}, "5221\n", ""},
		{"decomposed text", Field{Type: Text}, "Zu\u0308rich", "Zürich"},
		{"text with line ends", Field{Type: Text}, "a\r\n\tb ", "a\r\n\tb "},
		{"text with a control character", Field{Type: Text}, "a\x00b", ""},
		{"broken text", Field{Type: Name}, "a\xff", ""},
		{"empty text", Field{Type: Text}, "", ""},
		{"text of greatest length", Field{Type: Text, MaxLength: 3}, "abc", "abc"},
		{"text too long", Field{Type: Text, MaxLength: 3}, "abcd", ""},
	} {
		got, err := s.Canonical(c.field, c.raw)
		switch {
		case c.want == "" && (err == nil || fault.KindOf(err) != fault.Invalid):
			t.Errorf("%s: %q is taken as %q (%v)", c.name, c.raw, got, err)
		case c.want != "" && (err != nil || got != c.want):
			t.Errorf("%s: %q is %q, %v; want %q", c.name, c.raw, got, err, c.want)
		}
	}
}

func TestErrorsOfValuesDoNotRepeatThem(t *testing.T) {
	s := builtin(t, "core/1.0")
	const secret = "Jane\x01Q-Public-9137"
	for _, f := range s.Fields() {
		if _, err := s.Canonical(f, secret); err == nil {
			t.Errorf("%s takes a control character", f.Path)
		} else if strings.Contains(err.Error(), "9137") {
			t.Errorf("%s: the error repeats the value", f.Path)
		}
	}
}

func TestCanonicalIsIdempotent(t *testing.T) {
	s := builtin(t, "finance/1.0")
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(s.Fields()).Draw(t, "field")
		raw := rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,20})?(e[0-9]{1,2})?`),
			rapid.StringMatching(`[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\+0[0-9]:00))?)?)?`)).Draw(t, "raw")
		once, err := s.Canonical(f, raw)
		if err != nil {
			return
		}
		if twice, err := s.Canonical(f, once); err != nil || twice != once {
			t.Fatalf("%q is %q is %q (%v)", raw, once, twice, err)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	s := builtin(f, "core/1.0")
	for _, seed := range []string{"2014-02-03", "1e3", "-0.0", "S - Web application", "2014-02-03T05:00:00+01:00", "e\u0301"} {
		f.Add(0, seed)
	}
	f.Fuzz(func(t *testing.T, i int, raw string) {
		field := s.Fields()[(i%len(s.Fields())+len(s.Fields()))%len(s.Fields())]
		once, err := s.Canonical(field, raw)
		if err != nil {
			return
		}
		if twice, err := s.Canonical(field, once); err != nil || twice != once {
			t.Fatalf("%s: %q is %q is %q (%v)", field.Path, raw, once, twice, err)
		}
		for _, level := range s.Levels(field) {
			if v, err := s.Generalise(field, level, once); err != nil || !s.Coarsened(field, level, v) {
				t.Fatalf("%s: %q at %s is %q (%v)", field.Path, once, level, v, err)
			}
		}
	})
}
