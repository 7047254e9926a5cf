package terms

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// maxTold is how many mistakes of one file are told at once.
const maxTold = 20

// unknownProperties lists the properties of a document that v has no place
// for, each with those that it has, in the order of their lines. It is for
// telling them all at once: that the document is refused was decided before.
func (s source) unknownProperties(text []byte, v any) error {
	var doc any
	if json.Unmarshal(text, &doc) != nil {
		return nil
	}
	var found []*fault.Error
	lines := map[*fault.Error]int{}
	walk(doc, reflect.TypeOf(v), "", func(pointer, name string, known []string) {
		f := fault.New(fault.Invalid, "json.unexpected", "there is no such property here as %s; here may stand %s", quoted(name), strings.Join(known, ", ")).At(s.of(pointer))
		lines[f] = s.lines[pointer]
		found = append(found, f)
	})
	slices.SortStableFunc(found, func(a, b *fault.Error) int { return cmp.Compare(lines[a], lines[b]) })
	return told(found)
}

// walk goes through a document beside the type that it is read into, and
// yields the names in objects that the type has no field for.
func walk(doc any, t reflect.Type, pointer string, unknown func(pointer, name string, known []string)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch doc := doc.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for i, part := range doc {
				walk(part, t.Elem(), fmt.Sprintf("%s/%d", pointer, i), unknown)
			}
		}
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return
		}
		fields := propertiesOf(t)
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			child := pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
			if of, known := fields[name]; known {
				walk(doc[name], of, child, unknown)
			} else if len(fields) > 0 {
				unknown(child, name, slices.Sorted(maps.Keys(fields)))
			}
		}
	}
}

// propertiesOf lists the properties of a struct by their names in JSON.
func propertiesOf(t reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "" && name != "-" {
			all[name] = f.Type
		}
	}
	return all
}

// quoted quotes a short name as it stands, of a long one its beginning.
func quoted(name string) string {
	if r := []rune(name); len(r) > 40 {
		name = string(r[:39]) + "…"
	}
	return fmt.Sprintf("%q", name)
}

// told joins mistakes into one error, the first of them in front; a file that
// is none of its kind would have no end of them.
func told(all []*fault.Error) error {
	var list []error
	for i, f := range all {
		if i == maxTold {
			list = append(list, fault.New(f.Kind, f.Code, "%d further mistakes are not listed", len(all)-maxTold))
			break
		}
		list = append(list, f)
	}
	return errors.Join(list...)
}
