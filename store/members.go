package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

var (
	_ admit.Members     = (*Hub)(nil)
	_ admit.Invitations = (*Hub)(nil)
)

const memberColumns = `id, name, stake, kind, owner_group, sectors, key, since, counts_from, suspended FROM member`

// Member implements [admit.Members].
func (h *Hub) Member(ctx context.Context, id wire.MemberID) (m member.Member, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		m, err = oneMember(tx.QueryRowContext(ctx, `SELECT `+memberColumns+` WHERE id = $1`, id))
		return err
	})
	return m, err
}

// MemberByKey implements [admit.Members].
func (h *Hub) MemberByKey(ctx context.Context, keyID string) (m member.Member, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		m, err = oneMember(tx.QueryRowContext(ctx, `SELECT `+memberColumns+` WHERE key_id = $1`, keyID))
		return err
	})
	return m, err
}

// Members implements [admit.Members].
func (h *Hub) Members(ctx context.Context) (all []member.Member, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+memberColumns+` ORDER BY id`)
		if err != nil {
			return fmt.Errorf("list members: %w", err)
		}
		return each(rows, func() error {
			m, err := scanMember(rows)
			all = append(all, m)
			return err
		})
	})
	return all, err
}

func oneMember(row *sql.Row) (member.Member, error) {
	m, err := scanMember(row)
	return m, noRow(err, "member.not_found", "there is no such member")
}

func scanMember(row interface{ Scan(...any) error }) (m member.Member, err error) {
	var sectors string
	var since, counts int64
	var key []byte
	err = row.Scan(&m.ID, &m.Name, &m.Stake, &m.Kind, &m.OwnerGroup, &sectors, &key, &since, &counts, &m.Suspended)
	if err != nil {
		return member.Member{}, err
	}
	m.Key, m.Since, m.CountsFrom = key, moment(since), moment(counts)
	m.Sectors, err = textList[string](sectors)
	return m, err
}

// Agreement implements [admit.Members].
func (h *Hub) Agreement(ctx context.Context, m wire.MemberID) (held admit.Held, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		held, err = currentAgreement(ctx, tx, m)
		return err
	})
	return held, err
}

func currentAgreement(ctx context.Context, tx *sql.Tx, m wire.MemberID) (held admit.Held, err error) {
	var from, until int64
	err = tx.QueryRowContext(ctx,
		`SELECT id, member, valid_from, valid_until, signed FROM agreement WHERE member = $1 AND current = 1`, m).
		Scan(&held.ID, &held.Member, &from, &until, &held.Signed)
	if err != nil {
		return admit.Held{}, noRow(err, "agreement.not_found", "this member has no agreement")
	}
	held.From, held.Until = moment(from), moment(until)
	return held, nil
}

// Renew implements [admit.Members].
func (h *Hub) Renew(ctx context.Context, held admit.Held, at time.Time) error {
	return h.write(ctx, func(tx *sql.Tx) error { return insertAgreement(ctx, tx, held, at) })
}

func insertAgreement(ctx context.Context, tx *sql.Tx, held admit.Held, at time.Time) error {
	var taken int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM agreement WHERE id = $1`, held.ID).Scan(&taken); err != nil {
		return fmt.Errorf("look for an agreement: %w", err)
	}
	if taken > 0 {
		return fault.New(fault.Conflict, "agreement.id_taken", "an agreement with this id is stored already")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE agreement SET current = 0 WHERE member = $1 AND current = 1`, held.Member); err != nil {
		return fmt.Errorf("end the former agreement: %w", err)
	}
	_, err := tx.ExecContext(ctx,
		`INSERT INTO agreement (id, member, current, valid_from, valid_until, signed, stored) VALUES ($1, $2, 1, $3, $4, $5, $6)`,
		held.ID, held.Member, seconds(held.From), seconds(held.Until), held.Signed, seconds(at))
	if err != nil {
		return fmt.Errorf("store an agreement: %w", err)
	}
	return nil
}

