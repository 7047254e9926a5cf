package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// ReadODRL reads a policy of ODRL 2.2 as a sheet: a Set or Agreement under the
// project's profile, in compact JSON-LD. Only what is understood in full is
// granted: of a permission that says anything else, or leaves out its target,
// assignee, purpose or form, there is no clause, and what was not understood
// is told with its place. So is a permission of a policy with a prohibition
// that cannot be kept. If nothing is left, that is an error.
func ReadODRL(file string, data []byte) (*terms.Sheet, []Lost, error) {
	s, lost, err := readODRL(data)
	if err != nil {
		return nil, lost, placed(file, err)
	}
	return s, lost, nil
}

func readODRL(data []byte) (*terms.Sheet, []Lost, error) {
	if err := wire.Check(data); err != nil {
		return nil, nil, err
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, nil, fault.New(fault.Invalid, "json.malformed", "the policy cannot be read as JSON").Because(err)
	}
	top, ok := doc.(map[string]any)
	if !ok {
		return nil, nil, fault.New(fault.Invalid, "policy.no_policy", "a policy of ODRL is one JSON object")
	}
	root := value{doc, ""}
	c, err := readContext(root.member("@context", top["@context"]))
	if err != nil {
		return nil, nil, err
	}
	delete(top, "@context")
	r := &odrlReader{context: c, sheet: &terms.Sheet{Name: "imported", Version: 1}}
	if err := r.policy(root); err != nil {
		return nil, r.lost, err
	}
	if len(r.sheet.Clauses) == 0 {
		return nil, r.lost, fault.New(fault.Invalid, "policy.nothing_left", "of the policy no permission can be granted; there is no sheet to write")
	}
	return r.sheet, r.lost, r.sheet.Check()
}

type odrlReader struct {
	context
	sheet *terms.Sheet
	lost  []Lost
	// clause is the permission that is read; refused tells that something in
	// it, or in what holds for all of them, was not understood.
	clause  string
	refused bool
	// closed: the policy forbids to pass on.
	closed bool
}

// lose tells what is not carried, without harm.
func (r *odrlReader) lose(at value, what, why string) {
	r.lost = append(r.lost, Lost{Clause: r.clause, At: at.at, What: what, Why: why})
}

// refuse tells what is not understood.
func (r *odrlReader) refuse(at value, what, why string) {
	r.refused = true
	r.lose(at, what, why)
}

// fields takes the members of an object; those that are not among the names
// are not understood.
func (r *odrlReader) fields(v value, what string, names ...string) (map[string]value, bool) {
	m, twice, ok := r.members(v)
	if !ok {
		r.refuse(v, what, "an object is expected")
		return nil, false
	}
	if twice != "" {
		r.refuse(v, what, "two of its members mean the same")
	}
	for _, name := range sortedNames(m) {
		if !known(names, name) {
			r.refuse(m[name], "a member of "+what, "it is not known what it means")
		}
	}
	return m, true
}

// Members that only tell of a policy or rule.
const (
	ownName    = Namespace + "name"
	ownVersion = Namespace + "version"
	ownClause  = Namespace + "clause"
	title      = dctNamespace + "title"
)

// telling are members of Dublin Core that restrict nothing.
var telling = []string{"description", "creator", "publisher", "created", "issued", "modified"}

func (r *odrlReader) policy(root value) error {
	m, twice, _ := r.members(root)
	if twice != "" {
		return fault.New(fault.Invalid, "policy.twice", "two members mean the same").At("/" + escaped(twice))
	}
	if err := r.kind(root, m); err != nil {
		return err
	}
	r.head(m)
	closed := []string{"uid", "type", "profile", "conflict", "permission", "prohibition", "obligation", "assigner", ownName, ownVersion, title}
	for _, name := range sortedNames(m) {
		if known(closed, name) {
			continue
		}
		if known(telling, strings.TrimPrefix(name, dctNamespace)) && strings.HasPrefix(name, dctNamespace) {
			r.lose(m[name], "what is told of the policy", "it is for people to read")
			continue
		}
		r.refuse(m[name], "a member of the policy", "it is not known what it means for the permissions; none is granted")
	}
	if v, ok := m["prohibition"]; ok {
		for _, p := range v.items() {
			r.prohibition(p)
		}
	}
	if v, ok := m["obligation"]; ok {
		for _, o := range v.items() {
			r.obligation(o)
		}
	}
	all := r.refused
	v, ok := m["permission"]
	if !ok {
		return fault.New(fault.Invalid, "policy.no_permission", "the policy has no permission, so there is nothing to grant")
	}
	seen := map[string]bool{}
	for i, p := range v.items() {
		r.permission(p, i, all, seen)
	}
	return nil
}

