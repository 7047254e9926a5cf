package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// fate is a trust that lives at random: members with random sheets report,
// correct, recall, renew and are suspended, its clock jumps, its hub has two
// processes that restart, and between all that somebody looks at some door.
// What stands there is held to the oracle. The same seed takes the same steps.
type fate struct {
	t     *testing.T
	seed  uint64
	dice  *rand.Rand
	clock *handClock
	// lag is how far the hub's clock lags now.
	lag    time.Duration
	trust  *Trust
	config *node.Config
	hubs   [2]*node.Hub // on one record
	at     int          // the process that is asked
	oracle *oracle

	parties []*party
	reports []*account
	planted map[string][]*edition // by what is found: who told it, in which revisions
	// known are the values behind pseudonyms, by audience and what is called so.
	known map[audience]map[string]string
	// released are the reports that there were when a release was made.
	released map[wire.ReleaseID][]*account

	step   int
	story  []string
	wrong  []string
	looked map[string]int // doors, and how much was found there
	files  string
	// Sabotage, so that a test sees that it is noticed.
	forgetful, deaf bool          // the hub is not told of recalls; of renewals
	lags            time.Duration // how far its clock lags whenever somebody looks
}

// audience is a member asking for a purpose.
type audience struct {
	member  wire.MemberID
	purpose member.Purpose
}

// party is a member of it.
type party struct {
	*Seat
	n         int
	id        wire.MemberID
	card      admit.Card
	sheet     *terms.Sheet // that of the newest agreement, which holds
	until     time.Time
	keeps     bool // its contributions outlast its agreement
	suspended bool
	token     wire.TokenGiven
	tokenEnds time.Time
}

func (p *party) String() string { return fmt.Sprintf("%s (%s, %s)", p.Party.Name, p.card.Stake, p.id) }

// stands: it may come in.
func (p *party) stands(now time.Time) bool { return !p.suspended && now.Before(p.until) }

// account is one report, in its revisions.
type account struct {
	name   string // in the story
	id     wire.ReportID
	by     *party
	sector string
	event  event
	first  time.Time
	revs   []*edition
	gone   bool
}

// edition is what left of a report at once.
type edition struct {
	of       *account
	n        int
	seq      int64
	received time.Time
	left     []statement
}

// event is what several may report.
type event struct {
	victim, domain, date string
	by                   []*party
}

const (
	mostReports = 40
	aDay        = 24 * time.Hour
)

