package mapping

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/report"
)

// Minting says how the objects of a bundle are called and dated. Native
// identifiers and those made of values identify whom they came from, so they
// are never passed on.
type Minting struct {
	// ID makes the identifier of the object of a type that a name tells from
	// others of one report: a random one, or one under a key (stix.KeyedID).
	ID func(typ, name string) (string, error)
	// At is what objects say of when they were made.
	At time.Time
}

// Names that STIX demands where a report has none; reading knows them again.
const (
	unnamedIncident = "Incident"
	unnamedVictim   = "A victim that is not named"
	unnamedActor    = "An actor that is not named"
)

// stixSuspected is the rule by which an incident of which nothing is said is
// written as suspected.
const stixSuspected = "stix.suspected"

// stixWriting is one report on its way to a bundle.
type stixWriting struct {
	m        *STIX
	account  *Account
	minting  Minting
	report   report.Report
	at       string
	objects  stix.List
	incident string // its id
	marking  string // the id of the TLP marking, "" if none
	err      error  // the first of the minting
	written  map[string]bool
	edges    int
	roles    map[string]string // ids of infrastructure by role
}

// ToSTIX makes a bundle of a report: an incident with the incident core
// extension, and around it what the report says of victims, actors, malware,
// techniques, times, impact and observables. What STIX has no place for is
// counted in the account. An error is one of the minting.
func (m *STIX) ToSTIX(r report.Report, minting Minting, a *Account) (stix.Object, error) {
	w := &stixWriting{
		m: m, account: a, minting: minting, report: r,
		at: minting.At.UTC().Format("2006-01-02T15:04:05.000Z"), written: map[string]bool{}, roles: map[string]string{},
	}
	if marking := stix.TLPMarking(r.Value("marking.tlp")); marking != nil {
		w.objects = append(w.objects, marking)
		w.marking = marking.ID()
		w.written["marking.tlp"] = true
	}
	w.incident = w.id("incident", "")
	impacts := w.impacts()
	events := w.events()
	tasks := w.tasks()
	w.core(events, tasks, impacts)
	w.victim()
	w.actors()
	w.software()
	w.techniques()
	w.notes()
	for i, o := range r.Observables {
		w.observable(i, o)
	}
	w.settle()
	id := w.id("bundle", "")
	return stix.Object{{Name: "type", Value: "bundle"}, {Name: "id", Value: id}, {Name: "objects", Value: w.objects}}, w.err
}

func (w *stixWriting) id(typ, name string) string {
	id, err := w.minting.ID(typ, name)
	if err != nil && w.err == nil {
		w.err = err
	}
	return id
}

// value and values return what the report says and mark the path as written.
func (w *stixWriting) value(path string) string {
	v := w.report.Value(path)
	w.written[path] = w.written[path] || v != ""
	return v
}

func (w *stixWriting) values(path string) []string {
	v := w.report.Get(path)
	w.written[path] = w.written[path] || len(v) > 0
	return v
}

// settle counts what was not written.
func (w *stixWriting) settle() {
	if w.report.Native != "" {
		w.account.Skip("native", "a native identifier identifies; objects get identifiers of their own")
	}
	for _, s := range w.report.Statements {
		if !w.written[s.Path] {
			w.account.Skip(s.Path, "STIX has no counterpart")
		}
	}
}

// begin starts an object with what all versioned ones hold.
func (w *stixWriting) begin(typ, id string) stix.Object {
	o := stix.Object{
		{Name: "type", Value: typ}, {Name: "spec_version", Value: "2.1"}, {Name: "id", Value: id},
		{Name: "created", Value: w.at}, {Name: "modified", Value: w.at},
	}
	return w.marked(o)
}

func (w *stixWriting) marked(o stix.Object) stix.Object {
	if w.marking != "" {
		o = o.With("object_marking_refs", stix.List{w.marking})
	}
	return o
}

func (w *stixWriting) put(o stix.Object) string {
	w.objects = append(w.objects, o)
	return o.ID()
}

// relate ties two objects.
func (w *stixWriting) relate(source, kind, target string) {
	w.edges++
	o := w.begin("relationship", w.id("relationship", strconv.Itoa(w.edges)))
	w.put(o.With("relationship_type", kind).With("source_ref", source).With("target_ref", target))
}

// add adds a text, unless there is none.
func add(o stix.Object, name, text string) stix.Object {
	if text == "" {
		return o
	}
	return o.With(name, text)
}

func addList(o stix.Object, name string, items []string) stix.Object {
	if len(items) == 0 {
		return o
	}
	list := make(stix.List, len(items))
	for i, item := range items {
		list[i] = item
	}
	return o.With(name, list)
}

