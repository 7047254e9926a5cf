package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/concord-trust/concord/agreement"
	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/reconcile"
	"github.com/concord-trust/concord/standard"
	"github.com/concord-trust/concord/terms"
	weighed "github.com/concord-trust/concord/terms/reconcile"
	"github.com/concord-trust/concord/wire"
)

// measureEvery is how often the hub measures what flows of what is requested.
// It does at once when a request is filed or an offer answered.
const measureEvery = time.Hour

// reconciling makes the room that keeps requests.
func (h *Hub) reconciling() (*reconcile.Room, error) {
	weights, err := weighed.DefaultWeights()
	if err != nil {
		return nil, err
	}
	return &reconcile.Room{Store: h.Store, Trust: h.contributors, Standing: h.Door.Standing, Standards: h.sectorStandard, Weights: weights,
		Now: h.now, Rand: rand.Reader, Changed: func() { ring(h.requested) }}, nil
}

// sectorStandard is the standard by which a sector collects.
func (h *Hub) sectorStandard(sector string) (*standard.Standard, error) {
	for _, s := range h.config.Hub.Sectors {
		if s.Name == sector {
			return h.standards.find(standard.Ref(s.Standard))
		}
	}
	return nil, fault.New(fault.NotFound, "sector.unknown", "the hub serves no sector %q", sector)
}

