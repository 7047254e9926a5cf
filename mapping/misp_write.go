package mapping

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/concord-trust/concord/formats/misp"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Issue is how an event is issued: its ids are random, so that nothing leads
// back to the report, its case or the values in it.
type Issue struct {
	Random io.Reader
	Now    time.Time
}

// mispWriting is one report on its way to an event.
type mispWriting struct {
	m       *MISP
	account *Account
	issue   Issue
	stamp   string
	event   misp.Event
	err     error // of the randomness
}

// The parts of an event that say the same of every one that is written.
const (
	// distribution of an event with a TLP label: the organisation that imports
	// it alone, which passes it on by its own decision, within the label. An
	// event without one says nothing of it, as feeds do.
	ownOrganisation = "0"
	inherited       = "5"
	undefinedThreat = "4"
	complete        = "2"
)

// ToMISP makes an event of a report and counts in the account what MISP has no
// place for. The event names nobody but whom the report names, and its UUIDs
// are new at every call. An error is one of the randomness.
func (m *MISP) ToMISP(r report.Report, issue Issue, a *Account) (misp.Event, error) {
	w := &mispWriting{m: m, account: a, issue: issue, stamp: strconv.FormatInt(issue.Now.Unix(), 10)}
	w.event = misp.Event{
		UUID: w.id(), Info: "Incident", Timestamp: w.stamp, Date: issue.Now.UTC().Format("2006-01-02"),
		ThreatLevel: undefinedThreat, Analysis: complete,
	}
	if r.Value("marking.tlp") != "" {
		w.event.Distribution = ownOrganisation
	}
	if r.Native != "" {
		a.Skip("native", "an event gets an id of its own")
	}
	for _, s := range r.Statements {
		w.statement(s)
	}
	if r.Value("incident.title") == "" {
		a.Repair(mispInfo) // an event must have an info
	}
	for _, o := range r.Observables {
		w.observable(o)
	}
	return w.event, w.err
}

// AddToMISP adds an observable to an event, as an attribute or an object of
// one, whose UUIDs are new. False: MISP has no place for the value. An error is
// one of the randomness.
func AddToMISP(e *misp.Event, o report.Observable, issue Issue) (bool, error) {
	w := &mispWriting{account: &Account{}, issue: issue, stamp: strconv.FormatInt(issue.Now.Unix(), 10), event: *e}
	w.observable(o)
	if w.err != nil {
		return false, w.err
	}
	added := len(w.event.Attributes)+len(w.event.Objects) > len(e.Attributes)+len(e.Objects)
	*e = w.event
	return added, nil
}

// id returns a new random UUID.
func (w *mispWriting) id() string {
	id, err := uuid.NewRandomFromReader(w.issue.Random)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("issue an id: %w", err)
	}
	return id.String()
}

func (w *mispWriting) tag(name string) { w.event.Tags = append(w.event.Tags, misp.Tag{Name: name}) }

// attribute adds a value to the event.
func (w *mispWriting) attribute(typ, category, value string, toIDs bool) *misp.Attribute {
	w.event.Attributes = append(w.event.Attributes, misp.Attribute{
		UUID: w.id(), Type: typ, Category: category, Value: value, ToIDs: toIDs, Timestamp: w.stamp, Distribution: inherited,
	})
	return &w.event.Attributes[len(w.event.Attributes)-1]
}

