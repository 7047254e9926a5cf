package ristretto

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"filippo.io/edwards25519"
)

// Secret is a scalar that must not be told: a key, a share, a blind, a nonce.
// It prints and marshals as a fixed word; [Secret.Reveal] gives it out. The
// zero Secret is no scalar.
type Secret struct {
	Redacted
	s *edwards25519.Scalar
}

// Public is a scalar that everybody may know. The zero Public is no scalar.
type Public struct{ s *edwards25519.Scalar }

// RandomSecret draws a uniform scalar other than zero by rejection (RFC 9497,
// section 4.7.1): 253 random bits, again until they are below the group's
// order. One draw succeeds with probability one half; what is rejected is
// independent of what is returned, so the number of draws tells nothing.
func RandomSecret(random io.Reader) (Secret, error) {
	const draws = 256
	var b [Size]byte
	defer clear(b[:])
	for range draws {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return Secret{}, fmt.Errorf("draw a random scalar: %w", err)
		}
		b[Size-1] &= 0x1f
		if s, ok := DecodeSecret(b[:]); ok && !s.IsNought() {
			return s, nil
		}
	}
	return Secret{}, errors.New("draw a random scalar: the source of randomness is broken")
}

// Number is a number as a scalar.
func Number(n uint64) Public {
	var b [Size]byte
	binary.LittleEndian.PutUint64(b[:], n)
	s, _ := DecodePublic(b[:]) // below the group's order
	return s
}

// DecodeSecret takes the 32-byte little-endian encoding of a reduced scalar.
func DecodeSecret(b []byte) (Secret, bool) {
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(b)
	return Secret{s: s}, err == nil
}

// DecodePublic takes the 32-byte little-endian encoding of a reduced scalar.
func DecodePublic(b []byte) (Public, bool) {
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(b)
	return Public{s}, err == nil
}

// Reveal returns the secret itself, 32 bytes, for the file of whoever holds it.
func (s Secret) Reveal() [Size]byte { return [Size]byte(s.s.Bytes()) }

// Bytes returns the 32-byte little-endian encoding.
func (s Public) Bytes() [Size]byte { return [Size]byte(s.s.Bytes()) }

// IsZero reports whether s is the zero Secret, which is no scalar.
func (s Secret) IsZero() bool { return s.s == nil }

// IsZero reports whether s is the zero Public, which is no scalar.
func (s Public) IsZero() bool { return s.s == nil }

// IsNought reports whether the scalar is the number 0.
func (s Secret) IsNought() bool { return s.s.Equal(edwards25519.NewScalar()) == 1 }

// Equal reports whether two scalars are the same.
func (s Public) Equal(o Public) bool {
	return subtle.ConstantTimeCompare(s.s.Bytes(), o.s.Bytes()) == 1
}

// Secret is the scalar where a Secret is wanted.
func (s Public) Secret() Secret { return Secret{s: s.s} }

// Add is a + b.
func (s Secret) Add(b Secret) Secret { return Secret{s: new(edwards25519.Scalar).Add(s.s, b.s)} }

// Multiply is a · b.
func (s Secret) Multiply(b Secret) Secret {
	return Secret{s: new(edwards25519.Scalar).Multiply(s.s, b.s)}
}

// Respond is nonce − challenge·key, the answer of a proof of knowledge. It may
// be published, as long as the nonce is used for nothing else.
func Respond(nonce Secret, challenge Public, key Secret) Public {
	minus := new(edwards25519.Scalar).Negate(challenge.s)
	return Public{new(edwards25519.Scalar).MultiplyAdd(minus, key.s, nonce.s)}
}

// Invert returns the inverses of scalars of which none is the number 0, by one
// inversion and three multiplications each (Montgomery).
func Invert(scalars []Secret) []Secret {
	before := make([]*edwards25519.Scalar, len(scalars)) // products of all that stand before
	product := Number(1).s
	for i, s := range scalars {
		before[i] = product
		product = new(edwards25519.Scalar).Multiply(product, s.s)
	}
	inverse := new(edwards25519.Scalar).Invert(product)
	inverses := make([]Secret, len(scalars))
	for i := len(scalars) - 1; i >= 0; i-- {
		inverses[i] = Secret{s: new(edwards25519.Scalar).Multiply(inverse, before[i])}
		inverse.Multiply(inverse, scalars[i].s)
	}
	return inverses
}

// Redacted, embedded in a secret, keeps it out of every print and every JSON
// document. Format covers all verbs of fmt, so String and GoString add what
// callers see who do not go through fmt.
type Redacted struct{}

const redactedText = "[secret]"

// Format writes a fixed word for every verb and flag.
func (Redacted) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// String returns a fixed word.
func (Redacted) String() string { return redactedText }

// GoString returns a fixed word.
func (Redacted) GoString() string { return redactedText }

// MarshalText writes a fixed word in place of the secret.
func (Redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// MarshalJSON writes a fixed word in place of the secret.
func (Redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }
