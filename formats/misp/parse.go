package misp

import (
	"bytes"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/wire"
)

// Parser parses events; it remembers the names it has seen, so that equal
// paths share their memory. It is not safe for concurrent use.
type Parser struct {
	dec    jsontext.Decoder
	buf    bytes.Buffer
	names  map[*place]map[string]*place
	known  int
	event  *Event
	counts map[string]int // place in event.Rest by path
}

// place is a name that was seen below another.
type place struct{ name, path string }

// maxNames bounds what a parser remembers of strangers' names.
const maxNames = 20000

// NewParser returns an empty parser.
func NewParser() *Parser {
	return &Parser{names: map[*place]map[string]*place{}, counts: map[string]int{}}
}

// The places at which objects stand, as paths have them.
var (
	atRecord    = &place{"", ""}
	atEvent     = &place{"Event", "Event"}
	atAttribute = &place{"Attribute", "Attribute"}
	atObject    = &place{"Object", "Object"}
	atTag       = &place{"Tag", "Tag"}
	atGalaxy    = &place{"Galaxy", "Galaxy"}
	atCluster   = &place{"GalaxyCluster", "GalaxyCluster"}
	atMeta      = &place{"meta", "GalaxyCluster.meta"}
	atReport    = &place{"EventReport", "EventReport"}
	atSighting  = &place{"Sighting", "Sighting"}
)

// notMISP is said of a record in which nothing of an event stands.
var notMISP = fault.New(fault.Invalid, "misp.no_event", "this is no event of MISP: there is no Event, and neither info, Attribute, Object nor Tag stands here")

// Parse reads one record: an event, with or without its envelope, or a
// response with any number of them. Errors are fault.Invalid or fault.TooLarge
// with the place as a JSON pointer: no JSON, a name twice, not UTF-8, nested
// too deep, something after the end, or no event.
func (p *Parser) Parse(data []byte) ([]Event, error) {
	if p.known > maxNames {
		clear(p.names)
		p.known = 0
	}
	p.buf.Reset()
	p.buf.Write(data)
	p.dec.Reset(&p.buf)
	events, err := p.record()
	if err == nil {
		if _, err = p.dec.ReadToken(); err == io.EOF {
			if len(events) == 0 {
				return nil, notMISP
			}
			return events, nil
		}
	}
	// Say it as every other room says it.
	if refused := wire.Check(data); refused != nil {
		return nil, refused
	}
	return nil, fault.New(fault.Invalid, "json.malformed", "the event cannot be read as JSON").Because(err)
}

// record reads an object that is an event or holds some.
func (p *Parser) record() ([]Event, error) {
	var events []Event
	var bare Event
	p.begin(&bare)
	is := false
	err := p.each(atRecord, func(name string) (bool, error) {
		switch name {
		case "Event":
			e, err := p.enveloped()
			if e != nil {
				events = append(events, *e)
			}
			p.begin(&bare)
			return true, err
		case "response":
			more, err := p.response()
			events = append(events, more...)
			p.begin(&bare)
			return true, err
		}
		taken, err := p.member(name)
		is = is || taken && isEvents(name)
		return taken, err
	})
	if is && len(events) > 0 {
		events[0].Flaws = append(events[0].Flaws, Flaw{"Event", "more of an event stands beside the Event itself, and is left out"})
	}
	if is && len(events) == 0 {
		bare.Applied = append(bare.Applied, RuleEnvelope)
		for i := range bare.Rest {
			if !strings.Contains(bare.Rest[i].Path, ".") {
				bare.Rest[i].Path = "Event." + bare.Rest[i].Path
			}
		}
		events = append(events, bare)
	}
	return events, err
}

// isEvents tells the members that nothing but an event has.
func isEvents(name string) bool {
	return name == "info" || name == "Attribute" || name == "Object" || name == "Tag" || name == "threat_level_id"
}

// response reads the value of "response" where it is no long list: one event,
// several, or the attributes that a search found.
func (p *Parser) response() ([]Event, error) {
	var events []Event
	err := p.list(nil, "response", func() error {
		more, err := p.record()
		events = append(events, more...)
		return err
	})
	return events, err
}

// enveloped reads the value of "Event".
func (p *Parser) enveloped() (*Event, error) {
	if p.dec.PeekKind() != '{' {
		return nil, p.dec.SkipValue()
	}
	e := &Event{}
	p.begin(e)
	return e, p.each(atEvent, p.member)
}

