package deliver_test

import (
	"testing"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Who said something is told as the terms under which it is shown let it be:
// with the least of their attributions.
func TestASourceIsShownWithTheLeastOfItsAttributions(t *testing.T) {
	for name, c := range map[string]struct {
		codes, domains terms.Attribution
		stake          string
		named          bool
	}{
		"what the clauses leave out":         {"", "", "industry", false},
		"by stake":                           {terms.ByStake, terms.ByStake, "industry", false},
		"by name":                            {terms.ByName, terms.ByName, "industry", true},
		"by name of one, by stake of other":  {terms.ByName, "", "industry", false},
		"not at all":                         {terms.NotAttributed, terms.NotAttributed, "withheld", false},
		"by name of one, not of an observed": {terms.ByName, terms.NotAttributed, "withheld", false},
		"not of a code, by name of observed": {terms.NotAttributed, terms.ByName, "withheld", false},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrust(t)
			clause := func(id, field string, a terms.Attribution) terms.Clause {
				return terms.Clause{ID: id, Fields: []string{field}, To: []terms.Recipient{{Stake: terms.AnyStake}}, For: []member.Purpose{member.Defend},
					Form: standard.Form{Kind: standard.Exact}, Attribution: a}
			}
			from := tr.join("from", member.Industry, &terms.Sheet{Name: "told", Version: 1, Clauses: []terms.Clause{
				clause("codes", "action.hacking.variety", c.codes), clause("domains", "observable.domain", c.domains)}}, "finance")
			from.Name = "The Bank of From"
			tr.members[from.ID] = from
			reader := tr.bank("reader")
			incident := tr.tell(sending{member: "from", says: [][2]string{{"action.hacking.variety", "SQLi"}}, seen: []report.Seen{{Type: "domain", Value: "login.told.net"}}})
			v := member.Viewer{Member: reader, Purpose: member.Defend, At: now}
			a, err := tr.room.Incident(t.Context(), v, tr.room.Shown(v, incident))
			if err != nil {
				t.Fatal(err)
			}
			body := a.Body()
			if len(body.Reports) != 1 || len(body.Stakes) != 1 {
				t.Fatalf("%d reports of the stakes %v are shown, want one", len(body.Reports), body.Stakes)
			}
			name := ""
			if c.named {
				name = from.Name
			}
			if got := body.Reports[0]; got.Stake != c.stake || body.Stakes[0] != c.stake || got.Name != name {
				t.Errorf("it is shown as of the stake %q (in lists %q), named %q; want %q and %q", got.Stake, body.Stakes[0], got.Name, c.stake, name)
			}
			mine := member.Viewer{Member: from, Purpose: member.Defend, At: now}
			own, err := tr.room.Incident(t.Context(), mine, tr.room.Shown(mine, incident))
			if err != nil || own.Body().Reports[0].Stake != "industry" {
				t.Errorf("its own report is shown to a member as of another stake: %+v, %v", own.Body().Reports, err)
			}
		})
	}
}
