package mapping

import (
	"slices"
	"strconv"
	"time"

	"github.com/concord-trust/concord/formats/stix"
)

// relate reads what objects say of one another before any is taken: who the
// victims are, what part an observable plays, when it was seen.
func (r *stixReading) relate() {
	for _, o := range r.group.members {
		switch o.Type() {
		case "relationship":
			r.relationship(o)
		case "sighting":
			r.sighting(o)
		case "observed-data":
			r.observed(o)
		case "email-message":
			for _, name := range []string{"from_ref", "sender_ref"} {
				if id := o.Text(name); id != "" {
					r.roles[id] = "sender"
				}
			}
		case "impact":
			for _, id := range o.Texts("impacted_refs") {
				r.victims[id] = true
			}
		case "marking-definition":
			r.mark(stix.TLPOf(o))
		}
		for _, id := range o.Texts("object_marking_refs") {
			if label := stix.TLPOfID(id); label != "" {
				r.mark(label)
				r.use(o, "object_marking_refs")
			}
		}
	}
}

func (r *stixReading) relationship(o stix.Object) {
	source, target := o.Text("source_ref"), o.Text("target_ref")
	switch kind := o.Text("relationship_type"); {
	case kind == "targets" || kind == "impacts" || kind == "compromises":
		r.victims[target] = true
	case kind == "victim-of" || kind == "affected-by":
		r.victims[source] = true
	case kind == "consists-of" && stix.TypeOfID(source) == "infrastructure":
		if infrastructure := r.byID[source]; infrastructure != nil {
			for _, term := range infrastructure.Texts("infrastructure_types") {
				if role := stixRoles[term]; role != "" {
					r.roles[target] = role
					r.use(infrastructure, "infrastructure_types")
					r.use(o, "source_ref")
				}
			}
		}
	case kind == "communicates-with" || kind == "beacons-to":
		if stix.TypeOfID(source) == "malware" {
			r.roles[target] = "c2"
		}
	case kind == "exfiltrate-to":
		r.roles[target] = "exfiltration"
	}
}

// strictness orders the labels of TLP 2.0.
var strictness = []string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}

// mark keeps the strictest marking of the group: what is reported together is
// handled as its strictest part wants.
func (r *stixReading) mark(label string) {
	if label != "" && slices.Index(strictness, label) > slices.Index(strictness, r.tlp) {
		r.tlp = label
	}
}

func (r *stixReading) sighting(o stix.Object) {
	for _, id := range o.Texts("where_sighted_refs") {
		r.victims[id] = true
	}
	seen := sight{first: day(o.Text("first_seen")), last: day(o.Text("last_seen"))}
	seen.count = whole(o, "count")
	id := o.Text("sighting_of_ref")
	if seen == (sight{}) || r.byID[id] == nil {
		return
	}
	r.sights[id] = seen.with(r.sights[id])
	for _, name := range []string{"first_seen", "last_seen", "count", "sighting_of_ref"} {
		r.use(o, name)
	}
}

func (r *stixReading) observed(o stix.Object) {
	seen := sight{first: day(o.Text("first_observed")), last: day(o.Text("last_observed"))}
	seen.count = whole(o, "number_observed")
	for _, id := range o.Texts("object_refs") {
		if r.byID[id] == nil {
			continue
		}
		r.sights[id] = seen.with(r.sights[id])
		for _, name := range []string{"first_observed", "last_observed", "number_observed", "object_refs"} {
			r.use(o, name)
		}
	}
}

// with joins what two tell of one thing: from the first to the last, as often
// as both say.
func (s sight) with(t sight) sight {
	if s.first == "" || t.first != "" && t.first < s.first {
		s.first = t.first
	}
	if t.last > s.last {
		s.last = t.last
	}
	s.count += t.count
	return s
}

func whole(o stix.Object, name string) int64 {
	v, _ := o.Get(name)
	n, _ := v.(stix.Number)
	i, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil || i < 0 {
		return 0
	}
	return i
}

// day writes a timestamp as a report has moments: to the second, in UTC.
func day(moment string) string {
	t, ok := stix.Moment(moment)
	if !ok {
		return ""
	}
	return t.Truncate(time.Second).Format("2006-01-02T15:04:05Z")
}

// faithful writes a timestamp as precisely as its fidelity says.
func faithful(moment, fidelity string) string {
	text := day(moment)
	if n, ok := map[string]int{"day": 10, "month": 7, "year": 4}[fidelity]; ok && text != "" {
		return text[:n]
	}
	return text
}
