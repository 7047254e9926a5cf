package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
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
		if err := checkDemo(c, d, len(imports) > 0); err != nil {
			return err
		}
		for _, text := range imports {
			in, err := parseImport(c.Context(), text)
			if err != nil {
				return err
			}
			d.Imports = append(d.Imports, in)
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

// checkDemo refuses flags that would be without effect, or open the demo to
// others: its sign-in links are for whoever sits before it.
func checkDemo(c *cobra.Command, d sim.Demo, imports bool) error {
	for _, name := range []string{"reports", "seed"} {
		if imports && c.Flags().Changed(name) {
			return fault.New(fault.Usage, "demo.import", "--%s is for simulated reports; leave it out beside --import", name)
		}
	}
	if d.Reports < 1 {
		return fault.New(fault.Usage, "demo.reports", "--reports is at least 1")
	}
	if kept := filepath.Join(d.Dir, "hub", node.ConfigName); d.Dir != "" {
		if _, err := os.Stat(kept); err == nil {
			return fault.New(fault.Usage, "demo.kept", "a demo is kept here already; `concord hub serve --config %s` and the steward beside it serve it again. Name another folder for a new one", kept).At(d.Dir)
		}
	}
	host, _, err := net.SplitHostPort(d.Listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fault.New(fault.Usage, "demo.listen", "--listen is an address and port on this machine, as 127.0.0.1:8440; for others to reach, set up a hub (`concord hub init`)")
	}
	return nil
}

// parseImport reads STAKE=FORMAT:FILE[,map=FILE][,sector=NAME][,members=N], and
// opens the files, so that what cannot be read is told at once.
func parseImport(ctx context.Context, text string) (sim.Import, error) {
	wrong := func(format string, args ...any) (sim.Import, error) {
		return sim.Import{}, fault.New(fault.Usage, "import.flag", "%s; write --import STAKE=FORMAT:FILE[,map=FILE][,sector=NAME][,members=N]", fmt.Sprintf(format, args...))
	}
	stake, rest, ok := strings.Cut(text, "=")
	if !ok || !member.Stake(stake).Valid() {
		return wrong("the stake is one of %s", listed(member.Stakes()))
	}
	format, rest, ok := strings.Cut(rest, ":")
	if !ok || !slices.Contains([]string{"veris", "stix", "misp", "csv", "report"}, format) {
		return wrong("the format is veris, stix, misp, csv or report")
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
			if !slices.Contains(sim.ImportSectors(), value) {
				return wrong("the sector is one of %s", listed(sim.ImportSectors()))
			}
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
	return openImport(ctx, in, mapFile)
}

// listed writes names as a list: "a, b, c".
func listed[S ~string](names []S) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = string(n)
	}
	return strings.Join(all, ", ")
}

// errEnough ends reading where one report is enough.
var errEnough = errors.New("enough was read")

// openImport reads the map, holds it to the sector, and of a table the first
// row.
func openImport(ctx context.Context, in sim.Import, mapFile string) (sim.Import, error) {
	var options collect.Options
	if err := withMap(&options, mapFile); err != nil {
		return in, err
	}
	if options.Map != nil && in.Format != "csv" {
		return in, fault.New(fault.Usage, "import.map", "a mapping file is for a table; write csv for the format, or leave map= out").At(in.File)
	}
	if err := (inputFlags{mapFile: mapFile, sector: in.Sector}).agrees(options.Map); err != nil {
		return in, err
	}
	in.Options = func(o *collect.Options) error {
		o.Map = options.Map
		return nil
	}
	file, err := openInput(in.File)
	if err != nil {
		return in, err
	}
	defer file.Close()
	if in.Format != "csv" {
		return in, nil
	}
	options.Format = in.Format
	if _, err := collect.Read(ctx, file, in.File, options, func(collect.Collected) error { return errEnough }); err != nil && !errors.Is(err, errEnough) {
		return in, err
	}
	return in, nil
}

