package sim

import (
	"slices"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// The oracle says what may be seen. It is docs/terms.md written down a second
// time, as slowly and as plainly as can be: a sheet is data, every question goes
// through every clause, nothing is compiled, cached or ordered. Of the program
// it uses the standards (what a field is, which level is coarser, how a value
// is coarsened) and nothing that decides.

// statement is one form in which something of a report left its owner.
type statement struct {
	path  string
	row   int
	form  standard.Form
	value string // of a token: the value behind it
}

// reader is who asks, and for what.
type reader struct {
	member      wire.MemberID
	stake       member.Stake
	kind        member.Kind
	sectors     []string
	roles       []string
	country     string
	project     string
	purpose     member.Purpose
	contributed time.Time // when its newest report that is there was received; zero: never
}

// duty is what goes with something that is received, of one clause.
type duty struct {
	tlp, pap    string
	attribution terms.Attribution
	keep        time.Duration // 0: without end
}

// allowed is something that may be received, and under which duties: any of
// them, never a mixture.
type allowed struct {
	path   string
	form   standard.Form
	value  string
	duties []duty
}

// blunder makes the oracle wrong, so that a test sees that it is noticed.
type blunder func(c *terms.Clause)

// oracle decides for the standards of the sectors.
type oracle struct {
	standards map[string]*standard.Standard
	blunder   blunder
}

// clauses of a sheet, as the oracle believes them to be.
func (o *oracle) clauses(sheet *terms.Sheet) []terms.Clause {
	all := slices.Clone(sheet.Clauses)
	if o.blunder != nil {
		for i := range all {
			o.blunder(&all[i])
		}
	}
	return all
}

// speaks: `fields` names a path, a branch or a class; of a branch or class the
// clause grants those fields that can take the form.
func speaks(std *standard.Standard, c terms.Clause, f standard.Field) bool {
	if !slices.Contains(std.FormsAllowed(f), c.Form) {
		return false
	}
	for _, name := range c.Fields {
		if last := len(name) - 1; name[last] == '?' {
			name = name[:last]
		}
		if name == f.Path || name == "class:"+string(f.Class) {
			return true
		}
		if n := len(name); n > 2 && name[n-2:] == ".*" && len(f.Path) > n-2 && f.Path[:n-1] == name[:n-1] {
			return true
		}
	}
	return false
}

// weaker: withheld is below counted; counted below token and every level; a
// coarser level below a finer one; everything below exact; token and a level
// do not compare.
func weaker(std *standard.Standard, f standard.Field, a, b standard.Form) bool {
	switch {
	case a == b, a.Kind == standard.Withheld, b.Kind == standard.Exact:
		return true
	case a.Kind == standard.Exact, b.Kind == standard.Withheld, b.Kind == standard.Counted:
		return false
	case a.Kind == standard.Counted:
		return true
	case a.Kind == standard.Generalised && b.Kind == standard.Generalised:
		return std.AtLeastAsCoarse(f, a.Level, b.Level)
	}
	return false
}

// ended: a clause grants until before the first second of `until`.
func ended(c terms.Clause, now time.Time) bool {
	return c.Until != "" && !now.Before(midnight(c.Until))
}

func midnight(d terms.Date) time.Time {
	t, err := time.Parse("2006-01-02", string(d))
	if err != nil {
		panic("the random sheets have no such date: " + err.Error())
	}
	return t
}

// leaving are the forms in which a field leaves the edge: the largest that some
// clause grants to somebody, now or later.
func (o *oracle) leaving(std *standard.Standard, sheet *terms.Sheet, f standard.Field, now time.Time) []standard.Form {
	var some, largest []standard.Form
	for _, c := range sheet.Clauses { // what left did so under the real sheet
		if speaks(std, c, f) && !ended(c, now) {
			some = append(some, c.Form)
		}
	}
	for _, a := range some {
		below := false
		for _, b := range some {
			below = below || a != b && weaker(std, f, a, b)
		}
		if !below && !slices.Contains(largest, a) {
			largest = append(largest, a)
		}
	}
	return largest
}

// leave is what of a value leaves the edge. With an exact value goes the token
// by which it is linked; what is coarsened to "anything" says nothing.
func (o *oracle) leave(sector string, sheet *terms.Sheet, path, value string, now time.Time) (out []statement) {
	std := o.standards[sector]
	f, ok := std.Field(path)
	if !ok {
		return nil
	}
	say := func(form standard.Form, value string) {
		out = append(out, statement{path: path, form: form, value: value})
	}
	for _, form := range o.leaving(std, sheet, f, now) {
		switch form.Kind {
		case standard.Generalised:
			if v, err := std.Generalise(f, form.Level, value); err == nil && v != standard.Any {
				say(form, v)
			}
		case standard.Exact:
			say(form, value)
			if f.Token != "" {
				say(standard.Form{Kind: standard.Token}, value)
			}
		case standard.Token:
			say(form, value)
		case standard.Counted:
			if !f.IsObservable() { // what is counted of an observable has no value to count
				say(form, value)
			}
		}
	}
	return out
}

// fits: stake, sector, kind, member, role, project and jurisdiction: of one
// recipient all that is given must hold.
func fits(to terms.Recipient, who reader, sector string) bool {
	return (to.Stake == "any" || to.Stake == string(who.stake)) &&
		(to.Sector == "" || to.Sector == "any" || to.Sector == "own" && slices.Contains(who.sectors, sector) || slices.Contains(who.sectors, to.Sector)) &&
		(len(to.Kinds) == 0 || slices.Contains(to.Kinds, who.kind)) &&
		(len(to.Members) == 0 || slices.Contains(to.Members, who.member)) &&
		(len(to.Roles) == 0 || slices.ContainsFunc(who.roles, func(r string) bool { return slices.Contains(to.Roles, r) })) &&
		(len(to.Projects) == 0 || slices.Contains(to.Projects, who.project)) &&
		(len(to.Jurisdictions) == 0 || slices.Contains(to.Jurisdictions, who.country))
}

// moment is what else decides about a statement.
type moment struct {
	sector   string
	received time.Time // of the revision that the statement stands in
	now      time.Time
	groups   int // owner groups behind the incident
}

// grants: these fields, to these recipients, for these purposes; from receipt +
// after on, before receipt + keep, from the first second of `from`, before that
// of `until`; while so many owner groups stand behind the incident; to a member
// of which a report was accepted within the time.
func grants(c terms.Clause, who reader, m moment) bool {
	within := time.Duration(c.When.ContributedWithin)
	return slices.Contains(c.For, who.purpose) &&
		slices.ContainsFunc(c.To, func(to terms.Recipient) bool { return fits(to, who, m.sector) }) &&
		!m.now.Before(m.received.Add(time.Duration(c.After))) &&
		(c.Keep == 0 || m.now.Before(m.received.Add(time.Duration(c.Keep)))) &&
		(c.From == "" || !m.now.Before(midnight(c.From))) &&
		!ended(c, m.now) &&
		m.groups >= c.Groups &&
		(within == 0 || !who.contributed.IsZero() && m.now.Before(who.contributed.Add(within)))
}

// grant is a clause that grants a field now.
type grant struct {
	form standard.Form
	duty
}

// dutyOf: without a marking it is the strictest, and the same of permitted
// actions; without an attribution it is by stake.
func dutyOf(c terms.Clause) duty {
	d := duty{"TLP:RED", "PAP:RED", terms.ByStake, time.Duration(c.Keep)}
	if c.TLP != "" {
		d.tlp = c.TLP
	}
	if c.PAP != "" {
		d.pap = c.PAP
	}
	if c.Attribution != "" {
		d.attribution = c.Attribution
	}
	return d
}

// lighter: d binds its recipient no more than e, in any way.
func lighter(d, e duty) bool {
	order := func(labels []string, a, b string) bool { return slices.Index(labels, a) <= slices.Index(labels, b) }
	return order([]string{"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}, d.tlp, e.tlp) &&
		order([]string{"PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"}, d.pap, e.pap) &&
		order([]string{"named", "stake", "none"}, string(d.attribution), string(e.attribution)) &&
		(d.keep == 0 || e.keep != 0 && d.keep >= e.keep)
}

// granted are the grants of a field that hold now, without those that another
// covers: at least as strong, under at most its duties.
func (o *oracle) granted(std *standard.Standard, sheet *terms.Sheet, f standard.Field, who reader, m moment) (out []grant) {
	if sheet == nil {
		return nil
	}
	var all []grant
	for _, c := range o.clauses(sheet) {
		if g := (grant{c.Form, dutyOf(c)}); speaks(std, c, f) && grants(c, who, m) && !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	for _, a := range all {
		covered := false
		for _, b := range all {
			covered = covered || a != b && weaker(std, f, a.form, b.form) && lighter(b.duty, a.duty)
		}
		if !covered {
			out = append(out, a)
		}
	}
	return out
}

// may is what one reader may receive of a report, of which left is what its
// owner let out: what a grant allows is made of the strongest form at hand that
// it covers; what is finer is coarsened; a token is no substitute for a level,
// nor a level for a token; what is counted is received by nobody. Of an
// observable the value is told, or else the pseudonym.
func (o *oracle) may(sheet *terms.Sheet, left []statement, who reader, m moment) (out []allowed) {
	std := o.standards[m.sector]
	add := func(path string, form standard.Form, value string, d duty) {
		for i, a := range out {
			if a.path == path && a.form == form && a.value == value {
				out[i].duties = append(out[i].duties, d)
				return
			}
		}
		out = append(out, allowed{path, form, value, []duty{d}})
	}
	for _, path := range pathsOf(left) {
		f, _ := std.Field(path)
		var of []statement
		for _, s := range left {
			if s.path == path {
				of = append(of, s)
			}
		}
		all := o.granted(std, sheet, f, who, m)
		if f.IsObservable() {
			for _, kind := range []standard.FormKind{standard.Exact, standard.Token} {
				told := false
				for _, s := range of {
					for _, g := range all {
						if s.form.Kind == kind && weaker(std, f, s.form, g.form) {
							told = true
							add(path, s.form, s.value, g.duty)
						}
					}
				}
				if told {
					break
				}
			}
			continue
		}
		for _, g := range all {
			if s, ok := o.under(std, f, of, g.form); ok {
				add(path, s.form, s.value, g.duty)
			}
		}
	}
	return out
}

// under is what a grant of a form makes of the forms in which a value left.
func (o *oracle) under(std *standard.Standard, f standard.Field, of []statement, form standard.Form) (statement, bool) {
	for _, kind := range []standard.FormKind{standard.Exact, standard.Generalised, standard.Token} {
		for _, s := range of {
			if s.form.Kind == kind && weaker(std, f, s.form, form) {
				return s, true
			}
		}
	}
	for _, s := range of {
		finer := s.form.Kind == standard.Exact || s.form.Kind == standard.Generalised
		if form.Kind == standard.Generalised && finer {
			v, err := std.Generalise(f, form.Level, s.value)
			return statement{f.Path, s.row, form, v}, err == nil
		}
	}
	return statement{}, false
}

// asItLeft is what a member sees of its own report: all of it.
func (o *oracle) asItLeft(sector string, left []statement) (out []allowed) {
	for _, s := range left {
		f, _ := o.standards[sector].Field(s.path)
		other := func(b statement) bool { return b.path == s.path && b.value == s.value && b.form.Kind == standard.Exact }
		if f.IsObservable() && s.form.Kind == standard.Token && slices.ContainsFunc(left, other) {
			continue // its value is told
		}
		out = append(out, allowed{s.path, s.form, s.value, nil})
	}
	return out
}

// pathsOf lists the paths of statements, each once.
func pathsOf(left []statement) (paths []string) {
	for _, s := range left {
		if !slices.Contains(paths, s.path) {
			paths = append(paths, s.path)
		}
	}
	return paths
}