// statement finds the place of one statement.
func (w *mispWriting) statement(s report.Statement) {
	field, known := w.m.std.Field(s.Path)
	switch {
	case s.Path == "incident.title":
		w.event.Info = s.Value
	case s.Path == "summary":
		w.event.Reports = append(w.event.Reports, misp.Report{UUID: w.id(), Name: "Summary", Content: s.Value})
	case s.Path == "timeline.incident":
		w.date(s.Value)
	case s.Path == "marking.tlp":
		w.tag(strings.ToLower(s.Value))
	case s.Path == "marking.pap":
		w.tag(s.Value)
	case s.Path == "classification.rsit":
		class, typ, divided := strings.Cut(s.Value, ":")
		if divided {
			class += `="` + typ + `"`
		}
		w.tag("rsit:" + class)
	case s.Path == "attack.techniques":
		w.tag(`misp-galaxy:mitre-attack-pattern="` + s.Value + `"`)
	case s.Path == "actor.external.name":
		w.attribute("threat-actor", "Attribution", s.Value, false)
	case s.Path == "incident.campaign":
		w.attribute("campaign-name", "Attribution", s.Value, false)
	case s.Path == "victim.victim_id":
		w.victim(s.Value)
	case s.Path == "action.malware.name":
		for name := range strings.SplitSeq(s.Value, "; ") {
			w.attribute("malware-type", "Payload delivery", name, false)
		}
	case s.Path == "reference":
		for link := range strings.SplitSeq(s.Value, "; ") {
			w.attribute("link", "External analysis", link, false)
		}
	case known && field.Type == standard.Code && w.m.byVERIS[field.Crosswalk.VERIS] != nil && !strings.Contains(s.Value, `"`):
		w.tag("veris:" + strings.ReplaceAll(field.Crosswalk.VERIS, ".", ":") + `="` + s.Value + `"`)
	default:
		w.account.Skip(s.Path, "MISP has no counterpart")
	}
}

// date writes the day of the incident. MISP wants a whole date: the first day
// of what is known stands for it.
func (w *mispWriting) date(text string) {
	whole := (text + "-01-01")[:len("2006-01-02")]
	if len(text) >= len("2006-01-02") {
		whole = text[:len("2006-01-02")]
	}
	if whole != text {
		w.account.Repair(mispDay)
	}
	w.event.Date = whole
}

// The templates of the objects that are written (MISP/misp-objects).
var (
	templateVictim       = misp.Object{Name: "victim", MetaCategory: "misc", Description: "Victim object describes the target of an attack or abuse.", TemplateUUID: "a8806e40-39ad-435f-be02-ac2a13d6fc7d", TemplateVersion: "10"}
	templateOrganisation = misp.Object{Name: "organization", MetaCategory: "misc", Description: "An object which describes an organization.", TemplateUUID: "f750e12b-127a-432c-b022-b3f9153c4e2a", TemplateVersion: "9"}
	templateCoin         = misp.Object{Name: "coin-address", MetaCategory: "financial", Description: "An address used in a cryptocurrency", TemplateUUID: "d0e6997e-78da-4815-a6a1-cfc1c1cb8a46", TemplateVersion: "7"}
	templatePerson       = misp.Object{Name: "person", MetaCategory: "misc", Description: "An object which describes a person or an identity.", TemplateUUID: "a15b0477-e9d1-4b9c-9546-abe78a4f4248", TemplateVersion: "21"}
)

// object adds a group of one value.
func (w *mispWriting) object(template misp.Object, relation, typ, category, value string) *misp.Attribute {
	o := template
	o.UUID, o.Timestamp, o.Distribution = w.id(), w.stamp, inherited
	o.Attributes = []misp.Attribute{{
		UUID: w.id(), Type: typ, Category: category, Value: value, Relation: relation, Timestamp: w.stamp, Distribution: inherited,
	}}
	w.event.Objects = append(w.event.Objects, o)
	return &w.event.Objects[len(w.event.Objects)-1].Attributes[0]
}

func (w *mispWriting) victim(name string) {
	w.object(templateVictim, "name", "target-org", "Targeting data", name)
}

// observable writes one observable as the attribute, or the object of one
// attribute, that is read as the same again.
func (w *mispWriting) observable(o report.Observable) {
	a, role := w.place(o)
	if a == nil {
		return
	}
	if o.Role != "" && o.Role != role {
		w.account.Skip("observables.role", "MISP does not say so of this type")
	}
	if o.Count != 0 {
		w.account.Skip("observables.count", "MISP counts sightings, each with who saw it and when")
	}
	a.FirstSeen, a.LastSeen = w.moment(o.FirstSeen), w.moment(o.LastSeen)
}

