package envelope

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func TestContributionArrivesWhole(t *testing.T) {
	tr := newTrust(t)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "plaintext")
		signed, err := SealContribution(tr.keyA.Public(), hubA, "m-bank", plaintext, tr.bank)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := OpenContribution(signed, hubA, tr.owner, tr.keyB, tr.keyA) // B is the hub's next key
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(opened.Plaintext, plaintext) || opened.Member != "m-bank" || opened.KeyID != keyIDOf(tr.bank) {
			t.Fatalf("opened as %s with %s, %d bytes", opened.Member, opened.KeyID, len(opened.Plaintext))
		}
		sum := sha256.Sum256(payloadOf(signed))
		if opened.Digest != hex.EncodeToString(sum[:]) {
			t.Fatal("the digest is not that of the ciphertext")
		}
	})
}

// payloadOf takes the payload out of an envelope as an attacker would.
func payloadOf(signed []byte) []byte {
	var d struct{ Payload []byte }
	if err := json.Unmarshal(signed, &d); err != nil {
		panic(err)
	}
	return d.Payload
}

func TestContributionUnderAttack(t *testing.T) {
	tr := newTrust(t)
	genuine := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte("reports"), tr.bank))
	sealed := payloadOf(genuine)
	stranger := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	relabelled := func(edit func(d map[string]any)) []byte {
		var d map[string]any
		if err := json.Unmarshal(genuine, &d); err != nil {
			t.Fatal(err)
		}
		edit(d)
		return must(json.Marshal(d))
	}
	signature := func(d map[string]any) map[string]any {
		return d["signatures"].([]any)[0].(map[string]any)
	}
	for _, c := range []struct {
		what, code string
		signed     []byte
		hub        string
		key        *RecipientKey
	}{
		{"another member signs the ciphertext as theirs", "envelope.cannot_open",
			must(Sign(wire.PayloadContribution, sealed, tr.police)), hubA, tr.keyA},
		{"another member adds their signature", "envelope.malformed",
			must(Cosign(genuine, wire.PayloadContribution, tr.police)), hubA, tr.keyA},
		{"another member seals under the bank's name", "envelope.cannot_open",
			must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte("reports"), tr.police)), hubA, tr.keyA},
		{"forwarded to a hub with another key", "envelope.not_for_us", genuine, hubB, tr.keyB},
		{"forwarded to a hub with the same key", "envelope.cannot_open", genuine, hubB, tr.keyA},
		{"sealed by the member for another hub", "envelope.cannot_open",
			must(SealContribution(tr.keyA.Public(), hubB, "m-bank", []byte("reports"), tr.bank)), hubA, tr.keyA},
		{"sealed to the key for another purpose", "envelope.cannot_open",
			must(Sign(wire.PayloadContribution, must(Seal(tr.keyA.Public(), nil, []byte("reports"))), tr.bank)), hubA, tr.keyA},
		{"hint of the key exchanged", "envelope.cannot_open",
			must(Sign(wire.PayloadContribution, withHint(sealed, tr.keyB.Public()), tr.bank)), hubB, tr.keyB},
		{"signed by an unknown key", "envelope.unknown_key",
			must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte("reports"), stranger)), hubA, tr.keyA},
		{"signed for another payload type", "envelope.bad_signature",
			relabelled(func(d map[string]any) {
				other := must(Sign(wire.PayloadRequest, sealed, tr.bank))
				var o map[string]any
				if err := json.Unmarshal(other, &o); err != nil {
					t.Fatal(err)
				}
				d["signatures"] = o["signatures"]
			}), hubA, tr.keyA},
		{"payload type exchanged", "envelope.wrong_type",
			relabelled(func(d map[string]any) { d["payloadType"] = wire.PayloadRequest }), hubA, tr.keyA},
		{"keyid of another member", "envelope.bad_signature",
			relabelled(func(d map[string]any) { signature(d)["keyid"] = keyIDOf(tr.police) }), hubA, tr.keyA},
		{"no keyid", "envelope.unknown_key",
			relabelled(func(d map[string]any) { delete(signature(d), "keyid") }), hubA, tr.keyA},
		{"no signature", "envelope.malformed",
			relabelled(func(d map[string]any) { d["signatures"] = []any{} }), hubA, tr.keyA},
		{"empty signature", "envelope.bad_signature",
			relabelled(func(d map[string]any) { signature(d)["sig"] = "" }), hubA, tr.keyA},
		{"too large", "envelope.too_large", bytes.Repeat([]byte{' '}, MaxSigned+1), hubA, tr.keyA},
		{"not even JSON", "envelope.malformed", []byte("reports"), hubA, tr.keyA},
		{"no key at all", "envelope.not_for_us", genuine, hubA, nil},
	} {
		opened, err := OpenContribution(c.signed, c.hub, tr.owner, c.key)
		if codeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
		if opened.Plaintext != nil || opened.Member != "" {
			t.Errorf("%s: something came out", c.what)
		}
	}
	if _, err := OpenContribution(genuine, hubA, tr.owner, tr.keyA); err != nil {
		t.Errorf("the genuine one: %v", err)
	}
}

