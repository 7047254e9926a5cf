package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

// Labels of metrics come from closed sets: routes, statuses, codes of errors,
// names of works, and the sectors of the configuration. No member, id or value
// is ever one.

// newRegistry has what any process tells of itself.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// hubMetrics is what a hub counts.
type hubMetrics struct {
	registry      *prometheus.Registry
	contributions *prometheus.CounterVec
	reports       *prometheus.CounterVec
	refused       *prometheus.CounterVec
	work          *prometheus.CounterVec
	posts         *prometheus.CounterVec
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func newHubMetrics(s *store.Hub, now func() time.Time, log *slog.Logger) *hubMetrics {
	m := &hubMetrics{registry: newRegistry(),
		contributions: counter("concord_hub_contributions_total", "Contributions answered: received, or refused as a whole with a code. One that is sent again is answered again.", "outcome", "code"),
		reports:       counter("concord_hub_reports_total", "Reports answered in receipts, by what became of them.", "status"),
		refused:       counter("concord_hub_reports_refused_total", "Reports refused in receipts, by code.", "code"),
		work:          counter("concord_hub_work_total", "Scheduled works, by name and outcome.", "work", "outcome"),
		posts:         counter("concord_hub_webhook_posts_total", "Attempts to tell webhooks, by outcome: taken, withdrawn, or a code.", "outcome"),
	}
	m.registry.MustRegister(m.contributions, m.reports, m.refused, m.work, m.posts, &recordFigures{store: s, now: now, log: log})
	return m
}

// received counts what became of a contribution.
func (m *hubMetrics) received(receipt []byte, err error) {
	if err != nil {
		m.contributions.WithLabelValues("refused", fault.Public(err).Code).Inc()
		return
	}
	m.contributions.WithLabelValues("received", "").Inc()
	for _, r := range resultsOf(receipt) {
		m.reports.WithLabelValues(string(r.Status)).Inc()
		if r.Status == wire.Refused {
			m.refused.WithLabelValues(r.Code).Inc()
		}
	}
}

// resultsOf reads what a receipt says. The hub has just signed or stored it, so
// that nothing is verified.
func resultsOf(receipt []byte) []wire.Result {
	var signed struct {
		Payload []byte `json:"payload"`
	}
	var r wire.Receipt
	if json.Unmarshal(receipt, &signed) != nil || json.Unmarshal(signed.Payload, &r) != nil {
		return nil
	}
	return r.Results
}

// worked counts a scheduled work.
func (m *hubMetrics) worked(name string, err error) {
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	m.work.WithLabelValues(name, outcome).Inc()
}

// posted counts what became of an attempt to tell a webhook.
func (m *hubMetrics) posted(outcome string) { m.posts.WithLabelValues(outcome).Inc() }

// recordFigures asks the record at each scrape.
type recordFigures struct {
	store *store.Hub
	now   func() time.Time
	log   *slog.Logger
}

var (
	descUp           = prometheus.NewDesc("concord_hub_record_up", "Whether the record answered.", nil, nil)
	descRecorded     = prometheus.NewDesc("concord_hub_record_sequence", "Number of the last report in the record.", nil, nil)
	descConsolidated = prometheus.NewDesc("concord_hub_consolidated_sequence", "Number of the last report that consolidation took.", nil, nil)
	descLag          = prometheus.NewDesc("concord_hub_consolidation_lag_reports", "How many reports consolidation is behind the record.", nil, nil)
	descSnapshot     = prometheus.NewDesc("concord_hub_snapshot_age_seconds", "Age of a sector's newest snapshot of statistics.", []string{"sector"}, nil)
	descRelease      = prometheus.NewDesc("concord_hub_release_age_seconds", "Age of a sector's newest release.", []string{"sector"}, nil)
	descWebhooks     = prometheus.NewDesc("concord_hub_webhooks", "Webhooks of all members, by state.", []string{"state"}, nil)
	descAgreements   = prometheus.NewDesc("concord_hub_agreements", "Agreements of members who are not suspended, by how near their end is: one that ends within a day is in every band but ended.", []string{"ends"}, nil)
	descEvents       = prometheus.NewDesc("concord_hub_webhook_queue_events", "Events that wait to be taken.", nil, nil)
	descEventAge     = prometheus.NewDesc("concord_hub_webhook_queue_age_seconds", "Age of the event that waits longest.", nil, nil)
)

// scrapeTime bounds how long a scrape waits for the record.
const scrapeTime = 5 * time.Second

// Describe implements prometheus.Collector.
func (f *recordFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descUp, descRecorded, descConsolidated, descLag, descSnapshot, descRelease, descWebhooks, descAgreements, descEvents, descEventAge} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *recordFigures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	at, err := f.store.Figures(ctx)
	var hooks store.WebhookFigures
	if err == nil {
		hooks, err = f.store.WebhookFigures(ctx)
	}
	var ending store.AgreementFigures
	if err == nil {
		ending, err = f.store.AgreementFigures(ctx, f.now(), agreement.Reminders())
	}
	if err != nil {
		f.log.Warn("the record gives no figures", "code", fault.Public(err).Code, "cause", err)
		gauge(descUp, 0)
		return
	}
	gauge(descUp, 1)
	gauge(descRecorded, float64(at.Recorded))
	gauge(descConsolidated, float64(at.Consolidated))
	gauge(descLag, float64(max(0, at.Recorded-at.Consolidated)))
	now := f.now()
	for sector, taken := range at.Snapshots {
		gauge(descSnapshot, now.Sub(taken).Seconds(), sector)
	}
	for sector, made := range at.Releases {
		gauge(descRelease, now.Sub(made).Seconds(), sector)
	}
	gauge(descWebhooks, float64(hooks.Live), wire.WebhookLive)
	gauge(descWebhooks, float64(hooks.Failing), wire.WebhookFailing)
	gauge(descWebhooks, float64(hooks.Dead), wire.WebhookDead)
	gauge(descAgreements, float64(ending.Ended), "ended")
	for days, n := range ending.Within {
		gauge(descAgreements, float64(n), fmt.Sprintf("within %dd", days))
	}
	gauge(descEvents, float64(hooks.Waiting))
	age := 0.0
	if !hooks.Oldest.IsZero() {
		age = now.Sub(hooks.Oldest).Seconds()
	}
	gauge(descEventAge, age)
}

