package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/formats/stix"
	"github.com/concord-trust/concord/terms"
)

// IEPExtension is the definition of the extension by which a marking of STIX
// 2.1 states a policy of IEP 2.0 (OASIS, common objects).
const IEPExtension = "extension-definition--762e2e97-ee51-43e5-a9ea-165fbb862c4a"

// Markings makes a bundle of STIX 2.1 marking definitions of a sheet: the TLP
// markings of its clauses, a marking for each policy of IEP (see [IEPs]), and
// for each distinct set of obligations a statement, in words, with all that
// neither can carry. groups tells which clauses each marking is of; who marks
// an object of a clause refers to all of its markings. made is when the
// markings were made.
func Markings(s *terms.Sheet, made time.Time) (bundle stix.Object, groups []Group, lost []Lost) {
	key := []byte(Namespace + "stix")
	var objects stix.List
	add := func(o stix.Object, clauses []string) {
		objects = append(objects, o)
		groups = append(groups, Group{o.ID(), clauses})
	}
	labels, _ := TLP(s)
	for _, l := range labels {
		add(stix.TLPMarking(l.TLP), l.Clauses)
	}
	policies, _ := IEPs(s)
	created := made.UTC().Format("2006-01-02T15:04:05.000Z")
	for _, p := range policies {
		add(iepMarking(p, stix.KeyedID(key, "marking-definition", p.ID), created), p.Clauses)
	}
	var said []string
	of := map[string][]string{}
	for _, c := range s.Clauses {
		text := obligations(c)
		if of[text] == nil {
			said = append(said, text)
		}
		of[text] = append(of[text], c.ID)
	}
	for _, text := range said {
		add(stix.Object{{Name: "type", Value: "marking-definition"}, {Name: "spec_version", Value: "2.1"},
			{Name: "id", Value: stix.KeyedID(key, "marking-definition", s.Name+"\n"+text)}, {Name: "created", Value: created},
			{Name: "name", Value: "Terms of " + s.Name}, {Name: "definition_type", Value: "statement"},
			{Name: "definition", Value: stix.Object{{Name: "statement", Value: text}}}}, of[text])
	}
	const language, inWords = "a marking", "it stands in the statement only, in words that no program reads"
	lost = unsaid(s, language)
	for _, c := range s.Clauses {
		lose := func(what string) { lost = append(lost, Lost{Clause: c.ID, What: what, Why: inWords}) }
		if pap := actions(c); pap == "PAP:GREEN" || pap == "PAP:RED" {
			lose("pap " + pap)
		}
		if a := attribution(c); a != terms.ByName {
			lose("attribution " + string(a))
		}
		if c.Keep != 0 {
			lose("keep " + c.Keep.String())
		}
	}
	lost = sorted(s, lost)
	bundle = stix.Object{{Name: "type", Value: "bundle"}, {Name: "id", Value: stix.KeyedID(key, "bundle", s.Name+"\n"+created)}, {Name: "objects", Value: objects}}
	return bundle, groups, lost
}

func iepMarking(p IEP, id, created string) stix.Object {
	ext := stix.Object{{Name: "extension_type", Value: "property-extension"},
		{Name: "encrypt_in_transit", Value: p.EncryptInTransit}, {Name: "permitted_actions", Value: p.PermittedActions},
		{Name: "affected_party_notifications", Value: p.AffectedPartyNotifications}, {Name: "tlp", Value: p.TLP},
		{Name: "provider_attribution", Value: p.Attribution}, {Name: "unmodified_resale", Value: p.UnmodifiedResale},
		{Name: "iep_id", Value: p.ID}, {Name: "iep_version", Value: stix.Number("2.0")},
		{Name: "description", Value: p.Description}, {Name: "start_date", Value: p.StartDate}}
	if p.EndDate != nil {
		ext = ext.With("end_date", *p.EndDate)
	}
	// The extension wants a reference; one by URL would need a hash of the page.
	refs := stix.List{stix.Object{{Name: "source_name", Value: "FIRST"}, {Name: "description", Value: "Information Exchange Policy 2.0, www.first.org/iep"}}}
	return stix.Object{{Name: "type", Value: "marking-definition"}, {Name: "spec_version", Value: "2.1"},
		{Name: "id", Value: id}, {Name: "created", Value: created}, {Name: "name", Value: p.Name},
		{Name: "external_references", Value: refs}, {Name: "extensions", Value: stix.Object{{Name: IEPExtension, Value: ext}}}}
}

// obligations says in words what goes with what is received under a clause.
func obligations(c terms.Clause) string {
	parts := []string{"Marked " + marking(c), "permitted actions " + actions(c)}
	switch attribution(c) {
	case terms.ByName:
		parts = append(parts, "its contributor may be named")
	case terms.ByStake:
		parts = append(parts, "of its contributor only the stake may be told")
	default:
		parts = append(parts, "nothing may be told of its contributor")
	}
	if c.Keep != 0 {
		parts = append(parts, fmt.Sprintf("copies are deleted %s after the report was received", c.Keep))
	}
	if c.From != "" {
		parts = append(parts, fmt.Sprintf("from %s on", c.From))
	}
	if c.Until != "" {
		parts = append(parts, fmt.Sprintf("until %s", c.Until))
	}
	return strings.Join(parts, "; ") + "."
}

