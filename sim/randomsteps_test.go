package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// happen is one step.
func (f *fate) happen() {
	if f.chance(90) { // receipts differ by seconds
		f.clock.set(f.now().Add(time.Duration(1+f.dice.IntN(40)) * time.Second))
	}
	f.at = f.dice.IntN(2)
	kinds := []struct {
		weight int
		do     func()
	}{
		{18, f.submit}, {4, f.correct}, {10, f.consolidate}, {7, f.renew}, {4, f.recall}, {1, f.hold}, {3, f.suspend}, {13, f.jump}, {1, func() {
			f.tell("process %d restarts", f.at)
			f.restart(f.at)
		}}, {3, f.schedule}, {3, f.snapshot}, {1, f.release}, {37, f.look},
	}
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	n := f.dice.IntN(sum)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			k.do()
			return
		}
	}
}

func (f *fate) someone(may func(*party) bool) *party {
	all := slices.DeleteFunc(slices.Clone(f.parties), func(p *party) bool { return !may(p) })
	if len(all) == 0 {
		return nil
	}
	return pick(f, all...)
}

func (f *fate) standing() *party {
	return f.someone(func(p *party) bool { return p.stands(f.now()) })
}

// submit has somebody tell of something new, or of what others told.
func (f *fate) submit() {
	p := f.standing()
	if p == nil || len(f.live()) >= mostReports {
		f.recall()
		return
	}
	r := &account{name: fmt.Sprintf("r%d", len(f.reports)), by: p, sector: pick(f, p.card.Sectors...), first: f.now()}
	if len(f.reports) > 0 && f.chance(60) {
		r.event = pick(f, last(f.reports, 12)...).event
	}
	if r.event.victim == "" || slices.Contains(r.event.by, p) {
		tag := fmt.Sprintf("zq%dx%dv", f.seed, len(f.reports))
		r.event = event{victim: tag + " Holdings", domain: tag + "d.net", date: f.now().AddDate(0, 0, -1-f.dice.IntN(300)).Format(time.DateOnly)}
	}
	r.event.by = append(slices.Clone(r.event.by), p)
	f.report(p, r)
	f.reports = append(f.reports, r)
}

// correct has somebody tell what it told anew.
func (f *fate) correct() {
	all := slices.DeleteFunc(f.live(), func(r *account) bool { return !r.by.stands(f.now()) })
	if len(all) > 0 {
		r := pick(f, all...)
		f.report(r.by, r)
	}
}

func (f *fate) consolidate() {
	_, err := f.hub().Consolidate.Run(f.ctx())
	f.must(err)
	f.tell("process %d consolidates", f.at)
	in := map[wire.ReportID]bool{}
	for _, reports := range f.incidents() {
		for _, r := range reports {
			in[r.of.id] = true
		}
	}
	for _, r := range f.live() {
		if !in[r.id] {
			f.fails([]*account{r}, "%s stands in no incident, once all is consolidated", r.name)
		}
	}
}

// renew has somebody sign other terms, or until another day; after the end, by
// an invitation.
func (f *fate) renew() {
	p := f.someone(func(p *party) bool { return !p.suspended && !p.stands(f.now()) })
	if p == nil || f.chance(60) {
		p = f.standing()
	}
	if p == nil {
		return
	}
	r := node.Renewal{Until: f.until(), AfterEnd: agreement.Withdraw}
	if most := f.now().AddDate(0, 5, 0); p.card.Project != nil && r.Until.After(most) {
		r.Until = most // within the project
	}
	keeps := f.chance(40)
	if keeps {
		r.AfterEnd = agreement.Keep
	}
	sheet := p.sheet
	if f.chance(70) {
		if sheet = f.sheet(); f.chance(50) { // narrower or wider by some clauses
			sheet = f.changed(p.sheet)
		}
		r.Sheet = f.sheetFile(sheet)
	}
	if !p.stands(f.now()) || p.card.Project != nil {
		code, _, err := f.hub().Door.Amend(f.ctx(), p.id, func(c *admit.Card) error {
			if c.Project != nil {
				again := *c.Project
				again.Until = f.now().AddDate(0, 6, 0)
				c.Project = &again
			}
			return nil
		}, f.now().Add(time.Hour))
		f.must(err)
		r.Code = f.codeFile(code)
	}
	if !f.deaf {
		a, err := p.Member.Renew(f.ctx(), r)
		f.must(err)
		p.until = a.Until
		f.sit(p)
	}
	p.sheet, p.keeps = sheet, keeps
	f.tell("%s renews until %s (keeps %v) with %s", p, p.until.Format(time.DateTime), p.keeps, sheetText(p.sheet))
}

