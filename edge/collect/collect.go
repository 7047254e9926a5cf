// Package collect is the first room at the edge: it reads a file in a format,
// makes reports of it, and keeps the account of what it could not map.
//
//	file (report, VERIS, STIX, MISP, table + map) ──[Read]──▶ [Collected], one at a time
//	                                                   └────▶ mapping.Account
//
// It streams: memory does not grow with the file. A record that is broken is
// listed in the account with its place; the others go on.
package collect

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Collected is a report as it stands at its owner, with where it came from.
// It is minted only here.
type Collected struct {
	report report.Report
	digest [sha256.Size]byte
	file   string
	line   int
}

// Report is the whole report; it never leaves the edge.
func (c Collected) Report() report.Report { return c.report }

// Native is the record's id in its source, "" if it has none.
func (c Collected) Native() string { return c.report.Native }

// Digest is the SHA-256 of the native record as it was read.
func (c Collected) Digest() []byte { return c.digest[:] }

// Where is the record's place: "file:line".
func (c Collected) Where() string { return fmt.Sprintf("%s:%d", c.file, c.line) }

// Options say how to read.
type Options struct {
	// Format is "report", "veris", "csv", "stix" or "misp".
	Format string
	// Standard picks the standard for a report.
	Standard func(report.Report) standard.Ref
	// Map says what the columns of a table mean; without one, only tables of
	// reports are read.
	Map *mapping.Map
	// Latest, if set, is the latest moment of which a report can tell: later
	// dates are left out and listed as invalid.
	Latest time.Time
	// Find finds a standard; nil means standard.Builtin.
	Find func(standard.Ref) (*standard.Standard, error)
}

// Read reads all records of in, which errors call name and which may be
// gzip-compressed, and yields the reports. A broken record is listed in the
// account, and so is compressed input that breaks off; an error is what kept
// the rest from being read at all, or that of yield.
func Read(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	if o.Find == nil {
		o.Find = standard.Builtin
	}
	plain := newPlain(in)
	var missing mapping.Account
	account, err := readPlain(ctx, plain, name, o, func(c Collected) error {
		c = o.withoutFuture(c, &missing)
		warnOfMissing(c.report, o, &missing)
		return yield(c)
	})
	account.Merge(missing)
	if plain.damage != "" {
		account.Refuse(mapping.Place{File: name, Reason: plain.damage})
	}
	return account, err
}

// warnOfMissing counts what a report's standard asks for and it does not say.
func warnOfMissing(r report.Report, o Options, a *mapping.Account) {
	std, err := o.Find(r.Standard)
	if err != nil {
		return // a report that was read has a standard that was found
	}
	for _, p := range report.Missing(std, r) {
		a.Warn(p.Path, p.Message)
	}
}

func readPlain(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	switch o.Format {
	case "report":
		return readReports(ctx, in, name, o, yield)
	case "veris":
		return readVERIS(ctx, in, name, o, yield)
	case "csv":
		return readTable(ctx, in, name, o, yield)
	case "misp":
		return readMISP(ctx, in, name, o, yield)
	case "stix":
		return readSTIX(ctx, in, name, o, yield)
	}
	return mapping.Account{}, noFormat(o.Format)
}

// formats are those that can be read and written.
const formats = "report, veris, csv, stix or misp"

func noFormat(name string) error {
	return fault.New(fault.Usage, "collect.format", "%q is no format; use %s", name, formats)
}

func readReports(ctx context.Context, in io.Reader, name string, o Options, yield func(Collected) error) (mapping.Account, error) {
	var account mapping.Account
	records := jsonrecords.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return account, err
		}
		rec, err := records.Next()
		var bad *jsonrecords.Bad
		switch {
		case err == io.EOF:
			return account, nil
		case errors.As(err, &bad):
			account.Records++
			account.Refuse(mapping.Place{File: name, Record: bad.Number, Line: bad.Line, Path: bad.Fault.Path, Reason: bad.Fault.Message})
			continue
		case err != nil:
			return account, err
		}
		account.Records++
		c, problem := collectReport(rec, o)
		if problem != nil {
			problem.File, problem.Record, problem.Line = name, rec.Number, rec.Line
			account.Refuse(*problem)
			continue
		}
		account.Reports++
		c.file, c.line = name, rec.Line
		if err := yield(c); err != nil {
			return account, err
		}
	}
}

// collectReport reads one report under the standard that it names, then under
// the one that is picked for it.
func collectReport(rec jsonrecords.Record, o Options) (Collected, *mapping.Place) {
	c := Collected{digest: sha256.Sum256(rec.Bytes)}
	ref := report.StandardOf(rec.Bytes)
	named := ref != ""
	if !named {
		ref = "core/1.0"
	}
	r, place := decodeUnder(ref, rec.Bytes, o)
	if place == nil && !named && o.Standard != nil {
		// A report that names no standard is read again under its sector's.
		r, place = decodeUnder(o.Standard(r), rec.Bytes, o)
	}
	c.report = r
	return c, place
}

func decodeUnder(ref standard.Ref, data []byte, o Options) (report.Report, *mapping.Place) {
	std, err := o.Find(ref)
	if err != nil {
		return report.Report{}, &mapping.Place{Path: "standard", Reason: fault.Public(err).Message}
	}
	r, problems, err := report.Decode(std, data)
	if err != nil {
		f := fault.Public(err)
		return r, &mapping.Place{Path: f.Path, Reason: f.Message}
	}
	for _, p := range problems {
		if p.Severity == report.SeverityError {
			return r, &mapping.Place{Path: p.Path, Reason: p.Message}
		}
	}
	return r, nil
}
