package ristretto

import (
	"crypto/sha512"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// HashToPoint hashes an input to a point of which nobody knows the discrete
// logarithm: ristretto255_XMD:SHA-512_R255MAP_RO_ (RFC 9380, appendix B). It
// takes the same time for all inputs of a length. dst separates domains and
// has at most 255 bytes.
func HashToPoint(input []byte, dst string) Point {
	b := expand(input, dst)
	return mapToPoint(b[:Size]).Add(mapToPoint(b[Size:]))
}

// HashToPublic hashes what everybody may know to a scalar (RFC 9497, section
// 4.1).
func HashToPublic(input []byte, dst string) Public { return Public{hashToScalar(input, dst)} }

// HashToSecret hashes a secret to a scalar.
func HashToSecret(input []byte, dst string) Secret { return Secret{s: hashToScalar(input, dst)} }

func hashToScalar(input []byte, dst string) *edwards25519.Scalar {
	b := expand(input, dst)
	s, err := new(edwards25519.Scalar).SetUniformBytes(b[:])
	if err != nil {
		panic("ristretto: 64 bytes reduce to no scalar") // cannot happen
	}
	return s
}

// expand is expand_message_xmd with SHA-512 for 64 bytes (RFC 9380, section
// 5.3.1): one block beyond the first.
func expand(input []byte, dst string) [sha512.Size]byte {
	if len(dst) > 255 {
		panic("ristretto: a domain separation tag has at most 255 bytes")
	}
	tag := append([]byte(dst), byte(len(dst)))
	var pad [sha512.BlockSize]byte
	h := sha512.New()
	h.Write(pad[:])
	h.Write(input)
	h.Write([]byte{0, sha512.Size, 0})
	h.Write(tag)
	first := h.Sum(nil)
	h.Reset()
	h.Write(first)
	h.Write([]byte{1})
	h.Write(tag)
	return [sha512.Size]byte(h.Sum(nil))
}

// mapToPoint is MAP of RFC 9496, section 4.3.4, of 32 bytes of which the
// highest bit is not looked at.
func mapToPoint(b []byte) Point {
	t, err := new(field.Element).SetBytes(b)
	if err != nil {
		panic("ristretto: 32 bytes are no field element") // cannot happen
	}
	product := func(a, b *field.Element) *field.Element { return new(field.Element).Multiply(a, b) }
	r := product(sqrtM1, new(field.Element).Square(t))
	u := product(new(field.Element).Add(r, one), oneMinusDSq)
	minusOne := new(field.Element).Negate(one)
	v := new(field.Element).Subtract(minusOne, product(r, d))
	v.Multiply(v, new(field.Element).Add(r, d))

	s, square := new(field.Element).SqrtRatio(u, v)
	other := product(s, t)
	other.Absolute(other)
	other.Negate(other)
	s.Select(s, other, square)
	c := new(field.Element).Select(minusOne, r, square)

	n := product(product(c, new(field.Element).Subtract(r, one)), dMinusOneSq)
	n.Subtract(n, v)
	ss := new(field.Element).Square(s)
	w0 := product(s, v)
	w0.Add(w0, w0)
	w1 := product(n, sqrtADMinusOne)
	w2 := new(field.Element).Subtract(one, ss)
	w3 := new(field.Element).Add(one, ss)
	p, err := new(edwards25519.Point).SetExtendedCoordinates(product(w0, w3), product(w2, w1), product(w1, w3), product(w0, w2))
	if err != nil {
		panic("ristretto: the map left the curve") // cannot happen
	}
	return Point{p}
}
