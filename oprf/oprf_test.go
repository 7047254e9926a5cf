package oprf

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/zk/dleq"
	"pgregory.net/rapid"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// random is a deterministic source for one run of a property.
func random(t *rapid.T) io.Reader {
	var seed [32]byte
	copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
	return mathrand.NewChaCha8(seed)
}

func drawInputs(t *rapid.T) [][]byte {
	return rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, 20).Draw(t, "inputs")
}

// tokensOf runs the protocol from end to end.
func tokensOf(key *SecretKey, inputs [][]byte, r io.Reader) []Token {
	blinded, blinds, err := VOPRF.Blind(inputs, r)
	if err != nil {
		panic(err)
	}
	evaluated, proof, err := key.Evaluate(blinded, r)
	if err != nil {
		panic(err)
	}
	return must(must(key.Public().Verify(blinded, evaluated, proof)).Unblind(blinds))
}

func TestTokenDependsOnInputAndKeyAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, inputs := random(t), drawInputs(t)
		key := must(GenerateKey(r))
		tokens := tokensOf(key, inputs, r)
		for i, input := range inputs {
			// Alone and with other blinds; and straight from the definition.
			if again := tokensOf(key, [][]byte{input}, r)[0]; again != tokens[i] {
				t.Fatalf("input %d has two tokens", i)
			}
			direct := ristretto.HashToPoint(input, "HashToGroup-"+VOPRF.context()).Multiply(key.scalar).Bytes()
			if tokens[i] != Token(direct) {
				t.Fatalf("input %d: token is not k·H(x)", i)
			}
			for j := range i {
				if (tokens[i] == tokens[j]) != bytes.Equal(inputs[i], inputs[j]) {
					t.Fatalf("tokens %d and %d are equal where inputs are not, or the reverse", i, j)
				}
			}
		}
		if other := tokensOf(must(GenerateKey(r)), inputs[:1], r)[0]; other == tokens[0] {
			t.Fatal("two keys gave the same token")
		}
	})
}

func TestBlindingTheSameInputGivesUnrelatedElements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := random(t)
		input := rapid.SliceOf(rapid.Byte()).Draw(t, "input")
		blinded, _, err := VOPRF.Blind([][]byte{input, input}, r)
		if err != nil {
			t.Fatal(err)
		}
		if blinded[0].Equal(blinded[1]) {
			t.Fatal("two blindings of one input are equal")
		}
	})
}

func TestAnswerThatIsNotTheKeysIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, inputs := random(t), drawInputs(t)
		key, other := must(GenerateKey(r)), must(GenerateKey(r))
		blinded, _, err := VOPRF.Blind(inputs, r)
		if err != nil {
			t.Fatal(err)
		}
		evaluated, proof, err := key.Evaluate(blinded, r)
		if err != nil {
			t.Fatal(err)
		}
		foreign, foreignProof, err := other.Evaluate(blinded, r)
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.IntRange(0, len(inputs)-1).Draw(t, "mauled position")
		mauled := bytes.Clone(proof.Bytes())
		mauled[rapid.IntRange(0, ProofSize-1).Draw(t, "mauled byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "mauled bit")

		refuse := func(what string, pub PublicKey, blinded, evaluated []Element, proof Proof) {
			if _, err := pub.Verify(blinded, evaluated, proof); codeOf(err) != "oprf.bad_proof" {
				t.Fatalf("%s: %v, want oprf.bad_proof", what, err)
			}
		}
		refuse("another public key", other.Public(), blinded, evaluated, proof)
		refuse("another key's answer and proof", key.Public(), blinded, foreign, foreignProof)
		refuse("one element under another key", key.Public(), blinded, replaced(evaluated, at, foreign[at]), proof)
		refuse("another blinded element", key.Public(), replaced(blinded, at, foreign[at]), evaluated, proof)
		refuse("no proof", key.Public(), blinded, evaluated, Proof{})
		if changed, err := ParseProof(mauled); err == nil {
			refuse("a mauled proof", key.Public(), blinded, evaluated, changed)
		}
		if len(inputs) > 1 {
			refuse("answers in another order", key.Public(), blinded, append(evaluated[1:len(evaluated):len(evaluated)], evaluated[0]), proof)
		}
		if _, err := key.Public().Verify(blinded, evaluated, proof); err != nil {
			t.Fatalf("the honest answer: %v", err)
		}
	})
}

