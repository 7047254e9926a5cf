package tabular

import (
	"strings"
	"unicode/utf8"
)

// List reads a cell that holds a list as programs print it, JSON or Python,
// nested or not, and returns its texts in order:
//
//	['Armenia']                  → Armenia
//	[['A', "B's"], ['C']]        → A, B's, C
//	["x", 2, null, None, nan]    → x, 2
//
// Empty texts and the words null, None, nan and NaT outside quotes are left
// out. A cell that is no list gives false.
func List(cell string) ([]string, bool) {
	s := strings.TrimSpace(cell)
	if s == "" || s[0] != '[' {
		return nil, false
	}
	var items []string
	depth := 0
	for s != "" {
		switch c := s[0]; {
		case c == '[' || c == '(':
			depth++
			s = s[1:]
		case c == ']' || c == ')':
			if depth--; depth < 0 {
				return nil, false
			}
			s = s[1:]
			if depth == 0 {
				if strings.TrimSpace(s) != "" {
					return nil, false
				}
				return items, true
			}
		case c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r':
			s = s[1:]
		case c == '\'' || c == '"':
			text, rest, ok := quoted(s)
			if !ok {
				return nil, false
			}
			if text = strings.TrimSpace(text); text != "" {
				items = append(items, text)
			}
			s = rest
		default:
			end := strings.IndexAny(s, ",])")
			if end < 0 {
				return nil, false
			}
			switch word := strings.TrimSpace(s[:end]); word {
			case "", "null", "None", "nan", "NaN", "NaT":
			default:
				items = append(items, word)
			}
			s = s[end:]
		}
	}
	return nil, false
}

// quoted reads the quoted text at the start of s.
func quoted(s string) (text, rest string, ok bool) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			case 'x', 'u', 'U':
				n := hexRune(&b, s[i:])
				i += n
			default:
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// hexRune writes the character of an escape such as x41, u20ac or U0001f600
// and returns how many digits it has; without the digits, the letter itself.
func hexRune(b *strings.Builder, s string) int {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	r := rune(0)
	if len(s) <= digits {
		b.WriteByte(s[0])
		return 0
	}
	for _, c := range s[1 : digits+1] {
		v := strings.IndexRune("0123456789abcdef", c|0x20)
		if v < 0 || r > utf8.MaxRune {
			b.WriteByte(s[0])
			return 0
		}
		r = r<<4 | rune(v)
	}
	if !utf8.ValidRune(r) {
		r = utf8.RuneError
	}
	b.WriteRune(r)
	return digits
}
