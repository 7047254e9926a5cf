package linkage_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/internal/shareddata"
	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/observable"
)

func days(t time.Time) int32 { return int32(t.Unix() / 86400) }

// span makes a range of days of a date's parts; month and day may be 0.
func span(kind linkage.DateKind, y, m, d int) linkage.Dates {
	switch {
	case m == 0:
		return linkage.Dates{Kind: kind, First: days(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)), Last: days(time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC))}
	case d == 0:
		return linkage.Dates{Kind: kind, First: days(time.Date(y, time.Month(m), 1, 0, 0, 0, 0, time.UTC)), Last: days(time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC))}
	}
	day := days(time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC))
	return linkage.Dates{Kind: kind, First: day, Last: day}
}

// band is the half-decade in which a number of records leaves its owner.
func band(n float64) linkage.Range {
	if n < 1 {
		return linkage.Range{}
	}
	low := math.Pow(10, math.Floor(math.Log10(n)))
	if n >= 3*low {
		return linkage.Range{Low: 3 * low, High: 10*low - 1, Known: true}
	}
	return linkage.Range{Low: low, High: 3*low - 1, Known: true}
}

func source(prefix, of string, n uint32) string {
	h := fnv.New32a()
	h.Write([]byte(of))
	return prefix + strconv.Itoa(int(h.Sum32()%n))
}

// reality is what VCDB and the HHS table tell, and which of it is the same.
type reality struct {
	facts []linkage.Fact
	// incidents is the number of VCDB's facts, which come first; rawVictims
	// and totals are beside them, totals beside all facts.
	incidents  int
	rawVictims []string
	totals     []float64
	pairs      [][2]int64
}

func readReality(t *testing.T) *reality {
	r := &reality{}
	vcdb, hhs := r.readVCDB(t), map[string]int64{}
	for _, name := range []string{"breach_report_archive.csv.gz", "breach_report_under_investigation.csv.gz"} {
		r.readHHS(t, name, hhs)
	}
	p := shareddata.Open(t, "linkage", "vcdb-hhs-pairs.jsonl")
	defer p.Close()
	for in := bufio.NewScanner(p); in.Scan(); {
		var pair struct {
			ID     string  `json:"vcdb_incident_id"`
			Entity string  `json:"hhs_entity"`
			Date   string  `json:"hhs_submission_date"`
			People float64 `json:"individuals"`
		}
		if err := json.Unmarshal(in.Bytes(), &pair); err != nil {
			t.Fatal(err)
		}
		a, okA := vcdb[pair.ID]
		b, okB := hhs[pair.Entity+"|"+pair.Date+"|"+strconv.Itoa(int(pair.People))]
		if !okA || !okB {
			t.Fatalf("pair %s is not in the data", pair.ID)
		}
		r.pairs = append(r.pairs, [2]int64{a, b})
	}
	return r
}

func (r *reality) add(f linkage.Fact, total float64) int64 {
	f.Report = int64(len(r.facts) + 1)
	f.Records = band(total)
	r.facts = append(r.facts, f)
	r.totals = append(r.totals, total)
	return f.Report
}

func (r *reality) readVCDB(t *testing.T) map[string]int64 {
	numbers := map[string]int64{}
	f := shareddata.Open(t, "vcdb", "incidents.jsonl.gz")
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		type date struct{ Year, Month, Day int }
		var i struct {
			ID     string `json:"incident_id"`
			Victim struct {
				ID string `json:"victim_id"`
			} `json:"victim"`
			Timeline struct {
				Incident date `json:"incident"`
			} `json:"timeline"`
			Attribute struct {
				Confidentiality struct {
					Total float64 `json:"data_total"`
				} `json:"confidentiality"`
			} `json:"attribute"`
			Action map[string]any `json:"action"`
			Plus   struct {
				Timeline struct {
					Notification date `json:"notification"`
				} `json:"timeline"`
			} `json:"plus"`
		}
		if err := json.Unmarshal(in.Bytes(), &i); err != nil {
			t.Fatal(err)
		}
		fact := linkage.Fact{}
		for action := range i.Action {
			fact.Actions = append(fact.Actions, action)
		}
		fact.Victim, _ = observable.Canonical(observable.Organisation, i.Victim.ID)
		fact.Source = source("v", fact.Victim, 40) // a victim keeps its reporter
		d := i.Timeline.Incident
		fact.Dates = append(fact.Dates, span(linkage.Occurred, d.Year, d.Month, d.Day))
		if d := i.Plus.Timeline.Notification; d.Year > 0 && d.Month <= 12 {
			fact.Dates = append(fact.Dates, span(linkage.Notified, d.Year, d.Month, d.Day))
		}
		numbers[i.ID] = r.add(fact, i.Attribute.Confidentiality.Total)
		r.rawVictims = append(r.rawVictims, i.Victim.ID)
	}
	r.incidents = len(r.facts)
	return numbers
}