// term writes a code as its term: that of the vocabulary, or, where the
// vocabulary is open and has none that says as much, the code's own.
func term(table map[string]string, code string) string {
	found := ""
	for t, c := range table {
		if c == code && (found == "" || t < found) {
			found = t
		}
	}
	if found == "" || ambiguous[code] {
		return stixTerm(code)
	}
	return found
}

// ambiguous are codes for which a vocabulary has several terms, none of which
// says as much.
var ambiguous = map[string]bool{"Unaffiliated": true, "Other": true, "Fun": true, "C2": true, "Rootkit": true, "Downloader": true, "Backdoor": true, "Spyware/Keylogger": true}

func (w *stixWriting) terms(path string, table map[string]string) []string {
	var out []string
	for _, code := range w.values(path) {
		out = append(out, term(table, code))
	}
	return slices.Compact(out)
}

// core writes the incident and its extension.
func (w *stixWriting) core(events, tasks, impacts []string) {
	o := w.begin("incident", w.incident)
	name := w.value("incident.title")
	if name == "" {
		name = unnamedIncident
	}
	o = add(o.With("name", name), "description", w.value("summary"))
	if grade, ok := map[string]string{"None": "0", "Low": "15", "Medium": "50", "High": "85"}[w.value("confidence")]; ok {
		o = o.With("confidence", stix.Number(grade))
	}
	var references stix.List
	for _, text := range strings.Split(w.value("reference"), "; ") {
		if text == "" {
			continue
		}
		ref := stix.Object{{Name: "source_name", Value: "reference"}}
		if strings.Contains(text, "://") && !strings.ContainsAny(text, " \n\t") {
			references = append(references, ref.With("url", text))
		} else {
			references = append(references, ref.With("description", text))
		}
	}
	if len(references) > 0 {
		o = o.With("external_references", references)
	}
	w.put(o.With("extensions", stix.Object{{Name: stix.IncidentCore, Value: w.extension(events, tasks, impacts)}}))
}

func (w *stixWriting) extension(events, tasks, impacts []string) stix.Object {
	determination := map[string]string{"Confirmed": "confirmed", "Suspected": "suspected", "Near miss": "failed-attempt", "False positive": "false-positive"}[w.value("security_incident")]
	if determination == "" {
		determination = "suspected" // the extension wants one, and this claims least
		w.account.Repair(stixSuspected)
	}
	status := "open"
	if w.report.Value("timeline.contained") != "" || w.report.Value("timeline.end") != "" {
		status = "closed"
	}
	ext := stix.Object{{Name: "extension_type", Value: "property-extension"}, {Name: "determination", Value: determination}, {Name: "investigation_status", Value: status}}
	ext = addList(ext, "incident_types", w.incidentTypes())
	ext = addList(ext, "detection_methods", w.detection())
	if i := slices.Index(stixRatings, w.report.Value("impact.overall_rating")); i >= 0 {
		w.written["impact.overall_rating"] = true
		ext = ext.With("criticality", stix.Number(strconv.Itoa(i*20+10)))
	}
	ext = addList(ext, "event_refs", events)
	ext = addList(ext, "task_refs", tasks)
	return addList(ext, "impact_refs", impacts)
}

// incidentTypes are the varieties of actions after their family, and the
// classes of RSIT.
func (w *stixWriting) incidentTypes() []string {
	var out []string
	for _, c := range w.m.fields.all {
		family, found := strings.CutPrefix(c.field.Path, "action.")
		if family, ok := strings.CutSuffix(family, ".variety"); found && ok {
			for _, code := range w.values(c.field.Path) {
				out = append(out, family+"-"+stixTerm(code))
			}
		}
	}
	for _, code := range w.values("classification.rsit") {
		out = append(out, stixTerm(code))
	}
	return out
}

// detection writes the standard's own codes, with the side that found the
// incident: the vocabulary says less.
func (w *stixWriting) detection() []string {
	var out []string
	for _, side := range []string{"external", "internal", "partner"} {
		for _, code := range w.values("discovery_method." + side + ".variety") {
			if side == "external" && code == "Actor disclosure" {
				out = append(out, "message-from-attacker")
				continue
			}
			out = append(out, side+"-"+stixTerm(code))
		}
	}
	return out
}

// dated adds a time under a name, with the fidelity that is known.
func dated(o stix.Object, name, text string) stix.Object {
	const whole = "0001-01-01T00:00:00Z"
	fidelity := map[int]string{4: "year", 7: "month", 10: "day"}[len(text)]
	if fidelity == "" {
		return o.With(name, text).With(name+"_fidelity", "second")
	}
	return o.With(name, text+whole[len(text):]).With(name+"_fidelity", fidelity)
}

