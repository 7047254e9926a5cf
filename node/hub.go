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
	"github.com/concord-trust/concord/hub/notify"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/taxii"
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
		Probation: Duration(90 * 24 * time.Hour), Projects: true,
		Schedule: Schedule{Consolidate: Duration(10 * time.Second), Statistics: Duration(24 * time.Hour), Releases: Duration(30 * 24 * time.Hour)}}
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
	// Reconcile keeps what members request.
	Reconcile *reconcile.Room
	// Notify is nil if webhooks are off.
	Notify *notify.Room
	Store  *store.Hub

	config    *Config
	log       *slog.Logger
	seal      *envelope.RecipientKey
	sign      ed25519.PrivateKey
	standards *standards
	handler   http.Handler
	metrics   *hubMetrics
	ready     readiness
	now       func() time.Time
	// url is how the hub is reached; the demo sets it once it listens.
	url string
	// arrived holds something if reports came since consolidation last ran.
	arrived chan struct{}
	// queued holds something if events for webhooks may be due.
	queued chan struct{}
	// requested holds something if what is requested or granted changed.
	requested chan struct{}
	// tookBack holds something if reports or grants were taken back.
	tookBack chan struct{}
	terms    *currentTerms
	// push takes in what members' tools push.
	push *pushing
}

// bell is the desk with a bell that rings for the rooms downstream, so that who
// submits need not wait for the schedule to learn what was joined.
type bell struct {
	*receive.Desk
	rings   chan<- struct{}
	metrics *hubMetrics
}

// Receive takes an envelope; see [receive.Desk.Receive].
func (b bell) Receive(ctx context.Context, sealed []byte) ([]byte, error) {
	receipt, err := b.Desk.Receive(ctx, sealed)
	b.rang(receipt, err)
	return receipt, err
}

// rang counts what was received, and rings.
func (b bell) rang(receipt []byte, err error) {
	b.metrics.received(receipt, err)
	if err == nil {
		select {
		case b.rings <- struct{}{}:
		default: // it rings already
		}
	}
}

// OpenHub assembles a hub of its configuration.
func OpenHub(ctx context.Context, c *Config, now func() time.Time, log *slog.Logger) (*Hub, error) {
	if c.Hub == nil {
		return nil, fault.New(fault.Usage, "config.no_hub", "the configuration has no section hub; `concord hub init` writes one")
	}
	cfg := c.Hub
	h := &Hub{config: c, log: log, now: now, url: cfg.URL, arrived: make(chan struct{}, 1), queued: make(chan struct{}, 1), requested: make(chan struct{}, 1), tookBack: make(chan struct{}, 1)}
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
	if h.Store, err = c.openStore(ctx, cfg.Store); err != nil {
		return nil, err
	}
	h.metrics = newHubMetrics(h.Store, now, log)
	h.ready.fit = func(ctx context.Context) error { return h.Store.Fit(ctx, now(), receive.DefaultSkew) }
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
	h.Door = &admit.Door{Hub: cfg.ID, Record: h.Store, Tokens: h.Store, Sectors: sectors, Standard: h.standards.find, Policy: policyHash(cfg.Sectors),
		Undertakings: Undertakings(), Legal: cfg.legal(), Projects: cfg.Projects, Contributed: h.Store.LastAccepted, Sign: h.sign, Probation: time.Duration(cfg.Probation), Now: h.now, Rand: rand.Reader}
	h.Desk = &receive.Desk{Hub: cfg.ID, Open: []*envelope.RecipientKey{h.seal}, Sign: h.sign, Key: record, Record: h.Store, Admit: h.Door,
		Standard: h.standards.find, Now: h.now, Rand: rand.Reader, Skew: 5 * time.Minute, Fail: fail}
	groups := &ownerGroups{store: h.Store}
	open := func(r receive.Row) (receive.Received, error) {
		opened, err := receive.Restore(record, r)
		if err != nil {
			return opened, err
		}
		return groups.today(opened)
	}
	rules := &currentTerms{store: h.Store, now: h.now, hubKey: h.sign.Public().(ed25519.PublicKey), standards: h.standards, compiled: map[wire.AgreementID]map[standard.Ref]*terms.Rules{}}
	h.terms = rules
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
	h.Deliver = &deliver.Room{Told: h.Consolidate, Reports: h.Store, Receipts: h.Store, Open: open, Rules: rules, Statistics: h.Analyse, Releases: anonymise.Shelf{Room: h.Anonymise}, Members: h.Store,
		Listings: h.Store, Shelves: h.Store, State: h.state, Standards: h.standards.find, Sectors: delivered, Title: cfg.Title, AudienceKey: audience}
	h.recalling(fail)
	if h.Door.DelegateKey, err = delegateKeys(secret); err != nil {
		return err
	}
	if h.push, err = h.pushingOf(secret, fail); err != nil {
		return err
	}
	if h.Reconcile, err = h.reconciling(); err != nil {
		return err
	}
	h.Notify = h.notifying()
	return h.serveOn(secret)
}

