package notify

import (
	"crypto/ed25519"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

func TestOnlyWhatTheHubSignedIsTaken(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	pub := key.Public().(ed25519.PublicKey)
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", ed25519.SeedSize)))
	now := time.Unix(1_800_000_000, 0)
	e := wire.Event{ID: wire.IDFrom[wire.EventID]('e', [16]byte{1}), Kind: "hello"}
	body, err := wire.Canonical(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, code string
		change     func(h http.Header, body *[]byte, at *time.Time)
	}{
		{"as it was sent", "", func(http.Header, *[]byte, *time.Time) {}},
		{"after a change of keys, with a signature by each", "", func(h http.Header, _ *[]byte, _ *time.Time) {
			h.Set(wire.HeaderWebhookSignature, "v1,bm9uZQ== v1a,bm9uZQ== "+h.Get(wire.HeaderWebhookSignature))
		}},
		{"another body", "webhook.bad_signature", func(_ http.Header, b *[]byte, _ *time.Time) { *b = append([]byte(" "), *b...) }},
		{"another id", "webhook.bad_signature", func(h http.Header, _ *[]byte, _ *time.Time) {
			h.Set(wire.HeaderWebhookID, string(wire.IDFrom[wire.EventID]('e', [16]byte{2})))
		}},
		{"another time", "webhook.bad_signature", func(h http.Header, _ *[]byte, _ *time.Time) {
			h.Set(wire.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix()+1, 10))
		}},
		{"another key", "webhook.bad_signature", func(h http.Header, b *[]byte, _ *time.Time) { sign(other, h, e.ID, now, *b) }},
		{"no signature", "webhook.bad_signature", func(h http.Header, _ *[]byte, _ *time.Time) { h.Del(wire.HeaderWebhookSignature) }},
		{"as a shared secret's", "webhook.bad_signature", func(h http.Header, _ *[]byte, _ *time.Time) {
			h.Set(wire.HeaderWebhookSignature, strings.Replace(h.Get(wire.HeaderWebhookSignature), "v1a,", "v1,", 1))
		}},
		{"no id", "webhook.unsigned", func(h http.Header, _ *[]byte, _ *time.Time) { h.Del(wire.HeaderWebhookID) }},
		{"no time", "webhook.unsigned", func(h http.Header, _ *[]byte, _ *time.Time) { h.Del(wire.HeaderWebhookTimestamp) }},
		{"played again later", "webhook.clock", func(_ http.Header, _ *[]byte, at *time.Time) { *at = now.Add(Tolerance + time.Second) }},
		{"from the future", "webhook.clock", func(_ http.Header, _ *[]byte, at *time.Time) { *at = now.Add(-Tolerance - time.Second) }},
		{"another event's body", "webhook.bad_signature", func(h http.Header, b *[]byte, _ *time.Time) {
			sign(key, h, wire.IDFrom[wire.EventID]('e', [16]byte{3}), now, *b)
		}},
	} {
		h, b, at := http.Header{}, append([]byte(nil), body...), now
		sign(key, h, e.ID, now, b)
		c.change(h, &b, &at)
		got, err := Verify(pub, h, b, at)
		switch {
		case c.code == "" && (err != nil || got.ID != e.ID):
			t.Errorf("%s: %+v, %v", c.what, got, err)
		case c.code != "" && (err == nil || fault.Public(err).Code != c.code):
			t.Errorf("%s: %v, expected %s", c.what, err, c.code)
		}
	}
}

// The hub signs receipts and agreements by the same key: a signature of the one
// kind is never one of the other.
func TestASignatureOfAnEventIsNoneOfAReceipt(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	id := wire.IDFrom[wire.EventID]('e', [16]byte{1})
	if text := string(signed(string(id), "1", []byte("DSSEv1 "))); !strings.HasPrefix(text, "e-") {
		t.Fatalf("what is signed begins %q", text)
	}
	receipt, err := envelope.Sign(wire.PayloadReceipt, []byte(`{"id":"`+string(id)+`"}`), key)
	if err != nil {
		t.Fatal(err)
	}
	_, sig, ok := strings.Cut(string(receipt), `"sig":"`)
	if !ok {
		t.Fatal("the receipt bears no signature")
	}
	sig, _, _ = strings.Cut(sig, `"`)
	h := http.Header{}
	h.Set(wire.HeaderWebhookID, string(id))
	h.Set(wire.HeaderWebhookTimestamp, "1")
	h.Set(wire.HeaderWebhookSignature, "v1a,"+sig)
	if _, err := Verify(key.Public().(ed25519.PublicKey), h, []byte(`{"id":"`+string(id)+`"}`), time.Unix(1, 0)); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("a receipt's signature: %v", err)
	}
}
