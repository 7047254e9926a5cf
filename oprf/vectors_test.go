package oprf

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/ristretto"
)

// vectorSuite is one suite and mode of the published vectors of RFC 9497
// (appendix A), in the working group's JSON.
type vectorSuite struct {
	Identifier string  `json:"identifier"`
	Mode       int     `json:"mode"`
	KeyInfo    hexText `json:"keyInfo"`
	Seed       hexText `json:"seed"`
	SecretKey  hexText `json:"skSm"`
	PublicKey  hexText `json:"pkSm"`
	Vectors    []struct {
		Batch     int
		Blind     hexTexts
		Blinded   hexTexts `json:"BlindedElement"`
		Evaluated hexTexts `json:"EvaluationElement"`
		Info      hexText
		Input     hexTexts
		Output    hexTexts
		Proof     struct {
			Proof  hexText `json:"proof"`
			Random hexText `json:"r"`
		}
	} `json:"vectors"`
}

type hexText []byte

func (h *hexText) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type hexTexts [][]byte

func (h *hexTexts) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		b, err := hex.DecodeString(part)
		if err != nil {
			return err
		}
		*h = append(*h, b)
	}
	return nil
}

// Scalars are drawn by rejection from 32 bytes, so a reader over the vector's
// blinds makes the public API draw exactly these.
func TestPublishedVectorsOfRFC9497(t *testing.T) {
	var suites []vectorSuite
	f := shareddata.Open(t, "vectors", "oprf", "allVectors.json")
	defer f.Close()
	if err := json.NewDecoder(f).Decode(&suites); err != nil {
		t.Fatal(err)
	}
	seen := map[Mode]int{}
	for _, s := range suites {
		if s.Identifier != suite || s.Mode > int(POPRF) {
			continue
		}
		mode := Mode(s.Mode)
		key, err := mode.DeriveKeyPair(s.Seed, s.KeyInfo)
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "derived secret key", key.Bytes(), s.SecretKey)
		if mode != OPRF {
			wantBytes(t, "derived public key", key.Public().Bytes(), s.PublicKey)
		}
		for _, v := range s.Vectors {
			seen[mode]++
			if len(v.Input) != v.Batch {
				t.Fatalf("vector of batch %d has %d inputs", v.Batch, len(v.Input))
			}
			blinded, blinds, err := mode.Blind(v.Input, bytes.NewReader(bytes.Join(v.Blind, nil)))
			if err != nil {
				t.Fatal(err)
			}
			evaluated, answer := answerOf(t, mode, key, v.Info, blinded, v.Proof.Random, v.Proof.Proof)
			tokens, err := answer.Unblind(blinds)
			if err != nil {
				t.Fatal(err)
			}
			for i := range v.Input {
				wantBytes(t, "blinded element", blinded[i].Bytes(), v.Blinded[i])
				wantBytes(t, "evaluated element", evaluated[i].Bytes(), v.Evaluated[i])
				output, err := Finalize(v.Input[i], tokens[i])
				if mode == POPRF {
					output, err = FinalizePartial(v.Input[i], v.Info, tokens[i])
				}
				if err != nil {
					t.Fatal(err)
				}
				wantBytes(t, "output", output[:], v.Output[i])
			}
		}
	}
	if seen[OPRF] != 2 || seen[VOPRF] != 3 || seen[POPRF] != 3 {
		t.Errorf("vectors run: %v; the standard has 2 of OPRF and 3 of each other mode", seen)
	}
}

// answerOf evaluates as the mode does, holds the proof against the vector's,
// and verifies it.
func answerOf(t *testing.T, mode Mode, key *SecretKey, info []byte, blinded []Element, nonce, wantProof []byte) (evaluated []Element, answer Evaluated) {
	t.Helper()
	r, _ := ristretto.DecodeSecret(nonce)
	var proof Proof
	var err error
	switch mode {
	case OPRF:
		evaluated = must(key.EvaluateUnproven(blinded))
		return evaluated, must(Unproven(evaluated))
	case VOPRF:
		evaluated = must(key.EvaluateUnproven(blinded))
		proof = VOPRF.prove(key, blinded, evaluated, r)
		answer, err = key.Public().Verify(blinded, evaluated, proof)
	case POPRF:
		tweaked := must(key.Tweak(info))
		evaluated = must(tweaked.evaluate(blinded))
		proof = POPRF.prove(tweaked.moved, evaluated, blinded, r)
		answer, err = must(key.Public().Tweak(info)).Verify(blinded, evaluated, proof)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "proof", proof.Bytes(), wantProof)
	return evaluated, answer
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}
