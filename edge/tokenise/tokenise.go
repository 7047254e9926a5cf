// Package tokenise is the third room at the edge: a steward turns identifiers
// into tokens without being shown them.
//
//	minimise.Minimal ──▶ inputs ──blind──▶ steward ──▶ verify proof, unblind ──▶ [Tokenised]
//
// Inputs of many reports go in batches; an input that occurs twice is asked
// once. Every answer is verified against the steward's pinned key before
// anything of it is used. Inputs, blinds and tokens appear in no error and no
// log.
package tokenise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/oprf"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Steward evaluates a batch of blinded elements; an HTTP client implements it.
// A fault of kind Unavailable means "not now": the same request is sent again
// later.
type Steward interface {
	Evaluate(ctx context.Context, ask wire.EvaluateRequest) (wire.EvaluateResponse, error)
}

// Tokeniser makes tokens by one steward's key. It is safe for use by many
// goroutines once its fields are set.
type Tokeniser struct {
	Steward Steward
	// Name of the steward, for errors; Epoch and Key are its pins.
	Name  string
	Epoch int
	Key   oprf.PublicKey
	// Random draws the blinds: crypto/rand.Reader outside tests.
	Random io.Reader
	// Wait pauses between attempts; nil waits for real.
	Wait func(ctx context.Context, d time.Duration) error
	// Attempts at one batch before giving up; 0 means 8, within about two
	// minutes.
	Attempts int
	// Progress, if set, is told how many inputs of a call are tokenised.
	Progress func(done, of int)

	cache cache
}

// Tokenised is a report ready to leave. It is minted only here.
type Tokenised struct {
	report report.Minimised
	origin minimise.Origin
}

// Report is what will leave. Its id, revision and commitment are set by the
// outbox, which remembers what left before.
func (t Tokenised) Report() report.Minimised { return t.report }

// Origin says where the report came from; it stays at the member.
func (t Tokenised) Origin() minimise.Origin { return t.origin }

// Tokenise has all token inputs of the reports evaluated, and returns the
// reports, in order, with their tokens. Either all succeed or none.
func (t *Tokeniser) Tokenise(ctx context.Context, reports []minimise.Minimal) ([]Tokenised, error) {
	tokens, err := t.tokens(ctx, distinct(reports))
	if err != nil {
		return nil, err
	}
	all := make([]Tokenised, len(reports))
	for i, m := range reports {
		all[i] = Tokenised{report: m.Assemble(tokens), origin: m.Origin()}
	}
	return all, nil
}

func distinct(reports []minimise.Minimal) []minimise.Input {
	seen := map[minimise.Input]bool{}
	var inputs []minimise.Input
	for _, m := range reports {
		for _, in := range m.Inputs() {
			if !seen[in] {
				seen[in] = true
				inputs = append(inputs, in)
			}
		}
	}
	return inputs
}

// tokens returns the token of each input, from memory or from the steward.
func (t *Tokeniser) tokens(ctx context.Context, inputs []minimise.Input) (map[minimise.Input]string, error) {
	tokens := make(map[minimise.Input]string, len(inputs))
	var ask []minimise.Input
	for _, in := range inputs {
		if token, ok := t.cache.get(in); ok {
			tokens[in] = token
		} else {
			ask = append(ask, in)
		}
	}
	for len(ask) > 0 {
		batch := ask[:min(len(ask), wire.MaxEvaluate)]
		ask = ask[len(batch):]
		answer, err := t.evaluate(ctx, batch)
		if err != nil {
			return nil, err
		}
		for i, in := range batch {
			tokens[in] = answer[i].String()
			t.cache.put(in, tokens[in])
		}
		if t.Progress != nil {
			t.Progress(len(tokens), len(inputs))
		}
	}
	return tokens, nil
}

func (t *Tokeniser) evaluate(ctx context.Context, batch []minimise.Input) ([]oprf.Token, error) {
	inputs := make([][]byte, len(batch))
	for i, in := range batch {
		inputs[i] = in.Bytes()
	}
	blinded, blinds, err := oprf.VOPRF.Blind(inputs, t.Random)
	if err != nil {
		return nil, fmt.Errorf("blind for the steward %s: %w", t.Name, err)
	}
	ask := wire.EvaluateRequest{Epoch: t.Epoch, Key: wire.LinkKey, Blinded: make([]string, len(blinded))}
	for i, b := range blinded {
		ask.Blinded[i] = b.String()
	}
	answer, err := t.ask(ctx, ask)
	if err != nil {
		return nil, err
	}
	evaluated, err := t.verify(blinded, answer)
	if err != nil {
		return nil, err
	}
	tokens, err := evaluated.Unblind(blinds)
	if err != nil {
		return nil, fmt.Errorf("unblind the steward %s's answer: %w", t.Name, err)
	}
	return tokens, nil
}

// verify uses nothing of an answer that does not prove to be made with the
// pinned key: a steward with a key for each member could tell members' tokens
// apart.
func (t *Tokeniser) verify(blinded []oprf.Element, answer wire.EvaluateResponse) (oprf.Evaluated, error) {
	if answer.Epoch != t.Epoch || answer.Key != wire.LinkKey {
		return oprf.Evaluated{}, t.wrong(errors.New("it is of another epoch or key than was asked"))
	}
	if len(answer.Evaluated) != len(blinded) {
		return oprf.Evaluated{}, t.wrong(fmt.Errorf("%d elements for %d", len(answer.Evaluated), len(blinded)))
	}
	evaluated := make([]oprf.Element, len(answer.Evaluated))
	for i, text := range answer.Evaluated {
		if err := evaluated[i].UnmarshalText([]byte(text)); err != nil {
			return oprf.Evaluated{}, t.wrong(fmt.Errorf("element %d: %w", i, err))
		}
	}
	var proof oprf.Proof
	if err := proof.UnmarshalText([]byte(answer.Proof)); err != nil {
		return oprf.Evaluated{}, t.wrong(err)
	}
	ok, err := t.Key.Verify(blinded, evaluated, proof)
	if err != nil {
		return oprf.Evaluated{}, t.wrong(err)
	}
	return ok, nil
}

func (t *Tokeniser) wrong(cause error) error {
	return fault.New(fault.Unauthenticated, "tokenise.bad_proof",
		"the steward %s did not prove that it used its pinned key for epoch %d; nothing of its answer is used. Ask the hub's operator whether the key was changed, and do not send before that is clear",
		t.Name, t.Epoch).Because(cause)
}

// ask sends a batch until the steward answers, as long as it says "not now".
func (t *Tokeniser) ask(ctx context.Context, ask wire.EvaluateRequest) (wire.EvaluateResponse, error) {
	attempts := t.Attempts
	if attempts <= 0 {
		attempts = 8
	}
	pause := time.Second
	for i := 1; ; i++ {
		answer, err := t.Steward.Evaluate(ctx, ask)
		if err == nil {
			return answer, nil
		}
		if fault.KindOf(err) != fault.Unavailable || i == attempts {
			return wire.EvaluateResponse{}, fmt.Errorf("ask the steward %s for tokens: %w", t.Name, err)
		}
		if err := t.wait(ctx, pause); err != nil {
			return wire.EvaluateResponse{}, fmt.Errorf("ask the steward %s for tokens: %w", t.Name, err)
		}
		pause = min(2*pause, 30*time.Second)
	}
}

func (t *Tokeniser) wait(ctx context.Context, d time.Duration) error {
	if t.Wait != nil {
		return t.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
