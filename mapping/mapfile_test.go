package mapping

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

// faultsOf takes a joined error apart.
func faultsOf(err error) []*fault.Error {
	var all []*fault.Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			all = append(all, fault.Public(one))
		}
	}
	return all
}

func TestAMistakeInAMapIsToldWithItsLineAndWhatToDo(t *testing.T) {
	const head = "fields:\n"
	for _, c := range []struct{ name, text, at, code, says string }{
		{"empty", "", ":1", "map.empty", "fields:"},
		{"no fields", "native: ID\n", ":1", "map.empty", "fields:"},
		{"no YAML", "fields: [a\n", ":1", "map.yaml", "YAML"},
		{"tab", "fields:\n\tsummary: A\n", ":2", "map.yaml", "YAML"},
		{"two documents", "fields: {summary: A}\n---\nfields: {summary: A}\n", ":1", "map.yaml", "---"},
		{"a list at the top", "- a\n- b\n", ":1", "map.object", "name: value"},
		{"unknown key", head + "  summary: A\ncolour: red\n", ":3", "map.unknown_key", "the keys are about,"},
		{"unknown key of a source", head + "  summary:\n    colum: A\n", ":3", "map.unknown_key", "column, columns"},
		{"key twice", head + "  summary: A\n  summary: B\n", ":3", "map.twice", "line 2"},
		{"value twice", head + "  victim.country:\n    column: A\n    codes:\n      US: US\n      us: CA\n", ":6", "map.twice", "line 5"},
		{"merge", head + "  summary: &s {column: A}\n  notes: {<<: *s}\n", ":3", "map.merge", "repeat"},
		{"unknown field", head + "  victim.contry: A\n", ":2", "map.unknown_field", "concord standard show"},
		{"misplaced field", head + "  actor.country: A\n", ":2", "map.unknown_field", "did you mean victim.country?"},
		{"field of a profile", head + "  health.beds: A\n", ":2", "map.unknown_field", "standard: health/1.0"},
		{"observable as a field", head + "  observable.ip: A\n", ":2", "map.unknown_field", "`type: ip`"},
		{"unknown code", head + "  victim.country:\n    column: A\n    codes:\n      Spain: SPAIN\n", ":5", "map.unknown_code", `"SPAIN"`},
		{"misspelled code", head + "  victim.country: {value: us}\n", ":2", "map.unknown_code", `did you mean "US"?`},
		{"code of otherwise", head + "  victim.country: {column: A, codes: {}, otherwise: Nowhere}\n", ":2", "map.unknown_code", `"Nowhere"`},
		{"default that is no number", head + "  impact.downtime: {column: A, default: many}\n", ":2", "map.unknown_code", "number"},
		{"no source", head + "  summary: {split: \";\"}\n", ":2", "map.source", "column:"},
		{"no column", head + "  summary:\n", ":2", "map.column", "name of a column"},
		{"empty list of sources", head + "  summary: []\n", ":2", "map.source", "value:"},
		{"constant with a column", head + "  summary: {column: A, value: B}\n", ":2", "map.source", "default:"},
		{"otherwise alone", head + "  victim.country: {column: A, otherwise: keep}\n", ":2", "map.otherwise", "codes:"},
		{"labelled alone", head + "  notes: {columns: [A, B], labelled: true}\n", ":2", "map.labelled", "join:"},
		{"dates", head + "  summary: A\ndates: american\n", ":3", "map.dates", "mdy"},
		{"pattern without a year", head + "  timeline.incident: {column: A, dates: DD.MM}\n", ":2", "map.dates", "DD.MM.YYYY"},
		{"numbers", head + "  summary: A\nnumbers: german\n", ":3", "map.numbers", "1.234,5"},
		{"delimiter", head + "  summary: A\ndelimiter: \"::\"\n", ":3", "map.delimiter", "tab"},
		{"yes", head + "  summary: A\nlists: perhaps\n", ":3", "map.yes", "true or false"},
		{"take", head + "  summary: {column: A, take: last}\n", ":2", "map.take", "first"},
		{"observables as an object", "observables: {column: A}\n", ":1", "map.observables", "- column:"},
		{"no type", "observables:\n  - column: A\n", ":2", "map.observable_type", "detect"},
		{"unknown type", "observables:\n  - {column: A, type: planet}\n", ":2", "map.observable_type", "ip, cidr"},
		{"unknown role", "observables:\n  - {column: A, type: ip, role: hero}\n", ":2", "map.role", "source, target"},
		{"codes for observables", "observables:\n  - {column: A, type: ip, codes: {}}\n", ":2", "map.unknown_key", "column, columns"},
	} {
		_, err := ParseMap("m.yaml", []byte(c.text))
		all := faultsOf(err)
		if len(all) == 0 {
			t.Errorf("%s: taken, or told in another way: %v", c.name, err)
			continue
		}
		f := all[0]
		if f.Path != "m.yaml"+c.at || f.Code != c.code || !strings.Contains(f.Message, c.says) || f.Kind != fault.Invalid {
			t.Errorf("%s: %s %s: %s", c.name, f.Code, f.Path, f.Message)
		}
	}
}

