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
	var ended sql.NullInt64
	err = tx.QueryRowContext(ctx,
		`SELECT id, member, valid_from, valid_until, signed, (SELECT at FROM agreement_end e WHERE e.agreement = a.id)
		FROM agreement a WHERE member = $1 AND current = 1`, m).
		Scan(&held.ID, &held.Member, &from, &until, &held.Signed, &ended)
	if err != nil {
		return admit.Held{}, noRow(err, "agreement.not_found", "this member has no agreement")
	}
	held.From, held.Until, held.Ended = moment(from), moment(until), moment(ended.Int64)
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

// EndAgreement implements [admit.Members].
func (h *Hub) EndAgreement(ctx context.Context, e admit.Ending) error {
	return h.write(ctx, func(tx *sql.Tx) error {
		held, err := currentAgreement(ctx, tx, e.Member)
		if err != nil {
			return err
		}
		if !held.Ended.IsZero() {
			return fault.New(fault.Conflict, "agreement.ended_already", "this member's agreement was ended already, at %s", held.Ended.Format(time.RFC3339))
		}
		successor := sql.NullString{String: string(e.Successor), Valid: e.Successor != ""}
		if successor.Valid {
			heir, err := oneMember(tx.QueryRowContext(ctx, `SELECT `+memberColumns+` WHERE id = $1`, e.Successor))
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE member SET owner_group = $1 WHERE id = $2`, heir.OwnerGroup, e.Member); err != nil {
				return fmt.Errorf("count a member with its successor: %w", err)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO agreement_end (agreement, at, reason, successor) VALUES ($1, $2, $3, $4)`,
			held.ID, seconds(e.At), e.Reason, successor)
		if err != nil {
			return fmt.Errorf("end an agreement: %w", err)
		}
		return endSessions(ctx, tx, e.Member)
	})
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

const invitationColumns = `card, created, valid_until, used, member, withdrawn FROM invitation`

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
	var created, until, withdrawn int64
	var used sql.NullInt64
	var by sql.NullString
	if err := row.Scan(&card, &created, &until, &used, &by, &withdrawn); err != nil {
		return i, err
	}
	i.Created, i.ValidUntil, i.Used, i.Member = moment(created), moment(until), moment(used.Int64), wire.MemberID(by.String)
	i.Withdrawn = moment(withdrawn)
	if err := json.Unmarshal([]byte(card), &i.Card); err != nil {
		return i, fault.New(fault.Internal, "store.damaged", "an invitation in the record cannot be read").Because(err)
	}
	return i, nil
}

// WithdrawInvitations implements [admit.Invitations].
func (h *Hub) WithdrawInvitations(ctx context.Context, m wire.MemberID, at time.Time) (n int, err error) {
	err = h.write(ctx, func(tx *sql.Tx) error {
		n = 0
		rows, err := tx.QueryContext(ctx, `SELECT code_hash, card FROM invitation WHERE used IS NULL AND withdrawn = 0 AND valid_until > $1`, seconds(at))
		if err != nil {
			return fmt.Errorf("look for open invitations: %w", err)
		}
		var hashes [][]byte
		err = each(rows, func() error {
			var hash []byte
			var text string
			if err := rows.Scan(&hash, &text); err != nil {
				return err
			}
			var card admit.Card
			if err := json.Unmarshal([]byte(text), &card); err != nil {
				return fault.New(fault.Internal, "store.damaged", "an invitation in the record cannot be read").Because(err)
			}
			if card.ID == m {
				hashes = append(hashes, hash)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, hash := range hashes {
			if _, err := tx.ExecContext(ctx, `UPDATE invitation SET withdrawn = $1 WHERE code_hash = $2`, seconds(at), hash); err != nil {
				return fmt.Errorf("withdraw an invitation: %w", err)
			}
		}
		n = len(hashes)
		return nil
	})
	return n, err
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
		if found.Known != nil {
			err = changeMember(ctx, tx, j.Member)
		} else {
			err = insertMember(ctx, tx, j.Member, j.KeyID)
		}
		if err != nil {
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
	known, err := oneMember(tx.QueryRowContext(ctx, `SELECT `+memberColumns+` WHERE id = $1`, found.Invitation.Card.ID))
	if err == nil {
		found.Known = &known
	} else if fault.KindOf(err) != fault.NotFound {
		return found, err
	}
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

// changeMember stores a member who takes part already under a changed card.
func changeMember(ctx context.Context, tx *sql.Tx, m member.Member) error {
	sectors, err := listText(m.Sectors)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		`UPDATE member SET name = $1, stake = $2, kind = $3, owner_group = $4, sectors = $5, counts_from = $6 WHERE id = $7`,
		m.Name, m.Stake, m.Kind, m.OwnerGroup, sectors, seconds(m.CountsFrom), m.ID)
	if err != nil {
		return fmt.Errorf("change a member: %w", err)
	}
	return nil
}
