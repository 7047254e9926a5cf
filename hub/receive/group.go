package receive

import "github.com/concord-trust/concord/wire"

// Under is the report as one of another owner group than the one that its
// member belonged to when it came in: after a merger or a sale it counts with
// its present owner. The record keeps the row as it was received.
func (r Received) Under(group wire.OwnerGroup) Received {
	r.row.OwnerGroup = group
	return r
}
