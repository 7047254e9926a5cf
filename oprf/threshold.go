package oprf

import (
	"io"
	"math/big"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/ristretto"
)

// A key k can be in the hands of n holders of whom any t answer together and
// fewer learn nothing: f is a polynomial of degree t−1 with f(0) = k, and
// holder i has the share f(i) (Shamir). A share is a [SecretKey] like any
// other. Its holder evaluates and proves with it; the edge verifies each
// answer against the public half of its share and combines t of them:
//
//	k·B = Σ λᵢ·f(i)·B      λᵢ = Π j/(j−i), over the t holders
//
// The λᵢ are fractions of small numbers. They are brought to one denominator D,
// so that the sum needs no full multiplication, and D goes into the unblinding:
// N = (r·D)⁻¹ · Σ (D·λᵢ)·Eᵢ.

// MaxHolders of a key.
const MaxHolders = 15

// Answer is what one holder answered, verified against its share.
type Answer struct {
	// Holder is the holder's number, from 1.
	Holder int
	Evaluated
}

// Combine makes the answer of the whole key from the answers to the same
// elements of as many holders as its threshold says, no more and no fewer;
// each must have been verified against the public half of the holder's share.
func Combine(threshold int, answers []Answer) (Evaluated, error) {
	if len(answers) != threshold || threshold < 1 {
		return Evaluated{}, fault.New(fault.Invalid, "oprf.threshold", "%d holders answered where %d are combined", len(answers), threshold)
	}
	holders := make([]int, len(answers))
	for i, a := range answers {
		if err := checkBatch(len(a.points)); err != nil {
			return Evaluated{}, err
		}
		if len(a.points) != len(answers[0].points) {
			return Evaluated{}, fault.New(fault.Invalid, "oprf.batch_mismatch", "holder %d answered %d elements and holder %d %d", a.Holder, len(a.points), answers[0].Holder, len(answers[0].points))
		}
		holders[i] = a.Holder
	}
	factors, divisor, err := interpolation(holders)
	if err != nil {
		return Evaluated{}, err
	}
	combined := Evaluated{points: make([]ristretto.Point, len(answers[0].points)), divisor: ristretto.Number(divisor)}
	for i := range combined.points {
		sum := answers[0].points[i].PublicMultiply(factors[0])
		for j, a := range answers[1:] {
			sum = sum.Add(a.points[i].PublicMultiply(factors[j+1]))
		}
		combined.points[i] = sum
	}
	return combined, nil
}

// interpolation returns for each holder D·λ, and D, the least that makes all of
// them whole.
func interpolation(holders []int) (factors []int64, divisor uint64, err error) {
	seen := map[int]bool{}
	fractions := make([]*big.Rat, len(holders))
	common := big.NewInt(1)
	for n, i := range holders {
		if i < 1 || i > MaxHolders || seen[i] {
			return nil, 0, fault.New(fault.Invalid, "oprf.holder", "holder %d is none of 1 to %d, or answered twice", i, MaxHolders)
		}
		seen[i] = true
		fractions[n] = big.NewRat(1, 1)
		for _, j := range holders {
			if j != i {
				fractions[n].Mul(fractions[n], big.NewRat(int64(j), int64(j-i)))
			}
		}
		common = leastCommonMultiple(common, fractions[n].Denom())
	}
	for _, f := range fractions {
		whole := new(big.Rat).Mul(f, new(big.Rat).SetInt(common))
		if !whole.IsInt() || !whole.Num().IsInt64() {
			return nil, 0, fault.New(fault.Internal, "oprf.holder", "the answers of these holders cannot be combined")
		}
		factors = append(factors, whole.Num().Int64())
	}
	if !common.IsUint64() {
		return nil, 0, fault.New(fault.Internal, "oprf.holder", "the answers of these holders cannot be combined")
	}
	return factors, common.Uint64(), nil
}

func leastCommonMultiple(a, b *big.Int) *big.Int {
	gcd := new(big.Int).GCD(nil, nil, a, b)
	return new(big.Int).Mul(new(big.Int).Div(a, gcd), b)
}

// Deal cuts a key that somebody has as a whole into shares of which any
// threshold make it: for measuring and for trying out. Who deals can read
// everything; stewards of a trust make their shares together.
func (k *SecretKey) Deal(threshold, holders int, random io.Reader) ([]*SecretKey, error) {
	if threshold < 1 || threshold > holders || holders > MaxHolders {
		return nil, fault.New(fault.Invalid, "oprf.threshold", "no %d of %d holders can have a key; there are at most %d", threshold, holders, MaxHolders)
	}
	coefficients := []ristretto.Secret{k.scalar}
	for len(coefficients) < threshold {
		c, err := ristretto.RandomSecret(random)
		if err != nil {
			return nil, err
		}
		coefficients = append(coefficients, c)
	}
	shares := make([]*SecretKey, holders)
	for i := range shares {
		at := ristretto.Number(uint64(i + 1)).Secret()
		value := coefficients[threshold-1]
		for j := threshold - 2; j >= 0; j-- {
			value = value.Multiply(at).Add(coefficients[j])
		}
		if value.IsNought() {
			return k.Deal(threshold, holders, random) // once in 2²⁵²
		}
		shares[i] = secretKeyOf(value)
	}
	return shares, nil
}
