// Package terms decides what may flow. A contributor's sheet of clauses
// ([Sheet]) is compiled against a standard, and answers, with reasons, in
// which forms a field may go to a recipient for a purpose.
//
//	Sheet + Standard ──Compile──▶ Rules ──For(recipient, sector, purpose)──▶ Table: path → grants, with clauses
//	                                 └────Leaves()─────────────────────────▶ path → forms that leave the edge at all
//
// A sheet is a short YAML (or JSON) document:
//
//	name: my-bank
//	version: 1
//	clauses:
//	  - id: indicators
//	    fields: ["class:indicator"]
//	    to: [{stake: any, sector: own}]
//	    for: [defend]
//	    form: exact
//	    tlp: "TLP:AMBER"
//
// Clauses only grant: what no clause grants is withheld. Grants are kept as
// the set of maximal forms of the form lattice (see standard.Form), never as
// their join: a token for the police plus bands for researchers is exact to
// nobody. Each grant keeps the onward marking of its own clause. A standard's
// default form only pre-fills editors and is never read here.
//
// The laws, each held by a property test: adding a clause never takes
// anything away; the order of clauses never matters; without a clause that
// grants exact, exact stands in no table; the reasons of a decision are
// exactly the clauses that decide it.
package terms

import (
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
)

// Sheet is a contributor's terms.
type Sheet struct {
	Name    string   `yaml:"name" json:"name"`
	Version int      `yaml:"version" json:"version"`
	Title   string   `yaml:"title,omitempty" json:"title,omitzero"`
	Clauses []Clause `yaml:"clauses" json:"clauses"`

	source source
}

// Clause grants: these fields, to these recipients, for these purposes, in
// this form. Every list is a disjunction; an empty Fields, To or For grants
// nothing and is refused when the sheet is read.
type Clause struct {
	ID string `yaml:"id" json:"id"`
	// Fields names paths ("victim.industry"), whole branches ("timeline.*")
	// or classes ("class:indicator"). A branch or class grants those of its
	// fields that can take the form; one of which no field can is refused. A
	// "?" behind a name says that a standard may do without it: the same
	// sheet then serves sectors with different profiles.
	Fields []string         `yaml:"fields" json:"fields"`
	To     []Recipient      `yaml:"to" json:"to"`
	For    []member.Purpose `yaml:"for" json:"for"`
	Form   standard.Form    `yaml:"form" json:"form"`
	// TLP is the onward marking (TLP 2.0): "TLP:AMBER" …; empty means the
	// strictest, TLP:RED.
	TLP string `yaml:"tlp,omitempty" json:"tlp,omitzero"`
}

// Recipient describes who receives; all conditions that are given must hold.
type Recipient struct {
	// Stake, or "any" for each stake.
	Stake string `yaml:"stake" json:"stake"`
	// Sector: "own" is the sector of the report, "any" (or empty) each, or a
	// name. The recipient must take part in it.
	Sector string `yaml:"sector,omitempty" json:"sector,omitzero"`
	// Kinds restricts to kinds of member, if given.
	Kinds []member.Kind `yaml:"kinds,omitempty" json:"kinds,omitzero"`
}

// Words that stand for any stake, and for any sector or the report's own.
const (
	AnyStake  = "any"
	AnySector = "any"
	OwnSector = "own"
)

// Grant is one maximal form granted for a field, with its own marking and the
// clauses that grant it: obligations of different clauses never mix.
type Grant struct {
	Form    standard.Form `json:"form"`
	TLP     string        `json:"tlp"`
	Clauses []string      `json:"clauses"`
}
