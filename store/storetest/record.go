package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

// Record is the contract of receive.Record.
func Record(t *testing.T, open Open) {
	for name, test := range map[string]func(*fixture){
		"WhatIsCommittedIsReadBack":                  committedIsReadBack,
		"TextAndBytesComeBackAsTheyWere":             textAndBytes,
		"AllOrNothingIsStored":                       allOrNothing,
		"AContributionSentAgainHasItsReceipt":        sentAgain,
		"AContributionIdBelongsToOneMember":          contributionOfAnother,
		"ANewRevisionSupersedesTheFormer":            revisionSupersedes,
		"ReportsOfMembersDoNotMeet":                  reportsOfMembers,
		"PagesOfAnySizeTellTheSame":                  pages,
		"LongListsAreAnswered":                       longLists,
		"NilReportsAreKeptOnce":                      nilReports,
		"AnErasedReportHasNoKey":                     erased,
		"TheLastAcceptedReportIsTheMembersOwn":       lastAccepted,
		"ReadersMissNothingWhileWritersCommit":       readersMissNothing,
		"TwoHandlesNeverAcceptOneReportTwice":        neverTwice,
		"TwoHandlesAnswerOneContributionWithOneWord": oneReceipt,
		"ACommitOutlivesItsHandle":                   outlives,
		"ACancelledCommitLeavesNothing":              cancelled,
	} {
		t.Run(name, func(t *testing.T) { test(newFixture(t, open)) })
	}
}

func committedIsReadBack(f *fixture) {
	f.send("c1", told{"a", 0, "one"}, told{"b", 3, "two"})
	rows := f.all()
	if len(rows) != 2 {
		f.t.Fatalf("the record has %d rows, want 2", len(rows))
	}
	for i, r := range []told{{"a", 0, "one"}, {"b", 3, "two"}} {
		want := rowOf(f.member, id[wire.ContributionID]('c', "c1"), r)
		want.Seq = int64(i) + 1
		if !reflect.DeepEqual(rows[i], want) {
			f.t.Errorf("row %d is\n%+v, want\n%+v", i, rows[i], want)
		}
	}
	receipt, err := f.hub.Receipt(f.ctx, f.member, id[wire.ContributionID]('c', "c1"))
	if err != nil || string(receipt) != "receipt of c1" {
		f.t.Errorf("the receipt is %q, %v", receipt, err)
	}
	receipt, err = f.hub.Receipt(f.ctx, f.member, id[wire.ContributionID]('c', "unknown"))
	if err != nil || receipt != nil {
		f.t.Errorf("an unknown contribution has the receipt %q, %v", receipt, err)
	}
	found, err := f.hub.Rows(f.ctx, []int64{2, 99, 1})
	if err != nil || !reflect.DeepEqual(found, rows) {
		f.t.Errorf("rows 2, 99, 1 are %+v, %v", found, err)
	}
}

func textAndBytes(f *fixture) {
	m := f.join(Strange, "g-two")
	c := id[wire.ContributionID]('c', "c1")
	row := rowOf(m, c, told{"a", 0, everyByte})
	row.Body, row.Key, row.Received = []byte(everyByte), []byte(everyByte), time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	_, err := f.hub.Commit(f.ctx, m, c, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{Contribution: c, Member: m, Received: row.Received, Receipt: []byte(everyByte), Rows: []receive.Row{row}}, nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	row.Seq = 1
	if rows := f.all(); len(rows) != 1 || !reflect.DeepEqual(rows[0], row) {
		f.t.Errorf("the row is\n%+v, want\n%+v", rows, row)
	}
	if receipt, err := f.hub.Receipt(f.ctx, m, c); err != nil || string(receipt) != everyByte {
		f.t.Errorf("the receipt is %q, %v", receipt, err)
	}
	if found, err := f.hub.Member(f.ctx, m); err != nil || found.Name != Strange {
		f.t.Errorf("the member is called %q, %v; want %q", found.Name, err, Strange)
	}
}

func allOrNothing(f *fixture) {
	c := id[wire.ContributionID]('c', "c1")
	ids := []wire.ReportID{id[wire.ReportID]('r', "a")}
	refusal := errors.New("no")
	_, err := f.hub.Commit(f.ctx, f.member, c, ids, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{}, refusal
	})
	if !errors.Is(err, refusal) {
		f.t.Fatalf("a refusal to commit comes back as %v", err)
	}
	// The second row cannot be stored: one revision of a report stands once.
	_, err = f.hub.Commit(f.ctx, f.member, c, ids, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		row := rowOf(f.member, c, told{"a", 1, "one"})
		return receive.Commit{Contribution: c, Member: f.member, Receipt: []byte("x"), Rows: []receive.Row{row, row},
			Nil: []receive.NilRow{{Member: f.member, Sector: "finance", Period: "2026-Q1"}}}, nil
	})
	if err == nil {
		f.t.Fatal("the same revision was stored twice")
	}
	if rows := f.all(); len(rows) != 0 {
		f.t.Errorf("%d rows were stored by commits that failed", len(rows))
	}
	if receipt, err := f.hub.Receipt(f.ctx, f.member, c); receipt != nil || err != nil {
		f.t.Errorf("a failed commit left the receipt %q, %v", receipt, err)
	}
	if nils, err := f.hub.NilReports(f.ctx, "finance", ""); len(nils) != 0 || err != nil {
		f.t.Errorf("a failed commit left %v, %v", nils, err)
	}
	f.send("c1", told{"a", 1, "one"})
	if err := gapless(f.all()); err != nil {
		f.t.Errorf("after commits that failed, %v", err)
	}
}

