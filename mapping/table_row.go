package mapping

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/formats/tabular"
	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// Rules that are applied to the cells of tables; docs/mapping.md explains
// them.
const (
	ruleReencoded = "table.windows-1252"
	ruleOtherwise = "table.otherwise"
	ruleJoined    = "table.joined"
)

// gathering is the mapping of one row.
type gathering struct {
	t           *Table
	row         tabular.Row
	account     *Account
	out         *rows
	observables []report.Observable
	fates       map[reference]*fate
	order       []reference
	folded      map[string]string // cells are long, and asked often
	// said: something of the row itself, and no constant, was taken.
	said bool
}

// reference names a value of the row: a column, and the part of its cell; ""
// is the cell as a whole.
type reference struct {
	column int
	part   string
}

// fate is what became of a value, over all sources that looked at it.
type fate struct {
	taken bool // in a statement
	coded bool // in one that is no free text
	// unlisted says that a table of codes does not have the value; it counts
	// only if no other source takes it.
	unlisted string
	// quiet says why nothing was to be taken.
	quiet string
	bad   []string
}

// piece is one value that a source found, and where it stood.
type piece struct {
	text string
	of   []reference
}

func (g *gathering) fate(ref reference) *fate {
	f := g.fates[ref]
	if f == nil {
		f = &fate{}
		g.fates[ref] = f
		g.order = append(g.order, ref)
	}
	return f
}

// fold is [foldCell], remembered.
func (g *gathering) fold(text string) string {
	folded, known := g.folded[text]
	if !known {
		folded = foldCell(text)
		g.folded[text] = folded
	}
	return folded
}

// empty says whether a text says nothing, as the map has it.
func (g *gathering) empty(text string) bool {
	return len(g.t.m.nothing) > 0 && g.t.m.nothing[g.fold(text)]
}

func (g *gathering) cell(column int) string {
	if column < 0 || column >= len(g.row.Cells) {
		return ""
	}
	return strings.TrimSpace(g.row.Cells[column])
}

// target fills one field from its sources.
func (g *gathering) target(t *boundTarget) {
	at := 0 // row of a group
	for i := range t.sources {
		s := &t.sources[i]
		if !g.holds(s) {
			continue
		}
		for _, c := range s.constant {
			g.place(t.cleaner, at, cleaned{text: c.text}, nil)
			g.byCondition(s)
			at++
		}
		for _, p := range g.pieces(s) {
			values, asCode := g.translate(t.cleaner, s, p)
			for _, v := range values {
				done := g.clean(t.cleaner, s, v, asCode)
				g.place(t.cleaner, at, done, p.of)
				at++
			}
			if len(values) == 0 {
				at++ // the rows of a group stay beside each other
			}
			if len(values) > 0 {
				g.byCondition(s)
			}
		}
	}
	for i := range t.sources {
		if s := &t.sources[i]; len(s.fallback) > 0 && len(g.out.values[t.cleaner]) == 0 && g.holds(s) {
			for row, c := range s.fallback {
				g.place(t.cleaner, row, cleaned{text: c.text}, nil)
			}
		}
	}
}

// holds says whether the conditions of a source hold for the row. If not, its
// columns are not asked.
func (g *gathering) holds(s *boundSource) bool {
	holds := true
	for i, c := range s.when {
		holds = holds && g.matches(s.whenAt[i], c)
	}
	for i, c := range s.unless {
		holds = holds && !g.matches(s.unlessAt[i], c)
	}
	if !holds {
		for _, column := range s.columns {
			g.quiet(reference{column, ""}, "the conditions of the map leave it out in this row")
		}
	}
	return holds
}

func (g *gathering) matches(column int, c condition) bool {
	folded := g.fold(g.cell(column))
	return slices.ContainsFunc(c.patterns, func(p glob) bool {
		return p.match(folded) && (folded != "" || !p.any())
	})
}

// byCondition counts the cells by which a value came about.
func (g *gathering) byCondition(s *boundSource) {
	for _, column := range s.whenAt {
		if g.cell(column) != "" {
			f := g.fate(reference{column, ""})
			f.taken, f.coded = true, true
			g.said = true
		}
	}
}

