package deliver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/internal/taxiibench"
	"github.com/concord-trust/concord/internal/taxiimemory"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/taxii"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// storedSource serves a room's collection as node does.
type storedSource struct {
	*taxiimemory.Memory // the rest
	room                *deliver.Room
	viewer              member.Viewer
}

func (s *storedSource) Open(context.Context, taxii.Login) (taxii.Source, error) { return s, nil }

func (s *storedSource) Read(ctx context.Context, root, _ string, q taxii.Query) (taxii.Records, error) {
	page, err := s.room.Page(ctx, s.viewer, root, deliver.IndicatorObjects, deliver.Wanted{AddedAfter: q.AddedAfter, After: q.After.N, Limit: q.Limit, Types: q.Types})
	if err != nil {
		return taxii.Records{}, err
	}
	r := taxii.Records{More: page.Body().More, Done: page.Body().Done}
	for _, o := range page.Body().Objects {
		r.Records = append(r.Records, taxii.Record{Place: taxii.Place{Added: o.Added, N: o.N}, ID: o.ID, Type: o.Type, Version: o.Version, Spec: "2.1", Object: o.JSON})
	}
	return r, nil
}

// storedSizes are how many objects there are: 100,000, and what
// CONCORD_BENCH_OBJECTS lists (1000000,10000000 takes minutes).
func storedSizes(b *testing.B) []int {
	sizes := []int{100_000}
	for text := range strings.SplitSeq(os.Getenv("CONCORD_BENCH_OBJECTS"), ",") {
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// stores opens one new record after the other, or only one of the kind that
// CONCORD_BENCH_STORE names.
func stores(b *testing.B) iter.Seq2[string, *store.Hub] {
	return func(yield func(string, *store.Hub) bool) {
		for _, name := range []string{"SQLite", "PostgreSQL"} {
			if only := os.Getenv("CONCORD_BENCH_STORE"); only != "" && only != name {
				continue
			}
			var h *store.Hub
			var err error
			if name == "SQLite" {
				h, err = store.OpenHub(b.Context(), filepath.Join(b.TempDir(), "hub.db"))
			} else {
				h, err = store.OpenHubPostgres(b.Context(), postgrestest.Database(b))
			}
			if err != nil {
				b.Fatal(err)
			}
			goes := yield(name, h)
			if err := h.Close(); err != nil {
				b.Fatal(err)
			}
			if !goes {
				return
			}
		}
	}
}

const (
	pageObjects = 1000
	pageCount   = 200
)

// BenchmarkStoredPages asks over HTTP for pages of 1,000 all over a collection
// on its shelf, whatever b.N is, in each store and size; and, if CONCORD_OPENTAXII
// names an interpreter that has it, the same of OpenTAXII in the same run. What
// it measured is the last line, as JSON.
func BenchmarkStoredPages(b *testing.B) {
	type line struct {
		Server  string             `json:"server"`
		Objects int                `json:"objects"`
		Fill    float64            `json:"fill_seconds,omitzero"`
		Page    taxiibench.Figures `json:"page"`
	}
	var lines []line
	queries := func(day time.Time, objects int) (all []string) {
		for i := range pageCount {
			at := day.Add(time.Duration((objects-pageObjects)/pageCount*i) * time.Microsecond)
			all = append(all, "limit=1000&added_after="+taxii.Moment{Time: at}.String())
		}
		return all
	}
	viewer := as(newTrust(b).bank("reader"), member.Defend)
	day := viewer.At.UTC().Truncate(24 * time.Hour)
	for _, size := range storedSizes(b) {
		for name, h := range stores(b) {
			room := newTrust(b).room
			room.Shelves, room.State = h, func(context.Context) (string, error) { return "filled", nil }
			begun := time.Now()
			const batch = 20_000
			for from := 0; from < size; from += batch {
				to := min(from+batch, size)
				if err := room.Fill(b.Context(), viewer, "finance", from, to, to == size); err != nil {
					b.Fatal(err)
				}
			}
			one := line{Server: "Concord, " + name, Objects: size, Fill: time.Since(begun).Seconds()}
			memory := taxiimemory.NewMemory(taxii.Discovery{}, time.Now)
			memory.AddRoot("finance", taxii.Root{})
			memory.AddCollection("finance", taxii.Collection{ID: "list", CanRead: true}, nil)
			server := httptest.NewServer(&taxii.Handler{Sources: &storedSource{memory, room, viewer}, RootsAt: "/taxii2/", PageSize: pageObjects})
			at := taxiibench.Collection{Objects: server.URL + "/taxii2/finance/collections/list/objects/", Authorization: "Bearer anybody"}
			taxiibench.Pages(b, at, queries(day, size)[:20]) // so that neither begins cold
			one.Page = taxiibench.Pages(b, at, queries(day, size))
			lines = append(lines, one)
			server.Close()
		}
	}
	if python := os.Getenv("CONCORD_OPENTAXII"); python != "" {
		at := taxiibench.OpenTAXII(b, python, postgrestest.Database(b), 100_000)
		all := queries(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 100_000)
		taxiibench.Pages(b, at, all[:5])
		lines = append(lines, line{Server: "OpenTAXII, PostgreSQL", Objects: 100_000, Page: taxiibench.Pages(b, at, all[:60])})
	}
	text, err := json.Marshal(lines)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Println(string(text))
}

// BenchmarkRefresh measures, whatever b.N is, what it costs to bring a
// collection of 100,000 indicators up to date that 20,000 incidents tell, in each
// store: when it is asked for first, when the record changed and no object did,
// and when one incident more tells five. Heap is the most that was in use. What
// it measured is the last line, as JSON.
func BenchmarkRefresh(b *testing.B) {
	const incidents, each = 20_000, 5
	tr := newTrust(b)
	for i := range 20 {
		tr.bank(fmt.Sprint("bank ", i))
	}
	told := 0
	tell := func() {
		one := sending{member: fmt.Sprint("bank ", told%20), says: [][2]string{{"victim.industry", "522110"}}}
		for i := range each {
			one.seen = append(one.seen, report.Seen{Type: "domain", Value: fmt.Sprintf("host-%d.northw1nd.net", told*each+i)})
		}
		tr.tell(one)
		told++
	}
	for range incidents {
		tell()
	}
	viewer := as(tr.bank("reader"), member.Defend)
	type cost struct {
		Seconds float64 `json:"seconds"`
		Heap    uint64  `json:"heap_mb"`
	}
	type line struct {
		Store     string `json:"store"`
		First     cost   `json:"first"`
		Unchanged cost   `json:"unchanged"`
		OneMore   cost   `json:"one_incident_more"`
	}
	var lines []line
	for name, h := range stores(b) {
		state := 0
		tr.room.Shelves, tr.room.State = h, func(context.Context) (string, error) { return fmt.Sprint(state), nil }
		refresh := func() (c cost) {
			state++
			runtime.GC()
			before := heap()
			begun := time.Now()
			peak := during(func() {
				if _, err := tr.room.Page(b.Context(), viewer, "finance", deliver.IndicatorObjects, deliver.Wanted{Limit: 1}); err != nil {
					b.Fatal(err)
				}
			})
			return cost{time.Since(begun).Seconds(), (peak - min(peak, before)) >> 20}
		}
		one := line{Store: name, First: refresh(), Unchanged: refresh()}
		tell()
		one.OneMore = refresh()
		lines = append(lines, one)
	}
	text, err := json.Marshal(lines)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Println(string(text))
}

func heap() uint64 {
	one := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(one)
	return one[0].Value.Uint64()
}

// during runs f and returns the most heap that was seen meanwhile.
func during(f func()) (most uint64) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, heap())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most
}
