package kanonymity

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Report is what [Check] and [CheckModels] found.
type Report struct {
	Records, Classes int
	// Smallest class, in records; 0 for an empty table.
	Smallest int
	// FewestVictims and FewestGroups of a class; 0 for an empty table, or
	// where the subjects were not given.
	FewestVictims, FewestGroups int
	// FailingClasses counts the classes that fail a model.
	FailingClasses int
	// Failing are the quasi-identifiers of the first ten of them, sorted.
	Failing [][]string
	// Undecided names the models that cannot be decided from what was given:
	// without the subjects, one that demands victims or owner groups.
	Undecided []string
}

// OK reports whether no class fails. It says nothing on models undecided.
func (r Report) OK() bool { return r.FailingClasses == 0 }

// Subject is whom a row is about and who told it, as [Row] has it by number.
type Subject struct {
	Victim string // "" if not known
	Groups []string
}

// Check holds a finished table to k records, as anybody could who was given
// the published file. Each row is its quasi-identifiers as published.
func Check(rows [][]string, k int) Report {
	return CheckModels(rows, nil, KRecords(k))
}

// CheckModels holds a finished table to the models. It shares no code with the
// search but the models themselves: it counts equal rows, and the different
// victims and owner groups behind them. subjects has one for each row, or is
// nil where only the published table is known; a table with more rows than
// subjects fails as a whole, since the missing ones could be anybody.
func CheckModels(rows [][]string, subjects []Subject, models ...Model) Report {
	classes := map[string]*tally{}
	for i, row := range rows {
		var name strings.Builder // quoted, so that no two rows share one
		for _, value := range row {
			name.WriteString(strconv.Quote(value))
		}
		t := classes[name.String()]
		if t == nil {
			t = &tally{row: row, victims: map[string]bool{}, groups: map[string]bool{}}
			classes[name.String()] = t
		}
		t.records++
		if i < len(subjects) {
			t.victims[subjects[i].Victim] = true
			for _, g := range subjects[i].Groups {
				t.groups[g] = true
			}
		}
	}
	report := Report{Records: len(rows), Classes: len(classes)}
	undecided := map[string]bool{}
	for n, name := range slices.Sorted(maps.Keys(classes)) {
		t := classes[name]
		fails := subjects != nil && len(subjects) != len(rows)
		for _, m := range models {
			switch pass, decided := t.judge(m, subjects != nil); {
			case !decided:
				undecided[m.String()] = true
			case !pass:
				fails = true
			}
		}
		if fails {
			report.FailingClasses++
			if len(report.Failing) < 10 {
				report.Failing = append(report.Failing, t.row)
			}
		}
		if n == 0 {
			report.Smallest, report.FewestVictims, report.FewestGroups = t.records, len(t.victims), len(t.groups)
		}
		report.Smallest = min(report.Smallest, t.records)
		report.FewestVictims = min(report.FewestVictims, len(t.victims))
		report.FewestGroups = min(report.FewestGroups, len(t.groups))
	}
	report.Undecided = slices.Sorted(maps.Keys(undecided))
	return report
}

// tally counts one combination of quasi-identifiers.
type tally struct {
	row             []string
	records         int
	victims, groups map[string]bool
}

// judge holds the class to one model. Where only records are known, a monotone
// model is decided if the best or the worst case does: a class of three
// records has no five victims, whoever they are.
func (t *tally) judge(m Model, known bool) (pass, decided bool) {
	if known {
		return m.Satisfied(Class{Records: t.records, Victims: len(t.victims), Groups: len(t.groups)}), true
	}
	if _, ok := m.(Monotone); !ok {
		return false, false
	}
	const anyNumber = 1 << 30 // of owner groups may have told one record
	if !m.Satisfied(Class{Records: t.records, Victims: t.records, Groups: anyNumber}) {
		return false, true
	}
	if m.Satisfied(Class{Records: t.records, Victims: 1, Groups: 0}) {
		return true, true
	}
	return false, false
}
