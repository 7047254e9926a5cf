package standard

import (
	"strings"
	"testing"
)

func TestDiffTellsCompatibleFromBreaking(t *testing.T) {
	old := smallStandard(t)
	for _, c := range []struct {
		name, from, to string
		what           string
		breaking       bool
	}{
		{"a field goes", `  {"path": "sure", "title": "Sure", "type": "boolean", "requirement": "optional", "class": "descriptive", "default_form": "exact", "description": "Sure."},` + "\n", ``, "field sure", true},
		{"an optional field comes", `{"path": "sure"`, `{"path": "glad", "title": "G", "type": "boolean", "requirement": "optional", "class": "descriptive", "default_form": "exact", "description": "G."}, {"path": "sure"`, "field glad", false},
		{"a required field comes", `{"path": "sure"`, `{"path": "glad", "title": "G", "type": "boolean", "requirement": "required", "class": "descriptive", "default_form": "exact", "description": "G."}, {"path": "sure"`, "field glad", true},
		{"a type changes", `"type": "boolean"`, `"type": "text"`, "field sure", true},
		{"a class changes", `"class": "amount"`, `"class": "descriptive"`, "field cost", true},
		{"a token type changes", `"token": "organisation"`, `"token": "person"`, "field who.name", true},
		{"a field becomes many", `"path": "sure",`, `"path": "sure", "many": true,`, "field sure", true},
		{"a unit changes", `"unit": "USD"`, `"unit": "EUR"`, "field cost", true},
		{"a range narrows", `"max": 1000000`, `"max": 1000`, "field cost", true},
		{"a range widens", `"max": 1000000`, `"max": 10000000`, "field cost", false},
		{"a range goes", `"min": 0, "max": 1000000, `, ``, "field cost", false},
		{"a text is cut", `"max_length": 20`, `"max_length": 10`, "field things.kind", true},
		{"a text may be longer", `"max_length": 20`, `"max_length": 30`, "field things.kind", false},
		{"a field is required", `"type": "date", "hierarchy": "calendar", "requirement": "optional"`, `"type": "date", "hierarchy": "calendar", "requirement": "required"`, "field when", true},
		{"a field is recommended", `"type": "date", "hierarchy": "calendar", "requirement": "optional"`, `"type": "date", "hierarchy": "calendar", "requirement": "recommended"`, "field when", false},
		{"a default form changes", `"default_form": "counted"`, `"default_form": "exact"`, "field cost", false},
		{"words change", `"description": "When."`, `"description": "When it was."`, "field when", false},
		{"a crosswalk comes", `"description": "When."`, `"description": "When.", "crosswalk": {"veris": "timeline.incident"}`, "field when", false},
		{"a code comes", `{"code": "b1", "label": "B one"}`, `{"code": "b1", "label": "B one"}, {"code": "b2", "label": "B two"}`, "code list place", false},
		{"a label changes", `"label": "B one"`, `"label": "B 1"`, "code list place", false},
		{"a pattern changes", `[0-9]{2,4}|31-33`, `[0-9]{2,3}|31-33`, "code list trade", true},
		{"a code moves", `"a2": "A"`, `"a2": "B"`, "hierarchy place", true},
		{"a level goes", `{"name": "month"}, `, ``, "hierarchy calendar", true},
		{"a level comes", `{"name": "rough", "bounds": [100]}`, `{"name": "middle", "bounds": [50, 100]}, {"name": "rough", "bounds": [100]}`, "hierarchy money", false},
		{"a level of a table comes between", `{"name": "side", "table": {"A": "near", "B": "far"}}`, `{"name": "belt", "table": {"A": "A1", "B": "B1"}}, {"name": "side", "table": {"A1": "near", "B1": "far"}}`, "hierarchy place", false},
		{"bounds change", `"bounds": [100]`, `"bounds": [50]`, "hierarchy money", true},
		{"a prefix changes", `"length": 3`, `"length": 4`, "hierarchy trade", true},
	} {
		to := string(edit(t, c.from, c.to))
		if c.name == "a code comes" {
			to = strings.Replace(to, `"b1": "B"}`, `"b1": "B", "b2": "B"}`, 1)
		}
		s, faults := ValidateDocument([]byte(to), none)
		if len(faults) > 0 {
			t.Fatalf("%s: %v", c.name, faults)
		}
		changes := Diff(old, s)
		found := false
		for _, ch := range changes {
			found = found || ch.What == c.what && ch.Breaking == c.breaking
			if ch.How == "" || !strings.Contains(ch.String(), ch.What) {
				t.Errorf("%s: a change without words: %+v", c.name, ch)
			}
		}
		if !found || Breaks(changes) != c.breaking {
			t.Errorf("%s: %v; want %s, breaking %v", c.name, changes, c.what, c.breaking)
		}
		if old.Hash() == s.Hash() {
			t.Errorf("%s: the hash stayed", c.name)
		}
	}
}
