package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// ScopeToken is for making and ending tokens.
const ScopeToken = "token"

// TokenDoor makes tokens; hub/admit.Door.
type TokenDoor interface {
	IssueToken(ctx context.Context, m wire.MemberID, purposes []member.Purpose, life time.Duration) (token string, expires time.Time, err error)
	EndTokens(ctx context.Context, m wire.MemberID) error
	// Delegate names the key to delegate to, and IssuePushToken makes a token
	// by which a tool pushes as well, for a delegation to that key.
	Delegate(ctx context.Context, m wire.MemberID) (wire.Delegate, error)
	IssuePushToken(ctx context.Context, m wire.MemberID, purposes []member.Purpose, life time.Duration, delegation []byte) (token string, expires time.Time, sectors []string, err error)
}

func (h *Hub) registerTokens(api huma.API) {
	huma.Register(api, at("POST", "/v1/token", "token", "Make a token by which a tool of the member reads, or also pushes, or end all of them", asMember, taking[wire.TokenRequest](api, maxBody)),
		wrap(h, func(ctx context.Context, in *struct {
			sent
			Authorization string `header:"Authorization"`
		}) (*body[wire.TokenGiven], error) {
			s, err := h.standing(ctx, in.Authorization, ScopeToken)
			if err != nil {
				return nil, err
			}
			ask, err := read[wire.TokenRequest](in.RawBody)
			if err != nil {
				return nil, err
			}
			m := s.Member().ID
			given := wire.TokenGiven{User: string(m), TAXII: h.TAXIIURL()}
			if h.FeedURL != nil {
				given.MISP = h.FeedURL()
			}
			if ask.End {
				return plain(given, h.Tokens.EndTokens(ctx, m))
			}
			// Checked here, so that no number of days overflows a duration.
			if ask.Days < 0 || ask.Days > 3660 {
				return nil, fault.New(fault.Invalid, "token.life", "a token lasts some days, and not thousands")
			}
			purposes := make([]member.Purpose, len(ask.Purposes))
			for i, p := range ask.Purposes {
				purposes[i] = member.Purpose(p)
			}
			err = h.makeToken(ctx, m, ask, purposes, &given)
			return plain(given, err)
		}))
}

// makeToken fills in a token, or the key to delegate to first.
func (h *Hub) makeToken(ctx context.Context, m wire.MemberID, ask wire.TokenRequest, purposes []member.Purpose, given *wire.TokenGiven) (err error) {
	var expires time.Time
	life := time.Duration(ask.Days) * 24 * time.Hour
	switch {
	case ask.Push && len(ask.Delegation) == 0:
		key, err := h.Tokens.Delegate(ctx, m)
		given.Delegate = &key
		return err
	case ask.Push:
		given.Token, expires, given.Pushes, err = h.Tokens.IssuePushToken(ctx, m, purposes, life, ask.Delegation)
	default:
		given.Token, expires, err = h.Tokens.IssueToken(ctx, m, purposes, life)
	}
	given.Expires = expires.Format(time.RFC3339)
	return err
}

// Token makes a token, or ends all of the member's; see [wire.TokenRequest].
func (h HubClient) Token(ctx context.Context, ask wire.TokenRequest) (given wire.TokenGiven, err error) {
	err = h.call(ctx, http.MethodPost, "/v1/token", ScopeToken, ask, &given)
	return given, err
}
