// Package envelope is how a member's reports travel, and how hub and members
// sign what they promise one another.
//
//	edge                                                      hub
//	plaintext ─ Seal: pad to a size class, HPKE ─▶ sealed
//	sealed    ─ Sign: DSSE, Ed25519 ─▶ signed ═══════════▶ Verify ─▶ Open
//
// Signatures are DSSE (https://github.com/secure-systems-lab/dsse): a JSON
// envelope {payload, payloadType, signatures[{keyid, sig}]} whose signatures
// cover type and payload together. Encryption is HPKE (RFC 9180) in base mode
// with the hybrid post-quantum KEM MLKEM768X25519 (X-Wing), HKDF-SHA256 and
// AES-256-GCM: who records the traffic today must break both ML-KEM-768 and
// X25519 to read it later. Signatures are not post-quantum.
//
// A contribution is encrypted, then signed, and what is encrypted is bound to
// purpose, hub, member and signing key (the HPKE info). So nobody can take a
// ciphertext from its envelope and sign it as theirs, and nobody can forward
// it to another hub: it would not open there.
//
// Randomness for keys is passed in. HPKE draws the randomness of each sealing
// from crypto/rand itself; its API takes none.
package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// contributionPurpose separates contributions from anything else that is ever
// sealed to a hub's key.
const contributionPurpose = "concord contribution v1"

// SealContribution pads and encrypts a contribution's plaintext to a hub's
// key, and signs the result with the member's key. The hub's and the member's
// id are bound into it. It returns the DSSE envelope as JSON; an outbox sends
// these very bytes until it holds a receipt.
//
// Faults: envelope.too_large, envelope.bad_key.
func SealContribution(to RecipientPublic, hub string, from wire.MemberID, plaintext []byte, key ed25519.PrivateKey) ([]byte, error) {
	pub, err := publicOf(key)
	if err != nil {
		return nil, err
	}
	sealed, err := Seal(to, contributionInfo(hub, from, KeyID(pub)), plaintext)
	if err != nil {
		return nil, err
	}
	return Sign(wire.PayloadContribution, sealed, key)
}

// Opened is a contribution whose signature held and which opened.
type Opened struct {
	Member wire.MemberID
	// KeyID names the key that signed it.
	KeyID string
	// Digest is the hex SHA-256 of the envelope's payload, the ciphertext: it
	// names the envelope on a receipt.
	Digest    string
	Plaintext []byte
}

// Owner tells whose a signing key is. For a key nobody has it returns a
// fault.NotFound; any other error ends the opening and is handed on.
type Owner func(keyID string) (wire.MemberID, ed25519.PublicKey, error)

// OpenContribution verifies a contribution's one signature and opens it for
// the hub with one of its keys (more than one while it changes keys).
//
// Faults: envelope.too_large, envelope.malformed, envelope.wrong_type,
// envelope.unknown_key, envelope.bad_signature, envelope.not_for_us (sealed to
// a key that the hub does not have), envelope.cannot_open (sealed for another
// hub, or by another member or key than the one that signed).
func OpenContribution(signed []byte, hub string, owner Owner, keys ...*RecipientKey) (Opened, error) {
	var (
		member   wire.MemberID
		ownerErr error
	)
	payload, keyID, err := Verify(signed, wire.PayloadContribution, func(keyID string) (ed25519.PublicKey, bool) {
		var pub ed25519.PublicKey
		member, pub, ownerErr = owner(keyID)
		return pub, ownerErr == nil
	})
	if ownerErr != nil && !isNotFound(ownerErr) {
		return Opened{}, ownerErr
	}
	if err != nil {
		return Opened{}, err
	}
	plaintext, err := OpenAny(keys, contributionInfo(hub, member, keyID), payload)
	if err != nil {
		return Opened{}, err
	}
	digest := sha256.Sum256(payload)
	return Opened{Member: member, KeyID: keyID, Digest: hex.EncodeToString(digest[:]), Plaintext: plaintext}, nil
}

// contributionInfo is what a contribution's ciphertext is bound to. Every part
// has its length before it, so that no two bindings have the same bytes.
func contributionInfo(hub string, from wire.MemberID, keyID string) []byte {
	var info []byte
	for _, part := range []string{contributionPurpose, hub, string(from), keyID} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	return info
}

func isNotFound(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.NotFound
}
