package sim

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/concord-trust/concord/wire"
)

// reading is somebody of a seat at the hub's pages.
type reading struct {
	*recalling
	*http.Client
}

func (r *recalling) reads(s *Seat) reading { return reading{r, r.signIn(r.URL, s)} }

func (p reading) page(path string) string {
	p.t.Helper()
	resp, err := p.Get(p.URL + path)
	return p.body(http.StatusOK, resp, err)
}

func (p reading) body(status int, resp *http.Response, err error) string {
	p.t.Helper()
	p.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		p.t.Fatalf("%s: %s, want %d: %v\n%s", resp.Request.URL.Path, resp.Status, status, err, words(string(text)))
	}
	return string(text)
}

func (p reading) shows(page string, all ...string) {
	p.t.Helper()
	for _, want := range all {
		if !strings.Contains(words(page), want) {
			p.t.Errorf("the page does not show %q:\n%s", want, words(page))
		}
	}
}

var (
	formToken  = regexp.MustCompile(`name="token" value="([^"]*)"`)
	receiptRef = regexp.MustCompile(`href="(/mine/recalls/[^"]*)"`)
)

// A recipient sees on the hub's pages what it is asked to delete, and confirms
// it there; the contributor sees by stake and band that somebody did, and whoever
// follows a citation of the release sees that it was withdrawn.
func TestThePagesTellWhatWasTakenBackAndTakeTheConfirmation(t *testing.T) {
	r := newRecalling(t)
	bank, broker := r.reads(r.seats[0]), r.reads(r.seats[2])
	broker.shows(broker.page("/notices"), "There is nothing that your organisation is asked to delete")
	d := r.recall(r.report)
	r.must(r.Hub.Withdraw(t.Context()))

	page := broker.page("/notices")
	broker.shows(page, "asked to delete its copies of what 2 notices name", string(d.ID), "This release was withdrawn", "finance")
	if strings.Contains(page, "Bank") || strings.Contains(page, ownDomain) || strings.Contains(page, string(r.report)) {
		t.Errorf("the page tells who took back, or what:\n%s", words(page))
	}
	ask := url.Values{"notice": {string(d.ID)}, "named": {"on"}}
	resp, err := broker.PostForm(r.URL+"/notices", ask)
	broker.shows(broker.body(http.StatusForbidden, resp, err), "Nothing was confirmed")
	ask.Set("token", formToken.FindStringSubmatch(page)[1])
	resp, err = broker.PostForm(r.URL+"/notices", ask)
	broker.shows(broker.body(http.StatusOK, resp, err), "what 1 notice names", "Confirmed")
	other := url.Values{"notice": {"d-none"}, "token": ask["token"]}
	resp, err = broker.PostForm(r.URL+"/notices", other)
	broker.shows(broker.body(http.StatusNotFound, resp, err), "Nothing was confirmed")
	for format, want := range map[string]string{"json": `"confirmed"`, "csv": "notice,kind,day,sectors,incidents,release,confirmed"} {
		if text := broker.page("/notices?format=" + format); !strings.Contains(text, want) || !strings.Contains(text, string(d.ID)) {
			t.Errorf("as %s it is %s", format, text)
		}
	}

	page = bank.page("/mine")
	bank.shows(page, "What was destroyed of it", "fewer than 5 of fewer than 5", "by name: Broker", string(r.report))
	ref := receiptRef.FindStringSubmatch(page)
	if ref == nil {
		t.Fatalf("no receipt is linked:\n%s", words(page))
	}
	if receipt := bank.page(ref[1]); !strings.Contains(receipt, wire.PayloadDestruction) {
		t.Errorf("the receipt is %.200s", receipt)
	}
	resp, err = broker.Get(r.URL + ref[1])
	broker.body(http.StatusNotFound, resp, err)

	page = broker.page("/sectors/finance/releases")
	broker.shows(page, "What was released of this sector was withdrawn")
	id := regexp.MustCompile(`href="(/releases/[^"?]*)`).FindStringSubmatch(page)
	if id == nil {
		t.Fatalf("the withdrawn release is not linked:\n%s", words(page))
	}
	broker.shows(broker.page(id[1]), "This release was withdrawn, and its files are gone", "It was cited as", "may not be kept any longer")
	resp, err = broker.Get(r.URL + id[1] + "/incidents.csv")
	broker.shows(broker.body(http.StatusGone, resp, err), "delete your copies")
}

