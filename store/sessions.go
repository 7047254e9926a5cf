package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

var _ admit.Sessions = (*Hub)(nil)

// AddLink implements [admit.Sessions].
func (h *Hub) AddLink(ctx context.Context, codeHash []byte, l admit.Link) error {
	purposes, err := listText(l.Purposes)
	if err != nil {
		return err
	}
	return h.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO login_link (code_hash, member, person, purposes, created, expires) VALUES ($1, $2, $3, $4, $5, $6)`,
			codeHash, l.Member, l.Person, purposes, seconds(l.Created), seconds(l.Expires))
		if err != nil {
			return fmt.Errorf("store a sign-in link: %w", err)
		}
		return nil
	})
}

// RedeemLink implements [admit.Sessions].
func (h *Hub) RedeemLink(ctx context.Context, codeHash, cookieHash []byte, at time.Time,
	begin func(admit.Link) (admit.Session, error)) (s admit.Session, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		l, err := takeLink(ctx, tx, codeHash, at)
		if err != nil {
			return err
		}
		if s, err = begin(l); err != nil {
			return err
		}
		purposes, err := listText(s.Purposes)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			`INSERT INTO session (cookie_hash, member, person, purposes, created, expires, last_seen) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			cookieHash, s.Member, s.Person, purposes, seconds(s.Created), seconds(s.Expires), seconds(s.LastSeen))
		if err != nil {
			return fmt.Errorf("store a session: %w", err)
		}
		return nil
	})
	if err != nil {
		return admit.Session{}, err
	}
	return s, nil
}

func takeLink(ctx context.Context, tx *sql.Tx, codeHash []byte, at time.Time) (l admit.Link, err error) {
	var purposes string
	var created, expires int64
	err = tx.QueryRowContext(ctx,
		`UPDATE login_link SET used = $1 WHERE code_hash = $2 AND used IS NULL
		 RETURNING member, person, purposes, created, expires`, seconds(at), codeHash).
		Scan(&l.Member, &l.Person, &purposes, &created, &expires)
	if err != nil {
		return l, noRow(err, "login.link", "there is no such open sign-in link")
	}
	l.Created, l.Expires = moment(created), moment(expires)
	l.Purposes, err = textList[member.Purpose](purposes)
	return l, err
}

// Session implements [admit.Sessions].
func (h *Hub) Session(ctx context.Context, cookieHash []byte) (s admit.Session, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var purposes string
		var created, expires, seen int64
		err := tx.QueryRowContext(ctx,
			`SELECT member, person, purposes, created, expires, last_seen FROM session WHERE cookie_hash = $1`, cookieHash).
			Scan(&s.Member, &s.Person, &purposes, &created, &expires, &seen)
		if err != nil {
			return noRow(err, "login.session", "there is no such session")
		}
		s.Created, s.Expires, s.LastSeen = moment(created), moment(expires), moment(seen)
		s.Purposes, err = textList[member.Purpose](purposes)
		return err
	})
	return s, err
}

// SeeSession implements [admit.Sessions].
func (h *Hub) SeeSession(ctx context.Context, cookieHash []byte, at time.Time) error {
	return h.change(ctx, "note the use of a session",
		`UPDATE session SET last_seen = $1 WHERE cookie_hash = $2 AND last_seen < $1`, seconds(at), cookieHash)
}

// EndSession implements [admit.Sessions].
func (h *Hub) EndSession(ctx context.Context, cookieHash []byte) error {
	return h.change(ctx, "end a session", `DELETE FROM session WHERE cookie_hash = $1`, cookieHash)
}

// EndSessions implements [admit.Sessions].
func (h *Hub) EndSessions(ctx context.Context, m wire.MemberID) error {
	return h.write(ctx, func(tx *sql.Tx) error { return endSessions(ctx, tx, m) })
}

func endSessions(ctx context.Context, tx *sql.Tx, m wire.MemberID) error {
	for _, statement := range []string{
		`DELETE FROM session WHERE member = $1`,
		`DELETE FROM login_link WHERE member = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, m); err != nil {
			return fmt.Errorf("end the sessions of a member: %w", err)
		}
	}
	return nil
}

// SweepSessions implements [admit.Sessions].
func (h *Hub) SweepSessions(ctx context.Context, before time.Time) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM session WHERE expires < $1`,
			`DELETE FROM login_link WHERE expires < $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, seconds(before)); err != nil {
				return fmt.Errorf("sweep sessions: %w", err)
			}
		}
		return nil
	})
}

// change runs one statement as a write of its own.
func (d *database) change(ctx context.Context, doing, statement string, args ...any) error {
	return d.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	})
}

// listText is how a short list of names is stored: a JSON array.
func listText[T ~string](list []T) (string, error) {
	if list == nil {
		list = []T{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("write a list: %w", err)
	}
	return string(b), nil
}

// textList is the inverse of listText.
func textList[T ~string](text string) (list []T, err error) {
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fault.New(fault.Internal, "store.damaged", "a list in the record cannot be read").Because(err)
	}
	return list, nil
}
