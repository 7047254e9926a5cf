package agreement_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/wire"
)

// given is a delegation under the sample agreement.
func given(change ...func(d *agreement.Delegation)) agreement.Delegation {
	d := agreement.Delegation{
		ID: wire.IDFrom[wire.DelegationID]('l', [16]byte{9}), Member: wire.IDFrom[wire.MemberID]('m', [16]byte{8}), Hub: "hub.example",
		Agreement: wire.IDFrom[wire.AgreementID]('a', [16]byte{7}), Key: public(otherKey), Sectors: []string{"finance"},
		Scopes: []string{agreement.MayContribute, agreement.MayEvaluate}, From: begin, Until: begin.Add(agreement.MaxDelegation),
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func TestADelegationThatBreaksItsFormIsNotSigned(t *testing.T) {
	if _, err := agreement.SignDelegation(given(), memberKey); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(d *agreement.Delegation){
		"no id":                   func(d *agreement.Delegation) { d.ID = "" },
		"an id of something else": func(d *agreement.Delegation) { d.ID = wire.DelegationID(d.Member) },
		"no member":               func(d *agreement.Delegation) { d.Member = "" },
		"no hub":                  func(d *agreement.Delegation) { d.Hub = "" },
		"no agreement":            func(d *agreement.Delegation) { d.Agreement = "" },
		"a short key":             func(d *agreement.Delegation) { d.Key = d.Key[1:] },
		"the member's own key":    func(d *agreement.Delegation) { d.Key = public(memberKey) },
		"no sector":               func(d *agreement.Delegation) { d.Sectors = nil },
		"a sector twice":          func(d *agreement.Delegation) { d.Sectors = []string{"finance", "finance"} },
		"a sector without a name": func(d *agreement.Delegation) { d.Sectors = []string{""} },
		"no scope":                func(d *agreement.Delegation) { d.Scopes = nil },
		"another scope":           func(d *agreement.Delegation) { d.Scopes = []string{"read"} },
		"parts of a second":       func(d *agreement.Delegation) { d.Until = d.Until.Add(-time.Millisecond) },
		"another time zone":       func(d *agreement.Delegation) { d.From = d.From.In(time.FixedZone("", 3600)) },
		"an end before its begin": func(d *agreement.Delegation) { d.Until = d.From.Add(-time.Second) },
		"an end at its begin":     func(d *agreement.Delegation) { d.Until = d.From },
		"a second too long":       func(d *agreement.Delegation) { d.Until = d.Until.Add(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := agreement.SignDelegation(given(change), memberKey)
			wantCode(t, err, "delegation.malformed")
		})
	}
}

func TestADelegationOpensWithItsMembersKeyAlone(t *testing.T) {
	d := given()
	signed, err := agreement.SignDelegation(d, memberKey)
	if err != nil {
		t.Fatal(err)
	}
	got, err := agreement.OpenDelegation(signed, public(memberKey))
	if err != nil || got.ID != d.ID || !got.Key.Equal(d.Key) || !got.Until.Equal(d.Until) || !slices.Equal(got.Sectors, d.Sectors) {
		t.Errorf("opened is %+v, %v", got, err)
	}
	for name, key := range map[string]ed25519.PublicKey{"the hub's": public(hubKey), "the delegate's": public(otherKey), "none": nil} {
		t.Run(name, func(t *testing.T) {
			_, err := agreement.OpenDelegation(signed, key)
			wantCode(t, err, "delegation.bad_signature")
		})
	}
	canonical, err := wire.Canonical(d)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ typ, payload, code string }{
		"another payload type": {wire.PayloadAgreement, string(canonical), "delegation.bad_signature"},
		"not canonical":        {wire.PayloadDelegation, strings.Replace(string(canonical), ":", ": ", 1), "delegation.malformed"},
		"more than is known":   {wire.PayloadDelegation, strings.Replace(string(canonical), "{", `{"more":1,`, 1), "delegation.malformed"},
		"no delegation":        {wire.PayloadDelegation, `[]`, "delegation.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			signed, err := envelope.Sign(c.typ, []byte(c.payload), memberKey)
			if err != nil {
				t.Fatal(err)
			}
			_, err = agreement.OpenDelegation(signed, public(memberKey))
			wantCode(t, err, c.code)
		})
	}
}

// A delegation holds from its first second until before its last, under its own
// agreement, for what it names; whoever verifies may be five minutes behind.
func TestADelegationHoldsForItsTimeAgreementAndScopes(t *testing.T) {
	a := sample(t)
	rapid.Check(t, func(t *rapid.T) {
		d := given(func(d *agreement.Delegation) {
			d.Until = d.From.Add(time.Duration(rapid.Int64Range(1, int64(agreement.MaxDelegation/time.Second)).Draw(t, "seconds")) * time.Second)
			d.Scopes = rapid.SampledFrom([][]string{{agreement.MayContribute}, {agreement.MayEvaluate}, {agreement.MayEvaluate, agreement.MayContribute}}).Draw(t, "scopes")
		})
		scope := rapid.SampledFrom([]string{agreement.MayContribute, agreement.MayEvaluate, "read"}).Draw(t, "scope")
		now := begin.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(agreement.MaxDelegation+time.Hour)).Draw(t, "now")))
		want := slices.Contains(d.Scopes, scope) && !now.Before(begin.Add(-5*time.Minute)) && now.Before(d.Until)
		if err := d.Holds(a, scope, now); (err == nil) != want {
			t.Fatalf("it holds: %v, want %v", err, want)
		}
	})
	for code, change := range map[string]func(d *agreement.Delegation){
		"delegation.other_member":    func(d *agreement.Delegation) { d.Member = wire.IDFrom[wire.MemberID]('m', [16]byte{1}) },
		"delegation.other_hub":       func(d *agreement.Delegation) { d.Hub = "another.example" },
		"delegation.other_agreement": func(d *agreement.Delegation) { d.Agreement = wire.IDFrom[wire.AgreementID]('a', [16]byte{1}) },
	} {
		wantCode(t, given(change).Holds(a, agreement.MayContribute, begin), code)
	}
	if err := given().Covers("finance"); err != nil {
		t.Error(err)
	}
	wantCode(t, given().Covers("health"), "delegation.sector")
}

func FuzzOpenDelegation(f *testing.F) {
	good, err := agreement.SignDelegation(given(), memberKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-10])
	f.Add([]byte(`{"payload":"e30=","payloadType":"application/vnd.concord.delegation.v1+json","signatures":[]}`))
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := agreement.OpenDelegation(data, public(memberKey))
		if err != nil {
			return
		}
		if err := d.Check(); err != nil {
			t.Fatalf("it opened, and does not hold to its form: %v", err)
		}
	})
}