// At its own desk a member chooses which reports of a contribution are to be
// destroyed; a request that the hub cannot take now waits there.
func TestAReportIsTakenBackAtTheDeskAndTheReceiptStaysThere(t *testing.T) {
	tr, seat := deskTrust(t, "finance")
	g := cutOff(seat)
	b := atDesk(t, seat)
	_, page := b.get("/recalls")
	b.shows(page, "Nothing of what you sent was destroyed")
	_, page = b.post("/write", theCase())
	_, page = b.post("/drafts/"+draftOf(page)+"/send", url.Values{})
	b.shows(page, "Sent: 1 report accepted")
	_, page = b.get("/outbox/1")
	if !strings.Contains(page, "/outbox/1/recall") {
		t.Fatalf("the contribution does not lead to taking it back:\n%s", words(page))
	}
	_, page = b.get("/outbox/1/recall")
	b.shows(page, "Choose the reports that the hub is to destroy", "This cannot be undone", "it was sent by mistake")
	report := regexp.MustCompile(`name="report" value="(r-[^"]*)"`).FindStringSubmatch(page)
	if report == nil {
		t.Fatalf("there is no report to choose:\n%s", words(page))
	}
	status, page := b.post("/outbox/1/recall", url.Values{"reason": {wire.ReasonMistake}})
	if b.shows(page, "Choose at least one report. Nothing was taken back."); status != http.StatusBadRequest {
		t.Errorf("without a choice: status %d", status)
	}
	// What is not of this contribution is not taken back here.
	status, _ = b.post("/outbox/1/recall", url.Values{"reason": {wire.ReasonMistake}, "report": {"r-another"}})
	if status != http.StatusBadRequest {
		t.Errorf("another's report: status %d", status)
	}
	g.cut.Store(&tr.URL)
	_, page = b.post("/outbox/1/recall", url.Values{"reason": {wire.ReasonMistake}, "report": {report[1]}})
	b.shows(page, "1 recall without a receipt yet", "waits for the hub")
	g.cut.Store(nil)
	_, page = b.get("/recalls")
	b.shows(page, "The hub signed for 1 destruction", "1 report destroyed", report[1])
	rows, err := tr.Hub.Store.ByMember(t.Context(), seat.Member.Agreement.Member.ID, 0, 10)
	if err != nil || len(rows) != 1 || !rows[0].Erased() {
		t.Errorf("at the hub there is %+v, %v", rows, err)
	}
}

// The pages about what was taken back hold what every page does: they can be
// read on a phone, in both colour schemes, without script.
func TestThePagesAboutTakingBackCanBeReadEverywhere(t *testing.T) {
	ctx := browser(t)
	r := newRecalling(t)
	r.recall(r.report)
	r.must(r.Hub.Withdraw(t.Context()))
	w := walk{t, ctx, artifacts(t), &watch{home: r.URL}}
	if err := chromedp.Listen(ctx, w.see); err != nil {
		t.Fatal(err)
	}
	act(t, ctx, command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	for _, c := range []struct {
		name string
		seat *Seat
		path string
		says string
	}{
		{"taken-back-notices", r.seats[2], "/notices", "Confirm that our copies of the chosen ones are deleted"},
		{"taken-back-releases", r.seats[2], "/sectors/finance/releases", "withdrawn"},
		{"taken-back-mine", r.seats[0], "/mine", "fewer than 5 of fewer than 5"},
	} {
		link, err := c.seat.Member.Hub.Login(t.Context(), wire.LoginRequest{Person: "analyst"})
		r.must(err)
		act(t, ctx, chromedp.Navigate(link.URL))
		w.press("main form button")
		if text := w.look(c.name, r.URL+c.path); !strings.Contains(text, c.says) {
			t.Errorf("%s does not say %q:\n%s", c.name, c.says, text)
		}
		if c.name == "taken-back-releases" {
			w.look("taken-back-release", w.link(`main a[href^="/releases/"]`))
		}
	}
}
