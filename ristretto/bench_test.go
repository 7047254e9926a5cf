package ristretto

import (
	"crypto/rand"
	"fmt"
	"testing"
)

// Each operation beside that of circl, in one run.
func BenchmarkOperations(b *testing.B) {
	s := must(RandomSecret(rand.Reader))
	p := MultiplyBase(s)
	encoded := bytesOf(p)
	theirP, theirS := theirPoint(b, p), theirScalar(b, s.Reveal())
	for _, one := range []struct {
		name         string
		ours, circls func()
	}{
		{"multiply", func() { p.Multiply(s) }, func() { theirs.NewElement().Mul(theirP, theirS) }},
		{"base", func() { MultiplyBase(s) }, func() { theirs.NewElement().MulGen(theirS) }},
		{"hash", func() { HashToPoint(encoded, "x") }, func() { theirs.HashToElement(encoded, []byte("x")) }},
		{"encode", func() { p.Bytes() }, func() { theirP.MarshalBinaryCompress() }},
		{"decode", func() { Decode(encoded) }, func() { theirs.NewElement().UnmarshalBinary(encoded) }},
	} {
		b.Run(one.name+"/here", func(b *testing.B) {
			for b.Loop() {
				one.ours()
			}
		})
		b.Run(one.name+"/circl", func(b *testing.B) {
			for b.Loop() {
				one.circls()
			}
		})
	}
}

// A sum of products: by buckets, by Straus' method, and of single products.
func BenchmarkPublicSum(b *testing.B) {
	for _, n := range []int{50, 200, 1000} {
		points, scalars := make([]Point, n), make([]Public, n)
		for i := range n {
			points[i] = HashToPoint(fmt.Append(nil, i), "p")
			scalars[i] = HashToPublic(fmt.Append(nil, i), "s")
		}
		for name, sum := range map[string]func(){
			"sum":     func() { PublicSum(points, scalars) },
			"buckets": func() { pippenger(points, scalars) },
			"straus":  func() { straus(points, scalars) },
		} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					sum()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n)/1000, "µs/point")
			})
		}
	}
}
