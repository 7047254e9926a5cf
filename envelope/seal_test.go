package envelope

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestSizeClasses(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	for _, c := range []struct{ size, class int }{
		{0, kib}, {1, kib}, {kib, kib}, {kib + 1, 2 * kib}, {2 * kib, 2 * kib}, {3000, 4 * kib},
		{8*kib + 1, 16 * kib}, {16 * kib, 16 * kib},
		{16*kib + 1, 20 * kib}, {20 * kib, 20 * kib}, {20*kib + 1, 24 * kib}, {28*kib + 1, 32 * kib},
		{32*kib + 1, 40 * kib}, {100 * kib, 112 * kib}, {mib, mib}, {mib + 1, mib + mib/4},
		{7 * mib, 7 * mib}, {7*mib + 1, 8 * mib}, {MaxPlaintext, MaxPlaintext},
	} {
		if got := SizeClass(c.size); got != c.class {
			t.Errorf("SizeClass(%d) = %d, want %d", c.size, got, c.class)
		}
	}
	classes := map[int]bool{}
	for size := 0; size <= MaxPlaintext; size += 512 {
		classes[SizeClass(size)] = true
	}
	if len(classes) != 41 {
		t.Errorf("%d classes, documented are 41", len(classes))
	}
}

func TestSizeClassLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.IntRange(0, MaxPlaintext).Draw(t, "a")
		b := rapid.IntRange(a, MaxPlaintext).Draw(t, "b")
		ca, cb := SizeClass(a), SizeClass(b)
		if ca < a || ca > cb || SizeClass(ca) != ca {
			t.Fatalf("%d → %d, %d → %d", a, ca, b, cb)
		}
		if a > finerAbove && 4*(ca-a) >= ca {
			t.Fatalf("%d is padded by a quarter or more, to %d", a, ca)
		}
	})
}

func TestLengthShowsOnlyTheClass(t *testing.T) {
	tr := newTrust(t)
	lengths := map[int]map[int]bool{}
	for _, size := range []int{0, 1, 500, 1024, 1025, 2048, 3000, 4096, 17000, 20480} {
		class := SizeClass(size)
		if lengths[class] == nil {
			lengths[class] = map[int]bool{}
		}
		lengths[class][len(must(SealContribution(tr.keyA.Public(), hubA, "m-bank", make([]byte, size), tr.bank)))] = true
	}
	for class, seen := range lengths {
		if len(seen) != 1 {
			t.Errorf("class %d has envelopes of %d lengths", class, len(seen))
		}
	}
}

