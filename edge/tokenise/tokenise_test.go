package tokenise_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// holder is a steward's key with nothing around it. Faults come first, then
// change may falsify an answer.
type holder struct {
	t      *testing.T
	key    *oprf.SecretKey
	asked  []wire.EvaluateRequest
	faults []error
	change func(*wire.EvaluateResponse)
}

func newHolder(t *testing.T, seed byte) *holder {
	key, err := oprf.VOPRF.DeriveKeyPair(bytes.Repeat([]byte{seed}, oprf.SeedSize), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &holder{t: t, key: key}
}

func (h *holder) Evaluate(_ context.Context, ask wire.EvaluateRequest) (wire.EvaluateResponse, error) {
	h.asked = append(h.asked, ask)
	if len(h.faults) > 0 {
		err := h.faults[0]
		h.faults = h.faults[1:]
		return wire.EvaluateResponse{}, err
	}
	blinded := make([]oprf.Element, len(ask.Blinded))
	for i, b := range ask.Blinded {
		if err := blinded[i].UnmarshalText([]byte(b)); err != nil {
			h.t.Error(err)
		}
	}
	evaluated, proof, err := h.key.Evaluate(blinded, rand.Reader)
	if err != nil {
		return wire.EvaluateResponse{}, err
	}
	answer := wire.EvaluateResponse{Epoch: ask.Epoch, Key: ask.Key, Proof: proof.String()}
	for _, e := range evaluated {
		answer.Evaluated = append(answer.Evaluated, e.String())
	}
	if h.change != nil {
		h.change(&answer)
	}
	return answer, nil
}

func (h *holder) elements() (n int) {
	for _, a := range h.asked {
		n += len(a.Blinded)
	}
	return n
}

func newTokeniser(h *holder) (*tokenise.Tokeniser, *[]time.Duration) {
	var pauses []time.Duration
	return &tokenise.Tokeniser{Steward: h, Name: "north", Epoch: 1, Key: h.key.Public(), Random: rand.Reader,
		Wait: func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }}, &pauses
}

// minimal is a report with a victim and domains, of which the victim may leave
// as a token and the domains exact.
func minimal(t *testing.T, victim string, domains ...string) minimise.Minimal {
	t.Helper()
	rep := report.Report{Standard: "finance/1.0"}
	if victim != "" {
		rep.Statements = []report.Statement{{Path: "victim.victim_id", Value: victim}}
	}
	for _, d := range domains {
		rep.Observables = append(rep.Observables, report.Observable{Type: "domain", Value: d})
	}
	return minimised(t, rep)
}

func TestOneSpellingOneTokenAskedOnce(t *testing.T) {
	h := newHolder(t, 1)
	tokeniser, _ := newTokeniser(h)
	all, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{
		minimal(t, "North Bank", "login.bad-host.net"),
		minimal(t, "", "LOGIN.bad-host.net", "other.bad-host.net"),
		minimal(t, "North  Bank"),
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := all[0].Report(), all[1].Report(), all[2].Report()
	if a.Observables[0].Token == "" || a.Observables[0].Token != b.Observables[0].Token || a.Observables[0].Token == b.Observables[1].Token {
		t.Errorf("the tokens of one domain in two spellings: %v and %v", a.Observables, b.Observables)
	}
	if a.Said[0].Value == "" || a.Said[0].Value != c.Said[0].Value {
		t.Errorf("the tokens of one name in two spellings: %v and %v", a.Said, c.Said)
	}
	if n := h.elements(); n != 3 {
		t.Errorf("%d elements were asked for 3 different values", n)
	}
	if _, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "North Bank", "other.bad-host.net")}); err != nil {
		t.Fatal(err)
	}
	if n := h.elements(); n != 3 {
		t.Errorf("a value that was asked before is asked again: %d elements", n)
	}
	canonical, _ := observable.Canonical("domain", "login.bad-host.net")
	want := direct(t, h.key, observable.TokenInput("domain", canonical))
	if a.Observables[0].Token != want {
		t.Errorf("the token is %s, by the key alone it is %s", a.Observables[0].Token, want)
	}
}

