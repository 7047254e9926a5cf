package stix

import (
	"strings"
	"unicode/utf8"

	"github.com/concord-trust/concord/fault"
)

// tokenKind tells the tokens of the pattern language apart.
type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenName               // an identifier, with hyphens or without
	tokenKeyword            // AND, OR, true …
	tokenSymbol             // brackets and comparison operators
	tokenInteger            // of either sign
	tokenFloat              // of either sign
	tokenString             // 'text', with its value unescaped
	tokenHex                // h'ffd8'
	tokenBinary             // b'dGVzdA=='
	tokenMoment             // t'2024-01-01T00:00:00Z'
	tokenNegative = tokenKind(1 << 7)
)

// token is one word of a pattern; text is its value without quotes.
type token struct {
	kind tokenKind
	text string
	at   int // offset in bytes
}

// keywords cannot be used as names (STIX 2.1, section 9.2).
var keywords = map[string]bool{
	"AND": true, "OR": true, "NOT": true, "FOLLOWEDBY": true, "LIKE": true, "MATCHES": true,
	"ISSUPERSET": true, "ISSUBSET": true, "EXISTS": true, "LAST": true, "IN": true, "START": true,
	"STOP": true, "SECONDS": true, "true": true, "false": true, "WITHIN": true, "REPEATS": true, "TIMES": true,
}

// lexer cuts a pattern into tokens.
type lexer struct {
	text string
	at   int
}

// next returns the next token, or a fault with its place.
func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	if l.at >= len(l.text) {
		return token{kind: tokenEnd, at: l.at}, nil
	}
	start := l.at
	c := l.text[l.at]
	switch {
	case c == '\'':
		text, err := l.quoted()
		return token{tokenString, text, start}, err
	case (c == 'h' || c == 'b' || c == 't') && strings.HasPrefix(l.text[l.at+1:], "'"):
		return l.literal(c)
	case isLetter(c):
		for l.at < len(l.text) && (isLetter(l.text[l.at]) || isDigit(l.text[l.at]) || l.text[l.at] == '-') {
			l.at++
		}
		word := l.text[start:l.at]
		if keywords[word] {
			return token{tokenKeyword, word, start}, nil
		}
		return token{tokenName, word, start}, nil
	case isDigit(c), c == '+', c == '-', c == '.' && l.at+1 < len(l.text) && isDigit(l.text[l.at+1]):
		return l.number()
	}
	for _, symbol := range []string{"==", "!=", "<>", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ":", ".", ",", "*"} {
		if strings.HasPrefix(l.text[l.at:], symbol) {
			l.at += len(symbol)
			return token{tokenSymbol, symbol, start}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.text[l.at:])
	return token{}, l.fault(start, "the character %q has no meaning here", r)
}

// skip passes over white space and comments.
func (l *lexer) skip() error {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fault(l.at, "the comment is not closed")
			}
			l.at += end + 4
			continue
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			l.at += end
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		if !isSpace(r) {
			return nil
		}
		l.at += size
	}
	return nil
}

// isSpace knows the white space of the grammar, which is not Go's.
func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\r', '\n', 0x0b, 0x0c, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000:
		return true
	}
	return r >= 0x2000 && r <= 0x200a
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// quoted reads a text in single quotes, in which only the quote and the
// backslash are escaped.
func (l *lexer) quoted() (string, error) {
	start := l.at
	l.at++
	plain := l.at // nothing was escaped from here on
	var out strings.Builder
	for l.at < len(l.text) {
		switch l.text[l.at] {
		case '\'':
			out.WriteString(l.text[plain:l.at])
			l.at++
			return out.String(), nil
		case '\\':
			if l.at+1 >= len(l.text) || l.text[l.at+1] != '\'' && l.text[l.at+1] != '\\' {
				return "", l.fault(l.at, `a backslash in a text is written twice: \\`)
			}
			out.WriteString(l.text[plain:l.at])
			plain = l.at + 1
			l.at += 2
		default:
			l.at++
		}
	}
	return "", l.fault(start, "the text is not closed")
}

// literal reads h'…', b'…' or t'…'.
func (l *lexer) literal(prefix byte) (token, error) {
	start := l.at
	end := strings.IndexByte(l.text[start+2:], '\'')
	if end < 0 {
		return token{}, l.fault(start, "the constant is not closed")
	}
	text := l.text[start+2 : start+2+end]
	l.at = start + end + 3
	switch prefix {
	case 'h':
		if !isHex(text) {
			return token{}, l.fault(start, "h'…' holds pairs of hexadecimal digits")
		}
		return token{tokenHex, text, start}, nil
	case 'b':
		if !isBase64(text) {
			return token{}, l.fault(start, "b'…' holds base64 with its padding")
		}
		return token{tokenBinary, text, start}, nil
	}
	if !momentShape(text) {
		return token{}, l.fault(start, "t'…' holds a timestamp in UTC: t'2024-01-31T12:00:00Z'")
	}
	return token{tokenMoment, text, start}, nil
}

// number reads an integer or a fraction; the exponent is no part of the
// grammar.
func (l *lexer) number() (token, error) {
	start := l.at
	negative := l.text[l.at] == '-'
	if c := l.text[l.at]; c == '-' || c == '+' {
		l.at++
	}
	digits := l.digits()
	kind := tokenInteger
	if l.at+1 < len(l.text) && l.text[l.at] == '.' && isDigit(l.text[l.at+1]) {
		kind = tokenFloat
		l.at++
		l.digits()
	} else if digits == "" {
		return token{}, l.fault(start, "a number is expected after the sign")
	} else if len(digits) > 1 && digits[0] == '0' {
		return token{}, l.fault(start, "an integer has no leading zeros")
	}
	if negative {
		kind |= tokenNegative
	}
	return token{kind, l.text[start:l.at], start}, nil
}

func (l *lexer) digits() string {
	start := l.at
	for l.at < len(l.text) && isDigit(l.text[l.at]) {
		l.at++
	}
	return l.text[start:l.at]
}

// fault names a place of the pattern by line and column, both from 1.
func (l *lexer) fault(at int, format string, args ...any) error {
	before := l.text[:min(at, len(l.text))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	args = append([]any{line, column}, args...)
	return fault.New(fault.Invalid, "stix.pattern", "line %d, column %d: "+format, args...)
}
