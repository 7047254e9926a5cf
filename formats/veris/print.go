package veris

import (
	"bytes"
	"sort"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/concord-trust/concord/fault"
)

// Print writes an incident as one line of JSON, without the line's end.
// Members stand in the order of their names; rows and items of lists in the
// order of their positions, without holes. It refuses values that cannot
// stand in one document, such as a text and an object at the same path.
func Print(in Incident) ([]byte, error) {
	root := &tree{}
	for _, v := range in.Values {
		if err := root.add(v); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	if err := root.write(enc); err != nil {
		return nil, fault.New(fault.Invalid, "veris.unprintable", "a value cannot be written as JSON").Because(err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// tree is a JSON value in the making: an object, a list, or a leaf.
type tree struct {
	members map[string]*tree
	rows    map[int]*tree
	leaf    *Value
}

// add puts a value at its place.
func (t *tree) add(v Value) error {
	at, lists := t, 0
	for _, step := range strings.Split(v.Place, ".") {
		name := strings.TrimRight(step, "[]")
		next, err := at.member(name)
		if err != nil {
			return conflict(v)
		}
		at = next
		for range strings.Count(step, "[]") {
			position := v.Row
			if lists > 0 {
				position = v.Item
			}
			lists++
			if at, err = at.row(position); err != nil {
				return conflict(v)
			}
		}
	}
	if at.leaf != nil || at.members != nil || at.rows != nil {
		if v.Kind == EmptyObject && at.members != nil || v.Kind == EmptyList && at.rows != nil {
			return nil
		}
		return conflict(v)
	}
	at.leaf = &v
	return nil
}

func conflict(v Value) error {
	return fault.New(fault.Invalid, "veris.conflict", "two values want the same place").At(v.Path)
}

var errConflict = fault.New(fault.Invalid, "veris.conflict", "two values want the same place")

func (t *tree) member(name string) (*tree, error) {
	if t.leaf != nil && t.leaf.Kind == EmptyObject {
		t.leaf = nil
	}
	if t.leaf != nil || t.rows != nil {
		return nil, errConflict
	}
	if t.members == nil {
		t.members = map[string]*tree{}
	}
	if t.members[name] == nil {
		t.members[name] = &tree{}
	}
	return t.members[name], nil
}

func (t *tree) row(i int) (*tree, error) {
	if t.leaf != nil && t.leaf.Kind == EmptyList {
		t.leaf = nil
	}
	if t.leaf != nil || t.members != nil {
		return nil, errConflict
	}
	if t.rows == nil {
		t.rows = map[int]*tree{}
	}
	if t.rows[i] == nil {
		t.rows[i] = &tree{}
	}
	return t.rows[i], nil
}

func (t *tree) write(enc *jsontext.Encoder) error {
	switch {
	case t.rows != nil:
		return t.writeList(enc)
	case t.leaf != nil:
		return t.leaf.write(enc)
	}
	names := make([]string, 0, len(t.members))
	for n := range t.members {
		names = append(names, n)
	}
	sort.Strings(names)
	if err := enc.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, n := range names {
		if err := enc.WriteToken(jsontext.String(n)); err != nil {
			return err
		}
		if err := t.members[n].write(enc); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndObject)
}

func (t *tree) writeList(enc *jsontext.Encoder) error {
	positions := make([]int, 0, len(t.rows))
	for i := range t.rows {
		positions = append(positions, i)
	}
	sort.Ints(positions)
	if err := enc.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for _, i := range positions {
		if err := t.rows[i].write(enc); err != nil {
			return err
		}
	}
	return enc.WriteToken(jsontext.EndArray)
}

func (v *Value) write(enc *jsontext.Encoder) error {
	switch v.Kind {
	case String:
		return enc.WriteToken(jsontext.String(v.Text))
	case Number, Boolean:
		return enc.WriteValue(jsontext.Value(v.Text))
	case EmptyList:
		return enc.WriteValue(jsontext.Value("[]"))
	case EmptyObject:
		return enc.WriteValue(jsontext.Value("{}"))
	}
	return enc.WriteToken(jsontext.Null)
}
