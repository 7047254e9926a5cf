package envelope

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Limits of a signed envelope.
const (
	// MaxPayload is the largest payload that is signed, in bytes: that of the
	// largest sealed text.
	MaxPayload = MaxSealed
	// MaxSignatures is the largest number of signatures on one envelope.
	MaxSignatures = 16
	// MaxSigned is the largest envelope taken, in bytes of JSON.
	MaxSigned = (MaxPayload+2)/3*4 + 8<<10
)

// document is the DSSE envelope. Pointers tell what is missing from what is
// empty: payload, payloadType and sig must be there.
type document struct {
	Payload     *string    `json:"payload"`
	PayloadType *string    `json:"payloadType"`
	Signatures  signatures `json:"signatures"`
}

type signature struct {
	KeyID string  `json:"keyid"`
	Sig   *string `json:"sig"`
}

type signatures []signature

// UnmarshalJSONFrom reads at most MaxSignatures signatures, so that a list of
// millions costs nothing.
func (s *signatures) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return fault.New(fault.Invalid, "envelope.malformed", "signatures must be a list").At(string(dec.StackPointer()))
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if len(*s) == MaxSignatures {
			return fault.New(fault.TooLarge, "envelope.too_large", "there are more than %d signatures", MaxSignatures)
		}
		var one signature
		if err := json.UnmarshalDecode(dec, &one); err != nil {
			return err
		}
		*s = append(*s, one)
	}
	_, err := dec.ReadToken()
	return err
}

// PAE is DSSE's pre-authentication encoding: the bytes that are signed.
//
//	"DSSEv1" SP len(type) SP type SP len(payload) SP payload
func PAE(payloadType string, payload []byte) []byte {
	pae := make([]byte, 0, len("DSSEv1")+2*(20+2)+len(payloadType)+len(payload))
	pae = append(pae, "DSSEv1 "...)
	pae = strconv.AppendInt(pae, int64(len(payloadType)), 10)
	pae = append(pae, ' ')
	pae = append(pae, payloadType...)
	pae = append(pae, ' ')
	pae = strconv.AppendInt(pae, int64(len(payload)), 10)
	pae = append(pae, ' ')
	return append(pae, payload...)
}

// Sign puts a payload into a DSSE envelope signed by each key, and returns it
// as JSON. The payload type is a media type that says how to read the payload
// (wire.Payload…).
//
// Faults: envelope.too_large, envelope.bad_key.
func Sign(payloadType string, payload []byte, keys ...ed25519.PrivateKey) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, fault.New(fault.TooLarge, "envelope.too_large", "the payload has %d bytes; at most %d are signed", len(payload), MaxPayload)
	}
	text := base64.StdEncoding.EncodeToString(payload)
	d := document{Payload: &text, PayloadType: &payloadType}
	return d.sign(payload, keys)
}

// Cosign adds a signature to an envelope of the given type. The signatures
// that it already bears are not verified here: verify first with [VerifyAll].
func Cosign(signed []byte, payloadType string, key ed25519.PrivateKey) ([]byte, error) {
	d, payload, err := decode(signed, payloadType)
	if err != nil {
		return nil, err
	}
	return d.sign(payload, []ed25519.PrivateKey{key})
}

func (d document) sign(payload []byte, keys []ed25519.PrivateKey) ([]byte, error) {
	if n := len(d.Signatures) + len(keys); n == 0 || n > MaxSignatures {
		return nil, fault.New(fault.Internal, "envelope.too_large", "an envelope bears 1 to %d signatures, not %d", MaxSignatures, n)
	}
	pae := PAE(*d.PayloadType, payload)
	for _, key := range keys {
		pub, err := publicOf(key)
		if err != nil {
			return nil, err
		}
		sig := base64.StdEncoding.EncodeToString(ed25519.Sign(key, pae))
		d.Signatures = append(d.Signatures, signature{KeyID: KeyID(pub), Sig: &sig})
	}
	signed, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write an envelope: %w", err)
	}
	return signed, nil
}

// Lookup returns the public key of a [KeyID], or false if it is not known.
type Lookup func(keyID string) (ed25519.PublicKey, bool)

// Verify checks an envelope that bears exactly one signature, and returns its
// payload and the id of the key that signed.
//
// Decoding is stricter than DSSE asks: unknown or repeated properties, unknown
// signers, a missing keyid and loose base64 are refused. Both alphabets of
// base64 are taken, as DSSE demands.
//
// Faults: envelope.too_large, envelope.malformed, envelope.wrong_type,
// envelope.unknown_key, envelope.bad_signature.
func Verify(signed []byte, payloadType string, lookup Lookup) (payload []byte, keyID string, err error) {
	d, payload, err := decode(signed, payloadType)
	if err != nil {
		return nil, "", err
	}
	if n := len(d.Signatures); n != 1 {
		return nil, "", fault.New(fault.Invalid, "envelope.malformed", "one signature is expected here, and there are %d", n).At("/signatures")
	}
	keyIDs, err := d.verify(payload, lookup)
	if err != nil {
		return nil, "", err
	}
	return payload, keyIDs[0], nil
}

