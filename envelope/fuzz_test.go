package envelope

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/concord-trust/concord/wire"
)

func FuzzVerify(f *testing.F) {
	tr := newTrust(f)
	good := must(Sign(testType, []byte{0xfb, 0xff}, tr.bank))
	f.Add(good)
	f.Add(must(Cosign(good, testType, tr.police)))
	f.Add([]byte(strings.NewReplacer("+", "-", "/", "_").Replace(string(good))))
	f.Add([]byte(`{"payload":"","payloadType":"` + testType + `","signatures":[{"keyid":"","sig":""}]}`))
	f.Add([]byte(`{"payload":null,"signatures":[null,{}]}`))
	f.Fuzz(func(t *testing.T, signed []byte) {
		payload, keyIDs, err := VerifyAll(signed, testType, tr.lookup)
		if err != nil {
			if codeOf(err) == err.Error() {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		// Nobody but the fuzzer's seeds signs: only those payloads can hold.
		if !bytes.Equal(payload, []byte{0xfb, 0xff}) || len(keyIDs) == 0 {
			t.Fatalf("verified %x by %v", payload, keyIDs)
		}
	})
}

func FuzzOpenContribution(f *testing.F) {
	tr := newTrust(f)
	good := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte("reports"), tr.bank))
	f.Add(payloadOf(good))
	f.Add(payloadOf(good)[:headerSize+encapsulatedSize])
	f.Add([]byte{sealedVersion})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		// The member's key is known to sign anything: what it signs reaches
		// the opening.
		signed, err := Sign(wire.PayloadContribution, sealed, tr.bank)
		if err != nil {
			t.Skip()
		}
		opened, err := OpenContribution(signed, hubA, tr.owner, tr.keyA)
		if err == nil && string(opened.Plaintext) != "reports" {
			t.Fatalf("opened %q", opened.Plaintext)
		}
	})
}

func FuzzUnpad(f *testing.F) {
	f.Add(must(pad(nil)))
	f.Add(must(pad([]byte("words"))))
	f.Add(must(pad(make([]byte, 3000))))
	f.Fuzz(func(t *testing.T, padded []byte) {
		plaintext, err := unpad(padded)
		if err == nil && !bytes.Equal(must(pad(plaintext)), padded) {
			t.Fatal("two paddings of one plaintext are taken")
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	tr := newTrust(f)
	f.Add(must(MarshalPrivate(tr.bank)))
	f.Add(tr.keyA.Bytes())
	f.Add(tr.keyA.Public().Bytes())
	f.Add([]byte(tr.keyA.Public().String()))
	f.Add([]byte(PublicText(tr.bank.Public().(ed25519.PublicKey))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := ParsePrivate(b); err == nil {
			if again := must(ParsePrivate(must(MarshalPrivate(key)))); !again.Equal(key) {
				t.Fatal("a signing key changed when written")
			}
		}
		if key, err := ParseRecipientKey(b); err == nil && !bytes.Equal(key.Bytes(), b) {
			t.Fatal("a recipient key changed when written")
		}
		if public, err := ParseRecipientPublic(b); err == nil && !bytes.Equal(public.Bytes(), b) {
			t.Fatal("a public key changed when written")
		}
		var public RecipientPublic
		if public.UnmarshalText(b) == nil && public.String() != string(b) {
			t.Fatal("a public key has two texts")
		}
		if pub, err := ParsePublic(string(b)); err == nil && PublicText(pub) != string(b) {
			t.Fatal("a signing key's public half has two texts")
		}
	})
}