func sentAgain(f *fixture) {
	f.send("c1", told{"a", 0, "one"})
	c := id[wire.ContributionID]('c', "c1")
	receipt, err := f.hub.Commit(f.ctx, f.member, c, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		f.t.Error("the record asked again what to store of a contribution that it has")
		return receive.Commit{}, nil
	})
	if err != nil || string(receipt) != "receipt of c1" {
		f.t.Errorf("sent again, the answer is %q, %v", receipt, err)
	}
	if n := len(f.all()); n != 1 {
		f.t.Errorf("the record has %d rows, want 1", n)
	}
}

func contributionOfAnother(f *fixture) {
	other := f.join("second", "g-two")
	f.send("c1", told{"a", 0, "one"})
	_, err := f.hub.Receipt(f.ctx, other, id[wire.ContributionID]('c', "c1"))
	wantKind(f.t, err, fault.Conflict)
	_, _, err = send(f.ctx, f.hub, other, "c1", told{"b", 0, "two"})
	wantKind(f.t, err, fault.Conflict)
}

func revisionSupersedes(f *fixture) {
	f.send("c1", told{"a", 0, "one"})
	f.send("c2", told{"a", 1, "one, corrected"}, told{"a", 2, "one, corrected twice"})
	rows := f.all()
	for i, want := range []bool{true, true, false} {
		if rows[i].Superseded != want {
			f.t.Errorf("revision %d: superseded is %v", rows[i].Revision, rows[i].Superseded)
		}
	}
	a, b := id[wire.ReportID]('r', "a"), id[wire.ReportID]('r', "unknown")
	known, err := f.hub.Latest(f.ctx, f.member, []wire.ReportID{a, b})
	want := map[wire.ReportID]receive.Known{a: {Seq: 3, Revision: 2, Digest: digest("one, corrected twice")}}
	if err != nil || !reflect.DeepEqual(known, want) {
		f.t.Errorf("known is %v, %v, want %v", known, err, want)
	}
	if taken := f.send("c3", told{"a", 3, "one, corrected twice"}); taken != 0 {
		f.t.Error("the same content was taken again")
	}
}

func reportsOfMembers(f *fixture) {
	other := f.join("second", "g-two")
	f.send("c1", told{"a", 0, "one"})
	if _, taken, err := send(f.ctx, f.hub, other, "c2", told{"a", 0, "one"}); err != nil || taken != 1 {
		f.t.Errorf("another member's report of the same id: %d taken, %v", taken, err)
	}
	for _, r := range f.all() {
		if r.Superseded {
			f.t.Error("a member's report superseded another member's")
		}
	}
	mine, err := f.hub.ByMember(f.ctx, other, 0, 10)
	if err != nil || len(mine) != 1 || mine[0].Member != other {
		f.t.Errorf("rows of a member are %v, %v", mine, err)
	}
}

