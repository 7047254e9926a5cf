package stix

import (
	"net/netip"
	"strconv"
	"strings"
)

// Check lists what the language demands of a pattern beyond its grammar, with
// "line, column" in the message where there is one.
func (p *Pattern) Check() []Finding {
	var c patternCheck
	c.observation(p.Root)
	return c.found
}

type patternCheck struct{ found []Finding }

func (c *patternCheck) must(message string) {
	if len(c.found) < maxFindings {
		c.found = append(c.found, Finding{Message: message})
	}
}

func (c *patternCheck) should(message string) {
	if len(c.found) < maxFindings {
		c.found = append(c.found, Finding{Message: message, Warning: true})
	}
}

func (c *patternCheck) observation(o *Observation) {
	seen := map[string]bool{}
	for _, q := range o.Qualifiers {
		if seen[q.Kind] {
			// The specification allows one of a kind; readers in use take
			// several after parentheses.
			if o.Grouped {
				c.should("the qualifier " + q.Kind + " stands twice after one observation")
			} else {
				c.must("the qualifier " + q.Kind + " stands twice after one observation")
			}
		}
		seen[q.Kind] = true
		c.qualifier(q)
	}
	for _, operand := range o.Operands {
		c.observation(operand)
	}
	if o.Test != nil {
		c.comparison(o.Test)
	}
}

func (c *patternCheck) qualifier(q Qualifier) {
	if q.Kind == "START" {
		for _, moment := range []string{q.Start, q.Stop} {
			if _, ok := Moment(moment); !ok {
				c.should("the calendar has no such day: t'" + clip(moment) + "'")
			}
		}
		if !before(q.Start, q.Stop) {
			c.should("START is not before STOP")
		}
		return
	}
	if n, err := strconv.ParseFloat(q.Amount, 64); err != nil || n <= 0 {
		c.must(q.Kind + " wants a number greater than zero")
	}
}

// comparison checks a test and returns the types of observables that it
// speaks of.
func (c *patternCheck) comparison(t *Comparison) map[string]bool {
	if len(t.Operands) == 0 {
		c.test(t)
		return map[string]bool{t.Path.Type: true}
	}
	types := map[string]bool{}
	var common map[string]bool
	for i, operand := range t.Operands {
		its := c.comparison(operand)
		if i == 0 {
			common = map[string]bool{}
			for typ := range its {
				common[typ] = true
			}
		}
		for typ := range common {
			if !its[typ] {
				delete(common, typ)
			}
		}
		for typ := range its {
			types[typ] = true
		}
	}
	if t.Operator == "AND" {
		if len(common) == 0 {
			c.must("AND in one pair of brackets connects tests of one and the same object; different ones stand in brackets of their own")
		}
		return common
	}
	return types
}

func (c *patternCheck) test(t *Comparison) {
	for _, v := range t.Values {
		if v.Kind == "timestamp" {
			if _, ok := Moment(v.Text); !ok {
				c.should("the calendar has no such day: t'" + clip(v.Text) + "'")
			}
		}
	}
	switch t.Operator {
	case "=", "!=", "IN":
		for _, v := range t.Values {
			if algorithm := t.Path.hash(); algorithm != "" && !hashFits(algorithm, v.Text) {
				c.must("the constant is no " + clip(algorithm))
			}
		}
	case "ISSUBSET", "ISSUPERSET":
		if !isNetwork(t.Values[0].Text) {
			c.should(t.Operator + " wants an address or a block of addresses, as '198.51.100.0/24'")
		}
	}
	if t.Operator == "IN" {
		kinds := map[string]bool{}
		for _, v := range t.Values {
			kinds[v.Kind] = true
		}
		if len(kinds) > 1 && !(len(kinds) == 2 && kinds["integer"] && kinds["float"]) {
			c.must("the constants of IN are all of one kind")
		}
	}
}

// hash returns the algorithm that a path ends in: "MD5" of
// file:hashes.MD5.
func (p ObjectPath) hash() string {
	n := len(p.Steps)
	if n < 2 || !strings.HasSuffix(p.Steps[n-2].Name, "hashes") {
		return ""
	}
	return p.Steps[n-1].Name
}

func isNetwork(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(s)
	return err == nil
}

// Paths lists the object paths of a pattern, in its order.
func (p *Pattern) Paths() []ObjectPath {
	var out []ObjectPath
	p.each(func(t *Comparison) { out = append(out, t.Path) })
	return out
}

// each calls f with every test.
func (p *Pattern) each(f func(*Comparison)) { p.Root.each(f) }

func (o *Observation) each(f func(*Comparison)) {
	if o.Test != nil {
		o.Test.each(f)
	}
	for _, operand := range o.Operands {
		operand.each(f)
	}
}

func (c *Comparison) each(f func(*Comparison)) {
	if len(c.Operands) == 0 {
		f(c)
	}
	for _, operand := range c.Operands {
		operand.each(f)
	}
}

// checkNames holds the types and properties that a pattern names to the
// lengths of names (STIX 2.1, section 3.1).
func (p *Pattern) checkNames(types map[string]*objectType) []Finding {
	var c patternCheck
	for _, path := range p.Paths() {
		if !isTypeName(path.Type) {
			c.must("a type has a name of 3 to 250 letters, digits and hyphens: " + clip(path.Type))
		}
		if first := path.Steps[0].Name; first != "id" && (len(first) < 3 || len(first) > 250) {
			c.must("a property has a name of 3 to 250 letters: " + clip(first))
		}
		if types[path.Type] == nil {
			c.should("the specification has no observable of the type " + clip(path.Type))
		}
	}
	return c.found
}
