// Package sim simulates a trust: a world of incidents with its truth, and a
// whole trust in one process that reports and shares them.
//
//	Settings ──[New]──▶ World ──Documents──▶ what members report, in order of time
//	                      │                        │
//	                      └── truth ◀──[Score]── what the hub joined
//
//	Demo ──Run──▶ Trust: steward, hub, members over HTTP on loopback
//
// The world is deterministic by its seed: victims and losses are skewed,
// campaigns share infrastructure that rotates, benign noise is everywhere, and
// one event is told by victim, police and responder with different spellings
// and dates, late, corrected, on behalf of others, and sometimes malformed.
// Documents are streamed in bounded memory.
package sim

import (
	"container/heap"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Settings of a world.
type Settings struct {
	Seed    uint64
	Reports int
	Members int
	Sectors []string
	// Until is the end of the two years that are simulated.
	Until time.Time
}

// period is how long a world lasts.
const period = 730 * 24 * time.Hour

// World is a deterministic plan.
type World struct {
	settings  Settings
	begin     time.Time
	rhythm    rhythm
	parties   []Party
	victims   map[string]crowd
	standards map[string]*standard.Standard
}

// Document is one thing that a member sends.
type Document struct {
	Member int // index into Members
	Sector string
	// Native is the case number under which the member keeps it; the same for
	// a correction or the same report sent again.
	Native string
	JSON   []byte
	Sent   time.Time
	// Event is the truth: which event it tells of; −1 for a malformed one.
	Event int
	Kind  Kind
	// quarter in which it says that the incident happened.
	quarter string
}

// Kind says why a document is sent.
type Kind string

// The kinds of documents.
const (
	First      Kind = "first"
	Resend     Kind = "resend"
	Correction Kind = "correction"
	Malformed  Kind = "malformed"
)

// NilReport says that a member had nothing to report.
type NilReport struct {
	Member int
	Sector string
	Period string
}

// New plans a world.
func New(s Settings) (*World, error) {
	if s.Reports < 1 || s.Members < 3 {
		return nil, fault.New(fault.Usage, "sim.size", "a world has at least one report and three members")
	}
	w := &World{settings: s, begin: s.Until.UTC().Truncate(24 * time.Hour).Add(-period), victims: map[string]crowd{}, standards: map[string]*standard.Standard{}}
	for _, sector := range s.Sectors {
		std, err := standard.Builtin(standard.Ref(sector + "/1.0"))
		if err != nil {
			return nil, fault.New(fault.Usage, "sim.sector", "there is no sector %q to simulate; use finance, health or general", sector).Because(err)
		}
		w.standards[sector] = std
	}
	w.rhythm = newRhythm(w.random(streamRhythm, 0), w.begin, s.Sectors)
	w.parties = parties(s.Members, s.Sectors)
	for _, sector := range s.Sectors {
		w.victims[sector] = victims(s.Seed, sector, w.parties, s.Reports/len(s.Sectors))
	}
	return w, nil
}

// Members lists who takes part.
func (w *World) Members() []Party { return w.parties }

// random is the stream of one purpose: the same for the same seed, whatever
// else is drawn.
func (w *World) random(purpose, n uint64) *rand.Rand {
	return rand.New(rand.NewPCG(w.settings.Seed*0x9e3779b97f4a7c15+purpose, n))
}

// Streams of randomness.
const (
	streamEvents uint64 = iota + 1
	streamCampaigns
	streamNil
	streamRhythm
)

// documentsPerEvent is how many documents an event makes on average; a test
// holds it to what is drawn.
const documentsPerEvent = 1.5

// Documents yields exactly Settings.Reports documents in order of Sent.
func (w *World) Documents(yield func(Document) bool) {
	total := w.settings.Reports
	events := max(1, int(float64(total)/documentsPerEvent))
	var waiting queue
	sent := 0
	emit := func(until time.Time) bool {
		for len(waiting) > 0 && sent < total && !waiting[0].Sent.After(until) {
			d := heap.Pop(&waiting).(Document)
			sent++
			if !yield(d) {
				return false
			}
		}
		return sent < total
	}
	for i := 0; sent < total; i++ {
		at, surge := w.rhythm.moment(float64(i) / float64(events))
		for _, d := range w.event(i, at, surge) {
			heap.Push(&waiting, d)
		}
		switch {
		case i < events:
			if !emit(at) {
				return
			}
		case sent+len(waiting) >= total:
			// The two years are over: what is still on its way arrives.
			emit(w.settings.Until.Add(10 * period))
			return
		}
	}
}

// queue orders documents by when they are sent.
type queue []Document

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if !q[i].Sent.Equal(q[j].Sent) {
		return q[i].Sent.Before(q[j].Sent)
	}
	return q[i].Native < q[j].Native
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(Document)) }

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	d := old[len(old)-1]
	*q = old[:len(old)-1]
	return d
}

