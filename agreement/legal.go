package agreement

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
)

// Legal is what a bank's or a police force's counsel asks before anything is
// signed. docs/legal.md explains each answer, and what the software makes of
// it. Every property is optional, so that what was signed without it stays
// valid as it is.
type Legal struct {
	// Law is in which role, and on which basis, the member takes part under
	// data protection law, flow by flow.
	Law []Position `json:"law,omitzero"`
	// Location says where the third party's hub and the stewards are.
	Location []Place `json:"location,omitzero"`
	// Subprocessors work for the third party, and whom it may not change
	// without telling the member.
	Subprocessors []Subprocessor `json:"subprocessors,omitzero"`
	// DataSubjects says what becomes of a request by somebody whom data are
	// about.
	DataSubjects DataSubjectRequests `json:"data_subject_requests,omitzero"`
	// BreachNotice is within how many hours each side tells the other that
	// data were lost or leaked; zero: nothing is agreed.
	BreachNotice int `json:"breach_notice,omitzero"`
	// CompelledAccess is what the third party does when an authority orders it
	// to hand something out.
	CompelledAccess CompelledAccess `json:"compelled_access,omitzero"`
	// DefenceDisclosure is what whoever must disclose something to the defence
	// in criminal proceedings does first.
	DefenceDisclosure DefenceDisclosure `json:"defence_disclosure,omitzero"`
	// AfterEnd is what becomes of the member's contributions when the
	// agreement has ended; empty means [Withdraw].
	AfterEnd AfterEnd `json:"after_end,omitzero"`
}

// Flow is a way that data take, for each of which the law asks who answers for
// it.
type Flow string

// The flows.
const (
	Contribute Flow = "contribute"
	Receive    Flow = "receive"
	Statistics Flow = "statistics"
	Release    Flow = "release"
	Disclosure Flow = "disclosure"
)

// Role is a role under data protection law.
type Role string

// The roles: Art. 4(7), 26 and 28 GDPR, and Art. 3(7) of the Law Enforcement
// Directive (EU) 2016/680.
const (
	Controller         Role = "controller"
	JointController    Role = "joint-controller"
	Processor          Role = "processor"
	CompetentAuthority Role = "competent-authority"
)

// Basis is what makes a processing lawful: "gdpr-6-1-f" is Art. 6(1)(f) GDPR,
// "led-8" Art. 8 of the Law Enforcement Directive.
type Basis string

// The bases that the defaults use; [Bases] lists all.
const (
	PublicTask         Basis = "gdpr-6-1-e"
	LegitimateInterest Basis = "gdpr-6-1-f"
	LawEnforcementTask Basis = "led-8"
	LEDStatistics      Basis = "led-4-3"
)

// Position is where a member stands in one flow.
type Position struct {
	Flow Flow `json:"flow" yaml:"flow"`
	// Role is the member's, and Counterpart the third party's.
	Role        Role  `json:"role" yaml:"role"`
	Counterpart Role  `json:"counterpart" yaml:"counterpart"`
	Basis       Basis `json:"basis" yaml:"basis"`
	// Act names the law on which a public task rests, since Art. 6(3) GDPR and
	// Art. 8 of the Directive ask for one.
	Act string `json:"act,omitzero" yaml:"act,omitempty"`
}

// Place says where a node stands and who runs it.
type Place struct {
	// Node is "hub", or "steward NAME".
	Node     string `json:"node"`
	Operator string `json:"operator"`
	// Country by its code (ISO 3166-1 alpha-2).
	Country string `json:"country"`
}

// Subprocessor works for the third party.
type Subprocessor struct {
	Name    string `json:"name" yaml:"name"`
	Does    string `json:"does" yaml:"does"`
	Country string `json:"country" yaml:"country"`
}

// DataSubjectRequests says what becomes of a request by a person whom data are
// about (Art. 15 to 22 GDPR, Art. 14 and 16 of the Directive). Whoever holds
// the person's data in clear answers: that is the contributor, never a hub that
// holds tokens only.
type DataSubjectRequests struct {
	// Contact of the third party for such requests.
	Contact string `json:"contact,omitzero"`
	// ForwardDays is within how many days whoever is asked passes the request
	// on to whoever can answer it.
	ForwardDays int `json:"forward_days,omitzero"`
}

