package mapping

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/standard"
)

// cleaner makes the canonical text of one field out of what the world writes
// there, and says by which rules.
type cleaner struct {
	std    *standard.Standard
	field  standard.Field
	order  int
	codes  map[string]bool   // of the field's code list
	folded map[string]string // from folded spelling to code; "" if ambiguous
}

func newCleaner(std *standard.Standard, field standard.Field, order int) *cleaner {
	c := &cleaner{std: std, field: field, order: order}
	list, ok := std.CodeList(field.CodeList)
	if !ok {
		return c
	}
	c.codes = make(map[string]bool, len(list.Codes))
	c.folded = make(map[string]string, len(list.Codes))
	for _, entry := range list.Codes {
		c.codes[entry.Code] = true
		for _, spelling := range []string{fold(entry.Code)} {
			if other, taken := c.folded[spelling]; taken && other != entry.Code {
				c.folded[spelling] = ""
			} else {
				c.folded[spelling] = entry.Code
			}
		}
	}
	return c
}

// fold removes what spellings of one code differ in: case, spaces, hyphens,
// underscores and slashes.
func fold(code string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '-', '_', '/', '–', '\u00a0':
			return -1
		}
		return unicode.ToLower(r)
	}, code)
}

// listed says whether a code is one that the field takes as it is.
func (c *cleaner) listed(code string) bool {
	if c.codes[code] {
		return true
	}
	_, err := c.std.Canonical(c.field, code)
	return err == nil
}

// cleaned is what became of a value.
type cleaned struct {
	text  string   // canonical, "" if nothing is left
	rules []string // applied, in their order
	// reason says what was lost: with a text, a part of the value; without,
	// all of it.
	reason string
}

// clean makes a field's canonical text of a value; alias translates a code
// that the field does not list, or returns "".
func (c *cleaner) clean(v veris.Value, alias func(code string) (to, rule string)) cleaned {
	if v.Kind == veris.Null || v.Kind == veris.EmptyList || strings.TrimSpace(v.Text) == "" && v.Kind == veris.String {
		return cleaned{rules: []string{veris.RuleEmpty}}
	}
	switch c.field.Type {
	case standard.Code:
		return c.cleanCode(v, alias)
	case standard.Integer, standard.Decimal:
		return c.cleanNumber(v)
	case standard.Boolean:
		return c.cleanBoolean(v)
	case standard.Date:
		return c.cleanDate(v.Text)
	}
	return c.cleanText(v)
}

func (c *cleaner) cleanCode(v veris.Value, alias func(string) (string, string)) cleaned {
	var done cleaned
	code := v.Text
	if v.Kind == veris.String && c.codes[code] {
		return cleaned{text: code} // as most are: a code is its own canonical text
	}
	if v.Kind == veris.String && c.listed(code) {
		return c.finish(cleaned{text: code})
	}
	if v.Kind == veris.Number || v.Kind == veris.Boolean {
		done.rules = append(done.rules, veris.RuleTypeText)
	}
	if trimmed := strings.TrimSpace(code); trimmed != code {
		code = trimmed
		done.rules = append(done.rules, veris.RuleTrim)
	}
	if !c.listed(code) && alias != nil {
		if to, rule := alias(code); to != "" {
			code = to
			done.rules = append(done.rules, rule)
		}
	}
	if !c.listed(code) {
		if spelled := c.folded[fold(code)]; spelled != "" {
			code = spelled
			done.rules = append(done.rules, veris.RuleCase)
		} else if upper := strings.ToUpper(code); c.listed(upper) {
			code = upper
			done.rules = append(done.rules, veris.RuleCase)
		}
	}
	if !c.listed(code) {
		done.reason = "the standard lists no code " + quote(code)
		code = ""
		for _, fallback := range []string{"Other", "Unknown"} {
			if c.codes[fallback] {
				code = fallback
				done.rules = append(done.rules, veris.RuleOther)
				done.reason += "; taken as " + fallback
				break
			}
		}
	}
	done.text = code
	return c.finish(done)
}

