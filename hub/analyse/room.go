package analyse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Rules finds the terms under which a report was contributed.
type Rules interface {
	Of(ctx context.Context, r receive.Received) (*terms.Rules, error)
}

// Snapshots keeps snapshots. They are derived: dropped and taken again at
// will. The bytes are this room's own encoding.
type Snapshots interface {
	// AddSnapshot stores a snapshot durably.
	AddSnapshot(ctx context.Context, id, sector string, taken time.Time, data []byte) error
	// LatestSnapshot returns the newest snapshot of a sector, or
	// fault.NotFound.
	LatestSnapshot(ctx context.Context, sector string) (id string, data []byte, err error)
	// CountSnapshots counts the sectors that have a snapshot.
	CountSnapshots(ctx context.Context) (int, error)
}

// Members finds out since when an owner group counts.
type Members interface {
	Member(ctx context.Context, id wire.MemberID) (member.Member, error)
}

// Nils reads who had nothing to report.
type Nils interface {
	NilReports(ctx context.Context, sector string, m wire.MemberID) ([]receive.NilRow, error)
}

// Room takes snapshots and answers with protected tables of the newest.
type Room struct {
	Told      consolidate.Reader
	Rules     Rules
	Members   Members
	Nils      Nils
	Snapshots Snapshots
	Standards func(standard.Ref) (*standard.Standard, error)
	Policies  map[string]Policy // by sector
	// Mark, if set, names all that was taken back of a sector: reports, and
	// terms. A snapshot taken before the mark changed is answered no more.
	Mark func(ctx context.Context, sector string) (string, error)
	Now  func() time.Time
}

// purposes for which figures are made: a statement is counted for a stake if
// its terms let a member of that stake at least count it for one of these. One
// set of figures serves them all: two that differ by one incident would tell
// it to whoever holds both purposes.
var purposes = []member.Purpose{member.Benchmark, member.Study, member.Defend, member.Investigate}

