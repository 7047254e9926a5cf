package hub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/web/look"
	"github.com/concord-trust/concord/wire"
)

// actions are the kinds of action by which a list can be filtered.
var actions = [][2]string{{"", "any"}, {"malware", "malware"}, {"hacking", "hacking"}, {"social", "social engineering"}, {"misuse", "misuse"},
	{"physical", "physical"}, {"error", "error"}, {"environmental", "environmental"}}

// onlySome narrows a list of incidents by how they stand.
var onlySome = [][2]string{{"", "all incidents"}, {"joined", "told by several"}, {"mine", "told by us too"}, {"campaign", "in a campaign"}}

// incidentFilter is what a person asks of the list.
type incidentFilter struct {
	Action, Stake, Only string
	Period              period
}

func (v visit) incidentFilter() (incidentFilter, error) {
	f := incidentFilter{Action: v.asked("action"), Stake: v.asked("stake"), Only: v.asked("only")}
	var err error
	if f.Period, err = v.period(); err != nil {
		return f, err
	}
	switch {
	case !offers(actions, f.Action):
		return f, fault.New(fault.Invalid, "list.action", "there is no such kind of action; choose one of the list")
	case f.Stake != "" && !member.Stake(f.Stake).Valid():
		return f, fault.New(fault.Invalid, "list.stake", "there is no such stake; choose one of the list")
	case !offers(onlySome, f.Only):
		return f, fault.New(fault.Invalid, "list.only", "choose one of the list")
	}
	return f, nil
}

func offers(options [][2]string, value string) bool {
	return slices.ContainsFunc(options, func(o [2]string) bool { return o[0] == value })
}

func (f incidentFilter) keeps(i deliver.IncidentSummary) bool {
	switch f.Only {
	case "joined":
		if i.Sources < 2 {
			return false
		}
	case "mine":
		if !i.Mine {
			return false
		}
	case "campaign":
		if len(i.Campaigns) == 0 {
			return false
		}
	}
	return (f.Action == "" || slices.Contains(i.Actions, f.Action)) && (f.Stake == "" || slices.Contains(i.Stakes, f.Stake)) && f.Period.holds(i.Date)
}

// words says the filter after "incidents".
func (f incidentFilter) words() string {
	s := ""
	if f.Action != "" {
		s += " of " + actionName(f.Action)
	}
	if f.Stake != "" {
		s += " told by " + stakeName(f.Stake)
	}
	return s + f.Period.words()
}

func stakeChoices() [][2]string {
	out := [][2]string{{"", "anybody"}}
	for _, st := range member.Stakes() {
		out = append(out, [2]string{string(st), stakeName(st)})
	}
	return out
}

// How far one answer looks through the record.
const (
	// mostLooked bounds the incidents looked through for a page.
	mostLooked = 500
	// mostInFile bounds the incidents of one downloaded file.
	mostInFile = deliver.FileSize
)

// found is what a look through the incidents brought.
type found struct {
	items  []deliver.IncidentSummary
	looked int
	next   string
}

// find looks through a sector's incidents from the newest, or from a cursor,
// for at least as many as wanted that the filter keeps.
func (s *Site) find(v visit, sector string, f incidentFilter, wanted, limit int) (found, error) {
	out := found{next: v.asked("before")}
	for {
		a, err := s.Deliver.Incidents(v.r.Context(), v.viewer, sector, out.next, min(wanted, limit))
		if err != nil {
			return found{}, err
		}
		page := a.Body()
		for _, i := range page.Items {
			if f.keeps(i) {
				out.items = append(out.items, i)
			}
		}
		out.looked += len(page.Items)
		out.next = page.Next
		if out.next == "" || len(out.items) >= wanted || out.looked >= limit {
			return out, nil
		}
	}
}

// incidentLine is an incident as the list shows it.
type incidentLine struct {
	deliver.IncidentSummary
	What string
}

