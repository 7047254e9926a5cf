// Package tokenbench measures what a token costs, step by step, beside the same
// steps composed from circl, in one run.
package tokenbench

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/oprf"
)

// Setup is what is measured.
type Setup struct {
	// Threshold of Holders answer a batch of Batch inputs.
	Threshold int `json:"threshold"`
	Holders   int `json:"holders"`
	Batch     int `json:"batch"`
	// Rounds is of how many rounds the median is taken.
	Rounds int `json:"rounds"`
}

// Result is a measurement. Times are CPU time of one core for one input, in
// microseconds; evaluate, prove and verify are those of one holder.
type Result struct {
	Setup
	Go    string `json:"go"`
	Cores int    `json:"cores"`
	Steps []Step `json:"steps"`
	// Tokens a second and core, all steps of all parties in one process, with
	// proofs, and what each passes to the other encoded and checked.
	TokensPerCore      float64 `json:"tokens_per_s_core"`
	CirclTokensPerCore float64 `json:"circl_tokens_per_s_core"`
	Ratio              float64 `json:"ratio"`
}

// Step is one step of the protocol.
type Step struct {
	Name  string  `json:"name"`
	Each  float64 `json:"us"`
	Circl float64 `json:"circl_us"`
}

// Steps in the order in which they are taken.
const (
	blind = iota
	evaluate
	prove
	verify
	combine
	steps
)

var names = [steps]string{"blind", "evaluate", "prove", "verify", "combine"}

// party is one implementation: every step takes and gives encoded bytes where
// it stands for another process.
type party interface {
	blind(inputs [][]byte) (elements [][]byte)
	evaluate(holder int, blinded [][]byte) (evaluated [][]byte)
	// prove what evaluate answered last.
	prove(holder int) (proof []byte)
	verify(holder int, evaluated [][]byte, proof []byte) error
	combine() (tokens [][]byte)
}

// Run measures. It takes about Rounds·Batch·Threshold milliseconds.
func Run(ctx context.Context, s Setup) (Result, error) {
	if s.Batch < 1 || s.Batch > oprf.MaxBatch || s.Rounds < 1 || s.Rounds > 1000 {
		return Result{}, fault.New(fault.Usage, "bench.setup", "a batch has 1 to %d inputs, and there are 1 to 1000 rounds", oprf.MaxBatch)
	}
	key, err := oprf.GenerateKey(rand.Reader)
	if err != nil {
		return Result{}, err
	}
	shares, err := key.Deal(s.Threshold, s.Holders, rand.Reader)
	if err != nil {
		return Result{}, err
	}
	holders := make([]int, s.Threshold) // the last ones, whose factors are not the smallest
	for i := range holders {
		holders[i] = s.Holders - s.Threshold + 1 + i
	}
	inputs := make([][]byte, s.Batch)
	for i := range inputs {
		inputs[i] = fmt.Appendf(nil, "198.51.100.%d/%d", i%256, i)
	}
	// Blinds are drawn by both from the system; the tokens do not depend on them.
	parties := [2]party{newOurs(shares, holders), newCircls(shares, holders)}
	var took [2][steps][]time.Duration
	for range s.Rounds {
		var tokens [2][][]byte
		for k, p := range parties {
			if err := ctx.Err(); err != nil {
				return Result{}, err
			}
			spent, made, err := round(p, inputs, holders)
			if err != nil {
				return Result{}, err
			}
			tokens[k] = made
			for step, d := range spent {
				took[k][step] = append(took[k][step], d)
			}
		}
		if !slices.EqualFunc(tokens[0], tokens[1], bytes.Equal) {
			return Result{}, fault.New(fault.Internal, "bench.tokens", "the two implementations make different tokens; nothing was compared")
		}
	}
	return result(s, took), nil
}

// round runs the protocol once, in one goroutine.
func round(p party, inputs [][]byte, holders []int) (spent [steps]time.Duration, tokens [][]byte, err error) {
	timed := func(step int, f func()) {
		start := time.Now()
		f()
		spent[step] += time.Since(start)
	}
	var blinded [][]byte
	timed(blind, func() { blinded = p.blind(inputs) })
	for _, h := range holders {
		var evaluated [][]byte
		var proof []byte
		timed(evaluate, func() { evaluated = p.evaluate(h, blinded) })
		timed(prove, func() { proof = p.prove(h) })
		timed(verify, func() { err = p.verify(h, evaluated, proof) })
		if err != nil {
			return spent, nil, err
		}
	}
	timed(combine, func() { tokens = p.combine() })
	return spent, tokens, nil
}

func result(s Setup, took [2][steps][]time.Duration) Result {
	r := Result{Setup: s, Go: runtime.Version(), Cores: runtime.NumCPU()}
	var total [2]float64 // µs a token
	for step := range steps {
		var each [2]float64
		for k := range took {
			slices.Sort(took[k][step])
			each[k] = float64(took[k][step][s.Rounds/2].Nanoseconds()) / 1000 / float64(s.Batch)
			total[k] += each[k]
			if step == evaluate || step == prove || step == verify {
				each[k] /= float64(s.Threshold)
			}
		}
		r.Steps = append(r.Steps, Step{names[step], each[0], each[1]})
	}
	r.TokensPerCore, r.CirclTokensPerCore = 1e6/total[0], 1e6/total[1]
	r.Ratio = total[1] / total[0]
	return r
}
