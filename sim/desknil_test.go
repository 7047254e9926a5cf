package sim

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A nil report is made at the desk; one that the member's own report
// contradicts is refused by the hub, and every page says so with the reason.
func TestANilReportIsMadeAtTheDeskAndItsRefusalExplained(t *testing.T) {
	_, seat := deskTrust(t, "finance", "health")
	b := atDesk(t, seat)
	_, page := b.get("/")
	b.shows(page, "Nothing happened", "No report was refused")
	_, page = b.get("/nil")
	b.shows(page, "Say that nothing happened in a quarter", "finance", "health")
	offered := regexp.MustCompile(`<option>(\d{4})-Q(\d)</option>`).FindAllStringSubmatch(page, -1)
	if len(offered) < 2 {
		t.Fatalf("quarters are offered: %v", offered)
	}
	last, before := offered[0][1]+"-Q"+offered[0][2], offered[1][1]+"-Q"+offered[1][2]

	for name, form := range map[string]url.Values{
		"no sector": {"period": {last}}, "a sector of others": {"period": {last}, "sector": {"general"}},
		"no quarter": {"sector": {"finance"}}, "a quarter to come": {"period": {"2099-Q1"}, "sector": {"finance"}},
	} {
		if status, page := b.post("/nil", form); status != http.StatusUnprocessableEntity || !strings.Contains(words(page), "Choose a") {
			t.Errorf("%s: %d %s", name, status, words(page))
		}
	}
	_, page = b.post("/nil", url.Values{"period": {before}, "sector": {"finance", "health"}})
	b.shows(page, "Of 2 nil reports: 2 accepted", before, "finance", "health")

	// A case in the middle of the last quarter.
	theCase := func() url.Values {
		form := theCase()
		form.Set("timeline.incident", offered[0][1]+map[string]string{"1": "-02-14", "2": "-05-14", "3": "-08-14", "4": "-11-14"}[offered[0][2]])
		return form
	}
	_, page = b.post("/write", theCase())
	b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
	status, page := b.post("/nil", url.Values{"period": {last}, "sector": {"finance"}})
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, words(page))
	}
	b.shows(page, "Of 1 nil report: 1 refused", "you reported an incident of this quarter", "nil.contradicts")
	_, page = b.get("/")
	b.shows(page, "1 nil report refused", "Refused, and why", "nil report", "you reported an incident of this quarter", "1 report at the hub", "1 report accepted")
	if strings.Contains(words(page), "No report was refused") {
		t.Errorf("a refusal stands below “No report was refused”: %s", words(page))
	}

	// The same case again counts once.
	_, page = b.post("/write", theCase())
	_, page = b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
	b.shows(page, "nothing that leaves has changed")
	_, page = b.get("/outbox")
	b.shows(page, "1 report at the hub")
}

// A table without a map is told what to do here, not in a terminal.
func TestTheDeskSpeaksOfTheDesk(t *testing.T) {
	_, seat := deskTrust(t, "finance")
	b := atDesk(t, seat)
	status, page := b.upload(nil, map[string][2]string{"file": {"rows.csv", "when,what\n2026-02-03,theft\n"}})
	if status != http.StatusUnprocessableEntity || strings.Contains(words(page), "--map") {
		t.Errorf("status %d: %s", status, words(page))
	}
	b.shows(page, "choose it below, under Mapping file")
	const bad = `{"standard":"finance/1.0","native":"a-1","victim":{"industry":"522110","country":["Atlantis"]},"timeline":{"incident":"2026-04-05"}}`
	_, page = b.upload(map[string]string{"format": "report"}, map[string][2]string{"file": {"cases.json", bad}})
	if strings.Contains(words(page), "concord standard") {
		t.Errorf("the page speaks of the terminal: %s", words(page))
	}
	b.shows(page, "the codebook")
}
