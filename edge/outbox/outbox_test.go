package outbox_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/edge/tokenise"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/report"
	"github.com/concord-trust/concord/wire"
)

var (
	memberKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	hubKey    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	sender    = wire.IDFrom[wire.MemberID]('m', [16]byte{1})
	begin     = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
)

func sealKey() *envelope.RecipientKey {
	k, err := envelope.ParseRecipientKey(bytes.Repeat([]byte{3}, envelope.RecipientKeySize))
	if err != nil {
		panic(err)
	}
	return k
}

// fileHub opens what it is sent and remembers it in a file: the least that a
// hub must do for the outbox's promise to hold. It answers a contribution
// that it knows with the same receipt.
type fileHub struct {
	dir string
	// before and after may fail a submission before it is stored, or its
	// answer; change may falsify a receipt before it is signed.
	before, after func() error
	change        func(*wire.Receipt)
	refuse        map[wire.ReportID]bool
	sent          [][]byte
}

type hubFile struct {
	Receipts map[wire.ContributionID][]byte
	// Accepted counts how often each revision of a report was accepted.
	Accepted map[string]int
	Contents map[string]report.Minimised
	Nil      int
}

func (h *fileHub) load() hubFile {
	f := hubFile{map[wire.ContributionID][]byte{}, map[string]int{}, map[string]report.Minimised{}, 0}
	data, err := os.ReadFile(filepath.Join(h.dir, "hub.json"))
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		panic(err)
	}
	return f
}

func (h *fileHub) save(f hubFile) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	path := filepath.Join(h.dir, "hub.json")
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (h *fileHub) Submit(_ context.Context, sealed []byte) ([]byte, error) {
	h.sent = append(h.sent, sealed)
	if h.before != nil {
		if err := h.before(); err != nil {
			return nil, err
		}
	}
	receipt, err := h.receive(sealed)
	if err == nil && h.after != nil {
		err = h.after()
	}
	return receipt, err
}

func (h *fileHub) receive(sealed []byte) ([]byte, error) {
	opened, err := envelope.OpenContribution(sealed, "hub.example", func(id string) (wire.MemberID, ed25519.PublicKey, error) {
		return sender, memberKey.Public().(ed25519.PublicKey), nil
	}, sealKey())
	if err != nil {
		return nil, err
	}
	var c report.Contribution
	if err := wire.Decode(opened.Plaintext, &c); err != nil {
		return nil, err
	}
	f := h.load()
	if known, ok := f.Receipts[c.ID]; ok {
		return known, nil
	}
	r := wire.Receipt{Contribution: c.ID, Member: c.Member, Hub: "hub.example", Received: begin.Format(time.RFC3339),
		Envelope: opened.Digest, Custody: wire.SingleCustody}
	for _, m := range c.Reports {
		id := fmt.Sprintf("%s/%d", m.ID, m.Revision)
		result := wire.Result{Report: m.ID, Status: wire.Accepted}
		switch {
		case h.refuse[m.ID]:
			result = wire.Result{Report: m.ID, Status: wire.Refused, Code: "report.code", Path: "victim.industry", Reason: "not in the code list"}
		case f.Accepted[id] > 0:
			result.Status = wire.Duplicate
			if fmt.Sprint(f.Contents[id]) != fmt.Sprint(m) {
				result = wire.Result{Report: m.ID, Status: wire.Refused, Code: "report.revision", Reason: "other contents under the same revision"}
			}
		default:
			f.Accepted[id]++
			f.Contents[id] = m
		}
		r.Results = append(r.Results, result)
	}
	for range c.Nil {
		f.Nil++
		r.Results = append(r.Results, wire.Result{Status: wire.Accepted})
	}
	if h.change != nil {
		h.change(&r)
	}
	payload, err := wire.Canonical(r)
	if err != nil {
		return nil, err
	}
	if f.Receipts[c.ID], err = envelope.Sign(wire.PayloadReceipt, payload, hubKey); err != nil {
		return nil, err
	}
	if h.change != nil {
		return f.Receipts[c.ID], nil // a hub that lies remembers nothing
	}
	return f.Receipts[c.ID], h.save(f)
}

