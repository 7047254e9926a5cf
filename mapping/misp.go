package mapping

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

//go:generate go test -run TestTheDocumentationOfMISPIsCurrent -update-misp .

// MISP maps events of MISP to reports under one standard, and back. Attributes
// become observables by the table of types, tags and clusters become
// statements; identities of organisations, people and instances are listed as
// left out and go nowhere. It is not safe for concurrent use.
type MISP struct {
	std       *standard.Standard
	fields    *fields
	rows      *rows
	byVERIS   map[string]*cleaner
	countries map[string]string // code by folded name
}

// NewMISP prepares the mapping for a standard.
func NewMISP(std *standard.Standard) *MISP {
	m := &MISP{std: std, fields: newFields(std), countries: map[string]string{}}
	m.rows, m.byVERIS = m.fields.gather(), m.fields.verisPaths()
	if list, ok := std.CodeList("country"); ok {
		for _, c := range list.Codes {
			m.countries[fold(c.Label)] = c.Code
		}
	}
	return m
}

// The rules by which events are repaired on mapping; docs/misp.md explains
// them.
const (
	mispTwice        = "misp.twice"        // the same said again
	mispSeparator    = "misp.separator"    // host:port in place of host|port
	mispKind         = "misp.kind"         // a value of another type than its attribute says
	mispDetected     = "misp.detected"     // an attribute of no type whose value has one
	mispDistribution = "misp.distribution" // a distribution in place of a TLP label
	mispScheme       = "misp.scheme"       // a URL of a scheme for which there are no tokens
	mispEpoch        = "misp.epoch"        // a moment in seconds, milliseconds or microseconds
	mispUUID         = "misp.uuid"         // a UUID in another form
	mispTitle        = "misp.title"        // an info too long for a title
	mispDay          = "misp.day"          // a date that is not as precise as MISP writes it
	mispInfo         = "misp.info"         // an event of a report without title
)

// The reasons for which what stands in an event itself is left out.
const (
	reasonIdentity = "it tells who wrote the event, keeps it or may see it, and is never passed on"
	reasonID       = "an id that would lead back to the event; ids are issued anew"
	reasonMoved    = "how the instance keeps the event; the standard has no counterpart"
	reasonWritten  = "when something was written down is no date of the incident"
	reasonSpread   = "it says which instances pass it on; terms say who receives a report"
	reasonRemark   = "an observable has no remarks"
	reasonDeleted  = "it was deleted at its source"
)

// mispReading is one event on its way to a report.
type mispReading struct {
	m           *MISP
	account     *Account
	rows        *rows
	places      []Place
	taken       int // statements
	tags        map[string]bool
	tlp, pap    string
	observables []report.Observable
	at          map[string]int // place among observables by type, role and value
}

// FromMISP makes a report of an event. Every attribute ends in an observable,
// in a statement, in the account as not mapped, or among the places that are
// invalid; the caller says in which file, and counts the record. A report
// without statements and observables is of no use.
func (m *MISP) FromMISP(e misp.Event, a *Account) (report.Report, []Place) {
	m.rows.reset()
	r := &mispReading{m: m, account: a, rows: m.rows, tags: map[string]bool{}, at: map[string]int{}}
	for _, rule := range e.Applied {
		a.Repair(rule)
	}
	for _, f := range e.Flaws {
		r.refuse(f.Path, f.Reason)
	}
	for _, c := range e.Rest {
		a.skip(unmapped{shortPath(c.Path), restReason(c.Path)}, c.N)
	}
	native := r.event(e)
	r.labels(e.Clusters, e.Tags)
	for _, attribute := range e.Attributes {
		r.attribute(attribute, nil)
	}
	for _, o := range e.Objects {
		r.object(o)
	}
	r.marking(e.Distribution)
	return report.Report{
		Native: native, Standard: m.std.Ref(),
		Statements: r.rows.statements(), Observables: r.observables,
	}, r.places
}

