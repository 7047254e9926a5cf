package ristretto

import (
	"math/big"

	"filippo.io/edwards25519/field"
)

// The constants of RFC 9496, section 4.1, with a = −1. Their signs are part of
// the definition of the group.
var (
	zero = new(field.Element)
	one  = new(field.Element).One()

	d              = number("37095705934669439343138083508754565189542113879843219016388785533085940283555")
	sqrtM1         = number("19681161376707505956807079304988542015446066515923890162744021073123829784752")
	sqrtADMinusOne = number("25063068953384623474111414158702152701244531502492656460079210482610430750235")
	invSqrtAMinusD = number("54469307008909316920995813868745141605393597292927456921205312896311721017578")
	oneMinusDSq    = number("1159843021668779879193775521855586647937357759715417654439879720876111806838")
	dMinusOneSq    = number("40440834346308536858101042469323190826248399146238708352240133220865137265952")
)

func number(decimal string) *field.Element {
	n, ok := new(big.Int).SetString(decimal, 10)
	if !ok {
		panic("ristretto: a constant is no number")
	}
	var b [Size]byte
	n.FillBytes(b[:])
	for i := range Size / 2 { // little-endian
		b[i], b[Size-1-i] = b[Size-1-i], b[i]
	}
	e, err := new(field.Element).SetBytes(b[:])
	if err != nil {
		panic("ristretto: a constant is no field element")
	}
	return e
}
