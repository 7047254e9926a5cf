package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/fault"
)

// This file reads as much of JSON-LD as policies are written in: the compact
// form under the context of ODRL, with prefixes. Nothing is fetched, so a
// context that could give words another meaning is refused, and a member that
// is not known makes what it stands in not understood.

// value is a value of a JSON document and its place.
type value struct {
	v  any
	at string // JSON pointer
}

func (v value) member(name string, inner any) value { return value{inner, v.at + "/" + escaped(name)} }

// items are the values of a list, or the one value that stands without.
func (v value) items() []value {
	l, ok := v.v.([]any)
	if !ok {
		return []value{v}
	}
	all := make([]value, len(l))
	for i, one := range l {
		all[i] = value{one, v.at + "/" + strconv.Itoa(i)}
	}
	return all
}

// context is what prefixes stand for.
type context map[string]string

// fixed are prefixes that stand for nothing else.
var fixed = context{"odrl": odrlNamespace, "concord": Namespace, "rdf": rdfNamespace, "xsd": xsdNamespace, "dct": dctNamespace}

// readContext reads "@context".
func readContext(v value) (context, error) {
	bad := func(at value, format string, args ...any) error {
		return fault.New(fault.Invalid, "policy.context", format, args...).At(at.at)
	}
	c, odrl := maps.Clone(fixed), false
	for _, part := range v.items() {
		if v.v == nil {
			break
		}
		switch p := part.v.(type) {
		case string:
			if strings.TrimPrefix(strings.TrimPrefix(p, "https://"), "http://") != strings.TrimPrefix(odrlContext, "http://") {
				return nil, bad(part, "only the context of ODRL is known, %s", odrlContext)
			}
			odrl = true
		case map[string]any:
			for _, name := range sortedKeys(p) {
				at := part.member(name, p[name])
				iri, ok := at.v.(string)
				switch {
				case !ok || !isPrefix(name) || iri == "" || !strings.ContainsRune("#/:", rune(iri[len(iri)-1])):
					return nil, bad(at, "a context may only say what prefixes stand for")
				case fixed[name] != "" && fixed[name] != iri:
					return nil, bad(at, "the prefix %s stands for %s", name, fixed[name])
				case slices.Contains(words, name):
					return nil, bad(at, "%s is a word of ODRL and cannot be a prefix", name)
				}
				c[name] = iri
			}
		default:
			return nil, bad(part, "a context is the address of ODRL's, or an object of prefixes")
		}
	}
	if !odrl {
		return nil, bad(v, "the policy has no context that says what its words mean; it begins with %q", odrlContext)
	}
	return c, nil
}

func isPrefix(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// words are those of ODRL that are read, and stand for themselves.
var words = []string{"uid", "type", "profile", "conflict", "permission", "prohibition", "obligation", "target", "assignee", "assigner", "action",
	"constraint", "refinement", "duty", "source", "leftOperand", "operator", "rightOperand", "purpose", "recipient", "spatial", "delayPeriod",
	"elapsedTime", "dateTime", "use", "delete", "eq", "lt", "lteq", "gt", "gteq", "isAnyOf"}

// expand writes an IRI in full; bare is what a word without a prefix belongs
// to, "" if none may stand here.
func (c context) expand(s, bare string) string {
	prefix, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok && bare != "":
		return bare + s
	case ok && !strings.HasPrefix(rest, "//") && c[prefix] != "":
		return c[prefix] + rest
	}
	return s
}

// short names a member of an object: those of ODRL and of JSON-LD by their
// word, those of other namespaces in full.
func (c context) short(key string) string {
	switch key {
	case "@id":
		return "uid"
	case "@type":
		return "type"
	}
	iri := c.expand(key, odrlNamespace)
	if word, ok := strings.CutPrefix(iri, odrlNamespace); ok {
		return word
	}
	return iri
}

// members are those of an object by their short names; twice tells of a name
// that two members have.
func (c context) members(v value) (all map[string]value, twice string, ok bool) {
	m, ok := v.v.(map[string]any)
	if !ok {
		return nil, "", false
	}
	all = make(map[string]value, len(m))
	for _, key := range sortedKeys(m) {
		name := c.short(key)
		if _, is := all[name]; is {
			twice = key
		}
		all[name] = v.member(key, m[key])
	}
	return all, twice, true
}

// iri reads an IRI: a text, or an object that has nothing but its identifier.
func (c context) iri(v value, bare string) (string, bool) {
	if s, ok := v.v.(string); ok {
		return c.expand(s, bare), s != ""
	}
	m, _, ok := c.members(v)
	if !ok || len(m) != 1 {
		return "", false
	}
	s, ok := m["uid"].v.(string)
	return c.expand(s, ""), ok && s != ""
}

// literal reads a text, a number or a typed value of the type, as text.
func (c context) literal(v value, kind string) (string, bool) {
	switch x := v.v.(type) {
	case string:
		return x, true
	case float64:
		if n := int64(x); float64(n) == x {
			return strconv.FormatInt(n, 10), true
		}
	case map[string]any:
		if typ, ok := x["@type"].(string); len(x) > 2 || len(x) == 2 && (!ok || c.expand(typ, "") != xsdNamespace+kind) {
			return "", false
		}
		if inner, ok := x["@value"]; ok {
			if _, nested := inner.(map[string]any); !nested {
				return c.literal(value{inner, v.at}, kind)
			}
		}
	}
	return "", false
}

func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(clip(name))
}

// clip shortens what a stranger wrote to what a message can hold.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s…", strings.ToValidUTF8(s[:most], ""))
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func known(all []string, s string) bool { return slices.Contains(all, s) }