func (r *mispReading) refuse(path, reason string) {
	r.places = append(r.places, Place{Path: shortPath(path), Reason: reason})
}

func (r *mispReading) skip(path, reason string) { r.account.Skip(shortPath(path), reason) }

// said lists a part of an event that says something and is left out.
func (r *mispReading) said(path, value, reason string) {
	if value != "" {
		r.skip(path, reason)
	}
}

// restReason says why what is no part of an Event here is left out.
func restReason(path string) string {
	last := path[strings.LastIndexByte(path, '.')+1:]
	switch last {
	case "Org", "Orgc", "org_id", "orgc_id", "org_uuid", "orgc_uuid", "event_creator_email", "user_id", "SharingGroup", "sharing_group_id",
		"authors", "User", "Organisation", "CryptographicKey", "source":
		return reasonIdentity
	case "RelatedEvent", "RelatedAttribute", "ObjectReference", "extends_uuid", "collection_uuid", "event_uuid":
		return "a link to another part or event; a report stands by itself"
	case "ShadowAttribute":
		return "a proposal that nobody has accepted"
	case "id", "uuid", "event_id", "object_id", "attribute_id", "attribute_uuid", "galaxy_id", "tag_id", "event_tag_id":
		return reasonID
	}
	if strings.HasPrefix(path, "GalaxyCluster") || strings.HasPrefix(path, "Galaxy.") {
		return "a galaxy is known by its name"
	}
	return reasonMoved
}

// event takes what stands in the event itself and returns its native id.
func (r *mispReading) event(e misp.Event) (native string) {
	if e.Info != "" {
		r.title(e.Info)
	}
	for i, text := range e.Reports {
		r.said("EventReport.uuid", text.UUID, reasonID)
		switch {
		case text.Content == "":
		case i > 0 || r.rows.has(r.m.fields.byPath["summary"], 0, ""):
			r.skip("EventReport.content", "a report has one summary")
		default:
			r.state("summary", text.Content, "EventReport.content")
		}
	}
	if e.Date != "" {
		r.state("timeline.incident", e.Date, "Event.date")
	}
	r.said("Event.timestamp", strings.Trim(e.Timestamp, "0"), reasonWritten)
	r.said("Event.threat_level_id", e.ThreatLevel, "the standard has no field for the threat level")
	r.said("Event.analysis", e.Analysis, "the standard has no field for the state of the analysis")
	if parsed, err := uuid.Parse(e.UUID); err == nil {
		if native = parsed.String(); native != e.UUID {
			r.account.Repair(mispUUID)
		}
	} else if native = strings.TrimSpace(e.UUID); native == "" {
		native = e.ID
	}
	if len(native) > report.MaxNative {
		r.refuse("Event.uuid", "the id has more than "+strconv.Itoa(report.MaxNative)+" bytes")
		native = ""
	}
	return native
}

// title takes the info; what is too long for a title is the summary.
func (r *mispReading) title(info string) {
	field := r.m.fields.byPath["incident.title"]
	if field != nil && field.field.MaxLength > 0 && len(info) > field.field.MaxLength {
		r.account.Repair(mispTitle)
		r.state("summary", info, "Event.info")
		return
	}
	r.state("incident.title", info, "Event.info")
}

// labels takes clusters before tags, because they say more.
func (r *mispReading) labels(clusters []misp.Cluster, tags []misp.Tag) {
	for _, c := range clusters {
		if c.TagName != "" {
			if r.tags[c.TagName] {
				continue
			}
			r.tags[c.TagName] = true
		}
		r.cluster(c.Galaxy, c.Value, c.External)
	}
	for _, t := range tags {
		r.tag(t.Name)
	}
}

