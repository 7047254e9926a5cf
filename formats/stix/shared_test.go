package stix

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"github.com/concord-trust/concord/internal/shareddata"
)

// conformanceCase is an object that another validator judged.
type conformanceCase struct {
	N       int             `json:"n"`
	Case    string          `json:"case"`
	Expect  string          `json:"expect"`
	Schema  *bool           `json:"json_schema_valid"`
	Object  json.RawMessage `json:"object"`
	Options map[string]any  `json:"options"`
}

func eachLine(t *testing.T, name string, f func(line []byte)) {
	t.Helper()
	lines := bufio.NewScanner(shareddata.Open(t, "stix21", name))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		f(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// refused says whether a document, or any object of a bundle, breaks a MUST.
func refused(t *testing.T, data []byte) (bool, []Finding) {
	t.Helper()
	o, err := Parse(data)
	if err != nil {
		return true, []Finding{{Message: err.Error()}}
	}
	found := Validate(o)
	if o.IsBundle() {
		for _, inner := range o.Objects() {
			found = append(found, Validate(inner)...)
		}
	}
	return Failed(found), found
}

// mustRefuse names the cases of which every one is refused: those on
// timestamps, on the order of two of them, and on patterns that are none.
func mustRefuse(name string) bool {
	return strings.Contains(name, "timestamp") || strings.Contains(name, "start_end") || strings.Contains(name, "invalid_pattern")
}

func TestCasesAreJudgedAsTheSpecificationWants(t *testing.T) {
	var schemaInvalid, schemaRefused, valid, accepted int
	eachLine(t, "conformance-cases.jsonl", func(line []byte) {
		var c conformanceCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		failed, found := refused(t, c.Object)
		switch {
		case c.Schema != nil && !*c.Schema:
			schemaInvalid++
			if failed {
				schemaRefused++
			} else {
				t.Logf("not refused, against the schema: %d %s", c.N, c.Case)
			}
		case c.Schema != nil && c.Expect == "valid":
			valid++
			if !failed {
				accepted++
			} else {
				t.Logf("not accepted: %d %s: %v", c.N, c.Case, found)
			}
		}
		if c.Expect == "invalid" && mustRefuse(c.Case) && !failed {
			t.Errorf("%d %s is taken: %s", c.N, c.Case, c.Object)
		}
		if c.Expect == "invalid" && !failed && testing.Verbose() {
			t.Logf("taken with warnings: %d %s: %v", c.N, c.Case, found)
		}
	})
	t.Logf("refused %d of %d that break the schema; accepted %d of %d valid ones", schemaRefused, schemaInvalid, accepted, valid)
	if schemaRefused*100 < schemaInvalid*95 {
		t.Errorf("fewer than 95 %% of the cases that break the schema are refused")
	}
	if accepted*100 < valid*97 {
		t.Errorf("fewer than 97 %% of the valid cases are accepted")
	}
}

func TestPatternsAreJudgedAsTheSpecificationWants(t *testing.T) {
	right, all := 0, 0
	eachLine(t, "patterns.jsonl", func(line []byte) {
		var c struct{ Pattern, Expect, Set string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		all++
		found := CheckPattern(c.Pattern)
		if Failed(found) == (c.Expect == "invalid") {
			right++
		} else {
			t.Logf("%s, expected %s: %v", c.Pattern, c.Expect, found)
		}
	})
	t.Logf("%d of %d patterns judged as expected", right, all)
	if right*100 < all*97 {
		t.Error("fewer than 97 % of the patterns are judged as expected")
	}
}
