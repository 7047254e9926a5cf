package mapping

// settle puts the fate of every cell into the account: of its parts, if some
// source looked at these, else of the whole.
func (g *gathering) settle() {
	if g.row.Reencoded {
		g.account.Repair(ruleReencoded)
	}
	counted := make([]bool, len(g.t.columns))
	for _, ref := range g.order {
		f := g.fates[ref]
		if f.unlisted != "" && !f.coded {
			f.bad = append(f.bad, f.unlisted)
		}
		name := g.t.columns[ref.column]
		for _, reason := range f.bad {
			g.account.Refuse(Place{File: g.t.Name, Record: g.row.Number, Line: g.row.Line, Path: name, Reason: reason})
		}
		whole := g.fates[reference{ref.column, ""}]
		switch {
		case ref.part == "":
			counted[ref.column] = counted[ref.column] || len(f.bad) > 0
			continue
		case f.taken:
			g.account.Map(name)
		case len(f.bad) == 0 && (whole == nil || !whole.taken):
			g.account.Skip(name, f.quiet)
		case len(f.bad) == 0:
			continue // it went with the whole
		}
		counted[ref.column] = true
	}
	for column, name := range g.t.columns {
		if g.cell(column) == "" {
			continue
		}
		whole := g.fates[reference{column, ""}]
		switch {
		case whole != nil && whole.taken && (!counted[column] || len(whole.bad) > 0):
			g.account.Map(name)
		case counted[column]:
		case whole != nil && whole.quiet != "":
			g.account.Skip(name, whole.quiet)
		default:
			g.account.Skip(name, g.t.unused(column))
		}
	}
}

// unused says why nothing came of a column.
func (t *Table) unused(column int) string {
	switch {
	case t.ignored[column] != "":
		return t.ignored[column]
	case t.used[column]:
		return "nothing that the map looks for stands in it"
	}
	return "the map does not use this column"
}
