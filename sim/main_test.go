package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// The environment by which a test process is told to be a hub, a steward or a
// member that submits, so that it can be killed.
const (
	roleVar   = "CONCORD_TEST_ROLE"
	configVar = "CONCORD_TEST_CONFIG"
	fileVar   = "CONCORD_TEST_FILE"
)

// TestMain runs the tests, or plays a role.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVar)
	if role == "" {
		os.Exit(postgrestest.Run(m))
	}
	go func() { // the test holds the other end: without it nobody would end us
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // it ends either way
		os.Exit(3)
	}()
	if err := play(context.Background(), role); err != nil {
		fmt.Fprintln(os.Stderr, role, "failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play is one process of a trust, from its configuration on.
func play(ctx context.Context, role string) error {
	config, err := node.LoadConfig(os.Getenv(configVar))
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	switch role {
	case "hub":
		h, err := node.OpenHub(ctx, config, time.Now, log)
		if err != nil {
			return err
		}
		return h.Serve(ctx)
	case "steward":
		s, err := node.OpenSteward(ctx, config, time.Now, log)
		if err != nil {
			return err
		}
		return s.Serve(ctx)
	case "member":
		return submit(ctx, config, os.Getenv(fileVar))
	case "recaller":
		return takeBack(ctx, config, os.Getenv(fileVar))
	}
	return errors.New("no such role")
}

// submit is what `concord member submit` and `member nil` do, except that the
// member waits for a hub that is away as long as it takes, and delivers after
// every few reports, so that it can be killed between them.
func submit(ctx context.Context, config *node.Config, name string) (err error) {
	m, err := node.OpenMember(ctx, config, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	m.Outbox.Attempts = 1 << 30
	m.Outbox.Wait = func(ctx context.Context, _ time.Duration) error { return answers(ctx, config.Member.Hub.URL) }
	intake, err := m.Intake()
	if err != nil {
		return err
	}
	send := func() error {
		if err := intake.Flush(ctx); err != nil {
			return err
		}
		d, err := m.Outbox.Deliver(ctx)
		if err == nil && d.Refused > 0 {
			err = fmt.Errorf("the hub refused %d reports: %+v", d.Refused, d.Refusals)
		}
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	n := 0
	account, err := collect.Read(ctx, f, filepath.Base(name), collect.Options{Format: "report", Standard: m.StandardFor("")}, func(c collect.Collected) error {
		if err := intake.Add(ctx, c); err != nil {
			return err
		}
		if n++; n%6 > 0 {
			return nil
		}
		return send()
	})
	if err != nil {
		return err
	}
	if bad := account.InvalidCount() + len(intake.Done.Failed); bad > 0 {
		return fmt.Errorf("%d reports were not taken: %+v", bad, intake.Done.Failed)
	}
	for _, sector := range m.Agreement.Member.Sectors {
		if _, err := m.Outbox.PutNil(ctx, []report.Nil{{Sector: sector, Period: "2024-Q1"}}); err != nil {
			return err
		}
	}
	return send()
}

// takeBack is what `concord member recall --file` does, except that the member
// waits for a hub that is away as long as it takes.
func takeBack(ctx context.Context, config *node.Config, name string) (err error) {
	m, err := node.OpenMember(ctx, config, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var reports []wire.ReportID
	_, err = collect.Read(ctx, f, filepath.Base(name), collect.Options{Format: "report", Standard: m.StandardFor("")}, func(c collect.Collected) error {
		reports = append(reports, m.Outbox.ReportID(c))
		return nil
	})
	if err != nil {
		return err
	}
	done, err := m.Recall(ctx, reports, wire.ReasonOther)
	for fault.KindOf(err) == fault.Unavailable {
		if err := answers(ctx, config.Member.Hub.URL); err != nil {
			return err
		}
		done, err = m.SendRecalls(ctx)
	}
	if err == nil && (len(done) != 1 || len(done[0].Reports) != len(reports)) {
		err = fmt.Errorf("the receipts are %+v", done)
	}
	return err
}

// answers waits until a server says that it is ready.
func answers(ctx context.Context, url string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s never answered: %w", url, ctx.Err())
		case <-tick.C:
		}
	}
}
