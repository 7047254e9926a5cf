package wire

// Status of one report of a contribution, as the hub answers it.
type Status string

// The closed set of statuses.
const (
	// Accepted: stored durably, counted once.
	Accepted Status = "accepted"
	// Duplicate: the very same report was stored before; nothing changed.
	Duplicate Status = "duplicate"
	// Refused: not stored; Code, Reason and Path say why and what to do.
	Refused Status = "refused"
)

// Result is the hub's answer about one report (or nil report, by its index).
type Result struct {
	Report ReportID `json:"report,omitzero"`
	Status Status   `json:"status"`
	Code   string   `json:"code,omitzero"`
	Path   string   `json:"path,omitzero"`
	Reason string   `json:"reason,omitzero"`
}

// Receipt is what the hub signs (DSSE, PayloadReceipt) once a contribution is
// durable. Log stays nil until the transparency log exists; its place is
// reserved so that a receipt can carry an inclusion proof later.
type Receipt struct {
	Contribution ContributionID `json:"contribution"`
	Member       MemberID       `json:"member"`
	Hub          string         `json:"hub"`
	// Received is RFC 3339 UTC, in whole seconds.
	Received string `json:"received"`
	// Envelope is the hex SHA-256 of the envelope's payload (ciphertext).
	Envelope string `json:"envelope"`
	Custody  string `json:"custody"`
	// Pushed is [Pushed] if a tool pushed what is received, and the hub's
	// intake sent it as the member's delegate; else empty.
	Pushed  string    `json:"pushed,omitzero"`
	Results []Result  `json:"results"`
	Log     *LogEntry `json:"log,omitzero"`
}

// LogEntry places a receipt in the transparency log (later).
type LogEntry struct {
	Origin string   `json:"origin"`
	Index  uint64   `json:"index"`
	Proof  []string `json:"proof"`
}

// Media types of DSSE payloads.
const (
	PayloadContribution = "application/vnd.concord.contribution.v1"
	PayloadReceipt      = "application/vnd.concord.receipt.v1+json"
	PayloadAgreement    = "application/vnd.concord.agreement.v1+json"
	PayloadRequest      = "application/vnd.concord.request.v1+json"
)

// SingleCustody is said on receipts, pages and in the docs as long as one
// steward holds the whole token key.
const SingleCustody = "single custody"