// tell says in plain words what happened.
func tell(w io.Writer, s sim.Summary) {
	fmt.Fprintf(w, "\nWhat happened, in %s\n\n", s.Took.Round(100*time.Millisecond))
	fmt.Fprintf(w, "%s submitted %s", count(s.Members, "organisation"), count(s.Submitted, "report"))
	var stakes []string
	for _, k := range member.Stakes() {
		stakes = append(stakes, fmt.Sprintf("%d from %s", s.ByStake[k], strings.ReplaceAll(string(k), "-", " ")))
	}
	fmt.Fprintf(w, ": %s.\n", strings.Join(stakes, ", "))
	fmt.Fprintf(w, "Accepted: %d. Sent before as they were: %d. Refused, by the hub or at the member's own edge: %d.\n", s.Accepted, s.Duplicate, s.Refused)
	most(w, s.Refusals, 6)
	fmt.Fprintf(w, "\nThey tell of %s; %s joined with another source's report of the same event.\n", count(s.Incidents, "incident"), wereOf(s.Joined, "report"))
	if s.JoinPrecision != nil && s.Joined > 0 {
		fmt.Fprintf(w, "Against the simulation's truth: %.1f %% of the joined pairs are right, %.1f %% of the true pairs were found.\n", 100**s.JoinPrecision, 100**s.JoinRecall)
	}
	if s.Observables > 0 {
		fmt.Fprintf(w, "Campaigns that tie incidents of different members by rare things they share: %d, among %s.\n", s.Campaigns, count(s.Observables, "observable"))
	}
	fmt.Fprintf(w, "No name of a victim left its member: %s in place of names and observables (%s).\n", count(s.Tokens, "token"), wire.SingleCustody)
	for _, f := range s.Figures {
		if f.Cells == 0 {
			fmt.Fprintf(w, "\nStatistics of %s: there is nothing to count by action and quarter.\n", f.Sector)
			continue
		}
		fmt.Fprintf(w, "\nStatistics of %s: %d of %d figures of action by quarter are shown", f.Sector, f.Shown, f.Cells)
		if f.Shown < f.Cells {
			fmt.Fprint(w, "; behind the others stand too few owner groups, or they would give such a one away")
		}
		fmt.Fprintln(w, ".")
	}
	for _, r := range s.Made {
		fmt.Fprintf(w, "\nRelease %s: %s; %s left out, since too few are like them. Fields withheld, and why:\n", r.ID, count(r.Records, "incident"), wereOf(r.Suppressed, "incident"))
		most(w, r.Withheld, 4)
	}
	for _, r := range s.NotMade {
		fmt.Fprintf(w, "\nNo release of %s: %s.\n", r.Sector, strings.TrimSuffix(r.Reason, "."))
	}
	tellParadox(w, s.Paradox)
}

// tellParadox tells of each sector and pair of stakes what flowed before and
// after some accepted what was asked of them.
func tellParadox(w io.Writer, p *sim.Paradox) {
	if p == nil {
		return
	}
	fmt.Fprintf(w, "\nThe paradox, measured: %s of what members lack, held against everybody's terms. The cheapest offers ask %s; %s.\n",
		count(p.Requests, "request"), count(p.Asked, "member"), acceptedOf(p.Accepted))
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "  SECTOR\tWHO HAS IT\tWHO ASKS\tFLOWED\tWOULD WITH ALL OFFERS\tFLOWS NOW")
	for i, b := range p.Before {
		after := "–"
		if i < len(p.After) {
			after = percentage(p.After[i].Flows)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", b.Sector, b.From, b.To, percentage(b.Flows), percentage(b.WithOffer), after)
	}
	table.Flush() //nolint:errcheck // a terminal that is gone needs no error
	fmt.Fprintln(w, "  What a member concedes for one sector holds in its other sectors, too: more may flow now than would with all offers.")
}

func acceptedOf(n int) string {
	if n == 1 {
		return "1 accepted and signed its agreement anew"
	}
	return fmt.Sprintf("%d accepted and signed their agreements anew", n)
}

// wereOf writes what was done to a number of things: "1 report was".
func wereOf(n int, what string) string {
	if n == 1 {
		return count(n, what) + " was"
	}
	return count(n, what) + " were"
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
		fmt.Fprintf(w, "         and %s\n", count(more, "further reason"))
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
		tellVisitors(c.OutOrStdout(), trust.URL, visitors)
		fmt.Fprintf(c.OutOrStdout(), "\nEnter makes new links; Ctrl-C ends the demo.\n")
		select {
		case <-c.Context().Done():
			return nil
		case <-enter:
		}
	}
}

// tellVisitors tells where each visitor signs in, and how to be that member at
// the command line while the demo serves.
func tellVisitors(w io.Writer, url string, visitors []sim.Visitor) {
	fmt.Fprintf(w, "\nThe trust keeps serving at %s. Sign in as (each link works once, for five minutes):\n", url)
	for _, v := range visitors {
		fmt.Fprintf(w, "\n  %s of %s (%s)\n    %s\n    Try: %s.\n", v.Person, v.Member, v.Stake, v.Link, v.Try)
		if v.Look != "" {
			fmt.Fprintf(w, "    Once signed in: %s\n", v.Look)
		}
		fmt.Fprintf(w, "    At another terminal, commands of this member: export CONCORD_CONFIG=%s\n", shellWord(v.Config))
	}
}

// shellWord writes a path so that a shell reads it as one word.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,", r)
	}
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
