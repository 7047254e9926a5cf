package deliver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-trust/concord/hub/analyse"
)

// table makes a protected table of figures; a negative one is withheld.
func table(name string, taken time.Time, dims []analyse.Dimension, values ...float64) analyse.Table {
	t := analyse.Table{Name: name, Title: "Title of " + name, Counts: "incidents", Taken: taken, Dimensions: dims, Cells: len(values)}
	for _, v := range values {
		f := analyse.Figure{Value: v, Groups: "5–9"}
		if v < 0 {
			f = analyse.Figure{Withheld: "too few"}
		} else {
			t.Shown++
		}
		t.Figures = append(t.Figures, f)
	}
	return t
}

func dimension(name string, labels ...string) analyse.Dimension {
	return analyse.Dimension{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Categories: labels, Labels: labels}
}

func inCurrency(currency string, t analyse.Table) analyse.Table {
	t.Currency = currency
	return t
}

// may is a day in the second quarter, so that 2026-Q2 is still filling.
var may = time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)

func months(n int, until time.Time) analyse.Dimension {
	var labels []string
	for i := n - 1; i >= 0; i-- {
		labels = append(labels, until.AddDate(0, -i, 1-until.Day()).Format("2006-01"))
	}
	return dimension("month", labels...)
}

func TestAFindingSaysWhatItsTableSays(t *testing.T) {
	quarters := dimension("quarter", "2025-Q4", "2026-Q1", "2026-Q2")
	actions := dimension("action", "Malware", "Hacking")
	even := make([]float64, 24)
	more := make([]float64, 24)
	for i := range even {
		even[i], more[i] = 50, 50
		if i >= 12 { // the last year
			more[i] = 75
		}
	}
	for _, c := range []struct {
		name  string
		table analyse.Table
		want  string
	}{
		{"a row that grew", table("action-by-quarter", may, []analyse.Dimension{actions, quarters}, 40, 80, 1, 30, 33, 900), "Malware doubled in 2026-Q1, from 40 to 80 incidents"},
		{"a row that shrank", table("action-by-quarter", may, []analyse.Dimension{actions, quarters}, 50, 49, 1, 120, 60, 1), "Hacking fell by half in 2026-Q1, from 120 to 60 incidents"},
		{"nothing beyond chance", table("action-by-quarter", may, []analyse.Dimension{actions, quarters}, 50, 55, 500, 30, 28, 500), "No kind of action changed beyond chance in 2026-Q1; malware led with 55 incidents"},
		{"the newer figures withheld", table("action-by-quarter", may, []analyse.Dimension{actions, quarters}, 50, -1, 500, 30, -1, 500), "Title of action-by-quarter: nothing of 2026-Q1 may be shown"},
		{"one side of a change withheld", table("action-by-quarter", may, []analyse.Dimension{actions, quarters}, -1, 400, 5, 30, 31, 5), "No kind of action changed beyond chance in 2026-Q1; malware led with 400 incidents"},
		{"as many as before", table("month", may, []analyse.Dimension{months(24, may)}, even...), "550 incidents from 2025-06 to 2026-04, about as many as before"},
		{"more than before", table("month", may, []analyse.Dimension{months(24, may)}, more...), "825 incidents from 2025-06 to 2026-04, half more than before"},
		{"a share", table("time-to-discover", may, []analyse.Dimension{dimension("time", "hours", "days", "weeks")}, 10, 50, 40), "60\u202f% of the 100 incidents shown were discovered within days"},
		{"a share that would mislead", table("time-to-contain", may, []analyse.Dimension{dimension("time", "hours", "days", "weeks", "months", "never")}, -1, 20, 60, -1, -1), "Title of time-to-contain: first weeks with 60 incidents, then days with 20"},
		{"the foremost", table("asset", may, []analyse.Dimension{dimension("asset", "Servers", "People", "Media")}, 1400, -1, 90), "Title of asset: first servers with 1\u202f400 incidents, then media with 90"},
		{"a share of losses", inCurrency("USD", table("loss", may, []analyse.Dimension{dimension("loss", "below 1 000", "1 000 – 10 000", "10 000 – 100 000")}, 10, 50, 40)), "60\u202f% of the 100 incidents shown lost at most 10 000 USD"},
		{"the largest loss", inCurrency("EUR", table("loss-by-action", may, []analyse.Dimension{dimension("action", "Malware", "Error")}, 2.4e6, 90000)), "Title of loss-by-action: first malware with 2.4 million EUR of reported losses, then error with 90\u202f000"},
		{"all withheld", table("asset", may, []analyse.Dimension{dimension("asset", "Servers", "People")}, -1, -1), "Title of asset: all 2 figures are withheld"},
	} {
		if got := Find(c.table).Sentence; got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestAnOpenPeriodIsNeverCompared(t *testing.T) {
	for _, c := range []struct {
		periods []string
		want    int
	}{
		{[]string{"2025-Q4", "2026-Q1", "2026-Q2"}, 2},
		{[]string{"2026-Q1", "2026-Q2", "2026-Q3"}, 1}, // a date in the future
		{[]string{"2024-Q4", "2025-Q1"}, 2},            // data that end long ago
		{[]string{"2026-04", "2026-05"}, 1},
		{nil, 0},
	} {
		if got := Closed(analyse.Table{Taken: may}, c.periods); got != c.want {
			t.Errorf("of %v, %d were over, want %d", c.periods, got, c.want)
		}
	}
}

func TestAChangeHeadsThePicture(t *testing.T) {
	even := make([]float64, 24)
	for i := range even {
		even[i] = 50
	}
	quarters := dimension("quarter", "2025-Q4", "2026-Q1", "2026-Q2")
	pace := table("month", may, []analyse.Dimension{months(24, may)}, even...)
	calm := table("action-by-quarter", may, []analyse.Dimension{dimension("action", "Malware"), quarters}, 50, 55, 1)
	change := table("action-by-quarter", may, []analyse.Dimension{dimension("action", "Malware"), quarters}, 50, 155, 1)
	if got := findings([]analyse.Table{calm, pace}); len(got) != 2 || !strings.Contains(got[0].Sentence, "about as many") {
		t.Errorf("without a change, %v come", got)
	}
	if got := findings([]analyse.Table{change, pace}); len(got) != 2 || !strings.HasPrefix(got[0].Sentence, "Malware") {
		t.Errorf("with a change, %v come", got)
	}
}

func TestWhatIsMerelyLargestComesLast(t *testing.T) {
	figures := make([]float64, 24)
	for i := range figures {
		figures[i] = -1
	}
	figures[3] = 10
	sparse := table("month", may, []analyse.Dimension{months(24, may)}, figures...)
	share := table("time-to-discover", may, []analyse.Dimension{dimension("time", "hours", "days", "weeks")}, 10, 50, 40)
	if got := findings([]analyse.Table{sparse, share}); len(got) != 2 || !strings.Contains(got[0].Sentence, "discovered within days") {
		t.Errorf("of a sparse table and a telling one, %v come", got)
	}
}

// TestAFindingNeverDependsOnAWithheldFigure draws tables and puts any value
// under the figures that are withheld.
func TestAFindingNeverDependsOnAWithheldFigure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"month", "action-by-quarter", "actor-by-quarter", "asset", "time-to-discover", "time-to-contain", "loss", "loss-by-action"}).Draw(t, "name")
		dims := []analyse.Dimension{months(24, may)}
		switch {
		case strings.HasSuffix(name, "quarter"):
			dims = []analyse.Dimension{dimension("action", "Malware", "Hacking", "Error"), dimension("quarter", "2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2")}
		case name != "month":
			dims = []analyse.Dimension{dimension("kind", "one", "two", "three", "four")}
		}
		cells := 1
		for _, d := range dims {
			cells *= len(d.Categories)
		}
		a := table(name, may, dims, rapid.SliceOfN(rapid.Float64Range(-50, 500), cells, cells).Draw(t, "figures")...)
		b := a
		b.Figures = append([]analyse.Figure{}, a.Figures...)
		for i := range b.Figures {
			if b.Figures[i].Withheld != "" {
				b.Figures[i].Value = rapid.Float64Range(0, 1e6).Draw(t, fmt.Sprint("secret ", i))
			}
		}
		if x, y := Find(a), Find(b); x != y {
			t.Errorf("a withheld figure changes the finding:\n%v\n%v", x, y)
		}
	})
}
