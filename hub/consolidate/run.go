package consolidate

import (
	"context"
	"errors"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// The points of [Room.Run] at which a test lets the process die.
const (
	// BeforeCommit: a batch is consolidated, nothing of it is durable.
	BeforeCommit = "consolidate.before-commit"
	// AfterCommit: a batch and its place in the record are durable.
	AfterCommit = "consolidate.after-commit"
)

// Record is what this room reads of the hub's record; see receive.Record.
type Record interface {
	After(ctx context.Context, seq int64, limit int) ([]receive.Row, error)
	Rows(ctx context.Context, seqs []int64) ([]receive.Row, error)
}

// Members finds a member, for its owner group and the end of its probation.
type Members interface {
	Member(ctx context.Context, id wire.MemberID) (member.Member, error)
}

// Room consolidates. Its fields are set once, before use; one Run at a time
// makes progress, reading may go on meanwhile.
type Room struct {
	Record Record
	// Open opens a row of the record; an erased one is fault.NotFound.
	Open    func(receive.Row) (receive.Received, error)
	Store   Store
	Members Members
	// Key keys the ids of incidents and campaigns (any length; it should stay
	// as it is, since links to pages hold such ids).
	Key []byte
	// Least is a sector's least number of other owner groups behind anything
	// that is told; if nil, DefaultLeast holds for all.
	Least func(sector string) int
	Now   func() time.Time
	// Batch is how many report revisions are taken at a time; DefaultBatch
	// if 0.
	Batch int
	// Fail, if set, is told of each named point that is passed.
	Fail func(point string)
}

// DefaultBatch bounds the memory and the length of a transaction.
const DefaultBatch = 1000

// Progress says what a run did.
type Progress struct {
	Batches int
	// Reports is how many revisions were taken from the record, Erased how
	// many reports were taken out since they were erased.
	Reports, Erased int
	// Cursor is where the run ended.
	Cursor int64
}

// errMoved says that another process has consolidated meanwhile.
var errMoved = errors.New("the cursor was moved by another process")

// Run consolidates everything that the record holds, batch by batch. What is
// committed stays if it is interrupted or fails; the next run goes on there.
func (r *Room) Run(ctx context.Context) (p Progress, err error) {
	for {
		done, err := r.step(ctx, &p)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil || done {
			return p, err
		}
	}
}

// Rebuild drops everything derived and consolidates the record anew. Until it
// is done, readers see what is made so far.
func (r *Room) Rebuild(ctx context.Context) (Progress, error) {
	err := r.Store.Update(ctx, func(w Workbench) error { return w.Clear() })
	if err != nil {
		return Progress{}, err
	}
	return r.Run(ctx)
}

func (r *Room) step(ctx context.Context, p *Progress) (done bool, err error) {
	from, err := r.Store.Cursor(ctx)
	if err != nil {
		return false, err
	}
	p.Cursor = from
	size := r.Batch
	if size <= 0 {
		size = DefaultBatch
	}
	rows, err := r.Record.After(ctx, from, size)
	if err != nil {
		return false, err
	}
	erased, err := r.Store.Erased(ctx, size)
	if err != nil {
		return false, err
	}
	if len(rows) == 0 && len(erased) == 0 {
		return true, nil
	}
	came, err := r.openAll(rows)
	if err != nil {
		return false, err
	}
	to := from
	if len(rows) > 0 {
		to = rows[len(rows)-1].Seq
	}
	err = r.Store.Update(ctx, func(w Workbench) error {
		at, err := w.Cursor()
		if err != nil {
			return err
		}
		if at != from {
			return errMoved
		}
		// What was erased since it was read does not come in any more.
		left, err := without(w, came)
		if err != nil {
			return err
		}
		if err := newChange(w).make(left, erased); err != nil {
			return err
		}
		if err := w.MoveCursor(to); err != nil {
			return err
		}
		r.pass(BeforeCommit)
		return nil
	})
	if err != nil {
		return false, err
	}
	r.pass(AfterCommit)
	p.Batches++
	p.Reports += len(rows)
	p.Erased += len(erased)
	p.Cursor = to
	return false, nil
}

// openAll makes facts of a batch: of several revisions of a report the newest
// counts. Reports that were erased are left out.
func (r *Room) openAll(rows []receive.Row) ([]Fact, error) {
	newest, first := map[ReportKey]int{}, map[ReportKey]int64{}
	for i, row := range rows {
		k := ReportKey{row.Member, row.Report}
		newest[k] = i
		if _, ok := first[k]; !ok && !row.Erased() {
			first[k] = row.Seq
		}
	}
	facts := make([]Fact, 0, len(newest))
	for i, row := range rows {
		k := ReportKey{row.Member, row.Report}
		if newest[k] != i {
			continue
		}
		rec, err := r.Open(row)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		f := r.factOf(rec)
		f.First = first[k]
		facts = append(facts, f)
	}
	return facts, nil
}

// pass tells the test hook that a named point is reached.
func (r *Room) pass(point string) {
	if r.Fail != nil {
		r.Fail(point)
	}
}
