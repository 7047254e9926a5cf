package receive_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

func TestAContributionIsStoredOnceAndReceipted(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	c := bank.contributes(h.reported("one"), h.reported("two"))
	envelope := bank.sealed(plaintext(t, c))
	first, err := h.desk.Receive(h.ctx, envelope)
	if err != nil {
		t.Fatal(err)
	}
	r := h.receipt(first)
	wantAnswers(t, r, "accepted", "accepted")
	if r.Contribution != c.ID || r.Member != bank.id() || r.Hub != hubID || r.Received != epoch.Format(time.RFC3339) || r.Custody != wire.SingleCustody {
		t.Errorf("the receipt is %+v", r)
	}
	if r.Results[0].Report != c.Reports[0].ID || r.Results[1].Report != c.Reports[1].ID {
		t.Errorf("the results name the reports %+v", r.Results)
	}
	if r.Log != nil {
		t.Error("the receipt claims a place in a log that does not exist")
	}

	// The very same bytes again, later: the very same receipt.
	h.now = h.now.Add(72 * time.Hour)
	again, err := h.desk.Receive(h.ctx, envelope)
	if err != nil || string(again) != string(first) {
		t.Errorf("sent again the answer is another one: %v", err)
	}
	rows := h.rows()
	if len(rows) != 2 {
		t.Fatalf("the record has %d rows", len(rows))
	}
	for i, row := range rows {
		got, err := receive.Restore(h.desk.Key, row)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.Reports[i]; string(textOf(t, got.Report())) != string(textOf(t, want)) {
			t.Errorf("stored was %+v, sent %+v", got.Report(), want)
		}
		if row.Member != bank.id() || row.OwnerGroup != "g-bank" || row.Agreement != bank.agreement.ID || row.Sector != "finance" || row.Standard != "finance/1.0" {
			t.Errorf("the row is %+v", got.Row())
		}
	}
}

