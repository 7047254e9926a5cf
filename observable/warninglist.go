package observable

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// Limits of one warning list.
const (
	MaxListBytes   = 32 << 20
	MaxListEntries = 1_000_000
	// MaxListScans bounds what is tried one by one: regular expressions and
	// substrings.
	MaxListScans = 20_000
)

// Warninglist is a list of common benign values in the format of the MISP
// warning lists, which an operator adds to the built-in ones. It does not
// change once it is loaded and may be used by many goroutines.
type Warninglist struct {
	Name string
	// types that the list is about; none: all that its kind can match.
	types      map[Type]bool
	prefixes   map[netip.Prefix]bool
	bits       []int // lengths of prefixes that occur, IPv4's as they are, IPv6's + 1000
	names      map[string]bool
	exact      map[string]bool
	substrings []string
	patterns   []*regexp.Regexp
}

// attributes says which of our types an attribute type of MISP is about.
var attributes = map[string][]Type{
	"ip-src": {IP, CIDR}, "ip-dst": {IP, CIDR}, "ip-src|port": {IP}, "ip-dst|port": {IP}, "ip": {IP, CIDR},
	"domain": {Domain}, "hostname": {Domain}, "hostname|port": {Domain}, "domain|ip": {Domain, IP},
	"url": {URL}, "uri": {URL}, "link": {URL}, "AS": {ASN},
	"email": {Email}, "email-src": {Email}, "email-dst": {Email}, "whois-registrant-email": {Email}, "dns-soa-email": {Email},
	"md5": {FileHash}, "sha1": {FileHash}, "sha224": {FileHash}, "sha256": {FileHash}, "sha384": {FileHash}, "sha512": {FileHash},
	"filename|md5": {FileHash}, "filename|sha1": {FileHash}, "filename|sha224": {FileHash}, "filename|sha256": {FileHash}, "filename|sha384": {FileHash}, "filename|sha512": {FileHash},
	"filename": {FileName}, "user-agent": {UserAgent}, "http-user-agent": {UserAgent}, "mutex": {Mutex}, "regkey": {RegistryKey}, "vulnerability": {CVE},
	"btc": {Wallet}, "xmr": {Wallet}, "iban": {IBAN}, "phone-number": {Phone},
}

// LoadMISP reads one list in the format of the MISP warning lists: an object
// with name, type (cidr, hostname, string, substring or regex), list and
// matching_attributes. A list that passes the limits, is of an unknown type or
// has an entry of the wrong kind is refused whole, with the entry's number.
// Attribute types that we have no type for are passed over; a list of nothing
// else is refused.
func LoadMISP(r io.Reader) (*Warninglist, error) {
	limited := &io.LimitedReader{R: r, N: MaxListBytes + 1}
	var doc struct {
		Name       string   `json:"name"`
		Type       string   `json:"type"`
		List       []string `json:"list"`
		Attributes []string `json:"matching_attributes"`
	}
	err := json.NewDecoder(limited).Decode(&doc)
	switch {
	case limited.N <= 0:
		return nil, fault.New(fault.TooLarge, "warninglist.too_large", "a warning list has at most %d MiB; split it", MaxListBytes>>20)
	case err != nil:
		return nil, fault.New(fault.Invalid, "warninglist.not_misp", "this is no warning list: an object with name, type, list and matching_attributes is wanted").Because(err)
	case doc.Name == "" || len(doc.List) == 0:
		return nil, fault.New(fault.Invalid, "warninglist.incomplete", "a warning list needs a name and a list that is not empty")
	case len(doc.List) > MaxListEntries:
		return nil, fault.New(fault.TooLarge, "warninglist.too_large", "a warning list has at most %d entries; split it", MaxListEntries)
	}
	w := &Warninglist{Name: doc.Name, types: map[Type]bool{}}
	for _, a := range doc.Attributes {
		for _, t := range attributes[a] {
			w.types[t] = true
		}
	}
	if len(w.types) == 0 && len(doc.Attributes) > 0 {
		return nil, fault.New(fault.Invalid, "warninglist.no_type", "none of the list's matching_attributes is a type of observable that is known here")
	}
	if err := w.fill(doc.Type, doc.List); err != nil {
		return nil, err
	}
	return w, nil
}

// fill indexes the entries by the list's kind.
func (w *Warninglist) fill(kind string, entries []string) error {
	add, known := map[string]func(entry string) bool{
		"cidr": w.addPrefix, "hostname": w.addName, "string": w.addExact, "substring": w.addSubstring, "regex": w.addPattern,
	}[kind]
	if !known {
		return fault.New(fault.Invalid, "warninglist.unknown_type", "a warning list is of type cidr, hostname, string, substring or regex")
	}
	if (kind == "substring" || kind == "regex") && len(entries) > MaxListScans {
		return fault.New(fault.TooLarge, "warninglist.too_large", "a list of type %s has at most %d entries, since each is tried on every value", kind, MaxListScans)
	}
	w.prefixes, w.names, w.exact = map[netip.Prefix]bool{}, map[string]bool{}, map[string]bool{}
	for i, e := range entries {
		if e = strings.TrimSpace(e); e == "" {
			continue
		}
		if len(e) > MaxLength || !add(e) {
			return fault.New(fault.Invalid, "warninglist.bad_entry", "this entry does not fit a list of type %s", kind).At(fmt.Sprintf("list[%d]", i))
		}
	}
	for p := range w.prefixes {
		if n := lengthOf(p.Addr(), p.Bits()); !slices.Contains(w.bits, n) {
			w.bits = append(w.bits, n)
		}
	}
	slices.Sort(w.bits)
	return nil
}

