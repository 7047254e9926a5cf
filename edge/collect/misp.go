package collect

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/standard"
)

// readMISP reads a stream of events.
func readMISP(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	under := func(std *standard.Standard) mappedBy[misp.Event] { return mapping.NewMISP(std).FromMISP }
	mapper, err := newSectorMapper(o, under, func(misp.Event) mapping.Place {
		return mapping.Place{Reason: "the event says nothing that the standard collects"}
	})
	if err != nil {
		return mapping.Account{}, err
	}
	return readDocuments(ctx, name, misp.NewReader(in).Next, mapper.report, yield)
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
