package observable_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/observable"
)

// lines calls yield with every line of a file of JSON Lines.
func lines(t *testing.T, yield func(line []byte), elem ...string) {
	t.Helper()
	f := shareddata.Open(t, elem...)
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		yield(in.Bytes())
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
}

// Names of one organisation, as two sources wrote them, mostly meet, and names
// of different ones mostly do not.
func TestNamesOfRealVictimsMeetAndStayApart(t *testing.T) {
	victims := map[string]string{} // by incident
	spellings := map[string][]string{}
	none := map[string]bool{}
	lines(t, func(line []byte) {
		var i struct {
			ID     string `json:"incident_id"`
			Victim struct {
				ID string `json:"victim_id"`
			} `json:"victim"`
		}
		if err := json.Unmarshal(line, &i); err != nil {
			t.Fatal(err)
		}
		victims[i.ID] = i.Victim.ID
		c, ok := observable.Canonical(observable.Organisation, i.Victim.ID)
		if !ok {
			none[i.Victim.ID] = true
		} else if !slices.Contains(spellings[c], i.Victim.ID) {
			spellings[c] = append(spellings[c], i.Victim.ID)
		}
	}, "vcdb", "incidents.jsonl.gz")

	met, all := 0, 0
	lines(t, func(line []byte) {
		var pair struct {
			ID  string `json:"vcdb_incident_id"`
			HHS string `json:"hhs_entity"`
		}
		if err := json.Unmarshal(line, &pair); err != nil {
			t.Fatal(err)
		}
		a, _ := observable.Canonical(observable.Organisation, victims[pair.ID])
		b, _ := observable.Canonical(observable.Organisation, pair.HHS)
		if all++; a == b && a != "" {
			met++
		} else {
			t.Logf("apart: %q and %q", a, b)
		}
	}, "linkage", "vcdb-hhs-pairs.jsonl")

	raw, several := 0, 0
	for c, names := range spellings {
		raw += len(names)
		if len(names) > 1 {
			several++
		}
		if len(names) > 2 {
			t.Logf("one: %q ← %q", c, names)
		}
	}
	t.Logf("%d of %d pairs meet; %d names are %d organisations, %d of them in several spellings; %d names say nothing: %v", met, all, raw, len(spellings), several, len(none), slices.Sorted(maps.Keys(none)))
	if met*100 < all*95 {
		t.Errorf("%d of %d pairs meet; 95 %% are wanted", met, all)
	}
	if (raw-len(spellings))*100 > raw*5 {
		t.Errorf("%d names fell together into %d organisations; at most 5 %% may", raw, len(spellings))
	}
	if len(none)*100 > raw {
		t.Errorf("%d of %d names have no canonical form; at most 1 %% may", len(none), raw)
	}
}
