package analyse

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var now = time.Date(2026, 2, 10, 9, 0, 0, 0, time.UTC)

// trust tells incidents to the room. Members are named "name/group".
type trust struct {
	consolidate.Reader
	t         testing.TB
	key       *receive.RecordKey
	rules     map[string]*terms.Rules
	sheetOf   map[wire.MemberID]string
	members   map[wire.MemberID]member.Member
	incidents []consolidate.Told
	nils      []receive.NilRow
	latest    []byte
}

func newTrust(t testing.TB) *trust {
	t.Helper()
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{7}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	tr := &trust{t: t, key: key, rules: map[string]*terms.Rules{}, sheetOf: map[wire.MemberID]string{}, members: map[wire.MemberID]member.Member{}}
	sheet, err := terms.Builtin("default")
	if err != nil {
		t.Fatal(err)
	}
	tr.sheet("default", sheet)
	return tr
}

func (tr *trust) sheet(name string, sheet *terms.Sheet) {
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		tr.t.Fatal(err)
	}
	if tr.rules[name], err = terms.Compile(sheet, std); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *trust) room() *Room {
	return &Room{Told: tr, Rules: tr, Members: tr, Nils: tr, Snapshots: tr, Standards: standard.Builtin,
		Policies: map[string]Policy{"finance": {MinOwnerGroups: 5, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}}, Now: func() time.Time { return now }}
}

func (tr *trust) Each(_ context.Context, _ string, yield func(consolidate.Told) error) error {
	for _, told := range tr.incidents {
		if err := yield(told); err != nil {
			return err
		}
	}
	return nil
}

func (tr *trust) Cursor(context.Context) (int64, error) { return int64(len(tr.incidents)), nil }

func (tr *trust) Of(_ context.Context, r receive.Received) (*terms.Rules, error) {
	return tr.rules[tr.sheetOf[r.Row().Member]], nil
}

func (tr *trust) Member(_ context.Context, id wire.MemberID) (member.Member, error) {
	return tr.members[id], nil
}

func (tr *trust) NilReports(context.Context, string, wire.MemberID) ([]receive.NilRow, error) {
	return tr.nils, nil
}

func (tr *trust) AddSnapshot(_ context.Context, _, _ string, _ time.Time, data []byte) error {
	tr.latest = data
	return nil
}

func (tr *trust) LatestSnapshot(context.Context, string) (string, []byte, error) {
	if tr.latest == nil {
		return "", nil, fault.New(fault.NotFound, "statistics.none", "none")
	}
	return "latest", tr.latest, nil
}

func (tr *trust) CountSnapshots(context.Context) (int, error) { return 1, nil }

func (tr *trust) join(name string) wire.MemberID {
	sum := sha256.Sum256([]byte(name))
	id := wire.IDFrom[wire.MemberID]('m', [16]byte(sum[:16]))
	if _, ok := tr.members[id]; !ok {
		_, group, ok := strings.Cut(name, "/")
		if !ok {
			group = name
		}
		tr.members[id] = member.Member{ID: id, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + group), Sectors: []string{"finance"}}
	}
	return id
}

// sending is one report: what it says in the forms in which it left.
type sending struct {
	member, onBehalf, sheet string
	says                    []report.Said
}

func exact(path, value string) report.Said {
	return report.Said{Path: path, Form: standard.Form{Kind: standard.Exact}, Value: value}
}

func dated(date string) report.Said {
	level := map[int]string{4: "year", 7: "month", 10: "day"}[len(date)]
	if strings.Contains(date, "Q") {
		level = "quarter"
	}
	return report.Said{Path: "timeline.incident", Form: standard.Form{Kind: standard.Generalised, Level: level}, Value: date}
}