func lengthOf(a netip.Addr, bits int) int {
	if a.Is4() {
		return bits
	}
	return bits + 1000
}

func (w *Warninglist) addPrefix(e string) bool {
	if !strings.Contains(e, "/") {
		a, err := netip.ParseAddr(e)
		if err != nil {
			return false
		}
		a = a.Unmap().WithZone("")
		w.prefixes[netip.PrefixFrom(a, a.BitLen())] = true
		return true
	}
	c, ok := canonicalCIDR(e)
	if ok {
		w.prefixes[netip.MustParsePrefix(c)] = true
	}
	return ok
}

// addName takes a name for itself and all below it. Entries may be single
// labels; one that is no name in DNS is kept as it is written.
func (w *Warninglist) addName(e string) bool {
	e = strings.Trim(e, ".")
	if c, ok := canonicalDomain(e); ok {
		e = c
	}
	w.names[strings.ToLower(e)] = true
	return true
}

func (w *Warninglist) addExact(e string) bool {
	w.exact[lower(e)] = true
	for t := range w.types {
		if c, ok := Canonical(t, e); ok {
			w.exact[lower(c)] = true
		}
	}
	return true
}

func (w *Warninglist) addSubstring(e string) bool {
	w.substrings = append(w.substrings, lower(e))
	return true
}

// addPattern takes RE2 syntax, bare or between slashes with flags.
func (w *Warninglist) addPattern(e string) bool {
	if end := strings.LastIndexByte(e, '/'); strings.HasPrefix(e, "/") && end > 0 && strings.Trim(e[end+1:], "imsu") == "" {
		flags := strings.ReplaceAll(e[end+1:], "u", "")
		e = strings.ReplaceAll(e[1:end], `\/`, "/")
		if flags != "" {
			e = "(?" + flags + ")" + e
		}
	}
	re, err := regexp.Compile(e)
	if err != nil || len(e) > 1024 {
		return false
	}
	w.patterns = append(w.patterns, re)
	return true
}

// Holds reports whether a canonical value is on the list. A URL is held
// against a list of names only if it is the front page of its host.
func (w *Warninglist) Holds(typ Type, canonical string) bool {
	if len(w.types) > 0 && !w.types[typ] {
		return false
	}
	switch typ {
	case IP:
		if w.holdsAddress(canonical, -1) {
			return true
		}
	case CIDR:
		if p, err := netip.ParsePrefix(canonical); err == nil && w.holdsAddress(p.Addr().String(), p.Bits()) {
			return true
		}
	case Domain:
		if w.holdsName(canonical) {
			return true
		}
	case Email:
		if w.holdsName(canonical[strings.LastIndexByte(canonical, '@')+1:]) {
			return true
		}
	case URL:
		if isFrontPage(canonical) && (w.holdsName(hostOf(canonical)) || w.holdsAddress(hostOf(canonical), -1)) {
			return true
		}
	}
	return w.holdsText(canonical)
}

// holdsAddress looks the address up under every length of prefix; of a block
// (upTo ≥ 0) only under those that hold it whole.
func (w *Warninglist) holdsAddress(v string, upTo int) bool {
	if len(w.prefixes) == 0 {
		return false
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return false
	}
	for _, n := range w.bits {
		bits := n
		if n >= 1000 {
			bits = n - 1000
		}
		if a.Is4() != (n < 1000) || upTo >= 0 && bits > upTo {
			continue
		}
		if p, err := a.Prefix(bits); err == nil && w.prefixes[p] {
			return true
		}
	}
	return false
}

func (w *Warninglist) holdsName(v string) bool {
	if len(w.names) == 0 {
		return false
	}
	for more := true; more; _, v, more = strings.Cut(v, ".") {
		if w.names[v] {
			return true
		}
	}
	return false
}

func (w *Warninglist) holdsText(v string) bool {
	if len(w.exact)+len(w.substrings)+len(w.patterns) == 0 {
		return false
	}
	l := lower(v)
	return w.exact[l] ||
		slices.ContainsFunc(w.substrings, func(s string) bool { return strings.Contains(l, s) }) ||
		slices.ContainsFunc(w.patterns, func(p *regexp.Regexp) bool { return p.MatchString(v) })
}

// Warninglists are an operator's own lists.
type Warninglists []*Warninglist

// Benign is [Benign] with the operator's lists after the built-in ones.
func (ws Warninglists) Benign(typ Type, canonical string) (list string, ok bool) {
	if list, ok := Benign(typ, canonical); ok {
		return list, true
	}
	for _, w := range ws {
		if w.Holds(typ, canonical) {
			return w.Name, true
		}
	}
	return "", false
}