// kind refuses what is no policy that grants, or is written under another
// profile: its words could mean anything.
func (r *odrlReader) kind(root value, m map[string]value) error {
	t, ok := r.iri(m["type"], odrlNamespace)
	switch strings.TrimPrefix(t, odrlNamespace) {
	case "Set", "Agreement", "Policy":
	default:
		at := root.member("type", nil)
		if ok {
			at = m["type"]
		}
		return fault.New(fault.Invalid, "policy.kind", "only a Set or an Agreement grants anything; an offer or a request does not").At(at.at)
	}
	v, ok := m["profile"]
	if !ok {
		return fault.New(fault.Invalid, "policy.profile", "the policy is under no profile; its words are those of %s", ProfileIRI)
	}
	for _, one := range v.items() {
		if p, ok := r.iri(one, ""); !ok || p != ProfileIRI {
			return fault.New(fault.Invalid, "policy.profile", "the policy is under a profile that is not known here, and must then not be read (ODRL 2.2); known is %s", ProfileIRI).At(one.at)
		}
	}
	if v, ok := m["conflict"]; ok {
		if p, _ := r.iri(v, odrlNamespace); p != odrlNamespace+"prohibit" && p != odrlNamespace+"invalid" {
			return fault.New(fault.Invalid, "policy.conflict", "of permissions and prohibitions that contradict each other the prohibition holds here; conflict is prohibit, invalid or left out").At(v.at)
		}
	}
	return nil
}

func (r *odrlReader) head(m map[string]value) {
	if v, ok := m[ownName]; ok {
		if s, ok := r.literal(v, "string"); ok {
			r.sheet.Name = s
		}
	}
	if v, ok := m[ownVersion]; ok {
		if s, ok := r.literal(v, "integer"); ok {
			r.sheet.Version, _ = strconv.Atoi(s)
		}
	}
	if v, ok := m[title]; ok {
		if s, ok := r.literal(v, "string"); ok {
			r.sheet.Title = s
		}
	}
}

// prohibition keeps those that terms keep anyway: what may not be passed on is
// marked TLP:RED, whatever else the prohibition says, and resale is granted by
// no clause. Any other could forbid what a permission grants.
func (r *odrlReader) prohibition(v value) {
	m, _, ok := r.members(v)
	action := ""
	if ok {
		action, _ = r.iri(m["action"], odrlNamespace)
	}
	switch strings.TrimPrefix(action, odrlNamespace) {
	case "distribute", "give", "transfer":
		r.closed = true
		r.lose(v, "a prohibition of passing on", "clauses only grant; all of them are marked TLP:RED instead")
	case "sell":
		r.lose(v, "a prohibition of selling", "clauses only grant, and none grants that")
	default:
		r.refuse(v, "a prohibition", "clauses only grant, and cannot keep it; no permission of the policy is granted")
	}
}

// obligation takes the retention of a sheet: the hub deletes.
func (r *odrlReader) obligation(v value) {
	m, _, ok := r.members(v)
	if ok && len(m) == 3 {
		who, _ := r.iri(m["assignee"], "")
		what, _ := r.iri(m["action"], odrlNamespace)
		if con, ok := m["constraint"]; ok && who == Namespace+"hub" && what == odrlNamespace+"delete" && len(con.items()) == 1 {
			left, op, right, ok := r.parts(con.items()[0])
			if ok && left == odrlNamespace+"elapsedTime" && op == "lteq" {
				if span, ok := r.span(right); ok && r.sheet.Retention == 0 {
					r.sheet.Retention = span
					return
				}
			}
		}
	}
	r.refuse(v, "an obligation of the policy", "terms cannot hold anybody to it; no permission of the policy is granted")
}

