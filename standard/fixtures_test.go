package standard

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func builtin(t testing.TB, ref Ref) *Standard {
	t.Helper()
	s, err := Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// small is a document with a field of every type and a hierarchy of every
// kind, written for these tests.
const small = `{
 "name": "small", "version": "1.0", "title": "Small standard", "description": "For tests.",
 "fields": [
  {"path": "who.name", "title": "Who", "type": "name", "requirement": "recommended", "class": "identifying", "default_form": "token", "token": "organisation", "description": "Who."},
  {"path": "who.trade", "title": "Trade", "type": "code", "code_list": "trade", "hierarchy": "trade", "requirement": "required", "class": "quasi-identifier", "default_form": "generalised:kind", "description": "Trade."},
  {"path": "who.place", "title": "Place", "type": "code", "many": true, "code_list": "place", "hierarchy": "place", "requirement": "optional", "class": "quasi-identifier", "default_form": "generalised:land", "description": "Place."},
  {"path": "when", "title": "When", "type": "date", "hierarchy": "calendar", "requirement": "optional", "class": "quasi-identifier", "default_form": "generalised:quarter", "description": "When."},
  {"path": "cost", "title": "Cost", "type": "decimal", "hierarchy": "money", "unit": "USD", "min": 0, "max": 1000000, "requirement": "optional", "class": "amount", "default_form": "counted", "description": "Cost."},
  {"path": "things.kind", "title": "Kind", "type": "text", "group": "things", "max_length": 20, "requirement": "optional", "class": "narrative", "default_form": "withheld", "description": "Kind."},
  {"path": "things.number", "title": "Number", "type": "integer", "group": "things", "requirement": "optional", "class": "descriptive", "default_form": "exact", "description": "Number."},
  {"path": "sure", "title": "Sure", "type": "boolean", "requirement": "optional", "class": "descriptive", "default_form": "exact", "description": "Sure."},
  {"path": "observable.domain", "title": "Domain", "type": "name", "many": true, "token": "domain", "requirement": "optional", "class": "indicator", "default_form": "exact", "description": "Domain."}
 ],
 "code_lists": [
  {"name": "trade", "title": "Trades", "pattern": "[0-9]{2,4}|31-33", "codes": [{"code": "52", "label": "Money"}]},
  {"name": "place", "title": "Places", "codes": [{"code": "a1", "label": "A one"}, {"code": "a2", "label": "A two"}, {"code": "b1", "label": "B one"}]}
 ],
 "hierarchies": [
  {"name": "trade", "kind": "prefix", "levels": [
    {"name": "branch", "length": 3, "table": {"31-33": "31-33"}},
    {"name": "kind", "length": 2, "table": {"31-33": "31-33", "31": "31-33", "32": "31-33", "33": "31-33"}}]},
  {"name": "place", "kind": "table", "levels": [
    {"name": "land", "table": {"a1": "A", "a2": "A", "b1": "B"}},
    {"name": "side", "table": {"A": "near", "B": "far"}}]},
  {"name": "calendar", "kind": "calendar", "levels": [{"name": "day"}, {"name": "month"}, {"name": "quarter"}, {"name": "year"}]},
  {"name": "money", "kind": "bands", "levels": [{"name": "fine", "bounds": [10, 50, 100, 1000.5]}, {"name": "rough", "bounds": [100]}]}
 ]
}`

func none(r Ref) (*Standard, error) { return nil, unknownStandard(r) }

func smallStandard(t testing.TB) *Standard {
	t.Helper()
	s, faults := ValidateDocument([]byte(small), none)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return s
}

// coarsening draws a field with a hierarchy.
func coarsening(s *Standard) *rapid.Generator[Field] {
	var with []Field
	for _, f := range s.Fields() {
		if f.Hierarchy != "" {
			with = append(with, f)
		}
	}
	return rapid.SampledFrom(with)
}

// canonical draws a canonical value of a field with a hierarchy.
func canonical(t *rapid.T, s *Standard, f Field) string {
	var raw string
	switch f.Type {
	case Code:
		l, _ := s.CodeList(f.CodeList)
		switch {
		case l.Pattern == "" || len(l.Codes) > 0 && rapid.Bool().Draw(t, "labelled"):
			raw = rapid.SampledFrom(l.Codes).Draw(t, "code").Code
		default:
			raw = rapid.StringMatching(l.Pattern).Draw(t, "code")
		}
	case Date:
		raw = fmt.Sprintf("%04d", rapid.IntRange(1, 9999).Draw(t, "year"))
		precision := rapid.IntRange(0, 3).Draw(t, "precision")
		if precision > 0 {
			raw += fmt.Sprintf("-%02d", rapid.IntRange(1, 12).Draw(t, "month"))
		}
		if precision > 1 {
			raw += fmt.Sprintf("-%02d", rapid.IntRange(1, 28).Draw(t, "day"))
		}
		if precision > 2 {
			raw += "T23:59:59Z"
		}
	case Integer:
		most := int64(maxInteger)
		if f.Max != nil {
			most = int64(*f.Max)
		}
		raw = fmt.Sprint(rapid.Int64Range(0, most).Draw(t, "number"))
	default:
		raw = fmt.Sprintf("%d.%02d", rapid.Int64Range(0, 1<<40).Draw(t, "number"), rapid.IntRange(0, 99).Draw(t, "cents"))
		if f.Max != nil {
			raw = fmt.Sprintf("%.3f", rapid.Float64Range(0, *f.Max).Draw(t, "within"))
		}
	}
	v, err := s.Canonical(f, raw)
	if err != nil {
		t.Fatalf("%s: drew %q, which is refused: %v", f.Path, raw, err)
	}
	return v
}