func TestAllMistakesOfAMapAreToldTogether(t *testing.T) {
	text := "fields:\n"
	for range 25 {
		text += "  field.of.my.own" + strings.Repeat("x", len(text)%97) + ": A\n"
	}
	_, err := ParseMap("m.yaml", []byte(text))
	all := faultsOf(err)
	if len(all) != maxFaults+1 || !strings.Contains(all[maxFaults].Message, "more mistakes") {
		t.Errorf("%d faults: %v", len(all), err)
	}
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("the kind of all is %v", fault.KindOf(err))
	}
}

func TestAMapForAnotherStandardIsCheckedWhenThatIsKnown(t *testing.T) {
	doc := []byte(`{"name":"energy","version":"1.0","title":"T","description":"D","extends":"core/1.0","fields":[
		{"path":"energy.plant","title":"P","type":"text","requirement":"optional","class":"descriptive","default_form":"exact","description":"D"}]}`)
	std, faults := standard.ValidateDocument(doc, standard.Builtin)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	good, err := ParseMap("m.yaml", []byte("standard: energy\nfields: {energy.plant: A}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTable(std, good); err != nil {
		t.Error(err)
	}
	bad, err := ParseMap("m.yaml", []byte("standard: energy\nfields: {energy.plants: A}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var f *fault.Error
	if _, err := NewTable(std, bad); !errors.As(err, &f) || f.Code != "map.unknown_field" {
		t.Errorf("%v", err)
	}
}

func TestAColumnThatTheTableHasNotIsToldWithThoseItHas(t *testing.T) {
	m, err := ParseMap("m.yaml", []byte("optional: [Extra]\nfields:\n  summary: Tale\n  notes: Extra\n  victim.victim_id: \"  NAME of  victim \"\n"))
	if err != nil {
		t.Fatal(err)
	}
	std, _ := standard.Builtin("core/1.0")
	table, err := NewTable(std, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Bind([]string{"Tale", "Name of victim"}); err != nil {
		t.Errorf("other capitals and spaces: %v", err)
	}
	var f *fault.Error
	err = table.Bind([]string{"Story", "Name of Victim"})
	if !errors.As(err, &f) || f.Code != "map.unknown_column" || f.Path != "m.yaml:3" || !strings.Contains(f.Message, `"Story", "Name of Victim"`) {
		t.Errorf("%v", err)
	}
	if err := table.Bind([]string{"Tale", "NAME OF VICTIM", "name of victim"}); !errors.As(err, &f) {
		t.Errorf("a name that fits two columns is taken: %v", err)
	}
}

func TestTheExampleInTheReferenceIsAMap(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "mapping.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("no example")
	}
	for i, block := range blocks {
		example, _, _ := strings.Cut(block, "```")
		if !strings.Contains(example, "fields:") && !strings.Contains(example, "observables:") {
			example += "\nfields: {summary: A}\n" // a piece of a file
		}
		if _, err := ParseMap("mapping.md", []byte(example)); err != nil {
			t.Errorf("example %d: %v", i+1, err)
		}
	}
}

func FuzzParseMap(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("..", "examples", "first", "map.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("fields: {summary: &a [*a]}"))
	f.Add([]byte("fields: {victim.country: {column: A, codes: {\"*\": US}, when: {B: [x, \"*\"]}}}"))
	f.Add([]byte("dates: [excel, \"DD MMM YY hh:mm AM\"]\nobservables: [{column: A, type: ip}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseMap("m.yaml", data)
		if err != nil {
			if m != nil {
				t.Error("a map beside an error")
			}
			for _, one := range faultsOf(err) {
				if one.Code == "" || one.Code == "internal" || one.Message == "" || !strings.HasPrefix(one.Path, "m.yaml") {
					t.Errorf("a fault without code, place or message: %v", one)
				}
			}
			return
		}
		if std, err := standard.Builtin(m.Standard()); err == nil {
			if _, err := NewTable(std, m); err != nil {
				t.Errorf("a map that was read makes no table: %v", err)
			}
		}
	})
}
