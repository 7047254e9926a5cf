package admit

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Tokens are for machines that cannot sign: tools that speak a protocol with a
// password or a bearer token. A token only reads, for the purposes that it was
// made for, until it ends, unless its member delegated for it: then its tool may
// push as well; see [Door.IssuePushToken].
const (
	// TokenLife is how long a token lasts unless less is asked for.
	TokenLife = 90 * 24 * time.Hour
	// MaxTokens is how many tokens a member may have at once.
	MaxTokens = 20
)

// Token is what the record keeps of a token.
type Token struct {
	Member   wire.MemberID
	Purposes []member.Purpose
	Created  time.Time
	Expires  time.Time
	// Delegation is what the member signed, so that a tool may push with the
	// token; nil for one that only reads.
	Delegation []byte
}

// Tokens is what tokens need of the hub's record. They come as hashes.
type Tokens interface {
	// AddToken stores a token, unless its member has that many already that
	// have not ended: fault.Conflict.
	AddToken(ctx context.Context, hash []byte, t Token, most int) error
	// Token returns a token, or fault.NotFound.
	Token(ctx context.Context, hash []byte) (Token, error)
	// EndTokens ends all tokens of a member.
	EndTokens(ctx context.Context, m wire.MemberID) error
	// SweepTokens forgets tokens that ended before the moment.
	SweepTokens(ctx context.Context, before time.Time) error
}

// IssueToken makes a token by which a tool of the member reads. No purposes
// means all of the member's agreement; no life means TokenLife.
func (d *Door) IssueToken(ctx context.Context, m wire.MemberID, purposes []member.Purpose, life time.Duration) (token string, expires time.Time, err error) {
	standing, err := d.Standing(ctx, m)
	if err != nil {
		return "", time.Time{}, err
	}
	return d.issue(ctx, standing, purposes, life, nil)
}

// issue makes and stores a token; with a delegation, one that pushes.
func (d *Door) issue(ctx context.Context, standing Standing, purposes []member.Purpose, life time.Duration, delegation []byte) (token string, expires time.Time, err error) {
	if life == 0 {
		life = TokenLife
	}
	if life < time.Minute || life > TokenLife {
		return "", time.Time{}, fault.New(fault.Invalid, "token.life", "a token lasts from a minute to %d days", int(TokenLife.Hours()/24))
	}
	allowed := standing.Purposes()
	if len(purposes) == 0 {
		purposes = allowed
	}
	for _, p := range purposes {
		if !slices.Contains(allowed, p) {
			return "", time.Time{}, purposeRefused(p, allowed)
		}
	}
	if token, err = d.draw(32); err != nil {
		return "", time.Time{}, err
	}
	now := d.now()
	t := Token{Member: standing.Member().ID, Purposes: purposes, Created: now, Expires: now.Add(life), Delegation: delegation}
	if err := d.Tokens.AddToken(ctx, hashCode("token", token), t, MaxTokens); err != nil {
		return "", time.Time{}, err
	}
	return token, t.Expires, nil
}

// EndTokens ends all tokens of a member.
func (d *Door) EndTokens(ctx context.Context, m wire.MemberID) error {
	return d.Tokens.EndTokens(ctx, m)
}

// Tool is a tool that showed a token.
type Tool struct {
	Standing
	// Purposes are those of the token that the agreement still allows.
	Purposes []member.Purpose
	// Token names the token in the record; it opens nothing.
	Token []byte
	// Delegation is what the token's member signed, nil if the tool only
	// reads. Whether it holds is asked of [Standing.Delegate].
	Delegation []byte
}

// TokenHolder finds out whose tool asks, and what it may. user is the member's
// id where the tool has to name one, else "".
func (d *Door) TokenHolder(ctx context.Context, user, token string) (Tool, error) {
	hash := hashCode("token", token)
	t, err := d.Tokens.Token(ctx, hash)
	if fault.KindOf(err) == fault.NotFound {
		return Tool{}, tokenRefused().Because(err)
	}
	if err != nil {
		return Tool{}, err
	}
	if user != "" && subtle.ConstantTimeCompare([]byte(user), []byte(t.Member)) == 0 {
		return Tool{}, tokenRefused()
	}
	return d.tool(ctx, hash, t)
}

func (d *Door) tool(ctx context.Context, hash []byte, t Token) (Tool, error) {
	if !d.now().Before(t.Expires) {
		return Tool{}, tokenRefused()
	}
	standing, err := d.Standing(ctx, t.Member)
	if err != nil {
		return Tool{}, err
	}
	allowed := standing.Purposes()
	return Tool{Standing: standing, Token: hash, Delegation: t.Delegation,
		Purposes: slices.DeleteFunc(t.Purposes, func(p member.Purpose) bool { return !slices.Contains(allowed, p) })}, nil
}

func tokenRefused() *fault.Error {
	return fault.New(fault.Unauthenticated, "token.refused",
		"this token is unknown, ended, or another member's; make a new one with `concord member token`")
}
