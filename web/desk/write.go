package desk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
)

type writeBody struct {
	Draft, Native string
	Sector        string
	Sectors       []string
	Standard      standard.Ref
	Sheet         string
	Codebook      string
	Errors        []fieldError
	NativeErrors  []string
	Sections      []section
	Lists         []suggestions
	Observables   observableForm
}

// fieldError leads from the top of the form to the input.
type fieldError struct{ Name, Title, Message string }

// contributes refuses where the agreement has no terms for contributing.
func (d *Desk) contributes() error {
	if d.Agreement.Terms == nil {
		return fault.New(fault.Forbidden, "agreement.receives_only", "the agreement has no terms for contributing; `concord member join` agrees on a sheet")
	}
	return nil
}

// sector is the standard and the rules for a sector of the member's; "" is
// its first.
func (d *Desk) sector(name string) (string, *standard.Standard, *terms.Rules, error) {
	if err := d.contributes(); err != nil {
		return "", nil, nil, err
	}
	if name == "" {
		name = d.Agreement.Member.Sectors[0]
	}
	ref, ok := d.Agreement.Standards[name]
	if !ok {
		return "", nil, nil, fault.New(fault.Invalid, "desk.sector", "your organisation takes part in no such sector; it has %s", strings.Join(d.Agreement.Member.Sectors, ", "))
	}
	std, err := d.Standards(ref)
	if err != nil {
		return "", nil, nil, err
	}
	rules := d.Edge.Rules(ref)
	if rules == nil {
		return "", nil, nil, fault.New(fault.Forbidden, "report.other_standard", "your agreement does not cover the standard %s", ref)
	}
	return name, std, rules, nil
}

func (d *Desk) write(v visit) error {
	return d.form(v, http.StatusOK, newTyped(v.r.URL.Query().Get("sector")), "")
}

// change shows the form again with what was typed.
func (d *Desk) change(v visit) error {
	dr, err := d.drafts.get(v.r.PathValue("id"), v.session, d.Now())
	if err != nil {
		return err
	}
	_, t := dr.content()
	if t == nil || dr.outcome() != nil {
		return fault.New(fault.NotFound, "desk.not_written", "this was imported, or is sent already; it cannot be changed here")
	}
	return d.form(v, http.StatusOK, t, dr.id)
}

func (d *Desk) form(v visit, status int, t *typed, draftID string) error {
	asked := *t // a draft's stays as it is: somebody else may look at it
	asked.latest = d.Now()
	t = &asked
	name, std, rules, err := d.sector(t.sector)
	if err != nil {
		return err
	}
	b := writeBody{Draft: draftID, Sector: name, Sectors: d.Agreement.Member.Sectors, Standard: std.Ref(),
		Sheet: rules.Sheet().Name, Codebook: d.Hub + "/v1/standards/" + string(std.Ref()), Errors: t.listed(std), NativeErrors: t.errors[nativeName], Observables: observablesOf(std, t)}
	b.Sections, b.Lists = formOf(std, rules, t)
	if !strings.HasPrefix(t.native, ownNative) {
		b.Native = t.native
	}
	title := "Write a report; nothing leaves before you have seen what would"
	if n := len(b.Errors); n > 0 {
		title = many(n, "thing") + " to mend; what you typed is still here"
	}
	return d.show(v, status, "write", title, "Sector "+name+", standard "+string(std.Ref()), b)
}

// listed puts the errors in the order of the form.
func (t *typed) listed(std *standard.Standard) []fieldError {
	names := make([]string, 0, len(t.errors))
	for name := range t.errors {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []fieldError
	for _, name := range names {
		for _, message := range t.errors[name] {
			all = append(all, fieldError{name, titleOf(std, name), message})
		}
	}
	return all
}

// titleOf calls an input as the form does.
func titleOf(std *standard.Standard, name string) string {
	switch {
	case name == "":
		return ""
	case name == nativeName:
		return "Case number"
	case name == linesName:
		return "Observables, one a line"
	}
	if row, ok := rowOf(name, "observables"); ok {
		return fmt.Sprintf("Observable %d", row+1)
	}
	path, row := name, ""
	if before, after, ok := strings.Cut(name, "["); ok {
		n, rest, _ := strings.Cut(after, "]")
		path, row = before+rest, n
	}
	title := path
	if f, ok := std.Field(path); ok {
		title = f.Title
	}
	if n, ok := rowOf(name, strings.SplitN(name, "[", 2)[0]); ok && row != "" {
		title += fmt.Sprintf(" (row %d)", n+1)
	}
	return title
}

// ownNative begins the ids of reports for which no case number was given.
const ownNative = "desk-"

// written takes the form: further rows or fields, or a draft and its preview.
func (d *Desk) written(v visit) error {
	t := typedFrom(url.Values(v.form))
	t.latest = d.Now()
	does, what, _ := strings.Cut(v.value(doName), ":")
	switch does {
	case "more":
		t.extra[what] = 2
		return d.form(v, http.StatusOK, t, v.value(draftName))
	case "open":
		t.values[openName] = append(t.values[openName], what)
		return d.form(v, http.StatusOK, t, v.value(draftName))
	}
	name, std, _, err := d.sector(t.sector)
	if err != nil {
		return err
	}
	t.sector = name
	if old, err := d.drafts.get(v.value(draftName), v.session, d.Now()); err == nil && t.native == "" {
		// Changed, it is the same report still.
		if _, was := old.content(); was != nil && strings.HasPrefix(was.native, ownNative) {
			t.native = was.native
		}
	}
	if t.native == "" {
		id, err := d.draw()
		if err != nil {
			return err
		}
		t.native = ownNative + id
	}
	r, ok := t.report(std)
	if !ok {
		t.native = v.value(nativeName)
		return d.form(v, http.StatusUnprocessableEntity, t, v.value(draftName))
	}
	c, err := t.collected(v.r.Context(), std, r, d.Standards)
	if err != nil {
		return err
	}
	dr := &draft{owner: v.session, reports: []collect.Collected{c}, typed: t}
	for _, f := range std.Fields() {
		if f.Requirement == standard.Required && r.Value(f.Path) == "" {
			dr.missing = append(dr.missing, f)
		}
	}
	d.drafts.drop(v.value(draftName), v.session)
	return d.keep(v, dr)
}

// keep puts a draft into memory and leads to its preview.
func (d *Desk) keep(v visit, dr *draft) error {
	var err error
	if dr.id, err = d.draw(); err != nil {
		return err
	}
	d.drafts.put(dr, d.Now())
	return d.redirect(v, "/drafts/"+dr.id)
}