// newFate sets the trust up: members of all stakes in two sectors.
func newFate(t *testing.T, seed uint64) *fate {
	t.Helper()
	f := &fate{t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 5)), clock: &handClock{at: time.Date(2027, 1, 11, 9, 0, 0, 0, time.UTC)},
		planted: map[string][]*edition{}, known: map[audience]map[string]string{}, released: map[wire.ReleaseID][]*account{}, looked: map[string]int{}, files: t.TempDir()}
	f.oracle = &oracle{standards: map[string]*standard.Standard{}}
	for _, s := range []string{"finance", "health"} {
		std, err := standard.Builtin(standard.Ref(s + "/1.0"))
		f.must(err)
		f.oracle.standards[s] = std
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.hub().Handler().ServeHTTP(w, r) }))
	steward := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.trust.Steward.Handler().ServeHTTP(w, r) }))
	f.trust = &Trust{Dir: t.TempDir(), URL: hub.URL, now: f.clock.now, adjust: []func(*node.HubConfig){small}}
	f.must(f.trust.assemble(t.Context(), hub.Listener.Addr().String(), steward.Listener.Addr().String(), quiet()))
	f.must(f.trust.Hub.Close())
	var err error
	f.config, err = node.LoadConfig(filepath.Join(f.trust.Dir, "hub", node.ConfigName))
	f.must(err)
	f.restart(0)
	f.restart(1)
	t.Cleanup(func() {
		hub.Close()
		steward.Close()
		for _, p := range f.parties {
			p.Member.Close() //nolint:errcheck // the test is over
		}
		for _, h := range f.hubs {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := f.trust.Steward.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range 6 + f.dice.IntN(7) {
		f.join(i)
	}
	return f
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (f *fate) hub() *node.Hub { return f.hubs[f.at] }

func (f *fate) ctx() context.Context { return f.t.Context() }

func (f *fate) now() time.Time { return f.clock.now() }

func (f *fate) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatalf("seed %d, step %d (%s): %v\n%s", f.seed, f.step, f.clock.now().Format(time.DateTime), err, strings.Join(last(f.story, 12), "\n"))
	}
}

func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

func pick[T any](f *fate, all ...T) T { return all[f.dice.IntN(len(all))] }

// chance is true in so many of a hundred cases.
func (f *fate) chance(percent int) bool { return f.dice.IntN(100) < percent }

// tell notes a step in the story.
func (f *fate) tell(format string, args ...any) {
	f.story = append(f.story, fmt.Sprintf("%5d %s %s", f.step, f.now().Format(time.DateTime), fmt.Sprintf(format, args...)))
}

// restart opens a process of the hub anew: whatever it had computed is gone.
func (f *fate) restart(i int) {
	if f.hubs[i] != nil {
		f.must(f.hubs[i].Close())
	}
	h, err := node.OpenHub(f.ctx(), f.config, func() time.Time { return f.clock.now().Add(-f.lag) }, quiet())
	f.must(err)
	f.hubs[i] = h
	f.trust.Hub = h
}

// RoundTrip brings a request to hub or steward without a network.
func (f *fate) RoundTrip(req *http.Request) (*http.Response, error) {
	served := req.Clone(req.Context())
	served.RequestURI, served.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:1"
	if served.Body == nil {
		served.Body = http.NoBody
	}
	if served.Host == "" {
		served.Host = req.URL.Host
	}
	w := httptest.NewRecorder()
	if "http://"+req.URL.Host == f.trust.URL {
		f.hub().Handler().ServeHTTP(w, served)
	} else {
		f.trust.Steward.Handler().ServeHTTP(w, served)
	}
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// join lets the nth member in: first one of each stake, then anybody.
func (f *fate) join(n int) {
	stake := pick(f, member.Industry, member.Industry, member.LawEnforcement, member.Research)
	if n < 3 {
		stake = member.Stakes()[n]
	}
	kinds := map[member.Stake][]member.Kind{member.Industry: {"firm", "insurer"}, member.LawEnforcement: {"police", "prosecutor"}, member.Research: {"university", "institute"}}
	sectors := pick(f, []string{"finance"}, []string{"finance", "health"}, []string{"health"})
	if n < 3 {
		sectors = []string{"finance", "health"}
	}
	p := &party{n: n, card: admit.Card{Name: fmt.Sprintf("M%d", n), Stake: stake, Kind: pick(f, kinds[stake]...), OwnerGroup: wire.OwnerGroup(fmt.Sprint("g-", n)),
		Sectors: sectors, Jurisdiction: pick(f, "DE", "FR", "NL", "")}}
	if n > 3 && f.chance(20) { // a sister
		p.card.OwnerGroup = wire.OwnerGroup(fmt.Sprint("g-", n-1))
	}
	if f.chance(25) {
		p.card.Roles = []string{"mediator"}
	}
	p.card.Purposes = allPurposes()
	f.dice.Shuffle(len(p.card.Purposes), func(i, j int) { p.card.Purposes[i], p.card.Purposes[j] = p.card.Purposes[j], p.card.Purposes[i] })
	p.card.Purposes = p.card.Purposes[:2+f.dice.IntN(3)]
	if stake == member.Research {
		p.card.Project = project(f.now(), nil)
	}
	code, issued, err := f.hub().Door.Invite(f.ctx(), p.card, f.now().Add(time.Hour))
	f.must(err)
	p.card = issued
	dir := filepath.Join(f.trust.Dir, fmt.Sprintf("member-%03d", n))
	p.sheet = f.sheet()
	config, err := node.InitMember(dir, p.card.Name, f.sheetFile(p.sheet), node.DefaultDesk)
	f.must(err)
	if f.chance(40) {
		config.Member.AfterEnd, p.keeps = agreement.Keep, true
	}
	until := f.until()
	if stake == member.Research && until.After(p.card.Project.Until) {
		until = p.card.Project.Until
	}
	a, err := node.Join(f.ctx(), config, f.trust.URL, "", f.codeFile(code), f.hub().Info().SignKey, until)
	f.must(err)
	p.id, p.until = a.Member.ID, a.Until
	p.Seat = &Seat{Party: Party{Name: p.card.Name}}
	f.sit(p)
	f.parties = append(f.parties, p)
	f.tell("%s joins in %v until %s (keeps %v), %v %s %v, for %v, with %s", p, sectors, p.until.Format(time.DateTime), p.keeps, p.card.Kind, p.card.Jurisdiction, p.card.Roles, p.card.Purposes, sheetText(p.sheet))
}

func (f *fate) codeFile(code string) string {
	name := filepath.Join(f.files, "code.txt")
	f.must(os.WriteFile(name, []byte(code), 0o600))
	return name
}

// until is when an agreement that is made now ends.
func (f *fate) until() time.Time {
	return f.now().Add(time.Duration(2+f.dice.IntN(300)) * aDay).Truncate(time.Second)
}

// sit opens the member as its configuration has it.
func (f *fate) sit(p *party) {
	if p.Member != nil {
		f.must(p.Member.Close())
	}
	config, err := node.LoadConfig(filepath.Join(f.trust.Dir, fmt.Sprintf("member-%03d", p.n), node.ConfigName))
	f.must(err)
	p.Member, err = node.OpenMember(f.ctx(), config, f.clock.now)
	f.must(err)
	p.Member.Hub.HTTP.Transport = f // hub and steward share the client
	p.Intake, err = p.Member.Intake()
	f.must(err)
}

// report has a member tell of an event, or of what it told before anew.
func (f *fate) report(p *party, r *account) {
	now := f.now()
	tag := fmt.Sprintf("zq%dx%dx", f.seed, len(f.planted))
	rev := &edition{of: r, n: len(r.revs), received: now}
	amount := fmt.Sprint(f.dice.Uint64N(9e11) + 1e11)
	ip := fmt.Sprintf("45.%d.%d.%d", 32+f.dice.IntN(190), f.dice.IntN(250), 1+f.dice.IntN(250))
	industry := map[string]string{"finance": "522110", "health": "622110"}[r.sector]
	values := [][2]string{{"victim.victim_id", r.event.victim}, {"victim.industry", industry}, {"victim.country", "US"}, {"victim.employee_count", "101 to 1000"},
		{"timeline.incident", r.event.date}, {"summary", tag + "s rang twice"}, {"reporter.reference", tag + "r"}, {"impact.overall_amount", amount},
		{"action.hacking.variety", pick(f, "SQLi", "Brute force", "DoS")}, {"attribute.confidentiality.data_disclosure", "Yes"}, {"attribute.confidentiality.data_total", "1200"}}
	seen := [][2]string{{"domain", r.event.domain}, {"ip", ip}, {"email", tag + "m@mail.net"}}
	doc := map[string]any{"native": r.name}
	for _, v := range values {
		set(doc, f.oracle.standards[r.sector], v[0], v[1])
		rev.left = append(rev.left, f.oracle.leave(r.sector, p.sheet, v[0], v[1], now)...)
	}
	var observables []map[string]string
	for _, o := range seen {
		observables = append(observables, map[string]string{"type": o[0], "value": o[1], "role": "other"})
		rev.left = append(rev.left, f.oracle.leave(r.sector, p.sheet, "observable."+o[0], o[1], now)...)
	}
	doc["observables"] = observables
	text, err := json.Marshal(doc)
	f.must(err)
	account, err := collect.Read(f.ctx(), strings.NewReader(string(text)), "case.json", collect.Options{Format: "report", Standard: p.Member.StandardFor(r.sector), Latest: now},
		func(c collect.Collected) error { return p.Intake.Add(f.ctx(), c) })
	f.must(err)
	if account.Lost() > 0 || len(p.Intake.Done.Failed) > 0 {
		f.t.Fatalf("seed %d: the random report is not taken: %+v %+v\n%s", f.seed, account, p.Intake.Done.Failed, text)
	}
	f.must(p.Intake.Flush(f.ctx()))
	d, err := p.Member.Outbox.Deliver(f.ctx())
	f.must(err)
	if len(r.revs) > 0 && d.Duplicate == 1 {
		return // nothing leaves that is new
	}
	if d.Accepted != 1 {
		f.t.Fatalf("seed %d, step %d: the hub answers %+v to %s of %s", f.seed, f.step, d, r.name, p)
	}
	entries, err := p.Member.Store.Entries(f.ctx(), 0, 1)
	f.must(err)
	r.id = entries[0].Items[0].Report
	rows, err := f.hub().Store.ByMember(f.ctx(), p.id, 0, 1)
	f.must(err)
	rev.seq = rows[0].Seq
	r.revs = append(r.revs, rev)
	for _, v := range append(values, seen...) {
		for _, found := range plantedIn(v[1]) {
			f.planted[found] = append(f.planted[found], rev)
		}
	}
	f.tell("%s tells %s, revision %d, in %s: %s", p, r.name, rev.n, r.sector, leftText(rev.left))
}

// set puts a value where a report's JSON has it.
func set(doc map[string]any, std *standard.Standard, path, value string) {
	parts := strings.Split(path, ".")
	for _, p := range parts[:len(parts)-1] {
		next, ok := doc[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			doc[p] = next
		}
		doc = next
	}
	var v any = value
	if fd, ok := std.Field(path); ok && fd.Many {
		v = []string{value}
	} else if ok && (fd.Type == standard.Integer || fd.Type == standard.Decimal) {
		v = json.Number(value)
	}
	doc[parts[len(parts)-1]] = v
}

// live are the reports that the hub has.
func (f *fate) live() []*account {
	return slices.DeleteFunc(slices.Clone(f.reports), func(r *account) bool { return r.gone })
}

// contributed is when a member's newest report that is there was received.
func (f *fate) contributed(p *party) (at time.Time) {
	for _, r := range f.live() {
		for _, rev := range r.revs {
			if r.by == p && rev.received.After(at) {
				at = rev.received
			}
		}
	}
	return at
}

// boundaries are the moments at which something may change.
func (f *fate) boundaries() (all []time.Time) {
	for _, p := range f.parties {
		all = append(all, p.until)
		own := f.contributed(p)
		for _, c := range p.sheet.Clauses {
			if c.From != "" {
				all = append(all, midnight(c.From))
			}
			if c.Until != "" {
				all = append(all, midnight(c.Until))
			}
			for _, r := range f.live() {
				for _, rev := range r.revs {
					if r.by == p && c.After != 0 {
						all = append(all, rev.received.Add(time.Duration(c.After)))
					}
					if r.by == p && c.Keep != 0 {
						all = append(all, rev.received.Add(time.Duration(c.Keep)))
					}
				}
			}
			for _, other := range f.parties {
				if within := c.When.ContributedWithin; within != 0 && other != p {
					all = append(all, f.contributed(other).Add(time.Duration(within)))
				}
			}
		}
		if p.sheet.Retention != 0 && !own.IsZero() {
			for _, r := range f.live() {
				if r.by == p {
					all = append(all, r.first.Add(time.Duration(p.sheet.Retention)))
				}
			}
		}
	}
	now := f.now()
	all = slices.DeleteFunc(all, func(t time.Time) bool { return !t.After(now.Add(time.Second)) || t.After(now.AddDate(0, 4, 0)) })
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// steps lets so many things happen, and stops at the first that is wrong.
func (f *fate) steps(n int) {
	for f.step = range n {
		f.happen()
		if len(f.wrong) > 0 {
			return
		}
	}
}

// randomSteps are how many trusts live for how long: as long as a person waits,
// and in CI ten trusts of a thousand steps; CONCORD_STEPS asks for so many.
func randomSteps() (seeds uint64, steps int) {
	total := 0
	if os.Getenv("CONCORD_CI") == "1" {
		total = 10_000
	}
	if asked, err := strconv.Atoi(os.Getenv("CONCORD_STEPS")); err == nil {
		total = asked
	}
	if total <= 0 {
		return 3, 150
	}
	return uint64(max(1, total/1000)), min(total, 1000)
}

// Whatever members of random terms do, and whenever somebody looks, no door
// shows more than the oracle allows; and feed, interface and TAXII show all that
// it does.
func TestNoDoorOfARandomTrustShowsMoreThanTheOracleAllows(t *testing.T) {
	seeds, steps := randomSteps()
	first := uint64(1)
	if s := os.Getenv("CONCORD_SEED"); s != "" {
		var err error
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
		seeds = 1
	}
	looked := map[string]int{}
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			f := newFate(t, seed)
			began := time.Now()
			f.steps(steps)
			t.Logf("%d steps in %s; found at %v", f.step+1, time.Since(began).Round(time.Millisecond), f.looked)
			for _, w := range f.wrong {
				t.Error(w)
			}
			for door, n := range f.looked {
				looked[door] += n
			}
		})
	}
	for _, door := range []string{"incident", "csv", "taxii", "misp", "pages"} {
		if looked[door] == 0 {
			t.Errorf("nothing was ever found at the door %s: this shows nothing", door)
		}
	}
}