func hacked(date string) []report.Said {
	return []report.Said{exact("action.hacking.variety", "SQLi"), dated(date)}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (tr *trust) tell(all ...sending) {
	tr.t.Helper()
	var told consolidate.Told
	for i, tl := range all {
		m := tr.join(tl.member)
		if tr.sheetOf[m] = tl.sheet; tl.sheet == "" {
			tr.sheetOf[m] = "default"
		}
		sum := sha256.Sum256(fmt.Append(nil, len(tr.incidents), i))
		body := report.Minimised{ID: wire.IDFrom[wire.ReportID]('r', [16]byte(sum[:16])), Sector: "finance", Standard: "core/1.0", Said: tl.says}
		if tl.onBehalf != "" {
			on := sha256.Sum256([]byte(tl.onBehalf))
			body.OnBehalf = base64.RawURLEncoding.EncodeToString(on[:])
		}
		row, err := tr.key.Seal(receive.Row{Seq: 1, Report: body.ID, Member: m, OwnerGroup: tr.members[m].OwnerGroup, Agreement: "a-1",
			Sector: "finance", Standard: "core/1.0", Received: now}, body, zeros{})
		if err != nil {
			tr.t.Fatal(err)
		}
		rec, err := receive.Restore(tr.key, row)
		if err != nil {
			tr.t.Fatal(err)
		}
		told.Reports = append(told.Reports, rec)
	}
	tr.incidents = append(tr.incidents, told)
}

// background fills what surrounds the figures of a test: eight owner groups
// tell of an error in each month of two years, but for those left out, and of
// hacking in each but for the last quarter. A figure among empty ones would be
// withheld, since with its line's total it would tell that they are empty.
func (tr *trust) background(but ...string) {
	tr.t.Helper()
	for i := range 24 {
		month := time.Date(2024, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
		if slices.Contains(but, month) {
			continue
		}
		for g := range 8 {
			tr.tell(sending{member: fmt.Sprint("background ", g), says: []report.Said{exact("action.error.variety", "Loss"), dated(month)}})
			if i < 21 {
				tr.tell(sending{member: fmt.Sprint("background ", g), says: hacked(month)})
			}
		}
	}
}

// table takes a snapshot and shows one of its tables to a viewer.
func (tr *trust) table(name, viewer string) Table {
	tr.t.Helper()
	room := tr.room()
	if _, err := room.Take(tr.t.Context(), "finance"); err != nil {
		tr.t.Fatal(err)
	}
	v := member.Viewer{Member: tr.members[tr.join(viewer)], Purpose: member.Defend, At: now}
	tables, err := room.Tables(tr.t.Context(), "finance", v)
	if err != nil {
		tr.t.Fatal(err)
	}
	for _, t := range tables {
		if t.Name == name {
			return t
		}
	}
	tr.t.Fatalf("there is no table %s", name)
	return Table{}
}

// figure is what a table shows for a key, or "withheld".
func (t Table) figure(key ...string) string {
	for _, f := range t.Figures {
		if slices.Equal(f.Key, key) {
			if f.Withheld != "" {
				return "withheld"
			}
			return fmt.Sprint(f.Value, " on ", f.Groups)
		}
	}
	return "no such figure"
}

func TestWhoCountsBehindAFigure(t *testing.T) {
	for _, c := range []struct {
		name, viewer string
		who          func(i int) sending
		want         string
	}{
		{"six owner groups, to a seventh", "other", func(i int) sending { return sending{member: fmt.Sprint("bank ", i%6)} }, "30 on 5–9"},
		{"six owner groups, to one of them", "bank 1", func(i int) sending { return sending{member: fmt.Sprint("bank ", i%6)} }, "30 on 5–9"},
		{"five owner groups, to one of them", "bank 1", func(i int) sending { return sending{member: fmt.Sprint("bank ", i%5)} }, "withheld"},
		{"six sister firms", "other", func(i int) sending { return sending{member: fmt.Sprintf("firm %d/one", i%6)} }, "withheld"},
		{"five and two sisters, to a sister", "firm 9/one", func(i int) sending {
			return sending{member: []string{"a", "b", "c", "d", "firm 1/one", "firm 2/one"}[i%6]}
		}, "withheld"},
		{"six on probation", "other", func(i int) sending { return sending{member: fmt.Sprint("new ", i%6)} }, "withheld"},
		{"one who relays for six, to others", "other", func(i int) sending { return sending{member: "isac", onBehalf: fmt.Sprint(i % 6)} }, "30 on 5–9"},
		{"one who relays for six, to itself", "isac", func(i int) sending { return sending{member: "isac", onBehalf: fmt.Sprint(i % 6)} }, "withheld"},
		{"one who relays for six and one more, to itself", "isac", func(i int) sending {
			if i%7 == 6 {
				return sending{member: "lone"}
			}
			return sending{member: "isac", onBehalf: fmt.Sprint(i % 7)}
		}, "withheld"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			for i := range 30 {
				one := c.who(i)
				one.says = hacked("2025-11-03")
				if strings.HasPrefix(one.member, "new") {
					id := tr.join(one.member)
					m := tr.members[id]
					m.CountsFrom = now.Add(time.Hour)
					tr.members[id] = m
				}
				tr.tell(one)
			}
			tr.background()
			if got := tr.table("action-by-quarter", c.viewer).figure("hacking", "2025-Q4"); got != c.want {
				t.Errorf("%s; %s is wanted", got, c.want)
			}
		})
	}
}

// A figure rests on those who told what it counts, not on all who told of the
// incident.
func TestOnlyWhoToldOfItStandsBehindAFigure(t *testing.T) {
	tr := newTrust(t)
	for i := range 12 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%6), says: hacked("2025-11-03")})
		tr.tell(sending{member: "bank 0", says: append(hacked("2025-08-03"), exact("action.social.variety", "Phishing"))},
			sending{member: "bank 1", says: []report.Said{dated("2025-08-03")}}, sending{member: "bank 2", says: []report.Said{dated("2025-08-03")}},
			sending{member: "bank 3", says: []report.Said{dated("2025-08-03")}}, sending{member: "bank 4", says: []report.Said{dated("2025-08-03")}},
			sending{member: "bank 5", says: []report.Said{dated("2025-08-03")}})
	}
	tr.background("2025-08")
	if got := tr.table("action-by-quarter", "other").figure("social", "2025-Q3"); got != "no such figure" {
		t.Errorf("one member told of phishing: %s", got)
	}
	if got := tr.table("action-by-quarter", "other").figure(Other, "2025-Q3"); got != "withheld" {
		t.Errorf("one member told of phishing: %s", got)
	}
	if got := tr.table("month", "other").figure("2025-08"); got != "12 on 5–9" {
		t.Errorf("six told of the month: %s", got)
	}
}