func newOutbox(t testing.TB, dir string, hub outbox.Hub) *outbox.Outbox {
	t.Helper()
	return &outbox.Outbox{Queue: openQueue(t, dir), Hub: hub, Member: sender,
		Agreement: wire.IDFrom[wire.AgreementID]('a', [16]byte{1}), Sign: memberKey, IDs: bytes.Repeat([]byte{9}, 32),
		HubID: "hub.example", SealTo: sealKey().Public(), HubKey: hubKey.Public().(ed25519.PublicKey),
		Now: func() time.Time { return begin }, Random: rand.Reader,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

// cases are n reports with native ids from 1 on and a text each.
func cases(t testing.TB, n int, text string) []tokenise.Tokenised {
	t.Helper()
	var all []tokenise.Tokenised
	for i := range n {
		all = append(all, tokenised(t, fmt.Sprintf("case-%d", i+1), text))
	}
	return all
}

func put(t testing.TB, o *outbox.Outbox, reports []tokenise.Tokenised) []outbox.Placed {
	t.Helper()
	placed, err := o.Put(t.Context(), reports)
	if err != nil {
		t.Fatal(err)
	}
	if len(placed) != len(reports) {
		t.Fatalf("%d of %d reports were placed", len(placed), len(reports))
	}
	return placed
}

func deliver(t testing.TB, o *outbox.Outbox) outbox.Delivery {
	t.Helper()
	d, err := o.Deliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func counts(t testing.TB, o *outbox.Outbox) outbox.Counts {
	t.Helper()
	n, err := o.Queue.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatIsPutIsDeliveredOnceAndReceipted(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	o := newOutbox(t, dir, hub)
	placed := put(t, o, cases(t, 3, "A"))
	if n := counts(t, o); n.Waiting != 1 || n.Pending != 3 || !n.Oldest.Equal(begin) {
		t.Errorf("before delivery the queue counts %+v", n)
	}
	d := deliver(t, o)
	if d.Receipts != 1 || d.Accepted != 3 || d.Failed != 0 || d.Receipted[0] != placed[0].Contribution {
		t.Errorf("delivered %+v", d)
	}
	if n := counts(t, o); n.Waiting != 0 || n.Receipted != 1 || n.Accepted != 3 || n.Pending != 0 {
		t.Errorf("after delivery the queue counts %+v", n)
	}
	if d := deliver(t, o); d.Receipts != 0 || len(hub.sent) != 1 {
		t.Errorf("what has a receipt was sent again: %+v", d)
	}
	entries, err := o.Queue.Entries(t.Context(), 0, 10)
	if err != nil || len(entries) != 1 || len(entries[0].Receipt) == 0 || entries[0].Items[2].Result.Status != wire.Accepted {
		t.Errorf("the queue lists %+v (%v)", entries, err)
	}
}

func TestTheSameFileTwiceIsTheSameReport(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	o := newOutbox(t, dir, hub)
	first := put(t, o, cases(t, 3, "A"))
	second := put(t, o, cases(t, 3, "A")) // while the first still waits
	deliver(t, o)
	third := put(t, o, cases(t, 3, "A"))
	d := deliver(t, o)
	if d.Duplicate != 3 || d.Accepted+d.Refused != 0 {
		t.Errorf("sent again: %+v", d)
	}
	for i := range first {
		if first[i].Report != second[i].Report || first[i].Report != third[i].Report || third[i].Revision != 0 || !third[i].Again || first[i].Again {
			t.Errorf("report %d is %+v, %+v and %+v", i, first[i], second[i], third[i])
		}
	}
	for id, n := range hub.load().Accepted {
		if n != 1 {
			t.Errorf("%s was accepted %d times", id, n)
		}
	}
}

func TestChangedContentsAreTheNextRevision(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	o := newOutbox(t, dir, hub)
	a := put(t, o, cases(t, 2, "A"))
	b := put(t, o, cases(t, 2, "B"))
	again := put(t, o, cases(t, 2, "B"))
	if b[0].Report != a[0].Report || b[0].Revision != 1 || again[0].Revision != 1 {
		t.Errorf("the revisions are %d, %d and %d", a[0].Revision, b[0].Revision, again[0].Revision)
	}
	if d := deliver(t, o); d.Accepted != 4 || d.Duplicate != 2 {
		t.Errorf("delivered %+v", d)
	}
	f := hub.load()
	one, two := f.Contents[fmt.Sprintf("%s/0", a[0].Report)], f.Contents[fmt.Sprintf("%s/1", a[0].Report)]
	if one.Commitment == "" || one.Commitment == two.Commitment {
		t.Error("two contents have one commitment")
	}
	known, err := o.Queue.Known(t.Context(), []wire.ReportID{a[0].Report})
	if err != nil {
		t.Fatal(err)
	}
	k := known[a[0].Report]
	sum := sha256.Sum256(append(slices.Clone(k.Evidence.Nonce), k.Evidence.Native...))
	if hex.EncodeToString(sum[:]) != two.Commitment || k.Revision != 1 {
		t.Errorf("the evidence %+v does not open the commitment", k.Evidence)
	}
}

func TestAReportThatOccursTwiceInOneFileGetsTwoContributions(t *testing.T) {
	dir := t.TempDir()
	o := newOutbox(t, dir, &fileHub{dir: dir})
	placed := put(t, o, append(cases(t, 2, "A"), cases(t, 2, "B")...))
	if placed[0].Report != placed[2].Report || placed[0].Contribution == placed[2].Contribution || placed[2].Revision != 1 {
		t.Errorf("placed %+v", placed)
	}
	if d := deliver(t, o); d.Accepted != 4 || d.Receipts != 2 {
		t.Errorf("delivered %+v", d)
	}
}

func TestContributionsStayWithinTheirLimits(t *testing.T) {
	dir := t.TempDir()
	o := newOutbox(t, dir, &fileHub{dir: dir})
	placed := put(t, o, cases(t, report.MaxReports+1, "A"))
	if placed[0].Contribution == placed[report.MaxReports].Contribution {
		t.Error("more reports than allowed went into one contribution")
	}
	if d := deliver(t, o); d.Receipts != 2 || d.Accepted != report.MaxReports+1 {
		t.Errorf("delivered %+v", d)
	}
	waiting := put(t, o, []tokenise.Tokenised{tokenised(t, "big-1", strings.Repeat("A", 400)), tokenised(t, "big-2", strings.Repeat("B", 400))})
	if waiting[0].Contribution != waiting[1].Contribution {
		t.Error("small reports went apart")
	}
}

func TestNilReportsAreDeliveredAndReceipted(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	o := newOutbox(t, dir, hub)
	if _, err := o.PutNil(t.Context(), []report.Nil{{Sector: "finance", Period: "2026-Q3"}, {Sector: "health", Period: "2026-Q3"}}); err != nil {
		t.Fatal(err)
	}
	d := deliver(t, o)
	if d.Nil.Accepted != 2 || hub.load().Nil != 2 {
		t.Errorf("delivered %+v", d)
	}
	// What is said of nil reports stands beside what is said of reports.
	text, err := json.Marshal(d)
	var whole struct {
		Accepted     *int
		Reports, Nil struct{ Accepted int }
	}
	if err != nil || json.Unmarshal(text, &whole) != nil || whole.Accepted != nil || whole.Reports.Accepted != 0 || whole.Nil.Accepted != 2 {
		t.Errorf("in JSON it is %s, %v", text, err)
	}
	if _, err := o.PutNil(t.Context(), nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no nil reports at all: %v", err)
	}
}

func TestTheVerySameBytesAreSentUntilThereIsAReceipt(t *testing.T) {
	dir := t.TempDir()
	later := fault.New(fault.Unavailable, "http.unavailable", "the hub does not answer")
	faults := []error{later, later}
	hub := &fileHub{dir: dir}
	// The first two times the hub stores it and the answer is lost.
	hub.after = func() error {
		if len(faults) == 0 {
			return nil
		}
		err := faults[0]
		faults = faults[1:]
		return err
	}
	o := newOutbox(t, dir, hub)
	put(t, o, cases(t, 2, "A"))
	if d := deliver(t, o); d.Accepted != 2 || d.Receipts != 1 {
		t.Errorf("delivered %+v", d)
	}
	if len(hub.sent) != 3 || !bytes.Equal(hub.sent[0], hub.sent[1]) || !bytes.Equal(hub.sent[0], hub.sent[2]) {
		t.Errorf("sent %d times, not the same bytes", len(hub.sent))
	}
	for id, n := range hub.load().Accepted {
		if n != 1 {
			t.Errorf("%s counts %d times", id, n)
		}
	}
}

func TestDeliveryGivesUpForNowAndGoesOnLater(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir, before: func() error { return fault.New(fault.Unavailable, "http.unavailable", "the hub does not answer") }}
	o := newOutbox(t, dir, hub)
	o.Attempts = 3
	put(t, o, cases(t, 1, "A"))
	put(t, o, cases(t, 1, "B"))
	d, err := o.Deliver(t.Context())
	if fault.KindOf(err) != fault.Unavailable || d.Failed != 1 || len(hub.sent) != 3 {
		t.Errorf("sent %d times: %+v, %v", len(hub.sent), d, err)
	}
	entries, _ := o.Queue.Entries(t.Context(), 0, 10)
	if e := entries[1]; e.Attempts != 3 || !e.Tried.Equal(begin) || !strings.Contains(e.Problem, "does not answer") {
		t.Errorf("noted %d attempts: %q", e.Attempts, e.Problem)
	}
	hub.before = nil
	if d := deliver(t, o); d.Receipts != 2 {
		t.Errorf("later: %+v", d)
	}
}

func TestOneContributionThatTheHubDoesNotTakeHoldsUpNoOther(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	refused := 0
	hub.before = func() error {
		if len(hub.sent) == 1 {
			refused++
			return fault.New(fault.Forbidden, "agreement.expired", "the agreement ended")
		}
		return nil
	}
	o := newOutbox(t, dir, hub)
	put(t, o, cases(t, 1, "A"))
	put(t, o, cases(t, 1, "B"))
	d, err := o.Deliver(t.Context())
	if fault.Public(err).Code != "agreement.expired" || d.Receipts != 1 || d.Failed != 1 || refused != 1 {
		t.Errorf("delivered %+v, %v", d, err)
	}
	if d := deliver(t, o); d.Receipts != 1 {
		t.Errorf("it was not tried again: %+v", d)
	}
}

func TestRefusedReportsComeBackWithTheirReasons(t *testing.T) {
	dir := t.TempDir()
	hub := &fileHub{dir: dir}
	o := newOutbox(t, dir, hub)
	placed := put(t, o, cases(t, 3, "A"))
	hub.refuse = map[wire.ReportID]bool{placed[1].Report: true}
	d := deliver(t, o)
	if d.Accepted != 2 || d.Refused != 1 || len(d.Refusals) != 1 || d.Refusals[0].Path != "victim.industry" {
		t.Errorf("delivered %+v", d)
	}
	known, _ := o.Queue.Known(t.Context(), []wire.ReportID{placed[1].Report})
	if known[placed[1].Report].Result.Status != wire.Refused {
		t.Errorf("the queue knows %+v", known)
	}
	// Nothing is accepted at the hub, so the same revision can be sent again.
	hub.refuse = nil
	if again := put(t, o, cases(t, 3, "A")); again[1].Revision != 0 {
		t.Errorf("placed %+v", again)
	}
	if d := deliver(t, o); d.Accepted != 1 || d.Duplicate != 2 {
		t.Errorf("sent again: %+v", d)
	}
}

func TestOnlyAValidReceiptEndsTheWait(t *testing.T) {
	for name, change := range map[string]func(*wire.Receipt){
		"for another contribution":    func(r *wire.Receipt) { r.Contribution = wire.IDFrom[wire.ContributionID]('c', [16]byte{9}) },
		"for another member":          func(r *wire.Receipt) { r.Member = wire.IDFrom[wire.MemberID]('m', [16]byte{9}) },
		"of another hub":              func(r *wire.Receipt) { r.Hub = "elsewhere.example" },
		"over other bytes":            func(r *wire.Receipt) { r.Envelope = strings.Repeat("0", 64) },
		"that leaves a report out":    func(r *wire.Receipt) { r.Results = r.Results[1:] },
		"that answers a report twice": func(r *wire.Receipt) { r.Results[1] = r.Results[0] },
		"that answers another report": func(r *wire.Receipt) { r.Results[0].Report = wire.IDFrom[wire.ReportID]('r', [16]byte{9}) },
		"with an unknown status":      func(r *wire.Receipt) { r.Results[0].Status = "perhaps" },
		"with a nil report's answer":  func(r *wire.Receipt) { r.Results[0].Report = "" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			hub := &fileHub{dir: dir, change: change}
			o := newOutbox(t, dir, hub)
			put(t, o, cases(t, 2, "A"))
			d, err := o.Deliver(t.Context())
			if fault.Public(err).Code != "outbox.bad_receipt" || d.Receipts != 0 {
				t.Fatalf("delivered %+v, %v", d, err)
			}
			if n := counts(t, o); n.Waiting != 1 {
				t.Errorf("the queue counts %+v", n)
			}
			hub.change = nil
			if d := deliver(t, o); d.Accepted != 2 {
				t.Errorf("with a true receipt: %+v", d)
			}
		})
	}
	t.Run("signed by another", func(t *testing.T) {
		dir := t.TempDir()
		o := newOutbox(t, dir, &fileHub{dir: dir})
		o.HubKey = memberKey.Public().(ed25519.PublicKey)
		put(t, o, cases(t, 1, "A"))
		if _, err := o.Deliver(t.Context()); fault.Public(err).Code != "outbox.bad_receipt" {
			t.Errorf("%v", err)
		}
	})
}

func TestIDsAreTheMembersSecret(t *testing.T) {
	dir := t.TempDir()
	o := newOutbox(t, dir, &fileHub{dir: dir})
	a := put(t, o, cases(t, 1, "A"))
	other := t.TempDir()
	p := newOutbox(t, other, &fileHub{dir: other})
	p.IDs = bytes.Repeat([]byte{8}, 32)
	if b := put(t, p, cases(t, 1, "A")); a[0].Report == b[0].Report {
		t.Error("two members give one case the same id")
	}
	if !wire.ValidID('r', a[0].Report) || !wire.ValidID('c', a[0].Contribution) {
		t.Errorf("the ids are %+v", a[0])
	}
}

func TestAReportWithoutANativeIDIsKnownByItsContents(t *testing.T) {
	dir := t.TempDir()
	o := newOutbox(t, dir, &fileHub{dir: dir})
	a := put(t, o, []tokenise.Tokenised{tokenised(t, "", "A")})
	b := put(t, o, []tokenise.Tokenised{tokenised(t, "", "B")})
	again := put(t, o, []tokenise.Tokenised{tokenised(t, "", "A")})
	if a[0].Report == b[0].Report || a[0].Report != again[0].Report || !again[0].Again {
		t.Errorf("placed %+v, %+v, %+v", a, b, again)
	}
}
