package deliver

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// Name is how a collection knows an object: a keyed digest, the same for as
// long as the object is about the same thing. It tells nothing, and is shown to
// nobody.
type Name [24]byte

// Compare orders names.
func (n Name) Compare(other Name) int { return bytes.Compare(n[:], other[:]) }

// lastName is after all others.
func lastName() (n Name) {
	for i := range n {
		n[i] = 0xff
	}
	return n
}

// Place is where an object stands in its collection. N and Added grow together;
// Created is when it first came.
type Place struct {
	N              int64
	Added, Created time.Time
	// Object is the id that it has, without the type; zero if it is new.
	Object [16]byte
}

// Item is an object that a collection is to hold.
type Item struct {
	Name Name
	// Digest changes exactly when what the object says does.
	Digest [16]byte
	Type   string
	// Make is asked for the object once it is known to be new or changed. It may
	// be asked more than once, and nothing else may be done in it.
	Make func(Place) (Made, error)
}

// Made is an object as it is kept: its id without the type, its version if that
// is not the moment at which it came in, and its sealed body.
type Made struct {
	Object  [16]byte
	Version time.Time
	Body    []byte
}

// Span is a range of names, both ends within it.
type Span struct{ From, To Name }

// Everything is the span of all names.
func Everything() Span { return Span{To: lastName()} }

// Restock is a change of a collection.
type Restock struct {
	// Turn is the collection's, on which the change rests.
	Turn int64
	Day  time.Time
	// Items, ascending by name, are the whole content of the spans, which ascend
	// and do not overlap. What stands there and is not given is gone.
	Spans []Span
	Items []Item
	// Revoke says what is left of an object that is gone; false: nothing.
	Revoke func(typ string, p Place) (body []byte, kept bool, err error)
	// Forget drops what is left of objects that went before then.
	Forget time.Time
	// Stand is the collection's after the change, but for its turn.
	Stand Stand
}

// Stand says of what a collection was made.
type Stand struct {
	// Turn grows with every change; it is 0 before the first.
	Turn int64
	// Basis names what the content rests on; without one it is not complete.
	Basis string
	// Since is when the content was made, and Until when it can change although
	// the record does not, both in whole seconds.
	Since, Until time.Time
}

// Selection picks objects of a collection. Empty lists pick everything.
type Selection struct {
	// After is the number after which the page begins.
	After int64
	// AddedAfter leaves out what came then or before.
	AddedAfter time.Time
	// Objects are ids without the type.
	Objects [][16]byte
	Types   []string
	// Versions are moments at which a version was made.
	Versions []time.Time
	// Revoked picks what was taken back, and nothing else.
	Revoked bool
	Limit   int
}

// Shelves keeps the objects of collections, so that a page is read and not
// computed. Bodies are sealed by who hands them in.
type Shelves interface {
	// Stand tells how a collection stands.
	Stand(ctx context.Context, collection string) (Stand, error)
	// Restock changes a collection, all or nothing, unless its turn is another
	// one by now: false, and nothing is changed. What is there with the same
	// digest stays where it is. What is new, changed or revoked gets, in order
	// of the names, a number above all that were ever given in the collection,
	// and a moment after all that were: the day, or a microsecond more than the
	// last one. An object that goes loses its name: should it come back, it is
	// a new one.
	Restock(ctx context.Context, collection string, r Restock) (s Stand, ok bool, err error)
	// Pick calls yield for the objects of a page in order of their numbers, and
	// tells whether more follow, and how the collection stood at that very
	// moment. A body holds until yield returns. A page costs the same, however
	// many objects there are.
	Pick(ctx context.Context, collection string, s Selection, yield func(n int64, added time.Time, body []byte) error) (at Stand, more bool, err error)
}

// locks are one for each name.
type locks struct {
	mu  sync.Mutex
	all map[string]*sync.Mutex
}

func (l *locks) of(name string) *sync.Mutex {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.all[name]
	if !ok {
		if l.all == nil {
			l.all = map[string]*sync.Mutex{}
		}
		one = &sync.Mutex{}
		l.all[name] = one
	}
	return one
}
