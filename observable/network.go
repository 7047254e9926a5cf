package observable

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// defanged lists how people make addresses harmless, and what they mean.
var defanged = strings.NewReplacer("[.]", ".", "(.)", ".", "{.}", ".", "<.>", ".", "[dot]", ".", "(dot)", ".", "{dot}", ".", "[DOT]", ".", "(DOT)", ".", "[d]", ".",
	"[.", ".", ".]", ".",
	"[:]", ":", "(:)", ":", "[://]", "://", "[:/]", ":/", "[/]", "/",
	"[@]", "@", "(@)", "@", "{@}", "@", "[at]", "@", "(at)", "@", "{at}", "@", "[AT]", "@", "(AT)", "@", `\.`, ".")

var defangedScheme = regexp.MustCompile(`(?i)^(h(?:xx|tt|\*\*|__)p|f(?:x|t)p|meow)(\[?s?\]?)(?:\[?:\]?)/?/`)

// refang undoes what [defanged] and the scheme pattern describe, once and
// again, until there is nothing left to undo.
func refang(v string) string {
	for range 4 {
		if !strings.ContainsAny(v, "[({<\\") {
			break
		}
		again := defanged.Replace(v)
		if again == v {
			break
		}
		v = again
	}
	if m := defangedScheme.FindStringSubmatch(v); m != nil {
		scheme := "http"
		if c := m[1][0]; c == 'f' || c == 'F' {
			scheme = "ftp"
		}
		v = scheme + strings.ToLower(strings.Trim(m[2], "[]")) + "://" + v[len(m[0]):]
	}
	return v
}

// canonicalIP takes IPv4 in dotted quads without leading zeros, and IPv6 in
// any form; mapped IPv4 becomes IPv4, a zone is dropped.
func canonicalIP(v string) (string, bool) {
	a, err := netip.ParseAddr(v)
	if err != nil {
		if a, err = netip.ParseAddr(strings.Trim(refang(v), "[]")); err != nil {
			return "", false
		}
	}
	return a.WithZone("").Unmap().String(), true
}

// canonicalCIDR clears the host bits. A block inside the mapped addresses is
// written as the IPv4 block that it means.
func canonicalCIDR(v string) (string, bool) {
	p, err := netip.ParsePrefix(refang(v))
	if err != nil {
		return "", false
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked().String(), true
}

var asnPattern = regexp.MustCompile(`(?i)^(?:asn?\s*:?\s*)?([0-9]{1,10})$`)

func canonicalASN(v string) (string, bool) {
	m := asnPattern.FindStringSubmatch(v)
	if m == nil {
		return "", false
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	return "AS" + strconv.FormatUint(n, 10), err == nil
}

// domains maps and checks names as browsers do, but allows what DNS allows
// (underscores stand in service names).
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

func canonicalDomain(v string) (string, bool) {
	v = refang(v)
	if name := strings.ToLower(strings.TrimSuffix(v, ".")); isPlainASCII(name) && !strings.Contains(name, "xn--") {
		return name, isDomain(name)
	}
	name, err := domains.ToASCII(lower(v))
	if err != nil {
		return "", false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, isDomain(name)
}

// isDomain holds a name in lower case to the grammar of host names of at least
// two labels, underscores allowed, whose last label is no number.
func isDomain(name string) bool {
	if len(name) > 253 {
		return false
	}
	labels := 0
	for rest, more := name, true; more; labels++ {
		var label string
		label, rest, more = strings.Cut(rest, ".")
		if !isLabel(label) {
			return false
		}
		if !more && (labels == 0 || len(label) < 2 || !isTopLevel(label)) {
			return false
		}
	}
	return true
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

func isTopLevel(label string) bool {
	if strings.HasPrefix(label, "xn--") {
		return true
	}
	for i := range len(label) {
		if label[i] < 'a' || label[i] > 'z' {
			return false
		}
	}
	return true
}

// canonicalEmail writes the domain as a domain, and the part before it in
// lower case: the standard lets servers tell case apart, none in use does.
// Quoted local parts are refused; what follows a plus sign is kept, since
// servers differ in what it means.
func canonicalEmail(v string) (string, bool) {
	v = refang(v)
	if i := strings.LastIndexByte(v, '<'); i >= 0 && strings.HasSuffix(v, ">") {
		v = v[i+1 : len(v)-1]
	}
	if len(v) > 7 && strings.EqualFold(v[:7], "mailto:") {
		v, _, _ = strings.Cut(v[7:], "?")
	}
	at := strings.LastIndexByte(v, '@')
	if at < 1 || at > 64 || strings.ContainsAny(v[:at], " <>,;:\"()[]{}@\\") {
		return "", false
	}
	local := lower(v[:at])
	domain, ok := canonicalDomain(v[at+1:])
	return local + "@" + domain, ok && len(local) <= 64
}
