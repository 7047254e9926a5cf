package sim

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/notify"
	"github.com/concord-trust/concord/internal/postgrestest"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// listener is a member's own server: it checks what comes as a receiver must,
// refuses what it is told to, and remembers the rest.
type listener struct {
	t   *testing.T
	key string // the hub's, as the member pinned it
	url string

	mu      sync.Mutex
	refuse  int // so many more
	tries   map[wire.EventID]int
	taken   []wire.Event
	bodies  []string
	arrived chan struct{}
}

func listenFor(t *testing.T, tr *Trust) *listener {
	l := &listener{t: t, key: tr.Hub.Info().SignKey, tries: map[wire.EventID]int{}, arrived: make(chan struct{}, 1000)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL + "/hook?key=mine"
	return l
}

// ServeHTTP implements http.Handler.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() { l.arrived <- struct{}{} }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Error(err)
	}
	key, err := envelope.ParsePublic(l.key)
	if err != nil {
		l.t.Error(err)
	}
	// The clock of the test may be ahead; the signature is held to the time that
	// it states.
	at := time.Now()
	if stated, err := time.ParseDuration(r.Header.Get(wire.HeaderWebhookTimestamp) + "s"); err == nil {
		at = time.Unix(0, 0).Add(stated)
	}
	e, err := notify.Verify(key, r.Header, body, at)
	if err != nil || r.Method != http.MethodPost || r.URL.RequestURI() != "/hook?key=mine" {
		l.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries[e.ID]++
	if l.refuse > 0 {
		l.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.taken, l.bodies = append(l.taken, e), append(l.bodies, string(body))
}

// took empties what was taken.
func (l *listener) took() (events []wire.Event, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	events, text = l.taken, strings.Join(l.bodies, "\n")
	l.taken, l.bodies = nil, nil
	return events, text
}

func (l *listener) refuses(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = n
}

// telling is a hub's room for webhooks with a clock of the test's own, over the
// hub's record. The hub itself looks once in a long time.
type telling struct {
	*notify.Room
	t  *testing.T
	at time.Time
}

func seldom(c *node.HubConfig) {
	c.Webhooks = &node.WebhookConfig{Every: node.Duration(1000 * time.Hour), Loopback: true}
}

func tellingOf(t *testing.T, tr *Trust) *telling {
	n := tr.Hub.Notify
	x := &telling{t: t, at: time.Now()}
	x.Room = &notify.Room{Hub: n.Hub, Sign: n.Sign, Door: n.Door, Deliver: n.Deliver, Listings: n.Listings, Webhooks: n.Webhooks, State: n.State,
		Loopback: n.Loopback, Rand: n.Rand, Now: func() time.Time { return x.at }}
	return x
}

// round looks what is new and sends it.
func (x *telling) round() (queued int) {
	x.t.Helper()
	queued, err := x.Tell(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	if err := x.Send(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	return queued
}

func webhook(t *testing.T, s *Seat, url string, purpose member.Purpose) wire.Webhook {
	t.Helper()
	w, err := s.Member.Hub.AddWebhook(t.Context(), wire.WebhookRequest{URL: url, Sector: "finance", Purpose: string(purpose)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func only(t *testing.T, s *Seat) wire.Webhook {
	t.Helper()
	all, err := s.Member.Hub.Webhooks(t.Context())
	if err != nil || len(all.Webhooks) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all.Webhooks[0]
}

// more has a seat tell of one more case.
func more(t *testing.T, tr *Trust, s *Seat, n int) {
	t.Helper()
	doc := fmt.Sprintf(`{"native":"new-%d","victim":{"victim_id":"Firm New %d","industry":"522110","country":["US"]},"timeline":{"incident":"2026-04-1%d"},"action":{"hacking":{"variety":["Use of stolen creds"]}},"observables":[
		{"type":"domain","value":"fresh-%d.northw1nd-bank.net","role":"phishing"}]}`, n, n, n%10, n)
	if account, err := s.Tell(t.Context(), strings.NewReader(doc), "case.json", "report"); err != nil || account.Lost() != 0 {
		t.Fatal(account, err)
	}
	if d, err := s.Send(t.Context()); err != nil || d.Accepted == 0 {
		t.Fatal(d, err)
	}
	if _, err := tr.Hub.Consolidate.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// fetchable are the ids of the objects that a tool may read for a purpose, by collection.
func fetchable(t *testing.T, tr *Trust, s *Seat, purpose string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, c := range walkAll(t, tr.tool(token(t, s, purpose))) {
		for _, o := range c.Objects {
			var x struct {
				ID      string `json:"id"`
				Revoked bool   `json:"revoked"`
			}
			if err := json.Unmarshal(o, &x); err != nil {
				t.Fatal(err)
			}
			if !x.Revoked {
				all[c.Title] = append(all[c.Title], x.ID)
			}
		}
	}
	return all
}

// A webhook is told, signed and by its member's own ids, of what its member may
// fetch and of nothing else, until it takes it; on each store.
func TestAWebhookIsToldOfWhatItsMemberMayFetchUntilItTakesIt(t *testing.T) {
	t.Run(node.StoreSQLite, func(t *testing.T) { webhooksTold(t, nil) })
	t.Run(node.StorePostgres, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "dsn")
		if err := os.WriteFile(file, []byte(postgrestest.Database(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		webhooksTold(t, &node.StoreConfig{Kind: node.StorePostgres, DSNFile: file})
	})
}

func webhooksTold(t *testing.T, store *node.StoreConfig) {
	tr, seats := aTrustForTools(t, 6, func(c *node.HubConfig) { c.Store = store }, seldom)
	x := tellingOf(t, tr)
	broker, insurer, university := listenFor(t, tr), listenFor(t, tr), listenFor(t, tr)
	hook := webhook(t, seats[2], broker.url, member.Defend)
	webhook(t, seats[1], insurer.url, member.Defend)
	webhook(t, seats[4], university.url, member.Study)

	// The first is a hello: what was there before is not told.
	x.round()
	if events, _ := broker.took(); len(events) != 1 || events[0].Kind != "hello" || events[0].Webhook != hook.ID || len(events[0].Objects) != 0 {
		t.Fatalf("at first %+v came", events)
	}
	if x.round() != 0 {
		t.Error("nothing is new, and something is told")
	}
	insurer.took()
	university.took()

	// The receiver fails first. It gets the same event, and only when due.
	broker.refuses(4)
	more(t, tr, seats[0], 1)
	if x.round() == 0 {
		t.Fatal("nothing is told of a new case")
	}
	if w := only(t, seats[2]); w.State != wire.WebhookFailing || w.Code != "webhook.status_503" || w.Reason != "it answered 503" || w.Pending == 0 {
		t.Errorf("while it fails its member sees %+v", w)
	}
	x.round()
	if events, _ := broker.took(); len(events) != 0 {
		t.Errorf("before it is due it is told %+v", events)
	}
	more(t, tr, seats[0], 2) // it is told with the next
	for range 6 {
		x.at = x.at.Add(2 * time.Hour)
		x.round()
	}
	events, text := broker.took()
	told := map[string][]string{}
	for _, e := range events {
		told[e.Kind] = append(told[e.Kind], e.Objects...)
		if e.Hub != "demo-hub" || e.Sector != "finance" || e.Purpose != "defend" || e.Webhook != hook.ID {
			t.Errorf("the event says %+v", e)
		}
	}
	if broker.most() != 5 {
		t.Errorf("an event was tried %d times, expected 5", broker.most())
	}
	if w := only(t, seats[2]); w.State != wire.WebhookLive || w.Pending != 0 || w.Reason != "" {
		t.Errorf("after it took all its member sees %+v", w)
	}
	may := fetchable(t, tr, seats[2], "defend")
	for kind, ids := range told {
		for _, id := range ids {
			if !slices.ContainsFunc(slices.Collect(maps.Values(may)), func(all []string) bool { return slices.Contains(all, id) }) {
				t.Errorf("%s: it is told of %s, which its member may not fetch", kind, id)
			}
		}
	}
	if n := len(unique(told["indicators"])); n != 2 {
		t.Errorf("it is told of %d new indicators of 2", n)
	}
	if len(told["incidents"]) == 0 {
		t.Error("it is told of no new incident")
	}
	others, otherText := insurer.took()
	if len(others) == 0 {
		t.Fatal("the insurer is told nothing")
	}
	students, studentText := university.took()
	for _, e := range students {
		if e.Kind == "indicators" {
			t.Errorf("a university is told of indicators that it may not have: %+v", e)
		}
	}
	for _, all := range []string{text, otherText, studentText} {
		for _, not := range []string{"northw1nd", "Firm", "new-", "Bank", string(seats[0].Member.Agreement.Member.ID)} {
			if strings.Contains(all, not) {
				t.Errorf("a message holds %q: %s", not, all)
			}
		}
	}
	for _, e := range others {
		for _, id := range e.Objects {
			if strings.Contains(text, id) {
				t.Error("two members are told of an object under one id")
			}
		}
	}
	withdrawn(t, tr, seats, x, broker)
	released(t, tr, seats, x, broker)
}

func (l *listener) most() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tries := range l.tries {
		n = max(n, tries)
	}
	return n
}

func unique(all []string) []string { slices.Sort(all); return slices.Compact(all) }

// withdrawn: what waits is told as its member may fetch it when it is sent.
func withdrawn(t *testing.T, tr *Trust, seats []*Seat, x *telling, broker *listener) {
	t.Helper()
	ctx := t.Context()
	x.round()
	broker.took()
	more(t, tr, seats[0], 3)
	if n, err := x.Tell(ctx); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if err := tr.Hub.Door.Suspend(ctx, seats[0].Member.Agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	if err := x.Send(ctx); err != nil {
		t.Fatal(err)
	}
	if events, _ := broker.took(); len(events) != 0 {
		t.Errorf("of a contributor that is suspended by now it is told %+v", events)
	}
	if w := only(t, seats[2]); w.State != wire.WebhookLive || w.Pending != 0 {
		t.Errorf("what was withdrawn leaves %+v", w)
	}
	if err := tr.Hub.Door.Lift(ctx, seats[0].Member.Agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	x.at = x.at.Add(2 * time.Minute)
	x.round()
	broker.took()

	// Of whom a webhook is, is told nothing either while it is suspended.
	if err := tr.Hub.Door.Suspend(ctx, seats[2].Member.Agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	more(t, tr, seats[0], 4)
	x.at = x.at.Add(2 * time.Minute)
	x.round()
	if events, _ := broker.took(); len(events) != 0 {
		t.Errorf("a suspended member is told %+v", events)
	}
	if err := tr.Hub.Door.Lift(ctx, seats[2].Member.Agreement.Member.ID); err != nil {
		t.Fatal(err)
	}
	x.at = x.at.Add(2 * time.Minute)
	x.round()
	if events, _ := broker.took(); len(events) == 0 {
		t.Error("after the suspension it is not told what came meanwhile")
	}
}

// released: a release is told once, by its id.
func released(t *testing.T, tr *Trust, seats []*Seat, x *telling, broker *listener) {
	t.Helper()
	ctx := t.Context()
	r := anonymise.Release{ID: "finance-2026-11-24-1", Sector: "finance", Title: "Finance", Made: time.Now().UTC().Truncate(time.Second), Files: []anonymise.File{}}
	if err := tr.Hub.Store.AddRelease(ctx, r, nil, anonymise.Basis{}); err != nil {
		t.Fatal(err)
	}
	x.round()
	events, _ := broker.took()
	if len(events) != 1 || events[0].Kind != "releases" || !slices.Equal(events[0].Objects, []string{string(r.ID)}) {
		t.Fatalf("of a release it is told %+v", events)
	}
	if _, err := seats[2].Member.Hub.Get(ctx, "/v1/releases/"+events[0].Objects[0]); err != nil {
		t.Errorf("what was told cannot be fetched: %v", err)
	}
	x.round()
	if events, _ := broker.took(); len(events) != 0 {
		t.Errorf("it is told again: %+v", events)
	}
}

// A receiver that fails for too long, or says that it is gone, is told no more,
// and its member sees why.
func TestAWebhookThatFailsForTooLongIsDeadAndSaysWhy(t *testing.T) {
	tr, seats := aTrustForTools(t, 2, seldom)
	x := tellingOf(t, tr)
	l := listenFor(t, tr)
	l.refuses(1 << 30)
	webhook(t, seats[2], l.url, member.Defend)
	began := x.at
	for x.at.Sub(began) < notify.DefaultLife+24*time.Hour {
		x.round()
		w := only(t, seats[2])
		if dead := w.State == wire.WebhookDead; dead {
			if x.at.Sub(began) < notify.DefaultLife || w.Reason != "it answered 503" || w.Pending != 0 || w.Since == "" {
				t.Errorf("it is dead after %s: %+v", x.at.Sub(began), w)
			}
			break
		}
		x.at = x.at.Add(2 * time.Hour)
	}
	l.refuses(0)
	more(t, tr, seats[0], 1)
	x.at = x.at.Add(48 * time.Hour)
	x.round()
	if events, _ := l.took(); len(events) != 0 || only(t, seats[2]).State != wire.WebhookDead {
		t.Errorf("a dead webhook is told %+v", events)
	}
	left, err := seats[2].Member.Hub.RemoveWebhook(t.Context(), only(t, seats[2]).ID)
	if err != nil || len(left.Webhooks) != 0 {
		t.Fatal(left, err)
	}
}

// A member adds few webhooks, for what its agreement allows and where the hub
// may send, and touches nobody else's.
func TestAWebhookIsForWhatItsMemberMayHave(t *testing.T) {
	tr, seats := aTrustForTools(t, 2, seldom)
	ctx := t.Context()
	own := seats[2].Member.Hub
	for _, c := range []struct {
		ask  wire.WebhookRequest
		code string
	}{
		{wire.WebhookRequest{URL: "http://127.0.0.1:9/", Sector: "health"}, "sector.not_found"},
		{wire.WebhookRequest{URL: "http://127.0.0.1:9/", Sector: "finance", Purpose: "supervise"}, "purpose.not_agreed"},
		{wire.WebhookRequest{URL: "http://10.0.0.1/", Sector: "finance"}, "webhook.https"},
		{wire.WebhookRequest{URL: "https://169.254.169.254/", Sector: "finance"}, "webhook.address"},
		{wire.WebhookRequest{URL: "nonsense", Sector: "finance"}, "webhook.url"},
	} {
		_, err := own.AddWebhook(ctx, c.ask)
		if f := fault.Public(err); err == nil || f.Code != c.code {
			t.Errorf("%+v: %v", c.ask, err)
		}
	}
	w := webhook(t, seats[2], "http://127.0.0.1:9/", member.Defend)
	if _, err := seats[3].Member.Hub.RemoveWebhook(ctx, w.ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another member removes it: %v", err)
	}
	if all, err := seats[3].Member.Hub.Webhooks(ctx); err != nil || len(all.Webhooks) != 0 {
		t.Errorf("another member sees %+v, %v", all, err)
	}
	for range notify.MaxWebhooks - 1 {
		webhook(t, seats[2], "http://127.0.0.1:9/", member.Defend)
	}
	if _, err := own.AddWebhook(ctx, wire.WebhookRequest{URL: "http://127.0.0.1:9/", Sector: "finance"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("one more than there may be: %v", err)
	}
	if s := status(t, "GET", tr.URL+"/v1/webhooks", "Bearer "+token(t, seats[2]).Token, ""); s != http.StatusUnauthorized {
		t.Errorf("a tool's token opens webhooks: %d", s)
	}
}

// A hub that is killed after the receiver answered, and before it noted that,
// tells the same event again, under the same id, once it is back.
func TestAnEventOutlivesAKilledHub(t *testing.T) {
	dir := t.TempDir()
	tr, err := Open(t.Context(), dir, "127.0.0.1:0", slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Seat(t.Context(), Party{Name: "Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g-1", Sectors: []string{"finance"}, Terms: "default"}); err != nil {
		t.Fatal(err)
	}
	l := listenFor(t, tr)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	hub := filepath.Join(dir, "hub", node.ConfigName)
	change(t, hub, func(c *node.Config) {
		c.Hub.Listen, c.Hub.URL = addr, "http://"+addr
		c.Hub.Webhooks = &node.WebhookConfig{Every: node.Duration(time.Second), Loopback: true}
	})
	own := filepath.Join(dir, "member-001", node.ConfigName)
	change(t, own, func(c *node.Config) { c.Member.Hub.URL = "http://" + addr })
	config, err := node.LoadConfig(own)
	if err != nil {
		t.Fatal(err)
	}
	m, err := node.OpenMember(t.Context(), config, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()

	first := launch(t, "hub", hub, "", notify.AfterPost)
	await(t, first, "http://"+addr)
	w, err := m.Hub.AddWebhook(t.Context(), wire.WebhookRequest{URL: l.url, Sector: "finance"})
	if err != nil {
		t.Fatal(err)
	}
	l.await(1)
	first.wait(t) // it dies by itself, at the point
	db := database(t, filepath.Join(dir, "hub", "data", "hub.db"))
	// The lease of the dead process, which lasts half a minute, is over.
	if _, err := db.Exec(`UPDATE webhook SET due = due - 60000`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	second := launch(t, "hub", hub, "", "")
	await(t, second, "http://"+addr)
	l.await(1)
	events, _ := l.took()
	if len(events) != 2 || events[0].ID != events[1].ID || events[0].Webhook != w.ID {
		t.Errorf("it was told %+v", events)
	}
	limit, again := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		all, err := m.Hub.Webhooks(t.Context())
		if err != nil || len(all.Webhooks) != 1 {
			t.Fatal(all, err)
		}
		if all.Webhooks[0].Pending == 0 {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			t.Fatalf("it waits for ever: %+v", all)
		}
	}
}

// await waits for so many requests.
func (l *listener) await(n int) {
	l.t.Helper()
	for range n {
		select {
		case <-l.arrived:
		case <-time.After(time.Minute):
			l.t.Fatal("the receiver is told nothing for a minute")
		}
	}
}