func declared(o stix.Object, extension string, more ...stix.Member) stix.Object {
	extensions := stix.Object{{Name: extension, Value: stix.Object{{Name: "extension_type", Value: "new-sdo"}}}}
	return o.With("extensions", append(extensions, more...))
}

// events writes when the incident happened.
func (w *stixWriting) events() []string {
	start, end := w.value("timeline.incident"), w.value("timeline.end")
	if start != "" && end != "" && moment(end) < moment(start) {
		w.account.Skip("timeline.end", "it is before the incident, which STIX refuses")
		end = ""
	}
	if start == "" && end == "" {
		return nil
	}
	o := w.begin("event", w.id("event", "")).With("status", "occurred")
	if start != "" {
		o = dated(o, "start_time", start)
	}
	if end != "" {
		o = dated(o, "end_time", end)
	}
	return []string{w.put(declared(o, stix.EventExtension))}
}

// tasks writes when the incident was noticed and dealt with.
func (w *stixWriting) tasks() []string {
	var out []string
	for _, t := range [][3]string{
		{"timeline.discovered", "detected", "start_time"}, {"timeline.contained", "containment", "end_time"},
		{"timeline.recovered", "recovery", "end_time"}, {"timeline.notification", "reported", "start_time"},
	} {
		if when := w.value(t[0]); when != "" {
			o := w.begin("task", w.id("task", t[1])).With("outcome", "successful").With("task_types", stix.List{t[1]})
			out = append(out, w.put(declared(dated(o, t[2], when), stix.TaskExtension)))
		}
	}
	return out
}

// impacts writes what the incident did to confidentiality, integrity,
// availability and money.
func (w *stixWriting) impacts() []string {
	var out []string
	impact := func(category, name string, part stix.Object) {
		if len(part) == 0 {
			return
		}
		o := w.begin("impact", w.id("impact", category+name)).With("impact_category", category)
		if len(out) == 0 {
			o = add(o, "description", w.value("impact.notes"))
		}
		out = append(out, w.put(declared(o, stix.ImpactExtension, stix.Member{Name: category + "-ext", Value: part})))
	}
	loss := stix.Object{}
	disclosed := map[string]string{"Yes": "confirmed-loss", "Potentially": "suspected-loss", "No": "none"}[w.report.Value("attribute.confidentiality.data_disclosure")]
	if disclosed != "" {
		w.written["attribute.confidentiality.data_disclosure"] = true
		loss = loss.With("loss_type", disclosed)
	}
	if n := w.value("attribute.confidentiality.data_total"); n != "" {
		loss = loss.With("record_count", stix.Number(n))
	}
	impact("confidentiality", "", loss)
	for _, kind := range w.values("attribute.confidentiality.data.variety") {
		impact("confidentiality", kind, stix.Object{{Name: "information_type", Value: stixTerm(kind)}})
	}
	for _, code := range w.report.Get("attribute.availability.variety") {
		if n := map[string]string{"Interruption": "100", "Degradation": "50"}[code]; n != "" {
			w.written["attribute.availability.variety"] = true
			impact("availability", code, stix.Object{{Name: "availability_impact", Value: stix.Number(n)}})
		} else if code == "Destruction" {
			w.written["attribute.availability.variety"] = true
			impact("integrity", code, stix.Object{{Name: "alteration", Value: "full-destruction"}})
		} else {
			w.account.Skip("attribute.availability.variety", "STIX has no counterpart of this code")
		}
	}
	for _, code := range w.report.Get("attribute.integrity.variety") {
		if code == "Modify data" {
			w.written["attribute.integrity.variety"] = true
			impact("integrity", code, stix.Object{{Name: "alteration", Value: "partial-modification"}})
		} else if w.written["attribute.integrity.variety"] {
			w.account.Skip("attribute.integrity.variety", "STIX has no counterpart of this code")
		}
	}
	impact("economic", "", w.money())
	return out
}

func (w *stixWriting) money() stix.Object {
	least, most := w.value("impact.overall_min_amount"), w.value("impact.overall_max_amount")
	if exact := w.value("impact.overall_amount"); exact != "" {
		least, most = exact, exact
	}
	if least == "" && most == "" {
		return nil
	}
	o := add(stix.Object{{Name: "variety", Value: "overall-loss"}}, "currency", w.value("impact.iso_currency_code"))
	if least != "" {
		o = o.With("min_amount", stix.Number(least))
	}
	if most != "" {
		o = o.With("max_amount", stix.Number(most))
	}
	return o
}

