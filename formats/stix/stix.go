// Package stix reads, checks and writes STIX 2.1 (OASIS standard, June 2021):
// objects, bundles of them, and the patterns of indicators.
//
//	{"type":"bundle","objects":[…]} ──[Reader]──▶ [Object], one after the other
//	                                                 │ [Validate]
//	                                                 ▼
//	                        [Finding]: what breaks a MUST, what breaks a SHOULD
//
//	[domain-name:value = 'c2.example'] ──[ParsePattern]──▶ [Pattern] ──[Observables]──▶ typed values
//
// No type of STIX is a Go struct: an [Object] keeps its members in the order
// of the document, and what each type may hold stands in tables (types*.go).
// What the objects mean for a report is for package mapping.
package stix

import "strings"

// Member is a name and its value. A value is a string, a [Number], a bool, nil
// (null), a [List] or an [Object].
type Member struct {
	Name  string
	Value any
}

// Number is the text of a JSON number.
type Number string

// List is a JSON array.
type List []any

// Object is a JSON object in the order of its document, each name once.
type Object []Member

// Get returns the value of a member.
func (o Object) Get(name string) (any, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Has says whether there is a member of the name.
func (o Object) Has(name string) bool {
	_, ok := o.Get(name)
	return ok
}

// Text returns a member that is a string, else "".
func (o Object) Text(name string) string {
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}

// Object returns a member that is an object, else nil.
func (o Object) Object(name string) Object {
	v, _ := o.Get(name)
	inner, _ := v.(Object)
	return inner
}

// List returns a member that is a list, else nil.
func (o Object) List(name string) List {
	v, _ := o.Get(name)
	l, _ := v.(List)
	return l
}

// Texts returns the strings of a list, or a single string as a list of one.
func (o Object) Texts(name string) []string {
	v, _ := o.Get(name)
	switch v := v.(type) {
	case string:
		return []string{v}
	case List:
		var out []string
		for _, item := range v {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// Type returns the type of an object, "" if it states none.
func (o Object) Type() string { return o.Text("type") }

// ID returns the identifier of an object, "" if it states none.
func (o Object) ID() string { return o.Text("id") }

// With returns the object with a member added at its end.
func (o Object) With(name string, value any) Object { return append(o, Member{name, value}) }

// TypeOfID returns the type that an identifier names: "indicator" of
// "indicator--…", "" of what is no identifier.
func TypeOfID(id string) string {
	typ, _, ok := strings.Cut(id, "--")
	if !ok {
		return ""
	}
	return typ
}

// IsBundle says whether an object is a bundle of others.
func (o Object) IsBundle() bool { return o.Type() == "bundle" }

// Objects returns the objects of a bundle; of another object, itself.
func (o Object) Objects() []Object {
	if !o.IsBundle() {
		return []Object{o}
	}
	var out []Object
	for _, v := range o.List("objects") {
		if inner, ok := v.(Object); ok {
			out = append(out, inner)
		}
	}
	return out
}