// quote shows a code in an account, cut to a length that no narrative fits in.
func quote(code string) string {
	if utf8.RuneCountInString(code) > 60 {
		code = string([]rune(code)[:60]) + "…"
	}
	return strconv.Quote(code)
}

func (c *cleaner) cleanNumber(v veris.Value) cleaned {
	var done cleaned
	text := v.Text
	if v.Kind != veris.Number {
		plain, ok := plainNumber(text)
		if !ok {
			return cleaned{reason: "no number"}
		}
		if v.Kind == veris.String {
			done.rules = append(done.rules, veris.RuleTypeNum)
		}
		text = plain
	}
	done.text = text
	done = c.finish(done)
	if done.text != "" && done.text != text {
		done.rules = append(done.rules, veris.RuleWhole)
	}
	if done.reason != "" && c.field.Type == standard.Integer {
		done.reason = "no whole number in the range of the field"
	}
	return done
}

// plainNumber makes a JSON number of one as people write it: "1,545",
// "$ 2 000.50", "-3", "1e6". It refuses what can be read in two ways, such as
// several points.
func plainNumber(text string) (string, bool) {
	text = strings.TrimSpace(text)
	text = strings.TrimFunc(text, func(r rune) bool {
		return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r)
	})
	if cut := strings.TrimSuffix(text, "+"); cut != text {
		text = cut // "500+": at least
	}
	whole, fraction, hasFraction := strings.Cut(text, ".")
	groups := strings.FieldsFunc(whole, func(r rune) bool { return r == ',' || r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\'' })
	for i, g := range groups {
		if i > 0 && len(g) != 3 {
			return "", false
		}
	}
	text = strings.Join(groups, "")
	if hasFraction {
		text += "." + fraction
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xXpP_iInN") {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', -1, 64), true
}

func (c *cleaner) cleanBoolean(v veris.Value) cleaned {
	if v.Kind == veris.EmptyObject {
		return c.finish(cleaned{text: "true"}) // an object whose presence speaks
	}
	if v.Kind == veris.Boolean {
		return c.finish(cleaned{text: v.Text})
	}
	done := cleaned{rules: []string{veris.RuleTypeBool}}
	switch strings.ToLower(strings.TrimSpace(v.Text)) {
	case "true", "yes", "y", "1":
		done.text = "true"
	case "false", "no", "n", "0":
		done.text = "false"
	default:
		return cleaned{reason: "neither true nor false"}
	}
	return c.finish(done)
}

func (c *cleaner) cleanText(v veris.Value) cleaned {
	var done cleaned
	text := v.Text
	if v.Kind == veris.Number || v.Kind == veris.Boolean {
		done.rules = append(done.rules, veris.RuleTypeText)
	}
	if strings.ContainsFunc(text, forbidden) {
		text = strings.Map(func(r rune) rune {
			if forbidden(r) {
				return ' '
			}
			return r
		}, text)
		done.rules = append(done.rules, veris.RuleControl)
		if strings.TrimSpace(text) == "" {
			return done
		}
	}
	if formed := norm.NFC.String(text); formed != text {
		text = formed
		done.rules = append(done.rules, veris.RuleForm)
	}
	limit := c.field.MaxLength
	if limit == 0 {
		limit = standard.DefaultMaxLength
	}
	if len(text) > limit {
		for limit > 0 && !utf8.RuneStart(text[limit]) {
			limit--
		}
		text = text[:limit]
		done.rules = append(done.rules, veris.RuleTextLong)
		done.reason = "longer than the standard takes; the end is cut off"
	}
	done.text = text
	return c.finish(done)
}

func forbidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r'
}

// finish has the standard judge a text; what it refuses is lost with a reason.
func (c *cleaner) finish(done cleaned) cleaned {
	if done.text == "" {
		return done
	}
	text, err := c.std.Canonical(c.field, done.text)
	if err != nil {
		done.text, done.reason = "", fault.Public(err).Message
		return done
	}
	done.text = text
	return done
}
