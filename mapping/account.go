package mapping

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Limits of what an account lists one by one. Above them it still counts.
const (
	// MaxPlaces is how many invalid places are listed.
	MaxPlaces = 10000
	// maxReasons is how many kinds of unmapped values are told apart.
	maxReasons = 5000
)

// Account says what became of every value that was read. The zero Account is
// empty and ready for use; it is not safe for concurrent use, but accounts of
// parts can be merged.
type Account struct {
	// Records were found in the source, good and bad.
	Records int
	// Reports were made of them.
	Reports   int
	mapped    map[string]int
	notMapped map[unmapped]int
	repaired  map[string]int
	invalid   []Place
	refused   map[unmapped]int // invalid values by path and reason, all of them
	warned    map[unmapped]int // what reports are taken with all the same
}

// unmapped is a path and the reason why its values went nowhere.
type unmapped struct{ path, reason string }

// NotMapped tells how many values of a path were left out, and why.
type NotMapped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Repaired tells how often a rule was applied; docs/veris.md and
// docs/mapping.md explain the rules.
type Repaired struct {
	Rule  string `json:"rule"`
	Count int    `json:"count"`
}

func count[K comparable](m *map[K]int, key K, n int) {
	if *m == nil {
		*m = map[K]int{}
	}
	(*m)[key] += n
}

// Map counts a value of a path that became a statement.
func (a *Account) Map(path string) { count(&a.mapped, path, 1) }

// Skip counts a value of a path that was left out for a reason.
func (a *Account) Skip(path, reason string) { a.skip(unmapped{path, reason}, 1) }

func (a *Account) skip(u unmapped, n int) {
	if _, known := a.notMapped[u]; !known && len(a.notMapped) >= maxReasons {
		u = unmapped{"", "further paths and reasons"}
	}
	count(&a.notMapped, u, n)
}

// Repair counts the application of a rule.
func (a *Account) Repair(rule string) { count(&a.repaired, rule, 1) }

// Refuse lists something invalid.
func (a *Account) Refuse(at Place) {
	if len(a.invalid) < MaxPlaces {
		a.invalid = append(a.invalid, at)
	}
	u := unmapped{at.Path, at.Reason}
	if _, known := a.refused[u]; !known && len(a.refused) >= maxReasons {
		u = unmapped{"", "further paths and reasons"}
	}
	count(&a.refused, u, 1)
}

// Warn counts something that a report is taken with all the same, such as a
// field that the standard asks for and the report does not say.
func (a *Account) Warn(path, reason string) { a.warn(unmapped{path, reason}, 1) }

func (a *Account) warn(u unmapped, n int) {
	if _, known := a.warned[u]; !known && len(a.warned) >= maxReasons {
		u = unmapped{"", "further paths and reasons"}
	}
	count(&a.warned, u, n)
}

// Warnings lists what reports were taken with all the same, most frequent
// first.
func (a *Account) Warnings() []NotMapped { return listed(a.warned) }

// WarningCount is the number of all warnings.
func (a *Account) WarningCount() int { return total(a.warned) }

// Mapped returns the number of values mapped, by the path in the source.
func (a *Account) Mapped() map[string]int { return maps.Clone(a.mapped) }

// NotMapped lists what was left out, most frequent first.
func (a *Account) NotMapped() []NotMapped { return listed(a.notMapped) }

// Repaired lists the rules that were applied, most frequent first.
func (a *Account) Repaired() []Repaired {
	list := make([]Repaired, 0, len(a.repaired))
	for rule, n := range a.repaired {
		list = append(list, Repaired{rule, n})
	}
	slices.SortFunc(list, func(x, y Repaired) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Rule, y.Rule))
	})
	return list
}

// Invalid lists the invalid places, the first [MaxPlaces] of them.
func (a *Account) Invalid() []Place { return slices.Clone(a.invalid) }

// InvalidByReason counts all invalid places by path and reason.
func (a *Account) InvalidByReason() []NotMapped { return listed(a.refused) }

// Lost is the number of records of which no report could be made. A record
// with an invalid value is none of them if the rest of it became a report.
func (a *Account) Lost() int { return a.Records - a.Reports }

// InvalidCount is the number of all invalid places.
func (a *Account) InvalidCount() int { return total(a.refused) }

func total[K comparable](counts map[K]int) int {
	n := 0
	for _, k := range counts {
		n += k
	}
	return n
}

