package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/terms/policy"
)

type exportFlags struct {
	to, out string
	strict  bool
}

func termsExport() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export --to iep|odrl|stix|tlp SHEET",
		Short: "Say a sheet of terms in another language",
		Long: `Say a sheet of terms, a file or one that comes with the program, in another
language:

  iep   policies of FIRST's Information Exchange Policy 2.0 (JSON), one for each
        distinct set of obligations
  odrl  a policy of ODRL 2.2 (JSON-LD), which says all that a sheet says
  stix  marking definitions of STIX 2.1: TLP, IEP, and a statement in words
  tlp   the labels of the Traffic Light Protocol 2.0

What the language cannot say is listed on standard error. No export permits
more than the sheet.`,
		Args: cobra.ExactArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return f.run(c, args[0]) }
	c.Flags().StringVar(&f.to, "to", "", "language: iep, odrl, stix or tlp")
	c.Flags().StringVar(&f.out, "out", "", "where to write (default standard output)")
	c.Flags().BoolVar(&f.strict, "strict", false, "exit with 1 if something could not be carried")
	return c
}

// exported is what an export says as JSON.
type exported struct {
	Sheet    string          `json:"sheet"`
	To       string          `json:"to"`
	File     string          `json:"file,omitzero"`
	Document json.RawMessage `json:"document,omitempty"`
	// Clauses tells which clauses each policy, marking or label is of.
	Clauses []policy.Group `json:"clauses"`
	Lost    []policy.Lost  `json:"lost"`
}

func (f exportFlags) run(c *cobra.Command, name string) error {
	sheet, err := node.ReadSheet(name)
	if err != nil {
		return err
	}
	doc, e, err := f.say(sheet)
	if err != nil {
		return err
	}
	if err := writeDocument(c, f.out, []string{name}, doc, func(file string) any {
		if e.File = file; file == "" {
			e.Document = doc
		}
		return e
	}); err != nil {
		return err
	}
	for _, g := range e.Clauses {
		fmt.Fprintf(c.ErrOrStderr(), "%s is of %s\n", g.ID, clauseNames(g.Clauses))
	}
	tellLost(c, "", e.Lost)
	if f.strict && len(e.Lost) > 0 {
		return errRefused
	}
	return nil
}

// say writes the sheet in the language asked for.
func (f exportFlags) say(s *terms.Sheet) (doc []byte, e exported, err error) {
	e = exported{Sheet: s.Name, To: f.to, Clauses: []policy.Group{}, Lost: []policy.Lost{}}
	switch f.to {
	case "iep":
		policies, lost := policy.IEPs(s)
		for _, p := range policies {
			e.Clauses = append(e.Clauses, policy.Group{ID: p.ID, Clauses: p.Clauses})
		}
		e.Lost = append(e.Lost, lost...)
		var v any = policies
		if len(policies) == 1 {
			v = policies[0]
		}
		doc, err = json.MarshalIndent(v, "", "  ")
	case "odrl":
		doc, err = policy.ODRL(s)
	case "stix":
		bundle, groups, lost := policy.Markings(s, time.Now())
		e.Clauses, e.Lost = append(e.Clauses, groups...), append(e.Lost, lost...)
		doc, err = stix.Print(bundle)
	case "tlp":
		labels, lost := policy.TLP(s)
		for _, l := range labels {
			e.Clauses = append(e.Clauses, policy.Group{ID: l.TLP, Clauses: l.Clauses})
		}
		e.Lost = append(e.Lost, lost...)
		doc, err = json.MarshalIndent(labels, "", "  ")
	default:
		return nil, e, fault.New(fault.Usage, "terms.language", "--to is iep, odrl, stix or tlp")
	}
	return doc, e, err
}

// writeDocument writes a document to its file, or to standard output; with --json it
// prints what about says in its place, which is given the file's name.
func writeDocument(c *cobra.Command, out string, inputs []string, doc []byte, about func(file string) any) error {
	if out == "" && wantsJSON(c) {
		return printJSON(c.OutOrStdout(), about(""))
	}
	file, err := newOutFile(c, out, inputs)
	if err != nil {
		return err
	}
	defer file.drop()
	if len(doc) > 0 && doc[len(doc)-1] != '\n' {
		doc = append(doc[:len(doc):len(doc)], '\n')
	}
	if _, err := file.Write(doc); err != nil {
		return fault.New(fault.Unavailable, "output.unwritten", "what was written could not be kept: %s", because(err)).At(out).Because(err)
	}
	if err := file.keep(); err != nil || !wantsJSON(c) {
		return err
	}
	return printJSON(c.OutOrStdout(), about(out))
}

// tellLost lists what was not carried, clauses that lost the same together;
// file is the document that was read.
func tellLost(c *cobra.Command, file string, lost []policy.Lost) {
	told := map[policy.Lost]bool{}
	for _, l := range lost {
		same := policy.Lost{At: l.At, What: l.What, Why: l.Why}
		if told[same] {
			continue
		}
		told[same] = true
		var of []string
		for _, o := range lost {
			if o.Clause != "" && o.At == l.At && o.What == l.What && o.Why == l.Why {
				of = append(of, o.Clause)
			}
		}
		place := ""
		if l.At != "" {
			place = file + l.At + ": "
		}
		if len(of) > 0 {
			place += clauseNames(of) + ": "
		}
		fmt.Fprintf(c.ErrOrStderr(), "not carried: %s%s: %s\n", place, l.What, l.Why)
	}
}

