package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/internal/tokenbench"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what this machine can do",
	}
	c.AddCommand(benchTokens())
	return c
}

func benchTokens() *cobra.Command {
	s := tokenbench.Setup{Threshold: 2, Holders: 3, Batch: 1000, Rounds: 5}
	c := &cobra.Command{
		Use:   "tokens",
		Short: "Measure tokens a second, step by step, beside the same steps of another library",
		Long: `Measure tokens a second and core: all steps of a member and of the stewards that
answer it, in one process and one goroutine, with proofs, and with everything
encoded and checked as it would be between processes. The same steps composed
from another library (circl) run beside it, and must make the same tokens. Each
figure is the median of the rounds, in microseconds for one token; evaluate,
prove and verify are those of one steward.

Use it to size a steward: it spends evaluate and prove on each token.`,
		Args: cobra.NoArgs,
	}
	c.Flags().IntVar(&s.Threshold, "threshold", s.Threshold, "how many stewards answer together")
	c.Flags().IntVar(&s.Holders, "stewards", s.Holders, "how many stewards hold a share")
	c.Flags().IntVar(&s.Batch, "batch", s.Batch, "tokens of one question")
	c.Flags().IntVar(&s.Rounds, "rounds", s.Rounds, "of how many rounds the median is taken")
	c.RunE = func(c *cobra.Command, _ []string) error {
		r, err := tokenbench.Run(c.Context(), s)
		if err != nil {
			return err
		}
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), r)
		}
		say(c, "%d of %d stewards, batches of %d, median of %d rounds; %s, %d cores", r.Threshold, r.Holders, r.Batch, r.Rounds, r.Go, r.Cores)
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(w, "step\tµs a token\tcircl\t")
		for _, step := range r.Steps {
			fmt.Fprintf(w, "%s\t%.1f\t%.1f\t\n", step.Name, step.Each, step.Circl)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		say(c, "%.0f tokens a second and core; composed from circl %.0f: %.2f times as many", r.TokensPerCore, r.CirclTokensPerCore, r.Ratio)
		return nil
	}
	return c
}
