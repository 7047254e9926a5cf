package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/concord-trust/concord/fault"
)

// KeyID names an Ed25519 public key: "ed25519:" and the first 16 bytes of the
// SHA-256 of its 32 bytes, in hex. With 128 bits nobody finds a second key for
// a given id.
func KeyID(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return "ed25519:" + hex.EncodeToString(sum[:16])
}

// GenerateKey draws a signing key.
func GenerateKey(random io.Reader) (ed25519.PrivateKey, error) {
	// From a seed, because ed25519.GenerateKey does not promise what it makes
	// of its reader, and simulations want the same keys again.
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("generate a signing key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// PublicText is the text form of an Ed25519 public key: 43 characters of
// unpadded base64url.
func PublicText(pub ed25519.PublicKey) string { return base64.RawURLEncoding.EncodeToString(pub) }

// ParsePublic takes the text form of an Ed25519 public key.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	return parseText([]byte(text), ed25519.PublicKeySize, "an Ed25519 public key")
}

// MarshalPrivate writes a signing key as PKCS#8 (RFC 5958, RFC 8410) in PEM,
// as OpenSSL does.
func MarshalPrivate(key ed25519.PrivateKey) ([]byte, error) {
	if _, err := publicOf(key); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a signing key: %w", err)
	}
	return encodePEM(signingKeyLabel, der), nil
}

// ParsePrivate reads a signing key as [MarshalPrivate] or OpenSSL writes it:
// one PEM block with an Ed25519 key, not encrypted.
func ParsePrivate(text []byte) (ed25519.PrivateKey, error) {
	der, err := decodePEM(signingKeyLabel, text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fault.New(fault.Invalid, "envelope.bad_key", "not a signing key: the PEM block is not PKCS#8").Because(err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fault.New(fault.Invalid, "envelope.bad_key", "not a signing key: an Ed25519 key is expected, and this is of another kind")
	}
	return key, nil
}

// publicOf returns the public half of a key that has the right length.
func publicOf(key ed25519.PrivateKey) (ed25519.PublicKey, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.Internal, "envelope.bad_key", "there is no signing key")
	}
	return key.Public().(ed25519.PublicKey), nil
}

// parseText decodes unpadded base64url of exactly size bytes, in the one
// spelling that encoding makes.
func parseText(text []byte, size int, what string) ([]byte, error) {
	encoding := base64.RawURLEncoding.Strict()
	if len(text) == encoding.EncodedLen(size) {
		// The decoder skips line ends; a text of this length that has any
		// comes out too short.
		b := make([]byte, size)
		if n, err := encoding.Decode(b, text); err == nil && n == size {
			return b, nil
		}
	}
	return nil, fault.New(fault.Invalid, "envelope.bad_key", "not %s: %d characters of unpadded base64url are expected", what, encoding.EncodedLen(size))
}

// redacted, embedded in a secret, keeps it out of every print and every JSON
// document.
type redacted struct{}

const redactedText = "[secret]"

// Format writes a fixed word for every verb and flag.
func (redacted) Format(f fmt.State, _ rune) { io.WriteString(f, redactedText) }

// String returns a fixed word.
func (redacted) String() string { return redactedText }

// GoString returns a fixed word.
func (redacted) GoString() string { return redactedText }

// MarshalText writes a fixed word in place of the secret.
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// MarshalJSON writes a fixed word in place of the secret.
func (redacted) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }
