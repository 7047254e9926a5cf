package desk

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/web/look"
)

// previewBody shows one report of a draft: as it is, as it will leave, and as
// each audience will see it, now and later.
type previewBody struct {
	ID       string
	Notes    []string // of the session
	Written  bool
	Native   string
	Sector   string
	Standard standard.Ref
	Sheet    string
	Version  int
	// N of Of is the report shown, from 1.
	N, Of     int
	Account   *accountView
	Missing   []standard.Field
	Audiences []audienceHead
	// Only is the audience that is looked at alone, or nil.
	Only *audienceHead
	// Later is the second moment, In is how far away it is, and Spans are those
	// that there are.
	Later    time.Time
	In       span
	Spans    []span
	Sections []previewSection
	Clauses  []clauseLine
	// Besides are clauses that grant something to others than the audiences.
	Besides []int
	Remarks []string
	Stays   int
	Values  int
	// Changing counts the values of which somebody sees more or less before
	// the second moment.
	Changing int
}

type audienceHead struct {
	N            int
	Who, Purpose string
	Inside       bool // the report's sector
}

func (a audienceHead) words() string { return a.Who + ", to " + a.Purpose }

// span is how much later the second moment is.
type span struct {
	Days int
	Says string
}

// spans are those that the page offers; the first is shown unless another is
// asked for.
func spans() []span { return []span{{90, "90 days"}, {30, "30 days"}, {365, "a year"}} }

type previewSection struct {
	Title string
	Rows  []previewRow
}

type previewRow struct {
	Title        string
	Value, Whole string // Whole is set if Value is cut
	Leaves       []leaf
	Notes        []string
	// Now and Later are what is seen at the two moments; Same says that there
	// is no difference, and Between what begins and ends before the second.
	Now, Later []sightView
	Same       bool
	Between    []sightView
}

// leaf is one form of a value, with the clauses that decide by their numbers.
type leaf struct {
	Form, Value string
	Clauses     []int
}

// sightView is what some audiences see, and what they are held to.
type sightView struct {
	leaf
	Who    []string
	TLP    string
	Duties string
	// Since and Until are days on which it begins and ends to be seen.
	Since, Until string
	// Nothing is seen; Withheld says why.
	Nothing  bool
	Withheld string
	Missed   []miss
}

type miss struct {
	Clause  int
	Because string
}

type clauseLine struct {
	N            int
	ID, Sentence string
}

func (d *Desk) draft(v visit) error {
	dr, err := d.drafts.get(v.r.PathValue("id"), v.session, d.Now())
	if err != nil {
		return err
	}
	if o := dr.outcome(); o != nil {
		return d.sent(v, dr, o)
	}
	reports, t := dr.content()
	n, only := number(v, "report"), number(v, "audience")
	if n < 1 || n > len(reports) {
		n = 1
	}
	collected := reports[n-1]
	rep := collected.Report()
	b := previewBody{ID: dr.id, Notes: v.session.takeNotes(), Written: t != nil, N: n, Of: len(reports), Missing: dr.missing, Spans: spans()}
	if !strings.HasPrefix(rep.Native, ownNative) {
		b.Native = rep.Native
	}
	if dr.file != "" {
		b.Account = viewAccount(dr.file, len(reports), &dr.account)
	}
	rules := d.Edge.Rules(rep.Standard)
	if rules == nil {
		return fault.New(fault.Forbidden, "report.other_standard", "your agreement does not cover the standard %s, by which this report is written", rep.Standard)
	}
	b.In = b.Spans[0]
	for _, s := range b.Spans {
		if s.Days == number(v, "in") {
			b.In = s
		}
	}
	now := d.Now().UTC().Truncate(time.Second)
	p, err := d.Edge.Preview(collected, now, now.AddDate(0, 0, b.In.Days))
	if err != nil {
		return err
	}
	b.fill(p, rules, only)
	return d.show(v, http.StatusOK, "preview", b.title(), b.kicker(), b)
}

func number(v visit, name string) int {
	n, err := strconv.Atoi(v.r.URL.Query().Get(name))
	if err != nil {
		return 0
	}
	return n
}

