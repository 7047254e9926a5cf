package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/wire"
)

var (
	_ steward.Ledger     = (*Steward)(nil)
	_ steward.Admissions = (*Steward)(nil)
)

// Admit implements [steward.Admissions].
func (s *Steward) Admit(ctx context.Context, m wire.MemberID, signed []byte) error {
	return s.change(ctx, "store a member's agreement",
		`INSERT INTO admission (member, signed) VALUES ($1, $2)
		 ON CONFLICT (member) DO UPDATE SET signed = excluded.signed`, m, signed)
}

// Admitted implements [steward.Admissions].
func (s *Steward) Admitted(ctx context.Context, m wire.MemberID) (signed []byte, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT signed FROM admission WHERE member = $1`, m).Scan(&signed)
		return noRow(err, "steward.not_admitted", "this steward has no agreement of this member")
	})
	return signed, err
}

// Revoke implements [steward.Admissions].
func (s *Steward) Revoke(ctx context.Context, m wire.MemberID, upTo time.Time) error {
	return s.change(ctx, "store a revocation",
		`INSERT INTO revocation (member, up_to) VALUES ($1, $2)
		 ON CONFLICT (member) DO UPDATE SET up_to = excluded.up_to WHERE revocation.up_to < excluded.up_to`, m, seconds(upTo))
}

// Revoked implements [steward.Admissions].
func (s *Steward) Revoked(ctx context.Context, m wire.MemberID) (upTo time.Time, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT up_to FROM revocation WHERE member = $1`, m).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		upTo = moment(at)
		return err
	})
	return upTo, err
}

// Debit implements [steward.Ledger].
func (s *Steward) Debit(ctx context.Context, group wire.OwnerGroup, day string, key wire.KeyKind, n, quota int64) (used int64, ok bool, err error) {
	if n < 0 {
		return 0, false, errors.New("a debit is never negative")
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		if n <= quota {
			err := tx.QueryRowContext(ctx,
				`INSERT INTO ledger (owner_group, day, key_kind, evaluations) VALUES ($1, $2, $3, $4)
				 ON CONFLICT (owner_group, day, key_kind)
				 DO UPDATE SET evaluations = ledger.evaluations + excluded.evaluations
				 WHERE ledger.evaluations <= $5
				 RETURNING evaluations`, group, day, key, n, quota-n).Scan(&used)
			if ok = err == nil; ok || !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		err := tx.QueryRowContext(ctx,
			`SELECT evaluations FROM ledger WHERE owner_group = $1 AND day = $2 AND key_kind = $3`, group, day, key).Scan(&used)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("debit evaluations: %w", err)
	}
	return used, ok, nil
}