// place chooses how a value is written and tells which role that says.
func (w *mispWriting) place(o report.Observable) (a *misp.Attribute, role string) {
	canonical, ok := observable.Canonical(o.Type, o.Value)
	value := o.Value
	plain := func(typ, category string) (*misp.Attribute, string) {
		return w.attribute(typ, category, value, true), roleOf(o.Type, category)
	}
	if !ok && o.Type == observable.URL && hasScheme(value) {
		return plain("url", "Network activity")
	}
	if !ok {
		if name, digest, named := strings.Cut(value, ":"); o.Type == observable.FileHash && named && mispTypes[name].prefix != "" {
			category := payload(o.Role)
			if !misp.Takes(category, name) {
				category = payload("payload")
			}
			return w.attribute(name, category, digest, true), roleOf(o.Type, category)
		}
		w.account.Skip("observables."+o.Type, "the value is none of its type, so that MISP would refuse it")
		return nil, ""
	}
	switch o.Type {
	case observable.IP, observable.CIDR:
		value = canonical
		if o.Role == "source" {
			return w.attribute("ip-src", "Network activity", value, true), "source"
		}
		return plain("ip-dst", "Network activity")
	case observable.ASN:
		value = canonical
		return plain("AS", "Network activity")
	case observable.Domain:
		value = canonical
		return plain("domain", "Network activity")
	case observable.URL:
		if strings.ContainsAny(value, "[]{}<>()") || !strings.Contains(value, "://") {
			value = canonical // it may be written so that nobody opens it
		}
		return plain("url", "Network activity")
	case observable.FileHash:
		value = canonical
		return plain(digestNames[len(canonical)], payload(o.Role))
	case observable.FileName:
		return plain("filename", payload(o.Role))
	case observable.RegistryKey:
		return plain("regkey", "Artifacts dropped")
	case observable.Mutex:
		return plain("mutex", "Artifacts dropped")
	case observable.UserAgent:
		return plain("user-agent", "Network activity")
	case observable.CVE:
		value = canonical
		return w.attribute("vulnerability", "External analysis", value, false), ""
	case observable.IBAN:
		return plain("iban", "Financial fraud")
	case observable.Phone:
		value = canonical
		return w.attribute("phone-number", "Other", value, false), ""
	case observable.Email:
		value = canonical
		switch o.Role {
		case "sender":
			return w.attribute("email-src", "Payload delivery", value, true), "sender"
		case "target":
			return w.attribute("target-email", "Targeting data", value, false), "target"
		}
		return plain("email", "Network activity")
	case observable.Wallet:
		return w.wallet(o, canonical)
	case observable.Account:
		return w.accountName(o)
	case observable.Person:
		return w.object(templatePerson, "full-name", "full-name", "Person", value), ""
	}
	if o.Role == "target" {
		return w.attribute("target-org", "Targeting data", value, false), "target"
	}
	return w.object(templateOrganisation, "name", "text", "Other", value), ""
}

// digestNames are the types of digests by the length of their text.
var digestNames = map[int]string{32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}

// payload is the category of what belongs to a file.
func payload(role string) string {
	if role == "payload" {
		return "Payload delivery"
	}
	return "Artifacts dropped"
}

// wallet writes an address in the type of its currency; what has none stands
// in an object.
func (w *mispWriting) wallet(o report.Observable, canonical string) (*misp.Attribute, string) {
	switch {
	case strings.HasPrefix(canonical, "bc1") || len(canonical) < 37 && (canonical[0] == '1' || canonical[0] == '3'):
		return w.attribute("btc", "Financial fraud", canonical, true), ""
	case len(canonical) == 95 && (canonical[0] == '4' || canonical[0] == '8'):
		return w.attribute("xmr", "Financial fraud", canonical, true), ""
	}
	return w.object(templateCoin, "address-crypto", "text", "Financial fraud", canonical), ""
}

// accountName writes a name of an account; MISP knows none without a service.
func (w *mispWriting) accountName(o report.Observable) (*misp.Attribute, string) {
	if o.Role == "target" {
		return w.attribute("target-user", "Targeting data", o.Value, false), "target"
	}
	return w.object(templatePerson, "handle", "text", "Person", o.Value), ""
}

// moment writes when a value was seen. MISP wants a moment: the start of a day
// stands for it, and what is known less precisely is left out.
func (w *mispWriting) moment(text string) string {
	switch {
	case text == "":
		return ""
	case len(text) == len("2006-01-02"):
		w.account.Repair(mispDay)
		return text + "T00:00:00+00:00"
	case len(text) < len("2006-01-02"):
		w.account.Skip("observables.seen", "MISP wants a moment, and only month or year is known")
		return ""
	}
	return strings.TrimSuffix(text, "Z") + "+00:00"
}
