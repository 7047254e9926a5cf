package collect

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// readMISP reads a stream of events.
func readMISP(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	var account mapping.Account
	mapper, err := newMISPMapper(o)
	if err != nil {
		return account, err
	}
	events := misp.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return account, err
		}
		event, source, err := events.Next()
		var bad *misp.Bad
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
		r, places := mapper.report(event, &account)
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

// mispMapper maps each event under the standard that is picked for it.
type mispMapper struct {
	o     Options
	known map[standard.Ref]*mapping.MISP
	// tally is the account of one event, until its standard is known.
	tally mapping.Account
}

func newMISPMapper(o Options) (*mispMapper, error) {
	m := &mispMapper{o: o, known: map[standard.Ref]*mapping.MISP{}}
	_, err := m.under(core)
	return m, err
}

// report makes a report of an event; one without statements was listed among
// the places.
func (m *mispMapper) report(e misp.Event, a *mapping.Account) (report.Report, []mapping.Place) {
	m.tally.Reset()
	r, places := m.known[core].FromMISP(e, &m.tally)
	if len(r.Statements)+len(r.Observables) == 0 {
		a.Merge(m.tally)
		return r, append(places, mapping.Place{Reason: "the event says nothing that the standard collects"})
	}
	ref := core
	if m.o.Standard != nil {
		ref = m.o.Standard(r)
	}
	if ref == core {
		a.Merge(m.tally)
		return r, places
	}
	own, err := m.under(ref)
	if err != nil {
		return report.Report{}, []mapping.Place{{Path: "standard", Reason: fault.Public(err).Message}}
	}
	return own.FromMISP(e, a)
}

func (m *mispMapper) under(ref standard.Ref) (*mapping.MISP, error) {
	if known := m.known[ref]; known != nil {
		return known, nil
	}
	std, err := m.o.Find(ref)
	if err != nil {
		return nil, err
	}
	m.known[ref] = mapping.NewMISP(std)
	return m.known[ref], nil
}

// mispWriter writes reports as events, one a line.
type mispWriter struct {
	to      *bufio.Writer
	under   map[standard.Ref]*mapping.MISP
	random  io.Reader
	now     func() time.Time
	account mapping.Account
}

func newMISPWriter(w io.Writer) *mispWriter {
	return &mispWriter{to: bufio.NewWriterSize(w, 1<<16), under: map[standard.Ref]*mapping.MISP{}, random: rand.Reader, now: time.Now}
}

func (w *mispWriter) Write(c Collected) error {
	m := w.under[c.report.Standard]
	if m == nil {
		std, err := standard.Builtin(c.report.Standard)
		if err != nil {
			return err
		}
		m = mapping.NewMISP(std)
		w.under[c.report.Standard] = m
	}
	event, err := m.ToMISP(c.report, mapping.Issue{Random: w.random, Now: w.now()}, &w.account)
	if err != nil {
		return err
	}
	line, err := misp.Print(event)
	if err != nil {
		return err
	}
	_, err = w.to.Write(append(line, '\n'))
	return err
}

func (w *mispWriter) Close() error { return w.to.Flush() }

func (w *mispWriter) Account() mapping.Account { return w.account }
