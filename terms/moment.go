package terms

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Moment is when something is decided about a statement.
type Moment struct {
	// Received is when the hub received the report that the statement stands
	// in, in the revision that it stands in. While it is zero, what depends on
	// it is not granted.
	Received time.Time
	// Now is when the answer is made. While it is zero, what depends on a date
	// is not granted.
	Now time.Time
	// Groups is how many owner groups stand behind the incident that the
	// statement belongs to, as thresholds count them.
	Groups int
}

// forever is the end of what has none.
var forever = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// bounds are the conditions and obligations of a clause, in numbers that
// compare: of two, the one that gives more is never larger in its obligations,
// nor later, nor shorter.
type bounds struct {
	tlp, pap, attribution int
	after, keep           time.Duration // keep: math.MaxInt64 without end
	from, until           time.Time     // until: forever
	groups                int
}

func boundsOf(c Clause) bounds {
	b := bounds{tlp: Strictness(c.TLP), pap: Caution(c.PAP), attribution: Discretion(c.Attribution),
		after: time.Duration(c.After), keep: math.MaxInt64, from: c.From.Start(), until: forever, groups: c.Groups}
	if c.Keep != 0 {
		b.keep = time.Duration(c.Keep)
	}
	if c.Until != "" {
		b.until = c.Until.Start()
	}
	return b
}

// always reports whether the bounds hold at every moment.
func (b bounds) always() bool {
	return b.after == 0 && b.keep == math.MaxInt64 && b.from.IsZero() && b.until.Equal(forever) && b.groups == 0
}

// hold reports whether they hold at a moment.
func (b bounds) hold(m Moment) bool { return b.breaks(m) == "" }

// Which bound does not hold.
const (
	boundAfter  = "after"
	boundKeep   = "keep"
	boundFrom   = "from"
	boundUntil  = "until"
	boundGroups = "groups"
)

// breaks names the first bound that does not hold at a moment, or "". Each
// begins with its first moment and has ended at its last.
func (b bounds) breaks(m Moment) string {
	relative, dated := !m.Received.IsZero(), !m.Now.IsZero()
	switch {
	case !b.until.Equal(forever) && !(dated && m.Now.Before(b.until)):
		return boundUntil
	case b.keep != math.MaxInt64 && !(relative && dated && m.Now.Before(m.Received.Add(b.keep))):
		return boundKeep
	case !b.from.IsZero() && !(dated && !m.Now.Before(b.from)):
		return boundFrom
	case b.after != 0 && !(relative && dated && !m.Now.Before(m.Received.Add(b.after))):
		return boundAfter
	case b.groups > m.Groups:
		return boundGroups
	}
	return ""
}

// rule is a clause as it applies to one recipient, for one field.
type rule struct {
	clause, form int
	bounds
}

// covers reports whether b, another rule than a, gives all that a gives, at
// every moment: at least its form and its time, under at most its obligations.
// A weaker form that may be passed on more freely is not covered; to drop it
// would take something away.
func (g *clausesOf) covers(b, a rule) bool {
	return b.after <= a.after && !b.from.After(a.from) && !b.until.Before(a.until) && b.groups <= a.groups && g.coversNow(b, a)
}

// coversNow is covers for rules that hold both: what only says when they do
// does not matter.
func (g *clausesOf) coversNow(b, a rule) bool {
	return g.atMost[a.form][b.form] && b.tlp <= a.tlp && b.pap <= a.pap && b.attribution <= a.attribution && b.keep >= a.keep
}

// decisive leaves out the rules of which another gives more whenever they hold:
// they decide at no moment.
func (g *clausesOf) decisive(rules []rule) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(a rule) bool {
		return slices.ContainsFunc(rules, func(b rule) bool { return g.covers(b, a) && !g.coversNow(a, b) })
	})
}

