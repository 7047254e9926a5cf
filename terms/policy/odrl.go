package policy

import (
	_ "embed"
	"fmt"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

// What the policies are written with: the profile of ODRL and the namespace of
// its words.
const (
	ProfileIRI = "https://github.com/concord-trust/concord/terms/policy/profile"
	Namespace  = ProfileIRI + "#"
)

// profile defines the words of the namespace, as JSON-LD.
//
//go:embed profile.jsonld
var profile []byte

// Profile returns the document that defines the words that policies use beside
// those of ODRL.
func Profile() []byte { return append([]byte(nil), profile...) }

// Other namespaces.
const (
	odrlNamespace = "http://www.w3.org/ns/odrl/2/"
	odrlContext   = "http://www.w3.org/ns/odrl.jsonld"
	dpvNamespace  = "https://w3id.org/dpv#"
	rdfNamespace  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	xsdNamespace  = "http://www.w3.org/2001/XMLSchema#"
	dctNamespace  = "http://purl.org/dc/terms/"
	// countries are those of ISO 3166-1, by their codes of two letters.
	countries = "urn:iso:std:iso:3166:-1:"
)

type (
	object map[string]any
	list   []any
)

// ODRL says a sheet as a policy of ODRL 2.2, as JSON-LD under the project's
// profile: one permission for each clause, with the fields as its target, the
// recipients as its assignees, the form as a refinement of the action, and
// conditions as constraints; what goes with a grant are duties. There are no
// prohibitions. Everything that a sheet says can be said so; [ReadODRL] reads
// it back as the same sheet.
func ODRL(s *terms.Sheet) ([]byte, error) {
	uid := fmt.Sprintf("urn:concord:terms:%s:%d", url.PathEscape(s.Name), s.Version)
	p := odrlPolicy{
		Context: list{odrlContext, object{"concord": Namespace}},
		UID:     uid, Type: "Set", Profile: ProfileIRI, Conflict: "prohibit",
		Name: s.Name, Version: s.Version, Title: s.Title, Permission: list{},
	}
	if s.Retention != 0 {
		p.Obligation = list{object{"assignee": "concord:hub", "action": "delete",
			"constraint": list{constraint("elapsedTime", "lteq", duration(s.Retention))}}}
	}
	for _, c := range s.Clauses {
		p.Permission = append(p.Permission, permission(uid, c))
	}
	return json.Marshal(p, json.Deterministic(true), jsontext.WithIndent("  "))
}

type odrlPolicy struct {
	Context    list   `json:"@context"`
	UID        string `json:"uid"`
	Type       string `json:"type"`
	Profile    string `json:"profile"`
	Conflict   string `json:"conflict"`
	Name       string `json:"concord:name"`
	Version    int    `json:"concord:version"`
	Title      string `json:"dct:title,omitzero"`
	Permission list   `json:"permission"`
	Obligation list   `json:"obligation,omitzero"`
}

type odrlPermission struct {
	UID        string `json:"uid"`
	Clause     string `json:"concord:clause"`
	Target     list   `json:"target"`
	Assignee   list   `json:"assignee"`
	Action     list   `json:"action"`
	Constraint list   `json:"constraint"`
	Duty       list   `json:"duty,omitzero"`
}

func permission(uid string, c terms.Clause) odrlPermission {
	p := odrlPermission{UID: uid + "#" + url.PathEscape(c.ID), Clause: c.ID}
	for _, f := range c.Fields {
		p.Target = append(p.Target, object{"type": "AssetCollection", "uid": "concord:field/" + url.PathEscape(f)})
	}
	for _, to := range c.To {
		p.Assignee = append(p.Assignee, party(to))
	}
	p.Action = list{object{"rdf:value": object{"@id": "odrl:use"},
		"refinement": list{constraint("concord:form", "lteq", c.Form.String())}}}
	p.Constraint = conditions(c)
	p.Duty = duties(c)
	return p
}

func constraint(left, operator string, right any) object {
	return object{"leftOperand": left, "operator": operator, "rightOperand": right}
}

// any of a set of values, in their order.
func anyOf[T ~string](left, prefix string, values []T) object {
	var all list
	for _, v := range values {
		all = append(all, object{"@id": prefix + url.PathEscape(string(v))})
	}
	return constraint(left, "isAnyOf", all)
}

func party(to terms.Recipient) object {
	refine := list{constraint("concord:stake", "eq", object{"@id": "concord:stake/" + url.PathEscape(to.Stake)})}
	if to.Sector != "" {
		refine = append(refine, constraint("concord:sector", "eq", object{"@id": "concord:sector/" + url.PathEscape(to.Sector)}))
	}
	if len(to.Kinds) > 0 {
		refine = append(refine, anyOf("concord:kind", "concord:kind/", to.Kinds))
	}
	if len(to.Members) > 0 {
		refine = append(refine, anyOf("recipient", "concord:member/", to.Members))
	}
	if len(to.Roles) > 0 {
		refine = append(refine, anyOf("concord:role", "concord:role/", to.Roles))
	}
	if len(to.Projects) > 0 {
		refine = append(refine, anyOf("concord:project", "concord:project/", to.Projects))
	}
	if len(to.Jurisdictions) > 0 {
		refine = append(refine, anyOf("spatial", countries, to.Jurisdictions))
	}
	return object{"type": "PartyCollection", "source": "concord:members", "refinement": refine}
}

// conditions are what must hold for a clause to grant anything.
func conditions(c terms.Clause) list {
	all := list{anyOf("purpose", "concord:", c.For)}
	if c.After != 0 {
		all = append(all, constraint("delayPeriod", "gteq", duration(c.After)))
	}
	if c.Keep != 0 {
		all = append(all, constraint("elapsedTime", "lt", duration(c.Keep)))
	}
	if c.From != "" {
		all = append(all, constraint("dateTime", "gteq", moment(c.From)))
	}
	if c.Until != "" {
		all = append(all, constraint("dateTime", "lt", moment(c.Until)))
	}
	if c.Groups != 0 {
		all = append(all, constraint("concord:ownerGroups", "gteq", object{"@value": fmt.Sprint(c.Groups), "@type": "xsd:integer"}))
	}
	if within := c.When.ContributedWithin; within != 0 {
		all = append(all, constraint("concord:contributedWithin", "lt", duration(within)))
	}
	return all
}

// duties are the obligations that go with what a clause grants. One that is
// left out means what it means in a clause.
func duties(c terms.Clause) list {
	var all list
	add := func(action string, con object) {
		all = append(all, object{"action": action, "constraint": list{con}})
	}
	if c.TLP != "" {
		add("concord:observeMarking", constraint("concord:tlp", "eq", c.TLP))
	}
	if c.PAP != "" {
		add("concord:observeActions", constraint("concord:pap", "eq", c.PAP))
	}
	if c.Attribution != "" {
		add("concord:limitAttribution", constraint("concord:attribution", "eq", string(c.Attribution)))
	}
	if c.Keep != 0 {
		add("delete", constraint("elapsedTime", "lteq", duration(c.Keep)))
	}
	return all
}

// duration writes a span as XML Schema does: days, and hours where they are
// not whole.
func duration(s terms.Span) object {
	days, hours := int(time.Duration(s)/(24*time.Hour)), int(time.Duration(s)/time.Hour%24)
	text := fmt.Sprintf("P%dD", days)
	switch {
	case days == 0:
		text = fmt.Sprintf("PT%dH", hours)
	case hours != 0:
		text += fmt.Sprintf("T%dH", hours)
	}
	return object{"@value": text, "@type": "xsd:duration"}
}

func moment(d terms.Date) object {
	return object{"@value": string(d) + "T00:00:00Z", "@type": "xsd:dateTime"}
}

// dpvPurposes are purposes of the Data Privacy Vocabulary that take in one of
// ours as a whole, so that a permission for theirs is one for ours.
var dpvPurposes = map[string]member.Purpose{
	"ResearchAndDevelopment": member.Study,
	"ScientificResearch":     member.Study,
	"EnforceSecurity":        member.Defend,
}
