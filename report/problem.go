package report

import (
	"fmt"
	"slices"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
)

// Severity tells what keeps a report from being taken from what is only a
// pity.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is something wrong with a report: where, what, and a stable code.
// Path is the path of the field, with the row from 0 where there are several
// ("asset.assets[2].variety"). A problem never holds a value.
type Problem struct {
	Path     string   `json:"path"`
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Severity Severity `json:"severity"`
}

// String returns the problem as one line.
func (p Problem) String() string { return p.Path + ": " + p.Message }

// Failed reports whether some problem is an error.
func Failed(ps []Problem) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == SeverityError })
}

// maxProblems bounds how many problems of one report are listed.
const maxProblems = 100

// problems gathers what is wrong with one report.
type problems struct{ list []Problem }

func (ps *problems) add(sev Severity, path, code, format string, args ...any) {
	if len(ps.list) < maxProblems {
		ps.list = append(ps.list, Problem{path, code, fmt.Sprintf(format, args...), sev})
	}
}

func (ps *problems) error(path, code, format string, args ...any) {
	ps.add(SeverityError, path, code, format, args...)
}

// fault lists a fault by its safe half.
func (ps *problems) fault(path string, err error) {
	f := fault.Public(err)
	ps.error(path, f.Code, "%s", f.Message)
}

// placeOf names where a value of a field stands.
func placeOf(f *standard.Field, row int) string {
	switch {
	case f.Group != "":
		return fmt.Sprintf("%s[%d]%s", f.Group, row, f.Path[len(f.Group):])
	case f.Many:
		return fmt.Sprintf("%s[%d]", f.Path, row)
	}
	return f.Path
}