func (g *gathering) quiet(ref reference, reason string) {
	if ref.column < 0 || g.cell(ref.column) == "" {
		return
	}
	if f := g.fate(ref); f.quiet == "" {
		f.quiet = reason
	}
}

// pieces are the values that a source finds in the row, in order; of a list
// that is split, empty ones too, as they keep the rows of a group in step.
func (g *gathering) pieces(s *boundSource) []piece {
	if s.join != nil {
		return g.joined(s)
	}
	var all []piece
	for _, column := range s.columns {
		cell := g.cell(column)
		if cell == "" {
			continue
		}
		if g.empty(cell) {
			g.quiet(reference{column, ""}, "it says nothing, as the map has it")
			continue
		}
		parts, whole := s.parts(cell)
		if whole {
			all = append(all, piece{cell, []reference{{column, ""}}})
			continue
		}
		if !slices.ContainsFunc(parts, func(p string) bool { return p != "" }) {
			g.quiet(reference{column, ""}, "a list of nothing")
			continue
		}
		for _, part := range parts {
			all = append(all, piece{part, []reference{{column, part}}})
		}
	}
	if s.take == takeAll {
		return all
	}
	return g.some(all, s.take)
}

// some takes the first of the values that say something, or the others.
func (g *gathering) some(all []piece, which take) []piece {
	all = slices.DeleteFunc(all, func(p piece) bool { return p.text == "" })
	first := slices.IndexFunc(all, func(p piece) bool { return !g.empty(p.text) })
	if first < 0 {
		return all
	}
	left, taken := all[first+1:], all[:first+1]
	if which == takeRest {
		left, taken = all[first:first+1], slices.Concat(all[:first], all[first+1:])
	}
	for _, p := range left {
		if !slices.ContainsFunc(taken, func(o piece) bool { return o.text == p.text }) {
			g.each(p, func(f *fate) { f.quiet = "the map takes the " + string(which) + " of several values only" })
		}
	}
	return taken
}

// joined is the one text that the cells of several columns make.
func (g *gathering) joined(s *boundSource) []piece {
	var texts []string
	var p piece
	for _, column := range s.columns {
		cell := g.cell(column)
		if cell == "" {
			continue
		}
		if g.empty(cell) {
			g.quiet(reference{column, ""}, "it says nothing, as the map has it")
			continue
		}
		parts, whole := s.parts(cell)
		if !whole {
			parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" || g.empty(part) })
			cell = strings.Join(parts, "; ")
			if cell == "" {
				g.quiet(reference{column, ""}, "a list of nothing")
				continue
			}
		}
		if s.labelled {
			cell = g.t.columns[column] + ": " + cell
		}
		texts = append(texts, cell)
		p.of = append(p.of, reference{column, ""})
	}
	if len(texts) == 0 {
		return nil
	}
	p.text = strings.Join(texts, *s.join)
	return []piece{p}
}

