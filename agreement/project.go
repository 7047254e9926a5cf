package agreement

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
)

// Project is what research data are for: a question, named people, and at most
// a year. Answers are computed for the project, so that terms can name it.
type Project struct {
	// ID is issued by the hub ("p-…"); clauses name it.
	ID    string `json:"id"`
	Title string `json:"title"`
	// People are those who may look at what the project receives.
	People []string `json:"people"`
	// Until is when the project ends, in whole seconds UTC.
	Until time.Time `json:"until"`
	// EthicsRef is the reference of an ethics board's decision, if one was
	// asked.
	EthicsRef string `json:"ethics_ref,omitzero"`
}

// MaxProject is the longest that a project's agreement may last: then the
// third party looks at it again.
const MaxProject = 366 * 24 * time.Hour

const maxPeople = 50

var projectID = regexp.MustCompile(`^p-[a-z0-9][a-z0-9-]{0,63}$`)

// Named reports whether a person is one of the project's, by the name under
// which the agreement has it; case and blanks around it do not matter.
func (p Project) Named(person string) bool {
	return slices.ContainsFunc(p.People, func(named string) bool {
		return strings.EqualFold(strings.TrimSpace(named), strings.TrimSpace(person))
	})
}

// Check holds a project to its form. The id may be missing, before it is
// issued.
func (p Project) Check() error {
	switch {
	case p.ID != "" && !projectID.MatchString(p.ID):
		return invalid("/project/id", "a project has an id issued by the hub, p-…")
	case p.Title == "" || len(p.Title) > maxName:
		return invalid("/project/title", "a project has a title of at most %d bytes", maxName)
	case len(p.People) == 0 || len(p.People) > maxPeople:
		return invalid("/project/people", "a project names from 1 to %d people", maxPeople)
	case len(p.EthicsRef) > maxName:
		return invalid("/project/ethics_ref", "a reference has at most %d bytes", maxName)
	}
	for i, who := range p.People {
		if strings.TrimSpace(who) != who || who == "" || len(who) > maxName || (Project{People: p.People[:i]}).Named(who) {
			return invalid("/project/people", "people are named in at most %d bytes, without blanks around the name, each once", maxName)
		}
	}
	return wholeSecond("/project/until", p.Until)
}

// checkProject holds the agreement to its project: research, one year at most,
// and no longer than the project.
func (a Agreement) checkProject() error {
	p := a.Project
	if p == nil {
		return nil
	}
	if err := p.Check(); err != nil {
		return err
	}
	switch {
	case p.ID == "":
		return invalid("/project/id", "a project has an id issued by the hub, p-…")
	case a.Member.Stake != member.Research:
		return invalid("/project", "a project is for members of the stake %s", member.Research)
	case p.Until.Sub(a.From) > MaxProject:
		return invalid("/project/until", "a project lasts at most a year; it can be renewed")
	case a.Until.After(p.Until):
		return invalid("/until", "the agreement ends with its project, at the latest")
	}
	return nil
}

// Admits reports whether a person may look at what the member receives: within
// a project only the people whom it names.
func (a Agreement) Admits(person string) error {
	if a.Project == nil || a.Project.Named(person) {
		return nil
	}
	return fault.New(fault.Forbidden, "agreement.not_named",
		"the agreement is for the project %q and does not name this person; it names %s", a.Project.Title, strings.Join(a.Project.People, ", "))
}
