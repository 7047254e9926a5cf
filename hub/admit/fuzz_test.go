package admit

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// FuzzReadSigned: what somebody brings as a signed agreement is refused as
// theirs to mend, or is whole and signed by the key on its card.
func FuzzReadSigned(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	signed, err := agreement.Sign(agreement.Agreement{
		ID: wire.IDFrom[wire.AgreementID]('a', [16]byte{1}), Hub: "hub-test", Policy: "1", From: begin, Until: begin.Add(time.Hour),
		Standards: map[string]standard.Ref{"finance": "finance/1.0"},
		Member: agreement.Card{ID: wire.IDFrom[wire.MemberID]('m', [16]byte{1}), Name: "North Bank", Stake: member.Industry, Kind: "firm",
			OwnerGroup: "north", Sectors: []string{"finance"}, Key: key.Public().(ed25519.PublicKey)},
	}, key)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := readSigned(signed); err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	for _, s := range []string{"", "{}", `{"payload":null}`, `{"payload":"e30=","payloadType":"","signatures":[]}`, `{"payload":"e30=","payload":"e30="}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readSigned(data)
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Unauthenticated && kind != fault.TooLarge {
				t.Fatalf("%v is of kind %v", err, kind)
			}
			return
		}
		if err := a.Check(); err != nil {
			t.Fatalf("an agreement with a hole was read: %v", err)
		}
		if _, err := agreement.Read(data, a.Member.Key); err != nil {
			t.Fatalf("it is not signed by the key on its card: %v", err)
		}
	})
}

// FuzzCard: an invitation's card that is taken is one that an agreement can be
// made of.
func FuzzCard(f *testing.F) {
	d := &Door{Sectors: map[string]standard.Ref{"finance": "finance/1.0", "health": "health/1.0"}}
	f.Add([]byte(`{"name":"North Bank","stake":"industry","kind":"firm","owner_group":"north","sectors":["finance"],"purposes":["defend"]}`))
	f.Add([]byte(`{"name":"x","stake":"industry","kind":"firm","owner_group":"north","sectors":["finance"],"purposes":["defend","defend"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Card
		if json.Unmarshal(data, &c) != nil || d.checkCard(c) != nil {
			return
		}
		now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
		d.Now = func() time.Time { return now }
		d.Hub, d.Policy = "hub-test", "1"
		c.ID = wire.IDFrom[wire.MemberID]('m', [16]byte{1})
		a := d.proposal(c)
		a.ID, a.Member.Key = wire.IDFrom[wire.AgreementID]('a', [16]byte{1}), key.Public().(ed25519.PublicKey)
		if err := a.Check(); err != nil {
			t.Fatalf("an organisation is invited and can never join: %v", err)
		}
	})
}
