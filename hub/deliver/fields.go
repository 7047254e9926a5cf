package deliver

import (
	"cmp"
	"slices"

	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// fields merges what the sources say about each field, in the order of the
// standard, with every source kept and disagreement marked.
func (r *Room) fields(v member.Viewer, sources []said) ([]FieldView, error) {
	at := map[string]int{}
	var out []FieldView
	get := func(f standard.Field) *FieldView {
		i, ok := at[f.Path]
		if !ok {
			i = len(out)
			at[f.Path] = i
			out = append(out, FieldView{Path: f.Path, Title: f.Title})
		}
		return &out[i]
	}
	for _, s := range sources {
		for _, f := range s.fields {
			view := get(f.field)
			for _, sh := range once(f.shown) {
				value := sh.Value
				if sh.Form.Kind == standard.Token {
					value = r.pseudonym(v, sh.Value)
				}
				view.Sayings = append(view.Sayings, Saying{Source: s.label, Value: value, Form: sh.Form.String(), TLP: sh.TLP, PAP: sh.PAP, DeleteBy: deleteBy(s.received, sh.Keep)})
			}
		}
	}
	for path := range disputed(sources) {
		if i, ok := at[path]; ok {
			out[i].Conflict = true
		}
	}
	for _, s := range sources {
		for _, f := range s.withheld {
			view := get(f)
			if view.Withheld == "" {
				view.Withheld = "withheld by a contributor's terms for this purpose, if it was told at all"
			}
		}
	}
	slices.SortStableFunc(out, func(a, b FieldView) int {
		return cmp.Or(cmp.Compare(min(len(b.Sayings), 1), min(len(a.Sayings), 1)), cmp.Compare(a.Path, b.Path))
	})
	return out, nil
}

// once leaves out of what is shown of one statement what says the same and
// binds no less: a month that was told as a month stays one whether days or
// months are granted. What binds less in one way and more in another stays
// beside it; obligations are never mixed.
func once(shown []terms.Reduced) []terms.Reduced {
	var out []terms.Reduced
	for i, s := range shown {
		covered := func(j int, o terms.Reduced) bool {
			return j != i && o.Value == s.Value && bindsNoMore(o, s) && (j < i || !bindsNoMore(s, o))
		}
		kept := true
		for j, o := range shown {
			kept = kept && !covered(j, o)
		}
		if kept {
			out = append(out, s)
		}
	}
	return out
}

// bindsNoMore reports whether a has no obligation that b has not. Who said it
// is told the same of both.
func bindsNoMore(a, b terms.Reduced) bool {
	longer := a.Keep == 0 || b.Keep != 0 && a.Keep >= b.Keep
	return terms.Strictness(a.TLP) <= terms.Strictness(b.TLP) && terms.Caution(a.PAP) <= terms.Caution(b.PAP) && longer
}

// disputed are the paths about which the sources cannot all be right. Sources
// of several standards are held against each other by the first's that has the
// field: what profiles share means the same in each.
func disputed(sources []said) map[string]bool {
	type key struct {
		source, path string
		form         standard.Form
	}
	values := map[key][]string{}
	byStandard := map[*standard.Standard][]key{}
	first := map[string]*standard.Standard{}
	for _, s := range sources {
		for _, f := range s.fields {
			if first[f.field.Path] == nil {
				first[f.field.Path] = s.std
			}
			for _, sh := range f.shown {
				k := key{s.label, f.field.Path, sh.Form}
				if values[k] == nil {
					std := first[f.field.Path]
					byStandard[std] = append(byStandard[std], k)
				}
				values[k] = append(values[k], sh.Value)
			}
		}
	}
	out := map[string]bool{}
	for std, keys := range byStandard {
		var sayings []consolidate.Saying
		for _, k := range keys {
			sayings = append(sayings, consolidate.Saying{Source: k.source, Path: k.path, Form: k.form, Values: values[k]})
		}
		for _, c := range consolidate.Conflicts(std, sayings) {
			out[c.Path] = true
		}
	}
	return out
}
