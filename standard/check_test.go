package standard

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
)

// edit returns the small document with one text replaced by another.
func edit(t *testing.T, from, to string) []byte {
	t.Helper()
	if strings.Count(small, from) < 1 {
		t.Fatalf("the small document has no %s", from)
	}
	return []byte(strings.Replace(small, from, to, 1))
}

func TestFaultyDocumentsAreRefusedWithThePlace(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		at             string // part of the place
		code           string
	}{
		{"no name", `"name": "small"`, `"name": "Small One"`, "/name", "standard.name"},
		{"version of one number", `"version": "1.0"`, `"version": "1"`, "/version", "standard.version"},
		{"version with a leading zero", `"version": "1.0"`, `"version": "01.0"`, "/version", "standard.version"},
		{"unknown property", `"name": "small",`, `"name": "small", "color": "red",`, "", "json.unexpected"},
		{"unknown parent", `"name": "small",`, `"name": "small", "extends": "big/1.0",`, "", "standard.unknown"},
		{"path in capitals", `"who.name"`, `"Who.name"`, "/fields/0", "standard.path"},
		{"reserved path", `"path": "when"`, `"path": "native"`, "/fields/3", "standard.path"},
		{"field twice", `"path": "sure"`, `"path": "when"`, "/fields/7", "standard.field_twice"},
		{"field that is a branch", `"path": "when"`, `"path": "who"`, "/fields/who", "standard.path"},
		{"unknown type", `"type": "date"`, `"type": "time"`, "/fields/3", "standard.type"},
		{"unknown requirement", `"requirement": "required"`, `"requirement": "must"`, "/fields/1", "standard.requirement"},
		{"unknown class", `"class": "amount"`, `"class": "money"`, "/fields/4", "standard.class"},
		{"unknown form", `"default_form": "counted"`, `"default_form": "loud"`, "/fields/4", ""},
		{"form that the field cannot take", `"default_form": "counted"`, `"default_form": "token"`, "/fields/4 (cost)/default_form", "standard.default_form"},
		{"level that is none", `"generalised:quarter"`, `"generalised:week"`, "/fields/3 (when)/default_form", "standard.default_form"},
		{"code without a list", `"code_list": "trade", `, ``, "/fields/1", "standard.code_list"},
		{"code list that is none", `"code_list": "trade"`, `"code_list": "trades"`, "/fields/1", "standard.code_list"},
		{"list for a date", `"type": "date",`, `"type": "date", "code_list": "place",`, "/fields/3", "standard.code_list"},
		{"hierarchy that is none", `"hierarchy": "money"`, `"hierarchy": "gold"`, "/fields/4", "standard.hierarchy"},
		{"hierarchy that does not fit", `"hierarchy": "money"`, `"hierarchy": "calendar"`, "/fields/4", "standard.hierarchy"},
		{"token type that is none", `"token": "organisation"`, `"token": "ghost"`, "/fields/0", "standard.token"},
		{"token of a boolean", `"type": "boolean",`, `"type": "boolean", "token": "person",`, "/fields/7", "standard.token"},
		{"observable of another token type", `"token": "domain"`, `"token": "ip"`, "/fields/8", "standard.token"},
		{"group elsewhere", `"path": "things.kind"`, `"path": "stuff.kind"`, "/fields/5", "standard.group"},
		{"many in a group", `"type": "integer", "group"`, `"type": "integer", "many": true, "group"`, "/fields/6", "standard.group"},
		{"single field in a group's place", `"path": "sure"`, `"path": "things.sure"`, "/fields/things.sure", "standard.group"},
		{"range upside down", `"min": 0,`, `"min": 1000001,`, "/fields/4", "standard.range"},
		{"range of a text", `"max_length": 20,`, `"max": 20,`, "/fields/5", "standard.range"},
		{"length of a number", `"min": 0,`, `"max_length": 3,`, "/fields/4", "standard.max_length"},
		{"no title", `"title": "Sure"`, `"title": ""`, "/fields/7", "standard.words"},
		{"list without codes", `, "codes": [{"code": "a1", "label": "A one"}, {"code": "a2", "label": "A two"}, {"code": "b1", "label": "B one"}]`, ``, "/code_lists/1", "standard.code_list"},
		{"code twice", `"code": "a2"`, `"code": "a1"`, "/code_lists/1", "standard.code_list"},
		{"list twice", `{"name": "place", "title"`, `{"name": "trade", "title"`, "/code_lists/1", "standard.code_list"},
		{"code outside its pattern", `"code": "52"`, `"code": "x2"`, "/code_lists/0", "standard.code_list"},
		{"pattern that is none", `[0-9]{2,4}`, `[0-9{2,4}`, "/code_lists/0", "standard.code_list"},
		{"code without a parent", `"b1": "B"`, `"b9": "B"`, "/fields/2", "standard.hierarchy"},
		{"level skipped", `"B": "far"`, `"C": "far"`, "/hierarchies/1 (place)/levels/1", "standard.level"},
		{"parent that is no value", `"B": "far"`, `"B": "far", "C": "far"`, "/hierarchies/1 (place)/levels/1", "standard.level"},
		{"text that means two things", `"A": "near", "B": "far"`, `"A": "b1", "B": "far"`, "/hierarchies/1", "standard.level"},
		{"longer prefix above", `"length": 2`, `"length": 3`, "/hierarchies/0 (trade)/levels/1", "standard.level"},
		{"merged codes that part again", `"31": "31-33"`, `"31": "52"`, "", ""},
		{"level called any", `"name": "land"`, `"name": "any"`, "/hierarchies/1", "standard.level"},
		{"level twice", `"name": "side"`, `"name": "land"`, "/hierarchies/1", "standard.level"},
		{"unknown level of the calendar", `{"name": "quarter"}`, `{"name": "week"}`, "/hierarchies/2 (calendar)/levels/2", "standard.level"},
		{"calendar from coarse to fine", `{"name": "day"}, {"name": "month"}`, `{"name": "month"}, {"name": "day"}`, "/hierarchies/2 (calendar)/levels/1", "standard.level"},
		{"bounds that descend", `10, 50, 100, 1000.5`, `10, 50, 20, 100, 1000.5`, "/hierarchies/3 (money)/levels/0", "standard.level"},
		{"band torn apart", `"bounds": [100]`, `"bounds": [99]`, "/hierarchies/3 (money)/levels/1", "standard.level"},
		{"unknown kind of hierarchy", `"kind": "bands"`, `"kind": "fog"`, "/hierarchies/3", "standard.hierarchy"},
		{"hierarchy without levels", `"levels": [{"name": "fine", "bounds": [10, 50, 100, 1000.5]}, {"name": "rough", "bounds": [100]}]`, `"levels": []`, "/hierarchies/3", "standard.hierarchy"},
	} {
		s, faults := ValidateDocument(edit(t, c.from, c.to), none)
		if c.name == "merged codes that part again" {
			// 31 written as 52 keeps its parts together: allowed.
			if len(faults) > 0 {
				t.Errorf("%s: %v", c.name, faults)
			}
			continue
		}
		if s != nil || len(faults) == 0 {
			t.Errorf("%s: taken", c.name)
			continue
		}
		found := false
		for _, f := range faults {
			found = found || strings.Contains(f.Path, c.at) && (c.code == "" || f.Code == c.code)
			if f.Kind != fault.Invalid && f.Kind != fault.NotFound {
				t.Errorf("%s: a fault of kind %s", c.name, f.Kind)
			}
		}
		if !found {
			t.Errorf("%s: refused as %v, want %s at %s", c.name, faults, c.code, c.at)
		}
	}
}

