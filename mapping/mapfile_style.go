package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/formats/veris"
)

// foldCell removes what cells that say the same differ in: case, and how
// much space stands where.
func foldCell(cell string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFC.String(cell)), " "))
}

// glob matches folded cells; "*" stands for any text.
type glob struct{ parts []string }

func newGlob(pattern string) glob { return glob{strings.Split(foldCell(pattern), "*")} }

// any says whether the pattern is "*" alone.
func (g glob) any() bool { return len(g.parts) == 2 && g.parts[0]+g.parts[1] == "" }

func (g glob) match(folded string) bool {
	if len(g.parts) == 1 {
		return folded == g.parts[0]
	}
	first, last := g.parts[0], g.parts[len(g.parts)-1]
	rest, ok := strings.CutPrefix(folded, first)
	if !ok || !strings.HasSuffix(rest, last) {
		return false
	}
	rest = rest[:len(rest)-len(last)]
	for _, part := range g.parts[1 : len(g.parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// dateStyle is one way of writing dates: an order of day, month and year, the
// serial numbers of a spreadsheet, or a pattern.
type dateStyle struct {
	order  string // "ymd", "mdy", "dmy", "excel", or ""
	layout string // of package time, where a pattern is given
	// precision of the pattern: the length of the canonical text.
	precision int
}

// orders are the words for styles of dates.
var orders = []string{"ymd", "mdy", "dmy", "excel"}

// patternParts translates a pattern to a layout of package time; the longest
// come first.
var patternParts = []struct{ part, layout string }{
	{"YYYY", "2006"}, {"YY", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"}, {"DD", "02"}, {"D", "2"},
	{"HH", "15"}, {"hh", "03"}, {"h", "3"}, {"mm", "04"}, {"ss", "05"}, {"AM", "PM"}, {"ZZ", "Z07:00"},
}

func (r *mapReader) dateStyles(n *yaml.Node) []dateStyle {
	var all []dateStyle
	for _, c := range r.constants(n) {
		if slices.Contains(orders, c.text) {
			all = append(all, dateStyle{order: c.text})
			continue
		}
		s, ok := newDatePattern(c.text)
		if !ok {
			r.fault(c.line, "map.dates", "dates are written in one of the orders ymd, mdy, dmy, as excel (serial numbers), or by a pattern such as DD.MM.YYYY or YYYY-MM-DD HH:mm:ss")
			continue
		}
		all = append(all, s)
	}
	return all
}

func newDatePattern(pattern string) (dateStyle, bool) {
	var layout strings.Builder
	has := map[byte]bool{}
	for rest := pattern; rest != ""; {
		part := ""
		for _, p := range patternParts {
			if strings.HasPrefix(rest, p.part) {
				part = p.part
				layout.WriteString(p.layout)
				break
			}
		}
		if part == "" {
			if c := rest[0]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' && c != 'T' || c == '_' {
				return dateStyle{}, false
			}
			part = rest[:1]
			layout.WriteString(part)
		}
		has[part[0]] = true
		rest = rest[len(part):]
	}
	s := dateStyle{layout: layout.String(), precision: len("2006")}
	switch {
	case !has['Y'] || has['D'] && !has['M'] || (has['H'] || has['h']) && !has['D']:
		return s, false
	case has['H'] || has['h']:
		s.precision = len("2006-01-02T15:04:05Z")
	case has['D']:
		s.precision = len("2006-01-02")
	case has['M']:
		s.precision = len("2006-01")
	}
	return s, true
}

// read makes a canonical date of a cell written in this style.
func (s dateStyle) read(cell string) (string, bool) {
	switch s.order {
	case "excel":
		return excelDate(cell)
	case "":
		t, err := time.Parse(s.layout, cell)
		if err != nil {
			return "", false
		}
		return t.UTC().Format(time.RFC3339)[:s.precision], true
	}
	return orderedDate(cell, s.order)
}

// excelDate reads the serial number of a spreadsheet: days since the end of
// 1899, and the time of day as a fraction.
func excelDate(cell string) (string, bool) {
	days, err := strconv.ParseFloat(cell, 64)
	if err != nil || !(days >= 1 && days < 110000) { // also no NaN
		return "", false
	}
	t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Add(time.Duration(days * float64(24*time.Hour))).Round(time.Second)
	if days == float64(int(days)) {
		return t.Format("2006-01-02"), true
	}
	return t.Format(time.RFC3339), true
}

// orderedDate reads a date whose parts stand in the order, with any of the
// usual separators, months as numbers or names, and perhaps a time after it.
// Parts may be missing from the fine end: "02/2014" and "2014" are dates.
func orderedDate(cell, order string) (string, bool) {
	date, at := cell, ""
	if i := strings.IndexAny(cell, "T:"); i > 0 && strings.Contains(cell, ":") {
		// The time begins after the last space, comma or T before the colon.
		if i = strings.LastIndexAny(cell[:strings.IndexByte(cell, ':')], " T,"); i < 0 {
			return "", false
		}
		date, at = strings.TrimRight(cell[:i], " ,"), strings.TrimSpace(cell[i+1:])
	}
	parts := strings.FieldsFunc(date, func(c rune) bool { return strings.ContainsRune("/.-, \u00a0–", c) })
	if len(parts) == 0 || len(parts) > 3 {
		return "", false
	}
	var p dateParts
	switch {
	case len(parts[0]) == 4: // a year in front is never anything else
		order = "ymd"
	case len(parts) == 2:
		order = "my"
	case len(parts) == 1:
		return "", false
	case monthNumber(parts[0]) > 0 && number(parts[0]) == 0:
		order = "mdy" // a named month tells its place
	case monthNumber(parts[1]) > 0 && number(parts[1]) == 0:
		order = "dmy"
	}
	for i, part := range parts {
		switch order[i] {
		case 'y':
			p.year = part
		case 'm':
			p.month = part
		case 'd':
			p.day = strings.TrimRight(part, "stndrh")
		}
	}
	year, month, day := number(p.year), monthNumber(p.month), number(p.day)
	if len(p.year) != 4 || !isYear(year) || p.month != "" && (month < 1 || month > 12) || p.day != "" && !exists(year, month, day) {
		return "", false
	}
	text := fmt.Sprintf("%04d", year)
	if p.month != "" {
		text += fmt.Sprintf("-%02d", month)
	}
	if p.day != "" {
		text += fmt.Sprintf("-%02d", day)
	}
	if at == "" {
		return text, true
	}
	return withTime(text, at)
}

// withTime puts a time of day to a date. Midnight sharp without a zone is how
// programs write that no time is known.
func withTime(date, at string) (string, bool) {
	if len(date) != len("2006-01-02") {
		return "", false
	}
	if strings.Trim(at, "0:.") == "" {
		return date, true
	}
	for _, layout := range []string{"15:04:05.999999999Z07:00", "15:04Z07:00"} {
		if t, err := time.Parse("2006-01-02T"+layout, date+"T"+at); err == nil {
			return t.UTC().Format("2006-01-02T15:04:05Z"), true
		}
	}
	t, ok := clock(at)
	return date + "T" + t.Format("15:04:05") + "Z", ok
}

// roughDate gives a first of January the precision of a year, and the first
// of another month that of a month.
func roughDate(date string) string {
	switch {
	case len(date) == len("2006-01-02") && strings.HasSuffix(date, "-01-01"):
		return date[:4]
	case len(date) == len("2006-01-02") && strings.HasSuffix(date, "-01"):
		return date[:7]
	}
	return date
}

// date makes the canonical text of a date as the table writes it.
func (c *cleaner) date(cell string, s style) cleaned {
	for _, d := range s.dates {
		if text, ok := d.read(cell); ok {
			if s.rough {
				text = roughDate(text)
			}
			return c.finish(cleaned{text: text})
		}
	}
	if len(s.dates) > 0 {
		return cleaned{reason: "no date in the order or pattern of the map"}
	}
	done := c.cleanDate(cell)
	if text, ok := orderedDate(cell, "ymd"); ok {
		done = c.finish(cleaned{text: text})
	}
	if done.text == "" {
		return cleaned{reason: "no date that can be read in one way only; say the order of the parts in the map: `dates: mdy`, `dmy` or `ymd`"}
	}
	if s.rough {
		done.text = roughDate(done.text)
	}
	return done
}

// numberStyle is how numbers are written.
type numberStyle struct {
	// decimal is the mark before the fraction; 0: a point.
	decimal byte
}

func (r *mapReader) numberStyle(n *yaml.Node) numberStyle {
	switch r.text(n) {
	case "1,234.5", "1 234.5", "1'234.5", "1234.5":
		return numberStyle{'.'}
	case "1.234,5", "1 234,5", "1'234,5", "1234,5":
		return numberStyle{','}
	}
	r.fault(n.Line, "map.numbers", "say how numbers are written by the example \"1,234.5\" or \"1.234,5\", in quotes")
	return numberStyle{}
}

// tableNumber makes the canonical text of a number as the table writes it.
func (c *cleaner) tableNumber(cell string, s style) cleaned {
	if s.numbers.decimal == ',' {
		whole, fraction, has := strings.Cut(cell, ",")
		if strings.Contains(fraction, ",") || strings.Contains(fraction, ".") {
			return cleaned{reason: "no number"}
		}
		cell = strings.ReplaceAll(whole, ".", ",")
		if has {
			cell += "." + fraction
		}
	}
	done := c.cleanNumber(veris.Value{Kind: veris.String, Text: cell})
	done.rules = nil // that a cell is a text is no repair
	return done
}
