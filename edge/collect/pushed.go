package collect

import (
	"crypto/sha256"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/standard"
)

// Part is what of objects that a tool pushed became one report, or why it
// became none.
type Part struct {
	Collected
	// Made is false if nothing was said that is collected.
	Made bool
	// Lead, Members and Around are places in the objects, as
	// [mapping.STIXPart] has them.
	Lead            int
	Members, Around []int
	// Account says what became of each value.
	Account mapping.Account
}

// Pushed makes reports of STIX objects, each id once, as [Read] does of a file,
// but by the rules of [mapping.PartsSTIX]: a request to add objects holds what
// is to be kept apart. Objects that are in no part tell of nothing.
func Pushed(objects []stix.Object, o Options) ([]Part, error) {
	if o.Find == nil {
		o.Find = standard.Builtin
	}
	mapper, err := newSTIXMapper(o)
	if err != nil {
		return nil, err
	}
	divided := mapping.PartsSTIX(objects)
	parts := make([]Part, len(divided))
	for i, d := range divided {
		p := Part{Lead: d.Lead, Members: d.Members, Around: d.Around}
		p.Account.Records = 1
		text, err := stix.Print(objects[d.Lead])
		if err != nil {
			return nil, err
		}
		made, places := mapper.report(d.STIXGroup, &p.Account)
		for _, at := range places {
			p.Account.Refuse(at)
		}
		made.Native = "" // by which it is known is for whoever pushed
		p.Made = len(made.Statements)+len(made.Observables) > 0
		if p.Made {
			p.Account.Reports = 1
			p.Collected = o.withoutFuture(Collected{report: made, digest: sha256.Sum256(text), file: "pushed"}, &p.Account)
			p.Made = len(p.Collected.report.Statements)+len(p.Collected.report.Observables) > 0
		}
		parts[i] = p
	}
	return parts, nil
}
