package envelope

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/concord-trust/concord/wire"
)

// BenchmarkContribution is one contribution of 3 KiB; "verify" is one Ed25519
// verification of the same run, the unit to compare with.
func BenchmarkContribution(b *testing.B) {
	tr := newTrust(b)
	plaintext := make([]byte, 3<<10)
	if _, err := rand.Read(plaintext); err != nil {
		b.Fatal(err)
	}
	signed := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", plaintext, tr.bank))
	message := PAE(wire.PayloadContribution, payloadOf(signed))
	signature := ed25519.Sign(tr.bank, message)
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"seal", func() error {
			_, err := SealContribution(tr.keyA.Public(), hubA, "m-bank", plaintext, tr.bank)
			return err
		}},
		{"open", func() error { _, err := OpenContribution(signed, hubA, tr.owner, tr.keyA); return err }},
		{"verify", func() error {
			return ed25519.VerifyWithOptions(tr.bank.Public().(ed25519.PublicKey), message, signature, &ed25519.Options{})
		}},
	} {
		b.Run(step.name, func(b *testing.B) {
			b.SetBytes(int64(len(plaintext)))
			for b.Loop() {
				if err := step.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
