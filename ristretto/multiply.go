package ristretto

import (
	"math/bits"

	"filippo.io/edwards25519"
)

// Multiply is s·p, in time independent of both.
func (p Point) Multiply(s Secret) Point {
	return Point{new(edwards25519.Point).ScalarMult(s.s, p.p)}
}

// MultiplyBase is s·G, in time independent of s.
func MultiplyBase(s Secret) Point { return Point{new(edwards25519.Point).ScalarBaseMult(s.s)} }

// PublicBase is a·p + b·G, in time that depends on the scalars.
func PublicBase(a Public, p Point, b Public) Point {
	return Point{new(edwards25519.Point).VarTimeDoubleScalarBaseMult(a.s, p.p, b.s)}
}

// PublicMultiply is n·p, in time that depends on n: it is cheap for small n.
func (p Point) PublicMultiply(n int64) Point {
	q := p.p
	if n < 0 {
		q = new(edwards25519.Point).Negate(q)
	}
	magnitude := uint64(n)
	if n < 0 {
		magnitude = -magnitude
	}
	if magnitude == 0 {
		return Identity()
	}
	product := new(edwards25519.Point).Set(q)
	for bit := bits.Len64(magnitude) - 2; bit >= 0; bit-- {
		product.Double(product)
		if magnitude>>bit&1 == 1 {
			product.Add(product, q)
		}
	}
	return Point{product}
}

// PublicSum is the sum of sᵢ·pᵢ, in time that depends on the scalars: by
// Straus' method for few points, and by Pippenger's for many.
func PublicSum(points []Point, scalars []Public) Point {
	if len(points) < 200 {
		return straus(points, scalars)
	}
	return pippenger(points, scalars)
}

func straus(points []Point, scalars []Public) Point {
	ps, ss := make([]*edwards25519.Point, len(points)), make([]*edwards25519.Scalar, len(points))
	for i := range points {
		ps[i], ss[i] = points[i].p, scalars[i].s
	}
	return Point{new(edwards25519.Point).VarTimeMultiScalarMult(ss, ps)}
}

// pippenger sorts the points of each window of bits into buckets by their
// digit, and adds up the buckets. Digits have signs, which halves the buckets.
func pippenger(points []Point, scalars []Public) Point {
	width := min(max(bits.Len(uint(len(points)))-3, 2), 10) // bits of a window
	half := 1 << (width - 1)
	windows := 253/width + 1
	digits := make([]int16, len(points)*windows)
	for i, s := range scalars {
		signed(s.Bytes(), width, digits[i*windows:(i+1)*windows])
	}
	sum := edwards25519.NewIdentityPoint()
	buckets := make([]*edwards25519.Point, half+1)
	for window := windows - 1; window >= 0; window-- {
		for range width {
			sum.Double(sum)
		}
		clear(buckets)
		for i, p := range points {
			digit := int(digits[i*windows+window])
			switch {
			case digit > 0 && buckets[digit] == nil:
				buckets[digit] = new(edwards25519.Point).Set(p.p)
			case digit > 0:
				buckets[digit].Add(buckets[digit], p.p)
			case digit < 0 && buckets[-digit] == nil:
				buckets[-digit] = new(edwards25519.Point).Negate(p.p)
			case digit < 0:
				buckets[-digit].Subtract(buckets[-digit], p.p)
			}
		}
		// Σ digit·bucket, as the sum of the running sums from the top.
		running := edwards25519.NewIdentityPoint()
		for digit := half; digit > 0; digit-- {
			if buckets[digit] != nil {
				running.Add(running, buckets[digit])
			}
			sum.Add(sum, running)
		}
	}
	return Point{sum}
}

// signed writes a number below 2²⁵³ in digits of width bits between
// −2^(width−1) and 2^(width−1), the lowest first.
func signed(number [Size]byte, width int, digits []int16) {
	carry := 0
	for w := range digits {
		digit := carry
		for b := range width {
			if at := w*width + b; at < 8*Size {
				digit += int(number[at/8]>>(at%8)&1) << b
			}
		}
		carry = 0
		if digit > 1<<(width-1) {
			digit -= 1 << width
			carry = 1
		}
		digits[w] = int16(digit)
	}
}
