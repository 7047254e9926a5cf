package consolidate

import (
	"context"
	"slices"
	"time"

	"github.com/concord-trust/concord/linkage"
	"github.com/concord-trust/concord/wire"
)

// Fact is what this room remembers of one report, so that it need not be
// opened again to be compared: tokens, dates and codes, no value that
// identifies.
type Fact struct {
	// Seq is the newest revision's number in the record, First that of the
	// first revision, by which "earliest" is decided.
	Seq, First int64
	Member     wire.MemberID
	Report     wire.ReportID
	Sector     string
	Group      wire.OwnerGroup
	// Contributor is whom thresholds count: the owner group, or the
	// organisation on whose behalf the report was relayed.
	Contributor string
	Received    time.Time
	// Own and OwnCampaign are the ids that the report gives to an incident,
	// and to a campaign, of which it is the earliest. They stay good as other
	// names when it is not.
	Own         wire.IncidentID
	OwnCampaign wire.CampaignID
	// Compared is what is compared with other reports.
	Compared linkage.Fact
	// Observables is how many it told, with or without a token.
	Observables int
	// Incident is where it stands now; "" before it was placed.
	Incident wire.IncidentID
}

// ReportKey names a report of a member over its revisions.
type ReportKey struct {
	Member wire.MemberID
	Report wire.ReportID
}

func (f Fact) key() ReportKey { return ReportKey{f.Member, f.Report} }

// Sightings are the tokens of observables by which the report can be tied to
// others, each once.
func (f Fact) Sightings() []linkage.Observable {
	return slices.DeleteFunc(slices.Clone(f.Compared.Observables), func(o linkage.Observable) bool { return o.Common })
}

func (f Fact) source() Source {
	return Source{Seq: f.Seq, Member: f.Member, Group: f.Group, Contributor: f.Contributor, Sector: f.Sector, Received: f.Received}
}

// Source is one report behind an incident, as far as thresholds need it.
type Source struct {
	Seq         int64
	Member      wire.MemberID
	Group       wire.OwnerGroup
	Contributor string
	Sector      string
	Received    time.Time
}

// KeptIncident is an incident as the store keeps it. Sources are in order of
// Seq, Links in order of A and B.
type KeptIncident struct {
	ID       wire.IncidentID
	Sector   string
	Sources  []Source
	Links    []Link
	Campaign wire.CampaignID // or ""
}

// KeptCampaign is a campaign as the store keeps it; Incidents ascend.
type KeptCampaign struct {
	ID        wire.CampaignID
	Incidents []wire.IncidentID
	Sources   []Source
	Tokens    map[string]int
}

// Store keeps what this room derives. All of it can be dropped and made again.
type Store interface {
	// Update runs change in one transaction: everything that it does becomes
	// durable, or nothing. It sees its own writes; no other Update overlaps.
	Update(ctx context.Context, change func(Workbench) error) error
	// Cursor is the sequence number up to which reports are consolidated.
	Cursor(ctx context.Context) (int64, error)
	// Erased lists the facts whose reports were erased from the record since,
	// by Seq, at most limit.
	Erased(ctx context.Context, limit int) ([]int64, error)

	// Incident finds an incident by its id or by the Own id of one of its
	// facts; fault.NotFound if there is none.
	Incident(ctx context.Context, id wire.IncidentID) (KeptIncident, error)
	// IncidentOf finds the incident that holds a report; false if none does.
	IncidentOf(ctx context.Context, key ReportKey) (KeptIncident, bool, error)
	// NewestIncidents lists incidents with a report of the sector, by when the
	// newest such report was received, descending, then by id; those after
	// the given place only.
	NewestIncidents(ctx context.Context, sector string, after Place, limit int) ([]KeptIncident, []Place, error)
	// IncidentsByID lists incidents with a report of the sector and an id
	// above after, in order of id.
	IncidentsByID(ctx context.Context, sector string, after wire.IncidentID, limit int) ([]KeptIncident, error)
	// Campaign finds a campaign by its id or by the OwnCampaign of a fact of
	// one of its incidents; fault.NotFound if there is none.
	Campaign(ctx context.Context, id wire.CampaignID) (KeptCampaign, error)
	// NewestCampaigns is like NewestIncidents.
	NewestCampaigns(ctx context.Context, sector string, after Place, limit int) ([]KeptCampaign, []Place, error)
	// CountConsolidated counts.
	CountConsolidated(ctx context.Context) (Counts, error)
	// Contributed lists the accepted reports of a member's contribution, in
	// order of Seq; fault.NotFound if the member made no such contribution.
	Contributed(ctx context.Context, m wire.MemberID, c wire.ContributionID) ([]Contributed, error)
	// Membership calls yield for every report that stands in an incident.
	Membership(ctx context.Context, yield func(ReportKey, wire.IncidentID) error) error
}

// Place is where a page of a list ends: the zero Place is before the first.
type Place struct {
	Latest time.Time
	ID     string
}

// Contributed is one accepted report of a contribution.
type Contributed struct {
	Seq    int64
	Report wire.ReportID
	Sector string
}

// Workbench is what the store offers within one [Store.Update]. Lists of ids
// may be long; what is not there is left out of answers.
type Workbench interface {
	Cursor() (int64, error)
	MoveCursor(to int64) error
	// Clear drops everything derived and moves the cursor to 0.
	Clear() error

	// Erased is [Store.Erased] within the transaction; Gone lists those of seqs
	// whose reports are erased.
	Erased(limit int) ([]int64, error)
	Gone(seqs []int64) ([]int64, error)

	// Facts returns facts by Seq, FactsOf by report, FactsIn by the incident
	// in which they stand; each in order of Seq.
	Facts(seqs []int64) ([]Fact, error)
	FactsOf(reports []ReportKey) ([]Fact, error)
	FactsIn(incidents []wire.IncidentID) ([]Fact, error)
	// PutFact adds a fact with its blocking keys.
	PutFact(f Fact, keys []int64) error
	// DropFacts removes facts with their keys, sightings and links.
	DropFacts(seqs []int64) error

	// Block returns the facts with a blocking key, at most limit, by Seq.
	Block(key int64, limit int) ([]int64, error)
	// Sighted returns the incidents of which a report has a token, at most
	// limit, in any order; facts that are not placed yet are passed over.
	Sighted(token string, limit int) ([]wire.IncidentID, error)

	// Links returns the links of which an end is among seqs, once each, in
	// order of A and B.
	Links(seqs []int64) ([]Link, error)
	PutLinks(links []Link) error
	// DropLinks removes the links of which an end is among seqs.
	DropLinks(seqs []int64) error

	// CampaignsOf returns the campaigns of incidents, once each, ascending.
	CampaignsOf(incidents []wire.IncidentID) ([]wire.CampaignID, error)
	// PutIncident adds an incident, of no campaign yet, and places its sources.
	PutIncident(i KeptIncident) error
	DropIncidents(ids []wire.IncidentID) error

	// Campaigns returns campaigns by id.
	Campaigns(ids []wire.CampaignID) ([]KeptCampaign, error)
	// PutCampaign adds a campaign and enters it with its incidents.
	PutCampaign(c KeptCampaign) error
	// DropCampaigns removes campaigns, also from their incidents.
	DropCampaigns(ids []wire.CampaignID) error
}