func pages(f *fixture) {
	for i := range 5 {
		f.send(fmt.Sprint("c", i), told{fmt.Sprint("a", i), 0, "x"}, told{fmt.Sprint("b", i), 0, "y"})
	}
	want := f.all()
	if err := gapless(want); err != nil || len(want) != 10 {
		f.t.Fatalf("%d rows, %v", len(want), err)
	}
	for page := 1; page <= 11; page++ {
		got, err := all(f.ctx, f.hub, page)
		if err != nil || !reflect.DeepEqual(got, want) {
			f.t.Errorf("in pages of %d the record tells something else, %v", page, err)
		}
	}
	var newest []receive.Row
	for before := int64(0); ; before = newest[len(newest)-1].Seq {
		part, err := f.hub.ByMember(f.ctx, f.member, before, 3)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		newest = append(newest, part...)
	}
	for i, r := range newest {
		if r.Seq != int64(len(want)-i) {
			f.t.Fatalf("newest first, row %d has sequence number %d", i, r.Seq)
		}
	}
	if len(newest) != len(want) {
		f.t.Errorf("newest first there are %d rows, want %d", len(newest), len(want))
	}
}

func longLists(f *fixture) {
	const many = 1203
	var reports []told
	var ids []wire.ReportID
	var seqs []int64
	for i := range many {
		name := fmt.Sprint("a", i)
		reports = append(reports, told{name, 0, name})
		ids = append(ids, id[wire.ReportID]('r', name))
		seqs = append(seqs, int64(many-i))
	}
	f.send("c1", reports...)
	if known, err := f.hub.Latest(f.ctx, f.member, ids); err != nil || len(known) != many {
		f.t.Errorf("%d of %d reports are known, %v", len(known), many, err)
	}
	rows, err := f.hub.Rows(f.ctx, seqs)
	if err != nil || len(rows) != many {
		f.t.Fatalf("%d of %d rows, %v", len(rows), many, err)
	}
	if err := gapless(rows); err != nil {
		f.t.Error(err)
	}
}

