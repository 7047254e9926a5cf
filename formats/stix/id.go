package stix

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"regexp"
	"strings"
)

var (
	keyPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,250}$`)
)

// isID says whether a text is an identifier: a type, two hyphens and a UUID
// of RFC 4122 or RFC 9562.
func isID(s string) bool {
	typ, uuid, ok := strings.Cut(s, "--")
	if !ok || !isTypeName(typ) || len(uuid) != 36 {
		return false
	}
	for i := range len(uuid) {
		c := uuid[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			ok = c == '-'
		case i == 14:
			ok = c >= '1' && c <= '8'
		case i == 19:
			ok = strings.IndexByte("89abAB", c) >= 0
		default:
			ok = isHexDigit(c)
		}
		if !ok {
			return false
		}
	}
	return true
}

// uuidVersion returns the version digit of an identifier.
func uuidVersion(id string) byte {
	_, uuid, _ := strings.Cut(id, "--")
	if len(uuid) < 15 {
		return 0
	}
	return uuid[14]
}

// isTypeName says whether a type may be called so (STIX 2.1, section 3.1).
func isTypeName(s string) bool {
	return isName(s, '-') && !strings.Contains(s, "--")
}

// isPropertyName says whether a property may be called so.
func isPropertyName(s string) bool { return s == "id" || isName(s, '_') }

// isName wants 3 to 250 lower-case letters, digits and joints, a letter first.
func isName(s string, joint byte) bool {
	if len(s) < 3 || len(s) > 250 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && !isDigit(c) && c != joint {
			return false
		}
	}
	return true
}

// RandomID makes an identifier of 122 random bits. The only error is that of
// the source of randomness.
func RandomID(random io.Reader, typ string) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return idOf(typ, b), nil
}

// KeyedID makes the identifier that an object of a name has under a key:
// always the same, and telling nobody without the key what it was made of,
// which a UUIDv5 of a value would.
func KeyedID(key []byte, typ, name string) string {
	mac := hmac.New(sha256.New, key)
	// The type ends at its first zero byte: no type holds one.
	mac.Write([]byte(typ + "\x00" + name))
	return idOf(typ, [16]byte(mac.Sum(nil)))
}

// idOf writes bytes as a UUIDv4, which is what readers take for an identifier
// that says nothing.
func idOf(typ string, b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return typ + "--" + s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
