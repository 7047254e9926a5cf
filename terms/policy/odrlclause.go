package policy

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// assignee makes recipients of parties.
func (r *odrlReader) assignee(v value, m map[string]value, c *terms.Clause) {
	a, ok := m["assignee"]
	if !ok {
		r.refuse(v, "its assignee", "it does not say to whom it is given")
		return
	}
	for _, one := range a.items() {
		inner, is := r.fields(one, "an assignee", "type", "uid", "source", "refinement")
		if !is {
			continue
		}
		if s, _ := r.iri(inner["source"], ""); s != Namespace+"members" {
			r.refuse(one, "an assignee", "its source is concord:members, of whom its refinements choose")
			continue
		}
		to, said := terms.Recipient{}, map[string]bool{}
		if refine, ok := inner["refinement"]; ok {
			for _, con := range refine.items() {
				left, op, right, ok := r.parts(con)
				if !ok || said[left] || !r.refine(&to, left, op, right) {
					r.refuse(con, "a refinement of an assignee", "it is not understood; members are chosen by stake, sector, kind, recipient, role, project and spatial, each once")
				}
				said[left] = true
			}
		}
		if to.Stake == "" {
			r.refuse(one, "an assignee", "it does not say of which stake; any is concord:stake/any")
		}
		c.To = append(c.To, to)
	}
}

// refine sets what a refinement says of a recipient.
func (r *odrlReader) refine(to *terms.Recipient, left, op string, right value) bool {
	one := func(prefix string) (string, bool) {
		all, ok := r.set(op, right, prefix)
		return strings.Join(all, " "), ok && len(all) == 1
	}
	ok := false
	switch left {
	case Namespace + "stake":
		to.Stake, ok = one(Namespace + "stake/")
	case Namespace + "sector":
		to.Sector, ok = one(Namespace + "sector/")
	case Namespace + "kind":
		to.Kinds, ok = values[member.Kind](r.set(op, right, Namespace+"kind/"))
	case odrlNamespace + "recipient":
		to.Members, ok = values[wire.MemberID](r.set(op, right, Namespace+"member/"))
	case Namespace + "role":
		to.Roles, ok = r.set(op, right, Namespace+"role/")
	case Namespace + "project":
		to.Projects, ok = r.set(op, right, Namespace+"project/")
	case odrlNamespace + "spatial":
		to.Jurisdictions, ok = r.set(op, right, countries)
	}
	return ok
}

func values[T ~string](texts []string, ok bool) ([]T, bool) {
	all := make([]T, len(texts))
	for i, s := range texts {
		all[i] = T(s)
	}
	return all, ok
}

// constraints makes conditions of constraints; of several of the same kind all
// hold.
func (r *odrlReader) constraints(v value, m map[string]value, c *terms.Clause) {
	if con, ok := m["constraint"]; ok {
		for _, one := range con.items() {
			left, op, right, ok := r.parts(one)
			if ok {
				ok = r.condition(c, left, op, right)
			}
			if !ok {
				r.refuse(one, "a constraint", "its operand, operator or value is not understood")
			}
		}
	}
	if len(c.For) == 0 && !r.refused {
		r.refuse(v, "its purpose", "it does not say for which purpose, or for none of ours")
	}
}

func (r *odrlReader) condition(c *terms.Clause, left, op string, right value) bool {
	switch left {
	case odrlNamespace + "purpose":
		return r.purpose(c, op, right)
	case odrlNamespace + "delayPeriod":
		span, ok := r.span(right)
		c.After = max(c.After, span)
		return ok && op == "gteq"
	case odrlNamespace + "elapsedTime":
		span, ok := r.span(right)
		c.Keep = shorter(c.Keep, span)
		return ok && (op == "lt" || op == "lteq")
	case odrlNamespace + "dateTime":
		return r.date(c, op, right)
	case Namespace + "ownerGroups":
		text, ok := r.literal(right, "integer")
		n, err := strconv.Atoi(text)
		c.Groups = max(c.Groups, n)
		return ok && err == nil && n > 0 && op == "gteq"
	case Namespace + "contributedWithin":
		span, ok := r.span(right)
		c.When.ContributedWithin = shorter(c.When.ContributedWithin, span)
		return ok && op == "lt"
	}
	return false
}

