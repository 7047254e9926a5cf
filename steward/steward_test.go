package steward_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/steward"
	"github.com/concord-trust/concord/wire"
)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

var (
	memberKey = key(1)
	hubKey    = key(2)
	otherKey  = key(3)
	begin     = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
)

// records keeps admissions and the ledger in memory; the stores' own are held
// to the same contract by store/storetest.
type records struct {
	mu       sync.Mutex
	admitted map[wire.MemberID][]byte
	revoked  map[wire.MemberID]time.Time
	used     map[string]int64
	broken   error
}

func (r *records) Admit(_ context.Context, m wire.MemberID, signed []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admitted[m] = slices.Clone(signed)
	return r.broken
}

func (r *records) Admitted(_ context.Context, m wire.MemberID) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.admitted[m]; ok {
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "admission.not_found", "no such member")
}

func (r *records) Revoke(_ context.Context, m wire.MemberID, upTo time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if upTo.After(r.revoked[m]) {
		r.revoked[m] = upTo
	}
	return r.broken
}

func (r *records) Revoked(_ context.Context, m wire.MemberID) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked[m], r.broken
}

func (r *records) Debit(_ context.Context, g wire.OwnerGroup, day string, k wire.KeyKind, n, quota int64) (int64, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return 0, false, r.broken
	}
	id := string(g) + day + string(k)
	if r.used[id]+n > quota {
		return r.used[id], false, nil
	}
	r.used[id] += n
	return r.used[id], true, nil
}

type world struct {
	*steward.Steward
	records *records
	now     time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	secret, err := oprf.VOPRF.DeriveKeyPair(bytes.Repeat([]byte{5}, oprf.SeedSize), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{records: &records{admitted: map[wire.MemberID][]byte{}, revoked: map[wire.MemberID]time.Time{}, used: map[string]int64{}}, now: begin}
	w.Steward = &steward.Steward{Name: "steward-1", Epoch: 3, Key: secret, Hub: "hub.example", HubKey: public(hubKey),
		DailyQuota: 2000, Admissions: w.records, Ledger: w.records, Now: func() time.Time { return w.now }, Random: rand.Reader}
	return w
}

func memberID(n byte) wire.MemberID { return wire.IDFrom[wire.MemberID]('m', [16]byte{n}) }

// agreed is an agreement of a member of the owner group north, signed by both.
func agreed(t testing.TB, n byte, k, hub ed25519.PrivateKey, change ...func(*agreement.Agreement)) []byte {
	t.Helper()
	a, err := agreement.Propose(agreement.Agreement{
		ID: wire.IDFrom[wire.AgreementID]('a', [16]byte{n}),
		Member: agreement.Card{ID: memberID(n), Name: "North Bank", Stake: member.Industry, Kind: "firm",
			OwnerGroup: "north", Sectors: []string{"finance"}, Key: public(k)},
		Hub: "hub.example", Standards: map[string]standard.Ref{"finance": "finance/1.0"}, Policy: "1",
		From: begin.Add(-time.Hour), Until: begin.Add(48 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&a)
	}
	one, err := agreement.Sign(a, k)
	if err != nil {
		t.Fatal(err)
	}
	both, err := agreement.Countersign(one, public(k), hub)
	if err != nil {
		t.Fatal(err)
	}
	return both
}

func (w *world) credential(t testing.TB, n byte, k ed25519.PrivateKey, audience, scope string) string {
	t.Helper()
	c, err := agreement.IssueCredential(k, memberID(n), audience, scope, w.now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t testing.TB, n int) ([]oprf.Element, []oprf.Blind, wire.EvaluateRequest) {
	t.Helper()
	inputs := make([][]byte, n)
	for i := range inputs {
		inputs[i] = []byte{byte(i), byte(i >> 8)}
	}
	blinded, blinds, err := oprf.VOPRF.Blind(inputs, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := wire.EvaluateRequest{Epoch: 3, Key: wire.LinkKey}
	for _, b := range blinded {
		r.Blinded = append(r.Blinded, b.String())
	}
	return blinded, blinds, r
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got error %v (%+v), want the code %s", err, f, code)
	}
}

func TestAMemberGetsProvenEvaluations(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey)); err != nil {
		t.Fatal(err)
	}
	blinded, blinds, request := ask(t, 3)
	answer, err := w.Evaluate(t.Context(), w.credential(t, 1, memberKey, "steward-1", steward.Scope), request)
	if err != nil {
		t.Fatal(err)
	}
	evaluated := make([]oprf.Element, len(answer.Evaluated))
	for i := range evaluated {
		if err := evaluated[i].UnmarshalText([]byte(answer.Evaluated[i])); err != nil {
			t.Fatal(err)
		}
	}
	var proof oprf.Proof
	if err := proof.UnmarshalText([]byte(answer.Proof)); err != nil {
		t.Fatal(err)
	}
	var pinned oprf.PublicKey
	if err := pinned.UnmarshalText([]byte(w.Info().LinkKey)); err != nil {
		t.Fatal(err)
	}
	proven, err := pinned.Verify(blinded, evaluated, proof)
	if err != nil {
		t.Fatalf("the proof does not hold: %v", err)
	}
	if _, err := proven.Unblind(blinds); err != nil {
		t.Fatal(err)
	}
	if got := w.records.used["north2026-11-24link"]; got != 3 {
		t.Errorf("%d evaluations were debited for 3", got)
	}
}

func TestOnlyWhomTheHubCountersignedIsAdmitted(t *testing.T) {
	for name, signed := range map[string][]byte{
		"countersigned by a stranger": agreed(t, 1, memberKey, otherKey),
		"not signed at all":           []byte("{}"),
		"empty":                       nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newWorld(t).Admit(t.Context(), signed)
			wantCode(t, err, "agreement.bad_signature")
		})
	}
	_, err := newWorld(t).Admit(t.Context(), agreed(t, 1, memberKey, hubKey, func(a *agreement.Agreement) { a.Hub = "elsewhere.example" }))
	wantCode(t, err, "agreement.other_hub")
	w := newWorld(t)
	w.now = begin.Add(48 * time.Hour)
	_, err = w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey))
	wantCode(t, err, "agreement.expired")
	w.now = begin.Add(-2 * time.Hour)
	_, err = w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey))
	wantCode(t, err, "agreement.not_yet")
}