func listed(m map[unmapped]int) []NotMapped {
	list := make([]NotMapped, 0, len(m))
	for u, n := range m {
		list = append(list, NotMapped{u.path, u.reason, n})
	}
	slices.SortFunc(list, func(x, y NotMapped) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Path, y.Path), strings.Compare(x.Reason, y.Reason))
	})
	return list
}

// Merge adds what another account counts; the order of merging shows only in
// the order of invalid places.
func (a *Account) Merge(b Account) {
	a.Records += b.Records
	a.Reports += b.Reports
	for path, n := range b.mapped {
		count(&a.mapped, path, n)
	}
	for u, n := range b.notMapped {
		a.skip(u, n)
	}
	for rule, n := range b.repaired {
		count(&a.repaired, rule, n)
	}
	for u, n := range b.refused {
		count(&a.refused, u, n)
	}
	for u, n := range b.warned {
		a.warn(u, n)
	}
	room := max(0, MaxPlaces-len(a.invalid))
	a.invalid = append(a.invalid, b.invalid[:min(room, len(b.invalid))]...)
}

// Reset empties the account and keeps its memory for the next use.
func (a *Account) Reset() {
	a.Records, a.Reports, a.invalid = 0, 0, a.invalid[:0]
	clear(a.mapped)
	clear(a.notMapped)
	clear(a.repaired)
	clear(a.refused)
	clear(a.warned)
}

// MarshalJSON writes the account with its lists in a stable order.
func (a Account) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Records   int            `json:"records"`
		Reports   int            `json:"reports"`
		Mapped    map[string]int `json:"mapped"`
		NotMapped []NotMapped    `json:"not_mapped"`
		Repaired  []Repaired     `json:"repaired"`
		Invalid   []Place        `json:"invalid"`
		Count     int            `json:"invalid_count"`
		ByReason  []NotMapped    `json:"invalid_by_reason"`
		Warnings  []NotMapped    `json:"warnings"`
		Warned    int            `json:"warning_count"`
	}{
		a.Records, a.Reports, orEmpty(a.mapped), a.NotMapped(), a.Repaired(),
		append([]Place{}, a.invalid...), a.InvalidCount(), a.InvalidByReason(),
		a.Warnings(), a.WarningCount(),
	})
}

func orEmpty(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

// WriteText prints the account for people.
func (a *Account) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s read, %s made, %s mapped.\n", counted(a.Records, "record"), counted(a.Reports, "report"), counted(total(a.mapped), "value"))
	section(&b, "Mapped", slices.SortedFunc(maps.Keys(a.mapped), strings.Compare), func(path string) string {
		return fmt.Sprintf("%8d  %s", a.mapped[path], path)
	})
	reason := func(u NotMapped) string {
		return fmt.Sprintf("%8d  %s", u.Count, strings.TrimPrefix(u.Path+": "+u.Reason, ": "))
	}
	section(&b, "Not mapped, and why", a.NotMapped(), reason)
	section(&b, "Repaired", a.Repaired(), func(r Repaired) string { return fmt.Sprintf("%8d  %s", r.Count, r.Rule) })
	section(&b, "Warnings; the reports are taken all the same", a.Warnings(), reason)
	section(&b, "Invalid, by reason", a.InvalidByReason(), reason)
	section(&b, "Invalid, where", a.invalid, func(p Place) string { return "  " + p.String() })
	if more := a.InvalidCount() - len(a.invalid); more > 0 {
		fmt.Fprintf(&b, "  and %d more, counted above\n", more)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the account: %w", err)
	}
	return nil
}

// Summary is the account in one line for people.
func (a *Account) Summary() string {
	skipped, repaired, invalid, warnings := total(a.notMapped), total(a.repaired), a.InvalidCount(), a.WarningCount()
	line := fmt.Sprintf("%s, %s; %s not mapped, %s repaired, %s invalid",
		counted(a.Records, "record"), counted(a.Reports, "report"),
		counted(skipped, "value"), thousands(repaired), thousands(invalid))
	if warnings > 0 {
		line += ", " + counted(warnings, "warning")
	}
	if skipped+repaired+invalid+warnings > 0 {
		line += " (--explain lists them)"
	}
	return line
}

// counted writes a number of things: "1 record", "6,008 records".
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// section prints a heading and its lines, or nothing if there are none.
func section[T any](b *strings.Builder, heading string, items []T, line func(T) string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", heading)
	for _, item := range items {
		b.WriteString(line(item) + "\n")
	}
}