// shorter is the shorter of two spans, of which one may not have been given.
func shorter(a, b terms.Span) terms.Span {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// purpose takes our purposes, and those of the Data Privacy Vocabulary that
// take in one of ours. Two such constraints leave what both allow.
func (r *odrlReader) purpose(c *terms.Clause, op string, right value) bool {
	if op != "isAnyOf" && op != "eq" && op != "isA" || op != "isAnyOf" && len(right.items()) != 1 {
		return false
	}
	var all []member.Purpose
	for _, one := range right.items() {
		iri, ok := r.iri(one, "")
		if !ok {
			return false
		}
		name, own := strings.CutPrefix(iri, Namespace)
		p := member.Purpose(name)
		if dpv, foreign := strings.CutPrefix(iri, dpvNamespace); foreign && dpvPurposes[dpv] != "" {
			p, own = dpvPurposes[dpv], true
			r.lose(one, "the purpose dpv:"+dpv, "only the part of it that is ours is granted: "+string(p))
		}
		if !own || !p.Valid() {
			// One purpose less of several grants less.
			r.lose(one, "a purpose", "it is none of ours, and is not granted")
			continue
		}
		all = append(all, p)
	}
	if c.For != nil {
		all = slices.DeleteFunc(slices.Clone(c.For), func(p member.Purpose) bool { return !slices.Contains(all, p) })
	}
	c.For = all
	return len(all) > 0
}

// date takes the beginning and the end of a clause, rounded to the days that
// lie within.
func (r *odrlReader) date(c *terms.Clause, op string, right value) bool {
	text, ok := r.literal(right, "dateTime")
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if text, ok = r.literal(right, "date"); ok {
			t, err = time.Parse(time.DateOnly, text)
		}
	}
	if !ok || err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return false
	}
	var d terms.Date
	exact := false
	switch op {
	case "gt":
		d, exact = firstDay(t.Add(time.Nanosecond))
		c.From = max(c.From, d)
	case "gteq":
		d, exact = firstDay(t)
		c.From = max(c.From, d)
	case "lt", "lteq":
		d, exact = lastDay(t)
		c.Until = earlier(c.Until, d)
		exact = exact && op == "lt"
	default:
		return false
	}
	if !exact {
		r.lose(right, "the time of day", "a clause begins and ends at midnight UTC; it is the day "+string(d))
	}
	return true
}

// duties makes obligations of duties, each of which stands in a permission
// once.
func (r *odrlReader) duties(m map[string]value, c *terms.Clause) {
	d, ok := m["duty"]
	if !ok {
		return
	}
	said := map[string]bool{}
	for _, one := range d.items() {
		inner, is := r.fields(one, "a duty", "uid", "type", "action", "constraint")
		if !is {
			continue
		}
		action, _ := r.iri(inner["action"], odrlNamespace)
		con, has := inner["constraint"]
		if !has || len(con.items()) != 1 || said[action] {
			r.refuse(one, "a duty", "it is not understood; each has one constraint, and stands once")
			continue
		}
		said[action] = true
		left, op, right, ok := r.parts(con.items()[0])
		if !ok || !r.duty(c, action, left, op, right) {
			r.refuse(one, "a duty", "it is not known what it obliges to")
		}
	}
}

func (r *odrlReader) duty(c *terms.Clause, action, left, op string, right value) bool {
	if action == odrlNamespace+"delete" && left == odrlNamespace+"elapsedTime" {
		span, ok := r.span(right)
		c.Keep = shorter(c.Keep, span)
		return ok && (op == "lt" || op == "lteq")
	}
	text, ok := r.literal(right, "string")
	if !ok || op != "eq" || text == "" {
		return false
	}
	switch {
	case action == Namespace+"observeMarking" && left == Namespace+"tlp":
		c.TLP = text
	case action == Namespace+"observeActions" && left == Namespace+"pap":
		c.PAP = text
	case action == Namespace+"limitAttribution" && left == Namespace+"attribution":
		c.Attribution = terms.Attribution(text)
	default:
		return false
	}
	return true
}

// durationText is an XML Schema duration of which every part has one length:
// months and years have none.
var durationText = regexp.MustCompile(`^P(?:([0-9]{1,5})D)?(?:T([0-9]{1,6})H)?$`)

// span reads a duration of whole hours.
func (r *odrlReader) span(v value) (terms.Span, bool) {
	text, ok := r.literal(v, "duration")
	m := durationText.FindStringSubmatch(text)
	if !ok || m == nil {
		return 0, false
	}
	days, _ := strconv.Atoi("0" + m[1])
	hours, _ := strconv.Atoi("0" + m[2])
	s := terms.Days(days) + terms.Span(time.Duration(hours)*time.Hour)
	return s, s > 0 && s <= terms.MaxSpan
}

func unescape(s string) (string, bool) {
	t, err := url.PathUnescape(s)
	return t, err == nil
}
