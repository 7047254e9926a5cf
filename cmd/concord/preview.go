package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

func previewCommand() *cobra.Command {
	var in inputFlags
	var sheetName string
	var limit int
	c := &cobra.Command{
		Use:   "preview FILE…",
		Short: "Show what would leave of a file under a terms sheet, and what each audience would see",
		Long: `Show what would leave of a file, field by field and in which forms, and what
each audience would see of it. It needs no hub, no steward and no membership,
and nothing leaves this machine.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		sheet, err := node.ReadSheet(sheetName)
		if err != nil {
			return err
		}
		var previews []minimise.Preview
		for _, name := range args {
			if err := previewFile(c, in, name, sheet, limit, &previews); err != nil {
				return err
			}
		}
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), previews)
		}
		for i, p := range previews {
			printPreview(c, i+1, p)
		}
		return nil
	}
	in.add(c)
	c.Flags().StringVar(&sheetName, "terms", "default", "terms sheet: a file or a built-in one")
	c.Flags().IntVar(&limit, "first", 3, "how many reports of each file to preview")
	return c
}

// sectorStandard is the built-in standard of a sector.
func sectorStandard(sector string) standard.Ref { return standard.Ref(sector + "/1.0") }

func byIndustry(sector string) func(report.Report) standard.Ref {
	return func(r report.Report) standard.Ref {
		return sectorStandard(first(sector, node.SectorOfIndustry(r.Value("victim.industry"))))
	}
}

func previewFile(c *cobra.Command, in inputFlags, name string, sheet *terms.Sheet, limit int, out *[]minimise.Preview) error {
	file, err := openInput(name)
	if err != nil {
		return err
	}
	defer file.Close()
	options := collect.Options{Format: formatOf(name, in.format), Standard: byIndustry(in.sector)}
	if err := withMap(&options, in.mapFile); err != nil {
		return err
	}
	shown := 0
	account, err := collect.Read(c.Context(), file, name, options, func(r collect.Collected) error {
		if shown++; shown > limit {
			return nil
		}
		std, err := standard.Builtin(r.Report().Standard)
		if err != nil {
			return err
		}
		rules, err := terms.Compile(sheet, std)
		if err != nil {
			return err
		}
		sector, _, _ := strings.Cut(string(std.Ref()), "/")
		*out = append(*out, minimise.PreviewOf(r.Report(), rules, sector))
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range account.Invalid() {
		fmt.Fprintln(c.ErrOrStderr(), "not read:", p)
	}
	if shown > limit {
		fmt.Fprintf(c.ErrOrStderr(), "%s: the first %d of %d reports are shown; --first shows more\n", name, limit, shown)
	}
	if shown == 0 {
		return fault.New(fault.Invalid, "preview.empty", "no report could be read").At(name)
	}
	return nil
}

func printPreview(c *cobra.Command, n int, p minimise.Preview) {
	say(c, "Report %d, under %s, in the sector %s, on the terms %q", n, p.Standard, p.Sector, p.Sheet)
	say(c, "")
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	head := []string{"FIELD", "AS IT IS", "LEAVES AS"}
	for _, a := range p.Audiences {
		head = append(head, strings.ToUpper(a.String()))
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, f := range p.Fields {
		row := []string{f.Path, clip(f.Value, 30)}
		var leaves []string
		for _, l := range f.Leaves {
			leaves = append(leaves, shownAs(l.Form, l.Value))
		}
		row = append(row, first(strings.Join(leaves, " and "), "withheld"))
		for _, a := range f.Audiences {
			var seen []string
			for _, s := range a.Seen {
				seen = append(seen, shownAs(s.Form, s.Value))
			}
			row = append(row, first(strings.Join(seen, " and "), "–"))
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush() //nolint:errcheck // a terminal that is gone needs no error
	say(c, "")
	for _, clause := range p.Clauses {
		say(c, "  %s  (clause %s)", clause.Sentence, clause.Clause)
	}
	for _, note := range p.Notes {
		say(c, "  %s", note)
	}
	say(c, "")
}

// shownAs writes a value in a form: exact as "yes", since the value stands in
// the line already.
func shownAs(f standard.Form, value string) string {
	switch f.Kind {
	case standard.Exact:
		return "exact"
	case standard.Generalised:
		return clip(value, 24)
	}
	return f.String()
}

func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
