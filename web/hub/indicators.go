package hub

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
)

type indicatorsBody struct {
	Sector  deliver.Sector
	Items   []deliver.IndicatorRow
	Types   []choice
	Seen    []choice
	Period  period
	Asked   bool
	All     int // before the filter
	Found   int
	From    int // number of the first item shown
	Problem string
	Links   links
	// Command fetches the very same list.
	Command, Purpose string
}

// indicators shows the feed: what it holds, and how a machine fetches it.
func (s *Site) indicators(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	a, err := s.Deliver.Indicators(v.r.Context(), v.viewer, sector.Name)
	if err != nil {
		return err
	}
	all := slices.Clone(a.Body())
	typ, seen := v.asked("type"), v.asked("seen")
	types := typesOf(all)
	within, problem := v.period()
	page, err := strconv.Atoi("0" + v.asked("page"))
	switch {
	case problem != nil:
	case !offers(types, typ):
		problem = fault.New(fault.Invalid, "list.type", "there is no such type among these indicators; choose one of the list")
	case !offers(seenBy, seen), err != nil:
		problem = fault.New(fault.Invalid, "list.seen", "choose one of the list")
	}
	body := indicatorsBody{Sector: sector, Types: chosen(types, typ), Seen: chosen(seenBy, seen), Period: within, All: len(all),
		Asked: typ != "" || seen != "" || within != period{}, Links: v.links(""), Purpose: string(v.viewer.Purpose),
		Command: fmt.Sprintf("concord member get \"/feeds/indicators.csv?sector=%s&for=%s\" > indicators.csv", sector.Name, v.viewer.Purpose)}
	p := view{page: "indicators", kicker: "Indicators", sector: sector.Name}
	if problem != nil {
		if format != "" {
			return problem
		}
		body.Problem = fault.Public(problem).Message
		p.title, p.status, p.body = "Nothing was looked for: one of the choices cannot be understood", http.StatusBadRequest, body
		return s.show(v, p)
	}
	kept := slices.DeleteFunc(all, func(i deliver.IndicatorRow) bool {
		return typ != "" && i.Type != typ || seen != "" && !manyGroups(i.Members) || !within.holds(i.LastSeen)
	})
	slices.SortStableFunc(kept, func(a, b deliver.IndicatorRow) int { return cmp.Compare(b.LastSeen, a.LastSeen) })
	switch format {
	case "json":
		return writeItems(v.w, sector.Name+"-indicators", kept, "")
	case "csv":
		return indicatorsCSV(v.w, sector.Name, kept)
	}
	body.turnTo(v, page, kept)
	p.title, p.body = indicatorsTitle(body, kept), body
	return s.show(v, p)
}

// turnTo puts one page of the indicators into the body.
func (b *indicatorsBody) turnTo(v visit, page int, kept []deliver.IndicatorRow) {
	page = max(page, 1)
	b.Found = len(kept)
	b.From = (min(page, b.Found/deliver.PageSize+1) - 1) * deliver.PageSize
	end := min(b.From+deliver.PageSize, len(kept))
	b.Items = kept[b.From:end]
	if end < len(kept) {
		b.Links.Next = v.with("page", strconv.Itoa(page+1))
	}
	if page > 1 {
		b.Links.Newer = v.with("page", "")
	}
}

func indicatorsTitle(b indicatorsBody, kept []deliver.IndicatorRow) string {
	switch {
	case b.All == 0:
		return fmt.Sprintf("No contributor lets you have indicators to %s yet", b.Purpose)
	case len(kept) == 0:
		return fmt.Sprintf("None of the %s indicators is what you ask for", number(b.All))
	}
	wide := 0
	for _, i := range kept {
		if manyGroups(i.Members) {
			wide++
		}
	}
	by := number(wide) + " of them"
	switch wide {
	case 0:
		by = "none of them"
	case len(kept):
		by = "each"
	}
	return fmt.Sprintf("%s to %s with%s, %s seen by at least 5 other owner groups", many(len(kept), "indicator"), b.Purpose, b.Period.words(), by)
}

// typesOf lists the types among indicators, for choosing.
func typesOf(all []deliver.IndicatorRow) [][2]string {
	out := [][2]string{{"", "all types"}}
	for _, i := range all { // they come in order of type
		if !offers(out, i.Type) {
			out = append(out, [2]string{i.Type, i.Type})
		}
	}
	return out
}

func indicatorsCSV(w http.ResponseWriter, sector string, kept []deliver.IndicatorRow) error {
	rows := make([][]string, len(kept))
	for n, i := range kept {
		rows[n] = []string{i.Value, i.Type, i.LastSeen, i.Members, i.TLP, i.PAP, i.DeleteBy}
	}
	return writeCSV(w, sector+"-indicators", []string{"value", "type", "last_seen", "members", "tlp", "pap", "delete_by"}, rows)
}