func TestAFormerAgreementDoesNotComeBack(t *testing.T) {
	w := newWorld(t)
	former := agreed(t, 1, otherKey, hubKey)
	newer := agreed(t, 1, memberKey, hubKey, func(a *agreement.Agreement) { a.From = begin.Add(-time.Minute) })
	for _, signed := range [][]byte{former, newer, newer} {
		if _, err := w.Admit(t.Context(), signed); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Admit(t.Context(), former)
	wantCode(t, err, "steward.older_agreement")
	_, _, request := ask(t, 1)
	_, err = w.Evaluate(t.Context(), w.credential(t, 1, otherKey, "steward-1", steward.Scope), request)
	wantCode(t, err, "credential.bad_signature")
}

func TestAttacksOnAnEvaluationAreRefusedAndDebitNothing(t *testing.T) {
	_, _, request := ask(t, 3)
	with := func(change func(*wire.EvaluateRequest)) wire.EvaluateRequest {
		r := request
		r.Blinded = slices.Clone(request.Blinded)
		change(&r)
		return r
	}
	identity := strings.Repeat("A", 43) // the encoding of the identity
	for _, c := range []struct {
		name, code string
		credential func(w *world, t *testing.T) string
		request    wire.EvaluateRequest
		path       string
	}{
		{name: "no credential", code: "credential.malformed", credential: func(*world, *testing.T) string { return "" }},
		{name: "an unknown member", code: "steward.not_admitted", credential: func(w *world, t *testing.T) string {
			return w.credential(t, 9, memberKey, "steward-1", steward.Scope)
		}},
		{name: "another's key", code: "credential.bad_signature", credential: func(w *world, t *testing.T) string {
			return w.credential(t, 1, otherKey, "steward-1", steward.Scope)
		}},
		{name: "made out to another steward", code: "credential.other_audience", credential: func(w *world, t *testing.T) string {
			return w.credential(t, 1, memberKey, "steward-2", steward.Scope)
		}},
		{name: "made out for something else", code: "credential.other_scope", credential: func(w *world, t *testing.T) string {
			return w.credential(t, 1, memberKey, "steward-1", "submit")
		}},
		{name: "ended", code: "credential.expired", credential: func(w *world, t *testing.T) string {
			c := w.credential(t, 1, memberKey, "steward-1", steward.Scope)
			w.now = w.now.Add(agreement.CredentialLife)
			return c
		}},
		{name: "an agreement that ended since", code: "agreement.expired", credential: func(w *world, t *testing.T) string {
			w.now = begin.Add(48 * time.Hour)
			return w.credential(t, 1, memberKey, "steward-1", steward.Scope)
		}},
		{name: "another epoch", code: "steward.epoch", request: with(func(r *wire.EvaluateRequest) { r.Epoch = 2 }), path: "/epoch"},
		{name: "another key", code: "steward.key", request: with(func(r *wire.EvaluateRequest) { r.Key = "lock" }), path: "/key"},
		{name: "nothing to do", code: "steward.empty", request: with(func(r *wire.EvaluateRequest) { r.Blinded = nil }), path: "/blinded"},
		{name: "too much at once", code: "steward.batch", request: with(func(r *wire.EvaluateRequest) {
			r.Blinded = slices.Repeat(request.Blinded[:1], wire.MaxEvaluate+1)
		}), path: "/blinded"},
		{name: "no point", code: "steward.element", request: with(func(r *wire.EvaluateRequest) { r.Blinded[1] = strings.Repeat("_", 43) }), path: "/blinded/1"},
		{name: "the identity", code: "steward.element", request: with(func(r *wire.EvaluateRequest) { r.Blinded[2] = identity }), path: "/blinded/2"},
		{name: "a short point", code: "steward.element", request: with(func(r *wire.EvaluateRequest) { r.Blinded[0] = r.Blinded[0][:42] }), path: "/blinded/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if _, err := w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey)); err != nil {
				t.Fatal(err)
			}
			if c.credential == nil {
				c.credential = func(w *world, t *testing.T) string {
					return w.credential(t, 1, memberKey, "steward-1", steward.Scope)
				}
			}
			if c.request.Key == "" {
				c.request = request
			}
			_, err := w.Evaluate(t.Context(), c.credential(w, t), c.request)
			wantCode(t, err, c.code)
			if f := fault.Public(err); c.path != "" && f.Path != c.path {
				t.Errorf("the fault points to %q, not to %q", f.Path, c.path)
			}
			if len(w.records.used) != 0 {
				t.Errorf("something was debited: %v", w.records.used)
			}
		})
	}
}

