package oprf

import (
	"crypto/sha512"
	"encoding/binary"
	"io"

	"github.com/concord-trust/concord/fault"
)

// Proof shows in zero knowledge that all elements of a batch were evaluated
// under one and the same key (RFC 9497, section 2.2): a non-interactive
// Chaum–Pedersen proof over random linear combinations of the batch. It is 64
// bytes long whatever the size of the batch. The zero Proof proves nothing.
type Proof struct{ challenge, response scalar }

// ParseProof takes the 64-byte encoding: two reduced scalars, challenge and
// response.
func ParseProof(b []byte) (Proof, error) {
	if len(b) == ProofSize {
		c, okC := decodeScalar(b[:ProofSize/2])
		s, okS := decodeScalar(b[ProofSize/2:])
		if okC && okS {
			return Proof{c, s}, nil
		}
	}
	return Proof{}, fault.New(fault.Invalid, "oprf.malformed_proof", "not a proof: %d bytes that encode two reduced scalars are expected", ProofSize)
}

// Bytes returns the 64-byte encoding; of the zero Proof, zeros.
func (p Proof) Bytes() []byte {
	if p.challenge == nil || p.response == nil {
		return make([]byte, ProofSize)
	}
	c, s := encodeScalar(p.challenge), encodeScalar(p.response)
	return append(c[:], s[:]...)
}

// String returns the text form: 86 characters of unpadded base64url.
func (p Proof) String() string { return textOf(p.Bytes()) }

// MarshalText returns the text form.
func (p Proof) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes the text form, checked like [ParseProof].
func (p *Proof) UnmarshalText(text []byte) error {
	b, err := bytesOf(text, ProofSize, "oprf.malformed_proof", "a proof")
	if err != nil {
		return err
	}
	parsed, err := ParseProof(b)
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// prove is GenerateProof of RFC 9497, section 2.2.1, with A the generator.
func (k *SecretKey) prove(blinded, evaluated []Element, random io.Reader) (Proof, error) {
	r, err := randomScalar(random)
	if err != nil {
		return Proof{}, err
	}
	m := publicSum(pointsOf(blinded), weights(k.public, blinded, evaluated))
	// ComputeCompositesFast: who knows k need not sum the evaluated elements.
	z := mul(m, k.scalar)
	c := challenge(k.public, m, z, mulBase(r), mul(m, r))
	return Proof{challenge: c, response: mulSub(r, c, k.scalar)}, nil
}

// holds is VerifyProof of RFC 9497, section 2.2.2, with A the generator.
func (p PublicKey) holds(blinded, evaluated []Element, proof Proof) bool {
	c, s := proof.challenge, proof.response
	if c == nil || s == nil {
		return false
	}
	w := weights(p, blinded, evaluated)
	m := publicSum(pointsOf(blinded), w)
	z := publicSum(pointsOf(evaluated), w)
	t2 := add(mulBase(s), mul(p.element.point, c))
	t3 := add(mul(m, s), mul(z, c))
	return challenge(p, m, z, t2, t3).IsEqual(c)
}

// weights are the factors dᵢ of ComputeComposites: fixed only once the whole
// batch is, so that a false evaluation cannot cancel another.
func weights(p PublicKey, blinded, evaluated []Element) []scalar {
	context := VOPRF.context()
	transcript := appendPrefixed(nil, p.Bytes())
	transcript = appendPrefixed(transcript, []byte("Seed-"+context))
	seed := sha512.Sum512(transcript)

	factors := make([]scalar, len(blinded))
	for i := range blinded {
		transcript = appendPrefixed(transcript[:0], seed[:])
		transcript = binary.BigEndian.AppendUint16(transcript, uint16(i))
		transcript = appendPrefixed(transcript, blinded[i].Bytes())
		transcript = appendPrefixed(transcript, evaluated[i].Bytes())
		transcript = append(transcript, "Composite"...)
		factors[i] = hashToScalar(transcript, "HashToScalar-"+context)
	}
	return factors
}

// challenge hashes the public key, the composites and the commitments.
func challenge(p PublicKey, points ...point) scalar {
	transcript := appendPrefixed(nil, p.Bytes())
	for _, q := range points {
		b := encodePoint(q)
		transcript = appendPrefixed(transcript, b[:])
	}
	return hashToScalar(append(transcript, "Challenge"...), "HashToScalar-"+VOPRF.context())
}

func pointsOf(elements []Element) []point {
	points := make([]point, len(elements))
	for i, e := range elements {
		points[i] = e.point
	}
	return points
}
