package mapping

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/observable"
)

// object takes what one object says.
func (r *stixReading) object(o stix.Object) {
	if revoked, _ := o.Get("revoked"); revoked == true {
		r.leave(o, "", "the object was revoked")
		return
	}
	switch o.Type() {
	case "incident":
		r.incident(o)
	case "report", "grouping":
		if r.group.Head.ID() != o.ID() {
			r.leave(o, "", "the incident that it holds speaks for itself")
			return
		}
		r.container(o)
	case "event":
		r.event(o)
	case "impact":
		r.impact(o)
	case "identity":
		r.identity(o)
	case "location":
		r.location(o)
	case "threat-actor", "intrusion-set":
		r.actor(o)
	case "campaign":
		r.state(o, "name", "incident.campaign", nonEmpty(o.Text("name"))...)
	case "malware":
		r.malware(o)
	case "attack-pattern":
		r.technique(o)
	case "vulnerability":
		r.vulnerability(o)
	case "indicator":
		r.indicator(o)
	case "observed-data":
		r.embedded(o)
	case "task":
		r.task(o)
	case "software":
		r.stateListed(o, "name", "asset.os", o.Text("name"))
	case "note":
		r.state(o, "content", "notes", nonEmpty(o.Text("content"))...)
	case "marking-definition":
		if stix.TLPOf(o) != "" {
			for _, name := range []string{"name", "definition", "definition_type", "extensions"} {
				r.use(o, name)
			}
		}
	case "relationship", "sighting", "infrastructure", "tool", "course-of-action", "opinion", "language-content", "extension-definition", "malware-analysis", "bundle":
	default:
		r.observable(o, key(o))
	}
}

func nonEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// container takes a report or a grouping as the title and summary of what it
// holds.
func (r *stixReading) container(o stix.Object) {
	if name := o.Text("name"); name != unnamedIncident {
		r.state(o, "name", "incident.title", nonEmpty(name)...)
	}
	r.state(o, "description", "summary", nonEmpty(o.Text("description"))...)
	r.references(o)
}

// references states where more is written.
func (r *stixReading) references(o stix.Object) {
	for _, v := range o.List("external_references") {
		ref, _ := v.(stix.Object)
		for _, from := range [][]string{{"url"}, {"source_name", "external_id"}, {"description"}} {
			last := from[len(from)-1]
			if ref.Text(last) == "" {
				continue
			}
			text := ref.Text(last)
			if len(from) > 1 {
				text = strings.TrimSpace(ref.Text(from[0]) + " " + text)
			}
			if r.put("reference", text, o.Type()+".external_references") {
				for _, name := range from {
					r.useOne(o, "external_references."+name)
				}
			}
			break
		}
	}
}

func (r *stixReading) incident(o stix.Object) {
	r.container(o)
	if n := whole(o, "confidence"); o.Has("confidence") {
		// The scale None, Low, Medium, High of the specification, appendix A.
		grade := "High"
		switch {
		case n == 0:
			grade = "None"
		case n < 30:
			grade = "Low"
		case n < 70:
			grade = "Medium"
		}
		r.state(o, "confidence", "confidence", grade)
	}
	// The extension stands under its definition's identifier or under another
	// name, or its properties stand in the incident itself.
	for _, m := range o.Object("extensions") {
		if core, ok := m.Value.(stix.Object); ok && (m.Name == stix.IncidentCore || isCore(core)) {
			r.core(o, core, "extensions."+m.Name+".")
		}
	}
	if isCore(o) {
		r.core(o, o, "")
	}
}

func isCore(o stix.Object) bool { return o.Has("determination") || o.Has("investigation_status") }

