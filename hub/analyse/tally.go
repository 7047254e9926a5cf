package analyse

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// telling is what may be counted of one incident for one stake: all its
// sources together, each category once, with who told it.
type telling struct {
	date  string // the most precise "2025-03…" told
	dated heard
	by    map[string]map[string]heard // dimension → category → who told it
	// losses by currency; of several amounts told in one the largest stands.
	losses map[string]*loss
	any    bool // anything was told
}

// heard is something that was told: by whom, and how many owner groups must
// stand behind a figure that it enters, as those ask who told it.
type heard struct {
	voices
	least int
}

func (h *heard) add(from source, least int) {
	if h.voices == nil {
		h.voices = voices{}
	}
	h.voices.add(from.contributor, from.reporter)
	h.least = max(h.least, least)
}

// counting decides whether a path may be counted, and how many owner groups
// must then stand behind a figure.
type counting func(path string) (least int, ok bool)

// Dimensions of which an incident has one category at most.
const (
	discovery   = "time-to-discover"
	containment = "time-to-contain"
)

func newTelling() *telling {
	return &telling{by: map[string]map[string]heard{}, losses: map[string]*loss{}}
}

// source is one report that tells: for whom it counts, and who sent it.
type source struct {
	std                   *standard.Standard
	contributor, reporter string
}

// hear adds one report, as far as counts allows.
func (t *telling) hear(from source, m report.Minimised, counts counting) {
	for _, s := range m.Said {
		if s.Form.Kind == standard.Token || s.Form.Kind == standard.Sealed {
			continue
		}
		least, ok := counts(s.Path)
		if !ok {
			continue
		}
		t.any = true
		switch {
		case s.Path == "timeline.incident":
			t.dates(from, least, s.Value)
		case strings.HasPrefix(s.Path, "action."):
			kind, _, _ := strings.Cut(strings.TrimPrefix(s.Path, "action."), ".")
			t.put(from, least, "action", kind)
		case strings.HasPrefix(s.Path, "actor."):
			kind, _, _ := strings.Cut(strings.TrimPrefix(s.Path, "actor."), ".")
			t.put(from, least, "actor", kind)
		case s.Path == "asset.assets.variety":
			if class, err := from.std.Generalise(field(from.std, s.Path), "class", s.Value); err == nil && class != standard.Any {
				t.put(from, least, "asset", class)
			}
		case s.Path == "victim.industry":
			if s.Value != standard.Any {
				t.put(from, least, "industry", s.Value[:min(2, len(s.Value))])
			}
		case s.Path == "timeline.discovery.unit":
			t.put(from, least, discovery, s.Value)
		case s.Path == "timeline.containment.unit":
			t.put(from, least, containment, s.Value)
		case s.Path == "impact.overall_amount":
			if v, ok := amountOf(s.Value); ok {
				currency, also := currencyOf(m, counts)
				t.lose(from, max(least, also), currency, v)
			}
		}
	}
}

// dates keeps the finest date, of several the earliest, whoever told first.
func (t *telling) dates(from source, least int, date string) {
	if quarter(date) == "" {
		return
	}
	t.dated.add(from, least)
	if t.date == "" || fineness(date) > fineness(t.date) || fineness(date) == fineness(t.date) && date < t.date {
		t.date = date
	}
}

// fineness of a date that has a quarter: a quarter is as long as a month when
// written, and tells less.
func fineness(date string) int {
	if date[5] == 'Q' {
		return 0
	}
	return len(date)
}

// field finds a field that the standard is known to have.
func field(std *standard.Standard, path string) standard.Field {
	f, _ := std.Field(path)
	return f
}

func (t *telling) put(from source, least int, dim, category string) {
	if category == "" || category == "unknown" {
		return
	}
	if t.by[dim] == nil {
		t.by[dim] = map[string]heard{}
	}
	h := t.by[dim][category]
	h.add(from, least)
	t.by[dim][category] = h
}

// one is the category of a dimension in which an incident has one: of several
// that its sources told, the last in order.
func (t *telling) one(dim string, names [][2]string) (string, heard) {
	for _, n := range slices.Backward(names) {
		if by, ok := t.by[dim][n[0]]; ok {
			return n[0], by
		}
	}
	return "", heard{}
}

// tally gathers tellings by stake into raw tables.
type tally struct {
	sector    string
	minimum   int // owner groups behind a figure
	now       time.Time
	reporting map[string]voices
	told      map[member.Stake][]*telling
}

func newTally(sector string, minimum int, now time.Time) *tally {
	return &tally{sector: sector, minimum: minimum, now: now, reporting: map[string]voices{}, told: map[member.Stake][]*telling{}}
}

