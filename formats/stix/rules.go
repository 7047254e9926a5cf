package stix

import (
	"math/big"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/language"
)

// anything holds a value of no stated type to what all values owe: no null,
// no empty list, names of properties that can be.
func anything(v *validator, value any) {
	switch value := value.(type) {
	case nil:
		v.must("null is no value; a property that is not known is left out")
	case List:
		if len(value) == 0 {
			v.must("a list is not empty; one without items is left out")
		}
		for i, item := range value {
			v.item(i, func() { anything(v, item) })
		}
	case Object:
		for _, m := range value {
			v.at(m.Name, func() {
				if !keyPattern.MatchString(m.Name) {
					v.must("a name has letters, digits, underscores and hyphens, at most 250")
				}
				anything(v, m.Value)
			})
		}
	}
}

func text(v *validator, value any) {
	if _, ok := value.(string); !ok {
		v.must("a text is expected")
	}
}

func boolean(v *validator, value any) {
	if _, ok := value.(bool); !ok {
		v.must("true or false is expected")
	}
}

// textual makes a rule of a test of texts.
func textual(fits func(string) bool, message string) rule {
	return func(v *validator, value any) {
		if s, ok := value.(string); !ok {
			v.must("a text is expected")
		} else if !fits(s) {
			v.must(message)
		}
	}
}

// wished is [textual] for what is only a SHOULD.
func wished(fits func(string) bool, message string) rule {
	return func(v *validator, value any) {
		if s, ok := value.(string); !ok {
			v.must("a text is expected")
		} else if !fits(s) {
			v.should(message)
		}
	}
}

// moment is a timestamp; one of a day that the calendar lacks is none.
var moment = textual(func(s string) bool { _, ok := Moment(s); return ok },
	"a timestamp in UTC is expected: 2024-01-31T12:00:00Z, of a day that there is")

// preciseMoment is a timestamp with milliseconds, as versions have it.
func preciseMoment(v *validator, value any) {
	moment(v, value)
	if s, ok := value.(string); ok && momentShape(s) && len(fraction(s)) < 3 {
		v.must("the timestamp is precise to the millisecond: 2024-01-31T12:00:00.000Z")
	}
}

// secondMoment is a timestamp without a fraction.
func secondMoment(v *validator, value any) {
	moment(v, value)
	if s, ok := value.(string); ok && momentShape(s) && fraction(s) != "" {
		v.must("the timestamp has no fraction of a second")
	}
}

// integer is a whole number between two bounds.
func integer(least, most int64) rule {
	return func(v *validator, value any) {
		n, ok := value.(Number)
		if !ok {
			v.must("a whole number is expected")
			return
		}
		i, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			// 5.0 and 1e3 are whole as well.
			r, ok := new(big.Rat).SetString(string(limited(n)))
			if !ok || !r.IsInt() || !r.Num().IsInt64() {
				v.must("a whole number is expected")
				return
			}
			i = r.Num().Int64()
		}
		if i < least || i > most {
			v.must("the number is not between " + strconv.FormatInt(least, 10) + " and " + strconv.FormatInt(most, 10))
		}
	}
}

// limited keeps hostile exponents from being worked out.
func limited(n Number) Number {
	_, exponent, ok := strings.Cut(strings.ToLower(string(n)), "e")
	if e, err := strconv.Atoi(exponent); ok && (err != nil || e > 30 || e < -30) || len(n) > 100 {
		return "x"
	}
	return n
}

const (
	lowest  = -1 << 53
	highest = 1 << 53
)

var (
	whole   = integer(lowest, highest)
	natural = integer(0, highest)
)

// number is any number between two bounds.
func number(least, most float64) rule {
	return func(v *validator, value any) {
		n, ok := value.(Number)
		f, err := strconv.ParseFloat(string(n), 64)
		switch {
		case !ok || err != nil:
			v.must("a number is expected")
		case f < least || f > most:
			v.must("the number is not between " + strconv.FormatFloat(least, 'f', -1, 64) + " and " + strconv.FormatFloat(most, 'f', -1, 64))
		}
	}
}

// list is a list of some items, each under a rule.
func list(of rule) rule {
	return func(v *validator, value any) {
		l, ok := value.(List)
		switch {
		case !ok:
			v.must("a list is expected")
		case len(l) == 0:
			v.must("a list is not empty; one without items is left out")
		}
		for i, item := range l {
			v.item(i, func() {
				if item == nil {
					v.must("null is no value")
					return
				}
				of(v, item)
			})
		}
	}
}

var texts = list(text)

// oneOf is an enumeration: a value outside of it is refused.
func oneOf(values ...string) rule {
	return textual(func(s string) bool { return slices.Contains(values, s) }, "one of these is expected: "+strings.Join(values, ", "))
}

// openly is an open vocabulary: values outside of it are taken, but SHOULD be
// lower-case words with hyphens.
func openly(name string) rule {
	values := vocabularies[name]
	return wished(func(s string) bool { return slices.Contains(values, s) }, "the vocabulary "+name+" has no such term")
}

var termPattern = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)*$`)

// term is a text that SHOULD be lower-case words with hyphens.
var term = wished(termPattern.MatchString, "it is written in lower case, with hyphens between words")

var (
	binary = textual(isBase64, "base64 with its padding is expected")
	hexa   = textual(func(s string) bool { return s != "" && isHex(s) }, "pairs of hexadecimal digits are expected")
	link   = textual(isURL, "a URL with its scheme is expected: https://www.example.org/")
)

func isURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil {
		// Paths of the world hold per cent signs that escape nothing; the
		// scheme is what tells a URL from other text.
		scheme, rest, ok := strings.Cut(s, ":")
		return ok && rest != "" && schemePattern.MatchString(scheme) && strings.HasPrefix(rest, "//")
	}
	return u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != "")
}

var schemePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*$`)

