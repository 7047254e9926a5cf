package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/envelope"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/hub/receive"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	"github.com/concord-trust/concord/wire"
)

// withdrawEvery is how often the hub looks whether something is to be taken
// back: time that is over, holds that ended, releases that stand no more. It
// looks at once when somebody takes something back.
const withdrawEvery = 10 * time.Second

// withdrawTime bounds what is taken out before a recall is answered; the rest
// is taken out by the schedule, and answered from by no door meanwhile.
const withdrawTime = 20 * time.Second

// recalling lets the desk destroy reports, and the other rooms see it.
func (h *Hub) recalling(fail func(string)) {
	h.Desk.Recalls, h.Desk.Holding, h.Desk.BackupDays = h.Store, h.Store, h.config.Hub.BackupDays
	h.Desk.Given, h.Desk.AfterRecall = h.given, h.afterRecall
	h.Anonymise.Terms, h.Anonymise.Fail = h.terms, fail
	h.Analyse.Mark = h.mark
	h.Deliver.Withdrawals = h.Store
}

// renewals is the door with a bell that rings for what other terms take back.
type renewals struct {
	*admit.Door
	rings chan<- struct{}
}

// Renew takes a further agreement; see [admit.Door.Renew].
func (r renewals) Renew(ctx context.Context, signed []byte) ([]byte, error) {
	both, err := r.Door.Renew(ctx, signed)
	if err == nil {
		ring(r.rings)
	}
	return both, err
}

func ring(bell chan<- struct{}) {
	select {
	case bell <- struct{}{}:
	default: // it rings already
	}
}

// afterRecall takes out what was derived of destroyed reports, before that is
// answered. What fails is done by the schedule; no door answers from it.
func (h *Hub) afterRecall(ctx context.Context, receipt []byte) {
	h.logDestruction(receipt)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTime)
	defer cancel()
	if err := h.takeOut(ctx); err != nil {
		h.log.Warn("what was derived of destroyed reports is not all gone; it is tried again", "code", fault.Public(err).Code, "cause", err)
	}
	ring(h.tookBack)
}

// logDestruction logs what a receipt says, of no report more than that there
// was one.
func (h *Hub) logDestruction(receipt []byte) {
	d, err := readDestruction(receipt, h.sign.Public().(ed25519.PublicKey))
	if err != nil {
		h.log.Error("a receipt of destruction cannot be read", "cause", err)
		return
	}
	count := map[string]int{}
	for _, r := range d.Reports {
		count[r.Status]++
	}
	h.log.Info("reports destroyed", "recall", d.ID, "member", d.Member, "by", d.By, "reason", d.Reason,
		"destroyed", count[wire.Destroyed], "held", count[wire.Held], "before", count[wire.DestroyedBefore], "unknown", count[wire.Unknown])
}

// readDestruction opens a receipt of destruction.
func readDestruction(receipt []byte, hub ed25519.PublicKey) (d wire.Destruction, err error) {
	payload, _, err := envelope.Verify(receipt, wire.PayloadDestruction, func(id string) (ed25519.PublicKey, bool) { return hub, envelope.KeyID(hub) == id })
	if err == nil {
		err = wire.Decode(payload, &d)
	}
	return d, err
}

// takeOut takes out of incidents, releases and snapshots what was taken back.
func (h *Hub) takeOut(ctx context.Context) error {
	taken, err := h.Consolidate.TakeOut(ctx)
	failed := []error{err}
	gone, err := h.Anonymise.Withdraw(ctx)
	failed = append(failed, err)
	stale, err := h.Analyse.Stale(ctx)
	failed = append(failed, err)
	for _, sector := range stale {
		failed = append(failed, h.Store.BlankSnapshots(ctx, sector))
	}
	if taken > 0 {
		h.log.Info("taken out of what was derived", "reports", taken)
	}
	for _, id := range gone {
		h.log.Info("release withdrawn", "release", id)
	}
	return errors.Join(failed...)
}