func (t *tally) reported(s member.Stake, contributor, reporter string) {
	if t.reporting[string(s)] == nil {
		t.reporting[string(s)] = voices{}
	}
	t.reporting[string(s)].add(contributor, reporter)
}

func (t *tally) add(s member.Stake, one *telling) {
	if one.any {
		t.told[s] = append(t.told[s], one)
	}
}

// span is how many quarters back the tables by time reach.
const span = 8

// least is how many owner groups must have told of a category that gets a line
// of its own: one more than the minimum, so that the line's total may be told
// to any of them.
func (t *tally) least() int { return t.minimum + 1 }

// crowd is who told of a category, over all incidents.
type crowd struct {
	groups map[string]bool
	least  int
}

func (c *crowd) join(by heard) {
	if c.groups == nil {
		c.groups = map[string]bool{}
	}
	for g := range by.voices {
		c.groups[g] = true
	}
	c.least = max(c.least, by.least)
}

// enough reports whether a category of which they told gets a line of its own.
func (t *tally) enough(c *crowd) bool { return len(c.groups) >= max(t.least(), c.least+1) }

// crowdOf is the one of a name, which is made if there is none.
func crowdOf(all map[string]*crowd, name string) *crowd {
	if all[name] == nil {
		all[name] = &crowd{}
	}
	return all[name]
}

func (t *tally) snapshot() Snapshot {
	s := Snapshot{Sector: t.sector, reporting: t.reporting, byStake: map[string][]rawTable{}}
	for stake, told := range t.told {
		quarters := quartersUpTo(t.lastQuarter(told))
		months := t.monthsOf(quarters)
		from, to := months[0], months[len(months)-1]
		currency := t.currency(told)
		if s.From == "" || from < s.From {
			s.From = from
		}
		s.To = max(s.To, to)
		categories := func(dim string) func(*telling) map[string]heard {
			return func(x *telling) map[string]heard { return x.by[dim] }
		}
		s.byStake[string(stake)] = []rawTable{
			t.byQuarter("action-by-quarter", "Incidents by kind of action and quarter", "action", actionNames, told, quarters),
			t.byQuarter("actor-by-quarter", "Incidents by kind of actor and quarter", "actor", actorNames, told, quarters),
			t.single("asset", "Assets affected", told, assetNames, categories("asset")),
			t.single("industry", "Industries of victims", told, industryNames, categories("industry")),
			byMonth(told, months),
			ordered(discovery, "Time from compromise to discovery", told, timeUnits, func(x *telling) (string, heard) { return x.one(discovery, timeUnits) }),
			ordered(containment, "Time from discovery to containment", told, timeUnits, func(x *telling) (string, heard) { return x.one(containment, timeUnits) }),
			losses(told, currency),
			t.lossByAction(told, currency),
		}
	}
	return s
}

// lastQuarter is the newest quarter that has begun and of which enough owner
// groups told. One report with a mistyped date moves no table, and no table
// tells the date of one report.
func (t *tally) lastQuarter(told []*telling) string {
	now := quarter(t.now.Format("2006-01"))
	behind := map[string]*crowd{}
	for _, x := range told {
		if q := quarter(x.date); q != "" && q <= now {
			crowdOf(behind, q).join(x.dated)
		}
	}
	last := ""
	for q, c := range behind {
		if t.enough(c) {
			last = max(last, q)
		}
	}
	return cmp.Or(last, now)
}

// monthsOf lists the months of quarters that have begun.
func (t *tally) monthsOf(quarters []string) []string {
	var all []string
	for _, q := range quarters {
		for n := range 3 {
			m := fmt.Sprintf("%s-%02d", q[:4], 3*int(q[6]-'0')-2+n)
			if m <= t.now.Format("2006-01") {
				all = append(all, m)
			}
		}
	}
	return all
}

// quarter of "2025-03…", or "".
func quarter(date string) string {
	if len(date) < 7 || date[4] != '-' {
		return ""
	}
	if date[5] == 'Q' {
		return date[:7]
	}
	m, err := strconv.Atoi(date[5:7])
	if err != nil || m < 1 || m > 12 {
		return ""
	}
	return fmt.Sprintf("%s-Q%d", date[:4], (m-1)/3+1)
}

// quartersUpTo lists span quarters, ending with the one given.
func quartersUpTo(last string) []string {
	y, _ := strconv.Atoi(last[:4])
	q := int(last[6] - '0')
	out := make([]string, span)
	for i := span - 1; i >= 0; i-- {
		out[i] = fmt.Sprintf("%04d-Q%d", y, q)
		if q--; q == 0 {
			y, q = y-1, 4
		}
	}
	return out
}