// direct computes a token with the whole protocol and nothing else.
func direct(t *testing.T, key *oprf.SecretKey, input []byte) string {
	t.Helper()
	blinded, blinds, err := oprf.VOPRF.Blind([][]byte{input}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	evaluated, proof, err := key.Evaluate(blinded, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	proven, err := key.Public().Verify(blinded, evaluated, proof)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := proven.Unblind(blinds)
	if err != nil {
		t.Fatal(err)
	}
	return tokens[0].String()
}

func TestManyInputsGoInBatches(t *testing.T) {
	h := newHolder(t, 1)
	tokeniser, _ := newTokeniser(h)
	var done int
	tokeniser.Progress = func(n, of int) { done = n }
	var domains []string
	for i := range wire.MaxEvaluate + 5 {
		domains = append(domains, fmt.Sprintf("h%d.bad-host.net", i))
	}
	all, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "", domains...)})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.asked) != 2 || len(h.asked[0].Blinded) != wire.MaxEvaluate || done != len(domains) {
		t.Errorf("%d requests, %d done", len(h.asked), done)
	}
	for i, o := range all[0].Report().Observables {
		if o.Token == "" || o.Value != domains[i] {
			t.Fatalf("observable %d left as %+v", i, o)
		}
	}
}

func TestNothingToTokeniseAsksNobody(t *testing.T) {
	h := newHolder(t, 1)
	tokeniser, _ := newTokeniser(h)
	all, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "unknown")})
	if err != nil || len(all) != 1 || len(h.asked) != 0 {
		t.Errorf("%d reports, %d requests, %v", len(all), len(h.asked), err)
	}
	if r := all[0].Report(); len(r.Said) != 0 {
		t.Errorf("an unknown victim left as %v", r.Said)
	}
}

func TestAnAnswerThatIsNotProvenIsNotUsed(t *testing.T) {
	other := newHolder(t, 2)
	for name, change := range map[string]func(*wire.EvaluateResponse){
		"too few elements": func(r *wire.EvaluateResponse) { r.Evaluated = r.Evaluated[:1] },
		"elements swapped": func(r *wire.EvaluateResponse) { slices.Reverse(r.Evaluated) },
		"an element twice": func(r *wire.EvaluateResponse) { r.Evaluated[1] = r.Evaluated[0] },
		"no element":       func(r *wire.EvaluateResponse) { r.Evaluated[0] = "secret-host" },
		"no proof":         func(r *wire.EvaluateResponse) { r.Proof = "" },
		"another proof":    func(r *wire.EvaluateResponse) { r.Proof = strings.Repeat("A", 86) },
		"another epoch":    func(r *wire.EvaluateResponse) { r.Epoch++ },
		"another key kind": func(r *wire.EvaluateResponse) { r.Key = "lock" },
		"another key":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t, 1)
			h.change = change
			tokeniser, _ := newTokeniser(h)
			if change == nil {
				tokeniser.Key = other.key.Public()
			}
			all, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "Secret Bank", "secret-host.bad-host.net")})
			f := fault.Public(err)
			if f == nil || f.Code != "tokenise.bad_proof" || !strings.Contains(f.Message, "north") || all != nil {
				t.Fatalf("the error is %v", err)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if s := strings.ToLower(e.Error()); strings.Contains(s, "secret") {
					t.Errorf("an error holds a value: %s", s)
				}
			}
		})
	}
}

func TestTheSameRequestIsSentAgainWhileTheStewardIsNotAvailable(t *testing.T) {
	h := newHolder(t, 1)
	later := fault.New(fault.Unavailable, "http.unavailable", "not now")
	h.faults = []error{later, later}
	tokeniser, pauses := newTokeniser(h)
	if _, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "North Bank")}); err != nil {
		t.Fatal(err)
	}
	if len(h.asked) != 3 || h.asked[0].Blinded[0] != h.asked[2].Blinded[0] {
		t.Errorf("%d requests, not the same each time", len(h.asked))
	}
	if len(*pauses) != 2 || (*pauses)[1] <= (*pauses)[0] {
		t.Errorf("paused %v", *pauses)
	}

	h.faults = slices.Repeat([]error{later}, 100)
	tokeniser.Attempts = 3
	h.asked = nil
	_, err := tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "South Bank")})
	if fault.KindOf(err) != fault.Unavailable || len(h.asked) != 3 {
		t.Errorf("after %d requests: %v", len(h.asked), err)
	}

	h.faults = []error{fault.New(fault.TooLarge, "steward.quota", "quota")}
	h.asked = nil
	_, err = tokeniser.Tokenise(t.Context(), []minimise.Minimal{minimal(t, "South Bank")})
	if fault.Public(err).Code != "steward.quota" || len(h.asked) != 1 {
		t.Errorf("after %d requests: %v", len(h.asked), err)
	}
}
