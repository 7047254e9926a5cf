package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/sim"
)

// written is what sim wrote.
type written struct {
	Reports int `json:"reports"`
	// Malformed documents are part of the world, and left out of files.
	Malformed int                 `json:"malformed"`
	NotMapped []mapping.NotMapped `json:"not_mapped"`
}

// tellWritten says on standard error what stands on standard output.
func tellWritten(c *cobra.Command, asked int, a mapping.Account) error {
	w := c.ErrOrStderr()
	out := written{a.Reports, asked - a.Records, a.NotMapped()}
	if wantsJSON(c) {
		return printJSON(w, out)
	}
	fmt.Fprintf(w, "%s written.", count(out.Reports, "report"))
	if out.Malformed > 0 {
		fmt.Fprintf(w, " The other %d of the world's %d documents are malformed on purpose: the demo's members send them, a file has no place for them.", out.Malformed, asked)
	}
	fmt.Fprintln(w)
	for _, u := range out.NotMapped {
		fmt.Fprintf(w, "left out: %s: %s (%s)\n", u.Path, u.Reason, count(u.Count, "value"))
	}
	return nil
}

func simCommand() *cobra.Command {
	s := sim.Settings{Sectors: []string{"finance", "health"}}
	var to, until string
	c := &cobra.Command{
		Use:   "sim",
		Short: "Write simulated reports, so that code can be tried before there is access",
		Long: `Write simulated reports of two years to standard output, so that code can be
tried before there is access. A world of N documents has some that are
malformed, as real ones have; they are left out, so that fewer than N reports
are written.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if s.Until, err = day("--until", until); err != nil {
				return err
			}
			if s.Reports < 1 || s.Members < 3 {
				return fault.New(fault.Usage, "sim.size", "--reports is at least 1 and --members at least 3")
			}
			w, err := sim.New(s)
			if err != nil {
				return err
			}
			account, err := w.Write(c.Context(), c.OutOrStdout(), to)
			if err != nil {
				return err
			}
			return tellWritten(c, s.Reports, account)
		},
	}
	c.Flags().StringVar(&to, "to", "report", "report (JSON Lines), csv or veris")
	c.Flags().Uint64Var(&s.Seed, "seed", 1, "seed: the same seed, the same world")
	c.Flags().IntVar(&s.Reports, "reports", 5000, "how many documents the members of the world write")
	c.Flags().IntVar(&s.Members, "members", sim.DefaultMembers, "how many members")
	c.Flags().StringVar(&until, "until", time.Now().Format("2006-01-02"), "last day of the two years")
	return c
}
