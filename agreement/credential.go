package agreement

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Credential is how a member's key says, for one request, that the member is
// asking. The member issues it itself; whoever knows the member's public key
// (from its agreement) can verify it. It is short-lived, works at one audience
// and for one scope, and once: see [Once].
//
// Its text is base64url(canonical JSON) "." base64url(signature), unpadded.
// The signature covers a prefix of its own, so that nothing else that a
// member's key signs can be taken for a credential, nor the reverse.
type Credential struct {
	Member wire.MemberID `json:"member"`
	// KeyID names the key that signs; see envelope.KeyID.
	KeyID string `json:"key_id"`
	// Audience is the id of the hub or the name of the steward that is asked.
	Audience string `json:"audience"`
	// Scope is what is asked, for example "evaluate" or "submit".
	Scope string `json:"scope"`
	// Expires is when it ends, Unix seconds.
	Expires int64 `json:"expires"`
	// Nonce makes it unique: 16 random bytes, unpadded base64url.
	Nonce string `json:"nonce"`
}

const (
	// CredentialLife is how long an issued credential lasts. It lies in the
	// middle of what a verifier takes, so that clocks may differ by two
	// minutes either way.
	CredentialLife = 2 * time.Minute
	// MaxCredentialLife is the furthest end that a verifier takes.
	MaxCredentialLife = 5 * time.Minute
	// MaxCredential is the longest text of a credential, in bytes.
	MaxCredential = 2048

	credentialPrefix = "concord credential v1\x00"
	nonceSize        = 16
)

var compact = base64.RawURLEncoding.Strict()

// IssueCredential makes a credential for one request.
func IssueCredential(key ed25519.PrivateKey, m wire.MemberID, audience, scope string, now time.Time, random io.Reader) (string, error) {
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", fmt.Errorf("issue a credential: %w", err)
	}
	c := Credential{
		Member:   m,
		KeyID:    envelope.KeyID(key.Public().(ed25519.PublicKey)),
		Audience: audience,
		Scope:    scope,
		Expires:  now.Add(CredentialLife).Unix(),
		Nonce:    compact.EncodeToString(nonce),
	}
	if err := c.check(); err != nil {
		return "", err
	}
	payload, err := wire.Canonical(c)
	if err != nil {
		return "", err
	}
	signature := ed25519.Sign(key, append([]byte(credentialPrefix), payload...))
	return compact.EncodeToString(payload) + "." + compact.EncodeToString(signature), nil
}

// Presented is a credential as somebody sent it, not verified yet: it says
// whose key to look for, and nothing in it is true before [Presented.Verify].
type Presented struct {
	claims    Credential
	payload   []byte
	signature []byte
}

// ClaimedMember says whose public key would have to verify.
func (p Presented) ClaimedMember() wire.MemberID { return p.claims.Member }

// ParseCredential reads the text of a credential strictly.
func ParseCredential(text string) (Presented, error) {
	if len(text) > MaxCredential {
		return Presented{}, malformedCredential(nil)
	}
	head, tail, ok := strings.Cut(text, ".")
	// The decoder would skip line ends; a credential has none.
	if !ok || strings.ContainsAny(text, "\r\n") {
		return Presented{}, malformedCredential(nil)
	}
	payload, err := compact.DecodeString(head)
	if err != nil {
		return Presented{}, malformedCredential(err)
	}
	signature, err := compact.DecodeString(tail)
	if err != nil || len(signature) != ed25519.SignatureSize {
		return Presented{}, malformedCredential(err)
	}
	p := Presented{payload: payload, signature: signature}
	if err := wire.Decode(payload, &p.claims); err != nil {
		return Presented{}, malformedCredential(err)
	}
	if err := p.claims.check(); err != nil {
		return Presented{}, err
	}
	canonical, err := wire.Canonical(p.claims)
	if err != nil || string(canonical) != string(payload) {
		return Presented{}, malformedCredential(err)
	}
	return p, nil
}

func malformedCredential(cause error) error {
	return fault.New(fault.Unauthenticated, "credential.malformed",
		"this is no credential; `concord member` makes one for each request").Because(cause)
}

func (c Credential) check() error {
	nonce, err := compact.DecodeString(c.Nonce)
	if err != nil || len(nonce) != nonceSize || !wire.ValidID('m', c.Member) ||
		c.KeyID == "" || len(c.KeyID) > maxName || c.Audience == "" || len(c.Audience) > maxName ||
		c.Scope == "" || len(c.Scope) > maxName || c.Expires <= 0 {
		return malformedCredential(err)
	}
	return nil
}

// Verify holds a credential to the member's public key, to who verifies it
// and for what, and to the clock. What else is wrong is told only to somebody
// who has the member's key, hence after the signature.
func (p Presented) Verify(key ed25519.PublicKey, audience, scope string, now time.Time) (Credential, error) {
	refused := fault.New(fault.Unauthenticated, "credential.bad_signature",
		"the credential is not signed by the key in this member's agreement")
	if len(key) != ed25519.PublicKeySize || len(p.signature) != ed25519.SignatureSize {
		return Credential{}, refused
	}
	if !ed25519.Verify(key, append([]byte(credentialPrefix), p.payload...), p.signature) || p.claims.KeyID != envelope.KeyID(key) {
		return Credential{}, refused
	}
	c := p.claims
	switch expires := time.Unix(c.Expires, 0); {
	case c.Audience != audience:
		return Credential{}, fault.New(fault.Unauthenticated, "credential.other_audience",
			"the credential was made out to another than %q", audience)
	case c.Scope != scope:
		return Credential{}, fault.New(fault.Forbidden, "credential.other_scope",
			"the credential was made out for something other than %q", scope)
	case !now.Before(expires):
		return Credential{}, fault.New(fault.Unauthenticated, "credential.expired",
			"the credential has ended; if it was made just now, your clock is behind: ours says %s", now.UTC().Format(time.RFC3339))
	case expires.Sub(now) > MaxCredentialLife:
		return Credential{}, fault.New(fault.Unauthenticated, "credential.too_long",
			"the credential ends more than %d minutes from now; if it was made just now, your clock is ahead: ours says %s",
			int(MaxCredentialLife.Minutes()), now.UTC().Format(time.RFC3339))
	}
	return c, nil
}

// Once remembers the credentials that were used until they end, so that one
// overheard is worth nothing. Its memory is bounded by Limit; when it is full,
// requests are refused as [fault.Unavailable] rather than let through unseen.
// It is safe for use by many goroutines. What it knows ends with the process:
// within [MaxCredentialLife] after a restart a credential could be used again.
type Once struct {
	// Limit on the credentials remembered; 0 means 200,000.
	Limit int

	mu    sync.Mutex
	used  map[string]int64 // member and nonce → expires
	sweep int64            // when to look for ended ones again
}

// Spend uses a verified credential up.
func (o *Once) Spend(c Credential, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.used == nil {
		o.used = map[string]int64{}
	}
	limit := o.Limit
	if limit == 0 {
		limit = 200_000
	}
	if t := now.Unix(); t >= o.sweep {
		for k, expires := range o.used {
			if expires <= t {
				delete(o.used, k)
			}
		}
		o.sweep = t + 10
	}
	id := string(c.Member) + " " + c.Nonce
	if _, again := o.used[id]; again {
		return fault.New(fault.Unauthenticated, "credential.used", "the credential was used already; make a new one for each request")
	}
	if len(o.used) >= limit {
		return fault.New(fault.Unavailable, "credential.busy", "too many requests at once; try again in a few minutes")
	}
	o.used[id] = c.Expires
	return nil
}
