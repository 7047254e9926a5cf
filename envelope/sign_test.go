package envelope

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"pgregory.net/rapid"
)

const testType = "application/vnd.example.test"

func TestPreAuthenticationEncodingIsThatOfTheSpecification(t *testing.T) {
	for _, c := range []struct{ payloadType, payload, want string }{
		{"http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world"},
		{"", "", "DSSEv1 0  0 "},
		{testType, "", "DSSEv1 28 " + testType + " 0 "},
		{"é", "ü\x00", "DSSEv1 2 é 3 ü\x00"}, // lengths are of bytes
	} {
		if got := string(PAE(c.payloadType, []byte(c.payload))); got != c.want {
			t.Errorf("PAE(%q, %q) = %q, want %q", c.payloadType, c.payload, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		payloadType, payload := rapid.String().Draw(t, "type"), rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		if string(PAE(payloadType, payload)) != string(dsse.PAE(payloadType, payload)) {
			t.Fatal("the reference library encodes it otherwise")
		}
	})
}

// reference lets the DSSE project's own Go library sign and verify with our key.
type reference struct{ key ed25519.PrivateKey }

func (r reference) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(r.key, data), nil
}
func (r reference) KeyID() (string, error)   { return keyIDOf(r.key), nil }
func (r reference) Public() crypto.PublicKey { return r.key.Public() }
func (r reference) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(r.key.Public().(ed25519.PublicKey), data, sig) {
		return errors.New("bad signature")
	}
	return nil
}

func TestEnvelopesAreExchangedWithTheReferenceLibrary(t *testing.T) {
	tr, ctx := newTrust(t), context.Background()
	payload := []byte{0xfb, 0xff, 0xfe, 0, 1}

	var ours dsse.Envelope
	if err := json.Unmarshal(must(Sign(testType, payload, tr.bank, tr.police)), &ours); err != nil {
		t.Fatal(err)
	}
	verifier := must(dsse.NewMultiEnvelopeVerifier(2, reference{tr.bank}, reference{tr.police}))
	if _, got, err := verifier.VerifyAndDecode(ctx, &ours); err != nil || string(got) != string(payload) {
		t.Errorf("the library reads ours as %x, %v", got, err)
	}

	theirs := must(must(dsse.NewEnvelopeSigner(reference{tr.bank})).SignPayload(ctx, testType, payload))
	got, keyID, err := Verify(must(json.Marshal(theirs)), testType, tr.lookup)
	if err != nil || string(got) != string(payload) || keyID != keyIDOf(tr.bank) {
		t.Errorf("we read theirs as %x by %s, %v", got, keyID, err)
	}
}

func TestBothSidesSign(t *testing.T) {
	tr := newTrust(t)
	one := must(Sign(testType, []byte("words"), tr.bank))
	both := must(Cosign(one, testType, tr.police))
	payload, keyIDs, err := VerifyAll(both, testType, tr.lookup)
	if err != nil || string(payload) != "words" || !slices.Equal(keyIDs, []string{keyIDOf(tr.bank), keyIDOf(tr.police)}) {
		t.Errorf("%q by %v: %v", payload, keyIDs, err)
	}
	if again := must(Sign(testType, []byte("words"), tr.bank, tr.police)); string(again) != string(both) {
		t.Error("signing together and one after the other differ")
	}
	if _, _, err := Verify(both, testType, tr.lookup); codeOf(err) != "envelope.malformed" {
		t.Errorf("two signatures where one is expected: %v", err)
	}
	twice := must(Cosign(one, testType, tr.bank))
	if _, _, err := VerifyAll(twice, testType, tr.lookup); codeOf(err) != "envelope.malformed" {
		t.Errorf("one key twice: %v", err)
	}
	foreign := must(Cosign(one, testType, ed25519.NewKeyFromSeed(make([]byte, 32))))
	if _, _, err := VerifyAll(foreign, testType, tr.lookup); codeOf(err) != "envelope.unknown_key" {
		t.Errorf("an unknown key beside a known one: %v", err)
	}
	var d map[string]any
	if err := json.Unmarshal(both, &d); err != nil {
		t.Fatal(err)
	}
	d["signatures"].([]any)[1].(map[string]any)["sig"] = base64.StdEncoding.EncodeToString(make([]byte, 64))
	if _, _, err := VerifyAll(must(json.Marshal(d)), testType, tr.lookup); codeOf(err) != "envelope.bad_signature" {
		t.Errorf("a good signature beside a bad one: %v", err)
	}
	if _, err := Cosign(one, "another/type", tr.police); codeOf(err) != "envelope.wrong_type" {
		t.Errorf("cosigning another type: %v", err)
	}
}

func TestSigningRefusesWhatCannotBeVerified(t *testing.T) {
	tr := newTrust(t)
	second := func(_ any, err error) error { return err }
	many := make([]ed25519.PrivateKey, MaxSignatures+1)
	for i := range many {
		many[i] = tr.bank
	}
	for what, c := range map[string]struct {
		code string
		err  error
	}{
		"no key":              {"envelope.too_large", second(Sign(testType, nil))},
		"empty key":           {"envelope.bad_key", second(Sign(testType, nil, ed25519.PrivateKey{}))},
		"too many keys":       {"envelope.too_large", second(Sign(testType, nil, many...))},
		"payload over limit":  {"envelope.too_large", second(Sign(testType, make([]byte, MaxPayload+1), tr.bank))},
		"empty key to a seal": {"envelope.bad_key", second(SealContribution(tr.keyA.Public(), hubA, "m-bank", nil, nil))},
	} {
		if codeOf(c.err) != c.code {
			t.Errorf("%s: %v, want %s", what, c.err, c.code)
		}
	}
}

