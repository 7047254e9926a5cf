package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// sheetInTime is a sheet of clauses that begin and end around a day.
func sheetInTime(t *testing.T, now time.Time, more string) string {
	t.Helper()
	day := func(n int) terms.Date { return terms.DateOf(now.AddDate(0, 0, n)) }
	file := filepath.Join(t.TempDir(), "timed.yaml")
	text := fmt.Sprintf(`name: timed
version: 1
%s
clauses:
  - {id: what, fields: ["action.hacking.variety", "security_incident"], to: [{stake: any}], for: [defend, investigate, study, benchmark], form: exact, tlp: "TLP:GREEN", pap: "PAP:GREEN"}
  - {id: industry-coarse, fields: [victim.industry], to: [{stake: any, sector: own}], for: [defend, study, investigate], form: "generalised:sector", tlp: "TLP:GREEN"}
  - {id: industry-later, fields: [victim.industry], to: [{stake: research}], for: [study], form: exact, tlp: "TLP:AMBER", after: 60d}
  - {id: day-for-a-while, fields: ["timeline.*"], to: [{stake: law-enforcement}], for: [investigate], form: "generalised:day", tlp: "TLP:AMBER", pap: "PAP:AMBER", keep: 50d}
  - {id: month, fields: ["timeline.*"], to: [{stake: any}], for: [investigate, study], form: "generalised:month", tlp: "TLP:GREEN"}
  - {id: domains-later, fields: [observable.domain], to: [{stake: industry, sector: own}], for: [defend], form: exact, tlp: "TLP:AMBER", after: 36h}
  - {id: domains-linked, fields: [observable.domain], to: [{stake: law-enforcement}], for: [investigate], form: token, tlp: "TLP:AMBER+STRICT"}
  - {id: addresses-ended, fields: [observable.ip], to: [{stake: any}], for: [defend, investigate], form: exact, until: %s}
  - {id: country-between, fields: [victim.country], to: [{stake: research}], for: [study], form: exact, tlp: "TLP:CLEAR", from: %s, until: %s}
  - {id: size-until, fields: [victim.employee_count], to: [{stake: any}], for: [study, benchmark], form: exact, tlp: "TLP:GREEN", until: %s}
  - {id: victim, fields: [victim.victim_id], to: [{stake: law-enforcement}], for: [investigate], form: token, attribution: none}
  - {id: social-in-company, fields: [action.social.variety], to: [{stake: any}], for: [defend, study], form: exact, groups: 3}
`, more, day(-1), day(20), day(40), day(70))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const timedCase = `{"native":"nw-7","security_incident":"Confirmed","victim":{"victim_id":"Northwind Savings Bank","industry":"522110","country":["US"],"employee_count":"101 to 1000"},
"timeline":{"incident":"2026-03-12"},"summary":"Zqnarrative","action":{"hacking":{"variety":["Use of stolen creds"]},"social":{"variety":["Phishing"]}},
"observables":[{"type":"domain","value":"login.northw1nd-bank.net"},{"type":"ip","value":"93.184.216.34"}]}`

// collected reads a report as the seat would.
func collected(t *testing.T, s *Seat, text string, now time.Time) collect.Collected {
	t.Helper()
	var all []collect.Collected
	account, err := collect.Read(t.Context(), strings.NewReader(text), "case.report.json",
		collect.Options{Format: "report", Standard: s.Member.StandardFor(""), Latest: now}, func(c collect.Collected) error {
			all = append(all, c)
			return nil
		})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d reports were read: %v, %s", len(all), err, account.Summary())
	}
	return all[0]
}

