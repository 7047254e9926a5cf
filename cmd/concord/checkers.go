package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/internal/jsonrecords"
	"github.com/concord-trust/concord/mapping"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// unreadable is the verdict on a record that is broken.
func unreadable(bad *jsonrecords.Bad) verdict {
	return verdict{Line: bad.Line, Errors: []finding{{bad.Fault.Path, bad.Fault.Message}}}
}

// checkSTIX judges objects; of a bundle, the bundle and each object in it.
func checkSTIX(in io.Reader, yield func(verdict) error) error {
	objects := stix.NewReader(in)
	for {
		o, source, err := objects.Next()
		var bad *stix.Bad
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			if err := yield(unreadable(bad)); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		all := []stix.Object{o}
		if o.IsBundle() {
			all = append(all, o.Objects()...)
		}
		for _, one := range all {
			v := verdict{Line: source.Line, ID: one.ID(), Type: one.Type()}
			v.take(stix.Validate(one))
			if err := yield(v); err != nil {
				return err
			}
		}
	}
}

func (v *verdict) take(found []stix.Finding) {
	for _, f := range found {
		if f.Warning {
			v.Warnings = append(v.Warnings, finding{f.Path, f.Message})
		} else {
			v.Errors = append(v.Errors, finding{f.Path, f.Message})
		}
	}
}

// maxLine bounds a line of patterns, in bytes.
const maxLine = 4 << 20

// checkPatterns judges patterns of STIX, one a line; the line's number is what
// a pattern is called by.
func checkPatterns(in io.Reader, yield func(verdict) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		v := verdict{Line: n, ID: strconv.Itoa(n), Type: "stix-pattern"}
		pattern, err := patternOf(text)
		if err != nil {
			v.Errors = []finding{{"", fault.Public(err).Message}}
		} else {
			v.take(stix.CheckPattern(pattern))
		}
		if err := yield(v); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fault.New(fault.TooLarge, "validate.line", "line %d cannot be read; a pattern has at most 1 MiB", n+1).Because(err)
	}
	return nil
}

// patternOf takes the pattern out of a line, which is one, or an object that
// holds one. No pattern starts with a brace.
func patternOf(line string) (string, error) {
	if line[0] != '{' {
		return line, nil
	}
	var o struct {
		Pattern *string `json:"pattern"`
	}
	if err := json.Unmarshal([]byte(line), &o); err != nil || o.Pattern == nil {
		return "", fault.New(fault.Invalid, "validate.pattern", "an object with a text \"pattern\" is expected").Because(err)
	}
	return *o.Pattern, nil
}

// checkVERIS judges incidents: what the standard cannot take of them is an
// error, what is repaired or left out on the way a warning.
func checkVERIS(in io.Reader, yield func(verdict) error) error {
	std, err := standard.Builtin("core/1.0")
	if err != nil {
		return err
	}
	mapper, incidents := mapping.NewVERIS(std), veris.NewReader(in)
	for {
		incident, source, err := incidents.Next()
		var bad *veris.Bad
		var v verdict
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			v = unreadable(bad)
		case err != nil:
			return err
		default:
			v = verdictOnIncident(mapper, incident)
			v.Line = source.Line
		}
		if err := yield(v); err != nil {
			return err
		}
	}
}

func verdictOnIncident(mapper *mapping.VERIS, incident veris.Incident) verdict {
	var account mapping.Account
	r, places := mapper.FromVERIS(incident, &account)
	v := verdict{ID: r.Native, Type: "incident"}
	for _, p := range places {
		v.Errors = append(v.Errors, finding{p.Path, p.Reason})
	}
	if len(r.Statements)+len(r.Observables) == 0 {
		v.Errors = append(v.Errors, finding{"", "the incident says nothing that the standard collects"})
	}
	for _, n := range account.NotMapped() {
		v.Warnings = append(v.Warnings, finding{n.Path, "not mapped: " + n.Reason})
	}
	for _, n := range account.Repaired() {
		v.Warnings = append(v.Warnings, finding{"", fmt.Sprintf("repaired by the rule %s (%d)", n.Rule, n.Count)})
	}
	return v
}

// checkReports judges reports by the standard that each names, else by the
// core.
func checkReports(in io.Reader, yield func(verdict) error) error {
	records := jsonrecords.NewReader(in)
	for {
		record, err := records.Next()
		var bad *jsonrecords.Bad
		var v verdict
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, &bad):
			v = unreadable(bad)
		case err != nil:
			return err
		default:
			v = verdictOnReport(record.Bytes)
			v.Line = record.Line
		}
		if err := yield(v); err != nil {
			return err
		}
	}
}

func verdictOnReport(data []byte) verdict {
	v := verdict{Type: "report"}
	ref := report.StandardOf(data)
	if ref == "" {
		ref = "core/1.0"
	}
	std, err := standard.Builtin(ref)
	if err != nil {
		v.Errors = []finding{{"standard", fault.Public(err).Message}}
		return v
	}
	r, problems, err := report.Decode(std, data)
	if err != nil {
		f := fault.Public(err)
		v.Errors = []finding{{f.Path, f.Message}}
		return v
	}
	v.ID = r.Native
	for _, p := range append(problems, report.Validate(std, r)...) {
		if f := (finding{p.Path, p.Message}); p.Severity == report.SeverityError {
			v.Errors = append(v.Errors, f)
		} else {
			v.Warnings = append(v.Warnings, f)
		}
	}
	return v
}
