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
// What it does not promise stands in docs/threat-model.md: above all, somebody
// who knows an incident's technical details can find a record by their
// combination.
package anonymise

import (
	"time"

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
	From     string         `json:"from"`
	To       string         `json:"to"`
	K        int            `json:"k"`
	// MinOwnerGroups behind every equivalence class.
	MinOwnerGroups int `json:"min_owner_groups"`
	Records        int `json:"records"`
	Suppressed     int `json:"suppressed"`
	// RareRemoved counts the codes left out of records because too few
	// records, victims or owner groups share them.
	RareRemoved int `json:"rare_removed"`
	// Levels tells for each quasi-identifier the level it was coarsened to.
	Levels map[string]string `json:"levels"`
	// Loss is the share of information lost, 0 to 1 (see kanonymity).
	Loss float64 `json:"loss"`
	// TLP is the strictest marking of the grants under which it was made.
	TLP   string `json:"tlp,omitzero"`
	Files []File `json:"files"`
	// Withheld tells, per field that is not in the release, why.
	Withheld map[string]string `json:"withheld,omitzero"`
	Cite     string            `json:"cite"`
}

// File is one file of a release.
type File struct {
	Name      string `json:"name"` // "incidents.csv", "incidents.parquet", "codebook.html" …
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
}
