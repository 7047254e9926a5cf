package stix

import "slices"

// The Traffic Light Protocol as STIX writes it: in version 1 by a definition,
// in version 2.0 by an extension; either way by markings with fixed
// identifiers, which nobody makes anew.

// TLPExtension is the definition of the extension for TLP 2.0.
const TLPExtension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

// fixedMarkings are the markings of both versions, by their identifiers, with
// the label of TLP 2.0 that each means. Those of version 1 end in the table
// below.
var fixedMarkings = map[string]string{
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "TLP:CLEAR",
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "TLP:GREEN",
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "TLP:AMBER",
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "TLP:AMBER+STRICT",
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "TLP:RED",
	"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "TLP:CLEAR",
	"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "TLP:GREEN",
	"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "TLP:AMBER",
	"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "TLP:RED",
}

// oldTLP are the markings of version 1: identifier, colour, name.
var oldTLP = [][3]string{
	{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "white", "TLP:WHITE"},
	{"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", "green", "TLP:GREEN"},
	{"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", "amber", "TLP:AMBER"},
	{"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red", "TLP:RED"},
}

// newTLP are the markings of version 2.0: identifier, value of tlp_2_0, label.
var newTLP = [][3]string{
	{"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "clear", "TLP:CLEAR"},
	{"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "green", "TLP:GREEN"},
	{"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber", "TLP:AMBER"},
	{"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "amber+strict", "TLP:AMBER+STRICT"},
	{"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "red", "TLP:RED"},
}

// TLPOfID returns the label of TLP 2.0 that a marking's identifier means, ""
// for other markings. White of version 1 is clear.
func TLPOfID(id string) string { return fixedMarkings[id] }

// TLPOf returns the label of TLP 2.0 that a marking definition states, by its
// identifier or, where somebody made one of their own, by what it says; ""
// for other objects.
func TLPOf(marking Object) string {
	if label := TLPOfID(marking.ID()); label != "" {
		return label
	}
	for _, t := range newTLP {
		if marking.Object("extensions").Object(TLPExtension).Text("tlp_2_0") == t[1] {
			return t[2]
		}
	}
	for _, t := range oldTLP {
		if marking.Object("definition").Text("tlp") == t[1] {
			return TLPOfID(t[0])
		}
	}
	return ""
}

// TLPMarking returns the marking definition of a label of TLP 2.0; nil for
// another text.
func TLPMarking(label string) Object {
	for _, t := range newTLP {
		if t[2] != label {
			continue
		}
		return Object{
			{"type", "marking-definition"}, {"spec_version", "2.1"}, {"id", t[0]},
			{"created", "2022-10-01T00:00:00.000Z"}, {"name", label},
			{"extensions", Object{{TLPExtension, Object{{"extension_type", "property-extension"}, {"tlp_2_0", t[1]}}}}},
		}
	}
	return nil
}

// markingDefinition checks what a marking states, as its type wants it.
func markingDefinition(v *validator, value any) {
	o, ok := value.(Object)
	if !ok || len(o) == 0 {
		v.must("an object that is not empty is expected")
		return
	}
	switch v.object.Text("definition_type") {
	case "statement":
		object(fields{properties: map[string]rule{"statement": text}, required: []string{"statement"}})(v, o)
	case "tlp":
		object(fields{properties: map[string]rule{"tlp": oneOf("white", "green", "amber", "red")}, required: []string{"tlp"}})(v, o)
	default:
		anything(v, o)
	}
}

func checkMarking(v *validator) {
	o := v.object
	if !o.Has("extensions") {
		for _, name := range []string{"definition_type", "definition"} {
			if !o.Has(name) {
				v.mustAt(name, "a marking states its definition, or has an extension that does")
			}
		}
	}
	kind := o.Text("definition_type")
	switch {
	case kind != "" && kind != "statement" && kind != "tlp":
		v.shouldAt("definition_type", "the specification knows statement and tlp; other markings are extensions")
	case kind == "tlp":
		v.fixed(oldTLP, o.Object("definition").Text("tlp"))
		if created := o.Text("created"); created != "" && created != "2017-01-20T00:00:00.000Z" {
			v.mustAt("created", "the markings of TLP 1 are those of the specification, made at 2017-01-20T00:00:00.000Z")
		}
	}
	if ext := o.Object("extensions").Object(TLPExtension); ext != nil {
		v.fixed(newTLP, ext.Text("tlp_2_0"))
	}
}

// fixed holds a marking of the Traffic Light Protocol to its identifier.
func (v *validator) fixed(table [][3]string, value string) {
	i := slices.IndexFunc(table, func(t [3]string) bool { return t[1] == value })
	if i >= 0 && v.object.ID() != table[i][0] {
		v.mustAt("id", "the marking "+table[i][2]+" has a fixed identifier: "+table[i][0])
	}
}

var tlpExtension = object(fields{
	properties: map[string]rule{"extension_type": oneOf("property-extension"), "tlp_2_0": oneOf("clear", "green", "amber", "amber+strict", "red")},
	required:   []string{"extension_type", "tlp_2_0"},
})
