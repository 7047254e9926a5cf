package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/sim"
)

func simCommand() *cobra.Command {
	s := sim.Settings{Sectors: []string{"finance", "health"}}
	var to, until string
	c := &cobra.Command{
		Use:   "sim",
		Short: "Write simulated reports, so that code can be tried before there is access",
		Args:  cobra.NoArgs,
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
			return explainAccount(c, account, false)
		},
	}
	c.Flags().StringVar(&to, "to", "report", "report (JSON Lines), csv or veris")
	c.Flags().Uint64Var(&s.Seed, "seed", 1, "seed: the same seed, the same world")
	c.Flags().IntVar(&s.Reports, "reports", 5000, "how many reports")
	c.Flags().IntVar(&s.Members, "members", sim.DefaultMembers, "how many members")
	c.Flags().StringVar(&until, "until", time.Now().Format("2006-01-02"), "last day of the two years")
	return c
}
