package report

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/standard"
)

func builtin(t testing.TB, ref standard.Ref) *standard.Standard {
	t.Helper()
	s, err := standard.Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wellFormed draws a report that Validate has no errors for.
func wellFormed(std *standard.Standard) *rapid.Generator[Report] {
	var leaves []standard.Field
	for _, f := range std.Fields() {
		if !f.IsObservable() {
			leaves = append(leaves, f)
		}
	}
	return rapid.Custom(func(t *rapid.T) Report {
		var statements []Statement
		for _, f := range rapid.SliceOfNDistinct(rapid.SampledFrom(leaves), 0, 12, func(f standard.Field) string { return f.Path }).Draw(t, "fields") {
			switch {
			case f.Many:
				for row := range rapid.IntRange(1, 4).Draw(t, "values") {
					statements = append(statements, Statement{f.Path, row, valueOf(t, std, f)})
				}
			case f.Group != "":
				for _, row := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 1, 3, rapid.ID).Draw(t, "rows") {
					statements = append(statements, Statement{f.Path, row, valueOf(t, std, f)})
				}
			default:
				statements = append(statements, Statement{f.Path, 0, valueOf(t, std, f)})
			}
		}
		observables := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Observable {
			return Observable{
				Type:      rapid.SampledFrom([]string{"ip", "domain", "email"}).Draw(t, "type"),
				Value:     rapid.StringN(1, 20, 100).Draw(t, "value"),
				Role:      rapid.SampledFrom(append(Roles(), "")).Draw(t, "role"),
				FirstSeen: rapid.SampledFrom([]string{"", "2026", "2026-11-24", "2026-11-24T08:00:00Z"}).Draw(t, "first"),
				Count:     rapid.Int64Range(0, 1<<53).Draw(t, "count"),
			}
		}), 0, 3).Draw(t, "observables")
		if len(observables) == 0 {
			observables = nil
		}
		return New(std, rapid.StringN(0, 20, MaxNative).Draw(t, "native"), statements, observables)
	})
}

// valueOf draws a canonical value.
func valueOf(t *rapid.T, std *standard.Standard, f standard.Field) string {
	var raw string
	switch f.Type {
	case standard.Code:
		l, _ := std.CodeList(f.CodeList)
		if len(l.Codes) > 0 {
			raw = rapid.SampledFrom(l.Codes).Draw(t, "code").Code
		} else {
			raw = rapid.StringMatching(l.Pattern).Draw(t, "code")
		}
	case standard.Date:
		raw = rapid.SampledFrom([]string{"2014", "2014-02", "2016-02-29", "2014-02-03T05:00:00Z"}).Draw(t, "date")
	case standard.Integer:
		raw = fmt.Sprint(rapid.IntRange(0, 100).Draw(t, "integer"))
	case standard.Decimal:
		raw = fmt.Sprintf("%d.%02d", rapid.IntRange(0, 99).Draw(t, "whole"), rapid.IntRange(0, 99).Draw(t, "cents"))
	case standard.Boolean:
		raw = fmt.Sprint(rapid.Bool().Draw(t, "boolean"))
	default:
		raw = rapid.OneOf(rapid.StringN(1, 30, 150), rapid.SampledFrom([]string{`"quoted" \ <b>&amp;</b>`, "line\nend\ttab", "Zürich – 東京 🜚"})).Draw(t, "text")
		raw = strings.Map(func(r rune) rune {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
				return 'x'
			}
			return r
		}, raw)
	}
	v, err := std.Canonical(f, raw)
	if err != nil {
		t.Fatalf("%s: drew %q: %v", f.Path, raw, err)
	}
	return v
}