// Names of categories, in the order of display.
var (
	actionNames = [][2]string{{"malware", "Malware"}, {"hacking", "Hacking"}, {"social", "Social engineering"}, {"misuse", "Misuse"},
		{"physical", "Physical"}, {"error", "Error"}, {"environmental", "Environmental"}}
	actorNames = [][2]string{{"external", "External"}, {"internal", "Internal"}, {"partner", "Partner"}}
	assetNames = [][2]string{{"Server", "Servers"}, {"User device", "User devices"}, {"Person", "People"}, {"Media", "Media"}, {"Network", "Networks"},
		{"Public terminal", "Kiosks and terminals"}, {"Embedded system", "Embedded systems"}}
	timeUnits = [][2]string{{"Seconds", "seconds"}, {"Minutes", "minutes"}, {"Hours", "hours"}, {"Days", "days"},
		{"Weeks", "weeks"}, {"Months", "months"}, {"Years", "years"}, {"Never", "never"}}
	lossBands = [][2]string{{"0", "below 1 000"}, {"1000", "1 000 – 10 000"}, {"10000", "10 000 – 100 000"},
		{"100000", "100 000 – 1 million"}, {"1000000", "1 – 10 million"}, {"10000000", "10 million and more"}}
	industryNames = [][2]string{{"11", "Agriculture"}, {"21", "Mining"}, {"22", "Utilities"}, {"23", "Construction"}, {"31", "Manufacturing"},
		{"32", "Manufacturing (chemicals, paper)"}, {"33", "Manufacturing (metal, machines)"}, {"42", "Wholesale"}, {"44", "Retail"}, {"45", "Retail (general)"},
		{"48", "Transport"}, {"49", "Post and warehousing"}, {"51", "Information"}, {"52", "Finance and insurance"}, {"53", "Real estate"},
		{"54", "Professional services"}, {"55", "Management"}, {"56", "Administrative services"}, {"61", "Education"}, {"62", "Health care"},
		{"71", "Entertainment"}, {"72", "Accommodation and food"}, {"81", "Other services"}, {"92", "Public administration"}}
)

// Other collects the categories behind which too few owner groups stand for
// any figure.
const Other = "other"

// foldRare keeps the named categories that enough owner groups told of; the
// rest, and unnamed ones, fall under Other.
func (t *tally) foldRare(names [][2]string, told []*telling, of func(*telling) map[string]heard) (Dimension, func(string) int) {
	crowds := map[string]*crowd{}
	for _, x := range told {
		for c, by := range of(x) {
			crowdOf(crowds, c).join(by)
		}
	}
	var d Dimension
	index := map[string]int{}
	for _, n := range names {
		if c := crowds[n[0]]; c != nil && t.enough(c) {
			index[n[0]] = len(d.Categories)
			d.Categories = append(d.Categories, n[0])
			d.Labels = append(d.Labels, n[1])
		}
	}
	if len(crowds) > len(index) {
		d.Categories = append(d.Categories, Other)
		d.Labels = append(d.Labels, "Other and rare")
	}
	return d, func(c string) int {
		if i, ok := index[c]; ok {
			return i
		}
		return len(d.Categories) - 1
	}
}

func (t *tally) byQuarter(name, title, dim string, names [][2]string, told []*telling, quarters []string) rawTable {
	of := func(x *telling) map[string]heard {
		if !slices.Contains(quarters, quarter(x.date)) {
			return nil
		}
		return x.by[dim]
	}
	rows, row := t.foldRare(names, told, of)
	rows.Name, rows.Title = dim, strings.ToUpper(dim[:1])+dim[1:]
	raw := rawTable{Name: name, Title: title, Counts: "incidents", Measure: countIncidents,
		Dimensions: []Dimension{rows, {Name: "quarter", Title: "Quarter", Categories: quarters, Labels: quarters}}}
	raw.Cells = make([]rawCell, len(rows.Categories)*len(quarters))
	undated := 0
	for _, x := range told {
		q := slices.Index(quarters, quarter(x.date))
		if q < 0 {
			undated++
			continue
		}
		once(of(x), row, func(i int, by heard) {
			cell := &raw.Cells[i*len(quarters)+q]
			cell.count(by.voices)
			cell.ask(by.least, x.dated.least)
		})
	}
	if undated > 0 {
		raw.Missing = "incidents before or after the quarters shown, or whose quarter is not known or may not be counted"
	}
	return raw
}