func (b *previewBody) title() string {
	switch {
	case b.Values == 1 && b.Stays == 0:
		return "The one value of this report would leave in some form"
	case b.Values == 1:
		return "The one value of this report stays here; nothing would leave"
	}
	switch b.Stays {
	case 0:
		return fmt.Sprintf("All %d values of this report would leave in some form", b.Values)
	case b.Values:
		return fmt.Sprintf("None of the %d values of this report would leave", b.Values)
	case 1:
		return fmt.Sprintf("1 of %d values stays here; this is what would leave of the others", b.Values)
	}
	return fmt.Sprintf("%d of %d values stay here; this is what would leave of the others", b.Stays, b.Values)
}

func (b *previewBody) kicker() string {
	k := "Preview; nothing has left yet"
	if b.Of > 1 {
		k = fmt.Sprintf("Preview of report %d of %d; nothing has left yet", b.N, b.Of)
	}
	return k
}

// Lead says whether what is seen stays as it is.
func (b previewBody) Lead() string {
	day := b.Later.Format(time.DateOnly)
	switch {
	case b.Values == b.Stays:
		return "Nothing of it leaves, so nobody sees anything of it, now or later."
	case b.Changing == 0:
		return fmt.Sprintf("In %s, on %s, everybody sees the same as now.", b.In.Says, day)
	case b.Changing == 1:
		return fmt.Sprintf("Until %s, in %s, one value begins or ends to be seen by somebody.", day, b.In.Says)
	}
	return fmt.Sprintf("Until %s, in %s, %d values begin or end to be seen by somebody.", day, b.In.Says, b.Changing)
}

// fill shows a preview, of which one audience may be looked at alone.
func (b *previewBody) fill(p minimise.Preview, rules *terms.Rules, only int) {
	b.Sector, b.Standard, b.Sheet, b.Version, b.Remarks, b.Later = p.Sector, p.Standard, p.Sheet, p.Version, p.Notes, p.Later
	for i, a := range p.Audiences {
		head := audienceHead{N: i + 1, Who: whoWords(a), Purpose: string(a.Purpose), Inside: a.SameSector}
		b.Audiences = append(b.Audiences, head)
		if only == head.N {
			b.Only = &head
		}
	}
	refs := map[string]int{}
	for i, c := range rules.Sheet().Clauses {
		refs[c.ID] = i + 1
	}
	shown := map[int]bool{}
	rows := map[string]int{}
	for _, f := range p.Fields {
		rows[f.Path]++
	}
	seen := map[string]int{}
	for _, f := range p.Fields {
		seen[f.Path]++
		row := b.row(f, rules.Standard(), refs)
		if rows[f.Path] > 1 {
			row.Title += fmt.Sprintf(" %d", seen[f.Path])
		}
		b.Values++
		if len(row.Leaves) == 0 {
			b.Stays++
		}
		if slices.ContainsFunc(f.Audiences, func(a minimise.AudienceView) bool { return len(a.Changes) > 0 }) {
			b.Changing++
		}
		row.mark(shown)
		b.place(f.Path, row)
	}
	b.order()
	for _, c := range p.Besides {
		b.Besides = append(b.Besides, refs[c.Clause])
		shown[refs[c.Clause]] = true
	}
	for _, c := range rules.Sheet().Clauses {
		if shown[refs[c.ID]] {
			b.Clauses = append(b.Clauses, clauseLine{refs[c.ID], c.ID, terms.Sentence(c, rules.Standard())})
		}
	}
}

func whoWords(a minimise.Audience) string {
	who := stakeName(string(a.Stake))
	if !a.SameSector {
		who += " of other sectors"
	}
	return who
}

// mark notes the clauses that a row refers to.
func (r previewRow) mark(shown map[int]bool) {
	leaves := slices.Clone(r.Leaves)
	for _, s := range slices.Concat(r.Now, r.Later, r.Between) {
		leaves = append(leaves, s.leaf)
		for _, m := range s.Missed {
			shown[m.Clause] = true
		}
	}
	for _, l := range leaves {
		for _, n := range l.Clauses {
			shown[n] = true
		}
	}
}

func (b *previewBody) place(path string, row previewRow) {
	title := partTitle(path)
	i := slices.IndexFunc(b.Sections, func(s previewSection) bool { return s.Title == title })
	if i < 0 {
		i = len(b.Sections)
		b.Sections = append(b.Sections, previewSection{Title: title})
	}
	b.Sections[i].Rows = append(b.Sections[i].Rows, row)
}