func TestDecodingIsStrict(t *testing.T) {
	tr := newTrust(t)
	payload := []byte{0xfb, 0xff, 0xfe} // "+//+" or "-__-"
	var parts struct{ Signatures []struct{ KeyID, Sig string } }
	if err := json.Unmarshal(must(Sign(testType, payload, tr.bank)), &parts); err != nil {
		t.Fatal(err)
	}
	sig := parts.Signatures[0].Sig
	urlSig := strings.NewReplacer("+", "-", "/", "_").Replace(sig)
	with := func(payload, payloadType, signatures, more string) string {
		return fmt.Sprintf(`{"payload":%s,"payloadType":%s,"signatures":%s%s}`, payload, payloadType, signatures, more)
	}
	quoted := `"` + testType + `"`
	one := func(sig string) string {
		return fmt.Sprintf(`{"keyid":%q,"sig":%q}`, keyIDOf(tr.bank), sig)
	}
	list := "[" + one(sig) + "]"
	many := "[" + strings.Repeat(one(sig)+",", MaxSignatures) + one(sig) + "]"

	for _, c := range []struct{ what, code, signed string }{
		{"standard base64", "", with(`"+//+"`, quoted, list, "")},
		{"URL-safe base64", "", with(`"-__-"`, quoted, "["+one(urlSig)+"]", "")},
		{"white space around", "", " \n" + with(`"+//+"`, quoted, list, "") + "\n"},
		{"both alphabets at once", "envelope.malformed", with(`"+__+"`, quoted, list, "")},
		{"line end in base64", "envelope.malformed", with(`"+/\n/+"`, quoted, list, "")},
		{"base64 cut off", "envelope.malformed", with(`"+//"`, quoted, list, "")},
		{"signature without padding", "envelope.malformed", with(`"+//+"`, quoted, "["+one(strings.TrimRight(sig, "="))+"]", "")},
		{"loose bits at the signature's end", "envelope.malformed", with(`"+//+"`, quoted, "["+one(sig[:85]+string(sig[85]+1)+"==")+"]", "")},
		{"unknown property", "envelope.malformed", with(`"+//+"`, quoted, list, `,"more":1`)},
		{"unknown property of a signature", "envelope.malformed", with(`"+//+"`, quoted, `[{"sig":"","cert":""}]`, "")},
		{"property in other case", "envelope.malformed", strings.Replace(with(`"+//+"`, quoted, list, ""), "payload\"", "Payload\"", 1)},
		{"property twice", "envelope.malformed", with(`"+//+"`, quoted, list, `,"payload":"+//+"`)},
		{"no payload", "envelope.malformed", fmt.Sprintf(`{"payloadType":%s,"signatures":%s}`, quoted, list)},
		{"null payload", "envelope.malformed", with(`null`, quoted, list, "")},
		{"no type", "envelope.malformed", fmt.Sprintf(`{"payload":"+//+","signatures":%s}`, list)},
		{"no signatures", "envelope.malformed", fmt.Sprintf(`{"payload":"+//+","payloadType":%s}`, quoted)},
		{"null signatures", "envelope.malformed", with(`"+//+"`, quoted, "null", "")},
		{"signatures no list", "envelope.malformed", with(`"+//+"`, quoted, one(sig), "")},
		{"empty list", "envelope.malformed", with(`"+//+"`, quoted, "[]", "")},
		{"null signature", "envelope.malformed", with(`"+//+"`, quoted, "[null]", "")},
		{"signature without sig", "envelope.malformed", with(`"+//+"`, quoted, `[{"keyid":""}]`, "")},
		{"number for payload", "envelope.malformed", with(`1`, quoted, list, "")},
		{"too many signatures", "envelope.too_large", with(`"+//+"`, quoted, many, "")},
		{"other type", "envelope.wrong_type", with(`"+//+"`, `"other/type"`, list, "")},
		{"something after", "envelope.malformed", with(`"+//+"`, quoted, list, "") + "{}"},
		{"deeply nested", "envelope.malformed", strings.Repeat("[", 100000)},
		{"not UTF-8", "envelope.malformed", with(`"+//+"`, "\"\xff\"", list, "")},
		{"nothing", "envelope.malformed", ""},
		{"an array", "envelope.malformed", "[]"},
	} {
		got, _, err := Verify([]byte(c.signed), testType, tr.lookup)
		if codeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", c.what, err, c.code)
		}
		if err == nil && string(got) != string(payload) || err != nil && got != nil {
			t.Errorf("%s: payload %x", c.what, got)
		}
	}
}

// A lookup that hands out another key than was asked for must not make that
// key count under the asked name.
func TestKeyMustHaveTheIDUnderWhichItWasFound(t *testing.T) {
	tr := newTrust(t)
	signed := must(Sign(testType, nil, tr.bank))
	renamed := strings.Replace(string(signed), keyIDOf(tr.bank), keyIDOf(tr.police), 1)
	for what, pub := range map[string]ed25519.PublicKey{
		"another key": tr.publics[keyIDOf(tr.bank)], "no key": nil, "short key": make([]byte, 31),
	} {
		_, _, err := Verify([]byte(renamed), testType, func(string) (ed25519.PublicKey, bool) { return pub, true })
		if codeOf(err) != "envelope.unknown_key" {
			t.Errorf("%s: %v", what, err)
		}
	}
}
