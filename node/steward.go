package node

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// DefaultDailyQuota of evaluations for an owner group.
const DefaultDailyQuota = 20000

// InitSteward makes a folder with a steward's key and configuration. hub and
// hubKey pin the hub whose members are admitted.
func InitSteward(dir, name, listenAddr, url, hub, hubKey string) (*Config, error) {
	if err := newFolder(dir); err != nil {
		return nil, err
	}
	s := &StewardConfig{Name: name, Listen: listenAddr, URL: url, Data: "data", Key: "keys/link.key", DailyQuota: DefaultDailyQuota}
	s.Hub.ID, s.Hub.SignKey = hub, hubKey
	c := &Config{Steward: s, Dir: dir}
	if err := s.check(); err != nil {
		return nil, err
	}
	if _, err := envelope.ParsePublic(hubKey); err != nil {
		return nil, err
	}
	key, err := oprf.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := envelope.WriteSecretFile(c.Path(s.Key), labelLinkKey, key.Bytes()); err != nil {
		return nil, err
	}
	return c, c.Save()
}

// Steward is an assembled steward.
type Steward struct {
	Steward *steward.Steward
	Store   *store.Steward

	config  *Config
	log     *slog.Logger
	metrics *stewardMetrics
	ready   readiness
	handler http.Handler
}

// OpenSteward assembles a steward of its configuration.
func OpenSteward(ctx context.Context, c *Config, now func() time.Time, log *slog.Logger) (*Steward, error) {
	if c.Steward == nil {
		return nil, fault.New(fault.Usage, "config.no_steward", "the configuration has no section steward; `concord steward init` writes one")
	}
	cfg := c.Steward
	secret, err := envelope.ReadSecretFile(c.Path(cfg.Key), labelLinkKey)
	if err != nil {
		return nil, err
	}
	key, err := oprf.ParseSecretKey(secret)
	if err != nil {
		return nil, err
	}
	hubKey, err := envelope.ParsePublic(cfg.Hub.SignKey)
	if err != nil {
		return nil, at("steward.hub.sign_key", err)
	}
	if err := os.MkdirAll(c.Path(cfg.Data), 0o700); err != nil {
		return nil, fault.New(fault.Usage, "steward.data", "the folder for the record cannot be made").At(c.Path(cfg.Data)).Because(err)
	}
	st, err := store.OpenSteward(ctx, filepath.Join(c.Path(cfg.Data), "steward.db"))
	if err != nil {
		return nil, err
	}
	s := &Steward{config: c, log: log, metrics: newStewardMetrics(st), ready: readiness{fit: st.Fit}, Store: st, Steward: &steward.Steward{Name: cfg.Name, Epoch: 1, Key: key, Hub: cfg.Hub.ID, HubKey: hubKey,
		DailyQuota: cfg.DailyQuota, Admissions: st, Ledger: st, Now: now, Random: rand.Reader}}
	api := httpapi.StewardHandler(countedSteward{s.Steward, s.metrics}, s.ready.check, log)
	s.handler = logged(httpapi.Counted(api, s.metrics.registry), log)
	return s, nil
}

// Pin is how others recognise the steward.
func (s *Steward) Pin() StewardPin {
	info := s.Steward.Info()
	return StewardPin{Name: info.Name, URL: s.config.Steward.URL, Epoch: info.Epoch, LinkKey: info.LinkKey, Operator: s.config.Steward.Operator, Country: s.config.Steward.Country}
}

// Handler serves the steward's interface.
func (s *Steward) Handler() http.Handler { return s.handler }

// Serve runs the steward until the context ends.
func (s *Steward) Serve(ctx context.Context) error {
	ln, err := listen(s.config.Steward.Listen)
	if err != nil {
		return err
	}
	return s.ServeOn(ctx, ln)
}

// ServeOn is [Steward.Serve] on a listener that is open already.
func (s *Steward) ServeOn(ctx context.Context, ln net.Listener) error {
	s.log.Info("steward serves", "name", s.config.Steward.Name, "address", ln.Addr().String(), "custody", wire.SingleCustody)
	ctx, cancel := context.WithCancel(ctx)
	counted, err := serveMetrics(ctx, s.config.Steward.Metrics, s.Metrics(), s.log)
	if err != nil {
		cancel()
		return errors.Join(err, ln.Close())
	}
	defer counted()
	defer cancel()
	return server(ctx, ln, s.Handler(), s.config.Steward.TLS, s.config.Path, s.log)
}

// Close lets go of the record.
func (s *Steward) Close() error { return errors.Join(s.Store.Close()) }
