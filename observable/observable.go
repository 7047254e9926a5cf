// Package observable knows the typed values seen in an incident, and the one
// canonical spelling of each, so that the same value told by different members
// becomes the same token.
//
//	raw ──[Canonical](type)──▶ canonical ──[TokenInput]──▶ what a steward is asked about, blinded
//	canonical ──[Benign]──▶ on a warning list of common infrastructure?
//	raw of no stated type ──[Detect]──▶ type, canonical
//
// What has no canonical form (empty, "unknown", not of the type) gets no
// token; [Parse] tells the two apart. The tables are fixed in the code: a
// change is a new [Version], after which edges make their tokens anew.
// testdata/vectors.json publishes examples that another implementation must
// meet.
//
// # Spellings
//
// Before anything else invalid UTF-8, control characters and invisible ones
// (zero-width space, soft hyphen, byte order mark) are dropped, the rest is
// brought to NFC and white space at the ends is cut. Then, by type:
//
//	ip            refanged; dotted quads without leading zeros; IPv6 as RFC 5952; mapped IPv4 becomes IPv4; no zone
//	cidr          refanged; host bits cleared
//	asn           AS and the number
//	domain        refanged; IDNA to A-labels; lower case; no final dot
//	url           refanged; see the table at canonicalURL
//	email         refanged; domain as above; local part in lower case; no display name, no mailto:
//	file-hash     MD5, SHA-1, SHA-2 in lower hexadecimal; padded base64 of those lengths is decoded
//	file-name     the last part of a path; lower case
//	registry-key  long hive names become short (HKLM); single backslashes; lower case
//	wallet        Ethereum and bech32 in lower case; checksums of bech32 and base58check are held
//	account       lower case; no leading @
//	cve           upper case
//	phone         international form, + and digits
//	iban          upper case, no spaces; modulo 97 is held
//	user-agent, mutex  runs of white space become one space
//	person, organisation  bare words; see canonicalOrganisation
package observable

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/fault"
)

// Version of the canonicaliser; part of every token's input.
const Version = "c1"

// suite names the group and hash with which tokens are made.
const suite = "ristretto255-SHA512"

// Type is the name of a type of values. It is an alias, because standards and
// reports are documents that carry such names as plain strings; [Valid] tells
// whether one is known.
type Type = string

// The closed list of types.
const (
	IP           Type = "ip"
	CIDR         Type = "cidr"
	ASN          Type = "asn"
	Domain       Type = "domain"
	URL          Type = "url"
	FileHash     Type = "file-hash"
	FileName     Type = "file-name"
	Wallet       Type = "wallet"
	UserAgent    Type = "user-agent"
	Mutex        Type = "mutex"
	RegistryKey  Type = "registry-key"
	CVE          Type = "cve"
	Email        Type = "email"
	Account      Type = "account"
	Phone        Type = "phone"
	IBAN         Type = "iban"
	Person       Type = "person"
	Organisation Type = "organisation"
)

// Types lists the closed list.
func Types() []Type {
	return []Type{IP, CIDR, ASN, Domain, URL, FileHash, FileName, Wallet, UserAgent, Mutex, RegistryKey, CVE,
		Email, Account, Phone, IBAN, Person, Organisation}
}

// Valid reports whether typ is one of them.
func Valid(typ Type) bool { return slices.Contains(Types(), typ) }

// MaxLength of a raw and of a canonical value, in bytes; longer ones have no
// canonical form.
const MaxLength = 4096

// ErrNoValue says that a value is empty or a way of writing that nothing is
// known ("unknown", "n/a", "-", "a hospital"): no mistake, and no token.
var ErrNoValue error = fault.New(fault.Invalid, "observable.no_value", "nothing is known here, so there is no value to compare")

// Canonical returns the one spelling of a value of a type; false if it is none
// of that type, or says that nothing is known. It is idempotent. [Parse] tells
// why there is none.
func Canonical(typ Type, raw string) (canonical string, ok bool) {
	canonical, err := Parse(typ, raw)
	return canonical, err == nil
}

// Parse is [Canonical] with the reason for a refusal: [ErrNoValue], or a
// [fault.Error] that says what a value of the type looks like. Errors never
// hold the value.
func Parse(typ Type, raw string) (canonical string, err error) {
	shape, known := shapes[typ]
	if !known {
		return "", fault.New(fault.Invalid, "observable.unknown_type", "there is no type of observable of that name; the types are %s", strings.Join(Types(), ", "))
	}
	if len(raw) > MaxLength {
		return "", tooLong
	}
	v := plain(raw)
	if saysNothing(v) {
		return "", ErrNoValue
	}
	canonical, ok := shape.canonical(v)
	switch {
	case !ok:
		return "", fault.New(fault.Invalid, "observable.not_a_"+strings.ReplaceAll(typ, "-", "_"), "this is no %s; write it like %s", typ, shape.like)
	case len(canonical) > MaxLength:
		return "", tooLong
	case saysNothing(canonical):
		return "", ErrNoValue
	}
	return canonical, nil
}