// address is a bare e-mail address.
var address = textual(func(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s || err != nil && looselyAddress(s)
}, "a bare e-mail address is expected: name@example.org")

// looselyAddress takes what RFC 5322 does not, but mail systems do, such as
// names in other scripts.
func looselyAddress(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(s, "<>()[],;: \t\"") && !strings.Contains(host, "@")
}

// languageTag is a tag of RFC 5646; a tag that is well formed but names no
// language is warned of.
func languageTag(v *validator, value any) {
	s, ok := value.(string)
	if !ok {
		v.must("a text is expected")
		return
	}
	_, err := language.Parse(s)
	if err == nil {
		return
	}
	if _, unknown := err.(language.ValueError); unknown {
		v.should("no language has this tag (RFC 5646)")
		return
	}
	v.must("a language tag is expected (RFC 5646): en, pt-BR")
}

// charset is a registered name of an encoding.
var charset = textual(func(s string) bool {
	_, err := ianaindex.IANA.Encoding(s)
	return err == nil
}, "the registry of character sets has no such name")

// address4 and address6 take a block as well; digits are without leading zeros.
func address4(s string) bool {
	host, bits, block := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	return err == nil && a.Is4() && (!block || isPrefix(bits, 32))
}

func address6(s string) bool {
	host, bits, block := strings.Cut(s, "/")
	a, err := netip.ParseAddr(host)
	return err == nil && a.Is6() && (!block || isPrefix(bits, 128))
}

func isPrefix(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
}

// reference names another object; of one of the types, if there are any.
// Types with a "!" before them are those that it may not be of.
func reference(types ...string) rule {
	return func(v *validator, value any) {
		id, ok := value.(string)
		switch {
		case !ok:
			v.must("an identifier is expected")
		case !isID(id):
			v.must("an identifier is expected: a type, two hyphens and a UUID")
		default:
			v.target(id, types)
		}
	}
}

// target holds the type that an identifier names to what may stand here.
func (v *validator) target(id string, types []string) {
	typ := TypeOfID(id)
	allowed := len(types) == 0 || types[0][0] == '!'
	for _, t := range types {
		switch {
		case t == typ:
			return
		case t == "!"+typ:
			allowed = false
		case t == "SCO" && (v.types[typ] == nil || v.types[typ].class == cyber):
			return
		}
	}
	switch {
	case allowed:
	case v.types[typ] == nil:
		v.should("the reference is to an object of a type that the specification does not know")
	default:
		v.must("the reference is to an object of another type than may stand here")
	}
}

// observableReference names another cyber-observable. What is no UUID after
// the type leads nowhere, which is warned of: the world writes shortened ones,
// and the numbers of objects in observed-data of STIX 2.0.
func observableReference(types ...string) rule {
	return func(v *validator, value any) {
		id, ok := value.(string)
		switch {
		case !ok:
			v.must("an identifier is expected")
		case isID(id):
			v.target(id, types)
		case TypeOfID(id) != "":
			v.should("the reference leads nowhere: what follows the type is no UUID")
		default:
			v.must("an identifier is expected: a type, two hyphens and a UUID")
		}
	}
}

// fields is an object of named parts.
type fields struct {
	properties map[string]rule
	required   []string
	some       []string // one of them at least
	open       bool     // other names are no cause for a warning
	more       func(v *validator, o Object)
}

func object(f fields) rule {
	return func(v *validator, value any) {
		o, ok := value.(Object)
		if !ok {
			v.must("an object is expected")
			return
		}
		if len(o) == 0 {
			v.must("an object is not empty; one without properties is left out")
		}
		for _, m := range o {
			v.at(m.Name, func() {
				check, known := f.properties[m.Name]
				switch {
				case m.Value == nil:
					v.must("null is no value")
				case known:
					check(v, m.Value)
				default:
					if !isPropertyName(m.Name) && !f.open {
						v.must("a property has a name of 3 to 250 lower-case letters, digits and underscores, a letter first")
					} else if !f.open {
						v.should("the specification has no such property here")
					}
					anything(v, m.Value)
				}
			})
		}
		for _, name := range f.required {
			if !o.Has(name) {
				v.mustAt(name, "the property is required")
			}
		}
		if len(f.some) > 0 && !slices.ContainsFunc(f.some, o.Has) {
			v.must("one of these is needed: " + strings.Join(f.some, ", "))
		}
		if f.more != nil {
			f.more(v, o)
		}
	}
}

// hashes is a dictionary of hashes by their algorithm.
func hashes(v *validator, value any) {
	o, ok := value.(Object)
	switch {
	case !ok:
		v.must("an object is expected")
	case len(o) == 0:
		v.must("a dictionary is not empty; one without entries is left out")
	}
	for _, m := range o {
		v.at(m.Name, func() {
			switch s, ok := m.Value.(string); {
			case len(m.Name) < 3 || !keyPattern.MatchString(m.Name):
				v.must("the name of an algorithm has 3 to 250 letters, digits, underscores and hyphens")
			case !ok:
				v.must("a text is expected")
			case !hashFits(m.Name, s):
				v.must("the value is no " + clip(m.Name))
			case !slices.Contains(vocabularies["hash-algorithm-ov"], m.Name):
				v.should("the vocabulary hash-algorithm-ov has no such term")
			}
		})
	}
}