// Take makes a new snapshot of the sector and stores it.
func (r *Room) Take(ctx context.Context, sector string) (Snapshot, error) {
	policy, ok := r.Policies[sector]
	if !ok {
		return Snapshot{}, fault.New(fault.NotFound, "sector.not_found", "there is no sector %q", sector)
	}
	// The mark is read before what it speaks of: a recall meanwhile makes the
	// snapshot old, never new.
	mark, err := r.mark(ctx, sector)
	if err != nil {
		return Snapshot{}, err
	}
	cursor, err := r.Told.Cursor(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	now := r.Now().UTC().Truncate(time.Second)
	tally := newTally(sector, policy.MinOwnerGroups, now)
	taking := taking{room: r, tally: tally, members: map[wire.MemberID]member.Member{}, readers: map[readerKey][]reader{}}
	err = r.Told.Each(ctx, sector, func(told consolidate.Told) error { return taking.tell(ctx, told) })
	if err != nil {
		return Snapshot{}, err
	}
	nils, err := r.Nils.NilReports(ctx, sector, "")
	if err != nil {
		return Snapshot{}, err
	}
	for _, n := range nils {
		m, counts, err := taking.member(ctx, n.Member)
		if err != nil {
			return Snapshot{}, err
		}
		if counts {
			tally.reported(m.Stake, string(m.OwnerGroup), string(m.OwnerGroup))
		}
	}
	s := tally.snapshot()
	s.ID = fmt.Sprintf("%s-%s", sector, now.Format("20060102T150405Z"))
	s.Taken, s.Cursor, s.mark, s.until = now, cursor, mark, taking.until
	data, err := encode(s)
	if err != nil {
		return Snapshot{}, err
	}
	return s, r.Snapshots.AddSnapshot(ctx, s.ID, sector, now, data)
}

// readerKey names a set of decision tables: they are the same for all reports
// of a member under one agreement and standard.
type readerKey struct {
	member    wire.MemberID
	agreement wire.AgreementID
	standard  string
}

// reader decides what may be counted for one stake.
type reader struct {
	stake  member.Stake
	tables []terms.Table
}

// counts decides at a moment which paths clauses let be counted, and what they
// ask for: of several that let it, the one that asks least.
func (rd reader) counts(m terms.Moment) counting {
	return func(path string) (least int, ok bool) {
		for _, t := range rd.tables {
			if n, granted := t.Groups(path, counted, m); granted && (!ok || n < least) {
				least, ok = n, true
			}
		}
		return least, ok
	}
}

// counted is the form in which a figure holds a statement: whatever is granted,
// is granted in that form.
var counted = standard.Form{Kind: standard.Counted}

// ends is the first moment after m at which it lets less be counted; zero:
// never. What may be counted later waits for the next snapshot.
func (rd reader) ends(m terms.Moment) (end time.Time) {
	for _, t := range rd.tables {
		end = sooner(end, narrows(t, m))
	}
	return end
}

// narrows is the first moment after m at which a table lets a field be counted
// no more that it lets be counted at m, or asks for more.
func narrows(t terms.Table, m terms.Moment) time.Time {
	next := t.Next(m)
	if next.IsZero() {
		return next
	}
	asked := map[string]int{}
	for _, path := range t.At(m).Paths() {
		if least, ok := t.Groups(path, counted, m); ok {
			asked[path] = least
		}
	}
	for ; !next.IsZero() && len(asked) > 0; next = t.Next(m) {
		m.Now = next
		for path, before := range asked {
			if least, ok := t.Groups(path, counted, m); !ok || least > before {
				return next
			}
		}
	}
	return time.Time{}
}

// sooner is the first of two moments, of which zero is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// taking is a snapshot in the making.
type taking struct {
	room    *Room
	tally   *tally
	members map[wire.MemberID]member.Member
	readers map[readerKey][]reader
	// until is when less may be counted.
	until time.Time
}

// member finds a reporter, and whether it counts yet: one on probation is
// neither counted nor a contributor.
func (k *taking) member(ctx context.Context, id wire.MemberID) (m member.Member, counts bool, err error) {
	m, known := k.members[id]
	if !known {
		if m, err = k.room.Members.Member(ctx, id); err != nil {
			return m, false, err
		}
		k.members[id] = m
	}
	return m, !m.CountsFrom.After(k.tally.now), nil
}

// tell adds an incident to the tally: for each stake, what that stake may
// count of its reports.
func (k *taking) tell(ctx context.Context, told consolidate.Told) error {
	tellings := map[member.Stake]*telling{}
	for _, rep := range told.Reports {
		row := rep.Row()
		m, counts, err := k.member(ctx, row.Member)
		if err != nil {
			return err
		}
		if !counts {
			continue
		}
		from := source{contributor: string(row.OwnerGroup), reporter: string(row.OwnerGroup)}
		if on := rep.Report().OnBehalf; on != "" {
			from.contributor = "on behalf " + on
		}
		k.tally.reported(m.Stake, from.contributor, from.reporter)
		if from.std, err = k.room.Standards(standard.Ref(row.Standard)); err != nil {
			return err
		}
		readers, err := k.readersOf(ctx, rep)
		if err != nil {
			return err
		}
		for _, rd := range readers {
			if tellings[rd.stake] == nil {
				tellings[rd.stake] = newTelling()
			}
			m := terms.Moment{Received: row.Received, Now: k.tally.now, Groups: told.Incident.Behind()}
			tellings[rd.stake].hear(from, rep.Report(), rd.counts(m))
			k.until = sooner(k.until, rd.ends(m))
		}
	}
	for stake, t := range tellings {
		k.tally.add(stake, t)
	}
	return nil
}

func (k *taking) readersOf(ctx context.Context, rep receive.Received) ([]reader, error) {
	row := rep.Row()
	key := readerKey{row.Member, row.Agreement, row.Standard}
	if readers, ok := k.readers[key]; ok {
		return readers, nil
	}
	rules, err := k.room.Rules.Of(ctx, rep)
	if err != nil {
		return nil, err
	}
	var readers []reader
	for _, s := range member.Stakes() {
		rd := reader{stake: s}
		for _, p := range purposes {
			rd.tables = append(rd.tables, rules.For(member.Viewer{Member: member.Member{Stake: s, Sectors: []string{row.Sector}}, Purpose: p}, row.Sector))
		}
		readers = append(readers, rd)
	}
	k.readers[key] = readers
	return readers, nil
}

// Tables returns the protected tables of the sector's newest snapshot for a
// viewer.
func (r *Room) Tables(ctx context.Context, sector string, v member.Viewer) ([]Table, error) {
	s, err := r.latest(ctx, sector)
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, raw := range s.byStake[string(v.Member.Stake)] {
		if t, ok := Protect(s, raw.Name, string(v.Member.Stake), string(v.Member.OwnerGroup), r.Policies[sector]); ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// Reporting tells how many owner groups reported, by stake, in bands and
// without the viewer's.
func (r *Room) Reporting(ctx context.Context, sector string, v member.Viewer) (map[string]string, error) {
	s, err := r.latest(ctx, sector)
	if err != nil {
		return nil, err
	}
	viewer, out := string(v.Member.OwnerGroup), map[string]string{}
	for _, stake := range member.Stakes() {
		var all rawCell
		all.count(s.reporting[string(stake)])
		n, least := len(all.others(viewer)), r.Policies[sector].MinOwnerGroups
		if out[string(stake)] = Band(n); n < least {
			out[string(stake)] = fmt.Sprintf("fewer than %d", least)
		}
	}
	return out, nil
}

func (r *Room) latest(ctx context.Context, sector string) (Snapshot, error) {
	mark, err := r.mark(ctx, sector)
	if err != nil {
		return Snapshot{}, err
	}
	_, data, err := r.Snapshots.LatestSnapshot(ctx, sector)
	if err != nil {
		return Snapshot{}, err
	}
	s := Snapshot{}
	if len(data) > 0 {
		if s, err = decode(data); err != nil {
			return Snapshot{}, err
		}
	}
	over := !s.until.IsZero() && !r.Now().Before(s.until)
	if len(data) == 0 || s.mark != mark || over {
		return Snapshot{}, fault.New(fault.NotFound, "statistics.retaken", "the statistics of the sector %s are made anew, since something of what they rested on was taken back; ask again in a moment", sector)
	}
	return s, nil
}

func (r *Room) mark(ctx context.Context, sector string) (string, error) {
	if r.Mark == nil {
		return "", nil
	}
	return r.Mark(ctx, sector)
}

// Stale lists the sectors whose statistics are answered no more, since
// something of what they rest on was taken back: they are to be taken anew.
func (r *Room) Stale(ctx context.Context) (sectors []string, err error) {
	for sector := range r.Policies {
		_, err := r.latest(ctx, sector)
		if f := fault.Public(err); err != nil && f.Kind != fault.NotFound {
			return nil, err
		} else if err != nil && f.Code == "statistics.retaken" {
			sectors = append(sectors, sector)
		}
	}
	slices.Sort(sectors)
	return sectors, nil
}
