package sim

import (
	"testing"
	"time"

	"github.com/concord-trust/concord/terms"
)

// The random trust would notice: each fault, of the hub or of the oracle, is
// found within so many steps of some seed.
func TestARandomTrustNoticesEveryFault(t *testing.T) {
	type outcome struct {
		wrong string
		at    int
	}
	known := map[uint64]outcome{}
	// sound is what is wrong without a fault, and in which step; nothing should
	// be, so that it is the fault that is noticed.
	sound := func(seed uint64) (string, int) {
		if _, ok := known[seed]; !ok {
			f := newFate(t, seed)
			if f.steps(faultSteps); len(f.wrong) > 0 {
				known[seed] = outcome{f.wrong[0], f.step}
			} else {
				known[seed] = outcome{"", faultSteps}
			}
		}
		return known[seed].wrong, known[seed].at
	}
	seeds, _ := randomSteps()
	for i, fault := range []struct {
		name string
		do   func(*fate)
	}{
		{"a hub whose clock lags by two seconds", func(f *fate) { f.lags = 2 * time.Second }},
		{"a hub whose clock is two seconds fast", func(f *fate) { f.lags = -2 * time.Second }},
		{"a hub that is not told of recalls", func(f *fate) { f.forgetful = true }},
		{"a hub that is not told of renewals", func(f *fate) { f.deaf = true }},
		{"a clause that is dropped", func(f *fate) {
			f.oracle.blunder = func(c *terms.Clause) {
				if c.ID == "wide" {
					c.For = nil
				}
			}
		}},
		{"a delay that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.After = 0 } }},
		{"an end that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.Keep = 0 } }},
		{"a first day that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.From = "" } }},
		{"a last day that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.Until = "" } }},
		{"a number of groups that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.Groups = 0 } }},
		{"a reciprocity that is not kept", func(f *fate) { f.oracle.blunder = func(c *terms.Clause) { c.When = terms.Condition{} } }},
		{"a recipient that is not looked at", func(f *fate) {
			f.oracle.blunder = func(c *terms.Clause) { c.To = []terms.Recipient{{Stake: "any"}} }
		}},
		{"a purpose that is not looked at", func(f *fate) {
			f.oracle.blunder = func(c *terms.Clause) { c.For = allPurposes() }
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			if seeds < 10 && i%6 > 0 {
				t.Skip("CI, and whoever asks for 10,000 steps, tries them all")
			}
			for seed := range uint64(5) {
				f := newFate(t, 103+seed)
				fault.do(f)
				f.steps(faultSteps)
				if len(f.wrong) == 0 {
					continue
				}
				t.Logf("noticed in step %d of seed %d", f.step, f.seed)
				if wrong, at := sound(f.seed); at <= f.step {
					t.Errorf("it is not the fault that is noticed: %s", wrong)
				}
				return
			}
			t.Error("nobody noticed")
		})
	}
}

// faultSteps are enough for each fault to be noticed with some seed.
const faultSteps = 250
