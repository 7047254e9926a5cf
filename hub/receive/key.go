package receive

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// RecordKeySize is the length in bytes of the secret from which a hub's
// record key is made.
const RecordKeySize = 32

// RecordKey is the hub's own key, under which the key of every stored report
// is wrapped, and by which equal reports are recognised. It comes from a file
// that only the hub's operator may read, and lives nowhere in the record.
type RecordKey struct {
	wrap   cipher.AEAD
	digest []byte
}

// NewRecordKey derives the record key from RecordKeySize secret bytes (HKDF,
// RFC 5869): one part wraps, the other digests.
func NewRecordKey(secret []byte) (*RecordKey, error) {
	if len(secret) != RecordKeySize {
		return nil, fault.New(fault.Usage, "record.key_size", "a record key has %d bytes; `concord hub init` makes one", RecordKeySize)
	}
	wrapping, err := hkdf.Key(sha256.New, secret, nil, "concord record wrap v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the wrapping key: %w", err)
	}
	digesting, err := hkdf.Key(sha256.New, secret, nil, "concord record digest v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the digest key: %w", err)
	}
	wrap, err := sealer(wrapping)
	if err != nil {
		return nil, err
	}
	return &RecordKey{wrap: wrap, digest: digesting}, nil
}

// sealer is AES-256-GCM with a nonce given by the caller.
func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return aead, nil
}

// Digest is the keyed digest of a report's content, by which the same report
// sent again is recognised. Revision and commitment are left out: a report
// that says what it said before is the same report, however often its owner
// numbered it or committed to its file.
func (k *RecordKey) Digest(r report.Minimised) ([]byte, error) {
	r.Revision, r.Commitment = 0, ""
	canonical, err := wire.Canonical(r)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, k.digest)
	mac.Write(canonical)
	return mac.Sum(nil), nil
}

// Seal completes a row with the report it is about: Digest, Body and Key. Body
// is sealed under a fresh key, and that under k; both are bound to what the
// row says, so that no body can be put under another row.
func (k *RecordKey) Seal(row Row, body report.Minimised, random io.Reader) (Row, error) {
	digest, err := k.Digest(body)
	if err != nil {
		return Row{}, err
	}
	plain, err := wire.Canonical(body)
	if err != nil {
		return Row{}, err
	}
	row.Digest = digest
	bound := binding(row)
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return Row{}, fmt.Errorf("draw a report's key: %w", err)
	}
	one, err := sealer(key)
	if err != nil {
		return Row{}, err
	}
	// The key seals this one message: a fixed nonce is never used twice.
	row.Body = one.Seal(nil, make([]byte, one.NonceSize()), plain, bound)
	// Random nonces of 96 bits under one wrapping key serve for 2^32 reports.
	nonce := make([]byte, k.wrap.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return Row{}, fmt.Errorf("draw a nonce: %w", err)
	}
	row.Key = k.wrap.Seal(nonce, nonce, key, bound)
	return row, nil
}

// binding is what a sealed body is tied to: all of the row that never changes
// and is known before it is stored. Each part is preceded by its length.
func binding(r Row) []byte {
	var b strings.Builder
	for _, part := range []string{
		"concord report v1", string(r.Contribution), string(r.Report), strconv.Itoa(r.Revision),
		string(r.Member), string(r.OwnerGroup), string(r.Agreement), r.Sector, r.Standard,
		strconv.FormatInt(r.Received.Unix(), 10), string(r.Digest),
	} {
		b.WriteString(strconv.Itoa(len(part)))
		b.WriteByte(':')
		b.WriteString(part)
	}
	return []byte(b.String())
}

// Erased reports whether the row's key was destroyed: its report cannot be
// opened by anybody any more.
func (r Row) Erased() bool { return len(r.Key) == 0 }

// Restore makes of a stored row what this room minted when it was received.
// It opens the body and checks it again: sealed under k for this very row,
// readable, and saying what the row says. A row that fails was tampered with
// or damaged; an erased one is fault.NotFound.
func Restore(k *RecordKey, row Row) (Received, error) {
	if row.Erased() {
		return Received{}, fault.New(fault.NotFound, "report.erased", "report %d was erased", row.Seq)
	}
	plain, err := k.open(row)
	if err != nil {
		return Received{}, fault.New(fault.Internal, "record.damaged",
			"report %d of the record does not open; the record key is another one, or the file was changed", row.Seq).Because(err)
	}
	var body report.Minimised
	if err := wire.Decode(plain, &body); err != nil {
		return Received{}, fault.New(fault.Internal, "record.damaged", "report %d of the record cannot be read", row.Seq).Because(err)
	}
	if body.ID != row.Report || body.Sector != row.Sector || string(body.Standard) != row.Standard {
		return Received{}, fault.New(fault.Internal, "record.damaged", "report %d of the record is not what its row says", row.Seq)
	}
	row.Body, row.Key = nil, nil
	return Received{row: row, body: body}, nil
}

func (k *RecordKey) open(row Row) ([]byte, error) {
	n := k.wrap.NonceSize()
	if len(row.Key) < n {
		return nil, errors.New("the wrapped key is too short")
	}
	bound := binding(row)
	key, err := k.wrap.Open(nil, row.Key[:n], row.Key[n:], bound)
	if err != nil {
		return nil, fmt.Errorf("unwrap: %w", err)
	}
	one, err := sealer(key)
	if err != nil {
		return nil, err
	}
	plain, err := one.Open(nil, make([]byte, one.NonceSize()), row.Body, bound)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return plain, nil
}