func withHint(sealed []byte, of RecipientPublic) []byte {
	changed := bytes.Clone(sealed)
	hint := of.hint()
	copy(changed[1:], hint[:])
	return changed
}

func TestContributionWithAnyBitFlippedOrCutOffIsRefused(t *testing.T) {
	tr := newTrust(t)
	genuine := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte("reports"), tr.bank))
	for at := range genuine {
		for bit := range 8 {
			changed := bytes.Clone(genuine)
			changed[at] ^= 1 << bit
			if _, err := OpenContribution(changed, hubA, tr.owner, tr.keyA); err == nil {
				t.Fatalf("byte %d, bit %d: taken", at, bit)
			}
		}
		if _, err := OpenContribution(genuine[:at], hubA, tr.owner, tr.keyA); codeOf(err) != "envelope.malformed" {
			t.Fatalf("cut to %d bytes: %v", at, err)
		}
	}
}

// A record that cannot answer is not a member that does not exist: the edge
// must come again, not give up.
func TestRecordOutOfOrderIsNotAnUnknownKey(t *testing.T) {
	tr := newTrust(t)
	genuine := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", nil, tr.bank))
	down := fault.New(fault.Unavailable, "record.busy", "try again")
	_, err := OpenContribution(genuine, hubA, func(string) (wire.MemberID, ed25519.PublicKey, error) { return "", nil, down }, tr.keyA)
	if !errors.Is(err, down) {
		t.Errorf("got %v, want the record's own error", err)
	}
}

func TestBindingsOfDifferentPartsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[ab-]{0,4}`)
		a := [3]string{part.Draw(t, "hub"), part.Draw(t, "member"), part.Draw(t, "key")}
		b := [3]string{part.Draw(t, "hub'"), part.Draw(t, "member'"), part.Draw(t, "key'")}
		same := bytes.Equal(contributionInfo(a[0], wire.MemberID(a[1]), a[2]), contributionInfo(b[0], wire.MemberID(b[1]), b[2]))
		if same != (a == b) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}

func TestErrorsNeverHoldWhatWasSealedOrAKey(t *testing.T) {
	tr := newTrust(t)
	const secret = "Musterfrau"
	genuine := must(SealContribution(tr.keyA.Public(), hubA, "m-bank", []byte(secret), tr.bank))
	seed := base64.RawURLEncoding.EncodeToString(tr.keyA.Bytes())
	for _, c := range []struct {
		signed []byte
		hub    string
		key    *RecipientKey
	}{
		{genuine, hubB, tr.keyA}, {genuine, hubA, tr.keyB}, {genuine[:100], hubA, tr.keyA},
		{[]byte(`{"` + secret + `":1}`), hubA, tr.keyA},
		{[]byte(`{"payload":"` + secret + `!","payloadType":"` + wire.PayloadContribution + `","signatures":[{"sig":""}]}`), hubA, tr.keyA},
		{[]byte(`{"payload":"","payloadType":"` + secret + `","signatures":[{"sig":""}]}`), hubA, tr.keyA},
	} {
		_, err := OpenContribution(c.signed, c.hub, tr.owner, c.key)
		if err == nil {
			t.Fatal("taken")
		}
		if text := err.Error(); strings.Contains(text, secret) || strings.Contains(text, seed) {
			t.Errorf("the error shows content: %s", text)
		}
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %v", tr.keyA, tr.keyA, tr.keyA, tr.keyA, tr.keyA, tr.keyA, *tr.keyA) +
		string(must(json.Marshal(struct{ Key *RecipientKey }{tr.keyA})))
	for _, spelling := range []string{seed, hex.EncodeToString(tr.keyA.Bytes()), strings.Trim(fmt.Sprint(tr.keyA.Bytes()[:6]), "[]")} {
		if strings.Contains(printed, spelling) {
			t.Errorf("the recipient key was printed as %q", spelling)
		}
	}
}