// ReadMarkings reads what the markings in a document of STIX 2.1 permit: an
// object, or a bundle, of which all marking definitions bind, and all that its
// objects refer to. A marking that is not understood binds as strictly as a
// clause can say, and is told.
func ReadMarkings(file string, data []byte) (Bound, []Lost, error) {
	o, err := stix.Parse(data)
	if err != nil {
		return Bound{}, nil, placed(file, err)
	}
	r := &markingReader{defined: map[string]bool{}}
	objects, prefix := stix.List{o}, ""
	if o.Type() == "bundle" {
		objects, prefix = o.List("objects"), "/objects/"
	}
	at := func(i int) string {
		if prefix == "" {
			return ""
		}
		return fmt.Sprint(prefix, i)
	}
	for i, v := range objects {
		if m, ok := v.(stix.Object); ok && m.Type() == "marking-definition" {
			if err := r.define(m, at(i)); err != nil {
				return Bound{}, nil, placed(file, err)
			}
		}
	}
	for i, v := range objects {
		if m, ok := v.(stix.Object); ok {
			r.refer(m, at(i))
		}
	}
	if r.n == 0 {
		r.lost = append(r.lost, Lost{What: "markings", Why: "the document has none; nothing is narrowed"})
	}
	return r.bound, r.lost, nil
}

type markingReader struct {
	bound   Bound
	lost    []Lost
	defined map[string]bool
	n       int
}

func (r *markingReader) define(m stix.Object, pointer string) error {
	r.n++
	r.defined[m.ID()] = true
	understood := false
	if tlp := stix.TLPOf(m); tlp != "" {
		r.bound, understood = r.bound.And(Bound{TLP: tlp}), true
	}
	for _, ext := range m.Object("extensions") {
		place := pointer + "/extensions/" + escaped(ext.Name)
		said, _ := ext.Value.(stix.Object)
		switch {
		case ext.Name == stix.TLPExtension && stix.TLPOf(m) != "":
		case ext.Name == IEPExtension:
			b, lost, err := boundOfIEP(iepOfMarking(said), place)
			if err != nil {
				return err
			}
			r.bound, r.lost, understood = r.bound.And(b), append(r.lost, lost...), true
		default:
			r.unknown(place, "an extension that states a marking")
			understood = true
		}
	}
	switch {
	case m.Text("definition_type") == "statement":
		r.lost = append(r.lost, Lost{At: pointer + "/definition/statement", What: "a statement", Why: "it is for people to read; it binds whoever receives the object, and no clause can say it"})
	case !understood:
		r.unknown(pointer, "a marking")
	}
	return nil
}

// iepOfMarking gives the statements of the extension the names that they have
// in a policy.
func iepOfMarking(ext stix.Object) map[string]any {
	said := map[string]any{}
	for _, m := range ext {
		switch m.Name {
		case "extension_type":
		case "provider_attribution":
			said["attribution"] = m.Value
		case "iep_id":
			said["id"] = m.Value
		case "policy_name":
			said["name"] = m.Value
		case "iep_version":
			if v, ok := m.Value.(stix.Number); ok && (v == "2" || v == "2.0") {
				said["iep_version"] = 2.0
				break
			}
			said["iep_version"] = m.Value
		default:
			said[m.Name] = m.Value
		}
	}
	return said
}

func (r *markingReader) unknown(pointer, what string) {
	r.bound = r.bound.And(strictest)
	r.lost = append(r.lost, Lost{At: pointer, What: what, Why: "it is not known what it restricts; all clauses become as strict as a clause can be (TLP:RED, PAP:RED, no attribution)"})
}

// refer reads the markings that an object refers to: those of TLP have fixed
// identifiers, others must stand in the document.
func (r *markingReader) refer(o stix.Object, pointer string) {
	var refs []string
	for _, v := range o.List("object_marking_refs") {
		id, _ := v.(string)
		refs = append(refs, id)
	}
	for _, v := range o.List("granular_markings") {
		g, _ := v.(stix.Object)
		if g.Text("lang") == "" {
			refs = append(refs, g.Text("marking_ref"))
		}
	}
	for _, id := range refs {
		r.n++
		switch tlp := stix.TLPOfID(id); {
		case tlp != "":
			r.bound = r.bound.And(Bound{TLP: tlp})
		case !r.defined[id] && !slices.ContainsFunc(r.lost, func(l Lost) bool { return l.At == pointer }):
			r.unknown(pointer, "a marking that is referred to and not there")
		}
	}
}