// core takes the incident core extension.
func (r *stixReading) core(o, core stix.Object, at string) {
	r.stateTerms(o, at+"determination", "security_incident", stixDetermination, nonEmpty(core.Text("determination"))...)
	for _, term := range core.Texts("detection_methods") {
		switch own := r.m.discovery(term); {
		case own.path != "":
			r.state(o, at+"detection_methods", own.path, own.code)
		case stixDiscoveryInternal[term] != "":
			r.state(o, at+"detection_methods", "discovery_method.internal.variety", stixDiscoveryInternal[term])
		case stixDiscoveryExternal[term] != "":
			r.state(o, at+"detection_methods", "discovery_method.external.variety", stixDiscoveryExternal[term])
		}
	}
	if core.Has("criticality") {
		r.state(o, at+"criticality", "impact.overall_rating", stixRatings[min(4, whole(core, "criticality")/20)])
	}
	for _, term := range core.Texts("incident_types") {
		r.incidentType(o, at+"incident_types", stixTerm(term))
	}
	for _, category := range stixImpacts {
		// An earlier version had impacts as lists in the incident.
		for _, item := range core.List(category + "_impacts") {
			if ext, ok := item.(stix.Object); ok {
				r.impactPart(o, category, ext, at+category+"_impacts")
			}
		}
	}
}

func (r *stixReading) incidentType(o stix.Object, property, term string) {
	place := o.Type() + "." + property
	row, known := stixIncidentTypes[term]
	if !known {
		row[0] = term
	}
	found := r.m.actions[row[0]]
	taken := found.path != "" && r.put(found.path, found.code, place)
	if row[1] != "" {
		taken = r.put("classification.rsit", row[1], place) || taken
	}
	if taken {
		r.useOne(o, property)
	}
}

// event takes the time of what happened: the incident is as old as its oldest
// event.
func (r *stixReading) event(o stix.Object) {
	if start := faithful(o.Text("start_time"), o.Text("start_time_fidelity")); start != "" {
		r.earliest(o, "start_time", start)
		r.use(o, "start_time_fidelity")
	}
	r.end(o)
	for _, term := range o.Texts("event_types") {
		r.incidentType(o, "event_types", stixTerm(term))
	}
}

// end states when the incident ended: with the last that ended of it.
func (r *stixReading) end(o stix.Object) {
	end := faithful(o.Text("end_time"), o.Text("end_time_fidelity"))
	c := r.m.fields.byPath["timeline.end"]
	if end == "" || c == nil {
		return
	}
	if cell := r.rows.cell(c, 0); cell != nil {
		cell.text = max(cell.text, end)
	} else if !r.put("timeline.end", end, o.Type()+".end_time") {
		return
	}
	r.use(o, "end_time")
	r.use(o, "end_time_fidelity")
}

// earliest states the time of the incident, or an earlier one.
func (r *stixReading) earliest(o stix.Object, property, text string) {
	c := r.m.fields.byPath["timeline.incident"]
	if c == nil {
		return
	}
	if cell := r.rows.cell(c, 0); cell != nil {
		if text < cell.text {
			cell.text = text
		}
		r.use(o, property)
		return
	}
	r.state(o, property, "timeline.incident", text)
}

func (r *stixReading) impact(o stix.Object) {
	if text := faithful(o.Text("start_time"), o.Text("start_time_fidelity")); text != "" {
		r.starts = append(r.starts, start{o, text})
	}
	r.end(o)
	r.state(o, "description", "impact.notes", nonEmpty(o.Text("description"))...)
	for _, category := range stixImpacts {
		for _, name := range []string{category + "-ext", category} {
			if ext := o.Object("extensions").Object(name); ext != nil {
				r.impactPart(o, category, ext, "extensions."+name)
			}
		}
	}
}