// VerifyAll checks an envelope that bears one or more signatures, each by
// another known key, and returns the ids of those keys in order. One bad or
// unknown signature refuses the whole. The caller says whose must be there.
//
// Faults as for [Verify].
func VerifyAll(signed []byte, payloadType string, lookup Lookup) (payload []byte, keyIDs []string, err error) {
	d, payload, err := decode(signed, payloadType)
	if err != nil {
		return nil, nil, err
	}
	keyIDs, err = d.verify(payload, lookup)
	if err != nil {
		return nil, nil, err
	}
	return payload, keyIDs, nil
}

// verify checks every signature. A keyid is a mere hint until the signature
// holds under a key that really has this id.
func (d document) verify(payload []byte, lookup Lookup) ([]string, error) {
	pae := PAE(*d.PayloadType, payload)
	var keyIDs []string
	seen := map[string]bool{}
	for i, s := range d.Signatures {
		at := fmt.Sprintf("/signatures/%d", i)
		pub, known := lookup(s.KeyID)
		if !known || len(pub) != ed25519.PublicKeySize || KeyID(pub) != s.KeyID {
			return nil, fault.New(fault.Unauthenticated, "envelope.unknown_key",
				"the key that signed is not known here; if it is new, its owner has to register it first").At(at)
		}
		sig, err := decodeBase64(*s.Sig)
		if err != nil {
			return nil, malformed("the signature is not base64").At(at)
		}
		if len(sig) != ed25519.SignatureSize || !ed25519.Verify(pub, pae, sig) {
			return nil, fault.New(fault.Unauthenticated, "envelope.bad_signature",
				"the signature does not fit the payload, its type and the key; it was made with another key, or the envelope was changed on the way").At(at)
		}
		if seen[s.KeyID] {
			return nil, malformed("the same key signed twice").At(at)
		}
		seen[s.KeyID] = true
		keyIDs = append(keyIDs, s.KeyID)
	}
	return keyIDs, nil
}

// decode reads an envelope of the given type strictly, without verifying it.
func decode(signed []byte, payloadType string) (document, []byte, error) {
	if len(signed) > MaxSigned {
		return document{}, nil, fault.New(fault.TooLarge, "envelope.too_large", "the envelope has %d bytes; at most %d are taken", len(signed), MaxSigned)
	}
	var d document
	if err := wire.Decode(signed, &d); err != nil {
		f := fault.Public(err)
		if strings.HasPrefix(f.Code, "envelope.") {
			return document{}, nil, f
		}
		return document{}, nil, malformed(f.Message).At(knownPath(f.Path)).Because(err)
	}
	if d.Payload == nil || d.PayloadType == nil || len(d.Signatures) == 0 {
		return document{}, nil, malformed("payload, payloadType and at least one signature must be there")
	}
	for i, s := range d.Signatures {
		if s.Sig == nil {
			return document{}, nil, malformed("a signature has no sig").At(fmt.Sprintf("/signatures/%d", i))
		}
	}
	if *d.PayloadType != payloadType {
		return document{}, nil, fault.New(fault.Invalid, "envelope.wrong_type", "payload type %s is expected here, and the envelope has another", payloadType).At("/payloadType")
	}
	payload, err := decodeBase64(*d.Payload)
	if err != nil {
		return document{}, nil, malformed("the payload is not base64").At("/payload")
	}
	if len(payload) > MaxPayload {
		return document{}, nil, fault.New(fault.TooLarge, "envelope.too_large", "the payload has %d bytes; at most %d are taken", len(payload), MaxPayload).At("/payload")
	}
	return d, payload, nil
}

// knownPath cuts a JSON pointer before the first name that DSSE does not
// have: a stranger's property names are content, and errors hold none.
func knownPath(pointer string) string {
	known := ""
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch name {
		case "payload", "payloadType", "signatures", "keyid", "sig":
		default:
			if _, err := strconv.ParseUint(name, 10, 8); err != nil {
				return known
			}
		}
		known += "/" + name
	}
	return known
}

func malformed(why string) *fault.Error {
	return fault.New(fault.Invalid, "envelope.malformed", "not an envelope as DSSE has it: %s", why)
}

// decodeBase64 takes padded base64 in the standard or the URL-safe alphabet,
// not both at once, without line ends and with no loose bits at its end.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which the decoder would skip
		return nil, base64.CorruptInputError(strings.IndexAny(text, "\r\n"))
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	return encoding.Strict().DecodeString(text)
}
