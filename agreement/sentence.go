package agreement

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// Section is a part of an agreement as sentences.
type Section struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

// Sections says the whole agreement in plain English. find returns standards,
// so that fields have their titles; where it is nil or finds none, they are
// called by their paths.
func (a Agreement) Sections(find func(standard.Ref) (*standard.Standard, error)) []Section {
	sections := []Section{
		{"Who agrees, and for how long", a.partiesLines()},
		{"What the member gives, to whom", a.givesLines(find)},
		{"What the member may do with what it receives", a.usesLines()},
	}
	if a.Project != nil {
		sections = append(sections, Section{"The project", a.Project.lines()})
	}
	return append(sections, a.LegalSections()...)
}

// LegalSections says what counsel asks first, in plain English; what the
// agreement is silent about is said to be.
func (a Agreement) LegalSections() []Section {
	return []Section{
		{"Roles under data protection law, flow by flow", a.lawLines()},
		{"Where the data are, and who works with them", a.placeLines()},
		{"Requests, breaches, orders and proceedings", a.dutyLines()},
		{"When the agreement has ended", []string{a.AfterEnd.words()}},
	}
}

func (a Agreement) partiesLines() []string {
	c := a.Member
	who := fmt.Sprintf("%s (%s, %s) of the owner group %s and the third party %s agree.", c.Name, c.Stake, c.Kind, c.OwnerGroup, a.Hub)
	lines := []string{who, fmt.Sprintf("The agreement %s holds from %s until %s, when it is valid no more.", a.ID, day(a.From), day(a.Until))}
	for _, sector := range slices.Sorted(maps.Keys(a.Standards)) {
		lines = append(lines, fmt.Sprintf("In the sector %s the standard %s says what is collected.", sector, a.Standards[sector]))
	}
	if a.Policy != "" {
		lines = append(lines, fmt.Sprintf("The sectors' policy is %s.", a.Policy))
	}
	if c.Jurisdiction != "" {
		lines = append(lines, fmt.Sprintf("The member stands under the law of %s.", c.Jurisdiction))
	}
	if len(c.Roles) > 0 {
		lines = append(lines, fmt.Sprintf("Beside a member it is: %s.", strings.Join(c.Roles, ", ")))
	}
	return lines
}

func (a Agreement) givesLines(find func(standard.Ref) (*standard.Standard, error)) (lines []string) {
	if a.Terms == nil {
		return []string{"The member contributes nothing; it only receives."}
	}
	lines = append(lines, fmt.Sprintf("The terms are the sheet %q, version %d. What no clause grants is withheld.", a.Terms.Name, a.Terms.Version))
	for _, c := range a.Terms.Clauses {
		for _, std := range a.found(find) {
			// Standards that have the same fields have the same sentence; a
			// standard of which a clause does not speak has none.
			s := terms.Sentence(c, std)
			if !slices.Contains(lines, s) && !strings.Contains(s, " receive nothing ") {
				lines = append(lines, s)
			}
		}
	}
	return lines
}

// found are the standards of the agreement that find returns; one nil if there
// are none.
func (a Agreement) found(find func(standard.Ref) (*standard.Standard, error)) (all []*standard.Standard) {
	if find != nil {
		for _, sector := range slices.Sorted(maps.Keys(a.Standards)) {
			if std, err := find(a.Standards[sector]); err == nil {
				all = append(all, std)
			}
		}
	}
	if len(all) == 0 {
		all = append(all, nil)
	}
	return all
}

func (a Agreement) usesLines() []string {
	if len(a.Purposes) == 0 {
		return []string{"It receives nothing: no purpose is agreed."}
	}
	purposes := make([]string, len(a.Purposes))
	for i, p := range a.Purposes {
		purposes[i] = string(p)
	}
	lines := []string{fmt.Sprintf("It may use it to %s, and for no other purpose.", strings.Join(purposes, ", "))}
	for _, u := range a.Undertakings {
		lines = append(lines, "It undertakes "+strings.TrimSuffix(u, ".")+".")
	}
	return lines
}

