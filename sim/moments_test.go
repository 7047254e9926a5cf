package sim

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// timedDomain is told by a report whose contributor grants it for a time only.
const timedDomain = "terminowy-dom.net"

// timedSheet grants what the doors show, under a condition.
const timedSheet = `name: timed
version: 2
clauses:
  - id: timed
    fields: ["class:indicator", "class:descriptive", victim.industry, victim.country, victim.employee_count, timeline.incident]
    to: [{stake: any}]
    for: [defend, study, benchmark]
    form: exact
    tlp: "TLP:GREEN"
    pap: "PAP:AMBER"
    %s
`

// timing is a trust by hand in which the first seat grants for a time what it
// tells.
type timing struct {
	*recalling
	clock            *handClock
	firm, university *Seat
	// received is when the timed report was.
	received time.Time
	// counted, listed: how many incidents without the timed one.
	counted, listed int
}

func newTiming(t *testing.T, condition string) *timing {
	t.Helper()
	tr, clock := aTrustByHand(t, small)
	r := &timing{recalling: &recalling{Trust: tr, t: t, files: t.TempDir()}, clock: clock}
	for i, p := range []Party{
		{Name: "Bank", Stake: member.Industry, Kind: "firm"}, {Name: "Insurer", Stake: member.Industry, Kind: "insurer"}, {Name: "Broker", Stake: member.Industry, Kind: "firm"},
		{Name: "Fund", Stake: member.Industry, Kind: "firm"}, {Name: "Reader", Stake: member.Industry, Kind: "firm"}, {Name: "University", Stake: member.Research, Kind: "university"}} {
		p.OwnerGroup, p.Sectors, p.Terms = wire.OwnerGroup(fmt.Sprint("g-", i)), []string{"finance"}, "default"
		s, err := tr.Seat(t.Context(), p)
		r.must(err)
		r.seats = append(r.seats, s)
	}
	r.firm, r.university = r.seats[4], r.seats[5]
	for i := range 12 {
		r.tell(1+i%3, fmt.Sprint("case-", i), fmt.Sprintf(`{"type":"domain","value":"login-%d.northw1nd-bank.net"}`, i))
	}
	sheet := filepath.Join(t.TempDir(), "timed.yaml")
	r.must(os.WriteFile(sheet, fmt.Appendf(nil, timedSheet, condition), 0o600))
	if _, err := r.seats[0].Member.Renew(t.Context(), node.Renewal{Sheet: sheet}); err != nil {
		t.Fatal(err)
	}
	// What it signed holds for what it tells once it is opened anew.
	bank := r.seats[0]
	r.must(bank.Member.Close())
	config, err := node.LoadConfig(filepath.Join(bank.Member.Config.Dir, node.ConfigName))
	r.must(err)
	bank.Member, err = node.OpenMember(t.Context(), config, clock.now)
	r.must(err)
	bank.Intake, err = bank.Member.Intake()
	r.must(err)
	return r
}

// tellTimed has the first seat tell of an incident of its own.
func (r *timing) tellTimed() {
	r.t.Helper()
	r.consolidate()
	r.listed, r.counted = r.lists(), r.count()
	r.received = r.clock.now()
	r.tell(0, "timed", fmt.Sprintf(`{"type":"domain","value":%q}`, timedDomain))
	r.consolidate()
}

func (r *timing) consolidate() {
	r.t.Helper()
	_, err := r.Hub.Consolidate.Run(r.t.Context())
	r.must(err)
	r.must(r.Hub.Snapshot(r.t.Context()))
}

// lists is how many incidents the list has for the reader.
func (r *timing) lists() int {
	r.t.Helper()
	data, err := r.firm.Member.Hub.Get(r.t.Context(), "/v1/sectors/finance/incidents?for=defend")
	r.must(err)
	return len(idIn.FindAll(data, -1))
}

// count is how many incidents the statistics count for research.
func (r *timing) count() int {
	r.t.Helper()
	const path = "/v1/sectors/finance/picture?for="
	data, err := r.university.Member.Hub.Get(r.t.Context(), path+"study")
	r.must(err)
	return counted(r.t, map[string]string{"api " + path + "study": string(data)}, member.Study)
}

