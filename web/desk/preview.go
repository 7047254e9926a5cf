package desk

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/edge/minimise"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/web/look"
)

// previewBody shows one report of a draft: as it is, as it will leave, and as
// each audience will see it.
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
	Only     *audienceHead
	Sections []previewSection
	Clauses  []clauseLine
	Remarks  []string
	Stays    int
	Values   int
}

type audienceHead struct {
	N            int
	Who, Purpose string
}

type previewSection struct {
	Title string
	Rows  []previewRow
}

type previewRow struct {
	Title        string
	Value, Whole string // Whole is set if Value is cut
	Leaves       []leaf
	Notes        []string
	Cells        []cell
}

// leaf is one form of a value, with the clauses that decide by their numbers.
type leaf struct {
	Form, Value string
	TLP         string
	Clauses     []int
}

type cell struct {
	Audience audienceHead
	Seen     []leaf
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
	rep := reports[n-1].Report()
	b := previewBody{ID: dr.id, Notes: v.session.takeNotes(), Written: t != nil, N: n, Of: len(reports), Missing: dr.missing}
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
	b.fill(rep, rules, d.sectorOf(rep.Standard), only)
	return d.show(v, http.StatusOK, "preview", b.title(), b.kicker(), b)
}

func number(v visit, name string) int {
	n, err := strconv.Atoi(v.r.URL.Query().Get(name))
	if err != nil {
		return 0
	}
	return n
}

func (d *Desk) sectorOf(ref standard.Ref) string {
	for _, s := range d.Agreement.Member.Sectors {
		if d.Agreement.Standards[s] == ref {
			return s
		}
	}
	return ""
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

// fill computes the preview by the rules that hold on the way out.
func (b *previewBody) fill(rep report.Report, rules *terms.Rules, sector string, only int) {
	p := minimise.PreviewOf(rep, rules, sector)
	b.Sector, b.Standard, b.Sheet, b.Version, b.Remarks = sector, rep.Standard, p.Sheet, p.Version, p.Notes
	for i, a := range p.Audiences {
		head := audienceHead{N: i + 1, Who: whoWords(a), Purpose: string(a.Purpose)}
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
		row := b.row(f, p.Audiences, rules, sector, refs)
		if rows[f.Path] > 1 {
			row.Title += fmt.Sprintf(" %d", seen[f.Path])
		}
		b.Values++
		if len(row.Leaves) == 0 {
			b.Stays++
		}
		row.mark(shown)
		b.place(f.Path, row)
	}
	b.order()
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
	for _, l := range r.Leaves {
		for _, n := range l.Clauses {
			shown[n] = true
		}
	}
	for _, c := range r.Cells {
		for _, l := range c.Seen {
			for _, n := range l.Clauses {
				shown[n] = true
			}
		}
		for _, m := range c.Missed {
			shown[m.Clause] = true
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

func (b *previewBody) row(f minimise.FieldPreview, audiences []minimise.Audience, rules *terms.Rules, sector string, refs map[string]int) previewRow {
	std := rules.Standard()
	field, _ := std.Field(f.Path)
	row := previewRow{Title: f.Title, Value: std.Label(field, f.Value), Notes: f.Notes}
	if short := clip(row.Value, maxValue); short != row.Value {
		row.Value, row.Whole = short, row.Value
	}
	for _, l := range f.Leaves {
		row.Leaves = withLeaf(row.Leaves, leafOf(std, field, f.Value, l.Form, l.Value, "", numbers(l.Clauses, refs)))
	}
	for i, a := range f.Audiences {
		if b.Only != nil && b.Only.N != i+1 {
			continue
		}
		c := cell{Audience: b.Audiences[i], Withheld: a.Withheld}
		decision := decide(rules, f.Path, audiences[i], sector)
		for _, s := range a.Seen {
			c.Seen = withLeaf(c.Seen, leafOf(std, field, f.Value, s.Form, s.Value, s.TLP, numbers(granting(std, field, decision, s), refs)))
		}
		if len(a.Seen) == 0 && len(f.Leaves) > 0 {
			for _, m := range decision.Missed {
				c.Missed = append(c.Missed, miss{refs[m.Clause], m.Because})
			}
		}
		row.Cells = append(row.Cells, c)
	}
	return row
}

// decide asks the rules for the reasons, for an audience as the preview has
// it.
func decide(rules *terms.Rules, path string, a minimise.Audience, sector string) terms.Decision {
	m := member.Member{Stake: a.Stake, Kind: a.Kind}
	if a.SameSector {
		m.Sectors = []string{sector}
	}
	return rules.Decide(path, m, sector, a.Purpose)
}

// granting names the clauses under which something is seen.
func granting(std *standard.Standard, f standard.Field, d terms.Decision, s terms.Reduced) []string {
	var all []string
	for _, g := range d.Grants {
		if g.TLP == s.TLP && (g.Form == s.Form || std.Weaker(f, s.Form, g.Form)) {
			all = append(all, g.Clauses...)
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
func leafOf(std *standard.Standard, field standard.Field, own string, f standard.Form, value, tlp string, clauses []int) leaf {
	l := leaf{Form: formName(std, field, f), TLP: tlp, Clauses: clauses}
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
		if o.Form == l.Form && o.Value == l.Value && o.TLP == l.TLP {
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
