package policy

import (
	"slices"
	"strings"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

// DataUse is a term of the Data Use Ontology (GA4GH), by which archives and
// access committees compare what data may be used for.
type DataUse struct {
	ID string `json:"id"`
	// Code is its shorthand.
	Code  string `json:"code"`
	Label string `json:"label"`
	// Because is what it follows from.
	Because string `json:"because,omitzero"`
}

// The terms that follow from clauses, or that a recipient can undertake.
var (
	noRestriction   = DataUse{ID: "DUO:0000004", Code: "NRES", Label: "no restriction"}
	generalResearch = DataUse{ID: "DUO:0000042", Code: "GRU", Label: "general research use"}
	userSpecific    = DataUse{ID: "DUO:0000026", Code: "US", Label: "user specific restriction"}
	projectSpecific = DataUse{ID: "DUO:0000027", Code: "PS", Label: "project specific restriction"}
	institution     = DataUse{ID: "DUO:0000028", Code: "IS", Label: "institution specific restriction"}
	geographical    = DataUse{ID: "DUO:0000022", Code: "GS", Label: "geographical restriction"}
	timeLimit       = DataUse{ID: "DUO:0000025", Code: "TS", Label: "time limit on use"}
	notForProfit    = DataUse{ID: "DUO:0000045", Code: "NPU", Label: "not for profit organisation use only"}
	nonCommercial   = DataUse{ID: "DUO:0000046", Code: "NCU", Label: "non-commercial use only"}
	notForProfitUse = DataUse{ID: "DUO:0000018", Code: "NPUNCU", Label: "not for profit, non commercial use only"}
	ethicsApproval  = DataUse{ID: "DUO:0000021", Code: "IRB", Label: "ethics approval required"}
	publication     = DataUse{ID: "DUO:0000019", Code: "PUB", Label: "publication required"}
	collaboration   = DataUse{ID: "DUO:0000020", Code: "COL", Label: "collaboration required"}
	returned        = DataUse{ID: "DUO:0000029", Code: "RTN", Label: "return to database or resource"}
	moratorium      = DataUse{ID: "DUO:0000024", Code: "MOR", Label: "publication moratorium"}
)

// DataUses lists the terms that there are here, by shorthand.
func DataUses() []DataUse {
	return []DataUse{collaboration, geographical, generalResearch, ethicsApproval, institution, moratorium, nonCommercial,
		noRestriction, notForProfit, notForProfitUse, projectSpecific, publication, returned, timeLimit, userSpecific}
}

// public are the kinds of member that do not work for profit.
var public = []member.Kind{"regulator", "police", "prosecutor", "university", "institute"}

func (d DataUse) because(why string) DataUse { d.Because = why; return d }

// StudyUses are the terms of data that was gathered for study under clauses,
// and is marked: one permission, and a modifier for each restriction that some
// of the clauses makes. Only the recipients of the research stake are looked
// at.
func StudyUses(clauses []terms.Clause, tlp string) []DataUse {
	uses := []DataUse{generalResearch.because("its contributors grant it to research, to study")}
	if len(clauses) > 0 && tlp == "TLP:CLEAR" && !slices.ContainsFunc(clauses, restricted) {
		return []DataUse{noRestriction.because("its contributors grant it to all, for every purpose")}
	}
	switch tlp {
	case "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER":
	case "TLP:AMBER+STRICT":
		uses = append(uses, institution.because("it is marked "+tlp))
	default:
		uses = append(uses, userSpecific.because("it is marked TLP:RED"))
	}
	for _, m := range []struct {
		use DataUse
		why string
		is  func(terms.Clause) bool
	}{
		{projectSpecific, "a contributor grants it within certain projects", every(func(to terms.Recipient) bool { return len(to.Projects) > 0 })},
		{institution, "a contributor grants it to certain members", every(func(to terms.Recipient) bool { return len(to.Members) > 0 })},
		{userSpecific, "a contributor grants it to certain roles", every(func(to terms.Recipient) bool { return len(to.Roles) > 0 })},
		{geographical, "a contributor grants it within certain jurisdictions", every(func(to terms.Recipient) bool { return len(to.Jurisdictions) > 0 })},
		{notForProfit, "a contributor grants it to kinds of member that do not work for profit", every(func(to terms.Recipient) bool {
			return len(to.Kinds) > 0 && !slices.ContainsFunc(to.Kinds, func(k member.Kind) bool { return !slices.Contains(public, k) })
		})},
		{timeLimit, "a contributor grants it for a limited time", func(c terms.Clause) bool { return c.Keep != 0 || c.Until != "" }},
	} {
		has := slices.ContainsFunc(uses, func(u DataUse) bool { return u.ID == m.use.ID })
		if !has && slices.ContainsFunc(clauses, m.is) {
			uses = append(uses, m.use.because(m.why))
		}
	}
	return uses
}

// every reports of a clause whether all of its recipients that can be
// researchers are of a sort.
func every(sort func(terms.Recipient) bool) func(terms.Clause) bool {
	return func(c terms.Clause) bool {
		n := 0
		for _, to := range c.To {
			if to.Stake != terms.AnyStake && to.Stake != string(member.Research) {
				continue
			}
			if n++; !sort(to) {
				return false
			}
		}
		return n > 0
	}
}

// restricted reports whether a clause asks for anything at all.
func restricted(c terms.Clause) bool {
	everybody := slices.ContainsFunc(c.To, func(to terms.Recipient) bool {
		return to.Stake == terms.AnyStake && (to.Sector == "" || to.Sector == terms.AnySector) &&
			len(to.Kinds)+len(to.Members)+len(to.Roles)+len(to.Projects)+len(to.Jurisdictions) == 0
	})
	for _, p := range member.Purposes() {
		if !slices.Contains(c.For, p) {
			return true
		}
	}
	return !everybody || marking(c) != "TLP:CLEAR" || actions(c) != "PAP:CLEAR" ||
		c.Keep != 0 || c.Until != "" || c.When != (terms.Condition{})
}

// phrases by which undertakings are written, each with the term it says. An
// undertaking that says none of them is in nobody's list.
var phrases = []struct {
	text string
	use  DataUse
}{
	{"not for profit, non commercial", notForProfitUse},
	{"non-commercial", nonCommercial}, {"noncommercial", nonCommercial}, {"not for commercial", nonCommercial},
	{"not for profit", notForProfit}, {"not-for-profit", notForProfit},
	{"ethics board", ethicsApproval}, {"ethics committee", ethicsApproval}, {"ethics approval", ethicsApproval}, {"within one project", projectSpecific}, {"for this project only", projectSpecific}, {"within the project", projectSpecific},
	{"results are published", publication}, {"publishes its results", publication},
	{"within its institution", institution}, {"publication moratorium", moratorium}, {"research only", generalResearch}, {"only for research", generalResearch},
}

// Undertaken lists the terms that a recipient's undertakings say: by
// identifier (DUO:0000046), by label, or in one of the ways in which they are
// usually written. Words that say none of them are still binding; they are
// only not in the list.
func Undertaken(undertakings []string) []DataUse {
	var uses []DataUse
	add := func(d DataUse, words string) {
		if !slices.ContainsFunc(uses, func(u DataUse) bool { return u.ID == d.ID }) {
			uses = append(uses, d.because(words))
		}
	}
	for _, words := range undertakings {
		text := strings.ToLower(words)
		named := false
		for _, d := range DataUses() {
			if strings.Contains(text, strings.ToLower(d.ID)) || strings.Contains(text, d.Label) {
				add(d, words)
				named = true
			}
		}
		for _, p := range phrases {
			if !named && strings.Contains(text, p.text) {
				add(p.use, words)
				break
			}
		}
	}
	return uses
}
