package wire

// EvaluateRequest asks a steward for tokens: blinded group elements (32-byte
// ristretto255 encodings, unpadded base64url), at most MaxEvaluate of them,
// under one key kind. The steward learns how many and when, never what.
type EvaluateRequest struct {
	Epoch   int      `json:"epoch"`
	Key     KeyKind  `json:"key"`
	Blinded []string `json:"blinded"`
	// Delegation is what a delegate shows with its credential (DSSE,
	// [PayloadDelegation]); a member that asks by itself shows none.
	Delegation []byte `json:"delegation,omitzero"`
}

// EvaluateResponse answers with the evaluated elements in order and one
// batched DLEQ proof against the steward's public key for that epoch.
type EvaluateResponse struct {
	Epoch     int      `json:"epoch"`
	Key       KeyKind  `json:"key"`
	Evaluated []string `json:"evaluated"`
	Proof     string   `json:"proof"`
}

// KeyKind names which of a steward's keys answers; "link" makes tokens.
type KeyKind string

// LinkKey makes the tokens by which reports are linked.
const LinkKey KeyKind = "link"

// MaxEvaluate is the largest batch of one evaluation.
const MaxEvaluate = 1000

// StewardInfo is what a steward says about itself at GET /v1/steward.
type StewardInfo struct {
	Name    string `json:"name"`
	Epoch   int    `json:"epoch"`
	Custody string `json:"custody"`
	LinkKey string `json:"link_key"` // public, unpadded base64url
	Hub     string `json:"hub"`      // the hub whose members it admits
}

// HubInfo is what a hub says about itself at GET /v1/hub.
type HubInfo struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Custody string `json:"custody"`
	// SealKey is the HPKE public key for envelopes; SignKey verifies receipts
	// and agreements (Ed25519). Both unpadded base64url.
	SealKey  string       `json:"seal_key"`
	SignKey  string       `json:"sign_key"`
	Sectors  []SectorInfo `json:"sectors"`
	Stewards []StewardPin `json:"stewards"`
}

// SectorInfo is one sector of a hub, with its standard and its policy's
// figures that a contributor relies on.
type SectorInfo struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Standard string `json:"standard"`
	// MinOwnerGroups is the least number of owner groups behind any figure.
	MinOwnerGroups int `json:"min_owner_groups"`
	// K is the least size of an equivalence class in a release.
	K int `json:"k"`
}

// StewardPin tells an edge where a steward is and which key proves it.
type StewardPin struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Epoch   int    `json:"epoch"`
	LinkKey string `json:"link_key"`
}
