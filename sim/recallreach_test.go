package sim

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

const narrowSheet = `name: bank-narrow
version: 2
clauses:
  - {id: where, fields: [victim.country], to: [{stake: any}], for: [benchmark], form: counted, tlp: "TLP:GREEN"}
`

// Narrower terms hold for the next answer at every door, of every process, also
// of what was given before: values, statistics, releases.
func TestANarrowingTakesEffectOnTheNextAnswerOfEveryDoor(t *testing.T) {
	onBothStores(t, func(t *testing.T, adjust func(*node.HubConfig)) {
		r := newRecalling(t, adjust)
		twin := r.twin()
		broker, university := r.seats[2], r.seats[5]
		hubs := []string{r.URL, twin}
		total := 0
		for _, base := range hubs {
			before := r.doors(base, broker)
			if total = counted(t, r.doors(base, university), member.Study); total < 10 || len(at(before, ownDomain)) < 5 {
				t.Fatalf("%d counted, and the domain at %v: this shows too little", total, at(before, ownDomain))
			}
		}
		sheet := filepath.Join(t.TempDir(), "narrow.yaml")
		r.must(os.WriteFile(sheet, []byte(narrowSheet), 0o600))
		if _, err := r.seats[0].Member.Renew(t.Context(), node.Renewal{Sheet: sheet}); err != nil {
			t.Fatal(err)
		}
		const ofBank = 5 // what the bank told
		for _, base := range hubs {
			for _, s := range []*Seat{broker, university} {
				after := r.doors(base, s)
				for _, gone := range []string{ownDomain, "login-4.northw1nd-bank.net"} {
					if where := at(after, gone); len(where) > 0 {
						t.Errorf("%s finds %s at %v of %s", s.Party.Name, gone, where, base)
					}
				}
				if s == broker && len(at(after, "login-5.northw1nd-bank.net")) < 3 {
					t.Error("what others grant is gone, too")
				}
				for door, text := range after {
					if strings.Contains(door, "/files/") && text != "" {
						t.Errorf("%s gets %s of a withdrawn release", s.Party.Name, door)
					}
				}
			}
			if n := counted(t, r.doors(base, university), member.Study); n != -1 && n != total-ofBank {
				t.Errorf("%d incidents are counted at %s, of %d before", n, base, total)
			}
		}
		r.must(r.Hub.Withdraw(t.Context()))
		if n := counted(t, r.doors(twin, university), member.Study); n != total-ofBank {
			t.Errorf("%d incidents are counted, of %d before", n, total)
		}
		all, err := anonymise.Shelf{Room: r.Hub.Anonymise}.Releases(t.Context(), "finance")
		if err != nil || len(all) != 1 || all[0].Withdrawn == nil || all[0].Withdrawn.Code != anonymise.Narrowed {
			t.Errorf("the releases are %+v, %v", all, err)
		}
	})
}

