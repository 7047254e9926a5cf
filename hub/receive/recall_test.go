package receive_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// recalling is a request of the party, at the hub's time.
func (p *party) recalling(reports ...wire.ReportID) wire.RecallRequest {
	return wire.RecallRequest{ID: fresh[wire.RecallID](p.t, 'd'), Member: p.id(), Hub: hubID, Made: p.now.Format(time.RFC3339), Reports: reports, Reason: wire.ReasonMistake}
}

func signedRecall(t testing.TB, r wire.RecallRequest, key ed25519.PrivateKey) []byte {
	t.Helper()
	payload, err := wire.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := envelope.Sign(wire.PayloadRecall, payload, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// destruction opens a receipt as the member does.
func (h *house) destruction(receipt []byte) wire.Destruction {
	h.t.Helper()
	hub := h.desk.Sign.Public().(ed25519.PublicKey)
	payload, _, err := envelope.Verify(receipt, wire.PayloadDestruction, func(id string) (ed25519.PublicKey, bool) { return hub, id == envelope.KeyID(hub) })
	if err != nil {
		h.t.Fatalf("the receipt does not verify: %v", err)
	}
	var d wire.Destruction
	if err := wire.Decode(payload, &d); err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (p *party) recalls(reports ...wire.ReportID) wire.Destruction {
	p.t.Helper()
	receipt, err := p.desk.TakeBack(p.ctx, signedRecall(p.t, p.recalling(reports...), p.key))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.destruction(receipt)
}

func TestARecallDestroysEveryRevisionAndIsReceipted(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	one, two := h.reported("one"), h.reported("two")
	one.Commitment = strings.Repeat("0a", 32)
	corrected := one
	corrected.Revision, corrected.Said = 1, slices.Clone(one.Said)
	corrected.Said[3].Value = "2026-02-04"
	bank.sends(bank.contributes(one, two))
	bank.sends(bank.contributes(corrected))
	h.desk.BackupDays = 10
	taken := 0
	h.desk.AfterRecall = func(context.Context, []byte) { taken++ }
	given := []wire.MemberID{h.joins("reader", "default", "finance").id()}
	h.desk.Given = func(_ context.Context, reports []receive.Received) (map[wire.ReportID][]wire.MemberID, error) {
		return map[wire.ReportID][]wire.MemberID{reports[0].Row().Report: given}, nil
	}
	h.now = h.now.Add(time.Hour)
	request := signedRecall(t, bank.recalling(one.ID), bank.key)
	receipt, err := h.desk.TakeBack(h.ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	d := h.destruction(receipt)
	want := wire.DestroyedReport{Report: one.ID, Status: wire.Destroyed, Revisions: []int{0, 1}, Commitments: []string{one.Commitment, one.Commitment}}
	if d.Member != bank.id() || d.Hub != hubID || d.At != h.now.Format(time.RFC3339) || d.By != wire.ByMember || d.Reason != wire.ReasonMistake ||
		d.BackupDays != 10 || d.BackupsUntil != "2026-03-11" || len(d.Reports) != 1 || fmt.Sprint(d.Reports[0]) != fmt.Sprint(want) || len(d.Request) != 64 {
		t.Errorf("the receipt says %+v", d)
	}
	for _, row := range h.rows() {
		if gone := row.Report == one.ID; row.Erased() != gone || gone && len(row.Body)+len(row.Digest) > 0 {
			t.Errorf("row %d: erased %v, with %d bytes of body and digest", row.Seq, row.Erased(), len(row.Body)+len(row.Digest))
		}
	}
	// The very same request, later: the very same receipt, and what is derived
	// is taken out once more.
	h.now = h.now.Add(72 * time.Hour)
	again, err := h.desk.TakeBack(h.ctx, request)
	if err != nil || !bytes.Equal(again, receipt) || taken != 2 {
		t.Errorf("asked again it answers another receipt, or takes nothing out (%d): %v", taken, err)
	}
	if n, err := h.record.NoticesTo(h.ctx, h.memberOf(given[0])); err != nil || len(n) != 1 {
		t.Errorf("who was given it is told %+v, %v", n, err)
	}
	// Asked anew, together with one that lives and one that nobody knows.
	none := fresh[wire.ReportID](t, 'r')
	d = bank.recalls(one.ID, two.ID, none)
	var statuses []string
	for _, r := range d.Reports {
		statuses = append(statuses, r.Status)
	}
	if !slices.Equal(statuses, []string{wire.DestroyedBefore, wire.Destroyed, wire.Unknown}) || d.Reports[0].At != "2026-03-01T10:00:00Z" {
		t.Errorf("the receipt says %+v", d.Reports)
	}
}

func TestARecallWithoutASignatureAnswersItsFirstReceiptAgain(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	one := h.reported("one")
	bank.sends(bank.contributes(one))
	standing, err := h.door.Standing(h.ctx, bank.id())
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.desk.Recall(h.ctx, standing, []wire.ReportID{one.ID}, "")
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	again, err := h.desk.Recall(h.ctx, standing, []wire.ReportID{one.ID}, wire.ReasonLegal)
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("asked again it answers another receipt: %v", err)
	}
	if d := h.destruction(first); d.By != wire.ByMember || d.Reason != wire.ReasonOther || d.Request != "" {
		t.Errorf("the receipt says %+v", d)
	}
	erased, err := h.desk.Erase(h.ctx, bank.id(), []wire.ReportID{one.ID}, wire.ReasonLegal)
	if err != nil || !bytes.Equal(erased, first) {
		t.Errorf("the operator gets another receipt of what is gone: %v", err)
	}
	if all, err := h.record.RecallsOf(h.ctx, bank.id()); err != nil || len(all) != 1 {
		t.Errorf("there are %d receipts, %v", len(all), err)
	}
}

func TestARecallThatIsWrongIsRefusedAndDestroysNothing(t *testing.T) {
	h := newHouse(t)
	bank, other := h.bank(), h.joins("other", "default", "finance")
	one := h.reported("one")
	bank.sends(bank.contributes(one))
	many := make([]wire.ReportID, wire.MaxRecall+1)
	for i := range many {
		many[i] = fresh[wire.ReportID](t, 'r')
	}
	for _, c := range []struct {
		name   string
		change func(*wire.RecallRequest)
		key    ed25519.PrivateKey
		kind   fault.Kind
		code   string
	}{
		{"another's name", nil, other.key, fault.Forbidden, "recall.member"},
		{"another hub", func(r *wire.RecallRequest) { r.Hub = "elsewhere" }, bank.key, fault.Forbidden, "recall.hub"},
		{"from the future", func(r *wire.RecallRequest) { r.Made = h.now.Add(time.Hour).Format(time.RFC3339) }, bank.key, fault.Invalid, "recall.clock"},
		{"no time", func(r *wire.RecallRequest) { r.Made = "yesterday" }, bank.key, fault.Invalid, "recall.made"},
		{"no id", func(r *wire.RecallRequest) { r.ID = "d-1" }, bank.key, fault.Invalid, "recall.id"},
		{"no report", func(r *wire.RecallRequest) { r.Reports = nil }, bank.key, fault.Invalid, "recall.empty"},
		{"too many", func(r *wire.RecallRequest) { r.Reports = many }, bank.key, fault.TooLarge, "recall.too_many"},
		{"one twice", func(r *wire.RecallRequest) { r.Reports = []wire.ReportID{one.ID, one.ID} }, bank.key, fault.Invalid, "recall.report_twice"},
		{"no id of a report", func(r *wire.RecallRequest) { r.Reports = []wire.ReportID{"r-1"} }, bank.key, fault.Invalid, "recall.report"},
		{"a reason of its own", func(r *wire.RecallRequest) { r.Reason = "Jane Q. Public" }, bank.key, fault.Invalid, "recall.reason"},
		{"unknown reports alone", func(r *wire.RecallRequest) { r.Reports = many[:2] }, bank.key, fault.NotFound, "recall.not_found"},
		{"a stranger's key", nil, newKey(t), fault.Unauthenticated, ""},
	} {
		r := bank.recalling(one.ID)
		if c.change != nil {
			c.change(&r)
		}
		_, err := h.desk.TakeBack(h.ctx, signedRecall(t, r, c.key))
		if f := fault.Public(err); err == nil || f.Kind != c.kind || c.code != "" && f.Code != c.code || strings.Contains(f.Message, "Jane") {
			t.Errorf("%s: got %v (%s)", c.name, err, f.Code)
		}
	}
	// Another member who names the report in its own name does not reach it.
	mine := other.recalling(one.ID)
	_, err := h.desk.TakeBack(h.ctx, signedRecall(t, mine, other.key))
	wantFault(t, err, fault.NotFound, "recall.not_found")
	for name, sealed := range map[string][]byte{"nothing": nil, "no JSON": []byte("{"), "another type": bank.sealed([]byte("{}"))} {
		if _, err := h.desk.TakeBack(h.ctx, sealed); err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rows := h.rows(); len(rows) != 1 || rows[0].Erased() {
		t.Error("something was destroyed")
	}
	if err := h.door.Suspend(h.ctx, bank.id()); err != nil {
		t.Fatal(err)
	}
	_, err = h.desk.TakeBack(h.ctx, signedRecall(t, bank.recalling(one.ID), bank.key))
	wantFault(t, err, fault.Forbidden, "member.suspended")
}

func TestARecallNeedsNoValidAgreement(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	one := h.reported("one")
	bank.sends(bank.contributes(one))
	h.now = bank.agreement.Until.Add(time.Hour)
	if _, err := h.door.Standing(h.ctx, bank.id()); err == nil {
		t.Fatal("the agreement is valid still; this shows nothing")
	}
	if d := bank.recalls(one.ID); d.Reports[0].Status != wire.Destroyed {
		t.Errorf("the receipt says %+v", d)
	}
}

func TestWhatWaitedSomewhereDoesNotUndoARecall(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	one := h.reported("one")
	bank.sends(bank.contributes(one))
	corrected := one
	corrected.Revision, corrected.Said = 1, slices.Clone(one.Said)
	corrected.Said[3].Value = "2026-02-04"
	h.now = h.now.Add(time.Minute)
	waiting := bank.contributes(corrected, h.reported("two"))
	h.now = h.now.Add(time.Minute)
	bank.recalls(one.ID)
	wantAnswers(t, bank.sends(waiting), "refused report.recalled at ", "accepted")
	// Said anew after the recall, it is received; what waited before does not
	// come through then either.
	h.now = h.now.Add(time.Minute)
	wantAnswers(t, bank.sends(bank.contributes(one)), "accepted")
	late := bank.contributes(corrected)
	late.Made = waiting.Made
	wantAnswers(t, bank.sends(late), "refused report.recalled at ")
}

// errKilled stands for a process that dies at a point.
type errKilled string

func TestARecallThatIsCutOffIsWholeOrNotAtAll(t *testing.T) {
	for _, c := range []struct {
		point string
		done  bool
	}{{receive.RecallBeforeCommit, false}, {receive.RecallAfterCommit, true}, {receive.RecallBeforeAnswer, true}} {
		t.Run(c.point, func(t *testing.T) {
			h := newHouse(t)
			bank := h.bank()
			one := h.reported("one")
			bank.sends(bank.contributes(one))
			h.desk.Fail = func(point string) {
				if point == c.point {
					panic(errKilled(point))
				}
			}
			request := signedRecall(t, bank.recalling(one.ID), bank.key)
			func() {
				defer func() {
					if died, ok := recover().(errKilled); !ok || string(died) != c.point {
						t.Errorf("it did not die at %s", c.point)
					}
				}()
				h.desk.TakeBack(h.ctx, request) //nolint:errcheck // it dies
			}()
			h.desk.Fail = nil
			all, err := h.record.RecallsOf(h.ctx, bank.id())
			if err != nil {
				t.Fatal(err)
			}
			if erased := h.rows()[0].Erased(); erased != c.done || (len(all) == 1) != c.done {
				t.Errorf("erased %v with %d receipts", erased, len(all))
			}
			receipt, err := h.desk.TakeBack(h.ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			if c.done && !bytes.Equal(receipt, all[0].Receipt) {
				t.Error("asked again it answers another receipt than is stored")
			}
			if d := h.destruction(receipt); d.Reports[0].Status != wire.Destroyed || !h.rows()[0].Erased() {
				t.Errorf("asked again: %+v", d)
			}
		})
	}
}

// A model of one member and a few reports, told and recalled in any order: what
// can be opened is what was told last after the last recall.
func TestWhatIsThereIsWhatWasToldSinceItsLastRecall(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	rapid.Check(t, func(t *rapid.T) {
		reports := make([]report.Minimised, 3)
		told := map[wire.ReportID]string{}
		for i := range reports {
			reports[i] = h.reported(fmt.Sprint("firm ", i))
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			h.now = h.now.Add(time.Second)
			some := rapid.SliceOfNDistinct(rapid.IntRange(0, 2), 1, 3, func(i int) int { return i }).Draw(t, "which")
			if rapid.Bool().Draw(t, "recall") {
				var ids []wire.ReportID
				known := false
				for _, i := range some {
					ids = append(ids, reports[i].ID)
					_, ever := told[reports[i].ID]
					known = known || ever
				}
				_, err := h.desk.TakeBack(h.ctx, signedRecall(bank.t, bank.recalling(ids...), bank.key))
				if (err == nil) != known {
					t.Fatalf("known %v: %v", known, err)
				}
				for _, id := range ids {
					if _, ever := told[id]; ever {
						told[id] = ""
					}
				}
				continue
			}
			var sent []report.Minimised
			for _, i := range some {
				r := reports[i]
				r.Said = slices.Clone(r.Said)
				r.Said[3].Value = fmt.Sprintf("2026-02-%02d", rapid.IntRange(1, 3).Draw(t, "day"))
				r.Revision = int(h.now.Unix() - epoch.Unix())
				sent = append(sent, r)
				told[r.ID] = r.Said[3].Value
			}
			bank.sends(bank.contributes(sent...))
		}
		for id, want := range told {
			rows, err := h.record.Live(h.ctx, bank.id(), []wire.ReportID{id})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, row := range rows {
				if !row.Superseded {
					r, err := receive.Restore(h.desk.Key, row)
					if err != nil {
						t.Fatal(err)
					}
					got = r.Report().Said[3].Value
				}
			}
			if got != want {
				t.Fatalf("a report says %q, want %q", got, want)
			}
		}
	})
}
