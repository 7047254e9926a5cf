package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

func termsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "terms",
		Short: "Explain what sheets of terms decide, show them as sentences, check, export, import",
	}
	c.AddCommand(termsExplain(), termsShow(), termsCheck(), termsExport(), termsImport(), termsProfile())
	return c
}

// explaining is what explain was told.
type explaining struct {
	sheet, field, to, purpose, at, received, sector string
	groups                                          int
	standards                                       []string
}

func termsExplain() *cobra.Command {
	var e explaining
	c := &cobra.Command{
		Use:   "explain --terms SHEET --field PATH --to RECIPIENT --for PURPOSE",
		Short: "Tell whether a recipient may receive a field, in which form, and by which clauses",
		Long: `Tell whether a recipient may receive a field for a purpose at a moment: in which
form, under which obligations, by which clauses; and of the other clauses that
speak of the field, why they do not grant it.

RECIPIENT is a stake, or a stake and a kind ("law-enforcement",
"research/university"), or says more, separated by commas: stake=research,
kind=university, sector=finance, member=m-…, role=…, project=p-…,
jurisdiction=DE, contributed=2026-03-01 (when a report of it was last
accepted). sector, role may stand several times. Without a sector it takes part
in that of the report.

--received is when the hub received the report (default now), --at when it is
asked for (default when it was received): a day, a time (2026-03-01T12:00:00Z),
or for --at how long after receipt (+90d).`,
		Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return e.run(c) }
	c.Flags().StringVar(&e.sheet, "terms", "default", "sheet of terms: a file or a built-in one")
	c.Flags().StringVar(&e.field, "field", "", "path of the field")
	c.Flags().StringVar(&e.to, "to", "", "recipient")
	c.Flags().StringVar(&e.purpose, "for", "", "purpose")
	c.Flags().StringVar(&e.at, "at", "", "when it is asked for")
	c.Flags().StringVar(&e.received, "received", "", "when the hub received the report")
	c.Flags().IntVar(&e.groups, "groups", 1, "how many owner groups stand behind the incident")
	c.Flags().StringVar(&e.sector, "sector", "", "sector of the report (default the first whose standard has the field)")
	c.Flags().StringArrayVar(&e.standards, "standard", nil, "standard of the report, a name or a file (default the built-in ones)")
	return c
}

// explained is what explain says as JSON.
type explained struct {
	Sheet    string          `json:"sheet"`
	Standard standard.Ref    `json:"standard"`
	Sector   string          `json:"sector"`
	To       string          `json:"to"`
	Purpose  member.Purpose  `json:"purpose"`
	Received time.Time       `json:"received"`
	At       time.Time       `json:"at"`
	Groups   int             `json:"groups"`
	Decision terms.Decision  `json:"decision"`
	Leaves   []standard.Form `json:"leaves"`
}