// serveOn puts the interface and the pages on one handler.
func (h *Hub) serveOn(secret []byte) error {
	mux, tools := http.NewServeMux(), h.tools()
	api := &httpapi.Hub{Info: h.Info, Desk: bell{h.Desk, h.arrived, h.metrics}, Door: renewals{h.Door, h.tookBack}, Recalls: holds{h.Desk, h}, Matcher: h.Consolidate, Deliver: h.Deliver, Reconcile: h.Reconcile, Standards: h.standards.find,
		SignInURL: func(code string) string { return h.url + "/signin?code=" + code }, Ready: h.ready.check, Log: h.log,
		Tokens: h.Door, TAXIIURL: func() string { return strings.TrimSuffix(h.url, "/") + taxii.DiscoveryPath },
		Feed: tools.Feed, FeedURL: func() string { return strings.TrimSuffix(h.url, "/") + strings.TrimSuffix(httpapi.FeedPath, "/") }}
	if h.Notify != nil {
		api.Webhooks = h.Notify
	}
	api.Register(mux)
	mux.Handle(taxii.DiscoveryPath, tools.taxii(h.log))
	forms, err := derive(secret, "forms")
	if err != nil {
		return err
	}
	site := &web.Site{Title: h.config.Hub.Title, Door: h.Door, Deliver: h.Deliver, Reconcile: h.Reconcile, Standards: h.standards.find, FormKey: forms,
		Secure: strings.HasPrefix(h.url, "https:"), Log: h.log, Status: httpapi.Status}
	if err := site.Register(mux); err != nil {
		return err
	}
	h.handler = logged(httpapi.Counted(mux, h.metrics.registry), h.log)
	return nil
}

// Undertakings are what every recipient promises in its agreement.
func Undertakings() []string {
	return []string{
		"to use what is received for the purposes named here and no other",
		"to pass it on only as its TLP label allows",
		"not to try to find out who reported, or whom a pseudonym stands for",
		"to delete its copies by the day that is told with them, and when it is told that something was taken back or withdrawn",
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
	defer h.log.Info("hub stopped", "id", h.config.Hub.ID)
	if len(h.config.Hub.Stewards) == 0 {
		h.log.Warn("no steward is pinned, so that members cannot contribute; `concord hub pin` takes what `concord steward show` prints")
	}
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	counted, err := serveMetrics(ctx, h.config.Hub.Metrics, h.Metrics(), h.log)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	work.Go(counted)
	work.Go(func() { h.work(ctx) })
	return server(ctx, ln, h.handler, h.config.Hub.TLS, h.config.Path, h.log)
}

// work runs the derived rooms when they are due.
func (h *Hub) work(ctx context.Context) {
	type job struct {
		name  string
		every Duration
		// early, if set, says that there is something to do before that.
		early <-chan struct{}
		run   func(context.Context) error
	}
	jobs := []job{
		// What others do meanwhile is seen by the cursor, and sweeping twice
		// sweeps once; snapshots and releases are made by one of all processes.
		{"consolidate", h.config.Hub.Schedule.Consolidate, h.arrived, h.consolidate},
		{"statistics", h.config.Hub.Schedule.Statistics, nil, h.alone("statistics", h.config.Hub.Schedule.Statistics, h.Snapshot)},
		{"releases", h.config.Hub.Schedule.Releases, nil, h.alone("releases", h.config.Hub.Schedule.Releases, func(ctx context.Context) error { _, err := h.Release(ctx); return err })},
		{"sessions", Duration(time.Hour), nil, func(ctx context.Context) error {
			return errors.Join(h.Store.SweepSessions(ctx, h.now()), h.Store.SweepTokens(ctx, h.now()), h.Store.SweepPushes(ctx, h.now().Add(-statusLife)))
		}},
		// Of several processes one takes each request.
		{"pushes", Duration(5 * time.Second), h.push.came, h.push.work},
	}
	jobs = append(jobs, job{"withdrawals", Duration(withdrawEvery), h.tookBack, h.withdraw})
	jobs = append(jobs, job{"paradox", Duration(measureEvery), h.requested, h.measure})
	if h.Notify != nil {
		// Of several processes that look, one queues; of those that send, one takes.
		jobs = append(jobs, job{"webhooks", h.config.Hub.webhooks().Every, nil, h.tell},
			job{"webhook events", h.config.Hub.webhooks().Every, h.queued, h.Notify.Send})
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
				err := j.run(ctx)
				h.metrics.worked(j.name, err)
				if err != nil && ctx.Err() == nil {
					h.log.Error("scheduled work failed; it is tried again when next due", "work", j.name, "code", fault.Public(err).Code, "cause", err)
				}
			}
		})
	}
}

