package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
)

func standardCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "standard",
		Short: "Read, compare and check collection standards",
	}
	c.AddCommand(standardShow(), standardCodebook(), standardDiff(), standardValidate())
	return c
}

// findStandard takes the name of a built-in standard ("core/1.0", or "core"
// for its newest version) or a file.
func findStandard(name string) (*standard.Standard, error) {
	for _, ref := range standard.Builtins() {
		if string(ref) == name || strings.HasPrefix(string(ref), name+"/") {
			return standard.Builtin(ref)
		}
	}
	if _, err := os.Stat(name); err != nil {
		_, builtin := standard.Builtin(standard.Ref(name))
		return nil, fault.New(fault.Usage, "standard.unknown", "%s; nor is there such a file", fault.Public(builtin).Message).Because(err)
	}
	file, err := openInput(name) // says why, if it is a folder or may not be read
	if err != nil {
		return nil, err
	}
	file.Close()
	return node.ReadStandard(name, standard.Builtin)
}

func standardShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show [NAME | FILE] [FIELD | CODE-LIST]",
		Short: "List the standards, a standard's fields, one field, or one code list",
		Long: `List the standards, a standard's fields, one field by its path, or one code list
by its name. With --json a standard is one document that stands by itself, with
all that it extends.`,
		Args: cobra.MaximumNArgs(2),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return listStandards(c)
		}
		s, err := findStandard(args[0])
		if err != nil {
			return err
		}
		if len(args) == 2 {
			return showPart(c, s, args[1])
		}
		if wantsJSON(c) {
			whole := s.Resolved()
			whole.Extends = "" // all of it is here
			return printJSON(c.OutOrStdout(), whole)
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "FIELD\tTITLE\tTYPE\tCLASS\tASKED\tLEVELS")
		for _, f := range s.Fields() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Path, f.Title, typeOf(f), f.Class, f.Requirement, strings.Join(s.Levels(f), " < "))
		}
		return w.Flush()
	}
	return c
}

func typeOf(f standard.Field) string {
	if f.Many || f.Group != "" {
		return string(f.Type) + ", many"
	}
	return string(f.Type)
}

func listStandards(c *cobra.Command) error {
	if wantsJSON(c) {
		return printJSON(c.OutOrStdout(), standard.Builtins())
	}
	for _, ref := range standard.Builtins() {
		s, err := standard.Builtin(ref)
		if err != nil {
			return err
		}
		say(c, "%-12s %3d fields  %s", ref, len(s.Fields()), s.Document().Title)
	}
	return nil
}

// shownField is a field with its code list.
type shownField struct {
	standard.Field
	List *standard.CodeList `json:"list,omitzero"`
}

// showPart shows a field, or a code list, by its name.
func showPart(c *cobra.Command, s *standard.Standard, name string) error {
	list, isList := s.CodeList(name)
	f, isField := s.Field(name)
	switch {
	case isField:
		shown := shownField{Field: f}
		if l, ok := s.CodeList(f.CodeList); ok {
			shown.List = &l
		}
		return answer(c, shown, func() { printField(c, s, shown) })
	case isList:
		return answer(c, list, func() { printCodes(c, list) })
	}
	return fault.New(fault.Usage, "standard.unknown_field", "%s has no field or code list %q; `concord standard show %s` lists the fields", s.Ref(), name, s.Ref())
}

func printField(c *cobra.Command, s *standard.Standard, f shownField) {
	say(c, "%s: %s", f.Path, f.Title)
	wrapped(c, "   ", 5, f.Description)
	asked := string(f.Requirement)
	if f.Requirement == standard.Required {
		asked += " (a report without it is taken with a warning)"
	}
	var forms []string
	for _, form := range s.FormsAllowed(f.Field) {
		forms = append(forms, form.String())
	}
	number := func(n *float64) string {
		if n == nil {
			return ""
		}
		return fmt.Sprint(*n)
	}
	for _, row := range [][2]string{
		{"type", typeOf(f.Field)}, {"class", string(f.Class)}, {"asked", asked}, {"group", f.Group}, {"unit", f.Unit},
		{"least", number(f.Min)}, {"most", number(f.Max)}, {"hierarchy", f.Hierarchy},
		{"levels", strings.Join(s.Levels(f.Field), " < ")}, {"may leave", strings.Join(forms, ", ")},
		{"VERIS", f.Crosswalk.VERIS}, {"STIX", f.Crosswalk.STIX}, {"RSIT", f.Crosswalk.RSIT}, {"FIRE", f.Crosswalk.FIRE},
	} {
		if row[1] != "" {
			beside(c, row[0], row[1])
		}
	}
	if f.List != nil {
		say(c, "")
		printCodes(c, *f.List)
	}
}

func printCodes(c *cobra.Command, l standard.CodeList) {
	say(c, "Code list %s: %s", l.Name, l.Title)
	if l.Pattern != "" {
		say(c, "  codes match %s", l.Pattern)
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	for _, code := range l.Codes {
		label := code.Label
		if label == code.Code {
			label = ""
		}
		fmt.Fprintf(w, "  %s\t%s\n", code.Code, label)
	}
	w.Flush() //nolint:errcheck // a terminal that is gone needs no error
}

func standardCodebook() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "codebook NAME | FILE",
		Short: "Write a standard's codebook: a page that can be cited",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := findStandard(args[0])
			if err != nil {
				return err
			}
			if wantsJSON(c) {
				format = "json"
			}
			return s.Codebook(c.OutOrStdout(), format)
		},
	}
	c.Flags().StringVar(&format, "format", "html", "html, markdown or json")
	return c
}

func standardDiff() *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Tell compatible changes between two standards from breaking ones",
		Args:  cobra.ExactArgs(2),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		old, err := findStandard(args[0])
		if err != nil {
			return err
		}
		new, err := findStandard(args[1])
		if err != nil {
			return err
		}
		changes := standard.Diff(old, new)
		breaking := 0
		for _, ch := range changes {
			if ch.Breaking {
				breaking++
			}
		}
		if err := answer(c, changes, func() {
			for _, ch := range changes {
				say(c, "%s", ch)
			}
			say(c, "%s, %d of them breaking.", count(len(changes), "change"), breaking)
		}); err != nil {
			return err
		}
		if strict && breaking > 0 {
			return errRefused
		}
		return nil
	}
	c.Flags().BoolVar(&strict, "strict", false, "exit with status 1 if a change is breaking")
	return c
}

func standardValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate NAME | FILE…",
		Short: "Check standards' documents",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var all []checked
			for _, name := range args {
				s, err := findStandard(name)
				if err != nil {
					all = append(all, checked{File: name, Problems: []string{err.Error()}})
					continue
				}
				all = append(all, checked{File: name, Right: true, Is: fmt.Sprintf("%s, %d fields", s.Ref(), len(s.Fields()))})
			}
			if err := answerChecked(c, all); err != nil {
				return err
			}
			if slices.ContainsFunc(all, func(one checked) bool { return !one.Right }) {
				return errRefused
			}
			return nil
		},
	}
}