func (f *fate) recall() {
	all := slices.DeleteFunc(f.live(), func(r *account) bool { return r.by.suspended })
	if len(all) == 0 {
		return
	}
	r := pick(f, all...)
	if !f.forgetful {
		done, err := r.by.Member.Recall(f.ctx(), []wire.ReportID{r.id}, wire.ReasonMistake)
		f.must(err)
		if s := done[0].Reports[0].Status; s != wire.Destroyed && s != wire.Held {
			f.fails([]*account{r}, "the recall of %s answers %s", r.name, s)
		}
	}
	r.gone = true
	f.tell("%s recalls %s", r.by, r.name)
}

// hold has two members keep the keys of a report. It changes nothing at a door.
func (f *fate) hold() {
	a := f.standing()
	b := f.someone(func(p *party) bool { return a != nil && p.stands(f.now()) && p.card.OwnerGroup != a.card.OwnerGroup })
	if len(f.live()) == 0 || b == nil {
		return
	}
	r := pick(f, f.live()...)
	h, err := f.hub().ProposeHold(f.ctx(), r.by.id, r.id, "case", f.now().AddDate(0, 0, 2+f.dice.IntN(40)), [2]wire.MemberID{a.id, b.id})
	f.must(err)
	for _, p := range []*party{a, b} {
		_, err := p.Member.ApproveHold(f.ctx(), h.ID, wire.HoldBegin, "analyst")
		f.must(err)
	}
	f.tell("%s and %s hold %s", a, b, r.name)
}

// suspend suspends somebody, or lifts what was suspended.
func (f *fate) suspend() {
	if p := f.someone(func(p *party) bool { return p.suspended }); p != nil {
		f.must(f.hub().Door.Lift(f.ctx(), p.id))
		p.suspended = false
		f.tell("the suspension of %s is lifted", p)
		return
	}
	p := f.someone(func(*party) bool { return true })
	f.must(f.hub().Door.Suspend(f.ctx(), p.id))
	p.suspended, p.tokenEnds = true, time.Time{}
	f.tell("%s is suspended", p)
}

// jump turns the clock: mostly to a second before something changes, and then to
// that very second, or just past it. Who looked before looks again, at the same
// door, whose answer may have been kept.
func (f *fate) jump() {
	all := f.boundaries()
	if len(all) == 0 || f.chance(15) {
		to := f.now().Add(time.Duration(1+f.dice.IntN(72)) * time.Hour)
		if f.chance(10) {
			to = f.now().AddDate(0, 1+f.dice.IntN(3), 0)
		}
		f.clock.set(to)
		f.tell("the clock jumps")
		f.look()
		return
	}
	boundary := pick(f, all[:min(len(all), 1+f.dice.IntN(30))]...)
	f.clock.set(boundary.Add(-time.Second))
	f.tell("the clock jumps to before %s", boundary.Format(time.DateTime))
	somewhere := f.glance()
	f.lookAt(somewhere)
	if len(f.wrong) > 0 {
		return
	}
	f.clock.set(boundary.Add(time.Duration(f.dice.IntN(2)) * time.Second))
	f.lookAt(somewhere)
}

// schedule does what the hub does every ten seconds.
func (f *fate) schedule() {
	f.must(f.hub().Withdraw(f.ctx()))
	f.tell("process %d withdraws what is over", f.at)
	for _, r := range f.live() {
		if span := time.Duration(r.by.sheet.Retention); span != 0 && !f.now().Before(r.first.Add(span)) {
			r.gone = true
			f.tell("the time of %s is over", r.name)
		}
	}
}

func (f *fate) snapshot() {
	f.must(f.hub().Snapshot(f.ctx()))
	f.tell("process %d takes statistics", f.at)
}

func (f *fate) release() {
	made, err := f.hub().Release(f.ctx())
	if err != nil && fault.KindOf(err) == fault.Internal {
		f.must(err)
	}
	for _, r := range made {
		f.released[r.ID] = f.live()
	}
	f.tell("process %d makes %d releases", f.at, len(made))
}

// The fields of the random reports.
var randomFields = []string{"victim.victim_id", "victim.industry", "victim.employee_count", "timeline.incident", "summary", "reporter.reference", "impact.overall_amount",
	"action.hacking.variety", "observable.domain", "observable.ip", "observable.email"}

// allPurposes are those that the random members may have.
func allPurposes() []member.Purpose { return slices.Clone(member.Purposes()[:5]) }

// sheet is a random sheet of terms.
func (f *fate) sheet() *terms.Sheet {
	s := &terms.Sheet{Name: "random", Version: 1}
	for i := range 3 + f.dice.IntN(7) {
		s.Clauses = append(s.Clauses, f.clause(fmt.Sprint("c", i)))
	}
	if f.chance(60) { // there is something to be seen at the feeds
		wide := f.clause("wide")
		wide.Fields, wide.Form = []string{"class:indicator"}, standard.Form{Kind: standard.Exact}
		wide.To, wide.For = []terms.Recipient{{Stake: "any"}}, allPurposes()
		if f.chance(50) {
			wide.Keep, wide.Until, wide.Groups, wide.When = 0, "", 0, terms.Condition{}
		}
		s.Clauses = append(s.Clauses, wide)
	}
	if f.chance(50) { // and something to be counted
		wide := f.clause("counted")
		wide.Fields, wide.Form = []string{"class:quasi-identifier"}, standard.Form{Kind: standard.Counted}
		wide.To, wide.For = []terms.Recipient{{Stake: "any"}}, allPurposes()
		s.Clauses = append(s.Clauses, wide)
	}
	if f.chance(25) {
		s.Retention = terms.Days(20 + f.dice.IntN(100))
	}
	return s
}

