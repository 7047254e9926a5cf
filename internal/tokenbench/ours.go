package tokenbench

import (
	"crypto/rand"

	"github.com/concord-trust/concord/oprf"
)

// ours are the steps as package oprf takes them.
type ours struct {
	shares  []*oprf.SecretKey
	holders []int

	blinded   []oprf.Element
	blinds    []oprf.Blind
	asked     []oprf.Element
	evaluated []oprf.Element
	answers   []oprf.Answer
}

func newOurs(shares []*oprf.SecretKey, holders []int) party {
	return &ours{shares: shares, holders: holders}
}

func (o *ours) blind(inputs [][]byte) [][]byte {
	var err error
	o.answers = o.answers[:0]
	o.blinded, o.blinds, err = oprf.VOPRF.Blind(inputs, rand.Reader)
	check(err)
	return encoded(o.blinded)
}

func (o *ours) evaluate(holder int, blinded [][]byte) [][]byte {
	o.asked = parsed(blinded)
	var err error
	o.evaluated, err = o.shares[holder-1].EvaluateUnproven(o.asked)
	check(err)
	return encoded(o.evaluated)
}

func (o *ours) prove(holder int) []byte {
	proof, err := o.shares[holder-1].Prove(o.asked, o.evaluated, rand.Reader)
	check(err)
	return proof.Bytes()
}

func (o *ours) verify(holder int, evaluated [][]byte, proof []byte) error {
	p, err := oprf.ParseProof(proof)
	if err != nil {
		return err
	}
	answer, err := o.shares[holder-1].Public().Verify(o.blinded, parsed(evaluated), p)
	o.answers = append(o.answers, oprf.Answer{Holder: holder, Evaluated: answer})
	return err
}

func (o *ours) combine() [][]byte {
	whole, err := oprf.Combine(len(o.holders), o.answers)
	check(err)
	tokens, err := whole.Unblind(o.blinds)
	check(err)
	out := make([][]byte, len(tokens))
	for i := range tokens {
		out[i] = tokens[i][:]
	}
	return out
}

func encoded(elements []oprf.Element) [][]byte {
	out := make([][]byte, len(elements))
	for i, e := range elements {
		out[i] = e.Bytes()
	}
	return out
}

func parsed(elements [][]byte) []oprf.Element {
	out := make([]oprf.Element, len(elements))
	for i, b := range elements {
		var err error
		out[i], err = oprf.ParseElement(b)
		check(err)
	}
	return out
}

// check ends a measurement that went wrong: no input from outside leads here.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
