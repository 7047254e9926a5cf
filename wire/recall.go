package wire

import "strings"

type (
	// RecallID names a recall ("d-…"): what was destroyed together, and the
	// receipt of it.
	RecallID string
	// HoldID names a legal hold ("h-…").
	HoldID string
)

// MaxRecall is how many reports are recalled at once.
const MaxRecall = 1000

// Payload types of what is signed about recalls and holds.
const (
	PayloadRecall       = "application/vnd.concord.recall.v1+json"
	PayloadDestruction  = "application/vnd.concord.destruction.v1+json"
	PayloadHoldApproval = "application/vnd.concord.hold-approval.v1+json"
)

// RecallRequest asks the hub to destroy reports of the member who signs it.
// The same request sent again gets the same receipt.
type RecallRequest struct {
	ID     RecallID `json:"id"`
	Member MemberID `json:"member"`
	Hub    string   `json:"hub"`
	// Made is RFC 3339 UTC, by the member's clock. A contribution made up to
	// then does not bring a recalled report back, whenever it arrives.
	Made    string     `json:"made"`
	Reports []ReportID `json:"reports"`
	// Reason is a code: [Reasons].
	Reason string `json:"reason"`
}

// Reasons for a recall.
const (
	ReasonMistake   = "mistake"
	ReasonLegal     = "legal"
	ReasonConsent   = "consent"
	ReasonSafety    = "safety"
	ReasonOther     = "other"
	ReasonRetention = "retention" // the hub's own: the time is over
)

// Reasons that a member or an operator may give.
func Reasons() []string {
	return []string{ReasonOther, ReasonMistake, ReasonLegal, ReasonConsent, ReasonSafety}
}

// By whom reports were destroyed.
const (
	ByMember    = "member"
	ByOperator  = "operator"
	ByRetention = "retention"
	ByHoldEnd   = "hold-end"
)

// Destruction is the hub's signed word that reports are destroyed. From At on
// no answer holds anything of them.
type Destruction struct {
	ID     RecallID `json:"id"`
	Member MemberID `json:"member"`
	Hub    string   `json:"hub"`
	// At is RFC 3339 UTC, in whole seconds.
	At     string `json:"at"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	// Request is the hex SHA-256 of the member's signed request, if there was
	// one.
	Request string            `json:"request,omitzero"`
	Reports []DestroyedReport `json:"reports"`
	// BackupDays is for how many days the hub keeps backups, and BackupsUntil
	// the day by the end of which none is left that holds the keys of what is
	// destroyed. It says nothing of what is held: that has another receipt.
	BackupDays   int       `json:"backup_days"`
	BackupsUntil string    `json:"backups_until"`
	Log          *LogEntry `json:"log,omitzero"`
}

// Sealed tells of how many reports a legal hold kept the keys when the receipt
// was made, and the last day, in UTC, on which it does: days after that, no
// backup holds them. The day is "" if there are none.
func (d Destruction) Sealed() (reports int, lastDay string) {
	for _, r := range d.Reports {
		if r.Status != Held {
			continue
		}
		reports++
		lastDay = max(lastDay, LastDay(r.HeldUntil))
	}
	return reports, lastDay
}

// LastDay is the day of a moment in RFC 3339, UTC: a hold lasts until the last
// second of one.
func LastDay(until string) string {
	day, _, _ := strings.Cut(until, "T")
	return day
}

// What became of a report that was to be destroyed.
const (
	// Destroyed: the keys of all of its revisions are.
	Destroyed = "destroyed"
	// DestroyedBefore: they were already, At.
	DestroyedBefore = "before"
	// Held: it is out of every answer, and a legal hold keeps its keys sealed
	// until the day given; then they are destroyed, with another receipt.
	Held = "held"
	// Unknown: the hub holds no such report of the member.
	Unknown = "unknown"
)

// DestroyedReport is one report of a destruction.
type DestroyedReport struct {
	Report    ReportID `json:"report"`
	Status    string   `json:"status"`
	Revisions []int    `json:"revisions,omitzero"`
	// Commitments are those to the native files, one a revision ("" where it
	// bore none).
	Commitments []string `json:"commitments,omitzero"`
	At          string   `json:"at,omitzero"`
	HeldUntil   string   `json:"held_until,omitzero"`
}

// ConfirmRequest confirms that copies of what notices name are deleted.
type ConfirmRequest struct {
	// Notices are confirmed; with All every open one is.
	Notices []string `json:"notices,omitzero"`
	All     bool     `json:"all,omitzero"`
	// Named lets the contributor learn who confirms.
	Named bool `json:"named,omitzero"`
}

// Confirmed counts what was confirmed by a request, and what is still open.
type Confirmed struct {
	Confirmed int `json:"confirmed"`
	Open      int `json:"open"`
}

// HoldApproval is what an approver of a legal hold signs.
type HoldApproval struct {
	Hold Hold `json:"hold"`
	// Verdict is begin or end.
	Verdict string   `json:"verdict"`
	Member  MemberID `json:"member"` // who approves
	Hub     string   `json:"hub"`
	Person  string   `json:"person"`
	Made    string   `json:"made"`
}

// Verdicts of an approval: that the hold begins, and that it ends before its
// day.
const (
	HoldBegin = "begin"
	HoldEnd   = "end"
)

// Hold is a legal hold as it was proposed.
type Hold struct {
	ID HoldID `json:"id"`
	// Of whose reports; all of them, if no Report is named.
	Of     MemberID `json:"of"`
	Report ReportID `json:"report,omitzero"`
	// Case is a reference, and nothing about the case.
	Case string `json:"case,omitzero"`
	// Until is the first moment at which it holds no more, RFC 3339 UTC.
	Until     string      `json:"until"`
	Proposed  string      `json:"proposed"`
	Approvers [2]MemberID `json:"approvers"`
}

// HoldState is a hold with what became of it.
type HoldState struct {
	Hold Hold `json:"hold"`
	// State is proposed, active or over.
	State string `json:"state"`
	// Begun and Ended name the members who approved so.
	Begun []MemberID `json:"begun,omitzero"`
	Ended []MemberID `json:"ended,omitzero"`
	// Keys is how many keys of recalled reports it keeps.
	Keys int `json:"keys"`
}

// States of a hold.
const (
	HoldProposed = "proposed"
	HoldActive   = "active"
	HoldOver     = "over"
)

// Holds lists holds.
type Holds struct {
	Holds []HoldState `json:"holds"`
}
