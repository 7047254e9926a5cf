package mapping

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// roots of VERIS whose values have to come back at their paths.
var roots = []string{"actor", "action", "asset", "attribute", "victim", "timeline", "impact", "discovery_method"}

func builtin(t testing.TB, ref standard.Ref) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	return std
}

// there and back: an incident as a report under the closed standard, and as
// an incident again.
func thereAndBack(t testing.TB, m *VERIS, in veris.Incident) (r report.Report, places []Place, a Account, back []byte) {
	t.Helper()
	r, places = m.FromVERIS(in, &a)
	data, err := report.Encode(m.std, r)
	if err != nil {
		t.Fatal(err)
	}
	again, problems, err := report.Decode(m.std, data)
	if err != nil || report.Failed(problems) {
		t.Fatalf("the report does not stand under its standard: %v %v", err, problems)
	}
	if back, err = veris.Print(m.ToVERIS(again, new(Account))); err != nil {
		t.Fatal(err)
	}
	return r, places, a, back
}

// vcdb calls each with every incident of a file of the shared VCDB data.
func vcdb(t *testing.T, file string, each func(in veris.Incident, source veris.Source)) {
	t.Helper()
	incidents := veris.NewReader(shareddata.Open(t, "vcdb", file))
	for {
		in, source, err := incidents.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		each(in, source)
	}
}

func TestRealIncidentsComeBackAtTheirPaths(t *testing.T) {
	for _, file := range []string{"incidents.jsonl.gz", "incidents-2013-older-schema.jsonl.gz", "submitted-unvalidated-sample.jsonl.gz"} {
		t.Run(file, func(t *testing.T) {
			m := NewVERIS(builtin(t, "core/1.0"))
			var total checked
			records := 0
			vcdb(t, file, func(in veris.Incident, source veris.Source) {
				records++
				r, places, account, back := thereAndBack(t, m, in)
				if r.Native == "" || len(r.Statements) == 0 {
					t.Errorf("record %d has no id or says nothing", source.Number)
				}
				all := leavesOf(t, source.Bytes)
				out := leavesOf(t, back)
				ofRoots := check(inRoots(all), inRoots(out))
				total.same += ofRoots.same
				total.tabled += ofRoots.tabled
				total.lost = append(total.lost, ofRoots.lost...)
				nothingIsDropped(t, source.Number, check(all, out).lost, places, account)
			})
			values := total.same + total.tabled + len(total.lost)
			t.Logf("%d records, %d values: %d the same, %d by a tabled repair, %d lost", records, values, total.same, total.tabled, len(total.lost))
			lost := map[string]int{}
			for _, l := range total.lost {
				lost[l.path+" = "+quote(l.value)]++
			}
			for _, l := range slices.Sorted(maps.Keys(lost)) {
				t.Logf("lost: %d × %s", lost[l], l)
			}
			if records < 600 || values < 5000 || float64(len(total.lost)) > 0.005*float64(values) {
				t.Errorf("%d of %d values are lost", len(total.lost), values)
			}
		})
	}
}

// The published cases say which incidents are valid VERIS 1.3. All of them are
// read; what is valid needs no excuse, and what is not loses nothing silently.
func TestPublishedCasesAreRead(t *testing.T) {
	m := NewVERIS(builtin(t, "core/1.0"))
	dec := json.NewDecoder(shareddata.Open(t, "veris", "conformance-cases-1.3.jsonl"))
	passing := 0
	for n := 1; ; n++ {
		var c struct {
			Name, Expect string
			Incident     json.RawMessage
		}
		if err := dec.Decode(&c); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		in, err := veris.NewParser().Parse(c.Incident)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		_, places, account, back := thereAndBack(t, m, in)
		lost := check(leavesOf(t, c.Incident), leavesOf(t, back)).lost
		nothingIsDropped(t, n, lost, places, account)
		if c.Expect != "pass" {
			continue
		}
		passing++
		if len(places) > 0 {
			t.Errorf("%s is valid, and yet %v", c.Name, places)
		}
		if lost := inRoots(lost); len(lost) > 0 {
			t.Errorf("%s is valid, and yet loses %v", c.Name, lost)
		}
	}
	if passing < 10 {
		t.Errorf("only %d valid cases", passing)
	}
}

func inRoots(all []leaf) []leaf {
	var out []leaf
	for _, l := range all {
		root, _, _ := strings.Cut(strings.TrimSpace(l.path), ".")
		if slices.Contains(roots, root) {
			out = append(out, l)
		}
	}
	return out
}

// nothingIsDropped holds the values that did not come back against the
// account: each is listed there at its path, as often as it was lost.
func nothingIsDropped(t *testing.T, record int, lost []leaf, places []Place, a Account) {
	t.Helper()
	listed := map[string]int{}
	for _, p := range places {
		listed[p.Path]++
	}
	for _, u := range a.NotMapped() {
		listed[u.Path] += u.Count
	}
	for _, l := range lost {
		steps := strings.Split(l.path, ".")
		for i := range steps {
			steps[i] = strings.TrimSpace(steps[i])
		}
		path := strings.Join(steps, ".")
		if listed[path]--; listed[path] < 0 {
			t.Errorf("record %d: a value of %s is dropped, and the account does not say so", record, path)
		}
	}
}
