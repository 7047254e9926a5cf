package agreement_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

var (
	memberKey = key(1)
	hubKey    = key(2)
	otherKey  = key(3)
	begin     = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
)

func sample(t testing.TB) agreement.Agreement {
	t.Helper()
	sheet, err := terms.Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	a, err := agreement.Propose(agreement.Agreement{
		ID: wire.IDFrom[wire.AgreementID]('a', [16]byte{7}),
		Member: agreement.Card{
			ID: wire.IDFrom[wire.MemberID]('m', [16]byte{8}), Name: "North Bank", Stake: member.Industry, Kind: "firm",
			OwnerGroup: "north", Sectors: []string{"finance"}, Key: public(memberKey), Contact: "desk@north.example",
		},
		Hub:          "hub.example",
		Standards:    map[string]standard.Ref{"finance": "finance/1.0"},
		Policy:       "finance-1",
		Terms:        sheet,
		Undertakings: []string{"No attempt is made to find out who reported."},
		From:         begin,
		Until:        begin.AddDate(1, 0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func signed(t testing.TB, a agreement.Agreement) []byte {
	t.Helper()
	one, err := agreement.Sign(a, memberKey)
	if err != nil {
		t.Fatal(err)
	}
	both, err := agreement.Countersign(one, public(memberKey), hubKey)
	if err != nil {
		t.Fatal(err)
	}
	return both
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got error %v (%+v), want the code %s", err, f, code)
	}
}

func TestBothSidesSignTheSameBytesAndTheStewardOpensThem(t *testing.T) {
	a := sample(t)
	both := signed(t, a)
	got, err := agreement.Open(both, public(memberKey), public(hubKey))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := a.Canonical()
	if b, _ := got.Canonical(); !bytes.Equal(b, want) {
		t.Errorf("what was opened is not what was signed:\n%s\n%s", b, want)
	}
	again, err := agreement.OpenCountersigned(both, public(hubKey))
	if err != nil || again.Member.Name != "North Bank" {
		t.Errorf("a steward that knows the hub's key alone cannot open it: %v", err)
	}
	// The hub may as well sign first.
	first, err := agreement.Sign(a, hubKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agreement.Read(first, public(hubKey)); err != nil {
		t.Errorf("the member cannot read what the hub offers: %v", err)
	}
	second, err := agreement.Countersign(first, public(hubKey), memberKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agreement.Open(second, public(memberKey), public(hubKey)); err != nil {
		t.Errorf("signed by the hub first, it does not open: %v", err)
	}
}

func TestAnAgreementNotSignedByExactlyBothSidesIsRefused(t *testing.T) {
	a := sample(t)
	one, err := agreement.Sign(a, memberKey)
	if err != nil {
		t.Fatal(err)
	}
	byOther, err := envelope.Cosign(one, wire.PayloadAgreement, otherKey)
	if err != nil {
		t.Fatal(err)
	}
	three, err := envelope.Cosign(signed(t, a), wire.PayloadAgreement, otherKey)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := envelope.Cosign(one, wire.PayloadAgreement, memberKey)
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := a.Canonical()
	otherType, err := envelope.Sign(wire.PayloadReceipt, payload, memberKey, hubKey)
	if err != nil {
		t.Fatal(err)
	}
	both := signed(t, a)
	changed := bytes.Replace(both, []byte(base64.StdEncoding.EncodeToString(payload)),
		[]byte(base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte("North"), []byte("South"), 1))), 1)
	for name, s := range map[string][]byte{
		"by the member alone": one, "by a stranger in the hub's place": byOther, "by three": three,
		"twice by the member": twice, "as another kind of document": otherType, "changed afterwards": changed,
		"empty": nil, "cut short": both[:len(both)/2],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := agreement.Open(s, public(memberKey), public(hubKey))
			wantCode(t, err, "agreement.bad_signature")
			if _, err := agreement.OpenCountersigned(s, public(hubKey)); err == nil {
				t.Error("a steward opened it")
			}
		})
	}
	t.Run("by another member's key than the card names", func(t *testing.T) {
		s, err := envelope.Sign(wire.PayloadAgreement, payload, otherKey, hubKey)
		if err != nil {
			t.Fatal(err)
		}
		_, err = agreement.Open(s, public(otherKey), public(hubKey))
		wantCode(t, err, "agreement.bad_signature")
	})
	t.Run("by the hub in both places", func(t *testing.T) {
		_, err := agreement.Open(both, public(hubKey), public(hubKey))
		wantCode(t, err, "agreement.bad_signature")
	})
	t.Run("nothing is countersigned unread", func(t *testing.T) {
		if _, err := agreement.Countersign(byOther, public(memberKey), hubKey); err == nil {
			t.Error("an agreement with a stranger's signature was countersigned")
		}
	})
}

func TestOnlyCanonicalBytesAreAnAgreement(t *testing.T) {
	payload, _ := sample(t).Canonical()
	for name, p := range map[string][]byte{
		"another spelling of the same": bytes.Replace(payload, []byte(`{"from"`), []byte(`{ "from"`), 1),
		"another spelling of a time":   bytes.Replace(payload, []byte("08:00:00Z"), []byte("09:00:00+01:00"), 1),
		"an unknown property":          bytes.Replace(payload, []byte(`{"from"`), []byte(`{"extra":1,"from"`), 1),
		"a property twice":             bytes.Replace(payload, []byte(`{"from"`), []byte(`{"hub":"x","from"`), 1),
		"no object":                    []byte("[]"),
	} {
		t.Run(name, func(t *testing.T) {
			if bytes.Equal(p, payload) {
				t.Fatal("the test changed nothing")
			}
			s, err := envelope.Sign(wire.PayloadAgreement, p, memberKey, hubKey)
			if err != nil {
				t.Fatal(err)
			}
			_, err = agreement.Open(s, public(memberKey), public(hubKey))
			wantCode(t, err, "agreement.malformed")
		})
	}
}

func TestValidityEndsToTheSecond(t *testing.T) {
	a := sample(t)
	for _, c := range []struct {
		at   time.Time
		code string
	}{
		{a.From.Add(-time.Nanosecond), "agreement.not_yet"},
		{a.From, ""},
		{a.Until.Add(-time.Nanosecond), ""},
		{a.Until, "agreement.expired"},
		{a.Until.In(time.FixedZone("east", 3600)), "agreement.expired"},
	} {
		err := a.ValidAt(c.at)
		if c.code == "" {
			if err != nil {
				t.Errorf("at %v: %v", c.at, err)
			}
			continue
		}
		wantCode(t, err, c.code)
	}
	wantCode(t, a.With("elsewhere.example"), "agreement.other_hub")
	if err := a.With("hub.example"); err != nil {
		t.Error(err)
	}
	wantCode(t, a.Allows(member.Publish), "agreement.purpose")
	if err := a.Allows(member.Defend); err != nil {
		t.Error(err)
	}
}

func TestNobodyMayPublishByDefault(t *testing.T) {
	for _, s := range member.Stakes() {
		p := agreement.DefaultPurposes(s)
		if len(p) == 0 {
			t.Errorf("%s has no purpose by default", s)
		}
		for _, q := range p {
			if q == member.Publish || !q.Valid() {
				t.Errorf("%s may %s by default", s, q)
			}
		}
	}
}

func TestAnAgreementWithAHoleIsRefused(t *testing.T) {
	for name, damage := range map[string]func(*agreement.Agreement){
		"no id":                        func(a *agreement.Agreement) { a.ID = "" },
		"an id of another kind":        func(a *agreement.Agreement) { a.ID = wire.AgreementID(a.Member.ID) },
		"no hub":                       func(a *agreement.Agreement) { a.Hub = "" },
		"no name":                      func(a *agreement.Agreement) { a.Member.Name = "" },
		"no such stake":                func(a *agreement.Agreement) { a.Member.Stake = "press" },
		"no such kind":                 func(a *agreement.Agreement) { a.Member.Kind = "gang" },
		"no owner group":               func(a *agreement.Agreement) { a.Member.OwnerGroup = "" },
		"no sector":                    func(a *agreement.Agreement) { a.Member.Sectors = nil },
		"a short key":                  func(a *agreement.Agreement) { a.Member.Key = a.Member.Key[:31] },
		"a sector without a standard":  func(a *agreement.Agreement) { a.Member.Sectors = []string{"finance", "health"} },
		"a standard without a sector":  func(a *agreement.Agreement) { a.Standards["health"] = "health/1.0" },
		"no such purpose":              func(a *agreement.Agreement) { a.Purposes = []member.Purpose{"sell"} },
		"a purpose twice":              func(a *agreement.Agreement) { a.Purposes = []member.Purpose{"study", "study"} },
		"an empty undertaking":         func(a *agreement.Agreement) { a.Undertakings = []string{""} },
		"terms without clauses":        func(a *agreement.Agreement) { a.Terms = &terms.Sheet{Name: "x", Version: 1} },
		"an end before its beginning":  func(a *agreement.Agreement) { a.Until = a.From },
		"no end":                       func(a *agreement.Agreement) { a.Until = time.Time{} },
		"an end in the next century":   func(a *agreement.Agreement) { a.Until = a.From.AddDate(80, 0, 0) },
		"a beginning within a second":  func(a *agreement.Agreement) { a.From = a.From.Add(time.Millisecond) },
		"a beginning in another place": func(a *agreement.Agreement) { a.From = a.From.In(time.FixedZone("east", 3600)) },
	} {
		t.Run(name, func(t *testing.T) {
			a := sample(t)
			damage(&a)
			if err := a.Check(); fault.KindOf(err) != fault.Invalid {
				t.Errorf("Check: %v", err)
			}
			if _, err := agreement.Sign(a, memberKey); err == nil {
				t.Error("it was signed")
			}
		})
	}
}

func TestCanonicalBytesAreStable(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := sample(t)
		a.Member.Name = rapid.StringMatching(`[^\x00]{1,40}`).Filter(func(s string) bool { return json.Valid([]byte(`"` + s + `"`)) }).Draw(r, "name")
		if len(a.Member.Name) > 200 {
			return
		}
		a.From = a.From.Add(time.Duration(rapid.IntRange(0, 1e6).Draw(r, "from")) * time.Second)
		one, err := a.Canonical()
		if err != nil {
			r.Fatal(err)
		}
		got, err := agreement.Open(signed(t, a), public(memberKey), public(hubKey))
		if err != nil {
			r.Fatal(err)
		}
		if two, _ := got.Canonical(); !bytes.Equal(one, two) {
			r.Fatalf("canonical bytes changed on the way:\n%s\n%s", one, two)
		}
	})
}

func FuzzOpen(f *testing.F) {
	good := signed(f, sample(f))
	f.Add(good)
	f.Add(good[:len(good)-10])
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.concord.agreement.v1+json","signatures":[]}`))
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := agreement.OpenCountersigned(data, public(hubKey))
		if err != nil {
			return
		}
		if err := a.Check(); err != nil {
			t.Fatalf("it opened, and does not hold: %v", err)
		}
	})
}
