package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/fault"
)

// pins is the file by which stewards are handed to a hub's operator; its one
// section is written as in a hub's configuration.
type pins struct {
	Stewards []StewardPin `yaml:"stewards"`
}

// FormatPins writes pins as [ParsePins] reads them.
func FormatPins(all []StewardPin) string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(pins{all}); err != nil {
		return "" // texts and numbers can always be written
	}
	return strings.TrimSpace(b.String())
}

// ParsePins reads the pins of stewards, strictly.
func ParsePins(data []byte) ([]StewardPin, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var p pins
	if err := dec.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.Usage, "pin.malformed", "%s; the file is what `concord steward show` prints", yamlProblem(err))
	}
	if len(p.Stewards) == 0 {
		return nil, fault.New(fault.Usage, "pin.empty", "no steward is in the file; it is what `concord steward show` prints")
	}
	for i, s := range p.Stewards {
		if err := s.check(fmt.Sprintf("stewards[%d]", i)); err != nil {
			return nil, err
		}
	}
	return p.Stewards, nil
}

// Pin adds stewards to the hub's configuration and saves it. One of a name that
// is pinned already takes its place only if it has the same key: another key is
// another epoch, and would make other tokens of the same values.
func (c *Config) Pin(stewards []StewardPin) error {
	if c.Hub == nil {
		return fault.New(fault.Usage, "config.no_hub", "the configuration has no section hub; `concord hub init` writes one")
	}
	for _, s := range stewards {
		known := false
		for i, old := range c.Hub.Stewards {
			switch {
			case old.Name != s.Name:
				continue
			case old.LinkKey != s.LinkKey:
				return fault.New(fault.Conflict, "pin.other_key", "the steward %s is pinned with another key, under which tokens exist already; nothing was changed", s.Name)
			}
			c.Hub.Stewards[i], known = s, true
		}
		if !known {
			c.Hub.Stewards = append(c.Hub.Stewards, s)
		}
	}
	return c.Save()
}

// Roles lists the roles that the configuration has a section for.
func (c *Config) Roles() (roles []string) {
	if c.Hub != nil {
		roles = append(roles, "hub")
	}
	if c.Steward != nil {
		roles = append(roles, "steward")
	}
	if c.Member != nil {
		roles = append(roles, "member")
	}
	return roles
}