// contributors lists who contributes to which sector, under the agreement that
// was signed last. Whose agreement has ended contributes nothing more; of those
// who are suspended nobody asks anything.
func (h *Hub) contributors(ctx context.Context) ([]reconcile.Contributor, error) {
	members, err := h.Store.Members(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := h.Store.ReportsHeld(ctx)
	if err != nil {
		return nil, err
	}
	var all []reconcile.Contributor
	for _, m := range members {
		held, err := h.Store.Agreement(ctx, m.ID)
		if fault.KindOf(err) == fault.NotFound || err == nil && (m.Suspended || !h.now().Before(held.End())) {
			continue
		}
		if err != nil {
			return nil, err
		}
		a, err := agreement.Open(held.Signed, m.Key, h.terms.hubKey)
		if err != nil {
			return nil, fmt.Errorf("open the agreement of a contributor: %w", err)
		}
		compiled, err := h.terms.compiledOf(ctx, m.ID, held.ID, held.Signed)
		if err != nil {
			return nil, err
		}
		for _, sector := range slices.Sorted(maps.Keys(a.Standards)) {
			all = append(all, reconcile.Contributor{Member: m, Agreement: held.ID, Sheet: a.Terms, Rules: compiled[a.Standards[sector]], Sector: sector,
				From: a.From, Until: held.End(), Reports: counts[m.ID][sector]})
		}
	}
	return all, nil
}

// Measure measures what flows of all open requests, now.
func (h *Hub) Measure(ctx context.Context) ([]weighed.Flow, error) { return h.Reconcile.Measure(ctx) }

// measure is [Hub.Measure] as scheduled work.
func (h *Hub) measure(ctx context.Context) error {
	_, err := h.Reconcile.Measure(ctx)
	return err
}

// Proposal is an offer as the member's own side reads it: what would change of
// the sheet that it signed.
type Proposal struct {
	reconcile.OfferToMe
	Request reconcile.ToMe     `json:"request"`
	Changes []weighed.Sentence `json:"changes"`
	sheet   *terms.Sheet
}

// Proposals lists what offers ask of the member.
func (m *Member) Proposals(ctx context.Context) ([]Proposal, error) {
	requests, err := m.Hub.Offers(ctx)
	if err != nil {
		return nil, err
	}
	all := []Proposal{}
	for _, r := range requests {
		for _, o := range r.Offers {
			p := Proposal{OfferToMe: o, Request: r, sheet: o.Sheet}
			p.Request.Offers = nil
			if p.Changes, err = m.changes(r.Sector, o.Sheet); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// Proposal finds an offer by its id.
func (m *Member) Proposal(ctx context.Context, id string) (Proposal, error) {
	all, err := m.Proposals(ctx)
	if err != nil {
		return Proposal{}, err
	}
	i := slices.IndexFunc(all, func(p Proposal) bool { return p.ID == id })
	if i < 0 {
		return Proposal{}, fault.New(fault.Usage, "offer.not_found", "there is no offer %q that asks anything of you now; `concord member offers list` shows those that there are", id)
	}
	return all[i], nil
}

// changes says, in sentences of its own, what a draft changes of the sheet that
// the member signed. The hub drafts it and is not believed: a draft that takes
// a clause away or changes anything but the fields and form of one is refused.
func (m *Member) changes(sector string, draft *terms.Sheet) ([]weighed.Sentence, error) {
	bad := fault.New(fault.Invalid, "offer.draft", "the draft that came with the offer changes more than it may; nothing was signed. Ask the hub's operator")
	now := m.Agreement.Terms
	if now == nil {
		now = &terms.Sheet{}
	}
	if draft == nil {
		return nil, bad
	}
	if err := draft.Check(); err != nil {
		return nil, bad.Because(err)
	}
	if draft.Version != now.Version+1 || draft.Title != now.Title || draft.Retention != now.Retention || len(draft.Clauses) < len(now.Clauses) {
		return nil, bad
	}
	std, err := m.standardOf(sector)
	if err != nil {
		return nil, err
	}
	var all []weighed.Sentence
	for i, c := range draft.Clauses {
		if i >= len(now.Clauses) {
			all = append(all, weighed.Sentence{Clause: c.ID, Text: terms.Sentence(c, std)})
			continue
		}
		same := c
		same.Fields, same.Form = now.Clauses[i].Fields, now.Clauses[i].Form
		if !alike(same, now.Clauses[i]) {
			return nil, bad
		}
		if c.Form != now.Clauses[i].Form || !slices.Equal(c.Fields, now.Clauses[i].Fields) {
			all = append(all, weighed.Sentence{Clause: c.ID, Text: terms.Sentence(c, std), Widened: true})
		}
	}
	return all, nil
}

// alike reports whether two clauses say the same.
func alike(a, b terms.Clause) bool {
	one, err := wire.Canonical(a)
	if err != nil {
		return false
	}
	other, err := wire.Canonical(b)
	return err == nil && bytes.Equal(one, other)
}

// standardOf is the standard of a sector of the member's.
func (m *Member) standardOf(sector string) (*standard.Standard, error) {
	ref, ok := m.Agreement.Standards[sector]
	if !ok {
		return nil, fault.New(fault.Invalid, "offer.sector", "your agreement does not speak of the sector %q", sector)
	}
	if rules := m.rules[ref]; rules != nil {
		return rules.Standard(), nil
	}
	return standard.Builtin(ref)
}

// AcceptOffer makes the next version of the member's sheet, keeps it, signs the
// agreement anew with it, and tells the hub.
func (m *Member) AcceptOffer(ctx context.Context, p Proposal) (agreement.Agreement, error) {
	text, err := json.MarshalIndent(p.sheet, "", "  ")
	if err != nil {
		return agreement.Agreement{}, err
	}
	file := m.Config.Path(fmt.Sprintf("terms-%d.json", p.sheet.Version))
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		return agreement.Agreement{}, fault.New(fault.Unavailable, "offer.unwritable", "the sheet cannot be written; nothing was signed").At(file).Because(err)
	}
	a, err := m.Renew(ctx, Renewal{Sheet: file})
	if err != nil {
		return a, err
	}
	return a, m.Hub.AnswerOffer(ctx, wire.OfferAnswer{Offer: p.ID, Verdict: wire.OfferAccepted})
}

// RefuseOffer tells the hub that the member will not concede what an offer asks.
func (m *Member) RefuseOffer(ctx context.Context, id, reason string) error {
	if !slices.Contains(wire.RefusalReasons(), reason) {
		return fault.New(fault.Usage, "offer.reason", "--reason is one of %s", strings.Join(wire.RefusalReasons(), ", "))
	}
	return m.Hub.AnswerOffer(ctx, wire.OfferAnswer{Offer: id, Verdict: wire.OfferRefused, Reason: reason})
}
