package main

import (
	"strings"
	"testing"

	"github.com/concord-trust/concord/sim"
	"github.com/concord-trust/concord/terms/reconcile"
)

// More may flow now than would: the table says why, and where there is no table
// nothing stands.
func TestTheParadoxOfTheDemoSaysWhyMoreMayFlowThanWould(t *testing.T) {
	var out strings.Builder
	tellParadox(&out, nil)
	if out.String() != "" {
		t.Errorf("of no requests is told %q", out.String())
	}
	flow := func(share float64) []reconcile.Flow {
		return []reconcile.Flow{{Sector: "health", From: "industry", To: "law-enforcement", Flows: share, WithOffer: 0.74}}
	}
	tellParadox(&out, &sim.Paradox{Requests: 3, Asked: 2, Accepted: 1, Before: flow(0.68), After: flow(0.77)})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "holds in its other sectors, too") || !strings.Contains(lines[len(lines)-2], "77 %") {
		t.Errorf("the table ends with %q", lines)
	}
}
