package stix

// The incident core extension of the OASIS common object repository, and the
// objects that came with it. Earlier versions had other terms, other names of
// the parts of an impact, and lists in the incident itself; they are taken with
// a warning.
const (
	// IncidentCore extends an incident.
	IncidentCore = "extension-definition--ef765651-680c-498d-9894-99799f2fa126"
	// ImpactExtension, TaskExtension and EventExtension declare their objects.
	ImpactExtension = "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9"
	TaskExtension   = "extension-definition--2074a052-8be4-4932-849e-f5e7798e0030"
	EventExtension  = "extension-definition--4ca6de00-5b0d-45ef-a1dc-ea7279ea910e"
)

// definedExtensions are those that are known by their definition.
var definedExtensions = map[string]rule{
	TLPExtension: tlpExtension,
	IncidentCore: incidentCore,
}

var (
	fidelity       = oneOf("second", "minute", "hour", "day", "month", "year")
	recoverability = openEnough("not-applicable", "regular", "supplemented", "extended", "not-recoverable")
	percent        = integer(0, 100)
)

// openEnough warns of what is outside of a list that earlier versions of an
// extension did not have.
func openEnough(values ...string) rule {
	known := map[string]bool{}
	for _, s := range values {
		known[s] = true
	}
	return wished(func(s string) bool { return known[s] }, "the newest version of the extension has no such term")
}

var incidentCore = object(fields{
	properties: map[string]rule{"extension_type": oneOf("property-extension"),
		"determination":        openEnough("blocked", "confirmed", "failed-attempt", "false-positive", "suspected"),
		"investigation_status": openEnough("closed", "new", "open"), "incident_types": texts,
		"detection_methods": list(openEnough("automated-tool", "commercial-solution", "external-notification", "human-review", "message-from-attacker", "proprietary-solution", "system-outage", "user-reporting")),
		"criticality":       percent, "recoverability": textOrTexts, "impacted_entity_counts": anything, "scores": list(score),
		"event_refs": list(reference("event")), "task_refs": list(reference("task")), "impact_refs": list(reference("impact"))},
	required: []string{"extension_type", "determination", "investigation_status"},
})

// textOrTexts: one version had a list where another has one term.
func textOrTexts(v *validator, value any) {
	if _, many := value.(List); many {
		list(recoverability)(v, value)
		return
	}
	recoverability(v, value)
}

// impactParts are the extensions of an impact, by their names without "-ext".
var impactParts = map[string]fields{
	"availability":    {properties: map[string]rule{"availability_impact": percent}, required: []string{"availability_impact"}},
	"confidentiality": {properties: map[string]rule{"information_type": text, "loss_type": openEnough("confirmed-loss", "contained", "exploited-loss", "suspected-loss", "none"), "record_count": natural, "record_size": natural}},
	"integrity": {properties: map[string]rule{"information_type": text, "record_count": natural, "record_size": natural,
		"alteration": openEnough("potential-destruction", "potential-modification", "partial-destruction", "partial-modification", "full-destruction", "full-modification", "none")}},
	"economic":     {properties: map[string]rule{"variety": text, "currency": text, "currency_actual": text, "conversion_rate": anyNumber, "conversion_time": moment, "min_amount": anyNumber, "max_amount": anyNumber}, required: []string{"variety"}},
	"external":     {properties: map[string]rule{"impact_type": text}, required: []string{"impact_type"}},
	"physical":     {properties: map[string]rule{"asset_type": text, "impact_type": openEnough("damaged-functional", "damaged-nonfunctional", "destruction", "none")}},
	"traceability": {properties: map[string]rule{"traceability_impact": openEnough("accountability-lost", "partial-accountability", "provable-accountability")}},
}

var anyNumber = number(-1e15, 1e15)

// impactExtensions are those parts under their names of now and of before:
// "economic-ext" was "monetary-ext", and all stood without "-ext" once.
var impactExtensions = func() map[string]rule {
	all := map[string]rule{}
	for name, part := range impactParts {
		all[name+"-ext"] = object(part)
		all[name] = outdated(name+"-ext", object(part))
	}
	all["monetary-ext"] = outdated("economic-ext", object(impactParts["economic"]))
	all["monetary"] = all["monetary-ext"]
	return all
}()

// outdated warns of an older name.
func outdated(now string, check rule) rule {
	return func(v *validator, value any) {
		v.should("the newest version of the extension calls it " + now)
		check(v, value)
	}
}

var score = object(fields{properties: map[string]rule{"name": text, "value": number(-1e15, 1e15), "description": text}, required: []string{"name", "value"}})

var timeSpan = []span{{start: "start_time", end: "end_time"}}

// incidentTypes are the objects of the incident extensions.
var incidentTypes = map[string]*objectType{
	"impact": {
		properties: map[string]rule{"impact_category": text, "criticality": percent, "description": text, "impacted_entity_counts": anything, "start_time": moment, "start_time_fidelity": fidelity,
			"end_time": moment, "end_time_fidelity": fidelity, "impacted_refs": list(reference()), "recoverability": recoverability, "superseded_by_ref": reference("impact")},
		required: []string{"impact_category", "extensions"}, spans: timeSpan,
	},
	"task": {
		properties: map[string]rule{"outcome": openEnough("cancelled", "failed", "ongoing", "pending", "successful", "unknown"), "task_types": texts, "name": text, "description": text,
			"start_time": moment, "start_time_fidelity": fidelity, "end_time": moment, "end_time_fidelity": fidelity, "error": text, "impacted_entity_counts": anything,
			"changed_objects": anything, "next_task_refs": list(reference("task")), "owner": text, "priority": percent, "task_type": text, "subtasks": anything},
		required: []string{"outcome", "extensions"}, spans: timeSpan,
	},
	"event": {
		properties: map[string]rule{"status": openEnough("ongoing", "occurred", "not-occurred", "pending", "undetermined"), "event_types": texts, "name": text, "goal": text, "description": text,
			"start_time": moment, "start_time_fidelity": fidelity, "end_time": moment, "end_time_fidelity": fidelity, "changed_objects": anything,
			"sighting_refs": list(reference("sighting")), "next_event_refs": list(reference("event")), "pattern_refs": list(reference()), "subevents": anything},
		required: []string{"status", "extensions"}, spans: timeSpan,
	},
}