// Two false evaluations whose errors cancel in a plain sum must not pass: that
// is what the weights are for.
func TestErrorsThatCancelAreRefused(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	blinded, _, err := VOPRF.Blind([][]byte{{1}, {2}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	honest := must(key.EvaluateUnproven(blinded))
	offset := ristretto.MultiplyBase(must(ristretto.RandomSecret(rand.Reader)))
	false2 := []Element{elementOf(honest[0].point.Add(offset)), elementOf(honest[1].point.Subtract(offset))}
	proof := VOPRF.prove(key, blinded, false2, must(ristretto.RandomSecret(rand.Reader)))
	if _, err := key.Public().Verify(blinded, false2, proof); codeOf(err) != "oprf.bad_proof" {
		t.Errorf("got %v, want oprf.bad_proof", err)
	}
}

// Two proofs s = r − c·k with one nonce r give k away: (s − s′)/(c′ − c).
func TestARepeatingSourceOfRandomnessGivesNoKeyAway(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	var proofs [2]Proof
	for i := range proofs {
		blinded, _, err := VOPRF.Blind([][]byte{{byte(i)}}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, proofs[i], err = key.Evaluate(blinded, bytes.NewReader(make([]byte, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if proofs[0].nonceUnder(key) == proofs[1].nonceUnder(key) {
		t.Error("two proofs have one nonce")
	}
	if _, _, err := key.Evaluate(must1(VOPRF.Blind([][]byte{{1}}, rand.Reader)), bytes.NewReader(nil)); err == nil {
		t.Error("a proof was made without randomness")
	}
}

// nonceUnder is r = s + c·k, encoded.
func (p Proof) nonceUnder(k *SecretKey) [32]byte {
	return p.response.Secret().Add(p.challenge.Secret().Multiply(k.scalar)).Reveal()
}

func must1[T, U any](v T, _ U, err error) T { return must(v, err) }

func replaced(elements []Element, at int, by Element) []Element {
	changed := append([]Element{}, elements...)
	changed[at] = by
	return changed
}

// theirPoint is an element in the other library's type.
func theirPoint(e Element) group.Element {
	p := group.Ristretto255.NewElement()
	if err := p.UnmarshalBinary(e.Bytes()); err != nil {
		panic(err)
	}
	return p
}

func theirPoints(elements []Element) []group.Element {
	points := make([]group.Element, len(elements))
	for i, e := range elements {
		points[i] = theirPoint(e)
	}
	return points
}

// circl has a DLEQ of its own for the RFC's transcript: each side must accept
// the other's proofs.
func TestProofsAgreeWithAnIndependentImplementation(t *testing.T) {
	params := dleq.Params{G: group.Ristretto255, H: crypto.SHA512, DST: []byte(VOPRF.context())}
	rapid.Check(t, func(t *rapid.T) {
		r, inputs := random(t), drawInputs(t)
		key := must(GenerateKey(r))
		blinded, _, err := VOPRF.Blind(inputs, r)
		if err != nil {
			t.Fatal(err)
		}
		evaluated, proof, err := key.Evaluate(blinded, r)
		if err != nil {
			t.Fatal(err)
		}
		theirs := new(dleq.Proof)
		if err := theirs.UnmarshalBinary(group.Ristretto255, proof.Bytes()); err != nil {
			t.Fatal(err)
		}
		if !(dleq.Verifier{Params: params}).VerifyBatchRFC9497(theirPoint(key.public.element), theirPoints(blinded), theirPoints(evaluated), theirs) {
			t.Fatal("circl refuses our proof")
		}
		theirKey := group.Ristretto255.NewScalar()
		if err := theirKey.UnmarshalBinary(key.Bytes()); err != nil {
			t.Fatal(err)
		}
		theirs, err = (dleq.Prover{Params: params}).ProveBatchRFC9497(theirKey, theirPoint(key.public.element), theirPoints(blinded), theirPoints(evaluated), r)
		if err != nil {
			t.Fatal(err)
		}
		ours := must(ParseProof(must(theirs.MarshalBinary())))
		if _, err := key.Public().Verify(blinded, evaluated, ours); err != nil {
			t.Fatalf("we refuse circl's proof: %v", err)
		}
	})
}

func TestBatchesAreBounded(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	element := key.public.element
	elements := func(n int) []Element {
		batch := make([]Element, n)
		for i := range batch {
			batch[i] = element
		}
		return batch
	}
	for n, code := range map[int]string{0: "oprf.batch_empty", MaxBatch + 1: "oprf.batch_too_large"} {
		_, _, blindErr := VOPRF.Blind(make([][]byte, n), rand.Reader)
		_, _, evaluateErr := key.Evaluate(elements(n), rand.Reader)
		_, verifyErr := key.Public().Verify(elements(n), elements(n), Proof{})
		_, unprovenErr := Unproven(elements(n))
		for step, err := range map[string]error{"blind": blindErr, "evaluate": evaluateErr, "verify": verifyErr, "unproven": unprovenErr} {
			if codeOf(err) != code {
				t.Errorf("%s of %d: %v, want %s", step, n, err, code)
			}
		}
	}
	inputs := make([][]byte, MaxBatch)
	for i := range inputs {
		inputs[i] = fmt.Append(nil, i)
	}
	if n := len(tokensOf(key, inputs, rand.Reader)); n != MaxBatch {
		t.Errorf("%d tokens of a full batch", n)
	}
}

func TestMismatchedAndEmptyPartsAreRefused(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	blinded, blinds, err := VOPRF.Blind([][]byte{{1}, {2}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, proof, err := key.Evaluate(blinded, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	answer := must(key.Public().Verify(blinded, evaluated, proof))
	long := make([]byte, MaxInput+1)
	second := func(_ any, err error) error { return err }
	blindErr := func(m Mode, input []byte) error { _, _, err := m.Blind([][]byte{input}, rand.Reader); return err }
	for _, c := range []struct {
		what, code string
		err        error
	}{
		{"fewer blinds", "oprf.batch_mismatch", second(answer.Unblind(blinds[:1]))},
		{"empty blind", "oprf.bad_blind", second(answer.Unblind([]Blind{blinds[0], {}}))},
		{"nothing evaluated", "oprf.batch_empty", second(Evaluated{}.Unblind(nil))},
		{"fewer answers", "oprf.batch_mismatch", second(key.Public().Verify(blinded, evaluated[:1], proof))},
		{"empty element asked", "oprf.bad_element", second(key.EvaluateUnproven([]Element{{}}))},
		{"empty element answered", "oprf.bad_element", second(key.Public().Verify(blinded, []Element{evaluated[0], {}}, proof))},
		{"empty element unproven", "oprf.bad_element", second(Unproven([]Element{{}}))},
		{"empty public key", "oprf.bad_public_key", second(PublicKey{}.Verify(blinded, evaluated, proof))},
		{"empty secret key", "oprf.bad_secret_key", second((&SecretKey{}).EvaluateUnproven(blinded))},
		{"long input", "oprf.input_too_long", blindErr(VOPRF, long)},
		{"long input to finalize", "oprf.input_too_long", second(Finalize(long, Token{}))},
		{"unknown mode", "oprf.unknown_mode", blindErr(3, nil)},
		{"unknown mode of a key", "oprf.unknown_mode", second(Mode(3).DeriveKeyPair(make([]byte, SeedSize), nil))},
		{"short seed", "oprf.bad_seed", second(VOPRF.DeriveKeyPair(make([]byte, 31), nil))},
		{"long key info", "oprf.input_too_long", second(VOPRF.DeriveKeyPair(make([]byte, SeedSize), long))},
	} {
		if codeOf(c.err) != c.code {
			t.Errorf("%s: %v, want %s", c.what, c.err, c.code)
		}
	}
}

func TestBrokenRandomnessIsAnErrorNotAKey(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"ends early": bytes.NewReader(make([]byte, 31)),
		"all ones":   stuck(0xff),
		"all zeros":  stuck(0),
	} {
		if key, err := GenerateKey(r); err == nil || key != nil {
			t.Errorf("%s: a key was made", name)
		}
		if _, _, err := VOPRF.Blind([][]byte{{1}}, r); err == nil {
			t.Errorf("%s: an input was blinded", name)
		}
	}
}

type stuck byte

func (s stuck) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s)
	}
	return len(b), nil
}

// Encodings that RFC 9496, appendix A.3, and the group's order forbid; written
// out from the definitions: p = 2²⁵⁵ − 19, ℓ = 2²⁵² + 27742317777372353535851937790883648493.
var (
	identityHex  = strings.Repeat("00", 32)
	fieldPrime   = "ed" + strings.Repeat("ff", 30) + "7f"                             // p itself
	negativeOne  = "ec" + strings.Repeat("ff", 30) + "7f"                             // p − 1: an odd-signed field element is negative
	highBitSet   = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2df6" // generator, bit 255 set
	generatorHex = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
	groupOrder   = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
)

func unhex(s string) []byte { return must(hex.DecodeString(s)) }

func TestBadEncodingsAreRefused(t *testing.T) {
	if g := must(ParseElement(unhex(generatorHex))); !g.point.Equal(ristretto.Generator()) {
		t.Fatal("the generator is not read as itself")
	}
	one := append([]byte{1}, make([]byte, 31)...) // s = 1: odd, hence negative
	for name, b := range map[string][]byte{
		"nothing": nil, "short": unhex(generatorHex)[:31], "long": append(unhex(generatorHex), 0),
		"identity": unhex(identityHex), "field prime": unhex(fieldPrime), "minus one": unhex(negativeOne),
		"high bit": unhex(highBitSet), "negative": one,
	} {
		_, elementErr := ParseElement(b)
		_, tokenErr := ParseToken(b)
		_, publicErr := ParsePublicKey(b)
		if codeOf(elementErr) != "oprf.bad_element" || codeOf(tokenErr) != "oprf.bad_token" || codeOf(publicErr) != "oprf.bad_public_key" {
			t.Errorf("%s: %v; %v; %v", name, elementErr, tokenErr, publicErr)
		}
	}
	good := must(GenerateKey(rand.Reader)).Bytes()
	for name, b := range map[string][]byte{
		"nothing": nil, "short": good[:31], "long": append(bytes.Clone(good), 0),
		"zero": make([]byte, 32), "group order": unhex(groupOrder), "all ones": bytes.Repeat([]byte{0xff}, 32),
	} {
		if _, err := ParseSecretKey(b); codeOf(err) != "oprf.bad_secret_key" {
			t.Errorf("secret key %s: %v", name, err)
		}
		if name == "zero" {
			continue // a zero scalar may stand in a proof
		}
		if _, err := ParseProof(append(bytes.Clone(b), good...)); codeOf(err) != "oprf.malformed_proof" {
			t.Errorf("proof with challenge %s: %v", name, err)
		}
		if _, err := ParseProof(append(bytes.Clone(good), b...)); codeOf(err) != "oprf.malformed_proof" {
			t.Errorf("proof with response %s: %v", name, err)
		}
	}
}

func TestEveryEncodingRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := random(t)
		key := must(GenerateKey(r))
		if again := must(ParseSecretKey(key.Bytes())); !again.Public().Equal(key.Public()) {
			t.Fatal("secret key")
		}
		blinded, _, err := VOPRF.Blind([][]byte{{1}}, r)
		if err != nil {
			t.Fatal(err)
		}
		_, proof, err := key.Evaluate(blinded, r)
		if err != nil {
			t.Fatal(err)
		}
		type message struct {
			E Element
			P Proof
			K PublicKey
			T Token
		}
		sent := message{blinded[0], proof, key.Public(), Token(blinded[0].Bytes())}
		var got message
		if err := json.Unmarshal(must(json.Marshal(sent)), &got); err != nil {
			t.Fatal(err)
		}
		if !got.E.Equal(sent.E) || !bytes.Equal(got.P.Bytes(), sent.P.Bytes()) || !got.K.Equal(sent.K) || got.T != sent.T {
			t.Fatal("JSON changed something")
		}
		if got.E.point.IsZero() || !got.E.point.Equal(sent.E.point) {
			t.Fatal("the element's point and its encoding part ways")
		}
	})
}

func TestTextIsTakenInOneSpellingOnly(t *testing.T) {
	// A token whose text has both letters that the alphabets spell otherwise.
	var text string
	for !strings.Contains(text, "-") || !strings.Contains(text, "_") {
		text = must(GenerateKey(rand.Reader)).Public().String()
	}
	for name, bad := range map[string]string{
		"empty": "", "padded": text + "=", "line end inside": text[:20] + "\n" + text[20:42],
		"standard alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(text),
		"loose last bits":   text[:42] + string(text[42]+1), "short": text[:42], "hex": generatorHex,
	} {
		var token Token
		if err := token.UnmarshalText([]byte(bad)); codeOf(err) != "oprf.bad_token" || !token.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsPrintAsAFixedWord(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	_, blinds, err := VOPRF.Blind([][]byte{{1}}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	blindBytes := blinds[0].scalar.Reveal()
	type holder struct {
		Key    *SecretKey
		Value  SecretKey
		Blinds []Blind
	}
	h := holder{key, *key, blinds}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", blinds[0])
		fmt.Fprintf(&out, verb+"\n", h)
	}
	fmt.Fprintln(&out, key.String(), key.GoString(), blinds[0].String(), blinds[0].GoString())
	out.Write(must(json.Marshal(h)))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", key, "blind", blinds[0])
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", key, "blind", blinds[0])

	printed := strings.ToLower(out.String())
	for _, secret := range [][]byte{key.Bytes(), blindBytes[:]} {
		reversed := bytes.Clone(secret)
		for i := range reversed {
			reversed[i] = secret[len(secret)-1-i]
		}
		// Hex as the library would print it (big endian), and as bytes.
		for _, spelling := range []string{
			hex.EncodeToString(secret[:8]), hex.EncodeToString(reversed[8:16]),
			strings.ToLower(textOf(secret)), strings.Trim(fmt.Sprint(secret[:6]), "[]"),
		} {
			if strings.Contains(printed, spelling) {
				t.Errorf("a secret was printed as %q", spelling)
			}
		}
	}
	if !strings.Contains(printed, blinds[0].String()) {
		t.Error("nothing was printed")
	}
}

// codeOf returns the stable code of a fault, or the error's text.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return err.Error()
}
