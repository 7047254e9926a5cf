// Package ristretto is the prime-order group ristretto255 (RFC 9496) as the
// token protocol needs it: a thin layer over edwards25519.
//
//	bytes ──Decode──▶ Point ──Mul, Add──▶ Point ──Bytes──▶ bytes
//	input ──HashToPoint──▶ Point        input ──HashToPublic──▶ Public
//
// Scalars are of two types. A [Secret] is a key, a share, a blind or a nonce:
// whatever touches one takes the same time for each of its values, and it
// never prints. A [Public] is what everybody may know, such as the challenge
// of a proof; only sums over Public scalars are made in variable time. There is
// a way from Public to Secret, and none back but the ones that say so.
//
// Points and scalars are never changed once they are made, so they may be
// shared by goroutines. The zero Point is no point.
package ristretto

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Size is the length in bytes of an encoded point, and of an encoded scalar.
const Size = 32

// Point is an element of the group. Points of edwards25519 that differ by an
// element of small order stand for the same one.
type Point struct{ p *edwards25519.Point }

// Identity is the neutral element; it encodes as 32 zero bytes.
func Identity() Point { return Point{edwards25519.NewIdentityPoint()} }

// Generator is the group's generator.
func Generator() Point { return Point{edwards25519.NewGeneratorPoint()} }

// IsZero reports whether p is the zero Point, which is none.
func (p Point) IsZero() bool { return p.p == nil }

// Decode takes the encoding of a point (RFC 9496, section 4.3.1). Only the
// canonical one of each point is taken; the identity is a point. It is for
// what came from outside: how it fails depends on the bytes.
func Decode(b []byte) (Point, bool) {
	if len(b) != Size || b[0]&1 == 1 {
		return Point{}, false // too long, or negative
	}
	s, err := new(field.Element).SetBytes(b)
	if err != nil || [Size]byte(s.Bytes()) != [Size]byte(b) {
		return Point{}, false // not reduced
	}
	ss := new(field.Element).Square(s)
	u1 := new(field.Element).Subtract(one, ss)
	u2 := new(field.Element).Add(one, ss)
	u2u2 := new(field.Element).Square(u2)
	v := new(field.Element).Square(u1)
	v.Multiply(v, d)
	v.Negate(v)
	v.Subtract(v, u2u2)

	root, square := new(field.Element).SqrtRatio(one, new(field.Element).Multiply(v, u2u2))
	denX := new(field.Element).Multiply(root, u2)
	denY := new(field.Element).Multiply(root, denX)
	denY.Multiply(denY, v)
	x := new(field.Element).Multiply(s, denX)
	x.Add(x, x)
	x.Absolute(x)
	y := new(field.Element).Multiply(u1, denY)
	t := new(field.Element).Multiply(x, y)
	if square != 1 || t.IsNegative() == 1 || y.Equal(zero) == 1 {
		return Point{}, false
	}
	p, err := new(edwards25519.Point).SetExtendedCoordinates(x, y, one, t)
	return Point{p}, err == nil
}

// Bytes is the encoding of the point (RFC 9496, section 4.3.2).
func (p Point) Bytes() [Size]byte {
	x, y, z, t := p.p.ExtendedCoordinates()
	u1, minus := new(field.Element).Add(z, y), new(field.Element).Subtract(z, y)
	u1.Multiply(u1, minus)
	u2 := new(field.Element).Multiply(x, y)
	root := new(field.Element).Square(u2)
	root.Multiply(root, u1)
	root.SqrtRatio(one, root) // of a point, it is always a square
	den1 := new(field.Element).Multiply(root, u1)
	den2 := new(field.Element).Multiply(root, u2)
	zInv := new(field.Element).Multiply(den1, den2)
	zInv.Multiply(zInv, t)

	// Of the four points that stand for one, take the one whose encoding is it.
	rotate := new(field.Element).Multiply(t, zInv).IsNegative()
	rx := new(field.Element).Multiply(y, sqrtM1)
	ry := new(field.Element).Multiply(x, sqrtM1)
	rden := new(field.Element).Multiply(den1, invSqrtAMinusD)
	rx.Select(rx, x, rotate)
	ry.Select(ry, y, rotate)
	rden.Select(rden, den2, rotate)
	negative := new(field.Element).Negate(ry)
	ry.Select(negative, ry, new(field.Element).Multiply(rx, zInv).IsNegative())

	s := new(field.Element).Subtract(z, ry)
	s.Multiply(s, rden)
	return [Size]byte(s.Absolute(s).Bytes())
}

// Equal reports whether two points are the same (RFC 9496, section 4.3.3).
func (p Point) Equal(q Point) bool {
	x1, y1, _, _ := p.p.ExtendedCoordinates()
	x2, y2, _, _ := q.p.ExtendedCoordinates()
	product := func(a, b *field.Element) *field.Element { return new(field.Element).Multiply(a, b) }
	return product(x1, y2).Equal(product(y1, x2))|product(y1, y2).Equal(product(x1, x2)) == 1
}

// IsIdentity reports whether the point is the neutral element.
func (p Point) IsIdentity() bool { return p.Equal(Identity()) }

// Add is p + q.
func (p Point) Add(q Point) Point { return Point{new(edwards25519.Point).Add(p.p, q.p)} }

// Subtract is p − q.
func (p Point) Subtract(q Point) Point { return Point{new(edwards25519.Point).Subtract(p.p, q.p)} }

// Double is 2·p.
func (p Point) Double() Point { return Point{new(edwards25519.Point).Double(p.p)} }
