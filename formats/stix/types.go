package stix

import "maps"

// objectType says what objects of a type hold, beside what their class shares
// (commonProperties).
type objectType struct {
	class      class
	properties map[string]rule
	required   []string
	// some: one of them at least.
	some  []string
	spans []span
	// contributing are what the identifier of an observable is made of.
	contributing []string
	more         func(v *validator)
}

// knownTypes are all types of STIX 2.1, and those of the incident core
// extension.
var knownTypes = func() map[string]*objectType {
	all := map[string]*objectType{}
	for _, table := range []map[string]*objectType{domainTypes, relationTypes, observableTypes, metaTypes, incidentTypes} {
		maps.Copy(all, table)
	}
	return all
}()

var seenSpan = []span{{start: "first_seen", end: "last_seen"}}

// domainTypes are the domain objects (section 4).
var domainTypes = map[string]*objectType{
	"attack-pattern": {
		properties: map[string]rule{"name": text, "description": text, "aliases": texts, "kill_chain_phases": killChainPhases},
		required:   []string{"name"},
	},
	"campaign": {
		properties: map[string]rule{"name": text, "description": text, "aliases": texts, "first_seen": moment, "last_seen": moment, "objective": text},
		required:   []string{"name"}, spans: seenSpan,
	},
	"course-of-action": {
		properties: map[string]rule{"name": text, "description": text},
		required:   []string{"name"},
	},
	"grouping": {
		properties: map[string]rule{"name": text, "description": text, "context": openly("grouping-context-ov"), "object_refs": list(reference())},
		required:   []string{"context", "object_refs"},
	},
	"identity": {
		properties: map[string]rule{"name": text, "description": text, "roles": texts, "identity_class": openly("identity-class-ov"),
			"sectors": list(openly("industry-sector-ov")), "contact_information": text},
		required: []string{"name"},
	},
	"incident": {
		properties: map[string]rule{"name": text, "description": text},
		required:   []string{"name"},
	},
	"indicator": {
		properties: map[string]rule{"name": text, "description": text, "indicator_types": list(openly("indicator-type-ov")), "pattern": text,
			"pattern_type": openly("pattern-type-ov"), "pattern_version": text, "valid_from": moment, "valid_until": moment, "kill_chain_phases": killChainPhases},
		required: []string{"pattern", "pattern_type", "valid_from"},
		spans:    []span{{start: "valid_from", end: "valid_until", strict: true}},
		more:     checkIndicator,
	},
	"infrastructure": {
		properties: map[string]rule{"name": text, "description": text, "infrastructure_types": list(openly("infrastructure-type-ov")), "aliases": texts,
			"kill_chain_phases": killChainPhases, "first_seen": moment, "last_seen": moment},
		required: []string{"name"}, spans: seenSpan,
	},
	"intrusion-set": {
		properties: map[string]rule{"name": text, "description": text, "aliases": texts, "first_seen": moment, "last_seen": moment, "goals": texts,
			"resource_level": openly("attack-resource-level-ov"), "primary_motivation": openly("attack-motivation-ov"), "secondary_motivations": list(openly("attack-motivation-ov"))},
		required: []string{"name"}, spans: seenSpan,
	},
	"location": {
		properties: map[string]rule{"name": text, "description": text, "latitude": number(-90, 90), "longitude": number(-180, 180), "precision": number(0, 1e9),
			"region": openly("region-ov"), "country": country, "administrative_area": text, "city": text, "street_address": text, "postal_code": text},
		more: checkLocation,
	},
	"malware": {
		properties: map[string]rule{"name": text, "description": text, "malware_types": list(openly("malware-type-ov")), "is_family": boolean, "aliases": texts,
			"kill_chain_phases": killChainPhases, "first_seen": moment, "last_seen": moment, "operating_system_refs": list(reference("software")),
			"architecture_execution_envs": list(openly("processor-architecture-ov")), "implementation_languages": list(openly("implementation-language-ov")),
			"capabilities": list(openly("malware-capabilities-ov")), "sample_refs": list(reference("artifact", "file"))},
		required: []string{"is_family"}, spans: seenSpan, more: checkMalware,
	},
	"malware-analysis": {
		properties: map[string]rule{"product": term, "version": text, "host_vm_ref": reference("software"), "operating_system_ref": reference("software"),
			"installed_software_refs": list(reference("software")), "configuration_version": text, "modules": texts, "analysis_engine_version": text,
			"analysis_definition_version": text, "submitted": moment, "analysis_started": moment, "analysis_ended": moment, "result_name": text,
			"result": openly("malware-result-ov"), "analysis_sco_refs": list(reference("SCO")), "sample_ref": reference("artifact", "file", "network-traffic")},
		required: []string{"product"}, some: []string{"result", "analysis_sco_refs"},
		spans: []span{{start: "analysis_started", end: "analysis_ended"}},
	},
	"note": {
		properties: map[string]rule{"abstract": text, "content": text, "authors": texts, "object_refs": list(reference())},
		required:   []string{"content", "object_refs"},
	},
	"observed-data": {
		properties: map[string]rule{"first_observed": moment, "last_observed": moment, "number_observed": integer(1, 999999999),
			"objects": oldObjects, "object_refs": list(observedReference)},
		required: []string{"first_observed", "last_observed", "number_observed"}, some: []string{"objects", "object_refs"},
		spans: []span{{start: "first_observed", end: "last_observed"}},
		more: func(v *validator) {
			if v.object.Has("objects") && v.object.Has("object_refs") {
				v.mustAt("objects", "it does not stand beside object_refs")
			}
		},
	},
	"opinion": {
		properties: map[string]rule{"explanation": text, "authors": texts, "object_refs": list(reference()),
			"opinion": oneOf("strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")},
		required: []string{"opinion", "object_refs"},
	},
	"report": {
		properties: map[string]rule{"name": text, "description": text, "report_types": list(openly("report-type-ov")), "published": moment, "object_refs": list(reference())},
		required:   []string{"name", "published", "object_refs"},
	},
	"threat-actor": {
		properties: map[string]rule{"name": text, "description": text, "threat_actor_types": list(openly("threat-actor-type-ov")), "aliases": texts,
			"first_seen": moment, "last_seen": moment, "roles": list(openly("threat-actor-role-ov")), "goals": texts,
			"sophistication": openly("threat-actor-sophistication-ov"), "resource_level": openly("attack-resource-level-ov"),
			"primary_motivation": openly("attack-motivation-ov"), "secondary_motivations": list(openly("attack-motivation-ov")), "personal_motivations": list(openly("attack-motivation-ov"))},
		required: []string{"name"}, spans: seenSpan,
	},
	"tool": {
		properties: map[string]rule{"name": text, "description": text, "tool_types": list(openly("tool-type-ov")), "aliases": texts, "kill_chain_phases": killChainPhases, "tool_version": text},
		required:   []string{"name"},
	},
	"vulnerability": {
		properties: map[string]rule{"name": text, "description": text},
		required:   []string{"name"},
	},
}

