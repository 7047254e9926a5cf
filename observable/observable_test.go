package observable_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
)

// vectors is the published file of examples.
type vectors struct {
	Version   string
	Canonical []struct{ Type, Raw, Canonical string }
	Refused   []struct {
		Type, Raw string
		NoValue   bool `json:"no_value"`
	}
	TokenInputs []struct{ Type, Canonical, Hex string } `json:"token_inputs"`
}

func published(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPublishedVectorsHold(t *testing.T) {
	v := published(t)
	if v.Version != observable.Version {
		t.Fatalf("the vectors are of version %s, the canonicaliser of %s", v.Version, observable.Version)
	}
	covered := map[string]bool{}
	for _, c := range v.Canonical {
		covered[c.Type] = true
		got, err := observable.Parse(c.Type, c.Raw)
		if err != nil || got != c.Canonical {
			t.Errorf("%s %q: %q, %v; want %q", c.Type, c.Raw, got, err, c.Canonical)
		}
		if again, err := observable.Parse(c.Type, got); err != nil || again != got {
			t.Errorf("%s %q is no fixed point: %q, %v", c.Type, got, again, err)
		}
	}
	for _, r := range v.Refused {
		got, err := observable.Parse(r.Type, r.Raw)
		if err == nil || observable.IsNoValue(err) != r.NoValue {
			t.Errorf("%s %q: %q, %v; want a refusal, no value: %v", r.Type, r.Raw, got, err, r.NoValue)
		}
	}
	for _, i := range v.TokenInputs {
		if got := hex.EncodeToString(observable.TokenInput(i.Type, i.Canonical)); got != i.Hex {
			t.Errorf("token input of %s %s: %s", i.Type, i.Canonical, got)
		}
	}
	for _, typ := range observable.Types() {
		if !covered[typ] {
			t.Errorf("no vector covers the type %s", typ)
		}
	}
}

func TestRefusalsNeverHoldTheValue(t *testing.T) {
	const secret = "Zanzibar-7741"
	for _, typ := range observable.Types() {
		if _, err := observable.Parse(typ, secret+"\x01@@//"); err != nil && strings.Contains(err.Error(), "Zanzibar") {
			t.Errorf("%s: the error tells the value: %v", typ, err)
		}
	}
	_, err := observable.Parse("Zanzibar", "x.net")
	if fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "Zanzibar") {
		t.Errorf("unknown type: %v", err)
	}
	if _, err := observable.Parse(observable.URL, "http://a.net/"+strings.Repeat("x", observable.MaxLength)); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("too long: %v", err)
	}
	if _, err := observable.Parse(observable.URL, "http://a.net/"+strings.Repeat("ü", observable.MaxLength/3)); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("too long once encoded: %v", err)
	}
	if _, err := observable.Parse(observable.IP, "unknown"); !errors.Is(err, observable.ErrNoValue) {
		t.Errorf("unknown: %v", err)
	}
}

// Every way of writing a value that people use leads to one spelling.
func TestSpellingsOfOneValueMeet(t *testing.T) {
	label := rapid.StringMatching(`[a-z][a-z0-9]{1,10}`)
	rapid.Check(t, func(t *rapid.T) {
		host := label.Draw(t, "label") + "-x." + label.Draw(t, "domain") + "." + rapid.SampledFrom([]string{"com", "net", "info"}).Draw(t, "tld")
		path := "/" + label.Draw(t, "path")
		dot := rapid.SampledFrom([]string{".", "[.]", "(.)", "{.}", "[dot]", "(dot)", "[.", `\.`}).Draw(t, "dot")
		at := rapid.SampledFrom([]string{"@", "[@]", "(at)", "[at]"}).Draw(t, "at")
		scheme := rapid.SampledFrom([]string{"http://", "HTTP://", "hxxp://", "hXXp[:]//", "http[:]//", "h**p://", "http[://]"}).Draw(t, "scheme")
		name := host
		if rapid.Bool().Draw(t, "shout") {
			name = strings.ToUpper(name)
		}
		fanged := strings.ReplaceAll(name, ".", dot)
		equal(t, observable.Domain, fanged, host)
		equal(t, observable.Email, "Joe"+at+fanged, "joe@"+host)
		equal(t, observable.URL, scheme+fanged+path, "http://"+host+path)
		equal(t, observable.URL, scheme+fanged+":80"+path+"#x", "http://"+host+path)
	})
}

// Legal forms, case, articles, brackets and punctuation do not tell apart.
func TestSpellingsOfOneOrganisationMeet(t *testing.T) {
	word := rapid.StringMatching(`Z[a-z]{3,9}`)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 1, 4).Draw(t, "words")
		plain := strings.Join(words, " ")
		want, ok := observable.Canonical(observable.Organisation, plain)
		if !ok {
			t.Fatalf("%q has no canonical form", plain)
		}
		v := strings.Join(words, rapid.SampledFrom([]string{" ", "  ", "-", ", "}).Draw(t, "joint"))
		v += rapid.SampledFrom([]string{"", ", Inc.", " LLC", " L.L.C.", " Ltd", " GmbH", ", P.C.", " AG", " Corp.", " & Co.", " Group plc", " (ZZ)", " d/b/a Other Name"}).Draw(t, "form")
		v = rapid.SampledFrom([]string{"", "The ", " "}).Draw(t, "article") + v
		if rapid.Bool().Draw(t, "shout") {
			v = strings.ToUpper(v)
		}
		equal(t, observable.Organisation, v, want)
	})
}

