package deliver_test

import (
	"slices"
	"testing"

	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
)

// Sources differ where they cannot both be right. One that knows less, or that
// says more besides, contradicts nobody.
func TestOnlyWhatCannotBothBeSoDiffers(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b [][2]string
		path string
		want bool
	}{
		{"a month and a day in it", [][2]string{{"timeline.incident", "2026-01"}}, [][2]string{{"timeline.incident", "2026-01-21"}}, "timeline.incident", false},
		{"a year and a day in it", [][2]string{{"timeline.incident", "2026"}}, [][2]string{{"timeline.incident", "2026-01-21"}}, "timeline.incident", false},
		{"two days", [][2]string{{"timeline.incident", "2026-01-20"}}, [][2]string{{"timeline.incident", "2026-01-21"}}, "timeline.incident", true},
		{"a month and a day outside of it", [][2]string{{"timeline.incident", "2025-12"}}, [][2]string{{"timeline.incident", "2026-01-21"}}, "timeline.incident", true},
		{"two countries", [][2]string{{"victim.country", "DE"}}, [][2]string{{"victim.country", "FR"}}, "victim.country", true},
		{"two ratings", [][2]string{{"impact.overall_rating", "Damaging"}}, [][2]string{{"impact.overall_rating", "Painful"}}, "impact.overall_rating", true},
		{"the same rating", [][2]string{{"impact.overall_rating", "Damaging"}}, [][2]string{{"impact.overall_rating", "Damaging"}}, "impact.overall_rating", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			tr.bank("one")
			tr.bank("two")
			tr.tell(sending{member: "one", says: c.a}, sending{member: "two", says: c.b})
			f := fieldOf(t, tr.open(as(tr.bank("viewer"), member.Defend)), c.path)
			if f.Conflict != c.want {
				t.Errorf("they differ: %v\n%+v", f.Conflict, f.Sayings)
			}
		})
	}
}

// A month that is granted by the day under one marking, and by the month under
// a more open one, is one saying.
func TestASourceSaysAValueOnce(t *testing.T) {
	tr := newTrust(t)
	tr.bank("one")
	tr.tell(sending{member: "one", says: [][2]string{{"timeline.incident", "2026-01"}}})
	f := fieldOf(t, tr.open(as(tr.bank("viewer"), member.Defend)), "timeline.incident")
	want := []deliver.Saying{{Source: "A", Value: "2026-01", Form: "generalised:month", TLP: "TLP:GREEN", PAP: "PAP:GREEN"}}
	if !slices.Equal(f.Sayings, want) {
		t.Errorf("it says %+v; %+v is wanted", f.Sayings, want)
	}
}

func fieldOf(t *testing.T, i deliver.IncidentView, path string) deliver.FieldView {
	t.Helper()
	for _, f := range i.Fields {
		if f.Path == path {
			return f
		}
	}
	t.Fatalf("there is no field %s in %+v", path, i.Fields)
	return deliver.FieldView{}
}