// marking states the labels that bind the report. Where nobody wrote one, the
// distribution tells how far the event was meant to go.
func (r *mispReading) marking(distribution string) {
	byDistribution := map[string]string{"0": "TLP:AMBER+STRICT", "1": "TLP:GREEN", "4": "TLP:AMBER"}
	switch meant := byDistribution[distribution]; {
	case r.tlp == "" && meant != "":
		r.tlp = meant
		r.account.Repair(mispDistribution)
	default:
		r.said("Event.distribution", distribution, reasonSpread)
	}
	if r.tlp != "" {
		r.state("marking.tlp", r.tlp, "marking.tlp")
	}
	if r.pap != "" {
		r.state("marking.pap", r.pap, "marking.pap")
	}
}

// state makes a statement of a text that stands at a place, and counts it.
func (r *mispReading) state(path, text, place string) {
	if r.put(path, text, place) {
		r.account.Map(place)
	}
}

// put makes a statement of a text, if its field takes it, and says so.
func (r *mispReading) put(path, text, place string) bool {
	c := r.m.fields.byPath[path]
	if c == nil {
		r.skip(place, "the standard has no field "+path)
		return false
	}
	if code := r.m.countries[fold(text)]; path == "victim.country" && code != "" {
		text = code
	}
	done := c.clean(textOf(text), nil)
	for _, rule := range done.rules {
		if done.text != "" {
			r.account.Repair(rule)
		}
	}
	if done.text == "" || done.reason != "" && c.field.Type == standard.Code {
		switch {
		case done.reason == "":
		case c.field.Type == standard.Code && strings.HasPrefix(place, "Attribute["):
			r.refuse(place, "the standard lists no such code") // which may be anything that people write
		default:
			r.refuse(place, done.reason)
		}
		return false
	}
	if done.reason != "" {
		r.skip(place, done.reason)
	}
	row := 0
	if c.field.Group != "" {
		row = len(r.rows.values[c])
	}
	for _, cell := range r.rows.values[c] {
		if cell.text == done.text {
			r.account.Repair(mispTwice)
			return true
		}
	}
	switch {
	case !c.field.Many && c.field.Group == "" && len(r.rows.values[c]) > 0:
		r.skip(place, "the field takes one value, and has one")
		return false
	case r.taken >= report.MaxSaid:
		r.refuse(place, full)
		return false
	}
	r.taken++
	r.rows.put(c, row, done.text)
	return true
}

// join adds a text to a field that takes one, so that several stand in it.
func (r *mispReading) join(path, text, place string) bool {
	c := r.m.fields.byPath[path]
	if c == nil || len(r.rows.values[c]) == 0 {
		return r.put(path, text, place)
	}
	cell := r.rows.cell(c, 0)
	for part := range strings.SplitSeq(cell.text, "; ") {
		if part == strings.TrimSpace(text) {
			r.account.Repair(mispTwice)
			return true
		}
	}
	done := c.cleanText(textOf(cell.text + "; " + strings.TrimSpace(text)))
	if done.reason != "" || done.text == "" {
		r.skip(place, "the field is full")
		return false
	}
	cell.text = done.text
	return true
}

// object takes the attributes of an object.
func (r *mispReading) object(o misp.Object) {
	r.said("Object.uuid", o.UUID, reasonID)
	r.said("Object.comment", o.Comment, reasonRemark)
	r.said("Object.timestamp", strings.Trim(o.Timestamp, "0"), reasonWritten)
	r.said("Object.distribution", o.Distribution, reasonSpread)
	for _, part := range []string{o.Description, o.TemplateUUID, o.TemplateVersion, o.MetaCategory} {
		r.said("Object.template", part, "it describes the object's template")
	}
	if !o.Deleted {
		r.labels(nil, o.Tags)
	}
	for _, a := range o.Attributes {
		a.Deleted = a.Deleted || o.Deleted
		if a.FirstSeen == "" {
			a.FirstSeen = o.FirstSeen
		}
		if a.LastSeen == "" {
			a.LastSeen = o.LastSeen
		}
		r.attribute(a, &o)
	}
}

