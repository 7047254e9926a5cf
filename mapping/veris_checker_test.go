package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/concord-trust/concord/formats/veris"
)

// The checker holds what VERIS → report → VERIS gives back against what went
// in. It knows nothing of the mapper: it reads both documents with
// encoding/json and lets two values count as equal only if they are the same
// at the same path, or if a published table (veris.Moves, Renames, Rules) says
// how the one became the other.

// leaf is a populated value of a document and its path without list marks.
type leaf struct{ path, value string }

// leavesOf lists the populated values of a document.
func leavesOf(t testing.TB, data []byte) []leaf {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	var out []leaf
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch v := v.(type) {
		case map[string]any:
			for name, below := range v {
				walk(below, strings.TrimPrefix(path+"."+name, "."))
			}
		case []any:
			for _, below := range v {
				walk(below, path)
			}
		case nil:
		default:
			if text := fmt.Sprint(v); strings.TrimSpace(text) != "" {
				out = append(out, leaf{path, text})
			}
		}
	}
	walk(doc, "")
	return out
}

// checked is what became of the values of one document.
type checked struct {
	same, tabled int
	lost         []leaf
}

// check looks for every value of in among those of out.
func check(in, out []leaf) checked {
	left := map[leaf]int{}
	for _, l := range out {
		left[l]++
	}
	there := make(map[leaf]bool, len(left))
	for l := range left {
		there[l] = true
	}
	var c checked
	var pending []leaf
	for _, l := range in {
		if left[l] > 0 {
			left[l]--
			c.same++
			continue
		}
		pending = append(pending, l)
	}
	for _, l := range pending {
		if tabled(l, in, left, there) {
			c.tabled++
		} else {
			c.lost = append(c.lost, l)
		}
	}
	return c
}

// tabled says whether a table explains how a value came to be written as it
// is, and takes that one out of left.
func tabled(l leaf, in []leaf, left map[leaf]int, there map[leaf]bool) bool {
	for _, candidate := range readings(l, in) {
		if left[candidate] > 0 {
			left[candidate]--
			return true
		}
	}
	for _, candidate := range readings(l, in) {
		if there[candidate] && !inRows(candidate.path) && rule(veris.RuleTwice) {
			return true // a list says each value once
		}
	}
	// Rules that change the spelling alone are told by comparing.
	for _, candidate := range readings(l, in) {
		for other := range left {
			if there[other] && other.path == candidate.path && sameSpelling(candidate.value, other.value) {
				return true
			}
		}
	}
	return false
}

// inRows says whether a path stands in a list of objects, whose rows may well
// say the same.
func inRows(path string) bool {
	for _, group := range []string{"asset.assets.", "attribute.confidentiality.data.", "impact.loss."} {
		if strings.HasPrefix(path, group) {
			return true
		}
	}
	return false
}

func rule(name string) bool {
	for _, r := range veris.Rules() {
		if r.Name == name {
			return true
		}
	}
	return false
}

// readings lists how the tables say that a value is read.
func readings(l leaf, in []leaf) []leaf {
	steps := strings.Split(l.path, ".")
	for i := range steps {
		steps[i] = strings.TrimSpace(steps[i]) // veris.RuleName
	}
	path := strings.Join(steps, ".")
	all := []leaf{{path, strings.TrimSpace(l.value)}, {path, norm.NFC.String(withoutControls(l.value))}}
	all = append(all, discovery(all[0])...)
	if n := len(l.value); strings.HasSuffix(path, ".industry") && (n == 7 || n == 8) {
		all = append(all, leaf{path, l.value[:6]}) // veris.RuleIndustry6
	}
	for i := 0; i < len(all) && i < 100; i++ {
		at := all[i]
		for _, m := range veris.Moves() {
			rest, ok := strings.CutPrefix(at.path, m.From)
			if !ok || rest != "" && (rest[0] != '.' || m.Only != "") || m.Only != "" && m.Only != at.value {
				continue
			}
			value := at.value
			if m.Code != "" {
				value = m.Code
			}
			all = append(all, leaf{m.To + rest, value})
		}
		for _, r := range veris.Renames() {
			if veris.MatchPath(r.Path, at.path) && strings.EqualFold(r.From, at.value) && !strings.EqualFold(r.From, r.To) {
				all = append(all, leaf{at.path, r.To})
			}
		}
	}
	return append(all, calendar(all[0], in)...)
}

// discovery reads "Int - log review" by veris.RuleDiscovery.
func discovery(l leaf) []leaf {
	if l.path != "discovery_method" {
		return nil
	}
	for short, side := range map[string]string{"Ext": "external", "Int": "internal", "Prt": "partner"} {
		if code, ok := strings.CutPrefix(l.value, short+" - "); ok {
			return []leaf{{"discovery_method." + side + ".variety", code}}
		}
	}
	return []leaf{{"discovery_method." + strings.ToLower(l.value), "true"}}
}

// calendar reads the parts of dates by veris.RuleDateSwap and RuleTime.
func calendar(l leaf, in []leaf) []leaf {
	parent, part, ok := cutLast(l.path)
	if !ok {
		return nil
	}
	switch part {
	case "time":
		var out []leaf
		text := strings.TrimSuffix(strings.ToUpper(l.value), " UTC")
		for _, layout := range []string{"15:04", "15:04:05", "03:04 PM", "3:04 PM", "03:04:05 PM"} {
			if at, err := time.Parse(layout, text); err == nil {
				out = append(out, leaf{l.path, at.Format("03:04:05 PM")})
			}
		}
		return out
	case "year", "month", "day":
		for _, other := range in {
			n, _ := strconv.Atoi(other.value)
			swap := map[string]string{}
			switch {
			case other.path == parent+".month" && n > 12:
				swap = map[string]string{"month": ".day", "day": ".month"}
			case other.path == parent+".day" && n > 31:
				swap = map[string]string{"year": ".day", "day": ".year"}
			}
			if swap[part] != "" {
				return []leaf{{parent + swap[part], l.value}}
			}
		}
	}
	return nil
}

// withoutControls is veris.RuleControl.
func withoutControls(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) {
			return ' '
		}
		return r
	}, text)
}

func cutLast(path string) (before, after string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

// sameSpelling says whether two texts differ only in what the rules of
// spelling change: numbers written otherwise (number.whole, type.number), and
// codes in case, spaces and hyphens (code.case).
func sameSpelling(a, b string) bool {
	if x, ok := new(big.Rat).SetString(strings.ReplaceAll(a, ",", "")); ok {
		if y, ok := new(big.Rat).SetString(b); ok {
			return x.Cmp(y) == 0
		}
	}
	plain := func(s string) string {
		return strings.NewReplacer(" ", "", "-", "", "_", "", "/", "").Replace(strings.ToLower(s))
	}
	return plain(a) == plain(b)
}
