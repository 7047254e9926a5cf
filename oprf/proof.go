package oprf

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// Proof shows in zero knowledge that all elements of a batch were evaluated
// under one and the same key (RFC 9497, section 2.2): a non-interactive
// Chaum–Pedersen proof over random linear combinations of the batch. It is 64
// bytes long whatever the size of the batch. The zero Proof proves nothing.
type Proof struct{ challenge, response ristretto.Public }

// ParseProof takes the 64-byte encoding: two reduced scalars, challenge and
// response.
func ParseProof(b []byte) (Proof, error) {
	if len(b) == ProofSize {
		c, okC := ristretto.DecodePublic(b[:ProofSize/2])
		s, okS := ristretto.DecodePublic(b[ProofSize/2:])
		if okC && okS {
			return Proof{c, s}, nil
		}
	}
	return Proof{}, fault.New(fault.Invalid, "oprf.malformed_proof", "not a proof: %d bytes that encode two reduced scalars are expected", ProofSize)
}

// Bytes returns the 64-byte encoding; of the zero Proof, zeros.
func (p Proof) Bytes() []byte {
	if p.challenge.IsZero() || p.response.IsZero() {
		return make([]byte, ProofSize)
	}
	c, s := p.challenge.Bytes(), p.response.Bytes()
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

// prove is GenerateProof of RFC 9497, section 2.2.1, with A the generator and
// r the nonce.
func (m Mode) prove(k *SecretKey, blinded, evaluated []Element, r ristretto.Secret) Proof {
	sum := ristretto.PublicSum(pointsOf(blinded), m.weights(k.public, blinded, evaluated))
	// ComputeCompositesFast: who knows k need not sum the evaluated elements.
	z := sum.Multiply(k.scalar)
	c := m.challenge(k.public, sum, z, ristretto.MultiplyBase(r), sum.Multiply(r))
	return Proof{challenge: c, response: ristretto.Respond(r, c, k.scalar)}
}

// nonce draws the nonce of a proof. Two proofs with one nonce give the key
// away, so it is hedged: it depends on the key and on what is proven as well,
// and is different for each batch even if the source of randomness repeats.
func (m Mode) nonce(k *SecretKey, blinded, evaluated []Element, random io.Reader) (ristretto.Secret, error) {
	var drawn [64]byte
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return ristretto.Secret{}, fmt.Errorf("draw the nonce of a proof: %w", err)
	}
	transcript := append(drawn[:], k.Bytes()...)
	for i := range blinded {
		transcript = append(append(transcript, blinded[i].encoded[:]...), evaluated[i].encoded[:]...)
	}
	defer clear(transcript)
	return ristretto.HashToSecret(transcript, "Nonce-"+m.context()), nil
}

// holds is VerifyProof of RFC 9497, section 2.2.2, with A the generator.
func (m Mode) holds(p PublicKey, blinded, evaluated []Element, proof Proof) bool {
	c, s := proof.challenge, proof.response
	if c.IsZero() || s.IsZero() {
		return false
	}
	w := m.weights(p, blinded, evaluated)
	sum := ristretto.PublicSum(pointsOf(blinded), w)
	z := ristretto.PublicSum(pointsOf(evaluated), w)
	t2 := ristretto.PublicBase(c, p.element.point, s)
	t3 := ristretto.PublicSum([]ristretto.Point{sum, z}, []ristretto.Public{s, c})
	return m.challenge(p, sum, z, t2, t3).Equal(c)
}

// weights are the factors dᵢ of ComputeComposites: fixed only once the whole
// batch is, so that a false evaluation cannot cancel another.
func (m Mode) weights(p PublicKey, blinded, evaluated []Element) []ristretto.Public {
	context := m.context()
	transcript := appendPrefixed(nil, p.Bytes())
	transcript = appendPrefixed(transcript, []byte("Seed-"+context))
	seed := sha512.Sum512(transcript)

	factors := make([]ristretto.Public, len(blinded))
	for i := range blinded {
		transcript = appendPrefixed(transcript[:0], seed[:])
		transcript = binary.BigEndian.AppendUint16(transcript, uint16(i))
		transcript = appendPrefixed(transcript, blinded[i].Bytes())
		transcript = appendPrefixed(transcript, evaluated[i].Bytes())
		transcript = append(transcript, "Composite"...)
		factors[i] = ristretto.HashToPublic(transcript, "HashToScalar-"+context)
	}
	return factors
}

// challenge hashes the public key, the composites and the commitments.
func (m Mode) challenge(p PublicKey, points ...ristretto.Point) ristretto.Public {
	transcript := appendPrefixed(nil, p.Bytes())
	for _, q := range points {
		b := q.Bytes()
		transcript = appendPrefixed(transcript, b[:])
	}
	return ristretto.HashToPublic(append(transcript, "Challenge"...), "HashToScalar-"+m.context())
}

func pointsOf(elements []Element) []ristretto.Point {
	points := make([]ristretto.Point, len(elements))
	for i, e := range elements {
		points[i] = e.point
	}
	return points
}
