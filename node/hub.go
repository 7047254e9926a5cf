package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	web "github.com/concord-trust/concord/web/hub"
	"github.com/concord-trust/concord/wire"
)

// DefaultSectors are what `hub init` writes.
func DefaultSectors() []SectorConfig {
	return []SectorConfig{
		{Name: "finance", Title: "Finance", Standard: "finance/1.0", MinOwnerGroups: 5, K: 5},
		{Name: "health", Title: "Health", Standard: "health/1.0", MinOwnerGroups: 5, K: 5},
		{Name: "general", Title: "All other sectors", Standard: "general/1.0", MinOwnerGroups: 5, K: 5},
	}
}

// InitHub makes a folder with a hub's keys and configuration.
func InitHub(dir, id, title, listenAddr, url string) (*Config, error) {
	if err := newFolder(dir); err != nil {
		return nil, err
	}
	h := &HubConfig{ID: id, Title: title, Listen: listenAddr, URL: url, Data: "data", Sectors: DefaultSectors(),
		Probation: Duration(90 * 24 * time.Hour),
		Schedule:  Schedule{Consolidate: Duration(10 * time.Second), Statistics: Duration(24 * time.Hour), Releases: Duration(30 * 24 * time.Hour)}}
	h.Keys.Seal, h.Keys.Sign, h.Keys.Record = "keys/seal.key", "keys/sign.key", "keys/record.key"
	c := &Config{Hub: h, Dir: dir}
	if err := h.check(); err != nil {
		return nil, err
	}
	seal, err := envelope.GenerateRecipientKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	sign, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		envelope.WriteRecipientKeyFile(c.Path(h.Keys.Seal), seal),
		envelope.WriteKeyFile(c.Path(h.Keys.Sign), sign),
		newSecret(c.Path(h.Keys.Record), labelRecord)); err != nil {
		return nil, err
	}
	return c, c.Save()
}

// Hub is an assembled hub.
type Hub struct {
	Door        *admit.Door
	Desk        *receive.Desk
	Consolidate *consolidate.Room
	Analyse     *analyse.Room
	Anonymise   *anonymise.Room
	Deliver     *deliver.Room
	Store       *store.Hub

	config    *Config
	log       *slog.Logger
	seal      *envelope.RecipientKey
	sign      ed25519.PrivateKey
	standards *standards
	handler   http.Handler
	now       func() time.Time
	// url is how the hub is reached; the demo sets it once it listens.
	url string
	// arrived holds something if reports came since consolidation last ran.
	arrived chan struct{}
}

// bell is the desk with a bell that rings for the rooms downstream, so that who
// submits need not wait for the schedule to learn what was joined.
type bell struct {
	*receive.Desk
	rings chan<- struct{}
}

// Receive takes an envelope; see [receive.Desk.Receive].
func (b bell) Receive(ctx context.Context, sealed []byte) ([]byte, error) {
	receipt, err := b.Desk.Receive(ctx, sealed)
	if err == nil {
		select {
		case b.rings <- struct{}{}:
		default: // it rings already
		}
	}
	return receipt, err
}

// OpenHub assembles a hub of its configuration.
func OpenHub(ctx context.Context, c *Config, now func() time.Time, log *slog.Logger) (*Hub, error) {
	if c.Hub == nil {
		return nil, fault.New(fault.Usage, "config.no_hub", "the configuration has no section hub; `concord hub init` writes one")
	}
	cfg := c.Hub
	h := &Hub{config: c, log: log, now: now, url: cfg.URL, arrived: make(chan struct{}, 1)}
	var err error
	if h.seal, err = envelope.ReadRecipientKeyFile(c.Path(cfg.Keys.Seal)); err != nil {
		return nil, err
	}
	if h.sign, err = envelope.ReadKeyFile(c.Path(cfg.Keys.Sign)); err != nil {
		return nil, err
	}
	secret, err := envelope.ReadSecretFile(c.Path(cfg.Keys.Record), labelRecord)
	if err != nil {
		return nil, err
	}
	if h.standards, err = loadStandards(c.Path(cfg.Standards)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Path(cfg.Data), 0o700); err != nil {
		return nil, fault.New(fault.Usage, "hub.data", "the folder for the record cannot be made").At(c.Path(cfg.Data)).Because(err)
	}
	if h.Store, err = store.OpenHub(ctx, filepath.Join(c.Path(cfg.Data), "hub.db")); err != nil {
		return nil, err
	}
	if err := h.assemble(secret); err != nil {
		return nil, errors.Join(err, h.Store.Close())
	}
	return h, nil
}

