package consolidate

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

var _ Reader = (*Room)(nil)

// Incident implements [Reader].
func (r *Room) Incident(ctx context.Context, id wire.IncidentID) (Told, error) {
	kept, err := r.Store.Incident(ctx, id)
	if err != nil {
		return Told{}, err
	}
	all, err := r.tell(ctx, r.newCounting(), []KeptIncident{kept}, "")
	if err != nil {
		return Told{}, err
	}
	return all[0], nil
}

// Incidents implements [Reader].
func (r *Room) Incidents(ctx context.Context, sector, before string, limit int) (page []Told, next string, err error) {
	after, err := readPlace(before)
	if err != nil {
		return nil, "", err
	}
	kept, places, err := r.Store.NewestIncidents(ctx, sector, after, limit)
	if err != nil {
		return nil, "", err
	}
	page, err = r.tell(ctx, r.newCounting(), kept, sector)
	return page, nextPlace(places, limit), err
}

// atOnce is how many incidents [Room.Each] holds in memory.
const atOnce = 200

// Each implements [Reader].
func (r *Room) Each(ctx context.Context, sector string, yield func(Told) error) error {
	counting := r.newCounting()
	var told bitset
	for after := wire.IncidentID(""); ; {
		kept, err := r.Store.IncidentsByID(ctx, sector, after, atOnce)
		if err != nil || len(kept) == 0 {
			return err
		}
		after = kept[len(kept)-1].ID
		all, err := r.tell(ctx, counting, leaveOut(kept, &told), sector)
		if err != nil {
			return err
		}
		for _, t := range all {
			if err := yield(t); err != nil {
				return err
			}
		}
	}
}

// leaveOut drops sources that were told already: between two pages a report
// can have moved into an incident further on.
func leaveOut(kept []KeptIncident, told *bitset) []KeptIncident {
	out := kept[:0]
	for _, k := range kept {
		k.Sources = slices.DeleteFunc(k.Sources, func(s Source) bool { return !told.add(s.Seq) })
		if len(k.Sources) > 0 {
			out = append(out, k)
		}
	}
	return out
}

// bitset is a set of sequence numbers.
type bitset []uint64

// add reports whether n is new.
func (b *bitset) add(n int64) bool {
	word, bit := int(n/64), uint64(1)<<(n%64)
	if word >= len(*b) {
		*b = append(*b, make([]uint64, word+1-len(*b))...)
	}
	fresh := (*b)[word]&bit == 0
	(*b)[word] |= bit
	return fresh
}

// Campaign implements [Reader].
func (r *Room) Campaign(ctx context.Context, id wire.CampaignID) (Campaign, error) {
	kept, err := r.Store.Campaign(ctx, id)
	if err != nil {
		return Campaign{}, err
	}
	return r.campaign(ctx, r.newCounting(), kept)
}

// Campaigns implements [Reader].
func (r *Room) Campaigns(ctx context.Context, sector, before string, limit int) (page []Campaign, next string, err error) {
	after, err := readPlace(before)
	if err != nil {
		return nil, "", err
	}
	kept, places, err := r.Store.NewestCampaigns(ctx, sector, after, limit)
	if err != nil {
		return nil, "", err
	}
	counting := r.newCounting()
	for _, k := range kept {
		c, err := r.campaign(ctx, counting, k)
		if err != nil {
			return nil, "", err
		}
		page = append(page, c)
	}
	return page, nextPlace(places, limit), nil
}

// OfReport implements [Reader].
func (r *Room) OfReport(ctx context.Context, id wire.ReportID, m wire.MemberID) (Incident, bool, error) {
	kept, ok, err := r.Store.IncidentOf(ctx, ReportKey{m, id})
	if err != nil || !ok {
		return Incident{}, false, err
	}
	i, err := r.incident(ctx, r.newCounting(), kept, "")
	return i, err == nil, err
}

// Cursor implements [Reader].
func (r *Room) Cursor(ctx context.Context) (int64, error) { return r.Store.Cursor(ctx) }

// Counts implements [Reader].
func (r *Room) Counts(ctx context.Context) (Counts, error) { return r.Store.CountConsolidated(ctx) }

// Membership calls yield for each report that stands in an incident, for
// measuring joins where the truth is known, and for checks.
func (r *Room) Membership(ctx context.Context, yield func(ReportKey, wire.IncidentID) error) error {
	return r.Store.Membership(ctx, yield)
}

