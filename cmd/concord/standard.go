package main

import (
	"fmt"
	"os"
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
	return node.ReadStandard(name, standard.Builtin)
}

func standardShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show [NAME | FILE] [PATH]",
		Short: "List the standards, a standard's fields, or one field",
		Args:  cobra.MaximumNArgs(2),
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
			return showField(c, s, args[1])
		}
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), s.Fields())
		}
		w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "FIELD\tTITLE\tTYPE\tCLASS\tASKED\tLEVELS")
		for _, f := range s.Fields() {
			typ := string(f.Type)
			if f.Many || f.Group != "" {
				typ += ", many"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Path, f.Title, typ, f.Class, f.Requirement, strings.Join(s.Levels(f), " < "))
		}
		return w.Flush()
	}
	return c
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

func showField(c *cobra.Command, s *standard.Standard, path string) error {
	f, ok := s.Field(path)
	if !ok {
		return fault.New(fault.Usage, "standard.unknown_field", "%s has no field %q; `concord standard show %s` lists them", s.Ref(), path, s.Ref())
	}
	if err := printJSON(c.OutOrStdout(), f); err != nil {
		return err
	}
	if l, ok := s.CodeList(f.CodeList); ok {
		return printJSON(c.OutOrStdout(), l)
	}
	return nil
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
	c.Flags().StringVar(&format, "format", "markdown", "html, markdown or json")
	return c
}

func standardDiff() *cobra.Command {
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
		if wantsJSON(c) {
			return printJSON(c.OutOrStdout(), changes)
		}
		breaking := 0
		for _, ch := range changes {
			say(c, "%s", ch)
			if ch.Breaking {
				breaking++
			}
		}
		say(c, "%d changes, %d of them breaking.", len(changes), breaking)
		return nil
	}
	return c
}

func standardValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check standards' documents",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var all []checked
			bad := false
			for _, name := range args {
				s, err := node.ReadStandard(name, standard.Builtin)
				if err != nil {
					all, bad = append(all, checked{File: name, Problems: []string{err.Error()}}), true
					continue
				}
				all = append(all, checked{File: name, Right: true, Is: fmt.Sprintf("%s, %d fields", s.Ref(), len(s.Fields()))})
			}
			if err := answerChecked(c, all); err != nil || !bad {
				return err
			}
			return errRefused
		},
	}
}
