package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// previewing is what a preview was told.
type previewing struct {
	in      inputFlags
	later   terms.Span
	limit   int
	explain bool
	table   bool
}

// previewer chooses the standard of a report and computes its preview.
type previewer struct {
	pick func(report.Report) standard.Ref
	of   func(r collect.Collected, now, later time.Time) (minimise.Preview, error)
}

func (v *previewing) add(c *cobra.Command) {
	v.in.add(c)
	alias(c, &v.in.format, "from", "format")
	alias(c, &v.in.sector, "standard", "sector")
	c.Flags().TextVar(&v.later, "in", terms.Days(90), "how much later the second moment is: 30d, 12h, 6w")
	c.Flags().IntVar(&v.limit, "first", 3, "how many reports of each file to preview")
	c.Flags().BoolVar(&v.table, "table", false, "one line a field and one column an audience; it is about 230 characters wide")
	c.Flags().BoolVar(&v.explain, "explain", false, "list the whole account of what was read")
}

func previewCommand() *cobra.Command {
	var v previewing
	var sheet string
	c := &cobra.Command{
		Use:   "preview FILE…",
		Short: "Show what would leave of a file under a terms sheet, and what each audience would see",
		Long: `Show what would leave of a file, field by field and in which forms, and what
each audience would see of it: when the hub receives it, and later. It needs no
hub, no steward and no membership, and nothing leaves this machine. A member
sees by "member preview" what "member submit" would send.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := node.ReadSheet(sheet)
		if err != nil {
			return err
		}
		pick, err := byIndustry(v.in.sector)
		if err != nil {
			return err
		}
		return v.run(c, args, previewer{pick, onSheet(s)})
	}
	v.add(c)
	c.Flags().StringVar(&sheet, "terms", "default", "terms sheet: a file or a built-in one")
	return c
}

// onSheet computes previews under a sheet that nobody signed, in the sector
// after which the standard is called.
func onSheet(sheet *terms.Sheet) func(collect.Collected, time.Time, time.Time) (minimise.Preview, error) {
	return func(r collect.Collected, now, later time.Time) (minimise.Preview, error) {
		std, err := standard.Builtin(r.Report().Standard)
		if err != nil {
			return minimise.Preview{}, err
		}
		rules, err := terms.Compile(sheet, std)
		if err != nil {
			return minimise.Preview{}, err
		}
		sector, _, _ := strings.Cut(string(std.Ref()), "/")
		return minimise.PreviewOf(r.Report(), rules, minimise.Setting{Sector: sector, Now: now, Later: later}), nil
	}
}

func (v previewing) run(c *cobra.Command, files []string, by previewer) error {
	if v.limit < 1 {
		return fault.New(fault.Usage, "preview.first", "--first is a number of reports, 1 or more")
	}
	previews := []minimise.Preview{}
	for _, name := range files {
		if err := v.file(c, name, by, &previews); err != nil {
			return err
		}
	}
	if wantsJSON(c) {
		return printJSON(c.OutOrStdout(), previews)
	}
	for i, p := range previews {
		say(c, "Report %d, under %s, in the sector %s, on the terms %q", i+1, p.Standard, p.Sector, p.Sheet)
		say(c, "as received on %s, and as seen on %s", dayOf(p.Now), dayOf(p.Later))
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

func (v previewing) file(c *cobra.Command, name string, by previewer, out *[]minimise.Preview) error {
	r, err := v.in.open(name, by.pick)
	if err != nil {
		return err
	}
	defer r.Close()
	now := time.Now().UTC().Truncate(time.Second)
	r.options.Latest = now
	shown := 0
	account, err := r.each(c, func(r collect.Collected) error {
		if shown++; shown > v.limit {
			return nil
		}
		p, err := by.of(r, now, now.Add(time.Duration(v.later)))
		if fault.KindOf(err) == fault.Forbidden || fault.KindOf(err) == fault.TooLarge {
			fmt.Fprintf(c.ErrOrStderr(), "not queued: %s: %s\n", r.Where(), fault.Public(err).Message)
			return nil
		}
		if err == nil {
			*out = append(*out, p)
		}
		return err
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

// printFields tells field by field what leaves, who sees what when it is
// received, what of that begins and ends, and what is seen later. Audiences that
// see the same stand together.
func printFields(c *cobra.Command, p minimise.Preview) {
	changes := false
	for _, f := range p.Fields {
		say(c, "%s: %s", f.Path, clip(f.Value, max(30, width-len(f.Path)-2)))
		beside(c, "leaves as", leaving(f))
		if len(f.Leaves) > 0 {
			changes = printSights(c, p, f) || changes
		}
		for _, note := range f.Notes {
			beside(c, "note", note)
		}
		say(c, "")
	}
	if !changes {
		wrapped(c, " ", 4, fmt.Sprintf("On %s each audience sees the same as now.", dayOf(p.Later)))
	}
}

// printSights tells who sees a field that leaves, and reports whether that
// changes.
func printSights(c *cobra.Command, p minimise.Preview, f minimise.FieldPreview) (changes bool) {
	printGroups(c, grouped(p, f, atReceipt))
	all := turns(p, f)
	for _, t := range all {
		beside(c, dayOf(t.at), called(t.who, p.Audiences)+": "+t.what)
	}
	if len(all) == 0 {
		return false
	}
	say(c, "    on %s:", dayOf(p.Later))
	printGroups(c, grouped(p, f, atLater))
	return true
}

// turn is what begins and ends at a moment, for some audiences.
type turn struct {
	at   time.Time
	what string
	who  []minimise.Audience
}

// turns lists what changes of a field, in order of time.
func turns(p minimise.Preview, f minimise.FieldPreview) (all []turn) {
	for i, a := range f.Audiences {
		for _, ch := range a.Changes {
			what := changed(ch)
			k := slices.IndexFunc(all, func(t turn) bool { return t.at.Equal(ch.At) && t.what == what })
			if k < 0 {
				k = len(all)
				all = append(all, turn{at: ch.At, what: what})
			}
			all[k].who = append(all[k].who, p.Audiences[i])
		}
	}
	slices.SortStableFunc(all, func(x, y turn) int { return x.at.Compare(y.at) })
	return all
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func printGroups(c *cobra.Command, all []sight) {
	for _, g := range all {
		beside(c, g.seen, g.who)
		if g.under != "" {
			beside(c, "", g.under)
		}
	}
}

// changed says what begins and ends.
func changed(c minimise.Change) string {
	var parts []string
	list := func(verb string, all []minimise.Seen) {
		for _, s := range all {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", verb, shownAs(s.Form, s.Value), under(s)))
		}
	}
	list("from then on", c.Begins)
	list("no longer", c.Ends)
	if c.Because != "" {
		parts = append(parts, c.Because)
	}
	return strings.Join(parts, "; ")
}

// atReceipt and atLater pick the two moments of a preview.
func atReceipt(a minimise.AudienceView) minimise.Sight { return a.Now }
func atLater(a minimise.AudienceView) minimise.Sight   { return a.Later }

// sight is what some audiences see of a field, and under which obligations.
type sight struct{ seen, under, who string }

// grouped gathers the audiences of a field by what they see at a moment. Who
// sees nothing comes last.
func grouped(p minimise.Preview, f minimise.FieldPreview, at func(minimise.AudienceView) minimise.Sight) []sight {
	var all []sight
	var who [][]minimise.Audience
	add := func(a minimise.Audience, s sight) {
		k := slices.Index(all, s)
		if k < 0 {
			k = len(all)
			all, who = append(all, s), append(who, nil)
		}
		who[k] = append(who[k], a)
	}
	for i, a := range p.Audiences {
		for _, s := range at(f.Audiences[i]).Seen {
			add(a, sight{seen: shownAs(s.Form, s.Value), under: under(s)})
		}
	}
	for i, a := range p.Audiences {
		s := at(f.Audiences[i])
		switch {
		case len(s.Seen) > 0:
		case s.Withheld == minimise.NotForThem, s.Withheld == minimise.OtherSector:
			add(a, sight{seen: "nothing"})
		default:
			add(a, sight{seen: "nothing", under: s.Withheld})
		}
	}
	for k := range all {
		all[k].who = called(who[k], p.Audiences)
	}
	return all
}

// called names audiences, in one word where they are all of the sector.
func called(who, of []minimise.Audience) string {
	other := func(a minimise.Audience) bool { return !a.SameSector }
	if own := slices.DeleteFunc(slices.Clone(of), other); len(own) > 1 && slices.Equal(who, own) {
		return "each audience of the own sector"
	}
	names := make([]string, len(who))
	for i, a := range who {
		names[i] = a.String()
	}
	return strings.Join(names, ", ")
}

// under says to what the recipient of something is held, and by which clauses
// it is seen.
func under(s minimise.Seen) string {
	words := s.Obligations()
	if when := s.Conditions(); when != "" {
		words += ", " + when
	}
	noun := "clause "
	if len(s.Clauses) > 1 {
		noun = "clauses "
	}
	return words + "; " + noun + strings.Join(s.Clauses, ", ")
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
			cell := first(seenBy(a.Now), "–")
			if then := first(seenBy(a.Later), "–"); then != cell {
				cell += " → " + then
			}
			row = append(row, cell)
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
		if slices.Contains(p.Besides, clause) {
			continue
		}
		wrapped(c, " ", 4, fmt.Sprintf("%s (clause %s)", clause.Sentence, clause.Clause))
	}
	for i, clause := range p.Besides {
		if i == 0 {
			wrapped(c, " ", 4, "To others than these audiences, or for other purposes:")
		}
		wrapped(c, "   ", 4, fmt.Sprintf("%s (clause %s)", clause.Sentence, clause.Clause))
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
func seenBy(a minimise.Sight) string {
	var seen []string
	for _, s := range a.Seen {
		if as := shownAs(s.Form, s.Value); !slices.Contains(seen, as) {
			seen = append(seen, as)
		}
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