// attribute takes one attribute, of an object or on its own.
func (r *mispReading) attribute(a misp.Attribute, in *misp.Object) {
	r.said("Attribute.uuid", a.UUID, reasonID)
	r.said("Attribute.comment", a.Comment, reasonRemark)
	r.said("Attribute.timestamp", strings.Trim(a.Timestamp, "0"), reasonWritten)
	r.said("Attribute.distribution", a.Distribution, reasonSpread)
	if a.File {
		r.skip("Attribute.data", reasonFile)
	}
	path := "Attribute[" + a.Type + "]"
	switch {
	case a.Deleted:
		r.skip(path, reasonDeleted)
		return
	case strings.TrimSpace(a.Value) == "":
		r.refuse(path, "the attribute has no value")
		return
	case a.Type == "":
		r.refuse("Attribute", "the attribute has no type")
		return
	}
	r.labels(a.Clusters, a.Tags)
	one := &mispValue{r: r, path: path, attribute: a}
	if one.take(in) {
		r.account.Map(countedAs(a.Type))
	}
}

// countedAs is the path under which an attribute counts as mapped: names of
// types that nobody knows would make the account grow without end.
func countedAs(typ string) string {
	if _, known := mispTypes[typ]; !known && !misp.KnownType(typ) {
		typ = "another type"
	}
	return "Attribute[" + typ + "]"
}

// mispValue is an attribute whose value, or each half of it, is being taken.
type mispValue struct {
	r         *mispReading
	path      string
	attribute misp.Attribute
}

// take says whether something came of the attribute.
func (v *mispValue) take(in *misp.Object) bool {
	a := v.attribute
	if in != nil {
		if t, known := mispRelations[in.Name+"/"+a.Relation]; known {
			return v.as(t, a.Value, "")
		}
	}
	first, second, composite := misp.Composite(a.Type)
	if a.Type == "malware-sample" && strings.Contains(a.Value, "|") {
		second, composite = "md5", true
	}
	if !composite {
		return v.as(typeOf(a.Type), a.Value, "")
	}
	one, other, repaired := halves(a.Value, second)
	if repaired {
		v.r.account.Repair(mispSeparator)
	}
	ok := v.as(typeOf(first), one, "its first half: ")
	if other == "" {
		v.r.skip(v.path, "its second half is missing")
		return ok
	}
	return v.as(typeOf(second), other, "its second half: ") || ok
}

func typeOf(typ string) mispType {
	if t, known := mispTypes[typ]; known {
		return t
	}
	return none(reasonUnknown)
}

// as takes a text as what a type says; whose names the half it is.
func (v *mispValue) as(t mispType, text, whose string) bool {
	text = strings.TrimSpace(text)
	switch {
	case t.field == "reference" || t.field == "action.malware.name":
		return v.r.join(t.field, text, v.path)
	case t.field == "victim.victim_id" && v.r.otherVictim(text):
		return v.as(is(observable.Organisation).as("target"), text, whose)
	case t.field != "":
		return v.r.put(t.field, text, v.path)
	case t.prefix != "":
		return v.observe(observable.FileHash, t.prefix+strings.TrimPrefix(text, t.prefix), "")
	case len(t.types) == 0:
		return v.detect(t, text, whose)
	}
	var refused error
	for i, typ := range t.types {
		_, err := observable.Parse(typ, text)
		if err == nil {
			if i > 0 && typ != observable.CIDR {
				v.r.account.Repair(mispKind)
			}
			return v.observe(typ, text, t.role)
		}
		if refused == nil {
			refused = err
		}
	}
	if t.types[0] == observable.URL && hasScheme(text) {
		v.r.account.Repair(mispScheme)
		return v.observe(observable.URL, text, t.role)
	}
	if typ, canonical, ok := observable.Detect(text); ok && t.types[0] != observable.IBAN {
		v.r.account.Repair(mispKind)
		if typ == observable.IP || typ == observable.Domain {
			text = canonical // without its port
		}
		return v.observe(typ, text, t.role)
	}
	if t.types[0] == observable.IBAN && v.attribute.Type != "iban" {
		v.r.skip(v.path, reasonMoney)
		return false
	}
	v.r.refuse(v.path, whose+reasonOf(refused))
	return false
}

