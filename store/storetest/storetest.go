// Package storetest is the contract of the record: what every store must hold
// to, whatever engine is under it. A store's own tests call each suite with a
// way to open it:
//
//	storetest.Record(t, open)   // hub/receive's needs
//	storetest.Admit(t, open)    // hub/admit's needs
//	storetest.Work(t, open)     // what a schedule shared by processes needs
//	storetest.Webhooks(t, open) // hub/notify's needs
//	storetest.Pushes(t, open)   // what taking in pushes needs
//	storetest.Shelves(t, open)  // hub/deliver.Shelves
//	storetest.Requests(t, open) // what hub/reconcile needs
//	storetest.Killed(t, open)   // what a SIGKILL may not undo
//
// Opening the same place twice gives two handles on one record, as two
// processes would have them.
package storetest

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Hub is all that a hub's store does.
type Hub interface {
	receive.Record
	receive.Recalls
	admit.Record
	// LastAccepted tells when the newest of a member's reports that is still
	// there came in; zero if there is none.
	LastAccepted(ctx context.Context, m wire.MemberID) (time.Time, error)
	Close() error
}

// Open opens the record at a place, making it if there is none. The suite
// closes what it opens.
type Open func(t testing.TB, place string) Hub

// epoch is when the suites' stories begin.
var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// fixture is one record with one member in it and a handle to it.
type fixture struct {
	t      *testing.T
	ctx    context.Context
	place  string
	open   Open
	hub    Hub
	member wire.MemberID
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	f := &fixture{t: t, ctx: t.Context(), place: t.TempDir(), open: open}
	f.hub = f.handle()
	f.member = f.join("first", "g-one")
	return f
}

// handle opens the fixture's record once more.
func (f *fixture) handle() Hub {
	f.t.Helper()
	h := f.open(f.t, f.place)
	f.t.Cleanup(func() { h.Close() })
	return h
}

func id[T ~string](prefix byte, name string) T {
	sum := sha256.Sum256([]byte(name))
	return wire.IDFrom[T](prefix, [16]byte(sum[:16]))
}

func digest(s string) []byte { sum := sha256.Sum256([]byte(s)); return sum[:] }

// join makes a member in the record by way of an invitation.
func (f *fixture) join(name string, group wire.OwnerGroup) wire.MemberID {
	f.t.Helper()
	j := joining(name, group)
	if err := f.hub.AddInvitation(f.ctx, digest("code of "+name), invitationOf(j)); err != nil {
		f.t.Fatal(err)
	}
	_, err := f.hub.Join(f.ctx, digest("code of "+name), epoch, func(admit.Found) (admit.Joined, error) { return j, nil })
	if err != nil {
		f.t.Fatal(err)
	}
	return j.Member.ID
}

func joining(name string, group wire.OwnerGroup) admit.Joined {
	key := ed25519.NewKeyFromSeed(digest("key of " + name)).Public().(ed25519.PublicKey)
	m := member.Member{
		ID: id[wire.MemberID]('m', name), Name: name, Stake: member.Industry, Kind: "firm", OwnerGroup: group,
		Sectors: []string{"finance", "health"}, Key: key, Since: epoch, CountsFrom: epoch.Add(time.Hour),
	}
	return admit.Joined{Member: m, KeyID: hex.EncodeToString(digest(string(key))), Agreement: admit.Held{
		ID: id[wire.AgreementID]('a', name), Member: m.ID, From: epoch, Until: epoch.AddDate(1, 0, 0), Signed: []byte("agreement of " + name),
	}}
}

func invitationOf(j admit.Joined) admit.Invitation {
	return admit.Invitation{Created: epoch, ValidUntil: epoch.AddDate(0, 0, 14), Card: admit.Card{
		Name: j.Member.Name, Stake: j.Member.Stake, Kind: j.Member.Kind, OwnerGroup: j.Member.OwnerGroup, Sectors: j.Member.Sectors,
	}}
}

// told is a report to store: its name, revision and content.
type told struct {
	report   string
	revision int
	content  string
}

// rowOf is a row as receive would have it stored.
func rowOf(m wire.MemberID, c wire.ContributionID, r told) receive.Row {
	return receive.Row{
		Contribution: c, Report: id[wire.ReportID]('r', r.report), Revision: r.revision, Member: m, OwnerGroup: "g-one",
		Agreement: "a-one", Sector: "finance", Standard: "finance/1.0", Received: epoch.Add(time.Minute + time.Duration(r.revision)*time.Second),
		Digest: digest(r.content), Body: []byte("sealed " + r.content), Key: []byte("wrapped " + r.content),
	}
}

// send commits reports, each taken unless the record has its very content,
// as receive decides.
func send(ctx context.Context, h Hub, m wire.MemberID, contribution string, reports ...told) (receipt []byte, taken int, err error) {
	c := id[wire.ContributionID]('c', contribution)
	ids := make([]wire.ReportID, len(reports))
	for i, r := range reports {
		ids[i] = id[wire.ReportID]('r', r.report)
	}
	receipt, err = h.Commit(ctx, m, c, ids, func(known map[wire.ReportID]receive.Known) (receive.Commit, error) {
		commit := receive.Commit{Contribution: c, Member: m, Received: epoch.Add(time.Minute), Receipt: []byte("receipt of " + contribution)}
		for _, r := range reports {
			row := rowOf(m, c, r)
			if k, ok := known[row.Report]; ok && string(k.Digest) == string(row.Digest) {
				continue
			}
			commit.Rows = append(commit.Rows, row)
		}
		taken = len(commit.Rows)
		return commit, nil
	})
	return receipt, taken, err
}

func (f *fixture) send(contribution string, reports ...told) int {
	f.t.Helper()
	_, taken, err := send(f.ctx, f.hub, f.member, contribution, reports...)
	if err != nil {
		f.t.Fatal(err)
	}
	return taken
}

// all reads the whole record in pages of the given size.
func all(ctx context.Context, h Hub, page int) (rows []receive.Row, err error) {
	for after := int64(0); ; {
		next, err := h.After(ctx, after, page)
		if err != nil || len(next) == 0 {
			return rows, err
		}
		rows = append(rows, next...)
		after = next[len(next)-1].Seq
	}
}

func (f *fixture) all() []receive.Row {
	f.t.Helper()
	rows, err := all(f.ctx, f.hub, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	return rows
}

func wantKind(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("got error %v, want a fault of kind %v", err, kind)
	}
}

// gapless checks that sequence numbers run 1, 2, 3 …
func gapless(rows []receive.Row) error {
	for i, r := range rows {
		if r.Seq != int64(i)+1 {
			return fmt.Errorf("row %d has sequence number %d", i, r.Seq)
		}
	}
	return nil
}

// Seed makes a member with one report, whose wrapped key is given, for tests
// of what a store leaves in its files.
func Seed(t *testing.T, h Hub, key []byte) (wire.MemberID, wire.ReportID) {
	t.Helper()
	f := &fixture{t: t, ctx: t.Context(), hub: h}
	m := f.join("first", "g-one")
	c := id[wire.ContributionID]('c', "c1")
	row := rowOf(m, c, told{"a", 0, "one"})
	row.Key = key
	_, err := h.Commit(f.ctx, m, c, []wire.ReportID{row.Report}, func(map[wire.ReportID]receive.Known) (receive.Commit, error) {
		return receive.Commit{Contribution: c, Member: m, Received: epoch, Receipt: []byte("x"), Rows: []receive.Row{row}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, row.Report
}
