// Package wire holds what crosses between the banks of the river: the ids of
// things, the strict reading and canonical writing of JSON, and the messages
// that an edge, a hub and a steward exchange. It knows no record, no rule and
// no transport.
//
//	edge ── Envelope ──▶ hub        edge ◀── Receipt ── hub
//	edge ── EvaluateRequest ──▶ steward ── EvaluateResponse ──▶ edge
//
// Everything decoded from outside goes through [Decode]: valid UTF-8, no
// duplicate or unknown names, bounded size and depth, nothing after the end.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
)

// Limits of every JSON document that enters.
const (
	// MaxDepth is the deepest nesting accepted.
	MaxDepth = 64
	// MaxDocument is the largest document accepted, in bytes, where the
	// caller states no smaller limit.
	MaxDocument = 16 << 20
)

// Decode reads exactly one JSON document strictly into v: see the package
// comment for what is refused. Errors are fault.Invalid or fault.TooLarge and
// name the place as a JSON pointer, never the content.
func Decode(data []byte, v any) error {
	if len(data) > MaxDocument {
		return fault.New(fault.TooLarge, "json.too_large", "the document has %d bytes; at most %d are taken", len(data), MaxDocument)
	}
	if err := Check(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return decodeFault(err)
	}
	return nil
}

// Check holds data to JSON's grammar and Concord's limits without building
// anything: one document, valid UTF-8, unique names, bounded depth.
func Check(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for first := true; ; first = false {
		_, err := dec.ReadToken()
		if err == io.EOF && !first {
			return nil
		}
		if err != nil {
			return decodeFault(err)
		}
		if dec.StackDepth() > MaxDepth {
			return fault.New(fault.TooLarge, "json.too_deep", "nested deeper than %d levels", MaxDepth).At(string(dec.StackPointer()))
		}
		if dec.StackDepth() == 0 {
			rest := bytes.TrimLeft(data[dec.InputOffset():], " \t\r\n")
			if len(rest) > 0 {
				return fault.New(fault.Invalid, "json.trailing", "there is something after the end of the document, at byte %d", dec.InputOffset())
			}
			return nil
		}
	}
}

func decodeFault(err error) error {
	var f *fault.Error
	var sem *json.SemanticError
	if errors.As(err, &f) { // by a type that reads itself
		if f.Path == "" && errors.As(err, &sem) {
			return f.At(string(sem.JSONPointer))
		}
		return f
	}
	if errors.As(err, &sem) {
		what := "a value of another kind was expected here"
		switch {
		case errors.Is(err, json.ErrUnknownName):
			what = "there is no such property here"
		case sem.GoType != nil:
			what = fmt.Sprintf("a JSON %s does not fit here", kindName(sem.JSONKind))
		}
		return fault.New(fault.Invalid, "json.unexpected", "%s", what).At(string(sem.JSONPointer)).Because(err)
	}
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		what := "not JSON from here on"
		if errors.Is(err, jsontext.ErrDuplicateName) {
			what = "the same name stands twice in one object"
		} else if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			what = "the document ends too early"
		}
		return fault.New(fault.Invalid, "json.malformed", "%s (byte %d)", what, syn.ByteOffset).At(string(syn.JSONPointer)).Because(err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Invalid, "json.malformed", "the document is empty or ends too early").Because(err)
	}
	return fault.New(fault.Invalid, "json.malformed", "the document cannot be read as JSON").Because(err)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "value"
}

// Canonical writes v as RFC 8785 canonical JSON: the bytes that are signed
// and hashed. Equal values give equal bytes on every machine.
func Canonical(v any) ([]byte, error) {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode for signing: %w", err)
	}
	val := jsontext.Value(b)
	if err := val.Canonicalize(); err != nil {
		return nil, fmt.Errorf("canonicalise for signing: %w", err)
	}
	return val, nil
}
