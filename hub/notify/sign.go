package notify

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// scheme is how Standard Webhooks calls Ed25519.
const scheme = "v1a"

// Tolerance is how far the clocks of hub and receiver may differ.
const Tolerance = 5 * time.Minute

// signed is what the signature is over. It begins with the event's id ("e-…"),
// so that it is never what the hub's key signs elsewhere, which begins with
// "DSSEv1 ".
func signed(id string, timestamp string, body []byte) []byte {
	return fmt.Appendf(nil, "%s.%s.%s", id, timestamp, body)
}

// sign puts the signature of a body into the headers of its request.
func sign(key ed25519.PrivateKey, h http.Header, id wire.EventID, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	h.Set(wire.HeaderWebhookID, string(id))
	h.Set(wire.HeaderWebhookTimestamp, timestamp)
	h.Set(wire.HeaderWebhookSignature, scheme+","+base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(string(id), timestamp, body))))
}

// Verify is how a receiver checks that a request is from the hub whose key it
// pinned (sign_key): the signature is over the id, the timestamp and the body
// as it came. It returns the event. The receiver remembers ids that it has
// taken, since an event may come again, and checks that Webhook is its own.
//
// Faults: webhook.unsigned, webhook.bad_signature, webhook.clock.
func Verify(key ed25519.PublicKey, h http.Header, body []byte, now time.Time) (e wire.Event, err error) {
	id, timestamp := h.Get(wire.HeaderWebhookID), h.Get(wire.HeaderWebhookTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || !wire.ValidID('e', id) {
		return e, fault.New(fault.Unauthenticated, "webhook.unsigned", "the request bears no id or timestamp of a hub's event")
	}
	good := false
	for one := range strings.FieldsSeq(h.Get(wire.HeaderWebhookSignature)) {
		name, text, _ := strings.Cut(one, ",")
		sig, err := base64.StdEncoding.Strict().DecodeString(text)
		good = good || name == scheme && err == nil && ed25519.Verify(key, signed(id, timestamp, body), sig)
	}
	if !good {
		return e, fault.New(fault.Unauthenticated, "webhook.bad_signature", "the request is not signed by this hub's key")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return e, fault.New(fault.Unauthenticated, "webhook.clock", "the request was signed more than %s ago, or clocks differ by more", Tolerance)
	}
	if err := wire.Decode(body, &e); err != nil {
		return e, err
	}
	if string(e.ID) != id {
		return e, fault.New(fault.Unauthenticated, "webhook.bad_signature", "the event bears another id than the request")
	}
	return e, nil
}