// withdraw is the scheduled work about what is taken back. Each part of it does
// nothing the second time, so that several processes may do it at once.
func (h *Hub) withdraw(ctx context.Context) error {
	var failed []error
	members, err := h.Store.Members(ctx)
	if err != nil {
		return err
	}
	if _, err := h.Desk.Expire(ctx, members, h.kept); err != nil {
		failed = append(failed, fmt.Errorf("destroy what is over its time: %w", err))
	}
	if n, err := h.Desk.EndHolds(ctx); err != nil {
		failed = append(failed, fmt.Errorf("destroy what no hold keeps: %w", err))
	} else if n > 0 {
		h.log.Info("keys destroyed that no legal hold keeps any more", "members", n)
	}
	failed = append(failed, h.takeOut(ctx))
	stale, err := h.Analyse.Stale(ctx)
	failed = append(failed, err)
	for _, sector := range stale {
		_, err := h.Analyse.Take(ctx, sector)
		failed = append(failed, err)
	}
	return errors.Join(append(failed, h.Store.Forget(ctx))...)
}

// Withdraw does what the schedule does about what is taken back, now.
func (h *Hub) Withdraw(ctx context.Context) error { return h.withdraw(ctx) }

// Erase destroys reports of a member for the operator, and says what became of
// them.
func (h *Hub) Erase(ctx context.Context, m wire.MemberID, reports []wire.ReportID, reason string) (wire.Destruction, error) {
	receipt, err := h.Desk.Erase(ctx, m, reports, reason)
	if err != nil {
		return wire.Destruction{}, err
	}
	return readDestruction(receipt, h.sign.Public().(ed25519.PublicKey))
}

// ProposeHold proposes a legal hold for the operator, and logs it.
func (h *Hub) ProposeHold(ctx context.Context, of wire.MemberID, report wire.ReportID, reference string, until time.Time, approvers [2]wire.MemberID) (wire.Hold, error) {
	hold, err := h.Desk.Hold(ctx, of, report, reference, until, approvers)
	if err == nil {
		h.log.Info("legal hold proposed", "hold", hold.ID, "member", of, "until", hold.Until, "approvers", approvers)
	}
	return hold, err
}

// holds are what members sign about taking back, with approvals logged.
type holds struct {
	*receive.Desk
	hub *Hub
}

// Approve takes an approver's signed word; see [receive.Desk.Approve].
func (d holds) Approve(ctx context.Context, signed []byte) (wire.HoldState, error) {
	s, err := d.Desk.Approve(ctx, signed)
	if err == nil {
		d.hub.log.Info("legal hold approved", "hold", s.Hold.ID, "state", s.State, "begun", s.Begun, "ended", s.Ended)
		ring(d.hub.tookBack)
	}
	return s, err
}

// kept is the [receive.Kept] of the members' agreements and the sectors'
// policies. An agreement that ended still says how long reports are kept.
func (h *Hub) kept(ctx context.Context, m member.Member, sector string) (time.Duration, error) {
	span := time.Duration(0)
	for _, s := range h.config.Hub.Sectors {
		if s.Name == sector {
			span = time.Duration(s.Retention)
		}
	}
	sheet, err := h.terms.sheet(ctx, m)
	if err != nil || sheet == nil || sheet.Retention == 0 {
		return span, err
	}
	if own := time.Duration(sheet.Retention); span == 0 || own < span {
		span = own
	}
	return span, nil
}

// given lists for reports of one member who could have been given something of
// them: by any terms that held since.
func (h *Hub) given(ctx context.Context, reports []receive.Received) (map[wire.ReportID][]wire.MemberID, error) {
	all, err := h.recipients(ctx)
	if err != nil {
		return nil, err
	}
	who := deliver.NewRecipients(all)
	past, err := h.terms.past(ctx, reports[0].Row().Member)
	if err != nil {
		return nil, err
	}
	given := map[wire.ReportID][]wire.MemberID{}
	for _, rep := range reports {
		row := rep.Row()
		for _, m := range who.Of(rep, past.since(row.Agreement, standard.Ref(row.Standard))) {
			if !slices.Contains(given[row.Report], m) {
				given[row.Report] = append(given[row.Report], m)
			}
		}
	}
	return given, nil
}