func (r *reality) readHHS(t *testing.T, name string, numbers map[string]int64) {
	c := shareddata.Open(t, "hhs-ocr", name)
	defer c.Close()
	rows, err := csv.NewReader(c).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		people, _ := strconv.ParseFloat(strings.ReplaceAll(row[3], ",", ""), 64)
		at, err := time.Parse("01/02/2006", row[4])
		if err != nil {
			t.Fatal(err)
		}
		fact := linkage.Fact{Source: source("h", row[0], 3), Dates: []linkage.Dates{{Kind: linkage.Notified, First: days(at), Last: days(at)}}}
		fact.Victim, _ = observable.Canonical(observable.Organisation, row[0])
		fact.Actions = actionsOf(row[5])
		numbers[row[0]+"|"+row[4]+"|"+row[3]] = r.add(fact, people)
	}
}

// actionsOf are the kinds of action that a type of breach of the HHS table may
// stand for; where it may be any, none.
func actionsOf(breach string) (kinds []string) {
	for _, t := range strings.Split(breach, ", ") {
		switch t {
		case "Theft":
			kinds = append(kinds, "physical")
		case "Loss", "Improper Disposal":
			kinds = append(kinds, "error")
		case "Hacking/IT Incident":
			kinds = append(kinds, "hacking", "malware", "social")
		case "Unauthorized Access/Disclosure":
			kinds = append(kinds, "error", "misuse")
		default:
			return nil
		}
	}
	return kinds
}

// told returns the facts after change was made to each.
func (r *reality) told(change func(n int, f *linkage.Fact)) []linkage.Fact {
	out := make([]linkage.Fact, len(r.facts))
	for n, f := range r.facts {
		change(n, &f)
		out[n] = f
	}
	return out
}

// figures of linking.
type figures struct {
	// recall is the share of the known pairs that are joined.
	recall float64
	// merged is the share of VCDB's incidents that are in one cluster with
	// another.
	merged float64
	// joined is the number of pairs of a VCDB incident and a row of HHS in
	// one cluster, of which both sides tell the number of people; wrong is
	// the share of them whose numbers differ by a factor of two.
	joined int
	wrong  float64
}

func (r *reality) measure(clusters []linkage.Cluster) (f figures) {
	of := map[int64]int{}
	merged, wrong := 0, 0
	for c, cluster := range clusters {
		own := 0
		for _, a := range cluster.Reports {
			of[a] = c
			if a > int64(r.incidents) {
				continue
			}
			own++
			for _, b := range cluster.Reports {
				if x, y := r.totals[a-1], r.totals[b-1]; b > int64(r.incidents) && x > 1 && y > 1 {
					f.joined++
					if max(x, y) >= 2*min(x, y) {
						wrong++
					}
				}
			}
		}
		if own > 1 {
			merged += own
		}
	}
	found := 0
	for _, p := range r.pairs {
		if of[p[0]] == of[p[1]] {
			found++
		}
	}
	f.recall, f.merged = float64(found)/float64(len(r.pairs)), float64(merged)/float64(r.incidents)
	f.wrong = float64(wrong) / float64(max(f.joined, 1))
	return f
}

func TestJoinsOnRealDataMeetTheirBars(t *testing.T) {
	r := readReality(t)
	for _, c := range []struct {
		name           string
		change         func(n int, f *linkage.Fact)
		recall, merged float64
	}{
		{"as told, a victim keeps its reporter", func(int, *linkage.Fact) {}, 0.85, 0},
		{"reporter by the victim's raw spelling", func(n int, f *linkage.Fact) {
			if n < r.incidents {
				f.Source = source("v", r.rawVictims[n], 40)
			}
		}, 0.85, 0.015}, // many of them events that VCDB tells twice
		{"any reporter, so that many tell of one victim", func(n int, f *linkage.Fact) {
			if n < r.incidents {
				f.Source = source("v", strconv.Itoa(n), 40)
			}
		}, 0.9, 0.2},
		{"dates by the month, no notification", func(n int, f *linkage.Fact) {
			f.Dates = []linkage.Dates{{Kind: f.Dates[0].Kind, First: f.Dates[0].First / 30 * 30, Last: f.Dates[0].Last/30*30 + 29}}
		}, 0.8, 0},
		{"dates by the year, no notification", func(n int, f *linkage.Fact) {
			f.Dates = []linkage.Dates{{Kind: f.Dates[0].Kind, First: f.Dates[0].First / 365 * 365, Last: f.Dates[0].Last/365*365 + 364}}
		}, 0.75, 0},
		{"no numbers of records", func(_ int, f *linkage.Fact) { f.Records = linkage.Range{} }, 0.75, 0},
	} {
		f := r.measure(linkage.Clusters(r.told(c.change), linkage.Defaults))
		t.Logf("%s: recall %.3f of %d pairs; %.4f of %d VCDB incidents merged; %.3f of %d joins of other size", c.name, f.recall, len(r.pairs), f.merged, r.incidents, f.wrong, f.joined)
		if f.recall < c.recall {
			t.Errorf("%s: recall of joins is %.3f; %.2f is wanted", c.name, f.recall, c.recall)
		}
		if f.wrong > 0.12 {
			t.Errorf("%s: %.3f of the joins are of numbers of people that differ by a factor of two; 0.12 may", c.name, f.wrong)
		}
		if f.merged > c.merged {
			t.Errorf("%s: %.4f of the incidents are merged with another of the same collection; %.4f may", c.name, f.merged, c.merged)
		}
	}
}
