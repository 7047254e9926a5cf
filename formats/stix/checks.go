package stix

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/concord-trust/concord/fault"
)

var (
	relationPattern = regexp.MustCompile(`^[a-z0-9-]+$`)
	versionPattern  = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)*(?:[-+][0-9A-Za-z.+-]+)?$`)
)

// checkIndicator reads a pattern in the language of STIX; others are for the
// tools that they are written for.
func checkIndicator(v *validator) {
	for _, name := range []string{"name", "description"} {
		if !v.object.Has(name) {
			v.shouldAt(name, "an indicator has a name and a description")
		}
	}
	pattern, ok := stringOf(v.object, "pattern")
	if !ok || v.object.Text("pattern_type") != "stix" {
		return
	}
	v.at("pattern", func() {
		for _, f := range checkPattern(pattern, true, v.types) {
			v.add(f.Warning, f.Message)
		}
	})
}

// CheckPattern reads a pattern that stands alone and lists what is wrong with
// it. It is judged as the tools that match patterns judge it: names of types
// and properties that are too short are warned of, where an indicator with
// them is refused.
func CheckPattern(text string) []Finding { return checkPattern(text, false, knownTypes) }

func checkPattern(text string, within bool, types map[string]*objectType) []Finding {
	p, err := ParsePattern(text)
	if err != nil {
		return []Finding{{Message: fault.Public(err).Message}}
	}
	found := p.Check()
	for _, f := range p.checkNames(types) {
		f.Warning = f.Warning || !within
		found = append(found, f)
	}
	return found
}

// country is a code of ISO 3166-1.
var country = wished(func(s string) bool {
	r, err := language.ParseRegion(strings.ToUpper(s))
	return err == nil && len(s) == 2 && r.IsCountry()
}, "a country is written as its code of two letters (ISO 3166-1)")

func checkLocation(v *validator) {
	o := v.object
	lat, long := o.Has("latitude"), o.Has("longitude")
	if !o.Has("region") && !o.Has("country") && !(lat && long) {
		v.must("one of these is needed: region, country, latitude with longitude")
	}
	if lat != long {
		v.must("latitude and longitude come together")
	}
	if o.Has("precision") && !(lat && long) {
		v.mustAt("precision", "it needs latitude and longitude")
	}
}

func checkMalware(v *validator) {
	if family, _ := v.object.Get("is_family"); family == true && !v.object.Has("name") {
		v.mustAt("name", "a family of malware has a name")
	}
}

// observedReference names what was observed: a cyber-observable, or a
// relationship between two.
func observedReference(v *validator, value any) {
	id, _ := value.(string)
	if t := v.types[TypeOfID(id)]; t != nil && t.class != cyber && t.class != relation {
		v.must("observed data refer to cyber-observables and to relationships between them")
		return
	}
	observableReference()(v, value)
}

// oldObjects is the container of STIX 2.0: observables by a number.
func oldObjects(v *validator, value any) {
	v.should("the property is deprecated; object_refs take its place")
	container, ok := value.(Object)
	if !ok || len(container) == 0 {
		v.must("an object that is not empty is expected")
	}
	for _, m := range container {
		v.at(m.Name, func() {
			inner, ok := m.Value.(Object)
			if !ok {
				v.must("an object is expected")
				return
			}
			typ := inner.Type()
			if !isTypeName(typ) || reservedTypes[typ] {
				v.mustAt("type", "an object states its type")
				return
			}
			t := v.types[typ]
			if t == nil || t.class != cyber {
				anything(v, inner)
				return
			}
			object(fields{properties: embedded(t), required: t.required, open: true})(v, inner)
		})
	}
}

// embedded is what an observable inside of observed data may hold: references
// there are names of its siblings.
func embedded(t *objectType) map[string]rule {
	out := map[string]rule{}
	for name, check := range t.properties {
		if strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs") {
			check = anything
		}
		out[name] = check
	}
	return out
}

// checkRelationship warns of relationships that the specification does not
// name between two types.
func checkRelationship(v *validator) {
	o := v.object
	kind, source, target := o.Text("relationship_type"), TypeOfID(o.Text("source_ref")), TypeOfID(o.Text("target_ref"))
	if kind == "" || source == "" || target == "" || commonRelations[kind] {
		return
	}
	if v.types[source] == nil || v.types[target] == nil {
		return
	}
	targets, ok := relations[source][kind]
	if !ok {
		v.shouldAt("relationship_type", "the specification names no such relationship from "+source)
	} else if !slices.Contains(targets, target) && !(slices.Contains(targets, "SCO") && v.types[target].class == cyber) {
		v.shouldAt("relationship_type", "the specification names no such relationship from "+source+" to "+target)
	}
}

// translations are texts by language and property.
func translations(v *validator, value any) {
	byLanguage, ok := value.(Object)
	if !ok || len(byLanguage) == 0 {
		v.must("an object that is not empty is expected")
	}
	for _, m := range byLanguage {
		v.at(m.Name, func() {
			if !keyPattern.MatchString(m.Name) {
				v.must("a language tag is expected (RFC 5646): en, pt-BR")
				return
			}
			languageTag(v, m.Name)
			properties, ok := m.Value.(Object)
			if !ok || len(properties) == 0 {
				v.must("an object that is not empty is expected")
			}
			for _, p := range properties {
				v.at(p.Name, func() {
					if !isPropertyName(p.Name) {
						v.must("a property has a name of 3 to 250 lower-case letters, digits and underscores, a letter first")
					}
					anything(v, p.Value)
				})
			}
		})
	}
}

func checkDefinition(v *validator) {
	if !slices.Contains(v.object.Texts("extension_types"), "toplevel-property-extension") && v.object.Has("extension_properties") {
		v.mustAt("extension_properties", "only an extension of the type toplevel-property-extension lists properties")
	}
	if !v.object.Has("description") {
		v.shouldAt("description", "a definition describes its extension")
	}
}

// bundleObjects holds the list of a bundle to being one of objects.
func bundleObjects(v *validator, value any) {
	objects, ok := value.(List)
	switch {
	case !ok:
		v.must("a list is expected")
	case len(objects) == 0:
		v.must("a list is not empty; a bundle without objects leaves it out")
	}
	for i, item := range objects {
		v.item(i, func() {
			inner, ok := item.(Object)
			switch {
			case !ok:
				v.must("an object is expected")
			case inner.IsBundle():
				v.must("a bundle does not hold another")
			}
		})
	}
}

func checkBundle(v *validator) {
	seen := map[[2]string]bool{}
	for i, o := range v.object.Objects() {
		version := [2]string{o.ID(), o.Text("modified")}
		if version[0] != "" && seen[version] {
			v.shouldAt("objects", "the same version of an object stands twice, again at position "+strconv.Itoa(i))
		}
		seen[version] = true
	}
}
