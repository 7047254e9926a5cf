package oprf

import (
	"crypto/rand"
	"fmt"
	"testing"
)

// The steps of one full batch; the reported µs/token is what one token costs
// in that step, beside one variable-base multiplication of the same run, the
// unit in which the protocol's floor is counted (four a token).
func BenchmarkBatch(b *testing.B) {
	inputs := make([][]byte, MaxBatch)
	for i := range inputs {
		inputs[i] = fmt.Appendf(nil, "value %d", i)
	}
	key := must(GenerateKey(rand.Reader))
	blinded, blinds, err := VOPRF.Blind(inputs, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	evaluated, proof, err := key.Evaluate(blinded, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	answer := must(key.Public().Verify(blinded, evaluated, proof))

	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"blind", func() error { _, _, err := VOPRF.Blind(inputs, rand.Reader); return err }},
		{"evaluate", func() error { _, err := key.EvaluateUnproven(blinded); return err }},
		{"prove", func() error { VOPRF.prove(key, blinded, evaluated, blinds[0].scalar); return nil }},
		{"verify", func() error { _, err := key.Public().Verify(blinded, evaluated, proof); return err }},
		{"unblind", func() error { _, err := answer.Unblind(blinds); return err }},
		{"multiplications", func() error {
			for _, e := range blinded {
				e.point.Multiply(key.scalar)
			}
			return nil
		}},
	} {
		b.Run(step.name, func(b *testing.B) {
			for b.Loop() {
				if err := step.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/MaxBatch, "µs/token")
		})
	}
}

func BenchmarkParseToken(b *testing.B) {
	encoded := must(GenerateKey(rand.Reader)).Public().Bytes()
	for b.Loop() {
		if _, err := ParseToken(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
