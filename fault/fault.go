// Package fault is the closed set of error kinds that Concord shows at its
// boundaries. A fault has two halves that never mix: what its reader may see
// (kind, code, message, where, and what to do) and the private cause, which
// goes to the operator's log and nowhere else.
//
//	return fault.New(fault.Invalid, "report.unknown_field",
//		"the standard core/1.0 has no field %q; see `concord standard show`", path).At(path)
//
// Messages never hold the content of a field, a key, a token or a secret.
// Adapters map the kind to their own status (httpapi to HTTP, cmd to exit
// codes) in one place each.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong, from the caller's point of view.
type Kind uint8

// The closed set of kinds.
const (
	// Internal is the zero Kind: our fault; the reader is told nothing more.
	Internal Kind = iota
	// Invalid input: the caller can mend it; the message says how.
	Invalid
	// Unauthenticated: no or wrong proof of who is asking.
	Unauthenticated
	// Forbidden: known caller, but no agreement, clause or role allows it.
	Forbidden
	// NotFound: no such thing, or not for this caller; the two look alike.
	NotFound
	// Conflict with what is already recorded.
	Conflict
	// TooLarge: a limit on size, depth or number was passed.
	TooLarge
	// Unavailable: try again later; nothing was lost.
	Unavailable
	// Usage: the command line or configuration was wrong.
	Usage
	// Gone: it was there and was taken back; it does not come again.
	Gone
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "not_found",
	"conflict", "too_large", "unavailable", "usage", "gone",
}

// String returns the kind's stable name, as used in JSON.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Internal]
}

// Error is a fault. Code is a stable dotted name ("envelope.bad_signature");
// Message is safe to show; Path names the file, line, or field concerned.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Path    string
	cause   error
}

// New makes a fault with a message that its reader may see.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Because returns a copy of e that carries its private cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// At returns a copy of e that names where: a file, "file:line" or a path.
func (e *Error) At(path string) *Error {
	c := *e
	c.Path = path
	return &c
}

// Error returns the safe half only.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Unwrap gives the private cause to errors.Is and to the operator's log.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the outermost fault in err, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Public returns the fault in err as it may be shown: an error that is no
// fault becomes a plain internal one, its text kept private.
func Public(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return New(Internal, "internal", "something went wrong at our side; the operator's log has it").Because(err)
}
