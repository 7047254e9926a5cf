package deliver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var now = time.Date(2026, 2, 10, 9, 0, 0, 0, time.UTC)

// token stands for what a steward would make of a value.
func token(value string) string {
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func id[T ~string](prefix byte, name string) T {
	sum := sha256.Sum256([]byte(name))
	return wire.IDFrom[T](prefix, [16]byte(sum[:16]))
}

// fatal is what a test and a property have in common.
type fatal interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// sending is one report: exact values, before its member's terms.
type sending struct {
	member   string // "name" or "name/group"
	onBehalf string
	sector   string // finance if empty
	says     [][2]string
	seen     []report.Seen // with values
}

// trust holds incidents and campaigns for the room to answer from.
type trust struct {
	t         fatal
	std       *standard.Standard
	key       *receive.RecordKey
	rules     map[wire.MemberID]*terms.Rules
	members   map[wire.MemberID]member.Member
	rows      []receive.Row
	incidents []consolidate.Told
	campaigns []consolidate.Campaign
	room      *deliver.Room
}

func newTrust(t fatal) *trust {
	t.Helper()
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		t.Fatal(err)
	}
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{7}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	tr := &trust{t: t, std: std, key: key, rules: map[wire.MemberID]*terms.Rules{}, members: map[wire.MemberID]member.Member{}}
	tr.room = &deliver.Room{Told: tr, Reports: tr, Open: func(r receive.Row) (receive.Received, error) { return receive.Restore(key, r) },
		Rules: tr, Releases: tr, Members: tr, Standards: standard.Builtin, AudienceKey: []byte("audience"),
		Sectors: []deliver.Sector{{Name: "finance", Title: "Finance", MinOwnerGroups: 5}, {Name: "health", Title: "Health", MinOwnerGroups: 6}}}
	return tr
}

// join registers a member of the sectors under a sheet.
func (tr *trust) join(name string, stake member.Stake, sheet *terms.Sheet, sectors ...string) member.Member {
	tr.t.Helper()
	m := id[wire.MemberID]('m', name)
	_, group, ok := strings.Cut(name, "/")
	if !ok {
		group = name
	}
	rules, err := terms.Compile(sheet, tr.std)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.rules[m] = rules
	tr.members[m] = member.Member{ID: m, Stake: stake, Kind: "firm", OwnerGroup: wire.OwnerGroup("group-of-" + group), Sectors: sectors}
	return tr.members[m]
}

// bank registers a firm in finance under the default terms.
func (tr *trust) bank(name string) member.Member {
	tr.t.Helper()
	if m, ok := tr.members[id[wire.MemberID]('m', name)]; ok {
		return m
	}
	return tr.join(name, member.Industry, builtin(tr.t, "default"), "finance")
}

func builtin(t fatal, name string) *terms.Sheet {
	t.Helper()
	sheet, err := terms.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return sheet
}

