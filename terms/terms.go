// Package terms decides what may flow. A contributor's sheet of clauses
// ([Sheet]) is compiled against a standard, and answers, with reasons, in
// which forms a field may go to a recipient for a purpose.
//
//	Sheet + Standard ──Compile──▶ Rules ──For(viewer, sector)──▶ Table: path → grants, with their conditions
//	                                │                              ├──At(moment)──▶ Granted: what holds, with clauses
//	                                │                              ├──Column(…)───▶ the same for many reports at once
//	                                │                              └──Next(moment)▶ when it changes
//	                                └────Leaves(at)──────────────▶ path → forms that leave the edge at all
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
// nobody. Each grant keeps the obligations of its own clause. A standard's
// default form only pre-fills editors and is never read here.
//
// The laws, each held by a property test: at no moment does adding a clause
// take anything away; the order of clauses never matters; without a clause that
// grants exact, exact stands in no table; delay and expiry are exact; between
// two changes that [Table.Next] tells nothing changes; many reports at once are
// decided as each by itself; the reasons of a decision are exactly the clauses
// that decide it. docs/terms.md says how, step by step.
package terms

import (
	"time"

	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Sheet is a contributor's terms.
type Sheet struct {
	Name    string   `yaml:"name" json:"name"`
	Version int      `yaml:"version" json:"version"`
	Title   string   `yaml:"title,omitempty" json:"title,omitzero"`
	Clauses []Clause `yaml:"clauses" json:"clauses"`
	// Retention is how long after it received a report the hub destroys it,
	// with its key; zero: not before the contributor recalls it.
	Retention Span `yaml:"retention,omitempty" json:"retention,omitzero"`

	source source
}

// Clause grants: these fields, to these recipients, for these purposes, in
// this form. Every list is a disjunction; an empty Fields, To or For grants
// nothing and is refused when the sheet is read. What stands below Form is
// optional: conditions narrow the grant, obligations go with it.
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
	// PAP is what the recipient may do with it (permissible actions protocol):
	// "PAP:AMBER" …; empty means the strictest, PAP:RED.
	PAP string `yaml:"pap,omitempty" json:"pap,omitzero"`
	// Attribution is how the recipient may see who said it; empty means
	// [ByStake].
	Attribution Attribution `yaml:"attribution,omitempty" json:"attribution,omitzero"`

	// After holds back: the clause grants only from so long after the hub
	// received the report.
	After Span `yaml:"after,omitempty" json:"after,omitzero"`
	// Keep ends it: the clause grants until so long after the hub received the
	// report, and by then the recipient deletes its copies.
	Keep Span `yaml:"keep,omitempty" json:"keep,omitzero"`
	// From and Until are days, UTC: the clause grants from the first second of
	// From until before the first second of Until.
	From  Date `yaml:"from,omitempty" json:"from,omitzero"`
	Until Date `yaml:"until,omitempty" json:"until,omitzero"`
	// Groups is the least number of owner groups behind the incident that the
	// statement belongs to, and behind any figure or class of a release that
	// it enters.
	Groups int `yaml:"groups,omitempty" json:"groups,omitzero"`
	// When are conditions on what the recipient did.
	When Condition `yaml:"when,omitempty" json:"when,omitzero"`
}

// Condition is what a recipient must have done to be granted anything.
type Condition struct {
	// ContributedWithin asks for reciprocity: the recipient's last accepted
	// report is younger than this.
	ContributedWithin Span `yaml:"contributed_within,omitempty" json:"contributed_within,omitzero"`
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
	// Members names single members by their ids ("m-…"), if given.
	Members []wire.MemberID `yaml:"members,omitempty" json:"members,omitzero"`
	// Roles restricts to members to whom their agreement gives one of these
	// roles ("mediator"), if given.
	Roles []string `yaml:"roles,omitempty" json:"roles,omitzero"`
	// Projects restricts to questions asked within one of these projects
	// ("p-…"), if given.
	Projects []string `yaml:"projects,omitempty" json:"projects,omitzero"`
	// Jurisdictions restricts to recipients under the law of one of these
	// countries (ISO 3166-1 alpha-2), if given.
	Jurisdictions []string `yaml:"jurisdictions,omitempty" json:"jurisdictions,omitzero"`
}

// Words that stand for any stake, and for any sector or the report's own.
const (
	AnyStake  = "any"
	AnySector = "any"
	OwnSector = "own"
)

// Attribution is how a recipient may see who said something.
type Attribution string

// The attributions, from the least that is told to the most.
const (
	// NotAttributed: not even the stake of who said it.
	NotAttributed Attribution = "none"
	// ByStake: the stake of who said it. It is what an empty one means.
	ByStake Attribution = "stake"
	// ByName: its name.
	ByName Attribution = "named"
)

// Grant is one form granted for a field, with the obligations that go with it,
// the conditions under which it holds, and the clauses that grant it:
// obligations of different clauses never mix.
type Grant struct {
	Form standard.Form `json:"form"`
	// TLP, PAP and Attribution are written out, also where a clause leaves
	// them to what empty means.
	TLP         string      `json:"tlp"`
	PAP         string      `json:"pap"`
	Attribution Attribution `json:"attribution"`
	// Keep is how long after its receipt copies may be kept; zero: without end.
	Keep Span `json:"keep,omitzero"`
	// After, From, Until and Groups say when it holds (see [Clause]). Until is
	// a moment, since a recipient who must have contributed lately loses the
	// grant in the middle of a day. What [Table.At] returns holds, and has none
	// of them.
	After  Span      `json:"after,omitzero"`
	From   Date      `json:"from,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Groups int       `json:"groups,omitzero"`
	// Clauses are the reasons, by id, sorted.
	Clauses []string `json:"clauses"`
}
