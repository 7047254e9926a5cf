package oprf

import (
	"encoding/base64"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// Element is a group element on its way between edge and key holder: blinded
// or evaluated. It is never the identity. The zero Element is no element and
// is refused everywhere.
type Element struct {
	point   ristretto.Point
	encoded [ElementSize]byte
}

func elementOf(p ristretto.Point) Element { return Element{point: p, encoded: p.Bytes()} }

// decodePoint takes the canonical encoding of a point other than the identity.
func decodePoint(b []byte) (ristretto.Point, bool) {
	p, ok := ristretto.Decode(b)
	return p, ok && !p.IsIdentity()
}

// ParseElement takes the 32-byte canonical encoding of RFC 9496. It refuses
// other lengths, other encodings, and the identity.
func ParseElement(b []byte) (Element, error) {
	p, ok := decodePoint(b)
	if !ok {
		return Element{}, fault.New(fault.Invalid, "oprf.bad_element",
			"not a group element: %d bytes that are the canonical ristretto255 encoding of an element other than the identity are expected", ElementSize)
	}
	return Element{point: p, encoded: [ElementSize]byte(b)}, nil
}

// Bytes returns the 32-byte encoding.
func (e Element) Bytes() []byte { return e.encoded[:] }

// Equal reports whether two elements are the same.
func (e Element) Equal(other Element) bool { return e.encoded == other.encoded }

// String returns the text form, unpadded base64url. Elements on their way are
// blinded: they tell nothing about the value.
func (e Element) String() string { return textOf(e.encoded[:]) }

// MarshalText returns the text form.
func (e Element) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText takes the text form, checked like [ParseElement].
func (e *Element) UnmarshalText(text []byte) error {
	b, err := bytesOf(text, ElementSize, "oprf.bad_element", "a group element")
	if err != nil {
		return err
	}
	parsed, err := ParseElement(b)
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}

// checkElements holds a batch to the limits and refuses zero Elements.
func checkElements(elements []Element) error {
	if err := checkBatch(len(elements)); err != nil {
		return err
	}
	for i, e := range elements {
		if e.point.IsZero() {
			return fault.New(fault.Invalid, "oprf.bad_element", "element %d of the batch is empty", i)
		}
	}
	return nil
}

// Token is the pseudonym of a value under one key: the canonical encoding of
// k·H(x). Equal values have equal tokens, so that a token may link reports; it
// is pseudonymised, not anonymous, and belongs in no log, no error and no
// release. The zero Token is no token.
type Token [ElementSize]byte

// ParseToken takes the 32 bytes of a token, checked like [ParseElement].
func ParseToken(b []byte) (Token, error) {
	if _, ok := decodePoint(b); !ok {
		return Token{}, fault.New(fault.Invalid, "oprf.bad_token",
			"not a token: %d bytes that are the canonical ristretto255 encoding of an element other than the identity are expected", ElementSize)
	}
	return Token(b), nil
}

// IsZero reports whether t is no token.
func (t Token) IsZero() bool { return t == Token{} }

// String returns the text form: 43 characters of unpadded base64url.
func (t Token) String() string { return textOf(t[:]) }

// MarshalText returns the text form.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes the text form, checked like [ParseToken].
func (t *Token) UnmarshalText(text []byte) error {
	b, err := bytesOf(text, ElementSize, "oprf.bad_token", "a token")
	if err != nil {
		return err
	}
	parsed, err := ParseToken(b)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

func textOf(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// bytesOf decodes unpadded base64url of exactly size bytes; only the one text
// that textOf makes is taken.
func bytesOf(text []byte, size int, code, what string) ([]byte, error) {
	enc := base64.RawURLEncoding.Strict()
	if len(text) == enc.EncodedLen(size) {
		// The decoder skips line ends; a text of this length that has any
		// comes out too short.
		b := make([]byte, size)
		if n, err := enc.Decode(b, text); err == nil && n == size {
			return b, nil
		}
	}
	return nil, fault.New(fault.Invalid, code, "not %s: %d characters of unpadded base64url are expected", what, enc.EncodedLen(size))
}
