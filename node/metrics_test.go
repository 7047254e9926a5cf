package node

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// aHub is an assembled hub of its own folder.
func aHub(t *testing.T, now func() time.Time, adjust func(*HubConfig)) *Hub {
	t.Helper()
	c, err := InitHub(filepath.Join(t.TempDir(), "hub"), "hub", "Hub", "127.0.0.1:0", "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if adjust != nil {
		adjust(c.Hub)
	}
	h, err := OpenHub(t.Context(), c, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func scraped(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("metrics answer %d", w.Code)
	}
	return w.Body.String()
}

func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(w, r)
	return w
}

// Whatever is asked for, a label is a route, a status or a code of ours.
func TestNothingThatIsAskedForBecomesALabel(t *testing.T) {
	h := aHub(t, time.Now, nil)
	const mark = "zyrafa-quux"
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/v1/incidents/" + mark, ""}, {"GET", "/" + mark, ""}, {"GET", "/v1/" + mark + "?q=" + mark, ""},
		{"PROPFIND" + mark, "/" + mark, ""}, {"GET", "/taxii2/" + mark + "/collections/", ""}, {"POST", "/v1/contributions", `{"payload":"` + mark + `"}`},
		{"POST", "/v1/token", mark}, {"GET", "/v1/hub", ""},
	} {
		ask(h.Handler(), c.method, c.path, c.body)
	}
	text := scraped(t, h.Metrics())
	if strings.Contains(strings.ToLower(text), mark) {
		t.Errorf("what was asked for is in a label:\n%s", text)
	}
	for _, want := range []string{
		`concord_http_requests_total{method="GET",route="/v1/hub",status="200"} 1`,
		`concord_http_requests_total{method="GET",route="/v1/incidents/{id}",status="401"} 1`,
		`concord_http_requests_total{method="other",route="/",status="`,
		`concord_hub_contributions_total{code="envelope.malformed",outcome="refused"} 1`,
		"concord_hub_record_up 1", "concord_hub_consolidation_lag_reports 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics do not say %s:\n%s", want, text)
		}
	}
}