// begin makes an event the one to which counts, flaws and rules belong.
func (p *Parser) begin(e *Event) {
	p.event = e
	clear(p.counts)
	for i, c := range e.Rest {
		p.counts[c.Path] = i
	}
}

// member reads one member of an event.
func (p *Parser) member(name string) (bool, error) {
	e := p.event
	switch name {
	case "uuid":
		return true, p.text(&e.UUID, name)
	case "id":
		return true, p.text(&e.ID, name)
	case "info":
		return true, p.text(&e.Info, name)
	case "date":
		return true, p.text(&e.Date, name)
	case "timestamp":
		return true, p.text(&e.Timestamp, name)
	case "threat_level_id":
		return true, p.text(&e.ThreatLevel, name)
	case "analysis":
		return true, p.text(&e.Analysis, name)
	case "distribution":
		return true, p.text(&e.Distribution, name)
	case "published":
		return true, p.boolean(&e.Published, name)
	case "Attribute":
		return true, p.attributes(&e.Attributes)
	case "Object":
		return true, p.list(nil, name, func() error { return p.object(e) })
	case "Tag":
		return true, p.tags(&e.Tags)
	case "Galaxy":
		return true, p.galaxies(&e.Clusters)
	case "EventReport":
		return true, p.list(nil, name, func() error { return p.report(e) })
	}
	return false, nil
}

func (p *Parser) attributes(into *[]Attribute) error {
	return p.list(nil, "Attribute", func() error {
		var a Attribute
		err := p.each(atAttribute, func(name string) (bool, error) { return p.attribute(&a, name) })
		*into = append(*into, a)
		return err
	})
}

// attribute reads one member of an attribute.
func (p *Parser) attribute(a *Attribute, name string) (bool, error) {
	switch name {
	case "uuid":
		return true, p.text(&a.UUID, name)
	case "type":
		return true, p.text(&a.Type, name)
	case "category":
		return true, p.text(&a.Category, name)
	case "value":
		return true, p.text(&a.Value, name)
	case "comment":
		return true, p.text(&a.Comment, name)
	case "object_relation":
		return true, p.text(&a.Relation, name)
	case "to_ids":
		return true, p.boolean(&a.ToIDs, name)
	case "deleted":
		return true, p.boolean(&a.Deleted, name)
	case "first_seen":
		return true, p.text(&a.FirstSeen, name)
	case "last_seen":
		return true, p.text(&a.LastSeen, name)
	case "timestamp":
		return true, p.text(&a.Timestamp, name)
	case "distribution":
		return true, p.text(&a.Distribution, name)
	case "data":
		raw, err := p.dec.ReadValue()
		a.File = says(raw)
		return true, err
	case "Tag":
		return true, p.tags(&a.Tags)
	case "Galaxy":
		return true, p.galaxies(&a.Clusters)
	case "Sighting":
		return true, p.list(nil, name, func() error { return p.sighting(a) })
	}
	return false, nil
}

// sighting counts a sighting that says no more than that the value was seen.
func (p *Parser) sighting(a *Attribute) error {
	kind := ""
	err := p.each(atSighting, func(name string) (bool, error) {
		if name == "type" {
			return true, p.text(&kind, "")
		}
		return false, nil
	})
	if kind == "" || kind == "0" || kind == "3" {
		a.Sightings++
	} else {
		p.count("Sighting.type")
	}
	return err
}

func (p *Parser) object(e *Event) error {
	var o Object
	err := p.each(atObject, func(name string) (bool, error) {
		switch name {
		case "uuid":
			return true, p.text(&o.UUID, name)
		case "name":
			return true, p.text(&o.Name, name)
		case "meta-category":
			return true, p.text(&o.MetaCategory, name)
		case "description":
			return true, p.text(&o.Description, name)
		case "template_uuid":
			return true, p.text(&o.TemplateUUID, name)
		case "template_version":
			return true, p.text(&o.TemplateVersion, name)
		case "comment":
			return true, p.text(&o.Comment, name)
		case "deleted":
			return true, p.boolean(&o.Deleted, name)
		case "first_seen":
			return true, p.text(&o.FirstSeen, name)
		case "last_seen":
			return true, p.text(&o.LastSeen, name)
		case "timestamp":
			return true, p.text(&o.Timestamp, name)
		case "distribution":
			return true, p.text(&o.Distribution, name)
		case "Attribute":
			return true, p.attributes(&o.Attributes)
		case "Tag":
			return true, p.tags(&o.Tags)
		}
		return false, nil
	})
	e.Objects = append(e.Objects, o)
	return err
}

