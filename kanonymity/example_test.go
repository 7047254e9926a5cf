package kanonymity_test

import (
	"fmt"

	"github.com/concord-trust/concord/kanonymity"
)

// The nine incidents of the package's documentation.
func Example() {
	industry := kanonymity.Hierarchy{Levels: [][]string{
		{"banks", "hospital"},
		{"*", "*"},
	}}
	staff := kanonymity.Hierarchy{Levels: [][]string{
		{"30", "40", "45", "48", "900", "950"},
		{"small", "small", "small", "small", "large", "large"},
		{"*", "*", "*", "*", "*", "*"},
	}}
	const A, B, C, D, E, F = 0, 1, 2, 3, 4, 5
	rows := []kanonymity.Row{
		{Codes: []int{0, 1}, Victim: A, Groups: []int{1}},
		{Codes: []int{0, 2}, Victim: B, Groups: []int{1}},
		{Codes: []int{0, 3}, Victim: C, Groups: []int{1, 2}},
		{Codes: []int{1, 0}, Victim: D, Groups: []int{1}},
		{Codes: []int{1, 0}, Victim: D, Groups: []int{1}},
		{Codes: []int{1, 0}, Victim: D, Groups: []int{2}},
		{Codes: []int{1, 4}, Victim: E, Groups: []int{1}},
		{Codes: []int{1, 5}, Victim: F, Groups: []int{3}},
		{Codes: []int{1, 4}, Victim: E, Groups: []int{3}},
	}
	search := kanonymity.Search{
		Models:        []kanonymity.Model{kanonymity.KRecords(3), kanonymity.KVictims(2), kanonymity.KOwnerGroups(2)},
		MaxSuppressed: 0.34,
	}
	found, err := search.Best([]kanonymity.Hierarchy{industry, staff}, rows)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("levels", found.Levels, "suppressed", found.Suppressed, "optimal", found.Optimal)
	for i, c := range found.ClassOf {
		if c < 0 {
			fmt.Println(i+1, "suppressed")
			continue
		}
		fmt.Println(i+1, industry.Levels[found.Levels[0]][rows[i].Codes[0]], staff.Levels[found.Levels[1]][rows[i].Codes[1]])
	}
	// Output:
	// levels [0 1] suppressed 3 optimal true
	// 1 banks small
	// 2 banks small
	// 3 banks small
	// 4 suppressed
	// 5 suppressed
	// 6 suppressed
	// 7 hospital large
	// 8 hospital large
	// 9 hospital large
}
