// Package veris reads and writes incidents in the Vocabulary for Event
// Recording and Incident Sharing (https://verisframework.org), versions 1.2,
// 1.3.x and 1.4.x, as the world writes them.
//
//	{"action":{"hacking":{"variety":["SQLi"]}},"victim":{"country":["US"]}, …}
//	        │ Parse                                          ▲ Print
//	        ▼                                                │
//	action.hacking.variety[] 0 "SQLi"      victim.country[] 0 "US"
//
// An [Incident] is the flat list of its values, each at its path; no field of
// VERIS is a Go struct field, so that versions differ only in the tables of
// this package: [Moves], [Renames] and [Rules] are all the repairs that
// reading knows, each with its reason. docs/veris.md is generated from them.
//
// What the values mean, and which of them a standard takes, is for package
// mapping. In goes a stream ([NewReader]), out come incidents, one at a time.
package veris

import (
	"strings"
)

// Kind is the kind of a JSON value without members.
type Kind uint8

// The closed set of kinds.
const (
	String Kind = iota
	Number
	Boolean
	Null
	EmptyObject
	EmptyList
)

// Value is one value of an incident, at its place.
type Value struct {
	// Place is the path with its lists marked:
	// "attribute.confidentiality.data[].amount".
	Place string
	// Path is Place without the marks, as documents name it:
	// "attribute.confidentiality.data.amount".
	Path string
	// Row is the position in the first list of the path, Item that in the
	// second; 0 where there is none.
	Row, Item int
	Kind      Kind
	// Text is the content of a string, or the JSON text of a number or
	// boolean; empty for the other kinds.
	Text string
}

// Incident is one incident as it was written.
type Incident struct {
	// Values stand in the order of the document.
	Values []Value
	// Applied lists repairs that reading itself had to make, by rule.
	Applied []string
}

// Get returns the first value at a path without list marks.
func (in *Incident) Get(path string) (Value, bool) {
	for _, v := range in.Values {
		if v.Path == path {
			return v, true
		}
	}
	return Value{}, false
}

// Version returns the schema version that the incident states, with its usual
// dots ("1_3_4" is 1.3.4), or "" if it states none.
func (in *Incident) Version() string {
	v, _ := in.Get("schema_version")
	return strings.NewReplacer("_", ".", "-", ".").Replace(strings.TrimSpace(v.Text))
}

// Newest is the version in which incidents are written. It is the one whose
// lists the core standard follows; what the core keeps of older versions
// stands in [Renames], by which every reader knows it.
const Newest = "1.4.1"
