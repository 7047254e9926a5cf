package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestASummaryIsOneLineForPeople(t *testing.T) {
	for want, a := range map[string]func(a *Account){
		"0 records, 0 reports; 0 values not mapped, 0 repaired, 0 invalid": func(*Account) {},
		"6,008 records, 6,008 reports; 12 values not mapped, 340 repaired, 3 invalid (--explain lists them)": func(a *Account) {
			a.Records, a.Reports = 6008, 6008
			for range 12 {
				a.Skip("plus.github", "why")
			}
			for range 340 {
				a.Repair("list.made")
			}
			for i := range 3 {
				a.Refuse(Place{Record: i, Reason: "no number"})
			}
		},
		"1 record, 1 report; 1 value not mapped, 0 repaired, 0 invalid (--explain lists them)": func(a *Account) {
			a.Records, a.Reports = 1, 1
			a.Skip("plus.github", "why")
		},
		"2 records, 2 reports; 0 values not mapped, 0 repaired, 0 invalid, 3 warnings (--explain lists them)": func(a *Account) {
			a.Records, a.Reports = 2, 2
			a.Warn("victim.industry", "asked for")
			a.Warn("victim.industry", "asked for")
			a.Warn("timeline.incident", "asked for")
		},
		"1,234,567 records, 0 reports; 0 values not mapped, 0 repaired, 0 invalid": func(a *Account) { a.Records = 1234567 },
	} {
		var account Account
		a(&account)
		if got := account.Summary(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// An account of parts says what that of the whole would say.
func TestAccountsOfPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole, merged Account
		var part Account // used again and again, as collect does
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			part.Reset()
			for range rapid.IntRange(0, 8).Draw(t, "events") {
				path := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "path")
				event := rapid.IntRange(0, 5).Draw(t, "event")
				for _, a := range []*Account{&whole, &part} {
					switch event {
					case 0:
						a.Map(path)
					case 1:
						a.Skip(path, "why")
					case 2:
						a.Repair(path)
					case 3:
						a.Refuse(Place{Path: path, Reason: "bad"})
					case 4:
						a.Warn(path, "missing")
					default:
						a.Records++
						a.Reports++
					}
				}
			}
			merged.Merge(part)
		}
		want, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(merged); err != nil || string(got) != string(want) {
			t.Fatalf("%s\nnot\n%s (%v)", got, want, err)
		}
	})
}

func TestAnAccountCountsBeyondWhatItLists(t *testing.T) {
	var a Account
	for i := range MaxPlaces + 50 {
		a.Refuse(Place{Record: i + 1, Path: fmt.Sprintf("p%d", i), Reason: "bad"})
		a.Skip(fmt.Sprintf("p%d", i), "why")
	}
	if a.InvalidCount() != MaxPlaces+50 || len(a.Invalid()) != MaxPlaces {
		t.Errorf("%d counted, %d listed", a.InvalidCount(), len(a.Invalid()))
	}
	skipped := 0
	for _, u := range a.NotMapped() {
		skipped += u.Count
	}
	if skipped != MaxPlaces+50 || len(a.NotMapped()) > maxReasons+1 {
		t.Errorf("%d left out, by %d reasons", skipped, len(a.NotMapped()))
	}
	var text strings.Builder
	if err := a.WriteText(&text); err != nil || !strings.Contains(text.String(), "and 50 more, counted above") {
		t.Errorf("the text does not tell of what it does not list: %v", err)
	}
}