// recipients are all members as each of their agreements has them, also those
// who may not come in now: they may have copies.
func (h *Hub) recipients(ctx context.Context) ([]deliver.Recipient, error) {
	members, err := h.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	var all []deliver.Recipient
	for _, m := range members {
		agreed, err := h.Store.Agreements(ctx, m.ID)
		if err != nil {
			return nil, err
		}
		for _, held := range agreed {
			a, err := agreement.Open(held.Signed, m.Key, h.terms.hubKey)
			if err != nil {
				return nil, fmt.Errorf("open an agreement of the record: %w", err)
			}
			to := deliver.Recipient{Member: a.Member.Recipient(), Purposes: a.Purposes}
			if a.Project != nil {
				to.Project = a.Project.ID
			}
			all = append(all, to)
		}
	}
	return all, nil
}

// Current finds the rules of the terms that a member signed last, whether or not
// its agreement has ended since: what was anonymised while it held stays; nil if
// they do not speak of the standard. It implements anonymise.TermsNow.
func (t *currentTerms) Current(ctx context.Context, m wire.MemberID, ref standard.Ref) (*terms.Rules, error) {
	held, err := t.store.Agreement(ctx, m)
	if err != nil {
		return nil, err
	}
	all, err := t.compiledOf(ctx, m, held.ID, held.Signed)
	return all[ref], err
}

// compiledOf compiles an agreement's terms once: it never changes.
func (t *currentTerms) compiledOf(ctx context.Context, of wire.MemberID, id wire.AgreementID, signed []byte) (map[standard.Ref]*terms.Rules, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if all, ok := t.compiled[id]; ok {
		return all, nil
	}
	m, err := t.store.Member(ctx, of)
	if err != nil {
		return nil, err
	}
	a, err := agreement.Open(signed, m.Key, t.hubKey)
	if err != nil {
		return nil, fmt.Errorf("open the agreement of a contributor: %w", err)
	}
	all := map[standard.Ref]*terms.Rules{}
	if a.Terms != nil {
		if all, err = t.compile(a); err != nil {
			return nil, err
		}
	}
	t.compiled[id] = all
	return all, nil
}

// sheet is the sheet of a member's newest agreement, nil if it has none.
func (t *currentTerms) sheet(ctx context.Context, m member.Member) (*terms.Sheet, error) {
	held, err := t.store.Agreement(ctx, m.ID)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := t.compiledOf(ctx, m.ID, held.ID, held.Signed)
	if err != nil {
		return nil, err
	}
	for _, rules := range all {
		return rules.Sheet(), nil // the same for each standard
	}
	return nil, nil
}

// pastTerms are the terms of all agreements that a member ever had, in the
// order in which they were made.
type pastTerms []pastRules

type pastRules struct {
	id    wire.AgreementID
	rules map[standard.Ref]*terms.Rules
}

func (t *currentTerms) past(ctx context.Context, m wire.MemberID) (pastTerms, error) {
	agreed, err := t.store.Agreements(ctx, m)
	if err != nil {
		return nil, err
	}
	all := make(pastTerms, len(agreed))
	for i, held := range agreed {
		all[i].id = held.ID
		if all[i].rules, err = t.compiledOf(ctx, m, held.ID, held.Signed); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// since lists the rules that held from an agreement on.
func (p pastTerms) since(id wire.AgreementID, ref standard.Ref) (under []*terms.Rules) {
	from := max(0, slices.IndexFunc(p, func(one pastRules) bool { return one.id == id }))
	for _, one := range p[from:] {
		if r := one.rules[ref]; r != nil {
			under = append(under, r)
		}
	}
	return under
}
