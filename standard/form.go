package standard

import (
	"strings"

	"github.com/concord-trust/concord/fault"
)

// FormKind is how strongly a field's value may leave its owner.
type FormKind uint8

// The kinds of form. The order of the constants is not the order of strength:
//
//	withheld < counted < token       < exact
//	           counted < generalised < exact      sealed: outside the order
const (
	Withheld FormKind = iota
	Counted
	Token
	Generalised
	Exact
	Sealed
)

var formNames = [...]string{"withheld", "counted", "token", "generalised", "exact", "sealed"}

// Form is a form kind and, for Generalised, the level of the field's
// hierarchy to which a value is coarsened before it leaves. Its text is
// "exact", "token", "generalised:month" …
type Form struct {
	Kind  FormKind
	Level string
}

// ParseForm reads a form's text.
func ParseForm(s string) (Form, error) {
	name, level, has := strings.Cut(s, ":")
	for k, n := range formNames {
		if n != name {
			continue
		}
		f := Form{Kind: FormKind(k), Level: level}
		if (f.Kind == Generalised) != (has && level != "") {
			break
		}
		return f, nil
	}
	return Form{}, fault.New(fault.Invalid, "form.unknown",
		"%q is no form; use withheld, counted, token, generalised:LEVEL, exact or sealed", s)
}

// String returns the form's text.
func (f Form) String() string {
	if f.Kind == Generalised {
		return formNames[f.Kind] + ":" + f.Level
	}
	return formNames[f.Kind]
}

// MarshalText implements encoding.TextMarshaler.
func (f Form) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Form) UnmarshalText(b []byte) error {
	p, err := ParseForm(string(b))
	if err == nil {
		*f = p
	}
	return err
}
