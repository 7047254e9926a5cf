package oprf

import (
	"crypto/sha512"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// In the mode POPRF both sides know an info beside the input that only the edge
// knows, and the token depends on both. The key is moved by the info, to k + m;
// the token is (k + m)⁻¹·H(x). Nothing in Concord asks for it yet.

// Tweaked is a secret key for one info.
type Tweaked struct{ moved *SecretKey }

// TweakedKey is a public key for one info.
type TweakedKey struct{ moved PublicKey }

// hashInfo is the scalar by which an info moves a key.
func hashInfo(info []byte) (ristretto.Public, error) {
	if len(info) > MaxInput {
		return ristretto.Public{}, fault.New(fault.TooLarge, "oprf.input_too_long", "the info has %d bytes; at most %d are taken", len(info), MaxInput)
	}
	return ristretto.HashToPublic(appendPrefixed([]byte("Info"), info), "HashToScalar-"+POPRF.context()), nil
}

// Tweak moves the key by an info of at most MaxInput bytes (RFC 9497, section
// 3.3.3).
func (k *SecretKey) Tweak(info []byte) (Tweaked, error) {
	m, err := hashInfo(info)
	if err != nil {
		return Tweaked{}, err
	}
	moved := k.scalar.Add(m.Secret())
	if moved.IsNought() {
		return Tweaked{}, fault.New(fault.Internal, "oprf.bad_info", "this info takes the key away; use another key")
	}
	return Tweaked{secretKeyOf(moved)}, nil
}

// Tweak moves the public key by an info.
func (p PublicKey) Tweak(info []byte) (TweakedKey, error) {
	m, err := hashInfo(info)
	if err != nil {
		return TweakedKey{}, err
	}
	moved := ristretto.MultiplyBase(m.Secret()).Add(p.element.point)
	if moved.IsIdentity() {
		return TweakedKey{}, fault.New(fault.Invalid, "oprf.bad_info", "this info takes the steward's key away: whoever made the key knew the info")
	}
	return TweakedKey{PublicKey{elementOf(moved)}}, nil
}

// Evaluate answers 1 to MaxBatch blinded elements, with one proof.
func (t Tweaked) Evaluate(blinded []Element, random io.Reader) ([]Element, Proof, error) {
	evaluated, err := t.evaluate(blinded)
	if err != nil {
		return nil, Proof{}, err
	}
	r, err := POPRF.nonce(t.moved, evaluated, blinded, random)
	if err != nil {
		return nil, Proof{}, err
	}
	// The moved key times the answer is the question, and that is proven.
	return evaluated, POPRF.prove(t.moved, evaluated, blinded, r), nil
}

func (t Tweaked) evaluate(blinded []Element) ([]Element, error) {
	if err := checkElements(blinded); err != nil {
		return nil, err
	}
	inverse := ristretto.Invert([]ristretto.Secret{t.moved.scalar})[0]
	evaluated := make([]Element, len(blinded))
	for i, b := range blinded {
		evaluated[i] = elementOf(b.point.Multiply(inverse))
	}
	return evaluated, nil
}

// Verify checks an answer like [PublicKey.Verify].
func (t TweakedKey) Verify(blinded, evaluated []Element, proof Proof) (Evaluated, error) {
	if err := checkAnswer(t.moved, blinded, evaluated); err != nil {
		return Evaluated{}, err
	}
	if !POPRF.holds(t.moved, evaluated, blinded, proof) {
		return Evaluated{}, badProof()
	}
	return Evaluated{points: pointsOf(evaluated)}, nil
}

// FinalizePartial hashes input, info and token to the standard's output (RFC
// 9497, section 3.3.3).
func FinalizePartial(input, info []byte, token Token) ([OutputSize]byte, error) {
	for _, b := range [][]byte{input, info} {
		if len(b) > MaxInput {
			return [OutputSize]byte{}, fault.New(fault.TooLarge, "oprf.input_too_long", "%d bytes are given; at most %d are taken", len(b), MaxInput)
		}
	}
	transcript := appendPrefixed(nil, input)
	transcript = appendPrefixed(transcript, info)
	transcript = appendPrefixed(transcript, token[:])
	return sha512.Sum512(append(transcript, "Finalize"...)), nil
}
