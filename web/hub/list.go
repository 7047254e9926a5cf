package hub

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/member"
)

// choices are the parts of an address that a link keeps; anything else in an
// address is dropped.
var choices = []string{"for", "action", "stake", "since", "until", "only", "type", "seen", "before", "page"}

// with is the address at hand with other values: pairs of a name and a value,
// "" to leave it out.
func (v visit) with(pairs ...string) string {
	q := url.Values{}
	for _, name := range choices {
		if value := v.r.URL.Query().Get(name); value != "" {
			q.Set(name, value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.r.URL.Path
	}
	return v.r.URL.Path + "?" + q.Encode()
}

// asked is a value of the address.
func (v visit) asked(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// format is in which form a list is wanted: "" for the page, "csv" or "json".
func (v visit) format() (string, error) {
	f := v.r.URL.Query().Get("format")
	if !slices.Contains([]string{"", "csv", "json"}, f) {
		return "", fault.New(fault.Invalid, "list.format", "a list is to be had as a page, or with format=csv or format=json")
	}
	return f, nil
}

// links are the ways on from a list.
type links struct {
	CSV, JSON   string
	Newer, Next string
	All         string // without any filter
	// Most is how many entries a downloaded file holds, where the list goes on;
	// Dated lists can be asked for an earlier period.
	Most  int
	Dated bool
}

func (v visit) links(next string) links {
	l := links{CSV: v.with("format", "csv", "before", "", "page", ""), JSON: v.with("format", "json", "before", "", "page", ""),
		All: v.with("action", "", "stake", "", "since", "", "until", "", "only", "", "type", "", "seen", "", "before", "", "page", "")}
	if next != "" {
		l.Next, l.Most, l.Dated = v.with("before", next), mostInFile, true
	}
	if v.asked("before") != "" {
		l.Newer = v.with("before", "")
	}
	return l
}

// goOn says in a file's header where the list goes on, if it does (RFC 8288):
// a table has no other place for it.
func (v visit) goOn(next, format string) {
	if next != "" {
		v.w.Header().Set("Link", "<"+v.with("before", next, "format", format)+`>; rel="next"`)
	}
}

// choice is an entry of a select.
type choice struct {
	Value, Name string
	Chosen      bool
}

func chosen(options [][2]string, value string) []choice {
	out := make([]choice, len(options))
	for i, o := range options {
		out[i] = choice{o[0], o[1], o[0] == value}
	}
	return out
}

// period is a span of months of which a list is asked; both ends may be open.
type period struct{ Since, Until string }

var monthText = regexp.MustCompile(`^(\d{4})(?:-(0[1-9]|1[0-2]))?$`)

// period reads since and until, "2025" or "2025-03".
func (v visit) period() (period, error) {
	p := period{v.asked("since"), v.asked("until")}
	for _, text := range []string{p.Since, p.Until} {
		if text != "" && !monthText.MatchString(text) {
			return p, fault.New(fault.Invalid, "list.period", "a period is written as a year or a month, 2025 or 2025-03")
		}
	}
	return p, nil
}

// holds reports whether a date, with whatever precision is known, can lie in
// the period. A date that is not known lies only in the period without ends.
func (p period) holds(date string) bool { return p.meets(date, date) }

// meets reports whether something that lasted from one date to another falls
// into the period at all.
func (p period) meets(from, to string) bool {
	if p == (period{}) {
		return true
	}
	first, _ := months(from)
	_, last := months(to)
	since, _ := months(p.Since)
	_, until := months(p.Until)
	return first != "" && (since == "" || last >= since) && (until == "" || first <= until)
}

// words says the period after a noun.
func (p period) words() string {
	switch {
	case p.Since != "" && p.Until != "":
		return " from " + p.Since + " to " + p.Until
	case p.Since != "":
		return " since " + p.Since
	case p.Until != "":
		return " until " + p.Until
	}
	return ""
}

// months is the first and the last month that a date may mean: of "2025",
// "2025-Q2", "2025-03", "2025-03-20".
func months(date string) (first, last string) {
	switch {
	case len(date) < 4:
		return "", ""
	case len(date) >= 7 && date[5] == 'Q':
		q := int(date[6] - '0')
		return fmt.Sprintf("%s-%02d", date[:4], 3*q-2), fmt.Sprintf("%s-%02d", date[:4], 3*q)
	case len(date) >= 7:
		return date[:7], date[:7]
	}
	return date[:4] + "-01", date[:4] + "-12"
}

// writeCSV answers with a table as a file (RFC 4180).
func writeCSV(w http.ResponseWriter, name string, head []string, rows [][]string) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(name+".csv"))
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return err
	}
	return out.WriteAll(rows)
}

// writeJSON answers with what deliver minted, as the interface for machines
// would.
func writeJSON[T any](w http.ResponseWriter, name string, a deliver.Answer[T]) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(name+".json"))
	return jsonv2.MarshalWrite(w, a.Body(), jsonv2.Deterministic(true))
}

// writeItems answers with those items of an answer that a filter kept.
func writeItems[T any](w http.ResponseWriter, name string, items []T, next string) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(name+".json"))
	return jsonv2.MarshalWrite(w, deliver.Page[T]{Items: items, Next: next}, jsonv2.Deterministic(true))
}

// stakeName is how pages call a stake.
func stakeName[T ~string](s T) string {
	switch string(s) {
	case string(member.LawEnforcement):
		return "law enforcement"
	case deliver.WithheldStake:
		return "stake withheld"
	}
	return string(s)
}

func stakeNames(stakes []string) []string {
	out := make([]string, len(stakes))
	for i, s := range stakes {
		out[i] = stakeName(s)
	}
	return out
}

// formName explains a form in plain words.
func formName(f string) string {
	kind, level, _ := strings.Cut(f, ":")
	switch kind {
	case "exact":
		return "as reported"
	case "generalised":
		return "coarsened to " + strings.ReplaceAll(level, "-", " ")
	case "token":
		return "as a pseudonym"
	}
	return kind
}

// dateWords writes a date with the precision that is known, to the day.
func dateWords(date string) string {
	if date == "" || date == "*" {
		return "not known"
	}
	return date[:min(len(time.DateOnly), len(date))]
}

// bandWords writes a band of owner groups after a noun in the plural.
func bandWords(band string) string {
	if band == "0–4" { // of owner groups: none looks the same
		return "fewer than 5, perhaps none"
	}
	return strings.ReplaceAll(band, "–", "\u2009–\u2009")
}

// many writes a number with its noun: "1 report", "3 reports".
func many(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + plural(one)
}

func plural(one string) string {
	switch {
	case strings.HasSuffix(one, "ry"):
		return strings.TrimSuffix(one, "y") + "ies"
	case strings.HasSuffix(one, "s"), strings.HasSuffix(one, "sh"):
		return one + "es"
	}
	return one + "s"
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