// impactPart takes what one category of impact says; ext stands at a path of
// the object.
func (r *stixReading) impactPart(o stix.Object, category string, ext stix.Object, at string) {
	switch category {
	case "confidentiality":
		r.stateTerms(o, at+".loss_type", "attribute.confidentiality.data_disclosure", stixLoss, nonEmpty(ext.Text("loss_type"))...)
		r.number(o, ext, at, "record_count", "attribute.confidentiality.data_total")
		r.stateTerms(o, at+".information_type", "attribute.confidentiality.data.variety", nil, nonEmpty(ext.Text("information_type"))...)
	case "integrity":
		if term := ext.Text("alteration"); stixDestruction[term] != "" {
			r.stateTerms(o, at+".alteration", "attribute.availability.variety", stixDestruction, term)
		} else {
			r.stateTerms(o, at+".alteration", "attribute.integrity.variety", stixAlteration, nonEmpty(term)...)
		}
	case "availability":
		if n := whole(ext, "availability_impact"); n >= 100 {
			r.state(o, at+".availability_impact", "attribute.availability.variety", "Interruption")
		} else if n > 0 {
			r.state(o, at+".availability_impact", "attribute.availability.variety", "Degradation")
		}
	case "economic", "monetary":
		r.number(o, ext, at, "min_amount", "impact.overall_min_amount")
		r.number(o, ext, at, "max_amount", "impact.overall_max_amount")
		r.state(o, at+".currency", "impact.iso_currency_code", nonEmpty(ext.Text("currency"))...)
	}
}

func (r *stixReading) number(o, ext stix.Object, at, name, path string) {
	v, _ := ext.Get(name)
	if n, ok := v.(stix.Number); ok {
		r.state(o, at+"."+name, path, string(n))
	}
}

// identity takes a victim: a name, its sectors. Others who appear in a bundle
// are not the report's to tell.
func (r *stixReading) identity(o stix.Object) {
	class := o.Text("identity_class")
	switch {
	case !r.victims[o.ID()]:
		r.leave(o, "", "the identity plays no part that the standard has a field for")
		return
	case class == "individual":
		r.leave(o, "name", "a person is no victim organisation; the standard has no field for it")
	case class != "class":
		if r.put("victim.victim_id", o.Text("name"), "identity.name") {
			r.use(o, "name")
		} else {
			r.state(o, "name", "victim.secondary.victim_id", nonEmpty(o.Text("name"))...)
		}
	}
	for _, sector := range o.Texts("sectors") {
		if code := stixIndustry[sector]; code != "" {
			r.state(o, "sectors", "victim.industry", code)
		} else if code, own := strings.CutPrefix(sector, "naics-"); own {
			r.state(o, "sectors", "victim.industry", code)
		}
	}
}

// location takes where a victim or an actor is, as relationships say.
func (r *stixReading) location(o stix.Object) {
	field := r.whose(o.ID())
	if field == "" {
		r.leave(o, "", "nothing says of whom this is the place")
		return
	}
	r.state(o, "country", field+".country", nonEmpty(strings.ToUpper(o.Text("country")))...)
	r.stateTerms(o, "region", field+".region", stixRegion, nonEmpty(o.Text("region"))...)
	if field == "victim" {
		r.state(o, "administrative_area", "victim.state", nonEmpty(o.Text("administrative_area"))...)
	}
}

// whose finds whether a place is the victim's or the actor's.
func (r *stixReading) whose(id string) string {
	field := ""
	if r.victims[id] {
		field = "victim"
	}
	for _, o := range r.group.members {
		if o.Type() != "relationship" || o.Text("target_ref") != id {
			continue
		}
		switch source := o.Text("source_ref"); stix.TypeOfID(source) {
		case "identity", "infrastructure":
			if r.victims[source] {
				field = "victim"
			}
		case "incident":
			field = "victim"
		case "threat-actor", "intrusion-set", "campaign":
			if kind := o.Text("relationship_type"); kind == "located-at" || kind == "originates-from" {
				field = "actor.external"
			}
		}
	}
	return field
}