// What a stake may not even count is in none of its figures.
func TestAFigureCountsOnlyWhatTheStakeMayCount(t *testing.T) {
	tr := newTrust(t)
	sheet, err := terms.Parse("police.yaml", []byte(`
name: police
version: 1
clauses:
  - id: police
    fields: ["class:descriptive", timeline.incident]
    to: [{stake: law-enforcement}]
    for: [investigate]
    form: exact
  - id: numbers
    fields: ["class:descriptive", timeline.incident]
    to: [{stake: research}]
    for: [study]
    form: counted
`))
	if err != nil {
		t.Fatal(err)
	}
	tr.sheet("police", sheet)
	for i := range 12 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%6), says: hacked("2025-11-03")})
		tr.tell(sending{member: fmt.Sprint("shy ", i%6), sheet: "police", says: hacked("2025-11-03")})
	}
	tr.background()
	for stake, want := range map[member.Stake]string{member.Industry: "12 on 5–9", member.LawEnforcement: "24 on 10–19", member.Research: "24 on 10–19"} {
		id := tr.join("viewer " + string(stake))
		m := tr.members[id]
		m.Stake = stake
		tr.members[id] = m
		if got := tr.table("action-by-quarter", "viewer "+string(stake)).figure("hacking", "2025-Q4"); got != want {
			t.Errorf("%s: %s; %s is wanted", stake, got, want)
		}
	}
}

// One report with a mistyped year moves no table, and none tells its date.
func TestOneStrayDateMovesNoTable(t *testing.T) {
	tr := newTrust(t)
	for i := range 30 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%6), says: hacked("2025-11-03")})
	}
	tr.background()
	tr.tell(sending{member: "bank 0", says: hacked("2205-01-03")})
	tr.tell(sending{member: "bank 1", says: hacked("1987-01-03")})
	tr.tell(sending{member: "bank 1", says: hacked("2026-01-03")})
	tab := tr.table("action-by-quarter", "other")
	if got := tab.figure("hacking", "2025-Q4"); got != "30 on 5–9" {
		t.Errorf("%s", got)
	}
	if tab.From != "2024-01" || tab.To != "2025-12" {
		t.Errorf("from %s to %s", tab.From, tab.To)
	}
	if tr.table("month", "other").figure("2025-11") != "38 on 10–19" {
		t.Error("months do not end where quarters do")
	}
}

