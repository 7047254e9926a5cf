package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Trust is a whole trust in one process: a steward, a hub and members, each
// with its own keys and storage, talking HTTP on loopback.
type Trust struct {
	Dir     string
	URL     string
	Hub     *node.Hub
	Steward *node.Steward
	Members []*Seat

	serving sync.WaitGroup
	stop    context.CancelFunc
	failed  chan error
	adjust  []func(*node.HubConfig)
	// now is the clock of everybody in it.
	now func() time.Time
}

// Party is an organisation that is to take part.
type Party struct {
	Name       string
	Stake      member.Stake
	Kind       member.Kind
	OwnerGroup wire.OwnerGroup
	Sectors    []string
	// Terms is the built-in sheet under which it contributes.
	Terms string
	// People are those of a researcher's project; nil means [Researchers].
	People []string
	// Roles are what it is beside a member: "mediator" …
	Roles []string
}

// Seat is a member at its place in the trust.
type Seat struct {
	Party  Party
	Member *node.Member
	Intake *node.Intake
}

// Open sets up the trust in a folder and starts serving: on listenAddr, the
// hub; on a port of its own, the steward. Everything ends with Close. adjust
// changes the hub's configuration before it is used.
func Open(ctx context.Context, dir, listenAddr string, log *slog.Logger, adjust ...func(*node.HubConfig)) (*Trust, error) {
	t := &Trust{Dir: dir, failed: make(chan error, 2), adjust: adjust, now: time.Now}
	if err := t.open(ctx, listenAddr, log); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Trust) open(ctx context.Context, listenAddr string, log *slog.Logger) error {
	hubPort, err := net.Listen("tcp", listenAddr)
	if err != nil {
		return fmt.Errorf("listen for the hub: %w", err)
	}
	stewardPort, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		hubPort.Close()
		return fmt.Errorf("listen for the steward: %w", err)
	}
	t.URL = "http://" + hubPort.Addr().String()
	if err := t.assemble(ctx, hubPort.Addr().String(), stewardPort.Addr().String(), log); err != nil {
		return errors.Join(err, hubPort.Close(), stewardPort.Close())
	}
	serve, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.serving.Go(func() { t.note(t.Steward.ServeOn(serve, stewardPort)) })
	t.serving.Go(func() { t.note(t.Hub.ServeOn(serve, hubPort)) })
	return nil
}

func (t *Trust) note(err error) {
	if err != nil {
		t.failed <- err
	}
}

// assemble makes hub and steward know each other.
func (t *Trust) assemble(ctx context.Context, hubAddr, stewardAddr string, log *slog.Logger) error {
	hubConfig, err := node.InitHub(filepath.Join(t.Dir, "hub"), "demo-hub", "Concord demo trust", hubAddr, t.URL)
	if err != nil {
		return err
	}
	hubConfig.Hub.Probation = 0 // a demonstration has no time to wait
	hubConfig.Hub.Schedule = node.Schedule{Consolidate: node.Duration(2 * time.Second)}
	for _, adjust := range t.adjust {
		adjust(hubConfig.Hub)
	}
	hub, err := node.OpenHub(ctx, hubConfig, t.now, log)
	if err != nil {
		return err
	}
	info := hub.Info()
	stewardConfig, err := node.InitSteward(filepath.Join(t.Dir, "steward"), "demo-steward", stewardAddr, "http://"+stewardAddr, info.ID, info.SignKey)
	if err == nil {
		stewardConfig.Steward.DailyQuota = 1 << 40 // one day stands for two years here
		t.Steward, err = node.OpenSteward(ctx, stewardConfig, t.now, log)
	}
	if closeErr := hub.Close(); err != nil || closeErr != nil {
		return errors.Join(err, closeErr)
	}
	hubConfig.Hub.Stewards = []node.StewardPin{t.Steward.Pin()}
	if err := hubConfig.Save(); err != nil {
		return err
	}
	t.Hub, err = node.OpenHub(ctx, hubConfig, t.now, log)
	return err
}

// Seat has a party join: it is invited by the operator, and from there on does
// all over HTTP as any member would.
func (t *Trust) Seat(ctx context.Context, p Party) (*Seat, error) {
	card := admit.Card{Name: p.Name, Stake: p.Stake, Kind: p.Kind, OwnerGroup: p.OwnerGroup, Sectors: p.Sectors, Roles: p.Roles}
	if p.Stake == member.Research {
		card.Project = project(t.now(), p.People)
	}
	code, _, err := t.Hub.Door.Invite(ctx, card, t.now().Add(time.Hour))
	if err != nil {
		return nil, fmt.Errorf("invite %s: %w", p.Name, err)
	}
	dir := filepath.Join(t.Dir, fmt.Sprintf("member-%03d", len(t.Members)+1))
	config, err := node.InitMember(dir, p.Name, p.Terms, node.DefaultDesk)
	if err != nil {
		return nil, err
	}
	codeFile := filepath.Join(dir, "invitation.txt")
	if err := os.WriteFile(codeFile, []byte(code), 0o600); err != nil {
		return nil, fmt.Errorf("hand over an invitation: %w", err)
	}
	if _, err := node.Join(ctx, config, t.URL, "", codeFile, t.Hub.Info().SignKey, time.Time{}); err != nil {
		return nil, fmt.Errorf("%s joins: %w", p.Name, err)
	}
	m, err := node.OpenMember(ctx, config, t.now)
	if err != nil {
		return nil, err
	}
	intake, err := m.Intake()
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	s := &Seat{Party: p, Member: m, Intake: intake}
	t.Members = append(t.Members, s)
	return s, nil
}

// Researchers are the people of every simulated research project.
func Researchers() []string {
	return []string{"R. Doctoral-Student", "W. Alker", "P. Rofessor", "analyst"}
}

// project is what every simulated researcher agrees on: half a year's study.
func project(now time.Time, people []string) *agreement.Project {
	if people == nil {
		people = Researchers()
	}
	return &agreement.Project{Title: "How cybercrime moves between sectors", People: people, Until: now.AddDate(0, 6, 0), EthicsRef: "demo ethics board, no. 1"}
}

// Tell has the seat collect and queue what in holds.
func (s *Seat) Tell(ctx context.Context, in io.Reader, name, format string) (mapping.Account, error) {
	return collect.Read(ctx, in, name, collect.Options{Format: format, Standard: s.Member.StandardFor(""), Latest: time.Now()}, func(c collect.Collected) error {
		return s.Intake.Add(ctx, c)
	})
}

// Nil has the seat say that nothing happened.
func (s *Seat) Nil(ctx context.Context, n report.Nil) error {
	_, err := s.Member.Outbox.PutNil(ctx, []report.Nil{n})
	return err
}

// Send flushes and delivers what the seat has queued.
func (s *Seat) Send(ctx context.Context) (outbox.Delivery, error) {
	if err := s.Intake.Flush(ctx); err != nil {
		return outbox.Delivery{}, err
	}
	return s.Member.Outbox.Deliver(ctx)
}

// Close ends the trust: members first, then hub and steward.
func (t *Trust) Close() error {
	var errs []error
	for _, s := range t.Members {
		errs = append(errs, s.Member.Close())
	}
	if t.stop != nil {
		t.stop()
		t.serving.Wait()
	}
	close(t.failed)
	for err := range t.failed {
		errs = append(errs, err)
	}
	if t.Hub != nil {
		errs = append(errs, t.Hub.Close())
	}
	if t.Steward != nil {
		errs = append(errs, t.Steward.Close())
	}
	return errors.Join(errs...)
}
