package deliver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// secret derives a key for one use and one audience from the hub's.
func (r *Room) secret(use string, v member.Viewer) []byte {
	mac := hmac.New(sha256.New, r.AudienceKey)
	fmt.Fprintf(mac, "concord %s v1\x00%s", use, v.Member.ID)
	return mac.Sum(nil)
}

// pseudonym is how a viewer sees a token: the same token looks the same to
// one member for one purpose, and different to any other.
func (r *Room) pseudonym(v member.Viewer, token string) string {
	mac := hmac.New(sha256.New, r.AudienceKey)
	mac.Write([]byte("concord pseudonym v1\x00" + string(v.Member.ID) + "\x00" + string(v.Purpose) + "\x00" + token))
	return "pseudonym-" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// shownID is the id under which a member knows an incident or campaign. Two
// members who compare ids learn nothing from them; to one member a thing keeps
// its id, whatever the purpose. The 16 bytes of an id are one block of AES,
// under a key of the audience's own, so that the hub needs no list to find the
// way back.
func shownID[T ~string](r *Room, v member.Viewer, prefix byte, id T) T {
	bits, ok := wire.IDBits(prefix, id)
	if !ok {
		return ""
	}
	r.block(v, prefix).Encrypt(bits[:], bits[:])
	return wire.IDFrom[T](prefix, bits)
}

// hubID is the inverse of shownID; false: it is no id at all.
func hubID[T ~string](r *Room, v member.Viewer, prefix byte, id T) (T, bool) {
	bits, ok := wire.IDBits(prefix, id)
	if !ok {
		return "", false
	}
	r.block(v, prefix).Decrypt(bits[:], bits[:])
	return wire.IDFrom[T](prefix, bits), true
}

func (r *Room) block(v member.Viewer, prefix byte) cipher.Block {
	block, err := aes.NewCipher(r.secret("ids "+string(prefix), v))
	if err != nil {
		panic("deliver: a key of 32 bytes is refused") // cannot be: AES-256 takes it
	}
	return block
}

// sealPlace writes the cursor of a list for a viewer. As the rooms upstream
// write it, it holds the id of an incident and the second in which a report
// came, be they withheld or not.
func (r *Room) sealPlace(v member.Viewer, list, place string) string {
	if place == "" {
		return ""
	}
	aead := r.placeCipher(v)
	mac := hmac.New(sha256.New, r.secret("place nonces", v))
	mac.Write([]byte(list + "\x00" + place))
	// Equal places have equal nonces, and only those.
	nonce := mac.Sum(nil)[:aead.NonceSize()]
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(place), []byte(list)))
}

// openPlace is the inverse of sealPlace.
func (r *Room) openPlace(v member.Viewer, list, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	wrong := fault.New(fault.Invalid, "page.cursor", "this is no page of the list; begin at its first page")
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	aead := r.placeCipher(v)
	if err != nil || len(data) < aead.NonceSize() {
		return "", wrong
	}
	place, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], []byte(list))
	if err != nil {
		return "", wrong.Because(err)
	}
	return string(place), nil
}

func (r *Room) placeCipher(v member.Viewer) cipher.AEAD {
	block, err := aes.NewCipher(r.secret("places", v))
	if err != nil {
		panic("deliver: a key of 32 bytes is refused") // cannot be: AES-256 takes it
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("deliver: AES has no GCM") // cannot be
	}
	return aead
}
