package sim

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/concord-trust/concord/observable"
)

// secret is a value that must not be found at the hub.
type secret struct {
	text  string
	types []observable.Type // by which it may have been canonicalised
	prose bool              // long text: pieces of it must not be found either
}

// shortest value that is looked for; shorter ones are in everything.
const shortest = 6

// scanner finds many byte strings in many places. Each string is filed under
// its first bytes; a bit set tells nearly always that nothing begins here.
type scanner struct {
	needles []needle
	first   map[uint64]int32 // prefix → the last needle filed, plus 1
	maybe   []uint64

	mu    sync.Mutex
	found map[string][]finding // by kind of place
	bytes map[string]int
}

type needle struct {
	text   []byte
	form   string
	secret int32
	before int32 // the needle filed under the prefix before this one, plus 1
	folded bool  // found whatever its case
}

type finding struct{ place, form, value string }

const (
	prefix   = shortest
	maybeLog = 24
)

func maybeBit(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 >> (64 - maybeLog) }

// newScanner prepares to look for the secrets in every form. What stands in
// known, the folded text of all that the hub may know, is not looked for as it
// is spelled, only hashed.
func newScanner(secrets []secret, known string) (s *scanner, short, excluded []string) {
	s = &scanner{first: map[uint64]int32{}, maybe: make([]uint64, 1<<maybeLog/64), found: map[string][]finding{}, bytes: map[string]int{}}
	texts := map[string]bool{}
	for i, v := range secrets {
		if len(v.text) < shortest {
			short = append(short, v.text)
			continue
		}
		if strings.Contains(known, fold(v.text)) {
			excluded = append(excluded, v.text)
		}
		add := func(form string, folded bool, text []byte) {
			if folded {
				text = lower(text)
			}
			if len(text) < prefix || texts[string(text)] {
				return
			}
			texts[string(text)] = true
			key := keyOf(text)
			s.needles = append(s.needles, needle{text, form, int32(i), s.first[key], folded})
			s.first[key] = int32(len(s.needles))
			bit := maybeBit(key)
			s.maybe[bit/64] |= 1 << (bit % 64)
		}
		for spelling, text := range v.spellings() {
			if len(text) < shortest {
				continue
			}
			if !strings.Contains(known, fold(text)) {
				readable(text, func(form string, folded bool, b []byte) { add(spelling+", "+form, folded, b) })
			}
			hashed(text, func(form string, folded bool, b []byte) { add(spelling+", "+form, folded, b) })
		}
		for _, typ := range v.types {
			if c, ok := observable.Canonical(typ, v.text); ok {
				digests(observable.TokenInput(typ, c), func(form string, folded bool, b []byte) { add("token input, "+form, folded, b) })
			}
		}
		for n, piece := range v.pieces() {
			if !strings.Contains(known, fold(piece)) {
				add(fmt.Sprint("piece ", n), true, []byte(piece))
			}
		}
		s.needles = slices.Clip(s.needles)
	}
	return s, short, excluded
}

func fold(s string) string { return string(lower([]byte(s))) }

