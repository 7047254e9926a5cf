package node

import (
	"testing"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// The hub drafts a sheet and is not believed: what a member is shown and signs
// is its own sheet with clauses added, or widened in fields and form alone.
func TestADraftThatChangesMoreThanItMayIsNotSigned(t *testing.T) {
	sheet := func() *terms.Sheet {
		s, err := terms.Builtin("default")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	m := &Member{Agreement: agreement.Agreement{Terms: sheet(), Standards: map[string]standard.Ref{"finance": "finance/1.0"}}}
	added := terms.Clause{ID: "new", Fields: []string{"impact.ransom.paid"}, To: []terms.Recipient{{Stake: "law-enforcement"}},
		For: []member.Purpose{member.Investigate}, Form: standard.Form{Kind: standard.Generalised, Level: "decade"}}
	draft := func(change func(*terms.Sheet)) *terms.Sheet {
		s := sheet()
		s.Version++
		s.Clauses = append(s.Clauses, added)
		change(s)
		return s
	}
	got, err := m.changes("finance", draft(func(s *terms.Sheet) { s.Clauses[0].Fields = append(s.Clauses[0].Fields, "attack.techniques") }))
	if err != nil || len(got) != 2 || !got[0].Widened || got[1].Widened || got[1].Clause != "new" || got[1].Text != terms.Sentence(added, standardOf(t)) {
		t.Errorf("a widened and an added clause read %+v, %v", got, err)
	}
	for name, change := range map[string]func(*terms.Sheet){
		"the same version":        func(s *terms.Sheet) { s.Version-- },
		"a clause less":           func(s *terms.Sheet) { s.Clauses = s.Clauses[:1] },
		"another purpose":         func(s *terms.Sheet) { s.Clauses[0].For = member.Purposes() },
		"other recipients":        func(s *terms.Sheet) { s.Clauses[1].To = []terms.Recipient{{Stake: terms.AnyStake}} },
		"a more open marking":     func(s *terms.Sheet) { s.Clauses[2].TLP = "TLP:CLEAR" },
		"the order":               func(s *terms.Sheet) { s.Clauses[0], s.Clauses[1] = s.Clauses[1], s.Clauses[0] },
		"retention":               func(s *terms.Sheet) { s.Retention = terms.Days(1) },
		"a delay":                 func(s *terms.Sheet) { s.Clauses[0].After = terms.Days(1) },
		"a clause that is no one": func(s *terms.Sheet) { s.Clauses[len(s.Clauses)-1].Fields = nil },
	} {
		if _, err := m.changes("finance", draft(change)); fault.Public(err).Code != "offer.draft" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.changes("finance", nil); fault.Public(err).Code != "offer.draft" {
		t.Errorf("no draft: %v", err)
	}
}

func standardOf(t *testing.T) *standard.Standard {
	t.Helper()
	std, err := standard.Builtin("finance/1.0")
	if err != nil {
		t.Fatal(err)
	}
	return std
}
