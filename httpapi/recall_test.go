package httpapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/httpapi"
	"github.com/concord-trust/concord/wire"
)

// sends delivers a contribution of one report and returns its id.
func (p *party) sends() wire.ReportID {
	p.t.Helper()
	receipt, err := p.Submit(p.ctx, p.envelope())
	if err != nil {
		p.t.Fatal(err)
	}
	payload, _, err := envelope.Verify(receipt, wire.PayloadReceipt, p.byHub())
	if err != nil {
		p.t.Fatal(err)
	}
	var r wire.Receipt
	if err := wire.Decode(payload, &r); err != nil {
		p.t.Fatal(err)
	}
	return r.Results[0].Report
}

func (p *party) byHub() envelope.Lookup {
	key := p.desk.Sign.Public().(ed25519.PublicKey)
	return func(id string) (ed25519.PublicKey, bool) { return key, id == envelope.KeyID(key) }
}

// recalling signs a request to destroy reports.
func (p *party) recalling(reports ...wire.ReportID) []byte {
	p.t.Helper()
	id, err := wire.NewID[wire.RecallID]('d', rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := wire.Canonical(wire.RecallRequest{ID: id, Member: p.agreement.Member.ID, Hub: hubID, Made: p.clock().Format(time.RFC3339), Reports: reports, Reason: wire.ReasonOther})
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := envelope.Sign(wire.PayloadRecall, payload, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return signed
}

func TestARecallIsAskedByASignatureAloneAndItsReceiptIsTheContributors(t *testing.T) {
	h := newHouse(t)
	bank, other := h.joins("bank", "finance"), h.joins("other", "finance")
	report := bank.sends()
	request := bank.recalling(report)
	receipt, err := bank.TakeBack(h.ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := envelope.Verify(receipt, wire.PayloadDestruction, bank.byHub())
	var d wire.Destruction
	if err == nil {
		err = wire.Decode(payload, &d)
	}
	if err != nil || d.Reports[0].Report != report || d.Reports[0].Status != wire.Destroyed {
		t.Fatalf("the receipt says %+v, %v", d, err)
	}
	// The same over any way: no credential is asked for, and nothing is changed.
	if again := h.ask("POST", "/v1/recalls", string(request), "Content-Type", "application/json"); again.StatusCode != http.StatusOK || again.body != string(receipt) {
		t.Errorf("again it answers %s %s", again.Status, again.body)
	}
	mine, err := bank.MyRecalls(h.ctx)
	if err != nil || len(mine) != 1 || string(mine[0].Receipt) != string(receipt) || mine[0].ID != d.ID {
		t.Errorf("the contributor is told %+v, %v", mine, err)
	}
	if theirs, err := other.MyRecalls(h.ctx); err != nil || len(theirs) != 0 {
		t.Errorf("another member is told %+v, %v", theirs, err)
	}
	for _, path := range []string{"/v1/me/recalls", "/v1/notices", "/v1/holds"} {
		wantProblem(t, path, h.ask("GET", path, ""), http.StatusUnauthorized, "credential.missing")
	}
	wantProblem(t, "confirming without a credential", h.ask("POST", "/v1/notices", `{"all":true}`, "Content-Type", "application/json"), http.StatusUnauthorized, "credential.missing")
	wantProblem(t, "confirming by a credential that reads", h.ask("POST", "/v1/notices", `{"all":true}`, "Content-Type", "application/json",
		"Authorization", "Concord "+other.credential(hubID, httpapi.ScopeRead)), http.StatusForbidden, "credential.other_scope")
	wantProblem(t, "an unknown notice", h.ask("POST", "/v1/notices", `{"notices":["d-1"]}`, "Content-Type", "application/json",
		"Authorization", "Concord "+other.credential(hubID, httpapi.ScopeConfirm)), http.StatusNotFound, "notice.not_found")
	if _, err := other.TakeBack(h.ctx, other.recalling(report)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another member recalls it: %v", err)
	}
	for name, body := range map[string]string{"no JSON": "{", "no envelope": "{}", "an envelope of something else": string(bank.envelope())} {
		r := h.ask("POST", "/v1/recalls", body, "Content-Type", "application/json")
		if r.StatusCode < 400 || r.StatusCode >= 500 || strings.Contains(h.log.String(), "request failed") {
			t.Errorf("%s: %s %s", name, r.Status, r.body)
		}
	}
	if _, err := other.Holds(h.ctx); err != nil {
		t.Error(err)
	}
}