func TestReceiptsAreCountedByWhatTheySay(t *testing.T) {
	h := aHub(t, time.Now, nil)
	payload, err := wire.Canonical(wire.Receipt{Results: []wire.Result{{Status: wire.Accepted}, {Status: wire.Accepted}, {Status: wire.Duplicate},
		{Status: wire.Refused, Code: "report.unknown_field"}}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := envelope.Sign(wire.PayloadReceipt, payload, h.sign)
	if err != nil {
		t.Fatal(err)
	}
	h.metrics.received(receipt, nil)
	text := scraped(t, h.Metrics())
	for _, want := range []string{`reports_total{status="accepted"} 2`, `reports_total{status="duplicate"} 1`, `reports_total{status="refused"} 1`,
		`reports_refused_total{code="report.unknown_field"} 1`, `contributions_total{code="",outcome="received"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics do not say %s", want)
		}
	}
}

func TestMetricsAreServedOnALoopbackListenerOfTheirOwn(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	h := aHub(t, time.Now, func(c *HubConfig) { c.Metrics = addr })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := h.ServeOn(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	defer serving.Wait()
	defer cancel()
	get := func(url string) (int, string) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	// The hub's own answer is waited for; metrics were listened for before it.
	if code, _ := get("http://" + ln.Addr().String() + "/healthz"); code != http.StatusOK {
		t.Fatalf("the hub answers %d", code)
	}
	if code, body := get("http://" + addr + "/metrics"); code != http.StatusOK || !strings.Contains(body, "concord_hub_record_up 1") {
		t.Errorf("metrics answer %d %s", code, body)
	}
	if code, body := get("http://" + ln.Addr().String() + "/metrics"); strings.Contains(body, "concord_hub_record_up") {
		t.Errorf("everybody is told the metrics: %d", code)
	}
	if err := checkMetrics("hub.metrics", "0.0.0.0:9090"); fault.KindOf(err) != fault.Usage {
		t.Errorf("metrics for other machines: %v", err)
	}
}

func TestAStewardTellsHowMuchAndInBandsForHowMany(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 1, 4: 1, 5: 5, 19: 10, 20: 20, 5000: 1000} {
		if got := band(n); got != want {
			t.Errorf("%d groups are told as %d", n, got)
		}
	}
	c, err := InitSteward(filepath.Join(t.TempDir(), "steward"), "s", "127.0.0.1:0", "http://127.0.0.1:1", "hub", key43)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSteward(t.Context(), c, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 7 {
		if _, ok, err := s.Store.Debit(t.Context(), wire.OwnerGroup("g-zyrafa"+string(rune('a'+i))), "2026-11-24", wire.LinkKey, 1, 10); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	ask(s.Handler(), "POST", "/v1/evaluate", "{}")
	if w := ask(s.Handler(), "GET", "/readyz", ""); w.Code != http.StatusOK { // and its probe is no group
		t.Errorf("not ready: %s", w.Body)
	}
	text := scraped(t, s.Metrics())
	for _, want := range []string{"concord_steward_groups_at_least 5", "concord_steward_evaluations_total 0",
		`concord_http_requests_total{method="POST",route="/v1/evaluate",status="401"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics do not say %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "zyrafa") {
		t.Error("an owner group is named")
	}
}

// Ready means that the record can be written, that its schema is the one that
// this program knows, and that the clock is not behind what is recorded.
func TestAHubIsReadyOnlyIfItCanDoItsWork(t *testing.T) {
	now := time.Now()
	h := aHub(t, func() time.Time { return now }, nil)
	ready := func() (int, string) {
		t.Helper()
		h.ready.at = time.Time{} // asked anew
		w := ask(h.Handler(), "GET", "/readyz", "")
		return w.Code, w.Body.String()
	}
	if code, body := ready(); code != http.StatusOK {
		t.Fatalf("at first: %d %s", code, body)
	}
	db := rawDatabase(t, h)
	for _, c := range []struct{ what, spoil, mend, code string }{
		{"a newer schema", `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, 1)`, `DELETE FROM goose_db_version WHERE version_id = 9000`, "store.schema"},
		{"a record that cannot be written", `CREATE TRIGGER broken BEFORE UPDATE ON work BEGIN SELECT RAISE(ABORT, 'no'); END`, `DROP TRIGGER broken`, "internal"},
	} {
		if _, err := db.Exec(c.spoil); err != nil {
			t.Fatal(err)
		}
		if code, body := ready(); code != http.StatusServiceUnavailable || !strings.Contains(body, c.code) {
			t.Errorf("%s: %d %s", c.what, code, body)
		}
		if _, err := db.Exec(c.mend); err != nil {
			t.Fatal(err)
		}
		if code, body := ready(); code != http.StatusOK {
			t.Errorf("after %s: %d %s", c.what, code, body)
		}
	}
	if _, err := db.Exec(`PRAGMA foreign_keys = OFF; INSERT INTO report (seq, contribution, report, revision, member, owner_group, agreement, sector, standard, received, digest, body)
		VALUES (1, 'c', 'r', 0, 'm', 'g', 'a', 'finance', 'finance/1.0', ?, x'00', x'00')`, now.Unix()); err != nil {
		t.Fatal(err)
	}
	if code, body := ready(); code != http.StatusOK {
		t.Errorf("with a report of now: %d %s", code, body)
	}
	now = now.Add(-time.Hour)
	if code, body := ready(); code != http.StatusServiceUnavailable || !strings.Contains(body, "clock.behind") {
		t.Errorf("with a clock that was set back: %d %s", code, body)
	}
}

func rawDatabase(t *testing.T, h *Hub) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", h.Store.Path())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// Whoever asks often makes the node look no more often.
func TestReadinessIsLookedAtOnceForManyWhoAsk(t *testing.T) {
	looked := 0
	r := readiness{fit: func(context.Context) error { looked++; return errors.New("no") }}
	for range 50 {
		if r.check(t.Context()) == nil {
			t.Fatal("a failure is forgotten")
		}
	}
	if looked != 1 {
		t.Errorf("it was looked at %d times", looked)
	}
}
