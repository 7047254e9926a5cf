package anonymise_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

const ref = standard.Ref("finance/1.0")

// token stands for what a steward would make of a name.
func token(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func id[T ~string](prefix byte, name string) T {
	sum := sha256.Sum256([]byte(name))
	return wire.IDFrom[T](prefix, [16]byte(sum[:16]))
}

// telling is one member's report as a test writes it.
type telling struct {
	member   string // "group" or "name/group"
	onBehalf string
	sheet    string // a built-in sheet; default if empty
	received time.Time
	says     map[string]string // path → exact value, before terms
	many     map[string][]string
}

// trust holds incidents, each told by reports, for the room to release.
type trust struct {
	consolidate.Reader
	t         testing.TB
	std       *standard.Standard
	key       *receive.RecordKey
	sheets    map[string]*terms.Rules
	members   map[wire.MemberID]member.Member
	agreement map[wire.MemberID]string // sheet
	incidents []consolidate.Told
	seq       int64
	now       time.Time
	store     *store.Hub
	policy    anonymise.Policy
}

func newTrust(t testing.TB) *trust {
	t.Helper()
	std, err := standard.Builtin(ref)
	if err != nil {
		t.Fatal(err)
	}
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{7}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	hub, err := store.OpenHub(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	tr := &trust{t: t, std: std, key: key, sheets: map[string]*terms.Rules{}, members: map[wire.MemberID]member.Member{}, agreement: map[wire.MemberID]string{},
		now: epoch, store: hub, policy: anonymise.Policy{Title: "Finance", Standard: ref, K: 5, MinOwnerGroups: 5}}
	for _, name := range terms.Builtins() {
		sheet, err := terms.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		tr.sheet(name, sheet)
	}
	return tr
}

func (tr *trust) sheet(name string, sheet *terms.Sheet) {
	rules, err := terms.Compile(sheet, tr.std)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.sheets[name] = rules
}

func (tr *trust) room() *anonymise.Room {
	return &anonymise.Room{Told: tr, Rules: tr, Members: tr, Store: tr.store,
		Standards: standard.Builtin, Policies: map[string]anonymise.Policy{"finance": tr.policy}, Hub: "A test trust", Now: func() time.Time { return tr.now }}
}

func (tr *trust) Each(_ context.Context, _ string, yield func(consolidate.Told) error) error {
	for _, told := range tr.incidents {
		if err := yield(told); err != nil {
			return err
		}
	}
	return nil
}

func (tr *trust) Of(_ context.Context, r receive.Received) (*terms.Rules, error) {
	return tr.sheets[tr.agreement[r.Row().Member]], nil
}

func (tr *trust) Member(_ context.Context, id wire.MemberID) (member.Member, error) {
	return tr.members[id], nil
}

// join registers a member; a test changes what it finds.
func (tr *trust) join(name string) wire.MemberID {
	m := id[wire.MemberID]('m', name)
	if _, ok := tr.members[m]; !ok {
		group := name
		if i := bytes.IndexByte([]byte(name), '/'); i >= 0 {
			group = name[i+1:]
		}
		tr.members[m] = member.Member{ID: m, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + group), Sectors: []string{"finance"}}
	}
	return m
}

// zeros is randomness for tests: keys need not be secret there.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// tell adds an incident that these reports tell of, each in the forms in which
// it leaves its owner under its sheet.
func (tr *trust) tell(all ...telling) {
	tr.t.Helper()
	told := consolidate.Told{Incident: consolidate.Incident{ID: id[wire.IncidentID]('i', fmt.Sprint(len(tr.incidents))), Sector: "finance"}}
	for _, tl := range all {
		if tl.sheet == "" {
			tl.sheet = "default"
		}
		m := tr.join(tl.member)
		tr.agreement[m] = tl.sheet
		tr.seq++
		body := report.Minimised{ID: id[wire.ReportID]('r', fmt.Sprint(tr.seq)), Sector: "finance", Standard: ref}
		if tl.onBehalf != "" {
			body.OnBehalf = token("org " + tl.onBehalf)
		}
		for _, path := range slices.Sorted(maps.Keys(tl.says)) {
			body.Said = append(body.Said, tr.leave(tl.sheet, path, 0, tl.says[path])...)
		}
		for _, path := range slices.Sorted(maps.Keys(tl.many)) {
			for row, v := range tl.many[path] {
				body.Said = append(body.Said, tr.leave(tl.sheet, path, row, v)...)
			}
		}
		if tl.received.IsZero() {
			tl.received = epoch.Add(-24 * time.Hour)
		}
		row, err := tr.key.Seal(receive.Row{Seq: tr.seq, Contribution: "c-1", Report: body.ID, Member: m, OwnerGroup: tr.members[m].OwnerGroup,
			Agreement: wire.AgreementID("a-" + tl.sheet), Sector: "finance", Standard: string(ref), Received: tl.received}, body, zeros{})
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

// leave reduces a value to the forms that somebody may receive.
func (tr *trust) leave(sheet, path string, row int, value string) (said []report.Said) {
	f, ok := tr.std.Field(path)
	if !ok {
		tr.t.Fatalf("no field %s", path)
	}
	for _, d := range tr.sheets[sheet].Leaving(path, time.Time{}) {
		v := value
		switch d.Form.Kind {
		case standard.Token:
			v = token("org " + value)
		case standard.Generalised:
			var err error
			if v, err = tr.std.Generalise(f, d.Form.Level, value); err != nil {
				tr.t.Fatal(err)
			}
		}
		said = append(said, report.Said{Path: path, Row: row, Form: d.Form, Value: v})
	}
	return said
}

// victim is an incident of a victim that is like many, told by one group.
func plain(group, victim string, says map[string]string) telling {
	all := map[string]string{"victim.victim_id": victim, "victim.industry": "522110", "victim.employee_count": "101 to 1000",
		"victim.country": "DE", "timeline.incident": "2025-05-14", "action.hacking.variety": "Brute force"}
	maps.Copy(all, says)
	return telling{member: group, says: all}
}

// population tells n incidents, skewed as real ones are, by 14 owner groups.
func (tr *trust) population(n int, seed uint64) {
	tr.t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...string) string { return all[min(random.IntN(len(all)), random.IntN(len(all)))] }
	for range n {
		victim := fmt.Sprint("victim ", random.IntN(n*2/3+1))
		says := map[string]string{
			"victim.victim_id":      victim,
			"victim.industry":       pick("522110", "522130", "523120", "524210", "524126", "525110"),
			"victim.employee_count": pick("101 to 1000", "11 to 100", "1 to 10", "1001 to 10000", "10001 to 25000"),
			"victim.country":        pick("US", "DE", "GB", "FR", "JP"),
			"timeline.incident":     fmt.Sprintf("20%02d-%02d-%02d", 23+random.IntN(3), 1+random.IntN(12), 1+random.IntN(28)),
			"action.hacking.variety": pick("Use of stolen creds", "Brute force", "DoS", "SQLi", "Path traversal", "XSS", "CSRF",
				"Cryptanalysis", "Cache poisoning", "Buffer overflow"),
			"attribute.confidentiality.data_total": fmt.Sprint(1 + random.IntN(1<<(1+random.IntN(16)))),
			"impact.iso_currency_code":             "EUR",
			"actor.external.country":               pick("RU", "CN", "US", "KP"),
		}
		by := random.Perm(14)[:1+random.IntN(2)]
		var all []telling
		for _, g := range by {
			all = append(all, telling{member: fmt.Sprint("bank ", g), says: says})
		}
		tr.tell(all...)
	}
}

// release makes a release and reads its files.
func (tr *trust) release() (anonymise.Release, map[string][]byte) {
	tr.t.Helper()
	rel, err := tr.room().Release(tr.t.Context(), "finance")
	if err != nil {
		tr.t.Fatal(err)
	}
	content := map[string][]byte{}
	for _, f := range rel.Files {
		_, data, err := tr.store.ReleaseFile(tr.t.Context(), rel.ID, f.Name)
		if err != nil {
			tr.t.Fatal(err)
		}
		content[f.Name] = data
	}
	return rel, content
}

// cells reads the table of a release.
func cells(t testing.TB, content map[string][]byte) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(content["incidents.csv"])).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

// column counts the values of one column.
func column(t testing.TB, content map[string][]byte, path string) map[string]int {
	t.Helper()
	head, rows := cells(t, content)
	at := slices.Index(head, path)
	if at < 0 {
		t.Fatalf("no column %s", path)
	}
	count := map[string]int{}
	for _, r := range rows {
		count[r[at]]++
	}
	return count
}