var endOfRelation = reference("!relationship", "!sighting", "!bundle", "!marking-definition", "!language-content")

// relationTypes are the relationship objects (section 5).
var relationTypes = map[string]*objectType{
	"relationship": {
		class: relation,
		properties: map[string]rule{"relationship_type": textual(relationPattern.MatchString, "a type of relationship is written in lower-case letters, digits and hyphens"),
			"description": text, "source_ref": endOfRelation, "target_ref": endOfRelation, "start_time": moment, "stop_time": moment},
		required: []string{"relationship_type", "source_ref", "target_ref"},
		spans:    []span{{start: "start_time", end: "stop_time", strict: true}},
		more:     checkRelationship,
	},
	"sighting": {
		class: relation,
		properties: map[string]rule{"description": text, "first_seen": moment, "last_seen": moment, "count": integer(0, 999999999), "sighting_of_ref": endOfRelation,
			"observed_data_refs": list(reference("observed-data")), "where_sighted_refs": list(reference("identity", "location")), "summary": boolean},
		required: []string{"sighting_of_ref"}, spans: seenSpan,
	},
}

// metaTypes are those about others (sections 7 and 8).
var metaTypes = map[string]*objectType{
	"language-content": {
		class: meta,
		properties: map[string]rule{"object_ref": reference("!bundle", "!language-content"), "object_modified": moment,
			"contents": translations},
		required: []string{"object_ref", "contents"},
	},
	"extension-definition": {
		class: meta,
		properties: map[string]rule{"name": text, "description": text, "schema": text, "version": textual(versionPattern.MatchString, "a version is written as 1.2.1"),
			"extension_types": list(oneOf(extensionTypes...)), "extension_properties": list(textual(isPropertyName, "a property has a name of 3 to 250 lower-case letters, digits and underscores, a letter first"))},
		required: []string{"name", "schema", "version", "extension_types", "created_by_ref"},
		more:     checkDefinition,
	},
	"marking-definition": {
		class:      markingClass,
		properties: map[string]rule{"name": text, "definition_type": text, "definition": markingDefinition},
		more:       checkMarking,
	},
	"bundle": {
		class:      bundleClass,
		properties: map[string]rule{"objects": bundleObjects},
		more:       checkBundle,
	},
}
