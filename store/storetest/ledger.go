package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/wire"
)

// Steward is all that a steward's store does.
type Steward interface {
	steward.Ledger
	steward.Admissions
	Close() error
}

// Ledger is the contract of steward.Ledger and steward.Admissions.
func Ledger(t *testing.T, open func(t testing.TB, place string) Steward) {
	opened := func(t *testing.T) (Steward, string) {
		place := t.TempDir()
		s := open(t, place)
		t.Cleanup(func() { s.Close() })
		return s, place
	}
	debit := func(t *testing.T, s Steward, group wire.OwnerGroup, day string, n, quota, used int64, ok bool) {
		t.Helper()
		gotUsed, gotOK, err := s.Debit(t.Context(), group, day, wire.LinkKey, n, quota)
		if err != nil || gotOK != ok || gotUsed != used {
			t.Fatalf("a debit of %d of %d: used %d, %v, %v; want %d, %v", n, quota, gotUsed, gotOK, err, used, ok)
		}
	}
	t.Run("AQuotaIsUsedToTheLastAndNotPassed", func(t *testing.T) {
		s, _ := opened(t)
		debit(t, s, "g", "2026-03-01", 11, 10, 0, false)
		debit(t, s, "g", "2026-03-01", 6, 10, 6, true)
		debit(t, s, "g", "2026-03-01", 5, 10, 6, false)
		debit(t, s, "g", "2026-03-01", 4, 10, 10, true)
		debit(t, s, "g", "2026-03-01", 1, 10, 10, false)
		debit(t, s, "g", "2026-03-01", 1, 5, 10, false) // the quota was lowered
	})
	t.Run("GroupsAndDaysAreCountedApart", func(t *testing.T) {
		s, _ := opened(t)
		debit(t, s, "g", "2026-03-01", 10, 10, 10, true)
		debit(t, s, "g", "2026-03-02", 10, 10, 10, true)
		debit(t, s, "h", "2026-03-01", 10, 10, 10, true)
	})
	t.Run("ARevocationIsTheMembersAndNeverGoesBack", func(t *testing.T) {
		s, place := opened(t)
		revoked := func(s Steward, m wire.MemberID, want time.Time) {
			t.Helper()
			if got, err := s.Revoked(t.Context(), m); err != nil || !got.Equal(want) {
				t.Errorf("revoked up to %v, %v; want %v", got, err, want)
			}
		}
		revoked(s, "m-one", time.Time{})
		for _, at := range []time.Time{epoch, epoch.Add(-time.Hour), epoch.Add(time.Hour), epoch} {
			if err := s.Revoke(t.Context(), "m-one", at); err != nil {
				t.Fatal(err)
			}
		}
		revoked(s, "m-two", time.Time{})
		again := open(t, place) // as after a restart
		defer again.Close()
		revoked(again, "m-one", epoch.Add(time.Hour))
	})
	t.Run("ANegativeDebitIsRefused", func(t *testing.T) {
		s, _ := opened(t)
		if _, ok, err := s.Debit(t.Context(), "g", "2026-03-01", wire.LinkKey, -1, 10); ok || err == nil {
			t.Fatal("a negative debit was taken")
		}
	})
	t.Run("ManyAtOnceDoNotPassTheQuota", func(t *testing.T) {
		s, place := opened(t)
		other := open(t, place)
		t.Cleanup(func() { other.Close() })
		var granted atomic.Int64
		var wg sync.WaitGroup
		for _, h := range []Steward{s, other, s, other} {
			wg.Go(func() {
				for range 10 {
					_, ok, err := h.Debit(t.Context(), "g", "2026-03-01", wire.LinkKey, 7, 100)
					if err != nil {
						t.Error(err)
						return
					}
					if ok {
						granted.Add(7)
					}
				}
			})
		}
		wg.Wait()
		if granted.Load() != 98 {
			t.Errorf("%d of 100 were granted in sevens, want 98", granted.Load())
		}
	})
	t.Run("ADebitAndAnAdmissionOutliveTheHandle", func(t *testing.T) {
		s, place := opened(t)
		debit(t, s, "g", "2026-03-01", 9, 10, 9, true)
		if err := s.Admit(t.Context(), "m-one", []byte("first")); err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(t.Context(), "m-one", []byte("second")); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(t, place)
		t.Cleanup(func() { again.Close() })
		debit(t, again, "g", "2026-03-01", 2, 10, 9, false)
		if signed, err := again.Admitted(t.Context(), "m-one"); err != nil || string(signed) != "second" {
			t.Errorf("the agreement is %q, %v", signed, err)
		}
		_, err := again.Admitted(t.Context(), "m-two")
		wantKind(t, err, fault.NotFound)
	})
}
