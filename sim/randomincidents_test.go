package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

// incidentJSON is an incident as the interface answers it.
type incidentJSON struct {
	Reports []struct {
		Label, Stake, Name, Received string
		Mine                         bool
	}
	Fields []struct {
		Path    string
		Sayings []struct{ Source, Value, Form, TLP, PAP string }
	}
	Observables []struct {
		Type, Value, Pseudonym, TLP, PAP string
		Sources                          []string
	}
}

// told is what one source of an answer says: under its label, what of which
// field in which form, with its marking.
type told struct {
	line   string // all that makes it the report that it is
	stake  string
	named  string
	says   []saying
	source string
}

type saying struct{ key, form, tlp, pap string }

// tellings reads an answer's sources, pseudonyms turned into what they stand for
// where that is known.
func (f *fate) tellings(v view, in incidentJSON) (all []told) {
	values := f.known[audience{v.p.id, v.purpose}]
	behind := func(path, form, value string) string {
		if form != "token" {
			return sayingKey(path, form, value)
		}
		if known, ok := values[value]; ok {
			_, known, _ = strings.Cut(known, " ")
			return path + " token " + known
		}
		return path + " token ?"
	}
	for _, r := range in.Reports {
		one := told{source: r.Label, stake: r.Stake, named: r.Name}
		for _, fd := range in.Fields {
			for _, s := range fd.Sayings {
				if s.Source == r.Label {
					one.says = append(one.says, saying{behind(fd.Path, s.Form, s.Value), s.Form, s.TLP, s.PAP})
				}
			}
		}
		for _, o := range in.Observables {
			if slices.Contains(o.Sources, r.Label) {
				form, value := "exact", o.Value
				if o.Pseudonym != "" {
					form, value = "token", o.Pseudonym
				}
				one.says = append(one.says, saying{behind("observable."+o.Type, form, value), form, o.TLP, o.PAP})
			}
		}
		one.line = line(r.Received, r.Mine, keysOf(one.says))
		all = append(all, one)
	}
	return all
}

// sayingKey is what a saying is compared by. A day that was told exactly is the same
// day for whoever is granted days: in which of the forms it is shown does not
// matter.
func sayingKey(path, form, value string) string {
	if form != "token" && form != "counted" {
		form = "is"
	}
	return path + " " + form + " " + value
}

func keysOf(says []saying) (keys []string) {
	for _, s := range says {
		keys = append(keys, s.key)
	}
	return keys
}

func line(month string, mine bool, keys []string) string {
	slices.Sort(keys)
	return fmt.Sprintf("%s mine=%v %s", month, mine, strings.Join(slices.Compact(keys), "; "))
}

// expected is the same line as the oracle writes it.
func (f *fate) expected(v view, s glimpse) string {
	aliased := map[string]bool{}
	for _, value := range f.known[audience{v.p.id, v.purpose}] {
		aliased[value] = true
	}
	var keys []string
	for _, a := range s.may {
		value := a.value
		if a.form.Kind == standard.Token && !aliased[a.path+" "+a.value] {
			value = "?"
		}
		keys = append(keys, sayingKey(a.path, a.form.String(), value))
	}
	return line(s.rev.received.Format("2006-01"), s.mine, keys)
}

func joined(lines []string) string {
	slices.Sort(lines)
	return strings.Join(lines, "\n    ")
}

// lookAtIncidents asks for the list of a sector and for some incidents: each
// must be one that the oracle knows, down to the last saying; and the list must
// hold all that it allows.
func (f *fate) lookAtIncidents(v view, sector string) {
	query := "?for=" + string(v.purpose)
	var list struct {
		Items []struct {
			ID      string
			Sources int
		}
		Next string
	}
	path := "/v1/sectors/" + sector + "/incidents" + query
	text := f.get(v, "incidents", path)
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		f.fails(nil, "%s is answered %.200s", path, text)
		return
	}
	var want, got []int
	for _, in := range v.sights {
		if here := inSector(in, sector); len(here) > 0 {
			want = append(want, len(here))
		}
	}
	for _, item := range list.Items {
		got = append(got, item.Sources)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) && list.Next == "" {
		f.fails(accountsIn(v.sights), "%s is shown incidents of %v reports in %s for %s, and may see incidents of %v", v.p, got, sector, v.purpose, want)
		return
	}
	f.dice.Shuffle(len(list.Items), func(i, j int) { list.Items[i], list.Items[j] = list.Items[j], list.Items[i] })
	for _, item := range list.Items[:min(len(list.Items), 6)] {
		var in incidentJSON
		text := f.get(v, "incident", "/v1/incidents/"+item.ID+query)
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			f.fails(nil, "an incident of the list is answered %.200s", text)
			return
		}
		all := f.tellings(v, in)
		byLine, twice := f.byLine(v)
		var lines []string
		for _, one := range all {
			lines = append(lines, one.line)
		}
		known, ok := byLine[joined(lines)]
		if !ok {
			f.fails(accountsIn(v.sights), "%s is shown for %s\n    %s\nand the oracle knows\n    %s", v.p, v.purpose, joined(lines), strings.Join(nearest(byLine, joined(lines)), "\n  or\n    "))
			return
		}
		if !twice[joined(lines)] { // else it could be another that says the same
			f.duties(v, all, known)
			f.learn(v, in, all, known)
		}
	}
}