// tell opens the reports of incidents. Of a sector, the incidents hold the
// reports of that sector alone. A report erased meanwhile is left out, and so
// is an incident of which nothing is left, unless it was the only one asked.
func (r *Room) tell(ctx context.Context, counting *counting, kept []KeptIncident, sector string) ([]Told, error) {
	var seqs []int64
	all := make([]Told, len(kept))
	for n, k := range kept {
		i, err := r.incident(ctx, counting, k, sector)
		if err != nil {
			return nil, err
		}
		all[n].Incident = i
		seqs = append(seqs, i.Seqs...)
	}
	slices.Sort(seqs)
	rows, err := r.Record.Rows(ctx, seqs)
	if err != nil {
		return nil, err
	}
	opened := make(map[int64]receive.Received, len(rows))
	for _, row := range rows {
		rec, err := r.Open(row)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		opened[row.Seq] = rec
	}
	for n := range all {
		for _, s := range all[n].Incident.Seqs {
			if rec, ok := opened[s]; ok {
				all[n].Reports = append(all[n].Reports, rec)
			}
		}
	}
	return slices.DeleteFunc(all, func(t Told) bool { return len(t.Reports) == 0 && len(all) > 1 }), nil
}

// incident is a kept incident as it is read for a sector, or as a whole.
func (r *Room) incident(ctx context.Context, counting *counting, k KeptIncident, sector string) (Incident, error) {
	i := Incident{ID: k.ID, Sector: k.Sector, Sectors: sectorsOf(k.Sources)}
	sources := k.Sources
	if sector != "" {
		i.Sector = sector
		sources = slices.DeleteFunc(slices.Clone(sources), func(s Source) bool { return s.Sector != sector })
	}
	in := map[int64]bool{}
	for _, s := range sources {
		i.Seqs = append(i.Seqs, s.Seq)
		in[s.Seq] = true
	}
	for _, l := range k.Links {
		if in[l.A] && in[l.B] {
			i.Links = append(i.Links, l)
		}
	}
	if k.Campaign != "" {
		i.Campaigns = []wire.CampaignID{k.Campaign}
	}
	i.Latest = latest(sources)
	var err error
	if i.Groups, err = counting.groups(ctx, sources); err != nil {
		return i, err
	}
	if i.next, err = counting.next(ctx, k.Sources); err != nil {
		return i, err
	}
	if len(sources) == len(k.Sources) {
		return i, nil
	}
	all, err := counting.groups(ctx, k.Sources)
	i.elsewhere = len(all) - len(i.Groups)
	return i, err
}

func (r *Room) campaign(ctx context.Context, counting *counting, k KeptCampaign) (c Campaign, err error) {
	c = Campaign{ID: k.ID, Sectors: sectorsOf(k.Sources), Incidents: k.Incidents, Tokens: k.Tokens, Latest: latest(k.Sources)}
	c.Groups, err = counting.groups(ctx, k.Sources)
	return c, err
}

func sectorsOf(sources []Source) []string {
	all := map[string]bool{}
	for _, s := range sources {
		all[s.Sector] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func latest(sources []Source) (t time.Time) {
	for _, s := range sources {
		if s.Received.After(t) {
			t = s.Received
		}
	}
	return t
}

// counting decides, within one answer, who counts as a contributor now.
type counting struct {
	members Members
	now     time.Time
	counts  map[wire.MemberID]time.Time // from when on
}

func (r *Room) newCounting() *counting {
	return &counting{members: r.Members, now: r.Now(), counts: map[wire.MemberID]time.Time{}}
}

// groups lists the contributors behind sources, ascending, without those whose
// reporter is on probation.
func (c *counting) groups(ctx context.Context, sources []Source) ([]string, error) {
	all := map[string]bool{}
	for _, s := range sources {
		from, err := c.from(ctx, s.Member)
		if err != nil {
			return nil, err
		}
		if !from.After(c.now) {
			all[s.Contributor] = true
		}
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// next is the first moment at which the reporter of a source counts that does
// not now; zero: all do.
func (c *counting) next(ctx context.Context, sources []Source) (next time.Time, err error) {
	for _, s := range sources {
		from, err := c.from(ctx, s.Member)
		if err != nil {
			return next, err
		}
		if from.After(c.now) && (next.IsZero() || from.Before(next)) {
			next = from
		}
	}
	return next, nil
}

// from is when a reporter counts from.
func (c *counting) from(ctx context.Context, id wire.MemberID) (time.Time, error) {
	from, known := c.counts[id]
	if !known {
		m, err := c.members.Member(ctx, id)
		if err != nil {
			return from, err
		}
		from = m.CountsFrom
		c.counts[id] = from
	}
	return from, nil
}

// readPlace reads a page's cursor, "SECONDS.ID".
func readPlace(text string) (Place, error) {
	if text == "" {
		return Place{}, nil
	}
	at, id, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || id == "" {
		return Place{}, fault.New(fault.Invalid, "page.cursor", "this is no page of the list; begin at its first page")
	}
	return Place{Latest: time.Unix(n, 0).UTC(), ID: id}, nil
}

// nextPlace writes the cursor of the page that follows, "" if there is none.
func nextPlace(places []Place, limit int) string {
	if len(places) == 0 || len(places) < limit {
		return ""
	}
	last := places[len(places)-1]
	return strconv.FormatInt(last.Latest.Unix(), 10) + "." + last.ID
}