func equal(t *rapid.T, typ, raw, want string) {
	t.Helper()
	if got, err := observable.Parse(typ, raw); err != nil || got != want {
		t.Fatalf("%s %q: %q, %v; want %q", typ, raw, got, err, want)
	}
}

func TestTokenInputsOfDifferentValuesDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "type a"), rapid.String().Draw(t, "type b")
		x, y := rapid.String().Draw(t, "value a"), rapid.String().Draw(t, "value b")
		same := string(observable.TokenInput(a, x)) == string(observable.TokenInput(b, y))
		if same != (a == b && x == y) {
			t.Fatalf("(%q, %q) and (%q, %q): same input %v", a, x, b, y, same)
		}
	})
}

func TestDetectKnowsWhatListsHold(t *testing.T) {
	for raw, want := range map[string]string{
		"45[.]33.32.156": "ip", "45.33.32.156:8080": "ip", "[2a01:4f8::1]:443": "ip", "2a01:4f8::1": "ip", "45.33.32.0/24": "cidr",
		"bad-host.net": "domain", "bad-host[.]net:8443": "domain", "hxxp://bad-host[.]net/x": "url", "bad-host.net/x.php": "url",
		"joe@bad-host.net": "email", "cve-2021-44228": "cve", "as64500": "asn", "9e107d9d372bb6826bd81d3542a419d6": "file-hash",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "wallet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": "wallet",
		"DE89370400440532013000": "iban", "+49 30 1234567": "phone", "evil.exe": "file-name", `HKLM\Software\X`: "registry-key",
		"Mozilla/5.0 (X11; Linux)": "user-agent",
		"64500":                    "", "some words": "", "": "", "unknown": "", "text/html": "", "2014-02-03": "", "12:30": "",
	} {
		typ, canonical, ok := observable.Detect(raw)
		if typ != want || ok != (want != "") {
			t.Errorf("%q: %q %q", raw, typ, canonical)
		}
		if ok {
			if again, isValue := observable.Canonical(typ, canonical); !isValue || again != canonical {
				t.Errorf("%q: %q is not canonical", raw, canonical)
			}
		}
	}
}

func FuzzCanonicalIsIdempotent(f *testing.F) {
	v := published(f)
	for _, c := range v.Canonical {
		f.Add(uint8(slices.Index(observable.Types(), c.Type)), c.Raw)
	}
	for _, c := range v.Refused {
		f.Add(uint8(slices.Index(observable.Types(), c.Type)), c.Raw)
	}
	f.Fuzz(func(t *testing.T, n uint8, raw string) {
		typ := observable.Types()[int(n)%len(observable.Types())]
		once, err := observable.Parse(typ, raw)
		if err != nil {
			return
		}
		if once == "" || len(once) > observable.MaxLength {
			t.Fatalf("%s %q: canonical form of %d bytes", typ, raw, len(once))
		}
		if twice, err := observable.Parse(typ, once); err != nil || twice != once {
			t.Fatalf("%s %q: %q, then %q, %v", typ, raw, once, twice, err)
		}
		observable.Benign(typ, once)
	})
}

func FuzzDetect(f *testing.F) {
	for _, c := range published(f).Canonical {
		f.Add(c.Raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		typ, canonical, ok := observable.Detect(raw)
		if !ok {
			return
		}
		if again, isValue := observable.Canonical(typ, canonical); !isValue || again != canonical {
			t.Fatalf("%q: %s %q is not canonical", raw, typ, canonical)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	for typ, raw := range map[string]string{
		observable.IP: "45[.]33.32.156", observable.Domain: "Mail.Bad-Host.NET", observable.URL: "hxxps://Bad-Host[.]net/a/%7ex?q=1",
		observable.Email: "Joe@Bad-Host.NET", observable.FileHash: "9E107D9D372BB6826BD81D3542A419D6", observable.Organisation: "St. Anne's Hospital, Inc. (SAH)",
	} {
		b.Run(typ, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				observable.Canonical(typ, raw)
			}
		})
	}
}

func TestCanonicalIsIdempotentOnAnyText(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-zÀ-ſΐ-ώא-ת'’.&+()\[\] /\\:@-]{0,30}`))
	rapid.Check(t, func(t *rapid.T) {
		raw := text.Draw(t, "raw")
		for _, typ := range observable.Types() {
			if once, ok := observable.Canonical(typ, raw); ok {
				equal(t, typ, once, once)
			}
		}
	})
}
