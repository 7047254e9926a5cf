// Package consolidate joins what members reported of the same event, keeping
// every source, and ties incidents into campaigns.
//
//	receive.Received ──▶ [Fact] ──linkage──▶ links ──▶ [Incident] ──rare tokens──▶ [Campaign]
//
// It pulls: [Room.Run] reads what receive committed after sequence n,
// recomputes what the new reports touch, and commits its result and n in one
// transaction. Restart, replay and rebuild are the same code.
//
// What comes out depends on the reports alone, never on the order in which
// they arrived or on how they were cut into batches; only an incident's id
// tells which of its reports came first.
//
// The rooms downstream read through [Reader], which Room implements.
package consolidate

import (
	"context"
	"time"

	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/wire"
)

// Incident is what consolidation makes of all reports about one event. It
// holds no statement: those stay with their reports, since terms bind
// statements, not incidents.
type Incident struct {
	ID wire.IncidentID
	// Sector is the sector of which the incident was asked; asked by its id
	// alone, that of its earliest report.
	Sector string
	// Sectors are those of all its reports, ascending. Read for one sector, an
	// incident holds the reports of that sector alone, and only names the
	// others here.
	Sectors []string
	// Seqs are the record's sequence numbers of the newest revision of each
	// report, ascending.
	Seqs []int64
	// Groups are the owner groups (or on-behalf-of tokens) behind it, for
	// thresholds; never shown. Those on probation are left out.
	Groups []string
	// Links say why the reports are tied.
	Links []Link
	// Campaigns that the incident belongs to.
	Campaigns []wire.CampaignID
	// Latest is when the newest of its reports was received.
	Latest time.Time

	// elsewhere counts owner groups that stand behind its reports of other
	// sectors only, where it was read for one.
	elsewhere int
	// next is when the next of those who stand behind it counts.
	next time.Time
}

// Behind is how many owner groups stand behind the whole incident: read for one
// sector, those of its other reports count as well.
func (i Incident) Behind() int { return len(i.Groups) + i.elsewhere }

// Next is the first moment at which more owner groups may stand behind it
// although the record is the same: a probation ends. Zero: none.
func (i Incident) Next() time.Time { return i.next }

// Link ties two reports of one incident with the evidence for it.
type Link struct {
	A, B     int64    `json:"-"`
	Evidence []string // kinds: "same victim", "near dates", "shared domain" …
	Weight   float64
}

// Campaign is a set of incidents tied by rare shared tokens.
type Campaign struct {
	ID        wire.CampaignID
	Sectors   []string
	Incidents []wire.IncidentID
	Groups    []string
	// Tokens counts the shared rare tokens by observable type.
	Tokens map[string]int
	Latest time.Time
}

// Told is an incident with everything that was told about it: each report in
// the forms in which it left its owner.
type Told struct {
	Incident Incident
	Reports  []receive.Received
}

// Reader is what the rooms downstream read. Lists are ordered by Latest
// descending, then id; before is an opaque cursor, "" for the first page.
type Reader interface {
	// Incident returns an incident by its id, or by one that it had before it
	// grew together with an older one.
	Incident(ctx context.Context, id wire.IncidentID) (Told, error)
	Incidents(ctx context.Context, sector string, before string, limit int) (page []Told, next string, err error)
	// Each calls yield for every incident of a sector, in order of id. No
	// report is told twice, even if incidents grow together meanwhile.
	Each(ctx context.Context, sector string, yield func(Told) error) error
	// Campaign returns a campaign by its id, or by one that it had before.
	Campaign(ctx context.Context, id wire.CampaignID) (Campaign, error)
	Campaigns(ctx context.Context, sector string, before string, limit int) (page []Campaign, next string, err error)
	// OfReport returns the incident that a report is part of, if any yet.
	OfReport(ctx context.Context, id wire.ReportID, m wire.MemberID) (Incident, bool, error)
	// Cursor is the sequence number up to which reports are consolidated.
	Cursor(ctx context.Context) (int64, error)
	// Counts of the consolidated record.
	Counts(ctx context.Context) (Counts, error)
}

// Counts are totals over the consolidated record. Observables counts what
// reports told (an observable that three reports name counts three times),
// Tokens the different tokens among observables, victims and on-behalf-of.
type Counts struct {
	Incidents, Campaigns, Observables, Tokens int
}
