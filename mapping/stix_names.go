package mapping

import (
	"strings"
	"unicode"
)

// stixTerm writes a code as STIX writes its terms: in lower case, with hyphens
// between words.
func stixTerm(code string) string {
	words := strings.FieldsFunc(strings.ToLower(code), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '&' && r != '+' })
	return strings.Join(words, "-")
}

// discovery finds how an incident was found by the term of a code of the
// standard: its side and its own term, as "internal-log-review".
func (m *STIX) discovery(term string) action {
	side, own, _ := strings.Cut(term, "-")
	path := "discovery_method." + side + ".variety"
	if code := m.terms[path][own]; code != "" {
		return action{path, code}
	}
	return action{}
}
