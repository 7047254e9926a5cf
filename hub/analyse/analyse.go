// Package analyse makes the hub's statistics from scheduled snapshots of the
// consolidated record, under disclosure control.
//
//	consolidate.Told… ──[Room.Snapshot]──▶ Snapshot (raw cells, stays in the hub)
//	Snapshot ──[Protect](viewer's owner group, policy)──▶ Table (what may be shown)
//
// A raw cell never leaves this room: only [Protect] makes a [Table], and a
// Table's cells hold a figure only if enough owner groups other than the
// viewer's stand behind it, none of them dominates a sum, and no withheld
// figure can be computed from those shown.
package analyse

import "time"

// Policy is a sector's rules for figures.
type Policy struct {
	// MinOwnerGroups is the least number of owner groups, not counting the
	// viewer's, behind any figure.
	MinOwnerGroups int
	// Dominance: a sum is withheld when the largest contributor alone makes
	// up more than this share of it (0.7), or the two largest more than 0.85.
	MaxShareOfOne, MaxShareOfTwo float64
}

// Figure is one shown or withheld number of a table.
type Figure struct {
	// Key holds the cell's category in each dimension, as codes.
	Key []string `json:"key"`
	// Value is the figure; meaningless when Withheld is not empty.
	Value float64 `json:"value"`
	// Groups is the band of owner groups behind it ("5–9", "10–19", "20+").
	Groups string `json:"groups,omitzero"`
	// Withheld says in plain words why the figure is not shown.
	Withheld string `json:"withheld,omitzero"`
}

// Dimension is one axis of a table, its categories in the order of display.
type Dimension struct {
	Name       string   `json:"name"` // "action", "quarter"
	Title      string   `json:"title"`
	Categories []string `json:"categories"`
	Labels     []string `json:"labels"`
}

// Table is a protected statistic.
type Table struct {
	Name   string `json:"name"`   // "action-by-quarter"
	Title  string `json:"title"`  // what it counts, in words
	Counts string `json:"counts"` // "incidents", or which amounts and how
	// Currency of its amounts or bands, by ISO 4217; "" where it tells none.
	Currency string `json:"currency,omitzero"`
	Sector   string `json:"sector"`
	// Snapshot names the snapshot it was made from; Taken when.
	Snapshot   string      `json:"snapshot"`
	Taken      time.Time   `json:"taken"`
	From       string      `json:"from"` // first month covered
	To         string      `json:"to"`   // last month covered
	Dimensions []Dimension `json:"dimensions"`
	Figures    []Figure    `json:"figures"`
	// Shown and Cells count figures; Missing says what is not in the table,
	// Note how what is in it was counted.
	Shown      int    `json:"shown"`
	Cells      int    `json:"cells"`
	Missing    string `json:"missing,omitzero"`
	Note       string `json:"note,omitzero"`
	Protection string `json:"protection"`
}
