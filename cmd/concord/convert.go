package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
)

// conversion is what convert was told.
type conversion struct {
	in              inputFlags
	to, out         string
	explain, strict bool
}

func convertCommand() *cobra.Command {
	var v conversion
	c := &cobra.Command{
		Use:   "convert FILE…",
		Short: "Convert incidents between VERIS, STIX, MISP, tables and reports, with an account of what was mapped",
		Long: `Convert incidents between VERIS (1.2 to 1.4.1), STIX 2.1, MISP, tables and
reports. Files may be gzip-compressed, JSON, JSON Lines or arrays; "-" is
standard input. What could not be mapped, what was repaired and what was invalid
is counted at the end, and listed with --explain. With --json the account is
JSON, on standard error.

Without --from a file's format is told by its name and its first record. The
file that --out names is replaced when all is written, and not before. The exit
status is 1 if a file cannot be read, or nothing of it as its format; a record
that is invalid is listed, and sets it to 1 with --strict only.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error { return v.run(c, args) }
	c.Flags().StringVar(&v.in.format, "from", "", "veris, stix, misp, csv or report (default: by the file's name and first record)")
	alias(c, &v.in.format, "format", "from")
	c.Flags().StringVar(&v.to, "to", "report", "report, veris, stix, misp or csv")
	c.Flags().StringVar(&v.in.mapFile, "map", "", "mapping file of a table")
	c.Flags().StringVar(&v.in.sector, "standard", "", "standard, or sector whose standard is used: "+sectorNames()+" (default: by the victim's industry)")
	alias(c, &v.in.sector, "sector", "standard")
	c.Flags().StringVar(&v.out, "out", "", "file to write (default: standard output)")
	c.Flags().BoolVar(&v.explain, "explain", false, "list the whole account")
	c.Flags().BoolVar(&v.strict, "strict", false, "exit with status 1 if anything was invalid")
	return c
}

func (v conversion) run(c *cobra.Command, files []string) error {
	pick, err := byIndustry(v.in.sector)
	if err != nil {
		return err
	}
	out, err := newOutFile(c, v.out, files)
	if err != nil {
		return err
	}
	defer out.drop()
	writer, err := collect.NewWriter(out, v.to)
	if err != nil {
		return err
	}
	var account mapping.Account
	var empty []error // files that gave nothing; the others go on
	for _, name := range files {
		r, err := v.in.open(name, pick)
		if err != nil {
			return errors.Join(err, writer.Close()) // what came before is good
		}
		one, err := r.each(c, writer.Write)
		r.Close() //nolint:errcheck // it was only read
		account.Merge(one)
		if err != nil {
			return errors.Join(err, writer.Close())
		}
		empty = append(empty, nothingRead(r, "--from", one))
	}
	if err := writer.Close(); err != nil {
		return err
	}
	account.Merge(writer.Account())
	if err := explainAccount(c, account, v.explain); err != nil {
		return err
	}
	if account.Reports > 0 { // a file of before is better than none
		if err := out.keep(); err != nil {
			return err
		}
	}
	if err := errors.Join(empty...); err != nil {
		return err
	}
	if v.strict && account.InvalidCount() > 0 {
		return v.refused(c)
	}
	return nil
}

// refused says where the list of what was refused is.
func (v conversion) refused(c *cobra.Command) error {
	if v.explain || wantsJSON(c) {
		return errRefused
	}
	return fault.New(fault.Invalid, "convert.refused", "something was refused; --explain lists it")
}

// explainAccount prints the account on standard error: the records are what
// stands on standard output.
func explainAccount(c *cobra.Command, a mapping.Account, explain bool) error {
	w := c.ErrOrStderr()
	switch {
	case wantsJSON(c):
		return printJSON(w, a)
	case explain:
		return a.WriteText(w)
	}
	_, err := fmt.Fprintf(w, "%s\n", a.Summary())
	return err
}
