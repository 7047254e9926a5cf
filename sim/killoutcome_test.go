package sim

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-trust/concord/edge/outbox"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/hub/consolidate"
	"github.com/concord-trust/concord/node"
	"github.com/concord-trust/concord/wire"
)

// revision is one revision of a report in the hub's record.
type revision struct {
	member   wire.MemberID
	report   wire.ReportID
	revision int
}

// outcome is what is in the record and in the outboxes after a run.
type outcome struct {
	kills, stages int
	// rows are the contributions that brought each revision.
	rows map[revision][]wire.ContributionID
	// receipted are the contributions whose receipts say that they did.
	receipted map[revision][]wire.ContributionID
	// incidents are the reports of each, as text.
	incidents []string
	sizes     map[int]int
	counts    consolidate.Counts
	nils      int
	queues    []outbox.Counts
}

// inspect reads the record and the outboxes as the processes left them.
func (r *killed) inspect() outcome {
	r.t.Helper()
	ctx := r.t.Context()
	o := outcome{kills: r.kills, stages: r.stages, rows: map[revision][]wire.ContributionID{}, receipted: map[revision][]wire.ContributionID{}, sizes: map[int]int{}}
	must := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	config, err := node.LoadConfig(r.config("hub"))
	must(err)
	hub, err := node.OpenHub(ctx, config, time.Now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(err)
	defer hub.Close()
	_, err = hub.Consolidate.Run(ctx)
	must(err)
	for after := int64(0); ; {
		rows, err := hub.Store.After(ctx, after, 500)
		must(err)
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			k := revision{row.Member, row.Report, row.Revision}
			o.rows[k] = append(o.rows[k], row.Contribution)
			if !row.Superseded {
				_, err := hub.Consolidate.Open(row)
				must(err)
			}
			after = row.Seq
		}
	}
	groups := map[wire.IncidentID][]string{}
	must(hub.Consolidate.Membership(ctx, func(k consolidate.ReportKey, i wire.IncidentID) error {
		groups[i] = append(groups[i], string(k.Member)+"/"+string(k.Report))
		return nil
	}))
	for _, g := range groups {
		slices.Sort(g)
		o.incidents = append(o.incidents, strings.Join(g, " "))
		o.sizes[len(g)]++
	}
	slices.Sort(o.incidents)
	o.counts, err = hub.Consolidate.Counts(ctx)
	must(err)
	nils, err := hub.Store.NilReports(ctx, "finance", "")
	must(err)
	o.nils = len(nils)
	for m := range tellers {
		r.inspectMember(&o, m)
	}
	return o
}

