package outbox

import (
	"context"
	"time"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

// Queue is the durable half of the outbox, at the member. A store implements
// it, under this contract:
//
//   - What a method changes, it changes wholly or not at all, and it MUST be
//     durable before the method returns nil: the process may be killed at any
//     instant.
//   - Several processes of one member may use the queue at once.
//   - Errors of the store itself are returned wrapped; "there is no such
//     contribution" is fault.NotFound.
type Queue interface {
	// Enqueue adds one contribution. decide is called within the transaction,
	// with what the queue then knows of these reports (those it does not know
	// are left out), so that two processes never give the same revision to
	// different contents. The entry it returns is stored as waiting, its
	// envelope byte by byte, and for each of its items the queue remembers
	// what [Known] has. If decide fails, nothing is stored and its error is
	// returned. An id that is there already is fault.Conflict.
	Enqueue(ctx context.Context, reports []wire.ReportID, decide func(known map[wire.ReportID]Known) (Entry, error)) error
	// Waiting returns up to limit contributions that have no receipt yet, with
	// their envelopes, oldest first, of those with Seq > after.
	Waiting(ctx context.Context, after int64, limit int) ([]Entry, error)
	// Attempted notes that a delivery failed: one attempt more, when, and why
	// in words that may be shown. A settled contribution stays as it is.
	Attempted(ctx context.Context, c wire.ContributionID, at time.Time, problem string) error
	// Settle stores the receipt, by which the contribution waits no more, and
	// the results: one for each item, then one for each nil report, in order.
	// An item's result also becomes what is known of the report, unless a
	// newer revision has been queued. Settling twice keeps the first receipt
	// and is no error. The envelope MAY be forgotten from then on.
	Settle(ctx context.Context, c wire.ContributionID, receipt []byte, results []wire.Result, at time.Time) error
	// Entries lists contributions, newest first, of those with Seq < before
	// (all if 0), up to limit, without envelopes.
	Entries(ctx context.Context, before int64, limit int) ([]Entry, error)
	// Known returns what the queue remembers of reports; unknown ones are left
	// out.
	Known(ctx context.Context, reports []wire.ReportID) (map[wire.ReportID]Known, error)
	// Counts sums up the whole queue.
	Counts(ctx context.Context) (Counts, error)
}

// Entry is a contribution in the queue.
type Entry struct {
	// Seq is the order of queueing, from 1 on; the queue assigns it.
	Seq    int64
	ID     wire.ContributionID
	Queued time.Time // whole seconds, UTC
	// Envelope is the sealed and signed contribution. These very bytes are
	// sent, however often.
	Envelope []byte
	// Items are the contribution's reports, in its order.
	Items []Item
	// Nil are its nil reports, in its order; NilResults the answers to them
	// once it is settled.
	Nil        []report.Nil
	NilResults []wire.Result
	// Attempts that failed so far; Tried and Problem are of the last one.
	Attempts int
	Tried    time.Time
	Problem  string
	// Receipt is the hub's signed receipt, held since Receipted; empty while
	// the contribution waits.
	Receipt   []byte
	Receipted time.Time
}

// Item is one report within a contribution.
type Item struct {
	Report   wire.ReportID
	Revision int
	// Digest tells contents apart: HMAC-SHA256 over what is sent of the
	// report, under the member's own secret.
	Digest   []byte
	Evidence Evidence
	// Result is the hub's answer; its Status is empty while the contribution
	// waits.
	Result wire.Result
}

// Evidence is what the member keeps to prove later what its native file said:
// the commitment that went out is the hex SHA-256 of Nonce followed by
// Native. It never leaves the member.
type Evidence struct {
	Nonce []byte // 32 random bytes
	// Native is the SHA-256 of the native file.
	Native []byte
	// Source is where the file was, for example its path.
	Source string
}

// Known is what the queue remembers of the newest revision of a report.
type Known struct {
	Revision int
	Digest   []byte
	Evidence Evidence
	// Result is the hub's last answer about this revision; its Status is empty
	// while none has come.
	Result wire.Result
}

// Counts sums up a queue.
type Counts struct {
	// Waiting and Receipted count contributions.
	Waiting   int64 `json:"waiting"`
	Receipted int64 `json:"receipted"`
	// Reports by the hub's answer; Pending ones wait for it. A report that was
	// sent twice counts twice.
	Pending   int64 `json:"pending"`
	Accepted  int64 `json:"accepted"`
	Duplicate int64 `json:"duplicate"`
	Refused   int64 `json:"refused"`
	// Oldest is when the oldest waiting contribution was queued.
	Oldest time.Time `json:"oldest,omitzero"`
}
