package wire

// TokenRequest asks for a token by which a tool of the member reads. No
// purposes: all that the agreement allows; no days: as long as the hub lets
// tokens last. End ends all of the member's tokens instead.
type TokenRequest struct {
	Purposes []string `json:"purposes,omitzero"`
	Days     int      `json:"days,omitzero"`
	End      bool     `json:"end,omitzero"`
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
}
