package oprf

import (
	"fmt"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// SecretKey is the key k of a holder: a scalar other than zero. It prints
// and marshals as a fixed word; only [SecretKey.Bytes] gives it out.
type SecretKey struct {
	ristretto.Redacted
	scalar ristretto.Secret
	public PublicKey
}

// PublicKey is k·G, against which the holder's proofs are verified.
type PublicKey struct{ element Element }

// GenerateKey draws a secret key.
func GenerateKey(random io.Reader) (*SecretKey, error) {
	s, err := ristretto.RandomSecret(random)
	if err != nil {
		return nil, fmt.Errorf("generate a token key: %w", err)
	}
	return secretKeyOf(s), nil
}

// DeriveKeyPair derives a key of the mode from SeedSize secret bytes and up to
// 65,535 bytes of public info (RFC 9497, section 3.2.1).
func (m Mode) DeriveKeyPair(seed, info []byte) (*SecretKey, error) {
	if err := m.known(); err != nil {
		return nil, err
	}
	if len(seed) != SeedSize {
		return nil, fault.New(fault.Invalid, "oprf.bad_seed", "a seed has %d bytes, this one has %d", SeedSize, len(seed))
	}
	if len(info) > MaxInput {
		return nil, fault.New(fault.TooLarge, "oprf.input_too_long", "the key info has %d bytes; at most %d are taken", len(info), MaxInput)
	}
	input := appendPrefixed(append([]byte{}, seed...), info)
	for counter := range 256 {
		s := ristretto.HashToSecret(append(input, byte(counter)), "DeriveKeyPair"+m.context())
		if !s.IsNought() {
			return secretKeyOf(s), nil
		}
	}
	return nil, fault.New(fault.Internal, "oprf.derive_key", "no key can be derived from this seed")
}

func secretKeyOf(s ristretto.Secret) *SecretKey {
	return &SecretKey{scalar: s, public: PublicKey{elementOf(ristretto.MultiplyBase(s))}}
}

// ParseSecretKey takes the 32 bytes that [SecretKey.Bytes] returns. It refuses
// other lengths, scalars that are not reduced, and zero.
func ParseSecretKey(b []byte) (*SecretKey, error) {
	s, ok := ristretto.DecodeSecret(b)
	if !ok || s.IsNought() {
		return nil, fault.New(fault.Invalid, "oprf.bad_secret_key",
			"not a token key: %d bytes that encode a reduced scalar other than zero are expected", SecretKeySize)
	}
	return secretKeyOf(s), nil
}

// Bytes returns the secret itself, 32 bytes, for the holder's key file.
func (k *SecretKey) Bytes() []byte {
	b := k.scalar.Reveal()
	return b[:]
}

// Public returns the public half.
func (k *SecretKey) Public() PublicKey { return k.public }

// ParsePublicKey takes the 32-byte encoding, checked like [ParseElement].
func ParsePublicKey(b []byte) (PublicKey, error) {
	e, err := ParseElement(b)
	if err != nil {
		return PublicKey{}, fault.New(fault.Invalid, "oprf.bad_public_key",
			"not a steward's public key: %d bytes that are the canonical ristretto255 encoding of an element other than the identity are expected", ElementSize)
	}
	return PublicKey{e}, nil
}

// Bytes returns the 32-byte encoding.
func (p PublicKey) Bytes() []byte { return p.element.Bytes() }

// Equal reports whether two public keys are the same.
func (p PublicKey) Equal(other PublicKey) bool { return p.element.Equal(other.element) }

// String returns the text form: 43 characters of unpadded base64url.
func (p PublicKey) String() string { return p.element.String() }

// MarshalText returns the text form.
func (p PublicKey) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes the text form, checked like [ParsePublicKey].
func (p *PublicKey) UnmarshalText(text []byte) error {
	b, err := bytesOf(text, ElementSize, "oprf.bad_public_key", "a steward's public key")
	if err != nil {
		return err
	}
	parsed, err := ParsePublicKey(b)
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}
