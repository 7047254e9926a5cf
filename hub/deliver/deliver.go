// Package deliver is the last room at the hub: it computes, for one viewer
// and one purpose, what the contributors' terms and the viewer's agreement
// allow, and mints it as an [Answer]. The adapters (HTTP API, pages, feeds)
// serialise nothing else.
//
//	consolidate, analyse, anonymise ──▶ Room.X(viewer) ──▶ Answer[View] ──▶ adapters
//
// Terms bind statements: an incident is answered from the statements its
// viewer may receive; what rests on others appears only as counted.
package deliver

import (
	"time"

	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/anonymise"
	"github.com/concord-trust/concord/wire"
)

// Answer is something that may be shown to the viewer for whom it was made.
// Only this package makes one.
type Answer[T any] struct {
	body  T
	until time.Time
}

// Body returns the view to serialise.
func (a Answer[T]) Body() T { return a.body }

// Until is the first moment at which the answer may be another one although
// the record is the same: a grant begins or ends, or somebody counts from then
// on. Zero: none is known. Whoever keeps an answer keeps it for no longer.
func (a Answer[T]) Until() time.Time { return a.until }

// Saying is one permitted statement about a field.
type Saying struct {
	// Source labels the report within this answer ("A", "B", …), so that
	// sayings of one source can be told together; it names nobody.
	Source string `json:"source"`
	Value  string `json:"value"`
	Label  string `json:"label,omitzero"` // the code's label
	Form   string `json:"form"`
	// TLP says how it may be passed on, PAP what may be done with it, and
	// DeleteBy is the day, in UTC, on which copies are deleted at the latest.
	TLP      string `json:"tlp,omitzero"`
	PAP      string `json:"pap,omitzero"`
	DeleteBy string `json:"delete_by,omitzero"`
}

// FieldView is one field of an incident as the viewer may see it.
type FieldView struct {
	Path    string   `json:"path"`
	Title   string   `json:"title"`
	Sayings []Saying `json:"sayings,omitzero"`
	// Conflict is true where sources differ; all of them are shown.
	Conflict bool `json:"conflict,omitzero"`
	// Withheld says why something is held back, in general terms.
	Withheld string `json:"withheld,omitzero"`
}

// SourceView is one report behind an incident.
type SourceView struct {
	Label string `json:"label"`
	// Stake is "withheld" where terms do not let it be told; Name stands where
	// they let that be told as well.
	Stake    string `json:"stake"`
	Name     string `json:"name,omitzero"`
	Received string `json:"received"` // month
	Mine     bool   `json:"mine,omitzero"`
}

// ObservableView is an observable of an incident or campaign.
type ObservableView struct {
	Type      string   `json:"type"`
	Value     string   `json:"value,omitzero"`
	Pseudonym string   `json:"pseudonym,omitzero"` // HMAC under the audience's key
	Role      string   `json:"role,omitzero"`
	FirstSeen string   `json:"first_seen,omitzero"`
	LastSeen  string   `json:"last_seen,omitzero"`
	TLP       string   `json:"tlp,omitzero"`
	PAP       string   `json:"pap,omitzero"`
	DeleteBy  string   `json:"delete_by,omitzero"`
	Common    string   `json:"common,omitzero"`
	Sources   []string `json:"sources,omitzero"`
}

// IncidentSummary is a line of a list of incidents.
type IncidentSummary struct {
	ID        wire.IncidentID   `json:"id"`
	Sector    string            `json:"sector"`
	Date      string            `json:"date"` // with the precision permitted
	Actions   []string          `json:"actions"`
	Headline  string            `json:"headline"` // a plain sentence
	Sources   int               `json:"sources"`  // reports, as counted
	Stakes    []string          `json:"stakes"`
	Campaigns []wire.CampaignID `json:"campaigns,omitzero"`
	Mine      bool              `json:"mine,omitzero"`
}

// IncidentView is an incident as its viewer may see it.
type IncidentView struct {
	IncidentSummary
	Reports     []SourceView     `json:"reports"`
	Fields      []FieldView      `json:"fields"`
	Observables []ObservableView `json:"observables,omitzero"`
	// Why says why these reports are tied together, in sentences.
	Why []string `json:"why,omitzero"`
	// WithheldObservables counts what is not shown, by type, in bands.
	WithheldObservables map[string]string `json:"withheld_observables,omitzero"`
}

// CampaignView is a campaign as its viewer may see it.
type CampaignView struct {
	ID          wire.CampaignID   `json:"id"`
	Headline    string            `json:"headline"`
	Sectors     []string          `json:"sectors"`
	Groups      string            `json:"groups"` // band of owner groups
	From        string            `json:"from"`   // months
	To          string            `json:"to"`
	Tied        []string          `json:"tied"` // by what, in sentences
	Incidents   []IncidentSummary `json:"incidents,omitzero"`
	Observables []ObservableView  `json:"observables,omitzero"`
}

// Page is one page of a list; Next is the cursor of the following page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitzero"`
}

// OnePage is a list that has no further page, as lists with pages are answered.
func OnePage[T any](a Answer[[]T]) Answer[Page[T]] {
	return Answer[Page[T]]{body: Page[T]{Items: a.body}}
}

// Finding is a sentence with a number that heads a page, with its evidence.
type Finding struct {
	Sentence string `json:"sentence"`
	Detail   string `json:"detail,omitzero"`

	weight int // how much it tells; see findings
}

// PictureView is the sector picture: what happens, what changed, how sure.
type PictureView struct {
	Sector   string          `json:"sector"`
	Title    string          `json:"title"`
	Findings []Finding       `json:"findings"`
	Tables   []analyse.Table `json:"tables"`
	Taken    time.Time       `json:"taken,omitzero"`
	// Reporting says how many members reported, by stake, in bands.
	Reporting map[string]string `json:"reporting"`
}

// IndicatorRow is one line of the indicator feed.
type IndicatorRow struct {
	Value    string `json:"value"`
	Type     string `json:"type"`
	LastSeen string `json:"last_seen"`
	Members  string `json:"members"` // band
	TLP      string `json:"tlp"`
	PAP      string `json:"pap"`
	DeleteBy string `json:"delete_by,omitzero"`
}

// ContributionView is one of the viewer's own reports.
type ContributionView struct {
	Report       wire.ReportID       `json:"report"`
	Revision     int                 `json:"revision"`
	Received     string              `json:"received"`
	Sector       string              `json:"sector"`
	Contribution wire.ContributionID `json:"contribution"`
	Incident     wire.IncidentID     `json:"incident,omitzero"`
	// Forms counts statements by the form in which they left.
	Forms map[string]int `json:"forms"`
	// Joined says what it was joined with, in bands, or why nothing is said.
	Joined string `json:"joined"`
	// Destroyed: its key is gone, or kept apart by a legal hold.
	Destroyed bool `json:"destroyed,omitzero"`
}

// ReleaseView is a release's description.
type ReleaseView = anonymise.Release
