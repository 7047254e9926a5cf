package receive

import (
	"context"
	"errors"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Kept says for how long reports of a member in a sector are kept, the shorter
// of what its own terms and the sector's policy say; 0 is until it is recalled.
type Kept func(ctx context.Context, m member.Member, sector string) (time.Duration, error)

// Expire destroys every report of the members whose time is over now: it was
// first received as long ago as it may be kept, to the second. A later revision
// does not prolong it. Several processes may do it at once: each report is
// destroyed once, with one receipt. What fails for one member holds up no other.
func (d *Desk) Expire(ctx context.Context, members []member.Member, kept Kept) (destroyed int, err error) {
	var failed []error
	for _, m := range members {
		for _, sector := range m.Sectors {
			n, err := d.expireIn(ctx, m, sector, kept)
			destroyed += n
			failed = append(failed, err)
			if ctx.Err() != nil {
				return destroyed, ctx.Err()
			}
		}
	}
	return destroyed, errors.Join(failed...)
}

func (d *Desk) expireIn(ctx context.Context, m member.Member, sector string, kept Kept) (destroyed int, err error) {
	for {
		now := d.Now().UTC().Truncate(time.Second)
		span, err := kept(ctx, m, sector)
		if err != nil || span <= 0 {
			return destroyed, err
		}
		due, err := d.Recalls.Due(ctx, m.ID, sector, now.Add(-span), wire.MaxRecall)
		if err != nil || len(due) == 0 {
			return destroyed, err
		}
		id, err := wire.NewID[wire.RecallID]('d', d.Rand)
		if err != nil {
			return destroyed, err
		}
		receipt, err := d.destroy(ctx, Ask{ID: id, Member: m.ID, Made: now, At: now, By: wire.ByRetention, Reason: wire.ReasonRetention, Reports: due})
		if err != nil {
			return destroyed, err
		}
		if receipt != nil {
			destroyed += len(due)
		}
	}
}