type incidentsBody struct {
	Sector  deliver.Sector
	Items   []incidentLine
	Filter  incidentFilter
	Actions []choice
	Stakes  []choice
	Only    []choice
	Looked  int
	Problem string
	Purpose string
	Links   links
}

func (s *Site) incidents(v visit) error {
	sector, err := s.sector(v)
	if err != nil {
		return err
	}
	format, err := v.format()
	if err != nil {
		return err
	}
	f, err := v.incidentFilter()
	if err != nil && format != "" {
		return err
	}
	body := incidentsBody{Sector: sector, Filter: f, Purpose: string(v.viewer.Purpose), Links: v.links(""), Actions: chosen(actions, f.Action), Stakes: chosen(stakeChoices(), f.Stake), Only: chosen(onlySome, f.Only)}
	p := view{page: "incidents", kicker: "Incidents, the newest report first", sector: sector.Name}
	if err != nil { // what was typed stays in the form
		body.Problem = fault.Public(err).Message
		p.title, p.status, p.body = "Nothing was looked for: one of the choices cannot be understood", http.StatusBadRequest, body
		return s.show(v, p)
	}
	if format != "" {
		return s.incidentsFile(v, sector, f, format)
	}
	got, err := s.find(v, sector.Name, f, deliver.PageSize, mostLooked)
	if err != nil {
		return err
	}
	for _, i := range got.items {
		body.Items = append(body.Items, incidentLine{i, whatHappened(i)})
	}
	body.Looked, body.Links = got.looked, v.links(got.next)
	p.title, p.body = incidentsTitle(got, f, v.asked("before") != ""), body
	return s.show(v, p)
}

// incidentsTitle says what the list found.
func incidentsTitle(got found, f incidentFilter, later bool) string {
	if len(got.items) == 0 {
		if got.looked == 0 {
			return "No incident of this sector may be shown to you yet"
		}
		return fmt.Sprintf("None of the %s incidents looked through is what you ask for", number(got.looked))
	}
	joined := 0
	for _, i := range got.items {
		if i.Sources > 1 {
			joined++
		}
	}
	noun := many(len(got.items), "incident")
	told := number(joined) + " are"
	switch joined {
	case 0:
		told = "none is"
	case 1:
		told = "1 is"
	}
	switch {
	case f.Only == "joined":
		return noun + f.words() + ", each told by more than one report"
	case f == (incidentFilter{}) && got.next != "" && !later:
		return fmt.Sprintf("Of the %s newest incidents, %s told by more than one report", number(len(got.items)), told)
	}
	return fmt.Sprintf("%s%s; %s told by more than one report", noun, f.words(), told)
}

func (s *Site) incidentsFile(v visit, sector deliver.Sector, f incidentFilter, format string) error {
	got, err := s.find(v, sector.Name, f, mostInFile, mostInFile)
	if err != nil {
		return err
	}
	name := sector.Name + "-incidents"
	v.goOn(got.next, format)
	if format == "json" {
		return writeItems(v.w, name, got.items, got.next)
	}
	var rows [][]string
	for _, i := range got.items {
		rows = append(rows, []string{string(i.ID), i.Date, strings.Join(i.Actions, " "), fmt.Sprint(i.Sources), strings.Join(i.Stakes, " "),
			fmt.Sprint(i.Mine), join(i.Campaigns)})
	}
	return writeCSV(v.w, name, []string{"incident", "date", "actions", "reports", "stakes", "mine", "campaigns"}, rows)
}

func join(ids []wire.CampaignID) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return strings.Join(out, " ")
}

// actionName is how a sentence calls a kind of action.
func actionName(code string) string {
	for _, a := range actions {
		if a[0] == code {
			return a[1]
		}
	}
	return code
}

// whatHappened names an incident's actions, to begin a line with.
func whatHappened(i deliver.IncidentSummary) string {
	if len(i.Actions) == 0 {
		return "Incident of a kind that is not known or withheld"
	}
	names := make([]string, len(i.Actions))
	for n, a := range i.Actions {
		names[n] = actionName(a)
	}
	return upperFirst(look.List(names))
}
