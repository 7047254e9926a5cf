package agreement

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Canonical returns the bytes that both sides sign: the agreement as canonical
// JSON.
func (a Agreement) Canonical() ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	return wire.Canonical(a)
}

// Sign gives the first of the two signatures, with the member's or the hub's
// key. The result is not valid before the other side has signed as well.
func Sign(a Agreement, key ed25519.PrivateKey) ([]byte, error) {
	payload, err := a.Canonical()
	if err != nil {
		return nil, err
	}
	if len(payload) > MaxSigned/2 {
		return nil, fault.New(fault.TooLarge, "agreement.too_large", "the agreement has %d bytes; at most %d are signed", len(payload), MaxSigned/2)
	}
	return envelope.Sign(wire.PayloadAgreement, payload, key)
}

// Read opens an agreement that one side has signed, for the other side to look
// at before it countersigns: it verifies that side's signature and that there
// is no other.
func Read(signed []byte, by ed25519.PublicKey) (Agreement, error) {
	return open(signed, by)
}

// Countersign adds the second signature to an agreement that the other side,
// with the key by, has signed. Read it first: the signature binds.
func Countersign(signed []byte, by ed25519.PublicKey, key ed25519.PrivateKey) ([]byte, error) {
	if _, err := Read(signed, by); err != nil {
		return nil, err
	}
	return envelope.Cosign(signed, wire.PayloadAgreement, key)
}

// Open opens an agreement that both sides have signed: both signatures are
// there, no other is, and the agreement names the member's key. Whether it is
// valid now, and with this hub, is asked of [Agreement.ValidAt] and
// [Agreement.With].
//
// Faults: agreement.bad_signature, agreement.malformed, agreement.too_large.
func Open(signed []byte, memberKey, hubKey ed25519.PublicKey) (Agreement, error) {
	a, err := open(signed, memberKey, hubKey)
	if err != nil {
		return Agreement{}, err
	}
	if !a.Member.Key.Equal(memberKey) {
		return Agreement{}, badSignature(errors.New("the card names another key than the one that signed"))
	}
	return a, nil
}

// OpenCountersigned opens an agreement of a member who is known by nothing but
// the hub's word: the member's key is the one that the agreement names.
func OpenCountersigned(signed []byte, hubKey ed25519.PublicKey) (Agreement, error) {
	claimed, err := peek(signed)
	if err != nil {
		return Agreement{}, err
	}
	return Open(signed, claimed.Member.Key, hubKey)
}

// open verifies that exactly these keys have signed, and reads what they
// signed.
func open(signed []byte, keys ...ed25519.PublicKey) (Agreement, error) {
	if len(signed) > MaxSigned {
		return Agreement{}, tooLarge(signed)
	}
	payload, keyIDs, err := envelope.VerifyAll(signed, wire.PayloadAgreement, func(id string) (ed25519.PublicKey, bool) {
		for _, k := range keys {
			if len(k) == ed25519.PublicKeySize && envelope.KeyID(k) == id {
				return k, true
			}
		}
		return nil, false
	})
	if err != nil {
		return Agreement{}, badSignature(err)
	}
	// VerifyAll takes no key twice, so as many signatures as keys are one of
	// each, unless both sides are the same key.
	if len(keyIDs) != len(keys) {
		return Agreement{}, badSignature(errors.New("the agreement is not signed by both sides"))
	}
	return read(payload)
}

// read decodes an agreement strictly: the bytes that were signed are the only
// bytes that mean it.
func read(payload []byte) (Agreement, error) {
	var a Agreement
	if err := wire.Decode(payload, &a); err != nil {
		f := fault.Public(err)
		return Agreement{}, fault.New(fault.Invalid, "agreement.malformed", "not an agreement: %s", f.Message).At(f.Path).Because(err)
	}
	// A time read as "…Z" is in UTC; any other spelling fails the comparison.
	a.From, a.Until = a.From.UTC(), a.Until.UTC()
	if a.Project != nil {
		a.Project.Until = a.Project.Until.UTC()
	}
	canonical, err := a.Canonical()
	if err != nil {
		return Agreement{}, err
	}
	if string(canonical) != string(payload) {
		return Agreement{}, fault.New(fault.Invalid, "agreement.malformed", "the agreement is not in canonical form (RFC 8785)")
	}
	return a, nil
}

// peek reads what an agreement claims without verifying anything.
func peek(signed []byte) (Agreement, error) {
	if len(signed) > MaxSigned {
		return Agreement{}, tooLarge(signed)
	}
	var d struct {
		Payload     string         `json:"payload"`
		PayloadType string         `json:"payloadType"`
		Signatures  jsontext.Value `json:"signatures"`
	}
	if err := wire.Decode(signed, &d); err != nil {
		return Agreement{}, badSignature(err)
	}
	payload, err := base64.StdEncoding.Strict().DecodeString(d.Payload)
	if err != nil {
		return Agreement{}, badSignature(err)
	}
	a, err := read(payload)
	if err != nil {
		return Agreement{}, badSignature(err)
	}
	return a, nil
}

func tooLarge(signed []byte) error {
	return fault.New(fault.TooLarge, "agreement.too_large", "the signed agreement has %d bytes; at most %d are taken", len(signed), MaxSigned)
}

func badSignature(cause error) error {
	return fault.New(fault.Unauthenticated, "agreement.bad_signature",
		"this is no agreement signed by both sides, the member and this hub: either the file was changed, or whoever refuses it pins another key of the hub").Because(cause)
}
