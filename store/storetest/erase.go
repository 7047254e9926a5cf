package storetest

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

// Erase destroys a report as a hub's desk does, with a receipt that tells
// nothing.
func Erase(ctx context.Context, r receive.Recalls, m wire.MemberID, report wire.ReportID) error {
	id, err := wire.NewID[wire.RecallID]('d', rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	ask := receive.Ask{ID: id, Member: m, Made: now, At: now, By: wire.ByOperator, Reason: wire.ReasonOther, Reports: []wire.ReportID{report}}
	if _, err := r.Destroy(ctx, ask, func(receive.Found) (receive.Destroying, error) {
		return receive.Destroying{Receipt: []byte("destroyed")}, nil
	}); err != nil {
		return err
	}
	return r.Forget(ctx)
}
