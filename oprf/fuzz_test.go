package oprf

import (
	"bytes"
	"testing"
)

// seeds are encodings good and bad for every decoder.
func seeds(f *testing.F) {
	for _, s := range []string{identityHex, fieldPrime, negativeOne, highBitSet, generatorHex, groupOrder, generatorHex + groupOrder} {
		f.Add(unhex(s))
		f.Add([]byte(textOf(unhex(s))))
	}
	f.Add([]byte{})
}

func FuzzParseElement(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseElement(b)
		_, tokenErr := ParseToken(b)
		_, publicErr := ParsePublicKey(b)
		if (err == nil) != (tokenErr == nil) || (err == nil) != (publicErr == nil) {
			t.Fatal("elements, tokens and public keys are read differently")
		}
		if err != nil {
			return
		}
		if again := e.point.Bytes(); !bytes.Equal(again[:], b) || e.point.IsIdentity() {
			t.Fatalf("%x is taken for the element %x", b, again)
		}
	})
}

func FuzzParseSecretKey(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseSecretKey(b); err == nil && (!bytes.Equal(k.Bytes(), b) || k.scalar.IsNought()) {
			t.Fatalf("%x is taken for another key", b)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := ParseProof(b); err == nil && !bytes.Equal(p.Bytes(), b) {
			t.Fatalf("%x is taken for another proof", b)
		}
	})
}

func FuzzUnmarshalText(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var (
			e Element
			k PublicKey
			n Token
			p Proof
		)
		if e.UnmarshalText(text) == nil && e.String() != string(text) {
			t.Fatalf("element %q is written %q", text, e)
		}
		if k.UnmarshalText(text) == nil && k.String() != string(text) {
			t.Fatalf("public key %q is written %q", text, k)
		}
		if n.UnmarshalText(text) == nil && n.String() != string(text) {
			t.Fatalf("token %q is written %q", text, n)
		}
		if p.UnmarshalText(text) == nil && p.String() != string(text) {
			t.Fatalf("proof %q is written %q", text, p)
		}
	})
}