// changed is a sheet with a clause more or fewer.
func (f *fate) changed(s *terms.Sheet) *terms.Sheet {
	out := *s
	out.Version++
	out.Clauses = slices.Clone(s.Clauses)
	if len(out.Clauses) > 1 && f.chance(60) {
		i := f.dice.IntN(len(out.Clauses))
		out.Clauses = slices.Delete(out.Clauses, i, i+1)
	} else {
		out.Clauses = append(out.Clauses, f.clause(fmt.Sprint("v", out.Version)))
	}
	return &out
}

func (f *fate) clause(id string) terms.Clause {
	c := terms.Clause{ID: id, TLP: pick(f, append(terms.Markings(), "")...), PAP: pick(f, append(terms.Actions(), "")...),
		Attribution: pick(f, "", "", terms.NotAttributed, terms.ByStake, terms.ByName)}
	std := f.oracle.standards["finance"]
	path := pick(f, randomFields...)
	fd, _ := std.Field(path)
	forms := std.FormsAllowed(fd)
	for c.Form = pick(f, forms...); c.Form.Kind == standard.Withheld || c.Form.Kind == standard.Sealed || c.Form.Kind != standard.Exact && f.chance(20); {
		c.Form = pick(f, forms...)
	}
	branch, _, _ := strings.Cut(path, ".")
	c.Fields = []string{pick(f, path, path, "class:"+string(fd.Class))}
	if branch != path && f.chance(20) {
		c.Fields = []string{branch + ".*"}
	}
	for range 1 + f.dice.IntN(2) {
		c.To = append(c.To, f.recipient())
	}
	c.For = allPurposes()
	if f.chance(50) {
		f.dice.Shuffle(len(c.For), func(i, j int) { c.For[i], c.For[j] = c.For[j], c.For[i] })
		c.For = c.For[:1+f.dice.IntN(3)]
	}
	hours := func(n int) terms.Span { return terms.Span(time.Duration(1+f.dice.IntN(n)) * time.Hour) }
	if f.chance(25) {
		c.After = hours(24 * 20)
	}
	if f.chance(25) {
		c.Keep = c.After + hours(24*40)
	}
	if f.chance(18) {
		c.From = terms.DateOf(f.now().AddDate(0, 0, f.dice.IntN(25)-5))
	}
	if f.chance(15) {
		from := f.now()
		if c.From != "" {
			from = midnight(c.From)
		}
		c.Until = terms.DateOf(from.AddDate(0, 0, 1+f.dice.IntN(30)))
	}
	if f.chance(15) {
		c.Groups = 2 + f.dice.IntN(2)
	}
	if f.chance(15) {
		c.When.ContributedWithin = hours(24 * 25)
	}
	return c
}

func (f *fate) recipient() terms.Recipient {
	r := terms.Recipient{Stake: pick(f, "any", "any", "any", "industry", "law-enforcement", "research"), Sector: pick(f, "", "any", "own", "own", "health", "finance")}
	switch f.dice.IntN(9) {
	case 0:
		r.Kinds = []member.Kind{pick[member.Kind](f, "firm", "police", "university", "insurer")}
	case 1:
		if len(f.parties) > 0 {
			r.Members = []wire.MemberID{pick(f, f.parties...).id}
		}
	case 2:
		r.Roles = []string{"mediator"}
	case 3:
		r.Jurisdictions = []string{pick(f, "DE", "FR", "NL"), pick(f, "DE", "FR", "NL")}
		slices.Sort(r.Jurisdictions)
		r.Jurisdictions = slices.Compact(r.Jurisdictions)
	case 4:
		for _, p := range f.parties {
			if p.card.Project != nil {
				r.Projects = []string{p.card.Project.ID}
			}
		}
	}
	return r
}

func (f *fate) sheetFile(s *terms.Sheet) string {
	f.must(s.Check())
	text, err := json.Marshal(s)
	f.must(err)
	name := filepath.Join(f.files, "sheet.json")
	f.must(os.WriteFile(name, text, 0o600))
	return name
}

// sheetText is a sheet in the story.
func sheetText(s *terms.Sheet) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func leftText(left []statement) string {
	var parts []string
	for _, s := range left {
		parts = append(parts, fmt.Sprintf("%s %s %q", s.path, s.form, s.value))
	}
	return strings.Join(parts, ", ")
}