func (t *tally) single(name, title string, told []*telling, names [][2]string, of func(*telling) map[string]heard) rawTable {
	d, row := t.foldRare(names, told, of)
	d.Name, d.Title = name, title
	raw := rawTable{Name: name, Title: title, Counts: "incidents", Measure: countIncidents, Dimensions: []Dimension{d}, Cells: make([]rawCell, len(d.Categories))}
	for _, x := range told {
		if len(of(x)) == 0 {
			raw.Missing = unknownOrWithheld
		}
		once(of(x), row, func(i int, by heard) {
			raw.Cells[i].count(by.voices)
			raw.Cells[i].ask(by.least)
		})
	}
	return raw
}

const unknownOrWithheld = "incidents of which this is not known or may not be counted"

// once calls f for each category index of an incident, each index once, with
// all who told of it.
func once(categories map[string]heard, row func(string) int, f func(int, heard)) {
	all := map[int]heard{}
	for c, by := range categories {
		both := heard{voices{}, max(by.least, all[row(c)].least)}
		for _, some := range []heard{all[row(c)], by} {
			for g, reporters := range some.voices {
				for r := range reporters {
					both.voices.add(g, r)
				}
			}
		}
		all[row(c)] = both
	}
	for _, i := range slices.Sorted(maps.Keys(all)) {
		f(i, all[i])
	}
}

// ordered is a table over categories with an order, none folded.
func ordered(name, title string, told []*telling, names [][2]string, of func(*telling) (string, heard)) rawTable {
	d := Dimension{Name: name, Title: title}
	for _, n := range names {
		d.Categories = append(d.Categories, n[0])
		d.Labels = append(d.Labels, n[1])
	}
	raw := rawTable{Name: name, Title: title, Counts: "incidents", Measure: countIncidents, Dimensions: []Dimension{d}, Cells: make([]rawCell, len(names))}
	for _, x := range told {
		category, by := of(x)
		if i := slices.Index(d.Categories, category); i >= 0 {
			raw.Cells[i].count(by.voices)
			raw.Cells[i].ask(by.least)
		} else {
			raw.Missing = unknownOrWithheld
		}
	}
	return raw
}

// byMonth covers the months of the quarters of the other tables, as far as they
// have begun. A quarter of months is a run: the other tables tell, or nearly,
// what it holds together.
func byMonth(told []*telling, months []string) rawTable {
	d := Dimension{Name: "month", Title: "Month", Categories: months, Labels: months}
	raw := rawTable{Name: "month", Title: "Incidents by month", Counts: "incidents", Measure: countIncidents, Dimensions: []Dimension{d}, Cells: make([]rawCell, len(d.Categories)),
		Runs: 3, Missing: "incidents whose month is not known or may not be counted"}
	for _, x := range told {
		if len(x.date) < 7 {
			continue
		}
		if i := slices.Index(d.Categories, x.date[:7]); i >= 0 {
			raw.Cells[i].count(x.dated.voices)
			raw.Cells[i].ask(x.dated.least)
		}
	}
	return raw
}

// stored is the encoding of a snapshot in the hub's own store.
type stored struct {
	ID        string                         `json:"id"`
	Sector    string                         `json:"sector"`
	Taken     time.Time                      `json:"taken"`
	Cursor    int64                          `json:"cursor"`
	Mark      string                         `json:"mark,omitzero"`
	Until     time.Time                      `json:"until,omitzero"`
	From      string                         `json:"from"`
	To        string                         `json:"to"`
	Reporters map[string]map[string][]string `json:"reporters"` // stake → contributor → who reported it
	ByStake   map[string][]rawTable          `json:"by_stake"`
}

func encode(s Snapshot) ([]byte, error) {
	st := stored{s.ID, s.Sector, s.Taken, s.Cursor, s.mark, s.until, s.From, s.To, map[string]map[string][]string{}, s.byStake}
	for stake, all := range s.reporting {
		st.Reporters[stake] = map[string][]string{}
		for g, reporters := range all {
			st.Reporters[stake][g] = slices.Sorted(maps.Keys(reporters))
		}
	}
	b, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("encode a snapshot: %w", err)
	}
	return b, nil
}

func decode(data []byte) (Snapshot, error) {
	var st stored
	if err := json.Unmarshal(data, &st); err != nil {
		return Snapshot{}, fmt.Errorf("decode a snapshot: %w", err)
	}
	s := Snapshot{ID: st.ID, Sector: st.Sector, Taken: st.Taken, Cursor: st.Cursor, mark: st.Mark, until: st.Until, From: st.From, To: st.To,
		reporting: map[string]voices{}, byStake: st.ByStake}
	for stake, all := range st.Reporters {
		s.reporting[stake] = voices{}
		for g, reporters := range all {
			for _, r := range reporters {
				s.reporting[stake].add(g, r)
			}
		}
	}
	return s, nil
}
