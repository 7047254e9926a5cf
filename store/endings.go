package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/concord-trust/concord/wire"
)

// AgreementFigures counts the current agreements of members who are not
// suspended by how near their end is.
type AgreementFigures struct {
	// Within counts those that end within so many days, by the days asked for;
	// one that ends tomorrow is in every count.
	Within map[int]int
	Ended  int
}

// AgreementFigures reads them as of a moment.
func (h *Hub) AgreementFigures(ctx context.Context, now time.Time, days []int) (f AgreementFigures, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		f = AgreementFigures{Within: map[int]int{}}
		const current = `SELECT count(*) FROM agreement a JOIN member m ON m.id = a.member WHERE a.current = 1 AND m.suspended = 0`
		err := tx.QueryRowContext(ctx, current+` AND (a.valid_until <= $1 OR EXISTS (SELECT 1 FROM agreement_end e WHERE e.agreement = a.id AND e.at <= $1))`, seconds(now)).Scan(&f.Ended)
		if err != nil {
			return fmt.Errorf("count ended agreements: %w", err)
		}
		for _, d := range days {
			var n int
			err := tx.QueryRowContext(ctx, current+` AND a.valid_until > $1 AND a.valid_until <= $2 AND NOT EXISTS (SELECT 1 FROM agreement_end e WHERE e.agreement = a.id)`,
				seconds(now), seconds(now.Add(time.Duration(d)*24*time.Hour))).Scan(&n)
			if err != nil {
				return fmt.Errorf("count agreements that end: %w", err)
			}
			f.Within[d] = n
		}
		return nil
	})
	return f, err
}

// EndedAgreements counts the agreements that members have now and that are
// valid no more at a moment: a number that only a renewal lowers.
func (h *Hub) EndedAgreements(ctx context.Context, now time.Time) (n int64, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM agreement a WHERE a.current = 1
			AND (a.valid_until <= $1 OR EXISTS (SELECT 1 FROM agreement_end e WHERE e.agreement = a.id AND e.at <= $1))`, seconds(now)).Scan(&n)
		if err != nil {
			return fmt.Errorf("count ended agreements: %w", err)
		}
		return nil
	})
	return n, err
}

// LastAccepted tells when a member's newest report that is still there came in;
// zero if there is none.
func (h *Hub) LastAccepted(ctx context.Context, m wire.MemberID) (at time.Time, err error) {
	err = h.read(ctx, func(tx *sql.Tx) error {
		var received int64
		err := tx.QueryRowContext(ctx, `SELECT received FROM report WHERE member = $1 AND erased = 0 ORDER BY seq DESC LIMIT 1`, m).Scan(&received)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look when a member last contributed: %w", err)
		}
		at = moment(received)
		return nil
	})
	return at, err
}
