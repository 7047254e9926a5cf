package agreement_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

var asker = wire.IDFrom[wire.MemberID]('m', [16]byte{8})

func issue(t testing.TB, k ed25519.PrivateKey, now time.Time, nonce byte) string {
	t.Helper()
	text, err := agreement.IssueCredential(k, asker, "steward-1", "evaluate", now, bytes.NewReader(bytes.Repeat([]byte{nonce}, 16)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verify(text string, audience, scope string, now time.Time) (agreement.Credential, error) {
	p, err := agreement.ParseCredential(text)
	if err != nil {
		return agreement.Credential{}, err
	}
	return p.Verify(public(memberKey), audience, scope, now)
}

func TestACredentialSaysWhoAsksOnceForMinutes(t *testing.T) {
	text := issue(t, memberKey, begin, 1)
	c, err := verify(text, "steward-1", "evaluate", begin)
	if err != nil {
		t.Fatal(err)
	}
	if c.Member != asker || c.KeyID != envelope.KeyID(public(memberKey)) {
		t.Errorf("it says %+v", c)
	}
	var once agreement.Once
	if err := once.Spend(c, begin); err != nil {
		t.Fatal(err)
	}
	wantCode(t, once.Spend(c, begin.Add(time.Minute)), "credential.used")
}

func TestWhatIsWrongWithACredentialIsNamed(t *testing.T) {
	good := issue(t, memberKey, begin, 1)
	head, tail, _ := strings.Cut(good, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(head)
	again := func(p []byte) string {
		sig := ed25519.Sign(memberKey, append([]byte("concord credential v1\x00"), p...))
		return base64.RawURLEncoding.EncodeToString(p) + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	bare := base64.RawURLEncoding.EncodeToString(payload) + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(memberKey, payload))
	for _, c := range []struct {
		name, text, audience, scope string
		now                         time.Time
		code                        string
	}{
		{"signed by another key", issue(t, otherKey, begin, 1), "steward-1", "evaluate", begin, "credential.bad_signature"},
		{"signed without the prefix of credentials", bare, "steward-1", "evaluate", begin, "credential.bad_signature"},
		{"another member's name put in", again(bytes.Replace(payload, []byte(asker), []byte(wire.IDFrom[wire.MemberID]('m', [16]byte{9})), 1)) + "x", "steward-1", "evaluate", begin, "credential.malformed"},
		{"changed after signing", base64.RawURLEncoding.EncodeToString(bytes.Replace(payload, []byte("evaluate"), []byte("overrule"), 1)) + "." + tail, "steward-1", "overrule", begin, "credential.bad_signature"},
		{"for another audience", good, "steward-2", "evaluate", begin, "credential.other_audience"},
		{"for another scope", good, "steward-1", "submit", begin, "credential.other_scope"},
		{"at its end", good, "steward-1", "evaluate", begin.Add(agreement.CredentialLife), "credential.expired"},
		{"from a clock far ahead", good, "steward-1", "evaluate", begin.Add(-agreement.MaxCredentialLife), "credential.too_long"},
		{"not canonical", again(bytes.Replace(payload, []byte("{"), []byte("{ "), 1)), "steward-1", "evaluate", begin, "credential.malformed"},
		{"with an unknown property", again(bytes.Replace(payload, []byte("{"), []byte(`{"admin":true,`), 1)), "steward-1", "evaluate", begin, "credential.malformed"},
		{"padded", good + "=", "steward-1", "evaluate", begin, "credential.malformed"},
		{"with a line end", good[:10] + "\n" + good[10:], "steward-1", "evaluate", begin, "credential.malformed"},
		{"in three parts", good + "." + tail, "steward-1", "evaluate", begin, "credential.malformed"},
		{"empty", "", "steward-1", "evaluate", begin, "credential.malformed"},
		{"too long", strings.Repeat("a", 3000), "steward-1", "evaluate", begin, "credential.malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := verify(c.text, c.audience, c.scope, c.now)
			wantCode(t, err, c.code)
		})
	}
	p, err := agreement.ParseCredential(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(nil, "steward-1", "evaluate", begin); err == nil {
		t.Error("no key at all verifies")
	}
	if _, err := (agreement.Presented{}).Verify(public(memberKey), "", "", begin); err == nil {
		t.Error("no credential at all verifies")
	}
}

func TestOnceIsBoundedAndForgetsOnlyWhatEnded(t *testing.T) {
	once := agreement.Once{Limit: 10}
	spend := func(n byte, now time.Time) error {
		c, err := verify(issue(t, memberKey, begin, n), "steward-1", "evaluate", begin)
		if err != nil {
			t.Fatal(err)
		}
		return once.Spend(c, now)
	}
	for n := range byte(10) {
		if err := spend(n, begin); err != nil {
			t.Fatal(err)
		}
	}
	if err := spend(10, begin); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a full memory let a credential through unseen: %v", err)
	}
	if err := spend(11, begin.Add(agreement.CredentialLife)); err != nil {
		t.Errorf("credentials that ended take up room: %v", err)
	}
}

func TestOfManyWhoSpendACredentialAtOnceOneSucceeds(t *testing.T) {
	var once agreement.Once
	c, err := verify(issue(t, memberKey, begin, 1), "steward-1", "evaluate", begin)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	results := make(chan error, 20)
	for range 20 {
		group.Go(func() { results <- once.Spend(c, begin) })
	}
	group.Wait()
	close(results)
	spent := 0
	for err := range results {
		if err == nil {
			spent++
		}
	}
	if spent != 1 {
		t.Errorf("%d of 20 succeeded", spent)
	}
}

func FuzzParseCredential(f *testing.F) {
	f.Add(issue(f, memberKey, begin, 1))
	f.Add("e30.AAAA")
	f.Add(".")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := agreement.ParseCredential(text)
		if err != nil {
			return
		}
		if _, err := p.Verify(public(otherKey), "steward-1", "evaluate", begin); err == nil {
			t.Fatal("a credential that nobody signed verifies")
		}
		if fmt.Sprint(p.ClaimedMember()) == "" {
			t.Fatal("a credential without a member was parsed")
		}
	})
}