// Whoever could have been given a recalled report is told, on every way, by
// their own ids and without a value; and the contributor sees by band who
// confirmed.
func TestARecallReachesItsRecipientsAndTheyConfirm(t *testing.T) {
	r := newRecalling(t)
	ctx := t.Context()
	bank, broker, university := r.seats[0], r.seats[2], r.seats[5]
	l := listenFor(t, r.Trust)
	x := tellingOf(t, r.Trust)
	webhook(t, broker, l.url, member.Defend)
	x.round()
	l.took()
	before := fetchable(t, r.Trust, broker, "defend")
	d := r.recall(r.report)
	r.must(r.Hub.Withdraw(ctx))
	for range 3 {
		x.at = x.at.Add(time.Minute)
		x.round()
	}
	events, text := l.took()
	after := fetchable(t, r.Trust, broker, "defend")
	told := map[string][]string{}
	for _, e := range events {
		told[e.Kind] = append(told[e.Kind], e.Objects...)
	}
	var gone []string
	for title, ids := range before {
		for _, id := range ids {
			if !slices.Contains(after[title], id) && !strings.HasPrefix(id, "marking-definition--") {
				gone = append(gone, id)
			}
		}
	}
	slices.Sort(gone)
	slices.Sort(told["objects.withdrawn"])
	if len(gone) < 2 || !slices.Equal(gone, told["objects.withdrawn"]) {
		t.Errorf("gone are %v, told were %v", gone, told)
	}
	if len(told["release.withdrawn"]) != 1 || strings.Contains(text, ownDomain) {
		t.Errorf("told were %v: %s", told, text)
	}

	// Every member of the sector could read the release, and is told.
	for i, s := range r.seats {
		notices, err := s.Member.Hub.Notices(ctx, false)
		r.must(err)
		recalls := slices.ContainsFunc(notices, func(n deliver.NoticeView) bool { return n.ID == string(d.ID) && len(n.Incidents) == 1 })
		if recalls != (i != 0) {
			t.Errorf("seat %d is told %+v", i, notices)
		}
	}
	if done, err := broker.Member.Hub.Confirm(ctx, wire.ConfirmRequest{All: true, Named: true}); err != nil || done.Confirmed != 2 || done.Open != 0 {
		t.Errorf("confirmed %+v, %v", done, err)
	}
	if _, err := university.Member.Hub.Confirm(ctx, wire.ConfirmRequest{Notices: []string{string(d.ID)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := bank.Member.Hub.Confirm(ctx, wire.ConfirmRequest{Notices: []string{string(d.ID)}}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the contributor confirms its own recall: %v", err)
	}
	mine, err := bank.Member.Hub.MyRecalls(ctx)
	if err != nil || len(mine) != 1 {
		t.Fatal(mine, err)
	}
	for _, bands := range []map[string]string{mine[0].Given, mine[0].Confirmed} {
		for stake, band := range bands {
			if band != "fewer than 5" {
				t.Errorf("of %s %q is told", stake, band)
			}
		}
	}
	if !slices.Equal(mine[0].Names, []string{"Broker"}) {
		t.Errorf("named are %v", mine[0].Names)
	}
	// The member keeps the receipt; what the hub destroys by itself, too.
	if _, err := r.Hub.Erase(ctx, bank.Member.Agreement.Member.ID, []wire.ReportID{r.otherOf(bank)}, wire.ReasonLegal); err != nil {
		t.Fatal(err)
	}
	r.must(bank.Member.FetchReceipts(ctx))
	kept, err := bank.Member.Destroyed(ctx)
	if err != nil || len(kept) != 2 || kept[0].Waiting || kept[1].Waiting {
		t.Fatalf("kept are %+v, %v", kept, err)
	}
	by := []string{kept[0].Destruction.By, kept[1].Destruction.By}
	slices.Sort(by)
	if !slices.Equal(by, []string{wire.ByMember, wire.ByOperator}) {
		t.Errorf("kept are receipts by %v", by)
	}
}

// otherOf is a report of a seat that lives.
func (r *recalling) otherOf(s *Seat) wire.ReportID {
	r.t.Helper()
	rows, err := r.Hub.Store.ByMember(r.t.Context(), s.Member.Agreement.Member.ID, 0, 10)
	r.must(err)
	for _, row := range rows {
		if !row.Erased() {
			return row.Report
		}
	}
	r.t.Fatal("none lives")
	return ""
}

// A file tells which reports are made of it: their ids are those that left.
func TestAFileNamesTheReportsThatWereMadeOfIt(t *testing.T) {
	r := newRecalling(t)
	done, err := r.seats[0].Member.Recall(t.Context(), []wire.ReportID{r.report}, "because")
	if err == nil || len(done) != 0 || fault.KindOf(err) != fault.Usage {
		t.Errorf("a reason that is none: %v, %v", done, err)
	}
	if _, err := r.seats[0].Member.Recall(t.Context(), []wire.ReportID{"case-1"}, wire.ReasonOther); fault.KindOf(err) != fault.Usage {
		t.Errorf("an id that is none: %v", err)
	}
	// What the hub never had is refused, and not asked for again.
	unknown := wire.IDFrom[wire.ReportID]('r', [16]byte{1})
	if _, err := r.seats[0].Member.Recall(t.Context(), []wire.ReportID{unknown}, wire.ReasonOther); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown report: %v", err)
	}
	if done, err := r.seats[0].Member.SendRecalls(t.Context()); err != nil || len(done) != 0 {
		t.Errorf("it is asked again: %+v, %v", done, err)
	}
}

// After a recall the hub's folder holds neither the key nor the sealed body,
// not in the write-ahead log and not in free pages; a copy of the folder made
// before is what a backup is, and still opens it.
func TestTheHubsFolderHoldsNothingOfARecalledReportAndACopyFromBeforeDoes(t *testing.T) {
	r := newRecalling(t)
	ctx := t.Context()
	data := filepath.Join(r.Dir, "hub")
	rows, err := r.Hub.Store.Live(ctx, r.seats[0].Member.Agreement.Member.ID, []wire.ReportID{r.report})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	needles := map[string][]byte{"the wrapped key": rows[0].Key, "the body": rows[0].Body[:64], "the digest": rows[0].Digest, "the domain": []byte(ownDomain)}
	tokens := r.tokensOf(rows[0].Seq)
	if len(tokens) == 0 {
		t.Fatal("the report has no token; this shows too little")
	}
	for _, token := range tokens {
		needles["the token "+token] = []byte(token)
	}
	backup := t.TempDir()
	copyFolder(t, data, backup)
	for name := range needles {
		if found := filesWith(t, data, needles[name]); len(found) == 0 && name != "the domain" {
			t.Errorf("before, %s is in no file; this shows nothing", name)
		}
	}
	r.recall(r.report)
	r.must(r.Hub.Withdraw(ctx))
	// The address is told by another, too: its token stays.
	for name, needle := range needles {
		found := filesWith(t, data, needle)
		if strings.HasPrefix(name, "the token ") && slices.Contains(r.allTokens(), strings.TrimPrefix(name, "the token ")) {
			continue
		}
		if len(found) > 0 {
			t.Errorf("%s is in %v", name, found)
		}
	}
	open := func(dir string) error {
		c, err := node.LoadConfig(filepath.Join(dir, node.ConfigName))
		r.must(err)
		h, err := node.OpenHub(ctx, c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
		r.must(err)
		defer h.Close()
		kept, err := h.Store.Rows(ctx, []int64{rows[0].Seq})
		r.must(err)
		rec, err := receive.Restore(h.Desk.Key, kept[0])
		if err == nil && !slices.ContainsFunc(rec.Report().Observables, func(o report.Seen) bool { return o.Value == ownDomain }) {
			return errors.New("it opens, and says something else")
		}
		return err
	}
	if err := open(backup); err != nil {
		t.Errorf("the copy from before does not open: %v", err)
	}
	after := t.TempDir()
	copyFolder(t, data, after)
	if err := open(after); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a copy from after opens it: %v", err)
	}
}

// tokensOf are the tokens that were derived of a report.
func (r *recalling) tokensOf(seq int64) []string {
	r.t.Helper()
	return r.ask(`SELECT token FROM fact_token WHERE seq = ?`, seq)
}

func (r *recalling) allTokens() []string {
	r.t.Helper()
	return r.ask(`SELECT token FROM fact_token WHERE ? = 0`, 0)
}

func (r *recalling) ask(query string, args ...any) (all []string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.Dir, "hub", "data", "hub.db")+"?mode=ro")
	r.must(err)
	defer db.Close()
	rows, err := db.Query(query, args...)
	r.must(err)
	defer rows.Close()
	for rows.Next() {
		var s string
		r.must(rows.Scan(&s))
		all = append(all, s)
	}
	r.must(rows.Err())
	return all
}

