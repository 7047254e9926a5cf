package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Receipts finds the signed receipts that the hub gave.
type Receipts interface {
	// Receipt returns the receipt of a member's contribution, or nil; a
	// contribution of somebody else is a fault.Conflict.
	Receipt(ctx context.Context, m wire.MemberID, c wire.ContributionID) ([]byte, error)
}

// Receipt answers with the signed receipt of one of the viewer's own
// contributions, as its outbox got it. One of somebody else looks as if it did
// not exist.
func (r *Room) Receipt(ctx context.Context, v member.Viewer, id wire.ContributionID) (Answer[Content], error) {
	if err := stands(v); err != nil {
		return Answer[Content]{}, err
	}
	none := fault.New(fault.NotFound, "receipt.not_found", "there is no receipt of a contribution of yours with this id")
	if !wire.ValidID('c', id) {
		return Answer[Content]{}, none
	}
	data, err := r.Receipts.Receipt(ctx, v.Member.ID, id)
	if fault.KindOf(err) == fault.Conflict || err == nil && data == nil {
		return Answer[Content]{}, none
	}
	if err != nil {
		return Answer[Content]{}, err
	}
	sum := sha256.Sum256(data)
	return Answer[Content]{body: Content{Name: string(id) + ".receipt.json", MediaType: "application/json", SHA256: hex.EncodeToString(sum[:]), Data: data}}, nil
}
