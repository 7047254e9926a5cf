package collect

import (
	"context"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// core is the standard by which a report is mapped before it is known which
// sector's standard it belongs under.
const core standard.Ref = "core/1.0"

// readVERIS reads a stream of incidents.
func readVERIS(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	mapper, err := newVERISMapper(o)
	if err != nil {
		return mapping.Account{}, err
	}
	return readDocuments(ctx, name, veris.NewReader(in).Next, mapper.report, yield)
}

// verisMapper maps each incident under the standard that is picked for it.
type verisMapper struct {
	o     Options
	core  *mapping.VERIS
	known map[standard.Ref]*verisUnder
	// tally is the account of one incident, until its standard is known.
	tally mapping.Account
}

// verisUnder is a standard under which incidents are wanted.
type verisUnder struct {
	std *standard.Standard
	// own is its mapping; nil if a report mapped under core stands as it is.
	own *mapping.VERIS
}

func newVERISMapper(o Options) (*verisMapper, error) {
	std, err := o.Find(core)
	if err != nil {
		return nil, err
	}
	return &verisMapper{o: o, core: mapping.NewVERIS(std), known: map[standard.Ref]*verisUnder{}}, nil
}

// report makes a report of an incident; one without statements was listed
// among the places.
func (m *verisMapper) report(in veris.Incident, a *mapping.Account) (report.Report, []mapping.Place) {
	m.tally.Reset()
	r, places := m.core.FromVERIS(in, &m.tally)
	if len(r.Statements)+len(r.Observables) == 0 {
		a.Merge(m.tally)
		return r, append(places, mapping.Place{Reason: "the incident says nothing that the standard collects"})
	}
	if m.o.Standard == nil {
		a.Merge(m.tally)
		return r, places
	}
	under, err := m.under(m.o.Standard(r))
	if err != nil {
		return report.Report{}, []mapping.Place{{Path: "standard", Reason: fault.Public(err).Message}}
	}
	if under.own != nil {
		return under.own.FromVERIS(in, a)
	}
	a.Merge(m.tally)
	r.Standard = under.std.Ref()
	return r, places
}

func (m *verisMapper) under(ref standard.Ref) (*verisUnder, error) {
	if u := m.known[ref]; u != nil {
		return u, nil
	}
	std, err := m.o.Find(ref)
	if err != nil {
		return nil, err
	}
	u := &verisUnder{std: std}
	if !m.core.Covers(std) {
		u.own = mapping.NewVERIS(std)
	}
	m.known[ref] = u
	return u, nil
}
