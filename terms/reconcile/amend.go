package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// Amendment is a draft of a contributor's sheet with what an offer asks of it.
type Amendment struct {
	Contributor string
	Sheet       *terms.Sheet
	// Text is the sheet as a document: the old one with its comments, and the
	// clauses that are new or changed.
	Text []byte
	// Clauses lists those by id, each with its sentence.
	Clauses []Sentence
}

// Sentence is a clause in plain English.
type Sentence struct {
	Clause string `json:"clause"`
	Text   string `json:"sentence"`
	// Widened: the clause was there, and granted less.
	Widened bool `json:"widened,omitzero"`
}

// redMarking is the strictest: an added clause gives the least leave.
const redMarking = "TLP:RED"

// Amend drafts the sheet by which a contributor would accept an offer: one
// clause for each form, for this asker, this purpose and these fields alone.
// A clause that says nothing else but one of these in a weaker form, or is
// one of these for other fields, is widened; otherwise a clause is added.
func (o *Outcome) Amend(offer Offer, contributor string) (*Amendment, error) {
	i := slices.IndexFunc(o.trust.rows, func(r row) bool { return r.Name == contributor })
	wanted := slices.DeleteFunc(slices.Clone(offer.Concessions), func(c Concession) bool { return c.Contributor != contributor })
	if i < 0 || len(wanted) == 0 {
		return nil, fault.New(fault.NotFound, "amend.not_asked", "the offer asks nothing of %q; it asks %s", contributor, strings.Join(asked(offer), ", "))
	}
	r := &o.trust.rows[i]
	a := &Amendment{Contributor: contributor, Sheet: o.trust.copySheet(r)}
	for _, form := range formsOf(wanted) {
		a.grant(o.trust, r, form, wanted)
	}
	if err := a.Sheet.Check(); err != nil {
		return nil, err
	}
	return a, a.write(r)
}

func asked(o Offer) []string {
	var names []string
	for _, c := range o.Concessions {
		names = append(names, c.Contributor)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func formsOf(all []Concession) []standard.Form {
	var forms []standard.Form
	for _, c := range all {
		if !slices.Contains(forms, c.To) {
			forms = append(forms, c.To)
		}
	}
	return forms
}

// copySheet is a contributor's sheet with the next version, or an empty one.
func (t *table) copySheet(r *row) *terms.Sheet {
	if r.Sheet == nil {
		return &terms.Sheet{Name: r.Name, Version: 1}
	}
	s := *r.Sheet
	s.Version++
	s.Clauses = slices.Clone(s.Clauses)
	return &s
}

// recipient is who would receive: the asker's stake and kind; if it takes part
// there, only within the contributor's own sector; and, if the request says who
// asks and in which project, that member and that project alone.
func (t *table) recipient(r *row) terms.Recipient {
	m := t.asker.Member
	to := terms.Recipient{Stake: string(m.Stake), Kinds: []member.Kind{m.Kind}}
	if m.InSector(r.Sector) {
		to.Sector = terms.OwnSector
	}
	if m.ID != "" {
		to.Members = []wire.MemberID{m.ID}
	}
	if t.asker.Project != "" {
		to.Projects = []string{t.asker.Project}
	}
	return to
}

// grant widens a clause of the sheet or adds one.
func (a *Amendment) grant(t *table, r *row, form standard.Form, wanted []Concession) {
	var fields []string
	for _, c := range wanted {
		if c.To == form {
			fields = append(fields, c.Path)
		}
	}
	want := terms.Clause{
		Fields: fields, To: []terms.Recipient{t.recipient(r)}, For: []member.Purpose{t.req.Purpose}, Form: form, TLP: redMarking,
		Attribution: terms.NotAttributed, After: terms.Days(wanted[0].DelayDays),
	}
	k := slices.IndexFunc(a.Sheet.Clauses, func(c terms.Clause) bool { return widens(r.std, c, want) })
	if k >= 0 {
		c := &a.Sheet.Clauses[k]
		fields := append(slices.Clone(c.Fields), want.Fields...)
		slices.Sort(fields)
		c.Form, c.Fields = want.Form, slices.Compact(fields)
	} else {
		want.ID = a.freeID(t.req.Name)
		a.Sheet.Clauses = append(a.Sheet.Clauses, want)
		k = len(a.Sheet.Clauses) - 1
	}
	c := a.Sheet.Clauses[k]
	a.Clauses = append(a.Clauses, Sentence{c.ID, terms.Sentence(c, r.std), want.ID == ""})
}

// widens reports whether a clause becomes one that grants what is wanted and
// nothing else besides what it grants already: it says the same but for its
// fields and form, and has the same form, or a weaker one of these fields only.
func widens(std *standard.Standard, c, want terms.Clause) bool {
	rest := c
	rest.ID, rest.Fields, rest.Form = want.ID, want.Fields, want.Form
	if terms.Strictness(c.TLP) == terms.Strictness(want.TLP) {
		rest.TLP = want.TLP
	}
	if !reflect.DeepEqual(rest, want) {
		return false
	}
	if c.Form == want.Form {
		return true
	}
	for _, path := range c.Fields {
		f, ok := std.Field(path)
		if !ok || !slices.Contains(want.Fields, path) || !std.Weaker(f, c.Form, want.Form) {
			return false
		}
	}
	return true
}

func (a *Amendment) freeID(name string) string {
	taken := func(id string) bool {
		return slices.ContainsFunc(a.Sheet.Clauses, func(c terms.Clause) bool { return c.ID == id })
	}
	id := name
	for n := 2; taken(id); n++ {
		id = fmt.Sprintf("%s-%d", name, n)
	}
	return id
}

// write makes the document: YAML keeps its comments; JSON is written anew.
func (a *Amendment) write(r *row) error {
	if trimmed := bytes.TrimSpace(r.Text); len(trimmed) > 0 && trimmed[0] == '{' {
		var err error
		if a.Text, err = json.MarshalIndent(a.Sheet, "", "  "); err == nil {
			a.Text = append(a.Text, '\n')
		}
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(r.Text, &doc); err != nil || doc.Kind != yaml.DocumentNode {
		doc = yaml.Node{}
	}
	if err := a.edit(&doc); err != nil {
		return err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	a.Text = out.Bytes()
	return enc.Close()
}

// edit brings a document up to the sheet: its version, and the clauses that
// were added or widened. An empty document becomes the sheet.
func (a *Amendment) edit(doc *yaml.Node) error {
	if len(doc.Content) == 0 {
		return doc.Encode(a.Sheet)
	}
	top := doc.Content[0]
	clauses := value(top, "clauses")
	version := value(top, "version")
	if clauses == nil || version == nil {
		return fault.New(fault.Internal, "amend.document", "the sheet's document has no version or clauses")
	}
	version.Value = fmt.Sprint(a.Sheet.Version)
	for i, c := range a.Sheet.Clauses {
		if !slices.ContainsFunc(a.Clauses, func(s Sentence) bool { return s.Clause == c.ID }) {
			continue
		}
		var fresh yaml.Node
		if err := fresh.Encode(c); err != nil {
			return err
		}
		if i >= len(clauses.Content) {
			fresh.HeadComment = "Conceded to a counter-offer."
			clauses.Content = append(clauses.Content, &fresh)
			continue
		}
		for _, key := range []string{"fields", "form"} {
			old, changed := value(clauses.Content[i], key), value(&fresh, key)
			old.Kind, old.Tag, old.Style, old.Value, old.Content = changed.Kind, changed.Tag, changed.Style, changed.Value, changed.Content
		}
	}
	return nil
}

// value finds what stands behind a name of a mapping.
func value(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return nil
}