// assemble sets up the rooms in the order of the river.
func (h *Hub) assemble(secret []byte) error {
	cfg := h.config.Hub
	record, err := receive.NewRecordKey(secret)
	if err != nil {
		return err
	}
	sectors := map[string]standard.Ref{}
	policies, releases := map[string]analyse.Policy{}, map[string]anonymise.Policy{}
	var delivered []deliver.Sector
	minimum := map[string]int{}
	for _, s := range cfg.Sectors {
		ref := standard.Ref(s.Standard)
		if _, err := h.standards.find(ref); err != nil {
			return err
		}
		sectors[s.Name] = ref
		minimum[s.Name] = s.MinOwnerGroups
		policies[s.Name] = analyse.Policy{MinOwnerGroups: s.MinOwnerGroups, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}
		releases[s.Name] = anonymise.Policy{Title: s.Title, Standard: ref, K: s.K, MinOwnerGroups: s.MinOwnerGroups}
		delivered = append(delivered, deliver.Sector{Name: s.Name, Title: s.Title, MinOwnerGroups: s.MinOwnerGroups})
	}
	fail := failpoint()
	h.Door = &admit.Door{Hub: cfg.ID, Record: h.Store, Sectors: sectors, Standard: h.standards.find, Policy: policyHash(cfg.Sectors),
		Undertakings: Undertakings(), Sign: h.sign, Probation: time.Duration(cfg.Probation), Now: h.now, Rand: rand.Reader}
	h.Desk = &receive.Desk{Hub: cfg.ID, Open: []*envelope.RecipientKey{h.seal}, Sign: h.sign, Key: record, Record: h.Store, Admit: h.Door,
		Standard: h.standards.find, Now: h.now, Rand: rand.Reader, Skew: 5 * time.Minute, Fail: fail}
	open := func(r receive.Row) (receive.Received, error) { return receive.Restore(record, r) }
	rules := &currentTerms{store: h.Store, hubKey: h.sign.Public().(ed25519.PublicKey), standards: h.standards, compiled: map[wire.AgreementID]map[standard.Ref]*terms.Rules{}}
	ids, err := derive(secret, "incident ids")
	if err != nil {
		return err
	}
	h.Consolidate = &consolidate.Room{Record: h.Store, Open: open, Store: h.Store, Members: h.Store, Key: ids, Now: h.now, Fail: fail,
		Least: func(sector string) int { return max(minimum[sector], consolidate.DefaultLeast) }}
	h.Analyse = &analyse.Room{Told: h.Consolidate, Rules: rules, Members: h.Store, Nils: h.Store, Snapshots: h.Store, Standards: h.standards.find, Policies: policies, Now: h.now}
	h.Anonymise = &anonymise.Room{Told: h.Consolidate, Rules: rules, Members: h.Store, Store: h.Store, Standards: h.standards.find, Policies: releases, Hub: cfg.Title, Now: h.now}
	audience, err := derive(secret, "audience")
	if err != nil {
		return err
	}
	h.Deliver = &deliver.Room{Told: h.Consolidate, Reports: h.Store, Receipts: h.Store, Open: open, Rules: rules, Statistics: h.Analyse, Releases: h.Store, Members: h.Store,
		Standards: h.standards.find, Sectors: delivered, AudienceKey: audience}
	return h.serveOn(secret)
}

// serveOn puts the interface and the pages on one handler.
func (h *Hub) serveOn(secret []byte) error {
	mux := http.NewServeMux()
	api := &httpapi.Hub{Info: h.Info, Desk: bell{h.Desk, h.arrived}, Door: h.Door, Matcher: h.Consolidate, Deliver: h.Deliver, Standards: h.standards.find,
		SignInURL: func(code string) string { return h.url + "/signin?code=" + code }, Ready: h.Store.Ready, Log: h.log}
	api.Register(mux)
	forms, err := derive(secret, "forms")
	if err != nil {
		return err
	}
	site := &web.Site{Title: h.config.Hub.Title, Door: h.Door, Deliver: h.Deliver, Standards: h.standards.find, FormKey: forms,
		Secure: strings.HasPrefix(h.url, "https:"), Log: h.log, Status: httpapi.Status}
	if err := site.Register(mux); err != nil {
		return err
	}
	h.handler = logged(mux, h.log)
	return nil
}

// Undertakings are what every recipient promises in its agreement.
func Undertakings() []string {
	return []string{
		"to use what is received for the purposes named here and no other",
		"to pass it on only as its TLP label allows",
		"not to try to find out who reported, or whom a pseudonym stands for",
		"to tell the third party within a day if something received was lost or leaked",
	}
}

// policyHash names the sectors' policy by what it says.
func policyHash(sectors []SectorConfig) string {
	text, err := wire.Canonical(sectors)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return "policy-" + hex.EncodeToString(sum[:8])
}

// Info is what the hub says about itself.
func (h *Hub) Info() wire.HubInfo {
	cfg := h.config.Hub
	info := wire.HubInfo{ID: cfg.ID, Title: cfg.Title, Custody: wire.SingleCustody, SealKey: h.seal.Public().String(),
		SignKey: envelope.PublicText(h.sign.Public().(ed25519.PublicKey))}
	for _, s := range cfg.Sectors {
		info.Sectors = append(info.Sectors, wire.SectorInfo{Name: s.Name, Title: s.Title, Standard: s.Standard, MinOwnerGroups: s.MinOwnerGroups, K: s.K})
	}
	for _, s := range cfg.Stewards {
		info.Stewards = append(info.Stewards, wire.StewardPin{Name: s.Name, URL: s.URL, Epoch: s.Epoch, LinkKey: s.LinkKey})
	}
	return info
}

