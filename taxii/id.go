package taxii

import (
	"fmt"
	"io"
)

// NewID draws a random UUID (version 4), as the protocol names statuses and
// collections.
func NewID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return UUID(b), nil
}

// UUID writes 16 bytes, random or from a keyed function, as a UUID of version
// 4: the version that says nothing of where the bytes are from.
func UUID(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
