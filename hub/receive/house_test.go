package receive_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/store"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

var epoch = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// house is a hub's door and desk over a real record, with a clock that the
// test turns.
type house struct {
	t      testing.TB
	ctx    context.Context
	path   string
	record *store.Hub
	door   *admit.Door
	desk   *receive.Desk
	seal   *envelope.RecipientKey
	now    time.Time
}

const hubID = "hub-test"

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, ctx: t.Context(), now: epoch, path: filepath.Join(t.TempDir(), "hub.db")}
	var err error
	if h.record, err = store.OpenHub(h.ctx, h.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.record.Close() })
	if h.seal, err = envelope.GenerateRecipientKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	sign, clock := newKey(t), func() time.Time { return h.now }
	h.door = &admit.Door{
		Hub: hubID, Record: h.record, Sign: sign, Policy: "policy-1", Undertakings: []string{"Keep to the markings."},
		Sectors:  map[string]standard.Ref{"finance": "finance/1.0", "health": "health/1.0"},
		Standard: standard.Builtin, Now: clock, Rand: rand.Reader,
	}
	key, err := receive.NewRecordKey(bytes.Repeat([]byte{3}, receive.RecordKeySize))
	if err != nil {
		t.Fatal(err)
	}
	h.desk = &receive.Desk{
		Hub: hubID, Open: []*envelope.RecipientKey{h.seal}, Sign: sign, Key: key, Record: h.record, Admit: h.door,
		Standard: standard.Builtin, Now: clock, Rand: rand.Reader, Skew: receive.DefaultSkew,
		Recalls: h.record, Holding: h.record,
	}
	return h
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	key, err := envelope.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func fresh[T ~string](t testing.TB, prefix byte) T {
	t.Helper()
	id, err := wire.NewID[T](prefix, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// party is a member with what it holds after joining.
type party struct {
	*house
	key       ed25519.PrivateKey
	agreement agreement.Agreement
}

// joins makes a member of sectors; no sheet: it only receives.
func (h *house) joins(name, sheet string, sectors ...string) *party {
	h.t.Helper()
	card := admit.Card{Name: name, Stake: member.Industry, Kind: "firm", OwnerGroup: wire.OwnerGroup("g-" + name), Sectors: sectors}
	code, _, err := h.door.Invite(h.ctx, card, h.now.Add(time.Hour))
	if err != nil {
		h.t.Fatal(err)
	}
	p := &party{house: h, key: newKey(h.t)}
	if p.agreement, err = h.door.Offer(h.ctx, code); err != nil {
		h.t.Fatal(err)
	}
	p.agreement.Member.Key = p.key.Public().(ed25519.PublicKey)
	if sheet != "" {
		if p.agreement.Terms, err = terms.Builtin(sheet); err != nil {
			h.t.Fatal(err)
		}
	}
	if _, err := h.door.Join(h.ctx, code, p.signed()); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (p *party) signed() []byte {
	p.t.Helper()
	signed, err := agreement.Sign(p.agreement, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return signed
}

func (h *house) bank() *party { h.t.Helper(); return h.joins("bank", "default", "finance") }

func (p *party) id() wire.MemberID { return p.agreement.Member.ID }

// token stands for what a steward would make of a name.
func token(name string) string {
	b := make([]byte, report.TokenSize)
	copy(b, name)
	return base64.RawURLEncoding.EncodeToString(b)
}

func said(path string, row int, form, value string) report.Said {
	f, err := standard.ParseForm(form)
	if err != nil {
		panic(err)
	}
	return report.Said{Path: path, Row: row, Form: f, Value: value}
}

// reported is a report in forms that the default terms let leave.
func (h *house) reported(victim string) report.Minimised {
	return report.Minimised{
		ID: fresh[wire.ReportID](h.t, 'r'), Sector: "finance", Standard: "finance/1.0",
		Said: []report.Said{
			said("victim.victim_id", 0, "token", token(victim)),
			said("victim.industry", 0, "generalised:subsector", "522"),
			said("victim.country", 0, "exact", "US"),
			said("timeline.incident", 0, "generalised:day", "2026-02-03"),
			said("impact.ransom.paid", 0, "counted", "1500.5"),
		},
		Observables: []report.Seen{{Type: "domain", Value: "login.example.net", Token: token("login.example.net")}},
	}
}

// contributes makes a contribution of the party, at the hub's time.
func (p *party) contributes(reports ...report.Minimised) report.Contribution {
	return report.Contribution{
		ID: fresh[wire.ContributionID](p.t, 'c'), Member: p.id(), Hub: hubID, Agreement: p.agreement.ID,
		Made: p.now.Format(time.RFC3339), Reports: reports,
	}
}

func plaintext(t testing.TB, c report.Contribution) []byte {
	t.Helper()
	plain, err := wire.Canonical(c)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// sealed puts a plaintext into an envelope as the party's edge does.
func (p *party) sealed(plain []byte) []byte {
	p.t.Helper()
	return sealedFor(p.t, p.seal.Public(), hubID, p.id(), plain, p.key)
}

func sealedFor(t testing.TB, to envelope.RecipientPublic, hub string, from wire.MemberID, plain []byte, key ed25519.PrivateKey) []byte {
	t.Helper()
	sealed, err := envelope.SealContribution(to, hub, from, plain, key)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// receipt opens a receipt as the member's outbox does.
func (h *house) receipt(signed []byte) wire.Receipt {
	h.t.Helper()
	hub := h.desk.Sign.Public().(ed25519.PublicKey)
	payload, _, err := envelope.Verify(signed, wire.PayloadReceipt, func(id string) (ed25519.PublicKey, bool) { return hub, id == envelope.KeyID(hub) })
	if err != nil {
		h.t.Fatalf("the receipt does not verify: %v", err)
	}
	var r wire.Receipt
	if err := wire.Decode(payload, &r); err != nil {
		h.t.Fatal(err)
	}
	return r
}

// sends delivers a contribution that is taken as a whole.
func (p *party) sends(c report.Contribution) wire.Receipt {
	p.t.Helper()
	return p.sendsText(plaintext(p.t, c))
}

func (p *party) sendsText(plain []byte) wire.Receipt {
	p.t.Helper()
	signed, err := p.desk.Receive(p.ctx, p.sealed(plain))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.receipt(signed)
}

// answers writes results as the tests compare them: "accepted", or
// "refused report.sector at sector".
func answers(r wire.Receipt) []string {
	var all []string
	for _, x := range r.Results {
		text := string(x.Status)
		if x.Code != "" || x.Path != "" {
			text += " " + x.Code + " at " + x.Path
		}
		all = append(all, text)
	}
	return all
}

func wantAnswers(t testing.TB, r wire.Receipt, want ...string) {
	t.Helper()
	if got := answers(r); !slices.Equal(got, want) {
		t.Errorf("the receipt says %q, want %q", got, want)
	}
	for _, x := range r.Results {
		if (x.Status == wire.Refused) != (x.Code != "" && x.Reason != "") {
			t.Errorf("a refusal has a code and a reason, nothing else has: %+v", x)
		}
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	f := fault.Public(err)
	if err == nil || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v (%v, %s), want %v, %s", err, f.Kind, f.Code, kind, code)
	}
}

// rows reads all of the record.
func (h *house) rows() []receive.Row {
	h.t.Helper()
	rows, err := h.record.After(h.ctx, 0, 10_000)
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}