// workLease is how long a scheduled work is left to the process that began it
// and was not heard of again.
const workLease = time.Hour

// alone makes of a work one that a single process of those that share the
// record does when it is due.
func (h *Hub) alone(name string, every Duration, run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		at := h.now()
		mine, err := h.Store.TakeWork(ctx, name, at, time.Duration(every), workLease)
		if err != nil || !mine {
			return err
		}
		err = run(ctx)
		return errors.Join(err, h.Store.EndWork(context.WithoutCancel(ctx), name, at, err != nil))
	}
}

func (h *Hub) consolidate(ctx context.Context) error {
	p, err := h.Consolidate.Run(ctx)
	if p.Reports+p.Erased > 0 {
		h.log.Info("consolidated", "reports", p.Reports, "erased", p.Erased)
	}
	return err
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

// SectorRelease is what became of a sector when releases were made: a release,
// or why there is none.
type SectorRelease struct {
	Sector  string             `json:"sector"`
	Release *anonymise.Release `json:"release,omitzero"`
	Code    string             `json:"code,omitzero"`
	Reason  string             `json:"reason,omitzero"`
}

// ReleaseEach makes a release of every sector of which something may be
// released, and says of every other why not; what fails in one sector holds up
// no other.
func (h *Hub) ReleaseEach(ctx context.Context) ([]SectorRelease, error) {
	all := make([]SectorRelease, 0, len(h.config.Hub.Sectors))
	var failed error
	for _, s := range h.config.Hub.Sectors {
		r, err := h.Anonymise.Release(ctx, s.Name)
		one := SectorRelease{Sector: s.Name, Release: &r}
		if err != nil {
			f := fault.Public(err)
			one = SectorRelease{Sector: s.Name, Code: f.Code, Reason: f.Message}
			if f.Kind != fault.NotFound {
				failed = errors.Join(failed, fmt.Errorf("release %s: %w", s.Name, err))
			}
		}
		all = append(all, one)
	}
	return all, failed
}

// Release is [Hub.ReleaseEach] for whoever asks only what was made.
func (h *Hub) Release(ctx context.Context) ([]anonymise.Release, error) {
	all, err := h.ReleaseEach(ctx)
	var made []anonymise.Release
	for _, one := range all {
		if one.Release != nil {
			made = append(made, *one.Release)
		}
	}
	return made, err
}

// Close lets go of the record.
func (h *Hub) Close() error { return h.Store.Close() }

// currentTerms finds the terms that hold now for what a member contributed:
// those of its newest agreement, so that a narrowing takes effect on the next
// answer. When that has ended, nothing is passed on, unless it says otherwise. What left the edge bounds them in any case.
type currentTerms struct {
	store     *store.Hub
	hubKey    ed25519.PublicKey
	standards *standards
	now       func() time.Time

	mu       sync.Mutex
	compiled map[wire.AgreementID]map[standard.Ref]*terms.Rules
}

// Of implements the rooms' Rules.
func (t *currentTerms) Of(ctx context.Context, r receive.Received) (*terms.Rules, error) {
	row := r.Row()
	rules, err := t.flowing(ctx, row.Member, standard.Ref(row.Standard))
	if err != nil || rules != nil {
		return rules, err
	}
	std, err := t.standards.find(standard.Ref(row.Standard))
	if err != nil {
		return nil, err
	}
	return terms.None(std), nil
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
