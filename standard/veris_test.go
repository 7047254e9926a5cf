package standard

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/internal/shareddata"
)

// leaves calls each with every populated value of a JSON document and its
// dotted path.
func leaves(v any, path string, each func(path, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			leaves(below, strings.TrimPrefix(path+"."+name, "."), each)
		}
	case []any:
		for _, below := range v {
			leaves(below, path, each)
		}
	case nil:
	default:
		if text := fmt.Sprint(v); text != "" {
			each(path, text)
		}
	}
}

// The mapping repairs and puts dates together; what it finds to say has to
// have a place in the standard as it stands.
func TestTheCoreCarriesRealVERISValuesAtTheirPaths(t *testing.T) {
	s := builtin(t, "core/1.0")
	counterpart := map[string]Field{}
	for _, f := range s.Fields() {
		if f.Crosswalk.VERIS != "" {
			counterpart[f.Crosswalk.VERIS] = f
		}
	}
	roots := []string{"actor", "action", "asset", "attribute", "victim", "timeline", "impact", "discovery_method"}
	in := bufio.NewScanner(shareddata.Open(t, "vcdb", "incidents.jsonl.gz"))
	in.Buffer(nil, 16<<20)
	values, carried, lost := 0, 0, map[string]int{}
	for in.Scan() {
		var incident map[string]any
		dec := json.NewDecoder(strings.NewReader(in.Text()))
		dec.UseNumber()
		if err := dec.Decode(&incident); err != nil {
			t.Fatal(err)
		}
		for _, root := range roots {
			leaves(incident[root], root, func(path, value string) {
				if strings.HasPrefix(path, "timeline.incident.") {
					return // parts of one date
				}
				values++
				if f, ok := counterpart[path]; !ok {
					lost[path]++
				} else if c, err := s.Canonical(f, value); err != nil {
					lost[path+": "+err.Error()]++
				} else if f.Path == path && (c == value || f.Type == Decimal || f.Type == Integer) {
					carried++
				} else {
					lost[path+": changed"]++
				}
			})
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d values", carried, values)
	if values < 50000 || float64(carried) < 0.999*float64(values) {
		for _, path := range slices.Sorted(maps.Keys(lost)) {
			t.Logf("%d × %s", lost[path], path)
		}
		t.Errorf("only %d of %d values are carried as they stand", carried, values)
	}
}
