// Package anonymise makes releases: versioned, anonymised datasets of a
// sector's incidents with codebook, coverage and checksums.
//
//	consolidate.Told… ──permitted statements──▶ table ──kanonymity──▶ [Release]
//
// A release is k-anonymous by records, by victims and by owner groups over the
// quasi-identifiers (the victim's industry, size and country, and the date);
// of everything else it tells only codes and bands that as many records,
// victims and owner groups share. It holds no token, no id of ours, and no
// field that its contributors do not grant to research for study. It may only
// coarsen further what left its owner generalised.
//
// Once something that it rests on is taken back, it is withdrawn: see
// [Room.Withdraw].
//
// What it does not promise stands in docs/threat-model.md: above all, somebody
// who knows an incident's technical details can find a record by their
// combination.
package anonymise

import (
	"encoding/json"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/terms/policy"
	"github.com/concord-trust/concord/wire"
)

// Release describes one released dataset and how it was made. Files are
// fetched by name.
type Release struct {
	ID       wire.ReleaseID `json:"id"`
	Sector   string         `json:"sector"`
	Title    string         `json:"title"`
	Made     time.Time      `json:"made"`
	Standard string         `json:"standard"`
	From     string         `json:"from,omitzero"`
	To       string         `json:"to,omitzero"`
	K        int            `json:"k,omitzero"`
	// MinOwnerGroups behind every equivalence class.
	MinOwnerGroups int `json:"min_owner_groups,omitzero"`
	Records        int `json:"records,omitzero"`
	Suppressed     int `json:"suppressed,omitzero"`
	// RareRemoved counts the codes left out of records because too few
	// records, victims or owner groups share them.
	RareRemoved int `json:"rare_removed,omitzero"`
	// Levels tells for each quasi-identifier the level it was coarsened to.
	Levels map[string]string `json:"levels,omitzero"`
	// Loss is the share of information lost, 0 to 1 (see kanonymity).
	Loss float64 `json:"loss,omitzero"`
	// TLP is the strictest marking of the grants under which it was made.
	TLP string `json:"tlp,omitzero"`
	// DataUse are codes of the Data Use Ontology that follow from those grants.
	DataUse []policy.DataUse `json:"data_use,omitzero"`
	Files   []File           `json:"files,omitzero"`
	// Withheld tells, per field that is not in the release, why.
	Withheld map[string]string `json:"withheld,omitzero"`
	Cite     string            `json:"cite"`
	// Withdrawn is set if it was taken back; then only its name is left.
	Withdrawn *Withdrawal `json:"withdrawn,omitzero"`
}

// MarshalJSON leaves out of a withdrawn release what is not known of it any
// more; of one that stands, nothing was left out or lost is said as 0.
func (rel Release) MarshalJSON() ([]byte, error) {
	type named Release
	if rel.Withdrawn != nil {
		return json.Marshal(named(rel))
	}
	return json.Marshal(struct {
		named
		Suppressed  int     `json:"suppressed"`
		RareRemoved int     `json:"rare_removed"`
		Loss        float64 `json:"loss"`
	}{named(rel), rel.Suppressed, rel.RareRemoved, rel.Loss})
}

// Gone is fault.Gone of a release that was withdrawn: why, and what whoever
// holds a copy does. Of one that stands it is nil.
func (rel Release) Gone() error {
	w := rel.Withdrawn
	if w == nil {
		return nil
	}
	return fault.New(fault.Gone, "release.withdrawn", "the release %s was withdrawn: %s; %s", rel.ID, w.Why, w.Next)
}

// PassOn says in words to whom what comes of a release may be passed on, by
// its marking.
func (rel Release) PassOn() string {
	switch rel.TLP {
	case "TLP:CLEAR":
		return "to anybody; it may be published"
	case "TLP:GREEN":
		return "within your community, but not published"
	case "TLP:AMBER":
		return "within your own organisation and to its clients, to those who need it"
	case "TLP:AMBER+STRICT":
		return "within your own organisation only, to those who need it"
	}
	return "to nobody: it is for those who fetched it"
}

// File is one file of a release.
type File struct {
	Name      string `json:"name"` // "incidents.csv", "incidents.parquet", "codebook.html" …
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
}
