package hub_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/concord-trust/concord/fault"
)

// The page asks its reader first what only that reader can change, and shows
// nobody the name of a contributor.
func TestReconcileSaysWhatIsWantedWhatFlowsAndWhatWouldHelp(t *testing.T) {
	bank, police := signedIn(t, 0), signedIn(t, 1)
	page := bank.page(http.StatusOK, "/reconcile")
	for _, want := range []string{
		"1 request could get further if your organisation conceded something", "City Police (law enforcement)", "flows",
		"wanted coarsened to decade; clause ransom-paid-counted grants counted only", "Law-enforcement members that are police forces",
		"concord member offers accept q-", "too few to tell", "impact.ransom.paid",
	} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the bank's page does not say %q: %s", want, text(page))
		}
	}
	page = police.page(http.StatusOK, "/reconcile")
	for _, want := range []string{"1 request is open, and asks nothing of your organisation", "Your requests", "concord member request withdraw q-", "industry fewer than 5, perhaps none", "Shares are counted by reports", "whether anybody reported one is not counted"} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the requester's page does not say %q: %s", want, text(page))
		}
	}
	if strings.Count(page, "<dt><code>") < 5 || !strings.Contains(page, "<code>with_offer</code>") {
		t.Error("the page does not say what the table's columns mean")
	}
	for _, secret := range []string{"Bank of", "With names", "offers accept"} {
		if strings.Contains(page, secret) {
			t.Errorf("the requester's page holds %q", secret)
		}
	}
	if resp, body := police.get("/reconcile?format=csv"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(body, "day,sector,from,to,flows,blocked,with_offer,flows_from,flows_to,") || !strings.Contains(body, "finance,industry,law-enforcement,too few to tell,too few to tell,too few to tell,,,,,,\n") {
		t.Errorf("the course as a table: %s %s", resp.Status, body)
	}
	// A program asks for the same table, and is told what else it may not ask for.
	requester := trust(t).Members[1].Member.Hub
	_, onPage := police.get("/reconcile?format=csv")
	if table, err := requester.Get(t.Context(), "/v1/reconcile?format=csv"); err != nil || string(table) != onPage {
		t.Errorf("a program gets %q, %v; the page gives %q", table, err, onPage)
	}
	if _, err := requester.Get(t.Context(), "/v1/reconcile?format=xlsx"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a format that there is not: %v", err)
	}
	if overview, err := requester.Overview(t.Context()); err != nil || len(overview.Course) != 1 {
		t.Errorf("without a format: %+v, %v", overview, err)
	}
	if resp, body := stranger(t).get("/v1/reconcile?format=csv"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("who is no member gets %s %s", resp.Status, body)
	}
	var course struct {
		Items []struct {
			Day     string           `json:"day"`
			Paradox []map[string]any `json:"paradox"`
		} `json:"items"`
	}
	if resp, body := police.get("/reconcile?format=json"); resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), &course) != nil || len(course.Items) != 1 || len(course.Items[0].Paradox) == 0 {
		t.Errorf("the course as JSON: %s %s", resp.Status, body)
	}
}
