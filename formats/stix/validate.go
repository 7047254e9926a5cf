package stix

import (
	"slices"
	"strconv"
	"strings"
)

// Validate holds an object to STIX 2.1 and lists what breaks a MUST and what
// breaks a SHOULD, by path. Of a bundle it looks at the bundle alone, not at
// the objects in it: they are for [Object.Objects] and a call of their own.
func Validate(o Object) []Finding {
	v := validator{object: o, types: knownTypes}
	v.whole()
	sortFindings(v.found)
	return v.found
}

// validator gathers the findings of one object. It keeps the way down to the
// value in hand, so that a path is written only where something is wrong.
type validator struct {
	object Object
	// types are the tables; the rules in them reach the tables only from
	// here, since a table cannot name itself.
	types map[string]*objectType
	found []Finding
	way   []string // names and "[3]"
}

// rule checks one value.
type rule func(v *validator, value any)

func (v *validator) path() string {
	var b strings.Builder
	for i, step := range v.way {
		if i > 0 && step[0] != '[' {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}

func (v *validator) add(warning bool, message string) {
	if len(v.found) < maxFindings {
		v.found = append(v.found, Finding{v.path(), message, warning})
	}
}

// must lists what is refused; should what is taken with a warning.
func (v *validator) must(message string)   { v.add(false, message) }
func (v *validator) should(message string) { v.add(true, message) }

// at applies f one step further down.
func (v *validator) at(step string, f func()) {
	if step == "" {
		step = `""`
	}
	v.way = append(v.way, clip(step))
	f()
	v.way = v.way[:len(v.way)-1]
}

func (v *validator) item(i int, f func()) { v.at("["+strconv.Itoa(i)+"]", f) }

// mustAt lists what is wrong with a member.
func (v *validator) mustAt(name, message string) { v.at(name, func() { v.must(message) }) }

func (v *validator) shouldAt(name, message string) { v.at(name, func() { v.should(message) }) }

// whole checks the object as its type demands.
func (v *validator) whole() {
	o := v.object
	typ, ok := stringOf(o, "type")
	switch {
	case !ok:
		v.mustAt("type", "an object states its type")
		return
	case reservedTypes[typ]:
		v.mustAt("type", "the type is reserved")
		return
	case !isTypeName(typ):
		v.mustAt("type", "a type has a name of 3 to 250 lower-case letters, digits and hyphens")
		return
	}
	t := v.types[typ]
	class := classOf(o)
	if t != nil {
		class = t.class
	}
	v.identifier(typ, class)
	v.members(t, class)
	v.required(t, class)
	v.names(t, class)
	v.span(span{start: "created", end: "modified"})
	if t == nil {
		v.customType()
		return
	}
	for _, s := range t.spans {
		v.span(s)
	}
	if len(t.some) > 0 && !slices.ContainsFunc(t.some, o.Has) {
		v.must("one of these is needed: " + strings.Join(t.some, ", "))
	}
	if t.more != nil {
		t.more(v)
	}
}

func stringOf(o Object, name string) (string, bool) {
	v, _ := o.Get(name)
	s, ok := v.(string)
	return s, ok
}

// class is what an object is by the specification's division.
type class uint8

const (
	domain       class = iota // SDO
	relation                  // SRO
	cyber                     // SCO
	meta                      // language-content, extension-definition
	markingClass              // marking-definition: never modified
	bundleClass
)

// extensionClasses says what an extension makes of a type that the
// specification does not know.
var extensionClasses = map[string]class{"new-sdo": domain, "new-sro": relation, "new-sco": cyber}

// classOf guesses what an unknown type is: what its extension says, else by
// whether it is versioned.
func classOf(o Object) class {
	for _, m := range o.Object("extensions") {
		if ext, ok := m.Value.(Object); ok {
			if class, ok := extensionClasses[ext.Text("extension_type")]; ok {
				return class
			}
		}
	}
	if o.Has("created") || o.Has("modified") || o.Has("created_by_ref") {
		return domain
	}
	return cyber
}

// customType says how types of one's own are declared.
func (v *validator) customType() {
	for _, m := range v.object.Object("extensions") {
		if ext, ok := m.Value.(Object); ok {
			if _, ok := extensionClasses[ext.Text("extension_type")]; ok {
				return
			}
		}
	}
	v.shouldAt("type", "a type of one's own is declared by an extension (new-sdo, new-sro or new-sco)")
}

func (v *validator) identifier(typ string, class class) {
	id, ok := stringOf(v.object, "id")
	switch {
	case !ok:
		v.mustAt("id", "an object has an identifier")
		return
	case !isID(id):
		v.mustAt("id", "an identifier is the type, two hyphens and a UUID: "+clip(typ)+"--…")
		return
	case TypeOfID(id) != typ:
		v.mustAt("id", "the identifier names another type than the object has")
		return
	}
	version := uuidVersion(id)
	switch {
	case typ == "process" && version == '5':
		v.mustAt("id", "a process has a random identifier (UUIDv4): nothing of it identifies it")
	case class == cyber && version != '5' && v.identifying():
		v.shouldAt("id", "a cyber-observable has an identifier made of its value (UUIDv5)")
	case class != cyber && version != '4' && fixedMarkings[id] == "":
		v.shouldAt("id", "an identifier is random (UUIDv4)")
	}
}

// identifying says whether the observable holds what its identifier is made of.
func (v *validator) identifying() bool {
	t := v.types[v.object.Type()]
	return t != nil && slices.ContainsFunc(t.contributing, v.object.Has)
}

// members checks each member by the table of its type, then by what all
// objects share.
func (v *validator) members(t *objectType, class class) {
	common := commonProperties[class]
	for _, m := range v.object {
		check, known := common[m.Name]
		if t != nil {
			if own, ok := t.properties[m.Name]; ok {
				check, known = own, true
			}
		}
		v.at(m.Name, func() {
			switch {
			case m.Value == nil:
				v.must("null is no value; a property that is not known is left out")
			case known && check != nil:
				check(v, m.Value)
			case !known:
				anything(v, m.Value)
			}
		})
	}
}

func (v *validator) required(t *objectType, class class) {
	names := requiredProperties[class]
	if t != nil {
		names = append(names[:len(names):len(names)], t.required...)
	}
	for _, name := range names {
		if !v.object.Has(name) && name != "id" && name != "type" {
			why := "the property is required"
			if name == "spec_version" {
				why = "the property is required, as 2.1; objects of STIX 2.0 have none"
			}
			v.mustAt(name, why)
		}
	}
}

// names holds the names of members to the rules, and says which are not the
// specification's.
func (v *validator) names(t *objectType, class class) {
	toplevel := false
	for _, m := range v.object.Object("extensions") {
		ext, _ := m.Value.(Object)
		toplevel = toplevel || ext.Text("extension_type") == "toplevel-property-extension"
	}
	for _, m := range v.object {
		_, common := commonProperties[class][m.Name]
		own := false
		if t != nil {
			_, own = t.properties[m.Name]
		}
		if common || own {
			continue
		}
		switch {
		case reservedProperties[m.Name]:
			v.mustAt(m.Name, "the name is reserved")
		case !isPropertyName(m.Name):
			v.mustAt(m.Name, "a property has a name of 3 to 250 lower-case letters, digits and underscores, a letter first")
		case t != nil && !toplevel:
			v.shouldAt(m.Name, "the specification has no such property; extensions say what stands beside it")
		}
	}
}

// reservedTypes and reservedProperties are kept free by the specification
// (section 3.1 and those of STIX 2.0).
var (
	reservedTypes      = map[string]bool{"action": true}
	reservedProperties = map[string]bool{"severity": true, "action": true, "username": true, "usernames": true, "phone_numbers": true}
)

// span is a pair of timestamps in order: the end is not before the start, or,
// if strict, after it.
type span struct {
	start, end string
	strict     bool
}

func (v *validator) span(s span) {
	start, end := v.object.Text(s.start), v.object.Text(s.end)
	_, okStart := Moment(start)
	_, okEnd := Moment(end)
	switch {
	case !okStart || !okEnd:
	case before(end, start):
		v.mustAt(s.end, "it is before "+s.start)
	case s.strict && !before(start, end):
		v.mustAt(s.end, "it is not after "+s.start)
	}
}