// filesWith lists the files below a folder that hold some bytes.
func filesWith(t *testing.T, dir string, needle []byte) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, needle) {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// What is over its time is destroyed by the hub itself, by the shorter of the
// contributor's terms and the sector's policy, and the member gets the receipt.
func TestAHubDestroysWhatIsOverItsTimeByItself(t *testing.T) {
	r := newRecalling(t)
	ctx := t.Context()
	sheet := filepath.Join(t.TempDir(), "kept.yaml")
	base, err := os.ReadFile(filepath.Join("..", "terms", "sheets", "default.yaml"))
	r.must(err)
	r.must(os.WriteFile(sheet, append([]byte("retention: 30d\n"), base...), 0o600))
	if _, err := r.seats[0].Member.Renew(ctx, node.Renewal{Sheet: sheet}); err != nil {
		t.Fatal(err)
	}
	alive := func() map[string]int {
		t.Helper()
		all := map[string]int{}
		for _, s := range r.seats[:4] {
			rows, err := r.Hub.Store.ByMember(ctx, s.Member.Agreement.Member.ID, 0, 100)
			r.must(err)
			for _, row := range rows {
				if !row.Erased() {
					all[s.Party.Name]++
				}
			}
		}
		return all
	}
	if got := fmt.Sprint(alive()); got != "map[Bank:5 Broker:4 Fund:4 Insurer:5]" {
		t.Fatalf("alive are %s", got)
	}
	for _, c := range []struct {
		days   int
		policy node.Duration
		want   string
	}{
		{29, 0, "map[Bank:5 Broker:4 Fund:4 Insurer:5]"},
		{31, 0, "map[Broker:4 Fund:4 Insurer:5]"},
		{59, node.Duration(60 * 24 * time.Hour), "map[Broker:4 Fund:4 Insurer:5]"},
		{61, node.Duration(60 * 24 * time.Hour), "map[]"},
	} {
		config, err := node.LoadConfig(filepath.Join(r.Dir, "hub", node.ConfigName))
		r.must(err)
		for i := range config.Hub.Sectors {
			config.Hub.Sectors[i].Retention = c.policy
		}
		h, err := node.OpenHub(ctx, config, func() time.Time { return time.Now().AddDate(0, 0, c.days) }, slog.New(slog.NewTextHandler(io.Discard, nil)))
		r.must(err)
		r.must(errors.Join(h.Withdraw(ctx), h.Close()))
		if got := fmt.Sprint(alive()); got != c.want {
			t.Errorf("after %d days with a policy of %s alive are %s, want %s", c.days, time.Duration(c.policy), got, c.want)
		}
	}
	r.must(r.seats[0].Member.FetchReceipts(ctx))
	kept, err := r.seats[0].Member.Destroyed(ctx)
	if err != nil || len(kept) != 1 || kept[0].Destruction.By != wire.ByRetention || len(kept[0].Destruction.Reports) != 5 {
		t.Errorf("kept are %+v, %v", kept, err)
	}
}

// A recall that is cut off by the death of the hub's process, or of the
// member's, is done once it is asked again: with one receipt, which both keep.
func TestARecallSurvivesAKillAtEachPoint(t *testing.T) {
	k := newKilling(t)
	files := k.documents(t, 5, 20)
	for _, kind := range []string{node.StoreSQLite, node.StorePostgres} {
		for _, point := range []string{receive.RecallBeforeCommit, receive.RecallAfterCommit, receive.RecallBeforeAnswer} {
			t.Run(kind+" "+point, func(t *testing.T) {
				t.Parallel()
				r := k.begin(t, disturbance{store: kind, role: "hub", point: point})
				r.startHub(false)
				r.submit(0, files[0][0], false)
				r.hub.kill(t)
				r.startHub(true)
				p := launch(t, "recaller", r.config(memberDir(0)), files[0][0], "")
				limit := time.After(time.Minute)
			wait:
				for {
					select {
					case <-p.done:
						break wait
					case <-r.hub.done:
						r.buried(r.hub)
						r.startHub(false)
					case <-limit:
						t.Fatalf("the member is not done\n%s\n%s", p.out, r.hub.out)
					}
				}
				if p.err != nil || r.kills != 1 {
					t.Fatalf("%d kills, %v\n%s", r.kills, p.err, p.out)
				}
				r.hub.kill(t)
				r.recalledWhole()
			})
		}
	}
}

// recalledWhole holds hub and member to the same: every report destroyed, by
// one receipt.
func (r *killed) recalledWhole() {
	r.t.Helper()
	ctx := context.Background()
	must := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	c, err := node.LoadConfig(r.config("hub"))
	must(err)
	h, err := node.OpenHub(ctx, c, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(err)
	defer h.Close()
	rows, err := h.Store.After(ctx, 0, 1000)
	must(err)
	for _, row := range rows {
		if !row.Erased() || len(row.Body) > 0 {
			r.t.Errorf("row %d is there still", row.Seq)
		}
	}
	mc, err := node.LoadConfig(r.config(memberDir(0)))
	must(err)
	m, err := node.OpenMember(ctx, mc, time.Now)
	must(err)
	defer m.Close()
	given, err := h.Store.RecallsOf(ctx, m.Agreement.Member.ID)
	must(err)
	kept, err := m.Store.Recalls(ctx, false)
	must(err)
	if len(rows) == 0 || len(given) != 1 || len(kept) != 1 || !bytes.Equal(given[0].Receipt, kept[0].Receipt) || kept[0].Kept.IsZero() {
		r.t.Errorf("of %d rows the hub gave %d receipts, and the member keeps %d", len(rows), len(given), len(kept))
	}
	if n, err := h.Consolidate.Counts(ctx); err != nil || n.Incidents+n.Tokens+n.Observables != 0 {
		r.t.Errorf("derived is still %+v, %v", n, err)
	}
}
