// Package kanonymity finds how to coarsen a table so that nobody in it can be
// singled out. It is pure: a table and models in, levels and classes out.
//
//	rows as codes + [Hierarchy] + [Model] ──[Search.Best]──▶ [Result]
//	finished rows (strings)     + [Model] ──[Check]────────▶ [Report]   (code of its own)
//
// # What is looked for
//
// The quasi-identifiers are the columns by which somebody who knows a victim
// could find it again. A transformation gives each of them one level of its
// hierarchy, for the whole column (full-domain generalisation; Samarati 2001,
// Sweeney 2002). Rows that agree at these levels form an equivalence class,
// and a class that fails a model is suppressed whole. Of all transformations
// that suppress no more rows than the limit, the one of least information loss
// is taken (see [Metric]).
//
// # An example
//
// Nine incidents are told with the victim's industry and its number of staff.
// The demands: at least 3 records, 2 victims and 2 owner groups in a class;
// at most a third of the rows may be suppressed.
//
//	row industry staff  victim told by     levels (0,0)      levels (0,1)
//	1   banks    40     A      g1          banks, 40         banks, small   kept
//	2   banks    45     B      g2          banks, 45         banks, small   kept
//	3   banks    48     C      g1, g2      banks, 48         banks, small   kept
//	4   hospital 30     D      g1          hospital, 30      hospital, small
//	5   hospital 30     D      g1          hospital, 30      hospital, small
//	6   hospital 30     D      g2          hospital, 30      hospital, small
//	7   hospital 900    E      g1          hospital, 900     hospital, large  kept
//	8   hospital 950    F      g3          hospital, 950     hospital, large  kept
//	9   hospital 900    E      g3          hospital, 900     hospital, large  kept
//
// Level 0 leaves no class of three but rows 4 to 6, which are all about one
// victim. One step up on staff, rows 1 to 3 and 7 to 9 pass; rows 4 to 6 still
// tell of D alone and are suppressed. The same as a program is the package's
// example.
//
// # How the search stays exact
//
// The columns are decided one after another (branch and bound). A beginning of
// a transformation, with the columns not decided left out, splits the rows
// into classes that every continuation can only split further. So:
//
//   - Loss. A row's loss in a column never falls when the row is suppressed or
//     another column is decided. A beginning whose loss is above that of the
//     best transformation found is given up. This holds for every model.
//   - Suppression. If all models are [Monotone], a class that fails is
//     suppressed in every continuation. Its rows are put aside at once, and a
//     beginning that suppresses more than the limit is given up, together with
//     the finer levels of its last column. With any other model nothing is put
//     aside or given up for this reason, and only whole transformations are
//     judged: under such a model a part of a failing class may pass.
//
// Each partition is made from the one before by splitting its classes, not
// from the rows anew. When the lattice of transformations is larger than
// [Search.Budget] allows to search to its end, a greedy walk gives a first
// answer, the search improves it as far as the budget reaches, and
// [Result.Optimal] is false unless it came to its end all the same.
package kanonymity

import (
	"fmt"
	"math"
)

// Hierarchy coarsens one quasi-identifier. Levels[l][code] is what the value
// with that code becomes at level l; level 0 is the value as it is, the last
// level should be the same for all ("*"), or there may be no solution. All
// levels have the same length, the size of the domain; values that never occur
// in a row count for loss. Values equal at one level should be equal at the
// next; a hierarchy in which they are not is searched all the same, slower.
type Hierarchy struct {
	Levels [][]string
}

// Row is one record: a code for each quasi-identifier, the victim whom it is
// about, and the owner groups that contributed to it. An incident that several
// owner groups told is one row with several groups.
type Row struct {
	Codes []int
	// Victim is the same number for all rows about one victim; negative if
	// the victim is not known.
	Victim int
	// Groups are the contributing owner groups, in any order.
	Groups []int
}

