package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// description is the interface's own, as it is served.
func description(t *testing.T, h *house) map[string]any {
	t.Helper()
	r := h.ask("GET", "/openapi.json", "")
	var doc map[string]any
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil || r.StatusCode != 200 {
		t.Fatal(r.Status, err)
	}
	return doc
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

// The description holds to what OpenAPI 3.1.0 requires of a document (sections
// 4.8.1 to 4.8.24), as far as this interface uses it.
func TestTheInterfaceIsDescribedByAValidOpenAPIDocument(t *testing.T) {
	h := newHouse(t)
	doc := description(t, h)
	if v, _ := doc["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
		t.Errorf("openapi is %q", v)
	}
	if info := object(doc["info"]); info["title"] == "" || info["version"] == "" {
		t.Errorf("info is %v", info)
	}
	if len(object(doc["paths"])) < 15 {
		t.Fatalf("%d paths are described", len(object(doc["paths"])))
	}
	ids := map[string]bool{}
	for path, item := range object(doc["paths"]) {
		if !strings.HasPrefix(path, "/") {
			t.Errorf("the path %q begins with no slash", path)
		}
		for method, op := range object(item) {
			name := method + " " + path
			id, _ := object(op)["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s: the operation id %q is none of its own", name, id)
			}
			ids[id] = true
			checkOperation(t, name, path, object(op))
		}
	}
	checkReferences(t, doc, doc, "#")
	for name, schema := range object(object(doc["components"])["schemas"]) {
		for property, p := range object(object(schema)["properties"]) {
			if kinds, ok := object(p)["type"].([]any); ok && slices.Contains(kinds, any("array")) {
				t.Errorf("%s.%s is a list or %v; none is ever null", name, property, kinds)
			}
		}
	}
	if _, ok := object(object(doc["components"])["schemas"])["ErrorModel"]; ok {
		t.Error("errors are described as the framework has them")
	}
}

func checkOperation(t *testing.T, name, path string, op map[string]any) {
	t.Helper()
	declared := map[string]bool{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := object(p)
		in, _ := p["in"].(string)
		if !slices.Contains([]string{"path", "query", "header", "cookie"}, in) || p["name"] == "" || p["schema"] == nil {
			t.Errorf("%s: the parameter %v is none", name, p)
		}
		if in == "path" {
			declared[fmt.Sprint(p["name"])] = true
			if p["required"] != true {
				t.Errorf("%s: a parameter of the path is required: %v", name, p)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !declared[m[1]] {
			t.Errorf("%s: the path's %s is not described", name, m[1])
		}
		delete(declared, m[1])
	}
	if len(declared) > 0 {
		t.Errorf("%s: described and not in the path: %v", name, declared)
	}
	responses := object(op["responses"])
	if len(responses) == 0 {
		t.Errorf("%s: no responses", name)
	}
	for status, r := range responses {
		if !regexp.MustCompile(`^([1-5](\d\d|XX)|default)$`).MatchString(status) || object(r)["description"] == "" {
			t.Errorf("%s: the response %s is %v", name, status, r)
		}
		if status[0] == '4' || status[0] == '5' {
			if ref := object(object(object(object(r)["content"])["application/problem+json"])["schema"])["$ref"]; ref != "#/components/schemas/Problem" {
				t.Errorf("%s: %s is described as %v", name, status, ref)
			}
		}
	}
	if body := object(op["requestBody"]); body != nil {
		if object(object(object(body["content"])["application/json"])["schema"])["$ref"] == nil {
			t.Errorf("%s: what is taken is not described: %v", name, body)
		}
	}
}

func checkReferences(t *testing.T, doc map[string]any, v any, at string) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			var target any = doc
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				target = object(target)[part]
			}
			if !strings.HasPrefix(ref, "#/") || target == nil {
				t.Errorf("%s points to %s, where nothing is", at, ref)
			}
		}
		for k, e := range v {
			checkReferences(t, doc, e, at+"/"+k)
		}
	case []any:
		for i, e := range v {
			checkReferences(t, doc, e, fmt.Sprintf("%s/%d", at, i))
		}
	}
}

// What is described is served, and what asks for a member's credential says
// so.
func TestWhatIsDescribedIsServed(t *testing.T) {
	h := newHouse(t)
	for path, item := range object(description(t, h)["paths"]) {
		for method, op := range object(item) {
			at := strings.NewReplacer("{sector}", "finance", "{version}", "1.0", "{name}", "finance", "{id}", "x").Replace(path)
			r := h.ask(strings.ToUpper(method), at, "")
			if r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusMethodNotAllowed {
				t.Errorf("%s %s is described and not served: %s", method, path, r.Status)
			}
			signed := object(op)["security"] != nil
			if refused := r.StatusCode == http.StatusUnauthorized; refused != signed && method == "get" {
				t.Errorf("%s %s: without a credential %s; the description says that one is needed: %v", method, path, r.Status, signed)
			}
		}
	}
}

func TestEveryAnswerIsDescribed(t *testing.T) {
	h := newHouse(t)
	var templates []*regexp.Regexp
	for path := range object(description(t, h)["paths"]) {
		templates = append(templates, regexp.MustCompile("^"+regexp.MustCompile(`\\{\w+\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)+"$"))
	}
	for _, path := range answering() {
		path, _, _ = strings.Cut(path, "?")
		if !slices.ContainsFunc(templates, func(r *regexp.Regexp) bool { return r.MatchString(path) }) {
			t.Errorf("%s answers and is not described", path)
		}
	}
}
