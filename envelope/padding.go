package envelope

import (
	"encoding/binary"
	"math/bits"

	"github.com/concord-trust/concord/fault"
)

// MaxPlaintext is the most that is sealed at once, in bytes.
const MaxPlaintext = 8 << 20

const (
	smallestClass = 1 << 10
	// finerAbove is where the classes become finer than powers of two.
	finerAbove = 16 << 10
	// lengthSize is the length in bytes of the true size before the padding.
	lengthSize = 4
)

// SizeClass returns the size to which a plaintext of size bytes is padded:
//
//	up to 16 KiB   powers of two        1, 2, 4, 8, 16 KiB
//	above          quarters of a power  20, 24, 28, 32, 40, 48, 56, 64, 80 KiB … 8 MiB
//
// Small contributions, where a size tells most, are padded to up to double;
// large ones by less than a quarter. There are 41 classes in all, so that the
// length of an envelope tells at most 5.4 bits. (The steps above follow the
// idea of Padmé: Nikitin et al., PETS 2019, with fewer of them.)
func SizeClass(size int) int {
	if size <= smallestClass {
		return smallestClass
	}
	above := 1 << bits.Len(uint(size-1)) // the next power of two
	if above <= finerAbove {
		return above
	}
	step := above / 8 // a quarter of the power below
	return (size + step - 1) / step * step
}

// pad is the true size, the plaintext, and zeros up to the size class.
func pad(plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, fault.New(fault.TooLarge, "envelope.too_large",
			"there are %d bytes to seal; at most %d go into one envelope, so send fewer reports at once", len(plaintext), MaxPlaintext)
	}
	padded := make([]byte, lengthSize+SizeClass(len(plaintext)))
	binary.BigEndian.PutUint32(padded, uint32(len(plaintext)))
	copy(padded[lengthSize:], plaintext)
	return padded, nil
}

// unpad undoes pad, and takes nothing that pad would not have made.
func unpad(padded []byte) ([]byte, error) {
	malformed := fault.New(fault.Invalid, "envelope.malformed", "what was sealed is not padded as it should be; the sender's software does not fit")
	if len(padded) < lengthSize+smallestClass {
		return nil, malformed
	}
	size, body := binary.BigEndian.Uint32(padded), padded[lengthSize:]
	if size > MaxPlaintext || SizeClass(int(size)) != len(body) {
		return nil, malformed
	}
	for _, b := range body[size:] {
		if b != 0 {
			return nil, malformed
		}
	}
	return body[:size:size], nil
}
