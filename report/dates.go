package report

import (
	"fmt"
	"time"
)

// eastmost is by how much a calendar is ahead of UTC at most: days, months and
// years are told by the calendar on somebody's wall.
const eastmost = 14 * time.Hour

// Later reports whether all of what a date covers lies after a moment,
// anywhere on earth: the month of November does not while November is running
// somewhere. What is no date at some precision is not later than anything.
func Later(date string, than time.Time) bool {
	if len(date) == len("2026-11-25T08:00:00Z") {
		return date > than.UTC().Format(time.RFC3339)
	}
	than = than.UTC().Add(eastmost)
	switch {
	case len(date) == len("2026-Q4") && date[5] == 'Q':
		return date > QuarterOf(than.Format(time.DateOnly))
	case len(date) == len("2026"), len(date) == len("2026-11"), len(date) == len(time.DateOnly):
		return date > than.Format(time.DateOnly)[:len(date)]
	}
	return false
}

// QuarterOf is the quarter in which a date lies, "" if it does not say.
func QuarterOf(date string) string {
	if len(date) < len("2026-11") {
		return ""
	}
	if date[5] == 'Q' {
		return date[:7]
	}
	month, err := time.Parse("2006-01", date[:7])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s-Q%d", date[:4], (int(month.Month())+2)/3)
}
