package oprf

import (
	"crypto/sha512"
	"fmt"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// Blind is the secret with which one input was blinded. Who has it and the
// blinded element can test guesses of the input against the steward's answer,
// so it stays where it was drawn, for as long as the answer takes. It prints
// as a fixed word.
type Blind struct {
	ristretto.Redacted
	scalar ristretto.Secret
}

// Blind hides each input (1 to MaxBatch of them, each at most MaxInput bytes)
// under a fresh random blind: Bᵢ = rᵢ·H(xᵢ). The elements go to the key holder,
// the blinds stay. Blinding the same input twice gives unrelated elements.
func (m Mode) Blind(inputs [][]byte, random io.Reader) ([]Element, []Blind, error) {
	if err := m.known(); err != nil {
		return nil, nil, err
	}
	if err := checkBatch(len(inputs)); err != nil {
		return nil, nil, err
	}
	blinded := make([]Element, len(inputs))
	blinds := make([]Blind, len(inputs))
	for i, input := range inputs {
		if len(input) > MaxInput {
			return nil, nil, fault.New(fault.TooLarge, "oprf.input_too_long", "input %d has %d bytes; at most %d are taken", i, len(input), MaxInput)
		}
		hashed := ristretto.HashToPoint(input, "HashToGroup-"+m.context())
		if hashed.IsIdentity() {
			return nil, nil, fault.New(fault.Invalid, "oprf.bad_input", "input %d hashes to the identity; it can have no token", i)
		}
		r, err := ristretto.RandomSecret(random)
		if err != nil {
			return nil, nil, fmt.Errorf("blind input %d: %w", i, err)
		}
		blinded[i] = elementOf(hashed.Multiply(r))
		blinds[i] = Blind{scalar: r}
	}
	return blinded, blinds, nil
}

// Evaluated is an answer that may be unblinded: minted by [PublicKey.Verify]
// when a key holder's proof holds, by [Unproven], or by [Combine] of the
// answers of several holders of shares.
type Evaluated struct {
	points []ristretto.Point
	// divisor is by how much the points are too large; zero: by nothing.
	divisor ristretto.Public
}

// Unproven takes an answer on trust, as the mode OPRF does. A holder who
// answers with different keys could so mark an edge's tokens; Concord itself
// uses [PublicKey.Verify].
func Unproven(evaluated []Element) (Evaluated, error) {
	if err := checkElements(evaluated); err != nil {
		return Evaluated{}, err
	}
	return Evaluated{points: pointsOf(evaluated)}, nil
}

// Unblind takes the blinds off an answer, in the order in which [Mode.Blind]
// returned them: Nᵢ = rᵢ⁻¹·Eᵢ. The tokens depend on input and key alone.
func (e Evaluated) Unblind(blinds []Blind) ([]Token, error) {
	if err := checkBatch(len(e.points)); err != nil {
		return nil, err
	}
	if len(blinds) != len(e.points) {
		return nil, fault.New(fault.Invalid, "oprf.batch_mismatch", "%d elements were answered for %d blinds", len(e.points), len(blinds))
	}
	scalars := make([]ristretto.Secret, len(blinds))
	for i, b := range blinds {
		if b.scalar.IsZero() {
			return nil, fault.New(fault.Invalid, "oprf.bad_blind", "blind %d of the batch is empty", i)
		}
		scalars[i] = b.scalar
		if !e.divisor.IsZero() {
			scalars[i] = b.scalar.Multiply(e.divisor.Secret())
		}
	}
	tokens := make([]Token, len(blinds))
	for i, inverse := range ristretto.Invert(scalars) {
		tokens[i] = e.points[i].Multiply(inverse).Bytes()
	}
	return tokens, nil
}

// Finalize hashes an input and its token to the standard's output (RFC 9497,
// section 3.3.1). Concord keeps tokens, not outputs: see the package comment.
func Finalize(input []byte, token Token) ([OutputSize]byte, error) {
	if len(input) > MaxInput {
		return [OutputSize]byte{}, fault.New(fault.TooLarge, "oprf.input_too_long", "the input has %d bytes; at most %d are taken", len(input), MaxInput)
	}
	transcript := appendPrefixed(nil, input)
	transcript = appendPrefixed(transcript, token[:])
	return sha512.Sum512(append(transcript, "Finalize"...)), nil
}
