package kanonymity

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/concord-trust/concord/internal/shareddata"
)

// adult is the census table with its hierarchies, as the vectors use it.
type adult struct {
	header      []string
	rows        [][]string
	hierarchies map[string]Hierarchy
}

func readAdult(t testing.TB) adult {
	t.Helper()
	read := func(elem ...string) [][]string {
		r := csv.NewReader(shareddata.Open(t, append([]string{"adult"}, elem...)...))
		r.Comma, r.LazyQuotes = ';', true
		all, err := r.ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", strings.Join(elem, "/"), err)
		}
		return all
	}
	lines := read("adult.csv.gz")
	a := adult{header: lines[0], rows: lines[1:], hierarchies: map[string]Hierarchy{}}
	for _, name := range a.header {
		var h Hierarchy
		for _, line := range read("hierarchies", "adult_hierarchy_"+name+".csv") {
			for l, v := range line {
				if l == len(h.Levels) {
					h.Levels = append(h.Levels, nil)
				}
				h.Levels[l] = append(h.Levels[l], v)
			}
		}
		a.hierarchies[name] = h
	}
	return a
}

// table encodes the columns named.
func (a adult) table(t testing.TB, names []string) (hs []Hierarchy, rows []Row) {
	t.Helper()
	rows = make([]Row, len(a.rows))
	for _, name := range names {
		at := slices.Index(a.header, name)
		codes := map[string]int{}
		for c, v := range a.hierarchies[name].Levels[0] {
			codes[v] = c
		}
		for i, line := range a.rows {
			c, ok := codes[line[at]]
			if !ok {
				t.Fatalf("row %d: the value of %s is not in its hierarchy", i, name)
			}
			rows[i].Codes = append(rows[i].Codes, c)
			rows[i].Victim = i
		}
		hs = append(hs, a.hierarchies[name])
	}
	return hs, rows
}

// vector is what is read of one tuple of arx-vectors.json.
type vector struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind"`
	Quasi  []string `json:"quasi_identifiers"`
	Models []struct {
		Model string `json:"model"`
		K     int    `json:"k"`
	} `json:"models"`
	Limit  float64 `json:"suppression_limit"`
	Metric struct {
		Name      string             `json:"name"`
		Aggregate string             `json:"aggregate"`
		Factor    *float64           `json:"gs_factor"`
		Weights   map[string]float64 `json:"attribute_weights"`
	} `json:"metric"`
	Expected struct {
		Solution       bool       `json:"solution"`
		Loss           jsonLoss   `json:"loss"`
		Transformation []int      `json:"transformation"`
		Nodes          []nodeLoss `json:"node_losses"`
		AverageRisk    float64    `json:"average_risk"`
		HighestRisk    float64    `json:"highest_risk"`
	} `json:"expected"`
	Transformation []int `json:"transformation"` // of kind risk
	Derived        struct {
		Tied      int  `json:"tied_transformations"`
		Anonymous *int `json:"anonymous_transformations"`
	} `json:"derived"`
}

type nodeLoss struct {
	Transformation []int    `json:"transformation"`
	Loss           jsonLoss `json:"loss"`
}

// jsonLoss is a number or, for rank, an array of them.
type jsonLoss []float64

func (l *jsonLoss) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]float64)(l))
	}
	*l = make([]float64, 1)
	return json.Unmarshal(b, &(*l)[0])
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	var all []vector
	if err := json.NewDecoder(shareddata.Open(t, "adult", "arx-vectors.json")).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// search translates a vector that has only k-anonymity and the metric "loss";
// ok is false for others, whose models and metrics are not built yet.
func (v vector) search() (s Search, ok bool) {
	aggregates := map[string]Aggregate{"arithmetic-mean": Mean, "geometric-mean": GeometricMean, "rank": Rank}
	aggregate, known := aggregates[v.Metric.Aggregate]
	if v.Metric.Name != "loss" || !known {
		return s, false
	}
	for _, m := range v.Models {
		if m.Model != "k-anonymity" {
			return s, false
		}
		s.Models = append(s.Models, KRecords(m.K))
	}
	s.MaxSuppressed = v.Limit
	s.Metric.Aggregate = aggregate
	if v.Metric.Factor != nil {
		s.Metric.Lean = 2**v.Metric.Factor - 1
	}
	for _, q := range v.Quasi {
		if v.Metric.Weights == nil {
			break
		}
		w, given := v.Metric.Weights[q]
		if !given {
			w = 1
		}
		s.Metric.Weights = append(s.Metric.Weights, w)
	}
	return s, true
}

func (l jsonLoss) near(got []float64) bool {
	return slices.EqualFunc(l, got, func(want, got float64) bool { return math.Abs(want-got) <= 1e-9*max(1, math.Abs(want)) })
}