// hasScheme tells a URL of a scheme that has no canonical spelling here, such
// as that of a file server.
func hasScheme(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme != "http" && u.Scheme != "https"
}

// otherVictim says whether the report names another victim already.
func (r *mispReading) otherVictim(name string) bool {
	c := r.m.fields.byPath["victim.victim_id"]
	return c != nil && len(r.rows.values[c]) > 0 && !r.rows.same(c, 0, name)
}

// detect takes a value of no type whose own shape leaves no doubt.
func (v *mispValue) detect(t mispType, text, whose string) bool {
	if t.reason == reasonText {
		if typ, _, ok := observable.Detect(text); ok && detectable[typ] {
			v.r.account.Repair(mispDetected)
			return v.observe(typ, text, "")
		}
	}
	v.r.skip(v.path, whose+t.reason)
	return false
}

func reasonOf(err error) string {
	if observable.IsNoValue(err) {
		return "the value says that nothing is known"
	}
	return err.Error()
}

// observe adds an observable, or tells of one that is there what is new.
func (v *mispValue) observe(typ observable.Type, text, role string) bool {
	r := v.r
	if _, known := r.m.fields.byPath[report.ObservablePath(typ)]; !known {
		r.skip(v.path, "the standard has no observables of the type "+typ)
		return false
	}
	if role == "" {
		role = roleOf(typ, v.attribute.Category)
	}
	o := report.Observable{Type: typ, Value: text, Role: role, Count: v.attribute.Sightings}
	o.FirstSeen, o.LastSeen = v.moment("first_seen", v.attribute.FirstSeen), v.moment("last_seen", v.attribute.LastSeen)
	canonical, ok := observable.Canonical(typ, text)
	if !ok {
		canonical = text
	}
	key := typ + "\x00" + role + "\x00" + canonical
	if i, known := r.at[key]; known {
		r.account.Repair(mispTwice)
		widen(&r.observables[i], o)
		return true
	}
	switch {
	case len(r.observables) >= report.MaxObservables:
		r.refuse(v.path, "a report takes at most "+strconv.Itoa(report.MaxObservables)+" observables")
		return false
	case len(text) > report.MaxObservableValue:
		r.refuse(v.path, "a value has at most "+strconv.Itoa(report.MaxObservableValue)+" bytes")
		return false
	}
	r.at[key] = len(r.observables)
	r.observables = append(r.observables, o)
	return true
}

// widen has an observable cover what another one of the same value says.
func widen(o *report.Observable, by report.Observable) {
	if by.FirstSeen != "" && (o.FirstSeen == "" || by.FirstSeen < o.FirstSeen) {
		o.FirstSeen = by.FirstSeen
	}
	if by.LastSeen > o.LastSeen {
		o.LastSeen = by.LastSeen
	}
	o.Count += by.Count
}

// moment reads a moment in ISO 8601, or in seconds since 1970 or a thousandth
// or millionth of them.
func (v *mispValue) moment(name, text string) string {
	c := v.r.m.fields.byPath["timeline.incident"]
	text = strings.TrimSpace(text)
	if text == "" || c == nil {
		return ""
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) >= 9 {
		at := time.Unix(n, 0)
		switch {
		case len(text) > 14:
			at = time.UnixMicro(n)
		case len(text) > 11:
			at = time.UnixMilli(n)
		}
		v.r.account.Repair(mispEpoch)
		return at.UTC().Format(time.RFC3339)
	}
	done := c.cleanDate(text)
	if done.text == "" {
		v.r.refuse("Attribute."+name, done.reason)
	}
	return done.text
}
