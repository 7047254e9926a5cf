package node

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/web/desk"
	"github.com/concord-trust/concord/wire"
)

// deskPause is how long the desk waits between two attempts to deliver what
// is in the outbox.
const deskPause = time.Minute

// ServeDesk serves the member's own pages on loopback until the context ends,
// and delivers what waits in the outbox meanwhile. link is told of each link
// that opens the desk in a browser: the first at once, further ones when
// somebody at the desk asks for them. Whoever reads a link can use it, once.
func (m *Member) ServeDesk(ctx context.Context, log *slog.Logger, link func(url string)) error {
	ln, err := listen(m.Config.Member.Listen)
	if err != nil {
		return err
	}
	return m.ServeDeskOn(ctx, ln, log, link)
}

// ServeDeskOn is [Member.ServeDesk] on a listener that is open already.
func (m *Member) ServeDeskOn(ctx context.Context, ln net.Listener, log *slog.Logger, link func(url string)) error {
	d := m.desk(ln.Addr().String(), log, link)
	h, err := d.Handler()
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	if err := d.Open(); err != nil {
		return errors.Join(err, ln.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	out := m.impatient().Outbox
	work.Go(func() {
		out.Run(ctx, deskPause, func(done outbox.Delivery, err error) {
			if err != nil && ctx.Err() == nil {
				log.Warn("the outbox could not be delivered; it is tried again", "code", fault.Public(err).Code)
			} else if done.Receipts > 0 {
				log.Info("the outbox was delivered", "receipts", done.Receipts, "accepted", done.Accepted, "refused", done.Refused)
			}
		})
	})
	return server(ctx, ln, h, nil, nil, log)
}

// DeskHandler is the desk as it is served at an address, for tests that bring
// their own server.
func (m *Member) DeskHandler(address string, log *slog.Logger, link func(url string)) (http.Handler, error) {
	d := m.desk(address, log, link)
	h, err := d.Handler()
	if err != nil {
		return nil, err
	}
	return h, d.Open()
}

func (m *Member) desk(address string, log *slog.Logger, link func(url string)) *desk.Desk {
	return &desk.Desk{Agreement: m.Agreement, Hub: m.Config.Member.Hub.URL, Edge: deskEdge{m.impatient()}, Outbox: m.Store, Standards: standard.Builtin,
		Address: address, Link: link, Now: m.Outbox.Now, Random: rand.Reader, Status: httpapi.Status, Log: log}
}

// impatient is the member with one attempt at hub and steward in place of
// many: a person waits for the answer, and what is queued is tried again.
func (m *Member) impatient() *Member {
	quick := *m
	out := *m.Outbox
	out.Attempts = 1
	quick.Outbox = &out
	if t := m.Tokeniser; t != nil {
		quick.Tokeniser = &tokenise.Tokeniser{Steward: t.Steward, Name: t.Name, Epoch: t.Epoch, Key: t.Key, Random: t.Random, Attempts: 1}
	}
	return &quick
}

// deskEdge is the member's edge as the desk uses it.
type deskEdge struct{ m *Member }

func (e deskEdge) Rules(ref standard.Ref) *terms.Rules { return e.m.rules[ref] }

func (e deskEdge) StandardFor(sector string) func(report.Report) standard.Ref {
	return e.m.StandardFor(sector)
}

func (e deskEdge) Preview(c collect.Collected, now, later time.Time) (minimise.Preview, error) {
	return e.m.Preview(c, now, later)
}

func (e deskEdge) Queue(ctx context.Context, reports []collect.Collected) (desk.Queued, error) {
	intake, err := e.m.Intake()
	if err != nil {
		return desk.Queued{}, err
	}
	for _, c := range reports {
		if err := intake.Add(ctx, c); err != nil {
			return desk.Queued{}, err
		}
	}
	if err := intake.Flush(ctx); err != nil {
		return desk.Queued{}, err
	}
	q := desk.Queued{New: intake.Done.Queued, Again: intake.Done.Again, Contributions: intake.Done.Contributions}
	for _, f := range intake.Done.Failed {
		q.Failed = append(q.Failed, desk.Failure{Where: f.Where, Code: f.Code, Reason: f.Reason})
	}
	return q, nil
}

func (e deskEdge) Nil(ctx context.Context, nils []report.Nil) error {
	_, err := e.m.Outbox.PutNil(ctx, nils)
	return err
}

func (e deskEdge) Deliver(ctx context.Context) (outbox.Delivery, error) {
	return e.m.Outbox.Deliver(ctx)
}

func (e deskEdge) GivesBack(ctx context.Context, ids []wire.ContributionID) (string, bool, error) {
	matches, err := e.m.GivesBack(ctx, ids, 0)
	if err != nil {
		return "", false, err
	}
	if !matches.Ready {
		return "The hub has not consolidated these reports yet.", false, nil
	}
	return Sentence(matches), true, nil
}

func (e deskEdge) Login(ctx context.Context, ask wire.LoginRequest) (wire.LoginLink, error) {
	return e.m.Hub.Login(ctx, ask)
}

func (e deskEdge) Recall(ctx context.Context, reports []wire.ReportID, reason string) ([]wire.Destruction, error) {
	return e.m.Recall(ctx, reports, reason)
}

func (e deskEdge) Recalls(ctx context.Context) ([]desk.Destroyed, error) {
	_, failed := e.m.SendRecalls(ctx)
	failed = errors.Join(failed, e.m.FetchReceipts(ctx))
	all, err := e.m.Destroyed(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]desk.Destroyed, 0, len(all))
	for _, d := range all {
		out = append(out, desk.Destroyed{ID: d.ID, Waiting: d.Waiting, Destruction: d.Destruction})
	}
	return out, failed
}
