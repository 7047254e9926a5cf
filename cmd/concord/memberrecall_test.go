package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// What a hold keeps is in backups for as long as it does: no day by which none
// holds it is told before another receipt says that the hold is over.
func TestStatusTellsOfAHoldUntilAnotherReceiptSaysThatItIsOver(t *testing.T) {
	held := wire.Destruction{ID: "d-1", At: "2026-11-30T10:00:00Z", By: wire.ByMember, BackupDays: 30, BackupsUntil: "2026-12-30",
		Reports: []wire.DestroyedReport{{Report: "r-1", Status: wire.Held, HeldUntil: "2027-06-30T23:59:59Z"}}}
	destroyed := func(by, at string) wire.Destruction {
		return wire.Destruction{ID: "d-2", At: at, By: by, BackupDays: 30, BackupsUntil: "2027-07-31", Reports: []wire.DestroyedReport{{Report: "r-1", Status: wire.Destroyed}}}
	}
	for _, c := range []struct {
		name      string
		all       []wire.Destruction
		want, not string
	}{
		{"held", []wire.Destruction{held}, "sealed until the end of 2027-06-30, then they are destroyed, and backups hold them at the latest 30 days after that", "2026-12-30"},
		{"the hold is over", []wire.Destruction{destroyed(wire.ByHoldEnd, "2027-07-01T00:00:05Z"), held}, "a legal hold that is over", "2027-06-30"},
		{"an earlier report of the same id was destroyed", []wire.Destruction{held, destroyed(wire.ByMember, "2026-10-01T00:00:00Z")}, "sealed until the end of 2027-06-30", "is over"},
		{"an earlier hold of it ended", []wire.Destruction{held, destroyed(wire.ByHoldEnd, "2026-10-01T00:00:00Z")}, "sealed until the end of 2027-06-30", "is over"},
		{"destroyed", []wire.Destruction{destroyed(wire.ByMember, "2027-07-01T00:00:05Z")}, "no backup holds the keys after 2027-07-31", "hold keeps"},
	} {
		var out bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetOut(&out)
		s := status{}
		for _, d := range c.all {
			s.Destroyed = append(s.Destroyed, node.Destroyed{ID: d.ID, Destruction: d})
		}
		s.print(cmd)
		if said := out.String(); !strings.Contains(said, c.want) || strings.Contains(said, c.not) {
			t.Errorf("%s: status should say %q and not %q: %s", c.name, c.want, c.not, said)
		}
	}
}
