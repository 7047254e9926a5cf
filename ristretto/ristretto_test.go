package ristretto

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"filippo.io/edwards25519/field"
	"github.com/cloudflare/circl/group"
	"pgregory.net/rapid"
)

// circl's ristretto255 shares no code with this one.
var theirs = group.Ristretto255

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func theirPoint(t interface{ Fatal(...any) }, p Point) group.Element {
	q := theirs.NewElement()
	b := p.Bytes()
	if err := q.UnmarshalBinary(b[:]); err != nil {
		t.Fatal("the other library does not read our encoding:", err)
	}
	return q
}

func theirScalar(t interface{ Fatal(...any) }, b [Size]byte) group.Scalar {
	s := theirs.NewScalar()
	if err := s.UnmarshalBinary(b[:]); err != nil {
		t.Fatal("the other library does not read our scalar:", err)
	}
	return s
}

func sameAs(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, what string, p Point, q group.Element) {
	b := must(q.MarshalBinaryCompress())
	if got := p.Bytes(); !bytes.Equal(got[:], b) {
		t.Fatalf("%s: %x here and %x there", what, got, b)
	}
}

// seeded scalars, so that a failure can be shrunk and repeated.
func drawSecret(t *rapid.T, label string) Secret {
	return HashToSecret(rapid.SliceOfN(rapid.Byte(), 1, 16).Draw(t, label), "draw")
}

func TestTheGroupIsTheOneOfAnIndependentImplementation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSecret(t, "a"), drawSecret(t, "b")
		input := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "input")
		dst := rapid.StringN(1, 60, 255).Draw(t, "dst")
		p, q := HashToPoint(input, dst), MultiplyBase(a)
		sameAs(t, "hash to point", p, theirs.HashToElement(input, []byte(dst)))
		sameAs(t, "a·G", q, theirs.NewElement().MulGen(theirScalar(t, a.Reveal())))
		sameAs(t, "b·p", p.Multiply(b), theirs.NewElement().Mul(theirPoint(t, p), theirScalar(t, b.Reveal())))
		sameAs(t, "p + q", p.Add(q), theirs.NewElement().Add(theirPoint(t, p), theirPoint(t, q)))
		sameAs(t, "2·p", p.Double(), theirs.NewElement().Dbl(theirPoint(t, p)))
		if !p.Add(q).Subtract(q).Equal(p) || p.Equal(q) != (p.Bytes() == q.Bytes()) {
			t.Fatal("p + q − q is not p, or Equal is not equality of encodings")
		}
		hashed := theirs.HashToScalar(input, []byte(dst))
		if got := HashToPublic(input, dst).Bytes(); !bytes.Equal(got[:], must(hashed.MarshalBinary())) {
			t.Fatalf("hash to scalar: %x", got)
		}
		back, ok := Decode(bytesOf(p))
		if !ok || !back.Equal(p) {
			t.Fatal("a point does not survive its encoding")
		}
	})
}

func bytesOf(p Point) []byte { b := p.Bytes(); return b[:] }

// The four points of edwards25519 that stand for one have one encoding, so
// what an operation adds of small order never shows.
func TestEquivalentPointsEncodeAlike(t *testing.T) {
	p := MultiplyBase(must(RandomSecret(rand.Reader)))
	x, y, z, _ := p.p.ExtendedCoordinates()
	// (ix, iy) turned: (y·i, x·i) is p plus a point of order four.
	turned := Point{must(Generator().p.SetExtendedCoordinates(
		new(field.Element).Multiply(y, sqrtM1), new(field.Element).Multiply(x, sqrtM1), z,
		new(field.Element).Negate(must2(p))))}
	if !turned.Equal(p) || turned.Bytes() != p.Bytes() {
		t.Error("a point plus one of order four is another point")
	}
}

// must2 is the coordinate t of p.
func must2(p Point) *field.Element { _, _, _, t := p.p.ExtendedCoordinates(); return t }