func TestAllFaultsOfADocumentAreListedAtOnce(t *testing.T) {
	bad := strings.Replace(string(edit(t, `"title": "Sure"`, `"title": ""`)), `"class": "amount"`, `"class": "money"`, 1)
	if _, faults := ValidateDocument([]byte(bad), none); len(faults) != 2 {
		t.Errorf("listed: %v", faults)
	}
}

// profile extends the small standard.
func profile(fields string) []byte {
	return []byte(`{"name":"tiny","version":"1.0","title":"T","description":"D","extends":"small/1.0","fields":[` + fields + `]}`)
}

func TestAProfileChangesWordsAndRequirementOnly(t *testing.T) {
	parent := smallStandard(t)
	lookup := func(r Ref) (*Standard, error) {
		if r != parent.Ref() {
			return nil, unknownStandard(r)
		}
		return parent, nil
	}
	const sure = `{"path":"sure","title":"Certain","type":"boolean","requirement":"required","class":"descriptive","default_form":"withheld","description":"Again."}`
	s, faults := ValidateDocument(profile(sure), lookup)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if f, _ := s.Field("sure"); f.Requirement != Required || f.Title != "Certain" {
		t.Errorf("restated as %+v", f)
	}
	if f, _ := parent.Field("sure"); f.Requirement != Optional || f.Title != "Sure" {
		t.Errorf("the parent changed: %+v", f)
	}
	for name, replace := range map[string][2]string{
		"type":  {`"boolean"`, `"text"`},
		"class": {`"descriptive"`, `"narrative"`},
		"many":  {`"type"`, `"many":true,"type"`},
		"token": {`"type"`, `"token":"person","type"`},
		"range": {`"boolean"`, `"boolean","min":1`},
	} {
		if _, faults := ValidateDocument(profile(strings.Replace(sure, replace[0], replace[1], 1)), lookup); len(faults) == 0 {
			t.Errorf("a profile changed the %s", name)
		}
	}
}

func TestTheResolvedDocumentStandsByItself(t *testing.T) {
	for _, ref := range Builtins() {
		s := builtin(t, ref)
		d := s.Resolved()
		d.Extends = ""
		data, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		alone, faults := ValidateDocument(data, none)
		if len(faults) > 0 {
			t.Fatalf("%s: %v", ref, faults)
		}
		for _, c := range Diff(s, alone) {
			if c.What != "standard" {
				t.Errorf("%s: %s", ref, c)
			}
		}
	}
}

func FuzzValidateDocument(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"name":"x","version":"1.0","title":"T","description":"D","extends":"core/1.0","fields":[]}`))
	f.Add([]byte(`{"fields":[{"path":"a..b","default_form":"generalised:x"}],"hierarchies":[{"levels":[{}]}]}`))
	f.Add(profile(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, faults := ValidateDocument(data, Builtin)
		if (s == nil) == (len(faults) == 0) {
			t.Fatal("neither a standard nor a fault")
		}
		if s == nil {
			return
		}
		if len(Diff(s, s)) > 0 {
			t.Fatal("differs from itself")
		}
		again, err := json.Marshal(s.Document())
		if err != nil {
			t.Fatal(err)
		}
		if b, faults := ValidateDocument(again, Builtin); len(faults) > 0 || b.Hash() != s.Hash() {
			t.Fatalf("does not read back: %v", faults)
		}
	})
}
