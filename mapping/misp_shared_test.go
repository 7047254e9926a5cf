package mapping

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// plainAttribute is an attribute as a reader sees it that knows nothing of
// this package: every object with a type, a category and a value is one.
type plainAttribute struct {
	typ, value string
	deleted    bool
}

// plainAttributes finds the attributes of a document, those of objects
// included; proposals and links to other events' are none.
func plainAttributes(doc any) []plainAttribute {
	var all []plainAttribute
	switch doc := doc.(type) {
	case []any:
		for _, one := range doc {
			all = append(all, plainAttributes(one)...)
		}
	case map[string]any:
		typ, isType := doc["type"].(string)
		value, isValue := doc["value"].(string)
		if _, has := doc["category"]; has && isType && isValue {
			deleted, _ := doc["deleted"].(bool)
			all = append(all, plainAttribute{typ, value, deleted})
		}
		for name, inside := range doc {
			switch name {
			case "Attribute", "Object", "Event", "response":
				all = append(all, plainAttributes(inside)...)
			}
		}
	}
	return all
}

// mustBecome are the types whose values all become observables, with the
// observable types that each half gives.
var mustBecome = map[string][]string{
	"md5": {"file-hash"}, "sha1": {"file-hash"}, "sha224": {"file-hash"}, "sha256": {"file-hash"}, "sha384": {"file-hash"}, "sha512": {"file-hash"},
	"ssdeep": {"file-hash"}, "imphash": {"file-hash"}, "authentihash": {"file-hash"}, "pehash": {"file-hash"},
	"filename|md5": {"file-name", "file-hash"}, "filename|sha1": {"file-name", "file-hash"}, "filename|sha256": {"file-name", "file-hash"},
	"domain": {"domain"}, "hostname": {"domain"}, "domain|ip": {"domain", "ip"},
	"ip-src": {"ip"}, "ip-dst": {"ip"}, "ip-src|port": {"ip"}, "ip-dst|port": {"ip"}, "url": {"url"},
}

// lookingLike tells whether a value of the type could be one at all: a reader
// may refuse a file's name that somebody typed as a URL.
func lookingLike(typ, value string) bool {
	return typ != "url" || strings.Contains(value, "://") || strings.HasPrefix(value, "www.")
}

func openEvent(t testing.TB, file string) []byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEachAttributeOfRealEventsBecomesAnObservableOrIsListed reads every event
// of the shared data twice: by this package, and as plain JSON.
func TestEachAttributeOfRealEventsBecomesAnObservableOrIsListed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shareddata.File(t, "misp"), "events-*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no events", err)
	}
	std := builtin(t, "core/1.0")
	m := NewMISP(std)
	events, attributes, became, listed := 0, 0, map[string]int{}, map[string]int{}
	for _, file := range files {
		data, name := openEvent(t, file), filepath.Base(file)
		read, err := misp.NewParser().Parse(data)
		if err != nil {
			continue // package misp tests which are no events
		}
		if len(read) != 1 {
			t.Fatalf("%s: %d events", name, len(read))
		}
		events++
		var a Account
		r, places := m.FromMISP(read[0], &a)
		if ps := report.Validate(std, r); report.Failed(ps) {
			t.Errorf("%s: the report is refused by its standard: %v", name, ps)
		}
		for _, one := range a.Repaired() {
			if strings.HasPrefix(one.Rule, "misp.") && !explained(one.Rule) {
				t.Errorf("%s: the rule %s is not in docs/misp.md", name, one.Rule)
			}
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		plain := plainAttributes(doc)
		attributes += len(plain)
		holdToCount(t, name, plain, &a, places, became, listed)
		holdToValues(t, name, plain, r)
	}
	t.Logf("%d events, %d attributes", events, attributes)
	for _, typ := range slices.Sorted(maps.Keys(became)) {
		t.Logf("%5d of %-28s became observables or statements, %d are listed", became[typ], typ, listed[typ])
	}
	if events < 50 || attributes < 3000 {
		t.Errorf("only %d events with %d attributes were read", events, attributes)
	}
}

// explained says whether the page tells of a rule.
func explained(rule string) bool {
	for _, r := range mispRules {
		if r.rule == rule {
			return true
		}
	}
	return false
}

// holdToCount: each attribute is counted once as mapped, or listed with a
// reason.
func holdToCount(t *testing.T, name string, plain []plainAttribute, a *Account, places []Place, became, listed map[string]int) {
	t.Helper()
	want := map[string]int{}
	for _, p := range plain {
		want["Attribute["+p.typ+"]"]++
	}
	left := map[string]int{}
	for _, n := range a.NotMapped() {
		if n.Reason == "" {
			t.Errorf("%s: %s is left out without a reason", name, n.Path)
		}
		if !strings.HasPrefix(n.Reason, "its second half") {
			left[n.Path] += n.Count
		}
	}
	for _, p := range places {
		left[p.Path]++
	}
	mapped := a.Mapped()
	for path, n := range want {
		if mapped[path]+left[path] != n {
			t.Errorf("%s: of %d attributes of the type %s, %d became something and %d are listed", name, n, path, mapped[path], left[path])
		}
		became[path] += mapped[path]
		listed[path] += left[path]
	}
}

// holdToValues: hashes, domains, addresses and URLs are observables, one by
// one.
func holdToValues(t *testing.T, name string, plain []plainAttribute, r report.Report) {
	t.Helper()
	have := map[string]bool{}
	for _, o := range r.Observables {
		have[o.Value] = true
		if c, ok := observable.Canonical(o.Type, o.Value); ok {
			have[c] = true
		}
	}
	for _, p := range plain {
		types := mustBecome[p.typ]
		if p.deleted || len(types) == 0 || !lookingLike(p.typ, p.value) {
			continue
		}
		parts := []string{p.value}
		if strings.Contains(p.typ, "|") {
			i := strings.LastIndex(p.value, "|")
			parts = []string{p.value[:i], p.value[i+1:]}
		}
		for i, typ := range types {
			part := strings.TrimSpace(parts[i])
			canonical, _ := observable.Canonical(typ, part)
			if !have[part] && !have[canonical] && !have[p.typ+":"+part] {
				t.Errorf("%s: the %s of a %s is no observable", name, typ, p.typ)
			}
		}
	}
}
