// Package admit is the hub's door: who takes part, and who may come in now.
//
//	operator ──[Door.Invite]──▶ code ──(handed over)──▶ member
//	member ── code ──▶ [Door.Offer] ──▶ agreement to complete with key and terms
//	member ── code + agreement signed by the member ──▶ [Door.Join] ──▶ agreement signed by both
//	member ── credential ──▶ [Door.Authenticate] ──▶ [Standing]        (machines)
//	member ── [Door.LoginLink] ──▶ code ──▶ [Door.Redeem] ──▶ cookie   (people)
//	cookie + purpose ──▶ [Door.Viewer] ──▶ member.Viewer ──▶ deliver
//
// Every way in ends in a [Standing]: a member that is not suspended, with an
// agreement that is valid at this second. No agreement, no flow. Codes and
// cookies are random and stored as hashes only, so that whoever reads the
// record cannot come in with what it says.
package admit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Door decides who comes in. Its fields are set once, before use.
type Door struct {
	// Hub is this hub's id, for which agreements are made out.
	Hub    string
	Record Record
	// Tokens keeps the tokens of machines; see [Door.IssueToken].
	Tokens Tokens
	// DelegateKey is the key to which a member delegates by a delegation of
	// this id, so that tools may push; nil if they may not.
	DelegateKey func(m wire.MemberID, id wire.DelegationID) (ed25519.PrivateKey, error)
	// Sectors are those that the hub serves, each with its standard.
	Sectors map[string]standard.Ref
	// Standard finds a standard that the hub serves.
	Standard func(standard.Ref) (*standard.Standard, error)
	// Policy is the version of the sectors' policy, and Undertakings what
	// every recipient promises, that agreements must state.
	Policy       string
	Undertakings []string
	// Legal is what agreements state of the third party: where hub and stewards
	// are, who works for it, and its duties. What is missing has its default.
	Legal agreement.Legal
	// Projects says that research is agreed on for a project only.
	Projects bool
	// Contributed, if set, tells when a member last had a report accepted; zero
	// if never.
	Contributed func(ctx context.Context, m wire.MemberID) (time.Time, error)
	// Sign is the hub's key, by which it countersigns agreements.
	Sign ed25519.PrivateKey
	// AgreementLife is the longest that an agreement may last; 0 means
	// DefaultAgreementLife.
	AgreementLife time.Duration
	// Probation is how long a new owner group waits before it counts in
	// thresholds.
	Probation time.Duration
	Now       func() time.Time
	Rand      io.Reader

	once agreement.Once
}

// DefaultAgreementLife is the longest that an agreement lasts unless the hub's
// operator sets another end.
const DefaultAgreementLife = 366 * 24 * time.Hour

// now is the hub's clock in whole seconds: agreements are valid to the second.
func (d *Door) now() time.Time { return d.Now().UTC().Truncate(time.Second) }

// codeEncoding writes codes in letters that people can read out and that pass
// every terminal: lower-case base32.
var codeEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// draw makes a secret code of n random bytes.
func (d *Door) draw(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(d.Rand, b); err != nil {
		return "", fmt.Errorf("draw a code: %w", err)
	}
	return codeEncoding.EncodeToString(b), nil
}

// hashCode is how a code stands in the record. The codes carry 160 bits or
// more, so that a plain hash cannot be searched; the use keeps a code of one
// door from opening another. Spaces, dashes and case, which a person may add
// in copying, do not count.
func hashCode(use, code string) []byte {
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, code))
	sum := sha256.Sum256([]byte("concord " + use + "\x00" + plain))
	return sum[:]
}
