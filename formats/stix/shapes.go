package stix

import (
	"encoding/base64"
	"regexp"
	"strings"
	"time"
)

func isHex(s string) bool {
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return len(s)%2 == 0
}

func isHexDigit(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// isBase64 wants the padded alphabet of RFC 4648, section 4, and some of it.
// Bits that padding makes superfluous are not held to be zero: the grammar
// does not ask for it.
func isBase64(s string) bool {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

// momentForm is how a timestamp looks up to its second; 0 stands for a digit.
const momentForm = "0000-00-00T00:00:00"

// momentShape says whether a text looks like a timestamp, whatever the
// calendar says of it: months to 12, days to 31, and a leap second at most.
func momentShape(s string) bool {
	if len(s) <= len(momentForm) || s[len(s)-1] != 'Z' {
		return false
	}
	for i := range len(momentForm) {
		if momentForm[i] == '0' && !isDigit(s[i]) || momentForm[i] != '0' && s[i] != momentForm[i] {
			return false
		}
	}
	month, day := s[5:7], s[8:10]
	if month < "01" || month > "12" || day < "01" || day > "31" || s[11:13] > "23" || s[14:16] > "59" || s[17:19] > "60" {
		return false
	}
	rest := s[len(momentForm) : len(s)-1]
	return rest == "" || len(rest) > 1 && rest[0] == '.' && allDigits(rest[1:])
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// Moment reads a timestamp of STIX: RFC 3339 in UTC, written with Z. A leap
// second is taken as the second before it.
func Moment(s string) (time.Time, bool) {
	if !momentShape(s) {
		return time.Time{}, false
	}
	if s[17:19] == "60" {
		s = s[:17] + "59" + s[19:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// fraction returns the digits after the second.
func fraction(s string) string {
	_, digits, _ := strings.Cut(strings.TrimSuffix(s, "Z"), ".")
	return digits
}

// before says whether one timestamp comes before another, to any precision:
// both are of a valid shape.
func before(a, b string) bool {
	ta, _ := Moment(a)
	tb, _ := Moment(b)
	if !ta.Truncate(time.Second).Equal(tb.Truncate(time.Second)) {
		return ta.Before(tb)
	}
	fa, fb := fraction(a), fraction(b)
	n := max(len(fa), len(fb))
	return fa+strings.Repeat("0", n-len(fa)) < fb+strings.Repeat("0", n-len(fb))
}

// digests are the lengths of hashes in hexadecimal digits, by their name in
// capitals without hyphens.
var digests = map[string]int{
	"MD5": 32, "SHA1": 40, "SHA224": 56, "SHA256": 64, "SHA384": 96, "SHA512": 128,
	"SHA3224": 56, "SHA3256": 64, "SHA3384": 96, "SHA3512": 128, "RIPEMD160": 40, "WHIRLPOOL": 128,
}

var (
	ssdeepPattern = regexp.MustCompile(`^[a-zA-Z0-9/+:.]{1,128}$`)
	tlshPattern   = regexp.MustCompile(`^(?:T1)?[a-fA-F0-9]{70}$`)
)

// hashFits says whether a value can be a hash of an algorithm; of an unknown
// one everything can.
func hashFits(algorithm, value string) bool {
	name := strings.ToUpper(strings.ReplaceAll(algorithm, "-", ""))
	switch name {
	case "SSDEEP":
		return ssdeepPattern.MatchString(value)
	case "TLSH":
		return tlshPattern.MatchString(value)
	}
	n, known := digests[name]
	return !known || len(value) == n && isHex(value)
}
