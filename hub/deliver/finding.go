package deliver

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/hub/analyse"
)

// Find reads out of a protected table the sentence that it says, with the
// numbers behind it. What is withheld says nothing; if everything is, the
// sentence says so.
func Find(t analyse.Table) Finding {
	if t.Shown == 0 || len(t.Dimensions) == 0 {
		return Finding{Sentence: fmt.Sprintf("%s: all %d figures are withheld", t.Title, t.Cells), Detail: "Too few owner groups other than yours stand behind each of them."}
	}
	switch {
	case len(t.Dimensions) == 2:
		return changed(t)
	case t.Name == "month":
		return pace(t)
	case slices.Contains([]string{"time-to-discover", "time-to-contain", "loss"}, t.Name):
		return within(t)
	}
	return foremost(t)
}

// findings are the sentences of the tables that say most, the telling ones
// first: a change, then what is known of the whole, then what merely is largest.
func findings(tables []analyse.Table) []Finding {
	var out []Finding
	for _, name := range []string{"month", "action-by-quarter", "time-to-discover", "loss-by-action", "asset", "industry"} {
		for _, t := range tables {
			if t.Name == name && t.Shown > 0 {
				out = append(out, Find(t))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return cmp.Compare(b.weight, a.weight) })
	return out
}

// How much a finding tells.
const (
	merelyLargest = iota
	ofTheWhole
	aChange
)

// Closed is how many of the periods, which end with the last category, were
// over when the snapshot was taken: the last one is mostly still filling.
func Closed(t analyse.Table, periods []string) int {
	n := len(periods)
	for n > 0 && periods[n-1] >= periodOf(t, periods[n-1]) {
		n--
	}
	return n
}

// periodOf is the month or quarter in which the snapshot was taken, written
// as like is.
func periodOf(t analyse.Table, like string) string {
	if strings.Contains(like, "Q") {
		return fmt.Sprintf("%04d-Q%d", t.Taken.Year(), (int(t.Taken.Month())+2)/3)
	}
	return t.Taken.UTC().Format("2006-01")
}

// changed finds the row that changed most between the last two closed
// quarters, of those for which both figures are shown.
func changed(t analyse.Table) Finding {
	rows, cols := t.Dimensions[0], t.Dimensions[1]
	width := len(cols.Categories)
	now := Closed(t, cols.Categories) - 1
	if now < 1 {
		return foremost(t)
	}
	at := func(row, col int) analyse.Figure { return t.Figures[row*width+col] }
	most, top, strongest := -1, -1, 0.0
	for i := range rows.Categories {
		a, b := at(i, now-1), at(i, now)
		if b.Withheld == "" && (top < 0 || b.Value > at(top, now).Value) {
			top = i
		}
		if a.Withheld != "" || b.Withheld != "" || a.Value == 0 {
			continue
		}
		if d := beyondChance(a.Value, b.Value); most < 0 || d > strongest {
			most, strongest = i, d
		}
	}
	what := strings.ToLower(rows.Title)
	switch {
	case top < 0:
		return Finding{Sentence: fmt.Sprintf("%s: nothing of %s may be shown", t.Title, cols.Labels[now]), Detail: "Too few owner groups other than yours stand behind its figures."}
	case most < 0 || strongest < notByChance:
		f := at(top, now)
		return Finding{Sentence: fmt.Sprintf("No kind of %s changed beyond chance in %s; %s led with %s incidents", what, cols.Labels[now], strings.ToLower(rows.Labels[top]), number(f.Value)),
			Detail: fmt.Sprintf("Compared with %s; %s owner groups other than yours stand behind the largest figure.", cols.Labels[now-1], f.Groups), weight: ofTheWhole}
	}
	a, b := at(most, now-1), at(most, now)
	name := rows.Labels[most]
	if rows.Name == "actor" {
		name += " actors"
	}
	return Finding{Sentence: fmt.Sprintf("%s %s in %s, from %s to %s incidents", name, movement(a.Value, b.Value), cols.Labels[now], number(a.Value), number(b.Value)),
		Detail: fmt.Sprintf("Against %s, and more than chance explains; %s owner groups other than yours stand behind the newer figure.", cols.Labels[now-1], b.Groups), weight: aChange}
}

// year is how many months are compared with as many before them.
const year = 12

// pace compares the last closed months with those before.
func pace(t analyse.Table) Finding {
	months := t.Dimensions[0]
	end := Closed(t, months.Categories)
	span := min(year, end/2)
	sum := func(from, to int) (total float64, whole bool) {
		for _, f := range t.Figures[from:to] {
			if f.Withheld != "" {
				return 0, false
			}
			total += f.Value
		}
		return total, true
	}
	if span < 3 {
		return foremost(t)
	}
	now, whole := sum(end-span, end)
	before, wholeBefore := sum(end-2*span, end-span)
	if !whole || !wholeBefore || before == 0 {
		return foremost(t)
	}
	from, to := months.Labels[end-span], months.Labels[end-1]
	said := fmt.Sprintf("%s incidents from %s to %s", number(now), from, to)
	detail := fmt.Sprintf("In the %d months before: %s. A difference of that size %s.", span, number(before), "is what chance explains")
	if beyondChance(before, now) < notByChance {
		return Finding{Sentence: said + ", about as many as before", Detail: detail, weight: ofTheWhole}
	}
	share := now/before - 1
	more := "more"
	if share < 0 {
		more = "fewer"
	}
	return Finding{Sentence: fmt.Sprintf("%s, %s %s than before", said, portion(share), more),
		Detail: fmt.Sprintf("In the %d months before: %s. That is more than chance explains.", span, number(before)), weight: aChange}
}

// within says up to which category of an ordered table most incidents lie.
func within(t analyse.Table) Finding {
	total, sum := 0.0, 0.0
	for _, f := range t.Figures {
		if f.Withheld == "" {
			total += f.Value
		}
	}
	at := -1
	for i, f := range t.Figures {
		if f.Withheld == "" {
			if sum += f.Value; sum >= total/2 {
				at = i
				break
			}
		}
	}
	// With most of it withheld, or all on one side, a share would mislead.
	if at < 0 || sum == total || 2*t.Shown < t.Cells {
		return foremost(t)
	}
	verb := map[string]string{"time-to-discover": "were discovered within %s", "time-to-contain": "were contained within %s", "loss": "lost at most %s"}[t.Name]
	label := t.Dimensions[0].Labels[at]
	if t.Name == "loss" {
		if _, high, ok := strings.Cut(label, "– "); ok {
			label = high
		}
		label = strings.TrimSpace(label + " " + t.Currency)
	}
	detail := "Those withheld or not known could lie on either side."
	return Finding{Sentence: fmt.Sprintf("%.0f\u202f%% of the %s incidents shown "+verb, 100*sum/total, number(total), label), Detail: detail, weight: ofTheWhole}
}

// foremost names the largest shown figure and the one after it.
func foremost(t analyse.Table) Finding {
	best, second := -1, -1
	for i, f := range t.Figures {
		switch {
		case f.Withheld != "":
		case best < 0 || f.Value > t.Figures[best].Value:
			best, second = i, best
		case second < 0 || f.Value > t.Figures[second].Value:
			second = i
		}
	}
	write, what := number, "incidents"
	if t.Name == "loss-by-action" {
		write, what = money, strings.TrimSpace(t.Currency+" of reported losses")
	}
	f := t.Figures[best]
	said := fmt.Sprintf("%s: first %s with %s %s", t.Title, nameOf(t, best), write(f.Value), what)
	if second >= 0 {
		said += fmt.Sprintf(", then %s with %s", nameOf(t, second), write(t.Figures[second].Value))
	}
	return Finding{Sentence: said, Detail: f.Groups + " owner groups other than yours stand behind the largest figure."}
}

// nameOf is what the nth figure of a table is about, within a sentence.
func nameOf(t analyse.Table, n int) string {
	parts := make([]string, len(t.Dimensions))
	for i := len(t.Dimensions) - 1; i >= 0; i-- {
		labels := t.Dimensions[i].Labels
		parts[i] = strings.ToLower(labels[n%len(labels)])
		n /= len(labels)
	}
	return strings.Join(parts, ", ")
}

// notByChance is the square of the difference of two counts in standard
// errors from which on a change is told as one: two standard errors.
const notByChance = 4

// beyondChance is that square, for counts that vary as Poisson counts do.
func beyondChance(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return (b - a) * (b - a) / (a + b)
}

// movement says a change in words.
func movement(a, b float64) string {
	switch ratio := b / a; {
	case math.Abs(ratio-2) < .05:
		return "doubled"
	case math.Abs(ratio-3) < .05:
		return "tripled"
	case ratio >= 1.9:
		return fmt.Sprintf("grew %.1f-fold", ratio)
	case ratio >= 1:
		return "rose by " + portion(ratio-1)
	default:
		return "fell by " + portion(ratio-1)
	}
}

// portion writes a share as people say it.
func portion(share float64) string {
	share = math.Abs(share)
	for _, p := range []struct {
		share float64
		words string
	}{{.25, "a quarter"}, {1. / 3, "a third"}, {.5, "half"}, {2. / 3, "two thirds"}} {
		if math.Abs(share-p.share) < .02 {
			return p.words
		}
	}
	return fmt.Sprintf("%.0f\u202f%%", 100*share)
}

// number writes a figure with thin spaces between thousands.
func number(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// money writes a large amount as people say it.
func money(v float64) string {
	switch {
	case v >= 1e9:
		return strconv.FormatFloat(v/1e9, 'g', 3, 64) + " billion"
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + " million"
	}
	return number(v)
}