func TestTheFinestDateStandsWhoeverToldFirst(t *testing.T) {
	for _, dates := range [][]string{{"2025-Q4", "2025-11", "2025-11-30", "2025-11-20", "2025"}, {"2025-11-20", "2025", "2025-11", "2025-Q4", "2025-11-30"}} {
		one := newTelling()
		for _, d := range dates {
			one.hear(source{contributor: "g", reporter: "g"}, report.Minimised{Said: []report.Said{dated(d)}}, func(string) (int, bool) { return 0, true })
		}
		if one.date != "2025-11-20" {
			t.Errorf("of %v %s stands", dates, one.date)
		}
	}
}

// The months of a quarter are protected as if their sum were known, since the
// tables by quarter nearly tell it.
func TestAMonthCannotBeComputedFromItsQuarter(t *testing.T) {
	tr := newTrust(t)
	for i := range 40 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: hacked("2025-10-03")})
		tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: hacked("2025-11-03")})
	}
	tr.tell(sending{member: "bank 1", says: hacked("2025-12-03")})
	tr.background("2025-12")
	if got := tr.table("action-by-quarter", "other").figure("hacking", "2025-Q4"); got != "81 on 5–9" {
		t.Fatalf("the quarter: %s", got)
	}
	tab := tr.table("month", "other")
	hidden := 0
	for _, m := range []string{"2025-10", "2025-11", "2025-12"} {
		if tab.figure(m) == "withheld" {
			hidden++
		}
	}
	if hidden != 2 {
		t.Errorf("%d months of the quarter are withheld; one alone would be the difference to 81", hidden)
	}
}

func TestReportingIsToldInBandsAndWithoutProbation(t *testing.T) {
	tr := newTrust(t)
	for i := range 4 {
		tr.tell(sending{member: fmt.Sprint("bank ", i), says: hacked("2025-11-03")})
	}
	tr.nils = append(tr.nils, receive.NilRow{Member: tr.join("quiet"), Sector: "finance", Period: "2026-Q1"})
	v := member.Viewer{Member: tr.members[tr.join("other")], At: now}
	room := tr.room()
	reporting := func() string {
		if _, err := room.Take(t.Context(), "finance"); err != nil {
			t.Fatal(err)
		}
		r, err := room.Reporting(t.Context(), "finance", v)
		if err != nil {
			t.Fatal(err)
		}
		return r[string(member.Industry)]
	}
	if got := reporting(); got != "5–9" {
		t.Errorf("four who reported and one who had nothing to: %s", got)
	}
	id := tr.join("quiet")
	m := tr.members[id]
	m.CountsFrom = now.Add(time.Hour)
	tr.members[id] = m
	if got := reporting(); got != "fewer than 5" {
		t.Errorf("the one who had nothing to report is on probation: %s", got)
	}
	v.Member = tr.members[tr.join("bank 0")]
	m.CountsFrom = time.Time{}
	tr.members[id] = m
	if got := reporting(); got != "fewer than 5" {
		t.Errorf("told to one of five: %s", got)
	}
}

func TestASnapshotIsReadAsItWasTaken(t *testing.T) {
	tr := newTrust(t)
	for i := range 20 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%6), onBehalf: []string{"", "x"}[i%2], says: append(hacked("2025-11-03"), exact("impact.overall_amount", "1000"))})
	}
	s, err := tr.room().Take(t.Context(), "finance")
	if err != nil {
		t.Fatal(err)
	}
	back, err := tr.room().latest(t.Context(), "finance")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, back) {
		t.Errorf("taken\n%+v\nread\n%+v", s, back)
	}
}

// BenchmarkTake measures a snapshot from incidents that are open already.
func BenchmarkTake(b *testing.B) {
	tr := newTrust(b)
	for i := range 10_000 {
		tr.tell(sending{member: fmt.Sprint("bank ", i*7919%200), says: append(hacked(fmt.Sprintf("2025-%02d-03", 1+i%12)), exact("impact.overall_amount", fmt.Sprint(i)))})
	}
	for b.Loop() {
		if _, err := tr.room().Take(b.Context(), "finance"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "incidents/s")
}
