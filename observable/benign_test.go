package observable_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/observable"
)

func TestCommonInfrastructureIsBenign(t *testing.T) {
	for _, c := range []struct{ typ, raw, list string }{
		{observable.IP, "10.1.2.3", observable.ListSpecialUse},
		{observable.IP, "::ffff:192.168.0.1", observable.ListSpecialUse},
		{observable.IP, "127.0.0.1", observable.ListSpecialUse},
		{observable.IP, "239.255.255.250", observable.ListSpecialUse},
		{observable.IP, "fe80::1", observable.ListSpecialUse},
		{observable.IP, "2001:db8::1", observable.ListSpecialUse},
		{observable.IP, "8.8.8.8", observable.ListResolvers},
		{observable.IP, "2606:4700:4700:0::1111", observable.ListResolvers},
		{observable.IP, "45.33.32.156", ""},
		{observable.IP, "172.32.0.1", ""},
		{observable.CIDR, "10.0.0.0/16", observable.ListSpecialUse},
		{observable.CIDR, "8.0.0.0/6", ""},
		{observable.CIDR, "45.33.32.0/24", ""},
		{observable.Domain, "WWW.Google.com.", observable.ListPopular},
		{observable.Domain, "evil.google.com", ""},
		{observable.Domain, "google.com.evil.net", ""},
		{observable.Domain, "a.b.example.com", observable.ListSpecialTLD},
		{observable.Domain, "printer.local", observable.ListSpecialTLD},
		{observable.Domain, "myexample.com", ""},
		{observable.Domain, "bit.ly", observable.ListShorteners},
		{observable.Domain, "api.ipify.org", observable.ListWhatIsMyIP},
		{observable.URL, "https://www.google.com", observable.ListPopular},
		{observable.URL, "https://docs.google.com/forms/d/phish", ""},
		{observable.URL, "https://bit.ly/3xyz", ""},
		{observable.URL, "http://ip-api.com/json", observable.ListWhatIsMyIP},
		{observable.URL, "http://192.168.1.1:8080/admin", observable.ListSpecialUse},
		{observable.URL, "http://[::1]/", observable.ListSpecialUse},
		{observable.Email, "joe@example.org", observable.ListSpecialTLD},
		{observable.Email, "phisher@outlook.com", ""},
		{observable.FileHash, "D41D8CD98F00B204E9800998ECF8427E", observable.ListEmptyFiles},
		{observable.Organisation, "Example", ""},
	} {
		canonical, ok := observable.Canonical(c.typ, c.raw)
		if !ok {
			if c.list != "" {
				t.Errorf("%s %s has no canonical form", c.typ, c.raw)
			}
			continue
		}
		if list, benign := observable.Benign(c.typ, canonical); list != c.list || benign != (c.list != "") {
			t.Errorf("%s %s: on %q, want %q", c.typ, c.raw, list, c.list)
		}
	}
}

func TestHashesOfNothingAreThose(t *testing.T) {
	m, s1, s224, s256, s384, s512 := md5.Sum(nil), sha1.Sum(nil), sha256.Sum224(nil), sha256.Sum256(nil), sha512.Sum384(nil), sha512.Sum512(nil)
	for _, h := range [][]byte{m[:], s1[:], s224[:], s256[:], s384[:], s512[:]} {
		if _, ok := observable.Benign(observable.FileHash, hex.EncodeToString(h)); !ok {
			t.Errorf("%x is the hash of no bytes", h)
		}
	}
}

