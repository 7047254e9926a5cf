package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// dieAfter tells a child process at which failpoint it kills itself.
const dieAfter = placeOfChild + "_DIE_AFTER"

// ConsolidationKilled is the contract of consolidation over a whole record: a
// process that is killed with SIGKILL at any failpoint leaves whole batches,
// and who comes after it goes on to the very result that there is without a
// kill. Like [Killed], it starts the test binary again.
func ConsolidationKilled(t *testing.T, open Open) {
	if place := os.Getenv(placeOfChild); place != "" {
		consolidateUntilKilled(t, open, place)
		return
	}
	f := newFixture(t, open)
	f.sendEvents(30)
	if err := f.hub.Close(); err != nil {
		t.Fatal(err)
	}
	for point := range 8 { // both failpoints of four batches of four reports
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
		child.Env = append(os.Environ(), placeOfChild+"="+f.place, dieAfter+"="+strconv.Itoa(point%3))
		if out, err := child.CombinedOutput(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child was not killed: %v\n%s", err, out)
		}
		f.hub = f.handle()
		at, err := consolidated(t, f.hub).Cursor(f.ctx)
		if err != nil || at%4 != 0 {
			t.Fatalf("after a kill the cursor is %d, %v: no end of a batch", at, err)
		}
		if err := f.hub.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f.hub = f.handle()
	room := f.room()
	if at, err := room.Cursor(f.ctx); err != nil || at == 0 {
		t.Fatalf("no child got anywhere: %d, %v", at, err)
	}
	if _, err := room.Run(f.ctx); err != nil {
		t.Fatal(err)
	}
	got := derived(t, room)
	if _, err := room.Rebuild(f.ctx); err != nil {
		t.Fatal(err)
	}
	if want := derived(t, room); got != want {
		t.Errorf("after kills\n%s\nwithout\n%s", got, want)
	}
	f.eraseAndRun(room)
}

// eraseAndRun holds consolidation to forgetting an erased report.
func (f *fixture) eraseAndRun(room *consolidate.Room) {
	f.t.Helper()
	name := eventReport(0)
	if err := Erase(f.ctx, f.hub, f.member, name); err != nil {
		f.t.Fatal(err)
	}
	if p, err := room.Run(f.ctx); err != nil || p.Erased != 1 {
		f.t.Fatalf("progress is %+v, %v", p, err)
	}
	if _, ok, err := room.OfReport(f.ctx, name, f.member); ok || err != nil {
		f.t.Errorf("the erased report still stands in an incident: %v, %v", ok, err)
	}
	got := derived(f.t, room)
	if _, err := room.Rebuild(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	if want := derived(f.t, room); got != want {
		f.t.Errorf("after erasing\n%s\nmade anew\n%s", got, want)
	}
}

func (f *fixture) room() *consolidate.Room {
	key := recordKey(f.t)
	return &consolidate.Room{
		Record: f.hub, Store: consolidated(f.t, f.hub), Members: f.hub, Key: []byte("ids"), Batch: 4,
		Open: func(r receive.Row) (receive.Received, error) { return receive.Restore(key, r) },
		Now:  func() time.Time { return epoch.AddDate(1, 0, 0) },
	}
}

func recordKey(t testing.TB) *receive.RecordKey {
	t.Helper()
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{1}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func eventReport(n int) wire.ReportID { return id[wire.ReportID]('r', fmt.Sprint("event", n)) }

// sendEvents stores n reports of three members about a third as many events,
// every other of them in one campaign, and a correction of the second.
func (f *fixture) sendEvents(n int) {
	f.t.Helper()
	members := []wire.MemberID{f.member, f.join("second", "g-two"), f.join("third", "g-three")}
	groups := []wire.OwnerGroup{"g-one", "g-two", "g-three"}
	key := recordKey(f.t)
	for i := range n + 1 {
		event, revision, name := i/3, 0, i
		if i == n {
			event, revision, name = 5, 1, 1
		}
		m := members[name%3]
		body := report.Minimised{ID: eventReport(name), Revision: revision, Sector: "finance", Standard: "finance/1.0", Said: []report.Said{
			{Path: "victim.victim_id", Form: standard.Form{Kind: standard.Token}, Value: fmt.Sprint("victim", event)},
			{Path: "timeline.incident", Form: standard.Form{Kind: standard.Exact}, Value: fmt.Sprintf("2026-01-%02d", 1+event)},
		}}
		if event%2 == 0 {
			body.Observables = []report.Seen{{Type: "domain", Token: "campaign"}}
		}
		c := id[wire.ContributionID]('c', fmt.Sprint("events", i))
		_, err := f.hub.Commit(f.ctx, m, c, []wire.ReportID{body.ID}, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
			row, err := key.Seal(receive.Row{Contribution: c, Report: body.ID, Revision: revision, Member: m, OwnerGroup: groups[name%3],
				Agreement: "a-one", Sector: body.Sector, Standard: string(body.Standard), Received: epoch.Add(time.Duration(i) * time.Minute)}, body, rand.Reader)
			return receive.Commit{Contribution: c, Member: m, Received: row.Received, Receipt: []byte("x"), Rows: []receive.Row{row}}, err
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// consolidateUntilKilled is the child: it kills itself, as nobody can hinder,
// at the failpoint that it was told.
func consolidateUntilKilled(t *testing.T, open Open, place string) {
	left, err := strconv.Atoi(os.Getenv(dieAfter))
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, ctx: context.Background(), place: place, open: open, hub: open(t, place)}
	room := f.room()
	room.Fail = func(string) {
		if left--; left >= 0 {
			return
		}
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		t.Error("this process outlived its kill", err)
		select {}
	}
	if _, err := room.Run(f.ctx); err != nil {
		t.Fatal(err)
	}
}

// derived writes all that a room makes of a sector.
func derived(t testing.TB, room *consolidate.Room) string {
	t.Helper()
	var b strings.Builder
	err := room.Each(t.Context(), "finance", func(told consolidate.Told) error {
		fmt.Fprintf(&b, "%+v\n", told.Incident)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	campaigns, _, err := room.Campaigns(t.Context(), "finance", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(campaigns) == 0 || b.Len() == 0 {
		t.Fatal("nothing was consolidated: this test cannot fail")
	}
	for _, c := range campaigns {
		fmt.Fprintf(&b, "%+v\n", c)
	}
	return b.String()
}
