// Package taxii serves collections of STIX objects over TAXII 2.1 (OASIS
// standard, June 2021). It knows the protocol and nothing of what is served:
// whoever has collections to show implements [Source].
//
//	request ─▶ [Handler] ─ who asks ─▶ [Sources] ─▶ [Source] (what this caller may see)
//	              │ which collection, which [Query]      │
//	              └────────── [Records], a page ◀────────┘
//
// A collection is a list of object versions in the order in which they were
// added. Each has a date_added and a number; both grow together, so that a
// page begins after the last record of the page before, wherever the list has
// grown or lost objects meanwhile. [Index] is such a list in memory with every
// filter of the standard; [Memory] is a whole source made of them.
package taxii

import (
	"context"
	"encoding/json"
	"time"
)

// The media types of the protocol and of what it carries.
const (
	MediaType     = "application/taxii+json;version=2.1"
	stixMediaType = "application/stix+json;version="
)

// Login is how a request says who asks: a user with a password (Basic), or a
// token alone (Bearer).
type Login struct{ User, Password, Token string }

// Sources finds what a caller may see.
type Sources interface {
	// Open returns the source as the caller may see it. A caller whom it does
	// not know is a fault.Unauthenticated; one who may not come in now, a
	// fault.Forbidden.
	Open(ctx context.Context, l Login) (Source, error)
}

// Source is what one caller may see and do. Roots, collections and statuses
// that are not there for this caller MUST be a fault.NotFound, whether or not
// they are there for another. Errors are faults; any other is told to the
// operator's log alone.
type Source interface {
	Discovery(ctx context.Context) (Discovery, error)
	Root(ctx context.Context, root string) (Root, error)
	// Collections lists the collections of a root, in a lasting order. The
	// handler holds every request to CanRead and CanWrite before it calls the
	// methods below, which MAY hold it to more.
	Collections(ctx context.Context, root string) ([]Collection, error)
	// Read returns a page: the first Limit records that the query selects, in
	// order of (Added, N), all after q.After.
	Read(ctx context.Context, root, collection string, q Query) (Records, error)
	// Add takes objects into a collection, each as JSON. What it takes MUST be
	// durable when it returns. What is there already is a success.
	Add(ctx context.Context, root, collection string, objects []json.RawMessage) (Status, error)
	// Delete removes the versions of one object that the query selects; an
	// object that is not there is a fault.NotFound.
	Delete(ctx context.Context, root, collection string, q Query) error
	Status(ctx context.Context, root, id string) (Status, error)
}

// Discovery says what a server offers (section 4.1). Roots are whole URLs.
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitzero"`
	Contact     string   `json:"contact,omitzero"`
	Default     string   `json:"default,omitzero"`
	Roots       []string `json:"api_roots,omitzero"`
}

// Root is an API root (section 4.2). MaxContentLength is the longest body that
// it takes, in bytes.
type Root struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitzero"`
	Versions         []string `json:"versions"`
	MaxContentLength int64    `json:"max_content_length"`
}

// Collection is a collection's description (section 5.1).
type Collection struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitzero"`
	Alias       string `json:"alias,omitzero"`
	CanRead     bool   `json:"can_read"`
	CanWrite    bool   `json:"can_write"`
	// CanDelete lets a caller delete in a collection that it cannot read what
	// it added there. The protocol has no word for it.
	CanDelete  bool     `json:"-"`
	MediaTypes []string `json:"media_types,omitzero"`
}

// Place is where a record stands in its collection. Added is what the protocol
// calls date_added, exact to the microsecond; N tells records of equal Added
// apart and orders them.
type Place struct {
	Added time.Time
	N     int64
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	if c := p.Added.Compare(q.Added); c != 0 {
		return c
	}
	switch {
	case p.N < q.N:
		return -1
	case p.N > q.N:
		return 1
	}
	return 0
}

// Record is one version of an object in a collection.
type Record struct {
	Place
	ID, Type string
	// Version is the object's modified, else its created, else Added: as it
	// stands in the object.
	Version string
	// Spec is the version of STIX, "2.1" or "2.0".
	Spec string
	// Object is the object as one line of JSON.
	Object json.RawMessage
}

// Records is a page of a collection.
type Records struct {
	Records []Record
	// More says that the query selects records after these.
	More bool
	// Known says that the collection holds Query.Object, whatever the filters
	// leave of it.
	Known bool
	// Done, unless it is nil, is called once nothing reads the objects any more:
	// the memory that they stand in is used again.
	Done func()
}

// Status tells what became of objects that were added (section 4.3).
type Status struct {
	ID        string       `json:"id"`
	Status    string       `json:"status"` // "complete" or "pending"
	Requested Moment       `json:"request_timestamp"`
	Total     int          `json:"total_count"`
	Success   int          `json:"success_count"`
	Successes []StatusLine `json:"successes,omitempty"`
	Failure   int          `json:"failure_count"`
	Failures  []StatusLine `json:"failures,omitempty"`
	Pending   int          `json:"pending_count"`
	Pendings  []StatusLine `json:"pendings,omitempty"`
}

// StatusLine is one object of a status.
type StatusLine struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitzero"`
}

// Moment is a time as the protocol writes it: UTC with six decimals.
type Moment struct{ time.Time }

const momentLayout = "2006-01-02T15:04:05.000000Z"

// String writes the moment.
func (m Moment) String() string { return m.UTC().Format(momentLayout) }

// MarshalJSON implements [json.Marshaler].
func (m Moment) MarshalJSON() ([]byte, error) { return json.Marshal(m.String()) }

// UnmarshalJSON implements [json.Unmarshaler].
func (m *Moment) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &m.Time)
}
