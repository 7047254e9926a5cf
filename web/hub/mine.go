package hub

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// onlyMine narrows the list of one's own reports by what came of them.
var onlyMine = [][2]string{{"", "all"}, {"joined", "joined with reports of others"}, {"waiting", "not consolidated yet"}}

// formCount is how many statements left in one form.
type formCount struct {
	Number int
	Form   string
}

// contribution is one of the member's own reports as the list shows it.
type contribution struct {
	deliver.ContributionView
	Forms   []formCount
	Day     string
	Receipt string
}

type mineBody struct {
	Items   []contribution
	Joined  int // of the items
	Only    []choice
	Asked   bool
	Looked  int
	Problem string
	Links   links
	// Recalls are shown on the first page.
	Recalls []recalled
}

// Held says that a legal hold keeps keys of what was taken back.
func (b mineBody) Held() bool {
	return slices.ContainsFunc(b.Recalls, func(r recalled) bool { return r.Held > 0 })
}

func (s *Site) mine(v visit) error {
	format, err := v.format()
	if err != nil {
		return err
	}
	only := v.asked("only")
	before, err := strconv.ParseInt("0"+v.asked("before"), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "page.cursor", "this is no page of your contributions; begin at the first")
	}
	p := view{page: "mine", kicker: "My contributions"}
	body := mineBody{Only: chosen(onlyMine, only), Asked: only != "", Links: v.links("")}
	if !offers(onlyMine, only) {
		body.Problem = "choose one of the list"
		p.title, p.status, p.body = "Nothing was looked for: one of the choices cannot be understood", http.StatusBadRequest, body
		return s.show(v, p)
	}
	kept, next, err := s.findMine(v, &body, before, format)
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return writeItems(v.w, "my-contributions", kept, next)
	case "csv":
		v.goOn(next, format)
		return contributionsCSV(v.w, kept)
	}
	for _, c := range kept {
		body.Items = append(body.Items, newContribution(c, v))
		if joined(c) {
			body.Joined++
		}
	}
	body.Links = v.links(next)
	body.Links.Dated = false
	if before == 0 {
		if body.Recalls, err = s.recalls(v); err != nil {
			return err
		}
	}
	p.title, p.body = mineTitle(body, kept), body
	return s.show(v, p)
}

// findMine looks through the member's own reports for those that are asked,
// and returns the cursor of what follows.
func (s *Site) findMine(v visit, b *mineBody, before int64, format string) (kept []deliver.ContributionView, next string, err error) {
	wanted, limit := deliver.PageSize, mostLooked
	if format != "" {
		wanted, limit = mostInFile, mostInFile
	}
	only := v.asked("only")
	for {
		a, err := s.Deliver.Contributions(v.r.Context(), v.viewer, before, min(wanted, limit))
		if err != nil {
			return nil, "", err
		}
		page := a.Body()
		for _, c := range page.Items {
			if only == "" || only == "joined" && joined(c) || only == "waiting" && c.Incident == "" && !c.Destroyed {
				kept = append(kept, c)
			}
		}
		b.Looked += len(page.Items)
		if next = page.Next; next == "" || len(kept) >= wanted || b.Looked >= limit {
			return kept, next, nil
		}
		if before, err = strconv.ParseInt(next, 10, 64); err != nil {
			return nil, "", fmt.Errorf("read the cursor of a member's reports: %w", err)
		}
	}
}

// joined reports whether a report was joined with those of enough others to
// say so.
func joined(c deliver.ContributionView) bool { return strings.HasPrefix(c.Joined, "joined") }

func newContribution(c deliver.ContributionView, v visit) contribution {
	out := contribution{ContributionView: c, Receipt: v.to("/mine/" + string(c.Contribution) + "/receipt.json")}
	out.Day, _, _ = strings.Cut(c.Received, " ")
	for _, form := range slices.Sorted(maps.Keys(c.Forms)) {
		out.Forms = append(out.Forms, formCount{c.Forms[form], form})
	}
	slices.SortStableFunc(out.Forms, func(a, b formCount) int { return b.Number - a.Number })
	return out
}

func mineTitle(b mineBody, kept []deliver.ContributionView) string {
	switch {
	case b.Looked == 0:
		return "Your organisation has contributed nothing yet"
	case len(kept) == 0:
		return fmt.Sprintf("None of the %s looked through is what you ask for", many(b.Looked, "report"))
	case b.Asked:
		return fmt.Sprintf("%s of yours among the %s looked through", upperFirst(many(len(kept), "report")), number(b.Looked))
	}
	which := "You gave " + many(len(kept), "report")
	if b.Links.Next != "" || b.Links.Newer != "" {
		which = many(len(kept), "report") + " of yours"
	}
	return which + ": " + formTotals(kept)
}

// formTotals says in which forms the values of reports left.
func formTotals(kept []deliver.ContributionView) string {
	total := map[string]int{}
	for _, c := range kept {
		for form, n := range c.Forms {
			kind, _, _ := strings.Cut(form, ":")
			total[kind] += n
		}
	}
	parts := []string{number(total["exact"]) + " values left as reported"}
	for _, kind := range [][2]string{{"generalised", "coarsened"}, {"token", "as pseudonyms"}, {"counted", "only to be counted"}} {
		if n := total[kind[0]]; n > 0 {
			parts = append(parts, number(n)+" "+kind[1])
		}
	}
	return look.List(parts)
}

func contributionsCSV(w http.ResponseWriter, kept []deliver.ContributionView) error {
	var rows [][]string
	for _, c := range kept {
		var forms []string
		for _, form := range slices.Sorted(maps.Keys(c.Forms)) {
			forms = append(forms, fmt.Sprintf("%s=%d", form, c.Forms[form]))
		}
		rows = append(rows, []string{string(c.Report), strconv.Itoa(c.Revision), c.Received, c.Sector, string(c.Contribution), string(c.Incident), strings.Join(forms, " "), c.Joined})
	}
	return writeCSV(w, "my-contributions", []string{"report", "revision", "received", "sector", "contribution", "incident", "forms", "joined"}, rows)
}

// receipt hands out the signed receipt of one of the member's contributions.
func (s *Site) receipt(v visit) error {
	a, err := s.Deliver.Receipt(v.r.Context(), v.viewer, wire.ContributionID(v.r.PathValue("contribution")))
	if err != nil {
		return err
	}
	c := a.Body()
	v.w.Header().Set("Content-Type", c.MediaType)
	v.w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(c.Name))
	_, err = v.w.Write(c.Data)
	return err
}
