package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Demo is what `concord demo` runs: a whole trust on simulated or given
// reports.
type Demo struct {
	Seed    uint64
	Reports int
	// Imports are files in place of simulated reports.
	Imports []Import
	// Dir for everything; Listen for the hub.
	Dir, Listen string
	Log         *slog.Logger
	// Progress is told what happens, in words; nil for silence.
	Progress func(format string, args ...any)
	// placed, if set, is told of each imported report's native id and place.
	placed func(in Import, native string, key consolidate.ReportKey)
}

// Import is a file that members of one stake report.
type Import struct {
	Stake  member.Stake
	Format string
	File   string
	// Options adds what the format needs, such as a table's map.
	Options func(*collect.Options) error
	// Sector of all its reports; "" chooses by the victim's industry.
	Sector  string
	Members int
}

// Summary is what came of a demo; its fields are `demo --json`.
type Summary struct {
	Members   int `json:"members"`
	Submitted int `json:"reports_submitted"`
	Accepted  int `json:"reports_accepted"`
	// Duplicate counts the same report sent again, not another source's
	// report of the same event.
	Duplicate   int `json:"reports_duplicate"`
	Refused     int `json:"reports_refused"`
	Incidents   int `json:"incidents"`
	Campaigns   int `json:"campaigns"`
	Observables int `json:"observables"`
	Tokens      int `json:"tokens"`
	Releases    int `json:"releases"`
	Statistics  int `json:"statistics"`
	// JoinPrecision and JoinRecall hold the pairs of reports that were joined
	// against the simulation's truth; absent for given files.
	JoinPrecision *float64 `json:"join_precision,omitempty"`
	JoinRecall    *float64 `json:"join_recall,omitempty"`

	// Paradox is what flows of what members request; absent for given files.
	Paradox *Paradox `json:"paradox,omitempty"`

	// What follows is told in words only.
	ByStake  map[member.Stake]int `json:"-"`
	Joined   int                  `json:"-"` // reports in incidents of several
	Refusals map[string]int       `json:"-"` // reason → reports
	Figures  []Figures            `json:"-"`
	Made     []ReleaseLine        `json:"-"`
	NotMade  []node.SectorRelease `json:"-"` // of which no release could be made
	Took     time.Duration        `json:"-"`
}

// Figures says how much of a sector's statistics may be shown.
type Figures struct {
	Sector       string
	Shown, Cells int
}

// ReleaseLine tells of one release.
type ReleaseLine struct {
	ID                  wire.ReleaseID
	Sector              string
	Records, Suppressed int
	Withheld            map[string]int // reason → fields
}

// Run sets the trust up, has its members report, and consolidates, analyses
// and releases. The trust keeps serving until it is closed.
func (d Demo) Run(ctx context.Context) (*Trust, Summary, error) {
	start := time.Now()
	t, err := Open(ctx, d.Dir, d.Listen, d.Log)
	if err != nil {
		return nil, Summary{}, err
	}
	s, err := d.run(ctx, t)
	if err != nil {
		return nil, s, errors.Join(err, t.Close())
	}
	s.Took = time.Since(start)
	return t, s, nil
}

func (d Demo) say(format string, args ...any) {
	if d.Progress != nil {
		d.Progress(format, args...)
	}
}

func (d Demo) run(ctx context.Context, t *Trust) (Summary, error) {
	tally := newTally()
	var world *World
	var err error
	if len(d.Imports) == 0 {
		if world, err = New(Settings{Seed: d.Seed, Reports: d.Reports, Members: DefaultMembers, Sectors: []string{"finance", "health"}, Until: time.Now()}); err != nil {
			return Summary{}, err
		}
		err = d.simulate(ctx, t, world, tally)
	} else {
		err = d.importAll(ctx, t, tally)
	}
	if err != nil {
		return Summary{}, err
	}
	d.say("The hub joins what different members said of the same events …")
	if _, err := t.Hub.Consolidate.Run(ctx); err != nil {
		return Summary{}, err
	}
	d.say("It takes a snapshot for the statistics and makes releases …")
	if err := t.Hub.Snapshot(ctx); err != nil {
		return Summary{}, err
	}
	released, err := t.Hub.ReleaseEach(ctx)
	if err != nil {
		return Summary{}, err
	}
	s, err := d.summary(ctx, t, world, tally)
	if err == nil && world != nil {
		s.Paradox, err = d.reconcile(ctx, t)
	}
	for _, r := range released {
		if r.Release == nil && slices.ContainsFunc(t.Members, func(m *Seat) bool { return slices.Contains(m.Party.Sectors, r.Sector) }) {
			s.NotMade = append(s.NotMade, r)
		}
	}
	return s, err
}

