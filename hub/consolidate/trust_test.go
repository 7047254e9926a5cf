package consolidate_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// token stands for what a steward would make of a name.
func token(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func id[T ~string](prefix byte, name string) T {
	sum := sha256.Sum256([]byte(name))
	return wire.IDFrom[T](prefix, [16]byte(sum[:16]))
}

// telling is a report as a test writes it: names stand for tokens.
type telling struct {
	member, report string
	revision       int
	sector         string // finance if empty
	victim         string
	date           string
	records        string // a number or a band
	onBehalf       string
	seen           []string // "type name", or "type name!" for a common one
}

func (tl telling) minimised() report.Minimised {
	m := report.Minimised{
		ID: id[wire.ReportID]('r', tl.member+tl.report), Revision: tl.revision, Sector: cmp.Or(tl.sector, "finance"), Standard: "core/1.0",
	}
	if tl.onBehalf != "" {
		m.OnBehalf = token("org " + tl.onBehalf)
	}
	if tl.victim != "" {
		m.Said = append(m.Said, report.Said{Path: "victim.victim_id", Form: standard.Form{Kind: standard.Token}, Value: token("org " + tl.victim)})
	}
	if tl.date != "" {
		m.Said = append(m.Said, report.Said{Path: "timeline.incident", Form: standard.Form{Kind: standard.Generalised, Level: "day"}, Value: tl.date})
	}
	if tl.records != "" {
		form := standard.Form{Kind: standard.Exact}
		if strings.Contains(tl.records, "..") {
			form = standard.Form{Kind: standard.Generalised, Level: "half-decade"}
		}
		m.Said = append(m.Said, report.Said{Path: "attribute.confidentiality.data_total", Form: form, Value: tl.records})
	}
	for _, s := range tl.seen {
		typ, name, _ := strings.Cut(s, " ")
		o := report.Seen{Type: typ, Token: token(strings.TrimSuffix(name, "!"))}
		if strings.HasSuffix(name, "!") {
			o.Common = "public resolvers"
		}
		m.Observables = append(m.Observables, o)
	}
	return m
}

// rows is a record in memory, for tests of the room alone.
type rows []receive.Row

func (r rows) After(_ context.Context, seq int64, limit int) ([]receive.Row, error) {
	i := int(min(seq, int64(len(r))))
	return r[i:min(len(r), i+limit)], nil
}

func (r rows) Rows(_ context.Context, seqs []int64) (out []receive.Row, err error) {
	for _, s := range seqs {
		if s >= 1 && s <= int64(len(r)) {
			out = append(out, r[s-1])
		}
	}
	return out, nil
}

// organisations answers for members: a member "m/g" belongs to group "g".
type organisations map[wire.MemberID]member.Member

func (o organisations) Member(_ context.Context, id wire.MemberID) (member.Member, error) {
	m, ok := o[id]
	if !ok {
		return m, fault.New(fault.NotFound, "member.not_found", "there is no such member")
	}
	return m, nil
}

// trust is a room over a real store, with a record in memory.
type trust struct {
	t       testing.TB
	ctx     context.Context
	key     *receive.RecordKey
	store   *store.Hub
	members organisations
	record  rows
	room    *consolidate.Room
}

func newTrust(t testing.TB) *trust {
	t.Helper()
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{7}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	hub, err := store.OpenHub(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	tr := &trust{t: t, ctx: t.Context(), key: key, store: hub, members: organisations{}}
	tr.room = tr.newRoom()
	return tr
}

func (tr *trust) newRoom() *consolidate.Room {
	return &consolidate.Room{
		Record: tr, Open: func(r receive.Row) (receive.Received, error) { return receive.Restore(tr.key, r) },
		Store: tr.store, Members: tr.members, Key: []byte("ids"), Now: func() time.Time { return epoch },
	}
}

func (tr *trust) After(ctx context.Context, seq int64, limit int) ([]receive.Row, error) {
	return tr.record.After(ctx, seq, limit)
}

func (tr *trust) Rows(ctx context.Context, seqs []int64) ([]receive.Row, error) {
	return tr.record.Rows(ctx, seqs)
}

// zeros is randomness for tests: keys need not be secret there.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// tell appends reports to the record. A member "police/state" belongs to the
// owner group "state", one without a slash to its own.
func (tr *trust) tell(all ...telling) {
	for _, tl := range all {
		tr.append(tl)
		last := &tr.record[len(tr.record)-1]
		for i, r := range tr.record[:len(tr.record)-1] {
			if r.Member == last.Member && r.Report == last.Report {
				tr.record[i].Superseded = true
			}
		}
	}
}

// tellAll is tell for many reports without corrections.
func (tr *trust) tellAll(all []telling) {
	for _, tl := range all {
		tr.append(tl)
	}
}

func (tr *trust) append(tl telling) {
	_, group, ok := strings.Cut(tl.member, "/")
	if !ok {
		group = tl.member
	}
	m := id[wire.MemberID]('m', tl.member)
	if _, known := tr.members[m]; !known {
		tr.members[m] = member.Member{ID: m, OwnerGroup: wire.OwnerGroup("g-" + group), CountsFrom: epoch.Add(-time.Hour)}
	}
	body := tl.minimised()
	row, err := tr.key.Seal(receive.Row{
		Contribution: "c-1", Report: body.ID, Revision: body.Revision, Member: m, OwnerGroup: wire.OwnerGroup("g-" + group),
		Agreement: "a-1", Sector: body.Sector, Standard: string(body.Standard),
		Received: epoch.Add(time.Duration(len(tr.record)) * time.Minute),
	}, body, zeros{})
	if err != nil {
		tr.t.Fatal(err)
	}
	row.Seq = int64(len(tr.record) + 1)
	tr.record = append(tr.record, row)
}

// forget empties record and store.
func (tr *trust) forget() {
	tr.record = nil
	if err := tr.store.Update(tr.ctx, func(w consolidate.Workbench) error { return w.Clear() }); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *trust) run() consolidate.Progress {
	tr.t.Helper()
	p, err := tr.room.Run(tr.ctx)
	if err != nil {
		tr.t.Fatal(err)
	}
	return p
}

// incidents reads all incidents of a sector as sets of "member report".
func (tr *trust) each(sector string) (all []consolidate.Told) {
	tr.t.Helper()
	err := tr.room.Each(tr.ctx, sector, func(t consolidate.Told) error { all = append(all, t); return nil })
	if err != nil {
		tr.t.Fatal(err)
	}
	return all
}

// partition is who stands with whom: a line per incident, in order.
func (tr *trust) partition() string {
	tr.t.Helper()
	in := map[wire.IncidentID][]string{}
	err := tr.room.Membership(tr.ctx, func(k consolidate.ReportKey, i wire.IncidentID) error {
		in[i] = append(in[i], string(k.Report[:8]))
		return nil
	})
	if err != nil {
		tr.t.Fatal(err)
	}
	var lines []string
	for _, reports := range in {
		slices.Sort(reports)
		lines = append(lines, strings.Join(reports, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// campaigns tells all campaigns by the reports in them and their tokens.
func (tr *trust) campaigns() string {
	tr.t.Helper()
	var lines []string
	for before := ""; ; {
		page, next, err := tr.room.Campaigns(tr.ctx, "finance", before, 3)
		if err != nil {
			tr.t.Fatal(err)
		}
		for _, c := range page {
			var reports []string
			for _, i := range c.Incidents {
				told, err := tr.room.Incident(tr.ctx, i)
				if err != nil {
					tr.t.Fatal(err)
				}
				for _, r := range told.Reports {
					reports = append(reports, string(r.Row().Report[:8]))
				}
			}
			slices.Sort(reports)
			lines = append(lines, fmt.Sprint(reports, c.Tokens, c.Groups, c.Sectors))
		}
		if before = next; next == "" {
			break
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// everything tells all that the room derived, ids included.
func (tr *trust) everything() string {
	tr.t.Helper()
	var b strings.Builder
	for _, sector := range []string{"finance", "health"} {
		for _, t := range tr.each(sector) {
			fmt.Fprintf(&b, "%+v\n", t.Incident)
		}
		page, _, err := tr.room.Campaigns(tr.ctx, sector, "", 1000)
		if err != nil {
			tr.t.Fatal(err)
		}
		for _, c := range page {
			fmt.Fprintf(&b, "%+v\n", c)
		}
	}
	counts, err := tr.room.Counts(tr.ctx)
	if err != nil {
		tr.t.Fatal(err)
	}
	cursor, err := tr.room.Cursor(tr.ctx)
	if err != nil {
		tr.t.Fatal(err)
	}
	fmt.Fprintf(&b, "%+v %d", counts, cursor)
	return b.String()
}

func (tr *trust) incidentOf(member, rep string) consolidate.Incident {
	tr.t.Helper()
	i, ok, err := tr.room.OfReport(tr.ctx, id[wire.ReportID]('r', member+rep), id[wire.MemberID]('m', member))
	if err != nil || !ok {
		tr.t.Fatalf("report %s of %s stands in no incident: %v", rep, member, err)
	}
	return i
}

// lines writes clusters as partition does.
func lines(clusters []linkage.Cluster, name map[int64]string) string {
	var all []string
	for _, c := range clusters {
		var names []string
		for _, n := range c.Reports {
			names = append(names, name[n])
		}
		slices.Sort(names)
		all = append(all, strings.Join(names, " "))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}
