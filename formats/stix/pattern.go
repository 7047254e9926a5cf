package stix

import (
	"github.com/concord-trust/concord/fault"
)

// Pattern is a pattern of the STIX patterning language (STIX 2.1, section 9).
type Pattern struct {
	Root *Observation
}

// Observation is a bracketed test, or several observations under one
// operator.
type Observation struct {
	// Operator is "AND", "OR" or "FOLLOWEDBY" over Operands; empty for a test.
	Operator string
	Operands []*Observation
	Test     *Comparison
	// Grouped: it stood in parentheses.
	Grouped    bool
	Qualifiers []Qualifier
}

// Qualifier is WITHIN (Amount in seconds), REPEATS (Amount in times) or START
// (from Start to Stop).
type Qualifier struct {
	Kind        string
	Amount      string
	Start, Stop string
}

// Comparison is a test of one property, or several under one operator.
type Comparison struct {
	// Operator is "AND" or "OR" over Operands, or how Path is compared:
	// "=", "!=", "<", "<=", ">", ">=", "IN", "LIKE", "MATCHES", "ISSUBSET",
	// "ISSUPERSET", "EXISTS".
	Operator string
	Operands []*Comparison
	Path     ObjectPath
	Negated  bool
	// Values are what it is compared with: one, or any number for IN.
	Values []Literal
	at     int
}

// ObjectPath names a property of an observable: type and steps.
type ObjectPath struct {
	Type  string
	Steps []Step
}

// Step is a name, or an index in brackets ("*" or a number).
type Step struct {
	Name  string
	Index string
}

// Literal is a constant. Kind is "string", "integer", "float", "boolean",
// "hex", "binary" or "timestamp"; Text is its value without quotes.
type Literal struct {
	Kind, Text string
}

// Limits of a pattern.
const (
	maxNesting = 64
	// maxPattern bounds a pattern, in bytes.
	maxPattern = 1 << 20
)

// ParsePattern reads a pattern by the whole grammar. Errors are
// fault.Invalid or fault.TooLarge and name line and column, both from 1. What
// the language demands beyond its grammar is for [Pattern.Check].
func ParsePattern(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, fault.New(fault.TooLarge, "stix.pattern", "a pattern has at most %d bytes", maxPattern)
	}
	p := &patternParser{lex: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.observations(0)
	if err != nil {
		return nil, err
	}
	if p.now.kind != tokenEnd {
		return nil, p.expected("the end of the pattern")
	}
	return &Pattern{root}, nil
}

// patternParser is a recursive descent over one token of foresight.
type patternParser struct {
	lex   lexer
	now   token
	depth int
}

func (p *patternParser) advance() (err error) {
	p.now, err = p.lex.next()
	return err
}

func (p *patternParser) is(kind tokenKind, text string) bool {
	return p.now.kind == kind && p.now.text == text
}

// expected says what stands in place of what should; constants and names may
// be somebody's values, so that only their kind is told.
func (p *patternParser) expected(what string) error {
	found := "a constant stands"
	switch p.now.kind {
	case tokenEnd:
		found = "the pattern ends"
	case tokenName:
		found = "a name stands"
	case tokenKeyword, tokenSymbol:
		found = `"` + p.now.text + `" stands`
	}
	return p.lex.fault(p.now.at, "%s where %s is expected", found, what)
}

// take consumes a keyword or symbol, which must come now.
func (p *patternParser) take(kind tokenKind, text string) error {
	if !p.is(kind, text) {
		return p.expected(text)
	}
	return p.advance()
}

// deeper guards the recursion against hostile nesting.
func (p *patternParser) deeper() error {
	if p.depth++; p.depth > maxNesting {
		return fault.New(fault.TooLarge, "stix.pattern", "the pattern is nested deeper than %d levels", maxNesting)
	}
	return nil
}

// observationOperators from the weakest to the strongest.
var observationOperators = []string{"FOLLOWEDBY", "OR", "AND"}

// observations reads what operators of a strength or more connect.
func (p *patternParser) observations(strength int) (*Observation, error) {
	if strength == len(observationOperators) {
		return p.observation()
	}
	first, err := p.observations(strength + 1)
	if err != nil {
		return nil, err
	}
	operator := observationOperators[strength]
	if !p.is(tokenKeyword, operator) {
		return first, nil
	}
	all := []*Observation{first}
	for p.is(tokenKeyword, operator) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		next, err := p.observations(strength + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, next)
	}
	return &Observation{Operator: operator, Operands: all}, nil
}

// observation reads a bracketed test or a group, with its qualifiers.
func (p *patternParser) observation() (*Observation, error) {
	var o *Observation
	switch {
	case p.is(tokenSymbol, "["):
		if err := p.advance(); err != nil {
			return nil, err
		}
		test, err := p.comparisons("OR", "AND")
		if err != nil {
			return nil, err
		}
		if err := p.take(tokenSymbol, "]"); err != nil {
			return nil, err
		}
		o = &Observation{Test: test}
	case p.is(tokenSymbol, "("):
		if err := p.deeper(); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.observations(0)
		if err != nil {
			return nil, err
		}
		if err := p.take(tokenSymbol, ")"); err != nil {
			return nil, err
		}
		p.depth--
		o = group(inner)
	default:
		return nil, p.expected(`a test in brackets, as [domain-name:value = 'c2.example'],`)
	}
	for p.now.kind == tokenKeyword {
		q, more, err := p.qualifier()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		o.Qualifiers = append(o.Qualifiers, q)
	}
	return o, nil
}

// group marks what stood in parentheses; parentheses around what is a group
// already, with qualifiers of its own, make another one around it.
func group(o *Observation) *Observation {
	if o.Grouped || len(o.Qualifiers) > 0 {
		return &Observation{Operands: []*Observation{o}, Grouped: true}
	}
	o.Grouped = true
	return o
}

func (p *patternParser) qualifier() (q Qualifier, more bool, err error) {
	q.Kind = p.now.text
	switch q.Kind {
	case "WITHIN":
		q.Amount, err = p.amount("a number of seconds", "SECONDS", tokenInteger, tokenFloat)
	case "REPEATS":
		q.Amount, err = p.amount("a whole number of times", "TIMES", tokenInteger)
	case "START":
		if err = p.advance(); err == nil {
			q.Start, err = p.moment()
		}
		if err == nil {
			err = p.take(tokenKeyword, "STOP")
		}
		if err == nil {
			q.Stop, err = p.moment()
		}
	default:
		return q, false, nil
	}
	return q, true, err
}

func (p *patternParser) amount(what, unit string, kinds ...tokenKind) (string, error) {
	if err := p.advance(); err != nil {
		return "", err
	}
	for _, kind := range kinds {
		if p.now.kind == kind {
			text := p.now.text
			if err := p.advance(); err != nil {
				return "", err
			}
			return text, p.take(tokenKeyword, unit)
		}
	}
	return "", p.expected(what)
}

func (p *patternParser) moment() (string, error) {
	if p.now.kind != tokenMoment {
		return "", p.expected("a timestamp, as t'2024-01-31T12:00:00Z',")
	}
	text := p.now.text
	return text, p.advance()
}
