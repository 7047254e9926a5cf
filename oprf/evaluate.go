package oprf

import (
	"io"

	"github.com/concord-trust/concord/fault"
)

// Evaluate answers 1 to MaxBatch blinded elements: Eᵢ = k·Bᵢ in order, with one
// proof for the whole batch that the key is the one of [SecretKey.Public]
// (RFC 9497, section 3.3.2, mode VOPRF).
func (k *SecretKey) Evaluate(blinded []Element, random io.Reader) ([]Element, Proof, error) {
	evaluated, err := k.EvaluateUnproven(blinded)
	if err != nil {
		return nil, Proof{}, err
	}
	proof, err := k.Prove(blinded, evaluated, random)
	return evaluated, proof, err
}

// Prove makes the proof of a batch that [SecretKey.EvaluateUnproven] answered.
// Of another it proves nothing: such a proof holds nowhere.
func (k *SecretKey) Prove(blinded, evaluated []Element, random io.Reader) (Proof, error) {
	if err := checkElements(blinded); err != nil {
		return Proof{}, err
	}
	if len(evaluated) != len(blinded) {
		return Proof{}, fault.New(fault.Invalid, "oprf.batch_mismatch", "%d elements were answered for %d that were asked", len(evaluated), len(blinded))
	}
	r, err := VOPRF.nonce(k, blinded, evaluated, random)
	if err != nil {
		return Proof{}, err
	}
	return VOPRF.prove(k, blinded, evaluated, r), nil
}

// EvaluateUnproven answers without a proof (RFC 9497, section 3.3.1, mode OPRF).
func (k *SecretKey) EvaluateUnproven(blinded []Element) ([]Element, error) {
	if k == nil || k.scalar.IsZero() {
		return nil, fault.New(fault.Internal, "oprf.bad_secret_key", "the token key is empty")
	}
	if err := checkElements(blinded); err != nil {
		return nil, err
	}
	evaluated := make([]Element, len(blinded))
	for i, b := range blinded {
		evaluated[i] = elementOf(b.point.Multiply(k.scalar))
	}
	return evaluated, nil
}

// Verify checks that every evaluated element is its blinded element times the
// secret half of p, and mints what may be unblinded. If it fails, nothing of
// the answer may be used: a holder who answers some elements under another key
// could later recognise them.
func (p PublicKey) Verify(blinded, evaluated []Element, proof Proof) (Evaluated, error) {
	if err := checkAnswer(p, blinded, evaluated); err != nil {
		return Evaluated{}, err
	}
	if !VOPRF.holds(p, blinded, evaluated, proof) {
		return Evaluated{}, badProof()
	}
	return Evaluated{points: pointsOf(evaluated)}, nil
}

func badProof() error {
	return fault.New(fault.Unauthenticated, "oprf.bad_proof",
		"the steward's proof does not fit its public key and its answer; nothing of the answer is used. Ask the hub's operator whether the steward has a new key")
}

// checkAnswer holds an answer to its question: as many elements, none empty.
func checkAnswer(p PublicKey, blinded, evaluated []Element) error {
	if p.element.point.IsZero() {
		return fault.New(fault.Invalid, "oprf.bad_public_key", "the steward's public key is empty")
	}
	if err := checkElements(blinded); err != nil {
		return err
	}
	if len(evaluated) != len(blinded) {
		return fault.New(fault.Invalid, "oprf.batch_mismatch", "%d elements were answered for %d that were asked", len(evaluated), len(blinded))
	}
	if err := checkElements(evaluated); err != nil {
		return err
	}
	return nil
}
