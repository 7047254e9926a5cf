package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/sim"
	"github.com/concord-trust/concord/wire"
)

func demoCommand() *cobra.Command {
	d := sim.Demo{}
	var exit bool
	var imports []string
	c := &cobra.Command{
		Use:   "demo",
		Short: "See a whole trust work, on simulated or on your own files, in one process",
		Long: `Set up a steward, a hub and members of all three stakes in one process on
loopback, with embedded storage in a temporary folder; have the members report
over the real interfaces; consolidate, analyse and release; tell what happened;
and keep serving, with three sign-in links.

Real input, in place of the simulation:
  concord demo --import industry=veris:cases.jsonl,members=40 \
               --import law-enforcement=csv:breaches.csv,map=hhs.yaml,sector=health,members=3`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		for _, text := range imports {
			in, err := parseImport(text)
			if err != nil {
				return err
			}
			d.Imports = append(d.Imports, in)
		}
		if d.Reports < 1 {
			return fault.New(fault.Usage, "demo.reports", "--reports is at least 1")
		}
		if d.Dir == "" {
			dir, err := os.MkdirTemp("", "concord-demo-")
			if err != nil {
				return fmt.Errorf("make a temporary folder: %w", err)
			}
			defer os.RemoveAll(dir)
			d.Dir = dir
		}
		d.Log = slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		d.Progress = func(format string, args ...any) { fmt.Fprintf(c.ErrOrStderr(), format+"\n", args...) }
		trust, summary, err := d.Run(c.Context())
		if err != nil {
			return err
		}
		defer trust.Close()
		if err := answer(c, summary, func() { tell(c.OutOrStdout(), summary) }); err != nil {
			return err
		}
		if exit {
			return nil
		}
		return keepServing(c, trust)
	}
	c.Flags().Uint64Var(&d.Seed, "seed", 1, "seed of the simulation: the same seed, the same world")
	c.Flags().IntVar(&d.Reports, "reports", 5000, "how many reports the members submit")
	c.Flags().StringVar(&d.Dir, "data-dir", "", "folder for everything (default: a temporary one, removed at the end)")
	c.Flags().StringVar(&d.Listen, "listen", "127.0.0.1:0", "address for the hub's pages, on loopback")
	c.Flags().BoolVar(&exit, "exit", false, "end after the summary")
	c.Flags().StringArrayVar(&imports, "import", nil, "STAKE=FORMAT:FILE[,map=FILE][,sector=NAME][,members=N]; may be given several times")
	return c
}

// parseImport reads STAKE=FORMAT:FILE[,map=FILE][,sector=NAME][,members=N].
func parseImport(text string) (sim.Import, error) {
	wrong := func(format string, args ...any) (sim.Import, error) {
		return sim.Import{}, fault.New(fault.Usage, "import.flag", "%s; write --import STAKE=FORMAT:FILE[,map=FILE][,sector=NAME][,members=N]", fmt.Sprintf(format, args...))
	}
	stake, rest, ok := strings.Cut(text, "=")
	if !ok || !member.Stake(stake).Valid() {
		return wrong("the stake is one of %v", member.Stakes())
	}
	format, rest, ok := strings.Cut(rest, ":")
	if !ok || !slices.Contains([]string{"veris", "csv", "report"}, format) {
		return wrong("the format is veris, csv or report")
	}
	in := sim.Import{Stake: member.Stake(stake), Format: format, Members: 1}
	mapFile := ""
	for i, part := range strings.Split(rest, ",") {
		name, value, has := strings.Cut(part, "=")
		switch {
		case i == 0:
			in.File = part
		case has && name == "map":
			mapFile = value
		case has && name == "sector":
			in.Sector = value
		case has && name == "members":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 1000 {
				return wrong("members is a number from 1 to 1000")
			}
			in.Members = n
		default:
			return wrong("%q is not understood", part)
		}
	}
	if in.File == "" {
		return wrong("name a file")
	}
	in.Options = func(o *collect.Options) error { return withMap(o, mapFile) }
	return in, nil
}

