package desk

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/concord-trust/concord/formats/veris"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/web/look"
)

// outdated are the codes of a field's list that have another name in the same
// list by now, with that name. A form offers the newer one only; what was
// written with the older stays as it is.
func outdated(list standard.CodeList, path string) map[string]string {
	has := func(code string) bool {
		return slices.ContainsFunc(list.Codes, func(c standard.CodeListEntry) bool { return c.Code == code })
	}
	old := map[string]string{}
	for _, r := range veris.Renames() {
		// One that was made wider, or that another took in, still says more.
		if another := r.Reason == "renamed" || r.Reason == "spelling" || strings.HasPrefix(r.Reason, "one name"); another &&
			veris.MatchPath(r.Path, path) && has(r.From) && has(r.To) {
			old[r.From] = r.To
		}
	}
	return old
}

// mostNear is how many codes are named to somebody who typed none of them.
const mostNear = 3

// nearest are the codes of a list that somebody may have meant, the nearest
// first.
func nearest(list standard.CodeList, raw string) []standard.CodeListEntry {
	typed := strings.ToLower(strings.TrimSpace(raw))
	if len(typed) < 2 || len(typed) > 60 {
		return nil
	}
	type near struct {
		standard.CodeListEntry
		far int
	}
	var found []near
	for _, c := range list.Codes {
		if d := distance(strings.ToLower(c.Code), strings.ToLower(c.Label), typed); d >= 0 {
			found = append(found, near{c, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	var out []standard.CodeListEntry
	for _, n := range found[:min(len(found), mostNear)] {
		out = append(out, n.CodeListEntry)
	}
	return out
}

// distance of what was typed from a code and its label: the less the nearer,
// below 0 if they have nothing to do with each other.
func distance(code, label, typed string) int {
	slips := min(edits(code, typed), edits(label, typed))
	switch {
	case slips <= len(typed)/5:
		return slips
	case strings.HasPrefix(label, typed):
		return 10
	case strings.Contains(label, typed), strings.Contains(code, typed):
		return 11
	// "USA" for US, "Germany (West)" for Germany.
	case len(code) >= 2 && len(typed) <= len(code)+2 && strings.HasPrefix(typed, code):
		return 12
	case len(label) > 3 && strings.HasPrefix(typed, label):
		return 13
	case slips <= len(typed)/3:
		return 20 + slips
	}
	return -1
}

// edits is how many letters are to be put in, left out or changed to make one
// text of another (Levenshtein).
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		before := row[0]
		row[0] = i + 1
		for j := range y {
			change := before
			if x[i] != y[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}

// noCode says that what was typed is none of a field's codes, and which are
// near; if none is, which is usual in the sector of the report.
func noCode(std *standard.Standard, f standard.Field, sector, raw string) string {
	list, _ := std.CodeList(f.CodeList)
	name := func(all []standard.CodeListEntry) string {
		var words []string
		for _, c := range all {
			word := c.Code
			if c.Label != c.Code {
				word = fmt.Sprintf("%s (%s)", c.Label, c.Code)
			}
			words = append(words, word)
		}
		return look.List(words)
	}
	const none = "this is none of the codes"
	if near := nearest(list, raw); len(near) > 0 {
		return none + "; near it are " + name(near)
	}
	usual := slices.IndexFunc(list.Codes, func(c standard.CodeListEntry) bool {
		return strings.HasPrefix(strings.ToLower(c.Label), sector+" ")
	})
	if usual >= 0 {
		return none + "; in the sector " + sector + " it is mostly " + name(list.Codes[usual:usual+1])
	}
	if list.Source != "" {
		return none + " of the list “" + list.Title + "” (" + list.Source + ")"
	}
	return none + " of the list “" + list.Title + "”; choose one that is suggested as you type"
}