// Result is the transformation found. The same input gives the same result.
type Result struct {
	// Within is true if a transformation keeps to the limit of suppression.
	// If none does, everything is suppressed: Levels is nil, Loss is 1, and
	// Suppressed counts all rows.
	Within bool
	// Optimal is true if no other transformation has less loss (or, where
	// Within is false, if it is certain that none keeps to the limit).
	Optimal bool
	// Levels chosen, one for each quasi-identifier.
	Levels []int
	// ClassOf gives each row's class as an index of Classes, −1 for
	// suppressed rows.
	ClassOf []int
	// Classes that are kept, in the order of their first rows.
	Classes []Class
	// Suppressed counts the rows left out.
	Suppressed int
	// Loss of information, 0 (as it was) to 1 (nothing left): see [Metric].
	Loss float64
	// ColumnLoss is the loss of each quasi-identifier, unweighted, 0 to 1.
	ColumnLoss []float64
	// Examined counts the transformations judged, each beginning counted as
	// the one whose other columns are "*".
	Examined int
}

// Search says what is looked for.
type Search struct {
	// Models that every kept class must satisfy, all of them.
	Models []Model
	// MaxSuppressed is the largest share of rows that may be suppressed, 0
	// to 1; the number of rows is rounded down.
	MaxSuppressed float64
	// Metric of information loss; the zero Metric weighs all columns alike.
	Metric Metric
	// Budget is how many beginnings may be examined; 0 means DefaultBudget.
	// A lattice of up to half as many transformations is always searched to
	// its end; pruning commonly lets far larger ones come to theirs.
	Budget int
}

// DefaultBudget searches every lattice of 262,144 transformations to its end.
const DefaultBudget = 1 << 19

// Best returns the transformation of least loss. Among equal ones it takes the
// one that suppresses less, then the one of lower levels. A table that cannot
// be kept within the limit is no error; a malformed one is: codes outside of
// their hierarchy, levels of unequal length, weights that are no weights.
//
// The cost is at worst (examined) × (distinct combinations of codes), plus the
// counting of victims and owner groups as far as needed to decide.
func (s Search) Best(hs []Hierarchy, rows []Row) (Result, error) {
	if !(s.MaxSuppressed >= 0 && s.MaxSuppressed <= 1) {
		return Result{}, fmt.Errorf("the share of rows to suppress must be between 0 and 1, not %v", s.MaxSuppressed)
	}
	return s.best(hs, rows, int(math.Floor(s.MaxSuppressed*float64(len(rows)))))
}

func (s Search) best(hs []Hierarchy, rows []Row, allowed int) (Result, error) {
	t, err := newTable(hs, rows)
	if err != nil {
		return Result{}, err
	}
	m, err := s.Metric.measure(len(hs))
	if err != nil {
		return Result{}, err
	}
	budget := s.Budget
	if budget <= 0 {
		budget = DefaultBudget
	}
	e := newExplorer(t, s.Models, m, allowed, budget)
	e.explore()
	return e.result(), nil
}

// Anonymise is [Search.Best] with the plain metric and the limit of
// suppression given in rows. A malformed table, which Best would tell of, is
// suppressed whole.
func Anonymise(hs []Hierarchy, rows []Row, models []Model, maxSuppressed int) Result {
	r, err := Search{Models: models}.best(hs, rows, max(maxSuppressed, 0))
	if err != nil {
		return nothing(len(hs), len(rows))
	}
	return r
}

// nothing is the result that publishes no row.
func nothing(columns, rows int) Result {
	r := Result{Suppressed: rows, Loss: 1, ClassOf: make([]int, rows), ColumnLoss: make([]float64, columns)}
	for i := range r.ClassOf {
		r.ClassOf[i] = -1
	}
	for q := range r.ColumnLoss {
		r.ColumnLoss[q] = 1
	}
	return r
}

// Statistics of the classes kept: what a release's privacy report states.
type Statistics struct {
	Classes, Records int
	// Size of classes in records; 0 where there are none.
	MinSize  int
	MeanSize float64
	// The fewest victims and owner groups behind a class.
	MinVictims, MinGroups int
}

// Statistics sums up the classes kept. The risk that somebody picked at
// random is found again is 1/MeanSize, and nobody's is above 1/MinSize.
func (r Result) Statistics() Statistics {
	s := Statistics{Classes: len(r.Classes)}
	for i, c := range r.Classes {
		s.Records += c.Records
		if i == 0 {
			s.MinSize, s.MinVictims, s.MinGroups = c.Records, c.Victims, c.Groups
			continue
		}
		s.MinSize = min(s.MinSize, c.Records)
		s.MinVictims = min(s.MinVictims, c.Victims)
		s.MinGroups = min(s.MinGroups, c.Groups)
	}
	if s.Classes > 0 {
		s.MeanSize = float64(s.Records) / float64(s.Classes)
	}
	return s
}
