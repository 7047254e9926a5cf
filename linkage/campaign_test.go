package linkage_test

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/linkage"
)

func sighting(incident int64, group, token string) linkage.Sighting {
	return linkage.Sighting{Incident: incident, Group: group, Token: token, Type: "ip"}
}

func TestRareTokensTieIncidentsOfSeveralGroups(t *testing.T) {
	got := linkage.Campaigns([]linkage.Sighting{
		sighting(1, "a", "x"), sighting(2, "b", "x"), sighting(2, "b", "y"), sighting(3, "a", "y"),
		sighting(4, "c", "z"), sighting(5, "c", "z"), // one group alone
		sighting(6, "d", "w"),
	}, linkage.CampaignDefaults)
	want := []linkage.Campaign{{Incidents: []int64{1, 2, 3}, Groups: []string{"a", "b"}, Tokens: map[string]int{"ip": 2},
		Ties: []linkage.Tie{{Type: "ip", Token: "x", Incidents: []int64{1, 2}}, {Type: "ip", Token: "y", Incidents: []int64{2, 3}}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTokensThatAreNotRareTieNothing(t *testing.T) {
	sharing := func(n int, p linkage.CampaignParameters) bool {
		var all []linkage.Sighting
		for i := range n {
			all = append(all, sighting(int64(i), fmt.Sprint("g", i), "x"))
		}
		return len(linkage.Campaigns(all, p)) == 1
	}
	p := linkage.CampaignParameters{MaxIncidents: 40, MinGroups: 2, MaxShare: 0.05}
	for _, c := range []struct {
		incidents, of int
		ties          bool
	}{{40, 0, true}, {41, 0, false}, {20, 400, true}, {21, 400, false}, {8, 20, true}, {9, 20, false}, {40, 100000, true}, {41, 100000, false}} {
		p.Of = c.of
		if ties := sharing(c.incidents, p); ties != c.ties {
			t.Errorf("a token in %d of %d incidents ties them: %v", c.incidents, c.of, ties)
		}
	}
}

func TestCampaignsDoNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "sightings")
		var all []linkage.Sighting
		for range n {
			all = append(all, sighting(int64(rapid.IntRange(1, 20).Draw(t, "incident")), fmt.Sprint("g", rapid.IntRange(1, 4).Draw(t, "group")), fmt.Sprint("t", rapid.IntRange(1, 15).Draw(t, "token"))))
		}
		p := linkage.CampaignParameters{MaxIncidents: rapid.IntRange(2, 6).Draw(t, "most"), MinGroups: 2}
		want := linkage.Campaigns(all, p)
		in := map[int64]bool{}
		for _, c := range want {
			if len(c.Incidents) < 2 || len(c.Groups) < 2 {
				t.Fatalf("no campaign: %+v", c)
			}
			for _, i := range c.Incidents {
				if in[i] {
					t.Fatalf("incident %d is in two campaigns", i)
				}
				in[i] = true
			}
		}
		if got := linkage.Campaigns(shuffled(t, all), p); !reflect.DeepEqual(got, want) {
			t.Fatalf("in another order\n%+v\nand\n%+v", got, want)
		}
	})
}