func nilReports(f *fixture) {
	other := f.join("second", "g-two")
	commit := func(m wire.MemberID, c string, at time.Time, periods ...string) {
		cid := id[wire.ContributionID]('c', c)
		_, err := f.hub.Commit(f.ctx, m, cid, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
			k := receive.Commit{Contribution: cid, Member: m, Received: at, Receipt: []byte("x")}
			for _, p := range periods {
				k.Nil = append(k.Nil, receive.NilRow{Member: m, Sector: "finance", Period: p, Received: at})
			}
			return k, nil
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	commit(f.member, "c1", epoch, "2026-Q2", "2026-Q1")
	commit(f.member, "c2", epoch.Add(time.Hour), "2026-Q1")
	commit(other, "c3", epoch, "2026-Q1")
	mine, err := f.hub.NilReports(f.ctx, "finance", f.member)
	want := []receive.NilRow{
		{Member: f.member, Sector: "finance", Period: "2026-Q1", Received: epoch},
		{Member: f.member, Sector: "finance", Period: "2026-Q2", Received: epoch},
	}
	if err != nil || !reflect.DeepEqual(mine, want) {
		f.t.Errorf("a member's nil reports are %v, %v", mine, err)
	}
	if everyone, err := f.hub.NilReports(f.ctx, "finance", ""); err != nil || len(everyone) != 3 {
		f.t.Errorf("all nil reports are %v, %v", everyone, err)
	}
	if none, err := f.hub.NilReports(f.ctx, "health", ""); err != nil || len(none) != 0 {
		f.t.Errorf("nil reports of another sector are %v, %v", none, err)
	}
}

func erased(f *fixture) {
	f.send("c1", told{"a", 0, "one"}, told{"b", 0, "two"})
	f.send("c2", told{"a", 1, "one, corrected"})
	a := id[wire.ReportID]('r', "a")
	if err := Erase(f.ctx, f.hub, f.member, a); err != nil {
		f.t.Fatal(err)
	}
	for _, r := range f.all() {
		gone := r.Report == a
		if r.Erased() != gone || (len(r.Body) == 0) != gone {
			f.t.Errorf("row %d: erased %v, body of %d bytes", r.Seq, r.Erased(), len(r.Body))
		}
	}
	if known, err := f.hub.Latest(f.ctx, f.member, []wire.ReportID{a}); err != nil || len(known) != 0 {
		f.t.Errorf("an erased report is still known: %v, %v", known, err)
	}
	if taken := f.send("c3", told{"a", 1, "one, corrected"}); taken != 1 {
		f.t.Error("an erased report could not be contributed again")
	}
}

// lastAccepted: of the member's own that are still there, the newest.
func lastAccepted(f *fixture) {
	other := f.join("second", "g-two")
	at := func(m wire.MemberID, want time.Time) {
		f.t.Helper()
		if got, err := f.hub.LastAccepted(f.ctx, m); err != nil || !got.Equal(want) {
			f.t.Errorf("the last accepted report of %s came at %s, %v; want %s", m, got, err, want)
		}
	}
	at(f.member, time.Time{})
	f.send("c1", told{"a", 0, "one"})
	f.send("c2", told{"b", 5, "two"}) // five seconds later
	var came [2]time.Time
	for i, r := range f.all() {
		came[i] = r.Received
	}
	at(f.member, came[1])
	at(other, time.Time{})
	for i, name := range []string{"b", "a"} {
		if err := Erase(f.ctx, f.hub, f.member, id[wire.ReportID]('r', name)); err != nil {
			f.t.Fatal(err)
		}
		at(f.member, map[int]time.Time{0: came[0]}[i])
	}
}

// readersMissNothing lets writers on two handles commit while a reader
// follows: it must never see a number before all below it.
func readersMissNothing(f *fixture) {
	const writers, each = 4, 15
	handles := []Hub{f.hub, f.handle()}
	reader := f.handle()
	var wg sync.WaitGroup
	failed := make(chan error, writers+1)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				name := fmt.Sprintf("w%d-%d", w, i)
				if _, _, err := send(f.ctx, handles[w%2], f.member, name, told{name, 0, name}, told{name + "'", 0, name}); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	seen := int64(0)
	for writing := true; writing; {
		select {
		case err := <-failed:
			f.t.Fatal(err)
		case <-done:
			writing = false
		default:
		}
		rows, err := reader.After(f.ctx, seen, 7)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, r := range rows {
			if r.Seq != seen+1 {
				f.t.Fatalf("after %d the reader saw %d", seen, r.Seq)
			}
			seen = r.Seq
		}
	}
	rows, err := all(f.ctx, reader, 100)
	if err != nil || len(rows) != 2*writers*each {
		f.t.Errorf("%d rows, %v, want %d", len(rows), err, 2*writers*each)
	}
}

// neverTwice lets two handles offer the same reports under different
// contributions at once.
func neverTwice(f *fixture) {
	const rounds = 20
	handles := []Hub{f.hub, f.handle()}
	taken := make([]int, len(handles))
	var wg sync.WaitGroup
	for h := range handles {
		wg.Go(func() {
			for i := range rounds {
				_, n, err := send(f.ctx, handles[h], f.member, fmt.Sprintf("h%d-%d", h, i), told{fmt.Sprint("a", i), 0, "same"})
				if err != nil {
					f.t.Error(err)
					return
				}
				taken[h] += n
			}
		})
	}
	wg.Wait()
	if n := len(f.all()); n != rounds || taken[0]+taken[1] != rounds {
		f.t.Errorf("%d reports were stored as %d rows, taken %v", rounds, n, taken)
	}
}

// oneReceipt lets two handles commit the same contribution at once.
func oneReceipt(f *fixture) {
	handles := []Hub{f.hub, f.handle()}
	receipts := make([][]byte, len(handles))
	asked := make([]bool, len(handles))
	c := id[wire.ContributionID]('c', "c1")
	var wg sync.WaitGroup
	for h := range handles {
		wg.Go(func() {
			var err error
			receipts[h], err = handles[h].Commit(f.ctx, f.member, c, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
				asked[h] = true
				return receive.Commit{Contribution: c, Member: f.member, Received: epoch, Receipt: fmt.Appendf(nil, "receipt by %d", h)}, nil
			})
			if err != nil {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
	if !bytes.Equal(receipts[0], receipts[1]) || asked[0] == asked[1] {
		f.t.Errorf("receipts are %q, decided by %v", receipts, asked)
	}
}

func outlives(f *fixture) {
	f.send("c1", told{"a", 0, "one"})
	if err := f.hub.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.hub = f.handle()
	if n := len(f.all()); n != 1 {
		f.t.Errorf("after opening again there are %d rows, want 1", n)
	}
	if taken := f.send("c2", told{"a", 0, "one"}); taken != 0 {
		f.t.Error("after opening again the same report was taken again")
	}
}

func cancelled(f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	c := id[wire.ContributionID]('c', "c1")
	_, err := f.hub.Commit(ctx, f.member, c, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		cancel()
		return receive.Commit{Contribution: c, Member: f.member, Receipt: []byte("x"), Rows: []receive.Row{rowOf(f.member, c, told{"a", 0, "one"})}}, nil
	})
	if err == nil {
		f.t.Error("a commit whose caller went away was acknowledged")
	}
	if n := len(f.all()); n != 0 {
		f.t.Errorf("a cancelled commit left %d rows", n)
	}
	f.send("c1", told{"a", 0, "one"})
}
