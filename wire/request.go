package wire

// RequestID names a request of a member at the hub ("q-…").
type RequestID string

// RequestFiling files a request: its document, YAML or JSON, as docs/terms.md
// defines it.
type RequestFiling struct {
	Request string `json:"request"`
}

// OfferAnswer answers what an offer asks of a contributor.
type OfferAnswer struct {
	Offer   string `json:"offer"`
	Verdict string `json:"verdict"`
	// Reason is one of [RefusalReasons]; only for a refusal.
	Reason string `json:"reason,omitzero"`
}

// Verdicts on an offer.
const (
	OfferAccepted = "accepted"
	OfferRefused  = "refused"
)

// RefusalReasons are why a contributor may refuse: what the law or a contract
// forbids, what would expose it, what is too much work, and other reasons.
func RefusalReasons() []string { return []string{"law", "contract", "exposure", "effort", "other"} }