// permission makes a clause of a permission, if it is understood in full.
func (r *odrlReader) permission(v value, i int, all bool, seen map[string]bool) {
	before := len(r.lost)
	c := terms.Clause{ID: fmt.Sprintf("permission-%d", i+1)}
	r.refused, r.clause = all, c.ID
	if m, ok := r.fields(v, "a permission", "uid", "type", ownClause, "target", "assignee", "assigner", "action", "constraint", "duty"); ok {
		if id, ok := m[ownClause]; ok {
			if s, ok := r.literal(id, "string"); ok {
				c.ID, r.clause = s, s
			}
		}
		if t, ok := m["type"]; ok {
			if kind, _ := r.iri(t, odrlNamespace); kind != odrlNamespace+"Permission" {
				r.refuse(t, "its type", "only a Permission grants anything")
			}
		}
		r.target(v, m, &c)
		r.assignee(v, m, &c)
		r.action(v, m, &c)
		r.constraints(v, m, &c)
		r.duties(m, &c)
	}
	if r.closed {
		c.TLP = "TLP:RED"
	}
	for j := before; j < len(r.lost); j++ {
		r.lost[j].Clause = c.ID
	}
	if !r.refused {
		// What no sheet may say is not granted either.
		alone := &terms.Sheet{Name: "alone", Version: 1, Clauses: []terms.Clause{c}}
		if err := alone.Check(); err != nil {
			r.refuse(v, "what it grants", fault.Public(err).Message)
		} else if seen[c.ID] {
			r.refuse(v, "its name", "an earlier permission is of the same clause")
		}
	}
	seen[c.ID] = true
	if r.refused {
		r.lose(v, "the permission", "it is not granted, since it is not understood in full")
	} else {
		r.sheet.Clauses = append(r.sheet.Clauses, c)
	}
	r.clause = ""
}

func (r *odrlReader) target(v value, m map[string]value, c *terms.Clause) {
	t, ok := m["target"]
	if !ok {
		r.refuse(v, "its target", "it does not say which fields it is of")
		return
	}
	for _, one := range t.items() {
		iri, ok := r.iri(one, "")
		if part, is := one.v.(map[string]any); is && len(part) > 1 {
			inner, _ := r.fields(one, "a target", "uid", "type")
			iri, ok = r.iri(inner["uid"], "")
		}
		name, own := strings.CutPrefix(iri, Namespace+"field/")
		field, sound := unescape(name)
		if !ok || !own || !sound {
			r.refuse(one, "a target", "it names no field; targets are concord:field/NAME, NAME as under fields of a sheet")
			continue
		}
		c.Fields = append(c.Fields, field)
	}
}

// action takes use, in a form.
func (r *odrlReader) action(v value, m map[string]value, c *terms.Clause) {
	a, ok := m["action"]
	if !ok || len(a.items()) != 1 {
		r.refuse(v, "its action", "it has one action: use, in a form")
		return
	}
	one := a.items()[0]
	inner, is := r.fields(one, "an action", rdfNamespace+"value", "refinement")
	if !is {
		return
	}
	if what, _ := r.iri(inner[rdfNamespace+"value"], odrlNamespace); what != odrlNamespace+"use" {
		r.refuse(one, "its action", "only use is granted")
	}
	refine, ok := inner["refinement"]
	if !ok || len(refine.items()) != 1 {
		r.refuse(one, "its form", "the action is refined by one constraint: concord:form lteq a form")
		return
	}
	left, op, right, ok := r.parts(refine.items()[0])
	text, isText := r.literal(right, "string")
	form, err := standard.ParseForm(text)
	if !ok || left != Namespace+"form" || op != "lteq" && op != "eq" || !isText || err != nil {
		r.refuse(refine, "its form", "the action is refined by one constraint: concord:form lteq a form")
		return
	}
	c.Form = form
}

// parts takes a constraint apart: its left operand as an IRI, its operator as
// a word, its right operand.
func (r *odrlReader) parts(v value) (left, operator string, right value, ok bool) {
	m, is := r.fields(v, "a constraint", "uid", "type", "leftOperand", "operator", "rightOperand")
	if !is {
		return "", "", value{}, false
	}
	if t, ok := m["type"]; ok {
		if kind, _ := r.iri(t, odrlNamespace); kind != odrlNamespace+"Constraint" {
			return "", "", value{}, false
		}
	}
	left, hasLeft := r.iri(m["leftOperand"], odrlNamespace)
	op, hasOp := r.iri(m["operator"], odrlNamespace)
	right, hasRight := m["rightOperand"]
	if !hasLeft || !hasOp || !hasRight {
		return "", "", value{}, false
	}
	return left, strings.TrimPrefix(op, odrlNamespace), right, true
}

// set reads the values of a constraint that asks for one of a set, each an IRI
// below the prefix.
func (r *odrlReader) set(operator string, right value, prefix string) ([]string, bool) {
	var all []string
	if operator != "isAnyOf" && (operator != "eq" || len(right.items()) != 1) {
		return nil, false
	}
	for _, one := range right.items() {
		iri, ok := r.iri(one, "")
		rest, own := strings.CutPrefix(iri, prefix)
		name, sound := unescape(rest)
		if !ok || !own || !sound || name == "" {
			return nil, false
		}
		all = append(all, name)
	}
	return all, len(all) > 0
}

func sortedNames(m map[string]value) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