func (e explaining) run(c *cobra.Command) error {
	for _, f := range []struct{ flag, value string }{{"--field", e.field}, {"--to", e.to}, {"--for", e.purpose}} {
		if f.value == "" {
			return fault.New(fault.Usage, "terms.explain", "%s is missing; `concord terms explain --help` tells what it takes", f.flag)
		}
	}
	purpose := member.Purpose(e.purpose)
	if !purpose.Valid() {
		return fault.New(fault.Usage, "terms.explain", "%q is no purpose; the purposes are %s", e.purpose, joined(member.Purposes()))
	}
	if e.groups < 1 {
		return fault.New(fault.Usage, "terms.explain", "--groups is a number of owner groups, 1 or more")
	}
	rules, sector, err := e.rules()
	if err != nil {
		return err
	}
	m, err := e.moment(time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	to, err := parseRecipient(e.to, sector)
	if err != nil {
		return err
	}
	to.Purpose, to.At = purpose, m.Now
	out := explained{rules.Sheet().Name, rules.Standard().Ref(), sector, e.to, purpose, m.Received, m.Now, m.Groups,
		rules.Decide(e.field, to, sector, m), rules.Leaves(m.Received)[e.field]}
	return answer(c, out, func() { out.print(c, rules) })
}

// rules are the sheet's, held against the standard that has the field.
func (e explaining) rules() (*terms.Rules, string, error) {
	sheet, err := node.ReadSheet(e.sheet)
	if err != nil {
		return nil, "", err
	}
	stds, err := standardsNamed(e.standards)
	if err != nil {
		return nil, "", err
	}
	all, err := terms.CompileFor(sheet, stds...)
	if err != nil {
		return nil, "", err
	}
	// A report is of a sector; the standard that all others extend is of none.
	var found *standard.Standard
	for _, std := range stds {
		if _, ok := std.Field(e.field); ok && (found == nil || sectorOf(std) == e.sector || e.sector == "" && sectorOf(found) == coreStandard) {
			found = std
		}
	}
	if found == nil {
		return nil, "", fault.New(fault.NotFound, "terms.unknown_field", "no standard here has the field %q; `concord standard show` lists the fields", e.field)
	}
	sector := e.sector
	if sector == "" {
		sector = sectorOf(found)
	}
	return all[found.Ref()], sector, nil
}

// coreStandard is the name of the standard that those of the sectors extend.
const coreStandard = "core"

func sectorOf(std *standard.Standard) string {
	sector, _, _ := strings.Cut(string(std.Ref()), "/")
	return sector
}

// standardsNamed finds standards, by default those that come with the program.
func standardsNamed(names []string) ([]*standard.Standard, error) {
	if len(names) == 0 {
		for _, ref := range standard.Builtins() {
			names = append(names, string(ref))
		}
	}
	var stds []*standard.Standard
	for _, name := range names {
		std, err := findStandard(name)
		if err != nil {
			return nil, err
		}
		stds = append(stds, std)
	}
	return stds, nil
}

func (e explaining) moment(now time.Time) (terms.Moment, error) {
	m := terms.Moment{Received: now, Groups: e.groups}
	var err error
	if e.received != "" {
		if m.Received, err = instant("--received", e.received); err != nil {
			return m, err
		}
	}
	m.Now = m.Received
	if after, ok := strings.CutPrefix(e.at, "+"); ok {
		span, err := terms.ParseSpan(after)
		if err != nil {
			return m, fault.New(fault.Usage, "terms.explain", "--at +… is a whole number of hours, days or weeks: +12h, +90d, +6w")
		}
		m.Now = m.Received.Add(time.Duration(span))
	} else if e.at != "" {
		if m.Now, err = instant("--at", e.at); err != nil {
			return m, err
		}
	}
	if m.Now.Before(m.Received) {
		return m, fault.New(fault.Usage, "terms.explain", "--at is before the report was received; say with --received when that was")
	}
	return m, nil
}

// instant reads a day, which is its first second, or a time.
func instant(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.New(fault.Usage, "terms.explain", "%s is a day (2026-03-01) or a time (2026-03-01T12:00:00Z), UTC", flag)
}

// parseRecipient reads who asks; sector is in which it takes part unless it
// says one.
func parseRecipient(text, sector string) (member.Viewer, error) {
	var v member.Viewer
	wrong := func(format string, args ...any) (member.Viewer, error) {
		return v, fault.New(fault.Usage, "terms.recipient", "--to: "+format, args...)
	}
	for i, part := range strings.Split(text, ",") {
		key, value, pair := strings.Cut(strings.TrimSpace(part), "=")
		if !pair {
			if i > 0 {
				return wrong("%q has no =; what may be said is stake, kind, sector, member, role, project, jurisdiction, contributed", part)
			}
			stake, kind, _ := strings.Cut(key, "/")
			v.Member.Stake, v.Member.Kind = member.Stake(stake), member.Kind(kind)
			continue
		}
		switch key {
		case "stake":
			v.Member.Stake = member.Stake(value)
		case "kind":
			v.Member.Kind = member.Kind(value)
		case "sector":
			v.Member.Sectors = append(v.Member.Sectors, value)
		case "member":
			if v.Member.ID = wire.MemberID(value); !wire.ValidID('m', v.Member.ID) {
				return wrong("%q is no member's id; it begins with m-", value)
			}
		case "role":
			v.Member.Roles = append(v.Member.Roles, value)
		case "project":
			v.Project = value
		case "jurisdiction":
			if v.Member.Jurisdiction = value; !terms.ValidCountry(value) {
				return wrong("%q is no country; write its code of two capital letters", value)
			}
		case "contributed":
			t, err := instant("contributed", value)
			if err != nil {
				return v, err
			}
			v.Contributed = t
		default:
			return wrong("nothing is called %q; what may be said is stake, kind, sector, member, role, project, jurisdiction, contributed", key)
		}
	}
	if !v.Member.Stake.Valid() {
		return wrong("%q is no stake; the stakes are %s", v.Member.Stake, joined(member.Stakes()))
	}
	if kind := v.Member.Kind; kind != "" && !slices.Contains(member.Kinds(), kind) {
		return wrong("%q is no kind of member; the kinds are %s", kind, joined(member.Kinds()))
	}
	if len(v.Member.Sectors) == 0 {
		v.Member.Sectors = []string{sector}
	}
	return v, nil
}

func joined[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// print says the decision in words.
func (x explained) print(c *cobra.Command, rules *terms.Rules) {
	d := x.Decision
	say(c, "%s of a report of the sector %s, received %s, asked for %s by %s to %s; %s behind the incident (--groups):",
		d.Path, x.Sector, stamp(x.Received), stamp(x.At), x.To, x.Purpose, count(x.Groups, "owner group"))
	if d.Withheld != "" {
		say(c, "withheld: %s", d.Withheld)
	}
	for _, g := range d.Grants {
		line := fmt.Sprintf("granted: %s, %s, %s, attribution %s", g.Form, g.TLP, g.PAP, g.Attribution)
		if g.Keep != 0 {
			line += ", to be deleted by " + stamp(x.Received.Add(time.Duration(g.Keep)))
		}
		say(c, "%s, by %s", line, clauseNames(g.Clauses))
		for _, id := range g.Clauses {
			wrapped(c, "   ", 4, sentenceOf(rules, id))
		}
	}
	if !d.Next.IsZero() {
		say(c, "this changes on %s", stamp(d.Next))
	}
	for _, id := range d.Covered {
		say(c, "clause %s applies as well, and grants nothing that is not granted already", id)
	}
	for _, miss := range d.Missed {
		say(c, "clause %s does not grant it: %s", miss.Clause, miss.Because)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func sentenceOf(rules *terms.Rules, id string) string {
	for _, cl := range rules.Sheet().Clauses {
		if cl.ID == id {
			return terms.Sentence(cl, rules.Standard())
		}
	}
	return ""
}

// shownSheet is what show says as JSON.
type shownSheet struct {
	Name      string        `json:"name"`
	Version   int           `json:"version"`
	Title     string        `json:"title,omitzero"`
	Hash      string        `json:"hash"`
	Clauses   []shownClause `json:"clauses"`
	Retention string        `json:"retention,omitzero"`
}

type shownClause struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
}

func termsShow() *cobra.Command {
	var name string
	var text bool
	c := &cobra.Command{
		Use:   "show SHEET",
		Short: "Show a sheet, a file or a built-in one, as plain sentences",
		Long: `Show a sheet, a file or a built-in one, as plain sentences. With --yaml, show it
as it is written: ` + "`concord terms show cautious --yaml > mine.yaml`" + ` is a copy to change.`,
		Args: cobra.ExactArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if text {
			return showText(c, args[0])
		}
		sheet, err := node.ReadSheet(args[0])
		if err != nil {
			return err
		}
		var std *standard.Standard
		if name != "" {
			if std, err = findStandard(name); err != nil {
				return err
			}
		}
		hash, err := sheet.Hash()
		if err != nil {
			return err
		}
		out := shownSheet{Name: sheet.Name, Version: sheet.Version, Title: sheet.Title, Hash: hash, Retention: sheet.RetentionSentence()}
		for _, cl := range sheet.Clauses {
			out.Clauses = append(out.Clauses, shownClause{cl.ID, terms.Sentence(cl, std)})
		}
		return answer(c, out, func() {
			say(c, "%s, version %d, %s", first(out.Title, out.Name), out.Version, count(len(out.Clauses), "clause"))
			for _, cl := range out.Clauses {
				wrapped(c, "  "+cl.ID+":", 4, cl.Sentence)
			}
			if out.Retention != "" {
				wrapped(c, " ", 4, out.Retention)
			}
			if slices.ContainsFunc(sheet.Clauses, mayBeReleased) {
				wrapped(c, " ", 4, "What research of a sector may study may also stand, anonymised, in a release that every member of the sector can read.")
			}
		})
	}
	c.Flags().StringVar(&name, "standard", "", "call fields by the titles of this standard, a name or a file")
	c.Flags().BoolVar(&text, "yaml", false, "show the sheet as it is written")
	return c
}

// showText prints a sheet as it is written, once it is known to be right.
func showText(c *cobra.Command, name string) error {
	if _, err := node.ReadSheet(name); err != nil {
		return err
	}
	text, err := terms.BuiltinText(name)
	if err != nil {
		if text, err = os.ReadFile(name); err != nil {
			return err
		}
	}
	_, err = c.OutOrStdout().Write(text)
	return err
}

// mayBeReleased reports whether a clause may let something into a release:
// those are made as for research that studies its own sector.
func mayBeReleased(cl terms.Clause) bool {
	return slices.Contains(cl.For, member.Study) && cl.Form.Kind != standard.Counted && slices.ContainsFunc(cl.To, func(to terms.Recipient) bool {
		return to.Stake == terms.AnyStake || to.Stake == string(member.Research)
	})
}

func termsCheck() *cobra.Command {
	var names []string
	c := &cobra.Command{
		Use:   "check SHEET…",
		Short: "Check sheets of terms against standards",
		Args:  cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		stds, err := standardsNamed(names)
		if err != nil {
			return err
		}
		var all []checked
		for _, file := range args {
			sheet, err := node.ReadSheet(file)
			if err == nil {
				_, err = terms.CompileFor(sheet, stds...)
			}
			if err != nil {
				all = append(all, checked{File: file, Problems: strings.Split(err.Error(), "\n")})
				continue
			}
			all = append(all, checked{File: file, Right: true, Is: fmt.Sprintf("%s, version %d, %s", sheet.Name, sheet.Version, count(len(sheet.Clauses), "clause"))})
		}
		if err := answerChecked(c, all); err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(one checked) bool { return !one.Right }) {
			return errRefused
		}
		return nil
	}
	c.Flags().StringArrayVar(&names, "standard", nil, "hold them against this standard, a name or a file (default the built-in ones)")
	return c
}