func textOf(t testing.TB, r report.Minimised) []byte {
	t.Helper()
	text, err := wire.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAReceiptHasAPlaceForItsInclusionProof(t *testing.T) {
	with := wire.Receipt{Log: &wire.LogEntry{Origin: "log.example", Index: 7, Proof: []string{"a"}}}
	text, err := wire.Canonical(with)
	if err != nil {
		t.Fatal(err)
	}
	var back wire.Receipt
	if err := wire.Decode(text, &back); err != nil || back.Log == nil || back.Log.Index != 7 {
		t.Errorf("read back it is %+v, %v", back, err)
	}
}

func TestTheSameReportAgainIsADuplicateAndCountsOnce(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	r := h.reported("one")
	wantAnswers(t, bank.sends(bank.contributes(r)), "accepted")
	again := r
	again.Revision, again.Commitment = 4, strings.Repeat("0a", 32)
	// In another contribution, numbered anew, committed to another file, and
	// twice in one batch.
	wantAnswers(t, bank.sends(bank.contributes(r)), "duplicate")
	wantAnswers(t, bank.sends(bank.contributes(again, r)), "duplicate", "duplicate")
	other := h.reported("two")
	wantAnswers(t, bank.sends(bank.contributes(other, other)), "accepted", "duplicate")
	if n := len(h.rows()); n != 2 {
		t.Errorf("two reports make %d rows", n)
	}
}

func TestACorrectionSupersedesAndAnOldOneIsStale(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	r := h.reported("one")
	at := func(revision int, day string) report.Minimised {
		c := r
		c.Revision, c.Said = revision, slices.Clone(r.Said)
		c.Said[3].Value = day
		return c
	}
	for _, step := range []struct {
		name string
		sent report.Minimised
		want string
		now  int // revision that holds afterwards
	}{
		{"first", at(0, "2026-02-03"), "accepted", 0},
		{"corrected", at(3, "2026-02-04"), "accepted", 3},
		{"what waited in an outbox", at(1, "2026-02-05"), "refused report.stale_revision at revision", 3},
		{"the same number for other contents", at(3, "2026-02-06"), "accepted", 4},
		{"back to what it first said", at(5, "2026-02-03"), "accepted", 5},
		{"nothing new under a higher number", at(9, "2026-02-03"), "duplicate", 5},
	} {
		wantAnswers(t, bank.sends(bank.contributes(step.sent)), step.want)
		known, err := h.record.Latest(h.ctx, bank.id(), []wire.ReportID{r.ID})
		if err != nil || known[r.ID].Revision != step.now {
			t.Fatalf("%s: the record has revision %d, %v; want %d", step.name, known[r.ID].Revision, err, step.now)
		}
	}
	current := 0
	for _, row := range h.rows() {
		if !row.Superseded {
			current++
		}
	}
	if current != 1 {
		t.Errorf("%d revisions hold at once", current)
	}
}

func TestTwoMembersWithOneReportIDDoNotMeet(t *testing.T) {
	h := newHouse(t)
	bank, other := h.bank(), h.joins("other", "default", "finance")
	mine := h.reported("one")
	wantAnswers(t, bank.sends(bank.contributes(mine)), "accepted")
	theirs := h.reported("two")
	theirs.ID, theirs.Revision = mine.ID, 9
	// Neither a duplicate nor a correction of what is not theirs.
	wantAnswers(t, other.sends(other.contributes(theirs)), "accepted")
	for _, row := range h.rows() {
		if row.Superseded {
			t.Error("a member has superseded another's report")
		}
	}
}

func TestAContributionIDIsOneMembersAndOneContents(t *testing.T) {
	h := newHouse(t)
	bank, other := h.bank(), h.joins("other", "default", "finance")
	c := bank.contributes(h.reported("one"))
	bank.sends(c)
	taken := other.contributes(h.reported("two"))
	taken.ID = c.ID
	_, err := h.desk.Receive(h.ctx, other.sealed(plaintext(t, taken)))
	wantFault(t, err, fault.Conflict, "contribution.id_taken")
	changed := c
	changed.Reports = []report.Minimised{h.reported("three")}
	_, err = h.desk.Receive(h.ctx, bank.sealed(plaintext(t, changed)))
	wantFault(t, err, fault.Conflict, "contribution.changed")
	if n := len(h.rows()); n != 1 {
		t.Errorf("the record has %d rows", n)
	}
}

func TestNilReportsAreCountedOncePerQuarter(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	c := bank.contributes(h.reported("one"))
	c.Nil = []report.Nil{
		{Sector: "finance", Period: "2025-Q4"}, {Sector: "finance", Period: "2025-Q4"}, {Sector: "health", Period: "2025-Q4"},
		{Sector: "finance", Period: "2026-Q2"}, {Sector: "finance", Period: "last autumn"},
	}
	wantAnswers(t, bank.sends(c), "accepted", "accepted", "duplicate",
		"refused report.sector at sector", "refused nil.period at period", "refused nil.period at period")
	alone := bank.contributes()
	alone.Nil = c.Nil[:1]
	wantAnswers(t, bank.sends(alone), "duplicate")
	known, err := h.record.NilReports(h.ctx, "finance", "")
	if err != nil || len(known) != 1 {
		t.Errorf("nil reports are %+v, %v", known, err)
	}
}

// On the first of March the first quarter is running; what the member reported
// of a quarter, in the record or in the same contribution, is something.
func TestANilReportNeitherForetellsNorContradicts(t *testing.T) {
	h := newHouse(t)
	bank, other := h.bank(), h.joins("other", "default", "finance")
	dated := func(victim, date string) report.Minimised {
		r := h.reported(victim)
		r.Said[3] = said("timeline.incident", 0, "generalised:day", date)
		return r
	}
	nothing := func(p *party, periods ...string) []string {
		c := p.contributes()
		for _, period := range periods {
			c.Nil = append(c.Nil, report.Nil{Sector: "finance", Period: period})
		}
		return answers(p.sends(c))
	}
	if got := nothing(bank, "2026-Q1"); !slices.Equal(got, []string{"refused nil.period at period"}) {
		t.Errorf("of the running quarter: %q", got)
	}
	stored := dated("one", "2025-11-02")
	wantAnswers(t, bank.sends(bank.contributes(stored)), "accepted")
	if got := nothing(bank, "2025-Q4", "2025-Q3"); !slices.Equal(got, []string{"refused nil.contradicts at period", "accepted"}) {
		t.Errorf("of a quarter of which it reported, and of one of which not: %q", got)
	}
	if got := nothing(other, "2025-Q4"); !slices.Equal(got, []string{"accepted"}) {
		t.Errorf("another member's reports contradict: %q", got)
	}
	both := bank.contributes(dated("two", "2025-05-06"))
	both.Nil = []report.Nil{{Sector: "finance", Period: "2025-Q2"}}
	wantAnswers(t, bank.sends(both), "accepted", "refused nil.contradicts at period")

	// A correction moves the incident, and an erased report tells nothing.
	moved := stored
	moved.Revision, moved.Said = 1, slices.Clone(stored.Said)
	moved.Said[3].Value = "2025-02-02"
	wantAnswers(t, bank.sends(bank.contributes(moved)), "accepted")
	if got := nothing(bank, "2025-Q4", "2025-Q1"); !slices.Equal(got, []string{"accepted", "refused nil.contradicts at period"}) {
		t.Errorf("after a correction: %q", got)
	}
	if _, err := h.desk.Erase(h.ctx, bank.id(), []wire.ReportID{stored.ID}, wire.ReasonOther); err != nil {
		t.Fatal(err)
	}
	if got := nothing(bank, "2025-Q1"); !slices.Equal(got, []string{"accepted"}) {
		t.Errorf("after erasing: %q", got)
	}

	// The quarter is over with its last day.
	h.now = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	late := h.joins("late", "default", "finance")
	if got := nothing(late, "2026-Q1"); !slices.Equal(got, []string{"accepted"}) {
		t.Errorf("on the day after: %q", got)
	}
}

// failing is a record whose disk is full.
type failing struct{ *store.Hub }

func (failing) Commit(context.Context, wire.MemberID, wire.ContributionID, []wire.ReportID, func(map[wire.ReportID]receive.Known) (receive.Commit, error)) ([]byte, error) {
	return nil, errors.New("no space left on device")
}

func TestNothingIsAcknowledgedThatIsNotStored(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	envelope := bank.sealed(plaintext(t, bank.contributes(h.reported("one"))))
	h.desk.Record = failing{h.record}
	if receipt, err := h.desk.Receive(h.ctx, envelope); err == nil || receipt != nil {
		t.Fatalf("a receipt was given: %s", receipt)
	} else if strings.Contains(fault.Public(err).Error(), "space") {
		t.Errorf("the cause is shown to the member: %v", fault.Public(err))
	}
	h.desk.Record = h.record
	// By the time that anything is answered another process finds it stored.
	passed := []string{}
	h.desk.Fail = func(point string) {
		passed = append(passed, point)
		second, err := store.OpenHub(h.ctx, h.path)
		if err != nil {
			t.Error(err)
			return
		}
		defer second.Close()
		rows, err := second.After(h.ctx, 0, 10)
		if want := min(len(passed)-1, 1); err != nil || len(rows) != want {
			t.Errorf("at %s another process sees %d rows, want %d, %v", point, len(rows), want, err)
		}
	}
	if _, err := h.desk.Receive(h.ctx, envelope); err != nil {
		t.Fatal(err)
	}
	if want := []string{receive.BeforeCommit, receive.AfterCommit, receive.BeforeAnswer}; !slices.Equal(passed, want) {
		t.Errorf("passed %v, want %v", passed, want)
	}
}

func TestTheSameContributionAtOnceIsStoredOnce(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	envelope := bank.sealed(plaintext(t, bank.contributes(h.reported("one"), h.reported("two"))))
	receipts := make([]string, 8)
	var all sync.WaitGroup
	for i := range receipts {
		all.Go(func() {
			got, err := h.desk.Receive(h.ctx, envelope)
			if err != nil {
				t.Error(err)
			}
			receipts[i] = string(got)
		})
	}
	all.Wait()
	if len(slices.Compact(receipts)) != 1 {
		t.Error("who sent at once got different receipts")
	}
	if n := len(h.rows()); n != 2 {
		t.Errorf("the record has %d rows", n)
	}
}

func TestABodyOpensWithItsOwnKeyAndUnderItsOwnRow(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	bank.sends(bank.contributes(h.reported("one"), h.reported("two")))
	rows := h.rows()
	if string(rows[0].Key) == string(rows[1].Key) {
		t.Fatal("two reports have one key")
	}
	for name, change := range map[string]func(*receive.Row){
		"another report's key":  func(r *receive.Row) { r.Key = rows[1].Key },
		"another report's body": func(r *receive.Row) { r.Body = rows[1].Body },
		"body and key of another": func(r *receive.Row) {
			r.Body, r.Key = rows[1].Body, rows[1].Key
		},
		"another member":      func(r *receive.Row) { r.Member = "m-other" },
		"another owner group": func(r *receive.Row) { r.OwnerGroup = "g-other" },
		"another sector":      func(r *receive.Row) { r.Sector = "health" },
		"another revision":    func(r *receive.Row) { r.Revision++ },
		"another time":        func(r *receive.Row) { r.Received = r.Received.Add(time.Second) },
		"a short key":         func(r *receive.Row) { r.Key = r.Key[:5] },
		"a changed body":      func(r *receive.Row) { r.Body = slices.Clone(r.Body); r.Body[0] ^= 1 },
	} {
		row := rows[0]
		change(&row)
		if _, err := receive.Restore(h.desk.Key, row); fault.Public(err).Code != "record.damaged" {
			t.Errorf("%s: %v", name, err)
		}
	}
	thief, err := receive.NewRecordKey(make([]byte, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receive.Restore(thief, rows[0]); fault.Public(err).Code != "record.damaged" {
		t.Errorf("under another record key: %v", err)
	}
}

func TestAnErasedReportCannotBeReadAndItsNeighbourCan(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	c := bank.contributes(h.reported("one"), h.reported("two"))
	bank.sends(c)
	before := h.rows()
	if _, err := h.desk.Erase(h.ctx, bank.id(), []wire.ReportID{c.Reports[0].ID}, wire.ReasonOther); err != nil {
		t.Fatal(err)
	}
	after := h.rows()
	if !after[0].Erased() {
		t.Fatal("the key is still there")
	}
	_, err := receive.Restore(h.desk.Key, after[0])
	wantFault(t, err, fault.NotFound, "report.erased")
	// The body of an old backup without its key is as unreadable.
	after[0].Body = before[0].Body
	if _, err := receive.Restore(h.desk.Key, after[0]); err == nil {
		t.Error("a body opens without its key")
	}
	if _, err := receive.Restore(h.desk.Key, after[1]); err != nil {
		t.Error(err)
	}
	for _, name := range []string{h.path, h.path + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if strings.Contains(string(text), string(before[0].Key)) {
			t.Errorf("%s still holds the erased key", name)
		}
	}
	if _, err := h.desk.Erase(h.ctx, h.joins("other", "default", "finance").id(), []wire.ReportID{c.Reports[1].ID}, wire.ReasonOther); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another member's report is erased: %v", err)
	}
}