// shows looks at every door to which the reader has a key, at a moment, and
// holds each to having the timed report or not.
func (r *timing) shows(at time.Time, want bool) {
	r.t.Helper()
	r.clock.set(at)
	all := r.doors(r.URL, r.firm)
	seen := map[string]bool{"api /v1/incidents/": false, "api /feeds/indicators.csv?for=defend": false, "taxii ": false, "misp": false, "page /indicators for defend": false, "page /indicators?format=csv for defend": false}
	for door, text := range all {
		for kind := range seen {
			seen[kind] = seen[kind] || strings.HasPrefix(door, kind) && strings.Contains(text, timedDomain)
		}
	}
	more := 0
	if want {
		more = 1
	}
	seen["the list of incidents"] = r.lists() == r.listed+1
	seen["the collection of incidents"] = incidentsIn(all) == r.listed+more && want
	for door, found := range seen {
		if found != want {
			r.t.Errorf("at %s (received %s) it is at the door %q: %v; want %v", at.UTC().Format(time.DateTime), r.received.UTC().Format(time.DateTime), door, found, want)
		}
	}
}

// incidentsIn counts the live incidents of the collection to defend.
func incidentsIn(all map[string]string) (n int) {
	for door, text := range all {
		if !strings.HasPrefix(door, "taxii ") || !strings.Contains(door, "incidents to defend") {
			continue
		}
		for _, o := range strings.SplitAfter(text, `{"type":`) {
			if strings.HasPrefix(o, `"incident"`) && !strings.Contains(o, `"revoked":true`) {
				n++
			}
		}
	}
	return n
}

// counts takes the statistics anew, and holds them to counting the timed report
// or not.
func (r *timing) counts(want bool) {
	r.t.Helper()
	r.must(r.Hub.Snapshot(r.t.Context()))
	more := 0
	if want {
		more = 1
	}
	if n := r.count(); n != r.counted+more {
		r.t.Errorf("at %s %d incidents are counted; %d without it, and that it is counted should be %v", r.clock.now().UTC().Format(time.DateTime), n, r.counted, want)
	}
}

// stands reads whether a release stands, and what it holds.
func (r *timing) stands(id wire.ReleaseID) bool {
	r.t.Helper()
	rel, err := anonymise.Shelf{Room: r.Hub.Anonymise}.Release(r.t.Context(), id)
	r.must(err)
	_, err = r.university.Member.Hub.Get(r.t.Context(), "/v1/releases/"+string(id)+"/files/incidents.csv")
	if gone := fault.KindOf(err) == fault.Gone; (err != nil) != gone || gone != (rel.Withdrawn != nil) {
		r.t.Errorf("the release is %+v, and its file is answered with %v", rel.Withdrawn, err)
	}
	return rel.Withdrawn == nil
}

func (r *timing) release() (anonymise.Release, error) {
	all, err := r.Hub.ReleaseEach(r.t.Context())
	r.must(err)
	for _, one := range all {
		if one.Sector == "finance" && one.Release != nil && one.Code == "" {
			return *one.Release, nil
		}
		if one.Sector == "finance" {
			return anonymise.Release{}, fault.New(fault.NotFound, one.Code, "%s", one.Reason)
		}
	}
	return anonymise.Release{}, nil
}

