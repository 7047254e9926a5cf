package desk

import (
	"bytes"
	"errors"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/concord-trust/concord/edge/collect"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/mapping"
)

type importBody struct {
	Sectors []string
	Limit   int
	Reports int
	Error   string
	Format  string
	Sector  string
	Account *accountView
}

// accountView tells what became of a file.
type accountView struct {
	File               string
	Records, Reports   int
	NotMapped, Invalid []mapping.NotMapped
	Repaired           []mapping.Repaired
	Places             []mapping.Place
	InvalidCount       int
}

// maxListed is how many lines of an account are shown.
const maxListed = 50

func viewAccount(file string, reports int, a *mapping.Account) *accountView {
	v := &accountView{File: file, Records: max(a.Records, reports+a.InvalidCount()), Reports: reports,
		NotMapped: head(a.NotMapped()), Invalid: head(a.InvalidByReason()), Repaired: head(a.Repaired()),
		Places: head(a.Invalid()), InvalidCount: a.InvalidCount()}
	for _, all := range [][]mapping.NotMapped{v.NotMapped, v.Invalid} {
		for i := range all {
			all[i].Reason = atDesk(all[i].Reason)
		}
	}
	return v
}

func head[T any](all []T) []T { return all[:min(len(all), maxListed)] }

func (d *Desk) imports(v visit) error {
	if err := d.contributes(); err != nil {
		return err
	}
	return d.importPage(v, http.StatusOK, importBody{})
}

func (d *Desk) importPage(v visit, status int, b importBody) error {
	b.Sectors, b.Limit, b.Reports = d.Agreement.Member.Sectors, maxUpload>>20, maxReports
	title := "Import cases that you have already"
	if b.Error != "" {
		title = "This file gave no report"
	}
	return d.show(v, status, "import", title, "", b)
}

// errEnough ends the reading of a file that has more than the desk takes.
var errEnough = errors.New("more than the desk takes")

// imported reads a file into a draft.
func (d *Desk) imported(v visit) error {
	if err := d.contributes(); err != nil {
		return err
	}
	b := importBody{Format: v.value("format"), Sector: v.value("sector")}
	file, ok := v.files["file"]
	if !ok || len(file.data) == 0 {
		b.Error = "Choose a file first; it was empty, or none was chosen."
		return d.importPage(v, http.StatusUnprocessableEntity, b)
	}
	options, err := d.importOptions(v, file)
	if err != nil {
		b.Error = sentence(err)
		return d.importPage(v, http.StatusUnprocessableEntity, b)
	}
	dr := &draft{owner: v.session, file: fileName(file.name)}
	held := 0
	var uncovered []mapping.Place
	dr.account, err = collect.Read(v.r.Context(), bytes.NewReader(file.data), dr.file, options, func(c collect.Collected) error {
		if ref := c.Report().Standard; d.Edge.Rules(ref) == nil {
			uncovered = append(uncovered, placeOf(c, "your agreement does not cover the standard "+string(ref)))
			return nil
		}
		for _, s := range c.Report().Statements {
			held += len(s.Value) + len(s.Path)
		}
		for _, o := range c.Report().Observables {
			held += len(o.Value) + len(o.Type)
		}
		if len(dr.reports) >= maxReports || held > maxHeld {
			return errEnough
		}
		dr.reports = append(dr.reports, c)
		return nil
	})
	for _, p := range uncovered {
		dr.account.Refuse(p)
	}
	switch {
	case errors.Is(err, errEnough):
		err = fault.New(fault.TooLarge, "desk.too_many", "the desk takes %d reports at a time; `concord member submit FILE` takes any number", maxReports)
		fallthrough
	case err != nil:
		b.Error = sentence(err)
	case len(dr.reports) == 0:
		b.Error = "No report could be read from it."
		b.Account = viewAccount(dr.file, 0, &dr.account)
	default:
		return d.keep(v, dr)
	}
	return d.importPage(v, http.StatusUnprocessableEntity, b)
}

// placeOf is where a report stood in its file.
func placeOf(c collect.Collected, reason string) mapping.Place {
	p := mapping.Place{Path: "standard", Reason: reason}
	p.File = c.Where()
	if i := strings.LastIndexByte(p.File, ':'); i >= 0 {
		if n, err := strconv.Atoi(p.File[i+1:]); err == nil {
			p.File, p.Line = p.File[:i], n
		}
	}
	return p
}

// inTerminal is how texts for the terminal point to the lists of codes.
var inTerminal = regexp.MustCompile("`concord standard [^`]*`")

// atDesk says for somebody at the desk what was written for the terminal.
func atDesk(text string) string { return inTerminal.ReplaceAllString(text, "the codebook") }

// sentence is an error as a page says it.
func sentence(err error) string {
	f := *fault.Public(err)
	if f.Code == "table.no_map" {
		return "A table needs a mapping file, which says which column is which field: choose it below, under Mapping file. Without one only tables can be read that were written by Concord itself."
	}
	f.Message = atDesk(f.Message)
	if f.Path != "" {
		return f.Error() + "."
	}
	first, size := utf8.DecodeRuneInString(f.Message)
	return string(unicode.ToUpper(first)) + f.Message[size:] + "."
}

// fileName is what of an uploaded name is kept: its last part, short.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if r := []rune(name); len(r) > 100 {
		name = string(r[:100])
	}
	return name
}

func (d *Desk) importOptions(v visit, file upload) (collect.Options, error) {
	o := collect.Options{Format: v.value("format"), Find: d.Standards, Latest: d.Now()}
	if o.Format == "" {
		o.Format = formatOf(file.name)
	}
	sector := v.value("sector")
	if sector != "" && !slices.Contains(d.Agreement.Member.Sectors, sector) {
		return o, fault.New(fault.Invalid, "desk.sector", "your organisation takes part in no such sector")
	}
	o.Standard = d.Edge.StandardFor(sector)
	if m := v.files["map"]; len(m.data) > 0 {
		var err error
		if o.Map, err = mapping.ParseMap(fileName(m.name), m.data); err != nil {
			return o, err
		}
	}
	return o, nil
}

// formatOf guesses a file's format from its name: tables by their ending,
// STIX, MISP or a report if it says so, VERIS otherwise.
func formatOf(name string) string {
	name = strings.TrimSuffix(strings.ToLower(fileName(name)), ".gz")
	switch {
	case strings.HasSuffix(name, ".csv"), strings.HasSuffix(name, ".tsv"):
		return "csv"
	case strings.Contains(name, "stix"):
		return "stix"
	case strings.Contains(name, "misp"):
		return "misp"
	case strings.Contains(name, "report"):
		return "report"
	}
	return "veris"
}
