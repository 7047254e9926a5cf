package admit

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// How long the ways in stay open.
const (
	// LinkLife is how long a sign-in link can be redeemed.
	LinkLife = 5 * time.Minute
	// SessionLife is the longest a session lasts.
	SessionLife = 12 * time.Hour
	// SessionIdle is how long a session outlasts its last page.
	SessionIdle = 2 * time.Hour
	// seenEvery bounds how often a session's use is written down.
	seenEvery = time.Minute
)

// MaxPerson is the longest name of a person at a member, in bytes.
const MaxPerson = 200

// Link is a sign-in link that a member made for one of its people.
type Link struct {
	Member wire.MemberID
	// Person is who signs in, as the member calls them; the hub's own pages
	// show it to nobody else.
	Person string
	// Purposes is the scope: what the session may be used for. It is never
	// wider than the member's agreement.
	Purposes []member.Purpose
	Created  time.Time
	Expires  time.Time
}

// Session is a person signed in on the hub's pages.
type Session struct {
	Member   wire.MemberID
	Person   string
	Purposes []member.Purpose
	Created  time.Time
	Expires  time.Time
	LastSeen time.Time
}

// Sessions is what sign-in needs of the hub's record. Codes and cookies come
// as hashes; the record never holds one that opens a door.
type Sessions interface {
	AddLink(ctx context.Context, codeHash []byte, l Link) error
	// RedeemLink uses a link up and stores the session that begin makes of
	// it, both or neither. A link that is unknown or used is fault.NotFound;
	// of two who redeem it at once, one succeeds.
	RedeemLink(ctx context.Context, codeHash, cookieHash []byte, at time.Time, begin func(Link) (Session, error)) (Session, error)
	// Session returns a session, or fault.NotFound.
	Session(ctx context.Context, cookieHash []byte) (Session, error)
	// SeeSession notes that a session was used.
	SeeSession(ctx context.Context, cookieHash []byte, at time.Time) error
	EndSession(ctx context.Context, cookieHash []byte) error
	// EndSessions ends all sessions and open links of a member.
	EndSessions(ctx context.Context, m wire.MemberID) error
	// SweepSessions forgets links and sessions that ended before the moment.
	SweepSessions(ctx context.Context, before time.Time) error
}

// LoginLink makes a one-use code by which a person of the member signs in
// within LinkLife. No purposes means all of the member's agreement; a purpose
// that the agreement does not allow is refused.
func (d *Door) LoginLink(ctx context.Context, m wire.MemberID, person string, purposes []member.Purpose) (code string, expires time.Time, err error) {
	person = strings.TrimSpace(person)
	if person == "" || len(person) > MaxPerson {
		return "", time.Time{}, fault.New(fault.Invalid, "login.person", "say who signs in, in at most %d bytes", MaxPerson)
	}
	standing, err := d.Standing(ctx, m)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := standing.agreement.Admits(person); err != nil {
		return "", time.Time{}, err
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
	code, err = d.draw(20)
	if err != nil {
		return "", time.Time{}, err
	}
	now := d.now()
	l := Link{Member: m, Person: person, Purposes: purposes, Created: now, Expires: now.Add(LinkLife)}
	if err := d.Record.AddLink(ctx, hashCode("login link", code), l); err != nil {
		return "", time.Time{}, err
	}
	return code, l.Expires, nil
}

// Redeem turns a sign-in code into a session and returns the value for its
// cookie. A code works once, for LinkLife.
func (d *Door) Redeem(ctx context.Context, code string) (cookie string, s Session, err error) {
	cookie, err = d.draw(32)
	if err != nil {
		return "", Session{}, err
	}
	now := d.now()
	s, err = d.Record.RedeemLink(ctx, hashCode("login link", code), hashCode("session", cookie), now, func(l Link) (Session, error) {
		if !now.Before(l.Expires) {
			return Session{}, linkRefused(nil)
		}
		return Session{Member: l.Member, Person: l.Person, Purposes: l.Purposes,
			Created: now, Expires: now.Add(SessionLife), LastSeen: now}, nil
	})
	if fault.KindOf(err) == fault.NotFound {
		return "", Session{}, linkRefused(err)
	}
	if err != nil {
		return "", Session{}, err
	}
	// The agreement may have ended since the link was made, or name others.
	standing, err := d.Standing(ctx, s.Member)
	if err == nil {
		err = standing.agreement.Admits(s.Person)
	}
	if err != nil {
		return "", Session{}, err
	}
	return cookie, s, nil
}

// Session returns the session of a cookie while it lasts, its member is not
// suspended and its agreement is valid.
func (d *Door) Session(ctx context.Context, cookie string) (Session, Standing, error) {
	hash := hashCode("session", cookie)
	s, err := d.Record.Session(ctx, hash)
	if fault.KindOf(err) == fault.NotFound {
		return Session{}, Standing{}, signInAgain(err)
	}
	if err != nil {
		return Session{}, Standing{}, err
	}
	now := d.now()
	if !now.Before(s.Expires) || !now.Before(s.LastSeen.Add(SessionIdle)) {
		return Session{}, Standing{}, signInAgain(nil)
	}
	standing, err := d.Standing(ctx, s.Member)
	if err == nil {
		err = standing.agreement.Admits(s.Person)
	}
	if err != nil {
		return Session{}, Standing{}, err
	}
	if now.Sub(s.LastSeen) >= seenEvery {
		if err := d.Record.SeeSession(ctx, hash, now); err != nil {
			return Session{}, Standing{}, err
		}
		s.LastSeen = now
	}
	return s, standing, nil
}

// Logout ends the session of a cookie. An unknown one is no error: it is over
// either way.
func (d *Door) Logout(ctx context.Context, cookie string) error {
	return d.Record.EndSession(ctx, hashCode("session", cookie))
}

// Viewer is the recipient for whom answers are computed in a session, for one
// purpose: it must lie within the session's scope and the agreement, which may
// have changed since.
func (d *Door) Viewer(ctx context.Context, cookie string, p member.Purpose) (member.Viewer, Session, error) {
	s, standing, err := d.Session(ctx, cookie)
	if err != nil {
		return member.Viewer{}, Session{}, err
	}
	if !slices.Contains(s.Purposes, p) {
		return member.Viewer{}, Session{}, purposeRefused(p, s.Purposes)
	}
	v, err := standing.Viewer(p)
	return v, s, err
}

func linkRefused(cause error) error {
	return fault.New(fault.Unauthenticated, "login.link",
		"this sign-in link is unknown, used or older than %d minutes; make a new one with `concord member login`", int(LinkLife.Minutes())).Because(cause)
}

func signInAgain(cause error) error {
	return fault.New(fault.Unauthenticated, "login.session",
		"you are not signed in, or not any more; sign in again with a link from `concord member login`").Because(cause)
}

func purposeRefused(p member.Purpose, allowed []member.Purpose) error {
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	can := strings.Join(names, ", ")
	if can == "" {
		can = "none"
	}
	if !p.Valid() {
		return fault.New(fault.Invalid, "purpose.unknown", "there is no such purpose; your agreement allows: %s", can)
	}
	return fault.New(fault.Forbidden, "purpose.not_agreed", "your agreement does not allow the purpose %s here; it allows: %s", p, can)
}
