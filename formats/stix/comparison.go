package stix

import "strings"

// comparisons reads what the operators connect, the weakest first.
func (p *patternParser) comparisons(operators ...string) (*Comparison, error) {
	if len(operators) == 0 {
		return p.comparison()
	}
	at := p.now.at
	first, err := p.comparisons(operators[1:]...)
	if err != nil {
		return nil, err
	}
	if !p.is(tokenKeyword, operators[0]) {
		return first, nil
	}
	all := []*Comparison{first}
	for p.is(tokenKeyword, operators[0]) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		next, err := p.comparisons(operators[1:]...)
		if err != nil {
			return nil, err
		}
		all = append(all, next)
	}
	return &Comparison{Operator: operators[0], Operands: all, at: at}, nil
}

// comparison reads one test, or several in parentheses.
func (p *patternParser) comparison() (*Comparison, error) {
	if p.is(tokenSymbol, "(") {
		if err := p.deeper(); err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.comparisons("OR", "AND")
		if err != nil {
			return nil, err
		}
		p.depth--
		return inner, p.take(tokenSymbol, ")")
	}
	c := &Comparison{at: p.now.at}
	if p.is(tokenKeyword, "NOT") || p.is(tokenKeyword, "EXISTS") {
		return c, p.exists(c)
	}
	if err := p.objectPath(&c.Path); err != nil {
		return nil, err
	}
	if p.is(tokenKeyword, "NOT") {
		c.Negated = true
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return c, p.operator(c)
}

// exists reads EXISTS and its path, perhaps after NOT.
func (p *patternParser) exists(c *Comparison) error {
	if p.is(tokenKeyword, "NOT") {
		c.Negated = true
		if err := p.advance(); err != nil {
			return err
		}
	}
	c.Operator = "EXISTS"
	if err := p.take(tokenKeyword, "EXISTS"); err != nil {
		return err
	}
	return p.objectPath(&c.Path)
}

// operator reads how a path is compared, and with what.
func (p *patternParser) operator(c *Comparison) error {
	c.Operator = p.now.text
	if p.now.kind == tokenKeyword {
		switch c.Operator {
		case "IN":
			if err := p.advance(); err != nil {
				return err
			}
			return p.set(c)
		case "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET":
			if err := p.advance(); err != nil {
				return err
			}
			if p.now.kind != tokenString {
				return p.expected("a text in single quotes")
			}
			return p.literal(c)
		}
	}
	if p.now.kind != tokenSymbol {
		return p.expected("an operator (=, !=, <, >, IN, LIKE, MATCHES, …)")
	}
	switch c.Operator {
	case "==":
		c.Operator = "="
	case "<>":
		c.Operator = "!="
	case "=", "!=", "<", "<=", ">", ">=":
	default:
		return p.expected("an operator (=, !=, <, >, IN, LIKE, MATCHES, …)")
	}
	if err := p.advance(); err != nil {
		return err
	}
	if p.now.kind == tokenKeyword && c.Operator != "=" && c.Operator != "!=" {
		return p.expected("a constant that has an order")
	}
	return p.literal(c)
}

// set reads the constants of IN.
func (p *patternParser) set(c *Comparison) error {
	if err := p.take(tokenSymbol, "("); err != nil {
		return err
	}
	if p.is(tokenSymbol, ")") {
		return p.advance()
	}
	for {
		if err := p.literal(c); err != nil {
			return err
		}
		if !p.is(tokenSymbol, ",") {
			return p.take(tokenSymbol, ")")
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
}

var literalKinds = map[tokenKind]string{
	tokenInteger: "integer", tokenInteger | tokenNegative: "integer",
	tokenFloat: "float", tokenFloat | tokenNegative: "float",
	tokenString: "string", tokenHex: "hex", tokenBinary: "binary", tokenMoment: "timestamp",
}

// literal reads a constant into the comparison.
func (p *patternParser) literal(c *Comparison) error {
	kind, ok := literalKinds[p.now.kind]
	if p.is(tokenKeyword, "true") || p.is(tokenKeyword, "false") {
		kind, ok = "boolean", true
	}
	if !ok {
		return p.expected("a constant")
	}
	c.Values = append(c.Values, Literal{kind, p.now.text})
	return p.advance()
}

// objectPath reads type:step.step[index] …
func (p *patternParser) objectPath(path *ObjectPath) error {
	if p.now.kind != tokenName {
		return p.expected("an object path, as file:hashes.MD5,")
	}
	path.Type = p.now.text
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.take(tokenSymbol, ":"); err != nil {
		return err
	}
	if err := p.nameStep(path); err != nil {
		return err
	}
	for {
		switch {
		case p.is(tokenSymbol, "."):
			if err := p.advance(); err != nil {
				return err
			}
			if err := p.nameStep(path); err != nil {
				return err
			}
		case p.is(tokenSymbol, "["):
			if err := p.indexStep(path); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (p *patternParser) nameStep(path *ObjectPath) error {
	switch {
	case p.now.kind == tokenString:
	case p.now.kind != tokenName:
		return p.expected("the name of a property")
	case strings.Contains(p.now.text, "-"):
		return p.lex.fault(p.now.at, "a name with a hyphen stands in single quotes: '%s'", clip(p.now.text))
	}
	path.Steps = append(path.Steps, Step{Name: p.now.text})
	return p.advance()
}

func (p *patternParser) indexStep(path *ObjectPath) error {
	if err := p.advance(); err != nil {
		return err
	}
	if p.now.kind&^tokenNegative != tokenInteger && !p.is(tokenSymbol, "*") {
		return p.expected("an index or *")
	}
	path.Steps = append(path.Steps, Step{Index: p.now.text})
	if err := p.advance(); err != nil {
		return err
	}
	return p.take(tokenSymbol, "]")
}

// clip cuts a name of a stranger's making to a length that no narrative fits
// in.
func clip(s string) string {
	const limit = 60
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
