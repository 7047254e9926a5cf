package tokenbench

import (
	"crypto"
	"crypto/rand"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/zk/dleq"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/oprf"
)

// circls are the same steps composed from circl: its group, its hash to the
// group, its proof. As ours do, they fold the factors of the interpolation
// into the unblinding as small numbers, and invert all blinds by one inversion.
type circls struct {
	keys    map[int]group.Scalar
	publics map[int]group.Element
	holders []int
	factors []int64
	divisor group.Scalar

	blinded, asked, evaluated []group.Element
	blinds                    []group.Scalar
	answers                   [][]group.Element
}

var (
	g      = group.Ristretto255
	params = dleq.Params{G: g, H: crypto.SHA512, DST: []byte("OPRFV1-\x01-ristretto255-SHA512")}
)

func newCircls(shares []*oprf.SecretKey, holders []int) party {
	c := &circls{keys: map[int]group.Scalar{}, publics: map[int]group.Element{}, holders: holders}
	for i, s := range shares {
		k := g.NewScalar()
		check(k.UnmarshalBinary(s.Bytes()))
		c.keys[i+1], c.publics[i+1] = k, g.NewElement().MulGen(k)
	}
	var divisor uint64
	c.factors, divisor = factors(holders)
	c.divisor = g.NewScalar().SetUint64(divisor)
	return c
}

// factors are Π j/(j−i) of each holder, times the product of all differences:
// whole numbers, if not the smallest.
func factors(holders []int) (all []int64, divisor uint64) {
	common := int64(1)
	for _, i := range holders {
		d := int64(1)
		for _, j := range holders {
			if j != i {
				d *= int64(j - i)
			}
		}
		common = lcm(common, d)
	}
	for _, i := range holders {
		n, d := int64(1), int64(1)
		for _, j := range holders {
			if j != i {
				n, d = n*int64(j), d*int64(j-i)
			}
		}
		all = append(all, n*(common/d))
	}
	return all, uint64(common)
}

func lcm(a, b int64) int64 {
	x, y := max(a, -a), max(b, -b)
	for y != 0 {
		x, y = y, x%y
	}
	return max(a, -a) / x * max(b, -b)
}

func (c *circls) blind(inputs [][]byte) [][]byte {
	c.answers = nil
	c.blinded, c.blinds = make([]group.Element, len(inputs)), make([]group.Scalar, len(inputs))
	for i, input := range inputs {
		c.blinds[i] = g.RandomNonZeroScalar(rand.Reader)
		c.blinded[i] = g.NewElement().Mul(g.HashToElement(input, []byte("HashToGroup-OPRFV1-\x01-ristretto255-SHA512")), c.blinds[i])
	}
	return marshal(c.blinded)
}

func (c *circls) evaluate(holder int, blinded [][]byte) [][]byte {
	c.asked = unmarshal(blinded)
	c.evaluated = make([]group.Element, len(c.asked))
	for i, b := range c.asked {
		c.evaluated[i] = g.NewElement().Mul(b, c.keys[holder])
	}
	return marshal(c.evaluated)
}

func (c *circls) prove(holder int) []byte {
	proof, err := (dleq.Prover{Params: params}).ProveBatchRFC9497(c.keys[holder], c.publics[holder], c.asked, c.evaluated, rand.Reader)
	check(err)
	b, err := proof.MarshalBinary()
	check(err)
	return b
}

func (c *circls) verify(holder int, evaluated [][]byte, proof []byte) error {
	p := new(dleq.Proof)
	if err := p.UnmarshalBinary(g, proof); err != nil {
		return err
	}
	answer := unmarshal(evaluated)
	if !(dleq.Verifier{Params: params}).VerifyBatchRFC9497(c.publics[holder], c.blinded, answer, p) {
		return fault.New(fault.Internal, "bench.proof", "circl refuses its own proof")
	}
	c.answers = append(c.answers, answer)
	return nil
}

func (c *circls) combine() [][]byte {
	// One inversion for all blinds.
	before := make([]group.Scalar, len(c.blinds))
	scaled := make([]group.Scalar, len(c.blinds))
	product := g.NewScalar().SetUint64(1)
	for i, r := range c.blinds {
		before[i], scaled[i] = product, g.NewScalar().Mul(r, c.divisor)
		product = g.NewScalar().Mul(product, scaled[i])
	}
	inverse := g.NewScalar().Inv(product)
	tokens := make([]group.Element, len(c.blinds))
	for i := len(c.blinds) - 1; i >= 0; i-- {
		sum := g.Identity()
		for k, f := range c.factors {
			sum.Add(sum, times(c.answers[k][i], f))
		}
		tokens[i] = g.NewElement().Mul(sum, g.NewScalar().Mul(inverse, before[i]))
		inverse.Mul(inverse, scaled[i])
	}
	return marshal(tokens)
}

// times is n·e by doubling and adding.
func times(e group.Element, n int64) group.Element {
	base := e.Copy()
	if n < 0 {
		base, n = g.NewElement().Neg(e), -n
	}
	sum := g.Identity()
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			sum.Add(sum, base)
		}
		base.Dbl(base)
	}
	return sum
}

func marshal(elements []group.Element) [][]byte {
	out := make([][]byte, len(elements))
	for i, e := range elements {
		b, err := e.MarshalBinaryCompress()
		check(err)
		out[i] = b
	}
	return out
}

func unmarshal(elements [][]byte) []group.Element {
	out := make([]group.Element, len(elements))
	for i, b := range elements {
		out[i] = g.NewElement()
		check(out[i].UnmarshalBinary(b))
	}
	return out
}