// lower folds ASCII only, so that it leaves binary data in its place.
func lower(b []byte) []byte {
	out := slices.Clone(b)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

func keyOf(b []byte) (key uint64) {
	for _, c := range b[:prefix] {
		key = key<<8 | uint64(c)
	}
	return key
}

// spellings of a value: as it is, folded, canonical.
func (v secret) spellings() map[string]string {
	out := map[string]string{"as it is": v.text}
	seen := map[string]bool{v.text: true}
	add := func(name, text string) {
		if !seen[text] {
			seen[text] = true
			out[name] = text
		}
	}
	if v.prose {
		return out // the plain forms are folded, and pieces of it are looked for
	}
	add("lower case", strings.ToLower(v.text))
	add("upper case", strings.ToUpper(v.text))
	for _, typ := range v.types {
		if c, ok := observable.Canonical(typ, v.text); ok {
			add("canonical "+typ, c)
		}
	}
	return out
}

// pieces of a long text.
func (v secret) pieces() (out []string) {
	const size = 28
	if !v.prose {
		return nil
	}
	for b := []byte(v.text); len(b) >= size; b = b[size:] {
		out = append(out, string(b[:size]))
	}
	return out
}

// readable gives the forms from which the text can be read.
func readable(text string, add func(form string, folded bool, b []byte)) {
	add("plain", true, []byte(text))
	quoted, _ := json.Marshal(text)
	add("JSON", true, quoted[1:len(quoted)-1])
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(text) //nolint:errcheck // a string always encodes
	add("JSON", true, b.Bytes()[1:b.Len()-2])
	add("HTML", true, []byte(html.EscapeString(text)))
	add("URL query", true, []byte(url.QueryEscape(text)))
	add("URL path", true, []byte(url.PathEscape(text)))
	add("CSV", true, []byte(strings.ReplaceAll(text, `"`, `""`)))
	wide := make([]byte, 0, 2*len(text))
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	add("UTF-16LE", true, wide)
	add("hex", true, []byte(hex.EncodeToString([]byte(text))))
	for at := range 3 {
		add(fmt.Sprint("base64 at ", at), false, base64Within(base64.RawStdEncoding, []byte(text), at))
		add(fmt.Sprint("base64url at ", at), false, base64Within(base64.RawURLEncoding, []byte(text), at))
	}
}

// base64Within is what is certain of an encoding of something in which the
// text begins at an offset of 3n+at.
func base64Within(enc *base64.Encoding, text []byte, at int) []byte {
	coded := []byte(enc.EncodeToString(append(make([]byte, at), text...)))
	if (at+len(text))%3 != 0 {
		coded = coded[:len(coded)-1] // shares its bits with what follows
	}
	return coded[[]int{0, 2, 3}[at]:]
}

var stixNamespace = uuid.MustParse("00abedb4-aa42-466c-9c01-fed23315a9b7")

// hashed gives the forms by which a text can be guessed.
func hashed(text string, add func(form string, folded bool, b []byte)) {
	digests([]byte(text), add)
	value, _ := json.Marshal(map[string]string{"value": text})
	login, _ := json.Marshal(map[string]string{"account_login": text})
	name, _ := json.Marshal(map[string]string{"name": text})
	for ns, id := range map[string]uuid.UUID{"URL": uuid.NameSpaceURL, "DNS": uuid.NameSpaceDNS, "OID": uuid.NameSpaceOID, "STIX": stixNamespace} {
		for _, of := range [][]byte{[]byte(text), value, login, name} {
			u := uuid.NewSHA1(id, of)
			add("UUIDv5 "+ns, true, []byte(u.String()))
			add("UUIDv5 "+ns+" hex", true, []byte(hex.EncodeToString(u[:])))
			add("UUIDv5 "+ns+" raw", false, u[:])
		}
	}
}

func digests(text []byte, add func(form string, folded bool, b []byte)) {
	d1, d2, d3, d4 := md5.Sum(text), sha1.Sum(text), sha256.Sum256(text), sha512.Sum512(text)
	for name, d := range map[string][]byte{"MD5": d1[:], "SHA-1": d2[:], "SHA-256": d3[:], "SHA-512": d4[:]} {
		add(name+" hex", true, []byte(hex.EncodeToString(d)))
		add(name+" raw", false, slices.Clone(d))
		for at := range 3 {
			add(fmt.Sprint(name, " base64 at ", at), false, base64Within(base64.RawStdEncoding, d, at))
			add(fmt.Sprint(name, " base64url at ", at), false, base64Within(base64.RawURLEncoding, d, at))
		}
	}
}

// scan looks into a place, also within what is packed there. The kind of place
// is what stands before the first space of its name.
func (s *scanner) scan(secrets []secret, place string, data []byte) {
	unfold(place, data, func(place string, data []byte) {
		hits := s.search(data, false, nil)
		hits = s.search(lower(data), true, hits)
		kind, _, _ := strings.Cut(place, " ")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bytes[kind] += len(data)
		for n := range hits {
			f := finding{place, s.needles[n].form, secrets[s.needles[n].secret].text}
			if len(s.found[kind]) < 500 && !slices.Contains(s.found[kind], f) {
				s.found[kind] = append(s.found[kind], f)
			}
		}
	})
}

func (s *scanner) search(data []byte, folded bool, hits map[int32]bool) map[int32]bool {
	var key uint64
	for i, c := range data {
		key = (key<<8 | uint64(c)) & (1<<(8*prefix) - 1)
		bit := maybeBit(key)
		if i < prefix-1 || s.maybe[bit/64]&(1<<(bit%64)) == 0 {
			continue
		}
		for n := s.first[key]; n > 0; n = s.needles[n-1].before {
			if d := &s.needles[n-1]; d.folded == folded && bytes.HasPrefix(data[i-prefix+1:], d.text) {
				if hits == nil {
					hits = map[int32]bool{}
				}
				hits[n-1] = true
			}
		}
	}
	return hits
}

// unfold gives what stands in a place, and what is packed in it: gzip,
// Zstandard, Parquet, zip.
func unfold(place string, data []byte, found func(place string, data []byte)) {
	found(place, data)
	const most = 64 << 20
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		if r, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			plain, _ := io.ReadAll(io.LimitReader(r, most)) // as far as it goes
			unfold(place+" gunzipped", plain, found)
		}
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		if r, err := zstd.NewReader(bytes.NewReader(data)); err == nil {
			plain, _ := io.ReadAll(io.LimitReader(r, most))
			r.Close()
			unfold(place+" unpacked", plain, found)
		}
	case bytes.HasPrefix(data, []byte("PAR1")):
		unfold(place+" decoded", parquetValues(data), found)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		if z, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
			for _, f := range z.File {
				if r, err := f.Open(); err == nil {
					plain, _ := io.ReadAll(io.LimitReader(r, most))
					r.Close()
					unfold(place+" "+f.Name, plain, found)
				}
			}
		}
	}
}

// parquetValues are all values of a file, a line each.
func parquetValues(data []byte) []byte {
	var out bytes.Buffer
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	for _, kv := range f.Metadata().KeyValueMetadata {
		fmt.Fprintln(&out, kv.Key, kv.Value)
	}
	r := parquet.NewReader(f)
	defer r.Close()
	rows := make([]parquet.Row, 64)
	for {
		n, err := r.ReadRows(rows)
		for _, row := range rows[:n] {
			for _, v := range row {
				fmt.Fprintln(&out, v.String())
			}
		}
		if err != nil || n == 0 {
			return out.Bytes()
		}
	}
}