// Handler serves the interface and the pages.
func (h *Hub) Handler() http.Handler { return h.handler }

// Serve runs the hub until the context ends: the listener, and the derived
// rooms on their schedule.
func (h *Hub) Serve(ctx context.Context) error {
	ln, err := listen(h.config.Hub.Listen)
	if err != nil {
		return err
	}
	return h.ServeOn(ctx, ln)
}

// ServeOn is [Hub.Serve] on a listener that is open already.
func (h *Hub) ServeOn(ctx context.Context, ln net.Listener) error {
	h.log.Info("hub serves", "id", h.config.Hub.ID, "address", ln.Addr().String())
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { h.work(ctx) })
	return server(ctx, ln, h.handler, h.config.Hub.TLS, h.config.Path, h.log)
}

// work runs the derived rooms when they are due.
func (h *Hub) work(ctx context.Context) {
	jobs := []struct {
		name  string
		every Duration
		// early, if set, says that there is something to do before that.
		early <-chan struct{}
		run   func(context.Context) error
	}{
		{"consolidate", h.config.Hub.Schedule.Consolidate, h.arrived, func(ctx context.Context) error { _, err := h.Consolidate.Run(ctx); return err }},
		{"statistics", h.config.Hub.Schedule.Statistics, nil, h.Snapshot},
		{"releases", h.config.Hub.Schedule.Releases, nil, func(ctx context.Context) error { _, err := h.Release(ctx); return err }},
		{"sessions", Duration(time.Hour), nil, func(ctx context.Context) error { return h.Store.SweepSessions(ctx, h.now()) }},
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, j := range jobs {
		if j.every <= 0 {
			continue
		}
		running.Go(func() {
			tick := time.NewTicker(time.Duration(j.every))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				case <-j.early:
				}
				if err := j.run(ctx); err != nil && ctx.Err() == nil {
					h.log.Error("scheduled work failed; it is tried again when next due", "work", j.name, "code", fault.Public(err).Code, "cause", err)
				}
			}
		})
	}
}

// Snapshot takes a snapshot of every sector.
func (h *Hub) Snapshot(ctx context.Context) error {
	for _, s := range h.config.Hub.Sectors {
		if _, err := h.Analyse.Take(ctx, s.Name); err != nil {
			return fmt.Errorf("take a snapshot of %s: %w", s.Name, err)
		}
	}
	return nil
}

// Release makes a release of every sector that has incidents; what fails in one
// sector holds up no other.
func (h *Hub) Release(ctx context.Context) ([]anonymise.Release, error) {
	var made []anonymise.Release
	var failed error
	for _, s := range h.config.Hub.Sectors {
		r, err := h.Anonymise.Release(ctx, s.Name)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("release %s: %w", s.Name, err))
			continue
		}
		made = append(made, r)
	}
	return made, failed
}

// Close lets go of the record.
func (h *Hub) Close() error { return h.Store.Close() }

// currentTerms finds the terms that hold now for what a member contributed:
// those of its newest agreement, so that a narrowing takes effect on the next
// answer. What left the edge bounds them in any case.
type currentTerms struct {
	store     *store.Hub
	hubKey    ed25519.PublicKey
	standards *standards

	mu       sync.Mutex
	compiled map[wire.AgreementID]map[standard.Ref]*terms.Rules
}

// Of implements the rooms' Rules.
func (t *currentTerms) Of(ctx context.Context, r receive.Received) (*terms.Rules, error) {
	row := r.Row()
	held, err := t.store.Agreement(ctx, row.Member)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all, ok := t.compiled[held.ID]
	if !ok {
		m, err := t.store.Member(ctx, row.Member)
		if err != nil {
			return nil, err
		}
		a, err := agreement.Open(held.Signed, m.Key, t.hubKey)
		if err != nil {
			return nil, fmt.Errorf("open the agreement of a contributor: %w", err)
		}
		if all, err = t.compile(a); err != nil {
			return nil, err
		}
		t.compiled[held.ID] = all
	}
	rules, ok := all[standard.Ref(row.Standard)]
	if !ok {
		return nil, fault.New(fault.Internal, "terms.no_standard", "the contributor's newest agreement does not speak of the standard %s", row.Standard)
	}
	return rules, nil
}

func (t *currentTerms) compile(a agreement.Agreement) (map[standard.Ref]*terms.Rules, error) {
	var stds []*standard.Standard
	seen := map[standard.Ref]bool{}
	for _, ref := range a.Standards {
		if seen[ref] {
			continue
		}
		seen[ref] = true
		std, err := t.standards.find(ref)
		if err != nil {
			return nil, err
		}
		stds = append(stds, std)
	}
	return terms.CompileFor(a.Terms, stds...)
}
