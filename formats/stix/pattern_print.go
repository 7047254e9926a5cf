package stix

import "strings"

// String writes the pattern so that it reads back as the same pattern.
func (p *Pattern) String() string {
	var b strings.Builder
	p.Root.write(&b)
	return b.String()
}

func (o *Observation) write(b *strings.Builder) {
	if o.Grouped {
		b.WriteByte('(')
	}
	switch {
	case o.Test != nil:
		b.WriteByte('[')
		o.Test.write(b, false)
		b.WriteByte(']')
	default:
		for i, operand := range o.Operands {
			if i > 0 {
				b.WriteString(" " + o.Operator + " ")
			}
			operand.write(b)
		}
	}
	if o.Grouped {
		b.WriteByte(')')
	}
	for _, q := range o.Qualifiers {
		switch q.Kind {
		case "WITHIN":
			b.WriteString(" WITHIN " + q.Amount + " SECONDS")
		case "REPEATS":
			b.WriteString(" REPEATS " + q.Amount + " TIMES")
		case "START":
			b.WriteString(" START t'" + q.Start + "' STOP t'" + q.Stop + "'")
		}
	}
}

// write writes a comparison; inside says that it is an operand of another.
func (c *Comparison) write(b *strings.Builder, inside bool) {
	if len(c.Operands) > 0 {
		if inside {
			b.WriteByte('(')
		}
		for i, operand := range c.Operands {
			if i > 0 {
				b.WriteString(" " + c.Operator + " ")
			}
			operand.write(b, true)
		}
		if inside {
			b.WriteByte(')')
		}
		return
	}
	if c.Operator == "EXISTS" {
		if c.Negated {
			b.WriteString("NOT ")
		}
		b.WriteString("EXISTS " + c.Path.String())
		return
	}
	b.WriteString(c.Path.String())
	if c.Negated {
		b.WriteString(" NOT")
	}
	b.WriteString(" " + c.Operator + " ")
	if c.Operator != "IN" {
		b.WriteString(c.Values[0].String())
		return
	}
	b.WriteByte('(')
	for i, v := range c.Values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(v.String())
	}
	b.WriteByte(')')
}

// String writes the path as a pattern has it.
func (p ObjectPath) String() string {
	var b strings.Builder
	b.WriteString(p.Type + ":")
	for i, s := range p.Steps {
		switch {
		case s.Index != "":
			b.WriteString("[" + s.Index + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		if isBareName(s.Name) {
			b.WriteString(s.Name)
		} else {
			b.WriteString(Quote(s.Name))
		}
	}
	return b.String()
}

// isBareName says whether a name needs no quotes in a path.
func isBareName(s string) bool {
	if s == "" || !isLetter(s[0]) || keywords[s] {
		return false
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// String writes the constant as a pattern has it.
func (l Literal) String() string {
	switch l.Kind {
	case "string":
		return Quote(l.Text)
	case "hex":
		return "h'" + l.Text + "'"
	case "binary":
		return "b'" + l.Text + "'"
	case "timestamp":
		return "t'" + l.Text + "'"
	}
	return l.Text
}

var escapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// Quote writes a text as a constant of a pattern.
func Quote(text string) string { return "'" + escapes.Replace(text) + "'" }
