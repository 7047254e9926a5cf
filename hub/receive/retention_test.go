package receive_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/wire"
)

func TestAReportIsDestroyedInTheSecondInWhichItsTimeIsOver(t *testing.T) {
	h := newHouse(t)
	bank, other := h.bank(), h.joins("other", "default", "finance")
	first, theirs := h.reported("first"), h.reported("theirs")
	bank.sends(bank.contributes(first))
	other.sends(other.contributes(theirs))
	h.now = h.now.Add(time.Hour)
	// A later revision prolongs nothing.
	first.Revision, first.Said[3].Value = 1, "2026-02-04"
	second := h.reported("second")
	bank.sends(bank.contributes(first, second))
	members, err := h.record.Members(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	const span = 30 * 24 * time.Hour
	kept := func(_ context.Context, m member.Member, sector string) (time.Duration, error) {
		if m.ID == bank.id() && sector == "finance" {
			return span, nil
		}
		return 0, nil
	}
	for _, c := range []struct {
		at   time.Time
		want int
	}{{epoch.Add(span - time.Second), 0}, {epoch.Add(span), 1}, {epoch.Add(span), 0}, {epoch.Add(span + time.Hour - time.Second), 0}, {epoch.Add(span + time.Hour), 1}, {epoch.AddDate(1, 0, 0), 0}} {
		h.now = c.at
		if n, err := h.desk.Expire(h.ctx, members, kept); n != c.want || err != nil {
			t.Errorf("at %s %d were destroyed, %v; want %d", c.at, n, err, c.want)
		}
	}
	for _, row := range h.rows() {
		if mine := row.Member == bank.id(); row.Erased() != mine {
			t.Errorf("row %d: erased %v", row.Seq, row.Erased())
		}
	}
	all, err := h.record.RecallsOf(h.ctx, bank.id())
	if err != nil || len(all) != 2 {
		t.Fatalf("the receipts are %+v, %v", all, err)
	}
	d := h.destruction(all[1].Receipt)
	if d.By != wire.ByRetention || d.Reason != wire.ReasonRetention || d.At != epoch.Add(span).Format(time.RFC3339) || len(d.Reports) != 1 || len(d.Reports[0].Revisions) != 2 {
		t.Errorf("the receipt says %+v", d)
	}
}

func TestSeveralProcessesDestroyWhatIsDueOnceWithOneReceipt(t *testing.T) {
	h := newHouse(t)
	bank := h.bank()
	for range 5 {
		bank.sends(bank.contributes(h.reported("firm"), h.reported("firm")))
	}
	members, err := h.record.Members(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	var wait sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 4 {
		record, err := store.OpenHub(h.ctx, h.path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { record.Close() })
		desk := &receive.Desk{Hub: hubID, Sign: h.desk.Sign, Key: h.desk.Key, Record: record, Recalls: record, Holding: record, Admit: h.door, Now: h.desk.Now, Rand: h.desk.Rand}
		wait.Go(func() {
			n, err := desk.Expire(h.ctx, members, func(context.Context, member.Member, string) (time.Duration, error) { return time.Hour, nil })
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	wait.Wait()
	all, err := h.record.RecallsOf(h.ctx, bank.id())
	if err != nil || total != 10 || len(all) != 1 {
		t.Errorf("%d were destroyed, with %d receipts: %v", total, len(all), err)
	}
}