// maximal makes grants of rules: one for all that give the same, without those
// that another covers. Rules that cover each other are the same. write adds to
// a grant what is told of its rules beside the obligations.
func (r *Rules) maximal(g *clausesOf, rules []rule, covers func(b, a rule) bool, write func(*Grant, rule)) []Grant {
	// Of each set of the same rules the first stands for it.
	var kinds []rule
	var clauses [][]string
	find := finder(len(rules))
	for _, one := range rules {
		id := r.sheet.Clauses[one.clause].ID
		one.clause = 0
		if k := find(kinds, one); k >= 0 {
			clauses[k] = append(clauses[k], id)
			continue
		}
		kinds, clauses = append(kinds, one), append(clauses, []string{id})
	}
	grants := make([]Grant, 0, len(kinds))
	last := 0 // what covers one often covers the next
	for i, a := range kinds {
		if i != last && covers(kinds[last], a) {
			continue
		}
		if j := slices.IndexFunc(kinds, func(b rule) bool { return b != a && covers(b, a) }); j >= 0 {
			last = j
			continue
		}
		slices.Sort(clauses[i])
		grant := Grant{Form: g.forms[a.form], TLP: markings[a.tlp], PAP: actions[a.pap], Attribution: attributions[a.attribution], Clauses: clauses[i]}
		if a.keep != math.MaxInt64 {
			grant.Keep = Span(a.keep)
		}
		write(&grant, a)
		grants = append(grants, grant)
	}
	slices.SortFunc(grants, func(a, b Grant) int {
		return cmp.Or(byStrength(r.std, g.field, a.Form, b.Form), openness(&a, &b))
	})
	return grants
}

// finder returns how to find a rule in a list that grows to n at most: few are
// found sooner by looking through them.
func finder(n int) func(list []rule, one rule) int {
	if n <= 16 {
		return func(list []rule, one rule) int { return slices.Index(list, one) }
	}
	place := make(map[rule]int, n)
	return func(list []rule, one rule) int {
		if k, ok := place[one]; ok {
			return k
		}
		place[one] = len(list)
		return -1
	}
}

// openness puts the grant before whose obligations bind less: the more open
// marking first, then the more open actions, what tells more of who said it,
// what may be kept longer; then what holds earlier.
func openness(a, b *Grant) int {
	return cmp.Or(Strictness(a.TLP)-Strictness(b.TLP), Caution(a.PAP)-Caution(b.PAP), Discretion(a.Attribution)-Discretion(b.Attribution),
		cmp.Compare(b.Keep.orEver(), a.Keep.orEver()), cmp.Compare(a.After, b.After), cmp.Compare(a.From, b.From),
		orEver(b.Until).Compare(orEver(a.Until)), cmp.Compare(a.Groups, b.Groups))
}

func (s Span) orEver() Span {
	if s == 0 {
		return math.MaxInt64
	}
	return s
}

func orEver(t time.Time) time.Time {
	if t.IsZero() {
		return forever
	}
	return t
}

// timed tells of a grant when it holds.
func timed(g *Grant, a rule) {
	g.After, g.From, g.Groups = Span(a.after), "", a.groups
	if !a.from.IsZero() {
		g.From = DateOf(a.from)
	}
	if !a.until.Equal(forever) {
		g.Until = a.until
	}
}

// untimed leaves out when a grant holds: it does.
func untimed(*Grant, rule) {}

// departures are the maximal forms that somebody may receive, now or later;
// at the zero time, at any time.
func (r *Rules) departures(g clausesOf, at time.Time) []Departure {
	var all []Departure
	for _, i := range g.clauses {
		c := r.sheet.Clauses[i]
		if !at.IsZero() && !at.Before(r.bounds[i].until) {
			continue
		}
		k := slices.IndexFunc(all, func(d Departure) bool { return d.Form == c.Form })
		if k < 0 {
			k = len(all)
			all = append(all, Departure{Form: c.Form})
		}
		all[k].Clauses = append(all[k].Clauses, c.ID)
	}
	forms := make([]Departure, 0, len(all))
	for i, d := range all {
		weaker := func(o Departure) bool { return o.Form != d.Form && atMost(r.std, g.field, d.Form, o.Form) }
		if !slices.ContainsFunc(all, weaker) {
			slices.Sort(all[i].Clauses)
			forms = append(forms, all[i])
		}
	}
	slices.SortFunc(forms, func(a, b Departure) int { return byStrength(r.std, g.field, a.Form, b.Form) })
	return forms
}