// order brings the parts into the order of the form; observables come last.
func (b *previewBody) order() {
	rank := func(s previewSection) int {
		for i, p := range parts {
			if p.title == s.Title {
				return i
			}
		}
		if s.Title == "Observables" {
			return len(parts)
		}
		return slices.IndexFunc(parts, func(p struct {
			id, title string
			branches  []string
		}) bool {
			return p.branches == nil
		})
	}
	slices.SortStableFunc(b.Sections, func(x, y previewSection) int { return rank(x) - rank(y) })
}

// maxValue is how much of a value stands in the table.
const maxValue = 120

func (b *previewBody) row(f minimise.FieldPreview, std *standard.Standard, refs map[string]int) previewRow {
	field, _ := std.Field(f.Path)
	row := previewRow{Title: f.Title, Value: std.Label(field, f.Value), Notes: f.Notes}
	if short := clip(row.Value, maxValue); short != row.Value {
		row.Value, row.Whole = short, row.Value
	}
	for _, l := range f.Leaves {
		row.Leaves = withLeaf(row.Leaves, leafOf(std, field, f.Value, l.Form, l.Value, numbers(l.Clauses, refs)))
	}
	c := &cells{std: std, field: field, own: f.Value, refs: refs}
	for i, a := range f.Audiences {
		if b.Only != nil && b.Only.N != i+1 {
			continue
		}
		c.who = b.Audiences[i].words()
		row.Same = row.Same || len(a.Changes) > 0
		row.Now = c.sights(row.Now, a.Now, func(s *minimise.Seen) (since, until string) { return "", c.ends(a, s, 0) })
		row.Later = c.sights(row.Later, a.Later, func(s *minimise.Seen) (since, until string) { return c.began(a, s), "" })
		row.Between = c.between(row.Between, a)
	}
	row.Same = !row.Same
	for _, all := range []*[]sightView{&row.Now, &row.Later, &row.Between} {
		if b.Only != nil {
			for i := range *all {
				(*all)[i].Who = nil // it stands above
			}
		} else {
			*all = b.shortened(*all)
		}
	}
	return row
}

// shortened says in few words who sees what where all audiences stand together:
// why nothing is seen is told where one is looked at alone.
func (b *previewBody) shortened(all []sightView) (out []sightView) {
	var sector []string
	for _, a := range b.Audiences {
		if a.Inside {
			sector = append(sector, a.words())
		}
	}
	others := false
	for _, v := range all {
		v.Missed = nil
		if v.Withheld == minimise.NotForThem || v.Withheld == minimise.OtherSector {
			others = true
			continue
		}
		if len(sector) > 1 && slices.Equal(v.Who, sector) {
			v.Who = []string{"everybody in the sector"}
		}
		out = append(out, v)
	}
	if others {
		who := "everybody else"
		if len(out) == 0 {
			who = "everybody"
		}
		out = append(out, sightView{Nothing: true, Who: []string{who}})
	}
	return out
}

// cells fills what audiences see of one value into the cells of a row.
type cells struct {
	std   *standard.Standard
	field standard.Field
	own   string
	refs  map[string]int
	who   string
}

// sights adds what an audience sees at a moment, beside those who see the same.
// days are those on which that, or nothing, begins and ends to be seen.
func (c *cells) sights(all []sightView, s minimise.Sight, days func(*minimise.Seen) (since, until string)) []sightView {
	if len(s.Seen) == 0 {
		v := sightView{Nothing: true, Withheld: s.Withheld}
		for _, m := range s.Missed {
			v.Missed = append(v.Missed, miss{c.refs[m.Clause], m.Because})
		}
		v.Since, v.Until = days(nil)
		return c.join(all, v)
	}
	for _, seen := range s.Seen {
		v := c.sight(seen)
		v.Since, v.Until = days(&seen)
		all = c.join(all, v)
	}
	return all
}

func (c *cells) sight(s minimise.Seen) sightView {
	duties := strings.TrimPrefix(s.Obligations(), s.TLP+", ")
	if when := s.Conditions(); when != "" {
		duties += "; " + when
	}
	return sightView{leaf: leafOf(c.std, c.field, c.own, s.Form, s.Value, numbers(s.Clauses, c.refs)), TLP: s.TLP, Duties: duties}
}

