package reconcile

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// CourseColumns are the columns of [WriteCourse].
var CourseColumns = []string{"day", "sector", "from", "to", "flows", "blocked", "with_offer",
	"flows_from", "flows_to", "blocked_from", "blocked_to", "with_offer_from", "with_offer_to"}

// WriteCourse writes what flowed from day to day as CSV, one line a day, sector
// and pair of stakes. Each share stands as the words of its band and as the
// band's bounds in percent; where there is no band, bounds are empty.
func WriteCourse(w io.Writer, days []DayInBands) error {
	out := csv.NewWriter(w)
	if err := out.Write(CourseColumns); err != nil {
		return err
	}
	for _, d := range days {
		for _, f := range d.Paradox {
			row := []string{d.Day, f.Sector, string(f.From), string(f.To), f.Flows, f.Blocked, f.WithOffer}
			for _, band := range row[4:] {
				low, high := percentBounds(band)
				row = append(row, low, high)
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// percentBounds reads "50–60 %" as 50 and 60; words have no bounds.
func percentBounds(band string) (low, high string) {
	var a, b int
	if n, err := fmt.Sscanf(band, "%d–%d %%", &a, &b); err != nil || n != 2 {
		return "", ""
	}
	return strconv.Itoa(a), strconv.Itoa(b)
}
