package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
)

func convertCommand() *cobra.Command {
	var from, to, mapFile, sector, out string
	var explain, strict bool
	c := &cobra.Command{
		Use:   "convert FILE…",
		Short: "Convert incidents between VERIS, tables and reports, with an account of what was mapped",
		Long: `Convert incidents between VERIS (1.2 to 1.4.1), tables and reports. Files may be
gzip-compressed, JSON, JSON Lines or arrays; "-" is standard input. What could
not be mapped, what was repaired and what was invalid is counted at the end, and
listed with --explain. With --json the account is JSON, on standard error.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		target := io.Writer(c.OutOrStdout())
		if out != "" {
			f, err := os.Create(out)
			if err != nil {
				return fault.New(fault.Usage, "convert.output", "the file cannot be made").At(out).Because(err)
			}
			defer f.Close()
			target = f
		}
		writer, err := collect.NewWriter(target, to)
		if err != nil {
			return err
		}
		options := collect.Options{Format: from, Standard: byIndustry(sector)}
		if err := withMap(&options, mapFile); err != nil {
			return err
		}
		var account mapping.Account
		for _, name := range args {
			one, err := convertFile(c, options, name, writer)
			account.Merge(one)
			if err != nil {
				return errors.Join(err, writer.Close()) // what came before is good
			}
		}
		if err := writer.Close(); err != nil {
			return err
		}
		account.Merge(writer.Account())
		if err := explainAccount(c, account, explain); err != nil {
			return err
		}
		if strict && account.InvalidCount() > 0 {
			return errRefused
		}
		return nil
	}
	c.Flags().StringVar(&from, "from", "veris", "veris, csv or report")
	c.Flags().StringVar(&to, "to", "report", "report, veris or csv")
	c.Flags().StringVar(&mapFile, "map", "", "mapping file of a table")
	c.Flags().StringVar(&sector, "standard", "", "sector whose standard is used: finance, health, general (default: by the victim's industry)")
	c.Flags().StringVar(&out, "out", "", "file to write (default: standard output)")
	c.Flags().BoolVar(&explain, "explain", false, "list the whole account")
	c.Flags().BoolVar(&strict, "strict", false, "exit with status 1 if anything was invalid")
	return c
}

func convertFile(c *cobra.Command, o collect.Options, name string, w *collect.Writer) (mapping.Account, error) {
	file, err := openInput(name)
	if err != nil {
		return mapping.Account{}, err
	}
	defer file.Close()
	return collect.Read(c.Context(), file, name, o, w.Write)
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

// withMap reads a mapping file into the options of a table.
func withMap(o *collect.Options, file string) error {
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fault.New(fault.Usage, "map.unreadable", "the mapping file cannot be read").At(file).Because(err)
	}
	o.Map, err = mapping.ParseMap(file, data)
	return err
}
