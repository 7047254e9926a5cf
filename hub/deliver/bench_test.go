package deliver_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// latest keeps the newest snapshot in memory.
type latest struct{ data []byte }

func (l *latest) AddSnapshot(_ context.Context, _, _ string, _ time.Time, data []byte) error {
	l.data = data
	return nil
}

func (l *latest) LatestSnapshot(context.Context, string) (string, []byte, error) {
	return "latest", l.data, nil
}

func (l *latest) CountSnapshots(context.Context) (int, error) { return 1, nil }

// BenchmarkPage measures the answers behind the two pages opened most: the
// sector picture, from a snapshot of 20,000 incidents told by 200 owner groups,
// and a page of 50 incidents, each in a campaign of 20.
func BenchmarkPage(b *testing.B) {
	tr := newTrust(b)
	actions := []string{"action.hacking.variety", "action.malware.variety", "action.social.variety", "action.error.variety", "action.misuse.variety"}
	for i := range 200 {
		tr.bank(fmt.Sprint("bank ", i))
	}
	for i := range 20_000 {
		tr.tell(sending{member: fmt.Sprint("bank ", i*7919%200), says: [][2]string{{"victim.victim_id", fmt.Sprint(i)}, {"victim.industry", "522110"},
			{"timeline.incident", fmt.Sprintf("20%02d-%02d-11", 24+i%2, 1+i%12)}, {actions[i*i%5], "Other"}, {"timeline.discovery.unit", []string{"Days", "Weeks", "Months"}[i%3]},
			{"impact.overall_amount", fmt.Sprint(i * 37)}}, seen: []report.Seen{{Type: "ip", Value: fmt.Sprintf("198.51.%d.%d", i/20/256, i/20%256)}}})
	}
	var ids []wire.IncidentID
	for i, told := range tr.incidents[:1000] {
		if ids = append(ids, told.Incident.ID); i%20 == 19 {
			tr.campaign(map[string]int{"ip": 1}, ids...)
			ids = nil
		}
	}
	room := &analyse.Room{Told: tr, Rules: tr, Members: tr, Nils: tr, Snapshots: &latest{}, Standards: tr.room.Standards,
		Policies: map[string]analyse.Policy{"finance": {MinOwnerGroups: 5, MaxShareOfOne: 0.7, MaxShareOfTwo: 0.85}}, Now: func() time.Time { return now }}
	if _, err := room.Take(b.Context(), "finance"); err != nil {
		b.Fatal(err)
	}
	tr.room.Statistics = room
	v := as(tr.bank("bank 1"), member.Defend)
	b.Run("picture", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := tr.room.Picture(b.Context(), v, "finance")
			if err != nil || len(a.Body().Tables) == 0 || a.Body().Tables[0].Shown == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("incidents", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := tr.room.Incidents(b.Context(), v, "finance", "", 0)
			if err != nil || len(a.Body().Items) != 50 {
				b.Fatal(len(a.Body().Items), err)
			}
		}
	})
	b.Run("indicators", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a, err := tr.room.Indicators(b.Context(), v, "finance")
			if err != nil || len(a.Body()) != 1000 {
				b.Fatal(len(a.Body()), err)
			}
		}
	})
}
