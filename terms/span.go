package terms

import (
	"regexp"
	"strconv"
	"time"

	"github.com/concord-trust/concord/fault"
)

// Span is a length of time in whole hours. Its text is a whole number with a
// unit: "12h", "30d" (of 24 hours), "6w". However it was written, it is kept
// as days where they are whole, else as hours, so that sheets that say the
// same have the same canonical bytes.
type Span time.Duration

const (
	day  = 24 * time.Hour
	week = 7 * day
	// MaxSpan is the longest: ten years of 365 days.
	MaxSpan = Span(3650 * day)
)

var spanText = regexp.MustCompile(`^([1-9][0-9]{0,5})([hdw])$`)

// ParseSpan reads a span's text.
func ParseSpan(s string) (Span, error) {
	m := spanText.FindStringSubmatch(s)
	if m == nil {
		return 0, fault.New(fault.Invalid, "terms.span", "a length of time is a whole number of hours, days or weeks: 12h, 30d, 6w (a year is 365d)")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	unit := map[string]time.Duration{"h": time.Hour, "d": day, "w": week}[m[2]]
	if n > int(time.Duration(MaxSpan)/unit) {
		return 0, fault.New(fault.Invalid, "terms.span", "a length of time is at most ten years: %s", MaxSpan)
	}
	return Span(n) * Span(unit), nil
}

// Days is a span of whole days.
func Days(n int) Span { return Span(n) * Span(day) }

// String is the span's text.
func (s Span) String() string {
	if d := time.Duration(s); d%day != 0 {
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(time.Duration(s)/day)) + "d"
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(b []byte) error {
	p, err := ParseSpan(string(b))
	if err == nil {
		*s = p
	}
	return err
}

// whole reports whether the span can be written: one made by a program may
// hold minutes, or none at all.
func (s Span) whole() bool {
	return s > 0 && s <= MaxSpan && time.Duration(s)%time.Hour == 0
}

// Date is a day, "2026-01-01". It begins at midnight UTC.
type Date string

// DateOf is the day of a moment, UTC.
func DateOf(t time.Time) Date { return Date(t.UTC().Format(time.DateOnly)) }

// valid reports whether it is a day of the calendar.
func (d Date) valid() bool {
	t, err := time.Parse(time.DateOnly, string(d))
	return err == nil && t.Year() >= 1970
}

// Start is the first second of the day; zero for "", and for what is no date.
func (d Date) Start() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}