// inspectMember reads a member's outbox; delivering again checks nothing is
// left, and each receipt is verified anew.
func (r *killed) inspectMember(o *outcome, m int) {
	r.t.Helper()
	ctx := r.t.Context()
	config, err := node.LoadConfig(r.config(memberDir(m)))
	if err != nil {
		r.t.Fatal(err)
	}
	edge, err := node.OpenMember(ctx, config, time.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	defer edge.Close()
	counts, err := edge.Store.Counts(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	o.queues = append(o.queues, counts)
	for before := int64(0); ; {
		entries, err := edge.Store.Entries(ctx, before, 100)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		for _, e := range entries {
			before = e.Seq
			if len(e.Receipt) == 0 {
				continue // counted as waiting
			}
			receipt := verifyReceipt(r.t, e.Receipt, config.Member.Hub.SignKey)
			if receipt.Contribution != e.ID || receipt.Member != config.Member.Hub.Member || len(receipt.Results) != len(e.Items)+len(e.Nil) {
				r.t.Errorf("the receipt of %s is about something else: %+v", e.ID, receipt)
			}
			status := map[wire.ReportID]wire.Status{}
			for _, result := range receipt.Results {
				status[result.Report] = result.Status
			}
			for _, it := range e.Items {
				if status[it.Report] == wire.Accepted {
					k := revision{receipt.Member, it.Report, it.Revision}
					o.receipted[k] = append(o.receipted[k], e.ID)
				}
			}
		}
	}
}

// check says what is wrong with an outcome, whatever was sent.
func (o outcome) check() (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for k, by := range o.receipted {
		if len(by) != 1 {
			say("%v was accepted %d times", k, len(by))
		}
		if !slices.Contains(o.rows[k], by[0]) {
			say("%v was acknowledged in %s and is lost; the record has it of %v", k, by[0], o.rows[k])
		}
	}
	for k, by := range o.rows {
		if len(by) != 1 {
			say("%v stands %d times in the record", k, len(by))
		}
		if len(o.receipted[k]) == 0 {
			say("the record counts %v, and its member holds no receipt that says so", k)
		}
	}
	for m, q := range o.queues {
		if q.Waiting != 0 || q.Pending != 0 || q.Refused != 0 {
			say("the outbox of member %d is not empty: %+v", m+1, q)
		}
	}
	if o.nils != tellers {
		say("%d nil reports are recorded of %d members", o.nils, tellers)
	}
	return wrong
}

// same says what differs from the undisturbed run.
func (o outcome) same(want outcome) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for k := range want.rows {
		if len(o.rows[k]) == 0 {
			say("%v is not in the record", k)
		}
	}
	for k := range o.rows {
		if len(want.rows[k]) == 0 {
			say("%v is in the record, and nobody sent it", k)
		}
	}
	if o.counts != want.counts {
		say("the hub counts %+v; undisturbed %+v", o.counts, want.counts)
	}
	if !slices.Equal(o.incidents, want.incidents) {
		say("other reports are joined than in the undisturbed run: %v and %v by size", o.sizes, want.sizes)
	}
	return wrong
}

// control shows that a loss, a double count and a wrong join would be seen.
func (o outcome) control(t *testing.T) {
	t.Helper()
	for name, spoil := range map[string]func(o *outcome, some revision){
		"a report lost":           func(o *outcome, some revision) { delete(o.rows, some) },
		"a report stored twice":   func(o *outcome, some revision) { o.rows[some] = append(o.rows[some], "c-other") },
		"a report accepted twice": func(o *outcome, some revision) { o.receipted[some] = append(o.receipted[some], "c-other") },
		"a receipt lost":          func(o *outcome, some revision) { delete(o.receipted, some) },
		"a contribution waiting":  func(o *outcome, _ revision) { o.queues[0].Waiting++ },
		"a nil report lost":       func(o *outcome, _ revision) { o.nils-- },
	} {
		spoilt := o
		spoilt.rows, spoilt.receipted, spoilt.queues = maps.Clone(o.rows), maps.Clone(o.receipted), slices.Clone(o.queues)
		for some := range o.rows {
			spoil(&spoilt, some)
			break
		}
		if len(spoilt.check()) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
	spoilt := o
	spoilt.incidents = append(slices.Clone(o.incidents[1:]), o.incidents[0]+" "+o.incidents[1])
	if len(spoilt.same(o)) == 0 {
		t.Error("reports joined otherwise are not seen")
	}
}

// complain fails the test with what is wrong.
func complain(t *testing.T, wrong ...[]string) {
	t.Helper()
	for _, w := range slices.Concat(wrong...) {
		t.Error(w)
	}
}

func (o outcome) joined() (n int) {
	for size, count := range o.sizes {
		if size > 1 {
			n += count
		}
	}
	return n
}

func (o outcome) corrected() (n int) {
	for k := range o.rows {
		if k.revision > 0 {
			n++
		}
	}
	return n
}

// verifyReceipt holds a receipt to the hub's key that the member pinned.
func verifyReceipt(t *testing.T, signed []byte, hubKey string) (r wire.Receipt) {
	t.Helper()
	key, err := envelope.ParsePublic(hubKey)
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := envelope.Verify(signed, wire.PayloadReceipt, func(id string) (ed25519.PublicKey, bool) { return key, id == envelope.KeyID(key) })
	if err == nil {
		err = wire.Decode(payload, &r)
	}
	if err != nil {
		t.Errorf("a receipt does not verify: %v", err)
	}
	return r
}
