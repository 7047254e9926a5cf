package wire

// InvitationRequest asks what an invitation is for.
type InvitationRequest struct {
	Code string `json:"code"`
}

// RenewRequest brings a new agreement signed by the member (DSSE).
type RenewRequest struct {
	Agreement []byte `json:"agreement"`
}

// JoinRequest brings an invitation's code and the agreement signed by the
// member (DSSE).
type JoinRequest struct {
	Code      string `json:"code"`
	Agreement []byte `json:"agreement"`
}

// JoinResponse is the agreement signed by both sides.
type JoinResponse struct {
	Agreement []byte `json:"agreement"`
}

// LoginRequest asks for a sign-in link for a person of the member. No
// purposes: all that the agreement allows.
type LoginRequest struct {
	Person   string   `json:"person"`
	Purposes []string `json:"purposes,omitzero"`
}

// LoginLink is a link that signs one person in, once, until Expires.
type LoginLink struct {
	URL     string `json:"url"`
	Expires string `json:"expires"`
}

// Matches says what a contribution gives back: how many of its reports were
// joined with reports of enough others, in bands; nothing where they are too
// few to be told.
type Matches struct {
	// Ready is false while the contribution is not consolidated yet.
	Ready   bool `json:"ready"`
	Matched int  `json:"matched"`
	Of      int  `json:"of"`
	// Groups is the band of other members behind the matches, or "".
	Groups string `json:"groups,omitzero"`
	// Least is the number of other members below which nothing is told.
	Least int `json:"least"`
}