func TestLargestPlaintextPassesAndOneByteMoreDoesNot(t *testing.T) {
	tr := newTrust(t)
	largest := make([]byte, MaxPlaintext)
	if _, err := rand.Read(largest); err != nil {
		t.Fatal(err)
	}
	signed := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", largest, tr.bank))
	if len(signed) > MaxSigned {
		t.Errorf("the largest envelope has %d bytes, over MaxSigned", len(signed))
	}
	if opened := must(OpenContribution(signed, hubA, tr.owner, tr.keyA)); !bytes.Equal(opened.Plaintext, largest) {
		t.Error("the largest plaintext came out changed")
	}
	if _, err := SealContribution(tr.keyA.Public(), hubA, "m-bank", append(largest, 0), tr.bank); codeOf(err) != "envelope.too_large" {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := tr.keyA.Open(nil, make([]byte, MaxSealed+1)); codeOf(err) != "envelope.too_large" {
		t.Errorf("sealed text over the limit: %v", err)
	}
}

func TestSealedOpensWithItsKeyAndInfoAlone(t *testing.T) {
	tr := newTrust(t)
	sealed := must(Seal(tr.keyA.Public(), []byte("info"), []byte("words")))
	if got := must(tr.keyA.Open([]byte("info"), sealed)); string(got) != "words" {
		t.Errorf("opened %q", got)
	}
	for _, c := range []struct {
		what, code string
		key        *RecipientKey
		info       string
	}{
		{"other info", "envelope.cannot_open", tr.keyA, "infO"},
		{"no info", "envelope.cannot_open", tr.keyA, ""},
		{"other key", "envelope.not_for_us", tr.keyB, "info"},
	} {
		if _, err := c.key.Open([]byte(c.info), sealed); codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
	}
	if again := must(Seal(tr.keyA.Public(), []byte("info"), []byte("words"))); bytes.Equal(again, sealed) {
		t.Error("sealing twice gives the same bytes")
	}
}

func TestSealedWithAnyByteChangedOrCutOffIsRefused(t *testing.T) {
	tr := newTrust(t)
	sealed := must(Seal(tr.keyA.Public(), nil, []byte("words")))
	for at := range sealed {
		changed := bytes.Clone(sealed)
		changed[at] ^= 1 << (at % 8)
		if _, err := tr.keyA.Open(nil, changed); err == nil {
			t.Fatalf("byte %d changed: taken", at)
		}
		if _, err := tr.keyA.Open(nil, sealed[:at]); codeOf(err) != "envelope.malformed" {
			t.Fatalf("cut to %d bytes: %v", at, err)
		}
	}
	if _, err := tr.keyA.Open(nil, append(bytes.Clone(sealed), 0)); codeOf(err) != "envelope.cannot_open" {
		t.Errorf("one byte more: %v", err)
	}
}

// A member with the right keys but other padding is refused too.
func TestOnlyOurPaddingIsTaken(t *testing.T) {
	honest := must(pad([]byte("words")))
	edited := func(edit func(b []byte) []byte) []byte { return edit(bytes.Clone(honest)) }
	for what, padded := range map[string][]byte{
		"empty":            {},
		"too short":        honest[:lengthSize+smallestClass-1],
		"another class":    append(bytes.Clone(honest), make([]byte, 1024)...),
		"not a class":      append(bytes.Clone(honest), 0),
		"padding not zero": edited(func(b []byte) []byte { b[len(b)-1] = 1; return b }),
		"length too long":  edited(func(b []byte) []byte { b[0] = 0xff; return b }),
		"length past end":  edited(func(b []byte) []byte { b[2] = 0x04; b[3] = 0x01; return b }),
		"length too small": edited(func(b []byte) []byte { b[3] = 1; return b }),
	} {
		if _, err := unpad(padded); codeOf(err) != "envelope.malformed" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRecipientKeysRoundTrip(t *testing.T) {
	key := must(GenerateRecipientKey(rand.Reader))
	if n := len(key.Public().Bytes()); n != RecipientPublicSize {
		t.Errorf("a public key has %d bytes, documented are %d", n, RecipientPublicSize)
	}
	if len(key.Bytes()) != RecipientKeySize {
		t.Errorf("a key has %d bytes", len(key.Bytes()))
	}
	again := must(ParseRecipientKey(key.Bytes()))
	var public RecipientPublic
	if err := json.Unmarshal(must(json.Marshal(key.Public())), &public); err != nil {
		t.Fatal(err)
	}
	if public.KeyID() != key.Public().KeyID() {
		t.Error("the key id changed on the way")
	}
	if got := must(again.Open(nil, must(Seal(public, nil, []byte("words"))))); string(got) != "words" {
		t.Errorf("opened %q", got)
	}
	text := key.Public().String()
	for what, bad := range map[string]string{"empty": "", "short": text[:len(text)-1], "padded": text + "=", "line end": text[:10] + "\n" + text[11:]} {
		if err := public.UnmarshalText([]byte(bad)); codeOf(err) != "envelope.bad_key" {
			t.Errorf("%s: %v", what, err)
		}
	}
	overflow := key.Public().Bytes()
	for i := range 3 { // a coefficient of ML-KEM above q
		overflow[i] = 0xff
	}
	if _, err := ParseRecipientPublic(overflow); codeOf(err) != "envelope.bad_key" {
		t.Errorf("unreduced ML-KEM key: %v", err)
	}
	lowOrder := append(key.Public().Bytes()[:1184:1184], make([]byte, 32)...)
	if public, err := ParseRecipientPublic(lowOrder); err == nil {
		_, err = Seal(public, nil, nil)
		if codeOf(err) != "envelope.bad_key" {
			t.Errorf("X25519 point of low order: %v", err)
		}
	}
	if _, err := Seal(RecipientPublic{}, nil, nil); codeOf(err) != "envelope.bad_key" {
		t.Errorf("no key: %v", err)
	}
}

// The suite is fixed by number, so that a change of the library's defaults
// cannot change it.
func TestSuiteIsTheOneDocumented(t *testing.T) {
	if kem().ID() != 0x647a || kdf().ID() != 0x0001 || aead().ID() != 0x0002 {
		t.Errorf("KEM %#x, KDF %#x, AEAD %#x", kem().ID(), kdf().ID(), aead().ID())
	}
	// And it is plain HPKE: what we seal, the bare library opens.
	tr := newTrust(t)
	sealed := must(Seal(tr.keyA.Public(), []byte("info"), []byte("words")))
	info := append(append([]byte(sealLabel), sealed[:headerSize]...), "info"...)
	key := must(hpke.MLKEM768X25519().NewPrivateKey(tr.keyA.Bytes()))
	padded, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info, sealed[headerSize:])
	if err != nil || !bytes.HasPrefix(padded, []byte("\x00\x00\x00\x05words\x00")) {
		t.Errorf("the library opens %.20q, %v", padded, err)
	}
}