// join adds a sight, or the audience to those who see the same. What is seen
// comes before what is not.
func (c *cells) join(all []sightView, v sightView) []sightView {
	for i, o := range all {
		if o.Form == v.Form && o.Value == v.Value && o.TLP == v.TLP && o.Duties == v.Duties && o.Since == v.Since && o.Until == v.Until && o.Withheld == v.Withheld {
			for _, n := range v.Clauses {
				if !slices.Contains(o.Clauses, n) {
					all[i].Clauses = append(all[i].Clauses, n)
				}
			}
			slices.Sort(all[i].Clauses)
			if !slices.Contains(o.Who, c.who) {
				all[i].Who = append(all[i].Who, c.who)
			}
			return all
		}
	}
	v.Who = []string{c.who}
	all = append(all, v)
	slices.SortStableFunc(all, func(x, y sightView) int { return strings.Compare(x.Withheld, y.Withheld) })
	return all
}

// has reports whether the same is among what is seen.
func has(all []minimise.Seen, s minimise.Seen) bool { return slices.ContainsFunc(all, s.Same) }

// ends is the day on which something, or for nil that nothing is seen, ends
// after so many changes; "": it does not before the second moment.
func (c *cells) ends(a minimise.AudienceView, s *minimise.Seen, after int) string {
	for _, change := range a.Changes[after:] {
		if s == nil || has(change.Ends, *s) {
			return change.At.UTC().Format(time.DateOnly)
		}
	}
	return ""
}

// began is the day on which what is seen later began to be, or for nil the day
// from which nothing is seen; "": it was so all the time.
func (c *cells) began(a minimise.AudienceView, s *minimise.Seen) string {
	for _, change := range slices.Backward(a.Changes) {
		if s == nil || has(change.Begins, *s) {
			return change.At.UTC().Format(time.DateOnly)
		}
	}
	return ""
}

// between adds what begins and ends between the two moments.
func (c *cells) between(all []sightView, a minimise.AudienceView) []sightView {
	for i, change := range a.Changes {
		for _, s := range change.Begins {
			if until := c.ends(a, &s, i+1); until != "" {
				v := c.sight(s)
				v.Since, v.Until = change.At.UTC().Format(time.DateOnly), until
				all = c.join(all, v)
			}
		}
	}
	return all
}

func numbers(clauses []string, refs map[string]int) []int {
	var all []int
	for _, c := range clauses {
		if n := refs[c]; n > 0 && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// leafOf shows a value in a form. What is as coarse as its form already is
// shown as it is.
func leafOf(std *standard.Standard, field standard.Field, own string, f standard.Form, value string, clauses []int) leaf {
	l := leaf{Form: formName(std, field, f), Clauses: clauses}
	switch {
	case f.Kind == standard.Generalised && value == own:
		l.Form = formName(std, field, standard.Form{Kind: standard.Exact})
	case f.Kind == standard.Generalised:
		l.Value = bandWords(clip(std.Label(field, value), maxValue))
	}
	return l
}

// withLeaf adds what is shown, unless the same is shown already.
func withLeaf(all []leaf, l leaf) []leaf {
	for i, o := range all {
		if o.Form == l.Form && o.Value == l.Value {
			for _, n := range l.Clauses {
				if !slices.Contains(o.Clauses, n) {
					all[i].Clauses = append(all[i].Clauses, n)
				}
			}
			slices.Sort(all[i].Clauses)
			return all
		}
	}
	return append(all, l)
}

// bandWords writes a band as people do: "30 000 to 100 000".
func bandWords(value string) string {
	from, to, ok := strings.Cut(value, "..")
	if _, _, band := standard.ParseBand(value); !ok || !band {
		return value
	}
	switch {
	case from == "":
		return "below " + look.Number(to)
	case to == "":
		return look.Number(from) + " and more"
	}
	return look.Number(from) + " to " + look.Number(to)
}

// formName is the short name of a form, for the cells of a table.
func formName(std *standard.Standard, field standard.Field, f standard.Form) string {
	switch f.Kind {
	case standard.Exact:
		return "as it is"
	case standard.Counted:
		return "in sums only"
	case standard.Generalised:
		if h, ok := std.Hierarchy(field.Hierarchy); ok && h.Kind == standard.Bands {
			return "band"
		}
		return strings.ReplaceAll(f.Level, "-", " ")
	}
	return f.String()
}

func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
