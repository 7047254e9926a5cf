package notify

import (
	"context"
	"time"

	"github.com/concord-trust/concord/fault"
	"github.com/concord-trust/concord/hub/admit"
	"github.com/concord-trust/concord/member"
	"github.com/concord-trust/concord/wire"
)

// Add makes a webhook of a member. It is told of what is new from now on; the
// first that it gets is a hello.
func (r *Room) Add(ctx context.Context, s admit.Standing, ask wire.WebhookRequest) (wire.Webhook, error) {
	purpose := member.Purpose(ask.Purpose)
	if purpose == "" {
		allowed := s.Purposes()
		if len(allowed) == 0 {
			return wire.Webhook{}, fault.New(fault.Forbidden, "purpose.none", "your agreement allows no purpose")
		}
		purpose = allowed[0]
	}
	v, err := s.Viewer(purpose)
	if err != nil {
		return wire.Webhook{}, err
	}
	if _, err := r.Deliver.Sector(v, ask.Sector); err != nil {
		return wire.Webhook{}, err
	}
	u, err := r.checkURL(ctx, ask.URL)
	if err != nil {
		return wire.Webhook{}, err
	}
	now := r.now().Truncate(time.Second)
	w := Webhook{Member: v.Member.ID, Sector: ask.Sector, Purpose: purpose, URL: u, Created: now, Pending: 1}
	if w.ID, err = wire.NewID[wire.WebhookID]('w', r.Rand); err != nil {
		return wire.Webhook{}, err
	}
	hello, err := r.event(Hello, 0, 0)
	if err != nil {
		return wire.Webhook{}, err
	}
	told := map[Kind]int64{}
	for _, k := range kinds() {
		there, err := r.see(ctx, v, ask.Sector, k)
		if err != nil {
			return wire.Webhook{}, err
		}
		told[k] = there.last()
	}
	if err := r.Webhooks.AddWebhook(ctx, w, told, hello, MaxWebhooks); err != nil {
		return wire.Webhook{}, err
	}
	return shown(w), nil
}

// List tells a member of its webhooks.
func (r *Room) List(ctx context.Context, m wire.MemberID) (wire.Webhooks, error) {
	all, err := r.Webhooks.WebhooksOf(ctx, m)
	if err != nil {
		return wire.Webhooks{}, err
	}
	out := wire.Webhooks{Webhooks: make([]wire.Webhook, len(all))}
	for i, w := range all {
		out.Webhooks[i] = shown(w)
	}
	return out, nil
}

// Remove ends a webhook of a member. A request that is on its way may still
// arrive.
func (r *Room) Remove(ctx context.Context, m wire.MemberID, id wire.WebhookID) error {
	return r.Webhooks.RemoveWebhook(ctx, m, id)
}

func shown(w Webhook) wire.Webhook {
	out := wire.Webhook{ID: w.ID, URL: w.URL, Sector: w.Sector, Purpose: string(w.Purpose), Created: w.Created.UTC().Format(time.RFC3339),
		State: wire.WebhookLive, Pending: w.Pending}
	since := w.Failing
	switch {
	case !w.Dead.IsZero():
		out.State, since = wire.WebhookDead, w.Dead
	case !w.Failing.IsZero():
		out.State = wire.WebhookFailing
	default:
		return out
	}
	out.Since, out.Code, out.Reason = since.UTC().Format(time.RFC3339), w.Reason, Reason(w.Reason)
	return out
}

func (r *Room) event(k Kind, after, upTo int64) (Event, error) {
	id, err := wire.NewID[wire.EventID]('e', r.Rand)
	return Event{ID: id, Kind: k, After: after, UpTo: upTo, Made: r.now().Truncate(time.Second)}, err
}