// tell says in plain words what happened.
func tell(w io.Writer, s sim.Summary) {
	fmt.Fprintf(w, "\nWhat happened, in %s\n\n", s.Took.Round(100*time.Millisecond))
	fmt.Fprintf(w, "%d organisations submitted %d reports", s.Members, s.Submitted)
	var stakes []string
	for _, k := range member.Stakes() {
		stakes = append(stakes, fmt.Sprintf("%d from %s", s.ByStake[k], strings.ReplaceAll(string(k), "-", " ")))
	}
	fmt.Fprintf(w, ": %s.\n", strings.Join(stakes, ", "))
	fmt.Fprintf(w, "%d were accepted, %d had been sent before as they were, %d were refused, by the hub or at the member's own edge.\n", s.Accepted, s.Duplicate, s.Refused)
	most(w, s.Refusals, 6)
	fmt.Fprintf(w, "\nThey tell of %d incidents; %d reports were joined with another source's report of the same event.\n", s.Incidents, s.Joined)
	if s.JoinPrecision != nil {
		fmt.Fprintf(w, "Against the simulation's truth: %.1f %% of the joined pairs are right, %.1f %% of the true pairs were found.\n", 100**s.JoinPrecision, 100**s.JoinRecall)
	}
	if s.Observables > 0 {
		fmt.Fprintf(w, "%d campaigns tie incidents of different members by rare things they share, among %d observables.\n", s.Campaigns, s.Observables)
	}
	fmt.Fprintf(w, "No name of a victim left its member: %d tokens stand in place of names and observables (%s).\n", s.Tokens, wire.SingleCustody)
	for _, f := range s.Figures {
		fmt.Fprintf(w, "\nStatistics of %s: %d of %d figures of action by quarter are shown", f.Sector, f.Shown, f.Cells)
		if f.Shown < f.Cells {
			fmt.Fprint(w, "; behind the others stand too few owner groups, or they would give such a one away")
		}
		fmt.Fprintln(w, ".")
	}
	for _, r := range s.Made {
		fmt.Fprintf(w, "\nRelease %s: %d incidents; %d were left out, since too few are like them. Fields withheld, and why:\n", r.ID, r.Records, r.Suppressed)
		most(w, r.Withheld, 4)
	}
}

// most lists the most frequent reasons, and how many there are besides.
func most(w io.Writer, reasons map[string]int, n int) {
	all := slices.SortedFunc(maps.Keys(reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(reasons[b], reasons[a]), strings.Compare(a, b))
	})
	for _, why := range all[:min(n, len(all))] {
		fmt.Fprintf(w, "  %5d  %s\n", reasons[why], why)
	}
	if more := len(all) - n; more > 0 {
		fmt.Fprintf(w, "         and %d further reasons\n", more)
	}
}

// keepServing prints sign-in links, and new ones whenever Enter is pressed.
func keepServing(c *cobra.Command, trust *sim.Trust) error {
	enter := make(chan struct{})
	if isatty.IsTerminal(os.Stdin.Fd()) {
		go func() {
			in := bufio.NewScanner(os.Stdin)
			for in.Scan() {
				enter <- struct{}{}
			}
		}()
	}
	for {
		visitors, err := trust.Visitors(c.Context())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "\nThe trust keeps serving at %s. Sign in as (each link works once, for five minutes):\n", trust.URL)
		for _, v := range visitors {
			fmt.Fprintf(c.OutOrStdout(), "\n  %s of %s (%s)\n    %s\n    Try: %s.\n", v.Person, v.Member, v.Stake, v.Link, v.Try)
		}
		fmt.Fprintf(c.OutOrStdout(), "\nEnter makes new links; Ctrl-C ends the demo.\n")
		select {
		case <-c.Context().Done():
			return nil
		case <-enter:
		}
	}
}
