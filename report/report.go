// Package report is the vocabulary of what members report: a record over a
// standard's fields ([Report]), and what is left of it when it leaves its
// owner ([Minimised]), with the observables seen.
//
//	Report ──(edge/minimise, by terms)──▶ Minimised ──(edge/tokenise)──▶ Minimised with tokens
//
// A report's JSON follows the paths of its standard:
//
//	{"standard":"finance/1.0","victim":{"industry":"522110","country":["US"]},
//	 "asset":{"assets":[{"variety":"S - Web application"}]},
//	 "observables":[{"type":"domain","value":"login.example.net"}]}
//
// It is closed: an unknown property, or a value outside a code list, is
// refused with its path. See [Decode], [Encode] and [Validate].
package report

import (
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/wire"
)

// Statement is what a report says about one field: the value's canonical text
// (see standard.Type), and the row for fields of a repeated group or with many
// values (0 otherwise).
type Statement struct {
	Path  string
	Row   int
	Value string
}

// Observable is a typed value seen in the incident. Type is one of package
// observable's; Value as reported, canonicalised only for tokens.
type Observable struct {
	Type      string `json:"type"`
	Value     string `json:"value"`
	Role      string `json:"role,omitzero"`
	FirstSeen string `json:"first_seen,omitzero"`
	LastSeen  string `json:"last_seen,omitzero"`
	Count     int64  `json:"count,omitzero"`
}

// ObservablePath is the path by which terms and standards speak about the
// values of observables of a type: "observable.ip". Each such field stands in
// the standard (core), with its class and default form.
func ObservablePath(typ string) string { return "observable." + typ }

// Report is one incident as one member reports it, complete, as it stands at
// its owner. It never leaves there.
type Report struct {
	// Native is the identifier of the case in its source (a VERIS
	// incident_id, a row's key), empty if it has none. It identifies and
	// never leaves the edge; the edge derives the report's id from it.
	Native      string
	Standard    standard.Ref
	Statements  []Statement // ordered by (standard order of path, row)
	Observables []Observable
}

// Get returns the values of a path in row order; none gives nil.
func (r Report) Get(path string) []string {
	var out []string
	for _, s := range r.Statements {
		if s.Path == path {
			out = append(out, s.Value)
		}
	}
	return out
}

// Value returns the first value of a path, or "".
func (r Report) Value(path string) string {
	for _, s := range r.Statements {
		if s.Path == path {
			return s.Value
		}
	}
	return ""
}

// Said is a statement in the form in which it left its owner. Value is the
// exact canonical text, or the coarsened value, or the token (43 characters
// of unpadded base64url), by Form.
type Said struct {
	Path  string        `json:"path"`
	Row   int           `json:"row,omitzero"`
	Form  standard.Form `json:"form"`
	Value string        `json:"value"`
}

// Seen is an observable as it left its owner: the token always (where it has
// a canonical form), the value only if some clause grants it exact.
type Seen struct {
	Type      string `json:"type"`
	Value     string `json:"value,omitzero"`
	Token     string `json:"token,omitzero"`
	Role      string `json:"role,omitzero"`
	FirstSeen string `json:"first_seen,omitzero"`
	LastSeen  string `json:"last_seen,omitzero"`
	Count     int64  `json:"count,omitzero"`
	// Common names the warning list of benign infrastructure on which the
	// edge found the value; such tokens never tie reports together.
	Common string `json:"common,omitzero"`
}

// Minimised is a report as it leaves: only what somebody may receive under
// its owner's terms, each statement in every maximal form granted.
type Minimised struct {
	ID       wire.ReportID `json:"id"`
	Revision int           `json:"revision,omitzero"`
	Sector   string        `json:"sector"`
	Standard standard.Ref  `json:"standard"`
	// OnBehalf is the token of the organisation for which the report is
	// relayed; thresholds count it instead of the reporting member.
	OnBehalf string `json:"on_behalf,omitzero"`
	// Native is the salted commitment (hex SHA-256 of nonce ‖ native file),
	// whose nonce and file the member keeps as evidence.
	Commitment  string `json:"commitment,omitzero"`
	Said        []Said `json:"said"`
	Observables []Seen `json:"observables,omitzero"`
}

// Contribution is the plaintext of an envelope.
type Contribution struct {
	ID        wire.ContributionID `json:"id"`
	Member    wire.MemberID       `json:"member"`
	Hub       string              `json:"hub"`
	Agreement wire.AgreementID    `json:"agreement"`
	// Made is the edge's clock, RFC 3339 UTC; the hub tolerates a stated skew.
	Made    string      `json:"made"`
	Reports []Minimised `json:"reports,omitzero"`
	Nil     []Nil       `json:"nil,omitzero"`
}

// Limits of one contribution.
const (
	MaxReports     = 500
	MaxSaid        = 2000
	MaxObservables = 20000
)
