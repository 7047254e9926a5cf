package taxiicheck

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// holds says what is wrong with a fact, or "". A fact that says nothing this
// package knows is wrong: it would be passed over for ever.
func (a answer) holds(f Fact) string {
	path, _ := f["path"].(string)
	got, there := at(a.document, path)
	known := false
	for what, want := range f {
		if what == "path" || what == "note" {
			continue
		}
		judge, ok := judges[what]
		if !ok {
			return fmt.Sprintf("unknown kind of fact %q", what)
		}
		known = true
		if !judge(got, there, want) {
			return fmt.Sprintf("%s: %s %v does not hold for %.300v", path, what, want, got)
		}
	}
	if !known {
		return fmt.Sprintf("%s: this fact says nothing", path)
	}
	return ""
}

// judges are the kinds of facts.
var judges = map[string]func(got any, there bool, want any) bool{
	"equals":  func(got any, there bool, want any) bool { return there && reflect.DeepEqual(got, want) },
	"absent":  func(got any, there bool, want any) bool { return (want == true) != there },
	"present": func(got any, there bool, want any) bool { return (want == true) == there },
	"length": func(got any, _ bool, want any) bool {
		switch got := got.(type) {
		case []any:
			return float64(len(got)) == want
		case map[string]any:
			return float64(len(got)) == want
		case string:
			return float64(len(got)) == want
		}
		return false
	},
	"contains":     func(got any, _ bool, want any) bool { return contains(got, want) },
	"not_contains": func(got any, _ bool, want any) bool { return !contains(got, want) },
	"contains_text": func(got any, there bool, want any) bool {
		return there && strings.Contains(fmt.Sprint(got), fmt.Sprint(want))
	},
	"set_equals": func(got any, _ bool, want any) bool {
		g, ok := got.([]any)
		w, ok2 := want.([]any)
		return ok && ok2 && len(g) == len(w) && reflect.DeepEqual(sorted(g), sorted(w))
	},
	"all_equal": func(got any, _ bool, want any) bool {
		return every(got, func(v any) bool { return reflect.DeepEqual(v, want) })
	},
	"all_start_with": func(got any, _ bool, want any) bool {
		return every(got, func(v any) bool { return strings.HasPrefix(fmt.Sprint(v), fmt.Sprint(want)) })
	},
	"strictly_ascending": func(got any, _ bool, want any) bool {
		list, ok := got.([]any)
		for i := 1; ok && i < len(list); i++ {
			ok = fmt.Sprint(list[i-1]) < fmt.Sprint(list[i])
		}
		return ok == (want == true)
	},
}

func contains(got, want any) bool {
	list, _ := got.([]any)
	return slices.ContainsFunc(list, func(v any) bool { return reflect.DeepEqual(v, want) })
}

func every(got any, holds func(any) bool) bool {
	list, ok := got.([]any)
	return ok && !slices.ContainsFunc(list, func(v any) bool { return !holds(v) })
}

func sorted(list []any) []string {
	var out []string
	for _, v := range list {
		out = append(out, fmt.Sprint(v))
	}
	slices.Sort(out)
	return out
}

// at finds what stands at a path: names with dots, [0], [-1], [*] and [?id=X].
func at(document any, path string) (any, bool) {
	if path == "" {
		return document, document != nil
	}
	step, rest := next(path)
	switch {
	case step == "[*]" || strings.HasPrefix(step, "[?"):
		list, ok := document.([]any)
		if !ok {
			return nil, false
		}
		out := []any{}
		for _, item := range list {
			if !selected(item, step) {
				continue
			}
			if v, ok := at(item, rest); ok {
				out = append(out, v)
			}
		}
		// Of nothing: absent, unless the list itself was asked for.
		return out, len(out) > 0 || rest == ""
	case strings.HasPrefix(step, "["):
		list, _ := document.([]any)
		i, err := strconv.Atoi(strings.Trim(step, "[]"))
		if i < 0 {
			i += len(list)
		}
		if err != nil || i < 0 || i >= len(list) {
			return nil, false
		}
		return at(list[i], rest)
	}
	object, _ := document.(map[string]any)
	v, ok := object[step]
	if !ok {
		return nil, false
	}
	if rest == "" {
		return v, true
	}
	return at(v, rest)
}

// next takes the first step off a path.
func next(path string) (step, rest string) {
	path = strings.TrimPrefix(path, ".")
	if strings.HasPrefix(path, "[") {
		end := strings.IndexByte(path, ']') + 1
		return path[:end], path[end:]
	}
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return path[:end], path[end:]
	}
	return path, ""
}

func selected(item any, step string) bool {
	name, want, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(step, "[?"), "]"), "=")
	if step == "[*]" || !ok {
		return step == "[*]"
	}
	object, _ := item.(map[string]any)
	return fmt.Sprint(object[name]) == want
}