// victim writes whom the incident hit, and where they are.
func (w *stixWriting) victim() {
	name, sector := w.value("victim.victim_id"), w.sector()
	places := w.places("victim")
	if name == "" && sector == "" && len(places) == 0 && len(w.report.Get("victim.secondary.victim_id")) == 0 {
		return
	}
	o := w.begin("identity", w.id("identity", "victim"))
	class := "organization"
	if name == "" {
		name, class = unnamedVictim, "class"
	}
	o = o.With("name", name).With("identity_class", class)
	if sector != "" {
		o = o.With("sectors", stix.List{sector})
	}
	victim := w.put(o)
	w.relate(w.incident, "targets", victim)
	for _, place := range places {
		w.relate(victim, "located-at", place)
	}
	for i, name := range w.values("victim.secondary.victim_id") {
		o := w.begin("identity", w.id("identity", "secondary"+strconv.Itoa(i))).With("name", name).With("identity_class", "organization")
		w.relate(w.incident, "targets", w.put(o))
	}
}

// sector is the sector of the victim's industry; where the vocabulary has
// none, the code itself.
func (w *stixWriting) sector() string {
	code := w.report.Value("victim.industry")
	if strings.Trim(code, "0") == "" {
		return "" // nothing is known of it
	}
	w.written["victim.industry"] = true
	for n := len(code); n >= 2; n-- {
		if sector := industryStix[code[:n]]; sector != "" && stixIndustry[sector] == code {
			return sector
		}
	}
	return "naics-" + code
}

// places writes countries and regions and returns the ids of the locations.
func (w *stixWriting) places(of string) []string {
	var out []string
	location := func(kind, value, state string) {
		o := w.begin("location", w.id("location", of+kind+value)).With(kind, value)
		out = append(out, w.put(add(o, "administrative_area", state)))
	}
	state := ""
	if of == "victim" {
		state = w.value("victim.state")
	}
	for _, country := range w.values(of + ".country") {
		if country == "Unknown" {
			w.account.Skip(of+".country", "STIX leaves out what is not known")
			continue
		}
		location("country", country, state)
		state = ""
	}
	for _, code := range w.report.Get(of + ".region") {
		if region := term(stixRegion, code); region != stixTerm(code) {
			w.written[of+".region"] = true
			location("region", region, state)
			state = ""
		}
	}
	if state != "" {
		w.written["victim.state"] = false // a state without a country is no location
	}
	return out
}

// actors writes who is said to have done it.
func (w *stixWriting) actors() {
	names := w.values("actor.external.name")
	kinds, motives := w.terms("actor.external.variety", stixActorExternal), w.terms("actor.external.motive", stixMotive)
	places := w.places("actor.external")
	if len(names) == 0 && len(kinds)+len(motives)+len(places) > 0 {
		names = []string{unnamedActor}
	}
	for i, name := range names {
		o := w.begin("threat-actor", w.id("threat-actor", strconv.Itoa(i))).With("name", name)
		if i == 0 {
			o = addList(o, "threat_actor_types", kinds)
			if len(motives) > 0 {
				o = addList(o.With("primary_motivation", motives[0]), "secondary_motivations", motives[1:])
			}
		}
		actor := w.put(o)
		w.relate(w.incident, "attributed-to", actor)
		for _, place := range places {
			w.relate(actor, "located-at", place)
		}
	}
	if campaign := w.value("incident.campaign"); campaign != "" {
		w.relate(w.incident, "attributed-to", w.put(w.begin("campaign", w.id("campaign", "")).With("name", campaign)))
	}
}

// software writes the malware by its names; what kind it was stands in the
// types of the incident.
func (w *stixWriting) software() {
	for i, name := range strings.Split(w.value("action.malware.name"), "; ") {
		if strings.TrimSpace(name) == "" {
			continue
		}
		o := w.begin("malware", w.id("malware", strconv.Itoa(i))).With("name", name).With("is_family", true)
		w.relate(w.incident, "related-to", w.put(o))
	}
}

func (w *stixWriting) techniques() {
	for _, id := range w.values("attack.techniques") {
		o := w.begin("attack-pattern", w.id("attack-pattern", id)).With("name", id)
		o = o.With("external_references", stix.List{stix.Object{{Name: "source_name", Value: "mitre-attack"}, {Name: "external_id", Value: id}}})
		w.relate(w.incident, "related-to", w.put(o))
	}
}

// notes writes remarks about the incident.
func (w *stixWriting) notes() {
	if text := w.value("notes"); text != "" {
		w.put(w.begin("note", w.id("note", "")).With("content", text).With("object_refs", stix.List{w.incident}))
	}
}
