package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

var _ admit.Tokens = (*Hub)(nil)

// AddToken implements [admit.Tokens].
func (h *Hub) AddToken(ctx context.Context, hash []byte, t admit.Token, most int) error {
	purposes, err := listText(t.Purposes)
	if err != nil {
		return err
	}
	return h.write(ctx, func(tx *sql.Tx) error {
		// What ended makes room.
		if _, err := tx.ExecContext(ctx, `DELETE FROM member_token WHERE member = $1 AND expires <= $2`, t.Member, seconds(t.Created)); err != nil {
			return fmt.Errorf("forget tokens that ended: %w", err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM member_token WHERE member = $1`, t.Member).Scan(&n); err != nil {
			return fmt.Errorf("count tokens: %w", err)
		}
		if n >= most {
			return fault.New(fault.Conflict, "token.too_many", "this member has %d tokens already; end them with `concord member token --end`", n)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO member_token (token_hash, member, purposes, created, expires, delegation) VALUES ($1, $2, $3, $4, $5, $6)`,
			hash, t.Member, purposes, seconds(t.Created), seconds(t.Expires), append([]byte{}, t.Delegation...))
		if err != nil {
			return fmt.Errorf("store a token: %w", err)
		}
		return nil
	})
}

// Token implements [admit.Tokens].
func (h *Hub) Token(ctx context.Context, hash []byte) (t admit.Token, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var purposes string
		var created, expires int64
		err := tx.QueryRowContext(ctx, `SELECT member, purposes, created, expires, delegation FROM member_token WHERE token_hash = $1`, hash).
			Scan(&t.Member, &purposes, &created, &expires, &t.Delegation)
		if err != nil {
			return noRow(err, "token.unknown", "there is no such token")
		}
		t.Created, t.Expires = moment(created), moment(expires)
		t.Purposes, err = textList[member.Purpose](purposes)
		return err
	})
	return t, err
}

// EndTokens implements [admit.Tokens].
func (h *Hub) EndTokens(ctx context.Context, m wire.MemberID) error {
	return h.change(ctx, "end the tokens of a member", `DELETE FROM member_token WHERE member = $1`, m)
}

// SweepTokens implements [admit.Tokens].
func (h *Hub) SweepTokens(ctx context.Context, before time.Time) error {
	return h.change(ctx, "sweep tokens", `DELETE FROM member_token WHERE expires < $1`, seconds(before))
}