// CompelledAccess is what the third party does under an order.
type CompelledAccess string

// The ways, of which the first is the default.
const (
	// TellFirst: the order is recorded; the members concerned are told before
	// anything is handed out, or, where the order forbids that, as soon as it
	// is lawful.
	TellFirst CompelledAccess = "tell-first"
	// TellAfter: the order is recorded; the members concerned are told when it
	// was carried out and telling is lawful.
	TellAfter CompelledAccess = "tell-after"
)

// DefenceDisclosure is what whoever must disclose to the defence does.
type DefenceDisclosure string

// The ways, of which the first is the default.
const (
	// AskFirst: the contributor is told first, through the third party, where
	// that is lawful, and the court is asked to protect the source.
	AskFirst DefenceDisclosure = "ask-first"
	// AsLawRequires: nothing is promised beyond the law.
	AsLawRequires DefenceDisclosure = "as-law-requires"
)

// AfterEnd is what becomes of contributions when their agreement has ended.
type AfterEnd string

const (
	// Withdraw: nothing of them is passed on any more. It is the default.
	Withdraw AfterEnd = "withdraw"
	// Keep: they stay available under the terms that were signed last.
	Keep AfterEnd = "keep"
)

// Code is one entry of a closed list, as docs/legal.md explains it.
type Code struct {
	Code string
	// DPV is the concept of the W3C Data Privacy Vocabulary that says the
	// same, or the nearest broader one; "" where it has none.
	DPV  string
	Says string
}

// Flows lists the flows.
func Flows() []Code {
	return []Code{
		{string(Contribute), "", "what it reports reaches the third party and is joined with what others report"},
		{string(Receive), "", "what others let it receive reaches it"},
		{string(Statistics), "", "protected figures are made"},
		{string(Release), "", "anonymised releases are made"},
		{string(Disclosure), "", "a sealed field is opened for an authority"},
	}
}

// Roles lists the roles.
func Roles() []Code {
	return []Code{
		{string(Controller), "dpv:DataController", "controller (Art. 4(7) GDPR)"},
		{string(JointController), "dpv:JointDataControllers", "joint controller (Art. 26 GDPR)"},
		{string(Processor), "dpv:DataProcessor", "processor (Art. 28 GDPR)"},
		{string(CompetentAuthority), "dpv:Authority", "competent authority (Art. 3(7) Law Enforcement Directive)"},
	}
}

// Bases lists the bases.
func Bases() []Code {
	return []Code{
		{"gdpr-6-1-a", "dpv:Consent", "consent (Art. 6(1)(a) GDPR)"},
		{"gdpr-6-1-b", "dpv:ContractPerformance", "a contract with the person (Art. 6(1)(b) GDPR)"},
		{"gdpr-6-1-c", "dpv:LegalObligation", "a legal obligation (Art. 6(1)(c) GDPR)"},
		{"gdpr-6-1-d", "dpv:VitalInterest", "somebody's vital interests (Art. 6(1)(d) GDPR)"},
		{string(PublicTask), "dpv:PublicInterest", "a task in the public interest or official authority (Art. 6(1)(e) GDPR)"},
		{string(LegitimateInterest), "dpv:LegitimateInterest", "legitimate interests (Art. 6(1)(f) GDPR)"},
		{string(LawEnforcementTask), "dpv:OfficialAuthorityOfController", "the task of a competent authority (Art. 8 Law Enforcement Directive)"},
		{string(LEDStatistics), "dpv:OfficialAuthorityOfController", "statistics or research within the purposes of the Directive (Art. 4(3) Law Enforcement Directive)"},
		{"other-law", "dpv:LegalBasis", "another law, which the agreement names"},
	}
}

func listed(list []Code, code string) (Code, bool) {
	i := slices.IndexFunc(list, func(c Code) bool { return c.Code == code })
	if i < 0 {
		return Code{}, false
	}
	return list[i], true
}

func codes(list []Code) (all []string) {
	for _, c := range list {
		all = append(all, c.Code)
	}
	return all
}