// submitted has the seat send a report that was collected, to be consolidated.
func (tr *Trust) submitted(t *testing.T, s *Seat, c collect.Collected) {
	t.Helper()
	if err := s.Intake.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Send(t.Context()); err != nil || d.Accepted != 1 {
		t.Fatalf("of one report %d were accepted: %v, %v", d.Accepted, err, s.Intake.Done.Failed)
	}
	if _, err := tr.Hub.Consolidate.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// audience is a member that looks on as one of a preview's audiences.
func (tr *Trust) audience(t *testing.T, a minimise.Audience, i int) *Seat {
	t.Helper()
	sector := "finance"
	if !a.SameSector {
		sector = "health"
	}
	s, err := tr.Seat(t.Context(), Party{Name: fmt.Sprint("Onlooker ", i), Stake: a.Stake, Kind: a.Kind, OwnerGroup: wire.OwnerGroup(fmt.Sprint("g-onlooker-", i)), Sectors: []string{sector}, Terms: "cautious"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shownThings is what is seen, by path: each value with its form and marking.
type shownThings map[string]bool

func (all shownThings) add(path, form, value, tlp, pap string) {
	if form == "token" {
		value = minimise.TokenShown
	}
	all[strings.Join([]string{path, form, value, tlp, pap}, " ")] = true
}

// delivered asks the hub for all incidents of a sector, and gathers what it
// shows.
func delivered(t *testing.T, s *Seat, purpose member.Purpose) shownThings {
	t.Helper()
	get := func(path string, into any) {
		data, err := s.Member.Hub.Get(t.Context(), path+"?for="+url.QueryEscape(string(purpose)))
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatalf("%s asks for %s: %v", s.Party.Name, path, err)
		}
	}
	var page struct{ Items []struct{ ID string } }
	get("/v1/sectors/"+s.Party.Sectors[0]+"/incidents", &page)
	all := shownThings{}
	for _, i := range page.Items {
		var view struct {
			Fields []struct {
				Path    string
				Sayings []struct{ Value, Form, TLP, PAP string }
			}
			Observables []struct{ Type, Value, Pseudonym, TLP, PAP string }
		}
		get("/v1/incidents/"+i.ID, &view)
		for _, f := range view.Fields {
			for _, s := range f.Sayings {
				all.add(f.Path, s.Form, s.Value, s.TLP, s.PAP)
			}
		}
		for _, o := range view.Observables {
			form := "exact"
			if o.Value == "" {
				form = "token"
			}
			all.add("observable."+o.Type, form, o.Value, o.TLP, o.PAP)
		}
	}
	return all
}

// claimed is what a preview says that an audience sees at a moment of a report
// that stands alone, to somebody of whom nothing else is known.
func claimed(p minimise.Preview, k int, at time.Time) shownThings {
	all := shownThings{}
	for _, f := range p.Fields {
		a := f.Audiences[k]
		seen := slices.Clone(a.Now.Seen)
		for _, c := range a.Changes {
			if !c.At.After(at) {
				seen = slices.DeleteFunc(seen, func(s minimise.Seen) bool { return slices.ContainsFunc(c.Ends, s.Same) })
				seen = append(seen, c.Begins...)
			}
		}
		for _, s := range seen {
			if s.Groups <= 1 && len(s.Only) == 0 {
				all.add(f.Path, s.Form.String(), s.Value, s.TLP, s.PAP)
			}
		}
	}
	return all
}

// What the preview claims is what a hub delivers to each audience: when it is
// received, at the second moment, and to the second whenever something begins or
// ends between the two.
func TestAPreviewIsWhatAHubDeliversToEachAudienceNowAndLater(t *testing.T) {
	tr, clock := aTrustByHand(t, seldom)
	now := clock.now()
	bank, err := tr.Seat(t.Context(), Party{Name: "Northwind Savings Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g-northwind", Sectors: []string{"finance"}, Terms: sheetInTime(t, now, "")})
	if err != nil {
		t.Fatal(err)
	}
	var seats []*Seat
	for i, a := range minimise.Audiences() {
		seats = append(seats, tr.audience(t, a, i))
	}
	c := collected(t, bank, timedCase, now)
	later := now.AddDate(0, 0, 90)
	p, err := bank.Member.Preview(c, now, later)
	if err != nil {
		t.Fatal(err)
	}
	tr.submitted(t, bank, c)

	// The owner sees at the hub what left: what the preview says that leaves.
	left := shownThings{}
	for _, f := range p.Fields {
		for _, l := range f.Leaves {
			if f.Path == "observable.domain" && l.Form.Kind == standard.Token {
				continue // its value is shown
			}
			left.add(f.Path, l.Form.String(), l.Value, "", "")
		}
	}
	if got := delivered(t, bank, member.Defend); !maps.Equal(left, got) {
		t.Errorf("the preview says that there leaves\n%v\nand the hub has\n%v", slices.Sorted(maps.Keys(left)), slices.Sorted(maps.Keys(got)))
	}

	moments := []time.Time{now, later}
	for _, f := range p.Fields {
		for _, a := range f.Audiences {
			for _, c := range a.Changes {
				moments = append(moments, c.At.Add(-time.Second), c.At)
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	moments = slices.CompactFunc(moments, time.Time.Equal)
	if len(moments) < 12 {
		t.Fatalf("only %d moments: the sheet does not begin and end", len(moments))
	}
	compared := 0
	for _, at := range moments {
		clock.set(at)
		for k, a := range p.Audiences {
			claim, got := claimed(p, k, at), delivered(t, seats[k], a.Purpose)
			if !maps.Equal(claim, got) {
				t.Errorf("at %s %s is said to see\n%v\nand is shown\n%v", at.Format(time.DateTime), a, slices.Sorted(maps.Keys(claim)), slices.Sorted(maps.Keys(got)))
			}
			compared += len(got)
		}
	}
	if compared < 100 {
		t.Errorf("only %d things were compared", compared)
	}
}

// Of what the terms keep no longer, and after an agreement that nothing
// outlives, the preview tells that nothing is seen; and nothing is.
func TestAPreviewTellsTheEndOfTheReportAndOfTheAgreement(t *testing.T) {
	for _, c := range []struct {
		name, more string
		until      int // days that the agreement lasts; 0: as offered
		because    string
	}{
		{"retention", "retention: 60d", 0, "the hub has destroyed the report by then"},
		{"agreement", "", 60, "your agreement has ended by then"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, clock := aTrustByHand(t, seldom)
			now := clock.now()
			bank, err := tr.Seat(t.Context(), Party{Name: "Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g-1", Sectors: []string{"finance"}, Terms: sheetInTime(t, now, c.more)})
			if err != nil {
				t.Fatal(err)
			}
			if c.until > 0 {
				bank = lasting(t, tr, bank, now.AddDate(0, 0, c.until))
			}
			study := slices.IndexFunc(minimise.Audiences(), func(a minimise.Audience) bool { return a.Purpose == member.Study })
			reader := tr.audience(t, minimise.Audiences()[study], 1)
			one := collected(t, bank, timedCase, now)
			p, err := bank.Member.Preview(one, now, now.AddDate(0, 0, 90))
			if err != nil {
				t.Fatal(err)
			}
			tr.submitted(t, bank, one)
			end := now.AddDate(0, 0, 60)
			clock.set(end.Add(-time.Second))
			if claim, got := claimed(p, study, end.Add(-time.Second)), delivered(t, reader, member.Study); len(got) == 0 || !maps.Equal(claim, got) {
				t.Errorf("before the end\n%v\nis said, and shown\n%v", claim, got)
			}
			clock.set(end)
			if err := tr.Hub.Withdraw(t.Context()); err != nil {
				t.Fatal(err)
			}
			if claim, got := claimed(p, study, end), delivered(t, reader, member.Study); len(got)+len(claim) > 0 {
				t.Errorf("after the end\n%v\nis said, and shown\n%v", claim, got)
			}
			for _, f := range p.Fields {
				if w := f.Audiences[study].Later.Withheld; len(f.Audiences[study].Now.Seen) > 0 && !strings.HasPrefix(w, c.because) {
					t.Errorf("%s is not seen later because %q", f.Path, w)
				}
			}
		})
	}
}

// The preview chooses sector and standard as submit does, and refuses what
// submit cannot queue.
func TestAPreviewChoosesTheSectorAsSubmitDoes(t *testing.T) {
	tr, _ := aTrustByHand(t, seldom)
	for i, c := range []struct {
		name    string
		sectors []string
		report  string
		sector  string // "": refused
	}{
		{"the victim's industry", []string{"finance", "health"}, `{"native":"1","security_incident":"Confirmed","victim":{"industry":"622110"}}`, "health"},
		{"no victim: the member's first sector", []string{"finance", "health"}, `{"native":"2","security_incident":"Confirmed"}`, "finance"},
		{"no victim, one sector", []string{"health"}, `{"native":"3","security_incident":"Confirmed"}`, "health"},
		{"a sector that is not the member's", []string{"finance"}, `{"native":"4","security_incident":"Confirmed","victim":{"industry":"622110"}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := tr.Seat(t.Context(), Party{Name: fmt.Sprint("Member ", i), Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup(fmt.Sprint("g-", i)), Sectors: c.sectors, Terms: "default"})
			if err != nil {
				t.Fatal(err)
			}
			one := collected(t, s, c.report, tr.now())
			p, err := s.Member.Preview(one, tr.now(), tr.now().AddDate(0, 0, 90))
			if addErr := s.Intake.Add(t.Context(), one); addErr != nil {
				t.Fatal(addErr)
			}
			if c.sector == "" {
				if f := s.Intake.Done.Failed; len(f) != 1 || err == nil || fault.Public(err).Code != f[0].Code || fault.Public(err).Message != f[0].Reason {
					t.Errorf("the preview says %v, and submit %v", err, f)
				}
				return
			}
			if err != nil || p.Sector != c.sector {
				t.Fatalf("it is previewed in %q: %v", p.Sector, err)
			}
			if _, err := s.Send(t.Context()); err != nil {
				t.Fatal(err)
			}
			rows, err := tr.Hub.Store.ByMember(t.Context(), s.Member.Agreement.Member.ID, 0, 10)
			if err != nil || len(rows) != 1 || rows[0].Sector != c.sector || rows[0].Standard != string(p.Standard) {
				t.Errorf("it is previewed under %s in %s, and the hub has %+v, %v", p.Standard, p.Sector, rows, err)
			}
		})
	}
}
