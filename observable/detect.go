package observable

import (
	"net/netip"
	"regexp"
	"strings"
)

// detectors are tried in order, from the most particular type on. A sign says
// what else must hold of a raw value whose type is not known: bare digits
// might be an ASN if somebody says so, and are none by themselves.
var detectors = []struct {
	typ  Type
	sign func(v string) bool
}{
	{IP, nil},
	{CIDR, nil},
	{CVE, nil},
	{FileHash, func(v string) bool { return !strings.ContainsAny(v, " ") || strings.Contains(v, ":") }},
	{Email, nil},
	{RegistryKey, regexp.MustCompile(`(?i)^(?:HKEY_[A-Z_]+|HKLM|HKCU|HKCR|HKU|HKCC)[\\/]`).MatchString},
	{URL, nil},
	{IBAN, nil},
	{ASN, regexp.MustCompile(`(?i)^as`).MatchString},
	{Wallet, nil},
	{Phone, func(v string) bool { return strings.HasPrefix(v, "+") }},
	{FileName, regexp.MustCompile(`(?i)^[^\s/\\:*?"<>|]+\.(?:exe|dll|sys|scr|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|lnk|jar|docx?|docm|xlsx?|xlsm|pptx?|pdf|rtf|txt|rar|7z|gz|iso|img|bin|dat|tmp|elf|apk|msi|php|aspx?|jsp)$`).MatchString},
	{Domain, nil},
	{UserAgent, regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.-]*/[0-9][^ ]* [(\[A-Z]`).MatchString},
}

// Detect guesses the type of a value that comes without one, as in lists of
// indicators, and returns its canonical form. An address or a domain with a
// port is taken for the address or domain. False: nothing fits, as for free
// text, names and bare numbers.
func Detect(raw string) (typ Type, canonical string, ok bool) {
	if len(raw) > MaxLength {
		return "", "", false
	}
	v := plain(raw)
	if saysNothing(v) {
		return "", "", false
	}
	for _, d := range detectors {
		if d.sign != nil && !d.sign(v) {
			continue
		}
		if c, ok := Canonical(d.typ, v); ok {
			return d.typ, c, true
		}
	}
	return detectEndpoint(refang(v))
}

// detectEndpoint takes the port off "host:port".
func detectEndpoint(v string) (typ Type, canonical string, ok bool) {
	if e, err := netip.ParseAddrPort(v); err == nil {
		c, ok := canonicalIP(e.Addr().String())
		return IP, c, ok
	}
	if i := strings.LastIndexByte(v, ':'); i > 0 {
		if _, err := netip.ParseAddrPort("0.0.0.0" + v[i:]); err == nil {
			c, ok := canonicalDomain(v[:i])
			if ok {
				return Domain, c, true
			}
		}
	}
	return "", "", false
}