func TestOnlyCanonicalEncodingsArePoints(t *testing.T) {
	generator := "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
	if p, ok := Decode(must(hex.DecodeString(generator))); !ok || !p.Equal(Generator()) {
		t.Error("the generator is not read")
	}
	if p, ok := Decode(make([]byte, Size)); !ok || !p.IsIdentity() {
		t.Error("the identity is not read as itself")
	}
	for name, text := range map[string]string{
		"the field's prime":    "ed" + strings.Repeat("ff", 30) + "7f",
		"minus one":            "ec" + strings.Repeat("ff", 30) + "7f",
		"one, negative":        "01" + strings.Repeat("00", 31),
		"the highest bit set":  generator[:62] + "f6",
		"short":                generator[:62],
		"long":                 generator + "00",
		"nothing":              "",
		"the prime plus a two": "ef" + strings.Repeat("ff", 30) + "7f",
	} {
		if _, ok := Decode(must(hex.DecodeString(text))); ok {
			t.Errorf("%s is read as a point", name)
		}
	}
}

// Half of all reduced, non-negative numbers stand for no point; both libraries
// must draw the line at the same place.
func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, Size))
	f.Add(bytesOf(Generator()))
	for i := range 40 {
		f.Add(append([]byte{byte(2 * i)}, make([]byte, Size-1)...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := Decode(b)
		q := theirs.NewElement()
		err := q.UnmarshalBinary(b)
		canonical := err == nil && bytes.Equal(must(q.MarshalBinaryCompress()), b)
		if ok != canonical {
			t.Fatalf("%x is a point: %v here, %v there", b, ok, canonical)
		}
		if ok && !bytes.Equal(bytesOf(p), b) {
			t.Fatalf("%x is encoded as %x", b, bytesOf(p))
		}
		s, ok := DecodeSecret(b)
		if ok && s.Reveal() != [Size]byte(b) {
			t.Fatalf("%x is another scalar", b)
		}
	})
}

func TestPublicSumIsTheSumOfProducts(t *testing.T) {
	lowest := Number(0)
	one := Number(1)
	largest := Respond(lowest.Secret(), one, one.Secret())
	for _, n := range []int{1, 2, 7, 31, 199, 200, 300, 1000} {
		points, scalars := make([]Point, n), make([]Public, n)
		want := Identity()
		for i := range n {
			points[i] = MultiplyBase(must(RandomSecret(rand.Reader)))
			scalars[i] = HashToPublic(fmt.Append(nil, n, i), "test")
			switch i % 7 {
			case 3:
				scalars[i] = lowest
			case 4:
				scalars[i] = one
			case 5:
				scalars[i] = largest
			}
			want = want.Add(points[i].Multiply(scalars[i].Secret()))
		}
		if !PublicSum(points, scalars).Equal(want) || !pippenger(points, scalars).Equal(want) {
			t.Errorf("the sum of %d products is wrong", n)
		}
		if !PublicBase(scalars[0], points[0], largest).Equal(points[0].Multiply(scalars[0].Secret()).Subtract(Generator())) {
			t.Error("a·p − G is wrong")
		}
	}
}

func TestMultiplesByNumbersAreRepeatedSums(t *testing.T) {
	p := MultiplyBase(must(RandomSecret(rand.Reader)))
	sum := Identity()
	for n := range int64(70) {
		if !p.PublicMultiply(n).Equal(sum) || !p.PublicMultiply(-n).Add(sum).IsIdentity() {
			t.Errorf("%d·p is wrong", n)
		}
		sum = sum.Add(p)
	}
	if !p.PublicMultiply(math.MinInt64).Equal(p.Multiply(Number(1 << 63).Secret()).PublicMultiply(-1)) {
		t.Error("the smallest number is lost")
	}
}

func TestSignedDigitsAreTheNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSecret(t, "s").Reveal()
		width := rapid.IntRange(2, 10).Draw(t, "width")
		digits := make([]int16, 253/width+1)
		signed(s, width, digits)
		sum, base := small(0), small(1<<width)
		for i := len(digits) - 1; i >= 0; i-- {
			if d := int(digits[i]); d > 1<<(width-1) || d <= -(1<<(width-1)) {
				t.Fatalf("digit %d does not fit %d bits", d, width)
			}
			sum = sum.Multiply(base).Add(small(int(digits[i])))
		}
		if sum.Reveal() != s {
			t.Fatalf("%x has the digits of %x", s, sum.Reveal())
		}
	})
}

func small(n int) Secret {
	if n < 0 {
		return minus(small(-n))
	}
	return Number(uint64(n)).Secret()
}

func minus(s Secret) Secret {
	return Respond(Number(0).Secret(), Number(1), s).Secret()
}

func TestInvertedScalarsMultiplyToOne(t *testing.T) {
	for _, n := range []int{1, 2, 100} {
		scalars := make([]Secret, n)
		for i := range scalars {
			scalars[i] = must(RandomSecret(rand.Reader))
		}
		for i, inverse := range Invert(scalars) {
			if scalars[i].Multiply(inverse).Reveal() != small(1).Reveal() {
				t.Errorf("scalar %d of %d", i, n)
			}
		}
	}
}

func TestConstantsAreWhatTheirNamesSay(t *testing.T) {
	product := func(a, b *field.Element) *field.Element { return new(field.Element).Multiply(a, b) }
	minusOne := new(field.Element).Negate(one)
	aMinusD := new(field.Element).Subtract(minusOne, d)
	adMinusOne := new(field.Element).Subtract(new(field.Element).Negate(d), one)
	dMinusOne := new(field.Element).Subtract(d, one)
	for name, holds := range map[string]bool{
		"d = −121665/121666":   product(d, new(field.Element).Mult32(one, 121666)).Equal(new(field.Element).Mult32(minusOne, 121665)) == 1,
		"√−1":                  product(sqrtM1, sqrtM1).Equal(minusOne) == 1,
		"√(ad−1)":              product(sqrtADMinusOne, sqrtADMinusOne).Equal(adMinusOne) == 1,
		"1/√(a−d)":             product(product(invSqrtAMinusD, invSqrtAMinusD), aMinusD).Equal(one) == 1,
		"1−d²":                 oneMinusDSq.Equal(new(field.Element).Subtract(one, product(d, d))) == 1,
		"(d−1)²":               dMinusOneSq.Equal(product(dMinusOne, dMinusOne)) == 1,
		"√(ad−1) is the odd":   sqrtADMinusOne.IsNegative() == 1,
		"1/√(a−d) is the even": invSqrtAMinusD.IsNegative() == 0,
	} {
		if !holds {
			t.Errorf("%s does not hold", name)
		}
	}
}

// A test vector's scalars are drawn by rejection, so a reader over them gives
// exactly these; a broken source gives an error and not a weak scalar.
func TestScalarsAreDrawnByRejection(t *testing.T) {
	order := must(hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"))
	want := small(7).Reveal()
	s, err := RandomSecret(bytes.NewReader(bytes.Join([][]byte{order, make([]byte, Size), want[:]}, nil)))
	if err != nil || s.Reveal() != want {
		t.Errorf("got %x, %v", s.Reveal(), err)
	}
	if _, err := RandomSecret(bytes.NewReader(make([]byte, 1<<16))); err == nil {
		t.Error("a source of zeros gives a scalar")
	}
	if _, ok := DecodePublic(order); ok {
		t.Error("a scalar that is not reduced is read")
	}
}

func TestSecretsPrintAsAFixedWord(t *testing.T) {
	s := must(RandomSecret(rand.Reader))
	printed := fmt.Sprintf("%v %+v %#v %x %s %s", s, s, s, s, must(json.Marshal(s)), struct{ S Secret }{s}.S)
	b := s.Reveal()
	if strings.Contains(printed, hex.EncodeToString(b[:4])) || !strings.Contains(printed, "[secret]") {
		t.Error("a secret was printed")
	}
}
