package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// previewing is what preview was told.
type previewing struct {
	in      inputFlags
	sheet   string
	limit   int
	explain bool
	table   bool
}

func previewCommand() *cobra.Command {
	var v previewing
	c := &cobra.Command{
		Use:   "preview FILE…",
		Short: "Show what would leave of a file under a terms sheet, and what each audience would see",
		Long: `Show what would leave of a file, field by field and in which forms, and what
each audience would see of it. It needs no hub, no steward and no membership,
and nothing leaves this machine.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return v.run(c, args) }
	v.in.add(c)
	alias(c, &v.in.format, "from", "format")
	alias(c, &v.in.sector, "standard", "sector")
	c.Flags().StringVar(&v.sheet, "terms", "default", "terms sheet: a file or a built-in one")
	c.Flags().IntVar(&v.limit, "first", 3, "how many reports of each file to preview")
	c.Flags().BoolVar(&v.table, "table", false, "one line a field and one column an audience; it is about 230 characters wide")
	c.Flags().BoolVar(&v.explain, "explain", false, "list the whole account of what was read")
	return c
}

func (v previewing) run(c *cobra.Command, files []string) error {
	if v.limit < 1 {
		return fault.New(fault.Usage, "preview.first", "--first is a number of reports, 1 or more")
	}
	sheet, err := node.ReadSheet(v.sheet)
	if err != nil {
		return err
	}
	var previews []minimise.Preview
	for _, name := range files {
		if err := v.file(c, name, sheet, &previews); err != nil {
			return err
		}
	}
	if wantsJSON(c) {
		return printJSON(c.OutOrStdout(), previews)
	}
	for i, p := range previews {
		say(c, "Report %d, under %s, in the sector %s, on the terms %q", i+1, p.Standard, p.Sector, p.Sheet)
		say(c, "")
		if v.table {
			printTable(c, p)
		} else {
			printFields(c, p)
		}
		printNotes(c, p)
	}
	return nil
}

func (v previewing) file(c *cobra.Command, name string, sheet *terms.Sheet, out *[]minimise.Preview) error {
	pick, err := byIndustry(v.in.sector)
	if err != nil {
		return err
	}
	r, err := v.in.open(name, pick)
	if err != nil {
		return err
	}
	defer r.Close()
	shown := 0
	account, err := r.each(c, func(r collect.Collected) error {
		if shown++; shown > v.limit {
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
	if err := v.account(c, name, account); err != nil {
		return err
	}
	if shown > v.limit {
		fmt.Fprintf(c.ErrOrStderr(), "%s: the first %d of %d reports are shown; --first shows more\n", name, v.limit, shown)
	}
	return nothingRead(r, "--format", account)
}

// account tells what could not be read, and what reports lack.
func (v previewing) account(c *cobra.Command, name string, a mapping.Account) error {
	w := c.ErrOrStderr()
	if v.explain {
		return a.WriteText(w)
	}
	tellInvalid(a, "--explain lists all", func(line string) { fmt.Fprintln(w, "not read:", line) })
	for _, u := range a.Warnings() {
		fmt.Fprintf(w, "warning: %s: %s: %s (%s)\n", name, u.Path, u.Reason, count(u.Count, "report"))
	}
	return nil
}

// printFields tells field by field what leaves and who sees what. Audiences
// that see the same stand together.
func printFields(c *cobra.Command, p minimise.Preview) {
	for _, f := range p.Fields {
		say(c, "%s: %s", f.Path, clip(f.Value, max(30, width-len(f.Path)-2)))
		beside(c, "leaves as", leaving(f))
		for _, g := range grouped(p, f) {
			beside(c, g.seen, strings.Join(g.who, ", "))
		}
		for _, note := range f.Notes {
			beside(c, "note", note)
		}
		say(c, "")
	}
}

// sight is what some audiences see of a field.
type sight struct {
	seen string
	who  []string
}

// grouped gathers the audiences of a field by what they see; of what does not
// leave nobody sees anything, which need not be told.
func grouped(p minimise.Preview, f minimise.FieldPreview) []sight {
	if len(f.Leaves) == 0 {
		return nil
	}
	var all []sight
	for i, a := range p.Audiences {
		what := first(seenBy(f.Audiences[i]), "nothing")
		at := slices.IndexFunc(all, func(s sight) bool { return s.seen == what })
		if at < 0 {
			at = len(all)
			all = append(all, sight{seen: what})
		}
		all[at].who = append(all[at].who, a.String())
	}
	slices.SortStableFunc(all, func(x, y sight) int { // nothing comes last
		return strings.Compare(fmt.Sprint(x.seen == "nothing"), fmt.Sprint(y.seen == "nothing"))
	})
	if len(all) == 1 && all[0].seen == leaving(f) {
		return []sight{{"seen by", []string{"each audience of this preview"}}}
	}
	return all
}

// width of what is printed for people, in characters: that of a terminal that
// nobody made wider.
const width = 79

// beside prints a heading and a text beside it, which goes on below itself.
func beside(c *cobra.Command, head, text string) {
	line := fmt.Sprintf("    %-11s", head)
	if len([]rune(head)) > 11 {
		line += ":"
	}
	wrapped(c, line, 16, text)
}

// wrapped prints a text after what begins its first line; further lines are
// indented.
func wrapped(c *cobra.Command, line string, indent int, text string) {
	for word := range strings.FieldsSeq(text) {
		if full := len([]rune(line)) + 1 + len([]rune(word)); full > width && len([]rune(line)) >= indent {
			say(c, "%s", line)
			line = strings.Repeat(" ", indent-1)
		}
		line += " " + word
	}
	say(c, "%s", line)
}

// printTable prints a line a field and a column an audience.
func printTable(c *cobra.Command, p minimise.Preview) {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	head := []string{"FIELD", "AS IT IS", "LEAVES AS"}
	for _, a := range p.Audiences {
		head = append(head, strings.ToUpper(a.String()))
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, f := range p.Fields {
		row := []string{f.Path, clip(f.Value, 30), leaving(f)}
		for _, a := range f.Audiences {
			row = append(row, first(seenBy(a), "–"))
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush() //nolint:errcheck // a terminal that is gone needs no error
	say(c, "")
}

// printNotes tells by which clauses something leaves, and what there is to
// know besides.
func printNotes(c *cobra.Command, p minimise.Preview) {
	for _, clause := range p.Clauses {
		wrapped(c, " ", 4, fmt.Sprintf("%s (clause %s)", clause.Sentence, clause.Clause))
	}
	for _, note := range p.Notes {
		wrapped(c, " ", 4, note)
	}
	say(c, "")
}

// leaving says in which forms a field leaves.
func leaving(f minimise.FieldPreview) string {
	var forms []string
	for _, l := range f.Leaves {
		forms = append(forms, shownAs(l.Form, l.Value))
	}
	return first(strings.Join(forms, " and "), "nothing: withheld")
}

// seenBy says what an audience sees, "" for nothing.
func seenBy(a minimise.AudienceView) string {
	var seen []string
	for _, s := range a.Seen {
		seen = append(seen, shownAs(s.Form, s.Value))
	}
	return strings.Join(seen, " and ")
}

// shownAs writes a value in a form: exact as such, since the value stands
// beside it already.
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
