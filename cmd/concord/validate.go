package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concord-trust/concord/fault"
)

// verdict is what a check says of one object.
type verdict struct {
	File     string    `json:"file"`
	Line     int       `json:"line,omitzero"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Valid    bool      `json:"valid"`
	Errors   []finding `json:"errors"`
	Warnings []finding `json:"warnings"`
}

// finding is one thing that is wrong: where, and what.
type finding struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// checker judges the objects of one format, one after the other.
type checker struct {
	format string
	check  func(in io.Reader, yield func(verdict) error) error
}

// checkers are the formats that validate knows; each is a row.
func checkers() []checker {
	return []checker{
		{"stix", checkSTIX},
		{"stix-pattern", checkPatterns},
		{"misp", checkMISP},
		{"veris", checkVERIS},
		{"report", checkReports},
	}
}

func validateCommand() *cobra.Command {
	var format string
	var names []string
	for _, one := range checkers() {
		names = append(names, one.format)
	}
	formats := strings.Join(names, ", ")
	c := &cobra.Command{
		Use:   "validate --format FORMAT FILE…",
		Short: "Hold files to their format, object by object: what is refused, and what is taken with a warning",
		Long: `Hold files to their format, object by object. What breaks a MUST of the format is
an error, with its path; what breaks a SHOULD is a warning. Files may be
gzip-compressed, JSON, JSON Lines or arrays; "-" is standard input. Patterns of
STIX stand one on a line, or as "pattern" in JSON Lines. The exit status is 1 if
anything is not valid.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, one := range checkers() {
			if one.format == format {
				return validateFiles(c, one, args)
			}
		}
		return fault.New(fault.Usage, "validate.format", "%q is no format; use --format with one of %s", format, formats)
	}
	c.Flags().StringVar(&format, "format", "", formats)
	return c
}

// tally counts verdicts.
type tally struct{ objects, invalid, warnings int }

func validateFiles(c *cobra.Command, one checker, files []string) error {
	out := verdictPrinter(c)
	var all tally
	for _, name := range files {
		if err := validateFile(one, name, func(v verdict) error {
			v.File = name
			v.Errors, v.Warnings = orNone(v.Errors), orNone(v.Warnings)
			v.Valid = len(v.Errors) == 0
			all.objects++
			all.warnings += len(v.Warnings)
			if !v.Valid {
				all.invalid++
			}
			return out.verdict(v)
		}); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s, %d not valid, %s\n", count(all.objects, "object"), all.invalid, count(all.warnings, "warning"))
	if all.invalid > 0 {
		return errRefused
	}
	return nil
}

// orNone makes an empty list of none, as JSON wants it.
func orNone(all []finding) []finding {
	if all == nil {
		return []finding{}
	}
	return all
}

func validateFile(one checker, name string, yield func(verdict) error) error {
	file, err := openInput(name)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<16)
	if start, _ := in.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) { // RFC 1952
		return one.check(in, yield)
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return fault.New(fault.Invalid, "input.damaged", "the compressed file is damaged").At(name).Because(err)
	}
	return one.check(plain, yield)
}

// printer writes verdicts as they come: a file of any size needs no memory.
type printer struct {
	verdict func(verdict) error
	end     func() error
}

func verdictPrinter(c *cobra.Command) printer {
	out := bufio.NewWriter(c.OutOrStdout())
	if !wantsJSON(c) {
		return printer{func(v verdict) error { return writeVerdict(out, v) }, out.Flush}
	}
	between := "[\n"
	return printer{
		verdict: func(v verdict) error {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%s%s", between, text)
			between = ",\n"
			return err
		},
		end: func() error {
			if between == "[\n" {
				fmt.Fprint(out, "[") //nolint:errcheck // Flush tells
			}
			fmt.Fprintln(out, "]") //nolint:errcheck // Flush tells
			return out.Flush()
		},
	}
}

func writeVerdict(out io.Writer, v verdict) error {
	place := v.File
	if v.Line > 0 {
		place = fmt.Sprintf("%s:%d", v.File, v.Line)
	}
	if v.ID != "" {
		place += ": " + v.ID
	}
	for _, list := range []struct {
		mark string
		all  []finding
	}{{"", v.Errors}, {"warning: ", v.Warnings}} {
		for _, f := range list.all {
			if _, err := fmt.Fprintf(out, "%s: %s%s\n", place, list.mark, strings.TrimPrefix(f.Path+": "+f.Message, ": ")); err != nil {
				return err
			}
		}
	}
	return nil
}
