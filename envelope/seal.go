package envelope

import (
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/concord-trust/concord/fault"
)

// Lengths in bytes.
const (
	// RecipientKeySize is the length of an encoded recipient key (a seed).
	RecipientKeySize = 32
	// RecipientPublicSize is the length of an encoded recipient's public key:
	// ML-KEM-768, then X25519.
	RecipientPublicSize = 1184 + 32

	encapsulatedSize = 1088 + 32
	tagSize          = 16
	hintSize         = 16
	headerSize       = 1 + hintSize
	// MaxSealed is the length of the largest sealed text.
	MaxSealed = headerSize + encapsulatedSize + lengthSize + MaxPlaintext + tagSize
)

// sealedVersion is the first byte of a sealed text.
const sealedVersion = 1

// sealLabel separates these HPKE uses from any other of the same key.
const sealLabel = "concord sealed v1"

func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES256GCM() }

// RecipientPublic is the public half of a [RecipientKey]: everybody can seal
// to it. The zero RecipientPublic is no key.
type RecipientPublic struct{ key hpke.PublicKey }

// ParseRecipientPublic takes RecipientPublicSize bytes as
// [RecipientPublic.Bytes] returns them.
func ParseRecipientPublic(b []byte) (RecipientPublic, error) {
	key, err := kem().NewPublicKey(b)
	if err != nil {
		return RecipientPublic{}, fault.New(fault.Invalid, "envelope.bad_key",
			"not a public key to seal to: %d bytes of MLKEM768X25519 are expected", RecipientPublicSize).Because(err)
	}
	return RecipientPublic{key}, nil
}

// Bytes returns the encoding: RecipientPublicSize bytes, or none for the zero
// RecipientPublic.
func (p RecipientPublic) Bytes() []byte {
	if p.key == nil {
		return nil
	}
	return p.key.Bytes()
}

// KeyID names the key: "mlkem768x25519:" and the first 16 bytes of the SHA-256
// of its encoding, in hex.
func (p RecipientPublic) KeyID() string {
	hint := p.hint()
	return "mlkem768x25519:" + hex.EncodeToString(hint[:])
}

// hint is what a sealed text shows of the key it is sealed to.
func (p RecipientPublic) hint() [hintSize]byte {
	sum := sha256.Sum256(p.Bytes())
	return [hintSize]byte(sum[:])
}

// String returns the text form, unpadded base64url.
func (p RecipientPublic) String() string { return base64.RawURLEncoding.EncodeToString(p.Bytes()) }

// MarshalText returns the text form.
func (p RecipientPublic) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes the text form, checked like [ParseRecipientPublic].
func (p *RecipientPublic) UnmarshalText(text []byte) error {
	b, err := parseText(text, RecipientPublicSize, "a public key to seal to")
	if err != nil {
		return err
	}
	parsed, err := ParseRecipientPublic(b)
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// RecipientKey opens what was sealed to its public half. It prints and
// marshals as a fixed word; only [RecipientKey.Bytes] gives it out.
type RecipientKey struct {
	redacted
	key hpke.PrivateKey
}

// GenerateRecipientKey draws a key.
func GenerateRecipientKey(random io.Reader) (*RecipientKey, error) {
	seed := make([]byte, RecipientKeySize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("generate a key to seal to: %w", err)
	}
	return ParseRecipientKey(seed)
}

// ParseRecipientKey takes the 32 bytes that [RecipientKey.Bytes] returns.
func ParseRecipientKey(b []byte) (*RecipientKey, error) {
	key, err := kem().NewPrivateKey(b)
	if err != nil {
		return nil, fault.New(fault.Invalid, "envelope.bad_key", "not a key to open envelopes with: %d bytes are expected", RecipientKeySize).Because(err)
	}
	return &RecipientKey{key: key}, nil
}

// Bytes returns the secret itself, for the key file.
func (k *RecipientKey) Bytes() []byte {
	seed, err := k.key.Bytes()
	if err != nil {
		panic("envelope: a recipient key has no seed") // cannot happen: all are made of one
	}
	return seed
}

// Public returns the public half.
func (k *RecipientKey) Public() RecipientPublic { return RecipientPublic{k.key.PublicKey()} }

// Seal pads plaintext (at most MaxPlaintext bytes) to its [SizeClass] and
// encrypts it to a key, bound to info: it opens only with the same info. Info
// is not part of what is returned:
//
//	version 1 (1 byte) ‖ hint of the key (16) ‖ encapsulated key (1120) ‖ ciphertext and tag
//
// Nothing in it shows who sealed.
func Seal(to RecipientPublic, info, plaintext []byte) ([]byte, error) {
	if to.key == nil {
		return nil, fault.New(fault.Internal, "envelope.bad_key", "there is no key to seal to")
	}
	padded, err := pad(plaintext)
	if err != nil {
		return nil, err
	}
	hint := to.hint()
	header := append([]byte{sealedVersion}, hint[:]...)
	body, err := hpke.Seal(to.key, kdf(), aead(), sealInfo(header, info), padded)
	if err != nil {
		return nil, fault.New(fault.Invalid, "envelope.bad_key", "nothing can be sealed to this key; ask its owner for another").Because(err)
	}
	return append(header, body...), nil
}

// Open opens what was sealed to k with the same info.
//
// Faults: envelope.malformed, envelope.not_for_us, envelope.cannot_open.
func (k *RecipientKey) Open(info, sealed []byte) ([]byte, error) {
	return OpenAny([]*RecipientKey{k}, info, sealed)
}

// OpenAny opens with the one of several keys to which it was sealed.
func OpenAny(keys []*RecipientKey, info, sealed []byte) ([]byte, error) {
	if len(sealed) > MaxSealed {
		return nil, fault.New(fault.TooLarge, "envelope.too_large", "the sealed text has %d bytes; at most %d are taken", len(sealed), MaxSealed)
	}
	if len(sealed) < headerSize+encapsulatedSize+lengthSize+smallestClass+tagSize {
		return nil, fault.New(fault.Invalid, "envelope.malformed", "the sealed text has %d bytes, which is too short; it was cut off", len(sealed))
	}
	if sealed[0] != sealedVersion {
		return nil, fault.New(fault.Invalid, "envelope.malformed", "the sealed text is of version %d; this software knows version %d", sealed[0], sealedVersion)
	}
	header, body := sealed[:headerSize], sealed[headerSize:]
	for _, k := range keys {
		if k == nil || k.key == nil || k.Public().hint() != [hintSize]byte(header[1:]) {
			continue
		}
		padded, err := hpke.Open(k.key, kdf(), aead(), sealInfo(header, info), body)
		if err != nil {
			return nil, fault.New(fault.Forbidden, "envelope.cannot_open",
				"it does not open for this hub, this member and this signing key: it was sealed for others, or changed on the way. Seal it anew").Because(err)
		}
		return unpad(padded)
	}
	return nil, fault.New(fault.Invalid, "envelope.not_for_us",
		"it is sealed to key mlkem768x25519:%x, which is not in use here; fetch the hub's present key and seal it anew", header[1:])
}

// sealInfo binds the header with the caller's info; the label and the header
// have fixed lengths.
func sealInfo(header, info []byte) []byte {
	bound := make([]byte, 0, len(sealLabel)+len(header)+len(info))
	return append(append(append(bound, sealLabel...), header...), info...)
}
