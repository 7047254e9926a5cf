package agreement

import (
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Delegation is how a member whose tools can only push lets the hub's intake
// stand at its edge for them: it names a key that the hub holds, and for how
// long, in which sectors and for what that key may act in the member's name.
//
//	hub ── the delegate's public key ──▶ member ── signs with its own key ──▶ hub, stewards
//
// It is a DSSE envelope of its own payload type around canonical JSON, with the
// member's one signature. The member's own key never leaves it; what the
// delegate's key signs is taken with the delegation alone, and by nobody else
// than a steward (evaluations) and the hub's own intake (contributions): it
// reads nothing, signs no agreement and makes no token.
type Delegation struct {
	ID     wire.DelegationID `json:"id"`
	Member wire.MemberID     `json:"member"`
	// Hub is the id of the hub whose intake is the delegate.
	Hub string `json:"hub"`
	// Agreement is the one under which it was given: with it, it ends.
	Agreement wire.AgreementID `json:"agreement"`
	// Key verifies what the delegate signs (Ed25519).
	Key     ed25519.PublicKey `json:"key"`
	Sectors []string          `json:"sectors"`
	Scopes  []string          `json:"scopes"`
	// From and Until bound it, in whole seconds UTC: it holds at From, and not
	// any more at Until. Both are the member's clock.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// What a delegate may do. A member grants both: without tokens its reports
// could not be linked.
const (
	// MayContribute: sign contributions.
	MayContribute = "contribute"
	// MayEvaluate: have stewards make tokens, on the owner group's quota.
	MayEvaluate = "evaluate"
)

const (
	// MaxDelegation is the longest that a delegation may last.
	MaxDelegation = 90 * 24 * time.Hour
	// MaxSignedDelegation is the largest signed delegation taken, in bytes.
	MaxSignedDelegation = 16 << 10
	// delegationSkew is how far a member's clock may be ahead of who verifies.
	delegationSkew = 5 * time.Minute
)

// Check holds the delegation to its form.
func (d Delegation) Check() error {
	switch {
	case !wire.ValidID('l', d.ID):
		return badDelegation("/id", "a delegation has an id that the hub gave it, l-…")
	case !wire.ValidID('m', d.Member):
		return badDelegation("/member", "a delegation names the member who gives it")
	case d.Hub == "" || len(d.Hub) > maxName:
		return badDelegation("/hub", "a delegation names the hub whose intake is the delegate")
	case !wire.ValidID('a', d.Agreement):
		return badDelegation("/agreement", "a delegation names the agreement under which it is given")
	case len(d.Key) != ed25519.PublicKeySize:
		return badDelegation("/key", "the delegate has an Ed25519 public key of %d bytes", ed25519.PublicKeySize)
	case !isSet(d.Sectors):
		return badDelegation("/sectors", "a delegation names one sector or more, each once")
	case !isSet(d.Scopes):
		return badDelegation("/scopes", "a delegation says what the delegate may do, each once")
	}
	for _, s := range d.Scopes {
		if s != MayContribute && s != MayEvaluate {
			return badDelegation("/scopes", "a delegate may %q and %q, nothing else", MayContribute, MayEvaluate)
		}
	}
	for path, t := range map[string]time.Time{"/from": d.From, "/until": d.Until} {
		if t.IsZero() || t.Nanosecond() != 0 || t.Location() != time.UTC || t.Year() > 9999 {
			return badDelegation(path, "a time in whole seconds UTC is expected, as 2026-11-24T08:00:00Z")
		}
	}
	if last := d.Until.Sub(d.From); last <= 0 || last > MaxDelegation {
		return badDelegation("/until", "a delegation ends after it begins, and within %d days", int(MaxDelegation.Hours()/24))
	}
	return nil
}

// isSet says whether a list of names is not empty and has none twice.
func isSet(names []string) bool {
	for i, n := range names {
		if n == "" || len(n) > maxName || slices.Contains(names[:i], n) {
			return false
		}
	}
	return len(names) > 0 && len(names) <= maxList
}

func badDelegation(path, format string, args ...any) error {
	return fault.New(fault.Invalid, "delegation.malformed", format, args...).At(path)
}

// SignDelegation signs a delegation with the member's key. A member does not
// delegate to its own key: what that signs needs no delegation.
func SignDelegation(d Delegation, key ed25519.PrivateKey) ([]byte, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	if d.Key.Equal(key.Public()) {
		return nil, badDelegation("/key", "the delegate's key is the member's own; ask the hub for its own one")
	}
	payload, err := wire.Canonical(d)
	if err != nil {
		return nil, err
	}
	return envelope.Sign(wire.PayloadDelegation, payload, key)
}

// OpenDelegation opens a delegation that the member with this key has signed.
// Whether it holds is asked of [Delegation.Holds].
//
// Faults: delegation.bad_signature, delegation.malformed, delegation.too_large.
func OpenDelegation(signed []byte, memberKey ed25519.PublicKey) (Delegation, error) {
	if len(signed) > MaxSignedDelegation {
		return Delegation{}, fault.New(fault.TooLarge, "delegation.too_large", "the signed delegation has %d bytes; at most %d are taken", len(signed), MaxSignedDelegation)
	}
	payload, _, err := envelope.Verify(signed, wire.PayloadDelegation, func(id string) (ed25519.PublicKey, bool) {
		return memberKey, len(memberKey) == ed25519.PublicKeySize && envelope.KeyID(memberKey) == id
	})
	if err != nil {
		return Delegation{}, fault.New(fault.Unauthenticated, "delegation.bad_signature",
			"this is no delegation signed by the key in the member's agreement; make a new token with `concord member token --push`").Because(err)
	}
	var d Delegation
	if err := wire.Decode(payload, &d); err != nil {
		f := fault.Public(err)
		return Delegation{}, fault.New(fault.Invalid, "delegation.malformed", "not a delegation: %s", f.Message).At(f.Path).Because(err)
	}
	d.From, d.Until = d.From.UTC(), d.Until.UTC()
	if err := d.Check(); err != nil {
		return Delegation{}, err
	}
	if canonical, err := wire.Canonical(d); err != nil || string(canonical) != string(payload) {
		return Delegation{}, badDelegation("", "the delegation is not in canonical form (RFC 8785)")
	}
	return d, nil
}

// Holds says whether the delegation lets its delegate act in a scope now, under
// the member's agreement with a hub; the fault names what is against it.
func (d Delegation) Holds(a Agreement, scope string, now time.Time) error {
	switch {
	case d.Member != a.Member.ID:
		return fault.New(fault.Forbidden, "delegation.other_member", "the delegation is another member's")
	case d.Hub != a.Hub:
		return fault.New(fault.Forbidden, "delegation.other_hub", "the delegation was given to another hub")
	case d.Agreement != a.ID:
		return fault.New(fault.Forbidden, "delegation.other_agreement",
			"the delegation was given under another agreement than the member's present one, and ended with it; make a new token with `concord member token --push`")
	case !slices.Contains(d.Scopes, scope):
		return fault.New(fault.Forbidden, "delegation.scope", "the delegation does not let its delegate %q; it lets it %v", scope, d.Scopes)
	case now.Add(delegationSkew).Before(d.From):
		return fault.New(fault.Forbidden, "delegation.not_yet", "the delegation begins at %s", d.From.Format(time.RFC3339))
	case !now.Before(d.Until):
		return fault.New(fault.Forbidden, "delegation.expired",
			"the delegation ended at %s; make a new token with `concord member token --push`", d.Until.Format(time.RFC3339))
	}
	return nil
}

// Covers says whether the delegation is for a sector.
func (d Delegation) Covers(sector string) error {
	if slices.Contains(d.Sectors, sector) {
		return nil
	}
	return fault.New(fault.Forbidden, "delegation.sector", "the delegation is not for the sector %q; it is for %v", sector, d.Sectors)
}
