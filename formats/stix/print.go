package stix

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
)

// Print writes an object as one line of JSON, without the line's end, its
// members in their order.
func Print(o Object) ([]byte, error) {
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	if err := writeValue(enc, o); err != nil {
		return nil, fault.New(fault.Invalid, "stix.unprintable", "a value cannot be written as JSON").Because(err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

func writeValue(enc *jsontext.Encoder, v any) error {
	switch v := v.(type) {
	case string:
		return enc.WriteToken(jsontext.String(v))
	case Number:
		return enc.WriteValue(jsontext.Value(v))
	case bool:
		return enc.WriteToken(jsontext.Bool(v))
	case Object:
		if err := enc.WriteToken(jsontext.BeginObject); err != nil {
			return err
		}
		for _, m := range v {
			if err := enc.WriteToken(jsontext.String(m.Name)); err != nil {
				return err
			}
			if err := writeValue(enc, m.Value); err != nil {
				return err
			}
		}
		return enc.WriteToken(jsontext.EndObject)
	case List:
		if err := enc.WriteToken(jsontext.BeginArray); err != nil {
			return err
		}
		for _, item := range v {
			if err := writeValue(enc, item); err != nil {
				return err
			}
		}
		return enc.WriteToken(jsontext.EndArray)
	}
	return enc.WriteToken(jsontext.Null)
}