// parts cuts a cell into its values; whole: it is not to be cut.
func (s *source) parts(cell string) (parts []string, whole bool) {
	if s.style.list {
		if items, is := tabular.List(cell); is {
			return items, false
		}
	}
	if len(s.split) == 0 {
		return nil, true
	}
	parts = []string{cell}
	for _, separator := range s.split {
		var cut []string
		for _, part := range parts {
			cut = append(cut, strings.Split(part, separator)...)
		}
		parts = cut
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts, false
}

// translate finds what a value says for a field: its codes, or itself.
func (g *gathering) translate(c *cleaner, s *boundSource, p piece) (values []string, asCode bool) {
	if p.text == "" {
		return nil, false
	}
	if g.empty(p.text) {
		g.each(p, func(f *fate) { f.quiet = "it says nothing, as the map has it" })
		return nil, false
	}
	if s.codes == nil {
		return []string{p.text}, false
	}
	codes, listed := s.codes.lookup(g.fold(p.text))
	switch {
	case listed && len(codes) == 0:
		g.each(p, func(f *fate) { f.quiet = "the map gives this value no code" })
		return nil, true
	case listed:
		for _, code := range codes {
			values = append(values, code.text)
		}
		return values, true
	case s.otherwise.kind == keepValue:
		return []string{p.text}, false
	case s.otherwise.kind == takeCode:
		g.account.Repair(ruleOtherwise)
		return []string{s.otherwise.code.text}, true
	case s.otherwise.kind == leaveOut:
		g.each(p, func(f *fate) { f.quiet = "the map leaves values out that it gives no code" })
		return nil, true
	}
	g.each(p, func(f *fate) {
		if f.unlisted == "" {
			f.unlisted = c.field.Path + ": the map gives no code for " + quote(p.text)
		}
	})
	return nil, true
}

func (g *gathering) each(p piece, do func(*fate)) {
	for _, ref := range p.of {
		do(g.fate(ref))
	}
}

// clean makes the canonical text of a value in the way of tables.
func (g *gathering) clean(c *cleaner, s *boundSource, text string, asCode bool) cleaned {
	switch {
	case asCode:
		return cleaned{text: text} // checked when the map was read
	case c.field.Type == standard.Code:
		return g.t.code(c, text)
	case c.field.Type == standard.Date:
		return c.date(text, s.style)
	case c.field.Type == standard.Integer, c.field.Type == standard.Decimal:
		return c.tableNumber(text, s.style)
	case c.field.Type == standard.Boolean:
		done := c.cleanBoolean(veris.Value{Kind: veris.String, Text: text})
		done.rules = nil
		return done
	}
	return c.cleanText(veris.Value{Kind: veris.String, Text: text})
}

// code takes a code of the standard as it is or in another spelling, or its
// label. What is none is lost: a table has a map to say what it means.
func (t *Table) code(c *cleaner, text string) cleaned {
	if c.listed(text) {
		return c.finish(cleaned{text: text})
	}
	if code := t.labels[c][foldCell(text)]; code != "" {
		return c.finish(cleaned{text: code})
	}
	done := c.cleanCode(veris.Value{Kind: veris.String, Text: text}, nil)
	if slices.Contains(done.rules, veris.RuleOther) {
		return cleaned{reason: "the standard lists no code " + quote(text) + "; give it one under `codes:`"}
	}
	return done
}

// place puts a clean value into the report, and notes the fate of where it
// came from; nowhere is a constant of the map.
func (g *gathering) place(c *cleaner, row int, done cleaned, of []reference) {
	note := func(do func(*fate)) {
		for _, ref := range of {
			do(g.fate(ref))
		}
	}
	for _, rule := range done.rules {
		g.account.Repair(rule)
	}
	if done.reason != "" {
		note(func(f *fate) { f.bad = append(f.bad, c.field.Path+": "+done.reason) })
	}
	if done.text == "" {
		return
	}
	if c.field.Group == "" {
		row = len(g.out.values[c])
	}
	if !g.out.has(c, row, done.text) {
		g.out.put(c, row, done.text)
	} else if !g.again(c, done.text, note) {
		return
	}
	if len(of) > 0 {
		g.said = true
	}
	note(func(f *fate) {
		f.taken = true
		f.coded = f.coded || c.field.Type != standard.Text
	})
}

// again puts a further value to a field that has one: the same is fine, texts
// are joined, and what is left is noted. True: the value is in the report.
func (g *gathering) again(c *cleaner, text string, note func(func(*fate))) bool {
	cells := g.out.values[c]
	if slices.ContainsFunc(cells, func(o cell) bool { return o.text == text }) {
		return true
	}
	if c.field.Type == standard.Text && c.field.Group == "" {
		if whole, err := g.t.fields.std.Canonical(c.field, cells[0].text+"; "+text); err == nil {
			cells[0].text = whole
			g.account.Repair(ruleJoined)
			return true
		}
	}
	note(func(f *fate) { f.quiet = "the field " + c.field.Path + " holds one value and has another already" })
	return false
}

// native is the id of the row in its source.
func (g *gathering) native() string {
	var parts []string
	for _, column := range g.t.native {
		if cell := g.cell(column); cell != "" {
			parts = append(parts, strings.ToValidUTF8(norm.NFC.String(cell), "\uFFFD"))
			f := g.fate(reference{column, ""})
			f.taken, f.coded = true, true
		}
	}
	return strings.Join(parts, " | ")
}
