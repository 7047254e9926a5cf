package collect

import (
	"bufio"
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// daysOf makes a range of days of a canonical date.
func daysOf(t *testing.T, kind linkage.DateKind, date string) linkage.Dates {
	t.Helper()
	layout := "2006-01-02"[:min(len(date), 10)]
	first, err := time.Parse(layout, date[:len(layout)])
	if err != nil {
		t.Fatal(err)
	}
	last := first
	switch len(layout) {
	case 4:
		last = first.AddDate(1, 0, -1)
	case 7:
		last = first.AddDate(0, 1, -1)
	}
	return linkage.Dates{Kind: kind, First: int32(first.Unix() / 86400), Last: int32(last.Unix() / 86400)}
}

// factOf is what a hub would know of a report under the usual terms: the
// victim's token, dates, the number of records in half decades, actions.
func factOf(t *testing.T, number int, sources uint32, prefix string, r report.Report) linkage.Fact {
	t.Helper()
	f := linkage.Fact{Report: int64(number)}
	f.Victim, _ = observable.Canonical(observable.Organisation, r.Value("victim.victim_id"))
	h := fnv.New32a()
	h.Write([]byte(f.Victim))
	f.Source = prefix + strconv.Itoa(int(h.Sum32()%sources)) // a victim keeps its reporter
	for path, kind := range map[string]linkage.DateKind{"timeline.incident": linkage.Occurred, "timeline.discovered": linkage.Discovered, "timeline.notification": linkage.Notified} {
		if date := r.Value(path); date != "" {
			f.Dates = append(f.Dates, daysOf(t, kind, date))
		}
	}
	slices.SortFunc(f.Dates, func(a, b linkage.Dates) int { return int(a.Kind) - int(b.Kind) })
	if n, err := strconv.ParseFloat(r.Value("attribute.confidentiality.data_total"), 64); err == nil && n >= 1 {
		low := math.Pow(10, math.Floor(math.Log10(n)))
		f.Records = linkage.Range{Low: low, High: 3*low - 1, Known: true}
		if n >= 3*low {
			f.Records = linkage.Range{Low: 3 * low, High: 10*low - 1, Known: true}
		}
	}
	for _, s := range r.Statements {
		if rest, is := strings.CutPrefix(s.Path, "action."); is {
			kind, _, _ := strings.Cut(rest, ".")
			if !slices.Contains(f.Actions, kind) {
				f.Actions = append(f.Actions, kind)
			}
		}
	}
	slices.Sort(f.Actions)
	return f
}

func TestRowsOfARegulatorJoinTheIncidentsThatOthersReported(t *testing.T) {
	var facts []linkage.Fact
	byID, byRow := map[string]int64{}, map[string]int64{}
	read := func(o Options, prefix string, sources uint32, keep func(report.Report, int64), elem ...string) {
		t.Helper()
		if _, err := Read(context.Background(), shareddata.Open(t, elem...), elem[1], o, func(c Collected) error {
			facts = append(facts, factOf(t, len(facts)+1, sources, prefix, c.Report()))
			keep(c.Report(), int64(len(facts)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	read(Options{Format: "veris"}, "v", 40, func(r report.Report, n int64) { byID[r.Native] = n }, "vcdb", "incidents.jsonl.gz")
	m := exampleMap(t, "maps", "hhs.yaml")
	for _, file := range []string{"breach_report_archive.csv.gz", "breach_report_under_investigation.csv.gz"} {
		read(Options{Format: "csv", Map: m}, "h", 3, func(r report.Report, n int64) {
			byRow[r.Value("victim.victim_id")+"|"+r.Value("timeline.notification")+"|"+r.Value("attribute.confidentiality.data_total")] = n
		}, "hhs-ocr", file)
	}
	cluster := map[int64]int{}
	for i, c := range linkage.Clusters(facts, linkage.Defaults) {
		for _, r := range c.Reports {
			cluster[r] = i
		}
	}
	pairs, joined := 0, 0
	in := bufio.NewScanner(shareddata.Open(t, "linkage", "vcdb-hhs-pairs.jsonl"))
	for in.Scan() {
		var pair struct {
			ID     string  `json:"vcdb_incident_id"`
			Entity string  `json:"hhs_entity"`
			Date   string  `json:"hhs_submission_date"`
			People float64 `json:"individuals"`
		}
		if err := json.Unmarshal(in.Bytes(), &pair); err != nil {
			t.Fatal(err)
		}
		d, err := time.Parse("01/02/2006", pair.Date)
		if err != nil {
			t.Fatal(err)
		}
		a, okA := byID[pair.ID]
		b, okB := byRow[strings.TrimSpace(pair.Entity)+"|"+d.Format("2006-01-02")+"|"+strconv.Itoa(int(pair.People))]
		if !okA || !okB {
			t.Errorf("a pair is not among the reports: incident %s %v, row %v", pair.ID, okA, okB)
			continue
		}
		pairs++
		if cluster[a] == cluster[b] {
			joined++
		}
	}
	t.Logf("%d of %d pairs are joined", joined, pairs)
	if joined*100 < pairs*80 {
		t.Errorf("%d of %d known pairs are joined; 80 %% are wanted", joined, pairs)
	}
}
