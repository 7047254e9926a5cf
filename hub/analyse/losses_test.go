package analyse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/concord-trust/concord/report"
)

// lost is what a report says of a hacking incident and its loss.
func lost(amount, currency string, more ...report.Said) []report.Said {
	said := append(hacked("2025-11-03"), exact("impact.overall_amount", amount))
	if currency != "" {
		said = append(said, exact("impact.iso_currency_code", currency))
	}
	return append(said, more...)
}

// Thirty losses of 1,000 in US dollars; others in euros, in no currency, and
// told of two kinds of action.
func TestLossesAreSummedInOneCurrencyAndOnce(t *testing.T) {
	phished := exact("action.social.variety", "Phishing")
	for _, c := range []struct {
		name string
		says func(i int) []report.Said
		// per is how often says is told, by eight owner groups in turn.
		per             int
		hacking, social string
	}{
		{"one kind of action", func(int) []report.Said { return nil }, 0, "32000 on 5–9", "no such figure"},
		{"euros besides", func(int) []report.Said { return lost("500000", "EUR") }, 24, "32000 on 5–9", "no such figure"},
		{"of no currency besides", func(int) []report.Said { return lost("500000", "") }, 24, "32000 on 5–9", "no such figure"},
		{"two kinds of action share a loss", func(int) []report.Said { return lost("1000", "USD", phished) }, 32, "48000 on 5–9", "16000 on 5–9"},
		{"an exact amount and a band by its middle", func(int) []report.Said {
			return lost("1000..3000", "USD")
		}, 32, "96000 on 5–9", "no such figure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			for i := range 32 {
				tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: lost("1000", "USD")})
			}
			for i := range c.per {
				tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: c.says(i)})
			}
			tab := tr.table("loss-by-action", "other")
			if got := tab.figure("hacking"); got != c.hacking {
				t.Errorf("hacking: %s; %s is wanted", got, c.hacking)
			}
			if got := tab.figure("social"); got != c.social {
				t.Errorf("social: %s; %s is wanted", got, c.social)
			}
			if tab.Currency != "USD" || !strings.HasPrefix(tab.Counts, "USD ") || !strings.Contains(tab.Note, "middle") || !strings.Contains(tab.Missing, "another currency than USD") {
				t.Errorf("it counts %q in %q; not in it: %q", tab.Counts, tab.Currency, tab.Missing)
			}
		})
	}
}

// The currency is the one most told; what fewer owner groups told in than a
// line needs names no table.
func TestTheCurrencyOfATableRestsOnEnoughOwnerGroups(t *testing.T) {
	for _, c := range []struct {
		name         string
		euros, yen   int // incidents
		yenFrom      int // owner groups that told them
		want, figure string
	}{
		{"most told", 40, 24, 8, "EUR", "40 on 5–9"},
		{"more often, by few", 24, 150, 3, "EUR", "24 on 5–9"},
		{"nothing told by enough", 0, 90, 3, "", "withheld"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrust(t)
			for i := range c.euros {
				// One in each band, since one figure among empty ones is withheld.
				for _, amount := range []string{"200", "2000", "20000", "200000", "2000000", "20000000"} {
					tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: lost(amount, "EUR")})
				}
			}
			for i := range c.yen {
				tr.tell(sending{member: fmt.Sprint("far ", i%c.yenFrom), says: lost("2000", "JPY")})
			}
			tab := tr.table("loss", "other")
			if tab.Currency != c.want {
				t.Errorf("the table is in %q; %q is wanted", tab.Currency, c.want)
			}
			if got := tab.figure("1000"); got != c.figure {
				t.Errorf("losses of a thousand and more: %s; %s is wanted", got, c.figure)
			}
			if strings.Contains(fmt.Sprintf("%+v", tab), "JPY") {
				t.Errorf("a currency told by few is named: %+v", tab)
			}
		})
	}
}

// A month that has not begun has no bar, in whatever quarter it lies.
func TestNoTableReachesIntoMonthsThatHaveNotBegun(t *testing.T) {
	tr := newTrust(t)
	tr.background()
	for i := range 40 {
		tr.tell(sending{member: fmt.Sprint("bank ", i%8), says: hacked(fmt.Sprintf("2026-0%d-03", 1+i/20))})
	}
	tab := tr.table("month", "other")
	months := tab.Dimensions[0].Categories
	if first, last := months[0], months[len(months)-1]; first != "2024-04" || last != "2026-02" || tab.From != first || tab.To != last {
		t.Errorf("months are %s to %s, the table %s to %s", first, last, tab.From, tab.To)
	}
	if got := tab.figure("2026-01"); got != "20 on 5–9" {
		t.Errorf("January: %s", got)
	}
	if tab := tr.table("action-by-quarter", "other"); tab.To != "2026-02" {
		t.Errorf("the quarters reach to %s", tab.To)
	}
}
