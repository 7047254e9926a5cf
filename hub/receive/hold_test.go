package receive_test

import (
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

func (h *house) memberOf(id wire.MemberID) member.Member {
	h.t.Helper()
	m, err := h.record.Member(h.ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// approves signs a hold as the party's machine does.
func (p *party) approves(h wire.Hold, verdict string, change ...func(*wire.HoldApproval)) (wire.HoldState, error) {
	p.t.Helper()
	a := wire.HoldApproval{Hold: h, Verdict: verdict, Member: p.id(), Hub: hubID, Person: "A. Person", Made: p.now.Format(time.RFC3339)}
	for _, f := range change {
		f(&a)
	}
	payload, err := wire.Canonical(a)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := envelope.Sign(wire.PayloadHoldApproval, payload, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.desk.Approve(p.ctx, signed)
}

func (p *party) mustApprove(h wire.Hold, verdict, state string) {
	p.t.Helper()
	s, err := p.approves(h, verdict)
	if err != nil || s.State != state {
		p.t.Fatalf("approved it is %+v, %v; want %s", s, err, state)
	}
}

func TestAHoldIsApprovedByTheTwoThatItNames(t *testing.T) {
	h := newHouse(t)
	bank, one, other, third := h.bank(), h.joins("one", "", "finance"), h.joins("other", "", "finance"), h.joins("third", "", "finance")
	day := h.now.Add(24 * time.Hour)
	two := [2]wire.MemberID{one.id(), other.id()}
	for name, c := range map[string]struct {
		of        wire.MemberID
		until     time.Time
		approvers [2]wire.MemberID
		code      string
	}{
		"already over":           {bank.id(), h.now, two, "hold.until"},
		"without end":            {bank.id(), h.now.AddDate(10, 0, 0), two, "hold.until"},
		"one who approves twice": {bank.id(), day, [2]wire.MemberID{one.id(), one.id()}, "hold.one_approver"},
		"nobody":                 {bank.id(), day, [2]wire.MemberID{one.id(), "m-none"}, "hold.approver"},
		"of nobody":              {"m-none", day, two, "member.not_found"},
	} {
		if _, err := h.desk.Hold(h.ctx, c.of, "", "", c.until, c.approvers); err == nil || fault.Public(err).Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	hold, err := h.desk.Hold(h.ctx, bank.id(), "", "case 7", day, two)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := third.approves(hold, wire.HoldBegin); fault.Public(err).Code != "hold.not_found" {
		t.Errorf("a third approves: %v", err)
	}
	for name, f := range map[string]func(*wire.HoldApproval){
		"another day":    func(a *wire.HoldApproval) { a.Hold.Until = h.now.AddDate(1, 0, 0).Format(time.RFC3339) },
		"another member": func(a *wire.HoldApproval) { a.Hold.Of = third.id() },
		"another hub":    func(a *wire.HoldApproval) { a.Hub = "elsewhere" },
		"another's name": func(a *wire.HoldApproval) { a.Member = other.id() },
		"another word":   func(a *wire.HoldApproval) { a.Verdict = "perhaps" },
		"another hold":   func(a *wire.HoldApproval) { a.Hold.ID = fresh[wire.HoldID](t, 'h') },
	} {
		if _, err := one.approves(hold, wire.HoldBegin, f); err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	one.mustApprove(hold, wire.HoldBegin, wire.HoldProposed)
	one.mustApprove(hold, wire.HoldBegin, wire.HoldProposed)
	other.mustApprove(hold, wire.HoldBegin, wire.HoldActive)
	if mine, err := h.desk.HoldsOf(h.ctx, third.id()); err != nil || len(mine.Holds) != 0 {
		t.Errorf("a third is told of %+v, %v", mine, err)
	}
	one.mustApprove(hold, wire.HoldEnd, wire.HoldActive)
	other.mustApprove(hold, wire.HoldEnd, wire.HoldOver)
	if _, err := other.approves(hold, wire.HoldBegin); fault.Public(err).Code != "hold.over" {
		t.Errorf("it begins again: %v", err)
	}
}

func TestAHoldKeepsTheKeyOfARecalledReportUntilItsSecondAndOpensItToNobody(t *testing.T) {
	h := newHouse(t)
	bank, one, other := h.bank(), h.joins("one", "", "finance"), h.joins("other", "", "finance")
	held, free := h.reported("held"), h.reported("free")
	bank.sends(bank.contributes(held, free))
	until := h.now.Add(48 * time.Hour)
	hold, err := h.desk.Hold(h.ctx, bank.id(), held.ID, "case 7", until, [2]wire.MemberID{one.id(), other.id()})
	if err != nil {
		t.Fatal(err)
	}
	one.mustApprove(hold, wire.HoldBegin, wire.HoldProposed)
	other.mustApprove(hold, wire.HoldBegin, wire.HoldActive)
	d := bank.recalls(held.ID, free.ID)
	if d.Reports[0].Status != wire.Held || d.Reports[0].HeldUntil != until.Format(time.RFC3339) || d.Reports[1].Status != wire.Destroyed {
		t.Fatalf("the receipt says %+v", d.Reports)
	}
	for _, row := range h.rows() {
		if _, err := receive.Restore(h.desk.Key, row); fault.KindOf(err) != fault.NotFound {
			t.Errorf("row %d of a recalled report opens: %v", row.Seq, err)
		}
	}
	keys := func(want int) {
		t.Helper()
		all, err := h.desk.HoldsOf(h.ctx, "")
		if err != nil || len(all.Holds) != 1 || all.Holds[0].Keys != want {
			t.Errorf("the holds are %+v, %v; want %d keys", all, err, want)
		}
	}
	h.now = until.Add(-time.Second)
	if n, err := h.desk.EndHolds(h.ctx); n != 0 || err != nil {
		t.Fatalf("a second before its end: %d, %v", n, err)
	}
	keys(1)
	h.now = until
	if n, err := h.desk.EndHolds(h.ctx); n != 1 || err != nil {
		t.Fatalf("at its end: %d, %v", n, err)
	}
	keys(0)
	all, err := h.record.RecallsOf(h.ctx, bank.id())
	if err != nil || len(all) != 2 {
		t.Fatalf("the receipts are %+v, %v", all, err)
	}
	end := h.destruction(all[0].Receipt)
	if end.By != wire.ByHoldEnd || end.At != until.Format(time.RFC3339) || len(end.Reports) != 1 || end.Reports[0].Report != held.ID || end.Reports[0].Status != wire.Destroyed {
		t.Errorf("the receipt at its end says %+v", end)
	}
	if n, err := h.desk.EndHolds(h.ctx); n != 0 || err != nil {
		t.Errorf("it ends again: %d, %v", n, err)
	}
}
