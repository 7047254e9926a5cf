package sim

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/concord-trust/concord/member"
)

// The desk's page before sending, as it is looked at: on a desk and on a phone,
// of everybody and of one audience, with what begins and ends.
func TestTheDeskShowsAReportAsEachAudienceWouldSeeIt(t *testing.T) {
	ctx := browser(t)
	tr, clock := aTrustByHand(t, seldom)
	seat, err := tr.Seat(t.Context(), Party{Name: "Northwind Savings Bank", Stake: member.Industry, Kind: "firm", OwnerGroup: "g-northwind", Sectors: []string{"finance"}, Terms: sheetInTime(t, clock.now(), "")})
	if err != nil {
		t.Fatal(err)
	}
	b := atDesk(t, seat)
	form := theCase()
	form.Set("victim.employee_count", "101 to 1000")
	form.Set("observables.lines", "93.184.216.34")
	_, page := b.post("/write", form)
	draft := b.base + "/drafts/" + draftOf(page)

	w := walk{t, ctx, artifacts(t), &watch{home: "http://" + b.host}}
	if err := chromedp.Listen(ctx, w.see); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(mustURL(t, b.base+"/")) {
		act(t, ctx, command(network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: b.base + "/"}))
	}
	all := w.look("preview-everybody", draft)
	for _, want := range []string{"As each audience would see it", "In 90 days, on", "values begin or end to be seen", "everybody else", "since ", "until ",
		"the hub holds it back until", "and lets nothing leave any more", "only while 3 owner groups or more report the incident", "copies are deleted by"} {
		if !strings.Contains(all, want) {
			t.Errorf("the page does not say %q; it says:\n%s", want, all)
		}
	}
	one := w.look("preview-police", draft+"?audience=4&in=30")
	for _, want := range []string{"This is how law enforcement, to investigate, would see it", "In 30 days", "withheld: "} {
		if !strings.Contains(one, want) {
			t.Errorf("of the police the page does not say %q; it says:\n%s", want, one)
		}
	}
	for _, text := range []string{all, one} {
		if strings.Contains(text, "concord ") || strings.Contains(text, "--") {
			t.Errorf("the page speaks of a terminal:\n%s", text)
		}
	}
	if _, page := b.get("/drafts/" + draftOf(page) + "?in=365&report=1"); !strings.Contains(words(page), "In a year, on") {
		t.Error("a year is not offered")
	}
}