func (p *Parser) report(e *Event) error {
	var r Report
	err := p.each(atReport, func(name string) (bool, error) {
		switch name {
		case "uuid":
			return true, p.text(&r.UUID, name)
		case "name":
			return true, p.text(&r.Name, name)
		case "content":
			return true, p.text(&r.Content, name)
		}
		return false, nil
	})
	e.Reports = append(e.Reports, r)
	return err
}

func (p *Parser) tags(into *[]Tag) error {
	bare := func(name string) {
		*into = append(*into, Tag{name})
		p.event.Applied = append(p.event.Applied, RuleName)
	}
	return p.list(bare, "Tag", func() error {
		var t Tag
		err := p.each(atTag, func(name string) (bool, error) {
			if name == "name" {
				return true, p.text(&t.Name, name)
			}
			return false, nil
		})
		*into = append(*into, t)
		return err
	})
}

// galaxies reads the clusters of all galaxies that stand here.
func (p *Parser) galaxies(into *[]Cluster) error {
	return p.list(nil, "Galaxy", func() error {
		kind, first := "", len(*into)
		err := p.each(atGalaxy, func(name string) (bool, error) {
			switch name {
			case "type":
				return true, p.text(&kind, name)
			case "GalaxyCluster":
				return true, p.list(nil, name, func() error { return p.cluster(into) })
			}
			return false, nil
		})
		for i := range (*into)[first:] {
			if c := &(*into)[first+i]; c.Galaxy == "" {
				c.Galaxy = kind
			}
		}
		return err
	})
}

func (p *Parser) cluster(into *[]Cluster) error {
	var c Cluster
	err := p.each(atCluster, func(name string) (bool, error) {
		switch name {
		case "type":
			return true, p.text(&c.Galaxy, name)
		case "value":
			return true, p.text(&c.Value, name)
		case "tag_name":
			return true, p.text(&c.TagName, name)
		case "meta":
			if p.dec.PeekKind() != '{' {
				return false, nil
			}
			return true, p.each(atMeta, func(name string) (bool, error) {
				if name != "external_id" {
					return false, nil
				}
				return true, p.texts(&c.External)
			})
		}
		return false, nil
	})
	*into = append(*into, c)
	return err
}

// each walks the members of the object that stands next; take reads the value
// of a name and says so, or leaves it to be counted.
func (p *Parser) each(at *place, take func(name string) (bool, error)) error {
	if p.dec.StackDepth() > wire.MaxDepth {
		return tooDeep
	}
	if p.dec.PeekKind() != '{' {
		if p.dec.PeekKind() != 'n' {
			p.flaw(at.path, "an object is expected")
		}
		return p.dec.SkipValue()
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return err
	}
	for p.dec.PeekKind() == '"' {
		raw, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		below := p.below(at, raw)
		taken, err := take(below.name)
		if err == nil && !taken {
			raw, err = p.dec.ReadValue()
			if err == nil && p.dec.StackDepth()+depth(raw) > wire.MaxDepth {
				err = tooDeep
			}
			if err == nil && says(raw) {
				p.count(below.path)
			}
		}
		if err != nil {
			return err
		}
	}
	_, err := p.dec.ReadToken() // the closing brace
	return err
}

var tooDeep = fault.New(fault.TooLarge, "json.too_deep", "nested deeper than %d levels", wire.MaxDepth)

// depth is how deep a value is nested.
func depth(raw []byte) int {
	deepest, now, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// below returns the place of a name as it is written, quotes and all.
func (p *Parser) below(at *place, raw []byte) *place {
	if known := p.names[at][string(raw)]; known != nil {
		return known
	}
	name := string(raw[1 : len(raw)-1])
	if text, err := jsontext.AppendUnquote(nil, raw); err == nil {
		name = string(text)
	}
	b := &place{name, strings.TrimPrefix(at.path+"."+name, ".")}
	if p.names[at] == nil {
		p.names[at] = map[string]*place{}
	}
	p.names[at][string(raw)] = b
	p.known++
	return b
}

// says tells whether a value says anything: not null, nor empty.
func says(raw jsontext.Value) bool {
	switch string(raw) {
	case "null", `""`, "[]", "{}":
		return false
	}
	return len(raw) > 0
}

func (p *Parser) count(path string) {
	if i, known := p.counts[path]; known {
		p.event.Rest[i].N++
		return
	}
	p.counts[path] = len(p.event.Rest)
	p.event.Rest = append(p.event.Rest, Count{path, 1})
}

func (p *Parser) flaw(path, reason string) {
	p.event.Flaws = append(p.event.Flaws, Flaw{path, reason})
}
