package oprf

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// answered lets the holders of a subset evaluate, and verifies each.
func answered(t interface{ Fatal(...any) }, shares []*SecretKey, subset []int, blinded []Element) []Answer {
	var answers []Answer
	for _, i := range subset {
		evaluated, proof, err := shares[i-1].Evaluate(blinded, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		verified, err := shares[i-1].Public().Verify(blinded, evaluated, proof)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, Answer{i, verified})
	}
	return answers
}

// subsets calls with each subset of 1…n that has size members.
func subsets(n, size int, with func([]int)) {
	var grow func(from int, chosen []int)
	grow = func(from int, chosen []int) {
		if len(chosen) == size {
			with(chosen)
			return
		}
		for i := from; i <= n; i++ {
			grow(i+1, append(chosen[:len(chosen):len(chosen)], i))
		}
	}
	grow(1, nil)
}

func TestAnyThresholdOfHoldersMakeTheTokensOfTheWholeKey(t *testing.T) {
	inputs := [][]byte{[]byte("a"), []byte("b")}
	key := must(GenerateKey(rand.Reader))
	want := tokensOf(key, inputs, rand.Reader)
	for n := 1; n <= 7; n++ {
		for threshold := 1; threshold <= n; threshold++ {
			shares := must(key.Deal(threshold, n, rand.Reader))
			blinded, blinds, err := VOPRF.Blind(inputs, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			subsets(n, threshold, func(holders []int) {
				answers := answered(t, shares, holders, blinded)
				tokens := must(must(Combine(threshold, answers)).Unblind(blinds))
				if tokens[0] != want[0] || tokens[1] != want[1] {
					t.Errorf("%d of %d, holders %v: other tokens", threshold, n, holders)
				}
			})
		}
	}
}

// One answer fewer, an answer of another key or of other elements make tokens
// of nothing; what can be told by counting is refused.
func TestFewerHoldersMakeNoToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := random(t)
		n := rapid.IntRange(2, 7).Draw(t, "holders")
		threshold := rapid.IntRange(2, n).Draw(t, "threshold")
		inputs := [][]byte{[]byte("x")}
		key := must(GenerateKey(r))
		shares := must(key.Deal(threshold, n, r))
		want := tokensOf(key, inputs, r)[0]
		blinded, blinds, err := VOPRF.Blind(inputs, r)
		if err != nil {
			t.Fatal(err)
		}
		holders := rapid.Permutation([]int{1, 2, 3, 4, 5, 6, 7}[:n]).Draw(t, "order")[:threshold]
		answers := answered(t, shares, holders, blinded)
		if got := must(must(Combine(threshold, answers)).Unblind(blinds))[0]; got != want {
			t.Fatal("the order of the answers matters")
		}
		if got := must(must(Combine(threshold-1, answers[1:])).Unblind(blinds))[0]; got == want {
			t.Fatal("fewer than the threshold make the token")
		}
		if _, err := Combine(threshold, answers[1:]); codeOf(err) != "oprf.threshold" {
			t.Fatal(err)
		}
		twice := append(answers[1:len(answers):len(answers)], answers[1])
		if _, err := Combine(threshold, twice); codeOf(err) != "oprf.holder" {
			t.Fatal(err)
		}
	})
}

func TestMixedAnswersAreRefused(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	shares := must(key.Deal(2, 3, rand.Reader))
	two, _, _ := VOPRF.Blind([][]byte{{1}, {2}}, rand.Reader)
	answers := append(answered(t, shares, []int{1}, two), answered(t, shares, []int{2}, two[:1])...)
	if _, err := Combine(2, answers); codeOf(err) != "oprf.batch_mismatch" {
		t.Error(err)
	}
	answers[1].Holder = MaxHolders + 1
	if _, err := Combine(2, answers[:0]); codeOf(err) != "oprf.threshold" {
		t.Error(err)
	}
	for _, wrong := range [][2]int{{0, 3}, {4, 3}, {2, MaxHolders + 1}} {
		if _, err := key.Deal(wrong[0], wrong[1], rand.Reader); codeOf(err) != "oprf.threshold" {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	if shares[0].Public().Equal(shares[1].Public()) || bytes.Equal(shares[0].Bytes(), key.Bytes()) {
		t.Error("a share is the key, or another's")
	}
}

// For each set of holders that there can be, the factors are whole numbers
// that fit, and interpolate: Σ factor·iᵏ is D for k = 0 and 0 for k = 1 … t−1.
func TestFactorsInterpolateAtNought(t *testing.T) {
	for set := 1; set < 1<<MaxHolders; set++ {
		var holders []int
		for i := range MaxHolders {
			if set>>i&1 == 1 {
				holders = append(holders, i+1)
			}
		}
		factors, divisor, err := interpolation(holders)
		if err != nil {
			t.Fatal(holders, err)
		}
		power := make([]*big.Int, len(holders))
		for n := range power {
			power[n] = big.NewInt(1)
		}
		for k := range holders {
			sum := new(big.Int)
			for n, i := range holders {
				sum.Add(sum, new(big.Int).Mul(big.NewInt(factors[n]), power[n]))
				power[n].Mul(power[n], big.NewInt(int64(i)))
			}
			want := new(big.Int)
			if k == 0 {
				want.SetUint64(divisor)
			}
			if sum.Cmp(want) != 0 {
				t.Fatalf("%v: the sum of powers %d is %v", holders, k, sum)
			}
		}
	}
}

// A token of POPRF depends on the info; a proof for one info proves nothing of
// another.
func TestAPartialTokenIsBoundToItsInfo(t *testing.T) {
	key := must(GenerateKey(rand.Reader))
	blinded, blinds, err := POPRF.Blind([][]byte{[]byte("x")}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var tokens [2]Token
	for i, info := range [][]byte{[]byte("a"), []byte("b")} {
		evaluated, proof, err := must(key.Tweak(info)).Evaluate(blinded, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = must(must(must(key.Public().Tweak(info)).Verify(blinded, evaluated, proof)).Unblind(blinds))[0]
		if _, err := must(key.Public().Tweak([]byte("c"))).Verify(blinded, evaluated, proof); codeOf(err) != "oprf.bad_proof" {
			t.Errorf("for another info: %v", err)
		}
		if _, err := key.Public().Verify(blinded, evaluated, proof); codeOf(err) != "oprf.bad_proof" {
			t.Errorf("in another mode: %v", err)
		}
	}
	if tokens[0] == tokens[1] {
		t.Error("two infos have one token")
	}
	if _, err := key.Tweak(make([]byte, MaxInput+1)); codeOf(err) != "oprf.input_too_long" {
		t.Error(err)
	}
}
