package consolidate

import "github.com/concord-trust/concord/hub/receive"

// FactOf shows tests what is remembered of a report.
func FactOf(r *Room, rec receive.Received) Fact { return r.factOf(rec) }
