package outbox

import (
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/wire"
)

// ReportID is the id of the report that is made of a collected one, whatever it
// says: by it a file tells which reports are to be recalled.
func (o *Outbox) ReportID(c collect.Collected) wire.ReportID {
	return o.reportID(minimise.Origin{Native: c.Native(), Digest: c.Digest()})
}

// reportID derives the id of a report. Without an id in its source it is known
// by what the source file said; then changed contents are another report.
func (o *Outbox) reportID(origin minimise.Origin) wire.ReportID {
	named := o.mac("native", origin.Native)
	if origin.Native == "" {
		named = o.mac("unnamed", string(origin.Digest))
	}
	return wire.IDFrom[wire.ReportID]('r', [16]byte(named))
}
