// Package receive is the first room at the hub: what an edge sent is verified
// (signature, agreement, standard, terms), stored once, and only then
// answered with a signed receipt.
//
//	envelope ──▶ [Desk.Receive] ──▶ receipt
//	                  │ commits
//	                  ▼
//	             Record: contributions, report bodies (each under its own key)
//	                  │ After(seq)
//	                  ▼
//	             [Received] ──▶ consolidate
//
// It destroys reports, too, when their member recalls them, the operator erases
// them or their time is over: see [Desk.Recall]. A legal hold keeps the key of
// a recalled report sealed and apart until it ends ([Desk.Hold]).
package receive

import (
	"context"
	"time"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Row is one revision of one report as the record keeps it.
type Row struct {
	// Seq orders all report revisions of the hub, without gaps in what a
	// reader sees: a reader that has read up to n misses nothing below n.
	Seq          int64
	Contribution wire.ContributionID
	Report       wire.ReportID
	Revision     int
	Member       wire.MemberID
	OwnerGroup   wire.OwnerGroup
	Agreement    wire.AgreementID
	Sector       string
	Standard     string
	Received     time.Time // whole seconds, UTC
	// Digest is SHA-256 over the canonical minimised report, keyed by the
	// hub, by which the same report sent again is recognised.
	Digest []byte
	// Body is the minimised report, sealed under Key (AEAD); Key is wrapped
	// under the hub's own key. Erasing Key erases the report everywhere.
	Body []byte
	Key  []byte
	// Superseded is true once a later revision of the report is stored.
	Superseded bool
}

// NilRow is a nil report: the member had nothing to report.
type NilRow struct {
	Member   wire.MemberID
	Sector   string
	Period   string
	Received time.Time
}

// Commit is all that one contribution changes.
type Commit struct {
	Contribution wire.ContributionID
	Member       wire.MemberID
	Received     time.Time
	Rows         []Row // Seq is assigned by the record
	Nil          []NilRow
	// Receipt is the signed receipt (DSSE JSON), stored with the rows so that
	// the contribution sent again gets the same answer.
	Receipt []byte
}

// Record is what this room needs of the hub's record.
type Record interface {
	// Receipt returns the stored receipt of a contribution of a member, or
	// nil. A contribution id used by another member is a fault.Conflict.
	Receipt(ctx context.Context, m wire.MemberID, c wire.ContributionID) ([]byte, error)
	// Latest returns the newest revision and digest of each report of the
	// member that the record has, and when it was recalled; absent ones are
	// left out.
	Latest(ctx context.Context, m wire.MemberID, reports []wire.ReportID) (map[wire.ReportID]Known, error)
	// Commit stores everything or nothing, durably before it returns, and
	// assigns Seq in commit order. decide is called inside the transaction
	// with what the record then knows of the reports, so that two processes
	// never accept one report twice; it returns what is to be stored.
	Commit(ctx context.Context, m wire.MemberID, c wire.ContributionID, reports []wire.ReportID,
		decide func(known map[wire.ReportID]Known) (Commit, error)) (receipt []byte, err error)
	// After returns up to limit rows with Seq > seq, in order of Seq.
	After(ctx context.Context, seq int64, limit int) ([]Row, error)
	// Rows returns the rows with these sequence numbers.
	Rows(ctx context.Context, seqs []int64) ([]Row, error)
	// ByMember returns rows of a member, newest first, for its own pages.
	ByMember(ctx context.Context, m wire.MemberID, before int64, limit int) ([]Row, error)
	// NilReports returns the nil reports of a sector (all members if m is "").
	NilReports(ctx context.Context, sector string, m wire.MemberID) ([]NilRow, error)
}

// Known is what the record knows of a report. Without a Digest it holds none:
// it only knows when it was Recalled.
type Known struct {
	Seq      int64
	Revision int
	Digest   []byte
	// Recalled is when the report was last recalled, by its member's clock;
	// zero if it never was.
	Recalled time.Time
}

// Received is a report as the hub holds it, verified and opened. It is minted
// only by this room.
type Received struct {
	row  Row
	body report.Minimised
}

// Seq is the report revision's number in the record.
func (r Received) Seq() int64 { return r.row.Seq }

// Row returns the record's row, without body and key.
func (r Received) Row() Row { row := r.row; row.Body, row.Key = nil, nil; return row }

// Report returns the report in the forms in which it left its owner.
func (r Received) Report() report.Minimised { return r.body }
