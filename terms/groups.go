package terms

import "github.com/concord-trust/concord/standard"

// Groups is how many owner groups must stand behind a figure, or a class of a
// release, that a statement enters in a form at a moment: the least that a
// grant asks for which holds then and allows the form. False: none does.
func (t Table) Groups(path string, form standard.Form, m Moment) (least int, ok bool) {
	if _, ok = t.At(m).Allows(path, form); !ok {
		return 0, false
	}
	least = m.Groups
	for _, g := range t.Grants(path) {
		if g.Groups >= least {
			continue
		}
		fewer := m
		fewer.Groups = g.Groups
		if _, still := t.At(fewer).Allows(path, form); still {
			least = g.Groups
		}
	}
	return least, true
}