func (r *stixReading) actor(o stix.Object) {
	motives := "actor.external.motive"
	for _, term := range o.Texts("threat_actor_types") {
		if code := stixActorInternal[term]; code != "" {
			r.state(o, "threat_actor_types", "actor.internal.variety", code)
			motives = "actor.internal.motive"
		} else {
			r.stateTerms(o, "threat_actor_types", "actor.external.variety", stixActorExternal, term)
		}
	}
	r.stateTerms(o, "primary_motivation", motives, stixMotive, nonEmpty(o.Text("primary_motivation"))...)
	r.stateTerms(o, "secondary_motivations", motives, stixMotive, o.Texts("secondary_motivations")...)
	if name := o.Text("name"); motives == "actor.external.motive" && name != unnamedActor {
		r.state(o, "name", "actor.external.name", nonEmpty(name)...)
	}
}

func (r *stixReading) malware(o stix.Object) {
	r.stateTerms(o, "malware_types", "action.malware.variety", stixMalware, o.Texts("malware_types")...)
	r.state(o, "name", "action.malware.name", nonEmpty(o.Text("name"))...)
}

// technique takes the techniques of ATT&CK that an attack pattern refers to;
// the subtechnique's number stands after a dot.
func (r *stixReading) technique(o stix.Object) {
	for _, v := range o.List("external_references") {
		ref, _ := v.(stix.Object)
		if source := ref.Text("source_name"); strings.HasPrefix(source, "mitre-") && source != "mitre-attack-mitigation" {
			r.state(o, "external_references.external_id", "attack.techniques", nonEmpty(ref.Text("external_id"))...)
		}
	}
}

func (r *stixReading) vulnerability(o stix.Object) {
	seen := r.sights[o.ID()]
	if s := (stix.Sighted{Type: observable.CVE, Value: o.Text("name")}); isCanonical(s) && r.see(s, "", seen) {
		r.use(o, "name")
	}
	for _, v := range o.List("external_references") {
		ref, _ := v.(stix.Object)
		s := stix.Sighted{Type: observable.CVE, Value: ref.Text("external_id")}
		if ref.Text("source_name") == "cve" && isCanonical(s) && r.see(s, "", seen) {
			r.useOne(o, "external_references.external_id")
		}
	}
}

func isCanonical(s stix.Sighted) bool {
	_, ok := observable.Canonical(s.Type, s.Value)
	return ok
}

// indicator takes the observables of a pattern of STIX.
func (r *stixReading) indicator(o stix.Object) {
	types := o.Texts("indicator_types")
	switch {
	case len(types) == 1 && types[0] == "benign":
		r.leave(o, "", "the indicator says that this is benign")
		return
	case o.Text("pattern_type") != "stix":
		r.leave(o, "pattern", "a pattern for another tool; its observables cannot be told")
		return
	}
	p, err := stix.ParsePattern(o.Text("pattern"))
	if err != nil {
		r.refuse("indicator.pattern", err.Error())
		return
	}
	found := stix.Observables(p)
	for _, s := range found {
		role := r.roles[o.ID()]
		if role == "" && (s.Type == observable.FileHash || s.Type == observable.FileName) {
			role = "payload"
		}
		if r.see(s, role, r.sights[o.ID()]) {
			r.use(o, "pattern")
		}
	}
	if len(found) == 0 {
		r.leave(o, "pattern", "the pattern holds no observable of a type that the standard has")
	}
}

// observable takes the typed values of a cyber-observable and says whether
// there was one.
func (r *stixReading) observable(o stix.Object, id string) (found bool) {
	var walk func(path stix.ObjectPath, property string, v any)
	walk = func(path stix.ObjectPath, property string, v any) {
		text := ""
		switch v := v.(type) {
		case stix.Object:
			for _, m := range v {
				step := m.Name
				if property != "" {
					step = property + "." + m.Name
				}
				walk(stix.ObjectPath{Type: path.Type, Steps: append(slices.Clip(path.Steps), stix.Step{Name: m.Name})}, step, m.Value)
			}
			return
		case stix.List:
			for _, item := range v {
				walk(path, property, item)
			}
			return
		case string:
			text = v
		case stix.Number:
			text = string(v)
		}
		if s, ok := stix.SightedAt(path, text); ok && r.see(s, r.roles[id], r.sights[id]) {
			r.useOne(o, property)
			found = true
		} else if ok = slices.Contains([]string{"value", "key", "number", "account_login"}, property); ok && r.reasons[key(o)] == nil {
			r.leave(o, property, "no observable of a type that the standard has, or no value of its type")
		}
	}
	walk(stix.ObjectPath{Type: o.Type()}, "", o)
	return found
}

