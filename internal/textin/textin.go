// Package textin makes UTF-8 of a stream of text by its byte order mark.
package textin

import (
	"bufio"
	"bytes"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Reader reads in as UTF-8: UTF-16 is recognised by its byte order mark, or by
// its zero bytes, and decoded; the mark is removed. Anything else comes
// through as it is, valid or not, so that whoever reads it can tell.
func Reader(in io.Reader) *bufio.Reader {
	buffered := bufio.NewReaderSize(in, 1<<16)
	start, _ := buffered.Peek(64)
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		buffered.Discard(3)
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		return decode(buffered, unicode.LittleEndian, unicode.ExpectBOM)
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return decode(buffered, unicode.BigEndian, unicode.ExpectBOM)
	case zeros(start, 1):
		return decode(buffered, unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros(start, 0):
		return decode(buffered, unicode.BigEndian, unicode.IgnoreBOM)
	}
	return buffered
}

// zeros says whether text starts like UTF-16 of mostly Western letters: zero
// bytes in one parity, none in the other.
func zeros(start []byte, parity int) bool {
	var found [2]int
	for i, b := range start {
		if b == 0 {
			found[i%2]++
		}
	}
	return len(start) >= 4 && found[parity] > len(start)/3 && found[1-parity] == 0
}

func decode(in io.Reader, endian unicode.Endianness, mark unicode.BOMPolicy) *bufio.Reader {
	return bufio.NewReaderSize(transform.NewReader(in, unicode.UTF16(endian, mark).NewDecoder()), 1<<16)
}