// Metrics serves what the hub counts, at /metrics.
func (h *Hub) Metrics() http.Handler { return httpapi.MetricsHandler(h.metrics.registry) }

// stewardMetrics is what a steward counts: how much, never for whom.
type stewardMetrics struct {
	registry    *prometheus.Registry
	evaluations prometheus.Counter
	requests    *prometheus.CounterVec
}

// groupBands are the counts of owner groups that are told: the largest that is
// not above the true one.
var groupBands = []int{0, 1, 5, 10, 20, 50, 100, 200, 500, 1000}

func newStewardMetrics(s *store.Steward) *stewardMetrics {
	m := &stewardMetrics{registry: newRegistry(),
		evaluations: prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_steward_evaluations_total", Help: "Elements evaluated."}),
		requests:    counter("concord_steward_requests_total", "Requests for evaluations, by outcome: answered, or a code.", "outcome"),
	}
	groups := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "concord_steward_groups_at_least", Help: "Owner groups that were ever evaluated for, as the lower end of a band (0, 1, 5, 10, 20, 50 …); -1 if the record does not answer."},
		func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
			defer cancel()
			n, err := s.Groups(ctx)
			if err != nil {
				return -1
			}
			return float64(band(n))
		})
	m.registry.MustRegister(m.evaluations, m.requests, groups)
	return m
}

func band(n int) (least int) {
	for _, b := range groupBands {
		if b <= n {
			least = b
		}
	}
	return least
}

// countedSteward is a steward that counts what it evaluates.
type countedSteward struct {
	*steward.Steward
	metrics *stewardMetrics
}

// Evaluate answers a batch; see [steward.Steward.Evaluate].
func (c countedSteward) Evaluate(ctx context.Context, credential string, ask wire.EvaluateRequest) (wire.EvaluateResponse, error) {
	answer, err := c.Steward.Evaluate(ctx, credential, ask)
	outcome := "answered"
	if err != nil {
		outcome = fault.Public(err).Code
	}
	c.metrics.requests.WithLabelValues(outcome).Inc()
	c.metrics.evaluations.Add(float64(len(answer.Evaluated)))
	return answer, err
}

// Metrics serves what the steward counts, at /metrics.
func (s *Steward) Metrics() http.Handler { return httpapi.MetricsHandler(s.metrics.registry) }

// readyLife is how long an answer about readiness is given again. Whoever asks
// cannot make a node write more often than that.
const readyLife = 2 * time.Second

// readyTime bounds how long readiness is waited for.
const readyTime = 5 * time.Second

// readiness remembers whether a node was ready.
type readiness struct {
	fit func(ctx context.Context) error

	mu  sync.Mutex
	at  time.Time
	err error
}

// check says whether the node is ready, as of now or of a moment ago. The
// question is put apart from whoever asks, who may go away meanwhile.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < readyLife {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTime)
	defer cancel()
	if r.err = r.fit(ctx); ctx.Err() != nil {
		r.err = fault.New(fault.Unavailable, "store.slow", "the record was not written within %s", readyTime).Because(r.err)
	}
	r.at = time.Now()
	return r.err
}

// checkMetrics wants metrics on loopback, since whoever reaches them reads them.
func checkMetrics(at, listen string) error {
	if listen == "" {
		return nil
	}
	if err := checkListen(at, listen); err != nil {
		return err
	}
	if !onLoopback(listen) {
		return fault.New(fault.Usage, "config.bad_value", "metrics are served on loopback only (127.0.0.1:PORT); let a collector on this machine fetch them").At(at)
	}
	return nil
}

// serveMetrics serves metrics on a listener of their own, if an address is set,
// until the context ends.
func serveMetrics(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (wait func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	ln, err := listen(addr)
	if err != nil {
		return nil, err
	}
	log.Info("metrics are served", "address", ln.Addr().String())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server(ctx, ln, h, nil, nil, log); err != nil {
			log.Error("metrics are served no more", "cause", err)
		}
	})
	return serving.Wait, nil
}
