package collect

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
)

// plain reads input that may be gzip-compressed, which its first bytes tell.
// It streams, so that a file that unpacks to a thousand times its size costs
// time and no memory; how much of it is one record is for the readers to
// bound. Compressed input that is damaged or breaks off ends there: what came
// before is good, and damage says so.
type plain struct {
	in     io.Reader
	zipped bool
	damage string
}

// magic begins gzip-compressed data (RFC 1952, section 2.3.1).
var magic = []byte{0x1f, 0x8b}

func newPlain(in io.Reader) *plain {
	buffered := bufio.NewReaderSize(in, 1<<16)
	if start, _ := buffered.Peek(len(magic)); !bytes.Equal(start, magic) {
		return &plain{in: buffered}
	}
	p := &plain{zipped: true}
	unzip, err := gzip.NewReader(buffered)
	if err != nil {
		p.in = io.MultiReader() // empty
		p.broken()
		return p
	}
	p.in = unzip
	return p
}

func (p *plain) broken() {
	p.damage = "the compressed file is damaged or ends too early; what stands before that place was read"
}

// Read implements io.Reader.
func (p *plain) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	if p.zipped && err != nil && err != io.EOF && isDamage(err) {
		p.broken()
		err = io.EOF
	}
	return n, err
}

// isDamage tells damaged data from input that cannot be read.
func isDamage(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt)
}
