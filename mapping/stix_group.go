package mapping

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/formats/stix"
)

// STIXGroup is what of a bundle becomes one report: the object that speaks for
// the rest, if there is one, and everything that it leads to.
type STIXGroup struct {
	// Head is an incident, a report, a grouping or observed data; nil where
	// indicators and observables stand without any.
	Head    stix.Object
	members []stix.Object // in the order of the bundle, the head among them
}

// maxRest is how many objects without a head become one report; a list of a
// million indicators becomes many, each of a size that a report may have.
const maxRest = 10_000

// GroupSTIX divides the objects of a bundle into what becomes one report each
// (docs/stix.md says by which rules), and lists in the account what belongs to
// none. Of several versions of an object the last one counts.
func GroupSTIX(objects []stix.Object, a *Account) []STIXGroup {
	g := newGraph(objects, a)
	incidents := g.ofType("incident")
	if len(incidents) == 1 {
		all := make([]int, len(g.objects))
		for i := range all {
			all[i] = i
		}
		return []STIXGroup{g.group(incidents[0], all)}
	}
	var groups []STIXGroup
	for _, head := range incidents {
		groups = append(groups, g.group(head, g.reach(head)))
	}
	for _, typ := range []string{"report", "grouping", "observed-data"} {
		for _, head := range g.ofType(typ) {
			if g.taken[head] || g.speaksOfIncidents(head) {
				continue
			}
			groups = append(groups, g.group(head, g.reach(head)))
		}
	}
	for part := range slices.Chunk(g.rest(), maxRest) {
		groups = append(groups, g.group(-1, part))
	}
	for i, o := range g.objects {
		if !g.taken[i] {
			skipObject(a, o, "nothing in the bundle ties it to what becomes a report")
		}
	}
	return groups
}

// graph is a bundle with its references in both directions.
type graph struct {
	objects []stix.Object
	byID    map[string]int
	// from and to hold the relationships and sightings by their ends.
	from, to map[string][]int
	taken    []bool
}

func newGraph(objects []stix.Object, a *Account) *graph {
	g := &graph{byID: map[string]int{}, from: map[string][]int{}, to: map[string][]int{}}
	for _, o := range objects {
		id := o.ID()
		if i, known := g.byID[id]; known && id != "" {
			older := o
			if o.Text("modified") >= g.objects[i].Text("modified") {
				older, g.objects[i] = g.objects[i], o
			}
			skipObject(a, older, "another version of the object stands in the bundle")
			continue
		}
		g.byID[id] = len(g.objects)
		g.objects = append(g.objects, o)
	}
	for i, o := range g.objects {
		switch o.Type() {
		case "relationship":
			g.from[o.Text("source_ref")] = append(g.from[o.Text("source_ref")], i)
			g.to[o.Text("target_ref")] = append(g.to[o.Text("target_ref")], i)
		case "sighting":
			for _, id := range append(o.Texts("observed_data_refs"), o.Text("sighting_of_ref")) {
				g.to[id] = append(g.to[id], i)
			}
		}
	}
	g.taken = make([]bool, len(g.objects))
	return g
}

func (g *graph) ofType(typ string) []int {
	var out []int
	for i, o := range g.objects {
		if o.Type() == typ {
			out = append(out, i)
		}
	}
	return out
}

func (g *graph) group(head int, members []int) STIXGroup {
	var group STIXGroup
	if head >= 0 {
		group.Head = g.objects[head]
	}
	in := make([]bool, len(g.objects))
	for _, i := range members {
		in[i], g.taken[i] = true, true
	}
	for i, o := range g.objects {
		if in[i] {
			group.members = append(group.members, o)
		}
	}
	return group
}

// speaksOfIncidents says whether an object points at incidents, which have
// reports of their own.
func (g *graph) speaksOfIncidents(i int) bool {
	for _, id := range g.objects[i].Texts("object_refs") {
		if stix.TypeOfID(id) == "incident" {
			return true
		}
	}
	return false
}

// rest lists what no head led to, if it holds anything to report: markings and
// identities alone say nothing.
func (g *graph) rest() []int {
	var out []int
	speaks := false
	for i, o := range g.objects {
		if g.taken[i] || g.speaksOfIncidents(i) {
			continue
		}
		out = append(out, i)
		switch o.Type() {
		case "identity", "location", "marking-definition", "relationship", "extension-definition", "language-content", "bundle", "note", "opinion", "report", "grouping":
		default:
			speaks = true
		}
	}
	if !speaks {
		return nil
	}
	return out
}

// reach walks from a head along references and relationships. It enters no
// other incident, and from what many incidents share (an actor, a tool, an
// identity) it goes on only to what that points at, never back to who else
// points there.
func (g *graph) reach(head int) []int {
	seen := map[int]bool{head: true}
	queue := []int{head}
	visit := func(i int) {
		typ := g.objects[i].Type()
		if !seen[i] && typ != "incident" && typ != "report" && typ != "grouping" {
			seen[i] = true
			queue = append(queue, i)
		}
	}
	for n := 0; n < len(queue); n++ {
		o := g.objects[queue[n]]
		for _, id := range references(o) {
			if i, ok := g.byID[id]; ok {
				visit(i)
			}
		}
		if typ := o.Type(); typ == "relationship" || typ == "marking-definition" || typ == "location" {
			continue
		}
		for _, i := range g.from[o.ID()] {
			visit(i)
		}
		for _, i := range g.to[o.ID()] {
			if queue[n] == head || g.follows(i, o) {
				visit(i)
			}
		}
	}
	return queue
}

// follows says whether a relationship or sighting is part of the story of what
// it points at.
func (g *graph) follows(i int, target stix.Object) bool {
	link := g.objects[i]
	if link.Type() == "sighting" {
		return target.Type() == "indicator" || target.Type() == "observed-data"
	}
	kind := link.Text("relationship_type")
	return kind == "based-on" || kind == "consists-of" && target.Type() != "infrastructure"
}

// references lists what an object points at, wherever in it; who made it and
// how it is marked is no part of its story.
func references(o stix.Object) []string {
	var out []string
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case stix.Object:
			for _, m := range v {
				walk(m.Name, m.Value)
			}
		case stix.List:
			for _, item := range v {
				walk(name, item)
			}
		case string:
			if (strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs")) && !isHousekeeping(name) {
				out = append(out, v)
			}
		}
	}
	walk("", o)
	return out
}

func isHousekeeping(name string) bool {
	switch name {
	case "created_by_ref", "object_marking_refs", "marking_ref", "x_mitre_modified_by_ref":
		return true
	}
	return false
}

// leaves calls f with the path of each value in an object, without indices.
func leaves(o stix.Object, f func(path string)) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case stix.Object:
			for _, m := range v {
				step := m.Name
				if path != "" {
					step = path + "." + m.Name
				}
				walk(step, m.Value)
			}
		case stix.List:
			for _, item := range v {
				walk(path, item)
			}
		default:
			f(path)
		}
	}
	walk("", o)
}

// skipObject lists every value of an object as left out.
func skipObject(a *Account, o stix.Object, reason string) {
	leaves(o, func(path string) { a.Skip(shortPath(o.Type()+"."+path), reason) })
}