// DefaultMembers of the simulated trust.
const DefaultMembers = 60

// workers is how many members report at a time.
const workers = 4

// tally counts what members did; it is safe for use by many goroutines.
type tally struct {
	mu        sync.Mutex
	submitted int
	accepted  int
	duplicate int
	refused   int
	byStake   map[member.Stake]int
	refusals  map[string]int
	// event of each report, by member and id.
	events map[consolidate.ReportKey]int
	done   atomic.Int64
}

func newTally() *tally {
	return &tally{byStake: map[member.Stake]int{}, refusals: map[string]int{}, events: map[consolidate.ReportKey]int{}}
}

// lost counts the records that a member could make no report of: they were
// refused at its own edge.
func (t *tally) lost(a mapping.Account) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused += a.Lost()
	if a.Lost() > 0 {
		for _, r := range a.InvalidByReason() {
			t.refusals[strings.TrimPrefix(r.Path+": "+r.Reason, ": ")] += r.Count
		}
	}
}

func (t *tally) deliver(d outbox.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted += d.Accepted
	t.duplicate += d.Duplicate
	t.refused += d.Refused
	for _, r := range d.Refusals {
		t.refusals[r.Reason]++
	}
}

// simulate has the world's members join and report.
func (d Demo) simulate(ctx context.Context, t *Trust, w *World, tally *tally) error {
	parties := w.Members()
	d.say("%d organisations join, each with its own keys and terms …", len(parties))
	for _, p := range parties {
		if _, err := t.Seat(ctx, p); err != nil {
			return err
		}
	}
	d.say("They collect, minimise, tokenise and submit %d reports over HTTP …", d.Reports)
	lanes := newLanes(ctx, t, tally, d)
	for doc := range w.Documents {
		if !lanes.put(doc) {
			break
		}
	}
	if err := lanes.wait(); err != nil {
		return err
	}
	for _, n := range w.NilReports() {
		if err := t.Members[n.Member].Nil(ctx, report.Nil{Sector: n.Sector, Period: n.Period}); err != nil {
			return err
		}
	}
	for _, s := range t.Members {
		if _, err := s.Send(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lanes spread members over workers, so that each member's reports keep their
// order.
type lanes struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	trust   *Trust
	tally   *tally
	demo    Demo
	work    sync.WaitGroup
	channel [workers]chan Document
}

func newLanes(ctx context.Context, t *Trust, tally *tally, d Demo) *lanes {
	l := &lanes{trust: t, tally: tally, demo: d}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	for i := range l.channel {
		l.channel[i] = make(chan Document, 64)
		l.work.Go(func() {
			if err := l.run(l.channel[i]); err != nil {
				l.cancel(err)
				for range l.channel[i] { // let the sender go on to see it
				}
			}
		})
	}
	return l
}

func (l *lanes) put(doc Document) bool {
	select {
	case <-l.ctx.Done():
		return false
	case l.channel[doc.Member%workers] <- doc:
		return true
	}
}

func (l *lanes) wait() error {
	for _, c := range l.channel {
		close(c)
	}
	l.work.Wait()
	err := context.Cause(l.ctx)
	l.cancel(nil)
	return err
}

// portion is how many documents of a member are collected together.
const portion = 100

func (l *lanes) run(in <-chan Document) error {
	waiting := map[int][]Document{}
	for doc := range in {
		waiting[doc.Member] = append(waiting[doc.Member], doc)
		if len(waiting[doc.Member]) == portion {
			if err := l.tell(doc.Member, waiting[doc.Member]); err != nil {
				return err
			}
			waiting[doc.Member] = nil
		}
	}
	for m, docs := range waiting {
		if err := l.tell(m, docs); err != nil {
			return err
		}
	}
	return l.ctx.Err()
}

// tell has a member collect, queue and send documents, as from a file.
func (l *lanes) tell(m int, docs []Document) error {
	if len(docs) == 0 {
		return nil
	}
	seat := l.trust.Members[m]
	var file bytes.Buffer
	events := map[string]int{}
	for _, doc := range docs {
		file.Write(bytes.TrimSpace(doc.JSON))
		file.WriteByte('\n')
		if doc.Native != "" {
			events[doc.Native] = doc.Event
		}
	}
	id := seat.Member.Agreement.Member.ID
	seat.Intake.Placed = func(native string, p outbox.Placed) {
		l.tally.mu.Lock()
		defer l.tally.mu.Unlock()
		if event, ok := events[native]; ok && event >= 0 {
			l.tally.events[consolidate.ReportKey{Member: id, Report: p.Report}] = event
		}
	}
	before := seat.Intake.Done
	account, err := seat.Tell(l.ctx, &file, "cases.jsonl", "report")
	if err != nil {
		return err
	}
	delivery, err := seat.Send(l.ctx)
	if err != nil {
		return err
	}
	l.tally.lost(account)
	l.tally.count(seat, len(docs), before, delivery)
	if n := l.tally.done.Add(int64(len(docs))); n/1000 != (n-int64(len(docs)))/1000 {
		l.demo.say("  %d of %d reports sent", n, l.demo.Reports)
	}
	return nil
}

// count adds a seat's intake since before, and what was delivered.
func (t *tally) count(seat *Seat, submitted int, before node.Submission, delivery outbox.Delivery) {
	now := seat.Intake.Done
	t.deliver(delivery)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.submitted += submitted
	t.byStake[seat.Party.Stake] += submitted
	for _, f := range now.Failed[len(before.Failed):] {
		t.refused++
		t.refusals[f.Reason]++
	}
}

// ImportSectors are the sectors in which given files are reported.
func ImportSectors() []string { return []string{"finance", "health", "general"} }

// importAll has members of the stakes given report the files.
func (d Demo) importAll(ctx context.Context, t *Trust, tally *tally) error {
	sectors := ImportSectors()
	var groups [][]*Seat
	stakes := map[member.Stake]bool{}
	seat := func(stake member.Stake, n int) (*Seat, error) {
		kinds := map[member.Stake]member.Kind{member.Industry: "firm", member.LawEnforcement: "police", member.Research: "university"}
		return t.Seat(ctx, Party{Name: fmt.Sprintf("%s %d", strings.ToUpper(string(stake[:1]))+string(stake[1:]), n), Stake: stake, Kind: kinds[stake],
			OwnerGroup: wire.OwnerGroup(fmt.Sprintf("g-%s-%d", stake, n)), Sectors: sectors, Terms: "default"})
	}
	for g, in := range d.Imports {
		var group []*Seat
		for i := range in.Members {
			s, err := seat(in.Stake, 100*(g+1)+i+1)
			if err != nil {
				return err
			}
			group = append(group, s)
		}
		groups = append(groups, group)
		stakes[in.Stake] = true
	}
	for _, s := range member.Stakes() {
		if !stakes[s] { // somebody of each stake looks at the result
			if _, err := seat(s, 1); err != nil {
				return err
			}
		}
	}
	d.say("%d organisations have joined.", len(t.Members))
	for g, in := range d.Imports {
		if err := d.importOne(ctx, in, groups[g], tally); err != nil {
			if fault.Public(err).Path != "" { // it says where
				return err
			}
			return fmt.Errorf("import %s: %w", in.File, err)
		}
	}
	return nil
}

func (d Demo) importOne(ctx context.Context, in Import, seats []*Seat, tally *tally) error {
	f, err := os.Open(in.File)
	if err != nil {
		return fault.New(fault.Usage, "import.unreadable", "the file cannot be read").At(in.File).Because(err)
	}
	defer f.Close()
	d.say("Of the stake %s, members that report %s: %d …", in.Stake, in.File, len(seats))
	options := collect.Options{Format: in.Format, Latest: time.Now(), Standard: func(r report.Report) standard.Ref {
		if in.Sector != "" {
			return seats[0].Member.StandardFor(in.Sector)(r)
		}
		return seats[0].Member.StandardFor("")(r)
	}}
	if in.Options != nil {
		if err := in.Options(&options); err != nil {
			return err
		}
	}
	n := 0
	counts := make([]int, len(seats))
	before := make([]node.Submission, len(seats))
	for i, s := range seats {
		before[i] = s.Intake.Done
		if d.placed != nil {
			s.Intake.Placed = func(native string, p outbox.Placed) {
				d.placed(in, native, consolidate.ReportKey{Member: s.Member.Agreement.Member.ID, Report: p.Report})
			}
		}
	}
	account, err := collect.Read(ctx, io.Reader(f), in.File, options, func(c collect.Collected) error {
		k := keeper(c.Report(), len(seats))
		counts[k]++
		if n++; n%1000 == 0 {
			d.say("  %d reports collected", n)
		}
		return seats[k].Intake.Add(ctx, c)
	})
	if err != nil {
		return err
	}
	for i, s := range seats {
		delivery, err := s.Send(ctx)
		if err != nil {
			return err
		}
		tally.count(s, counts[i], before[i], delivery)
	}
	tally.mu.Lock()
	tally.submitted += account.Lost()
	tally.byStake[in.Stake] += account.Lost()
	tally.mu.Unlock()
	tally.lost(account)
	return nil
}

// keeper chooses the reporter by the victim, so that a victim keeps its
// reporter however its name is spelled; without a victim, by the case.
func keeper(r report.Report, n int) int {
	key, ok := observable.Canonical(observable.Organisation, r.Value("victim.victim_id"))
	if !ok {
		key = r.Native
	}
	h := uint32(2166136261)
	for _, b := range []byte(key) {
		h = (h ^ uint32(b)) * 16777619
	}
	return int(h % uint32(n))
}

// summary gathers what came of it.
func (d Demo) summary(ctx context.Context, t *Trust, w *World, tally *tally) (Summary, error) {
	s := Summary{Members: len(t.Members), Submitted: tally.submitted, Accepted: tally.accepted, Duplicate: tally.duplicate, Refused: tally.refused,
		ByStake: tally.byStake, Refusals: tally.refusals}
	n, err := t.Hub.Consolidate.Counts(ctx)
	if err != nil {
		return s, err
	}
	s.Incidents, s.Campaigns, s.Observables, s.Tokens = n.Incidents, n.Campaigns, n.Observables, n.Tokens
	if s.Releases, err = t.Hub.Store.CountReleases(ctx); err != nil {
		return s, err
	}
	if err := d.figures(ctx, t, &s); err != nil {
		return s, err
	}
	incidents := map[consolidate.ReportKey]wire.IncidentID{}
	size := map[wire.IncidentID]int{}
	if err := t.Hub.Consolidate.Membership(ctx, func(k consolidate.ReportKey, i wire.IncidentID) error {
		incidents[k] = i
		size[i]++
		return nil
	}); err != nil {
		return s, err
	}
	for _, count := range size {
		if count > 1 {
			s.Joined += count
		}
	}
	if w != nil {
		p, r := Score(incidents, tally.events)
		s.JoinPrecision, s.JoinRecall = &p, &r
	}
	return s, nil
}

// figures counts statistics and releases as a member of the first stake sees
// them.
func (d Demo) figures(ctx context.Context, t *Trust, s *Summary) error {
	for _, sector := range t.Hub.Deliver.Sectors {
		i := slices.IndexFunc(t.Members, func(m *Seat) bool { return slices.Contains(m.Party.Sectors, sector.Name) })
		if i < 0 {
			continue
		}
		m, err := t.Hub.Store.Member(ctx, t.Members[i].Member.Agreement.Member.ID)
		if err != nil {
			return err
		}
		tables, err := t.Hub.Analyse.Tables(ctx, sector.Name, member.Viewer{Member: m, Purpose: member.Defend, At: time.Now()})
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
		s.Statistics += len(tables)
		for _, table := range tables {
			if table.Name == "action-by-quarter" {
				s.Figures = append(s.Figures, Figures{sector.Name, table.Shown, table.Cells})
			}
		}
		made, err := t.Hub.Store.Releases(ctx, sector.Name)
		if err != nil {
			return err
		}
		for _, r := range made {
			line := ReleaseLine{r.ID, r.Sector, r.Records, r.Suppressed, map[string]int{}}
			for _, why := range r.Withheld {
				line.Withheld[why]++
			}
			s.Made = append(s.Made, line)
		}
	}
	return nil
}
