package analyse

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
)

// loss is an amount with who told of it.
type loss struct {
	amount float64
	by     heard
}

// currencyOf is the currency in which a report tells amounts, "" if it is not
// told or may not be counted, and how many owner groups that asks for.
func currencyOf(m report.Minimised, counts counting) (currency string, least int) {
	for _, s := range m.Said {
		if s.Path != "impact.iso_currency_code" || s.Form.Kind == standard.Token || s.Form.Kind == standard.Sealed {
			continue
		}
		if least, ok := counts(s.Path); ok {
			return s.Value, least
		}
	}
	return "", 0
}

func (t *telling) lose(from source, least int, currency string, amount float64) {
	l := t.losses[currency]
	if l == nil {
		l = &loss{}
		t.losses[currency] = l
	}
	l.by.add(from, least)
	l.amount = max(l.amount, amount)
}

// amountOf reads an amount that left exact, or the middle of its band
// ("1000..5000" is 3000).
func amountOf(v string) (float64, bool) {
	low, high, band := strings.Cut(v, "..")
	a, err := strconv.ParseFloat(low, 64)
	if err != nil || a < 0 {
		return 0, false
	}
	if !band {
		return a, true
	}
	b, err := strconv.ParseFloat(high, 64)
	if err != nil {
		return a, a > 0 // an open band counts by its lower bound
	}
	return (a + b) / 2, true
}

// currency is the one in which most incidents' losses were told, of those of
// which enough owner groups told; of several the first in order. Sums of
// several currencies would mean nothing.
func (t *tally) currency(told []*telling) string {
	incidents, crowds := map[string]int{}, map[string]*crowd{}
	for _, x := range told {
		for c, l := range x.losses {
			incidents[c]++
			crowdOf(crowds, c).join(l.by)
		}
	}
	most := ""
	for _, c := range slices.Sorted(maps.Keys(incidents)) {
		if c != "" && t.enough(crowds[c]) && (most == "" || incidents[c] > incidents[most]) {
			most = c
		}
	}
	return most
}

// losses counts incidents by the band of their loss in one currency.
func losses(told []*telling, currency string) rawTable {
	raw := ordered("loss", "Losses in bands", told, lossBands, func(x *telling) (string, heard) {
		l := x.losses[currency]
		if currency == "" || l == nil {
			return "", heard{}
		}
		return lossBand(l.amount), l.by
	})
	raw.Currency = currency
	raw.Missing = otherLosses(currency)
	if currency != "" {
		raw.Dimensions[0].Title += ", " + currency
	}
	return raw
}

func lossBand(amount float64) string {
	band := "0"
	for _, b := range lossBands {
		if low, _ := strconv.ParseFloat(b[0], 64); amount >= low {
			band = b[0]
		}
	}
	return band
}

// otherLosses says which losses stand in no table, whether there are any or
// not: that there are would tell of few.
func otherLosses(currency string) string {
	if currency == "" {
		return "incidents with a loss, since too few owner groups told losses in one currency"
	}
	return "incidents without a known loss, whose loss may not be counted, or whose loss was told in another currency than " + currency + " or in none"
}

// lossByAction sums losses in one currency. A loss is shared equally among the
// kinds of action of its incident, so that each is in the sums once.
func (t *tally) lossByAction(told []*telling, currency string) rawTable {
	with := slices.DeleteFunc(slices.Clone(told), func(x *telling) bool { return currency == "" || x.losses[currency] == nil })
	d, row := t.foldRare(actionNames, with, func(x *telling) map[string]heard { return x.by["action"] })
	d.Name, d.Title = "action", "Action"
	raw := rawTable{Name: "loss-by-action", Title: "Sum of reported losses by kind of action", Counts: "reported losses, to two digits", Measure: sumAmounts, Currency: currency,
		Note:       "a loss told as a band counts by the band's middle, an open band by its bound; one of several kinds of action counts in equal parts",
		Dimensions: []Dimension{d}, Cells: make([]rawCell, len(d.Categories)),
		Missing: otherLosses(currency) + ", and those whose kind of action is not known"}
	if currency != "" {
		raw.Counts = currency + " of " + raw.Counts
	}
	for _, x := range with {
		kinds, least := map[int]int{}, map[int]int{}
		for kind, by := range x.by["action"] {
			kinds[row(kind)]++
			least[row(kind)] = max(least[row(kind)], by.least)
		}
		// The loss rests on who told of the loss, in whatever action.
		l := x.losses[currency]
		for _, i := range slices.Sorted(maps.Keys(kinds)) {
			raw.Cells[i].ask(l.by.least, least[i])
			raw.Cells[i].add(l.by.voices, l.amount*float64(kinds[i])/float64(len(x.by["action"])))
		}
	}
	return raw
}