func TestACredentialOverheardIsWorthNothing(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey)); err != nil {
		t.Fatal(err)
	}
	_, _, request := ask(t, 1)
	c := w.credential(t, 1, memberKey, "steward-1", steward.Scope)
	if _, err := w.Evaluate(t.Context(), c, request); err != nil {
		t.Fatal(err)
	}
	_, err := w.Evaluate(t.Context(), c, request)
	wantCode(t, err, "credential.used")
}

func TestTheQuotaIsOfTheOwnerGroupAndTheDay(t *testing.T) {
	w := newWorld(t)
	w.DailyQuota = 5
	for n, k := range []ed25519.PrivateKey{memberKey, otherKey} {
		if _, err := w.Admit(t.Context(), agreed(t, byte(n+1), k, hubKey)); err != nil {
			t.Fatal(err)
		}
	}
	evaluate := func(n byte, k ed25519.PrivateKey, count int) error {
		_, _, request := ask(t, count)
		_, err := w.Evaluate(t.Context(), w.credential(t, n, k, "steward-1", steward.Scope), request)
		return err
	}
	if err := evaluate(1, memberKey, 3); err != nil {
		t.Fatal(err)
	}
	// The sister firm shares the quota.
	wantCode(t, evaluate(2, otherKey, 3), "steward.quota")
	if err := evaluate(2, otherKey, 2); err != nil {
		t.Fatalf("what is left of the quota is refused: %v", err)
	}
	wantCode(t, evaluate(1, memberKey, 1), "steward.quota")
	w.now = begin.Add(24 * time.Hour)
	if err := evaluate(1, memberKey, 5); err != nil {
		t.Fatalf("the quota does not start anew with the day: %v", err)
	}
}

func TestNothingIsAnsweredThatIsNotDebited(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Admit(t.Context(), agreed(t, 1, memberKey, hubKey)); err != nil {
		t.Fatal(err)
	}
	w.records.broken = errors.New("disk full")
	_, _, request := ask(t, 1)
	answer, err := w.Evaluate(t.Context(), w.credential(t, 1, memberKey, "steward-1", steward.Scope), request)
	if err == nil || len(answer.Evaluated) > 0 {
		t.Errorf("answered although the ledger is broken: %v", err)
	}
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("the fault is %v", fault.KindOf(err))
	}
}
