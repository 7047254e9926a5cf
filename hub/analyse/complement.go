package analyse

import "slices"

// line is a set of cells whose total a viewer may know.
type line struct {
	cells []int
	// known: so many others stand behind the total that it may be told. What
	// fewer stand behind is withheld whole, and so is its total, wherever it
	// might be told.
	known bool
}

// lines lists the rows and the columns of a table, across which totals are
// known. A cell stands in one of each; a table of one dimension has no
// columns, and is one row, or several if another table tells the totals of its
// runs.
func lines(raw rawTable, viewerGroup string, p Policy) (rows, columns []line) {
	width := len(raw.Cells)
	two := len(raw.Dimensions) == 2
	switch {
	case two:
		width = len(raw.Dimensions[1].Categories)
	case raw.Runs > 0:
		width = raw.Runs
	}
	if width == 0 {
		return nil, nil
	}
	if two {
		columns = make([]line, width)
	}
	for i := range raw.Cells {
		if i%width == 0 {
			rows = append(rows, line{})
		}
		rows[len(rows)-1].cells = append(rows[len(rows)-1].cells, i)
		if two {
			columns[i%width].cells = append(columns[i%width].cells, i)
		}
	}
	for _, all := range [][]line{rows, columns} {
		for i := range all {
			// The total of one cell is the cell.
			all[i].known = len(all[i].cells) > 1 && restsOn(raw, all[i].cells, viewerGroup) >= p.MinOwnerGroups
		}
	}
	return rows, columns
}

// restsOn counts the contributors unknown to the viewer behind cells together.
func restsOn(raw rawTable, cells []int, viewerGroup string) int {
	all := map[string]bool{}
	for _, i := range cells {
		for _, g := range raw.Cells[i].others(viewerGroup) {
			all[g] = true
		}
	}
	return len(all)
}

// leastOf is how many must stand behind cells together: their sum is a figure,
// too.
func leastOf(raw rawTable, cells []int, p Policy) int {
	least := p.MinOwnerGroups
	for _, i := range cells {
		least = max(least, raw.Cells[i].Least)
	}
	return least
}

// complement withholds further cells until none that is withheld can be
// computed by means of those shown. (One that its totals alone would give away
// is beyond help: who knows all of these needs no table.) It always ends: each
// round withholds one more cell.
func complement(raw rawTable, shown []bool, viewerGroup string, p Policy) {
	rows, columns := lines(raw, viewerGroup, p)
	hide := func(among []int) bool {
		best := -1
		for _, i := range among {
			if shown[i] && (best < 0 || raw.Cells[i].Incidents < raw.Cells[best].Incidents) {
				best = i
			}
		}
		if best >= 0 {
			shown[best] = false
		}
		return best >= 0
	}
	bare := newSolver(raw, make([]bool, len(raw.Cells)), rows, columns, viewerGroup)
	lost := map[int]bool{}
	for i := range raw.Cells {
		lost[i] = bare.computable(i)
	}
	for changed := true; changed; {
		changed = false
		for _, l := range slices.Concat(rows, columns) {
			var hidden []int
			for _, i := range l.cells {
				if !shown[i] {
					hidden = append(hidden, i)
				}
			}
			if len(hidden) > 0 && (len(hidden) < 2 || restsOn(raw, hidden, viewerGroup) < leastOf(raw, hidden, p)) {
				changed = hide(l.cells) || changed
			}
		}
		if changed {
			continue
		}
		s := newSolver(raw, shown, rows, columns, viewerGroup)
		for i := range raw.Cells {
			if !shown[i] && !lost[i] && s.computable(i) {
				// Nearest first: a cell of its own lines, else any.
				changed = hide(s.besides(i)) || hide(allOf(raw))
				break
			}
		}
	}
}

func allOf(raw rawTable) []int {
	all := make([]int, len(raw.Cells))
	for i := range all {
		all[i] = i
	}
	return all
}

// solver finds which withheld cells have but one possible value. The lines are
// the nodes of a graph, each withheld cell an edge between its row and its
// column. If one cell is larger by some amount, others must be smaller along
// each of its lines, and so on around a cycle: a cell can be larger if a cycle
// leads through it forwards, smaller if one leads through it backwards. A cell
// can always be larger, and smaller only down to what the viewer itself told.
// Lines with no known total are free: their cells may change alone. (The
// residual graph of a transportation problem; a cell is computable just if no
// cycle of it passes the cell. Ahuja, Magnanti, Orlin, Network Flows, 1993.)
type solver struct {
	row, column []int // by cell: its nodes
	lines       []line
	next        [][]arc // by node
}

type arc struct{ cell, to int } // cell −1: between free nodes

func newSolver(raw rawTable, shown []bool, rows, columns []line, viewerGroup string) *solver {
	// Node 0 is freedom.
	s := &solver{row: make([]int, len(raw.Cells)), column: make([]int, len(raw.Cells)), lines: []line{{}}}
	for n, group := range [][]line{rows, columns} {
		of := [][]int{s.row, s.column}[n]
		for _, l := range group {
			for _, i := range l.cells {
				of[i] = len(s.lines)
			}
			s.lines = append(s.lines, l)
		}
	}
	s.next = make([][]arc, len(s.lines))
	for i, c := range raw.Cells {
		if shown[i] {
			continue
		}
		r, k := s.row[i], s.column[i]
		s.next[r] = append(s.next[r], arc{i, k})
		if c.figure(raw.Measure) > c.Known[viewerGroup] {
			s.next[k] = append(s.next[k], arc{i, r})
		}
	}
	for n := 1; n < len(s.lines); n++ {
		if !s.lines[n].known {
			s.next[0] = append(s.next[0], arc{-1, n})
			s.next[n] = append(s.next[n], arc{-1, 0})
		}
	}
	return s
}

// computable reports whether a withheld cell has but one possible value.
func (s *solver) computable(cell int) bool {
	smaller := slices.Contains(s.next[s.column[cell]], arc{cell, s.row[cell]})
	return !s.reaches(s.column[cell], s.row[cell], cell) &&
		!(smaller && s.reaches(s.row[cell], s.column[cell], cell))
}

// reaches reports whether a way leads from one node to another without a cell.
func (s *solver) reaches(from, to, without int) bool {
	seen := make([]bool, len(s.next))
	seen[from] = true
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			return true
		}
		for _, a := range s.next[queue[0]] {
			if a.cell != without && !seen[a.to] {
				seen[a.to] = true
				queue = append(queue, a.to)
			}
		}
	}
	return false
}

// besides lists the cells of a cell's lines.
func (s *solver) besides(cell int) []int {
	all := slices.Clone(s.lines[s.row[cell]].cells)
	if k := s.column[cell]; k > 0 {
		all = append(all, s.lines[k].cells...)
	}
	return all
}