var tooLong = fault.New(fault.TooLarge, "observable.too_long", "a value has at most %d bytes", MaxLength)

// IsNoValue reports whether err is [ErrNoValue].
func IsNoValue(err error) bool { return errors.Is(err, ErrNoValue) }

// shape is how a type's values are brought to one spelling, and an example for
// whoever wrote something else.
type shape struct {
	canonical func(v string) (string, bool)
	like      string
}

// shapes holds one row for each type. Canonical functions get a plain value
// that says something.
var shapes = map[Type]shape{
	IP:           {canonicalIP, "198.51.100.7 or 2001:db8::7"},
	CIDR:         {canonicalCIDR, "198.51.100.0/24"},
	ASN:          {canonicalASN, "AS64496"},
	Domain:       {canonicalDomain, "mail.example.org"},
	URL:          {canonicalURL, "https://www.example.org/path"},
	FileHash:     {canonicalHash, "an MD5, SHA-1 or SHA-2 in hexadecimal"},
	FileName:     {canonicalFileName, "invoice.exe"},
	Wallet:       {canonicalWallet, "a Bitcoin, Litecoin, Ethereum or Monero address"},
	UserAgent:    {asWritten, "Mozilla/5.0"},
	Mutex:        {asWritten, `Global\name`},
	RegistryKey:  {canonicalRegistryKey, `HKLM\Software\Name`},
	CVE:          {canonicalCVE, "CVE-2021-44228"},
	Email:        {canonicalEmail, "name@example.org"},
	Account:      {canonicalAccount, "name or DOMAIN\\name"},
	Phone:        {canonicalPhone, "+49 30 1234567"},
	IBAN:         {canonicalIBAN, "DE89 3704 0044 0532 0130 00"},
	Person:       {canonicalPerson, "a name"},
	Organisation: {canonicalOrganisation, "a name"},
}

// nothing lists the ways in which people write that they do not know.
var nothing = setOf("", "-", "--", "---", ".", "..", "...", "…", "?", "??", "???", "*", "/", "_",
	"n/a", "n / a", "na", "n.a.", "n.a", "n a", "none", "nil", "null", "nul", "nan", "nothing", "no", "empty", "blank",
	"unknown", "unkown", "unknwon", "unknown.", "unk", "unnamed", "unidentified", "unspecified", "undetermined", "undefined", "undisclosed",
	"not available", "not applicable", "not known", "not disclosed", "not reported", "not provided", "not specified", "not stated", "not identified", "not given",
	"no data", "no value", "no name", "not public", "to be determined", "tbd", "tba", "tbc",
	"anonymous", "anonymised", "anonymized", "redacted", "removed", "confidential", "withheld", "private", "hidden", "secret",
	"various", "multiple", "several", "many", "mixed", "misc", "miscellaneous", "other", "others", "any", "all",
	"unbekannt", "keine", "keine angabe", "k.a.", "inconnu", "inconnue", "desconocido", "desconhecido", "sconosciuto", "onbekend", "okänd", "ukjent", "ukendt",
	"x", "xx", "xxx", "xxxx", "test", "example", "sample", "lorem ipsum")

func saysNothing(v string) bool {
	return nothing[strings.ToLower(strings.Trim(v, " \t[]()<>{}'\"“”‘’*"))]
}

func setOf(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// plain drops what cannot be seen, composes what can, and cuts white space.
func plain(raw string) string {
	if isPlainASCII(raw) {
		return strings.TrimSpace(raw)
	}
	visible := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r == 0x200b, r == 0xfeff, r == 0x00ad, r == 0x2060, r == 0x200e, r == 0x200f:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, raw)
	return strings.TrimSpace(norm.NFC.String(visible))
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// asWritten is for types whose spelling means something to the letter.
func asWritten(v string) (string, bool) { return spaced(v), true }

// spaced folds runs of white space.
func spaced(v string) string { return strings.Join(strings.Fields(v), " ") }

// lower brings text to lower case, composed again.
func lower(v string) string { return norm.NFC.String(strings.ToLower(v)) }

// TokenInput frames suite, canonicaliser version, type and canonical value
// unambiguously: each part is preceded by its length in four bytes, big
// endian.
func TokenInput(typ Type, canonical string) []byte {
	parts := [...]string{suite, Version, typ, canonical}
	size := 0
	for _, part := range parts {
		size += 4 + len(part)
	}
	b := make([]byte, 0, size)
	for _, part := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