// DefaultLaw is where a member of this stake and kind stands unless the two
// sides agree otherwise; docs/legal.md says why.
func DefaultLaw(s member.Stake, k member.Kind) []Position {
	switch {
	case k == "police" || k == "prosecutor":
		return []Position{
			{Flow: Contribute, Role: CompetentAuthority, Counterpart: Controller, Basis: LawEnforcementTask},
			{Flow: Receive, Role: CompetentAuthority, Counterpart: Controller, Basis: LawEnforcementTask},
			{Flow: Statistics, Role: CompetentAuthority, Counterpart: Controller, Basis: LEDStatistics},
			{Flow: Release, Role: CompetentAuthority, Counterpart: Controller, Basis: LEDStatistics},
			{Flow: Disclosure, Role: CompetentAuthority, Counterpart: Processor, Basis: LawEnforcementTask},
		}
	case s == member.Research:
		basis := PublicTask
		if k != "university" {
			basis = LegitimateInterest
		}
		return together(basis)
	case k == "regulator":
		return append(together(PublicTask), Position{Flow: Disclosure, Role: Controller, Counterpart: Processor, Basis: PublicTask})
	}
	return append(together(LegitimateInterest), Position{Flow: Disclosure, Role: Controller, Counterpart: Processor, Basis: LegitimateInterest})
}

// together has what is joined and counted be answered for by both sides, and
// what is received by each for itself.
func together(b Basis) []Position {
	return []Position{
		{Flow: Contribute, Role: JointController, Counterpart: JointController, Basis: b},
		{Flow: Receive, Role: Controller, Counterpart: Controller, Basis: b},
		{Flow: Statistics, Role: JointController, Counterpart: JointController, Basis: b},
		{Flow: Release, Role: JointController, Counterpart: JointController, Basis: b},
	}
}

// What is agreed unless the two sides agree otherwise.
const (
	DefaultBreachNotice = 24 // hours
	DefaultForwardDays  = 3
)

// DefaultLegal completes what the third party offers to a member of this stake
// and kind; what is set already stays.
func DefaultLegal(l Legal, s member.Stake, k member.Kind) Legal {
	if l.Law == nil {
		l.Law = DefaultLaw(s, k)
	}
	if l.DataSubjects.ForwardDays == 0 {
		l.DataSubjects.ForwardDays = DefaultForwardDays
	}
	if l.BreachNotice == 0 {
		l.BreachNotice = DefaultBreachNotice
	}
	if l.CompelledAccess == "" {
		l.CompelledAccess = TellFirst
	}
	if l.DefenceDisclosure == "" {
		l.DefenceDisclosure = AskFirst
	}
	if l.AfterEnd == "" {
		l.AfterEnd = Withdraw
	}
	return l
}

const (
	wantCountry      = "a country is named by its code of two capital letters (ISO 3166-1 alpha-2): DE, FR, GB"
	maxBreachHours   = 7 * 24
	maxForwardDays   = 30
	maxRoleName      = 48
	stewardNode      = "steward "
	unexplainedBasis = "other-law"
)

var roleName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// ValidRoleName reports whether a role of a member is called as roles are.
func ValidRoleName(r string) bool { return len(r) <= maxRoleName && roleName.MatchString(r) }

func (l Legal) check(c Card) error {
	if err := CheckLaw(l.Law, c.Stake); err != nil {
		return err
	}
	return l.Check()
}

