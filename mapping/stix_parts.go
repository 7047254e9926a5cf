package mapping

import (
	"cmp"
	"slices"

	"github.com/concord-trust/concord/formats/stix"
)

// STIXPart is what of objects that a tool pushed becomes one report: the object
// that it is about, and what supports it.
type STIXPart struct {
	STIXGroup
	// Lead is the place of the object by which the report is known later, when
	// the tool sends it anew or deletes it.
	Lead int
	// Members are the places of all objects that the report is made of, the
	// lead among them; Around of those that say who wrote these and how they
	// are marked. Both are in an order that is always the same.
	Members, Around []int
}

// PartsSTIX divides objects, each id once, into what becomes one report each.
// It goes by the rules of [GroupSTIX] with two differences, since what stands in
// one request to add objects is together by chance: an incident has what it
// leads to and not all there is; and of what no incident, report, grouping or
// observed data leads to, each indicator, observable and the like is a report of
// its own, so that each can be corrected and deleted by itself. Objects that are
// in no part tell of nothing by themselves.
//
// The order of the objects in a request does not count: what is in the parts is
// in the order of its ids.
func PartsSTIX(objects []stix.Object) []STIXPart {
	order := make([]int, len(objects))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(objects[i].ID(), objects[j].ID()) })
	sorted := make([]stix.Object, len(objects))
	for i, at := range order {
		sorted[i] = objects[at]
	}
	parts := partsOfSorted(sorted)
	for n := range parts {
		p := &parts[n]
		p.Lead = order[p.Lead]
		for _, places := range [][]int{p.Members, p.Around} {
			for i := range places {
				places[i] = order[places[i]]
			}
		}
	}
	return parts
}

func partsOfSorted(objects []stix.Object) []STIXPart {
	var ignored Account
	g := newGraph(objects, &ignored)
	var parts []STIXPart
	for _, typ := range []string{"incident", "report", "grouping", "observed-data"} {
		for _, head := range g.ofType(typ) {
			if typ != "incident" && (g.taken[head] || g.speaksOfIncidents(head)) {
				continue
			}
			parts = append(parts, g.part(head, true, g.reach(head)))
		}
	}
	// Whoever holds another comes before it, and values before what is said of
	// them.
	held := map[string]bool{}
	for _, o := range g.objects {
		if typ := o.Type(); typ != "relationship" && typ != "sighting" {
			for _, id := range references(o) {
				held[id] = true
			}
		}
	}
	for _, isLead := range []func(stix.Object) bool{
		func(o stix.Object) bool { return o.Type() == "indicator" },
		func(o stix.Object) bool { return speaks(o) && !o.Has("created") && !held[o.ID()] },
		func(o stix.Object) bool { return speaks(o) && !held[o.ID()] },
		speaks,
	} {
		for i, o := range g.objects {
			if g.taken[i] || !isLead(o) || g.speaksOfIncidents(i) {
				continue
			}
			members := slices.DeleteFunc(g.reach(i), func(m int) bool {
				typ := g.objects[m].Type()
				// Other leads have reports of their own.
				return m != i && (typ == "indicator" || typ == "observed-data")
			})
			parts = append(parts, g.part(i, false, members))
		}
	}
	return parts
}

// part makes a part of a lead and what it leads to, with what says who wrote
// that and how it is marked.
func (g *graph) part(lead int, isHead bool, members []int) STIXPart {
	var around []int
	for _, m := range members {
		for _, id := range housekeeping(g.objects[m]) {
			if i, ok := g.byID[id]; ok && !slices.Contains(members, i) && !slices.Contains(around, i) {
				around = append(around, i)
			}
		}
	}
	head := -1
	if isHead {
		head = lead
	}
	slices.Sort(members)
	return STIXPart{STIXGroup: g.group(head, slices.Concat(members, around)), Lead: lead, Members: members, Around: around}
}

// housekeeping lists who an object says wrote it, and how it says it is marked.
func housekeeping(o stix.Object) []string {
	ids := append(o.Texts("object_marking_refs"), o.Texts("created_by_ref")...)
	for _, v := range o.List("granular_markings") {
		if marking, ok := v.(stix.Object); ok {
			ids = append(ids, marking.Texts("marking_ref")...)
		}
	}
	return ids
}

// speaks says whether an object that no other leads to tells something to
// report.
func speaks(o stix.Object) bool {
	switch o.Type() {
	case "identity", "location", "marking-definition", "relationship", "sighting", "extension-definition", "language-content", "bundle", "note", "opinion", "report", "grouping":
		return false
	}
	return true
}