// list writes a warning list of MISP's shape.
func list(kind, attributes string, entries ...string) string {
	data, err := json.Marshal(map[string]any{"name": "ours", "type": kind, "version": 3, "list": entries, "matching_attributes": strings.Fields(attributes)})
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestOperatorsListsMatchByTheirKind(t *testing.T) {
	for _, c := range []struct {
		doc, typ, value string
		on              bool
	}{
		{list("cidr", "ip-src ip-dst", "45.33.0.0/16", "2A01:4F8::/32", "62.1.1.1"), "ip", "45.33.32.156", true},
		{list("cidr", "ip-src ip-dst", "45.33.0.0/16", "2A01:4F8::/32", "62.1.1.1"), "ip", "2a01:4f8::9", true},
		{list("cidr", "ip-src ip-dst", "45.33.0.0/16", "2A01:4F8::/32", "62.1.1.1"), "ip", "62.1.1.1", true},
		{list("cidr", "ip-src ip-dst", "45.33.0.0/16", "2A01:4F8::/32", "62.1.1.1"), "ip", "62.1.1.2", false},
		{list("cidr", "ip-src ip-dst", "45.33.0.0/16"), "cidr", "45.33.32.0/24", true},
		{list("cidr", "ip-src ip-dst", "45.33.32.0/24"), "cidr", "45.33.0.0/16", false},
		{list("hostname", "domain hostname url", ".Good.net"), "domain", "a.b.good.net", true},
		{list("hostname", "domain hostname url", "good.net"), "domain", "notgood.net", false},
		{list("hostname", "domain hostname url", "good.net"), "url", "https://www.good.net/", true},
		{list("hostname", "domain hostname url", "good.net"), "url", "https://www.good.net/evil", false},
		{list("hostname", "domain hostname", "good.net"), "url", "https://good.net/", false},
		{list("string", "domain", "GOOD.net"), "domain", "good.net", true},
		{list("string", "domain", "good.net"), "domain", "www.good.net", false},
		{list("string", "md5", "9E107D9D372BB6826BD81D3542A419D6"), "file-hash", "9e107d9d372bb6826bd81d3542a419d6", true},
		{list("substring", "email-src", "@Good.net"), "email", "joe@good.net", true},
		{list("regex", "domain", `/(^|\.)good\.(net|org)$/i`), "domain", "x.good.org", true},
		{list("regex", "domain", `/(^|\.)good\.(net|org)$/i`), "domain", "x.good.org.evil.net", false},
		{list("string", "", "good.net"), "domain", "good.net", true},
	} {
		w, err := observable.LoadMISP(strings.NewReader(c.doc))
		if err != nil {
			t.Errorf("%s: %v", c.doc, err)
			continue
		}
		name, on := observable.Warninglists{w}.Benign(c.typ, c.value)
		if on != c.on || on && name != "ours" {
			t.Errorf("%s: %s %s: %v on %q", c.doc, c.typ, c.value, on, name)
		}
	}
	if name, _ := (observable.Warninglists{}).Benign(observable.IP, "10.0.0.1"); name != observable.ListSpecialUse {
		t.Errorf("the built-in lists do not hold beside the operator's: %q", name)
	}
}

func TestBrokenListsAreRefused(t *testing.T) {
	for doc, code := range map[string]string{
		``:                                      "warninglist.not_misp",
		`[]`:                                    "warninglist.not_misp",
		`{"x":1`:                                "warninglist.not_misp",
		list("cidr", "ip-src"):                  "warninglist.incomplete",
		`{"name":"n","type":"cidr","list":[1]}`: "warninglist.not_misp",
		list("cidr", "ip-src", "10.0.0.0/99"):   "warninglist.bad_entry",
		list("regex", "domain", "(?=x)"):        "warninglist.bad_entry",
		list("bloom", "domain", "x"):            "warninglist.unknown_type",
		list("string", "sigma", "x"):            "warninglist.no_type",
		list("regex", "domain", make([]string, observable.MaxListScans+1)...):                          "warninglist.too_large",
		`{"name":"` + strings.Repeat("x", observable.MaxListBytes) + `","type":"string","list":["x"]}`: "warninglist.too_large",
	} {
		_, err := observable.LoadMISP(strings.NewReader(doc))
		if err == nil || fault.Public(err).Code != code {
			t.Errorf("%.60s: %v, want %s", doc, err, code)
		}
	}
}

func TestPublishedWarninglistsLoad(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shareddata.File(t, "warninglists"), "*.json*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no warning lists: %v", err)
	}
	var all observable.Warninglists
	for _, path := range files {
		f := shareddata.Open(t, "warninglists", filepath.Base(path))
		w, err := observable.LoadMISP(f)
		f.Close()
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		all = append(all, w)
	}
	for typ, v := range map[string]string{"ip": "13.107.128.7", "domain": "www.tinyurl.com", "file-hash": "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b"} {
		if name, on := all.Benign(typ, v); !on {
			t.Errorf("%s %s stands on none of the lists (%s)", typ, v, name)
		}
	}
	if name, on := all.Benign("domain", "login.bad-host-7741.net"); on {
		t.Errorf("a name of ours stands on %q", name)
	}
}

func FuzzLoadMISP(f *testing.F) {
	f.Add(list("cidr", "ip-src", "10.0.0.0/8", "::1"))
	f.Add(list("hostname", "domain url", ".good.net"))
	f.Add(list("regex", "domain", "/a+/i"))
	f.Add(list("substring", "email-src", "@good.net"))
	f.Add(list("string", "md5", "d41d8cd98f00b204e9800998ecf8427e"))
	f.Fuzz(func(t *testing.T, doc string) {
		w, err := observable.LoadMISP(strings.NewReader(doc))
		if err != nil {
			return
		}
		for typ, v := range map[string]string{"ip": "45.33.32.156", "cidr": "45.33.0.0/16", "domain": "a.net", "url": "http://a.net/", "email": "a@a.net"} {
			w.Holds(typ, v)
		}
	})
}

func BenchmarkBenign(b *testing.B) {
	for typ, v := range map[string]string{observable.IP: "45.33.32.156", observable.Domain: "login.bad-host.net", observable.URL: "https://login.bad-host.net/x"} {
		b.Run(typ, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				observable.Benign(typ, v)
			}
		})
	}
	prefixes := make([]string, 60_000)
	for i := range prefixes {
		prefixes[i] = fmt.Sprintf("%d.%d.%d.0/%d", 20+i%100, i/251%251, i%251, 16+i%17)
	}
	w, err := observable.LoadMISP(strings.NewReader(list("cidr", "ip-src", prefixes...)))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("60000 blocks", func(b *testing.B) {
		for b.Loop() {
			w.Holds(observable.IP, "203.44.32.156")
		}
	})
}