// Suspend implements [admit.Members].
func (h *Hub) Suspend(ctx context.Context, m wire.MemberID, suspended bool) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE member SET suspended = $1 WHERE id = $2`, flag(suspended), m)
		if err != nil {
			return fmt.Errorf("suspend a member: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fault.New(fault.NotFound, "member.not_found", "there is no such member"))
		}
		if !suspended {
			return nil
		}
		return endSessions(ctx, tx, m)
	})
}

// AddInvitation implements [admit.Invitations].
func (h *Hub) AddInvitation(ctx context.Context, codeHash []byte, i admit.Invitation) error {
	card, err := json.Marshal(i.Card)
	if err != nil {
		return fmt.Errorf("write an invitation: %w", err)
	}
	return h.change(ctx, "store an invitation",
		`INSERT INTO invitation (code_hash, card, created, valid_until) VALUES ($1, $2, $3, $4)`,
		codeHash, string(card), seconds(i.Created), seconds(i.ValidUntil))
}

const invitationColumns = `card, created, valid_until, used, member FROM invitation`

// Invitation implements [admit.Invitations].
func (h *Hub) Invitation(ctx context.Context, codeHash []byte) (i admit.Invitation, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		i, err = scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` WHERE code_hash = $1`, codeHash))
		return noRow(err, "invitation.not_found", "there is no such invitation")
	})
	return i, err
}

// Invitations implements [admit.Invitations].
func (h *Hub) Invitations(ctx context.Context) (all []admit.Invitation, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+invitationColumns+` ORDER BY created DESC, code_hash`)
		if err != nil {
			return fmt.Errorf("list invitations: %w", err)
		}
		return each(rows, func() error {
			i, err := scanInvitation(rows)
			all = append(all, i)
			return err
		})
	})
	return all, err
}

func scanInvitation(row interface{ Scan(...any) error }) (i admit.Invitation, err error) {
	var card string
	var created, until int64
	var used sql.NullInt64
	var by sql.NullString
	if err := row.Scan(&card, &created, &until, &used, &by); err != nil {
		return i, err
	}
	i.Created, i.ValidUntil, i.Used, i.Member = moment(created), moment(until), moment(used.Int64), wire.MemberID(by.String)
	if err := json.Unmarshal([]byte(card), &i.Card); err != nil {
		return i, fault.New(fault.Internal, "store.damaged", "an invitation in the record cannot be read").Because(err)
	}
	return i, nil
}

// Join implements [admit.Invitations].
func (h *Hub) Join(ctx context.Context, codeHash []byte, at time.Time, decide func(admit.Found) (admit.Joined, error)) (j admit.Joined, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		found, err := findInvitation(ctx, tx, codeHash)
		if err != nil {
			return err
		}
		if j, err = decide(found); err != nil || found.Joined != nil {
			return err
		}
		if err := insertMember(ctx, tx, j.Member, j.KeyID); err != nil {
			return err
		}
		if err := insertAgreement(ctx, tx, j.Agreement, at); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE invitation SET used = $1, member = $2 WHERE code_hash = $3`, seconds(at), j.Member.ID, codeHash)
		if err != nil {
			return fmt.Errorf("use an invitation: %w", err)
		}
		return nil
	})
	if err != nil {
		return admit.Joined{}, err
	}
	return j, nil
}

func findInvitation(ctx context.Context, tx *sql.Tx, codeHash []byte) (found admit.Found, err error) {
	found.Invitation, err = scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` WHERE code_hash = $1`, codeHash))
	if err != nil {
		return found, noRow(err, "invitation.not_found", "there is no such invitation")
	}
	var counts sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT min(counts_from) FROM member WHERE owner_group = $1`, found.Invitation.Card.OwnerGroup).Scan(&counts)
	if err != nil {
		return found, fmt.Errorf("look for an owner group: %w", err)
	}
	found.GroupCounts = moment(counts.Int64)
	if found.Invitation.Used.IsZero() {
		return found, nil
	}
	j := &admit.Joined{}
	if j.Member, err = oneMember(tx.QueryRowContext(ctx, `SELECT `+memberColumns+` WHERE id = $1`, found.Invitation.Member)); err != nil {
		return found, err
	}
	if err = tx.QueryRowContext(ctx, `SELECT key_id FROM member WHERE id = $1`, j.Member.ID).Scan(&j.KeyID); err != nil {
		return found, fmt.Errorf("look for a member's key: %w", err)
	}
	if j.Agreement, err = currentAgreement(ctx, tx, j.Member.ID); err != nil {
		return found, err
	}
	found.Joined = j
	return found, nil
}

func insertMember(ctx context.Context, tx *sql.Tx, m member.Member, keyID string) error {
	var taken int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM member WHERE id = $1 OR key_id = $2`, m.ID, keyID).Scan(&taken)
	if err != nil {
		return fmt.Errorf("look for a member: %w", err)
	}
	if taken > 0 {
		return fault.New(fault.Conflict, "member.key_taken",
			"a member with this key takes part already; make a fresh key with `concord member init`")
	}
	sectors, err := listText(m.Sectors)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO member (id, name, stake, kind, owner_group, sectors, key, key_id, since, counts_from, suspended)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		m.ID, m.Name, m.Stake, m.Kind, m.OwnerGroup, sectors, []byte(m.Key), keyID,
		seconds(m.Since), seconds(m.CountsFrom), flag(m.Suspended))
	if err != nil {
		return fmt.Errorf("store a member: %w", err)
	}
	return nil
}