// Check holds all to its form but the law, for which see [CheckLaw].
func (l Legal) Check() error {
	if len(l.Location) > maxList || len(l.Subprocessors) > maxList {
		return invalid("/location", "at most %d places, and as many subprocessors", maxList)
	}
	for i, p := range l.Location {
		node := len(p.Node) > len(stewardNode) && p.Node[:len(stewardNode)] == stewardNode || p.Node == "hub"
		if err := checkPlace(fmt.Sprintf("/location/%d", i), p.Country, p.Node, p.Operator); err != nil || !node {
			if err == nil {
				err = invalid(fmt.Sprintf("/location/%d/node", i), "a place is that of the hub, or of a steward")
			}
			return err
		}
	}
	for i, p := range l.Subprocessors {
		if err := checkPlace(fmt.Sprintf("/subprocessors/%d", i), p.Country, p.Name, p.Does); err != nil {
			return err
		}
	}
	switch {
	case len(l.DataSubjects.Contact) > maxName:
		return invalid("/data_subject_requests/contact", "a contact has at most %d bytes", maxName)
	case l.DataSubjects.ForwardDays < 0 || l.DataSubjects.ForwardDays > maxForwardDays:
		return invalid("/data_subject_requests/forward_days", "a request is passed on within 1 to %d days", maxForwardDays)
	case l.BreachNotice < 0 || l.BreachNotice > maxBreachHours:
		return invalid("/breach_notice", "a breach is told within 1 to %d hours", maxBreachHours)
	case !slices.Contains([]CompelledAccess{"", TellFirst, TellAfter}, l.CompelledAccess):
		return invalid("/compelled_access", "write %s or %s", TellFirst, TellAfter)
	case !slices.Contains([]DefenceDisclosure{"", AskFirst, AsLawRequires}, l.DefenceDisclosure):
		return invalid("/defence_disclosure", "write %s or %s", AskFirst, AsLawRequires)
	case !slices.Contains([]AfterEnd{"", Withdraw, Keep}, l.AfterEnd):
		return invalid("/after_end", "write %s or %s", Withdraw, Keep)
	}
	return nil
}

// checkPlace holds a node's or subprocessor's name, what it is or does, and its
// country to their form.
func checkPlace(path, country string, texts ...string) error {
	for _, t := range texts {
		if t == "" || len(t) > maxName {
			return invalid(path, "name who it is, and what it runs or does, in at most %d bytes each", maxName)
		}
	}
	if !terms.ValidCountry(country) {
		return invalid(path+"/country", "%s", wantCountry)
	}
	return nil
}

// CheckLaw holds the positions of a member to the lists, and to each other: one
// for a flow; joint controllers are joint; a processor works for a controller;
// the Law Enforcement Directive is for competent authorities, and they are of
// that stake.
func CheckLaw(all []Position, s member.Stake) error {
	for i, p := range all {
		path := fmt.Sprintf("/law/%d", i)
		_, flow := listed(Flows(), string(p.Flow))
		_, role := listed(Roles(), string(p.Role))
		_, counterpart := listed(Roles(), string(p.Counterpart))
		_, basis := listed(Bases(), string(p.Basis))
		directive := p.Basis == LawEnforcementTask || p.Basis == LEDStatistics
		switch {
		case !flow:
			return invalid(path+"/flow", "a flow is one of %v", codes(Flows()))
		case slices.ContainsFunc(all[:i], func(o Position) bool { return o.Flow == p.Flow }):
			return invalid(path+"/flow", "the flow %s stands twice", p.Flow)
		case !role || !counterpart:
			return invalid(path+"/role", "role and counterpart are among %v", codes(Roles()))
		case !basis:
			return invalid(path+"/basis", "a basis is one of %v", codes(Bases()))
		case (p.Role == JointController) != (p.Counterpart == JointController):
			return invalid(path+"/counterpart", "joint controllers are joint: both sides, or neither")
		case p.Role == Processor && p.Counterpart != Controller || p.Counterpart == Processor && p.Role == Processor:
			return invalid(path+"/counterpart", "a processor works for a controller")
		case p.Counterpart == CompetentAuthority:
			return invalid(path+"/counterpart", "the third party is no competent authority; if a law entrusts it, it is the controller and the act says so")
		case (p.Role == CompetentAuthority) != directive:
			return invalid(path+"/basis", "a competent authority acts under the Law Enforcement Directive (led-…), and nobody else does")
		case p.Role == CompetentAuthority && s != member.LawEnforcement:
			return invalid(path+"/role", "a competent authority has the stake %s", member.LawEnforcement)
		case p.Basis == unexplainedBasis && p.Act == "" || len(p.Act) > maxName:
			return invalid(path+"/act", "name the law, in at most %d bytes", maxName)
		}
	}
	return nil
}
