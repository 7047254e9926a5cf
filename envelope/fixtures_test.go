package envelope

import (
	"crypto/ed25519"
	"errors"
	mathrand "math/rand/v2"
	"testing"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

const (
	hubA = "hub-a.example"
	hubB = "hub-b.example"
)

// trust is two members and two hubs, with keys that are the same in each run.
type trust struct {
	keyA, keyB   *RecipientKey
	bank, police ed25519.PrivateKey
	members      map[string]wire.MemberID
	publics      map[string]ed25519.PublicKey
}

func newTrust(t testing.TB) *trust {
	t.Helper()
	random := mathrand.NewChaCha8([32]byte{1})
	tr := &trust{
		keyA: must(GenerateRecipientKey(random)), keyB: must(GenerateRecipientKey(random)),
		bank: must(GenerateKey(random)), police: must(GenerateKey(random)),
		members: map[string]wire.MemberID{}, publics: map[string]ed25519.PublicKey{},
	}
	for id, key := range map[wire.MemberID]ed25519.PrivateKey{"m-bank": tr.bank, "m-police": tr.police} {
		pub := key.Public().(ed25519.PublicKey)
		tr.members[KeyID(pub)], tr.publics[KeyID(pub)] = id, pub
	}
	return tr
}

func (tr *trust) owner(keyID string) (wire.MemberID, ed25519.PublicKey, error) {
	pub, ok := tr.publics[keyID]
	if !ok {
		return "", nil, fault.New(fault.NotFound, "record.member", "no such member")
	}
	return tr.members[keyID], pub, nil
}

func (tr *trust) lookup(keyID string) (ed25519.PublicKey, bool) {
	pub, ok := tr.publics[keyID]
	return pub, ok
}

func keyIDOf(key ed25519.PrivateKey) string { return KeyID(key.Public().(ed25519.PublicKey)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// codeOf returns the stable code of a fault, or the error's text.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return err.Error()
}