// What is granted from a moment on or until one, is at every door, or at none,
// to the second: whatever was kept warm a second before.
func TestAGrantBeginsAndEndsInItsSecondAtEveryDoor(t *testing.T) {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	for name, c := range map[string]struct {
		condition string
		moment    func(received time.Time) time.Time
		begins    bool
	}{
		"after a delay":      {"after: 3d", func(at time.Time) time.Time { return at.AddDate(0, 0, 3) }, true},
		"from a day on":      {"from: " + day.AddDate(0, 0, 4).Format(time.DateOnly), func(time.Time) time.Time { return day.AddDate(0, 0, 4) }, true},
		"kept for some days": {"keep: 3d", func(at time.Time) time.Time { return at.AddDate(0, 0, 3) }, false},
		"until a day":        {"until: " + day.AddDate(0, 0, 4).Format(time.DateOnly), func(time.Time) time.Time { return day.AddDate(0, 0, 4) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTiming(t, c.condition)
			r.tellTimed()
			at := c.moment(r.received)
			r.shows(at.Add(-time.Second), !c.begins)
			r.counts(!c.begins)
			rel, err := r.release()
			if err != nil || !r.stands(rel.ID) {
				t.Fatalf("there is no release: %v", err)
			}
			r.shows(at, c.begins)
			// The snapshot of a second ago is answered no more once something of
			// it is over; what began waits for the next.
			if n := r.count(); !c.begins && n > r.counted {
				t.Errorf("%d incidents are counted still, and one is over", n)
			}
			r.counts(c.begins)
			if r.stands(rel.ID) != c.begins {
				t.Errorf("a release of the second before stands: %v", !c.begins)
			}
			if c.begins {
				// One incident more would be told by the difference.
				r.clock.set(at.Add(time.Second))
				if _, err := r.release(); fault.Public(err) == nil || fault.Public(err).Code != "release.too_soon" {
					t.Errorf("another release, which differs by one incident, is answered with %v", err)
				}
			}
			r.shows(at.Add(time.Hour), c.begins)
		})
	}
}

// Reciprocity ends in the second in which the reader's last report is as old as
// the clause says, and begins anew with the next. Figures are made for a whole
// stake, and count nothing that is granted to some of it.
func TestReciprocityBeginsAndEndsInItsSecondAtEveryDoor(t *testing.T) {
	r := newTiming(t, "when: {contributed_within: 2d}")
	r.tellTimed()
	r.shows(r.received.Add(time.Minute), false)
	gave := r.clock.now()
	r.tell(4, "reader-1", `{"type":"domain","value":"login-reader1.northw1nd-bank.net"}`)
	r.consolidate()
	r.listed++
	r.counted++
	r.counts(false)
	r.shows(gave.AddDate(0, 0, 2).Add(-time.Second), true)
	r.shows(gave.AddDate(0, 0, 2), false)
	r.tell(4, "reader-2", `{"type":"domain","value":"login-reader2.northw1nd-bank.net"}`)
	r.listed++
	r.consolidate()
	r.shows(r.clock.now().Add(time.Second), true)
}

// What asks for owner groups behind an incident is at no door before, and at
// every door once, so many told of it.
func TestGroupsBehindAnIncidentOpenEveryDoor(t *testing.T) {
	r := newTiming(t, "groups: 3")
	r.consolidate()
	r.listed, r.received = r.lists(), r.clock.now()
	event := func(seat int, domain string) {
		doc := fmt.Sprintf(`{"native":"part-%d","victim":{"victim_id":"Firm of the event","industry":"522110","employee_count":"101 to 1000","country":["US"]},"timeline":{"incident":"2026-03-11"},"action":{"hacking":{"variety":["Use of stolen creds"]}},"observables":[{"type":"domain","value":%q},{"type":"ip","value":"46.8.77.9"}]}`, seat, domain)
		s := r.seats[seat]
		account, err := s.Tell(t.Context(), strings.NewReader(doc), "case.json", "report")
		if err != nil || account.Lost() != 0 {
			t.Fatalf("lost %d: %v", account.Lost(), err)
		}
		d, err := s.Send(t.Context())
		if err != nil || d.Accepted != 1 {
			t.Fatalf("delivery %+v: %v", d, err)
		}
		r.consolidate()
	}
	event(0, timedDomain)
	r.shows(r.clock.now().Add(time.Second), false)
	event(1, "other-1.northw1nd-bank.net")
	if where := at(r.doors(r.URL, r.firm), timedDomain); len(where) > 0 {
		t.Errorf("with two owner groups behind it, it is at %v", where)
	}
	event(2, "other-2.northw1nd-bank.net")
	r.shows(r.clock.now().Add(time.Second), true)
}
