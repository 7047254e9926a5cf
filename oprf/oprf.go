// Package oprf turns values into tokens without showing them: the oblivious
// pseudorandom function of RFC 9497, suite ristretto255-SHA512, in its plain
// mode (OPRF), in the mode in which the key holder proves that it used its key
// (VOPRF), and in the one that binds a public input as well (POPRF).
//
//	edge                                          steward, holds k
//	inputs x₁…xₙ
//	Blind: Bᵢ = rᵢ·H(xᵢ)        ── B₁…Bₙ ──▶
//	                                              Evaluate: Eᵢ = k·Bᵢ, one proof
//	                            ◀── E₁…Eₙ, π ──   that the same k made them all
//	Verify: π against k·G
//	Unblind: Nᵢ = rᵢ⁻¹·Eᵢ = k·H(xᵢ)
//
// The steward sees random group elements; the edge learns nothing about k but
// these values. A token is Nᵢ itself, the group element before the protocol's
// final hash, because a hashed token could never be moved to a new key: with
// k′ = k·δ the token of the next epoch is δ·N. [Finalize] computes the
// standard's hashed output.
//
// Today one key holder has the whole key ("single custody"). With shares of a
// key in several hands each holder evaluates and proves alike, and [Combine]
// makes one answer of what [PublicKey.Verify] returned for each.
//
// The package is pure: randomness is passed in as an [io.Reader], which must
// be crypto/rand.Reader outside tests.
package oprf

import (
	"encoding/binary"

	"github.com/concord-trust/concord/fault"
)

// Limits and lengths in bytes.
const (
	// MaxBatch is the largest number of elements in one call.
	MaxBatch = 1000
	// MaxInput is the longest input (RFC 9497, section 1.2).
	MaxInput = 1<<16 - 1
	// ElementSize is the length of an encoded element, token or public key.
	ElementSize = 32
	// SecretKeySize is the length of an encoded secret key.
	SecretKeySize = 32
	// ProofSize is the length of an encoded proof.
	ProofSize = 64
	// SeedSize is the length of the seed of a derived key.
	SeedSize = 32
	// OutputSize is the length of the finalized output.
	OutputSize = 64
)

// Mode is the protocol variant of RFC 9497, section 3.1. Both sides must use
// the same one: the mode is part of every hash, so that tokens of different
// modes never meet.
type Mode byte

const (
	// OPRF is the mode without proofs.
	OPRF Mode = 0
	// VOPRF is the mode in which evaluations are proven; Concord's tokens are
	// made in it.
	VOPRF Mode = 1
	// POPRF is the mode in which an evaluation depends on a public input, too;
	// see [SecretKey.Tweak].
	POPRF Mode = 2
)

// suite is the identifier of the ciphersuite (RFC 9497, section 4.1).
const suite = "ristretto255-SHA512"

// context is CreateContextString of RFC 9497, section 3.1.
func (m Mode) context() string { return "OPRFV1-" + string(rune(m)) + "-" + suite }

func (m Mode) known() error {
	if m > POPRF {
		return fault.New(fault.Internal, "oprf.unknown_mode", "RFC 9497 has no mode %d; use OPRF, VOPRF or POPRF", m)
	}
	return nil
}

// checkBatch holds the size of a batch to the limits.
func checkBatch(n int) error {
	if n == 0 {
		return fault.New(fault.Invalid, "oprf.batch_empty", "the batch is empty; send at least one element")
	}
	if n > MaxBatch {
		return fault.New(fault.TooLarge, "oprf.batch_too_large", "the batch has %d elements; send at most %d at once", n, MaxBatch)
	}
	return nil
}

// appendPrefixed appends b with its length before it, as the standard's
// transcripts have it: I2OSP(len(b), 2) ‖ b.
func appendPrefixed(to, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(b))), b...)
}
