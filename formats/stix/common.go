package stix

import (
	"regexp"
	"strconv"
	"strings"
)

// What the objects of a class share (STIX 2.1, section 3.2).
var commonProperties = map[class]map[string]rule{
	domain:   versioned,
	relation: versioned,
	meta:     versioned,
	markingClass: {
		"type": text, "id": text, "spec_version": specVersion, "created": moment,
		"created_by_ref": reference("identity"), "external_references": externalReferences,
		"object_marking_refs": markings, "granular_markings": granular, "extensions": extensions,
	},
	cyber: {
		"type": text, "id": text, "spec_version": specVersion, "defanged": boolean,
		"object_marking_refs": markings, "granular_markings": granular, "extensions": extensions,
	},
	bundleClass: {"type": text, "id": text, "objects": nil, "spec_version": specVersion},
}

var versioned = map[string]rule{
	"type": text, "id": text, "spec_version": specVersion,
	"created": preciseMoment, "modified": preciseMoment, "created_by_ref": reference("identity"),
	"revoked": boolean, "labels": texts, "confidence": integer(0, 100), "lang": languageTag,
	"external_references": externalReferences, "object_marking_refs": markings,
	"granular_markings": granular, "extensions": extensions,
}

var requiredProperties = map[class][]string{
	domain:       {"spec_version", "created", "modified"},
	relation:     {"spec_version", "created", "modified"},
	meta:         {"spec_version", "created", "modified"},
	markingClass: {"spec_version", "created"},
}

var specVersion = oneOf("2.1", "2.0")

var markings = list(reference("marking-definition"))

var externalReferences = list(externalReference)

var (
	cvePattern   = regexp.MustCompile(`^CVE-[0-9]{4}-(?:0[0-9]{3}|[1-9][0-9]{3,})$`)
	capecPattern = regexp.MustCompile(`^CAPEC-[0-9]+$`)
)

var externalReference = object(fields{
	properties: map[string]rule{"source_name": text, "description": text, "url": link, "hashes": hashes, "external_id": text},
	required:   []string{"source_name"},
	more: func(v *validator, o Object) {
		if o.Has("source_name") && !o.Has("description") && !o.Has("url") && !o.Has("external_id") {
			v.must("one of these is needed: description, url, external_id")
		}
		id := o.Text("external_id")
		switch {
		case o.Text("source_name") == "cve" && !cvePattern.MatchString(id):
			v.mustAt("external_id", "an identifier of a vulnerability is expected: CVE-2021-44228")
		case o.Text("source_name") == "capec" && !capecPattern.MatchString(id):
			v.mustAt("external_id", "an identifier of an attack pattern is expected: CAPEC-163")
		case o.Text("source_name") != "cve" && v.object.Type() == "vulnerability" && cvePattern.MatchString(id):
			v.mustAt("source_name", "the source of a number of CVE is called cve")
		case o.Text("source_name") != "capec" && v.object.Type() == "attack-pattern" && capecPattern.MatchString(id):
			v.mustAt("source_name", "the source of a number of CAPEC is called capec")
		}
		if o.Has("url") && !o.Has("hashes") {
			v.shouldAt("url", "a URL comes with the hashes of what it leads to")
		}
	},
})

var killChainPhases = list(object(fields{
	properties: map[string]rule{"kill_chain_name": term, "phase_name": term},
	required:   []string{"kill_chain_name", "phase_name"},
}))

var selectorPattern = regexp.MustCompile(`^(?:[a-zA-Z0-9_-]{3,250}(?:\.(?:\[[0-9]+\]|[a-zA-Z0-9_-]{1,250}))*|id)$`)

// granular marks parts of an object: by a marking definition or by a
// language.
var granular = list(object(fields{
	properties: map[string]rule{
		"lang": languageTag, "marking_ref": reference("marking-definition"),
		"selectors": list(func(v *validator, value any) {
			s, ok := value.(string)
			switch {
			case !ok || !selectorPattern.MatchString(s):
				v.must("a selector is a path of names and indices: external_references.[0].url")
			case !selects(v.object, s):
				v.must("the selector names nothing in this object")
			}
		}),
	},
	required: []string{"selectors"},
	some:     []string{"lang", "marking_ref"},
	more: func(v *validator, o Object) {
		if o.Has("lang") && o.Has("marking_ref") {
			v.must("a part is marked by marking_ref or by lang, not by both at once")
		}
		if ref := o.Text("marking_ref"); ref != "" && ref == v.object.ID() {
			v.mustAt("marking_ref", "a marking does not mark itself")
		}
	},
}))

// selects says whether a selector leads to something.
func selects(o Object, selector string) bool {
	var at any = o
	for _, step := range strings.Split(selector, ".") {
		switch here := at.(type) {
		case Object:
			inner, ok := here.Get(step)
			if !ok {
				return false
			}
			at = inner
		case List:
			i, err := strconv.Atoi(strings.Trim(step, "[]"))
			if err != nil || i < 0 || i >= len(here) {
				return false
			}
			at = here[i]
		default:
			return false
		}
	}
	return true
}

var extensionKey = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]+)*-ext$`)

// extensionTypes are the ways in which an extension extends.
var extensionTypes = []string{"new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension"}

// extensions checks each extension by its key: those of the specification and
// those known here by their tables, others by what all owe.
func extensions(v *validator, value any) {
	o, ok := value.(Object)
	switch {
	case !ok:
		v.must("an object is expected")
	case len(o) == 0:
		v.must("a dictionary is not empty; one without entries is left out")
	}
	typ := v.object.Type()
	for _, m := range o {
		v.at(m.Name, func() {
			own := predefined[typ][m.Name]
			ext, ok := m.Value.(Object)
			switch {
			case own != nil:
				own(v, m.Value)
			case TypeOfID(m.Name) == "extension-definition" && isID(m.Name):
				extension(v, m.Value)
			case !extensionKey.MatchString(m.Name):
				v.must("an extension is called by the identifier of its definition, or by a name that ends in -ext")
			case !ok || len(ext) == 0:
				v.must("an object that is not empty is expected")
			default:
				v.should("an extension is called by the identifier of its definition; names of one's own are of STIX 2.0")
				anything(v, m.Value)
			}
		})
	}
}

// extension checks one that is called by its definition's identifier.
func extension(v *validator, value any) {
	o, ok := value.(Object)
	if !ok {
		v.must("an object is expected")
		return
	}
	id := v.way[len(v.way)-1]
	if check := definedExtensions[id]; check != nil {
		check(v, o)
		return
	}
	if !o.Has("extension_type") {
		v.mustAt("extension_type", "the property is required")
	}
	for _, m := range o {
		v.at(m.Name, func() {
			switch {
			case m.Name == "extension_type":
				oneOf(extensionTypes...)(v, m.Value)
			case !isPropertyName(m.Name):
				v.must("a property has a name of 3 to 250 lower-case letters, digits and underscores, a letter first")
			default:
				anything(v, m.Value)
			}
		})
	}
}
