package wire

// TokenRequest asks for a token by which a tool of the member reads. No
// purposes: all that the agreement allows; no days: as long as the hub lets
// tokens last. End ends all of the member's tokens instead.
//
// A token by which a tool also pushes is asked for twice: with Push alone the
// hub answers which key it would sign with; with Delegation as well, which the
// member signed for that key (DSSE, [PayloadDelegation]), it answers the token.
type TokenRequest struct {
	Purposes   []string `json:"purposes,omitzero"`
	Days       int      `json:"days,omitzero"`
	End        bool     `json:"end,omitzero"`
	Push       bool     `json:"push,omitzero"`
	Delegation []byte   `json:"delegation,omitzero"`
}

// TokenGiven is a token. It is told once; the hub keeps a hash of it. User is
// what a tool that asks for a user name is given, with the token as password.
type TokenGiven struct {
	Token   string `json:"token,omitzero"`
	User    string `json:"user"`
	Expires string `json:"expires,omitzero"`
	// TAXII is where the collections are, and MISP where the feed is.
	TAXII string `json:"taxii"`
	MISP  string `json:"misp,omitzero"`
	// Delegate is the key to delegate to, where a token for pushing was asked
	// for without a delegation: then there is no token yet.
	Delegate *Delegate `json:"delegate,omitzero"`
	// Pushes are the sectors to which the token may push.
	Pushes []string `json:"pushes,omitzero"`
}
