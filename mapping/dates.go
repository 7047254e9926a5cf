package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/formats/veris"
)

// dateParts are the parts of a date as VERIS writes them; "" is not said.
type dateParts struct{ year, month, day, time string }

// earliest and latest bound what is taken for a year.
const (
	earliest = 1900
	latest   = 2199
)

// cleanDate reads a date written as one text: with the precision that is
// known, in ISO 8601 order, with or without a time.
func (c *cleaner) cleanDate(text string) cleaned {
	text = strings.TrimSpace(text)
	done := c.finish(cleaned{text: text})
	if done.reason == "" {
		return done
	}
	for _, layout := range []string{
		"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04",
		"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return c.finish(cleaned{text: t.UTC().Format("2006-01-02T15:04:05Z"), rules: []string{veris.RuleDateText}})
		}
	}
	for _, layout := range [][2]string{{"2006/01/02", "2006-01-02"}, {"20060102", "2006-01-02"}, {"2006-1-2", "2006-01-02"}, {"2006/1/2", "2006-01-02"}, {"2006/01", "2006-01"}, {"2006-1", "2006-01"}} {
		if t, err := time.Parse(layout[0], text); err == nil {
			return c.finish(cleaned{text: t.Format(layout[1]), rules: []string{veris.RuleDateText}})
		}
	}
	return cleaned{reason: "no date"}
}

// cleanParts puts a date together from its parts, with the precision that
// they can bear. Parts that cannot be true are lost, with reasons by part.
func (c *cleaner) cleanParts(p dateParts) (done cleaned, lost map[string]string) {
	lost = map[string]string{}
	year, month, day, spelled := number(p.year), monthNumber(p.month), number(p.day), false
	for _, part := range []string{p.year, p.month, p.day} {
		spelled = spelled || strings.HasPrefix(part, `"`)
	}
	if spelled {
		done.rules = append(done.rules, veris.RuleDateParts)
	}
	if year < earliest && isYear(day) {
		if isYear(year) || year > 31 {
			lost["year"] = "no year"
			year = 0
		}
		year, day = day, year
		if day == 0 {
			p.day = ""
		}
		done.rules = append(done.rules, veris.RuleDateSwap)
	}
	if month > 12 && day >= 1 && day <= 12 && exists(year, day, month) {
		month, day = day, month
		done.rules = append(done.rules, veris.RuleDateSwap)
	}
	if !isYear(year) {
		for name, part := range map[string]string{"year": p.year, "month": p.month, "day": p.day, "time": p.time} {
			if part != "" {
				lost[name] = "a date needs a year between 1900 and 2199"
			}
		}
		return cleaned{rules: done.rules}, lost
	}
	done.text = fmt.Sprintf("%04d", year)
	switch {
	case month >= 1 && month <= 12:
		done.text += fmt.Sprintf("-%02d", month)
	case p.month != "":
		lost["month"] = "no month"
	}
	switch {
	case day == 0 && p.day == "":
	case len(done.text) == 4:
		lost["day"] = "a day without its month"
	case exists(year, month, day):
		done.text += fmt.Sprintf("-%02d", day)
	default:
		lost["day"] = "no day of the calendar"
		done.rules = append(done.rules, veris.RuleDateDay)
	}
	if p.time != "" {
		at, ok := clock(p.time)
		switch {
		case !ok:
			lost["time"] = "no time of day"
		case len(done.text) != len("2006-01-02"):
			lost["time"] = "a time without its day"
		default:
			done.text += "T" + at.Format("15:04:05") + "Z"
			if verisTime(at) != p.time {
				done.rules = append(done.rules, veris.RuleTime)
			}
		}
	}
	return c.finish(done), lost
}

func isYear(n int) bool { return n >= earliest && n <= latest }

// exists says whether the calendar has the day.
func exists(year, month, day int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Day() == day
}

// number reads a part of a date, which may be quoted if it was a text; 0 is
// not said or not to be read.
func number(part string) int {
	f, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(part, `"`)), 64)
	if err != nil || f != float64(int(f)) || f < 0 || f > 9999 {
		return 0
	}
	return int(f)
}

func monthNumber(part string) int {
	if n := number(part); n > 0 {
		return n
	}
	name := strings.TrimSpace(strings.Trim(part, `"`))
	for _, layout := range []string{"January", "Jan"} {
		if t, err := time.Parse(layout, name); err == nil {
			return int(t.Month())
		}
	}
	return 0
}

// clock reads a time of day, which VERIS leaves to people; it is taken as UTC
// unless it names another offset.
func clock(text string) (time.Time, bool) {
	text = strings.ToUpper(strings.TrimSpace(text))
	for _, zone := range []string{"UTC", "GMT", "Z"} {
		text = strings.TrimSpace(strings.TrimSuffix(text, zone))
	}
	for _, layout := range []string{"15:04:05", "15:04", "03:04:05 PM", "3:04:05 PM", "3:04:05PM", "03:04 PM", "3:04 PM", "3:04PM", "3 PM", "3PM", "15:04:05Z07:00", "15:04Z07:00", "15:04:05.999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// verisTime writes a time of day as VERIS wants it.
func verisTime(t time.Time) string { return t.Format("03:04:05 PM") }

// splitDate takes a canonical date apart into its parts.
func splitDate(text string) dateParts {
	var p dateParts
	p.year = strings.TrimLeft(text[:4], "0")
	if len(text) >= 7 {
		p.month = strings.TrimLeft(text[5:7], "0")
	}
	if len(text) >= 10 {
		p.day = strings.TrimLeft(text[8:10], "0")
	}
	if len(text) > 10 {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			p.time = verisTime(t)
		}
	}
	return p
}
