package standard

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/fault"
)

// Limits of values.
const (
	// DefaultMaxLength of a text, in bytes, where the field states none.
	DefaultMaxLength = 65536
	maxInteger       = 1 << 53
)

// Canonical checks a value against its field and returns its one text: codes
// as they are, texts in NFC, numbers in their shortest plain form ("2.0" is
// "2", "1e3" is "1000"), dates with the precision that is known, moments in
// UTC. It is idempotent. The error names no value.
func (s *Standard) Canonical(f Field, raw string) (string, error) {
	switch f.Type {
	case Code:
		if l := s.codeLists[f.CodeList]; l != nil && l.has(raw) {
			return raw, nil
		}
		return "", value(f, "value.code", "the value is not in the code list %q; `concord standard show %s %s` lists it", f.CodeList, s.Ref(), f.CodeList)
	case Text, Name:
		return canonicalText(f, raw)
	case Integer, Decimal:
		return canonicalNumber(f, raw)
	case Boolean:
		if raw == "true" || raw == "false" {
			return raw, nil
		}
		return "", value(f, "value.boolean", "true or false is expected")
	case Date:
		return canonicalDate(f, raw)
	}
	return "", value(f, "value.type", "the field has an unknown type")
}

func value(f Field, code, format string, args ...any) error {
	return fault.New(fault.Invalid, code, format, args...).At(f.Path)
}

func canonicalText(f Field, raw string) (string, error) {
	limit := f.MaxLength
	if limit == 0 {
		limit = DefaultMaxLength
	}
	if !utf8.ValidString(raw) {
		return "", value(f, "value.encoding", "the text is not valid UTF-8")
	}
	text := norm.NFC.String(raw)
	if len(text) > limit {
		return "", value(f, "value.too_long", "the text has %d bytes; at most %d are taken", len(text), limit)
	}
	if text == "" {
		return "", value(f, "value.empty", "the text is empty; leave the field out")
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return "", value(f, "value.control", "the text holds a control character")
		}
	}
	return text, nil
}

func canonicalNumber(f Field, raw string) (string, error) {
	text, ok := plainDecimal(raw)
	if !ok {
		return "", value(f, "value.number", "a number is expected")
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", value(f, "value.number", "a number is expected")
	}
	if f.Type == Integer {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger {
			return "", value(f, "value.integer", "a whole number within ±2^53 is expected")
		}
	}
	if f.Min != nil && v < *f.Min || f.Max != nil && v > *f.Max {
		return "", value(f, "value.range", "the number is outside the range of the field")
	}
	return text, nil
}

// maxDigits bounds the digits before and after the point, exponent resolved.
const maxDigits = 40

// plainDecimal writes a decimal number without exponent and without needless
// zeros, exactly: digits are moved, never computed. It refuses all else.
func plainDecimal(raw string) (string, bool) {
	if len(raw) > 2*maxDigits {
		return "", false
	}
	rest, negative := strings.CutPrefix(raw, "-")
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		e, err := strconv.Atoi(rest[i+1:])
		if err != nil || e < -2*maxDigits || e > 2*maxDigits {
			return "", false
		}
		mantissa, exponent = rest[:i], e
	}
	whole, fraction, point := strings.Cut(mantissa, ".")
	if whole == "" || point && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return "", false
	}
	digits := whole + fraction
	place := len(whole) + exponent // of the point within digits
	if place < 0 {
		digits, place = strings.Repeat("0", -place)+digits, 0
	}
	if place > len(digits) {
		digits += strings.Repeat("0", place-len(digits))
	}
	whole = strings.TrimLeft(digits[:place], "0")
	fraction = strings.TrimRight(digits[place:], "0")
	if len(whole) > maxDigits || len(fraction) > maxDigits {
		return "", false
	}
	if whole == "" {
		whole = "0"
	}
	text := whole
	if fraction != "" {
		text += "." + fraction
	}
	if negative && text != "0" {
		text = "-" + text
	}
	return text, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// dateLayouts by the length of the text.
var dateLayouts = map[int]string{4: "2006", 7: "2006-01", 10: "2006-01-02", 20: "2006-01-02T15:04:05Z"}

func canonicalDate(f Field, raw string) (string, error) {
	layout, ok := dateLayouts[len(raw)]
	if !ok {
		if t, err := time.Parse(time.RFC3339, raw); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 10000 {
			return t.UTC().Truncate(time.Second).Format(dateLayouts[20]), nil
		}
		return "", value(f, "value.date", "a date is expected: 2026, 2026-11, 2026-11-24 or 2026-11-24T08:00:00Z")
	}
	t, err := time.Parse(layout, raw)
	if err != nil || t.Year() == 0 || t.Format(layout) != raw {
		return "", value(f, "value.date", "this is no date of the calendar; write 2026, 2026-11, 2026-11-24 or 2026-11-24T08:00:00Z")
	}
	return raw, nil
}