// byLine are the incidents as the oracle writes them, and what is written of
// several.
func (f *fate) byLine(v view) (all map[string][]glimpse, twice map[string]bool) {
	all, twice = map[string][]glimpse{}, map[string]bool{}
	for _, in := range v.sights {
		var lines []string
		for _, s := range in {
			lines = append(lines, f.expected(v, s))
		}
		key := joined(lines)
		twice[key] = all[key] != nil
		all[key] = in
	}
	return all, twice
}

// nearest are the incidents that share most with what was shown.
func nearest(all map[string][]glimpse, shown string) []string {
	common := func(s string) int {
		n := 0
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '\n' }) {
			if strings.Contains(shown, strings.TrimSpace(part)) {
				n++
			}
		}
		return n
	}
	keys := slices.Collect(maps.Keys(all))
	slices.SortFunc(keys, func(a, b string) int { return common(b) - common(a) })
	return keys[:min(len(keys), 2)]
}

func accountsIn(all [][]glimpse) (out []*account) {
	for _, in := range all {
		for _, s := range in {
			out = append(out, s.rev.of)
		}
	}
	return out
}

// duties: what is shown bears the duties of one clause that grants it, unmixed,
// and who said it is told no better than the clauses let.
func (f *fate) duties(v view, all []told, known []glimpse) {
	for _, one := range all {
		i := slices.IndexFunc(known, func(s glimpse) bool { return f.expected(v, s) == one.line })
		s := known[i]
		if s.mine {
			continue
		}
		for _, said := range one.says {
			var under []duty
			for _, a := range s.may {
				if strings.HasPrefix(said.key, a.path+" ") && a.form.String() == said.form && (said.form == "token" || said.key == sayingKey(a.path, said.form, a.value)) {
					under = append(under, a.duties...)
				}
			}
			// An observable that several tell bears the strictest marking.
			fits := func(d duty) bool { return d.tlp == said.tlp && (said.pap == "" || d.pap == said.pap) }
			if !slices.ContainsFunc(under, fits) && (len(all) == 1 || !strings.HasPrefix(said.key, "observable.")) {
				f.fails([]*account{s.rev.of}, "%s is shown %q of %s as %s %s %s; it may be received as %v", v.p, said.key, s.rev.of.name, said.form, said.tlp, said.pap, under)
			}
		}
		f.attributed(v, one, s)
	}
}

// attributed: a source is told as the least of what the clauses let under which
// it is shown: not at all, by stake, by name.
func (f *fate) attributed(v view, one told, s glimpse) {
	silent, free := false, true // something must not be attributed; all may
	for _, a := range s.may {
		none := func(d duty) bool { return d.attribution == terms.NotAttributed }
		silent = silent || !slices.ContainsFunc(a.duties, func(d duty) bool { return !none(d) })
		free = free && !slices.ContainsFunc(a.duties, none)
	}
	by := s.rev.of.by.card
	if silent && one.stake == string(by.Stake) || one.named == by.Name && !f.mayBeNamed(s) {
		f.fails([]*account{s.rev.of}, "%s is told that %q %q said %s, whose terms keep that back", v.p, one.stake, one.named, s.rev.of.name)
	}
	if free && one.stake != string(by.Stake) {
		f.fails([]*account{s.rev.of}, "%s is told the stake %q of %s, and may know %q", v.p, one.stake, s.rev.of.name, by.Stake)
	}
}

// mayBeNamed: all that is shown of a source may be told with its name.
func (f *fate) mayBeNamed(s glimpse) bool {
	for _, a := range s.may {
		if !slices.ContainsFunc(a.duties, func(d duty) bool { return d.attribution == terms.ByName }) {
			return false
		}
	}
	return true
}

// learn remembers which value a pseudonym stands for: always the same for one
// audience, and nothing for any other.
func (f *fate) learn(v view, in incidentJSON, all []told, known []glimpse) {
	who := audience{v.p.id, v.purpose}
	of := map[string]string{} // values by source and path, where they are sure
	for _, one := range all {
		fit := slices.DeleteFunc(slices.Clone(known), func(s glimpse) bool { return f.expected(v, s) != one.line })
		if len(fit) != 1 {
			continue // two sources say the same
		}
		for _, a := range fit[0].may {
			if a.form.Kind == standard.Token {
				of[one.source+" "+a.path] = a.path + " " + a.value
			}
		}
	}
	found := func(source, path, alias string) {
		value, sure := of[source+" "+path]
		if _, ok := f.known[who][alias]; ok || !sure {
			return
		}
		for other, values := range f.known {
			if _, ok := values[alias]; ok {
				f.fails(nil, "%s sees for %s the pseudonym %s, which %v sees", v.p, v.purpose, alias, other)
			}
		}
		if f.known[who] == nil {
			f.known[who] = map[string]string{}
		}
		f.known[who][alias] = value
	}
	for _, fd := range in.Fields {
		for _, s := range fd.Sayings {
			if s.Form == "token" {
				found(s.Source, fd.Path, s.Value)
			}
		}
	}
	for _, o := range in.Observables {
		if o.Pseudonym != "" {
			found(o.Sources[0], "observable."+o.Type, o.Pseudonym)
		}
	}
}