func clauseNames(ids []string) string {
	if len(ids) == 1 {
		return "clause " + ids[0]
	}
	return "clauses " + strings.Join(ids, ", ")
}

type importFlags struct {
	from, onto, policy, out string
	standards               []string
	strict                  bool
}

func termsImport() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import --from iep|odrl|stix|tlp FILE",
		Short: "Read what another language says as a sheet of terms",
		Long: `Read what another language says as a sheet of terms. A policy of ODRL becomes a
sheet of its own; of it only those permissions are granted that are understood
in full. IEP, STIX and TLP know neither fields nor recipients: what they say
narrows the clauses of the sheet that --onto names, and never widens one. For
tlp, FILE is a label: TLP:AMBER.

What could not be carried is listed on standard error, with its place.`,
		Args: cobra.ExactArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return f.run(c, args[0]) }
	c.Flags().StringVar(&f.from, "from", "", "language: iep, odrl, stix or tlp")
	c.Flags().StringVar(&f.onto, "onto", "", "sheet whose clauses the policy narrows, a file or a name")
	c.Flags().StringVar(&f.policy, "policy", "", "id of the policy, if an IEP file has several")
	c.Flags().StringArrayVar(&f.standards, "standard", nil, "hold the sheet against this standard, a name or a file (may be repeated)")
	c.Flags().StringVar(&f.out, "out", "", "where to write the sheet (default standard output)")
	c.Flags().BoolVar(&f.strict, "strict", false, "exit with 1 if something could not be carried")
	return c
}

// imported is what an import says as JSON.
type imported struct {
	From  string        `json:"from"`
	File  string        `json:"file,omitzero"`
	Sheet *terms.Sheet  `json:"sheet"`
	Lost  []policy.Lost `json:"lost"`
}

func (f importFlags) run(c *cobra.Command, name string) error {
	sheet, lost, err := f.read(name)
	if err != nil {
		tellLost(c, name, lost)
		return err
	}
	if err := f.hold(sheet); err != nil {
		tellLost(c, name, lost)
		return err
	}
	doc, err := policy.YAML(sheet)
	if err != nil {
		return err
	}
	if err := writeDocument(c, f.out, f.inputs(name), doc, func(file string) any {
		return imported{f.from, file, sheet, append([]policy.Lost{}, lost...)}
	}); err != nil {
		return err
	}
	tellLost(c, name, lost)
	if f.strict && len(lost) > 0 {
		return errRefused
	}
	return nil
}

// inputs are the files that must not be written over: not the sheet that is
// narrowed, either.
func (f importFlags) inputs(name string) []string {
	var files []string
	for _, file := range []string{name, f.onto} {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		}
	}
	return files
}

func (f importFlags) read(name string) (*terms.Sheet, []policy.Lost, error) {
	if f.from == "odrl" {
		if f.onto != "" {
			return nil, nil, fault.New(fault.Usage, "terms.onto", "a policy of ODRL is a sheet of its own; --onto is for iep, stix and tlp")
		}
		data, err := readInput("input.unreadable", name)
		if err != nil {
			return nil, nil, err
		}
		return policy.ReadODRL(name, data)
	}
	bound, lost, err := f.bound(name)
	if err != nil {
		return nil, lost, err
	}
	if f.onto == "" {
		return nil, nil, fault.New(fault.Usage, "terms.onto", "%s says neither which fields nor who receives; --onto names the sheet that it narrows", strings.ToUpper(f.from))
	}
	base, err := node.ReadSheet(f.onto)
	if err != nil {
		return nil, lost, err
	}
	sheet, gone, err := policy.Narrow(base, bound)
	return sheet, append(lost, gone...), err
}

// bound reads the most that a policy, marking or label permits.
func (f importFlags) bound(name string) (policy.Bound, []policy.Lost, error) {
	if f.from == "tlp" {
		tlp, err := policy.ReadTLP(name)
		return policy.Bound{TLP: tlp}, nil, err
	}
	if f.from != "iep" && f.from != "stix" {
		return policy.Bound{}, nil, fault.New(fault.Usage, "terms.language", "--from is iep, odrl, stix or tlp")
	}
	data, err := readInput("input.unreadable", name)
	if err != nil {
		return policy.Bound{}, nil, err
	}
	if f.from == "stix" {
		return policy.ReadMarkings(name, data)
	}
	return policy.ReadIEP(name, data, f.policy)
}

// hold compiles the sheet against the standards that were named.
func (f importFlags) hold(sheet *terms.Sheet) error {
	var stds []*standard.Standard
	for _, name := range f.standards {
		std, err := findStandard(name)
		if err != nil {
			return err
		}
		stds = append(stds, std)
	}
	if len(stds) == 0 {
		return nil
	}
	_, err := terms.CompileFor(sheet, stds...)
	return err
}

func termsProfile() *cobra.Command {
	return &cobra.Command{
		Use:   "profile",
		Short: "Print the ODRL profile that exported policies are written under (JSON-LD)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(policy.Profile())
			return err
		},
	}
}

// undertakenUses are the data-use codes that an agreement says of its member
// as a recipient: by its undertakings, and by its project.
func undertakenUses(a agreement.Agreement) []policy.DataUse {
	words := a.Undertakings
	if p := a.Project; p != nil {
		words = append(words[:len(words):len(words)], "use within the project "+p.ID)
		if p.EthicsRef != "" {
			words = append(words, "an ethics board has decided: "+p.EthicsRef)
		}
	}
	return policy.Undertaken(words)
}
