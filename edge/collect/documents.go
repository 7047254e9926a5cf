package collect

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// mappedBy makes a report of a document, and lists what is invalid of it; one
// without statements stands among the places.
type mappedBy[D any] func(document D, a *mapping.Account) (report.Report, []mapping.Place)

// readDocuments reads documents one after the other, each of which becomes a
// report: a VERIS incident, a MISP event. A broken one is listed.
func readDocuments[D any, S ~struct {
	Number, Line int
	Bytes        []byte
}](ctx context.Context, name string, next func() (D, S, error), by mappedBy[D], yield func(Collected) error) (mapping.Account, error) {
	var account mapping.Account
	for {
		if err := ctx.Err(); err != nil {
			return account, err
		}
		document, at, err := next()
		source := jsonrecords.Record(at)
		var bad *jsonrecords.Bad
		switch {
		case err == io.EOF:
			return account, nil
		case errors.As(err, &bad):
			account.Records++
			account.Refuse(mapping.Place{File: name, Record: bad.Number, Line: bad.Line, Path: bad.Fault.Path, Reason: bad.Fault.Message})
			continue
		case err != nil:
			return account, err
		}
		account.Records++
		r, places := by(document, &account)
		for _, at := range places {
			at.File, at.Record, at.Line = name, source.Number, source.Line
			account.Refuse(at)
		}
		if len(r.Statements)+len(r.Observables) == 0 {
			continue
		}
		account.Reports++
		if err := yield(Collected{report: r, digest: sha256.Sum256(source.Bytes), file: name, line: source.Line}); err != nil {
			return account, err
		}
	}
}

// sectorMapper maps each document under the standard that is picked for it,
// which the report that it makes under core decides.
type sectorMapper[D any] struct {
	o Options
	// under makes the mapping of a standard.
	under func(*standard.Standard) mappedBy[D]
	// nothing is listed of a document that says nothing that is collected.
	nothing func(D) mapping.Place
	known   map[standard.Ref]mappedBy[D]
	// tally is the account of one document, until its standard is known.
	tally mapping.Account
}

func newSectorMapper[D any](o Options, under func(*standard.Standard) mappedBy[D], nothing func(D) mapping.Place) (*sectorMapper[D], error) {
	m := &sectorMapper[D]{o: o, under: under, nothing: nothing, known: map[standard.Ref]mappedBy[D]{}}
	_, err := m.by(core)
	return m, err
}

func (m *sectorMapper[D]) by(ref standard.Ref) (mappedBy[D], error) {
	if known := m.known[ref]; known != nil {
		return known, nil
	}
	std, err := m.o.Find(ref)
	if err != nil {
		return nil, err
	}
	m.known[ref] = m.under(std)
	return m.known[ref], nil
}

// report makes a report of a document.
func (m *sectorMapper[D]) report(document D, a *mapping.Account) (report.Report, []mapping.Place) {
	m.tally.Reset()
	r, places := m.known[core](document, &m.tally)
	if len(r.Statements)+len(r.Observables) == 0 {
		a.Merge(m.tally)
		return r, append(places, m.nothing(document))
	}
	ref := core
	if m.o.Standard != nil {
		ref = m.o.Standard(r)
	}
	if ref == core {
		a.Merge(m.tally)
		return r, places
	}
	own, err := m.by(ref)
	if err != nil {
		return report.Report{}, []mapping.Place{{Path: "standard", Reason: fault.Public(err).Message}}
	}
	return own(document, a)
}