func TestTheOptimumIsTheOneThatARXFinds(t *testing.T) {
	a := readAdult(t)
	compared := 0
	for _, v := range readVectors(t) {
		s, ok := v.search()
		if !ok || v.Kind != "optimum" {
			continue
		}
		compared++
		hs, rows := a.table(t, v.Quasi)
		r, err := s.Best(hs, rows)
		if err != nil {
			t.Errorf("%s: %v", v.ID, err)
			continue
		}
		if r.Within != v.Expected.Solution || !r.Optimal {
			t.Errorf("%s: within the limit %v, want %v; optimal %v", v.ID, r.Within, v.Expected.Solution, r.Optimal)
			continue
		}
		if !r.Within {
			continue
		}
		m, err := s.Metric.measure(len(hs))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.key(nil, r.ColumnLoss); !v.Expected.Loss.near(got) {
			t.Errorf("%s: loss %v, want %v", v.ID, got, v.Expected.Loss)
		}
		if v.Derived.Tied == 1 && !slices.Equal(r.Levels, v.Expected.Transformation) {
			t.Errorf("%s: levels %v, want %v", v.ID, r.Levels, v.Expected.Transformation)
		}
		t.Logf("%s: %v, %d examined", v.ID, r.Levels, r.Examined)
	}
	if compared == 0 {
		t.Error("no vector was compared")
	}
}

func TestTheLossOfEachTransformationIsTheOneThatARXStates(t *testing.T) {
	a := readAdult(t)
	compared := 0
	for _, v := range readVectors(t) {
		s, ok := v.search()
		if !ok || v.Kind != "node-loss" {
			continue
		}
		hs, rows := a.table(t, v.Quasi)
		table, err := newTable(hs, rows)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Metric.measure(len(hs))
		if err != nil {
			t.Fatal(err)
		}
		e := newExplorer(table, s.Models, m, len(rows), DefaultBudget)
		for _, node := range v.Expected.Nodes {
			compared++
			p := e.transform(node.Transformation)
			e.bound(p, len(hs))
			if !node.Loss.near(p.bound) {
				t.Errorf("%s %v: loss %v, want %v", v.ID, node.Transformation, p.bound, node.Loss)
			}
		}
	}
	if compared == 0 {
		t.Error("no vector was compared")
	}
}

func TestTheRiskOfTheRawTableIsTheOneThatARXStates(t *testing.T) {
	a := readAdult(t)
	for _, v := range readVectors(t) {
		if v.Kind != "risk" {
			continue
		}
		hs, rows := a.table(t, v.Quasi)
		for q, h := range hs { // only the level of the vector
			hs[q].Levels = [][]string{h.Levels[v.Transformation[q]]}
		}
		r, err := Search{Models: []Model{KRecords(1)}}.Best(hs, rows)
		if err != nil {
			t.Fatal(err)
		}
		s := r.Statistics()
		if got := 1 / s.MeanSize; math.Abs(got-v.Expected.AverageRisk) > 1e-9 {
			t.Errorf("%s: average risk %v, want %v", v.ID, got, v.Expected.AverageRisk)
		}
		if got := 1 / float64(s.MinSize); math.Abs(got-v.Expected.HighestRisk) > 1e-9 {
			t.Errorf("%s: highest risk %v, want %v", v.ID, got, v.Expected.HighestRisk)
		}
	}
}

// Whatever a vector's metric, it tells how many transformations of the whole
// lattice keep to the limit of suppression.
func TestAsManyTransformationsKeepToTheLimitAsARXHas(t *testing.T) {
	a := readAdult(t)
	counted := map[string]int{} // by what is asked, as many vectors share it
	for _, v := range readVectors(t) {
		if len(v.Models) != 1 || v.Models[0].Model != "k-anonymity" || v.Derived.Anonymous == nil || v.Limit == 1 {
			continue
		}
		hs, rows := a.table(t, v.Quasi)
		asked := fmt.Sprint(v.Quasi, v.Models, v.Limit)
		got, done := counted[asked]
		if !done {
			table, err := newTable(hs, rows)
			if err != nil {
				t.Fatal(err)
			}
			s := newSplitter(table, []Model{KRecords(v.Models[0].K)})
			got = s.within(0, s.whole(), int(v.Limit*float64(len(rows))))
			counted[asked] = got
		}
		if got != *v.Derived.Anonymous {
			t.Errorf("%s: %d transformations keep to the limit, want %d", v.ID, got, *v.Derived.Anonymous)
		}
	}
	if len(counted) == 0 {
		t.Error("no vector was compared")
	}
}

// within counts the continuations of p that suppress no more than allowed.
func (s *splitter) within(q int, p *partition, allowed int) int {
	if p.suppressed > allowed {
		return 0
	}
	if q == len(s.t.columns) {
		return 1
	}
	n := 0
	for l := range s.t.columns[q].levels {
		next := &partition{}
		s.split(p, nil, q, l, next)
		n += s.within(q+1, next, allowed)
	}
	return n
}