// embedded takes the observables that stand inside of observed data, as STIX
// 2.0 had them, and the time of the incident where there is no better one.
func (r *stixReading) embedded(o stix.Object) {
	seen := sight{first: day(o.Text("first_observed")), last: day(o.Text("last_observed")), count: whole(o, "number_observed")}
	id := key(o)
	r.sights[id] = seen
	for _, m := range o.Object("objects") {
		inner, ok := m.Value.(stix.Object)
		if !ok {
			continue
		}
		// It speaks under the identifier of what it stands in, so that what is
		// used is used there.
		if r.observable(append(slices.Clone(inner), stix.Member{Name: "id", Value: "embedded--" + id + m.Name}), id) {
			r.use(o, "objects."+m.Name)
			for _, name := range []string{"first_observed", "last_observed", "number_observed"} {
				r.use(o, name)
			}
		}
	}
}

// firstSeen takes the first impact or observation for the time of what
// happened, where no event tells it. A report or a grouping may tell of
// years: its parts date nothing.
func (r *stixReading) firstSeen() {
	c := r.m.fields.byPath["timeline.incident"]
	if head := r.group.Head.Type(); c == nil || head == "report" || head == "grouping" || r.rows.cell(c, 0) != nil {
		return
	}
	first := ""
	for _, seen := range r.sights {
		if seen.first != "" && (first == "" || seen.first < first) {
			first = seen.first
		}
	}
	impact := start{text: first}
	for _, s := range r.starts {
		if impact.text == "" || s.text < impact.text {
			impact = s
		}
	}
	switch {
	case impact.object != nil:
		r.state(impact.object, "start_time", "timeline.incident", impact.text)
		r.use(impact.object, "start_time_fidelity")
	case first != "" && r.put("timeline.incident", first, "first_observed"):
		r.account.Repair(stixFirstSeen)
	}
}

// stixFirstSeen is the rule by which the first observation dates an incident
// of which nothing else says when it happened.
const stixFirstSeen = "stix.first-seen"

// task takes when the incident was noticed and dealt with, and what was done.
func (r *stixReading) task(o stix.Object) {
	start := faithful(o.Text("start_time"), o.Text("start_time_fidelity"))
	end := faithful(o.Text("end_time"), o.Text("end_time_fidelity"))
	for _, term := range append(o.Texts("task_types"), o.Texts("task_type")...) {
		property := "task_types"
		if !o.Has(property) {
			property = "task_type" // of an earlier version
		}
		when, used := start, "start_time"
		if term == "containment" || term == "recovery" || when == "" {
			when, used = end, "end_time"
		}
		path := stixTasks[term]
		if path == "" || when == "" || o.Text("outcome") == "pending" || o.Text("outcome") == "cancelled" || o.Text("outcome") == "failed" {
			continue
		}
		if r.put(path, when, "task."+used) {
			r.use(o, used)
			r.use(o, used+"_fidelity")
			r.useOne(o, property)
		}
	}
}

// stateListed states a code that the field lists, and nothing else.
func (r *stixReading) stateListed(o stix.Object, property, path, text string) {
	c := r.m.fields.byPath[path]
	if c != nil && text != "" && (c.listed(text) || c.folded[fold(text)] != "") {
		r.state(o, property, path, text)
	}
}
