package sim

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/observable"
)

// control plants one leak in each kind of place, and one in each form, and
// holds that each is found.
func (l *leakage) control(t *testing.T) {
	t.Helper()
	// found plants nothing: it searches, and wants the planted value in a place
	// of a kind whose name holds where.
	found := func(what, kind, where string, search func()) {
		t.Helper()
		clear(l.scanner.found)
		search()
		if !slices.ContainsFunc(l.scanner.found[kind], func(f finding) bool { return f.value == planted && strings.Contains(f.place, where) }) {
			t.Errorf("what was planted in %s is not found", what)
		}
	}
	hub := filepath.Join(l.trust.Dir, "hub", "data")
	left := filepath.Join(hub, "left-over.tmp")
	if err := os.WriteFile(left, []byte("x"+planted), 0o600); err != nil {
		t.Fatal(err)
	}
	found("a file", "file", "left-over", func() { l.disk(t) })
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	db := database(t, filepath.Join(hub, "hub.db"))
	for _, p := range []struct{ what, kind, where, insert string }{
		{"a cell", "cell", "sequence.name", "INSERT INTO sequence (name, value) VALUES (?, 1)"},
		{"the write-ahead log", "file", "-wal", "INSERT INTO sequence (name, value) VALUES (? || '.', 1)"},
		{"a packed cell", "cell", "gunzipped", "INSERT INTO snapshot (id, sector, taken, data) VALUES ('planted', 'none', 0, ?)"},
		{"a Parquet file", "cell", "decoded", "INSERT INTO snapshot (id, sector, taken, data) VALUES ('planted', 'none', 0, ?)"},
	} {
		var value any = planted
		switch p.where {
		case "gunzipped":
			value = gzipped([]byte("…" + planted))
		case "decoded":
			value = parquetOf(t, planted)
		}
		if _, err := db.Exec(p.insert, value); err != nil {
			t.Fatal(err)
		}
		found(p.what, p.kind, p.where, func() { l.disk(t) })
		if _, err := db.Exec("DELETE FROM snapshot WHERE sector = 'none'"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("DELETE FROM sequence WHERE name LIKE 'Zyrafa%'"); err != nil {
			t.Fatal(err)
		}
	}
	found("a log line", "log", "", func() {
		l.log.Debug("refused", "victim", planted)
		l.scan("log of hub and steward", l.logged.Bytes())
	})
	s := l.visitors(t)[1]
	quoted := html.EscapeString(planted)
	l.plant = func(path string) []byte {
		switch {
		case placeOf(path) == "page", placeOf(path) == "api" && strings.HasPrefix(path, "/v1/incidents/"):
			return []byte(quoted)
		case strings.HasSuffix(path, ".csv"):
			return []byte("\n" + planted + ",organisation\n")
		}
		return nil
	}
	found("a page", "page", "", func() { l.walkPages(t, s, 24) })
	for _, kind := range []string{"api", "feed", "release"} {
		found("an answer of the kind "+kind, kind, "", func() { l.callAPI(t, s, member.Investigate) })
	}
	found("the MISP feed", "feed", "/feeds/misp/", func() { l.pull(t, s) })
	l.plant = func(string) []byte { return []byte(planted) }
	found("a message to a webhook", "webhook", "", func() { l.again(t); l.told(t) })
	found("metrics", "metrics", "", func() { l.scrape(t) })
	l.plant = nil
	for form, text := range plantedForms() {
		found("the form "+form, "log", "", func() { l.scan("log planted", slices.Concat([]byte{0, 0xff, 'x'}, text, []byte("y\xfe"))) })
	}
}

// plantedForms makes the forms in which a value may leak, apart from the
// scanner's own way of making them.
func plantedForms() map[string][]byte {
	canonical, _ := observable.Canonical(observable.Organisation, planted)
	m, s1, s2 := md5.Sum([]byte(planted)), sha1.Sum([]byte(planted)), sha256.Sum256([]byte(canonical))
	stix := uuid.NewSHA1(uuid.MustParse("00abedb4-aa42-466c-9c01-fed23315a9b7"), []byte(planted))
	dns := uuid.NewSHA1(uuid.NameSpaceDNS, []byte(canonical))
	out := map[string][]byte{
		"as it is": []byte(planted), "lower case": []byte(strings.ToLower(planted)), "upper case": []byte(strings.ToUpper(planted)), "canonical": []byte(canonical),
		"URL query": []byte(url.QueryEscape(planted)), "URL path": []byte(url.PathEscape(planted)), "HTML": []byte(html.EscapeString(planted)),
		"JSON": []byte(`Zyrafa-Quux Öltank \u0026 Söhne GmbH`), "hex": fmt.Appendf(nil, "%x", planted), "upper hex": fmt.Appendf(nil, "%X", planted),
		"MD5": fmt.Appendf(nil, "%x", m), "SHA-1": fmt.Appendf(nil, "%X", s1), "SHA-256 canonical": fmt.Appendf(nil, "%x", s2),
		"MD5 raw": m[:], "SHA-1 raw": s1[:], "SHA-256 raw": s2[:], "SHA-256 base64": []byte(base64.StdEncoding.EncodeToString(s2[:])), "MD5 base64url": []byte(base64.URLEncoding.EncodeToString(m[:])),
		"UUIDv5 STIX": []byte(stix.String()), "UUIDv5 DNS": []byte(dns.String()), "UUIDv5 raw": stix[:],
	}
	for n, before := range []string{"", "a", "bc"} {
		for name, enc := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.RawURLEncoding} {
			out[fmt.Sprint(name, " at ", n)] = []byte(enc.EncodeToString([]byte(before + planted + "\x00tail")))
		}
	}
	wide := []byte{}
	for _, r := range planted { // all below U+10000
		wide = append(wide, byte(r), byte(r>>8))
	}
	out["UTF-16LE"] = wide
	return out
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data) //nolint:errcheck // into memory
	w.Close()     //nolint:errcheck // into memory
	return b.Bytes()
}

func parquetOf(t *testing.T, value string) []byte {
	t.Helper()
	type row struct {
		Value string `parquet:"value,zstd"`
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, []row{{"other"}, {value}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