// NilReports are what members who report little, and had nothing to report of
// the last quarter that is over, say of it.
func (w *World) NilReports() []NilReport {
	running := quarterOf(w.settings.Until.UTC().Format("2006-01-02"))
	begins := time.Date(w.settings.Until.UTC().Year(), time.Month(3*int(running[6]-'0')-2), 1, 0, 0, 0, 0, time.UTC)
	quarter := quarterOf(begins.AddDate(0, 0, -1).Format("2006-01-02"))
	told := map[NilReport]bool{}
	for d := range w.Documents {
		told[NilReport{d.Member, d.Sector, d.quarter}] = true
	}
	r := w.random(streamNil, 0)
	var out []NilReport
	for m, p := range w.parties {
		if p.Kind != "university" && p.Kind != "institute" && r.IntN(12) != 0 {
			continue
		}
		for _, s := range p.Sectors {
			if n := (NilReport{m, s, quarter}); !told[n] {
				out = append(out, n)
			}
		}
	}
	return out
}

// quarterOf is the quarter of a date that tells its month at least.
func quarterOf(date string) string {
	month := int(date[5]-'0')*10 + int(date[6]-'0')
	return fmt.Sprintf("%s-Q%d", date[:4], (month+2)/3)
}

// Write writes all documents that are well formed, as `concord convert` would
// write them: "report", "csv" or "veris". The account says what a format could
// not carry.
func (w *World) Write(ctx context.Context, out io.Writer, format string) (mapping.Account, error) {
	writer, err := collect.NewWriter(out, format)
	if err != nil {
		return mapping.Account{}, err
	}
	documents, lines := io.Pipe()
	go func() {
		for d := range w.Documents {
			if d.Kind == Malformed {
				continue
			}
			if _, err := lines.Write(append(d.JSON, '\n')); err != nil {
				return // nobody reads any more
			}
		}
		lines.Close()
	}()
	defer documents.Close()
	account, err := collect.Read(ctx, documents, "simulated reports", collect.Options{Format: "report"}, writer.Write)
	if err != nil {
		return account, fmt.Errorf("write simulated reports: %w", err)
	}
	err = writer.Close()
	account.Merge(writer.Account())
	return account, err
}

// Score holds what was joined against the truth, over pairs of reports: the
// share of joined pairs that tell of one event, and the share of true pairs
// that were joined. Reports without truth are left out. It is linear: pairs are
// counted by group sizes.
func Score(incidents map[consolidate.ReportKey]wire.IncidentID, events map[consolidate.ReportKey]int) (precision, recall float64) {
	type cell struct {
		incident wire.IncidentID
		event    int
	}
	byIncident, byEvent, both := map[wire.IncidentID]int{}, map[int]int{}, map[cell]int{}
	for report, event := range events {
		incident, ok := incidents[report]
		if !ok {
			continue
		}
		byIncident[incident]++
		byEvent[event]++
		both[cell{incident, event}]++
	}
	joined, truth, right := pairs(byIncident), pairs(byEvent), pairs(both)
	if joined == 0 || truth == 0 {
		return 0, 0
	}
	return float64(right) / float64(joined), float64(right) / float64(truth)
}

func pairs[K comparable](count map[K]int) (n int) {
	for _, c := range count {
		n += c * (c - 1) / 2
	}
	return n
}
