package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/formats/stix"
)

// partsOf writes parts by their ids: the lead, what else is in it, what is around.
func partsOf(objects []stix.Object) []string {
	var out []string
	short := func(i int) string {
		typ, uuid, _ := strings.Cut(objects[i].ID(), "--")
		return typ + " " + strings.TrimLeft(uuid[len(uuid)-12:], "0")
	}
	for _, p := range PartsSTIX(objects) {
		said := []string{short(p.Lead)}
		for _, i := range p.Members {
			if i != p.Lead {
				said = append(said, short(i))
			}
		}
		for _, i := range p.Around {
			said = append(said, "around "+short(i))
		}
		out = append(out, strings.Join(said, ", "))
	}
	return out
}

func TestWhatIsPushedTogetherIsDividedIntoReportsOfTheirOwn(t *testing.T) {
	created := func(typ string, n int, more string) string {
		return stixObject(typ, n, strings.TrimSuffix(`"created":"2026-01-01T00:00:00.000Z",`+more, ","))
	}
	for name, c := range map[string]struct {
		objects []string
		want    []string
	}{
		"indicators stand alone": {[]string{created("indicator", 1, ""), created("indicator", 2, ""), related(3, "related-to", stixID("indicator", 1), stixID("indicator", 2))},
			[]string{"indicator 1, relationship 3", "indicator 2, relationship 3"}},
		"an incident has what it leads to and not all there is": {[]string{created("incident", 1, ""), created("indicator", 2, ""), created("indicator", 3, ""), related(4, "related-to", stixID("incident", 1), stixID("indicator", 2))},
			[]string{"incident 1, indicator 2, relationship 4", "indicator 3"}},
		"two incidents share what both lead to": {[]string{created("incident", 1, ""), created("incident", 2, ""), created("identity", 3, ""),
			related(4, "targets", stixID("incident", 1), stixID("identity", 3)), related(5, "targets", stixID("incident", 2), stixID("identity", 3))},
			[]string{"incident 1, identity 3, relationship 4", "incident 2, identity 3, relationship 5"}},
		"what several indicators indicate is in each": {[]string{created("malware", 1, ""), created("indicator", 2, ""), created("indicator", 3, ""),
			related(4, "indicates", stixID("indicator", 2), stixID("malware", 1)), related(5, "indicates", stixID("indicator", 3), stixID("malware", 1))},
			[]string{"indicator 2, malware 1, relationship 4", "indicator 3, malware 1, relationship 5"}},
		"who wrote it and how it is marked is around it": {[]string{created("identity", 1, ""), created("marking-definition", 2, ""),
			created("indicator", 3, fmt.Sprintf(`"created_by_ref":%q,"object_marking_refs":[%q]`, stixID("identity", 1), stixID("marking-definition", 2)))},
			[]string{"indicator 3, around marking-definition 2, around identity 1"}},
		"an observable that another holds is told with it": {[]string{stixObject("ipv4-addr", 1, `"value":"198.51.100.7"`), stixObject("domain-name", 2, fmt.Sprintf(`"value":"c2.example","resolves_to_refs":[%q]`, stixID("ipv4-addr", 1)))},
			[]string{"domain-name 2, ipv4-addr 1"}},
		"identities, notes and relationships tell nothing alone": {[]string{created("identity", 1, ""), created("note", 2, fmt.Sprintf(`"object_refs":[%q]`, stixID("identity", 1))), related(3, "related-to", stixID("identity", 1), stixID("identity", 9))},
			nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := partsOf(stixBundle(t, c.objects...)); !slices.Equal(got, c.want) {
				t.Errorf("parts are %q, want %q", got, c.want)
			}
		})
	}
}

// In whatever order objects come, they are divided alike, each lead once.
func TestTheOrderInWhichObjectsArePushedDoesNotCount(t *testing.T) {
	types := []string{"incident", "indicator", "malware", "identity", "observed-data", "report", "grouping", "ipv4-addr", "domain-name", "email-message", "sighting", "note", "tool", "infrastructure"}
	rapid.Check(t, func(rt *rapid.T) {
		var ids, objects []string
		for n := range rapid.IntRange(1, 10).Draw(rt, "objects") {
			typ := rapid.SampledFrom(types).Draw(rt, "type")
			more := ""
			if typ == "report" || typ == "grouping" || typ == "observed-data" || typ == "note" {
				if len(ids) > 0 {
					more = fmt.Sprintf(`"object_refs":[%q]`, rapid.SampledFrom(ids).Draw(rt, "ref"))
				}
			}
			ids, objects = append(ids, stixID(typ, n+1)), append(objects, stixObject(typ, n+1, more))
		}
		for n := range rapid.IntRange(0, 10).Draw(rt, "relationships") {
			objects = append(objects, related(100+n, rapid.SampledFrom([]string{"related-to", "indicates", "based-on", "targets"}).Draw(rt, "kind"),
				rapid.SampledFrom(ids).Draw(rt, "from"), rapid.SampledFrom(ids).Draw(rt, "to")))
		}
		want := partsOf(stixBundle(t, objects...))
		leads := map[string]bool{}
		for _, p := range want {
			lead, _, _ := strings.Cut(p, ",")
			if leads[lead] {
				rt.Fatalf("%s leads twice", lead)
			}
			leads[lead] = true
		}
		if got := partsOf(stixBundle(t, rapid.Permutation(objects).Draw(rt, "order")...)); !slices.Equal(got, want) {
			rt.Fatalf("in another order the parts are %q, not %q", got, want)
		}
	})
}
