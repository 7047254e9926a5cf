package mapping_test

import (
	"testing"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/observable"
)

// A pattern that is written for a value finds that value, and reads back as it.
func TestAPatternReadsBackAsTheValueThatItWasWrittenFor(t *testing.T) {
	for typ, values := range map[observable.Type][]string{
		observable.IP:       {"203.0.113.7", "2001:db8::7"},
		observable.CIDR:     {"203.0.113.0/24"},
		observable.Domain:   {"login.example.net"},
		observable.URL:      {"http://example.net/a?b='c'"},
		observable.Email:    {"a@example.net"},
		observable.FileHash: {"d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		observable.FileName: {`it's\here.exe`},
		observable.Mutex:    {`Global\x`},
		observable.Account:  {"intruder"},
		observable.ASN:      {"AS64496"},
	} {
		for _, v := range values {
			canonical, ok := observable.Canonical(typ, v)
			if !ok {
				t.Fatalf("%s %s has no canonical spelling", typ, v)
			}
			text, ok := mapping.PatternOf(typ, v)
			if !ok {
				t.Errorf("%s %s has no pattern", typ, v)
				continue
			}
			p, err := stix.ParsePattern(text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			back := stix.Observables(p)
			if len(back) != 1 || back[0].Type != typ {
				t.Errorf("%s reads back as %v", text, back)
				continue
			}
			if again, _ := observable.Canonical(back[0].Type, back[0].Value); again != canonical {
				t.Errorf("%s reads back as %s, not %s", text, again, canonical)
			}
		}
	}
	for _, typ := range []observable.Type{observable.Phone, observable.IBAN, observable.Person, observable.CVE, "unheard-of"} {
		if text, ok := mapping.PatternOf(typ, "CVE-2024-1000"); ok {
			t.Errorf("%s has the pattern %s", typ, text)
		}
	}
}
