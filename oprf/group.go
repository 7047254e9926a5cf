package oprf

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/cloudflare/circl/group"
)

// This file alone knows the library that does the arithmetic; a thinner layer
// takes its place by offering the same functions. Points and scalars are never
// changed once they are handed out.

type (
	point  = group.Element // of ristretto255 (RFC 9496), of prime order
	scalar = group.Scalar  // modulo the group's order
)

var ristretto = group.Ristretto255

// hashToPoint is HashToGroup: RFC 9380, ristretto255_XMD:SHA-512_R255MAP_RO_.
func hashToPoint(input []byte, dst string) point {
	return ristretto.HashToElement(input, []byte(dst))
}

// hashToScalar is HashToScalar of RFC 9497, section 4.1.
func hashToScalar(input []byte, dst string) scalar {
	return ristretto.HashToScalar(input, []byte(dst))
}

// randomScalar draws a uniform scalar other than zero by rejection (RFC 9497,
// section 4.7.1): 253 random bits, again until they are below the group order.
// One draw succeeds with probability one half; what is rejected is independent
// of what is returned, so the number of draws tells nothing.
//
// The library's own RandomScalar is not used because it ignores its reader.
func randomScalar(random io.Reader) (scalar, error) {
	const draws = 256
	var b [32]byte
	for range draws {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("draw a random scalar: %w", err)
		}
		b[31] &= 0x1f
		if s, ok := decodeScalar(b[:]); ok && !s.IsZero() {
			return s, nil
		}
	}
	return nil, errors.New("draw a random scalar: the source of randomness is broken")
}

// decodeScalar takes the 32-byte little-endian encoding of a reduced scalar.
func decodeScalar(b []byte) (scalar, bool) {
	s := ristretto.NewScalar()
	if err := s.UnmarshalBinary(b); err != nil {
		return nil, false
	}
	return s, true
}

func encodeScalar(s scalar) (b [32]byte) {
	raw, err := s.MarshalBinary()
	if err != nil || len(raw) != len(b) {
		panic("oprf: a scalar has no encoding") // cannot happen: no input leads here
	}
	return [32]byte(raw)
}

// decodePoint takes the canonical encoding of a point other than the identity.
func decodePoint(b []byte) (point, bool) {
	p := ristretto.NewElement()
	if len(b) != ElementSize || p.UnmarshalBinary(b) != nil || p.IsIdentity() {
		return nil, false
	}
	// The decoder is held to RFC 9496, section 4.3.1: only the canonical
	// encoding of a point may stand for it, or one value had two tokens.
	if encodePoint(p) != [ElementSize]byte(b) {
		return nil, false
	}
	return p, true
}

func encodePoint(p point) (b [ElementSize]byte) {
	raw, err := p.MarshalBinaryCompress()
	if err != nil || len(raw) != len(b) {
		panic("oprf: a point has no encoding") // cannot happen: no input leads here
	}
	return [ElementSize]byte(raw)
}

// mul is s·p, in time independent of both.
func mul(p point, s scalar) point { return ristretto.NewElement().Mul(p, s) }

// mulBase is s·G, in time independent of s.
func mulBase(s scalar) point { return ristretto.NewElement().MulGen(s) }

func add(p, q point) point { return ristretto.NewElement().Add(p, q) }

// mulSub is a − b·c.
func mulSub(a, b, c scalar) scalar {
	product := ristretto.NewScalar().Mul(b, c)
	return ristretto.NewScalar().Sub(a, product)
}

// invert returns the inverses of scalars of which none is zero, by one
// inversion and three multiplications each (Montgomery).
func invert(scalars []scalar) []scalar {
	before := make([]scalar, len(scalars)) // products of all that stand before
	product := ristretto.NewScalar().SetUint64(1)
	for i, s := range scalars {
		before[i] = product
		product = ristretto.NewScalar().Mul(product, s)
	}
	inverse := ristretto.NewScalar().Inv(product)
	inverses := make([]scalar, len(scalars))
	for i := len(scalars) - 1; i >= 0; i-- {
		inverses[i] = ristretto.NewScalar().Mul(inverse, before[i])
		inverse = ristretto.NewScalar().Mul(inverse, scalars[i])
	}
	return inverses
}

// publicSum is the sum of sᵢ·pᵢ by Pippenger's buckets. Its time depends on
// the scalars, so it is only for what everybody may know: the weights of a
// proof's composites.
func publicSum(points []point, scalars []scalar) point {
	if len(points) < 8 { // the buckets would cost more than they save
		sum := ristretto.NewElement()
		for i, p := range points {
			sum.Add(sum, mul(p, scalars[i]))
		}
		return sum
	}
	digits := make([][32]byte, len(scalars))
	for i, s := range scalars {
		digits[i] = encodeScalar(s)
	}
	width := min(max(bits.Len(uint(len(points)))-2, 2), 8) // bits per window
	sum := ristretto.NewElement()
	buckets := make([]point, 1<<width)
	for window := (253+width-1)/width - 1; window >= 0; window-- {
		for range width {
			sum.Dbl(sum)
		}
		for i := range buckets {
			buckets[i] = nil
		}
		for i, p := range points {
			d := digit(&digits[i], window*width, width)
			switch {
			case d == 0:
			case buckets[d] == nil:
				buckets[d] = p.Copy()
			default:
				buckets[d].Add(buckets[d], p)
			}
		}
		// Σ d·bucket[d], as the sum of the running sums from the top.
		running := ristretto.NewElement()
		for d := len(buckets) - 1; d > 0; d-- {
			if buckets[d] != nil {
				running.Add(running, buckets[d])
			}
			sum.Add(sum, running)
		}
	}
	return sum
}

// digit returns width bits of a little-endian number, from bit at on.
func digit(number *[32]byte, at, width int) int {
	word := int(number[at/8])
	if at/8+1 < len(number) {
		word |= int(number[at/8+1]) << 8
	}
	return word >> (at % 8) & (1<<width - 1)
}
