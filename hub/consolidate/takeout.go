package consolidate

import (
	"context"
	"slices"
)

// TakeOut takes out what is erased, and nothing else: it costs as much as those
// reports touched, however many are still to be consolidated. When it returns,
// no incident, campaign or count rests on a report that was erased before it
// was called, and none that is under way will.
func (r *Room) TakeOut(ctx context.Context) (reports int, err error) {
	size := r.Batch
	if size <= 0 {
		size = DefaultBatch
	}
	for {
		n := 0
		err := r.Store.Update(ctx, func(w Workbench) error {
			erased, err := w.Erased(size)
			if n = len(erased); err != nil || n == 0 {
				return err
			}
			return newChange(w).make(nil, erased)
		})
		reports += n
		if err != nil || n < size {
			return reports, err
		}
	}
}

// without leaves out the facts whose reports were erased meanwhile.
func without(w Workbench, came []Fact) ([]Fact, error) {
	gone, err := w.Gone(seqsOf(came))
	if err != nil || len(gone) == 0 {
		return came, err
	}
	return slices.DeleteFunc(slices.Clone(came), func(f Fact) bool { return slices.Contains(gone, f.Seq) }), nil
}