func (p Project) lines() []string {
	lines := []string{
		fmt.Sprintf("The project is %q (%s), until %s.", p.Title, p.ID, day(p.Until)),
		fmt.Sprintf("These people may look at what it receives, and nobody else: %s.", strings.Join(p.People, ", ")),
	}
	if p.EthicsRef != "" {
		lines = append(lines, fmt.Sprintf("The ethics board's decision is %s.", p.EthicsRef))
	}
	return lines
}

func (a Agreement) lawLines() (lines []string) {
	if len(a.Law) == 0 {
		return []string{"The agreement is silent about roles under data protection law."}
	}
	for _, p := range a.Law {
		lines = append(lines, p.Sentence())
	}
	return lines
}

// Sentence says a position in plain English.
func (p Position) Sentence() string {
	flow, _ := listed(Flows(), string(p.Flow))
	role, _ := listed(Roles(), string(p.Role))
	counterpart, _ := listed(Roles(), string(p.Counterpart))
	basis, _ := listed(Bases(), string(p.Basis))
	who := fmt.Sprintf("the member is %s and the third party %s", role.Says, counterpart.Says)
	if p.Role == p.Counterpart {
		who = fmt.Sprintf("the member and the third party are each %s", role.Says)
	}
	s := fmt.Sprintf("Where %s (%s), %s; the member's basis is %s", flow.Says, p.Flow, who, basis.Says)
	if p.Act != "" {
		s += ", by " + p.Act
	}
	return s + "."
}

func (a Agreement) placeLines() (lines []string) {
	if len(a.Location) == 0 {
		lines = append(lines, "The agreement does not say where the hub and the stewards are.")
	}
	for _, p := range a.Location {
		lines = append(lines, fmt.Sprintf("The %s is run by %s in %s.", p.Node, p.Operator, p.Country))
	}
	if len(a.Subprocessors) == 0 {
		return append(lines, "No subprocessor is named.")
	}
	for _, p := range a.Subprocessors {
		lines = append(lines, fmt.Sprintf("%s in %s works for the third party: %s.", p.Name, p.Country, strings.TrimSuffix(p.Does, ".")))
	}
	return lines
}

func (a Agreement) dutyLines() (lines []string) {
	if n := a.DataSubjects.ForwardDays; n > 0 {
		s := fmt.Sprintf("Whoever is asked by a person whom data are about passes the request on within %s to whoever holds them in clear, who answers.", many(n, "day"))
		if a.DataSubjects.Contact != "" {
			s += fmt.Sprintf(" The third party is asked at %s.", a.DataSubjects.Contact)
		}
		lines = append(lines, s)
	} else {
		lines = append(lines, "The agreement is silent about requests by people whom data are about.")
	}
	if a.BreachNotice > 0 {
		lines = append(lines, fmt.Sprintf("Each side tells the other within %s that data were lost or leaked.", many(a.BreachNotice, "hour")))
	} else {
		lines = append(lines, "The agreement sets no time for telling a breach.")
	}
	return append(lines, a.CompelledAccess.words(), a.DefenceDisclosure.words())
}

func (c CompelledAccess) words() string {
	switch c {
	case TellFirst:
		return "An authority's order to the third party is recorded; the members concerned are told before anything is handed out, or as soon as that is lawful."
	case TellAfter:
		return "An authority's order to the third party is recorded; the members concerned are told after it was carried out, once that is lawful."
	}
	return "The agreement is silent about orders of authorities to the third party."
}

func (d DefenceDisclosure) words() string {
	switch d {
	case AskFirst:
		return "Before something is disclosed to the defence in criminal proceedings, its contributor is told through the third party where that is lawful, and the court is asked to protect the source."
	case AsLawRequires:
		return "What must be disclosed to the defence in criminal proceedings is disclosed as the law requires; nothing more is promised."
	}
	return "The agreement is silent about disclosure to the defence."
}

func (e AfterEnd) words() string {
	if e == Keep {
		return "What was contributed stays available after the end, under the terms signed last."
	}
	return "After the end nothing that was contributed is passed on any more."
}

func many(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }
