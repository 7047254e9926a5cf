package wire

// DelegationID names a delegation ("l-…"): by it the hub finds the key that it
// holds for it.
type DelegationID string

// PayloadDelegation is the DSSE payload type of a delegation.
const PayloadDelegation = "application/vnd.concord.delegation.v1+json"

// Pushed is said on the receipts of what tools pushed and in the description of
// the collections to which they push: it did not leave a member minimised.
const Pushed = "pushed: the hub saw these objects as they are"

// Delegate is the key to which a member is asked to delegate: the hub holds its
// private half.
type Delegate struct {
	ID  DelegationID `json:"id"`
	Key string       `json:"key"` // Ed25519, unpadded base64url
}

// RevokeRequest ends, at a steward, every delegation of the member that asks
// that began up to a moment of the member's clock (RFC 3339, whole seconds).
type RevokeRequest struct {
	UpTo string `json:"up_to"`
}
