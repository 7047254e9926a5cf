package misp

import (
	"strconv"
	"strings"
)

// list reads a list, or the one thing that stands in its place. A text in it
// goes to bare, if that is given.
func (p *Parser) list(bare func(string), name string, item func() error) error {
	one := func() error {
		if bare == nil || p.dec.PeekKind() != '"' {
			return item()
		}
		tok, err := p.dec.ReadToken()
		if err == nil {
			bare(tok.String())
		}
		return err
	}
	switch p.dec.PeekKind() {
	case '[':
	case 'n':
		return p.dec.SkipValue()
	case '{', '"':
		if raw := p.dec.PeekKind(); raw == '"' && bare == nil {
			return p.stray(name)
		}
		p.event.Applied = append(p.event.Applied, RuleList)
		return one()
	default:
		return p.stray(name)
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return err
	}
	for p.dec.PeekKind() != ']' {
		if err := one(); err != nil {
			return err
		}
	}
	_, err := p.dec.ReadToken() // the closing bracket
	return err
}

// stray passes over a value that is no list; an empty text is none at all.
func (p *Parser) stray(name string) error {
	raw, err := p.dec.ReadValue()
	if err == nil && says(raw) {
		p.flaw(name, "a list is expected")
	}
	return err
}

// texts reads a list of texts.
func (p *Parser) texts(into *[]string) error {
	one := func() error {
		var s string
		err := p.text(&s, "")
		if s != "" {
			*into = append(*into, s)
		}
		return err
	}
	if p.dec.PeekKind() != '[' {
		return one()
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return err
	}
	for p.dec.PeekKind() != ']' {
		if err := one(); err != nil {
			return err
		}
	}
	_, err := p.dec.ReadToken()
	return err
}

// text reads a text, or what was written in its place; "" for null.
func (p *Parser) text(into *string, name string) error {
	switch kind := p.dec.PeekKind(); kind {
	case '"', '0', 't', 'f':
		tok, err := p.dec.ReadToken()
		if err != nil {
			return err
		}
		*into = tok.String()
		if kind != '"' {
			p.event.Applied = append(p.event.Applied, RuleText)
		}
		return nil
	case 'n':
	default:
		p.flaw(name, "a text is expected")
	}
	return p.dec.SkipValue()
}

// boolean reads a truth value, or what was written in its place.
func (p *Parser) boolean(into *bool, name string) error {
	kind := p.dec.PeekKind()
	if kind == '{' || kind == '[' {
		p.flaw(name, "true or false is expected")
		return p.dec.SkipValue()
	}
	tok, err := p.dec.ReadToken()
	if err != nil || kind == 'n' {
		return err
	}
	if kind == 't' || kind == 'f' {
		*into = kind == 't'
		return nil
	}
	v, err := strconv.ParseBool(strings.ToLower(tok.String()))
	if err != nil {
		if tok.String() != "" {
			p.flaw(name, "true or false is expected")
		}
		return nil
	}
	*into = v
	p.event.Applied = append(p.event.Applied, RuleBoolean)
	return nil
}