// leave is what leaves the member of a report.
func (tr *trust) leave(s sending) report.Minimised {
	tr.t.Helper()
	rules := tr.rules[id[wire.MemberID]('m', s.member)]
	body := report.Minimised{ID: id[wire.ReportID]('r', fmt.Sprint(len(tr.rows))), Sector: s.sector, Standard: "core/1.0"}
	if s.onBehalf != "" {
		body.OnBehalf = token("org " + s.onBehalf)
	}
	for _, one := range s.says {
		f, ok := tr.std.Field(one[0])
		if !ok {
			tr.t.Fatalf("no field %s", one[0])
		}
		for _, d := range rules.Leaving(one[0], time.Time{}) {
			value := one[1]
			switch d.Form.Kind {
			case standard.Token:
				value = token(value)
			case standard.Generalised:
				var err error
				if value, err = tr.std.Generalise(f, d.Form.Level, value); err != nil {
					tr.t.Fatal(err)
				}
			}
			body.Said = append(body.Said, report.Said{Path: one[0], Form: d.Form, Value: value})
		}
	}
	for _, o := range s.seen {
		o.Token = token(o.Value)
		if !slices.ContainsFunc(rules.Leaving(report.ObservablePath(o.Type), time.Time{}), func(d terms.Departure) bool { return d.Form.Kind == standard.Exact }) {
			o.Value = ""
		}
		body.Observables = append(body.Observables, o)
	}
	return body
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// tell adds an incident that these reports tell of, tied by "the same victim"
// and "near dates", and returns its id at the hub.
func (tr *trust) tell(all ...sending) wire.IncidentID {
	tr.t.Helper()
	in := consolidate.Incident{ID: id[wire.IncidentID]('i', fmt.Sprint(len(tr.incidents)))}
	var told consolidate.Told
	for _, s := range all {
		if s.sector == "" {
			s.sector = "finance"
		}
		m := tr.members[id[wire.MemberID]('m', s.member)]
		body := tr.leave(s)
		row, err := tr.key.Seal(receive.Row{Seq: int64(len(tr.rows) + 1), Contribution: "c-1", Report: body.ID, Member: m.ID, OwnerGroup: m.OwnerGroup,
			Agreement: "a-1", Sector: s.sector, Standard: "core/1.0", Received: now.Add(-time.Duration(1+len(tr.rows)) * time.Hour)}, body, zeros{})
		if err != nil {
			tr.t.Fatal(err)
		}
		tr.rows = append(tr.rows, row)
		rec, err := receive.Restore(tr.key, row)
		if err != nil {
			tr.t.Fatal(err)
		}
		told.Reports = append(told.Reports, rec)
		group := string(m.OwnerGroup)
		if body.OnBehalf != "" {
			group = "on behalf " + body.OnBehalf
		}
		if !slices.Contains(in.Groups, group) && !m.CountsFrom.After(now) {
			in.Groups = append(in.Groups, group)
		}
		if !slices.Contains(in.Sectors, s.sector) {
			in.Sectors = append(in.Sectors, s.sector)
		}
		if n := len(in.Seqs); n > 0 {
			in.Links = append(in.Links, consolidate.Link{A: in.Seqs[n-1], B: row.Seq, Evidence: []string{"the same victim", "near dates"}})
		}
		in.Seqs = append(in.Seqs, row.Seq)
	}
	in.Sector = in.Sectors[0]
	slices.Sort(in.Sectors)
	told.Incident = in
	tr.incidents = append(tr.incidents, told)
	return in.ID
}

// campaign ties incidents, and returns its id at the hub.
func (tr *trust) campaign(tokens map[string]int, ids ...wire.IncidentID) wire.CampaignID {
	c := consolidate.Campaign{ID: id[wire.CampaignID]('k', fmt.Sprint(len(tr.campaigns))), Incidents: ids, Tokens: tokens}
	for i, told := range tr.incidents {
		if !slices.Contains(ids, told.Incident.ID) {
			continue
		}
		tr.incidents[i].Incident.Campaigns = append(told.Incident.Campaigns, c.ID)
		c.Groups = append(c.Groups, told.Incident.Groups...)
		c.Sectors = append(c.Sectors, told.Incident.Sectors...)
	}
	slices.Sort(c.Groups)
	c.Groups = slices.Compact(c.Groups)
	slices.Sort(c.Sectors)
	c.Sectors = slices.Compact(c.Sectors)
	tr.campaigns = append(tr.campaigns, c)
	return c.ID
}

// What the room reads, as package consolidate and the store would give it.

func (tr *trust) Incident(_ context.Context, id wire.IncidentID) (consolidate.Told, error) {
	for _, told := range tr.incidents {
		if told.Incident.ID == id {
			return told, nil
		}
	}
	return consolidate.Told{}, fault.New(fault.NotFound, "incident.not_found", "none")
}

// of reduces an incident to the reports of a sector.
func of(sector string, told consolidate.Told) (consolidate.Told, bool) {
	told.Incident.Sector = sector
	told.Reports = slices.DeleteFunc(slices.Clone(told.Reports), func(r receive.Received) bool { return r.Row().Sector != sector })
	return told, len(told.Reports) > 0
}

func (tr *trust) Incidents(_ context.Context, sector, before string, limit int) (page []consolidate.Told, next string, err error) {
	start := 0
	if before != "" {
		start = 1 + slices.IndexFunc(tr.incidents, func(t consolidate.Told) bool { return strings.HasSuffix(before, "."+string(t.Incident.ID)) })
	}
	for _, told := range tr.incidents[start:] {
		if len(page) == limit {
			return page, fmt.Sprintf("%d.%s", now.Unix(), page[limit-1].Incident.ID), nil
		}
		if told, ok := of(sector, told); ok {
			page = append(page, told)
		}
	}
	return page, "", nil
}

func (tr *trust) Each(_ context.Context, sector string, yield func(consolidate.Told) error) error {
	for _, told := range tr.incidents {
		if told, ok := of(sector, told); ok {
			if err := yield(told); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tr *trust) Campaign(_ context.Context, id wire.CampaignID) (consolidate.Campaign, error) {
	for _, c := range tr.campaigns {
		if c.ID == id {
			return c, nil
		}
	}
	return consolidate.Campaign{}, fault.New(fault.NotFound, "campaign.not_found", "none")
}

func (tr *trust) Campaigns(_ context.Context, sector, _ string, _ int) (page []consolidate.Campaign, next string, err error) {
	for _, c := range tr.campaigns {
		if slices.Contains(c.Sectors, sector) {
			page = append(page, c)
		}
	}
	return page, "", nil
}

func (tr *trust) OfReport(_ context.Context, id wire.ReportID, m wire.MemberID) (consolidate.Incident, bool, error) {
	for _, told := range tr.incidents {
		for _, r := range told.Reports {
			if r.Row().Report == id && r.Row().Member == m {
				return told.Incident, true, nil
			}
		}
	}
	return consolidate.Incident{}, false, nil
}

func (tr *trust) Cursor(context.Context) (int64, error) { return int64(len(tr.rows)), nil }

func (tr *trust) Counts(context.Context) (consolidate.Counts, error) {
	return consolidate.Counts{}, nil
}

func (tr *trust) Of(_ context.Context, r receive.Received) (*terms.Rules, error) {
	return tr.rules[r.Row().Member], nil
}

func (tr *trust) Member(_ context.Context, id wire.MemberID) (member.Member, error) {
	return tr.members[id], nil
}

func (tr *trust) ByMember(_ context.Context, m wire.MemberID, _ int64, _ int) (mine []receive.Row, err error) {
	for _, r := range tr.rows {
		if r.Member == m {
			mine = append(mine, r)
		}
	}
	return mine, nil
}

func (tr *trust) NilReports(context.Context, string, wire.MemberID) ([]receive.NilRow, error) {
	return nil, nil
}

func (tr *trust) Releases(context.Context, string) ([]anonymise.Release, error) {
	return []anonymise.Release{{ID: "finance-1", Sector: "finance"}}, nil
}

func (tr *trust) Release(_ context.Context, id wire.ReleaseID) (anonymise.Release, error) {
	return anonymise.Release{ID: id, Sector: "finance"}, nil
}

func (tr *trust) ReleaseFile(context.Context, wire.ReleaseID, string) (anonymise.File, []byte, error) {
	return anonymise.File{Name: "incidents.csv"}, []byte("data"), nil
}

// as is a viewer for a purpose.
func as(m member.Member, p member.Purpose) member.Viewer {
	return member.Viewer{Member: m, Purpose: p, At: now}
}

// incidents lists what a viewer may see in finance.
func (tr *trust) list(v member.Viewer) []deliver.IncidentSummary {
	tr.t.Helper()
	a, err := tr.room.Incidents(context.Background(), v, "finance", "", 0)
	if err != nil {
		tr.t.Fatal(err)
	}
	return a.Body().Items
}

// open answers with the only incident that a viewer may see in finance.
func (tr *trust) open(v member.Viewer) deliver.IncidentView {
	tr.t.Helper()
	all := tr.list(v)
	if len(all) != 1 {
		tr.t.Fatalf("%d incidents are seen, not 1", len(all))
	}
	a, err := tr.room.Incident(context.Background(), v, all[0].ID)
	if err != nil {
		tr.t.Fatal(err)
	}
	return a.Body()
}

func idOf(name string) wire.MemberID { return id[wire.MemberID]('m', name) }
