package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/notify"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Everything is a hub's store with all that the rooms keep in it.
type Everything interface {
	Hub
	consolidate.Store
	analyse.Snapshots
	anonymise.Store
	deliver.Listings
	deliver.Shelves
	admit.Tokens
	Worker
	notify.Webhooks
	Pusher
	receive.Recalls
	receive.Holds
	deliver.Withdrawals
	Requester
}

// Strange is text that an engine might change: composed and decomposed,
// beyond the basic plane, right to left, quoted, and broken over lines.
const Strange = "Ångström A\u030angstro\u0308m 🏦 مصرف 'x' \"y\" \\z\t%s\r\n$1 \u2028\ufffd"

// Fill writes something into every table of a hub's record: members with
// strange names, more contributions than a page has, bytes of every value,
// revisions, nil reports, sessions, and all that is derived.
func Fill(t *testing.T, h Everything) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	f := &fixture{t: t, ctx: ctx, hub: h}
	f.member = f.join(Strange, "g-one")
	f.sendEvents(30)
	for i := range 520 {
		f.send(fmt.Sprint("many", i), told{fmt.Sprint("many", i), 0, everyByte + fmt.Sprint(i)})
	}
	c := id[wire.ContributionID]('c', "nil")
	_, err := h.Commit(ctx, f.member, c, nil, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{Contribution: c, Member: f.member, Received: epoch, Receipt: []byte(everyByte),
			Nil: []receive.NilRow{{Member: f.member, Sector: "finance", Period: "2026-Q1", Received: epoch}}}, nil
	})
	must(err)
	must(Erase(ctx, h, f.member, eventReport(0)))
	f.signIn("code", "cookie")
	f.link("another")

	b := &bench{fixture: f, kept: h}
	one, two := b.factOf(1, "t1"), b.factOf(2, "t1")
	b.put([]int64{-7, 7}, one, two)
	i, j := b.place(one), b.place(two)
	must(h.Update(ctx, func(w consolidate.Workbench) error {
		return errors.Join(w.MoveCursor(2), w.PutLinks([]consolidate.Link{{A: 1, B: 2, Weight: 1.1 / 3, Evidence: []string{Strange}}}),
			w.PutCampaign(consolidate.KeptCampaign{ID: one.OwnCampaign, Incidents: []wire.IncidentID{i.ID, j.ID}, Sources: i.Sources}))
	}))
	must(h.AddSnapshot(ctx, "s-1", "finance", epoch, []byte(everyByte)))
	must(h.AddRelease(ctx, anonymise.Release{ID: "finance-1", Sector: "finance", Title: Strange, Made: epoch,
		Files: []anonymise.File{{Name: "data.csv"}}}, map[string][]byte{"data.csv": []byte(everyByte)},
		anonymise.Basis{Sources: []anonymise.Source{{Seq: 1, Ground: 0, Groups: 2}, {Seq: 2}},
			Grounds: map[wire.MemberID][]anonymise.Ground{f.member: {{Standard: Strange, Granted: []anonymise.Granted{{Path: Strange, TLP: "TLP:GREEN"}}}}}}))
	for _, object := range []string{"indicator--0", "indicator--1"} { // the one goes when the other comes
		_, err = h.Relist(ctx, "finance", epoch, []deliver.Entry{{Object: object, Digest: []byte(everyByte)}})
		must(err)
	}
	f.restock(h, "shelf", epoch, shelfItems(numbers(0, 6)...)...)
	f.restock(h, "shelf", epoch, shelfItems(numbers(2, 6)...)...) // leaves a notice
	fillRecalls(f, h)
	must(h.AddToken(ctx, digest("token"), admit.Token{Member: f.member, Purposes: []member.Purpose{member.Defend}, Created: epoch, Expires: epoch.AddDate(1, 0, 0), Delegation: []byte(everyByte)}, 5))
	fillPushes(f, h)
	fillRequests(f, h)
	must((&webhooks{f, h}).add("webhook", f.member))
	must(h.AddOrder(ctx, admit.Order{ID: "o-1", Received: epoch, Authority: Strange, Reference: Strange, Asks: Strange, Member: f.member}))
	must(h.EndAgreement(ctx, admit.Ending{Member: f.join("merged", "g-merged"), At: epoch, Reason: "succession", Successor: f.member}))
	_, err = h.TakeWork(ctx, "statistics", epoch, time.Hour, time.Minute)
	must(err)
}

// everyByte holds each value that a byte can have.
var everyByte = func() string {
	var b [256]byte
	for i := range b {
		b[i] = byte(i)
	}
	return string(b[:])
}()
